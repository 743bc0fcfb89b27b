/** What changed between two modules, and every leaf through all versions. */
import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { ContendPair, DiffDocument, RowChange } from "../../analysis/index.ts";
import { placeText } from "../../catalog/index.ts";
import { conditionWords } from "../../report/index.ts";
import { csvText } from "../logic/csv.ts";
import type { Question } from "../logic/questions.ts";
import { SIGNS, type Timeline, timelinePicture, timelineRows, WORDS } from "../logic/versions.ts";
import { ask, known } from "./analyst.ts";
import { memo } from "./memo.ts";
import { type Column, LeafLink, Mode, Saves, Select, SourceLine, Table, When } from "./parts.tsx";
import { saveText } from "./save.ts";
import { compared, currentModule, data, linkTo, param, setParams } from "./store.ts";

/** The view. */
export function VersionsView(): VNode {
  const after = currentModule.value;
  const before = compared.value;
  const { modules } = data.value;
  const leaf = param("leaf");
  return (
    <>
      <form class="filters" aria-label="Choice of the versions" onSubmit={(event) => event.preventDefault()}>
        <Select
          label="From"
          name="compare"
          value={before.name}
          options={modules.map(({ name }) => [name, name] as const)}
        />
        <Select
          label="to"
          name="module"
          value={after.name}
          options={modules.map(({ name }) => [name, name] as const)}
        />
        <button type="button" onClick={() => setParams({ module: before.name, compare: after.name })}>
          ⇄ Swap
        </button>
        {leaf === "" ? null : (
          <button type="button" onClick={() => setParams({ leaf: "" })}>
            ✕ only {leaf}
          </button>
        )}
      </form>
      <Difference diff={known({ kind: "diff", before: before.name, after: after.name })} leaf={leaf} />
      <TimelineTable />
    </>
  );
}

function Difference({ diff, leaf }: { readonly diff: DiffDocument; readonly leaf: string }): VNode {
  const [from, to] = [diff.before.version, diff.after.version];
  const { changed, appeared, gone } = useMemo(() => rowsOf(diff, leaf), [diff, leaf]);
  return (
    <div class="difference">
      <h2>
        {from} → {to}
      </h2>
      <dl class="numbers">
        <Count label="calls added" value={diff.leaves.added.length} />
        <Count label="calls removed" value={diff.leaves.removed.length} />
        <Count label="lock rows changed" value={diff.changed.length} />
        <Count label="contentions appeared" value={diff.contention.appeared.length} />
        <Count label="contentions gone" value={diff.contention.disappeared.length} />
      </dl>
      {diff.leaves.added.length === 0 ? null : (
        <p>
          <b>+ added:</b>{" "}
          {diff.leaves.added.map((name) => (
            <span key={name}>
              <LeafLink name={name} />{" "}
            </span>
          ))}
        </p>
      )}
      {diff.leaves.removed.length === 0 ? null : (
        <p>
          <b>− removed:</b> {diff.leaves.removed.join(", ")}
        </p>
      )}
      <Table
        caption="Lock rows that differ"
        columns={CHANGE_COLUMNS}
        rows={changed}
        file={`changed-${from}-${to}`}
        empty="No row differs."
      />
      <div class="two">
        <Table
          caption="Contentions that appeared"
          columns={PAIR_COLUMNS}
          rows={appeared}
          file={`appeared-${from}-${to}`}
          empty="None."
        />
        <Table
          caption="Contentions that are gone"
          columns={PAIR_COLUMNS}
          rows={gone}
          file={`gone-${from}-${to}`}
          empty="None."
        />
      </div>
    </div>
  );
}

/** The rows about one call, or about all. */
function rowsOf({ changed, contention }: DiffDocument, leaf: string) {
  const mine = (name: string): boolean => leaf === "" || name === leaf;
  const pairMine = (pair: ContendPair): boolean => mine(pair.a) || mine(pair.b);
  return {
    changed: changed.filter((change) => mine(change.leaf)),
    appeared: contention.appeared.filter(pairMine),
    gone: contention.disappeared.filter(pairMine),
  };
}

function Count({ label, value }: { readonly label: string; readonly value: number }): VNode {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}

const PAIR_COLUMNS: readonly Column<ContendPair>[] = [
  { head: "Call", text: (p) => p.a, show: (p) => <LeafLink name={p.a} variant={p.variantA} /> },
  { head: "Other call", text: (p) => p.b, show: (p) => <LeafLink name={p.b} variant={p.variantB} /> },
  { head: "On", text: (p) => p.resource },
  { head: "Modes", text: (p) => `${p.modeA} / ${p.modeB}` },
];

const CHANGE_COLUMNS: readonly Column<RowChange>[] = [
  { head: "Call", text: (c) => c.leaf, show: (c) => <LeafLink name={c.leaf} variant={c.variant} /> },
  { head: "Lock", text: (c) => `${c.resource}${c.role === null ? "" : ` ${c.role}`}` },
  {
    head: "Change",
    text: (c) => (c.before === null ? "added" : c.after === null ? "removed" : "changed"),
    show: (c) => (
      <span class="change">{c.before === null ? "+ added" : c.after === null ? "− removed" : "Δ changed"}</span>
    ),
  },
  { head: "Before", text: (c) => rowWords(c.before, c), show: (c) => <RowShown row={c.before} of={c} /> },
  { head: "After", text: (c) => rowWords(c.after, c), show: (c) => <RowShown row={c.after} of={c} /> },
  {
    head: "Source",
    text: (c) => (c.after ?? c.before)?.evidence.map(placeText).join(" ") ?? "",
    show: (c) => {
      const site = c.after?.evidence[0];
      return site === undefined ? <span class="dim">–</span> : <SourceLine site={site} />;
    },
  },
];

