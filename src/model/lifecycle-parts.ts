/**
 * What the leaves of a TD's life have in common: checks that several make, and what they do to pages. Lines are those of module 1.5.05 below `src/`; `api_calls` stands for
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
  type IntExpr,
  type IntLike,
  inc,
  lt,
  ne,
  not,
  oneOf,
  set,
  when,
} from "../language/index.ts";
import type { Check, LifeStatusName, Stage } from "./lifecycle-call.ts";
import { LifeCycle, type LifeState, OP_STATES, OpState, PageType, Vcpu } from "./lifecycle-state.ts";
import { legalState, Sept, type SeptBody, type SeptCheck } from "./sept.ts";
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
export type LifeLeaf = (typeof LIFE_LEAVES)[number];

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
export const TD = 0;

/** Checks and effects of one module on one state. */
export class LifeParts {
  readonly state: LifeState;
  readonly #leaves: ReadonlyMap<string, Leaf>;

  constructor(state: LifeState, leaves: ReadonlyMap<string, Leaf>) {
    this.state = state;
    this.#leaves = leaves;
  }

  leaf(name: LifeLeaf): Leaf {
    return this.#leaves.get(name) ?? leafOf(this.state.catalog, name);
  }

  /** The leaf's entry for a version. */
  variant(name: LifeLeaf, version: number): Leaf {
    return version === 0 ? this.leaf(name) : leafOf(this.state.catalog, name, VERSION_1);
  }

  /** Does the module have version 1 of the leaf? */
  hasVersion1(name: LifeLeaf): boolean {
    return this.state.catalog.leaves.some((leaf) => leaf.name === name && leaf.variant === VERSION_1);
  }

  /** The PAMT entry has another type: `non_shared_hpa_metadata_check_and_lock`, common/helpers/helpers.c:180. */
  type(page: IntLike, expected: IntExpr): Check {
    return {
      when: ne(this.state.pt.at(page), expected),
      status: "TDX_PAGE_METADATA_INCORRECT",
      operand: "row",
      note: "the page is of another type",
    };
  }

  /** `check_td_in_correct_build_state`, common/helpers/helpers.c:499. */
  buildState(): Check[] {
    return [
      this.lifecycle(TD, "TD_KEYS_CONFIGURED", "TDX_TD_KEYS_NOT_CONFIGURED"),
      {
        when: lt(this.state.tdcx, this.state.size.tdcs.min),
        status: "TDX_TDCS_NOT_ALLOCATED",
        note: "the TDCS lacks pages",
      },
    ];
  }

  lifecycle(
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
  opState(leaf: Leaf): Check {
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
  onTdcs(leaf: Leaf): Stage[] {
    return [
      { after: "TDR", checks: [this.type(this.state.at.tdr(TD), PageType.PT_TDR), ...this.buildState()] },
      { after: "TDCS", checks: [this.opState(leaf)] },
    ];
  }

  /** TDVPR is the explicit operand, TDR its owner. */
  onTdvpr(leaf: Leaf, vcpu: number, checks: readonly Check[] = [], effects: readonly Effect[] = []): Stage[] {
    return [
      { after: "TDVPR", checks: [this.type(this.state.at.tdvpr(vcpu), PageType.PT_TDVPR)] },
      { after: "TDR", checks: this.buildState() },
      { after: "TDCS", checks: [this.opState(leaf), ...checks], do: effects },
    ];
  }

  /** The checks of a SEPT leaf that the source makes after it has a resource. */
  checksOf({ checks }: SeptBody, resource: SeptCheck["after"]): readonly SeptCheck[] {
    return checks.filter(({ after }) => after === resource);
  }

  objects(objects: { td?: number; vcpu?: number; page?: IntLike; entry?: number; package?: number }) {
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
  give(page: IntLike, type: IntExpr): Effect[] {
    return [set(this.state.pt.at(page), type), inc(this.state.children)];
  }

  take(page: number): Effect[] {
    return [set(this.state.pt.at(page), PageType.PT_NDA), dec(this.state.children)];
  }

  packages<T>(make: (n: number) => T): T[] {
    return Array.from({ length: this.state.size.packages }, (_, n) => make(n));
  }

  keys(td: number, n: number) {
    const keys = this.state.keys[td];
    if (keys === undefined) throw new Error(`there is no TD ${td}`);
    return keys.at(n);
  }

  /** `map_tdvps`, common/helpers/helpers.c:626: the TDVPS lacks pages. */
  tdvps(vcpu: number): Check {
    return {
      when: lt(this.state.tdvx.at(vcpu), this.state.size.tdvps.min),
      status: "TDX_TDCX_NUM_INCORRECT",
      note: "the TDVPS lacks pages",
    };
  }

  uninitialized(vcpu: number): Check {
    return {
      when: ne(this.state.vcpu.at(vcpu), Vcpu.VCPU_UNINITIALIZED),
      status: "TDX_VCPU_STATE_INCORRECT",
      note: "the vCPU is initialized already",
    };
  }

  /** `check_and_associate_vcpu` and `associate_vcpu`, common/helpers/helpers.c:1029, 976: what keeps a vCPU from being associated. */
  associable(vcpu: number, lp: IntLike): Check[] {
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

  associate(vcpu: number, lp: IntLike): Effect[] {
    const mine = this.state.lp.at(vcpu);
    return [when(eq(mine, 0), [inc(this.state.associated)]), set(mine, lp)];
  }

  /** Is there no SEPT page that a walk goes through? A blocked entry has no permissions, which ends the walk, too. */
  get unreached(): BoolExpr {
    return ne(this.state.entry.at(this.state.parent), Sept.NL_MAPPED);
  }

  /** The SEPT walk does not reach the entry of a 4 KB page: `lock_sept_check_and_walk_internal`, common/helpers/helpers.c:745. */
  walk(): Check {
    return {
      when: this.unreached,
      status: "TDX_EPT_WALK_FAILED",
      operand: "RCX",
      note: "the walk does not reach its entry",
    };
  }

  entryState(leaf: Leaf, page: number, otherwise: Partial<Check> = {}): Check {
    return {
      when: not(legalState(leaf, this.state.entry.at(page))),
      status: "TDX_EPT_ENTRY_STATE_INCORRECT",
      operand: "RCX",
      note: "the entry is in another state",
      ...otherwise,
    };
  }

  /** May the TD run, so that tracking is asked for? `op_state_is_tlb_tracking_required`. */
  get running(): BoolExpr {
    return eq(this.state.opState, OpState.RUNNABLE);
  }
}
