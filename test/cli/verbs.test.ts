import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { contendSchema, diffSchema } from "../../src/analysis/index.ts";
import { type Catalog, catalogSchema, modulesSchema, serializeCatalog } from "../../src/catalog/index.ts";
import { loadModule } from "../../src/cli/modules.ts";
import { reportSchema } from "../../src/report/index.ts";
import { inProcess, seamlock, temporaryFolder } from "./run.ts";

const PUBLISHED = "lkml-2024-09-13";

/** The published table as a file, with something changed. */
async function changedCopy(change: (catalog: Catalog) => Catalog): Promise<string> {
  const file = join(temporaryFolder(), "changed.json");
  writeFileSync(file, serializeCatalog(change(await loadModule(PUBLISHED))));
  return file;
}

const withDiagnostic = (severity: "error" | "warning" | "note") => (catalog: Catalog) => ({
  ...catalog,
  diagnostics: [{ code: "SL1999", severity, message: "something is unclear", file: "src/a.c", line: 7 }],
});

describe("--json", () => {
  it.each([
    ["modules", ["modules"], modulesSchema],
    ["catalog", ["catalog", "-m", PUBLISHED], catalogSchema],
    ["report", ["report", "-m", PUBLISHED], reportSchema],
    ["contend", ["contend", "-m", PUBLISHED], contendSchema],
    ["diff", ["diff", PUBLISHED, PUBLISHED], diffSchema],
  ])("of %s is one document on standard output and nothing else", (name, args, schema) => {
    const { status, out, err } = seamlock([...args, "--json"]);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(schema.parse(JSON.parse(out)).schema).toBe(`seamlock/${name}@1`);
    expect(out.endsWith("}\n")).toBe(true);
  });

  it("is --format json", async () => {
    const args = ["contend", "-m", PUBLISHED, "tdh_mem_track"];
    expect(await inProcess([...args, "--json"])).toEqual(await inProcess([...args, "--format", "json"]));
  });

  it("keeps diagnostics on standard error", async () => {
    const file = await changedCopy(withDiagnostic("warning"));
    for (const args of [
      ["report", "-m", file],
      ["contend", "-m", file],
      ["catalog", "-m", file],
      ["diff", file, file],
    ]) {
      const { status, out, err } = await inProcess([...args, "--json"]);
      expect(status).toBe(0);
      expect(err).toContain("warning[SL1999]: something is unclear\n  --> src/a.c:7\n");
      expect(() => JSON.parse(out)).not.toThrow();
    }
  });
});

describe("diagnostics of a catalog", () => {
  it("that are errors make the answer inconclusive", async () => {
    const file = await changedCopy(withDiagnostic("error"));
    for (const args of [
      ["report", "-m", file],
      ["contend", "-m", file],
      ["catalog", "-m", file],
      ["diff", file, file],
    ]) {
      const { status, err } = await inProcess(args);
      expect(status).toBe(3);
      expect(err).toContain("error[SL1999]: something is unclear\n");
    }
  });

  it("that are notes are counted, and printed on request", async () => {
    const file = await changedCopy(withDiagnostic("note"));
    expect((await inProcess(["catalog", "-m", file])).err).toBe("1 note not shown; --verbose shows them\n");
    expect((await inProcess(["catalog", "-m", file, "--verbose"])).err).toContain("note[SL1999]");
  });

  it("that are notes on calls out of scope are not counted", async () => {
    // 1.5.05 has notes on TDH.EXPORT.* and TDH.IMPORT.* only, 1.5.16 too, but for one: calls that no kernel makes.
    const explain = ["explain", "0x8000020000000092", "-m", "1.5.05"];
    expect((await inProcess([...explain, "--host", "linux-6.16"])).err).toBe("");
    expect((await inProcess([...explain, "--leaf", "tdh_mem_page_remove"])).err).toBe("");
    expect((await inProcess([...explain, "--leaf", "tdh_export_mem"])).err).toBe(
      "1 note not shown; --verbose shows them\n",
    );
    expect((await inProcess(["diff", "1.5.05", "1.5.16", "--host", "proposal-report-2024-09"])).err).toBe("");
    // And one on TDH.SYS.LP.INIT in 1.5.16, which a kernel makes where TDX starts.
    expect((await inProcess(["diff", "1.5.05", "1.5.16", "--host", "linux-6.16"])).err).toBe(
      "1 note not shown; --verbose shows them\n",
    );
    expect((await inProcess(["diff", "1.5.05", "1.5.16", "--leaf", "tdh_mem_track"])).err).toBe("");
    expect((await inProcess(["diff", PUBLISHED, "1.5.05"])).err).toBe("");
    expect((await inProcess(["diff", "1.5.05", "1.5.16"])).err).toMatch(
      /^\d+ notes not shown; --verbose shows them\n$/,
    );
  });
});

