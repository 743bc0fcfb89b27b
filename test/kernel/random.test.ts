/**
 * Random programs: what src/kernel tells of each, beside what a plain interpreter of the same program sees in its runs. SEAMLOCK_RUNS
 * says how many (a thousand take a minute), SEAMLOCK_SEED the first one's seed. What fails is made small first.
 */
import { expect, test } from "vitest";
import { type Asked, type Comparison, compare } from "./random/compare.ts";
import { generate } from "./random/generate.ts";
import { type Program, written } from "./random/program.ts";
import { isValid, shrink } from "./random/shrink.ts";

const RUNS = Number(process.env["SEAMLOCK_RUNS"] ?? 150);
const FIRST = Number(process.env["SEAMLOCK_SEED"] ?? 200);
const FEW = 50;
const seeds = Array.from({ length: RUNS }, (_, i) => FIRST + i);

/** Half of the programs are run in each phase; a fourth with more than one BUSY. */
const asked = (seed: number): Asked => ({ phases: [seed % 2 === 0 ? "late" : "early"], isBusyToo: seed % 4 === 0 });

test("random programs mean the same to C as to their interpreter", () => {
  expect(seeds.filter((seed) => !isValid(generate(seed)))).toEqual([]);
});

test(
  "each lock that is told is held, and each reaction that is seen is told",
  () => {
    const all = seeds.map((seed) => {
      const result = compare(generate(seed), asked(seed));
      if (result.differences.length > 0) throw new Error(explained(seed));
      return result;
    });
    const sum = (of: (one: Comparison) => number): number => all.reduce((total, one) => total + of(one), 0);
    // It would say nothing if hardly a run could be judged, or hardly anything were known; of a few programs that may be so.
    if (RUNS < FEW) return;
    expect(sum(({ checked }) => checked)).toBeGreaterThan(RUNS / 2);
    expect(sum(({ unknown }) => unknown)).toBeLessThan(sum(({ told }) => told) / 2);
    if (process.env["SEAMLOCK_RUNS"] !== undefined) console.log(precision(all, sum));
  },
  60_000 + RUNS * 400,
);

/** What the profile tells that no run shows, where all runs could be made: not wrong, but less exact than it may be. */
function precision(all: readonly Comparison[], sum: (of: (one: Comparison) => number) => number): string {
  const [told, unseen, unknown] = [sum((one) => one.told), sum((one) => one.unseen), sum((one) => one.unknown)];
  const runs = sum((one) => one.runs);
  const checked = sum((one) => one.checked);
  return `${all.length} programs, ${runs} runs, ${checked} reactions judged; ${told} reactions told: ${unseen} that no judged run shows, ${unknown} unknown`;
}

/** A smallest program with a difference of the same kind, and that difference. */
function explained(seed: number): string {
  const program = generate(seed);
  const kind = compare(program, asked(seed)).differences[0]?.kind;
  const showsIn = (smaller: Program, how: Asked): boolean =>
    compare(smaller, how).differences.some((one) => one.kind === kind);
  // Fewer runs are quicker, where they show it.
  const few = { ...asked(seed), most: 400 };
  const how = showsIn(program, few) ? few : asked(seed);
  const small = shrink(program, (smaller) => showsIn(smaller, how), how === few ? 1500 : 300);
  const what = compare(small, how).differences.map((one) => `${one.kind}: ${one.what}`);
  return `seed ${seed}: ${what.join("\n")}\n${written(small, false)}`;
}
