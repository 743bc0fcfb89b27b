import { type ExplorerData, hostsBefore, modulesBefore, type NamedHost, type NamedModule } from "../explorer/index.ts";
import { bundledHosts, bundledKernels, loadProfile, newestHost } from "./hosts.ts";
import { bundledModules, loadModule } from "./modules.ts";
import { bundledScenarios, scenarioText } from "./scenarios.ts";

/**
 * What the explorer shows: every bundled module and host, the scenarios, and what the command line names besides.
 *
 * @param module name or path of the module at which it opens; the newest by default
 * @param host name or path of the host at which it opens; the newest bundled kernel by default, none for `none`
 * @throws SeamlockError as for `--module` and `--host`
 */
export async function explorerData(module?: string, host?: string): Promise<ExplorerData> {
  const bundled = await Promise.all(bundledModules().map(namedModule));
  const bundledOnes = await Promise.all(bundledHosts().map(namedHost));
  const opened = module === undefined ? newest(bundled, await loadModule()) : await namedModule(module);
  const wanted = host ?? newestHost() ?? "none";
  const hosted = wanted === "none" ? null : await namedHost(wanted);
  const scenarios = await Promise.all(
    bundledScenarios().map(async (name) => ({ name, text: (await scenarioText(name)).text })),
  );
  const modules = withOwn(bundled, opened);
  const hosts = hosted === null ? bundledOnes : withOwn(bundledOnes, hosted);
  // A host of the user's own is held against the newest kernel.
  const order = [
    ...bundledKernels(),
    ...hosts.map(({ name }) => name).filter((name) => !bundledHosts().includes(name)),
  ];
  const states = order.flatMap((name) => hosts.find((one) => one.name === name) ?? []);
  return {
    schema: "seamlock/explorer@1",
    modules,
    hosts,
    scenarios,
    initial: { module: opened.name, host: hosted?.name ?? null },
    before: { modules: modulesBefore(modules), hosts: hostsBefore(states) },
  };
}

function newest(modules: readonly NamedModule[], { module }: NamedModule["catalog"]): NamedModule {
  const found = modules.find(({ name }) => name === module.version) ?? modules.at(-1);
  if (found === undefined) throw new Error("the newest bundled module is not among the bundled ones");
  return found;
}

async function namedModule(name: string): Promise<NamedModule> {
  return { name, catalog: await loadModule(name) };
}

async function namedHost(name: string): Promise<NamedHost> {
  return { name, profile: await loadProfile(name) };
}

/** The bundled ones, and after them a file of the user's own. */
function withOwn<T extends { readonly name: string }>(bundled: readonly T[], own: T): readonly T[] {
  return bundled.some(({ name }) => name === own.name) ? bundled : [...bundled, own];
}
