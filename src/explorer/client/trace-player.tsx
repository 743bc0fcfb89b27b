/** Swim lanes of one run, with a cursor that steps through it and the state beside. */
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { BUSY, lockName, type Trace, type TraceStep } from "../../language/index.ts";
import { hostTitle } from "../../report/index.ts";
import { culpritsAt, heldAfter, holdText } from "../logic/held.ts";
import { laneLayout } from "../logic/lane-layout.ts";
import { type Lanes, lanesOf, nextContention, stateAfter } from "../logic/lanes.ts";
import type { RunRequest } from "../logic/run-request.ts";
import { type StepWindow, windowAround } from "../logic/step-window.ts";
import { isTurnedOff, isTyping } from "./actions.ts";
import { LaneDrawing, LaneNames, LEFT, showStep, TOP } from "./lane-drawing.tsx";
import { OtherSteps, ownRun } from "./other-steps.tsx";
import { type Column, FirstOf, LeafLink, Picture, SourceLine, Table } from "./parts.tsx";
import { stepWords } from "./step-words.ts";
import { currentHost, currentModule, param, setParams } from "./store.ts";
import { useWidth } from "./use-width.ts";

/** Pixels of one step: a short run is drawn wider, so that names fit. */
const NARROW = 34;
const WIDE = 110;

interface PlayerProps {
  readonly trace: Trace;
  readonly title: string;
  /** What the run is of, so that another next step can be chosen; left out where that is not known. */
  readonly request?: RunRequest;
  /** Stands beside the controls. */
  readonly children?: ComponentChildren;
}

/** The player. ← and → step, [ and ] go to the contention before and after, Home and End to the ends. */
export function TracePlayer({ trace: found, title: foundTitle, request, children }: PlayerProps): VNode {
  const own = ownRun.value;
  const isOwn = own !== null && own.of === found;
  const [trace, title] = isOwn ? [own.trace, own.title] : [found, foundTitle];
  const last = trace.steps.length - 1;
  const at = stepShown(last);
  const lanes = useMemo(() => lanesOf(trace), [trace]);
  const layout = useMemo(() => laneLayout(lanes, TOP), [lanes]);
  const { from, to } = windowAround(at, trace.steps.length);
  const shown = useMemo(() => ({ from, to }), [from, to]);
  const holder = useRef<HTMLDivElement>(null);
  const room = useWidth(holder);
  const wide = Math.round(Math.min(WIDE, Math.max(NARROW, (room - LEFT - 24) / Math.max(1, to - from))));
  useEffect(() => {
    const go = (event: KeyboardEvent): void => {
      // Not the step last drawn: keys can come faster than the page draws.
      const next =
        isTyping(event) || isTurnedOff(event) || isScrolling(event) ? null : keyTarget(event, trace, stepShown(last));
      if (next === null) return;
      event.preventDefault();
      showStep(next);
    };
    addEventListener("keydown", go);
    return () => removeEventListener("keydown", go);
  }, [trace, last]);
  useEffect(() => {
    const scroller = holder.current?.querySelector(".picture .scroll");
    const names = scroller?.querySelector(".lane-names");
    const pin = (): void => names?.setAttribute("transform", `translate(${scroller?.scrollLeft ?? 0} 0)`);
    scroller?.addEventListener("scroll", pin);
    pin();
    return () => scroller?.removeEventListener("scroll", pin);
  }, [trace, layout]);
  useEffect(() => {
    const scroller = holder.current?.querySelector(".picture .scroll");
    scroller?.scrollTo({ left: LEFT + (at - from) * wide - scroller.clientWidth / 2 });
  }, [at, from, wide, trace]);
  if (isBeyond(last)) return <Beyond steps={trace.steps.length} />;
  const part = to - from === trace.steps.length ? "" : `, steps ${from + 1} to ${to} of ${trace.steps.length}`;
  return (
    <div class="player" ref={holder}>
      <div class="controls">
        <Controls trace={trace} at={at} />
        {children}
      </div>
      <Now trace={trace} at={at} lanes={lanes} />
      <Held lanes={lanes} at={at} />
      <Behind trace={trace} at={at} lanes={lanes} />
      {request === undefined ? null : (
        <OtherSteps found={found} trace={trace} at={at} request={request} isOwn={isOwn} />
      )}
      <Overview trace={trace} at={at} shown={shown} lanes={lanes} />
      <Picture title={`${title}${part}`} file="run" width={LEFT + (to - from) * wide + 14} height={layout.bottom + 8}>
        <rect class="cursor" x={LEFT + (at - from) * wide} y={2} width={wide} height={layout.bottom} />
        <LaneDrawing trace={trace} lanes={lanes} layout={layout} shown={shown} wide={wide} />
        <LaneNames layout={layout} />
      </Picture>
      <Legend />
      <div class="two">
        <StepList trace={trace} at={at} shown={shown} />
        <StateTable trace={trace} at={at} />
      </div>
    </div>
  );
}

