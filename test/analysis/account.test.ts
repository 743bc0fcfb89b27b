import { describe, expect, test } from "vitest";
import { publishedDoc, readExplanations } from "../../scripts/make-published-doc.ts";
import {
  accountFor,
  contendingPairs,
  contentionCauses,
  diffCatalogs,
  type Explanation,
} from "../../src/analysis/index.ts";
import { row, smallCatalog } from "../catalog/fixture.ts";

const table = smallCatalog({ leaves: smallCatalog().leaves.filter((l) => l.name !== "tdh_servtd_bind") });
const published = { ...table, module: { ...table.module, version: "table", origin: "published" as const } };
const extracted = smallCatalog({
  leaves: smallCatalog().leaves.map((l) =>
    l.name === "tdh_mem_track" ? { ...l, acquisitions: [...l.acquisitions, row("KOT", "SHARED")] } : l,
  ),
});
const diff = diffCatalogs(published, extracted);

const explanation = (id: string, covers: Explanation["covers"]): Explanation => ({
  id,
  kind: "scope",
  covers,
  text: `Because of ${id}.`,
  published: [{ line: 12, text: "a line" }],
});
const ENOUGH = [
  explanation("new-call", { difference: "leaf-added", leaves: ["*"] }),
  explanation("new-row", { difference: "row-added", leaves: ["tdh_mem_track"], resources: ["KOT"] }),
];

