/** The table of calls and their locks, with notes by letter: one line a lock, as the published table has it. */
import { isAncestor, resourceFacts } from "../analysis/index.ts";
import {
  type Acquisition,
  bundledRelease,
  type Catalog,
  type Leaf,
  type ReleasePlace,
  versionsOf,
} from "../catalog/index.ts";
import {
  bareStatus,
  busyWords,
  conditionNotes,
  conditionWords,
  lockNameOf,
  operandName,
  releaseWords,
} from "./glossary.ts";
import { modesElsewhere } from "./history.ts";
import { capital, groupBy, kindName, list, resourceText } from "./words.ts";

/** A line of the table; the acquisitions that it stands for differ at most in their conditions. */
export interface TableLine {
  readonly lock: string;
  readonly mode: string;
  readonly resource: string;
  readonly operand: string;
  readonly letters: readonly string[];
  readonly rows: readonly Acquisition[];
}

/** Calls that take the same locks in the same way, and their lines. */
export interface TableEntry {
  readonly names: readonly string[];
  readonly leaves: readonly Leaf[];
  readonly lines: readonly TableLine[];
}

/** A note, and the calls beside whose locks its letter stands. */
export interface Note {
  readonly letter: string;
  readonly text: string;
  readonly calls: readonly string[];
}

export interface CallTable {
  readonly entries: readonly TableEntry[];
  readonly notes: readonly Note[];
  /** Calls that take no lock, or none that is shown. */
  readonly without: readonly string[];
}

export interface TableOptions {
  /** Show the PAMT entries above pages, too. */
  readonly pamt: boolean;
  /** Show walks without a lock of which nothing more is to be said, too; the list of users has them in any case. */
  readonly walks: boolean;
  /** Only locks on these resources. */
  readonly resources: readonly string[] | null;
  /** The host whose report it is. */
  readonly host: string | null;
}

/** What of a catalog, or of a report's document, the notes need. */
type Described = Pick<Catalog, "module" | "constants" | "behaviours">;

interface Draft {
  readonly names: readonly string[];
  readonly leaves: readonly Leaf[];
  readonly lines: readonly DraftLine[];
}

interface DraftLine {
  readonly cells: readonly [lock: string, mode: string, resource: string, operand: string];
  readonly notes: readonly string[];
  readonly rows: readonly Acquisition[];
}

/** A document and its rendering need the same table; the leaves of neither ever change. */
const TABLES = new WeakMap<readonly Leaf[], Map<string, CallTable>>();

/** The table of some entries of a catalog, in their order. */
export function callTable(module: Described, leaves: readonly Leaf[], options: TableOptions): CallTable {
  const key = JSON.stringify([module.module.version, options]);
  const tables = TABLES.get(leaves) ?? new Map<string, CallTable>();
  const table = tables.get(key) ?? makeTable(module, leaves, options);
  TABLES.set(leaves, tables.set(key, table));
  return table;
}

function makeTable(module: Described, leaves: readonly Leaf[], options: TableOptions): CallTable {
  const drafts = groupBy(leaves, (leaf) => leaf.name).flatMap(([, variants]) => draftsOf(module, variants, options));
  const together = groupBy(drafts, ({ leaves: [leaf], lines }) =>
    JSON.stringify([leaf?.side, ...lines.map(({ cells, notes }) => [cells, notes])]),
  );
  const shown = together
    .map(
      ([, alike]): Draft => ({
        names: alike.flatMap(({ names }) => names),
        leaves: alike.flatMap((draft) => draft.leaves),
        lines: alike[0]?.lines ?? [],
      }),
    )
    .filter(({ lines }) => lines.length > 0);
  const notes = lettered(shown);
  const letterOf = new Map(notes.map(({ text, letter }) => [text, letter]));
  return {
    entries: shown.map(({ names, leaves: of, lines }) => ({
      names,
      leaves: of,
      lines: lines.map((line) => finished(line, letterOf)),
    })),
    notes,
    without: drafts.filter(({ lines }) => lines.length === 0).flatMap(({ names }) => names),
  };
}

/** Variants whose locks differ in conditions only, or by further locks of one, are one entry. */
function draftsOf(module: Described, variants: readonly Leaf[], options: TableOptions): Draft[] {
  const own = variants.map((leaf) => ({ leaf, lines: linesOf(leaf, options) }));
  const longest = own.reduce((x, y) => (y.lines.length > x.lines.length ? y : x), own[0] ?? { leaf: null, lines: [] });
  const has = (of: readonly Lines[], cells: string): boolean => of.some((line) => line.key === cells);
  const alike = own.every(({ lines }) => lines.every(({ key }) => has(longest.lines, key)));
  const groups = alike ? [own] : own.map((one) => [one]);
  return groups.map((of): Draft => {
    const shape = alike ? longest.lines : (of[0]?.lines ?? []);
    const lines = shape.map(({ key, cells }, i): DraftLine => {
      const parts = of.flatMap(({ leaf, lines: each }) =>
        each.filter((line) => line.key === key).map(({ rows }) => ({ leaf, rows })),
      );
      const some = parts.length < of.length;
      return {
        cells,
        rows: parts.flatMap(({ rows }) => rows),
        notes: notesOf(module, parts, { first: i === 0, some, host: options.host }),
      };
    });
    const told = lines.filter(({ cells, notes }) => options.walks || cells[1] !== "NO_LOCK" || notes.length > 0);
    const [first] = of;
    const name = first?.leaf.name ?? "";
    const names = alike ? [name] : of.map(({ leaf }) => `${leaf.name}${shortVariant(leaf.variant)}`);
    return { names, leaves: of.map(({ leaf }) => leaf), lines: told };
  });
}

