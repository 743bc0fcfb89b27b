/** Evaluates expressions. */

import type { Expr } from "../ast.ts";
import { arithmetic } from "../integers.ts";
import { baseText, binaryText, unaryText } from "../text.ts";
import type { Domain } from "./domain.ts";
import type { Engine, Evaluated, Frame, Lvalue } from "./engine.ts";
import { sourceText } from "./source-text.ts";
import type { AbstractState } from "./state.ts";
import { each } from "./tests.ts";
import { type Formula, idOf, not, num, sym, truth, type Value, valueText } from "./values.ts";

type Kind<K extends Expr["kind"]> = Extract<Expr, { kind: K }>;
/** `object.field` or `object[index]`. */
type Access = Kind<"member" | "index">;

/** Characters of a value's identity, and values that one may be, beyond which it is just unknown. */
const MAX_VALUE = 20_000;
const MAX_ALTERNATIVES = 64;

/** Operators whose result is true or false. */
const TESTS: ReadonlySet<string> = new Set(["==", "!=", "<", ">", "<=", ">=", "&&", "||"]);

/** Is an identity too long to be kept? */
export const isTooLong = (id: string): boolean => id.length > MAX_VALUE;

export class Expressions {
  private readonly engine: Engine;
  private readonly domains: readonly Domain<unknown>[];

  constructor(engine: Engine, domains: readonly Domain<unknown>[]) {
    this.engine = engine;
    this.domains = domains;
  }

  evaluate(e: Expr, state: AbstractState, frame: Frame): Evaluated<Value>[] {
    const { engine } = this;
    const { space } = engine;
    switch (e.kind) {
      case "number":
        return [[state, num(e.value)]];
      case "string":
        return [[state, { t: "ref", at: space.literal(), text: "a string" }]];
      case "name":
        return [[state, this.valueOf(e.name, state, frame)]];
      case "member":
      case "index":
        return this.path(e, state, frame);
      case "unary":
        return e.op === "&" ? this.address(e, state, frame) : this.unary(e, state, frame);
      case "update":
        return [[state, this.update(e, state, frame)]];
      case "binary":
        return this.binary(e, state, frame);
      case "assign":
        return this.assign(e, state, frame);
      case "cast":
        return this.evaluate(e.operand, state, frame);
      case "conditional":
        return this.conditional(e, state, frame);
      case "comma": {
        let current: Evaluated<Value>[] = [[state, num(0)]];
        for (const part of e.parts) current = current.flatMap(([st]) => this.evaluate(part, st, frame));
        return current;
      }
      case "call":
        return engine.call(e, state, frame);
      case "initializer": {
        const isZero = e.entries.every((x) => x.value.kind === "number" && x.value.value === 0n);
        return [[state, isZero ? { t: "zero" } : space.fresh("an initializer")]];
      }
      case "opaque": {
        let current: AbstractState[] = [state];
        if (engine.settings.effects.hidesWhatMatters(e))
          engine.trouble("parse", "statements in an expression are not followed", engine.site(frame, e.line));
        for (const part of e.parts)
          if (engine.settings.effects.of(part))
            current = current.flatMap((st) => this.evaluate(part, st, frame).map(([s]) => s));
        return current.map((st) => [st, sym(`opaque:${e.text}`, e.text)]);
      }
    }
  }

  valueOf(name: string, state: AbstractState, frame: Frame): Value {
    const { engine } = this;
    const { program } = engine.settings;
    // Most names are constants: what the function has no variable of yet holds nothing.
    const known = frame.locals.get(name);
    if (known !== undefined && engine.isArray(known)) return { t: "ref", at: known, text: name };
    const own = known === undefined ? null : state.read(known);
    if (own !== null) return state.resolve(own);
    if (name === "true") return num(1, "true");
    if (name === "false") return num(0, "false");
    if (name === "NULL") return num(0);
    const constant = program.constant(name);
    if (constant !== null) return num(constant, name);
    const isLocal = frame.fn.parameters.includes(name) || !program.macros.has(name);
    if (isLocal) {
      const at = engine.local(name, frame);
      return sym(at.key, name, at);
    }
    const global = engine.space.global(name);
    const unknown = sym(global.key, name, global);
    const body = program.macroExpr(name);
    if (body && program.macros.get(name)?.parameters === null)
      return engine.lookInto(() => engine.single(body, state, frame), engine.here().at(-1)) ?? unknown;
    return state.read(global) ?? unknown;
  }

