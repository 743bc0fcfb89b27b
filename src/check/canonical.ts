/** Canonical forms as code: of all states that differ only by a renumbering of what is symmetric, one. */
import { putField, readSlot, type Target, truth } from "./emit-packed.ts";
import type { Reductions } from "./kernel-memory.ts";
import type { Chunk, Packing } from "./pack.ts";
import type { ScalarSymmetry } from "./scalar-symmetry.ts";
import type { Symmetric } from "./symmetry.ts";
import { I32 } from "./wasm.ts";

/** Bring the state in the target's words into canonical form. False: every state is, and there is no code. */
export function emitCanonical(target: Target, { symmetric, scalar }: Reductions): boolean {
  if (scalar.length > 0) emitSmallest(target, scalar, symmetric);
  else sortAll(target, symmetric);
  return symmetric.size > 0 || scalar.length > 0;
}

/** A renumbering: for each set, where each index goes. */
type Renumbering = readonly (readonly number[])[];

function permutations(size: number): number[][] {
  if (size === 0) return [[]];
  return permutations(size - 1).flatMap((rest) =>
    Array.from({ length: size }, (_, at) => [...rest.slice(0, at), size - 1, ...rest.slice(at)]),
  );
}

const renumberings = ([first, ...rest]: readonly ScalarSymmetry[]): Renumbering[] =>
  first === undefined
    ? [[]]
    : permutations(first.size).flatMap((one) => renumberings(rest).map((others) => [one, ...others]));

/** Of the state under all renumberings, each with its instances sorted, the smallest. */
function emitSmallest(target: Target, sets: readonly ScalarSymmetry[], symmetric: Symmetric): void {
  const { code, packing, words } = target;
  const n = packing.words;
  const [original, best] = [code.local(n), code.local(n)];
  const copy = (from: number, to: number) => {
    for (let w = 0; w < n; w++) code.get(from + w).set(to + w);
  };
  copy(words, original);
  for (const [i, renumbering] of renumberings(sets).entries()) {
    copy(original, words);
    sets.forEach((set, s) => {
      renumber(target, original, set, renumbering[s] as readonly number[]);
    });
    sortAll(target, symmetric);
    if (i === 0) copy(words, best);
    else {
      smaller(target, best, 0);
      code.if(() => copy(words, best));
    }
  }
  copy(best, words);
}

/** Push whether the words are smaller than those from local `other` on. */
function smaller(target: Target, other: number, word: number): void {
  const { code, packing, words } = target;
  code
    .get(words + word)
    .get(other + word)
    .op("lt_u");
  if (word === packing.words - 1) return;
  code
    .get(words + word)
    .get(other + word)
    .op("eq");
  smaller(target, other, word + 1);
  code.op("and", "or");
}

/** Rename one set's indices: from the words in `original` into the target's, which still are a copy of them where this set is concerned. */
function renumber(
  target: Target,
  original: number,
  { size, arrays, values }: ScalarSymmetry,
  where: readonly number[],
): void {
  if (where.every((to, from) => to === from)) return;
  const { code } = target;
  const source = { ...target, words: original };
  for (const first of arrays)
    for (let i = 0; i < size; i++) putField(target, first + (where[i] as number), () => readSlot(source, first + i));
  // An index and "none" as four bits each of one constant.
  const table = where.reduce((bits, to, from) => bits | (to << (4 * from)), size << (4 * size));
  for (const { slot, pc, fixed } of values) {
    const renamed = () => {
      code.const(table);
      readSlot(source, slot);
      code.const(2).op("shl", "shr_u").const(15).op("and");
    };
    putField(target, slot, () => {
      if (fixed.length === 0) return renamed();
      truth(source, { k: "at", s: pc, labels: fixed });
      code.choose(I32, () => readSlot(source, slot), renamed);
    });
  }
}

function sortAll(target: Target, symmetric: Symmetric): void {
  for (const { chunks } of sortedChunks(target.packing, { symmetric })) sortInstances(target, chunks);
}

/** The bit blocks of instances, in locals. */
interface Blocks {
  readonly count: number;
  readonly local: (chunk: number, instance: number) => number;
  /** Push whether one instance's block is greater than another's. */
  readonly greater: (one: number, other: number) => void;
}

function loadBlocks({ code, words }: Target, chunks: readonly Chunk[]): Blocks {
  const count = (chunks[0] as Chunk).places.length;
  const first = code.local(chunks.length * count);
  const local = (chunk: number, instance: number) => first + chunk * count + instance;
  chunks.forEach(({ places, width }, c) => {
    places.forEach(({ word, shift }, i) => {
      code
        .get(words + word)
        .const(shift)
        .op("shr_u")
        .const(2 ** width - 1)
        .op("and")
        .set(local(c, i));
    });
  });
  const greater = (one: number, other: number, c = 0): void => {
    code.get(local(c, one)).get(local(c, other)).op("gt_u");
    if (c === chunks.length - 1) return;
    code.get(local(c, one)).get(local(c, other)).op("eq");
    greater(one, other, c + 1);
    code.op("and", "or");
  };
  return { count, local, greater };
}

/** By process type: the instances that are sorted, by number, and the chunks of them alone. Types whose instances cannot differ are left out. */
export const sortedChunks = (
  { chunks }: Pick<Packing, "chunks">,
  { symmetric }: Pick<Reductions, "symmetric">,
): { typeIndex: number; instances: readonly number[]; chunks: Chunk[] }[] =>
  [...symmetric]
    .map(([typeIndex, instances]) => ({
      typeIndex,
      instances,
      chunks: (chunks[typeIndex] ?? []).map(({ width, places }) => ({
        width,
        places: instances.map((instance) => places[instance] as Chunk["places"][number]),
      })),
    }))
    .filter((sorted) => sorted.chunks.length > 0);

/** In how many ways sorting can permute instances. */
export const permutationsOf = (packing: Packing, reductions: Reductions): number =>
  sortedChunks(packing, reductions).reduce((all, { instances }) => all * factorial(instances.length), 1);

/** In how many ways so many can be put in order. */
export const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));

/**
 * Push the number of the permutation by which sorting the instances of the state in the target's words will put them in order: of each, how many
 * that come behind it will go before it, as digits of one number (Lehmer's code); instances that are equal stay in their order. All zero: nobody
 * is moved.
 */
export function emitSorting(target: Target, reductions: Reductions): void {
  const { code } = target;
  code.const(0);
  for (const { chunks } of sortedChunks(target.packing, reductions)) {
    const { count, greater } = loadBlocks(target, chunks);
    for (let i = 0; i < count; i++) {
      code.const(count - i).op("mul");
      for (let behind = i + 1; behind < count; behind++) {
        greater(i, behind);
        code.op("add");
      }
    }
  }
}

/** Sort instances by their bit blocks, with compare-and-swap steps in straight line. */
function sortInstances(target: Target, chunks: readonly Chunk[]): void {
  const { code, words } = target;
  const { count, local, greater } = loadBlocks(target, chunks);
  for (let end = count - 1; end > 0; end--) {
    for (let i = 0; i < end; i++) {
      greater(i, i + 1);
      code.if(() => {
        for (let c = 0; c < chunks.length; c++)
          code
            .get(local(c, i))
            .get(local(c, i + 1))
            .set(local(c, i))
            .set(local(c, i + 1));
      });
    }
  }
  chunks.forEach(({ places, width }, c) => {
    places.forEach(({ word, shift }, i) => {
      code
        .get(words + word)
        .const(~((2 ** width - 1) << shift))
        .op("and");
      code
        .get(local(c, i))
        .const(shift)
        .op("shl", "or")
        .set(words + word);
    });
  });
}
