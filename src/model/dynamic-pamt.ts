/**
 * Dynamic PAMT: hosts that give 2 MB ranges their pair of PAMT pages and take it back, beside calls on 4 KB pages there.
 *
 * All of them meet on the 2 MB PAMT entry. A call on a 4 KB page holds it SHARED; TDH.PHYMEM.PAMT.ADD and REMOVE take it SHARED and make
 * it EXCLUSIVE then (`pamt_walk`, common/memory_handlers/pamt_manager.c:360 to 452 in 1.5.25), which only the one holder can. Which locks,
 * in which order, with which status: the catalog. Lines are those of 1.5.25 below `src/vmm_dispatcher/api_calls`.
 */
import { type Acquisition, type CallEnd, type Catalog, type Leaf, spelledName } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import {
  type ArrayRef,
  type BoolExpr,
  BUSY,
  boolType,
  type Effect,
  eq,
  exists,
  type Fairness,
  type IntExpr,
  type IntLike,
  type IntRef,
  inc,
  intType,
  lt,
  type Model,
  type ModelBuilder,
  mod,
  model,
  not,
  or,
  type ProcessBuilder,
  set,
  strongFair,
  sub,
} from "../language/index.ts";
import { CallLock } from "./call-locks.ts";
import { type Held, LockSteps } from "./lock-steps.ts";
import type { PamtScenario } from "./scenario.ts";
import { leafOf, locking, statusCode } from "./world.ts";

const ENTRY = "PAMT_2M";

/** Builds the model. */
class DynamicPamt {
  readonly #m: ModelBuilder;
  readonly #catalog: Catalog;
  readonly #scenario: PamtScenario;
  readonly #entry: CallLock;
  /** By range: does it have its pair of PAMT pages? */
  readonly #paired;
  /** The host's own lock around a call and its tries, by range or one for all; null: it has none. */
  readonly #hostLock: ArrayRef<typeof boolType> | null;
  readonly #fair: Fairness[] = [];
  readonly #failed: BoolExpr[] = [];
  readonly #calling: BoolExpr[] = [];
  readonly #through: BoolExpr[] = [];
  readonly #waits: { readonly name: string; readonly from: BoolExpr; readonly to: BoolExpr }[] = [];

  constructor(catalog: Catalog, scenario: PamtScenario) {
    this.#catalog = catalog;
    this.#scenario = scenario;
    this.#m = model(scenario.name, scenario.description);
    const { adders, removers, users } = scenario;
    const ranges = scenario.pagesFrom === "each other" ? 2 : 1;
    const holders = 2 * (adders + removers + users);
    const spec = { resource: ENTRY, kind: "sharex_hp", over: ranges, holders, hostPriority: false } as const;
    this.#entry = new CallLock(this.#m, spec);
    this.#paired = this.#m.array("paired", boolType, ranges);
    const { hostLock } = scenario;
    this.#hostLock =
      hostLock === "none" ? null : this.#m.array("hostLock", boolType, hostLock === "range" ? ranges : 1);
  }

