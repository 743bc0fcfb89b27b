/** Lists of accepted pairs, what counts as a finding, comparisons with what runs met, and of two hosts: one fact at a time. */
import { describe, expect, test } from "vitest";
import {
  type AllowEntry,
  allowText,
  type ContendPair,
  compareWithMet,
  diffHosts,
  failing,
  findingGroups,
  hostsDiffer,
  type Met,
  parseAllow,
  type Unaccepted,
  unaccepted,
} from "../../src/analysis/index.ts";
import type { HostPath, HostProfile } from "../../src/host/index.ts";
import { leaf, row, smallCatalog } from "../catalog/fixture.ts";

type Path = ContendPair["paths"][number];
const path = (a: string, b: string, more: Partial<Path> = {}): Path =>
  ({ a, b, possible: true, excludedBy: [], severity: "retry", ...more }) as unknown as Path;
const pair = (
  a: string,
  b: string,
  resource: string,
  paths: readonly Path[] = [],
  more: Partial<ContendPair> = {},
): ContendPair => ({ a, b, resource, possible: true, excludedBy: [], paths, ...more }) as unknown as ContendPair;
const entry = (a: string, b: string, resource: string, more: Partial<AllowEntry> = {}): AllowEntry => ({
  a,
  b,
  resource,
  reason: "known",
  ...more,
});

describe("accepted pairs", () => {
  const left = (pairs: readonly ContendPair[], ...allow: AllowEntry[]) => {
    const { found, unused } = unaccepted({ pairs: [...pairs] }, { schema: "seamlock/allow@1", allow });
    return {
      found: found.map((one) => [one.pair.a, ...one.paths.map(({ a, b }) => `${a} ${b}`)]),
      unused: unused.length,
    };
  };

  test("are of both calls, in either order, on the resource", () => {
    const pairs = [pair("x", "y", "TDR")];
    expect(left(pairs, entry("x", "y", "TDR"))).toEqual({ found: [], unused: 0 });
    expect(left(pairs, entry("y", "x", "TDR"))).toEqual({ found: [], unused: 0 });
    for (const other of [
      entry("x", "y", "KOT"),
      entry("x", "z", "TDR"),
      entry("z", "y", "TDR"),
      entry("z", "x", "TDR"),
      entry("y", "z", "TDR"),
    ])
      expect(left(pairs, other)).toEqual({ found: [["x"]], unused: 1 });
  });

  test("are possible ones: an entry for what cannot meet accepts nothing", () => {
    expect(left([pair("x", "y", "TDR", [], { possible: false })], entry("x", "y", "TDR"))).toEqual({
      found: [],
      unused: 1,
    });
    expect(left([pair("x", "y", "TDR", [], { possible: false })])).toEqual({ found: [], unused: 0 });
  });

  test("may be of some paths only, those of either side, and the others are left", () => {
    const paths = [path("P", "Q"), path("P", "R"), path("S", "Q"), path("never", "Q", { possible: false })];
    const of = (...allow: AllowEntry[]) => left([pair("x", "y", "TDR", paths)], ...allow);
    expect(of(entry("x", "y", "TDR", { pathA: "P" }))).toEqual({ found: [["x", "S Q"]], unused: 0 });
    expect(of(entry("x", "y", "TDR", { pathB: "Q" }))).toEqual({ found: [["x", "P R"]], unused: 0 });
    expect(of(entry("x", "y", "TDR", { pathA: "P", pathB: "Q" }))).toEqual({ found: [["x", "P R", "S Q"]], unused: 0 });
    expect(of(entry("y", "x", "TDR", { pathA: "Q", pathB: "P" }))).toEqual({ found: [["x", "P R", "S Q"]], unused: 0 });
    expect(of(entry("y", "x", "TDR", { pathA: "P" }))).toEqual({ found: [["x", "P Q", "P R", "S Q"]], unused: 1 });
    expect(of(entry("x", "y", "TDR", { pathA: "never" }))).toEqual({ found: [["x", "P Q", "P R", "S Q"]], unused: 1 });
    const all = [entry("x", "y", "TDR", { pathA: "P" }), entry("x", "y", "TDR", { pathA: "S" })];
    expect(of(...all)).toEqual({ found: [], unused: 0 });
  });

  test("of one call with itself, by the path of either", () => {
    const paths = [path("P", "Q")];
    const of = (more: Partial<AllowEntry>) => left([pair("x", "x", "TDR", paths)], entry("x", "x", "TDR", more));
    expect(of({ pathA: "Q" })).toEqual({ found: [], unused: 0 });
    expect(of({ pathA: "R" })).toEqual({ found: [["x", "P Q"]], unused: 1 });
  });

  test("of no host are whole, also where an entry names a path", () => {
    expect(left([pair("x", "y", "TDR")], entry("x", "y", "TDR", { pathA: "P" }))).toEqual({ found: [], unused: 0 });
    expect(left([pair("x", "y", "TDR")])).toEqual({ found: [["x"]], unused: 0 });
  });

  test("are written with those of before, each once, by call, resource and path", () => {
    const known = [
      entry("x", "y", "TDR", { pathA: "P" }),
      entry("x", "y", "TDR", { pathA: "Q" }),
      entry("x", "y", "KOT"),
    ];
    const found: Unaccepted[] = [
      {
        pair: pair("x", "y", "TDR"),
        paths: [path("P", "Q", { severity: "error" }), path("R", "Q", { severity: "vm-dead" })],
      },
      { pair: pair("x", "y", "KOT"), paths: [] },
    ];
    const { allow } = parseAllow(allowText({ schema: "seamlock/allow@1", allow: known }, found), "x");
    expect(allow.map((one) => [one.a, one.b, one.resource, one.pathA])).toEqual([
      ["x", "y", "TDR", "P"],
      ["x", "y", "TDR", "Q"],
      ["x", "y", "KOT", undefined],
      ["x", "y", "TDR", undefined],
    ]);
    expect(allow[3]?.reason).toContain("worst outcome: vm-dead");
  });
});