/** ` v0`, ` v1+`; other variants in brackets. */
function shortVariant(variant: string | null): string {
  if (variant === null) return "";
  const versions = versionsOf(variant);
  return versions === null ? ` [${variant}]` : ` v${versions.from}${versions.to === null ? "+" : ""}`;
}

interface Lines {
  readonly key: string;
  readonly cells: DraftLine["cells"];
  readonly rows: readonly Acquisition[];
}

/** Rows of one leaf by what the table shows of them; rows that look alike are one line. */
function linesOf(leaf: Leaf, { pamt, resources }: TableOptions): Lines[] {
  const rows = leaf.acquisitions.filter(
    (row) => (pamt || !isAncestor(row.resource)) && (resources === null || resources.includes(row.resource)),
  );
  return groupBy(rows, (row) => JSON.stringify(cellsOf(row))).map(([key, alike]) => ({
    key,
    cells: JSON.parse(key) as DraftLine["cells"],
    rows: alike,
  }));
}

function cellsOf(row: Acquisition): DraftLine["cells"] {
  const operand =
    row.operand === null
      ? row.mode === "NO_LOCK" || row.busyStatus === null
        ? "-"
        : bareStatus(row.busyStatus ?? "")
      : operandName(row.operand.id);
  return [kindName(row.lock), row.mode, shownResource(row), operand];
}

/** `secure_ept_lock`, where that is what people search for; TDCS says more than op_state_lock. */
function shownResource({ resource, role }: Acquisition): string {
  if (isAncestor(resource)) return resource;
  const name = resource === "TDCS" ? null : lockNameOf(resource);
  if (name !== null) return name;
  return resource === "SEPT_ENTRY" && role === null ? resourceFacts(resource).title : resourceText(resource, role);
}

interface Part {
  readonly leaf: Leaf;
  readonly rows: readonly Acquisition[];
}

/** What is to be said of one line, in texts that name no call, so that calls can share them. */
function notesOf(
  module: Described,
  parts: readonly Part[],
  { first, some, host }: { first: boolean; some: boolean; host: string | null },
): string[] {
  const told = [
    conditionNote(module, parts, some, host),
    ...parts.flatMap(({ rows }) => rows.flatMap((row) => releaseNote(module, row))),
    ...parts.flatMap(({ rows }) => rows.flatMap(promotionNote)),
    ...parts.flatMap((part) => part.rows.flatMap((row) => tryNote(row, part))),
    ...parts.flatMap((part) => busyNotes(part, first)),
  ];
  return [...new Set(told.filter((text) => text !== null))];
}

/** When the lock is taken, per variant where that differs, with what the glossary explains and what other versions do. */
function conditionNote(module: Described, parts: readonly Part[], some: boolean, host: string | null): string | null {
  const said = parts.map(({ leaf, rows }) => {
    const always = rows.some((row) => row.when === null);
    const phrases = always ? [] : rows.map((row) => conditionWords(leaf.name, row) ?? "");
    return { variant: leaf.variant, phrases: [...new Set(phrases)] };
  });
  const conditional = said.filter(({ phrases }) => phrases.length > 0);
  const rows = parts.flatMap(({ leaf, rows: own }) => own.map((row) => ({ leaf, row })));
  const more = rows.flatMap(({ leaf, row }) => conditionNotes(module, leaf.name, row, host));
  const elsewhere = parts.flatMap(({ leaf, rows: own }) => own.flatMap((row) => otherModes(module, leaf, row)));
  const sentences = [...conditionSentences(said, conditional.length > 0, some), ...more, ...elsewhere];
  return sentences.length === 0 ? null : [...new Set(sentences)].join(" ");
}

function conditionSentences(
  said: readonly { variant: string | null; phrases: readonly string[] }[],
  any: boolean,
  some: boolean,
): string[] {
  const versions = some ? `${capital(list(said.map(({ variant }) => variantText(variant))))}` : "";
  if (!any) return some ? [`${versions}.`] : [];
  const groups = groupBy(said, ({ phrases }) => phrases.join("; or "));
  if (groups.length === 1) {
    const phrase = groups[0]?.[0] ?? "";
    return [some ? `${versions}, ${phrase}.` : onlyWhen(phrase)];
  }
  const parts = groups.map(
    ([phrases, of]) => `${list(of.map(({ variant }) => variantText(variant)))} ${phrases === "" ? "always" : phrases}`,
  );
  return [`${capital(parts.join("; "))}.`];
}

