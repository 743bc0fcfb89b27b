import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  bundledDifferences,
  differencesDoc,
  differencesOf,
  EXPLANATIONS,
  OUT,
  readDifferences,
} from "../../scripts/make-host-differences.ts";
import { idealProfile } from "./oracle/compare.ts";
import { loadOracle } from "./oracle/oracle.ts";

const explained = readDifferences(readFileSync(EXPLANATIONS, "utf8"));
/** Until the bundled profiles are extracted there is nothing to compare. */
const made = existsSync(OUT);

test.skipIf(!made)("docs/host-differences.md explains every difference, and is what the profiles give", () => {
  expect(readFileSync(OUT, "utf8")).toBe(differencesDoc(bundledDifferences(explained.paths), explained));
});

test.skipIf(!made)("a difference that nothing explains, and an explanation of nothing, are errors", () => {
  const differences = bundledDifferences(explained.paths);
  const [first] = differences;
  if (first === undefined) throw new Error("no difference");
  expect(() => differencesDoc([...differences, { ...first, path: "elsewhere", call: "tdh_none" }], explained)).toThrow(
    /1 faults\nunexplained: .*tdh_none/,
  );
  expect(() => differencesDoc([], explained)).toThrow("explains nothing: init-vcpu-reads-nothing");
});

test("a profile does not differ from itself, and each field is compared", () => {
  const read = idealProfile(loadOracle("6.19"));
  const paths = read.paths.map((path) => {
    const name = path.name.replaceAll("-", "_");
    return { ...path, name, entries: [name] };
  });
  const profile = { ...read, paths };
  const words = Object.fromEntries(paths.map(({ name }) => [name, [name]]));
  const fields = (change: object): string[] => {
    const other = paths.map((path) => (path.name === "finalize_vm" ? { ...path, ...change } : path));
    return differencesOf("6.19", profile, { ...profile, paths: other }, words).map(({ what }) => what);
  };
  expect(fields({})).toEqual([]);
  expect(fields({ overruns: ["runtime"] })).toEqual(["overruns"]);
  expect(fields({ phases: ["build", "runtime"] })).toEqual(["phases"]);
  expect(fields({ holds: ["kvm->lock"] })).toEqual(["locks"]);
  expect(fields({ steps: [] })).toEqual(["only by hand"]);
  const step = paths.find(({ name }) => name === "finalize_vm")?.steps[0];
  expect(fields({ steps: [{ ...step, onBusy: [{ do: ["leak"] }] }] })).toEqual(["reaction"]);
  expect(fields({ steps: [step, { ...step, call: "tdh_new" }] })).toEqual(["only extracted"]);
});
