/** Call against call: what a meeting of the two costs, and on which locks. */
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import scopes from "../../../data/scopes.json" with { type: "json" };
import { dispatcherNames } from "../../catalog/index.ts";
import { entriesOf } from "../../host/index.ts";
import { hostTitle } from "../../report/index.ts";
import { csvText } from "../logic/csv.ts";
import { entryId, entryTitle } from "../logic/entry-id.ts";
import { marksOf, SIGNS } from "../logic/grid.ts";
import { gridPicture, type PictureCell } from "../logic/grid-picture.ts";
import { bothNames } from "../logic/lock-names.ts";
import { type ContentionMap, type MapEntry, OUTCOME_WORDS, type Outcome } from "../logic/map.ts";
import {
  type ContentionMatrix,
  cellKey,
  cellText,
  isPossible,
  type MatrixFilter,
  matrixOf,
  withCells,
} from "../logic/matrix.ts";
import { ORDERS, type Order, ordered } from "../logic/matrix-order.ts";
import { known } from "./analyst.ts";
import { drawRows, frameCells } from "./matrix-cells.ts";
import { memo } from "./memo.ts";
import { PairDetail } from "./pair-detail.tsx";
import { Saves, Select } from "./parts.tsx";
import { saveText } from "./save.ts";
import { currentHost, currentModule, fetchPairsSoon, param, setParams } from "./store.ts";

/** The view. */
export function MatrixView(): VNode {
  const filter = filterOf();
  const scope = param("scope") || "kvm";
  const order = (param("order") || "phase") as Order;
  const folded = param("fold") !== "0";
  const { resource, opState, side } = filter;
  const map = mapShown();
  const matrix = useMemo(() => matrixOf(map, filter), [map, resource, opState, side]);
  const [all, entries] = useMemo(() => {
    const wanted = withCells(inScope(scope, map), matrix, false);
    return [wanted.length, ordered(folded ? withCells(wanted, matrix, true) : wanted, order, matrix, map)] as const;
  }, [scope, map, matrix, order, folded]);
  useEffect(fetchPairsSoon, [map]);
  const [a, b] = [param("a"), param("b")];
  return (
    <div class={`split ${a === "" ? "" : "with-pair"}`}>
      <div class="main-column">
        <Filters scope={scope} filter={filter} order={order} map={map} />
        {entries.length === 0 ? (
          <p class="empty">
            No two calls of this choice {folded ? "can contend" : "conflict"}. Widen the filters above.
          </p>
        ) : (
          <Grid entries={entries} matrix={matrix} phased={order === "phase"} a={a} b={b} />
        )}
        <Fold hidden={all - entries.length} folded={folded} />
      </div>
      <PairDetail conflict={a === "" || b === "" ? null : matrixOf(map, NO_FILTER).has(cellKey(a, b))} a={a} b={b} />
    </div>
  );
}

const NO_FILTER: MatrixFilter = { resource: null, opState: null, side: null };

function mapShown(): ContentionMap {
  return known({ kind: "map", module: currentModule.value.name, host: currentHost.value?.name ?? null });
}

function filterOf(): MatrixFilter {
  const side = param("side");
  return {
    resource: param("resource") || null,
    opState: param("op") || null,
    side: side === "host" || side === "guest" ? side : null,
  };
}

/** The entries that a scope names, in the catalog's order. */
function inScope(scope: string, { entries }: ContentionMap): readonly MapEntry[] {
  if (scope === "all") return entries;
  const { catalog } = currentModule.value;
  const host = currentHost.value?.profile;
  if (scope === "host" && host !== undefined) {
    const steps = host.paths.flatMap((path) => path.steps.flatMap((s) => entriesOf(catalog, s.call, s.variant)));
    const guests = (host.guest?.calls ?? []).flatMap((name) => entriesOf(catalog, name));
    const called = new Set([...steps, ...guests].map(entryId));
    return entries.filter(({ id }) => called.has(id));
  }
  const wanted = new Set(scopes.kvm.leaves);
  const used = catalog.leaves.filter((leaf) =>
    dispatcherNames(catalog.module.version, leaf.name).some((ref) => wanted.has(ref.leaf)),
  );
  const ids = new Set(used.map(entryId));
  return entries.filter(({ id }) => ids.has(id));
}

