/** One run of the checker in a process of its own, for `bench/check.ts`: `check-once VCPUS PAGES THRESHOLD plain|reduced`. */
import { check } from "../src/check/index.ts";
import { enterAndZap } from "./models/enter-and-zap.ts";

const [vcpus = 2, pages = 1, threshold = 2] = process.argv.slice(2, 5).map(Number);
const result = check(enterAndZap({ vcpus, pages, threshold }), { noReduction: process.argv[5] !== "reduced" });
const { outcome, states, transitions, depth, bytesPerState, reductions } = result;
process.stdout.write(
  `${JSON.stringify({ outcome: outcome.kind, states, transitions, depth, bytesPerState, reductions, maxResident: process.resourceUsage().maxRSS })}\n`,
);
