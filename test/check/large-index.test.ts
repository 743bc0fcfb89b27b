/** Large indexes of a search in several memories, which lie at the very end of theirs: taken up at any size, grown, and as far as there is room. */
import { expect, test, vi } from "vitest";
import { checkpoint, resume, type Search, startSearch } from "../../src/check/index.ts";
import { GROUP_BYTES, reserveOf, SHARED } from "../../src/check/kernel-memory.ts";
import type { Space } from "../../src/check/space.ts";
import * as L from "../../src/language/index.ts";

const VALUES = 2 ** 24;

/** One variable: each record is a number of its own. */
function counting(): L.Model {
  const m = L.model("counting");
  const p = m.process("p");
  const x = m.variable("x", L.intType(0, VALUES - 1));
  p.step("go", { do: [L.set(x, L.mod(L.add(x, 1), VALUES))], next: "go" });
  return m.build();
}

const start = (): Search => startSearch(counting(), { noReduction: true, parts: 2 });

/** As many records, all different. */
function records({ code }: Search, states: number): Uint8Array {
  const bytes = new Uint8Array(code.recordBytes * states);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < states; i++) view.setUint16(code.recordBytes * i, i & 0xffff, true);
  for (let i = 0; i < states; i++) view.setUint8(code.recordBytes * i + 2, i >> 16);
  return bytes;
}

const at = (count: number) => ({ count, head: 1, levelEnd: count, levels: [1] });

/** How many slots of the index are taken. */
function taken(space: Space): number {
  const table = space.control(SHARED.table) / 4;
  const slots = space.ints.subarray(table, table + 4 * space.control(SHARED.groups));
  return slots.reduce((sum, slot) => sum + Number(slot !== 0), 0);
}

const endOf = (space: Space): number => space.control(SHARED.table) + GROUP_BYTES * space.control(SHARED.groups);

test("an index that ends in the middle of a line of the cache grows twice, and nothing is left of it", () => {
  const search = start();
  const [space] = search.store.parts as [Space];
  expect(search.code.recordBytes).toBe(3);
  // From four million slots on it grows by two: an end three groups behind a line, then two, then at a line.
  const count = Math.floor(0.95 * 4 * (2 ** 20 + 3)) - 2 * reserveOf(search.code);
  space.restore(records(search, count - 1), at(count));
  const ends = [endOf(space)];
  for (let growth = 0; growth < 2; growth++) {
    space.grow();
    space.refill(0, 1);
    space.refilled();
    ends.push(endOf(space));
  }
  expect(ends.map((end) => end - 2 ** 32)).toEqual([-80, -96, -64]);
  expect(taken(space)).toBe(count - 1);
});

test("more states than fit below an index are refused, before an index lies over them", () => {
  const search = start();
  const [space] = search.store.parts as [Space];
  // As they are where a memory was filled beside fewer threads, which leave more of it.
  const most = Math.floor(0.95 * ((2 ** 32 - space.address(0)) / (0.95 * 3 + 4)));
  const take = (count: number) => () =>
    space.restore(new Uint8Array(0), {
      ...at(count),
      get levels(): never {
        throw new Error("it went on");
      },
    });
  expect(take(most + 100)).toThrow(RangeError);
  expect(take(most - 100)).toThrow("it went on");
  expect(endOf(space)).toBeGreaterThan(2 ** 32 - 128);
});

test("a checkpoint for whose states there is no memory is refused", () => {
  const search = start();
  const bytes = new Uint8Array(Buffer.concat(checkpoint(search)));
  const { prototype } = search.constructor as { prototype: Search };
  vi.spyOn(prototype, "restore").mockImplementationOnce(() => {
    throw new RangeError("Maximum memory size exceeded");
  });
  const again = () => resume(counting(), bytes, { noReduction: true });
  expect(again).toThrow(expect.objectContaining({ code: "SL4103", hint: expect.stringContaining("--workers") }));
  expect(again().states).toBe(1);
  vi.spyOn(prototype, "restore").mockImplementationOnce(() => {
    throw new TypeError("a fault of ours");
  });
  expect(again).toThrow(TypeError);
});
