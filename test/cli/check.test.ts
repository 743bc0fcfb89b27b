import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkpoint, startSearch } from "../../src/check/index.ts";
import { newestHost } from "../../src/cli/hosts.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";
import { checkSchema } from "../../src/cli/schemas.ts";
import { inProcess, temporaryFolder } from "./run.ts";

const SMALL = ["--module", "1.5.05", "--vcpus", "1", "--pages", "1"];

interface Document {
  readonly trace: object[];
  readonly parameters: Record<string, unknown>;
}

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
    });
    expect(document.outcome).toMatchObject({ kind: "violated", property: "a removal never fails" });
    expect(document.trace).toHaveLength(11);
    expect(document.reproduce).toBe("seamlock check page-removal --module 1.5.05 --vcpus 1 --pages 1");
  });

  it("asks the newest bundled kernel for its paths where none is named, and says which that is", async () => {
    const newest = newestHost() as string;
    const { parameters, reproduce } = await loadScenario("td-teardown", { module: "1.5.25" });
    expect([parameters["host"], reproduce]).toEqual([newest, `td-teardown --module 1.5.25 --host ${newest}`]);
    const named = await loadScenario("td-teardown", { module: "1.5.25", host: "linux-6.16" });
    expect([named.parameters["host"], named.reproduce]).toEqual([
      "linux-6.16",
      "td-teardown --module 1.5.25 --host linux-6.16",
    ]);
  });

  it("tells who is refused where host and guest use one primitive, and what every BUSY is", async () => {
    const { out } = await inProcess(["check", "lock/sharex-hp", "--hosts", "1", "--guests", "1"]);
    const table = out.slice(out.indexOf("BUSY that some run meets:"), out.indexOf("never ran"));
    const rows = table.split("\n").filter((line) => line.startsWith("acquire"));
    expect(rows.length).toBeGreaterThan(2);
    for (const row of rows) expect(row).toMatch(/^acquire_\w+ \((?:host|guest)\) .* (?:BUSY|BUSY_HOST_PRIORITY)$/);
  });

  it("folds who is refused by many into lines of 100 columns, and loses nobody", async () => {
    const words = ["check", "lock/sharex-hp", "--hosts", "1", "--guests", "1"];
    const [{ out }, json] = [await inProcess(words), await inProcess([...words, "--json"])];
    const lines = out.slice(out.indexOf("BUSY that some run meets:"), out.indexOf("never ran")).split("\n");
    expect(lines.filter((line) => line.startsWith(" ".repeat(40))).length).toBeGreaterThan(2);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    const { busy } = checkSchema.parse(JSON.parse(json.out));
    const named = lines.flatMap((line) => line.match(/acquire_\w+/g) ?? []);
    expect(named).toHaveLength(busy.length + busy.reduce((n, { holders }) => n + holders.length, 0));
  });

  it.each([
    [["check", "page-removal", ...SMALL], /^tdh_mem_track +TDCS_EPOCH +tdh_vp_enter +BUSY \| TD_EPOCH$/m],
    [["check", "page-removal", ...SMALL], /acquire TDCS_EPOCH EXCLUSIVE: BUSY\s+\| TD_EPOCH/],
    [
      ["simulate", "page-removal", ...SMALL, "--runs", "20", "--show", "1"],
      /^\d+ +tdh_\w+ +\w+ +\w+ +BUSY \| [A-Z_]+ +\d/m,
    ],
    [["export", "page-removal", ...SMALL, "--to", "mermaid"], /-x\w+: .* BUSY \| TD_EPOCH$|: BUSY \| TD_EPOCH$/m],
  ])("%s tells statuses by the names that reports use", async (args, expected) => {
    const { out } = await inProcess(args);
    expect(out).toMatch(expected);
    expect(out).not.toMatch(/0x80000200/);
  });

  it("names locks in a diagram as the kernel does", async () => {
    const { out } = await inProcess(["export", "page-removal", ...SMALL, "--to", "mermaid"]);
    expect(out).toContain("as kvm→mmu_lock\n");
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

  it.each([
    ["a label", (d: Document) => Object.assign(d.trace[0] as object, { label: "nope" }), /trace\[0\]\.label is "nope"/],
    [
      "a leaf",
      (d: Document) => Object.assign(d.trace[2] as object, { leaf: "tdh_fake" }),
      /trace\[2\]\.leaf is "tdh_fake", but/,
    ],
    ["a value", (d: Document) => Object.assign(d.trace[1] as object, { state: { x: 1 } }), /trace\[1\]\.state/],
    ["an alternative", (d: Document) => Object.assign(d.trace[3] as object, { alternative: 99 }), /trace\[3\]/],
    ["a missing step", (d: Document) => void d.trace.splice(4, 1), /trace\[4\]/],
    ["a missing end", (d: Document) => void d.trace.pop(), /digest/],
    ["other parameters", (d: Document) => Object.assign(d.parameters, { pages: 9 }), /digest/],
  ])("refuses to play a trace with %s changed", async (_, change, message) => {
    const file = join(temporaryFolder(), "trace.json");
    const document = JSON.parse((await inProcess(["check", "page-removal", ...SMALL, "--json"])).out) as Document;
    change(document);
    writeFileSync(file, JSON.stringify(document));
    const { status, err } = await inProcess(["check", "page-removal", ...SMALL, "--replay", file]);
    expect(status).toBe(2);
    expect(err).toContain("SL4215");
    expect(err).toMatch(message);
  });

  it("takes up a search that was kept", async () => {
    const file = join(temporaryFolder(), "search.checkpoint");
    const args = ["check", "page-removal", ...SMALL, "--policy", "kick-first", "--json"];
    const whole = JSON.parse((await inProcess(args)).out) as object;
    const first = await inProcess([...args, "--depth", "20", "--checkpoint", file]);
    expect(first.status).toBe(3);
    const { status, out } = await inProcess([...args, "--resume", file]);
    expect(status).toBe(0);
    expect({ ...(JSON.parse(out) as object), seconds: 0 }).toEqual({ ...whole, seconds: 0 });
    const other = await inProcess(["check", "page-removal", ...SMALL, "--resume", file]);
    expect(other.status).toBe(2);
    expect(other.err).toMatch(/SL4103.*another model[\s\S]*search\.checkpoint/);
  });

  it("does not take up a search that another build kept", async () => {
    const file = join(temporaryFolder(), "search.checkpoint");
    const { model } = await loadScenario("page-removal", { module: "1.5.05", vcpus: "1", pages: "1" });
    writeFileSync(file, Buffer.concat(checkpoint(startSearch(model), "seamlock 0.0.9, engine 000000000000")));
    const { status, err } = await inProcess(["check", "page-removal", ...SMALL, "--resume", file]);
    expect(status).toBe(2);
    expect(err).toMatch(/SL4103.*another build \(seamlock 0\.0\.9, engine 0{12}; this one is seamlock [\d.]+, engine/);
    expect(err).toMatch(/go on with the seamlock that wrote it/);
    expect(err).toContain("search.checkpoint");
  });

  it("says nothing of reductions when the spaces were not explored whole", async () => {
    const args = ["check", "page-removal", ...SMALL, "--verify-reduction"];
    const { status, out } = await inProcess([...args, "--states", "50"]);
    expect(status).toBe(3);
    expect(out).toContain("Nothing can be said of the reductions");
    expect(out).not.toMatch(/are (right|wrong)/);
  });

  it("takes the locks", async () => {
    expect((await inProcess(["check", "lock/mutex", "--hosts", "3"])).status).toBe(0);
    expect((await inProcess(["check", "lock/sharex-hp", "--hosts", "1", "--guests", "2"])).out).toContain(
      "sanity check 11 does not fail",
    );
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
