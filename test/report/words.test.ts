/** Words that every report uses. */
import { expect, test } from "vitest";
import { thousands } from "../../src/text.ts";

test.each([
  [0, "0"],
  [999, "999"],
  [1000, "1,000"],
  [-12_924, "-12,924"],
  [1_234_567, "1,234,567"],
  [1234.5678, "1,234.568"],
  [0.123456, "0.123"],
])("%d is shown as %s", (n, shown) => {
  expect([thousands(n), thousands(n)]).toEqual([shown, n.toLocaleString("en")]);
});