describe("findings", () => {
  const found: Unaccepted[] = [
    {
      pair: pair("x", "y", "TDR"),
      paths: [path("P", "Q", { severity: "vm-dead" }), path("P", "R", { severity: "error" })],
    },
    { pair: pair("x", "z", "TDR"), paths: [path("P", "Q", { severity: "leak" })] },
    { pair: pair("x", "w", "TDR"), paths: [path("P", "Q", { severity: "unknown" })] },
    { pair: pair("x", "v", "TDR"), paths: [] },
  ];

  test("count by how bad they are", () => {
    const bad = (failOn: Parameters<typeof failing>[1]) =>
      failing(found, failOn).map((one) => [one.pair.b, one.paths.length]);
    expect(bad("any")).toEqual([
      ["y", 2],
      ["z", 1],
      ["w", 1],
      ["v", 0],
    ]);
    expect(bad("error")).toEqual([
      ["y", 2],
      ["z", 1],
    ]);
    expect(bad("vm-lost")).toEqual([["y", 1]]);
  });

  test("that are told alike are told once: of one resource, the same paths and outcomes, against the same calls", () => {
    const one = (a: string, b: string, resource: string, severity: Path["severity"], other = "Q"): Unaccepted => ({
      pair: pair(a, b, resource),
      paths: [path("P", other, { severity })],
    });
    const told = (...all: Unaccepted[]) => findingGroups(all).map(({ a, b }) => `${a.join("+")} ${b.join("+")}`);
    expect(told(one("x", "y", "TDR", "error"), one("z", "y", "TDR", "error"))).toEqual(["x+z y"]);
    expect(told(one("x", "y", "TDR", "error"), one("x", "z", "TDR", "error"))).toEqual(["x y+z"]);
    const all = ["x", "z"].flatMap((a) => ["y", "w"].map((b) => one(a, b, "TDR", "error")));
    expect(told(...all)).toEqual(["x+z y+w"]);
    // Not every call of the one group meets every call of the other.
    expect(told(...all.slice(0, 3))).not.toEqual(["x+z y+w"]);
    expect(told(one("x", "y", "TDR", "error"), one("z", "w", "TDR", "error"))).toEqual(["x y", "z w"]);
    expect(told(one("x", "y", "TDR", "error"), one("z", "y", "KOT", "error"))).toEqual(["x y", "z y"]);
    expect(told(one("x", "y", "TDR", "error"), one("z", "y", "TDR", "leak"))).toEqual(["x y", "z y"]);
    expect(told(one("x", "y", "TDR", "error"), one("z", "y", "TDR", "error", "R"))).toEqual(["x y", "z y"]);
  });
});

