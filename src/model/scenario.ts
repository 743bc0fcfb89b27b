/** Scenario files, `seamlock/scenario@1`: which processes run, on how much, and how the host behaves. */
import { parse as parseScalar } from "yaml";
import { z } from "zod";
import { SeamlockError } from "../errors.ts";
import { checkKind, invalidField, readYaml } from "../host/index.ts";
import { fieldAt, fieldFault } from "../text.ts";
import { POLICIES } from "./remover.ts";
import { PAGE_STATES } from "./sept.ts";

const text = z.string().min(1);
const size = (max: number) => z.int().min(1).max(max);

const common = {
  schema: z.literal("seamlock/scenario@1"),
  name: text,
  description: text,
  module: text.optional().describe("bundled version or path; the command line goes first"),
  properties: z.array(text).min(1).optional().describe("only these properties; all, unless stated"),
};

const kickSchema = z.strictObject({
  waits: z.boolean().default(true).describe("the kick waits until every vCPU in guest mode has left it"),
  barsFirst: z.boolean().default(true).describe("entry is barred before vCPUs are kicked"),
  barUntil: z
    .enum(["removed", "returned", "kicked"])
    .default("removed")
    .describe("when entry is allowed again; `returned`: when the call that was made once more has returned"),
  afterTrack: z.boolean().default(true).describe("vCPUs are kicked after TDH.MEM.TRACK"),
  onBusy: size(8).default(1).describe("kick-on-busy: how many BUSYs of a call in a row it takes to kick"),
});

/** The removal is that of the host's profile. */
export const AS_HOST = "as-host";

/** What `removal.policy` can be. */
export const POLICY_NAMES = [...POLICIES, AS_HOST] as const;

const removalSchema = z.strictObject({
  policy: z.enum(POLICY_NAMES).default("fail-fast").describe("as-host: as the profile that `host` names says"),
  retries: z.int().min(0).max(1000).default(3).describe("for the policy retry-n"),
  call: z
    .enum(["remove", "resize"])
    .default("remove")
    .describe("what follows block and track; resize: a page of 2 MB is split into 512, and 512 are merged again"),
  kick: kickSchema.prefault({}),
});

/** What the guest can do. */
const GUEST_ACTIONS = [
  "accept",
  "walk-first",
  "read-attributes",
  "write-attributes",
  "touch",
  "interrupt",
  "insist",
  "host-priority-timeout",
] as const;

/** vCPUs that run and, maybe, a host that removes pages. */
export const runningSchema = z.strictObject({
  ...common,
  kind: z.literal("running-td"),
  host: text
    .optional()
    .describe("bundled host profile, or path: what follows from TD exits, and `removal.policy: as-host`"),
  vcpus: size(4).default(2),
  pages: size(4).default(2),
  pageSize: z.enum(["4K", "2M"]).default("4K").describe("2M: an accept can be interrupted, and is made again"),
  entries: z.enum(PAGE_STATES).default("MAPPED").describe("state of every SEPT entry at the start"),
  removal: removalSchema.optional(),
  guest: z.array(z.enum(GUEST_ACTIONS)).min(1).default(["accept", "touch", "interrupt"]),
  zeroStep: z
    .enum(["counted", "any"])
    .default("any")
    .describe("`any`: every fault without progress may be the one that raises suspicion"),
  threshold: z.int().min(1).max(64).optional().describe("zero-step threshold; the module's, unless stated"),
  entryOrder: z.enum(["mark-then-check", "check-then-mark"]).default("mark-then-check"),
  faultRetry: z.enum(["local", "re-enter"]).default("local"),
  abandonedFaults: z
    .int()
    .min(0)
    .max(16)
    .default(0)
    .describe("how many faults of a vCPU the host may leave without a call before it maps the page"),
  pendingVe: z
    .boolean()
    .default(true)
    .describe("an access to a pending page raises #VE; false: it is a TD exit, as Linux guests ask for"),
  progress: z.boolean().default(false).describe("also ask whether calls that are refused get through in the end"),
  locks: z.enum(["contended", "all"]).default("contended").describe("`all`: also those that everybody only shares"),
});

