/** What ui.perfetto.dev needs of a recording: named tracks, slices that nest, flows whose ends are within slices. */
import { expect, it } from "vitest";
import { Perfetto } from "../../src/trace/index.ts";
import { agreement, record } from "./recorded.ts";

it.each(["bpftrace", "function-graph"] as const)("a recording by %s", async (format) => {
  const perfetto = new Perfetto();
  const recorded = await record({ scenario: "page-removal", module: "1.5.05", format, runs: 12 });
  const { document } = await agreement(recorded, "1.5.05", {
    onCall: (call) => perfetto.call(call),
    onBlame: (blame) => perfetto.blame(blame),
  });
  const { traceEvents } = perfetto.document();
  const track = ({ pid, tid }: { pid: number; tid: number }): string => `${pid}/${tid}`;
  const slices = new Map<string, { ts: number; end: number }[]>();
  for (const { ph, pid, tid, ts = 0, dur = 0 } of traceEvents) {
    if (ph !== "X") continue;
    const key = track({ pid, tid });
    slices.set(key, [...(slices.get(key) ?? []), { ts, end: Math.round(1000 * (ts + dur)) / 1000 }]);
  }
  const named = traceEvents.filter(({ name }) => name === "thread_name").map(track);
  expect([...slices.keys()].sort()).toEqual(named.sort());
  for (const list of slices.values()) {
    const open: number[] = [];
    for (const { ts, end } of list.sort((a, b) => a.ts - b.ts || b.end - a.end)) {
      while ((open.at(-1) ?? Number.POSITIVE_INFINITY) <= ts) open.pop();
      expect(end).toBeLessThanOrEqual(open.at(-1) ?? Number.POSITIVE_INFINITY);
      open.push(end);
    }
  }
  const flows = (ph: "s" | "f") => traceEvents.filter((event) => event.ph === ph);
  expect(flows("s").length).toBeGreaterThan(0.8 * document.busy.count);
  expect(flows("f").map(({ id }) => id)).toEqual(flows("s").map(({ id }) => id));
  for (const event of [...flows("s"), ...flows("f")]) {
    const { ts = 0 } = event;
    expect(slices.get(track(event))?.some((one) => one.ts <= ts && ts < one.end)).toBe(true);
  }
});
