/**
 * The SEPT entries of a running TD: one 64-bit word that holds state, lock bit and host-priority bit together, and how the module's callers
 * change it. Lines are those of module 1.5.20 below `src/common`.
 */
import type { Catalog } from "../catalog/index.ts";
import {
  and,
  assertThat,
  type BoolExpr,
  type BoolLike,
  type BoolRef,
  boolType,
  copyRecord,
  type Effect,
  type IntLike,
  type Model,
  type ModelBuilder,
  not,
  type ProcessBuilder,
  type ProcessType,
  type RecordRef,
  set,
  when,
} from "../language/index.ts";
import type { Attempt } from "./call-locks.ts";
import { lineageOf, type SeptWrite } from "./lineage.ts";
import { type EntryWrite, type PAGE_STATES, Sept } from "./sept.ts";

/**
 * What a release of an entry asserts, by the number that the module's source gives the check: `sept_lock_release` finds the entry unlocked
 * and shuts the module down (sanity check 8, helpers/tdx_locks.h:284).
 */
export function releaseAssertion({ primitives }: Catalog): string {
  const release = primitives.find(({ kind, operation }) => kind === "sept_entry" && operation === "release");
  const halts = (release?.steps ?? []).flatMap(({ branches }) => branches.filter(({ to }) => to === "halt"));
  const check = halts[0]?.check ?? null;
  return `nobody releases a SEPT entry that is not locked${check === null ? "" : ` (sanity check ${check})`}`;
}

const COPY = { state: Sept.$type, locked: boolType } as const;
const FIELDS = { ...COPY, hp: boolType } as const;

/** The entries of a scenario. */
export class Entries {
  readonly #m: ModelBuilder;
  readonly #write: SeptWrite;
  readonly #assertion: string;
  readonly #word;
  /** Has a sanity check failed? Null where the module's writes cannot lose a lock, so that none can. */
  readonly shutDown: BoolRef | null;

  constructor(m: ModelBuilder, catalog: Catalog, pages: number, initial: (typeof PAGE_STATES)[number]) {
    const write = lineageOf(catalog).septWrite;
    this.#m = m;
    this.#assertion = releaseAssertion(catalog);
    this.#write = write;
    this.#word = m.recordArray("entry", FIELDS, pages, { state: Sept[initial] });
    m.hostPriority("SEPT_ENTRY", this.#word.at(0).hp);
    this.shutDown = write === "exchange-then-store" ? m.variable("moduleShutDown", boolType) : null;
  }

  /** One entry's fields. */
  at(page: IntLike) {
    return this.#word.at(page);
  }

  /** A host's try; a guest's is two steps, which `vcpu.ts` has. */
  attempt(page: IntLike): Attempt {
    const { locked, hp } = this.at(page);
    return { granted: not(locked), take: [set(locked, true), set(hp, false)], refused: [set(hp, true)] };
  }

  /** `sept_lock_release`, helpers/tdx_locks.h:282. */
  release(page: IntLike): Effect[] {
    const { locked } = this.at(page);
    const down = this.shutDown === null ? [] : [when(not(locked), [set(this.shutDown, true)])];
    return [assertThat(this.#assertion, locked), ...down, set(locked, false)];
  }

  /** What a process needs to write entries. `guest`: does it also run the guest's calls? */
  writer(p: ProcessBuilder, guest: boolean): EntryWriter {
    return new EntryWriter(p, this.#write, this, guest);
  }

  /**
   * The model, in which nobody runs any more once the module has shut down. One more process keeps such a state from being called a
   * deadlock: what is wrong with it is told by the sanity check that failed.
   */
  stopping(build: () => Model): Model {
    const { shutDown } = this;
    if (shutDown === null) return build();
    this.#m.process(MODULE).step("up", { when: shutDown, next: "up", meta: { note: "the module is shut down" } });
    const model = build();
    const processes = model.processes.map((process) =>
      process.name === MODULE ? process : guarded(process, not(shutDown)),
    );
    return { ...model, processes };
  }
}

const MODULE = "module";

const guarded = (process: ProcessType, guard: BoolExpr): ProcessType => ({
  ...process,
  labels: process.labels.map((label) => ({
    ...label,
    steps: label.steps.map((step) => ({ ...step, guard: and(guard, step.guard) })),
  })),
});

/** How one process reads and writes entries whose lock it holds. */
export class EntryWriter {
  readonly #write: SeptWrite;
  readonly #entries: Entries;
  /** The value between the exchange and the store: `new_state` of `atomically_update_sept_state_keep_masked_bits`. */
  readonly #stored;
  /**
   * The entry as a guest has read it after it took the lock (vm_exits/tdg_mem_page_accept.c, `sept_entry_copy`). Null where nobody can
   * change it behind the guest's back: then the copy is the entry.
   */
  readonly copy: RecordRef<typeof COPY> | null;

  constructor(p: ProcessBuilder, write: SeptWrite, entries: Entries, guest: boolean) {
    const losesLocks = write === "exchange-then-store";
    this.#write = write;
    this.#entries = entries;
    this.#stored = losesLocks ? p.record("stored", { ...COPY, hp: boolType }) : null;
    this.copy = losesLocks && guest ? p.record("copied", COPY) : null;
  }

  /** Take the copy. */
  read(page: IntLike): Effect[] {
    const { state, locked } = this.#entries.at(page);
    return this.copy === null ? [] : [set(this.copy.state, state), set(this.copy.locked, locked)];
  }

  /** The copy is no longer needed. */
  forget(): Effect[] {
    return this.copy === null ? [] : [set(this.copy.state, Sept.FREE), set(this.copy.locked, false)];
  }

  /**
   * A write as its atomic instructions, between which others can come in.
   *
   * @param lock the lock bit of the new value; a write with a clear one gives the lock back
   */
  steps({ entry, state }: EntryWrite, lock: BoolLike): readonly (readonly Effect[])[] {
    const word = this.#entries.at(entry);
    const writes = [set(word.state, state), set(word.locked, lock)];
    // The copy's host-priority bit is clear: a host clears it on acquiring, and a guest that finds it set gives up. A guest reads its copy a
    // moment after it has looked (1.5.05 vm_exits/tdg_mem_page_accept.c:97): a bit set in between stays, as does one that is set after the write.
    if (this.#write === "whole-word") return [[...writes, set(word.hp, false)]];
    if (this.#stored === null) return [writes];
    const value = this.#stored;
    return [
      // memory_handlers/sept_manager.c:812: what is written is kept, with the host-priority bit of the memory
      [set(value.state, state), set(value.locked, lock), set(value.hp, word.hp), ...writes],
      // memory_handlers/sept_manager.c:838
      [...copyRecord(word, value), set(value.state, Sept.FREE), set(value.locked, false), set(value.hp, false)],
    ];
  }
}
