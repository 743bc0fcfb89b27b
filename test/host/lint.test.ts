/** What is doubtful in a profile, and how a profile differs from what a tree shows: one fact at a time, on modules of two calls. */
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { Catalog, Leaf } from "../../src/catalog/index.ts";
import { compareHosts } from "../../src/host/compare.ts";
import { type HostPath, type HostProfile, type HostStep, lintHost, parseHost } from "../../src/host/index.ts";
import { entriesOf } from "../../src/host/lint.ts";
import { leaf, row, smallCatalog } from "../catalog/fixture.ts";

const PHASES: HostProfile["phases"] = [
  { name: "first", what: "x", opStates: ["INITIALIZED"] },
  { name: "second", what: "x", opStates: ["RUNNABLE"] },
  { name: "third", what: "x" },
];

interface Part extends Partial<HostPath> {
  readonly step?: Partial<HostStep>;
}

function path(name: string, { step, ...more }: Part = {}): HostPath {
  const steps = [{ call: "tdh_x", onBusy: [{ do: ["retry:1"] }], ...step }];
  return { name, per: "vm", phases: ["first", "second", "third"], sources: ["x"], steps, ...more };
}

const hostOf = (paths: readonly HostPath[], more: Partial<HostProfile> = {}): HostProfile => ({
  schema: "seamlock/host@1",
  name: "small",
  description: "a small host",
  sources: ["x"],
  phases: PHASES,
  locks: [],
  paths: [...paths],
  ...more,
});

const x = leaf("tdh_x", 1, [row("TDR", "EXCLUSIVE")]);
const sept = leaf("tdh_y", 2, [row("SEPT_ENTRY", "EXCLUSIVE")]);
const guest = leaf("tdg_x", 3, [row("SEPT_ENTRY", "EXCLUSIVE", { side: "guest" })]);
const module = (leaves: readonly Leaf[] = [x, sept, guest], more: Partial<Catalog> = {}): Catalog =>
  smallCatalog({ leaves: [...leaves], ...more });
const found = (profile: HostProfile, catalog: Catalog | null = module()): string[] =>
  lintHost(parseHost(stringify(profile), "h.yaml"), catalog).map(({ code, severity }) => `${code} ${severity}`);
/** What an extraction says of itself. */
const extracted: HostProfile["extracted"] = {
  tree: "x",
  kernel: "7.0",
  digest: "x",
  rulesDigest: "x",
  rules: "x",
  excluded: [],
  diagnostics: [],
};

