/** The page: its head, the views, and the keys that work everywhere. */
import { Component, type ComponentChildren, render, type VNode } from "preact";
import { useEffect, useLayoutEffect } from "preact/hooks";
import { unpack } from "../data.ts";
import { NO_EXCERPTS } from "../excerpts.ts";
import { VIEWS, type View } from "../logic/route.ts";
import { withoutHost } from "../logic/run-request.ts";
import { TITLES, titleOf } from "../logic/title.ts";
import { helpOpen, isTurnedOff, isTyping, oneLetterKeys, setHelp, setOneLetterKeys } from "./actions.ts";
import { AddressFaults } from "./address-faults.tsx";
import { startAnalyst, takeFirst } from "./analyst.ts";
import { CallsView } from "./calls-view.tsx";
import { Diagnostics } from "./diagnostics.tsx";
import { excerpts } from "./excerpt.tsx";
import { ExplainView } from "./explain-view.tsx";
import { HomeView } from "./home-view.tsx";
import { HostsView } from "./hosts-view.tsx";
import { loadExcerpts, loadFacts } from "./load.ts";
import { MatrixView } from "./matrix-view.tsx";
import { focusOmnibox, Omnibox } from "./omnibox.tsx";
import { takeDrops } from "./open-file.tsx";
import { closePair } from "./pair-detail.tsx";
import { Select } from "./parts.tsx";
import { followPrinting } from "./printing.ts";
import { ResourcesView } from "./resources-view.tsx";
import { openedRecording } from "./run-engine.ts";
import { ANEW } from "./run-job.ts";
import { RunsView } from "./runs-view.tsx";
import { Share } from "./share.tsx";
import {
  currentHost,
  currentModule,
  data,
  drawn,
  faults,
  linkTo,
  navigate,
  param,
  route,
  start,
  tabLink,
  takeLed,
  waiting,
} from "./store.ts";
import { restoreTheme, toggleTheme } from "./theme.ts";
import { VersionsView } from "./versions-view.tsx";

const BODIES: Readonly<Record<View, () => VNode>> = {
  home: HomeView,
  matrix: MatrixView,
  calls: CallsView,
  resources: ResourcesView,
  versions: VersionsView,
  hosts: HostsView,
  runs: RunsView,
  explain: ExplainView,
};

function App(): VNode {
  const { view } = route.value;
  const Body = BODIES[view];
  const isWaiting = waiting.value === "answers";
  const isFaulty = faults.value.length > 0;
  const title = isFaulty ? "an address with a fault" : titleOf(route.value, data.value);
  useEffect(() => {
    document.title = `${title} – seamlock`;
  }, [title]);
  useLayoutEffect(keepPlace, [route.value]);
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        To the content
      </button>
      <header>
        <h1>
          <a href={linkTo("home")}>seamlock</a>
        </h1>
        <nav aria-label="Views">
          {VIEWS.map((name, i) => (
            <a key={name} href={tabLink(name)} aria-current={name === view ? "page" : undefined} title={`Key ${i + 1}`}>
              {TITLES[name]}
            </a>
          ))}
        </nav>
        <Omnibox />
        <span class="tools">
          <button type="button" class="small" onClick={toggleTheme} aria-label="Light or dark" title="t">
            ◐
          </button>
          <button type="button" class="small" onClick={() => setHelp(true)} aria-label="Keys" title="?">
            ?
          </button>
        </span>
      </header>
      <Facts />
      <main id="main" tabIndex={-1} aria-busy={isWaiting} aria-label={title}>
        {isWaiting ? <Waiting /> : null}
        {drawn.value ? (
          <Guard key={isFaulty ? "" : view} address={route.value}>
            {isFaulty ? <AddressFaults /> : <Body />}
          </Guard>
        ) : null}
      </main>
      <Help />
    </>
  );
}

/** Stands over the view before, which stays until the next one is worked out. */
function Waiting(): VNode {
  return (
    <p class="waiting" role="status">
      working it out …
    </p>
  );
}

interface GuardProps {
  /** What is shown: another address may not fail. */
  readonly address: unknown;
  readonly children: ComponentChildren;
}

