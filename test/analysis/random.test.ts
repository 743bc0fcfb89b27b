/**
 * Random houses, a small module with a host around it: what the analysis says of each, beside what a plain oracle meets in it by trying
 * every two calls on every choice of objects in every order. SEAMLOCK_RUNS says how many houses (a hundred take half a minute),
 * SEAMLOCK_SEED the first one's seed. What fails is made small first.
 */
import { expect, test } from "vitest";
import { type Comparison, compare } from "./random/compare.ts";
import { generate } from "./random/generate.ts";
import { TooMany } from "./random/oracle.ts";
import { shrink, written } from "./random/shrink.ts";

const RUNS = Number(process.env["SEAMLOCK_RUNS"] ?? 60);
const FIRST = Number(process.env["SEAMLOCK_SEED"] ?? 1);
const seeds = Array.from({ length: RUNS }, (_, i) => FIRST + i);

test(
  "what meets is never ruled out, what is told of a BUSY happens, and the reasons that are told suffice",
  () => {
    const all = seeds.flatMap((seed) => {
      const result = judged(seed);
      if (result !== null && result.differences.length > 0) throw new Error(explained(seed, result));
      return result ?? [];
    });
    const sum = (of: (one: Comparison) => number): number => all.reduce((total, one) => total + of(one), 0);
    const [met, possible, unmet] = [sum((one) => one.met), sum((one) => one.possible), sum((one) => one.unmet.length)];
    const excluded = sum((one) => one.excluded);
    // It would say nothing if hardly a house could be judged, or hardly anything met; or if whatever can be thought of were possible.
    expect(all.length).toBeGreaterThan(RUNS * 0.8);
    expect(met).toBeGreaterThan(RUNS);
    expect(excluded).toBeGreaterThan(RUNS / 2);
    expect(unmet).toBeLessThan(possible / 12);
    if (process.env["SEAMLOCK_RUNS"] !== undefined)
      console.log(
        `${all.length} of ${RUNS} houses judged: ${possible} pairs of paths possible, ${unmet} never met; ${excluded} excluded`,
      );
  },
  60_000 + RUNS * 2000,
);

/** Null of a house with too many ways to be tried. */
function judged(seed: number): Comparison | null {
  try {
    return compare(generate(seed));
  } catch (error) {
    if (error instanceof TooMany) return null;
    throw error;
  }
}

/** A smallest house with a difference of the same kind, and that difference. */
function explained(seed: number, { differences }: Comparison): string {
  const kind = differences[0]?.kind;
  const small = shrink(generate(seed), (house) => compare(house).differences.some((one) => one.kind === kind));
  const what = compare(small).differences.map((one) => `${one.kind}: ${one.what}`);
  return `seed ${seed}: ${what.join("\n")}\n${written(small)}`;
}
