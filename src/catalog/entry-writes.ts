/** How a module writes a SEPT entry, out of its writers. */
import type { SeptWriter, WriterStep } from "./programs.ts";

/** How a holder writes a SEPT entry: the steps, of a word that it copied under the lock. */
export type EntryWrite = readonly Pick<WriterStep, "instruction" | "retries" | "hostPriority" | "lock">[];

/** The known ways to write an entry. */
export type EntryWriteName = "whole-word" | "keep-host-priority" | "keep-then-store";

const KEPT: EntryWrite = [
  { instruction: "read", retries: false, hostPriority: null, lock: null },
  { instruction: "cmpxchg", retries: true, hostPriority: "kept", lock: "given" },
];

/** Ways to write an entry that some module has. */
export const ENTRY_WRITES: Readonly<Record<EntryWriteName, EntryWrite>> = {
  "whole-word": [{ instruction: "write", retries: false, hostPriority: "given", lock: "given" }],
  "keep-host-priority": KEPT,
  "keep-then-store": [...KEPT, { instruction: "write", retries: false, hostPriority: "earlier", lock: "given" }],
};

/** The ways in which a module writes an entry whose lock the leaf holds: those by which some leaf also gives the lock back. */
export function entryWritesOf({ writers }: { readonly writers: readonly SeptWriter[] }): EntryWrite[] {
  const distinct = new Map<string, EntryWrite>();
  for (const { steps, unlocks } of writers) {
    if (!unlocks) continue;
    const plain = steps.map(({ instruction, retries, hostPriority, lock }) => ({
      instruction,
      retries,
      hostPriority,
      lock,
    }));
    distinct.set(JSON.stringify(plain), plain);
  }
  return [...distinct.values()];
}

/** The name of the one way in which a module writes an entry; null when it has none, several, or one that nobody has read. */
export function entryWriteName(module: { readonly writers: readonly SeptWriter[] }): EntryWriteName | null {
  const [write, ...more] = entryWritesOf(module);
  if (write === undefined || more.length > 0) return null;
  const names = Object.keys(ENTRY_WRITES) as EntryWriteName[];
  return names.find((name) => JSON.stringify(ENTRY_WRITES[name]) === JSON.stringify(write)) ?? null;
}
