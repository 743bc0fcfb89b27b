/** Leaf against leaf: never, excluded, or possible and on what. */
import type { VNode } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import scopes from "../../../data/scopes.json" with { type: "json" };
import { dispatcherNames, type Leaf } from "../../catalog/index.ts";
import { entriesOf } from "../../host/index.ts";
import { csvText } from "../logic/csv.ts";
import { marksOf } from "../logic/grid.ts";
import { gridPicture } from "../logic/grid-picture.ts";
import { cellKey, cellText, entryId, type Matrix, type MatrixFilter, matrixOf, withCells } from "../logic/matrix.ts";
import { drawRows, frameCells } from "./matrix-cells.ts";
import { memo } from "./memo.ts";
import { PairDetail } from "./pair-detail.tsx";
import { Saves, Select } from "./parts.tsx";
import { saveText } from "./save.ts";
import { currentHost, currentModule, pairs, param, setParams } from "./store.ts";

/** The view. */
export function MatrixView(): VNode {
  const filter = filterOf();
  const scope = param("scope") || "kvm";
  const { resource, opState, side } = filter;
  const matrix = useMemo(() => matrixOf(pairs.value, filter), [pairs.value, resource, opState, side]);
  const entries = useMemo(() => withCells(inScope(scope), matrix), [scope, matrix]);
  const [a, b] = [param("a"), param("b")];
  return (
    <div class="split">
      <div class="main-column">
        <Filters scope={scope} filter={filter} />
        {entries.length === 0 ? (
          <p class="empty">No two calls of this choice conflict. Widen the filters above.</p>
        ) : (
          <Grid entries={entries} matrix={matrix} a={a} b={b} />
        )}
      </div>
      <PairDetail cell={a === "" || b === "" ? null : (matrix.get(cellKey(a, b)) ?? "never")} a={a} b={b} />
    </div>
  );
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
function inScope(scope: string): readonly Leaf[] {
  const { catalog } = currentModule.value;
  const host = currentHost.value?.profile;
  if (scope === "all") return catalog.leaves;
  if (scope === "host" && host !== undefined) {
    const steps = host.paths.flatMap((path) => path.steps.flatMap((s) => entriesOf(catalog, s.call, s.variant)));
    const called = new Set([...steps, ...(host.guest?.calls ?? []).flatMap((name) => entriesOf(catalog, name))]);
    return catalog.leaves.filter((leaf) => called.has(leaf));
  }
  const wanted = new Set(scopes.kvm.leaves);
  return catalog.leaves.filter((leaf) =>
    dispatcherNames(catalog.module.version, leaf.name).some((ref) => wanted.has(ref.leaf)),
  );
}

function Filters({ scope, filter }: { readonly scope: string; readonly filter: MatrixFilter }): VNode {
  const { catalog } = currentModule.value;
  const resources = [...new Set(pairs.value.map(({ resource }) => resource))];
  const host = currentHost.value;
  const scopeOptions: (readonly [string, string])[] = [
    ["kvm", "that KVM uses, and page TDCALLs"],
    ["all", "all"],
    ...(host === null ? [] : [["host", `of ${host.name}`] as const]),
  ];
  return (
    <form class="filters" aria-label="Filters of the matrix" onSubmit={(event) => event.preventDefault()}>
      <Select label="Calls" name="scope" value={scope} options={scopeOptions} />
      <Select
        label="Resource"
        name="resource"
        value={filter.resource ?? ""}
        options={[["", "any"], ...resources.map((r) => [r, r] as const)]}
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
    </form>
  );
}

interface GridProps {
  readonly entries: readonly Leaf[];
  readonly matrix: Matrix;
  /** The chosen pair; empty where none is. */
  readonly a: string;
  readonly b: string;
}

const Grid = memo(function Grid({ entries, matrix, a, b }: GridProps): VNode {
  const ids = useMemo(() => entries.map(entryId), [entries]);
  const body = useRef<HTMLTableSectionElement>(null);
  const chosen = useRef<readonly [string, string]>([a, b]);
  const frame = (): void => {
    if (body.current !== null) frameCells(body.current, ids, chosen.current);
  };
  useLayoutEffect(() => {
    if (body.current !== null) draw(body.current, entries, matrix, frame);
  }, [entries, matrix]);
  useLayoutEffect(() => {
    chosen.current = [a, b];
    frame();
  }, [ids, a, b]);
  const possible = [...matrix.values()].filter(({ verdict }) => verdict === "possible").length;
  return (
    <>
      <div class="table-head">
        <Legend />
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

const Head = memo(function Head({
  ids,
  entries,
}: {
  readonly ids: readonly string[];
  readonly entries: readonly Leaf[];
}) {
  return (
    <thead>
      <tr>
        <td class="corner" />
        {ids.map((id, i) => (
          <th key={id} scope="col" data-id={id} class={entries[i]?.side}>
            <span class="turned">{id.replace("~", " ")}</span>
          </th>
        ))}
      </tr>
    </thead>
  );
});

const ROW_HEAD = { letters: 20, cell: 24 };

/** Widths are set, not found out: a browser would look at every cell for them. */
function draw(body: HTMLTableSectionElement, entries: readonly Leaf[], matrix: Matrix, after: () => void): void {
  const marks = marksOf(entries, matrix);
  const rows = entries.map((leaf, i) => {
    const id = entryId(leaf);
    return { id, title: id.replace("~", " "), side: leaf.side, marks: marks[i] ?? [] };
  });
  drawRows(body, rows, after);
  const letters = Math.max(ROW_HEAD.letters, ...rows.map(({ title }) => title.length)) + 2;
  const table = body.parentElement as HTMLTableElement;
  table.style.setProperty("--row-head", `${letters}ch`);
  table.style.width = `calc(${letters}ch + ${rows.length * ROW_HEAD.cell}px)`;
  if (body.querySelector("td[tabindex='0']") === null) body.querySelector("td")?.setAttribute("tabindex", "0");
}

function Legend(): VNode {
  return (
    <p class="legend">
      <span class="key possible">2</span> possible, on so many locks <span class="key excluded">×</span> conflict, but
      excluded <span class="key never">·</span> never conflict
    </p>
  );
}

function saveMatrix(ids: readonly string[], matrix: Matrix): void {
  const word = (a: string, b: string): string => {
    const cell = matrix.get(cellKey(a, b));
    return cell === undefined ? "never" : cell.verdict === "possible" ? cell.on.join(" ") : "excluded";
  };
  const rows = ids.map((a) => [a, ...ids.map((b) => word(a, b))]);
  saveText("matrix.csv", "text/csv", csvText([["", ...ids], ...rows]));
}

const KINDS = { possible: "strong", excluded: "pale", never: "plain" } as const;

function savePicture(entries: readonly Leaf[], matrix: Matrix): void {
  const titles = entries.map((leaf) => entryId(leaf).replace("~", " "));
  const host = currentHost.value;
  const picture = gridPicture({
    title: `TDX module ${currentModule.value.name}${host === null ? "" : ` under ${host.name}`}: calls against calls`,
    legend: "number: possible, on so many locks   ×: conflict, but excluded   ·: never conflict",
    columns: titles,
    rows: marksOf(entries, matrix).map((marks, r) => ({
      title: titles[r] ?? "",
      cells: marks.map(({ sign, verdict }) => ({ sign, kind: KINDS[verdict] })),
    })),
    cell: 20,
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
function onFocus(event: FocusEvent, matrix: Matrix): void {
  const cell = cellAt(event.target);
  if (cell === null) return;
  const table = cell.closest("table");
  for (const other of table?.querySelectorAll<HTMLElement>('td[tabindex="0"]') ?? [])
    if (other !== cell) other.tabIndex = -1;
  const { a, b } = entriesAt(cell);
  const words = cellText(a, b, matrix.get(cellKey(a, b)));
  cell.ariaLabel = words;
  const line = document.getElementById("matrix-status");
  if (line !== null) line.textContent = words;
  for (const marked of table?.querySelectorAll("thead .here") ?? []) marked.classList.remove("here");
  table?.tHead?.rows[0]?.cells[cell.cellIndex]?.classList.add("here");
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
