/** The small parts that every view is made of. */
import { type ComponentChildren, Fragment, type VNode } from "preact";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import type { PairVerdict } from "../../analysis/index.ts";
import { placeText, type Site, sourceUrl } from "../../catalog/index.ts";
import { csvText } from "../logic/csv.ts";
import { entryId } from "../logic/entry-id.ts";
import { SIGNS } from "../logic/grid.ts";
import { bothNames } from "../logic/lock-names.ts";
import { OUTCOME_WORDS, type Outcome } from "../logic/map.ts";
import { VERDICT_WORDS } from "../logic/pair-rows.ts";
import { nextSorting, rowsShown, type Sorting } from "../logic/table-rows.ts";
import { ExcerptLines } from "./excerpt.tsx";
import { memo } from "./memo.ts";
import { printing } from "./printing.ts";
import { saveSvg, saveText } from "./save.ts";
import { currentModule, linkTo, setParams } from "./store.ts";

/** Words of a text that are longer than this are told where they may break. */
const LONG = /\S{12}/;

/** A text whose long names break after `_`, `/` and `->`, where they must; else they would be cut anywhere. What is copied is the text. */
export function Breakable({ text }: { readonly text: string }): VNode {
  if (!LONG.test(text)) return <>{text}</>;
  const pieces = text.split(/(?<=[_/])(?=\w)|(?<=->)|(?<= )(?=\S*->)/);
  return (
    <>
      {pieces.map((piece, i) => (
        <Fragment key={i}>
          {i === 0 ? null : <wbr />}
          {piece.endsWith("->") ? <span class="whole">{piece}</span> : piece}
        </Fragment>
      ))}
    </>
  );
}

/** A leaf's name as a link to its page. */
export function LeafLink({ name, variant = null }: { readonly name: string; readonly variant?: string | null }): VNode {
  return (
    <a class="leaf" href={linkTo("calls", { leaf: entryId({ name, variant }) })}>
      <Breakable text={name} />
      {variant === null ? null : <span class="variant"> [{variant}]</span>}
    </a>
  );
}

/** A resource as a link to its users, under both of its names unless other words are given. */
export function ResourceLink({
  name,
  children,
}: {
  readonly name: string;
  readonly children?: ComponentChildren;
}): VNode {
  return <a href={linkTo("resources", { resource: name })}>{children ?? <Breakable text={bothNames(name)} />}</a>;
}

/** What a meeting can come to. */
export function OutcomeWord({ outcome, rare }: { readonly outcome: Outcome; readonly rare: boolean }): VNode {
  return (
    <span class={`verdict key ${outcome}${rare ? " rare" : ""}`}>
      {SIGNS[outcome]} {OUTCOME_WORDS[outcome]}
      {rare ? ", out of the ordinary only" : ""}
    </span>
  );
}

const MODE_SIGNS: Readonly<Record<string, string>> = { EXCLUSIVE: "■", SHARED: "▨", NO_LOCK: "○" };

interface WhenProps {
  /** Null: always. */
  readonly words: string | null;
  readonly source: string | null;
}

/** When something happens, in words; the source's own expression opens below them. */
export function When({ words, source }: WhenProps): VNode {
  if (words === null) return <>always</>;
  if (source === null) return <>{words}</>;
  return (
    <details class="long">
      <summary>{words}</summary>
      <code>{source}</code>
    </details>
  );
}

/** A lock mode with its sign. */
export function Mode({ mode }: { readonly mode: string }): VNode {
  return (
    <span class={`mode ${mode.toLowerCase()}`}>
      <span aria-hidden="true">{MODE_SIGNS[mode] ?? "?"}</span> {mode}
    </span>
  );
}

const VERDICT_SIGNS: Readonly<Record<PairVerdict, string>> = { possible: "●", excluded: "×", "not-judged": "–" };

/** Possible, excluded or not judged, with its sign. */
export function Verdict({ of }: { readonly of: PairVerdict }): VNode {
  return (
    <span class={`verdict ${of}`}>
      {VERDICT_SIGNS[of]} {VERDICT_WORDS[of]}
    </span>
  );
}

/** A line of the module's source; a link where the catalog says where the source is public. */
export function SourceLine({ site }: { readonly site: Site }): VNode {
  return <LinkedPlace url={sourceUrl(currentModule.value.catalog.module, site)} site={site} />;
}

/** A line of source, a link where there is an address. */
export function LinkedPlace({ url, site }: { readonly url: string | null; readonly site: Site }): VNode {
  const label = placeText(site);
  return (
    <span class="site">
      {url === null ? (
        <code>
          <Breakable text={label} />
        </code>
      ) : (
        <a href={url} target="_blank" rel="noreferrer noopener">
          <code>
            <Breakable text={label} />
          </code>
        </a>
      )}{" "}
      <span class="dim">
        <Breakable text={`${site.function}()`} />
      </span>
    </span>
  );
}

