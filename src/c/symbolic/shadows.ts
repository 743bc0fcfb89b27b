/** Names that a block declares again. The engine keeps one variable of a name in each call of a function, so that one would be the other. */

import type { FunctionAst, Stmt } from "../ast.ts";
import { expressionsOf, statementsOf, within } from "../walk.ts";

/** A declaration of a name in a block, of which the same name outside is looked at later. */
export interface Shadow {
  readonly name: string;
  readonly line: number;
}

const known = new WeakMap<FunctionAst, readonly Shadow[]>();

/** The declarations of a function that hide a variable which is used after them, or in the next round of a loop. */
export function shadowsIn(fn: FunctionAst): readonly Shadow[] {
  const found = known.get(fn) ?? new Shadows(fn).found;
  known.set(fn, found);
  return found;
}

/** A variable, and where it is used, by positions in the order of the source. */
interface Variable {
  readonly uses: number[];
  /** How many loops are open where it is declared. */
  readonly depth: number;
}

/** A declaration that hides a variable; what is used of that from a position on is wrong. */
interface Hiding extends Shadow {
  readonly of: Variable;
  readonly from: number;
}

type Scope = ReadonlyMap<string, Variable>;

class Shadows {
  readonly found: readonly Shadow[];
  private readonly hidings: Hiding[] = [];
  /** Where each open loop begins. */
  private readonly loops: number[] = [];
  private position = 0;

  constructor(fn: FunctionAst) {
    const parameters = new Map(fn.parameters.map((name): [string, Variable] => [name, { uses: [], depth: 0 }]));
    this.block(fn.body, parameters);
    this.found = this.hidings
      .filter(({ of, from }) => of.uses.some((use) => use >= from))
      .map(({ name, line }) => ({ name, line }));
  }

  private block(list: readonly Stmt[], outside: Scope): void {
    const scope = new Map(outside);
    const own = new Set<string>();
    for (const s of list) {
      this.statement(s, scope);
      this.declares(s, scope, own);
    }
  }

  /** A statement may bring a variable into a scope, of which `own` has the names that are declared in it and not outside. */
  private declares(s: Stmt, scope: Map<string, Variable>, own: Set<string>): void {
    if (s.kind !== "declare") return;
    const of = scope.get(s.name);
    // In a loop that the variable outlives, the next round looks at it from the beginning.
    if (of !== undefined && !own.has(s.name))
      this.hidings.push({ name: s.name, line: s.line, of, from: this.loops[of.depth] ?? this.position });
    own.add(s.name);
    scope.set(s.name, { uses: [], depth: this.loops.length });
  }

  private statement(s: Stmt, scope: Scope): void {
    this.position++;
    if (s.kind !== "loop") return this.parts(s, scope);
    // What its head declares is in scope in its test, its step and its body.
    const inner = new Map(scope);
    const own = new Set<string>();
    for (const first of s.init) {
      this.statement(first, inner);
      this.declares(first, inner, own);
    }
    this.loops.push(this.position);
    this.parts({ ...s, init: [] }, inner);
    this.loops.pop();
  }

  private parts(s: Stmt, scope: Scope): void {
    for (const whole of expressionsOf(s))
      for (const e of within(whole)) if (e.kind === "name") scope.get(e.name)?.uses.push(this.position);
    this.block(statementsOf(s), scope);
  }
}
