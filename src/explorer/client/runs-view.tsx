/** A run in swim lanes, and the checker and the simulator that find one. */
import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import { thousands } from "../../text.ts";
import { requestWords } from "../logic/run-request.ts";
import type { JobProgress } from "../logic/runs.ts";
import { LeafLink } from "./parts.tsx";
import { RecordingView } from "./recording-view.tsx";
import { cancelRun, openedRecording, openedTrace, runState } from "./run-engine.ts";
import { launchWanted } from "./run-job.ts";
import { Outcome, Stale } from "./run-outcome.tsx";
import { ScenarioForm } from "./scenario-form.tsx";
import { data, param, route, setParams } from "./store.ts";
import { TracePlayer } from "./trace-player.tsx";

/** The view. */
export function RunsView(): VNode {
  const meeting = param("meet");
  const opened = openedTrace.value;
  const recording = openedRecording.value;
  useEffect(launchWanted, [route.value]);
  return (
    <>
      {meeting === "" ? <h2 class="unseen">A scenario and its runs</h2> : null}
      {meeting === "" ? <ScenarioForm /> : <MeetingHead meeting={meeting} />}
      <Progress />
      {recording !== null ? (
        <RecordingView opened={recording} />
      ) : opened === null ? (
        <Outcome />
      ) : (
        <TracePlayer trace={opened.trace} title={opened.title} />
      )}
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
      <Stale request={state.request}>
        <p class="notice" role="alert">
          {state.message}
          {state.hint === null ? "" : `; ${state.hint}`}
        </p>
      </Stale>
    );
  }
  if (state.kind !== "running") return null;
  const { request, progress, cancelling } = state;
  const share = progress?.kind === "simulate" ? progress.progress.runs / progress.progress.all : undefined;
  return (
    <p class="progress">
      {/* The counts change several times a second: read out each time, they would drown everything else. */}
      <span class="unseen" role="status">
        {cancelling ? "stopping" : "running"}
      </span>
      <progress value={share} max={1} aria-label="How far the run is" />{" "}
      <span>
        {progress === null ? "starting" : progressWords(progress)}
        {cancelling ? "; stopping" : ""}
      </span>
      <span class="dim">{requestWords(request, data.value)}</span>
      <button type="button" onClick={cancel} disabled={cancelling}>
        Cancel
      </button>
    </p>
  );
}

/** The button goes with the run: who pressed it by its key goes on at the content. */
function cancel(): void {
  cancelRun();
  document.getElementById("main")?.focus({ preventScroll: true });
}

function progressWords(progress: JobProgress): string {
  if (progress.kind === "simulate") {
    const { runs, all, steps } = progress.progress;
    return `simulating: ${rounded(runs)} of ${rounded(all)} runs, ${rounded(steps)} steps`;
  }
  const { states, statesPerSecond, frontier, depth } = progress.progress;
  return `checking: ${rounded(states)} states, ${rounded(statesPerSecond)} a second, ${rounded(frontier)} waiting, depth ${depth}`;
}

const rounded = (value: number): string => thousands(Math.round(value));
