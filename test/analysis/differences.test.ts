/** What counts as a difference of two modules, one fact of a row at a time, and which fact a contention follows from. */
import { describe, expect, test } from "vitest";
import { diffCatalogs } from "../../src/analysis/index.ts";
import { type Acquisition, type Catalog, type Leaf, releasePlace } from "../../src/catalog/index.ts";
import { leaf, row, smallCatalog, until } from "../catalog/fixture.ts";

const TDR = row("TDR", "SHARED");
const x = (rows: readonly Acquisition[], more: Partial<Leaf> = {}): Leaf => leaf("tdh_x", 1, rows, more);
const moduleOf = (leaves: readonly Leaf[], origin: Catalog["module"]["origin"] = "extracted"): Catalog =>
  smallCatalog({ leaves: [...leaves], module: { ...smallCatalog().module, origin } });
const rowsThatDiffer = (more: Partial<Acquisition>, origin?: Catalog["module"]["origin"]): number =>
  diffCatalogs(moduleOf([x([TDR])], origin), moduleOf([x([{ ...TDR, ...more }])])).changed.length;

describe("a row differs", () => {
  const precise: readonly Partial<Acquisition>[] = [
    { when: "y" },
    { times: "2" },
    { release: { ...releasePlace("td-exit"), evidence: [] } },
    { busyStatus: "0x8000020000000099" },
    { hostPriorityStatus: "0x8000020400000080" },
    { otherStatuses: [{ status: "0x8000020000000099", operand: null }] },
    { promotion: [] },
    { promotedSizes: ["2M"] },
    { busyWhen: "y" },
  ];
  const core: readonly Partial<Acquisition>[] = [{ lock: "mutex" }, { mode: "EXCLUSIVE" }, { side: "guest" }];

  test.each([...core, ...precise].map((more) => [Object.keys(more).join(), more] as const))(
    "of two extractions by %s",
    (_, more) => {
      expect(rowsThatDiffer(more)).toBe(1);
    },
  );

  test("of a published table only by what such a table says", () => {
    for (const more of core) expect(rowsThatDiffer(more, "published")).toBe(1);
    for (const more of precise) expect(rowsThatDiffer(more, "published")).toBe("when" in more ? 1 : 0);
    // What the condition is, it says in words of its own.
    const before = moduleOf([x([{ ...TDR, when: "if it has one" }])], "published");
    expect(diffCatalogs(before, moduleOf([x([{ ...TDR, when: "x != 0" }])])).changed).toEqual([]);
  });
});

describe("the order in which locks are given back", () => {
  const given = (sequence: number | undefined, kind = "leaf-exit"): Partial<Acquisition> => ({
    release: { ...releasePlace(kind), ...(sequence === undefined ? {} : { sequence }), evidence: [] },
  });
  const orders = (before: Partial<Acquisition>[], after: Partial<Acquisition>[]) => {
    const of = (parts: Partial<Acquisition>[]) =>
      moduleOf([x(parts.map((part, i) => ({ ...row(["TDR", "TDCS", "KOT"][i] ?? "TDR", "SHARED"), ...part })))]);
    return diffCatalogs(of(before), of(after)).leafChanges.map(({ before: was, after: is }) => [was, is]);
  };

  test("is compared where both say it, of the locks that both have", () => {
    expect(orders([given(0), given(1)], [given(1), given(0)])).toEqual([
      [
        ["TDR", "TDCS"],
        ["TDCS", "TDR"],
      ],
    ]);
    expect(orders([given(0), given(1)], [given(0), given(1)])).toEqual([]);
    expect(orders([given(0), given(undefined)], [given(1), given(0)])).toEqual([]);
    expect(orders([given(0), given(1)], [given(1), given(undefined)])).toEqual([]);
    expect(orders([given(0), given(1)], [given(0), given(2), given(1)])).toEqual([]);
  });

  test("leaves out what goes with a page, of which no place is known", () => {
    const page = given(undefined, "page-removed");
    expect(orders([given(0), given(1), page], [given(1), given(0), page])).toEqual([
      [
        ["TDR", "TDCS"],
        ["TDCS", "TDR"],
      ],
    ]);
  });
});

