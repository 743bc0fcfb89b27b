/** Calls of the recent past, against a plain list that is gone through whole. */
import { expect, it } from "vitest";
import { randomOf } from "../../src/simulate/index.ts";
import type { Call } from "../../src/trace/call.ts";
import { InFlight, Kept, Steps, Wanted } from "../../src/trace/window.ts";

const call = (begin: number, end: number, cpu: number): Call => ({
  ...{ leaf: "tdh_mem_track", begin, end, cpu, tid: 1, status: null, td: null, vp: null, gpa: null, level: null },
  ...{ page: null, beginUnsure: false, endUnsure: false, chain: null, settled: false },
});

const named = (calls: readonly Call[]): string =>
  calls
    .map(({ cpu }) => cpu)
    .sort((a, b) => a - b)
    .join(" ");

it("what was in flight, and what of it had ended, however late calls come", () => {
  for (let seed = 1; seed <= 2; seed++) {
    const random = randomOf(seed, 0);
    const inFlight = new InFlight();
    let all: Call[] = [];
    let now = 0;
    let settledTo = 0;
    for (let n = 0; n < 3000; n++) {
      now += random.below(40);
      // Most end in their order, some long before; many so that a list is more than one part.
      const end = now - (random.below(6) === 0 ? random.below(30_000) : random.below(20));
      const one = call(end - random.below(random.below(20) === 0 ? 60_000 : 300), end, n);
      inFlight.add(one);
      all.push(one);
      if (n % 61 === 0) {
        inFlight.dropBefore(now - 36_000);
        all = all.filter((of) => of.end >= now - 36_000);
        expect(inFlight.size).toBe(all.length);
      }
      // For long nobody asks.
      if (n % 23 > 0 || n % 2500 > 1000) continue;
      settledTo = Math.max(settledTo, now - 20_000 + random.below(200));
      const [to, from] = [settledTo + random.below(100) - 50, settledTo - random.below(3000)];
      const past: Call[] = [];
      expect(inFlight.past(from, to, settledTo, new Steps(), past)).toBe(true);
      const meets = ({ begin, end: its }: Call): boolean => its >= from && begin <= to;
      expect(named(past)).toBe(named(all.filter((of) => meets(of) && of.end <= settledTo)));
      const beside: Call[] = [];
      expect(inFlight.between(from, to, new Steps(), beside)).toBe(true);
      expect(named(beside)).toBe(named(all.filter(meets)));
    }
  }
});

it("whoever asks for more steps than there are is told", () => {
  const inFlight = new InFlight();
  for (let n = 0; n < 70_000; n++) inFlight.add(call(n, n + 100, n));
  const steps = new Steps();
  const found: Call[] = [];
  expect(inFlight.past(0, 80_000, 80_000, steps, found)).toBe(false);
  expect(found).toHaveLength(65_536);
  // The last of them: to look for the first would take steps of its own, for each call that asks.
  expect(found[0]?.cpu).toBe(70_000 - 65_536);
  expect(inFlight.past(69_990, 80_000, 80_000, steps, [])).toBe(false);
  steps.earn();
  expect(inFlight.past(70_090, 80_000, 80_000, steps, [])).toBe(true);
});

it("only the leaves that are wanted are looked at, and those that are too many to be told apart; of guests' runs those of the TD", () => {
  const kept = new Kept("tdh_vp_enter");
  const add = (cpu: number, leaf: string, td: string | null): void => kept.add({ ...call(cpu, 1000, cpu), leaf, td });
  add(0, "tdh_mem_track", "0x1");
  add(1, "tdh_mem_rd", "0x2");
  add(2, "tdh_vp_enter", "0x1");
  add(3, "tdh_vp_enter", "0x2");
  add(4, "tdh_vp_enter", null);
  const asked = (wanted: Wanted, td: string | null): string[] => {
    const [between, past]: [Call[], Call[]] = [[], []];
    expect(kept.between(990, 1000, wanted, td, new Steps(), between)).toBe(true);
    expect(kept.past({ ...call(990, 1000, 9), td }, 1000, wanted, new Steps(), past)).toBe(true);
    return [named(between), named(past)];
  };
  const tracks = new Wanted(new Set(["tdh_mem_track"]), "none");
  expect(asked(tracks, "0x1")).toEqual(["0", "0"]);
  expect(asked(new Wanted(null, "none"), "0x1")).toEqual(["0 1", "0 1"]);
  expect(asked(new Wanted(new Set(), "own"), "0x1")).toEqual(["2 4", "2 4"]);
  expect(asked(new Wanted(new Set(), "own"), null)).toEqual(["2 3 4", "2 3 4"]);
  expect(asked(new Wanted(new Set(), "all"), "0x1")).toEqual(["2 3 4", "2 3 4"]);
  // A leaf that comes for the first time is found by those who asked before; beyond 256 leaves they are kept together.
  for (let n = 10; n < 300; n++) add(n, `leaf_${n}`, null);
  add(300, "tdh_mem_track", "0x1");
  expect(asked(tracks, "0x1")[0]).toBe([0, ...Array.from({ length: 36 }, (_, i) => 264 + i), 300].join(" "));
  const last = new Wanted(new Set(["leaf_299"]), "none");
  expect(asked(last, "0x1")[0]).toContain("299");
  expect(kept.size).toBe(5 + 290 + 1);
  kept.dropBefore(1001);
  expect(kept.size).toBe(0);
  expect(asked(new Wanted(null, "all"), null)).toEqual(["", ""]);
});
