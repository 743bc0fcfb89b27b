/**
 * The types of a program, as far as an analysis that follows members needs them: which structure an expression is of.
 *
 * A structure goes by its tag; one without a tag by the name of its typedef, or by the structure and member that it stands in.
 */

import type { Expr } from "./ast.ts";
import { type Tokens, tokenize } from "./lexer.ts";

/** A structure's members and their types, as written. */
export type Members = ReadonlyMap<string, string>;

/** What gives the types of names that are none of the structures' members. */
export interface Scope {
  /** Type of a variable or parameter; null when it is not known. */
  readonly variable: (name: string) => string | null;
  /** Type that a function returns; null when it is not known. */
  readonly result: (name: string) => string | null;
}

const TAGS = /\b(?:struct|union)\s+(\w+)/;

/** The structures of preprocessed texts. Each is read when it is first asked for. */
export class Types {
  private readonly texts: readonly string[];
  private readonly places = new Map<string, { readonly text: number; readonly open: number }>();
  private readonly aliases = new Map<string, string>();
  private readonly members = new Map<string, Members>();
  private readonly arrays = new Set<string>();
  private globals: ReadonlyMap<string, string> | null = null;

  constructor(texts: readonly string[]) {
    this.texts = texts;
    texts.forEach((text, i) => {
      for (const match of text.matchAll(/\b(?:struct|union)\s+(\w+)\s*\{/g)) {
        const tag = match[1] as string;
        if (!this.places.has(tag)) this.places.set(tag, { text: i, open: match.index + match[0].length - 1 });
      }
      for (const match of text.matchAll(/\btypedef\s+(?:struct|union)\s+(\w+)\s+(\w+)\s*;/g))
        this.aliases.set(match[2] as string, match[1] as string);
      for (const match of text.matchAll(/\btypedef\s+(?:struct|union)\s*(\w+)?\s*\{/g)) {
        const open = match.index + match[0].length - 1;
        const name = /^\s*(\w+)\s*;/.exec(text.slice(closeOfBrace(text, open), closeOfBrace(text, open) + 200))?.[1];
        if (name === undefined) continue;
        if (match[1] === undefined) this.places.set(name, { text: i, open });
        this.aliases.set(name, match[1] ?? name);
      }
    });
  }

  /** The tag of the structure that a type names or points to; null when it names none that is known. */
  tagOf(type: string | null): string | null {
    if (type === null) return null;
    const tag = TAGS.exec(type)?.[1];
    if (tag !== undefined) return tag;
    for (const word of type.split(/[\s*]+/)) {
      const alias = this.aliases.get(word) ?? (this.members.has(word) ? word : undefined);
      if (alias !== undefined) return alias;
    }
    return null;
  }

  /** The members of a structure, those of nameless parts included; none for one that is not known. */
  membersOf(tag: string): Members {
    const known = this.members.get(tag);
    if (known !== undefined) return known;
    const place = this.places.get(tag);
    const found = new Map<string, string>();
    this.members.set(tag, found);
    if (place !== undefined) {
      const text = this.texts[place.text] as string;
      this.read(tokenize(text, place.open + 1, closeOfBrace(text, place.open) - 1, 1), tag, found);
    }
    return found;
  }

  /** The type of a member; null when the structure has none of that name, or is not known. */
  memberType(tag: string, member: string): string | null {
    return this.membersOf(tag).get(member) ?? null;
  }

  /** The tags of all structures. */
  tags(): readonly string[] {
    return [...this.places.keys()];
  }

  /** Is a member an array, whose elements have the type that the member is said to have? */
  isArray(tag: string, member: string): boolean {
    return this.membersOf(tag).has(member) && this.arrays.has(`${tag}.${member}`);
  }

  /** The type of a member given as `structure.member`; null when it is not known. */
  typeOfMember(name: string): string | null {
    const at = name.indexOf(".");
    return at < 0 ? null : this.memberType(name.slice(0, at), name.slice(at + 1));
  }

  /** The type of an object at file scope; null when none is declared. */
  globalType(name: string): string | null {
    this.globals ??= globalTypes(this.texts);
    return this.globals.get(name) ?? null;
  }

  /** The tag of the structure that an expression is, or points to; null when it is none or not known. */
  tagOfExpr(e: Expr, scope: Scope): string | null {
    return this.tagOf(this.typeOf(e, scope));
  }

  /** The type of an expression, as far as structures go; null when it is not known. */
  typeOf(e: Expr, scope: Scope): string | null {
    switch (e.kind) {
      case "name":
        return scope.variable(e.name) ?? this.globalType(e.name);
      case "member": {
        const tag = this.tagOfExpr(e.object, scope);
        return tag === null ? null : this.memberType(tag, e.field);
      }
      case "index":
        return this.typeOf(e.object, scope);
      case "unary":
      case "update":
        return this.typeOf(e.operand, scope);
      case "cast":
        return e.type ?? this.typeOf(e.operand, scope);
      case "assign":
        return this.typeOf(e.left, scope);
      case "conditional":
        return this.typeOf(e.yes, scope) ?? this.typeOf(e.no, scope);
      case "comma": {
        const last = e.parts.at(-1);
        return last === undefined ? null : this.typeOf(last, scope);
      }
      case "binary":
        return this.typeOf(e.left, scope) ?? this.typeOf(e.right, scope);
      case "call":
        return e.callee.kind === "name" ? scope.result(e.callee.name) : null;
      case "initializer":
        return e.type ?? null;
      default:
        return null;
    }
  }

  /** Reads the members in some tokens into a map. */
  private read(tokens: Tokens, tag: string, into: Map<string, string>): void {
    const { texts, kinds } = tokens;
    let at = 0;
    // A last member without its semicolon ends with what is behind it, the end itself.
    while (at < kinds.length && kinds[at] !== "end") {
      const words: string[] = [];
      let nested: { from: number; to: number } | null = null;
      while (kinds[at] === "word") {
        words.push(texts[at] as string);
        at++;
        if (texts[at] === "{" && nested === null) {
          const to = closeOfTokens(texts, at);
          nested = { from: at + 1, to: to - 1 };
          at = to;
        }
      }
      const end = endOfMember(texts, at);
      const declarators = texts.slice(at, end);
      at = end + 1;
      if (nested !== null) this.readNested(tokens, nested, words, declarators, tag, into);
      else readPlain(words, declarators, into, (name) => this.arrays.add(`${tag}.${name}`));
    }
  }

  private readNested(
    tokens: Tokens,
    { from, to }: { from: number; to: number },
    words: readonly string[],
    declarators: readonly string[],
    tag: string,
    into: Map<string, string>,
  ): void {
    const part: Tokens = {
      kinds: [...tokens.kinds.slice(from, to), "end"],
      texts: [...tokens.texts.slice(from, to), ""],
      starts: [],
      ends: [],
      lines: [],
    };
    // The last word is the member's name, unless it is the tag or the keyword itself.
    const own = words.filter((word) => !QUALIFIERS.has(word));
    const inner = own[1] !== undefined && own.length > 1 && !this.places.has(own[1]) ? null : (own[1] ?? null);
    const name = own.length > 2 ? own.at(-1) : inner === null && own.length > 1 ? own[1] : undefined;
    const member = name ?? declarators.find((word) => /^[A-Za-z_]\w*$/.test(word));
    if (own[0] === "enum") {
      if (member !== undefined) into.set(member, "int");
      return;
    }
    if (member === undefined) {
      this.read(part, tag, into);
      return;
    }
    const type = inner ?? `${tag}.${member}`;
    if (!this.members.has(type)) {
      const found = new Map<string, string>();
      this.members.set(type, found);
      this.read(part, type, found);
    }
    into.set(member, `struct ${type}`);
    if (declarators.includes("[")) this.arrays.add(`${tag}.${member}`);
  }
}

const QUALIFIERS = new Set(["const", "volatile", "static", "extern"]);

/** `type a, *b, c[3], (*d)(int);` */
function readPlain(
  words: readonly string[],
  declarators: readonly string[],
  into: Map<string, string>,
  isArray: (name: string) => void,
): void {
  const type = words.filter((word) => !QUALIFIERS.has(word));
  const tail = [...declarators];
  // Without stars or parentheses, the last word is the first name.
  if (/^(?:[,[:]|)$/.test(tail[0] ?? "")) {
    const name = type.pop();
    if (name === undefined) return;
    tail.unshift(name);
  }
  const base = type.join(" ");
  let stars = "";
  let depth = 0;
  let name: string | null = null;
  for (const word of [...tail, ","]) {
    if (word === "," && depth === 0) {
      if (name !== null) into.set(name, stars === "" ? base : `${base} ${stars}`);
      stars = "";
      name = null;
    } else if (word === "(" || word === "[") {
      if (word === "[" && depth === 0 && name !== null) isArray(name);
      depth++;
    } else if (word === ")" || word === "]") depth--;
    else if (name === null && word === "*") stars += "*";
    else if (name === null && /^[A-Za-z_]\w*$/.test(word) && !QUALIFIERS.has(word)) name = word;
  }
}

function endOfMember(texts: readonly string[], from: number): number {
  let depth = 0;
  for (let i = from; i < texts.length; i++) {
    const text = texts[i] as string;
    if (text === "(" || text === "[" || text === "{") depth++;
    else if (text === ")" || text === "]" || text === "}") depth--;
    else if (text === ";" && depth <= 0) return i;
  }
  return texts.length - 1;
}

/** Just after the brace that closes the one at `open`. */
function closeOfTokens(texts: readonly string[], open: number): number {
  let depth = 0;
  for (let i = open; i < texts.length; i++) {
    if (texts[i] === "{") depth++;
    else if (texts[i] === "}" && --depth === 0) return i + 1;
  }
  return texts.length - 1;
}

function closeOfBrace(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 123) depth++;
    else if (c === 125 && --depth === 0) return i + 1;
  }
  return text.length;
}

/** Types of structures that objects are declared with, by the names of these: `struct a *b;`, `struct a { … } b;`; the first one counts. */
function globalTypes(texts: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const pattern of [DECLARED, DEFINED])
    for (const text of texts)
      for (const [, type, name] of text.matchAll(pattern))
        if (!found.has(name as string)) found.set(name as string, type as string);
  return found;
}

const DECLARED = /^[ \t]*((?:\w+[ \t]+)*?(?:struct|union)[ \t]+\w+(?:[ \t]+|[ \t]*\*+[ \t]*))(\w+)\b/gm;
const DEFINED = /^(?:static[ \t]+)?((?:struct|union)[ \t]+\w+)[ \t]*\{[^{}]*\}[ \t]*(\w+)[ \t]*[;=]/gm;
