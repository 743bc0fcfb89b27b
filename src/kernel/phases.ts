/** What holds in each phase of a VM's life, and which ways can last into a later one. */

import type { Analysis } from "./analysis.ts";
import type { Context } from "./graph.ts";
import type { LockSet } from "./locks.ts";
import type { Row } from "./rows.ts";
import type { KernelRules } from "./rules.ts";
import type { Value } from "./values.ts";

/** The values of all members that are followed, in a phase. */
export function factsIn(
  phase: KernelRules["phases"][number],
  rules: KernelRules,
  analysis: Analysis,
): Map<string, Value> {
  const all = [...Object.entries(rules.facts.members), ...Object.entries(phase.facts)];
  return new Map(all.map(([name, text]) => [name, analysis.valueOfText(text)]));
}

/** A store that may begin a phase, with the locks that are held at it. */
export interface Transition {
  readonly fact: string;
  readonly value: Value;
  readonly locks: LockSet;
}

/** All stores to members that are followed, in some contexts and below. */
export function transitionsBelow(roots: readonly Context[]): Transition[] {
  const found = new Map<string, Transition>();
  const seen = new Set<number>();
  const queue = [...roots];
  for (let context = queue.pop(); context !== undefined; context = queue.pop()) {
    if (seen.has(context.id)) continue;
    seen.add(context.id);
    for (const { fact, value, locks } of context.stores.values())
      found.set(`${fact} ${value.id} ${locks.id}`, { fact, value, locks });
    for (const edge of context.edges.values()) queue.push(edge.to);
  }
  return [...found.values()];
}

/**
 * May a SEAMCALL that a test admits in one phase be made after the next one has begun?
 *
 * It may not when some lock is held from the test on to the call, and whoever begins the phase holds it too.
 *
 * @param differing members whose values tell the phases apart, with those of the later one
 * @param ofOneVm locks of which a VM, or the machine, has one
 */
export function mayOverrun(
  row: Row,
  differing: ReadonlyMap<string, Value>,
  transitions: readonly Transition[],
  ofOneVm: ReadonlySet<string>,
): boolean {
  const tests = row.chain.flatMap((link) => [...link.from.tests.values()]).filter((test) => differing.has(test.fact));
  if (tests.length === 0) return false;
  const begins = transitions.filter(({ fact, value }) => differing.get(fact) === value);
  // A phase that no store in the tree begins cannot begin meanwhile.
  if (begins.length === 0) return false;
  return begins.some((begin) => !tests.some((test) => keepsOut(row, test.locks, begin.locks, ofOneVm)));
}

/** Is a lock held at a test and still at the call, in a mode that keeps out who holds it in `others`, and surely the same? */
function keepsOut(row: Row, atTest: LockSet, others: LockSet, ofOneVm: ReadonlySet<string>): boolean {
  return row.held.some((held) => {
    const before = atTest.held.find((h) => h.lock === held.lock && h.of === held.of);
    if (before === undefined) return false;
    return others.held.some((other) => {
      if (other.lock !== held.lock || (other.mode === "shared" && held.mode === "shared")) return false;
      if (other.of === "other" || held.of === "other") return false;
      // Two ways of one VM that each hold their own vCPU's hold two locks, unless one of them holds every vCPU's.
      return other.of === "all" || held.of === "all" || ofOneVm.has(held.lock);
    });
  });
}
