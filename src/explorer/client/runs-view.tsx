/** A run in swim lanes, and the checker that finds one. */
import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import type { CheckResult } from "../../check/index.ts";
import { type Trace, traceOfDocument } from "../../language/index.ts";
import { POLICIES } from "../../model/index.ts";
import { entryId } from "../logic/matrix.ts";
import type { Job } from "../logic/runs.ts";
import { known } from "./analyst.ts";
import { LeafLink, Select, Table } from "./parts.tsx";
import { cancelRun, openedTrace, runState, startedFor, startRun } from "./run-engine.ts";
import { currentHost, currentModule, data, param, route, setParams } from "./store.ts";
import { TracePlayer } from "./trace-player.tsx";

/** Sizes that every scenario takes or refuses with a message: the parameter, the field, the label. */
const SIZES = [
  ["vcpus", "vcpus", "vCPUs"],
  ["pages", "pages", "Pages"],
  ["retries", "removal.retries", "Retries"],
  ["hosts", "hosts", "Hosts"],
  ["guests", "guests", "Guests"],
] as const;

/** The view. */
export function RunsView(): VNode {
  const meeting = param("meet");
  const key = runKey();
  const asked = param("run") === "1" || meeting !== "";
  useEffect(() => {
    if (asked && startedFor.value !== key) launch(key);
  }, [key, asked]);
  return (
    <>
      {meeting === "" ? <ScenarioForm /> : <MeetingHead meeting={meeting} />}
      <Progress />
      {openedTrace.value === null ? <Outcome /> : <TracePlayer trace={openedTrace.value} title="A run from a file" />}
    </>
  );
}

/** What a run depends on: the address without what only says how it is looked at. */
function runKey(): string {
  const { params } = route.value;
  const names = ["meet", "on", "rows", "scenario", "policy", "module", "host", ...SIZES.map(([name]) => name)];
  return JSON.stringify(names.map((name) => params[name] ?? ""));
}

function launch(key: string): void {
  const job = jobOf();
  if (typeof job === "string") {
    startedFor.value = key;
    runState.value = { kind: "failed", message: job, hint: null };
  } else void startRun(key, job);
}

function jobOf(): Job | string {
  const { catalog } = currentModule.value;
  if (param("meet") !== "") {
    const pair = chosenPair();
    return pair === null ? "This module has no such pair." : { kind: "pair", pair, leaves: catalog.leaves };
  }
  const scenario = chosenScenario();
  if (scenario === null) return "There is no scenario of that name.";
  const overrides = overridesOf(scenario.text);
  const named = /^host: *(\S+)/m.exec(scenario.text)?.[1];
  const host = currentHost.value ?? data.value.hosts.find(({ name }) => name === named) ?? null;
  return { kind: "scenario", scenario, overrides, catalog, host: host?.profile ?? null };
}

function chosenPair() {
  const [a, b] = param("meet").split(" ");
  const [resourceA, roleA, resourceB, roleB] = param("rows").split(" ");
  const id = (name: string, variant: string | null): string => entryId({ name, variant });
  const found = known({ kind: "pairs", module: currentModule.value.name, host: null }).filter(
    (p) => id(p.a, p.variantA) === a && id(p.b, p.variantB) === b && p.resource === param("on"),
  );
  const exact = found.find(
    (p) =>
      p.resourceA === resourceA && (p.roleA ?? "") === roleA && p.resourceB === resourceB && (p.roleB ?? "") === roleB,
  );
  return exact ?? found[0] ?? null;
}

function chosenScenario() {
  const { scenarios } = data.value;
  const wanted = param("scenario");
  return wanted === ""
    ? (scenarios.find(({ name }) => name === "page-removal") ?? scenarios[0] ?? null)
    : (scenarios.find(({ name }) => name === wanted) ?? null);
}

