/**
 * The conclusion under a host as a table: who can still meet whom, by which paths, and what the loser does. Ordinary operation of a TD
 * that runs comes first; what only machine checks, a CPU that goes offline and the like lead to stands below.
 */
import { type ContendPair, compareResources, type PathPair } from "../analysis/index.ts";
import { type Catalog, type Leaf, sideOf } from "../catalog/index.ts";
import { compareSeverity, entriesOf, type HostProfile, type HostSeverity, worst } from "../host/index.ts";
import { pathWords } from "./glossary.ts";
import { shortReaction } from "./reactions.ts";
import type { ConclusionRow, Section } from "./schema.ts";
import { PARTS, type Part, SECTIONS } from "./sections.ts";

interface End {
  readonly calls: readonly string[];
  readonly paths: readonly string[];
  readonly onBusy: readonly Outcome[];
  readonly guest: boolean;
  /** Of its paths, those that the other end meets only of another guest_memfd file. */
  readonly apart: readonly string[];
}

interface Outcome {
  readonly does: string;
  readonly codes: readonly string[];
  readonly severity: HostSeverity;
}

interface Encounter {
  readonly section: Section;
  readonly resource: string;
  readonly left: End;
  readonly right: End;
  readonly severity: HostSeverity;
  /** The worst that comes to the host itself; what a guest does is its own affair. */
  readonly toHost: HostSeverity;
  readonly another: readonly string[];
}

/** What of a conclusion is asked for. */
export interface Asked {
  /** Only meetings that can be in this part of a TD's life; ordinary ones are then told as of it. */
  readonly phase?: Part | undefined;
  /** Only meetings that ordinary operation does not come to. */
  readonly rare?: boolean | undefined;
}

/** The rows of every section, worst first within one; of each resource in the order of reports. */
export function conclusionRows(
  pairs: readonly ContendPair[],
  host: HostProfile,
  catalog: Catalog,
  { phase, rare = false }: Asked = {},
): ConclusionRow[] {
  const place = placing(host, catalog);
  const single = pairs
    .flatMap((pair) => pair.paths.filter((path) => path.possible).map((path) => ({ pair, path })))
    .filter(({ path }) => phase === undefined || partsOf(path, place).includes(phase))
    .map(({ pair, path }) => encounter(pair, path, place, phase))
    .filter(({ section }) => !rare || section === "exceptional" || section === "late");
  const rows = SECTIONS.flatMap((section) => {
    const own = single.filter((e) => e.section === section);
    const met = paths(calls(own));
    return section === "runtime" ? samePaths(met) : gathered(met);
  });
  return withoutRepeats(rows)
    .sort(compareRows)
    .map((row) => finished(row, host));
}

interface Placing {
  readonly runtime: ReadonlySet<string>;
  readonly order: readonly string[];
  readonly pathOrder: ReadonlyMap<string, number>;
}

/** A phase in which vCPUs are entered is run time; those before are build, those after teardown. */
function placing(host: HostProfile, catalog: Catalog): Placing {
  const enters = (leaf: Leaf): boolean =>
    leaf.acquisitions.some((row) => row.release?.kind === "td-exit") || leaf.name === "tdh_vp_enter";
  const entered = host.paths.flatMap((path) =>
    path.steps
      .filter((s) => entriesOf(catalog, s.call, s.variant).some(enters))
      .flatMap((s) => s.phases ?? path.phases),
  );
  // Paths that tables call the same stand on the same side of a meeting.
  const first = new Map(host.paths.map(({ name }, i) => [pathWords(name).short, i] as const).reverse());
  return {
    runtime: new Set(entered),
    order: host.phases.map(({ name }) => name),
    pathOrder: new Map(host.paths.map(({ name }) => [name, first.get(pathWords(name).short) ?? 0])),
  };
}

function encounter(pair: ContendPair, path: PathPair, place: Placing, phase: Part | undefined): Encounter {
  const a = endOf(pair.a, path.a, path.endA);
  const b = endOf(pair.b, path.b, path.endB);
  const swap = pair.modeA === pair.modeB ? orderOf(b, place) < orderOf(a, place) : pair.modeB === "EXCLUSIVE";
  const exceptionalEnd = isExceptional(path.a, path.endA) ? a : isExceptional(path.b, path.endB) ? b : undefined;
  const [left, other] =
    exceptionalEnd === undefined ? (swap ? [b, a] : [a, b]) : exceptionalEnd === a ? [a, b] : [b, a];
  const right = path.unlikePer.includes("inode") ? { ...other, apart: other.paths } : other;
  return {
    section: exceptionalEnd !== undefined ? "exceptional" : path.late ? "late" : (phase ?? foremostOf(path, place)),
    resource: pair.resource,
    left,
    right,
    severity: path.severity,
    toHost: worst([a.guest ? "none" : path.endA.severity, b.guest ? "none" : path.endB.severity]),
    another: path.unlikePer.filter((per) => per === "inode"),
  };
}

