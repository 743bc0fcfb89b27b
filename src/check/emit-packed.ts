/** Lowered expressions and effects as WebAssembly over packed words that are held in locals. */
import { constantIncrement, type Ir, type IrEffect, irRange } from "../language/index.ts";
import type { Field, Packing } from "./pack.ts";
import { type Code, F64, I32, type Plain } from "./wasm.ts";

/** Numbers of the imported functions that compute on f64 what WebAssembly cannot. */
export interface Wide {
  /** The remainder of the division, as JavaScript's `%`. */
  readonly remainder: number;
  /** The low 32 bits, as JavaScript's `| 0`. */
  readonly wrap: number;
}

/** What code is generated for: a state whose words are the locals from `words` on. */
export interface Target {
  readonly code: Code;
  readonly packing: Packing;
  readonly words: number;
  readonly wide: Wide;
}

const mask = (field: Field): number => (field.width === 32 ? -1 : 2 ** field.width - 1);
const inPlace = (field: Field): number => (mask(field) << field.shift) | 0;
const fieldOf = (t: Target, slot: number): Field => t.packing.fields[slot] as Field;

const COMPARISONS: Readonly<Record<string, readonly [Plain, Plain]>> = {
  eq: ["eq", "f64_eq"],
  ne: ["ne", "f64_ne"],
  lt: ["lt_s", "f64_lt"],
  le: ["le_s", "f64_le"],
  gt: ["gt_s", "f64_gt"],
  ge: ["ge_s", "f64_ge"],
};
const ARITHMETIC: Readonly<Record<string, readonly [Plain, Plain]>> = {
  add: ["add", "f64_add"],
  sub: ["sub", "f64_sub"],
  mul: ["mul", "f64_mul"],
};
const BITWISE: Readonly<Record<string, Plain>> = { band: "and", bor: "or", bxor: "xor", shl: "shl", shr: "shr_s" };

/** Can the value leave what an i32 holds? Then it is computed as f64, exactly as the interpreter does. */
function isWide(ir: Ir): boolean {
  const [low, high] = irRange(ir);
  return low < -(2 ** 31) || high >= 2 ** 31;
}

/** Push a constant; one that no i32 holds becomes the nearest that one does. */
const constant = (code: Code, value: number): Code => code.const(Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, value)));

function add(code: Code, value: number): void {
  if (value !== 0) code.const(value).op("add");
}

/** The value of a field whose word, shifted so that the field is at its low end, is on the stack. */
function cut(code: Code, field: Field, reachesEnd: boolean): void {
  if (!reachesEnd) code.const(mask(field)).op("and");
  add(code, field.min);
}

/** Push a slot's value. */
export function readSlot(t: Target, slot: number): void {
  const f = fieldOf(t, slot);
  if (f.width === 0) {
    t.code.const(f.min);
    return;
  }
  t.code.get(t.words + f.word);
  if (f.shift > 0) t.code.const(f.shift).op("shr_u");
  cut(t.code, f, f.shift + f.width === 32);
}

/** The distance between the elements of an array when all are alike and in one word; else null. */
function stride(t: Target, slot: number, size: number): number | null {
  const first = fieldOf(t, slot);
  const step = size > 1 ? fieldOf(t, slot + 1).shift - first.shift : 0;
  for (let i = 0; i < size; i++) {
    const f = fieldOf(t, slot + i);
    const alike = f.width === first.width && f.word === first.word && f.min === first.min;
    if (!alike || f.width === 0 || f.shift !== first.shift + i * step) return null;
  }
  return step;
}

/** Push the bit position of element `index`. */
function position(code: Code, first: Field, step: number, index: number): void {
  code.get(index);
  if (step !== 1) code.const(step).op("mul");
  add(code, first.shift);
}

/** Push element `index` (a local, inside the array). */
function readElement(t: Target, slot: number, size: number, index: number): void {
  const { code } = t;
  const step = stride(t, slot, size);
  if (step !== null) {
    const first = fieldOf(t, slot);
    code.get(t.words + first.word);
    position(code, first, step, index);
    code.op("shr_u");
    cut(code, first, false);
    return;
  }
  const from = (i: number): void => {
    if (i === size - 1) return readSlot(t, slot + i);
    code
      .get(index)
      .const(i)
      .op("eq")
      .choose(
        I32,
        () => readSlot(t, slot + i),
        () => from(i + 1),
      );
  };
  from(0);
}

function element(t: Target, ir: Ir & { k: "elem" }): void {
  const { code } = t;
  code.temporary((index) => {
    number(t, ir.i);
    code.set(index);
    const [low, high] = irRange(ir.i);
    if (low >= 0 && high < ir.n) return readElement(t, ir.s, ir.n, index);
    // Compared without sign, a negative index is too large as well.
    code
      .get(index)
      .const(ir.n)
      .op("lt_u")
      .choose(
        I32,
        () => readElement(t, ir.s, ir.n, index),
        () => code.const(0),
      );
  });
}

