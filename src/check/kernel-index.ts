/** Code that finds states by their words: hashes, the index, and the loop that inserts what was collected; table slots are touched before they are probed. */
import { irNot, lowerProperty } from "../language/index.ts";
import { emitCanonical } from "./canonical.ts";
import { truth } from "./emit-packed.ts";
import {
  emitReport,
  type Generator,
  keepLeast,
  loadRecord,
  loadWords,
  outAddress,
  recordOf,
  sameRecord,
  sameWords,
  storeRecord,
  storeWords,
  successorBytes,
  targetOf,
} from "./kernel-code.ts";
import { BATCH, BLOCK, boxedBytes, GROUP_BYTES, OWN, SHARED } from "./kernel-memory.ts";
import { callAll, type Piece } from "./kernel-successors.ts";
import type { Code, Target } from "./wasm.ts";

/** Leave the state's hash, computed from the words in locals, on the stack. */
export function emitHash(g: Generator, code: Code, words: number, h: number): void {
  const shifted = (local: number, by: number) => code.get(local).get(local).const(by).op("shr_u", "xor");
  shifted(words, 15).const(0x2c1b3c6d).op("mul").set(h);
  for (let w = 1; w < g.packing.words; w++)
    shifted(h, 13)
      .get(words + w)
      .op("add")
      .const(0x297a2d39)
      .op("mul")
      .set(h);
  shifted(h, 15).const(0x85ebca6b).op("mul").set(h);
  shifted(h, 13);
}

/**
 * Call `body` with the address of each successor from `out` to the end in local `end`, and with its index: its number times four, counted from
 * where the thread's own things begin, so that hashes and groups of the batch are found by it.
 */
export function eachSuccessor(g: Generator, code: Code, end: number, body: (at: number, index: number) => void): void {
  const [at, index] = [code.local(), code.local()];
  outAddress(g, code).set(at).own().set(index);
  code.block((out) =>
    code.loop((again) => {
      code.get(at).get(end).op("ge_u").brIf(out);
      body(at, index);
      code.get(at).const(successorBytes(g)).op("add").set(at);
      code.get(index).const(4).op("add").set(index);
      code.br(again);
    }),
  );
}

/**
 * Read a word of each group whose address was noted, up to the index in a local, so that all are on their way from memory at
 * once. A loop of its own: what a processor has in flight is counted in instructions, and these are few.
 */
export function touchGroups(g: Generator, code: Code, until: number): void {
  const [index, sink] = [code.local(), code.local()];
  code.own().set(index);
  code.block((out) =>
    code.loop((again) => {
      code.get(index).get(until).op("ge_u").brIf(out);
      code.get(index).load(g.places.groups).load().get(sink).op("xor").set(sink);
      code.get(index).const(4).op("add").set(index);
      code.br(again);
    }),
  );
  // What is read must be used, or it would not be.
  code.own().get(sink).store(OWN.sink);
}

/** The variables of the index, in locals. */
export interface Index {
  readonly table: number;
  readonly end: number;
  readonly groups: number;
  readonly idBits: number;
}

/** Load them from the control block. */
export function loadIndex(code: Code): Index {
  const [table, end, groups, idBits] = [code.local(), code.local(), code.local(), code.local()];
  code.const(0).load(SHARED.table).tee(table);
  code.const(0).load(SHARED.groups).tee(groups).const(GROUP_BYTES).op("mul", "add").set(end);
  code.const(0).load(SHARED.idBits).set(idBits);
  return { table, end, groups, idBits };
}

/**
 * Push the address of the group of slots that a hash (already on the stack) starts at: the hash is to all hashes what the group is to all
 * groups. So there can be any number of them, and the high bits of the hash decide.
 */
function groupAddress(code: Code, { table, groups }: Index): Code {
  code.op("i64_extend_u").get(groups).op("i64_extend_u", "i64_mul").i64(32).op("i64_shr_u", "wrap");
  return code.const(GROUP_BYTES).op("mul").get(table).op("add");
}

/** From the address of a group to the next one's. */
function nextGroup(code: Code, group: number, { table, end }: Index): void {
  code.get(group).const(GROUP_BYTES).op("add").tee(group).get(end).op("eq");
  code.if(() => code.get(table).set(group));
}

