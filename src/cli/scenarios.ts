import { existsSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type Command, Option } from "commander";
import type { Catalog } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import type { Model } from "../language/index.ts";
import {
  buildModel,
  doubtsOf,
  hostOf,
  type Override,
  POLICY_NAMES,
  parametersOf,
  parseScenario,
  type Scenario,
} from "../model/index.ts";
import { didYouMean, shellWord } from "../text.ts";
import { readText, statOf } from "./files.ts";
import { hostName, loadProfile } from "./hosts.ts";
import { EXIT, type ExitStatus, type Io } from "./io.ts";
import { loadModule } from "./modules.ts";
import { collect, moduleOption } from "./options.ts";

/** Options of every verb that builds a scenario's model. */
export interface ScenarioOptions {
  readonly module?: string;
  readonly host?: string;
  readonly policy?: string;
  readonly retries?: string;
  readonly vcpus?: string;
  readonly pages?: string;
  readonly threshold?: string;
  readonly hosts?: string;
  readonly guests?: string;
  readonly set?: readonly string[];
}

/** The field of a scenario that each option stands for. */
const FIELDS: Readonly<Record<Exclude<keyof ScenarioOptions, "module" | "set">, string>> = {
  host: "host",
  policy: "removal.policy",
  retries: "removal.retries",
  vcpus: "vcpus",
  pages: "pages",
  threshold: "threshold",
  hosts: "hosts",
  guests: "guests",
};

/** Declares the argument and options of {@link ScenarioOptions}. */
export function scenarioArguments(command: Command): Command {
  return command
    .argument("<scenario>", "bundled scenario (page-removal, lock/sharex-hp, …) or path of a scenario file")
    .addOption(moduleOption())
    .addOption(new Option("--host <host>", "bundled host profile or path: its paths, or what it does after TD exits"))
    .addOption(new Option("--policy <policy>", `way of handling BUSY: ${POLICY_NAMES.join(", ")}`))
    .addOption(new Option("--retries <n>", "tries after the first, for retry-n"))
    .addOption(new Option("--vcpus <n>", "number of vCPUs"))
    .addOption(new Option("--pages <n>", "number of pages"))
    .addOption(new Option("--threshold <n>", "zero-step threshold (default: the module's)"))
    .addOption(new Option("--hosts <n>", "host callers, for lock/*"))
    .addOption(new Option("--guests <n>", "guest callers, for lock/*"))
    .option(
      "--set <field=value>",
      "any field of the scenario, such as removal.kick.waits=false; may be given again",
      collect,
    );
}

/** A scenario that was read and the model built from it. */
export interface LoadedScenario {
  readonly scenario: Scenario;
  readonly model: Model;
  /** The module's facts that the model is made of. */
  readonly catalog: Catalog;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  /** Holes in the facts that the model is made of; with one, nothing is said to hold. */
  readonly doubts: readonly string[];
  /** The arguments that load it again: `page-removal --module 1.5.05 --policy retry-n`. */
  readonly reproduce: string;
}

/**
 * The scenario that the command line names, with its model.
 *
 * @throws SeamlockError SL4200 when there is no such scenario, SL42xx when it is none or does not fit the options
 */
export async function loadScenario(name: string, options: ScenarioOptions): Promise<LoadedScenario> {
  const { text, file } = await scenarioText(name);
  const read = parseScenario(text, file, overridesOf(options));
  const scenario = options.host === NONE ? withoutHost(read) : read;
  refuseRetries(scenario, options);
  const catalog = await loadModule(options.module ?? scenario.module);
  const stated = hostOf(scenario);
  // `latest` is another one in the next release: what was run is told by its name.
  const named = stated === null ? null : hostName(stated);
  const host = named === null ? null : await loadProfile(named);
  const model = buildModel(scenario, { catalog: () => catalog, host: () => present(host) });
  const own = named === null ? {} : { host: named };
  const parameters = { ...parametersOf(scenario), ...own, module: catalog.module.version };
  const reproduced = named === stated ? options : { ...options, host: options.host ?? (named as string) };
  const reproduce = reproduceLine(name, reproduced, catalog.module.version);
  return { scenario, model, catalog, parameters, doubts: doubtsOf(scenario, catalog, host), reproduce };
}

