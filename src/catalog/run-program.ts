/** Programs carried out: one atomic instruction on a word after the other. */
import type {
  AtomicInstruction,
  FieldName,
  FieldTest,
  FieldValues,
  LockProgram,
  LockResult,
  LockWord,
  ProgramBranch,
} from "./programs.ts";

/** What a primitive returned, and which sanity check failed if one did (null also where the source gives it no number). */
export interface Outcome {
  readonly result: LockResult;
  readonly check: number | null;
}

/** One word of memory, with the atomic instructions that programs need. Each returns the word as it was before. */
export interface Word {
  add(by: bigint): bigint;
  compareExchange(expected: bigint, desired: bigint): bigint;
  exchange(value: bigint): bigint;
  or(mask: bigint): bigint;
  and(mask: bigint): bigint;
  xor(mask: bigint): bigint;
  load(): bigint;
}

const mask = (width: number): bigint => (1n << BigInt(width)) - 1n;

function fieldOf(word: LockWord, name: FieldName): LockWord["fields"][number] {
  const field = word.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`the word has no field ${name}`);
  return field;
}

/** A word with these fields and nothing else. */
export function wordOf(word: LockWord, values: FieldValues): bigint {
  return word.fields.reduce(
    (bits, { name, lsb, width }) => bits | ((BigInt(values[name] ?? 0) & mask(width)) << BigInt(lsb)),
    0n,
  );
}

/** The fields of a word. */
export function fieldsOf(word: LockWord, bits: bigint): Record<string, number> {
  return Object.fromEntries(
    word.fields.map(({ name, lsb, width }) => [name, Number((bits >> BigInt(lsb)) & mask(width))]),
  );
}

function perform(memory: Word, word: LockWord, instruction: AtomicInstruction): bigint {
  switch (instruction.op) {
    case "xadd":
      return memory.add(BigInt(instruction.by) << BigInt(fieldOf(word, instruction.field).lsb));
    case "cmpxchg":
      return memory.compareExchange(wordOf(word, instruction.expected), wordOf(word, instruction.desired));
    case "xchg":
    case "write":
      return memory.exchange(wordOf(word, instruction.value));
    case "or":
    case "bts":
      return memory.or(wordOf(word, instruction.set));
    case "btr":
      return memory.and(mask(word.bits) ^ wordOf(word, instruction.clear));
    case "xor":
      return memory.xor(wordOf(word, instruction.flip));
    case "and": {
      const named = word.fields.reduce((bits, { lsb, width }) => bits | (mask(width) << BigInt(lsb)), 0n);
      return memory.and((mask(word.bits) ^ named) | wordOf(word, instruction.keep));
    }
    case "read":
      return memory.load();
  }
}

/** Does a test hold of these fields? */
export function testHolds(
  { field, mask: bits, is, not }: FieldTest,
  fields: Readonly<Record<string, number>>,
): boolean {
  const value = fields[field] ?? 0;
  return ((bits === null ? value : value & bits) === is) !== not;
}

/** The branch that is taken when an instruction has found a word with these fields. */
export function branchTaken(
  branches: readonly ProgramBranch[],
  fields: Readonly<Record<string, number>>,
): ProgramBranch | undefined {
  return branches.find(
    ({ when }) => when === null || when.some((tests) => tests.every((test) => testHolds(test, fields))),
  );
}

/** Carries out a program on a word, one atomic instruction after the other. */
export function execute({ function: name, word, steps }: LockProgram, memory: Word): Outcome {
  let at = 0;
  for (;;) {
    const step = steps[at];
    if (step === undefined) throw new Error(`${name} has no step ${at}`);
    const branch = branchTaken(step.branches, fieldsOf(word, perform(memory, word, step.instruction)));
    if (branch === undefined) throw new Error(`${name}: no branch of step ${at} holds`);
    if (typeof branch.to !== "number") return { result: branch.to, check: branch.check };
    at = branch.to;
  }
}

/** A word that nobody else sees. */
class PlainWord implements Word {
  value: bigint;
  readonly #mask: bigint;

  constructor(value: bigint, bits: number) {
    this.value = value;
    this.#mask = mask(bits);
  }
  #swap(value: bigint): bigint {
    const before = this.value;
    this.value = value & this.#mask;
    return before;
  }
  add(by: bigint): bigint {
    return this.#swap(this.value + by);
  }
  compareExchange(expected: bigint, desired: bigint): bigint {
    return this.#swap(this.value === expected ? desired : this.value);
  }
  exchange(value: bigint): bigint {
    return this.#swap(value);
  }
  or(bits: bigint): bigint {
    return this.#swap(this.value | bits);
  }
  and(bits: bigint): bigint {
    return this.#swap(this.value & bits);
  }
  xor(bits: bigint): bigint {
    return this.#swap(this.value ^ bits);
  }
  load(): bigint {
    return this.value;
  }
}

/** The sequential function of a program: the word before → the word after and the result, as if nobody else were there. */
export function apply(program: LockProgram, before: bigint): Outcome & { readonly word: bigint } {
  const word = new PlainWord(before, program.word.bits);
  return { ...execute(program, word), word: word.value };
}
