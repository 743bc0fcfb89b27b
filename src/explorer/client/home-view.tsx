/** The first page: what can end a VM, what contends and how it is handled, what is new, a line to explain, and the matrix. */
import type { VNode } from "preact";
import { asFarAsKnown, hostTitle } from "../../report/index.ts";
import type { HomeAnswer, HomeMeeting } from "../logic/home.ts";
import { known } from "./analyst.ts";
import { MatrixView } from "./matrix-view.tsx";
import { type Column, Folded, ResourceLink, Table } from "./parts.tsx";
import { currentHost, currentModule, linkTo, navigate, param } from "./store.ts";

/** The view. With a pair chosen the matrix comes first. */
export function HomeView(): VNode {
  const chosen = param("a") !== "";
  return (
    <>
      {chosen ? null : <Answers />}
      <section aria-labelledby="matrix-title">
        <h2 id="matrix-title">Call against call</h2>
        <MatrixView />
      </section>
    </>
  );
}

function Answers(): VNode {
  const module = currentModule.value.name;
  const host = currentHost.value;
  const answer = known({ kind: "home", module, host: host?.name ?? null });
  const name = host === null ? `Module ${module} alone` : `${hostTitle(host.name)} on module ${module}`;
  return (
    <div class="answers">
      <PasteBox />
      {host === null ? null : <Lost answer={answer} name={name} />}
      <section aria-labelledby="ordinary">
        <h2 id="ordinary">{host === null ? "What contends while a TD runs" : "In ordinary operation"}</h2>
        <ul class="tight">
          {answer.ordinary.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
        {answer.meetings.length === 0 ? null : (
          <Folded title="Each meeting, with its paths and what the loser does">
            {() => <Table caption="While a TD runs" columns={COLUMNS} rows={answer.meetings} file="runtime" empty="" />}
          </Folded>
        )}
        <Handlings answer={answer} />
      </section>
      <News answer={answer} />
    </div>
  );
}

const COLUMNS: readonly Column<HomeMeeting>[] = [
  { head: "Lock", text: (m) => m.lock, show: (m) => <ResourceLink name={m.resource} /> },
  { head: "Paths", text: (m) => m.paths },
  { head: "Calls", text: (m) => m.calls, show: (m) => <code>{m.calls}</code> },
  { head: "On BUSY: left / right", text: (m) => m.onBusy },
  { head: "When", text: (m) => m.when },
];

function Lost({ answer, name }: { readonly answer: HomeAnswer; readonly name: string }): VNode {
  const { lost, rarelyLost } = answer;
  return (
    <section aria-labelledby="lost">
      <h2 id="lost">What can end a VM</h2>
      <p>
        {lost.length === 0 ? (
          <b>
            {name}: nothing{asFarAsKnown(currentModule.value.catalog.module.origin)}, in ordinary operation.
          </b>
        ) : (
          <b>
            {name}: {lost.length} {lost.length === 1 ? "meeting" : "meetings"} of paths in ordinary operation.
          </b>
        )}
      </p>
      {lost.length === 0 ? null : (
        <Table caption="Can end the VM" columns={COLUMNS} rows={lost} file="vm-lost" empty="" />
      )}
      {rarelyLost.length === 0 ? null : (
        <Folded
          title={`${rarelyLost.length} more only out of the ordinary: after a machine check, with a CPU that goes offline, and the like`}
        >
          {() => (
            <Table
              caption="Only out of the ordinary"
              columns={COLUMNS}
              rows={rarelyLost}
              file="vm-lost-rarely"
              empty=""
            />
          )}
        </Folded>
      )}
    </section>
  );
}

/** The ways of handling BUSY, each with what was decided; a link asks again. */
function Handlings({ answer }: { readonly answer: HomeAnswer }): VNode | null {
  if (answer.handling.length === 0) return null;
  return (
    <details>
      <summary>Does a way of handling BUSY always get through?</summary>
      <ul class="tight">
        {answer.handling.map(({ title, text, own }) => (
          <li key={title}>
            {title}: <b>{text}</b>
            {own ? " (this host's own way)" : ""}
          </li>
        ))}
      </ul>
      <p>
        <a href={linkTo("runs")}>Decide it again, step by step</a>
      </p>
    </details>
  );
}

/** What changed, in a sentence each. */
function News({ answer: { module, host } }: { readonly answer: HomeAnswer }): VNode | null {
  if (module === null && host === null) return null;
  return (
    <section aria-labelledby="news">
      <h2 id="news">What changed</h2>
      {host === null ? null : (
        <p>
          {host.sentence} <a href={linkTo("hosts", { with: host.before })}>Causes and effects</a>
        </p>
      )}
      {module === null ? null : (
        <p>
          {module.sentence} <a href={linkTo("versions", { compare: module.before })}>Causes and effects</a>
        </p>
      )}
    </section>
  );
}

/** A log line is pasted here first. */
function PasteBox(): VNode {
  return (
    <form
      class="paste no-copy"
      aria-label="Explain a log line"
      onSubmit={(event) => {
        event.preventDefault();
        const line = new FormData(event.currentTarget).get("line");
        if (typeof line === "string" && line.trim() !== "") navigate(linkTo("explain", { line }));
      }}
    >
      <label class="field wide">
        <span>What does this line of my log mean?</span>
        <input
          name="line"
          type="text"
          autocomplete="off"
          spellcheck={false}
          placeholder="SEAMCALL TDH_MEM_TRACK failed: 0x80000200000000A9"
        />
      </label>
      <button type="submit" class="primary">
        Explain
      </button>
    </form>
  );
}
