/** What the page knows: the facts, the address, and what was derived from them. */
import { batch, computed, signal } from "@preact/signals";
import type { ContendPair } from "../../analysis/index.ts";
import type { ExplorerData, NamedHost, NamedModule } from "../data.ts";
import { type AddressFault, faultsOf } from "../logic/address.ts";
import { comparedOf, hostOf, moduleOf, secondHostOf } from "../logic/choice.ts";
import { type Question, questionsOf } from "../logic/questions.ts";
import { formatRoute, ownOf, parseRoute, type Route, toView, type View, withParams } from "../logic/route.ts";
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

/** What is wrong with the address; with a fault nothing is computed. */
export const faults = signal<readonly AddressFault[]>([]);

/** What the next moment of quiet is used for. */
const later = new Set<string>();

/** Takes the facts and follows the address from here on. `at`: where it begins when the browser names no place. */
export function start(data: ExplorerData, at: string): void {
  facts.value = data;
  addEventListener("hashchange", () => follow(location.hash));
  addEventListener("popstate", () => follow(location.hash));
  addEventListener("click", noteLink);
  if (location.hash === "" && at !== "") history.replaceState(null, "", at);
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
  const wrong = faultsOf(wanted, data.value);
  const questions = wrong.length > 0 ? [] : questionsOf(wanted, data.value);
  const draw = (): void => {
    if (address.value !== wanted) return;
    if (wrong.length === 0) remembered.set(memoryOf(wanted.view), ownOf(wanted));
    batch(() => {
      faults.value = wrong;
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

/** The module that the address names. */
export const currentModule = computed<NamedModule>(() => moduleOf(data.value, route.value.params));

/** The module to compare with. */
export const compared = computed<NamedModule>(() => comparedOf(data.value, route.value.params));

/** The host that the address names; null is the module alone. */
export const currentHost = computed<NamedHost | null>(() => hostOf(data.value, route.value.params));

/** The host to compare with, in the view of hosts. */
export const secondHost = computed<NamedHost | null>(() => secondHostOf(data.value, route.value.params));

const pairsQuestion = (): Extract<Question, { kind: "pairs" }> => ({
  kind: "pairs",
  module: currentModule.value.name,
  host: currentHost.value?.name ?? null,
});

/** The pairs of the chosen module under the chosen host; for the views that ask for them. */
export const pairs = computed<readonly ContendPair[]>(() => known(pairsQuestion()));

/** Asks for the pairs before anybody does, so that the first choice of one is quick. */
export function fetchPairsSoon(): void {
  const question = pairsQuestion();
  const key = JSON.stringify(question);
  if (later.has(key)) return;
  later.add(key);
  setTimeout(() => void ask([question]), 300);
}

/** What links carry on. A text, so that a step within a view does not draw every link again. */
const carried = computed(() => formatRoute(toView(route.value, "matrix")));

/** Read once for all links: a table has thousands. */
const carriedRoute = computed(() => parseRoute(carried.value));

/** The address of another view of the same facts. */
export function linkTo(view: View, params: Readonly<Record<string, string>> = {}): string {
  return formatRoute(toView(carriedRoute.value, view, params));
}

/** How each view was left: its filters, its pair, its form. */
const remembered = new Map<View, Readonly<Record<string, string>>>();

/** Both views of the matrix are left alike. */
const memoryOf = (view: View): View => (view === "home" ? "matrix" : view);

/** The address of a view as it was left; where the module no longer has what was chosen there, as it is at first. */
export function tabLink(view: View): string {
  const left = toView(parseRoute(carried.value), view, remembered.get(memoryOf(view)) ?? {});
  return faultsOf(left, data.value).length === 0 ? formatRoute(left) : linkTo(view);
}

/** Changes parameters of this view. `replace`: without a step in the browser's history. */
export function setParams(patch: Readonly<Record<string, string>>, replace = false): void {
  goTo(formatRoute(withParams(address.value, patch)), replace);
}

/** Goes to an address of the page, which is read from its beginning. */
export function navigate(hash: string): void {
  isLed = hash !== location.hash;
  goTo(hash, false);
}

/** Does what is drawn come of a link, or of a search? A filter, and a step back or forward, leave the reader where he is. */
let isLed = false;

/** {@link isLed}, of what was just drawn. */
export function takeLed(): boolean {
  const wasLed = isLed;
  isLed = false;
  return wasLed;
}

/** Notes which link is followed here; one that opens a tab of its own leads nobody away. */
function noteLink({ target, defaultPrevented, button, ctrlKey, metaKey, shiftKey, altKey }: MouseEvent): void {
  const link = target instanceof Element ? target.closest<HTMLAnchorElement>("a[href^='#/']") : null;
  const isElsewhere = defaultPrevented || button !== 0 || ctrlKey || metaKey || shiftKey || altKey;
  if (link !== null && !isElsewhere) isLed = link.hash !== location.hash;
}

function goTo(hash: string, replace: boolean): void {
  try {
    if (replace) history.replaceState(null, "", hash);
    else history.pushState(null, "", hash);
  } catch {
    // Browsers refuse some hundred changes in a few seconds, as a key that is held down makes: the page goes on, and its address lags behind.
  }
  follow(hash);
}
