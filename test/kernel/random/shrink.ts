/** Smaller programs that still show what a program showed, and which programs mean the same to C as to the interpreter. */
import {
  ARCH,
  type Block,
  BOX,
  type Expr,
  FIELDS,
  type Fn,
  type Param,
  type Program,
  type Stmt,
  type Type,
} from "./program.ts";

/** A smallest program, as far as taking one thing away at a time leads, that still does what is asked for. */
export function shrink(program: Program, shows: (smaller: Program) => boolean, most = 4000): Program {
  let best = program;
  let tries = 0;
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const smaller of programs(best)) {
      if (!isValid(smaller)) continue;
      if (++tries > most) return best;
      if (!shows(smaller)) continue;
      best = smaller;
      isSmaller = true;
      break;
    }
  }
  return best;
}

// ---------------------------------------------------------------- one thing less

function* programs({ fns }: Program): Generator<Program> {
  for (const [i, fn] of fns.entries()) {
    yield { fns: fns.filter((other) => other !== fn) };
    for (const [j] of fn.params.entries()) yield { fns: withoutParameter(fns, i, j) };
    for (const body of blocks(fn.body)) yield { fns: fns.with(i, { ...fn, body }) };
    if (fn.via !== undefined) yield { fns: calledByName(fns, i) };
  }
}

/** A function that all call by its name. */
function calledByName(fns: readonly Fn[], i: number): Fn[] {
  const { name } = fns[i] as Fn;
  const change = <T>(part: T): T => {
    if (Array.isArray(part)) return part.map(change) as T;
    if (typeof part !== "object" || part === null) return part;
    const { via, ...made } = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, change(value)]));
    return (via === undefined || (made["k"] === "call" && made["fn"] === name) ? made : { ...made, via }) as T;
  };
  return fns.map((fn, at) => {
    const { via, ...rest } = fn;
    return { ...(at === i || via === undefined ? rest : fn), body: change(fn.body) };
  });
}

/** A function with one parameter less, also where it is called. */
function withoutParameter(fns: readonly Fn[], i: number, j: number): Fn[] {
  const { name } = fns[i] as Fn;
  const change = <T>(part: T): T => {
    if (Array.isArray(part)) return part.map(change) as T;
    if (typeof part !== "object" || part === null) return part;
    const made = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, change(value)]));
    const isCall = made["k"] === "call" && made["fn"] === name;
    return (isCall ? { ...made, args: (made["args"] as unknown[]).filter((_, at) => at !== j) } : made) as T;
  };
  return fns.map((fn, at) => {
    const params = at === i ? fn.params.filter((_, p) => p !== j) : fn.params;
    return { ...fn, params, body: change(fn.body) };
  });
}

function* blocks(body: Block): Generator<Block> {
  if (body.length > 3) {
    const half = body.length >> 1;
    yield body.slice(half);
    yield [...body.slice(0, half), ...body.slice(-1)];
  }
  for (const [i, s] of body.entries()) {
    yield body.toSpliced(i, 1);
    for (const inner of within(s)) yield body.toSpliced(i, 1, ...inner);
  }
  for (const [i, s] of body.entries()) for (const smaller of statements(s)) yield body.with(i, smaller);
}

/** The blocks of a statement, to stand in its place. */
function within(s: Stmt): Block[] {
  switch (s.k) {
    case "if":
      return [s.a, ...(s.b === null ? [] : [s.b])];
    case "switch":
      return s.cases.map(({ body }) => body);
    case "while":
    case "do":
    case "scoped":
    case "block":
    case "percpu":
      return [s.body];
    case "for":
      return [[{ k: "decl", t: "int", n: s.n, init: { k: "num", v: s.from } }, ...s.body], s.body];
    default:
      return [];
  }
}

