/**
 * Random programs in the module's style: what the extraction says of each is held against what its runs do. `SEAMLOCK_RUNS` says how
 * many programs, of five leaves each.
 *
 * These are left to one side, since the catalog says of itself that it does: what depends on two locks being busy at once, and that a loop
 * whose rounds nobody has counted (`times`) may have none.
 */
import { describe, expect, test } from "vitest";
import { compare, type Difference, isExcused, type Precision } from "./random-compare.ts";
import { randomProgram } from "./random-generator.ts";
import { Meaningless, runsOf } from "./random-oracle.ts";
import { type Program, printed } from "./random-program.ts";
import { shrunk } from "./random-shrink.ts";
import { catalogOf } from "./random-tree.ts";

const PROGRAMS = Number(process.env["SEAMLOCK_RUNS"] ?? 60);
const LEAVES = 5;
/** Of the same programs in every run, unless `SEAMLOCK_SEED` says otherwise. */
const FIRST = Number(process.env["SEAMLOCK_SEED"] ?? 1);

/** Claims in which two locks are busy at once. */
const OF_TWO = /-of-two$/;

interface Outcome {
  readonly differences: readonly Difference[];
  readonly isExcused: boolean;
}

/** @throws Meaningless of a program that does what no module does */
async function outcomeOf(program: Program, precision: Precision): Promise<Outcome> {
  const text = printed(program);
  const runs = program.leaves.map((leaf) => runsOf(program, leaf, text.lineOf));
  const catalog = await catalogOf(program, text);
  if (isExcused(catalog)) return { differences: [], isExcused: true };
  const differences = program.leaves.flatMap(({ name }, i) => {
    const leaf = catalog.leaves.find((one) => one.name === name);
    const all = runs[i];
    if (leaf === undefined || all === undefined) throw new Error(`the catalog has no ${name}`);
    return compare(catalog, leaf, all, precision).map((d) => ({ ...d, text: `${name}: ${d.text}` }));
  });
  return { differences: differences.filter(({ claim }) => !OF_TWO.test(claim)), isExcused: false };
}

/** The smallest program that shows one of the differences, as C, and all that it shows. */
async function explained(program: Program, { claim }: Difference): Promise<string> {
  const differencesOf = async (smaller: Program): Promise<readonly Difference[]> => {
    try {
      return (await outcomeOf(smaller, new Map())).differences;
    } catch (error) {
      if (error instanceof Meaningless) return [];
      throw error;
    }
  };
  const smallest = await shrunk(program, async (smaller) =>
    (await differencesOf(smaller)).some((one) => one.claim === claim),
  );
  const text = printed(smallest).text.split("\n");
  const said = (await differencesOf(smallest)).map((one) => `${one.claim}: ${one.text}`);
  return [...said, ...text.map((line, i) => `${i + 1}\t${line}`)].join("\n");
}

/** Of all that is told, how much no run does: a bound on what may be told too much. */
const share = (precision: Precision, claim: string): number => {
  const { told, idle } = precision.get(claim) ?? { told: 0, idle: 0 };
  return told === 0 ? 0 : idle / told;
};

describe("random programs", () => {
  test("do nothing that the catalog does not tell", { timeout: 600_000 }, async () => {
    const precision: Precision = new Map();
    let [excused, meaningless] = [0, 0];
    for (let seed = FIRST; seed < FIRST + PROGRAMS; seed++) {
      const program = randomProgram(seed, LEAVES);
      try {
        const outcome = await outcomeOf(program, precision);
        if (outcome.isExcused) excused++;
        const [difference] = outcome.differences;
        if (difference !== undefined) expect.fail(`of seed ${seed}: ${await explained(program, difference)}`);
      } catch (error) {
        if (!(error instanceof Meaningless)) throw error;
        meaningless++;
      }
    }
    if (process.env["SEAMLOCK_RUNS"] !== undefined) console.log({ excused, meaningless, precision });
    expect(excused + meaningless).toBeLessThan(1 + PROGRAMS / 20);
    // Most of what is told is done by some run.
    for (const claim of ["row", "busy", "statuses", "SL1032"])
      expect([claim, share(precision, claim) < 0.2]).toEqual([claim, true]);
  });

  test("are what a program of a module is: most succeed, some find locks busy, some keep one", () => {
    let [successes, busy, kept, all] = [0, 0, 0, 0];
    for (let seed = FIRST; seed < FIRST + 40; seed++) {
      const program = randomProgram(seed, LEAVES);
      for (const leaf of program.leaves) {
        const { runs } = runsOf(program, leaf, printed(program).lineOf);
        all++;
        if (runs.some(({ status }) => status === 0n)) successes++;
        if (runs.some(({ events }) => events.some(({ kind }) => kind === "failed"))) busy++;
        if (runs.some((run) => run.kept.length > 0)) kept++;
      }
    }
    expect(successes / all).toBeGreaterThan(0.7);
    expect(busy / all).toBeGreaterThan(0.5);
    expect(kept / all).toBeGreaterThan(0.02);
    expect(kept / all).toBeLessThan(0.3);
  });
});
