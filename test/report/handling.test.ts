import { describe, expect, it } from "vitest";
import { type Handling, verdictText } from "../../src/report/index.ts";

type Decided = Handling["verdicts"][number];

const violated = (...violations: Decided["violations"]): Decided => ({
  module: "1.5.25",
  vcpus: 2,
  pages: 2,
  retries: null,
  outcome: "violated",
  violations,
  states: 1000,
  whole: true,
  reproduce: "seamlock check page-removal",
});

describe("how long it takes until somebody does not get through", () => {
  it("is the length of a run that ends", () => {
    expect(verdictText([violated({ property: "a removal never fails", steps: 11, shortest: true })])).toBe(
      "no, in 11 steps",
    );
  });

  it("is the way to the loop of a run that goes round for ever, once round not counted", () => {
    const round = { property: "a removal that has begun ends", steps: 26, loop: 6, shortest: true };
    expect(verdictText([violated(round)])).toBe("no, in 6 steps");
  });
});
