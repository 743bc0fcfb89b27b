import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { preprocess } from "../../src/c/preprocess.ts";
import { RULES } from "../../src/module/rules.ts";

const read = (source: string) => preprocess(source, { macros: new Map(), isDefined: () => false }, RULES.preprocess);

/** A condition as C writes it, and its value by arithmetic in 64 bits that knows nothing of precedence: every operand has parentheses. */
interface Condition {
  readonly text: string;
  readonly value: bigint;
  readonly isUnsigned: boolean;
}

const truth = (v: boolean) => (v ? 1n : 0n);
/** Operators that give truth values, which have a sign. */
const TESTS: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
  "||": (a, b) => a !== 0n || b !== 0n,
  "&&": (a, b) => a !== 0n && b !== 0n,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  ">=": (a, b) => a >= b,
};

function combined(a: Condition, operator: string, b: Condition): Condition {
  const isUnsigned = a.isUnsigned || b.isUnsigned;
  const [x, y] = isUnsigned ? [BigInt.asUintN(64, a.value), BigInt.asUintN(64, b.value)] : [a.value, b.value];
  const text = `(${a.text}) ${operator} (${b.text})`;
  const test = TESTS[operator];
  if (test) return { text, value: truth(test(x, y)), isUnsigned: false };
  const value = operator === "+" ? x + y : x - y;
  return { text, value: isUnsigned ? BigInt.asUintN(64, value) : value, isUnsigned };
}

const signed = (text: string, value: bigint): Condition => ({ text, value, isUnsigned: false });

const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4 },
    fc.nat(99).map((n): Condition => ({ text: `${n}U`, value: BigInt(n), isUnsigned: true })),
    fc.nat(99).map((n) => signed(`0x${n.toString(16)}`, BigInt(n))),
    fc.constant(signed("defined(NOT_DEFINED)", 0n)),
    fc.constant(signed("defined DEFINED", 1n)),
    fc.constant(signed("SEVEN", 7n)),
    tie("condition").map((c) => signed(`!(${c.text})`, truth(c.value === 0n))),
    fc
      .tuple(tie("condition"), fc.constantFrom(...Object.keys(TESTS), "+", "-"), tie("condition"))
      .map(([a, operator, b]) => combined(a, operator, b)),
  ),
}));

