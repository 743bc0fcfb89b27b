/** Where a lock is given back. */

import {
  type AbstractState,
  type Guard,
  idOf,
  isCountedLike,
  isInstanceOf,
  keyWithoutElements,
  type Location,
  pointersTo,
  pointerTo,
  readFrom,
  type Step,
  sourcesOfLocation,
  stepsOf,
  type Value,
  wayTo,
} from "../c/index.ts";
import type { LockMode, Release, ReleasePlace, Site } from "../catalog/index.ts";
import type { AcquireEvent, ReleaseEvent } from "./events.ts";
import type { LeafFinal, LeafRun } from "./leaf-run.ts";
import { classify, isAncestors } from "./resources.ts";
import { chainKey, type HeldLock, isSameSite, type RowContext, type RowTrouble, repeats } from "./row-context.ts";
import type { ExtractionRules } from "./rules.ts";

/** Where one path gives back what it acquired; null, and a trouble, where it does not. */
export function releaseOf(
  event: AcquireEvent,
  final: LeafFinal,
  context: RowContext,
  troubles: RowTrouble[],
): Release | null {
  const { rules } = context.knowledge;
  const release = givenBack(event, final, rules) ?? givenBackWhereNoted(event, final, context);
  if (release) return released(releasePlace(event, release, final, context), release.evidence);
  // An entry that ends in a TD exit before the guest runs gives back what it has handed over already.
  if (final.kind === "td-entry" || (final.kind === "td-exit" && context.leaf.side === "host")) {
    const releases = handOverFields(event, final.state, rules)
      .map((field) => context.handedOver.releases.get(`${field} ${event.members.at(-1)}`))
      .find((found) => found !== undefined);
    const given = releases?.find((other) => isHandedOver(event, other, final.state, rules));
    if (given) {
      reportMode({ mode: modeAtEnd(event, final, rules), since: event.evidence }, given, context, troubles);
      return released({ kind: "td-exit" }, given.evidence);
    }
  }
  const removed = removalOf(event, final, rules);
  if (removed) return released({ kind: "page-removed" }, removed);
  troubles.push({
    what: "not-released",
    message: `${context.leaf.name} never gives back ${lockInWords(event, final, context)}`,
    site: event.evidence.at(-1) as Site,
  });
  return null;
}

/** A lock as a report calls it. */
export function lockInWords(event: AcquireEvent, final: LeafFinal, context: RowContext): string {
  const acquires = final.events.filter((other): other is AcquireEvent => other.kind === "acquire");
  const { resource, role } = classify(event, acquires, final, context, []);
  return `the lock on ${resource}${role === null ? "" : ` (${role})`}`;
}

/** How a path holds a lock, and the calls that led there. */
export interface Held {
  readonly mode: LockMode;
  readonly since: readonly Site[];
}

/** A lock that is given back in another mode than it is held in leaves the lock's counters wrong. */
export function reportMode(
  held: Held,
  { mode, evidence }: ReleaseEvent,
  { leaf }: RowContext,
  troubles: RowTrouble[],
): void {
  if (mode === null || mode === held.mode) return;
  const site = partingSite(held.since, evidence);
  const isSame = (t: RowTrouble): boolean => t.what === "released-as" && isSameSite(t.site, site);
  if (troubles.some(isSame)) return;
  troubles.push({
    what: "released-as",
    message: `${leaf.name} holds a lock as ${held.mode} and gives it back as ${mode}`,
    site,
  });
}

/**
 * Where what went wrong between two events was written: the first call of the later one's chain that is not of the earlier one's. That is
 * the leaf's own call, whichever helpers take the lock and give it back, unless both happen in one run of a helper.
 */
export function partingSite(earlier: readonly Site[], later: readonly Site[]): Site {
  const at = later.findIndex((site, i) => !isSameSite(site, earlier[i]));
  return later[at < 0 ? later.length - 1 : at] as Site;
}

/** The mode in which a path still holds what it acquired, which a promotion may have changed. */
function modeAtEnd(event: AcquireEvent, { events }: LeafFinal, rules: ExtractionRules): LockMode {
  const key = lockKey(event.lock, rules);
  const last = events
    .slice(events.indexOf(event) + 1)
    .findLast((other) => (other.kind === "promote" || other.kind === "demote") && lockKey(other.lock, rules) === key);
  return last === undefined ? event.mode : last.kind === "promote" ? "EXCLUSIVE" : "SHARED";
}

