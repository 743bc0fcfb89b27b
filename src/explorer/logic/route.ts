/** Addresses: a view and its parameters in the part after `#`, so that a file on disk has them too. */

/** The views, in the order of the tabs. */
export const VIEWS = ["home", "matrix", "calls", "resources", "versions", "hosts", "runs", "explain"] as const;
export type View = (typeof VIEWS)[number];

/** What an address says. A parameter that is not there means its default. */
export interface Route {
  readonly view: View;
  /** The view in the address's own words; the page says so when there is none of that name. */
  readonly asked: string;
  readonly params: Readonly<Record<string, string>>;
}

/** Parameters that every view understands; they stay when the view changes. */
const COMMON = ["module", "host", "compare"];

/** `#/calls?module=1.5.05` → the view and its parameters; an address without a view is the first one. */
export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#\/?/, "");
  // The first question mark begins the parameters; a value that was typed by hand may have others.
  const at = text.includes("?") ? text.indexOf("?") : text.length;
  const [asked, query] = [text.slice(0, at), text.slice(at + 1)];
  const view = VIEWS.find((name) => name === asked) ?? VIEWS[0];
  return { view, asked, params: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a route; parameters in alphabetical order, empty ones left out. */
export function formatRoute({ view, params }: Pick<Route, "view" | "params">): string {
  const entries = Object.entries(params)
    .filter(([, value]) => value !== "")
    .sort(([x], [y]) => (x < y ? -1 : 1));
  const query = new URLSearchParams(entries).toString();
  return `#/${view}${query === "" ? "" : `?${query}`}`;
}

/** Another view of the same facts. */
export function toView(route: Route, view: View, params: Readonly<Record<string, string>> = {}): Route {
  return { view, asked: view, params: { ...commonOf(route), ...params } };
}

/** The parameters that stay when the view changes. */
export function commonOf({ params }: Route): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(params).filter(([name]) => COMMON.includes(name)));
}

/** The parameters that are the view's own. */
export function ownOf({ params }: Route): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(params).filter(([name]) => !COMMON.includes(name)));
}

/** The same view with some parameters changed; an empty value removes one. */
export function withParams(route: Route, patch: Readonly<Record<string, string>>): Route {
  return { ...route, params: { ...route.params, ...patch } };
}
