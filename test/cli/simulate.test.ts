import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Io } from "../../src/cli/io.ts";
import { run } from "../../src/cli/program.ts";
import { recordRuns } from "../../src/cli/record-runs.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";
import { BIN, inProcess, seamlock, temporaryFolder } from "./run.ts";

const REMOVAL = ["simulate", "page-removal", "--module", "1.5.05"];

interface Document {
  readonly runs: number;
  readonly interrupted: boolean;
  readonly reproduce: string;
  readonly busy: readonly { leaf: string; resource: string; holder: string; reproduce: string; trace: unknown }[];
  readonly violations: readonly { run: number; steps: number; reproduce: string; trace: { result: string }[] }[];
  readonly trace: { label: string }[] | null;
}

/** A document without how long it took. */
const timeless = (text: string) => ({ ...(JSON.parse(text) as Document), seconds: 0 });

/** The arguments of a line that seamlock printed, as a shell splits it. */
const argumentsOf = (line: string) =>
  (line.match(/'[^']*'|[^\s']+/g) ?? []).slice(1).map((word) => word.replace(/^'(.*)'$/, "$1"));

describe("runs on many threads", () => {
  const args = [
    ...REMOVAL,
    "--policy",
    "retry-forever",
    "--runs",
    "60",
    "--steps",
    "10000",
    "--show",
    "none",
    "--json",
  ];

  it("are the same as on one, and as in this thread", async () => {
    const here = timeless((await inProcess(args)).out);
    expect(here.runs).toBe(60);
    for (const workers of ["1", "3"]) {
      const { status, out, err } = seamlock([...args, "--workers", workers]);
      expect({ status, err }).toEqual({ status: 0, err: "" });
      expect(timeless(out)).toEqual(here);
    }
  });

  it("stop at the first violation in the order of the runs", () => {
    const first = (workers: string) =>
      timeless(
        seamlock([...REMOVAL, "--runs", "5000", "--steps", "20000", "--first", "--workers", workers, "--json"]).out,
      );
    expect(first("3")).toEqual(first("1"));
    expect(first("2").violations[0]?.run).toBe(0);
  });
});

describe("the line at the end", () => {
  it.each([
    [[]],
    [["--policy", "retry-n", "--retries", "1", "--schedule", "priority", "--seed", "77", "--run", "5", "--runs", "9"]],
    [["--policy", "kick-on-busy", "--runs", "4", "--cost", "kick=50", "--cost", "tdh_mem_track=9", "--show", "1"]],
    [["--set", "properties=[a removal never fails]", "--runs", "3", "--first"]],
  ])("repeats everything: %j", async (options) => {
    const { status, out } = await inProcess([...REMOVAL, ...options, "--json"]);
    const { reproduce } = timeless(out);
    const again = await inProcess([...argumentsOf(reproduce), "--json"]);
    expect(again.status).toBe(status);
    expect(timeless(again.out)).toEqual(timeless(out));
  });

  it("and that of a row or a violation repeats the whole run", async () => {
    const document = timeless((await inProcess([...REMOVAL, "--json"])).out);
    const [violation] = document.violations;
    const whole = timeless((await inProcess([...argumentsOf(violation?.reproduce ?? ""), "--json"])).out);
    expect(whole.trace).toHaveLength(violation?.steps ?? -1);
    const track = document.busy.find(({ leaf }) => leaf === "tdh_mem_track");
    const run = timeless((await inProcess([...argumentsOf(track?.reproduce ?? ""), "--json"])).out);
    expect(run.busy.map(({ leaf, holder }) => `${leaf} ${holder}`)).toContain("tdh_mem_track tdh_vp_enter");
  });

  it("ends the text as well", async () => {
    const { out } = await inProcess([...REMOVAL, "--runs", "3"]);
    const line = out.trimEnd().split("\n").at(-1) ?? "";
    const statistics = (text: string) => text.slice(text.indexOf("\n"));
    expect(statistics((await inProcess(argumentsOf(line))).out)).toBe(statistics(out));
  });
});