const released = (place: ReleasePlace, evidence: readonly Site[]): Release => ({
  at: place.kind === "function" ? place.function : place.kind,
  ...place,
  evidence,
});

/** The release of an acquisition on a path. */
export function givenBack(
  event: AcquireEvent,
  { events, state }: LeafFinal,
  rules: ExtractionRules,
): ReleaseEvent | undefined {
  const at = events.indexOf(event);
  const later = events.filter((other, i): other is ReleaseEvent => i > at && other.kind === "release");
  return (
    later.find((release) => isSameLock(event, release, rules)) ??
    later.find((release) => isCountedOtherwise(event, release, state))
  );
}

/** Is it the same lock? An element that stands for each of an array's is any of them. */
function isSameLock(event: AcquireEvent, release: ReleaseEvent, rules: ExtractionRules): boolean {
  return lockKey(event.lock, rules) === lockKey(release.lock, rules) || isInstanceOf(release.lock, event.lock);
}

/** Does a loop give back what a loop has taken, but counts otherwise, so that the one iteration that stands for all is another one? */
export function isCountedOtherwise(event: AcquireEvent, release: ReleaseEvent, state: AbstractState): boolean {
  return event.loops.length > 0 && release.loops.length > 0 && isCountedLike(release.lock, event.lock, state.store);
}

/**
 * The release of an acquisition on another path, which a loop makes of those elements for which it finds noted that they are locked:
 * this path notes it of the element that stands for all, and then does not find it of the one that the loop counts.
 */
export function givenBackWhereNoted(
  event: AcquireEvent,
  final: LeafFinal,
  { run, knowledge }: RowContext,
): ReleaseEvent | undefined {
  if (event.loops.length === 0) return undefined;
  for (const other of run.finals) {
    if (other === final || !other.events.includes(event)) continue;
    const release = givenBack(event, other, knowledge.rules);
    const isNoted = release?.loops.length && release.guards.some((guard) => isNotedOtherwise(guard, final.state));
    if (isNoted) return release;
  }
  return undefined;
}

/** Does a path decide a test of a counted element's note against what it noted of the element that stands for all? */
function isNotedOtherwise({ fork, side, formula }: Guard, { guards, store }: AbstractState): boolean {
  if (formula.k !== "atom" || formula.op !== "set") return false;
  if (!guards.some((guard) => guard.fork === fork && guard.side !== side)) return false;
  const note = readFrom(formula.left);
  if (note?.step?.kind !== "element" || note.step.index.t === "num") return false;
  return [...store.entries()].some(
    ([at, value]) => value.t === "num" && value.v !== 0n && isCountedLike(note, at, store),
  );
}

const lockKeys = new WeakMap<Location, string>();

/** A PAMT block belongs to one page: which of its entries is meant follows from the page, however its address is written. */
export function lockKey(lock: Location, { pamtBlocks }: ExtractionRules): string {
  let key = lockKeys.get(lock);
  if (key === undefined) {
    key = keyWithoutElements(lock, new Set(pamtBlocks));
    lockKeys.set(lock, key);
  }
  return key;
}

/** A lock word inside a page that the leaf removes goes with the page: where the page's type is set to free. */
function removalOf(event: AcquireEvent, { types }: LeafFinal, rules: ExtractionRules): readonly Site[] | null {
  const pointer = pointerTo(event.lock);
  const address = pointer?.t === "sym" && pointer.origin?.how === "mapping" ? readFrom(pointer.origin.address) : null;
  if (event.lock.parent === null || address?.step?.kind !== "field" || address.step.name !== rules.addressField)
    return null;
  const page = address.parent?.key;
  const isPages = (entry: Location) =>
    [...sourcesOfLocation(entry)].some(
      (value) =>
        value.t === "sym" && value.origin?.how === "call" && value.origin.args.length > 1 && isFirst(value.origin.args),
    );
  const isFirst = ([first]: readonly Value[]) => first !== undefined && idOf(first) === page;
  const fact = types.find((t) => t.how === "assign" && rules.freePageTypes.includes(t.type) && isPages(t.object));
  return fact?.evidence ?? null;
}

