/** What callers do with a BUSY: the closed vocabulary, in words, and how bad it is. */
import type { BusyClause } from "./schema.ts";
import { isEndless, isKick, reactionOf } from "./vocabulary.ts";

/** How bad the outcome of a BUSY is, worst first. */
export const SEVERITIES = ["vm-dead", "leak", "error", "unknown", "warning", "retry", "none"] as const;
export type HostSeverity = (typeof SEVERITIES)[number];

const SEVERITY_OF: Readonly<Record<string, HostSeverity>> = {
  "bug-vm": "vm-dead",
  leak: "leak",
  return: "error",
  misread: "error",
  unknown: "unknown",
  warn: "warning",
  ignore: "warning",
  retry: "retry",
  "kick-and-retry": "retry",
  refault: "retry",
  reenter: "retry",
};

const WORDS: Readonly<Record<string, string>> = {
  "bug-vm": "marks the VM as bugged, which ends it",
  leak: "leaks the resource",
  misread: "takes a wrong value for the result",
  unknown: "does what no source says",
  warn: "warns",
  ignore: "ignores it",
  refault: "gives up and tries the fault again",
  reenter: "enters the vCPU again",
};

/** The worse of some severities; `none` of none. */
export function worst(severities: readonly HostSeverity[]): HostSeverity {
  return SEVERITIES.find((s) => severities.includes(s)) ?? "none";
}

/** Compares: worse first. */
export function compareSeverity(a: HostSeverity, b: HostSeverity): number {
  return SEVERITIES.indexOf(a) - SEVERITIES.indexOf(b);
}

/** The clause for a BUSY that is reported under an operand. When the operand is not known, every clause may be it. */
export function clausesFor(clauses: readonly BusyClause[], operand: string | null): readonly BusyClause[] {
  if (operand === null) return clauses;
  const found = clauses.find((clause) => clause.on === undefined || clause.on.includes(operand));
  return found === undefined ? [] : [found];
}

/**
 * How bad the outcome of a clause can be.
 *
 * @param barred the other side is a vCPU in the guest or on its way there, which a kick keeps out: what stands after
 *   the kick is then not reached
 */
export function severityOf(clause: BusyClause, barred: boolean): HostSeverity {
  return worst(reachedOf(clause, barred).map((reaction) => SEVERITY_OF[reactionOf(reaction).kind] ?? "unknown"));
}

/** The reactions of a clause that can come to pass; `barred` as for {@link severityOf}. */
export function reachedOf(clause: BusyClause, barred: boolean): readonly string[] {
  const kick = clause.do.findIndex(isKick);
  const reached = barred && kick >= 0 ? clause.do.slice(0, kick + 1) : clause.do;
  const endless = reached.findIndex(isEndless);
  return endless >= 0 ? reached.slice(0, endless + 1) : reached;
}

/** A clause in words: `retries up to 16 times, then returns -EAGAIN`. */
export function clauseText(clause: BusyClause): string {
  return clause.do.map(reactionText).join(", then ");
}

function reactionText(reaction: string): string {
  const { kind, tries, error } = reactionOf(reaction);
  if (error !== null) return `returns ${error}`;
  if (isEndless(reaction)) return "retries without bound";
  if (kind === "retry") return `retries ${times(tries)}`;
  if (kind === "kick-and-retry") return `kicks the vCPUs, keeps them out and retries ${times(tries)}`;
  return WORDS[kind] ?? reaction;
}

function times(tries: number | null): string {
  return tries === 1 ? "once" : `up to ${tries} times`;
}
