import { describe, expect, test } from "vitest";
import { enterAndZap } from "../../bench/models/enter-and-zap.ts";
import { hasSpin, own, spin, tlc, tlcClassPath } from "../../scripts/peers.ts";
import { check, prepare, Search } from "../../src/check/index.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";
import { toMermaid, toPerfetto, toTla } from "../../src/export/index.ts";
import * as L from "../../src/language/index.ts";
import { simulate } from "../../src/simulate/index.ts";
import { peterson, tryLock, twoLocks, writeBack, xadd } from "../check/models.ts";
import { modelOf } from "../check/random-model.ts";

const classPath = tlcClassPath();

const examples: [string, L.Model][] = [
  ["enter-and-zap(1,1,2)", enterAndZap({ vcpus: 1, pages: 1, threshold: 2 })],
  ["enter-and-zap(1,2,2)", enterAndZap({ vcpus: 1, pages: 2, threshold: 2 })],
  ["try-lock", tryLock(3)],
  ["two locks", twoLocks(false)],
  ["Peterson", peterson()],
  ["one bit written back", writeBack(false)],
  ["xadd", xadd(2, 1)],
];

/** Small random models; whatever is violated in them. */
function randomModels(wanted: number): [string, L.Model][] {
  const found: [string, L.Model][] = [];
  for (let seed = 1; found.length < wanted && seed < 5000; seed++) {
    const numbers = Array.from({ length: 40 }, (_, i) => Math.imul(seed * 977 + i * 131, 0x9e3779b1) >>> 20);
    const model = modelOf(numbers);
    if (L.problems(model).length > 0) continue;
    const search = new Search(prepare(model, true), { states: 5000 }).finish();
    if (search.complete && search.states > 5) found.push([`random ${seed}`, model]);
  }
  return found;
}

/** A model whose names are words of Promela, C or TLA+, or equal when only letters are kept. */
function hardNames(): L.Model {
  const m = L.model("Integers", "names */ that\nare (* hard");
  const p = m.process("end", 2);
  const int = m.variable("int", L.intType(0, 2));
  const now = m.variable("now", L.boolType);
  const VARIABLE = m.variable("VARIABLE", L.boolType);
  const dotted = [m.variable("a.b", L.boolType), m.variable("a_b", L.boolType), m.variable("aäb", L.boolType)];
  const e = p.variable("self", L.intType(0, 1));
  const i = p.array("i", L.boolType, 2);
  p.step("goto", {
    do: [L.set(now, true), L.set(e, 1), L.set(i.at(e), true), ...dotted.map((one) => L.set(one, now))],
    next: 'a "·" \\ b',
  });
  p.step('a "·" \\ b', { do: [L.set(VARIABLE, L.not(VARIABLE)), L.inc(int)], next: 'a "–" \\ b' });
  p.idle('a "–" \\ b');
  m.always("else", L.le(int, 1));
  m.always(
    "exists $0",
    L.exists(p, (k) => p.at(k, "goto")),
  );
  return m.build();
}

/** What is violated before the first step, and a step that fails after it has changed what the failing condition looks at. */
function early(): L.Model {
  const m = L.model("early");
  const p = m.process("p", 2);
  const list = m.array("list", L.intType(0, 3), 2);
  const at = m.variable("at", L.intType(0, 2));
  p.choose("start", { x: 2 }, ({ x }) => ({
    do: [
      L.set(list.at(x), L.add(list.at(x), 1)),
      L.when(L.eq(list.at(0), 2), [L.set(list.at(1), list.at(0))], [L.set(at, list.at(L.sub(1, x)))]),
      L.assertThat("below three", L.lt(list.at(at), 3)),
      L.inc(list.at(L.add(at, x))),
    ],
    next: "start",
  }));
  m.always(
    "something is there",
    L.exists(2, (k) => L.ne(list.at(k), 0)),
  );
  return m.build();
}

/** More labels than a byte counts, and a state that needs more bytes than SPIN has room for unless told. */
function large(): L.Model {
  const m = L.model("large");
  const p = m.process("p");
  const list = m.array("list", L.intType(0, 100), 1500);
  for (let i = 0; i < 300; i++)
    p.step(`l${i}`, {
      when: L.exists(p, (k) => p.at(k, `l${i}`)),
      do: [L.set(list.at(i * 4), i % 100)],
      next: `l${i + 1}`,
    });
  p.idle("l300");
  m.always(
    "nobody comes to the end",
    L.forall(p, (k) => L.not(p.at(k, "l300"))),
  );
  return m.build();
}

