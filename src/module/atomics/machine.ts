/**
 * Runs a small function that works on one shared word, along one way through it: which accesses it makes, which tests decide the
 * way, how it ends. What the tests give is decided from outside, so that a caller sees every way by running again.
 */
import type { Expr, FunctionAst, Program, Stmt } from "../../c/index.ts";
import type { ExtractionRules } from "../rules.ts";
import {
  type Atom,
  type Bits,
  combined,
  equality,
  FALSE,
  knownNumber,
  negated,
  nonZero,
  numberBits,
  replaced,
  sameBits,
  slice,
  TRUE,
  type Truth,
  unknownBits,
} from "./bits.ts";
import { type Intrinsic, intrinsicOf, RESULTS } from "./facts.ts";
import type { Layouts, TypeLayout } from "./layout.ts";
import { type Parameter, parametersOf, plainType } from "./signature.ts";

/** An access to the shared word. Operands are the accessor's: what is added, expected and desired, written, the mask. */
export interface Access {
  readonly op: Intrinsic["op"];
  readonly bits: number;
  readonly operands: readonly Bits[];
  readonly file: string;
  readonly line: number;
  readonly function: string;
}

/** A test that decided the way, and how many accesses came before it. */
export interface Fact {
  readonly atom: Atom;
  readonly holds: boolean;
  readonly after: number;
}

export type End =
  | { readonly kind: "named"; readonly name: string }
  | { readonly kind: "truth"; readonly value: boolean }
  | { readonly kind: "nothing" }
  /** A compare-exchange that did not store is made again, with what it found. */
  | { readonly kind: "again"; readonly step: number }
  | { readonly kind: "halt"; readonly check: number | null };

/** One way through a function. */
export interface Way {
  readonly accesses: readonly Access[];
  readonly facts: readonly Fact[];
  readonly end: End;
}

/** Something in a function is more than the machine understands. */
export class NotUnderstood extends Error {
  readonly file: string;
  readonly line: number;
  constructor(message: string, file: string, line: number) {
    super(message);
    this.file = file;
    this.line = line;
  }
}

/** More accesses than this on one way are a loop without an end that the machine sees. */
const MOST_ACCESSES = 24;
const MOST_STEPS = 20_000;
const MOST_DEPTH = 5;

type Value =
  | { readonly kind: "bits"; readonly bits: Bits; readonly name: string | null }
  | { readonly kind: "truth"; readonly truth: Truth }
  /** The address of the shared word, or of a variable of a caller. */
  | { readonly kind: "shared"; readonly type: string }
  | { readonly kind: "variable"; readonly of: Frame; readonly name: string }
  | { readonly kind: "unknown"; readonly what: string };

interface Frame {
  readonly ast: FunctionAst;
  readonly variables: Map<string, Value>;
  readonly types: Map<string, string>;
}

type Flow =
  | { readonly kind: "next" }
  | { readonly kind: "break" | "continue" }
  | { readonly kind: "return"; readonly value: Value | null }
  | { readonly kind: "goto"; readonly label: string };
const NEXT: Flow = { kind: "next" };

class Halt extends Error {
  readonly check: number | null;
  constructor(check: number | null) {
    super("halt");
    this.check = check;
  }
}

class Again extends Error {
  readonly step: number;
  constructor(step: number) {
    super("again");
    this.step = step;
  }
}

/** What a machine needs to know of the tree. */
export interface Tree {
  readonly program: Program;
  readonly rules: ExtractionRules;
  readonly layouts: Layouts;
}

/** Runs `ast`, whose parameter `shared` is the address of the word; `decide` says whether a test holds. */
export function runAlong(
  tree: Tree,
  ast: FunctionAst,
  shared: string,
  decide: (atom: Atom, after: number) => boolean,
): Way {
  return new Machine(tree, decide).run(ast, shared);
}

class Machine {
  readonly #tree: Tree;
  readonly #decide: (atom: Atom, after: number) => boolean;
  readonly #accesses: Access[] = [];
  readonly #facts: Fact[] = [];
  #depth = 0;
  #steps = 0;
  #frame: Frame = { ast: null as never, variables: new Map(), types: new Map() };

