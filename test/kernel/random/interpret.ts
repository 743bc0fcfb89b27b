/**
 * What a random program does, run by run: a plain interpreter of its syntax tree that asks for everything the program does not say. It
 * knows C's types and the kernel's locks, and nothing of how src/kernel looks at either.
 */
import {
  type Arg,
  type Block,
  BOX,
  type BoxField,
  type Cast,
  ERRORS,
  type Expr,
  FIELDS,
  type Field,
  type Fn,
  LOCKS,
  type Lock,
  type LockRef,
  type Lvalue,
  type Mode,
  type Program,
  STATUSES,
  type Stmt,
  type Type,
  text,
  UNSTATED,
} from "./program.ts";

/** What a SEAMCALL gives: `busy` for good, which the run is then about, or `busy once`, another one's. */
export type Result = "success" | "busy" | "busy once" | "error";

/** A call of a run: where it stands, how it is written, and with which values it is made. */
interface Link {
  readonly id: number;
  readonly call: string;
  readonly values: string;
  /** Its number among all calls of the run. */
  readonly turn: number;
}

/** A SEAMCALL of a run. */
export interface Made {
  readonly k: "seam";
  readonly leaf: number;
  /** The calls that led to it, as one text: equal for the same instruction by the same way. */
  readonly site: string;
  /** The numbers of these calls, its own left out. */
  readonly turns: readonly number[];
  readonly result: Result;
  /** The number of choices before its own; null where there was none: after a BUSY, the same call gives BUSY again. */
  readonly at: number | null;
  readonly held: readonly string[];
  /** Is the VM marked as dead or bugged? Then src/kernel takes it that no BUSY comes. */
  readonly isDead: boolean;
}
/** Something that a program does about a failure, or about anything else. */
export interface Done {
  readonly k: "warn" | "bug-vm" | "kick";
  readonly site: string;
  /** The calls that led to it, outermost first, and itself. */
  readonly chain: readonly number[];
  /** The numbers of these calls. */
  readonly turns: readonly number[];
}
/** What a function gives that says how it went. */
export interface Given {
  readonly k: "given";
  /** The calls that led to it. */
  readonly site: string;
  readonly isZero: boolean;
}

export interface Trace {
  readonly events: readonly (Made | Done | Given)[];
  /** What was chosen, as indices, and of how many. */
  readonly choices: readonly number[];
  readonly sizes: readonly number[];
  /** `discarded`: it did what no kernel may, such as taking a mutex twice; `cut`: it was too long. */
  readonly end: "returned" | "discarded" | "cut";
  readonly value: bigint;
}

export interface Bounds {
  readonly steps: number;
  readonly choices: number;
}

/** How a program is run. */
export interface Start {
  readonly entry: string;
  readonly ready: number;
  /** May other SEAMCALLs than the one that the run is about give BUSY, too? */
  readonly isBusyToo: boolean;
}

class Ended extends Error {
  readonly how: "discarded" | "cut";
  constructor(how: "discarded" | "cut") {
    super(how);
    this.how = how;
  }
}

/** How a statement ends, where it does not just go on to the next one. */
type Completion =
  | null
  | { readonly k: "break" | "continue" }
  | { readonly k: "goto"; readonly l: string }
  | { readonly k: "return"; readonly v: bigint };

interface Slot {
  readonly t: Type;
  v: bigint | null;
}
type BoxValue = Record<BoxField, Slot>;
type Bound = Slot | BoxValue | Lock;

/** A number as a type keeps it. */
function kept(t: Type | Cast | "void", v: bigint): bigint {
  if (t === "void *") return BigInt.asIntN(64, v);
  if (t === "u8") return BigInt.asUintN(8, v);
  if (t === "bool") return v === 0n ? 0n : 1n;
  return t === "u64" ? BigInt.asUintN(64, v) : BigInt.asIntN(32, v);
}

