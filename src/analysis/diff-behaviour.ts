/**
 * What two modules do differently beside their rows: lock primitives, writers of SEPT entries, functions whose variants are known, and
 * what each leaf states of itself. Each difference says what it means, where it stands, and which resources' contention it is about.
 */
import facts from "../../data/behaviours.json" with { type: "json" };
import {
  type Acquisition,
  type AtomicInstruction,
  type Catalog,
  type EntryWriteName,
  entryWriteName,
  type Leaf,
  type LockProgram,
  primitiveName,
  type Site,
  servesRow,
} from "../catalog/index.ts";
import { compareResources, compareText } from "./resources.ts";
import type { BehaviourChange, ContendPair } from "./schema.ts";

/** Contentions that are possible in the two modules. */
export type PairsOf = Readonly<Record<"before" | "after", readonly ContendPair[]>>;

/** The differences from `a` to `b`: primitives, writers, functions, then leaves by name. Nothing is said of what nobody has read. */
export function behaviourChanges(a: Catalog, b: Catalog, pairs: PairsOf): BehaviourChange[] {
  const origins = [a.module.origin, b.module.origin];
  if (origins.includes("published")) return [];
  const primitives = primitiveChanges(a, b, pairs);
  if (origins.includes("read")) return primitives;
  return [...primitives, ...writerChanges(a, b, pairs), ...functionChanges(a, b, pairs), ...leafChanges(a, b)];
}

type Ends = BehaviourChange["pairs"];

/** The pairs that a change is about, each two calls and their lock once. */
function pairsAbout(pairs: readonly ContendPair[], isAbout: (pair: ContendPair) => boolean): Ends {
  const found = pairs.filter(isAbout).map(({ a, b, resource }) => ({ a, b, resource }));
  return [...new Map(found.map((ends) => [`${ends.resource} ${ends.a} ${ends.b}`, ends])).values()];
}

// ---------------------------------------------------------------- primitives

/** A module may have several words with a lock among their bits, each with functions of its own. */
const keyOf = ({ kind, operation, mode, side, word }: LockProgram): string =>
  [kind, operation, mode, side ?? "", kind === "bit" || kind === "bit_hp" ? word.type : ""].join(" ");
const withoutPlaces = ({ word, steps }: LockProgram): string =>
  JSON.stringify([word, steps.map(({ instruction, branches }) => ({ instruction, branches }))]);

function primitiveChanges(a: Catalog, b: Catalog, pairs: PairsOf): BehaviourChange[] {
  const [before, after] = [a, b].map(({ primitives }) => new Map(primitives.map((p) => [keyOf(p), p])));
  const keys = [...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])].sort(compareText);
  return keys.flatMap((key): BehaviourChange[] => {
    const [x, y] = [before?.get(key) ?? null, after?.get(key) ?? null];
    const one = y ?? x;
    if (one === null || (x !== null && y !== null && withoutPlaces(x) === withoutPlaces(y))) return [];
    return [
      {
        kind: "primitive",
        name: one.function,
        what: programMeaning(x, y),
        before: x && { text: programText(x), site: siteOf(x) },
        after: y && { text: programText(y), site: siteOf(y) },
        resources: resourcesOf(y === null ? a : b, one),
        pairs: pairsAbout(y === null ? pairs.before : pairs.after, uses(y === null ? a : b, one)),
      },
    ];
  });
}

const siteOf = ({ evidence, steps }: LockProgram): Site => ({ ...evidence, line: steps[0]?.line ?? evidence.line });

/** Resources of rows that the primitive takes or gives back. */
function resourcesOf({ leaves }: Catalog, program: LockProgram): string[] {
  const rows = leaves.flatMap(({ acquisitions }) => acquisitions.filter((row) => servesRow(program, row)));
  return [...new Set(rows.map(({ resource }) => resource))].sort(compareResources);
}

/** Does one of a pair's calls take its lock by the primitive? */
function uses({ leaves }: Catalog, program: LockProgram): (pair: ContendPair) => boolean {
  const key = (leaf: string, resource: string): string => `${leaf} ${resource}`;
  const users = new Set(
    leaves.flatMap(({ name, acquisitions }) =>
      acquisitions.filter((row) => servesRow(program, row)).map(({ resource }) => key(name, resource)),
    ),
  );
  return ({ a, b, resourceA, resourceB }) => users.has(key(a, resourceA)) || users.has(key(b, resourceB));
}

