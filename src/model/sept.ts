/**
 * What the leaves do to a leaf entry of the SEPT and to the TD epoch, written once for every scenario: their checks in the source's order, then the
 * effect. Which entry states a leaf accepts comes from the catalog. Lines are those of module 1.5.05 below `src/`; `api_calls` stands for
 * `vmm_dispatcher/api_calls`, `vm_exits` for `td_dispatcher/vm_exits`.
 */
import type { Leaf } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import {
  and,
  assertThat,
  type BoolExpr,
  type BoolLike,
  type Effect,
  enumOf,
  eq,
  type IntExpr,
  type IntLike,
  ite,
  not,
  oneOf,
  or,
} from "../language/index.ts";
import type { Epochs } from "./epochs.ts";

/** States of a leaf entry that a TD without migration goes through. */
export const PAGE_STATES = ["FREE", "PENDING", "MAPPED", "PENDING_BLOCKED", "BLOCKED"] as const;
/** The same and those of an entry that a SEPT page hangs from. */
const SEPT_STATES = [...PAGE_STATES, "NL_MAPPED", "NL_BLOCKED"] as const;
export const Sept = enumOf("Sept", SEPT_STATES);

/** Statuses of these leaves. */
export type SeptStatus =
  | "TDX_EPT_ENTRY_STATE_INCORRECT"
  | "TDX_GPA_RANGE_ALREADY_BLOCKED"
  | "TDX_GPA_RANGE_NOT_BLOCKED"
  | "TDX_TLB_TRACKING_NOT_DONE"
  | "TDX_PREVIOUS_TLB_EPOCH_BUSY"
  | "TDX_EPT_PAGE_NOT_FREE"
  | "TDX_PAGE_ALREADY_ACCEPTED";

/** A check: when it holds, the call ends with the status. Later checks are made only when it does not hold. */
export interface SeptCheck {
  readonly when: BoolExpr;
  readonly status: SeptStatus;
  /** The operand whose number the status carries. */
  readonly operand?: string;
  /** The resource after whose acquisition the source makes the check. */
  readonly after: "SEPT_ENTRY" | "PAGE" | "TDCS_EPOCH";
  readonly note: string;
}

/** A new state for an entry whose lock the caller holds. */
export interface EntryWrite {
  readonly entry: IntLike;
  readonly state: IntExpr;
}

/** What a leaf does once it has its locks. */
export interface SeptBody {
  readonly checks: readonly SeptCheck[];
  /** What it writes into the entry: how that goes, instruction by instruction, depends on the module. */
  readonly write: EntryWrite | null;
  /** What else it does. */
  readonly do: readonly Effect[];
  readonly note: string;
}

/** The entries and the epoch of a scenario. */
export interface SeptView {
  readonly epochs: Epochs;
  state(page: IntLike): IntExpr;
}

/** Is the entry in a state on which the leaf is legal? */
export function legalState(leaf: Leaf, state: IntExpr): BoolExpr {
  const { septStates } = leaf;
  if (septStates === null) {
    throw new SeamlockError("SL4211", `the module's catalog does not say on which SEPT states ${leaf.name} is legal`, {
      hint: "Use a catalog that was extracted from source: `seamlock modules` lists them",
    });
  }
  return oneOf(
    state,
    SEPT_STATES.filter((name) => septStates.includes(name)).map((name) => Sept[name]),
  );
}

/**
 * Would an access to the page end in an EPT violation that reaches the host? One to a pending page raises #VE in the guest instead, unless
 * the TD has that disabled (`td_ept_violation_exit`, vm_exits/td_ept_violation.c:109 to 132).
 */
export const faults = (state: IntExpr, pendingToo: boolean, resized = false): BoolExpr =>
  oneOf(state, [
    Sept.FREE,
    Sept.BLOCKED,
    Sept.PENDING_BLOCKED,
    ...(pendingToo ? [Sept.PENDING] : []),
    ...(resized ? [Sept.NL_BLOCKED] : []),
  ]);

