import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contendingPairs, underHost } from "../../src/analysis/index.ts";
import { parseCatalog, sourceUrl } from "../../src/catalog/index.ts";
import { check } from "../../src/check/index.ts";
import { csvText } from "../../src/explorer/logic/csv.ts";
import { endId } from "../../src/explorer/logic/entry-id.ts";
import { endsOf, interleavingModel } from "../../src/explorer/logic/interleaving.ts";
import { lanesOf, nextContention, stateAfter, stepText } from "../../src/explorer/logic/lanes.ts";
import { contentionMap } from "../../src/explorer/logic/map.ts";
import { cellKey, cellText, isPossible, matrixOf, withCells } from "../../src/explorer/logic/matrix.ts";
import { ordered } from "../../src/explorer/logic/matrix-order.ts";
import { formatRoute, parseRoute, toView, VIEWS } from "../../src/explorer/logic/route.ts";
import { search, searched } from "../../src/explorer/logic/search.ts";
import { spansOf } from "../../src/explorer/logic/spans.ts";
import { timelines } from "../../src/explorer/logic/versions.ts";
import { parseHost } from "../../src/host/index.ts";
import { BUSY, traceOfDocument } from "../../src/language/index.ts";

const load = (name: string) => parseCatalog(readFileSync(`data/modules/${name}.json`, "utf8"), name);
const catalog = load("1.5.25");
const pairs = contendingPairs(catalog);
const NO_FILTER = { resource: null, opState: null, side: null };

const host = parseHost(readFileSync("data/hosts/linux-6.19.yaml", "utf8"), "linux-6.19").profile;
const underLinux = underHost(catalog, host, pairs).pairs;

describe("the matrix", () => {
  const map = contentionMap(catalog, null, pairs);
  const matrix = matrixOf(map, NO_FILTER);
  const hosted = contentionMap(catalog, host, underLinux);

  it("says for each pair of entries what the analysis says", () => {
    for (const pair of pairs) {
      const cell = matrix.get(cellKey(endId(pair, "a"), endId(pair, "b")));
      expect(isPossible(cell) || !pair.possible).toBe(true);
      if (pair.possible) expect(cell?.on).toContain(pair.resource);
    }
    const possible = new Set(pairs.filter((p) => p.possible).map((p) => cellKey(endId(p, "a"), endId(p, "b"))));
    expect([...matrix.values()].filter(isPossible)).toHaveLength(possible.size);
  });

  it("filters by resource, OP_STATE and side", () => {
    const epoch = matrixOf(map, { ...NO_FILTER, resource: "TDCS_EPOCH" });
    expect(epoch.get(cellKey("tdh_mem_track", "tdh_vp_enter"))?.on).toEqual(["TDCS_EPOCH"]);
    expect(withCells(map.entries, epoch, true).map(({ id }) => id)).toEqual(["tdh_vp_enter", "tdh_mem_track"]);
    const running = matrixOf(map, { ...NO_FILTER, opState: "RUNNABLE" });
    expect(running.size).toBeLessThan(matrix.size);
    const hosts = matrixOf(map, { ...NO_FILTER, side: "host" });
    const guests = matrixOf(map, { ...NO_FILTER, side: "guest" });
    expect(hosts.size + guests.size).toBe(matrix.size);
  });

  it("puts a cell in words, with both names of the lock", () => {
    const key = cellKey("tdh_vp_enter", "tdh_mem_track");
    expect(cellText("tdh_mem_track", "tdh_vp_enter", matrix.get(key))).toBe(
      "tdh_mem_track and tdh_vp_enter: possible, on TDCS_EPOCH (epoch_lock)",
    );
    expect(cellText("x", "x", undefined)).toMatch(/^x with itself: never/);
  });

  it("says under a host what a meeting costs it, and what only a machine check and the like lead to", () => {
    const under = matrixOf(hosted, NO_FILTER);
    const cell = (a: string, b: string) => under.get(cellKey(a, b));
    expect(cell("tdh_mem_track", "tdh_vp_enter")).toMatchObject({ outcome: "retry", rare: false });
    expect(cell("tdh_mr_finalize", "tdh_mem_range_block")).toMatchObject({ outcome: "lost", rare: false });
    expect(cell("tdh_vp_flush", "tdh_mr_extend")).toMatchObject({ outcome: "lost", rare: true });
    expect(cell("tdh_mng_create", "tdh_mng_create")?.outcome).toBe("excluded");
    expect(cell("tdh_mng_create", "tdh_mng_create")?.why.join()).toContain("tdx_lock");
    expect(cell("tdh_mng_init", "tdg_servtd_rd")).toMatchObject({ outcome: "unjudged", on: [] });
    expect(isPossible(cell("tdh_mng_init", "tdg_servtd_rd"))).toBe(false);
    expect(cellText("tdg_servtd_rd", "tdh_mng_init", cell("tdh_mng_init", "tdg_servtd_rd"))).toBe(
      "tdg_servtd_rd and tdh_mng_init: not judged (a TDCALL of which the profile names no caller)",
    );
    // A guest that is refused is no loss of the host's.
    expect(cell("tdg_mem_page_accept", "tdg_mem_page_accept")?.outcome).toBe("guest");
  });

  it("stands in the order of a TD's life, by name, or worst first; rows without a possible pair are folded", () => {
    const under = matrixOf(hosted, NO_FILTER);
    const entries = withCells(hosted.entries, under, true);
    expect(entries.length).toBeLessThan(withCells(hosted.entries, under, false).length);
    const inOrder = (order: "phase" | "worst" | "name") => ordered(entries, order, under, hosted);
    const phases = inOrder("phase").map(({ phase }) => hosted.phases.indexOf(phase));
    expect(phases).toEqual([...phases].sort((x, y) => x - y));
    expect(inOrder("name").map(({ id }) => id)).toEqual(entries.map(({ id }) => id).sort());
    const worst = inOrder("worst").map(({ id }) => id);
    expect(worst.slice(0, 4)).toContain("tdh_mr_finalize");
    expect(worst.indexOf("tdh_mr_finalize")).toBeLessThan(worst.indexOf("tdh_vp_enter"));
    expect(hosted.entries.find(({ id }) => id === "tdh_mr_finalize")?.phase).toBe("build");
    expect(map.entries.find(({ id }) => id === "tdh_mr_finalize")?.phase).toBe("while a TD is built");
  });
});

