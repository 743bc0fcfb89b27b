/** What is known of statuses beyond a catalog: facts of `data/advice.json` and `data/other-statuses.json`, with the questions that explain asks. */
import advice from "../../../data/advice.json" with { type: "json" };
import others from "../../../data/other-statuses.json" with { type: "json" };
import type { Giver } from "../log/message.ts";
import { KINDS, type Kind } from "./schema.ts";

/** For whom advice is: who writes the hypervisor, who runs the machine, who writes the guest. */
export interface Advice {
  readonly developer: readonly string[];
  readonly operator: readonly string[];
  readonly guest: readonly string[];
}

export interface StatusFacts extends Advice {
  readonly name: string;
  readonly kind: Kind;
  readonly meaning: string;
}

const kindOf = (text: string): Kind => KINDS.find((kind) => kind === text) ?? "unknown";

const BY_NAME: ReadonlyMap<string, StatusFacts> = new Map(
  advice.statuses.map((s) => [s.name, { ...s, kind: kindOf(s.kind) }]),
);

/** The facts of a module's status. */
export const statusFacts = (name: string): StatusFacts | null => BY_NAME.get(name) ?? null;

interface LeafNote extends Advice {
  readonly status: string;
  /** Null: any leaf, of its operands. */
  readonly leaf: string | null;
  readonly meaning: string;
  /** Only of these operands; absent where it is so of any. */
  readonly operands?: readonly string[];
}

/** What is to be said besides of a status of one leaf; it stands for the status's own meaning. */
export function leafNote(
  status: string,
  leaf: string,
  operand: string | null,
): (Advice & { readonly meaning: string }) | null {
  const isIts = (n: LeafNote): boolean =>
    n.leaf === leaf && (n.operands === undefined || operand === null || n.operands.includes(operand));
  const isAny = (n: LeafNote): boolean => n.leaf === null && operand !== null && n.operands?.includes(operand) === true;
  const notes: readonly LeafNote[] = advice.leafNotes.filter((n) => n.status === status);
  return notes.find(isIts) ?? notes.find(isAny) ?? null;
}

/** What is said where there is nothing better. */
export const kindAdvice = (kind: Kind): Advice => advice.kinds[kind];

export const BUSY_ADVICE = advice.busy;
/** Where what is left of a number does not say which status it was. */
export const CUT_ADVICE: Advice = advice.cut;
/** Where a line says that something failed, and gives 0. */
export const ZERO: Advice & { readonly meaning: string } = advice.zero;
export const HOST_PRIORITY = advice.hostPriority;
export const FAILED_IMPORT = advice.failedImport;
export const GUEST_KERNELS = advice.guestKernels;
export const EFFECTS = advice.effects;
export const SEQUENCES = advice.sequences;
export const DROPPED = advice.unread.wording;

const NO_STATUS = advice.noStatus.map(({ pattern, says }) => ({ pattern: new RegExp(pattern, "i"), says }));

/** Why a line that looks as if it had a status has none; null where it does not look so. */
export const whyNone = (line: string): string | null => NO_STATUS.find((n) => n.pattern.test(line))?.says ?? null;

export const msrName = (number: number): string | null => lookUp(advice.msrs, `0x${number.toString(16)}`);
export const exitReason = (number: number): string | null => lookUp(advice.exitReasons, String(number));

/** States of a vCPU, by the module's constant of their value. */
export const VCPU_STATES: ReadonlyMap<string, string> = new Map(Object.entries(advice.vcpuStates));

const lookUp = (table: object, key: string): string | null =>
  Object.hasOwn(table, key) ? ((table as Readonly<Record<string, string>>)[key] ?? null) : null;

/** What some bits of a status's low half mean beyond their number. */
export function namedValue(status: string, high: number, low: number, value: number): string | null {
  const found = advice.values.find((v) => v.status === status && v.high === high && v.low === low);
  return found === undefined ? null : lookUp(found.names, String(value));
}

/** Bits that carry a name for each value, though the source writes them only where they are not 0. */
export function namedBits(status: string): readonly { readonly high: number; readonly low: number }[] {
  return advice.values.filter((v) => v.status === status);
}

/** A status that is not the module's: Linux's own, the P-SEAMLDR's or a TDVMCALL's. */
export function otherStatus(giver: Giver, status: bigint): StatusFacts | null {
  if (giver === "linux") {
    const found = others.software.find((s) => (status & BigInt(s.mask)) === BigInt(s.value));
    return found === undefined ? null : { ...found, kind: "caller" };
  }
  if (giver === "module") return null;
  const { who, statuses } = giver === "p-seamldr" ? others.seamldr : others.tdvmcall;
  const found = statuses.find((s) => BigInt(s.value) === status);
  if (found === undefined) return null;
  const [host, guest] = giver === "p-seamldr" ? [found.advice, []] : [[], found.advice];
  const meaning = `${who} ${found.meaning}`;
  return { name: found.name, kind: kindOf(found.kind), meaning, developer: host, operator: found.advice, guest };
}

/** Whose status one of the P-SEAMLDR or of a TDVMCALL is, in words. */
export const whose = (giver: "p-seamldr" | "tdvmcall"): string =>
  (giver === "p-seamldr" ? others.seamldr : others.tdvmcall).who;

/** A call of the P-SEAMLDR. */
export const loaderCall = (number: number): string =>
  others.seamldr.leaves.find((leaf) => leaf.number === number)?.name ?? `SEAMLDR leaf ${number}`;
