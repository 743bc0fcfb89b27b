/**
 * What a run is about: made of the address, given to the worker, and kept with the outcome, so that a verdict always knows of what
 * it is one, whatever the form says by then.
 */
import type { ContendPair } from "../../analysis/index.ts";
import type { SeamlockError } from "../../errors.ts";
import {
  hostOf as hostStated,
  type Override,
  POLICIES,
  parametersOf,
  parseScenario,
  type Scenario,
} from "../../model/index.ts";
import { subject } from "../../report/index.ts";
import type { ExplorerData, NamedHost, ScenarioFile } from "../data.ts";
import { hostOf, moduleOf } from "./choice.ts";
import { commandLine } from "./command-line.ts";
import { endId, entryTitle } from "./entry-id.ts";
import type { Job } from "./runs.ts";
import { type SimulationChoice, simulationChoice } from "./simulation.ts";

type Params = Readonly<Record<string, string>>;

/** Sizes of scenarios: the parameter, the field and its label. A form shows those that its scenario has. */
export const SIZES = [
  ["vcpus", "vcpus", "vCPUs"],
  ["pages", "pages", "Pages"],
  ["retries", "removal.retries", "Retries"],
  ["hosts", "hosts", "Hosts"],
  ["guests", "guests", "Guests"],
  ["threshold", "threshold", "Threshold"],
  ["callers", "callers", "Callers"],
  ["adders", "adders", "Adders"],
  ["removers", "removers", "Removers"],
  ["users", "users", "Users"],
] as const;

/** The policy under which the host of the facts bar removes pages as its profile says. */
export const AS_HOST = "as-host";

export type RunKind = "check" | "simulate" | "meet";

/** What is run. Two requests with the same {@link requestKey} are the same run. */
export interface RunRequest {
  readonly kind: RunKind;
  readonly module: string;
  /** Empty where two calls meet. */
  readonly scenario: string;
  /** Null where the run is about no host. */
  readonly host: string | null;
  readonly overrides: readonly Override[];
  /** Of a simulation. */
  readonly choice: SimulationChoice | null;
  /** The two calls, the resource and the rows; of a meeting. */
  readonly meet: { readonly calls: string; readonly on: string; readonly rows: string } | null;
}

/** What the address wants done; null: nothing yet. */
export function wantedKind(params: Params): RunKind | null {
  if ((params["meet"] ?? "") !== "") return "meet";
  const run = params["run"] ?? "";
  return run === "simulate" ? "simulate" : run === "1" ? "check" : null;
}

/** A run of this kind with what an address says. */
export function requestOf(kind: RunKind, params: Params, data: ExplorerData): RunRequest {
  const module = moduleOf(data, params).name;
  if (kind === "meet") {
    const [calls = "", on = "", rows = ""] = [params["meet"], params["on"], params["rows"]];
    return { kind, module, scenario: "", host: null, overrides: [], choice: null, meet: { calls, on, rows } };
  }
  const file = scenarioOf(data, params);
  const host = file === null ? null : (usedHost(file, params, data)?.name ?? null);
  return {
    kind,
    module,
    scenario: file?.name ?? "",
    host,
    overrides: file === null ? [] : overridesOf(file, params, host),
    choice: kind === "simulate" ? simulationChoice(params) : null,
    meet: null,
  };
}

/** A text that is the same for the same run. */
export const requestKey = (request: RunRequest): string => JSON.stringify(request);

/** Is the form about something else by now than this run was? */
export function isStale(request: RunRequest, params: Params, data: ExplorerData): boolean {
  return requestKey(requestOf(request.kind, params, data)) !== requestKey(request);
}

/** The scenario that an address names, else the usual one; null when it is not here. */
export function scenarioOf({ scenarios }: ExplorerData, { scenario = "" }: Params): ScenarioFile | null {
  return scenario === ""
    ? (scenarios.find(({ name }) => name === "page-removal") ?? scenarios[0] ?? null)
    : (scenarios.find(({ name }) => name === scenario) ?? null);
}

