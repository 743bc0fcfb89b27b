/** What the module's accessors of atomic instructions do, and which memory they work on is no lock: data/atomics.json. */
import { z } from "zod";
import data from "../../../data/atomics.json" with { type: "json" };
import type { LockResult } from "../../catalog/index.ts";

const pattern = z.string().transform((text) => new RegExp(text));

const factsSchema = z.strictObject({
  /** Accessors, by a pattern of their names whose group is the width of the word in bits. */
  intrinsics: z.array(
    z.strictObject({
      call: pattern,
      op: z.enum(["xadd", "cmpxchg", "xchg", "or", "and", "xor", "bts", "btr", "read", "write"]),
      /** Position of the argument that is the memory's address. */
      memory: z.int().min(0),
      /** Positions of the operands: what is added, expected and desired, written, a mask or a bit's number. */
      operands: z.array(z.int().min(0)),
      /** What the call returns: the word or the bit as it was before. */
      gives: z.enum(["word", "bit", "nothing"]),
      /** The instruction in the accessor's assembly. */
      mnemonic: z.string(),
    }),
  ),
  /** Constants that primitives return. */
  results: z.record(z.string(), z.enum(["success", "busy", "busy-host-priority"])),
  /** Types of a SEPT entry's word. */
  septEntryTypes: z.array(z.string()),
  /** Names, in the catalog's `septEntryBits`, of the two bits of an entry that locking uses. */
  septEntryBits: z.strictObject({ lock: z.string(), hostPriority: z.string() }),
  /** Memory that is worked on atomically and is neither a lock nor a SEPT entry. */
  others: z.array(
    z.strictObject({
      object: pattern,
      instruction: z.string().optional(),
      function: pattern.optional(),
      reason: z.string(),
    }),
  ),
});

export const FACTS = factsSchema.parse(data);
export const RESULTS: ReadonlyMap<string, LockResult> = new Map(Object.entries(FACTS.results));

/** An accessor of an atomic instruction. */
export interface Intrinsic {
  readonly op: (typeof FACTS.intrinsics)[number]["op"];
  readonly bits: number;
  readonly memory: number;
  readonly operands: readonly number[];
  readonly gives: "word" | "bit" | "nothing";
  readonly mnemonic: string;
}

const known = new Map<string, Intrinsic | null>();

/** The accessor of a name; null for any other function. */
export function intrinsicOf(name: string): Intrinsic | null {
  const before = known.get(name);
  if (before !== undefined) return before;
  let found: Intrinsic | null = null;
  for (const { call, ...rest } of FACTS.intrinsics) {
    const match = call.exec(name);
    if (match) found = { ...rest, bits: Number(match[1]) };
  }
  known.set(name, found);
  return found;
}
