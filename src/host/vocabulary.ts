/** The closed vocabularies of a host profile. */

/**
 * What one object of a lock belongs to: there is one lock per machine, per VM, per vCPU, …
 * `entry` is one Secure EPT entry, `inode` one file that backs private memory, `page` one physical page.
 */
export const LOCK_SCOPES = ["machine", "package", "vm", "vcpu", "inode", "entry", "page"] as const;

/**
 * What sort of thing keeps others out. All work alike, exclusive against shared, except:
 * `srcu` readers exclude nobody, `kick` keeps every vCPU of the VM out of the guest while it is held.
 */
export const LOCK_KINDS = [
  "mutex",
  "rwlock",
  "percpu",
  "srcu",
  "flag",
  "entry",
  "ownership",
  "context",
  "kick",
] as const;

export type LockScope = (typeof LOCK_SCOPES)[number];

/** How it is known that a lock is held. */
export const KNOWN_BY = ["derived", "asserted", "rule", "stated"] as const;

/** What the caller does with a BUSY; a number follows `retry` and `kick-and-retry`, an error name follows `return`. */
export const REACTION =
  /^(retry:(\d+|unbounded)|kick-and-retry:\d+|return:-?[A-Z]\w*|refault|reenter|warn|bug-vm|leak|misread|ignore|unknown)$/;

/** TD exits of a running vCPU after which hosts differ. */
export const TD_EXITS = ["host-priority-timeout", "pending-page"] as const;
export type TdExit = (typeof TD_EXITS)[number];
