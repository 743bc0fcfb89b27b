/**
 * Expands macros in tokens, as the C preprocessor does: arguments first, `#`, `##`, variable arguments, `__VA_OPT__`, and no macro inside
 * itself.
 *
 * What a macro makes stands on the line of its use. The text of a literal that `#` makes is lost: no analysis reads literals.
 */

import { type TokenKind, type Tokens, tokenize } from "./lexer.ts";
import { LIMITS } from "./limits.ts";

/** An object-like or function-like macro, as its definition's text. */
export interface Macro {
  readonly name: string;
  /** Null for an object-like macro. */
  readonly parameters: readonly string[] | null;
  readonly body: string;
  readonly line: number;
  /** The line from which its file has it no more, for an `#undef` or another definition of its name; null: it has it to the end. */
  readonly until: number | null;
}

/** Tokens that expansions may still make, all together; less after each. */
export interface Budget {
  left: number;
}

/** What stands beside the use of a macro. */
export interface MacroUse {
  /** The token before it. */
  readonly before: string;
  /** The token after it, or after the call of it; empty where there is none. */
  readonly after: (isCalled: boolean) => string;
}

/** The macro of a name on a line, where one is to be expanded; unless it is said in which use, where one may be. */
export type MacroLookup = (name: string, line: number, use?: MacroUse) => Macro | null;

/** A token of a macro's body, or of what macros made. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly line: number;
  /** A macro's name that was met inside what that macro made: it stays as it is, wherever it comes to stand. */
  readonly isFinal?: true;
}

/** Tokens that are being read: what a macro made, or what was there at first. */
interface Reading {
  readonly list: readonly Token[];
  at: number;
  /** The macro that made them: it is not expanded while they are read. */
  readonly macro: string | null;
}

/** Expansion made more tokens than any honest text. */
class TooMany extends Error {}

const bodies = new WeakMap<Macro, readonly Token[]>();

/**
 * The tokens with all macros expanded that `lookup` gives; the same object when there is none.
 *
 * @returns null when they make more than the budget has
 */
export function expandMacros(tokens: Tokens, lookup: MacroLookup, budget: Budget): Tokens | null {
  if (!tokens.texts.some((text, i) => tokens.kinds[i] === "word" && lookup(text, tokens.lines[i] as number) !== null))
    return tokens;
  const list: Token[] = [];
  const end = tokens.texts.length - 1;
  for (let i = 0; i < end; i++)
    list.push({ kind: tokens.kinds[i] as TokenKind, text: tokens.texts[i] as string, line: tokens.lines[i] as number });
  try {
    const expander = new Expander(lookup, budget);
    const result = expander.expand(list);
    return expander.isUnused ? tokens : asTokens(result, tokens.lines[end] as number, tokens.ends[end] as number);
  } catch (error) {
    if (error instanceof TooMany) return null;
    throw error;
  }
}

/** The text that a call of a macro at file scope makes, on one line; null when it is none or makes too much. */
export function expandText(text: string, line: number, lookup: MacroLookup, budget: Budget): string | null {
  const tokens = expandMacros(tokenize(text, 0, text.length, line), lookup, budget);
  return tokens?.expanded ? tokens.texts.join(" ") : null;
}

function asTokens(list: readonly Token[], endLine: number, end: number): Tokens {
  const all = [...list, { kind: "end" as const, text: "", line: endLine }];
  return {
    kinds: all.map((token) => token.kind),
    texts: all.map((token) => token.text),
    starts: all.map(() => end),
    ends: all.map(() => end),
    lines: all.map((token) => token.line),
    expanded: true,
  };
}

class Expander implements MacroUse {
  /** Nothing was expanded. */
  isUnused = true;
  before = "";
  private readonly lookup: MacroLookup;
  private readonly budget: Budget;
  /** What is read, the innermost last; an argument is read for itself. */
  private stack: Reading[] = [];
  private readonly inside = new Set<string>();
  private depth = 0;

  constructor(lookup: MacroLookup, budget: Budget) {
    this.lookup = lookup;
    this.budget = budget;
  }

  expand(list: readonly Token[]): Token[] {
    if (++this.depth > LIMITS.macroArguments) throw new TooMany();
    const outer = this.stack;
    this.stack = [{ list, at: 0, macro: null }];
    const out: Token[] = [];
    for (let token = this.next(); token !== null; token = this.next()) {
      this.before = out.at(-1)?.text ?? "";
      if (!this.enter(token)) out.push(this.left(token));
    }
    this.stack = outer;
    this.depth--;
    return out;
  }

