/** Strange input for every reader, for so many seconds of processor time each: the targets of `npm run fuzz`. */
import { fuzzed } from "../fuzz/campaign.ts";
import { TARGETS } from "../fuzz/targets.ts";
import { type Part, progress } from "./program.ts";

export async function strangeInputs(seconds: number, seed: number): Promise<Part> {
  const faults: string[] = [];
  const counts: string[] = [];
  let inputs = 0;
  for (const name of Object.keys(TARGETS)) {
    progress(`strange inputs: ${name}`);
    const tally = await fuzzed(name, seconds, seed);
    inputs += tally.inputs;
    counts.push(`${name} ${tally.inputs}`);
    if (tally.faults > 0) faults.push(`${name}: ${tally.faults} inputs at fault, kept in fuzz-found/`);
    // A reader that got none was not tried.
    if (tally.inputs === 0) faults.push(`${name}: no input in ${seconds} s`);
  }
  return {
    name: "strange inputs",
    figures: [
      `${inputs} in ${seconds} s of processor time a target (${counts.join(", ")})`,
      `${faults.length} targets with faults`,
    ],
    faults,
  };
}
