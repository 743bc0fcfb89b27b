/** What the page knows: the facts, the address, and what was derived from them. */
import { computed, signal } from "@preact/signals";
import { type ContendPair, contendingPairs, underHost } from "../../analysis/index.ts";
import type { Catalog } from "../../catalog/index.ts";
import type { HostProfile } from "../../host/index.ts";
import type { ExplorerData, NamedHost, NamedModule } from "../data.ts";
import { formatRoute, parseRoute, type Route, toView, type View, withParams } from "../logic/route.ts";

const facts = signal<ExplorerData | null>(null);

/** The address as the page shows it. */
export const route = signal<Route>(parseRoute(location.hash));

/** Takes the facts and follows the address from here on. */
export function start(data: ExplorerData): void {
  facts.value = data;
  addEventListener("hashchange", () => {
    route.value = parseRoute(location.hash);
  });
}

/** The document; only read once {@link start} was called. */
export const data = computed<ExplorerData>(() => {
  if (facts.value === null) throw new Error("the facts are not here yet");
  return facts.value;
});

/** A parameter of the address; empty when it is not there. */
export function param(name: string): string {
  return route.value.params[name] ?? "";
}

/** The module that the address names; one that is not here is the initial one. */
export const currentModule = computed<NamedModule>(() => moduleNamed(param("module")));

/** The module to compare with: the address's, else the version before, else the one after. */
export const compared = computed<NamedModule>(() => {
  const { modules } = data.value;
  const named = modules.find(({ name }) => name === param("compare"));
  const at = modules.indexOf(currentModule.value);
  return named ?? modules[at - 1] ?? modules[at + 1] ?? currentModule.value;
});

/** The host that the address names; `none` is the module alone. */
export const currentHost = computed<NamedHost | null>(() => {
  const wanted = param("host") || (data.value.initial.host ?? "");
  return data.value.hosts.find(({ name }) => name === wanted) ?? null;
});

function moduleNamed(name: string): NamedModule {
  const { modules, initial } = data.value;
  const found = modules.find((m) => m.name === name) ?? modules.find((m) => m.name === initial.module) ?? modules[0];
  if (found === undefined) throw new Error("there is no module");
  return found;
}

const alone = new WeakMap<Catalog, readonly ContendPair[]>();
const hosted = new WeakMap<Catalog, WeakMap<HostProfile, readonly ContendPair[]>>();

/** Every pair of a module, under a host where one is given; computed once. */
export function pairsOf({ catalog }: NamedModule, host: NamedHost | null): readonly ContendPair[] {
  const plain = alone.get(catalog) ?? contendingPairs(catalog);
  alone.set(catalog, plain);
  if (host === null) return plain;
  const byHost = hosted.get(catalog) ?? new WeakMap<HostProfile, readonly ContendPair[]>();
  hosted.set(catalog, byHost);
  const found = byHost.get(host.profile) ?? underHost(catalog, host.profile, [...plain]).pairs;
  byHost.set(host.profile, found);
  return found;
}

/** The pairs of the chosen module under the chosen host. */
export const pairs = computed(() => pairsOf(currentModule.value, currentHost.value));

/** The address of another view of the same facts. */
export function linkTo(view: View, params: Readonly<Record<string, string>> = {}): string {
  return formatRoute(toView(route.value, view, params));
}

/** Changes parameters of this view. `replace`: without a step in the browser's history. */
export function setParams(patch: Readonly<Record<string, string>>, replace = false): void {
  navigate(formatRoute(withParams(route.value, patch)), replace);
}

/** Goes to an address of the page. */
export function navigate(hash: string, replace = false): void {
  if (replace) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  route.value = parseRoute(hash);
}
