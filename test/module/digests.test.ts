/** The digest of a function is that of what it does: what a reader of source cannot tell, or need not, does not change it. */
import { expect, it } from "vitest";
import { Program } from "../../src/c/index.ts";
import { behavioursOf, digestOf } from "../../src/module/atomics/behaviours.ts";
import { RULES } from "../../src/module/rules.ts";

function digest(body: string): string {
  const program = new Program([{ path: "a.c", source: `int f(int x)\n{\n${body}\n}\n` }], RULES.preprocess);
  const info = program.functions.get("f")?.[0];
  const ast = info ? program.ast(info) : null;
  if (ast === null) throw new Error("the function was not read");
  return digestOf(ast, RULES);
}

const LOOP = "for (int i = 0; i < x; i++) { g(i); } x++; return x;";

it.each([
  ["names of variables", "for (int n = 0; n < x; n++) { g(n); } x++; return x;"],
  ["traces and comments", `TDX_ERROR("x"); /* y */ ${LOOP}`],
  ["lines", LOOP.replaceAll(";", ";\n")],
  ["where ++ stands while nobody uses its value", LOOP.replaceAll("i++", "++i").replace("x++", "++x")],
])("%s do not matter", (_, body) => {
  expect(digest(body)).toBe(digest(LOOP));
});

it.each([
  ["another comparison", LOOP.replace("<", "<=")],
  ["another call", LOOP.replace("g(", "h(")],
  ["another order", LOOP.replace("x++; return x;", "return x; x++;")],
])("%s does", (_, body) => {
  expect(digest(body)).not.toBe(digest(LOOP));
});

it("where ++ stands matters to who uses its value", () => {
  expect(digest("return x++;")).not.toBe(digest("return ++x;"));
});

it("a table is what stands in it: not where, nor how it is laid out or commented", () => {
  const table = (body: string) => {
    const source = `const state_flags_t state_flags_lookup[2] = {${body}};\n`;
    const program = new Program([{ path: "a.c", source }], RULES.preprocess);
    return behavioursOf(program, RULES).find((one) => one.function === "state_flags_lookup")?.digest;
  };
  const FLAGS = " [0] = { .tlb_tracking_required = 0 }, [1] = { .tlb_tracking_required = 1 } ";
  expect(table(FLAGS)).toMatch(/^sha256:/);
  expect(table(FLAGS.replaceAll(" ", "\n").replace("0", "/* none */ 0"))).toBe(table(FLAGS));
  expect(table(FLAGS.replace("= 1 }", "= 0 }"))).not.toBe(table(FLAGS));
});