function* statements(s: Stmt): Generator<Stmt> {
  switch (s.k) {
    case "decl":
      if (s.init !== null) for (const init of expressions(s.init)) yield { ...s, init };
      return;
    case "box":
      for (const [i, [f, e]] of s.init.entries()) {
        yield { ...s, init: s.init.filter((_, at) => at !== i) };
        for (const smaller of expressions(e)) yield { ...s, init: s.init.with(i, [f, smaller]) };
      }
      return;
    case "set":
      if (s.op !== "=") yield { ...s, op: "=" };
      if (s.to.k === "kvm" && s.to.by !== undefined) yield { ...s, to: { k: "kvm", f: s.to.f } };
      if (s.to.k === "kvm" && s.to.once === true) yield { ...s, to: { k: "kvm", f: s.to.f } };
      for (const a of expressions(s.a)) yield { ...s, a };
      return;
    case "expr":
      for (const e of expressions(s.e)) yield { ...s, e };
      return;
    case "if":
      if (s.b !== null) yield { ...s, b: null };
      for (const c of expressions(s.c)) yield { ...s, c };
      for (const a of blocks(s.a)) yield { ...s, a };
      if (s.b !== null) for (const b of blocks(s.b)) yield { ...s, b };
      return;
    case "switch":
      for (const v of expressions(s.v)) yield { ...s, v };
      for (const [i, one] of s.cases.entries()) {
        yield { ...s, cases: s.cases.toSpliced(i, 1) };
        if (one.falls) yield { ...s, cases: s.cases.with(i, { ...one, falls: false }) };
        for (const body of blocks(one.body)) yield { ...s, cases: s.cases.with(i, { ...one, body }) };
      }
      return;
    case "while":
    case "do":
      for (const c of expressions(s.c)) yield { ...s, c };
      for (const body of blocks(s.body)) yield { ...s, body };
      return;
    case "for":
      for (const to of expressions(s.to)) yield { ...s, to };
      for (const body of blocks(s.body)) yield { ...s, body };
      return;
    case "scoped":
    case "block":
    case "percpu":
      for (const body of blocks(s.body)) yield { ...s, body };
      return;
    case "return":
      if (s.e !== null) for (const e of expressions(s.e)) yield { ...s, e };
      return;
    case "take":
    case "drop":
      if (s.ref.k === "either") {
        yield { ...s, ref: { k: "lock", lock: s.ref.a } };
        yield { ...s, ref: { k: "lock", lock: s.ref.b } };
        for (const c of expressions(s.ref.c)) yield { ...s, ref: { ...s.ref, c } };
      }
      return;
    default:
  }
}

function* expressions(e: Expr): Generator<Expr> {
  if (e.k === "num") {
    if (e.v !== 0) yield { k: "num", v: 0 };
    return;
  }
  if (e.k === "err" || e.k === "const" || e.k === "errptr" || e.k === "pointer" || e.k === "null") return;
  yield { k: "num", v: 0 };
  yield { k: "num", v: 1 };
  switch (e.k) {
    case "macro":
      yield e.first;
      return;
    case "iserr":
    case "ptrerr":
      for (const a of expressions(e.a)) yield { ...e, a };
      return;
    case "un":
    case "cast":
    case "busy":
    case "warn":
    case "bug":
      yield e.a;
      if (e.k === "busy" && e.inline) yield { ...e, inline: false };
      for (const a of expressions(e.a)) yield { ...e, a };
      return;
    case "asg":
      yield e.a;
      for (const a of expressions(e.a)) yield { ...e, a };
      return;
    case "bin":
      yield e.a;
      yield e.b;
      for (const a of expressions(e.a)) yield { ...e, a };
      for (const b of expressions(e.b)) yield { ...e, b };
      return;
    case "cond":
      yield e.a;
      yield e.b;
      for (const c of expressions(e.c)) yield { ...e, c };
      for (const a of expressions(e.a)) yield { ...e, a };
      for (const b of expressions(e.b)) yield { ...e, b };
      return;
    case "call":
      for (const [i, arg] of e.args.entries())
        if (arg.k === "value")
          for (const smaller of expressions(arg.e)) yield { ...e, args: e.args.with(i, { k: "value", e: smaller }) };
      return;
    case "kvm":
      if (e.by !== undefined || e.once === true) yield { k: "kvm", f: e.f };
      return;
    case "seam":
      if (e.leaf > 0) yield { ...e, leaf: 0 };
      for (const arg of expressions(e.arg)) yield { ...e, arg };
      return;
    default:
  }
}

