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
    // One that is made fatal at once has the name that it has without.
    const name = context.names.status(fact.status) ?? context.names.status(fact.status & ~FATAL);
    if (name === null || fact.isHandedOn || seen.some((other) => other.name === name && isSame(fact, other.fact)))
      continue;
    const cause = causeOf(fact);
    const same = facts.filter((other) => chainKey(other.evidence) === chainKey(fact.evidence));
    const { when, condition } = cause.length > 0 ? whens.ofBusy(same, cause) : { when: null, condition: null };
    const isListed = fact.evidence.some((site) => context.knowledge.rules.listReaders.includes(site.function));
    const finals = isListed ? [fact.status | FATAL] : finalStatuses(fact, facts);
    for (const final of finals) {
      // Where a condition chooses, each of two may become the other.
      if (seen.some(({ fact: other, busy }) => isAt(other, fact) && busy.status === formatStatus(final))) continue;
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

const isAt = (a: BusyFact, b: BusyFact): boolean => chainKey(a.evidence) === chainKey(b.evidence);

/** Where a condition chooses, one place makes several. */
const isSame = (a: BusyFact, b: BusyFact): boolean => a.status === b.status && isAt(a, b);

const functionPath = (fact: BusyFact): string => fact.evidence.map((site) => site.function).join(">");

/** What the last test looks at: named by a way on which the pointer to it is not NULL, if there is one. */
function objectOf(facts: readonly BusyFact[], whens: Whens): string {
  const tests = facts.flatMap((fact) => causeOf(fact).at(-1) ?? []);
  const test = tests.find((guard) => !whens.isOfNull(guard)) ?? tests[0];
  return test === undefined ? "" : whens.testedIn(test);
}

/**
 * A caller may have added an operand to the status, or made it fatal: what it can be at the end of its way up, several where a
 * condition decides about that.
 */
function finalStatuses(fact: BusyFact, facts: readonly BusyFact[]): readonly bigint[] {
  const path = functionPath(fact);
  const last = (f: BusyFact) => f.evidence.at(-1)?.line ?? 0;
  const higher = facts
    .filter(
      (other) =>
        statusKind(other.status) === statusKind(fact.status) &&
        `${path}>`.startsWith(`${functionPath(other)}>`) &&
        includesAll(other.guards, fact.guards),
    )
    .sort((a, b) => a.evidence.length - b.evidence.length || last(b) - last(a));
  const isAlways = (other: BusyFact): boolean => includesAll(fact.guards, other.guards);
  // The fact is among them.
  const highest = higher.findIndex(isAlways);
  const [above, top] = [higher.slice(0, highest), higher[highest] ?? fact];
  // Where a condition chooses, one place makes several, what it was among them.
  const made = isAt(fact, top) ? [fact] : higher.filter((other) => isAt(other, top));
  return [...new Set([...made, ...above].map(({ status }) => status))];
}

const includesAll = (guards: readonly Guard[], those: readonly Guard[]): boolean =>
  those.every((guard) => guards.includes(guard));

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
