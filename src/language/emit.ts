/** Lowered steps as JavaScript, for the simulator. Where slots live is the caller's business: a `Store` says how one is read and written. */

import { type Ir, type IrEffect, irRange } from "./lower.ts";
import type { Interval } from "./range.ts";

/** How generated code reads and writes slots. */
export interface Store {
  /** An expression: the slot's value. */
  read(slot: number): string;
  /** An expression: the value of slot `slot + index`; `index` is a simple expression that is inside the array. */
  readElement(slot: number, size: number, index: string): string;
  /** A statement: the slot becomes `value`, an expression known to be inside the slot's range. */
  write(slot: number, value: string): string;
  writeElement(slot: number, size: number, index: string, value: string): string;
}

/** Supplies fresh variable names and what to do on a fault. */
export interface Emitter {
  readonly store: Store;
  /** A fresh local variable. Declared by the caller, who knows where: see `temporaries`. */
  temporary(): string;
  /** Statements that abandon the step. */
  fault(kind: "assertion" | "range" | "index", name: string): string;
}

const JS: Readonly<Record<string, string>> = {
  add: "+",
  sub: "-",
  band: "&",
  bor: "|",
  bxor: "^",
  shl: "<<",
  shr: ">>",
  eq: "===",
  ne: "!==",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
};
const COMPARISONS = new Set(["eq", "ne", "lt", "le", "gt", "ge"]);

function binary(e: Emitter, op: string, a: Ir, b: Ir): string {
  const [x, y] = [number(e, a), number(e, b)];
  if (op === "mul") return `(${x} * ${y})`;
  if (op === "div" || op === "mod") {
    const t = e.temporary();
    const result = op === "div" ? `Math.trunc(${x} / ${t})` : `(${x} % ${t})`;
    // The modulus of a negative dividend may be -0, which must not reach a comparison by identity.
    return `((${t} = ${y}) === 0 ? 0 : (${result} | 0))`;
  }
  return `(${x} ${JS[op]} ${y})`;
}

function element(e: Emitter, ir: Ir & { k: "elem" }): string {
  const t = e.temporary();
  const [low, high] = irRange(ir.i);
  const read = e.store.readElement(ir.s, ir.n, t);
  if (low >= 0 && high < ir.n) return `(${t} = ${number(e, ir.i)}, ${read})`;
  return `(${t} = ${number(e, ir.i)}, ${t} >= 0 && ${t} < ${ir.n} ? ${read} : 0)`;
}

function atLabels(e: Emitter, ir: Ir & { k: "at" }): string {
  const tests = ir.labels.map((label) => `${e.store.read(ir.s)} === ${label}`);
  if (ir.labels.length <= 4) return `(${tests.join(" || ")})`;
  // Many labels: one shift into constant bit masks instead of a chain of comparisons.
  const words: number[] = [];
  for (const label of ir.labels) words[label >> 5] = (words[label >> 5] ?? 0) | (1 << (label & 31));
  const t = e.temporary();
  const picked = words.reduceRight<string>(
    (rest, word, i) => (i === words.length - 1 ? `${word | 0}` : `(${t} >> 5) === ${i} ? ${word | 0} : ${rest}`),
    "0",
  );
  return `(${t} = ${e.store.read(ir.s)}, ((${words.length === 1 ? `${words[0]}` : picked}) >>> (${t} & 31) & 1) !== 0${words.length === 1 ? ` && ${t} < 32` : ""})`;
}

/** An expression as a JavaScript condition. */
export function condition(e: Emitter, ir: Ir): string {
  switch (ir.k) {
    case "const":
      return ir.v !== 0 ? "true" : "false";
    case "and":
    case "or":
      return `(${ir.args.map((arg) => condition(e, arg)).join(ir.k === "and" ? " && " : " || ")})`;
    case "not":
      return `!${condition(e, ir.a)}`;
    case "at":
      return atLabels(e, ir);
    case "bin":
      if (!COMPARISONS.has(ir.op)) break;
      return binary(e, ir.op, ir.a, ir.b);
    case "ite":
      return `(${condition(e, ir.c)} ? ${condition(e, ir.a)} : ${condition(e, ir.b)})`;
    default:
      break;
  }
  return `(${number(e, ir)} !== 0)`;
}