/** What a program does that a reader asks about; each with the words for doing it and for not doing it. */
const TRAITS: readonly {
  readonly has: (p: LockProgram) => boolean;
  readonly does: string;
  readonly doesNot: string;
}[] = [
  {
    has: ({ steps }) => steps[0]?.instruction.op === "read" && tests(steps[0].branches, "hp"),
    does: "reads host priority before it takes anything",
    doesNot: "takes something before it looks at host priority",
  },
  {
    has: ({ operation, steps }) =>
      operation === "acquire" && steps.some(({ instruction: i }) => i.op === "xadd" && i.by < 0),
    does: "takes its count back when it is refused",
    doesNot: "never subtracts",
  },
  {
    has: ({ operation, steps }) =>
      operation === "acquire" && steps.some(({ instruction: i }) => i.op === "btr" && i.clear.exclusive !== undefined),
    does: "gives the lock's bit back when it is refused",
    doesNot: "never gives the lock's bit back",
  },
  {
    has: ({ steps }) => steps.some(({ instruction: i }) => (i.op === "or" || i.op === "bts") && i.set.hp !== undefined),
    does: "sets host priority",
    doesNot: "sets no host priority",
  },
  {
    has: ({ steps }) => steps.some(({ branches }) => branches.some(({ to }) => to === "busy-host-priority")),
    does: "may return BUSY_HOST_PRIORITY",
    doesNot: "never returns BUSY_HOST_PRIORITY",
  },
  {
    has: ({ steps }) => steps.some(({ branches }) => branches.some(({ to }) => to === "halt")),
    does: "has a sanity check",
    doesNot: "has no sanity check",
  },
];

const tests = (branches: LockProgram["steps"][number]["branches"], field: string): boolean =>
  branches.some(({ when }) => when?.some((list) => list.some((test) => test.field === field)));

function programMeaning(before: LockProgram | null, after: LockProgram | null): string {
  const one = after ?? before;
  if (one === null) return "";
  const subject = primitiveName(one);
  if (before === null) return `${subject} is new`;
  if (after === null) return `${subject} is gone`;
  const changed = TRAITS.filter(({ has }) => has(before) !== has(after)).map((t) =>
    t.has(after) ? t.does : t.doesNot,
  );
  if (changed.length === 0) return `${subject} ${otherSteps(before, after)}`;
  const last = changed.length > 1 ? ` and ${changed.at(-1)}` : "";
  return `${subject} ${changed.length > 1 ? changed.slice(0, -1).join(", ") : changed[0]}${last}`;
}

/** What differs of two programs that no trait tells apart: their words may be the same, and the bits of the lock's word others. */
function otherSteps(before: LockProgram, after: LockProgram): string {
  if (programText(before) !== programText(after)) return "performs other steps";
  const moved = after.word.fields.flatMap((field) => {
    const was = before.word.fields.find(({ name }) => name === field.name);
    return was === undefined || bitsOf(was) === bitsOf(field)
      ? []
      : [`${field.name} at ${bitsOf(field)}, not ${bitsOf(was)}`];
  });
  return moved.length > 0 ? `has ${moved.join(", and ")}` : "performs the same steps, and tests or ends otherwise";
}

const bitsOf = ({ lsb, width }: LockProgram["word"]["fields"][number]): string =>
  width === 1 ? `bit ${lsb}` : `bits ${lsb + width - 1}:${lsb}`;

const named = (values: Readonly<Record<string, number | undefined>>): string =>
  Object.entries(values)
    .map(([field, value]) => `${field} ${value}`)
    .join(", ") || "0";

function instructionText(i: AtomicInstruction): string {
  switch (i.op) {
    case "xadd":
      return i.by < 0 ? `subtract ${-i.by} from ${i.field}` : `add ${i.by} to ${i.field}`;
    case "cmpxchg":
      return `exchange ${named(i.expected)} for ${named(i.desired)}`;
    case "xchg":
    case "write":
      return `${i.op === "write" ? "store" : "swap in"} ${named(i.value)}`;
    case "or":
    case "bts":
      return `set ${Object.keys(i.set).join(", ")}`;
    case "btr":
      return `clear ${Object.keys(i.clear).join(", ")}`;
    case "xor":
      return `flip ${Object.keys(i.flip).join(", ")}`;
    case "and":
      return `keep ${Object.keys(i.keep).join(", ") || "nothing"}`;
    case "read":
      return "read";
  }
}

const programText = ({ steps }: LockProgram): string =>
  steps.map(({ instruction }) => instructionText(instruction)).join("; ");

// ---------------------------------------------------------------- writers

const WRITE_TEXTS: Readonly<Record<EntryWriteName, string>> = {
  "whole-word": "one store of the whole word: host priority that a host has set meanwhile is lost",
  "keep-host-priority": "one compare-and-exchange: host priority is kept",
  "keep-then-store":
    "a compare-and-exchange that keeps host priority, then a plain store of the same value: what changed between the two is lost, a lock too",
};

function writerChanges(a: Catalog, b: Catalog, pairs: PairsOf): BehaviourChange[] {
  const [before, after] = [writeOf(a), writeOf(b)];
  if (before?.text === after?.text) return [];
  return [
    {
      kind: "writer",
      name: "sept-write",
      what: `a SEPT entry is written by ${after?.text ?? "nothing that is known"}`,
      before,
      after,
      resources: ["SEPT_ENTRY"],
      pairs: pairsAbout(pairs.after, ({ resource }) => resource === "SEPT_ENTRY"),
    },
  ];
}