/** All runs of an entry, up to a number; `isWhole` where there are no more. */
export function runsOf(
  program: Program,
  start: Start,
  bounds: Bounds,
  most: number,
): { readonly runs: readonly Trace[]; readonly isWhole: boolean } {
  const runs: Trace[] = [];
  let tape: number[] = [];
  for (;;) {
    const trace = new Machine(program, start, tape, bounds).run();
    runs.push(trace);
    // The next one in order: the last choice that has another way left takes it.
    let last = trace.choices.length - 1;
    while (last >= 0 && (trace.choices[last] as number) + 1 >= (trace.sizes[last] as number)) last--;
    if (last < 0) return { runs, isWhole: true };
    if (runs.length >= most) return { runs, isWhole: false };
    tape = [...trace.choices.slice(0, last), (trace.choices[last] as number) + 1];
  }
}

/** What an unknown number may be in every program. */
const INTS = [0n, 1n, UNSTATED];
const FEW = [0n, 1n];
const INTERRUPTED = -4n;
/** A pointer to something. */
const SOMEWHERE = 0x1000n;
const PRETEND: Readonly<Record<Exclude<Result, "busy" | "busy once">, bigint>> = {
  success: 0n,
  error: STATUSES.TDX_OPERAND_INVALID,
};

class Machine {
  private readonly fns: ReadonlyMap<string, Fn>;
  private readonly start: Start;
  private readonly tape: readonly number[];
  private readonly bounds: Bounds;
  private readonly choices: number[] = [];
  private readonly sizes: number[] = [];
  private readonly events: (Made | Done | Given)[] = [];
  private readonly held = new Map<Lock, { mode: Mode; count: number }>();
  private readonly fields = new Map<Field, bigint>();
  private readonly chain: Link[] = [];
  private readonly ids: Map<object, number>;
  private readonly ints: readonly bigint[];
  private busy: { readonly chain: readonly Link[]; readonly status: bigint } | null = null;
  private isBugged = false;
  private steps = 0;
  private calls = 0;

  constructor(program: Program, start: Start, tape: readonly number[], bounds: Bounds) {
    this.fns = new Map(program.fns.map((fn) => [fn.name, fn]));
    this.ids = idsOf(program);
    this.ints = intsOf(program);
    this.start = start;
    this.tape = tape;
    this.bounds = bounds;
    this.fields.set("ready", BigInt(start.ready));
    this.fields.set("vm_dead", 0n);
  }

  run(): Trace {
    const { choices, sizes, events } = this;
    const fn = this.fns.get(this.start.entry) as Fn;
    try {
      const given = new Map<string, Bound>(fn.params.map(({ n, t }) => [n, { t: t as Type, v: null }]));
      this.asked = new Set(fn.params.map(({ n }) => n));
      const value = this.body(fn, given);
      return { events, choices, sizes, end: "returned", value };
    } catch (error) {
      if (!(error instanceof Ended)) throw error;
      return { events, choices, sizes, end: error.how, value: 0n };
    }
  }

  /** Parameters of the entry that nothing has been read of. */
  private asked = new Set<string>();

  private choose<T>(list: readonly T[]): T {
    if (list.length === 1) return list[0] as T;
    const at = this.choices.length;
    if (at >= this.bounds.choices) throw new Ended("cut");
    const which = this.tape[at] ?? 0;
    this.choices.push(which);
    this.sizes.push(list.length);
    return list[which] as T;
  }

  private step(): void {
    if (++this.steps > this.bounds.steps) throw new Ended("cut");
  }

  // ---------------------------------------------------------------- functions

  private body(fn: Fn, names: Map<string, Bound>): bigint {
    const frame = new Frame(names);
    const labels = new Map(fn.body.flatMap((s, i) => (s.k === "label" ? [[s.l, i] as const] : [])));
    let end = this.statements(fn.body, frame, 0);
    while (end?.k === "goto") end = this.statements(fn.body, frame, labels.get(end.l) ?? fn.body.length);
    this.leave(frame);
    return end?.k === "return" ? kept(fn.ret, end.v) : 0n;
  }

