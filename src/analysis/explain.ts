/** What a completion status means: decoded, with the resource behind its operand, who can hold that, and what to do. */
import { z } from "zod";
import facts from "../../data/advice.json" with { type: "json" };
import {
  type Acquisition,
  type Catalog,
  decodeStatus,
  type Leaf,
  lockModeSchema,
  moduleInfoSchema,
  type Operand,
  type OtherBusy,
  parseStatus,
  resolveLeaf,
  statusSchema,
} from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import type { HostProfile } from "../host/index.ts";
import { contendingPairs } from "./contention.ts";
import { underHost } from "./exclusion.ts";
import { readLogLine } from "./log-line.ts";
import { compareText } from "./resources.ts";
import { type ContendPair, hostInfoSchema } from "./schema.ts";

const text = z.string().min(1);
const kinds = ["busy", "tracking", "retry", "caller", "fatal", "success", "unknown"] as const;

/** One status, explained. */
export const explanationSchema = z.strictObject({
  line: z.string().nullable().describe("the log line, as pasted"),
  status: statusSchema,
  name: text.nullable(),
  operand: z.strictObject({ id: text, number: z.int() }).nullable(),
  leaf: text.nullable(),
  version: z.int().nullable().describe("leaf version, where the line shows it"),
  kind: z.enum(kinds),
  meaning: text,
  bits: z.strictObject({
    error: z.boolean(),
    nonRecoverable: z.boolean(),
    fatal: z.boolean(),
    hostRecoverabilityHint: z.boolean(),
    class: z.int(),
    code: z.int(),
    detail: z.int(),
  }),
  outputs: z.record(text, text).describe("output registers that the line shows"),
  leaves: z.array(text).describe("leaves that can return this status, when the line names none"),
  resources: z.array(
    z.strictObject({
      leaf: text,
      resource: text,
      role: text.nullable(),
      mode: lockModeSchema.nullable(),
      when: text.nullable(),
    }),
  ),
  holders: z.array(
    z.strictObject({
      leaf: text,
      variant: text.nullable(),
      resource: text,
      mode: lockModeSchema,
      when: text.nullable(),
      held: text.nullable().describe("until when the holder keeps the lock"),
      possible: z.boolean(),
      paths: z.array(text).describe("host paths that can hold it, where a host is given"),
    }),
  ),
  elsewhere: z
    .array(z.strictObject({ modules: z.array(text), holders: z.array(text) }))
    .describe("module versions on which other leaves can hold it, and which, where versions to compare were given"),
  advice: z.array(text),
});

/** `seamlock/explain@1`: the first status of the input, and the others. */
export const explainSchema = z.strictObject({
  schema: z.literal("seamlock/explain@1"),
  module: moduleInfoSchema,
  host: hostInfoSchema.nullable(),
  ...explanationSchema.shape,
  others: z.array(explanationSchema),
  unread: z.array(z.string()).describe("lines without a status"),
});

export type StatusExplanation = z.infer<typeof explanationSchema>;
export type ExplainDocument = z.infer<typeof explainSchema>;

export interface ExplainOptions {
  /** The leaf that returned the status, in any spelling, where the lines do not say. */
  readonly leaf?: string;
  readonly host?: HostProfile;
  /** Other versions of the module to compare the holders with, where nobody said which one the machine runs. */
  readonly others?: readonly Catalog[];
}

/**
 * Explains every status in some lines: bare statuses, or whole log lines.
 *
 * @throws SeamlockError SL3301 when no line has a status; SL2102 when `leaf` is no leaf
 */