describe("spans of a call", () => {
  it("reach across the guest's time just where the lock is held until TD exit", () => {
    const leaf = catalog.leaves.find(({ name }) => name === "tdh_vp_enter");
    if (leaf === undefined) throw new Error("no tdh_vp_enter");
    const { points, spans } = spansOf(leaf);
    const guest = points.findIndex(({ kind }) => kind === "guest");
    for (const { row, from, to } of spans) {
      // A walk without the lock holds nothing.
      if (row.mode === "NO_LOCK") expect(to).toBe(from);
      else expect(from).toBeLessThan(to);
      expect(to > guest).toBe(row.release?.at === "td-exit");
    }
  });

  it("exist for every call of every version", () => {
    for (const version of ["1.0.00", "1.5.05", "1.5.25", "lkml-2024-09-13"]) {
      for (const leaf of load(version).leaves) {
        const { points, spans } = spansOf(leaf);
        expect(spans).toHaveLength(leaf.acquisitions.length);
        for (const { from, to } of spans) expect(from <= to && to < points.length).toBe(true);
      }
    }
  });
});

describe("an interleaving", () => {
  it("is found by the checker for every pair that is possible, and ends in the BUSY that the pair is about", () => {
    const possible = pairs.filter((pair) => pair.possible && (pair.busyA || pair.busyB));
    // Every pair of a few calls, so that the test takes seconds.
    const some = possible.filter(({ a }) =>
      /^tdh_mem_(track|range_block)$|^tdg_mem_page_accept$|^tdh_vp_enter$/.test(a),
    );
    expect(some.length).toBeGreaterThan(30);
    const missed: string[] = [];
    for (const pair of some) {
      const ends = endsOf(catalog.leaves, pair);
      if (ends === null) throw new Error("a pair without its rows");
      const traces = (["same-objects", "this-lock-only"] as const).map(
        (sharing) => check(interleavingModel(pair, ends, sharing), { first: true }).trace,
      );
      const trace = traces.find((t) => t !== null);
      const last = trace?.steps.findLast(({ result }) => result === BUSY);
      if (last === undefined) missed.push(`${pair.a} ${pair.b} ${pair.resource}`);
      else {
        const row = pair.busyA ? ends.leafA.acquisitions[ends.rowA] : ends.leafB.acquisitions[ends.rowB];
        expect(last.status).toBe(row?.busyStatus ?? null);
      }
    }
    expect(missed).toEqual([]);
  });

  it("is drawn with its holder", () => {
    const pair = pairs.find((p) => p.resource === "TDCS_EPOCH" && p.a !== p.b);
    const ends = pair === undefined ? null : endsOf(catalog.leaves, pair);
    if (pair === undefined || ends === null) throw new Error("no pair on TDCS_EPOCH");
    const { trace } = check(interleavingModel(pair, ends, "same-objects"));
    if (trace === null) throw new Error("no interleaving");
    const lanes = lanesOf(trace);
    // Also where CPU 1 makes the first step, as here.
    expect(trace.steps[0]?.actor).toBe("CPU 1");
    expect(lanes.actors).toEqual(["CPU 0", "CPU 1"]);
    expect(lanes.contentions).toEqual([
      { step: trace.steps.length - 1, actor: "CPU 0", lock: "TDCS_EPOCH", holders: ["CPU 1"] },
    ]);
    expect(nextContention(trace, 0, 1)).toBe(trace.steps.length - 1);
    expect(nextContention(trace, 0, -1)).toBeNull();
    const last = trace.steps.at(-1) ?? ({} as never);
    expect(stepText(last, catalog)).toBe("acquire TDCS_EPOCH EXCLUSIVE: BUSY | TD_EPOCH");
    expect(stepText(last)).toBe("acquire TDCS_EPOCH EXCLUSIVE: BUSY 0x80000200000000A9");
    for (const { from, to } of lanes.holds) expect(from).toBeLessThan(to);
    expect(Object.keys(stateAfter(trace, trace.steps.length))).toEqual(Object.keys(trace.initial));
  });
});

