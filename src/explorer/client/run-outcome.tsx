/** What a run found: the verdict as a document, a run to play, and who was BUSY. Always of its own request, whatever the form says. */
import type { ComponentChildren, VNode } from "preact";
import { useMemo } from "preact/hooks";
import type { Catalog } from "../../catalog/index.ts";
import type { CheckResult } from "../../check/index.ts";
import { shortStatus } from "../../report/index.ts";
import type { BusyCount, SimulationResult } from "../../simulate/index.ts";
import { thousands } from "../../text.ts";
import { type Playable, playables } from "../logic/playable.ts";
import { isStale, type RunRequest, requestCommand, requestWords } from "../logic/run-request.ts";
import type { Found, Proof } from "../logic/runs.ts";
import type { SimulationChoice } from "../logic/simulation.ts";
import { type Column, Select, Table } from "./parts.tsx";
import { runState } from "./run-engine.ts";
import { launch } from "./run-job.ts";
import { data, param, route, setParams } from "./store.ts";
import { TracePlayer } from "./trace-player.tsx";

/** The outcome of the last run; before there is one, what to do. */
export function Outcome(): VNode | null {
  const state = runState.value;
  // Back from a pair to the scenarios.
  const isLeft = state.kind === "done" && state.request.kind === "meet" && param("meet") === "";
  if (state.kind === "done" && !isLeft) {
    return (
      <Stale request={state.request}>
        <FoundPage found={state.found} request={state.request} />
      </Stale>
    );
  }
  return state.kind === "idle" || isLeft ? (
    <p class="empty">
      Choose a scenario. “Check” looks at every state, “Simulate” makes random runs; what they find is played here, step
      by step.
    </p>
  ) : null;
}

interface StaleProps {
  /** Of what the outcome is; null: of no run. */
  readonly request: RunRequest | null;
  readonly children: ComponentChildren;
}

const AGAIN: Readonly<Record<RunRequest["kind"], string>> = {
  check: "Check again",
  simulate: "Simulate again",
  meet: "Show the pair",
};

/** An outcome that the form is no longer about is grey, says of what it is, and offers to ask again. */
export function Stale({ request, children }: StaleProps): VNode {
  if (request === null || !isStale(request, route.value.params, data.value)) return <>{children}</>;
  const again = (): void => {
    if (request.kind !== "meet") setParams({ run: request.kind === "simulate" ? "simulate" : "1", step: "", play: "" });
    launch(request.kind);
  };
  return (
    <div class="stale">
      <p class="stale-note" role="status">
        <b>of: {requestWords(request, data.value)}.</b> The form above now says something else.{" "}
        <button type="button" class="primary" onClick={again}>
          {AGAIN[request.kind]}
        </button>
      </p>
      <div class="stale-body">{children}</div>
    </div>
  );
}

function FoundPage({ found, request }: { readonly found: Found; readonly request: RunRequest }): VNode {
  const isMeeting = request.kind === "meet";
  const note = found.kind === "check" ? found.note : null;
  return (
    <>
      {isMeeting && found.kind === "check" ? (
        <p>
          {found.result.trace === null
            ? "No interleaving of these two calls alone ends in that BUSY."
            : `The shortest of all interleavings; ${thousands(found.result.states)} states were looked at.`}{" "}
          {note}
        </p>
      ) : (
        <Verdict found={found} request={request} />
      )}
      <Played found={found} request={request} />
      {isMeeting ? null : <Tables found={found} catalog={catalogOf(request)} />}
    </>
  );
}

/** A violation is played at once; a run that only shows that something is possible when it is asked for. */
function Played({ found, request }: { readonly found: Found; readonly request: RunRequest }): VNode | null {
  const isMeeting = request.kind === "meet";
  const runs = playables(found);
  const wanted = param("play");
  const first = runs.find(({ role }) => role !== "witness") ?? null;
  const chosen = wanted === "" ? first : (runs.find(({ name }) => name === wanted) ?? null);
  if (wanted !== "" && chosen === null) {
    return (
      <p class="notice" role="alert">
        This outcome has no run “{wanted}”. <Choice runs={runs} chosen={null} />
      </p>
    );
  }
  if (chosen === null) {
    return (
      <div class="controls">
        <Choice runs={runs} chosen={null} />
      </div>
    );
  }
  return (
    <TracePlayer
      trace={chosen.trace}
      title={isMeeting ? "An interleaving" : `${chosen.name}: ${chosen.what}`}
      request={request}
    >
      <Choice runs={runs} chosen={chosen} />
    </TracePlayer>
  );
}

interface ChoiceProps {
  readonly runs: readonly Playable[];
  readonly chosen: Playable | null;
}

function Choice({ runs, chosen }: ChoiceProps): VNode | null {
  if (runs.length < (chosen === null ? 1 : 2)) return null;
  return (
    <Select
      label="Play"
      name="play"
      value={chosen?.name ?? ""}
      options={[
        ...(chosen === null ? [["", "nothing; choose a run"] as const] : []),
        ...runs.map(({ name, what }) => [name, `${name}: ${what}`] as const),
      ]}
      also={{ step: "" }}
    />
  );
}

function Verdict({ found, request }: { readonly found: Found; readonly request: RunRequest }): VNode {
  return found.kind === "check" ? (
    <CheckVerdict result={found.result} proof={found.proof} request={request} />
  ) : (
    <>
      <Counts result={found.result} choice={found.choice} />
      <p class="dim repeat">
        {requestWords(request, data.value)}. On the command line: <code>{requestCommand(request, data.value)}</code>
      </p>
    </>
  );
}