/** Push a hash's tag, which lies above a state's number in a slot: as many of its low bits as fit. */
export const tagOf = (code: Code, hash: number, { idBits }: Index): Code => code.get(hash).get(idBits).op("shl");

/** Push the number in a slot's content, which is on the stack. */
const numberIn = (code: Code, { idBits }: Index): Code =>
  code.const(-1).get(idBits).op("shl").const(-1).op("xor", "and");

/** Push which slots of a group are empty, a bit for each. */
const emptyIn = (code: Code, group: number): Code => code.get(group).load4().const(0).op4("splat", "eq", "bitmask");

/** Push which slots of a group have a tag; empty ones, too, when all its bits are zero. */
const taggedIn = (code: Code, group: number, tag: number, { idBits }: Index): Code =>
  code.get(group).load4().get(tag).op4("splat", "xor").get(idBits).op4("shr_u").const(0).op4("splat", "eq", "bitmask");

/** Push the address of the first of the slots of a group for which there are bits. */
const firstSlot = (code: Code, group: number, bits: number): Code =>
  code.get(bits).op("ctz").const(2).op("shl").get(group).op("add");

/**
 * Look up the state in locals, from the group it starts at on. `found` is called with the state's number in a local, `absent` with the
 * address of the slot it belongs in, also in a local; both must leave the loop, or begin it again at the same group.
 */
export function search(
  g: Generator,
  code: Code,
  at: { readonly places: Index; readonly words: number; readonly tag: number; readonly group: number },
  found: (number: number) => void,
  absent: (slot: number, again: Target) => void,
): void {
  const { places, words, tag, group } = at;
  const [empty, tagged, number, record] = [code.local(), code.local(), code.local(), code.local()];
  code.loop((again) => {
    emptyIn(code, group).set(empty);
    taggedIn(code, group, tag, places).get(empty).const(-1).op("xor", "and").set(tagged);
    code.block((none) =>
      code.loop((next) => {
        code.get(tagged).op("eqz").brIf(none);
        firstSlot(code, group, tagged);
        // Who sees the number that another thread has put here must see the record, too.
        numberIn(g.together ? code.atomicLoad() : code.load(), places).set(number);
        recordOf(g, code.get(number)).set(record);
        sameRecord(g, code, record, words);
        code.if(() => found(number));
        code.get(tagged).get(tagged).const(1).op("sub", "and").set(tagged);
        code.br(next);
      }),
    );
    code.get(empty).if(() => {
      firstSlot(code, group, empty).set(number);
      absent(number, again);
    });
    nextGroup(code, group, places);
    code.br(again);
  });
}

/** Check the state properties of a new state. */
function emitVisit(g: Generator, code: Code, words: number, id: number): void {
  const { layout, constants } = g.analysis;
  layout.model.properties.forEach((property, i) => {
    if (property.kind === "leads-to") return;
    const ir = lowerProperty(layout, property.expr, constants);
    truth(targetOf(g, code, words), property.kind === "always" ? irNot(ir) : ir);
    code.if(() => emitReport(g, code, { kind: "property", property: i }, id));
  });
}

/** Note, for the state whose words were hashed, the hash and where in the index it starts; `index`: see `eachSuccessor`. */
export function noteHash(g: Generator, code: Code, index: number, h: number, places: Index): void {
  code.get(index).get(h).store(g.places.hashes);
  code.get(index);
  groupAddress(code.get(h), places).store(g.places.groups);
}

/** Where a thread takes the numbers of new states from, in locals: the next one, and of several threads the end of its block. */
interface Numbers {
  readonly next: number;
  readonly last: number;
}

function loadNumbers(g: Generator, code: Code): Numbers {
  const [next, last] = [code.local(), code.local()];
  if (g.together) {
    code.own().load(OWN.next).set(next);
    code.own().load(OWN.last).set(last);
  } else code.const(0).load(SHARED.count).set(next);
  return { next, last };
}

function storeNumbers(g: Generator, code: Code, { next, last }: Numbers): void {
  if (g.together) {
    code.own().get(next).store(OWN.next);
    code.own().get(last).store(OWN.last);
  } else code.const(0).get(next).store(SHARED.count);
}

