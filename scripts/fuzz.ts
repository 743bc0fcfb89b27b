/**
 * Strange input for a reader, for so many seconds of processor time: `npm run fuzz -- TARGET|all [SECONDS] [SEED]`.
 *
 * An input is at fault that ends the program, hangs, is refused without a code, is called a bug, or sends control characters to
 * the terminal. Each is kept in `fuzz-found/TARGET-SEED-NUMBER/`, with the command line; the same seed and number make it again.
 */
import { fuzzed } from "./fuzz/campaign.ts";
import { TARGETS } from "./fuzz/targets.ts";

const [wanted = "all", seconds = "60", seedText = "1"] = process.argv.slice(2);
const names = wanted === "all" ? Object.keys(TARGETS) : wanted.split(",");
const unknown = names.filter((name) => !(name in TARGETS));
if (unknown.length > 0 || !(Number(seconds) > 0) || !Number.isInteger(Number(seedText)))
  throw new Error(`usage: npm run fuzz -- TARGET|all [SECONDS] [SEED]; targets: ${Object.keys(TARGETS).join(", ")}`);

let faults = 0;
for (const name of names) {
  const tally = await fuzzed(name, Number(seconds), Number(seedText));
  const ends = [...tally.statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} of status ${status}`);
  console.log(
    `${tally.faults === 0 ? "pass" : "FAIL"}  ${name}: ${tally.inputs} inputs, ${tally.faults} faults; ${ends.join(", ")}; slowest ${tally.slowest.seconds.toFixed(1)} s of processor time (number ${tally.slowest.number})`,
  );
  faults += tally.faults + (tally.inputs === 0 ? 1 : 0);
}
process.exitCode = faults === 0 ? 0 : 1;