describe("a run from a file", () => {
  const step = {
    actor: "cpu",
    action: "acquire",
    resource: "TDR",
    mode: "SHARED",
    result: "busy",
    state: { "TDR.hp": true },
  };

  it("is read from a check document and from a bare trace, whatever is missing", () => {
    const trace = traceOfDocument({
      schema: "seamlock/check@1",
      scenario: "s",
      initial: { "TDR.hp": false },
      hostPriority: [{ variable: "TDR.hp", resource: "TDR", object: null }],
      trace: [step, step],
    });
    expect(trace?.steps).toHaveLength(2);
    expect(trace === null ? null : lanesOf(trace).flags).toEqual([{ variable: "TDR.hp", lock: "TDR", from: 0, to: 3 }]);
    expect(traceOfDocument({ steps: [{ actor: "x" }] })?.steps[0]?.leaf).toBeNull();
  });

  it("is refused when it is none", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const trace = traceOfDocument(value);
        if (trace !== null) lanesOf(trace);
      }),
    );
    for (const value of [null, 1, [], {}, { trace: null }, { trace: [] }, { trace: [{ no: "actor" }] }]) {
      expect(traceOfDocument(value)).toBeNull();
    }
  });
});

describe("addresses", () => {
  it("say the same after a round trip", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...VIEWS),
        fc.dictionary(fc.string({ minLength: 1 }), fc.string({ minLength: 1 })),
        (view, params) => {
          const plain = Object.fromEntries(Object.entries(params));
          expect({ ...parseRoute(formatRoute({ view, params: plain })).params }).toEqual(plain);
        },
      ),
    );
  });

  it("keep module and host from view to view, and nothing else", () => {
    const route = parseRoute("#/matrix?module=1.5.05&host=linux-6.16&a=x&b=y");
    expect(formatRoute(toView(route, "calls", { leaf: "tdh_mng_init" }))).toBe(
      "#/calls?host=linux-6.16&leaf=tdh_mng_init&module=1.5.05",
    );
    expect(parseRoute("#/explain?line=what?0x1&host=none").params).toEqual({ line: "what?0x1", host: "none" });
    expect(parseRoute("#/../../etc")).toMatchObject({ view: "home", asked: "../../etc" });
  });
});

describe("exports and links", () => {
  it("quotes what CSV must quote and disarms formulas", () => {
    expect(csvText([["a,b", 'say "x"', "l1\nl2", "-EAGAIN"]])).toBe('"a,b","say ""x""","l1\nl2",-EAGAIN\r\n');
    expect(csvText([["=cmd()", "+1", "@x", "-(1)"]])).toBe("'=cmd(),'+1,'@x,'-(1)\r\n");
  });

  it("links to the public source at the revision, and to nothing else", () => {
    const info = {
      version: "1",
      origin: "extracted",
      repository: "o/r",
      revision: "c71d4f63772c",
      sourceDigest: "",
    } as const;
    const site = { file: "src/a b.c", line: 7, function: "f" };
    expect(sourceUrl(info, site)).toBe("https://github.com/o/r/blob/c71d4f63772c/src/a%20b.c#L7");
    for (const bad of [
      { ...info, repository: null },
      { ...info, repository: "javascript:alert(1)//x" },
      { ...info, repository: "o/r/../../evil" },
      { ...info, revision: '"><img>' },
    ]) {
      expect(sourceUrl(bad, site)).toBeNull();
    }
    expect(sourceUrl(info, { ...site, file: "../../x" })).toBeNull();
  });
});