export function explainLines(
  catalog: Catalog,
  lines: readonly string[],
  options: ExplainOptions = {},
): ExplainDocument {
  const given = options.leaf === undefined ? null : resolveLeaf(catalog, options.leaf);
  const context = contextOf(catalog, options.host ?? null);
  const versions = (options.others ?? []).map((one) => ({
    catalog: one,
    context: contextOf(one, options.host ?? null),
  }));
  const explained: StatusExplanation[] = [];
  const unread: string[] = [];
  for (const line of lines.map(plainLine).filter((l) => l !== "")) {
    const found = explainLine(catalog, line, given, context, versions);
    if (found === null) unread.push(line);
    else explained.push(found);
  }
  const [first, ...others] = explained;
  if (first === undefined) {
    throw new SeamlockError("SL3301", "there is no status in the input", {
      hint: "give a 64-bit hex number such as 0x8000020000000092, or a log line that has one",
    });
  }
  const host = context.host;
  return { schema: "seamlock/explain@1", module: { ...catalog.module }, host, ...first, others, unread };
}

/** A line without the colours that a terminal's log was copied with, nor blanks at its ends. */
function plainLine(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
  return line.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, "").trim();
}

interface Context {
  readonly pairs: () => readonly ContendPair[];
  readonly host: ExplainDocument["host"];
}

/** Another version of the module, with what is known under the same host. */
interface Other {
  readonly catalog: Catalog;
  readonly context: Context;
}

/** The pairs are needed only for a BUSY, and then once. */
function contextOf(catalog: Catalog, host: HostProfile | null): Context {
  let pairs: readonly ContendPair[] | null = null;
  const info = host === null ? null : underHost(catalog, host, []).info;
  return {
    host: info,
    pairs() {
      pairs ??= host === null ? contendingPairs(catalog) : underHost(catalog, host, contendingPairs(catalog)).pairs;
      return pairs;
    },
  };
}

function explainLine(
  catalog: Catalog,
  line: string,
  given: readonly Leaf[] | null,
  context: Context,
  others: readonly Other[],
): StatusExplanation | null {
  const logged = readLogLine(line);
  if (logged === null) return null;
  const bare = line.trim() === logged.status || /^\S+$/.test(line.trim());
  const entries = given ?? leavesOf(catalog, logged.leaf);
  const decoded = decodeStatus(catalog, logged.status);
  const known = statusFacts(decoded.name, decoded.status);
  const returning = catalog.leaves.filter(
    (leaf) => rowsFor(leaf, decoded.status).length > 0 || other(leaf, decoded.status),
  );
  const chosen = entries ?? returning;
  const holders = holdersOf(catalog, chosen, decoded.status, context);
  // Other statuses carry other details there, and those that are not the module's have no operands.
  const isOperand = known?.software == null && /OPERAND|PAGE|METADATA|EPT_|GPA_RANGE/.test(decoded.name ?? "");
  const explanation = {
    line: bare ? null : line,
    status: decoded.status,
    name: known?.software ?? decoded.name,
    operand: isOperand ? decoded.operand : null,
    leaf: entries?.[0]?.name ?? null,
    version: logged.version,
    kind: known?.kind ?? guessKind(decoded),
    meaning: meaningOf(decoded, known, entries),
    bits: {
      error: decoded.error,
      nonRecoverable: decoded.nonRecoverable,
      fatal: decoded.fatal,
      hostRecoverabilityHint: decoded.hostRecoverabilityHint,
      class: decoded.class,
      code: decoded.code,
      detail: decoded.detail,
    },
    outputs: { ...logged.outputs },
    leaves: entries === null ? [...new Set(returning.map((leaf) => leaf.name))] : [],
    resources: resourcesOf(chosen, decoded.status),
    holders,
    elsewhere: known?.kind === "busy" ? elsewhere(chosen, decoded.status, possibleLeaves(holders), others) : [],
  };
  return { ...explanation, advice: adviceFor(explanation, known?.advice ?? [], context, logged.leaf) };
}

/** The entries of a leaf that a line names; null when it names none, or one that the module does not have. */
function leavesOf(catalog: Catalog, word: string | null): readonly Leaf[] | null {
  if (word === null) return null;
  try {
    return resolveLeaf(catalog, word.replaceAll(/[.\s]/g, "_"));
  } catch (error) {
    if (error instanceof SeamlockError) return null;
    throw error;
  }
}

