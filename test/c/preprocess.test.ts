import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { preprocess } from "../../src/c/preprocess.ts";
import { RULES } from "../../src/module/rules.ts";

const read = (source: string) => preprocess(source, { macros: new Map(), isDefined: () => false }, RULES.preprocess);

/** A condition as C writes it, and its value by BigInt arithmetic that knows nothing of precedence: every operand has parentheses. */
interface Condition {
  readonly text: string;
  readonly value: bigint;
}

const truth = (v: boolean) => (v ? 1n : 0n);
const OPERATORS: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  "||": (a, b) => truth(a !== 0n || b !== 0n),
  "&&": (a, b) => truth(a !== 0n && b !== 0n),
  "==": (a, b) => truth(a === b),
  "!=": (a, b) => truth(a !== b),
  "<": (a, b) => truth(a < b),
  ">=": (a, b) => truth(a >= b),
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => (a * b) % 1000n,
};

const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4 },
    fc.nat(99).map((n): Condition => ({ text: `${n}U`, value: BigInt(n) })),
    fc.nat(99).map((n): Condition => ({ text: `0x${n.toString(16)}`, value: BigInt(n) })),
    fc.constant<Condition>({ text: "defined(NOT_DEFINED)", value: 0n }),
    fc.constant<Condition>({ text: "defined DEFINED", value: 1n }),
    fc.constant<Condition>({ text: "SEVEN", value: 7n }),
    tie("condition").map((c): Condition => ({ text: `!(${c.text})`, value: truth(c.value === 0n) })),
    fc
      .tuple(tie("condition"), fc.constantFrom(...Object.keys(OPERATORS).filter((o) => o !== "*")), tie("condition"))
      .map(
        ([a, operator, b]): Condition => ({
          text: `(${a.text}) ${operator} (${b.text})`,
          value: (OPERATORS[operator] as (a: bigint, b: bigint) => bigint)(a.value, b.value),
        }),
      ),
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

  it("says which conditions it could not evaluate, and takes their branch as inactive", () => {
    const { text, unevaluated } = read("a;\n#if sizeof(x) == 4\nb;\n#else\nc;\n#endif\n");
    expect(text).not.toContain("b;");
    expect(text).toContain("c;");
    expect(unevaluated.map((u) => u.line)).toEqual([2]);
  });
});
