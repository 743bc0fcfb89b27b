/** A status explained, for people. */
import { type ExplainDocument, operandText, type StatusExplanation } from "../analysis/index.ts";
import { type Block, markdownOf, textOf } from "./blocks.ts";
import { call, conditionText, groupBy, list, resourceText } from "./words.ts";

/** Impossible holders beyond this many are only counted. */
const MANY = 8;

/** The explanations as plain ASCII text in 80 columns, ending with a newline. */
export function renderExplainText(doc: ExplainDocument): string {
  return textOf(explainBlocks(doc));
}

/** The explanations as Markdown, ending with a newline. */
export function renderExplainMarkdown(doc: ExplainDocument): string {
  return markdownOf(explainBlocks(doc));
}

function explainBlocks(doc: ExplainDocument): readonly Block[] {
  const host = doc.host === null ? "" : `, ${doc.host.name}`;
  const unread: Block[] =
    doc.unread.length === 0
      ? []
      : [
          { kind: "heading", text: "Lines without a status" },
          { kind: "list", items: doc.unread },
        ];
  return [
    ...[doc, ...doc.others].flatMap((e) => one(e, `module ${doc.module.version}${host}`, doc.host !== null)),
    ...unread,
  ];
}

function one(e: StatusExplanation, under: string, hosted: boolean): Block[] {
  const operand = e.operand === null ? "" : ` | ${e.operand.id}`;
  return [
    { kind: "heading", text: `${e.status}: ${e.name ?? "unknown status"}${operand} (${under})` },
    ...(e.line === null ? [] : [{ kind: "paragraph", text: e.line.trim(), indent: 4 } as const]),
    { kind: "paragraph", text: e.meaning },
    { kind: "list", items: [...whatItIs(e), ...about(e)] },
    ...holders(e, hosted),
    ...elsewhere(e),
    ...(e.advice.length === 0 ? [] : [{ kind: "paragraph", text: "What to do:" } as const]),
    ...(e.advice.length === 0 ? [] : [{ kind: "list", items: e.advice } as const]),
  ];
}

function whatItIs(e: StatusExplanation): string[] {
  const { bits } = e;
  const flags = [
    bits.error ? "error (63)" : "no error (63 clear)",
    ...(bits.nonRecoverable ? ["not recoverable (62)"] : []),
    ...(bits.fatal ? ["fatal (61)"] : []),
    ...(bits.hostRecoverabilityHint ? ["host can recover (60)"] : []),
  ];
  const hex = (n: number): string => n.toString(16).toUpperCase().padStart(2, "0");
  const from = e.leaf === null ? [] : [`Returned by ${call(e.leaf)}${e.version ? `, leaf version ${e.version}` : ""}.`];
  const many =
    e.leaves.length > MANY
      ? `${e.leaves.length} leaves`
      : list(
          e.leaves.map((l) => call(l)),
          "or",
        );
  const any = e.leaves.length === 0 ? [] : [`The line names no leaf; ${many} can return it.`];
  const outputs = Object.entries(e.outputs).map(([name, value]) => `${name} ${value}`);
  return [
    ...from,
    ...any,
    `Bits: ${list(flags)}; class ${hex(bits.class)}, code ${hex(bits.code)}, low 32 bits ${operandText(e.operand, bits.detail)}.`,
    ...(outputs.length === 0 ? [] : [`Outputs: ${list(outputs)}.`]),
  ];
}

function about(e: StatusExplanation): string[] {
  const names = groupBy(e.resources, (r) => resourceText(r.resource, r.role)).map(([name, rows]) => {
    const modes = [...new Set(rows.map((r) => r.mode ?? ""))].filter((m) => m !== "");
    return `${name}${modes.length === 0 ? "" : ` ${list(modes, "or")}`}`;
  });
  if (names.length === 0) return [];
  const under = e.operand === null ? "" : `, reported under ${e.operand.id}`;
  return [`It wanted ${list(names, "or")}${under}.`];
}

function holders(e: StatusExplanation, hosted: boolean): Block[] {
  const possible = e.holders.filter((h) => h.possible);
  const rest = e.holders.length - possible.length;
  if (e.holders.length === 0) return [];
  const shown = e.leaf === null ? possible.slice(0, MANY) : possible;
  const items = shown.map((h) => {
    const held =
      h.held === "td-exit" ? ", until TD exit" : h.held === "before-td-entry" ? ", until it enters the TD" : "";
    const paths = h.paths.length === 0 ? "" : `: ${list(h.paths, "or")}`;
    const when = h.when === null ? "" : ` when ${conditionText(h.when).slice(0, 80)}`;
    return `${call(h.leaf, h.variant)} with ${h.resource} ${h.mode}${held}${when}${paths}`;
  });
  const more = possible.length - shown.length;
  const tail = [
    ...(more > 0 ? [`and ${more} more; --leaf narrows them`] : []),
    ...(rest > 0
      ? [`${rest} more conflict by the module's rules, but ${hosted ? "the host or " : ""}the module excludes them`]
      : []),
  ];
  return [
    { kind: "paragraph", text: possible.length === 0 ? "Nobody can hold it:" : "Who can hold it, most likely first:" },
    { kind: "list", items: [...items, ...tail] },
  ];
}

/** What another version of the module would make of it: the machine's log rarely says which one it runs. */
function elsewhere(e: StatusExplanation): Block[] {
  if (e.elsewhere.length === 0) return [];
  const items = e.elsewhere.map(({ modules, holders }) => {
    const who = list(
      holders.slice(0, MANY).map((leaf) => call(leaf)),
      "or",
    );
    const more = holders.length > MANY ? ` or ${holders.length - MANY} more` : "";
    return `on ${list(modules)}: ${holders.length === 0 ? "nobody" : `${who}${more}`}`;
  });
  return [
    { kind: "paragraph", text: "On other versions of the module (--module names the machine's) it can be held by:" },
    { kind: "list", items },
  ];
}
