/**
 * What random programs do, found by running them: a plain interpreter of random-program.ts that tries all inputs of a small range and
 * all ways in which attempts to take locks come out. It shares nothing with the extraction that it is held against.
 */

import type { CallExpr, Expr, Func, Program, Stmt } from "./random-program.ts";

export type Mode = "SHARED" | "EXCLUSIVE";
type Pointer = { readonly to: string };
type Value = bigint | Pointer;

export interface Taken {
  readonly kind: "acquire";
  readonly lock: string;
  readonly lockKind: string;
  readonly mode: Mode;
  readonly side: "host" | "guest";
  readonly chain: string;
}
export interface Given {
  readonly kind: "release";
  readonly lock: string;
  readonly mode: Mode;
  readonly chain: string;
  /** What was held when it was given; null for nothing. */
  readonly held: Mode | null;
}
export interface Changed {
  readonly kind: "promote" | "demote";
  readonly lock: string;
  readonly chain: string;
}
export interface Failed {
  readonly kind: "failed";
  readonly lock: string;
  /** In which it was tried; of a promotion, what it was to become. */
  readonly mode: Mode;
  readonly chain: string;
  readonly outcome: string;
  readonly isPromotion: boolean;
}
export type Event = Taken | Given | Changed | Failed;

/** One run of a leaf. */
export interface Run {
  readonly status: bigint;
  readonly events: readonly Event[];
  /** What it still holds at its end. */
  readonly kept: readonly Taken[];
  /** What was read of inputs, by how the leaf names them; of what it writes itself, what was there before. */
  readonly inputs: ReadonlyMap<string, bigint>;
  /** Places that it writes, but for variables. */
  readonly written: ReadonlySet<string>;
  /** Calls of functions that nobody defines, with what they gave. */
  readonly answers: ReadonlyMap<string, bigint>;
}

/** All runs within the bounds. */
export interface Runs {
  readonly runs: readonly Run[];
  /** Were these all there are? */
  readonly isComplete: boolean;
}

/** A program that does what no module does, or what this interpreter has no meaning for: nothing is said of it. */
export class Meaningless extends Error {}

const MAX_RUNS = 3000;
const MAX_STEPS = 400;
/** Locks that may be found busy in one run. */
const MAX_BUSY = 2;

export const SUCCESS = 0n;
export const BUSY = 0x8000020000000000n;
export const HOST_PRIORITY = 0x8000020100000000n;
export const FATAL = 1n << 61n;
const WORD = (1n << 64n) - 1n;

/** What is tried of inputs: all that programs compare them with, and more. */
const NUMBERS: readonly bigint[] = [0n, 1n, 2n, 3n, 4n];
const TRUTHS: readonly bigint[] = [0n, 1n, 4n];

/** What an attempt can come to, success first: name and value. */
type Outcomes = readonly (readonly [string, bigint])[];
const RETURNS: Outcomes = [
  ["LOCK_RET_SUCCESS", 1n],
  ["LOCK_RET_FAIL", 0n],
];
const STATUSES: Outcomes = [
  ["TDX_SUCCESS", SUCCESS],
  ["TDX_OPERAND_BUSY", BUSY],
];
const GUEST_STATUSES: Outcomes = [...STATUSES, ["TDX_OPERAND_BUSY_HOST_PRIORITY", HOST_PRIORITY]];

interface Primitive {
  readonly does: "acquire" | "release" | "promote" | "demote";
  readonly lockKind: string;
  readonly mode: Mode | "argument";
  /** Position of `is_guest`; a side; or null for that of the leaf. */
  readonly side: number | "host" | "guest" | null;
}
const primitive = (
  does: Primitive["does"],
  lockKind: string,
  mode: Primitive["mode"],
  side: Primitive["side"] = null,
): Primitive => ({ does, lockKind, mode, side });

