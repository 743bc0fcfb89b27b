/** Locks: which are taken and given back on each path, in which order, and what follows when one is busy. */

import {
  type AbstractState,
  type Call,
  type CallExpr,
  Domain,
  type Evaluated,
  type Expr,
  type Frame,
  type Guard,
  type IfStmt,
  joinPaths,
  type Location,
  type LoopAdvice,
  type LoopStmt,
  type Lvalue,
  not,
  num,
  type Stmt,
  sourcesOfLocation,
  stepsOf,
  TRUE,
  truth,
  type Value,
  valueText,
} from "../c/index.ts";
import type { LockMode, Side, Site } from "../catalog/index.ts";
import {
  type AcquireEvent,
  type Failure,
  isTriedAgain,
  type LockEvent,
  type PromoteEvent,
  type ReleaseEvent,
  union,
} from "./events.ts";
import type { Knowledge, Outcome } from "./knowledge.ts";
import type { PrimitiveRule } from "./rules.ts";

/** What is remembered of locks on one path. */
export interface LockPart {
  readonly events: readonly LockEvent[];
  /** Acquisitions that were skipped because the mode is "no lock", and walks without a lock. */
  readonly skipped: readonly AcquireEvent[];
  readonly failure: Failure | null;
  /** Inside a branch that is walked only to see which locks it would take. */
  readonly isGhost: boolean;
  /** SEPT words whose lock bit was cleared in a copy that is not written back yet. */
  readonly unlocked: readonly Location[];
}

/** The mode or side of a primitive was not understood, or its lock. */
export interface LockTrouble {
  readonly what: "mode" | "lock-object";
  readonly message: string;
  readonly site: Site;
}

interface Lock {
  readonly at: Location;
  readonly text: string;
}

export class LockDomain extends Domain<LockPart> {
  readonly troubles: LockTrouble[] = [];
  /** Call sites of primitives that were reached, as `file:line`. */
  readonly visited = new Set<string>();
  private readonly knowledge: Knowledge;
  private readonly side: Side;
  /** The same acquisition under the same guards is one event, so that states that saw it can join. */
  private readonly interned = new Map<string, LockEvent>();

  /** @param side of the leaf */
  constructor(knowledge: Knowledge, side: Side) {
    super();
    this.knowledge = knowledge;
    this.side = side;
  }

  initial(): LockPart {
    return { events: [], skipped: [], failure: null, isGhost: false, unlocked: [] };
  }

  merge(a: LockPart, b: LockPart): LockPart {
    return { ...a, skipped: union(a.skipped, b.skipped), unlocked: union(a.unlocked, b.unlocked) };
  }

  /** Only states that saw the same locks, and the same one fail, are one. */
  override canJoin(first: AbstractState, second: AbstractState): boolean {
    const [a, b] = [this.of(first), this.of(second)];
    if (a.failure !== b.failure || a.isGhost !== b.isGhost || a.events.length !== b.events.length) return false;
    return a.events === b.events || a.events.every((event, i) => event === b.events[i]);
  }

  override isExceptional(state: AbstractState): boolean {
    return this.of(state).failure !== null;
  }

  private change(state: AbstractState, change: Partial<LockPart>): void {
    this.remember(state, { ...this.of(state), ...change });
  }

  private add(state: AbstractState, event: LockEvent): void {
    this.change(state, { events: [...this.of(state).events, event] });
  }

  private skip(state: AbstractState, event: AcquireEvent): void {
    const { skipped } = this.of(state);
    if (!skipped.includes(event)) this.change(state, { skipped: [...skipped, event] });
  }

  private holds(state: AbstractState, lock: Location): boolean {
    const last = this.of(state).events.findLast(
      (event) => event.lock === lock && (event.kind === "acquire" || event.kind === "release"),
    );
    return last?.kind === "acquire";
  }

