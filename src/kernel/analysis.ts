/**
 * Follows every way from an entry down to the SEAMCALLs, with the locks that are held.
 *
 * A function is analysed once for each context: the locks, the arguments and the facts that it is called with. Inside it, ways that hold
 * different locks are kept apart, and ways that hold the same are joined. What is found is held on every way of that kind; where bounds
 * cut the analysis off, it says so.
 */

import type { FunctionInfo } from "../c/index.ts";
import { LockTable } from "./calls.ts";
import type { Code } from "./code.ts";
import type { Known } from "./evaluate.ts";
import { Execution } from "./execution.ts";
import { Flow } from "./flow.ts";
import { Following, type Injection } from "./following.ts";
import type { Context, Site } from "./graph.ts";
import { Members } from "./members.ts";
import { Operands } from "./operands.ts";
import { type Plan, planOf } from "./plan.ts";
import type { Reach } from "./reach.ts";
import { type Answer, BOUNDS, type Input, inputKey, outcomesKey, Run, type Trouble } from "./run.ts";
import { MODELS, outsideKey, type Source } from "./source.ts";
import { type Origin, type SparedAnswer, Sparing } from "./sparing.ts";
import { type Facts, factsOf } from "./state.ts";
import { functionValue, NEGATIVES, number, ONE, POSITIVE, setOf, TOP, type Value, ZERO } from "./values.ts";

/** A rule that leaves calls out, and where it did. */
export interface Exclusion {
  readonly function: string;
  readonly from?: string | undefined;
  readonly phases?: readonly string[] | undefined;
  readonly reason: string;
  readonly places: Site[];
}

/** An assertion that was taken as proof that a way is not possible. */
export interface Pruning {
  readonly place: Site;
  readonly lock: string;
  readonly wanted: string;
}

/** Members that are what they are because of a BUSY in a function, though nobody follows them: those that it stores to itself, and that what it calls does. */
export interface Unfollowed {
  readonly place: Site;
  readonly members: Readonly<Record<"itself" | "calls", Set<string>>>;
}

const WORDS: Readonly<Record<string, Value>> = {
  positive: POSITIVE,
  negative: NEGATIVES,
  any: TOP,
  "a function elsewhere": functionValue(outsideKey("")),
  "not positive": setOf([...NEGATIVES.atoms, ...ZERO.atoms]),
};

/** Two to this power of things that a function depends on cost whoever calls it a step. */
const SIZE_OF_DEPENDING = 4;

/** What it takes to begin with a function. */
const STEPS_OF_RUN = 20;

/** Stands for the phase itself among the facts. */
const PHASE = "(phase)";

export class Analysis {
  readonly source: Source;
  readonly reach: Reach;
  readonly members: Members;
  readonly table: LockTable;
  readonly operands: Operands | null;
  /** What calls of functions with these names give. */
  readonly results: ReadonlyMap<string, Value>;
  readonly others: ReadonlySet<string>;
  private readonly cuts: ReadonlySet<string>;
  private readonly opaque: ReadonlySet<string>;
  /** Calls that rules leave out, with the places where they did. */
  readonly exclusions: readonly Exclusion[];
  /** Ways that the source asserts not to be possible. */
  readonly prunings = new Map<string, Pruning>();
  /** What entries assert of whoever calls them, and what is therefore taken for granted. */
  readonly trusted = new Map<string, { readonly place: Site; readonly lock: string }>();
  readonly presumptions = new Map<string, { readonly place: Site; readonly name: string }>();
  /** Members that are what they are because of a BUSY, by the function that makes them so: there are several, and it is not known who looks at which. */
  readonly unfollowed = new Map<string, Unfollowed>();
  /** Where a call is made again after a kick, of vCPUs that nothing keeps out. */
  readonly unbarred = new Map<string, Site>();
  /** Where a call is made again until it is not busy, with all vCPUs kept out. */
  readonly endlessKicks = new Map<string, Site>();
  /** Where a status is compared with one of another operand. */
  readonly operandTests = new Map<string, Site>();
  /** By function that was gone through: its calls that some way came to. */
  readonly met = new Map<Code, Set<number>>();
  /** The name of the phase that is gone through. */
  phase = "";
  private facts: ReadonlyMap<string, Value> = new Map();
  /** Places where a lock is given back. */
  readonly dropped = new Map<string, { readonly place: Site; readonly lock: string; readonly isHeld: boolean }>();
  /** The primitives that take each lock, by its name. */
  readonly takenBy = new Map<string, Set<string>>();
  private readonly tracked: ReadonlySet<string>;
  private readonly factWords: ReadonlySet<string>;
  private readonly runs = new Map<string, Run[]>();
  private readonly plans = new Map<Code, Plan>();
  private readonly flows = new Map<Code, Flow>();
  private readonly stack: Run[] = [];
  private readonly known: Known;
  private count = 0;
  /** Steps taken so far: what bounds the analysis, in the same way on any machine. */
  private steps = 0;

