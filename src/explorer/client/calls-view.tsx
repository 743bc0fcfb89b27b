/** One call: its locks as spans over its run, row by row, and whom it meets. */
import type { VNode } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { type ContendPair, type PairVerdict, verdictOf } from "../../analysis/index.ts";
import { type Acquisition, type Leaf, placeText, type Site } from "../../catalog/index.ts";
import { busyPhrase, conditionWords, heldWords, shortStatus } from "../../report/index.ts";
import { endId, entryId, entryTitle } from "../logic/entry-id.ts";
import { exclusionTexts } from "../logic/exclusions.ts";
import { endsOf } from "../logic/interleaving.ts";
import { bothNames } from "../logic/lock-names.ts";
import { outcomeOf } from "../logic/map.ts";
import { compareOutcomes } from "../logic/matrix.ts";
import { VERDICT_WORDS } from "../logic/pair-rows.ts";
import { spansOf } from "../logic/spans.ts";
import {
  type Column,
  Evidence,
  FirstOf,
  Folded,
  LeafLink,
  Mode,
  OutcomeWord,
  Picture,
  ResourceLink,
  Select,
  SourceLine,
  Table,
  Verdict,
  When,
} from "./parts.tsx";
import { currentHost, currentModule, linkTo, pairs, param } from "./store.ts";
import { useWidth } from "./use-width.ts";

/** The view. */
export function CallsView(): VNode {
  const { leaves } = currentModule.value.catalog;
  const wanted = param("leaf") || "tdh_vp_enter";
  const leaf = leaves.find((l) => entryId(l) === wanted) ?? leaves.find((l) => l.name === wanted) ?? leaves[0];
  const options = leaves.map((l) => [entryId(l), entryTitle(entryId(l))] as const);
  if (leaf === undefined) return <p class="empty">This module has no calls.</p>;
  return (
    <>
      <form class="filters" aria-label="Choice of the call" onSubmit={(event) => event.preventDefault()}>
        <Select label="Call" name="leaf" value={entryId(leaf)} options={options} />
      </form>
      <LeafPage key={entryId(leaf)} leaf={leaf} />
    </>
  );
}

function LeafPage({ leaf }: { readonly leaf: Leaf }): VNode {
  const states = (names: readonly string[] | null): string =>
    names === null ? "any (not checked)" : names.join(", ") || "none";
  const { refusedBy, refuses } = useMemo(() => meetings(leaf), [leaf, pairs.value]);
  const file = entryId(leaf);
  const others = currentModule.value.catalog.leaves.filter(({ name }) => name === leaf.name && leaf.variant !== null);
  return (
    <>
      <h2>
        {leaf.name}
        {leaf.variant === null ? "" : ` [${leaf.variant}]`}{" "}
        <span class="dim">
          {leaf.side === "host" ? "SEAMCALL" : "TDCALL"} {leaf.number}
        </span>
      </h2>
      {others.length < 2 ? null : (
        <p>
          This call works in {others.length} ways:{" "}
          {others.map(({ name, variant }) =>
            variant === leaf.variant ? (
              <b key={variant}>{variant} </b>
            ) : (
              <LeafLink key={variant} name={name} variant={variant} />
            ),
          )}
        </p>
      )}
      <p>
        OP_STATEs: {states(leaf.opStates)} · SEPT entry states: {states(leaf.septStates)}
      </p>
      {leaf.acquisitions.length === 0 ? <p class="empty">It takes no lock.</p> : null}
      <MeetingTable caption="Can make it BUSY" mode="It holds" rows={refusedBy} file={`${file}-refused-by`} />
      {leaf.acquisitions.length === 0 ? null : <SpanPicture leaf={leaf} />}
      <Table
        caption="Locks in source order"
        columns={rowColumns(leaf.name)}
        rows={leaf.acquisitions}
        file={`${file}-locks`}
        empty="It takes no lock."
      />
      <MeetingTable caption="It can make BUSY" mode="It wants" rows={refuses} file={`${file}-refuses`} />
      {leaf.otherBusy.length === 0 ? null : (
        <Table
          caption="BUSY without a lock"
          columns={[
            { head: "Status", text: (row) => row.name },
            { head: "Code", text: (row) => row.status },
            { head: "What is busy", text: (row) => row.object },
            {
              head: "When",
              text: (row) => busyPhrase(row) ?? "always",
              show: (row) => <When words={busyPhrase(row)} source={row.when} />,
            },
            {
              head: "Source",
              text: (row) => row.evidence.map(placeText).join(" "),
              show: (row) => <Evidence sites={row.evidence} title="source" />,
            },
          ]}
          rows={leaf.otherBusy}
          file={`${file}-other-busy`}
          empty=""
        />
      )}
    </>
  );
}

interface MeetingTableProps {
  readonly caption: string;
  /** Over the mode of the other call: what it holds, or what it wants and does not get. */
  readonly mode: string;
  readonly rows: readonly OtherCall[];
  readonly file: string;
}

