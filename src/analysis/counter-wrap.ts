/**
 * Where the counter of a sharex_hp lock can wrap (docs/counter-wrap.md): somebody holds the lock exclusively, a host is refused and sets
 * host priority, a guest tries to share it, adds one to the counter, sees host priority, and subtracts one after the holder's release has
 * reset the counter. Which three calls can meet like that on one lock, as far as the locks and OP_STATEs in a catalog tell.
 */
import { type Acquisition, type Catalog, type Leaf, releasedBefore } from "../catalog/index.ts";
import { locksUnderGuest } from "./contention.ts";
import { isPerTd, resourceFacts } from "./resources.ts";

/** One call's part in it. */
export interface WrapRole {
  readonly leaf: string;
  readonly variant: string | null;
  /** The object that carries the lock, in the leaf's own terms. */
  readonly object: string;
}

/** Three calls, and why they cannot meet; null: nothing in the catalog rules it out, which is no proof that it happens. */
export interface CounterWrap {
  readonly resource: string;
  /** Holds the lock exclusively and gives it back between the reader's two instructions. */
  readonly holder: WrapRole;
  /** A host whose try, shared or exclusive, is refused meanwhile. */
  readonly refused: WrapRole;
  /** A guest that tries to share the lock. */
  readonly reader: WrapRole;
  readonly excludedBy: string | null;
}

/** A row with its leaf and its place in it. */
interface Try {
  readonly leaf: Leaf;
  readonly row: Acquisition;
  readonly at: number;
}

/**
 * Whose object a row is about, in the leaf's own terms: the TD that the call names, another TD that it names, or the TD that runs. Objects
 * of different leaves are taken for the same one, since callers choose what they name. Null for what is no TD's, such as a range's entry.
 */
function tdOf({ leaf, row }: Pick<Try, "leaf" | "row">): string | null {
  if (!isPerTd(row.resource)) return null;
  if (row.td === "other") return leaf.side === "guest" ? "target" : "service TD";
  return leaf.side === "guest" ? "own" : "named";
}

/** The TD whose OP_STATE decides whether the leaf is legal. */
function checkedTd(leaf: Leaf): string {
  if (leaf.side === "host") return "named";
  return leaf.acquisitions.some(({ td }) => td === "other") ? "target" : "own";
}

/**
 * Locks that the leaf surely takes before this one and still holds, or must have got, when it comes here. Only those of which the same TD,
 * or the system, has one: two calls on a TD may name different vCPUs and pages, and two on what is no TD's are of any two TDs.
 */
function before(one: Try): Acquisition[] {
  return one.leaf.acquisitions.slice(0, one.at).filter((row) => {
    if (row.mode === "NO_LOCK" || row.when !== null || releasedBefore(row, one.row)) return false;
    const { scope } = resourceFacts(row.resource);
    return scope === "system" || (scope === "td" && tdOf({ leaf: one.leaf, row }) === tdOf(one));
  });
}

/** What a guest's vCPU holds of its own TD as long as it runs; of what a TD has several, another vCPU holds another. */
function heldByEntry(catalog: Catalog): Acquisition[] {
  return locksUnderGuest(catalog).filter(({ mode, resource }) => mode !== "NO_LOCK" && resource === "TDR");
}

/** A lock that one of them holds when it comes to the lock in question, and that the other must take before. */
function keptApart(catalog: Catalog, holder: Try, other: Try): string | null {
  const entry = heldByEntry(catalog);
  const inside = (one: Try) => (tdOf(one) === "own" ? [...before(one), ...entry] : before(one));
  for (const mine of inside(holder)) {
    const theirs = inside(other).find(
      ({ resource, mode }) => resource === mine.resource && (mode === "EXCLUSIVE" || mine.mode === "EXCLUSIVE"),
    );
    if (theirs !== undefined) return `${mine.resource}, taken before`;
  }
  return null;
}

/** OP_STATEs keep two calls apart where both come to the lock after a check of the same TD's state, which the op-state lock protects. */
function neverLegal(a: Try, b: Try): string | null {
  const states = [a, b].map((one) => {
    const checked = checkedTd(one.leaf) === tdOf(one) && before(one).some(({ resource }) => resource === "TDCS");
    return checked ? one.leaf.opStates : null;
  });
  const [mine, theirs] = states;
  if (!mine || !theirs || mine.length === 0 || theirs.length === 0) return null;
  return mine.some((state) => theirs.includes(state)) ? null : "no common OP_STATE";
}

const roleOf = ({ leaf, row }: Try): WrapRole => ({ leaf: leaf.name, variant: leaf.variant, object: row.object });

/** Is it known that a refused guest takes nothing back? From 1.5.28 and 2.0.16 on it looks at host priority first, and adds nothing. */
function neverSubtracts({ primitives }: Catalog): boolean {
  const guest = primitives.filter(
    ({ kind, operation, mode, side }) =>
      kind === "sharex_hp" && operation === "acquire" && mode === "SHARED" && side !== "host",
  );
  const subtracts = guest.some(({ steps }) => steps.some(({ instruction: i }) => i.op === "xadd" && i.by < 0));
  return guest.length > 0 && !subtracts;
}

/** All triples of a module, by resource in the order of the catalog; none where its guests never subtract. */
export function counterWraps(catalog: Catalog): CounterWrap[] {
  if (neverSubtracts(catalog)) return [];
  const tries = catalog.leaves.flatMap((leaf) =>
    leaf.acquisitions.flatMap((row, at): Try[] =>
      row.lock === "sharex_hp" && row.mode !== "NO_LOCK" ? [{ leaf, row, at }] : [],
    ),
  );
  const resources = [...new Set(tries.map(({ row }) => row.resource))];
  return resources.flatMap((resource) => {
    const here = tries.filter(({ row }) => row.resource === resource);
    const holders = here.filter(({ row }) => row.mode === "EXCLUSIVE");
    const hosts = here.filter(({ row }) => row.side === "host");
    const readers = here.filter(({ row }) => row.side === "guest" && row.mode === "SHARED");
    return holders.flatMap((holder) =>
      hosts.flatMap((refused) =>
        readers.map((reader): CounterWrap => {
          const excludedBy =
            keptApart(catalog, holder, refused) ??
            keptApart(catalog, holder, reader) ??
            neverLegal(holder, refused) ??
            neverLegal(holder, reader);
          return { resource, holder: roleOf(holder), refused: roleOf(refused), reader: roleOf(reader), excludedBy };
        }),
      ),
    );
  });
}
