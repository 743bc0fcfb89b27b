/** Programs against their restatements, instruction by instruction. */
import fc from "fast-check";
import type { LockProgram, LockWord, Word } from "../../src/catalog/index.ts";
import { execute } from "../../src/locks/index.ts";
import type { Restated } from "./restated.ts";

/** A word that notes every instruction and what it left. */
class Noting implements Word {
  readonly log: string[] = [];
  value: bigint;
  readonly #mask: bigint;
  constructor(value: bigint, bits: number) {
    this.value = value;
    this.#mask = 2n ** BigInt(bits) - 1n;
  }
  #note(what: string, value: bigint): bigint {
    const before = this.value;
    this.value = value & this.#mask;
    this.log.push(`${what} ${this.value}`);
    return before;
  }
  add = (by: bigint) => this.#note("add", this.value + by);
  compareExchange = (expected: bigint, desired: bigint) =>
    this.#note(`cmpxchg ${expected}`, this.value === expected ? desired : this.value);
  exchange = (value: bigint) => this.#note("xchg", value);
  or = (bits: bigint) => this.#note("or", this.value | bits);
  and = (bits: bigint) => this.#note("and", this.value & bits);
  xor = (bits: bigint) => this.#note("xor", this.value ^ bits);
  load = () => this.#note("load", this.value);
}

/** What differs between a program and its restatement on one word; null: nothing. */
function difference(program: LockProgram, restated: Restated, start: bigint): unknown {
  const [one, other] = [new Noting(start, program.word.bits), new Noting(start, program.word.bits)];
  const { result, check } = execute(program, one);
  const said = result === "halt" ? `halt ${check}` : result;
  const wanted = restated(other);
  const same = said === wanted && one.log.join() === other.log.join();
  return same ? null : { start, said, wanted, log: one.log, wantedLog: other.log };
}

/** Words of 8 and 16 bits all; of more, random ones with the bits that matter. */
function starts({ bits: width, fields }: LockWord): Iterable<bigint> {
  if (width <= 16) return Array.from({ length: 2 ** width }, (_, i) => BigInt(i));
  const bits = fields.reduce((mask, { lsb }) => mask | (1n << BigInt(lsb)), 0n);
  const random = fc.sample(fc.bigInt({ min: 0n, max: 2n ** BigInt(width) - 1n }), { numRuns: 500, seed: 7 });
  return random.flatMap((word) => [word, word & ~bits, word | bits, word ^ bits]);
}

/** The first word on which a program does something else than its restatement; null: there is none. */
export function firstDifference(program: LockProgram, restated: Restated): unknown {
  for (const start of starts(program.word)) {
    const found = difference(program, restated, start);
    if (found !== null) return found;
  }
  return null;
}

/** `operation mode side`, as restatements are named. */
export const nameOf = ({ operation, mode, side }: LockProgram): string =>
  [operation, mode, ...(side === null ? [] : [side])].join(" ");
