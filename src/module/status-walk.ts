/**
 * One function's statements, read for the statuses that they make, with what is known on each way and joined where ways meet.
 */
import {
  type CallExpr,
  type Expr,
  type FunctionAst,
  type FunctionInfo,
  LIMITS,
  type Program,
  type Stmt,
  statementsOf,
} from "../c/index.ts";
import type { StatusPart, StatusSource } from "../catalog/index.ts";
import type { StatusRules } from "./status-rules.ts";
import { type Env, joinEnvs, joinValues, type Known, NOTHING, type StatusTable, UNKNOWN } from "./status-values.ts";

/** What a function gives back: what it returns, and what it leaves where its parameters point to. */
export interface Summary {
  readonly returned: Known;
  readonly left: ReadonlyMap<number, Known>;
}

/** What the reading of one function asks of the reading of all. */
export interface Reading {
  readonly program: Program;
  readonly rules: StatusRules;
  readonly table: StatusTable;
  /** The leaf whose way through the dispatcher is read; null when none is. */
  readonly leafNumber: bigint | null;
  /** Functions that are being read, the outermost first. */
  readonly stack: readonly FunctionInfo[];
  /** Counts one more statement; false when there were too many. */
  step(): boolean;
  isStatus(name: string): boolean;
  /** Does a constructor add what it puts into the low half to what is there? */
  adds(name: string, fromFile: string): boolean;
  typesOf(info: FunctionInfo): ReadonlyMap<string, string>;
  summary(info: FunctionInfo, args: readonly Known[], pointed: readonly Known[]): Summary;
}

/** A loop's body is read so often at most; what it finds no longer grows after two or three times. */
const MAX_ROUNDS = 4;

export type OnCall = (name: string, first: Known) => void;

/** One way through one function's statements, joined where ways meet. */
export class Walk {
  returned: Known = NOTHING;
  /** What was put into the status register. */
  readonly registered = new Set<number>();
  private env: Env | null;
  private readonly labels = new Map<string, Env>();
  private readonly exits: Env[] = [];
  private readonly breaks: Env[][] = [];
  private readonly continues: Env[][] = [];
  private onCall: OnCall | null = null;
  /** Macros that are being looked into, one in the other. */
  private macros = 0;
  private readonly reader: Reading;
  private readonly info: FunctionInfo;
  private readonly ast: FunctionAst;
  private readonly counters: ReadonlySet<string>;

  constructor(reader: Reading, info: FunctionInfo, ast: FunctionAst, env: Env) {
    this.reader = reader;
    this.info = info;
    this.ast = ast;
    this.env = env;
    this.counters = countersOf(ast.body);
  }

  run(onCall: OnCall | null = null): void {
    this.onCall = onCall;
    this.block(this.ast.body);
    if (this.env !== null) this.exits.push(this.env);
  }

  /** What a path holds at the end of some way. */
  atEnd(path: string): Known | undefined {
    const values = this.exits.flatMap((env) => env.get(path) ?? []);
    return values.length === 0 ? undefined : values.reduce(joinValues);
  }

  private block(body: readonly Stmt[]): void {
    for (const statement of body) this.statement(statement);
  }

  private statement(s: Stmt): void {
    if (s.kind === "label") {
      this.env = joinEnvs(this.env, this.labels.get(s.name) ?? null);
      return;
    }
    if (this.env === null) {
      if (!hasLabel(s)) return;
      if (s.kind === "block") this.block(s.body);
      else this.labelsWithin(s);
      return;
    }
    if (!this.reader.step()) return;
    switch (s.kind) {
      case "block":
        return this.block(s.body);
      case "expression":
        this.value(s.expr);
        return;
      case "declare":
        if (s.init !== null) this.set(s.name, s.lasts ? UNKNOWN : this.value(s.init));
        return;
      case "if":
        return this.branch(s);
      case "loop":
        return this.loop(s);
      case "switch":
        return this.choice(s);
      case "goto":
        this.labels.set(s.label, joinEnvs(this.labels.get(s.label) ?? null, this.env) as Env);
        this.env = null;
        return;
      case "return":
        if (s.value !== null) this.returned = joinValues(this.returned, this.value(s.value));
        if (this.env !== null) this.exits.push(this.env);
        this.env = null;
        return;
      case "break":
        this.breaks.at(-1)?.push(this.env);
        this.env = null;
        return;
      case "continue":
        this.continues.at(-1)?.push(this.env);
        this.env = null;
    }
  }

