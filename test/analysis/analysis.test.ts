import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ContendPair,
  type ContentionOptions,
  contendSchema,
  contention,
  type DiffDocument,
  diffCatalogs,
  diffSchema,
  hasDifferences,
  resourceUsers,
} from "../../src/analysis/index.ts";
import { type Acquisition, type Catalog, type Leaf, parseCatalog, releasePlace } from "../../src/catalog/index.ts";
import { anyCatalog } from "../catalog/arbitrary.ts";
import { leaf, row, smallCatalog, until } from "../catalog/fixture.ts";
import { moduleNamed } from "../host/profile.ts";
import mail from "./mail-users.json" with { type: "json" };

const PUBLISHED = "data/modules/lkml-2024-09-13.json";
const published = parseCatalog(readFileSync(PUBLISHED, "utf8"), PUBLISHED);

const moduleOf = (...leaves: Leaf[]): Catalog => smallCatalog({ leaves });
const text = (p: ContendPair): string => `${p.resource}: ${p.a} ${p.modeA} / ${p.b} ${p.modeB}`;
const pairs = (catalog: Catalog, options: ContentionOptions = {}): ContendPair[] => contention(catalog, options).pairs;
const pick = (catalog: Catalog, a: string, b: string, resource: string): ContendPair => {
  const found = pairs(catalog).find(
    (p) => p.a === a && p.b === b && p.resource === resource && p.resourceA === p.resourceB,
  );
  if (found === undefined) throw new Error(`no pair ${a} ${b} on ${resource}`);
  return found;
};

const every = (catalog: Catalog, a: string, b: string, resource: string): ContendPair[] =>
  pairs(catalog).filter((p) => p.a === a && p.b === b && p.resource === resource);

describe("resourceUsers", () => {
  test("of the published table are those that the mail lists", () => {
    const seven = resourceUsers(published).filter((u) => mail.users.some((m) => m.resource === u.resource));
    expect(seven.map(({ resource }) => resource)).toEqual(mail.users.map((m) => m.resource));
    for (const [i, users] of seven.entries()) {
      expect(new Set(users.shared)).toEqual(new Set(mail.users[i]?.shared));
      expect(new Set(users.exclusive)).toEqual(new Set(mail.users[i]?.exclusive));
    }
  });

  test("a leaf with variants counts once per mode", () => {
    const tdr = resourceUsers(smallCatalog()).find((u) => u.resource === "TDR");
    expect(tdr?.exclusive).toEqual(["tdh_mem_page_add", "tdh_mng_init", "tdh_vp_init"]);
    expect(tdr?.shared.filter((n) => n === "tdh_vp_init")).toHaveLength(1);
  });

  test("NO_LOCK walkers are users of their own kind", () => {
    expect(resourceUsers(smallCatalog()).find((u) => u.resource === "SEPT_TREE")?.noLock).toEqual(["tdh_mem_page_add"]);
  });
});

