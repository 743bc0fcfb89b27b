/**
 * One pass through a function on whose ways a SEAMCALL gave BUSY: one of its calls, or a function that called it, did so. What the
 * status decides is marked, and what is done while something marked decides is written down.
 */

import type { Expr, FunctionInfo } from "../c/index.ts";
import type { Analysis } from "./analysis.ts";
import type { Effect } from "./calls.ts";
import { type Instruction, isTemporary } from "./code.ts";
import {
  afterCounting,
  afterEvent,
  areKeptOut,
  arrived,
  changed,
  controlledMembers,
  type Decision,
  decided,
  type Episode,
  episodeOf,
  forgettingMembers,
  isKeptInMembers,
  leaving,
  withControlled,
  withPlain,
} from "./episode.ts";
import type { Known } from "./evaluate.ts";
import { Execution } from "./execution.ts";
import { calleeName } from "./expressions.ts";
import type { Flow } from "./flow.ts";
import type { Site } from "./graph.ts";
import type { LockSet } from "./locks.ts";
import { comparisonsOf } from "./operands.ts";
import type { Passed } from "./passing.ts";
import type { Plan } from "./plan.ts";
import { type Input, joinOutcomes, type Outcome, type Run, taking } from "./run.ts";
import { isCallOf, isSeamcallOf, type Origin } from "./sparing.ts";
import type { State } from "./state.ts";
import {
  constantOf,
  cutNumbers,
  isNegative,
  isPart,
  marked,
  mayBeEqual,
  NOTHING,
  TOP,
  truthOf,
  unmarked,
  type Value,
  ZERO,
} from "./values.ts";

/** Where in a function the status comes from, and what it is. */
export interface Injection extends Origin {
  /** The ways in which it comes out of a call. */
  readonly outcomes: readonly Outcome[];
  /** What the SEAMCALL gives where the function makes it itself. */
  readonly status: Value;
  /** The episode that begins there. */
  readonly begins: Episode;
}

export class Following extends Execution {
  /** Ways out on which something may still look at the status. */
  readonly comingOut: Outcome[] = [];
  /** Ways on which what was made of the status gave way to another failure's error. */
  readonly overtaken: Episode[] = [];
  /** Ways on which nothing does. */
  readonly endings: Episode[] = [];
  /** How often it is repeated depends on what is not known. */
  isOpen = false;
  protected override readonly most = 4096;
  private readonly flow: Flow;
  private readonly injection: Injection | null;
  private readonly isControlled: boolean;
  /** Does the function itself give things back? */
  readonly frees: boolean;
  private isCounting = false;
  private isSteppedOn = false;
  /** What is known where the call that is just made is the one of the status again. */
  private again: Episode | null = null;
  /** Repetitions that end where they began, with what was done before. */
  private readonly endless = new Map<string, Episode>();
  /** Instructions that make the call again because of its status, and whether that is after a kick on each way. */
  readonly repetitions = new Map<number, boolean>();

  /** Facts of the phase that it asked for, and what they were. */
  get asked(): Run["asked"] {
    return this.run_.asked;
  }

  /** Ways on which the call is repeated for as long as it gives BUSY, and that nothing else ends. */
  get caught(): readonly Episode[] {
    const left = [...this.endings, ...this.overtaken, ...this.comingOut.map((outcome) => outcome.episode as Episode)];
    const isLeft = (key: string): boolean => left.some(({ repeated }) => repeated.includes(key));
    return [...this.endless].flatMap(([key, episode]) => (isLeft(key) ? [] : [episode]));
  }

  /** Is it on a way that an episode is of? */
  isEndlessOn({ repeated }: Episode): boolean {
    return repeated.some((key) => this.endless.has(key));
  }

  /** Did a bound cut it off? */
  get isCut(): boolean {
    return [...this.run_.troubles.values()].some(
      ({ kind }) => kind === "states" || kind === "steps" || kind === "depth",
    );
  }

  constructor(
    analysis: Analysis,
    run: Run,
    { plan, known, flow }: { readonly plan: Plan; readonly known: Known; readonly flow: Flow },
    injection: Injection | null,
  ) {
    super(analysis, run, plan, known);
    this.flow = flow;
    this.injection = injection;
    this.isControlled = run.input.episode?.isControlled ?? false;
    this.frees = injection !== null && run.code.instructions.some((i) => this.isFree(i));
  }

