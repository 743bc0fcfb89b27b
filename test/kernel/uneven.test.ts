/** Functions that come back with other locks than they were called with, and locks of which it is not sure which one is meant. */
import { expect, test } from "vitest";
import { HEADER } from "./random/program.ts";
import { tell } from "./random/tell.ts";

/** By what is read: the locks with which its SEAMCALL is made, one text for each set of them. */
const CASES: readonly (readonly [what: string, before: string, body: string, held: readonly string[]])[] = [
  [
    "one that drops a lock and takes another, in a function that only calls it",
    "static void swap(struct kvm *kvm) { mutex_unlock(&kvm->lock); mutex_lock(&kvm->slots_lock); }\nstatic void outer(struct kvm *kvm) { swap(kvm); }",
    "mutex_lock(&kvm->lock); outer(kvm); tdh_a0(0);",
    ["kvm->slots_lock"],
  ],
  [
    "one that takes a lock or drops it",
    "static void one(struct kvm *kvm, bool take) { if (take) mutex_lock(&kvm->lock); else mutex_unlock(&kvm->lock); }\nstatic void outer(struct kvm *kvm) { one(kvm, false); }",
    "mutex_lock(&kvm->lock); outer(kvm); tdh_a0(0);",
    [""],
  ],
  [
    "one that drops a lock that it is given",
    "static void end(struct mutex *m) { mutex_unlock(m); }\nstatic void outer(struct mutex *m) { end(m); }",
    "mutex_lock(&kvm->lock); outer(&kvm->lock); tdh_a0(0);",
    [""],
  ],
  [
    "one that drops a lock by a macro",
    "#define PEN_UNLOCK(kvm) mutex_unlock(&(kvm)->lock)\nstatic void end(struct kvm *kvm) { PEN_UNLOCK(kvm); }\nstatic void outer(struct kvm *kvm) { end(kvm); }",
    "mutex_lock(&kvm->lock); outer(kvm); tdh_a0(0);",
    [""],
  ],
  [
    "one that drops a lock for a while",
    "static void rest(struct kvm *kvm) { mutex_unlock(&kvm->lock); pen_sleep(); mutex_lock(&kvm->lock); }\nstatic void outer(struct kvm *kvm) { rest(kvm); }",
    "mutex_lock(&kvm->lock); outer(kvm); tdh_a0(0);",
    ["kvm->lock"],
  ],
  [
    "one with two guards",
    "static void both(struct kvm *kvm) { guard(mutex)(&kvm->lock); guard(mutex)(&kvm->slots_lock); pen_sleep(); }",
    "both(kvm); tdh_a0(0);",
    [""],
  ],
  [
    "one that keeps another value after it has taken a guard",
    "static int next(struct kvm *kvm) { int n = 0; guard(mutex)(&kvm->lock); int m = n++; return m; }",
    "next(kvm); tdh_a0(0);",
    [""],
  ],
  [
    "one of two locks that is dropped",
    "",
    "mutex_lock(&kvm->lock); mutex_lock(&kvm->slots_lock); down_read(&kvm->gate_sem); mutex_unlock(kvm->flag ? &kvm->lock : &kvm->slots_lock); tdh_a0(0);",
    ["kvm->gate_sem/r"],
  ],
  ["one of two locks that is taken", "", "mutex_lock(kvm->flag ? &kvm->lock : &kvm->slots_lock); tdh_a0(0);", [""]],
  [
    "a lock for writing that is kept for reading",
    "",
    "down_write(&kvm->gate_sem); downgrade_write(&kvm->gate_sem); tdh_a0(0);",
    ["kvm->gate_sem/r"],
  ],
];

test.each(CASES)("%s", (_, before, body, held) => {
  const { byEntry } = tell(`${HEADER}\n${before}\nint entry(struct kvm *kvm)\n{\n\t${body}\n\treturn 0;\n}\n`);
  expect([...new Set(byEntry.get("entry")?.map((row) => row.held.join(", ")))].sort()).toEqual([...held].sort());
});