/** The least and the most pages of a structure. */
const pageCount = (min: number, max: number) =>
  z
    .strictObject({ min: size(max).default(min), max: size(max).default(max) })
    .prefault({})
    .refine((pages) => pages.min <= pages.max, "min must not exceed max");

/** A TD from its creation to the reclaim of its last page. */
export const lifeSchema = z.strictObject({
  ...common,
  kind: z.literal("td-life"),
  life: z.enum(["in-order", "none"]).default("in-order").describe("does a host live the life, call by call?"),
  callers: z.int().min(0).max(3).default(0).describe("threads that make any call at any time"),
  tds: size(2).default(1).describe("TDRs that want the one HKID; the second is not built further"),
  vcpus: size(2).default(1),
  pages: size(3).default(2),
  packages: size(2).default(1),
  tdcs: pageCount(6, 9).describe("pages of a TDCS: MIN_NUM_TDCS_PAGES, MAX_NUM_TDCS_PAGES"),
  tdvps: pageCount(6, 15).describe("pages of a TDVPS: MIN_TDVPS_PAGES, MAX_TDVPS_PAGES"),
});

/** The paths of a host profile in some phases of a VM's life. */
export const pathsSchema = z.strictObject({
  ...common,
  kind: z.literal("host-paths"),
  host: text.describe("bundled host profile, or path; the command line goes first"),
  phases: z.array(text).min(1),
  paths: z.array(text).min(1).optional().describe("only these; all of the phases, unless stated"),
  without: z.array(text).min(1).optional().describe("all but these"),
  exceptional: z.boolean().optional().describe("false: without the paths that the profile calls exceptional"),
  vcpus: size(4).default(2),
  concurrent: size(4).default(2).describe("how many paths run at once"),
  otherVm: z.boolean().default(false).describe("every path may also run for another VM, at any time"),
});

/** Hosts that add and remove the PAMT pages of 2 MB ranges. */
export const pamtSchema = z.strictObject({
  ...common,
  kind: z.literal("dynamic-pamt"),
  adders: z.int().min(0).max(3).default(2),
  removers: z.int().min(0).max(2).default(0),
  users: z.int().min(0).max(2).default(0).describe("TDH.PHYMEM.PAGE.RDMD of 4 KB pages of the range, again and again"),
  pagesFrom: z
    .enum(["elsewhere", "each other"])
    .default("elsewhere")
    .describe("where new PAMT pages lie; `each other`: two ranges, each gets its pages from the other"),
  hostLock: z
    .enum(["none", "range", "all"])
    .default("none")
    .describe("what the host holds around a call and its tries"),
  retries: z.int().min(0).max(100).optional().describe("tries after the first; for ever, unless stated"),
});

/** Callers of one lock, instruction by instruction. */
export const lockSchema = z.strictObject({
  ...common,
  kind: z.literal("lock"),
  lock: z.enum(["sharex", "sharex_hp", "sept_entry", "mutex", "bit", "bit_hp"]),
  hosts: z.int().min(0).max(5).default(2),
  guests: z.int().min(0).max(5).default(1),
  width: z
    .int()
    .min(2)
    .max(14)
    .optional()
    .describe("bits of the counter; fewer than the source's keeps the state space small"),
  promote: z.boolean().default(false).describe("a host may also promote and demote"),
  writeBack: z
    .enum(["none", "module", "whole-word", "keep-host-priority", "keep-then-store"])
    .default("none")
    .describe(
      "how holders of a SEPT entry lock write the entry, and maybe unlock it with the write; `module`: as the module does",
    ),
});

/** The reference model that the engines are measured with. */
export const scenarioSchema = z.discriminatedUnion("kind", [
  runningSchema,
  lifeSchema,
  pathsSchema,
  pamtSchema,
  lockSchema,
]);