  /** A second one on the same path, in the next round of a loop, is another event. */
  private intern<T extends LockEvent>(event: T, state: AbstractState): T {
    const mode = "mode" in event ? event.mode : "";
    const place = this.engine.chainNumber(event.evidence);
    const loops = event.loops.map((loop) => loop.text).join(";");
    const isFailing = this.isExceptional(state);
    let key = `${event.kind}|${event.lock.key}|${mode}|${place}|${loops}|${isFailing}|${guardsKey(event.guards)}`;
    let known = this.interned.get(key);
    for (
      const { events } = this.of(state);
      known !== undefined && events.includes(known);
      known = this.interned.get(key)
    )
      key += "+";
    if (known) {
      known.path = joinPaths(known.path, event.path);
      return known as T;
    }
    this.interned.set(key, event);
    return event;
  }

  private trouble(what: LockTrouble["what"], message: string, site: Site): void {
    if (!this.troubles.some((t) => t.message === message && t.site.file === site.file && t.site.line === site.line))
      this.troubles.push({ what, message, site });
  }

  // ------------------------------------------------------------------ calls

  override needsOneObject(name: string): boolean {
    return this.ruleOf(name) !== undefined;
  }

  private ruleOf(name: string): PrimitiveRule | undefined {
    const { primitives } = this.knowledge.rules;
    return Object.hasOwn(primitives, name) ? primitives[name] : undefined;
  }

  override call(call: Call): Evaluated<Value>[] | null {
    const { name, args, e, state, frame } = call;
    const rule = this.ruleOf(name);
    if (rule) return this.primitive(rule, call);
    const { wholeWordReleases, wordWriters } = this.knowledge.rules;
    const evidence = [...frame.chain, this.engine.site(frame, e.line)];
    if (wholeWordReleases.some((pattern) => pattern.test(name))) {
      this.unlockWord(args[0], name, evidence, state, frame);
      return [[state, num(0)]];
    }
    if (wordWriters.includes(name)) {
      const [address] = args;
      const [, word] = e.args;
      if (address && word) this.writeWord(this.engine.space.pointee(address), word, name, evidence, state, frame);
      return [[state, num(0)]];
    }
    return null;
  }

  /** A function that walks and knows no lock is no function to follow. */
  override mayFollow(call: Call): boolean {
    const { walks } = this.knowledge.rules;
    const walk = Object.hasOwn(walks, call.name) ? walks[call.name] : undefined;
    if (walk) this.lookWalked(walk.ifTrue, call);
    return walk === undefined;
  }

  private primitive(rule: PrimitiveRule, { name, args, e, state, frame }: Call): Evaluated<Value>[] {
    const site = this.engine.site(frame, e.line);
    this.visited.add(`${site.file}:${site.line}`);
    const [pointer] = args;
    if (!pointer || pointer.t === "num") {
      this.trouble("lock-object", `the lock given to ${name} is not known`, site);
      return [[state, this.engine.space.fresh(name)]];
    }
    const lock = { at: this.engine.space.pointee(pointer), text: valueText(pointer).replace(/^&/, "") };
    const evidence = [...frame.chain, site];
    switch (rule.operation) {
      case "release":
        if (!this.of(state).isGhost) this.release(lock.at, this.releaseMode(rule, args), null, evidence, state, frame);
        return [[state, num(0)]];
      case "promote":
      case "demote":
        return this.promote(name, rule.operation, lock, evidence, state, frame);
      case "acquire":
        return this.modes(name, rule, args, site, state, frame).flatMap(([st, mode]) =>
          this.acquire(name, rule, lock, mode, this.sideOf(rule, args), evidence, st, frame),
        );
    }
  }

  private release(
    lock: Location,
    mode: LockMode | null,
    by: string | null,
    evidence: readonly Site[],
    state: AbstractState,
    frame: Frame,
  ): void {
    const { guards, path } = state;
    const { loops } = frame;
    this.add(
      state,
      this.intern<ReleaseEvent>({ kind: "release", lock, evidence, guards, path, loops, mode, by }, state),
    );
  }

