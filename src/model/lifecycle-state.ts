/** What the module keeps about a TD from its creation to the reclaim of its last page: KOT, TDR, TDCS, vCPUs, PAMT and SEPT entries, and their locks. */
import type { Acquisition, Catalog, Leaf } from "../catalog/index.ts";
import {
  boolType,
  type Effect,
  enumOf,
  type IntExpr,
  type IntLike,
  intType,
  type ModelBuilder,
  not,
  set,
} from "../language/index.ts";
import { type Attempt, CallLock } from "./call-locks.ts";
import { Epochs } from "./epochs.ts";
import type { Locks } from "./lock-steps.ts";
import { Sept, type SeptBody, type SeptView } from "./sept.ts";
import { locking } from "./world.ts";

/** Page types of PAMT entries that a TD without migration meets (pamt_manager.h, `page_type_t`). */
export const PageType = enumOf("PageType", ["PT_NDA", "PT_REG", "PT_TDR", "PT_TDCX", "PT_TDVPR", "PT_EPT"]);
/** TDR.LIFECYCLE_STATE (`td_lifecycle_state_t`, td_control_structures.h). */
export const LifeCycle = enumOf("LifeCycle", ["TD_HKID_ASSIGNED", "TD_KEYS_CONFIGURED", "TD_BLOCKED", "TD_TEARDOWN"]);
/** The OP_STATEs that a TD without migration goes through. */
export const OP_STATES = ["UNINITIALIZED", "INITIALIZED", "RUNNABLE"] as const;
export const OpState = enumOf("OpState", OP_STATES);
/** States of an HKID in the KOT (`kot_entry_state_e`). */
export const Kot = enumOf("Kot", ["HKID_FREE", "HKID_ASSIGNED", "HKID_FLUSHED"]);
/** TDVPS.STATE of a vCPU that is not imported. */
export const Vcpu = enumOf("Vcpu", ["VCPU_UNINITIALIZED", "VCPU_READY"]);

/** How much of everything there is. */
export interface LifeSize {
  /** TDRs that share the one HKID. Only the first TD is built further than its TDR. */
  readonly tds: number;
  readonly vcpus: number;
  readonly pages: number;
  readonly packages: number;
  readonly tdcs: { readonly min: number; readonly max: number };
  readonly tdvps: { readonly min: number; readonly max: number };
}

