/** The scenario of a TD's life: a host that lives it from TDH.MNG.CREATE to the reclaim of the TDR, and callers that make any call at any time. */
import type { Catalog } from "../catalog/index.ts";
import {
  add,
  and,
  type Effect,
  eq,
  exists,
  forall,
  type IntLike,
  implies,
  indexType,
  ite,
  lt,
  type Model,
  type ModelBuilder,
  model,
  ne,
  not,
  or,
  type ProcessBuilder,
  set,
} from "../language/index.ts";
import { type LifeCall, LifeCaller, LifeStatus } from "./lifecycle-call.ts";
import { LifeLeaves } from "./lifecycle-leaves.ts";
import { lifeLeaves } from "./lifecycle-parts.ts";
import { Kot, LifeCycle, type LifeSize, LifeState, OpState, PageType } from "./lifecycle-state.ts";

/** Everything that a scenario of a TD's life states. */
export interface LifeSpec extends LifeSize {
  readonly name: string;
  readonly description: string;
  /** Does a host live the life, call by call in order? */
  readonly life: boolean;
  /** Threads that make any call at any time. */
  readonly callers: number;
}

/** A call by name, as a caller sees it. */
interface Named {
  readonly name: string;
  readonly call: LifeCall;
  /** The page that the call adds, decided when it is made. */
  readonly page?: IntLike;
  /** Set for TDH.VP.ENTER: the vCPU that runs afterwards. */
  readonly enters?: number;
}

const FAILED = "failed";
const DONE = "done";

/** Builds one process that calls. */
class LifeProcess {
  readonly #p: ProcessBuilder;
  readonly #state: LifeState;
  readonly #leaves: LifeLeaves;
  readonly #caller: LifeCaller;
  readonly #lp: IntLike;
  readonly #page;

  constructor(m: ModelBuilder, p: ProcessBuilder, state: LifeState, leaves: LifeLeaves, lp: IntLike) {
    this.#p = p;
    this.#state = state;
    this.#leaves = leaves;
    this.#lp = lp;
    m.scalarSet(`${p.name} page`, state.at.count);
    this.#page = p.variable("page", indexType({ name: `${p.name} page` }));
    this.#caller = new LifeCaller(p, state);
  }

