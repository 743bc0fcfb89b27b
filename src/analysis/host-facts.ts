/** What the paths of two hosts hold and do otherwise, apart from what follows for contentions. */
import { z } from "zod";
import {
  type BusyClause,
  busyClauseSchema,
  type HostPath,
  type HostProfile,
  type HostStep,
  heldAt,
  heldLockSchema,
  type LockUse,
} from "../host/index.ts";

const at = { path: z.string(), calls: z.array(z.string()).describe("the calls of the path at which it is so") };
const phases = z.array(z.string());

const waySchema = z.strictObject({
  phases: phases.nullable().describe("null: those of the path"),
  holds: z.array(heldLockSchema),
  onBusy: z.array(busyClauseSchema),
});

/** One thing that a path does otherwise. */
export const hostFactSchema = z.discriminatedUnion("change", [
  z.strictObject({ change: z.enum(["path-added", "path-removed", "call-added", "call-removed"]), ...at }),
  z.strictObject({
    change: z.enum(["way-added", "way-removed"]).describe("a path can make a call in several ways"),
    ...at,
    way: waySchema,
  }),
  z.strictObject({ change: z.enum(["locks-added", "locks-removed"]), ...at, locks: z.array(heldLockSchema) }),
  z.strictObject({
    change: z.literal("lock-otherwise").describe("held in another mode, or of other objects"),
    ...at,
    before: heldLockSchema,
    after: heldLockSchema,
  }),
  z.strictObject({
    change: z.literal("on-busy"),
    ...at,
    before: z.array(busyClauseSchema),
    after: z.array(busyClauseSchema),
  }),
  z.strictObject({
    change: z
      .enum(["phases", "overruns"])
      .describe("where the call is made; later phases into which a run of the path can last"),
    ...at,
    before: phases,
    after: phases,
  }),
  z.strictObject({
    change: z.enum(["interrupts", "on-each", "at-most-one"]).describe("as in profiles; null: none is stated"),
    ...at,
    before: z.string().nullable(),
    after: z.string().nullable(),
  }),
]);

export type HostFact = z.infer<typeof hostFactSchema>;

type Without<T> = T extends unknown ? Omit<T, "path" | "calls"> : never;
/** A fact before it is known of which path and calls it is. */
type StepFact = Without<HostFact>;

/** What the paths of both hosts hold and do otherwise, and paths that only one has; of one path each change once. */
export function hostFacts(before: HostProfile, after: HostProfile): HostFact[] {
  const [old, now] = [pathsOf(before), pathsOf(after)];
  const only = (mine: Paths, other: Paths, change: "path-added" | "path-removed"): HostFact[] =>
    [...mine].filter(([name]) => !other.has(name)).map(([path, of]) => ({ change, path, calls: callsOf(of) }));
  const both = [...now].flatMap(([name, path]) => {
    const earlier = old.get(name);
    return earlier === undefined ? [] : pathFacts(earlier, path);
  });
  return [...only(now, old, "path-added"), ...only(old, now, "path-removed"), ...both];
}

/** Of some facts what is of these calls. */
export function factsOfCalls(facts: readonly HostFact[], calls: readonly string[]): HostFact[] {
  const of = facts.map((fact) => ({ ...fact, calls: fact.calls.filter((call) => calls.includes(call)) }));
  return of.filter((fact) => fact.calls.length > 0);
}

type Paths = ReadonlyMap<string, HostPath>;
const pathsOf = ({ paths }: HostProfile): Paths => new Map(paths.map((path) => [path.name, path]));
const callsOf = (...paths: readonly HostPath[]): string[] => [
  ...new Set(paths.flatMap(({ steps }) => steps.map(({ call }) => call))),
];

function pathFacts(before: HostPath, after: HostPath): HostFact[] {
  const found = new Map<string, { readonly fact: StepFact; readonly calls: Set<string> }>();
  for (const call of callsOf(before, after)) {
    for (const fact of callFacts(before, after, call)) {
      const key = JSON.stringify(fact);
      const known = found.get(key) ?? { fact, calls: new Set() };
      known.calls.add(call);
      found.set(key, known);
    }
  }
  return [...found.values()].map(({ fact, calls }) => ({ ...fact, path: after.name, calls: [...calls] }));
}

interface At {
  readonly path: HostPath;
  readonly step: HostStep;
}