function rowWords(row: RowChange["before"], { leaf, resource }: RowChange): string {
  if (row === null) return "–";
  const words = conditionWords(leaf, { resource, ...row });
  const when = words === null ? "" : `, ${words}`;
  return `${row.mode} ${row.lock}, ${row.times}×, until ${row.release ?? "–"}${when}`;
}

function RowShown({ row, of }: { readonly row: RowChange["before"]; readonly of: RowChange }): VNode {
  if (row === null) return <span class="dim">–</span>;
  return (
    <>
      <Mode mode={row.mode} /> {row.lock}
      <div class="dim">
        {row.times === "1" ? "" : `${row.times}, `}until {row.release ?? "–"}
        {row.when === null ? null : (
          <When words={conditionWords(of.leaf, { resource: of.resource, ...row })} source={row.when} />
        )}
      </div>
    </>
  );
}

interface Step {
  readonly appeared: number;
  readonly gone: number;
}

/** By version: how many contentions came and went since the version before; null where that cannot be worked out. */
const steps = signal<ReadonlyMap<string, Step | null>>(new Map());

/** Compares the next version with the one before; null when all were compared. */
function nextStep(versions: readonly string[]): Extract<Question, { kind: "diff" }> | null {
  const at = versions.findIndex((name, i) => i > 0 && !steps.value.has(name));
  const [before, after] = [versions[at - 1], versions[at]];
  return before === undefined || after === undefined ? null : { kind: "diff", before, after };
}

async function count(question: Extract<Question, { kind: "diff" }>): Promise<void> {
  await ask([question]);
  steps.value = new Map([...steps.value, [question.after, stepOf(question)]]);
}

function stepOf(question: Extract<Question, { kind: "diff" }>): Step | null {
  try {
    const { contention } = known(question);
    return { appeared: contention.appeared.length, gone: contention.disappeared.length };
  } catch {
    return null;
  }
}

/** Contentions that came and went; asked for one version at a time, so that no other question waits long. */
function ContentionRow({ versions }: { readonly versions: readonly string[] }): VNode {
  const next = nextStep(versions);
  useEffect(() => {
    if (next !== null) void count(next);
  }, [next?.after]);
  return (
    <tr class="contentions">
      <th scope="row">contentions appeared / gone</th>
      {versions.map((name, i) => {
        const before = versions[i - 1];
        const counts = steps.value.get(name);
        if (before === undefined) return <td key={name} />;
        if (counts === undefined) return <td key={name}>…</td>;
        if (counts === null) return <td key={name}>?</td>;
        return (
          <td key={name}>
            {counts.appeared + counts.gone === 0 ? (
              "0"
            ) : (
              <a href={linkTo("versions", { module: name, compare: before })}>
                +{counts.appeared} −{counts.gone}
              </a>
            )}
          </td>
        );
      })}
    </tr>
  );
}

function TimelineTable(): VNode {
  const lines = known({ kind: "timelines" });
  const versions = lines[0]?.moments.map(({ version }) => version) ?? [];
  const all = param("all") === "1";
  const shown = all ? lines : lines.filter(({ changes }) => changes);
  return (
    <section class="table-block" aria-label="Every call through all versions">
      <div class="table-head">
        <h3>
          Every call through all versions <span class="count">{shown.length}</span>
        </h3>
        <label class="check">
          <input
            type="checkbox"
            checked={all}
            onChange={(event) => setParams({ all: event.currentTarget.checked ? "1" : "" }, true)}
          />{" "}
          also calls that never change
        </label>
        <Saves
          name="Every call through all versions"
          csv={() => saveText("timelines.csv", "text/csv", csvText(timelineRows(versions, shown)))}
          svg={() => saveText("timelines.svg", "image/svg+xml", timelinePicture(versions, shown))}
        />
      </div>
      <p class="legend">
        ● in the first version · as in the version before Δ locks or states changed + added − removed. A sign opens that
        step.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable from the keyboard */}
      <section class="scroll" tabIndex={0} aria-label="Timelines">
        <table class="timeline">
          <thead>
            <tr>
              <th scope="col">Call</th>
              {versions.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <ContentionRow versions={versions} />
            {shown.map((line) => (
              <TimelineRow key={line.leaf} line={line} />
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}

const TimelineRow = memo(function TimelineRow({ line }: { readonly line: Timeline }): VNode {
  return (
    <tr>
      <th scope="row">
        <LeafLink name={line.leaf} />
      </th>
      {line.moments.map(({ version, state, rows }, i) => {
        const before = line.moments[i - 1]?.version;
        const label = `${line.leaf} in ${version}: ${WORDS[state]}, ${rows} locks`;
        const opens = before !== undefined && /added|removed|changed/.test(state);
        return (
          <td key={version} class={state} title={label}>
            {opens ? (
              <a href={linkTo("versions", { module: version, compare: before, leaf: line.leaf })} aria-label={label}>
                {SIGNS[state]}
              </a>
            ) : (
              SIGNS[state]
            )}
          </td>
        );
      })}
    </tr>
  );
});