/** A view that fails says so, and leaves the rest of the page alone. */
class Guard extends Component<GuardProps, { readonly failure: string | null }> {
  override state = { failure: null };
  static override getDerivedStateFromError(error: unknown): { failure: string } {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
  override componentDidUpdate({ address }: GuardProps): void {
    if (this.state.failure !== null && address !== this.props.address) this.setState({ failure: null });
  }
  override render({ children }: GuardProps, { failure }: { failure: string | null }) {
    return failure === null ? (
      children
    ) : (
      <p class="notice" role="alert">
        This cannot be shown: {failure}
      </p>
    );
  }
}

let isFirst = true;

/**
 * What had the focus may be gone with the view before, or stand for something else in this one: the keys and a reader then begin at the
 * content, whose name is told. What a link leads to is seen from its beginning.
 */
function keepPlace(): void {
  const [main, focused, isLed] = [document.getElementById("main"), document.activeElement, takeLed()];
  const isLost = focused === document.body || (isLed && main?.contains(focused) === true);
  if (!isFirst && isLost) main?.focus({ preventScroll: true });
  if (!isFirst && isLed) scrollTo(0, 0);
  isFirst = false;
}

function skip(): void {
  document.getElementById("main")?.focus();
}

/** What everything on the page is about. */
function Facts(): VNode {
  const { modules, hosts, initial } = data.value;
  const { view } = route.value;
  const hostNames = [["none", "none: the module alone"], ...hosts.map(({ name }) => [name, name] as const)] as const;
  // Another module or host takes back a run: its outcome stays, and says of what it is.
  const also = view === "runs" ? ANEW : {};
  // A recording is held against the host.
  const isRun = view === "runs" && faults.value.length === 0 && openedRecording.value === null;
  const without = isRun ? withoutHost(route.value.params, data.value) : null;
  return (
    <form class="facts-bar" aria-label="Module and host" onSubmit={(event) => event.preventDefault()}>
      <Select
        label="Module"
        name="module"
        value={param("module") || initial.module}
        options={withWrong(
          param("module"),
          modules.map(({ name }) => [name, name] as const),
        )}
        also={also}
      />
      {without === null ? (
        <Select
          label="Host"
          name="host"
          value={param("host") || (initial.host ?? "none")}
          options={withWrong(param("host"), hostNames)}
          also={also}
        />
      ) : (
        <span class="field">
          <span>Host</span> <span class="dim">{without}</span>
        </span>
      )}
      {faults.value.length === 0 ? <Origin /> : null}
      <Share />
      {faults.value.length === 0 ? <Holes host={without === null} /> : null}
    </form>
  );
}

type Options = readonly (readonly [value: string, title: string])[];

/** A value of the address that is no option is shown as what it is. */
function withWrong(value: string, options: Options): Options {
  const isHere = value === "" || options.some(([option]) => option === value);
  return isHere ? options : [[value, `${value} (not here)`], ...options];
}

function Origin(): VNode {
  const { module } = currentModule.value.catalog;
  return (
    <span class="dim origin">
      {ORIGINS[module.origin]}
      {module.repository === null ? "" : ` ${module.repository}`}
      {module.revision === null ? "" : ` at ${module.revision.slice(0, 12)}`}
    </span>
  );
}

/** What was not understood of the module, and of the host where it plays a part. */
function Holes({ host: isAsked }: { readonly host: boolean }): VNode {
  const { name, catalog } = currentModule.value;
  const host = isAsked ? currentHost.value : null;
  return (
    <>
      <Diagnostics of={name} all={catalog.diagnostics} isHole={({ severity }) => severity === "error"} />
      {host === null ? null : (
        <Diagnostics
          of={host.name}
          all={host.profile.extracted?.diagnostics ?? []}
          isHole={({ severity }) => severity !== "note"}
        />
      )}
    </>
  );
}

const ORIGINS = {
  extracted: "from source",
  published: "a table made and published by hand",
  read: "read by hand, in part, from the source",
} as const;

const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ["/ or Ctrl-K", "find; a pasted log line is explained"],
  ["1 … 8", "the views, in the order of the tabs"],
  ["t", "light or dark"],
  ["?", "these keys"],
  ["← ↑ → ↓", "in the matrix: from cell to cell; Home, End, Page Up and Page Down further"],
  ["Enter", "in the matrix: open the pair"],
  ["← →", "in a run: the step before, the next step; Home and End the first and last"],
  ["[ ]", "in a run: the contention before, the next contention"],
  ["Esc", "close what is open: the list, these keys, the pair"],
];

function Help(): VNode {
  return (
    <dialog id="help" aria-labelledby="help-title" onClose={() => setHelp(false)}>
      <div class="table-head">
        <h2 id="help-title">Keys</h2>
        <button type="button" class="small" onClick={() => setHelp(false)} aria-label="Close the keys">
          ✕
        </button>
      </div>
      <table>
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col">What it does</th>
          </tr>
        </thead>
        <tbody>
          {KEYS.map(([keys, what]) => (
            <tr key={keys}>
              <th scope="row">
                <kbd>{keys}</kbd>
              </th>
              <td>{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <label class="check">
        <input
          type="checkbox"
          checked={oneLetterKeys.value}
          onChange={(event) => setOneLetterKeys(event.currentTarget.checked)}
        />{" "}
        keys of one character (/ 1 … 8 t ? [ ]) do something
      </label>
    </dialog>
  );
}

function onKey(event: KeyboardEvent): void {
  if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    event.preventDefault();
    return focusOmnibox();
  }
  if (isTyping(event) || isTurnedOff(event) || event.ctrlKey || event.altKey || event.metaKey) return;
  const view = VIEWS[Number(event.key) - 1];
  if (event.key === "/") focusOmnibox();
  else if (event.key === "?") setHelp(!helpOpen.value);
  else if (event.key === "t") toggleTheme();
  else if (event.key === "Escape" && param("a") !== "") closePair();
  else if (view !== undefined) navigate(tabLink(view));
  else return;
  event.preventDefault();
}

/** Says what is wrong where the page would be. */
function fail(error: unknown): void {
  const place = document.getElementById("app");
  if (place !== null)
    place.textContent = `seamlock cannot show its facts: ${error instanceof Error ? error.message : String(error)}`;
}

async function main(): Promise<void> {
  restoreTheme();
  const place = document.getElementById("app");
  if (place === null) throw new Error("the page has no place to draw");
  const text = await loadFacts();
  const { data: facts, answers } = unpack(text);
  takeFirst(answers);
  startAnalyst(text, facts);
  start(facts, place.dataset["at"] ?? "");
  addEventListener("keydown", onKey);
  followPrinting();
  takeDrops();
  place.textContent = "";
  render(<App />, place);
  // The page is there without them, also when the server is not any more.
  excerpts.value = await loadExcerpts().catch(() => NO_EXCERPTS);
}

/** Draws the page. */
export function startPage(): void {
  main().catch(fail);
}