describe("contention", () => {
  const catalog = smallCatalog();

  test("the pair of the contract", () => {
    expect(pick(catalog, "tdh_mem_track", "tdh_vp_enter", "TDCS_EPOCH")).toMatchObject({
      modeA: "EXCLUSIVE",
      modeB: "SHARED",
      statusA: "0x80000200000000A9",
      statusB: "0x80000200000000A9",
      opStates: ["RUNNABLE"],
      possible: true,
      excludedBy: [],
      paths: [],
      maskedBy: null,
    });
  });

  test("SHARED against SHARED and NO_LOCK against anything are no conflict", () => {
    const of = (modeA: "SHARED" | "NO_LOCK"): string[] =>
      pairs(moduleOf(leaf("tdh_a", 1, [row("TDCS", modeA)]), leaf("tdh_b", 2, [row("TDCS", "SHARED")]))).map(text);
    expect(of("SHARED")).toEqual([]);
    expect(of("NO_LOCK")).toEqual([]);
  });

  test("a leaf against itself counts when EXCLUSIVE", () => {
    expect(pick(catalog, "tdh_mem_track", "tdh_mem_track", "TDCS_EPOCH").possible).toBe(true);
  });

  test("a NO_LOCK walk is told apart, with the lock that covers it", () => {
    expect(contention(catalog).unlocked).toContainEqual({
      leaf: "tdh_mem_page_add",
      variant: null,
      resource: "SEPT_TREE",
      role: null,
      when: null,
      coveredBy: ["TDR"],
    });
  });

  test("op-state tables that never allow both exclude a pair", () => {
    const pair = pick(catalog, "tdh_mem_page_add", "tdh_mem_page_aug", "TDR");
    expect(pair.opStates).toEqual([]);
    expect(pair.excludedBy.map((e) => e.kind)).toEqual(["op-state"]);
    expect(pair.possible).toBe(false);
  });

  test("calls of different TDs can meet on a page, whatever the OP_STATE", () => {
    expect(pick(catalog, "tdh_mem_page_add", "tdh_mem_page_aug", "PAGE")).toMatchObject({
      opStates: null,
      possible: true,
    });
  });

  test("no OP_STATE binds a row about another TD", () => {
    const bound = pairs(catalog).filter(
      (p) => p.a === "tdh_mng_init" && p.b === "tdh_servtd_bind" && p.resource === "TDR",
    );
    expect(bound.map((p) => [p.roleB, p.opStates, p.possible])).toEqual([
      ["service", null, true],
      ["target", null, true],
    ]);
  });

  test("SEPT states exclude two SEAMCALLs, not a TDCALL", () => {
    const host = pick(catalog, "tdh_mem_page_aug", "tdh_mem_page_remove", "SEPT_ENTRY");
    expect(host.excludedBy.map((e) => e.kind)).toEqual(["sept-state"]);
    expect(pick(catalog, "tdg_mem_page_accept", "tdh_mem_page_remove", "SEPT_ENTRY").possible).toBe(true);
  });

  test("a conflict behind an earlier one is masked, and both stop at the earlier", () => {
    const pair = pick(catalog, "tdh_mem_range_block", "tdh_mem_range_block", "SEPT_ENTRY");
    expect(pair).toMatchObject({
      possible: false,
      maskedBy: "SEPT_TREE",
      stopsA: "SEPT_TREE",
      busyA: false,
      busyB: false,
    });
    const page = moduleOf(
      leaf("tdh_a", 1, [row("TDR", "EXCLUSIVE"), row("SEPT_TREE", "EXCLUSIVE")]),
      leaf("tdh_b", 2, [row("TDR", "SHARED"), row("SEPT_TREE", "SHARED")]),
    );
    expect(pick(page, "tdh_a", "tdh_b", "SEPT_TREE")).toMatchObject({ maskedBy: "TDR", stopsA: "TDR", stopsB: "TDR" });
    expect(pick(page, "tdh_a", "tdh_b", "TDR")).toMatchObject({ maskedBy: null, possible: true });
  });

  test("a conditional lock masks nothing", () => {
    const maybe = moduleOf(
      leaf("tdh_a", 1, [row("TDR", "EXCLUSIVE", { when: "x" }), row("SEPT_TREE", "EXCLUSIVE")]),
      leaf("tdh_b", 2, [row("TDR", "SHARED"), row("SEPT_TREE", "SHARED")]),
    );
    expect(pick(maybe, "tdh_a", "tdh_b", "SEPT_TREE").maskedBy).toBeNull();
  });

  test("locks taken in opposite order mask in neither direction when each can be first", () => {
    const crossed = moduleOf(
      leaf("tdh_a", 1, [row("TDVPR", "EXCLUSIVE"), row("TDR", "EXCLUSIVE")]),
      leaf("tdh_b", 2, [row("TDR", "EXCLUSIVE"), row("TDVPR", "EXCLUSIVE")]),
    );
    expect(pick(crossed, "tdh_a", "tdh_b", "TDVPR")).toMatchObject({
      busyA: true,
      busyB: true,
      stopsA: "TDVPR",
      stopsB: "TDR",
    });
    expect(pick(crossed, "tdh_a", "tdh_b", "TDR")).toMatchObject({
      busyA: true,
      busyB: true,
      stopsA: "TDR",
      stopsB: "TDR",
    });
  });

  test("a lock released before TD entry does not mask one that is kept until TD exit", () => {
    const enter = leaf("tdh_enter", 1, [
      until("before-td-entry", row("TDCS", "EXCLUSIVE")),
      until("td-exit", row("TDVPR", "EXCLUSIVE")),
    ]);
    const other = leaf("tdh_other", 2, [row("TDCS", "SHARED"), row("TDVPR", "EXCLUSIVE")]);
    expect(pick(moduleOf(enter, other), "tdh_enter", "tdh_other", "TDVPR")).toMatchObject({
      busyA: false,
      busyB: true,
    });
  });

  test("a lock that is given back before a later one is taken does not mask it", () => {
    const early = (order?: number) => ({ ...releasePlace("helper"), order, evidence: [] });
    const a = (released?: number) =>
      leaf("tdh_a", 1, [
        row("KOT", "EXCLUSIVE", { order: 0, release: early(released) }),
        row("WBT", "EXCLUSIVE", { order: 1 }),
      ]);
    const b = leaf("tdh_b", 2, [row("KOT", "SHARED"), row("WBT", "EXCLUSIVE")]);
    const busyB = (released?: number) => pick(moduleOf(a(released), b), "tdh_a", "tdh_b", "WBT").busyB;
    expect([busyB(1), busyB(2)]).toEqual([true, false]);
    // A catalog that does not say when: taken as still held.
    expect(busyB()).toBe(false);
  });

  test("one page operand does not mask another", () => {
    const pages = moduleOf(
      leaf("tdh_a", 1, [row("PAGE", "EXCLUSIVE", { role: "to-add" }), row("TDVPR", "EXCLUSIVE")]),
      leaf("tdh_b", 2, [row("PAGE", "EXCLUSIVE", { role: "to-add" }), row("TDVPR", "EXCLUSIVE")]),
    );
    expect(pick(pages, "tdh_a", "tdh_b", "TDVPR")).toMatchObject({ maskedBy: null, busyA: true, busyB: true });
  });

  test("a guest's call runs under the locks that its entry keeps", () => {
    const enter = leaf("tdh_enter", 0, [until("td-exit", row("TDR", "SHARED"))]);
    const host = leaf("tdh_host", 1, [row("TDR", "EXCLUSIVE"), row("SEPT_ENTRY", "EXCLUSIVE")]);
    const guest = leaf("tdg_guest", 2, [row("SEPT_ENTRY", "EXCLUSIVE", { side: "guest" })]);
    expect(pick(moduleOf(enter, host, guest), "tdg_guest", "tdh_host", "SEPT_ENTRY")).toMatchObject({
      possible: false,
      maskedBy: "TDR",
    });
  });

  test("a call on any page meets the locks of TDR and TDVPR; one that needs a free page does not", () => {
    const crossed = pairs(catalog).filter((p) => p.resourceA !== p.resourceB);
    expect(crossed.length).toBeGreaterThan(0);
    expect(new Set(crossed.flatMap((p) => [p.roleA, p.roleB]))).toContain("to-reclaim");
    expect(new Set(crossed.flatMap((p) => [p.roleA, p.roleB]))).not.toContain("to-add");
    expect(new Set(crossed.map((p) => p.resource))).toEqual(new Set(["TDR", "TDVPR", "PAMT_2M"]));
  });

  test("a call on a large page meets the ancestors of pages below it, not those of a TDR", () => {
    const large = leaf("tdh_mem_page_aug", 6, [row("PAGE", "EXCLUSIVE", { role: "to-aug" })]);
    const page = leaf("tdh_mem_page_add", 2, [
      row("PAMT_1G", "SHARED"),
      row("PAMT_2M", "SHARED"),
      row("PAGE", "EXCLUSIVE"),
    ]);
    const tdr = leaf("tdh_mng_rd", 11, [row("PAMT_1G", "SHARED"), row("PAMT_2M", "SHARED"), row("TDR", "SHARED")]);
    const crossed = pairs(moduleOf(large, page, tdr)).filter((p) => p.resourceA !== p.resourceB);
    expect(crossed.map((p) => [p.a, p.b, p.resource])).toEqual([["tdh_mem_page_add", "tdh_mem_page_aug", "PAMT_2M"]]);
  });

  test("a call that makes the TDR meets calls that take the free page, not those that need the TDR", () => {
    const create = leaf("tdh_mng_create", 9, [row("TDR", "EXCLUSIVE")]);
    const add = leaf("tdh_mem_page_add", 2, [row("PAGE", "EXCLUSIVE", { role: "to-add" })]);
    const reclaim = leaf("tdh_phymem_page_reclaim", 28, [row("PAGE", "EXCLUSIVE", { role: "to-reclaim" })]);
    const read = leaf("tdh_mng_rd", 11, [row("TDR", "SHARED")]);
    const onTdr = pairs(moduleOf(create, add, reclaim, read)).filter((p) => p.resource === "TDR");
    expect(
      onTdr.map((p) => `${p.a}/${p.b} ${p.possible ? "possible" : p.excludedBy.map((e) => e.kind).join()}`),
    ).toEqual([
      "tdh_mem_page_add/tdh_mng_create possible",
      "tdh_mng_create/tdh_mng_create possible",
      "tdh_mng_create/tdh_mng_rd life-cycle",
      "tdh_mng_rd/tdh_phymem_page_reclaim possible",
    ]);
  });

  test("filters", () => {
    const enter = catalog.leaves.filter((l) => l.name === "tdh_vp_enter");
    const track = catalog.leaves.filter((l) => l.name === "tdh_mem_track");
    expect(pairs(catalog, { leaves: enter, against: track }).map(text)).toEqual([
      "TDCS_EPOCH: tdh_mem_track EXCLUSIVE / tdh_vp_enter SHARED",
    ]);
    expect(new Set(pairs(catalog, { resources: ["SEPT_TREE"] }).map((p) => p.resource))).toEqual(
      new Set(["SEPT_TREE"]),
    );
    const legal = pairs(catalog, { opState: "INITIALIZED" });
    expect(legal.length).toBeGreaterThan(0);
    expect(legal.every((p) => p.opStates === null || p.opStates.includes("INITIALIZED"))).toBe(true);
  });

  test("holds for any catalog: ordered, symmetric, valid, and the rows behind it conflict", () => {
    const mirrored = (p: ContendPair): string =>
      [p.b, p.variantB, p.modeB, p.roleB, p.a, p.variantA, p.modeA, p.roleA].join();
    const straight = (p: ContendPair): string =>
      [p.a, p.variantA, p.modeA, p.roleA, p.b, p.variantB, p.modeB, p.roleB].join();
    fc.assert(
      fc.property(anyCatalog, (any) => {
        const doc = contention(any);
        expect(contendSchema.parse(doc)).toEqual(doc);
        for (const p of doc.pairs) {
          expect(p.a <= p.b).toBe(true);
          expect([p.modeA, p.modeB]).toContain("EXCLUSIVE");
          expect([p.modeA, p.modeB]).not.toContain("NO_LOCK");
          expect(p.possible).toBe(p.excludedBy.length === 0);
          if (p.maskedBy !== null) expect(p.possible).toBe(false);
        }
        // The order of leaves in the catalog does not matter.
        const turned = contention({ ...any, leaves: [...any.leaves].reverse() }).pairs;
        const key = (p: ContendPair): string =>
          `${[straight(p), mirrored(p)].sort().join("|")} ${p.resource} ${p.possible}`;
        expect(turned.map(key).sort()).toEqual(doc.pairs.map(key).sort());
      }),
    );
  });
});

