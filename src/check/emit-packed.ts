/** How generated code reads and writes slots that are packed into words held in local variables. */
import type { Store } from "../language/index.ts";
import type { Field, Packing } from "./pack.ts";

const bits = (field: Field): number => (field.width === 32 ? -1 : 2 ** field.width - 1);
const inPlace = (field: Field): number => (bits(field) << field.shift) | 0;

/** A Store over the words `prefix0`, `prefix1`, … */
export function packedStore(packing: Packing, prefix: string): Store {
  const field = (slot: number): Field => packing.fields[slot] as Field;
  const name = (f: Field) => `${prefix}${f.word}`;
  const raw = (f: Field, shift: string | number): string => {
    if (f.shift + f.width === 32 && shift === f.shift) return `(${name(f)} >>> ${shift})`;
    return shift === 0 ? `(${name(f)} & ${bits(f)})` : `((${name(f)} >>> ${shift}) & ${bits(f)})`;
  };
  const offset = (value: string, min: number): string => (min === 0 ? value : `(${value} + ${min})`);
  const read = (slot: number): string => {
    const f = field(slot);
    return f.width === 0 ? String(f.min) : offset(raw(f, f.shift), f.min);
  };
  /** The distance between elements when all are alike and in one word; else null. */
  const stride = (slot: number, size: number): number | null => {
    const first = field(slot);
    const step = size > 1 ? field(slot + 1).shift - first.shift : 0;
    for (let i = 0; i < size; i++) {
      const f = field(slot + i);
      if (
        f.width !== first.width ||
        f.width === 0 ||
        f.word !== first.word ||
        f.min !== first.min ||
        f.shift !== first.shift + i * step
      )
        return null;
    }
    return step;
  };
  const position = (f: Field, step: number, index: string): string => {
    const product = step === 1 ? index : `${index} * ${step}`;
    return f.shift === 0 ? `(${product})` : `(${f.shift} + ${product})`;
  };
  const write = (slot: number, value: string): string => {
    const f = field(slot);
    if (f.width === 0) return "";
    const literal = Number(value);
    const placed = Number.isInteger(literal)
      ? String(((literal - f.min) << f.shift) | 0)
      : `((${f.min === 0 ? value : `(${value} - ${f.min})`}) << ${f.shift})`;
    if (f.width === 32) return `${name(f)} = ${placed};`;
    return `${name(f)} = (${name(f)} & ${~inPlace(f)}) | ${placed};`;
  };
  return {
    read,
    write,
    readElement(slot, size, index) {
      const step = stride(slot, size);
      const first = field(slot);
      if (step !== null) return offset(raw(first, position(first, step, index)), first.min);
      let chain = read(slot + size - 1);
      for (let i = size - 2; i >= 0; i--) chain = `(${index} === ${i} ? ${read(slot + i)} : ${chain})`;
      return chain;
    },
    writeElement(slot, size, index, value) {
      const step = stride(slot, size);
      const f = field(slot);
      if (step !== null) {
        const at = position(f, step, index);
        const placed = f.min === 0 ? value : `(${value} - ${f.min})`;
        return `${name(f)} = (${name(f)} & ~(${bits(f)} << ${at})) | (${placed} << ${at});`;
      }
      return Array.from({ length: size }, (_, i) => `if (${index} === ${i}) { ${write(slot + i, value)} }`).join(
        " else ",
      );
    },
    equals(slot, value) {
      const f = field(slot);
      if (f.width === 0) return value === f.min ? "true" : "false";
      return `(${name(f)} & ${inPlace(f)}) === ${((value - f.min) << f.shift) | 0}`;
    },
    increment(slot, by) {
      const f = field(slot);
      return f.width === 0 ? "" : `${name(f)} = (${name(f)} + ${(by << f.shift) | 0}) | 0;`;
    },
  };
}
