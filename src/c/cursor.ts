/**
 * A place in the tokens of some C, and what every part of the parser needs there: looking ahead, taking a token or refusing it,
 * and the bounds that keep hostile text from exhausting the stack.
 */

import type { TokenKind, Tokens } from "./lexer.ts";

/** Is a name the name of a type? */
export type IsTypeName = (name: string) => boolean;

/** What a parser is told of the text besides its tokens. */
export interface ParserOptions {
  readonly isTypeName: IsTypeName;
  /** Is this the name of a function? None is, unless given. */
  readonly isFunction?: (name: string) => boolean;
  /** Is a call of this name, when no semicolon follows, a macro that governs the statement after it? None, unless given. */
  readonly governs?: (name: string) => boolean;
}

/** Deeper nesting is no code that a person wrote; following it would exhaust the stack. */
const MAX_NESTING = 250;

/** Words that begin a type or a declaration. */
export const SPECIFIERS = new Set([
  ...["const", "volatile", "restrict", "static", "extern", "register", "auto", "inline", "signed", "unsigned"],
  ...["void", "char", "short", "int", "long", "float", "double", "_Bool", "struct", "union", "enum", "__auto_type"],
]);
/** Operators whose parentheses hold a type or an expression that is not evaluated, and that stand for its type. */
export const TYPEOF = new Set(["typeof", "__typeof__", "__typeof", "typeof_unqual"]);
/** Words that no expression begins with. */
export const STATEMENT_WORDS = new Set([
  ...["if", "else", "for", "while", "do", "switch", "case", "default", "goto", "return", "break", "continue"],
]);
/** What stands at a token is not what the grammar wants there. */
export class Unexpected extends Error {}

/** The text nests deeper than anything that a person wrote. */
export class TooDeep extends Error {}

/** Reads tokens one after the other. */
export abstract class Cursor {
  /** Lines of statements that were not understood. */
  readonly errors: number[] = [];
  protected readonly source: string;
  protected readonly tokens: Tokens;
  protected readonly options: ParserOptions;
  protected at = 0;
  protected depth = 0;
  /** Height of the expression that was read last. */
  protected height = 0;
  /** Names of the parameters and of what the function has declared so far. */
  protected readonly declared = new Set<string>();
  private withSemicolon: ReadonlySet<number> | null = null;

  constructor(source: string, tokens: Tokens, options: ParserOptions) {
    this.source = source;
    this.tokens = tokens;
    this.options = options;
  }

  // ---------------------------------------------------------------- tokens

  protected get text(): string {
    return this.tokens.texts[this.at] as string;
  }

  protected get kind(): TokenKind {
    return this.tokens.kinds[this.at] as TokenKind;
  }

  protected get line(): number {
    return this.tokens.lines[this.at] as number;
  }

  /** The text of a token further on; empty past the end. */
  protected ahead(count: number): string {
    return this.tokens.texts[this.at + count] ?? "";
  }

  protected isWord(count = 0): boolean {
    return this.tokens.kinds[this.at + count] === "word";
  }

  protected isString(count = 0): boolean {
    return this.tokens.kinds[this.at + count] === "string";
  }

  protected is(text: string): boolean {
    return this.text === text;
  }

  protected accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.at++;
    return true;
  }

  protected expect(text: string): void {
    if (!this.accept(text)) throw new Unexpected();
  }

  protected word(): string {
    if (!this.isWord()) throw new Unexpected();
    return this.tokens.texts[this.at++] as string;
  }

  /** Does a name mean a type here? A variable hides one. */
  protected isTypeName(name: string): boolean {
    return !this.declared.has(name) && this.options.isTypeName(name);
  }

  /** Goes past a parenthesis, bracket or brace and all up to the one that closes it. */
  protected skipBalanced(): void {
    let depth = 0;
    do {
      if (this.kind === "end") throw new Unexpected();
      if (/^[([{]$/.test(this.text)) depth++;
      else if (/^[)\]}]$/.test(this.text)) depth--;
      this.at++;
    } while (depth > 0);
  }

  /** Is there a semicolon in the parentheses that open here, and in no others within them? */
  protected holdsSemicolon(): boolean {
    this.withSemicolon ??= parenthesesWithSemicolon(this.tokens.texts);
    return this.withSemicolon.has(this.at);
  }

  /** The source from a token to the one before this, on one line. */
  protected textSince(from: number): string {
    if (this.tokens.expanded) return this.tokens.texts.slice(from, this.at).join(" ").slice(0, 120);
    const end = this.tokens.ends[this.at - 1] ?? 0;
    const text = this.source.slice(this.tokens.starts[from], end).replace(/\\\r?\n/g, " ");
    return text.replace(/\s+/g, " ").slice(0, 120);
  }

  protected nested<T>(read: () => T): T {
    if (++this.depth > MAX_NESTING) throw new TooDeep();
    const result = read();
    this.depth--;
    return result;
  }

  /** Height of a node over the highest of its parts. */
  protected over(...parts: readonly number[]): number {
    const height = Math.max(...parts) + 1;
    if (height > MAX_NESTING) throw new TooDeep();
    return height;
  }
}

/** Positions of the opening parentheses that have a semicolon of their own. */
function parenthesesWithSemicolon(texts: readonly string[]): Set<number> {
  const found = new Set<number>();
  const open: number[] = [];
  texts.forEach((text, at) => {
    if (text === "(" || text === "[" || text === "{") open.push(at);
    else if (text === ")" || text === "]" || text === "}") open.pop();
    else if (text === ";" && texts[open.at(-1) ?? -1] === "(") found.add(open.at(-1) as number);
  });
  return found;
}
