/**
 * The reference model M(v, p, t) that the engine is measured with: v vCPUs enter, fault and accept; one zapper blocks, tracks and
 * removes p pages; t is the zero-step threshold. Every acquire and release is one step. A yardstick, not the model of the module:
 * its state and transition counts are known from independent explorers and must be met exactly.
 */
import {
  add,
  and,
  assertThat,
  BUSY,
  boolType,
  dec,
  enumOf,
  eq,
  forall,
  ge,
  gt,
  type IntRef,
  inc,
  indexType,
  intType,
  ite,
  lt,
  type Model,
  model,
  not,
  oneOf,
  or,
  type ProcessBuilder,
  type StepMeta,
  set,
  sub,
  when,
} from "../../src/language/index.ts";

export interface EnterAndZap {
  readonly vcpus: number;
  readonly pages: number;
  readonly threshold: number;
}

/** Page states in the order of the Promela original. */
const Page = enumOf("Page", ["free", "pend", "acc", "blk", "rem"]);

/** Declare everything that vCPUs and the zapper share. */
function declare({ vcpus, pages, threshold }: EnterAndZap) {
  const m = model("enter-and-zap", `${vcpus} vCPUs, ${pages} pages, threshold ${threshold}`);
  const page = m.scalarSet("page", pages);
  const vcpu = m.process("vcpu", vcpus);
  const zapper = m.process("zapper");
  const plain = (name: string, holders: number) => m.record(name, { sh: intType(0, holders), ex: boolType });
  const hostPriority = (name: string) => m.record(name, { sh: intType(0, vcpus + 1), ex: boolType, hp: boolType });
  const tdEpoch = m.variable("ep", intType(0, 1));
  const vepoch = m.array("vep", intType(0, 2), vcpu);
  return {
    m,
    page,
    vcpu,
    zapper,
    threshold,
    tdr: hostPriority("tdr"),
    tdcs: hostPriority("tdcs"),
    epoch: plain("epoch", vcpus),
    sept: plain("sept", vcpus + 1),
    mmu: m.record("mmu", { rd: intType(0, vcpus), wr: boolType }),
    tdvpr: m.recordArray("tdvpr", { ex: boolType, hp: boolType }, vcpu),
    tdEpoch,
    vepoch,
    entry: m.recordArray("entry", { locked: boolType, hp: boolType, state: Page.$type }, page),
    /** No vCPU runs since an earlier epoch. */
    noOld: forall(vcpu, (j) => or(eq(vepoch.at(j), 0), eq(vepoch.at(j), add(1, tdEpoch)))),
  };
}
type World = ReturnType<typeof declare>;

/** Writes one process's steps with their metadata. */
class Steps {
  readonly #process: ProcessBuilder;
  #leaf = "";

  constructor(process: ProcessBuilder) {
    this.#process = process;
  }

  /** The leaf that the following steps belong to. */
  leaf(leaf: string): void {
    this.#leaf = leaf;
  }

  acquire(resource: string, mode: string, object?: StepMeta["object"]): StepMeta {
    return { leaf: this.#leaf, action: "acquire", resource, mode, result: "ok", ...(object && { object }) };
  }

  busy(resource: string, mode: string, object?: StepMeta["object"]): StepMeta {
    return { ...this.acquire(resource, mode, object), result: BUSY };
  }

  releasing(resource: string): StepMeta {
    return { leaf: this.#leaf, action: "release", resource };
  }

  /** Shared, host side: a failed try leaves the host-priority bit set. */
  hpShared(at: string, lock: World["tdr"], resource: string, ok: string, busy: string): void {
    const p = this.#process;
    p.step(at, {
      when: not(lock.ex),
      do: [inc(lock.sh), set(lock.hp, false)],
      next: ok,
      meta: this.acquire(resource, "SHARED"),
    });
    p.step(at, { when: lock.ex, do: [set(lock.hp, true)], next: busy, meta: this.busy(resource, "SHARED") });
  }

  shared(at: string, lock: World["sept"], resource: string, ok: string, busy: string): void {
    this.#process.step(at, {
      when: not(lock.ex),
      do: [inc(lock.sh)],
      next: ok,
      meta: this.acquire(resource, "SHARED"),
    });
    this.#process.step(at, { when: lock.ex, next: busy, meta: this.busy(resource, "SHARED") });
  }

