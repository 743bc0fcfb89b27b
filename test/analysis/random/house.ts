/**
 * A house: a small module and a hypervisor around it, as plain facts. It is what the oracle reads and what is told to `src` (tell.ts); it
 * knows no more of either than docs/host-profiles.md and the catalog's schema say.
 */

export type Mode = "SHARED" | "EXCLUSIVE" | "NO_LOCK";

/** A lock that a call takes. */
export interface Row {
  readonly resource: string;
  readonly role: string | null;
  /** Whose TD the object is; absent where nobody has read it. */
  readonly td?: "own" | "named" | "other";
  readonly mode: Mode;
  /** May a successful call do without it? */
  readonly maybe: boolean;
  /** The operand in the BUSY status; null: it says none. */
  readonly operand: string | null;
  readonly release: "leaf-exit" | "before-td-entry" | "td-exit" | "function";
  /** Of `function`: the row before which it is given back at the latest. */
  readonly until?: number;
  /** Of what is given back at the end: which comes when; all at once, where nobody has read it. */
  readonly sequence?: number;
  /** The same of a call that fails, where that is another order: of all rows of a call, or of none. */
  readonly failing?: number;
}

/** A leaf, or a variant of it. */
export interface Call {
  readonly name: string;
  readonly variant: string | null;
  readonly side: "host" | "guest";
  readonly opStates: readonly string[] | null;
  readonly septStates: readonly string[] | null;
  readonly rows: readonly Row[];
}

export type Per = "machine" | "package" | "vm" | "vcpu" | "inode" | "entry" | "page";

export interface HostLock {
  readonly name: string;
  readonly kind: "mutex" | "rwlock" | "srcu" | "flag" | "context" | "ownership" | "kick";
  readonly per: Per;
}

export interface Use {
  readonly lock: string;
  readonly mode?: "exclusive" | "shared";
  readonly of?: "self" | "all" | "target" | "other";
}

export interface Clause {
  readonly on?: readonly string[];
  readonly do: readonly string[];
}

export interface Step {
  readonly call: string;
  readonly variant?: string;
  readonly phases?: readonly string[];
  readonly onEach?: "cpu" | "package";
  readonly vcpu?: "self" | "any";
  readonly holds: readonly Use[];
  readonly onBusy: readonly Clause[];
}

export interface Path {
  readonly name: string;
  readonly per: "machine" | "vm" | "vcpu";
  readonly phases: readonly string[];
  readonly overruns?: readonly string[];
  readonly atMostOne?: "machine" | "vm" | "vcpu";
  readonly holds: readonly Use[];
  readonly steps: readonly Step[];
}

export interface Phase {
  readonly name: string;
  readonly singleThreaded?: boolean;
}

export interface House {
  readonly calls: readonly Call[];
  readonly phases: readonly Phase[];
  readonly locks: readonly HostLock[];
  readonly paths: readonly Path[];
  /** Leaves that a guest may call while it runs, and what it does with a BUSY. */
  readonly guest: readonly string[];
  readonly guestOnBusy: readonly Clause[];
  readonly pageSizes?: readonly ("4K" | "2M" | "1G")[];
}

/** Does the call bring a vCPU into the guest? It keeps a lock until TD exit then. */
export const enters = ({ rows }: Call): boolean => rows.some(({ release }) => release === "td-exit");
