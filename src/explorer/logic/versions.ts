/** Versions side by side: for each leaf, where its locks changed. */
import type { Catalog, Leaf } from "../../catalog/index.ts";
import { gridPicture, type PictureCell } from "./grid-picture.ts";
import { signature } from "./signature.ts";

/** What a leaf is in one version, against the version before. */
export interface Moment {
  readonly version: string;
  readonly state: "absent" | "first" | "added" | "removed" | "changed" | "same";
  /** Number of lock acquisitions; 0 where the leaf is absent. */
  readonly rows: number;
}

/** One leaf through all versions. */
export interface Timeline {
  readonly leaf: string;
  readonly moments: readonly Moment[];
  /** Does anything change? */
  readonly changes: boolean;
}

/** A state as one sign, and in words. */
export const SIGNS: Readonly<Record<Moment["state"], string>> = {
  absent: "",
  first: "●",
  added: "+",
  removed: "−",
  changed: "Δ",
  same: "·",
};

export const WORDS: Readonly<Record<Moment["state"], string>> = {
  absent: "not there",
  first: "there from the first version",
  added: "added",
  removed: "removed",
  changed: "changed",
  same: "as before",
};

/** The timelines as rows of text, the head first. */
export function timelineRows(versions: readonly string[], lines: readonly Timeline[]): string[][] {
  const body = lines.map(({ leaf, moments }) => [leaf, ...moments.map(({ state }) => WORDS[state])]);
  return [["Call", ...versions], ...body];
}

const KINDS: Readonly<Record<Moment["state"], PictureCell["kind"]>> = {
  absent: "grey",
  first: "plain",
  added: "strong",
  removed: "strong",
  changed: "strong",
  same: "plain",
};

/** The timelines as a drawing. */
export function timelinePicture(versions: readonly string[], lines: readonly Timeline[]): string {
  return gridPicture({
    title: "TDX module: every call through all versions",
    legend: "●: in the first version   ·: as before   Δ: locks or states changed   +: added   −: removed",
    columns: versions,
    rows: lines.map(({ leaf, moments }) => ({
      title: leaf,
      cells: moments.map(({ state }) => ({ sign: SIGNS[state], kind: KINDS[state] })),
    })),
    cell: 66,
    turned: false,
  });
}

/** Every leaf of any of the versions, by name; versions as given, oldest first. */
export function timelines(versions: readonly { readonly name: string; readonly catalog: Catalog }[]): Timeline[] {
  const byVersion = versions.map(({ name, catalog }) => ({ name, entries: grouped(catalog) }));
  const leaves = [...new Set(byVersion.flatMap(({ entries }) => [...entries.keys()]))].sort();
  return leaves.map((leaf) => {
    const moments = byVersion.map(({ name, entries }, i): Moment => {
      const now = entries.get(leaf) ?? null;
      const before = byVersion[i - 1]?.entries.get(leaf) ?? null;
      const rows = (now ?? []).reduce((sum, entry) => sum + entry.acquisitions.length, 0);
      return { version: name, rows, state: stateOf(before, now, i === 0) };
    });
    return { leaf, moments, changes: moments.some(({ state }) => /added|removed|changed/.test(state)) };
  });
}

function stateOf(before: readonly Leaf[] | null, now: readonly Leaf[] | null, first: boolean): Moment["state"] {
  if (now === null) return before === null ? "absent" : "removed";
  if (before === null) return first ? "first" : "added";
  return signature(before) === signature(now) ? "same" : "changed";
}

function grouped(catalog: Catalog): Map<string, Leaf[]> {
  const groups = new Map<string, Leaf[]>();
  for (const leaf of catalog.leaves) groups.set(leaf.name, [...(groups.get(leaf.name) ?? []), leaf]);
  return groups;
}
