/** The matrix: which two calls can meet, on what, and what it costs. */
import {
  type ContentionMap,
  type MapEntry,
  type MapPair,
  meetingWords,
  OUTCOME_WORDS,
  OUTCOMES,
  type Outcome,
} from "./map.ts";

/** What the matrix leaves out. */
export interface MatrixFilter {
  readonly resource: string | null;
  readonly opState: string | null;
  /** `host`: two SEAMCALLs; `guest`: at least one TDCALL. */
  readonly side: "host" | "guest" | null;
}

/** What two calls are to each other. */
export interface Cell {
  /** The worst of its pairs. */
  readonly outcome: Outcome;
  readonly rare: boolean;
  /** Resources on which the two can contend, in the order of reports. */
  readonly on: readonly string[];
  /** Why they cannot, where they cannot. */
  readonly why: readonly string[];
}

/** Cells by {@link cellKey}; two calls without a cell never conflict. */
export type ContentionMatrix = ReadonlyMap<string, Cell>;

/** The key of two entries, in either order. */
export function cellKey(a: string, b: string): string {
  return a <= b ? `${a}\n${b}` : `${b}\n${a}`;
}

const isMet = (outcome: Outcome): boolean => outcome !== "excluded" && outcome !== "unjudged";

/** Can the two contend, as far as that is judged? */
export function isPossible(cell: Cell | undefined): boolean {
  return cell !== undefined && isMet(cell.outcome);
}

function passes(pair: MapPair, entries: readonly MapEntry[], { resource, opState, side }: MatrixFilter): boolean {
  if (resource !== null && pair.resource !== resource) return false;
  if (opState !== null && pair.states !== null && !pair.states.includes(opState)) return false;
  const guests = [pair.a, pair.b].filter((at) => entries[at]?.side === "guest").length;
  return side === null || (side === "host" ? guests === 0 : guests > 0);
}

/** The cells of all pairs that pass. */
export function matrixOf({ entries, pairs }: ContentionMap, filter: MatrixFilter): ContentionMatrix {
  const groups = new Map<string, MapPair[]>();
  for (const pair of pairs) {
    if (!passes(pair, entries, filter)) continue;
    const key = cellKey(entries[pair.a]?.id ?? "", entries[pair.b]?.id ?? "");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [pair]);
    else group.push(pair);
  }
  return new Map([...groups].map(([key, group]) => [key, cellOf(group)]));
}

/** Worse first; what ordinary operation meets before what it does not. */
export function compareOutcomes(x: Pick<Cell, "outcome" | "rare">, y: Pick<Cell, "outcome" | "rare">): number {
  return Number(x.rare) - Number(y.rare) || OUTCOMES.indexOf(x.outcome) - OUTCOMES.indexOf(y.outcome);
}

function cellOf(pairs: readonly MapPair[]): Cell {
  const met = pairs.filter(({ outcome }) => isMet(outcome));
  const [worst] = [...(met.length > 0 ? met : pairs)].sort(compareOutcomes);
  return {
    outcome: worst?.outcome ?? "excluded",
    rare: worst?.rare ?? false,
    on: [...new Set(met.map(({ resource }) => resource))],
    why: [...new Set(pairs.map(({ why }) => why).filter((why) => why !== ""))],
  };
}

/** The entries that have a cell with another one of the list, in the list's order. `folded`: one that is possible. */
export function withCells(
  entries: readonly MapEntry[],
  matrix: ContentionMatrix,
  folded: boolean,
): readonly MapEntry[] {
  const has = (a: string, b: string): boolean => {
    const cell = matrix.get(cellKey(a, b));
    return folded ? isPossible(cell) : cell !== undefined;
  };
  return entries.filter(({ id }) => entries.some((other) => has(id, other.id)));
}

/** A cell in one sentence. */
export function cellText(a: string, b: string, cell: Cell | undefined): string {
  const names = a === b ? `${a} with itself` : `${a} and ${b}`;
  if (cell === undefined) return `${names}: never, they share no lock or only share it`;
  if (isMet(cell.outcome)) return `${names}: ${meetingWords(cell.outcome, cell.rare, cell.on)}`;
  return `${names}: ${OUTCOME_WORDS[cell.outcome]} (${cell.why.slice(0, 2).join("; ")}${cell.why.length > 2 ? "; and more" : ""})`;
}
