/**
 * The leaves of a TD's life: their checks and effects, each written once. Lines are those of module 1.5.05 below `src/`; `api_calls` stands for
 * `vmm_dispatcher/api_calls`. 1.5.25 has the same checks in the same order.
 */
import { type Acquisition, type Catalog, type Leaf, versionVariant } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import {
  and,
  type BoolExpr,
  dec,
  type Effect,
  eq,
  exists,
  ge,
  type IntExpr,
  type IntLike,
  inc,
  lt,
  ne,
  not,
  oneOf,
  or,
  set,
  when,
} from "../language/index.ts";
import type { Check, LifeCall, LifeStatusName, Stage } from "./lifecycle-call.ts";
import { Kot, LifeCycle, type LifeState, OP_STATES, OpState, PageType, Vcpu } from "./lifecycle-state.ts";
import {
  acceptBody,
  attributesBody,
  augBody,
  blockBody,
  type GuestBody,
  legalState,
  removeBody,
  Sept,
  type SeptBody,
  type SeptCheck,
  septRemoveBody,
  trackBody,
  unblockBody,
} from "./sept.ts";
import { leafOf } from "./world.ts";

/** Every leaf of a TD's life. */
export const LIFE_LEAVES = [
  "tdh_mng_create",
  "tdh_mng_key_config",
  "tdh_mng_addcx",
  "tdh_mng_init",
  "tdh_mng_rd",
  "tdh_mng_wr",
  "tdh_vp_create",
  "tdh_vp_addcx",
  "tdh_vp_init",
  "tdh_vp_rd",
  "tdh_vp_wr",
  "tdh_mem_sept_add",
  "tdh_mem_sept_remove",
  "tdh_mem_page_add",
  "tdh_mr_extend",
  "tdh_mr_finalize",
  "tdh_vp_enter",
  "tdh_mem_page_aug",
  "tdg_mem_page_accept",
  "tdg_mem_page_attr_rd",
  "tdg_mem_page_attr_wr",
  "tdh_mem_range_block",
  "tdh_mem_range_unblock",
  "tdh_mem_track",
  "tdh_mem_page_remove",
  "tdh_vp_flush",
  "tdh_mng_vpflushdone",
  "tdh_phymem_cache_wb",
  "tdh_mng_key_freeid",
  "tdh_phymem_page_reclaim",
  "tdh_phymem_page_wbinvd",
] as const;
type LifeLeaf = (typeof LIFE_LEAVES)[number];

/** The leaves as a catalog has them, as far as it has them; of several variants the first. */
export const lifeLeaves = (catalog: Catalog): ReadonlyMap<string, Leaf> =>
  new Map(
    LIFE_LEAVES.filter((name) => catalog.leaves.some((leaf) => leaf.name === name)).map((name) => [
      name,
      leafOf(catalog, name),
    ]),
  );

/** How catalogs call the variant of a leaf's version 1. */
const VERSION_1 = versionVariant({ from: 1, to: null });

/** The one TD that is built. */
const TD = 0;

/** Makes the calls of one module on one state. */
export class LifeLeaves {
  readonly state: LifeState;
  readonly #leaves: ReadonlyMap<string, Leaf>;

  constructor(state: LifeState, leaves: ReadonlyMap<string, Leaf>) {
    this.state = state;
    this.#leaves = leaves;
  }

