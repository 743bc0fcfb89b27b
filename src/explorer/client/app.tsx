/** The page: its head, the views, and the keys that work everywhere. */
import { signal } from "@preact/signals";
import { Component, type ComponentChildren, render, type VNode } from "preact";
import { unpack } from "../data.ts";
import { VIEWS, type View } from "../logic/route.ts";
import { startAnalyst } from "./analyst.ts";
import { CallsView } from "./calls-view.tsx";
import { ExplainView } from "./explain-view.tsx";
import { HostsView } from "./hosts-view.tsx";
import { loadFacts } from "./load.ts";
import { MatrixView } from "./matrix-view.tsx";
import { focusOmnibox, Omnibox } from "./omnibox.tsx";
import { Select } from "./parts.tsx";
import { ResourcesView } from "./resources-view.tsx";
import { RunsView } from "./runs-view.tsx";
import { currentHost, currentModule, data, drawn, linkTo, navigate, route, start, waiting } from "./store.ts";
import { VersionsView } from "./versions-view.tsx";

const TITLES: Readonly<Record<View, string>> = {
  matrix: "Matrix",
  calls: "Calls",
  resources: "Resources",
  versions: "Versions",
  hosts: "Hosts",
  runs: "Runs",
  explain: "Explain",
};

const BODIES: Readonly<Record<View, () => VNode>> = {
  matrix: MatrixView,
  calls: CallsView,
  resources: ResourcesView,
  versions: VersionsView,
  hosts: HostsView,
  runs: RunsView,
  explain: ExplainView,
};

const helpOpen = signal(false);

function App(): VNode {
  const { view } = route.value;
  const Body = BODIES[view];
  const isWaiting = waiting.value === "answers";
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        To the content
      </button>
      <header>
        <h1>seamlock</h1>
        <nav aria-label="Views">
          {VIEWS.map((name, i) => (
            <a key={name} href={linkTo(name)} aria-current={name === view ? "page" : undefined} title={`Key ${i + 1}`}>
              {TITLES[name]}
            </a>
          ))}
        </nav>
        <Omnibox />
        <button type="button" class="small" onClick={toggleTheme} aria-label="Light or dark" title="t">
          ◐
        </button>
        <button type="button" class="small" onClick={() => setHelp(true)} aria-label="Keys" title="?">
          ?
        </button>
      </header>
      <Facts />
      <main id="main" tabIndex={-1} aria-busy={isWaiting}>
        {isWaiting ? <Waiting /> : null}
        {drawn.value ? (
          <Guard key={view}>
            <Body />
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

/** A view that fails says so, and leaves the rest of the page alone. */
class Guard extends Component<{ readonly children: ComponentChildren }, { readonly failure: string | null }> {
  override state = { failure: null };
  static override getDerivedStateFromError(error: unknown): { failure: string } {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
  override render({ children }: { readonly children: ComponentChildren }, { failure }: { failure: string | null }) {
    return failure === null ? (
      children
    ) : (
      <p class="notice" role="alert">
        This cannot be shown: {failure}
      </p>
    );
  }
}

function skip(): void {
  document.getElementById("main")?.focus();
}

/** What everything on the page is about. */
function Facts(): VNode {
  const { modules, hosts } = data.value;
  const { module, diagnostics } = currentModule.value.catalog;
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  return (
    <form class="facts-bar" aria-label="Module and host" onSubmit={(event) => event.preventDefault()}>
      <Select
        label="Module"
        name="module"
        value={currentModule.value.name}
        options={modules.map(({ name }) => [name, name] as const)}
      />
      <Select
        label="Host"
        name="host"
        value={currentHost.value?.name ?? "none"}
        options={[["none", "none: the module alone"], ...hosts.map(({ name }) => [name, name] as const)]}
      />
      <span class="dim origin">
        {ORIGINS[module.origin]}
        {module.repository === null ? "" : ` ${module.repository}`}
        {module.revision === null ? "" : ` at ${module.revision.slice(0, 12)}`}
      </span>
      {errors === 0 ? null : <span class="notice">⚠ {errors} errors: the facts have holes</span>}
    </form>
  );
}

const ORIGINS = {
  extracted: "from source",
  published: "a table made and published by hand",
  read: "read by hand, in part, from the source",
} as const;

const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ["/", "find; a pasted log line is explained"],
  ["1 … 7", "the views, in the order of the tabs"],
  ["t", "light or dark"],
  ["?", "these keys"],
  ["← ↑ → ↓", "in the matrix: from cell to cell; Home, End, Page Up and Page Down further"],
  ["Enter", "in the matrix: open the pair"],
  ["← →", "in a run: the step before, the next step; Home and End the first and last"],
  ["[ ]", "in a run: the contention before, the next contention"],
  ["Esc", "close"],
];

function setHelp(shown: boolean): void {
  helpOpen.value = shown;
  const dialog = document.getElementById("help");
  if (!(dialog instanceof HTMLDialogElement)) return;
  if (shown && !dialog.open) dialog.showModal();
  if (!shown && dialog.open) dialog.close();
}

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
    </dialog>
  );
}

/** The theme goes from the system's to the other one, and back. It is not stored: the page writes nothing anywhere. */
function toggleTheme(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const root = document.documentElement;
  const now = root.dataset["theme"] ?? (dark ? "dark" : "light");
  root.dataset["theme"] = now === "dark" ? "light" : "dark";
}

function onKey(event: KeyboardEvent): void {
  const typing = event.target instanceof Element && event.target.closest("input, select, textarea, dialog") !== null;
  if (typing || event.ctrlKey || event.altKey || event.metaKey) return;
  const view = VIEWS[Number(event.key) - 1];
  if (event.key === "/") focusOmnibox();
  else if (event.key === "?") setHelp(!helpOpen.value);
  else if (event.key === "t") toggleTheme();
  else if (view !== undefined) navigate(linkTo(view));
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
  const place = document.getElementById("app");
  if (place === null) throw new Error("the page has no place to draw");
  const text = await loadFacts();
  const facts = unpack(text);
  startAnalyst(text, facts);
  start(facts);
  addEventListener("keydown", onKey);
  place.textContent = "";
  render(<App />, place);
}

main().catch(fail);
