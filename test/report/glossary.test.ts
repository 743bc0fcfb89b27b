import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { conditionPattern } from "../../scripts/condition-patterns.ts";
import { glossaryText } from "../../scripts/make-glossary.ts";
import { makeDigests, makeHistory } from "../../scripts/make-history.ts";
import type { Catalog, Condition, Term } from "../../src/catalog/index.ts";
import { bundledModules } from "../../src/cli/modules.ts";
import { fits } from "../../src/report/condition-pattern.ts";
import {
  conditionNotes,
  conditionPhrase,
  conditionsWithoutWords,
  conditionWords,
  WITHOUT_WORDS,
} from "../../src/report/glossary.ts";
import { leaf, row } from "../catalog/fixture.ts";
import { moduleNamed } from "../host/profile.ts";

test("data/glossary.json is made of data/glossary.yaml", () => {
  expect(readFileSync("data/glossary.json", "utf8")).toBe(glossaryText(readFileSync("data/glossary.yaml", "utf8")));
});

test("data/history.json is what the bundled catalogs give", () => {
  expect(readFileSync("data/history.json", "utf8")).toBe(makeHistory());
  expect(readFileSync("data/bundled-digests.json", "utf8")).toBe(makeDigests());
});

describe("every condition has words, of calls out of KVM's scope too", () => {
  test.each(bundledModules())("of %s", (name) => {
    expect(conditionsWithoutWords(moduleNamed(name).leaves)).toEqual([]);
  });
});

const member = (...path: string[]): Term => ({ kind: "memory", path: ["*", ...path], text: `x->${path.join(".")}` });
const suspicion = { is: "set", left: member("management", "last_epf_gpa_list_idx") } as const;
const tree = (condition: Condition) => row("SEPT_TREE", "EXCLUSIVE", { when: "words for people", condition });

test("a condition without words is told to the check, with its call and resource", () => {
  const [left, right] = [member("flag"), { kind: "constant", name: null, value: "7" } as const];
  const odd = leaf("tdh_a", 1, [
    row("TDR", "SHARED", { when: "some->flag == 7", condition: { is: "==", left, right } }),
  ]);
  expect(conditionsWithoutWords([odd])).toEqual(["tdh_a TDR: some->flag == 7"]);
  expect(conditionPhrase("tdh_a", odd.acquisitions[0] ?? row("TDR", "SHARED"))).toBeNull();
});

test("words go by what a condition tests, of which call, and not by its text", () => {
  expect(conditionPhrase("tdh_vp_enter", tree(suspicion))).toBe("while 0-stepping is suspected");
  expect(conditionPhrase("tdh_vp_enter", tree({ is: "clear", left: suspicion.left }))).toBeNull();
  expect(conditionPhrase("tdh_vp_enter", tree({ is: "set", left: member("last_epf_gpa_list_idx") }))).toBeNull();
  expect(conditionPhrase("tdh_vp_enter", tree({ is: "all", of: [suspicion, suspicion] }))).toBeNull();
  expect(conditionPhrase("tdh_mem_track", tree(suspicion))).toBeNull();
  expect(conditionPhrase("tdh_vp_enter", tree({ is: "stated", text: "0-stepping suspected" }))).toBe(
    "while 0-stepping is suspected",
  );
  expect(conditionPhrase("tdh_vp_enter", tree({ is: "stated", text: "it rains" }))).toBe("if it rains");
  expect(conditionWords("tdh_vp_enter", row("TDR", "SHARED"))).toBeNull();
  expect(conditionWords("tdh_vp_enter", row("TDR", "SHARED", { when: "unread" }))).toBe(WITHOUT_WORDS);
});

