/** The small parts that every view is made of. */
import type { ComponentChildren, VNode } from "preact";
import type { Site } from "../../catalog/index.ts";
import { csvText } from "../logic/csv.ts";
import { entryId } from "../logic/matrix.ts";
import { sourceUrl } from "../logic/source.ts";
import { saveSvg, saveText } from "./save.ts";
import { currentModule, linkTo, setParams } from "./store.ts";

/** A leaf's name as a link to its page. */
export function LeafLink({ name, variant = null }: { readonly name: string; readonly variant?: string | null }): VNode {
  return (
    <a class="leaf" href={linkTo("calls", { leaf: entryId({ name, variant }) })}>
      {name}
      {variant === null ? null : <span class="variant"> [{variant}]</span>}
    </a>
  );
}

/** A resource's name as a link to its users. */
export function ResourceLink({ name }: { readonly name: string }): VNode {
  return <a href={linkTo("resources", { resource: name })}>{name}</a>;
}

const MODE_SIGNS: Readonly<Record<string, string>> = { EXCLUSIVE: "■", SHARED: "▨", NO_LOCK: "○" };

/** A lock mode with its sign. */
export function Mode({ mode }: { readonly mode: string }): VNode {
  return (
    <span class={`mode ${mode.toLowerCase()}`}>
      <span aria-hidden="true">{MODE_SIGNS[mode] ?? "?"}</span> {mode}
    </span>
  );
}

/** Possible or excluded, with its sign. */
export function Verdict({ possible }: { readonly possible: boolean }): VNode {
  return possible ? <span class="verdict possible">● possible</span> : <span class="verdict excluded">× excluded</span>;
}

/** A source line; a link where the catalog says where the source is public. */
export function SourceLine({ site }: { readonly site: Site }): VNode {
  const url = sourceUrl(currentModule.value.catalog.module, site);
  const label = `${site.file}:${site.line}`;
  return (
    <span class="site">
      {url === null ? (
        <code>{label}</code>
      ) : (
        <a href={url} target="_blank" rel="noreferrer noopener">
          <code>{label}</code>
        </a>
      )}{" "}
      <span class="dim">{site.function}()</span>
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
          <li key={`${site.file}:${site.line}`}>
            <SourceLine site={site} />
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
  /** What is shown where it is more than the text. */
  readonly show?: (row: Row) => ComponentChildren;
  readonly numeric?: boolean;
}

interface TableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** File name of the exported table, without its ending. */
  readonly file: string;
  readonly empty: string;
  /** Marks a row as the chosen one. */
  readonly current?: (row: Row) => boolean;
}

/** A real table, with a button that saves it as CSV. The first column names the row. */
export function Table<Row>({ caption, columns, rows, file, empty, current }: TableProps<Row>): VNode {
  if (rows.length === 0) {
    return (
      <div class="table-block">
        <h3>{caption}</h3>
        <p class="dim">{empty}</p>
      </div>
    );
  }
  const save = (): void => {
    const body = rows.map((row) => columns.map((column) => column.text(row)));
    saveText(`${file}.csv`, "text/csv", csvText([columns.map(({ head }) => head), ...body]));
  };
  return (
    <div class="table-block">
      <div class="table-head">
        <h3 id={`caption-${file}`}>
          {caption} <span class="count">{rows.length}</span>
        </h3>
        <button type="button" class="small" onClick={save} aria-label={`${caption}: save as CSV`}>
          CSV
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable from the keyboard */}
      <section class="scroll" tabIndex={0} aria-label={caption}>
        <table aria-labelledby={`caption-${file}`}>
          <thead>
            <tr>
              {columns.map(({ head, numeric }) => (
                <th key={head} scope="col" class={numeric ? "num" : ""}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={i} aria-current={current?.(row) ? "true" : undefined}>
                {columns.map((column, c) => cellOf(column, row, c === 0))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  );
}

function cellOf<Row>(column: Column<Row>, row: Row, first: boolean): VNode {
  const content = column.show?.(row) ?? column.text(row);
  const kind = column.numeric ? "num" : "";
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
        <button
          type="button"
          class="small"
          onClick={(event) => saveSvg(event.currentTarget, `${file}.svg`)}
          aria-label={`${title}: save as SVG`}
        >
          SVG
        </button>
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
