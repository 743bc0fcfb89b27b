import { describe, expect, it } from "vitest";
import { check, verifyReduction } from "../../src/check/index.ts";
import { type LockSpec, lockModel } from "../../src/locks/index.ts";

const spec = (over: Partial<LockSpec> & Pick<LockSpec, "lock">): LockSpec => ({
  name: "lock",
  description: "",
  hosts: 2,
  guests: 0,
  width: 4,
  promote: false,
  writeBack: "none",
  ...over,
});
const violated = (over: Partial<LockSpec> & Pick<LockSpec, "lock">) =>
  check(lockModel(spec(over))).violations.map(({ property, trace }) => `${property}: ${trace.steps.length}`);

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
    const result = check(lockModel(lock));
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
      "no guest gets the lock while a refused host is owed it: 10",
    ]);
  });

  it.each([spec({ lock: "sharex_hp", hosts: 1, guests: 2 }), spec({ lock: "sept_entry", hosts: 2, guests: 2 })])(
    "$lock: reductions are right",
    (lock) => {
      expect(verifyReduction(lockModel(lock)).differences).toEqual([]);
    },
  );
});