  /** Is the call made in each round of a loop? */
  private get isRepeated(): boolean {
    return this.injection !== null && this.flow.isOnLoop(this.injection.at);
  }

  private get busy() {
    return this.analysis.source.rules.busy;
  }

  private isFree(instruction: Instruction): boolean {
    if (instruction.op !== "call") return false;
    const { callee } = instruction;
    return callee.kind === "name" && this.busy.frees.includes(callee.name);
  }

  // ---------------------------------------------------------------- the episode's course

  protected override begun(state: State): State {
    const { episode } = this.run_.input;
    if (episode !== undefined) state.episode = episodeOf({ members: episode.members, controlled: episode.controlled });
    return state;
  }

  protected override arrives(at: number, state: State): boolean {
    // Before the BUSY only what leads to it matters.
    if (state.episode === null) return this.injection === null || this.flow.leadsTo(at, this.injection.at);
    const { episode: next, left } = arrived(state.episode, at);
    state.episode = next;
    for (const decision of left) this.leavesBehind(decision, state);
    const episode = forgettingMembers(
      state.episode,
      (member) => next.controlled.has(member) && !this.isReadLater(member, at),
    );
    state.episode = episode;
    if (this.injection === null) return true;
    const isAgain = at === this.injection.at;
    if (episode.isSuccess || episode.isOver) {
      if (isAgain) this.endings.push(episode);
      return !isAgain;
    }
    if (this.isAlive(at, state)) return true;
    if (controlledMembers(episode).length > 0) {
      if (!episode.isOvertaken && this.hasError(state)) state.episode = changed(episode, { isOvertaken: true });
      return true;
    }
    // It is followed on for what it gives back, and to see whether another failure's error takes the place of the status.
    if (this.frees || this.hasError(state)) {
      state.episode = changed(episode, { isOver: true });
      return this.arrives(at, state);
    }
    this.endings.push(episode);
    return false;
  }

  /** What other ways from a decision would have changed is what it is because of the status. */
  private leavesBehind(decision: Decision, state: State): void {
    const { at, meeting, counted } = decision;
    this.leavesUncalled(decision, state);
    // So is what this way has counted and others have not, for whoever looks at it behind.
    for (const name of counted) if (this.flow.isLive(name, meeting)) state.write(name, marked(state.read(name)));
    for (const to of this.flow.setAfter(at)) {
      const place = this.evaluator.place(to, state);
      if (place?.kind === "member") this.controls(place, this.evaluator.value(to, state), meeting, state);
      if (place === null) this.storesInElement(to, meeting, state);
      if (place?.kind !== "local") continue;
      if (this.evaluator.typeOf(to) === "int") state.write(place.path, marked(state.read(place.path)));
      this.controlsObject(place.path, state);
    }
  }

  /** What an object is, it is because of the status. */
  private controlsObject(path: string, state: State): void {
    // A member may be known by what all of them are.
    state.write(path, decided(state.read(path)));
    for (const [rest, value] of state.contents(path)) state.vars.set(path + rest, decided(value));
  }

  /** So is what other ways would have counted, and what functions that they call would have stored to. */
  private leavesUncalled({ at, meeting }: Decision, state: State): void {
    const { members } = this.analysis;
    for (const to of this.flow.countedAfter(at)) {
      const place = this.evaluator.place(to, state);
      if (place?.kind === "member") this.controls(place, this.evaluator.value(to, state), meeting, state);
    }
    for (const call of this.flow.after(at)) {
      for (const member of members.storedByCall(this.run_.code, call))
        this.controls({ member, isOwn: true }, this.evaluator.memberNow(member, state), meeting, state, "calls");
      for (const path of this.objectsStored(call, state)) this.controlsObject(path, state);
    }
  }

  /** What a function that an instruction may call stores to in the objects that it is given pointers to. */
  private objectsStored(at: number, state: State): string[] {
    const call = this.run_.code.instructions[at];
    if (call?.op !== "call") return [];
    return call.args.flatMap((arg, i) => {
      // What is given as an address is among what gets a value there.
      const objects = arg.kind === "name" ? this.evaluator.value(arg, state).objects : [];
      if (objects.length === 0) return [];
      const stored = [...this.analysis.members.storedThrough(this.run_.code, at, i)];
      return objects.flatMap((path) => stored.map((rest) => path + rest));
    });
  }

