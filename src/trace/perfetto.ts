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

export class Perfetto {
  readonly #events: TraceEvent[] = [];
  readonly #tracks = new Map<string, number>();
  #origin: number | null = null;
  #flows = 0;
  /** Calls that were left out. */
  left = 0;

  call(call: Call): void {
    if (call.beginUnsure || !Number.isFinite(call.begin) || !Number.isFinite(call.end)) return;
    const { leaf, cpu, td, vp, gpa, status } = call;
    const args = { td, vp, gpa: gpa === null ? null : `0x${gpa.toString(16)}`, status };
    if (leaf === ENTER.leaf) this.#span(VCPUS, `vCPU ${vp ?? call.tid} of ${td ?? "?"}`, "in the guest", call, args);
    else this.#span(CPUS, `CPU ${cpu}`, leaf, call, args);
  }

  /** After the call itself. */
  blame({ busy, culprits, certainty, resources }: Blame): void {
    const [first] = culprits;
    const holder = first?.kind === "call" ? first.call : first?.runs[0];
    if (first === undefined || holder === undefined || !Number.isFinite(holder.end) || !Number.isFinite(busy.end))
      return;
    const lock = `${resources.join(" or ")} of ${busy.td ?? "?"}`;
    const from = Math.max(holder.begin, busy.begin);
    const held = { begin: from, end: Math.max(from, Math.min(holder.end, busy.end)) };
    this.#span(LOCKS, lock, `${holder.leaf} on CPU ${holder.cpu} (${certainty}), refused: ${busy.leaf}`, held, {
      certainty,
    });
    const id = ++this.#flows;
    const [pid, track] =
      holder.leaf === ENTER.leaf
        ? [VCPUS, `vCPU ${holder.vp ?? holder.tid} of ${holder.td ?? "?"}`]
        : [CPUS, `CPU ${holder.cpu}`];
    const to =
      busy.leaf === ENTER.leaf
        ? [VCPUS, `vCPU ${busy.vp ?? busy.tid} of ${busy.td ?? "?"}`]
        : [CPUS, `CPU ${busy.cpu}`];
    const at = { name: "BUSY", cat: "busy", id };
    this.#add({
      ...at,
      ph: "s",
      pid: pid as number,
      tid: this.#track(pid as number, track as string),
      ts: this.#us(from),
    });
    const [toPid, toTrack] = to as [number, string];
    this.#add({ ...at, ph: "f", bp: "e", pid: toPid, tid: this.#track(toPid, toTrack), ts: this.#us(busy.end) });
  }

  document(): { readonly displayTimeUnit: "ns"; readonly traceEvents: readonly TraceEvent[] } {
    const named = (what: string, pid: number, tid: number, name: string): TraceEvent => ({
      name: what,
      ph: "M",
      pid,
      tid,
      args: { name },
    });
    const tracks = [...this.#tracks].map(([key, tid]) => {
      const [pid = "", name = ""] = [key.slice(0, 1), key.slice(2)];
      return named("thread_name", Number(pid), tid, name);
    });
    return {
      displayTimeUnit: "ns",
      traceEvents: [
        named("process_name", CPUS, 0, "CPUs: calls into the module"),
        named("process_name", VCPUS, 0, "vCPUs: in the guest"),
        named("process_name", LOCKS, 0, "locks: who held what was busy"),
        ...tracks,
        ...this.#events,
      ],
    };
  }

  #span(
    pid: number,
    track: string,
    name: string,
    { begin, end }: Pick<Call, "begin" | "end">,
    args: Record<string, unknown>,
  ): void {
    const ts = this.#us(begin);
    this.#add({ name, ph: "X", pid, tid: this.#track(pid, track), ts, dur: Math.round(end - begin) / 1000, args });
  }

  #add(event: TraceEvent): void {
    if (this.#events.length < MOST) this.#events.push(event);
    else this.left += 1;
  }

  /** From the first call on: what is large loses its digits. */
  #us(time: number): number {
    this.#origin ??= time;
    return Math.round(time - this.#origin) / 1000;
  }

  #track(pid: number, name: string): number {
    const key = `${pid} ${name}`;
    const known = this.#tracks.get(key);
    if (known !== undefined) return known;
    this.#tracks.set(key, this.#tracks.size + 1);
    return this.#tracks.size;
  }
}
