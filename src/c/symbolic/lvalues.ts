/** Which location an expression names, and what is stored there. */

import type { Expr } from "../ast.ts";
import { baseText, memberText } from "../text.ts";
import type { Domain } from "./domain.ts";
import type { Engine, Frame, Lvalue } from "./engine.ts";
import type { AbstractState } from "./state.ts";
import { type Location, sym, type Value, valueText } from "./values.ts";

/** What a pointer points to. */
export interface Target extends Lvalue {
  /** The pointer is an address that was taken. */
  readonly isRef: boolean;
}

export class Lvalues {
  private readonly engine: Engine;
  private readonly domains: readonly Domain<unknown>[];

  constructor(engine: Engine, domains: readonly Domain<unknown>[]) {
    this.engine = engine;
    this.domains = domains;
  }

  /** The location that an expression names; null when it names none. */
  lvalue(e: Expr, state: AbstractState, frame: Frame): Lvalue | null {
    const { engine } = this;
    switch (e.kind) {
      case "name":
        if (engine.settings.program.functions.has(e.name) && !frame.fn.parameters.includes(e.name)) return null;
        return { at: engine.local(e.name, frame), text: e.name };
      case "member": {
        if (e.arrow) {
          const { at, text, isRef } = this.target(engine.single(e.object, state, frame));
          return { at: engine.space.field(at, e.field), text: `${baseText(text)}${isRef ? "." : "->"}${e.field}` };
        }
        const base = this.lvalue(e.object, state, frame);
        if (base) return this.fieldOf(base, e.field, state);
        const value = engine.single(e.object, state, frame);
        return {
          at: engine.space.field(engine.space.of(value), e.field),
          text: `${baseText(valueText(value))}.${e.field}`,
        };
      }
      case "index":
        return this.element(e, state, frame);
      case "unary":
        return e.op === "*" ? this.target(engine.single(e.operand, state, frame)) : null;
      case "cast":
        return this.lvalue(e.operand, state, frame);
      default:
        return null;
    }
  }

  private element(e: Extract<Expr, { kind: "index" }>, state: AbstractState, frame: Frame): Lvalue | null {
    const { engine } = this;
    const { space } = engine;
    const index = engine.single(e.index, state, frame);
    const shown = indexText(index);
    const base = this.lvalue(e.object, state, frame);
    const isArray = base !== null && engine.isArray(base.at);
    const pointer = isArray ? null : base ? state.read(base.at) : engine.single(e.object, state, frame);
    if (pointer && (pointer.t === "ref" || (pointer.t === "sym" && !isStill(pointer, base)))) {
      const target = this.target(pointer);
      // The first element of what an address was taken of is that itself.
      const isItself = index.t === "num" && index.v === 0n && pointer.t === "ref" && !engine.isArray(pointer.at);
      return { at: isItself ? target.at : space.element(target.at, index), text: `${target.text}[${shown}]` };
    }
    return base ? { at: space.element(base.at, index), text: `${base.text}[${shown}]` } : null;
  }

  private fieldOf(base: Lvalue, name: string, state: AbstractState): Lvalue {
    const { space } = this.engine;
    const own = { at: space.field(base.at, name), text: memberText(base.text, name) };
    if (state.read(own.at) !== null) return own;
    const whole = state.read(base.at);
    // A structure copied from elsewhere: its fields are the original's until written here.
    if (whole && whole.t === "sym" && whole.id !== base.at.key && whole.location !== base.at)
      return { at: space.field(space.of(whole), name), text: memberText(whole.text, name) };
    return own;
  }

  target(pointer: Value): Target {
    if (pointer.t === "ref") return { at: pointer.at, text: pointer.text, isRef: true };
    return { at: this.engine.space.pointee(pointer), text: valueText(pointer), isRef: false };
  }

  read(place: Lvalue, state: AbstractState): Value {
    const stored = state.read(place.at);
    if (stored !== null) return state.resolve(stored);
    for (const domain of this.domains) {
      const known = domain.known(place, state);
      if (known !== null) return known;
    }
    const { space, settings } = this.engine;
    space.name(place.at, place.text);
    const { step } = place.at;
    const nonNull = step?.kind === "field" && settings.nonNullMembers.has(step.name);
    return state.resolve(sym(place.at.key, place.text, place.at, nonNull));
  }

  write(place: Lvalue, value: Value, state: AbstractState): void {
    const { engine } = this;
    const { at } = place;
    state.forgetBelow(at);
    state.set(at, value);
    engine.space.name(at, place.text);
    const depth = engine.ownDepth(at.invocation);
    if (depth !== undefined) engine.noteHeld(value, place, depth);
    for (const domain of this.domains) domain.wrote(place, value, state);
    this.forgetWords(at, state);
    this.forgetMembers(at, state);
    const root = variableOf(at);
    const whole = root && state.store.get(root);
    // A variable that was a copy of a structure is so no more.
    if (root && whole?.t === "sym") state.set(root, sym(`${root.key}#${engine.steps}`, whole.text, root));
  }

  /** What a pointer argument points to may have changed. */
  havoc(pointer: Value, state: AbstractState): void {
    if (pointer.t !== "ref" || pointer.at.root.kind === "literal") return;
    this.write({ at: pointer.at, text: pointer.text }, this.engine.space.fresh(pointer.text, pointer.at), state);
  }

  /** A bit field that is written changes the word that it is part of. */
  private forgetWords(at: Location, state: AbstractState): void {
    const { space, settings } = this.engine;
    for (let inner: Location | null = at; inner?.parent; inner = inner.parent) {
      if (inner.step?.kind !== "field") continue;
      const word = space.field(inner.parent, settings.wordMember);
      if (at !== word && state.read(word) !== null) state.set(word, space.fresh(space.textOf(word), word));
    }
  }

  /** A word that is written, or a part of it, changes the bit fields that it is made of. */
  private forgetMembers(at: Location, state: AbstractState): void {
    const { wordMember } = this.engine.settings;
    for (let word: Location | null = at; word?.parent; word = word.parent)
      if (word.step?.kind === "field" && word.step.name === wordMember) state.forgetBeside(word);
  }
}

/** Is a value what a place held from the start? Then it is no pointer to somewhere else. */
function isStill(value: Value, place: Lvalue | null): boolean {
  return value.t === "sym" && place !== null && value.location === place.at && value.origin?.how !== "fresh";
}

/** The variable of which a location is a member, or inside one; null for any other location. */
function variableOf(at: Location): Location | null {
  if (at.root.kind !== "variable" || at.parent === null) return null;
  let inner = at;
  while (inner.parent?.parent) inner = inner.parent;
  return inner.step?.kind === "field" ? inner.parent : null;
}

/** An index as a person would write it: of one that is a constant in another case, what it is otherwise. */
function indexText(index: Value): string {
  if (index.t === "num" && index.name === null) return index.v.toString();
  if (index.t === "ite" && index.a.t === "num") return indexText(index.b);
  if (index.t === "ite" && index.b.t === "num") return indexText(index.a);
  return valueText(index);
}
