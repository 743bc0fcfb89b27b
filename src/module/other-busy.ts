/** BUSY-class statuses of a leaf that come from something other than a lock primitive. */

import type { Guard } from "../c/index.ts";
import { formatStatus, type OtherBusy } from "../catalog/index.ts";
import { type BusyFact, statusKind } from "./events.ts";
import { chainKey, operandOf, type RowContext } from "./row-context.ts";
import { FATAL } from "./rules.ts";
import type { Whens } from "./whens.ts";

/** The statuses, in source order. */
export function otherBusy(context: RowContext, whens: Whens): OtherBusy[] {
  const facts = context.run.finals.filter((final) => !final.failure).flatMap((final) => final.busy);
  const seen: { readonly name: string; readonly fact: BusyFact; readonly busy: OtherBusy }[] = [];
  const order = (fact: BusyFact) => fact.evidence.at(-1)?.line ?? 0;
  for (const fact of [...facts].sort((a, b) => b.evidence.length - a.evidence.length || order(a) - order(b))) {
    const name = context.names.status(fact.status);
    if (name === null || fact.isHandedOn || seen.some((other) => other.name === name && isOnItsWayUp(fact, other.fact)))
      continue;
    const cause = causeOf(fact);
    const same = facts.filter((other) => chainKey(other.evidence) === chainKey(fact.evidence));
    const { when, condition } = cause.length > 0 ? whens.ofBusy(same, cause) : { when: null, condition: null };
    const isListed = fact.evidence.some((site) => context.knowledge.rules.listReaders.includes(site.function));
    const final = isListed ? fact.status | FATAL : finalStatus(fact, facts);
    const busy: OtherBusy = {
      status: formatStatus(final),
      name,
      object: objectOf(same, whens),
      operand: (final & 0xffffffffn) === 0n ? null : operandOf(final, context),
      ...(isListed ? { indexed: true } : {}),
      when,
      condition,
      evidence: fact.evidence,
    };
    seen.push({ name, fact, busy });
  }
  return seen
    .map(({ busy }) => busy)
    .sort(
      (a, b) =>
        (a.evidence[0]?.line ?? 0) - (b.evidence[0]?.line ?? 0) || compare(chainKey(a.evidence), chainKey(b.evidence)),
    );
}

/** The last test before the status; of a chain of `else if`, all that led there. */
function causeOf({ guards }: BusyFact): readonly Guard[] {
  let first = guards.length - 1;
  while (first > 0 && guards[first]?.written?.isElse) first--;
  return guards.slice(Math.max(first, 0));
}

/** Is a status one that came into being in a callee, or at the same place? */
function isOnItsWayUp(fact: BusyFact, origin: BusyFact): boolean {
  return (
    functionPath(origin).startsWith(`${functionPath(fact)}>`) || chainKey(fact.evidence) === chainKey(origin.evidence)
  );
}

const functionPath = (fact: BusyFact): string => fact.evidence.map((site) => site.function).join(">");

/** What the last test looks at: named by a way on which the pointer to it is not NULL, if there is one. */
function objectOf(facts: readonly BusyFact[], whens: Whens): string {
  const tests = facts.flatMap((fact) => causeOf(fact).at(-1) ?? []);
  const test = tests.find((guard) => !whens.isOfNull(guard)) ?? tests[0];
  return test === undefined ? "" : whens.testedIn(test);
}

/** A caller may have added an operand to the status, or made it fatal: what it is at the end of its way up. */
function finalStatus(fact: BusyFact, facts: readonly BusyFact[]): bigint {
  const path = functionPath(fact);
  const isHigher = (other: BusyFact): boolean =>
    statusKind(other.status) === statusKind(fact.status) &&
    `${path}>`.startsWith(`${functionPath(other)}>`) &&
    fact.guards.every((guard) => other.guards.includes(guard));
  const last = (f: BusyFact) => f.evidence.at(-1)?.line ?? 0;
  const [highest] = facts.filter(isHigher).sort((a, b) => a.evidence.length - b.evidence.length || last(b) - last(a));
  return highest?.status ?? fact.status;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