function overridesOf(text: string) {
  const policy = param("policy");
  const sizes = SIZES.flatMap(([name, path, label]) => {
    const value = param(name);
    return value === "" ? [] : [{ path, value, from: label }];
  });
  const removes = /^removal:/m.test(text);
  return [...(policy === "" || !removes ? [] : [{ path: "removal.policy", value: policy, from: "Policy" }]), ...sizes];
}

function MeetingHead({ meeting }: { readonly meeting: string }): VNode {
  const [a = "", b = ""] = meeting.split(" ");
  const end = (id: string): VNode => {
    const [name = "", variant = null] = id.split("~", 2);
    return <LeafLink name={name} variant={variant} />;
  };
  return (
    <div class="table-head">
      <h2>
        {end(a)} meets {end(b)} on {param("on")}
      </h2>
      <button type="button" onClick={() => setParams({ meet: "", on: "", rows: "", step: "", play: "" })}>
        Scenarios
      </button>
    </div>
  );
}

function ScenarioForm(): VNode {
  const { scenarios } = data.value;
  const scenario = chosenScenario();
  const text = scenario?.text ?? "";
  const isLock = /^kind: *lock/m.test(text);
  const shown = SIZES.filter(([name]) =>
    (isLock ? /hosts|guests/ : /^removal:/m.test(text) ? /vcpus|pages|retries/ : /vcpus|pages/).test(name),
  );
  const running = runState.value.kind === "running";
  return (
    <form
      class="filters"
      aria-label="The run"
      onSubmit={(event) => {
        event.preventDefault();
        startedFor.value = "";
        setParams({ run: "1", step: "", play: "" });
        launch(runKey());
      }}
    >
      <Select
        label="Scenario"
        name="scenario"
        value={scenario?.name ?? ""}
        options={scenarios.map(({ name }) => [name, name] as const)}
        also={{ run: "", step: "", play: "", vcpus: "", pages: "", retries: "", hosts: "", guests: "" }}
      />
      {/^removal:/m.test(text) ? (
        <Select
          label="Policy"
          name="policy"
          value={param("policy")}
          options={[["", "the scenario's"], ...POLICIES.map((p) => [p, p] as const)]}
          also={{ run: "", step: "", play: "" }}
        />
      ) : null}
      {shown.map(([name, , label]) => (
        <label class="field narrow" key={name}>
          <span>{label}</span>
          <input
            name={name}
            type="number"
            min={0}
            max={1000}
            value={param(name)}
            placeholder={new RegExp(`^ *${name}: *(\\d+)`, "m").exec(text)?.[1] ?? ""}
            onChange={(event) => setParams({ [name]: event.currentTarget.value, run: "", step: "", play: "" }, true)}
          />
        </label>
      ))}
      <button type="submit" class="primary" disabled={running}>
        Check
      </button>
      {running ? (
        <button type="button" onClick={cancelRun}>
          Cancel
        </button>
      ) : null}
      <OpenFile />
      <p class="dim about">{/^description: *(.*)$/m.exec(text)?.[1] ?? ""}</p>
    </form>
  );
}

/** A run that `check --json` or `simulate --json` wrote. */
function OpenFile(): VNode {
  const open = async (input: HTMLInputElement): Promise<void> => {
    const file = input.files?.[0];
    if (file === undefined) return;
    const trace = await file.text().then(readTrace, () => null);
    if (trace === null)
      runState.value = {
        kind: "failed",
        message: `${file.name} has no run in it`,
        hint: "give what `seamlock check … --json` wrote",
      };
    else {
      openedTrace.value = trace;
      setParams({ step: "", run: "", play: "" });
    }
    input.value = "";
  };
  return (
    <label class="field">
      <span>Open a run</span>
      <input type="file" accept=".json,application/json" onChange={(event) => void open(event.currentTarget)} />
    </label>
  );
}

function readTrace(text: string): Trace | null {
  try {
    return traceOfDocument(JSON.parse(text));
  } catch {
    return null;
  }
}

