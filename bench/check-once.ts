/** One run of the checker in a process of its own, for `bench/check.ts`: `check-once VCPUS PAGES THRESHOLD plain|reduced [WORKERS [BYTES]]`. */
import { check, partsFor } from "../src/check/index.ts";
import { startHelpers } from "./check-threads.ts";
import { enterAndZap } from "./models/enter-and-zap.ts";

const [vcpus = 2, pages = 1, threshold = 2] = process.argv.slice(2, 5).map(Number);
const workers = Number(process.argv[6] ?? 1);
/** The bound on what the states may need. */
const memory = process.argv[7];

const helpers = await startHelpers(workers, new URL("./check-worker.mjs", import.meta.url));
const noReduction = process.argv[5] !== "reduced";
const result = check(enterAndZap({ vcpus, pages, threshold }), {
  noReduction,
  ...(memory !== undefined && { memory: Number(memory), parts: partsFor(Number(memory)) }),
  ...helpers,
});
const { outcome, states, transitions, depth, bytesPerState, reductions, seconds } = result;
const { user, system } = process.cpuUsage();
process.stdout.write(
  `${JSON.stringify({ outcome: outcome.kind, states, transitions, depth, bytesPerState, reductions, seconds, cpu: (user + system) / 1e6, maxResident: process.resourceUsage().maxRSS })}\n`,
);
process.exit();
