/**
 * Makes a project's C parseable without changing where anything stands.
 *
 * Every step keeps the length of the text and every newline, so a node of the parsed text has the line and column of the
 * original. Comments, inactive conditional branches and directives become blanks; macros that expand to keywords become those
 * keywords, padded.
 */

import { evaluateCondition } from "./condition.ts";
import type { Dialect } from "./dialect.ts";
import type { Budget, Macro } from "./expand.ts";
import { LIMITS } from "./limits.ts";

export interface PreprocessedFile {
  /** Same length and same newlines as the original. */
  readonly text: string;
  readonly macros: readonly Macro[];
  /** Names that an `#undef` takes away and that the file has not defined itself, with its line. */
  readonly hidden: readonly { readonly name: string; readonly line: number }[];
  /** Names that `#include "…"` gives, where it is not left out. */
  readonly includes: readonly { readonly name: string; readonly line: number }[];
  /** Lines (1-based) of conditionals that could not be evaluated; taken as false. */
  readonly unevaluated: readonly { readonly line: number; readonly text: string }[];
  /**
   * Lines of conditionals that nothing ends, and of an `#else`, `#elif` or `#endif` that ends none; `lost` when the rest of the
   * file was left out.
   */
  readonly unbalanced: readonly { readonly line: number; readonly lost: boolean }[];
}

/** What conditionals may know of the rest of the tree. */
export interface Surroundings {
  /** Object-like macros of the whole tree, for `#if NAME` with NAME defined in another header. */
  readonly macros: ReadonlyMap<string, Macro>;
  /** Does something that is taken as included define a name? */
  readonly isDefined: (name: string) => boolean;
}

/**
 * Blanks comments and the contents of string literals: neither means anything to the analysis. Newlines stay.
 */
export function blankComments(source: string): string {
  const out: string[] = [];
  let from = 0;
  const pattern =
    /"(?:\\(?:\r\n|[\s\S])|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/(?:\\\r?\n|[^\n])*|\/\*[\s\S]*?(?:\*\/|$)/g;
  for (const match of source.matchAll(pattern)) {
    const token = match[0];
    if (token.startsWith("'")) continue;
    const blanked = token.startsWith('"') ? blankLiteral(token) : blank(token);
    out.push(source.slice(from, match.index), blanked);
    from = match.index + token.length;
  }
  out.push(source.slice(from));
  return out.join("");
}

/** A literal without what stands in it. One that goes on on the next line becomes several, one after the other: they mean the same. */
function blankLiteral(literal: string): string {
  if (!literal.includes("\n")) return `"${" ".repeat(literal.length - 2)}"`;
  return literal.replace(/([^\r\n]*?)(\\?)(\r?\n|$)/g, (_, line: string, go: string, end: string) => {
    const isLast = end === "";
    const text = isLast || go === "" ? line + go : line;
    const blanked = text.length > 1 ? `"${" ".repeat(text.length - 2)}"` : " ".repeat(text.length);
    return `${blanked}${isLast || go === "" ? "" : go}${end}`;
  });
}

const patterns = new Map<string, RegExp>();

/** The pattern of a dialect's words, which every file and every macro's body is searched for. */
function patternOf(text: string): RegExp {
  const pattern = patterns.get(text) ?? new RegExp(text, "g");
  patterns.set(text, pattern);
  return pattern;
}

/** Every call that asks whether a symbol is defined becomes 1 or 0, padded where there is room. */
function answerDefinedCalls(text: string, rules: Dialect): string {
  if (!rules.definedCalls?.length) return text;
  const pattern = patternOf(`\\b(?:${rules.definedCalls.join("|")})\\s*\\(\\s*(\\w+)\\s*\\)`);
  return text.replace(pattern, (call, name: string) => {
    const answer = rules.defined !== undefined && Object.hasOwn(rules.defined, name) ? "1" : "0";
    return call.includes("\n") ? call.replace(/[^\n\r]/g, " ").replace(" ", answer) : answer.padEnd(call.length);
  });
}