  /** A member is what it is because of the status, for those who look at it from an instruction on. */
  private controls(
    { member, isOwn }: { readonly member: string; readonly isOwn: boolean },
    value: Value,
    at: number,
    state: State,
    by: "itself" | "calls" = "itself",
  ): void {
    const episode = state.episode as Episode;
    if (episode.isOver || episode.isSuccess || !this.isReadLater(member, at)) return;
    const { types } = this.analysis.source;
    const type = types.typeOfMember(member) ?? types.globalType(member);
    if (type !== null && !isScalar(type)) return;
    if (!isOwn || !this.analysis.members.isOne(member)) {
      this.analysis.untold(this.run_.place(this.run_.line), member, by);
      return;
    }
    // What an event stores the event tells.
    if (Object.hasOwn(this.analysis.source.rules.events, this.run_.code.name)) return;
    // What is put back to what it always is says nothing.
    if (unmarked(value) === ZERO && this.analysis.members.isRestedAtZero(member)) {
      state.episode = withPlain(episode, member, ZERO);
      return;
    }
    const known = markedAs(value, type);
    const isKept = episode.members.get(member)?.isMarked === true && !episode.controlled.has(member);
    if (known.isMarked && !isKept) state.episode = withControlled(episode, member, known);
  }

  /** Of an element of an array it is not known whether somebody looks at the same one later. */
  private storesInElement(to: Expr, at: number, state: State): void {
    if (to.kind !== "index" || state.episode?.isOver || state.episode?.isSuccess) return;
    const array = this.evaluator.place(to.object, state);
    if (array?.kind === "member" && this.isReadLater(array.member, at))
      this.analysis.untold(this.run_.place(this.run_.line), array.member, "itself");
  }

  private isControlledMember(member: string, { episode }: State): boolean {
    return episode?.controlled.has(member) === true;
  }

  /** May something look at a member from an instruction on, in the function or above it? */
  private isReadLater(member: string, at: number): boolean {
    const { members } = this.analysis;
    const { code, input } = this.run_;
    return members.isReadFrom(code, member, at) || members.isReadAbove(input.info, member);
  }

  /** May anything still look at what the status decided, other than members that are what they are because of it? */
  private isAlive(at: number, state: State): boolean {
    const episode = state.episode as Episode;
    if (episode.until.length > 0 || isKeptInMembers(episode)) return true;
    for (const [path, value] of state.vars) {
      if (!value.isMarked) continue;
      const root = path.split(".", 1)[0] as string;
      if (root.startsWith("@") || this.flow.isLive(root, at)) return true;
    }
    return false;
  }

  /** Is a way where it is because of the status? */
  private isDecided({ episode }: State): boolean {
    if (episode === null || episode.isOver || episode.isSuccess) return false;
    return this.isControlled || episode.until.length > 0;
  }

  private event(event: string, state: State): void {
    const { episode } = state;
    if (episode !== null && this.isDecided(state) && episode.unsure.length === 0)
      state.episode = afterEvent(episode, event);
  }

  // ---------------------------------------------------------------- instructions

  protected override step(instruction: Instruction, at: number, state: State): number | null {
    if (state.episode === null) return super.step(instruction, at, state);
    this.notesOperand(instruction, state);
    switch (instruction.op) {
      case "branch":
        this.decides(this.evaluator.value(instruction.test, state), at, state);
        break;
      case "switch":
        this.decides(this.evaluator.value(instruction.value, state), at, state);
        break;
      case "check":
        // What is called a bug may be what a BUSY leads to.
        if (this.isDecided(state) || this.evaluator.value(instruction.test, state).isMarked) return at + 1;
        break;
      case "report": {
        const does = this.analysis.source.rules.reports[instruction.name]?.does;
        if (does !== undefined) this.event(does, state);
        break;
      }
      case "assign":
        // A counter says how often, not what happened.
        this.isCounting = instruction.value.kind === "update";
        this.isSteppedOn = this.isOfItself(instruction, at);
        this.counts(instruction, at, state);
        this.loses(instruction, state);
        this.bars(instruction, state);
        this.standsIn(instruction, state);
        return this.storesOn(instruction, at, state);
      default:
    }
    return super.step(instruction, at, state);
  }