/** See that there is a next number. There is room for it: see `reserveOf`. */
function needNumber(g: Generator, code: Code, { next, last }: Numbers): void {
  if (!g.together) return;
  code.get(next).get(last).op("eq");
  code.if(() => {
    code.const(0).const(BLOCK).atomicAdd(SHARED.count).tee(next).const(BLOCK).op("add").set(last);
  });
}

/**
 * Put the number in a local, with the tag, into an empty slot. Of several threads one is first to do so, and the others look at the group
 * once more: what was put there may be the state they have. Slots of a group are filled in order, so what is missing from a group that was
 * read a moment ago is at or behind the slot that seemed empty.
 */
function fillSlot(g: Generator, code: Code, slot: number, at: { tag: number; number: number }, again: Target): void {
  code.get(slot);
  if (g.together) code.const(0);
  code.get(at.tag).get(at.number).op("or");
  if (g.together) code.compareExchange().brIf(again);
  else code.store();
}

/** Code that inserts the states of a batch, whose hashes were noted. */
export function defineTake(g: Generator): number {
  const n = g.packing.words;
  return g.module.function(null, 1, false, (code) => {
    const end = 0;
    const places = loadIndex(code);
    const numbers = loadNumbers(g, code);
    const words = code.local(n);
    const [h, until] = [code.local(), code.local()];
    const [group, record, tag] = [code.local(), code.local(), code.local()];
    code.get(end);
    outAddress(g, code).op("sub").const(n).op("div_u").own().op("add").set(until);
    touchGroups(g, code, until);
    eachSuccessor(g, code, end, (at, index) => {
      loadWords(g, code, at, words);
      code.get(index).load(g.places.hashes).set(h);
      tagOf(code, h, places).set(tag);
      code.get(index).load(g.places.groups).set(group);
      code.block((done) => {
        const absent = (slot: number, again: Target) => {
          needNumber(g, code, numbers);
          const { next: number } = numbers;
          recordOf(g, code.get(number)).set(record);
          storeRecord(g, code, record, words);
          fillSlot(g, code, slot, { tag, number }, again);
          emitVisit(g, code, words, number);
          code.get(number).const(1).op("add").set(number);
          code.br(done);
        };
        search(g, code, { places, words, tag, group }, () => code.br(done), absent);
      });
    });
    storeNumbers(g, code, numbers);
  });
}

export function defineFlush(g: Generator, take: number): number {
  return g.module.function("flush", 1, false, (code) => {
    const end = 0;
    const places = loadIndex(code);
    const [h, words] = [code.local(), code.local(g.packing.words)];
    eachSuccessor(g, code, end, (at, index) => {
      loadWords(g, code, at, words);
      if (emitCanonical(targetOf(g, code, words), g.reductions)) storeWords(g, code, at, words);
      emitHash(g, code, words, h);
      code.set(h);
      noteHash(g, code, index, h, places);
    });
    code.get(end).call(take);
  });
}

/** Expand from the state in local `head` until that in `until`, or a batch: `head` is what is next, and `end` where the successors end. */
function expandSome(g: Generator, code: Code, expand: number, at: { head: number; until: number; end: number }): void {
  code.get(at.head).get(at.until).call(expand).set(at.head);
  code.own().own().load(OWN.made);
  code.own().load(OWN.batchEnd).tee(at.end);
  outAddress(g, code).op("sub", "add").store(OWN.made);
}

/** The loop of a thread by itself. */
export function defineRun(g: Generator, expand: number, flush: number): void {
  g.module.function("run", 3, true, (code) => {
    const [head, until, limit] = [0, 1, 2];
    const end = code.local();
    code.block((out) =>
      code.loop((again) => {
        code.get(head).get(until).op("ge_u").brIf(out);
        code.const(0).load(SHARED.count).get(limit).op("ge_u").brIf(out);
        expandSome(g, code, expand, { head, until, end });
        code.get(end).call(flush);
        code.br(again);
      }),
    );
    code.get(head);
  });
}