/** A macro, as long as directives may still take it away. */
type Defined = Omit<Macro, "until"> & { until: number | null };

interface Conditional {
  readonly line: number;
  active: boolean;
  taken: boolean;
  readonly parentActive: boolean;
}

/**
 * Resolves conditionals and directives.
 *
 * @param text the file with comments blanked
 */
function resolveDirectives(text: string, around: Surroundings, rules: Dialect) {
  const built = (name: string): Macro | null => {
    const body = rules.defined !== undefined && Object.hasOwn(rules.defined, name) ? rules.defined[name] : undefined;
    return body === undefined ? null : { name, parameters: null, body, line: 0, until: null };
  };
  const lines = text.split("\n");
  const macros: Defined[] = [];
  const hidden: { name: string; line: number }[] = [];
  const includes: number[] = [];
  const unevaluated: { line: number; text: string }[] = [];
  const unbalanced: { line: number; lost: boolean }[] = [];
  const local = new Map<string, Defined>();
  const undefinedNames = new Set<string>();
  const stack: Conditional[] = [];
  // An entry is active only inside active ones.
  const isActive = () => stack.at(-1)?.active ?? true;
  const isDefined = (name: string) =>
    !undefinedNames.has(name) && (local.has(name) || built(name) !== null || around.isDefined(name));
  const macro = (name: string): Macro | null =>
    local.get(name) ?? (undefinedNames.has(name) ? null : (built(name) ?? around.macros.get(name) ?? null));
  const budget: Budget = { left: LIMITS.conditions };
  const evaluate = (expression: string, line: number) => {
    const value = evaluateCondition(answerDefinedCalls(expression, rules), { isDefined, macro }, budget);
    if (value === null) unevaluated.push({ line, text: expression.trim() });
    return value ?? false;
  };
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    const directive = /^\s*#\s*(\w*)([\s\S]*)$/.exec(line.replace(/\r$/, ""));
    if (!directive) {
      // A line that goes on on the next one is two.
      lines[i] = isActive() ? line.replace(/\\(?=[ \t]*\r?$)/, " ") : blank(line);
      continue;
    }
    const first = i;
    const parts = [directive[2] ?? ""];
    lines[i] = blank(line);
    while ((parts.at(-1) as string).trimEnd().endsWith("\\") && i + 1 < lines.length) {
      i++;
      parts.push(parts.pop()?.trimEnd().slice(0, -1) as string, (lines[i] as string).replace(/\r$/, ""));
      lines[i] = blank(lines[i] as string);
    }
    handleDirective(directive[1] ?? "", parts.join(" "), first + 1);
  }
  for (const { line, active } of stack) unbalanced.push({ line, lost: !active });
  return { text: lines.join("\n"), macros, hidden, includes, unevaluated, unbalanced };

  function handleDirective(keyword: string, body: string, line: number): void {
    const top = stack.at(-1);
    if (!top && /^(?:elif|else|endif)$/.test(keyword)) unbalanced.push({ line, lost: false });
    switch (keyword) {
      case "if":
        push(evaluateIfActive(body, line), line);
        return;
      case "ifdef":
        push(isDefined(body.trim().split(/\s/)[0] ?? ""), line);
        return;
      case "ifndef":
        push(!isDefined(body.trim().split(/\s/)[0] ?? ""), line);
        return;
      case "elif":
        if (top) {
          top.active = top.parentActive && !top.taken && evaluate(body, line);
          top.taken ||= top.active;
        }
        return;
      case "else":
        if (top) {
          top.active = top.parentActive && !top.taken;
          top.taken = true;
        }
        return;
      case "endif":
        stack.pop();
        return;
      case "define":
        if (isActive()) define(body, line);
        return;
      case "include":
        if (isActive()) includes.push(line);
        return;
      case "undef":
        if (isActive()) undefine(body.trim().split(/\s/)[0] ?? "", line);
        return;
      default:
        return;
    }
  }
  function evaluateIfActive(body: string, line: number): boolean {
    return isActive() ? evaluate(body, line) : false;
  }
  function push(active: boolean, line: number): void {
    const parentActive = isActive();
    stack.push({ line, active: parentActive && active, taken: active, parentActive });
  }
  function undefine(name: string, line: number): void {
    if (!end(name, line)) hidden.push({ name, line });
    undefinedNames.add(name);
  }
  /** The file has its own macro of a name no more; false: it had none. */
  function end(name: string, line: number): boolean {
    const macro = local.get(name);
    if (macro) macro.until = line;
    return local.delete(name);
  }
  function define(body: string, line: number): void {
    const match = /^\s*([A-Za-z_]\w*)(\(([^)]*)\))?\s*([\s\S]*)$/.exec(body);
    if (!match?.[1]) return;
    const parameters = match[2]
      ? (match[3] ?? "")
          .split(",")
          .map((p) => p.trim())
          .filter(Boolean)
      : null;
    const macro = { name: match[1], parameters, body: (match[4] ?? "").trim(), line, until: null };
    end(macro.name, line);
    local.set(macro.name, macro);
    undefinedNames.delete(macro.name);
    macros.push(macro);
  }
}

