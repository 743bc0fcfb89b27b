/** In which order a call gives its locks back, as a catalog tells it. */
import { describe, expect, it, test } from "vitest";
import { type CallEnd, type Leaf, releaseOrders, releasePlace } from "../../src/catalog/index.ts";
import { readBundled } from "../../src/cli/modules.ts";
import { row } from "./fixture.ts";

const rows = ["TDR", "TDCS", "SEPT_TREE", "PAGE"].map((resource, order) =>
  row(resource, "EXCLUSIVE", { order, release: { ...releasePlace("leaf-exit"), evidence: [] } }),
);
const turns = (...sequences: readonly (number | undefined)[]) =>
  rows.map((one, i) => {
    const sequence = sequences[i];
    return sequence === undefined || one.release === null ? one : { ...one, release: { ...one.release, sequence } };
  });
const WELL: CallEnd = { end: "success" };
const inOrder = (held: typeof rows, end: CallEnd, told?: Leaf["releaseOrders"]): string[] =>
  releaseOrders({ releaseOrders: told }, held, end).map((order) => order.join(" "));

describe("what is told by the rows", () => {
  test.each<[name: string, sequences: readonly (number | undefined)[], order: string]>([
    ["nothing: the last one goes first", [], "3 2 1 0"],
    ["turns of all", [1, 0, 3, 2], "1 0 3 2"],
    ["no turn: it waits for those that were taken later", [1, 0, undefined, 2], "1 0 3 2"],
    ["no turn of the last one: it goes first", [1, 0, 2, undefined], "3 1 0 2"],
  ])("%s", (_name, sequences, order) => {
    expect(inOrder(turns(...sequences), WELL)).toEqual([order]);
  });
});

describe("orders of their own", () => {
  const told: Leaf["releaseOrders"] = [
    { end: "other", locks: [0, 1, 2, 3] },
    { end: "other", locks: [1, 2, 0] },
    { end: "busy", refused: 3, locks: [0, 2, 1] },
    { end: "success", locks: [3, 0] },
    { end: "success", locks: [0, 3] },
  ];
  const refused = (order: number): CallEnd => ({ end: "busy", refused: { order } });

  it("are of the calls that end so, and of the lock that is refused", () => {
    expect(inOrder(rows, { end: "other" }, told)).toEqual(["0 1 2 3"]);
    expect(inOrder(rows.slice(0, 3), refused(3), told)).toEqual(["0 2 1"]);
    expect(inOrder(rows.slice(0, 3), refused(2), told)).toEqual(["2 1 0"]);
    expect(inOrder(rows.slice(0, 3), WELL, told)).toEqual(["2 1 0"]);
  });

  it("are those of the fewest locks that have all that is held", () => {
    expect(inOrder(rows.slice(0, 3), { end: "other" }, told)).toEqual(["1 2 0"]);
    expect(inOrder(rows.slice(0, 2), { end: "other" }, told)).toEqual(["1 0"]);
    expect(inOrder(rows.slice(2), { end: "other" }, told)).toEqual(["0 1"]);
  });

  it("are several, each once", () => {
    const [tdr, , , page] = rows as [(typeof rows)[0], unknown, unknown, (typeof rows)[0]];
    expect(inOrder([tdr, page], WELL, told)).toEqual(["1 0", "0 1"]);
    expect(inOrder([tdr], WELL, told)).toEqual(["0"]);
  });

  it("are those of every call that may hold what the caller leaves out", () => {
    const without = (positions: readonly number[], end: CallEnd, of: Leaf["releaseOrders"]): string[] => {
      const held = rows.filter((_, i) => !positions.includes(i));
      const leftOut = positions.flatMap((i) => rows[i] ?? []);
      return releaseOrders({ releaseOrders: of }, held, end, leftOut).map((order) =>
        order.map((i) => held[i]?.order).join(" "),
      );
    };
    // One that holds the page has the order of the first entry, one that does not that of the second.
    expect(without([3], { end: "other" }, told)).toEqual(["0 1 2", "1 2 0"]);
    expect(without([2, 3], { end: "other" }, told)).toEqual(["0 1", "1 0"]);
    // Of two entries of several locks those that may be held count, and no others.
    expect(inOrder(rows.slice(0, 3), { end: "other" }, told)).toEqual(["1 2 0"]);
    expect(without([1], WELL, [{ end: "success", locks: [3, 2, 1, 0] }])).toEqual(["3 2 0"]);
    // A call that holds no more is told by the smaller entry: the larger one is none of these calls'.
    const larger: Leaf["releaseOrders"] = [
      { end: "other", locks: [0, 1, 2, 3] },
      { end: "other", locks: [2, 1, 0] },
    ];
    expect(without([1], { end: "other" }, larger)).toEqual(["0 2 3"]);
    expect(without([1, 3], { end: "other" }, larger)).toEqual(["0 2", "2 0"]);
    expect(inOrder(rows.slice(0, 3), { end: "other" }, larger)).toEqual(["2 1 0"]);
    // What no entry has is in the usual order.
    expect(without([3], { end: "busy", refused: { order: 2 } }, told)).toEqual(["2 1 0"]);
  });

  it("are found by a row's order, whatever a caller has made of the row", () => {
    const copies = rows.map((one) => ({ ...one, resource: "PAGE", object: "a page that is named" }));
    expect(inOrder(copies, { end: "other" }, told)).toEqual(["0 1 2 3"]);
  });
});

