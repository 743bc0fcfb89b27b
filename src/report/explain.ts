/** A status explained, for people: what it is, who held the lock, what the kernel did, what to do. */
import { type ExplainDocument, resourceFacts, type StatusExplanation } from "../analysis/index.ts";
import { RESOURCES } from "../catalog/index.ts";
import { type Block, markdownOf, textOf } from "./blocks.ts";
import { conditionWords, pathWords } from "./glossary.ts";
import { readInPart } from "./provenance.ts";
import { call, count, folded, groupBy, list, resourceText } from "./words.ts";

/** Holders, leaves and paths beyond this many are only counted. */
const MANY = 8;
const MANY_PATHS = 4;
/** Lines without a status that are shown. */
const MANY_UNREAD = 10;

/** The explanations as plain ASCII text in 80 columns, ending with a newline. */
export function renderExplainText(doc: ExplainDocument): string {
  return textOf(explainBlocks(doc));
}

/** The explanations as Markdown, ending with a newline. */
export function renderExplainMarkdown(doc: ExplainDocument): string {
  return markdownOf(explainBlocks(doc));
}

function explainBlocks(doc: ExplainDocument): readonly Block[] {
  const all = [doc, ...doc.others];
  return [...overview(doc, all), ...all.flatMap((e) => one(e, doc.host !== null)), ...restOf(doc)];
}

/** Of a log: what it has, and what the order tells. */
function overview(doc: ExplainDocument, all: readonly StatusExplanation[]): Block[] {
  const blocks: Block[] = [];
  if (all.length > 1) {
    blocks.push({
      kind: "title",
      text: `${count(all.length, "status", "statuses")} in ${count(doc.input.lines, "line")}`,
    });
    blocks.push({ kind: "list", items: all.map((e) => `${heading(e)}${times(e) === "" ? "" : ` (${times(e)})`}`) });
  }
  if (doc.sequences.length > 0) {
    blocks.push({ kind: "paragraph", text: "What their order tells:" });
    blocks.push({ kind: "list", items: doc.sequences });
  }
  const host = doc.host === null ? "no host" : doc.host.name;
  blocks.push({
    kind: "paragraph",
    text: [`For module ${doc.module.version}, ${host}.`, ...readInPart(doc.module), ...doc.assumptions].join(" "),
  });
  return blocks;
}

function restOf({ unread, input }: ExplainDocument): Block[] {
  const counts = [
    ...(input.successes > 0 ? [`${count(input.successes, "call")} of the input ended well.`] : []),
    ...(input.beyond > 0
      ? [`${count(input.beyond, "further status", "further statuses")} of other kinds are left out.`]
      : []),
  ];
  const shown = unread.slice(0, MANY_UNREAD);
  const more = unread.length - shown.length;
  return [
    ...counts.map((text): Block => ({ kind: "paragraph", text })),
    ...(shown.length === 0
      ? []
      : ([
          { kind: "heading", text: "Lines without a status" },
          { kind: "list", items: [...shown, ...(more > 0 ? [`and ${more} more`] : [])] },
        ] as const)),
  ];
}

function heading(e: StatusExplanation): string {
  const operand = e.operand === null ? "" : ` | ${e.operand.id}`;
  const name = e.name === null ? nameless(e) : `${e.name}${operand}`;
  const who = e.leaf !== null && !isGuessed(e) ? `${call(e.leaf)}: ` : e.callee !== null ? `${e.callee}: ` : "";
  return `${who}${e.status === null ? "status not printed" : `${e.status}: ${name}`}`;
}

/** The line says only that it was a TDCALL: its leaf is the one made most, and others can return the status too. */
const isGuessed = (e: StatusExplanation): boolean => e.leaf !== null && e.leaves.length > 0;

/** A line that says of a failure, and gives 0: no call of the module returned it. */
const isZero = (e: StatusExplanation): boolean =>
  e.name === null && e.giver === "module" && e.cut === null && e.bits?.error === false && BigInt(e.status ?? 1) === 0n;

const nameless = (e: StatusExplanation): string => (isZero(e) ? "no status" : "unknown status");

function times(e: StatusExplanation): string {
  if (e.count === 1) return e.first === null ? "" : `at ${e.first}`;
  const span = e.first === null ? "" : e.first === e.last ? `, at ${e.first}` : `, from ${e.first} to ${e.last}`;
  return `${e.count} times${span}`;
}

function one(e: StatusExplanation, hosted: boolean): Block[] {
  const operand = e.operand === null ? "" : ` | ${e.operand.id}`;
  const status =
    e.status === null ? "A status that was not printed" : `${e.status}: ${e.name ?? nameless(e)}${operand}`;
  const { seen, facts, changed } = explanationWords(e);
  return [
    { kind: "heading", text: status },
    ...(e.line === null ? [] : [{ kind: "paragraph", text: e.line.trim(), indent: 4 } as const]),
    ...paragraph(seen),
    ...dependsOn(e),
    { kind: "paragraph", text: e.meaning },
    { kind: "list", items: [...facts] },
    ...holders(e, hosted),
    ...elsewhere(e),
    ...paragraph(changed),
    ...reactions(e),
    ...advice(e),
  ];
}

