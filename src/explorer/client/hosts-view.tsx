/** A hypervisor: its paths with the locks they hold, what that leaves possible, and another one beside it. */
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import type { HostDiffDocument } from "../../analysis/index.ts";
import { type HostPath, type HostStep, heldAt, type LockUse } from "../../host/index.ts";
import type { NamedHost } from "../data.ts";
import type { Answer, Question } from "../logic/questions.ts";
import { known } from "./analyst.ts";
import { type Column, LeafLink, ResourceLink, Select, Table } from "./parts.tsx";
import { currentHost, currentModule, data, secondHost } from "./store.ts";

type Conclusion = Answer<Extract<Question, { kind: "conclusion" }>>;

function conclusionOf(host: NamedHost): Conclusion {
  return known({ kind: "conclusion", module: currentModule.value.name, host: host.name });
}

/** The view. */
export function HostsView(): VNode {
  const { hosts } = data.value;
  const host = currentHost.value ?? hosts[0] ?? null;
  if (host === null) return <p class="empty">No host profile is here.</p>;
  const second = secondHost.value;
  const names = hosts.map(({ name }) => [name, name] as const);
  return (
    <>
      <form class="filters" aria-label="Choice of the hosts" onSubmit={(event) => event.preventDefault()}>
        <Select label="Host" name="host" value={host.name} options={names} />
        <Select label="beside" name="with" value={second?.name ?? ""} options={[["", "no other"], ...names]} />
      </form>
      <h2>{host.name}</h2>
      <p>
        {host.profile.description}
        {host.profile.confidence === undefined ? null : <span class="dim"> Confidence: {host.profile.confidence}</span>}
      </p>
      <ConclusionTable host={host} second={second} />
      {second === null ? null : <Differences host={host} second={second} />}
      <div class={second === null ? "" : "two"}>
        <Paths host={host} />
        {second === null ? null : <Paths host={second} />}
      </div>
    </>
  );
}

interface VerdictRow {
  readonly resource: string;
  readonly first: Conclusion["hostVerdicts"][number] | null;
  readonly second: Conclusion["hostVerdicts"][number] | null;
}

const VERDICTS = { "no-conflict": "· no conflict", avoided: "× avoided", possible: "● possible" } as const;

function verdictWords(verdict: VerdictRow["first"]): string {
  if (verdict === null) return "–";
  const word = VERDICTS[verdict.verdict];
  return verdict.verdict === "possible" ? `${word} (${verdict.severity})` : word;
}

function ConclusionTable({ host, second }: { readonly host: NamedHost; readonly second: NamedHost | null }): VNode {
  const report = conclusionOf(host);
  const other = second === null ? null : conclusionOf(second);
  const rows = report.hostVerdicts.map((first): VerdictRow => {
    const found = other?.hostVerdicts.find(({ resource }) => resource === first.resource) ?? null;
    return { resource: first.resource, first, second: found };
  });
  const columns: Column<VerdictRow>[] = [
    { head: "Lock", text: (r) => r.resource, show: (r) => <ResourceLink name={r.resource} /> },
    {
      head: host.name,
      text: (r) => verdictWords(r.first),
      show: (r) => <span class={`verdict ${r.first?.verdict ?? ""}`}>{verdictWords(r.first)}</span>,
    },
    ...(second === null
      ? [
          {
            head: "Who can still meet whom, worst first",
            text: (r: VerdictRow) => (r.first?.meetings ?? []).join(" | "),
            show: (r: VerdictRow) => <Lines lines={r.first?.meetings ?? []} />,
          },
          { head: "What excludes the others", text: (r: VerdictRow) => (r.first?.why ?? []).join("; ") },
        ]
      : [
          {
            head: second.name,
            text: (r: VerdictRow) => verdictWords(r.second),
            show: (r: VerdictRow) => <span class={`verdict ${r.second?.verdict ?? ""}`}>{verdictWords(r.second)}</span>,
          },
        ]),
  ];
  return (
    <>
      <div class={other === null ? "" : "two"}>
        <Sentences host={host.name} sentences={report.conclusion} alone={other === null} />
        {second === null || other === null ? null : (
          <Sentences host={second.name} sentences={other.conclusion} alone={false} />
        )}
      </div>
      <Table
        caption={`Conclusion for module ${currentModule.value.name}`}
        columns={columns}
        rows={rows}
        file={`conclusion-${host.name}`}
        empty="No locks."
      />
    </>
  );
}

interface SentencesProps {
  readonly host: string;
  readonly sentences: readonly string[];
  readonly alone: boolean;
}

function Sentences({ host, sentences, alone }: SentencesProps): VNode {
  return (
    <section aria-label={`Conclusion for ${host}`}>
      {alone ? null : <h3>{host}</h3>}
      <ul class="conclusion">
        {sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
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

function Differences({ host, second }: { readonly host: NamedHost; readonly second: NamedHost }): VNode {
  const module = currentModule.value;
  const diff = known({ kind: "host-diff", module: module.name, before: host.name, after: second.name });
  const columns: Column<HostDiffDocument["paths"]["opened"][number]>[] = [
    { head: "On", text: (d) => d.pair.resource },
    { head: "Call", text: (d) => d.pair.a, show: (d) => <LeafLink name={d.pair.a} /> },
    { head: "in", text: (d) => d.path.a },
    { head: "Other call", text: (d) => d.pair.b, show: (d) => <LeafLink name={d.pair.b} /> },
    { head: "in path", text: (d) => d.path.b },
  ];
  return (
    <div class="two">
      <Table
        caption={`Meetings only under ${host.name}`}
        columns={columns}
        rows={diff.paths.closed}
        file="closed"
        empty="None."
      />
      <Table
        caption={`Meetings only under ${second.name}`}
        columns={columns}
        rows={diff.paths.opened}
        file="opened"
        empty="None."
      />
    </div>
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
  const rows = useMemo(() => host.profile.paths.flatMap(stepRows), [host]);
  return (
    <Table
      caption={`Paths of ${host.name}, with the locks they hold`}
      columns={PATH_COLUMNS}
      rows={rows}
      file={`paths-${host.name}`}
      empty="None."
    />
  );
}

const PATH_COLUMNS: readonly Column<StepRow>[] = [
  {
    head: "Path",
    text: ({ path }) => path.name,
    show: ({ path, first }) =>
      first ? (
        <>
          {path.name}
          {path.function === undefined ? null : <div class="dim">{path.function}</div>}
        </>
      ) : (
        <span class="dim">″</span>
      ),
  },
  {
    head: "Phases",
    text: ({ path }) => path.phases.join(" "),
    show: ({ path, first }) => (
      <>
        {first ? path.phases.join(", ") : ""}
        {first && path.gate !== undefined ? <div class="dim">gate: {path.gate}</div> : null}
      </>
    ),
  },
  {
    head: "Call",
    text: ({ step }) => step?.call ?? "–",
    show: ({ step }) => (step === null ? <span class="dim">no SEAMCALL</span> : <LeafLink name={step.call} />),
  },
  { head: "Host locks held", text: (row) => heldWords(row).join("; "), show: (row) => <Held row={row} /> },
  {
    head: "On BUSY",
    text: ({ step }) => (step?.onBusy ?? []).map((c) => c.do.join(", ")).join("; "),
    show: ({ step }) => (
      <>
        {(step?.onBusy ?? []).map((clause) => (
          <div key={clause.do.join()}>
            {clause.on === undefined ? "" : `${clause.on.join(", ")}: `}
            {clause.do.join(" → ")}
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

function heldWords({ path, step }: StepRow): string[] {
  return step === null ? [] : heldAt(path, step).map(useWords);
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