/** What a scenario file says, or why it cannot be read. */
export type ScenarioFacts =
  | { readonly scenario: Scenario; readonly parameters: ReturnType<typeof parametersOf>; readonly error: null }
  | { readonly scenario: null; readonly parameters: Readonly<Record<string, never>>; readonly error: string };

const read = new WeakMap<ScenarioFile, ScenarioFacts>();

/** A scenario's own fields, before anything is chosen. */
export function factsOf(file: ScenarioFile): ScenarioFacts {
  const known = read.get(file) ?? readFacts(file, []);
  read.set(file, known);
  return known;
}

function readFacts(file: ScenarioFile, overrides: readonly Override[]): ScenarioFacts {
  try {
    const scenario = parseScenario(file.text, file.name, overrides);
    return { scenario, parameters: parametersOf(scenario), error: null };
  } catch (error) {
    const { code, message } = error as SeamlockError;
    return { scenario: null, parameters: {}, error: `${code}: ${message}` };
  }
}

/** The sizes that a scenario has, with what holds while nothing is typed. */
export function sizesOf(file: ScenarioFile): readonly { name: string; label: string; usual: string }[] {
  const { parameters } = factsOf(file);
  return SIZES.filter(([, path]) => parameters[path] !== undefined).map(([name, path, label]) => ({
    name,
    label,
    usual: String(parameters[path]),
  }));
}

/** The ways of handling BUSY that can be chosen for a scenario; none where it has no such choice. */
export function policiesOf(file: ScenarioFile, host: NamedHost | null): readonly string[] {
  const has = factsOf(file).parameters["removal.policy"] !== undefined;
  return has ? [...POLICIES, ...(host === null ? [] : [AS_HOST])] : [];
}

/** The host that a run of this scenario asks: for its paths, or for its own way of removing pages. Null: none. */
export function usedHost(file: ScenarioFile, params: Params, data: ExplorerData): NamedHost | null {
  const { scenario } = factsOf(file);
  if (scenario === null) return null;
  const asHost = scenario.kind === "running-td" && params["policy"] === AS_HOST;
  const stated = hostStated(scenario);
  if (stated === null && !asHost) return null;
  const named = stated === "latest" ? data.newestHost : stated;
  return hostOf(data, params) ?? data.hosts.find(({ name }) => name === named) ?? null;
}

/** Why the host of the facts bar plays no part in what the address runs; null where it does. */
export function withoutHost(params: Params, data: ExplorerData): string | null {
  if (wantedKind(params) === "meet") return "not asked: two calls of the module alone";
  const file = scenarioOf(data, params);
  const scenario = file === null ? null : factsOf(file).scenario;
  if (file === null || scenario === null || usedHost(file, params, data) !== null) return null;
  if (scenario.kind === "running-td" && scenario.removal !== undefined) {
    return `not asked: the policy says what the host does (the policy ${AS_HOST} is the host's own)`;
  }
  return `not asked: ${scenario.name} runs no path of a host`;
}

function overridesOf(file: ScenarioFile, params: Params, host: string | null): Override[] {
  const { parameters, scenario } = factsOf(file);
  const chosen = (path: string, value: string | undefined, from: string): Override[] =>
    value === undefined || value === "" || (parameters[path] === undefined && path !== "host")
      ? []
      : [{ path, value, from }];
  const takesHost = scenario?.kind === "host-paths" || scenario?.kind === "running-td";
  return [
    ...chosen("removal.policy", params["policy"], "Policy"),
    ...SIZES.flatMap(([name, path, label]) => chosen(path, params[name], label)),
    // A name can look like a number to YAML.
    ...(takesHost && host !== null ? chosen("host", JSON.stringify(host), "Host") : []),
  ];
}

