/** A hypervisor: what changed against another one, causes first; what it leaves possible; its paths with the locks they hold. */
import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { placeText } from "../../catalog/index.ts";
import {
  type BusyClause,
  clauseText,
  type HostPath,
  type HostPlace,
  type HostStep,
  heldAt,
  kernelSourceUrl,
  type LockUse,
} from "../../host/index.ts";
import { hostTitle, type OutcomeChange, type PathFact, severityText } from "../../report/index.ts";
import type { NamedHost } from "../data.ts";
import type { HomeMeeting } from "../logic/home.ts";
import { bothNames } from "../logic/lock-names.ts";
import type { Answer, Question } from "../logic/questions.ts";
import { known } from "./analyst.ts";
import { ExcerptLines } from "./excerpt.tsx";
import { Breakable, type Column, LeafLink, LinkedPlace, ResourceLink, Select, Table } from "./parts.tsx";
import { currentHost, currentModule, data, param, secondHost, setParams } from "./store.ts";

type Conclusion = Answer<Extract<Question, { kind: "conclusion" }>>;

/** The view: the host of the bar above, against another one. */
export function HostsView(): VNode {
  const { hosts } = data.value;
  const host = currentHost.value;
  if (host === null) {
    return (
      <p class="empty">
        No host is chosen. Choose one above, or:{" "}
        {hosts.map(({ name }) => (
          <button key={name} type="button" class="link" onClick={() => setParams({ host: name })}>
            {hostTitle(name)}
          </button>
        ))}
      </p>
    );
  }
  const second = secondHost.value;
  // What was searched for comes first.
  const asked = param("path") !== "" || param("lock") !== "";
  const others = hosts.filter(({ name }) => name !== host.name).map(({ name }) => [name, name] as const);
  return (
    <>
      <form class="filters" aria-label="Choice of the hosts" onSubmit={(event) => event.preventDefault()}>
        <Select label="From" name="with" value={second?.name ?? "none"} options={[["none", "no other"], ...others]} />
        <Select label="to" name="host" value={host.name} options={hosts.map(({ name }) => [name, name] as const)} />
        {second === null ? null : (
          <button type="button" onClick={() => setParams({ host: second.name, with: host.name })}>
            ⇄ Swap
          </button>
        )}
      </form>
      <h2>{second === null ? hostTitle(host.name) : `${hostTitle(second.name)} → ${hostTitle(host.name)}`}</h2>
      {asked ? <Paths host={host} /> : null}
      {second === null ? null : <Differences before={second} after={host} />}
      <Standing host={host} />
      {asked ? null : <Paths host={host} />}
    </>
  );
}

/** What the one does otherwise, and what that closes and opens. */
function Differences({ before, after }: { readonly before: NamedHost; readonly after: NamedHost }): VNode {
  const module = currentModule.value.name;
  const diff = known({ kind: "host-diff", module, before: before.name, after: after.name });
  return (
    <div class="difference">
      <p class="quoted">{diff.sentence}</p>
      {diff.notCompared === null ? null : <p class="dim">{diff.notCompared}</p>}
      {diff.facts.length === 0 ? null : <PathFacts facts={diff.facts} />}
      <Table caption="Closed" columns={MEETING_COLUMNS} rows={diff.closed} file="closed" empty="None." />
      <Table caption="Opened" columns={MEETING_COLUMNS} rows={diff.opened} file="opened" empty="None." />
      <Table caption="Ends otherwise" columns={OUTCOME_COLUMNS} rows={diff.changed} file="outcomes" empty="None." />
    </div>
  );
}

/** Path by path: locks that it no longer holds and holds now, and what else it does otherwise. */
function PathFacts({ facts }: { readonly facts: readonly PathFact[] }): VNode {
  const paths = [...new Set(facts.map(({ path }) => path))];
  return (
    <section aria-labelledby="path-facts">
      <h3 id="path-facts">What changed, path by path</h3>
      <ul class="causes">
        {paths.map((path) => (
          <li key={path}>
            <p class="fact">
              <b>{path}</b>
            </p>
            <ul class="effects">
              {facts
                .filter((fact) => fact.path === path)
                .map((fact) => (
                  <li key={fact.what}>
                    <FactWords fact={fact} />
                  </li>
                ))}
            </ul>
          </li>
        ))}
      </ul>
    </section>
  );
}

