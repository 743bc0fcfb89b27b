/**
 * Contention lists for people: of a call that is asked for, a table of what it meets; else the calls by resource. Under a host the
 * paths by which they meet, as in a report's conclusion.
 */
import {
  type ContendDocument,
  type ContendPair,
  compareResources,
  isAncestor,
  type PairVerdict,
  resourceFacts,
  verdictOf,
} from "../analysis/index.ts";
import type { Catalog } from "../catalog/index.ts";
import type { HostProfile } from "../host/index.ts";
import { type Block, markdownOf, type Row, textOf } from "./blocks.ts";
import { variantText } from "./call-table.ts";
import { conclusionRows } from "./conclusion.ts";
import { conclusionTable } from "./conclusion-table.ts";
import { contenderSentences } from "./contenders.ts";
import { hostLeaves } from "./document.ts";
import { conditionWords, lockNameOf } from "./glossary.ts";
import { readInPart } from "./provenance.ts";
import { busyStatus } from "./status.ts";
import { callNames, count, groupBy, hostTitle, list, resourceText } from "./words.ts";

/** What a renderer needs beside the pairs. */
export interface ContendOptions {
  /** Gives statuses their names. */
  readonly catalog?: Catalog;
  /** The profile behind `doc.host`, for the paths. */
  readonly host?: HostProfile;
  /** The calls that were asked for, by name: the table speaks of them as "I". */
  readonly asked?: readonly string[];
  /** Only against these, by name; against every call in scope if there are none. */
  readonly against?: readonly string[];
}

/** The pairs as plain ASCII text in 80 columns, ending with a newline. */
export function renderContendText(doc: ContendDocument, options: ContendOptions = {}): string {
  return textOf(contendBlocks(doc, options));
}

/** The pairs as Markdown, ending with a newline. */
export function renderContendMarkdown(doc: ContendDocument, options: ContendOptions = {}): string {
  return markdownOf(contendBlocks(doc, options));
}

function contendBlocks(doc: ContendDocument, options: ContendOptions): readonly Block[] {
  const inState = doc.opState === null ? "" : `, in OP_STATE ${doc.opState}`;
  const under = doc.host === null ? "" : ` under ${hostTitle(doc.host.name)}`;
  const asked = options.asked ?? [];
  return [
    { kind: "title", text: `Contention in the TDX module ${doc.module.version}${under}${inState}` },
    {
      kind: "paragraph",
      text: `${count(calls(doc.pairs), "pair")} of calls in conflicting modes: ${counts(doc.pairs)}.`,
    },
    ...readInPart(doc.module).map((text) => ({ kind: "paragraph", text }) as const),
    ...(asked.length > 0 ? asked.flatMap((name) => askedBlocks(doc, name, options)) : byResource(doc.pairs, options)),
    ...pathBlocks(doc, options),
    ...unlocked(doc),
    ...(doc.pairs.length === 0 ? [] : [{ kind: "heading", text: "Assumed" } as const]),
    ...(doc.pairs.length === 0 ? [] : [{ kind: "paragraph", text: doc.assumptions.join(" ") } as const]),
  ];
}

/** `3 possible, 5 ruled out, 2 not judged`; of what is several for its variants and roles the first that is so counts. */
function counts(pairs: readonly ContendPair[]): string {
  const possible = ofVerdict(pairs, "possible");
  const judged = [...possible, ...ofVerdict(pairs, "excluded")];
  const [n, ruledOut, left] = [calls(possible), calls(judged) - calls(possible), calls(pairs) - calls(judged)];
  return `${n} possible, ${ruledOut} ruled out${left === 0 ? "" : `, ${left} not judged`}`;
}

const ofVerdict = (pairs: readonly ContendPair[], verdict: PairVerdict): ContendPair[] =>
  pairs.filter((pair) => verdictOf(pair) === verdict);

/** How many pairs of calls; variants and roles of one pair on one lock are one. */
function calls(pairs: readonly ContendPair[]): number {
  return new Set(pairs.map(({ a, b, resource }) => `${a} ${b} ${resource}`)).size;
}

const WIDTHS = [26, 16, 13, 13, 12];