interface StatusFacts {
  readonly kind: StatusExplanation["kind"];
  readonly meaning: string;
  readonly advice: readonly string[];
  /** The name of a status that is not the module's. */
  readonly software: string | null;
}

function statusFacts(name: string | null, status: string): StatusFacts | null {
  const raw = parseStatus(status);
  const software = facts.software.find((s) => (raw & BigInt(s.mask)) === BigInt(s.value));
  if (software !== undefined) return { ...software, kind: "caller", software: software.name };
  const found = facts.statuses.find((s) => s.name === name);
  if (found === undefined) return null;
  return {
    kind: kinds.find((k) => k === found.kind) ?? "unknown",
    meaning: found.meaning,
    advice: found.advice,
    software: null,
  };
}

function guessKind(decoded: ReturnType<typeof decodeStatus>): StatusExplanation["kind"] {
  if (decoded.name === null) return "unknown";
  if (decoded.fatal) return "fatal";
  return decoded.error && decoded.nonRecoverable ? "caller" : "unknown";
}

function meaningOf(
  decoded: ReturnType<typeof decodeStatus>,
  known: StatusFacts | null,
  entries: readonly Leaf[] | null,
): string {
  const exits = entries?.some((leaf) => leaf.acquisitions.some((row) => row.release?.at === "td-exit")) === true;
  if (exits && !decoded.error && decoded.class === 0) {
    return `The vCPU left the guest; the low 32 bits are its exit reason, ${decoded.detail & 0xffff}.`;
  }
  if (known !== null) return known.meaning;
  if (decoded.name === null) return "This module has no status with this class and code.";
  if (decoded.nonRecoverable)
    return "No lock or TLB tracking is concerned; the same call will not succeed when it is repeated.";
  return decoded.error ? "No lock or TLB tracking is concerned." : "Not an error.";
}

/** Rows of a leaf whose lock, when busy, gives this status. */
function rowsFor(leaf: Leaf, status: string): readonly Acquisition[] {
  const same = (s: string | null): boolean => s !== null && parseStatus(s) === parseStatus(status);
  return leaf.acquisitions.filter(
    (row) =>
      same(row.busyStatus) || same(row.hostPriorityStatus) || row.otherStatuses.some((other) => same(other.status)),
  );
}

function other(leaf: Leaf, status: string): boolean {
  return leaf.otherBusy.some((busy) => sameBusy(busy, status));
}

/** A status without an operand is the same whatever its low half carries. */
function sameBusy(busy: OtherBusy, status: string): boolean {
  const [x, y] = [parseStatus(busy.status), parseStatus(status)];
  return x === y || (busy.operand === null && x >> 32n === y >> 32n);
}

function resourcesOf(entries: readonly Leaf[], status: string): StatusExplanation["resources"] {
  const found = entries.flatMap((leaf) => [
    ...rowsFor(leaf, status).map(({ resource, role, mode, when }) => ({ leaf: leaf.name, resource, role, mode, when })),
    ...leaf.otherBusy
      .filter((busy) => sameBusy(busy, status))
      .map(({ object, when }) => ({ leaf: leaf.name, resource: object, role: null, mode: null, when })),
  ]);
  return unique(found);
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}

type HolderFacts = StatusExplanation["holders"][number];

/**
 * Who can hold what the status is about. Most likely first: possible under the host before impossible, those that keep the
 * lock while the guest runs before those that give it back at the end of a call, unconditional before conditional,
 * then by the number of host paths.
 */
