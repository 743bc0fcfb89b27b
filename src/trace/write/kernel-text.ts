/** Runs as the kernel's function_graph and as perf script print them. */
import type { Call } from "../call.ts";
import { ENTER, RECORDED_LEAVES, WRAPPERS, type Wrapper } from "../wrappers.ts";
import { type Event, eventsOf, Loser } from "./events.ts";
import type { HostRun } from "./host.ts";
import type { WriteOptions, Written } from "./index.ts";

/** What no function makes, and what an entry returned, is not to be seen. */
const isSeen = ({ leaf }: Call): boolean => RECORDED_LEAVES.has(leaf);
const showsStatus = (call: Call): boolean => isSeen(call) && call.leaf !== ENTER.leaf;

export function writeFunctionGraph(runs: readonly HostRun[], options: WriteOptions): Written {
  const head = [
    "# tracer: function_graph",
    "#",
    "#     TIME        CPU  TASK/PID         DURATION                  FUNCTION CALLS",
    "#      |          |     |    |           |   |                     |   |   |   |",
    graphLine(options.began, 0, 1, "", "/* seamlock: begin */"),
  ];
  const lossLine = (cpu: number, count: number): string => `CPU:${cpu} [LOST ${count} EVENTS]`;
  // The kernel prints a call that nothing came between when it began, with its duration.
  const events = eventsOf(runs, true).map((event) =>
    event.kind === "call" ? { ...event, time: event.call.begin } : event,
  );
  return written(head, events.sort(byTime), runs, options, {
    line: graphEvent,
    lossLine,
    last: graphLine(options.ended, 0, 1, "", "/* seamlock: end */"),
  });
}

export function writePerf(runs: readonly HostRun[], options: WriteOptions): Written {
  const lossLine = (cpu: number, count: number, time: number): string =>
    `${perfContext(1, cpu, time)}PERF_RECORD_LOST lost ${count}`;
  return written([], eventsOf(runs, false), runs, options, { line: perfEvent, lossLine, last: null });
}

interface Form {
  readonly line: (event: Event) => string;
  readonly lossLine: (cpu: number, count: number, time: number) => string;
  readonly last: string | null;
}

const byTime = (a: Event, b: Event): number => a.time - b.time;

function written(
  head: readonly string[],
  events: readonly Event[],
  runs: readonly HostRun[],
  options: WriteOptions,
  { line, lossLine, last }: Form,
): Written {
  const lines = [...head];
  const loser = new Loser(options);
  for (const event of events) {
    if (!isSeen(event.call) || loser.loses(event)) continue;
    const { cpu } = event.call;
    const lost = loser.before(cpu);
    if (lost > 0) lines.push(lossLine(cpu, lost, event.time));
    lines.push(line(event));
  }
  for (const [cpu, lost] of loser.rest()) lines.push(lossLine(cpu, lost, options.ended));
  if (last !== null) lines.push(last);
  const whole = loser.whole(runs);
  return {
    text: `${lines.join("\n")}\n`,
    seen: (call) => isSeen(call) && loser.any(call),
    shown: new Set([...whole].filter(showsStatus)),
  };
}

// function_graph -------------------------------------------------------------

function graphEvent({ kind, time, call }: Event): string {
  const { cpu, tid, leaf, begin, end, status } = call;
  if (leaf === ENTER.leaf) {
    const what = kind === "begin" ? "kvm_entry: vcpu" : "kvm_exit: vcpu";
    return graphLine(time, cpu, tid, "", `/* ${what} ${cpu}, rip 0x0 */`);
  }
  const wrapper = wrapperOf(leaf);
  const given = wrapper.arguments.map(({ name, is }) => `${name}=${argument(call, is)}`).join(", ");
  const lasted = end - begin;
  const duration = `${Math.floor(lasted / 1000)}.${String(lasted % 1000).padStart(3, "0")} us`;
  const result = status === null ? "" : ` /* ret=0x${BigInt(status).toString(16)} */`;
  return graphLine(begin, cpu, tid, duration, `${wrapper.function}(${given});${result}`);
}

function graphLine(time: number, cpu: number, tid: number, duration: string, body: string): string {
  const at = `${String(Math.floor(time / 1e9)).padStart(5)}.${String(Math.floor((time % 1e9) / 1000)).padStart(6, "0")}`;
  return `${at} |  ${String(cpu).padStart(2)})   qemu-${tid}   | ${duration.padStart(12)}   |  ${body}`;
}

// perf -----------------------------------------------------------------------

function perfEvent({ kind, time, call }: Event): string {
  const context = perfContext(call.tid, call.cpu, time);
  if (call.leaf === ENTER.leaf) {
    return `${context}kvm:kvm_${kind === "begin" ? "entry" : "exit"}: vcpu ${call.cpu}, rip 0x0`;
  }
  const wrapper = wrapperOf(call.leaf);
  if (kind === "end") {
    const status = `0x${BigInt(call.status ?? 0).toString(16)}`;
    return `${context}seamlock:${wrapper.function}__return: (ffffffff81000000 <- ffffffff81000040) status=${status}`;
  }
  const given = wrapper.arguments
    .flatMap(({ name, is }) =>
      is === "other" ? [] : [` ${is === "pg-level" ? "pg_level" : name}=0x${hexOf(call, is)}`],
    )
    .reverse();
  return `${context}seamlock:${wrapper.function}: (ffffffff81000040)${given.join("")}`;
}

function perfContext(tid: number, cpu: number, time: number): string {
  const at = `${Math.floor(time / 1e9)}.${String(time % 1e9).padStart(9, "0")}`;
  return `${"qemu".padStart(16)} ${String(tid).padStart(7)} [${String(cpu).padStart(3, "0")}] ${at}: `;
}

/** Of several wrappers of a leaf, the one that names a page: the others name a TD's own. */
function wrapperOf(leaf: string): Wrapper {
  const all = [...WRAPPERS.values()].filter((one) => one.leaf === leaf);
  const named = all.find((one) => one.arguments.some(({ is }) => is === "pfn" || is === "page"));
  return (named ?? all[0]) as Wrapper;
}

const LEVELS = ["PG_LEVEL_4K", "PG_LEVEL_2M", "PG_LEVEL_1G"] as const;

function argument(call: Call, is: Wrapper["arguments"][number]["is"]): string {
  const value = hexOf(call, is);
  if (is !== "pg-level") return `0x${value}`;
  return `${Number(value)} [${LEVELS[(call.level ?? 0)] ?? "PG_LEVEL_512G"}]`;
}

/** The kernel's pointers to what has these frames: some that are as good as any. */
function hexOf({ td, vp, gpa, level, page }: Call, is: Wrapper["arguments"][number]["is"]): string {
  const pointer = (base: bigint, key: string | null): string => (base + BigInt(key ?? 0) * 0x1000n).toString(16);
  switch (is) {
    case "td":
    case "tdr-page":
      return pointer(0xffff888100000000n, td);
    case "vp":
      return pointer(0xffff888200000000n, vp);
    case "gpa":
      return (gpa ?? 0).toString(16);
    case "level":
      return String(level ?? 0);
    case "pg-level":
      return String((level ?? 0) + 1);
    case "pfn":
      return (page ?? 0).toString(16);
    case "page":
      return (0xffffea0000000000n + BigInt(page ?? 0) * 64n).toString(16);
    default:
      return "0";
  }
}
