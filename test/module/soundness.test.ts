/** What an analysis of all leaves has to see, and what is wrong with a tree whatever was seen of it: one thing at a time. */
import { describe, expect, it } from "vitest";
import { Program } from "../../src/c/index.ts";
import { RULES } from "../../src/module/rules.ts";
import { checkSoundness, expectedOf } from "../../src/module/soundness.ts";

const TAKE = "acquire_sharex_lock_ex(lock);";
const PROMOTE = "promote_sharex_lock_hp(lock);";

/** What is expected of some files whose leaf is `leaf`. */
const expected = (files: Readonly<Record<string, string>>) =>
  expectedOf(
    new Program(
      Object.entries(files).map(([path, source]) => ({ path, source })),
      RULES.preprocess,
    ),
    RULES,
    new Set(["leaf"]),
    new Set(),
  );
const leaf = (body: string): string => `int leaf(void* lock)\n{\n${body}\nreturn 0;\n}\n`;
const sites = (source: string): string[] =>
  expected({ "a.c": source }).sites.map(
    ({ site, primitive, isRun }) => `${site.line} ${primitive} in ${site.function}${isRun ? "" : ", not run"}`,
  );
const findings = (files: Readonly<Record<string, string>>, what: string): string[] =>
  expected(files)
    .findings.filter((one) => one.what === what)
    .map(({ message, site }) => `${site.file}:${site.line} ${message}`);

describe("a call of a primitive", () => {
  it("that acquires or promotes is to be seen, outside the primitives themselves", () => {
    const own = `int promote_sharex_lock_hp(void* lock)\n{\n${TAKE}\nreturn 0;\n}\n`;
    expect(sites(leaf(`${TAKE}\n${PROMOTE}\nrelease_sharex_lock_ex(lock);`) + own)).toEqual([
      "3 acquire_sharex_lock_ex in leaf",
      "4 promote_sharex_lock_hp in leaf",
    ]);
  });

  it("that no leaf comes to is explained, and one that it comes to and was not seen is told", () => {
    const one = expected({ "a.c": `${leaf(TAKE)}int idle(void* lock)\n{\n${TAKE}\nreturn 0;\n}\n` });
    const told = (...visited: string[]) => {
      const { coverage, findings } = checkSoundness(one, new Set(visited));
      return [
        coverage.visited,
        coverage.explained.map(({ site, reason }) => `${site.line} ${reason}`),
        findings.filter(({ what }) => what === "unvisited").map(({ site }) => site.line),
      ];
    };
    expect(told()).toEqual([0, ["8 no leaf calls idle"], [3]]);
    expect(told("a.c:3")).toEqual([1, ["8 no leaf calls idle"], []]);
    expect(told("a.c:3", "a.c:8")).toEqual([2, [], []]);
  });
});

describe("the address of a function that can lock", () => {
  it("is told where it is taken, of a primitive and of what leads to one", () => {
    const takes = (rest: string) => findings({ "a.c": `${leaf(TAKE)}${rest}\n` }, "address-taken").length;
    expect(takes("void* of(void)\n{\nreturn &leaf;\n}")).toBe(1);
    expect(takes("void* of(void)\n{\nreturn &acquire_sharex_lock_ex;\n}")).toBe(1);
    expect(takes("int of(void* lock)\n{\nreturn leaf(lock);\n}")).toBe(0);
  });
});

describe("a call of what is not in the tree", () => {
  const unknown = (body: string, rest = "") => findings({ "a.c": leaf(body) + rest }, "unknown-lock-call");

  it("is told where its name speaks of locks and a leaf comes to it", () => {
    expect(unknown("lock_it(lock);")).toEqual(["a.c:3 lock_it is not defined in the tree; its name speaks of locks"]);
    expect(unknown("paint_it(lock);")).toEqual([]);
    expect(unknown("", "int idle(void* lock)\n{\nreturn lock_it(lock);\n}\n")).toEqual([]);
  });

  it("is told of what another file keeps to itself, whatever its name", () => {
    const other = "static int paint_it(void* lock)\n{\nreturn 0;\n}\n";
    expect(findings({ "a.c": leaf("paint_it(lock);"), "b.c": other }, "unknown-lock-call")).toEqual([
      "a.c:3 leaf calls paint_it, which is static in another file",
    ]);
  });
});

describe("a macro", () => {
  const hidden = (macro: string) => findings({ "a.c": `${macro}\n${leaf(TAKE)}` }, "macro-hides-lock").length;

  it("whose uses are followed is an expression with parameters", () => {
    expect(hidden("#define TAKE_IT(lock) acquire_sharex_lock_ex(lock)")).toBe(0);
    expect(hidden("#define TAKE_IT(lock) do { acquire_sharex_lock_ex(lock); } while (0)")).toBe(1);
    expect(hidden("#define TAKE_IT acquire_sharex_lock_ex")).toBe(1);
    expect(hidden("#define PAINT_IT paint")).toBe(0);
    const real = "#define REAL_TAKE(lock) acquire_sharex_lock_ex(lock)\n";
    expect(hidden(`${real}#define TAKE_IT REAL_TAKE`)).toBe(1);
    expect(hidden(`${real}#define TAKE_IT(lock) REAL_TAKE(lock)`)).toBe(0);
  });
});

describe("two enumerators of one name", () => {
  it("are told where a leaf uses it and they have different values", () => {
    const clash = (one: string, other: string, body: string) =>
      findings({ "a.c": `enum { ${one} };\n${leaf(body)}`, "b.c": `enum { ${other} };\n` }, "two-definitions");
    expect(clash("HERE", "THERE, HERE", "use(HERE);")).toEqual([
      "a.c:1 the enumerator HERE is defined here, and otherwise at b.c:1: which one is meant is not known",
    ]);
    expect(clash("HERE", "THERE, HERE", "")).toEqual([]);
    expect(clash("HERE = 1", "THERE, HERE", "use(HERE);")).toEqual([]);
  });
});

describe("two definitions of one function", () => {
  it("are told where a leaf comes to one of them", () => {
    const it_ = "int helper(void)\n{\nreturn 0;\n}\n";
    const clash = (body: string) => findings({ "a.c": leaf(body) + it_, "b.c": it_ }, "two-definitions").length;
    expect([clash("helper();"), clash("")]).toEqual([1, 0]);
  });
});