const PRIMITIVES: Readonly<Record<string, Primitive>> = {
  acquire_mutex_lock: primitive("acquire", "mutex", "EXCLUSIVE"),
  release_mutex_lock: primitive("release", "mutex", "EXCLUSIVE"),
  acquire_sharex_lock: primitive("acquire", "sharex", "argument"),
  acquire_sharex_lock_sh: primitive("acquire", "sharex", "SHARED"),
  acquire_sharex_lock_ex: primitive("acquire", "sharex", "EXCLUSIVE"),
  release_sharex_lock: primitive("release", "sharex", "argument"),
  release_sharex_lock_sh: primitive("release", "sharex", "SHARED"),
  release_sharex_lock_ex: primitive("release", "sharex", "EXCLUSIVE"),
  promote_sharex_lock: primitive("promote", "sharex", "EXCLUSIVE"),
  demote_sharex_lock: primitive("demote", "sharex", "SHARED"),
  acquire_sharex_lock_hp: primitive("acquire", "sharex_hp", "argument", 2),
  acquire_sharex_lock_hp_sh: primitive("acquire", "sharex_hp", "SHARED", 1),
  acquire_sharex_lock_hp_ex: primitive("acquire", "sharex_hp", "EXCLUSIVE", 1),
  release_sharex_lock_hp: primitive("release", "sharex_hp", "argument"),
  release_sharex_lock_hp_sh: primitive("release", "sharex_hp", "SHARED"),
  release_sharex_lock_hp_ex: primitive("release", "sharex_hp", "EXCLUSIVE"),
  promote_sharex_lock_hp: primitive("promote", "sharex_hp", "EXCLUSIVE"),
  sept_lock_acquire_host: primitive("acquire", "sept_entry", "EXCLUSIVE", "host"),
  sept_lock_acquire_guest: primitive("acquire", "sept_entry", "EXCLUSIVE", "guest"),
  sept_lock_release: primitive("release", "sept_entry", "EXCLUSIVE"),
};

/** Enumerates the runs of a leaf. */
export function runsOf(program: Program, leaf: Func, lineOf: ReadonlyMap<CallExpr, number>): Runs {
  const runs: Run[] = [];
  const functions = new Map([...program.helpers, ...program.leaves].map((f) => [f.name, f]));
  const choices: { taken: number; of: number }[] = [];
  for (;;) {
    let at = 0;
    const choose = (of: number): number => {
      const known = choices[at++];
      if (known) return known.taken;
      choices.push({ taken: 0, of });
      return 0;
    };
    runs.push(new Machine(functions, lineOf, choose).run(leaf));
    while (choices.length > 0) {
      const last = choices[choices.length - 1] as { taken: number; of: number };
      if (++last.taken < last.of) break;
      choices.pop();
    }
    if (choices.length === 0) return { runs, isComplete: true };
    if (runs.length >= MAX_RUNS) return { runs, isComplete: false };
  }
}

/** How a statement ends, other than by going on. */
type Exit =
  | { readonly k: "goto"; readonly label: string }
  | { readonly k: "return"; readonly value: Value }
  | { readonly k: "break" | "continue" }
  | null;

interface Frame {
  readonly id: number;
  readonly fn: Func;
  /** The call sites that led here. */
  readonly chain: readonly number[];
}

class Machine {
  private readonly memory = new Map<string, Value>();
  private readonly inputs = new Map<string, bigint>();
  private readonly answers = new Map<string, bigint>();
  private readonly written = new Set<string>();
  private readonly events: Event[] = [];
  private readonly held = new Map<string, { readonly by: Taken; readonly mode: Mode }>();
  private readonly busy = new Set<string>();
  private side: "host" | "guest" = "host";
  private frames = 0;
  private steps = 0;
  private readonly functions: ReadonlyMap<string, Func>;
  private readonly lineOf: ReadonlyMap<CallExpr, number>;
  private readonly choose: (of: number) => number;

  constructor(
    functions: ReadonlyMap<string, Func>,
    lineOf: ReadonlyMap<CallExpr, number>,
    choose: (of: number) => number,
  ) {
    this.functions = functions;
    this.lineOf = lineOf;
    this.choose = choose;
  }

  run(leaf: Func): Run {
    this.side = leaf.name.startsWith("tdg_") ? "guest" : "host";
    const args = leaf.params.map(({ name }) => this.input(name));
    const status = this.invoke(leaf, args, []);
    if (typeof status !== "bigint") throw new Meaningless("a leaf that returns a pointer");
    const kept = [...this.held.values()].map(({ by, mode }) => ({ ...by, mode }));
    const { events, inputs, written, answers } = this;
    return { status, events, kept, inputs, written, answers };
  }