describe("what the analysis leaves possible beside what runs met", () => {
  const excluded = (kind: "op-state" | "kick") => ({ possible: false, excludedBy: [{ kind, what: "x" }] });
  const compared = (pairs: readonly ContendPair[], ...met: Met[]) =>
    compareWithMet(pairs, met).map((one) => [
      `${one.a} ${one.b} ${one.resource}`,
      one.possible,
      one.met,
      one.excludedBy.map(({ kind }) => kind),
    ]);
  const met = (leaf: string | null, resource: string, ...holders: string[]): Met => ({ leaf, resource, holders });

  test("two calls can meet as soon as some variant can, whatever stands first", () => {
    const pairs = [
      pair("x", "y", "TDR", [], excluded("kick")),
      pair("x", "y", "TDR"),
      pair("x", "y", "TDR", [], excluded("op-state")),
    ];
    expect(compared(pairs)).toEqual([["x y TDR", true, false, []]]);
    expect(compared([...pairs].reverse())).toEqual([["x y TDR", true, false, []]]);
  });

  test("what is met though excluded has all reasons, each once; what is neither is left out", () => {
    const pairs = [
      pair("x", "y", "TDR", [], excluded("kick")),
      pair("x", "y", "TDR", [], excluded("op-state")),
      pair("x", "y", "TDR", [], excluded("kick")),
    ];
    expect(compared(pairs, met("y", "TDR", "x"))).toEqual([["x y TDR", false, true, ["kick", "op-state"]]]);
    expect(compared(pairs)).toEqual([]);
    expect(compared([], met("y", "TDR", "x"))).toEqual([["x y TDR", false, true, []]]);
    expect(compared([], met(null, "TDR", "x"))).toEqual([]);
  });

  test("a page in use is met under the name under which the analysis has it", () => {
    const page = pair("x", "y", "PAGE");
    expect(compared([page], met("x", "TDR", "y"))).toEqual([["x y PAGE", true, true, []]]);
    expect(compared([page, pair("x", "y", "TDR")], met("x", "TDR", "y"))).toEqual([
      ["x y TDR", true, true, []],
      ["x y PAGE", true, false, []],
    ]);
    expect(compared([], met("x", "TDR", "y"), met("x", "KOT", "y"))).toEqual([
      ["x y TDR", false, true, []],
      ["x y KOT", false, true, []],
    ]);
  });
});

