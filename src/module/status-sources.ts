/**
 * Which statuses each leaf can end with, and what each has in its low half: read from the syntax of the functions that it
 * reaches, statement by statement, with what is known of statuses and constants alone.
 *
 * Coarser than the interpreter of locks, and on the safe side: a way that no run can take may add a status, none takes one away.
 */
import type { Expr, FunctionAst, FunctionInfo, Program, Stmt } from "../c/index.ts";
import type { Leaf, StatusPart, StatusSource } from "../catalog/index.ts";
import type { DispatchTable } from "./leaves.ts";
import type { StatusRules } from "./status-rules.ts";
import { type Env, joinEnvs, joinValues, type Known, NOTHING, StatusTable, UNKNOWN } from "./status-values.ts";

/** What a function gives back: what it returns, and what it leaves where its parameters point to. */
interface Summary {
  readonly returned: Known;
  readonly left: ReadonlyMap<number, Known>;
}

const NO_SUMMARY: Summary = { returned: UNKNOWN, left: new Map() };

/** Deeper calls of one another than any leaf makes. */
const MAX_DEPTH = 40;
/** A loop's body is read so often at most; what it finds no longer grows after two or three times. */
const MAX_ROUNDS = 4;
/** Statements of one leaf, callees included. */
const MAX_STEPS = 400_000;
/** Places kept of a status that many functions make. */
const MAX_SITES = 3;

/** The statuses of a module's leaves. */
export interface LeafStatuses {
  readonly statuses: readonly StatusSource[];
  /** Positions in {@link statuses}, by the leaf's name. */
  readonly byLeaf: ReadonlyMap<string, readonly number[]>;
}

/** Reads the statuses of all leaves of a dispatch table. */
export function readStatuses(program: Program, rules: StatusRules, table: DispatchTable, entries: ReadonlySet<string>): LeafStatuses {
  const statuses = new StatusTable();
  const reader = new StatusReader(program, rules, statuses);
  const byLeaf = new Map<string, Set<number>>();
  const entering = program.reaching(entries);
  for (const leaf of table.leaves) {
    const dispatcher = table.dispatchers[leaf.side];
    const info = dispatcher === null ? null : program.resolve(dispatcher.function, dispatcher.file);
    const ends = info === null ? new Set<number>() : reader.leafEnds(info, BigInt(leaf.number));
    if (leaf.handler !== null && entering.has(leaf.handler.name)) {
      for (const id of reader.exits(leaf.side)) ends.add(id);
    }
    const turned = rules.turned.filter((t) => t.side === leaf.side);
    const all = byLeaf.get(leaf.name) ?? new Set<number>();
    for (const id of ends) all.add(statuses.turned(id, turned));
    byLeaf.set(leaf.name, all);
  }
  return statuses.finished(byLeaf, MAX_SITES);
}

/** Leaves with the positions of their statuses. */
export function withStatuses(leaves: readonly Leaf[], { byLeaf }: LeafStatuses): Leaf[] {
  return leaves.map((leaf) => {
    const statuses = byLeaf.get(leaf.name);
    return statuses === undefined ? leaf : { ...leaf, statuses };
  });
}

class StatusReader {
  readonly program: Program;
  readonly rules: StatusRules;
  readonly table: StatusTable;
  readonly stack: FunctionInfo[] = [];
  leafNumber: bigint | null = null;
  steps = 0;
  private readonly summaries = new Map<string, Summary>();
  private readonly types = new Map<FunctionInfo, ReadonlyMap<string, string>>();
  private readonly exitStatuses = new Map<string, Set<number>>();
  /** Functions that reach a place where a status is made: no other one is read. */
  private readonly making: ReadonlySet<string>;

  constructor(program: Program, rules: StatusRules, table: StatusTable) {
    this.program = program;
    this.rules = rules;
    this.table = table;
    this.making = program.reaching(makers(program, rules));
  }

  /** What the dispatcher leaves in the status register for one leaf. */
  leafEnds(dispatcher: FunctionInfo, leaf: bigint): Set<number> {
    this.leafNumber = leaf;
    this.steps = 0;
    const ast = this.program.ast(dispatcher);
    if (ast === null) return new Set();
    const walk = new Walk(this, dispatcher, ast, new Map());
    this.stack.push(dispatcher);
    walk.run();
    this.stack.pop();
    this.leafNumber = null;
    return walk.registered;
  }

