/** What the address asks a run for. */
import type { ContendPair } from "../../analysis/index.ts";
import type { Override } from "../../model/index.ts";
import type { NamedHost, ScenarioFile } from "../data.ts";
import { commandLine } from "../logic/command-line.ts";
import { entryId } from "../logic/matrix.ts";
import type { Job } from "../logic/runs.ts";
import { simulationChoice } from "../logic/simulation.ts";
import { known } from "./analyst.ts";
import { runState, startedFor, startRun } from "./run-engine.ts";
import { currentHost, currentModule, data, param, route } from "./store.ts";

/** Sizes that every scenario takes or refuses with a message: the parameter, the field, the label. */
export const SIZES = [
  ["vcpus", "vcpus", "vCPUs"],
  ["pages", "pages", "Pages"],
  ["retries", "removal.retries", "Retries"],
  ["hosts", "hosts", "Hosts"],
  ["guests", "guests", "Guests"],
] as const;

/** How to simulate: the parameter and the label. */
export const SAMPLING = [
  ["seed", "Seed"],
  ["runs", "Runs"],
  ["steps", "Steps a run"],
] as const;

/** What the address wants done; empty: nothing yet. */
export function wantedRun(): "check" | "simulate" | "meet" | "" {
  if (param("meet") !== "") return "meet";
  const run = param("run");
  return run === "simulate" ? "simulate" : run === "1" ? "check" : "";
}

/** What a run depends on: the address without what only says how it is looked at. */
export function runKey(): string {
  const { params } = route.value;
  const names = ["meet", "on", "rows", "scenario", "policy", "module", "host", ...SIZES.map(([name]) => name)];
  const sampled = wantedRun() === "simulate" ? ["run", "schedule", ...SAMPLING.map(([name]) => name)] : [];
  return JSON.stringify([...names, ...sampled].map((name) => params[name] ?? ""));
}

/** Starts what the address wants. */
export function launch(): void {
  const job = jobOf();
  if (typeof job !== "string") return void startRun(runKey(), job);
  startedFor.value = runKey();
  runState.value = { kind: "failed", message: job, hint: null };
}

function jobOf(): Job | string {
  const { catalog } = currentModule.value;
  const wanted = wantedRun();
  if (wanted === "meet") {
    const pair = chosenPair();
    return pair === null ? "This module has no such pair." : { kind: "pair", pair, leaves: catalog.leaves };
  }
  const scenario = chosenScenario();
  if (scenario === null) return "There is no scenario of that name.";
  const chosen = { scenario, overrides: overridesOf(scenario), catalog, host: hostFor(scenario)?.profile ?? null };
  return wanted === "simulate"
    ? { kind: "simulate", ...chosen, choice: simulationChoice(route.value.params) }
    : { kind: "check", ...chosen };
}

function chosenPair(): ContendPair | null {
  const [a, b] = param("meet").split(" ");
  const [resourceA, roleA, resourceB, roleB] = param("rows").split(" ");
  const id = (name: string, variant: string | null): string => entryId({ name, variant });
  const found = known({ kind: "pairs", module: currentModule.value.name, host: null }).filter(
    (p) => id(p.a, p.variantA) === a && id(p.b, p.variantB) === b && p.resource === param("on"),
  );
  const exact = found.find(
    (p) =>
      p.resourceA === resourceA && (p.roleA ?? "") === roleA && p.resourceB === resourceB && (p.roleB ?? "") === roleB,
  );
  return exact ?? found[0] ?? null;
}

/** The scenario that the address names, or the usual one. */
export function chosenScenario(): ScenarioFile | null {
  const { scenarios } = data.value;
  const wanted = param("scenario");
  return wanted === ""
    ? (scenarios.find(({ name }) => name === "page-removal") ?? scenarios[0] ?? null)
    : (scenarios.find(({ name }) => name === wanted) ?? null);
}

/** Does a scenario have the policy that removes pages? */
export function removes({ text }: ScenarioFile): boolean {
  return /^removal:/m.test(text);
}

/** The host that a scenario of host paths is about: the chosen one, else its own; null for other scenarios. */
function hostFor({ text }: ScenarioFile): NamedHost | null {
  const named = /^host: *(\S+)/m.exec(text)?.[1];
  if (named === undefined) return null;
  return currentHost.value ?? data.value.hosts.find(({ name }) => name === named) ?? null;
}

function overridesOf(scenario: ScenarioFile): Override[] {
  const policy = param("policy");
  const sizes = SIZES.flatMap(([name, path, label]) => {
    const value = param(name);
    return value === "" ? [] : [{ path, value, from: label }];
  });
  const chosen = policy === "" || !removes(scenario) ? [] : [{ path: "removal.policy", value: policy, from: "Policy" }];
  return [...chosen, ...sizes];
}

/** What does the same on the command line. */
export function repeatLine(verb: "check" | "simulate"): string {
  const scenario = chosenScenario();
  if (scenario === null) return "";
  const host = hostFor(scenario);
  const { seed, runs, steps, schedule } = simulationChoice(route.value.params);
  return commandLine(["seamlock", verb, scenario.name], {
    module: currentModule.value.name,
    host: host?.name ?? "",
    policy: removes(scenario) ? param("policy") : "",
    ...Object.fromEntries(SIZES.map(([name]) => [name, param(name)])),
    ...(verb === "simulate" ? { seed, runs, steps, schedule } : {}),
  });
}
