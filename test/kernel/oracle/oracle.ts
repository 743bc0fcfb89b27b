/**
 * What a kernel does around its SEAMCALLs, as read by hand: the independent check of the extraction. One file per kernel stands
 * beside this one; this module knows their format and what must hold inside one.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { LOCK_KINDS, LOCK_SCOPES, REACTION } from "../../../src/host/vocabulary.ts";

/** The kernels that were read by hand: the release, and the folder of its tree below SEAMLOCK_KERNELS. */
export const READ_KERNELS = ["6.16", "6.19", "7.3"] as const;
export type ReadKernel = (typeof READ_KERNELS)[number];

export const PHASES = ["init", "build", "runtime", "teardown", "suspended"] as const;
const CONTEXTS = ["ipi", "irq-off", "one-cpu", "stop-machine"] as const;

const text = z.string().min(1);
const place = z.string().regex(/^[\w/.-]+\.[ch]:[1-9]\d*$/, "is no file:line");
const places = z.array(place);
const reaction = z.string().regex(REACTION, "is no reaction");
const phases = z.array(z.enum(PHASES));

const hold = z.strictObject({
  lock: text,
  mode: z.literal("shared").optional().describe("exclusive unless stated"),
  of: z.enum(["all", "target", "other"]).optional().describe("of the path's own object unless stated"),
  at: place.describe("where it is taken"),
  by: z
    .enum(["entry", "rule", "stated"])
    .optional()
    .describe(
      "taken by code on the way unless stated; entry: outside holds it; rule: no lock, but it excludes; stated: no source says so",
    ),
});

const busy = z.strictObject({
  do: z.array(reaction).min(1),
  mayAlso: z.array(reaction).optional().describe("said with as much right, or true on some of the ways only"),
  at: places.min(1).describe("where the status is decided on"),
  note: text.optional(),
});

const step = z.strictObject({
  call: z.string().regex(/^(tdh_\w+|seamldr_\w+)$/),
  at: place.describe("the call of the wrapper, or of seamcall*() with the leaf"),
  via: places.optional().describe("calls on the way from the entry"),
  holds: z.array(hold).optional().describe("besides what the path holds"),
  contexts: z.array(z.enum(CONTEXTS)).optional(),
  onEach: z.enum(["cpu", "package"]).optional().describe("one run makes the call on several CPUs at once"),
  phases: phases.min(1).optional(),
  vcpu: z.literal("any").optional(),
  times: text.optional(),
  when: text.optional(),
  onBusy: z.array(busy).min(1),
});

const entry = z.strictObject({
  function: z.string().regex(/^\w+$/),
  labels: z.array(text).describe("case labels on the way, or other entries that end here; * is any label not named"),
});

const path = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]+$/),
  entry,
  per: z.enum(["machine", "vm", "vcpu"]),
  phases: phases.describe("none for what is not about a TD"),
  ordinary: z.boolean(),
  why: text.optional().describe("what makes it exceptional"),
  overruns: phases.min(1).optional(),
  atMostOne: z.literal("machine").optional(),
  gates: z.array(z.strictObject({ at: place, what: text, phases })),
  holds: z.array(hold),
  note: text.optional(),
  steps: z.array(step).min(1),
});

/** `seamlock-test/host-oracle@1`. */
export const oracleSchema = z.strictObject({
  schema: z.literal("seamlock-test/host-oracle@1"),
  kernel: z.strictObject({ version: text, from: text, note: text.optional() }),
  read: z.array(text).min(1),
  method: text,
  complete: text.describe("by which rule nothing is missing"),
  locks: z.array(z.strictObject({ name: text, kind: z.enum(LOCK_KINDS), per: z.enum(LOCK_SCOPES) })),
  phases: z.array(z.enum(PHASES)),
  paths: z.array(path).min(1),
  tolerated: z
    .array(
      z.strictObject({
        calls: z.array(text).min(1),
        entry: z.string().nullable().describe("any, if null"),
        needs: z.array(text).describe("locks that such a row holds"),
        at: places.min(1),
        why: text,
      }),
    )
    .describe("rows that may come out, but need not"),
  absent: z
    .array(
      z.strictObject({
        calls: z.array(text).min(1),
        entry,
        except: z.array(text).optional(),
        at: places.min(1),
        why: text,
      }),
    )
    .describe("rows that must not come out; one that holds all of except is another matter"),
  unreached: z.array(z.strictObject({ at: place, why: text })).describe("calls that are at no step, and why"),
});

export type Oracle = z.infer<typeof oracleSchema>;
export type OraclePath = Oracle["paths"][number];
export type OracleStep = OraclePath["steps"][number];
export type OracleHold = z.infer<typeof hold>;

/** The hand-read file of a kernel. Throws if it is not of the format. */
export function loadOracle(kernel: ReadKernel): Oracle {
  return oracleSchema.parse(JSON.parse(readFileSync(join(import.meta.dirname, `linux-${kernel}.json`), "utf8")));
}

/** All that is held at a step. */
export function heldAtStep(path: OraclePath, step: OracleStep): readonly OracleHold[] {
  return [...path.holds, ...(step.holds ?? [])];
}

/** What is wrong inside one file, as sentences: names that do not fit, doubled ids, phases out of place. */
export function inconsistencies(oracle: Oracle): string[] {
  const out: string[] = [];
  const names = oracle.locks.map(({ name }) => name);
  const used = new Set<string>();
  const ids = oracle.paths.map(({ id }) => id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) out.push(`two paths are called ${id}`);
  for (const path of oracle.paths) {
    if (path.ordinary === (path.why !== undefined)) out.push(`${path.id}: exceptional paths, and only they, say why`);
    if (path.phases.some((phase) => path.overruns?.includes(phase)))
      out.push(`${path.id}: overruns into its own phase`);
    for (const step of path.steps) {
      if (step.phases?.some((phase) => !path.phases.includes(phase)))
        out.push(`${path.id} ${step.call}: a phase that its path has not`);
      const held = heldAtStep(path, step);
      for (const { lock } of held) {
        used.add(lock);
        if (!names.includes(lock)) out.push(`${path.id} ${step.call}: holds ${lock}, which is no lock of the file`);
      }
      if (new Set(held.map(({ lock }) => lock)).size < held.length)
        out.push(`${path.id} ${step.call}: holds a lock twice`);
    }
  }
  for (const name of names) if (!used.has(name)) out.push(`no step holds ${name}`);
  return out;
}

/** Every file:line of a file, with where it stands. */
export function placesOf(oracle: Oracle): { place: string; in: string }[] {
  const out: { place: string; in: string }[] = [];
  const walk = (value: unknown, where: string): void => {
    if (typeof value === "string") {
      if (place.safeParse(value).success) out.push({ place: value, in: where });
    } else if (typeof value === "object" && value !== null) {
      for (const [key, inner] of Object.entries(value)) walk(inner, `${where}.${key}`);
    }
  };
  walk({ paths: oracle.paths, tolerated: oracle.tolerated, absent: oracle.absent, unreached: oracle.unreached }, "");
  return out;
}