  private path(e: Access, state: AbstractState, frame: Frame): Evaluated<Value>[] {
    const { engine } = this;
    const { space } = engine;
    if (!engine.settings.effects.of(e)) {
      const place = engine.lvalue(e, state, frame);
      return [[state, place ? engine.read(place, state) : space.fresh(sourceText(e))]];
    }
    // A call inside the path, such as get_local_data()->field: evaluate it first, then the path.
    return this.evaluate(e.object, state, frame).map(([st, value]): Evaluated<Value> => {
      const outer = space.pointee(value);
      const isMember = e.kind === "member";
      const at = isMember ? space.field(outer, e.field) : space.element(outer, engine.single(e.index, st, frame));
      const shown = isMember ? `${e.arrow ? "->" : "."}${e.field}` : `[${sourceText(e.index)}]`;
      return [st, engine.read({ at, text: baseText(valueText(value)) + shown }, st)];
    });
  }

  private address(e: Kind<"unary">, state: AbstractState, frame: Frame): Evaluated<Value>[] {
    const { engine } = this;
    const { settings, space } = engine;
    const { operand } = e;
    if (operand.kind === "name" && settings.followed.has(operand.name) && settings.program.functions.has(operand.name))
      engine.trouble("indirect-call", `the address of ${operand.name} is taken`, engine.site(frame, e.line));
    if (settings.effects.of(operand) && (operand.kind === "member" || operand.kind === "index")) {
      return this.path(operand, state, frame).map(([st, v]) => [st, { t: "ref", at: space.of(v), text: valueText(v) }]);
    }
    const place = engine.lvalue(operand, state, frame);
    return [[state, place ? { t: "ref", at: place.at, text: place.text } : space.fresh(sourceText(e))]];
  }

  private unary(e: Kind<"unary">, state: AbstractState, frame: Frame): Evaluated<Value>[] {
    const { engine } = this;
    return this.evaluate(e.operand, state, frame).map(([st, value]): Evaluated<Value> => {
      const v = st.resolve(value);
      if (e.op === "*") {
        const isRef = v.t === "ref";
        const text = isRef ? v.text : `*${valueText(v)}`;
        return [st, engine.read({ at: engine.space.pointee(v), text }, st)];
      }
      if (e.op === "!") return [st, asValue(not(truth(v)))];
      if (v.t === "num") {
        if (e.op === "-") return [st, num(BigInt.asUintN(64, -v.v))];
        if (e.op === "~") return [st, num(BigInt.asUintN(64, ~v.v))];
        return [st, v];
      }
      return [st, operation(`${e.op}(${idOf(v)})`, unaryText(e.op, valueText(v)), [v])];
    });
  }

  private update(e: Kind<"update">, state: AbstractState, frame: Frame): Value {
    const { engine } = this;
    const place = engine.lvalue(e.operand, state, frame);
    if (!place) return engine.space.fresh("?");
    const before = engine.read(place, state);
    const after =
      before.t === "num"
        ? num(arithmetic(e.op === "++" ? "+" : "-", before.v, 1n) ?? 0n)
        : engine.space.fresh(place.text, place.at);
    engine.write(place, after, state);
    return e.isPostfix ? before : after;
  }

  private binary(e: Kind<"binary">, state: AbstractState, frame: Frame): Evaluated<Value>[] {
    const { engine } = this;
    if (TESTS.has(e.op)) return engine.test(e, state, frame).map(([st, f]) => [st, asValue(f)]);
    return each(this.evaluate(e.left, state, frame), (s1, left) =>
      this.evaluate(e.right, s1, frame).map(
        ([s2, right]): Evaluated<Value> => [s2, this.combine(e.op, s2.resolve(left), s2.resolve(right))],
      ),
    );
  }