/** Where a release stands: in the leaf's clean-up, before it enters the TD, or in a function that gives it back earlier. */
function releasePlace(event: AcquireEvent, release: ReleaseEvent, final: LeafFinal, context: RowContext): ReleasePlace {
  let depth = 0;
  while (
    depth < event.evidence.length - 1 &&
    depth < release.evidence.length - 1 &&
    isSameSite(event.evidence[depth], release.evidence[depth])
  )
    depth++;
  const inside = release.evidence[depth];
  if (inside && depth > delegations(context)) return inFunction(inside.function);
  if (isSameIteration(event, release)) return { kind: "iteration-end" };
  if (release.by !== null) return inFunction(release.by);
  if (final.kind === "td-entry" && context.leaf.side === "host") return { kind: "before-td-entry" };
  return { kind: "leaf-exit" };
}

const inFunction = (name: string): ReleasePlace => ({ kind: "function", function: name });

/** Is a lock given back by the loop that took it? */
function isSameIteration(event: AcquireEvent, release: ReleaseEvent): boolean {
  const loop = event.loops.findLast(({ text }) => repeats(text));
  return loop !== undefined && release.loops.some(({ text, line }) => text === loop.text && line === loop.line);
}

const delegationsOf = new WeakMap<LeafRun, number>();

/**
 * A handler may be no more than a call of a function in its own file that does the work.
 *
 * @returns how many such calls, one in the other, all locks are taken and given back in; 0 for a handler that does its own work
 */
function delegations({ run, handler }: RowContext): number {
  let depth = delegationsOf.get(run);
  if (depth === undefined) {
    depth = commonCalls(run, handler.file);
    delegationsOf.set(run, depth);
  }
  return depth;
}

function commonCalls({ finals }: LeafRun, file: string): number {
  const chains = finals.flatMap(({ events }) => events.map(({ evidence }) => evidence));
  const [first = []] = chains;
  const isCommon = (depth: number): boolean => {
    const callee = first[depth + 1];
    return (
      callee?.file === file &&
      chains.every((chain) => isSameSite(chain[depth], first[depth]) && chain[depth + 1]?.function === callee.function)
    );
  };
  let depth = 0;
  while (isCommon(depth)) depth++;
  return depth;
}

// ---------------------------------------------------------- over the TD's run

/** The field of the hand-over structure that a location is reached by; null for any other location. */
export function handOverField(steps: readonly Step[], rules: ExtractionRules): string | null {
  const at = steps.findIndex((step) => step.kind === "field" && step.name === rules.handOver);
  const field = at < 0 ? undefined : steps.slice(at + 1).find((step) => step.kind === "field");
  return field?.name ?? null;
}

/** What leads to a lock, and which member it is: of a PAMT walk several entries are behind one field. */
export const handedOverKey = (field: string | null, lock: Location): string => `${field} ${lockMember(lock)}`;

/** The member that a lock is. */
export function lockMember(lock: Location): string | null {
  const field = stepsOf(lock).findLast((step) => step.kind === "field");
  return field?.name ?? null;
}

/** Fields of the hand-over structure in which the leaf left what leads to this lock. */
function handOverFields({ object }: AcquireEvent, state: AbstractState, rules: ExtractionRules): string[] {
  const pointer = pointerTo(object);
  const id = pointer ? idOf(pointer) : object.key;
  const sources = new Set([...sourcesOfLocation(object)].map(idOf));
  const fields: string[] = [];
  for (const [at, value] of state.store.entries()) {
    if (value.t !== "sym") continue;
    const field = handOverField(stepsOf(at), rules);
    if (field !== null && (sources.has(value.id) || value.id === id || holds(state, value.location, id)))
      fields.push(field);
  }
  return fields;
}

/** Does a structure that was copied into the hand-over hold the pointer in one of its members? */
function holds(state: AbstractState, structure: Location | null, pointer: string): boolean {
  if (structure === null) return false;
  return state.store.inside(structure).some(([, value]) => value.t === "sym" && value.id === pointer);
}

