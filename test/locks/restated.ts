/**
 * The primitives' logic said a second time, by hand, from `src/common/helpers/tdx_locks.h` and `common/helpers/migration.h`: which
 * instruction on the word comes after which, and what the caller sees. Independent of what the extraction makes of the source.
 */
import type { LockKind, LockResult, Word } from "../../src/catalog/index.ts";

/** Carries the primitive out, and says how it ends; `halt 11` names the sanity check. */
export type Restated = (word: Word) => Exclude<LockResult, "halt"> | `halt ${number}`;

const EX = 1n;

/** `operation mode side`, or without a side where both do the same. */
type Table = Readonly<Record<string, Restated>>;

const SHAREX: Table = {
  "acquire SHARED": (w) => {
    const old = w.add(2n);
    if (old === 0xfffen) return "halt 1";
    return old & EX ? "busy" : "success";
  },
  "acquire EXCLUSIVE": (w) => (w.compareExchange(0n, EX) === 0n ? "success" : "busy"),
  "release SHARED": (w) => {
    const old = w.add(-2n);
    return old & EX || old >> 1n === 0n ? "halt 3" : "success";
  },
  "release EXCLUSIVE": (w) => (w.exchange(0n) & EX ? "success" : "halt 4"),
  "promote EXCLUSIVE": (w) => {
    const old = w.compareExchange(2n, EX);
    if (old & EX || old === 0n) return "halt 6";
    return old >> 1n === 1n ? "success" : "busy";
  },
  "demote SHARED": (w) => (w.exchange(2n) & EX ? "success" : "halt 7"),
};

const HP = 2n;
const ONE = 4n;
const FULL = 0x3fffn;
const refuseHost = (w: Word): "busy" => {
  w.or(HP);
  return "busy";
};

const SHAREX_HP: Table = {
  "acquire SHARED guest": (w) => {
    const old = w.add(ONE);
    if (old & HP) {
      w.add(-ONE);
      return "busy-host-priority";
    }
    if (old & EX) return "busy";
    return old >> 2n === FULL ? "halt 10" : "success";
  },
  "acquire SHARED host": (w) => {
    const old = w.add(ONE);
    if (old & EX) return refuseHost(w);
    if (old & HP) w.and(0xffffn ^ HP);
    return old >> 2n === FULL ? "halt 11" : "success";
  },
  "acquire EXCLUSIVE guest": (w) => {
    const old = w.compareExchange(0n, EX);
    if (old === 0n) return "success";
    return old === HP ? "busy-host-priority" : "busy";
  },
  "acquire EXCLUSIVE host": (w) => {
    const old = w.compareExchange(0n, EX);
    if (old === 0n) return "success";
    if (old === HP) return w.compareExchange(HP, EX) === HP ? "success" : "busy";
    return refuseHost(w);
  },
  "release SHARED": (w) => {
    const old = w.add(-ONE);
    return old & EX || old >> 2n === 0n ? "halt 13" : "success";
  },
  "release EXCLUSIVE": (w) => {
    if (!(w.load() & EX)) return "halt 14";
    w.and(HP);
    return "success";
  },
  "promote EXCLUSIVE": (w) => {
    let old = w.compareExchange(ONE, EX);
    if (old & EX || old === 0n) return "halt 16";
    if (old === ONE) return "success";
    if (old !== (ONE | HP)) return refuseHost(w);
    old = w.compareExchange(ONE | HP, EX);
    if (old & EX || old === 0n) return "halt 17";
    return old === (ONE | HP) ? "success" : "busy";
  },
};

const TDEL = 1n << 11n;
const TDHP = 1n << 52n;
const ALL = 2n ** 64n - 1n;

const SEPT_ENTRY: Table = {
  "acquire EXCLUSIVE host": (w) => {
    if (w.or(TDEL) & TDEL) {
      w.or(TDHP);
      return "busy";
    }
    w.and(ALL ^ TDHP);
    return "success";
  },
  "acquire EXCLUSIVE guest": (w) => {
    if (w.or(TDEL) & TDEL) return "busy";
    if (!(w.load() & TDHP)) return "success";
    w.and(ALL ^ TDEL);
    return "busy-host-priority";
  },
  "release EXCLUSIVE": (w) => {
    if (!(w.load() & TDEL)) return "halt 8";
    w.and(ALL ^ TDEL);
    return "success";
  },
};

const MUTEX: Table = {
  "acquire EXCLUSIVE": (w) => (w.compareExchange(0n, 1n) === 0n ? "success" : "busy"),
  "release EXCLUSIVE": (w) => (w.compareExchange(1n, 0n) === 1n ? "success" : "halt 0"),
};

const BIT: Table = {
  "acquire EXCLUSIVE": (w) => (w.or(1n) & 1n ? "busy" : "success"),
  "release EXCLUSIVE": (w) => (w.and(ALL ^ 1n) & 1n ? "success" : "halt 9"),
};

/** Every primitive of every release from 1.5.01 to 1.5.25. Releases 1.0 have the mutex and sharex only. */
export const RESTATED: Readonly<Partial<Record<LockKind, Table>>> = {
  sharex: SHAREX,
  sharex_hp: SHAREX_HP,
  sept_entry: SEPT_ENTRY,
  mutex: MUTEX,
  bit: BIT,
};

/** From 1.5.28 (sharex_hp) and 1.5.34 (SEPT entries) on: a guest looks at host priority first, and takes nothing back. */
export const MENDED = {
  sharexHp: (w: Word) => {
    if (w.load() & HP) return "busy-host-priority";
    const old = w.add(ONE);
    if (old & EX) return "busy";
    return old >> 2n === FULL ? "halt 10" : "success";
  },
  septEntry: (w: Word) => {
    if (w.load() & TDHP) return "busy-host-priority";
    return w.or(TDEL) & TDEL ? "busy" : "success";
  },
} as const satisfies Record<string, Restated>;