/** What one call meets: possible first, with the host's verdict; then what is ruled out, and why. */
function askedBlocks(doc: ContendDocument, name: string, options: ContendOptions): Block[] {
  const { catalog } = options;
  const mine = doc.pairs.filter(({ a, b }) => a === name || b === name).map((pair) => seenFrom(pair, name));
  const rows = (verdict: PairVerdict): Seen[] => mine.filter(({ pair }) => verdictOf(pair) === verdict);
  const status = (hex: string | null): string =>
    hex === null ? "BUSY" : catalog === undefined ? hex : busyStatus(catalog, hex);
  const head = ["AGAINST", "LOCK", "I GET", "IT GETS", doc.host === null ? "" : "OUTCOME"];
  const shown = merged(rows("possible"), (seen) => [
    seen.pair.resource,
    seen.iGet,
    seen.itGets,
    seen.when,
    outcome(doc, seen),
  ]);
  const table: Row[] = shown.map(({ seen, against }) => ({
    cells: [
      against.join(", "),
      lockOf(seen.pair),
      gets(seen.iGet, status),
      gets(seen.itGets, status),
      outcome(doc, seen),
    ],
    below: seen.when === "" ? [] : [`    ${seen.when}`],
  }));
  const [excluded, unjudged] = (["excluded", "not-judged"] as const).map((verdict) =>
    merged(rows(verdict), (seen) => [seen.pair.resource, reason(seen.pair, options)]),
  ) as [Against[], Against[]];
  return [
    { kind: "heading", text: `${name}()` },
    ...(table.length === 0
      ? [
          {
            kind: "paragraph",
            text: meetsNone(doc, name, { isRuledOut: excluded.length > 0, isUnjudged: unjudged.length > 0 }, options),
          } as const,
        ]
      : [{ kind: "table", head, widths: WIDTHS, groups: [table], between: "nothing" } as const]),
    ...reasons("Ruled out:", excluded, options),
    ...reasons("Not judged:", unjudged, options),
  ];
}

function reasons(heading: string, all: readonly Against[], options: ContendOptions): Block[] {
  if (all.length === 0) return [];
  const items = groupBy(all, ({ seen }) => reason(seen.pair, options)).map(
    ([why, of]) => `${why}: ${of.map(({ seen, against }) => `${list(against)} on ${lockOf(seen.pair)}`).join("; ")}`,
  );
  return [
    { kind: "paragraph", text: heading, tight: true },
    { kind: "list", items },
  ];
}

/** Why a table is empty: what could meet is ruled out, or nothing conflicts at all. */
function meetsNone(
  { opState }: ContendDocument,
  name: string,
  { isRuledOut, isUnjudged }: { readonly isRuledOut: boolean; readonly isUnjudged: boolean },
  { catalog, against = [] }: ContendOptions,
): string {
  if (isUnjudged) return "Nothing that is judged can meet it.";
  if (isRuledOut) return "Nothing that conflicts with it can meet it.";
  const idle = [name, ...against].filter((call) => takesNothing(catalog, call));
  if (idle.length > 0) return `${list(callNames(idle))} ${idle.length === 1 ? "takes" : "take"} no lock.`;
  const when = opState === null ? "" : ` in OP_STATE ${opState}`;
  if (against.length === 0) return `No call conflicts with it here${when}.`;
  return `No conflict with ${list(callNames(against))}${when}: they share no lock here, or only share it.`;
}

/** Is the call known to take no lock? */
function takesNothing(catalog: Catalog | undefined, name: string): boolean {
  const entries = catalog?.leaves.filter((leaf) => leaf.name === name) ?? [];
  return (
    entries.length > 0 && entries.every(({ acquisitions }) => acquisitions.every(({ mode }) => mode === "NO_LOCK"))
  );
}

/** A pair from the side of one of its calls. */
interface Seen {
  readonly pair: ContendPair;
  readonly against: string;
  /** `-`: stops at an earlier lock already. */
  readonly iGet: string | null;
  readonly itGets: string | null;
  readonly when: string;
}

const STOPS_EARLIER = "-";

function seenFrom(pair: ContendPair, name: string): Seen {
  const first = pair.a === name;
  const mine = first ? pair.statusA : pair.statusB;
  const theirs = first ? pair.statusB : pair.statusA;
  const [iCome, itComes] = first ? [pair.busyA, pair.busyB] : [pair.busyB, pair.busyA];
  const conditions = [
    conditionWords(pair.a, { resource: pair.resourceA, when: pair.whenA, condition: pair.conditionA }),
    conditionWords(pair.b, { resource: pair.resourceB, when: pair.whenB, condition: pair.conditionB }),
  ];
  const words = conditions.flatMap((text, i) => (text === null ? [] : [`${i === 0 ? pair.a : pair.b}: ${text}`]));
  return {
    pair,
    against: pair.a === pair.b ? "itself" : first ? pair.b : pair.a,
    iGet: iCome ? mine : STOPS_EARLIER,
    itGets: itComes ? theirs : STOPS_EARLIER,
    when: [...new Set([...roles(pair), ...words])].join("; "),
  };
}

/** A pair from one side, with all calls of which the same is to say. */
interface Against {
  readonly seen: Seen;
  readonly against: readonly string[];
}

/** Rows that differ in the other call only are one. */
function merged(rows: readonly Seen[], key: (seen: Seen) => readonly (string | null)[]): Against[] {
  return groupBy(rows, (seen) => key(seen).join("\t")).flatMap(([, of]) => {
    const [seen] = of;
    return seen === undefined ? [] : [{ seen, against: [...new Set(of.map(({ against }) => against))] }];
  });
}

function gets(status: string | null, name: (hex: string | null) => string): string {
  return status === STOPS_EARLIER ? STOPS_EARLIER : name(status);
}

function lockOf({ resource }: ContendPair): string {
  return lockNameOf(resource) ?? resource;
}

const OUTCOMES: Readonly<Record<string, string>> = {
  "vm-dead": "VM lost",
  leak: "leaked",
  error: "error",
  unknown: "guest's",
  warning: "warning",
  retry: "tried again",
  none: "nothing",
};

