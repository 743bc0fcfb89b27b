/** Runs as our own NDJSON. */
import { ENTER, RECORDED_LEAVES } from "../wrappers.ts";
import { type Event, eventsOf, Loser } from "./events.ts";
import type { HostRun } from "./host.ts";
import type { WriteOptions, Written } from "./index.ts";

export function writeNdjson(runs: readonly HostRun[], options: WriteOptions): Written {
  const events = eventsOf(runs, true);
  const leaves = [...new Set([...RECORDED_LEAVES, ...events.map(({ call }) => call.leaf)])].sort();
  const lines: object[] = [{ recording: "seamlock@1", began: options.began, clock: "simulated", leaves }];
  const loser = new Loser(options);
  for (const event of events) {
    if (loser.loses(event)) continue;
    const { cpu } = event.call;
    const lost = loser.before(cpu);
    if (lost > 0) lines.push({ lost, cpu });
    lines.push(lineOf(event));
  }
  for (const [cpu, lost] of loser.rest()) lines.push({ lost, cpu });
  lines.push({ ended: options.ended });
  return {
    text: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    seen: (call) => loser.any(call),
    shown: loser.whole(runs),
  };
}

function lineOf({ kind, time, call }: Event): object {
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
  if (leaf !== ENTER.leaf) return { call: leaf, at: [begin, end], ...who, status };
  return kind === "begin" ? { enter: 1, at: time, ...who } : { exit: 1, at: time, ...who, status };
}