const broken: [string, L.Model][] = [
  ["a deadlock", twoLocks(true)],
  ["an assertion", xadd(2, 0xffff)],
  ["an invariant", tryLock(2, "wrong guard")],
  ["a range", tryLock(2, "overflow")],
  ["hard names", hardNames()],
  ["the initial state, and half a step", early()],
  ["large", large()],
];

test("each of these is violated", () => {
  for (const [, model] of broken) expect(own(model).violated).not.toEqual([]);
  expect(own(early()).violated).toEqual([
    "always: something is there",
    "assertion: below three",
    "range: range of at",
    "range: range of list",
  ]);
});

describe.skipIf(!hasSpin())("SPIN", () => {
  test.each([...examples, ...broken, ...randomModels(6)])("%s: the same states and violations", async (_, model) => {
    const { outcome: _outcome, ...mine } = own(model);
    expect(await spin(model, mine.states)).toEqual(mine);
  });
});

describe.skipIf(classPath === null)("TLC", () => {
  test.each([...examples.slice(0, 3), ...broken.slice(0, -1)])(
    "%s: the same states and violations",
    { timeout: 120_000 },
    async (_, model) => {
      const { outcome: _outcome, ...mine } = own(model);
      expect(await tlc(model, classPath as string)).toEqual(mine);
    },
  );
});