const blocked = (state: IntExpr): BoolExpr => oneOf(state, [Sept.BLOCKED, Sept.PENDING_BLOCKED, Sept.NL_BLOCKED]);

/** `block_sept_entry` and `sept_unblock`, common/memory_handlers/sept_manager.h: each state and the same state blocked. */
const BLOCKING = [
  [Sept.PENDING, Sept.PENDING_BLOCKED],
  [Sept.NL_MAPPED, Sept.NL_BLOCKED],
  [Sept.MAPPED, Sept.BLOCKED],
] as const;

const blockedFrom = (state: IntExpr): IntExpr => mapped(state, BLOCKING);
const unblockedFrom = (state: IntExpr): IntExpr =>
  mapped(
    state,
    BLOCKING.map(([open, shut]) => [shut, open] as const),
  );

/** The partner of a state; of any other the last one. */
function mapped(state: IntExpr, pairs: readonly (readonly [IntExpr, IntExpr])[]): IntExpr {
  const [last] = pairs.slice(-1) as [readonly [IntExpr, IntExpr]];
  return pairs.slice(0, -1).reduceRight((rest, [from, to]) => ite(eq(state, from), to, rest), last[1]);
}

const illegal = (leaf: Leaf, state: IntExpr): SeptCheck => ({
  when: not(legalState(leaf, state)),
  status: "TDX_EPT_ENTRY_STATE_INCORRECT",
  operand: "RCX",
  after: "SEPT_ENTRY",
  note: "the entry is in another state",
});

const untracked = (view: SeptView, page: IntLike, running: BoolLike): SeptCheck => ({
  when: and(running, not(view.epochs.tracked(page))),
  status: "TDX_TLB_TRACKING_NOT_DONE",
  operand: "RCX",
  after: "PAGE",
  note: "a vCPU may still run from the blocking epoch",
});

/** TDH.MEM.RANGE.BLOCK of a page or of what hangs from an entry. Checks: api_calls/tdh_mem_range_block.c:213 to 221. Effects: 233, 279. */
export function blockBody(view: SeptView, leaf: Leaf, page: IntLike): SeptBody {
  const state = view.state(page);
  const wrong = illegal(leaf, state);
  return {
    checks: [
      {
        ...wrong,
        when: and(wrong.when, blocked(state)),
        status: "TDX_GPA_RANGE_ALREADY_BLOCKED",
        note: "it is blocked already",
      },
      wrong,
    ],
    write: { entry: page, state: blockedFrom(state) },
    do: view.epochs.stampBlocked(page),
    note: "the page is blocked in this epoch",
  };
}

/** TDH.MEM.RANGE.UNBLOCK of a page or of what hangs from an entry. Checks: api_calls/tdh_mem_range_unblock.c:148, 184. Effect: 224 to 228. */
export function unblockBody(view: SeptView, leaf: Leaf, page: IntLike, running: BoolLike = true): SeptBody {
  const state = view.state(page);
  return {
    checks: [illegal(leaf, state), { ...untracked(view, page, running), after: "SEPT_ENTRY" }],
    write: { entry: page, state: unblockedFrom(state) },
    do: view.epochs.forgetBlocked(page),
    note: "the page is no longer blocked",
  };
}

/** TDH.MEM.TRACK. Check: api_calls/tdh_mem_track.c:98. Effect: 112. */
export function trackBody({ epochs }: Pick<SeptView, "epochs">): SeptBody {
  return {
    checks: [
      {
        when: not(epochs.previousEmpty),
        status: "TDX_PREVIOUS_TLB_EPOCH_BUSY",
        after: "TDCS_EPOCH",
        note: "a vCPU still runs in the epoch before",
      },
    ],
    write: null,
    do: epochs.next(),
    note: "the next TD epoch begins",
  };
}

/**
 * TDH.MEM.PAGE.REMOVE. Checks: api_calls/tdh_mem_page_remove.c:147, 179, 189. Effect: 216.
 *
 * @param running may the TD run? Tracking is asked for in OP_STATE RUNNABLE, for every leaf state here (`state_flags_lookup`,
 *   `sept_special_flags_lookup` of include/auto_gen)
 */
