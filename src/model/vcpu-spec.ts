/** What a scenario states of a vCPU: what it and its guest do, and what they are given to do it. */

import type { Leaf } from "../catalog/index.ts";
import type { ArrayRef, boolType } from "../language/index.ts";
import type { Exits } from "./host-state.ts";

/** How the zero-step counter is kept. */
export type ZeroStep =
  /** As the module does, up to `threshold`. */
  | { readonly kind: "counted"; readonly threshold: number }
  /** Any fault without progress may be the one that raises suspicion: covers every threshold, with fewer states. */
  | { readonly kind: "any" };

/** What a vCPU does in this scenario. */
export interface VcpuSpec {
  /** The right order marks the vCPU first and then looks at the bar. */
  readonly checkBeforeMark: boolean;
  readonly zeroStep: ZeroStep;
  readonly accepts: boolean;
  /** An accept's walk to its entry is a step before it locks that. */
  readonly walksFirst: boolean;
  readonly readsAttributes: boolean;
  readonly writesAttributes: boolean;
  readonly touches: boolean;
  readonly interrupts: boolean;
  /** A guest whose TDCALL is refused makes the same one again, and nothing else, until it is not refused or the TD is left. */
  readonly insists: boolean;
  /** Can a TDCALL that keeps meeting host priority end in a TD exit? */
  readonly hostPriorityTimeout: boolean;
  /** Does an access to a pending page raise #VE? Else it is a TD exit (TDCS.TD_CTLS.PENDING_VE_DISABLE). */
  readonly pendingVe: boolean;
  /** Pages of 2 MB: an accept can be interrupted, and is made again. */
  readonly largePages: boolean;
  /** After -EAGAIN the fault handler may also try again without entering the TD first. */
  readonly localRetry: boolean;
  /** How often a vCPU's fault may be left without a call: an invalidation is under way, or the host's user space is asked. */
  readonly abandonedFaults: number;
  readonly exits: Exits;
}

/** Leaves that a vCPU process calls. */
export interface VcpuLeaves {
  readonly enter: Leaf;
  readonly aug: Leaf;
  readonly accept: Leaf;
  readonly readAttributes: Leaf;
  readonly writeAttributes: Leaf;
}

/**
 * The module's watch on host priority (td_dispatcher/tdx_td_dispatcher.c:408 to 436): a TDCALL that meets host priority notes when, unless it
 * did before; a TDCALL that returns anything else forgets it; one that meets host priority again after HP_LOCK_TIMEOUT ends in a TD exit.
 */
export interface HostPriorityWatch {
  /** By vCPU: TDVPS.HP_LOCK_BUSY. */
  readonly busy: ArrayRef<typeof boolType>;
  /** By vCPU: HP_LOCK_TIMEOUT has passed since. */
  readonly late: ArrayRef<typeof boolType>;
}
