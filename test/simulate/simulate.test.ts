import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { enterAndZap } from "../../bench/models/enter-and-zap.ts";
import { check, isValid, prepare, replay, Search } from "../../src/check/index.ts";
import * as L from "../../src/language/index.ts";
import {
  checkSize,
  mergeSimulations,
  modelSize,
  randomOf,
  type SimulationResult,
  Simulator,
  simulate,
} from "../../src/simulate/index.ts";
import { tryLock, twoLocks } from "../check/models.ts";
import { modelOf } from "../check/random-model.ts";

const path = (trace: L.Trace | null) =>
  trace?.steps.map(({ actor, label, alternative }) => `${actor}.${label}.${alternative}`).join(" ");
const model = enterAndZap({ vcpus: 2, pages: 1, threshold: 2 });
/** Everything but how long it took. */
const timeless = ({ seconds: _, ...rest }: ReturnType<typeof simulate>) => rest;

describe("seeds", () => {
  test("the random numbers of a seed and run never change", () => {
    const random = randomOf(1, 0);
    expect(Array.from({ length: 8 }, () => random.below(10))).toMatchInlineSnapshot(`
      [
        9,
        7,
        1,
        7,
        3,
        3,
        4,
        8,
      ]
    `);
  });

  test("the run of a seed never changes", () => {
    expect(path(simulate(model, { seed: 7, steps: 12, trace: true }).trace)).toMatchInlineSnapshot(
      `"vcpu[1].E0.0 vcpu[0].E0.0 vcpu[1].E1.0 vcpu[0].E1.0 vcpu[0].E2.0 vcpu[0].E3.1 vcpu[1].E2.0 vcpu[1].E3.1 vcpu[0].E6.0 vcpu[1].E6.0 vcpu[0].E7.0 vcpu[1].E7.0"`,
    );
    expect(
      path(simulate(model, { seed: 7, steps: 12, trace: true, schedule: "priority" }).trace),
    ).toMatchInlineSnapshot(
      `"vcpu[0].E0.0 vcpu[0].E1.0 vcpu[0].E2.0 vcpu[1].E0.0 vcpu[0].E3.1 vcpu[0].E6.0 vcpu[0].E7.0 vcpu[0].G.2 vcpu[0].X1.0 vcpu[0].X2.0 vcpu[0].H0.0 vcpu[0].H1.0"`,
    );
  });

  test.each(["fair", "priority"] as const)(
    "the trace of a seed under the %s schedule is the stored one",
    async (schedule) => {
      const { trace } = simulate(model, { seed: 2026, steps: 80, trace: true, schedule });
      const lines = trace?.steps.map(
        ({ actor, label, alternative, next, state }) =>
          `${actor} ${label}.${alternative} -> ${next} ${JSON.stringify(state)}`,
      );
      await expect(`${lines?.join("\n")}\n`).toMatchFileSnapshot(`golden/enter-and-zap-2026-${schedule}.txt`);
    },
  );

  test("run k of many is run k alone", () => {
    const many = simulate(tryLock(3, "wrong guard"), { seed: 3, runs: 20, steps: 30 });
    const [violation] = many.violations;
    expect(violation).toBeDefined();
    const { seed, run, steps } = (violation as (typeof many.violations)[0]).reproduce;
    const alone = simulate(tryLock(3, "wrong guard"), { seed, firstRun: run, steps, trace: true });
    expect(alone.violations[0]?.steps).toBe(violation?.steps);
    expect(alone.trace?.steps).toHaveLength(violation?.steps as number);
    expect(isValid(tryLock(3, "wrong guard"), alone.trace as L.Trace)).toBe(true);
  });

  test("runs add up to the same however they are shared out, and in whatever order the parts come", () => {
    const options = { seed: 5, steps: 300 };
    const whole = new Simulator(model, options).runs(2, 9).result;
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 3, max: 10 })), fc.boolean(), (cuts, backwards) => {
        const from = [2, ...cuts.toSorted((a, b) => a - b)];
        const parts = from.map(
          (first, i) => new Simulator(model, options).runs(first, (from[i + 1] ?? 11) - first).result,
        );
        const [head, ...rest] = backwards ? parts.toReversed() : parts;
        expect(timeless(mergeSimulations([head as SimulationResult, ...rest]))).toEqual(timeless(whole));
      }),
      { numRuns: 8 },
    );
  });
});