  build(): Model {
    const { adders, removers, users } = this.#scenario;
    if (adders > 0) this.#adders(this.#m.process("adder", adders));
    if (removers > 0) this.#removers(this.#m.process("remover", removers));
    if (users > 0) this.#users(this.#m.process("user", users));
    for (const { name, from, to } of this.#waits) this.#m.leadsTo(name, from, to, this.#fair);
    this.#m.leadsTo("some call gets through", or(...this.#calling), or(...this.#through), this.#fair);
    if (this.#failed.length > 0) this.#m.always("no call is given up", not(or(...this.#failed)));
    this.#m.sometimes(
      "a range has its pair of PAMT pages",
      exists(this.#paired.size, (r) => this.#paired.at(r)),
    );
    return this.#m.build();
  }

  /** tdh_phymem_pamt_add.c:129 (the range is not free), 136 and 153 (the new pages' own entries), 193 (the pair is there). */
  #adders(p: ProcessBuilder): void {
    const leaf = leafOf(this.#catalog, "tdh_phymem_pamt_add");
    const crossed = this.#paired.size > 1;
    const range: IntLike = crossed ? mod(p.self, 2) : 0;
    const other = crossed ? sub(1, mod(p.self, 2)) : null;
    this.#caller(p, leaf, {
      range,
      second: other,
      refused: { when: this.#paired.at(range), status: "TDX_HPA_RANGE_NOT_FREE", note: "the range has its pair" },
      effect: set(this.#paired.at(range), true),
      note: "the range gets its pair of PAMT pages",
    });
  }

  /** tdh_phymem_pamt_remove.c:91 (no pair), 135 (the pair is gone). That pages of the range are in use is left out: it is no BUSY. */
  #removers(p: ProcessBuilder): void {
    const range: IntLike = this.#paired.size > 1 ? mod(p.self, 2) : 0;
    this.#caller(p, leafOf(this.#catalog, "tdh_phymem_pamt_remove"), {
      range,
      second: null,
      refused: { when: not(this.#paired.at(range)), status: "TDX_NO_PAMT_PAGE_PAIR", note: "the range has no pair" },
      effect: set(this.#paired.at(range), false),
      note: "the range gives its pair back",
    });
  }

  /** A call on a 4 KB page of the range that holds the entry SHARED while it lasts, whether the range has its pair or not. */
  #users(p: ProcessBuilder): void {
    const leaf = leafOf(this.#catalog, "tdh_phymem_page_rdmd");
    const lock = { row: rowOf(leaf, "SHARED"), object: 0 };
    const steps = this.#lockSteps(p);
    steps.attempt("idle", leaf, lock, { granted: "inside", busy: "idle" });
    steps.giveBack("inside", leaf, lock, { next: "idle" });
    p.idle("idle");
    this.#fair.push(...fairness(p));
  }

  #lockSteps(p: ProcessBuilder): LockSteps {
    return new LockSteps(p, {
      attempt: ({ mode, side }, object) => this.#entry.attempt(mode, side, object),
      release: ({ mode }, object) => this.#entry.release(mode, object),
      indexed: () => true,
      leavesOut: (row) => row.resource !== ENTRY,
    });
  }

  #caller(p: ProcessBuilder, leaf: Leaf, call: Call): void {
    const row = rowOf(leaf, "EXCLUSIVE");
    const steps = this.#lockSteps(p);
    const shared: Held = { row: { ...row, mode: "SHARED" }, object: call.range };
    const own: Held = { row, object: call.range };
    const lock = this.#hostLock?.at(this.#scenario.hostLock === "range" ? call.range : 0) ?? null;
    const leaves = (held: readonly Held[], to: string, as: string, end: CallEnd) =>
      steps.leave(
        leaf,
        held,
        end,
        to,
        (some, way) => `${as}, leave ${some.map(({ row: { mode } }) => mode).join("+")}${way}`,
      );
    const tries = p.variable("tries", intType(0, this.#scenario.retries ?? 0));
    const begins = { next: "call", meta: { action: "call", leaf: leaf.name } };
    p.step("idle", lock === null ? begins : { ...begins, when: not(lock), do: [set(lock, true)] });
    steps.attempt("call", leaf, shared, { granted: "promote", busy: "busy" });
    this.#promote(p, leaf, steps, own, {
      granted: "check",
      busy: leaves([shared], "busy", "busy", { end: "busy", refused: row }),
    });
    p.step("check", {
      when: call.refused.when,
      next: leaves([own], "done", "refused", { end: "other" }),
      meta: { leaf: leaf.name, action: "effect", note: call.refused.note, ...this.#status(call.refused.status) },
    });
    const enough = call.second === null ? "body" : "second";
    p.step("check", {
      when: not(call.refused.when),
      next: enough,
      meta: { leaf: leaf.name, action: "effect", note: "checked" },
    });
    const pages = call.second === null ? [] : [{ row: rowOf(leaf, "SHARED"), object: call.second }];
    for (const lock of pages)
      steps.attempt("second", leaf, lock, {
        granted: "body",
        busy: leaves([own], "busy", "busy", { end: "busy", refused: lock.row }),
      });
    p.step("body", {
      do: [call.effect],
      next: leaves([own, ...pages], "done", "ok", { end: "success" }),
      meta: { leaf: leaf.name, action: "effect", note: call.note },
    });
    this.#returns(p, leaf, tries, lock === null ? [] : [set(lock, false)]);
  }

  /** `promote_sharex_lock_hp`: the one reader becomes the writer. */
  #promote(p: ProcessBuilder, leaf: Leaf, steps: LockSteps, own: Held, to: { granted: string; busy: string }): void {
    const { granted, take } = this.#entry.promote(own.object);
    const status = own.row.busyStatus === null ? {} : { status: own.row.busyStatus };
    const meta = (result: string) => steps.meta(leaf, "acquire", own, { result, note: "made EXCLUSIVE" });
    p.step("promote", { when: granted, do: take, next: to.granted, meta: meta("ok") });
    p.step("promote", { when: not(granted), next: to.busy, meta: { ...meta(BUSY), ...status } });
  }