  /** Only one operand is followed, of which the tree knows nothing: what is done about another one, where they are told apart, is not known. */
  private notesOperand(instruction: Instruction, state: State): void {
    const { operands } = this.analysis;
    if (operands === null) return;
    const isTold = comparisonsOf(instruction).some(([left, right]) => {
      const values = [this.evaluator.value(left, state), this.evaluator.value(right, state)];
      const [status, other] = values[0]?.isMarked ? values : values.toReversed();
      return (
        status?.isMarked === true && other !== undefined && operands.areTold(constantOf(status), constantOf(other))
      );
    });
    if (!isTold) return;
    this.isOpen = true;
    const place = this.run_.place(instruction.line);
    this.analysis.operandTests.set(`${place.file}:${place.line}`, place);
  }

  /** vCPUs are kept out from where it is certain that they are, until they may not be. */
  private bars({ to, value }: Extract<Instruction, { op: "assign" }>, state: State): void {
    const place = this.evaluator.place(to, state);
    if (place?.kind !== "member" || !Object.hasOwn(this.analysis.source.rules.bars, place.member)) return;
    const { yes, no } = truthOf(this.evaluator.value(value, state));
    if (yes && !no && place.of !== "other") this.event("bar", state);
    else if (state.episode !== null) state.episode = afterEvent(state.episode, "unbar");
  }

  /** Stores, and notes which member is what it is because of the status. */
  private storesOn(instruction: Extract<Instruction, { op: "assign" }>, at: number, state: State): number | null {
    const place = this.isDecided(state) ? this.evaluator.place(instruction.to, state) : null;
    const given = this.evaluator.value(instruction.value, state);
    const next = super.step(instruction, at, state);
    if (place === null && this.isDecided(state)) this.storesInElement(instruction.to, at + 1, state);
    if (place?.kind !== "member") return next;
    // What is stored to a member of which nothing was known is known from here on.
    const isKept = place.isFact || state.episode?.members.has(place.member) === true;
    const value = isKept ? this.evaluator.value(instruction.to, state) : given;
    if (!value.isMarked || this.isControlledMember(place.member, state)) this.controls(place, value, at + 1, state);
    return next;
  }

  /** Is something counted, or stepped on, whose number is not known? */
  private counts(instruction: Extract<Instruction, { op: "assign" }>, at: number, state: State): void {
    if (this.isOfItself(instruction, at) && constantOf(this.evaluator.value(instruction.value, state)) === null)
      state.episode = changed(state.episode as Episode, { isCounted: true });
    const { to, value } = instruction;
    if (value.kind !== "update" || to.kind !== "name" || !this.isDecided(state)) return;
    state.episode = afterCounting(state.episode as Episode, to.name);
  }

  /** Is a new value made of the one before? */
  private isOfItself({ to, value }: Extract<Instruction, { op: "assign" }>, at: number): boolean {
    return value.kind === "update" || (to.kind === "name" && this.flow.readsAt(at, to.name));
  }

  /** Was an error made of the status on the way, or is the status still there? */
  private hasError(state: State): boolean {
    return [...state.vars.values()].some((value) => value.isMarked && isError(value));
  }

  /** Forgets the kernel what it would give back later, because of the status? */
  private loses({ to, value }: Extract<Instruction, { op: "assign" }>, state: State): void {
    if (to.kind !== "member" || !this.isDecided(state)) return;
    const place = this.evaluator.place(to, state);
    if (place?.kind !== "member" || !this.busy.loses.includes(place.member)) return;
    if (!truthOf(this.evaluator.value(value, state)).yes) this.event("leak", state);
  }

  /** Is a number put, because of the status, where a call leaves its result, and read as one? */
  private standsIn({ to, value }: Extract<Instruction, { op: "assign" }>, state: State): void {
    if (to.kind !== "name" || !this.isDecided(state) || !this.flow.isPointedTo(to.name)) return;
    const { atoms } = this.evaluator.value(value, state);
    if (!atoms.every((a) => a.kind === "number" && a.value >= 0n)) return;
    const meeting = state.episode?.until[0]?.meeting;
    if (meeting !== undefined && this.flow.isLive(to.name, meeting)) this.event("misread", state);
  }