function Legend(): VNode {
  return (
    <p class="legend">
      <span aria-hidden="true">■</span> exclusive <span aria-hidden="true">▨</span> shared{" "}
      <span class="key refused">✕</span> BUSY, with an arrow to the holder <span aria-hidden="true">⚑</span>{" "}
      host-priority bit set. Letters: A acquire, R release, e effect, ↩ return.
    </p>
  );
}

/** Does the address name a step that the run does not have? */
function isBeyond(last: number): boolean {
  return Number(param("step") || "1") > last + 1;
}

function Beyond({ steps }: { readonly steps: number }): VNode {
  return (
    <p class="notice" role="alert">
      The run has {steps} steps, and the address names step {param("step")}.{" "}
      <button type="button" onClick={() => showStep(0)}>
        The first step
      </button>{" "}
      <button type="button" onClick={() => showStep(steps - 1)}>
        The last step
      </button>
    </p>
  );
}

/** What is held once the step has been made. */
function Held({ lanes, at }: { readonly lanes: Lanes; readonly at: number }): VNode {
  const held = heldAfter(lanes, at);
  return <p class="held">now held: {held.length === 0 ? "nothing" : held.map(holdText).join("; ")}</p>;
}

/** Behind a BUSY: who held the lock, the step that took it, the call, its line, and the host's paths to it. */
function Behind({ trace, at, lanes }: AtProps & { readonly lanes: Lanes }): VNode | null {
  const host = currentHost.value;
  const culprits = culpritsAt(trace, lanes, at, currentModule.value.catalog, host?.profile ?? null);
  if (culprits.length === 0) return null;
  return (
    <ul class="behind">
      {culprits.map(({ actor, since, leaf, mode, site, paths }) => (
        <li key={`${actor} ${since}`}>
          {actor} has it{mode === null ? "" : ` ${mode.toLowerCase()}`} since{" "}
          <button type="button" class="link" onClick={() => showStep(since)}>
            step {since + 1}
          </button>
          {leaf === null ? null : (
            <>
              {" "}
              → <LeafLink name={leaf} />
            </>
          )}
          {paths.length === 0 || host === null ? null : (
            <>
              {" "}
              → {hostTitle(host.name)}: <FirstOf items={paths} few={PATHS} what="paths" />
            </>
          )}
          {site === null ? null : (
            <>
              {" "}
              → <SourceLine site={site} />
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

const PATHS = 3;

/** The whole run in a strip: where it is BUSY, and which part is drawn below. A click goes there. */
function Overview({ trace, at, shown, lanes }: AtProps & { readonly shown: StepWindow; readonly lanes: Lanes }): VNode {
  const steps = trace.steps.length;
  const share = (step: number): string => `${((100 * step) / steps).toFixed(2)}%`;
  const go = (event: MouseEvent): void => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    showStep(Math.min(steps - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * steps))));
  };
  const { contentions } = lanes;
  const words = `${steps} steps, BUSY at ${contentions.length === 0 ? "none" : contentions.map(({ step }) => step + 1).join(", ")}`;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys and the list of steps do the same
    <div class="overview no-copy" role="img" aria-label={words} title={words} onClick={go}>
      <div class="overview-part" style={{ left: share(shown.from), width: share(shown.to - shown.from) }} />
      {contentions.map(({ step }) => (
        <div key={step} class="overview-busy" style={{ left: share(step) }} />
      ))}
      <div class="overview-at" style={{ left: share(at) }} />
    </div>
  );
}

/** Index of the step that the address names. */
function stepShown(last: number): number {
  const wanted = Number(param("step") || "1") - 1;
  return Number.isInteger(wanted) ? Math.min(last, Math.max(0, wanted)) : 0;
}

/** What scrolls and has the focus keeps the keys that scroll it. */
function isScrolling({ target, key }: KeyboardEvent): boolean {
  return target instanceof Element && target.matches(".scroll") && /^(Arrow|Home|End)/.test(key);
}

function keyTarget({ key, ctrlKey, altKey, metaKey }: KeyboardEvent, trace: Trace, at: number): number | null {
  if (ctrlKey || altKey || metaKey) return null;
  const last = trace.steps.length - 1;
  switch (key) {
    case "ArrowLeft":
      return Math.max(0, at - 1);
    case "ArrowRight":
      return Math.min(last, at + 1);
    case "Home":
      return 0;
    case "End":
      return last;
    case "[":
      return nextContention(trace, at, -1);
    case "]":
      return nextContention(trace, at, 1);
    default:
      return null;
  }
}

interface AtProps {
  readonly trace: Trace;
  readonly at: number;
}

function Controls({ trace, at }: AtProps): VNode {
  const last = trace.steps.length - 1;
  const before = nextContention(trace, at, -1);
  const after = nextContention(trace, at, 1);
  return (
    <div class="steps" role="toolbar" aria-label="Steps of the run">
      <button type="button" disabled={before === null} onClick={() => showStep(before ?? at)} title="[">
        ⇤ previous BUSY
      </button>
      <button type="button" disabled={at === 0} onClick={() => showStep(at - 1)} aria-label="Step before" title="←">
        ←
      </button>
      <span class="position">
        step <b>{at + 1}</b> of {last + 1}
      </span>
      <button type="button" disabled={at === last} onClick={() => showStep(at + 1)} aria-label="Next step" title="→">
        →
      </button>
      <button type="button" disabled={after === null} onClick={() => showStep(after ?? at)} title="]">
        next BUSY ⇥
      </button>
    </div>
  );
}

/** The step in words. */
function Now({ trace, at, lanes }: AtProps & { readonly lanes: Lanes }): VNode {
  const step = trace.steps[at];
  const met = lanes.contentions.find((c) => c.step === at);
  return (
    <p class="now" aria-live="polite">
      {step === undefined ? null : (
        <>
          <b>{step.actor}</b>
          {step.leaf === null ? "" : ` in ${step.leaf}`}: {stepWords(step)}
          {met === undefined ? "" : `, held by ${met.holders.join(", ") || "nobody in sight"}`}
        </>
      )}
    </p>
  );
}

interface Numbered {
  readonly number: number;
  readonly step: TraceStep;
}

const STEP_COLUMNS: readonly Column<Numbered>[] = [
  {
    head: "#",
    numeric: true,
    text: ({ number }) => String(number),
    show: ({ number }) => (
      <button type="button" class="link" onClick={() => showStep(number - 1)} aria-label={`Go to step ${number}`}>
        {number}
      </button>
    ),
  },
  { head: "Who", text: ({ step }) => step.actor },
  { head: "Call", text: ({ step }) => step.leaf ?? "–" },
  {
    head: "What",
    text: ({ step }) => stepWords(step),
    show: ({ step }) => <span class={step.result === BUSY ? "refused" : ""}>{stepWords(step)}</span>,
  },
  { head: "Lock", text: ({ step }) => lockName(step) ?? "–" },
];

function StepList({ trace, at, shown }: AtProps & { readonly shown: StepWindow }): VNode {
  const rows = useMemo(() => trace.steps.map((step, i): Numbered => ({ number: i + 1, step })), [trace]);
  const sought = param("find").toLowerCase();
  const part = useMemo(() => {
    if (sought === "") return rows.slice(shown.from, shown.to);
    return rows.filter(({ step }) =>
      [step.actor, step.leaf ?? "", stepWords(step), ...Object.entries(step.state).flat()].some((text) =>
        String(text).toLowerCase().includes(sought),
      ),
    );
  }, [rows, shown, sought]);
  const caption =
    sought === "" ? `Steps ${shown.from + 1} to ${shown.to}, of ${rows.length}` : `Steps with “${sought}”`;
  return (
    <div>
      <label class="field no-copy">
        <span>Search in steps and states</span>
        <input
          name="find"
          type="search"
          value={param("find")}
          onInput={(event) => setParams({ find: event.currentTarget.value }, true)}
        />
      </label>
      <Table
        caption={sought === "" && part.length === rows.length ? "Steps" : caption}
        columns={STEP_COLUMNS}
        rows={part}
        saved={rows}
        file="steps"
        empty="None."
        current={({ number }) => number === at + 1}
      />
    </div>
  );
}

interface VariableRow {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  readonly changed: boolean;
}

function StateTable({ trace, at }: AtProps): VNode {
  const before = stateAfter(trace, at);
  const after = stateAfter(trace, at + 1);
  const rows = Object.keys(after)
    .map((name): VariableRow => {
      const [x, y] = [String(before[name] ?? "–"), String(after[name])];
      return { name, before: x, after: y, changed: x !== y };
    })
    .sort((x, y) => Number(y.changed) - Number(x.changed));
  const unchanged = param("state") === "all";
  return (
    <div>
      <Table
        caption={`State at step ${at + 1}`}
        columns={[
          { head: "Variable", text: (row) => row.name, show: (row) => <code>{row.name}</code> },
          { head: "Before", text: (row) => row.before },
          { head: "After", text: (row) => row.after, show: (row) => (row.changed ? <b>Δ {row.after}</b> : row.after) },
        ]}
        rows={unchanged ? rows : rows.filter(({ changed }) => changed)}
        file="state"
        empty="The step changes no variable."
      />
      <label class="check">
        <input
          type="checkbox"
          checked={unchanged}
          onChange={(event) => setParams({ state: event.currentTarget.checked ? "all" : "" }, true)}
        />{" "}
        also variables that this step leaves alone
      </label>
    </div>
  );
}
