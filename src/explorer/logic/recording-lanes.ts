/** Who did what around a BUSY, or a try that took long, of a recording: spans on lanes by time. */
import type { TraceDocument } from "../../trace/index.ts";

type Busy = TraceDocument["busy"]["shown"][number];
type Episode = TraceDocument["episodes"]["worst"][number];
type CallFacts = Busy["call"];

/** A call on a lane, in nanoseconds of the recording's clock. */
export interface RecordedSpan {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly kind: "busy" | "culprit" | "other";
  /** Everything that is known of it. */
  readonly title: string;
}

export interface RecordedLane {
  /** `CPU 3, thread 812`. */
  readonly name: string;
  readonly spans: readonly RecordedSpan[];
}

export interface RecordedPicture {
  readonly lanes: readonly RecordedLane[];
  readonly from: number;
  readonly to: number;
}

interface Part {
  readonly call: CallFacts;
  readonly kind: RecordedSpan["kind"];
}

/** The refused call and everybody who can have held the lock. */
export function busyPicture({ call, culprits }: Busy): RecordedPicture {
  const held = culprits.flatMap(({ calls }) => calls.map((one): Part => ({ call: one, kind: "culprit" })));
  return picture([{ call, kind: "busy" }, ...held]);
}

/** What ran meanwhile; calls of the leaf that was tried again and again stand out. */
export function episodePicture({ leaf, around }: Episode): RecordedPicture {
  return picture(around.map((call): Part => ({ call, kind: call.leaf === leaf ? "busy" : "other" })));
}

/** A call that was open at an edge of the recording reaches to the edge of what is drawn. */
function picture(parts: readonly Part[]): RecordedPicture {
  const ends = parts.flatMap(({ call: { begin, end } }) => [begin, end].filter((time) => time !== null));
  const [from, to] = [Math.min(...ends), Math.max(...ends)];
  const lanes = new Map<string, RecordedSpan[]>();
  const seen = new Set<string>();
  for (const { call, kind } of parts) {
    const { leaf, begin, end, cpu, tid, status } = call;
    const key = JSON.stringify([leaf, begin, end, cpu, tid]);
    if (seen.has(key)) continue;
    seen.add(key);
    const name = tid < 0 ? `CPU ${cpu}` : `CPU ${cpu}, thread ${tid}`;
    const lane = lanes.get(name) ?? [];
    lanes.set(name, lane);
    const open =
      begin === null
        ? "began before the recording"
        : end === null
          ? "still open at its end"
          : durationText(end - begin);
    lane.push({
      label: leaf,
      from: begin ?? from,
      to: end ?? to,
      kind,
      title: `${leaf} on ${name}: ${open}${status === null ? "" : `, ${status}`}`,
    });
  }
  return { lanes: [...lanes].map(([name, spans]) => ({ name, spans })), from, to: Math.max(to, from + 1) };
}

/** `12.4 µs`. */
export function durationText(ns: number): string {
  if (ns < 1000) return `${ns} ns`;
  if (ns < 1e6) return `${(ns / 1000).toFixed(1)} µs`;
  return ns < 1e9 ? `${(ns / 1e6).toFixed(1)} ms` : `${(ns / 1e9).toFixed(2)} s`;
}
