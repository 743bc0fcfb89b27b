/**
 * What the parts of the machine, and a project's domains, ask of each other. `machine.ts` makes an engine of the parts.
 */

import type { CallExpr, Expr, FunctionAst, Stmt } from "../ast.ts";
import type { Program } from "../program.ts";
import type { Effects } from "./effects.ts";
import type { Space } from "./space.ts";
import type { AbstractState } from "./state.ts";
import type { Formula, Location, Value } from "./values.ts";

/** A line of a function. */
export interface Site {
  readonly file: string;
  readonly line: number;
  readonly function: string;
}

/** A loop: its test as the source writes it, and where it stands. */
export interface LoopTest {
  readonly text: string;
  readonly line: number;
  /** The variable that it counts; null for another loop. */
  readonly counter: string | null;
}

/** One invocation of a function. */
export interface Frame {
  readonly id: number;
  /** Invocations from the entry's own down to this one, as many as the call sites of {@link chain} and one more. */
  readonly invocations: readonly number[];
  readonly fn: FunctionAst;
  /** Call sites from the entry's own function down to this one. */
  readonly chain: readonly Site[];
  /** Number of the chain: the same for the same call sites. */
  readonly place: number;
  /** Tests of the loops around, outermost first. */
  readonly loops: readonly LoopTest[];
  /** The function's variables, by name. */
  readonly locals: Map<string, Location>;
}

/** What an expression that names a location is: the location, and how the source writes it here. */
export interface Lvalue {
  readonly at: Location;
  readonly text: string;
}

/** What an expression is, in a state that evaluating it led to. */
export type Evaluated<T> = readonly [AbstractState, T];

export type Exit =
  | { readonly k: "next" }
  | { readonly k: "break" }
  | { readonly k: "continue" }
  | { readonly k: "goto"; readonly label: string; readonly line: number }
  | { readonly k: "return"; readonly value: Value | null };

export const NEXT: Exit = { k: "next" };

/** How a statement leaves a state. */
export interface Flow {
  readonly state: AbstractState;
  readonly exit: Exit;
}

export type IfStmt = Extract<Stmt, { kind: "if" }>;
export type LoopStmt = Extract<Stmt, { kind: "loop" }>;

/** A call whose arguments are evaluated. */
export interface Call {
  readonly name: string;
  readonly args: readonly Value[];
  readonly e: CallExpr;
  readonly state: AbstractState;
  readonly frame: Frame;
}

/** How one path through a function ends. */
export interface Final {
  readonly state: AbstractState;
  /** `return`, or what {@link Settings.ends} says of the call that it ends in. */
  readonly kind: string;
  readonly value: Value | null;
  /** The call that it ends in and its arguments, where {@link Settings.told} names the call. */
  readonly told: { readonly call: string; readonly args: readonly Value[] } | null;
}

/** Something that the machine could not do. */
export interface Trouble {
  readonly what: "budget" | "depth" | "backward-goto" | "indirect-call" | "parse";
  readonly message: string;
  readonly site: Site;
}

/** What a project's calls and members mean, as data; the same for all runs on a program. */
export interface Settings {
  readonly program: Program;
  /** Functions that are followed; the results of others are unknown. */
  readonly followed: ReadonlySet<string>;
  /** Calls that do nothing. */
  readonly ignored: ReadonlySet<string>;
  /** Calls that end the path where their argument is false. */
  readonly assertions: ReadonlySet<string>;
  /** Calls that do not return: how a path ends there, or null for one that is left out. */
  readonly ends: ReadonlyMap<string, string | null>;
  /** Those of {@link ends} whose constant arguments tell paths apart. */
  readonly told: ReadonlySet<string>;
  /** Further calls that the domains know, though the tree may define them as macros. */
  readonly known: ReadonlySet<string>;
  /** Functions whose result may be another one at each call, with the same arguments. */
  readonly changing: RegExp;
  /** Functions that never return NULL, and members that are never NULL. */
  readonly nonNull: ReadonlySet<string>;
  readonly nonNullMembers: ReadonlySet<string>;
  /** Member that is the whole word of a union with bit fields. */
  readonly wordMember: string;
  readonly effects: Effects;
  /** May a function write through its parameter at `index`? */
  mayWrite(name: string, fromFile: string, index: number): boolean;
}

export interface Engine {
  readonly settings: Settings;
  readonly space: Space;
  evaluate(e: Expr, state: AbstractState, frame: Frame): Evaluated<Value>[];
  /** The value of an expression whose evaluation forks nothing; the first one otherwise. */
  single(e: Expr, state: AbstractState, frame: Frame): Value;
  /** The value that a name has. */
  valueOf(name: string, state: AbstractState, frame: Frame): Value;
  /** Does some domain always tell an error apart from others? */
  isApart(error: Value): boolean;
  /** An expression as a condition. */
  test(e: Expr, state: AbstractState, frame: Frame): Evaluated<Formula>[];
  /** `a op b` as a condition, for an ordering of numbers without a sign. */
  relation(op: string, a: Value, b: Value): Formula;
  /** The location that an expression names; null when it names none. */
  lvalue(e: Expr, state: AbstractState, frame: Frame): Lvalue | null;
  read(place: Lvalue, state: AbstractState): Value;
  write(place: Lvalue, value: Value, state: AbstractState): void;
  /** What a pointer argument points to may have changed. */
  havoc(pointer: Value, state: AbstractState): void;
  statement(s: Stmt, state: AbstractState, frame: Frame): Flow[];
  statements(list: readonly Stmt[], start: readonly AbstractState[], frame: Frame): Flow[];
  call(e: CallExpr, state: AbstractState, frame: Frame): Evaluated<Value>[];
  /** Where a macro is called that stands for an expression: what `look` finds in it; null for anything else. */
  expanded<T>(e: CallExpr, frame: Frame, look: (body: Expr) => T): T | null;
  /** What `look` finds in the body of an object-like macro; null where macros use each other without end. */
  lookInto<T>(look: () => T, site: Site | undefined): T | null;
  /** An invocation begins. */
  enter(frame: Frame): void;
  local(name: string, frame: Frame): Location;
  /** Is a local variable an array? Then its name is its address. */
  isArray(at: Location): boolean;
  noteArray(at: Location): void;
  /** Identity of a test in its calling context: the same for both sides. */
  fork(frame: Frame, line: number, test: Expr): string;
  site(frame: Frame, line: number): Site;
  /** The call sites down to the statement under analysis. */
  here(): readonly Site[];
  /** The number of a call chain: identities are made of it, and it is shorter than the chain. */
  chainNumber(chain: readonly Site[]): number;
  /** How deep an invocation of the entry's own file is below the entry: 0 or 1; undefined for any other. */
  ownDepth(invocation: number): number | undefined;
  /** Remembers that the entry's own functions make a test. */
  noteOwnTest(f: Formula): void;
  /** Remembers that a variable or member of the entry's own functions holds a value. */
  noteHeld(value: Value, place: Lvalue, depth: number): void;
  /** Counts a step: the number of it; null when there were too many. */
  step(frame: Frame, line: number): number | null;
  /** The number of the step. */
  readonly steps: number;
  trouble(what: Trouble["what"], message: string, site: Site): void;
}
