import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import FACTS from "../../data/behaviours.json" with { type: "json" };
import SOURCES from "../../data/module-sources.json" with { type: "json" };
import PRIMITIVES from "../../data/primitives.json" with { type: "json" };
import {
  type Catalog,
  isKnownPrimitive,
  type LockProgram,
  parseCatalog,
  primitiveName,
  primitiveText,
  servesRow,
} from "../../src/catalog/index.ts";
import { check, isValid } from "../../src/check/index.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";
import {
  buildModel,
  doubtsOf,
  lineageOf,
  parseScenario,
  releaseAssertion,
  type Scenario,
} from "../../src/model/index.ts";

const file = (version: string) => join(import.meta.dirname, `../../data/modules/${version}.json`);
const read = new Map<string, Catalog>();
function catalog(version: string): Catalog {
  const known = read.get(version) ?? parseCatalog(readFileSync(file(version), "utf8"), version);
  read.set(version, known);
  return known;
}

/** A bundled scenario, with fields changed. */
function scenario(name: string, changes: Readonly<Record<string, unknown>> = {}): Scenario {
  const path = join(import.meta.dirname, `../../data/scenarios/${name}.yaml`);
  const overrides = Object.entries(changes).map(([key, value]) => ({
    path: key,
    value: JSON.stringify(value),
    from: "the test",
  }));
  return parseScenario(readFileSync(path, "utf8"), path, overrides);
}
const EVERY_CALL = { guest: ["accept", "read-attributes", "write-attributes", "touch", "interrupt"] };
/** The scenarios whose calls do more than lock; each with every call that it can make. */
const RESTED = [
  scenario("page-removal", EVERY_CALL),
  scenario("page-fault-in"),
  scenario("td-life", { callers: 1 }),
  scenario("dynamic-pamt", { removers: 1 }),
];

