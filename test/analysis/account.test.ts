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