/** A chain of source lines from the leaf down to the primitive. */
export function Evidence({ sites, title }: { readonly sites: readonly Site[]; readonly title: string }): VNode | null {
  if (sites.length === 0) return null;
  return (
    <details class="evidence">
      <summary>{title}</summary>
      <ol>
        {sites.map((site) => (
          <li key={`${placeText(site)} ${site.function}`}>
            <SourceLine site={site} />
            <ExcerptLines of="modules" name={currentModule.value.name} place={site} />
          </li>
        ))}
      </ol>
    </details>
  );
}

/** One column of a table: what it shows, and the same as plain text. */
export interface Column<Row> {
  readonly head: string;
  readonly text: (row: Row) => string;
  /** What is shown where it is more than the text. `above` is the row over it as the table stands; null at the head of a part of it. */
  readonly show?: (row: Row, above: Row | null) => ComponentChildren;
  readonly numeric?: boolean;
}

interface TableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** What is saved, where that is more than what is shown. */
  readonly saved?: readonly Row[];
  /** File name of the exported table, without its ending. */
  readonly file: string;
  readonly empty: string;
  /** Marks a row as the chosen one. */
  readonly current?: (row: Row) => boolean;
}

/** The buttons that save a table or a drawing. */
export function Saves({
  name,
  csv,
  svg,
}: {
  readonly name: string;
  readonly csv?: () => void;
  readonly svg?: (button: Element) => void;
}): VNode {
  return (
    <span class="saves">
      {csv === undefined ? null : (
        <button type="button" class="small" onClick={csv} aria-label={`${name}: save as CSV`}>
          CSV
        </button>
      )}
      {svg === undefined ? null : (
        <button
          type="button"
          class="small"
          onClick={(event) => svg(event.currentTarget)}
          aria-label={`${name}: save as SVG`}
        >
          SVG
        </button>
      )}
    </span>
  );
}

/** The first few of some; the others open beneath. Nothing that is left out can only be guessed. */
export function FirstOf({
  items,
  few,
  what = "",
}: {
  readonly items: readonly string[];
  readonly few: number;
  /** What they are, after their number: `paths`. */
  readonly what?: string;
}): VNode {
  const rest = items.slice(few);
  if (rest.length === 0) return <>{items.join("; ")}</>;
  return (
    <>
      {items.slice(0, few).join("; ")}{" "}
      <details class="inline">
        <summary>
          and {rest.length} more{what === "" ? "" : ` ${what}`}
        </summary>{" "}
        {rest.join("; ")}
      </details>
    </>
  );
}

/** Something that is drawn when it is opened or printed, for it may be long. */
export function Folded({
  title,
  children,
}: {
  readonly title: ComponentChildren;
  readonly children: () => ComponentChildren;
}): VNode {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{title}</summary>
      {isOpen || printing.value ? children() : null}
    </details>
  );
}

/** A table with more rows than this has a filter. */
const FILTERED = 8;

/** So many rows are drawn at once: more than a screen has. */
const FIRST = 60;

/**
 * The others follow so many at a time. Each time the browser lays the columns of all rows out anew, so these are few; but a table of
 * a thousand rows must not stop the page.
 */
const NEXT = 300;

/** A real table: a head sorts it, a field filters it where it is long, a button saves it as CSV. The first column names the row. */
export function Table<Row>({ caption, columns, rows: all, saved, file, empty, current }: TableProps<Row>): VNode {
  const [filter, setFilter] = useState("");
  const [sorting, setSorting] = useState<Sorting | null>(null);
  const rows = useMemo(() => rowsShown(all, columns, filter, sorting), [all, columns, filter, sorting]);
  const chunks = useMemo(() => chunksOf(rows), [rows]);
  const drawn = useGrowing(chunks.length, rows);
  const marked = current === undefined ? -1 : rows.findIndex(current);
  const scroller = useRef<HTMLDivElement>(null);
  // A view can have two tables of one kind.
  const captionId = useId();
  useEffect(() => keepInSight(scroller.current), [marked, drawn]);
  if (all.length === 0) {
    return (
      <div class="table-block">
        <h3>{caption}</h3>
        <p class="dim">{empty}</p>
      </div>
    );
  }
  const save = (): void => {
    const body = (saved ?? rows).map((row) => columns.map((column) => column.text(row)));
    saveText(`${file}.csv`, "text/csv", csvText([columns.map(({ head }) => head), ...body]));
  };
  return (
    <div class="table-block">
      <div class="table-head">
        <h3 id={captionId}>
          {caption}{" "}
          <span class="count">{rows.length === all.length ? all.length : `${rows.length} of ${all.length}`}</span>
        </h3>
        {all.length > FILTERED ? (
          <input
            class="table-filter no-copy"
            type="search"
            placeholder="filter"
            aria-label={`${caption}: filter`}
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        ) : null}
        <Saves name={caption} csv={save} />
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: a group that scrolls is no set of fields, and as a landmark one table of many */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable from the keyboard */}
      <div class="scroll" role="group" tabIndex={0} aria-labelledby={captionId} ref={scroller}>
        <table aria-labelledby={captionId} aria-rowcount={rows.length + 1}>
          <thead>
            <tr>
              {columns.map(({ head, numeric }) => (
                <th
                  key={head}
                  scope="col"
                  class={numeric ? "num" : ""}
                  aria-sort={sorting?.head === head ? (sorting.down ? "descending" : "ascending") : undefined}
                >
                  {all.length > 1 ? (
                    <button type="button" class="sort" onClick={() => setSorting(nextSorting(sorting, head))}>
                      {head}
                      {sorting?.head === head ? (sorting.down ? " ▾" : " ▴") : ""}
                    </button>
                  ) : (
                    head
                  )}
                </th>
              ))}
            </tr>
          </thead>
          {chunks.slice(0, drawn).map(({ from, rows: some }) => (
            <Chunk
              key={from}
              columns={columns as readonly Column<unknown>[]}
              rows={some}
              marked={from <= marked && marked < from + some.length ? marked - from : -1}
            />
          ))}
        </table>
      </div>
    </div>
  );
}