/**
 * The loop of one thread of several. What it has taken it expands to the end, whatever happens, so that when all rest a state is either
 * expanded or not. `insert` gets the end of the successors in a local.
 */
export function defineWork(
  g: Generator,
  expand: number,
  insert: (code: Code, end: number) => void,
  isBoxFull: (code: Code, full: () => void) => void,
): void {
  g.module.function("work", 1, true, (code) => {
    const mayTake = 0;
    const [head, until, size, end] = [code.local(), code.local(), code.local(), code.local()];
    code.own().load(OWN.chunk).set(head);
    code.own().load(OWN.chunkEnd).set(until);
    const leave = (isFull: number) => {
      code.own().get(head).store(OWN.chunk);
      code.own().get(until).store(OWN.chunkEnd);
      code.const(isFull).op("return");
    };
    code.loop((again) => {
      code.get(head).get(until).op("ge_u");
      code.if(() => {
        code
          .get(mayTake)
          .op("eqz")
          .if(() => leave(0));
        code
          .const(0)
          .atomicLoad(SHARED.count)
          .const(0)
          .load(SHARED.limit)
          .op("ge_u")
          .if(() => leave(0));
        code.const(0).load(SHARED.until).set(until);
        code
          .const(0)
          .atomicLoad(SHARED.head)
          .tee(head)
          .get(until)
          .op("ge_u")
          .if(() => leave(0));
        // The less is left of the turn the smaller a piece, so that all threads are done at about the same time.
        code.get(until).get(head).op("sub").const(g.shares).op("div_u").const(1).op("add").tee(size).const(g.chunk);
        code.op("gt_u").if(() => code.const(g.chunk).set(size));
        code
          .const(0)
          .get(size)
          .atomicAdd(SHARED.head)
          .tee(head)
          .get(until)
          .op("ge_u")
          .if(() => leave(0));
        code.get(until).get(head).op("sub").get(size).op("gt_u");
        code.if(() => code.get(head).get(size).op("add").set(until));
      });
      isBoxFull(code, () => leave(1));
      expandSome(g, code, expand, { head, until, end });
      insert(code, end);
      code.br(again);
    });
    code.op("unreachable");
  });
}

/**
 * Push the part that a state with this hash belongs to. Neither the high bits of the hash decide, which are the place in a part's index, nor
 * the low ones, which are the tag and in a large index the place, too: both must stay spread within a part. Those of a multiple depend on all.
 */
const partOfHash = (code: Code, h: number, parts: number): Code =>
  code.get(h).const(0x9e3779b1).op("mul").const(16).op("shr_u").const(parts).op("mul").const(16).op("shr_u");

export function definePartOf(g: Generator, parts: number): void {
  g.module.function("partOf", 1, true, (code) => {
    const [h, words] = [code.local(), code.local(g.packing.words)];
    loadWords(g, code, 0, words);
    emitHash(g, code, words, h);
    code.set(h);
    partOfHash(code, h, parts);
  });
}

/** Call `full` when a box of a search with several memories is. */
export function testBoxes(g: Generator, code: Code, parts: number, full: () => void): void {
  const { boxBytes, boxEnds } = g.places;
  const most = boxBytes - boxedBytes(g.packing.words) * (g.batch + g.branching + 1);
  for (let i = 0; i < parts; i++)
    code
      .own()
      .load(boxEnds + 4 * i)
      .const(most)
      .op("ge_u")
      .if(full);
}

/**
 * Code that inserts those of the successors that belong to this memory, up to an address. Each of the others is put, with its hash, into the
 * box of its part.
 */
