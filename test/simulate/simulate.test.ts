import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { enterAndZap } from "../../bench/models/enter-and-zap.ts";
import { isValid, prepare, Search } from "../../src/check/index.ts";
import * as L from "../../src/language/index.ts";
import { mergeSimulations, randomOf, simulate } from "../../src/simulate/index.ts";
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
    expect(alone.trace).toEqual(violation?.trace);
    expect(isValid(tryLock(3, "wrong guard"), alone.trace as L.Trace)).toBe(true);
  });

  test("shared-out runs add up to the same as all at once", () => {
    const whole = simulate(model, { seed: 5, runs: 6, steps: 500 });
    const parts = [
      simulate(model, { seed: 5, firstRun: 2, runs: 4, steps: 500 }),
      simulate(model, { seed: 5, runs: 2, steps: 500 }),
    ] as const;
    const byName = <T>(items: readonly T[]) =>
      items.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
    const merged = mergeSimulations(parts);
    expect(timeless({ ...merged, busy: byName(merged.busy), dwell: byName(merged.dwell) })).toEqual(
      timeless({ ...whole, busy: byName(whole.busy), dwell: byName(whole.dwell) }),
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
      { process: "caller", leaf: "call", resource: "LOCK", status: "0x80", holder: "call", count: expect.any(Number) },
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
    const result = simulate(m.build(), { steps: 40, costs: { byAction: { return: 2 }, otherwise: 1 } });
    expect(result.counters).toEqual([{ counter: "retries", leaf: "x", histogram: { 2: 10 } }]);
    expect(result.cost).toBe(10 * (5 + 5 + 2 + 1));
    expect(result.costByInstance).toEqual({ p: 130 });
    expect(result.dwell).toContainEqual({ instance: "p", label: "done", cost: 10, visits: 10 });
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
