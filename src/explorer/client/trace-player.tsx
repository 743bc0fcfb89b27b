/** Swim lanes of one run, with a cursor that steps through it and the state beside. */
import type { VNode } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { BUSY, type Trace, type TraceStep } from "../../language/index.ts";
import { type Lanes, lanesOf, lockName, nextContention, stateAfter, stepText } from "../logic/lanes.ts";
import { type Column, Picture, Table } from "./parts.tsx";
import { param, setParams } from "./store.ts";

const LEFT = 150;
const LANE = 38;
const TOP = 26;
/** Pixels of one step: a short run is drawn wider, so that names fit. */
const NARROW = 34;
const WIDE = 78;

function stepWidth(steps: number): number {
  return Math.round(Math.min(WIDE, Math.max(NARROW, 1120 / Math.max(1, steps))));
}

interface PlayerProps {
  readonly trace: Trace;
  readonly title: string;
}

/** The player. ← and → step, [ and ] go to the contention before and after, Home and End to the ends. */
export function TracePlayer({ trace, title }: PlayerProps): VNode {
  const last = trace.steps.length - 1;
  const at = stepShown(last);
  const lanes = useMemo(() => lanesOf(trace), [trace]);
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const go = (event: KeyboardEvent): void => {
      // Not the step last drawn: keys can come faster than the page draws.
      const next = isTyping(event) ? null : keyTarget(event, trace, stepShown(last));
      if (next === null) return;
      event.preventDefault();
      show(next);
    };
    addEventListener("keydown", go);
    return () => removeEventListener("keydown", go);
  }, [trace, last]);
  useEffect(() => {
    const scroller = holder.current?.querySelector(".picture .scroll");
    scroller?.scrollTo({ left: LEFT + at * stepWidth(trace.steps.length) - scroller.clientWidth / 2 });
  }, [at, trace]);
  return (
    <div class="player" ref={holder}>
      <Controls trace={trace} at={at} lanes={lanes} />
      <Picture
        title={title}
        file="run"
        width={LEFT + trace.steps.length * stepWidth(trace.steps.length) + 20}
        height={TOP + (lanes.actors.length + lanes.locks.length) * LANE + 10}
      >
        <LaneDrawing trace={trace} lanes={lanes} at={at} />
      </Picture>
      <p class="legend">
        <span aria-hidden="true">■</span> exclusive <span aria-hidden="true">▨</span> shared{" "}
        <span class="key refused">✕</span> BUSY, with an arrow to the holder <span aria-hidden="true">⚑</span>{" "}
        host-priority bit set. Letters: A acquire, R release, e effect, ↩ return.
      </p>
      <div class="two">
        <StepList trace={trace} at={at} />
        <StateTable trace={trace} at={at} />
      </div>
    </div>
  );
}

/** Index of the step that the address names. */
function stepShown(last: number): number {
  const wanted = Number(param("step") || "1") - 1;
  return Number.isInteger(wanted) ? Math.min(last, Math.max(0, wanted)) : 0;
}

function show(step: number): void {
  setParams({ step: String(step + 1) }, true);
}

