/** What the catalog says about the lock kinds, in words. */
import type { LockDefinition, LockKind, LockPrimitive } from "../catalog/index.ts";
import type { Block } from "./blocks.ts";
import { count, kindName, list } from "./words.ts";

/** A numbered entry per lock kind: the word, the modes, and what host and guest see when it is busy. */
export function lockBlocks(
  locks: readonly LockDefinition[],
  septEntryBits: Readonly<Record<string, number>>,
  used: readonly LockKind[],
): Block[] {
  if (locks.length === 0) {
    const names = used.map(kindName);
    return [{ kind: "paragraph", text: `The rows name ${count(names.length, "kind")} of locks: ${list(names)}.` }];
  }
  return locks.flatMap((lock, i): Block[] => [
    { kind: "paragraph", text: `${i + 1}. ${kindName(lock.kind)}:` },
    { kind: "list", items: sentences(lock, septEntryBits), indent: 3 },
  ]);
}

function sentences(lock: LockDefinition, bits: Readonly<Record<string, number>>): string[] {
  const tries = lock.primitives.filter((p) => p.operation === "acquire" || p.operation === "promote");
  return [word(lock, bits), ...modes(lock, tries), ...failures(tries), ...priority(tries)];
}

function word(lock: LockDefinition, bits: Readonly<Record<string, number>>): string {
  const fields = [...lock.fields]
    .sort((a, b) => a.lsb - b.lsb)
    .map((f) => `${f.name} ${f.width === 1 ? `bit ${f.lsb}` : `bits ${f.lsb + f.width - 1}:${f.lsb}`}`);
  const named = Object.entries(bits).map(([name, position]) => `${name} bit ${position}`);
  const layout = fields.length > 0 ? fields : lock.kind === "sept_entry" ? named : [];
  const shape = layout.length === 0 ? "" : `: ${list(layout)}`;
  const home = lock.type === null ? `Bits of a ${lock.width}-bit word` : `${lock.type}, ${lock.width} bits wide`;
  return `${home}${shape}.`;
}

function modes(lock: LockDefinition, tries: readonly LockPrimitive[]): string[] {
  const shared = tries.some((p) => p.mode === "SHARED");
  const exclusive = tries.some((p) => p.mode === "EXCLUSIVE");
  const promotes = lock.primitives.some((p) => p.operation === "promote");
  const change = promotes ? "; the sole SHARED holder can promote it to EXCLUSIVE" : "";
  if (shared && exclusive) return [`Taken SHARED by many or EXCLUSIVE by one${change}.`];
  if (shared || exclusive) return [`Taken ${shared ? "SHARED" : "EXCLUSIVE"} only${change}.`];
  return ["Free or taken, without modes."];
}

/** A lock is tried once; what a failed try returns, per side when the sides differ. */
function failures(tries: readonly LockPrimitive[]): string[] {
  const acquire = tries.filter((p) => p.operation === "acquire");
  const both = returned(acquire.filter((p) => p.side === null));
  const host = returned(acquire.filter((p) => p.side === "host"));
  const guest = returned(acquire.filter((p) => p.side === "guest"));
  const promote = returned(tries.filter((p) => p.operation === "promote"));
  return [
    ...(both.length > 0 ? [`A try that fails does not wait; it returns ${list(both, "or")}.`] : []),
    ...(host.length > 0 ? [`The host's try that fails returns ${list(host, "or")}.`] : []),
    ...(guest.length > 0 ? [`The guest's try that fails returns ${list(guest, "or")}.`] : []),
    ...(promote.length > 0 ? [`A promotion that fails returns ${list(promote, "or")}.`] : []),
  ];
}

/** What a failed try returns: a status, a code, or for a predicate `false`. */
function returned(tries: readonly LockPrimitive[]): string[] {
  return [...new Set(tries.flatMap((p) => p.outcomes))].filter((outcome) => !/(^|_)SUCCESS$|^true$/.test(outcome));
}

function priority(tries: readonly LockPrimitive[]): string[] {
  const setters = tries.filter((p) => p.setsHostPriority);
  if (setters.length === 0) return ["No host priority."];
  const heeds = tries.some((p) => p.outcomes.some((outcome) => outcome.endsWith("HOST_PRIORITY")));
  const winner = "the host that then gets the lock clears it";
  const loser = heeds ? "until then every guest that tries loses" : "no guest looks at it";
  return [`Host priority: a host that fails sets a bit; ${winner}; ${loser}.`];
}