/** `Only if …`, but `Unless …`. */
function onlyWhen(phrase: string): string {
  return phrase.startsWith("unless ") ? `Taken ${phrase}.` : `Only ${phrase}.`;
}

/** `in version 0`, `from version 1 on`. */
export function variantText(variant: string | null): string {
  const versions = versionsOf(variant);
  if (versions === null) return variant ?? "else";
  return versions.to === null ? `from version ${versions.from} on` : `in version ${versions.from}`;
}

function otherModes({ module }: Described, leaf: Leaf, row: Acquisition): string[] {
  if (row.mode === "NO_LOCK" || row.resource === "PAGE") return [];
  const { before, after } = modesElsewhere(leaf.name, row.resource, bundledRelease(module));
  const single = (value: string): boolean => !value.includes(",") && value !== row.mode;
  return [
    ...(before !== null && single(before.value) ? [`Up to ${before.until}: ${before.value}.`] : []),
    ...(after !== null && single(after.value) ? [`From ${after.since} on: ${after.value}.`] : []),
  ];
}

const RELEASES: Readonly<Record<Exclude<ReleasePlace["kind"], "function">, string | null>> = {
  "leaf-exit": null,
  "td-exit": "Stays locked while the vCPU is in the guest; TD exit releases it.",
  "before-td-entry": "Released once all checks have passed, before the guest is entered.",
  "iteration-end": "One at a time: given back before the next of the list is taken.",
  "page-removed": "Never given back: it goes with the page that is removed.",
};

function releaseNote(module: Described, { release }: Acquisition): string[] {
  if (release === null) return [];
  if (release.kind !== "function") return [RELEASES[release.kind] ?? []].flat();
  const words = releaseWords(release.function, module) ?? `given back in ${release.function}(), before the call ends`;
  return [`${capital(words)}.`];
}

function promotionNote({ promotion, pageSizes, promotedSizes }: Acquisition): string[] {
  if (promotion === null) return [];
  const isOnlyLarge = promotedSizes !== undefined && pageSizes?.includes("4K") && !promotedSizes.includes("4K");
  const of = isOnlyLarge ? "Of a page above 4K: " : "Taken ";
  return [`${of}SHARED first, then promoted (BUSY beside a reader).`];
}

/** What becomes of a call whose try fails, where that is not simply its end. */
function tryNote({ mode, busyStatus, busyWhen, hostPriorityExit }: Acquisition, { leaf }: Part): string[] {
  const isSilent = mode !== "NO_LOCK" && busyStatus === null && leaf.statuses !== undefined;
  return [
    ...(busyWhen === undefined ? [] : ["Where it is busy, only some of the calls end; the others go on without it."]),
    ...(isSilent ? ["No constant status of the call tells that it is busy."] : []),
    ...(hostPriorityExit === undefined
      ? []
      : ["Where the host has priority, the guest's call ends in a TD exit instead."]),
  ];
}

/** A BUSY without a lock stands beside the lock that it is nearest to, or the call's first line. */
function busyNotes({ leaf, rows }: Part, first: boolean): string[] {
  const resources = new Set(leaf.acquisitions.map(({ resource }) => resource));
  return leaf.otherBusy.flatMap((busy) => {
    const words = busyWords(busy);
    if (words === null) return first ? [`${busy.name} under a condition that only the source words (--evidence).`] : [];
    const here = rows.some(({ resource, mode }) => resource === words.at && mode !== "NO_LOCK");
    return here || (first && !resources.has(words.at)) ? [words.sentence] : [];
  });
}

function lettered(drafts: readonly Draft[]): Note[] {
  const texts = new Map<string, Set<string>>();
  for (const { names, lines } of drafts) {
    for (const { notes } of lines) {
      for (const note of notes) {
        const calls = texts.get(note) ?? new Set();
        for (const name of names) calls.add(name);
        texts.set(note, calls);
      }
    }
  }
  return [...texts].map(([text, calls], i) => ({ letter: letter(i), text, calls: [...calls] }));
}

/** `a` to `z`, then `aa`, `ab`, … */
function letter(i: number): string {
  const last = String.fromCharCode(97 + (i % 26));
  return i < 26 ? last : `${letter(Math.floor(i / 26) - 1)}${last}`;
}

function finished({ cells, notes, rows }: DraftLine, letterOf: ReadonlyMap<string, string>): TableLine {
  const [lock, mode, resource, operand] = cells;
  return { lock, mode, resource, operand, rows, letters: notes.map((note) => letterOf.get(note) ?? "") };
}
