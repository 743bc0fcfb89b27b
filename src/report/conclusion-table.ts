/** The conclusion laid out: under a host a table of who can still meet whom, else sentences. */
import { type ContendPair, type HostInfo, verdictOf } from "../analysis/index.ts";
import type { Catalog } from "../catalog/index.ts";
import type { Block, Row } from "./blocks.ts";
import { numberOf } from "./conclusion.ts";
import { missingCalls } from "./provenance.ts";
import type { ConclusionRow, ReportDocument, Section } from "./schema.ts";
import type { Part } from "./sections.ts";
import { capital, count, foldedCalls, groupBy, guestCalls, list } from "./words.ts";

/** What a conclusion speaks of: a report's document, or a part of one. */
export interface Concluded {
  readonly module: Pick<Catalog["module"], "origin">;
  readonly host: HostInfo | null;
  readonly conclusion: readonly string[];
  readonly conclusionRows: readonly ConclusionRow[];
  readonly conclusionOf: ReportDocument["conclusionOf"];
  /** Resources in the order of their numbers. */
  readonly resources: readonly { readonly resource: string }[];
  readonly contention: readonly ContendPair[];
}

const CONCLUSION_WIDTHS = [31, 30, 19];

const PART_TEXT: Readonly<Record<Part, string>> = {
  runtime: "while a TD runs",
  build: "while a TD is built",
  teardown: "while a TD is taken down",
};

const SECTION_TEXT: Readonly<Record<Section, string>> = {
  runtime: `${PART_TEXT.runtime}:`,
  build: `${PART_TEXT.build} (the worst):`,
  teardown: `${PART_TEXT.teardown} (the worst):`,
  late: "if an ioctl outlasts its gate (refused, it still locks):",
  exceptional: "exceptional:",
};

/** Heading and body of the conclusion. What a host avoids it avoids at any time, whatever the rows are narrowed to. */
export function conclusionBlocks(doc: Concluded): Block[] {
  const only = narrowed(doc);
  const heading: Block = { kind: "heading", text: `Conclusion${only === "" ? "" : ` (${only})`}` };
  if (doc.host === null) return [heading, { kind: "list", items: [...doc.conclusion] }];
  const numbers = doc.resources.map(({ resource }) => resource);
  const met = new Set(doc.contention.filter(({ possible }) => possible).map(({ resource }) => resource));
  const untold = new Set(
    doc.contention.filter((pair) => verdictOf(pair) === "not-judged").map(({ resource }) => resource),
  );
  const free = numbers.filter((resource) => !met.has(resource) && !untold.has(resource));
  const guests = numbers.filter((resource) => !met.has(resource) && untold.has(resource));
  const rest = free.map((resource) => `${numberOf(resource, numbers)}${resource}${keptBy(doc, resource)}`);
  const also = [
    rest.length === 0 ? "" : `Avoided: ${list(rest)}.`,
    guests.length === 0
      ? ""
      : `Not judged: ${list(guests.map((resource) => `${numberOf(resource, numbers)}${resource}`))}; guests can make TDCALLs there that the profile does not name.`,
    ...missingCalls(doc.module.origin, doc.host.missing),
  ]
    .filter((text) => text !== "")
    .join(" ");
  return [
    heading,
    ...(only !== "" && doc.conclusionRows.length === 0
      ? [{ kind: "paragraph", text: "No two of these calls contend then." } as const]
      : []),
    ...conclusionTable(doc.conclusionRows, (resource) => numberOf(resource, numbers)),
    ...(also === "" ? [] : [{ kind: "list", items: [also] } as const]),
  ];
}

/** What the rows are narrowed to, in words; empty where they are not. */
function narrowed({ conclusionOf: { phase, exceptional } }: Concluded): string {
  return [...(phase === null ? [] : [PART_TEXT[phase]]), ...(exceptional ? ["only what is exceptional"] : [])].join(
    ", ",
  );
}

/**
 * The rows as a table, ordinary operation first, and what is rare below it.
 *
 * @param named what a resource is called before the calls that meet on it: `(6) `
 */
