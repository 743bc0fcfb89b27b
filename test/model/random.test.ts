/**
 * Random houses: which calls meet when the scenario kind `host-paths` runs a host's paths, beside what a plain oracle meets. SEAMLOCK_RUNS
 * says how many, SEAMLOCK_SEED the first one's seed. What fails is made small first.
 */
import { expect, test } from "vitest";
import { generate } from "../analysis/random/generate.ts";
import { TooMany } from "../analysis/random/oracle.ts";
import { shrink, written } from "../analysis/random/shrink.ts";
import { differences, plain } from "./random/compare.ts";

const RUNS = Number(process.env["SEAMLOCK_RUNS"] ?? 120);
const FIRST = Number(process.env["SEAMLOCK_SEED"] ?? 1);

test(
  "the paths of a host meet where the oracle meets them, and nowhere else",
  () => {
    let judged = 0;
    for (let seed = FIRST; seed < FIRST + RUNS; seed++) if (agrees(seed)) judged++;
    expect(judged).toBeGreaterThan(RUNS * 0.7);
  },
  60_000 + RUNS * 2000,
);

/** False of a house that cannot be judged. */
function agrees(seed: number): boolean {
  const house = plain(generate(seed));
  if (house === null) return false;
  let found: string[];
  try {
    found = differences(house);
  } catch (error) {
    if (error instanceof TooMany) return false;
    throw error;
  }
  if (found.length === 0) return true;
  const side = found[0]?.split(":")[0] as string;
  const small = shrink(house, (smaller) => differences(smaller).some((one) => one.startsWith(side)));
  throw new Error(`seed ${seed}: ${differences(small).join("\n")}\n${written(small)}`);
}