  /** A value that the program is given: any of a few, the same whenever it is read. */
  private input(name: string): bigint {
    const range = /(^|\.|\])is_\w+$/.test(name) ? TRUTHS : NUMBERS;
    const value = range[this.choose(range.length)] as bigint;
    this.inputs.set(name, value);
    return value;
  }

  private invoke(fn: Func, args: readonly Value[], chain: readonly number[]): Value {
    if (chain.length > 6) throw new Meaningless("calls that nest too deeply");
    const frame: Frame = { id: ++this.frames, fn, chain };
    for (const [i, { name, type }] of fn.params.entries())
      this.memory.set(local(frame, name), fitted(args[i] as Value, type));
    const exit = this.block(fn.body, frame);
    if (exit === null && fn.returns === "void") return 0n;
    if (exit === null) throw new Meaningless("a function without a result");
    if (exit.k !== "return") throw new Meaningless(`${exit.k} without a target`);
    return exit.value;
  }

  private block(body: readonly Stmt[], frame: Frame): Exit {
    for (let i = 0; i < body.length; i++) {
      const exit = this.statement(body[i] as Stmt, frame);
      if (exit === null) continue;
      const target = exit.k === "goto" ? body.findIndex((s) => s.k === "label" && s.name === exit.label) : -1;
      if (target < 0) return exit;
      if (target <= i) throw new Meaningless("a jump that goes back");
      i = target;
    }
    return null;
  }

  private statement(s: Stmt, frame: Frame): Exit {
    if (++this.steps > MAX_STEPS) throw new Meaningless("too many steps");
    switch (s.k) {
      case "declare":
        for (const key of [...this.memory.keys()]) if (isWithin(key, local(frame, s.name))) this.memory.delete(key);
        if (s.init !== null) this.memory.set(local(frame, s.name), fitted(this.value(s.init, frame), s.type));
        return null;
      case "do":
        this.value(s.e, frame);
        return null;
      case "if":
        return this.block(this.isTrue(s.c, frame) ? s.yes : (s.no ?? []), frame);
      case "switch": {
        const on = this.value(s.on, frame);
        const exact = s.cases.findIndex(({ labels }) => labels.some((label) => label === on));
        const at = exact >= 0 ? exact : s.cases.findIndex(({ labels }) => labels.includes(null));
        if (at < 0) return null;
        const exit = this.block(
          s.cases.slice(at).flatMap((c) => c.body),
          frame,
        );
        return exit?.k === "break" ? null : exit;
      }
      case "loop":
        return this.loop(s, frame);
      case "goto":
        return { k: "goto", label: s.name };
      case "label":
        return null;
      case "return":
        return { k: "return", value: s.e === null ? 0n : fitted(this.value(s.e, frame), frame.fn.returns) };
      default:
        return { k: s.k };
    }
  }

  private loop(s: Extract<Stmt, { k: "loop" }>, frame: Frame): Exit {
    if (s.init !== null) this.value(s.init, frame);
    for (let isFirst = true; (isFirst && s.form === "do") || this.isTrue(s.test, frame); isFirst = false) {
      const exit = this.block(s.body, frame);
      if (exit?.k === "break") return null;
      if (exit !== null && exit.k !== "continue") return exit;
      if (s.step !== null) this.value(s.step, frame);
    }
    return null;
  }

  // ------------------------------------------------------------------ expressions

  private isTrue(e: Expr, frame: Frame): boolean {
    return this.value(e, frame) !== 0n;
  }

  private value(e: Expr, frame: Frame): Value {
    switch (e.k) {
      case "num":
        return e.value;
      case "var":
      case "field":
      case "index":
      case "deref":
        return this.read(this.place(e, frame));
      case "addr":
        return { to: this.place(e.of, frame) };
      case "not":
        return truth(!this.isTrue(e.of, frame));
      case "ite":
        return this.value(this.isTrue(e.c, frame) ? e.a : e.b, frame);
      case "bin":
        return this.binary(e, frame);
      case "set": {
        const from = this.value(e.from, frame);
        const to = this.place(e.to, frame);
        if (!to.startsWith("#")) this.written.add(to);
        const stored =
          e.op === "=" ? from : operate(e.op === "+=" ? "+" : e.op === "|=" ? "|" : "&", this.read(to), from);
        if (e.op === "=" && typeof from !== "bigint") this.memory.set(to, from);
        else this.memory.set(to, fitted(stored, this.typeOf(e.to, frame)));
        return stored;
      }
      case "step": {
        const at = this.place(e.of, frame);
        const old = this.read(at);
        this.memory.set(at, operate("+", old, 1n));
        return old;
      }
      case "call":
        return this.call(e, frame);
    }
  }

  private binary({ op, a, b }: Extract<Expr, { k: "bin" }>, frame: Frame): Value {
    if (op === "&&") return truth(this.isTrue(a, frame) && this.isTrue(b, frame));
    if (op === "||") return truth(this.isTrue(a, frame) || this.isTrue(b, frame));
    const [left, right] = [this.value(a, frame), this.value(b, frame)];
    return operate(op, left, right);
  }

  private place(e: Expr, frame: Frame): string {
    switch (e.k) {
      case "var":
        return local(frame, e.name);
      case "field":
        return `${e.arrow ? this.pointer(e.base, frame) : this.place(e.base, frame)}.${e.name}`;
      case "index": {
        const at = this.value(e.at, frame);
        return `${this.place(e.base, frame)}[${typeof at === "bigint" ? at : "?"}]`;
      }
      case "deref":
        return this.pointer(e.of, frame);
      default:
        throw new Meaningless(`${e.k} is no place`);
    }
  }

  private pointer(e: Expr, frame: Frame): string {
    const value = this.value(e, frame);
    if (typeof value === "bigint") throw new Meaningless("a pointer to nothing");
    return value.to;
  }

  private read(place: string): Value {
    const known = this.memory.get(place);
    if (known !== undefined) return known;
    if (place.startsWith("#")) throw new Meaningless(`${place} is read before it is set`);
    const value: Value = place === "local.vp_ctx.tdcs" ? { to: "tdcs" } : this.input(place);
    this.memory.set(place, value);
    return value;
  }

  /** The type of a variable that is assigned; members have the widest. */
  private typeOf(e: Expr, { fn }: Frame): string {
    if (e.k !== "var") return "uint64_t";
    const declared = declarations(fn).get(e.name);
    if (declared === undefined) throw new Meaningless(`${e.name} is not declared`);
    return declared;
  }

  // ------------------------------------------------------------------ calls

  private call(e: CallExpr, frame: Frame): Value {
    const args = e.args.map((arg) => this.value(arg, frame));
    const chain = [...frame.chain, this.lineOf.get(e) ?? 0];
    const fn = this.functions.get(e.fn);
    if (fn) return this.invoke(fn, args, chain);
    const known = Object.hasOwn(PRIMITIVES, e.fn) ? PRIMITIVES[e.fn] : undefined;
    if (known) return this.primitive(known, args, chain.join(">"));
    const number = (i: number) => args[i] as bigint;
    switch (e.fn) {
      case "get_global_data":
        return { to: "global" };
      case "get_local_data":
        return { to: "local" };
      case "secure_ept_walk":
        return { to: `sept(${number(1)})` };
      case "map_pa":
        return { to: `page(${number(0)})` };
      case "api_error_with_operand_id":
        return ((number(0) >> 32n) << 32n) | (number(1) & 0xffffffffn);
      case "api_error_fatal":
        return number(0) | FATAL;
      default: {
        const key = `${e.fn}(${args.map((arg) => (typeof arg === "bigint" ? arg : arg.to)).join(",")})`;
        let answer = this.answers.get(key);
        if (answer === undefined) {
          answer = BigInt(this.choose(2));
          this.answers.set(key, answer);
        }
        return answer;
      }
    }
  }

  // ------------------------------------------------------------------ locks

  private primitive({ does, lockKind, mode: given, side }: Primitive, args: readonly Value[], chain: string): Value {
    const [word] = args;
    if (word === undefined || typeof word === "bigint") throw new Meaningless("a lock that is none");
    const lock = word.to;
    const mode = given === "argument" ? modeOf(args[1] as Value) : given;
    if (mode === null) throw new Meaningless("no lock");
    const held = this.held.get(lock);
    if (does === "release") {
      this.events.push({ kind: "release", lock, mode, chain, held: held?.mode ?? null });
      this.held.delete(lock);
      return 0n;
    }
    if (does === "demote") {
      if (held?.mode !== "EXCLUSIVE") throw new Meaningless("demoting what is not held exclusively");
      this.held.set(lock, { ...held, mode: "SHARED" });
      this.events.push({ kind: "demote", lock, chain });
      return 0n;
    }
    if (does === "acquire" && held) throw new Meaningless("taking a lock that is held");
    if (does === "promote" && held?.mode !== "SHARED") throw new Meaningless("promoting what is not held shared");
    const asks = side === null ? this.side : typeof side === "string" ? side : args[side] === 0n ? "host" : "guest";
    const outcomes = outcomesOf(does, lockKind, mode, asks);
    const mayFail = this.busy.has(lock) || this.busy.size < MAX_BUSY;
    const [name, value] = outcomes[mayFail ? this.choose(outcomes.length) : 0] as readonly [string, bigint];
    if (value !== outcomes[0]?.[1]) {
      this.busy.add(lock);
      this.events.push({ kind: "failed", lock, mode, chain, outcome: name, isPromotion: does === "promote" });
    } else if (does === "promote") {
      this.held.set(lock, { by: (held as { by: Taken }).by, mode: "EXCLUSIVE" });
      this.events.push({ kind: "promote", lock, chain });
    } else {
      const by: Taken = { kind: "acquire", lock, lockKind, mode, side: asks, chain };
      this.held.set(lock, { by, mode });
      this.events.push(by);
    }
    return value;
  }
}