describe("preprocessing", () => {
  it("keeps exactly the branch whose condition holds", () => {
    fc.assert(
      fc.property(condition, condition, (first, second) => {
        const source = [
          "#define DEFINED",
          "#define SEVEN 7",
          `#if ${first.text}`,
          "one;",
          `#elif ${second.text}`,
          "two;",
          "#else",
          "three;",
          "#endif",
        ].join("\n");
        const kept = read(source).text.match(/one|two|three/g);
        expect(kept).toEqual([first.value !== 0n ? "one" : second.value !== 0n ? "two" : "three"]);
      }),
    );
  });

  it.each([
    ["1 + 2 * 3 == 7", true],
    ["1 || 0 && 0", true],
    ["2 - 1 - 1", false],
    ["1 << 2 + 1 == 8", true],
    ["4 & 6 == 6", false],
    ["!0 == 1", true],
    ["-1 < 0", true],
    ["NOT_DEFINED", false],
  ])("binds as C does: %s", (text, holds) => {
    expect(read(`#if ${text}\nkept;\n#endif\n`).text.includes("kept")).toBe(holds);
  });

  it("keeps the length and the place of every line, whatever the text", () => {
    const piece = fc.constantFrom(
      ...[
        "/*",
        "*/",
        "//",
        '"',
        "'",
        "\\",
        "\n",
        "\r\n",
        "#if 1",
        "#if 0",
        "#else",
        "#endif",
        "#define A(x) x \\",
        " ",
      ],
      ...["_STATIC_INLINE_", "ALIGN(16)", "PACKED", "IF_RARE (a)", "f(x);", "{", "}", "é", "(", ")"],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const source = pieces.join("");
        const { text } = read(source);
        expect(text.length).toBe(source.length);
        expect(text.split("\n").map((line) => line.length)).toEqual(source.split("\n").map((line) => line.length));
      }),
    );
  });

  it.each([
    ["64 bits", "(1 << 40) & 0x10000000000", true],
    ["64 bits, by name", "HIGH | 0", true],
    ["octal numbers", "010 == 8", true],
    ["numbers without a sign", "-1 > 0u", true],
    ["numbers with one", "-1 > 0", false],
    ["numbers that have none for their size", "0x8000000000000000 > 0", true],
    ["a shift without a sign", "-1U >> 63 == 1", true],
    ["a shift with one", "-1 >> 63 == -1", true],
    ["a choice", "0 ? 1 : 0 ? 2 : 3", true],
    ["a choice that makes its value one without a sign", "(1 ? -1 : 0u) > 0", true],
    ["what is passed over", "0 && 1 / 0 || 1", true],
    ["a macro with parameters", "ATLEAST(5, 15)", true],
    ["a macro with parameters, not met", "ATLEAST(7, 0)", false],
    ["a character", "'a' == 97 && '\\n' == 10 && '\\'' == 39 && '\\x41' == 65 && '\\101' == 'A'", true],
    ["a character with its sign", "'\\377' < 0", true],
    ["macros that are deep", "D6 == 1", true],
  ])("knows %s", (_what, condition, isMet) => {
    const defines =
      "#define HIGH (1ULL << 63)\n#define ATLEAST(a, b) (((a) << 8) + (b) <= (6 << 8))\n" +
      Array.from({ length: 7 }, (_, i) => `#define D${i} ${i === 0 ? "1" : `D${i - 1}`}\n`).join("");
    const { text, unevaluated } = read(`${defines}#if ${condition}\nyes\n#else\nno\n#endif\n`);
    expect([unevaluated, text.trim()]).toEqual([[], isMet ? "yes" : "no"]);
  });

  it("does not see what the file has taken away, though another one defines it", () => {
    const macros = new Map([["N", { name: "N", parameters: null, body: "1", line: 1, until: null }]]);
    const { text } = preprocess("#undef N\n#if N\nyes\n#endif\n", { macros, isDefined: () => true }, RULES.preprocess);
    expect(text.trim()).toBe("");
  });

  it.each([
    ["a division by nothing", "1 / 0"],
    ["a shift by more than there is", "1 << 64"],
    ["more than 64 bits hold", "0x7fffffffffffffff + 1"],
    ["a number that no type has", "0x10000000000000000"],
    ["a fraction", "1.5"],
    ["more than one character", "'ab'"],
    ["a comma", "1, 2"],
    ["what asks for a definition from inside a macro", "HAS"],
    ["what calls no macro", "f(1)"],
    ["no end", "(1"],
    ["no operand", "1 +"],
    ["a choice without its other side", "1 ? 2"],
    ["nothing", ""],
    ["more signs than anybody writes", "!".repeat(9000).concat("1")],
    ["more parentheses than anybody writes", "(".repeat(4000).concat("1", ")".repeat(4000))],
  ])("does not evaluate %s", (_what, condition) => {
    const { text, unevaluated } = read(`#define HAS defined(X)\n#if ${condition}\nyes\n#else\nno\n#endif\n`);
    expect([unevaluated.map(({ line }) => line), text.trim()]).toEqual([[2], "no"]);
  });

  it("spends no more on all conditions of a file than anybody writes", () => {
    const doubling = Array.from({ length: 14 }, (_, i) => `#define B${i + 1} B${i} + B${i}\n`).join("");
    const { unevaluated } = read(`#define B0 1\n${doubling}${"#if B14\nx\n#endif\n".repeat(20)}`);
    expect(unevaluated.length).toBeGreaterThan(0);
    expect(unevaluated.length).toBeLessThan(20);
  });

  it("says which conditions it could not evaluate, and takes their branch as inactive", () => {
    const { text, unevaluated } = read("a;\n#if sizeof(x) == 4\nb;\n#else\nc;\n#endif\n");
    expect(text).not.toContain("b;");
    expect(text).toContain("c;");
    expect(unevaluated.map((u) => u.line)).toEqual([2]);
  });
});
