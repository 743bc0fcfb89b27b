/** What an address chooses among the facts. An address with a fault (address.ts) chooses nothing, and nobody asks. */
import type { ExplorerData, NamedHost, NamedModule } from "../data.ts";

type Params = Readonly<Record<string, string>>;

/** What an address names for the module alone. */
export const NO_HOST = "none";

/**
 * The module that an address names; without a name the initial one.
 *
 * @throws Error when it is not here
 */
export function moduleOf({ modules, initial }: ExplorerData, { module = "" }: Params): NamedModule {
  const wanted = module === "" ? initial.module : module;
  const found = modules.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`there is no module ${wanted}`);
  return found;
}

/** The module to compare with: the address's, else the last one before that differs, else the one before or after. */
export function comparedOf(data: ExplorerData, params: Params): NamedModule {
  const { modules } = data;
  const current = moduleOf(data, params);
  const wanted = params["compare"] ?? data.before.modules[current.name];
  const at = modules.indexOf(current);
  return modules.find(({ name }) => name === wanted) ?? modules[at - 1] ?? modules[at + 1] ?? current;
}

/** The host that an address names; `none` is the module alone. */
export function hostOf({ hosts, initial }: ExplorerData, { host = "" }: Params): NamedHost | null {
  const wanted = host === "" ? (initial.host ?? NO_HOST) : host;
  return hosts.find(({ name }) => name === wanted) ?? null;
}

/** The host to compare with, in the view of hosts: the address's, else the last kernel before that differs; null: none. */
export function secondHostOf(data: ExplorerData, params: Params): NamedHost | null {
  const host = hostOf(data, params);
  if (host === null) return null;
  const wanted = params["with"] ?? data.before.hosts[host.name] ?? NO_HOST;
  return data.hosts.find(({ name }) => name === wanted && name !== host.name) ?? null;
}
