/** Whether C compares two values with a sign: what their types say. */

import type { Expr, FunctionAst, Stmt } from "../ast.ts";
import { commonKind, INT, type IntegerKind, literal } from "../integers.ts";
import type { Program } from "../program.ts";
import { expressionsOf, statementsIn, statementsOf, within } from "../walk.ts";

const TESTS: ReadonlySet<string> = new Set(["==", "!=", "<", ">", "<=", ">=", "&&", "||"]);

export class Signs {
  private readonly program: Program;
  private readonly variables = new WeakMap<FunctionAst, Variables>();

  constructor(program: Program) {
    this.program = program;
  }

  /** Does an operator that compares two expressions of a function compare them with a sign? Null when a type is not known. */
  areSigned(left: Expr, right: Expr, fn: FunctionAst): boolean | null {
    const kind = this.both(left, right, fn);
    return kind && !kind.isUnsigned;
  }

  private both(a: Expr, b: Expr, fn: FunctionAst): IntegerKind | null {
    const [left, right] = [this.kindOf(a, fn), this.kindOf(b, fn)];
    return left && right && commonKind(left, right);
  }

  /** The type that an expression has in a computation; null for one that is not known, or for no integer. */
  private kindOf(e: Expr, fn: FunctionAst): IntegerKind | null {
    switch (e.kind) {
      case "number":
        return literal(e.value, e.type);
      case "name": {
        const { types, ofUses } = this.variablesOf(fn);
        const type = ofUses.get(e) ?? types.get(e.name);
        if (type === undefined) return this.program.kindOfConstant(e.name);
        return type === null ? null : this.program.kindOfType(type);
      }
      case "cast":
        return e.type === undefined ? null : this.program.kindOfType(e.type);
      case "unary":
        if (e.op === "!") return INT;
        return e.op === "*" || e.op === "&" ? null : this.kindOf(e.operand, fn);
      case "update":
        return this.kindOf(e.operand, fn);
      case "assign":
        return this.kindOf(e.left, fn);
      case "binary":
        if (TESTS.has(e.op)) return INT;
        return e.op === "<<" || e.op === ">>" ? this.kindOf(e.left, fn) : this.both(e.left, e.right, fn);
      case "conditional":
        return this.both(e.yes, e.no, fn);
      default:
        return null;
    }
  }

  private variablesOf(fn: FunctionAst): Variables {
    let known = this.variables.get(fn);
    if (known === undefined) {
      known = variablesIn(fn);
      this.variables.set(fn, known);
    }
    return known;
  }
}

/** Types of a function's parameters and variables; null for an array. */
type Types = Map<string, string | null>;

interface Variables {
  /** Null, too, for a name that is declared more than once. */
  readonly types: Types;
  /** Of such a name: its type by where it is used. */
  readonly ofUses: ReadonlyMap<Expr, string | null>;
}

function variablesIn(fn: FunctionAst): Variables {
  const parameters: Types = new Map(fn.parameters.map((name, i) => [name, fn.parameterTypes[i] ?? null]));
  const types: Types = new Map(parameters);
  const several = new Set<string>();
  for (const outer of fn.body)
    for (const s of statementsIn(outer)) {
      if (s.kind !== "declare") continue;
      if (types.has(s.name)) several.add(s.name);
      types.set(s.name, s.array || types.has(s.name) ? null : s.type);
    }
  const ofUses = new Map<Expr, string | null>();
  if (several.size > 0) for (const s of fn.body) noteUses(s, parameters, several, ofUses);
  return { types, ofUses };
}

/** Notes the types of names where a statement uses them, and declares in `scope` what it declares. */
function noteUses(s: Stmt, scope: Types, names: ReadonlySet<string>, ofUses: Map<Expr, string | null>): void {
  const own = s.kind === "declare" ? scope : new Map(scope);
  const first = s.kind === "loop" ? s.init : [];
  for (const inner of first) noteUses(inner, own, names, ofUses);
  for (const whole of expressionsOf(s))
    for (const e of within(whole)) if (e.kind === "name" && names.has(e.name)) ofUses.set(e, own.get(e.name) ?? null);
  for (const inner of statementsOf(s)) if (!first.includes(inner)) noteUses(inner, own, names, ofUses);
  if (s.kind === "declare") scope.set(s.name, s.array ? null : s.type);
}
