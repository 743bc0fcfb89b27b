/** Which rows of two calls meet, what excludes them, and which earlier lock they always stop at: one fact at a time. */
import { describe, expect, test } from "vitest";
import { type ContendPair, type ContentionOptions, contention, resourceUsers } from "../../src/analysis/index.ts";
import { type Acquisition, type Leaf, type LockMode, releasePlace } from "../../src/catalog/index.ts";
import { leaf, row, smallCatalog, until } from "../catalog/fixture.ts";

type More = Partial<Acquisition>;
const exclusive = (resource: string, more: More = {}): Acquisition => row(resource, "EXCLUSIVE", more);
const shared = (resource: string, more: More = {}): Acquisition => row(resource, "SHARED", more);
const walked = (resource: string, more: More = {}): Acquisition => row(resource, "NO_LOCK", more);
/** A row that is taken as the `taken`-th, and given back before the `released`-th is taken. */
const given = (one: Acquisition, taken: number, released: number): Acquisition => ({
  ...one,
  order: taken,
  release: { ...releasePlace("helper"), order: released, evidence: [] },
});

const pairs = (leaves: readonly Leaf[], options: ContentionOptions = {}): ContendPair[] =>
  contention(smallCatalog({ leaves: [...leaves] }), options).pairs;
const x = (rows: readonly Acquisition[], more: Partial<Leaf> = {}): Leaf => leaf("tdh_x", 1, rows, more);
const y = (rows: readonly Acquisition[], more: Partial<Leaf> = {}): Leaf => leaf("tdh_y", 2, rows, more);
/** The pairs of the first leaf with the second. */
const between = (a: Leaf, b: Leaf, ...others: Leaf[]): ContendPair[] =>
  pairs([a, b, ...others]).filter((pair) => pair.a === a.name && pair.b === b.name);
const on = (resource: string, found: readonly ContendPair[]): ContendPair => {
  const pair = found.find((one) => one.resource === resource);
  if (pair === undefined) throw new Error(`no pair on ${resource}`);
  return pair;
};
const kinds = (pair: ContendPair): string[] => pair.excludedBy.map(({ kind }) => kind);

describe("two rows conflict", () => {
  test.each<[mine: LockMode, theirs: LockMode, conflict: boolean]>([
    ["EXCLUSIVE", "EXCLUSIVE", true],
    ["EXCLUSIVE", "SHARED", true],
    ["SHARED", "EXCLUSIVE", true],
    ["SHARED", "SHARED", false],
    ["NO_LOCK", "EXCLUSIVE", false],
    ["EXCLUSIVE", "NO_LOCK", false],
  ])("%s with %s: %s", (mine, theirs, conflict) => {
    expect(between(x([row("KOT", mine)]), y([row("KOT", theirs)])).length).toBe(conflict ? 1 : 0);
  });

  test("of bit locks only where they may be of one word", () => {
    const met = (mine: More, theirs: More): number =>
      between(x([exclusive("MIGSC", mine)]), y([exclusive("MIGSC", theirs)])).length;
    expect(met({ word: ["links", "[]"] }, { word: ["links", "[]"] })).toBe(1);
    expect(met({ word: ["links", "[]"] }, { word: ["flags"] })).toBe(0);
    expect(met({}, { word: ["flags"] })).toBe(1);
    expect(met({ word: ["flags"] }, {})).toBe(1);
  });

  test("of one leaf each two once, and each with itself", () => {
    expect(pairs([x([exclusive("KOT"), exclusive("KOT")])]).length).toBe(3);
    expect(pairs([x([exclusive("KOT")])]).length).toBe(1);
  });
});

