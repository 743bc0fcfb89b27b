import { describe, expect, it } from "vitest";
import { errorText } from "../../src/cli/error-text.ts";
import { internalError } from "../../src/cli/program.ts";
import { SeamlockError } from "../../src/errors.ts";

describe("error text", () => {
  it("is code and message, place, help", () => {
    const error = new SeamlockError("SL9999", "what is wrong", {
      place: { file: "a.c", line: 3, column: 7 },
      hint: "what to try",
    });
    expect(errorText(error, false)).toBe("error[SL9999]: what is wrong\n  --> a.c:3:7\nhelp: what to try\n");
  });

  it("leaves out what is not known", () => {
    expect(errorText(new SeamlockError("SL9999", "wrong", { place: { file: "a.c" } }), false)).toBe(
      "error[SL9999]: wrong\n  --> a.c\n",
    );
  });

  it("calls a defect a bug and shows its stack on request only", () => {
    const defect = new TypeError("x is undefined");
    const plain = errorText(internalError(defect, {}), false);
    expect(plain).toMatch(/^error\[SL0001\]: this is a bug in seamlock: x is undefined\nhelp: .*DEBUG=1.*\n$/);
    expect(errorText(internalError(defect, { DEBUG: "1" }), false)).toMatch(/\n +at /);
  });
});
