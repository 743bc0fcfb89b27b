/** What the catalog says about the lock kinds, in at most three lines each. */
import { bundledRelease, type LockDefinition, type LockKind, type LockPrimitive } from "../catalog/index.ts";
import type { Block } from "./blocks.ts";
import { type GuestLooks, type KindTold, kindSentences } from "./glossary.ts";
import type { ReportDocument } from "./schema.ts";
import { count, kindName, list } from "./words.ts";

type LockFacts = Pick<ReportDocument, "module" | "locks" | "unreadPrimitives">;

/**
 * An entry per lock kind that is used: its word, its modes, what a refused try does, and host priority; of a kind with primitives that no
 * bundled module has, which these are.
 */
export function lockBlocks({ module, locks, unreadPrimitives }: LockFacts, used: readonly LockKind[]): Block[] {
  if (locks.length === 0) {
    const names = used.map(kindName);
    return [{ kind: "paragraph", text: `The rows name ${count(names.length, "kind")} of locks: ${list(names)}.` }];
  }
  const shown = locks.filter(({ kind }) => used.includes(kind));
  const unread = (wanted: LockKind) => unreadPrimitives.filter(({ kind }) => kind === wanted);
  const isRelease = bundledRelease(module) !== null;
  const isAlone = !shown.some(({ kind }) => kind === "sharex_hp") || unread("sharex_hp").length > 0;
  return [
    {
      kind: "entries",
      entries: shown.map((lock) => ({
        mark: `${kindName(lock.kind)}:`,
        text: sentences(lock, unread(lock.kind), { isRelease, isAlone }).join(" "),
      })),
    },
  ];
}

function sentences(lock: LockDefinition, unread: LockFacts["unreadPrimitives"], said: KindTold): string[] {
  const tries = lock.primitives.filter((p) => p.operation === "acquire" || p.operation === "promote");
  const shape = `${word(lock)}; ${modes(lock, tries)}.`;
  if (unread.length > 0) {
    const names = list(unread.map(({ site }) => `${site.function}()`));
    return [
      shape,
      `As in no bundled module: ${names} (\`seamlock diff\` shows what is new); nothing is said of host priority.`,
    ];
  }
  const priority = tries.some((p) => p.setsHostPriority);
  return [
    shape,
    ...(priority ? [] : ["No host priority."]),
    ...kindSentences(lock.kind, priority ? guestLooks(tries) : null, said),
  ];
}

/** A guest that looks before it takes anything has nothing to take back: its acquire is one instruction on each way. */
function guestLooks(tries: readonly LockPrimitive[]): GuestLooks {
  const guests = tries.filter((p) => p.side === "guest" && p.operation === "acquire");
  if (guests.length === 0) return null;
  return guests.some((p) => p.atomics.length > 1) ? "guestLooksAfter" : "guestLooksFirst";
}

function word(lock: LockDefinition): string {
  const fields = [...lock.fields].sort((a, b) => a.lsb - b.lsb);
  const layout = fields.map((f) => `${f.name} ${f.width === 1 ? "" : `${f.lsb + f.width - 1}:`}${f.lsb}`);
  const shape = layout.length === 0 ? "" : ` (${layout.join(", ")})`;
  return lock.type === null ? `in a ${lock.width}-bit word${shape}` : `${lock.width} bits${shape}`;
}

function modes(lock: LockDefinition, tries: readonly LockPrimitive[]): string {
  const shared = tries.some((p) => p.mode === "SHARED");
  const exclusive = tries.some((p) => p.mode === "EXCLUSIVE");
  const promotes = lock.primitives.some((p) => p.operation === "promote");
  if (shared && exclusive) return `SHARED or EXCLUSIVE${promotes ? ", can be promoted" : ""}`;
  if (shared || exclusive) return `${shared ? "SHARED" : "EXCLUSIVE"} only`;
  return "free or taken";
}