  private call(e: Extract<Expr, { k: "call" }>, frame: Frame): bigint {
    const fn = this.fns.get(e.fn) as Fn;
    const given = e.args.map((arg, i): readonly [string, Bound] => {
      const param = fn.params[i] as Fn["params"][number];
      return [param.n, this.argument(arg, param.t as Type, frame)];
    });
    const values = given.map(([, bound], i) =>
      e.args[i]?.k !== "fieldaddr" && typeof bound === "object" && "v" in bound ? bound.v : "&",
    );
    this.chain.push({ id: this.idOf(e), call: text(e), values: values.join(), turn: ++this.calls });
    const value = this.body(fn, new Map(given));
    const site = this.chain.map(({ id }) => id).join(">");
    if (fn.ret === "int") this.events.push({ k: "given", site, isZero: value === 0n });
    this.chain.pop();
    return value;
  }

  private argument(arg: Arg, t: Type, frame: Frame): Bound {
    if (arg.k === "value") return { t, v: kept(t, this.value(arg.e, frame)) };
    if (arg.k === "lockaddr") return arg.lock;
    if (arg.k === "fieldaddr") return this.slotOf(arg.f);
    return frame.find(arg.n);
  }

  /** A member as what a pointer points to. */
  private slotOf(f: Field): Slot {
    const { fields } = this;
    const value = (): bigint => this.field(f);
    return {
      t: FIELDS[f],
      get v() {
        return value();
      },
      set v(made: bigint | null) {
        fields.set(f, made as bigint);
      },
    };
  }

  private idOf(node: object): number {
    return this.ids.get(node) as number;
  }

  private chainTo(node: object): readonly number[] {
    return [...this.chain.map(({ id }) => id), this.idOf(node)];
  }

  private get turns(): readonly number[] {
    return this.chain.map(({ turn }) => turn);
  }

  private siteOf(node: object): string {
    return this.chainTo(node).join(">");
  }

  // ---------------------------------------------------------------- statements

  /** A block; its names are gone and its guards dropped afterwards. */
  private block(body: Block, outer: Frame): Completion {
    const frame = outer.inner();
    const end = this.statements(body, frame, 0);
    this.leave(frame);
    return end;
  }

  private statements(body: Block, frame: Frame, from: number): Completion {
    let end: Completion = null;
    for (let i = from; i < body.length && end === null; i++) end = this.statement(body[i] as Stmt, frame);
    return end;
  }

  private leave({ guards }: Frame): void {
    for (const { lock, mode } of guards.reverse()) this.drop(lock, mode);
  }