function isTyping({ target }: Event): boolean {
  return target instanceof Element && target.closest("input, select, textarea, [contenteditable], dialog") !== null;
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

function Controls({ trace, at, lanes }: AtProps & { readonly lanes: Lanes }): VNode {
  const last = trace.steps.length - 1;
  const before = nextContention(trace, at, -1);
  const after = nextContention(trace, at, 1);
  const step = trace.steps[at];
  const met = lanes.contentions.find((c) => c.step === at);
  return (
    <>
      <div class="controls" role="toolbar" aria-label="Steps of the run">
        <button type="button" disabled={before === null} onClick={() => show(before ?? at)} title="[">
          ⇤ previous BUSY
        </button>
        <button type="button" disabled={at === 0} onClick={() => show(at - 1)} aria-label="Step before" title="←">
          ←
        </button>
        <span class="position">
          step <b>{at + 1}</b> of {last + 1}
        </span>
        <button type="button" disabled={at === last} onClick={() => show(at + 1)} aria-label="Next step" title="→">
          →
        </button>
        <button type="button" disabled={after === null} onClick={() => show(after ?? at)} title="]">
          next BUSY ⇥
        </button>
      </div>
      <p class="now" aria-live="polite">
        {step === undefined ? null : (
          <>
            <b>{step.actor}</b>
            {step.leaf === null ? "" : ` in ${step.leaf}`}: {stepText(step)}
            {met === undefined ? "" : `, held by ${met.holders.join(", ") || "nobody in sight"}`}
          </>
        )}
      </p>
    </>
  );
}

function sign({ action, result }: TraceStep): string {
  if (result === BUSY) return "✕";
  return { acquire: "A", release: "R", return: "↩" }[action ?? ""] ?? "e";
}

function LaneDrawing({ trace, lanes, at }: AtProps & { readonly lanes: Lanes }): VNode {
  const lane = new Map(
    [...lanes.actors, ...lanes.locks.map((name) => `lock ${name}`)].map((name, i) => [name, TOP + i * LANE]),
  );
  const wide = stepWidth(trace.steps.length);
  const x = (step: number): number => LEFT + step * wide;
  const actorY = (name: string): number => lane.get(name) ?? 0;
  const lockY = (name: string): number => lane.get(`lock ${name}`) ?? 0;
  const end = trace.steps.length;
  const bottom = TOP + lane.size * LANE;
  return (
    <>
      <rect class="cursor" x={x(at)} y={4} width={wide} height={bottom} />
      {[...lane].map(([name, y]) => (
        <g key={name}>
          <text x={LEFT - 8} y={y + 22} text-anchor="end" class={name.startsWith("lock ") ? "lane-lock" : "lane-actor"}>
            {short(name.replace(/^lock /, ""))}
          </text>
          <line class="grid" x1={0} x2={x(end) + 10} y1={y + LANE - 2} y2={y + LANE - 2} />
        </g>
      ))}
      {trace.loop === null ? null : (
        <text class="tick" x={x(trace.loop)} y={16}>
          ↻ from here for ever
        </text>
      )}
      {lanes.calls.map(({ actor, leaf, from, to }) => (
        <g key={`${actor} ${from}`}>
          <title>{`${actor}: ${leaf}`}</title>
          <rect
            class="call"
            x={x(from) + 1}
            y={actorY(actor)}
            width={(to - from) * wide - 2}
            height={LANE - 8}
            rx={4}
          />
          <text class="tick call-name" x={x(from) + 4} y={actorY(actor) + 9}>
            {clipped(leaf, (to - from) * wide)}
          </text>
        </g>
      ))}
      {lanes.holds.map(({ lock, actor, mode, from, to }) => (
        <g key={`${lock} ${actor} ${from}`}>
          <title>{`${actor} holds ${lock} ${mode ?? ""}`}</title>
          <rect
            class={(mode ?? "exclusive").toLowerCase()}
            x={x(from) + wide / 2}
            y={lockY(lock) + holderRow(lanes, lock, actor) * 10 + 4}
            width={Math.max(6, (Math.min(to, end) - from) * wide - wide / 2)}
            height={LANE / 2 - 2}
            rx={3}
          />
          <text class="holder" x={x(from) + wide / 2 + 4} y={lockY(lock) + holderRow(lanes, lock, actor) * 10 + 17}>
            {clipped(actor, (Math.min(to, end) - from) * wide - wide / 2)}
          </text>
        </g>
      ))}
      {lanes.flags.map(({ lock, from, to }) => (
        <g key={`${lock} flag ${from}`}>
          <title>{`host priority: ${lock}`}</title>
          <line
            class="flag-line"
            x1={x(from) + wide / 2}
            x2={x(Math.min(to, end))}
            y1={flagY(lanes, lock, lockY, bottom)}
            y2={flagY(lanes, lock, lockY, bottom)}
          />
          <text class="flag" x={x(from) + wide / 2 - 4} y={flagY(lanes, lock, lockY, bottom)}>
            ⚑
          </text>
        </g>
      ))}
      {trace.steps.map((step, i) => (
        <StepMark key={i} step={step} x={x(i)} width={wide} y={actorY(step.actor)} number={i} />
      ))}
      {lanes.contentions.map(({ step, actor, lock }) => (
        <line
          key={`busy ${step}`}
          class="arrow"
          marker-end="url(#arrow)"
          x1={x(step) + wide / 2}
          x2={x(step) + wide / 2}
          y1={actorY(actor) + LANE - 9}
          y2={lockY(lock) + 2}
        />
      ))}
    </>
  );
}

function StepMark({
  step,
  x,
  width,
  y,
  number,
}: {
  readonly step: TraceStep;
  readonly x: number;
  readonly width: number;
  readonly y: number;
  readonly number: number;
}): VNode {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the list of steps and the keys do the same
    <g onClick={() => show(number)} class="mark">
      <title>{`${number + 1}. ${step.actor}: ${stepText(step)}`}</title>
      <rect
        class={step.result === BUSY ? "step busy" : "step"}
        x={x + 7}
        y={y + 12}
        width={width - 14}
        height={16}
        rx={3}
      />
      <text x={x + width / 2} y={y + 24} text-anchor="middle">
        {sign(step)}
      </text>
    </g>
  );
}