describe("the omnibox", () => {
  const places = {
    catalog,
    modules: ["1.5.05", "1.5.16"],
    hosts: [
      { name: "linux-6.16", profile: host },
      { name: "linux-6.19", profile: host },
    ],
    host: { name: "linux-6.19", profile: host },
    scenarios: ["page-removal"],
    resources: ["TDCS_EPOCH", "SEPT_TREE"],
  };

  it.each([
    ["tdh_mem_track", "leaf", "tdh_mem_track"],
    ["TDH.MEM.TRACK", "leaf", "tdh_mem_track"],
    ["memtrk", "leaf", "tdh_mem_track"],
    ["epoch", "lock", "TDCS_EPOCH"],
    ["secure_ept_lock", "lock", "SEPT_TREE"],
    ["mmu_lock", "host lock", "kvm->mmu_lock"],
    ["KVM_TDX_INIT_VM", "path", "KVM_TDX_INIT_VM ioctl"],
    ["tdx_td_init", "path", "KVM_TDX_INIT_VM ioctl"],
    ["kick-on-busy", "check", "check page-removal kick-on-busy"],
    ["copy link", "action", "Copy link"],
    ["compare 1.5.05 1.5.16", "compare", "compare 1.5.05 1.5.16"],
    ["6.16 v6.19", "compare", "compare Linux 6.16 and Linux 6.19"],
    ["range_block vp_enter", "pair", "tdh_mem_range_block × tdh_vp_enter"],
    ["1.5.05", "version", "1.5.05"],
    ["linux", "host", "linux-6.16"],
    ["6.18", "host", "linux-6.16"],
    ["v6.17", "host", "linux-6.16"],
    ["removal", "scenario", "page-removal"],
    ["TDX_OPERAND_BUSY", "status", "TDX_OPERAND_BUSY"],
  ])("finds %s", (typed, kind, title) => {
    expect(search(typed, places)).toContainEqual(expect.objectContaining({ kind, title }));
  });

  it("explains a pasted log line before anything else", () => {
    const line = "kvm_intel: SEAMCALL TDH_MEM_TRACK failed: 0x80000200000000a9";
    expect(search(line, places)[0]).toMatchObject({ view: "explain", params: { line } });
    expect(searched("tdh", places)).toMatchObject({ shown: search("tdh", places), more: expect.any(Number) });
    expect(searched("tdh", places).more).toBeGreaterThan(20);
    expect(searched(line, places).more).toBe(0);
    expect(search("  ", places)).toEqual([]);
    expect(search("zzzz", places)).toEqual([]);
  });

  it("takes a release with the locks of another as `--host` does", () => {
    expect(search("6.18", places)).toEqual([
      {
        kind: "host",
        title: "linux-6.16",
        detail: "host; 6.18 has its locks",
        view: "hosts",
        params: { host: "linux-6.16" },
      },
    ]);
    expect(search("range_block 6.17", places)[0]).toMatchObject({ params: { host: "linux-6.16" } });
    expect(search("6.16", places).filter(({ kind }) => kind === "host").length).toBe(1);
    expect(search("6.15", places).filter(({ kind }) => kind === "host")).toEqual([]);
  });

  it("takes the names of a module and a host as where to look", () => {
    expect(search("range_block 1.5.05 6.16", places)[0]).toMatchObject({
      view: "calls",
      params: { leaf: "tdh_mem_range_block", module: "1.5.05", host: "linux-6.16" },
    });
    expect(search("vp_enter mem_track 6.16", places)[0]).toMatchObject({
      view: "matrix",
      params: { a: "tdh_vp_enter", b: "tdh_mem_track", host: "linux-6.16" },
    });
    expect(search("compare 6.16 6.19", places)[0]).toMatchObject({
      view: "hosts",
      params: { with: "linux-6.16", host: "linux-6.19" },
    });
  });
});

describe("timelines", () => {
  it("show where a call came, changed and went", () => {
    const versions = ["1.0.03", "1.5.01", "1.5.20"].map((name) => ({ name, catalog: load(name) }));
    const lines = timelines(versions);
    const of = (leaf: string) => lines.find((line) => line.leaf === leaf)?.moments.map(({ state }) => state);
    expect(of("tdh_phymem_pamt_add")).toEqual(["absent", "absent", "added"]);
    expect(of("tdh_vp_enter")?.[0]).toBe("first");
    const reversed = timelines(versions.toReversed());
    expect(reversed.find(({ leaf }) => leaf === "tdh_phymem_pamt_add")?.moments[1]?.state).toBe("removed");
  });
});
