import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  apply,
  execute,
  fieldsOf,
  type LockKind,
  type LockResult,
  layoutOf,
  primitive,
  sharedMemory,
  sharedWord,
  wordOf,
} from "../../src/locks/index.ts";

/**
 * The source's logic, said a second time and differently: plain arithmetic on 16-bit words. Each takes the word and gives the new word and
 * the result.
 */
type Restated = (word: number) => readonly [word: number, result: LockResult];
const EX = 1;
const HP = 2;
const w16 = (value: number): number => value & 0xffff;

const SHAREX: Record<string, Restated> = {
  "acquire SHARED host": (w) => [w16(w + 2), w === 0xfffe ? "halt" : w & EX ? "busy" : "success"],
  "acquire EXCLUSIVE host": (w) => (w === 0 ? [EX, "success"] : [w, "busy"]),
  "release SHARED host": (w) => [w16(w - 2), w & EX || w >> 1 === 0 ? "halt" : "success"],
  "release EXCLUSIVE host": (w) => [0, w & EX ? "success" : "halt"],
  "promote EXCLUSIVE host": (w) => [w === 2 ? EX : w, w & EX || w === 0 ? "halt" : w >> 1 === 1 ? "success" : "busy"],
  "demote SHARED host": (w) => [2, w & EX ? "success" : "halt"],
};

const SHAREX_HP: Record<string, Restated> = {
  "acquire SHARED guest": (w) => {
    if (w & HP) return [w, "busy-host-priority"];
    if (w & EX) return [w16(w + 4), "busy"];
    return [w16(w + 4), w >> 2 === 0x3fff ? "halt" : "success"];
  },
  "acquire SHARED host": (w) => {
    if (w & EX) return [w16(w + 4) | HP, "busy"];
    return [w16(w + 4) & ~HP, w >> 2 === 0x3fff ? "halt" : "success"];
  },
  "acquire EXCLUSIVE guest": (w) => (w === 0 ? [EX, "success"] : [w, w === HP ? "busy-host-priority" : "busy"]),
  "acquire EXCLUSIVE host": (w) => (w === 0 || w === HP ? [EX, "success"] : [w | HP, "busy"]),
  "release SHARED host": (w) => [w16(w - 4), w & EX || w >> 2 === 0 ? "halt" : "success"],
  "release EXCLUSIVE host": (w) => (w & EX ? [w & HP, "success"] : [w, "halt"]),
  "promote EXCLUSIVE host": (w) => {
    if (w & EX || w === 0) return [w, "halt"];
    return w === 4 || w === (4 | HP) ? [EX, "success"] : [w | HP, "busy"];
  },
};

function wanted(name: string): Parameters<typeof primitive> extends [infer _, ...infer Rest] ? Rest : never {
  const [operation, mode, side] = name.split(" ");
  return [operation, mode, side] as never;
}

describe.each([
  ["sharex", SHAREX],
  ["sharex_hp", SHAREX_HP],
] as const)("%s over all 16-bit words", (kind, table) => {
  const layout = layoutOf(kind);
  it.each(Object.keys(table))("%s", (name) => {
    const [operation, mode, side] = wanted(name) as [never, never, never];
    const p = primitive(kind, operation, mode, side);
    const restated = table[name] as Restated;
    for (let word = 0; word <= 0xffff; word++) {
      const { word: after, result } = apply(p, layout, BigInt(word));
      const [expected, outcome] = restated(word);
      if (Number(after) !== expected || result !== outcome)
        expect([word, Number(after), result]).toEqual([word, expected, outcome]);
    }
  });
});

