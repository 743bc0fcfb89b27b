/** What a run found: the verdict or the counts, a run to play, and who was BUSY. */
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import type { CheckResult } from "../../check/index.ts";
import type { BusyCount, SimulationResult } from "../../simulate/index.ts";
import { type Playable, playables } from "../logic/playable.ts";
import type { Found } from "../logic/runs.ts";
import type { SimulationChoice } from "../logic/simulation.ts";
import { type Column, Select, Table } from "./parts.tsx";
import { runState } from "./run-engine.ts";
import { repeatLine } from "./run-job.ts";
import { param } from "./store.ts";
import { TracePlayer } from "./trace-player.tsx";

/** The outcome of the last run; before there is one, what to do. */
export function Outcome(): VNode | null {
  const state = runState.value;
  if (state.kind === "done") return <FoundPage found={state.found} />;
  return state.kind === "idle" ? (
    <p class="empty">
      Choose a scenario. “Check” looks at every state, “Simulate” makes random runs; what they find is played here, step
      by step.
    </p>
  ) : null;
}

function FoundPage({ found }: { readonly found: Found }): VNode {
  const runs = playables(found);
  const chosen = runs.find(({ name }) => name === param("play")) ?? runs[0] ?? null;
  const meeting = param("meet") !== "";
  const note = found.kind === "check" ? found.note : null;
  return (
    <>
      {meeting && found.kind === "check" ? (
        <p>
          {runs.length === 0
            ? "No interleaving of these two calls alone ends in that BUSY."
            : `The shortest of all interleavings; ${number(found.result.states)} states were looked at.`}{" "}
          {note}
        </p>
      ) : (
        <Verdict found={found} />
      )}
      {chosen === null ? null : (
        <TracePlayer trace={chosen.trace} title={meeting ? "An interleaving" : `${chosen.name}: ${chosen.what}`}>
          <Choice runs={runs} chosen={chosen} />
        </TracePlayer>
      )}
      {meeting ? null : <Tables found={found} />}
      {meeting ? null : (
        <p class="dim repeat">
          On the command line: <code>{repeatLine(found.kind)}</code>
        </p>
      )}
    </>
  );
}

function Choice({ runs, chosen }: { readonly runs: readonly Playable[]; readonly chosen: Playable }): VNode | null {
  if (runs.length < 2) return null;
  return (
    <Select
      label="Play"
      name="play"
      value={chosen.name}
      options={runs.map(({ name, what }) => [name, `${name}: ${what}`] as const)}
      also={{ step: "" }}
    />
  );
}

const number = (value: number): string => value.toLocaleString("en");

function Verdict({ found }: { readonly found: Found }): VNode {
  return found.kind === "check" ? (
    <CheckVerdict result={found.result} />
  ) : (
    <Counts result={found.result} choice={found.choice} />
  );
}

const OUTCOMES = { holds: "✓ holds", violated: "✗ violated", inconclusive: "? inconclusive" } as const;

function CheckVerdict({ result }: { readonly result: CheckResult }): VNode {
  const { outcome, states, transitions, depth, seconds, frontier } = result;
  return (
    <p class={`outcome ${outcome.kind}`} role="status">
      <b>{OUTCOMES[outcome.kind]}</b>
      {outcome.property === null ? "" : `: ${outcome.property}`}
      {outcome.reason === null ? "" : ` (${outcome.reason})`}
      <span class="dim">
        {" "}
        {number(states)} states, {number(transitions)} transitions, depth {depth}, {seconds.toFixed(1)} s
        {frontier === 0 ? "" : `, ${number(frontier)} states not explored`}
      </span>
    </p>
  );
}

interface CountsProps {
  readonly result: SimulationResult;
  readonly choice: SimulationChoice;
}