// ---------------------------------------------------------------- what a program may say

type Known = Param["t"] | "box" | "struct kvm_arch *";
type Names = ReadonlyMap<string, Known>;

/** Is each name known where it is used, and does no number get lost between types? */
export function isValid({ fns }: Program): boolean {
  return (
    fns.some((fn) => fn.isEntry) &&
    fns.every((fn, i) => isFine(fn, new Map(fns.slice(0, i).map((one) => [one.name, one]))))
  );
}

class Wrong extends Error {}

function isFine(fn: Fn, callable: ReadonlyMap<string, Fn>): boolean {
  try {
    new Checker(fn, callable).check();
    return true;
  } catch (error) {
    if (error instanceof Wrong) return false;
    throw error;
  }
}

class Checker {
  private readonly fn: Fn;
  private readonly callable: ReadonlyMap<string, Fn>;
  private readonly labels: ReadonlySet<string>;

  constructor(fn: Fn, callable: ReadonlyMap<string, Fn>) {
    this.fn = fn;
    this.callable = callable;
    this.labels = new Set(fn.body.flatMap((s) => (s.k === "label" ? [s.l] : [])));
  }

  check(): void {
    const { params, body, ret } = this.fn;
    this.block(body, new Map(params.map(({ n, t }) => [n, t])), "none");
    if (body.at(-1)?.k !== "return" && ret !== "void") throw new Wrong();
    // A jump may not come past a guard.
    if (this.labels.size > 0 && body.some((s) => s.k === "guard")) throw new Wrong();
  }

  private need(holds: boolean): void {
    if (!holds) throw new Wrong();
  }

  private block(body: Block, outer: Names, loop: "none" | "switch" | "loop"): void {
    const names = new Map(outer);
    for (const s of body) this.statement(s, names, loop);
  }

  private statement(s: Stmt, names: Map<string, Known>, loop: "none" | "switch" | "loop"): void {
    switch (s.k) {
      case "decl":
        if (s.init !== null) this.stored(s.t, s.init, names);
        this.need(!names.has(s.n));
        names.set(s.n, s.t);
        return;
      case "box":
        for (const [f, e] of s.init) this.stored(BOX[f], e, names);
        this.need(!names.has(s.n));
        names.set(s.n, "box");
        return;
      case "arch":
        this.need(!names.has(s.n));
        names.set(s.n, "struct kvm_arch *");
        return;
      case "count":
        return this.need(FIELDS[s.f] === "int");
      case "copy":
        return this.need(names.get(s.to) === "box" && names.get(s.from) === "box");
      case "set":
        this.need(s.op === "=" || this.typeOf(s.to, names) !== "u64");
        return this.stored(this.typeOf(s.to, names), s.a, names);
      case "expr":
        this.typeOf(s.e, names);
        return this.need(["call", "seam", "macro", "warn", "bug", "ext", "asg", "upd"].includes(s.e.k));
      case "if":
        this.typeOf(s.c, names);
        this.block(s.a, names, loop);
        if (s.b !== null) this.block(s.b, names, loop);
        return;
      case "switch":
        this.need(this.typeOf(s.v, names) !== "u64");
        for (const { body } of s.cases) this.block(body, names, loop === "loop" ? "loop" : "switch");
        return;
      case "while":
      case "do":
        this.typeOf(s.c, names);
        return this.block(s.body, names, "loop");
      case "percpu":
        return this.block(s.body, names, "loop");
      case "for": {
        this.need(this.typeOf(s.to, names) !== "u64");
        return this.block(s.body, new Map([...names, [s.n, "int"]]), "loop");
      }
      case "break":
        return this.need(loop !== "none");
      case "continue":
        return this.need(loop === "loop");
      case "goto":
        return this.need(this.labels.has(s.l));
      case "return":
        this.need((s.e === null) === (this.fn.ret === "void"));
        if (s.e !== null) this.stored(this.fn.ret as Type, s.e, names);
        return;
      case "take":
      case "drop":
        if (s.ref.k === "param") this.need(names.get(s.ref.n) === "struct mutex *");
        if (s.ref.k === "either") this.typeOf(s.ref.c, names);
        return;
      case "scoped":
        // `break` and `continue` leave it: it is a loop.
        return this.block(s.body, names, "loop");
      case "block":
        return this.block(s.body, names, loop);
      default:
    }
  }