interface FilterProps {
  readonly scope: string;
  readonly filter: MatrixFilter;
  readonly order: Order;
  readonly map: ContentionMap;
}

function Filters({ scope, filter, order, map }: FilterProps): VNode {
  const { catalog } = currentModule.value;
  const host = currentHost.value;
  const scopeOptions: (readonly [string, string])[] = [
    ["kvm", "that KVM uses, and page TDCALLs"],
    ["all", "all"],
    ...(host === null ? [] : [["host", `of ${hostTitle(host.name)}`] as const]),
  ];
  return (
    <form class="filters" aria-label="Filters of the matrix" onSubmit={(event) => event.preventDefault()}>
      <Select label="Calls" name="scope" value={scope} options={scopeOptions} />
      <Select
        label="Lock"
        name="resource"
        value={filter.resource ?? ""}
        options={[["", "any"], ...map.resources.map((r) => [r, bothNames(r)] as const)]}
      />
      <Select
        label="OP_STATE"
        name="op"
        value={filter.opState ?? ""}
        options={[["", "any"], ...catalog.opStates.map((s) => [s, s] as const)]}
      />
      <Select
        label="Side"
        name="side"
        value={filter.side ?? ""}
        options={[
          ["", "SEAMCALLs and TDCALLs"],
          ["host", "two SEAMCALLs"],
          ["guest", "with a TDCALL"],
        ]}
      />
      <Select label="Order" name="order" value={order} options={ORDERS} />
    </form>
  );
}

/** What is not shown, and how to see it. */
function Fold({ hidden, folded }: { readonly hidden: number; readonly folded: boolean }): VNode | null {
  if (folded && hidden === 0) return null;
  return (
    <p class="dim no-copy">
      {folded ? `${hidden} more calls conflict only where it is excluded or not judged. ` : ""}
      <button type="button" class="link" onClick={() => setParams({ fold: folded ? "0" : "" })}>
        {folded ? "Show them" : "Show only calls that can contend"}
      </button>
    </p>
  );
}

interface GridProps {
  readonly entries: readonly MapEntry[];
  readonly matrix: ContentionMatrix;
  /** Do rows of one phase stand together? */
  readonly phased: boolean;
  /** The chosen pair; empty where none is. */
  readonly a: string;
  readonly b: string;
}

const Grid = memo(function Grid({ entries, matrix, phased, a, b }: GridProps): VNode {
  const ids = useMemo(() => entries.map(({ id }) => id), [entries]);
  const body = useRef<HTMLTableSectionElement>(null);
  const chosen = useRef<readonly [string, string]>([a, b]);
  const frame = (): void => {
    if (body.current !== null) frameCells(body.current, ids, chosen.current);
  };
  useLayoutEffect(() => {
    if (body.current === null) return;
    draw(body.current, entries, matrix, phased, frame);
    performance.mark("first-table");
  }, [entries, matrix, phased]);
  useLayoutEffect(() => {
    chosen.current = [a, b];
    frame();
  }, [ids, a, b]);
  const possible = [...matrix.values()].filter(isPossible).length;
  return (
    <>
      <div class="table-head">
        <Legend hosted={currentHost.value !== null} />
        <Saves name="Matrix" csv={() => saveMatrix(ids, matrix)} svg={() => savePicture(entries, matrix)} />
      </div>
      <div class="matrix-scroll">
        <table
          class="matrix"
          // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table whose focus moves from cell to cell is a grid
          role="grid"
          aria-label={`Calls against calls: ${possible} pairs possible`}
          onKeyDown={onKey}
          onClick={onClick}
          onFocusIn={(event) => onFocus(event, matrix)}
          onPointerOver={(event) => tell(cellAt(event.target), matrix)}
          onPointerLeave={() => tell(cellAt(document.activeElement), matrix)}
        >
          <Head ids={ids} entries={entries} />
          <tbody ref={body} />
        </table>
      </div>
      <p class="status-line" id="matrix-status" aria-live="polite">
        Arrow keys move, Enter opens a pair.
      </p>
    </>
  );
});

