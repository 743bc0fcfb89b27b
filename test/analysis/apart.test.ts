/** What keeps two calls of a host apart, one fact at a time, on modules and hosts of two calls each. */
import { describe, expect, test } from "vitest";
import { type ContendPair, hostContention, verdictOf } from "../../src/analysis/index.ts";
import type { Acquisition, Leaf } from "../../src/catalog/index.ts";
import {
  type HostLock,
  type HostPath,
  type HostProfile,
  type HostStep,
  LOCK_SCOPES,
  type LockUse,
} from "../../src/host/index.ts";
import { hostVerdicts } from "../../src/report/host-conclusion.ts";
import { leaf, row, smallCatalog, until } from "../catalog/fixture.ts";

const exclusive = (resource: string, more: Partial<Acquisition> = {}): Acquisition => row(resource, "EXCLUSIVE", more);

/** Two leaves that meet in each way that there is: what the first takes, and what the second. */
const MEETINGS = {
  td: [exclusive("TDCS"), exclusive("TDCS")],
  vcpu: [exclusive("TDVPR"), exclusive("TDVPR")],
  entry: [exclusive("SEPT_ENTRY"), exclusive("SEPT_ENTRY")],
  page: [exclusive("PAGE", { role: "to-add" }), exclusive("PAGE", { role: "to-add" })],
  "page of another TD's TDR": [exclusive("PAGE", { role: "to-reclaim" }), exclusive("TDR")],
  "page of another TD's TDVPR": [exclusive("PAGE", { role: "to-reclaim" }), exclusive("TDVPR")],
  package: [exclusive("WBT"), exclusive("WBT")],
  system: [exclusive("KOT"), exclusive("KOT")],
} as const;
type Meeting = keyof typeof MEETINGS;
const ALL = Object.keys(MEETINGS) as Meeting[];

const LOCKS: readonly HostLock[] = [
  ...LOCK_SCOPES.map((per): HostLock => ({ name: `lock of a ${per}`, kind: "rwlock", per })),
  { name: "second lock of a vm", kind: "mutex", per: "vm" },
  { name: "readers", kind: "srcu", per: "vm" },
  { name: "kicked", kind: "kick", per: "vm" },
];

const PHASES: HostProfile["phases"] = [
  { name: "first", what: "x", singleThreaded: true },
  { name: "second", what: "x" },
  { name: "third", what: "x" },
];

interface Part extends Partial<HostPath> {
  readonly step?: Partial<HostStep>;
}

function path(name: string, call: string, { step, ...more }: Part): HostPath {
  const onBusy = [{ do: ["retry:1"] }];
  return { name, per: "vcpu", phases: ["second"], sources: ["x"], steps: [{ call, onBusy, ...step }], ...more };
}

const hostOf = (paths: readonly HostPath[], more: Partial<HostProfile> = {}): HostProfile => ({
  schema: "seamlock/host@1",
  name: "small",
  description: "a small host",
  sources: ["x"],
  phases: PHASES,
  locks: [...LOCKS],
  paths: [...paths],
  ...more,
});

function pairsOf(leaves: readonly Leaf[], host: HostProfile): ContendPair[] {
  return hostContention(smallCatalog({ leaves: [...leaves] }), host).pairs;
}

/** The pair of `tdh_x`, of a path X, with `tdh_y`, of a path Y. */
function pairOf(meeting: Meeting, x: Part, y: Part, more: Partial<HostProfile> = {}): ContendPair {
  const [mine, theirs] = MEETINGS[meeting];
  const host = hostOf([path("X", "tdh_x", x), path("Y", "tdh_y", y)], more);
  const found = pairsOf([leaf("tdh_x", 1, [mine]), leaf("tdh_y", 2, [theirs])], host).find(
    ({ a, b }) => a === "tdh_x" && b === "tdh_y",
  );
  if (found === undefined) throw new Error("no pair");
  return found;
}

/** Why the two can never be at their calls at once; empty when they can. */
const reasons = (...of: Parameters<typeof pairOf>): string[] =>
  pairOf(...of).excludedBy.map(({ kind, reason, what }) => (kind === "life-cycle" ? `${reason}` : `${kind} ${what}`));

const holding = (...uses: (LockUse | string)[]): Part => ({ holds: uses });
const apart = (x: Part, y: Part): Meeting[] => ALL.filter((meeting) => !pairOf(meeting, x, y).possible);
const OF_ONE_VM: readonly Meeting[] = ["td", "vcpu", "entry"];