describe("diffCatalogs", () => {
  const mirror = (d: DiffDocument): unknown => ({
    ...d,
    before: d.after,
    after: d.before,
    leaves: { added: d.leaves.removed, removed: d.leaves.added },
    changed: d.changed.map((c) => ({ ...c, before: c.after, after: c.before })),
    leafChanges: d.leafChanges.map((c) => ({ ...c, before: c.after, after: c.before })),
    constants: d.constants.map((c) => ({ ...c, before: c.after, after: c.before })),
    contention: { appeared: d.contention.disappeared, disappeared: d.contention.appeared },
  });

  test("has constants that both state, with other values", () => {
    const base = { ...smallCatalog(), constants: { SAME: 1, OTHER: 6, ONLY: 2 } };
    const doc = diffCatalogs(base, { ...base, constants: { SAME: 1, OTHER: 10, NEW: 3 } });
    expect(doc.constants).toEqual([{ name: "OTHER", before: 6, after: 10 }]);
    expect(hasDifferences(doc)).toBe(true);
  });

  test("of a module with itself is empty", () => {
    expect(hasDifferences(diffCatalogs(smallCatalog(), smallCatalog()))).toBe(false);
    expect(hasDifferences(diffCatalogs(published, published))).toBe(false);
    fc.assert(fc.property(anyCatalog, (any) => !hasDifferences(diffCatalogs(any, any))));
  });

  test("swapped is its mirror image", () => {
    fc.assert(
      fc.property(anyCatalog, anyCatalog, (a, b) => {
        const doc = diffCatalogs(a, b);
        expect(diffSchema.parse(doc)).toEqual(doc);
        const back = diffCatalogs(b, a);
        const bare = { behaviour: [], causes: [] };
        expect({ ...back, ...bare }).toEqual({ ...(mirror(doc) as DiffDocument), ...bare });
        // Every contention stands under one cause.
        for (const one of [doc, back]) {
          const told = one.causes.flatMap((c) => [...c.appeared, ...c.disappeared]).length;
          const { appeared, disappeared } = one.contention;
          const names = (pairs: typeof appeared) => new Set(pairs.map((p) => `${p.a} ${p.b} ${p.resource}`)).size;
          expect(told).toBeGreaterThanOrEqual(Math.max(names(appeared), names(disappeared)));
          expect(told).toBeLessThanOrEqual(appeared.length + disappeared.length);
        }
        // What a difference means is told from one side to the other.
        const sides = (one: DiffDocument["behaviour"][number]) => [one.kind, one.before, one.after];
        expect(back.behaviour.map(sides)).toEqual(doc.behaviour.map((c) => [c.kind, c.after, c.before]));
      }),
    );
  });

  const changed = (change: (l: Leaf) => Leaf): DiffDocument => {
    const base = smallCatalog();
    return diffCatalogs(base, { ...base, leaves: base.leaves.map(change) });
  };
  const track = (l: Leaf, acquisitions: (rows: Leaf["acquisitions"]) => Leaf["acquisitions"]): Leaf =>
    l.name === "tdh_mem_track" ? { ...l, acquisitions: acquisitions(l.acquisitions) } : l;

  test("a changed mode is one changed row and the contention it brings", () => {
    const doc = changed((l) =>
      track(l, (rows) => rows.map((r) => (r.resource === "TDCS" ? { ...r, mode: "EXCLUSIVE" } : r))),
    );
    expect(doc.changed.map((c) => [c.leaf, c.resource, c.before?.mode, c.after?.mode])).toEqual([
      ["tdh_mem_track", "TDCS", "SHARED", "EXCLUSIVE"],
    ]);
    expect(doc.contention.appeared.every((p) => p.resource === "TDCS")).toBe(true);
    expect(doc.contention.appeared.map((p) => `${p.a}/${p.b}`)).toContain("tdh_mem_track/tdh_vp_enter");
    // Both stop at the TDCS now, before they come to the epoch.
    expect(doc.contention.disappeared.map(text)).toEqual([
      "TDCS_EPOCH: tdh_mem_track EXCLUSIVE / tdh_mem_track EXCLUSIVE",
      "TDCS_EPOCH: tdh_mem_track EXCLUSIVE / tdh_vp_enter SHARED",
    ]);
  });

  test("another role of the same object is no other contention", () => {
    // TDH.MEM.PAGE.PROMOTE locks the entry that it merges in both (1.5.16: tdh_mem_page_promote.c:296, 1.5.20: 286); only the older one
    // locks those below, too, so that its rows have roles. TDH.MEM.PAGE.DEMOTE walks the PAMT for one page more (pamt_manager.c:938).
    const { contention, causes } = diffCatalogs(moduleNamed("1.5.16"), moduleNamed("1.5.20"));
    const named = (pairs: readonly ContendPair[]) => new Set(pairs.map((p) => `${p.a} ${p.b} ${p.resource}`));
    const [appeared, disappeared] = [named(contention.appeared), named(contention.disappeared)];
    expect([appeared.size, disappeared.size]).toEqual([150, 17]);
    expect([...appeared].filter((pair) => disappeared.has(pair))).toEqual([]);
    expect(causes.reduce((n, cause) => n + cause.appeared.length, 0)).toBe(150);
    expect(causes.reduce((n, cause) => n + cause.disappeared.length, 0)).toBe(17);
  });

  test("two calls that always meet at their TD's SEPT tree first do not meet at an entry, whatever the entry is called", () => {
    // 1.5.16 tdh_mem_page_promote.c: the tree SHARED at 263 until 548, the entries at 60 and 296 until 520 and 543;
    // tdh_mem_range_block.c: the tree EXCLUSIVE at 182 until 305, the entry at 204.
    const found = every(moduleNamed("1.5.16"), "tdh_mem_page_promote", "tdh_mem_range_block", "SEPT_ENTRY");
    expect(found.map(({ roleA, maskedBy, possible }) => [roleA, maskedBy, possible])).toEqual([
      ["merged_sept_page", "SEPT_TREE", false],
      ["merged_sept_page_sept_entry", "SEPT_TREE", false],
    ]);
    // With the tree SHARED on both sides nothing hides the entries.
    const shared = every(moduleNamed("1.5.16"), "tdh_mem_page_promote", "tdh_mem_page_remove", "SEPT_ENTRY");
    expect(shared.map(({ maskedBy }) => maskedBy)).toEqual([null, null]);
  });

  test("an inserted row of a resource that is already there shows as one row", () => {
    const doc = changed((l) => track(l, (rows) => [row("TDR", "EXCLUSIVE"), ...rows]));
    expect(doc.changed.map((c) => [c.resource, c.before, c.after?.mode])).toEqual([["TDR", null, "EXCLUSIVE"]]);
  });

  test("a leaf that went away takes its contention with it", () => {
    const base = smallCatalog();
    const doc = diffCatalogs(base, { ...base, leaves: base.leaves.filter((l) => l.name !== "tdh_vp_enter") });
    expect(doc.leaves).toEqual({ added: [], removed: ["tdh_vp_enter"] });
    expect(doc.contention.disappeared.every((p) => p.a === "tdh_vp_enter" || p.b === "tdh_vp_enter")).toBe(true);
    expect(doc.contention.appeared).toEqual([]);
  });

  test("an entry without variants stands for each variant of the other side", () => {
    const base = smallCatalog();
    const plain = {
      ...base,
      leaves: base.leaves.flatMap((l) => (l.variant === "version>=1" ? [] : [{ ...l, variant: null }])),
    };
    const rows = (doc: DiffDocument) =>
      doc.changed.map((c) => [c.leaf, c.variant, c.resource, c.before?.mode, c.after?.mode]);
    // Of two extractions for the one that it is most alike: the other is new.
    const doc = diffCatalogs(plain, base);
    expect(rows(doc).every(([, variant, , before]) => variant === "version>=1" && before === undefined)).toBe(true);
    expect(doc.causes.map((c) => [c.kind, c.calls, c.after])).toContainEqual([
      "variant-added",
      ["tdh_vp_init"],
      "version>=1",
    ]);
    expect(doc.causes.some((c) => c.kind === "mode")).toBe(false);
    // A published table does not tell variants apart: its row stands for each.
    const table = { ...plain, module: { ...plain.module, origin: "published" as const } };
    expect(rows(diffCatalogs(table, base))).toEqual([["tdh_vp_init", "version>=1", "TDR", "SHARED", "EXCLUSIVE"]]);
  });

  test("statuses, states, promotions and the order of releases are compared", () => {
    const kinds = (change: (l: Leaf) => Leaf): string[] => changed(change).causes.map(({ kind }) => kind);
    const rows = (of: (r: Leaf["acquisitions"][number]) => Leaf["acquisitions"][number]) => (l: Leaf) =>
      track(l, (all) => all.map(of));
    expect(kinds(rows((r) => (r.resource === "TDR" ? { ...r, busyStatus: "0x8000020000000099" } : r)))).toEqual([
      "status",
    ]);
    expect(kinds(rows((r) => (r.resource === "TDR" ? { ...r, promotion: [] } : r)))).toEqual(["promotion"]);
    expect(kinds((l) => (l.name === "tdh_mem_track" ? { ...l, septStates: ["FREE"] } : l))).toContain("sept-states");
    expect(kinds((l) => (l.name === "tdh_mem_track" ? { ...l, opStates: ["INITIALIZED"] } : l))).toContain("op-states");
    const busy = {
      status: "0x8000020600000000",
      name: "TDX_INTERRUPTED_BUSY",
      object: "x",
      operand: null,
      when: null,
      evidence: [],
    };
    expect(kinds((l) => (l.name === "tdh_mem_track" ? { ...l, otherBusy: [busy] } : l))).toEqual(["other-busy"]);
    const ordered = (orders: readonly number[]) => (l: Leaf) =>
      track(l, (all) =>
        all.map((r, i) =>
          // What is taken after a lock was given back says nothing of the order in which locks are given back.
          r.release === null ? r : { ...r, release: { ...r.release, order: 6, sequence: orders[i] ?? i } },
        ),
      );
    const base = smallCatalog();
    const [x, y] = [
      [0, 1, 2, 3, 4, 5],
      [5, 4, 3, 2, 1, 0],
    ].map((orders) => ({ ...base, leaves: base.leaves.map(ordered(orders)) }));
    const { causes, leafChanges } = diffCatalogs(x ?? base, y ?? base);
    expect(causes.map(({ kind }) => kind)).toEqual(["release-order"]);
    expect(leafChanges).toMatchObject([
      { before: ["TDR", "TDCS", "TDCS_EPOCH"], after: ["TDCS_EPOCH", "TDCS", "TDR"] },
    ]);
  });

  test("TDH.MEM.RD gives its TDR back first up to 1.5.09, and last from 1.5.13", () => {
    const orders = diffCatalogs(moduleNamed("1.5.09"), moduleNamed("1.5.13")).leafChanges.filter(
      ({ field }) => field === "release-order",
    );
    expect(orders.find(({ leaf }) => leaf === "tdh_mem_rd")).toMatchObject({
      before: ["TDR", "PAMT_2M", "PAMT_1G", "SEPT_ENTRY", "SEPT_TREE", "TDCS"],
      after: ["SEPT_ENTRY", "SEPT_TREE", "TDCS", "TDR", "PAMT_2M", "PAMT_1G"],
    });
  });

  test("calls that end alike and give the same locks back in another order are told by how they end", () => {
    const [first, second, third] = ["TDR", "TDCS", "SEPT_TREE"].map((name, order) =>
      row(name, "SHARED", {
        order,
        release: { ...releasePlace("leaf-exit"), order: 3, sequence: 2 - order, evidence: [] },
      }),
    ) as [Acquisition, Acquisition, Acquisition];
    const withOrders = (releaseOrders: Leaf["releaseOrders"], rows = [first, second, third]): Catalog =>
      smallCatalog({ leaves: [leaf("tdh_x", 1, rows, releaseOrders === undefined ? {} : { releaseOrders })] });
    const changes = (x: Catalog, y: Catalog) =>
      diffCatalogs(x, y).leafChanges.map(({ field, before, after }) => [field, before, after]);
    const fails: Leaf["releaseOrders"] = [{ end: "other", locks: [0, 1, 2] }];
    const told = ["TDR then TDCS then SEPT_TREE"];
    const usual = ["SEPT_TREE then TDCS then TDR"];
    expect(changes(withOrders(undefined), withOrders(fails))).toEqual([["other-orders", usual, told]]);
    expect(changes(withOrders(fails), withOrders(undefined))).toEqual([["other-orders", told, usual]]);
    expect(changes(withOrders(fails), withOrders([{ end: "success", locks: [0, 1, 2] }]))).toEqual([
      ["success-orders", usual, told],
      ["other-orders", told, usual],
    ]);
    expect(hasDifferences(diffCatalogs(withOrders(undefined), withOrders(fails)))).toBe(true);
    expect(diffCatalogs(withOrders(undefined), withOrders(fails)).causes.map(({ kind }) => kind)).toEqual([
      "other-orders",
    ]);
    // An entry that says what the rows say is no difference, nor is one of fewer locks that follows from a larger one.
    expect(changes(withOrders(undefined), withOrders([{ end: "other", locks: [2, 1, 0] }]))).toEqual([]);
    expect(changes(withOrders(fails), withOrders([...(fails ?? []), { end: "other", locks: [0, 1] }]))).toEqual([]);
    // Of a refused lock it is told which.
    const refused: Leaf["releaseOrders"] = [{ end: "busy", refused: 2, locks: [0, 1] }];
    expect(changes(withOrders(undefined), withOrders(refused))).toEqual([
      ["busy-orders", ["SEPT_TREE refused: TDCS then TDR"], ["SEPT_TREE refused: TDR then TDCS"]],
    ]);
    // Rows that move, and one that is new, leave the others as they are; a lock that only one of them has may be held or not.
    const moved = [
      row("PAGE", "SHARED", { order: 0, release: first.release && { ...first.release, sequence: 3 } }),
    ].concat([first, second, third].map((one, i) => ({ ...one, order: i + 1 })));
    expect(changes(withOrders(fails), withOrders([{ end: "other", locks: [1, 2, 3, 0] }], moved))).toEqual([]);
    expect(
      changes(
        withOrders(fails),
        withOrders(
          [
            { end: "other", locks: [1, 2, 3] },
            { end: "other", locks: [3, 2, 1, 0] },
          ],
          moved,
        ),
      ),
    ).toEqual([["other-orders", told, [...usual, ...told]]]);
    expect(changes(withOrders(refused), withOrders(undefined, [first, second]))).toEqual([]);
    const turned = [first, second].map((one, i): Acquisition => {
      return { ...one, release: one.release && { ...one.release, sequence: i } };
    });
    expect(changes(withOrders(refused), withOrders(undefined, turned))).toEqual([
      ["release-order", ["TDCS", "TDR"], ["TDR", "TDCS"]],
    ]);
    // Of two rows of one name each is itself.
    const twice = [first, { ...second, resource: "TDR" }, third];
    expect(changes(withOrders(undefined, twice), withOrders(fails, twice))).toEqual([
      ["other-orders", ["SEPT_TREE then TDR (2) then TDR"], ["TDR then TDR (2) then SEPT_TREE"]],
    ]);
    // What goes with a page has no turn, and takes none from the others.
    const gone: Acquisition = {
      ...third,
      release: third.release && { ...third.release, kind: "page-removed", sequence: undefined },
    };
    const failsWith = (locks: number[]): Catalog => withOrders([{ end: "other", locks }], [first, second, gone]);
    expect(changes(withOrders(undefined, [first, second, gone]), failsWith([0, 1]))).toEqual([
      ["other-orders", ["TDCS then TDR"], ["TDR then TDCS"]],
    ]);
    // Nobody has read the turns of a table.
    const unread = [{ ...first, release: first.release && { ...first.release, sequence: undefined } }, second, third];
    expect(changes(withOrders(undefined, unread as Acquisition[]), withOrders(fails))).toEqual([]);
  });

  test("names of the published table are brought to the dispatcher's", () => {
    const dispatcher: Catalog = { ...published, module: { ...published.module, version: "x", origin: "extracted" } };
    const renamed = dispatcher.leaves.flatMap((l): Leaf[] => {
      if (l.name === "tdh_mng_rdwr")
        return [
          { ...l, name: "tdh_mng_rd" },
          { ...l, name: "tdh_mng_wr" },
        ];
      if (l.name === "tdh_vp_rd_wr")
        return [
          { ...l, name: "tdh_vp_rd" },
          { ...l, name: "tdh_vp_wr" },
        ];
      if (l.name === "tdh_mng_add_cx") return [{ ...l, name: "tdh_mng_addcx" }];
      if (l.name === "tdh_vp_init") return [{ ...l, variant: "version=0" }];
      if (l.name === "tdh_vp_init_apicid") return [{ ...l, name: "tdh_vp_init", variant: "version>=1" }];
      return [l];
    });
    const doc = diffCatalogs(published, { ...dispatcher, leaves: renamed });
    expect(doc.leaves).toEqual({ added: [], removed: [] });
    expect(doc.changed).toEqual([]);
    expect(doc.contention).toEqual({ appeared: [], disappeared: [] });
  });
});

describe("the PAMT entry of a range whose pages have entries of their own", () => {
  const newest = moduleNamed("1.5.25");
  test.each(["tdh_phymem_pamt_add", "tdh_phymem_pamt_remove"])("%s takes it EXCLUSIVE, others SHARED", (leaf) => {
    const all = pairs(newest).filter((p) => p.a === leaf || p.b === leaf);
    for (const other of ["tdh_mng_create", "tdh_vp_create"])
      expect(all.some((p) => p.resource === "PAMT_2M" && [p.a, p.b].includes(other))).toBe(true);
    // The entry is no TDR's.
    expect(all.filter((p) => p.resource === "TDR" && [p.roleA, p.roleB].includes("pamt_node"))).toEqual([]);
  });
});