/** An operation on operands already on the stack, whose second one is not to be zero; zero gives zero. */
function divide(t: Target, ir: Ir & { k: "bin" }): void {
  const { code } = t;
  code.temporary((divisor) => {
    number(t, ir.b);
    code.tee(divisor).choose(
      I32,
      () => {
        number(t, ir.a);
        code.get(divisor).op(ir.op === "div" ? "div_s" : "rem_s");
      },
      () => code.const(0),
    );
  });
}

/** An expression as an f64 with the interpreter's exact value. */
function wide(t: Target, ir: Ir): void {
  const { code } = t;
  if (ir.k === "const") code.f64(ir.v);
  else if (ir.k === "ite" && isWide(ir)) {
    truth(t, ir.c);
    code.choose(
      F64,
      () => wide(t, ir.a),
      () => wide(t, ir.b),
    );
  } else if (ir.k === "bin" && needsWide(ir) && COMPARISONS[ir.op] === undefined && BITWISE[ir.op] === undefined) {
    const pair = ARITHMETIC[ir.op];
    if (pair !== undefined) {
      wide(t, ir.a);
      wide(t, ir.b);
      code.op(pair[1]);
      return;
    }
    wide(t, ir.b);
    code
      .f64(0)
      .op("f64_eq")
      .choose(
        F64,
        () => code.f64(0),
        () => {
          wide(t, ir.a);
          wide(t, ir.b);
          if (ir.op === "div") code.op("f64_div", "f64_trunc");
          else code.call(t.wide.remainder);
        },
      );
  } else {
    number(t, ir);
    code.op("f64_convert");
  }
}

const needsWide = (ir: Ir & { k: "bin" }): boolean => isWide(ir) || isWide(ir.a) || isWide(ir.b);

function wideBinary(t: Target, ir: Ir & { k: "bin" }): void {
  const { code } = t;
  const comparison = COMPARISONS[ir.op];
  const bitwise = BITWISE[ir.op];
  if (comparison === undefined && bitwise === undefined) {
    wide(t, ir);
    code.saturate();
    return;
  }
  for (const side of [ir.a, ir.b]) {
    wide(t, side);
    if (bitwise !== undefined) code.call(t.wide.wrap);
  }
  code.op(bitwise ?? (comparison as readonly [Plain, Plain])[1]);
}

function binary(t: Target, ir: Ir & { k: "bin" }): void {
  if (needsWide(ir)) return wideBinary(t, ir);
  if (ir.op === "div" || ir.op === "mod") return divide(t, ir);
  number(t, ir.a);
  number(t, ir.b);
  const op = COMPARISONS[ir.op]?.[0] ?? ARITHMETIC[ir.op]?.[0] ?? BITWISE[ir.op];
  t.code.op(op as Plain);
}

/** Is the program counter one of these labels? 0 or 1. */
function atLabels(t: Target, { s, labels }: Ir & { k: "at" }): void {
  const { code } = t;
  const sorted = [...labels].sort((a, b) => a - b);
  const [low, high] = [sorted[0] as number, sorted.at(-1) as number];
  readSlot(t, s);
  if (high - low === sorted.length - 1) {
    add(code, -low);
    code.const(sorted.length).op("lt_u");
    return;
  }
  // One bit per label, in words of 32; shifts look at the low five bits of the label only.
  const words = new Map<number, number>();
  for (const label of sorted) words.set(label >> 5, (words.get(label >> 5) ?? 0) | (1 << (label & 31)));
  code.temporary((pc) => {
    code.set(pc).const(0);
    for (const [word, bits] of words) {
      code.const(bits).get(pc).op("shr_u").const(1).op("and");
      code.get(pc).const(5).op("shr_u").const(word).op("eq", "and", "or");
    }
  });
}

/** What a comparison of one field with a constant asks of the field's word. */
interface Bits {
  readonly word: number;
  readonly mask: number;
  readonly value: number;
}

function bitsOf(t: Target, ir: Ir): Bits | null {
  if (ir.k === "not") return ir.a.k === "slot" && isBit(ir.a) ? bitsEqual(t, ir.a.s, 0) : null;
  if (ir.k === "slot") return isBit(ir) ? bitsEqual(t, ir.s, 1) : null;
  if (ir.k === "at" && ir.labels.length === 1) return bitsEqual(t, ir.s, ir.labels[0] as number);
  if (ir.k !== "bin" || ir.op !== "eq" || ir.a.k !== "slot" || ir.b.k !== "const") return null;
  const [min, max] = ir.a.range;
  return ir.b.v < min || ir.b.v > max ? null : bitsEqual(t, ir.a.s, ir.b.v);
}

