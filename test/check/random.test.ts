import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CheckResult, check, isValid, prepare, Search, verifyReduction } from "../../src/check/index.ts";
import { type Model, problems } from "../../src/language/index.ts";
import { explore, type NaiveResult, TooLarge } from "./naive.ts";
import { anyAlike } from "./random-alike.ts";
import { anyModel } from "./random-model.ts";

const LIMIT = 4000;
const RUNS = Number(process.env["SEAMLOCK_RUNS"] ?? 80);

/** Skip models that the naive explorer would spend too long on, and those that the validator rejects. */
function naive(model: Model, limit = LIMIT): NaiveResult {
  fc.pre(problems(model).length === 0);
  try {
    return explore(model, limit);
  } catch (error) {
    fc.pre(!(error instanceof TooLarge));
    throw error;
  }
}

/** Each entry of a `busy` list with each holder, as the naive explorer writes them. */
const busyOf = ({ busy }: CheckResult): Set<string> =>
  new Set(
    busy.flatMap(({ process, leaf, resource, status, holders, unheld }) =>
      [...holders, ...(unheld ? [null] : [])].map((holder) =>
        JSON.stringify([process, leaf, resource, status, holder]),
      ),
    ),
  );

/** Is a plain search's result what the naive explorer found? */
function compare(model: Model, result: CheckResult, expected: NaiveResult): void {
  expect(result.states).toBe(expected.states);
  expect(result.transitions).toBe(expected.transitions);
  expect(Object.fromEntries(result.violations.map(({ property, trace }) => [property, trace.steps.length]))).toEqual(
    Object.fromEntries(expected.violated),
  );
  expect(new Set(result.witnesses.map(({ property }) => property))).toEqual(expected.witnessed);
  expect(busyOf(result)).toEqual(expected.busy);
  for (const { trace } of [...result.violations, ...result.witnesses]) expect(isValid(model, trace)).toBe(true);
}

describe("random models", () => {
  test("the compiled engine counts, finds and measures what the naive explorer does", () => {
    fc.assert(
      fc.property(anyModel(), (model) => {
        const expected = naive(model);
        compare(model, check(model, { noReduction: true }), expected);
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

  test("where much is alike or unseen, the plain search finds what the naive explorer does, and the reduced one what the plain one does", () => {
    const taken = { folded: 0, sorted: 0, renumbered: 0 };
    fc.assert(
      fc.property(anyAlike(), (model) => {
        const expected = naive(model, LIMIT / 5);
        const { plain, reduced, differences } = verifyReduction(model);
        compare(model, plain, expected);
        expect(differences).toEqual([]);
        for (const { trace } of [...reduced.violations, ...reduced.witnesses]) expect(isValid(model, trace)).toBe(true);
        const { folded, symmetric, scalar } = prepare(model).reductions;
        if (folded.some(({ size }) => size > 0)) taken.folded++;
        if (symmetric.size > 0) taken.sorted++;
        if (scalar.length > 0) taken.renumbered++;
      }),
      { numRuns: RUNS },
    );
    expect(Object.values(taken).every((times) => times > RUNS / 60)).toBe(true);
  });
});