  /** A value decides how a way goes on. */
  private decides(value: Value, at: number, state: State): void {
    const episode = state.episode as Episode;
    if (episode.isOver || episode.isSuccess) return;
    const meeting = this.flow.meetingOf(at);
    if (value.isMarked) {
      if (!episode.until.some((known) => known.at === at))
        state.episode = changed(episode, { until: [...episode.until, { at, meeting, counted: [] }] });
      return;
    }
    // What a helper finds out by itself is no answer to the status.
    const { yes, no } = truthOf(value);
    if (this.injection === null && yes && no && !episode.unsure.some((known) => known.at === at))
      state.episode = changed(episode, { unsure: [...episode.unsure, { at, meeting, counted: [] }] });
  }

  protected override converted(...[to, value, state]: Parameters<Execution["converted"]>): Value {
    const kept = this.kept(this.evaluator.typeOf(to), super.converted(to, value, state));
    const { episode } = state;
    if (episode === null || episode.isOver || episode.isSuccess || episode.until.length === 0) return kept;
    if (this.isCounting || this.evaluator.place(to, state)?.kind !== "local") return kept;
    const type = this.evaluator.typeOf(to);
    // Of what says how something went, also what is not known is so because of the status.
    const isOutcome = type === "int" || (to.kind === "name" && isTemporary(to.name));
    if (isOutcome && !this.isSteppedOn) return marked(kept);
    return type?.endsWith("*") === true ? kept : decided(kept);
  }

  protected override received(type: string | null, value: Value): Value {
    return this.kept(type, super.received(type, value));
  }

  /** What is left of the status in an integer that is too small for it. */
  private kept(type: string | null, value: Value): Value {
    const bits = type === null || !value.isMarked ? null : this.analysis.source.program.bitsOfType(type);
    return bits === null ? value : cutNumbers(value, bits);
  }

  // ---------------------------------------------------------------- calls

  protected override call(instruction: Extract<Instruction, { op: "call" }>, at: number, state: State): number | null {
    const name = calleeName(instruction.callee) ?? "";
    const does = this.analysis.source.rules.events[name];
    if (does !== undefined && this.isWaiting(name, instruction.args, state)) this.event(does, state);
    if (state.episode !== null && this.isFree(instruction)) state.episode = changed(state.episode, { isFreed: true });
    return super.call(instruction, at, state);
  }

  /** Does a kick wait until those who were kicked have left the guest? */
  private isWaiting(name: string, args: readonly Expr[], state: State): boolean {
    const rule = this.analysis.source.rules.kicks[name];
    if (rule === undefined) return true;
    const arg = args[rule.argument];
    const given = arg === undefined ? null : constantOf(this.evaluator.value(arg, state));
    const bit = this.analysis.constant(rule.bit);
    return given !== null && bit !== null && (given & bit) === bit;
  }

  override follows(info: FunctionInfo, args: readonly Value[], state: State): boolean {
    const { episode } = state;
    if (episode === null || episode.isOver) return false;
    const isTold = args.some((value) => value.isMarked) || this.isToldThrough(args, state);
    if ((isTold || this.isDecided(state)) && this.analysis.reach.reacts(info)) return true;
    return controlledMembers(episode).some((member) => this.analysis.members.isUsedBy(info, member));
  }

  /** Is there something marked in the objects that a call is given? */
  private isToldThrough(args: readonly Value[], state: State): boolean {
    return args.some(({ objects }) => objects.some((path) => state.contents(path).some(([, value]) => value.isMarked)));
  }

  override unknown(args: readonly Value[], state: State): Value {
    const isTold = state.episode !== null && args.some((value) => value.isMarked);
    return isTold ? marked(TOP) : TOP;
  }

  protected override inputOf(input: Input, state: State): Input {
    const { episode } = state;
    if (episode === null || episode.isOver) return input;
    const isControlled = this.isDecided(state) && episode.unsure.length === 0;
    const isTold = [...input.args, ...input.vars.values()].some((value) => value.isMarked);
    const { members, controlled } = this.passedTo(input.info, episode);
    const isKept = controlled.size > 0 || isKeptInMembers(episode);
    if (!isControlled && !isTold && !isKept) return input;
    return { ...input, episode: { isControlled, members, controlled } };
  }

  /** The episode without the members that a function has nothing to do with. */
  private passedTo(info: FunctionInfo, episode: Episode): Episode {
    return forgettingMembers(
      episode,
      (member) => episode.controlled.has(member) && !this.analysis.members.isUsedBy(info, member),
    );
  }