describe("TLA+", () => {
  test("the module is named as asked, in characters that TLA+ takes, and not like one of TLA+'s own", () => {
    const named = (name?: string) => {
      const { module, name: given } = toTla(peterson(), name);
      expect(module.startsWith(`---- MODULE ${given} ----`)).toBe(true);
      return given;
    };
    expect([named(), named("PageRemoval"), named("page-removal"), named("2 locks"), named("TLC")]).toEqual([
      "peterson",
      "PageRemoval",
      "page_removal",
      "M2_locks",
      "TLC_2",
    ]);
  });

  test.each(examples)("%s: every action sets or keeps every variable exactly once", (_, model) => {
    const { module, config } = toTla(model);
    const variables = (/^VARIABLES (.*)$/m.exec(module)?.[1] ?? "").split(", ");
    const actions = module.split("\n     \\/ ").slice(1);
    expect(actions.length).toBe(model.processes.flatMap(({ labels }) => labels.flatMap(({ steps }) => steps)).length);
    for (const action of actions) {
      const text = action.split(/\n(?=\S)/)[0] as string;
      const primed = [...text.matchAll(/\/\\ (\w+)' = /g)].map(([, name]) => name);
      const kept = /UNCHANGED <<(.*?)>>/.exec(text)?.[1]?.split(", ") ?? [];
      expect([...primed, ...kept].toSorted()).toEqual(variables.toSorted());
    }
    expect(config).toContain("SPECIFICATION Spec");
    for (const [open, close] of ["()", "[]", "{}"]) {
      expect(module.split(open as string).length).toBe(module.split(close as string).length);
    }
  });
});

describe("traces", () => {
  const { trace } = check(tryLock(2, "wrong guard"));

  test("Mermaid", () => {
    expect(toMermaid(trace as L.Trace, (status) => status)).toMatchInlineSnapshot(`
      "sequenceDiagram
        participant n0 as caller[0]
        participant n1 as caller[1]
        participant n2 as LOCK
        n0->>n2: call acquire EXCLUSIVE
        Note over n0: inside = 1
        n1->>n2: call acquire EXCLUSIVE
        Note over n1: inside = 2
      "
    `);
  });

  test("Mermaid shows a loop", () => {
    const lasso = check(tryLock(2, "missing release")).violations.find(({ kind }) => kind === "leads-to");
    expect(toMermaid(lasso?.trace as L.Trace, (status) => status)).toMatch(/loop for ever\n.*end\n$/s);
  });

  test("Perfetto: one track per actor and per lock", () => {
    const { traceEvents } = toPerfetto(trace as L.Trace);
    const tracks = traceEvents.filter(({ name }) => name === "thread_name").map(({ args }) => args?.["name"]);
    expect(tracks).toEqual(["caller[0]", "caller[1]", "LOCK", "LOCK (2)"]);
  });

  test("Perfetto: who has a lock in which mode, and who is refused", async () => {
    const { model } = await loadScenario("lock/sharex", { hosts: "2", guests: "0", set: ["width=3", "promote=true"] });
    const property = { kind: "always", name: "none", expr: L.not(L.at("host", 0, "holds SHARED")) } as const;
    const [violation] = check({ ...model, properties: [property] }).violations;
    const first = violation?.trace as L.Trace;
    const [step] = first.steps as [L.TraceStep];
    const promoted = { ...step, leaf: "promote_sharex_lock", mode: "EXCLUSIVE" };
    const refused = { ...step, instance: 1, actor: "host[1]", result: L.BUSY };
    const run = { ...first, steps: [step, promoted, refused] };
    const locks = toPerfetto(run).traceEvents.filter(({ pid, ph }) => pid === 2 && ph !== "M");
    expect(locks.map(({ name, ph, ts, dur }) => [name, ph, ts, dur])).toEqual([
      ["host[0] SHARED", "X", 0, 10],
      ["host[0] EXCLUSIVE", "X", 10, 20],
      ["host[1] BUSY", "i", 20, undefined],
    ]);
  });

  const scenarios: [string, Parameters<typeof loadScenario>[1]][] = [
    ["page-removal", { module: "1.5.05", policy: "fail-fast", vcpus: "2", pages: "1" }],
    ["page-removal", { module: "1.5.25", policy: "retry-forever", vcpus: "1", pages: "1", set: ["progress=true"] }],
    ["lock/sharex-hp", { hosts: "2", guests: "1", set: ["width=3"] }],
    [
      "td-build",
      {
        module: "1.5.25",
        host: "linux-6.16",
        vcpus: "1",
        set: ["paths=[KVM_TDX_INIT_VCPU ioctl, KVM_TDX_INIT_MEM_REGION]"],
      },
    ],
  ];
  test.each(scenarios)("Perfetto: %s %j keeps to the trace event format", async (name, options) => {
    const { model } = await loadScenario(name, options);
    const { violations, witnesses } = check(model);
    for (const { trace: run } of [...violations, ...witnesses]) keepsToFormat(run);
  });

  test("Perfetto: a random run of many sharers keeps to the trace event format", async () => {
    const { model } = await loadScenario("lock/sharex", { hosts: "3", guests: "2", set: ["width=3", "promote=true"] });
    for (const seed of [1, 2]) keepsToFormat(simulate(model, { seed, steps: 100, trace: true }).trace as L.Trace);
  });
});

/** What the trace event format demands: fields by kind of event, named tracks, and spans of a track that do not cross. */
function keepsToFormat(run: L.Trace): void {
  const { traceEvents } = JSON.parse(JSON.stringify(toPerfetto(run))) as ReturnType<typeof toPerfetto>;
  const track = ({ pid, tid }: { pid: number; tid: number }) => `${pid}.${tid}`;
  const named = new Set(traceEvents.filter(({ name }) => name === "thread_name").map(track));
  const spans = new Map<string, [number, number][]>();
  for (const event of traceEvents) {
    expect(event.name).not.toBe("");
    expect(["M", "X", "i"]).toContain(event.ph);
    if (event.ph === "M") continue;
    expect(named).toContain(track(event));
    expect(event.ts).toBeGreaterThanOrEqual(0);
    if (event.ph === "i") expect(["t", "g"]).toContain(event.s);
    if (event.ph !== "X") continue;
    expect(event.dur).toBeGreaterThan(0);
    const { ts = 0, dur = 0 } = event;
    const crosses = ([from, to]: readonly [number, number]): boolean => {
      const apart = ts >= to || ts + dur <= from;
      return !apart && !(ts >= from && ts + dur <= to) && !(from >= ts && to <= ts + dur);
    };
    expect((spans.get(track(event)) ?? []).filter(crosses)).toEqual([]);
    spans.set(track(event), [...(spans.get(track(event)) ?? []), [ts, ts + dur]]);
  }
  const steps = traceEvents.filter(({ ph, pid, args }) => ph === "X" && pid === 1 && args !== undefined);
  expect(steps.length).toBe(run.steps.length);
}
