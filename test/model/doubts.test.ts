import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Catalog, parseCatalog, serializeCatalog } from "../../src/catalog/index.ts";
import { check } from "../../src/check/index.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";
import { doubted } from "../../src/model/index.ts";
import { inProcess } from "../cli/run.ts";

const file = join(import.meta.dirname, "../../data/modules/1.5.25.json");
const catalog = parseCatalog(readFileSync(file, "utf8"), file);
const folder = mkdtempSync(join(tmpdir(), "model-doubts-"));

/** A catalog on disk. */
function written(name: string, changed: Catalog): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, serializeCatalog(changed));
  return path;
}

const incomplete = written("incomplete", {
  ...catalog,
  diagnostics: [
    ...catalog.diagnostics,
    { code: "SL1031", severity: "error", message: "no release of epoch_lock", file: "src/tdh_mem_track.c", line: 87 },
  ],
});
const unread = written("unread", {
  ...catalog,
  behaviours: catalog.behaviours.map((one) => (one.name === "tlb-tracked" ? { ...one, variant: null } : one)),
});
/** TDH.MEM.TRACK never gives the epoch lock back. */
const leaking = written("leaking", {
  ...catalog,
  leaves: catalog.leaves.map((leaf) =>
    leaf.name !== "tdh_mem_track"
      ? leaf
      : {
          ...leaf,
          acquisitions: leaf.acquisitions.map((row) =>
            row.resource === "TDCS_EPOCH" ? { ...row, release: null } : row,
          ),
        },
  ),
});

const SMALL = ["--vcpus", "1", "--pages", "1"];
const HOLDS = ["page-removal", "--policy", "kick-first", ...SMALL];

describe("facts with a hole", () => {
  it.each([
    ["an error of the extraction", incomplete, "SL1031 no release of epoch_lock (src/tdh_mem_track.c:87)"],
    [
      "a behaviour that was not read in the tree",
      unread,
      "rests on a behaviour that was not read in this tree: tlb-tracked",
    ],
  ])("%s: check does not say that it holds", async (_, module, says) => {
    const { status, out, err } = await inProcess(["check", ...HOLDS, "--module", module]);
    expect(status).toBe(3);
    expect(out).toContain("inconclusive: nothing is violated, but");
    expect(out).not.toMatch(/^page-removal: holds/m);
    expect(err).toContain(says);
    const json = JSON.parse((await inProcess(["check", ...HOLDS, "--module", module, "--json"])).out);
    expect(json.outcome.kind).toBe("inconclusive");
    expect(json.doubts.join()).toContain(says);
  });

  it.each([
    ["simulate", ["simulate", ...HOLDS, "--runs", "1"]],
    ["export", ["export", ...HOLDS, "--to", "text"]],
    ["check of a scenario that breaks", ["check", "page-removal", "--policy", "fail-fast", ...SMALL]],
  ])("%s ends with status 3 and says why", async (_, words) => {
    const { status, err } = await inProcess([...words, "--module", incomplete]);
    expect(status).toBe(3);
    expect(err).toContain("SL1031");
  });

  it("sweep takes none of its checks for certain", async () => {
    const matrix = join(folder, "matrix.yaml");
    writeFileSync(
      matrix,
      `schema: seamlock/matrix@1\nname: one\ndescription: one\nblocks:\n  - {scenario: page-removal, policy: kick-first, module: ${incomplete}, vcpus: 1, pages: 1}\n`,
    );
    const { status, out } = await inProcess(["sweep", matrix, "-d", join(folder, "results"), "--json"]);
    expect(status).toBe(3);
    expect(JSON.parse(out).rows[0].outcome.kind).toBe("inconclusive");
  });

  it("are told of td-life on a module whose write of an entry is two steps, as soon as two threads call", async () => {
    const doubts = async (set: string[]) => (await loadScenario("td-life", { module: "1.5.20", set })).doubts;
    expect(await doubts(["callers=1"])).toHaveLength(1);
    expect(await doubts([])).toEqual([]);
    expect((await loadScenario("td-life", { module: "1.5.24", set: ["callers=1"] })).doubts).toEqual([]);
  });

  it("say nothing of a scenario that needs no module, nor of the bundled catalogs", async () => {
    expect((await inProcess(["check", "lock/mutex"])).status).toBe(0);
    expect((await inProcess(["check", ...HOLDS])).status).toBe(0);
  });
});

describe("a lock that is never given back", () => {
  it("stays taken: the next removal waits for the epoch lock for ever", async () => {
    const set = ["vcpus=1", "pages=1", "removal.policy=retry-forever", "progress=true"];
    const { model } = await loadScenario("page-removal", { module: leaking, set });
    const result = check(model);
    expect(result.busy).toContainEqual(
      expect.objectContaining({ leaf: "tdh_mem_track", resource: "TDCS_EPOCH", unheld: true }),
    );
    const { status } = await inProcess([
      "check",
      ...HOLDS.map((word) => (word === "kick-first" ? "kick-on-busy" : word)),
      "--module",
      leaking,
    ]);
    expect(status).toBe(1);
  });
});

it("with a doubt nothing holds; what is violated stays violated", () => {
  const holds = { kind: "holds", property: null, reason: null } as const;
  const violated = { kind: "violated", property: "p", reason: null } as const;
  expect(doubted(holds, [])).toBe(holds);
  expect(doubted(violated, ["a hole"])).toBe(violated);
  expect(doubted(holds, ["a hole", "another"])).toEqual({
    kind: "inconclusive",
    property: null,
    reason: "nothing is violated, but a hole, and 1 more",
  });
});
