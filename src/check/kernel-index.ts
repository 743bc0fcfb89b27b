/** Code that finds states by their words: hashes, the index, and the loop that inserts what was collected; table slots are touched before they are probed. */
import { irNot, lowerProperty } from "../language/index.ts";
import { emitCanonical } from "./canonical.ts";
import { truth } from "./emit-packed.ts";
import { emitReport, type Generator, loadWords, targetOf } from "./kernel-code.ts";
import { BATCH, CONTROL } from "./kernel-memory.ts";
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

/** Call `body` with the address of each record from `out` to the end in local `end`, and its position among them times four. */
function eachRecord(g: Generator, code: Code, end: number, body: (at: number, index: number) => void): void {
  const [at, index] = [code.local(), code.local()];
  code.const(g.places.out).set(at).const(0).set(index);
  code.block((out) =>
    code.loop((again) => {
      code.get(at).get(end).op("ge_u").brIf(out);
      body(at, index);
      code
        .get(at)
        .const(4 * (g.packing.words + 1))
        .op("add")
        .set(at);
      code.get(index).const(4).op("add").set(index);
      code.br(again);
    }),
  );
}

/** Push the address of the table slot that a hash (already on the stack) starts at. */
const slotAddress = (code: Code, mask: number, table: number): Code =>
  code.get(mask).op("and").const(2).op("shl").get(table).op("add");

/** From the address of a table slot to the next one's. */
function nextSlot(code: Code, slot: number, mask: number, table: number): void {
  code.get(slot).get(table).op("sub").const(2).op("shr_u").const(1).op("add");
  slotAddress(code, mask, table).set(slot);
}

/** The variables of the index, loaded from the control block into locals. */
function loadIndex(code: Code): { table: number; mask: number; tags: number } {
  const [table, mask, tags] = [code.local(), code.local(), code.local()];
  code.const(0).load(CONTROL.table).set(table);
  code.const(0).load(CONTROL.tableMask).set(mask);
  code.const(0).load(CONTROL.tagMask).set(tags);
  return { table, mask, tags };
}

/** Push the address of the record whose index entry is in a local. */
function recordOf(g: Generator, code: Code, entry: number, tags: number): void {
  code.get(entry).get(tags).const(-1).op("xor", "and");
  code
    .const(4 * (g.packing.words + 1))
    .op("mul")
    .const(g.places.arena)
    .op("add");
}