const isBit = ({ range }: Ir & { k: "slot" }): boolean => range[0] === 0 && range[1] === 1;

function bitsEqual(t: Target, slot: number, value: number): Bits | null {
  const f = fieldOf(t, slot);
  return f.width === 0 ? null : { word: f.word, mask: inPlace(f), value: ((value - f.min) << f.shift) | 0 };
}

function testBits({ code, words }: Target, { word, mask: bits, value }: Bits): void {
  code
    .get(words + word)
    .const(bits)
    .op("and");
  if (value === 0) code.op("eqz");
  else code.const(value).op("eq");
}

/** Comparisons of fields of one word become one comparison of the word; the other arguments keep their order. */
function mergedBits(t: Target, args: readonly Ir[]): { bits: Bits[]; rest: Ir[] } {
  const byWord = new Map<number, Bits>();
  const rest: Ir[] = [];
  for (const arg of args) {
    const bits = bitsOf(t, arg);
    const known = bits === null ? undefined : byWord.get(bits.word);
    if (bits === null || (known !== undefined && (known.mask & bits.mask) !== 0)) rest.push(arg);
    else
      byWord.set(bits.word, {
        word: bits.word,
        mask: (known?.mask ?? 0) | bits.mask,
        value: (known?.value ?? 0) | bits.value,
      });
  }
  return { bits: [...byWord.values()], rest };
}

function conjunction(t: Target, args: readonly Ir[]): void {
  const { bits, rest } = mergedBits(t, args);
  const tests = [...bits.map((one) => () => testBits(t, one)), ...rest.map((arg) => () => truth(t, arg))];
  shortCircuit(t.code, tests, true);
}

/** Questions about one program counter become one question. */
function mergedAts(args: readonly Ir[]): Ir[] {
  const bySlot = new Map<number, Set<number>>();
  const others: Ir[] = [];
  for (const arg of args) {
    if (arg.k !== "at") {
      others.push(arg);
      continue;
    }
    const labels = bySlot.get(arg.s);
    if (labels === undefined) bySlot.set(arg.s, new Set(arg.labels));
    else for (const label of arg.labels) labels.add(label);
  }
  return [...[...bySlot].map(([s, labels]): Ir => ({ k: "at", s, labels: [...labels] })), ...others];
}

/** Evaluate tests one after the other until one decides. */
function shortCircuit(code: Code, [first, ...rest]: readonly (() => void)[], all: boolean): void {
  if (first === undefined) {
    code.const(Number(all));
    return;
  }
  first();
  if (rest.length === 0) return;
  const others = () => shortCircuit(code, rest, all);
  if (all) code.choose(I32, others, () => code.const(0));
  else code.choose(I32, () => code.const(1), others);
}

/** An expression as a condition: anything but zero is true. */
export function truth(t: Target, ir: Ir): void {
  const { code } = t;
  switch (ir.k) {
    case "and":
      return conjunction(t, ir.args);
    case "or":
      return shortCircuit(
        code,
        mergedAts(ir.args).map((arg) => () => truth(t, arg)),
        false,
      );
    case "not":
      truth(t, ir.a);
      code.op("eqz");
      return;
    case "ite":
      truth(t, ir.c);
      code.choose(
        I32,
        () => truth(t, ir.a),
        () => truth(t, ir.b),
      );
      return;
    default: {
      const bits = bitsOf(t, ir);
      return bits === null ? number(t, ir) : testBits(t, bits);
    }
  }
}

/** An expression's value; one that no i32 holds becomes the nearest that one does. */
export function number(t: Target, ir: Ir): void {
  const { code } = t;
  switch (ir.k) {
    case "const":
      constant(code, ir.v);
      return;
    case "slot":
      return readSlot(t, ir.s);
    case "elem":
      return element(t, ir);
    case "at":
      return atLabels(t, ir);
    case "bin":
      return binary(t, ir);
    case "ite":
      truth(t, ir.c);
      code.choose(
        I32,
        () => number(t, ir.a),
        () => number(t, ir.b),
      );
      return;
    default:
      truth(t, ir);
      code.op("eqz", "eqz");
  }
}

/** Called where a step fails: it must leave the step. */
export type OnFault = (kind: "assertion" | "range" | "index", name: string) => void;

/** Put the low bits of the value that `push` pushes into a field. */
function writeField(t: Target, f: Field, push: () => void): void {
  if (f.width === 0) return;
  const word = t.words + f.word;
  if (f.width < 32) t.code.get(word).const(~inPlace(f)).op("and");
  push();
  if (f.width < 32) t.code.op("or");
  t.code.set(word);
}

