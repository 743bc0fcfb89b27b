/** What the page knows: the facts, the address, and what was derived from them. */
import { batch, computed, signal } from "@preact/signals";
import type { ContendPair } from "../../analysis/index.ts";
import type { ExplorerData, NamedHost, NamedModule } from "../data.ts";
import { comparedOf, hostOf, moduleOf, secondHostOf } from "../logic/choice.ts";
import { questionsOf } from "../logic/questions.ts";
import { formatRoute, parseRoute, type Route, toView, type View, withParams } from "../logic/route.ts";
import { areKnown, ask, known } from "./analyst.ts";

const facts = signal<ExplorerData | null>(null);

/** The address as the browser shows it. */
const address = signal<Route>(parseRoute(location.hash));

/** The address whose answers are here: what the page draws. It follows {@link address} as soon as the answers come. */
export const route = signal<Route>(address.value);

/** What is waited for: nothing, or the answers that the address needs. */
export const waiting = signal<"nothing" | "answers">("answers");

/** Was anything drawn yet? */
export const drawn = signal(false);

/** Takes the facts and follows the address from here on. */
export function start(data: ExplorerData): void {
  facts.value = data;
  addEventListener("hashchange", () => follow(location.hash));
  addEventListener("popstate", () => follow(location.hash));
  follow(location.hash);
}

let followed: string | null = null;

/** Draws an address once what it needs is known; a later address goes before an earlier one. */
function follow(hash: string): void {
  // A link makes two events.
  if (hash === followed) return;
  followed = hash;
  const wanted = parseRoute(hash);
  address.value = wanted;
  const questions = questionsOf(wanted, data.value);
  const draw = (): void => {
    if (address.value !== wanted) return;
    batch(() => {
      route.value = wanted;
      drawn.value = true;
      waiting.value = "nothing";
    });
  };
  if (areKnown(questions)) return draw();
  waiting.value = "answers";
  void ask(questions).then(draw);
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
export const currentModule = computed<NamedModule>(() => moduleOf(data.value, route.value.params));

/** The module to compare with: the address's, else the version before, else the one after. */
export const compared = computed<NamedModule>(() => comparedOf(data.value, route.value.params));

/** The host that the address names; `none` is the module alone. */
export const currentHost = computed<NamedHost | null>(() => hostOf(data.value, route.value.params));

/** The host beside, in the view of hosts. */
export const secondHost = computed<NamedHost | null>(() => secondHostOf(data.value, route.value.params));

/** The pairs of the chosen module under the chosen host; for the views that ask for them. */
export const pairs = computed<readonly ContendPair[]>(() =>
  known({ kind: "pairs", module: currentModule.value.name, host: currentHost.value?.name ?? null }),
);

/** What links carry on. A text, so that a step within a view does not draw every link again. */
const carried = computed(() => formatRoute(toView(route.value, "matrix")));

/** The address of another view of the same facts. */
export function linkTo(view: View, params: Readonly<Record<string, string>> = {}): string {
  return formatRoute(toView(parseRoute(carried.value), view, params));
}

/** Changes parameters of this view. `replace`: without a step in the browser's history. */
export function setParams(patch: Readonly<Record<string, string>>, replace = false): void {
  navigate(formatRoute(withParams(address.value, patch)), replace);
}

/** Goes to an address of the page. */
export function navigate(hash: string, replace = false): void {
  if (replace) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  follow(hash);
}
