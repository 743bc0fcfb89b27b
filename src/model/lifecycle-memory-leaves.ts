/**
 * The leaves on a TD's private memory: their checks and effects, each written once. Lines are those of module 1.5.05 below `src/`; `api_calls` stands for
 * `vmm_dispatcher/api_calls`. 1.5.25 has the same checks in the same order.
 */
import type { Leaf } from "../catalog/index.ts";
import { and, eq, ne, or, set } from "../language/index.ts";
import type { Check, LifeCall } from "./lifecycle-call.ts";
import type { LifeParts } from "./lifecycle-parts.ts";
import { PageType } from "./lifecycle-state.ts";
import {
  acceptBody,
  attributesBody,
  augBody,
  blockBody,
  type GuestBody,
  removeBody,
  Sept,
  type SeptBody,
  septRemoveBody,
  trackBody,
  unblockBody,
} from "./sept.ts";

export class MemoryLeaves {
  readonly #parts: LifeParts;

  constructor(parts: LifeParts) {
    this.#parts = parts;
  }

  /**
   * TDH.MEM.SEPT.ADD of the last level, no L2 VM. Checks: api_calls/tdh_mem_sept_add.c:357, 379, 110. Effects: 213 (`init_new_sept_page`, 39)
   * and the parent's entry, 217. From version 1 on the caller may give no page; there must be one then, and nothing is added (70 to 81).
   */
  septAdd({ version = 0, page: given = true } = {}): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.variant("tdh_mem_sept_add", version);
    const page = state.at.sept;
    const parent = state.entry.at(state.parent);
    const illegal = this.#parts.entryState(leaf, state.parent);
    const exists: Check = {
      ...illegal,
      when: ne(parent, Sept.FREE),
      note: "the SEPT page exists already",
    };
    const adds: LifeCall = {
      leaf,
      object: this.#parts.objects({ page, entry: state.parent }),
      takes: ({ times }) => times === "1",
      stages: [
        ...this.#parts.onTdcs(leaf),
        { after: "SEPT_ENTRY", checks: [illegal, exists] },
        { after: "PAGE", checks: [this.#parts.type(page, PageType.PT_NDA)] },
      ],
      body: [
        set(parent, Sept.NL_MAPPED),
        ...Array.from({ length: state.size.pages }, (_, n) => set(state.entry.at(n), Sept.FREE)),
        ...Array.from({ length: state.size.pages + 1 }, (_, n) => state.epochs.forgetBlocked(n)).flat(),
        ...this.#parts.give(page, PageType.PT_EPT),
      ],
      note: "a SEPT page is added",
    };
    if (given) return adds;
    const missing: Check = { ...illegal, when: ne(parent, Sept.NL_MAPPED), note: "there is no SEPT page" };
    return {
      ...adds,
      takes: ({ role, times }) => times === "1" && role !== "to-add" && role !== "sept_page",
      stages: [...this.#parts.onTdcs(leaf), { after: "SEPT_ENTRY", checks: [illegal, missing] }],
      body: [],
      note: "the SEPT page exists already, nothing is added",
    };
  }

  /** TDH.MEM.SEPT.REMOVE of the SEPT page: `septRemoveBody`; besides api_calls/tdh_mem_sept_remove.c:83, 98, 178. Effects on the PAMT: 280, 281. */
  septRemove(): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.leaf("tdh_mem_sept_remove");
    const empty = and(...Array.from({ length: state.size.pages }, (_, n) => eq(state.entry.at(n), Sept.FREE)));
    const body = septRemoveBody(state, leaf, state.parent, this.#parts.running, empty);
    return {
      leaf,
      object: this.#parts.objects({ page: state.at.sept, entry: state.parent }),
      takes: ({ times }) => times === "1",
      stages: [
        ...this.#parts.onTdcs(leaf),
        { after: "SEPT_ENTRY", checks: this.#parts.checksOf(body, "SEPT_ENTRY") },
        { after: "PAGE", checks: this.#parts.checksOf(body, "PAGE") },
      ],
      body: [...state.effects(body), ...this.#parts.take(state.at.sept)],
      note: body.note,
    };
  }

  /** TDH.MEM.PAGE.ADD. Checks: api_calls/tdh_mem_page_add.c:89, 105, 133, 148, 165. Effects: 189, 223, 226. */
  pageAdd(page: number, target: number = this.#parts.state.at.data(page)): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.leaf("tdh_mem_page_add");
    return {
      leaf,
      object: this.#parts.objects({ page: target }),
      stages: [
        ...this.#parts.onTdcs(leaf),
        { after: "SEPT_TREE", checks: [this.#parts.walk(), this.#parts.entryState(leaf, page)] },
        { after: "PAGE", checks: [this.#parts.type(target, PageType.PT_NDA)] },
      ],
      body: [
        set(state.entry.at(page), Sept.MAPPED),
        ...state.epochs.forgetBlocked(page),
        ...this.#parts.give(target, PageType.PT_REG),
      ],
      note: "the page is added, mapped and measured",
    };
  }

  /**
   * TDH.MR.EXTEND. Checks: api_calls/tdh_mr_extend.c:77, 93, 113: the walk to a leaf fails without a leaf or without permissions, which a
   * pending or blocked page lacks (tdh_mem_page_aug.c:176, tdh_mem_range_block.c:54); reported as not present with the operand: 126.
   */
  extend(page: number): LifeCall {
    const leaf = this.#parts.leaf("tdh_mr_extend");
    const entry = this.#parts.state.entry.at(page);
    const walk: Check = {
      when: or(this.#parts.unreached, ne(entry, Sept.MAPPED)),
      status: "TDX_EPT_ENTRY_NOT_PRESENT",
      operand: "RCX",
      note: "no present leaf entry",
    };
    const legal = this.#parts.entryState(leaf, page, { status: "TDX_EPT_ENTRY_NOT_PRESENT" });
    return {
      leaf,
      object: this.#parts.objects({}),
      stages: [...this.#parts.onTdcs(leaf), { after: "SEPT_TREE", checks: [walk, withoutOperand(legal)] }],
      body: [],
      note: "the measurement is extended",
    };
  }

  /** TDH.MEM.PAGE.AUG: `augBody`; besides api_calls/tdh_mem_page_aug.c:80, 96, 115, 159. Effects on the PAMT: 180, 183. */
  aug(page: number): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.leaf("tdh_mem_page_aug");
    const target = state.at.data(page);
    const body = augBody(state, leaf, page);
    return {
      leaf,
      object: this.#parts.objects({ page: target, entry: page }),
      stages: [
        ...this.#parts.onTdcs(leaf),
        { after: "SEPT_TREE", checks: [this.#parts.walk()] },
        { after: "SEPT_ENTRY", checks: this.#parts.checksOf(body, "SEPT_ENTRY") },
        { after: "PAGE", checks: [this.#parts.type(target, PageType.PT_NDA)] },
      ],
      body: [...state.effects(body), ...this.#parts.give(target, PageType.PT_REG)],
      note: body.note,
    };
  }

  /**
   * A TDCALL on a page's entry, in one step. `violation`: where the guest goes on when it ends in a TD exit; `above`: when the walk ends at
   * the entry above and the leaf takes that one.
   */
  #guestCall(leaf: Leaf, page: number, body: GuestBody, violation: string, above?: string): LifeCall {
    const exits = { status: "NONE", next: violation, note: "TD exit, EPT violation" } as const;
    const ends = above === undefined ? exits : { ...exits, next: above, note: "the walk ends at the entry above" };
    const walks = leaf.acquisitions.some(({ resource }) => resource === "SEPT_TREE");
    return {
      leaf,
      object: this.#parts.objects({ entry: page }),
      stages: [
        ...(walks ? [{ after: "SEPT_TREE", checks: [{ ...ends, when: this.#parts.unreached }] }] : []),
        {
          after: "SEPT_ENTRY",
          checks: [
            ...this.#parts.checksOf(body, "SEPT_ENTRY"),
            { ...exits, when: or(body.violates, ...(walks ? [] : [this.#parts.unreached])) },
          ],
        },
      ],
      body: this.#parts.state.effects(body),
      note: body.note,
    };
  }

  /** TDG.MEM.PAGE.ACCEPT: `acceptBody`. */
  accept(page: number, violation: string): LifeCall {
    const leaf = this.#parts.leaf("tdg_mem_page_accept");
    return this.#guestCall(leaf, page, acceptBody(this.#parts.state, leaf, page), violation);
  }

  /** TDG.MEM.PAGE.ATTR.RD: `attributesBody`. It takes what its walk ends at (vm_exits/tdg_mem_page_attr_rd.c:75 to 79): {@link attributesAbove}. */
  readAttributes(page: number, violation: string, above: string): LifeCall {
    const leaf = this.#parts.leaf("tdg_mem_page_attr_rd");
    const body = attributesBody(this.#parts.state, leaf, page, "attributes are read");
    return this.#guestCall(leaf, page, body, violation, above);
  }

  /** The same where there is no SEPT page, or a blocked one: the entry above, on which it ends in a TD exit (93). */
  attributesAbove(violation: string): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.leaf("tdg_mem_page_attr_rd");
    const { violates, note } = attributesBody(state, leaf, state.parent, "no page has its attributes here");
    const exits: Check = { when: violates, status: "NONE", next: violation, note: "TD exit, EPT violation" };
    return {
      leaf,
      object: this.#parts.objects({ entry: state.parent }),
      stages: [{ after: "SEPT_ENTRY", checks: [exits] }],
      body: [],
      note,
    };
  }

  /** TDG.MEM.PAGE.ATTR.WR: `attributesBody`. A walk that does not reach the entry is a TD exit (vm_exits/tdg_mem_page_attr_wr.c:249). */
  writeAttributes(page: number, violation: string): LifeCall {
    const leaf = this.#parts.leaf("tdg_mem_page_attr_wr");
    return this.#guestCall(
      leaf,
      page,
      attributesBody(this.#parts.state, leaf, page, "attributes are written"),
      violation,
    );
  }

  /** A leaf that takes the tree and an entry: besides its body, the walk fails without a SEPT page. */
  #onEntry(leaf: Leaf, page: number, body: SeptBody): LifeCall {
    return {
      leaf,
      object: this.#parts.objects({ entry: page }),
      stages: [
        ...this.#parts.onTdcs(leaf),
        { after: "SEPT_TREE", checks: page === this.#parts.state.parent ? [] : [this.#parts.walk()] },
        { after: "SEPT_ENTRY", checks: this.#parts.checksOf(body, "SEPT_ENTRY") },
      ],
      body: this.#parts.state.effects(body),
      note: body.note,
    };
  }

  /** TDH.MEM.RANGE.BLOCK of a page, or of the parent's entry: `blockBody`; besides api_calls/tdh_mem_range_block.c:158, 177. */
  block(page: number): LifeCall {
    const leaf = this.#parts.leaf("tdh_mem_range_block");
    return this.#onEntry(leaf, page, blockBody(this.#parts.state, leaf, page));
  }

  /** TDH.MEM.RANGE.UNBLOCK of the same: `unblockBody`; besides api_calls/tdh_mem_range_unblock.c:82, 96, 114. */
  unblock(page: number): LifeCall {
    const leaf = this.#parts.leaf("tdh_mem_range_unblock");
    return this.#onEntry(leaf, page, unblockBody(this.#parts.state, leaf, page, this.#parts.running));
  }

  /** TDH.MEM.TRACK: `trackBody`; besides api_calls/tdh_mem_track.c:59, 75. */
  track(): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.leaf("tdh_mem_track");
    const body = trackBody(state);
    return {
      leaf,
      object: this.#parts.objects({}),
      stages: [...this.#parts.onTdcs(leaf), { after: "TDCS_EPOCH", checks: this.#parts.checksOf(body, "TDCS_EPOCH") }],
      body: this.#parts.state.effects(body),
      note: body.note,
    };
  }

  /** TDH.MEM.PAGE.REMOVE: `removeBody`; besides api_calls/tdh_mem_page_remove.c:75, 91, 110. Effects on the PAMT: 220, 223. */
  remove(page: number): LifeCall {
    const { state } = this.#parts;
    const leaf = this.#parts.leaf("tdh_mem_page_remove");
    const target = state.at.data(page);
    const body = removeBody(state, leaf, page, this.#parts.running);
    const call = this.#onEntry(leaf, page, body);
    return {
      ...call,
      object: this.#parts.objects({ page: target, entry: page }),
      stages: [...call.stages, { after: "PAGE", checks: this.#parts.checksOf(body, "PAGE") }],
      body: [...state.effects(body), ...this.#parts.take(target)],
    };
  }
}

function withoutOperand({ operand: _, ...check }: Check): Check {
  return check;
}
