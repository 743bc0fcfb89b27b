/** The pure logic behind a run that is played: who holds what, who is behind a BUSY, what else could follow; and lanes of a recording. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseCatalog } from "../../src/catalog/index.ts";
import { check, replay } from "../../src/check/index.ts";
import { nextSteps } from "../../src/explorer/logic/branch.ts";
import { culpritsAt, heldAfter, holdText } from "../../src/explorer/logic/held.ts";
import { type Contention, lanesOf, stepText } from "../../src/explorer/logic/lanes.ts";
import { busyPicture, durationText, episodePicture } from "../../src/explorer/logic/recording-lanes.ts";
import { nextSorting, rowsShown } from "../../src/explorer/logic/table-rows.ts";
import { toMermaid, toPerfetto } from "../../src/export/index.ts";
import { parseHost } from "../../src/host/index.ts";
import { BUSY, type Trace, type TraceStep, traceOfDocument } from "../../src/language/index.ts";
import { buildModel, parseScenario } from "../../src/model/index.ts";
import { renderTraceText } from "../../src/report/index.ts";
import { Simulator } from "../../src/simulate/index.ts";

const catalog = parseCatalog(readFileSync("data/modules/1.5.25.json", "utf8"), "1.5.25");
const host = parseHost(readFileSync("data/hosts/linux-6.19.yaml", "utf8"), "linux-6.19").profile;
const overrides = ["vcpus", "pages"].map((path) => ({ path, value: "1", from: "test" }));
const scenario = parseScenario(readFileSync("data/scenarios/page-removal.yaml", "utf8"), "page-removal", overrides);
const model = buildModel(scenario, { catalog: () => catalog, host: () => host });
const trace = check(model, { first: true }).violations[0]?.trace;
if (trace === undefined) throw new Error("fail-fast holds");
const lanes = lanesOf(trace);
const at = trace.steps.findIndex(({ result }) => result === BUSY);

describe("a step of a run", () => {
  it("says what is held once it has been made, and no longer what it gave back", () => {
    trace.steps.forEach((step, i) => {
      const held = heldAfter(lanes, i);
      const mine = held.filter(({ actor, resource }) => actor === step.actor && resource === step.resource);
      if (step.action === "acquire" && step.result !== BUSY) expect(mine.length).toBeGreaterThan(0);
      const before = i === 0 ? [] : heldAfter(lanes, i - 1);
      if (step.action === "release") expect(held.length).toBeLessThan(before.length);
      else expect(held.length).toBeGreaterThanOrEqual(before.length);
    });
    const epoch = { lock: "TDCS_EPOCH", resource: "TDCS_EPOCH", actor: "vcpu[0]", mode: "SHARED", from: 0, to: 1 };
    expect(holdText(epoch)).toBe("TDCS_EPOCH (epoch_lock) shared by vcpu[0]");
    expect(holdText({ ...epoch, lock: "SEPT_ENTRY[1]", resource: "SEPT_ENTRY", mode: null })).toBe(
      "SEPT_ENTRY[1] by vcpu[0]",
    );
  });

  it("that is refused has behind it who took the lock, in which call, at which line, and the host's paths there", () => {
    const [culprit, ...others] = culpritsAt(trace, lanes, at, catalog, host);
    if (culprit === undefined) throw new Error("nobody is behind it");
    expect(others).toEqual([]);
    const taken = trace.steps[culprit.since];
    expect(taken).toMatchObject({ actor: culprit.actor, action: "acquire", resource: trace.steps[at]?.resource });
    expect(culprit.leaf).toBe(taken?.leaf);
    expect(culprit.site?.file).toMatch(/\.c$/);
    expect(culprit.site?.line).toBeGreaterThan(0);
    if (culprit.leaf?.startsWith("tdh_")) expect(culprit.paths.length).toBeGreaterThan(0);
    expect(culpritsAt(trace, lanes, at, catalog, null)[0]?.paths).toEqual([]);
    expect(culpritsAt(trace, lanes, 0, catalog, host)).toEqual([]);
  });
});

describe("another next step", () => {
  it("is any that the model can make there, the one that was made among them", () => {
    trace.steps.slice(0, 12).forEach((step, i) => {
      const options = nextSteps(model, trace.steps.slice(0, i)) ?? [];
      expect(options).toContainEqual(expect.objectContaining({ label: step.label, state: step.state }));
      for (const option of options) {
        const played = replay(model, { ...trace, steps: [...trace.steps.slice(0, i), option], loop: null });
        expect([i, option.label, played.stuck]).toEqual([i, option.label, null]);
      }
    });
    expect(nextSteps(model, [])?.length).toBeGreaterThan(1);
  });

  it("is none after what is no run", () => {
    const [first] = trace.steps;
    if (first === undefined) throw new Error("the run is empty");
    expect(nextSteps(model, [{ ...first, label: "nowhere" }])).toBeNull();
    expect(nextSteps(model, [first, first])).toBeNull();
  });
});

describe("a recording", () => {
  const call = {
    leaf: "tdh_mem_track",
    begin: 1000,
    end: 3000,
    cpu: 1,
    tid: 7,
    td: null,
    vp: null,
    gpa: null,
    level: null,
    status: "0x80000200000000A9",
  };
  const enter = { ...call, leaf: "tdh_vp_enter", begin: null, end: 2000, cpu: 2, tid: -1, status: null };

  it("has a lane for each thread, with who was refused and who held the lock", () => {
    const culprit = {
      kind: "call" as const,
      leaf: "tdh_vp_enter",
      mode: "SHARED",
      sameObject: true,
      calls: [enter, enter],
    };
    const busy = {
      call,
      status: call.status,
      resources: [],
      certainty: "certain" as const,
      asLikely: 1,
      oneOfThese: true,
      doubts: [],
      culprits: [culprit],
      chain: [],
    };
    const { lanes: found, from, to } = busyPicture(busy);
    expect([from, to]).toEqual([1000, 3000]);
    expect(found.map(({ name }) => name)).toEqual(["CPU 1, thread 7", "CPU 2"]);
    expect(found[0]?.spans).toMatchObject([{ label: "tdh_mem_track", from: 1000, to: 3000, kind: "busy" }]);
    // What began before the recording reaches to the edge, and is told once.
    expect(found[1]?.spans).toMatchObject([{ label: "tdh_vp_enter", from: 1000, to: 2000, kind: "culprit" }]);
    expect(found[1]?.spans[0]?.title).toContain("began before the recording");
    expect(found[0]?.spans[0]?.title).toBe("tdh_mem_track on CPU 1, thread 7: 2.0 µs, 0x80000200000000A9");
  });

  it("shows what ran while a call was tried again and again", () => {
    const episode = {
      leaf: "tdh_mem_track",
      td: null,
      vp: null,
      gpa: null,
      cpu: 1,
      tid: 7,
      begin: 1,
      lost: 1,
      tries: 2,
      atOnce: 1,
      outcome: "done" as const,
      vcpusOut: null,
      around: [call, enter],
    };
    expect(episodePicture(episode).lanes.flatMap(({ spans }) => spans.map(({ kind }) => kind))).toEqual([
      "busy",
      "other",
    ]);
    expect(episodePicture({ ...episode, around: [] }).lanes).toEqual([]);
    expect([12, 12_400, 12_400_000, 1_240_000_000].map(durationText)).toEqual([
      "12 ns",
      "12.4 µs",
      "12.4 ms",
      "1.24 s",
    ]);
  });
});

describe("the rows of a table", () => {
  const columns = [
    { head: "Call", text: ({ call }: Row) => call },
    { head: "Times", text: ({ times }: Row) => times.toLocaleString("en"), numeric: true },
  ];
  interface Row {
    readonly call: string;
    readonly times: number;
  }
  const rows: Row[] = [
    { call: "b10", times: 2 },
    { call: "b9", times: 1000 },
    { call: "a", times: 30 },
  ];
  const shownOf = (filter: string, sorting: Parameters<typeof rowsShown>[3]) =>
    rowsShown(rows, columns, filter, sorting).map(({ call }) => call);

  it("are those with every word, sorted by what a column means", () => {
    expect(shownOf("", null)).toEqual(["b10", "b9", "a"]);
    expect(shownOf("B 2", null)).toEqual(["b10"]);
    expect(shownOf("", { head: "Call", down: false })).toEqual(["a", "b9", "b10"]);
    expect(shownOf("b", { head: "Times", down: true })).toEqual(["b9", "b10"]);
    expect(shownOf("", { head: "gone", down: true })).toEqual(["b10", "b9", "a"]);
  });

  it("go up, down, and back as they stood", () => {
    const up = nextSorting(null, "Call");
    const down = nextSorting(up, "Call");
    expect([up?.down, down?.down, nextSorting(down, "Call")]).toEqual([false, true, null]);
    expect(nextSorting(down, "Times")).toEqual({ head: "Times", down: false });
  });
});

describe("a page that the catalog locks under several names", () => {
  const life = parseScenario(readFileSync("data/scenarios/td-life.yaml", "utf8"), "td-life", [
    { path: "callers", value: "2", from: "test" },
  ]);
  const its = buildModel(life, { catalog: () => catalog, host: () => host });
  /** The run as if each name were a lock of its own. */
  const apart = (one: Trace): Trace => ({ ...one, steps: one.steps.map(({ lock: _, ...step }) => step) });

  it("is one lock: whoever holds it as a TDR is in the way of who wants it as a page", () => {
    const unnamed = (one: Trace) => lanesOf(one).contentions.filter(({ holders }) => holders.length === 0);
    const simulator = new Simulator(its, { seed: 1, steps: 2000 });
    const runs = Array.from({ length: 40 }, (_, i) => simulator.trace(i) as Trace);
    const met = runs.find((one) => unnamed(apart(one)).length > 0) as Trace;
    expect(unnamed(met)).toEqual([]);
    const { step, lock } = lanesOf(met).contentions.find(({ lock: of }) => of.startsWith("PAMT[")) as Contention;
    expect(stepText(met.steps[step] as TraceStep, catalog)).toContain(` (${lock}) `);
    expect(culpritsAt(met, lanesOf(met), step, catalog, host)).not.toEqual([]);
    // A run that was saved says the same.
    const saved = traceOfDocument(JSON.parse(JSON.stringify({ trace: met.steps, initial: met.initial })));
    expect(saved?.steps).toEqual(met.steps);
    // So do the pictures of other tools: one track and one participant, and its own name beside that which the call has for it.
    const { object } = met.steps[step] as TraceStep;
    const names = met.steps.flatMap((one) => (one.lock === "PAMT" && one.object === object ? [one.resource] : []));
    expect(new Set(names).size).toBeGreaterThan(1);
    const tracks = toPerfetto(met).traceEvents.flatMap((event) =>
      event.name === "thread_name" ? [event.args?.["name"]] : [],
    );
    expect(tracks).toContain(lock);
    const others = [...new Set(names)].map((name) => `${name}[${object}]`);
    expect(tracks.filter((name) => others.includes(String(name)))).toEqual([]);
    const mermaid = toMermaid(met, String);
    expect(mermaid).toMatch(new RegExp(`participant n\\d+ as PAMT\\[${object}\\]\\n`));
    for (const name of others) expect(mermaid).not.toContain(` as ${name}\n`);
    expect(renderTraceText(met, catalog)).toContain(`(${lock})`);
  });
});