  /** A statement that only a jump into it reaches: what follows a label in it is read from there. */
  private labelsWithin(s: Stmt): void {
    if (s.kind === "if") {
      this.statement(s.yes);
      const after = this.env;
      this.env = null;
      if (s.no !== null) this.statement(s.no);
      this.env = joinEnvs(this.env, after);
    } else if (s.kind === "loop") {
      this.statement(s.body);
    }
  }

  private branch(s: Extract<Stmt, { kind: "if" }>): void {
    const [yes, no] = apart(this.test(s.test));
    this.env = yes;
    if (yes !== null) this.statement(s.yes);
    const after = this.env;
    this.env = no;
    if (s.no !== null && no !== null) this.statement(s.no);
    this.env = joinEnvs(after, this.env);
  }

  private loop(s: Extract<Stmt, { kind: "loop" }>): void {
    this.block(s.init);
    let out: Env | null = null;
    for (let round = 0; round < MAX_ROUNDS && this.env !== null; round++) {
      const before: Env = new Map(this.env);
      if (s.test !== null && s.testFirst) {
        const [yes, no] = apart(this.test(s.test));
        out = joinEnvs(out, no);
        this.env = yes;
      }
      this.breaks.push([]);
      this.continues.push([]);
      this.statement(s.body);
      const [broken, continued] = [this.breaks.pop() ?? [], this.continues.pop() ?? []];
      out = broken.reduce<Env | null>(joinEnvs, out);
      this.env = continued.reduce<Env | null>(joinEnvs, this.env);
      if (this.env !== null && s.step !== null) this.value(s.step);
      if (this.env !== null && s.test !== null && !s.testFirst) {
        const [yes, no] = apart(this.test(s.test));
        out = joinEnvs(out, no);
        this.env = yes;
      }
      this.env = joinEnvs(before, this.env);
    }
    this.env = s.test === null ? out : joinEnvs(out, this.env);
  }

  private choice(s: Extract<Stmt, { kind: "switch" }>): void {
    const value = this.value(s.value);
    const chosen = value.kind === "constant" ? value.value : null;
    const labels = s.cases.map((c) => (c.value === null ? null : this.reader.program.evaluate(c.value)));
    const isChosen = (i: number): boolean => {
      if (chosen === null) return true;
      return s.cases[i]?.value === null ? !labels.includes(chosen) : labels[i] === chosen;
    };
    const before = this.env;
    this.breaks.push([]);
    this.env = null;
    s.cases.forEach((c, i) => {
      if (isChosen(i)) this.env = joinEnvs(this.env, before === null ? null : new Map(before));
      this.block(c.body);
    });
    const broken = this.breaks.pop() ?? [];
    const hasDefault = s.cases.some((c) => c.value === null);
    const passed = hasDefault || (chosen !== null && labels.includes(chosen)) ? null : before;
    this.env = broken.reduce<Env | null>(joinEnvs, joinEnvs(this.env, passed));
  }

  /** What is known where a condition holds, and where it does not; null where that cannot be. */
  private test(e: Expr): [Env | null, Env | null] {
    if (e.kind === "unary" && e.op === "!") {
      const [yes, no] = this.test(e.operand);
      return [no, yes];
    }
    if (e.kind === "binary" && (e.op === "&&" || e.op === "||")) {
      const isAnd = e.op === "&&";
      const [yes, no] = apart(this.test(e.left));
      this.env = isAnd ? yes : no;
      if (this.env === null) return [yes, no];
      const [yes2, no2] = this.test(e.right);
      return isAnd ? [yes2, joinEnvs(no, no2)] : [joinEnvs(yes, yes2), no2];
    }
    if (e.kind === "binary" && (e.op === "==" || e.op === "!=")) {
      const [same, other] = this.compare(e.left, e.right);
      return e.op === "==" ? [same, other] : [other, same];
    }
    const value = this.value(e);
    if (value.kind === "constant" && value.value !== null)
      return value.value !== 0n ? [this.env, null] : [null, this.env];
    return [this.env, this.env];
  }

