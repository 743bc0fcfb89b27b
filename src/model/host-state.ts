/** What a scenario of a running TD keeps of the host. */
import type { TdExit } from "../host/index.ts";
import type { ArrayRef, BoolRef, boolType, IntRef } from "../language/index.ts";

/** What keeps vCPUs out, and who maps pages: the host's own state. */
export interface Host {
  /** The request that bars entry. */
  readonly barred: BoolRef;
  /** By vCPU: marked as in guest mode, which on Linux also means that interrupts are off. */
  readonly inGuestMode: ArrayRef<typeof boolType>;
  /**
   * IPIs are out, and a vCPU that was in guest mode then has not taken its own: it does when interrupts are on again, and a guest cannot
   * put it off. A vCPU that was outside marks itself again only when this is over: what it could do meanwhile, it can do then, before the
   * host goes on. So whoever is in guest mode has been kicked.
   */
  readonly kicking: BoolRef;
  /** kvm->mmu_lock */
  readonly readers: IntRef;
  readonly writer: BoolRef;
  /** By page: somebody is mapping it (the mirror SPTE is frozen). */
  readonly frozen: ArrayRef<typeof boolType>;
}

/** What a host does after TD exits: enter again, tell user space of an error, end the VM. */
export type Exits = ReadonlyMap<TdExit, "enters" | "error" | "vm-dead">;

/** The labels of a vCPU that leaves the TD by an exit after which its host does not go on, and of one that has. */
export const leavingBy = (exit: TdExit): string => `${exit}: exit`;
export const endedBy = (exit: TdExit): string => `${exit}: the end`;