  protected override outcomes(
    run: Run,
    from: { readonly at: number },
    locks: LockSet,
    state: State,
  ): readonly Outcome[] {
    const { injection } = this;
    const all = super.outcomes(run, from, locks, state);
    if (injection === null || injection.callee === null) return all;
    if (state.episode === null) {
      if (!isCallOf(injection, run, from.at, locks)) return all;
      const spared = this.isRepeated ? taking(injection.spared.outcomes(), this.asked) : [];
      return [...spared, ...injection.outcomes];
    }
    const likeness = this.likenessOf(run.input, injection.callee.input, from.at);
    if (!this.isDecided(state) || likeness === "other") return all;
    this.again = this.repeated(from.at, state);
    const again = this.again === null ? [] : injection.outcomes;
    return likeness === "same" ? again : [...all, ...again];
  }

  override made(leaf: bigint | null, at: number, state: State): Effect[] {
    const { injection } = this;
    const all = super.made(leaf, at, state);
    if (injection === null || injection.callee !== null || leaf !== injection.leaf) return all;
    if (state.episode === null) {
      if (!isSeamcallOf(injection, leaf, at, state.locks)) return all;
      const busy = { state: state.copy(), value: injection.status };
      busy.state.episode = injection.begins;
      if (!this.isRepeated) return [busy];
      return [{ state, value: injection.spared.status }, busy];
    }
    if (!this.isDecided(state)) return all;
    const again = this.repeated(at, state);
    if (again === null) return [];
    state.episode = again;
    return [{ state, value: injection.status }];
  }

  /**
   * Is what a call makes the same function with the same arguments? As far as they are known, of which less may be possible since a test;
   * where they may be others as well, either. What is stepped on is another one each time.
   */
  private likenessOf(again: Input, before: Input, at: number): "same" | "either" | "other" {
    if (again.info !== before.info) return "other";
    const was = (i: number): Value => before.args[i] ?? NOTHING;
    if (again.args.every((value, i) => isPart(value, was(i)))) return "same";
    const isEither = (value: Value, i: number): boolean =>
      mayBeEqual(value, was(i)) && !this.flow.isArgumentStepped(at, i);
    return again.args.every((value, i) => isPart(value, was(i)) || isEither(value, i)) ? "either" : "other";
  }

  /** The episode where the call is made again because of its status, which is BUSY again; null where that need not be followed any further. */
  private repeated(at: number, state: State): Episode | null {
    const episode = state.episode as Episode;
    const known = [...state.vars, ...episode.members].map(([name, value]) => `${name}=${value.id}`).sort();
    const others = episode.events.filter((event) => event !== "retry");
    const count = episode.events.length - others.length;
    const key = `${at} ${state.locks.id} ${state.facts.id} ${known}`;
    if (episode.repeated.includes(key)) {
      if (episode.isCounted) this.isOpen = true;
      else if (!this.endless.has(key)) this.endless.set(key, episode);
      if (!episode.isCounted && areKeptOut(episode.events)) this.notesAt(this.analysis.endlessKicks, at);
      return null;
    }
    if (count > MOST_REPEATS && (this.comingOut.length + this.endings.length > 0 || this.hasLeft(at))) {
      this.isOpen = true;
      return null;
    }
    const isToKeepOut = episode.events.some((event) => event === "bar" || event === "kick");
    if (isToKeepOut && !areKeptOut(episode.events)) this.notesAt(this.analysis.unbarred, at);
    if (at !== this.injection?.at)
      this.repetitions.set(at, areKeptOut(episode.events) && this.repetitions.get(at) !== false);
    return afterEvent(changed(episode, { repeated: [...episode.repeated, key] }), "retry");
  }

  private notesAt(places: Map<string, Site>, at: number): void {
    const place = this.run_.place(this.run_.code.instructions[at]?.line ?? this.run_.line);
    places.set(`${place.file}:${place.line}`, place);
  }

  /** Has a way on which the call was repeated gone on to where it is not made again? Each other number of times it then may be as well. */
  private hasLeft(at: number): boolean {
    return this.waits(
      (place, { episode }) => episode?.events.includes("retry") === true && !this.flow.leadsTo(place, at),
    );
  }