describe("what runs show", () => {
  it("the three contentions of the mail, each with a trace that ends in it", async () => {
    const { status, out } = await inProcess([...REMOVAL, "--policy", "fail-fast", "--json"]);
    expect(status).toBe(1);
    const { busy } = timeless(out);
    const shown = busy.filter(({ trace }) => trace !== null);
    expect(shown.map(({ leaf, resource, holder }) => [leaf, resource, holder])).toEqual([
      ["tdh_mem_track", "TDCS_EPOCH", "tdh_vp_enter"],
      ["tdh_vp_enter", "SEPT_TREE", "tdh_mem_range_block"],
      ["tdg_mem_page_accept", "SEPT_ENTRY", "tdh_mem_range_block"],
    ]);
    for (const { trace, leaf, resource } of shown) {
      const steps = trace as { leaf: string; resource: string; result: string }[];
      expect(steps.at(-1)).toMatchObject({ leaf, resource, result: "busy" });
      expect(steps.length).toBeLessThan(60);
    }
  });

  it("in the width of a mail when two take part", async () => {
    const { out } = await inProcess([...REMOVAL, "--show", "1"]);
    expect(out).toContain("#1: tdh_mem_track finds TDCS_EPOCH BUSY, held by tdh_vp_enter");
    const lanes = out.split("\n").filter((line) => /^ {0,2}\d+ {2}/.test(line));
    expect(lanes.length).toBeGreaterThan(8);
    expect(Math.max(...lanes.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("how many retries a removal needed, and how long vCPUs were kept out at which cost", async () => {
    const { out } = await inProcess([...REMOVAL, "--policy", "kick-on-busy", "--runs", "5", "--cost", "kick=50"]);
    expect(out).toMatch(/^Retries of a removal:\nretries +done/m);
    expect(out).toMatch(/^kick costs 50, any other step costs 1:$/m);
    expect(out).toMatch(/^vcpu +kept out +let in +\d/m);
  });

  it.each([
    ["violation", "mermaid", /^sequenceDiagram\n[\s\S]*BUSY/],
    ["2", "mermaid", /^sequenceDiagram\n[\s\S]*BUSY/],
    ["run", "perfetto", /"traceEvents"/],
    ["1", "perfetto", /"name": "TDCS_EPOCH"/],
  ])("--show %s as %s", async (show, format, text) => {
    const { out } = await inProcess([...REMOVAL, "--runs", "20", "--show", show, "--format", format]);
    expect(out).toMatch(text);
  });
});

describe("what cannot be simulated", () => {
  it.each([
    [["--runs", "many"], "SL0004"],
    [["--runs", ""], "SL0004"],
    [["--runs", "1e3"], "SL0004"],
    [["--seed", "-1"], "SL0004"],
    [["--seed", "4294967296"], "SL0004"],
    [["--steps", "1.5"], "SL0004"],
    [["--workers", "0"], "SL0004"],
    [["--cost", "kick"], "SL0004"],
    [["--cost", "kick=-1"], "SL0004"],
    [["--schedule", "fare"], "SL0004"],
    [["--format", "svg"], "SL0004"],
    [["--show", "99", "--runs", "1"], "SL0004"],
    [["--vcpus", "64"], "SL4208"],
    [["--pages", "1000"], "SL4208"],
  ])("%j is %s, with a next step, before anything is printed", async (options, code) => {
    const { status, out, err } = await inProcess([...REMOVAL, ...options]);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(new RegExp(`^error\\[${code}\\]: .*\nhelp: `));
  });

  it("sizes beyond the limits of a scenario file, with the place", async () => {
    const file = join(temporaryFolder(), "large.yaml");
    writeFileSync(
      file,
      "schema: seamlock/scenario@1\nname: x\ndescription: x\nkind: lock\nlock: mutex\nhosts: 100000\n",
    );
    const { status, err } = await inProcess(["simulate", file]);
    expect(status).toBe(2);
    expect(err).toMatch(/SL4207.*\n.*large\.yaml:6:/);
  });
});

describe("Ctrl-C", () => {
  /** How long a process has been at work so far, in seconds of processors' time: on a busy machine no number of seconds on the clock will do. */
  function secondsAtWork(pid: number): number {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Runs the built program and interrupts it when it has been at work for a while. */
  async function interrupted(args: readonly string[]): Promise<{ status: unknown; out: string }> {
    const child = spawn(process.execPath, [BIN, ...args], { stdio: ["ignore", "pipe", "ignore"] });
    let out = "";
    child.stdout.on("data", (chunk) => {
      out += String(chunk);
    });
    const ended = new Promise((resolve) => child.on("close", (status, signal) => resolve(status ?? signal)));
    await expect.poll(() => secondsAtWork(child.pid as number), { timeout: 40_000, interval: 100 }).toBeGreaterThan(3);
    child.kill("SIGINT");
    return { status: await ended, out };
  }

  it.each([
    ["many runs", ["--runs", "4000000000", "--steps", "2000"]],
    ["one run without an end", ["--runs", "1", "--steps", "9000000000"]],
  ])("of %s prints what there is, with a line that repeats it", async (_, size) => {
    const args = [...REMOVAL, "--policy", "retry-forever", ...size, "--show", "none", "--workers", "2", "--json"];
    const { status, out } = await interrupted(args);
    expect(status).toBe(130);
    const document = timeless(out);
    expect(document.interrupted).toBe(true);
    expect(document.runs).toBeGreaterThan(0);
    const again = seamlock([...argumentsOf(document.reproduce), "--json"]);
    expect(again.status).toBe(0);
    const limits = { interrupted: false, stepsPerRun: 0 };
    expect({ ...timeless(again.out), ...limits }).toEqual({ ...document, ...limits });
  });

  it("is heard while a terminal shows progress, with the rate", async () => {
    const controller = new AbortController();
    let [out, err] = ["", ""];
    const status = await run([...REMOVAL, "--policy", "kick-first", "--runs", "4000000000", "--show", "none"], {
      out(text) {
        out += text;
      },
      err(text) {
        err += text;
        controller.abort();
      },
      env: {},
      outIsTerminal: true,
      errIsTerminal: true,
      signal: controller.signal,
      handleInterrupt() {},
    });
    expect(status).toBe(130);
    expect(err).toMatch(/^\r[\d,]+ of 4,000,000,000 runs, [\d,]+ steps, [\d,]+ a second/);
    expect(out).toMatch(/interrupted; these runs were made/);
  });
});

it("records no more calls than memory has room for, and says of how many runs they are", async () => {
  const file = join(temporaryFolder(), "recording.txt");
  const options = { module: "1.5.05", record: "bpftrace", lose: 0, output: file, seed: 1, run: 0 } as const;
  const io = { signal: new AbortController().signal, handleInterrupt: () => undefined } as Io;
  const loaded = await loadScenario("page-removal", { module: "1.5.05", policy: "retry-n", set: [] });
  const recorded = (runs: number, most: number) =>
    recordRuns(loaded, { seed: 1, steps: 1000 }, { ...options, runs }, io, most);
  await expect(recorded(50, 500)).rejects.toMatchObject({
    code: "SL0004",
    message: expect.stringMatching(/^50 runs are too many to record at once: the first [1-9] make \d{3},?\d* calls$/),
  });
  expect(existsSync(file)).toBe(false);
  expect(await recorded(1, 5000)).toBe(0);
});