describe("report", () => {
  it("derives the users that the published mail lists", async () => {
    const { out } = await inProcess(["report", "-m", PUBLISHED, "--json"]);
    const { resources } = JSON.parse(out) as {
      resources: { resource: string; shared: string[]; exclusive: string[] }[];
    };
    const epoch = resources.find(({ resource }) => resource === "TDCS_EPOCH");
    expect(epoch).toMatchObject({ shared: ["tdh_vp_enter"], exclusive: ["tdh_mem_track"] });
  });

  it("takes a leaf in any spelling and a resource in any case", async () => {
    const by = async (...args: string[]) => (await inProcess(["report", "-m", PUBLISHED, ...args, "--json"])).out;
    expect(await by("--leaf", "TDH.MEM.TRACK")).toBe(await by("--leaf", "tdh_mem_track"));
    expect(await by("--resource", "tdcs_epoch")).toBe(await by("--resource", "TDCS_EPOCH"));
  });

  it("is text in 80 columns of ASCII, or Markdown", async () => {
    const { out } = await inProcess(["report", "-m", PUBLISHED]);
    expect(out).toMatch(/^[\x20-\x7e\n]+\n$/);
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect((await inProcess(["report", "-m", PUBLISHED, "--format", "markdown"])).status).toBe(0);
  });

  it.each([
    [["--leaf", "tdh_mem_trck"], "SL2102", "tdh_mem_track"],
    [["--resource", "TDCS_EPOCHS"], "SL0009", "did you mean `TDCS_EPOCH`?"],
    [["--resource", "nothing-like-it"], "SL0009", "it has "],
    [["--all", "--leaf", "tdh_mem_track"], "SL0004", "give one of them"],
  ])("refuses %j", async (args, code, hint) => {
    const { status, out, err } = await inProcess(["report", "-m", PUBLISHED, ...args]);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toContain(`error[${code}]`);
    expect(err).toContain(hint);
  });
});

describe("contend", () => {
  const pairs = async (...args: string[]) => {
    const { out } = await inProcess(["contend", "-m", PUBLISHED, ...args, "--json"]);
    return JSON.parse(out).pairs as { a: string; b: string; resource: string }[];
  };

  it("of two leaves speaks of these two only", async () => {
    const found = await pairs("tdh_vp_enter", "tdh_mem_track");
    expect(found.map(({ a, b }) => [a, b])).toContainEqual(["tdh_mem_track", "tdh_vp_enter"]);
    for (const { a, b } of found) expect([a, b]).toEqual(["tdh_mem_track", "tdh_vp_enter"]);
  });

  it("on a resource speaks of that resource only", async () => {
    const found = await pairs("--resource", "TDCS_EPOCH");
    expect(new Set(found.map(({ resource }) => resource))).toEqual(new Set(["TDCS_EPOCH"]));
  });

  it("refuses an OP_STATE that there is not", async () => {
    const { status, err } = await inProcess(["contend", "-m", PUBLISHED, "--op-state", "RUNABLE"]);
    expect(status).toBe(2);
    expect(err).toContain("error[SL0009]: `RUNABLE` is no OP_STATE");
  });
});

describe("diff", () => {
  it("takes the exit status 1 when anything differs, 0 when nothing does", async () => {
    const file = await changedCopy((catalog) => ({ ...catalog, leaves: catalog.leaves.slice(1) }));
    const { status, out } = await inProcess(["diff", PUBLISHED, file, "--json"]);
    expect(status).toBe(1);
    expect(JSON.parse(out).leaves.removed).toHaveLength(1);
    expect((await inProcess(["diff", PUBLISHED, PUBLISHED])).status).toBe(0);
  });
});

describe("extract", () => {
  it("says what is wrong with a tree that is none, and writes nothing", async () => {
    const folder = temporaryFolder();
    const { status, out, err } = await inProcess(["extract", "--no-cache", folder, "-o", join(folder, "out.json")]);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(/^error\[SL1\d{3}\]: /);
    expect(() => readFileSync(join(folder, "out.json"))).toThrow();
  });
});