  /** The next token; null at the end. What was read to its end is left, and its macro may be expanded again. */
  private next(): Token | null {
    const token = this.peek();
    if (token !== null) (this.stack.at(-1) as Reading).at++;
    return token;
  }

  private peek(): Token | null {
    for (;;) {
      const top = this.stack.at(-1);
      if (top === undefined) return null;
      const token = top.list[top.at];
      if (token !== undefined) return token;
      if (top.macro !== null) this.inside.delete(top.macro);
      this.stack.pop();
    }
  }

  after(isCalled: boolean): string {
    let depth = 0;
    let count = 0;
    for (let i = this.stack.length - 1; i >= 0; i--) {
      const { list, at } = this.stack[i] as Reading;
      for (let j = at; j < list.length; j++) {
        const { text } = list[j] as Token;
        if (depth === 0 && (!isCalled || count > 0)) {
          this.spend(count);
          return text;
        }
        count++;
        if (text === "(") depth++;
        else if (text === ")") depth--;
      }
    }
    return "";
  }

  private left(token: Token): Token {
    return token.kind === "word" && this.inside.has(token.text) ? { ...token, isFinal: true } : token;
  }

  /** Reads what a macro makes instead of its name and arguments; false where the token is none, or no call of it. */
  private enter(token: Token): boolean {
    if (token.kind !== "word" || token.isFinal || this.inside.has(token.text)) return false;
    const macro = this.lookup(token.text, token.line, this);
    if (macro === null) return false;
    const args = macro.parameters === null ? [] : this.peek()?.text === "(" ? this.arguments() : null;
    if (args === null) return false;
    const list = this.substitute(macro, args, token.line);
    // What makes nothing is counted, too: else nothing would bound how often.
    this.spend(Math.max(1, list.length));
    this.stack.push({ list, at: 0, macro: macro.name });
    this.inside.add(macro.name);
    this.isUnused = false;
    return true;
  }

  private spend(tokens: number): void {
    this.budget.left -= tokens;
    if (this.budget.left < 0) throw new TooMany();
  }

  /** The arguments in the parentheses that come next; null, and nothing read, when nothing closes them. */
  private arguments(): Token[][] | null {
    const read: Token[] = [];
    const args: Token[][] = [[]];
    let depth = 0;
    for (let next = this.next(); next !== null; next = this.next()) {
      const token = this.left(next);
      read.push(token);
      const { text } = token;
      // Only parentheses keep a comma from ending an argument: to a preprocessor, brackets and braces are nothing special.
      if (text === "(" && depth++ === 0) continue;
      if (text === ")" && --depth === 0) return args;
      if (text === "," && depth === 1) args.push([]);
      else (args.at(-1) as Token[]).push(token);
    }
    // It is read again, which each of many such calls would do to the end.
    this.spend(read.length);
    this.stack.push({ list: read, at: 0, macro: null });
    return null;
  }

  private substitute(macro: Macro, args: readonly Token[][], line: number): Token[] {
    const names = macro.parameters ?? [];
    const last = names.at(-1);
    const isVariadic = last?.endsWith("...") === true;
    const variable = isVariadic ? joined(args.slice(names.length - 1), line) : [];
    const argument = (name: string): readonly Token[] | null => {
      const wanted = isVariadic && name === (last === "..." ? "__VA_ARGS__" : last?.slice(0, -3).trim());
      if (wanted) return variable;
      const at = names.indexOf(name);
      return at < 0 ? null : (args[at] ?? []);
    };
    let isAny: boolean | null = null;
    const hasVariable = (): boolean => {
      isAny ??= this.expand(variable).length > 0;
      return isAny;
    };
    const given = { argument, hasVariable, isVariadic, isCalled: macro.parameters !== null, line };
    return this.replaced(bodyOf(macro), given).filter((token) => token.text !== "");
  }