function holdersOf(catalog: Catalog, entries: readonly Leaf[], status: string, context: Context): HolderFacts[] {
  const wanted = new Set(entries.flatMap((leaf) => rowsFor(leaf, status).map((row) => rowKey(leaf.name, row))));
  if (wanted.size === 0) return trackingHolders(catalog, entries, status);
  const sides = context
    .pairs()
    .flatMap((pair) => [
      ...(pair.busyA && wanted.has(sideKey(pair, "a")) ? [{ pair, holder: "b" as const }] : []),
      ...(pair.busyB && wanted.has(sideKey(pair, "b")) ? [{ pair, holder: "a" as const }] : []),
    ]);
  const found = new Map<string, HolderFacts>();
  for (const { pair, holder } of sides) {
    const facts = holderFacts(catalog, pair, holder);
    const key = JSON.stringify([facts.leaf, facts.variant, facts.resource, facts.mode]);
    const known = found.get(key);
    found.set(key, known === undefined ? facts : joined(known, facts));
  }
  return [...found.values()].sort(compareHolders);
}

const possibleLeaves = (holders: readonly HolderFacts[]): readonly string[] =>
  [...new Set(holders.filter((h) => h.possible).map((h) => h.leaf))].sort(compareText);

/** The other versions that have these leaves and another answer to who can hold the lock, grouped by that answer. */
function elsewhere(
  entries: readonly Leaf[],
  status: string,
  here: readonly string[],
  others: readonly Other[],
): StatusExplanation["elsewhere"] {
  const names = new Set(entries.map((leaf) => leaf.name));
  const groups = new Map<string, { modules: string[]; holders: string[] }>();
  for (const { catalog, context } of others) {
    const same = catalog.leaves.filter((leaf) => names.has(leaf.name));
    if (same.length === 0) continue;
    const holders = [...possibleLeaves(holdersOf(catalog, same, status, context))];
    const key = holders.join();
    if (key === here.join()) continue;
    const group = groups.get(key) ?? { modules: [], holders };
    group.modules.push(catalog.module.version);
    groups.set(key, group);
  }
  return [...groups.values()];
}

type RowIdentity = Pick<Acquisition, "resource" | "role" | "mode" | "when" | "busyStatus">;

/** What tells a row of a leaf from the others, as far as a pair knows it. */
const rowKey = (leaf: string, { resource, role, mode, when, busyStatus }: RowIdentity): string =>
  JSON.stringify([leaf, resource, role, mode, when, busyStatus]);

function sideKey(pair: ContendPair, side: "a" | "b"): string {
  return side === "a"
    ? rowKey(pair.a, {
        resource: pair.resourceA,
        role: pair.roleA,
        mode: pair.modeA,
        when: pair.whenA,
        busyStatus: pair.statusA,
      })
    : rowKey(pair.b, {
        resource: pair.resourceB,
        role: pair.roleB,
        mode: pair.modeB,
        when: pair.whenB,
        busyStatus: pair.statusB,
      });
}

function holderFacts(catalog: Catalog, pair: ContendPair, side: "a" | "b"): HolderFacts {
  const [leaf, variant, mode, when, own] =
    side === "a"
      ? [pair.a, pair.variantA, pair.modeA, pair.whenA, pair.resourceA]
      : [pair.b, pair.variantB, pair.modeB, pair.whenB, pair.resourceB];
  const entry = catalog.leaves.find((l) => l.name === leaf && l.variant === variant);
  const row = entry?.acquisitions.find((r) => r.resource === own && r.mode === mode && r.when === when);
  const paths = pair.paths.filter((p) => p.possible).map((p) => (side === "a" ? p.a : p.b));
  const held = row?.release?.at ?? null;
  return {
    leaf,
    variant,
    resource: pair.resource,
    mode,
    when,
    held,
    possible: pair.possible,
    paths: [...new Set(paths)],
  };
}

function joined(x: HolderFacts, y: HolderFacts): HolderFacts {
  const paths = [...new Set([...x.paths, ...y.paths])];
  return { ...x, when: x.when === null || y.when === null ? null : x.when, possible: x.possible || y.possible, paths };
}