  private statement(s: Stmt, frame: Frame): Completion {
    this.step();
    switch (s.k) {
      case "decl":
        frame.names.set(s.n, { t: s.t, v: s.init === null ? null : kept(s.t, this.value(s.init, frame)) });
        return null;
      case "box": {
        const own = new Map(s.init.map(([f, e]) => [f, kept(BOX[f], this.value(e, frame))]));
        const slot = (f: BoxField): Slot => ({ t: BOX[f], v: own.get(f) ?? 0n });
        frame.names.set(s.n, { err: slot("err"), ret: slot("ret"), on: slot("on") });
        return null;
      }
      case "copy": {
        const [to, from] = [frame.find(s.to) as BoxValue, frame.find(s.from) as BoxValue];
        for (const f of ["err", "ret", "on"] as const) to[f].v = from[f].v;
        return null;
      }
      case "arch":
        frame.names.set(s.n, { t: "int", v: null });
        return null;
      case "count":
        this.store({ k: "kvm", f: s.f }, this.field(s.f) + 1n, frame);
        return null;
      case "set": {
        const a = this.value(s.a, frame);
        const before = s.op === "=" ? 0n : this.value(s.to, frame);
        const ops = { "=": a, "+=": before + a, "-=": before - a, "|=": before | a, "&=": before & a };
        this.store(s.to, ops[s.op], frame);
        return null;
      }
      case "expr":
        this.value(s.e, frame);
        return null;
      case "if":
        if (this.holds(s.c, frame)) return this.block(s.a, frame);
        return s.b === null ? null : this.block(s.b, frame);
      case "switch":
        return this.switch(s, frame);
      case "while":
      case "do":
        return this.loop(s, frame);
      case "for":
        return this.forLoop(s, frame);
      case "percpu":
        return this.perCpu(s.body, frame);
      case "break":
      case "continue":
        return { k: s.k };
      case "goto":
        return { k: "goto", l: s.l };
      case "label":
        return null;
      case "return":
        return { k: "return", v: s.e === null ? 0n : this.value(s.e, frame) };
      case "downgrade": {
        const held = this.held.get("gate");
        if (held?.mode !== "exclusive") throw new Ended("discarded");
        this.held.set("gate", { mode: "shared", count: 1 });
        return null;
      }
      case "take":
        this.take(this.lockOf(s.ref, frame), s.mode);
        return null;
      case "drop":
        this.drop(this.lockOf(s.ref, frame), s.mode);
        return null;
      case "guard":
        this.take(s.lock, s.mode);
        frame.guards.push(s);
        return null;
      case "scoped": {
        this.take(s.lock, s.mode);
        const end = this.block(s.body, frame);
        this.drop(s.lock, s.mode);
        // It is a loop of one round.
        return end?.k === "break" || end?.k === "continue" ? null : end;
      }
      case "kick":
        this.events.push({ k: "kick", site: this.siteOf(s), chain: this.chainTo(s), turns: this.turns });
        return null;
      case "assert": {
        const held = this.held.get(s.lock);
        if (held === undefined || (s.mode !== "any" && held.mode !== s.mode)) throw new Ended("discarded");
        return null;
      }
      case "block":
        return this.block(s.body, frame);
    }
  }

  private switch(s: Extract<Stmt, { k: "switch" }>, frame: Frame): Completion {
    const v = this.value(s.v, frame);
    const is = (one: bigint | null) =>
      s.cases.findIndex((c) => c.is.some((n) => (n === null ? null : BigInt(n)) === one));
    let at = is(v);
    if (at < 0) at = is(null);
    for (let i = at; i >= 0 && i < s.cases.length; i++) {
      const { body, falls } = s.cases[i] as (typeof s.cases)[number];
      const end = this.block(body, frame);
      if (end?.k === "break") return null;
      if (end !== null) return end;
      if (!falls) return null;
    }
    return null;
  }

  private loop(s: Extract<Stmt, { k: "while" | "do" }>, frame: Frame): Completion {
    for (let first = s.k === "do"; first || this.holds(s.c, frame); first = false) {
      this.step();
      const end = this.block(s.body, frame);
      if (end?.k === "break") return null;
      if (end !== null && end.k !== "continue") return end;
    }
    return null;
  }

  private perCpu(body: Block, frame: Frame): Completion {
    for (let rounds = this.choose([1, 0, 2]); rounds > 0; rounds--) {
      this.step();
      const end = this.block(body, frame);
      if (end?.k === "break") return null;
      if (end !== null && end.k !== "continue") return end;
    }
    return null;
  }

  private forLoop(s: Extract<Stmt, { k: "for" }>, outer: Frame): Completion {
    const frame = outer.inner();
    const slot: Slot = { t: "int", v: BigInt(s.from) };
    frame.names.set(s.n, slot);
    for (;;) {
      this.step();
      const [v, to] = [read(slot), this.value(s.to, frame)];
      if (s.down ? v <= to : v >= to) return null;
      const end = this.block(s.body, frame);
      if (end?.k === "break") return null;
      if (end !== null && end.k !== "continue") return end;
      slot.v = read(slot) + (s.down ? -1n : 1n);
    }
  }

  // ---------------------------------------------------------------- locks

  private lockOf(ref: LockRef, frame: Frame): Lock {
    if (ref.k === "lock") return ref.lock;
    if (ref.k === "param") return frame.find(ref.n) as Lock;
    return this.holds(ref.c, frame) ? ref.a : ref.b;
  }