describe("a page that a call names", () => {
  const reclaim = exclusive("PAGE", { role: "to-reclaim" });
  const large = leaf("tdh_mem_page_remove", 29, [exclusive("PAGE", { role: "to-remove" })]);
  const met = (mine: readonly Acquisition[], theirs: readonly Acquisition[]): string[] =>
    between(x(mine), y(theirs)).map(({ resource }) => resource);

  test("may be in use, where its role says so, on either side", () => {
    expect(met([reclaim], [exclusive("TDR")])).toEqual(["TDR"]);
    expect(met([exclusive("TDVPR")], [reclaim])).toEqual(["TDVPR"]);
    expect(met([exclusive("PAGE")], [exclusive("TDR")])).toEqual([]);
    expect(met([exclusive("PAGE", { role: "not known" })], [exclusive("TDR")])).toEqual([]);
    expect(met([exclusive("PAGE", { role: "to-add" })], [exclusive("TDR")])).toEqual([]);
  });

  test("is met by a lock in its PAMT entry only, and only a page's row is one", () => {
    expect(met([reclaim], [exclusive("KOT")])).toEqual([]);
    expect(met([exclusive("TDR", { role: "to-reclaim" })], [exclusive("TDVPR")])).toEqual([]);
  });

  test("is free where the other call makes a control page of it", () => {
    const create = leaf("tdh_mng_create", 9, [exclusive("TDR")]);
    const vcpu = leaf("tdh_mng_create", 9, [exclusive("TDVPR")]);
    const added = x([exclusive("PAGE", { role: "to-add" })]);
    expect(between(create, added).map((pair) => [pair.resource, kinds(pair)])).toEqual([["TDR", []]]);
    expect(between(create, x([reclaim]))).toEqual([]);
    // What it does not make it needs made.
    expect(between(vcpu, added)).toEqual([]);
    expect(between(vcpu, x([reclaim])).map(({ resource }) => resource)).toEqual(["TDVPR"]);
  });

  test("of a large page is met by walks to a page below it, at each level that it may have", () => {
    const walk = (...rows: Acquisition[]) => between(large, x(rows)).map(({ resource }) => resource);
    const page = exclusive("PAGE", { role: "to-add" });
    const ranges = [shared("PAMT_1G"), shared("PAMT_2M")];
    expect(walk(...ranges, page)).toEqual(["PAGE", "PAMT_2M", "PAMT_1G"]);
    // A TDR is no private page, whatever page the call has taken before.
    expect(walk(...ranges, exclusive("TDR"))).toEqual([]);
    expect(walk(page, ...ranges, exclusive("TDR"))).toEqual(["PAGE"]);
    expect(walk(exclusive("PAMT_2M"), page)).toEqual(["PAGE"]);
    const aug = leaf("tdh_mem_page_aug", 6, [exclusive("PAGE", { role: "to-aug" })]);
    expect(between(aug, x([...ranges, page])).map(({ resource }) => resource)).toEqual(["PAGE", "PAMT_2M"]);
    const other = leaf("tdh_mem_page_remove", 29, [exclusive("PAGE", { role: "to-aug" })]);
    expect(between(other, x([...ranges, page])).map(({ resource }) => resource)).toEqual(["PAGE"]);
    const small = leaf("tdh_mem_page_add", 2, [exclusive("PAGE", { role: "to-remove" })]);
    expect(between(small, x([...ranges, page])).map(({ resource }) => resource)).toEqual(["PAGE"]);
  });
});

describe("OP_STATEs exclude two calls", () => {
  const early = { opStates: ["INITIALIZED"] };
  const late = { opStates: ["RUNNABLE"] };
  const states = (mine: Acquisition, theirs: Acquisition) =>
    between(x([mine], early), y([theirs], late)).map(({ opStates, possible }) => [opStates, possible])[0];

  test("on what one TD has, and nowhere else", () => {
    expect(states(exclusive("TDCS"), exclusive("TDCS"))).toEqual([[], false]);
    expect(states(exclusive("KOT"), exclusive("KOT"))).toEqual([null, true]);
    expect(states(exclusive("something new"), exclusive("something new"))).toEqual([null, true]);
    expect(states(exclusive("PAGE", { role: "to-reclaim" }), exclusive("TDR"))).toEqual([null, true]);
  });

  test("not where a row on either side may be about another TD", () => {
    expect(states(exclusive("TDR", { role: "service" }), exclusive("TDR"))).toEqual([null, true]);
    expect(states(exclusive("TDR"), exclusive("TDR", { role: "service" }))).toEqual([null, true]);
  });

  test("not where a row is about another TD than the one of which the leaf's table is", () => {
    const found = (mine: Acquisition[], theirs: Acquisition[], side: "host" | "guest" = "host") =>
      on("RTMR", between(x(mine, { ...early, side }), y(theirs, late))).possible;
    const named = exclusive("RTMR", { td: "named" });
    const [own, other] = [exclusive("RTMR", { td: "own" }), exclusive("RTMR", { td: "other" })];
    expect(found([named], [named])).toBe(false);
    expect(found([other], [named])).toBe(true);
    expect(found([named], [other])).toBe(true);
    // A TDCALL's table is of the TD that it names, if it names one.
    expect(found([own], [named], "guest")).toBe(false);
    expect(found([other], [named], "guest")).toBe(false);
    expect(found([exclusive("TDCS", { td: "other" }), own], [named], "guest")).toBe(true);
  });

  test("only where both have a table", () => {
    const found = (mine: Partial<Leaf>, theirs: Partial<Leaf>) =>
      on("TDR", between(x([exclusive("TDR")], mine), y([exclusive("TDR")], theirs)));
    expect(found(early, {})).toMatchObject({ opStates: ["INITIALIZED"], possible: true });
    expect(found({}, late)).toMatchObject({ opStates: ["RUNNABLE"], possible: true });
    expect(found({}, {})).toMatchObject({ opStates: null, possible: true });
  });
});

