/** Which scenario, with which sizes and policy; check it, make runs of it, or open a run from a file. */
import type { ComponentChildren, VNode } from "preact";
import { AS_HOST, factsOf, policiesOf, type RunKind, SIZES, scenarioOf, sizesOf } from "../logic/run-request.ts";
import { LARGEST, USUAL_CHOICE } from "../logic/simulation.ts";
import { OpenFile } from "./open-file.tsx";
import { Select } from "./parts.tsx";
import { runState } from "./run-engine.ts";
import { ANEW, launch, SAMPLING } from "./run-job.ts";
import { currentHost, data, param, route, setParams } from "./store.ts";

const USUAL_SIZES = Object.fromEntries([...SIZES.map(([name]) => [name, ""]), ["policy", ""]]);

/** The scenario that the address names; an address with another name has a fault, and shows no form. */
const chosenScenario = () => scenarioOf(data.value, route.value.params);

/** The forms above a run. */
export function ScenarioForm(): VNode {
  const scenario = chosenScenario();
  const facts = scenario === null ? null : factsOf(scenario);
  const running = runState.value.kind === "running";
  return (
    <div class="run-forms no-copy">
      <StartForm label="The scenario" run="1" kind="check" verb="Check" running={running}>
        <ScenarioFields />
      </StartForm>
      <StartForm label="Random runs" run="simulate" kind="simulate" verb="Simulate" running={running}>
        {SAMPLING.map(([name, label]) => (
          <NumberField key={name} name={name} label={label} usual={String(USUAL_CHOICE[name])} max={LARGEST[name]} />
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
      {facts === null || facts.scenario === null ? (
        <p class="notice" role="alert">
          This scenario cannot be read: {facts?.error ?? "there is none"}
        </p>
      ) : (
        <p class="dim about">{facts.scenario.description}</p>
      )}
      <OpenFile />
    </div>
  );
}

interface StartProps {
  readonly label: string;
  /** The parameter `run` that starts it. */
  readonly run: string;
  readonly kind: RunKind;
  readonly verb: string;
  readonly running: boolean;
  readonly children: ComponentChildren;
}

function StartForm({ label, run, kind, verb, running, children }: StartProps): VNode {
  return (
    <form
      class="filters"
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        setParams({ ...ANEW, run });
        launch(kind);
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
  const policies = scenario === null ? [] : policiesOf(scenario, currentHost.value);
  return (
    <>
      <Select
        label="Scenario"
        name="scenario"
        value={scenario?.name ?? ""}
        options={scenarios.map(({ name }) => [name, name] as const)}
        also={{ ...ANEW, ...USUAL_SIZES }}
      />
      {policies.length === 0 ? null : (
        <Select
          label="Policy"
          name="policy"
          value={param("policy")}
          options={[["", "the scenario's"], ...policies.map((p) => [p, policyTitle(p)] as const)]}
          also={ANEW}
        />
      )}
      {(scenario === null ? [] : sizesOf(scenario)).map(({ name, label, usual }) => (
        <NumberField key={name} name={name} label={label} usual={usual} max={1000} />
      ))}
    </>
  );
}

const policyTitle = (policy: string): string =>
  policy === AS_HOST ? `${policy}: as ${currentHost.value?.name ?? "the host"} does` : policy;

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
