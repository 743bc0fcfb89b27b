/** Lines of a recording, cut off and overwritten at every place: the reader tells of the BUSY what it tells of the whole one, or is certain of nothing. */
import { describe, expect, it } from "vitest";
import { type Call, NOTHING, SUCCESS } from "../../src/trace/call.ts";
import { type Blame, RECORD_FORMATS, type RecordFormat, Recording, writeRecording } from "../../src/trace/index.ts";
import { catalogOf } from "./recorded.ts";

/** `npm run campaign:recordings` takes every place. */
const STEP = process.env["SEAMLOCK_CAMPAIGN"] === undefined ? 8 : 1;
const MODULE = "1.5.05";
const MS = 1e6;
const EPOCH_BUSY = "0x80000200000000A9";
/** Farther apart than what is missing around one can be of interest to another. */
const APART = 300;

const call = (leaf: string, begin: number, end: number, cpu: number, more: Partial<Call> = {}): Call => ({
  ...NOTHING,
  ...{ leaf, begin: begin * MS, end: end * MS, cpu, tid: 2000 + cpu, td: "0x140000", status: SUCCESS },
  ...{ beginUnsure: false, endUnsure: false, chain: null, settled: false },
  ...more,
});

/** A TRACK is refused while two vCPUs run, or one. */
function around(at: number, runs: number): Call[] {
  const entry = { gpa: 0x1_0000_1000, level: 0 };
  return [
    call("tdh_mem_range_block", at - 2, at - 1.9, 1, entry),
    call("tdh_mem_range_block", at - 1.7, at - 1.6, 2, entry),
    call("tdh_vp_enter", at, at + 2, 1, { vp: "0x140011" }),
    ...(runs > 1 ? [call("tdh_vp_enter", at + 0.5, at + 3, 2, { vp: "0x140012" })] : []),
    call("tdh_mem_track", at + 1, at + 1.001, 3, { status: EPOCH_BUSY }),
    call("tdh_mem_track", at + 20, at + 20.001, 3),
  ];
}

/** The lines of so many times that, and which of them is the first of each. */
function recorded(
  format: RecordFormat,
  runs: number,
  count: number,
): { lines: string[]; firsts: number[]; size: number } {
  const calls = Array.from({ length: count }, (_, k) => around((k + 2) * APART, runs)).flat();
  const options = { format, losePercent: 0, below: () => 0, began: 0, ended: (count + 4) * APART * MS };
  const lines = writeRecording([{ calls, busy: [], end: 0 }], options).text.split("\n");
  const isFirst = (line: string): boolean =>
    line.includes("range_block") && !line.includes("__return") && CPU_ONE[format].test(line);
  const firsts = lines.flatMap((line, i) => (isFirst(line) ? [i] : []));
  return { lines, firsts, size: (firsts[1] as number) - (firsts[0] as number) };
}

const CPU_ONE: Readonly<Record<RecordFormat, RegExp>> = {
  bpftrace: /^c \d+ 1 /,
  "function-graph": / 1\) /,
  perf: /\[001\]/,
  ndjson: /"cpu":1,/,
};

/** Of each refused TRACK, by the time at which it began in ms: is somebody named for certain, and the CPUs of all that are. */
async function told(lines: readonly string[]): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  const onBlame = ({ busy, certainty, culprits }: Blame): void => {
    const cpus = culprits.flatMap((one) => (one.kind === "call" ? [one.call.cpu] : one.runs.map(({ cpu }) => cpu)));
    found.set(Math.floor(busy.begin / MS), `${certainty === "certain" ? "certain " : ""}${cpus.sort().join(" ")}`);
  };
  const recording = new Recording({ catalog: await catalogOf(MODULE), onBlame });
  recording.push(lines.join("\n"));
  recording.finish();
  return found;
}

const DAMAGE: Readonly<Record<string, (line: string, at: number) => string>> = {
  "cut off": (line, at) => line.slice(0, at),
  "overwritten with what no line has": (line, at) => `${line.slice(0, at)}\u0000\u0007?@#${line.slice(at + 5)}`,
  "without seven characters": (line, at) => line.slice(0, at) + line.slice(at + 7),
};

describe.each(RECORD_FORMATS)("%s", (format) => {
  it.each(Object.entries(DAMAGE))("%s", async (_, damage) => {
    for (const runs of [1, 2]) {
      const one = recorded(format, runs, 2);
      const places = one.lines
        .slice(one.firsts[0], (one.firsts[0] as number) + one.size)
        .flatMap((line, i) => Array.from({ length: Math.ceil(line.length / STEP) }, (__, n) => ({ i, at: n * STEP })));
      const { lines, firsts } = recorded(format, runs, places.length + 2);
      const whole = await told(lines);
      const expected = runs === 1 ? "certain 1" : "1 2";
      expect(whole.get(3 * APART + 1)).toBe(expected);
      places.forEach(({ i, at }, k) => {
        const where = (firsts[k + 1] as number) + i;
        lines[where] = damage(lines[where] as string, at);
      });
      const found = await told(lines);
      const wrong = places.flatMap(({ i, at }, k) => {
        const now = found.get((k + 3) * APART + 1) ?? "";
        return now.startsWith("certain") && now !== expected
          ? [`${lines[(firsts[k + 1] as number) + i]} at ${at}: ${now}`]
          : [];
      });
      expect(wrong).toEqual([]);
    }
  });
});
