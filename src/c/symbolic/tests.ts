/** Evaluates expressions as conditions. */

import type { CallExpr, Expr } from "../ast.ts";
import { arithmetic } from "../integers.ts";
import type { Engine, Evaluated, Frame } from "./engine.ts";
import { Signs } from "./signs.ts";
import { OPPOSITE, sourceText } from "./source-text.ts";
import type { AbstractState } from "./state.ts";
import {
  and,
  equal,
  FALSE,
  type Formula,
  isBelow,
  isConst,
  not,
  num,
  or,
  ordering,
  TRUE,
  truth,
  type Value,
  worded,
} from "./values.ts";

type Binary = Extract<Expr, { kind: "binary" }>;

/** What comes of each of several states; nearly always there is one. */
export function each<T, R>(
  list: readonly Evaluated<T>[],
  next: (state: AbstractState, value: T) => Evaluated<R>[],
): Evaluated<R>[] {
  const [only] = list;
  return only && list.length === 1 ? next(only[0], only[1]) : list.flatMap(([state, value]) => next(state, value));
}

export class Tests {
  private readonly engine: Engine;
  private readonly signs: Signs;

  constructor(engine: Engine) {
    this.engine = engine;
    this.signs = new Signs(engine.settings.program);
  }

  test(e: Expr, state: AbstractState, frame: Frame): Evaluated<Formula>[] {
    const { engine } = this;
    if (e.kind === "unary" && e.op === "!") return this.test(e.operand, state, frame).map(([st, f]) => [st, not(f)]);
    if (e.kind === "binary") {
      if (e.op === "&&" || e.op === "||") return this.shortCircuit(e, state, frame);
      if (e.op in OPPOSITE) return this.comparison(e, state, frame);
    }
    const result =
      e.kind === "call" ? engine.expanded(e as CallExpr, frame, (body) => this.test(body, state, frame)) : null;
    if (result) return result;
    return engine.evaluate(e, state, frame).map(([st, value]) => [st, st.simplify(truth(st.resolve(value)))]);
  }

  private comparison(e: Binary, state: AbstractState, frame: Frame): Evaluated<Formula>[] {
    const { engine } = this;
    const isSigned = /[<>]/.test(e.op) ? this.signs.areSigned(e.left, e.right, frame.fn) : null;
    return each(engine.evaluate(e.left, state, frame), (s1, a) =>
      engine
        .evaluate(e.right, s1, frame)
        .map(
          ([s2, b]): Evaluated<Formula> => [
            s2,
            s2.simplify(this.ofEach(e, this.compared(e.op, s2.resolve(a), s2.resolve(b), isSigned), frame)),
          ],
        ),
    );
  }

  private compared(op: string, a: Value, b: Value, isSigned: boolean | null): Formula {
    const isNever = [a, b].some((value) => value.t === "error") && [a, b].some((value) => this.engine.isApart(value));
    if (isNever && (op === "==" || op === "!=")) return op === "==" ? FALSE : TRUE;
    return relation(op, a, b, isSigned);
  }

  /** A comparison of elements that a loop counts, as the source writes it: what it says of one it says of each. */
  private ofEach(e: Binary, f: Formula, frame: Frame): Formula {
    const isCounted = frame.loops.some(
      ({ counter }) => counter !== null && (indexes(e.left, counter) || indexes(e.right, counter)),
    );
    return isCounted ? worded(f, sourceText(e), sourceText({ ...e, op: OPPOSITE[e.op] ?? e.op })) : f;
  }

  private shortCircuit(e: Binary, state: AbstractState, frame: Frame): Evaluated<Formula>[] {
    const { engine } = this;
    const isAnd = e.op === "&&";
    if (!engine.settings.effects.of(e.right)) {
      return each(this.test(e.left, state, frame), (s1, a): Evaluated<Formula>[] => {
        if (isConst(a, !isAnd)) return [[s1, a]];
        return this.test(e.right, s1, frame).map(([s2, b]) => [s2, s2.simplify(isAnd ? and(a, b) : or(a, b))]);
      });
    }
    const results: Evaluated<Formula>[] = [];
    for (const [st, left] of this.test(e.left, state, frame)) {
      const f = st.simplify(left);
      if (isConst(f, !isAnd)) {
        results.push([st, f]);
        continue;
      }
      if (isConst(f, isAnd)) {
        results.push(...this.test(e.right, st, frame));
        continue;
      }
      const fork = `${engine.fork(frame, e.line, e.left)}${e.op}`;
      const skip = st.clone();
      if (skip.assume(isAnd ? not(f) : f, fork, !isAnd)) results.push([skip, isAnd ? FALSE : TRUE]);
      if (st.assume(isAnd ? f : not(f), fork, isAnd)) results.push(...this.test(e.right, st, frame));
    }
    return results;
  }
}

/**
 * `a op b` for a comparison.
 *
 * @param isSigned does it heed a sign? Null when that is not known
 */
export function relation(op: string, a: Value, b: Value, isSigned: boolean | null): Formula {
  if (op === "==") return equal(a, b);
  if (op === "!=") return not(equal(a, b));
  if (a.t === "zero") return relation(op, num(0), b, isSigned);
  if (b.t === "zero") return relation(op, a, num(0), isSigned);
  // As `equal` does.
  if (a.t === "ite") return chosen(a, (one) => relation(op, one, b, isSigned));
  if (b.t === "ite") return chosen(b, (one) => relation(op, a, one, isSigned));
  if (a.t === "num" && b.t === "num") {
    const [x, y] = isSigned ? [BigInt.asIntN(64, a.v), BigInt.asIntN(64, b.v)] : [a.v, b.v];
    return arithmetic(op, x, y) === 1n ? TRUE : FALSE;
  }
  if (b.t === "num" && op === "<" && isBelow(a, b.v)) return TRUE;
  if (b.t === "num" && op === ">=" && isBelow(a, b.v)) return FALSE;
  const isSign = b.t === "num" && b.v === 0n && (op === "<" || op === ">=");
  if (isSign && isSigned === false) return op === "<" ? FALSE : TRUE;
  const isNot = op === ">=" || op === "<=";
  const test = ordering(op === "<" || op === ">=" ? "<" : ">", a, b);
  // What is known of ranges is known of numbers without a sign.
  const f = isSign && test.k === "atom" ? { ...test, compared: null } : test;
  return isNot ? not(f) : f;
}

const chosen = ({ c, a, b }: Extract<Value, { t: "ite" }>, of: (value: Value) => Formula): Formula =>
  or(and(c, of(a)), and(not(c), of(b)));

/** Is a name the index of an element in an expression? */
function indexes(e: Expr, name: string): boolean {
  switch (e.kind) {
    case "index":
      return (e.index.kind === "name" && e.index.name === name) || indexes(e.object, name);
    case "member":
      return indexes(e.object, name);
    case "unary":
    case "cast":
      return indexes(e.operand, name);
    default:
      return false;
  }
}
