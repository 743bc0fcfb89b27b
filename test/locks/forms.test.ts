/**
 * The three forms of a primitive against each other, on generated words and runs: the sequential function, the instruction-level processes
 * (run by the interpreter, the simulator and the checker), and the implementation on shared memory.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FieldName, LockKind, LockProgram, LockWord } from "../../src/catalog/index.ts";
import { check } from "../../src/check/index.ts";
import * as L from "../../src/language/index.ts";
import {
  apply,
  execute,
  fieldsOf,
  type Lock,
  narrowed,
  sharedMemory,
  sharedWord,
  type Word,
  wordOf,
} from "../../src/locks/index.ts";
import { simulate } from "../../src/simulate/index.ts";
import { lockModelOf, newestLock } from "./bundled.ts";

const RUNS = Number(process.env["SEAMLOCK_RUNS"] ?? 100);
const KINDS: readonly LockKind[] = ["sharex", "sharex_hp", "sept_entry", "mutex", "bit"];
type Side = "host" | "guest";

const modelOf = (lock: Lock, over: Partial<Parameters<typeof lockModelOf>[0]> = {}): L.Model =>
  lockModelOf({ lock, guests: 2, width: undefined, promote: true, ...over });

/** Any word, and often one that some primitive treats specially. */
function anyWord(layout: LockWord): fc.Arbitrary<bigint> {
  const special = layout.fields.flatMap(({ name, width }): Partial<Record<FieldName, number>>[] => [
    { [name]: 1 },
    { [name]: Math.min(2 ** width - 1, 2 ** 15 - 1) },
  ]);
  const fields = fc.array(fc.constantFrom({}, ...special), { maxLength: 3 });
  return fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** BigInt(layout.bits) - 1n }),
    fields.map((some) => wordOf(layout, Object.assign({}, ...some))),
  );
}

describe.each(KINDS)("%s", (kind) => {
  const lock = newestLock(kind);
  const layout = lock.word;
  const all = lock.programs;

  it("the sequential function and shared memory agree on any sequence of primitives, with any other bits in the word", () => {
    const sequence = fc.array(fc.constantFrom(...all), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(anyWord(layout), sequence, (start, primitives) => {
        const memory = sharedMemory(layout, 3);
        const word = sharedWord(memory, 1);
        word.exchange(start);
        let expected = start;
        for (const primitive of primitives) {
          const outcome = execute(primitive, word);
          const { word: after, ...wanted } = apply(primitive, expected);
          expect(outcome).toEqual(wanted);
          expect(word.load()).toBe(after);
          expected = after;
        }
        // Neighbours in memory are left alone.
        expect([BigInt(memory[0] ?? 1), BigInt(memory[2] ?? 1)]).toEqual([0n, 0n]);
      }),
      { numRuns: RUNS },
    );
  });

  it("bits that no field names stay as they are", () => {
    const named = layout.fields.reduce(
      (bits, { name, width }) => bits | wordOf(layout, { [name]: 2 ** width - 1 }),
      0n,
    );
    const others = (2n ** BigInt(layout.bits) - 1n) ^ named;
    fc.assert(
      fc.property(anyWord(layout), fc.constantFrom(...all), (start, primitive) => {
        expect(apply(primitive, start).word & others).toBe(start & others);
      }),
      { numRuns: RUNS },
    );
  });

  it("the processes do the same to any word as the sequential function, one primitive after the other", () => {
    const model = modelOf(lock);
    const labels = ["idle", "holds SHARED", "holds EXCLUSIVE"];
    fc.assert(
      fc.property(
        anyWord(layout),
        fc.constantFrom(...labels),
        fc.array(fc.nat(), { maxLength: 12 }),
        (start, label, picks) => {
          // The bits of a SEPT entry that are no lock are no part of the model.
          const before = fieldsOf(layout, start);
          const at = startingAt(model, before, label);
          let state: readonly number[] = L.initialState(at);
          let word = wordOf(layout, before);
          for (const pick of picks) {
            const done = oneCall(at, state, lock, pick);
            if (done === null) return;
            const { word: after, result, check: failed } = apply(done.primitive, word);
            expect(done.result).toBe(result);
            expect(done.failed).toBe(failed);
            expect(wordIn(at, done.state, layout)).toBe(after);
            if (result === "halt") return;
            [state, word] = [done.state, after];
          }
        },
      ),
      { numRuns: RUNS },
    );
  });

  it("every instruction of an interleaved run is what the primitive performs on the word that it finds", () => {
    const model = modelOf(lock);
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.constantFrom("fair" as const, "priority" as const), (seed, schedule) => {
        const { trace } = simulate(model, { seed, schedule, steps: 150, trace: true });
        followed(trace as L.Trace, lock);
      }),
      { numRuns: Math.ceil(RUNS / 4) },
    );
  });
});

it("the checker's counterexamples are runs of the primitives", () => {
  const width = 3;
  for (const over of [
    { hosts: 1, guests: 2 },
    { hosts: 2, guests: 1 },
  ]) {
    const lock = narrowed(newestLock("sharex_hp"), width);
    const { violations } = check(modelOf(lock, { ...over, promote: false }));
    expect(violations.length).toBeGreaterThan(3);
    for (const { trace } of violations) followed(trace, { ...lock, word: { ...lock.word, bits: 5 as never } });
  }
});