/** What a path does otherwise at a call, which it may make in several ways: those that both have are no difference. */
function callFacts(before: HostPath, after: HostPath, call: string): StepFact[] {
  const [old = [], now = []] = [before, after].map((path) =>
    path.steps.filter((step) => step.call === call).map((step): At => ({ path, step })),
  );
  if (old.length === 0) return [{ change: "call-added" }];
  if (now.length === 0) return [{ change: "call-removed" }];
  const isSame = (x: At, y: At): boolean => stepFacts(x, y).length === 0;
  const gone = old.filter((x) => !now.some((y) => isSame(x, y)));
  const come = now.filter((y) => !old.some((x) => isSame(x, y)));
  const both = gone.flatMap((x, i) => {
    const y = come[i];
    return y === undefined ? [] : stepFacts(x, y);
  });
  return [
    ...both,
    ...come.slice(gone.length).map((y): StepFact => ({ change: "way-added", way: wayOf(y) })),
    ...gone.slice(come.length).map((x): StepFact => ({ change: "way-removed", way: wayOf(x) })),
  ];
}

const wayOf = ({ path, step }: At): z.infer<typeof waySchema> => ({
  phases: step.phases ?? null,
  holds: [...heldAt(path, step)],
  onBusy: step.onBusy ?? [],
});

function stepFacts(x: At, y: At): StepFact[] {
  const [before, after] = [x, y].map(({ step }) => step.onBusy ?? []) as [BusyClause[], BusyClause[]];
  const [was, is] = [x, y].map(({ path, step }) => step.phases ?? path.phases) as [string[], string[]];
  const [lasted, lasts] = [x, y].map(({ path }) => path.overruns ?? []) as [string[], string[]];
  return [
    ...lockFacts(heldAt(x.path, x.step), heldAt(y.path, y.step)),
    ...(sameText(before.map(doneOn), after.map(doneOn)) ? [] : [{ change: "on-busy", before, after } as const]),
    ...(sameText(was, is) ? [] : [{ change: "phases", before: was, after: is } as const]),
    ...(sameText(lasted, lasts) ? [] : [{ change: "overruns", before: lasted, after: lasts } as const]),
    ...wordFact("interrupts", x.step.interrupts, y.step.interrupts),
    ...wordFact("on-each", x.step.onEach, y.step.onEach),
    ...wordFact("at-most-one", x.path.atMostOne, y.path.atMostOne),
  ];
}

function wordFact(
  change: "interrupts" | "on-each" | "at-most-one",
  before: string | undefined,
  after: string | undefined,
): StepFact[] {
  return before === after ? [] : [{ change, before: before ?? null, after: after ?? null }];
}

/** A lock that both hold, in one mode or of some objects here and otherwise there, is neither gone nor new. */
function lockFacts(before: readonly LockUse[], after: readonly LockUse[]): StepFact[] {
  const less = before.filter((use) => !after.some((other) => isHeldAlike(use, other)));
  const more = after.filter((use) => !before.some((other) => isHeldAlike(use, other)));
  const pairs = less.flatMap((use) => {
    const other = more.find(({ lock }) => lock === use.lock);
    const isOneOfEach = [less, more].every((uses) => uses.filter(({ lock }) => lock === use.lock).length === 1);
    return other === undefined || !isOneOfEach
      ? []
      : [{ change: "lock-otherwise", before: use, after: other } as const];
  });
  const added = more.filter((use) => !pairs.some((pair) => pair.after === use));
  const gone = less.filter((use) => !pairs.some((pair) => pair.before === use));
  return [
    ...(added.length === 0 ? [] : [{ change: "locks-added", locks: added } as const]),
    ...pairs,
    ...(gone.length === 0 ? [] : [{ change: "locks-removed", locks: gone } as const]),
  ];
}

const isHeldAlike = (x: LockUse, y: LockUse): boolean =>
  x.lock === y.lock && (x.mode ?? "exclusive") === (y.mode ?? "exclusive") && whose(x) === whose(y);

/** Of one object, be it its own or the one that the call names, or of others. */
const whose = ({ of }: LockUse): string => (of === "all" || of === "other" ? of : "one");

const doneOn = ({ on, do: done }: BusyClause): unknown => [on ?? null, done];
const sameText = (x: unknown, y: unknown): boolean => JSON.stringify(x) === JSON.stringify(y);
