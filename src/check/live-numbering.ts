/**
 * Instances that a search sorts, followed by number: each edge of a region comes with the permutation that sorting its end took, so that it is known
 * who is who along a run.
 */
import { sortedChunks } from "./canonical.ts";
import { type Constraint, maskOf } from "./fairness.ts";
import type { Chunk } from "./pack.ts";
import type { Prepared } from "./search.ts";

/** By instance, in the layout's order: where it goes. Named by a number; 0 is the one that leaves all in their places. */
type Permutation = readonly number[];

/** The permutation that leaves all in their places. */
export const UNMOVED = 0;

/** Is one instance's block less than another's? */
function isBefore(chunks: readonly Chunk[], words: Int32Array, one: number, other: number): boolean {
  for (const { places, width } of chunks) {
    const mask = 2 ** width - 1;
    const [a, b] = [places[one] as Chunk["places"][number], places[other] as Chunk["places"][number]];
    const difference =
      (((words[a.word] as number) >>> a.shift) & mask) - (((words[b.word] as number) >>> b.shift) & mask);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** The permutations that are met, and what they do to states and to masks of constraints. */
export class Numbering {
  readonly #types: readonly { readonly members: readonly number[]; readonly chunks: readonly Chunk[] }[];
  readonly #constraints: readonly Constraint[];
  readonly #known: Permutation[];
  readonly #numbers = new Map<string, number>();
  readonly #afters = new Map<string, number>();
  readonly #settled = new Map<string, number>();
  /** By the number that `emitSorting` gives. */
  readonly #numbered: number[] = [];
  /** By permutation: where each constraint's bit goes. */
  readonly #bits: Int8Array[] = [];
  /** By constraint: the bits that any permutation may bring its bit to. */
  readonly #orbits: readonly number[];

  constructor({ layout, packing, reductions }: Prepared, constraints: readonly Constraint[]) {
    this.#constraints = constraints;
    this.#types = sortedChunks(packing, reductions).map(({ typeIndex, instances, chunks }) => ({
      members: layout.instances.flatMap((one, i) =>
        one.typeIndex === typeIndex && instances.includes(one.instance) ? [i] : [],
      ),
      chunks,
    }));
    this.#orbits = constraints.map((from) =>
      maskOf(constraints, (to) => to === from || (to.assumption === from.assumption && this.#areAlike(to, from))),
    );
    this.#known = [];
    this.#number(layout.instances.map((_, i) => i));
  }

  /** Are the instances of two constraints sorted among each other? */
  #areAlike(one: Constraint, other: Constraint): boolean {
    return this.#types.some(({ members }) => members.includes(one.index) && members.includes(other.index));
  }

  #number(permutation: Permutation): number {
    const key = permutation.join();
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.#known.length);
    this.#bits.push(
      Int8Array.from(this.#constraints, (from) =>
        this.#constraints.findIndex((to) => to.assumption === from.assumption && to.index === permutation[from.index]),
      ),
    );
    return this.#known.push(permutation) - 1;
  }

  /** Where an instance goes. */
  place(permutation: number, instance: number): number {
    return this.#known[permutation]?.[instance] as number;
  }

  /** By constraint: where its bit goes. */
  bits(permutation: number): Int8Array {
    return this.#bits[permutation] as Int8Array;
  }

  /** The mask of constraints of the instances in their new places. */
  mask(permutation: number, mask: number): number {
    if (permutation === UNMOVED) return mask;
    return this.#constraints.reduce(
      (all, _, bit) => (((mask >> bit) & 1) === 0 ? all : all | (1 << (this.bits(permutation)[bit] as number))),
      0,
    );
  }

  /** The mask with all that permutations may make of the constraints in it. */
  orbit(mask: number): number {
    return this.#orbits.reduce((all, orbit, bit) => (((mask >> bit) & 1) === 0 ? all : all | orbit), 0);
  }

  /** Who is in each place, from who was there before the instances were permuted. */
  after(who: number, permutation: number): number {
    if (permutation === UNMOVED) return who;
    const known = this.#afters.get(`${who} ${permutation}`);
    if (known !== undefined) return known;
    const now: number[] = [];
    for (const [i, place] of (this.#known[permutation] as Permutation).entries()) now[place] = this.place(who, i);
    const found = this.#number(now);
    this.#afters.set(`${who} ${permutation}`, found);
    return found;
  }

  /** The permutation that `emitSorting` gives this number. */
  numbered(code: number): number {
    const known = this.#numbered[code];
    if (known !== undefined) return known;
    const permutation = [...(this.#known[UNMOVED] as Permutation)];
    let rest = code;
    for (const { members } of [...this.#types].reverse()) {
      const digits: number[] = [];
      for (let radix = 1; radix <= members.length; radix++) {
        digits.unshift(rest % radix);
        rest = Math.floor(rest / radix);
      }
      const free = [...members];
      for (const [i, digit] of digits.entries()) permutation[members[i] as number] = free.splice(digit, 1)[0] as number;
    }
    const found = this.#number(permutation);
    this.#numbered[code] = found;
    return found;
  }

  /** How sorting permutes the instances of a state: as `canonical.ts` does it, the smallest first. */
  sorting(words: Int32Array): number {
    let code = 0;
    for (const { members, chunks } of this.#types)
      for (let i = 0; i < members.length; i++) {
        let digit = 0;
        for (let behind = i + 1; behind < members.length; behind++) if (isBefore(chunks, words, behind, i)) digit++;
        code = code * (members.length - i) + digit;
      }
    return this.numbered(code);
  }

  /**
   * Who is in each place of a sorted state, where those that are alike there are put in their own order: it makes no difference which of them is
   * said to be in which place.
   */
  settled(who: number, words: Int32Array): number {
    // Sorted, so those that are alike stand side by side.
    let alike = 0;
    for (const { members, chunks } of this.#types)
      for (let i = 1; i < members.length; i++) alike = alike * 2 + Number(!isBefore(chunks, words, i - 1, i));
    if (alike === 0) return who;
    const key = `${who} ${alike}`;
    const known = this.#settled.get(key);
    if (known !== undefined) return known;
    const now = [...(this.#known[who] as Permutation)];
    for (const { members, chunks } of this.#types)
      for (let first = 0, end = 1; first < members.length; first = end, end++) {
        while (end < members.length && !isBefore(chunks, words, end - 1, end)) end++;
        const places = members.slice(first, end);
        const there = places.map((place) => now[place] as number).sort((a, b) => a - b);
        for (const [i, place] of places.entries()) now[place] = there[i] as number;
      }
    const found = this.#number(now);
    this.#settled.set(key, found);
    return found;
  }

  /** The words of a state with what stands in each place given to who is there. */
  given(words: Int32Array, who: number): Int32Array {
    if (who === UNMOVED) return words;
    const given = words.slice();
    for (const { members, chunks } of this.#types)
      for (const { places, width } of chunks) {
        const bits = (2 ** width - 1) | 0;
        places.forEach((from, i) => {
          const to = places[members.indexOf(this.place(who, members[i] as number))] as Chunk["places"][number];
          const value = ((words[from.word] as number) >>> from.shift) & bits;
          given[to.word] = ((given[to.word] as number) & ~(bits << to.shift)) | (value << to.shift);
        });
      }
    return given;
  }

  /** By place: who `first` says is where the one belongs that `who` says is there. */
  composed(first: number, who: number): number {
    return this.#number((this.#known[who] as Permutation).map((place) => this.place(first, place)));
  }

  /** The opposite. */
  inverse(permutation: number): number {
    const back: number[] = [];
    for (const [i, place] of (this.#known[permutation] as Permutation).entries()) back[place] = i;
    return this.#number(back);
  }
}
