/**
 * What stubborn sets would take away beside folding and symmetry: an explorer of its own, slow and simple, that at each state takes only the
 * moves of a stubborn set, computed from the lowered moves.
 *
 * Which moves depend on which: by the slots they read and write and the labels they ask for, elements of arrays by the value of their index in
 * the state where that only the process itself changes. What a disabled move waits for (a necessary enabling set): the moves that lead to its
 * label, or those that write what a false part of its guard reads, whichever brings fewer moves that can run.
 *
 * Only what deadlocks need is asked for; what properties, assertions and loops need beside (visibility, ignoring) would add moves. So the
 * states counted here are fewer than any sound reduction of this kind would have.
 */
import { type Prepared, prepare, Search } from "../src/check/index.ts";
import { packState, unpackState } from "../src/check/pack.ts";
import {
  condition,
  constantIncrement,
  type Emitter,
  elementSlots,
  emitEffects,
  type Ir,
  initialState,
  irReads,
  type LoweredMove,
  type Model,
  number,
  visitIr,
  visitIrEffects,
} from "../src/language/index.ts";

type Slots = Int32Array;
type Bits = Uint32Array;

/** A place that a move touches: one slot, or one of several by an index. */
interface Place {
  readonly slots: readonly number[];
  /** The index in a state; null: not known before the move runs. */
  readonly index: ((s: Slots) => number) | null;
}

interface MoveInfo {
  readonly lowered: LoweredMove;
  readonly id: number;
  readonly enabled: (s: Slots) => boolean;
  /** Makes the move; false: it fails. */
  readonly fire: (s: Slots) => boolean;
  readonly reads: readonly Place[];
  readonly writes: readonly Place[];
  readonly increments: readonly Place[];
  readonly asks: readonly { readonly slot: number; readonly labels: readonly number[] }[];
  /** The parts of its guard, each with the moves that can make it true. */
  readonly parts: { readonly holds: (s: Slots) => boolean; readonly enabling: Bits }[];
}

const emitterOf = (temporaries: { count: number }): Emitter => ({
  store: {
    read: (slot) => `s[${slot}]`,
    readElement: (slot, _size, index) => `s[${slot} + ${index}]`,
    write: (slot, value) => `s[${slot}] = ${value};`,
    writeElement: (slot, _size, index, value) => `s[${slot} + ${index}] = ${value};`,
  },
  temporary: () => `t${temporaries.count++}`,
  fault: () => "return false;",
});

function compiled<T>(make: (e: Emitter) => string): (s: Slots) => T {
  const temporaries = { count: 0 };
  const body = make(emitterOf(temporaries));
  const declared = Array.from({ length: temporaries.count }, (_, i) => `let t${i} = 0;`).join(" ");
  return new Function("s", `"use strict"; ${declared} ${body}`) as (s: Slots) => T;
}

const has = (bits: Bits, i: number): boolean => (((bits[i >> 5] as number) >>> (i & 31)) & 1) === 1;
const put = (bits: Bits, i: number): void => {
  bits[i >> 5] = (bits[i >> 5] as number) | (1 << (i & 31));
};
const putAll = (bits: Bits, other: Bits | undefined): void => {
  if (other !== undefined) for (let w = 0; w < bits.length; w++) bits[w] = (bits[w] as number) | (other[w] as number);
};

/** Numbers of the bits that are set in `bits` and not in `except`. */
function* added(bits: Bits, except: Bits): Generator<number> {
  for (let w = 0; w < bits.length; w++) {
    for (let rest = (bits[w] as number) & ~(except[w] as number); rest !== 0; rest &= rest - 1)
      yield (w << 5) + 31 - Math.clz32(rest & -rest);
  }
}

/** Conjuncts of a guard. */
const conjuncts = (guard: Ir): readonly Ir[] => (guard.k === "and" ? guard.args : [guard]);

class Moves {
  readonly all: readonly MoveInfo[];
  readonly #prepared: Prepared;
  readonly #words: number;
  readonly #readers = new Map<number, Bits>();
  readonly #writers = new Map<number, Bits>();
  readonly #incrementers = new Map<number, Bits>();
  readonly #own: readonly Bits[];
  /** By program counter and label: the moves there, and those that lead there. */
  readonly #here = new Map<string, Bits>();
  readonly #leading = new Map<string, Bits>();
  readonly #rows = new Map<string, Bits>();

