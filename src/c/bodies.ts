/**
 * What a macro's body is by itself, and whether a use of the macro may be read by its name: as an operand of its own, whose value is the body's.
 * A compiler puts the text there: `A * 2` is 5 where A is `1 + 2`.
 */

import type { Expr } from "./ast.ts";
import { STATEMENT_WORDS } from "./cursor.ts";
import { bodyOf, expandMacros, type Macro, type MacroLookup, type MacroUse, type Token } from "./expand.ts";
import { SIZES } from "./expressions.ts";
import { LIMITS } from "./limits.ts";
import { parseExpression } from "./syntax.ts";
import { withParts } from "./walk.ts";

/** How a macro's use may be read. */
type Standing =
  /** As an operand, whatever stands beside it. */
  | "whole"
  /** The same, unless it is called, indexed or has a member taken: it begins with a cast, or an operator like `~`. */
  | "cast"
  /** The same, unless that may be the operator between two operands: `-1`. */
  | "signed"
  /** Only as the text that it is. This is right of every macro. */
  | "text";

/** What bodies need to know of a tree. */
export interface BodySource {
  /** All definitions of a name that differ. */
  readonly definitionsOf: (name: string) => readonly Macro[];
  readonly isType: (name: string) => boolean;
  readonly isEnumerator: (name: string) => boolean;
  /** Is a case of a switch of that name? Nothing but constants is. */
  readonly isCase: (name: string) => boolean;
}

/** What was read of a body. */
interface Reading {
  readonly expr: Expr | null;
  /** The macros in it make more than is looked at. */
  readonly isTooMuch: boolean;
}

const NONE: Reading = { expr: null, isTooMuch: false };

/** Macros that stand one in the other's body. Of deeper ones no more is said than what is right of all. */
const MAX_DEPTH = 50;

export class Bodies {
  private readonly source: BodySource;
  private readonly readings = new WeakMap<Macro, Reading>();
  private readonly standings = new WeakMap<Macro, Standing>();
  private readonly constants = new WeakMap<Macro, boolean>();
  private depth = 0;

  constructor(source: BodySource) {
    this.source = source;
  }

  /** A macro's body as an expression; null when it is none. */
  expr(macro: Macro): Expr | null {
    return this.reading(macro).expr;
  }

  /** Is a macro's body known to be no expression? */
  isNone(macro: Macro): boolean {
    const { expr, isTooMuch } = this.reading(macro);
    return expr === null && !isTooMuch;
  }

  private reading(macro: Macro): Reading {
    const known = this.readings.get(macro);
    if (known !== undefined) return known;
    const { name, parameters, body } = macro;
    const isNone = body === "" || body.length > LIMITS.macroBody;
    const reading = isNone ? NONE : this.read(body, [name, ...(parameters ?? [])]);
    this.readings.set(macro, reading);
    return reading;
  }

  /** A text as an expression, as a compiler reads it; null when it is none. */
  expression(text: string): Expr | null {
    return this.read(text, []).expr;
  }

  private read(text: string, hidden: readonly string[]): Reading {
    const lookup: MacroLookup = (name, _, use) => (hidden.includes(name) ? null : this.opened(name, use));
    let isTooMuch = false;
    const expr = parseExpression(text, this.source.isType, (tokens) => {
      const expanded = expandMacros(tokens, lookup, { left: LIMITS.macroTokens });
      isTooMuch = expanded === null;
      return expanded;
    });
    return { expr, isTooMuch };
  }

  /** The macro of a name whose use is not to be read by the name; null where it may be, and where it is not known which macro is meant. */
  opened(name: string, use?: MacroUse): Macro | null {
    const [macro, ...others] = this.source.definitionsOf(name);
    if (macro === undefined || others.length > 0) return null;
    const standing = this.standing(macro);
    if (standing === "whole" || SIZES.has(name)) return null;
    return standing === "text" || use === undefined || isBound(macro, standing, use) ? macro : null;
  }

  /** Is every use of a macro the value that its name stands for, and no more? */
  isValue(macro: Macro): boolean {
    if (macro.parameters !== null || this.standing(macro) !== "whole") return false;
    return this.source.isCase(macro.name) || this.isConstant(macro);
  }

  /** Is a macro made of numbers, enumerators and other constants alone, besides its parameters? */
  private isConstant(macro: Macro): boolean {
    return this.once(this.constants, macro, false, () => {
      const expr = this.expr(macro);
      return expr !== null && this.isConstantExpr(expr, macro.parameters ?? []);
    });
  }

  private isConstantExpr(e: Expr, parameters: readonly string[]): boolean {
    const isConstant = (part: Expr): boolean => this.isConstantExpr(part, parameters);
    switch (e.kind) {
      case "number":
      case "string":
        return true;
      case "name":
        return parameters.includes(e.name) || this.source.isEnumerator(e.name) || this.isConstantName(e.name);
      case "call":
        return e.callee.kind === "name" && this.isConstantName(e.callee.name) && e.args.every(isConstant);
      case "unary":
        return e.op !== "*" && isConstant(e.operand);
      case "cast":
        return isConstant(e.operand);
      case "binary":
        return isConstant(e.left) && isConstant(e.right);
      case "conditional":
        return isConstant(e.test) && isConstant(e.yes) && isConstant(e.no);
      // A size, or a type that a macro is given.
      case "opaque":
        return e.body === undefined;
      default:
        return false;
    }
  }