/** The flag of a lock stands in its lane; one that fits none stands below. */
function flagY(lanes: Lanes, variable: string, lockY: (lock: string) => number, bottom: number): number {
  const index = /\[\w+\]/.exec(variable)?.[0] ?? "";
  const base = variable.split(/[.[ ]/, 1)[0]?.toLowerCase() ?? "";
  const lock = lanes.locks.find((name) => name.toLowerCase().startsWith(base) && name.endsWith(index));
  return lock === undefined ? bottom + 6 : lockY(lock) + LANE - 6;
}

/** Several holders of one lock do not cover each other whole. */
function holderRow(lanes: Lanes, lock: string, actor: string): number {
  const holders = [...new Set(lanes.holds.filter((h) => h.lock === lock).map((h) => h.actor))];
  return Math.min(1, holders.indexOf(actor));
}

function short(name: string): string {
  return name.length > 20 ? `${name.slice(0, 19)}…` : name;
}

function clipped(text: string, width: number): string {
  const letters = Math.floor((width - 6) / 6.4);
  return text.length <= letters ? text : letters < 4 ? "" : `${text.slice(0, letters - 1)}…`;
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
      <button type="button" class="link" onClick={() => show(number - 1)} aria-label={`Go to step ${number}`}>
        {number}
      </button>
    ),
  },
  { head: "Who", text: ({ step }) => step.actor },
  { head: "Call", text: ({ step }) => step.leaf ?? "–" },
  {
    head: "What",
    text: ({ step }) => stepText(step),
    show: ({ step }) => <span class={step.result === BUSY ? "refused" : ""}>{stepText(step)}</span>,
  },
  { head: "Lock", text: ({ step }) => lockName(step) ?? "–" },
];

function StepList({ trace, at }: AtProps): VNode {
  const rows = useMemo(() => trace.steps.map((step, i) => ({ number: i + 1, step })), [trace]);
  return (
    <Table
      caption="Steps"
      columns={STEP_COLUMNS}
      rows={rows}
      file="steps"
      empty=""
      current={({ number }) => number === at + 1}
    />
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
      <label class="check">
        <input
          type="checkbox"
          checked={unchanged}
          onChange={(event) => setParams({ state: event.currentTarget.checked ? "all" : "" }, true)}
        />{" "}
        also variables that this step leaves alone
      </label>
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
    </div>
  );
}