/** What can happen; what is excluded is folded beneath. */
function MeetingTable({ caption, mode, rows, file }: MeetingTableProps): VNode {
  const of = (verdict: PairVerdict) => rows.filter(({ pair }) => verdictOf(pair) === verdict);
  const [possible, excluded, unjudged] = useMemo(() => [of("possible"), of("excluded"), of("not-judged")], [rows]);
  const columns = useMemo(() => meetingColumns(mode), [mode]);
  return (
    <>
      <Table caption={caption} columns={columns} rows={possible} file={file} empty="Nobody." />
      {unjudged.length === 0 ? null : (
        <Folded
          title={`${unjudged.length} more conflict, and are not judged: the host's profile names no guest that makes one of the two`}
        >
          {() => (
            <Table
              caption={`${caption}: not judged`}
              columns={columns}
              rows={unjudged}
              file={`${file}-unjudged`}
              empty=""
            />
          )}
        </Folded>
      )}
      {excluded.length === 0 ? null : (
        <Folded title={`${excluded.length} more conflict, but are excluded`}>
          {() => (
            <Table
              caption={`${caption}: excluded`}
              columns={columns}
              rows={excluded}
              file={`${file}-excluded`}
              empty=""
            />
          )}
        </Folded>
      )}
    </>
  );
}

const rowColumns = (leaf: string): readonly Column<Acquisition>[] => [
  {
    head: "Resource",
    text: (row) => (row.role === null ? row.resource : `${row.resource} ${row.role}`),
    show: (row) => (
      <>
        <ResourceLink name={row.resource} /> {row.role}
      </>
    ),
  },
  { head: "Mode", text: (row) => row.mode, show: (row) => <Mode mode={row.mode} /> },
  { head: "Lock", text: (row) => row.lock },
  { head: "Object", text: (row) => row.object, show: (row) => <code>{row.object}</code> },
  {
    head: "When",
    text: (row) => conditionWords(leaf, row) ?? "always",
    show: (row) => <When words={conditionWords(leaf, row)} source={row.when} />,
  },
  { head: "Times", text: (row) => row.times },
  { head: "Held", text: (row) => heldWords(row.release, currentModule.value.catalog) ?? "–" },
  {
    head: "Status when busy",
    text: (row) => row.busyStatus ?? "none",
    show: (row) => <Status code={row.busyStatus} />,
  },
  {
    head: "Source",
    text: (row) => row.evidence.map(placeText).join(" "),
    show: (row) => <Evidence sites={row.evidence} title="source" />,
  },
];

function Status({ code }: { readonly code: string | null }): VNode {
  if (code === null) return <span class="dim">none</span>;
  const words = shortStatus(currentModule.value.catalog, code);
  return (
    <a href={linkTo("explain", { line: code })} title={code}>
      {words}
    </a>
  );
}

/** Another call, and which of the two refuses the other. */
interface OtherCall {
  readonly other: string;
  readonly variant: string | null;
  readonly pair: ContendPair;
  readonly mode: string;
  readonly refused: boolean;
  readonly refuses: boolean;
  /** Paths of the host on which the other can be there at the same time. */
  readonly paths: readonly string[];
  /** Where the other takes the lock, and where this call does. */
  readonly theirs: Site | null;
  readonly mine: Site | null;
}

/** Whom a call meets: who can make it BUSY, and whom it can. What can happen comes first, worst first. */
function meetings(leaf: Leaf): { readonly refusedBy: OtherCall[]; readonly refuses: OtherCall[] } {
  const id = entryId(leaf);
  const hosted = currentHost.value !== null;
  const found = pairs.value.flatMap((pair): OtherCall[] => {
    const asA = endId(pair, "a") === id;
    if (!asA && endId(pair, "b") !== id) return [];
    const [other, variant, mode] = asA ? [pair.b, pair.variantB, pair.modeB] : [pair.a, pair.variantA, pair.modeA];
    const [refused, refuses] = asA ? [pair.busyA, pair.busyB] : [pair.busyB, pair.busyA];
    const ends = endsOf(currentModule.value.catalog.leaves, pair);
    const a = ends?.leafA.acquisitions[ends.rowA]?.evidence[0] ?? null;
    const b = ends?.leafB.acquisitions[ends.rowB]?.evidence[0] ?? null;
    const met = pair.paths.filter(({ possible }) => possible).map((path) => (asA ? path.b : path.a));
    const [theirs, mine] = asA ? [b, a] : [a, b];
    return [{ other, variant, pair, mode, refused, refuses, paths: [...new Set(met)], theirs, mine }];
  });
  const outcomes = new Map(found.map((m) => [m, outcomeOf(m.pair, hosted)]));
  const of = (m: OtherCall) => outcomes.get(m) ?? { outcome: "excluded" as const, rare: false };
  found.sort((x, y) => Number(y.pair.possible) - Number(x.pair.possible) || compareOutcomes(of(x), of(y)));
  return { refusedBy: found.filter((m) => m.refused), refuses: found.filter((m) => m.refuses) };
}

