/** Is the reduced search right? Explore both spaces and compare everything that can be compared. */
import type { Model } from "../language/index.ts";
import { type AsyncCheckOptions, type Checked, type CheckOptions, checkAndKeep, checkAndKeepAsync } from "./check.ts";
import { type Field, valueIn } from "./pack.ts";
import type { CheckResult } from "./result.ts";
import type { Search } from "./search.ts";
import { type Pausing, uninterrupted } from "./watch.ts";

export interface ReductionReport {
  readonly reduced: CheckResult;
  readonly plain: CheckResult;
  /** States of the plain space in which no process stands at a folded label, counted up to symmetry. Must equal `reduced.states`. */
  readonly expectedStates: number;
  /** What differs; empty when the reduction is right, and when not enough was explored to compare. */
  readonly differences: readonly string[];
  /** Why nothing can be said of the reduction: one of the two spaces was not explored whole, or they were not compared to the end. Else null. */
  readonly unexplored: string | null;
}

/** So many states are compared between two pauses. */
const PIECE = 1 << 15;

/** The plain states that the reduction keeps, in canonical form: how many different ones, and is each in the reduced space? */
function* keptStates(reduced: Search, plain: Search): Pausing<{ expected: number; missing: number }> {
  // Both pack states alike, since packing does not depend on what is reduced.
  const { layout, reductions, packing } = reduced.prepared;
  const places = layout.instances.map((instance) => packing.fields[instance.pc] as Field);
  // One byte a state: a set of millions of numbers takes more than the states themselves.
  const isKept = new Uint8Array(reduced.space.count);
  let expected = 0;
  let missing = 0;
  for (let id = 1; id < plain.space.count; id++) {
    if (id % PIECE === 0) yield;
    const words = plain.space.words(id);
    if (places.some((place, i) => reductions.folded[i]?.has(valueIn(words, place)))) continue;
    reduced.space.canonical(words);
    const at = reduced.space.find(words);
    if (at === 0) missing++;
    else if (isKept[at] === 0) expected++;
    isKept[at] = 1;
  }
  return { expected: expected + missing, missing };
}

const names = (result: CheckResult): string =>
  result.violations
    .map(({ property }) => property)
    .sort()
    .join(", ");
const lengths = (result: CheckResult): string =>
  result.violations
    .filter(({ shortest }) => shortest)
    .map(({ property, trace }) => `${property}: ${trace.steps.length}`)
    .sort()
    .join(", ");
const list = (values: readonly unknown[]): string =>
  values
    .map((value) => JSON.stringify(value))
    .sort()
    .join(" ");

/** Explore with and without reductions and compare, by one thread and in one memory. */
export function verifyReduction(
  model: Model,
  { helpers: _, parts: __, ...options }: CheckOptions = {},
): ReductionReport {
  const reduced = checkAndKeep(model, { ...options, noReduction: false });
  return uninterrupted(comparing(reduced, checkAndKeep(model, beside(reduced, options))));
}

/** The same, giving way to other work now and then. */
export async function verifyReductionAsync(
  model: Model,
  { helpers: _, parts: __, ...options }: AsyncCheckOptions = {},
): Promise<ReductionReport> {
  const reduced = await checkAndKeepAsync(model, { ...options, noReduction: false });
  const plain = await checkAndKeepAsync(model, beside(reduced, options));
  const work = comparing(reduced, plain);
  for (;;) {
    const { value, done } = work.next();
    if (done) return value;
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (options.signal?.aborted) return incomparable(reduced, plain, "the comparison was interrupted");
  }
}

/** Options of the plain search: the reduced one keeps its states meanwhile. */
const beside = <O extends CheckOptions>({ search }: Checked, options: O): O => ({
  ...options,
  noReduction: true,
  held: (options.held ?? 0) + (search?.bytes ?? 0),
});

/** Why a space was not explored whole; null: it was. */
function unexploredIn({ result, search }: Checked, which: string): string | null {
  const reason = result.outcome.reason ?? (search?.complete ? null : "it ended at the first violation");
  return reason === null ? null : `the ${which} state space was not explored whole: ${reason}`;
}

/** Of two spaces of which a part is known: they can differ where the reduction is right, and agree where it is wrong. */
const incomparable = (few: Checked, many: Checked, unexplored: string | null): ReductionReport => ({
  reduced: few.result,
  plain: many.result,
  expectedStates: few.result.states,
  differences: [],
  unexplored,
});

function* comparing(few: Checked, many: Checked): Pausing<ReductionReport> {
  const { result: reduced } = few;
  const { result: plain } = many;
  const unexplored = unexploredIn(few, "reduced") ?? unexploredIn(many, "plain");
  if (unexplored !== null || few.search === null || many.search === null) return incomparable(few, many, unexplored);
  const differences: string[] = [];
  const compare = (what: string, a: string, b: string) => {
    if (a !== b) differences.push(`${what}: reduced ${a || "none"}, plain ${b || "none"}`);
  };
  compare("outcome", reduced.outcome.kind, plain.outcome.kind);
  compare("violated", names(reduced), names(plain));
  compare("trace lengths", lengths(reduced), lengths(plain));
  compare("vacuous", list(reduced.vacuous), list(plain.vacuous));
  compare("busy", list(reduced.busy), list(plain.busy));
  compare("never ran", list(reduced.neverRan), list(plain.neverRan));
  const { expected, missing } = yield* keptStates(few.search, many.search);
  if (missing > 0) differences.push(`${missing} states that should be kept were not reached by the reduced search`);
  compare("states", String(reduced.states), String(expected));
  return { reduced, plain, expectedStates: expected, differences, unexplored: null };
}
