/** What changed between two modules, and every leaf through all versions. */
import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import { type ContendPair, type DiffDocument, diffCatalogs, type RowChange } from "../../analysis/index.ts";
import type { NamedModule } from "../data.ts";
import { type Moment, type Timeline, timelines } from "../logic/versions.ts";
import { type Column, LeafLink, Mode, Select, SourceLine, Table } from "./parts.tsx";
import { compared, currentModule, data, linkTo, param, setParams } from "./store.ts";

const diffs = new Map<string, DiffDocument>();

function diffOf(before: NamedModule, after: NamedModule): DiffDocument {
  const key = `${before.name}\n${after.name}`;
  const found = diffs.get(key) ?? diffCatalogs(before.catalog, after.catalog);
  diffs.set(key, found);
  return found;
}

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
      <Difference diff={diffOf(before, after)} leaf={leaf} />
      <TimelineTable />
    </>
  );
}

function Difference({ diff, leaf }: { readonly diff: DiffDocument; readonly leaf: string }): VNode {
  const [from, to] = [diff.before.version, diff.after.version];
  const mine = (name: string): boolean => leaf === "" || name === leaf;
  const pairMine = (pair: ContendPair): boolean => mine(pair.a) || mine(pair.b);
  const changed = diff.changed.filter((change) => mine(change.leaf));
  return (
    <>
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
          rows={diff.contention.appeared.filter(pairMine)}
          file={`appeared-${from}-${to}`}
          empty="None."
        />
        <Table
          caption="Contentions that are gone"
          columns={PAIR_COLUMNS}
          rows={diff.contention.disappeared.filter(pairMine)}
          file={`gone-${from}-${to}`}
          empty="None."
        />
      </div>
    </>
  );
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
  { head: "Before", text: (c) => rowWords(c.before), show: (c) => <RowShown row={c.before} /> },
  { head: "After", text: (c) => rowWords(c.after), show: (c) => <RowShown row={c.after} /> },
  {
    head: "Source",
    text: (c) => (c.after ?? c.before)?.evidence.map((s) => `${s.file}:${s.line}`).join(" ") ?? "",
    show: (c) => {
      const site = c.after?.evidence[0];
      return site === undefined ? <span class="dim">–</span> : <SourceLine site={site} />;
    },
  },
];

function rowWords(row: RowChange["before"]): string {
  if (row === null) return "–";
  const when = row.when === null ? "" : ` when ${row.when}`;
  return `${row.mode} ${row.lock}, ${row.times}×, until ${row.release ?? "–"}${when}`;
}

function RowShown({ row }: { readonly row: RowChange["before"] }): VNode {
  if (row === null) return <span class="dim">–</span>;
  return (
    <>
      <Mode mode={row.mode} /> {row.lock}
      <div class="dim">
        {row.times === "1" ? "" : `${row.times}, `}until {row.release ?? "–"}
        {row.when === null ? "" : `, when ${row.when}`}
      </div>
    </>
  );
}

const SIGNS: Readonly<Record<Moment["state"], string>> = {
  absent: "",
  first: "●",
  added: "+",
  removed: "−",
  changed: "Δ",
  same: "·",
};

const WORDS: Readonly<Record<Moment["state"], string>> = {
  absent: "not there",
  first: "there from the first version",
  added: "added",
  removed: "removed",
  changed: "changed",
  same: "as before",
};

let cached: { readonly of: readonly NamedModule[]; readonly lines: readonly Timeline[] } | null = null;

/** Extracted versions only: the published table says less of each row, so that everything would look changed. */
function allTimelines(): { readonly versions: readonly NamedModule[]; readonly lines: readonly Timeline[] } {
  const versions = data.value.modules.filter(({ catalog }) => catalog.module.origin === "extracted");
  if (cached?.of !== data.value.modules) cached = { of: data.value.modules, lines: timelines(versions) };
  return { versions, lines: cached.lines };
}

/** By version: how many contentions came and went since the version before. */
const steps = signal<ReadonlyMap<string, { readonly appeared: number; readonly gone: number }>>(new Map());

/** Compares one version with the one before; null when all were compared. */
function nextStep(versions: readonly NamedModule[]): (() => void) | null {
  const at = versions.findIndex(({ name }, i) => i > 0 && !steps.value.has(name));
  const [before, after] = [versions[at - 1], versions[at]];
  if (before === undefined || after === undefined) return null;
  return () => {
    const { contention } = diffOf(before, after);
    const counts = { appeared: contention.appeared.length, gone: contention.disappeared.length };
    steps.value = new Map([...steps.value, [after.name, counts]]);
  };
}

/** Contentions that came and went; filled in one version at a time, so that the page stays quick. */
function ContentionRow({ versions }: { readonly versions: readonly NamedModule[] }): VNode {
  const next = nextStep(versions);
  useEffect(() => {
    if (next === null) return;
    const timer = setTimeout(next, 60);
    return () => clearTimeout(timer);
  });
  return (
    <tr class="contentions">
      <th scope="row">contentions appeared / gone</th>
      {versions.map(({ name }, i) => {
        const before = versions[i - 1]?.name;
        const counts = steps.value.get(name);
        if (before === undefined) return <td key={name} />;
        if (counts === undefined) return <td key={name}>…</td>;
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
  const { versions, lines } = allTimelines();
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
              {versions.map(({ name }) => (
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

function TimelineRow({ line }: { readonly line: Timeline }): VNode {
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
}
