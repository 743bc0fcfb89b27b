/** Addresses: a view and its parameters in the part after `#`, so that a file on disk has them too. */

/** The views, in the order of the tabs. */
export const VIEWS = ["matrix", "calls", "resources", "versions", "hosts", "runs", "explain"] as const;
export type View = (typeof VIEWS)[number];

/** What an address says. A parameter that is not there means its default. */
export interface Route {
  readonly view: View;
  readonly params: Readonly<Record<string, string>>;
}

/** Parameters that every view understands; they stay when the view changes. */
const COMMON = ["module", "host", "compare"];

/** `#/matrix?module=1.5.05` → the view and its parameters; anything else is the matrix. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const view = VIEWS.find((name) => name === path) ?? "matrix";
  return { view, params: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a route; parameters in alphabetical order, empty ones left out. */
export function formatRoute({ view, params }: Route): string {
  const entries = Object.entries(params)
    .filter(([, value]) => value !== "")
    .sort(([x], [y]) => (x < y ? -1 : 1));
  const query = new URLSearchParams(entries).toString();
  return `#/${view}${query === "" ? "" : `?${query}`}`;
}

/** Another view of the same facts. */
export function toView(route: Route, view: View, params: Readonly<Record<string, string>> = {}): Route {
  const kept = Object.entries(route.params).filter(([name]) => COMMON.includes(name));
  return { view, params: { ...Object.fromEntries(kept), ...params } };
}

/** The same view with some parameters changed; an empty value removes one. */
export function withParams(route: Route, patch: Readonly<Record<string, string>>): Route {
  return { view: route.view, params: { ...route.params, ...patch } };
}
