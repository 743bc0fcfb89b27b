/** A table of signs as a drawing that stands alone: the matrix and the timelines, for a mail or a document. */

/** One cell. Its kind is the name of a style below. */
export interface PictureCell {
  readonly sign: string;
  readonly kind: "plain" | "strong" | "pale" | "grey";
}

export interface GridPicture {
  readonly title: string;
  /** What the signs mean, in one line below. */
  readonly legend: string;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly title: string; readonly cells: readonly PictureCell[] }[];
  /** Width of a cell in pixels. */
  readonly cell: number;
  /** Column titles stand upright where cells are narrow. */
  readonly turned: boolean;
}

const LETTER = 7.3;
const LINE = 20;
const PAD = 10;
const STYLE = `svg{background:#fff;font:12px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}
text{fill:#1a1c20}.head{font:600 14px system-ui,sans-serif}.legend{font:12px system-ui,sans-serif;fill:#555b66}
rect{stroke:#d5d8de}.plain{fill:#fff}.strong{fill:#fbdcc4}.pale{fill:#e3eee6}.grey{fill:#f0f2f5}
.strong+text{font-weight:700;fill:#6b2500}.pale+text{fill:#2c5a3a}.plain+text{fill:#555b66}`;

/** The drawing as an SVG document. Texts are escaped, whoever wrote them. */
export function gridPicture({ title, legend, columns, rows, cell, turned }: GridPicture): string {
  const longest = (texts: readonly string[]): number => Math.max(1, ...texts.map(({ length }) => length)) * LETTER;
  const left = PAD + longest(rows.map((row) => row.title)) + PAD;
  const top = PAD + LINE + (turned ? longest(columns) + PAD : LINE);
  const width = Math.ceil(Math.max(left + columns.length * cell, longest([title, legend])) + PAD);
  const height = Math.ceil(top + rows.length * LINE + LINE + PAD);
  const parts = [
    `<text class="head" x="${PAD}" y="${PAD + 12}">${escaped(title)}</text>`,
    ...columns.map((name, c) => columnTitle(name, left + c * cell + cell / 2, top - 6, turned)),
    ...rows.flatMap((row, r) => {
      const y = top + r * LINE;
      return [
        `<text x="${(left - PAD).toFixed(1)}" y="${y + 14}" text-anchor="end">${escaped(row.title)}</text>`,
        ...row.cells.map((one, c) => cellDrawing(one, left + c * cell, y, cell)),
      ];
    }),
    `<text class="legend" x="${PAD}" y="${top + rows.length * LINE + LINE}">${escaped(legend)}</text>`,
  ];
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>\n<style>${STYLE}</style>\n${parts.join("\n")}\n</svg>\n`;
}

function columnTitle(name: string, x: number, y: number, turned: boolean): string {
  const at = `${x.toFixed(1)},${y.toFixed(1)}`;
  return turned
    ? `<text transform="translate(${at}) rotate(-90)" dominant-baseline="middle">${escaped(name)}</text>`
    : `<text transform="translate(${at})" text-anchor="middle">${escaped(name)}</text>`;
}

function cellDrawing({ sign, kind }: PictureCell, x: number, y: number, width: number): string {
  const box = `<rect class="${kind}" x="${x.toFixed(1)}" y="${y}" width="${width}" height="${LINE}"/>`;
  if (sign === "") return box;
  return `${box}<text x="${(x + width / 2).toFixed(1)}" y="${y + 14}" text-anchor="middle">${escaped(sign)}</text>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