  private compare(left: Expr, right: Expr): [Env | null, Env | null] {
    const [a, b] = [this.value(left), this.value(right)];
    const env = this.env;
    if (env === null) return [null, null];
    if (a.kind === "constant" && b.kind === "constant" && a.value !== null && b.value !== null) {
      return a.value === b.value ? [env, null] : [null, env];
    }
    if (a.kind !== "statuses" || b.kind !== "statuses") return [env, env];
    // Some write the one that is known first: `TDX_SUCCESS != return_val`.
    const isTurned = a.ids.size === 1 && !a.open;
    const [tested, known, place] = isTurned ? [b, a, right] : [a, b, left];
    const path = pathOf(place.kind === "assign" ? place.left : place);
    if (path === null) return [env, env];
    const wanted = new Set([...known.ids].map((id) => this.reader.table.meaning(id)));
    const isSame = (id: number): boolean => wanted.has(this.reader.table.meaning(id));
    const same = [...tested.ids].filter(isSame);
    const others = wanted.size === 1 ? [...tested.ids].filter((id) => !isSame(id)) : [...tested.ids];
    const withIds = (ids: number[]): Env | null => {
      if (ids.length === 0) return tested.open ? env : null;
      return new Map(env).set(path, { kind: "statuses", ids: new Set(ids), open: tested.open });
    };
    return [withIds(same), withIds(others)];
  }

  private set(path: string, value: Known): void {
    if (this.env === null) return;
    if (value.kind === "unknown") this.env.delete(path);
    else this.env.set(path, value);
  }

  private value(e: Expr): Known {
    switch (e.kind) {
      case "number":
        return { kind: "constant", value: e.value, is: "number", open: false };
      case "name":
        return this.named(e.name, e.line);
      case "cast":
        return this.value(e.operand);
      case "member":
        return this.member(e);
      case "index":
        this.value(e.index);
        return this.value(e.object);
      case "call":
        return this.call(e);
      case "assign":
        return this.assign(e);
      case "binary":
        return this.binary(e);
      case "unary":
        return this.unary(e);
      case "conditional": {
        const [yes, no] = apart(this.test(e.test));
        this.env = yes;
        const first = yes === null ? NOTHING : this.value(e.yes);
        const after = this.env;
        this.env = no;
        const second = no === null ? NOTHING : this.value(e.no);
        this.env = joinEnvs(after, this.env);
        return joinValues(first, second);
      }
      case "comma":
        return e.parts.map((part) => this.value(part)).at(-1) ?? UNKNOWN;
      case "initializer": {
        const values = e.entries.map((entry) => ({ entry, value: this.value(entry.value) }));
        const whole = values.find(
          ({ entry: { designator } }) =>
            designator !== null && "field" in designator && designator.field === this.reader.rules.whole,
        );
        return whole?.value ?? UNKNOWN;
      }
      case "opaque":
        for (const part of e.parts) this.value(part);
        return UNKNOWN;
      case "update": {
        const path = pathOf(e.operand);
        if (path !== null) this.set(path, UNKNOWN);
        return UNKNOWN;
      }
      default:
        return UNKNOWN;
    }
  }

  private named(name: string, line: number): Known {
    const held = this.env?.get(name);
    // A counter's first value is not the only one.
    if (held?.kind === "constant" && this.counters.has(name)) return { kind: "is", is: "index" };
    if (held !== undefined) return held;
    const { program, rules, table } = this.reader;
    if (name === "true" || name === "false")
      return { kind: "constant", value: name === "true" ? 1n : 0n, is: "number", open: false };
    const value = program.constant(name);
    if (value !== null) {
      if (this.reader.isStatus(name)) {
        return table.named(name, this.site(line));
      }
      return {
        kind: "constant",
        value,
        is: rules.constants.find((c) => c.name.test(name))?.is ?? "number",
        open: false,
      };
    }
    const type = this.reader.typesOf(this.info).get(name);
    const is = (type === undefined ? undefined : rules.types[type]) ?? rules.parameters[name];
    if (is !== undefined) return { kind: "is", is };
    return this.counters.has(name) ? { kind: "is", is: "index" } : UNKNOWN;
  }