describe("what runs find", () => {
  test.each(["fair", "priority"] as const)("%s: a broken lock and a deadlock", (schedule) => {
    expect(
      simulate(tryLock(2, "no lock"), { runs: 50, steps: 100, schedule }).violations.map(({ property }) => property),
    ).toContain("at most one inside");
    expect(
      simulate(twoLocks(true), { runs: 50, steps: 100, schedule }).violations.map(({ property }) => property),
    ).toEqual(["deadlock"]);
    expect(simulate(tryLock(3), { runs: 20, steps: 500, schedule }).violations).toEqual([]);
  });

  test("busy is counted by leaf, resource and holder", () => {
    const { busy } = simulate(tryLock(3), { steps: 1000 });
    expect(busy).toEqual([
      {
        process: "caller",
        leaf: "call",
        resource: "LOCK",
        status: "0x80",
        holder: "call",
        holderProcess: "caller",
        count: expect.any(Number),
        soonest: { run: 0, steps: 4 },
      },
    ]);
  });

  test("counters are counted per call, costs and dwelling per instance", () => {
    const m = L.model("retries");
    const p = m.process("p");
    const n = p.variable("n", L.intType(0, 2));
    p.step("try", {
      when: L.lt(n, 2),
      do: [L.inc(n)],
      next: "try",
      meta: { leaf: "x", counters: { retries: 1 }, cost: 5 },
    });
    p.step("try", { when: L.eq(n, 2), do: [L.set(n, 0)], next: "done", meta: { leaf: "x", action: "return" } });
    p.step("done", { next: "try", meta: { action: "idle" } });
    // A run that makes no call says nothing of its counters.
    expect(simulate(m.build(), { steps: 1 }).counters).toEqual([]);
    const result = simulate(m.build(), { steps: 40, costs: { byAction: { return: 2 }, otherwise: 1 } });
    expect(result.counters).toEqual([{ counter: "retries", leaf: "x", histogram: { 2: 10 } }]);
    expect(result.cost).toBe(10 * (5 + 5 + 2 + 1));
    expect(result.costByInstance).toEqual({ p: 130 });
    expect(result.dwell).toContainEqual({ instance: "p", label: "done", cost: 10, visits: 10 });
  });
});

describe("stretches", () => {
  const m = L.model("worker");
  const p = m.process("p");
  const tries = p.variable("tries", L.intType(0, 3));
  const work = (as: string) => ({ stretch: "job", as, reports: ["tries"] });
  p.step("idle", { next: "work", meta: { begins: "job", cost: 3 } });
  p.step("work", { when: L.lt(tries, 2), do: [L.inc(tries)], next: "work", meta: { counters: { tries: 1 } } });
  p.step("work", { when: L.eq(tries, 2), do: [L.inc(tries)], next: "idle", meta: { ends: work("done") } });
  p.step("work", { when: L.eq(tries, 3), next: "idle", meta: { ends: work("at once"), cost: 10 } });
  const worker = m.build();

  test("are counted by how they end, with what they cost and their counters", () => {
    // idle, try, try, done; then twice idle, at once; then a job that the end of the run cuts off.
    const { stretches } = simulate(worker, { steps: 9 });
    expect(stretches).toEqual([
      {
        process: "p",
        stretch: "job",
        as: "at once",
        count: 2,
        cost: 26,
        longest: 13,
        durations: { 16: 2 },
        counters: { tries: { 0: 2 } },
      },
      {
        process: "p",
        stretch: "job",
        as: "done",
        count: 1,
        cost: 6,
        longest: 6,
        durations: { 8: 1 },
        counters: { tries: { 2: 1 } },
      },
      {
        process: "p",
        stretch: "job",
        as: null,
        count: 1,
        cost: 3,
        longest: 3,
        durations: { 4: 1 },
        counters: { tries: { 0: 1 } },
      },
    ]);
  });

  test("costs by leaf go before costs by action", () => {
    const q = L.model("costs");
    const one = q.process("one");
    one.step("a", { next: "b", meta: { leaf: "x", action: "acquire" } });
    one.step("b", { next: "a", meta: { action: "acquire" } });
    const costs = { byLeaf: { x: 100 }, byAction: { acquire: 10 }, otherwise: 1 };
    expect(simulate(q.build(), { steps: 2, costs }).cost).toBe(110);
  });
});

