/** One bundled scenario in a process of its own, for `bench/check-targets.ts`: `check-scenario SCENARIO OPTIONS-AS-JSON WORKERS CHECK-WORKER`. */
import { resolve } from "node:path";
import { check } from "../src/check/index.ts";
import { loadScenario } from "../src/cli/scenarios.ts";
import { startHelpers } from "./check-threads.ts";

const [name = "", options = "{}", workers = "1", worker = ""] = process.argv.slice(2);
const { model, reproduce } = await loadScenario(name, JSON.parse(options));
const helpers = await startHelpers(Number(workers), resolve(worker));
const before = process.cpuUsage();
const { states, outcome, bytesPerState, seconds } = check(model, helpers);
const { user, system } = process.cpuUsage(before);
process.stdout.write(
  `${JSON.stringify({ states, outcome: outcome.kind, bytesPerState, seconds, cpu: (user + system) / 1e6, reproduce })}\n`,
);
process.exit();