describe("behaviours in which versions differ", () => {
  it.each([
    ["1.5.05", "whole-word", "always", "leaves-the-entry"],
    ["1.5.16", "whole-word", "always", "leaves-the-entry"],
    ["1.5.20", "exchange-then-store", "without-ve", "rewrites-the-entry"],
    ["1.5.24", "exchange", "without-ve", "rewrites-the-entry"],
    ["1.5.25", "exchange", "without-ve", "rewrites-the-entry"],
  ])("of %s: %s, %s, %s", (version, septWrite, pendingFault, attributeWrite) => {
    expect(lineageOf(catalog(version))).toEqual({ septWrite, pendingFault, attributeWrite });
  });

  it.each([
    ["says nothing", []],
    ["says what nobody knows", ["pending-fault", "attribute-write"]],
  ])("of a catalog that %s are the newest release's", (_, names) => {
    const known = catalog("1.5.05");
    const behaviours = known.behaviours.flatMap((one) =>
      names.includes(one.name) ? [{ ...one, variant: "new" }] : [],
    );
    expect(behaviours).toHaveLength(names.length);
    expect(lineageOf({ ...known, behaviours })).toMatchObject({
      pendingFault: "without-ve",
      attributeWrite: "rewrites-the-entry",
    });
  });

  it("are all known in every release from 1.5.01 on, whatever the scenario", () => {
    for (const { version } of SOURCES.filter(({ version: v }) => v.startsWith("1.5"))) {
      const module = catalog(version);
      const hasDynamicPamt = module.leaves.some(({ name }) => name === "tdh_phymem_pamt_add");
      for (const one of RESTED.filter(({ kind }) => hasDynamicPamt || kind !== "dynamic-pamt"))
        expect(doubtsOf(one, module, null).filter((doubt) => doubt.includes("not read"))).toEqual([]);
    }
  });

  it("are stated of every call that does something in a model", () => {
    const module = catalog("1.5.25");
    const handlers = new Map(module.leaves.map(({ name, handler }) => [name, handler.function]));
    for (const one of RESTED) {
      const model = buildModel(one, { catalog: () => module, host: () => expect.fail("no host is named") });
      const steps = model.processes.flatMap(({ labels }) => labels.flatMap((label) => label.steps));
      const acting = steps.filter(({ meta }) => meta?.leaf !== undefined && meta.action === "effect");
      const calls = [...new Set(acting.map(({ meta }) => meta?.leaf as string))];
      expect(calls.length).toBeGreaterThan(0);
      for (const call of calls) {
        const stated = FACTS.behaviours.find((fact) => fact.function === handlers.get(call));
        expect(stated?.models, `${one.name}: ${call}`).toContain(one.kind);
        expect(stated?.calls, call).toContain(call);
      }
    }
  });

  it("of an unknown variant are said, with the place, in the scenarios that rest on them", () => {
    const known = catalog("1.5.20");
    const unknown = (name: string) => ({
      ...known,
      behaviours: known.behaviours.map((one) => (one.function === name ? { ...one, variant: null } : one)),
    });
    const doubts = (name: string, one: Scenario) => doubtsOf(one, unknown(name), null);
    expect(doubts("is_epf_expected", scenario("page-removal"))).toEqual([
      expect.stringMatching(
        /not read in this tree: pending-fault: an unknown variant of is_epf_expected, src\/td_transitions\/td_exit_stepping\.c:144/,
      ),
    ]);
    expect(doubts("is_epf_expected", scenario("td-life"))).toEqual([]);
    expect(doubts("tdh_mem_sept_add", scenario("page-removal"))).toEqual([]);
    expect(doubts("tdh_mem_sept_add", scenario("td-life"))[0]).toMatch(/tdh_mem_sept_add, src\/.*:\d+/);
    expect(doubts("sept_special_flags_lookup", scenario("td-life"))[0]).toMatch(/sept_state_lookup\.c:\d+/);
    expect(doubts("tdg_mem_page_attr_wr", scenario("page-removal"))).toEqual([]);
    expect(doubts("tdg_mem_page_attr_wr", scenario("page-removal", EVERY_CALL))).toHaveLength(1);
    expect(doubts("tdh_phymem_pamt_add", scenario("dynamic-pamt"))).toHaveLength(1);
    expect(doubts("tdh_mem_range_block", scenario("page-fault-in"))).toEqual([]);
  });

  it("are told as one where the catalog has none", () => {
    const known = catalog("1.5.25");
    expect(doubtsOf(scenario("td-life"), { ...known, behaviours: [] }, null)).toEqual([
      expect.stringContaining("none of the functions was read"),
    ]);
    const but = known.behaviours.filter((one) => one.function !== "map_tdvps");
    expect(doubtsOf(scenario("td-life"), { ...known, behaviours: but }, null)).toEqual([
      expect.stringContaining("tdvps: no function map_tdvps was read; src/model/lifecycle-parts.ts"),
    ]);
  });

  it("say where entries are written, when they are written in a way that nobody has read", () => {
    const known = catalog("1.5.25");
    const writers = known.writers.map((one) => ({
      ...one,
      steps: one.steps.map((step) => (step.instruction === "cmpxchg" ? { ...step, retries: false } : step)),
    }));
    const changed = { ...known, writers };
    expect(lineageOf(changed).septWrite).toBe("exchange");
    expect(doubtsOf(scenario("page-removal"), changed, null)).toEqual([
      expect.stringMatching(/SEPT entry \(atomically_update_sept_state_keep_tdhp, .*sept_manager\.h:513\)/),
    ]);
  });
});

