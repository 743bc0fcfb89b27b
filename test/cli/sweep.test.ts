import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type SweepResult, writeResult } from "../../src/cli/sweep-results.ts";
import { BIN, inProcess, temporaryFolder } from "./run.ts";

const MATRIX = `schema: seamlock/matrix@1
name: small
description: some checks that take no time
blocks:
  - scenario: lock/mutex
    hosts: [1, 2, 3]
    guests: 0
  - scenario: lock/sept-entry
    hosts: [1, 2]
    guests: 1
    set:
      writeBack: [none, whole-word]
  - scenario: page-removal
    module: 1.5.0*
    policy: kick-first
    vcpus: 1
    pages: 1
`;

const MANY = Array.from({ length: 400 }, (_, i) => i).join(",");

interface Document {
  readonly results: { readonly takenUp: number; readonly made: number; readonly madeAgain: number };
  readonly cases: number;
  readonly missing: readonly string[];
  readonly rows: readonly { readonly file: string; readonly reproduce: string; readonly outcome: { kind: string } }[];
}

function written(text = MATRIX): { folder: string; matrix: string; results: string } {
  const folder = temporaryFolder();
  const matrix = join(folder, "small.yaml");
  writeFileSync(matrix, text);
  return { folder, matrix, results: join(folder, "results") };
}

interface Strategy {
  readonly matrix: { readonly shard: readonly number[] };
}

const read = (file: string) => JSON.parse(readFileSync(file, "utf8")) as SweepResult;

/** A folder's results without what a clock says, by name. */
const contentsOf = (folder: string) =>
  new Map(readdirSync(folder).map((name) => [name, { ...read(join(folder, name)), seconds: 0, digest: "" }]));

/** The result as another build left it: it takes for broken what holds. */
function asOfAnotherBuild(file: string, madeBy: SweepResult["madeBy"]): void {
  const { madeBy: _, ...result } = read(file);
  const outcome = { kind: "violated", property: "of another build", reason: null } as const;
  writeResult(file, { ...result, outcome, ...(madeBy !== undefined && { madeBy }) });
}

const OTHER = { version: "0.1.0", engine: `sha256:${"0".repeat(64)}` };

const timesOf = (folder: string) =>
  new Map(readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mtimeMs]));

