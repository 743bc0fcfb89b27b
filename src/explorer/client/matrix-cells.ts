/** The cells of the matrix, drawn by hand: thousands of them, of which a change touches few. */
import type { Mark } from "../logic/grid.ts";

/** What stands in a row's cells now, so that only what differs is touched. */
const drawn = new WeakMap<HTMLTableRowElement, Mark[]>();

/** One row of the matrix. */
export interface GridRow {
  readonly id: string;
  /** As a person reads it. */
  readonly title: string;
  readonly side: string;
  /** Stands at the end of the head: the phase that begins here. */
  readonly note: string;
  readonly marks: readonly Mark[];
}

/** Rows whose cells are drawn in one task: about what a laptop shows, and as many as a task that nobody notices can lay out. */
const SLICE = 14;

/** The drawing under way of each table body. */
const underWay = new WeakMap<HTMLTableSectionElement, ReturnType<typeof setTimeout>>();

/**
 * Makes a table body show these rows; keeps, fills and removes rows and cells as needed. Every row is there at once, the cells of
 * those further down a moment later; `after` is called each time some were drawn.
 */
export function drawRows(body: HTMLTableSectionElement, rows: readonly GridRow[], after: () => void): void {
  clearTimeout(underWay.get(body));
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((row, r) => {
    drawHead(body.rows[r] ?? newRow(body), row);
  });
  forgetBelow(body, rows[0]?.marks.length ?? 0);
  const drawFrom = (first: number): void => {
    const end = Math.min(first + SLICE, rows.length);
    for (let r = first; r < end; r++) drawCells(body.rows[r] as HTMLTableRowElement, rows[r]?.marks ?? []);
    after();
    if (end < rows.length) underWay.set(body, setTimeout(drawFrom, 0, end));
  };
  drawFrom(0);
}

/** Where the number of columns changes every row is laid out anew; those further down are emptied first, so that it is few cells. */
function forgetBelow(body: HTMLTableSectionElement, columns: number): void {
  const first = body.rows[0];
  if (first === undefined || drawn.get(first)?.length === columns) return;
  for (let r = SLICE; r < body.rows.length; r++) {
    const row = body.rows[r] as HTMLTableRowElement;
    row.replaceChildren(row.cells[0] as HTMLTableCellElement);
    drawn.set(row, []);
  }
}

function newRow(body: HTMLTableSectionElement): HTMLTableRowElement {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  row.append(head);
  drawn.set(row, []);
  body.append(row);
  return row;
}

function drawHead(element: HTMLTableRowElement, { id, title, side, note }: GridRow): void {
  const head = element.cells[0] as HTMLTableCellElement;
  element.className = note === "" ? "" : "begins";
  head.className = side;
  if (head.dataset["id"] === id && head.dataset["note"] === note) return;
  head.dataset["id"] = id;
  head.dataset["note"] = note;
  head.replaceChildren(title);
  if (note === "") return;
  const small = document.createElement("span");
  small.className = "phase";
  small.textContent = note;
  head.append(small);
}

function drawCells(element: HTMLTableRowElement, marks: readonly Mark[]): void {
  const now = drawn.get(element) ?? [];
  while (now.length > marks.length) {
    element.deleteCell(-1);
    now.pop();
  }
  let cell = (element.cells[1] ?? null) as HTMLTableCellElement | null;
  marks.forEach((mark, c) => {
    const here = cell ?? newCell(element);
    const before = now[c];
    if (before?.kind !== mark.kind) here.className = mark.kind;
    if (before?.sign !== mark.sign) (here.firstChild as Text).data = mark.sign;
    if (here.ariaLabel !== null && before !== mark) here.ariaLabel = null;
    now[c] = mark;
    cell = here.nextElementSibling as HTMLTableCellElement | null;
  });
}

function newCell(row: HTMLTableRowElement): HTMLTableCellElement {
  const cell = document.createElement("td");
  cell.append("");
  row.append(cell);
  return cell;
}

/** Frames the cells of two entries, in either order, and no others. */
export function frameCells(
  body: HTMLTableSectionElement,
  ids: readonly string[],
  pair: readonly [string, string],
): void {
  const [a, b] = pair.map((id) => ids.indexOf(id)) as [number, number];
  const chosen = a < 0 || b < 0 ? [] : [body.rows[a]?.cells[b + 1], body.rows[b]?.cells[a + 1]];
  for (const cell of body.querySelectorAll("td[aria-selected]")) {
    if (!chosen.includes(cell as HTMLTableCellElement)) cell.removeAttribute("aria-selected");
  }
  for (const cell of chosen) cell?.setAttribute("aria-selected", "true");
}