describe("SEPT states exclude two calls", () => {
  const pending = { septStates: ["SEPT_PENDING"] };
  const free = { septStates: ["SEPT_FREE"] };
  const entry = exclusive("SEPT_ENTRY");

  test("of hosts, on an entry, where both have a table", () => {
    expect(kinds(on("SEPT_ENTRY", between(x([entry], pending), y([entry], free))))).toEqual(["sept-state"]);
    expect(kinds(on("SEPT_ENTRY", between(x([entry], pending), y([entry], pending))))).toEqual([]);
    expect(kinds(on("SEPT_ENTRY", between(x([entry], pending), y([entry]))))).toEqual([]);
    expect(kinds(on("SEPT_ENTRY", between(x([entry]), y([entry], free))))).toEqual([]);
    expect(kinds(on("TDR", between(x([exclusive("TDR")], pending), y([exclusive("TDR")], free))))).toEqual([]);
  });

  test("not a guest's, whichever it is", () => {
    const guest = { ...entry, side: "guest" as const };
    expect(kinds(on("SEPT_ENTRY", between(x([guest], pending), y([entry], free))))).toEqual([]);
    expect(kinds(on("SEPT_ENTRY", between(x([entry], pending), y([guest], free))))).toEqual([]);
  });
});

describe("a call that makes an object", () => {
  test("meets nobody who needs it made, but another that makes it", () => {
    const create = leaf("tdh_vp_create", 10, [exclusive("TDVPR")]);
    expect(kinds(on("TDVPR", between(create, x([exclusive("TDVPR")]))))).toEqual(["life-cycle"]);
    expect(
      kinds(
        on(
          "TDVPR",
          pairs([create, leaf("tdh_vp_flush", 18, [shared("TDVPR")])]).filter((p) => p.a !== p.b),
        ),
      ),
    ).toEqual(["life-cycle"]);
    expect(kinds(on("TDVPR", pairs([create])))).toEqual([]);
  });
});