function FactWords({ fact }: { readonly fact: PathFact }): VNode {
  const { what, added, gone, calls } = fact;
  const locks = [...gone.map((lock) => `− ${lock}`), ...added.map((lock) => `+ ${lock}`)];
  return (
    <>
      {locks.length === 0
        ? what
        : locks.map((lock) => (
            <span key={lock} class="chip" title={what}>
              {lock}
            </span>
          ))}{" "}
      {calls.length === 0 ? null : (
        <span class="dim">
          at{" "}
          {calls.map((call) => (
            <span key={call}>
              <LeafLink name={call} />{" "}
            </span>
          ))}
        </span>
      )}
    </>
  );
}

const MEETING_COLUMNS: readonly Column<HomeMeeting>[] = [
  { head: "Lock", text: (m) => m.lock, show: (m) => <ResourceLink name={m.resource} /> },
  { head: "Paths", text: (m) => m.paths },
  { head: "Calls", text: (m) => m.calls, show: (m) => <code>{m.calls}</code> },
  { head: "On BUSY: left / right", text: (m) => m.onBusy },
  { head: "When", text: (m) => m.when },
];

const OUTCOME_COLUMNS: readonly Column<OutcomeChange>[] = [
  { head: "Lock", text: (c) => bothNames(c.resource), show: (c) => <ResourceLink name={c.resource} /> },
  { head: "Paths", text: (c) => `${c.left} × ${c.right}` },
  { head: "Before → after", text: (c) => c.text.replace("->", "→") },
];

type VerdictRow = Conclusion["hostVerdicts"][number];

const VERDICTS = {
  "no-conflict": "· no conflict",
  avoided: "× avoided",
  "not-judged": "– not judged",
  possible: "● possible",
} as const;

function verdictWords(row: VerdictRow): string {
  if (row.verdict !== "possible") return VERDICTS[row.verdict];
  return row.severity === null ? VERDICTS.possible : `${VERDICTS.possible}: ${severityText(row.severity)}`;
}

const VERDICT_COLUMNS: readonly Column<VerdictRow>[] = [
  { head: "Lock", text: (r) => bothNames(r.resource), show: (r) => <ResourceLink name={r.resource} /> },
  {
    head: "Verdict",
    text: verdictWords,
    show: (r) => <span class={`verdict ${r.verdict}`}>{verdictWords(r)}</span>,
  },
  {
    head: "Who can still meet whom, worst first",
    text: (r) => r.meetings.join(" | "),
    show: (r) => <Lines lines={r.meetings} />,
  },
  { head: "What excludes the others", text: (r) => r.why.join("; ") },
];

