/** In which orders a call of a model gives back what it holds. */
import { describe, expect, it } from "vitest";
import { type CallEnd, type Leaf, releasePlace } from "../../src/catalog/index.ts";
import { ProcessBuilder } from "../../src/language/index.ts";
import { type Held, LockSteps } from "../../src/model/lock-steps.ts";
import { leaf, row } from "../catalog/fixture.ts";

const held = ["TDR", "TDCS", "SEPT_TREE"].map(
  (resource, order): Held => ({
    row: row(resource, "SHARED", { order, release: { ...releasePlace("leaf-exit"), evidence: [] } }),
    object: 0,
  }),
);
const rows = held.map((lock) => lock.row);

/** All orders in which runs give back what they hold, one after the other from each label of `leave`. */
function ordersOf(releaseOrders: Leaf["releaseOrders"], ...calls: readonly (readonly [readonly Held[], CallEnd])[]) {
  return ordersWithout(null, releaseOrders, ...calls);
}

/** The same in a scenario that does not have one of the locks. */
function ordersWithout(
  resource: string | null,
  releaseOrders: Leaf["releaseOrders"],
  ...calls: readonly (readonly [readonly Held[], CallEnd])[]
) {
  const p = new ProcessBuilder("call", 1);
  const steps = new LockSteps(p, {
    attempt: () => {
      throw new Error("nothing is taken here");
    },
    release: () => [],
    indexed: () => false,
    leavesOut: (row) => row.resource === resource,
  });
  const call = leaf("tdh_x", 1, rows, { releaseOrders });
  const name = (some: readonly Held[], way: string) =>
    `leave ${some.map(({ row: of }) => of.resource).join("+")}${way}`;
  const starts = calls.map(([locks, end]) => steps.leave(call, locks, end, "idle", name));
  p.idle("idle");
  const { labels } = p.build();
  const runs = (label: string): string[] => {
    const found = labels.find((one) => one.name === label)?.steps ?? [];
    if (label === "idle") return [""];
    return found.flatMap(({ meta, next }) => runs(next).map((rest) => `${meta.resource} ${rest}`.trim()));
  };
  return starts.map((start) => runs(start).sort());
}

describe("a call of a model gives back", () => {
  it("the last first, where nothing else is told", () => {
    expect(ordersOf(undefined, [held, { end: "other" }])).toEqual([["SEPT_TREE TDCS TDR"]]);
  });

  it("in each of the orders in which calls may that end so, and in no mixture of them", () => {
    const told: Leaf["releaseOrders"] = [
      { end: "other", locks: [0, 1, 2] },
      { end: "other", locks: [0, 2, 1] },
      { end: "other", locks: [2, 1, 0] },
    ];
    expect(ordersOf(told, [held, { end: "other" }])).toEqual([
      ["SEPT_TREE TDCS TDR", "TDR SEPT_TREE TDCS", "TDR TDCS SEPT_TREE"],
    ]);
  });

  it("in its own order, whichever calls leave the same locks before it", () => {
    const told: Leaf["releaseOrders"] = [
      { end: "other", locks: [0, 1, 2] },
      { end: "busy", refused: 2, locks: [0, 1] },
    ];
    const two = held.slice(0, 2);
    const refused: CallEnd = { end: "busy", refused: { order: 2 } };
    expect(
      ordersOf(told, [held, { end: "success" }], [two, refused], [held, { end: "other" }], [two, { end: "success" }]),
    ).toEqual([["SEPT_TREE TDCS TDR"], ["TDR TDCS"], ["TDR TDCS SEPT_TREE"], ["TDCS TDR"]]);
  });

  it("in the orders of all calls that may hold a lock which the scenario does not have, or not", () => {
    const told: Leaf["releaseOrders"] = [
      { end: "other", locks: [0, 1, 2] },
      { end: "other", locks: [2, 0] },
    ];
    const [tdr, , tree] = held as [Held, Held, Held];
    expect(ordersWithout("TDCS", told, [[tdr, tree], { end: "other" }])).toEqual([["SEPT_TREE TDR", "TDR SEPT_TREE"]]);
    expect(ordersWithout(null, told, [[tdr, tree], { end: "other" }])).toEqual([["SEPT_TREE TDR"]]);
  });

  it("nothing, and goes on at once", () => {
    expect(ordersOf(undefined, [[], { end: "success" }])).toEqual([[""]]);
  });
});