interface HeadProps {
  readonly ids: readonly string[];
  readonly entries: readonly MapEntry[];
}

const Head = memo(function Head({ ids, entries }: HeadProps): VNode {
  return (
    <thead>
      <tr>
        <td class="corner" />
        {ids.map((id, i) => (
          <th key={id} scope="col" data-id={id} class={entries[i]?.side}>
            <span class="turned">{entryTitle(id)}</span>
          </th>
        ))}
      </tr>
    </thead>
  );
});

const ROW_HEAD = { letters: 20, cell: 24 };

/** Widths are set, not found out: a browser would look at every cell for them. */
function draw(
  body: HTMLTableSectionElement,
  entries: readonly MapEntry[],
  matrix: ContentionMatrix,
  phased: boolean,
  after: () => void,
): void {
  const marks = marksOf(
    entries.map(({ id }) => id),
    matrix,
  );
  const rows = entries.map(({ id, side, phase }, i) => {
    const isFirst = phased && entries[i - 1]?.phase !== phase;
    return { id, title: entryTitle(id), side, note: isFirst ? phase : "", marks: marks[i] ?? [] };
  });
  drawRows(body, rows, after);
  const noteLetters = Math.max(0, ...rows.map(({ note }) => note.length));
  const letters = Math.max(ROW_HEAD.letters, ...rows.map(({ title }) => title.length)) + 4;
  const { style } = body.parentElement as HTMLTableElement;
  style.setProperty("--titles", `${letters}ch`);
  style.setProperty("--notes", `${noteLetters}ch`);
  style.setProperty("--columns", `${rows.length}`);
  style.setProperty("--cells", `${rows.length * ROW_HEAD.cell}px`);
  if (body.querySelector("td[tabindex='0']") === null) body.querySelector("td")?.setAttribute("tabindex", "0");
}

const OF_HOST: readonly Outcome[] = ["lost", "error", "unknown", "warning", "retry", "guest", "unjudged", "excluded"];

/** The letters in use, with what they mean. */
function Legend({ hosted }: { readonly hosted: boolean }): VNode {
  const outcomes: readonly Outcome[] = hosted ? OF_HOST : ["possible", "excluded"];
  return (
    <p class="legend keys">
      {outcomes.map((outcome) => (
        <span key={outcome}>
          <span class={`key ${outcome}`}>{SIGNS[outcome]}</span> {OUTCOME_WORDS[outcome]}
        </span>
      ))}
      {hosted ? (
        <span>
          <span class="key rare">(L)</span> only out of the ordinary
        </span>
      ) : null}
      <span>
        <span class="key never">·</span> never
      </span>
    </p>
  );
}

function saveMatrix(ids: readonly string[], matrix: ContentionMatrix): void {
  const word = (a: string, b: string): string => {
    const cell = matrix.get(cellKey(a, b));
    return cell === undefined
      ? "never"
      : isPossible(cell)
        ? `${cell.outcome}: ${cell.on.join(" ")}`
        : OUTCOME_WORDS[cell.outcome];
  };
  const rows = ids.map((a) => [a, ...ids.map((b) => word(a, b))]);
  saveText("matrix.csv", "text/csv", csvText([["", ...ids], ...rows]));
}

function pictureKind(kind: string): PictureCell["kind"] {
  return kind === "excluded" || kind === "unjudged" ? "pale" : kind === "never" ? "plain" : "strong";
}

