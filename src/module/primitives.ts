/**
 * The lock kinds as the tree defines them: word layout, and what each primitive does and may return.
 */

import { type CallExpr, type Expr, type FunctionAst, type Program, type Stmt, substitute } from "../c/index.ts";
import type { BitField, LockDefinition, LockKind, LockMode, LockPrimitive, Side } from "../catalog/index.ts";
import type { AtomicFinding } from "./atomics/index.ts";
import type { Outcome, PrimitiveOutcomes } from "./knowledge.ts";
import type { ExtractionRules, PrimitiveRule } from "./rules.ts";

/** What a primitive's body shows when its arguments are fixed. */
interface Reading {
  readonly outcomes: string[];
  readonly atomics: string[];
  /** Functions that its own body calls. */
  readonly calls: Set<string>;
  setsHostPriority: boolean;
}

const MODES = ["SHARED", "EXCLUSIVE"] as const satisfies readonly LockMode[];

/** Reads the primitives of a tree. */
export class Primitives {
  private readonly program: Program;
  private readonly rules: ExtractionRules;
  private readonly readings = new Map<string, Reading>();

  constructor(program: Program, rules: ExtractionRules) {
    this.program = program;
    this.rules = rules;
  }

  /** What an acquire or promote primitive may return, for the interpreter. */
  readonly outcomes: PrimitiveOutcomes = (name, mode, side) => {
    const reading = this.read(name, mode, side);
    return reading.outcomes.flatMap((outcome): Outcome[] => {
      const value = outcome === "true" ? 1n : outcome === "false" ? 0n : this.program.constant(outcome);
      return value === null ? [] : [{ name: outcome, value, success: this.rules.success.includes(outcome) }];
    });
  };

  private read(name: string, mode: LockMode, side: Side): Reading {
    const key = `${name}|${mode}|${side}`;
    const known = this.readings.get(key);
    if (known) return known;
    const reading: Reading = { outcomes: [], atomics: [], calls: new Set(), setsHostPriority: false };
    this.readings.set(key, reading);
    const ast = this.ast(name);
    if (ast) this.walk(ast.body, this.fixed(name, ast, mode, side), reading, 0);
    return reading;
  }

  private ast(name: string): FunctionAst | null {
    const info = this.program.functions.get(name)?.[0];
    return info ? this.program.ast(info) : null;
  }

  /** The arguments that decide: mode and `is_guest`. */
  private fixed(name: string, ast: FunctionAst, mode: LockMode, side: Side): Map<string, Expr> {
    const rule = this.rules.primitives[name];
    const result = new Map<string, Expr>();
    const fix = (argument: number, value: bigint | null) => {
      const parameter = ast.parameters[argument];
      if (parameter !== undefined && value !== null) result.set(parameter, { kind: "number", value, line: 0 });
    };
    if (rule && typeof rule.mode === "object") {
      const enumerator = Object.keys(this.rules.modes).find((m) => this.rules.modes[m] === mode);
      fix(rule.mode.argument, enumerator === undefined ? null : this.program.constant(enumerator));
    }
    if (rule && typeof rule.side === "object" && rule.side !== null)
      fix(rule.side.argument, side === "guest" ? 1n : 0n);
    return result;
  }

  /** Walks a body in source order; true when nothing after it can run. */
  private walk(
    statements: readonly Stmt[],
    fixed: ReadonlyMap<string, Expr>,
    reading: Reading,
    depth: number,
  ): boolean {
    for (const s of statements) {
      switch (s.kind) {
        case "block":
          if (this.walk(s.body, fixed, reading, depth)) return true;
          break;
        case "declare":
          if (s.init) this.expression(s.init, fixed, reading, depth);
          break;
        case "expression":
          if (
            s.expr.kind === "call" &&
            s.expr.callee.kind === "name" &&
            this.rules.assertions.includes(s.expr.callee.name)
          ) {
            if (s.expr.args[0] && this.value(s.expr.args[0], fixed) === 0n) return true;
            break;
          }
          this.expression(s.expr, fixed, reading, depth);
          break;
        case "if": {
          this.expression(s.test, fixed, reading, depth);
          const test = this.value(s.test, fixed);
          const yes = test === null || test !== 0n ? this.walk([s.yes], fixed, reading, depth) : false;
          const no = s.no && (test === null || test === 0n) ? this.walk([s.no], fixed, reading, depth) : false;
          if (test === null ? yes && no : test !== 0n ? yes : no) return true;
          break;
        }
        case "return":
          if (s.value) this.returned(s.value, fixed, reading, depth);
          return true;
        case "loop":
          this.walk([s.body], fixed, reading, depth);
          break;
        default:
          break;
      }
    }
    return false;
  }

