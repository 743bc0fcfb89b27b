/** What the module keeps about one TD at run time, as variables: the locks in play, SEPT entries, the TD epoch and its reference counts. */
import {
  type Acquisition,
  type Catalog,
  formatStatus,
  type Leaf,
  type LockKind,
  resolveLeaf,
} from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import type { Effect, IntExpr, IntLike, ModelBuilder, ProcessBuilder, Range } from "../language/index.ts";
import { type Attempt, CallLock } from "./call-locks.ts";
import { Entries } from "./entry-writes.ts";
import { Epochs } from "./epochs.ts";
import { type Lineage, lineageOf } from "./lineage.ts";
import type { Locks } from "./lock-steps.ts";
import type { PAGE_STATES, SeptView } from "./sept.ts";

/** The entry that a leaf and, where it has several, a variant name. */
export function leafOf(catalog: Catalog, name: string, variant: string | null = null): Leaf {
  const entries = resolveLeaf(catalog, name);
  const entry = variant === null ? entries[0] : entries.find((candidate) => candidate.variant === variant);
  if (entry !== undefined) return entry;
  const variants = entries.map((candidate) => candidate.variant ?? "none").join(", ");
  throw new SeamlockError("SL4210", `${name} has no variant ${String(variant)} in module ${catalog.module.version}`, {
    hint: `Its variants are: ${variants}`,
  });
}

/**
 * A status as the module returns it: the catalog's code, with the operand's number in the low half. Undefined when the catalog lists the
 * name or the operand not.
 */
export function statusCode({ statusCodes, operandIds }: Catalog, name: string, operand?: string): string | undefined {
  const base = statusCodes[name];
  const number = operand === undefined ? 0 : operandIds[operand];
  if (base === undefined || number === undefined) return undefined;
  return formatStatus(BigInt(base) + BigInt(number));
}

/** Does the leaf's effect give the lock back itself, because lock and effect are fields of one word? */
export const givenByEffect = ({ release }: Acquisition): boolean =>
  release?.kind === "function" || release?.kind === "page-removed";

/** The status with which a call ends before its effect when a host was refused the SEPT tree meanwhile; null: it does not look. */
export const givingWay = ({ otherBusy }: Leaf): string | null =>
  otherBusy.find(({ name }) => name === "TDX_INTERRUPTED_BUSY")?.status ?? null;

/** Acquisitions that take a lock: walking without one is none. */
export const locking = (leaf: Leaf): readonly Acquisition[] =>
  leaf.acquisitions.filter(({ mode }) => mode !== "NO_LOCK");

/**
 * Resources that somebody takes exclusively. A lock that all callers of a scenario only ever share is never busy, so that leaving it
 * out changes no verdict; `all` keeps it, for traces that show every lock.
 */
export function contended(leaves: readonly Leaf[], all: boolean): ReadonlySet<string> {
  const rows = leaves.flatMap(locking);
  return new Set(rows.filter(({ mode }) => all || mode === "EXCLUSIVE").map(({ resource }) => resource));
}

/** Which processes and objects a scenario has. */
export interface WorldSpec {
  readonly catalog: Catalog;
  /** Every leaf that some process may call. */
  readonly leaves: readonly Leaf[];
  readonly vcpu: ProcessBuilder;
  readonly pages: number;
  /** Callers that can be inside the module at once. */
  readonly callers: number;
  readonly initial: (typeof PAGE_STATES)[number];
  readonly allLocks: boolean;
  /** May the pages, of 2 MB, be split and merged? */
  readonly resized: boolean;
}

/** The module's state that run-time scenarios share. */
export class World implements SeptView, Locks {
  readonly m: ModelBuilder;
  readonly spec: WorldSpec;
  readonly lineage: Lineage;
  readonly pages: Range;
  readonly entry: Entries;
  readonly #locks = new Map<string, CallLock>();
  readonly #entryLock: boolean;
  readonly epochs: Epochs;

  constructor(m: ModelBuilder, spec: WorldSpec) {
    this.m = m;
    this.spec = spec;
    this.lineage = lineageOf(spec.catalog);
    this.pages = spec.pages;
    this.entry = new Entries(m, spec.catalog, spec.pages, spec.initial);
    const wanted = contended(spec.leaves, spec.allLocks);
    this.#entryLock = wanted.has("SEPT_ENTRY");
    for (const resource of wanted) if (resource !== "SEPT_ENTRY") this.#declare(resource);
    this.epochs = new Epochs(m, spec.vcpu, spec.pages, spec.vcpu.size);
  }

  #declare(resource: string): void {
    const rows = this.spec.leaves.flatMap(locking).filter((row) => row.resource === resource);
    const kind = rows[0]?.lock as LockKind;
    const over = resource === "TDVPR" ? this.spec.vcpu : resource === "PAGE" ? this.spec.pages : null;
    const watched = resource === "SEPT_TREE" && this.spec.leaves.some((leaf) => givingWay(leaf) !== null);
    const hostPriority = watched || rows.some(({ side }) => side === "guest");
    this.#locks.set(resource, new CallLock(this.m, { resource, kind, over, holders: this.spec.callers, hostPriority }));
  }

  /** Is this lock part of the model? */
  models(resource: string): boolean {
    return this.#locks.has(resource) || (resource === "SEPT_ENTRY" && this.#entryLock);
  }

  /** Does the lock exist once per object? */
  indexed({ resource }: Pick<Acquisition, "resource">): boolean {
    return resource === "SEPT_ENTRY" || (this.#locks.get(resource)?.indexed ?? false);
  }

  leavesOut({ resource }: Pick<Acquisition, "resource">): boolean {
    return !this.models(resource);
  }

  /** A try-acquire of a modelled lock. */
  attempt({ resource, mode, side }: Acquisition, object: IntLike): Attempt {
    return resource === "SEPT_ENTRY" ? this.entry.attempt(object) : this.lock(resource).attempt(mode, side, object);
  }

  release({ resource, mode }: Acquisition, object: IntLike): Effect[] {
    return resource === "SEPT_ENTRY" ? this.entry.release(object) : this.lock(resource).release(mode, object);
  }

  /** @throws when the lock is not part of the model */
  lock(resource: string): CallLock {
    const lock = this.#locks.get(resource);
    if (lock === undefined) throw new Error(`${resource} is not modelled here`);
    return lock;
  }

  state(page: IntLike): IntExpr {
    return this.entry.at(page).state;
  }
}
