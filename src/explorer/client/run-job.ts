/** What the address asks a run for. */
import { jobOf, type RunKind, requestKey, requestOf, wantedKind } from "../logic/run-request.ts";
import { known } from "./analyst.ts";
import { failRun, startedKey, startRun } from "./run-engine.ts";
import { data, route } from "./store.ts";

/** What another choice takes back: the run, and how it was looked at. */
export const ANEW = { run: "", step: "", play: "" };

/** How to simulate: the parameter and the label. */
export const SAMPLING = [
  ["seed", "Seed"],
  ["runs", "Runs"],
  ["steps", "Steps a run"],
] as const;

/** Starts what the address wants, unless it is what was started last. */
export function launchWanted(): void {
  const kind = wantedKind(route.value.params);
  if (kind === null) return;
  if (requestKey(requestOf(kind, route.value.params, data.value)) !== startedKey()) launch(kind);
}

/** Starts a run with what the form says. */
export function launch(kind: RunKind): void {
  const request = requestOf(kind, route.value.params, data.value);
  const job = jobOf(request, data.value, () => known({ kind: "pairs", module: request.module, host: null }));
  if ("message" in job) failRun(request, job.message);
  else void startRun(request, job);
}