describe("the lock of a SEPT entry", () => {
  const layout = layoutOf("sept_entry");
  const EL = 1n << 11n;
  const TDHP = 1n << 52n;
  const other = 0x8000_0123_4567_8000n & ~EL & ~TDHP;
  it.each([
    ["host", other, other | EL, "success"],
    ["host", other | TDHP, other | EL, "success"],
    ["host", other | EL, other | EL | TDHP, "busy"],
    ["guest", other, other | EL, "success"],
    ["guest", other | TDHP, other | TDHP, "busy-host-priority"],
    ["guest", other | EL, other | EL, "busy"],
    ["guest", other | EL | TDHP, other | EL | TDHP, "busy"],
  ] as const)("acquired by the %s on %s", (side, before, after, result) => {
    expect(apply(primitive("sept_entry", "acquire", "EXCLUSIVE", side), layout, before)).toMatchObject({
      word: after,
      result,
    });
  });
  it("is what the source does to any of its words", () => {
    const restated: Record<string, (w: bigint) => readonly [bigint, LockResult]> = {
      "acquire EXCLUSIVE host": (w) => (w & EL ? [w | TDHP, "busy"] : [(w | EL) & ~TDHP, "success"]),
      "acquire EXCLUSIVE guest": (w) =>
        w & EL ? [w, "busy"] : w & TDHP ? [w, "busy-host-priority"] : [w | EL, "success"],
      "release EXCLUSIVE host": (w) => (w & EL ? [w & ~EL, "success"] : [w, "halt"]),
    };
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constantFrom(...Object.keys(restated)), (w, name) => {
        const [operation, mode, side] = wanted(name) as [never, never, never];
        const { word, result } = apply(primitive("sept_entry", operation, mode, side), layout, w);
        expect([word, result]).toEqual(restated[name]?.(w));
      }),
      { numRuns: 2000 },
    );
  });
  it("is released without touching another bit", () => {
    const release = primitive("sept_entry", "release", "EXCLUSIVE", "host");
    expect(apply(release, layout, other | EL | TDHP)).toMatchObject({ word: other | TDHP, result: "success" });
    expect(apply(release, layout, other)).toMatchObject({ word: other, result: "halt", check: 8 });
  });
});

describe("mutex and bit lock", () => {
  it("take every value of the byte as the source does", () => {
    const layout = layoutOf("mutex");
    for (let byte = 0; byte < 256; byte++) {
      const acquired = apply(primitive("mutex", "acquire", "EXCLUSIVE", "host"), layout, BigInt(byte));
      expect(acquired).toMatchObject(
        byte === 0 ? { word: 1n, result: "success" } : { word: BigInt(byte), result: "busy" },
      );
      const released = apply(primitive("mutex", "release", "EXCLUSIVE", "host"), layout, BigInt(byte));
      expect(released).toMatchObject(
        byte === 1 ? { word: 0n, result: "success" } : { word: BigInt(byte), result: "halt" },
      );
    }
  });
  it("leave the other bits of the word alone", () => {
    const layout = layoutOf("bit");
    expect(apply(primitive("bit", "acquire", "EXCLUSIVE", "host"), layout, 0xf0n)).toMatchObject({
      word: 0xf1n,
      result: "success",
    });
    expect(apply(primitive("bit", "acquire", "EXCLUSIVE", "host"), layout, 0xf1n)).toMatchObject({
      word: 0xf1n,
      result: "busy",
    });
    expect(apply(primitive("bit", "release", "EXCLUSIVE", "host"), layout, 0xf1n)).toMatchObject({
      word: 0xf0n,
      result: "success",
    });
    expect(apply(primitive("bit", "release", "EXCLUSIVE", "host"), layout, 0xf0n)).toMatchObject({
      result: "halt",
      check: 9,
    });
  });
});

describe("shared memory and the sequential function", () => {
  const kinds: readonly LockKind[] = ["sharex", "sharex_hp", "sept_entry", "mutex", "bit"];
  it.each(kinds)("agree for every primitive of %s", (kind) => {
    const layout = layoutOf(kind);
    const memory = sharedMemory(layout);
    const word = sharedWord(memory, 0);
    for (const side of ["host", "guest"] as const) {
      for (const operation of ["acquire", "release", "promote", "demote"] as const) {
        for (const mode of ["SHARED", "EXCLUSIVE"] as const) {
          let p: ReturnType<typeof primitive>;
          try {
            p = primitive(kind, operation, mode, side);
          } catch {
            continue;
          }
          for (const fields of [
            {},
            { exclusive: 1 },
            { hp: 1 },
            { exclusive: 1, hp: 1 },
            { counter: 1 },
            { counter: 1, hp: 1 },
            { counter: 2 ** 14 - 1 },
            { counter: 2 ** 15 - 1 },
          ]) {
            const before = wordOf(layout, fields);
            word.exchange(before);
            const outcome = execute(p, layout, word);
            const expected = apply(p, layout, before);
            expect({ ...outcome, word: word.load() }).toEqual(expected);
          }
        }
      }
    }
    expect(fieldsOf(layout, wordOf(layout, { exclusive: 1 }))["exclusive"]).toBe(1);
  });
});