  private value(e: Expr, fixed: ReadonlyMap<string, Expr>): bigint | null {
    return this.program.evaluate(substitute(e, [...fixed.keys()], [...fixed.values()]));
  }

  private returned(e: Expr, fixed: ReadonlyMap<string, Expr>, reading: Reading, depth: number): void {
    const add = (name: string) => {
      if (!reading.outcomes.includes(name)) reading.outcomes.push(name);
    };
    if (e.kind === "conditional") {
      this.expression(e.test, fixed, reading, depth);
      this.returned(e.yes, fixed, reading, depth);
      this.returned(e.no, fixed, reading, depth);
    } else if (e.kind === "name") add(e.name);
    else if (e.kind === "call" && this.calledBody(e, depth) !== null) {
      e.args.forEach((arg) => {
        this.expression(arg, fixed, reading, depth);
      });
      this.enter(e, fixed, reading, depth);
    } else {
      // A comparison of what an atomic instruction gave: true is success.
      this.expression(e, fixed, reading, depth);
      add("true");
      add("false");
    }
  }

  /** The function that a call runs, where a primitive leaves its work to it; null for an accessor, and beyond the depth of such calls. */
  private calledBody({ callee }: CallExpr, depth: number): FunctionAst | null {
    return callee.kind === "name" && depth < 4 && !this.rules.atomics.some(({ call }) => call.test(callee.name))
      ? this.ast(callee.name)
      : null;
  }

  /** Reads what a call runs, with those of its arguments fixed that are known. */
  private enter(e: CallExpr, fixed: ReadonlyMap<string, Expr>, reading: Reading, depth: number): void {
    if (depth === 0 && e.callee.kind === "name") reading.calls.add(e.callee.name);
    const ast = this.calledBody(e, depth);
    const inner = new Map<string, Expr>();
    ast?.parameters.forEach((name, i) => {
      const arg = e.args[i];
      const value = arg ? this.value(arg, fixed) : null;
      if (value !== null) inner.set(name, { kind: "number", value, line: 0 });
    });
    if (ast) this.walk(ast.body, inner, reading, depth + 1);
  }

  private expression(e: Expr, fixed: ReadonlyMap<string, Expr>, reading: Reading, depth: number): void {
    const visit = (inner: Expr) => this.expression(inner, fixed, reading, depth);
    switch (e.kind) {
      case "call": {
        e.args.forEach(visit);
        const name = e.callee.kind === "name" ? e.callee.name : "";
        const atomic = this.rules.atomics.find((rule) => rule.call.test(name));
        if (!atomic) {
          // What it gives is not what the primitive gives.
          const inner = { ...reading, outcomes: [] };
          this.enter(e, fixed, inner, depth);
          reading.setsHostPriority = inner.setsHostPriority;
          return;
        }
        reading.atomics.push(atomic.instruction);
        if (atomic.sets && e.args.some((a) => a.kind === "name" && this.rules.hostPriorityBits.test(a.name)))
          reading.setsHostPriority = true;
        return;
      }
      case "assign":
      case "binary":
        visit(e.left);
        visit(e.right);
        return;
      case "unary":
      case "cast":
        visit(e.operand);
        return;
      case "conditional":
        visit(e.test);
        visit(e.yes);
        visit(e.no);
        return;
      default:
        return;
    }
  }

  /** Primitives that leave their work to that of a mode, and leave it to another mode's than their argument says. */
  misdirected(): AtomicFinding[] {
    return Object.entries(this.rules.primitives).flatMap(([name, rule]) => {
      const ast = typeof rule.mode === "object" ? this.ast(name) : null;
      if (ast === null) return [];
      return MODES.flatMap((mode): AtomicFinding[] => {
        const { calls, atomics } = this.read(name, mode, "host");
        const does = [...calls].filter((called) => this.rules.primitives[called]?.operation === rule.operation);
        const wrong = does.find((called) => !this.hasMode(called, mode));
        if (wrong === undefined && (does.length > 0 || atomics.length > 0)) return [];
        const message = `${name} is not understood as a lock primitive: for ${mode} it ${wrong === undefined ? "does nothing" : `calls ${wrong}`}`;
        return [{ what: "primitive-unlike", message, site: { file: ast.file, line: ast.line, function: name } }];
      });
    });
  }

  private hasMode(name: string, mode: LockMode): boolean {
    const known = this.rules.primitives[name]?.mode;
    return typeof known === "object" || known === mode;
  }