  exclusive(at: string, lock: World["sept"], resource: string, ok: string, busy: string): void {
    const free = and(not(lock.ex), eq(lock.sh, 0));
    this.#process.step(at, {
      when: free,
      do: [set(lock.ex, true)],
      next: ok,
      meta: this.acquire(resource, "EXCLUSIVE"),
    });
    this.#process.step(at, { when: not(free), next: busy, meta: this.busy(resource, "EXCLUSIVE") });
  }

  /** The lock of a SEPT entry, host side. */
  entry(at: string, entry: ReturnType<World["entry"]["at"]>, k: IntRef, ok: string, busy: string): void {
    const p = this.#process;
    p.step(at, {
      when: not(entry.locked),
      do: [set(entry.locked, true), set(entry.hp, false)],
      next: ok,
      meta: this.acquire("SEPT_ENTRY", "EXCLUSIVE", k),
    });
    p.step(at, {
      when: entry.locked,
      do: [set(entry.hp, true)],
      next: busy,
      meta: this.busy("SEPT_ENTRY", "EXCLUSIVE", k),
    });
  }

  drop(at: string, counter: IntRef, resource: string, next: string): void {
    this.#process.step(at, { do: [dec(counter)], next, meta: this.releasing(resource) });
  }

  /** Leave a call: on to `done` when it succeeded, else again. */
  finish(at: string, ok: ReturnType<typeof oneOf> & { op: "var" }, counter: IntRef, done: string, again: string): void {
    const p = this.#process;
    p.step(at, { when: ok, do: [dec(counter), set(ok, false)], next: done, meta: this.releasing("TDR") });
    p.step(at, { when: not(ok), do: [dec(counter)], next: again, meta: this.releasing("TDR") });
  }
}

/** TDH.VP.ENTER up to TD entry, and its way out when busy. */
function enter(w: World, s: Steps, zeroSteps: IntRef): void {
  const p = w.vcpu;
  const own = w.tdvpr.at(p.self);
  s.leaf("tdh_vp_enter");
  p.step("E0", {
    when: not(own.ex),
    do: [set(own.ex, true), set(own.hp, false)],
    next: "E1",
    meta: s.acquire("TDVPR", "EXCLUSIVE", p.self),
  });
  s.hpShared("E1", w.tdr, "TDR", "E2", "B0");
  s.hpShared("E2", w.tdcs, "TDCS", "E3", "B1");
  const epoch = s.acquire("TDCS_EPOCH", "SHARED");
  p.step("E3", {
    when: and(not(w.epoch.ex), ge(zeroSteps, w.threshold)),
    do: [inc(w.epoch.sh)],
    next: "E4",
    meta: epoch,
  });
  p.step("E3", {
    when: and(not(w.epoch.ex), lt(zeroSteps, w.threshold)),
    do: [inc(w.epoch.sh)],
    next: "E6",
    meta: epoch,
  });
  p.step("E3", { when: w.epoch.ex, next: "B2", meta: s.busy("TDCS_EPOCH", "SHARED") });
  s.exclusive("E4", w.sept, "SEPT_TREE", "E5", "B4");
  p.step("E5", {
    do: [assertThat("alone in the SEPT tree", eq(w.sept.sh, 0)), set(w.sept.ex, false)],
    next: "E6",
    meta: s.releasing("SEPT_TREE"),
  });
  p.step("E6", {
    do: [set(w.vepoch.at(p.self), add(1, w.tdEpoch)), dec(w.epoch.sh)],
    next: "E7",
    meta: s.releasing("TDCS_EPOCH"),
  });
  s.drop("E7", w.tdcs.sh, "TDCS", "G");
  s.drop("B4", w.epoch.sh, "TDCS_EPOCH", "B2");
  s.drop("B2", w.tdcs.sh, "TDCS", "B1");
  s.drop("B1", w.tdr.sh, "TDR", "B0");
  p.step("B0", { do: [set(own.ex, false)], next: "E0", meta: s.releasing("TDVPR") });
}

