import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { inProcess, temporaryFolder } from "./run.ts";

const SMALL = ["--module", "1.5.05", "--vcpus", "1", "--pages", "1"];

describe("check", () => {
  it("proves a policy, or shows the shortest way it breaks", async () => {
    const holds = await inProcess(["check", "page-removal", ...SMALL, "--policy", "kick-first"]);
    expect(holds.status).toBe(0);
    expect(holds.out).toMatch(/^page-removal: holds\n/);
    const breaks = await inProcess(["check", "page-removal", ...SMALL, "--json"]);
    expect(breaks.status).toBe(1);
    const document = JSON.parse(breaks.out) as {
      outcome: unknown;
      trace: unknown[];
      busy: unknown[];
      reproduce: string;
    };
    expect(document).toMatchObject({
      schema: "seamlock/check@1",
      scenario: "page-removal",
      policy: "fail-fast",
      exact: true,
    });
    expect(document.outcome).toMatchObject({ kind: "violated", property: "a removal never fails" });
    expect(document.trace).toHaveLength(11);
    expect(document.reproduce).toBe("seamlock check page-removal --module 1.5.05 --vcpus 1 --pages 1");
  });

  it("is inconclusive when a bound is reached", async () => {
    const { status, out } = await inProcess([
      "check",
      "page-removal",
      ...SMALL,
      "--policy",
      "kick-first",
      "--depth",
      "5",
    ]);
    expect(status).toBe(3);
    expect(out).toContain("inconclusive: the depth bound of 5 steps was reached");
  });

  it("plays a trace on another policy", async () => {
    const file = join(temporaryFolder(), "trace.json");
    writeFileSync(file, (await inProcess(["check", "page-removal", ...SMALL, "--json"])).out);
    const same = await inProcess(["check", "page-removal", ...SMALL, "--replay", file]);
    expect(same.status).toBe(1);
    expect(same.out).toContain("violated: a removal never fails");
    expect(
      (await inProcess(["check", "page-removal", ...SMALL, "--policy", "kick-first", "--replay", file])).status,
    ).toBe(0);
  });

  it("takes the locks and the yardstick", async () => {
    expect((await inProcess(["check", "lock/mutex", "--hosts", "3"])).status).toBe(0);
    expect((await inProcess(["check", "lock/sharex-hp", "--hosts", "1", "--guests", "2"])).out).toContain(
      "sanity check 11 does not fail",
    );
    const bench = await inProcess(["check", "bench/enter-and-zap", "--vcpus", "1", "--no-reduction", "--json"]);
    expect(JSON.parse(bench.out)).toMatchObject({ states: 3714, transitions: 7522 });
  });

  it.each([
    [["check", "page-removl"], "SL4200", "did you mean `page-removal`?"],
    [["check", "page-removal", "--policy", "kick"], "SL4208", "it is of the kind running-td"],
    [["check", "lock/mutex", "--vcpus", "2"], "SL4208", "it is of the kind lock"],
    [["check", "page-removal", "--set", "vcpus"], "SL0004", "for instance --set"],
    [["check", "td-build", "--host", "linux-6.19", "--set", "phases=[boot]"], "SL4214", "it has init"],
    [["check", "page-removal", "--module", "lkml-2024-09-13"], "SL", "help: "],
  ])("%j is %s", async (args, code, hint) => {
    const { status, err } = await inProcess(args);
    expect(status).toBe(2);
    expect(err).toContain(`error[${code}`);
    expect(err).toContain(hint);
  });

  it("points at the place of a fault in a scenario file", async () => {
    const file = join(temporaryFolder(), "mine.yaml");
    writeFileSync(file, "schema: seamlock/scenario@1\nname: mine\ndescription: x\nkind: running-td\nvcpus: many\n");
    const { status, err } = await inProcess(["check", file]);
    expect(status).toBe(2);
    expect(err).toContain("error[SL4207]");
    expect(err).toContain("mine.yaml:5:");
  });
});

describe("simulate and export", () => {
  it("the same seed gives the same runs", async () => {
    const run = async () => {
      const document = JSON.parse(
        (await inProcess(["simulate", "page-removal", "--module", "1.5.05", "--runs", "5", "--json"])).out,
      ) as Record<string, unknown>;
      return { ...document, seconds: 0 };
    };
    const first = await run();
    expect(first).toEqual(await run());
    expect(first).toMatchObject({ schema: "seamlock/simulate@1", runs: 5 });
  });

  it.each([
    ["promela", "proctype"],
    ["tla", "MODULE"],
    ["mermaid", "sequenceDiagram"],
    ["perfetto", "traceEvents"],
    ["text", "remover"],
  ])("exports to %s", async (form, word) => {
    const { status, out } = await inProcess(["export", "page-removal", ...SMALL, "--to", form]);
    expect(status).toBe(0);
    expect(out).toContain(word);
  });

  it.each([
    ["an empty file", "", "SL4213", ":1:1"],
    ["a document that is cut off", '{"trace": [', "SL4213", ":1:12"],
    ["a document without a trace", '{"trace": [1]}', "SL4213", "replayed.json"],
  ])("does not replay %s", async (_, text, code, place) => {
    const file = join(temporaryFolder(), "replayed.json");
    writeFileSync(file, text);
    const { status, err } = await inProcess(["check", "page-removal", ...SMALL, "--replay", file]);
    expect(status).toBe(2);
    expect(err).toContain(code);
    expect(err).toContain(place);
    expect(err).toContain("--json");
  });
});