function blank(text: string): string {
  return /[\n\r]/.test(text) ? text.replace(/[^\n\r]+/g, (line) => " ".repeat(line.length)) : " ".repeat(text.length);
}

/** Position just after the parenthesis that closes the one at `open`, or -1 when none does nearby. */
export function closeOf(text: string, open: number): number {
  let depth = 0;
  const end = Math.min(text.length, open + LIMITS.blankCall);
  for (let i = open; i < end; i++) {
    const c = text.charCodeAt(i);
    if (c === 40) depth++;
    else if (c === 41 && --depth === 0) return i + 1;
  }
  return -1;
}

/** Replaces macro tokens by what they expand to, padded, and blanks those that expand to nothing a parser needs. */
function padMacros(text: string, rules: Dialect): string {
  const words = [...Object.keys(rules.replaceTokens), ...rules.blankTokens, ...rules.blankCalls];
  if (words.length === 0) return text;
  const pattern = patternOf(`\\b(?:${words.join("|")})\\b`);
  const blankCalls = new Set(rules.blankCalls);
  const out: string[] = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    const word = match[0];
    if (match.index < from) continue;
    let end = match.index + word.length;
    let replacement = (rules.replaceTokens[word] ?? "").padEnd(word.length).slice(0, word.length);
    if (blankCalls.has(word)) {
      const open = /^\s*\(/.exec(text.slice(end, end + 200));
      if (open) {
        const close = closeOf(text, end + open[0].length - 1);
        if (close > 0) {
          replacement = blank(text.slice(match.index, close));
          end = close;
        }
      }
    }
    out.push(text.slice(from, match.index), replacement);
    from = end;
  }
  out.push(text.slice(from));
  return out.join("");
}

/** Preprocesses one file. */
export function preprocess(source: string, around: Surroundings, rules: Dialect): PreprocessedFile {
  const resolved = resolveDirectives(blankComments(source), around, rules);
  const lines = source.split("\n");
  // Literals are blank in what was resolved.
  const includes = resolved.includes.flatMap((line) => {
    const name = /^\s*#\s*include\s*"([^"]{1,200})"/.exec(lines[line - 1] as string)?.[1];
    return name === undefined ? [] : [{ name, line }];
  });
  const read = (text: string): string => padMacros(answerDefinedCalls(text, rules), rules);
  const macros = resolved.macros.map((macro) => ({ ...macro, body: read(macro.body).trim() }));
  return { ...resolved, includes, macros, text: read(resolved.text) };
}
