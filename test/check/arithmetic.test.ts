/** The generated code computes what the interpreter computes, also where values leave 32 bits on the way. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { prepare, Search } from "../../src/check/index.ts";
import * as L from "../../src/language/index.ts";
import { explore } from "./naive.ts";

/** The widest type that the language allows is of 30 bits. */
const LARGE = 2 ** 29 - 1;

/** An expression over the variables, as the numbers decide. */
function expression(numbers: readonly number[], variables: readonly L.IntExpr[], at = 0, depth = 3): L.IntExpr {
  const roll = numbers[at % numbers.length] as number;
  if (depth === 0 || roll % 11 === 0)
    return roll % 3 === 0 ? L.int(roll - 500) : (variables[roll % variables.length] as L.IntExpr);
  const a = expression(numbers, variables, at * 2 + 1, depth - 1);
  const b = expression(numbers, variables, at * 2 + 2, depth - 1);
  const operations = [L.add, L.sub, L.mul, L.div, L.mod, L.band, L.bor, L.bxor];
  if (roll % 11 === 9) return L.shr(L.wrap(a, 20), L.wrap(b, 5));
  if (roll % 11 === 10) return L.ite(L.lt(a, b), b, a);
  return (operations[roll % operations.length] as typeof L.add)(a, b);
}

function modelOf(values: readonly number[], recipes: readonly (readonly number[])[]): L.Model {
  const m = L.model("arithmetic");
  const p = m.process("p");
  const variables = values.map((_, i) => m.variable(`v${i}`, L.intType(-LARGE, LARGE)));
  const bits = recipes.map((_, i) => m.variable(`r${i}`, L.bitsType(16)));
  const signs = recipes.map((_, i) => m.variable(`s${i}`, L.boolType));
  p.step("set", {
    do: values.map((value, i) => L.set(variables[i] as L.IntRef, value)),
    next: "compute",
  });
  p.step("compute", {
    do: recipes.flatMap((recipe, i) => {
      const value = expression(recipe, variables);
      return [
        L.set(bits[i] as L.IntRef, L.wrap(value, 16)),
        L.set(signs[i] as L.BoolRef, L.lt(value, expression(recipe, variables, 1))),
      ];
    }),
    next: "end",
  });
  p.idle("end");
  return L.validate(m.build());
}

test("arithmetic is the interpreter's", () => {
  const recipe = fc.array(fc.nat(1000), { minLength: 5, maxLength: 15 });
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -LARGE, max: LARGE }), { minLength: 2, maxLength: 4 }),
      fc.array(recipe, { minLength: 1, maxLength: 6 }),
      (values, recipes) => {
        const model = modelOf(values, recipes);
        const { seen } = explore(model);
        const search = new Search(prepare(model, true)).finish();
        expect(search.states).toBe(seen.size);
        for (let id = 1; id <= search.states; id++) expect([...seen.keys()]).toContain(search.state(id).join());
      },
    ),
    { numRuns: Number(process.env["SEAMLOCK_RUNS"] ?? 200) },
  );
});