  private take(lock: Lock, mode: Mode): void {
    const before = this.held.get(lock);
    if (before !== undefined && LOCKS[lock].kind !== "srcu") throw new Ended("discarded");
    this.held.set(lock, { mode, count: (before?.count ?? 0) + 1 });
  }

  private drop(lock: Lock, mode: Mode): void {
    const before = this.held.get(lock);
    if (before === undefined || before.mode !== mode) throw new Ended("discarded");
    if (before.count > 1) this.held.set(lock, { mode, count: before.count - 1 });
    else this.held.delete(lock);
  }

  // ---------------------------------------------------------------- expressions

  private holds(e: Expr, frame: Frame): boolean {
    return this.value(e, frame) !== 0n;
  }

  private value(e: Expr, frame: Frame): bigint {
    switch (e.k) {
      case "num":
        return BigInt(e.v);
      case "err":
        return -BigInt(ERRORS[e.name]);
      case "const":
        return STATUSES[e.name];
      case "var":
      case "star":
        return this.slotValue(frame.find(e.n) as Slot, e.n);
      case "kvm":
        // A `goto` may have come past the pointer's declaration.
        if (e.by !== undefined) frame.find(e.by);
        return this.field(e.f);
      case "dot":
        return read((frame.find(e.n) as BoxValue)[e.f]);
      case "un": {
        const a = this.value(e.a, frame);
        return e.op === "-" ? -a : truth(a === 0n);
      }
      case "bin":
        return this.binary(e, frame);
      case "cond":
        return this.value(this.holds(e.c, frame) ? e.a : e.b, frame);
      case "call":
        this.step();
        return this.call(e, frame);
      case "seam":
        this.step();
        return this.seam(e, this.value(e.arg, frame));
      case "cast":
        return kept(e.t, this.value(e.a, frame));
      case "errptr":
        return -BigInt(ERRORS[e.name]);
      case "pointer":
        return SOMEWHERE;
      case "null":
        return 0n;
      case "iserr":
        return truth(this.value(e.a, frame) < 0n);
      case "ptrerr":
        return this.value(e.a, frame);
      case "macro":
        return this.again(e, frame);
      case "ext":
        return this.choose(this.ints);
      case "busy":
        return truth((this.value(e.a, frame) & STATUSES.TDX_SEAMCALL_STATUS_MASK) === STATUSES.TDX_OPERAND_BUSY);
      case "asg":
        return this.store({ k: "var", n: e.n }, this.value(e.a, frame), frame);
      case "upd": {
        const before = this.value({ k: "var", n: e.n }, frame);
        const after = this.store({ k: "var", n: e.n }, before + (e.op === "++" ? 1n : -1n), frame);
        return e.post ? before : after;
      }
      case "warn":
      case "bug":
        return this.complaint(e, this.holds(e.a, frame));
      case "try":
        return this.try(e.lock) ? 1n : 0n;
      case "killable":
        if (this.held.has(e.lock)) throw new Ended("discarded");
        if (this.choose([true, false])) this.take(e.lock, "exclusive");
        return this.held.has(e.lock) ? 0n : INTERRUPTED;
    }
  }

  private try(lock: Lock): boolean {
    if (this.held.has(lock) || !this.choose([true, false])) return false;
    this.take(lock, "exclusive");
    return true;
  }

  private complaint(e: Extract<Expr, { k: "warn" | "bug" }>, holds: boolean): bigint {
    if (!holds) return 0n;
    const { turns } = this;
    this.events.push({ k: e.k === "bug" ? "bug-vm" : "warn", site: this.siteOf(e), chain: this.chainTo(e), turns });
    if (e.k === "bug") this.isBugged = true;
    return 1n;
  }

  private slotValue(slot: Slot, name: string): bigint {
    if (slot.v === null && this.chain.length === 0 && this.asked.delete(name))
      slot.v = this.choose(slot.t === "int" ? this.ints : FEW);
    return read(slot);
  }