  /** The lock kinds that the tree has, in the catalog's form. */
  definitions(): LockDefinition[] {
    const kinds: LockKind[] = ["sharex", "sharex_hp", "sept_entry", "mutex", "bit", "bit_hp"];
    return kinds.flatMap((kind): LockDefinition[] => {
      const primitives = Object.entries(this.rules.primitives)
        .filter(
          ([name, rule]) =>
            rule.lock === kind &&
            typeof rule.mode === "string" &&
            (this.isAlwaysOne(name, rule) || this.isCalled(name) || this.isAlone(name, rule)),
        )
        .flatMap(([name, rule]) => this.definition(name, rule));
      if (primitives.length === 0) return [];
      const { type, width, fields } = this.layout(kind);
      return [{ kind, type, width, fields, primitives }];
    });
  }

  /**
   * Is it the only one that does to a lock what it does? So it is where a tree has a primitive of which it makes no use, under a name that
   * no rule knows.
   */
  private isAlone(name: string, { lock, operation, mode, side }: PrimitiveRule): boolean {
    if (this.rules.ifCalled.includes(name)) return false;
    return !Object.entries(this.rules.primitives).some(
      ([other, rule]) =>
        other !== name &&
        rule.lock === lock &&
        rule.operation === operation &&
        rule.mode === mode &&
        rule.side === side &&
        this.program.functions.has(other) &&
        (this.isAlwaysOne(other, rule) || this.isCalled(other)),
    );
  }

  /** Does a lock kind have a primitive whether something calls it or not? One that no rule names is one only where it is called. */
  private isAlwaysOne(name: string, { word }: PrimitiveRule): boolean {
    return word === undefined && !this.rules.ifCalled.includes(name);
  }

  /** Does something call it that is not itself a primitive which nothing calls? */
  private isCalled(name: string, seen: ReadonlySet<string> = new Set([name])): boolean {
    const counts = (caller: string): boolean => {
      const rule = this.rules.primitives[caller];
      return rule === undefined || this.isAlwaysOne(caller, rule) || this.isCalled(caller, new Set([...seen, caller]));
    };
    return [...this.program.functions.values()].some((infos) =>
      infos.some((info) => info.calls.has(name) && !seen.has(info.name) && counts(info.name)),
    );
  }

  private definition(name: string, rule: PrimitiveRule): LockPrimitive[] {
    const ast = this.ast(name);
    if (!ast || typeof rule.mode !== "string") return [];
    const sides: (Side | null)[] =
      rule.side === null ? [null] : typeof rule.side === "string" ? [rule.side] : ["host", "guest"];
    const mode = rule.lock === "mutex" || rule.lock === "bit" ? null : rule.mode;
    return sides.map((side) => {
      const reading = this.read(name, rule.mode as LockMode, side ?? "host");
      return {
        function: name,
        operation: rule.operation,
        mode,
        side,
        outcomes: rule.operation === "release" ? [] : reading.outcomes,
        atomics: reading.atomics,
        setsHostPriority: reading.setsHostPriority,
        evidence: { file: ast.file, line: ast.line, function: name },
      };
    });
  }

  private layout(kind: LockKind): { type: string | null; width: number; fields: BitField[] } {
    const rule = this.rules.layouts[kind];
    if (rule.type !== null) {
      const union = this.unionFields(rule.type);
      if (union) return { type: rule.type, ...union };
    }
    const fields = rule.bits.flatMap(({ name, constant }): BitField[] => {
      const lsb = this.program.constant(constant);
      return lsb === null ? [] : [{ name, lsb: Number(lsb), width: 1 }];
    });
    return { type: rule.type, width: rule.width, fields };
  }

  /** Bit-fields of `typedef union { struct { uint16_t a :1; … }; … } type;`. */
  private unionFields(type: string): { width: number; fields: BitField[] } | null {
    for (const text of this.program.texts.values()) {
      const end = text.search(new RegExp(`\\}\\s*${type}\\s*;`));
      if (end < 0) continue;
      const body = text.slice(text.lastIndexOf("typedef", end), end);
      let lsb = 0;
      const fields: BitField[] = [];
      for (const match of body.matchAll(/\b(?:uint\d+_t\s+)?(\w+)\s*:\s*(\d+)\s*[,;]/g)) {
        const width = Number(match[2]);
        fields.push({ name: match[1] as string, lsb, width });
        lsb += width;
      }
      if (fields.length > 0) return { width: lsb, fields };
    }
    return null;
  }
}
