/** Which scenario, with which sizes and policy; check it, make runs of it, or open a run from a file. */
import type { ComponentChildren, VNode } from "preact";
import { type Trace, traceOfDocument } from "../../language/index.ts";
import { POLICIES } from "../../model/index.ts";
import { USUAL_CHOICE } from "../logic/simulation.ts";
import { Select } from "./parts.tsx";
import { openedTrace, runState } from "./run-engine.ts";
import { chosenScenario, launch, removes, SAMPLING, SIZES } from "./run-job.ts";
import { data, param, setParams } from "./store.ts";

/** What another choice takes back: the run, and how it was looked at. */
const ANEW = { run: "", step: "", play: "" };
const USUAL_SIZES = Object.fromEntries(SIZES.map(([name]) => [name, ""]));

/** The forms above a run. */
export function ScenarioForm(): VNode {
  const scenario = chosenScenario();
  const running = runState.value.kind === "running";
  return (
    <div class="run-forms">
      <StartForm label="The scenario" run="1" verb="Check" running={running}>
        <ScenarioFields />
      </StartForm>
      <StartForm label="Random runs" run="simulate" verb="Simulate" running={running}>
        {SAMPLING.map(([name, label]) => (
          <NumberField key={name} name={name} label={label} usual={String(USUAL_CHOICE[name])} max={1_000_000} />
        ))}
        <Select
          label="Schedule"
          name="schedule"
          value={param("schedule") === "priority" ? "priority" : ""}
          options={[
            ["", "fair: anyone is as likely"],
            ["priority", "priority: an adversary"],
          ]}
          also={ANEW}
        />
      </StartForm>
      <p class="dim about">{/^description: *(.*)$/m.exec(scenario?.text ?? "")?.[1] ?? ""}</p>
      <OpenFile />
    </div>
  );
}

interface StartProps {
  readonly label: string;
  /** The parameter `run` that starts it. */
  readonly run: string;
  readonly verb: string;
  readonly running: boolean;
  readonly children: ComponentChildren;
}

function StartForm({ label, run, verb, running, children }: StartProps): VNode {
  return (
    <form
      class="filters"
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        setParams({ ...ANEW, run });
        launch();
      }}
    >
      {children}
      <button type="submit" class="primary" disabled={running}>
        {verb}
      </button>
    </form>
  );
}

function ScenarioFields(): VNode {
  const { scenarios } = data.value;
  const scenario = chosenScenario();
  const text = scenario?.text ?? "";
  const hasPolicy = scenario !== null && removes(scenario);
  return (
    <>
      <Select
        label="Scenario"
        name="scenario"
        value={scenario?.name ?? ""}
        options={scenarios.map(({ name }) => [name, name] as const)}
        also={{ ...ANEW, ...USUAL_SIZES }}
      />
      {hasPolicy ? (
        <Select
          label="Policy"
          name="policy"
          value={param("policy")}
          options={[["", "the scenario's"], ...POLICIES.map((p) => [p, p] as const)]}
          also={ANEW}
        />
      ) : null}
      {sizesFor(text, hasPolicy).map(([name, , label]) => (
        <NumberField
          key={name}
          name={name}
          label={label}
          usual={new RegExp(`^ *${name}: *(\\d+)`, "m").exec(text)?.[1] ?? ""}
          max={1000}
        />
      ))}
    </>
  );
}

function sizesFor(text: string, hasPolicy: boolean) {
  const isLock = /^kind: *lock/m.test(text);
  const wanted = isLock ? /hosts|guests/ : hasPolicy ? /vcpus|pages|retries/ : /vcpus|pages/;
  return SIZES.filter(([name]) => wanted.test(name));
}

interface NumberProps {
  readonly name: string;
  readonly label: string;
  /** What holds while nothing is typed. */
  readonly usual: string;
  readonly max: number;
}

function NumberField({ name, label, usual, max }: NumberProps): VNode {
  return (
    <label class="field narrow">
      <span>{label}</span>
      <input
        name={name}
        type="number"
        min={0}
        max={max}
        value={param(name)}
        placeholder={usual}
        onInput={(event) => setParams({ [name]: event.currentTarget.value, ...ANEW }, true)}
      />
    </label>
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
      setParams(ANEW);
    }
    input.value = "";
  };
  return (
    <label class="file" title="what `seamlock check` or `simulate` wrote with --json">
      Open a saved run …
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