/** An expression as a JavaScript number. */
export function number(e: Emitter, ir: Ir): string {
  switch (ir.k) {
    case "const":
      return ir.v < 0 ? `(${ir.v})` : String(ir.v);
    case "slot":
      return e.store.read(ir.s);
    case "elem":
      return element(e, ir);
    case "ite":
      return `(${condition(e, ir.c)} ? ${number(e, ir.a)} : ${number(e, ir.b)})`;
    case "bin":
      if (!COMPARISONS.has(ir.op)) return binary(e, ir.op, ir.a, ir.b);
      break;
    default:
      break;
  }
  return `(${condition(e, ir)} ? 1 : 0)`;
}

/** `x + c` or `x - c` assigned to the slot `x` itself: the constant, else null. */
export function constantIncrement(effect: IrEffect): number | null {
  if (effect.k !== "set" || effect.i !== null || effect.value.k !== "bin") return null;
  const { op, a, b } = effect.value;
  if (a.k !== "slot" || a.s !== effect.s || b.k !== "const") return null;
  return op === "add" ? b.v : op === "sub" ? -b.v : null;
}

const inside = ([a, b]: Interval, [min, max]: Interval): boolean => a >= min && b <= max;

function emitIncrement(e: Emitter, effect: IrEffect & { k: "set" }, by: number): string {
  const [min, max] = effect.range;
  const limit = by > 0 ? max - by : min - by;
  const check = `if (${e.store.read(effect.s)} ${by > 0 ? ">" : "<"} ${limit}) { ${e.fault("range", effect.name)} } `;
  return check + e.store.write(effect.s, `${e.store.read(effect.s)} + ${by}`);
}

function emitSet(e: Emitter, effect: IrEffect & { k: "set" }): string {
  const by = constantIncrement(effect);
  if (by !== null && Number.isInteger(by)) return by === 0 ? "" : emitIncrement(e, effect, by);
  const lines: string[] = [];
  let value = number(e, effect.value);
  let index = "";
  if (effect.i !== null) {
    index = e.temporary();
    lines.push(`${index} = ${number(e, effect.i)};`);
  }
  if (effect.value.k !== "const") {
    const t = e.temporary();
    lines.push(`${t} = ${value};`);
    value = t;
  }
  if (effect.i !== null && !inside(irRange(effect.i), [0, effect.n - 1])) {
    lines.push(`if (${index} < 0 || ${index} >= ${effect.n}) { ${e.fault("index", effect.name)} }`);
  }
  if (!inside(irRange(effect.value), effect.range)) {
    lines.push(
      `if (${value} < ${effect.range[0]} || ${value} > ${effect.range[1]}) { ${e.fault("range", effect.name)} }`,
    );
  }
  lines.push(
    effect.i === null ? e.store.write(effect.s, value) : e.store.writeElement(effect.s, effect.n, index, value),
  );
  return lines.join(" ");
}

/** Effects as JavaScript statements, in order. */
export function emitEffects(e: Emitter, effects: readonly IrEffect[]): string {
  return effects
    .map((effect) => {
      if (effect.k === "set") return emitSet(e, effect);
      if (effect.k === "assert") return `if (!${condition(e, effect.c)}) { ${e.fault("assertion", effect.name)} }`;
      const otherwise = effect.b.length > 0 ? ` else { ${emitEffects(e, effect.b)} }` : "";
      return `if (${condition(e, effect.c)}) { ${emitEffects(e, effect.a)} }${otherwise}`;
    })
    .join("\n");
}
