import { describe, expect, it } from "vitest";
import { bundledKernelRules, extractHost, parseKernelRules } from "../../src/kernel/index.ts";

describe("kernel rules", () => {
  it("are bundled", () => {
    expect(bundledKernelRules().name).toBe("linux-kvm");
  });

  it("are refused with a place when a field is unknown", () => {
    const text = "schema: seamlock/kernel-rules@1\nname: x\nscopes: {}\n";
    expect(() => parseKernelRules(text, "r.yaml")).toThrowError(/unknown field `scopes`/);
  });
});

describe("a tree", () => {
  it("that is none is refused", () => {
    expect(() => extractHost("test/nowhere")).toThrowError(/no folder/);
  });
});
