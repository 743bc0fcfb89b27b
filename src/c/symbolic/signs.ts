/** Whether C compares two values with a sign: what their types say. */

import type { Expr, FunctionAst } from "../ast.ts";
import { commonKind, INT, type IntegerKind, literal } from "../integers.ts";
import type { Program } from "../program.ts";
import { statementsIn } from "../walk.ts";

const TESTS: ReadonlySet<string> = new Set(["==", "!=", "<", ">", "<=", ">=", "&&", "||"]);

export class Signs {
  private readonly program: Program;
  private readonly variables = new WeakMap<FunctionAst, ReadonlyMap<string, string | null>>();

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
        const type = this.variablesOf(fn).get(e.name);
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

  /** Types of a function's parameters and variables; null for a name that it declares more than once, or as an array. */
  private variablesOf(fn: FunctionAst): ReadonlyMap<string, string | null> {
    const known = this.variables.get(fn);
    if (known !== undefined) return known;
    const types = new Map<string, string | null>(fn.parameters.map((name, i) => [name, fn.parameterTypes[i] ?? null]));
    for (const outer of fn.body)
      for (const s of statementsIn(outer))
        if (s.kind === "declare") types.set(s.name, s.array || types.has(s.name) ? null : s.type);
    this.variables.set(fn, types);
    return types;
  }
}
