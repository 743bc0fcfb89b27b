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
  "spinlock",
  "rwlock",
  "percpu",
  "srcu",
  "flag",
  "entry",
  "ownership",
  "context",
  "kick",
] as const;

export type LockKind = (typeof LOCK_KINDS)[number];

/** Can a lock of this kind be held shared? */
export const hasSharedMode = (kind: LockKind): boolean => kind !== "mutex" && kind !== "spinlock";

export type LockScope = (typeof LOCK_SCOPES)[number];

/** How it is known that a lock is held. */
export const KNOWN_BY = ["derived", "asserted", "rule", "stated"] as const;

/** What the caller does with a BUSY; a number follows `retry` and `kick-and-retry`, an error name follows `return`. */
export const REACTION =
  /^(retry:(\d+|unbounded)|kick-and-retry:\d+|return:-?[A-Z]\w*|refault|reenter|warn|bug-vm|leak|misread|ignore|unknown)$/;

/** TD exits of a running vCPU after which hosts differ. */
export const TD_EXITS = ["host-priority-timeout", "pending-page"] as const;
export type TdExit = (typeof TD_EXITS)[number];

/** A reaction of a profile, taken apart. */
export interface Reaction {
  /** `retry`, `kick-and-retry`, `return`, `warn`, … */
  readonly kind: string;
  /** How often a call is tried again, without bound `Infinity`; null where it is not. */
  readonly tries: number | null;
  /** The error that is returned; null where none is. */
  readonly error: string | null;
}

/** Reads a reaction as a profile writes it: `retry:16`, `return:-EAGAIN`, `warn`. The one place that knows how they are written. */
export function reactionOf(written: string): Reaction {
  const [kind = "", value] = written.split(":");
  if (value === undefined) return { kind, tries: null, error: null };
  if (kind === "return") return { kind, tries: null, error: value };
  return { kind, tries: value === "unbounded" ? Number.POSITIVE_INFINITY : Number(value), error: null };
}

/** Does a reaction try again for ever, so that nothing comes after it? */
export const isEndless = (written: string): boolean => reactionOf(written).tries === Number.POSITIVE_INFINITY;

/** Does a reaction kick the vCPUs, keep them out and try again? */
export const isKick = (written: string): boolean => reactionOf(written).kind === "kick-and-retry";