  /** The mode in which a primitive gives a lock back; null when a variable says it. */
  private releaseMode(rule: PrimitiveRule, args: readonly Value[]): LockMode | null {
    if (typeof rule.mode === "string") return rule.mode;
    const value = args[rule.mode.argument];
    return value?.t === "num" ? this.knowledge.modeOf(value.v) : null;
  }

  private sideOf(rule: PrimitiveRule, args: readonly Value[]): Side {
    if (rule.side === null) return this.side;
    if (typeof rule.side === "string") return rule.side;
    const value = args[rule.side.argument];
    if (value?.t === "num") return value.v === 0n ? "host" : "guest";
    return this.side;
  }

  private modes(
    name: string,
    rule: PrimitiveRule,
    args: readonly Value[],
    site: Site,
    state: AbstractState,
    frame: Frame,
  ): Evaluated<LockMode>[] {
    if (typeof rule.mode === "string") return [[state, this.of(state).isGhost ? "NO_LOCK" : rule.mode]];
    const resolve = (st: AbstractState, v: Value | undefined): Evaluated<LockMode>[] => {
      if (v?.t === "ite") {
        const other = st.clone();
        const fork = `${this.engine.fork(frame, site.line, { kind: "name", name, line: site.line })}:mode`;
        const results: Evaluated<LockMode>[] = [];
        if (st.assume(v.c, fork, true)) results.push(...resolve(st, st.resolve(v.a)));
        if (other.assume(not(v.c), fork, false)) results.push(...resolve(other, other.resolve(v.b)));
        return results;
      }
      const mode = v?.t === "num" ? this.knowledge.modeOf(v.v) : null;
      if (mode !== null) return [[st, mode]];
      const given = v ? valueText(v) : "missing";
      const message = `the mode given to ${name} is ${given}, which is neither shared, exclusive nor no lock`;
      this.trouble("mode", message, site);
      return [[st, "EXCLUSIVE"]];
    };
    return resolve(state, args[rule.mode.argument]);
  }

  private acquire(
    name: string,
    rule: PrimitiveRule,
    lock: Lock,
    mode: LockMode,
    side: Side,
    evidence: readonly Site[],
    state: AbstractState,
    frame: Frame,
  ): Evaluated<Value>[] {
    const { isGhost } = this.of(state);
    const isSkipped = isGhost || mode === "NO_LOCK";
    const event = this.intern<AcquireEvent>(
      {
        ...this.acquisition(name, lock, evidence, state, frame),
        lockKind: rule.lock,
        mode: isSkipped ? "NO_LOCK" : mode,
        side: isSkipped ? this.side : side,
      },
      state,
    );
    const outcomes = this.knowledge.outcomes(name, mode === "NO_LOCK" ? "EXCLUSIVE" : mode, side);
    const failing = isSkipped ? [] : this.failing(event, outcomes, state);
    if (event.mode !== "NO_LOCK") this.add(state, event);
    else if (!this.holds(state, lock.at)) this.skip(state, event);
    return [...failing, [state, successOf(outcomes)]];
  }

  /** What is the same for an acquisition and for a walk without a lock. */
  private acquisition(
    primitive: string,
    { at, text }: Lock,
    evidence: readonly Site[],
    { guards, path }: AbstractState,
    { id, invocations, loops }: Frame,
  ): Omit<AcquireEvent, "lockKind" | "mode" | "side"> {
    const { object, members } = ownerOf(at);
    const { pamtWalks } = this.knowledge.rules;
    const walk = evidence.findIndex((call) => pamtWalks.includes(call.function));
    return {
      kind: "acquire",
      primitive,
      lock: at,
      object,
      members,
      text,
      evidence,
      guards,
      path,
      loops,
      invocation: invocations[walk] ?? id,
    };
  }