describe("a contention that one module has", () => {
  const y = leaf("tdh_y", 2, [row("TDR", "EXCLUSIVE")]);
  const diffOf = (before: readonly Leaf[], after: readonly Leaf[]) => diffCatalogs(moduleOf(before), moduleOf(after));
  const told = (before: readonly Leaf[], after: readonly Leaf[]) =>
    diffOf(before, after).causes.flatMap(({ kind, calls, resource, appeared }) =>
      appeared.map(({ a, b, resource: on }) => `${kind} of ${calls.join()} ${resource}: ${a} ${b} ${on}`),
    );

  test("is the same with another variant where the other module tells none apart, and another where it does", () => {
    const read = x([TDR], { variant: "read" });
    const write = x([TDR], { variant: "write" });
    expect(diffOf([x([TDR]), y], [read, write, y]).contention).toEqual({ appeared: [], disappeared: [] });
    expect(diffOf([read, y], [read, write, y]).contention.appeared.map(({ variantA }) => variantA)).toEqual(["write"]);
  });

  test("follows from a row of one of its calls, on its lock", () => {
    const tdcs = [row("TDCS", "SHARED")];
    expect(told([x(tdcs), y], [x([...tdcs, TDR]), y])).toEqual(["row-added of tdh_x TDR: tdh_x tdh_y TDR"]);
    const z = leaf("tdh_z", 3, [row("KOT", "SHARED")]);
    const other = leaf("tdh_z", 3, [row("KOT", "EXCLUSIVE")]);
    expect(told([x(tdcs), y, z], [x([...tdcs, TDR]), y, other])).toEqual([
      "row-added of tdh_x TDR: tdh_x tdh_y TDR",
      "mode of tdh_z KOT: tdh_z tdh_z KOT",
    ]);
  });

  test("does not follow from another kind of the lock, nor from a row on another", () => {
    const states = { opStates: ["INITIALIZED"] };
    const late = { ...y, opStates: ["RUNNABLE"] };
    const before = [x([TDR], states), late];
    const both = { opStates: ["INITIALIZED", "RUNNABLE"] };
    expect(told(before, [x([{ ...TDR, lock: "sharex" }], both), late])).toEqual([
      "op-states of tdh_x null: tdh_x tdh_y TDR",
    ]);
    expect(told(before, [x([TDR, row("KOT", "SHARED")], both), late])).toEqual([
      "op-states of tdh_x null: tdh_x tdh_y TDR",
    ]);
  });

  test("follows from the order of locks where nothing of its calls accounts for it", () => {
    const first = x([row("KOT", "EXCLUSIVE"), row("WBT", "EXCLUSIVE")]);
    const turned = x([row("WBT", "EXCLUSIVE"), row("KOT", "EXCLUSIVE")]);
    const other = leaf("tdh_y", 2, [row("KOT", "SHARED"), row("WBT", "EXCLUSIVE")]);
    const z = (mode: "SHARED" | "EXCLUSIVE"): Leaf => leaf("tdh_z", 3, [row("TDMR", mode)]);
    expect(told([first, other, z("SHARED")], [turned, other, z("EXCLUSIVE")])).toContain(
      "order of  null: tdh_x tdh_y WBT",
    );
  });

  test("is told with the variant that is new, not with the rows of that variant", () => {
    const read = x([TDR], { variant: "read" });
    const write = x([row("TDR", "SHARED"), row("KOT", "EXCLUSIVE")], { variant: "write" });
    const { causes } = diffOf([read, y], [read, write, y]);
    expect(causes.map(({ kind, after }) => [kind, after])).toEqual([["variant-added", "write"]]);
  });
});

test("of a published table nothing is said of what it does otherwise", () => {
  const leaves = [x([until("leaf-exit", TDR)], { opStates: ["RUNNABLE"] })];
  const behaviour = (origin: Catalog["module"]["origin"]) =>
    diffCatalogs(moduleOf([x([TDR])], origin), { ...moduleOf(leaves), primitives: [] }).behaviour.map(
      ({ kind }) => kind,
    );
  expect(behaviour("published")).toEqual([]);
  expect(behaviour("read")).toEqual(["primitive"]);
  expect(behaviour("extracted")).toEqual(["primitive", "leaf"]);
});
