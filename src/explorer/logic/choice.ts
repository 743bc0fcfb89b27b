/** What an address chooses among the facts. */
import type { ExplorerData, NamedHost, NamedModule } from "../data.ts";

type Params = Readonly<Record<string, string>>;

/** The module that an address names; one that is not here is the initial one. */
export function moduleOf({ modules, initial }: ExplorerData, { module }: Params): NamedModule {
  const named = (name: string | undefined) => modules.find((m) => m.name === name);
  const found = named(module) ?? named(initial.module) ?? modules[0];
  if (found === undefined) throw new Error("there is no module");
  return found;
}

/** The module to compare with: the address's, else the version before, else the one after. */
export function comparedOf(data: ExplorerData, params: Params): NamedModule {
  const { modules } = data;
  const current = moduleOf(data, params);
  const named = modules.find(({ name }) => name === params["compare"]);
  const at = modules.indexOf(current);
  return named ?? modules[at - 1] ?? modules[at + 1] ?? current;
}

/** The host that an address names; `none` is the module alone. */
export function hostOf({ hosts, initial }: ExplorerData, { host }: Params): NamedHost | null {
  const wanted = host || (initial.host ?? "");
  return hosts.find(({ name }) => name === wanted) ?? null;
}

/** The host beside, in the view of hosts. */
export function secondHostOf({ hosts }: ExplorerData, params: Params): NamedHost | null {
  return hosts.find(({ name }) => name === params["with"]) ?? null;
}
