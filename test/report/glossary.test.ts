import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { glossaryText } from "../../scripts/make-glossary.ts";
import { makeHistory } from "../../scripts/make-history.ts";
import { bundledModules } from "../../src/cli/modules.ts";
import { conditionNotes, conditionPhrase, conditionsWithoutWords, conditionWords } from "../../src/report/glossary.ts";
import { hostLeaves, kvmLeaves } from "../../src/report/index.ts";
import { leaf, row } from "../catalog/fixture.ts";
import { HOSTS, host, moduleNamed } from "../host/profile.ts";

test("data/glossary.json is made of data/glossary.yaml", () => {
  expect(readFileSync("data/glossary.json", "utf8")).toBe(glossaryText(readFileSync("data/glossary.yaml", "utf8")));
});

test("data/history.json is what the bundled catalogs give", () => {
  expect(readFileSync("data/history.json", "utf8")).toBe(makeHistory());
});

describe("every condition in KVM's scope has words", () => {
  test.each(bundledModules())("of %s", (name) => {
    const catalog = moduleNamed(name);
    const leaves = new Set([...kvmLeaves(catalog), ...HOSTS.flatMap((other) => hostLeaves(catalog, host(other)))]);
    expect(conditionsWithoutWords([...leaves])).toEqual([]);
  });
});

test("a condition without words is told to the check, with its call and resource", () => {
  const odd = leaf("tdh_a", 1, [row("TDR", "SHARED", { when: "some->flag == 7" })]);
  expect(conditionsWithoutWords([odd])).toEqual(["tdh_a TDR: some->flag == 7"]);
  expect(conditionPhrase("tdh_a", odd.acquisitions[0] ?? row("TDR", "SHARED"))).toBeNull();
});

test("a shape fits whatever variable it is about, and nothing else", () => {
  const tree = (when: string) => row("SEPT_TREE", "EXCLUSIVE", { when });
  expect(conditionPhrase("tdh_vp_enter", tree("x->y[3].management.last_epf_gpa_list_idx"))).toBeNull();
  expect(conditionPhrase("tdh_vp_enter", tree("tdvps_p->management.last_epf_gpa_list_idx"))).toBe(
    "while 0-stepping is suspected",
  );
  expect(conditionPhrase("tdh_vp_enter", tree("!tdvps_p->management.last_epf_gpa_list_idx"))).toBeNull();
  expect(conditionPhrase("tdh_mem_track", tree("tdvps_p->management.last_epf_gpa_list_idx"))).toBeNull();
  expect(conditionWords("tdh_vp_enter", row("TDR", "SHARED"))).toBeNull();
});

test("what is said of a condition has the catalog's constants, and is left out without them", () => {
  const suspected = row("SEPT_TREE", "EXCLUSIVE", { when: "tdvps_p->management.last_epf_gpa_list_idx" });
  const constants = { STEPPING_EPF_THRESHOLD: 6, EPF_GPA_LIST_SIZE: 32 };
  expect(conditionNotes({ constants }, "tdh_vp_enter", suspected).join(" ")).toContain("at most 32");
  expect(conditionNotes({ constants: {} }, "tdh_vp_enter", suspected).join(" ")).not.toContain("{");
});