  protected override returned(
    info: FunctionInfo,
    outcome: Outcome,
    passed: Passed,
    before: State,
    locks: LockSet,
  ): Effect {
    const effect = super.returned(info, outcome, passed, before, locks);
    if (outcome.episode === undefined) return effect;
    const { events, members, controlled, isFreed, isOvertaken, error, isSuccess } = outcome.episode;
    const isAgain = this.injection?.outcomes.includes(outcome) === true;
    const own = before.episode !== null && isAgain ? this.again : before.episode;
    effect.state.episode =
      own === null
        ? episodeOf({ events, members, controlled, isOvertaken, error, isSuccess })
        : changed(own.isSuccess ? own : events.reduce(afterEvent, own), {
            ...this.membersAfter(info, outcome, own),
            isFreed: own.isFreed || isFreed,
          });
    return effect;
  }

  /** What is known of members when a function comes back. */
  private membersAfter(info: FunctionInfo, outcome: Outcome, own: Episode): Pick<Episode, "members" | "controlled"> {
    const { members, controlled } = outcome.episode as Episode;
    // What a repeated call begins with does not undo what was found out since.
    if (this.injection?.outcomes.includes(outcome))
      return {
        members: new Map([...members, ...own.members]),
        controlled: new Set([...own.controlled, ...[...controlled].filter((one) => !own.members.has(one))]),
      };
    const passed = this.passedTo(info, own);
    const kept = [...own.members].filter(([member]) => !passed.members.has(member));
    return {
      members: new Map([...kept, ...members]),
      controlled: new Set([...kept.flatMap(([member]) => (own.controlled.has(member) ? [member] : [])), ...controlled]),
    };
  }

  // ---------------------------------------------------------------- the end of the function

  protected override comesOut(result: Value, state: State): void {
    const { episode } = state;
    const value = this.kept(this.run_.code.type, result);
    if (episode === null) return;
    const isDecided = episode.until.length > 0 && !episode.isOver && !episode.isSuccess;
    if (isDecided) for (const decision of episode.until) this.leavesBehind(decision, state);
    const given = isDecided && this.run_.code.type !== "void" ? marked(value) : value;
    const isOvertaken = episode.isOvertaken && isError(given) && !given.isMarked;
    const outcome = { ...this.outcomeOf(given, state), episode: this.leftWith(changed(episode, { isOvertaken })) };
    if (this.injection === null) this.keep(outcome, state);
    else if (episode.isOver) (isError(value) ? this.overtaken : this.endings).push(episode);
    else this.comingOut.push(outcome);
  }

  /** The episode with those members that somebody above the function may look at. */
  private leftWith(episode: Episode): Episode {
    const { members } = this.analysis;
    const { info } = this.run_.input;
    return forgettingMembers(episode, (member) => episode.controlled.has(member) && !members.isReadAbove(info, member));
  }

  /** Keeps a way out of a function that is called in an episode apart from those that did something else. */
  private keep(outcome: Outcome, state: State): void {
    const { yes, no } = truthOf(outcome.value);
    const told = [...outcome.vars].flatMap(([name, value]) => (value.isMarked ? [`${name}=${value.id}`] : []));
    const value = outcome.value.isMarked ? `=${outcome.value.id}` : `${yes ? "+" : ""}${no ? "-" : ""}`;
    const episode = leaving(state.episode as Episode);
    const key = `${state.locks.id} ${state.facts.id} ${value} ${told.sort().join()} ${episode.key}`;
    const kept = { ...outcome, episode };
    const known = this.run_.outcomes.get(key);
    this.run_.outcomes.set(key, known === undefined ? kept : { ...joinOutcomes(known, kept), episode });
  }
}

/** The value of a member with the mark of the status; a pointer bears it where it is none. */
function markedAs(value: Value, type: string | null): Value {
  return type?.endsWith("*") === true ? decided(value) : marked(value);
}

/** Is it the type of a number or a pointer? */
const isScalar = (type: string): boolean => type.endsWith("*") || !/\b(?:struct|union|\w+lock_t)\b/.test(type);

/** How often a call is repeated before it counts what else ends the loop. */
const MOST_REPEATS = 8;

/** Is a value an error, and nothing else? */
function isError({ atoms }: Value): boolean {
  return atoms.every(isNegative);
}