describe("a lock keeps two calls apart where it must be one and the same", () => {
  test.each<[scope: string, meetings: readonly Meeting[]]>([
    ["machine", ALL],
    ["vm", OF_ONE_VM],
    ["vcpu", ["vcpu"]],
    ["package", ["package"]],
    ["entry", ["entry"]],
    ["page", ["page", "page of another TD's TDR", "page of another TD's TDVPR"]],
    ["inode", []],
  ])("one per %s", (scope, meetings) => {
    const lock = `lock of a ${scope}`;
    const of = scope === "machine" || scope === "vm" || scope === "vcpu" ? "self" : "target";
    expect(apart(holding({ lock, of }), holding({ lock, of }))).toEqual(meetings);
    expect(apart(holding({ lock, of }), {})).toEqual(apart({}, holding({ lock, of })));
  });

  test.each(LOCK_SCOPES.filter((scope) => scope !== "machine"))("one per %s, but some other's: nowhere", (scope) => {
    const mine = holding({ lock: `lock of a ${scope}`, of: "other" });
    for (const of of ["other", "self", "target"] as const) {
      const theirs = holding({ lock: `lock of a ${scope}`, of });
      expect(apart(mine, theirs)).toEqual([]);
      expect(apart(theirs, mine)).toEqual([]);
    }
  });

  test("of what there is one, some other's is the same", () => {
    const lock = holding({ lock: "lock of a machine", of: "other" });
    expect(apart(lock, lock)).toEqual(ALL);
  });

  test("shared against exclusive and exclusive against shared, not shared against shared", () => {
    const lock = "lock of a vm";
    const shared = holding({ lock, mode: "shared" });
    expect(reasons("td", shared, holding(lock))).toEqual([`host-lock ${lock}`]);
    expect(reasons("td", holding(lock), shared)).toEqual([`host-lock ${lock}`]);
    expect(reasons("td", shared, shared)).toEqual([]);
  });

  test("another lock of the VM does not", () => {
    expect(reasons("td", holding("lock of a vm"), holding("second lock of a vm"))).toEqual([]);
  });

  test("readers of srcu exclude nobody, whatever the mode that is written", () => {
    expect(reasons("td", holding("readers"), holding("readers"))).toEqual([]);
    expect(pairOf("td", holding("readers"), holding("readers")).paths[0]?.unlike).toEqual([]);
  });

  test("every vCPU's lock is also one vCPU's, on either side, of one VM", () => {
    const own = holding("lock of a vcpu");
    const every = holding({ lock: "lock of a vcpu", of: "all" });
    expect(apart(own, every)).toEqual(OF_ONE_VM);
    expect(apart(every, own)).toEqual(OF_ONE_VM);
    // Of which VM the other's vCPU is, nobody says.
    expect(apart(every, holding({ lock: "lock of a vcpu", of: "other" }))).toEqual([]);
  });

  test("one vCPU's lock only where both calls name that vCPU", () => {
    const own = holding("lock of a vcpu");
    const target = holding({ lock: "lock of a vcpu", of: "target" });
    const naming = { ...own, step: { vcpu: "any" as const } };
    expect(reasons("vcpu", own, target)).toEqual(["host-lock lock of a vcpu"]);
    expect(reasons("vcpu", target, { ...target, step: { vcpu: "any" } })).toEqual(["host-lock lock of a vcpu"]);
    // It holds its own vCPU's, and names any.
    expect(reasons("vcpu", naming, target)).toEqual([]);
    expect(reasons("vcpu", target, naming)).toEqual([]);
  });

  test("what is taken for granted of a lock on either side is told", () => {
    const assumed = (text: string) => holding({ lock: "lock of a vm", assumed: text });
    const [found] = pairOf("td", assumed("one thing"), assumed("another")).paths;
    expect(found?.assumes).toEqual(["one thing", "another"]);
    const open = pairOf("td", { assumed: ["of X"] }, { assumed: ["of Y"] }, { assumed: ["of Y"] });
    expect(open.paths[0]?.assumes).toEqual(["of X"]);
  });

  test("locks of one name that need not be one are told where the two can meet", () => {
    const [found] = pairOf("td", holding("lock of a vcpu", "lock of a vm"), holding("lock of a vcpu")).paths;
    expect([found?.unlike, found?.unlikePer]).toEqual([["lock of a vcpu (one per vcpu)"], ["vcpu"]]);
    const [shut] = pairOf(
      "td",
      holding("lock of a vcpu", "lock of a vm"),
      holding("lock of a vcpu", "lock of a vm"),
    ).paths;
    expect(shut?.unlike).toEqual([]);
  });
});

describe("a page that one call names may be a control page: of the same VM, or of another", () => {
  const of: readonly Meeting[] = ["page of another TD's TDR", "page of another TD's TDVPR"];
  const vm = "lock of a vm";
  const owner = { lock: "lock of a page", of: "target" as const };

  test("it is kept apart where both cases are: by a lock of the VM, and by the page's, which whoever names it owns", () => {
    for (const meeting of of) {
      expect(pairOf(meeting, holding(vm, owner), holding(vm)).possible).toBe(false);
      expect(pairOf(meeting, holding(vm), holding(vm)).possible).toBe(true);
      expect(pairOf(meeting, holding(owner), {}).possible).toBe(true);
      expect(pairOf(meeting, holding(vm, { ...owner, mode: "shared" }), holding(vm)).possible).toBe(true);
      expect(pairOf(meeting, holding(vm, { ...owner, of: "other" }), holding(vm)).possible).toBe(true);
      // What the one that needs the control page owns is another page.
      expect(pairOf(meeting, holding(vm), holding(vm, owner)).possible).toBe(true);
      expect(pairOf(meeting, holding(vm, "second lock of a vm"), holding(vm)).possible).toBe(true);
    }
  });

  test("a vCPU's lock takes the place of the VM's where the page is its TDVPR", () => {
    const own = "lock of a vcpu";
    expect(pairOf("page of another TD's TDVPR", holding(own, owner), holding(own)).possible).toBe(false);
    expect(pairOf("page of another TD's TDR", holding(own, owner), holding(own)).possible).toBe(true);
  });

  test("the same, when it is the second call that names the page", () => {
    const [page, tdr] = MEETINGS["page of another TD's TDR"];
    const leaves = [leaf("tdh_x", 1, [tdr]), leaf("tdh_y", 2, [page])];
    const open = (x: Part, y: Part): boolean =>
      pairsOf(leaves, hostOf([path("X", "tdh_x", x), path("Y", "tdh_y", y)])).some(
        ({ a, b, possible }) => a === "tdh_x" && b === "tdh_y" && possible,
      );
    expect(open(holding(vm), holding(vm, owner))).toBe(false);
    expect(open(holding(vm, owner), holding(vm))).toBe(true);
  });
});

