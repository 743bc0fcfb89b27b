/** Runs as the program of `seamlock record --tool bpftrace` prints them. */
import type { Call } from "../call.ts";
import { CALLED_LEAVES, ENTER, NEWEST_RELEASE, RECORDED_LEAVES } from "../wrappers.ts";
import { type Event, eventsOf, Loser } from "./events.ts";
import type { HostRun } from "./host.ts";
import type { WriteOptions, Written } from "./index.ts";

export function writeBpftrace(runs: readonly HostRun[], options: WriteOptions): Written {
  const events = eventsOf(runs, true).filter(({ call }) => isSeen(call));
  const lines = [`b 1 ${options.began} ${NEWEST_RELEASE}`, `l ${[...CALLED_LEAVES].sort().join(" ")}`];
  const loser = new Loser(options);
  const sequence = new Map<number, number>();
  for (const event of events) {
    const { cpu } = event.call;
    const seq = sequence.get(cpu) ?? 0;
    sequence.set(cpu, seq + 1);
    if (loser.loses(event)) continue;
    const lost = loser.before(cpu);
    if (lost > 0) lines.push(`Lost ${lost} events`);
    lines.push(lineOf(event, seq));
  }
  for (const [, lost] of loser.rest()) lines.push(`Lost ${lost} events`);
  lines.push(`z ${options.ended}`);
  for (const [cpu, next] of sequence) lines.push(`@seq[${cpu}]: ${next}`);
  const whole = loser.whole(runs);
  return {
    text: `${lines.join("\n")}\n`,
    seen: (call) => isSeen(call) && loser.any(call),
    shown: new Set([...whole].filter((call) => isSeen(call) && statusOf(call) !== "-")),
  };
}

/** What no function of the kernel's makes is not to be seen. */
const isSeen = ({ leaf }: Call): boolean => CALLED_LEAVES.has(leaf);

function lineOf({ kind, time, call }: Event, seq: number): string {
  const { leaf, begin, end, cpu, tid, gpa, level, page } = call;
  const [td, vp] = [call.td, call.vp].map((key) => key?.slice(2) ?? "-");
  const who = `${seq} ${cpu} ${tid}`;
  if (leaf === ENTER.leaf) {
    return kind === "begin" ? `e ${who} ${time} ${td} ${vp}` : `x ${who} ${time} ${td} ${vp} ${statusOf(call)}`;
  }
  return `c ${who} ${begin} ${end} ${leaf} ${td} ${vp} ${hex(gpa)} ${hex(level)} ${hex(page)} ${statusOf(call)}`;
}

const hex = (value: number | null): string => value?.toString(16) ?? "-";

/** The status as bpftrace prints a number; what no function hands out is not seen. */
function statusOf({ status, leaf }: Call): string {
  return status === null || !RECORDED_LEAVES.has(leaf) ? "-" : BigInt(status).toString(16);
}