/** The model with another word to start from and its processes at another label. Labels that are left unreached go. */
function startingAt(model: L.Model, fields: Readonly<Record<string, number>>, label: string): L.Layout {
  const variables = model.variables.map((variable) => ({
    ...variable,
    init: variable.name.startsWith("word.") ? (fields[variable.name.slice(5)] ?? 0) : variable.init,
  }));
  const processes = model.processes.map((type) => ({
    ...type,
    start: type.labels.some(({ name }) => name === label) ? label : type.start,
  }));
  return L.layoutOf({ ...model, variables, processes });
}

function wordIn(layout: L.Layout, state: readonly number[], words: LockWord): bigint {
  const values = words.fields.map(({ name }) => [name, state[layout.globals.get(`word.${name}`)?.slot ?? -1] ?? 0]);
  return wordOf(words, Object.fromEntries(values));
}

interface Call {
  readonly primitive: LockProgram;
  readonly result: string;
  readonly failed: number | null;
  readonly state: readonly number[];
}

/** One caller that stands outside of any primitive makes one call, alone. Null: nobody can. */
function oneCall(layout: L.Layout, before: readonly number[], lock: Lock, pick: number): Call | null {
  const moves = L.enabledMoves(layout, before);
  const first = moves[pick % Math.max(1, moves.length)];
  if (first === undefined) return null;
  const { instance } = first;
  const primitive = primitiveOf(lock, first.move.step.meta, instance.type.name as Side);
  let state = before;
  let move: L.Move | undefined = first.move;
  for (;;) {
    const { state: after, fault } = L.apply(layout, state, instance, move);
    state = after;
    const failed = Number(/sanity check (\d+)/.exec(fault?.name ?? "")?.[1] ?? Number.NaN);
    if (!Number.isNaN(failed)) return { primitive, result: "halt", failed, state };
    if (move.step.meta.result !== undefined)
      return { primitive, result: resultOf(move.step.meta.result, move.step.meta.status), failed: null, state };
    move = L.enabledMoves(layout, state).find((next) => next.instance === instance)?.move;
    if (move === undefined) throw new Error("a primitive got stuck");
  }
}

const resultOf = (result: string | null, status: string | null | undefined): string =>
  result === "ok"
    ? "success"
    : result === L.BUSY && status?.includes("HOST_PRIORITY")
      ? "busy-host-priority"
      : (result ?? "");

function primitiveOf(lock: Lock, meta: { leaf?: string | null; mode?: string | null }, side: Side): LockProgram {
  const found = lock.programs.find(
    (one) => one.function === meta.leaf && one.mode === meta.mode && (one.side === null || one.side === side),
  );
  if (found === undefined) throw new Error(`no primitive ${String(meta.leaf)} of the ${side}`);
  return found;
}

/** A word that shows a primitive what it found in a run, and notes what it would have left. */
class Scripted implements Word {
  readonly left: bigint[] = [];
  readonly #found: readonly bigint[];
  readonly #mask: bigint;
  constructor(found: readonly bigint[], bits: number) {
    this.#found = found;
    this.#mask = 2n ** BigInt(bits) - 1n;
  }
  #swap(make: (word: bigint) => bigint): bigint {
    const word = this.#found[this.left.length];
    if (word === undefined) throw new Error("more instructions than in the run");
    this.left.push(make(word) & this.#mask);
    return word;
  }
  add = (by: bigint) => this.#swap((word) => word + by);
  compareExchange = (expected: bigint, desired: bigint) => this.#swap((word) => (word === expected ? desired : word));
  exchange = (value: bigint) => this.#swap(() => value);
  or = (bits: bigint) => this.#swap((word) => word | bits);
  and = (bits: bigint) => this.#swap((word) => word & bits);
  xor = (bits: bigint) => this.#swap((word) => word ^ bits);
  load = () => this.#swap((word) => word);
}

/** Carries out every primitive of a run again, on the words that its instructions found. */
function followed(trace: L.Trace, lock: Lock): void {
  const words = lock.word;
  const now: Record<string, number> = {};
  const note = (changed: Readonly<Record<string, L.Value>>) => {
    for (const [name, value] of Object.entries(changed))
      if (name.startsWith("word.")) now[name.slice(5)] = Number(value);
  };
  note(trace.initial);
  const open = new Map<string, { found: bigint[]; left: bigint[] }>();
  for (const step of trace.steps) {
    // What a promise of the model stops has not happened; a failed sanity check has.
    if (step.fault !== null && !step.fault.name.startsWith("sanity check")) return;
    const caller = `${step.process}[${step.instance}]`;
    const call = open.get(caller) ?? { found: [], left: [] };
    call.found.push(wordOf(words, now));
    note(step.state);
    call.left.push(wordOf(words, now));
    open.set(caller, call);
    if (step.result === null) continue;
    open.delete(caller);
    const word = new Scripted(call.found, words.bits);
    const outcome = execute(primitiveOf(lock, step, step.process as Side), word);
    expect(outcome.result).toBe(resultOf(step.result, step.status));
    expect(word.left).toEqual(call.left);
  }
}
