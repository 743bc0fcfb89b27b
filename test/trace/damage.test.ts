/** Recordings that are damaged: nothing that is stated for certain is wrong, and what is missing is said. */
import { beforeAll, describe, expect, it } from "vitest";
import { renderRecordingText } from "../../src/report/index.ts";
import { randomOf } from "../../src/simulate/index.ts";
import { INTERRUPTED, RECORD_FORMATS, type RecordFormat, Recording } from "../../src/trace/index.ts";
import { agreement, catalogOf, type Recorded, record } from "./recorded.ts";

/** `npm run campaign:recordings` tries a hundred times as many. */
const CAMPAIGN = process.env["SEAMLOCK_CAMPAIGN"] !== undefined;
const SEEDS = Array.from({ length: CAMPAIGN ? 200 : 2 }, (_, i) => i + 1);
const MODULE = "1.5.05";

const RECORDED = new Map<RecordFormat, Recorded>();
beforeAll(async () => {
  const runs = CAMPAIGN ? 60 : 12;
  for (const format of RECORD_FORMATS) {
    RECORDED.set(format, await record({ scenario: "page-removal", module: MODULE, format, runs }));
  }
}, 120_000);

it.each(RECORD_FORMATS)(
  "what was read of %s when the reading is stopped within a line is no damage, and is told to be a part",
  async (format) => {
    const { text } = RECORDED.get(format) as Recorded;
    const lines = text.split("\n");
    const part = lines.slice(0, Math.floor(lines.length / 2));
    const read = async (bytes: string, whole: boolean) => {
      const recording = new Recording({ catalog: await catalogOf(MODULE) });
      recording.push(bytes);
      return recording.finish(whole);
    };
    const cut = await read(`${part.join("\n")}\n${lines[part.length]?.slice(0, -9)}`, false);
    const [told, ...others] = cut.diagnostics;
    expect(told).toMatchObject({
      code: INTERRUPTED,
      message: `the reading was interrupted: only the first ${part.length} lines are told of`,
    });
    const whole = await read(`${part.join("\n")}\n`, true);
    // A file that ends there has no end; of a reading that was stopped that is not known.
    const ofFile = whole.diagnostics.filter(({ code }) => code !== "SL7114");
    expect({ ...cut, diagnostics: others }).toEqual({ ...whole, diagnostics: ofFile });
    expect(renderRecordingText(cut, await catalogOf(MODULE))).toMatch(
      /Only\s+the\s+first\s+[\d,]+\s+lines\s+were\s+read:\s+the\s+reading\s+was\s+interrupted\./,
    );
    expect(renderRecordingText(whole, await catalogOf(MODULE))).not.toContain("interrupted");
  },
);

type Below = (n: number) => number;
/** Changes the lines after the head of a recording. */
type Damage = (lines: string[], below: Below, format: RecordFormat) => string[];

const CPU_OF: Readonly<Record<RecordFormat, RegExp>> = {
  bpftrace: /^[cex] \d+ (\d+)/,
  "function-graph": /\|\s+(\d+)\)/,
  perf: /\[(\d+)\]/,
  ndjson: /"cpu":(\d+)/,
};

/** The lines of each CPU come late by as much as its buffer holds, and so after those of others. */
const interleaved: Damage = (lines, below, format) => {
  const late = new Map<string, number>();
  const keyed = lines.map((line, i) => {
    const cpu = CPU_OF[format].exec(line)?.[1];
    if (cpu === undefined) return { line, at: i };
    if (below(30) === 0) late.set(cpu, below(40));
    return { line, cpu, at: i + (late.get(cpu) ?? 0) };
  });
  // A CPU's own lines stay in their order.
  const last = new Map<string, number>();
  for (const one of keyed) {
    if (one.cpu === undefined) continue;
    one.at = Math.max(one.at, last.get(one.cpu) ?? 0);
    last.set(one.cpu, one.at);
  }
  return keyed.sort((a, b) => a.at - b.at).map(({ line }) => line);
};

const cutOff: Damage = (lines, below) =>
  lines.map((line) => (below(50) === 0 ? line.slice(0, below(line.length)) : line));

const overwritten: Damage = (lines, below) =>
  lines.map((line) => {
    if (below(50) > 0 || line.length < 10) return line;
    const at = below(line.length - 5);
    return `${line.slice(0, at)}\u0000\u0007?@#${line.slice(at + 5)}`;
  });

const endsEarly: Damage = (lines, below) => lines.slice(0, Math.floor(lines.length / 2) + below(lines.length / 2));

const damaged = ({ text }: Recorded, damage: Damage, seed: number, format: RecordFormat): string => {
  const random = randomOf(seed, 0);
  const lines = text.split("\n");
  const head = lines.findIndex((line) => CPU_OF[format].test(line));
  const below = (n: number): number => random.below(Math.max(1, Math.floor(n)));
  return [...lines.slice(0, head), ...damage(lines.slice(head), below, format)].join("\n");
};

const told = (recorded: Recorded, text: string) => agreement({ ...recorded, text }, MODULE);

describe.each(RECORD_FORMATS)("%s", { timeout: 600_000 }, (format) => {
  it("lines that are cut off, or have other bytes in them", async () => {
    for (const seed of SEEDS) {
      for (const damage of [cutOff, overwritten]) {
        const recorded = RECORDED.get(format) as Recorded;
        const { result, document } = await told(recorded, damaged(recorded, damage, seed, format));
        const { unread, passed, lost, unmatched } = document.recording;
        expect(result.certainWrong).toBe(0);
        expect(unread + passed + lost + unmatched).toBeGreaterThan(0);
      }
    }
  });

  it("lines of CPUs that come one after the other, though their times do not", async () => {
    for (const seed of SEEDS) {
      const recorded = RECORDED.get(format) as Recorded;
      const { result, document } = await told(recorded, damaged(recorded, interleaved, seed, format));
      expect(result.certainWrong).toBe(0);
      expect(result.noneOfThese).toBe(0);
      expect(document.recording.unread).toBe(0);
      expect(result.found).toBe(result.known);
    }
  });

  it("a recording that ends in the middle", async () => {
    for (const seed of SEEDS) {
      const recorded = RECORDED.get(format) as Recorded;
      const { result } = await told(recorded, damaged(recorded, endsEarly, seed, format));
      expect(result.certainWrong).toBe(0);
    }
  });
});
