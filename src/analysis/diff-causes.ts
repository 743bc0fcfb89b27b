/**
 * The facts behind a difference of two modules, each once: what changed, of which calls, and which contentions follow from it.
 *
 * A contention is told under the first cause that accounts for it: a call that one side does not have; a row of one of the two calls on
 * that lock; a state table of one of the two; else the order of locks, which lets or makes the two meet elsewhere.
 */
import { type HostSeverity, worst } from "../host/index.ts";
import { compareResources, compareText } from "./resources.ts";
import type { Cause, ContendPair, DiffDocument, LeafChange, RowChange, RowFacts } from "./schema.ts";

/** Variants of leaves that both sides have, which only one of them tells apart. */
export interface Variants {
  readonly added: readonly { readonly leaf: string; readonly variant: string | null }[];
  readonly removed: readonly { readonly leaf: string; readonly variant: string | null }[];
}

interface Differences extends Pick<DiffDocument, "leaves" | "changed" | "leafChanges" | "contention"> {
  readonly variants: Variants;
}

interface Fact extends Omit<Cause, "calls" | "appeared" | "disappeared"> {
  readonly call: string;
}

/** The causes, those that change contention first, then by how many calls they concern. */
export function causesOf({ leaves, variants, changed, leafChanges, contention }: Differences): Cause[] {
  const whole = (kind: "call-added" | "call-removed") => (call: string) => fact(kind, call, null, null, null, null);
  const facts = [
    ...leaves.added.map(whole("call-added")),
    ...leaves.removed.map(whole("call-removed")),
    ...variants.added.map(({ leaf, variant }) => fact("variant-added", leaf, null, null, null, variant)),
    ...variants.removed.map(({ leaf, variant }) => fact("variant-removed", leaf, null, null, variant, null)),
    ...changed.filter((change) => !isWhole(change, variants)).flatMap(rowFacts),
    ...leafChanges.map(leafFact),
  ];
  const causes = new Map<string, Cause>();
  for (const { call, ...rest } of facts) {
    const key = JSON.stringify({ ...rest, conditions: null });
    const cause = causes.get(key) ?? { ...rest, calls: [], appeared: [], disappeared: [] };
    if (!cause.calls.includes(call)) cause.calls.push(call);
    causes.set(key, cause);
  }
  const all = [...causes.values()];
  const place = (pairs: readonly ContendPair[], into: "appeared" | "disappeared"): void => {
    for (const pair of pairs) {
      const cause =
        all.find((one) => accounts(one, pair, DIRECT)) ??
        all.find((one) => accounts(one, pair, INDIRECT)) ??
        orderCause(all);
      const { a, b, resource } = pair;
      const known = cause[into].find((p) => p.a === a && p.b === b && p.resource === resource);
      const hosted = pair.paths.length === 0 ? {} : { severity: severityOfPair(pair, known?.severity) };
      if (known === undefined) cause[into].push({ a, b, resource, ...hosted });
      else Object.assign(known, hosted);
    }
  };
  place(contention.appeared, "appeared");
  place(contention.disappeared, "disappeared");
  return all.sort(compareCauses);
}

/** The worst that a host's paths come to where the two calls contend, or what is already known if that is worse. */
export function severityOfPair({ paths }: ContendPair, known: HostSeverity = "none"): HostSeverity {
  return worst([known, ...paths.filter(({ possible }) => possible).map(({ severity }) => severity)]);
}

function fact(
  kind: Cause["kind"],
  call: string,
  resource: string | null,
  role: string | null,
  before: string | null,
  after: string | null,
): Fact {
  return { kind, resource, role, before, after, call };
}

/** A row of a variant that only one side has: told with the variant. */
function isWhole({ leaf, variant }: RowChange, { added, removed }: Variants): boolean {
  return [...added, ...removed].some((one) => one.leaf === leaf && one.variant === variant);
}