/** What is said of a status between its meaning and its holders, and after them, one sentence each: the same in every form. */
export interface ExplanationWords {
  /** How often and when it was seen; null where it was seen once, at no time that is known. */
  readonly seen: string | null;
  /** What its bits say, what the call wanted, what can have caused it. */
  readonly facts: readonly string[];
  /** What stands above those who conflict: that they can hold the lock, or that nobody can. */
  readonly holders: string;
  /** What the call changed all the same; null where that is nothing that is known. */
  readonly changed: string | null;
}

/** The words for one status. */
export function explanationWords(e: StatusExplanation): ExplanationWords {
  return {
    seen: e.count === 1 ? null : `Seen ${times(e)}.`,
    facts: [...whatItIs(e), ...about(e), ...e.causes, ...e.notes],
    holders: e.holders.some((h) => h.possible) ? "Who can hold it, most likely first" : nobody(e),
    changed: e.changed.length === 0 ? null : `Changed all the same: ${e.changed.join("; ")}.`,
  };
}

/** Said first: the answer is for one version, and the machine may run another. */
function dependsOn(e: StatusExplanation): Block[] {
  if (e.elsewhere.length === 0) return [];
  const text =
    "Who can hold the lock depends on the module's version, which the input does not state (--module names it).";
  return [{ kind: "paragraph", text }];
}

const hex = (n: number): string => n.toString(16).toUpperCase().padStart(2, "0");

function whatItIs(e: StatusExplanation): string[] {
  const version = e.version ? `, leaf version ${e.version}` : "";
  const from = e.leaf === null || isGuessed(e) || isZero(e) ? [] : [`Returned by ${call(e.leaf)}${version}.`];
  const callee = e.leaf === null && e.callee !== null ? [`Returned by ${e.callee}.`] : [];
  const leaves =
    e.leaves.length > MANY
      ? `${e.leaves.length} leaves`
      : list(
          e.leaves.map((l) => call(l)),
          "or",
        );
  const any = e.leaves.length === 0 || e.callee !== null ? [] : [`The line names no leaf; ${leaves} can return it.`];
  const outputs = Object.entries(e.outputs).map(([name, value]) => `${name} ${value}`);
  return [
    ...from,
    ...callee,
    ...any,
    ...lowHalf(e),
    ...bits(e),
    ...(outputs.length === 0 ? [] : [`Its outputs: ${list(outputs)}.`]),
  ];
}

function lowHalf(e: StatusExplanation): string[] {
  if (e.name === null || e.details.length === 0) return [];
  const whole = e.details.length === 1 && e.details[0]?.bits === "31:0";
  if (whole) return [`The low 32 bits are ${e.details[0]?.text}.`];
  return [`The low 32 bits: ${list(e.details.map((d) => `bits ${d.bits} ${d.text}`))}.`];
}

function bits({ bits: b, details }: StatusExplanation): string[] {
  if (b === null) return [];
  const flags = [
    b.error ? "error (63)" : "no error (63 clear)",
    ...(b.nonRecoverable ? ["not recoverable (62)"] : []),
    ...(b.fatal ? ["fatal (61)"] : []),
    ...(b.hostRecoverabilityHint ? ["host can recover (60)"] : []),
  ];
  const low = details.length === 0 && b.detail !== 0 ? `, low 32 bits 0x${hex(b.detail)}` : "";
  return [`Bits: ${list(flags)}; class ${hex(b.class)}, code ${hex(b.code)}${low}.`];
}

const KNOWN = new Set<string>(RESOURCES);

function about(e: StatusExplanation): string[] {
  const locks = e.resources.filter((r) => KNOWN.has(r.resource));
  const names = groupBy(locks, (r) => bothNames(r.resource, r.role)).map(([name, rows]) => {
    const modes = [...new Set(rows.map((r) => r.mode ?? ""))].filter((m) => m !== "");
    return `${name}${modes.length === 0 ? "" : ` ${list(modes, "or")}`}`;
  });
  if (names.length === 0) return [];
  const wanted =
    names.length > MANY
      ? `${names.slice(0, MANY).join(", ")} or ${count(names.length - MANY, "other")}`
      : list(names, "or");
  const under = e.operand === null ? "" : `, reported under ${e.operand.id}`;
  return [`It wanted ${wanted}${under}.`];
}

/** `SEPT_TREE (TDCS secure_ept_lock)`: the name here, and the one that people look for. */
function bothNames(resource: string, role: string | null): string {
  const text = resourceText(resource, role);
  const { title } = resourceFacts(resource);
  const isSame = title.replaceAll(" ", "_").toUpperCase() === resource;
  return isSame || title === text ? text : `${text} (${title})`;
}