  constructor(tree: Tree, decide: (atom: Atom, after: number) => boolean) {
    this.#tree = tree;
    this.#decide = decide;
  }

  run(ast: FunctionAst, shared: string): Way {
    const variables = new Map<string, Value>();
    const types = new Map<string, string>();
    for (const parameter of parametersOf(ast)) {
      types.set(parameter.name, parameter.type);
      variables.set(parameter.name, this.#argument(parameter, shared));
    }
    this.#frame = { ast, variables, types };
    let end: End;
    try {
      end = this.#endOf(this.#body(ast.body));
    } catch (error) {
      if (error instanceof Halt) end = { kind: "halt", check: error.check };
      else if (error instanceof Again) end = { kind: "again", step: error.step };
      else throw error;
    }
    return { accesses: this.#accesses, facts: this.#facts, end };
  }

  #argument({ name, type, pointer }: Parameter, shared: string): Value {
    if (name === shared) return { kind: "shared", type };
    if (pointer) return { kind: "unknown", what: name };
    const layout = this.#tree.layouts.of(type);
    const width = type === "bool_t" || type === "bool" ? 1 : (layout?.bits ?? 32);
    return { kind: "bits", bits: unknownBits(name, width), name: null };
  }

  #endOf(flow: Flow): End {
    if (flow.kind !== "return" || flow.value === null) return { kind: "nothing" };
    const { value } = flow;
    if (value.kind === "truth") return { kind: "truth", value: this.#isTrue(value, this.#frame.ast.line) };
    if (value.kind === "bits" && value.name !== null) return { kind: "named", name: value.name };
    if (value.kind === "bits") return { kind: "truth", value: this.#isTrue(value, this.#frame.ast.line) };
    this.#refuse("what it returns is not understood", this.#frame.ast.line);
  }

  #refuse(message: string, line: number): never {
    throw new NotUnderstood(message, this.#frame.ast.file, line);
  }

  // ---------------------------------------------------------------- statements

  /** A function's body; a `goto` goes to a label of it. */
  #body(statements: readonly Stmt[]): Flow {
    let from = 0;
    for (;;) {
      const flow = this.#all(statements.slice(from));
      if (flow.kind !== "goto") return flow;
      const label = statements.findIndex((s) => s.kind === "label" && s.name === flow.label);
      if (label < 0) this.#refuse(`the label ${flow.label} is not understood`, statements[0]?.line ?? 1);
      from = label;
    }
  }

  #all(statements: readonly Stmt[]): Flow {
    for (const s of statements) {
      const flow = this.#statement(s);
      if (flow.kind !== "next") return flow;
    }
    return NEXT;
  }

