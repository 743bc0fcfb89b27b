/**
 * Instances that a search sorts, followed by number: each edge of a region comes with the permutation that sorting its end took, so that it is known
 * who is who along a run.
 */
import type { Constraint } from "./fairness.ts";
import type { Chunk } from "./pack.ts";
import type { Prepared } from "./search.ts";

/** By instance, in the layout's order: where it goes. Named by a number; 0 is the one that leaves all in their places. */
type Permutation = readonly number[];

const UNMOVED = 0;

/** Is one instance's block sorted before another's? Equals stay in their order. */
function isBefore(chunks: readonly Chunk[], words: Int32Array, at: number, one: number, other: number): boolean {
  for (const { places, width } of chunks) {
    const mask = 2 ** width - 1;
    const [a, b] = [places[one] as Chunk["places"][number], places[other] as Chunk["places"][number]];
    const difference =
      (((words[at + a.word] as number) >>> a.shift) & mask) - (((words[at + b.word] as number) >>> b.shift) & mask);
    if (difference !== 0) return difference < 0;
  }
  return one < other;
}

/** The permutations that are met, and what they do to states and to masks of constraints. */
export class Numbering {
  /** Does the search sort any instances? Else all permutations are the same one. */
  readonly isSorted: boolean;
  readonly #types: readonly { readonly members: readonly number[]; readonly chunks: readonly Chunk[] }[];
  readonly #constraints: readonly Constraint[];
  readonly #known: Permutation[];
  readonly #numbers = new Map<string, number>();
  readonly #afters = new Map<string, number>();
  /** By the ranks of all instances, as one number. */
  readonly #sortings = new Map<number, number>();
  /** By permutation: where each constraint's bit goes. */
  readonly #bits: number[][] = [];

  constructor({ layout, packing, reductions }: Prepared, constraints: readonly Constraint[]) {
    this.isSorted = reductions.symmetric.size > 0;
    this.#constraints = constraints;
    this.#types = [...reductions.symmetric].map((typeIndex) => ({
      members: layout.instances.flatMap((instance, i) => (instance.typeIndex === typeIndex ? [i] : [])),
      chunks: packing.chunks[typeIndex] ?? [],
    }));
    this.#known = [];
    this.#number(layout.instances.map((_, i) => i));
  }

  #number(permutation: Permutation): number {
    const key = permutation.join();
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.#known.length);
    const like = (a: Constraint, b: Constraint) => a.strong === b.strong && a.labels?.join() === b.labels?.join();
    this.#bits.push(
      this.#constraints.map((from) =>
        this.#constraints.findIndex((to) => like(from, to) && to.index === permutation[from.index]),
      ),
    );
    return this.#known.push(permutation) - 1;
  }

  /** Where an instance goes. */
  place(permutation: number, instance: number): number {
    return this.#known[permutation]?.[instance] as number;
  }

  /** Where the bit of a constraint goes. */
  bit(permutation: number, bit: number): number {
    return this.#bits[permutation]?.[bit] as number;
  }

  /** The mask of constraints of the instances in their new places. */
  mask(permutation: number, mask: number): number {
    if (permutation === UNMOVED) return mask;
    return this.#constraints.reduce(
      (all, _, bit) => (((mask >> bit) & 1) === 0 ? all : all | (1 << this.bit(permutation, bit))),
      0,
    );
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

  /** How sorting permutes the instances of a state whose words lie at an index: as `canonical.ts` does it, the smallest first. */
  sorting(words: Int32Array, at = 0): number {
    // Almost all states have few instances, and this is done for each edge: no arrays are made where the permutation is known.
    let key = 0;
    for (const { members, chunks } of this.#types)
      for (let i = 0; i < members.length; i++) {
        let rank = 0;
        for (let j = 0; j < members.length; j++) if (isBefore(chunks, words, at, j, i)) rank++;
        key = key * members.length + rank;
      }
    const known = this.#sortings.get(key);
    if (known !== undefined) return known;
    const permutation = [...(this.#known[UNMOVED] as Permutation)];
    let ranks = key;
    for (const { members } of [...this.#types].reverse())
      for (const member of [...members].reverse()) {
        permutation[member] = members[ranks % members.length] as number;
        ranks = Math.floor(ranks / members.length);
      }
    const found = this.#number(permutation);
    this.#sortings.set(key, found);
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

  /** The opposite. */
  inverse(permutation: number): number {
    const back: number[] = [];
    for (const [i, place] of (this.#known[permutation] as Permutation).entries()) back[place] = i;
    return this.#number(back);
  }
}