/** What the guest does while it runs: accept a page, or fault on one with the same or a new instruction pointer. */
function guest(w: World, s: Steps, k: IntRef, zeroSteps: IntRef): void {
  const p = w.vcpu;
  s.leaf("tdg_mem_page_accept");
  p.choose("G", { x: w.page }, ({ x }) => ({
    when: and(not(w.entry.at(x).locked), not(w.entry.at(x).hp)),
    do: [set(w.entry.at(x).locked, true), set(k, x)],
    next: "A1",
    meta: s.acquire("SEPT_ENTRY", "EXCLUSIVE", x),
  }));
  const fault = { leaf: "tdh_vp_enter", action: "td-exit" };
  const saturate = set(zeroSteps, ite(lt(zeroSteps, w.threshold), add(zeroSteps, 1), zeroSteps));
  p.choose("G", { x: w.page }, ({ x }) => ({
    do: [set(k, x), saturate],
    next: "X1",
    meta: { ...fault, note: "same RIP" },
  }));
  p.choose("G", { x: w.page }, ({ x }) => ({
    do: [set(k, x), set(zeroSteps, 0)],
    next: "X1",
    meta: { ...fault, note: "new RIP" },
  }));
  const page = w.entry.at(k);
  p.step("A1", {
    do: [set(page.locked, false), when(eq(page.state, Page.pend), [set(page.state, Page.acc)]), set(k, 0)],
    next: "G",
    meta: s.releasing("SEPT_ENTRY"),
  });
}

/** TD exit and the host's fault path, which maps the page. */
function fault(w: World, s: Steps, k: IntRef): void {
  const p = w.vcpu;
  s.leaf("tdh_vp_enter");
  p.step("X1", { do: [set(w.vepoch.at(p.self), 0), dec(w.tdr.sh)], next: "X2", meta: s.releasing("TDR") });
  p.step("X2", { do: [set(w.tdvpr.at(p.self).ex, false)], next: "H0", meta: s.releasing("TDVPR") });
  s.leaf("tdh_mem_page_aug");
  p.step("H0", { when: not(w.mmu.wr), do: [inc(w.mmu.rd)], next: "H1", meta: s.acquire("mmu_lock", "SHARED") });
  s.hpShared("H1", w.tdr, "TDR", "H2", "H10");
  s.hpShared("H2", w.tdcs, "TDCS", "H3", "H9");
  s.shared("H3", w.sept, "SEPT_TREE", "H4", "H8");
  const page = w.entry.at(k);
  s.entry("H4", page, k, "H5", "H7");
  p.step("H5", {
    do: [
      assertThat("the SEPT tree is held shared", and(gt(w.sept.sh, 0), not(w.sept.ex))),
      when(oneOf(page.state, [Page.free, Page.rem]), [set(page.state, Page.pend)]),
      set(page.locked, false),
    ],
    next: "H7",
    meta: s.releasing("SEPT_ENTRY"),
  });
  s.drop("H7", w.sept.sh, "SEPT_TREE", "H8");
  s.drop("H8", w.tdcs.sh, "TDCS", "H9");
  s.drop("H9", w.tdr.sh, "TDR", "H10");
  p.step("H10", { do: [dec(w.mmu.rd), set(k, 0)], next: "E0", meta: s.releasing("mmu_lock") });
}

