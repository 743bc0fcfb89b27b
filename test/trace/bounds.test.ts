/** Tables of what is distinct are bounded, and what is beyond the bound is said. */
import { expect, it } from "vitest";
import { Counts, Distinct, Histogram, MOST_DISTINCT } from "../../src/trace/distinct.ts";
import { Episodes } from "../../src/trace/episodes.ts";
import { Recording } from "../../src/trace/index.ts";
import { Recent } from "../../src/trace/recent.ts";
import { catalogOf } from "./recorded.ts";

it("what was not asked for longest is forgotten, and told", () => {
  const gone: string[] = [];
  const recent = new Recent<string, number>(4, (key) => gone.push(key));
  for (const [i, key] of ["a", "b", "c"].entries()) recent.set(key, i);
  expect(recent.get("a")).toBe(0);
  expect(gone).toEqual(["b"]);
  expect(recent.get("b")).toBeUndefined();
  expect(recent.forgotten).toBe(1);
  recent.set("d", 3);
  expect(recent.get("a")).toBe(0);
  expect(gone).toEqual(["b", "c"]);
  recent.delete("a");
  expect(recent.get("a")).toBeUndefined();
  expect([...recent.values()]).toEqual([3]);
});

it("distinct things beyond the bound are counted together", () => {
  const counts = new Counts<number>();
  const distinct = new Distinct<number>();
  for (let i = 0; i < MOST_DISTINCT + 3; i++) {
    counts.add(i);
    counts.add(7);
    distinct.add(i % MOST_DISTINCT);
  }
  expect(counts.all.size).toBe(MOST_DISTINCT);
  expect(counts.all.get(7)).toBe(MOST_DISTINCT + 4);
  expect(counts.others).toBe(3);
  expect(distinct).toMatchObject({ size: MOST_DISTINCT, isFull: false });
  distinct.add(-1);
  expect(distinct).toMatchObject({ size: MOST_DISTINCT, isFull: true });
});

it("durations are counted by the power of two that is no less", () => {
  const histogram = new Histogram();
  for (const time of [0, 1, 1.5, 2, 3, 4, 5, 1024, 1025, 2 ** 31, 2 ** 31 + 1, 2 ** 40]) histogram.add(time);
  expect(histogram.plain()).toEqual({
    1: 2,
    2: 2,
    4: 2,
    8: 1,
    1024: 1,
    2048: 1,
    [2 ** 31]: 1,
    [2 ** 32]: 1,
    [2 ** 40]: 1,
  });
});

it("a task that tries too many calls at once: the oldest are told as open", () => {
  const outcomes: string[] = [];
  const episodes = new Episodes("tdh_vp_enter", ({ outcome }) => outcomes.push(outcome));
  const call = (gpa: number, end: number, status: string) => ({
    leaf: "tdh_mem_track",
    ...{ begin: end - 1, end, cpu: 0, tid: 1, status, td: "0x1", vp: null, gpa, level: 0, page: null },
    ...{ beginUnsure: false, endUnsure: false, chain: null, settled: false },
  });
  for (let i = 0; i < 520; i++) episodes.see(call(i, 10 * i, "0x80000200000000A9"), true);
  expect(outcomes).toEqual(new Array(8).fill("open"));
  expect(episodes.forgotten).toBe(8);
  episodes.see(call(519, 6000, "0x0000000000000000"), false);
  expect(outcomes.at(-1)).toBe("done");
  episodes.passed(3e9);
  expect(outcomes.filter((one) => one === "given-up")).toHaveLength(511);
  episodes.finish();
  expect(outcomes).toHaveLength(520);
});

it("more TDs and leaves at once than are told apart: said, all else holds", async () => {
  const recording = new Recording({ catalog: await catalogOf("1.5.25") });
  recording.push('{"recording":"seamlock@1","began":0}\n');
  const line = (value: object): void => recording.push(`${JSON.stringify(value)}\n`);
  for (let i = 0; i < 300; i++) {
    const of = { cpu: i, tid: i + 1, td: `0x${i}`, vp: `0x9${i}` };
    line({ enter: 1, at: 1000 * i, ...of });
    line({ exit: 1, at: 1000 * i + 500, ...of, status: "0x0" });
  }
  for (let i = 0; i < 4100; i++) line({ call: `tdh_${i}`, at: [4e5 + i, 4e5 + i + 1], cpu: 1, tid: 2, status: "0x0" });
  // Tasks that come and go are nothing to tell; those whose calls are still open are.
  for (let i = 0; i < 17_000; i++) {
    line({ enter: 1, at: 5e5 + i, cpu: 1, tid: 1e4 + i });
    if (i >= 3) line({ exit: 1, at: 5e5 + i, cpu: 1, tid: 1e4 + i });
  }
  const { diagnostics, leaves, recording: about } = recording.finish();
  expect(about).toMatchObject({ calls: 21_400, tds: 300, vcpus: 300, unmatched: 3 });
  expect(leaves).toHaveLength(4096);
  const said = diagnostics.filter(({ code }) => code === "SL7111").map(({ message }) => message.split(" ")[0]);
  // 44 runs are of TDs beyond 256; of the leaves 5 are beyond, with that of the runs 4096 have a row.
  expect(said).toEqual(["5", "3", "44"]);
});