describe("remarks", () => {
  test("none on what is as it should be", () => {
    expect(found(hostOf([path("one")]))).toEqual([]);
  });

  test("on a lock that nobody holds, or that everybody shares; readers of srcu always do", () => {
    const with_ = (kind: "rwlock" | "srcu", holds: HostPath["holds"], more: Partial<HostProfile> = {}) =>
      found(
        hostOf([path("one", holds === undefined ? {} : { holds })], {
          locks: [{ name: "l", kind, per: "vm" }],
          ...more,
        }),
      );
    const shared = { lock: "l", mode: "shared" as const };
    expect(with_("rwlock", undefined)).toEqual(["SL3102 warning"]);
    expect(with_("srcu", undefined)).toEqual(["SL3102 warning"]);
    expect(with_("rwlock", [shared])).toEqual(["SL3103 warning"]);
    expect(with_("rwlock", [shared], { extracted })).toEqual(["SL3103 note"]);
    expect(with_("srcu", [shared])).toEqual([]);
    expect(with_("rwlock", ["l"])).toEqual([]);
    const steps = [{ call: "tdh_x", holds: [shared], onBusy: [{ do: ["warn"] }] }];
    expect(with_("rwlock", undefined)).toEqual(["SL3102 warning"]);
    const both = [path("one", { steps }), path("two", { holds: ["l"] })];
    expect(found(hostOf(both, { locks: [{ name: "l", kind: "rwlock", per: "vm" }] }))).toEqual([]);
    expect(found(hostOf(both.slice(0, 1), { locks: [{ name: "l", kind: "rwlock", per: "vm" }] }))).toEqual([
      "SL3103 warning",
    ]);
  });

  test("on phases: without a path, not later than the path's own, or not the path's", () => {
    expect(found(hostOf([path("one", { phases: ["first", "second"] })]))).toEqual(["SL3104 warning"]);
    const all = path("all");
    const overrun = (phases: string[], overruns: string[]) => found(hostOf([all, path("one", { phases, overruns })]));
    expect(overrun(["first", "second"], ["third"])).toEqual([]);
    expect(overrun(["second", "first"], ["second"])).toEqual(["SL3105 error"]);
    expect(overrun(["first", "third"], ["second"])).toEqual(["SL3105 error"]);
    expect(found(hostOf([all, path("one", { phases: ["first"], step: { phases: ["first"] } })]))).toEqual([]);
    expect(found(hostOf([all, path("one", { phases: ["first"], step: { phases: ["second"] } })]))).toEqual([
      "SL3105 error",
    ]);
  });

  test("on what is done about a BUSY: not stated for each, or stated behind what holds for each", () => {
    const busy = (onBusy: HostStep["onBusy"]) => found(hostOf([path("one", { step: { onBusy } })]));
    const [tdr, any] = [{ on: ["TDR"], do: ["warn"] }, { do: ["warn"] }];
    expect(busy([tdr, any])).toEqual([]);
    expect(busy([any, tdr])).toEqual(["SL3107 error"]);
    expect(busy([tdr])).toEqual(["SL3106 warning"]);
    expect(busy([])).toEqual(["SL3106 warning"]);
  });

  test("on a call that the module does not have: a fault, unless a tree or a table does not have all", () => {
    const none = hostOf([path("one", { step: { call: "tdh_none" } })]);
    expect(found(none)).toEqual(["SL3101 error"]);
    expect(found({ ...none, extracted })).toEqual(["SL3101 note"]);
    const table = module(undefined, { module: { ...module().module, origin: "published" } });
    expect(found(none, table)).toEqual(["SL3101 note"]);
    expect(found(none, null)).toEqual([]);
    expect(found(hostOf([path("one")], { guest: { calls: ["tdg_none"] } }))).toEqual(["SL3101 note"]);
  });

  test("on calls of the other side", () => {
    expect(found(hostOf([path("one", { step: { call: "tdg_x" } })]))).toEqual(["SL3108 error"]);
    expect(found(hostOf([path("one")], { guest: { calls: ["tdh_x"] } }))).toEqual(["SL3108 error"]);
    expect(found(hostOf([path("one")], { guest: { calls: ["tdg_x"] } }))).toEqual([]);
  });

  test("on a variant that the module does not tell, where it tells some", () => {
    const variants = ["read", "write"].map((variant) => ({ ...x, variant }));
    const of = (variant: string, leaves: readonly Leaf[]) =>
      found(hostOf([path("one", { step: { variant } })]), module(leaves));
    expect(of("read", variants)).toEqual([]);
    expect(of("other", variants)).toEqual(["SL3109 error"]);
    expect(of("other", [x])).toEqual([]);
  });

  test("on a phase in which no entry of the call is legal", () => {
    const of = (opStates: string[] | null, step: Partial<HostStep> = {}, leaves?: readonly Leaf[]) =>
      found(hostOf([path("one", { step })]), module(leaves ?? [{ ...x, opStates }]));
    expect(of(["INITIALIZED", "RUNNABLE"])).toEqual([]);
    expect(of(["INITIALIZED"])).toEqual(["SL3110 error"]);
    expect(of(["INITIALIZED"], { phases: ["first", "third"] })).toEqual([]);
    expect(of([])).toEqual([]);
    expect(of(null)).toEqual([]);
    const variants = [
      { ...x, variant: "read", opStates: ["INITIALIZED", "RUNNABLE"] },
      { ...x, variant: "write", opStates: ["INITIALIZED"] },
    ];
    expect(of(null, {}, variants)).toEqual([]);
    expect(of(null, { variant: "write" }, variants)).toEqual(["SL3110 error"]);
    // An entry that checks nothing is legal in each.
    expect(of(null, {}, [{ ...x, variant: "read" }, ...variants.slice(1)])).toEqual([]);
    const phases = [{ name: "first", what: "x", opStates: ["INITIALIZED", "RUNNABLE"] }, ...PHASES.slice(1)];
    const early = path("one", { step: { phases: ["first"] } });
    expect(found(hostOf([early], { phases }), module([{ ...x, opStates: ["INITIALIZED"] }]))).toEqual([]);
  });

  test("on a lock of an SEPT entry that a call holds which names none", () => {
    const of = (call: string, per: "entry" | "vm") =>
      found(hostOf([path("one", { holds: ["l"], step: { call } })], { locks: [{ name: "l", kind: "flag", per }] }));
    expect(of("tdh_x", "entry")).toEqual(["SL3111 warning"]);
    expect(of("tdh_y", "entry")).toEqual([]);
    expect(of("tdh_x", "vm")).toEqual([]);
    const step = { holds: ["l"] };
    expect(found(hostOf([path("one", { step })], { locks: [{ name: "l", kind: "flag", per: "entry" }] }))).toEqual([
      "SL3111 warning",
    ]);
  });
});