describe("a kick keeps vCPUs of its VM out of the guest", () => {
  const enter = leaf("tdh_y", 2, [until("td-exit", row("TDCS_EPOCH", "SHARED"))]);
  const track = leaf("tdh_x", 1, [exclusive("TDCS_EPOCH"), exclusive("KOT")]);
  const found = (x: Part, y: Part, leaves = [track, enter], resource = "TDCS_EPOCH"): string[] =>
    pairsOf(leaves, hostOf([path("X", "tdh_x", x), path("Y", "tdh_y", y)]))
      .filter((pair) => pair.a === "tdh_x" && pair.b === "tdh_y" && pair.resource === resource)
      .flatMap(({ excludedBy }) => excludedBy.map(({ kind, what }) => `${kind} ${what}`));

  test("whichever of the two it is", () => {
    expect(found(holding("kicked"), {})).toEqual(["kick kicked"]);
    const turned = [
      { ...enter, name: "tdh_x" },
      { ...track, name: "tdh_y" },
    ];
    expect(found({}, holding("kicked"), turned)).toEqual(["kick kicked"]);
  });

  test("not of another VM, where the two meet on what all share", () => {
    const leaves = [track, { ...enter, acquisitions: [...enter.acquisitions, exclusive("KOT")] }];
    expect(found(holding("kicked"), {}, leaves, "KOT")).toEqual([]);
    expect(found(holding({ lock: "kicked", of: "other" }), {})).toEqual([]);
  });

  test("not a call that enters no guest, nor by a lock that is no kick, nor by the kick of the one that enters", () => {
    expect(reasons("td", holding("kicked"), {})).toEqual([]);
    expect(found(holding("lock of a vm"), {})).toEqual([]);
    expect(found({}, holding("kicked"))).toEqual([]);
  });

  test("is told before the phases that keep the two apart as well", () => {
    const paths = [path("X", "tdh_x", { ...holding("kicked"), phases: ["third"] }), path("Y", "tdh_y", {})];
    const [pair] = pairsOf([track, enter], hostOf(paths)).filter(({ a, b }) => a === "tdh_x" && b === "tdh_y");
    expect(pair?.excludedBy).toEqual([{ kind: "kick", what: "kicked" }]);
    expect(pair?.paths[0]?.excludedBy.map(({ kind }) => kind)).toEqual(["life-cycle", "kick"]);
  });

  test("a call named tdh_vp_enter enters, also where a table does not say what it keeps", () => {
    const table = { ...enter, name: "tdh_vp_enter", acquisitions: [row("TDCS_EPOCH", "SHARED")] };
    const [pair] = pairsOf(
      [track, table],
      hostOf([path("X", "tdh_x", holding("kicked")), path("Y", "tdh_vp_enter", {})]),
    ).filter(({ a, b }) => a === "tdh_vp_enter" && b === "tdh_x");
    expect(pair?.excludedBy).toEqual([{ kind: "kick", what: "kicked" }]);
  });

  test("what a caller does after its kick is not reached when a vCPU of the VM was in the way, and is else", () => {
    const onBusy = [{ do: ["kick-and-retry:1", "bug-vm"] }];
    const end = (resource: string, leaves: readonly Leaf[]): string | undefined =>
      pairsOf(leaves, hostOf([path("X", "tdh_x", { step: { onBusy } }), path("Y", "tdh_y", {})])).find(
        (pair) => pair.a === "tdh_x" && pair.b === "tdh_y" && pair.resource === resource,
      )?.paths[0]?.endA.severity;
    expect(end("TDCS_EPOCH", [track, enter])).toBe("retry");
    expect(end("TDCS_EPOCH", [track, leaf("tdh_y", 2, [row("TDCS_EPOCH", "SHARED")])])).toBe("vm-dead");
    // The vCPU in the way may be another VM's, which nobody kicks.
    const system = [
      leaf("tdh_x", 1, [exclusive("KOT")]),
      { ...enter, acquisitions: [until("td-exit", exclusive("KOT"))] },
    ];
    expect(end("KOT", system)).toBe("vm-dead");
    const page = [
      leaf("tdh_x", 1, [exclusive("PAGE", { role: "to-add" })]),
      { ...enter, acquisitions: [until("td-exit", exclusive("PAGE", { role: "to-add" }))] },
    ];
    expect(end("PAGE", page)).toBe("vm-dead");
    const turned = (entering: Acquisition) =>
      pairsOf(
        [leaf("tdh_x", 1, [entering]), leaf("tdh_y", 2, track.acquisitions)],
        hostOf([path("X", "tdh_x", {}), path("Y", "tdh_y", { step: { onBusy } })]),
      ).find(({ a, b }) => a !== b)?.paths[0]?.endB.severity;
    expect(turned(until("td-exit", row("TDCS_EPOCH", "SHARED")))).toBe("retry");
    expect(turned(row("TDCS_EPOCH", "SHARED"))).toBe("vm-dead");
  });
});

describe("phases of one VM follow each other", () => {
  const first = { phases: ["first"] };
  const second = { phases: ["second"] };
  const third = { phases: ["third"] };

  test("where the two are of one VM", () => {
    expect(apart(second, third)).toEqual(OF_ONE_VM);
    expect(reasons("td", second, third)).toEqual(["phases"]);
    expect(pairOf("td", { phases: ["second", "third"] }, third).paths[0]?.phases).toEqual(["third"]);
  });

  test("a step may run in some of its path's only", () => {
    expect(reasons("td", { phases: ["second", "third"], step: { phases: ["second"] } }, third)).toEqual(["phases"]);
  });

  test("a path that outlasts its gate meets what comes later, and is late then", () => {
    const late = { ...first, overruns: ["third"] };
    for (const [x, y] of [
      [late, third],
      [third, late],
    ] as const) {
      const { possible, paths } = pairOf("td", x, y);
      expect([possible, paths[0]?.late, paths[0]?.phases]).toEqual([true, true, ["third"]]);
    }
    expect(pairOf("td", { ...second, overruns: ["third"] }, second).paths[0]?.late).toBe(false);
    expect(reasons("td", late, second)).toEqual(["phases"]);
  });

  test("one thread does all in a phase that is single-threaded, but for what the machine does", () => {
    const machine = { ...first, per: "machine" as const };
    expect(reasons("td", first, first)).toEqual(["single-thread"]);
    expect(reasons("td", machine, first)).toEqual([]);
    expect(reasons("td", first, machine)).toEqual([]);
    expect(reasons("td", { phases: ["first", "second"] }, { phases: ["first", "second"] })).toEqual([]);
    expect(reasons("td", second, second)).toEqual([]);
    // The second can still be there when the first's phase is over.
    const late = { phases: ["second"], overruns: ["first"] };
    expect(reasons("td", late, first)).toEqual([]);
    expect(reasons("system", first, first)).toEqual([]);
  });
});

describe("a path that runs at most once", () => {
  const twice = (meeting: Meeting, part: Part): string[] => {
    const [mine] = MEETINGS[meeting];
    return pairsOf([leaf("tdh_x", 1, [mine])], hostOf([path("X", "tdh_x", part)])).flatMap(({ excludedBy }) =>
      excludedBy.map(({ what }) => what),
    );
  };

  test.each<["machine" | "vm" | "vcpu", readonly Meeting[]]>([
    ["machine", ["td", "vcpu", "page", "system"]],
    ["vm", ["td", "vcpu"]],
    ["vcpu", ["vcpu"]],
  ])("per %s meets itself only where that need not be the same", (limit, meetings) => {
    const tried: readonly Meeting[] = ["td", "vcpu", "page", "system"];
    expect(tried.filter((meeting) => twice(meeting, { atMostOne: limit }).length > 0)).toEqual(meetings);
  });

  test("once per vCPU says nothing of a path that works for a VM, and once of a path nothing of another path", () => {
    expect(twice("vcpu", { per: "vm", atMostOne: "vcpu" })).toEqual([]);
    expect(reasons("td", { atMostOne: "vm" }, { atMostOne: "vm" })).toEqual([]);
  });
});