/** What is busy without a lock is the count of vCPUs in the guest: whoever brings them there. */
function trackingHolders(catalog: Catalog, entries: readonly Leaf[], status: string): HolderFacts[] {
  if (!/EPOCH_BUSY/.test(decodeStatus(catalog, status).name ?? "") || !entries.some((leaf) => other(leaf, status)))
    return [];
  return catalog.leaves.flatMap((leaf): HolderFacts[] => {
    const row = leaf.acquisitions.find((r) => r.resource === "TDCS_EPOCH" && r.mode === "SHARED");
    if (row === undefined || !leaf.acquisitions.some((r) => r.release?.at === "td-exit")) return [];
    const { name, variant } = leaf;
    return [
      {
        leaf: name,
        variant,
        resource: "TDCS_EPOCH",
        mode: row.mode,
        when: null,
        held: "td-exit",
        possible: true,
        paths: [],
      },
    ];
  });
}

function compareHolders(x: HolderFacts, y: HolderFacts): number {
  const long = (h: HolderFacts): number => Number(h.held === "td-exit" || h.paths.some((p) => p.startsWith("guest")));
  return (
    Number(y.possible) - Number(x.possible) ||
    long(y) - long(x) ||
    Number(x.when !== null) - Number(y.when !== null) ||
    y.paths.length - x.paths.length ||
    compareText(x.leaf, y.leaf)
  );
}

type Unadvised = Omit<StatusExplanation, "advice">;

function adviceFor(e: Unadvised, known: readonly string[], { host }: Context, word: string | null): string[] {
  const unknownLeaf =
    word !== null && e.leaf === null
      ? [`The module has no leaf ${word}; was the line printed under another version?`]
      : [];
  if (e.name === null)
    return [
      ...unknownLeaf,
      "Unknown to this module: try the module version of the machine with --module, and compare the bits.",
    ];
  if (e.kind !== "busy" || known.length > 0) return [...unknownLeaf, ...known];
  if (e.resources.length === 0) {
    return [
      ...unknownLeaf,
      "The catalog knows no lock of this leaf that is reported like this: is it the module version of the machine?",
    ];
  }
  return [...unknownLeaf, ...busyAdvice(e, host?.name ?? null)];
}

function busyAdvice(e: Unadvised, host: string | null): string[] {
  const possible = e.holders.filter((holder) => holder.possible);
  if (possible.length === 0) {
    return host === null
      ? ["No other call can rightly hold this lock then: a bug in the caller."]
      : [
          `Under ${host} nobody can hold this lock then: a bug in the caller, a path that the profile does not have, or another kernel${e.elsewhere.length === 0 ? "" : " or module version"}.`,
        ];
  }
  const guests = possible.filter(
    (h) => h.leaf.startsWith("tdg_") || h.held === "td-exit" || h.held === "before-td-entry" || /vp_enter/.test(h.leaf),
  );
  if (e.leaf !== null && /vp_enter/.test(e.leaf))
    return ["Enter the vCPU again; give a pending kick its turn first.", ...priorityNote(e)];
  if (guests.length === possible.length) {
    return [
      "Retry once. If it is busy again: kick the vCPUs out of the guest, keep them out, and retry; it then gets through.",
      "A bounded number of retries without a kick can fail, for the guest can take the lock again and again.",
    ];
  }
  if (guests.length === 0) {
    return [
      "The holder is another SEAMCALL of the host, which ends soon: retry, or take a lock of the host around both calls.",
      ...(e.resources.some((r) => r.resource === "PAGE")
        ? ["If it is about a page: two calls that name one page at once are a bug in the caller."]
        : []),
    ];
  }
  return [
    "Retry once. If it is busy again: kick the vCPUs out and keep them out, keep out the other paths above, and retry.",
  ];
}

function priorityNote(e: Unadvised): string[] {
  return e.holders.some((h) => h.resource === "SEPT_TREE")
    ? ["On SEPT_TREE it means that zero-step mitigation is at work for this vCPU."]
    : [];
}

/** The operand of an explanation as a person writes it. */
export function operandText(operand: Operand | null, detail: number): string {
  return operand === null ? `0x${detail.toString(16).toUpperCase()}` : `${operand.id} (${operand.number})`;
}
