/** What is expected of the small kernel fits its source: every named place is there, is spoken of, and calls what is said. */
import { describe, expect, test } from "vitest";
import { loadSmallKernel, sitesOf } from "./small/small.ts";

const small = loadSmallKernel();
const sites = sitesOf();

describe("the small kernel", () => {
  test("has every place that is spoken of, and speaks of every place", () => {
    const spoken = new Set([...small.rows, ...small.absent, ...small.diagnostics].map(({ site }) => site));
    expect([...spoken].filter((site) => !sites.has(site))).toEqual([]);
    expect([...sites.keys()].filter((site) => !spoken.has(site))).toEqual([]);
  });

  test("calls at each place what is said of it", () => {
    for (const { site, call } of small.rows) {
      expect(sites.get(site)?.text, site).toMatch(new RegExp(`\\b(${call}|${call.toUpperCase()})\\b`));
    }
  });

  test("expects no row twice, and none that is absent", () => {
    const keys = small.rows.map(({ site, entry, holds }) => `${site} ${entry} ${[...holds].sort().join(", ")}`);
    expect(keys).toEqual([...new Set(keys)]);
    for (const { site, entry, holds } of small.absent) {
      const rows = small.rows.filter(
        (row) =>
          row.site === site &&
          (entry === undefined || row.entry === entry) &&
          (holds === undefined || String(row.holds) === String(holds)),
      );
      expect(rows, site).toEqual([]);
    }
  });
});