  /** A state for each way in which a primitive can fail. */
  private failing(
    event: AcquireEvent | PromoteEvent,
    outcomes: readonly Outcome[],
    state: AbstractState,
  ): Evaluated<Value>[] {
    // One lock fails on a path, but that one at each try.
    const { failure } = this.of(state);
    if (failure !== null && !isTriedAgain(failure, event)) return [];
    return outcomes
      .filter((outcome) => !outcome.success)
      .map(({ name, value }): Evaluated<Value> => {
        const failed = state.clone();
        this.change(failed, {
          failure: failure?.outcome === name ? failure : { event, outcome: name, at: this.of(failed).events.length },
        });
        return [failed, num(value, name)];
      });
  }

  private promote(
    name: string,
    kind: "promote" | "demote",
    { at: lock }: Lock,
    evidence: readonly Site[],
    state: AbstractState,
    { loops }: Frame,
  ): Evaluated<Value>[] {
    const { isGhost } = this.of(state);
    const { guards, path } = state;
    const event = this.intern<PromoteEvent>({ kind, lock, evidence, guards, path, loops }, state);
    const outcomes = this.knowledge.outcomes(name, "EXCLUSIVE", this.side);
    const failing = isGhost ? [] : this.failing(event, outcomes, state);
    if (!isGhost) this.add(state, event);
    return [...failing, [state, successOf(outcomes)]];
  }

  // ---------------------------------------------------- without the lock

  /** Where a test has found that the mode is "no lock": what the other branch would have locked. */
  override pruned(s: IfStmt, side: boolean, state: AbstractState, frame: Frame): void {
    const other = side ? s.no : s.yes;
    if (!other || this.of(state).isGhost || !this.testsNoLock(s.test, state, frame)) return;
    const ghost = state.clone();
    this.change(ghost, { isGhost: true });
    for (const flow of this.engine.statement(other, ghost, frame))
      for (const event of this.of(flow.state).skipped) this.skip(state, event);
  }

  /** Is this a test of a mode against "no lock"? */
  private testsNoLock(test: Expr, state: AbstractState, frame: Frame): boolean {
    if (test.kind !== "binary" || (test.op !== "!=" && test.op !== "==")) return false;
    const isNoLock = (e: Expr) => e.kind === "name" && this.knowledge.rules.modes[e.name] === "NO_LOCK";
    const other = isNoLock(test.right) ? test.left : isNoLock(test.left) ? test.right : null;
    if (!other) return false;
    const value = this.engine.single(other, state, frame);
    return value.t === "num" && this.knowledge.modeOf(value.v) === "NO_LOCK";
  }

  /** A walk by a function that knows no lock: unlocked, where the tree's lock is not held. */
  private lookWalked(ifTrue: number | null, { name, args, e, state, frame }: Call): void {
    const [root] = e.args;
    const kind = this.knowledge.walkedKind();
    const { isGhost, failure, skipped } = this.of(state);
    if (isGhost || failure || root === undefined || kind === null) return;
    const walked = state.clone();
    const isGuarded = ifTrue === null ? TRUE : truth(args[ifTrue] ?? num(1));
    if (!walked.assume(isGuarded, `${this.engine.fork(frame, e.line, root)}w`, true)) return;
    const lock = this.lockOfTree(args[0], root, e, walked, frame);
    if (!lock || this.holds(walked, lock.at)) return;
    // The function may have asked for the lock before, in the mode "no lock".
    if (skipped.some((event) => event.invocation === frame.id && event.lock === lock.at)) return;
    const evidence = [...frame.chain, this.engine.site(frame, e.line)];
    const walk = this.acquisition(name, lock, evidence, walked, frame);
    this.skip(state, this.intern<AcquireEvent>({ ...walk, lockKind: kind, mode: "NO_LOCK", side: this.side }, state));
  }

  /** The lock beside the member that a tree's root was read from. */
  private lockOfTree(
    given: Value | undefined,
    root: Expr,
    { line }: CallExpr,
    state: AbstractState,
    frame: Frame,
  ): Lock | null {
    const { wordField, walkedRoot } = this.knowledge.rules;
    const word: Expr = { kind: "member", object: root, field: wordField, arrow: false, line };
    for (const value of [given, this.engine.single(word, state, frame)]) {
      const owner = value && this.treeOwner(state.resolve(value));
      if (owner) {
        const at = this.engine.space.field(owner.at, walkedRoot.lock);
        return { at, text: `${owner.text}.${walkedRoot.lock}` };
      }
    }
    return null;
  }

