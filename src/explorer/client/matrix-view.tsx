/** Leaf against leaf: never, excluded, or possible and on what. */
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import scopes from "../../../data/scopes.json" with { type: "json" };
import { dispatcherNames, type Leaf } from "../../catalog/index.ts";
import { entriesOf } from "../../host/index.ts";
import { csvText } from "../logic/csv.ts";
import {
  type Cell,
  cellKey,
  cellText,
  entryId,
  type Matrix,
  type MatrixFilter,
  matrixOf,
  withCells,
} from "../logic/matrix.ts";
import { memo } from "./memo.ts";
import { PairDetail } from "./pair-detail.tsx";
import { Select } from "./parts.tsx";
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
          <Grid entries={entries} matrix={matrix} chosen={a !== "" && b !== "" ? cellKey(a, b) : null} />
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
  readonly chosen: string | null;
}

function Grid({ entries, matrix, chosen }: GridProps): VNode {
  const ids = useMemo(() => entries.map(entryId), [entries]);
  const possible = [...matrix.values()].filter(({ verdict }) => verdict === "possible").length;
  return (
    <>
      <div class="table-head">
        <Legend />
        <button type="button" class="small" onClick={() => saveMatrix(ids, matrix)} aria-label="Matrix: save as CSV">
          CSV
        </button>
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
          <tbody>
            {ids.map((id, r) => (
              <Row
                key={id}
                id={id}
                side={entries[r]?.side ?? "host"}
                ids={ids}
                matrix={matrix}
                first={r === 0}
                chosen={chosenIn(id, ids, chosen)}
              />
            ))}
          </tbody>
        </table>
      </div>
      <p class="status-line" id="matrix-status" aria-live="polite">
        Arrow keys move, Enter opens a pair.
      </p>
    </>
  );
}

/** The chosen cell's key if it is in this row; so that other rows need not be drawn again. */
function chosenIn(id: string, ids: readonly string[], chosen: string | null): string | null {
  return chosen !== null && ids.some((other) => cellKey(id, other) === chosen) ? chosen : null;
}

interface RowProps {
  readonly id: string;
  readonly side: string;
  readonly ids: readonly string[];
  readonly matrix: Matrix;
  readonly first: boolean;
  readonly chosen: string | null;
}

const Row = memo(function Row({ id, side, ids, matrix, first, chosen }: RowProps): VNode {
  return (
    <tr>
      <th scope="row" data-id={id} class={side}>
        {id.replace("~", " ")}
      </th>
      {ids.map((other, c) => {
        const key = cellKey(id, other);
        const cell = matrix.get(key);
        return (
          <td key={other} class={cellClass(cell, key === chosen)} tabIndex={first && c === 0 ? 0 : undefined}>
            {cell === undefined ? "·" : cell.verdict === "possible" ? cell.on.length : "×"}
          </td>
        );
      })}
    </tr>
  );
});

function cellClass(cell: Cell | undefined, chosen: boolean): string {
  const verdict = cell?.verdict ?? "never";
  return chosen ? `${verdict} chosen` : verdict;
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