test("the entries that a step issues: of its variant, of none, else all", () => {
  const variants = ["read", "write", null].map((variant) => ({ ...x, variant }));
  const of = (leaves: readonly Leaf[], variant?: string) =>
    entriesOf(module(leaves), "tdh_x", variant).map((one) => one.variant);
  expect(of(variants)).toEqual(["read", "write", null]);
  expect(of(variants, "read")).toEqual(["read", null]);
  expect(of(variants.slice(0, 2), "write")).toEqual(["write"]);
  // A variant that the module does not tell: any may be it.
  expect(of(variants.slice(0, 2), "other")).toEqual(["read", "write"]);
  expect(entriesOf(module(), "tdh_none")).toEqual([]);
});

describe("a profile beside what a tree shows", () => {
  const differences = (stated: readonly HostPath[], shown: readonly HostPath[]): string[] =>
    compareHosts(hostOf(stated), hostOf(shown)).map(({ kind, side, text }) => `${kind} ${side}: ${text}`);
  const holding = (...holds: NonNullable<HostPath["holds"]>): HostPath[] => [path("one", { holds })];

  test("differs by calls that only one makes", () => {
    const other = path("two", { step: { call: "tdh_y" } });
    expect(differences([path("one")], [path("one")])).toEqual([]);
    expect(differences([path("one"), other], [path("one")])).toEqual(["call stated: tdh_y is called"]);
    expect(differences([path("one")], [path("one"), other])).toEqual(["call shown: tdh_y is called"]);
  });

  test("differs by the locks of a call, in their modes and of whom, in any order", () => {
    const bare = "locks shown: tdh_x is called with no lock";
    expect(differences(holding("a", "b"), holding("b", "a"))).toEqual([]);
    expect(differences(holding("a"), holding())).toEqual(["locks stated: tdh_x is called with a", bare]);
    const shared = holding({ lock: "a", mode: "shared" });
    expect(differences(shared, holding())).toEqual(["locks stated: tdh_x is called with a shared", bare]);
    expect(differences(shared, holding("a")).length).toBe(2);
    for (const of of ["all", "other"] as const)
      expect(differences(holding({ lock: "a", of }), holding("a"))[0]).toBe(
        `locks stated: tdh_x is called with a of ${of}`,
      );
    // One of several calls with the same locks is enough.
    expect(differences([...holding("a"), ...holding()], holding("a"))).toEqual([
      "locks stated: tdh_x is called with no lock",
    ]);
  });

  test("leaves out locks that no code shows", () => {
    expect(differences(holding({ lock: "a", by: "stated" }), holding())).toEqual([]);
    expect(differences(holding({ lock: "a", assumed: "so" }), holding())).toEqual([]);
    expect(differences(holding({ lock: "a", assumed: "so", by: "derived" }), holding()).length).toBe(2);
  });

  test("differs by phases of a call, and by how long a path of one name lasts", () => {
    const short = path("one", { phases: ["first"] });
    const first = path("one", { step: { phases: ["first"] } });
    expect(differences([first], [short])).toEqual([]);
    expect(differences([short], [path("one")])).toEqual([
      "phases stated: tdh_x runs in first; the tree shows first, second, third",
    ]);
    expect(differences([path("one")], [short])).toEqual([
      "phases stated: tdh_x runs in first, second, third; the tree shows first",
    ]);
    expect(differences([path("one")], [{ ...short, name: "two" }])).toEqual([]);
    const steps = ["tdh_x", "tdh_y"].map((call) => ({ call }));
    expect(differences([path("one", { steps })], [path("one")])).toEqual(["call stated: tdh_y is called"]);
    const late = { ...short, overruns: ["second"] };
    expect(differences([late], [short])).toEqual([
      "overruns stated: it lasts into second; the tree shows no later phase",
    ]);
    expect(differences([short], [late])).toEqual([
      "overruns stated: it lasts into no later phase; the tree shows second",
    ]);
  });
});