/** Scrolls a table, and nothing around it, to its chosen row. */
function keepInSight(scroller: HTMLElement | null): void {
  const row = scroller?.querySelector<HTMLElement>("tr[aria-current]");
  if (!scroller || !row) return;
  const head = scroller.querySelector("thead")?.offsetHeight ?? 0;
  const above = row.offsetTop - head;
  const below = row.offsetTop + row.offsetHeight - scroller.clientHeight;
  if (scroller.scrollTop > above) scroller.scrollTop = above;
  else if (scroller.scrollTop < below) scroller.scrollTop = below;
}

interface RowsFrom<Row> {
  /** Index of the first of them. */
  readonly from: number;
  readonly rows: readonly Row[];
}

function chunksOf<Row>(rows: readonly Row[]): readonly RowsFrom<Row>[] {
  const others = Math.ceil(Math.max(0, rows.length - FIRST) / NEXT);
  const starts = [0, ...Array.from({ length: others }, (_, i) => FIRST + i * NEXT)];
  return starts.map((from, i) => ({ from, rows: rows.slice(from, starts[i + 1]) }));
}

/** One more each time the page has drawn, from one up to all of them; other rows start anew. */
function useGrowing(all: number, rows: unknown): number {
  const [state, grow] = useState({ rows, count: 1 });
  const count = state.rows === rows ? state.count : 1;
  useEffect(() => {
    if (count >= all) return;
    const timer = setTimeout(() => grow({ rows, count: count + 1 }));
    return () => clearTimeout(timer);
  }, [rows, count, all]);
  return count;
}

interface ChunkProps {
  readonly columns: readonly Column<unknown>[];
  readonly rows: readonly unknown[];
  /** Index of the chosen row; -1 where it is in another chunk. */
  readonly marked: number;
}

const Chunk = memo(function Chunk({ columns, rows, marked }: ChunkProps): VNode {
  return (
    <tbody>
      {rows.map((row, i) => (
        <tr key={i} aria-current={i === marked ? "true" : undefined}>
          {columns.map((column, c) => cellOf(column, row, rows[i - 1] ?? null, c === 0))}
        </tr>
      ))}
    </tbody>
  );
});

function cellOf<Row>(column: Column<Row>, row: Row, above: Row | null, first: boolean): VNode {
  const content = column.show?.(row, above) ?? <Breakable text={column.text(row)} />;
  const kind = column.numeric ? "num" : undefined;
  return first ? (
    <th key={column.head} scope="row" class={kind}>
      {content}
    </th>
  ) : (
    <td key={column.head} class={kind}>
      {content}
    </td>
  );
}

interface PictureProps {
  readonly title: string;
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly children: ComponentChildren;
}

/** A drawing with a button that saves it as SVG. */
export function Picture({ title, file, width, height, children }: PictureProps): VNode {
  return (
    <figure class="picture">
      <figcaption>
        <span>{title}</span>
        <Saves name={title} svg={(button) => saveSvg(button, `${file}.svg`)} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable from the keyboard */}
      <section class="scroll" tabIndex={0} aria-label={title}>
        <svg
          xmlns="http://www.w3.org/2000/svg"
          role="img"
          aria-label={title}
          width={width}
          height={height}
          viewBox={`0 0 ${width} ${height}`}
        >
          <defs>
            <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <rect class="hatch-ground" width="6" height="6" />
              <rect class="hatch-line" width="2.5" height="6" />
            </pattern>
            <marker
              id="arrow"
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="7"
              markerHeight="7"
              orient="auto-start-reverse"
            >
              <path class="arrow-head" d="M0 0L8 4L0 8z" />
            </marker>
          </defs>
          {children}
        </svg>
      </section>
    </figure>
  );
}

interface SelectProps {
  readonly label: string;
  readonly name: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, title: string])[];
  /** What else changes with it. */
  readonly also?: Readonly<Record<string, string>>;
}

/** A choice that is a parameter of the address. */
export function Select({ label, name, value, options, also = {} }: SelectProps): VNode {
  return (
    <label class="field">
      <span>{label}</span>
      <select name={name} value={value} onChange={(event) => setParams({ ...also, [name]: event.currentTarget.value })}>
        {options.map(([option, title]) => (
          <option key={option} value={option} selected={option === value}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}