/** As the fixture's primitives have it. */
function outcomesOf(does: Primitive["does"], lockKind: string, mode: Mode, side: "host" | "guest"): Outcomes {
  if (lockKind === "mutex" || lockKind === "sharex") return RETURNS;
  if (does === "promote" || side === "host") return STATUSES;
  return lockKind === "sharex_hp" && mode === "EXCLUSIVE" ? STATUSES : GUEST_STATUSES;
}

const modeOf = (value: Value): Mode | null => (value === 1n ? "SHARED" : value === 2n ? "EXCLUSIVE" : null);

const local = ({ id }: Frame, name: string): string => `#${id}.${name}`;
const isWithin = (key: string, place: string): boolean =>
  key === place || key.startsWith(`${place}.`) || key.startsWith(`${place}[`);
const truth = (is: boolean): bigint => (is ? 1n : 0n);

const WIDTHS: Readonly<Record<string, bigint>> = { bool_t: 0xffn, uint8_t: 0xffn, uint16_t: 0xffffn };
const fitted = (value: Value, type: string): Value =>
  typeof value === "bigint" ? value & (WIDTHS[type] ?? WORD) : value;

function operate(op: string, a: Value, b: Value): Value {
  if (typeof a !== "bigint" || typeof b !== "bigint") {
    const isSame = typeof a !== "bigint" && typeof b !== "bigint" && a.to === b.to;
    if (op === "==" || op === "!=") return truth(isSame === (op === "=="));
    throw new Meaningless(`${op} of pointers`);
  }
  return computed(op, a, b);
}

