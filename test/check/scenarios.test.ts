/** Every bundled scenario, at small sizes: the reduced search says what the plain one says. */
import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { verifyReduction } from "../../src/check/index.ts";
import { bundledModel, folder, type Settings } from "./bundled.ts";

/** By scenario: the sizes and choices to try. A bundled scenario that is not listed here fails the first test. */
const SMALL: Readonly<Record<string, readonly Settings[]>> = {
  "dynamic-pamt": [{ adders: "2", removers: "1" }],
  "lock/mutex": [{}],
  "lock/sept-entry": [{}],
  "lock/sharex": [{}],
  "lock/sharex-hp": [{}],
  "page-fault-in": [{ vcpus: "2", pages: "1" }],
  "page-removal": [
    ...["fail-fast", "kick-first", "kick-on-busy"].map((policy) => ({
      vcpus: "1",
      pages: "1",
      "removal.policy": policy,
    })),
    ...["0", "1", "2"].map((retries) => ({
      vcpus: "1",
      pages: "1",
      "removal.policy": "retry-n",
      "removal.retries": retries,
    })),
    { vcpus: "1", pages: "1", "removal.policy": "retry-forever" },
    { vcpus: "2", pages: "1", "removal.policy": "fail-fast" },
    { vcpus: "1", pages: "2", "removal.policy": "kick-on-busy" },
    { vcpus: "1", pages: "1", "removal.policy": "kick-first", "removal.kick.waits": "false" },
  ],
  "page-resize": [{ vcpus: "1", pages: "1", "removal.policy": "kick-first" }],
  "td-build": [{ vcpus: "1" }],
  "td-life": [{ pages: "1" }],
  "td-teardown": [{}],
  "zero-step": [{ pages: "1" }],
};

const bundled = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => file.slice(0, -".yaml".length))
  .sort();

describe("reductions on the bundled scenarios", () => {
  test("all of them are here", () => {
    expect(bundled.filter((name) => SMALL[name] === undefined)).toEqual([]);
  });

  test.each(bundled.flatMap((name) => (SMALL[name] ?? []).map((settings) => [name, settings] as const)))(
    "%s %j",
    (name, settings) => {
      const { differences, plain, reduced } = verifyReduction(
        bundledModel(name, name === "dynamic-pamt" ? "1.5.25" : "1.5.05", settings),
      );
      expect(differences).toEqual([]);
      expect(plain.outcome.kind).not.toBe("inconclusive");
      expect(reduced.states).toBeLessThanOrEqual(plain.states);
      for (const { property, trace, shortest } of reduced.violations) {
        const other = plain.violations.find((violation) => violation.property === property);
        if (shortest) expect(trace.steps.length).toBe(other?.trace.steps.length);
      }
    },
  );
});