/** As `--host` says it everywhere: no hypervisor. */
const NONE = "none";

function withoutHost(scenario: Scenario): Scenario {
  if (!("host" in scenario)) return scenario;
  if (scenario.kind === "host-paths")
    throw new SeamlockError("SL4208", `--host: \`${scenario.name}\` is about the paths of a host`, {
      hint: "name one; `seamlock host` lists the bundled ones",
    });
  const { host: _, ...rest } = scenario;
  return rest;
}

/** Tries that no policy makes would leave the verdict as it is, and the reader in the belief that they were made. */
function refuseRetries(scenario: Scenario, { retries }: ScenarioOptions): void {
  const policy = "removal" in scenario ? scenario.removal?.policy : undefined;
  if (retries === undefined || policy === undefined || policy === "retry-n") return;
  throw new SeamlockError("SL4208", `--retries: the policy ${policy} makes no use of it`, {
    hint: "it is of `--policy retry-n`",
  });
}

/** Tells what a scenario's facts lack, and gives the exit status that goes with it. */
export function toldDoubts({ doubts }: LoadedScenario, io: Io): ExitStatus {
  for (const doubt of doubts) io.err(`warning: ${doubt}\n`);
  return doubts.length === 0 ? EXIT.done : EXIT.inconclusive;
}

function present<T>(value: T | null): T {
  if (value === null) throw new Error("a fact was asked for that the scenario does not need");
  return value;
}

function overridesOf(options: ScenarioOptions): Override[] {
  const named = Object.entries(FIELDS).flatMap(([option, path]) => {
    const value = options[option as keyof typeof FIELDS];
    if (value === undefined || (option === "host" && value === NONE)) return [];
    return [{ path, value, from: `--${option}` }];
  });
  return [...named, ...(options.set ?? []).map(assignment)];
}

function assignment(text: string): Override {
  const at = text.indexOf("=");
  if (at > 0) return { path: text.slice(0, at), value: text.slice(at + 1), from: "--set" };
  throw new SeamlockError("SL0004", `--set takes field=value, not \`${text}\``, {
    hint: "for instance --set removal.kick.waits=false",
  });
}

function reproduceLine(name: string, options: ScenarioOptions, version: string): string {
  const words = [name, "--module", options.module ?? version];
  for (const option of Object.keys(FIELDS)) {
    const value = options[option as keyof typeof FIELDS];
    if (value !== undefined) words.push(`--${option}`, value);
  }
  for (const setting of options.set ?? []) words.push("--set", setting);
  return words.map(shellWord).join(" ");
}

function scenarioFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const data = join(folder, "data", "scenarios");
    if (existsSync(data)) return data;
    if (folder === dirname(folder))
      throw new SeamlockError("SL0008", "the bundled scenarios are missing", { hint: "install the package again" });
  }
}

/** Names of the bundled scenarios, in alphabetical order, those in folders last. */
export function bundledScenarios(): string[] {
  const folder = scenarioFolder();
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".yaml"));
  const plain = names.map((file) =>
    relative(folder, join(folder, file)).replaceAll("\\", "/").slice(0, -".yaml".length),
  );
  return plain.sort((a, b) => Number(a.includes("/")) - Number(b.includes("/")) || (a < b ? -1 : 1));
}

export async function scenarioText(name: string): Promise<{ text: string; file: string }> {
  const bundled = bundledScenarios();
  if (bundled.includes(name)) {
    const file = join(scenarioFolder(), `${name}.yaml`);
    return { text: await readText(file), file };
  }
  const isPath = name === "-" || /\.ya?ml$/.test(name) || statOf(name) !== undefined;
  if (isPath) return { text: await readText(name), file: name };
  throw new SeamlockError("SL4200", `no scenario \`${name}\` is bundled, and no file has that name`, {
    hint: didYouMean(name, bundled, `bundled are ${bundled.join(", ")}`),
  });
}