  #statement(s: Stmt): Flow {
    if (++this.#steps > MOST_STEPS) this.#refuse("it does not end", s.line);
    switch (s.kind) {
      case "block":
        return this.#all(s.body);
      case "expression":
        this.#value(s.expr);
        return NEXT;
      case "declare":
        if (s.lasts) this.#refuse(`${s.name} keeps what a call before left in it`, s.line);
        this.#declare(s.name, s.type, s.init);
        return NEXT;
      case "if":
        if (this.#isTrue(this.#value(s.test), s.line)) return this.#statement(s.yes);
        return s.no ? this.#statement(s.no) : NEXT;
      case "loop":
        return this.#loop(s);
      case "switch":
        return this.#switch(s);
      case "return":
        return { kind: "return", value: s.value ? this.#returned(s.value) : null };
      case "goto":
        return { kind: "goto", label: s.label };
      case "break":
      case "continue":
        return { kind: s.kind };
      case "label":
        return NEXT;
      case "governed":
        return this.#refuse("a macro that governs a statement is not followed", s.line);
    }
  }

  #declare(name: string, declared: string, init: Expr | null): void {
    const type = plainType(declared);
    this.#frame.types.set(name, type);
    const start: Value = { kind: "unknown", what: name };
    this.#frame.variables.set(name, start);
    if (init === null) return;
    if (init.kind !== "initializer") {
      this.#frame.variables.set(name, this.#value(init));
      return;
    }
    let bits: Bits = numberBits(0n);
    const layout = this.#tree.layouts.of(type);
    for (const { designator, value } of init.entries) {
      const given = this.#bits(this.#value(value), value.line);
      const member =
        designator !== null && "field" in designator ? layout?.members.find((m) => m.path === designator.field) : null;
      if (member) bits = replaced(bits, member.lsb, member.width, given);
      else if (knownNumber(given) !== 0n) this.#refuse(`what ${name} begins with is not understood`, init.line);
    }
    this.#frame.variables.set(name, { kind: "bits", bits, name: null });
  }

  #loop(s: Stmt & { kind: "loop" }): Flow {
    this.#all(s.init);
    for (let first = true; ; first = false) {
      if (s.test && (s.testFirst || !first) && !this.#isTrue(this.#value(s.test), s.line)) return NEXT;
      const flow = this.#statement(s.body);
      if (flow.kind === "break") return NEXT;
      if (flow.kind === "return" || flow.kind === "goto") return flow;
      if (s.step) this.#value(s.step);
      if (++this.#steps > MOST_STEPS) this.#refuse("it does not end", s.line);
    }
  }

  #switch(s: Stmt & { kind: "switch" }): Flow {
    const value = this.#bits(this.#value(s.value), s.line);
    if (s.cases.some(({ to }) => to !== undefined)) this.#refuse("a range of cases is not understood", s.line);
    let at = s.cases.findIndex(
      (c) =>
        c.value !== null && this.#holds(this.#equal(value, this.#bits(this.#value(c.value), c.line), c.line), c.line),
    );
    if (at < 0) at = s.cases.findIndex((c) => c.value === null);
    for (const { body } of at < 0 ? [] : s.cases.slice(at)) {
      const flow = this.#all(body);
      if (flow.kind === "break") return NEXT;
      if (flow.kind !== "next") return flow;
    }
    return NEXT;
  }

  /** `a ? b : c` is decided before it is returned, so that names of results stay. */
  #returned(e: Expr): Value {
    return e.kind === "conditional" && this.#isTrue(this.#value(e.test), e.line)
      ? this.#returned(e.yes)
      : e.kind === "conditional"
        ? this.#returned(e.no)
        : this.#value(e);
  }

  // ---------------------------------------------------------------- tests

