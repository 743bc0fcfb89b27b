import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check, isValid, prepare, Search, verifyReduction } from "../../src/check/index.ts";
import { problems } from "../../src/language/index.ts";
import { explore, type NaiveResult, TooLarge } from "./naive.ts";
import { anyModel } from "./random-model.ts";

const LIMIT = 4000;
const RUNS = Number(process.env["SEAMLOCK_RUNS"] ?? 120);

/** Skip models that the naive explorer would spend too long on, and those that the validator rejects. */
function naive(model: Parameters<typeof explore>[0]): NaiveResult {
  fc.pre(problems(model).length === 0);
  try {
    return explore(model, LIMIT);
  } catch (error) {
    fc.pre(!(error instanceof TooLarge));
    throw error;
  }
}

describe("random models", () => {
  test("the compiled engine counts, finds and measures what the naive explorer does", () => {
    fc.assert(
      fc.property(anyModel(), (model) => {
        const expected = naive(model);
        const result = check(model, { noReduction: true });
        expect(result.states).toBe(expected.states);
        expect(result.transitions).toBe(expected.transitions);
        expect(
          Object.fromEntries(result.violations.map(({ property, trace }) => [property, trace.steps.length])),
        ).toEqual(Object.fromEntries(expected.violated));
        expect(new Set(result.witnesses.map(({ property }) => property))).toEqual(expected.witnessed);
        for (const { trace } of result.violations) expect(isValid(model, trace)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  test("the stored states are exactly the reachable ones", () => {
    fc.assert(
      fc.property(anyModel(), (model) => {
        const expected = naive(model);
        const search = new Search(prepare(model, true)).finish();
        for (let id = 1; id <= search.states; id++)
          expect(expected.seen.get(search.state(id).join())).toBe(search.store.levelOf(id));
        expect(search.depth).toBe(Math.max(...expected.seen.values()));
      }),
      { numRuns: RUNS },
    );
  });

  test("reductions change nothing that can be seen", () => {
    fc.assert(
      fc.property(anyModel(), (model) => {
        naive(model);
        expect(verifyReduction(model).differences).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });
});
