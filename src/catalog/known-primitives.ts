/**
 * Lock primitives as the bundled modules have them. What models and reports say of a lock beside its rows (what a refused host leaves
 * behind, when a guest gives way) was read of these, and of these alone.
 */
import data from "../../data/primitives.json" with { type: "json" };
import type { LockProgram } from "./programs.ts";
import type { Acquisition } from "./types.ts";

/** What makes two primitives the same: what they are for, the word, and every instruction with what follows it; not names and lines. */
export function primitiveText({ kind, operation, mode, side, word, steps }: LockProgram): string {
  const does = steps.map(({ instruction, branches }) => [instruction, branches.map(({ when, to }) => [when, to])]);
  return JSON.stringify(sorted([kind, operation, mode, side, word.bits, word.fields, does]));
}

/** The same value with the fields of every object in the order of their names. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, field]) => [name, sorted(field)]),
  );
}

let known: ReadonlySet<string> | null = null;

/** Does a bundled module have this primitive, instruction for instruction? data/primitives.json has them all, made by `npm run primitives`. */
export function isKnownPrimitive(program: LockProgram): boolean {
  known ??= new Set(data.primitives.map(({ program: text }) => JSON.stringify(text)));
  return known.has(primitiveText(program));
}

/** Is a row's lock taken, or given back, by this primitive? One that is promoted is taken SHARED first, and is EXCLUSIVE in its row. */
export function servesRow({ kind, operation, mode, side }: LockProgram, row: Acquisition): boolean {
  if (row.lock !== kind || (side !== null && row.side !== side)) return false;
  if (operation === "promote") return row.promotion !== null;
  return row.mode === mode || (operation === "acquire" && mode === "SHARED" && row.promotion !== null);
}

/** What a primitive is for. */
interface Purpose extends Pick<LockProgram, "kind" | "operation" | "side"> {
  readonly mode: Acquisition["mode"];
}

/** A primitive by what it is for: "the guest's shared acquire of a sharex_hp lock". */
export function primitiveName({ kind, operation, mode, side }: Purpose): string {
  const who = side === null ? "the" : `the ${side}'s`;
  const how = kind === "sharex" || kind === "sharex_hp" ? `${mode === "SHARED" ? "shared" : "exclusive"} ` : "";
  return `${who} ${how}${operation} of a ${kind} lock`;
}
