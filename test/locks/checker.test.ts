import { describe, expect, it } from "vitest";
import { check, verifyReduction } from "../../src/check/index.ts";
import { entryWritesOf, lockModel, lockOf } from "../../src/locks/index.ts";
import { bundled, lockModelOf } from "./bundled.ts";

type Spec = Parameters<typeof lockModelOf>[0];
const violated = (spec: Spec) =>
  check(lockModelOf(spec)).violations.map(({ property, trace }) => `${property}: ${trace.steps.length}`);
const spec = (one: Spec): Spec => one;

describe("what the locks promise, under every interleaving of their instructions", () => {
  it.each([
    spec({ lock: "sharex", hosts: 3 }),
    spec({ lock: "sharex", hosts: 3, promote: true }),
    spec({ lock: "sharex_hp", hosts: 3 }),
    spec({ lock: "sharex_hp", hosts: 3, promote: true }),
    spec({ lock: "sept_entry", hosts: 3, guests: 2 }),
    spec({ lock: "sept_entry", hosts: 1, guests: 2, writeBack: "keep-host-priority" }),
    spec({ lock: "mutex", hosts: 3 }),
    spec({ lock: "bit", hosts: 3 }),
  ])("$lock with $hosts hosts and $guests guests holds", (lock) => {
    const result = check(lockModelOf(lock));
    expect(result.outcome.kind).toBe("holds");
    expect(result.vacuous).toEqual([]);
  });

  it("a guest that meets host priority and a writer that leaves wrap the counter of sharex_hp", () => {
    const found = violated({ lock: "sharex_hp", hosts: 1, guests: 2 });
    expect(found).toContain("the word is free when nobody uses the lock: 7");
    expect(found).toContain("sanity check 11 does not fail: 9");
    expect(found).toContain("sanity check 13 does not fail: 10");
    expect(found).toContain("no reader beside a writer: 10");
  });

  it("it takes a guest that reads: guests that only write are safe", () => {
    // One guest alone meets no writer but the host, whose refusals nobody else sees.
    expect(violated({ lock: "sharex_hp", hosts: 1, guests: 1 })).toEqual([]);
  });

  it("writing a whole SEPT entry back loses host priority", () => {
    expect(violated({ lock: "sept_entry", hosts: 1, guests: 1, writeBack: "whole-word" })).toEqual([
      "no guest gets the lock while a refused host is owed it: 8",
    ]);
  });

  it("storing an entry once more after it was unlocked takes somebody's lock away", () => {
    const found = violated({ lock: "sept_entry", hosts: 1, guests: 1, writeBack: "keep-then-store" });
    expect(found).toContain("sanity check 8 does not fail: 13");
    expect(violated({ lock: "sept_entry", hosts: 2, guests: 0, writeBack: "keep-then-store" })).not.toEqual([]);
  });

  it.each([spec({ lock: "sharex_hp", hosts: 1, guests: 2 }), spec({ lock: "sept_entry", hosts: 2, guests: 2 })])(
    "$lock: reductions are right",
    (lock) => {
      expect(verifyReduction(lockModelOf(lock)).differences).toEqual([]);
    },
  );
});

describe("the SEPT entry lock of each release, entries written as the release writes them", () => {
  const found = (version: string): string[] => {
    const catalog = bundled(version);
    const model = lockModel(lockOf(catalog, "sept_entry"), {
      name: "lock",
      description: "",
      hosts: 1,
      guests: 1,
      promote: false,
      writes: entryWritesOf(catalog),
    });
    return check(model).violations.map(({ property }) => property);
  };
  const LOST = "no guest gets the lock while a refused host is owed it";
  it.each(["1.5.01", "1.5.05", "1.5.16"])("%s loses host priority", (version) => {
    expect(found(version)).toEqual([LOST]);
  });
  it("1.5.20 takes locks away from who holds them", () => {
    expect(found("1.5.20")).toContain("sanity check 8 does not fail");
    expect(found("1.5.20")).toContain("exclusion");
  });
  it.each(["1.5.24", "1.5.25"])("%s keeps its promises", (version) => {
    expect(found(version)).toEqual([]);
  });
});
