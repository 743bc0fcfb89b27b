/** What the analysis says of a house, beside what the oracle has seen happen in it. */
import { type ContendPair, hostContention, type PathPair } from "../../../src/analysis/index.ts";
import type { House, Row } from "./house.ts";
import { ALL, type Keepers, type Meet, meets, reactions, type Site } from "./oracle.ts";
import { catalogOf, profileOf } from "./tell.ts";

/** Something on which the two do not agree. */
export interface Difference {
  readonly kind: "excluded" | "no-pair" | "not-busy" | "reaction" | "reason";
  readonly what: string;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Pairs of rows that meet, and pairs of paths at them. */
  readonly met: number;
  /** Pairs of paths at pairs of rows that the analysis leaves possible, and of these those that the oracle never met. */
  readonly possible: number;
  readonly unmet: readonly string[];
  readonly excluded: number;
}

const end = ({ leaf: { name, variant, rows } }: Site, row: number): string => {
  const { resource, role } = rows[row] as Row;
  return `${name} ${variant ?? ""} ${resource}:${role ?? ""}`;
};
const endA = (p: ContendPair): string => `${p.a} ${p.variantA ?? ""} ${p.resourceA}:${p.roleA ?? ""}`;
const endB = (p: ContendPair): string => `${p.b} ${p.variantB ?? ""} ${p.resourceB}:${p.roleB ?? ""}`;

export function compare(house: House): Comparison {
  const { pairs } = hostContention(catalogOf(house), profileOf(house));
  const seen = meets(house);
  const differences: Difference[] = [];
  const tell = (kind: Difference["kind"], what: string): void => {
    if (!differences.some((one) => one.kind === kind && one.what === what)) differences.push({ kind, what });
  };
  const byEnds = new Map(pairs.map((pair) => [`${endA(pair)} / ${endB(pair)}`, pair]));
  const met = new Set<string>();
  for (const meet of seen) judge(meet, byEnds, met, tell);
  let [possible, excluded] = [0, 0];
  const unmet: string[] = [];
  for (const pair of pairs)
    for (const [names, paths] of grouped(pair.paths)) {
      const key = `${endA(pair)} / ${endB(pair)} / ${names}`;
      if (paths.some((path) => path.possible)) {
        possible++;
        if (!met.has(key)) unmet.push(key);
      } else {
        excluded++;
        reasonsSuffice(house, pair, paths, tell);
      }
    }
  return { differences, met: met.size, possible, unmet, excluded };
}

/** The pairs of steps of two paths, by the paths' names: documents tell no more. */
function grouped(paths: readonly PathPair[]): Map<string, PathPair[]> {
  const found = new Map<string, PathPair[]>();
  for (const path of paths) {
    const key = `${path.a} / ${path.b}`;
    found.set(key, [...(found.get(key) ?? []), path]);
  }
  return found;
}

function judge(
  { comer, holder, sameVm }: Meet,
  pairs: ReadonlyMap<string, ContendPair>,
  met: Set<string>,
  tell: (kind: Difference["kind"], what: string) => void,
): void {
  const [mine, theirs] = [end(comer.site, comer.row), end(holder.site, holder.row)];
  const what = `${mine} (${comer.site.name}) is refused because of ${theirs} (${holder.site.name})`;
  const found = [
    { pair: pairs.get(`${mine} / ${theirs}`), comesAs: "A" as const },
    { pair: pairs.get(`${theirs} / ${mine}`), comesAs: "B" as const },
  ].flatMap(({ pair, comesAs }) => (pair === undefined ? [] : [{ pair, comesAs }]));
  if (found.length === 0) return tell("no-pair", what);
  const ways = found.flatMap(({ pair, comesAs }) => {
    const [a, b] = comesAs === "A" ? [comer.site.name, holder.site.name] : [holder.site.name, comer.site.name];
    // Of a row with itself each pair of paths stands once.
    const isMirrored = endA(pair) === endB(pair);
    return pair.paths
      .filter((path) => (path.a === a && path.b === b) || (isMirrored && path.a === b && path.b === a))
      .map((path) => ({ pair, path, comesAs: path.a === a && path.b === b ? comesAs : comesAs === "A" ? "B" : "A" }));
  });
  for (const { pair, path } of ways) met.add(`${endA(pair)} / ${endB(pair)} / ${path.a} / ${path.b}`);
  const open = ways.filter(({ pair, path }) => pair.possible && path.possible);
  if (open.length === 0) {
    const why = [...found.flatMap(({ pair }) => pair.excludedBy), ...ways.flatMap(({ path }) => path.excludedBy)];
    return tell("excluded", `${what}; ${why.map((one) => `${one.kind} ${one.what}`).join(", ") || "no such paths"}`);
  }
  const busy = open.filter(({ pair, comesAs }) => (comesAs === "A" ? pair.busyA : pair.busyB));
  if (busy.length === 0) return tell("not-busy", what);
  const { onBusy } = comer.site.step;
  const clauses = comer.site.inside === null ? onBusy : null;
  if (clauses === null) return;
  const operand = (comer.site.leaf.rows[comer.row] as Row).operand;
  const done = reactions(clauses, operand, sameVm && holder.site.entering);
  const told = busy.flatMap(({ path, comesAs }) => (comesAs === "A" ? path.endA : path.endB).does);
  for (const list of done)
    if (!told.some((does) => list.every((one, i) => does[i] === one)))
      tell(
        "reaction",
        `${what}, and does ${list.join(", ")}; told: ${told.map((does) => does.join(", ")).join(" | ") || "nothing"}`,
      );
}

/** Do the reasons that are told keep the two apart, without whatever else the profile says? */
function reasonsSuffice(
  house: House,
  pair: ContendPair,
  paths: readonly PathPair[],
  tell: (kind: Difference["kind"], what: string) => void,
): void {
  const reasons = paths.flatMap(({ excludedBy }) => excludedBy);
  const has = (kind: string, what?: string): boolean =>
    reasons.some((one) => one.kind === kind && (what === undefined || one.what === what));
  const cycle = (reason: string): boolean => reasons.some((one) => one.kind === "life-cycle" && one.reason === reason);
  const keepers: Keepers = {
    ...ALL,
    locks: (name) => has("host-lock", name),
    kicks: (name) => has("kick", name),
    phases: has("life-cycle"),
    singleThread: cycle("single-thread"),
    atMostOne: cycle("at-most-one"),
    packages: has("host-lock", "one CPU of each package"),
  };
  const [a, b] = [paths[0]?.a, paths[0]?.b];
  const isOf = (site: Site, leaf: string, variant: string | null, path: string | undefined): boolean =>
    site.leaf.name === leaf && site.leaf.variant === variant && site.name === path;
  const found = meets(
    house,
    keepers,
    (x, y) =>
      (isOf(x, pair.a, pair.variantA, a) && isOf(y, pair.b, pair.variantB, b)) ||
      (isOf(y, pair.a, pair.variantA, a) && isOf(x, pair.b, pair.variantB, b)),
  );
  const [mine, theirs] = [endA(pair), endB(pair)];
  const still = found.some(({ comer, holder }) => {
    const ends = [comer, holder].map(({ site, row }) => `${end(site, row)} ${site.name}`);
    const told = [`${mine} ${a}`, `${theirs} ${b}`];
    return (ends[0] === told[0] && ends[1] === told[1]) || (ends[0] === told[1] && ends[1] === told[0]);
  });
  if (still)
    tell(
      "reason",
      `${mine} (${a}) and ${theirs} (${b}) meet though ${reasons.map((one) => `${one.kind} ${one.what}`).join(", ")}`,
    );
}