export function defineDistribute(g: Generator, take: number, parts: number): number {
  const n = g.packing.words;
  const { boxes, boxBytes, boxEnds } = g.places;
  return g.module.function(null, 1, false, (code) => {
    const end = 0;
    const places = loadIndex(code);
    const [self, kept, keptEnd] = [code.local(), code.local(), code.local()];
    const [h, part, isOther, box] = [code.local(), code.local(), code.local(), code.local()];
    const words = code.local(n);
    code.const(0).load(SHARED.part).set(self);
    code.own().set(kept);
    outAddress(g, code).set(keptEnd);
    // Each is written to both places, and only one of them goes on: no branch that could only be guessed.
    eachSuccessor(g, code, end, (at) => {
      loadWords(g, code, at, words);
      emitCanonical(targetOf(g, code, words), g.reductions);
      emitHash(g, code, words, h);
      code.set(h);
      partOfHash(code, h, parts).tee(part).get(self).op("ne").set(isOther);
      storeWords(g, code, keptEnd, words);
      noteHash(g, code, kept, h, places);
      code.get(part).const(boxBytes).op("mul").own().op("add");
      code.get(part).const(2).op("shl").own().op("add").tee(part).load(boxEnds).op("add").set(box);
      for (let w = 0; w < n; w++)
        code
          .get(box)
          .get(words + w)
          .store(boxes + 4 * w);
      code
        .get(box)
        .get(h)
        .store(boxes + 4 * n);
      code.get(part).get(part).load(boxEnds).get(isOther).const(boxedBytes(n)).op("mul", "add").store(boxEnds);
      code.const(1).get(isOther).op("sub").const(2).op("shl").tee(isOther).get(kept).op("add").set(kept);
      code.get(isOther).const(n).op("mul").get(keptEnd).op("add").set(keptEnd);
    });
    code.get(keptEnd).call(take);
  });
}

/** Of a search with several memories: insert the states that lie, each with its hash, from an address on. */
export function defineAbsorb(g: Generator, take: number): void {
  const n = g.packing.words;
  g.module.function("absorb", 2, false, (code) => {
    const [at, end] = [0, 1];
    const places = loadIndex(code);
    const [h, kept, keptEnd] = [code.local(), code.local(), code.local()];
    const words = code.local(n);
    code.block((stop) =>
      code.loop((again) => {
        code.get(at).get(end).op("ge_u").brIf(stop);
        code.own().set(kept);
        outAddress(g, code).set(keptEnd);
        code.block((full) =>
          code.loop((next) => {
            code.get(at).get(end).op("ge_u").brIf(full);
            code
              .get(kept)
              .own()
              .op("sub")
              .const(4 * BATCH)
              .op("ge_u")
              .brIf(full);
            loadWords(g, code, at, words);
            storeWords(g, code, keptEnd, words);
            code
              .get(at)
              .load(4 * n)
              .set(h);
            noteHash(g, code, kept, h, places);
            code.get(at).const(boxedBytes(n)).op("add").set(at);
            code
              .get(keptEnd)
              .const(4 * n)
              .op("add")
              .set(keptEnd);
            code.get(kept).const(4).op("add").set(kept);
            code.br(next);
          }),
        );
        code.get(keptEnd).call(take);
        code.br(again);
      }),
    );
  });
}

/**
 * Enter into the index those of the states from `id` until `until`, at most a batch, whose groups lie from `low` up to `high`. None of them
 * is in it. Several threads do so for a piece of the index each: who writes all over it would take the lines of the cache from each other.
 */
export function defineEnter(g: Generator): void {
  const { hashes, groups, out } = g.places;
  g.module.function("enter", 4, false, (code) => {
    const [id, until, low, high] = [0, 1, 2, 3];
    const places = loadIndex(code);
    const words = code.local(g.packing.words);
    const [at, h, group, empty] = [code.local(), code.local(), code.local(), code.local()];
    const [index, end, slot, tag, number] = [code.local(), code.local(), code.local(), code.local(), code.local()];
    recordOf(g, code.get(id)).set(at);
    code.own().set(end);
    code.block((noted) =>
      code.loop((next) => {
        code.get(id).get(until).op("ge_u").brIf(noted);
        loadRecord(g, code, at, words);
        emitHash(g, code, words, h);
        code.set(h);
        noteHash(g, code, end, h, places);
        code.get(end).get(id).store(out);
        code.get(end).load(groups).get(low).op("sub").get(high).get(low).op("sub", "lt_u");
        code.const(2).op("shl").get(end).op("add").set(end);
        code.get(at).const(g.packing.record.bytes).op("add").set(at);
        code.get(id).const(1).op("add").set(id);
        code.br(next);
      }),
    );
    touchGroups(g, code, end);
    code.own().set(index);
    code.block((done) =>
      code.loop((next) => {
        code.get(index).get(end).op("ge_u").brIf(done);
        code.get(index).load(groups).set(group);
        code.get(index).load(hashes).set(h);
        code.get(index).load(out).set(number);
        tagOf(code, h, places).set(tag);
        code.block((entered) =>
          code.loop((again) => {
            emptyIn(code, group).tee(empty);
            code.if(() => {
              firstSlot(code, group, empty).set(slot);
              fillSlot(g, code, slot, { tag, number }, again);
              code.br(entered);
            });
            nextGroup(code, group, places);
            code.br(again);
          }),
        );
        code.get(index).const(4).op("add").set(index);
        code.br(next);
      }),
    );
  });
}