/**
 * Of several locks behind one hand-over field: does the exit reach this one by the same member, or the same array element? One that is
 * reached by neither is the only one behind its field.
 */
function isHandedOver(
  event: AcquireEvent,
  release: ReleaseEvent,
  state: AbstractState,
  rules: ExtractionRules,
): boolean {
  const block = (lock: Location) =>
    wayTo(lock).findLast((step) => step.kind === "field" && rules.pamtBlocks.includes(step.name));
  const member = block(release.lock);
  if (member?.kind === "field") {
    const own = block(event.lock);
    return own?.kind === "field" && own.name === member.name;
  }
  const element = pointersTo(release.lock).find((at) => numbered(at) !== null);
  if (element === undefined) return true;
  const pointer = pointerTo(event.object);
  if (pointer === null) return false;
  return [...state.store.entries()].some(
    ([at, value]) => numbered(at) === numbered(element) && value.t === "sym" && value.id === idOf(pointer),
  );
}

/** `member[3]`, of a location that is such an element; else null. */
function numbered({ step, parent }: Location): string | null {
  if (step?.kind !== "element" || step.index.t !== "num" || parent?.step?.kind !== "field") return null;
  return `${parent.step.name}[${step.index.v}]`;
}

// ------------------------------------------------------------------ of a row

/** Where a path that does all of its work gives locks back; a path that gives up early may do so elsewhere. */
const USUAL_RELEASES: ReadonlySet<ReleasePlace["kind"]> = new Set([
  "leaf-exit",
  "iteration-end",
  "before-td-entry",
  "td-exit",
]);

/**
 * The release of a row: of the very acquisition that the row shows, not of one at another level of a walk. Where paths differ,
 * the first in the source: what fails is cleaned up at the end.
 */
export function usualRelease(first: HeldLock, all: readonly HeldLock[]): Release | null {
  const shown = chainKey(first.event.evidence);
  const same = all.filter((held) => held.release !== null && chainKey(held.event.evidence) === shown);
  const usual = same.filter((held) => held.release !== null && USUAL_RELEASES.has(held.release.kind));
  const line = (held: HeldLock): number => held.release?.evidence[0]?.line ?? 0;
  const [earliest] = (usual.length > 0 ? usual : same).sort((a, b) => line(a) - line(b));
  return earliest?.release ?? first.release;
}

/** Places that give a row's lock back on other paths, that succeed or fail, the row's own place left out. */
export function otherReleases(
  all: readonly HeldLock[],
  shown: Release | null,
  context: RowContext,
): (readonly Site[])[] {
  if (shown === null || shown.at === "page-removed") return [];
  const { rules } = context.knowledge;
  const places = new Set(all.map(({ event }) => chainKey(event.evidence)));
  const isAncestor = all.every(({ resource }) => isAncestors(resource));
  const found = new Map<string, readonly Site[]>();
  for (const final of context.run.finals) {
    const acquires = final.events.filter((other): other is AcquireEvent => other.kind === "acquire");
    for (const event of acquires) {
      if (!places.has(chainKey(event.evidence))) continue;
      // One line of a walk takes the entry of a large page and an ancestor of a smaller one, which are two rows.
      const { resource } = classify(event, acquires, final, context, []);
      if (isAncestors(resource) !== isAncestor) continue;
      const release = givenBack(event, final, rules);
      if (release === undefined || chainKey(release.evidence) === chainKey(shown.evidence)) continue;
      // The call that takes a page's entry gives back what it has when it fails: a matter of that call.
      // And one call gives back the entries of a walk, whichever of them is the target.
      const [first] = release.evidence;
      const isOwn =
        event.members.at(-1) === rules.pamtLock &&
        (isSameSite(event.evidence[0], first) || isSameSite(shown.evidence[0], first));
      if (!isOwn) found.set(chainKey(release.evidence), release.evidence);
    }
  }
  return [...found.values()].sort(bySource);
}

function bySource(a: readonly Site[], b: readonly Site[]): number {
  for (const [i, site] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    if (site.line !== other.line) return site.line - other.line;
    if (site.file !== other.file) return site.file < other.file ? -1 : 1;
  }
  return a.length - b.length;
}
