/**
 * States of bundled scenarios: plain, folded, folded and up to symmetry, and what stubborn sets would leave of these at best (stubborn.ts):
 *
 *     npm run bench:reductions -- [--most STATES] [WORDS …]
 *
 * WORDS: only scenarios whose name has them all. A scenario with more than STATES states (default 400,000) is not explored with stubborn sets.
 */
import { parseArgs } from "node:util";
import { prepare, Search } from "../src/check/index.ts";
import { loadScenario, type ScenarioOptions } from "../src/cli/scenarios.ts";
import type { Model } from "../src/language/index.ts";
import { countStates } from "./stubborn.ts";

type Case = readonly [scenario: string, options: ScenarioOptions];
const removal = (policy: string, vcpus: string, pages: string, ...set: string[]): Case => [
  "page-removal",
  { module: "1.5.25", policy, vcpus, pages, ...(set.length > 0 && { set }) },
];
const CASES: readonly Case[] = [
  removal("kick-first", "2", "1"),
  removal("kick-first", "2", "2"),
  removal("kick-first", "3", "1"),
  removal("kick-on-busy", "2", "1"),
  removal("retry-forever", "2", "1"),
  removal("fail-fast", "2", "1"),
  removal("kick-first", "2", "1", "pageSize=2M"),
  ["page-resize", { module: "1.5.25", policy: "kick-first", vcpus: "2", pages: "1" }],
  ["page-resize", { module: "1.5.25", policy: "kick-on-busy", vcpus: "2", pages: "1" }],
  ["page-fault-in", { module: "1.5.25", vcpus: "2", pages: "2" }],
  ["page-fault-in", { module: "1.5.25", vcpus: "3", pages: "1" }],
  ["zero-step", { module: "1.5.25", vcpus: "1", pages: "1" }],
  ["td-life", { module: "1.5.25", pages: "1", set: ["tdcs.min=1", "tdcs.max=1", "tdvps.min=1", "tdvps.max=1"] }],
  ["td-build", { module: "1.5.25", host: "linux-7.3", vcpus: "1", set: ["phases=[runtime]", "exceptional=false"] }],
  ["td-teardown", { module: "1.5.25", host: "linux-7.3" }],
  ["dynamic-pamt", { module: "1.5.25", set: ["adders=3"] }],
  ["lock/sharex-hp", { module: "1.5.25", hosts: "3", guests: "2", set: ["width=3"] }],
  ["lock/sept-entry", { module: "1.5.25", hosts: "3", guests: "2" }],
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { most: { type: "string", default: "400000" } },
});
const MOST = Number(values.most);

/** States of a search with some of the reductions; null: more than ten times the bound. */
function searched(model: Model, kept: "none" | "folding" | "all"): number | null {
  const prepared = prepare(model, kept === "none");
  const { folded } = prepared.reductions;
  const reductions = kept === "folding" ? { symmetric: new Set<string>(), scalar: [], folded } : prepared.reductions;
  const search = new Search({ ...prepared, reductions } as typeof prepared, { states: 10 * MOST }).finish();
  return search.complete ? search.states : null;
}

const shown = (n: number | null): string => n?.toLocaleString("en") ?? "more";

process.stdout.write("| scenario | plain | folded | and up to symmetry | and stubborn, at best | gain |\n");
process.stdout.write("| --- | --- | --- | --- | --- | --- |\n");
for (const [scenario, options] of CASES) {
  const { model, reproduce } = await loadScenario(scenario, options);
  if (!positionals.every((word) => reproduce.includes(word))) continue;
  const [plain, folding, all] = [searched(model, "none"), searched(model, "folding"), searched(model, "all")];
  let best = "not explored";
  let gain = "";
  if (all !== null && all <= MOST) {
    const own = countStates(model, false, MOST);
    if (own.states !== all)
      throw new Error(`${reproduce}: ${own.states} states by the simple explorer, ${all} by the checker`);
    const { states } = countStates(model, true, MOST);
    best = shown(states);
    gain = (all / states).toFixed(2);
  }
  process.stdout.write(
    `| \`${reproduce}\` | ${[shown(plain), shown(folding), shown(all), best, gain].join(" | ")} |\n`,
  );
}