  /** The next page of a kind, or the first when there is none left. */
  #next(first: number, used: IntLike, max: number): IntLike {
    return ite(lt(used, max), add(first, used), first);
  }

  #addcx(): Named {
    const { at, tdcx, size } = this.#state;
    return {
      name: "addcx",
      call: this.#leaves.td.addcx(this.#page),
      page: this.#next(at.tdcx, tdcx, size.tdcs.max),
    };
  }

  #vpAddcx(vcpu: number): Named {
    const { at, tdvx, size } = this.#state;
    const page = this.#next(at.tdvpr(vcpu), tdvx.at(vcpu), size.tdvps.max);
    return { name: `vp-addcx ${vcpu}`, call: this.#leaves.vcpu.vpAddcx(vcpu, this.#page), page };
  }

  /** The life in order, with one page added, one faulted in, accepted and removed again. */
  #life(): (Named | { readonly guest: number; readonly accept?: number })[] {
    const { size, at } = this.#state;
    const leaves = this.#leaves;
    const one = (name: string, call: LifeCall): Named => ({ name, call });
    const vcpus = numbers(size.vcpus);
    const pages = numbers(size.pages);
    const packages = numbers(size.packages);
    const late = size.pages - 1;
    const enter = (v: number): Named => ({ name: `enter ${v}`, call: leaves.vcpu.enter(v, this.#lp), enters: v });
    const owned = [
      ...numbers(size.tdcs.min).map((n) => at.tdcx + n),
      ...vcpus.flatMap((v) => numbers(size.tdvps.min).map((n) => at.tdvpr(v) + n)),
      at.sept,
      ...pages.filter((page) => page !== late).map((page) => at.data(page)),
    ];
    return [
      one("create", leaves.td.create(0)),
      ...packages.map((n) => one(`key-config ${n}`, leaves.td.keyConfig(0, n))),
      ...numbers(size.tdcs.min).map(() => this.#addcx()),
      one("init", leaves.td.init()),
      one("mng-rd", leaves.td.mngAccess(false)),
      one("mng-wr", leaves.td.mngAccess(true)),
      ...vcpus.flatMap((v) => [
        one(`vp-create ${v}`, leaves.vcpu.vpCreate(v)),
        ...numbers(size.tdvps.min - 1).map(() => this.#vpAddcx(v)),
        one(`vp-init ${v}`, leaves.vcpu.vpInit(v, this.#lp)),
        one(`vp-wr ${v}`, leaves.vcpu.vpAccess(v, true, this.#lp)),
        one(`vp-rd ${v}`, leaves.vcpu.vpAccess(v, false, this.#lp)),
      ]),
      one("sept-add", leaves.memory.septAdd()),
      ...pages
        .filter((page) => page !== late)
        .flatMap((page) => [
          one(`page-add ${page}`, leaves.memory.pageAdd(page)),
          one(`extend ${page}`, leaves.memory.extend(page)),
        ]),
      one("finalize", leaves.td.finalize()),
      ...vcpus.flatMap((v) => [enter(v), { guest: v }]),
      one(`aug ${late}`, leaves.memory.aug(late)),
      enter(0),
      { guest: 0, accept: late },
      one(`block ${late}`, leaves.memory.block(late)),
      one("track", leaves.memory.track()),
      one(`unblock ${late}`, leaves.memory.unblock(late)),
      one(`block ${late}`, leaves.memory.block(late)),
      one("track", leaves.memory.track()),
      one(`remove ${late}`, leaves.memory.remove(late)),
      one(`wbinvd of page ${late}`, leaves.td.wbinvd(at.data(late))),
      ...vcpus.map((v) => one(`flush ${v}`, leaves.vcpu.flush(v, this.#lp))),
      one("vpflushdone", leaves.td.vpflushdone(0)),
      ...packages.map((n) => one(`cache-wb ${n}`, leaves.td.cacheWb(n))),
      one("freeid", leaves.td.freeid(0)),
      ...owned.map((page) => one(`reclaim ${page}`, leaves.td.reclaim(page))),
      one("reclaim tdr", leaves.td.reclaimTdr(0)),
    ];
  }

  /** Every call, also those that are illegal at the time. */
  #any(): Named[] {
    const { size, at } = this.#state;
    const leaves = this.#leaves;
    const one = (name: string, call: LifeCall): Named => ({ name, call });
    const packages = numbers(size.packages);
    const tds = numbers(size.tds).flatMap((td) => {
      const suffix = td === 0 ? "" : ` of TD ${td}`;
      return [
        one(`create${suffix}`, leaves.td.create(td)),
        ...packages.map((n) => one(`key-config ${n}${suffix}`, leaves.td.keyConfig(td, n))),
        one(`vpflushdone${suffix}`, leaves.td.vpflushdone(td)),
        one(`freeid${suffix}`, leaves.td.freeid(td)),
        one(`reclaim tdr${suffix}`, leaves.td.reclaimTdr(td)),
      ];
    });
    const vcpus = numbers(size.vcpus).flatMap((v) => [
      one(`vp-create ${v}`, leaves.vcpu.vpCreate(v)),
      this.#vpAddcx(v),
      one(`vp-init ${v}`, leaves.vcpu.vpInit(v, this.#lp)),
      ...(leaves.hasVersion1("tdh_vp_init")
        ? [one(`vp-init ${v}, version 1`, leaves.vcpu.vpInit(v, this.#lp, 1))]
        : []),
      one(`vp-rd ${v}`, leaves.vcpu.vpAccess(v, false, this.#lp)),
      one(`vp-wr ${v}`, leaves.vcpu.vpAccess(v, true, this.#lp)),
      { name: `enter ${v}`, call: leaves.vcpu.enter(v, this.#lp), enters: v },
      one(`flush ${v}`, leaves.vcpu.flush(v, this.#lp)),
    ]);
    const pages = numbers(size.pages).flatMap((page) => [
      one(`page-add ${page}`, leaves.memory.pageAdd(page)),
      one(`page-add ${page} in use`, leaves.memory.pageAdd(page, at.tdcx)),
      one(`extend ${page}`, leaves.memory.extend(page)),
      one(`aug ${page}`, leaves.memory.aug(page)),
      one(`block ${page}`, leaves.memory.block(page)),
      one(`unblock ${page}`, leaves.memory.unblock(page)),
      one(`remove ${page}`, leaves.memory.remove(page)),
      one(`wbinvd of page ${page}`, leaves.td.wbinvd(at.data(page))),
    ]);
    const range = this.#state.parent;
    return [
      ...tds,
      this.#addcx(),
      { name: "addcx in use", call: leaves.td.addcx(at.tdcx) },
      one("init", leaves.td.init()),
      one("mng-rd", leaves.td.mngAccess(false)),
      one("mng-wr", leaves.td.mngAccess(true)),
      ...vcpus,
      one("sept-add", leaves.memory.septAdd()),
      ...(leaves.hasVersion1("tdh_mem_sept_add")
        ? [
            one("sept-add, version 1", leaves.memory.septAdd({ version: 1 })),
            one("sept-add, version 1, no page", leaves.memory.septAdd({ version: 1, page: false })),
          ]
        : []),
      one("block range", leaves.memory.block(range)),
      one("unblock range", leaves.memory.unblock(range)),
      one("sept-remove", leaves.memory.septRemove()),
      ...pages,
      one("finalize", leaves.td.finalize()),
      one("track", leaves.memory.track()),
      ...packages.map((n) => one(`cache-wb ${n}`, leaves.td.cacheWb(n))),
      ...numbers(at.count)
        .slice(size.tds)
        .map((page) => one(`reclaim ${page}`, leaves.td.reclaim(page))),
    ];
  }

  /** Live the life: a call that is busy is made again, any other failure ends it. */
  live(): void {
    const life = this.#life();
    const place = (i: number): string => (i < life.length ? `life ${i + 1}` : DONE);
    life.forEach((item, i) => {
      const here = place(i);
      if ("guest" in item) {
        this.#visit(item.guest, item.accept, here, place(i + 1));
        return;
      }
      const back = `${here} returned`;
      this.#begin(here, item, `${here} ${item.name}`);
      this.#caller.call(`${here} ${item.name}`, item.call, back, item.enters === undefined ? back : place(i + 1));
      const returned = (when: Parameters<typeof and>[0], next: string, note: string): void => {
        this.#p.step(back, {
          when,
          do: this.#forget(),
          next,
          meta: { leaf: item.call.leaf.name, action: "return", note },
        });
      };
      const { status } = this.#caller;
      const { TDX_SUCCESS, TDX_OPERAND_BUSY } = LifeStatus;
      if (item.enters === undefined) returned(eq(status, TDX_SUCCESS), place(i + 1), `${item.name}: done`);
      returned(eq(status, TDX_OPERAND_BUSY), here, `${item.name}: busy, again`);
      returned(and(ne(status, TDX_SUCCESS), ne(status, TDX_OPERAND_BUSY)), FAILED, `${item.name}: refused`);
    });
    this.#p.start(place(0));
    this.#p.idle(DONE, FAILED);
  }

  /** A stay in the guest: maybe accept a page, then exit. */
  #visit(vcpu: number, accept: number | undefined, here: string, next: string): void {
    const exit = `${here} exit`;
    if (accept === undefined) {
      this.#p.step(here, { do: this.#forget(), next: exit, meta: { action: "effect", note: "the guest runs" } });
    } else {
      const call = `${here} accept`;
      this.#p.step(here, { do: this.#forget(), next: call, meta: { action: "effect", note: "the guest runs" } });
      this.#caller.call(call, this.#leaves.memory.accept(accept, exit), exit);
    }
    this.#exit(vcpu, exit, next);
  }

  #exit(vcpu: number, label: string, next: string): void {
    this.#caller.exit(label, this.#leaves.vcpu.enter(vcpu, this.#lp), this.#state.epochs.leave(vcpu), next);
  }

  #forget(): Effect[] {
    return [set(this.#caller.status, LifeStatus.NONE), set(this.#page, 0)];
  }

  #begin(from: string, { name, call, page }: Named, next: string): void {
    this.#p.step(from, {
      do: page === undefined ? [] : [set(this.#page, page)],
      next,
      meta: { leaf: call.leaf.name, action: "call", note: name },
    });
  }

  /** Make any call at any time. */
  roam(): void {
    const back = (label: string, to: string): void => {
      this.#p.step(label, { do: this.#forget(), next: to, meta: { action: "return", note: "returned" } });
    };
    for (const named of this.#any()) {
      this.#begin("idle", named, named.name);
      const { enters } = named;
      this.#caller.call(named.name, named.call, "returned", enters === undefined ? "returned" : `entered ${enters}`);
    }
    for (const vcpu of numbers(this.#state.size.vcpus)) this.#guest(vcpu, back);
    back("returned", "idle");
    this.#p.start("idle");
    this.#p.idle("idle");
  }

  #guest(vcpu: number, back: (label: string, to: string) => void): void {
    const inside = `guest ${vcpu}`;
    const exit = `exit ${vcpu}`;
    const above = `read attributes, above, on ${vcpu}`;
    back(`entered ${vcpu}`, inside);
    for (const page of numbers(this.#state.size.pages)) {
      const { memory } = this.#leaves;
      const calls = [
        { name: `accept ${page}`, call: memory.accept(page, exit) },
        { name: `read attributes of ${page}`, call: memory.readAttributes(page, exit, above) },
        { name: `write attributes of ${page}`, call: memory.writeAttributes(page, exit) },
      ];
      for (const named of calls) {
        this.#begin(inside, named, `${named.name} on ${vcpu}`);
        this.#caller.call(`${named.name} on ${vcpu}`, named.call, `back in ${vcpu}`);
      }
    }
    this.#caller.call(above, this.#leaves.memory.attributesAbove(exit), `back in ${vcpu}`);
    back(`back in ${vcpu}`, inside);
    this.#p.step(inside, { next: exit, meta: { action: "call", note: "exit" } });
    this.#exit(vcpu, exit, "returned");
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/**
 * Build the model of a TD's life for one module.
 *
 * @throws SeamlockError SL4211 when the catalog lacks a lock, a status or the states on which a leaf is legal
 */
export function lifeModel(catalog: Catalog, spec: LifeSpec): Model {
  const m = model(spec.name, spec.description);
  const host = spec.life ? m.process("host") : null;
  const caller = spec.callers > 0 ? m.process("caller", spec.callers) : null;
  const known = lifeLeaves(catalog);
  const threads = spec.callers + (host === null ? 0 : 1);
  const state = new LifeState(m, catalog, [...known.values()], spec, threads);
  const leaves = new LifeLeaves(state, known);
  if (host !== null) new LifeProcess(m, host, state, leaves, 1).live();
  if (caller !== null) new LifeProcess(m, caller, state, leaves, add(caller.self, threads - spec.callers + 1)).roam();
  promises(m, state);
  if (host !== null) {
    m.always("a life in order never fails", not(host.at(0, FAILED)));
    m.sometimes("the TDR is reclaimed at the end", host.at(0, DONE));
  }
  return m.build();
}

/** What the checks of the leaves are there for. */
function promises(m: ModelBuilder, state: LifeState): void {
  const { size, pt, at, lifecycle, kot, opState } = state;
  const live = (td: number) => eq(pt.at(at.tdr(td)), PageType.PT_TDR);
  const others = numbers(at.count).slice(size.tds);
  m.always("the TDR goes last", or(live(0), and(...others.map((page) => eq(pt.at(page), PageType.PT_NDA)))));
  m.always(
    "a free HKID is used by no TD",
    implies(
      eq(kot, Kot.HKID_FREE),
      and(...numbers(size.tds).map((td) => implies(live(td), eq(lifecycle.at(td), LifeCycle.TD_TEARDOWN)))),
    ),
  );
  const runs = exists(size.vcpus, (v) => state.epochs.counts(v));
  m.always(
    "a vCPU runs only in a finalized TD that has its keys",
    implies(runs, and(eq(lifecycle.at(0), LifeCycle.TD_KEYS_CONFIGURED), eq(opState, OpState.RUNNABLE))),
  );
  m.always(
    "every vCPU that runs is associated",
    forall(size.vcpus, (v) => implies(state.epochs.counts(v), ne(state.lp.at(v), 0))),
  );
  m.sometimes("a vCPU runs", runs);
}
