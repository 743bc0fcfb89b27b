/** What the reading of statuses knows of a value: which statuses it may be, or which constant, or what sort of thing it is. */
import type { StatusDetail, StatusPart, StatusSource } from "../catalog/index.ts";
import type { LeafStatuses } from "./status-sources.ts";

export type Known =
  | { readonly kind: "unknown" }
  /** No run comes here. */
  | { readonly kind: "nothing" }
  /** `open`: it may also be something that is not known. */
  | { readonly kind: "statuses"; readonly ids: ReadonlySet<number>; readonly open: boolean }
  /** `open`: something that is not known is added to it. */
  | { readonly kind: "constant"; readonly value: bigint | null; readonly is: StatusDetail; readonly open: boolean }
  | { readonly kind: "is"; readonly is: StatusDetail }
  /** The low half of one of these statuses. */
  | { readonly kind: "low"; readonly of: ReadonlySet<number> };

export type Env = Map<string, Known>;

export const UNKNOWN: Known = { kind: "unknown" };
export const NOTHING: Known = { kind: "nothing" };

export function joinValues(a: Known, b: Known): Known {
  if (a.kind === "nothing") return b;
  if (b.kind === "nothing" || a === b) return a;
  if (a.kind === "statuses" && b.kind === "statuses") {
    const isPart = a.ids.size >= b.ids.size && [...b.ids].every((id) => a.ids.has(id)) && a.open >= b.open;
    return isPart ? a : { kind: "statuses", ids: new Set([...a.ids, ...b.ids]), open: a.open || b.open };
  }
  if (a.kind === "statuses") return { ...a, open: true };
  if (b.kind === "statuses") return { ...b, open: true };
  if (a.kind === "low" && b.kind === "low") return { kind: "low", of: new Set([...a.of, ...b.of]) };
  if (a.kind === "constant" && b.kind === "constant" && a.value === b.value && a.is === b.is) return a;
  const [x, y] = [sortOf(a), sortOf(b)];
  return x !== null && x === y ? { kind: "is", is: x } : UNKNOWN;
}

const sortOf = (value: Known): StatusDetail | null =>
  (value.kind === "constant" || value.kind === "is") && value.is !== "number" && value.is !== "operand"
    ? value.is
    : null;

/** What is known where two ways meet; null for a way that is not taken. */
export function joinEnvs(a: Env | null, b: Env | null): Env | null {
  if (a === null || a === b) return b;
  if (b === null) return a;
  const joined: Env = new Map();
  for (const [path, value] of a) {
    const other = b.get(path);
    const both = other === undefined ? weakened(value) : joinValues(value, other);
    if (both.kind !== "unknown") joined.set(path, both);
  }
  for (const [path, value] of b) if (!a.has(path)) joined.set(path, weakened(value));
  for (const [path, value] of joined) if (value.kind === "unknown") joined.delete(path);
  return joined;
}

/** Known on one of two ways only. */
const weakened = (value: Known): Known => (value.kind === "statuses" ? { ...value, open: true } : UNKNOWN);

/** Statuses, each kept once and named by a number. */
export class StatusTable {
  private readonly list: StatusSource[] = [];
  /** By number, what {@link meaning} says. */
  private readonly meanings: string[] = [];
  private readonly ids = new Map<string, number>();
  private readonly atPlaces = new Map<string, Known>();

  /** A status where it is named, with nothing in it yet. */
  named(status: string, site: StatusSource["at"][number]): Known {
    const place = `${status} ${site.line} ${site.file} ${site.function}`;
    let known = this.atPlaces.get(place);
    if (known === undefined) {
      const id = this.idOf({ status, fatal: false, parts: [], at: [site] });
      known = { kind: "statuses", ids: new Set([id]), open: false };
      this.atPlaces.set(place, known);
    }
    return known;
  }

  with(id: number, change: Partial<StatusSource>): number {
    return this.idOf({ ...(this.list[id] as StatusSource), ...change });
  }

  partsOf(id: number): StatusSource["parts"] {
    return this.list[id]?.parts ?? [];
  }

  isSuccess(id: number, success: string): boolean {
    return this.list[id]?.status === success;
  }

  /** What tells a status from others, wherever it was made. */
  meaning(id: number): string {
    return this.meanings[id] as string;
  }

  turned(id: number, rules: readonly { readonly from: string; readonly into: string }[]): number {
    const rule = rules.find((r) => r.from === this.list[id]?.status);
    return rule === undefined ? id : this.with(id, { status: rule.into });
  }

  private idOf(source: StatusSource): number {
    const key = JSON.stringify([source.status, source.fatal, source.parts, source.at]);
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    this.ids.set(key, this.list.length);
    this.meanings.push(JSON.stringify([source.status, source.fatal, source.parts]));
    return this.list.push(source) - 1;
  }

  /** The statuses that leaves end with, one for all places that make it alike, in a stated order. */
  finished(byLeaf: ReadonlyMap<string, ReadonlySet<number>>, maxSites: number): LeafStatuses {
    const used = new Map<string, StatusSource[]>();
    for (const ids of byLeaf.values())
      for (const id of ids) {
        const meaning = this.meaning(id);
        const sources = used.get(meaning) ?? [];
        if (!sources.includes(this.list[id] as StatusSource)) sources.push(this.list[id] as StatusSource);
        used.set(meaning, sources);
      }
    const keys = [...used.keys()].sort((a, b) => compareSources(used.get(a)?.[0], used.get(b)?.[0]));
    const position = new Map(keys.map((key, i) => [key, i]));
    const statuses = keys.map((key) => {
      const sources = used.get(key) as StatusSource[];
      const sites = sources.flatMap((s) => s.at).sort((a, b) => compare(a.file, b.file) || a.line - b.line);
      const distinct = sites.filter(
        (s, i) => i === 0 || s.file !== sites[i - 1]?.file || s.line !== sites[i - 1]?.line,
      );
      return { ...(sources[0] as StatusSource), at: distinct.slice(0, maxSites) };
    });
    const positions = (ids: ReadonlySet<number>): number[] =>
      [...new Set([...ids].map((id) => position.get(this.meaning(id)) as number))].sort((a, b) => a - b);
    return { statuses, byLeaf: new Map([...byLeaf].map(([leaf, ids]) => [leaf, positions(ids)])) };
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

function compareSources(a: StatusSource | undefined, b: StatusSource | undefined): number {
  if (a === undefined || b === undefined) return 0;
  return compare(a.status, b.status) || Number(a.fatal) - Number(b.fatal) || compareParts(a.parts, b.parts);
}

function compareParts(a: readonly StatusPart[], b: readonly StatusPart[]): number {
  const [x, y] = [a, b].map((parts) =>
    parts
      .map((p) => [String(31 - p.low).padStart(2, "0"), p.is, String(p.value ?? -1).padStart(12, "0")].join(" "))
      .join(";"),
  );
  return compare(x ?? "", y ?? "");
}