/** Put a value that `push` pushes, of the slot's range, into a slot. */
export function putField(t: Target, slot: number, push: () => void): void {
  const f = fieldOf(t, slot);
  writeField(t, f, () => {
    push();
    add(t.code, -f.min);
    if (f.shift > 0) t.code.const(f.shift).op("shl");
  });
}

const writeSlot = (t: Target, slot: number, value: number): void => putField(t, slot, () => t.code.get(value));

function writeConstant(t: Target, slot: number, value: number): void {
  const f = fieldOf(t, slot);
  writeField(t, f, () => t.code.const(((value - f.min) << f.shift) | 0));
}

/** Write the local `value` to element `index` (a local, inside the array). */
function writeElement(t: Target, slot: number, size: number, index: number, value: number): void {
  const { code } = t;
  const step = stride(t, slot, size);
  if (step === null) {
    for (let i = 0; i < size; i++) {
      code
        .get(index)
        .const(i)
        .op("eq")
        .if(() => writeSlot(t, slot + i, value));
    }
    return;
  }
  const f = fieldOf(t, slot);
  const word = t.words + f.word;
  code.temporary((at) => {
    position(code, f, step, index);
    code.set(at);
    code.get(word).const(mask(f)).get(at).op("shl").const(-1).op("xor", "and");
    code.get(value);
    add(code, -f.min);
    code.get(at).op("shl", "or").set(word);
  });
}

/** Add a constant to a slot that stays in its range: one addition, since no carry leaves the field. */
export function increment(t: Target, slot: number, by: number): void {
  const f = fieldOf(t, slot);
  if (f.width === 0 || by === 0) return;
  const word = t.words + f.word;
  t.code
    .get(word)
    .const((by << f.shift) | 0)
    .op("add")
    .set(word);
}

/** Generates the effects of steps. */
export class EffectEmitter {
  readonly #target: Target;
  readonly #bounded: ReadonlySet<number>;
  readonly #onFault: OnFault;

  /** `bounded`: slots that no increment takes out of their range. */
  constructor(target: Target, bounded: ReadonlySet<number>, onFault: OnFault) {
    this.#target = target;
    this.#bounded = bounded;
    this.#onFault = onFault;
  }

  emit(effects: readonly IrEffect[]): void {
    const { code } = this.#target;
    for (const effect of effects) {
      if (effect.k === "set") this.#set(effect);
      else {
        truth(this.#target, effect.c);
        if (effect.k === "assert") {
          code.op("eqz").if(() => this.#onFault("assertion", effect.name));
        } else code.if(() => this.emit(effect.a), effect.b.length === 0 ? undefined : () => this.emit(effect.b));
      }
    }
  }

  #set(effect: IrEffect & { k: "set" }): void {
    const by = constantIncrement(effect);
    if (by !== null) return this.#increment(effect, by);
    const [min, max] = effect.range;
    if (effect.i === null && effect.value.k === "const" && effect.value.v >= min && effect.value.v <= max)
      return writeConstant(this.#target, effect.s, effect.value.v);
    const { code } = this.#target;
    code.temporary((value) => {
      number(this.#target, effect.value);
      code.set(value);
      if (effect.i === null) {
        this.#checkRange(effect, value);
        return writeSlot(this.#target, effect.s, value);
      }
      const { i } = effect;
      return code.temporary((index) => {
        number(this.#target, i);
        code.set(index);
        const [low, high] = irRange(i);
        if (low < 0 || high >= effect.n)
          code
            .get(index)
            .const(effect.n)
            .op("ge_u")
            .if(() => this.#onFault("index", effect.name));
        this.#checkRange(effect, value);
        writeElement(this.#target, effect.s, effect.n, index, value);
      });
    });
  }

  #checkRange({ value, range: [min, max], name }: IrEffect & { k: "set" }, local: number): void {
    const [low, high] = irRange(value);
    if (low >= min && high <= max) return;
    const { code } = this.#target;
    code.get(local).const(min).op("lt_s");
    code.get(local).const(max).op("gt_s", "or");
    code.if(() => this.#onFault("range", name));
  }

  #increment(effect: IrEffect & { k: "set" }, by: number): void {
    if (by === 0) return;
    const [min, max] = effect.range;
    if (!this.#bounded.has(effect.s)) {
      const { code } = this.#target;
      readSlot(this.#target, effect.s);
      constant(code, by > 0 ? max - by : min - by)
        .op(by > 0 ? "gt_s" : "lt_s")
        .if(() => this.#onFault("range", effect.name));
    }
    increment(this.#target, effect.s, by);
  }
}