  /** The structure that a tree's root was read from. */
  private treeOwner(root: Value): Lock | null {
    const { wordField, walkedRoot } = this.knowledge.rules;
    if (root.t !== "sym" || root.location?.key !== root.id) return null;
    const isField = (at: Location | null, name: string) => at?.step?.kind === "field" && at.step.name === name;
    const member = isField(root.location, wordField) ? root.location.parent : root.location;
    if (!isField(member, walkedRoot.root) || !member?.parent) return null;
    const text = new RegExp(`^(.*)(?:\\.|->)${walkedRoot.root}(?:\\.${wordField})?$`, "s").exec(root.text)?.[1];
    return text === undefined ? null : { at: member.parent, text };
  }

  // -------------------------------------------------------------- SEPT words

  /** A helper clears the lock bit with the whole word: of a locked entry in memory, or of a copy that is written later. */
  private unlockWord(
    pointer: Value | undefined,
    by: string,
    evidence: readonly Site[],
    state: AbstractState,
    frame: Frame,
  ): void {
    if (!pointer) return;
    const entry = this.engine.space.pointee(pointer);
    if (!this.releaseEntry(entry, by, evidence, state, frame))
      this.change(state, { unlocked: union(this.of(state).unlocked, [entry]) });
    this.engine.havoc(pointer, state);
  }

  override assigns({ at }: Lvalue, from: Expr, line: number, state: AbstractState, frame: Frame): void {
    if (at.step?.kind === "field" && at.step.name === this.knowledge.rules.wordField) {
      const evidence = [...frame.chain, this.engine.site(frame, line)];
      this.writeWord(at, from, "whole-word write", evidence, state, frame);
    }
    const { unlocked } = this.of(state);
    if (unlocked.includes(at)) this.change(state, { unlocked: unlocked.filter((other) => other !== at) });
  }

  /** A word is written over an entry: it gives the entry's lock back when it comes from a copy whose lock bit was cleared. */
  private writeWord(
    word: Location,
    from: Expr,
    by: string,
    evidence: readonly Site[],
    state: AbstractState,
    frame: Frame,
  ): void {
    const { wordField } = this.knowledge.rules;
    const isWord = word.step?.kind === "field" && word.step.name === wordField;
    const entry = isWord && word.parent ? word.parent : word;
    if (from.kind !== "member") {
      const value = this.engine.single(from, state, frame);
      if (value.t === "num" && !this.knowledge.isLockBitSet(value.v))
        this.releaseEntry(entry, by, evidence, state, frame);
      return;
    }
    const copy = this.engine.lvalue(from.field === wordField ? from.object : from, state, frame);
    if (copy && this.of(state).unlocked.includes(copy.at)) this.releaseEntry(entry, by, evidence, state, frame);
  }

  /** Gives back the SEPT entry lock at a place, if it was taken; false when it was not. */
  private releaseEntry(
    entry: Location,
    by: string,
    evidence: readonly Site[],
    state: AbstractState,
    frame: Frame,
  ): boolean {
    const { isGhost, events } = this.of(state);
    const isEntry = (event: LockEvent) =>
      event.kind === "acquire" && event.lockKind === "sept_entry" && event.lock === entry;
    if (isGhost || !events.some(isEntry)) return false;
    this.release(entry, null, by, evidence, state, frame);
    return true;
  }

  // ------------------------------------------------------------------ loops