  private member(e: Extract<Expr, { kind: "member" }>): Known {
    const { rules, leafNumber, stack } = this.reader;
    const path = pathOf(e);
    const held = path === null ? undefined : this.env?.get(path);
    if (held !== undefined) return held;
    // The register of the status is the one in which the leaf's number came.
    if (leafNumber !== null && stack.length === 1 && (e.field === rules.leafMember || e.field === rules.register))
      return { kind: "constant", value: leafNumber, is: "number", open: false };
    if (e.field === rules.whole) return this.value(e.object);
    const half = rules.lowMembers[e.field];
    if (half?.high === 31 && half.low === 0) {
      const status = this.value(e.object);
      if (status.kind === "statuses") return { kind: "low", of: status.ids };
    }
    const is = rules.members[e.field];
    return is === undefined ? UNKNOWN : { kind: "is", is };
  }

  private unary(e: Extract<Expr, { kind: "unary" }>): Known {
    if (e.op === "*") {
      const path = pathOf(e);
      const held = path === null ? undefined : this.env?.get(path);
      if (held !== undefined) return held;
    }
    const value = this.value(e.operand);
    if (e.op === "!" && value.kind === "constant" && value.value !== null)
      return { ...value, value: value.value === 0n ? 1n : 0n };
    return e.op === "*" ? value : UNKNOWN;
  }

  private binary(e: Extract<Expr, { kind: "binary" }>): Known {
    if (["&&", "||", "==", "!="].includes(e.op)) {
      const [yes, no] = this.test(e);
      this.env = joinEnvs(yes, no);
      if (yes === null || no === null)
        return { kind: "constant", value: no === null ? 1n : 0n, is: "number", open: false };
      return UNKNOWN;
    }
    const [left, right] = [this.value(e.left), this.value(e.right)];
    if (e.op === "|" && left.kind === "statuses") return this.orred(left, e.right);
    if (e.op === "+" && left.kind === "constant" && left.is === "operand") return { ...left, open: true };
    if (left.kind === "is" && e.op === "&") return left;
    if (left.kind === "constant" && right.kind === "constant") {
      const value = this.reader.program.evaluate(e);
      return value === null ? UNKNOWN : { kind: "constant", value, is: "number", open: false };
    }
    return UNKNOWN;
  }

  private assign(e: Extract<Expr, { kind: "assign" }>): Known {
    const { rules } = this.reader;
    const right = this.value(e.right);
    const left = e.left;
    if (left.kind === "member" && left.field !== rules.whole) {
      const whole = pathOf(left.object);
      const status = whole === null ? undefined : this.env?.get(whole);
      const filled = rules.lowMembers[left.field];
      if (whole !== null && status?.kind === "statuses" && (filled !== undefined || left.field === rules.fatalMember)) {
        const part = filled === undefined ? null : this.part(filled, right);
        const parts = part !== null && isNothing(part) ? [] : [part];
        this.set(
          whole,
          this.changed(status, part === null ? {} : { parts: parts.filter((p) => p !== null) }, filled === undefined),
        );
        return right;
      }
    }
    if (left.kind === "member" && left.field === rules.register && right.kind === "statuses")
      for (const id of right.ids) this.registered.add(id);
    const path = left.kind === "member" && left.field === rules.whole ? pathOf(left.object) : pathOf(left);
    if (path === null) return right;
    const held = this.env?.get(path) ?? UNKNOWN;
    if (e.op === "=") this.set(path, right);
    else if (held.kind !== "statuses") this.set(path, UNKNOWN);
    else if (e.op === "|=") this.set(path, this.orred(held, e.right));
    else this.set(path, e.op === "+=" ? this.plus(held, right, false) : UNKNOWN);
    return right;
  }