  /** Statuses with which the TD, or an L2 VM, is left: what all calls of such functions in the tree pass. */
  exits(to: Leaf["side"]): ReadonlySet<number> {
    const known = this.exitStatuses.get(to);
    if (known !== undefined) return known;
    const found = new Set<number>();
    this.exitStatuses.set(to, found);
    const rule = this.rules.exits.filter((exit) => exit.to === to);
    for (const infos of this.program.functions.values()) {
      for (const info of infos) {
        if (![...info.calls].some((name) => rule.some((exit) => exit.function.test(name)))) continue;
        const ast = this.program.ast(info);
        if (ast === null) continue;
        const walk = new Walk(this, info, ast, new Map());
        walk.run((name, first) => {
          if (!rule.some((exit) => exit.function.test(name)) || first.kind !== "statuses") return;
          const part: StatusPart = { high: 31, low: 0, is: "exit-reason", value: null };
          for (const id of first.ids) found.add(this.table.with(id, { parts: [part] }));
        });
      }
    }
    return found;
  }

  summary(info: FunctionInfo, args: readonly Known[], pointed: readonly Known[]): Summary {
    if (!this.making.has(info.name)) return NO_SUMMARY;
    const key = `${info.file} ${info.name} ${args.map(keyOf).join(" ")} ${pointed.map(keyOf).join(" ")}`;
    const known = this.summaries.get(key);
    if (known !== undefined) return known;
    if (this.stack.includes(info) || this.stack.length > MAX_DEPTH) return NO_SUMMARY;
    const ast = this.program.ast(info);
    if (ast === null) return NO_SUMMARY;
    const env: Env = new Map();
    ast.parameters.forEach((name, i) => {
      const [value, behind] = [args[i] ?? UNKNOWN, pointed[i] ?? UNKNOWN];
      if (value.kind !== "unknown") env.set(name, value);
      if (behind.kind !== "unknown") env.set(`*${name}`, behind);
    });
    this.stack.push(info);
    const walk = new Walk(this, info, ast, env);
    walk.run();
    this.stack.pop();
    const left = new Map<number, Known>();
    ast.parameters.forEach((name, i) => {
      const value = walk.atEnd(`*${name}`);
      if (value !== undefined && value.kind === "statuses") left.set(i, value);
    });
    // What a function computes may come from an instruction that it is written around: only statuses are taken at their word.
    const summary = { returned: walk.returned.kind === "constant" ? UNKNOWN : walk.returned, left };
    this.summaries.set(key, summary);
    return summary;
  }

  /** What the declarations of a function say its variables are. */
  typesOf(info: FunctionInfo): ReadonlyMap<string, string> {
    const known = this.types.get(info);
    if (known !== undefined) return known;
    const text = (this.program.texts.get(info.file) ?? "").slice(info.headStart, info.bodyEnd);
    const types = new Map<string, string>();
    for (const match of text.matchAll(/\b([A-Za-z_]\w{0,80})\s{1,40}\*{0,2}([A-Za-z_]\w{0,80})\s{0,8}(?=[=;,)[])/g)) {
      const [, type = "", name = ""] = match;
      if (!types.has(name)) types.set(name, type);
    }
    this.types.set(info, types);
    return types;
  }
}

/** Functions that name a status or call a constructor of one. */
function makers(program: Program, rules: StatusRules): Set<string> {
  const named = new RegExp(`\\bTDX?_[A-Z0-9_]+\\b`, "g");
  const found = new Set<string>();
  for (const [name, infos] of program.functions) {
    const makes = infos.some((info) => {
      if (Object.keys(rules.constructors).some((c) => info.calls.has(c))) return true;
      const body = (program.texts.get(info.file) ?? "").slice(info.bodyStart, info.bodyEnd);
      return [...body.matchAll(named)].some(([word]) => isStatus(program, rules, word));
    });
    if (makes) found.add(name);
  }
  return found;
}

function isStatus(program: Program, rules: StatusRules, name: string): boolean {
  if (!rules.status.test(name) || !(program.macros.has(name) || program.enumerators.has(name))) return false;
  const value = program.constant(name);
  return value !== null && (value === 0n || value >> 32n !== 0n);
}

const keys = new WeakMap<ReadonlySet<number>, string>();

function keyOf(value: Known): string {
  if (value.kind === "statuses") {
    let key = keys.get(value.ids);
    if (key === undefined) keys.set(value.ids, (key = `{${[...value.ids].sort((a, b) => a - b).join(",")}}`));
    return value.open ? `${key}+` : key;
  }
  if (value.kind === "constant") return `${value.value}:${value.is}:${value.open ? "+" : ""}`;
  return value.kind === "is" ? value.is : "?";
}

type OnCall = (name: string, first: Known) => void;