describe("a pattern", () => {
  const zero: Term = { kind: "constant", name: "PT_NDA", value: "0" };
  const call: Term = { kind: "call", function: "is_free", arguments: [member("entry")], text: "is_free(x->entry)" };
  const isNda: Condition = { is: "==", left: member("pt"), right: zero };
  const isFree: Condition = { is: "set", left: call };
  const all: Condition = { is: "all", of: [isFree, isNda] };
  test.each<[pattern: string, condition: Condition, fitting: boolean]>([
    ["_.pt == PT_NDA", isNda, true],
    ["_.pt == 0", isNda, true],
    ["_ == _", isNda, true],
    ["_.pt != PT_NDA", isNda, false],
    ["_.pt == PT_REG", isNda, false],
    ["_.other == PT_NDA", isNda, false],
    ["_.x.pt == PT_NDA", isNda, false],
    ["is_free()", isFree, true],
    ["is_free(_.entry)", isFree, true],
    ["is_free(_.other)", isFree, false],
    ["is_free(_.entry, _)", isFree, false],
    ["!is_free()", isFree, false],
    ["is_locked()", isFree, false],
    ["_", all, true],
    ["_.pt == PT_NDA && is_free()", all, true],
    ["_ && is_free()", all, true],
    ["_.pt == PT_NDA || is_free()", all, false],
    ["is_free() && is_free()", all, false],
    ["is_free()", all, false],
    ["is_free() && _.pt == PT_NDA && _", all, false],
    ["EARLIER_CHECKS_PASS", { is: "earlier-checks-pass" }, true],
    ["EARLIER_CHECKS_PASS", { is: "unlisted" }, false],
  ])("%s", (pattern, condition, fitting) => {
    expect(fits(conditionPattern(pattern), condition)).toBe(fitting);
  });

  test.each(["a.b == 1", "x + 1", "f(", "a ? b : c"])("%s is none", (text) => {
    expect(() => conditionPattern(text)).toThrow(text);
  });
});

test("what is said of a condition has the catalog's constants, and is left out without them", () => {
  const suspected = tree(suspicion);
  const { behaviours } = moduleNamed("1.5.25");
  const constants = { STEPPING_EPF_THRESHOLD: 6, EPF_GPA_LIST_SIZE: 32 };
  expect(conditionNotes({ constants, behaviours }, "tdh_vp_enter", suspected).join(" ")).toContain("at most 32");
  const without = conditionNotes({ constants: {}, behaviours }, "tdh_vp_enter", suspected);
  expect(without.join(" ")).not.toContain("{");
  // What the other sentences speak of is said in any case.
  expect(without[0]).toBe("Suspected: last_epf_gpa_list is not empty.");
});

describe("what is said of a condition and restates functions", () => {
  const suspected = tree(suspicion);
  const notes = (
    version: string,
    change: (one: Catalog["behaviours"][number]) => typeof one = (one) => one,
  ): string => {
    const { constants, behaviours } = moduleNamed(version);
    return conditionNotes({ constants, behaviours: behaviours.map(change) }, "tdh_vp_enter", suspected).join(" ");
  };

  test("is what the module's variants do: 1.0 counts faults on shared pages, too", () => {
    expect(notes("1.5.25")).toContain("EPT violations on private GPAs that cause a TD exit");
    expect(notes("1.0.03")).toContain("EPT violations that cause a TD exit");
    expect(notes("1.0.03")).toContain("each further one on a private GPA records it (at most 32)");
    for (const version of ["1.0.03", "1.5.25"]) expect(notes(version)).toContain("Any VM exit at another RIP empties");
  });

  test("is not said where nobody has read the function, which is named", () => {
    const unread = (name: string): string =>
      notes("1.5.25", (one) => (one.name === name ? { ...one, variant: null } : one));
    const log = unread("fault-log");
    expect(log).not.toContain("only count");
    expect(log).toContain("Any VM exit at another RIP");
    expect(log).toContain(
      "Nobody has read what this tree's td_exit_epf_stepping_log (src/td_transitions/td_exit_stepping.c:400) does.",
    );
    expect(unread("exit-filter")).not.toContain("Any VM exit");
    expect(unread("stepping-filter")).not.toContain("Under the lock");
  });

  test("is not said of a table without source", () => {
    const { constants } = moduleNamed("1.5.25");
    const said = conditionNotes({ constants, behaviours: [] }, "tdh_vp_enter", suspected);
    expect(said).toEqual(["Suspected: last_epf_gpa_list is not empty."]);
  });
});

test("whether a host comes there is said of the hosts of which it is known", () => {
  const [enter] = moduleNamed("1.5.05").leaves.filter(({ name }) => name === "tdh_vp_enter");
  const l2 = enter?.acquisitions.find(({ resource, mode }) => resource === "SEPT_TREE" && mode === "NO_LOCK");
  const notes = (name: string | null): readonly string[] =>
    l2 === undefined ? ["no such row"] : conditionNotes({ constants: {}, behaviours: [] }, "tdh_vp_enter", l2, name);
  expect(notes("linux-6.16")).toEqual(["None in KVM's TDs."]);
  expect(notes("hyper-x")).toEqual([]);
  expect(notes(null)).toEqual([]);
});
