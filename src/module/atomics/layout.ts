/** Where the members of a type stand in its word, read from its `typedef`. */
import type { Program } from "../../c/index.ts";

/** A member by its path below the type: `raw`, `hp`, `accept.init_counter`. */
export interface Member {
  readonly path: string;
  readonly lsb: number;
  readonly width: number;
}

/** A type of up to 64 bits. */
export interface TypeLayout {
  readonly bits: number;
  /** Empty for a plain integer. */
  readonly members: readonly Member[];
}

const SCALAR = /^u?int(8|16|32|64)_t$/;
const NAMED: Readonly<Record<string, number>> = { bool_t: 8, bool: 8, char: 8 };

/** The layouts of a tree's types. */
export class Layouts {
  readonly #program: Program;
  readonly #known = new Map<string, TypeLayout | null>();

  constructor(program: Program) {
    this.#program = program;
  }

  /** The layout of a type; null where it is no integer and no union or structure of integers and bit-fields. */
  of(type: string): TypeLayout | null {
    const before = this.#known.get(type);
    if (before !== undefined) return before;
    this.#known.set(type, null);
    const found = this.#read(type);
    this.#known.set(type, found);
    return found;
  }

  #read(type: string): TypeLayout | null {
    const scalar = SCALAR.exec(type)?.[1] ?? NAMED[type];
    if (scalar !== undefined) return { bits: Number(scalar), members: [] };
    if (!/^\w+$/.test(type)) return null;
    const plain = new RegExp(`\\btypedef\\s+(\\w+)\\s+${type}\\s*;`);
    const ends = new RegExp(`\\}\\s*${type}\\s*;`);
    for (const text of this.#program.texts.values()) {
      if (!text.includes(type)) continue;
      const alias = plain.exec(text)?.[1];
      if (alias !== undefined) return this.of(alias);
      const end = text.search(ends);
      if (end < 0) continue;
      const start = text.lastIndexOf("typedef", end);
      if (start >= 0) return new MemberReader(text.slice(start + "typedef".length, end + 1), this).layout();
    }
    return null;
  }
}

/** Reads `union … { members }`. What it does not understand makes the whole type unknown. */
class MemberReader {
  readonly #tokens: readonly string[];
  readonly #layouts: Layouts;
  #at = 0;

  constructor(text: string, layouts: Layouts) {
    this.#tokens = text.match(/[A-Za-z_]\w*|\d\w*|[^\s\w]/g) ?? [];
    this.#layouts = layouts;
  }

  layout(): TypeLayout | null {
    try {
      const members: Member[] = [];
      const bits = this.#aggregate("", 0, members);
      return bits > 64 ? null : { bits, members };
    } catch (error) {
      if (error instanceof NotUnderstoodType) return null;
      throw error;
    }
  }

  #take(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new NotUnderstoodType();
    return token;
  }
  #is(token: string): boolean {
    return this.#tokens[this.#at] === token;
  }

  /** From `union` or `struct` up to the `}` that closes it; its size in bits. */
  #aggregate(prefix: string, offset: number, members: Member[]): number {
    const isUnion = this.#take() === "union";
    while (!this.#is("{")) this.#take();
    this.#take();
    let at = offset;
    let largest = 0;
    while (!this.#is("}")) {
      const size = this.#member(prefix, isUnion ? offset : at, members);
      at += size;
      largest = Math.max(largest, size);
    }
    this.#take();
    return isUnion ? largest : at - offset;
  }

  /** One declaration up to its `;`; its size in bits. */
  #member(prefix: string, offset: number, members: Member[]): number {
    if (this.#is("union") || this.#is("struct")) return this.#nested(prefix, offset, members);
    const words: string[] = [];
    let at = offset;
    while (/^\w/.test(this.#tokens[this.#at] ?? "")) words.push(this.#take());
    const name = this.#is(":") && words.length === 1 ? null : (words.pop() ?? null);
    const type = words.at(-1) ?? "";
    for (let current = name; ; current = this.#is(":") ? null : this.#take()) {
      let width: number;
      if (this.#is(":")) {
        this.#take();
        width = Number(this.#take());
      } else width = this.#layouts.of(type)?.bits ?? Number.NaN;
      if (this.#is("[")) {
        this.#take();
        width *= Number(this.#take());
        this.#take();
      }
      if (!Number.isInteger(width)) throw new NotUnderstoodType();
      if (current !== null) members.push({ path: prefix + current, lsb: at, width });
      at += width;
      const end = this.#take();
      if (end === ";") return at - offset;
      if (end !== ",") throw new NotUnderstoodType();
    }
  }

  #nested(prefix: string, offset: number, members: Member[]): number {
    const inner: Member[] = [];
    const size = this.#aggregate("", offset, inner);
    const name = this.#is(";") ? null : this.#take();
    if (this.#take() !== ";") throw new NotUnderstoodType();
    const path = name === null ? prefix : `${prefix}${name}.`;
    if (name !== null) members.push({ path: prefix + name, lsb: offset, width: size });
    members.push(...inner.map((member) => ({ ...member, path: path + member.path })));
    return size;
  }
}

class NotUnderstoodType extends Error {}