  private combine(op: string, a: Value, b: Value): Value {
    const { space } = this.engine;
    if (alternatives(a) * alternatives(b) > MAX_ALTERNATIVES) return space.fresh("a value");
    if (a.t === "ite") return { t: "ite", c: a.c, a: this.combine(op, a.a, b), b: this.combine(op, a.b, b) };
    if (b.t === "ite") return { t: "ite", c: b.c, a: this.combine(op, a, b.a), b: this.combine(op, a, b.b) };
    if (a.t === "zero") return this.combine(op, num(0), b);
    if (b.t === "zero") return this.combine(op, a, num(0));
    if (a.t === "num" && b.t === "num") {
      const value = arithmetic(op, a.v, b.v);
      if (value !== null) return num(value);
    }
    const id = `(${idOf(a)}${op}${idOf(b)})`;
    return isTooLong(id) ? space.fresh("a value") : operation(id, binaryText(op, valueText(a), valueText(b)), [a, b]);
  }

  private assign(e: Kind<"assign">, state: AbstractState, frame: Frame): Evaluated<Value>[] {
    return each(this.evaluate(e.right, state, frame), (s1, value) =>
      this.assigned(e.left, s1, frame).map(([st, place]): Evaluated<Value> => {
        const given = st.resolve(value);
        const isPlain = e.op === "=";
        const result = isPlain || !place ? given : this.combine(e.op.slice(0, -1), this.engine.read(place, st), given);
        if (place) this.store(e, place, result, st, frame);
        if (isPlain) for (const domain of this.domains) domain.produced(result, e.line, st, frame);
        return [st, result];
      }),
    );
  }

  /** The place that is assigned to. */
  private assigned(e: Expr, state: AbstractState, frame: Frame): Evaluated<Lvalue | null>[] {
    const { engine } = this;
    if (!engine.settings.effects.of(e)) return [[state, engine.lvalue(e, state, frame)]];
    return this.evaluate(e, state, frame).map(([st, v]) => [
      st,
      v.t === "sym" && v.location !== null ? { at: v.location, text: v.text } : null,
    ]);
  }

  private store(e: Kind<"assign">, place: Lvalue, value: Value, state: AbstractState, frame: Frame): void {
    const { engine } = this;
    if (e.op === "=") for (const domain of this.domains) domain.assigns(place, e.right, e.line, state, frame);
    engine.write(place, value, state);
    if (e.op === "=") this.copyMembers(e.right, place, state, frame);
  }

  /** The members of a structure that is assigned as a whole. */
  private copyMembers(from: Expr, to: Lvalue, state: AbstractState, frame: Frame): void {
    if (from.kind !== "name" && from.kind !== "member" && from.kind !== "index") return;
    if (this.engine.settings.effects.of(from)) return;
    const source = this.engine.lvalue(from, state, frame);
    if (source && source.at !== to.at) state.copyInside(source.at, to.at);
  }

  private conditional(e: Kind<"conditional">, state: AbstractState, frame: Frame): Evaluated<Value>[] {
    const { engine } = this;
    const { effects } = engine.settings;
    const results: Evaluated<Value>[] = [];
    for (const [st, formula] of engine.test(e.test, state, frame)) {
      const f = st.simplify(formula);
      if (f.k === "const") {
        results.push(...this.evaluate(f.value ? e.yes : e.no, st, frame));
        continue;
      }
      if (!effects.of(e.yes) && !effects.of(e.no)) {
        const [a, b] = [engine.single(e.yes, st, frame), engine.single(e.no, st, frame)];
        results.push([st, st.resolve({ t: "ite", c: f, a, b })]);
        continue;
      }
      const other = st.clone();
      const fork = engine.fork(frame, e.line, e.test);
      if (st.assume(f, fork, true)) results.push(...this.evaluate(e.yes, st, frame));
      if (other.assume(not(f), fork, false)) results.push(...this.evaluate(e.no, other, frame));
    }
    return results;
  }
}

/** A condition as a C value. */
export function asValue(f: Formula): Value {
  return f.k === "const" ? num(f.value ? 1 : 0) : { t: "ite", c: f, a: num(1), b: num(0) };
}

const operation = (id: string, text: string, operands: readonly Value[]): Value =>
  sym(id, text, null, false, { how: "operation", operands });

/** Of how many values is one? */
function alternatives(v: Value): number {
  return v.t === "ite" ? alternatives(v.a) + alternatives(v.b) : 1;
}