/** A row that differs, as the single facts in which it does. */
function rowFacts({ leaf, resource, role, before, after }: RowChange): Fact[] {
  if (before === null || after === null) {
    const kind = before === null ? "row-added" : "row-removed";
    const row = before ?? after;
    const text = row === null ? null : `${row.lock} ${row.mode}`;
    return [fact(kind, leaf, resource, role, before === null ? null : text, before === null ? text : null)];
  }
  const differs = (kind: Cause["kind"], of: (row: RowFacts) => string | null): Fact[] => {
    const [x, y] = [of(before), of(after)];
    return x === y ? [] : [fact(kind, leaf, resource, null, x, y)];
  };
  return [
    ...differs("lock", (row) => row.lock),
    ...differs("mode", (row) => row.mode),
    ...differs("condition", (row) => row.when).map((one) => ({
      ...one,
      conditions: { before: before.condition, after: after.condition },
    })),
    ...differs("side", (row) => row.side),
    ...differs("times", (row) => row.times),
    ...differs("status", statusText),
    ...differs("promotion", (row) => (row.promoted ? "promoted" : "taken in one step")),
    ...differs("release", (row) => row.release),
  ];
}

function statusText({ status, priorityStatus, otherStatuses }: RowFacts): string | null {
  const all = [status, priorityStatus, ...otherStatuses].filter((one) => one !== null);
  return all.length === 0 ? null : all.join(", ");
}

/** Lists by what is gone and what is new, so that calls with the same change share a fact; null: nothing is checked. */
function leafFact({ leaf, field, before, after }: LeafChange): Fact {
  const only = (mine: readonly string[] | null, other: readonly string[] | null): string | null =>
    mine === null ? null : mine.filter((item) => !other?.includes(item)).join(", ");
  return fact(field, leaf, null, null, only(before, after), only(after, before));
}

/** Changes of a row that decide whether two calls conflict at its lock, and a call that is there or not. */
const DIRECT: readonly Cause["kind"][] = [
  "call-added",
  "call-removed",
  "variant-added",
  "variant-removed",
  "row-added",
  "row-removed",
  "mode",
  "lock",
  "side",
];
/** What decides it elsewhere: whether the row is sure, and whether both calls are legal at once. */
const INDIRECT: readonly Cause["kind"][] = ["op-states", "sept-states", "condition"];

function accounts(cause: Cause, pair: ContendPair, kinds: readonly Cause["kind"][]): boolean {
  if (!kinds.includes(cause.kind)) return false;
  if (!cause.calls.includes(pair.a) && !cause.calls.includes(pair.b)) return false;
  const variant = cause.kind === "variant-added" ? cause.after : cause.kind === "variant-removed" ? cause.before : null;
  if (variant !== null) {
    const [only = ""] = cause.calls;
    return (pair.a === only && pair.variantA === variant) || (pair.b === only && pair.variantB === variant);
  }
  // A kind of lock says who has priority, not who conflicts.
  if (cause.kind === "lock") return false;
  const named = [pair.resource, pair.resourceA, pair.resourceB];
  return cause.resource === null || cause.kind === "condition" || named.includes(cause.resource);
}

/** The cause of what no single fact accounts for. */
function orderCause(all: Cause[]): Cause {
  const known = all.find(({ kind }) => kind === "order");
  if (known !== undefined) return known;
  const cause: Cause = {
    kind: "order",
    resource: null,
    role: null,
    before: null,
    after: null,
    calls: [],
    appeared: [],
    disappeared: [],
  };
  all.push(cause);
  return cause;
}

const weight = ({ appeared, disappeared }: Cause): number => appeared.length + disappeared.length;

function compareCauses(x: Cause, y: Cause): number {
  return (
    weight(y) - weight(x) ||
    y.calls.length - x.calls.length ||
    compareResources(x.resource ?? "", y.resource ?? "") ||
    compareText(x.kind, y.kind) ||
    compareText(x.calls[0] ?? "", y.calls[0] ?? "")
  );
}