/** What a run is of, in a few words: `page-removal on module 1.5.25 with 2 vCPUs and 2 pages, policy kick-first`. */
export function requestWords(request: RunRequest, { scenarios }: ExplorerData): string {
  const { meet, module, choice } = request;
  if (meet !== null) return `${meet.calls.split(" ").join(" meets ")} on ${meet.on}, module ${module}`;
  const file = scenarios.find(({ name }) => name === request.scenario);
  const facts = file === undefined ? null : readFacts(file, request.overrides);
  const sampled = choice === null ? "" : `${choice.runs} runs from seed ${choice.seed} of `;
  if (facts === null || facts.scenario === null) {
    const given = request.overrides.map(({ from, value }) => `${from} ${value}`);
    return `${sampled}${[request.scenario, ...given, `module ${module}`].join(", ")}`;
  }
  const { scenario } = facts;
  const parameters = { ...facts.parameters, module };
  return `${sampled}${subject({ scenario, parameters })}`;
}

/** The catalog that is written of a source tree, so that a verb takes it. */
const EXTRACTED = "module.json";

/** What does the same on the command line. */
export function requestCommand(
  { kind, scenario, module, host, overrides, choice }: RunRequest,
  { moduleTrees = [] }: Pick<ExplorerData, "moduleTrees"> = {},
): string {
  const isTree = moduleTrees.includes(module);
  const own = (path: string): string => overrides.find((o) => o.path === path)?.value ?? "";
  // Retries that no policy makes are refused there.
  const isUsed = (name: string): boolean => name !== "retries" || own("removal.policy") === "retry-n";
  const named = SIZES.filter(([name]) => NAMED_SIZES.has(name) && isUsed(name)).map(
    ([name, path]) => [name, own(path)] as const,
  );
  const others = SIZES.filter(([name]) => !NAMED_SIZES.has(name)).flatMap(([, path]) =>
    own(path) === "" ? [] : ["--set", `${path}=${own(path)}`],
  );
  const first = isTree ? `${commandLine(["seamlock", "extract", module, "-o", EXTRACTED], {})}; ` : "";
  const verb = kind === "simulate" ? "simulate" : "check";
  const run = commandLine(["seamlock", verb, scenario, ...others], {
    module: isTree ? EXTRACTED : module,
    host: host ?? "",
    policy: own("removal.policy"),
    ...Object.fromEntries(named),
    ...(choice === null ? {} : { ...choice }),
  });
  return `${first}${run}`;
}

/** Sizes that the command line has an option for; the others are set by their field. */
const NAMED_SIZES = new Set<string>(["vcpus", "pages", "retries", "hosts", "guests", "threshold"]);

/** The work for the worker, or why there is none. `pairs` are those of the module alone. */
export function jobOf(
  request: RunRequest,
  data: ExplorerData,
  pairs: () => readonly ContendPair[],
): Job | { readonly message: string } {
  const { catalog } = moduleOf(data, { module: request.module });
  if (request.meet !== null) {
    const pair = pairOf(request.meet, pairs());
    return pair === null
      ? {
          message: `${request.meet.calls.split(" ").map(entryTitle).join(" and ")} never conflict on ${request.meet.on} in this module`,
        }
      : { kind: "pair", pair, leaves: catalog.leaves };
  }
  const scenario = data.scenarios.find(({ name }) => name === request.scenario);
  if (scenario === undefined) return { message: "There is no scenario of that name." };
  const host = data.hosts.find(({ name }) => name === request.host)?.profile ?? null;
  const chosen = { scenario, overrides: request.overrides, catalog, host };
  return request.choice === null
    ? { kind: "check", ...chosen }
    : { kind: "simulate", ...chosen, choice: request.choice };
}

/** Two calls are a pair in either order; `rows` are those of the order in which the pair itself stands. */
function pairOf(
  { calls, on, rows }: NonNullable<RunRequest["meet"]>,
  pairs: readonly ContendPair[],
): ContendPair | null {
  const wanted = calls.split(" ").sort().join(" ");
  const [resourceA, roleA, resourceB, roleB] = rows.split(" ");
  const found = pairs.filter((p) => [endId(p, "a"), endId(p, "b")].sort().join(" ") === wanted && p.resource === on);
  if (rows === "") return found[0] ?? null;
  const exact = found.find(
    (p) =>
      p.resourceA === resourceA && (p.roleA ?? "") === roleA && p.resourceB === resourceB && (p.roleB ?? "") === roleB,
  );
  return exact ?? null;
}
