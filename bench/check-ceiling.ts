/** A model's successors as C, for `check-ceiling.c`: the same states in the same words and records as the checker has. */
import type { Prepared } from "../src/check/index.ts";
import { constantIncrement, type Ir, type IrEffect, irRange } from "../src/language/index.ts";

type Field = Prepared["packing"]["fields"][number];

const INFIX: Readonly<Record<string, string>> = {
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  add: "+",
  sub: "-",
  mul: "*",
};

const mask = ({ width }: Field): string => `${width === 32 ? 0xffffffff : 2 ** width - 1}u`;

class Emitter {
  readonly #prepared: Prepared;

  constructor(prepared: Prepared) {
    this.#prepared = prepared;
  }

  #field(slot: number): Field {
    return this.#prepared.packing.fields[slot] as Field;
  }

  #read(slot: number): string {
    const field = this.#field(slot);
    if (field.width === 0) return `${field.min}`;
    return `((int)(t.w[${field.word}] >> ${field.shift} & ${mask(field)}) + ${field.min})`;
  }

  expression(ir: Ir): string {
    switch (ir.k) {
      case "const":
        return `${ir.v}`;
      case "slot":
        return this.#read(ir.s);
      case "elem": {
        const index = this.expression(ir.i);
        const elements = Array.from({ length: ir.n }, (_, i) => `${index} == ${i} ? ${this.#read(ir.s + i)} : `);
        return `(${elements.join("")}0)`;
      }
      case "at":
        return `(${ir.labels.map((label) => `${this.#read(ir.s)} == ${label}`).join(" || ")})`;
      case "and":
      case "or":
        return `(${ir.args.map((arg) => this.expression(arg)).join(ir.k === "and" ? " && " : " || ")})`;
      case "not":
        return `!${this.expression(ir.a)}`;
      case "ite":
        return `(${this.expression(ir.c)} ? ${this.expression(ir.a)} : ${this.expression(ir.b)})`;
      case "bin": {
        const infix = INFIX[ir.op];
        if (infix === undefined) throw new Error(`no C for ${ir.op}`);
        return `(${this.expression(ir.a)} ${infix} ${this.expression(ir.b)})`;
      }
    }
  }

  #write(slot: number, value: string): string {
    const field = this.#field(slot);
    if (field.width === 0) return "";
    const word = `t.w[${field.word}]`;
    const bits = `${mask(field)} << ${field.shift}`;
    return `${word} = (${word} & ~(${bits})) | (uint32_t)(${value} - ${field.min}) << ${field.shift};`;
  }

  /** A step that fails leaves by `goto`. */
  effect(effect: IrEffect, fail: string): string {
    if (effect.k === "assert") return `if (!${this.expression(effect.c)}) ${fail}`;
    if (effect.k === "if") {
      const branch = (effects: readonly IrEffect[]) => effects.map((one) => this.effect(one, fail)).join(" ");
      return `if (${this.expression(effect.c)}) { ${branch(effect.a)} } else { ${branch(effect.b)} }`;
    }
    const by = constantIncrement(effect);
    if (by !== null) return this.#increment(effect.s, by, effect.range, fail);
    const value = this.expression(effect.value);
    const [low, high] = irRange(effect.value);
    const [min, max] = effect.range;
    const checked = low >= min && high <= max ? "" : `if (v < ${min} || v > ${max}) ${fail}`;
    if (effect.i === null) return `{ const int v = ${value}; ${checked} ${this.#write(effect.s, "v")} }`;
    const cases = Array.from({ length: effect.n }, (_, i) => `case ${i}: ${this.#write(effect.s + i, "v")} break;`);
    return `{ const int v = ${value}; ${checked} switch (${this.expression(effect.i)}) { ${cases.join(" ")} default: ${fail} } }`;
  }

  #increment(slot: number, by: number, [min, max]: readonly [number, number], fail: string): string {
    const field = this.#field(slot);
    const check = this.#prepared.analysis.bounded.has(slot)
      ? ""
      : `if (${this.#read(slot)} ${by > 0 ? `> ${max - by}` : `< ${min - by}`}) ${fail}`;
    return field.width === 0 ? check : `${check} t.w[${field.word}] += (uint32_t)${by} << ${field.shift};`;
  }

  /** All moves of a process instance, by the label it stands at. */
  instance(pc: number): string {
    const { live, layout } = this.#prepared.analysis;
    const mine = live.filter(({ instance }) => instance.pc === pc);
    const labels = [...new Set(mine.map(({ move }) => move.labelIndex))].sort((a, b) => a - b);
    const field = this.#field(pc);
    const name = layout.instances.findIndex((instance) => instance.pc === pc);
    const cases = labels.map((label) => {
      const moves = mine
        .filter(({ move }) => move.labelIndex === label)
        .map(({ move, guard, effects }) => {
          const fail = `goto fail_${name}_${move.id};`;
          const body = effects.map((effect) => this.effect(effect, fail)).join("\n      ");
          const go =
            field.width === 0 ? "" : `t.w[${field.word}] += (uint32_t)${move.nextIndex - label} << ${field.shift};`;
          const failed = body.includes(fail) ? `if (0) { fail_${name}_${move.id}: ++*faults; }` : "";
          return `t = *s;\n    if (${this.expression(guard)}) {\n      ${body}\n      ${go}\n      *end++ = t;\n      ${failed}\n    }`;
        });
      return `  case ${label}:\n    ${moves.join("\n    ")}\n    break;`;
    });
    return `  t = *s;\n  switch (${this.#read(pc)}) {\n${cases.join("\n")}\n  }`;
  }
}

/** The C of a plain search's model. Only steps, assertions and ranges; its properties are not evaluated. */
export function ceilingModel(prepared: Prepared, branching: number, initial: Int32Array): string {
  const { packing, layout } = prepared;
  const emitter = new Emitter(prepared);
  const each = (part: (word: number, offset: number, bytes: number) => string) =>
    packing.record.parts.map(({ offset, bytes }, word) => part(word, offset, bytes)).join(" ");
  return `enum { WORDS = ${packing.words}, RECORD = ${packing.record.bytes}, BRANCHING = ${branching} };
struct State { uint32_t w[WORDS]; };
#define INITIAL {${[...initial].map((word) => `${word >>> 0}u`).join(", ")}}
static inline void load(State *s, const uint8_t *at) {
  memset(s, 0, sizeof *s);
  ${each((word, offset, bytes) => `memcpy(&s->w[${word}], at + ${offset}, ${bytes});`)}
}
static inline void save(const State *s, uint8_t *at) {
  ${each((word, offset, bytes) => `memcpy(at + ${offset}, &s->w[${word}], ${bytes});`)}
}
static inline State *successors(const State *s, State *end, uint64_t *faults) {
  State t;
${layout.instances.map(({ pc }) => emitter.instance(pc)).join("\n")}
  return end;
}
`;
}