describe("what is shown of a run", () => {
  test("a violation without the steps that have no part in it: still a run, still violated, no longer", () => {
    const broken = tryLock(3, "wrong guard");
    const { violations } = simulate(broken, { seed: 3, runs: 20, steps: 200 });
    const [found] = violations;
    const trace = found?.trace as L.Trace;
    expect(isValid(broken, trace)).toBe(true);
    expect(replay(broken, trace).violated).toContain(found?.property);
    expect(trace.steps.length).toBe(check(broken).trace?.steps.length);
  });

  test("a deadlock", () => {
    const [found] = simulate(twoLocks(true), { runs: 20, steps: 200 }).violations;
    expect(found?.property).toBe("deadlock");
    expect(found?.trace?.steps.map(({ label }) => label)).toHaveLength(2);
  });

  test("a failed try-acquire: the last step of a short run, against the holder that was counted", () => {
    const simulator = new Simulator(model, { seed: 3, steps: 500 });
    const { busy } = simulator.runs(0, 10).result;
    expect(busy.length).toBeGreaterThan(5);
    for (const site of busy) {
      const trace = simulator.busyTrace(site, { first: 0, count: 10 }) as L.Trace;
      const last = trace.steps.at(-1);
      expect(last).toMatchObject({ process: site.process, leaf: site.leaf, resource: site.resource, result: "busy" });
      expect(isValid(model, trace)).toBe(true);
      expect(trace.steps.length).toBeLessThanOrEqual(site.soonest.steps);
      expect(new Set(trace.steps.map(({ process }) => process))).toContain(site.holderProcess);
    }
  });

  test("the same for the same runs", () => {
    const shown = () => {
      const simulator = new Simulator(model, { seed: 8, steps: 500 });
      const { busy } = simulator.runs(0, 5).result;
      return busy.slice(0, 3).map((site) => simulator.busyTrace(site, { first: 0, count: 5 }));
    };
    expect(shown()).toEqual(shown());
  });

  test("no trace of a run that nobody could read", () => {
    const simulator = new Simulator(tryLock(2), { steps: 150_000 });
    expect(simulator.trace(0)).toBeNull();
    expect(simulator.trace(0, 100)?.steps).toHaveLength(100);
  });
});

describe("a model that is too large", () => {
  test("says so before anything is built from it", () => {
    const m = L.model("huge");
    const p = m.process("caller", 100_000);
    p.step("idle", { next: "inside" });
    p.step("inside", { next: "idle" });
    expect(modelSize(m.build())).toEqual({ steps: 200_000, slots: 100_000 });
    expect(() => simulate(m.build())).toThrow(
      expect.objectContaining({
        code: "SL5201",
        message: expect.stringContaining("it has 200,000 steps, and the simulator takes 12,000 at most"),
        hint: expect.stringContaining("100000 x caller"),
      }),
    );
  });

  test("counts what the layout will have", () => {
    for (const one of [model, tryLock(3), twoLocks(true)]) {
      const layout = L.layoutOf(one);
      const steps = layout.instances.flatMap(({ typeIndex }) => layout.movesAt[typeIndex]?.flat() ?? []).length;
      expect(modelSize(one)).toEqual({ steps, slots: layout.slots.length });
      expect(() => checkSize(one, { steps: steps - 1, slots: 1e6 })).toThrow(/too large/);
      expect(() => checkSize(one, { steps, slots: layout.slots.length - 1 })).toThrow(/variables/);
      checkSize(one, { steps, slots: layout.slots.length });
    }
  });
});

test("runs only visit states that the checker knows", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(1000), { minLength: 20, maxLength: 90 }),
      fc.nat(100),
      fc.constantFrom("fair", "priority"),
      (numbers, seed, schedule) => {
        const random = modelOf(numbers);
        fc.pre(L.problems(random).length === 0);
        const search = new Search(prepare(random, true), { states: 3000 }).finish();
        fc.pre(search.complete);
        const known = new Set(Array.from({ length: search.states }, (_, i) => search.state(i + 1).join()));
        const { trace } = simulate(random, { seed, steps: 60, schedule: schedule as "fair", trace: true });
        const layout = L.layoutOf(random);
        let state: readonly number[] = L.initialState(layout);
        for (const step of trace?.steps ?? []) {
          const instance = layout.instances.find(
            ({ type, instance: i }) => type.name === step.process && i === step.instance,
          ) as L.Instance;
          const move = L.enabledMoves(layout, state).find(
            (choice) =>
              choice.instance === instance &&
              choice.move.label.name === step.label &&
              choice.move.stepIndex === step.alternative &&
              JSON.stringify(choice.move.choices) === JSON.stringify(step.choices),
          );
          expect(move).toBeDefined();
          const after = L.apply(layout, state, instance, (move as L.Choice).move);
          expect(after.fault).toEqual(step.fault);
          if (after.fault === null) expect(known.has(after.state.join())).toBe(true);
          ({ state } = after);
        }
      },
    ),
    { numRuns: 100 },
  );
});
