/** Runs as our own NDJSON. */
import type { Call } from "../call.ts";
import { ENTER, RECORDED_LEAVES } from "../wrappers.ts";
import type { HostRun } from "./host.ts";
import type { WriteOptions, Written } from "./index.ts";

interface Event {
  readonly time: number;
  readonly call: Call;
  readonly line: object;
}

export function writeNdjson(runs: readonly HostRun[], options: WriteOptions): Written {
  const calls = runs.flatMap((run) => run.calls);
  const events = calls.flatMap(eventsOf).sort((a, b) => a.time - b.time);
  const leaves = [...new Set([...RECORDED_LEAVES, ...calls.map(({ leaf }) => leaf)])].sort();
  const lines = [JSON.stringify({ recording: "seamlock@1", began: options.began, clock: "simulated", leaves })];
  const lostOf = new Set<Call>();
  const lost = new Map<number, number>();
  for (const { call, line } of events) {
    const { cpu } = call;
    if (options.losePercent > 0 && options.below(10_000) < options.losePercent * 100) {
      lostOf.add(call);
      lost.set(cpu, (lost.get(cpu) ?? 0) + 1);
      continue;
    }
    const before = lost.get(cpu);
    if (before !== undefined) lines.push(JSON.stringify({ lost: before, cpu }));
    lost.delete(cpu);
    lines.push(JSON.stringify(line));
  }
  for (const [cpu, count] of lost) lines.push(JSON.stringify({ lost: count, cpu }));
  lines.push(JSON.stringify({ ended: options.ended }));
  return { text: `${lines.join("\n")}\n`, shown: new Set(calls.filter((call) => !lostOf.has(call))) };
}

function eventsOf(call: Call): Event[] {
  const { leaf, begin, end, cpu, tid, td, vp, gpa, level, page, status } = call;
  const who = {
    cpu,
    tid,
    ...(td !== null && { td }),
    ...(vp !== null && { vp }),
    ...(gpa !== null && { gpa: `0x${gpa.toString(16)}` }),
    ...(level !== null && { level }),
    ...(page !== null && { page: `0x${page.toString(16)}` }),
  };
  const ends = Number.isFinite(end);
  if (leaf !== ENTER.leaf)
    return ends ? [{ time: end, call, line: { call: leaf, at: [begin, end], ...who, status } }] : [];
  const enter = { time: begin, call, line: { enter: 1, at: begin, ...who } };
  return ends ? [enter, { time: end, call, line: { exit: 1, at: end, ...who, status } }] : [enter];
}
