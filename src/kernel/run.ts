/** Runs: functions as they are called, what the analysis finds in each, and what comes out of it. */

import type { FunctionInfo } from "../c/index.ts";
import type { Code } from "./code.ts";
import type { Episode } from "./episode.ts";
import type { Assertion, Context, Edge, Gate, LocksAt, Seamcall, Site, Taken } from "./graph.ts";
import type { LockSet } from "./locks.ts";
import { type Facts, join, State } from "./state.ts";
import { setOf, type Value } from "./values.ts";

/** Bounds; what they cut off is a diagnostic. */
export const BOUNDS = {
  /** Steps in all: an instruction is one, and so is what costs as much as one. A kernel takes 1.1 million. */
  steps: 2_500_000,
  /** Nested calls. */
  depth: 90,
  /** Ways that are kept apart at one place. */
  states: 48,
  /** Joins at one place after which what differs is given up. */
  joins: 8,
  /** Times that a function that calls itself is gone through again. */
  rounds: 6,
} as const;

/** One way out of a function. */
export interface Outcome {
  readonly locks: LockSet;
  readonly facts: Facts;
  readonly value: Value;
  /** What is known of the objects that the caller passed, by their paths in the callee. */
  readonly vars: ReadonlyMap<string, Value>;
  readonly taken: ReadonlyMap<string, Taken>;
  /** What was done about a BUSY, on a way on which there was one. */
  readonly episode?: Episode;
}

/** Ways out of a function, for the facts of the phase that were asked for. */
export interface Answer {
  /** These facts, and what they were. */
  readonly asked: ReadonlyMap<string, Value | null>;
  readonly outcomes: readonly Outcome[];
}

/** Takes an answer, and with it what it depends on. */
export function taking({ asked, outcomes }: Answer, into: Run["asked"]): readonly Outcome[] {
  for (const [name, value] of asked) into.set(name, value);
  return outcomes;
}

/** What a function is called with, its objects under names of its own: `@0`, `@1`. */
export interface Input {
  readonly info: FunctionInfo;
  readonly locks: LockSet;
  readonly facts: Facts;
  readonly args: readonly Value[];
  readonly vars: ReadonlyMap<string, Value>;
  /** Is it the outside that calls it? */
  readonly isEntry?: boolean;
  /** When it is called after a BUSY: whether that is why, and what is known of members since. */
  readonly episode?: Pick<Episode, "members" | "controlled"> & { readonly isControlled: boolean };
}

/** Something that the analysis could not resolve, at a place. */
export interface Trouble {
  readonly kind: "pointer" | "states" | "steps" | "depth" | "recursion" | "unparsed" | "lost" | "unclassed";
  readonly what: string;
  readonly place: Site;
}
/** A context and what came out of it. */
export class Run implements Context {
  readonly id: number;
  readonly input: Input;
  readonly code: Code;
  readonly seamcalls = new Map<string, Seamcall>();
  readonly edges = new Map<string, Edge>();
  readonly assertions = new Map<string, Assertion>();
  readonly tests = new Map<string, Gate>();
  readonly stores = new Map<string, Gate & { readonly value: Value }>();
  readonly troubles = new Map<string, Trouble>();
  outcomes = new Map<string, Outcome>();
  /** Facts of the phase that it asked for, and what they were. */
  readonly asked = new Map<string, Value | null>();
  isDone = false;
  /** It was asked for before it had come to an end. */
  isRecursive = false;
  /** Unfinished runs whose outcomes so far it used. */
  readonly partial = new Set<Run>();
  /** Runs that used its outcomes so far, to be made again when those change. */
  readonly provisional: { readonly list: Run[]; readonly run: Run }[] = [];

  constructor(id: number, input: Input, code: Code) {
    this.id = id;
    this.input = input;
    this.code = code;
  }

  get name(): string {
    return this.code.name;
  }
  get file(): string {
    return this.code.file;
  }
  get line(): number {
    return this.code.line;
  }
  get args(): readonly Value[] {
    return this.input.args;
  }

  place(line: number): Site {
    return { function: this.name, file: this.file, line };
  }

  unclassed(member: string, line: number): void {
    this.trouble("unclassed", member, line);
  }

  assert(
    assertion: Pick<Assertion, "line" | "lock" | "wanted" | "holds" | "isTrusted">,
    { locks, taken }: State,
  ): void {
    const { line, lock, wanted } = assertion;
    this.assertions.set(`${line} ${lock} ${wanted} ${locks.id}`, { ...assertion, locks, taken: new Map(taken) });
  }

  seamcall(seamcall: Omit<Seamcall, keyof LocksAt>, { locks, taken }: State): void {
    const { at, leaf, mayBeBarred } = seamcall;
    const key = `${at} ${leaf} ${locks.id}`;
    const before = this.seamcalls.get(key);
    const bars = new Set([...(before?.mayBeBarred ?? []), ...mayBeBarred]);
    this.seamcalls.set(key, { ...(before ?? { ...seamcall, locks, taken: new Map(taken) }), mayBeBarred: bars });
  }

  trouble(kind: Trouble["kind"], what: string, line: number): void {
    const key = `${kind} ${what} ${line}`;
    if (!this.troubles.has(key)) this.troubles.set(key, { kind, what, place: this.place(line) });
  }
}

/** What tells a run apart from others. */
export function inputKey(name: string, { locks, facts, args, vars, isEntry, episode }: Input): string {
  let key = `${name} ${locks.id} ${facts.id} ${args.map((v) => v.id).join()}${isEntry === true ? " entry" : ""}`;
  if (vars.size > 0) {
    const sorted = [...vars].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [path, value] of sorted) key += ` ${path}=${value.id}`;
  }
  if (episode !== undefined) {
    key += episode.isControlled ? " busy+" : " busy";
    for (const [member, value] of [...episode.members].sort(([a], [b]) => (a < b ? -1 : 1)))
      key += ` ${member}${episode.controlled.has(member) ? "~" : "="}${value.id}`;
  }
  return key;
}

/** Equal for equal outcomes. */
export function outcomesKey(outcomes: ReadonlyMap<string, Outcome>): string {
  return [...outcomes]
    .map(([key, { value, vars }]) => `${key} ${value.id} ${[...vars].map(([p, v]) => p + v.id).join()}`)
    .join("|");
}

/** What holds on either of two ways out. */
export function joinOutcomes(a: Outcome, b: Outcome): Outcome {
  const [x, y] = [a, b].map((o) => new State(o.locks, o.facts, new Map(o.vars), new Map(o.taken))) as [State, State];
  const joined = join(x, y, false);
  return {
    locks: a.locks,
    facts: a.facts,
    value: setOf([...a.value.atoms, ...b.value.atoms]),
    vars: joined.vars,
    taken: joined.taken,
    ...(a.episode !== undefined && { episode: a.episode }),
  };
}