  private field(f: Field): bigint {
    const known = this.fields.get(f);
    if (known !== undefined) return known;
    const v = this.choose(FIELDS[f] === "int" ? this.ints : FEW);
    this.fields.set(f, v);
    return v;
  }

  private store(to: Lvalue, v: bigint, frame: Frame): bigint {
    if (to.k === "kvm") {
      if (to.by !== undefined) frame.find(to.by);
      const made = kept(FIELDS[to.f], v);
      this.fields.set(to.f, made);
      return made;
    }
    const bound = frame.find(to.n);
    const slot = to.k === "dot" ? (bound as BoxValue)[to.f] : (bound as Slot);
    slot.v = kept(slot.t, v);
    return slot.v;
  }

  private binary({ op, a, b }: Extract<Expr, { k: "bin" }>, frame: Frame): bigint {
    const x = this.value(a, frame);
    if (op === "&&") return x === 0n ? 0n : truth(this.holds(b, frame));
    if (op === "||") return x !== 0n ? 1n : truth(this.holds(b, frame));
    const y = this.value(b, frame);
    switch (op) {
      case "==":
        return truth(x === y);
      case "!=":
        return truth(x !== y);
      case "<":
        return truth(x < y);
      case "<=":
        return truth(x <= y);
      case ">":
        return truth(x > y);
      case ">=":
        return truth(x >= y);
      case "+":
        return x + y;
      case "-":
        return x - y;
      case "&":
        return x & y;
      case "|":
        return x | y;
    }
  }

  // ---------------------------------------------------------------- SEAMCALLs

  /** A SEAMCALL that a macro makes again while it gives BUSY. */
  private again(e: Extract<Expr, { k: "macro" }>, frame: Frame): bigint {
    const isBusy = (v: bigint): boolean => (v & STATUSES.TDX_SEAMCALL_STATUS_MASK) === STATUSES.TDX_OPERAND_BUSY;
    let given = this.value(e.first, frame);
    if (e.how === "twice") {
      if (!isBusy(given)) return given;
      this.events.push({ k: "kick", site: this.siteOf(e), chain: this.chainTo(e), turns: this.turns });
      return this.value(e.again, frame);
    }
    for (let tries = 1; isBusy(given) && tries < 3; tries++) given = this.value(e.first, frame);
    return given;
  }

  private seam(e: Extract<Expr, { k: "seam" }>, arg: bigint): bigint {
    const { leaf } = e;
    const at = this.choices.length;
    const chain = [...this.chain, { id: this.idOf(e), call: text(e), values: `${arg}`, turn: 0 }];
    const likeness = this.busy === null ? "other" : likenessOf(chain, this.busy.chain);
    if (likeness === "unsure") throw new Ended("discarded");
    const isAgain = likeness === "same";
    const results: Result[] = ["success", "error"];
    if (this.busy === null) results.push("busy");
    if (this.start.isBusyToo) results.push("busy once");
    const result = isAgain ? "busy" : this.choose(results);
    const isDead = this.isBugged || this.fields.get("vm_dead") === 1n;
    const held = [...this.held].map(([lock, { mode }]) => LOCKS[lock].name + (isShared(lock, mode) ? "/r" : "")).sort();
    const { turns } = this;
    this.events.push({ k: "seam", leaf, site: this.siteOf(e), turns, result, at: isAgain ? null : at, held, isDead });
    if (isAgain) return (this.busy as { status: bigint }).status;
    if (result === "success" || result === "error") return PRETEND[result];
    // Operands to which the source gives no name.
    const status = STATUSES.TDX_OPERAND_BUSY | this.choose([0x7fn, 0x01n]);
    if (result === "busy") this.busy = { chain, status };
    return status;
  }
}

const isShared = (lock: Lock, mode: Mode): boolean => LOCKS[lock].kind === "srcu" || mode === "shared";

/**
 * Is a SEAMCALL the one that gave BUSY, made again? It is when it comes by the same calls with the same values, one of which may stand at
 * another place. Where it depends on what is known of the values, it is not sure.
 */