/** Physical pages by what the host uses them for: the index into the PAMT. */
export class Pages {
  readonly #size: LifeSize;
  constructor(size: LifeSize) {
    this.#size = size;
  }
  tdr(td: number): number {
    return td;
  }
  get tdcx(): number {
    return this.#size.tds;
  }
  tdvpr(vcpu: number): number {
    return this.tdcx + this.#size.tdcs.max + vcpu * this.#size.tdvps.max;
  }
  get sept(): number {
    return this.tdvpr(this.#size.vcpus);
  }
  data(page: number): number {
    return this.sept + 1 + page;
  }
  get count(): number {
    return this.data(this.#size.pages);
  }
}

/** Locks that are PAMT entries of 4 KB pages: one lock whatever the catalog calls the page. */
const PAMT_4K = new Set(["TDR", "TDVPR", "PAGE"]);

/** The module's state in the life of a TD. */
export class LifeState implements SeptView, Locks {
  readonly size: LifeSize;
  readonly at: Pages;
  readonly pt;
  readonly kot;
  readonly toWriteBack;
  readonly lifecycle;
  readonly keys;
  readonly tdcx;
  readonly children;
  readonly opState;
  readonly vcpus;
  readonly associated;
  readonly vcpu;
  readonly lp;
  readonly tdvx;
  /** By page, and last the entry that the SEPT page hangs from. */
  readonly entry;
  readonly epochs: Epochs;
  readonly #locks = new Map<string, CallLock>();
  readonly #entryLock;

  constructor(m: ModelBuilder, catalog: Catalog, leaves: readonly Leaf[], size: LifeSize, callers: number) {
    const { tds, vcpus, pages, packages, tdcs, tdvps } = size;
    this.size = size;
    this.at = new Pages(size);
    const pageCount = this.at.count;
    this.pt = m.array("PAMT.PT", PageType.$type, pageCount);
    this.kot = m.variable("KOT.STATE", Kot.$type);
    this.toWriteBack = m.array("KOT.WBINVD_BITMAP", boolType, packages);
    this.lifecycle = m.array("TDR.LIFECYCLE_STATE", LifeCycle.$type, tds);
    this.keys = Array.from({ length: tds }, (_, td) => m.array(`TDR${td}.PKG_CONFIG_BITMAP`, boolType, packages));
    this.tdcx = m.variable("TDR.NUM_TDCX", intType(0, tdcs.max));
    this.children = m.variable("TDR.CHLDCNT", intType(0, pageCount));
    this.opState = m.variable("TDCS.OP_STATE", OpState.$type);
    this.vcpus = m.variable("TDCS.NUM_VCPUS", intType(0, vcpus));
    this.associated = m.variable("TDCS.NUM_ASSOC_VCPUS", intType(0, vcpus));
    this.vcpu = m.array("TDVPS.STATE", Vcpu.$type, vcpus);
    this.lp = m.array("TDVPS.ASSOC_LPID", intType(0, callers), vcpus);
    this.tdvx = m.array("TDVPS.NUM_TDVPS_PAGES", intType(0, tdvps.max), vcpus);
    this.entry = m.array("SEPT.state", Sept.$type, pages + 1);
    this.epochs = new Epochs(m, vcpus, pages + 1, callers);
    this.#entryLock = m.array("SEPT.locked", boolType, pages + 1);
    const rows = leaves.flatMap(locking);
    for (const { resource } of rows) {
      const name = lockName(resource);
      if (name === "SEPT_ENTRY" || this.#locks.has(name)) continue;
      const over = name === "PAMT" ? pageCount : name === "WBT" ? packages : null;
      const kind = rows.find((row) => row.resource === resource)?.lock ?? "sharex";
      this.#locks.set(
        name,
        new CallLock(m, { resource: name, kind, over, holders: HELD_TWICE * callers, hostPriority: false }),
      );
    }
    this.catalog = catalog;
  }
  readonly catalog: Catalog;

  /** Does the lock exist once per object? */
  indexed({ resource }: Pick<Acquisition, "resource">): boolean {
    return resource === "SEPT_ENTRY" || (this.#locks.get(lockName(resource))?.indexed ?? false);
  }

  name({ resource }: Acquisition): string {
    return lockName(resource);
  }

  /** All locks of its calls are here. */
  leavesOut(): boolean {
    return false;
  }

  /** The entry that the SEPT page hangs from. */
  get parent(): number {
    return this.size.pages;
  }

  state(page: IntLike): IntExpr {
    return this.entry.at(page);
  }

  /** What a body does, in one step. Host priority is left out here: the state is the whole entry. */
  effects({ write, do: others }: SeptBody): Effect[] {
    return write === null ? [...others] : [set(this.entry.at(write.entry), write.state), ...others];
  }

  attempt({ resource, mode, side }: Acquisition, object: IntLike): Attempt {
    if (resource !== "SEPT_ENTRY") return this.#lock(resource).attempt(mode, side, object);
    const locked = this.#entryLock.at(object);
    return { granted: not(locked), take: [set(locked, true)], refused: [] };
  }

  release({ resource, mode }: Acquisition, object: IntLike): Effect[] {
    if (resource === "SEPT_ENTRY") return [set(this.#entryLock.at(object), false)];
    return this.#lock(resource).release(mode, object);
  }

  #lock(resource: string): CallLock {
    const lock = this.#locks.get(lockName(resource));
    if (lock === undefined) throw new Error(`${resource} is not modelled here`);
    return lock;
  }
}

/** A call that adds a page walks the PAMT twice: once for the TDR or TDVPR, once for the page. */
const HELD_TWICE = 2;

const lockName = (resource: string): string => (PAMT_4K.has(resource) ? "PAMT" : resource);
