/** The pure logic behind simulations, the player and the questions that views ask. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contendingPairs, diffCatalogs } from "../../src/analysis/index.ts";
import { type Catalog, parseCatalog } from "../../src/catalog/index.ts";
import { check } from "../../src/check/index.ts";
import type { ExplorerData } from "../../src/explorer/index.ts";
import { commandLine } from "../../src/explorer/logic/command-line.ts";
import { entryId } from "../../src/explorer/logic/entry-id.ts";
import { marksOf } from "../../src/explorer/logic/grid.ts";
import { gridPicture } from "../../src/explorer/logic/grid-picture.ts";
import type { HomeAnswer } from "../../src/explorer/logic/home.ts";
import { laneLayout } from "../../src/explorer/logic/lane-layout.ts";
import { type Lanes, lanesOf } from "../../src/explorer/logic/lanes.ts";
import { contentionMap } from "../../src/explorer/logic/map.ts";
import { cellKey, matrixOf } from "../../src/explorer/logic/matrix.ts";
import { pairRows } from "../../src/explorer/logic/pair-rows.ts";
import { playables } from "../../src/explorer/logic/playable.ts";
import { answerTo, keyOf, questionsOf, type VersionsAnswer } from "../../src/explorer/logic/questions.ts";
import { parseRoute } from "../../src/explorer/logic/route.ts";
import { simulateInPieces, simulationChoice, USUAL_CHOICE } from "../../src/explorer/logic/simulation.ts";
import { WINDOW, windowAround, within } from "../../src/explorer/logic/step-window.ts";
import { timelinePicture, timelineRows, timelines } from "../../src/explorer/logic/versions.ts";
import { type HostProfile, parseHost } from "../../src/host/index.ts";
import { traceOfDocument, type Value } from "../../src/language/index.ts";
import { buildModel, parseScenario } from "../../src/model/index.ts";
import { diffDigest, renderDiffText } from "../../src/report/index.ts";
import { simulate } from "../../src/simulate/index.ts";

const load = (name: string): Catalog => parseCatalog(readFileSync(`data/modules/${name}.json`, "utf8"), name);
const hostNamed = (name: string): HostProfile =>
  parseHost(readFileSync(`data/hosts/${name}.yaml`, "utf8"), name).profile;
const [older, newer] = [load("1.5.20"), load("1.5.24")];

const data: ExplorerData = {
  schema: "seamlock/explorer@1",
  modules: [
    { name: "1.5.20", catalog: older },
    { name: "1.5.24", catalog: newer },
  ],
  hosts: ["linux-6.16", "linux-6.19"].map((name) => ({ name, profile: hostNamed(name) })),
  scenarios: [],
  initial: { module: "1.5.24", host: null },
  before: {
    modules: { "1.5.20": null, "1.5.24": "1.5.20" },
    hosts: { "linux-6.16": null, "linux-6.19": "linux-6.16" },
  },
};

function removal(policy: string) {
  const text = readFileSync("data/scenarios/page-removal.yaml", "utf8");
  const overrides = [
    { path: "removal.policy", value: policy, from: "test" },
    { path: "pages", value: "1", from: "test" },
  ];
  return buildModel(parseScenario(text, "page-removal", overrides), {
    catalog: () => newer,
    host: () => hostNamed("linux-6.16"),
  });
}

const NEVER = { signal: new AbortController().signal, onProgress: () => {} };

describe("the questions of a view", () => {
  it("are those whose answers it shows", () => {
    const asked = (hash: string) => questionsOf(parseRoute(hash), data).map(keyOf);
    const pairs = (module: string, host: string | null) => keyOf({ kind: "pairs", module, host });
    const map = keyOf({ kind: "map", module: "1.5.24", host: null });
    expect(asked("#/matrix")).toEqual([map]);
    expect(asked("#/matrix?a=x&b=y")).toEqual([map, pairs("1.5.24", null)]);
    expect(asked("")).toEqual([map, keyOf({ kind: "home", module: "1.5.24", host: null })]);
    expect(asked("#/calls?module=1.5.20&host=linux-6.16")).toEqual([pairs("1.5.20", "linux-6.16")]);
    expect(asked("#/runs")).toEqual([]);
    expect(asked("#/runs?meet=a+b&host=linux-6.16")).toEqual([pairs("1.5.24", null)]);
    expect(asked("#/explain")).toEqual([]);
    expect(asked("#/versions")).toEqual([
      keyOf({ kind: "diff", before: "1.5.20", after: "1.5.24", host: null, leaf: null }),
      keyOf({ kind: "timelines" }),
    ]);
    // The version and the host of the bar decide what a difference counts.
    expect(JSON.parse(asked("#/versions?host=linux-6.16&leaf=tdh_vp_enter")[0] ?? "")).toMatchObject({
      host: "linux-6.16",
      leaf: "tdh_vp_enter",
    });
    const kinds = (hash: string) => asked(hash).map((key) => JSON.parse(key).kind);
    expect(kinds("#/hosts?host=linux-6.19")).toEqual(["conclusion", "host-diff"]);
    expect(kinds("#/hosts?host=linux-6.19&with=none")).toEqual(["conclusion"]);
    expect(kinds("#/hosts?host=none")).toEqual([]);
    for (const key of asked("#/hosts?host=linux-6.19")) expect(keyOf(JSON.parse(key))).toBe(key);
  });

  it("are answered with what the analysis says", () => {
    expect(answerTo({ kind: "pairs", module: "1.5.20", host: null }, data)).toEqual(contendingPairs(older));
    const diff = { kind: "diff", before: "1.5.20", after: "1.5.24", host: null, leaf: null } as const;
    const document = diffCatalogs(older, newer);
    expect(answerTo(diff, data)).toMatchObject({
      digest: diffDigest(document),
      changed: document.changed,
      disappeared: document.contention.disappeared.length,
    });
    const render = { kind: "render", form: "text", of: diff } as const;
    expect(answerTo(render, data)).toBe(renderDiffText(document));
    const home = answerTo({ kind: "home", module: "1.5.24", host: "linux-6.19" }, data) as HomeAnswer;
    expect(home.lost[0]).toMatchObject({ lock: "TDR", onBusy: expect.stringContaining("VM lost") });
    // Under the host of the page, as the view of versions has it there.
    const under = { ...diff, host: "linux-6.19" } as const;
    expect(home.module?.sentence).toBe((answerTo(under, data) as VersionsAnswer).digest.sentence);
    expect(home.module?.sentence).not.toBe(diffDigest(document).sentence);
    expect(home.host?.sentence).toMatch(/^From Linux 6\.16 to Linux 6\.19: \d+ pairs of calls can no longer contend/);
    expect(home.ordinary.join(" ")).not.toContain("see (");
    const line = "no status here";
    expect(answerTo({ kind: "explain", module: "1.5.24", host: null, line }, data)).toMatch(/\w/);
    expect(() => answerTo({ kind: "conclusion", module: "1.5.24", host: "nobody" }, data)).toThrow("nobody");
  });
});

describe("a simulation in pieces", () => {
  it("makes the same runs as one call, whatever the pieces", async () => {
    const model = removal("retry-n");
    const choice = { ...USUAL_CHOICE, seed: 7, runs: 40, steps: 300 };
    let told = 0;
    const sum = await simulateInPieces(model, choice, {
      ...NEVER,
      onProgress: ({ runs, all }) => {
        expect(runs).toBeGreaterThan(told);
        expect(all).toBe(40);
        told = runs;
      },
    });
    const whole = simulate(model, { ...choice, trace: true });
    for (const part of ["runs", "steps", "ended", "trace"] as const) expect(sum[part]).toEqual(whole[part]);
    // Rows stand as they were first met, which depends on the pieces.
    const sorted = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).sort();
    for (const part of ["busy", "counters"] as const) expect(sorted(sum[part])).toEqual(sorted(whole[part]));
    expect(sum.violations.map(({ property, reproduce }) => [property, reproduce.run])).toEqual(
      whole.violations.map(({ property, reproduce }) => [property, reproduce.run]),
    );
    expect(told).toBe(40);
  });

  it("ends at a cancel with the runs that were made", async () => {
    const stop = new AbortController();
    const result = await simulateInPieces(
      removal("retry-forever"),
      { ...USUAL_CHOICE, runs: 1_000_000 },
      { signal: stop.signal, onProgress: () => stop.abort() },
    );
    expect(result.runs).toBeGreaterThan(0);
    expect(result.runs).toBeLessThan(1_000_000);
  });

  it("takes its numbers from the address, and no nonsense", () => {
    expect(simulationChoice({})).toEqual(USUAL_CHOICE);
    expect(simulationChoice({ seed: "0", runs: "5", steps: "70", schedule: "priority" })).toEqual({
      seed: 0,
      runs: 5,
      steps: 70,
      schedule: "priority",
    });
    for (const bad of ["-1", "1e3", "x", "", "0", "99999999999", "1.5"]) {
      expect(simulationChoice({ runs: bad }).runs).toBe(USUAL_CHOICE.runs);
    }
  });
});

describe("the runs that can be played", () => {
  it("are violations, then the first run; each has a name of its own", () => {
    const result = simulate(removal("fail-fast"), { seed: 1, runs: 20, steps: 500, trace: true });
    const runs = playables({ kind: "simulate", result, choice: USUAL_CHOICE });
    expect(runs.map(({ name }) => name)).toEqual(["a removal never fails", "run 0"]);
    expect(runs.at(-1)?.trace).toBe(result.trace);
  });

  it("are violations and witnesses of a check", () => {
    const result = check(removal("fail-fast"));
    const names = playables({ kind: "check", result, note: null, proof: null }).map(({ name }) => name);
    expect(names).toContain("a removal never fails");
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("the command line that does the same", () => {
  it("leaves out what is not chosen, and quotes for a shell", () => {
    expect(commandLine(["seamlock", "check", "page-removal"], { module: "1.5.05", policy: "", vcpus: 2 })).toBe(
      "seamlock check page-removal --module 1.5.05 --vcpus 2",
    );
    expect(commandLine(["seamlock"], { module: "it's; rm -rf ~" })).toBe("seamlock --module 'it'\\''s; rm -rf ~'");
  });
});

describe("the part of a long run that is drawn", () => {
  it("has the step in it, is of one length, and moves seldom", () => {
    expect(windowAround(3, 12)).toEqual({ from: 0, to: 12 });
    fc.assert(
      fc.property(fc.integer({ min: WINDOW + 1, max: 5000 }), fc.nat(), (steps, seed) => {
        const at = seed % steps;
        const { from, to } = windowAround(at, steps);
        expect(from <= at && at < to && from >= 0 && to <= steps && to - from === WINDOW).toBe(true);
      }),
    );
    const windows = new Set(Array.from({ length: 1000 }, (_, at) => windowAround(at, 1000).from));
    expect(windows.size).toBeLessThan(10);
  });

  it("cuts what reaches beyond it", () => {
    expect(within({ from: 2, to: 30 }, { from: 10, to: 20 })).toEqual({ from: 10, to: 20 });
    expect(within({ from: 2, to: 10 }, { from: 10, to: 20 })).toBeNull();
  });
});

describe("the lanes of a run", () => {
  const hold = (lock: string, actor: string, from: number, to: number) => ({
    lock,
    resource: lock,
    actor,
    mode: "SHARED",
    from,
    to,
  });
  const lanes: Lanes = {
    actors: ["x", "y", "z"],
    locks: ["TDR", "SEPT_ENTRY[1]"],
    calls: [],
    holds: [hold("TDR", "x", 0, 5), hold("TDR", "y", 1, 3), hold("TDR", "z", 3, 6), hold("SEPT_ENTRY[1]", "x", 0, 9)],
    contentions: [],
    flags: [
      { variable: "entry[1].hp", lock: "SEPT_ENTRY[1]", from: 0, to: 1 },
      { variable: "PAMT.hp", lock: "PAMT", from: 0, to: 1 },
    ],
  };

  it("give each holder a strip that nobody else has at that time", () => {
    const { holdY } = laneLayout(lanes, 20);
    const [x, y, z] = lanes.holds.map(holdY);
    expect(y).not.toBe(x);
    expect(z).toBe(y);
    const { trace } = check(removal("retry-n"));
    if (trace === null) throw new Error("no run");
    const real = lanesOf(trace);
    const at = laneLayout(real, 20);
    for (const a of real.holds) {
      for (const b of real.holds) {
        const meet = a !== b && a.lock === b.lock && a.from < b.to && b.from < a.to;
        if (meet) expect(at.holdY(a)).not.toBe(at.holdY(b));
      }
    }
  });

  it("stand one below the other; a host-priority bit in its lock's, or in one of its own", () => {
    const layout = laneLayout(lanes, 20);
    const ends = layout.lanes.map(({ y, height }) => y + height);
    expect(ends).toEqual([...layout.lanes.slice(1).map(({ y }) => y), layout.bottom]);
    expect(layout.lanes.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "actor x",
      "actor y",
      "actor z",
      "lock TDR",
      "lock SEPT_ENTRY[1]",
      "flag PAMT.hp",
    ]);
    const [entry, pamt] = layout.lanes.slice(-2);
    const inside = (y: number, lane = entry) => lane !== undefined && lane.y < y && y < lane.y + lane.height;
    const [own, other] = lanes.flags.map(layout.flagY);
    expect(inside(own ?? 0)).toBe(true);
    expect(inside(other ?? 0, pamt)).toBe(true);
  });
});

describe("host-priority bits of a run", () => {
  const { trace } = check(removal("retry-n"));
  if (trace === null) throw new Error("no run");

  it("are those that the model says, whatever they are called, and stand in the lane of their lock", () => {
    expect(trace.hostPriority).toContainEqual({ variable: "entry[0].hp", resource: "SEPT_ENTRY", object: 0 });
    const renamed = (state: Readonly<Record<string, Value>>) =>
      Object.fromEntries(Object.entries(state).map(([name, value]) => [name === "entry[0].hp" ? "x" : name, value]));
    const steps = trace.steps.map((step, i) => ({ ...step, state: i === 2 ? { x: true } : renamed(step.state) }));
    const bits = [{ variable: "x", resource: "SEPT_ENTRY", object: 0 }];
    const run = { ...trace, initial: renamed(trace.initial), steps, hostPriority: bits };
    const lanes = lanesOf(run);
    expect(lanes.flags).toContainEqual(expect.objectContaining({ variable: "x", lock: "SEPT_ENTRY[0]", from: 2 }));
    expect(laneLayout(lanes, 0).lanes.filter(({ kind }) => kind === "flag")).toEqual([]);
    // Nothing but what the run says makes a variable one.
    const { hostPriority: _, ...without } = run;
    expect(lanesOf({ ...without, initial: { "TDR.hp": true } }).flags).toEqual([]);
  });

  it("come back from the document of a run; what is none is left out", () => {
    const document = { ...trace, hostPriority: [...(trace.hostPriority ?? []), { variable: 1 }, null] };
    expect(traceOfDocument(JSON.parse(JSON.stringify(document)))?.hostPriority).toEqual(trace.hostPriority);
  });
});

describe("pictures and tables to save", () => {
  it("have a mark for each cell of the matrix, the same both ways", () => {
    const matrix = matrixOf(contentionMap(newer, null, contendingPairs(newer)), {
      resource: null,
      opState: null,
      side: null,
    });
    const ids = newer.leaves.map(entryId);
    const marks = marksOf(ids, matrix);
    ids.forEach((a, r) => {
      ids.forEach((b, c) => {
        expect(marks[r]?.[c]?.kind).toBe(matrix.get(cellKey(a, b))?.outcome ?? "never");
        expect(marks[r]?.[c]).toBe(marks[c]?.[r]);
      });
    });
  });

  it("hold no markup of their facts", () => {
    const evil = "</text><script>alert(1)</script>&";
    const svg = gridPicture({
      title: evil,
      legend: evil,
      columns: [evil],
      rows: [{ title: evil, cells: [{ sign: evil, kind: "plain" }] }],
      cell: 20,
      turned: true,
    });
    expect(svg).not.toContain("<script>");
    expect(svg.match(/&lt;script&gt;/g)).toHaveLength(5);
  });

  it("say of each call what became of it in each version", () => {
    const lines = timelines(data.modules);
    const rows = timelineRows(["1.5.20", "1.5.24"], lines);
    expect(rows).toHaveLength(lines.length + 1);
    expect(rows[0]).toEqual(["Call", "1.5.20", "1.5.24"]);
    expect(timelinePicture(["1.5.20", "1.5.24"], lines).match(/<rect /g)).toHaveLength(lines.length * 2);
  });

  it("have a row for each lock on which two calls meet", () => {
    const pairs = contendingPairs(newer).slice(0, 5);
    const rows = pairRows(newer, pairs);
    expect(rows).toHaveLength(6);
    for (const row of rows) expect(row).toHaveLength(rows[0]?.length ?? 0);
  });
});