/** The worst that the host comes to; empty without a host. */
function outcome(doc: ContendDocument, { pair }: Seen): string {
  if (doc.host === null) return "";
  const [worst] = pair.paths.filter((path) => path.possible);
  return worst === undefined ? "" : (OUTCOMES[worst.severity] ?? worst.severity);
}

/** Roles are told where the two do not name the object in the same way. */
function roles(p: ContendPair): string[] {
  if (p.resourceA === p.resourceB && p.roleA === p.roleB) return [];
  return [`${resourceText(p.resourceA, p.roleA)} against ${resourceText(p.resourceB, p.roleB)}`];
}

function byResource(pairs: readonly ContendPair[], options: ContendOptions): Block[] {
  return groupBy(pairs, (p) => p.resource)
    .sort(([a], [b]) => compareResources(a, b))
    .flatMap(([resource, of]): Block[] => {
      const { long } = resourceFacts(resource);
      const possible = ofVerdict(of, "possible");
      const name = lockNameOf(resource);
      return [
        {
          kind: "heading",
          text: `${resource}${name === null ? "" : `, ${name}`}${long === resource ? "" : ` (${long})`}`,
        },
        ...(possible.length === 0 ? [] : [{ kind: "list", items: contenderSentences(possible) } as const]),
        ...left("ruled out", ofVerdict(of, "excluded"), isAncestor(resource), options),
        ...left("not judged", ofVerdict(of, "not-judged"), isAncestor(resource), options),
      ];
    });
}

/** How many pairs each reason leaves aside; their calls where they are few. */
function left(verdict: string, pairs: readonly ContendPair[], many: boolean, options: ContendOptions): Block[] {
  const items = groupBy(pairs, (pair) => reason(pair, options)).map(([why, of]) => {
    const named = [...new Set(of.map(({ a, b }) => `${a} x ${b}`))];
    return many || named.length > FEW
      ? `${verdict}, ${why}: ${count(named.length, "pair")}`
      : `${verdict}, ${why}: ${named.join(", ")}`;
  });
  return items.length === 0 ? [] : [{ kind: "list", items }];
}

const FEW = 6;

/** What keeps the two apart: names of locks first, then what is a clause of its own. */
function reason(pair: ContendPair, options: ContendOptions): string {
  const isName = ({ kind }: ContendPair["excludedBy"][number]): boolean => kind === "host-lock" || kind === "kick";
  const clauses = pair.excludedBy
    .filter((e) => !isName(e))
    .map((e) => {
      if (e.kind === "op-state") return "no OP_STATE allows both";
      if (e.kind === "sept-state") return "no SEPT entry state allows both";
      if (e.kind === "earlier-lock") return `the two always meet at ${e.what} first`;
      if (e.kind === "not-named") return `the profile names no guest that makes ${e.what}()`;
      if (e.kind === "not-called") return `the host never makes ${notCalled(pair, e.what, options)}`;
      return e.what;
    });
  const names = pair.excludedBy.filter(isName).map(({ what }) => what);
  const [held, said] = [list([...new Set(names)]), list([...new Set(clauses)])];
  return [held, said].filter((text) => text !== "").join(", and ");
}

/** The entry of a pair that a host does not make: of a call with variants it may make another one. */
function notCalled(pair: ContendPair, name: string, { catalog, host }: ContendOptions): string {
  const made = catalog === undefined || host === undefined ? [] : hostLeaves(catalog, host);
  const variants = [...(pair.a === name ? [pair.variantA] : []), ...(pair.b === name ? [pair.variantB] : [])];
  const missing = [...new Set(variants)].filter(
    (variant) => variant !== null && !made.some((leaf) => leaf.name === name && leaf.variant === variant),
  );
  return missing.length === 0 ? `${name}()` : `${name}() ${list(missing.map(variantText), "or")}`;
}

/** By which paths of the host the possible pairs meet. */
function pathBlocks(doc: ContendDocument, { catalog, host }: ContendOptions): Block[] {
  if (host === undefined || catalog === undefined || doc.host === null) return [];
  const rows = conclusionRows(doc.pairs, host, catalog);
  if (rows.length === 0) return [];
  const named = (resource: string): string => `${lockNameOf(resource) ?? resource}: `;
  return [{ kind: "heading", text: `By which paths of ${hostTitle(doc.host.name)}` }, ...conclusionTable(rows, named)];
}

function unlocked(doc: ContendDocument): Block[] {
  if (doc.unlocked.length === 0) return [];
  const items = groupBy(doc.unlocked, (u) => JSON.stringify([u.resource, u.role, u.coveredBy])).map(([, of]) => {
    const [u] = of;
    const under = u === undefined || u.coveredBy.length === 0 ? "" : `, holding ${list(u.coveredBy)} EXCLUSIVE`;
    return `${list([...new Set(of.map(({ leaf }) => leaf))])}: ${resourceText(u?.resource ?? "", u?.role ?? null)}${under}`;
  });
  return [
    { kind: "heading", text: "Without the lock, and so in conflict with nothing at it" },
    { kind: "list", items },
  ];
}