  /** A macro's body, or a part of it, with the arguments in place; an empty token stands where there was something that is nothing. */
  private replaced(body: readonly Token[], given: Given): Token[] {
    const { argument, isVariadic, line } = given;
    const out: Token[] = [];
    /** What is pasted at a place of the body, as it is, and where that ends; null for a token that stands for itself. */
    const operand = (at: number): { readonly list: readonly Token[]; readonly end: number } | null => {
      const { kind, text } = body[at] as Token;
      if (kind !== "word") return null;
      const close = isVariadic && text === "__VA_OPT__" ? closeOf(body, at + 1) : -1;
      if (close >= 0) {
        const list = given.hasVariable() ? this.replaced(body.slice(at + 2, close), given) : [];
        return { list, end: close };
      }
      const list = argument(text);
      return list && { list, end: at };
    };
    for (let i = 0; i < body.length; i++) {
      const token = body[i] as Token;
      const next = body[i + 1];
      const quoted = token.text === "#" && given.isCalled && next ? operand(i + 1) : null;
      if (quoted) {
        out.push({ kind: "string", text: '""', line });
        i = quoted.end;
      } else if (token.text === "##" && i > 0 && next) {
        const right = operand(i + 1);
        i = right?.end ?? i + 1;
        this.pasteTo(out, right?.list ?? [next], given);
      } else {
        const value = operand(i);
        i = value?.end ?? i;
        if (value === null) out.push({ ...token, line });
        else if (body[i + 1]?.text === "##") {
          // An empty argument leaves something to paste to, so that it does not take what stands before it.
          for (const t of value.list.length > 0 ? value.list : [EMPTY]) out.push({ ...t, line });
        } else
          for (const t of token.text === "__VA_OPT__" ? value.list : this.expand(value.list)) out.push({ ...t, line });
      }
      // A long argument may stand in a long body many times.
      if (out.length > this.budget.left) this.spend(out.length);
    }
    return out;
  }

  private pasteTo(out: Token[], right: readonly Token[], { isVariadic, line }: Given): void {
    // GNU: a comma before variable arguments goes away with them, and is pasted to nothing.
    if (out.at(-1)?.text !== "," || !isVariadic) paste(out, right, line);
    else if (right.length === 0) out.pop();
    else for (const t of right) out.push({ ...t, line });
  }
}

/** What a call gives a macro. */
interface Given {
  /** The argument of a parameter; null for a name that is none. */
  readonly argument: (name: string) => readonly Token[] | null;
  readonly isVariadic: boolean;
  /** Is anything left of the variable arguments once they are expanded? */
  readonly hasVariable: () => boolean;
  /** Does it take arguments? */
  readonly isCalled: boolean;
  readonly line: number;
}

/** Where the parenthesis is closed that opens at `open`; -1 where none does, or it is never closed. */
function closeOf(tokens: readonly Token[], open: number): number {
  if (tokens[open]?.text !== "(") return -1;
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    const { text } = tokens[i] as Token;
    if (text === "(") depth++;
    else if (text === ")" && --depth === 0) return i;
  }
  return -1;
}

const EMPTY: Token = { kind: "word", text: "", line: 0 };

/** Pastes the first of `right` to the last of `out`. */
function paste(out: Token[], right: readonly Token[], line: number): void {
  const left = out.pop() ?? EMPTY;
  const [first = EMPTY, ...rest] = right;
  const text = left.text + first.text;
  const kind = /^[A-Za-z_$]/.test(text) ? "word" : /^\.?\d/.test(text) ? "number" : left.kind;
  out.push({ kind, text, line });
  for (const t of rest) out.push({ ...t, line });
}

function joined(args: readonly Token[][], line: number): Token[] {
  return args.flatMap((arg, i) => (i === 0 ? arg : [{ kind: "punctuator" as const, text: ",", line }, ...arg]));
}

/** The tokens of a macro's body, `##` as one. */
export function bodyOf(macro: Macro): readonly Token[] {
  const known = bodies.get(macro);
  if (known) return known;
  const tokens = tokenize(macro.body, 0, macro.body.length, 0);
  const list: Token[] = [];
  for (let i = 0; i < tokens.texts.length - 1; i++) {
    const text = tokens.texts[i] as string;
    // The lexer knows no `##`.
    if (text === "#" && tokens.texts[i + 1] === "#" && tokens.ends[i] === tokens.starts[i + 1]) {
      list.push({ kind: "punctuator", text: "##", line: 0 });
      i++;
    } else list.push({ kind: tokens.kinds[i] as TokenKind, text, line: 0 });
  }
  bodies.set(macro, list);
  return list;
}