describe("lock primitives", () => {
  const known = catalog("1.5.25");
  const ALL = [...RESTED, scenario("td-build")];
  /** 1.5.25 with the primitives that serve one purpose changed. */
  const changed = (name: string, change: (program: LockProgram) => LockProgram[]): Catalog => ({
    ...known,
    primitives: known.primitives.flatMap((program) => (primitiveName(program) === name ? change(program) : [program])),
  });
  const doubts = (one: Scenario, module: Catalog) => doubtsOf(one, module, null);
  /** As if a condition of the source were left out: the last branch alone is taken. */
  const unconditional = (program: LockProgram): LockProgram[] => [
    { ...program, steps: program.steps.map((step) => ({ ...step, branches: step.branches.slice(-1) })) },
  ];
  const GUEST = "the guest's acquire of a sept_entry lock";

  it("of every bundled module are known", () => {
    for (const version of [...SOURCES.map((one) => one.version), "2.0.18-read"])
      expect(catalog(version).primitives.filter((program) => !isKnownPrimitive(program))).toEqual([]);
    const made = new Set(
      [...SOURCES.map((one) => one.version), "2.0.18-read"].flatMap((version) =>
        catalog(version).primitives.map(primitiveText),
      ),
    );
    expect(new Set(PRIMITIVES.primitives.map(({ program }) => JSON.stringify(program)))).toEqual(made);
  });

  it("are the same under other names, in other lines and with other numbers of sanity checks, and no others with another instruction", () => {
    const [program] = known.primitives.filter((one) => primitiveName(one) === "the release of a sept_entry lock");
    if (program === undefined) return expect.fail("1.5.25 has one");
    const steps = program.steps.map((step) => ({
      ...step,
      line: step.line + 7,
      branches: step.branches.map((branch) => ({ ...branch, check: branch.check === null ? null : 88 })),
    }));
    const moved = { ...program, function: "unlock", evidence: { ...program.evidence, line: 1 }, steps };
    expect(isKnownPrimitive(moved)).toBe(true);
    const [first, ...rest] = program.steps;
    expect(isKnownPrimitive({ ...program, steps: rest })).toBe(false);
    expect(isKnownPrimitive({ ...program, word: { ...program.word, bits: 32 } })).toBe(false);
    const plain = { ...first, instruction: { op: "write" as const, value: {} } } as typeof first;
    expect(
      isKnownPrimitive({ ...program, steps: program.steps.map((step) => (step === first && plain ? plain : step)) }),
    ).toBe(false);
    expect(isKnownPrimitive({ ...program, mode: "SHARED" })).toBe(false);
  });

  it("serve the rows of their lock, mode and side; a lock that is promoted is taken SHARED first", () => {
    const [aug] = known.leaves.filter(({ name }) => name === "tdh_mem_page_aug");
    const [page, tdr] = ["PAGE", "TDR"].map((resource) => aug?.acquisitions.find((row) => row.resource === resource));
    if (page === undefined || tdr === undefined) return expect.fail("TDH.MEM.PAGE.AUG has rows of both");
    const serving = (row: typeof page): string[] =>
      known.primitives.filter((program) => servesRow(program, row)).map(primitiveName);
    expect(serving(tdr)).toEqual([
      "the host's shared acquire of a sharex_hp lock",
      "the shared release of a sharex_hp lock",
    ]);
    expect(serving(page)).toEqual([
      "the host's shared acquire of a sharex_hp lock",
      "the host's exclusive acquire of a sharex_hp lock",
      "the exclusive release of a sharex_hp lock",
      "the exclusive promote of a sharex_hp lock",
    ]);
  });

  it("as no bundled module has them are said, with the place, in the scenarios whose calls use them", () => {
    const module = changed(GUEST, unconditional);
    const said =
      /^the guest's acquire of a sept_entry lock \(sept_lock_acquire_guest, src\/common\/helpers\/tdx_locks\.h:265\) is as in no bundled module/;
    for (const one of ALL.filter(({ kind }) => kind !== "dynamic-pamt" && kind !== "td-life"))
      expect(doubts(one, module), one.name).toEqual([expect.stringMatching(said)]);
    expect(doubts(scenario("lock/sept-entry"), module)).toEqual([]);
  });

  it.each([
    ["the exclusive promote of a sharex_hp lock", "dynamic-pamt", 1],
    ["the exclusive promote of a sharex_hp lock", "page-fault-in", 1],
    ["the exclusive promote of a sharex lock", "td-life", 0],
    ["the host's shared acquire of a sharex_hp lock", "page-fault-in", 1],
    ["the guest's shared acquire of a sharex_hp lock", "page-fault-in", 0],
    ["the release of a mutex lock", "page-fault-in", 0],
  ])("%s that is unlike all others makes %s doubtful: %i", (name, which, count) => {
    const module = changed(name, unconditional);
    expect(module.primitives.filter((program) => !isKnownPrimitive(program))).toHaveLength(1);
    expect(doubts(RESTED.find((one) => one.name === which) ?? scenario(which), module)).toHaveLength(count);
  });

  it("that are missing are said, each once, and as one where there is none", () => {
    const one = scenario("page-fault-in");
    expect(
      doubts(
        one,
        changed(GUEST, () => []),
      ),
    ).toEqual([`no function for ${GUEST} was read; the model has that of the bundled modules`]);
    const none = "the catalog has no lock primitives; the model has those of the bundled modules";
    expect(doubts(one, { ...known, primitives: [] })).toEqual([none]);
    expect(doubts(one, { ...known, primitives: [], leaves: [] }).filter((doubt) => doubt === none)).toEqual([]);
  });

  it("give the assertion of a model the number of their sanity check", () => {
    const name = "the release of a sept_entry lock";
    const numbered = (check: number | null) =>
      changed(name, (program) => [
        {
          ...program,
          steps: program.steps.map((step) => ({
            ...step,
            branches: step.branches.map((branch) => (branch.to === "halt" ? { ...branch, check } : branch)),
          })),
        },
      ]);
    const text = "nobody releases a SEPT entry that is not locked";
    expect(releaseAssertion(known)).toBe(`${text} (sanity check 8)`);
    expect(releaseAssertion(numbered(12))).toBe(`${text} (sanity check 12)`);
    expect(releaseAssertion(numbered(null))).toBe(text);
    expect(releaseAssertion(changed(name, () => []))).toBe(text);
  });
});