  /** BUSY is tried again, for ever or so often; the host's lock is kept while it is. */
  #returns(p: ProcessBuilder, leaf: Leaf, tries: IntRef, give: readonly Effect[]): void {
    const { retries } = this.#scenario;
    const again = { leaf: leaf.name, action: "retry", note: "try again", counters: { retries: 1 } };
    if (retries === undefined) p.step("busy", { next: "call", meta: again });
    else {
      if (retries > 0) p.step("busy", { when: lt(tries, retries), do: [inc(tries)], next: "call", meta: again });
      p.step("busy", {
        when: eq(tries, retries),
        do: [set(tries, 0), ...give],
        next: "given up",
        meta: { leaf: leaf.name, action: "return", note: "the host gives up" },
      });
      p.idle("given up");
      this.#failed.push(exists(p, (i) => p.at(i, "given up")));
    }
    p.step("done", { do: [set(tries, 0), ...give], next: "idle", meta: { leaf: leaf.name, action: "return" } });
    p.idle("idle");
    this.#fair.push(...fairness(p));
    const name = spelledName(leaf.name);
    const ends = retries === undefined ? ["done"] : ["done", "given up"];
    this.#calling.push(exists(p, (i) => p.at(i, "call")));
    this.#through.push(exists(p, (i) => p.at(i, ...ends)));
    this.#waits.push({ name: `${name} is not refused for ever`, from: p.at(0, "call"), to: p.at(0, ...ends) });
  }

  #status(name: string): { status?: string } {
    const status = statusCode(this.#catalog, name, "RCX");
    return status === undefined ? {} : { status };
  }
}

/** What a call does on its range. */
interface Call {
  readonly range: IntLike;
  /** The range in which the new PAMT pages lie, where that is another one in play. */
  readonly second: IntExpr | null;
  readonly refused: { readonly when: BoolExpr; readonly status: string; readonly note: string };
  readonly effect: Effect;
  readonly note: string;
}

/** The leaf's row on a 2 MB entry. */
function rowOf(leaf: Leaf, mode: Acquisition["mode"]): Acquisition {
  const row = locking(leaf).find((one) => one.resource === ENTRY && one.mode === mode);
  if (row !== undefined) return row;
  throw new SeamlockError("SL4211", `the module's catalog does not list ${ENTRY} ${mode} for ${leaf.name}`, {
    hint: "Use a module with dynamic PAMT, from 1.5.20 on",
  });
}

const fairness = (p: ProcessBuilder): Fairness[] =>
  Array.from({ length: p.size }, (_, instance) => strongFair(p, { instance }));

/**
 * Build the model of hosts that add and remove PAMT pages.
 *
 * @throws SeamlockError SL2102, SL4211 when the module has no dynamic PAMT
 */
export const dynamicPamt = (catalog: Catalog, scenario: PamtScenario): Model =>
  new DynamicPamt(catalog, scenario).build();