  private stored(t: Type, e: Expr, names: Names): void {
    const given = this.typeOf(e, names);
    this.need(given !== "u64" || t !== "int");
    this.need((t === "void *") === (given === "void *"));
  }

  private typeOf(e: Expr, names: Names): Type {
    switch (e.k) {
      case "const":
      case "seam":
        if (e.k === "seam") this.typeOf(e.arg, names);
        return "u64";
      case "macro":
        return this.typeOf(e.first, names);
      case "errptr":
      case "pointer":
      case "null":
        return "void *";
      case "iserr":
      case "ptrerr":
        this.need(this.typeOf(e.a, names) === "void *");
        return "int";
      case "cast":
        this.need(this.typeOf(e.a, names) !== "void *");
        return e.t === "u64" ? "u64" : "int";
      case "var": {
        const t = names.get(e.n);
        this.need(t === "int" || t === "u64" || t === "bool" || t === "void *");
        return t as Type;
      }
      case "kvm":
        if (e.by !== undefined) this.need(names.get(e.by) === "struct kvm_arch *" && e.f.startsWith(ARCH));
        return FIELDS[e.f];
      case "star": {
        const t = names.get(e.n);
        this.need(t === "int *" || t === "u64 *");
        return t === "int *" ? "int" : "u64";
      }
      case "dot":
        this.need(names.get(e.n) === (e.arrow ? "struct box *" : "box"));
        return BOX[e.f];
      case "un": {
        const t = this.typeOf(e.a, names);
        this.need(e.op === "!" || (t !== "u64" && t !== "void *"));
        return "int";
      }
      case "bin":
        return this.binary(e, names);
      case "cond": {
        this.typeOf(e.c, names);
        const both = [this.typeOf(e.a, names), this.typeOf(e.b, names)];
        this.need(!both.includes("void *"));
        return both.includes("u64") ? "u64" : "int";
      }
      case "call":
        return this.call(e, names);
      case "busy":
        this.need(this.typeOf(e.a, names) !== "void *");
        return "int";
      case "asg": {
        const t = this.typeOf({ k: "var", n: e.n }, names);
        this.stored(t, e.a, names);
        return t;
      }
      case "upd":
        return this.typeOf({ k: "var", n: e.n }, names);
      case "warn":
      case "bug":
        this.typeOf(e.a, names);
        return "int";
      default:
        return "int";
    }
  }

  private binary({ op, a, b }: Extract<Expr, { k: "bin" }>, names: Names): Type {
    const types = [this.typeOf(a, names), this.typeOf(b, names)];
    const isWide = types.includes("u64");
    const isLogical = op === "&&" || op === "||";
    this.need(isLogical || !types.includes("void *"));
    this.need(!isWide || isLogical || op === "==" || op === "!=");
    return "int";
  }

  private call(e: Extract<Expr, { k: "call" }>, names: Names): Type {
    const fn = this.callable.get(e.fn);
    if (fn === undefined || fn.params.length !== e.args.length) throw new Wrong();
    for (const [i, arg] of e.args.entries()) {
      const { t } = fn.params[i] as Param;
      if (arg.k === "value") this.stored(t as Type, arg.e, names);
      if (arg.k === "pointer") this.need(names.get(arg.n) === t);
      if (arg.k === "fieldaddr") this.need(t === `${FIELDS[arg.f]} *`);
      if (arg.k === "addr") this.need(names.get(arg.n) === (t === "struct box *" ? "box" : t.slice(0, -2)));
    }
    return fn.ret === "void" ? "int" : fn.ret;
  }
}