export type RunningScenario = z.infer<typeof runningSchema>;
export type PathsScenario = z.infer<typeof pathsSchema>;
export type PamtScenario = z.infer<typeof pamtSchema>;
export type Scenario = z.infer<typeof scenarioSchema>;

/** A value of the command line that goes before the file's: the field's path, and the value as text. */
export interface Override {
  readonly path: string;
  readonly value: string;
  /** How it was given, for messages: `--vcpus`. */
  readonly from: string;
}

/**
 * Reads a scenario.
 *
 * @param file its name, for messages
 * @throws SeamlockError SL4201 empty · SL4202 too large · SL4203 not YAML · SL4204 bad alias · SL4205 another kind of document · SL4206
 *   another version · SL4207 a field is missing, unknown or wrong · SL4208 an option does not fit the scenario
 */
export function parseScenario(source: string, file: string, overrides: readonly Override[] = []): Scenario {
  return recoded(() => {
    const yaml = readYaml(source, file, "scenario");
    checkKind(yaml, "seamlock/scenario", "1", "scenario");
    const plain = scenarioSchema.safeParse(yaml.value);
    if (!plain.success) throw invalidField(plain.error, yaml, "docs/scenarios.md describes every field");
    return overrides.reduce((scenario, override) => overridden(scenario, override), plain.data);
  });
}

/** Codes of the host profiles' reader → codes of scenarios. */
const RECODED: Readonly<Record<string, string>> = {
  SL3001: "SL4201",
  SL3002: "SL4202",
  SL3003: "SL4203",
  SL3004: "SL4204",
  SL3005: "SL4205",
  SL3006: "SL4206",
  SL3007: "SL4207",
};

/** Errors of files read with the host profiles' reader, with the codes of scenarios. */
function recoded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SeamlockError) || RECODED[error.code] === undefined) throw error;
    throw error.recoded((code) => RECODED[code] ?? code);
  }
}

type Tree = { readonly [key: string]: unknown };
const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);

function overridden(scenario: Scenario, { path, value, from }: Override): Scenario {
  const keys = path.split(".");
  const changed = withValue(scenario as unknown as Tree, keys, scalar(value, from));
  const parsed = scenarioSchema.safeParse(changed);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const problem =
    issue === undefined || issue.code === "unrecognized_keys" || keys[0] === "kind"
      ? `the scenario \`${scenario.name}\` has no field \`${path}\``
      : fieldFault(issue, fieldAt(changed, issue.path));
  throw new SeamlockError("SL4208", `${from}: ${problem}`, {
    hint: `it is of the kind ${scenario.kind}; docs/scenarios.md lists the fields of each kind`,
  });
}

/** What the text of an option means in a scenario file. */
function scalar(text: string, from: string): unknown {
  try {
    return parseScalar(text) as unknown;
  } catch (cause) {
    throw new SeamlockError("SL4208", `${from}: \`${text}\` is no value as YAML writes it`, {
      cause,
      hint: "give a number, true, false or a word; put quotes around one with other signs",
    });
  }
}

function withValue(tree: Tree, [key = "", ...rest]: readonly string[], value: unknown): Tree {
  const child = tree[key];
  return { ...tree, [key]: rest.length === 0 ? value : withValue(isTree(child) ? child : {}, rest, value) };
}

/** The scenario's own fields as flat text, for the line that repeats a run and for reports. */
export function parametersOf(scenario: Scenario): Readonly<Record<string, string | number | boolean>> {
  const flat: Record<string, string | number | boolean> = {};
  const walk = (tree: Tree, prefix: string): void => {
    for (const [key, value] of Object.entries(tree)) {
      if (prefix === "" && ["schema", "name", "description"].includes(key)) continue;
      if (isTree(value)) walk(value, `${prefix}${key}.`);
      else flat[`${prefix}${key}`] = Array.isArray(value) ? value.join(", ") : (value as string | number | boolean);
    }
  };
  walk(scenario as unknown as Tree, "");
  return flat;
}