export function conclusionTable(all: readonly ConclusionRow[], named: (resource: string) => string): Block[] {
  const ordinary = all.filter(({ section }) => section !== "late" && section !== "exceptional");
  const tabled = ordinary.length === 0 ? all : ordinary;
  const groups = groupBy(tabled, (row) => row.section).map(([section, rows]): Row[] => [
    { cells: [], below: [SECTION_TEXT[section as Section]] },
    ...rows.map((row) => conclusionRow(row, named)),
  ]);
  const rare = groupBy(
    all.filter((row) => !tabled.includes(row)),
    (row) => row.section,
  ).map(([section, rows]) => `${capital(SECTION_TEXT[section as Section])} ${rareText(rows, named)}.`);
  const head = ["what contends (some x some)", "paths", "on BUSY: left/right"];
  const table: Block = { kind: "table", head, widths: CONCLUSION_WIDTHS, groups, between: "nothing", tight: true };
  return [
    ...(groups.length === 0 ? [] : [table]),
    ...(rare.length === 0 ? [] : [{ kind: "list", items: [rare.join(" ")], tight: true } as const]),
  ];
}

/** ` by tdx_lock`: what keeps the pairs of a resource apart that a host avoids; nothing where no two calls conflict. */
function keptBy(doc: Concluded, resource: string): string {
  const pairs = doc.contention.filter((pair) => pair.resource === resource);
  const locks = pairs.flatMap(({ excludedBy }) =>
    excludedBy.filter((e) => e.kind === "host-lock" || e.kind === "kick"),
  );
  const names = [...new Set(locks.map(({ what }) => what))];
  return names.length === 0 ? "" : ` by ${list(names)}`;
}

/** What can cost a VM, by place, then what costs none; what the two sides come to is told where nothing else is asked for. */
function rareText(rows: readonly ConclusionRow[], named: (resource: string) => string): string {
  const costly = rows.filter(({ severity }) => severity === "vm-dead");
  const others = rows.filter((row) => !costly.includes(row));
  return [
    ...(costly.length === 0 ? [] : [`VM lost by ${rareList(costly, named)}`]),
    ...(others.length === 0 ? [] : [`no VM lost by ${rareList(others, named)}`]),
  ].join("; ");
}

/** `machine check on (1), (4) and (8), INIT_VM on (9)`: who takes part, where; by place or by who, whichever is shorter. */
function rareList(rows: readonly ConclusionRow[], named: (resource: string) => string): string {
  const met = rows.flatMap(({ resource, left }) =>
    left.labels.map((who) => ({ who, where: named(resource).replace(/:? $/, "") })),
  );
  const at = (of: typeof met): string => list([...new Set(of.map(({ where }) => where))]);
  const by = (of: typeof met): string => list([...new Set(of.map(({ who }) => who))]);
  const text = (who: readonly (readonly [string, string])[]): string => who.map((pair) => pair.join(" on ")).join(", ");
  const places = groupBy(met, ({ where }) => where).map(([, of]) => ({ of, who: by(of) }));
  const parties = groupBy(met, ({ who }) => who).map(([, of]) => ({ of, where: at(of) }));
  const byPlace = text(groupBy(places, ({ who }) => who).map(([who, of]) => [who, at(of.flatMap((one) => one.of))]));
  const byParty = text(
    groupBy(parties, ({ where }) => where).map(([where, of]) => [by(of.flatMap((one) => one.of)), where]),
  );
  return byParty.length < byPlace.length ? byParty : byPlace;
}

const FEW = 6;

function conclusionRow({ section, resource, left, right }: ConclusionRow, named: (resource: string) => string): Row {
  const [mine, theirs] = [outcomeOf(left, section), outcomeOf(right, section)];
  const many = right.calls.length > FEW && section !== "runtime";
  const [ours, others] = [callsOf(left), many ? count(right.calls.length, "call") : callsOf(right)];
  const same = left.calls.length === right.calls.length && left.calls.every((name) => right.calls.includes(name));
  return {
    cells: [
      `${named(resource)}${ours} x ${same ? "itself" : others}`,
      `${left.label} x ${left.label === right.label ? "itself" : otherPaths(right)}`,
      mine === theirs ? mine : `${mine} / ${theirs}`,
    ],
  };
}

/** `GET_CPUID, punch hole of another file`: what must be of another guest_memfd file stands last. */
function otherPaths({ labels, apart }: ConclusionRow["right"]): string {
  const near = labels.filter((label) => !apart.includes(label));
  return [...near, ...(apart.length === 0 ? [] : [`${list(apart)} of another file`])].join(", ");
}

const callsOf = ({ calls, guest }: ConclusionRow["left"]): string => (guest ? guestCalls(calls) : foldedCalls(calls));

/** While a TD runs all that an end can come to, else the worst. */
export function outcomeOf({ onBusy }: ConclusionRow["left"], section: Section): string {
  if (onBusy.length === 0) return "-";
  return section === "runtime" ? onBusy.join(", or ") : (onBusy[0] ?? "-");
}
