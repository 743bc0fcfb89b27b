/** Which rows of a table are shown, in which order. */

/** A column as far as order and filter go. */
export interface TextColumn<Row> {
  readonly head: string;
  readonly text: (row: Row) => string;
  readonly numeric?: boolean;
}

/** The column by which rows are sorted, and which way. */
export interface Sorting {
  readonly head: string;
  readonly down: boolean;
}

/** Made once: `localeCompare` makes one for every two rows. */
const ORDER = new Intl.Collator("en", { numeric: true });

/** Rows with every word of the filter somewhere, sorted where a column is chosen; alike rows stay as they stood. */
export function rowsShown<Row>(
  rows: readonly Row[],
  columns: readonly TextColumn<Row>[],
  filter: string,
  sorting: Sorting | null,
): readonly Row[] {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const fits = (row: Row): boolean => {
    const text = columns.map((column) => column.text(row).toLowerCase()).join("\n");
    return words.every((word) => text.includes(word));
  };
  const kept = words.length === 0 ? rows : rows.filter(fits);
  const column = columns.find(({ head }) => head === sorting?.head);
  if (sorting === null || column === undefined) return kept;
  const value = (row: Row): string | number => {
    const text = column.text(row);
    return column.numeric === true ? Number(text.replaceAll(",", "")) : text;
  };
  const compare = (x: string | number, y: string | number): number =>
    typeof x === "number" && typeof y === "number" ? x - y : ORDER.compare(String(x), String(y));
  const sign = sorting.down ? -1 : 1;
  return [...kept].sort((x, y) => sign * compare(value(x), value(y)));
}

/** What a click on a head does: up, down, as they stood. */
export function nextSorting(sorting: Sorting | null, head: string): Sorting | null {
  if (sorting?.head !== head) return { head, down: false };
  return sorting.down ? null : { head, down: true };
}
