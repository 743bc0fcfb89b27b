/** One run of the checker in a process of its own, for `bench/check.ts`: `check-once VCPUS PAGES THRESHOLD plain|reduced [WORKERS]`. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { check, Helpers } from "../src/check/index.ts";
import { enterAndZap } from "./models/enter-and-zap.ts";

const [vcpus = 2, pages = 1, threshold = 2] = process.argv.slice(2, 5).map(Number);
const workers = Number(process.argv[6] ?? 1);
const threads = Array.from({ length: workers - 1 }, () => new Worker(new URL("./check-worker.mjs", import.meta.url)));
await Promise.all(threads.map((thread) => once(thread, "message")));
const noReduction = process.argv[5] !== "reduced";
const result = check(enterAndZap({ vcpus, pages, threshold }), {
  noReduction,
  ...(workers > 1 && { helpers: new Helpers(threads) }),
});
const { outcome, states, transitions, depth, bytesPerState, reductions, seconds } = result;
const { user, system } = process.cpuUsage();
process.stdout.write(
  `${JSON.stringify({ outcome: outcome.kind, states, transitions, depth, bytesPerState, reductions, seconds, cpu: (user + system) / 1e6, maxResident: process.resourceUsage().maxRSS })}\n`,
);
process.exit();