/** What ordinary operation does not meet: the profile says so, or else the glossary. */
export function isExceptional(name: string, { exceptional }: Pick<PathPair["endA"], "exceptional">): boolean {
  return exceptional !== null || pathWords(name).exceptional;
}

function orderOf(end: End, { pathOrder }: Placing): number {
  return end.guest ? Number.MAX_SAFE_INTEGER : (pathOrder.get(end.paths[0] ?? "") ?? 0);
}

function endOf(call: string, path: string, end: PathPair["endA"]): End {
  const guest = sideOf(call) === "guest";
  const onBusy = end.busy
    ? end.does.map((one) => ({ does: shortReaction(one, guest), codes: one, severity: end.severity }))
    : [];
  return { calls: [call], paths: [path], onBusy: outcomes(onBusy), guest, apart: [] };
}

/** Of the parts in which two paths can meet the one that matters first. */
function foremostOf(path: PathPair, place: Placing): Part {
  const parts = partsOf(path, place);
  return PARTS.find((part) => parts.includes(part)) ?? "build";
}

/** The parts of a TD's life in which two paths can meet: all of them where the two are of different VMs. */
function partsOf({ phases }: PathPair, { runtime, order }: Placing): readonly Part[] {
  if (phases.length === 0) return PARTS;
  const last = Math.max(...order.map((name, i) => (runtime.has(name) ? i : -1)));
  return phases.map((phase) =>
    runtime.has(phase) ? "runtime" : last >= 0 && order.indexOf(phase) > last ? "teardown" : "build",
  );
}

function union(x: readonly string[], y: readonly string[]): readonly string[] {
  const more = y.filter((item) => !x.includes(item));
  return more.length === 0 ? x : [...x, ...more];
}
const sorted = (items: readonly string[]): string =>
  items.length === 1 ? (items[0] ?? "") : [...items].sort().join("\n");

/** Each once, worst first. */
function outcomes(items: readonly Outcome[]): readonly Outcome[] {
  if (items.length < 2) return items;
  const once = [...new Map(items.map((item) => [item.does, item])).values()];
  return once.sort((a, b) => compareSeverity(a.severity, b.severity));
}

function sameOutcomes(x: End, y: End): boolean {
  return x.onBusy.length === y.onBusy.length && x.onBusy.every((one, i) => one.does === y.onBusy[i]?.does);
}

function joinEnd(x: End, y: End): End {
  const onBusy = sameOutcomes(x, y) ? x.onBusy : outcomes([...x.onBusy, ...y.onBusy]);
  const near = [x, y].flatMap(({ paths: all, apart }) => all.filter((path) => !apart.includes(path)));
  const apart = union(x.apart, y.apart).filter((path) => !near.includes(path));
  return { ...x, calls: union(x.calls, y.calls), paths: union(x.paths, y.paths), onBusy, apart };
}

function join(x: Encounter, y: Encounter): Encounter {
  return {
    ...x,
    left: joinEnd(x.left, y.left),
    right: joinEnd(x.right, y.right),
    severity: worst([x.severity, y.severity]),
    toHost: worst([x.toHost, y.toHost]),
    another: x.another.filter((per) => y.another.includes(per)),
  };
}

function merged(items: readonly Encounter[], key: (e: Encounter) => readonly string[]): Encounter[] {
  const groups = new Map<string, Encounter>();
  for (const item of items) {
    const k = [item.section, item.resource, ...key(item)].join("\t");
    const before = groups.get(k);
    groups.set(k, before === undefined ? item : join(before, item));
  }
  return [...groups.values()];
}

const does = ({ onBusy }: End): string[] => onBusy.map((one) => one.does);
const outcome = (e: Encounter): string[] => [e.severity, sorted(does(e.left)), sorted(does(e.right))];

/** Calls that meet in the same way on the same two paths are one encounter. */
function calls(items: readonly Encounter[]): Encounter[] {
  const ends = (e: Encounter): string[] => [...outcome(e), sorted(e.left.paths), sorted(e.right.paths)];
  const byRight = merged(items, (e) => [...ends(e), sorted(e.left.calls), sorted(e.another)]);
  return merged(byRight, (e) => [...ends(e), sorted(e.right.calls)]);
}

