import { describe, expect, it } from "vitest";
import type { LockProgram } from "../../src/catalog/index.ts";
import { apply, execute, lockOf, narrowed, sharedMemory, sharedWord } from "../../src/locks/index.ts";
import { bundled, VERSIONS } from "./bundled.ts";
import { firstDifference, nameOf } from "./noting.ts";
import { RESTATED, type Restated } from "./restated.ts";

describe.each(VERSIONS)("the primitives of %s", (version) => {
  const catalog = bundled(version);
  const kinds = version.startsWith("1.0")
    ? (["sharex", "mutex"] as const)
    : (["sharex", "sharex_hp", "sept_entry", "mutex", "bit"] as const);

  it("are of the kinds that the release has", () => {
    expect([...new Set(catalog.primitives.map(({ kind }) => kind))].sort()).toEqual([...kinds].sort());
  });

  it.each(kinds)("of %s are the restated ones, on every word, instruction by instruction", (kind) => {
    const lock = lockOf(catalog, kind);
    const table = RESTATED[kind] ?? {};
    expect(lock.programs.map(nameOf).sort()).toEqual(Object.keys(table).sort());
    for (const program of lock.programs)
      expect(firstDifference(program, table[nameOf(program)] as Restated)).toBeNull();
  });

  it("stand where the source has them", () => {
    for (const { steps, evidence } of catalog.primitives) {
      expect(evidence.file).toMatch(/tdx_locks\.h$|migration\.h$/);
      for (const { line } of steps) expect(line).toBeGreaterThan(evidence.line);
    }
  });
});

it("the bit lock of 32 bits, of releases from 1.5.13 on, is a word of its own", () => {
  const found = bundled("1.5.13").primitives.filter(({ kind, word }) => kind === "bit" && word.bits === 32);
  expect(found.map(({ function: name }) => name)).toEqual(["acquire_bit_lock", "release_bit_lock"]);
  const [acquire, release] = found as [LockProgram, LockProgram];
  expect(apply(acquire, 0xf0n)).toEqual({ result: "success", check: null, word: 0xf1n });
  expect(apply(acquire, 0xf1n)).toEqual({ result: "busy", check: null, word: 0xf1n });
  expect(apply(release, 0xf1n)).toEqual({ result: "success", check: null, word: 0xf0n });
  expect(apply(release, 0xf0n)).toEqual({ result: "halt", check: 18, word: 0xf0n });
});

describe("a lock kind that has several words", () => {
  const { module, primitives } = bundled("1.5.25");
  const [one] = primitives.filter(({ kind }) => kind === "mutex") as [LockProgram];
  const of = (type: string | null, bits: 8 | 16): LockProgram => ({ ...one, word: { ...one.word, type, bits } });
  const bitsOf = (...programs: LockProgram[]): number => lockOf({ module, primitives: programs }, "mutex").word.bits;

  it("is the one with the most primitives, and of equals one with a type of its own", () => {
    expect(bitsOf(of("a", 8), of(null, 16), of(null, 16))).toBe(16);
    expect(bitsOf(of(null, 16), of(null, 16), of("a", 8))).toBe(16);
    expect(bitsOf(of(null, 16), of("a", 8))).toBe(8);
    expect(bitsOf({ ...of("b", 16), kind: "sharex" }, { ...of("b", 16), kind: "sharex" }, of("a", 8))).toBe(8);
  });

  it("has no counter that is made narrower than it is by being made wider", () => {
    const lock = lockOf(bundled("1.5.25"), "sharex");
    const width = lock.word.fields.find(({ name }) => name === "counter")?.width ?? 0;
    expect(narrowed(lock, width)).toBe(lock);
    expect(narrowed(lock, width + 1)).toBe(lock);
    expect(narrowed(lock, 3).word.fields.find(({ name }) => name === "counter")?.width).toBe(3);
  });
});

describe("shared memory and the sequential function", () => {
  const lock = (kind: Parameters<typeof lockOf>[1]) => lockOf(bundled("1.5.25"), kind);
  it.each(["sharex", "sharex_hp", "sept_entry", "mutex", "bit"] as const)("agree for every primitive of %s", (kind) => {
    const { word, programs } = lock(kind);
    const memory = sharedMemory(word);
    const shared = sharedWord(memory, 0);
    for (const program of programs) {
      for (const start of [0n, 1n, 2n, 3n, 4n, 6n, 0xfffcn, 0xffffn, 1n << 11n, (1n << 11n) | (1n << 52n)]) {
        const before = start & (2n ** BigInt(word.bits) - 1n);
        shared.exchange(before);
        const outcome = execute(program, shared);
        expect({ ...outcome, word: shared.load() }).toEqual(apply(program, before));
      }
    }
  });
});