  constructor(source: Source, reach: Reach, tracked: ReadonlySet<string>) {
    this.source = source;
    this.reach = reach;
    this.members = new Members(source, reach);
    this.tracked = tracked;
    const { rules } = source;
    this.table = new LockTable(rules.locks.classes);
    this.operands = Operands.of(source, (text) => this.constant(text));
    this.others = new Set(rules.others);
    this.cuts = new Set(rules.entries.cuts);
    this.opaque = new Set(rules.facts.opaque);
    this.exclusions = rules.excluded.map((rule) => ({ ...rule, places: [] }));
    this.results = new Map(Object.entries(rules.facts.results).map(([name, value]) => [name, this.valueOfText(value)]));
    this.factWords = new Set([...tracked].map((member) => member.slice(member.lastIndexOf(".") + 1)));
    const told = new Set([...rules.facts.tracked, ...rules.phases.flatMap((phase) => Object.keys(phase.facts))]);
    this.known = {
      fact: (member) => (this.tracked.has(member) ? this.fact(member) : null),
      bars: new Set(Object.keys(rules.bars)),
      perVcpu: new Set(source.rules.facts.perVcpu),
      perVm: new Set(source.rules.facts.perVm),
      always: new Set(Object.keys(rules.facts.members).filter((name) => !told.has(name))),
    };
  }

  /** The value that a rule gives: a constant expression, or a word for a class of values. */
  valueOfText(text: string | number | boolean): Value {
    if (typeof text === "boolean") return text ? ONE : ZERO;
    if (typeof text === "number") return number(BigInt(text));
    const value = WORDS[text];
    if (value !== undefined) return value;
    const constant = this.constant(text);
    return constant === null ? TOP : number(constant);
  }

  /** The value of a constant expression; null when it is none in this tree. */
  constant(text: string): bigint | null {
    const value = this.source.program.evaluate(this.source.program.expression(text));
    return value === null ? null : BigInt.asIntN(64, value);
  }

  /** Facts after a call: those that speak of a function's own walk do not outlast it, unless a model sets them. */
  outlasting(after: Facts, before: Facts, info: FunctionInfo): Facts {
    if (after === before || info.file === MODELS) return after;
    const values = new Map(after.values);
    for (const name of this.source.rules.facts.local) {
      const value = before.values.get(name);
      if (value === undefined) values.delete(name);
      else values.set(name, value);
    }
    return factsOf(values);
  }

  isCut(name: string): boolean {
    return this.cuts.has(name);
  }

  /** Is it a structure whose members are not followed? */
  isOpaque(type: string | undefined): boolean {
    const tag = type?.includes("struct") ? this.source.types.tagOf(type) : null;
    return tag !== null && this.opaque.has(tag);
  }

  /** The rule that leaves a call out. */
  excluded(name: string, from: string): Exclusion | null {
    const rule = this.exclusions.find((r) => r.function === name && (r.from === undefined || r.from === from));
    if (rule?.phases === undefined) return rule ?? null;
    // What a run does then depends on the phase.
    this.stack.at(-1)?.asked.set(PHASE, this.fact(PHASE));
    return rule.phases.includes(this.phase) ? rule : null;
  }

  /** Notes that a complaint was taken as one that is never made. */
  presumed(place: Site, name: string): void {
    this.presumptions.set(`${place.file}:${place.line}`, { place, name });
  }

  /** Notes that a member is not followed, since it is not known who looks at the same one later. */
  untold(place: Site, member: string, by: keyof Unfollowed["members"]): void {
    const key = `${place.file} ${place.function}`;
    const known = this.unfollowed.get(key) ?? { place, members: { itself: new Set(), calls: new Set() } };
    this.unfollowed.set(key, known);
    known.members[by].add(member);
  }

  /** Notes which primitives take a lock. */
  takes(lock: string, primitive: string): void {
    const known = this.takenBy.get(lock) ?? new Set();
    this.takenBy.set(lock, known.add(primitive));
  }

  /** Notes where a lock is given back, and whether some way comes there with it. */
  drops(place: Site, lock: string, isHeld: boolean): void {
    const key = `${place.file}:${place.line} ${lock}`;
    const known = this.dropped.get(key);
    if (known === undefined || (isHeld && !known.isHeld)) this.dropped.set(key, { place, lock, isHeld });
  }

  /** Notes that an entry was taken at its word. */
  trust(place: Site, lock: string): void {
    this.trusted.set(`${place.file}:${place.line} ${lock}`, { place, lock });
  }

  /** Notes that an assertion was taken as proof that a way is not possible. */
  pruned(place: Site, lock: string, wanted: string): void {
    const key = `${place.file}:${place.line} ${lock} ${wanted}`;
    if (!this.prunings.has(key)) this.prunings.set(key, { place, lock, wanted });
  }