/** Paths on which the same calls meet in the same way are one encounter. */
function paths(items: readonly Encounter[]): Encounter[] {
  const meet = (e: Encounter): string[] => [...outcome(e), sorted(e.left.calls), sorted(e.right.calls)];
  const byRight = merged(items, (e) => [...meet(e), sorted(e.left.paths)]);
  const byLeft = merged(byRight, (e) => [...meet(e), sorted(e.right.paths)]);
  return merged(byLeft, (e) => [...meet(e), shortNames(e.left), shortNames(e.right)]);
}

/** Paths that tables call the same are told once. */
function shortNames({ paths: names }: End): string {
  return sorted([...new Set(names.map((name) => pathWords(name).short))]);
}

/** What paths of one kind meet among themselves is one row, whatever they call: guests, or fault-ins. */
function samePaths(items: readonly Encounter[]): Encounter[] {
  return merged(items, (e) => {
    const [left, right] = [shortNames(e.left), shortNames(e.right)];
    const own = [...outcome(e), sorted(e.left.paths), sorted(e.right.paths)];
    return left === right ? [...outcome(e), left, right] : [...own, sorted(e.left.calls), sorted(e.right.calls)];
  });
}

/** Below run time, what one path meets is one row. */
function gathered(items: readonly Encounter[]): Encounter[] {
  return merged(items, (e) => [sorted(e.left.paths)]);
}

/** An exceptional path that meets the same calls with the same outcome as an ordinary one says nothing new. */
function withoutRepeats(rows: readonly Encounter[]): Encounter[] {
  const key = (e: Encounter): string =>
    [e.resource, sorted(e.left.calls), sorted(e.right.calls), ...outcome(e)].join("\t");
  const ordinary = new Set(rows.filter((e) => e.section === "runtime" || e.section === "build").map(key));
  return rows.filter((e) => e.section !== "exceptional" || !ordinary.has(key(e)));
}

function compareRows(x: Encounter, y: Encounter): number {
  return (
    SECTIONS.indexOf(x.section) - SECTIONS.indexOf(y.section) ||
    compareSeverity(x.toHost, y.toHost) ||
    compareResources(x.resource, y.resource)
  );
}

function finished({ toHost: _, ...e }: Encounter, host: HostProfile): ConclusionRow {
  const end = (one: End): ConclusionRow["left"] => ({
    calls: [...one.calls],
    paths: [...one.paths],
    label: pathLabels(one.paths, host).join(", "),
    labels: pathLabels(one.paths, host),
    apart: apartLabels(one, host),
    onBusy: does(one),
    worst: one.onBusy[0]?.severity ?? "none",
    does: one.onBusy.map(({ codes }) => [...codes]),
    guest: one.guest,
  });
  return { ...e, left: end(e.left), right: end(e.right), another: [...e.another] };
}

/** Labels that stand for paths of another file only. */
function apartLabels({ paths: all, apart }: End, host: HostProfile): string[] {
  if (apart.length === 0) return [];
  const near = pathLabels(
    all.filter((path) => !apart.includes(path)),
    host,
  );
  const labels = pathLabels(all, host);
  return pathLabels(apart, host).filter((label) => labels.includes(label) && !near.includes(label));
}

/** Paths in few words: `any zap` when every path of a group is there that ordinary operation meets, else their short names. */
export function pathLabels(names: readonly string[], host: HostProfile): string[] {
  const groups = [...new Set(names.flatMap((name) => pathWords(name).group ?? []))];
  const whole = groups.flatMap((group) => {
    const all = host.paths.filter(({ name }) => pathWords(name).group === group);
    const members = all.filter(({ name, exceptional }) => exceptional === undefined && !pathWords(name).exceptional);
    const every = members.length > 1 && members.every(({ name }) => names.includes(name));
    return every ? [{ group, members: members.map(({ name }) => name) }] : [];
  });
  const told = new Set(whole.flatMap(({ members }) => members));
  const rest = names.filter((name) => !told.has(name)).map((name) => pathWords(name).short);
  return [...new Set([...rest, ...whole.map(({ group }) => group)])];
}

/** The fixed number of a resource's place among those of a report: `(6)`. */
export function numberOf(resource: string, resources: readonly string[]): string {
  const at = resources.indexOf(resource);
  return at < 0 ? "" : `(${at + 1}) `;
}
