/** A run in swim lanes, and the checker and the simulator that find one. */
import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import type { JobProgress } from "../logic/runs.ts";
import { LeafLink } from "./parts.tsx";
import { cancelRun, openedTrace, runState, startedFor } from "./run-engine.ts";
import { launch, runKey, wantedRun } from "./run-job.ts";
import { Outcome } from "./run-outcome.tsx";
import { ScenarioForm } from "./scenario-form.tsx";
import { param, setParams } from "./store.ts";
import { TracePlayer } from "./trace-player.tsx";

/** The view. */
export function RunsView(): VNode {
  const meeting = param("meet");
  const key = runKey();
  const wanted = wantedRun();
  useEffect(() => {
    if (wanted !== "" && startedFor.value !== key) launch();
  }, [key, wanted]);
  return (
    <>
      {meeting === "" ? <ScenarioForm /> : <MeetingHead meeting={meeting} />}
      <Progress />
      {openedTrace.value === null ? <Outcome /> : <TracePlayer trace={openedTrace.value} title="A run from a file" />}
    </>
  );
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
  const share = progress?.kind === "simulate" ? progress.progress.runs / progress.progress.all : undefined;
  return (
    <p class="progress" role="status">
      <progress value={share} max={1} aria-label="How far the run is" />{" "}
      <span>
        {progress === null ? "starting" : progressWords(progress)}
        {cancelling ? "; stopping" : ""}
      </span>
      <button type="button" onClick={cancelRun} disabled={cancelling}>
        Cancel
      </button>
    </p>
  );
}

const number = (value: number): string => Math.round(value).toLocaleString("en");

function progressWords(progress: JobProgress): string {
  if (progress.kind === "simulate") {
    const { runs, all, steps } = progress.progress;
    return `simulating: ${number(runs)} of ${number(all)} runs, ${number(steps)} steps`;
  }
  const { states, statesPerSecond, frontier, depth } = progress.progress;
  return `checking: ${number(states)} states, ${number(statesPerSecond)} a second, ${number(frontier)} waiting, depth ${depth}`;
}