  constructor(prepared: Prepared) {
    this.#prepared = prepared;
    const { live, constants, derived, layout } = prepared.analysis;
    this.#words = (live.length + 31) >> 5;
    const writtenBy = new Map<number, Set<number>>();
    for (const { instance, effects } of live)
      visitIrEffects(effects, (effect) => {
        if (effect.k !== "set") return;
        for (const slot of elementSlots(effect.s, effect.n, effect.i))
          writtenBy.set(slot, (writtenBy.get(slot) ?? new Set()).add(instance.pc));
      });
    const isFixed = (slot: number) => constants.has(slot) || derived.has(slot);
    this.all = live.map((lowered, id) => {
      const written = new Set<number>();
      visitIrEffects(lowered.effects, (effect) => {
        if (effect.k === "set") for (const slot of elementSlots(effect.s, effect.n, effect.i)) written.add(slot);
      });
      const ownIndex = (i: Ir): boolean =>
        [...irReads(i)].every(
          (slot) => !written.has(slot) && [...(writtenBy.get(slot) ?? [])].every((pc) => pc === lowered.instance.pc),
        );
      const place = (s: number, n: number, i: Ir | null): Place => {
        const slots = elementSlots(s, n, i).filter((slot) => !isFixed(slot));
        const known = i !== null && slots.length === n && ownIndex(i);
        return { slots, index: known ? compiled<number>((e) => `return ${s} + ${number(e, i)};`) : null };
      };
      const [reads, writes, increments]: Place[][] = [[], [], []];
      const asks: { slot: number; labels: readonly number[] }[] = [];
      const look = (ir: Ir): void =>
        visitIr(ir, (node) => {
          if (node.k === "at") asks.push({ slot: node.s, labels: node.labels });
          if (node.k === "slot") reads?.push(place(node.s, 1, null));
          if (node.k === "elem") reads?.push(place(node.s, node.n, node.i));
        });
      look(lowered.guard);
      visitIrEffects(lowered.effects, (effect) => {
        if (effect.k !== "set") return look(effect.c);
        const isBlind = constantIncrement(effect) !== null;
        (isBlind ? increments : writes)?.push(place(effect.s, effect.n, effect.i));
        if (!isBlind) for (const ir of effect.i === null ? [effect.value] : [effect.i, effect.value]) look(ir);
      });
      return {
        lowered,
        id,
        enabled: compiled<boolean>((e) => `return ${condition(e, lowered.guard)};`),
        fire: compiled<boolean>(
          (e) =>
            `${emitEffects(e, lowered.effects)} s[${lowered.instance.pc}] = ${lowered.move.nextIndex}; return true;`,
        ),
        reads: reads ?? [],
        writes: writes ?? [],
        increments: increments ?? [],
        asks,
        parts: [],
      };
    });
    for (const { id, reads, writes, increments, lowered } of this.all) {
      const { instance, move } = lowered;
      for (const { slots } of reads) for (const slot of slots) put(this.#bits(this.#readers, slot), id);
      for (const { slots } of writes) for (const slot of slots) put(this.#bits(this.#writers, slot), id);
      for (const { slots } of increments) for (const slot of slots) put(this.#bits(this.#incrementers, slot), id);
      put(this.#bits(this.#here, `${instance.pc} ${move.labelIndex}`), id);
      put(this.#bits(this.#leading, `${instance.pc} ${move.nextIndex}`), id);
    }
    this.#own = this.all.map(({ lowered }) => {
      const bits = new Uint32Array(this.#words);
      for (const other of this.all) if (other.lowered.instance === lowered.instance) put(bits, other.id);
      return bits;
    });
    for (const info of this.all)
      for (const part of conjuncts(info.lowered.guard)) {
        const enabling = new Uint32Array(this.#words);
        visitIr(part, (node) => {
          if (node.k === "at") for (const other of this.#tellers(node)) put(enabling, other);
        });
        for (const slot of irReads(part)) {
          putAll(enabling, this.#writers.get(slot));
          putAll(enabling, this.#incrementers.get(slot));
        }
        info.parts.push({ holds: compiled<boolean>((e) => `return ${condition(e, part)};`), enabling });
      }
    void layout;
  }

  #bits<K>(map: Map<K, Bits>, key: K): Bits {
    const known = map.get(key) ?? new Uint32Array(this.#words);
    map.set(key, known);
    return known;
  }

  /** Moves from which a question for labels can tell that they were made. */
  *#tellers({ s, labels }: Ir & { k: "at" }): Generator<number> {
    for (const { id, lowered } of this.all)
      if (
        lowered.instance.pc === s &&
        labels.includes(lowered.move.labelIndex) !== labels.includes(lowered.move.nextIndex)
      )
        yield id;
  }

  /** The moves of other processes that depend on a move that can run in the state. */
  #dependent(info: MoveInfo, s: Slots): Bits {
    const at = ({ slots, index }: Place): readonly number[] => (index === null ? slots : [index(s)]);
    const [reads, writes, increments] = [info.reads, info.writes, info.increments].map((places) => places.flatMap(at));
    const key = `${info.id} ${reads} ${writes} ${increments}`;
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const row = new Uint32Array(this.#words);
    for (const slot of reads ?? []) for (const map of [this.#writers, this.#incrementers]) putAll(row, map.get(slot));
    for (const slot of writes ?? [])
      for (const map of [this.#readers, this.#writers, this.#incrementers]) putAll(row, map.get(slot));
    for (const slot of increments ?? []) for (const map of [this.#readers, this.#writers]) putAll(row, map.get(slot));
    for (const { slot, labels } of info.asks)
      for (const other of this.#tellers({ k: "at", s: slot, labels })) put(row, other);
    const { instance, move } = info.lowered;
    for (const other of this.all)
      for (const { slot, labels } of other.asks)
        if (slot === instance.pc && labels.includes(move.labelIndex) !== labels.includes(move.nextIndex))
          put(row, other.id);
    const own = this.#own[info.id] as Bits;
    for (let w = 0; w < row.length; w++) row[w] = (row[w] as number) & ~(own[w] as number);
    this.#rows.set(key, row);
    return row;
  }

  /** Numbers of the moves that can run. */
  enabledIn(s: Slots): number[] {
    const found: number[] = [];
    for (const { pc } of this.#prepared.layout.instances) {
      const here = this.#here.get(`${pc} ${s[pc]}`);
      if (here === undefined) continue;
      for (const id of added(here, new Uint32Array(this.#words))) if (this.all[id]?.enabled(s)) found.push(id);
    }
    return found;
  }

  /** What a move that cannot run waits for: of several such sets, the one with the fewest moves that can run and are not in yet. */
  #waitsFor(info: MoveInfo, s: Slots, inSet: Bits, enabled: Bits): Bits {
    const { instance, move } = info.lowered;
    const sets: Bits[] = [];
    if (s[instance.pc] !== move.labelIndex)
      sets.push(this.#leading.get(`${instance.pc} ${move.labelIndex}`) ?? new Uint32Array(this.#words));
    for (const { holds, enabling } of info.parts) if (!holds(s)) sets.push(enabling);
    const weight = (set: Bits): number => {
      let runs = 0;
      let others = 0;
      for (const id of added(set, inSet))
        if (has(enabled, id)) runs++;
        else others++;
      return runs * 10_000 + others;
    };
    return sets.reduce((best, set) => (weight(set) < weight(best) ? set : best));
  }

  /** The moves to take in a state: those of the smallest stubborn set that was found. */
  stubborn(s: Slots): { taken: readonly number[]; all: number } {
    const all = this.enabledIn(s);
    const enabled = new Uint32Array(this.#words);
    for (const id of all) put(enabled, id);
    let best: readonly number[] = all;
    const tried = new Set<string>();
    for (const seed of all) {
      const { instance, move } = (this.all[seed] as MoveInfo).lowered;
      const place = `${instance.pc} ${move.labelIndex}`;
      if (tried.has(place)) continue;
      tried.add(place);
      const inSet = new Uint32Array(this.#words);
      const waiting: number[] = [];
      const runs: number[] = [];
      const include = (bits: Bits): void => {
        for (const id of added(bits, inSet)) {
          put(inSet, id);
          waiting.push(id);
          if (has(enabled, id)) runs.push(id);
        }
      };
      const first = new Uint32Array(this.#words);
      put(first, seed);
      include(first);
      for (let id = waiting.pop(); id !== undefined && runs.length < best.length; id = waiting.pop()) {
        const info = this.all[id] as MoveInfo;
        const { instance: own, move: made } = info.lowered;
        if (!has(enabled, id)) {
          include(this.#waitsFor(info, s, inSet, enabled));
          continue;
        }
        include(this.#dependent(info, s));
        include(this.#here.get(`${own.pc} ${made.labelIndex}`) as Bits);
      }
      if (runs.length < best.length) best = runs;
    }
    return { taken: best, all: all.length };
  }
}

/** Distinct records of words, in the order in which they were added. */
class Records {
  #table = new Int32Array(1 << 12);
  #words: Int32Array;
  readonly #width: number;
  count = 0;
  constructor(width: number) {
    this.#width = width;
    this.#words = new Int32Array(width << 11);
  }
  at(i: number): Int32Array {
    return this.#words.subarray(i * this.#width, (i + 1) * this.#width);
  }
  #hash(words: Int32Array): number {
    let hash = 0;
    for (const word of words) hash = Math.imul(hash ^ word, 0x9e3779b1) ^ (hash >>> 15);
    return Math.imul(hash ^ (hash >>> 13), 0x85ebca6b) >>> 0;
  }
  #place(words: Int32Array): number {
    for (let i = this.#hash(words) & (this.#table.length - 1); ; i = (i + 1) & (this.#table.length - 1)) {
      const id = this.#table[i] as number;
      if (id === 0 || this.at(id - 1).every((word, w) => word === words[w])) return i;
    }
  }
  add(words: Int32Array): void {
    const place = this.#place(words);
    if (this.#table[place] !== 0) return;
    if ((this.count + 1) * this.#width > this.#words.length) {
      const larger = new Int32Array(this.#words.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words.set(words, this.count * this.#width);
    this.#table[place] = ++this.count;
    if (this.count * 2 < this.#table.length) return;
    this.#table = new Int32Array(this.#table.length * 2);
    for (let id = 1; id <= this.count; id++) this.#table[this.#place(this.at(id - 1))] = id;
  }
}

/** What the exploration found. `proper`: states with a stubborn set that leaves something out. */
export interface StubbornCount {
  readonly states: number;
  readonly proper: number;
  /** Everything was explored. */
  readonly whole: boolean;
}

/** Explore a model with folding, symmetry and, if wanted, stubborn sets; at most so many states. */
export function countStates(model: Model, isStubborn: boolean, most: number): StubbornCount {
  const prepared = prepare(model);
  const { layout, packing, reductions } = prepared;
  const search = new Search(prepared);
  const moves = new Moves(prepared);
  const records = new Records(packing.words);
  const foldedAt = (s: Slots): number =>
    layout.instances.findIndex(({ pc }, i) => reductions.folded[i]?.has(s[pc] as number));
  const keep = (s: Slots): void => {
    const at = foldedAt(s);
    if (at >= 0) {
      const { pc } = layout.instances[at] as (typeof layout.instances)[number];
      for (const id of moves.enabledIn(s)) {
        const info = moves.all[id] as MoveInfo;
        if (info.lowered.instance.pc !== pc) continue;
        const next = s.slice();
        if (info.fire(next)) keep(next);
      }
      return;
    }
    const words = packState(packing, s as unknown as number[]);
    search.space.canonical(words);
    records.add(words);
  };
  keep(Int32Array.from(initialState(layout)));
  let proper = 0;
  let next = 0;
  for (; next < records.count && records.count <= most; next++) {
    const s = Int32Array.from(unpackState(packing, records.at(next), 0));
    const { taken, all } = isStubborn ? moves.stubborn(s) : { taken: moves.enabledIn(s), all: 0 };
    if (taken.length < all) proper++;
    for (const id of taken) {
      const after = s.slice();
      if ((moves.all[id] as MoveInfo).fire(after)) keep(after);
    }
  }
  return { states: records.count, proper, whole: next === records.count };
}
