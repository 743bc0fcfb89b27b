/** Code for liveness: the edges out of stored states, each with its end, its move, and how sorting permuted the instances of its end. */
import { type BoolExpr, lowerProperty } from "../language/index.ts";
import { emitCanonical, emitSorting, permutationsOf } from "./canonical.ts";
import { truth } from "./emit-packed.ts";
import {
  type Generator,
  loadRecord,
  loadWords,
  outAddress,
  recordOf,
  successorBytes,
  targetOf,
} from "./kernel-code.ts";
import { eachSuccessor, emitHash, loadIndex, noteHash, search, tagOf, touchGroups } from "./kernel-index.ts";
import { OWN } from "./kernel-memory.ts";
import { callAll, type Piece } from "./kernel-successors.ts";
import type { Code } from "./wasm.ts";

/** Push a bit for each of some expressions: is it true of the state in locals? */
function emitMarks(g: Generator, code: Code, words: number, tests: readonly BoolExpr[]): void {
  const { layout, constants } = g.analysis;
  code.const(0);
  for (const [bit, test] of tests.entries()) {
    truth(targetOf(g, code, words), lowerProperty(layout, test, constants));
    code.const(bit).op("shl", "or");
  }
}

/** Expand states from `head` until `until`, or a batch: `head` is what is next then, and `end` where the successors end. */
function expandMarked(
  g: Generator,
  code: Code,
  pieces: readonly Piece[][],
  tests: readonly BoolExpr[],
  { head, until, end }: { readonly head: number; readonly until: number; readonly end: number },
): void {
  const [at, index, before] = [code.local(), code.local(), code.local()];
  const words = code.local(g.packing.words);
  outAddress(g, code).set(end).own().set(index);
  recordOf(g, code.get(head)).set(at);
  code.block((out) =>
    code.loop((again) => {
      code.get(head).get(until).op("ge_u").brIf(out);
      code.get(end);
      outAddress(g, code)
        .const(g.batch * successorBytes(g))
        .op("add", "ge_u")
        .brIf(out);
      loadRecord(g, code, at, words);
      code.get(index);
      emitMarks(g, code, words, tests);
      code.store(g.places.marks);
      code.get(end).set(before);
      callAll(g, code, pieces, { id: head, words, end });
      code.get(index).get(end).get(before).op("sub").const(successorBytes(g)).op("div_u").store(g.places.degrees);
      code.get(index).const(4).op("add").set(index);
      code.get(head).const(1).op("add").set(head);
      code.get(at).const(g.packing.record.bytes).op("add").set(at);
      code.br(again);
    }),
  );
}

/**
 * Code that finds the edges out of the states from `head` until `until`, at most `BATCH` of them; it returns the first that it did not come to.
 * By state: how many edges, and which of the expressions are true of it (`places.degrees`, `places.marks`). By edge, in the order of their
 * states: the number of the state it leads to, or 0 if that is not stored (`places.hashes`), and its kind (`places.groups`): the number of
 * the move times the permutations there can be, plus that of the permutation.
 */
export function defineLink(g: Generator, pieces: readonly Piece[][], tests: readonly BoolExpr[]): void {
  const n = g.packing.words;
  const { hashes, groups } = g.places;
  g.module.function("link", 2, true, (code) => {
    const [head, until] = [0, 1];
    const places = loadIndex(code);
    const [end, h, group, tag, last] = [code.local(), code.local(), code.local(), code.local(), code.local()];
    const words = code.local(n);
    expandMarked(g, code, pieces, tests, { head, until, end });
    const kind = (at: number) => code.get(at).load(4 * n);
    eachSuccessor(g, code, end, (at, index) => {
      loadWords(g, code, at, words);
      code.get(at);
      kind(at).const(permutationsOf(g.packing, g.reductions)).op("mul");
      emitSorting(targetOf(g, code, words), g.reductions);
      code.op("add").store(4 * n);
      emitCanonical(targetOf(g, code, words), g.reductions);
      for (let w = 0; w < n; w++)
        code
          .get(at)
          .get(words + w)
          .store(4 * w);
      emitHash(g, code, words, h);
      code.set(h);
      noteHash(g, code, index, h, places);
      code.get(index).const(4).op("add").set(last);
    });
    // Nothing is touched, nor looked up, where there is no successor.
    code.get(end);
    outAddress(g, code).op("ne");
    code.if(() => touchGroups(g, code, last));
    eachSuccessor(g, code, end, (at, index) => {
      loadWords(g, code, at, words);
      code.get(index).load(hashes).set(h);
      tagOf(code, h, places).set(tag);
      code.get(index).load(groups).set(group);
      code.get(index);
      kind(at).store(groups);
      code.block((done) => {
        const found = (number: number) => code.get(index).get(number).store(hashes).br(done);
        search(g, code, { places, words, tag, group }, found, () => code.get(index).const(0).store(hashes).br(done));
      });
    });
    code.own().get(end).store(OWN.batchEnd);
    code.get(head);
  });
}
