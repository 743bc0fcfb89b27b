/**
 * The lock kinds at call level: a try-acquire is one step that succeeds or is refused.
 *
 * What happens between the instructions of one primitive is the business of `src/locks`; here stand only the effects that other calls can
 * see after it. A shared acquire that is refused leaves the counter as it was: the holder's release resets it.
 */
import type { LockKind, LockMode, Side } from "../catalog/index.ts";
import {
  and,
  type BoolExpr,
  type BoolRef,
  boolType,
  dec,
  type Effect,
  eq,
  type IntLike,
  type IntRef,
  inc,
  intType,
  type ModelBuilder,
  not,
  type Range,
  set,
} from "../language/index.ts";

/** One lock of a scenario: a single one (`over` null) or one per object. */
export interface CallLockSpec {
  readonly resource: string;
  readonly kind: LockKind;
  readonly over: Range | null;
  /** How many callers can hold it shared at once. */
  readonly holders: number;
  /** Does anybody look at the host-priority bit? Guests do, and calls that give way to a host that waits. */
  readonly hostPriority: boolean;
}

/** A try-acquire. */
export interface Attempt {
  /** Is it granted in this state? */
  readonly granted: BoolExpr;
  readonly take: readonly Effect[];
  /** What a refused attempt leaves behind. */
  readonly refused: readonly Effect[];
}

/** The variables of one lock, or of the lock of one object. */
interface Word {
  readonly exclusive: BoolRef;
  readonly shared: IntRef;
  /** Null where nobody looks at it. */
  readonly hp: BoolRef | null;
}

/** Declares a lock's variables: plain ones, or arrays with one element per object. */
function declare(m: ModelBuilder, { resource, holders, hostPriority, over }: CallLockSpec): (object: IntLike) => Word {
  const names = { exclusive: `${resource}.exclusive`, shared: `${resource}.shared`, hp: `${resource}.hp` };
  const counter = intType(0, holders);
  if (over === null) {
    const word: Word = {
      exclusive: m.variable(names.exclusive, boolType),
      shared: m.variable(names.shared, counter),
      hp: hostPriority ? m.variable(names.hp, boolType) : null,
    };
    if (word.hp !== null) m.hostPriority(resource, word.hp);
    return () => word;
  }
  const exclusive = m.array(names.exclusive, boolType, over);
  const shared = m.array(names.shared, counter, over);
  const hp = hostPriority ? m.array(names.hp, boolType, over) : null;
  if (hp !== null) m.hostPriority(resource, hp);
  return (object) => ({ exclusive: exclusive.at(object), shared: shared.at(object), hp: hp?.at(object) ?? null });
}

/** A lock's variables and what the primitives do with them. The object is ignored where there is only one lock. */
export class CallLock {
  readonly spec: CallLockSpec;
  readonly #word: (object: IntLike) => Word;

  constructor(m: ModelBuilder, spec: CallLockSpec) {
    this.spec = spec;
    this.#word = declare(m, spec);
  }

  /** Does the lock exist once per object? */
  get indexed(): boolean {
    return this.spec.over !== null;
  }

  /** Does a host that was refused wait? Null where nobody looks. */
  waitedFor(object: IntLike = 0): BoolExpr | null {
    return this.#word(object).hp;
  }

  /** Try it. A host that is refused sets the host-priority bit; one that gets the lock clears it; a guest that sees it gives way. */
  attempt(mode: LockMode, side: Side, object: IntLike = 0): Attempt {
    const { exclusive, shared, hp } = this.#word(object);
    const free = mode === "SHARED" ? not(exclusive) : and(not(exclusive), eq(shared, 0));
    const granted = hp !== null && side === "guest" ? and(free, not(hp)) : free;
    const taken = mode === "SHARED" ? inc(shared) : set(exclusive, true);
    const asHost = (value: boolean): Effect[] => (hp === null || side === "guest" ? [] : [set(hp, value)]);
    return { granted, take: [taken, ...asHost(false)], refused: asHost(true) };
  }

  /** Make a shared lock exclusive (`promote_sharex_lock_hp`): only who is the one reader can. */
  promote(object: IntLike = 0): Attempt {
    const { exclusive, shared, hp } = this.#word(object);
    const one = and(not(exclusive), eq(shared, 1));
    const asHost = (value: boolean): Effect[] => (hp === null ? [] : [set(hp, value)]);
    return { granted: one, take: [set(shared, 0), set(exclusive, true), ...asHost(false)], refused: asHost(true) };
  }

  /** Give it back. */
  release(mode: LockMode, object: IntLike = 0): Effect[] {
    const { exclusive, shared } = this.#word(object);
    return mode === "SHARED" ? [dec(shared)] : [set(exclusive, false)];
  }
}
