/**
 * Expands macros in tokens, as the C preprocessor does: arguments first, `#`, `##`, variable arguments, and no macro inside itself.
 *
 * What a macro makes stands on the line of its use. The text of a literal that `#` makes is lost: no analysis reads literals.
 */

import { type TokenKind, type Tokens, tokenize } from "./lexer.ts";
import type { Macro } from "./preprocess.ts";

/** The macro of a name on a line, where one is to be expanded. */
export type MacroLookup = (name: string, line: number) => Macro | null;

interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly line: number;
}

/** Expansion made more tokens than any honest text. */
class TooMany extends Error {}

const bodies = new WeakMap<Macro, readonly Token[]>();

/**
 * The tokens with all macros expanded that `lookup` gives; the same object when there is none.
 *
 * @param most tokens that all expansions together may make
 * @returns null when they make more
 */
export function expandMacros(tokens: Tokens, lookup: MacroLookup, most: number): Tokens | null {
  if (!tokens.texts.some((text, i) => tokens.kinds[i] === "word" && lookup(text, tokens.lines[i] as number) !== null))
    return tokens;
  const list: Token[] = [];
  const end = tokens.texts.length - 1;
  for (let i = 0; i < end; i++)
    list.push({ kind: tokens.kinds[i] as TokenKind, text: tokens.texts[i] as string, line: tokens.lines[i] as number });
  try {
    const result = new Expander(lookup, most).expand(list, new Set());
    return asTokens(result, tokens.lines[end] as number, tokens.ends[end] as number);
  } catch (error) {
    if (error instanceof TooMany) return null;
    throw error;
  }
}

/** The text that a call of a macro at file scope makes, on one line; null when it is none or makes too much. */
export function expandText(text: string, line: number, lookup: MacroLookup, most: number): string | null {
  const tokens = expandMacros(tokenize(text, 0, text.length, line), lookup, most);
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

class Expander {
  private made = 0;
  private readonly lookup: MacroLookup;
  private readonly most: number;

  constructor(lookup: MacroLookup, most: number) {
    this.lookup = lookup;
    this.most = most;
  }

  expand(list: readonly Token[], within: ReadonlySet<string>): Token[] {
    const out: Token[] = [];
    for (let i = 0; i < list.length; i++) {
      const token = list[i] as Token;
      const macro = token.kind === "word" && !within.has(token.text) ? this.lookup(token.text, token.line) : null;
      if (macro === null) {
        out.push(token);
        continue;
      }
      let args: Token[][] = [];
      if (macro.parameters !== null) {
        const call = list[i + 1]?.text === "(" ? argumentsAt(list, i + 1) : null;
        if (call === null) {
          out.push(token);
          continue;
        }
        args = call.args;
        i = call.end;
      }
      const body = this.substitute(macro, args, within, token.line);
      this.made += body.length;
      if (this.made > this.most) throw new TooMany();
      for (const made of this.expand(body, new Set([...within, macro.name]))) out.push(made);
    }
    return out;
  }

  private substitute(macro: Macro, args: readonly Token[][], within: ReadonlySet<string>, line: number): Token[] {
    const body = bodyOf(macro);
    const names = macro.parameters ?? [];
    const last = names.at(-1);
    const isVariadic = last?.endsWith("...") === true;
    const argument = (name: string): readonly Token[] | null => {
      const wanted = isVariadic && name === (last === "..." ? "__VA_ARGS__" : last?.slice(0, -3).trim());
      if (wanted) return joined(args.slice(names.length - 1), line);
      const at = names.indexOf(name);
      return at < 0 ? null : (args[at] ?? []);
    };
    const out: Token[] = [];
    for (let i = 0; i < body.length; i++) {
      const token = body[i] as Token;
      const next = body[i + 1];
      if (token.text === "#" && macro.parameters !== null && next && argument(next.text) !== null) {
        out.push({ kind: "string", text: '""', line });
        i++;
      } else if (token.text === "##" && i > 0 && next) {
        i++;
        const right = argument(next.text) ?? [next];
        const left = out.at(-1);
        // GNU: a comma before variable arguments goes away with them, and is pasted to nothing.
        if (left?.text === "," && isVariadic) {
          if (right.length === 0) out.pop();
          else for (const t of right) out.push({ ...t, line });
        } else paste(out, right, line);
      } else {
        const value = token.kind === "word" ? argument(token.text) : null;
        if (value === null) out.push({ ...token, line });
        else if (next?.text === "##") {
          // An empty argument leaves something to paste to, so that it does not take what stands before it.
          for (const t of value.length > 0 ? value : [EMPTY]) out.push({ ...t, line });
        } else for (const t of this.expand(value, within)) out.push({ ...t, line });
      }
    }
    return out.filter((token) => token.text !== "");
  }
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

/** The arguments in the parentheses at `open`; null when nothing closes them. */
function argumentsAt(list: readonly Token[], open: number): { args: Token[][]; end: number } | null {
  const args: Token[][] = [[]];
  let depth = 0;
  for (let i = open; i < list.length; i++) {
    const token = list[i] as Token;
    const { text } = token;
    if (token.kind === "punctuator") {
      if (text === "(" || text === "[" || text === "{") depth++;
      else if (text === ")" || text === "]" || text === "}") depth--;
      if (depth === 0) return { args, end: i };
      if (text === "," && depth === 1) {
        args.push([]);
        continue;
      }
      if (i === open) continue;
    }
    (args.at(-1) as Token[]).push(token);
  }
  return null;
}

function bodyOf(macro: Macro): readonly Token[] {
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