describe("a call that one run makes on several CPUs at once", () => {
  const together = (meeting: Meeting, part: Part): string[] | null => {
    const [mine] = MEETINGS[meeting];
    const [pair] = pairsOf([leaf("tdh_x", 1, [mine])], hostOf([path("X", "tdh_x", part)]));
    return pair?.possible ? null : (pair?.excludedBy.map(({ what }) => what) ?? []);
  };
  const held = holding("lock of a machine", { lock: "lock of a page", of: "target" }, "lock of a vm");

  test("meets itself whatever the run holds, for it holds it once for all", () => {
    expect(together("system", { ...held, step: { onEach: "cpu" } })).toBeNull();
    expect(together("td", { ...held, step: { onEach: "cpu" } })).toBeNull();
    expect(together("system", held)).toEqual(["lock of a machine"]);
  });

  test("and so do guests that it enters, with each other and with its calls", () => {
    const enter = leaf("tdh_x", 0, [until("td-exit", row("TDR", "SHARED")), exclusive("KOT")]);
    const guest = leaf("tdg_y", 1, [exclusive("KOT", { side: "guest" })]);
    const open = (part: Part): string[] =>
      pairsOf([enter, guest], hostOf([path("X", "tdh_x", part)], { guest: { calls: ["tdg_y"] } }))
        .filter(({ possible }) => possible)
        .map(({ a, b }) => `${a} / ${b}`);
    expect(open(held)).toEqual([]);
    expect(open({ ...held, step: { onEach: "cpu" } })).toEqual(["tdg_y / tdg_y", "tdg_y / tdh_x", "tdh_x / tdh_x"]);
  });

  test("where they can meet in one of several ways", () => {
    const both = leaf("tdh_x", 1, [exclusive("PAGE", { role: "to-reclaim" }), exclusive("TDR")]);
    const vm = { lock: "lock of a vm", of: "target" as const };
    const open = (step: Part["step"]): boolean =>
      pairsOf(
        [both],
        hostOf([path("X", "tdh_x", { ...holding(vm, "lock of a machine"), ...(step && { step }) })]),
      ).some(({ resourceA, resourceB, possible }) => resourceA !== resourceB && possible);
    // Each holds its VM's, but the page may be another VM's control page.
    expect(open({ onEach: "cpu" })).toBe(true);
    expect(open(undefined)).toBe(false);
  });

  test("but not where each call holds what it names", () => {
    const step = { onEach: "cpu" as const };
    expect(together("page", { ...holding({ lock: "lock of a page", of: "target" }), step })).toEqual([
      "lock of a page",
    ]);
    expect(together("page", { ...holding("lock of a page"), step })).toBeNull();
  });

  test("and where two runs can meet, it meets though one run's calls do not", () => {
    expect(together("package", { step: { onEach: "package" } })).toBeNull();
    expect(together("package", { holds: ["lock of a machine"], step: { onEach: "package" } })).toEqual([
      "lock of a machine",
    ]);
    expect(together("package", { holds: ["lock of a machine"], step: { onEach: "cpu" } })).toBeNull();
    expect(together("system", { holds: ["lock of a machine"], step: { onEach: "package" } })).toBeNull();
  });
});

