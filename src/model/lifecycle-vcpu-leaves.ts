import { dec, ge, type IntLike, inc, ne, set } from "../language/index.ts";
import type { Check, LifeCall } from "./lifecycle-call.ts";
import { type LifeParts, TD } from "./lifecycle-parts.ts";
import { PageType, Vcpu } from "./lifecycle-state.ts";

export class VcpuLeaves {
  readonly #parts: LifeParts;

  constructor(parts: LifeParts) {
    this.#parts = parts;
  }

  /** TDH.VP.CREATE. Checks: api_calls/tdh_vp_create.c:63, 79, 89. Effects: 108 (zeroed), 115, 116, 120, 123. */
  vpCreate(vcpu: number): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.leaf("tdh_vp_create");
    const page = state.at.tdvpr(vcpu);
    return {
      leaf,
      object: this.#parts.objects({ vcpu }),
      stages: [...this.#parts.onTdcs(leaf), { after: "TDVPR", checks: [this.#parts.type(page, PageType.PT_NDA)] }],
      body: [
        set(state.vcpu.at(vcpu), Vcpu.VCPU_UNINITIALIZED),
        set(state.tdvx.at(vcpu), 1),
        set(state.lp.at(vcpu), 0),
        ...this.#parts.give(page, PageType.PT_TDVPR),
      ],
      note: "the TDVPR is created",
    };
  }

  /** TDH.VP.ADDCX. Checks: api_calls/tdh_vp_addcx.c:71, 100, 117, 126, 134. Effects: 167, 171, 174. */
  vpAddcx(vcpu: number, page: IntLike): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.leaf("tdh_vp_addcx");
    const checks: Check[] = [
      this.#parts.uninitialized(vcpu),
      {
        when: ge(state.tdvx.at(vcpu), state.size.tdvps.max),
        status: "TDX_TDCX_NUM_INCORRECT",
        note: "the TDVPS has all its pages",
      },
    ];
    return {
      leaf,
      object: this.#parts.objects({ vcpu, page }),
      stages: [
        ...this.#parts.onTdvpr(leaf, vcpu, checks),
        { after: "PAGE", checks: [this.#parts.type(page, PageType.PT_NDA)] },
      ],
      body: [inc(state.tdvx.at(vcpu)), ...this.#parts.give(page, PageType.PT_TDCX)],
      note: "a page is added to the TDVPS",
    };
  }

  /** TDH.VP.INIT. Checks: api_calls/tdh_vp_init.c:130, 160, 173, 183. Effects: 196, 289; association: common/helpers/helpers.c:1045, 1054. */
  vpInit(vcpu: number, lp: IntLike, version = 0): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.variant("tdh_vp_init", version);
    return {
      leaf,
      object: this.#parts.objects({ vcpu }),
      stages: this.#parts.onTdvpr(leaf, vcpu, [this.#parts.tdvps(vcpu), this.#parts.uninitialized(vcpu)]),
      body: [
        inc(state.vcpus),
        set(state.vcpu.at(vcpu), Vcpu.VCPU_READY),
        set(state.lp.at(vcpu), lp),
        inc(state.associated),
      ],
      note: "the vCPU is initialized and associated",
    };
  }

  /** TDH.VP.RD and TDH.VP.WR of a field that exists: they associate the vCPU as entry does (api_calls/tdh_vp_rd_wr.c, `check_and_associate_vcpu`). */
  vpAccess(vcpu: number, writes: boolean, lp: IntLike): LifeCall {
    const leaf = this.#parts.leaf(writes ? "tdh_vp_wr" : "tdh_vp_rd");
    return {
      leaf,
      object: this.#parts.objects({ vcpu }),
      stages: this.#parts.onTdvpr(leaf, vcpu, [this.#parts.tdvps(vcpu), ...this.#parts.associable(vcpu, lp)]),
      body: this.#parts.associate(vcpu, lp),
      note: writes ? "a field of the vCPU is written" : "a field of the vCPU is read",
    };
  }

  /**
   * TDH.VP.ENTER up to TD entry. Checks: td_transitions/tdh_vp_enter.c:604, 636, 651, 662 (`check_and_associate_vcpu` and `associate_vcpu`,
   * common/helpers/helpers.c:1029, 976). The association stays when the epoch lock is busy later on.
   */
  enter(vcpu: number, lp: IntLike): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.leaf("tdh_vp_enter");
    const checks = [this.#parts.tdvps(vcpu), ...this.#parts.associable(vcpu, lp)];
    return {
      leaf,
      object: this.#parts.objects({ vcpu }),
      stages: this.#parts.onTdvpr(leaf, vcpu, checks, this.#parts.associate(vcpu, lp)),
      takes: ({ when: condition }) => condition === null,
      body: state.epochs.enter(vcpu),
      note: "counted into the TD epoch; TD entry",
    };
  }

  /** TDH.VP.FLUSH. Checks: api_calls/tdh_vp_flush.c:65, 93, 107, 117. Effects: 145, 148. */
  flush(vcpu: number, lp: IntLike): LifeCall {
    const { state } = this.#parts;
    const elsewhere: Check = {
      when: ne(state.lp.at(vcpu), lp),
      status: "TDX_VCPU_NOT_ASSOCIATED",
      note: "the vCPU is not associated with this LP",
    };
    return {
      leaf: this.#parts.leaf("tdh_vp_flush"),
      object: this.#parts.objects({ vcpu }),
      stages: [
        { after: "TDVPR", checks: [this.#parts.type(state.at.tdvpr(vcpu), PageType.PT_TDVPR)] },
        {
          after: "TDR",
          checks: [
            this.#parts.lifecycle(TD, "TD_KEYS_CONFIGURED", "TDX_TD_KEYS_NOT_CONFIGURED"),
            this.#parts.tdvps(vcpu),
            elsewhere,
          ],
        },
      ],
      body: [set(state.lp.at(vcpu), 0), dec(state.associated)],
      note: "the vCPU is flushed and no longer associated",
    };
  }
}