/** Random runs show that something can happen, never that it cannot. */
function Counts({ result, choice }: CountsProps): VNode {
  const { violations, runs, steps, ended, seconds } = result;
  const [first] = violations;
  return (
    <p class={`outcome ${first === undefined ? "" : "violated"}`} role="status">
      <b>{first === undefined ? "– no violation met" : "✗ violated"}</b>
      {first === undefined
        ? ", which proves nothing"
        : `: ${violations.map((v) => `${v.property} (run ${v.reproduce.run})`).join("; ")}`}
      <span class="dim">
        {" "}
        {number(runs)} {runs < choice.runs ? `of ${number(choice.runs)} ` : ""}runs, {number(steps)} steps,{" "}
        {number(ended)} runs came to an end, {seconds.toFixed(1)} s, seed {choice.seed}, {choice.schedule} schedule
        {runs < choice.runs ? "; cancelled" : ""}
      </span>
    </p>
  );
}

function Tables({ found }: { readonly found: Found }): VNode | null {
  return found.kind === "check" ? <CheckedBusy rows={found.result.busy} /> : <Sampled result={found.result} />;
}

function CheckedBusy({ rows }: { readonly rows: CheckResult["busy"] }): VNode | null {
  if (rows.length === 0) return null;
  return <Table caption="BUSY that some run meets" columns={CHECKED_COLUMNS} rows={rows} file="busy" empty="" />;
}

const CHECKED_COLUMNS: readonly Column<CheckResult["busy"][number]>[] = [
  { head: "Call", text: (row) => row.leaf ?? row.process },
  { head: "On", text: (row) => row.resource },
  { head: "Held by", text: (row) => [...row.holders, ...(row.unheld ? ["nobody in sight"] : [])].join(", ") },
  { head: "Status", text: (row) => row.status ?? "–" },
];

function Sampled({ result }: { readonly result: SimulationResult }): VNode {
  const { busy, calls } = useMemo(() => rowsOf(result), [result]);
  return (
    <div class="two">
      <Table
        caption="Who was BUSY against whom"
        columns={SAMPLED_COLUMNS}
        rows={busy}
        file="busy"
        empty="No call was BUSY in these runs."
      />
      {calls.length === 0 ? null : (
        <Table
          caption="What the calls counted until they returned"
          columns={COUNT_COLUMNS}
          rows={calls}
          file="counters"
          empty=""
        />
      )}
    </div>
  );
}

/** The most frequent BUSY first; an order that does not depend on the pieces that the runs were made in. */
function rowsOf({ busy, counters }: SimulationResult) {
  const calls = counters.flatMap(({ counter, leaf, histogram }) =>
    Object.entries(histogram).map(([value, times]): CountRow => ({ counter, leaf, value, times })),
  );
  const name = (row: BusyCount): string =>
    JSON.stringify([row.process, row.leaf, row.resource, row.holder, row.status]);
  const of = (row: CountRow): string => JSON.stringify([row.leaf, row.counter]);
  return {
    busy: [...busy].sort((x, y) => y.count - x.count || (name(x) < name(y) ? -1 : 1)),
    calls: calls.sort((x, y) => (of(x) === of(y) ? Number(x.value) - Number(y.value) : of(x) < of(y) ? -1 : 1)),
  };
}

const SAMPLED_COLUMNS: readonly Column<BusyCount>[] = [
  { head: "Call", text: (row) => row.leaf ?? row.process },
  { head: "On", text: (row) => row.resource },
  { head: "Held by", text: (row) => row.holder ?? "nobody in sight" },
  { head: "Status", text: (row) => row.status ?? "–" },
  { head: "Times", numeric: true, text: (row) => number(row.count) },
];

interface CountRow {
  readonly counter: string;
  readonly leaf: string | null;
  readonly value: string;
  readonly times: number;
}

const COUNT_COLUMNS: readonly Column<CountRow>[] = [
  { head: "Call", text: (row) => row.leaf ?? "–" },
  { head: "Counted", text: (row) => row.counter },
  { head: "Value", numeric: true, text: (row) => row.value },
  { head: "Calls", numeric: true, text: (row) => number(row.times) },
];