/** TDH.MEM.RANGE.BLOCK, retried until it is done. */
function block(w: World, s: Steps, k: IntRef, ok: Parameters<Steps["finish"]>[1]): void {
  const p = w.zapper;
  const page = w.entry.at(k);
  const mapped = oneOf(page.state, [Page.pend, Page.acc]);
  s.leaf("tdh_mem_range_block");
  p.choose("Z0", { x: w.page }, ({ x }) => ({
    when: and(not(w.mmu.wr), eq(w.mmu.rd, 0), oneOf(w.entry.at(x).state, [Page.pend, Page.acc])),
    do: [set(w.mmu.wr, true), set(k, x)],
    next: "Z1",
    meta: s.acquire("mmu_lock", "EXCLUSIVE"),
  }));
  s.hpShared("Z1", w.tdr, "TDR", "Z2", "Z1");
  s.hpShared("Z2", w.tdcs, "TDCS", "Z3", "Z8");
  s.exclusive("Z3", w.sept, "SEPT_TREE", "Z4", "Z7");
  s.entry("Z4", page, k, "Z5", "Z6");
  p.step("Z5", {
    do: [
      assertThat("a mapped page is blocked", and(mapped, eq(w.sept.sh, 0))),
      set(page.state, Page.blk),
      set(page.locked, false),
      set(ok, true),
    ],
    next: "Z6",
    meta: s.releasing("SEPT_ENTRY"),
  });
  p.step("Z6", { do: [set(w.sept.ex, false)], next: "Z7", meta: s.releasing("SEPT_TREE") });
  s.drop("Z7", w.tdcs.sh, "TDCS", "Z8");
  s.finish("Z8", ok, w.tdr.sh, "T1", "Z1");
}

/** TDH.MEM.TRACK, retried until no vCPU runs since an earlier epoch. */
function track(w: World, s: Steps, ok: Parameters<Steps["finish"]>[1]): void {
  const p = w.zapper;
  s.leaf("tdh_mem_track");
  s.hpShared("T1", w.tdr, "TDR", "T2", "T1");
  s.hpShared("T2", w.tdcs, "TDCS", "T3", "T6");
  s.exclusive("T3", w.epoch, "TDCS_EPOCH", "T4", "T5");
  p.step("T4", {
    do: [set(w.epoch.ex, false), when(w.noOld, [set(w.tdEpoch, sub(1, w.tdEpoch)), set(ok, true)])],
    next: "T5",
    meta: s.releasing("TDCS_EPOCH"),
  });
  s.drop("T5", w.tdcs.sh, "TDCS", "T6");
  s.finish("T6", ok, w.tdr.sh, "R1", "T1");
}

/** TDH.MEM.PAGE.REMOVE, retried until it is done. */
function remove(w: World, s: Steps, k: IntRef, ok: Parameters<Steps["finish"]>[1]): void {
  const p = w.zapper;
  const page = w.entry.at(k);
  s.leaf("tdh_mem_page_remove");
  s.hpShared("R1", w.tdr, "TDR", "R2", "R1");
  s.hpShared("R2", w.tdcs, "TDCS", "R3", "R8");
  s.shared("R3", w.sept, "SEPT_TREE", "R4", "R7");
  s.entry("R4", page, k, "R5", "R6");
  p.step("R5", {
    do: [
      assertThat("a blocked page is removed", and(eq(page.state, Page.blk), gt(w.sept.sh, 0))),
      set(page.locked, false),
      when(w.noOld, [set(page.state, Page.rem), set(ok, true)]),
    ],
    next: "R6",
    meta: s.releasing("SEPT_ENTRY"),
  });
  s.drop("R6", w.sept.sh, "SEPT_TREE", "R7");
  s.drop("R7", w.tdcs.sh, "TDCS", "R8");
  s.finish("R8", ok, w.tdr.sh, "ZU", "R1");
  p.step("ZU", { do: [set(w.mmu.wr, false), set(k, 0)], next: "Z0", meta: s.releasing("mmu_lock") });
}

/** Build M(v, p, t). */
export function enterAndZap(size: EnterAndZap): Model {
  const w = declare(size);
  const k = w.vcpu.variable("k", indexType(w.page));
  const zeroSteps = w.vcpu.variable("zs", intType(0, size.threshold));
  const steps = new Steps(w.vcpu);
  enter(w, steps, zeroSteps);
  guest(w, steps, k, zeroSteps);
  fault(w, steps, k);
  const zapped = w.zapper.variable("zk", indexType(w.page));
  const ok = w.zapper.variable("ok", boolType);
  const zap = new Steps(w.zapper);
  block(w, zap, zapped, ok);
  track(w, zap, ok);
  remove(w, zap, zapped, ok);
  return w.m.build();
}