/** One way through one function's statements, joined where ways meet. */
class Walk {
  returned: Known = NOTHING;
  /** What was put into the status register. */
  readonly registered = new Set<number>();
  private env: Env | null;
  private readonly labels = new Map<string, Env>();
  private readonly exits: Env[] = [];
  private readonly breaks: Env[][] = [];
  private readonly continues: Env[][] = [];
  private onCall: OnCall | null = null;
  private readonly reader: StatusReader;
  private readonly info: FunctionInfo;
  private readonly ast: FunctionAst;
  private readonly counters: ReadonlySet<string>;

  constructor(reader: StatusReader, info: FunctionInfo, ast: FunctionAst, env: Env) {
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
      if (s.kind === "block") this.block(s.body);
      else this.labelsWithin(s);
      return;
    }
    if (++this.reader.steps > MAX_STEPS) return;
    switch (s.kind) {
      case "block":
        return this.block(s.body);
      case "expression":
        this.value(s.expr);
        return;
      case "declare":
        if (s.init !== null) this.set(s.name, this.value(s.init));
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
    if (value.kind === "constant" && value.value !== null) return value.value !== 0n ? [this.env, null] : [null, this.env];
    return [this.env, this.env];
  }

  private compare(left: Expr, right: Expr): [Env | null, Env | null] {
    const [a, b] = [this.value(left), this.value(right)];
    const env = this.env;
    if (env === null) return [null, null];
    if (a.kind === "constant" && b.kind === "constant" && a.value !== null && b.value !== null) {
      return a.value === b.value ? [env, null] : [null, env];
    }
    const path = pathOf(left.kind === "assign" ? left.left : left);
    if (path === null || a.kind !== "statuses" || b.kind !== "statuses") return [env, env];
    const wanted = new Set([...b.ids].map((id) => this.reader.table.meaning(id)));
    const isSame = (id: number): boolean => wanted.has(this.reader.table.meaning(id));
    const same = [...a.ids].filter(isSame);
    const others = wanted.size === 1 ? [...a.ids].filter((id) => !isSame(id)) : [...a.ids];
    const withIds = (ids: number[]): Env | null => {
      if (ids.length === 0) return a.open ? env : null;
      return new Map(env).set(path, { kind: "statuses", ids: new Set(ids), open: a.open });
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
      if (isStatus(program, rules, name)) {
        return table.made({ status: name, fatal: false, parts: [], at: [this.site(line)] });
      }
      return { kind: "constant", value, is: rules.constants.find((c) => c.name.test(name))?.is ?? "number", open: false };
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
      if (yes === null || no === null) return { kind: "constant", value: no === null ? 1n : 0n, is: "number", open: false };
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
        this.set(whole, this.changed(status, part === null ? {} : { parts: [part] }, filled === undefined));
        return right;
      }
    }
    if (left.kind === "member" && left.field === rules.register && right.kind === "statuses")
      for (const id of right.ids) this.registered.add(id);
    const path = left.kind === "member" && left.field === rules.whole ? pathOf(left.object) : pathOf(left);
    if (path === null) return right;
    if (e.op === "=") this.set(path, right);
    else if (e.op === "|=") {
      const held = this.env?.get(path) ?? UNKNOWN;
      this.set(path, held.kind === "statuses" ? this.orred(held, e.right) : UNKNOWN);
    } else this.set(path, UNKNOWN);
    return right;
  }

  private call(e: Extract<Expr, { kind: "call" }>): Known {
    const { program, rules } = this.reader;
    if (e.callee.kind !== "name") {
      for (const arg of e.args) this.value(arg);
      return UNKNOWN;
    }
    const args = e.args.map((arg) => this.value(arg));
    this.onCall?.(e.callee.name, args[0] ?? UNKNOWN);
    const constructor = rules.constructors[e.callee.name];
    if (constructor !== undefined) {
      const status = args[0] ?? UNKNOWN;
      if (status.kind !== "statuses") return UNKNOWN;
      const parts = constructor.parts.flatMap(({ argument, high, low }) => {
        const part = this.part({ high, low }, args[argument] ?? UNKNOWN);
        return constructor.parts.length > 1 && part.value === 0 && part.is === "number" ? [] : [part];
      });
      return this.changed(status, parts.length === 0 ? {} : { parts }, constructor.fatal, this.site(e.line));
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
  ): Known {
    const ids = [...status.ids].map((id) =>
      this.reader.table.isSuccess(id, this.reader.rules.success)
        ? id
        : this.reader.table.with(id, { ...change, ...(fatal ? { fatal } : {}), ...(site === undefined ? {} : { at: [site] }) }),
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