describe("what the module and the host rule out together", () => {
  const x = leaf("tdh_x", 1, [exclusive("TDR"), exclusive("KOT")], { opStates: ["INITIALIZED"] });
  const y = leaf("tdh_y", 2, [exclusive("TDR")], { opStates: ["RUNNABLE"] });
  const on = (leaves: readonly Leaf[], paths: readonly HostPath[], more: Partial<HostProfile> = {}) =>
    pairsOf(leaves, hostOf(paths, more)).filter(({ a, b }) => a === "tdh_x" && b === "tdh_y");
  const kinds = (pairs: readonly ContendPair[]): string[][] =>
    pairs.map(({ excludedBy }) => excludedBy.map(({ kind }) => kind));

  test("a path that outlasts its gate opens again what only OP_STATEs exclude, and only where it is late", () => {
    const late = path("X", "tdh_x", { phases: ["first"], overruns: ["third"] });
    const [found] = on(
      [x, y],
      [late, path("Y", "tdh_y", { phases: ["third"] }), path("Z", "tdh_y", { phases: ["first", "second"] })],
    );
    expect([found?.possible, found?.excludedBy, found?.paths.map((one) => [one.b, one.late])]).toEqual([
      true,
      [],
      [["Y", true]],
    ]);
    const [shut] = on([x, y], [late, path("Y", "tdh_y", { phases: ["second"] })]);
    expect([shut?.possible, kinds(shut ? [shut] : [])]).toEqual([false, [["op-state"]]]);
  });

  test("it opens nothing that the module excludes for another reason too, or that does not conflict", () => {
    const [left, right] = [x, y].map((one) => ({
      ...one,
      acquisitions: [exclusive("TDCS"), exclusive("SEPT_ENTRY")],
    }));
    if (left === undefined || right === undefined) throw new Error("no leaves");
    const paths = [
      path("X", "tdh_x", { phases: ["first"], overruns: ["third"] }),
      path("Y", "tdh_y", { phases: ["third"] }),
    ];
    const entry = on([left, right], paths).find(({ resource }) => resource === "SEPT_ENTRY");
    expect([entry?.possible, entry?.excludedBy.map(({ kind }) => kind)]).toEqual([false, ["op-state", "earlier-lock"]]);
  });

  test("a call that the host never makes meets nothing, on either side, and is named", () => {
    const only = (name: string): HostPath[] => [path("one", name, {})];
    const bare = [
      { ...x, opStates: null },
      { ...y, opStates: null },
    ];
    for (const [made, missing] of [
      ["tdh_x", "tdh_y"],
      ["tdh_y", "tdh_x"],
    ] as const)
      expect(on(bare, only(made))[0]?.excludedBy).toEqual([{ kind: "not-called", what: missing }]);
  });

  test("a TDCALL of which the profile names no caller is not judged: a guest may make it", () => {
    const guest = leaf("tdg_z", 3, [{ ...exclusive("TDR"), side: "guest" as const }]);
    const bare = [{ ...x, opStates: null }, guest];
    const found = (paths: readonly HostPath[], more: Partial<HostProfile> = {}) =>
      pairsOf(bare, hostOf(paths, more)).filter(({ a, b }) => a === "tdg_z" && b === "tdh_x");
    const [unjudged] = found([path("X", "tdh_x", {})]);
    expect([unjudged?.possible, unjudged?.excludedBy]).toEqual([false, [{ kind: "not-named", what: "tdg_z" }]]);
    expect(unjudged && verdictOf(unjudged)).toBe("not-judged");
    // With what the host never makes it meets nothing, whoever makes it.
    const [never] = found([]);
    expect(never?.excludedBy.map(({ kind }) => kind)).toEqual(["not-named", "not-called"]);
    expect(never && verdictOf(never)).toBe("excluded");
    expect(verdictOf({ possible: true, excludedBy: [] })).toBe("possible");
    expect(verdictOf({ possible: false, excludedBy: [] })).toBe("excluded");
    const [verdict] = hostVerdicts(unjudged ? [unjudged] : [], [], []);
    expect(verdict).toMatchObject({ verdict: "not-judged", why: [], meetings: [] });
    expect(hostVerdicts(never ? [never] : [], [], [])[0]?.verdict).toBe("avoided");
  });

  test("a large range's entry is met as a page only by hosts with pages of that size", () => {
    const aug = leaf("tdh_mem_page_aug", 6, [exclusive("PAGE", { role: "to-aug" })]);
    const add = leaf("tdh_mem_page_add", 2, [row("PAMT_2M", "SHARED"), exclusive("PAGE", { role: "to-add" })]);
    const demote = leaf("tdh_phymem_pamt_add", 58, [exclusive("PAMT_2M")]);
    const found = (pageSizes: HostProfile["pageSizes"]) =>
      pairsOf(
        [aug, add, demote],
        hostOf(
          [path("X", "tdh_mem_page_aug", {}), path("Y", "tdh_mem_page_add", {}), path("Z", "tdh_phymem_pamt_add", {})],
          pageSizes === undefined ? {} : { pageSizes },
        ),
      )
        .filter(({ resource }) => resource === "PAMT_2M")
        .map(({ a, b, excludedBy }) => `${a}/${b} ${excludedBy.map(({ what }) => what).join()}`);
    const others = ["tdh_mem_page_add/tdh_phymem_pamt_add ", "tdh_phymem_pamt_add/tdh_phymem_pamt_add "];
    expect(found(["4K"])).toEqual(["tdh_mem_page_add/tdh_mem_page_aug no pages of 2M", ...others]);
    expect(found(["4K", "2M"])).toEqual(["tdh_mem_page_add/tdh_mem_page_aug ", ...others]);
    expect(found(undefined)).toEqual(found(["4K", "2M"]));
  });

  test("of two rows of one leaf each path meets each, the other way round too", () => {
    const both = leaf("tdh_x", 1, [exclusive("PAGE", { role: "to-reclaim" }), exclusive("TDR")]);
    const orders = (one: Leaf, resource: string) =>
      pairsOf([one], hostOf([path("P", "tdh_x", {}), path("Q", "tdh_x", {})]))
        .filter((pair) => pair.resource === resource)
        .map(({ paths }) => paths.map(({ a, b }) => `${a} ${b}`).sort());
    expect(orders(both, "TDR")).toContainEqual(["P P", "P Q", "Q P", "Q Q"]);
    const role = "to-reclaim";
    const alike = leaf("tdh_x", 1, [exclusive("PAGE", { role }), exclusive("TDR", { role })]);
    expect(orders(alike, "TDR")).toContainEqual(["P P", "P Q", "Q P", "Q Q"]);
    expect(orders(leaf("tdh_x", 1, [exclusive("KOT")]), "KOT")).toEqual([["P P", "P Q", "Q Q"]]);
    const modes = leaf("tdh_x", 1, [exclusive("KOT"), row("KOT", "SHARED")]);
    expect(orders(modes, "KOT")).toContainEqual(["P P", "P Q", "Q P", "Q Q"]);
    const roles = leaf("tdh_x", 1, [exclusive("TDR", { role: "target" }), exclusive("TDR", { role: "service" })]);
    expect(orders(roles, "TDR").map((one) => one.length)).toEqual([3, 4, 3]);
  });

  test("of two variants each path meets each", () => {
    const variants = ["read", "write"].map((variant) => leaf("tdh_x", 1, [exclusive("KOT")], { variant }));
    const found = pairsOf(variants, hostOf([path("P", "tdh_x", {}), path("Q", "tdh_x", {})]));
    expect(found.map(({ variantA, variantB, paths }) => [variantA, variantB, paths.length])).toEqual([
      ["read", "read", 3],
      ["read", "write", 4],
      ["write", "write", 3],
    ]);
    const one = hostOf([path("P", "tdh_x", { step: { variant: "read" } })]);
    expect(pairsOf(variants, one).filter(({ possible }) => possible).length).toBe(1);
  });

  test("a row about another TD than that of the path, or about what no TD has, is bound by nothing of the path's VM", () => {
    const vm = holding("lock of a vm");
    const possible = (mine: Acquisition, theirs: Acquisition): boolean | undefined =>
      on([leaf("tdh_x", 1, [mine]), leaf("tdh_y", 2, [theirs])], [path("X", "tdh_x", vm), path("Y", "tdh_y", vm)])[0]
        ?.possible;
    const [own, other] = [exclusive("TDR"), exclusive("TDR", { role: "service" })];
    expect(possible(own, own)).toBe(false);
    expect(possible(other, own)).toBe(true);
    expect(possible(own, other)).toBe(true);
    for (const resource of ["IOMMU_CONFIG", "TDMR", "something new"])
      expect(possible(exclusive(resource), exclusive(resource))).toBe(true);
  });

  test("two leaves meet from each of their places, whatever comes first", () => {
    const leaves = [leaf("tdh_x", 1, [exclusive("KOT")]), leaf("tdh_y", 2, [exclusive("KOT")])];
    const [found] = on(leaves, [
      path("P", "tdh_x", {}),
      path("Q", "tdh_x", {}),
      path("R", "tdh_y", {}),
      path("S", "tdh_y", {}),
    ]);
    expect(found?.paths.map(({ a, b }) => `${a} ${b}`)).toEqual(["P R", "P S", "Q R", "Q S"]);
  });

  test("a large page and a page below it are not one page", () => {
    const owner = holding({ lock: "lock of a page", of: "target" });
    const found = pairsOf(
      [
        leaf("tdh_mem_page_aug", 6, [exclusive("PAGE", { role: "to-aug" })]),
        leaf("tdh_mem_page_add", 2, [row("PAMT_2M", "SHARED"), exclusive("PAGE", { role: "to-add" })]),
      ],
      hostOf([path("X", "tdh_mem_page_aug", owner), path("Y", "tdh_mem_page_add", owner)]),
    );
    expect(found.filter(({ possible }) => possible).map(({ resource }) => resource)).toEqual(["PAMT_2M"]);
  });

  test("whose page it is depends on which of the two names it as a page, for the same two places too", () => {
    const rows = [exclusive("PAGE", { role: "to-reclaim" }), exclusive("TDR")];
    const found = on(
      [leaf("tdh_x", 1, rows), leaf("tdh_y", 2, [...rows].reverse())],
      [
        path("X", "tdh_x", holding("lock of a vm", { lock: "lock of a page", of: "target" })),
        path("Y", "tdh_y", holding("lock of a vm")),
      ],
    ).filter(({ resourceA, resourceB }) => resourceA !== resourceB);
    expect(found.map(({ resourceA, possible }) => [resourceA, possible])).toEqual([
      ["TDR", true],
      ["PAGE", false],
    ]);
  });

  test("two calls on entries of ranges need not name one page", () => {
    const owner = holding({ lock: "lock of a page", of: "target" });
    const found = on(
      [leaf("tdh_x", 1, [exclusive("PAMT_2M")]), leaf("tdh_y", 2, [exclusive("PAMT_2M")])],
      [path("X", "tdh_x", owner), path("Y", "tdh_y", owner)],
    );
    expect(found[0]?.possible).toBe(true);
  });

  test("a TDCALL is made in a vCPU that is in the guest, never by a path, and a SEAMCALL by a path, never by the guest", () => {
    const enter = leaf("tdh_x", 0, [until("td-exit", row("TDVPR", "SHARED"))]);
    const guest = leaf("tdg_y", 1, [exclusive("KOT", { side: "guest" })]);
    const call = leaf("tdh_y", 2, [exclusive("KOT")]);
    const document = (paths: HostPath[], calls: string[]) =>
      hostContention(
        smallCatalog({ leaves: [enter, guest, call] }),
        hostOf(paths, { guest: { calls, onBusy: [{ do: ["reenter"] }] } }),
      );
    const names = ({ pairs }: ReturnType<typeof document>): string[] =>
      pairs.filter(({ possible }) => possible).flatMap(({ paths }) => paths.map(({ a, b }) => `${a} / ${b}`));
    expect(names(document([path("X", "tdh_x", {}), path("Y", "tdh_y", {})], ["tdg_y"]))).toEqual([
      "guest, in X / guest, in X",
      "guest, in X / Y",
      "Y / Y",
    ]);
    expect(names(document([path("Y", "tdh_y", {})], ["tdg_y"]))).toEqual(["Y / Y"]);
    const wrong = document([path("X", "tdh_x", {}), path("Z", "tdg_y", {})], ["tdh_y", "tdg_none"]);
    expect(names(wrong)).toEqual([]);
    expect(wrong.host?.missing).toEqual(["tdh_y", "tdg_none", "tdg_y"]);
  });

  test("the guest in a call is another caller than the call", () => {
    const enter = leaf("tdh_x", 0, [until("td-exit", row("TDR", "SHARED")), exclusive("KOT")]);
    const guest = leaf("tdg_y", 1, [exclusive("KOT", { side: "guest" })]);
    const found = pairsOf([enter, guest], hostOf([path("X", "tdh_x", {})], { guest: { calls: ["tdg_y"] } }));
    expect(found.map(({ paths: [one] }) => `${one?.a} / ${one?.b}`)).toEqual([
      "guest, in X / guest, in X",
      "guest, in X / X",
      "X / X",
    ]);
  });

  test("whether a call enters the guest is a module's fact, also where one host is held against several", () => {
    const host = hostOf([path("X", "tdh_x", holding("kicked")), path("Y", "tdh_y", {})]);
    const possible = (theirs: Acquisition): boolean | undefined =>
      pairsOf([leaf("tdh_x", 1, [exclusive("TDCS")]), leaf("tdh_y", 2, [theirs])], host).find(({ a, b }) => a !== b)
        ?.possible;
    expect(possible(row("TDCS", "SHARED"))).toBe(true);
    expect(possible(until("td-exit", row("TDCS", "SHARED")))).toBe(false);
    expect(possible(row("TDCS", "SHARED"))).toBe(true);
  });

  test("what each holds is told with its mode and whose it is", () => {
    const [found] = pairOf(
      "td",
      holding({ lock: "lock of a vm", mode: "shared" }, { lock: "lock of a vcpu", of: "all" }),
      holding({ lock: "lock of a page", of: "target" }, { lock: "second lock of a vm", of: "other" }),
    ).paths;
    expect(found?.endA.held).toEqual(["lock of a vm shared", "lock of a vcpu of all"]);
    expect(found?.endB.held).toEqual(["lock of a page", "second lock of a vm of other"]);
  });

  test("what is taken for granted is told: of all hosts, and of this one", () => {
    const said = hostContention(smallCatalog({ leaves: [x, y] }), hostOf([], { assumed: ["a thing"] })).assumptions;
    expect(said).toContain("The host makes only the calls of its profile, on its paths.");
    expect(said).toContain("a thing");
  });
});

