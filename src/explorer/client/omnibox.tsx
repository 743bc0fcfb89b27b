/** One box that finds everything, and explains a pasted log line. */
import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { resourceUsers } from "../../analysis/index.ts";
import { type Finding, searched } from "../logic/search.ts";
import { act } from "./actions.ts";
import { currentHost, currentModule, data, linkTo, navigate } from "./store.ts";

const typed = signal("");
const active = signal(0);
const open = signal(false);

/** Puts the focus into the box. */
export function focusOmnibox(): void {
  const box = document.getElementById("omnibox");
  if (box instanceof HTMLInputElement) {
    box.focus();
    box.select();
  }
}

function findings(): ReturnType<typeof searched> {
  const { modules, hosts, scenarios } = data.value;
  const { catalog } = currentModule.value;
  const names = (items: readonly { readonly name: string }[]): string[] => items.map(({ name }) => name);
  const resources = resourceUsers(catalog).map(({ resource }) => resource);
  return searched(typed.value, {
    catalog,
    modules: names(modules),
    hosts,
    host: currentHost.value,
    scenarios: names(scenarios),
    resources,
  });
}

const NOTHING = { shown: [], more: 0 };

/** The box, a combobox with its list below. */
export function Omnibox(): VNode {
  const { shown: found, more } = open.value ? findings() : NOTHING;
  const isMissing = open.value && typed.value.trim() !== "" && found.length === 0;
  const at = Math.min(active.value, found.length - 1);
  return (
    <div class="omnibox">
      <input
        id="omnibox"
        type="text"
        role="combobox"
        aria-label="Find a call, lock, status, version or host, or paste a log line"
        aria-expanded={found.length > 0}
        aria-controls="findings"
        aria-autocomplete="list"
        aria-activedescendant={found.length > 0 ? `finding-${at}` : undefined}
        placeholder="/  call, lock, path, ioctl, “range_block vp_enter”, “compare 6.16 6.19”; or paste a log line"
        autocomplete="off"
        spellcheck={false}
        value={typed.value}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
          active.value = 0;
          open.value = true;
        }}
        onFocus={() => {
          open.value = true;
        }}
        onBlur={() => {
          open.value = false;
        }}
        onKeyDown={(event) => onKey(event, found, at)}
      />
      {isMissing ? (
        <p class="nothing-found" role="status">
          Nothing here is called “{typed.value.trim()}”. Calls, locks under both names, host locks, paths, ioctls,
          statuses and versions are; two calls are a pair; a log line with a status in it is explained.
        </p>
      ) : null}
      <div id="findings" role="listbox" aria-label="Found" hidden={found.length === 0}>
        {found.map((finding, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the box above has the keys
          // biome-ignore lint/a11y/useFocusableInteractive: the box above keeps the focus
          <div
            key={`${finding.kind} ${finding.title} ${finding.detail}`}
            id={`finding-${i}`}
            role="option"
            aria-selected={i === at}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => choose(finding)}
          >
            <span class="kind">{finding.kind}</span> <b>{finding.title}</b> <span class="dim">{finding.detail}</span>
          </div>
        ))}
        {more === 0 ? null : (
          <div role="presentation" class="dim more">
            {more} more; further letters or words tell them apart
          </div>
        )}
      </div>
    </div>
  );
}

function onKey(event: KeyboardEvent, found: readonly Finding[], at: number): void {
  if (event.key === "Escape") {
    open.value = false;
    (event.currentTarget as HTMLElement).blur();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    active.value = found.length === 0 ? 0 : (at + step + found.length) % found.length;
  } else if (event.key === "Enter") {
    const finding = found[at];
    if (finding !== undefined) choose(finding);
  }
}

function choose({ view, params, action }: Finding): void {
  if (action === undefined) navigate(linkTo(view, params));
  else act(action);
  typed.value = "";
  open.value = false;
  document.getElementById("omnibox")?.blur();
}
