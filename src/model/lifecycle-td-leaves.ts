import { and, type BoolExpr, eq, exists, ge, type IntLike, inc, ne, not, oneOf, set, when } from "../language/index.ts";
import type { Check, LifeCall, Stage } from "./lifecycle-call.ts";
import { type LifeParts, TD } from "./lifecycle-parts.ts";
import { Kot, LifeCycle, OpState, PageType } from "./lifecycle-state.ts";
import { Sept } from "./sept.ts";

export class TdLeaves {
  readonly #parts: LifeParts;

  constructor(parts: LifeParts) {
    this.#parts = parts;
  }

  /** TDH.MNG.CREATE. Checks: api_calls/tdh_mng_create.c:69, 97. Effects: 105 (zeroed), 123, 127, 138. */
  create(td: number): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.leaf("tdh_mng_create");
    const counters = td === TD ? [set(state.tdcx, 0), set(state.children, 0)] : [];
    return {
      leaf,
      object: this.#parts.objects({ td }),
      stages: [
        { after: "TDR", checks: [this.#parts.type(state.at.tdr(td), PageType.PT_NDA)] },
        {
          after: "KOT",
          checks: [{ when: ne(state.kot, Kot.HKID_FREE), status: "TDX_HKID_NOT_FREE", note: "the HKID is in use" }],
        },
      ],
      body: [
        set(state.kot, Kot.HKID_ASSIGNED),
        set(state.lifecycle.at(td), LifeCycle.TD_HKID_ASSIGNED),
        ...this.#parts.packages((n) => set(this.#parts.keys(td, n), false)),
        ...counters,
        set(state.pt.at(state.at.tdr(td)), PageType.PT_TDR),
      ],
      note: "the TDR is created, the HKID assigned",
    };
  }

  /** TDH.MNG.KEY.CONFIG on a package. Checks: api_calls/tdh_mng_key_config.c:61, 84, 92. Effects: 115, 118, 120. */
  keyConfig(td: number, n: number): LifeCall {
    const { state } = this.#parts;
    const all = and(...this.#parts.packages((other) => this.#parts.keys(td, other)));
    return {
      leaf: this.#parts.leaf("tdh_mng_key_config"),
      object: this.#parts.objects({ td }),
      stages: [
        {
          after: "TDR",
          checks: [
            this.#parts.type(state.at.tdr(td), PageType.PT_TDR),
            this.#parts.lifecycle(td, "TD_HKID_ASSIGNED"),
            { when: this.#parts.keys(td, n), status: "TDX_KEY_CONFIGURED", note: "this package has the key" },
          ],
        },
      ],
      body: [
        set(this.#parts.keys(td, n), true),
        when(all, [set(state.lifecycle.at(td), LifeCycle.TD_KEYS_CONFIGURED)]),
      ],
      note: "the key is configured on a package",
    };
  }

  /**
   * TDH.MNG.ADDCX. Checks: api_calls/tdh_mng_add_cx.c:65, 88, 97, 105, and 171 (a TDCS with its minimal pages must still be uninitialized).
   * Effects: 181 to 189. The first pages hold OP_STATE (zero) and the SEPT root (free entries): 134, 145.
   */
  addcx(page: IntLike): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.leaf("tdh_mng_addcx");
    const { min, max } = state.size.tdcs;
    const op = this.#parts.opState(leaf);
    return {
      leaf,
      object: this.#parts.objects({ page }),
      stages: [
        {
          after: "TDR",
          checks: [
            this.#parts.type(state.at.tdr(TD), PageType.PT_TDR),
            this.#parts.lifecycle(TD, "TD_KEYS_CONFIGURED", "TDX_TD_KEYS_NOT_CONFIGURED"),
            { when: ge(state.tdcx, max), status: "TDX_TDCX_NUM_INCORRECT", note: "the TDCS has all its pages" },
          ],
        },
        {
          after: "PAGE",
          checks: [this.#parts.type(page, PageType.PT_NDA), { ...op, when: and(ge(state.tdcx, min), op.when) }],
        },
      ],
      body: [
        when(eq(state.tdcx, 0), [
          set(state.opState, OpState.UNINITIALIZED),
          set(state.entry.at(state.parent), Sept.FREE),
        ]),
        inc(state.tdcx),
        ...this.#parts.give(page, PageType.PT_TDCX),
      ],
      note: "a page is added to the TDCS",
    };
  }

  /** TDH.MNG.INIT. Checks: api_calls/tdh_mng_init.c:605, 621. Effects: 645 to 649, 723. */
  init(): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.leaf("tdh_mng_init");
    return {
      leaf,
      object: this.#parts.objects({}),
      stages: this.#parts.onTdcs(leaf),
      body: [
        set(state.vcpus, 0),
        set(state.associated, 0),
        ...state.epochs.reset(),
        set(state.opState, OpState.INITIALIZED),
      ],
      note: "the TD is initialized",
    };
  }

  /** TDH.MNG.RD and TDH.MNG.WR of a field that exists. Checks: api_calls/tdh_mng_rd_wr.c: as for any leaf on the TDCS. */
  mngAccess(writes: boolean): LifeCall {
    const leaf = this.#parts.leaf(writes ? "tdh_mng_wr" : "tdh_mng_rd");
    return {
      leaf,
      object: this.#parts.objects({}),
      stages: this.#parts.onTdcs(leaf),
      body: [],
      note: writes ? "a field of the TD is written" : "a field of the TD is read",
    };
  }

  /** TDH.MR.FINALIZE. Checks: api_calls/tdh_mr_finalize.c:57, 73, 83. Effect: 113. */
  finalize(): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.leaf("tdh_mr_finalize");
    const [tdr, tdcs] = this.#parts.onTdcs(leaf) as [Stage, Stage];
    const none: Check = { when: eq(state.vcpus, 0), status: "TDX_NO_VCPUS", note: "no vCPU is initialized" };
    return {
      leaf,
      object: this.#parts.objects({}),
      stages: [tdr, { ...tdcs, checks: [...(tdcs.checks ?? []), none] }],
      body: [set(state.opState, OpState.RUNNABLE)],
      note: "the TD can run",
    };
  }

  /**
   * TDH.MNG.VPFLUSHDONE. Checks: api_calls/tdh_mng_vpflushdone.c:61, 89, 104 to 113 (only an initialized TD has vCPUs). Effects: 124, 127, 130.
   */
  vpflushdone(td: number): LifeCall {
    const { state } = this.#parts;
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
      leaf: this.#parts.leaf("tdh_mng_vpflushdone"),
      object: this.#parts.objects({ td }),
      stages: [
        { after: "TDR", checks: [this.#parts.type(state.at.tdr(td), PageType.PT_TDR)] },
        { after: "KOT", checks },
      ],
      body: [
        ...this.#parts.packages((n) => set(state.toWriteBack.at(n), true)),
        set(state.lifecycle.at(td), LifeCycle.TD_BLOCKED),
        set(state.kot, Kot.HKID_FLUSHED),
      ],
      note: "the TD is blocked, the HKID flushed",
    };
  }

  /** TDH.PHYMEM.CACHE.WB on a package, not interrupted. Check: api_calls/tdh_phymem_cache_wb.c:117. Effect: 189. */
  cacheWb(n: number): LifeCall {
    const { state } = this.#parts;
    return {
      leaf: this.#parts.leaf("tdh_phymem_cache_wb"),
      object: this.#parts.objects({ package: n }),
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
    const { state } = this.#parts;
    const left: Check = {
      when: exists(state.size.packages, (n) => state.toWriteBack.at(n)),
      status: "TDX_WBCACHE_NOT_COMPLETE",
      note: "a package's caches are not written back",
    };
    return {
      leaf: this.#parts.leaf("tdh_mng_key_freeid"),
      object: this.#parts.objects({ td }),
      stages: [
        {
          after: "TDR",
          checks: [this.#parts.type(state.at.tdr(td), PageType.PT_TDR), this.#parts.lifecycle(td, "TD_BLOCKED")],
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
      when: eq(this.#parts.state.pt.at(page), PageType.PT_NDA),
      status: "TDX_PAGE_METADATA_INCORRECT",
      operand: "row",
      note: "the page is nobody's",
    };
  }

  /** TDH.PHYMEM.PAGE.RECLAIM of a page that is no TDR. Checks: api_calls/tdh_phymem_page_reclaim.c:98, 140. Effects: 148, 177. */
  reclaim(page: number): LifeCall {
    return {
      leaf: this.#parts.leaf("tdh_phymem_page_reclaim"),
      object: this.#parts.objects({ page }),
      stages: [
        { after: "PAGE", checks: [this.#owned(page)] },
        { after: "TDR", checks: [this.#parts.lifecycle(TD, "TD_TEARDOWN")] },
      ],
      body: this.#parts.take(page),
      note: "the page is reclaimed",
    };
  }

  /** The same of a TDR, which takes no second TDR. Checks: api_calls/tdh_phymem_page_reclaim.c:98, 157, 165. Effect: 177. */
  reclaimTdr(td: number): LifeCall {
    const { state } = this.#parts;
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
      leaf: this.#parts.leaf("tdh_phymem_page_reclaim"),
      object: this.#parts.objects({ page }),
      takes: ({ resource }) => resource !== "TDR",
      stages: [{ after: "PAGE", checks: [this.#owned(page), this.#parts.lifecycle(td, "TD_TEARDOWN"), ...children] }],
      body: [set(state.pt.at(page), PageType.PT_NDA)],
      note: "the TDR is reclaimed",
    };
  }

  /** TDH.PHYMEM.PAGE.WBINVD. Check: api_calls/tdh_phymem_page_wbinvd.c: the page is nobody's. */
  wbinvd(page: number): LifeCall {
    return {
      leaf: this.#parts.leaf("tdh_phymem_page_wbinvd"),
      object: this.#parts.objects({ page }),
      takes: ({ resource, when: condition }) => resource !== "PAMT_2M" || condition === null,
      stages: [{ after: "PAGE", checks: [this.#parts.type(page, PageType.PT_NDA)] }],
      body: [],
      note: "the page's cache lines are written back",
    };
  }
}