  private call(e: CallExpr): Known {
    const { program, rules } = this.reader;
    if (e.callee.kind !== "name") {
      for (const arg of e.args) this.value(arg);
      return UNKNOWN;
    }
    const macro = this.macro(e, e.callee.name);
    if (macro !== null) return this.inMacro(macro);
    const args = e.args.map((arg) => this.value(arg));
    this.onCall?.(e.callee.name, args[0] ?? UNKNOWN);
    const made = rules.constructors[e.callee.name];
    if (made !== undefined) {
      const status = args[0] ?? UNKNOWN;
      if (status.kind !== "statuses") return UNKNOWN;
      const adds = this.reader.adds(e.callee.name, this.info.file);
      const [whole] = made.parts;
      if (adds && whole !== undefined && made.parts.length === 1)
        return this.plus(status, args[whole.argument] ?? UNKNOWN, made.fatal, this.site(e.line));
      const parts = made.parts.flatMap(({ argument, high, low }) => {
        const part = this.part({ high, low }, args[argument] ?? UNKNOWN);
        return made.parts.length > 1 && part.value === 0 && part.is === "number" ? [] : [part];
      });
      const given = made.parts.map(({ argument }) => args[argument]).find((arg) => arg?.kind === "low");
      const kept = given?.kind === "low" ? given.of : null;
      return this.changed(status, parts.length === 0 ? {} : { parts }, made.fatal, this.site(e.line), kept);
    }
    const info = program.resolve(e.callee.name, this.info.file);
    if (info === null) {
      this.forget(e.args);
      return UNKNOWN;
    }
    const pointed = e.args.map((arg) => this.behind(arg));
    const summary = this.reader.summary(info, args, pointed);
    this.forget(e.args);
    e.args.forEach((arg, i) => {
      const left = summary.left.get(i);
      const path = left === undefined ? null : pointedPath(arg);
      if (left !== undefined && path !== null) this.set(path, joinValues(this.env?.get(path) ?? NOTHING, left));
    });
    return summary.returned;
  }

  /** What a macro that is used like a function stands for; null for a call of a function, and of a macro that is no expression. */
  private macro(e: CallExpr, name: string): Expr | null {
    const { program, rules } = this.reader;
    if (program.functions.has(name) || Object.hasOwn(rules.constructors, name)) return null;
    return program.macroCall(e);
  }

  private inMacro(value: Expr): Known {
    // Macros that use each other have no end, or double at each level.
    if (this.macros >= LIMITS.macroDepth || !this.reader.step()) return UNKNOWN;
    this.macros++;
    const known = this.value(value);
    this.macros--;
    return known;
  }

  /** A number added to a status: the whole low half where nothing is there yet, else to its lowest part. */
  private plus(
    status: Extract<Known, { kind: "statuses" }>,
    value: Known,
    fatal: boolean,
    site?: ReturnType<Walk["site"]>,
  ): Known {
    const results = [...status.ids].map((id) => {
      const parts = this.reader.table.partsOf(id);
      const last = parts.at(-1);
      const rest = { high: last === undefined ? 31 : last.low - 1, low: 0 };
      const sum =
        last !== undefined && last.low === 0
          ? [...parts.slice(0, -1), sumOf(last, value)]
          : [...parts, this.part(rest, value)];
      return this.changed({ ...status, ids: new Set([id]) }, { parts: sum }, fatal, site);
    });
    return results.reduce(joinValues, NOTHING);
  }

  /** Constants that a call may change: what it is given a pointer to, and what lies in structures. */
  private forget(args: readonly Expr[]): void {
    const given = new Set(args.map(pointedPath));
    for (const [path, value] of [...(this.env ?? [])]) {
      if (value.kind !== "statuses" && (given.has(path) || /[.*]/.test(path))) this.set(path, UNKNOWN);
    }
  }

  /** What an argument points to. */
  private behind(arg: Expr): Known {
    const path = pointedPath(arg);
    return path === null ? UNKNOWN : (this.env?.get(path) ?? UNKNOWN);
  }

  private changed(
    status: Extract<Known, { kind: "statuses" }>,
    change: { readonly parts?: readonly StatusPart[] },
    fatal: boolean,
    site?: ReturnType<Walk["site"]>,
    /** Statuses whose own low half is put into them again. */
    kept: ReadonlySet<number> | null = null,
  ): Known {
    const ids = [...status.ids].map((id) =>
      this.reader.table.isSuccess(id, this.reader.rules.success)
        ? id
        : this.reader.table.with(id, {
            ...(kept?.has(id) === true ? {} : change),
            ...(fatal ? { fatal } : {}),
            ...(site === undefined ? {} : { at: [site] }),
          }),
    );
    return { kind: "statuses", ids: new Set(ids), open: status.open };
  }