function holders(e: StatusExplanation, hosted: boolean): Block[] {
  if (e.holders.length === 0) return [];
  const possible = e.holders.filter((h) => h.possible);
  const kept = e.holders.filter((h) => h.barred);
  const barred = [
    ...new Set(kept.map((h) => `${call(h.leaf)}${h.paths.length === 0 ? "" : `, ${pathList(h.paths)}`}`)),
  ];
  const unjudged = [...new Set(e.holders.filter((h) => !h.judged).map((h) => h.leaf))];
  const rest = e.holders.filter((h) => h.judged && !h.possible && !h.barred).length;
  const ordinary = possible.filter((h) => !isRare(h));
  const groups = groupBy([...ordinary, ...possible.filter(isRare)], holderText);
  const shown = e.leaf === null ? groups.slice(0, MANY) : groups;
  const items = shown.map(([what, of]) => {
    const names = groupBy(of, (h) => h.leaf).map(([leaf, all]) =>
      call(leaf, all.length === 1 ? all[0]?.variant : null),
    );
    return `${names.length > MANY ? folded([...new Set(of.map((h) => h.leaf))]) : list(names, "or")}${what}`;
  });
  const more = groups.length - shown.length;
  const tail = [
    ...(more > 0 ? [`and ${more} more; --leaf narrows them`] : []),
    ...(barred.length > 0
      ? [`not a vCPU (${barred.join("; ")}): the kernel had kept them out of the guest by then`]
      : []),
    ...(rest > 0
      ? [
          `${rest}${items.length + barred.length > 0 ? " more" : ""} ${rest === 1 ? "conflicts" : "conflict"} by the module's rules, but ${hosted ? "the host or " : ""}the module excludes ${rest === 1 ? "it" : "them"}`,
        ]
      : []),
    ...(unjudged.length > 0
      ? [
          `not judged: ${folded(unjudged)}, of which the profile names no guest that makes ${unjudged.length === 1 ? "it" : "them"}`,
        ]
      : []),
  ];
  return [
    { kind: "paragraph", text: `${explanationWords(e).holders}:` },
    { kind: "list", items: [...items, ...tail] },
  ];
}

/** What is busy without a lock has no holder that is told. */
function nobody({ resources, holders: all }: StatusExplanation): string {
  if (all.some(({ judged }) => !judged)) return "None of the calls that the profile names can hold it";
  const isOnly = resources.every(({ resource }) => KNOWN.has(resource));
  return isOnly ? "Nobody can hold it" : "Nobody can hold the lock; the status is returned for more than that lock";
}

type Holder = StatusExplanation["holders"][number];

const isRarePath = (path: string): boolean => pathWords(path).exceptional;

/** Can it hold the lock only on paths that ordinary operation does not meet? */
const isRare = ({ paths }: Holder): boolean => paths.length > 0 && paths.every(isRarePath);

/** What a holder has, until when, when at all, and on which paths of the host. */
function holderText(h: Holder): string {
  const held =
    h.held === "td-exit" ? ", until TD exit" : h.held === "before-td-entry" ? ", until it enters the TD" : "";
  const words = conditionWords(h.leaf, h);
  const when = words === null ? "" : `, ${words}`;
  const paths = h.paths.length === 0 ? "" : `: ${pathList(h.paths)}`;
  return ` with ${h.resource} ${h.mode}${held}${when}${paths}`;
}

function pathList(all: readonly string[]): string {
  const paths = [...all.filter((path) => !isRarePath(path)), ...all.filter(isRarePath)];
  const shown = paths.slice(0, MANY_PATHS);
  const more = paths.length - shown.length;
  return [...shown, ...(more > 0 ? [`${count(more, "more path")}`] : [])].join("; ");
}

/** What another version of the module would make of it: the machine's log rarely says which one it runs. */
function elsewhere(e: StatusExplanation): Block[] {
  if (e.elsewhere.length === 0) return [];
  const items = e.elsewhere.map(({ modules, holders }) => {
    const shown = holders.slice(0, MANY).map((leaf) => call(leaf));
    const more = holders.length - shown.length;
    const who = more > 0 ? `${shown.join(", ")} or ${more} more` : list(shown, "or");
    return `on ${list(modules)}: ${holders.length === 0 ? "nobody" : who}`;
  });
  return [
    { kind: "paragraph", text: "On other versions of the module it can be held by:" },
    { kind: "list", items },
  ];
}

const paragraph = (text: string | null): Block[] => (text === null ? [] : [{ kind: "paragraph", text }]);

function reactions({ reactions: all, leaf }: StatusExplanation): Block[] {
  if (all.length === 0 || leaf === null) return [];
  const items = all.map(({ paths, before, after, silent }) => {
    const where = pathList(paths);
    if (silent) return `${list(after, "then")}, and prints nothing (${where})`;
    const done = before.length === 0 ? "" : `before the line it ${list(before)}, and `;
    return `${done}with the line it ${list(after)} (${where})`;
  });
  return [
    { kind: "paragraph", text: `What this kernel does when ${call(leaf)} is busy:` },
    { kind: "list", items },
  ];
}

function advice({ adviceFor: { developer, operator, guest } }: StatusExplanation): Block[] {
  const part = (who: string, items: readonly string[]): Block[] =>
    items.length === 0
      ? []
      : [
          { kind: "paragraph", text: who },
          { kind: "list", items },
        ];
  return [
    ...part("What to do, for who writes the kernel or hypervisor:", developer),
    ...part("For who runs the machine:", operator),
    ...part("For the guest:", guest),
  ];
}