describe("sweep", () => {
  it("makes one result a case, and a table", async () => {
    const { matrix, results } = written();
    const { status, out } = await inProcess(["sweep", matrix, "-d", results]);
    expect(status).toBe(1);
    expect(out).toMatch(/^small: 12 of 12 checks\n/);
    expect(out).toContain("10 hold, 2 break, 0 are inconclusive.");
    const names = readdirSync(results);
    expect(names).toHaveLength(12);
    for (const name of names)
      expect(JSON.parse(readFileSync(join(results, name), "utf8"))).toMatchObject({
        schema: "seamlock/sweep-result@1",
        matrix: { name: "small", cases: 12 },
      });
    const markdown = await inProcess(["sweep", matrix, "-d", results, "--format", "markdown"]);
    expect(markdown.out).toContain("| page-removal kick-first vcpus=1 pages=1 | 1.5.05 | holds |");
    expect(markdown.out).toMatch(
      /\| lock\/sept-entry hosts=1 guests=1 writeBack=whole-word \| [-\d.]+ \| breaks in 8 steps/,
    );
  });

  it("does not make again what is there, and makes what is missing or was made under other bounds", async () => {
    const { matrix, results } = written();
    await inProcess(["sweep", matrix, "-d", results]);
    for (const name of readdirSync(results)) utimesSync(join(results, name), 1, 1);
    const before = timesOf(results);
    await inProcess(["sweep", matrix, "-d", results]);
    expect(timesOf(results)).toEqual(before);
    const bounded = await inProcess(["sweep", matrix, "-d", results, "--states", "2", "--no-reduction", "--json"]);
    expect(bounded.status).toBe(3);
    expect(readdirSync(results)).toHaveLength(24);
  });

  it("makes again what another build made, and says so", async () => {
    const { matrix, results } = written();
    const first = await inProcess(["sweep", matrix, "-d", results]);
    expect(first.out).toContain("Results: 12 made.");
    const good = contentsOf(results);
    const [a, b, c, d] = readdirSync(results).map((name) => join(results, name)) as [string, string, string, string];
    const own = read(a).madeBy as typeof OTHER;
    asOfAnotherBuild(a, OTHER);
    asOfAnotherBuild(b, { ...own, version: "0.0.9" });
    // Of before results said what had made them.
    asOfAnotherBuild(c, undefined);
    rmSync(d);
    const second = await inProcess(["sweep", matrix, "-d", results, "--json"]);
    expect(JSON.parse(second.out)).toMatchObject({ madeBy: own, results: { takenUp: 8, made: 1, madeAgain: 3 } });
    expect(second.out).not.toContain("of another build");
    expect(contentsOf(results)).toEqual(good);
    asOfAnotherBuild(a, OTHER);
    const third = await inProcess(["sweep", matrix, "-d", results]);
    expect(third.out).toContain("Results: 11 taken up, 1 made again, for another build had made it.");
  });

  it("does not merge what several builds made, nor what does not say which", async () => {
    const { matrix, results, folder } = written();
    const parts = ["1", "2"].map((i) => join(folder, `part-${i}`)) as [string, string];
    for (const [i, part] of parts.entries()) await inProcess(["sweep", matrix, "-d", part, "--shard", `${i + 1}/2`]);
    const files = (part: string) => readdirSync(part).map((name) => join(part, name));
    for (const madeBy of [OTHER, undefined]) {
      for (const file of files(parts[1])) asOfAnotherBuild(file, madeBy);
      const { status, out, err } = await inProcess(["sweep", "merge", ...parts, "-d", results]);
      expect([status, out]).toEqual([2, ""]);
      expect(err).toContain("error[SL4308]");
      expect(err).toContain(`--> ${files(parts[1])[0]}`);
      expect(err).toContain(
        madeBy === undefined ? "does not say which build" : "another build (seamlock 0.1.0, engine 000000000000)",
      );
      expect(err).toContain("run the sweep of each folder again");
      expect(existsSync(results)).toBe(false);
    }
    // The same case in both folders, too: the file of another build would take the other's place.
    const [same] = readdirSync(parts[0]) as [string];
    rmSync(parts[1], { recursive: true });
    mkdirSync(parts[1]);
    writeFileSync(join(parts[1], same), readFileSync(join(parts[0], same)));
    asOfAnotherBuild(join(parts[1], same), OTHER);
    expect((await inProcess(["sweep", "merge", ...parts])).err).toContain("error[SL4308]");
    // One other build made all of it: that is a whole.
    for (const file of files(parts[0])) asOfAnotherBuild(file, OTHER);
    const { out } = await inProcess(["sweep", "merge", ...parts, "--json"]);
    expect(JSON.parse(out)).toMatchObject({ madeBy: OTHER, results: { takenUp: 6, made: 0, madeAgain: 0 } });
  });

  it("keeps a file a case, however much of a command its name shows", async () => {
    const { folder } = written();
    const long = join(folder, "a-long-name-".repeat(9));
    mkdirSync(long);
    const scenario = join(long, "mutex.yaml");
    writeFileSync(scenario, readFileSync("data/scenarios/lock/mutex.yaml"));
    const { matrix, results } = written(`schema: seamlock/matrix@1
name: long
description: two modules with one model
blocks:
  - scenario: ${scenario}
    module: [1.5.24, 1.5.25]
`);
    const { out } = await inProcess(["sweep", matrix, "-d", results, "--json"]);
    const { rows } = JSON.parse(out) as { rows: readonly { readonly module: string }[] };
    expect(rows.map(({ module }) => module)).toEqual(["1.5.24", "1.5.25"]);
    expect(readdirSync(results)).toHaveLength(2);
  });

  it("takes a matrix's size where a block states none, and ends a violated check where its block says", async () => {
    const { matrix, results } = written(`schema: seamlock/matrix@1
name: sized
description: sizes
size: { vcpus: 2, pages: 1 }
blocks:
  - scenario: page-removal
    module: 1.5.05
    policy: [fail-fast, kick-first]
    onceViolated: 1000
  - scenario: page-removal
    module: 1.5.05
    policy: kick-first
    vcpus: 1
    because: it takes one
`);
    const { out } = await inProcess(["sweep", matrix, "-d", results, "--json"]);
    const { rows } = JSON.parse(out) as Document;
    expect(rows.map(({ reproduce, outcome }) => [reproduce.replace(/^.*--policy /, ""), outcome])).toEqual([
      [
        "fail-fast --vcpus 2 --pages 1 --states 1000",
        { kind: "violated", property: "a removal never fails", reason: "the bound of 1000 states was reached" },
      ],
      ["kick-first --vcpus 2 --pages 1", { kind: "holds", property: null, reason: null }],
      ["kick-first --vcpus 1 --pages 1", { kind: "holds", property: null, reason: null }],
    ]);
    const notes = rows.map(({ file }) => JSON.parse(readFileSync(join(results, file), "utf8")).sizeNote as unknown);
    expect(notes).toEqual([null, null, "it takes one"]);
  });

  it("refuses a result that was changed after it was written", async () => {
    const { matrix, results } = written();
    await inProcess(["sweep", matrix, "-d", results]);
    const file = join(results, readdirSync(results)[0] as string);
    const good = readFileSync(file, "utf8");
    for (const [from, to] of [
      ['"kind": "holds"', '"kind": "violated"'],
      // What JSON can say in several ways, or writes as something else.
      ['"reason": null', '"reason": 1e999'],
      ['"case": 0', '"case": -0'],
    ] as const) {
      expect(good).toContain(from);
      writeFileSync(file, good.replace(from, to));
      for (const args of [
        ["sweep", matrix, "-d", results],
        ["sweep", "merge", results],
      ]) {
        const { status, err } = await inProcess(args);
        expect(status).toBe(2);
        expect(err).toMatch(/SL4306.*was changed/);
      }
    }
  });

  it("says where no folder can be made", async () => {
    const { status, err } = await inProcess(["sweep", written().matrix, "-d", "/proc/seamlock"]);
    expect(status).toBe(2);
    expect(err).toContain("SL0007");
  });

  it("goes on after it was killed, with the same results as without", async () => {
    const { matrix, results, folder } = written();
    const child = spawn(process.execPath, [BIN, "sweep", matrix, "-d", results], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    const files = () => {
      try {
        return readdirSync(results).filter((name) => name.endsWith(".json"));
      } catch {
        return [];
      }
    };
    while (files().length < 3 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGKILL");
    await ended;
    for (const name of files()) JSON.parse(readFileSync(join(results, name), "utf8"));
    const stale = join(results, ".lock-mutex-0123456789abcdef.json.0123456789ab.tmp");
    writeFileSync(stale, "{");
    utimesSync(stale, 1, 1);
    const resumed = await inProcess(["sweep", matrix, "-d", results, "--json"]);
    const whole = await inProcess(["sweep", matrix, "-d", join(folder, "other"), "--json"]);
    expect(untimed(resumed.out)).toEqual(untimed(whole.out));
    expect(existsSync(stale)).toBe(false);
    // A temporary file of the killed run may still be there: too young to be told from one that another shard is writing.
    expect(files().sort()).toEqual(readdirSync(join(folder, "other")).sort());
  });

  it("has shards that make up the whole", async () => {
    const { matrix, results, folder } = written();
    const whole = await inProcess(["sweep", matrix, "-d", results, "--json"]);
    const parts = ["1", "2", "3"].map((i) => join(folder, `part-${i}`));
    for (const [i, part] of parts.entries()) await inProcess(["sweep", matrix, "-d", part, "--shard", `${i + 1}/3`]);
    const sizes = parts.map((part) => readdirSync(part).length);
    expect(sizes).toEqual([4, 4, 4]);
    const some = await inProcess(["sweep", "merge", ...parts.slice(1), "--json"]);
    expect(some.status).toBe(3);
    expect((JSON.parse(some.out) as Document).missing).toHaveLength(4);
    const all = join(folder, "all");
    const merged = await inProcess(["sweep", "merge", ...parts, "-d", all, "--json"]);
    expect(merged.status).toBe(1);
    expect(untimed(merged.out)).toEqual(untimed(whole.out));
    expect(readdirSync(all).sort()).toEqual(readdirSync(results).sort());
  });

  it("is divided by a CI system as docs/scenarios.md says", async () => {
    const { matrix, results, folder } = written(MATRIX.slice(0, MATRIX.indexOf("  - scenario: page-removal")));
    const block = /```yaml\n(name: sweep\n[\s\S]*?)```/.exec(readFileSync("docs/scenarios.md", "utf8"))?.[1] ?? "";
    const { jobs } = parse(block) as { jobs: Record<string, { steps: { run?: string }[]; strategy?: Strategy }> };
    const commandOf = (job: string) =>
      jobs[job]?.steps.flatMap(({ run }) => /seamlock (.*?)(?: \|\|| >>)/.exec(run ?? "")?.[1] ?? [])[0] ?? "";
    const run = (command: string) =>
      inProcess(command.split(" ").map((word) => (/^part-\d/.test(word) ? join(folder, word) : word)));
    for (const shard of jobs["part"]?.strategy?.matrix.shard ?? [])
      await run(
        commandOf("part")
          .replace(/\$\{\{ matrix\.shard \}\}/g, `${shard}`)
          .replace("page-removal", matrix),
      );
    const whole = await inProcess(["sweep", matrix, "-d", results, "--format", "markdown"]);
    const merged = await run(commandOf("whole"));
    expect([merged.status, merged.err]).toEqual([whole.status, ""]);
    expect(merged.out).toContain("lock/mutex");
  });

  it("does not merge what does not belong together", async () => {
    const { matrix, results, folder } = written();
    await inProcess(["sweep", matrix, "-d", results]);
    const other = join(folder, "other.yaml");
    writeFileSync(other, MATRIX.replace("[1, 2, 3]", "[1, 2]"));
    await inProcess(["sweep", other, "-d", join(folder, "other")]);
    expect((await inProcess(["sweep", "merge", results, join(folder, "other")])).err).toContain("error[SL4307]");
    await inProcess(["sweep", matrix, "-d", results, "--states", "5"]);
    expect((await inProcess(["sweep", "merge", results])).err).toContain("there are two results for");
    mkdirSync(join(folder, "empty"));
    expect((await inProcess(["sweep", "merge", join(folder, "empty")])).err).toContain("error[SL4306]");
    writeFileSync(join(folder, "empty", "note.json"), "{}");
    expect((await inProcess(["sweep", "merge", join(folder, "empty")])).err).toContain("is not the result of a sweep");
    expect((await inProcess(["sweep", "merge", join(folder, "absent")])).err).toContain("error[SL0006]");
    expect((await inProcess(["sweep", "merge"])).err).toContain("error[SL0004]");
  });

  it.each([
    ["", "SL4301"],
    ["a: [", "SL4301"],
    ["schema: seamlock/scenario@1\n", "SL4302"],
    [MATRIX.replace("@1", "@9"), "SL4302"],
    [MATRIX.replace("hosts: [1, 2, 3]", "host: []"), "SL4303"],
    [MATRIX.replace("hosts:", "hoots:"), "SL4303"],
    [MATRIX.replace("1.5.0*", "9.*"), "SL4304"],
    [MATRIX.replace("1.5.0*", "9.9"), "SL0005"],
    [MATRIX.replace("lock/mutex", "lock/mutx"), "SL4200"],
    [MATRIX.replace("kick-first", "kick"), "SL4208"],
    [MATRIX.replace("writeBack", "writeFront"), "SL4208"],
    [MATRIX.replace("[1, 2, 3]", `[${MANY}]`).replace("guests: 0", `guests: [${MANY}]`), "SL4304"],
  ])("refuses a bad matrix before it checks anything: %#", async (text, code) => {
    const { matrix, results } = written(text);
    const { status, err } = await inProcess(["sweep", matrix, "-d", results]);
    expect(status).toBe(2);
    expect(err).toContain(`error[${code}]`);
    expect(() => readdirSync(results)).toThrow();
  });

  it.each([
    [["sweep", "lokcs", "-d", "x"], "SL4300", "did you mean `locks`?"],
    [["sweep", "locks"], "SL0004", "--results is missing"],
    [["sweep", "locks", "extra", "-d", "x"], "SL0004", "one argument too many"],
    [["sweep", "locks", "-d", "x", "--shard", "0/3"], "SL4305", "2/5 is the second of five"],
    [["sweep", "locks", "-d", "x", "--shard", "4/3"], "SL4305", "2/5 is the second of five"],
    [["sweep", "locks", "-d", "x", "--time", "no"], "SL0004", "is not a positive number"],
  ])("%j is %s", async (args, code, hint) => {
    const { status, err } = await inProcess(args);
    expect(status).toBe(2);
    expect(err).toContain(`error[${code}]`);
    expect(err).toContain(hint);
  });
});

/** A document without what differs from run to run. */
function untimed(out: string): unknown {
  return JSON.parse(out, (key, value: unknown) => (["seconds", "results"].includes(key) ? 0 : value));
}