describe("the second store of 1.5.20", () => {
  const SHUT_DOWN = "nobody releases a SEPT entry that is not locked (sanity check 8)";
  const result = async (scenario: string, module: string, set: readonly string[]) => {
    const { model } = await loadScenario(scenario, { module, set });
    const { violations, busy } = check(model);
    for (const { trace } of violations) expect(isValid(model, trace)).toBe(true);
    return { model, busy, properties: violations.map(({ property }) => property) };
  };
  const one = ["vcpus=2", "pages=1"];

  it("wipes the lock of a guest that came in between, which shuts the module down; other versions keep it", async () => {
    expect((await result("page-fault-in", "1.5.20", one)).properties).toEqual([SHUT_DOWN]);
    for (const module of ["1.5.16", "1.5.24", "1.5.25"])
      expect((await result("page-fault-in", module, one)).properties).toEqual([]);
  });

  it("does so under every way of handling BUSY, by TDH.MEM.PAGE.REMOVE too", async () => {
    for (const policy of ["kick-first", "kick-on-busy", "retry-forever"])
      expect((await result("page-removal", "1.5.20", [...one, `removal.policy=${policy}`])).properties[0]).toBe(
        SHUT_DOWN,
      );
    // One vCPU, which does not fault while its guest runs: only the removal's own write is left to meet the guest.
    const alone = (policy: string) => ["vcpus=1", "pages=1", `removal.policy=${policy}`];
    expect((await result("page-removal", "1.5.20", alone("kick-on-busy"))).properties).toEqual([SHUT_DOWN]);
    expect((await result("page-removal", "1.5.20", alone("kick-first"))).properties).toEqual([]);
  });

  it("is made of an entry whose attributes a guest writes, too; before 1.5.20 such an entry is not written at all", async () => {
    const guest = { guest: ["write-attributes", "interrupt"], pages: 1, vcpus: 1 };
    const notes = (version: string) => {
      const model = buildModel(scenario("page-removal", guest), {
        catalog: () => catalog(version),
        host: () => expect.fail("no host is named"),
      });
      const vcpu = model.processes.find(({ name }) => name === "vcpu");
      return (vcpu?.labels ?? []).flatMap(({ steps }) => steps.map(({ meta }) => meta?.note));
    };
    const STORED = "the same value is stored once more: what changed in the entry meanwhile is lost";
    expect(notes("1.5.20")).toContain(STORED);
    for (const version of ["1.5.16", "1.5.25"]) expect(notes(version)).not.toContain(STORED);
  });

  it("leaves nothing running", async () => {
    const { model } = await result("page-fault-in", "1.5.20", one);
    const guards = model.processes
      .filter(({ name }) => name !== "module")
      .flatMap(({ labels }) => labels.flatMap(({ steps }) => steps.map(({ guard }) => JSON.stringify(guard))));
    for (const guard of guards) expect(guard).toContain("moduleShutDown");
  });
});
