/** The constants of a tree, its enumerators and macros, and what C computes of them. */
import type { CallExpr, Expr, IntegerType } from "./ast.ts";
import { parseInteger, typeOfInteger } from "./expressions.ts";
import { binary, chosen, converted, type Integer, literal, natural, sizeOf, unary } from "./integers.ts";
import { LIMITS } from "./limits.ts";
import type { NamedSite } from "./program.ts";
import type { MacroSite } from "./units.ts";

/** What constants need to know of the tree's macros and types. */
export interface ConstantSource {
  readonly macros: ReadonlyMap<string, MacroSite>;
  /** Macros of which nobody knows what they stand for. */
  readonly redefined: ReadonlyMap<string, unknown>;
  /** A macro's body as an expression. */
  readonly macroExpr: (name: string) => Expr | null;
  /** What a macro's call stands for. */
  readonly macroCall: (call: CallExpr) => Expr | null;
  /** A text as an expression. */
  readonly expression: (text: string) => Expr | null;
}

interface Enumerator extends NamedSite {
  /** What is counted from. */
  readonly base: Base;
  readonly offset: number;
}

/** The explicit value of the nearest enumerator at or before some. */
interface Base {
  /** Null for an implicit first zero. */
  readonly text: string | null;
  /** All enumerators of the enumeration. */
  readonly among: readonly Enumerator[];
}

/** Bounds of one constant's evaluation: macros that use each other twice double with every level. */
const MAX_EVALUATION = 20_000;
const MAX_EVALUATION_DEPTH = 800;

export class Constants {
  /** By name: of several the first. */
  readonly enumerators = new Map<string, Enumerator>();
  /** `typedef enum … name_t` → its enumerators, in order. */
  readonly enums = new Map<string, string[]>();
  private readonly source: ConstantSource;
  /** Names that several enumerations use, and all of each. */
  private readonly repeated = new Map<string, Enumerator[]>();
  /** Of those the ones that were asked for and are not worth the same. */
  private readonly differing = new Map<string, readonly NamedSite[]>();
  private readonly values = new Map<string, Integer | null>();
  private readonly bases = new Map<Base, Integer | null>();
  /** Types of those enumerators of an enumeration that are no `int`; null where not all values are known. */
  private readonly wide = new Map<Base["among"], IntegerType | null>();
  /** The enumeration of which a value is computed: its own names do not have their types yet. */
  private inside: Base["among"] | null = null;
  /** What names of types stand for, of those that are declared as one of another name. */
  private readonly aliases = new Map<string, string>();
  private depth = 0;
  private fuel = 0;

  constructor(source: ConstantSource) {
    this.source = source;
  }

  /** Takes in what a file declares. */
  index(file: string, text: string): void {
    this.indexEnums(file, text);
    for (const [, type, name] of text.matchAll(
      /\btypedef\s{1,80}((?:\w{1,80}\s{1,80}){1,5}(?:\*\s{0,80})?)(\w+)\s{0,80};/g,
    ))
      if (!this.aliases.has(name as string)) this.aliases.set(name as string, (type as string).trim());
  }

  /** The name that a name of a type is declared as; null for one that is not. */
  readonly meant = (name: string): string | null => this.aliases.get(name) ?? null;

  /** Do several enumerations use one name? */
  get hasRepeated(): boolean {
    return this.repeated.size > 0;
  }

  /**
   * Enumerators of which several of one name have different values: what the name stands for is not known.
   *
   * @param among only these names, which are looked at now; unless stated, those that were asked for before
   */
  clashing(among?: ReadonlySet<string>): readonly (readonly NamedSite[])[] {
    if (among === undefined) return [...this.differing.values()];
    for (const name of this.repeated.keys()) if (among.has(name)) this.integer(name);
    return [...this.differing].flatMap(([name, sites]) => (among.has(name) ? [sites] : []));
  }

