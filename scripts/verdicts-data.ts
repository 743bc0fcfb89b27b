/** The verdicts of a sweep as data/verdicts.json holds them: what a report says of ways of handling BUSY, without the traces. */
import type { SweepResult } from "../src/cli/sweep-results.ts";

/** Parameters that tell what a verdict is about, beside those that vary within its matrix. */
const ALWAYS = ["vcpus", "pages"];
/** Said by fields of their own. */
const SAID = ["kind", "module", "host", "removal.policy"];

/** `seamlock/verdicts@1` of some matrices' results, in their order; one verdict a line, so that a change is a line. */
export function verdictsText(matrices: Readonly<Record<string, readonly SweepResult[]>>): string {
  const lines = Object.entries(matrices).flatMap(([matrix, results]) => {
    const told = [...ALWAYS, ...varying(results)];
    return results.map((result) => JSON.stringify(entryOf(matrix, result, told)));
  });
  return `{\n"schema": "seamlock/verdicts@1",\n"verdicts": [\n${lines.join(",\n")}\n]\n}\n`;
}

function entryOf(matrix: string, result: SweepResult, told: readonly string[]): object {
  const { scenario, module, host, policy, parameters, outcome, violations, states, vacuous, sizeNote, reproduce } =
    result;
  const own = [...new Set(told)].filter((name) => parameters[name] !== undefined);
  return {
    matrix,
    scenario,
    module,
    host,
    policy,
    parameters: Object.fromEntries(own.map((name) => [name, parameters[name]])),
    setting: result.setting,
    outcome: outcome.kind,
    violations: violations.map(({ kind: _, ...violation }) => violation),
    states,
    whole: outcome.reason === null,
    vacuous,
    sizeNote,
    reproduce,
  };
}

/** Names of the parameters that are not the same in all results. */
function varying(results: readonly SweepResult[]): string[] {
  const names = [...new Set(results.flatMap(({ parameters }) => Object.keys(parameters)))];
  return names.filter((name) => {
    const values = new Set(results.map(({ parameters }) => JSON.stringify(parameters[name] ?? null)));
    return values.size > 1 && !SAID.includes(name);
  });
}
