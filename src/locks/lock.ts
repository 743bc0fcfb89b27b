/** One lock kind as a module has it: its word and its primitives. */
import type { Catalog, FieldValues, LockKind, LockProgram, LockWord, Side } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";

/** A lock kind of one module. */
export interface Lock {
  readonly kind: LockKind;
  readonly word: LockWord;
  readonly programs: readonly LockProgram[];
}

/**
 * A lock kind as a catalog has it. Where a kind has several words, the one with the most primitives; of equals, one with a type of its own.
 *
 * @throws SeamlockError SL4211 when the catalog has no primitive of the kind
 */
export function lockOf(catalog: Pick<Catalog, "module" | "primitives">, kind: LockKind): Lock {
  const all = catalog.primitives.filter((program) => program.kind === kind);
  const words = new Map<string, LockProgram[]>();
  for (const program of all) {
    const key = JSON.stringify(program.word);
    words.set(key, [...(words.get(key) ?? []), program]);
  }
  const plain = (list: readonly LockProgram[]): number => (list[0]?.word.type === null ? 1 : 0);
  const [most] = [...words.values()].sort((a, b) => b.length - a.length || plain(a) - plain(b));
  const [first] = most ?? [];
  if (most === undefined || first === undefined) {
    const kinds = [...new Set(catalog.primitives.map((program) => program.kind))];
    throw new SeamlockError("SL4211", `module ${catalog.module.version} has no primitive of a ${kind} lock`, {
      hint:
        kinds.length === 0
          ? "use a catalog that was extracted from source by this seamlock: `seamlock modules` lists the bundled ones"
          : `it has ${kinds.join(", ")}`,
    });
  }
  return { kind, word: first.word, programs: most };
}

/** The primitive for an operation, as one side performs it; null where the lock has none. */
export function programFor(
  { programs }: Lock,
  operation: LockProgram["operation"],
  mode: LockProgram["mode"],
  side: Side,
): LockProgram | null {
  const found = programs.filter((p) => p.operation === operation && p.mode === mode);
  return found.find((p) => p.side === side) ?? found.find((p) => p.side === null) ?? null;
}

/**
 * The same lock with a narrower counter, for small state spaces: numbers that count from the counter's maximum, such as the maximum
 * itself, keep their distance from it.
 */
export function narrowed(lock: Lock, counterBits: number): Lock {
  const counter = lock.word.fields.find(({ name }) => name === "counter");
  if (counter === undefined || counterBits >= counter.width) return lock;
  const scale = (value: number): number =>
    value < 2 ** (counter.width - 1) ? value : value - 2 ** counter.width + 2 ** counterBits;
  const values = (given: FieldValues): FieldValues =>
    given.counter === undefined ? given : { ...given, counter: scale(given.counter) };
  const word: LockWord = {
    ...lock.word,
    fields: lock.word.fields.map((field) => (field === counter ? { ...field, width: counterBits } : field)),
  };
  const programs = lock.programs.map((program) => ({
    ...program,
    word,
    steps: program.steps.map((step) => ({
      ...step,
      instruction: mapped(step.instruction, values),
      branches: step.branches.map((branch) => ({
        ...branch,
        when:
          branch.when?.map((tests) => tests.map((t) => (t.field === "counter" ? { ...t, is: scale(t.is) } : t))) ??
          null,
      })),
    })),
  }));
  return { ...lock, word, programs };
}

type Instruction = LockProgram["steps"][number]["instruction"];

function mapped(i: Instruction, values: (given: FieldValues) => FieldValues): Instruction {
  switch (i.op) {
    case "cmpxchg":
      return { ...i, expected: values(i.expected), desired: values(i.desired) };
    case "xchg":
    case "write":
      return { ...i, value: values(i.value) };
    case "or":
    case "bts":
      return { ...i, set: values(i.set) };
    case "and":
      return { ...i, keep: values(i.keep) };
    case "btr":
      return { ...i, clear: values(i.clear) };
    case "xor":
      return { ...i, flip: values(i.flip) };
    case "xadd":
    case "read":
      return i;
  }
}