/** What a host leaves possible. */
function Standing({ host }: { readonly host: NamedHost }): VNode {
  const module = currentModule.value.name;
  const report = known({ kind: "conclusion", module, host: host.name });
  return (
    <section aria-label={`Conclusion for ${host.name}`}>
      <h3>{hostTitle(host.name)} as it stands</h3>
      <p>
        {host.profile.description}
        {host.profile.confidence === undefined ? null : <span class="dim"> Confidence: {host.profile.confidence}</span>}
      </p>
      <ul class="conclusion">
        {report.conclusion.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      <Table
        caption={`Conclusion for module ${module}`}
        columns={VERDICT_COLUMNS}
        rows={report.hostVerdicts}
        file={`conclusion-${host.name}`}
        empty="No locks."
      />
    </section>
  );
}

const SHOWN = 1;

function Lines({ lines }: { readonly lines: readonly string[] }): VNode {
  if (lines.length === 0) return <span class="dim">–</span>;
  const items = (some: readonly string[]): VNode => (
    <ul class="tight">
      {some.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
  if (lines.length <= SHOWN) return items(lines);
  return (
    <>
      {items(lines.slice(0, SHOWN))}
      <details>
        <summary>{lines.length - SHOWN} more</summary>
        {items(lines.slice(SHOWN))}
      </details>
    </>
  );
}

interface StepRow {
  readonly path: HostPath;
  readonly step: HostStep | null;
  readonly first: boolean;
}

function stepRows(path: HostPath): StepRow[] {
  return path.steps.length === 0
    ? [{ path, step: null, first: true }]
    : path.steps.map((step, i) => ({ path, step, first: i === 0 }));
}

function Paths({ host }: { readonly host: NamedHost }): VNode {
  const [lock, wanted] = [param("lock"), param("path")];
  const all = useMemo(() => host.profile.paths.flatMap(stepRows), [host]);
  const rows = lock === "" ? all : all.filter((row) => usesAt(row).some((use) => use.lock === lock));
  return (
    <Table
      caption={
        lock === "" ? `Paths of ${host.name}, with the locks they hold` : `Paths of ${host.name} that hold ${lock}`
      }
      current={({ path, first }) => first && path.name === wanted}
      columns={PATH_COLUMNS}
      rows={rows}
      file={`paths-${host.name}`}
      empty="None."
    />
  );
}

/** What a clause says, as everywhere else in words. */
function busyWords(clause: BusyClause): string {
  return `${clause.on === undefined ? "" : `${clause.on.join(", ")}: `}${clauseText(clause)}`;
}

const PATH_COLUMNS: readonly Column<StepRow>[] = [
  {
    head: "Path",
    text: ({ path }) => path.name,
    show: ({ path }, above) =>
      above?.path === path ? (
        <span class="ditto">
          <span class="unseen">{path.name}</span>
        </span>
      ) : (
        <>
          {path.name}
          {path.function === undefined ? null : (
            <div class="dim">
              <Breakable text={path.function} />
            </div>
          )}
        </>
      ),
  },
  {
    head: "Phases",
    text: ({ path }) => path.phases.join(" "),
    show: ({ path }, above) =>
      above?.path === path ? (
        <span class="unseen">{path.phases.join(", ")}</span>
      ) : (
        <>
          {path.phases.join(", ")}
          {path.gate === undefined ? null : <div class="dim">gate: {path.gate}</div>}
        </>
      ),
  },
  {
    head: "Call",
    text: ({ step }) =>
      step === null ? "–" : [step.call, ...(step.context === undefined ? [] : [step.context])].join("; "),
    show: ({ step }) =>
      step === null ? (
        <span class="dim">no SEAMCALL</span>
      ) : (
        <>
          <LeafLink name={step.call} />
          {step.context === undefined ? null : <div class="dim">{step.context}</div>}
        </>
      ),
  },
  { head: "Host locks held", text: (row) => heldWords(row).join("; "), show: (row) => <Held row={row} /> },
  { head: "Where", text: (row) => placesAt(row).map(placeText).join(" "), show: (row) => <Where row={row} /> },
  {
    head: "On BUSY",
    text: ({ step }) => (step?.onBusy ?? []).map(busyWords).join("; "),
    show: ({ step }) => (
      <>
        {(step?.onBusy ?? []).map((clause) => (
          <div key={clause.do.join()}>
            {busyWords(clause)}
            {clause.note === undefined ? null : <div class="dim">{clause.note}</div>}
          </div>
        ))}
      </>
    ),
  },
];

function useWords({ lock, mode, of }: LockUse): string {
  const how = mode === "shared" ? " ▨ shared" : " ■";
  return `${lock}${how}${of === undefined || of === "self" ? "" : ` (of ${of})`}`;
}

const usesAt = ({ path, step }: StepRow): readonly LockUse[] => (step === null ? [] : heldAt(path, step));

/** Where the call is made, from the path's beginning to the SEAMCALL, and then where each lock is taken that is held there. */
function placesAt(row: StepRow): readonly HostPlace[] {
  const all = [...(row.step?.evidence ?? []), ...usesAt(row).flatMap(({ evidence }) => evidence ?? [])];
  return all.filter((place, i) => all.findIndex((other) => placeText(other) === placeText(place)) === i);
}

/** Drawn when it is opened: a host has hundreds of places. */
function Where({ row }: { readonly row: StepRow }): VNode {
  const [isOpen, setOpen] = useState(false);
  const places = placesAt(row);
  const host = currentHost.value;
  if (places.length === 0) return <span class="dim">not told</span>;
  return (
    <details class="evidence" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>source</summary>
      {isOpen ? (
        <ol>
          {places.map((place) => (
            <li key={placeText(place)}>
              <LinkedPlace url={host === null ? null : kernelSourceUrl(host.profile, place)} site={place} />
              <ExcerptLines of="hosts" name={host?.name ?? ""} place={place} />
            </li>
          ))}
        </ol>
      ) : null}
    </details>
  );
}

function heldWords(row: StepRow): string[] {
  return usesAt(row).map(useWords);
}

function Held({ row }: { readonly row: StepRow }): VNode {
  const words = heldWords(row);
  if (words.length === 0) return <span class="dim">none</span>;
  return (
    <>
      {words.map((word) => (
        <span key={word} class="chip">
          {word}
        </span>
      ))}
    </>
  );
}
