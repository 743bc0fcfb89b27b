/** One leaf's locks as spans over the points of its run. */
import { type Acquisition, type Leaf, releaseText } from "../../catalog/index.ts";

/** A moment of a leaf's run at which locks are taken or given back. */
export interface Point {
  readonly kind: "acquire" | "release" | "guest";
  readonly label: string;
}

/** A lock held from one point to another; both are indices of points. */
export interface Span {
  readonly row: Acquisition;
  readonly from: number;
  readonly to: number;
}

/** The picture of one leaf. */
export interface Spans {
  readonly points: readonly Point[];
  readonly spans: readonly Span[];
}

const WORDS: Readonly<Record<string, string>> = { "iteration-end": "end of iteration", "page-removed": "page removed" };
const STANDARD = ["leaf-exit", "before-td-entry", "td-exit"];

/** The spans of a leaf: acquisitions in source order, then the points where locks are given back, in the order of a run. */
export function spansOf(leaf: Leaf): Spans {
  const rows = leaf.acquisitions;
  const ends = rows.map((row) => releaseText(row.release));
  const early = [...new Set(ends.filter((at): at is string => at !== null && !STANDARD.includes(at)))];
  const enters = ends.includes("td-exit") || ends.includes("before-td-entry");
  const points: Point[] = [
    ...rows.map((_, i): Point => ({ kind: "acquire", label: String(i + 1) })),
    ...early.map((label): Point => ({ kind: "release", label: WORDS[label] ?? `in ${label}` })),
  ];
  const at = new Map<string, number>(early.map((name, i) => [name, rows.length + i]));
  const add = (name: string, point: Point): void => {
    at.set(name, points.length);
    points.push(point);
  };
  if (ends.includes("leaf-exit") || !enters) add("leaf-exit", { kind: "release", label: "leaf exit" });
  if (enters) {
    add("before-td-entry", { kind: "release", label: "before TD entry" });
    points.push({ kind: "guest", label: "the guest runs" });
    add("td-exit", { kind: "release", label: "TD exit" });
  }
  const spans = rows.map((row, i): Span => ({ row, from: i, to: at.get(releaseText(row.release) ?? "") ?? i }));
  return { points, spans };
}
