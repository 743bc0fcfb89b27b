/** Who holds what at which label, from the steps' metadata; and for every failed try-acquire, whom it may have met. */

import type { Layout } from "./layout.ts";
import { type Constants, type Ir, irBin, irJunction, type LoweredMove, lower } from "./lower.ts";
import { BUSY, type Hold, type IntExpr, type ProcessType, type Step } from "./types.ts";
import { substitute, visitEffects, visitExpr } from "./walk.ts";

const key = (hold: Hold): string => JSON.stringify([hold.resource, hold.object, hold.mode, hold.leaf]);

/**
 * The object of an acquisition, as an expression that still means the same at later labels: a chosen parameter is replaced by the local
 * variable that the step stores it in. Null (any object) when there is none.
 */
function lastingObject(step: Step): IntExpr | null {
  const { object } = step.meta;
  if (object === undefined) return null;
  const stored: Record<string, IntExpr> = {};
  visitEffects(step.effects, (effect) => {
    if (effect.kind === "set" && effect.index === null && effect.value.op === "param") {
      stored[effect.value.name] = { op: "var", sort: "int", name: effect.name, index: null };
    }
  });
  const lasting = substitute(object, stored);
  let open = false;
  visitExpr(lasting, (expr) => {
    open ||= expr.op === "param";
  });
  return open ? null : lasting;
}

/** The lock that a step takes, is refused or gives back, by the name under which it is held. */
export const lockOf = ({ meta: { lock, resource } }: Step): string | undefined => lock ?? resource;

/** What a process holds after a step, given what it held before. */
function after(step: Step, before: readonly Hold[]): Hold[] {
  const { action, result, mode, leaf } = step.meta;
  const resource = lockOf(step);
  if (resource === undefined) return [...before];
  const object = lastingObject(step);
  if (action === "acquire" && result !== BUSY && (result === undefined || result === "ok")) {
    return [...before, { resource, object, mode: mode ?? "EXCLUSIVE", leaf: leaf ?? null, when: null }];
  }
  if (action !== "release") return [...before];
  return before.filter(
    (hold) => hold.resource !== resource || (object !== null && JSON.stringify(hold.object) !== JSON.stringify(object)),
  );
}

/**
 * By label number: what an instance there certainly holds. Where paths disagree, only what all of them hold counts, unless the label
 * states its holds itself.
 */
export function holdsByLabel(type: ProcessType): readonly (readonly Hold[])[] {
  const known = new Map<string, readonly Hold[]>([[type.start, []]]);
  const work = [type.start];
  for (let name = work.pop(); name !== undefined; name = work.pop()) {
    const label = type.labels.find((candidate) => candidate.name === name);
    const here = label?.holds ?? known.get(name) ?? [];
    for (const step of label?.steps ?? []) {
      const reached = after(step, here);
      const before = known.get(step.next);
      const merged =
        before === undefined ? reached : before.filter((hold) => reached.some((other) => key(other) === key(hold)));
      if (before !== undefined && merged.length === before.length) continue;
      known.set(step.next, merged);
      work.push(step.next);
    }
  }
  return type.labels.map((label) => label.holds ?? known.get(label.name) ?? []);
}

/** Does a failed try in `mode` tell of a holder in `held`? */
export function conflicts(mode: string | undefined, held: string): boolean {
  if (held === "NO_LOCK") return false;
  return !(mode === "SHARED" && held === "SHARED");
}

/** Is this step a failed try-acquire? */
export const isBusy = (step: Step): boolean => step.meta.result === BUSY && step.meta.resource !== undefined;

/** A process type, and the leaf on whose behalf it holds something. */
export interface Holder {
  readonly process: string;
  readonly leaf: string | null;
}

/** For a failed try-acquire: every possible holder, and the condition (in the state before the step) under which it is one. */
export function holderConditions(
  layout: Layout,
  constants: Constants,
  holds: readonly (readonly (readonly Hold[])[])[],
  { instance, move }: LoweredMove,
): { readonly holder: Holder; readonly when: Ir }[] {
  const { object, mode } = move.step.meta;
  const resource = lockOf(move.step);
  const wanted = object === undefined ? null : lower({ layout, instance, params: move.choices, constants }, object);
  const found = new Map<string, Ir[]>();
  for (const other of layout.instances.filter((candidate) => candidate !== instance)) {
    holds[other.typeIndex]?.forEach((here, label) => {
      for (const hold of here) {
        if (hold.resource !== resource || !conflicts(mode, hold.mode)) continue;
        const scope = { layout, instance: other, params: {}, constants };
        const known = constants.get(other.pc);
        const all: Ir[] = [
          known === undefined ? { k: "at", s: other.pc, labels: [label] } : { k: "const", v: Number(known === label) },
        ];
        if (wanted !== null && hold.object !== null) all.push(irBin("eq", wanted, lower(scope, hold.object)));
        if (hold.when !== null) all.push(lower(scope, hold.when));
        const name = JSON.stringify({ process: other.type.name, leaf: hold.leaf });
        found.set(name, [...(found.get(name) ?? []), irJunction("and", all)]);
      }
    });
  }
  return [...found].map(([name, irs]) => ({ holder: JSON.parse(name) as Holder, when: irJunction("or", irs) }));
}