export function removeBody(view: SeptView, leaf: Leaf, page: IntLike, running: BoolLike = true): SeptBody {
  return {
    checks: removalChecks(view, leaf, page, running),
    write: { entry: page, state: Sept.FREE },
    do: [
      assertThat(
        "no vCPU can have a translation of a page that is removed",
        or(not(running), view.epochs.noStaleTranslation(page)),
      ),
      ...view.epochs.forgetBlocked(page),
    ],
    note: "the page is removed",
  };
}

/**
 * TDH.MEM.SEPT.REMOVE of the SEPT page that hangs from an entry. Checks: api_calls/tdh_mem_sept_remove.c:165, 197, 207, 222. Effect: 274.
 *
 * @param empty are all entries of the SEPT page free?
 */
export function septRemoveBody(
  view: SeptView,
  leaf: Leaf,
  entry: IntLike,
  running: BoolLike,
  empty: BoolExpr,
): SeptBody {
  return {
    checks: [
      ...removalChecks(view, leaf, entry, running),
      {
        when: not(empty),
        status: "TDX_EPT_PAGE_NOT_FREE",
        operand: "RCX",
        after: "PAGE",
        note: "the SEPT page has entries in use",
      },
    ],
    write: { entry, state: Sept.FREE },
    do: [
      assertThat(
        "no vCPU can have a translation through a SEPT page that is removed",
        or(not(running), view.epochs.noStaleTranslation(entry)),
      ),
      ...view.epochs.forgetBlocked(entry),
    ],
    note: "the SEPT page is removed",
  };
}

/**
 * TDH.MEM.PAGE.DEMOTE of an accepted page of 2 MB. Checks: api_calls/tdh_mem_page_demote.c:200, 221, 230. Effect: 405: the entry leads to 512
 * entries of its own, which are as it was before it was blocked.
 */
export function demoteBody(view: SeptView, leaf: Leaf, page: IntLike): SeptBody {
  return resized(view, leaf, page, { to: Sept.NL_MAPPED, note: "the page is split into 512" });
}

/**
 * TDH.MEM.PAGE.PROMOTE of 512 accepted pages. Checks: api_calls/tdh_mem_page_promote.c:297, 323, 332. Effect: 468. That the 512 are not all
 * alike (TDX_EPT_INVALID_PROMOTE_CONDITIONS) is left out: it is no BUSY.
 */
export function promoteBody(view: SeptView, leaf: Leaf, page: IntLike): SeptBody {
  return resized(view, leaf, page, { to: Sept.MAPPED, note: "512 pages are merged into one" });
}

function resized(
  view: SeptView,
  leaf: Leaf,
  page: IntLike,
  { to, note }: { readonly to: IntExpr; readonly note: string },
): SeptBody {
  const untouched = view.epochs.noStaleTranslation(page);
  return {
    checks: removalChecks(view, leaf, page, true),
    write: { entry: page, state: to },
    do: [
      assertThat("no vCPU can have a translation of a page whose size changes", untouched),
      ...view.epochs.forgetBlocked(page),
    ],
    note,
  };
}

function removalChecks(view: SeptView, leaf: Leaf, entry: IntLike, running: BoolLike): SeptCheck[] {
  const state = view.state(entry);
  return [
    illegal(leaf, state),
    {
      when: and(running, not(blocked(state))),
      status: "TDX_GPA_RANGE_NOT_BLOCKED",
      operand: "RCX",
      after: "PAGE",
      note: "it is not blocked",
    },
    untracked(view, entry, running),
  ];
}

/** TDH.MEM.PAGE.AUG of a 4 KB page. Check: api_calls/tdh_mem_page_aug.c:150. Effect: 176. */
export function augBody(view: SeptView, leaf: Leaf, page: IntLike): SeptBody {
  return {
    checks: [illegal(leaf, view.state(page))],
    write: { entry: page, state: Sept.PENDING },
    do: view.epochs.forgetBlocked(page),
    note: "the page is pending",
  };
}