  private isConstantName(name: string): boolean {
    const macros = this.source.definitionsOf(name);
    return macros.length > 0 && macros.every((macro) => this.isConstant(macro));
  }

  private standing(macro: Macro): Standing {
    return this.once(this.standings, macro, "text", () => {
      const body = bodyOf(macro);
      return macro.parameters !== null && !this.isClosed(macro, macro.parameters, body)
        ? "text"
        : this.standingOf(body, macro);
    });
  }

  /** What is known of a macro, or found out now; `unless` for one that is met in itself, and for one that lies too deep. */
  private once<T>(known: WeakMap<Macro, T>, macro: Macro, unless: T, find: () => T): T {
    const before = known.get(macro);
    if (before !== undefined) return before;
    if (this.depth >= MAX_DEPTH) return unless;
    known.set(macro, unless);
    this.depth++;
    const found = find();
    this.depth--;
    known.set(macro, found);
    return found;
  }

  /** Is each argument read as an operand of its own, however it is written? */
  private isClosed(macro: Macro, parameters: readonly string[], body: readonly Token[]): boolean {
    const expr = this.expr(macro);
    if (expr === null || parameters.some((name) => name.endsWith("..."))) return false;
    let uses = 0;
    for (const [i, { text }] of body.entries()) {
      if (!parameters.includes(text)) {
        // What the argument becomes there is not seen here.
        if (text !== macro.name && this.isText(text)) return false;
        continue;
      }
      if (!/^[(,[]$/.test(body[i - 1]?.text ?? "") || !/^[),\]]$/.test(body[i + 1]?.text ?? "")) return false;
      uses++;
    }
    // One that stands for a type, or is measured, is no part of the tree.
    return uses === countNames(expr, parameters);
  }

  private isText(name: string): boolean {
    return this.source.definitionsOf(name).some((macro) => this.standing(macro) === "text");
  }

  private standingOf(body: readonly Token[], { name }: Macro): Standing {
    const text = (i: number): string => body[i]?.text ?? "";
    const first = endOfPrefixes(body);
    const head = body[first];
    const end = endOfOperand(body, first);
    if (head === undefined || end !== body.length) return "text";
    const isPlain = first === 0 && !SIZES.has(head.text);
    const own = isPlain ? "whole" : SIGNS.has(text(0)) ? "signed" : "cast";
    const [macro] = head.kind === "word" && head.text !== name ? this.source.definitionsOf(head.text) : [];
    if (macro === undefined) return own;
    if ((macro.parameters !== null) !== (text(first + 1) === "(")) return "text";
    const inner = this.standing(macro);
    if (inner === "whole") return own;
    // After what is in parentheses, a sign takes two operands, unless that is a type.
    if (inner === "text" || (inner === "signed" && text(first - 1) === ")")) return "text";
    return isPlain ? inner : own;
  }
}

/** What goes on with the operand before it, and so only with a part of one that begins with an operator. */
const LINKS: ReadonlySet<string> = new Set(["(", "[", ".", "->", "++", "--"]);

/** Operators that take one operand or two. */
const SIGNS: ReadonlySet<string> = new Set(["+", "-", "*", "&"]);

function isBound({ parameters }: Macro, standing: Standing, use: MacroUse): boolean {
  const isSecond = /(?:[\w)\]}'"]|\+\+|--)$/.test(use.before) && !STATEMENT_WORDS.has(use.before);
  return (standing === "signed" && isSecond) || LINKS.has(use.after(parameters !== null));
}

/** Where operators and casts end that an expression begins with. */
function endOfPrefixes(body: readonly Token[]): number {
  let at = 0;
  for (;;) {
    const text = body[at]?.text ?? "";
    const close = text === "(" ? closeOf(body, at) : -1;
    const next = body[close + 1];
    if (/^[-+~!*&]$/.test(text)) at++;
    // Whether a name in parentheses before a sign is a type, is not seen.
    else if (close >= 0 && next !== undefined && (next.kind !== "punctuator" || /^[(~!]$/.test(next.text)))
      at = close + 1;
    else return at;
  }
}

/** Where a name, a literal or parentheses, and what is called, indexed or taken of these, end; -1 where that is not what begins. */
function endOfOperand(body: readonly Token[], from: number): number {
  const first = body[from];
  if (first === undefined || (first.kind === "punctuator" && first.text !== "(")) return -1;
  let at = first.text === "(" ? closeOf(body, from) + 1 : from + 1;
  if (at === 0) return -1;
  while (first.kind === "string" && body[at]?.kind === "string") at++;
  for (;;) {
    const text = body[at]?.text;
    if (text === "." || text === "->") at += 2;
    else if (text === "(" || text === "[") {
      const close = closeOf(body, at);
      if (close < 0) return -1;
      at = close + 1;
    } else return at;
  }
}

/** Where what opens at `open` is closed; -1 where it is not. */
function closeOf(body: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < body.length; i++) {
    const { text } = body[i] as Token;
    if (/^[([{]$/.test(text)) depth++;
    else if (/^[)\]}]$/.test(text) && --depth === 0) return i;
  }
  return -1;
}

/** How often names stand where arguments come to stand in their place. */
function countNames(expr: Expr, names: readonly string[]): number {
  let count = 0;
  const visit = (e: Expr): Expr => {
    if (e.kind === "name" && names.includes(e.name)) count++;
    return withParts(e, visit);
  };
  visit(expr);
  return count;
}