/**
 * Give a state the number `to`, which no state has and none below the old one will get. Only while no other thread works: what is between
 * is not for others to see.
 */
export function defineMove(g: Generator): void {
  g.module.function("move", 2, false, (code) => {
    const [from, to] = [0, 1];
    const places = loadIndex(code);
    const words = code.local(g.packing.words);
    const [at, h, tag, group, slot] = [code.local(), code.local(), code.local(), code.local(), code.local()];
    recordOf(g, code.get(from)).set(at);
    loadRecord(g, code, at, words);
    recordOf(g, code.get(to)).set(at);
    storeRecord(g, code, at, words);
    emitHash(g, code, words, h);
    code.set(h);
    tagOf(code, h, places).set(tag);
    groupAddress(code.get(h), places).set(group);
    code.loop((again) => {
      for (let i = 0; i < GROUP_BYTES; i += 4) {
        code.get(group).const(i).op("add").tee(slot).load().get(tag).get(from).op("or", "eq");
        code.if(() => code.get(slot).get(tag).get(to).op("or").store().op("return"));
      }
      nextGroup(code, group, places);
      code.br(again);
    });
    code.op("unreachable");
  });
}

export function defineFind(g: Generator): void {
  g.module.function("find", 1, true, (code) => {
    const places = loadIndex(code);
    const words = code.local(g.packing.words);
    const [h, group, tag] = [code.local(), code.local(), code.local()];
    loadWords(g, code, 0, words);
    emitHash(g, code, words, h);
    code.set(h);
    tagOf(code, h, places).set(tag);
    groupAddress(code.get(h), places).set(group);
    const found = (number: number) => code.get(number).op("return");
    search(g, code, { places, words, tag, group }, found, () => code.const(0).op("return"));
    code.op("unreachable");
  });
}

/**
 * Code that finds parents: of the states from `head` until `until`, those that lead to one of the wanted states. A wanted state's words lie
 * from `places.wanted` on, and behind them the number of the state found to lead there that has the least words, 0 at first.
 */
export function defineSeek(g: Generator, pieces: readonly Piece[][]): void {
  const n = g.packing.words;
  g.module.function("seek", 3, false, (code) => {
    const [head, until, wantedEnd] = [0, 1, 2];
    const [at, end, wanted] = [code.local(), code.local(), code.local()];
    const words = code.local(n);
    code.block((out) =>
      code.loop((again) => {
        code.get(head).get(until).op("ge_u").brIf(out);
        recordOf(g, code.get(head)).set(at);
        loadRecord(g, code, at, words);
        outAddress(g, code).set(end);
        callAll(g, code, pieces, { id: head, words, end });
        eachSuccessor(g, code, end, (successor) => {
          loadWords(g, code, successor, words);
          emitCanonical(targetOf(g, code, words), g.reductions);
          code.own().const(g.places.wanted).op("add").set(wanted);
          code.block((last) =>
            code.loop((next) => {
              code.get(wanted).get(wantedEnd).op("ge_u").brIf(last);
              sameWords(g, code, wanted, words);
              code.if(() => keepLeast(code, g.less, { at: wanted, offset: 4 * n }, head));
              code
                .get(wanted)
                .const(4 * (n + 1))
                .op("add")
                .set(wanted);
              code.br(next);
            }),
          );
        });
        code.get(head).const(1).op("add").set(head);
        code.br(again);
      }),
    );
  });
}
