/** What to do about a status: for who writes the hypervisor, who runs the machine, who writes the guest. */
import { type Advice, BUSY_ADVICE, CUT_ADVICE, kindAdvice } from "./facts.ts";
import { type Context, vcpuLeaves } from "./holders.ts";
import type { StatusExplanation, Unadvised } from "./schema.ts";

type AdviceFor = StatusExplanation["adviceFor"];

/** Advice by reader; what is known of the status before what is known of its kind. */
export function adviceFor(e: Unadvised, known: Advice | null, context: Context, printed: boolean): AdviceFor {
  const general = e.name === null && e.cut !== null ? CUT_ADVICE : kindAdvice(e.kind);
  const isGuestCall = context.catalog.leaves.some((leaf) => leaf.name === e.leaf && leaf.side === "guest");
  const own = e.name === "TDX_OPERAND_BUSY" ? busyAdvice(e, context, printed, isGuestCall) : known;
  const either = (from: readonly string[] | undefined, or: readonly string[]): string[] =>
    from === undefined || from.length === 0 ? [...or] : [...from];
  const isHostCall = !isGuestCall && e.leaf !== null;
  return {
    developer: either(own?.developer, isGuestCall ? [] : general.developer),
    operator: either(own?.operator, isGuestCall ? [] : general.operator),
    guest: isHostCall ? [] : either(own?.guest, isGuestCall ? general.guest : []),
  };
}

/** The advice of the side that made the call. */
export function flatAdvice({ developer, operator, guest }: AdviceFor, isGuest: boolean): string[] {
  return isGuest ? guest : [...developer, ...operator];
}

function busyAdvice(e: Unadvised, context: Context, printed: boolean, isGuestCall: boolean): Advice {
  const words = BUSY_ADVICE;
  if (isGuestCall) return { developer: words.guestCallerHost, operator: [], guest: words.guestCaller };
  return { developer: hostAdvice(e, context, printed), operator: [], guest: [] };
}

function hostAdvice(e: Unadvised, { catalog, host }: Context, printed: boolean): readonly string[] {
  const words = BUSY_ADVICE;
  if (e.resources.length === 0)
    return e.leaf === null && e.callee === null ? words.unknownLockOfAny : words.unknownLock;
  const vcpus = vcpuLeaves(catalog);
  const possible = e.holders.filter((holder) => holder.possible);
  if (printed && e.holders.some((holder) => holder.barred)) return words.afterKick;
  if (possible.length === 0 && e.holders.some(({ judged }) => !judged)) return words.nobodyNamed;
  if (possible.length === 0) return host === null ? words.nobody : words.nobodyUnder;
  if (e.leaf !== null && vcpus.has(e.leaf))
    return [...words.reenter, ...(e.resources.some((r) => r.resource === "SEPT_TREE") ? words.zeroStep : [])];
  const byVcpus = possible.filter((holder) => vcpus.has(holder.leaf));
  if (byVcpus.length === possible.length) return words.guestsOnly;
  if (byVcpus.length > 0) return words.mixed;
  return [...words.hostOnly, ...(e.resources.some((r) => r.resource === "PAGE") ? words.page : [])];
}