/** How a module writes entries, at the step that tells; null where it has no writer of entries with locks. */
function writeOf(catalog: Catalog): { text: string; site: Site } | null {
  const writer = catalog.writers.find(({ unlocks }) => unlocks);
  const last = writer?.steps.at(-1);
  if (last === undefined) return null;
  const name = entryWriteName(catalog);
  return { text: name === null ? "several ways, or one that nobody has read" : WRITE_TEXTS[name], site: last.site };
}

// ---------------------------------------------------------------- functions whose variants are known

function functionChanges(a: Catalog, b: Catalog, pairs: PairsOf): BehaviourChange[] {
  return facts.behaviours.flatMap(({ behaviour, function: name, resources, calls, variants }): BehaviourChange[] => {
    const [x, y] = [a, b].map(
      ({ behaviours }) => behaviours.find((one) => one.name === behaviour && one.function === name) ?? null,
    );
    if (!x && !y) return [];
    const isSame = x && y && (x.digest === y.digest || (x.variant !== null && x.variant === y.variant));
    if (isSame) return [];
    // A call that only the newer one has is told as such; a part that it alone has, by the calls that it is a part of.
    if (!x && (resources.length === 0 || !a.leaves.some((leaf) => calls.some((call) => call === leaf.name)))) return [];
    const text = (one: Catalog["behaviours"][number]): string =>
      variants.find((variant) => variant.name === one.variant)?.what ??
      `${name} as nobody has read it: what it does is not known`;
    return [
      {
        kind: "function",
        name,
        what: y ? text(y) : `${name} is gone`,
        before: x ? { text: text(x), site: x.evidence } : null,
        after: y ? { text: text(y), site: y.evidence } : null,
        resources: [...resources],
        pairs: pairsAbout(
          y ? pairs.after : pairs.before,
          (pair) =>
            resources.some((one) => one === pair.resource) && calls.some((call) => call === pair.a || call === pair.b),
        ),
      },
    ];
  });
}

// ---------------------------------------------------------------- leaves

function leafChanges(a: Catalog, b: Catalog): BehaviourChange[] {
  const key = ({ name, variant }: Leaf): string => `${name} ${variant ?? ""}`;
  const before = new Map(a.leaves.map((leaf) => [key(leaf), leaf]));
  return [...b.leaves]
    .sort((x, y) => compareText(key(x), key(y)))
    .flatMap((leaf) => {
      const old = before.get(key(leaf));
      return old === undefined ? [] : changesOf(old, leaf);
    });
}

/** What a leaf states of itself, as items that can be compared one by one. */
type Facet = readonly [what: string, items: (leaf: Leaf) => readonly string[], ofRows: boolean];

const rowItems = (leaf: Leaf, text: (row: Acquisition) => string): string[] =>
  leaf.acquisitions
    .filter(({ mode }) => mode !== "NO_LOCK")
    .map((row) => `${row.resource}${row.role === null ? "" : ` (${row.role})`}: ${text(row)}`);

const FACETS: readonly Facet[] = [
  ["OP_STATEs in which it is legal", ({ opStates }) => opStates ?? ["not checked"], false],
  ["SEPT states on which it is legal", ({ septStates }) => septStates ?? ["not checked"], false],
  [
    "statuses of busy things that are no locks",
    ({ otherBusy }) => [
      ...new Set(otherBusy.map(({ name, operand }) => `${name}${operand ? ` | ${operand.id}` : ""}`)),
    ],
    false,
  ],
  ["statuses of its locks", (leaf) => rowItems(leaf, ({ busyStatus }) => busyStatus ?? "none"), true],
  [
    "statuses that say host priority",
    (leaf) => rowItems(leaf, ({ hostPriorityStatus }) => hostPriorityStatus ?? "none"),
    true,
  ],
  [
    "locks that it promotes",
    (leaf) => rowItems(leaf, ({ promotion }) => (promotion === null ? "not promoted" : "promoted")),
    true,
  ],
];

/** What both have is compared; where the rows differ, what is said of rows is told with the rows. */
function changesOf(before: Leaf, after: Leaf): BehaviourChange[] {
  const sameRows = rowItems(before, () => "").join() === rowItems(after, () => "").join();
  return FACETS.flatMap(([what, items, ofRows]): BehaviourChange[] => {
    const [x, y] = [items(before), items(after)];
    if (x.join() === y.join() || (ofRows && !sameRows)) return [];
    const only = (own: readonly string[], other: readonly string[]): string =>
      own
        .filter((item) => !other.includes(item))
        .sort(compareText)
        .join(", ");
    const [left, right] = [only(x, y), only(y, x)];
    if (left === "" && right === "") return [];
    return [
      {
        kind: "leaf",
        name: after.variant === null ? after.name : `${after.name} [${after.variant}]`,
        what,
        before: { text: left || "none of these", site: before.handler },
        after: { text: right || "none of these", site: after.handler },
        resources: [],
        pairs: [],
      },
    ];
  });
}