  private indexEnums(file: string, text: string): void {
    const lines = new Lines(text);
    for (const match of text.matchAll(/\benum\b[^;{}()]{0,300}\{([^{}]*)\}\s*(\w*)/g)) {
      const line = lines.at(match.index);
      const among: Enumerator[] = [];
      let base: Base = { text: null, among };
      let offset = 0;
      const names: string[] = [];
      for (const part of splitTopLevel(match[1] ?? "")) {
        const entry = /^\s*([A-Za-z_]\w*)\s*(?:=\s*([\s\S]+))?$/.exec(part);
        if (!entry?.[1]) continue;
        if (entry[2] !== undefined) {
          base = { text: entry[2].trim(), among };
          offset = 0;
        }
        among.push({ name: entry[1], file, line, base, offset });
        this.addEnumerator(among.at(-1) as Enumerator);
        names.push(entry[1]);
        offset++;
      }
      if (match[2]) this.enums.set(match[2], names);
    }
  }

  private addEnumerator(one: Enumerator): void {
    const first = this.enumerators.get(one.name);
    if (first === undefined) this.enumerators.set(one.name, one);
    else {
      const sites = this.repeated.get(one.name);
      if (sites) sites.push(one);
      else this.repeated.set(one.name, [first, one]);
    }
  }

  /** The value of an enumerator or of a macro that is a constant expression; null when there is none. */
  integer(name: string): Integer | null {
    const known = this.values.get(name);
    if (known !== undefined) return known;
    this.values.set(name, null);
    const value = this.computeConstant(name);
    this.values.set(name, value);
    return value;
  }

  private computeConstant(name: string): Integer | null {
    const enumerator = this.enumerators.get(name);
    if (enumerator) return this.worth(name, this.repeated.get(name) ?? [enumerator]);
    const macro = this.source.macros.get(name);
    if (!macro || macro.parameters !== null || this.source.redefined.has(name)) return null;
    return integerOf(macro.body) ?? this.compute(this.source.macroExpr(name));
  }

  /** The value that all enumerators of a name have; null, and noted, where it is not the same. */
  private worth(name: string, all: readonly Enumerator[]): Integer | null {
    const values = all.map((one) => this.enumerated(one));
    const [value = null] = values;
    if (values.every((other) => other?.value === value?.value)) return value;
    this.differing.set(name, all);
    return null;
  }

  /** An enumerator is an `int` where it fits one; else it is of the type that holds all values of its enumeration. */
  private enumerated(one: Enumerator): Integer | null {
    const counted = this.counted(one);
    if (counted === null) return null;
    const value = natural(counted);
    const type = isInt(value) ? undefined : this.wideType(one.base.among);
    return type === null ? null : literal(counted, type);
  }

  private wideType(among: Base["among"]): IntegerType | null {
    const known = this.wide.get(among);
    if (known !== undefined) return known;
    const values = among.map((one) => this.counted(one)).filter((value) => value !== null);
    const type = values.length === among.length ? typeHolding(values) : null;
    this.wide.set(among, type);
    return type;
  }

  private counted({ base, offset }: Enumerator): bigint | null {
    const first = this.valueOf(base);
    return first && first.value + BigInt(offset);
  }

  /** The value of what enumerators begin to count at, in its own type. */
  private valueOf(base: Base): Integer | null {
    const { text, among } = base;
    if (text === null) return natural(0n);
    const known = this.bases.get(base);
    if (known !== undefined) return known;
    const { inside } = this;
    this.inside = among;
    const isLong = text.length > LIMITS.enumerator;
    const value = isLong ? null : (integerOf(text) ?? this.compute(this.source.expression(text)));
    this.inside = inside;
    this.bases.set(base, value);
    return value;
  }

