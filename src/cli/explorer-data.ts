import type { Catalog } from "../catalog/index.ts";
import {
  type Excerpts,
  type ExplorerData,
  excerptsOf,
  hostsBefore,
  modulesBefore,
  type NamedHost,
  type NamedModule,
} from "../explorer/index.ts";
import { statOf } from "./files.ts";
import { bundledHosts, bundledKernels, isTree, loadProfile, newestHost } from "./hosts.ts";
import { bundledModules, isModule, isModuleTree, loadModule } from "./modules.ts";
import { bundledScenarios, scenarioText } from "./scenarios.ts";

/**
 * What the explorer shows: every bundled module and host, the scenarios, and what the command line names besides.
 *
 * @param module name, file or source tree of the module at which it opens; the newest by default
 * @param host name, file or kernel tree of the host at which it opens; the newest bundled kernel by default, none for `none`
 * @throws SeamlockError as for `--module` and `--host`
 */
export async function explorerData(module?: string, host?: string): Promise<ExplorerData> {
  // What was asked for goes first: of a wrong word one hears at once.
  const own = module === undefined ? null : await namedModule(module);
  const latest = newestHost();
  const wanted = host ?? latest ?? "none";
  const hosted = wanted === "none" ? null : await namedHost(wanted);
  const bundled = await Promise.all(bundledModules().map(namedModule));
  const bundledOnes = await Promise.all(bundledHosts().map(namedHost));
  const opened = own ?? newest(bundled, await loadModule());
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
    ...(latest !== null && { newestHost: latest }),
    ...(isModuleTree(opened.name) && { moduleTrees: [opened.name] }),
  };
}

function newest(modules: readonly NamedModule[], { module }: NamedModule["catalog"]): NamedModule {
  const found = modules.find(({ name }) => name === module.version) ?? modules.at(-1);
  if (found === undefined) throw new Error("the newest bundled module is not among the bundled ones");
  return found;
}

/** The lines around the places that facts name which come from trees: those of `--module` and `--host`, where they are folders. */
export function treeExcerpts(data: ExplorerData, module?: string, host?: string): Excerpts {
  const ofModule = data.modules.filter(({ name }) => name === module && isModuleTree(name));
  const ofHost = data.hosts.filter(({ name }) => name === host && isTree(name));
  return {
    modules: Object.fromEntries(ofModule.map(({ name, catalog }) => [name, excerptsOf(name, catalog)])),
    hosts: Object.fromEntries(ofHost.map(({ name, profile }) => [name, excerptsOf(name, profile)])),
  };
}

/** A module by any of its names, or of a file or a source tree, which is extracted. A bundled one goes by its own name. */
async function namedModule(word: string): Promise<NamedModule> {
  const catalog = await loadModule(word);
  const isBundled = isModule(word) || word === "latest";
  return isBundled ? { name: bundledName(word, catalog.module.version), catalog } : ownModule(word, catalog);
}

/** Every sentence names it as its user does: its sources state no version, or that of the release that they were made of. */
function ownModule(word: string, catalog: Catalog): NamedModule {
  const isExtracted = catalog.module.origin === "extracted";
  return { name: word, catalog: isExtracted ? { ...catalog, module: { ...catalog.module, version: word } } : catalog };
}

/** `TDX_1.5.05` is the bundled `1.5.05`; one whose name is not its version keeps it. */
function bundledName(word: string, version: string): string {
  const bundled = bundledModules();
  return bundled.includes(word) || !bundled.includes(version) ? word : version;
}

/** A host by any of its names, or of a file or a kernel tree, which is extracted. A bundled one goes by its own name, an own one by its user's. */
async function namedHost(word: string): Promise<NamedHost> {
  const profile = await loadProfile(word);
  const isOwn = statOf(word) !== undefined || !bundledHosts().includes(profile.name);
  return isOwn ? { name: word, profile: { ...profile, name: word } } : { name: profile.name, profile };
}

/** The bundled ones, and after them a file of the user's own. */
function withOwn<T extends { readonly name: string }>(bundled: readonly T[], own: T): readonly T[] {
  return bundled.some(({ name }) => name === own.name) ? bundled : [...bundled, own];
}