function likenessOf(chain: readonly Link[], before: readonly Link[]): "same" | "other" | "unsure" {
  const at = chain.findIndex((link, i) => link.id !== before[i]?.id || link.values !== before[i]?.values);
  if (at < 0) return "same";
  const [now, then] = [chain[at] as Link, before[at]];
  if (then === undefined) return "other";
  const isAlike = now.call === then.call && now.values === then.values;
  const rest = (list: readonly Link[]): string =>
    list
      .slice(at + 1)
      .map((one) => `${one.id} ${one.values}`)
      .join();
  if (isAlike) return rest(chain) === rest(before) ? "same" : "unsure";
  const name = (link: Link): string => link.call.slice(0, link.call.indexOf("("));
  if (name(now) !== name(then)) return "other";
  return [now, then].every(({ call }) => /^\w+\((kvm, )?[-\d, ]*\)$/.test(call)) ? "other" : "unsure";
}

const truth = (yes: boolean): bigint => (yes ? 1n : 0n);

function read(slot: Slot): bigint {
  // What nothing was put into.
  if (slot.v === null) throw new Ended("discarded");
  return slot.v;
}

/** The names of a block, and of those round it. */
class Frame {
  readonly names: Map<string, Bound>;
  readonly guards: { readonly lock: Lock; readonly mode: Mode }[] = [];
  private readonly outer: Frame | null;

  constructor(names: Map<string, Bound>, outer: Frame | null = null) {
    this.names = names;
    this.outer = outer;
  }

  inner(): Frame {
    return new Frame(new Map(), this);
  }

  find(name: string): Bound {
    const own = this.names.get(name);
    if (own !== undefined) return own;
    // A `goto` came past the declaration: nothing is in it yet.
    if (this.outer === null) throw new Ended("discarded");
    return this.outer.find(name);
  }
}

const known = new WeakMap<Program, Map<object, number>>();

/** Parts of a program that are reached whenever their function is called: they stand in it before anything decides. */
export function surely(program: Program): ReadonlySet<number> {
  const ids = idsOf(program);
  const found = new Set<number>();
  for (const { body } of program.fns)
    for (const s of body) {
      if (s.k === "kick") found.add(ids.get(s) as number);
      // What complains under a condition finds out by itself whether it does.
      const isAsked = s.k === "expr" && (s.e.k === "warn" || s.e.k === "bug") && s.e.a.k !== "num";
      if (s.k === "expr" && !isAsked) found.add(ids.get(s.e) as number);
      if (!["kick", "expr", "decl", "set", "box", "copy"].includes(s.k)) break;
    }
  return found;
}

const compared = new WeakMap<Program, readonly bigint[]>();
const COMPARING: readonly string[] = ["==", "!=", "<", "<=", ">", ">="];

/** What an unknown number may be: what the program compares numbers with, too, or a test of that would come out in one way only. */
function intsOf(program: Program): readonly bigint[] {
  const before = compared.get(program);
  if (before !== undefined) return before;
  const found = new Set(INTS);
  const visit = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    const e = part as Expr;
    if (e.k === "bin" && COMPARING.includes(e.op))
      for (const side of [e.a, e.b]) {
        if (side.k === "num") found.add(BigInt(side.v));
        if (side.k === "err") found.add(-BigInt(ERRORS[side.name]));
      }
    for (const inner of Object.values(part)) visit(inner);
  };
  visit(program.fns);
  const ints = [...found];
  compared.set(program, ints);
  return ints;
}

/** A number for each part of a program, in the order in which they are written. */
function idsOf(program: Program): Map<object, number> {
  const before = known.get(program);
  if (before !== undefined) return before;
  const ids = new Map<object, number>();
  const visit = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    if (!Array.isArray(part) && !ids.has(part)) ids.set(part, ids.size);
    for (const inner of Object.values(part)) visit(inner);
  };
  visit(program.fns);
  known.set(program, ids);
  return ids;
}
