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
  recordOf,
  sameRecord,
  sameWords,
  storeRecord,
  storeWords,
  successorBytes,
  targetOf,
} from "./kernel-code.ts";
import { BATCH, boxedBytes, CONTROL, GROUP_BYTES } from "./kernel-memory.ts";
import { callAll, type Piece } from "./kernel-successors.ts";
import type { Code } from "./wasm.ts";

/** Leave the state's hash, computed from the words in locals, on the stack. */
function emitHash(g: Generator, code: Code, words: number, h: number): void {
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

/** Call `body` with the address of each successor from `out` to the end in local `end`, and its position among them times four. */
function eachSuccessor(g: Generator, code: Code, end: number, body: (at: number, index: number) => void): void {
  const [at, index] = [code.local(), code.local()];
  code.const(g.places.out).set(at).const(0).set(index);
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
 * Read a word of each group whose address was noted, up to the position (times four) in a local, so that all are on their way from memory at
 * once. A loop of its own: what a processor has in flight is counted in instructions, and these are few.
 */
function touchGroups(g: Generator, code: Code, until: number): void {
  const [index, sink] = [code.local(), code.local()];
  code.const(0).set(index);
  code.block((out) =>
    code.loop((again) => {
      code.get(index).get(until).op("ge_u").brIf(out);
      code.get(index).load(g.places.groups).load().get(sink).op("xor").set(sink);
      code.get(index).const(4).op("add").set(index);
      code.br(again);
    }),
  );
  // What is read must be used, or it would not be.
  code.const(0).get(sink).store(CONTROL.sink);
}

/** The variables of the index, in locals. */
interface Index {
  readonly table: number;
  readonly end: number;
  readonly groups: number;
  readonly idBits: number;
}

/** Load them from the control block. */
function loadIndex(code: Code): Index {
  const [table, end, groups, idBits] = [code.local(), code.local(), code.local(), code.local()];
  code.const(0).load(CONTROL.table).tee(table);
  code.const(0).load(CONTROL.groups).tee(groups).const(GROUP_BYTES).op("mul", "add").set(end);
  code.const(0).load(CONTROL.idBits).set(idBits);
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
const tagOf = (code: Code, hash: number, { idBits }: Index): Code => code.get(hash).get(idBits).op("shl");

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
 * address of the slot it belongs in, also in a local; both must leave the loop.
 */
function search(
  g: Generator,
  code: Code,
  at: { readonly places: Index; readonly words: number; readonly tag: number; readonly group: number },
  found: (number: number) => void,
  absent: (slot: number) => void,
): void {
  const { places, words, tag, group } = at;
  const [empty, tagged, number, record] = [code.local(), code.local(), code.local(), code.local()];
  code.loop((again) => {
    emptyIn(code, group).set(empty);
    taggedIn(code, group, tag, places).get(empty).const(-1).op("xor", "and").set(tagged);
    code.block((none) =>
      code.loop((next) => {
        code.get(tagged).op("eqz").brIf(none);
        numberIn(firstSlot(code, group, tagged).load(), places).set(number);
        recordOf(g, code.get(number)).set(record);
        sameRecord(g, code, record, words);
        code.if(() => found(number));
        code.get(tagged).get(tagged).const(1).op("sub", "and").set(tagged);
        code.br(next);
      }),
    );
    code.get(empty).if(() => {
      firstSlot(code, group, empty).set(number);
      absent(number);
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

/** Note, for the state whose words were hashed, the hash and where in the index it starts; `index`: its position in the batch, times four. */
function noteHash(g: Generator, code: Code, index: number, h: number, places: Index): void {
  code.get(index).get(h).store(g.places.hashes);
  code.get(index);
  groupAddress(code.get(h), places).store(g.places.groups);
}

/** Code that inserts the states of a batch, whose hashes were noted. */
export function defineTake(g: Generator): number {
  const n = g.packing.words;
  return g.module.function(null, 1, false, (code) => {
    const end = 0;
    const places = loadIndex(code);
    const words = code.local(n);
    const [h, count, position] = [code.local(), code.local(), code.local()];
    const [group, record, tag] = [code.local(), code.local(), code.local()];
    code.get(end).const(g.places.out).op("sub").const(n).op("div_u").set(position);
    touchGroups(g, code, position);
    code.const(0).load(CONTROL.count).set(count);
    eachSuccessor(g, code, end, (at, index) => {
      loadWords(g, code, at, words);
      code.get(index).load(g.places.hashes).set(h);
      tagOf(code, h, places).set(tag);
      code.get(index).load(g.places.groups).set(group);
      code.block((done) => {
        const absent = (slot: number) => {
          recordOf(g, code.get(count)).set(record);
          storeRecord(g, code, record, words);
          code.get(slot).get(tag).get(count).op("or").store();
          emitVisit(g, code, words, count);
          code.get(count).const(1).op("add").set(count);
          code.br(done);
        };
        search(g, code, { places, words, tag, group }, () => code.br(done), absent);
      });
    });
    code.const(0).get(count).store(CONTROL.count);
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

export function defineRun(g: Generator, expand: number, flush: number): void {
  g.module.function("run", 3, true, (code) => {
    const [head, until, limit] = [0, 1, 2];
    const end = code.local();
    code.block((out) =>
      code.loop((again) => {
        code.get(head).get(until).op("ge_u").brIf(out);
        code.const(0).load(CONTROL.count).get(limit).op("ge_u").brIf(out);
        code.get(head).get(until).call(expand).set(head);
        code.const(0).const(0).load(CONTROL.made);
        code.const(0).load(CONTROL.batchEnd).tee(end).const(g.places.out).op("sub", "add").store(CONTROL.made);
        code.get(end).call(flush);
        code.br(again);
      }),
    );
    code.get(head);
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

/**
 * For a divided search: like `run`, but only the successors that belong to this part are inserted. Each of the others is put, with its hash,
 * into the box of its part.
 */
export function defineDistribute(g: Generator, expand: number, take: number, parts: number): void {
  const n = g.packing.words;
  const { boxes, boxBytes, boxEnds, out } = g.places;
  const full = boxBytes - boxedBytes(n) * (g.batch + g.branching + 1);
  g.module.function("distribute", 3, true, (code) => {
    const [head, until, limit] = [0, 1, 2];
    const places = loadIndex(code);
    const [end, self, kept, keptEnd] = [code.local(), code.local(), code.local(), code.local()];
    const [h, part, isOther, box] = [code.local(), code.local(), code.local(), code.local()];
    const words = code.local(n);
    code.const(0).load(CONTROL.part).set(self);
    code.block((stop) =>
      code.loop((again) => {
        code.get(head).get(until).op("ge_u").brIf(stop);
        code.const(0).load(CONTROL.count).get(limit).op("ge_u").brIf(stop);
        for (let i = 0; i < parts; i++)
          code
            .const(0)
            .load(boxEnds + 4 * i)
            .const(full)
            .op("ge_u")
            .brIf(stop);
        code.get(head).get(until).call(expand).set(head);
        code.const(0).const(0).load(CONTROL.made);
        code.const(0).load(CONTROL.batchEnd).tee(end).const(out).op("sub", "add").store(CONTROL.made);
        code.const(0).set(kept).const(out).set(keptEnd);
        // Each is written to both places, and only one of them goes on: no branch that could only be guessed.
        eachSuccessor(g, code, end, (at) => {
          loadWords(g, code, at, words);
          emitCanonical(targetOf(g, code, words), g.reductions);
          emitHash(g, code, words, h);
          code.set(h);
          partOfHash(code, h, parts).tee(part).get(self).op("ne").set(isOther);
          storeWords(g, code, keptEnd, words);
          noteHash(g, code, kept, h, places);
          code
            .get(part)
            .const(boxBytes)
            .op("mul")
            .get(part)
            .const(2)
            .op("shl")
            .tee(part)
            .load(boxEnds)
            .op("add")
            .set(box);
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
        code.br(again);
      }),
    );
    code.get(head);
  });
}

/** Of a divided search: insert the states that lie, each with its hash, in this part's own box up to an address. */
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
        code.const(0).set(kept).const(g.places.out).set(keptEnd);
        code.block((full) =>
          code.loop((next) => {
            code.get(at).get(end).op("ge_u").brIf(full);
            code
              .get(kept)
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

/** Enter into the index the states from `id` until `until`, at most a batch, which it does not hold. */
export function defineEnter(g: Generator): void {
  g.module.function("enter", 2, false, (code) => {
    const [id, until] = [0, 1];
    const places = loadIndex(code);
    const words = code.local(g.packing.words);
    const [at, h, group, empty] = [code.local(), code.local(), code.local(), code.local()];
    const [next, position] = [code.local(), code.local()];
    const each = (body: () => void) => {
      code.get(id).set(next).const(0).set(position);
      code.block((out) =>
        code.loop((again) => {
          code.get(next).get(until).op("ge_u").brIf(out);
          body();
          code.get(position).const(4).op("add").set(position);
          code.get(next).const(1).op("add").set(next);
          code.br(again);
        }),
      );
    };
    recordOf(g, code.get(id)).set(at);
    each(() => {
      loadRecord(g, code, at, words);
      emitHash(g, code, words, h);
      code.set(h);
      noteHash(g, code, position, h, places);
      code.get(at).const(g.packing.record.bytes).op("add").set(at);
    });
    touchGroups(g, code, position);
    each(() => {
      code.get(position).load(g.places.groups).set(group);
      code.block((free) =>
        code.loop((again) => {
          emptyIn(code, group).tee(empty).brIf(free);
          nextGroup(code, group, places);
          code.br(again);
        }),
      );
      code.get(position).load(g.places.hashes).set(h);
      tagOf(firstSlot(code, group, empty), h, places)
        .get(next)
        .op("or")
        .store();
    });
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
        code.const(g.places.out).set(end);
        callAll(g, code, pieces, { id: head, words, end });
        eachSuccessor(g, code, end, (successor) => {
          loadWords(g, code, successor, words);
          emitCanonical(targetOf(g, code, words), g.reductions);
          code.const(g.places.wanted).set(wanted);
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
