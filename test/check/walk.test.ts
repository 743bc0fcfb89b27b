/** The nearest place of a component that satisfies a goal, where who is in which place counts. */
import { expect, test } from "vitest";
import { Net } from "../../src/check/fair-components.ts";
import { NoRoom } from "../../src/check/graph.ts";
import { Numbering } from "../../src/check/live-numbering.ts";
import { preparingLiveness } from "../../src/check/live-reductions.ts";
import { PIECE } from "../../src/check/live-region.ts";
import { edgesFor, type LeadsTo } from "../../src/check/liveness.ts";
import { packState } from "../../src/check/pack.ts";
import { Search } from "../../src/check/search.ts";
import { type Passed, walkTo, whoAfter } from "../../src/check/walk.ts";
import { uninterrupted } from "../../src/check/watch.ts";
import * as L from "../../src/language/index.ts";

/** Some alike that go round, `length` steps each. */
function rounds(length: number, processes = 2): L.Model {
  const m = L.model("rounds");
  const p = m.process("p", processes);
  const k = p.variable("k", L.intType(0, length - 1));
  p.step("go", { do: [L.set(k, L.mod(L.add(k, 1), length))], next: "go" });
  m.leadsTo("it ends", true, false, [L.weakFair(p)]);
  return m.build();
}

/** The states of a model, and what is seen of all their edges where nothing is asked of fairness. */
function netOf(model: L.Model, room = 1e9): { search: Search; net: Net } {
  const properties = model.properties as LeadsTo[];
  const search = new Search(uninterrupted(preparingLiveness(model, properties, "keeping lengths"))).finish();
  const { graph, code } = uninterrupted(edgesFor(search, properties, 1e9));
  const marks = { premise: 1, conclusion: 2 };
  const numbering = new Numbering(search.prepared, []);
  const fairness = { strengths: { weak: 0, strong: 0 }, moveMasks: code.edges.map(() => 0) };
  return { search, net: new Net({ graph, marks, room }, fairness, numbering, code.permutations) };
}

const LENGTH = 100;
const model = rounds(LENGTH);
const { search } = netOf(model);

function walk(
  room: number,
  goal: (to: Passed) => boolean,
  inside: (node: number) => boolean = () => true,
): readonly Passed[] {
  const { net } = netOf(model, room);
  const way = uninterrupted(walkTo(search.space, net, inside, START, (_, to) => goal(to)));
  for (const [i, { edge, node, who }] of way.entries()) {
    const from = way[i - 1] ?? START;
    expect(edge).toBeGreaterThanOrEqual(net.start(from.node));
    expect(edge).toBeLessThan(net.end(from.node));
    expect(net.target(edge)).toBe(node);
    expect(whoAfter(search.space, net, from.who, edge)).toBe(who);
  }
  return way;
}

/** One is a step ahead, each in its own place. */
const START: Passed = { node: nodeOf([0, 1]), who: 0, edge: -1 };

function nodeOf(ks: readonly [number, number]): number {
  const { layout, packing } = search.prepared;
  const slots = Array.from(layout.slots, () => 0);
  for (const [i, { locals }] of layout.instances.entries())
    for (const { slot } of locals.values()) slots[slot] = ks[i] as number;
  const words = packState(packing, slots);
  search.store.canonical(words);
  return search.space.find(words);
}

test("states are sorted", () => expect(search.states).toBe((LENGTH * (LENGTH + 1)) / 2));

test("back to the same state with everybody in their own place, or in each other's", () => {
  for (const isExchanged of [false, true]) {
    const way = walk(1e9, ({ node, who }) => node === START.node && (who !== 0) === isExchanged);
    expect(way).toHaveLength(LENGTH);
  }
});

test("to the nearest: no farther than steps are needed", () => {
  for (const ks of [
    [1, 1],
    [0, 99],
    [50, 70],
  ] as const) {
    const node = nodeOf(ks);
    // From 0 and 1, whoever comes to which.
    const steps = ([a, b]: readonly [number, number]) => ((a + LENGTH) % LENGTH) + ((b - 1 + LENGTH) % LENGTH);
    expect(walk(1e9, (to) => to.node === node)).toHaveLength(Math.min(steps(ks), steps([ks[1], ks[0]])));
  }
});

test("with whom in which place, though one way there is as short as the other", () => {
  for (const isExchanged of [false, true])
    expect(walk(1e9, ({ node, who }) => node === nodeOf([1, 5]) && (who !== 0) === isExchanged)).toHaveLength(5);
});

test("inside the component", () => {
  const [left, wanted] = [nodeOf([0, 2]), nodeOf([0, 3])];
  const inside = (node: number) => node !== left;
  // The one who was behind goes round once.
  expect(walk(1e9, ({ node }) => node === wanted, inside)).toHaveLength(LENGTH + 2);
});

test("places are noted within the bound of memory, and once each", () => {
  // Each state with two that differ twice: 10,000 of them. 16 bytes and two slots of the table each, in a power of two.
  const bytes = 2 ** 14 * (16 + 8);
  expect(() => walk(bytes, () => false)).toThrow("not strongly connected");
  expect(() => walk(bytes - 1, () => false)).toThrow(NoRoom);
});

test("with a pause now and then", () => {
  const length = 200;
  const { search: own, net } = netOf(rounds(length));
  const start = { node: 1, who: 0, edge: -1 };
  const work = walkTo(
    own.space,
    net,
    () => true,
    start,
    () => false,
  );
  let pauses = 0;
  const all = () => {
    while (work.next().done !== true) pauses++;
  };
  expect(all).toThrow("not strongly connected");
  expect(pauses).toBe(Math.ceil(length ** 2 / PIECE));
  expect(pauses).toBeGreaterThan(1);
});

test("each place is come to, and gone on from once, where there are many of a node", () => {
  const [length, processes] = [12, 4];
  const { search: own, net } = netOf(rounds(length, processes));
  // How often each place was gone on from, by its edges; a way is as good as a state of those that are not sorted.
  const left = new Map<string, number>();
  const to = new Set<string>();
  const keyOf = ({ node, who }: Passed) => `${node} ${who}`;
  const note = (from: Passed, next: Passed) => {
    left.set(keyOf(from), (left.get(keyOf(from)) ?? 0) + 1);
    to.add(keyOf(next));
    return false;
  };
  const start = { node: 1, who: 0, edge: -1 };
  expect(() => uninterrupted(walkTo(own.space, net, () => true, start, note))).toThrow("not strongly connected");
  expect(to.size).toBe(length ** processes);
  expect(left).toEqual(new Map([...to].map((key) => [key, processes])));
});