  /** A name's value where it stands: what is computed inside an enumeration may be of other types than elsewhere, and is not kept. */
  private named(name: string): Integer | null {
    if (this.inside === null) return this.integer(name);
    const one = this.enumerators.get(name);
    if (one === undefined) return this.computeConstant(name);
    return one.base.among === this.inside ? this.own(one) : this.integer(name);
  }

  /** An enumerator in its own enumeration: an `int` where it fits one, else of the type of what gives it its value. */
  private own({ base, offset }: Enumerator): Integer | null {
    const first = this.valueOf(base);
    if (first === null) return null;
    const value = natural(first.value + BigInt(offset));
    if (isInt(value)) return value;
    const counted = binary("+", first, natural(BigInt(offset)));
    return counted?.value === value.value ? counted : null;
  }

  /** A constant expression's value as C computes it; null when it is not constant, or not known. */
  compute(expr: Expr | null): Integer | null {
    if (this.depth === 0) this.fuel = MAX_EVALUATION;
    if (!expr || this.depth >= MAX_EVALUATION_DEPTH || --this.fuel < 0) return null;
    this.depth++;
    try {
      return this.computeNode(expr);
    } finally {
      this.depth--;
    }
  }

  private computeNode(expr: Expr): Integer | null {
    switch (expr.kind) {
      case "number":
        return literal(expr.value, expr.type);
      case "name":
        return this.named(expr.name);
      case "cast": {
        const v = this.compute(expr.operand);
        return v && this.converted(v, expr.type);
      }
      case "unary": {
        const v = this.compute(expr.operand);
        return v && unary(expr.op, v);
      }
      case "binary": {
        const a = this.compute(expr.left);
        const b = this.compute(expr.right);
        return a && b && binary(expr.op, a, b);
      }
      case "call": {
        const value = this.source.macroCall(expr);
        return value && this.compute(value);
      }
      case "conditional": {
        const test = this.compute(expr.test);
        if (test === null) return null;
        const [yes, no] = [this.compute(expr.yes), this.compute(expr.no)];
        const value = test.value !== 0n ? yes : no;
        return value && chosen(value, test.value !== 0n ? no : yes);
      }
      case "opaque":
        return expr.measured === undefined ? null : this.sizeOf(expr.measured);
      default:
        return null;
    }
  }

  private sizeOf({ type, counts }: NonNullable<Extract<Expr, { kind: "opaque" }>["measured"]>): Integer | null {
    const one = sizeOf(type, this.meant);
    return counts.reduce<Integer | null>((size, count) => {
      const times = this.compute(count);
      return size && times && binary("*", size, times);
    }, one);
  }

  /** An enumerator's value stays what it is in the type of its enumeration. */
  private converted(value: Integer, type: string | undefined): Integer | null {
    if (type !== undefined && (this.enums.has(type) || /^enum \w+$/.test(type))) return natural(value.value);
    return converted(value, type, this.meant);
  }
}

/** The type of an enumeration of which a value is no `int`. */
function typeHolding(values: readonly bigint[]): IntegerType {
  if (values.some((value) => value < 0n)) return "long";
  return values.every((value) => value < 1n << 32n) ? "unsigned" : "unsigned long";
}

const isInt = ({ bits, isUnsigned }: Integer): boolean => bits === 32 && !isUnsigned;

/** The value of a text that is an integer literal and nothing else. */
function integerOf(text: string): Integer | null {
  const value = parseInteger(text);
  return value === null ? null : literal(value, typeOfInteger(text, value) ?? undefined);
}

/** Numbers of the lines on which offsets of a text stand, asked for in their order. */
class Lines {
  private readonly text: string;
  private line = 1;
  private from = 0;

  constructor(text: string) {
    this.text = text;
  }

  at(offset: number): number {
    for (
      let end = this.text.indexOf("\n", this.from);
      end >= 0 && end < offset;
      end = this.text.indexOf("\n", this.from)
    ) {
      this.line++;
      this.from = end + 1;
    }
    return this.line;
  }
}

export function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (c === "," && depth === 0) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}