describe("what each end does with its BUSY", () => {
  const clauses = [
    { on: ["TDR"], do: ["retry:1"] },
    { on: ["RCX"], do: ["bug-vm"] },
  ];
  const ends = (mine: Acquisition[], theirs: Acquisition[], onBusy: HostStep["onBusy"] = clauses) =>
    pairsOf(
      [leaf("tdh_x", 1, mine), leaf("tdh_y", 2, theirs)],
      hostOf([path("X", "tdh_x", { step: { onBusy } }), path("Y", "tdh_y", { step: { onBusy } })]),
    )
      .filter(({ a, b, possible }) => a === "tdh_x" && b === "tdh_y" && possible)
      .map(({ resource, paths: [one] }) => [resource, one?.endA.severity, one?.endB.severity]);

  test("depends on the operand of its status, lock by lock", () => {
    const rows = [exclusive("TDR"), exclusive("TDCS")];
    expect(ends([...rows].reverse(), rows)).toEqual([
      ["TDR", "retry", "retry"],
      ["TDCS", "vm-dead", "vm-dead"],
    ]);
  });

  test("and what must have happened for it is told, of the call or of its whole path", () => {
    const [found] = pairOf("td", { exceptional: "a fault" }, { step: { exceptional: "an error" } }).paths;
    expect([found?.endA.exceptional, found?.endB.exceptional]).toEqual(["a fault", "an error"]);
  });

  test("is unknown where no clause speaks of it, and nothing where it gets none", () => {
    expect(ends([exclusive("KOT")], [exclusive("KOT")])).toEqual([["KOT", "unknown", "unknown"]]);
    // An entry that has come to its TDVPR has passed the TDCS, so that nobody held it; what it gives back early keeps nobody out.
    const entry = [until("before-td-entry", exclusive("TDCS")), until("td-exit", exclusive("TDVPR"))];
    expect(ends(entry, [row("TDCS", "SHARED"), exclusive("TDVPR")], [{ do: ["retry:1"] }])).toContainEqual([
      "TDVPR",
      "none",
      "retry",
    ]);
  });
});