describe("an earlier lock that both need", () => {
  const both = (
    first: [Acquisition, Acquisition],
    second: [Acquisition, Acquisition],
    ...others: Leaf[]
  ): ContendPair => on(second[0].resource, between(x([first[0], second[0]]), y([first[1], second[1]]), ...others));
  const tree: [Acquisition, Acquisition] = [exclusive("SEPT_TREE"), shared("SEPT_TREE")];

  test("hides the later one where it conflicts, whoever has it exclusively", () => {
    expect(both([exclusive("TDR"), shared("TDR")], tree)).toMatchObject({ maskedBy: "TDR", possible: false });
    expect(both([shared("TDR"), exclusive("TDR")], tree)).toMatchObject({ maskedBy: "TDR", possible: false });
    expect(both([shared("TDR"), shared("TDR")], tree)).toMatchObject({ maskedBy: null, possible: true });
    expect(both([walked("TDR"), exclusive("TDR")], tree)).toMatchObject({ maskedBy: null, possible: true });
    expect(both([exclusive("TDR"), walked("TDR")], tree)).toMatchObject({ maskedBy: null, possible: true });
    expect(both([exclusive("TDCS"), shared("TDR")], tree)).toMatchObject({ maskedBy: null, possible: true });
  });

  test("hides nothing where one of the two may not take it", () => {
    const maybe = exclusive("TDR", { when: "x" });
    for (const first of [
      [maybe, shared("TDR")],
      [shared("TDR"), maybe],
    ] as [Acquisition, Acquisition][])
      expect(both(first, tree)).toMatchObject({
        maskedBy: null,
        busyA: true,
        busyB: true,
        stopsA: "SEPT_TREE",
        stopsB: "SEPT_TREE",
      });
  });

  test("hides it also where there is one for all, or where the other is one TD's", () => {
    const page: [Acquisition, Acquisition] = [
      exclusive("PAGE", { role: "to-add" }),
      exclusive("PAGE", { role: "to-add" }),
    ];
    expect(both([exclusive("KOT"), exclusive("KOT")], page).maskedBy).toBe("KOT");
    expect(both([exclusive("TDR"), exclusive("TDR")], [exclusive("TDVPR"), exclusive("TDVPR")]).maskedBy).toBe("TDR");
    // Two calls on one page, or on what belongs to nobody known, may be of two TDs; two on one TD of two vCPUs.
    expect(both([exclusive("TDR"), exclusive("TDR")], page).maskedBy).toBeNull();
    const [unknown, alien] = [exclusive("something new"), exclusive("something new")];
    const others: [Acquisition, Acquisition] = [exclusive("some other thing"), exclusive("some other thing")];
    expect(both(others, [unknown, alien]).maskedBy).toBeNull();
    expect(both([exclusive("TDR"), exclusive("TDR")], [unknown, alien]).maskedBy).toBeNull();
    expect(both([exclusive("TDVPR"), exclusive("TDVPR")], tree).maskedBy).toBeNull();
    expect(
      both([exclusive("PAMT_2M"), exclusive("PAMT_2M")], [exclusive("PAMT_1G"), exclusive("PAMT_1G")]).maskedBy,
    ).toBeNull();
  });

  test("of one TD, whatever the two rows are called, where the catalog says that each is of the TD on which they meet", () => {
    const named = (role: string | null): More => ({ role, td: "named" });
    const other = (role: string | null): More => ({ role, td: "other" });
    const maskedBy = (first: [More, More], second: [More, More], resource = "SEPT_ENTRY"): string | null => {
      const pair = both(
        [exclusive("SEPT_TREE", first[0]), exclusive("SEPT_TREE", first[1])],
        [exclusive(resource, second[0]), exclusive(resource, second[1])],
      );
      expect(pair.busyA).toBe(pair.busyB);
      return pair.maskedBy;
    };
    expect(maskedBy([named("a"), named("b")], [named("c"), named("d")])).toBe("SEPT_TREE");
    expect(maskedBy([other("a"), named("b")], [other("c"), named("d")])).toBe("SEPT_TREE");
    for (const first of [
      [other("a"), named("b")],
      [named("a"), other("b")],
      [{ role: "a" }, named("b")],
      [named("a"), { role: "b" }],
    ] as [More, More][])
      expect(maskedBy(first, [named("c"), named("d")])).toBeNull();
    expect(maskedBy([{ role: "a" }, { role: "b" }], [{ role: "c" }, { role: "d" }])).toBeNull();
    // Roles say that the objects need not be the calls' only ones; each of the four may.
    for (const i of [0, 1, 2, 3]) {
      const roles = [0, 1, 2, 3].map((k): More => ({ role: k === i ? "a" : null }));
      const [a = {}, b = {}, c = {}, d = {}] = roles;
      expect(maskedBy([a, b], [c, d])).toBeNull();
    }
    // Of one TD there are many entries.
    const entries: [Acquisition, Acquisition] = [
      exclusive("SEPT_ENTRY", named("a")),
      exclusive("SEPT_ENTRY", named("b")),
    ];
    expect(both(entries, [exclusive("TDCS", named("c")), exclusive("TDCS", named("d"))]).maskedBy).toBeNull();
    // Where they meet on what all share, or on a page, their TDs may be two.
    expect(maskedBy([named("a"), named("b")], [named("c"), named("d")], "WBT")).toBeNull();
  });

  test("of another TD than the one on which the two meet hides nothing, with or without names", () => {
    const maskedBy = (mine: More, theirs: More, met: More = { td: "named" }): string | null => {
      const pair = both(
        [exclusive("TDR", mine), exclusive("TDR", theirs)],
        [exclusive("RTMR", met), exclusive("RTMR", met)],
      );
      expect(pair.busyA).toBe(pair.busyB);
      return pair.maskedBy;
    };
    expect(maskedBy({ td: "named" }, { td: "named" })).toBe("TDR");
    expect(maskedBy({ td: "other" }, { td: "named" })).toBeNull();
    expect(maskedBy({ td: "named" }, { td: "other" })).toBeNull();
    expect(maskedBy({ td: "other" }, {})).toBeNull();
    // Where the catalog says it of some rows only, they may be of two.
    expect(maskedBy({}, { td: "named" })).toBeNull();
    expect(maskedBy({ td: "named" }, { td: "named" }, {})).toBeNull();
    expect(maskedBy({}, {}, {})).toBe("TDR");
  });

  test("a lock of more than one vCPU, page or entry that a call has taken is not the one at which they meet", () => {
    const last = (resource: string): ContendPair | undefined => {
      const rows = [exclusive(resource), exclusive(resource)];
      return between(x(rows), y(rows)).at(-1);
    };
    for (const resource of ["SEPT_ENTRY", "TDVPR", "MIGSC"]) expect(last(resource)?.possible).toBe(true);
    // Of a TD there is one TDR, and so there is one KOT.
    expect(last("TDR")?.maskedBy).toBe("TDR");
    expect(last("KOT")?.maskedBy).toBe("KOT");
    expect(between(x([exclusive("TDR")]), y([shared("TDR"), exclusive("TDR")])).map(({ busyB }) => busyB)).toEqual([
      true,
      false,
    ]);
  });

  test("that is given back before hides nothing, on the side of the one that comes and of the one that holds", () => {
    const first = (released: number) => given(exclusive("KOT"), 0, released);
    const then = { ...exclusive("WBT"), order: 1 };
    const busy = (mine: Leaf, theirs: Leaf) => {
      const pair = on("WBT", between(mine, theirs));
      return [pair.busyA, pair.busyB];
    };
    expect(busy(x([first(1), then]), y([shared("KOT"), exclusive("WBT")]))).toEqual([true, true]);
    expect(busy(x([first(2), then]), y([shared("KOT"), exclusive("WBT")]))).toEqual([false, false]);
    expect(busy(x([shared("KOT"), exclusive("WBT")]), y([first(1), then]))).toEqual([true, true]);
  });

  test("counts at each moment at which the other holds the lock, and at no later one", () => {
    const theirs = y([shared("TDR"), exclusive("WBT")]);
    const busy = (rows: Acquisition[], other = theirs): boolean => on("WBT", between(x(rows), other)).busyB;
    // The TDR is taken only after the WBT: between the two, the other may come.
    expect(busy([exclusive("WBT"), exclusive("KOT"), exclusive("TDR")], y([shared("KOT"), exclusive("WBT")]))).toBe(
      true,
    );
    // What is held under the KOT, the other cannot come to, neither while it is held nor after it was given back.
    const kot = given(exclusive("KOT"), 0, 2);
    expect(
      busy(
        [kot, given(exclusive("WBT"), 1, 2), { ...exclusive("GLOBAL"), order: 2 }],
        y([shared("KOT"), exclusive("WBT")]),
      ),
    ).toBe(false);
    // The KOT goes when GLOBAL comes, which keeps the other out from then on.
    const kept = [kot, given(exclusive("WBT"), 1, 9), { ...exclusive("GLOBAL"), order: 2 }];
    expect(busy(kept, y([shared("KOT"), shared("GLOBAL"), exclusive("WBT")]))).toBe(false);
    expect(busy(kept, y([shared("KOT"), exclusive("WBT")]))).toBe(true);
    // A lock that may not be taken keeps nobody out.
    expect(busy([exclusive("KOT", { when: "x" }), exclusive("WBT")], y([shared("KOT"), exclusive("WBT")]))).toBe(true);
  });

  test("hides nothing any more once it was given back, also at the end of the call", () => {
    const turn = (one: Acquisition, sequence: number): Acquisition => ({
      ...one,
      release: { ...releasePlace("leaf-exit"), order: 2, sequence, evidence: [] },
    });
    const other = y([shared("TDR"), shared("SEPT_TREE")]);
    const found = (tdr: number, tree: number) =>
      on("SEPT_TREE", between(x([turn(exclusive("TDR"), tdr), turn(exclusive("SEPT_TREE"), tree)]), other));
    expect(found(0, 1)).toMatchObject({ possible: true, busyA: false, busyB: true, maskedBy: null });
    expect(found(1, 0)).toMatchObject({ possible: false, maskedBy: "TDR" });
    // Nobody has read in which order.
    expect(on("SEPT_TREE", between(x([exclusive("TDR"), exclusive("SEPT_TREE")]), other)).possible).toBe(false);
  });

  test("hides nothing any more once a call that was refused has given it back", () => {
    const turn = (one: Acquisition, sequence: number): Acquisition => ({
      ...one,
      release: { ...releasePlace("leaf-exit"), order: 3, sequence, evidence: [] },
    });
    // It has the TDCS, where the other is refused and gives back what it holds in its order.
    const comer = y([exclusive("TDCS"), shared("TDR"), shared("SEPT_TREE")]);
    const found = (tdr: number, tree: number) => {
      const rows = [turn(exclusive("TDR"), tdr), turn(exclusive("SEPT_TREE"), tree), turn(exclusive("TDCS"), 2)];
      return on("SEPT_TREE", between(x(rows), comer));
    };
    expect(found(0, 1)).toMatchObject({ possible: true, busyB: true });
    expect(found(1, 0)).toMatchObject({ possible: false, maskedBy: "TDR" });
  });

  test("hides nothing any more where some way through the call gives it back first, whatever the others do", () => {
    const other = y([shared("TDR"), shared("SEPT_TREE")]);
    const found = (releaseOrders: Leaf["releaseOrders"]) => {
      const last = (one: Acquisition, order: number, sequence: number): Acquisition => ({
        ...one,
        order,
        release: { ...releasePlace("leaf-exit"), order: 2, sequence, evidence: [] },
      });
      const rows = [last(exclusive("TDR"), 0, 1), last(exclusive("SEPT_TREE"), 1, 0)];
      return on("SEPT_TREE", between(x(rows, { releaseOrders }), other)).possible;
    };
    expect(found(undefined)).toBe(false);
    for (const end of [{ end: "success" }, { end: "busy", refused: 2 }, { end: "other" }] as const) {
      expect(found([{ ...end, locks: [1, 0] }])).toBe(false);
      expect(found([{ ...end, locks: [0, 1] }])).toBe(true);
      expect(
        found([
          { ...end, locks: [1, 0] },
          { ...end, locks: [0, 1] },
        ]),
      ).toBe(true);
    }
  });

  test("excludes the two only where neither can come second at the later one", () => {
    const entry = [until("before-td-entry", exclusive("TDCS")), until("td-exit", exclusive("TDVPR"))];
    const other = [shared("TDCS"), exclusive("TDVPR")];
    const found = (mine: Acquisition[], theirs: Acquisition[]) => {
      const { busyA, busyB, maskedBy, possible } = on("TDVPR", between(x(mine), y(theirs)));
      return [busyA, busyB, maskedBy, possible];
    };
    expect(found(entry, other)).toEqual([false, true, null, true]);
    expect(found(other, entry)).toEqual([true, false, null, true]);
  });

  test("inside the guest only what is surely kept until TD exit counts", () => {
    const theirs = y([shared("TDR"), shared("TDCS"), exclusive("TDVPR")]);
    const busy = (...rows: Acquisition[]): boolean => on("TDVPR", between(x(rows), theirs)).busyB;
    const tdcs = until("before-td-entry", exclusive("TDCS"));
    const vcpu = until("td-exit", exclusive("TDVPR"));
    expect(busy(tdcs, vcpu)).toBe(true);
    expect(busy(tdcs, until("td-exit", exclusive("TDR", { when: "x" })), vcpu)).toBe(true);
    expect(busy(tdcs, until("td-exit", exclusive("TDR")), vcpu)).toBe(false);
    expect(busy(tdcs, exclusive("TDVPR"))).toBe(false);
  });
});

