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
/** The catalog with the release of one row changed; null for none. */
function changedRow(
  whole: Catalog,
  name: string,
  resource: string,
  release: { readonly kind: "td-exit"; readonly at: string } | null,
): Catalog {
  const leaves = whole.leaves.map((leaf) => ({
    ...leaf,
    acquisitions: leaf.acquisitions.map((row) =>
      leaf.name !== name || row.resource !== resource
        ? row
        : { ...row, release: release === null ? null : { evidence: [], ...release } },
    ),
  }));
  return { ...whole, leaves };
}
/** TDH.MEM.TRACK never gives the epoch lock back. */
const leaking = written("leaking", changedRow(catalog, "tdh_mem_track", "TDCS_EPOCH", null));

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

  it("are releases that are missing, or that no call can make: told once of all, however the checks end", async () => {
    const doubtsIn = async (module: string) => (await loadScenario("page-removal", { module })).doubts;
    expect(await doubtsIn(leaking)).toEqual([
      "the module's catalog does not say where locks are given back (TDCS_EPOCH by TDH.MEM.TRACK): taken as never",
    ]);
    const kept = written(
      "kept",
      changedRow(catalog, "tdh_mem_track", "TDCS_EPOCH", { kind: "td-exit", at: "td-exit" }),
    );
    expect(await doubtsIn(kept)).toEqual([
      "the module's catalog says that TDH.MEM.TRACK keeps TDCS_EPOCH until a TD exit, and the call enters no TD",
    ]);
  });

  it("are none where a lock is missing: the call is just never refused for it", async () => {
    const without = written("without", {
      ...catalog,
      leaves: catalog.leaves.map((leaf) => ({
        ...leaf,
        acquisitions: leaf.acquisitions.filter(
          ({ resource }) => leaf.name !== "tdh_mem_track" || resource !== "TDCS_EPOCH",
        ),
      })),
    });
    const { status, out } = await inProcess(["check", ...HOLDS, "--module", without]);
    expect(out).toMatch(/^page-removal: holds/);
    expect(status).toBe(0);
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
    const { status, out } = await inProcess([
      "check",
      ...HOLDS.map((word) => (word === "kick-first" ? "kick-on-busy" : word)),
      "--module",
      leaking,
    ]);
    expect(out).toMatch(/^page-removal: violated/);
    expect(status).toBe(3);
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