/** Push whether the words at an address (a local) are those in locals. */
function sameWords(g: Generator, code: Code, address: number, words: number): void {
  for (let w = 0; w < g.packing.words; w++) {
    code
      .get(address)
      .load(4 * w)
      .get(words + w)
      .op("xor");
    if (w > 0) code.op("or");
  }
  code.op("eqz");
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

export function defineFlush(g: Generator): number {
  const n = g.packing.words;
  return g.module.function("flush", 1, false, (code) => {
    const end = 0;
    const { table, mask, tags } = loadIndex(code);
    const words = code.local(n);
    const [h, sink, count] = [code.local(), code.local(), code.local()];
    const [slot, entry, record, tag] = [code.local(), code.local(), code.local(), code.local()];
    eachRecord(g, code, end, (at, index) => {
      loadWords(g, code, at, words);
      if (emitCanonical(targetOf(g, code, words), g.reductions))
        for (let w = 0; w < n; w++)
          code
            .get(at)
            .get(words + w)
            .store(4 * w);
      code.get(index);
      emitHash(g, code, words, h);
      code.tee(h).store(g.places.hashes);
      slotAddress(code.get(h), mask, table).load().get(sink).op("xor").set(sink);
    });
    code.const(0).get(sink).store(CONTROL.sink);
    code.const(0).load(CONTROL.count).set(count);
    eachRecord(g, code, end, (at, index) => {
      loadWords(g, code, at, words);
      code.get(index).load(g.places.hashes).tee(h).get(tags).op("and").set(tag);
      slotAddress(code.get(h), mask, table).set(slot);
      code.block((done) =>
        code.loop((again) => {
          code.get(slot).load().tee(entry).op("eqz");
          code.if(() => {
            code
              .get(count)
              .const(4 * (n + 1))
              .op("mul")
              .const(g.places.arena)
              .op("add")
              .set(record);
            for (let w = 0; w < n; w++)
              code
                .get(record)
                .get(words + w)
                .store(4 * w);
            code
              .get(record)
              .get(at)
              .load(4 * n)
              .store(4 * n);
            code.get(slot).get(tag).get(count).op("or").store();
            emitVisit(g, code, words, count);
            code.get(count).const(1).op("add").set(count);
            code.br(done);
          });
          code.get(entry).get(tags).op("and").get(tag).op("eq");
          code.if(() => {
            recordOf(g, code, entry, tags);
            code.set(record);
            sameWords(g, code, record, words);
            code.brIf(done);
          });
          nextSlot(code, slot, mask, table);
          code.br(again);
        }),
      );
    });
    code.const(0).get(count).store(CONTROL.count);
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

/** Push the part that the state in locals belongs to. */
function emitPart(g: Generator, code: Code, words: number, h: number, parts: number): void {
  emitHash(g, code, words, h);
  code.const(16).op("shr_u").const(parts).op("mul").const(16).op("shr_u");
}

export function definePartOf(g: Generator, parts: number): void {
  g.module.function("partOf", 1, true, (code) => {
    const [h, words] = [code.local(), code.local(g.packing.words)];
    loadWords(g, code, 0, words);
    emitPart(g, code, words, h, parts);
  });
}

/**
 * For a divided search: like `run`, but each successor is put into the box of the part it belongs to, which its hash decides. The high
 * bits do: the low ones are the place in that part's index, and must stay spread.
 */
export function defineDistribute(g: Generator, expand: number, parts: number): void {
  const n = g.packing.words;
  const recordBytes = 4 * (n + 1);
  const full = g.places.boxBytes - recordBytes * (BATCH + g.branching + 1);
  g.module.function("distribute", 2, true, (code) => {
    const [head, until] = [0, 1];
    const [end, h, box, boxEnd, to] = [code.local(), code.local(), code.local(), code.local(), code.local()];
    const words = code.local(n);
    code.block((out) =>
      code.loop((again) => {
        code.get(head).get(until).op("ge_u").brIf(out);
        code.const(0).load(CONTROL.fullest).const(full).op("ge_u").brIf(out);
        code.get(head).get(until).call(expand).set(head);
        code.const(0).const(0).load(CONTROL.made);
        code.const(0).load(CONTROL.batchEnd).tee(end).const(g.places.out).op("sub", "add").store(CONTROL.made);
        eachRecord(g, code, end, (at) => {
          loadWords(g, code, at, words);
          emitCanonical(targetOf(g, code, words), g.reductions);
          emitPart(g, code, words, h, parts);
          code.tee(box);
          code.const(2).op("shl").load(g.places.boxEnds).set(boxEnd);
          code.get(box).const(g.places.boxBytes).op("mul").get(boxEnd).op("add").set(to);
          for (let w = 0; w < n; w++)
            code
              .get(to)
              .get(words + w)
              .store(g.places.boxes + 4 * w);
          // Its parent's number among all states of all parts.
          code.get(to).get(at);
          code
            .load(4 * n)
            .const(parts)
            .op("mul");
          code.const(0).load(CONTROL.part).op("add");
          code.store(g.places.boxes + 4 * n);
          code.get(boxEnd).const(recordBytes).op("add").set(boxEnd);
          code.get(box).const(2).op("shl").get(boxEnd).store(g.places.boxEnds);
          code.get(boxEnd).const(0).load(CONTROL.fullest).op("gt_u");
          code.if(() => code.const(0).get(boxEnd).store(CONTROL.fullest));
        });
        code.br(again);
      }),
    );
    code.get(head);
  });
}

export function defineRehash(g: Generator): void {
  g.module.function("rehash", 0, false, (code) => {
    const { table, mask, tags } = loadIndex(code);
    const words = code.local(g.packing.words);
    const [id, at, h, slot, count] = [code.local(), code.local(), code.local(), code.local(), code.local()];
    const recordBytes = 4 * (g.packing.words + 1);
    code.const(0).load(CONTROL.count).set(count);
    code.const(1).set(id);
    code.const(g.places.arena + recordBytes).set(at);
    code.block((out) =>
      code.loop((again) => {
        code.get(id).get(count).op("ge_u").brIf(out);
        loadWords(g, code, at, words);
        emitHash(g, code, words, h);
        code.set(h);
        slotAddress(code.get(h), mask, table).set(slot);
        code.block((free) =>
          code.loop((next) => {
            code.get(slot).load().op("eqz").brIf(free);
            nextSlot(code, slot, mask, table);
            code.br(next);
          }),
        );
        code.get(slot).get(h).get(tags).op("and").get(id).op("or").store();
        code.get(id).const(1).op("add").set(id);
        code.get(at).const(recordBytes).op("add").set(at);
        code.br(again);
      }),
    );
  });
}

export function defineFind(g: Generator): void {
  g.module.function("find", 1, true, (code) => {
    const { table, mask, tags } = loadIndex(code);
    const words = code.local(g.packing.words);
    const [h, slot, entry, record] = [code.local(), code.local(), code.local(), code.local()];
    loadWords(g, code, 0, words);
    emitHash(g, code, words, h);
    code.set(h);
    slotAddress(code.get(h), mask, table).set(slot);
    code.loop((again) => {
      code.get(slot).load().tee(entry).op("eqz");
      code.if(() => code.const(0).op("return"));
      recordOf(g, code, entry, tags);
      code.set(record);
      code.get(entry).get(h).op("xor").get(tags).op("and", "eqz");
      sameWords(g, code, record, words);
      code.op("and");
      code.if(() => code.get(entry).get(tags).const(-1).op("xor", "and", "return"));
      nextSlot(code, slot, mask, table);
      code.br(again);
    });
    code.op("unreachable");
  });
}