  /** What the phase says of a member; whoever asks depends on it. */
  private fact(member: string): Value {
    const value = this.facts.get(member) ?? TOP;
    this.stack.at(-1)?.asked.set(member, value);
    return value;
  }

  /**
   * Analyses an entry.
   *
   * @param phase its name
   * @param facts what is known of members and globals in the phase
   * @returns null when the function cannot be parsed
   */
  entry(input: Input, phase: string, facts: ReadonlyMap<string, Value>): Context | null {
    this.phase = phase;
    this.facts = new Map([...facts, [PHASE, functionValue(phase)]]);
    return this.run(input);
  }

  /** Takes some steps; false, and noted in a run, when there were too many. */
  spend(steps: number, run: Run): boolean {
    this.steps += steps;
    if (this.steps <= BOUNDS.steps) return true;
    run.trouble("steps", run.name, run.line);
    return false;
  }

  /** What could not be resolved in some contexts. */
  troubles(contexts: readonly Context[]): Trouble[] {
    const wanted = new Set(contexts.map((context) => context.id));
    return [...this.runs.values()].flat().flatMap((run) => (wanted.has(run.id) ? [...run.troubles.values()] : []));
  }

  // ---------------------------------------------------------------- contexts

  /** Goes through a function; null when it cannot be parsed, or is nested too deeply. */
  run(input: Input): Run | null {
    const code = this.source.code(input.info);
    if (code === null) return null;
    const key = inputKey(this.source.key(input.info), input);
    const list = this.runs.get(key) ?? [];
    this.runs.set(key, list);
    for (const run of list) {
      if (!this.fits(run)) continue;
      if (!run.isDone) {
        run.isRecursive = true;
        this.stack.at(-1)?.partial.add(run);
      }
      this.depend(run);
      return run;
    }
    if (this.stack.length >= BOUNDS.depth) return null;
    const run = new Run(++this.count, input, code);
    this.spend(STEPS_OF_RUN, run);
    list.push(run);
    this.stack.push(run);
    for (let round = 1; ; round++) {
      const before = outcomesKey(run.outcomes);
      this.execute(run);
      if (!run.isRecursive || outcomesKey(run.outcomes) === before) break;
      if (round === BOUNDS.rounds) {
        run.trouble("recursion", run.name, run.line);
        break;
      }
      for (const { list: others, run: other } of run.provisional.splice(0)) others.splice(others.indexOf(other), 1);
      for (const map of [run.edges, run.seamcalls, run.assertions, run.tests, run.stores]) map.clear();
    }
    this.stack.pop();
    run.isDone = true;
    run.partial.delete(run);
    this.depend(run);
    for (const head of run.partial) head.provisional.push({ list, run });
    return run;
  }

  /** Whoever called it depends on what it depends on. */
  private depend(run: Run): void {
    const outer = this.stack.at(-1);
    if (outer === undefined || outer === run) return;
    this.spend((run.asked.size + run.partial.size) >> SIZE_OF_DEPENDING, outer);
    for (const [name, value] of run.asked) outer.asked.set(name, value);
    for (const head of run.partial) outer.partial.add(head);
  }

  /** Was a run made with the facts that hold now? */
  fits(run: Pick<Answer, "asked">): boolean {
    for (const [name, value] of run.asked) if ((this.facts.get(name) ?? TOP) !== value) return false;
    return true;
  }

  private plan(code: Code): Plan {
    const known = this.plans.get(code) ?? planOf(code, this.factWords);
    this.plans.set(code, known);
    return known;
  }

  // ---------------------------------------------------------------- one function

  private execute(run: Run): void {
    if (run.input.episode === undefined) new Execution(this, run, this.plan(run.code), this.known).run();
    else this.following(run, null).run();
  }

  /** Goes through a function as it was called before, with a status that comes out of one of its calls. */
  follow({ input, code }: Run, injection: Injection): Following {
    const run = new Run(++this.count, input, code);
    const following = this.following(run, injection);
    this.stack.push(run);
    following.run();
    this.stack.pop();
    return following;
  }

  /** Goes through it with a SEAMCALL that gives no BUSY; gives all ways out. */
  spare({ input, code }: Run, origin: Origin): SparedAnswer {
    const run = new Run(++this.count, input, code);
    const sparing = new Sparing(this, run, { plan: this.plan(code), known: this.known }, origin);
    this.stack.push(run);
    sparing.run();
    this.stack.pop();
    return sparing.answer;
  }

  private following(run: Run, injection: Injection | null): Following {
    const flow = this.flows.get(run.code) ?? new Flow(run.code);
    this.flows.set(run.code, flow);
    return new Following(this, run, { plan: this.plan(run.code), known: this.known, flow }, injection);
  }
}
