/** The swim lanes of a run: calls and steps of the actors, who holds which lock, who is refused, and host-priority bits. */
import type { VNode } from "preact";
import { BUSY, type Trace, type TraceStep } from "../../language/index.ts";
import { ACTOR_HEIGHT, type LaneLayout, STRIP } from "../logic/lane-layout.ts";
import type { Contention, Lanes } from "../logic/lanes.ts";
import { bothNames } from "../logic/lock-names.ts";
import { type StepWindow, within } from "../logic/step-window.ts";
import { memo } from "./memo.ts";
import { stepWords } from "./step-words.ts";
import { setParams } from "./store.ts";

/** Where the first step begins; the names stand before it. */
export const LEFT = 160;
/** Where the first lane begins. */
export const TOP = 22;

/** Shows a step, by its index. */
export function showStep(step: number): void {
  setParams({ step: String(step + 1) }, true);
}

interface DrawingProps {
  readonly trace: Trace;
  readonly lanes: Lanes;
  readonly layout: LaneLayout;
  readonly shown: StepWindow;
  /** Width of a step in pixels. */
  readonly wide: number;
}

/** Everything but the cursor, so that stepping draws nothing of it again. */
export const LaneDrawing = memo(function LaneDrawing(props: DrawingProps): VNode {
  return (
    <>
      <LaneLines {...props} />
      <Loop {...props} />
      <Calls {...props} />
      <Holds {...props} />
      <Flags {...props} />
      <Steps {...props} />
      <Refusals {...props} />
    </>
  );
});

function xOf({ shown, wide }: DrawingProps, step: number): number {
  return LEFT + (step - shown.from) * wide;
}

function LaneLines(props: DrawingProps): VNode {
  const end = xOf(props, props.shown.to) + 10;
  return (
    <>
      {props.layout.lanes.map(({ kind, name, y, height }) => (
        <line key={`${kind} ${name}`} class="grid" x1={0} x2={end} y1={y + height - 1} y2={y + height - 1} />
      ))}
    </>
  );
}

/** The lanes' names, which stay where they are while the run is scrolled. */
export const LaneNames = memo(function LaneNames({ layout }: { readonly layout: LaneLayout }): VNode {
  return (
    <g class="lane-names">
      <rect class="lane-ground" x={0} y={0} width={LEFT - 4} height={layout.bottom} />
      {layout.lanes.map(({ kind, name, y, height }) => (
        <g key={`${kind} ${name}`}>
          <title>{kind === "flag" ? `host-priority bit ${name}` : kind === "lock" ? bothNames(name) : name}</title>
          <text x={LEFT - 8} y={y + height / 2 + 4} text-anchor="end" class={`lane-${kind}`}>
            {clipped(kind === "flag" ? `⚑ ${name}` : name, LEFT)}
          </text>
        </g>
      ))}
    </g>
  );
});

function Loop(props: DrawingProps): VNode | null {
  const { loop } = props.trace;
  if (loop === null || loop < props.shown.from || loop >= props.shown.to) return null;
  return (
    <text class="tick" x={xOf(props, loop)} y={14}>
      ↻ from here for ever
    </text>
  );
}

function Calls(props: DrawingProps): VNode {
  const { lanes, layout, shown, wide } = props;
  const calls = lanes.calls.map((call) => within(call, shown)).filter((call) => call !== null);
  return (
    <>
      {calls.map(({ actor, leaf, from, to }) => (
        <g key={`${actor} ${from}`}>
          <title>{`${actor}: ${leaf}`}</title>
          <rect
            class="call"
            x={xOf(props, from) + 1}
            y={layout.actorY(actor) + 2}
            width={(to - from) * wide - 2}
            height={ACTOR_HEIGHT - 6}
            rx={4}
          />
          <text class="tick" x={xOf(props, from) + 5} y={layout.actorY(actor) + 13}>
            {clipped(leaf, (to - from) * wide)}
          </text>
        </g>
      ))}
    </>
  );
}