describe("accountFor", () => {
  test("matches calls and rows", () => {
    const account = accountFor(diff, ENOUGH);
    expect(account.unexplained).toEqual([]);
    expect(account.unused).toEqual([]);
    expect(account.leavesAdded.map((a) => [a.difference, a.by.id])).toEqual([["tdh_servtd_bind", "new-call"]]);
    expect(account.rows.map((a) => [a.difference.leaf, a.by.id])).toEqual([["tdh_mem_track", "new-row"]]);
  });

  test("tells what is unexplained, and what explains nothing", () => {
    const idle = explanation("idle", { difference: "row-removed", leaves: ["*"], resources: ["*"] });
    const prose = explanation("prose", { difference: "prose", leaves: ["*"] });
    const account = accountFor(diff, [...ENOUGH.slice(0, 1), idle, prose]);
    expect(account.unexplained).toEqual(["tdh_mem_track KOT: published no row, extracted SHARED sharex"]);
    expect(account.unused).toEqual([idle]);
  });

  test("covers only what it names: the kind of difference, the call, the resource, and the role where it has one", () => {
    const change = (leaf: string, resource: string, role: string | null) => ({
      ...diff.changed[0],
      leaf,
      resource,
      role,
    });
    const changed = [
      change("x", "TDR", null),
      change("x", "TDR", "target"),
      change("y", "KOT", null),
    ] as typeof diff.changed;
    const of = (covers: Partial<Explanation["covers"]>) => {
      const one = explanation("one", { difference: "row-added", leaves: ["*"], resources: ["*"], ...covers });
      const leaves = { added: ["x", "y"], removed: ["z"] };
      const account = accountFor({ ...diff, leaves, changed }, [one]);
      return [
        account.rows.map((a) => `${a.difference.leaf} ${a.difference.resource} ${a.difference.role}`),
        account.leavesAdded.map((a) => a.difference),
        account.leavesRemoved.map((a) => a.difference),
      ];
    };
    expect(of({})).toEqual([["x TDR null", "x TDR target", "y KOT null"], [], []]);
    expect(of({ leaves: ["y"] })).toEqual([["y KOT null"], [], []]);
    expect(of({ resources: ["TDR"] })).toEqual([["x TDR null", "x TDR target"], [], []]);
    expect(of({ roles: ["target"] })).toEqual([["x TDR target"], [], []]);
    expect(of({ roles: ["service"] })).toEqual([[], [], []]);
    expect(of({ difference: "row-changed" })).toEqual([[], [], []]);
    expect(of({ difference: "leaf-added" })).toEqual([[], ["x", "y"], []]);
    expect(of({ difference: "leaf-added", leaves: ["y"] })).toEqual([[], ["y"], []]);
    expect(of({ difference: "leaf-removed" })).toEqual([[], [], ["z"]]);
    // An explanation of rows that names no resource is of none.
    const { resources: _, ...bare } = explanation("bare", {
      difference: "row-added",
      leaves: ["*"],
      resources: ["*"],
    }).covers;
    expect(accountFor({ ...diff, changed }, [explanation("bare", bare)]).rows).toEqual([]);
  });

  test("a contention follows from a call, from what excludes it, from a row of either call, or from nothing that is known", () => {
    const pair = (a: string, b: string, more = {}) =>
      ({
        a,
        b,
        resourceA: "TDR",
        resourceB: "TDR",
        roleA: null,
        roleB: null,
        possible: true,
        excludedBy: [],
        ...more,
      }) as never;
    const cause = (one: never, after: readonly never[], rows: readonly string[] = [], added: readonly string[] = []) =>
      contentionCauses(
        {
          ...diff,
          leaves: { added: [...added], removed: [] },
          changed: rows.map((leaf) => ({ ...diff.changed[0], leaf })) as typeof diff.changed,
          contention: { appeared: [one], disappeared: [] },
        },
        after,
      )[0]?.cause;
    const excluded = (kind: string) => pair("x", "y", { possible: false, excludedBy: [{ kind, what: "x" }] });
    expect(cause(pair("x", "y"), [])).toBeNull();
    expect(cause(pair("x", "y"), [], ["x"])).toBe("row");
    expect(cause(pair("x", "y"), [], ["y"])).toBe("row");
    expect(cause(pair("x", "y"), [], ["z"])).toBeNull();
    expect(cause(pair("x", "y"), [], ["x"], ["x"])).toBe("call");
    expect(cause(pair("x", "y"), [], ["x"], ["y"])).toBe("call");
    expect(cause(pair("x", "y"), [excluded("op-state")], ["x"])).toBe("op-state");
    expect(cause(pair("x", "y"), [excluded("earlier-lock")])).toBe("earlier-lock");
    expect(cause(pair("x", "y"), [excluded("life-cycle")], ["x"])).toBe("row");
    // What the extraction leaves possible excludes nothing.
    const open = pair("x", "y", { excludedBy: [{ kind: "op-state", what: "x" }] });
    expect(cause(pair("x", "y"), [open])).toBeNull();
  });

  test("every contention has a cause", () => {
    const causes = contentionCauses(diff, contendingPairs(extracted));
    expect(causes.length).toBeGreaterThan(0);
    expect(new Set(causes.map((c) => c.cause))).toEqual(new Set(["call"]));
  });

  test("states that only the extraction knows are a cause", () => {
    const stateless = {
      ...published,
      leaves: published.leaves.map((l) => ({ ...l, opStates: null, septStates: null })),
    };
    const causes = contentionCauses(diffCatalogs(stateless, extracted), contendingPairs(extracted)).map((c) => c.cause);
    expect(causes).toContain("op-state");
    expect(causes).toContain("sept-state");
    expect(causes).not.toContain(null);
  });
});

describe("the document", () => {
  test("has every difference once, and fails when one is left over", () => {
    const doc = publishedDoc(published, extracted, ENOUGH);
    expect(doc).toContain("| `tdh_mem_track` | KOT | - | SHARED |");
    expect(doc).toContain("- `tdh_servtd_bind` (`src/tdh_servtd_bind.c:40`)");
    expect(doc).toContain("- mail, line 12: `a line`");
    expect(() => publishedDoc(published, extracted, ENOUGH.slice(1))).toThrow(
      /1 faults?\nunexplained: call only in the extraction/,
    );
  });

  test("explanations are checked", () => {
    expect(() => readExplanations("- id: x")).toThrow();
    const one = "{id: a, kind: scope, covers: {difference: prose, leaves: ['*']}, text: t, published: []}";
    expect(readExplanations(`[${one}]`)).toHaveLength(1);
    expect(() => readExplanations(`[${one}, ${one}]`)).toThrow("two explanations have the id a");
  });
});
