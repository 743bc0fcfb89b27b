/** What the rules say of a leaf's inputs and of functions that are not followed: versions, mapped addresses, what checks imply. */

import {
  type AbstractState,
  and,
  type Call,
  Domain,
  type Evaluated,
  type Expr,
  type Formula,
  type FunctionInfo,
  idOf,
  isConst,
  type Lvalue,
  not,
  num,
  sourceText,
  sym,
  TRUE,
  truth,
  type Value,
  valueText,
} from "../c/index.ts";
import type { Knowledge } from "./knowledge.ts";

/** It remembers nothing. */
export class InputDomain extends Domain<null> {
  private readonly knowledge: Knowledge;
  private readonly version: number | null;

  /** @param version the leaf's version in RAX, when the run is for one */
  constructor(knowledge: Knowledge, version: number | null) {
    super();
    this.knowledge = knowledge;
    this.version = version;
  }

  initial(): null {
    return null;
  }

  merge(): null {
    return null;
  }

  override known({ at, text }: Lvalue, state: AbstractState): Value | null {
    const { versionPlaces, checkedMembers } = this.knowledge.rules;
    if (this.version !== null && versionPlaces.test(text)) return num(this.version);
    const member = at.step?.kind === "field" ? at.step.name : "";
    const parameter = Object.hasOwn(checkedMembers, member) ? checkedMembers[member] : undefined;
    const given = parameter === undefined ? null : innermost(state, parameter);
    return given?.t === "num" ? given : null;
  }

  override call({ name, args, e, state }: Call): Evaluated<Value>[] | null {
    if (!this.knowledge.rules.mappings.includes(name)) return null;
    const [address] = args;
    if (!address) return [[state, this.engine.space.fresh("a mapping")]];
    const text = valueText(address).replace(/^&/, "") || sourceText(e);
    return [[state, sym(`@{${idOf(address)}}`, text, null, true, { how: "mapping", address })]];
  }

  override implied(call: Call): Formula {
    const info = this.knowledge.program.resolve(call.name, call.frame.fn.file);
    return info === null ? TRUE : and(this.checkedRange(call, info), this.denied(call, info));
  }

  /** Between which two limits a member is. */
  private checkedRange({ name, args, e, state, frame }: Call, info: FunctionInfo): Formula {
    const { rangeChecks } = this.knowledge.rules;
    const member = Object.hasOwn(rangeChecks, name) ? rangeChecks[name] : undefined;
    const [object] = e.args;
    const [, least, most] = args;
    if (member === undefined || object === undefined || least === undefined || most === undefined) return TRUE;
    const { program } = this.knowledge;
    const [checked, low, high] = program.ast(info)?.parameters ?? [];
    const body = program.texts.get(info.file)?.slice(info.bodyStart, info.bodyEnd) ?? "";
    const compares = (op: string, limit: string | undefined) =>
      new RegExp(`\\b${checked}(\\.|->)${member} *${op} *${limit}\\b`).test(body);
    if (!compares(">=", low) || !compares("<=", high)) return TRUE;
    const { engine } = this;
    const value = engine.single({ kind: "member", object, field: member, arrow: false, line: e.line }, state, frame);
    return and(engine.relation(">=", value, least), engine.relation("<=", value, most));
  }

  /** What another function would not be. */
  private denied({ name, args, e, state, frame }: Call, info: FunctionInfo): Formula {
    const { denials, wordField } = this.knowledge.rules;
    const rule = Object.hasOwn(denials, name) ? denials[name] : undefined;
    const [object, second] = e.args;
    const condition = rule && args[rule.ifTrue];
    if (!rule || !object || !second || !condition || !isConst(state.simplify(truth(condition)), true)) return TRUE;
    if (!info.calls.has(rule.call)) return TRUE;
    const { line } = e;
    const word: Expr = { kind: "member", object, field: wordField, arrow: false, line };
    const callee: Expr = { kind: "name", name: rule.call, line };
    return not(truth(this.engine.single({ kind: "call", callee, args: [word, second], line }, state, frame)));
  }
}

/** The value that the innermost running function with a parameter or variable of a name has in it. */
function innermost(state: AbstractState, name: string): Value | null {
  let found: Value | null = null;
  let deepest = 0;
  for (const [{ root, parent, invocation }, value] of state.store.entries()) {
    if (parent !== null || root.kind !== "variable" || root.name !== name || invocation <= deepest) continue;
    deepest = invocation;
    found = value;
  }
  return found;
}