function Holds(props: DrawingProps): VNode {
  const { lanes, layout, shown, wide } = props;
  return (
    <>
      {lanes.holds.map((hold) => {
        const part = within(hold, shown);
        if (part === null) return null;
        const { lock, actor, mode, from, to } = part;
        const kind = (mode ?? "exclusive").toLowerCase();
        const x = xOf(props, from) + wide / 2;
        const width = Math.max(6, (to - from) * wide - wide / 2);
        const y = layout.holdY(hold);
        return (
          <g key={`${lock} ${actor} ${from}`}>
            <title>{`${actor} holds ${lock} ${mode ?? ""}`}</title>
            <rect class={kind} x={x} y={y} width={width} height={STRIP - 3} rx={3} />
            <text class={`holder in-${kind}`} x={x + 5} y={y + 12.5}>
              {clipped(actor, width)}
            </text>
          </g>
        );
      })}
    </>
  );
}

function Flags(props: DrawingProps): VNode {
  const { lanes, layout, shown, wide } = props;
  const flags = lanes.flags.map((flag) => within(flag, shown)).filter((flag) => flag !== null);
  return (
    <>
      {flags.map((flag) => {
        const { variable, lock, from, to } = flag;
        const [x, y] = [xOf(props, from) + wide / 2, layout.flagY(flag)];
        return (
          <g key={`${variable} flag ${from}`}>
            <title>{`host priority of ${lock}: a host was refused`}</title>
            <line class="flag-line" x1={x} x2={xOf(props, to)} y1={y} y2={y} />
            <text class="flag" x={x - 2} y={y}>
              ⚑
            </text>
          </g>
        );
      })}
    </>
  );
}

function Steps(props: DrawingProps): VNode {
  const { trace, layout, shown, wide } = props;
  return (
    <>
      {trace.steps.slice(shown.from, shown.to).map((step, i) => {
        const index = shown.from + i;
        const [x, y] = [xOf(props, index), layout.actorY(step.actor)];
        return (
          // biome-ignore lint/a11y/noStaticElementInteractions: the list of steps and the keys do the same
          <g key={index} onClick={() => showStep(index)} class="mark">
            <title>{`${index + 1}. ${step.actor}: ${stepWords(step)}`}</title>
            <rect
              class={step.result === BUSY ? "step busy" : "step"}
              x={x + 5}
              y={y + 17}
              width={wide - 10}
              height={17}
              rx={3}
            />
            <text x={x + wide / 2} y={y + 30} text-anchor="middle">
              {boxText(step, wide - 14)}
            </text>
          </g>
        );
      })}
    </>
  );
}

/** A word where it fits, else its sign. */
function boxText(step: TraceStep, room: number): string {
  const word =
    step.result === BUSY
      ? "BUSY"
      : ({ acquire: "acquire", release: "release", return: "return" }[step.action ?? ""] ?? "effect");
  return word.length * 6.9 <= room ? word : sign(step);
}

function sign({ action, result }: TraceStep): string {
  if (result === BUSY) return "✕";
  return { acquire: "A", release: "R", return: "↩" }[action ?? ""] ?? "e";
}

function Refusals(props: DrawingProps): VNode {
  const { lanes, shown } = props;
  return (
    <>
      {lanes.contentions
        .filter(({ step }) => step >= shown.from && step < shown.to)
        .map((contention) => (
          <Refusal key={contention.step} contention={contention} {...props} />
        ))}
    </>
  );
}

/** From the step that was refused to the strip of each holder; to the lock's lane where nobody is seen to hold it. */
function Refusal(props: DrawingProps & { readonly contention: Contention }): VNode {
  const { lanes, layout, wide, contention } = props;
  const { step, actor, lock } = contention;
  const held = lanes.holds.filter((h) => h.lock === lock && h.actor !== actor && h.from < step && h.to > step);
  const ends = held.length === 0 ? [layout.lockY(lock)] : held.map(layout.holdY);
  const x = xOf(props, step) + wide / 2;
  const from = layout.actorY(actor) + ACTOR_HEIGHT - 8;
  return (
    <>
      {ends.map((end) => (
        <line key={end} class="arrow" marker-end="url(#arrow)" x1={x} x2={x} y1={from} y2={end + 1} />
      ))}
    </>
  );
}

function clipped(text: string, width: number): string {
  const letters = Math.floor((width - 12) / 6.9);
  return text.length <= letters ? text : letters < 3 ? "" : `${text.slice(0, letters - 1)}…`;
}