const FEW = 3;

const meetingColumns = (held: string): readonly Column<OtherCall>[] => [
  { head: "Call", text: (m) => m.other, show: (m) => <LeafLink name={m.other} variant={m.variant} /> },
  { head: "On", text: (m) => bothNames(m.pair.resource), show: (m) => <ResourceLink name={m.pair.resource} /> },
  { head: held, text: (m) => m.mode, show: (m) => <Mode mode={m.mode} /> },
  {
    head: "Verdict",
    text: (m) =>
      m.pair.possible
        ? "possible"
        : `${VERDICT_WORDS[verdictOf(m.pair)]}: ${exclusionTexts(m.pair.excludedBy).join("; ")}`,
    show: (m) => (
      <a
        href={linkTo("matrix", { scope: "all", a: endId(m.pair, "a"), b: endId(m.pair, "b") })}
        title={exclusionTexts(m.pair.excludedBy).join("; ")}
      >
        {m.pair.possible && currentHost.value !== null ? (
          <OutcomeWord {...outcomeOf(m.pair, true)} />
        ) : (
          <Verdict of={verdictOf(m.pair)} />
        )}
      </a>
    ),
  },
  {
    head: "On which paths",
    text: (m) => m.paths.join("; ") || "–",
    show: (m) => (m.paths.length === 0 ? "–" : <FirstOf items={m.paths} few={FEW} />),
  },
  {
    head: "It takes it at",
    text: (m) => (m.theirs === null ? "–" : placeText(m.theirs)),
    show: (m) => (m.theirs === null ? "–" : <SourceLine site={m.theirs} />),
  },
  {
    head: "This call at",
    text: (m) => (m.mine === null ? "–" : placeText(m.mine)),
    show: (m) => (m.mine === null ? "–" : <SourceLine site={m.mine} />),
  },
];

const LEFT = 190;
const STEP = 54;
const LANE = 26;
const TOP = 34;

/** Spans from where a lock is taken to where it is given back: what stays until TD exit reaches across the guest's time. */
function SpanPicture({ leaf }: { readonly leaf: Leaf }): VNode {
  const { points, spans } = spansOf(leaf);
  const holder = useRef<HTMLDivElement>(null);
  const room = useWidth(holder) - LEFT - 16;
  const least = points.map(({ kind, label }) =>
    kind === "acquire" ? STEP * 0.7 : Math.max(STEP, label.length * 7 + 18),
  );
  const wider = Math.min(2, Math.max(1, room / least.reduce((sum, w) => sum + w, 0)));
  const widths = least.map((width) => Math.floor(width * wider));
  const starts = widths.map((_, i) => LEFT + widths.slice(0, i).reduce((sum, w) => sum + w, 0));
  const width = LEFT + widths.reduce((sum, w) => sum + w, 0) + 10;
  const height = TOP + spans.length * LANE + 8;
  return (
    <div ref={holder}>
      <Picture title="When each lock is held" file={`${entryId(leaf)}-spans`} width={width} height={height}>
        {points.map(({ kind, label }, i) => (
          <g key={label + String(i)}>
            {kind === "guest" ? (
              <rect class="guest-time" x={starts[i]} y={0} width={widths[i]} height={height} />
            ) : null}
            <line class="grid" x1={starts[i]} x2={starts[i]} y1={24} y2={height} />
            <text class="tick" x={(starts[i] ?? 0) + (widths[i] ?? 0) / 2} y={16} text-anchor="middle">
              {label}
            </text>
          </g>
        ))}
        {spans.map(({ row, from, to }, i) => {
          const x = (starts[from] ?? 0) + 4;
          const end = (starts[to] ?? 0) + (widths[to] ?? 0) * (to === from ? 0.9 : 0.5);
          const y = TOP + i * LANE;
          return (
            <g key={`${row.resource}${row.role ?? ""}${String(i)}`}>
              <title>{`${row.resource} ${row.role ?? ""} ${row.mode}, ${heldWords(row.release, currentModule.value.catalog) ?? "–"}${row.when === null ? "" : `, ${conditionWords(leaf.name, row)}`}`}</title>
              <text x={LEFT - 10} y={y + 14} text-anchor="end">
                {row.resource}
                {row.role === null ? "" : ` ${row.role}`}
                {row.when === null ? "" : " *"}
              </text>
              <rect
                class={row.mode.toLowerCase()}
                x={x}
                y={y + 2}
                width={Math.max(8, end - x)}
                height={LANE - 8}
                rx={3}
              />
            </g>
          );
        })}
      </Picture>
      <p class="legend">
        <span aria-hidden="true">■</span> exclusive <span aria-hidden="true">▨</span> shared{" "}
        <span aria-hidden="true">┄</span> without the lock. Numbers: the rows below, in order. *: not always taken.
      </p>
    </div>
  );
}
