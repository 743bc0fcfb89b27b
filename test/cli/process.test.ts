import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { BIN, seamlock, temporaryFolder } from "./run.ts";

/** For Node.js: say at the end, on standard error, how many threads were started, and how often memory was asked to be given back. */
const COUNTING = `--import=data:text/javascript,${encodeURIComponent(`
import { syncBuiltinESMExports } from "node:module";
import vm from "node:vm";
import threads from "node:worker_threads";
if (threads.isMainThread) {
  const { Worker } = threads;
  const { runInNewContext } = vm;
  const counted = { threads: 0, collections: 0 };
  threads.Worker = class extends Worker {
    constructor(...of) {
      super(...of);
      counted.threads++;
    }
  };
  vm.runInNewContext = (code) => {
    if (code === "gc") counted.collections++;
    return runInNewContext(code);
  };
  syncBuiltinESMExports();
  process.on("exit", () => process.stderr.write(JSON.stringify(counted)));
}`)}`;

/** For Node.js: let other threads end by this code, when they have taken or done something so often and are about to say so. */
const ending = (code: string, after: number): string =>
  `--import=data:text/javascript,${encodeURIComponent(`
import { isMainThread } from "node:worker_threads";
const { add } = Atomics;
let times = 0;
if (!isMainThread)
  Atomics.add = (...of) => {
    if (times++ === ${after}) {
      ${code}
    }
    return add(...of);
  };`)}`;

/** A check of so many vCPUs and pages. */
const searchWords = (size: string, workers: string): string[] =>
  `check page-removal --policy kick-on-busy --vcpus ${size} --pages ${size} --workers ${workers}`.split(" ");