describe("the locks that entry keeps for the guest", () => {
  const guest = leaf("tdg_x", 3, [exclusive("SEPT_ENTRY", { side: "guest" })]);
  const host = y([exclusive("TDR"), exclusive("SEPT_ENTRY")]);
  const enter = (...rows: Acquisition[]): Leaf => leaf("tdh_enter", 0, rows);
  const masked = (...others: Leaf[]): string | null => on("SEPT_ENTRY", between(guest, host, ...others)).maskedBy;
  const kept = until("td-exit", shared("TDR"));

  test("hide what a host can do only before or after", () => {
    expect(masked(enter(kept))).toBe("TDR");
    expect(masked()).toBeNull();
  });

  test("are those that are surely kept until TD exit, by a SEAMCALL", () => {
    expect(masked(enter(until("td-exit", shared("TDR", { when: "x" }))))).toBeNull();
    expect(masked(enter(shared("TDR")))).toBeNull();
    expect(masked(leaf("tdg_enter", 0, [kept]))).toBeNull();
  });

  test("are those that every way in keeps alike", () => {
    const vcpu = until("td-exit", shared("TDVPR"));
    const second = (...rows: Acquisition[]): Leaf => leaf("tdh_resume", 7, rows);
    expect(masked(enter(kept, vcpu), second(vcpu))).toBeNull();
    expect(masked(enter(kept), second(kept))).toBe("TDR");
    const reading = y([shared("TDR"), exclusive("SEPT_ENTRY")]);
    const modes = [enter(until("td-exit", exclusive("TDR"))), second(kept)];
    expect(on("SEPT_ENTRY", between(guest, reading, ...modes)).maskedBy).toBeNull();
    expect(masked(enter(until("td-exit", shared("TDR", { role: "a" }))), second(kept))).toBeNull();
    expect(masked(enter(kept), second(until("td-exit", shared("TDR", { role: "a" }))))).toBeNull();
  });

  test("are the guest's own: no host's, and not of a TD that a guest names", () => {
    const bare = x([exclusive("SEPT_ENTRY")]);
    expect(on("SEPT_ENTRY", between(bare, host, enter(kept))).maskedBy).toBeNull();
    const named = until("td-exit", shared("TDR", { td: "named" }));
    const of = (td: Acquisition["td"]): string | null => {
      const one = leaf("tdg_x", 3, [exclusive("RTMR", { side: "guest", td })]);
      const other = y([exclusive("TDR", { td: "named" }), exclusive("RTMR", { td: "named" })]);
      return on("RTMR", between(one, other, enter(named))).maskedBy;
    };
    expect(of("own")).toBe("TDR");
    expect(of("other")).toBeNull();
  });
});

