import { expect, it } from "vitest";
import { outcomesText } from "../../src/report/index.ts";

it("says of refused calls how their tries ended, and of none that it got through that did not", () => {
  const none = { done: 0, other: 0, "given-up": 0, open: 0 };
  expect(outcomesText({ ...none, done: 4 })).toBe("4 got through");
  expect(outcomesText({ ...none, open: 2 })).toBe("0 got through and 2 were open when the recording ended");
  expect(outcomesText({ done: 1200, other: 3, "given-up": 1, open: 1 })).toBe(
    "1,200 got through, 1 was given up, 3 ended in another error and 1 was open when the recording ended",
  );
});