  private part({ high, low }: { readonly high: number; readonly low: number }, value: Known): StatusPart {
    if (value.kind === "constant") {
      const number = value.value === null ? null : Number(BigInt.asUintN(high - low + 1, value.value));
      return { high, low, is: value.is, value: number, ...(value.open ? { indexed: true } : {}) };
    }
    return { high, low, is: value.kind === "is" ? value.is : "number", value: null };
  }

  /** `status | (count << 16) | 1` */
  private orred(status: Extract<Known, { kind: "statuses" }>, e: Expr): Known {
    const terms = alternatives(e).map((term) => {
      const shifted = term.kind === "binary" && term.op === "<<" ? this.reader.program.evaluate(term.right) : null;
      const inner = shifted !== null && term.kind === "binary" ? term.left : term;
      return { low: Number(shifted ?? 0n), value: this.value(inner) };
    });
    const sorted = terms.filter(({ low }) => low < 32).sort((a, b) => b.low - a.low);
    const parts = sorted.map(({ low, value }, i) => this.part({ high: (sorted[i - 1]?.low ?? 32) - 1, low }, value));
    return this.changed(status, { parts }, false);
  }

  private site(line: number): StatusSource["at"][number] {
    return { file: this.info.file, line, function: this.info.name };
  }
}

/** Nothing in the whole low half. */
const isNothing = ({ high, low, is, value }: StatusPart): boolean =>
  high === 31 && low === 0 && is === "number" && value === 0;

/** A part of the low half with a number added: known where both are; else what it was, with an index. */
function sumOf(part: StatusPart, value: Known): StatusPart {
  if (value.kind === "constant" && value.value !== null && part.value !== null && !value.open)
    return { ...part, value: part.value + Number(value.value) };
  return { ...part, indexed: true };
}

/** Two ways that begin with the same knowledge, so that what is learnt on one stays there. */
function apart([yes, no]: [Env | null, Env | null]): [Env | null, Env | null] {
  return yes === no && no !== null ? [yes, new Map(no)] : [yes, no];
}

function alternatives(e: Expr): readonly Expr[] {
  if (e.kind === "cast") return alternatives(e.operand);
  return e.kind === "binary" && e.op === "|" ? [...alternatives(e.left), ...alternatives(e.right)] : [e];
}

/** A place that a status can be kept in, as text: `x`, `*x`, `a.b`. */
function pathOf(e: Expr): string | null {
  if (e.kind === "name") return e.name;
  if (e.kind === "cast") return pathOf(e.operand);
  if (e.kind === "member") {
    const object = pathOf(e.object);
    return object === null ? null : `${object}.${e.field}`;
  }
  if (e.kind === "unary" && e.op === "*") {
    const pointer = pathOf(e.operand);
    return pointer === null ? null : `*${pointer}`;
  }
  return null;
}

/** What an argument that is a pointer points to. */
function pointedPath(e: Expr): string | null {
  if (e.kind === "cast") return pointedPath(e.operand);
  if (e.kind === "unary" && e.op === "&") return pathOf(e.operand);
  const pointer = e.kind === "name" ? e.name : null;
  return pointer === null ? null : `*${pointer}`;
}

const labelled = new WeakMap<Stmt, boolean>();

/** Is there a label in a statement, at which a jump can come into it? */
function hasLabel(s: Stmt): boolean {
  let has = labelled.get(s);
  if (has === undefined) {
    has = s.kind === "label" || statementsOf(s).some(hasLabel);
    labelled.set(s, has);
  }
  return has;
}

/** Variables that a loop counts with. */
function countersOf(body: readonly Stmt[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (s: Stmt): void => {
    if (s.kind === "block") s.body.forEach(visit);
    else if (s.kind === "if") [s.yes, ...(s.no === null ? [] : [s.no])].forEach(visit);
    else if (s.kind === "switch") for (const c of s.cases) c.body.forEach(visit);
    else if (s.kind === "loop") {
      const { step } = s;
      if (step?.kind === "update" && step.operand.kind === "name") found.add(step.operand.name);
      if (step?.kind === "assign" && step.left.kind === "name") found.add(step.left.name);
      visit(s.body);
    }
  };
  body.forEach(visit);
  return found;
}
