/** The table of a sweep: one verdict a row, as text and Markdown. */
import { thousands } from "../text.ts";
import { type Block, markdownOf, textOf } from "./blocks.ts";

/** What the table says of one check. */
export interface SweepRow {
  readonly scenario: string;
  readonly policy: string | null;
  readonly module: string | null;
  /** What was set beside these, as the command line says it. */
  readonly setting: string;
  readonly outcome: { readonly kind: string; readonly property: string | null; readonly reason: string | null };
  /** Length of the trace; null without one. */
  readonly steps: number | null;
  readonly states: number;
  readonly seconds: number;
}

export interface Sweep {
  readonly matrix: string;
  readonly cases: number;
  readonly rows: readonly SweepRow[];
  /** How many results were there, were not, and were there but made by another build and so made again. */
  readonly results: { readonly takenUp: number; readonly made: number; readonly madeAgain: number };
  /** Cases that have no result. */
  readonly missing: readonly string[];
}

export const renderSweepText = (sweep: Sweep): string => textOf(blocksOf(sweep));
export const renderSweepMarkdown = (sweep: Sweep): string => markdownOf(blocksOf(sweep));

function blocksOf({ matrix, cases, results, rows, missing }: Sweep): Block[] {
  const title: Block = { kind: "title", text: `${matrix}: ${rows.length} of ${cases} checks` };
  const table: Block = {
    kind: "table",
    head: ["scenario", "module", "verdict", "states", "seconds"],
    widths: [30, 10, 22, 11, 7],
    groups: [
      rows.map(({ scenario, policy, module, setting, outcome, steps, states, seconds }) => ({
        cells: [
          [scenario, policy ?? "", setting].filter((part) => part !== "").join(" "),
          module ?? "-",
          verdict(outcome, steps),
          thousands(states),
          seconds.toFixed(2),
        ],
        ...(outcome.reason !== null && { below: [`    ${outcome.reason}`] }),
        ...(outcome.property !== null && { below: [`    ${outcome.property}`] }),
      })),
    ],
  };
  const absent: Block[] =
    missing.length === 0
      ? []
      : [
          { kind: "heading", text: `Not checked: ${missing.length}` },
          { kind: "list", items: missing },
        ];
  return [
    title,
    ...(rows.length === 0 ? [] : [table]),
    ...absent,
    { kind: "paragraph", text: summary(rows) },
    { kind: "paragraph", text: origin(results) },
  ];
}

const verdict = ({ kind }: SweepRow["outcome"], steps: number | null): string =>
  kind === "violated" && steps !== null ? `breaks in ${steps} steps` : kind;

/** Where the results come from: what was taken up was not looked at again. */
function origin({ takenUp, made, madeAgain }: Sweep["results"]): string {
  const parts = [
    ...(takenUp > 0 ? [`${takenUp} taken up`] : []),
    ...(made > 0 ? [`${made} made`] : []),
    ...(madeAgain > 0
      ? [`${madeAgain} made again, for another build had made ${madeAgain === 1 ? "it" : "them"}`]
      : []),
  ];
  return parts.length === 0 ? "No result." : `Results: ${parts.join(", ")}.`;
}

function summary(rows: readonly SweepRow[]): string {
  const count = (kind: string) => rows.filter(({ outcome }) => outcome.kind === kind).length;
  return `${count("holds")} hold, ${count("violated")} break, ${count("inconclusive")} are inconclusive.`;
}
