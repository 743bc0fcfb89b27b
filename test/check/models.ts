/** Small models with known answers, and the same with one fault each. */
import * as L from "../../src/language/index.ts";

/** What is broken in the try-lock model. */
export type LockFault =
  | "none"
  | "missing release"
  | "wrong guard"
  | "lost flag"
  | "no lock"
  | "double release"
  | "overflow"
  | "missing assertion guard";

/** `n` callers try a lock, count themselves in and out, and give the lock back. A failed try is retried. */
export function tryLock(n: number, fault: LockFault = "none"): L.Model {
  const m = L.model("try-lock");
  const p = m.process("caller", n);
  const locked = m.variable("locked", L.boolType);
  const inside = m.variable("inside", L.intType(0, fault === "overflow" ? 1 : n));
  const taken: L.StepMeta = { leaf: "call", action: "acquire", resource: "LOCK", mode: "EXCLUSIVE", result: "ok" };
  const guard = fault === "wrong guard" ? true : fault === "no lock" || fault === "overflow" ? true : L.not(locked);
  const lock = fault === "lost flag" ? [] : [L.set(locked, true)];
  p.step("try", { when: guard, do: lock, next: "enter", meta: taken });
  p.step("try", { when: locked, next: "try", meta: { ...taken, result: L.BUSY, status: "0x80" } });
  p.step("enter", { do: [L.inc(inside)], next: "work" });
  p.step("work", { do: [L.assertThat("alone", L.eq(inside, 1)), L.dec(inside)], next: "leave" });
  const released = fault === "missing release" ? [] : [L.set(locked, false)];
  p.step("leave", {
    do: released,
    next: fault === "double release" ? "again" : "try",
    meta: { leaf: "call", action: "release", resource: "LOCK" },
  });
  if (fault === "double release") p.step("again", { do: [L.set(locked, false)], next: "try" });
  m.always("at most one inside", L.le(inside, 1));
  m.sometimes("one inside", L.eq(inside, 1));
  m.leadsTo("the lock comes back", locked, L.not(locked), [L.weakFair(p)]);
  return m.build();
}

/** Two processes take two locks in opposite or the same order. */
export function twoLocks(opposite: boolean): L.Model {
  const m = L.model("two-locks");
  const lock = m.array("lock", L.boolType, 2);
  for (const [name, first] of [
    ["a", 0],
    ["b", opposite ? 1 : 0],
  ] as const) {
    const p = m.process(name);
    p.step("first", { when: L.not(lock.at(first)), do: [L.set(lock.at(first), true)], next: "second" });
    p.step("second", { when: L.not(lock.at(1 - first)), do: [L.set(lock.at(1 - first), true)], next: "both" });
    p.step("both", { do: [L.set(lock.at(0), false), L.set(lock.at(1), false)], next: "first" });
  }
  return m.build();
}

/** Peterson's algorithm for two, or with the turn forgotten. */
export function peterson(broken = false): L.Model {
  const m = L.model("peterson");
  const p = m.process("p", 2);
  const flag = m.array("flag", L.boolType, p);
  const turn = m.variable("turn", L.intType(0, 1));
  const other = L.sub(1, p.self);
  p.step("want", { do: [L.set(flag.at(p.self), true)], next: "yield" });
  p.step("yield", { do: broken ? [] : [L.set(turn, other)], next: "wait" });
  p.step("wait", {
    when: broken ? L.eq(turn, turn) : L.or(L.not(flag.at(other)), L.eq(turn, p.self)),
    next: "critical",
  });
  p.step("critical", { do: [L.set(flag.at(p.self), false)], next: "want" });
  m.always(
    "exclusion",
    L.le(
      L.count(p, (i) => p.at(i, "critical")),
      1,
    ),
  );
  m.leadsTo("the first gets in", p.at(0, "wait"), p.at(0, "critical"), [L.weakFair(p)]);
  return m.build();
}

/** A word of lock bits with a release that writes back an earlier copy of the whole word, or only its own bit. */
export function writeBack(wholeWord: boolean): L.Model {
  const m = L.model("write-back");
  const fields = { locked: L.boolType, waiting: L.boolType };
  const word = m.record("word", fields);
  const owner = m.process("owner");
  const waiter = m.process("waiter");
  const copy = owner.record("copy", fields);
  owner.step("lock", { do: [L.set(word.locked, true), ...L.copyRecord(copy, word)], next: "work" });
  owner.step("work", {
    do: wholeWord ? [L.set(copy.locked, false), ...L.copyRecord(word, copy)] : [L.set(word.locked, false)],
    next: "end",
  });
  owner.idle("end");
  waiter.step("ask", { do: [L.set(word.waiting, true)], next: "asked" });
  waiter.idle("asked");
  m.always("the request stays", L.implies(waiter.at(0, "asked"), word.waiting));
  return m.build();
}

/** 16-bit counter with wrap-around, as `lock xadd` leaves it; the carry out of the low half is the fault. */
export function xadd(steps: number, mask: number): L.Model {
  const m = L.model("xadd");
  const word = m.variable("word", L.bitsType(16), 0xfffe);
  const p = m.process("p", 2);
  const old = p.variable("old", L.bitsType(16));
  const n = p.variable("n", L.intType(0, steps));
  p.step("add", {
    when: L.lt(n, steps),
    do: [L.set(old, word), L.set(word, L.wrap(L.add(word, 2), 16)), L.inc(n)],
    next: "look",
  });
  p.step("add", { when: L.eq(n, steps), next: "end" });
  p.step("look", { do: [L.assertThat("no carry", L.ge(L.band(L.add(old, 2), mask), L.band(old, mask)))], next: "add" });
  p.idle("end");
  return m.build();
}