/** What an operator makes of two numbers of 64 bits. */
export function computed(op: string, a: bigint, b: bigint): bigint {
  switch (op) {
    case "==":
      return truth(a === b);
    case "!=":
      return truth(a !== b);
    case "<":
      return truth(a < b);
    case ">":
      return truth(a > b);
    case "<=":
      return truth(a <= b);
    case ">=":
      return truth(a >= b);
    case "&":
      return a & b;
    case "|":
      return a | b;
    default:
      return (a + b) & WORD;
  }
}

const known = new WeakMap<Func, ReadonlyMap<string, string>>();

/** The types of a function's parameters and variables. */
function declarations(fn: Func): ReadonlyMap<string, string> {
  let types = known.get(fn);
  if (types === undefined) {
    const found = new Map<string, string>(fn.params.map(({ name, type }) => [name, type]));
    const visit = (body: readonly Stmt[]): void => {
      for (const s of body) {
        if (s.k === "declare") found.set(s.name, s.type);
        else if (s.k === "if") {
          visit(s.yes);
          visit(s.no ?? []);
        } else if (s.k === "switch") for (const c of s.cases) visit(c.body);
        else if (s.k === "loop") visit(s.body);
      }
    };
    visit(fn.body);
    types = found;
    known.set(fn, types);
  }
  return types;
}