const OUTCOMES = { holds: "✓ holds", violated: "✗ violated", inconclusive: "? inconclusive" } as const;
const STANDINGS = {
  holds: "✓ holds",
  violated: "✗ violated",
  vacuous: "– never begins",
  unknown: "? not decided",
} as const;
const KINDS = {
  always: "asked of every state",
  "leads-to": "asked of every fair run",
  sometimes: "asked of some run",
} as const;

interface CheckProps {
  readonly result: CheckResult;
  readonly proof: Proof | null;
  readonly request: RunRequest;
}

/** The verdict as a document: of what, which properties, within which bounds, by which reductions, under which assumptions. */
function CheckVerdict({ result, proof, request }: CheckProps): VNode {
  const { outcome } = result;
  return (
    <article class={`outcome ${outcome.kind}`} aria-label="The verdict">
      <p role="status">
        <b>{OUTCOMES[outcome.kind]}</b>
        {outcome.property === null ? "" : `: ${outcome.property}`}
        {outcome.reason === null ? "" : ` (${outcome.reason})`} <Explored result={result} />
      </p>
      {proof === null ? null : (
        <>
          <p>of {proof.subject}</p>
          <p class="quoted">{proof.sentences.slice(0, -1).join(" ")}</p>
          <dl class="document">
            <dt>Properties</dt>
            <dd>
              <ul class="tight">
                {proof.properties.map(({ name, kind, outcome: standing }) => (
                  <li key={name}>
                    <b>{STANDINGS[standing]}</b> {name} <span class="dim">({KINDS[kind]})</span>
                  </li>
                ))}
              </ul>
            </dd>
            <dt>Bounds</dt>
            <dd>{boundsText(proof)}</dd>
            <dt>Reductions</dt>
            <dd>{result.reductions.join("; ") || "none: every state one by one"}</dd>
            <dt>Assumed</dt>
            <dd>{proof.assumptions.join("; ") || "nothing besides"}</dd>
            <dt>Again</dt>
            <dd class="repeat">
              On the command line: <code>{requestCommand(request, data.value)}</code>
            </dd>
          </dl>
          {proof.doubts.map((doubt) => (
            <p key={doubt} class="notice">
              {doubt}
            </p>
          ))}
        </>
      )}
    </article>
  );
}

/** Every field of the scenario that is a number or a switch: within these the verdict is one. */
function boundsText({ parameters }: Proof): string {
  const sized = Object.entries(parameters).filter(([, value]) => typeof value === "number");
  return sized.map(([name, value]) => `${name} ${value}`).join(", ") || "none";
}

function Explored({ result }: { readonly result: CheckResult }): VNode {
  const { states, transitions, depth, seconds, frontier } = result;
  return (
    <span class="dim">
      {thousands(states)} states, {thousands(transitions)} transitions, depth {depth}, {seconds.toFixed(1)} s
      {frontier === 0 ? "" : `, ${thousands(frontier)} states not explored`}
    </span>
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
        {thousands(runs)} {runs < choice.runs ? `of ${thousands(choice.runs)} ` : ""}runs, {thousands(steps)} steps,{" "}
        {thousands(ended)} runs came to an end, {seconds.toFixed(1)} s, seed {choice.seed}, {choice.schedule} schedule
        {runs < choice.runs ? "; cancelled" : ""}
      </span>
    </p>
  );
}

/** The module that a run was of, which need not be the one chosen above. */
function catalogOf({ module }: RunRequest): Catalog | null {
  return data.value.modules.find(({ name }) => name === module)?.catalog ?? null;
}

interface TablesProps {
  readonly found: Found;
  readonly catalog: Catalog | null;
}

function Tables({ found, catalog }: TablesProps): VNode | null {
  return found.kind === "check" ? (
    <CheckedBusy rows={found.result.busy} catalog={catalog} />
  ) : (
    <Sampled result={found.result} catalog={catalog} />
  );
}

/** A status by its name, as everywhere else; its number where the module is not at hand. A lock alone names the status itself. */
function statusWords(status: string | null, catalog: Catalog | null): string {
  if (status === null) return "–";
  return catalog === null || !status.startsWith("0x") ? status : shortStatus(catalog, status);
}

interface CheckedProps {
  readonly rows: CheckResult["busy"];
  readonly catalog: Catalog | null;
}

function CheckedBusy({ rows, catalog }: CheckedProps): VNode | null {
  if (rows.length === 0) return null;
  const columns: readonly Column<CheckResult["busy"][number]>[] = [
    { head: "Call", text: (row) => row.leaf ?? row.process },
    { head: "On", text: (row) => row.resource },
    { head: "Held by", text: (row) => [...row.holders, ...(row.unheld ? ["nobody in sight"] : [])].join(", ") },
    { head: "Status", text: (row) => statusWords(row.status, catalog) },
  ];
  return <Table caption="BUSY that some run meets" columns={columns} rows={rows} file="busy" empty="" />;
}

interface SampledProps {
  readonly result: SimulationResult;
  readonly catalog: Catalog | null;
}

function Sampled({ result, catalog }: SampledProps): VNode {
  const { busy, calls } = useMemo(() => rowsOf(result), [result]);
  return (
    <div class="two">
      <Table
        caption="Who was BUSY against whom"
        columns={sampledColumns(catalog)}
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

const sampledColumns = (catalog: Catalog | null): readonly Column<BusyCount>[] => [
  { head: "Call", text: (row) => row.leaf ?? row.process },
  { head: "On", text: (row) => row.resource },
  { head: "Held by", text: (row) => row.holder ?? "nobody in sight" },
  { head: "Status", text: (row) => statusWords(row.status, catalog) },
  { head: "Times", numeric: true, text: (row) => thousands(row.count) },
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
  { head: "Calls", numeric: true, text: (row) => thousands(row.times) },
];
