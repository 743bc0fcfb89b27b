/** A recording for ui.perfetto.dev: a track a CPU with its calls, a track a vCPU with its runs, a track a resource with who held it, flows from holder to BUSY. */
import type { Blame } from "./blame.ts";
import type { Call } from "./call.ts";
import { ENTER } from "./wrappers.ts";

/** An event of the trace event format; times in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly ph: "M" | "X" | "s" | "f";
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly id?: number;
  readonly bp?: "e";
  readonly cat?: string;
  readonly args?: Record<string, unknown>;
}

const CPUS = 1;
const VCPUS = 2;
const LOCKS = 3;

/** More than this nobody can look at; --window chooses. */
const MOST = 200_000;

/** A bar on a track. */
interface Slice {
  readonly pid: number;
  readonly track: string;
  readonly name: string;
  /** In whole ns. */
  readonly begin: number;
  readonly end: number;
  readonly args: Record<string, unknown>;
  /** Bars of one track that overlap, as coarse clocks have them and several who were refused at once, lie side by side. */
  lane: number;
}

export class Perfetto {
  readonly #slices: Slice[] = [];
  readonly #ofCall = new Map<Call, Slice>();
  readonly #flows: { readonly holder: Call; readonly busy: Call }[] = [];
  /** Calls that were left out. */
  left = 0;

  call(call: Call): void {
    if (call.beginUnsure || !Number.isFinite(call.begin) || !Number.isFinite(call.end)) return;
    const { leaf, cpu, td, vp, gpa, status } = call;
    const args = { td, vp, gpa: gpa === null ? null : `0x${gpa.toString(16)}`, status };
    const slice =
      leaf === ENTER.leaf
        ? this.#slice(VCPUS, `vCPU ${vp ?? call.tid} of ${td ?? "?"}`, "in the guest", call, args)
        : this.#slice(CPUS, `CPU ${cpu}`, leaf, call, args);
    if (slice !== null) this.#ofCall.set(call, slice);
  }

  /** After the call itself. */
  blame({ busy, culprits, certainty, resources }: Blame): void {
    const [first] = culprits;
    const holder = first?.kind === "call" ? first.call : first?.runs[0];
    if (holder === undefined || !Number.isFinite(holder.end) || !Number.isFinite(busy.end)) return;
    const lock = `${resources.join(" or ")} of ${busy.td ?? "?"}`;
    const begin = Math.max(holder.begin, busy.begin);
    const held = { begin, end: Math.max(begin, Math.min(holder.end, busy.end)) };
    this.#slice(LOCKS, lock, `${holder.leaf} on CPU ${holder.cpu} (${certainty}), refused: ${busy.leaf}`, held, {
      certainty,
    });
    this.#flows.push({ holder, busy });
  }

  document(): { readonly displayTimeUnit: "ns"; readonly traceEvents: readonly TraceEvent[] } {
    spread(this.#slices);
    const tracks = new Map<string, TraceEvent>();
    const trackOf = ({ pid, track, lane }: Slice): number => {
      const name = lane === 0 ? track : `${track} (${lane + 1})`;
      const key = `${pid} ${name}`;
      const known = tracks.get(key) ?? named("thread_name", pid, tracks.size + 1, name);
      tracks.set(key, known);
      return known.tid;
    };
    // From the first call on: what is large loses its digits.
    const origin = this.#slices[0]?.begin ?? 0;
    const us = (time: number): number => Math.round(time - origin) / 1000;
    const bars = this.#slices.map((slice): TraceEvent => {
      const { name, pid, begin, end, args } = slice;
      return { name, ph: "X", pid, tid: trackOf(slice), ts: us(begin), dur: (end - begin) / 1000, args };
    });
    const flows = this.#flows.flatMap(({ holder, busy }, i): TraceEvent[] => {
      const [from, to] = [this.#ofCall.get(holder), this.#ofCall.get(busy)];
      if (from === undefined || to === undefined) return [];
      const at = { name: "BUSY", cat: "busy", id: i + 1 };
      const begins = inside(from, Math.max(from.begin, to.begin));
      const ends = inside(to, Math.max(begins, (to.begin + to.end) / 2));
      return [
        { ...at, ph: "s", pid: from.pid, tid: trackOf(from), ts: us(begins) },
        { ...at, ph: "f", bp: "e", pid: to.pid, tid: trackOf(to), ts: us(Math.floor(ends)) },
      ];
    });
    return {
      displayTimeUnit: "ns",
      traceEvents: [
        named("process_name", CPUS, 0, "CPUs: calls into the module"),
        named("process_name", VCPUS, 0, "vCPUs: in the guest"),
        named("process_name", LOCKS, 0, "locks: who held what was busy"),
        ...tracks.values(),
        ...bars,
        ...flows,
      ],
    };
  }

  /** Null when it is left out. */
  #slice(
    pid: number,
    track: string,
    name: string,
    { begin, end }: Pick<Call, "begin" | "end">,
    args: Record<string, unknown>,
  ): Slice | null {
    if (this.#slices.length >= MOST) {
      this.left += 1;
      return null;
    }
    const slice = { pid, track, name, begin: Math.round(begin), end: Math.round(end), args, lane: 0 };
    this.#slices.push(slice);
    return slice;
  }
}

const named = (what: string, pid: number, tid: number, name: string): TraceEvent => ({
  name: what,
  ph: "M",
  pid,
  tid,
  args: { name },
});

/** Gives bars that overlap and do not lie one within the other lanes of their own. */
function spread(slices: readonly Slice[]): void {
  /** By track and lane: the ends of the bars that are open, the innermost last. */
  const open = new Map<string, number[][]>();
  for (const slice of [...slices].sort((a, b) => a.begin - b.begin || b.end - a.end)) {
    const key = `${slice.pid} ${slice.track}`;
    const lanes = open.get(key) ?? [];
    open.set(key, lanes);
    slice.lane = lanes.findIndex((ends) => fits(ends, slice));
    if (slice.lane >= 0) continue;
    slice.lane = lanes.length;
    lanes.push([slice.end]);
  }
}

function fits(ends: number[], { begin, end }: Slice): boolean {
  while ((ends.at(-1) ?? Number.POSITIVE_INFINITY) <= begin) ends.pop();
  if (end > (ends.at(-1) ?? Number.POSITIVE_INFINITY)) return false;
  ends.push(end);
  return true;
}

/** A time within a bar, near to one: a flow is tied to the bar around it, and nothing is around the end of one. */
function inside({ begin, end }: Slice, time: number): number {
  return time >= begin && time < end ? time : Math.floor((begin + end) / 2);
}
