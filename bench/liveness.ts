/**
 * What reductions bring for `leads-to`: states, and processor time of search and decision together, on plain states, folded ones, and folded
 * and sorted ones (`src/check/live-reductions.ts`). The table of docs/engine.md.
 *
 *     npm run bench:liveness
 */
import { Search } from "../src/check/index.ts";
import { preparingLiveness } from "../src/check/live-reductions.ts";
import { checkLeadsTo, type Edges, edgesFor, type LeadsTo } from "../src/check/liveness.ts";
import { uninterrupted } from "../src/check/watch.ts";
import { loadScenario } from "../src/cli/scenarios.ts";
import type { Model } from "../src/language/index.ts";

const ENDS = "a removal that has begun ends";
const RUNS = "a vCPU that faulted runs its guest again";
const CASES: readonly (readonly [
  scenario: string,
  policy: string | null,
  vcpus: string,
  pages: string,
  name: string,
])[] = [
  ["page-removal", "retry-forever", "1", "2", ENDS],
  ["page-removal", "kick-first", "2", "2", ENDS],
  ["page-removal", "kick-first", "3", "1", ENDS],
  ["page-removal", "retry-n", "2", "1", ENDS],
  ["page-fault-in", null, "2", "2", RUNS],
  ["page-fault-in", null, "3", "1", RUNS],
];

/** `1,023,220, 2.7 s, holds` */
function decided(model: Model, property: LeadsTo, kept: "none" | "folding" | "all"): string {
  const before = process.cpuUsage();
  const prepared = uninterrupted(preparingLiveness(model, [property], kept === "none" ? "not" : "all"));
  const reductions = { ...prepared.reductions, ...(kept === "folding" && { symmetric: new Map() }) };
  const search = new Search({ ...prepared, reductions }).finish();
  const edges = uninterrupted(edgesFor(search, [property], Number.POSITIVE_INFINITY)) as Edges;
  const { trace } = uninterrupted(checkLeadsTo(search, edges, property, 0));
  const { user, system } = process.cpuUsage(before);
  const seconds = ((user + system) / 1e6).toFixed(2);
  return `${search.states.toLocaleString("en")}, ${seconds} s, ${trace === null ? "holds" : "violated"}`;
}

process.stdout.write("| property | plain | folded | and sorted |\n| --- | --- | --- | --- |\n");
for (const [scenario, policy, vcpus, pages, name] of CASES) {
  const set = ["progress=true", `properties=[${name}]`];
  const options = { module: "1.5.25", ...(policy !== null && { policy }), vcpus, pages, set };
  const { model, reproduce } = await loadScenario(scenario, options);
  for (const property of model.properties) {
    if (property.kind !== "leads-to") continue;
    const cells = (["none", "folding", "all"] as const).map((kept) => decided(model, property, kept));
    process.stdout.write(`| \`${reproduce}\` | ${cells.join(" | ")} |\n`);
  }
}
