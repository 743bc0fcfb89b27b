/** Is the reduced search right? Explore both spaces and compare everything that can be compared. */
import type { Model } from "../language/index.ts";
import { type CheckOptions, checkAndKeep } from "./check.ts";
import { type Field, valueIn } from "./pack.ts";
import type { CheckResult } from "./result.ts";
import type { Search } from "./search.ts";

export interface ReductionReport {
  readonly reduced: CheckResult;
  readonly plain: CheckResult;
  /** States of the plain space in which no process stands at a folded label, counted up to symmetry. Must equal `reduced.states`. */
  readonly expectedStates: number;
  /** What differs; empty when the reduction is right. */
  readonly differences: readonly string[];
}

/** The plain states that the reduction keeps, in canonical form: how many different ones, and is each in the reduced space? */
function keptStates(reduced: Search, plain: Search): { expected: number; missing: number } {
  // Both pack states alike, since packing does not depend on what is reduced.
  const { layout, reductions, packing } = reduced.prepared;
  const places = layout.instances.map((instance) => packing.fields[instance.pc] as Field);
  const kept = new Set<number>();
  let missing = 0;
  for (let id = 1; id < plain.space.count; id++) {
    const words = plain.space.words(id);
    if (places.some((place, i) => reductions.folded[i]?.has(valueIn(words, place)))) continue;
    reduced.space.canonical(words);
    const at = reduced.space.find(words);
    if (at === 0) missing++;
    kept.add(at);
  }
  kept.delete(0);
  return { expected: kept.size + missing, missing };
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

/** Explore with and without reductions and compare. */
export function verifyReduction(model: Model, { helpers: _, ...options }: CheckOptions = {}): ReductionReport {
  const { result: reduced, search: few } = checkAndKeep(model, { ...options, noReduction: false });
  const { result: plain, search: many } = checkAndKeep(model, { ...options, noReduction: true });
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
  const { expected, missing } =
    few?.complete && many?.complete ? keptStates(few, many) : { expected: reduced.states, missing: 0 };
  if (missing > 0) differences.push(`${missing} states that should be kept were not reached by the reduced search`);
  compare("states", String(reduced.states), String(expected));
  return { reduced, plain, expectedStates: expected, differences };
}