describe("a row about another TD than the call's own", () => {
  const vm = "lock of a vm";
  const other = exclusive("TDCS", { td: "other" });
  const open = (mine: Acquisition, theirs: Acquisition, x: Part, y: Part): boolean =>
    pairsOf(
      [leaf("tdh_x", 1, [mine]), leaf("tdh_y", 2, [theirs])],
      hostOf([path("X", "tdh_x", x), path("Y", "tdh_y", y)]),
    ).some(({ a, b, possible }) => a === "tdh_x" && b === "tdh_y" && possible);

  test("meets what is kept apart of one VM: by a lock, by phases", () => {
    for (const [mine, theirs] of [
      [other, exclusive("TDCS")],
      [exclusive("TDCS"), other],
      [other, other],
    ] as const) {
      expect(open(mine, theirs, holding(vm), holding(vm))).toBe(true);
      expect(open(mine, theirs, { phases: ["second"] }, { phases: ["third"] })).toBe(true);
      expect(open(mine, theirs, holding("lock of a machine"), holding("lock of a machine"))).toBe(false);
    }
    const named = exclusive("TDCS", { td: "named" });
    expect(open(named, named, holding(vm), holding(vm))).toBe(false);
  });

  test("as a control page, that of any VM, which nobody's page lock is of", () => {
    const page = exclusive("PAGE", { role: "to-reclaim" });
    const owner: Part = { holds: [vm, { lock: "lock of a page", of: "target" }] };
    expect(open(page, exclusive("TDR", { role: "second" }), owner, owner)).toBe(true);
    expect(open(exclusive("TDR", { td: "other" }), page, owner, owner)).toBe(true);
    expect(open(page, exclusive("TDR"), owner, owner)).toBe(false);
  });
});

describe("a call that names a page, beside one whose control page it is", () => {
  const reclaim = leaf("tdh_x", 1, [exclusive("PAGE", { role: "to-reclaim" })]);
  const owner = holding({ lock: "lock of a page", of: "target" });
  const open = (user: Leaf, x: Part = owner, y: Part = owner): boolean =>
    pairsOf([reclaim, user], hostOf([path("X", "tdh_x", x), path("Y", user.name, y)])).some(
      ({ a, b, possible }) => a !== b && possible,
    );

  test("is not kept apart by what that one owns where it owns another page", () => {
    expect(open(leaf("tdh_y", 2, [exclusive("TDR")]))).toBe(false);
    expect(open(leaf("tdh_y", 2, [exclusive("TDR"), exclusive("PAGE", { role: "to-remove" })]))).toBe(true);
  });

  test("nor by readers of srcu", () => {
    const own = { lock: "lock of a page", of: "target" as const };
    const user = leaf("tdh_y", 2, [exclusive("TDR")]);
    const locks = LOCKS.map((lock) => (lock.per === "page" ? { ...lock, kind: "srcu" as const } : lock));
    const host = hostOf(
      [path("X", "tdh_x", holding(own, "lock of a vm")), path("Y", "tdh_y", holding("lock of a vm"))],
      { locks },
    );
    expect(pairsOf([reclaim, user], host).find(({ a, b }) => a !== b)?.possible).toBe(true);
  });

  test("may be another VM's, whose vCPUs its kick leaves alone", () => {
    const enter = leaf("tdh_y", 2, [until("td-exit", exclusive("TDR"))]);
    const host = (held: Part): HostProfile =>
      hostOf([
        path("X", "tdh_x", { ...held, step: { onBusy: [{ do: ["kick-and-retry:1", "bug-vm"] }] } }),
        path("Y", "tdh_y", {}),
      ]);
    const end = (held: Part) =>
      pairsOf([reclaim, enter], host(held)).find(({ a, b }) => a !== b)?.paths[0]?.endA.severity;
    expect(end({})).toBe("vm-dead");
    expect(end(owner)).toBe("retry");
  });
});

