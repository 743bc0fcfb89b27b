/** One bundled scenario in a process of its own, for `bench/check-targets.ts`: `check-scenario SCENARIO OPTIONS-AS-JSON`. */
import { check } from "../src/check/index.ts";
import { loadScenario } from "../src/cli/scenarios.ts";

const [name = "", options = "{}"] = process.argv.slice(2);
const { model, reproduce } = await loadScenario(name, JSON.parse(options));
const before = process.cpuUsage();
const { states, outcome, bytesPerState } = check(model);
const { user, system } = process.cpuUsage(before);
process.stdout.write(
  `${JSON.stringify({ states, outcome: outcome.kind, bytesPerState, cpu: (user + system) / 1e6, reproduce })}\n`,
);