/** What a TDCALL on one 4 KB page's entry does once it has the entry's lock. */
export interface GuestBody extends SeptBody {
  /** When it holds, the call ends in a TD exit as for an EPT violation, the entry unlocked; made after the checks. */
  readonly violates: BoolExpr;
  /** Does a pending interrupt end it after a part of a page that is larger than 4 KB? */
  readonly inParts: boolean;
}

/** TDG.MEM.PAGE.ACCEPT. vm_exits/tdg_mem_page_accept.c:112 (accepted already), 120 and 214 (TD exit), 274, 302 (the entry is written). */
export function acceptBody(view: SeptView, leaf: Leaf, page: IntLike): GuestBody {
  const state = view.state(page);
  const accepted = eq(state, Sept.MAPPED);
  return {
    checks: [
      { when: accepted, status: "TDX_PAGE_ALREADY_ACCEPTED", after: "SEPT_ENTRY", note: "it was accepted before" },
    ],
    violates: and(not(accepted), not(legalState(leaf, state))),
    inParts: true,
    write: { entry: page, state: Sept.MAPPED },
    do: [],
    note: "the page is accepted",
  };
}

/** A check of a call that can also find that the page has another size. */
export interface SizeCheck extends Omit<SeptCheck, "status"> {
  readonly status: SeptStatus | "TDX_PAGE_SIZE_MISMATCH";
  /** The property that says that this does not come to pass. */
  readonly never?: string;
}

/** What such a call does. */
export interface SizedBody extends Omit<GuestBody, "checks"> {
  readonly checks: readonly SizeCheck[];
}

/** A call on a page of 2 MB that may have been split: vm_exits/tdg_mem_page_accept.c:106, the same in TDG.MEM.PAGE.ATTR.WR. */
export function sized(body: GuestBody, state: IntExpr): SizedBody {
  const when = oneOf(state, [Sept.NL_MAPPED, Sept.NL_BLOCKED]);
  const check = { when, status: "TDX_PAGE_SIZE_MISMATCH", after: "SEPT_ENTRY", note: "it was split" } as const;
  return { ...body, checks: [check, ...body.checks], violates: and(not(when), body.violates) };
}

/** Says that {@link lateAcceptBody} never ends with a wrong status. */
const RIGHT_SIZE = "an accept is never told that a page of its own size has another one";

/**
 * TDG.MEM.PAGE.ACCEPT whose walk found the entry free. Whether the entry is a leaf is taken from the walk, which holds no lock, and a free
 * entry is none; what is there now is read under the lock (vm_exits/tdg_mem_page_accept.c:188, 97, 101: `is_leaf`, the second read, the test).
 */
export function lateAcceptBody(view: SeptView, page: IntLike): SizedBody {
  const free = eq(view.state(page), Sept.FREE);
  const check: SizeCheck = {
    when: not(free),
    status: "TDX_PAGE_SIZE_MISMATCH",
    after: "SEPT_ENTRY",
    note: "it was free when the call walked to it: taken for one that was split",
    never: RIGHT_SIZE,
  };
  return { checks: [check], violates: free, write: null, inParts: false, do: [], note: "" };
}

/**
 * TDG.MEM.PAGE.ATTR.RD and TDG.MEM.PAGE.ATTR.WR in a TD without L2 VMs: attributes of the L1 VM are fixed, so that the entry's state stays
 * as it is (vm_exits/tdg_mem_page_attr_wr.c:297 in 1.5.20). On a state on which they are illegal they end in a TD exit
 * (`basic_ept_violation_exit`, `async_tdexit_ept_violation`).
 *
 * @param rewrites is the state that was read written once more (vm_exits/tdg_mem_page_attr_wr.c:367 in 1.5.20)?
 */
export function attributesBody(
  view: SeptView,
  leaf: Leaf,
  page: IntLike,
  note: string,
  rewrites: boolean = false,
): GuestBody {
  const state = view.state(page);
  return {
    checks: [],
    violates: not(legalState(leaf, state)),
    inParts: false,
    write: rewrites ? { entry: page, state } : null,
    do: [],
    note,
  };
}