function Progress(): VNode | null {
  const state = runState.value;
  if (state.kind === "failed") {
    return (
      <p class="notice" role="alert">
        {state.message}
        {state.hint === null ? "" : `; ${state.hint}`}
      </p>
    );
  }
  if (state.kind !== "running") return null;
  const { progress, cancelling } = state;
  const words =
    progress === null
      ? "starting"
      : `${progress.states.toLocaleString("en")} states, ${Math.round(progress.statesPerSecond).toLocaleString("en")} a second, ${progress.frontier.toLocaleString("en")} waiting, depth ${progress.depth}`;
  return (
    <p class="progress" role="status">
      <progress /> {cancelling ? "stopping" : "checking"}: {words}
    </p>
  );
}

/** A run that can be played: a violated property, or the witness of one that shall be possible. */
interface Playable {
  readonly name: string;
  readonly what: string;
  readonly trace: Trace;
}

function playables({ violations, witnesses }: CheckResult): Playable[] {
  return [
    ...violations.map(({ property, kind, shortest, trace }) => ({
      name: property,
      what: `violated (${kind}), ${trace.steps.length} steps${shortest ? ", the shortest" : ""}`,
      trace,
    })),
    ...witnesses.map(({ property, trace }) => ({
      name: property,
      what: `a witness, ${trace.steps.length} steps`,
      trace,
    })),
  ];
}

function Outcome(): VNode | null {
  const state = runState.value;
  if (state.kind !== "done") {
    return state.kind === "idle" ? (
      <p class="empty">Choose a scenario and check it: what the checker finds is played here, step by step.</p>
    ) : null;
  }
  const { result, note } = state;
  const found = playables(result);
  const chosen = found.find(({ name }) => name === param("play")) ?? found[0] ?? null;
  const meeting = param("meet") !== "";
  return (
    <>
      {meeting ? (
        <p>
          {found.length === 0
            ? "No interleaving of these two calls alone ends in that BUSY."
            : `The shortest of all interleavings; ${result.states.toLocaleString("en")} states were looked at.`}{" "}
          {note}
        </p>
      ) : (
        <Verdict result={result} />
      )}
      {found.length > 1 ? (
        <form class="filters" onSubmit={(event) => event.preventDefault()}>
          <Select
            label="Play"
            name="play"
            value={chosen?.name ?? ""}
            options={found.map(({ name, what }) => [name, `${name}: ${what}`] as const)}
            also={{ step: "" }}
          />
        </form>
      ) : null}
      {chosen === null ? null : (
        <TracePlayer trace={chosen.trace} title={meeting ? "An interleaving" : `${chosen.name}: ${chosen.what}`} />
      )}
      {meeting || result.busy.length === 0 ? null : (
        <Table
          caption="BUSY that some run meets"
          columns={[
            { head: "Call", text: (row) => row.leaf ?? row.process },
            { head: "On", text: (row) => row.resource },
            { head: "Held by", text: (row) => [...row.holders, ...(row.unheld ? ["nobody in sight"] : [])].join(", ") },
            { head: "Status", text: (row) => row.status ?? "–" },
          ]}
          rows={result.busy}
          file="busy"
          empty=""
        />
      )}
    </>
  );
}

const OUTCOMES = { holds: "✓ holds", violated: "✗ violated", inconclusive: "? inconclusive" } as const;

function Verdict({ result }: { readonly result: CheckResult }): VNode {
  const { outcome, states, transitions, depth, seconds, frontier } = result;
  return (
    <p class={`outcome ${outcome.kind}`} role="status">
      <b>{OUTCOMES[outcome.kind]}</b>
      {outcome.property === null ? "" : `: ${outcome.property}`}
      {outcome.reason === null ? "" : ` (${outcome.reason})`}
      <span class="dim">
        {" "}
        {states.toLocaleString("en")} states, {transitions.toLocaleString("en")} transitions, depth {depth},{" "}
        {seconds.toFixed(1)} s{frontier === 0 ? "" : `, ${frontier.toLocaleString("en")} states not explored`}
      </span>
    </p>
  );
}
