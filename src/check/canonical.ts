/** Canonical forms as code: of all states that differ by a renumbering of symmetric instances only, one. */
import type { Layout } from "../language/index.ts";
import type { Target } from "./emit-packed.ts";
import type { Reductions } from "./kernel.ts";
import type { Chunk } from "./pack.ts";

/** Bring the state in the target's words into canonical form. False: every state is, and there is no code. */
export function emitCanonical(target: Target, _layout: Layout, { symmetric }: Reductions): boolean {
  let any = false;
  for (const typeIndex of symmetric) {
    const chunks = target.packing.chunks[typeIndex] ?? [];
    if (chunks.length === 0) continue;
    sortInstances(target, chunks);
    any = true;
  }
  return any;
}

/** Sort instances by their bit blocks, with compare-and-swap steps in straight line. */
function sortInstances({ code, words }: Target, chunks: readonly Chunk[]): void {
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
  const greater = (c: number, a: number): void => {
    code
      .get(local(c, a))
      .get(local(c, a + 1))
      .op("gt_u");
    if (c === chunks.length - 1) return;
    code
      .get(local(c, a))
      .get(local(c, a + 1))
      .op("eq");
    greater(c + 1, a);
    code.op("and", "or");
  };
  for (let end = count - 1; end > 0; end--) {
    for (let i = 0; i < end; i++) {
      greater(0, i);
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