/** Read by hand, from the module's source alone. Ancestors of pages are left out: who walks to a page gives them back with it. */
describe("the bundled modules", () => {
  const PAMT = new Set(["PAMT_1G", "PAMT_2M"]);
  const orders = (version: string, name: string, end: CallEnd["end"]): string[] => {
    const { leaves } = readBundled(version);
    const found = leaves.filter((leaf) => leaf.name === name && (leaf.variant ?? "version=0") === "version=0");
    return found.flatMap(({ acquisitions, releaseOrders: told = [] }) => {
      const rowOf = (order: number) => acquisitions.find((one) => one.order === order);
      const own = told.filter((one) => one.end === end).map(({ locks }) => locks.flatMap((lock) => rowOf(lock) ?? []));
      const named = own.map((held) => held.map(({ resource }) => resource).filter((resource) => !PAMT.has(resource)));
      return named.map((held) => held.join(" "));
    });
  };

  test.each<[name: string, of: Readonly<Record<string, readonly string[]>>]>([
    // 1.5.05 tdh_mem_page_remove.c:232 and 237; 1.5.25: 247 and 257.
    ["tdh_mem_page_remove", { both: ["PAGE SEPT_ENTRY SEPT_TREE TDCS TDR"] }],
    // 1.5.05 tdh_mem_page_aug.c:195 after what helpers.c:176, 183 and 449 give back.
    ["tdh_mem_page_aug", { both: ["PAGE SEPT_ENTRY SEPT_TREE TDCS TDR"] }],
    // 1.5.05 tdh_export_mem.c:836 and 841, from 740; 1.5.25 tells that error of an entry of the list.
    ["tdh_export_mem", { "1.5.05": ["MIGSC SEPT_ENTRY SEPT_TREE MIG TDCS TDR"], "1.5.25": [] }],
    // 1.5.05 tdh_mem_page_promote.c:497, 509, 520; 1.5.25 locks no entries below.
    ["tdh_mem_page_promote", { "1.5.05": ["SEPT_ENTRY PAGE PAGE SEPT_ENTRY SEPT_TREE TDCS TDR"], "1.5.25": [] }],
    // 1.5.05 helpers.c:577 before tdh_mem_rd_wr.c:195; one that fails at 162 gives all back as one that succeeds, at 195, 201, 206 and 215.
    // 1.5.25 gives the TDR back last on all ways.
    ["tdh_mem_rd", { "1.5.05": ["TDR SEPT_ENTRY SEPT_TREE TDCS", "TDR TDCS", "TDCS TDR"], "1.5.25": [] }],
    ["tdh_mng_addcx", { "1.5.05": ["TDR PAGE", "PAGE TDR", "TDR"], "1.5.25": [] }],
  ])("%s ends otherwise than well", (name, of) => {
    for (const version of ["1.5.05", "1.5.25"]) {
      const told = [...new Set(orders(version, name, "other"))];
      expect([version, ...told.sort()]).toEqual([version, ...[...(of["both"] ?? of[version] ?? [])].sort()]);
    }
  });

  // 1.5.05 tdh_vp_enter.c:941, 955, 962, 968 where it does not enter; 811 and 910 where it does, or fails after that (td_exit.c:509). Without the
  // tree, the TD epoch is what it takes last: it is given back at 726, in adjust_tlb_tracking_state.
  test.each(["1.5.05", "1.5.25"])("tdh_vp_enter of %s keeps the tree longest only where it enters", (version) => {
    const told = ["SEPT_TREE TDCS TDR TDVPR", "TDCS SEPT_TREE TDR TDVPR", "TDCS_EPOCH TDCS TDR TDVPR"];
    expect(orders(version, "tdh_vp_enter", "other").sort()).toEqual(told);
  });

  // A walk that is refused gives back what it has taken (1.5.05 pamt_manager.c:267, 270), then the leaf: all but the page are ancestors here.
  test.each([
    ["tdh_mem_page_aug", "SEPT_ENTRY SEPT_TREE TDCS TDR"],
    ["tdh_mem_sept_add", "SEPT_ENTRY SEPT_TREE TDCS TDR"],
    ["tdh_vp_addcx", "TDVPR TDCS TDR"],
  ])("%s that is refused its page gives back the rest", (name, rest) => {
    for (const version of ["1.5.05", "1.5.25"]) {
      const told = orders(version, name, "busy").map((order) => order.replace(/^PAGE /, ""));
      expect([version, ...new Set(told)]).toEqual([version, rest]);
    }
  });
});
