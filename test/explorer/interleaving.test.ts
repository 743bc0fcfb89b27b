/** The run of two calls: what it gives back, and when, is what the catalog tells. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { contendingPairs } from "../../src/analysis/index.ts";
import {
  type Acquisition,
  type CallEnd,
  type Leaf,
  parseCatalog,
  releasedBefore,
  releaseOrders,
} from "../../src/catalog/index.ts";
import { check } from "../../src/check/index.ts";
import { endsOf, interleavingModel } from "../../src/explorer/logic/interleaving.ts";
import { BUSY, type TraceStep } from "../../src/language/index.ts";
import { simulate } from "../../src/simulate/index.ts";

const load = (name: string) => parseCatalog(readFileSync(`data/modules/${name}.json`, "utf8"), name);

/** The rows of a leaf by the names that its locks have in a run, on CPU 0. */
function rowsByName({ acquisitions }: Leaf): ReadonlyMap<string, Acquisition> {
  const rows = new Map<string, Acquisition>();
  for (const row of acquisitions) {
    const name = row.role === null ? row.resource : `${row.resource} ${row.role}`;
    let key = name;
    for (let n = 2; rows.has(key); n++) key = `${name} ${n}`;
    rows.set(key, row);
  }
  return rows;
}

/** Fails where one call of a run gives a lock back at another time, or in another order, than the catalog tells; says how the call ended. */
function expectAsTold(leaf: Leaf, steps: readonly TraceStep[]): CallEnd | null {
  const rows = rowsByName(leaf);
  const rowOf = ({ resource }: TraceStep): Acquisition => rows.get(resource ?? "") as Acquisition;
  const isTry = ({ action, note }: TraceStep): boolean => action === "acquire" || /^(not:|walks )/.test(note ?? "");
  const last = steps.findLastIndex(isTry);
  const held: Acquisition[] = [];
  for (const [i, step] of steps.slice(0, last + 1).entries()) {
    if (step.action === "acquire" && step.result !== BUSY) held.push(rowOf(step));
    if (step.action !== "release") continue;
    const next = steps.slice(i).find(({ action }) => action === "acquire");
    if (next !== undefined) expect(releasedBefore(rowOf(step), rowOf(next))).toBe(true);
    held.splice(held.indexOf(rowOf(step)), 1);
  }
  const step = steps[last] as TraceStep;
  const end: CallEnd = step.result === BUSY ? { end: "busy", refused: rowOf(step) } : { end: "success" };
  if (step.action === "acquire")
    for (const row of held) expect(row !== rowOf(step) && releasedBefore(row, rowOf(step))).toBe(false);
  const given = steps.slice(last + 1).filter(({ action }) => action === "release");
  if (given.length < held.length) return null;
  const orders = releaseOrders(leaf, held, end).map((order) => order.map((i) => held[i]));
  expect(orders).toContainEqual(given.map(rowOf));
  return end;
}

describe.each([
  ["1.0.03", ["tdh_mem_page_add", "tdh_mem_page_aug", "tdh_mr_extend", "tdh_mem_rd"]],
  ["1.5.05", ["tdh_vp_enter", "tdh_vp_addcx", "tdh_mem_sept_add", "tdh_mem_page_promote", "tdh_import_mem"]],
])("of %s", (version, names) => {
  const { leaves } = load(version);
  const pairs = contendingPairs(load(version)).filter(({ busyA, busyB }) => busyA || busyB);

  it.each(names)("%s gives its locks back when and in the order in which the catalog tells", (name) => {
    const ends = new Set<string>();
    for (const pair of pairs.filter(({ a }) => a === name).slice(0, 12)) {
      const of = endsOf(leaves, pair);
      if (of === null) throw new Error("a pair without its rows");
      const model = interleavingModel(pair, of, "this-lock-only");
      for (let seed = 1; seed <= 25; seed++) {
        const { trace } = simulate(model, { seed, steps: 200, trace: true });
        const own = trace?.steps.filter(({ actor }) => actor === "CPU 0") ?? [];
        const end = own.length === 0 ? null : expectAsTold(of.leafA, own);
        if (end !== null) ends.add(end.end);
      }
    }
    expect(ends.has("success")).toBe(true);
  });
});

it("two calls meet on the objects that they share where one gives back the earlier lock before the later one", () => {
  const catalog = load("1.0.03");
  const pair = contendingPairs(catalog).find(
    ({ a, b, resource }) => a === "tdh_mem_page_add" && b === "tdh_mem_page_remove" && resource === "SEPT_TREE",
  );
  const ends = pair === undefined ? null : endsOf(catalog.leaves, pair);
  if (pair === undefined || ends === null) throw new Error("no such pair");
  const { trace } = check(interleavingModel(pair, ends, "same-objects"), { first: true });
  expect(trace?.steps.at(-1)).toMatchObject({ resource: "SEPT_TREE", result: BUSY });
});