describe("two hosts differ", () => {
  const catalog = smallCatalog({
    leaves: [leaf("tdh_x", 1, [row("TDR", "EXCLUSIVE")]), leaf("tdh_y", 2, [row("TDR", "EXCLUSIVE")])],
  });
  const one = (name: string, call: string, more: Partial<HostPath> = {}, reaction = "retry:1"): HostPath => ({
    name,
    per: "vm",
    phases: ["all"],
    sources: ["x"],
    steps: [{ call, onBusy: [{ do: [reaction] }] }],
    ...more,
  });
  const host = (...paths: HostPath[]): HostProfile => ({
    schema: "seamlock/host@1",
    name: "small",
    description: "x",
    sources: ["x"],
    phases: [{ name: "all", what: "x" }],
    locks: [{ name: "lock", kind: "mutex", per: "vm" }],
    paths,
  });
  const changes = (before: HostProfile, after: HostProfile) => {
    const diff = diffHosts(catalog, before, after);
    const { contention, paths } = diff;
    return {
      appeared: contention.appeared.map(({ a, b }) => `${a} ${b}`),
      disappeared: contention.disappeared.map(({ a, b }) => `${a} ${b}`),
      opened: paths.opened.map(({ path }) => `${path.a} ${path.b}`),
      closed: paths.closed.map(({ path }) => `${path.a} ${path.b}`),
      changed: paths.changed.map(({ after: { a, b } }) => `${a} ${b}`),
      differ: hostsDiffer(diff),
    };
  };
  const nothing = { appeared: [], disappeared: [], opened: [], closed: [], changed: [], differ: false };
  const x = one("X", "tdh_x", { holds: ["lock"], atMostOne: "vm" });
  const y = one("Y", "tdh_y", { holds: ["lock"], atMostOne: "vm" });
  const bare = { ...y, holds: [] };

  test("by contentions and by pairs of paths, each way round", () => {
    const opened = { ...nothing, appeared: ["tdh_x tdh_y"], opened: ["X Y"], differ: true };
    expect(changes(host(x, y), host(x, y))).toEqual(nothing);
    expect(changes(host(x, bare), host(x, bare))).toEqual(nothing);
    expect(changes(host(x, y), host(x, bare))).toEqual(opened);
    expect(changes(host(x, bare), host(x, y))).toEqual({
      ...nothing,
      disappeared: ["tdh_x tdh_y"],
      closed: ["X Y"],
      differ: true,
    });
  });

  test("by one more pair of paths of calls that could meet before, which one path of the two has in common", () => {
    const more = host(x, bare, { ...bare, name: "Z" });
    expect(changes(host(x, bare), more)).toMatchObject({ appeared: ["tdh_y tdh_y"], opened: ["X Z", "Y Z"] });
    expect(changes(more, host(x, bare))).toMatchObject({ disappeared: ["tdh_y tdh_y"], closed: ["X Z", "Y Z"] });
  });

  test("by what either end does with its BUSY, and how bad that is", () => {
    const other = (call: string, name: string) => one(name, call, { holds: [], atMostOne: "vm" }, "retry:2");
    const changed = { ...nothing, changed: ["X Y"], differ: true };
    expect(changes(host(x, bare), host(x, other("tdh_y", "Y")))).toEqual(changed);
    expect(changes(host(x, bare), host(other("tdh_x", "X"), bare))).toEqual(changed);
    const when = (...reactions: string[]) =>
      one("Y", "tdh_y", {
        atMostOne: "vm",
        steps: reactions.map((reaction) => ({ call: "tdh_y", onBusy: [{ do: [reaction] }] })),
      });
    // One more way in which a call is made is a difference, though what comes of it is as bad as before.
    const facts = { ...nothing, differ: true };
    expect(changes(host(x, when("bug-vm")), host(x, when("bug-vm", "retry:1")))).toEqual(facts);
    // Of several steps the worst stands for the path; a step that cannot meet is not one of them.
    expect(changes(host(x, when("retry:1", "bug-vm")), host(x, when("bug-vm", "retry:1")))).toEqual(nothing);
    const held = one("Y", "tdh_y", {
      atMostOne: "vm",
      steps: [
        { call: "tdh_y", holds: ["lock"], onBusy: [{ do: ["bug-vm"] }] },
        { call: "tdh_y", onBusy: [{ do: ["retry:1"] }] },
      ],
    });
    expect(changes(host(x, held), host(x, bare))).toEqual(facts);
  });
});