describe("a guest's call", () => {
  const enter = (row: Acquisition): Leaf => leaf("tdh_x", 0, [row]);
  const found = (kept: Acquisition, taken: Acquisition, part: Part): ContendPair[] =>
    pairsOf(
      [enter(kept), leaf("tdg_y", 1, [taken])],
      hostOf([path("X", "tdh_x", part)], { guest: { calls: ["tdg_y"] } }),
    );
  const isOpen = (a: string, b: string, pairs: readonly ContendPair[]): boolean =>
    pairs.some((pair) => pair.a === a && pair.b === b && pair.possible);
  const guest = (resource: string, more: Partial<Acquisition> = {}): Acquisition =>
    exclusive(resource, { side: "guest", ...more });

  test("finds what its own entry keeps, whatever keeps other vCPUs out", () => {
    const one = holding("lock of a machine");
    const kept = until("td-exit", row("TDR", "SHARED"));
    expect(isOpen("tdg_y", "tdh_x", found(kept, guest("TDR"), one))).toBe(true);
    expect(isOpen("tdg_y", "tdg_y", found(kept, guest("TDR"), one))).toBe(false);
    expect(isOpen("tdg_y", "tdh_x", found(kept, guest("TDR", { td: "other" }), one))).toBe(false);
    expect(isOpen("tdg_y", "tdh_x", found(until("before-td-entry", row("TDR", "SHARED")), guest("TDR"), one))).toBe(
      false,
    );
    const [pair] = found(until("td-exit", exclusive("TDR")), guest("TDR"), one).filter(({ a, b }) => a !== b);
    expect([pair?.possible, pair?.busyA]).toEqual([true, true]);
  });

  test("names an entry, a page or a package of its own, not that of a lock that the host holds", () => {
    const kept = until("td-exit", row("TDVPR", "SHARED"));
    const entry = holding({ lock: "lock of a entry", of: "target" });
    const page = holding({ lock: "lock of a page", of: "target" });
    expect(isOpen("tdg_y", "tdg_y", found(kept, guest("SEPT_ENTRY"), entry))).toBe(true);
    expect(isOpen("tdg_y", "tdg_y", found(kept, guest("PAGE", { role: "to-add" }), page))).toBe(true);
    const reclaim = guest("PAGE", { role: "to-reclaim" });
    const host = hostOf(
      [
        path("X", "tdh_x", { holds: [{ lock: "lock of a page", of: "target" }, "lock of a vm"] }),
        path("Z", "tdh_z", holding("lock of a vm")),
      ],
      { guest: { calls: ["tdg_y"] } },
    );
    const leaves = [enter(kept), leaf("tdg_y", 1, [reclaim]), leaf("tdh_z", 2, [exclusive("TDR")])];
    expect(isOpen("tdg_y", "tdh_z", pairsOf(leaves, host))).toBe(true);
  });
});

describe("a path that outlasts its gate", () => {
  const late: Part = { phases: ["first", "second"], overruns: ["third"] };
  const opStates = (x: Part, y: Part): boolean => {
    const leaves = [
      leaf("tdh_x", 1, [exclusive("TDR")], { opStates: ["INITIALIZED"] }),
      leaf("tdh_y", 2, [exclusive("TDR")], { opStates: ["RUNNABLE"] }),
    ];
    return pairsOf(leaves, hostOf([path("X", "tdh_x", x), path("Y", "tdh_y", y)])).some(
      ({ a, b, possible }) => a !== b && possible,
    );
  };

  test("opens what OP_STATEs exclude also where it has a phase in common with the other", () => {
    expect(opStates(late, { phases: ["second", "third"] })).toBe(true);
    expect(opStates(late, { phases: ["second"] })).toBe(false);
    // Both outlast theirs, and were under way together before.
    expect(opStates(late, late)).toBe(true);
  });

  test("leaves the one thread of a phase behind", () => {
    const out = { phases: ["first"], overruns: ["second"] };
    expect(reasons("td", out, { phases: ["first", "second"] })).toEqual([]);
    expect(pairOf("td", out, { phases: ["first", "second"] }).paths[0]).toMatchObject({
      late: true,
      phases: ["second"],
    });
    // That thread has begun one of the two only.
    expect(reasons("td", out, out)).toEqual(["single-thread"]);
    expect(reasons("td", { ...out, per: "machine" }, out)).toEqual([]);
  });

  test("meets another that does where the two were under way at once", () => {
    const outlasting = (phase: string): Part => ({ phases: [phase], overruns: ["third"] });
    expect(reasons("td", outlasting("second"), outlasting("first"))).toEqual(["phases"]);
    expect(pairOf("td", outlasting("second"), { phases: ["first"], overruns: ["second", "third"] }).possible).toBe(
      true,
    );
  });

  test("is told of in the phases in which the two can be, not in one that one thread has for itself", () => {
    const both = { phases: ["first", "second"] };
    expect(pairOf("td", both, both).paths[0]?.phases).toEqual(["second"]);
  });

  test("does so with a call on several CPUs as well", () => {
    const variants = ["version=0", "version>=1"].map((variant, i) =>
      leaf("tdh_x", 1, [exclusive("TDR")], { variant, opStates: [["INITIALIZED"], ["RUNNABLE"]][i] as string[] }),
    );
    const part = (overruns: string[]): Part => ({
      holds: ["lock of a vm"],
      phases: ["second"],
      ...(overruns.length > 0 && { overruns }),
      step: { onEach: "cpu" },
    });
    const open = (overruns: string[]): boolean =>
      pairsOf(variants, hostOf([path("X", "tdh_x", part(overruns))])).some(
        (pair) => pair.variantA !== pair.variantB && pair.possible,
      );
    expect(open(["third"])).toBe(true);
    expect(open([])).toBe(false);
  });
});

test("a path of which each vCPU runs one may call on a vCPU that another's run calls on, too", () => {
  const twice = (step: Partial<HostStep>): boolean =>
    pairsOf([leaf("tdh_x", 1, [exclusive("TDVPR")])], hostOf([path("X", "tdh_x", { atMostOne: "vcpu", step })])).some(
      ({ possible }) => possible,
    );
  expect(twice({})).toBe(false);
  expect(twice({ vcpu: "any" })).toBe(true);
});

test("what keeps one run's calls apart is told beside what keeps two runs' apart", () => {
  const part: Part = { atMostOne: "machine", step: { onEach: "package" } };
  const [pair] = pairsOf([leaf("tdh_x", 1, [exclusive("WBT")])], hostOf([path("X", "tdh_x", part)]));
  expect(pair?.paths[0]?.excludedBy.map(({ what }) => what)).toEqual([
    "at most one X per machine",
    "one CPU of each package",
  ]);
});
