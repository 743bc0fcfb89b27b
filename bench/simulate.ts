/**
 * Steps a second of the simulator, on one core: `npx tsx bench/simulate.ts [rounds]`. The target is a million.
 *
 * Medians of several rounds; a machine that others use too gives less.
 */
import { cpus } from "node:os";
import { simulate } from "../src/simulate/index.ts";
import { enterAndZap } from "./models/enter-and-zap.ts";

const rounds = Number(process.argv[2] ?? 5);
const model = enterAndZap({ vcpus: 2, pages: 2, threshold: 2 });

console.log(`node ${process.version}, ${cpus()[0]?.model}`);
for (const schedule of ["fair", "priority"] as const) {
  const rates: number[] = [];
  simulate(model, { schedule, runs: 20, steps: 10_000 });
  for (let seed = 0; seed < rounds; seed++) {
    const { steps, seconds } = simulate(model, { seed, schedule, runs: 100, steps: 10_000 });
    rates.push(steps / seconds);
  }
  const median = rates.sort((a, b) => a - b)[Math.floor(rates.length / 2)] as number;
  console.log(`${schedule.padEnd(8)} ${(median / 1e6).toFixed(2)} million steps a second`);
}
