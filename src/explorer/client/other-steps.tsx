/** Another next step: what could follow here, by anybody; choosing one makes a run of one's own. */
import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Trace, TraceStep } from "../../language/index.ts";
import type { Question } from "../logic/questions.ts";
import type { RunRequest } from "../logic/run-request.ts";
import { ask, known } from "./analyst.ts";
import { showStep } from "./lane-drawing.tsx";
import { stepWords } from "./step-words.ts";

/** A run that was chosen step by step, and the found one that it began as. */
export const ownRun = signal<{ readonly of: Trace; readonly trace: Trace; readonly title: string } | null>(null);

interface OtherProps {
  readonly found: Trace;
  /** The run that is shown. */
  readonly trace: Trace;
  readonly at: number;
  readonly request: RunRequest;
  readonly isOwn: boolean;
}

type NextQuestion = Extract<Question, { kind: "next" }>;

/** The choice; worked out when it is opened. */
export function OtherSteps({ found, trace, at, request, isOwn }: OtherProps): VNode | null {
  const [open, setOpen] = useState(false);
  const [steps, setSteps] = useState<readonly TraceStep[] | string | null>(null);
  const last = trace.steps.length - 1;
  // At the end of a run of one's own the question is what follows; elsewhere what could have stood here instead.
  const from = isOwn && at === last ? at + 1 : at;
  useEffect(() => {
    if (!open) return;
    let isWanted = true;
    setSteps(null);
    void whatFollows({ kind: "next", request, beginning: trace.steps.slice(0, from).map(nameOf) }).then((answer) => {
      if (isWanted) setSteps(answer);
    });
    return () => {
      isWanted = false;
    };
  }, [open, trace, from]);
  if (request.kind === "meet") return null;
  const choose = (step: TraceStep): void => {
    const own = { ...trace, steps: [...trace.steps.slice(0, from), step], loop: null };
    ownRun.value = { of: found, trace: own, title: `Your own run, from step ${from + 1} on` };
    showStep(from);
  };
  return (
    <div class="other-steps no-copy">
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
        {isOwn && at === last ? "What can follow?" : "What else could happen here?"}
      </button>
      {isOwn ? (
        <button
          type="button"
          onClick={() => {
            ownRun.value = null;
            showStep(0);
          }}
        >
          Back to the run that was found
        </button>
      ) : null}
      {open ? <Choices steps={steps} made={trace.steps[from]} choose={choose} /> : null}
    </div>
  );
}

async function whatFollows(question: NextQuestion): Promise<readonly TraceStep[] | string> {
  await ask([question]);
  try {
    return known(question) ?? "This run does not belong to the scenario as it is now.";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const nameOf = ({ process, instance, label, alternative, choices }: TraceStep): NextQuestion["beginning"][number] => ({
  process,
  instance,
  label,
  alternative,
  choices,
});

interface ChoicesProps {
  /** Null: not known yet; a text says why there are none. */
  readonly steps: readonly TraceStep[] | string | null;
  readonly made: TraceStep | undefined;
  readonly choose: (step: TraceStep) => void;
}

function Choices({ steps, made, choose }: ChoicesProps): VNode {
  if (steps === null) return <p role="status">working it out …</p>;
  if (typeof steps === "string") return <p role="status">{steps}</p>;
  if (steps.length === 0) return <p role="status">Nothing: nobody can go on.</p>;
  const same = (step: TraceStep): boolean => JSON.stringify(nameOf(step)) === JSON.stringify(made && nameOf(made));
  return (
    <ul class="tight">
      {steps.map((step, i) => (
        <li key={i}>
          <button type="button" class="link" onClick={() => choose(step)}>
            {step.actor}
            {step.leaf === null ? "" : ` in ${step.leaf}`}: {stepWords(step)}
          </button>
          {made !== undefined && same(step) ? <span class="dim"> (as in this run)</span> : null}
        </li>
      ))}
    </ul>
  );
}