  /**
   * A loop that gives back what was taken before it, or takes what was busy before it: without a round neither is so. One that gives back
   * an element of what another loop took has as many rounds as that one.
   */
  override mayHaveNoRound(before: AbstractState, after: AbstractState): boolean | null {
    const { events: held, failure } = this.of(before);
    let isOfLoop = false;
    for (const { kind, lock } of this.inRound(before, after)) {
      if (kind === "acquire" && lock === failure?.event.lock) return true;
      if (kind !== "release") continue;
      const taken = held.findLast((other) => other.kind === "acquire" && other.lock === lock);
      if (isElement(lock) && taken?.loops.length !== 0) isOfLoop = true;
      else if (this.holds(before, lock)) return true;
    }
    return isOfLoop ? false : null;
  }

  /** A round that ends with a lock which the next one would take again, and gives back before; or without one that it gave back, as the next one may. */
  override mindsNextRound(before: AbstractState, after: AbstractState): boolean {
    if (this.of(after).failure !== this.of(before).failure) return false;
    return this.inRound(before, after).some(({ kind, lock }) => {
      if (kind === "release") return this.holds(before, lock) && !this.holds(after, lock) && !isElement(lock);
      const isAgain = kind === "acquire" && this.holds(after, lock);
      return isAgain && this.of(before).events.some((other) => other.kind === "acquire" && other.lock === lock);
    });
  }

  private inRound(before: AbstractState, after: AbstractState): readonly LockEvent[] {
    return this.of(after).events.slice(this.of(before).events.length);
  }

  /**
   * A loop that may take a lock or give one back does so in any of its rounds. One that locks something for each of several like things (each L2 VM) says the same of each: the thing 0, which may
   * differ, and one more. Each may report its lock under its own operand.
   */
  override loop(s: LoopStmt, test: string): LoopAdvice | null {
    const rule = this.knowledge.rules.multiplicities.find((multiplicity) => multiplicity.test.test(test));
    const isOfSome = rule !== undefined;
    if (!this.knowledge.canAcquire(s.body as Stmt))
      return { isOfSome, ...(this.knowledge.canRelease(s.body as Stmt) ? { isAnyRound: true } : {}) };
    if (rule === undefined) return { isAnyRound: true };
    const largest = rule.largest === undefined ? null : this.knowledge.program.constant(rule.largest);
    return {
      isOfSome,
      rounds: (first) => (first.t === "num" && first.v === 0n ? 2 : 1),
      // One that took nothing stands for all: the next iteration's failures do not depend on it.
      standsForAll: (states) =>
        states
          .filter((state) => !this.isExceptional(state))
          .sort((a, b) => this.of(a).events.length - this.of(b).events.length)[0],
      ...(largest === null ? {} : { failuresUpTo: largest }),
    };
  }
}

/** Is a lock in an element of an array, or found by what such an element or something unknown holds? Each round of a loop may mean another one. */
function isElement(lock: Location): boolean {
  const isIn = (at: Location | null) => at !== null && stepsOf(at).some(({ kind }) => kind === "element");
  const sources = [...sourcesOfLocation(lock)];
  return (
    isIn(lock) ||
    sources.some((value) => value.t === "ref" && isIn(value.at)) ||
    sources.some((value) => value.t === "sym" && (value.origin?.how === "fresh" || isIn(value.location)))
  );
}

const successOf = (outcomes: readonly Outcome[]): Value => {
  const success = outcomes.find((outcome) => outcome.success);
  return num(success?.value ?? 0n, success?.name ?? null);
};

/** The structure that a lock is a member of, what the outermost pointer points to or the variable, and the members in between. */
function ownerOf(lock: Location): { readonly object: Location; readonly members: readonly string[] } {
  const members: string[] = [];
  let object = lock;
  for (; object.parent !== null; object = object.parent)
    if (object.step?.kind === "field") members.unshift(object.step.name);
  return { object, members };
}

const guardsKeys = new WeakMap<readonly Guard[], string>();

/** Guards as one string: which side of which tests. */
function guardsKey(guards: readonly Guard[]): string {
  let key = guardsKeys.get(guards);
  if (key === undefined) {
    key = guards.map((g) => (g.side ? g.fork : `!${g.fork}`)).join();
    guardsKeys.set(guards, key);
  }
  return key;
}