  #isTrue(value: Value, line: number): boolean {
    return this.#holds(this.#truth(value, line), line);
  }

  #truth(value: Value, line: number): Truth {
    if (value.kind === "truth") return value.truth;
    if (value.kind === "bits") return nonZero(value.bits);
    if (value.kind === "shared" || value.kind === "variable") return TRUE;
    this.#refuse(`a test of ${value.what} is not understood`, line);
  }

  #holds({ all, not }: Truth, line: number): boolean {
    if (++this.#steps > MOST_STEPS) this.#refuse("it does not end", line);
    return all.every((atom) => this.#atom(atom)) !== not;
  }

  #atom(atom: Atom): boolean {
    const known = this.#implied(atom);
    if (known !== null) return known;
    const holds = this.#decide(atom, this.#accesses.length);
    this.#facts.push({ atom, holds, after: this.#accesses.length });
    return holds;
  }

  /** What earlier tests say of one. */
  #implied(atom: Atom): boolean | null {
    let open = atom.kind === "match" ? atom.mask : 0n;
    for (const { atom: earlier, holds } of this.#facts) {
      if (atom.kind === "stored") {
        if (earlier.kind === "stored" && earlier.step === atom.step) return holds;
        continue;
      }
      if (earlier.kind !== "match" || earlier.source !== atom.source) continue;
      if (earlier.mask === atom.mask && earlier.value === atom.value) return holds;
      if (!holds) {
        // A single bit is one or the other.
        const isBit = (earlier.mask & (earlier.mask - 1n)) === 0n && (atom.mask & earlier.mask) !== 0n;
        if (isBit && (atom.value & earlier.mask) === earlier.value) return false;
        if (isBit) open &= ~earlier.mask;
        continue;
      }
      const both = earlier.mask & atom.mask;
      if ((earlier.value & both) !== (atom.value & both)) return false;
      open &= ~earlier.mask;
    }
    return atom.kind === "match" && open === 0n ? true : null;
  }

  #equal(a: Bits, b: Bits, line: number): Truth {
    const stored = this.#accesses.findIndex(
      ({ op, operands, bits }, step) =>
        op === "cmpxchg" &&
        knownNumber(operands[0] as Bits) === null &&
        ((sameBits(a, unknownBits(step, bits)) && sameBits(b, operands[0] as Bits)) ||
          (sameBits(b, unknownBits(step, bits)) && sameBits(a, operands[0] as Bits))),
    );
    if (stored >= 0) return { all: [{ kind: "stored", step: stored }], not: false };
    return equality(a, b) ?? this.#refuse("a comparison of two words is not understood", line);
  }

  // ---------------------------------------------------------------- expressions

  #bits(value: Value, line: number): Bits {
    if (value.kind === "bits") return value.bits;
    if (value.kind === "truth") return numberBits(this.#isTrue(value, line) ? 1n : 0n);
    this.#refuse(`the value of ${value.kind === "unknown" ? value.what : "an address"} is not understood`, line);
  }

  #value(e: Expr): Value {
    if (++this.#steps > MOST_STEPS) this.#refuse("it does not end", e.line);
    switch (e.kind) {
      case "number":
        return { kind: "bits", bits: numberBits(e.value), name: null };
      case "string":
        return { kind: "unknown", what: "a string" };
      case "name":
        return this.#name(e.name);
      case "cast":
        return this.#value(e.operand);
      case "unary":
        return this.#unary(e);
      case "binary":
        return this.#binary(e);
      case "assign":
        return this.#assign(e);
      case "member":
        return this.#member(e);
      case "conditional":
        return this.#isTrue(this.#value(e.test), e.line) ? this.#value(e.yes) : this.#value(e.no);
      case "comma":
        return e.parts.map((part) => this.#value(part)).at(-1) ?? { kind: "unknown", what: "nothing" };
      case "call":
        return this.#call(e);
      case "index":
        return { kind: "unknown", what: "an element" };
      case "update":
        return this.#update(e);
      case "initializer":
      case "opaque":
        return { kind: "unknown", what: "an expression" };
    }
  }

  #name(name: string): Value {
    const variable = this.#frame.variables.get(name);
    if (variable) return variable;
    if (name === "true" || name === "false") return { kind: "truth", truth: name === "true" ? TRUE : FALSE };
    const constant = this.#tree.program.constant(name);
    if (constant !== null) return { kind: "bits", bits: numberBits(constant), name };
    if (RESULTS.has(name)) return { kind: "bits", bits: numberBits(0n), name };
    return { kind: "unknown", what: name };
  }

  #unary(e: Expr & { kind: "unary" }): Value {
    if (e.op === "&") return this.#address(e.operand);
    if (e.op === "*") return this.#pointee(this.#value(e.operand), e.line);
    const value = this.#value(e.operand);
    if (e.op === "!") return { kind: "truth", truth: negated(this.#truth(value, e.line)) };
    const known = value.kind === "bits" ? knownNumber(value.bits) : null;
    if (e.op === "-" && known !== null) return bitsOf(numberBits(BigInt.asUintN(64, -known)));
    if (e.op === "+") return value;
    if (e.op === "~" && value.kind === "bits")
      return bitsOf(combined("^", value.bits, numberBits(2n ** 64n - 1n)) as Bits);
    this.#refuse(`${e.op} is not understood here`, e.line);
  }

  #address(e: Expr): Value {
    if (e.kind === "cast") return this.#address(e.operand);
    if (e.kind === "name") return { kind: "variable", of: this.#frame, name: e.name };
    if (e.kind === "member" && e.arrow) {
      const base = this.#value(e.object);
      if (base.kind === "shared") {
        const member = this.#layout(base.type)?.members.find(({ path }) => path === e.field);
        if (member?.lsb === 0) return base;
        this.#refuse(`it works on ${e.field}, which is a part of what it is given`, e.line);
      }
    }
    return { kind: "unknown", what: "an address" };
  }

  #layout(type: string): TypeLayout | null {
    return this.#tree.layouts.of(type);
  }

  /** What an address points to. */
  #pointee(pointer: Value, line: number): Value {
    if (pointer.kind === "shared") return bitsOf(this.#read(pointer.type, line));
    if (pointer.kind === "variable")
      return pointer.of.variables.get(pointer.name) ?? { kind: "unknown", what: pointer.name };
    return { kind: "unknown", what: "what a pointer points to" };
  }

  #read(type: string, line: number): Bits {
    const bits = this.#layout(type)?.bits ?? this.#refuse(`the type ${type} is not understood`, line);
    return unknownBits(this.#access("read", bits, [], line), bits);
  }

  /** The number of the access. */
  #access(op: Access["op"], bits: number, operands: readonly Bits[], line: number): number {
    if (this.#accesses.length >= MOST_ACCESSES) this.#refuse("it does not end", line);
    const { file, name } = this.#frame.ast;
    return this.#accesses.push({ op, bits, operands, file, line, function: name }) - 1;
  }

  /** A member of a variable, or of what a pointer points to, as the path of its names. */
  #path(e: Expr & { kind: "member" }): { readonly root: Expr; readonly arrow: boolean; readonly path: string } {
    if (e.arrow || e.object.kind !== "member") return { root: e.object, arrow: e.arrow, path: e.field };
    const { root, arrow, path } = this.#path(e.object);
    return { root, arrow, path: `${path}.${e.field}` };
  }

  #member(e: Expr & { kind: "member" }): Value {
    const { root, arrow, path } = this.#path(e);
    const base = this.#value(root);
    if (arrow && base.kind === "shared") {
      const member = this.#memberOf(base.type, path, e.line);
      return bitsOf(slice(this.#read(base.type, e.line), member.lsb, member.width));
    }
    const [owner, type] = this.#owner(root, arrow, base);
    if (type === null || owner.kind !== "bits") return { kind: "unknown", what: path };
    const member = this.#memberOf(type, path, e.line);
    return bitsOf(slice(owner.bits, member.lsb, member.width));
  }

  /** The value of a variable that a member is asked of, and the variable's type. */
  #owner(root: Expr, arrow: boolean, base: Value): [Value, string | null] {
    if (arrow && base.kind === "variable")
      return [
        base.of.variables.get(base.name) ?? { kind: "unknown", what: base.name },
        base.of.types.get(base.name) ?? null,
      ];
    if (!arrow && root.kind === "name") return [base, this.#frame.types.get(root.name) ?? null];
    return [{ kind: "unknown", what: "a member" }, null];
  }

  #memberOf(type: string, path: string, line: number): { lsb: number; width: number } {
    const member = this.#layout(type)?.members.find((m) => m.path === path);
    return member ?? this.#refuse(`the member ${path} of ${type} is not understood`, line);
  }

  #binary(e: Expr & { kind: "binary" }): Value {
    if (e.op === "&&" || e.op === "||") {
      const left = this.#isTrue(this.#value(e.left), e.line);
      if (left === (e.op === "||")) return { kind: "truth", truth: left ? TRUE : FALSE };
      return { kind: "truth", truth: this.#truth(this.#value(e.right), e.line) };
    }
    const [a, b] = [this.#value(e.left), this.#value(e.right)];
    if (e.op === "==" || e.op === "!=") {
      const equal = this.#equality(a, b, e.line);
      return { kind: "truth", truth: e.op === "==" ? equal : negated(equal) };
    }
    const [left, right] = [this.#bits(a, e.line), this.#bits(b, e.line)];
    const [x, y] = [knownNumber(left), knownNumber(right)];
    if (x !== null && y !== null) {
      const number: Expr = { kind: "binary", op: e.op, left: literal(x), right: literal(y), line: e.line };
      const value = this.#tree.program.evaluate(number);
      if (value !== null) return bitsOf(numberBits(value));
    }
    const bits = combined(e.op, left, right);
    return bits === null ? { kind: "unknown", what: `the result of ${e.op}` } : bitsOf(bits);
  }

  #equality(a: Value, b: Value, line: number): Truth {
    const pointers = ["shared", "variable"];
    if (pointers.includes(a.kind) || pointers.includes(b.kind)) return FALSE;
    // `flag == 0` of a truth is its opposite.
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      if (one.kind !== "truth" || other.kind !== "bits") continue;
      const number = knownNumber(other.bits);
      if (number === 0n) return negated(one.truth);
      if (number === 1n) return one.truth;
    }
    return this.#equal(this.#bits(a, line), this.#bits(b, line), line);
  }

  #assign(e: Expr & { kind: "assign" }): Value {
    const given = this.#value(e.right);
    if (e.op === "=") return this.#store(e.left, given, e.line);
    const before = this.#bits(this.#value(e.left), e.line);
    const bits = combined(e.op.slice(0, -1), before, this.#bits(given, e.line));
    return this.#store(e.left, bits === null ? { kind: "unknown", what: "a sum" } : bitsOf(bits), e.line);
  }

  #update(e: Expr & { kind: "update" }): Value {
    const before = this.#value(e.operand);
    const known = before.kind === "bits" ? knownNumber(before.bits) : null;
    const after = known === null ? null : bitsOf(numberBits(BigInt.asUintN(64, known + (e.op === "++" ? 1n : -1n))));
    return this.#store(e.operand, after ?? { kind: "unknown", what: "a count" }, e.line);
  }

  #store(target: Expr, value: Value, line: number): Value {
    if (target.kind === "cast") return this.#store(target.operand, value, line);
    if (target.kind === "name") {
      this.#frame.variables.set(target.name, value);
      return value;
    }
    if (target.kind === "unary" && target.op === "*") {
      const pointer = this.#value(target.operand);
      if (pointer.kind === "shared") this.#writeShared(pointer.type, null, value, line);
      else if (pointer.kind === "variable") pointer.of.variables.set(pointer.name, value);
      else this.#refuse("what a pointer points to is written, which is not understood", line);
      return value;
    }
    if (target.kind !== "member") this.#refuse("what is written is not understood", line);
    const { root, arrow, path } = this.#path(target);
    const base = this.#value(root);
    if (arrow && base.kind === "shared") this.#writeShared(base.type, path, value, line);
    else this.#storeMember(root, arrow, base, path, value, line);
    return value;
  }

  #storeMember(root: Expr, arrow: boolean, base: Value, path: string, value: Value, line: number): void {
    const [owner, type] = this.#owner(root, arrow, base);
    if (type === null) this.#refuse(`the member ${path} is written, which is not understood`, line);
    const member = this.#memberOf(type, path, line);
    const size = this.#layout(type)?.bits;
    const before = owner.kind === "bits" ? owner.bits : member.width === size ? numberBits(0n) : null;
    if (before === null) this.#refuse(`the member ${path} is written before the rest of its word`, line);
    const bits = replaced(before, member.lsb, member.width, this.#bits(value, line));
    const name = value.kind === "bits" && member.width === size ? value.name : null;
    const after: Value = { kind: "bits", bits, name };
    if (arrow && base.kind === "variable") base.of.variables.set(base.name, after);
    else if (root.kind === "name") this.#frame.variables.set(root.name, after);
  }

  /** A plain store to the shared word; one to a member is a read and a store. */
  #writeShared(type: string, path: string | null, value: Value, line: number): void {
    const bits = this.#layout(type)?.bits ?? this.#refuse(`the type ${type} is not understood`, line);
    const given = this.#bits(value, line);
    const member = path === null ? { lsb: 0, width: bits } : this.#memberOf(type, path, line);
    const word = member.width === bits ? given : replaced(this.#read(type, line), member.lsb, member.width, given);
    this.#access("write", bits, [word], line);
  }

  // ---------------------------------------------------------------- calls

  #call(e: Expr & { kind: "call" }): Value {
    const name = e.callee.kind === "name" ? e.callee.name : null;
    if (name === null) this.#refuse("a call through a pointer is not followed", e.line);
    const { rules, program } = this.#tree;
    if (rules.assertions.includes(name)) return this.#assertion(e);
    if (rules.ignoredCalls.includes(name)) return { kind: "unknown", what: name };
    if (name in rules.noReturn) throw new Halt(null);
    const intrinsic = intrinsicOf(name);
    if (intrinsic) return this.#intrinsic(intrinsic, e);
    if (name in rules.statusChanges && e.args[0]) return this.#returned(e.args[0]);
    const expanded = program.macroCall(e);
    if (expanded) return this.#value(expanded);
    const callee = program.resolve(name, this.#frame.ast.file);
    const ast = callee ? program.ast(callee) : null;
    const args = e.args.map((arg) => this.#value(arg));
    if (ast && this.#depth < MOST_DEPTH) return this.#inlined(ast, args);
    if (args.some(({ kind }) => kind === "shared"))
      this.#refuse(`${name} is given the word and is not followed`, e.line);
    return { kind: "unknown", what: name };
  }

  #assertion(e: Expr & { kind: "call" }): Value {
    const number = e.args.at(-1);
    const check = number && e.args.length > 1 ? this.#tree.program.evaluate(number) : null;
    if (e.args[0] && !this.#isTrue(this.#value(e.args[0]), e.line))
      throw new Halt(check === null ? null : Number(check));
    return { kind: "unknown", what: "an assertion" };
  }

  #inlined(ast: FunctionAst, args: readonly Value[]): Value {
    const outer = this.#frame;
    const variables = new Map<string, Value>();
    const types = new Map<string, string>();
    parametersOf(ast).forEach((parameter, i) => {
      const given = args[i] ?? { kind: "unknown", what: parameter.name };
      types.set(parameter.name, parameter.type);
      variables.set(parameter.name, given.kind === "shared" ? { kind: "shared", type: parameter.type } : given);
    });
    this.#frame = { ast, variables, types };
    this.#depth++;
    try {
      const flow = this.#body(ast.body);
      return flow.kind === "return" && flow.value ? flow.value : { kind: "unknown", what: ast.name };
    } finally {
      this.#frame = outer;
      this.#depth--;
    }
  }

  #intrinsic({ op, bits, memory, operands, gives }: Intrinsic, e: Expr & { kind: "call" }): Value {
    const address = e.args[memory] ? this.#value(e.args[memory]) : null;
    if (address?.kind !== "shared") this.#refuse("it works atomically on other memory, too", e.line);
    const values = operands.map((at) => {
      const arg = e.args[at];
      if (!arg) this.#refuse("an operand is missing", e.line);
      return slice(this.#bits(this.#value(arg), arg.line), 0, bits);
    });
    const masks = op === "bts" || op === "btr" ? values.map((number) => this.#bitMask(number, bits, e.line)) : values;
    if (op === "cmpxchg") this.#lookForRetry(masks[0] as Bits, bits, e.line);
    const step = this.#access(op, bits, masks, e.line);
    const found = unknownBits(step, bits);
    if (gives === "nothing") return { kind: "unknown", what: "nothing" };
    if (gives === "word") return bitsOf(found);
    const at = (knownNumber(masks[0] as Bits) as bigint).toString(2).length - 1;
    return bitsOf(slice(found, at, 1));
  }

  /** The same compare-exchange, expecting what it found before, begins the loop anew. */
  #lookForRetry(expected: Bits, bits: number, line: number): void {
    const step = this.#accesses.length - 1;
    const before = this.#accesses[step];
    if (before?.op !== "cmpxchg" || before.line !== line) return;
    if (sameBits(expected, unknownBits(step, bits))) throw new Again(step);
  }

  /** The mask of a bit's number. A number that the caller gives stands for bit 0. */
  #bitMask(number: Bits, bits: number, line: number): Bits {
    const known = knownNumber(number);
    const isGiven = number.every((bit) => bit === 0 || (typeof bit === "object" && typeof bit.source === "string"));
    if (known === null && !isGiven) this.#refuse("which bit it works on is not understood", line);
    if (known !== null && known >= BigInt(bits)) this.#refuse("it works on a bit that the word does not have", line);
    return numberBits(1n << (known ?? 0n));
  }
}

const bitsOf = (bits: Bits): Value => ({ kind: "bits", bits, name: null });
const literal = (value: bigint): Expr => ({ kind: "number", value, type: "unsigned long", line: 0 });