describe("a walk without a lock", () => {
  const covered = (...rows: Acquisition[]): readonly string[] | undefined =>
    contention(smallCatalog({ leaves: [x([...rows, walked("SEPT_TREE"), exclusive("TDVPR")])] })).unlocked[0]
      ?.coveredBy;

  test("is covered by what the leaf surely holds exclusively by then, of the TD", () => {
    expect(covered(exclusive("TDR"))).toEqual(["TDR"]);
    expect(covered(shared("TDR"))).toEqual([]);
    expect(covered(exclusive("TDR", { when: "x" }))).toEqual([]);
    expect(covered(exclusive("TDR", { role: "service" }))).toEqual([]);
    expect(covered(exclusive("KOT"))).toEqual([]);
  });
});

describe("a choice of pairs", () => {
  test("by resource is by any name of the lock, by OP_STATE leaves those that none binds", () => {
    const leaves = [x([exclusive("PAGE", { role: "to-reclaim" })]), y([exclusive("TDR")], { opStates: ["RUNNABLE"] })];
    const found = (options: ContentionOptions) => pairs(leaves, options).map(({ a, b }) => `${a}/${b}`);
    expect(found({ resources: ["PAGE"] })).toEqual(["tdh_x/tdh_y", "tdh_x/tdh_x"]);
    expect(found({ opState: "INITIALIZED" })).toEqual(["tdh_x/tdh_y", "tdh_x/tdh_x"]);
    expect(found({ opState: "RUNNABLE" })).toEqual(["tdh_x/tdh_y", "tdh_y/tdh_y", "tdh_x/tdh_x"]);
  });
});

test("a leaf uses a resource in the modes in which it takes that resource", () => {
  const leaves = [x([exclusive("TDR"), shared("KOT"), walked("SEPT_TREE")]), y([shared("TDR")])];
  expect(resourceUsers(smallCatalog({ leaves }))).toEqual([
    { resource: "TDR", shared: ["tdh_y"], exclusive: ["tdh_x"], noLock: [] },
    { resource: "KOT", shared: ["tdh_x"], exclusive: [], noLock: [] },
    { resource: "SEPT_TREE", shared: [], exclusive: [], noLock: ["tdh_x"] },
  ]);
});