  #leaf(name: LifeLeaf): Leaf {
    return this.#leaves.get(name) ?? leafOf(this.state.catalog, name);
  }

  /** The PAMT entry has another type: `non_shared_hpa_metadata_check_and_lock`, common/helpers/helpers.c:180. */
  #type(page: IntLike, expected: IntExpr): Check {
    return {
      when: ne(this.state.pt.at(page), expected),
      status: "TDX_PAGE_METADATA_INCORRECT",
      operand: "row",
      note: "the page is of another type",
    };
  }

  /** `check_td_in_correct_build_state`, common/helpers/helpers.c:499. */
  #buildState(): Check[] {
    return [
      this.#lifecycle(TD, "TD_KEYS_CONFIGURED", "TDX_TD_KEYS_NOT_CONFIGURED"),
      {
        when: lt(this.state.tdcx, this.state.size.tdcs.min),
        status: "TDX_TDCS_NOT_ALLOCATED",
        note: "the TDCS lacks pages",
      },
    ];
  }

  #lifecycle(
    td: number,
    expected: "TD_HKID_ASSIGNED" | "TD_KEYS_CONFIGURED" | "TD_BLOCKED" | "TD_TEARDOWN",
    status: LifeStatusName = "TDX_LIFECYCLE_STATE_INCORRECT",
  ): Check {
    return {
      when: ne(this.state.lifecycle.at(td), LifeCycle[expected]),
      status,
      note: `the life-cycle state is not ${expected}`,
    };
  }

  /** `check_any_td_state_map_tdcs_and_lock`, common/helpers/helpers.c:573; the table is the catalog's. */
  #opState(leaf: Leaf): Check {
    const { opStates } = leaf;
    if (opStates === null) {
      throw new SeamlockError("SL4211", `the module's catalog does not say in which OP_STATEs ${leaf.name} is legal`, {
        hint: "Use a catalog that was extracted from source: `seamlock modules` lists them",
      });
    }
    const legal = OP_STATES.filter((name) => opStates.includes(name)).map((name) => OpState[name]);
    return {
      when: not(oneOf(this.state.opState, legal)),
      status: "TDX_OP_STATE_INCORRECT",
      note: "illegal in this OP_STATE",
    };
  }

  /** TDR is the explicit operand: its page, the build state, then the OP_STATE with the TDCS. */
  #onTdcs(leaf: Leaf): Stage[] {
    return [
      { after: "TDR", checks: [this.#type(this.state.at.tdr(TD), PageType.PT_TDR), ...this.#buildState()] },
      { after: "TDCS", checks: [this.#opState(leaf)] },
    ];
  }

  /** TDVPR is the explicit operand, TDR its owner. */
  #onTdvpr(leaf: Leaf, vcpu: number, checks: readonly Check[] = [], effects: readonly Effect[] = []): Stage[] {
    return [
      { after: "TDVPR", checks: [this.#type(this.state.at.tdvpr(vcpu), PageType.PT_TDVPR)] },
      { after: "TDR", checks: this.#buildState() },
      { after: "TDCS", checks: [this.#opState(leaf), ...checks], do: effects },
    ];
  }

  /** The checks of a SEPT leaf that the source makes after it has a resource. */
  #checks({ checks }: SeptBody, resource: SeptCheck["after"]): readonly SeptCheck[] {
    return checks.filter(({ after }) => after === resource);
  }

  #objects(objects: { td?: number; vcpu?: number; page?: IntLike; entry?: number; package?: number }) {
    const { at } = this.state;
    return ({ resource }: Acquisition): IntLike => {
      if (resource === "TDR") return at.tdr(objects.td ?? TD);
      if (resource === "TDVPR") return at.tdvpr(objects.vcpu ?? 0);
      if (resource === "PAGE") return objects.page ?? 0;
      if (resource === "SEPT_ENTRY") return objects.entry ?? 0;
      return resource === "WBT" ? (objects.package ?? 0) : 0;
    };
  }

  /** The page becomes the TD's: PAMT.PT is set, TDR.CHLDCNT counts it. */
  #give(page: IntLike, type: IntExpr): Effect[] {
    return [set(this.state.pt.at(page), type), inc(this.state.children)];
  }

  #take(page: number): Effect[] {
    return [set(this.state.pt.at(page), PageType.PT_NDA), dec(this.state.children)];
  }

  /** TDH.MNG.CREATE. Checks: api_calls/tdh_mng_create.c:69, 97. Effects: 105 (zeroed), 123, 127, 138. */
  create(td: number): LifeCall {
    const { state } = this;
    const leaf = this.#leaf("tdh_mng_create");
    const counters = td === TD ? [set(state.tdcx, 0), set(state.children, 0)] : [];
    return {
      leaf,
      object: this.#objects({ td }),
      stages: [
        { after: "TDR", checks: [this.#type(state.at.tdr(td), PageType.PT_NDA)] },
        {
          after: "KOT",
          checks: [{ when: ne(state.kot, Kot.HKID_FREE), status: "TDX_HKID_NOT_FREE", note: "the HKID is in use" }],
        },
      ],
      body: [
        set(state.kot, Kot.HKID_ASSIGNED),
        set(state.lifecycle.at(td), LifeCycle.TD_HKID_ASSIGNED),
        ...this.#packages((n) => set(this.#keys(td, n), false)),
        ...counters,
        set(state.pt.at(state.at.tdr(td)), PageType.PT_TDR),
      ],
      note: "the TDR is created, the HKID assigned",
    };
  }

  #packages<T>(make: (n: number) => T): T[] {
    return Array.from({ length: this.state.size.packages }, (_, n) => make(n));
  }

  #keys(td: number, n: number) {
    const keys = this.state.keys[td];
    if (keys === undefined) throw new Error(`there is no TD ${td}`);
    return keys.at(n);
  }

  /** TDH.MNG.KEY.CONFIG on a package. Checks: api_calls/tdh_mng_key_config.c:61, 84, 92. Effects: 115, 118, 120. */
  keyConfig(td: number, n: number): LifeCall {
    const { state } = this;
    const all = and(...this.#packages((other) => this.#keys(td, other)));
    return {
      leaf: this.#leaf("tdh_mng_key_config"),
      object: this.#objects({ td }),
      stages: [
        {
          after: "TDR",
          checks: [
            this.#type(state.at.tdr(td), PageType.PT_TDR),
            this.#lifecycle(td, "TD_HKID_ASSIGNED"),
            { when: this.#keys(td, n), status: "TDX_KEY_CONFIGURED", note: "this package has the key" },
          ],
        },
      ],
      body: [set(this.#keys(td, n), true), when(all, [set(state.lifecycle.at(td), LifeCycle.TD_KEYS_CONFIGURED)])],
      note: "the key is configured on a package",
    };
  }

  /**
   * TDH.MNG.ADDCX. Checks: api_calls/tdh_mng_add_cx.c:65, 88, 97, 105, and 171 (a TDCS with its minimal pages must still be uninitialized).
   * Effects: 181 to 189. The first pages hold OP_STATE (zero) and the SEPT root (free entries): 134, 145.
   */
  addcx(page: IntLike): LifeCall {
    const { state } = this;
    const leaf = this.#leaf("tdh_mng_addcx");
    const { min, max } = state.size.tdcs;
    const op = this.#opState(leaf);
    return {
      leaf,
      object: this.#objects({ page }),
      stages: [
        {
          after: "TDR",
          checks: [
            this.#type(state.at.tdr(TD), PageType.PT_TDR),
            this.#lifecycle(TD, "TD_KEYS_CONFIGURED", "TDX_TD_KEYS_NOT_CONFIGURED"),
            { when: ge(state.tdcx, max), status: "TDX_TDCX_NUM_INCORRECT", note: "the TDCS has all its pages" },
          ],
        },
        {
          after: "PAGE",
          checks: [this.#type(page, PageType.PT_NDA), { ...op, when: and(ge(state.tdcx, min), op.when) }],
        },
      ],
      body: [
        when(eq(state.tdcx, 0), [
          set(state.opState, OpState.UNINITIALIZED),
          set(state.entry.at(state.parent), Sept.FREE),
        ]),
        inc(state.tdcx),
        ...this.#give(page, PageType.PT_TDCX),
      ],
      note: "a page is added to the TDCS",
    };
  }

  /** TDH.MNG.INIT. Checks: api_calls/tdh_mng_init.c:605, 621. Effects: 645 to 649, 723. */
  init(): LifeCall {
    const { state } = this;
    const leaf = this.#leaf("tdh_mng_init");
    return {
      leaf,
      object: this.#objects({}),
      stages: this.#onTdcs(leaf),
      body: [
        set(state.vcpus, 0),
        set(state.associated, 0),
        ...state.epochs.reset(),
        set(state.opState, OpState.INITIALIZED),
      ],
      note: "the TD is initialized",
    };
  }

  /** TDH.VP.CREATE. Checks: api_calls/tdh_vp_create.c:63, 79, 89. Effects: 108 (zeroed), 115, 116, 120, 123. */
  vpCreate(vcpu: number): LifeCall {
    const { state } = this;
    const leaf = this.#leaf("tdh_vp_create");
    const page = state.at.tdvpr(vcpu);
    return {
      leaf,
      object: this.#objects({ vcpu }),
      stages: [...this.#onTdcs(leaf), { after: "TDVPR", checks: [this.#type(page, PageType.PT_NDA)] }],
      body: [
        set(state.vcpu.at(vcpu), Vcpu.VCPU_UNINITIALIZED),
        set(state.tdvx.at(vcpu), 1),
        set(state.lp.at(vcpu), 0),
        ...this.#give(page, PageType.PT_TDVPR),
      ],
      note: "the TDVPR is created",
    };
  }

  /** TDH.VP.ADDCX. Checks: api_calls/tdh_vp_addcx.c:71, 100, 117, 126, 134. Effects: 167, 171, 174. */
  vpAddcx(vcpu: number, page: IntLike): LifeCall {
    const { state } = this;
    const leaf = this.#leaf("tdh_vp_addcx");
    const checks: Check[] = [
      this.#uninitialized(vcpu),
      {
        when: ge(state.tdvx.at(vcpu), state.size.tdvps.max),
        status: "TDX_TDCX_NUM_INCORRECT",
        note: "the TDVPS has all its pages",
      },
    ];
    return {
      leaf,
      object: this.#objects({ vcpu, page }),
      stages: [...this.#onTdvpr(leaf, vcpu, checks), { after: "PAGE", checks: [this.#type(page, PageType.PT_NDA)] }],
      body: [inc(state.tdvx.at(vcpu)), ...this.#give(page, PageType.PT_TDCX)],
      note: "a page is added to the TDVPS",
    };
  }

  #uninitialized(vcpu: number): Check {
    return {
      when: ne(this.state.vcpu.at(vcpu), Vcpu.VCPU_UNINITIALIZED),
      status: "TDX_VCPU_STATE_INCORRECT",
      note: "the vCPU is initialized already",
    };
  }

  /** `map_tdvps`, common/helpers/helpers.c:626: the TDVPS lacks pages. */
  #tdvps(vcpu: number): Check {
    return {
      when: lt(this.state.tdvx.at(vcpu), this.state.size.tdvps.min),
      status: "TDX_TDCX_NUM_INCORRECT",
      note: "the TDVPS lacks pages",
    };
  }

  /** TDH.VP.INIT. Checks: api_calls/tdh_vp_init.c:130, 160, 173, 183. Effects: 196, 289; association: common/helpers/helpers.c:1045, 1054. */
  vpInit(vcpu: number, lp: IntLike, version = 0): LifeCall {
    const { state } = this;
    const leaf = this.#variant("tdh_vp_init", version);
    return {
      leaf,
      object: this.#objects({ vcpu }),
      stages: this.#onTdvpr(leaf, vcpu, [this.#tdvps(vcpu), this.#uninitialized(vcpu)]),
      body: [
        inc(state.vcpus),
        set(state.vcpu.at(vcpu), Vcpu.VCPU_READY),
        set(state.lp.at(vcpu), lp),
        inc(state.associated),
      ],
      note: "the vCPU is initialized and associated",
    };
  }

  /** Is there no SEPT page that a walk goes through? A blocked entry has no permissions, which ends the walk, too. */
  get #unreached(): BoolExpr {
    return ne(this.state.entry.at(this.state.parent), Sept.NL_MAPPED);
  }

  /** The SEPT walk does not reach the entry of a 4 KB page: `lock_sept_check_and_walk_internal`, common/helpers/helpers.c:745. */
  #walk(): Check {
    return {
      when: this.#unreached,
      status: "TDX_EPT_WALK_FAILED",
      operand: "RCX",
      note: "the walk does not reach its entry",
    };
  }

  /**
   * TDH.MEM.SEPT.ADD of the last level, no L2 VM. Checks: api_calls/tdh_mem_sept_add.c:357, 379, 110. Effects: 213 (`init_new_sept_page`, 39)
   * and the parent's entry, 217. From version 1 on the caller may give no page; there must be one then, and nothing is added (70 to 81).
   */
  septAdd({ version = 0, page: given = true } = {}): LifeCall {
    const { state } = this;
    const leaf = this.#variant("tdh_mem_sept_add", version);
    const page = state.at.sept;
    const parent = state.entry.at(state.parent);
    const illegal = this.#entryState(leaf, state.parent);
    const exists: Check = {
      ...illegal,
      when: ne(parent, Sept.FREE),
      note: "the SEPT page exists already",
    };
    const adds: LifeCall = {
      leaf,
      object: this.#objects({ page, entry: state.parent }),
      takes: ({ times }) => times === "1",
      stages: [
        ...this.#onTdcs(leaf),
        { after: "SEPT_ENTRY", checks: [illegal, exists] },
        { after: "PAGE", checks: [this.#type(page, PageType.PT_NDA)] },
      ],
      body: [
        set(parent, Sept.NL_MAPPED),
        ...Array.from({ length: state.size.pages }, (_, n) => set(state.entry.at(n), Sept.FREE)),
        ...Array.from({ length: state.size.pages + 1 }, (_, n) => state.epochs.forgetBlocked(n)).flat(),
        ...this.#give(page, PageType.PT_EPT),
      ],
      note: "a SEPT page is added",
    };
    if (given) return adds;
    const missing: Check = { ...illegal, when: ne(parent, Sept.NL_MAPPED), note: "there is no SEPT page" };
    return {
      ...adds,
      takes: ({ role, times }) => times === "1" && role !== "to-add" && role !== "sept_page",
      stages: [...this.#onTdcs(leaf), { after: "SEPT_ENTRY", checks: [illegal, missing] }],
      body: [],
      note: "the SEPT page exists already, nothing is added",
    };
  }

  /** Does the module have version 1 of the leaf? */
  hasVersion1(name: LifeLeaf): boolean {
    return this.state.catalog.leaves.some((leaf) => leaf.name === name && leaf.variant === VERSION_1);
  }

  /** The leaf's entry for a version. */
  #variant(name: LifeLeaf, version: number): Leaf {
    return version === 0 ? this.#leaf(name) : leafOf(this.state.catalog, name, VERSION_1);
  }

  /** TDH.MEM.SEPT.REMOVE of the SEPT page: `septRemoveBody`; besides api_calls/tdh_mem_sept_remove.c:83, 98, 178. Effects on the PAMT: 280, 281. */
  septRemove(): LifeCall {
    const { state } = this;
    const leaf = this.#leaf("tdh_mem_sept_remove");
    const empty = and(...Array.from({ length: state.size.pages }, (_, n) => eq(state.entry.at(n), Sept.FREE)));
    const body = septRemoveBody(state, leaf, state.parent, this.#running, empty);
    return {
      leaf,
      object: this.#objects({ page: state.at.sept, entry: state.parent }),
      takes: ({ times }) => times === "1",
      stages: [
        ...this.#onTdcs(leaf),
        { after: "SEPT_ENTRY", checks: this.#checks(body, "SEPT_ENTRY") },
        { after: "PAGE", checks: this.#checks(body, "PAGE") },
      ],
      body: [...state.effects(body), ...this.#take(state.at.sept)],
      note: body.note,
    };
  }

  /** TDH.MNG.RD and TDH.MNG.WR of a field that exists. Checks: api_calls/tdh_mng_rd_wr.c: as for any leaf on the TDCS. */
  mngAccess(writes: boolean): LifeCall {
    const leaf = this.#leaf(writes ? "tdh_mng_wr" : "tdh_mng_rd");
    return {
      leaf,
      object: this.#objects({}),
      stages: this.#onTdcs(leaf),
      body: [],
      note: writes ? "a field of the TD is written" : "a field of the TD is read",
    };
  }

  /** TDH.VP.RD and TDH.VP.WR of a field that exists: they associate the vCPU as entry does (api_calls/tdh_vp_rd_wr.c, `check_and_associate_vcpu`). */
  vpAccess(vcpu: number, writes: boolean, lp: IntLike): LifeCall {
    const leaf = this.#leaf(writes ? "tdh_vp_wr" : "tdh_vp_rd");
    return {
      leaf,
      object: this.#objects({ vcpu }),
      stages: this.#onTdvpr(leaf, vcpu, [this.#tdvps(vcpu), ...this.#associable(vcpu, lp)]),
      body: this.#associate(vcpu, lp),
      note: writes ? "a field of the vCPU is written" : "a field of the vCPU is read",
    };
  }

  /** TDH.PHYMEM.PAGE.WBINVD. Check: api_calls/tdh_phymem_page_wbinvd.c: the page is nobody's. */
  wbinvd(page: number): LifeCall {
    return {
      leaf: this.#leaf("tdh_phymem_page_wbinvd"),
      object: this.#objects({ page }),
      takes: ({ resource, when: condition }) => resource !== "PAMT_2M" || condition === null,
      stages: [{ after: "PAGE", checks: [this.#type(page, PageType.PT_NDA)] }],
      body: [],
      note: "the page's cache lines are written back",
    };
  }

  #entryState(leaf: Leaf, page: number, otherwise: Partial<Check> = {}): Check {
    return {
      when: not(legalState(leaf, this.state.entry.at(page))),
      status: "TDX_EPT_ENTRY_STATE_INCORRECT",
      operand: "RCX",
      note: "the entry is in another state",
      ...otherwise,
    };
  }

  /** TDH.MEM.PAGE.ADD. Checks: api_calls/tdh_mem_page_add.c:89, 105, 133, 148, 165. Effects: 189, 223, 226. */
  pageAdd(page: number, target: number = this.state.at.data(page)): LifeCall {
    const { state } = this;
    const leaf = this.#leaf("tdh_mem_page_add");
    return {
      leaf,
      object: this.#objects({ page: target }),
      stages: [
        ...this.#onTdcs(leaf),
        { after: "SEPT_TREE", checks: [this.#walk(), this.#entryState(leaf, page)] },
        { after: "PAGE", checks: [this.#type(target, PageType.PT_NDA)] },
      ],
      body: [
        set(state.entry.at(page), Sept.MAPPED),
        ...state.epochs.forgetBlocked(page),
        ...this.#give(target, PageType.PT_REG),
      ],
      note: "the page is added, mapped and measured",
    };
  }

  /**
   * TDH.MR.EXTEND. Checks: api_calls/tdh_mr_extend.c:77, 93, 113: the walk to a leaf fails without a leaf or without permissions, which a
   * pending or blocked page lacks (tdh_mem_page_aug.c:176, tdh_mem_range_block.c:54); reported as not present with the operand: 126.
   */
  extend(page: number): LifeCall {
    const leaf = this.#leaf("tdh_mr_extend");
    const entry = this.state.entry.at(page);
    const walk: Check = {
      when: or(this.#unreached, ne(entry, Sept.MAPPED)),
      status: "TDX_EPT_ENTRY_NOT_PRESENT",
      operand: "RCX",
      note: "no present leaf entry",
    };
    const legal = this.#entryState(leaf, page, { status: "TDX_EPT_ENTRY_NOT_PRESENT" });
    return {
      leaf,
      object: this.#objects({}),
      stages: [...this.#onTdcs(leaf), { after: "SEPT_TREE", checks: [walk, withoutOperand(legal)] }],
      body: [],
      note: "the measurement is extended",
    };
  }

  /** TDH.MR.FINALIZE. Checks: api_calls/tdh_mr_finalize.c:57, 73, 83. Effect: 113. */
  finalize(): LifeCall {
    const { state } = this;
    const leaf = this.#leaf("tdh_mr_finalize");
    const [tdr, tdcs] = this.#onTdcs(leaf) as [Stage, Stage];
    const none: Check = { when: eq(state.vcpus, 0), status: "TDX_NO_VCPUS", note: "no vCPU is initialized" };
    return {
      leaf,
      object: this.#objects({}),
      stages: [tdr, { ...tdcs, checks: [...(tdcs.checks ?? []), none] }],
      body: [set(state.opState, OpState.RUNNABLE)],
      note: "the TD can run",
    };
  }

  /** `check_and_associate_vcpu` and `associate_vcpu`, common/helpers/helpers.c:1029, 976: what keeps a vCPU from being associated. */
  #associable(vcpu: number, lp: IntLike): Check[] {
    const { state } = this;
    const mine = state.lp.at(vcpu);
    return [
      {
        when: ne(state.vcpu.at(vcpu), Vcpu.VCPU_READY),
        status: "TDX_VCPU_STATE_INCORRECT",
        note: "the vCPU is not initialized",
      },
      {
        when: and(ne(mine, 0), ne(mine, lp)),
        status: "TDX_VCPU_ASSOCIATED",
        note: "another LP has the vCPU",
      },
    ];
  }

  #associate(vcpu: number, lp: IntLike): Effect[] {
    const mine = this.state.lp.at(vcpu);
    return [when(eq(mine, 0), [inc(this.state.associated)]), set(mine, lp)];
  }

  /**
   * TDH.VP.ENTER up to TD entry. Checks: td_transitions/tdh_vp_enter.c:604, 636, 651, 662 (`check_and_associate_vcpu` and `associate_vcpu`,
   * common/helpers/helpers.c:1029, 976). The association stays when the epoch lock is busy later on.
   */
  enter(vcpu: number, lp: IntLike): LifeCall {
    const { state } = this;
    const leaf = this.#leaf("tdh_vp_enter");
    const checks = [this.#tdvps(vcpu), ...this.#associable(vcpu, lp)];
    return {
      leaf,
      object: this.#objects({ vcpu }),
      stages: this.#onTdvpr(leaf, vcpu, checks, this.#associate(vcpu, lp)),
      takes: ({ when: condition }) => condition === null,
      body: state.epochs.enter(vcpu),
      note: "counted into the TD epoch; TD entry",
    };
  }

  /** TDH.MEM.PAGE.AUG: `augBody`; besides api_calls/tdh_mem_page_aug.c:80, 96, 115, 159. Effects on the PAMT: 180, 183. */
  aug(page: number): LifeCall {
    const { state } = this;
    const leaf = this.#leaf("tdh_mem_page_aug");
    const target = state.at.data(page);
    const body = augBody(state, leaf, page);
    return {
      leaf,
      object: this.#objects({ page: target, entry: page }),
      stages: [
        ...this.#onTdcs(leaf),
        { after: "SEPT_TREE", checks: [this.#walk()] },
        { after: "SEPT_ENTRY", checks: this.#checks(body, "SEPT_ENTRY") },
        { after: "PAGE", checks: [this.#type(target, PageType.PT_NDA)] },
      ],
      body: [...state.effects(body), ...this.#give(target, PageType.PT_REG)],
      note: body.note,
    };
  }

  /** A TDCALL on a page's entry, in one step. `violation`: where the guest goes on when it ends in a TD exit. */
  #guestCall(leaf: Leaf, page: number, body: GuestBody, violation: string): LifeCall {
    const exits = { status: "NONE", next: violation, note: "TD exit, EPT violation" } as const;
    const walks = leaf.acquisitions.some(({ resource }) => resource === "SEPT_TREE");
    return {
      leaf,
      object: this.#objects({ entry: page }),
      stages: [
        ...(walks ? [{ after: "SEPT_TREE", checks: [{ ...exits, when: this.#unreached }] }] : []),
        {
          after: "SEPT_ENTRY",
          checks: [
            ...this.#checks(body, "SEPT_ENTRY"),
            { ...exits, when: or(body.violates, ...(walks ? [] : [this.#unreached])) },
          ],
        },
      ],
      body: this.state.effects(body),
      note: body.note,
    };
  }

  /** TDG.MEM.PAGE.ACCEPT: `acceptBody`. */
  accept(page: number, violation: string): LifeCall {
    const leaf = this.#leaf("tdg_mem_page_accept");
    return this.#guestCall(leaf, page, acceptBody(this.state, leaf, page), violation);
  }

  /** TDG.MEM.PAGE.ATTR.RD or .WR: `attributesBody`. */
  attributes(page: number, writes: boolean, violation: string): LifeCall {
    const leaf = this.#leaf(writes ? "tdg_mem_page_attr_wr" : "tdg_mem_page_attr_rd");
    const note = writes ? "attributes are written" : "attributes are read";
    return this.#guestCall(leaf, page, attributesBody(this.state, leaf, page, note), violation);
  }

  /** A leaf that takes the tree and an entry: besides its body, the walk fails without a SEPT page. */
  #onEntry(leaf: Leaf, page: number, body: SeptBody): LifeCall {
    return {
      leaf,
      object: this.#objects({ entry: page }),
      stages: [
        ...this.#onTdcs(leaf),
        { after: "SEPT_TREE", checks: page === this.state.parent ? [] : [this.#walk()] },
        { after: "SEPT_ENTRY", checks: this.#checks(body, "SEPT_ENTRY") },
      ],
      body: this.state.effects(body),
      note: body.note,
    };
  }

  /** TDH.MEM.RANGE.BLOCK of a page, or of the parent's entry: `blockBody`; besides api_calls/tdh_mem_range_block.c:158, 177. */
  block(page: number): LifeCall {
    const leaf = this.#leaf("tdh_mem_range_block");
    return this.#onEntry(leaf, page, blockBody(this.state, leaf, page));
  }

  /** TDH.MEM.RANGE.UNBLOCK of the same: `unblockBody`; besides api_calls/tdh_mem_range_unblock.c:82, 96, 114. */
  unblock(page: number): LifeCall {
    const leaf = this.#leaf("tdh_mem_range_unblock");
    return this.#onEntry(leaf, page, unblockBody(this.state, leaf, page, this.#running));
  }

  /** May the TD run, so that tracking is asked for? `op_state_is_tlb_tracking_required`. */
  get #running(): BoolExpr {
    return eq(this.state.opState, OpState.RUNNABLE);
  }

  /** TDH.MEM.TRACK: `trackBody`; besides api_calls/tdh_mem_track.c:59, 75. */
  track(): LifeCall {
    const { state } = this;
    const leaf = this.#leaf("tdh_mem_track");
    const body = trackBody(state);
    return {
      leaf,
      object: this.#objects({}),
      stages: [...this.#onTdcs(leaf), { after: "TDCS_EPOCH", checks: this.#checks(body, "TDCS_EPOCH") }],
      body: this.state.effects(body),
      note: body.note,
    };
  }

  /** TDH.MEM.PAGE.REMOVE: `removeBody`; besides api_calls/tdh_mem_page_remove.c:75, 91, 110. Effects on the PAMT: 220, 223. */
  remove(page: number): LifeCall {
    const { state } = this;
    const leaf = this.#leaf("tdh_mem_page_remove");
    const target = state.at.data(page);
    const body = removeBody(state, leaf, page, this.#running);
    const call = this.#onEntry(leaf, page, body);
    return {
      ...call,
      object: this.#objects({ page: target, entry: page }),
      stages: [...call.stages, { after: "PAGE", checks: this.#checks(body, "PAGE") }],
      body: [...state.effects(body), ...this.#take(target)],
    };
  }

  /** TDH.VP.FLUSH. Checks: api_calls/tdh_vp_flush.c:65, 93, 107, 117. Effects: 145, 148. */
  flush(vcpu: number, lp: IntLike): LifeCall {
    const { state } = this;
    const elsewhere: Check = {
      when: ne(state.lp.at(vcpu), lp),
      status: "TDX_VCPU_NOT_ASSOCIATED",
      note: "the vCPU is not associated with this LP",
    };
    return {
      leaf: this.#leaf("tdh_vp_flush"),
      object: this.#objects({ vcpu }),
      stages: [
        { after: "TDVPR", checks: [this.#type(state.at.tdvpr(vcpu), PageType.PT_TDVPR)] },
        {
          after: "TDR",
          checks: [
            this.#lifecycle(TD, "TD_KEYS_CONFIGURED", "TDX_TD_KEYS_NOT_CONFIGURED"),
            this.#tdvps(vcpu),
            elsewhere,
          ],
        },
      ],
      body: [set(state.lp.at(vcpu), 0), dec(state.associated)],
      note: "the vCPU is flushed and no longer associated",
    };
  }

  /**
   * TDH.MNG.VPFLUSHDONE. Checks: api_calls/tdh_mng_vpflushdone.c:61, 89, 104 to 113 (only an initialized TD has vCPUs). Effects: 124, 127, 130.
   */
  vpflushdone(td: number): LifeCall {
    const { state } = this;
    const { TD_HKID_ASSIGNED, TD_KEYS_CONFIGURED } = LifeCycle;
    const live = oneOf(state.lifecycle.at(td), [TD_HKID_ASSIGNED, TD_KEYS_CONFIGURED]);
    const associated: BoolExpr = and(
      ge(state.tdcx, state.size.tdcs.min),
      ne(state.opState, OpState.UNINITIALIZED),
      ne(state.associated, 0),
    );
    const checks: Check[] = [
      { when: not(live), status: "TDX_LIFECYCLE_STATE_INCORRECT", note: "the TD is blocked already" },
      ...(td === TD
        ? [{ when: associated, status: "TDX_FLUSHVP_NOT_DONE", note: "a vCPU is still associated" } as const]
        : []),
    ];
    return {
      leaf: this.#leaf("tdh_mng_vpflushdone"),
      object: this.#objects({ td }),
      stages: [
        { after: "TDR", checks: [this.#type(state.at.tdr(td), PageType.PT_TDR)] },
        { after: "KOT", checks },
      ],
      body: [
        ...this.#packages((n) => set(state.toWriteBack.at(n), true)),
        set(state.lifecycle.at(td), LifeCycle.TD_BLOCKED),
        set(state.kot, Kot.HKID_FLUSHED),
      ],
      note: "the TD is blocked, the HKID flushed",
    };
  }

  /** TDH.PHYMEM.CACHE.WB on a package, not interrupted. Check: api_calls/tdh_phymem_cache_wb.c:117. Effect: 189. */
  cacheWb(n: number): LifeCall {
    const { state } = this;
    return {
      leaf: this.#leaf("tdh_phymem_cache_wb"),
      object: this.#objects({ package: n }),
      stages: [
        {
          after: "KOT",
          checks: [
            {
              when: ne(state.kot, Kot.HKID_FLUSHED),
              status: "TDX_NO_HKID_READY_TO_WBCACHE",
              note: "no HKID is flushed",
            },
          ],
        },
      ],
      body: [set(state.toWriteBack.at(n), false)],
      note: "the package's caches are written back",
    };
  }

  /** TDH.MNG.KEY.FREEID. Checks: api_calls/tdh_mng_key_freeid.c:59, 75, 97. Effects: 106, 107. */
  freeid(td: number): LifeCall {
    const { state } = this;
    const left: Check = {
      when: exists(state.size.packages, (n) => state.toWriteBack.at(n)),
      status: "TDX_WBCACHE_NOT_COMPLETE",
      note: "a package's caches are not written back",
    };
    return {
      leaf: this.#leaf("tdh_mng_key_freeid"),
      object: this.#objects({ td }),
      stages: [
        {
          after: "TDR",
          checks: [this.#type(state.at.tdr(td), PageType.PT_TDR), this.#lifecycle(td, "TD_BLOCKED")],
        },
        { after: "KOT", checks: [left] },
      ],
      body: [set(state.kot, Kot.HKID_FREE), set(state.lifecycle.at(td), LifeCycle.TD_TEARDOWN)],
      note: "the HKID is free, the TD in teardown",
    };
  }

  /** Not a TD's page: api_calls/tdh_phymem_page_reclaim.c:98. */
  #owned(page: number): Check {
    return {
      when: eq(this.state.pt.at(page), PageType.PT_NDA),
      status: "TDX_PAGE_METADATA_INCORRECT",
      operand: "row",
      note: "the page is nobody's",
    };
  }

  /** TDH.PHYMEM.PAGE.RECLAIM of a page that is no TDR. Checks: api_calls/tdh_phymem_page_reclaim.c:98, 140. Effects: 148, 177. */
  reclaim(page: number): LifeCall {
    return {
      leaf: this.#leaf("tdh_phymem_page_reclaim"),
      object: this.#objects({ page }),
      stages: [
        { after: "PAGE", checks: [this.#owned(page)] },
        { after: "TDR", checks: [this.#lifecycle(TD, "TD_TEARDOWN")] },
      ],
      body: this.#take(page),
      note: "the page is reclaimed",
    };
  }

  /** The same of a TDR, which takes no second TDR. Checks: api_calls/tdh_phymem_page_reclaim.c:98, 157, 165. Effect: 177. */
  reclaimTdr(td: number): LifeCall {
    const { state } = this;
    const page = state.at.tdr(td);
    const children: Check[] =
      td === TD
        ? [
            {
              when: ne(state.children, 0),
              status: "TDX_TD_ASSOCIATED_PAGES_EXIST",
              note: "the TD still has pages",
            },
          ]
        : [];
    return {
      leaf: this.#leaf("tdh_phymem_page_reclaim"),
      object: this.#objects({ page }),
      takes: ({ resource }) => resource !== "TDR",
      stages: [{ after: "PAGE", checks: [this.#owned(page), this.#lifecycle(td, "TD_TEARDOWN"), ...children] }],
      body: [set(state.pt.at(page), PageType.PT_NDA)],
      note: "the TDR is reclaimed",
    };
  }
}

function withoutOperand({ operand: _, ...check }: Check): Check {
  return check;
}