describe("the program as a process", () => {
  it("prints its version, alone or among other words", () => {
    const version = { status: 0, out: `${packageJson.version}\n`, err: "" };
    expect(seamlock(["--version"])).toEqual(version);
    expect(seamlock(["-V"])).toEqual(version);
    expect(seamlock(["--color=never", "--version"])).toEqual(version);
  });

  it("takes the exit status 2 and prints no stack trace for a usage error", () => {
    const { status, out, err } = seamlock(["reprot"]);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toBe("error[SL0002]: unknown verb `reprot`\nhelp: did you mean `report`?\n");
  });

  it("ends quietly when the reader of its output has seen enough", () => {
    const command = `"${process.execPath}" "${BIN}" catalog --module lkml-2024-09-13 --json | head -c 1; echo " \${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync("bash", ["-c", command], { encoding: "utf8" });
    expect(stdout).toBe("{ 0\n");
    expect(stderr).toBe("");
  });

  it.runIf(existsSync("/dev/full"))("says so when its output cannot be written", () => {
    const full = openSync("/dev/full", "w");
    const { status, stderr } = spawnSync(process.execPath, [BIN, "modules"], {
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8",
    });
    closeSync(full);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error\[SL0007\]: cannot write to standard output: /);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it.runIf(existsSync("/dev/full"))("keeps its verdict when the disk is full at which its checkpoints go", () => {
    const args = ["check", "page-removal", "--policy", "fail-fast", "--vcpus", "1", "--pages", "1"];
    const full = seamlock([...args, "--checkpoint", "/dev/full"]);
    const [verdict] = seamlock(args).out.split("\n");
    expect(full).toMatchObject({ status: 1, out: expect.stringContaining(verdict ?? "?") });
    expect(full.err).toBe(
      "warning[SL0007]: `/dev/full` cannot be written: no space left on the device; the search goes on, and the file stays as it was\n" +
        "  --> /dev/full\n",
    );
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s ends a check with what it found, and its checkpoint",
    async (signal) => {
      const file = join(temporaryFolder(), "search.checkpoint");
      const args = searchWords("4", "1");
      const child = spawn(process.execPath, [BIN, ...args, "--checkpoint", file, "--checkpoint-every", "0.2"]);
      let out = "";
      child.stdout.on("data", (chunk) => {
        out += String(chunk);
      });
      const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
      // It is at work once it has written one.
      await expect.poll(() => existsSync(file), { timeout: 30_000 }).toBe(true);
      child.kill(signal);
      expect(await ended).toBe(130);
      expect(out).toContain("interrupted");
      expect(readdirSync(dirname(file))).toEqual(["search.checkpoint"]);
    },
  );

  it("says so when the file that it is redirected to takes a part of its output only", () => {
    const file = join(temporaryFolder(), "catalog.json");
    // As a disk that has so much room left, or a quota.
    const command = `ulimit -f 8; "${process.execPath}" "${BIN}" catalog --json > "${file}"`;
    const { status, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringMatching(/^error\[SL0007\]: cannot write to standard output: EFBIG/m),
    });
    // What comes after what was written before stands behind it.
    const twice = `"${process.execPath}" "${BIN}" modules > "${file}"; "${process.execPath}" "${BIN}" modules >> "${file}"`;
    spawnSync("sh", ["-c", twice]);
    const { out } = seamlock(["modules"]);
    expect(readFileSync(file, "utf8")).toBe(out + out);
  });

  it("decides with several workers what one decides", () => {
    // Large enough for the others to be asked.
    const args = ["check", "page-removal", "--policy", "kick-first", "--vcpus", "2", "--pages", "2", "--json"];
    const said = (workers: string) => {
      const { status, out } = seamlock([...args, "--workers", workers]);
      const document = { ...(JSON.parse(out) as { states: number }), seconds: 0, bytesPerState: 0 };
      expect(document.states).toBeGreaterThan(200_000);
      return { status, ...document };
    };
    expect(said("2")).toEqual(said("1"));
    expect(seamlock([...args, "--workers", "0"])).toMatchObject({ status: 2, err: expect.stringContaining("SL0004") });
  });

  describe.each([
    ["is ended from outside", "process.exit(0)", "it ended with status 0"],
    ["has an error of its own", 'setImmediate(() => {}); throw new Error("out of order")', "out of order"],
    ["has no memory left", "for (const all = []; ; ) all.push(Array(1e5).fill(Math.random()))", "memory limit"],
  ])("when a thread of it %s", (_, code, why) => {
    const run = (args: string[], after: number) =>
      spawnSync(process.execPath, ["--max-old-space-size=200", ending(code, after), BIN, ...args], {
        encoding: "utf8",
        timeout: 60_000,
        killSignal: "SIGKILL",
      });

    it("ends a search with a code", () => {
      const args = searchWords("2", "2");
      const { status, stdout, stderr } = run(args, 3);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toMatch(/^error\[SL5101\]: a thread that helps the search broke down: .*\nhelp: .*\n$/);
      expect(stderr).toContain(why);
    }, 70_000);

    it("ends a simulation with a code", () => {
      const { status, stdout, stderr } = run(["simulate", "page-removal", "--runs", "20000", "--workers", "2"], 3);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toMatch(/^error\[SL5202\]: a thread that makes runs broke down: .*\nhelp: .*\n$/);
    }, 70_000);
  });

  it("sweeps with several workers as with one: they help one check after the other", () => {
    const folder = temporaryFolder();
    writeFileSync(
      join(folder, "sizes.yaml"),
      `schema: seamlock/matrix@1
name: sizes
description: two checks that ask for help, and one that does not
blocks:
  - scenario: page-removal
    module: [1.5.05, 1.5.25]
    policy: kick-on-busy
    vcpus: 2
    pages: 2
    because: small enough for a test
  - scenario: page-removal
    module: 1.5.25
    policy: kick-first
    vcpus: 1
    because: small enough for a test
`,
    );
    const said = (workers: string) => {
      const args = ["sweep", "sizes.yaml", "-d", `by-${workers}`, "--workers", workers, "--json"];
      const { status, out, err } = seamlock(args, { cwd: folder, env: { NODE_OPTIONS: COUNTING } });
      const { rows, results } = JSON.parse(out) as { rows: { states: number; seconds: number }[]; results: object };
      expect(results).toEqual({ takenUp: 0, made: 3, madeAgain: 0 });
      const counted = JSON.parse(err) as { threads: number; collections: number };
      return { status, rows: rows.map((row) => ({ ...row, seconds: 0 })), ...counted };
    };
    const alone = said("1");
    expect(alone).toMatchObject({ threads: 0, collections: 0 });
    expect(alone.rows.filter(({ states }) => states > 1_000_000)).toHaveLength(2);
    // Two others for each check that asks for help; then what they shared is given back.
    expect(said("3")).toEqual({ ...alone, threads: 4, collections: 2 });
    expect(seamlock(["sweep", "sizes.yaml", "-d", "x", "--workers", "17"], { cwd: folder })).toMatchObject({
      status: 2,
      err: expect.stringContaining("SL0004"),
    });
  });

  it("ends on Ctrl-C at once, which a shell calls 130, and leaves no file behind", async () => {
    const folder = temporaryFolder();
    // A named pipe that nobody writes to keeps the program waiting for its input.
    spawnSync("mkfifo", ["pipe.json"], { cwd: folder });
    const child = spawn(process.execPath, [BIN, "catalog", "--module", "./pipe.json"], {
      cwd: folder,
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => child.on("close", (status, signal) => resolve(status ?? signal)));
    await new Promise((resolve) => setTimeout(resolve, 600));
    child.kill("SIGINT");
    expect(await ended).toBe("SIGINT");
    expect(readdirSync(folder)).toEqual(["pipe.json"]);
  });
});

describe("colour", () => {
  const red = "\u001b[31m";

  it.each([
    [["reprot"], {}, false],
    [["reprot", "--color=always"], {}, true],
    [["reprot", "--color", "always"], {}, true],
    [["reprot", "--color=always"], { NO_COLOR: "1" }, true],
    [["reprot", "--color=never"], {}, false],
    [["reprot"], { NO_COLOR: "1" }, false],
  ])("of %j with %j", (args, env, colored) => {
    expect(seamlock(args, { env }).err.includes(red)).toBe(colored);
  });
});

describe("input from a pipe", () => {
  it("is read to its end", () => {
    const command = `"${process.execPath}" "${BIN}" catalog -m <("${process.execPath}" "${BIN}" catalog -m lkml-2024-09-13 --json)`;
    const { status, stdout } = spawnSync("bash", ["-c", command], { encoding: "utf8" });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^module +lkml-2024-09-13 /);
  });

  const piped = (args: readonly string[], input: string) =>
    spawnSync(process.execPath, [BIN, ...args], { encoding: "utf8", input });

  it("is a scenario, too, for `-`", () => {
    const scenario = readFileSync("data/scenarios/lock/mutex.yaml", "utf8");
    const { status, stdout } = piped(["check", "-"], scenario);
    expect(stdout).toContain(": holds");
    expect(status).toBe(0);
  });

  it("can be named once", () => {
    const { status, stderr } = piped(
      ["report", "--module", "-", "--host", "-"],
      readFileSync("data/modules/lkml-2024-09-13.json", "utf8"),
    );
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^error\[SL0004\]: standard input is named twice/)]);
  });
});