function savePicture(entries: readonly MapEntry[], matrix: ContentionMatrix): void {
  const titles = entries.map(({ id }) => entryTitle(id));
  const host = currentHost.value;
  const legend = (host === null ? (["possible", "excluded"] as const) : OF_HOST).map(
    (outcome) => `${SIGNS[outcome]}: ${OUTCOME_WORDS[outcome]}`,
  );
  const marks = marksOf(
    entries.map(({ id }) => id),
    matrix,
  );
  const picture = gridPicture({
    title: `TDX module ${currentModule.value.name}${host === null ? "" : ` under ${host.name}`}: calls against calls`,
    legend: [...legend, "(…): only out of the ordinary", `${SIGNS.never}: never`].join("   "),
    columns: titles,
    rows: marks.map((row, r) => ({
      title: titles[r] ?? "",
      cells: row.map(({ sign, kind }) => ({ sign, kind: pictureKind(kind) })),
    })),
    cell: 24,
    turned: true,
  });
  saveText("matrix.svg", "image/svg+xml", picture);
}

function cellAt(target: EventTarget | null): HTMLTableCellElement | null {
  return target instanceof Element ? target.closest<HTMLTableCellElement>(".matrix tbody td") : null;
}

/** The two entries that a cell is about; row and column heads carry their names. */
function entriesAt(cell: HTMLTableCellElement): { readonly a: string; readonly b: string } {
  const row = cell.parentElement as HTMLTableRowElement;
  const head = cell.closest("table")?.tHead?.rows[0]?.cells[cell.cellIndex];
  return { a: row.cells[0]?.dataset["id"] ?? "", b: head?.dataset["id"] ?? "" };
}

/** Thousands of cells carry nothing but their class and sign; one that gets the focus becomes focusable first. */
function focusCell(cell: HTMLTableCellElement | undefined): void {
  if (cell === undefined) return;
  cell.tabIndex = 0;
  cell.focus();
}

function onClick(event: MouseEvent): void {
  const cell = cellAt(event.target);
  if (cell === null) return;
  focusCell(cell);
  setParams(entriesAt(cell));
}

/** One cell of the grid can be reached with Tab: the one that had the focus last. */
function onFocus(event: FocusEvent, matrix: ContentionMatrix): void {
  const cell = cellAt(event.target);
  if (cell === null) return;
  const table = cell.closest("table");
  for (const other of table?.querySelectorAll<HTMLElement>('td[tabindex="0"]') ?? [])
    if (other !== cell) other.tabIndex = -1;
  tell(cell, matrix);
}

/** Says what a cell means, whether the mouse or the keys came to it, and marks its row and column. */
function tell(cell: HTMLTableCellElement | null, matrix: ContentionMatrix): void {
  if (cell === null) return;
  const { a, b } = entriesAt(cell);
  const words = cellText(a, b, matrix.get(cellKey(a, b)));
  cell.ariaLabel = words;
  const line = document.getElementById("matrix-status");
  if (line !== null && line.textContent !== words) line.textContent = words;
  const table = cell.closest("table");
  for (const marked of table?.querySelectorAll("th.here") ?? []) marked.classList.remove("here");
  table?.tHead?.rows[0]?.cells[cell.cellIndex]?.classList.add("here");
  cell.parentElement?.firstElementChild?.classList.add("here");
}

const MOVES: Readonly<Record<string, readonly [rows: number, columns: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [-10, 0],
  PageDown: [10, 0],
  Home: [0, -Infinity],
  End: [0, Infinity],
};

function onKey(event: KeyboardEvent): void {
  const cell = cellAt(event.target);
  if (cell === null || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    setParams(entriesAt(cell));
    return;
  }
  const move = MOVES[event.key];
  const row = cell.parentElement as HTMLTableRowElement;
  const rows = (row.parentElement as HTMLTableSectionElement).rows;
  if (move === undefined) return;
  event.preventDefault();
  const target = rows[clamp(row.sectionRowIndex + move[0], 0, rows.length - 1)];
  focusCell(target?.cells[clamp(cell.cellIndex + move[1], 1, row.cells.length - 1)]);
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
