/** What a call does: takes a lock, asserts one, makes a SEAMCALL, runs a function here or elsewhere, or something that is not known. */

import type { Expr, FunctionInfo } from "../c/index.ts";
import { hasSharedMode } from "../host/index.ts";
import type { Instruction } from "./code.ts";
import type { Execution } from "./execution.ts";
import { drop, find, heldKey, NO_LOCKS, take } from "./locks.ts";
import type { LockCall, LockClass } from "./rules.ts";
import { outsideName } from "./source.ts";
import { factsOf, forgetting, type State } from "./state.ts";
import {
  constantOf,
  functionsOf,
  type Instance,
  NEGATIVES,
  NOT_ZERO,
  number,
  setOf,
  TOP,
  truthOf,
  type Value,
  withInstance,
  ZERO,
} from "./values.ts";

type Call = Extract<Instruction, { op: "call" }>;

/** One way to go on after a call. */
export interface Effect {
  readonly state: State;
  readonly value: Value;
}

/** The locks that a program's primitives speak of. */
export class LockTable {
  readonly classes: ReadonlyMap<string, LockClass>;
  private readonly byMember = new Map<string, LockClass>();

  constructor(classes: readonly LockClass[]) {
    this.classes = new Map(classes.map((c) => [c.name, c]));
    for (const c of classes) for (const member of c.members) this.byMember.set(member, c);
  }

  ofMember(member: string): LockClass | null {
    return this.byMember.get(member) ?? null;
  }
}

/** A lock that a call speaks of. */
interface Named {
  readonly lock: LockClass;
  readonly of: Instance;
}

/** All that a call may lead to. */
export function callEffect(on: Execution, call: Call, at: number, state: State): Effect[] {
  const { callee } = call;
  if (callee.kind === "name" && !on.evaluator.isLocal(callee.name)) return namedCall(on, callee.name, call, at, state);
  const value = callee.kind === "call" ? TOP : on.evaluator.value(callee, state);
  const outside = functionsOf(value).flatMap((key) => outsideName(key) ?? []);
  if (outside.length > 0) return outside.flatMap((name) => namedCall(on, name, call, at, state.copy()));
  return toTargets(on, null, pointedTargets(on, call, value), call, at, state);
}

/** A call of a function by its name. */
function namedCall(on: Execution, name: string, call: Call, at: number, state: State): Effect[] {
  const { rules } = on.analysis.source;
  const lockCall = rules.locks.calls[name];
  const effects = lockCall === undefined ? null : lockEffect(on, name, lockCall, call, state);
  if (effects !== null) return effects;
  if (rules.locks.asserts[name] !== undefined) return assertion(on, name, call, state);
  if (rules.seamcalls.calls[name] !== undefined) return seamcall(on, name, call, at, state);
  if (rules.callbacks[name] !== undefined) return callback(on, name, call, at, state);
  const info = on.analysis.source.resolve(name, on.context.file);
  return toTargets(on, name, info === null ? [] : [info], call, at, state);
}

function toTargets(
  on: Execution,
  name: string | null,
  targets: readonly FunctionInfo[],
  call: Call,
  at: number,
  state: State,
): Effect[] {
  const args = call.args.map((arg) => on.evaluator.value(arg, state));
  const result = name === null ? undefined : (oneResult(name, state) ?? on.analysis.results.get(name));
  if (result !== undefined) return [{ state: forgetting(state, args), value: result }];
  if (targets.length === 0) return unknownCall(on, name, args, state);
  return targets.flatMap((info, i) => {
    const own = i === targets.length - 1 ? state : state.copy();
    return followed(on, info, args, call, at, own);
  });
}

/** What tells the one CPU among those that run a function at once from the others, where that is known. */
function oneResult(name: string, state: State): Value | undefined {
  return state.facts.values.get(factOfOne(name));
}

/** The name under which what a call gives is known on a CPU. */
const factOfOne = (call: string): string => `${call}()`;

/** A function that is not followed: another one's, or one that cannot matter. */
function unknownCall(on: Execution, name: string | null, args: readonly Value[], state: State): Effect[] {
  const isOther = name !== null && on.analysis.others.has(name);
  const value = on.unknown(args, state);
  return [{ state: forgetting(state, args), value: isOther ? withInstance(value, "other") : value }];
}

function followed(
  on: Execution,
  info: FunctionInfo,
  args: readonly Value[],
  call: Call,
  at: number,
  state: State,
): Effect[] {
  const { analysis, context } = on;
  if (analysis.isCut(info.name)) return unknownCall(on, info.name, args, state);
  const excluded = analysis.excluded(info.name, context.name);
  if (excluded !== null) {
    excluded.places.push(context.place(call.line));
    return unknownCall(on, info.name, args, state);
  }
  const isNeeded =
    analysis.reach.matters(info) ||
    (call.to !== null && analysis.reach.isSmall(info)) ||
    givesFunctions(on, args, state) ||
    on.follows(info, args, state);
  if (!isNeeded) return unknownCall(on, info.name, args, state);
  const shared = analysis.source.rules.facts.shared[info.name];
  if (shared !== undefined && find(state.locks, shared.unless, "self") === null)
    for (const member of shared.members) on.evaluator.setFact(member, TOP, state);
  const effects = on.invoke(info, args, state, { at, line: call.line, cases: call.cases, context: null });
  if (!analysis.others.has(info.name)) return effects;
  return effects.map((effect) => ({ ...effect, value: withInstance(effect.value, "other") }));
}

/** Is a function that matters among what a call gives, which the callee may then call? */
function givesFunctions(on: Execution, args: readonly Value[], state: State): boolean {
  const matters = (value: Value): boolean =>
    functionsOf(value).some((key) => {
      const info = on.analysis.source.byKey(key);
      return info !== null && on.analysis.reach.matters(info);
    });
  if (args.some(matters)) return true;
  return args.some((value) => value.objects.some((path) => state.contents(path).some(([, part]) => matters(part))));
}

// ---------------------------------------------------------------- targets

/** Functions that a pointer may point to. */
function pointedTargets(on: Execution, call: Call, value: Value): readonly FunctionInfo[] {
  const { source, reach } = on.analysis;
  const known = functionsOf(value).flatMap((key) => source.byKey(key) ?? []);
  if (known.length > 0) return known;
  const member = memberOf(on, call.callee);
  if (member === null) {
    if (truthOf(value).yes) on.context.trouble("pointer", shown(call.callee), call.line);
    return [];
  }
  const tags = member.tag === null ? source.tagsWith(member.field) : [member.tag];
  const targets = tags.flatMap((tag) => source.targets(tag, member.field));
  // A table that leaves a member out has nothing there.
  const isEmpty = tags.length > 0 && tags.every((tag) => source.hasTable(tag));
  if (targets.length === 0 && !isEmpty)
    on.context.trouble("pointer", `${member.tag ?? "?"}.${member.field}`, call.line);
  return targets.filter((info) => reach.matters(info) || reach.isSmall(info));
}

/** The member that a call goes through. */
function memberOf(on: Execution, callee: Expr): { readonly tag: string | null; readonly field: string } | null {
  if (callee.kind === "call") return on.analysis.source.memberCalled(callee);
  if (callee.kind === "unary" && callee.op === "*") return memberOf(on, callee.operand);
  if (callee.kind === "cast") return memberOf(on, callee.operand);
  if (callee.kind !== "member") return null;
  return { tag: on.evaluator.tagOf(callee.object), field: callee.field };
}

function shown(e: Expr): string {
  return e.kind === "name"
    ? e.name
    : e.kind === "member"
      ? `${shown(e.object)}.${e.field}`
      : e.kind === "call"
        ? `${shown(e.callee)}()`
        : "…";
}

// ---------------------------------------------------------------- locks

/** The lock that a rule's argument is; null when it is none that is followed, or may be another one. */
function lockOf(on: Execution, which: number | string, call: Call, state: State): Named | null {
  const arg = typeof which === "string" ? undefined : call.args[which];
  if (arg !== undefined && on.evaluator.value(arg, state).atoms.length > 1) return null;
  return locksOf(on, which, call, state)[0] ?? null;
}

/** Locks that a rule's argument may be, of those that are followed. */
function locksOf(on: Execution, which: number | string, call: Call, state: State): Named[] {
  const { table } = on.analysis;
  if (typeof which === "string") {
    const lock = table.classes.get(which);
    return lock === undefined ? [] : [{ lock, of: "self" }];
  }
  const arg = call.args[which];
  if (arg === undefined) return [];
  return on.evaluator.value(arg, state).atoms.flatMap((atom): Named[] => {
    // A static variable of a function is one for all its calls.
    const own = atom.kind === "object" ? table.ofMember(atom.path) : null;
    if (own !== null) return [{ lock: own, of: "self" }];
    if (atom.kind !== "member") return [];
    const lock = table.ofMember(atom.member);
    if (lock === null) {
      on.context.unclassed(atom.member, call.line);
      return [];
    }
    const of = lock.per === "vcpu" ? atom.of : atom.of === "other" && lock.per === "vm" ? "other" : "self";
    return [{ lock, of }];
  });
}

/** Null when the call is not what the rule speaks of, because an argument has another value. */
function lockEffect(on: Execution, name: string, rule: LockCall, call: Call, state: State): Effect[] | null {
  if (rule.when !== undefined) {
    const arg = call.args[rule.when.argument];
    const wanted = on.analysis.constant(rule.when.is);
    if (arg === undefined || wanted === null || constantOf(on.evaluator.value(arg, state)) !== wanted) return null;
  }
  const given = call.args.map((arg) => on.evaluator.value(arg, state));
  const objects = rule.when === undefined ? [] : given;
  // Of several locks that it may be, none is held for sure any more.
  const dropped = rule.drops === undefined ? [] : locksOf(on, rule.drops, call, state);
  const taken = rule.takes === undefined ? null : lockOf(on, rule.takes, call, state);
  for (const { lock, of } of dropped) {
    const rest = drop(state.locks, lock.name, of);
    // Of a lock of several, or of a protocol, it may be given back what nobody knows of to be held.
    const isOne = dropped.length === 1 && of === "self" && lock.by === "derived";
    if (isOne) on.analysis.drops(on.context.place(call.line), lock.name, rest !== null);
    if (rest !== null) state.locks = rest;
    if (find(state.locks, lock.name, of) === null) state.taken.delete(heldKey({ lock: lock.name, of }));
  }
  if (rule.takes === undefined) return [{ state: forgetting(state, objects), value: TOP }];
  const failed = rule.success === undefined ? null : forgetting(state.copy(), objects);
  if (taken !== null) {
    const { lock, of } = taken;
    on.analysis.takes(lock.name, name);
    const held = { lock: lock.name, of };
    const key = heldKey(held);
    // One that is taken again is held from where it was taken first, which may be in a caller: it is held when this one is dropped.
    const isHeld = lock.nests && find(state.locks, lock.name, of) !== null;
    state.locks = take(state.locks, lock.name, of, rule.mode, lock.nests);
    if (!isHeld && !state.taken.has(key)) state.taken.set(key, { ...on.context.place(call.line), held });
  }
  forgetting(state, objects);
  if (failed === null) return [{ state, value: TOP }];
  const success: Effect = { state, value: rule.success === "zero" ? ZERO : NOT_ZERO };
  return [{ state: failed, value: rule.success === "zero" ? NEGATIVES : ZERO }, success];
}

function assertion(on: Execution, name: string, call: Call, state: State): Effect[] {
  const rule = on.analysis.source.rules.locks.asserts[name];
  const named = rule?.lock === undefined ? null : lockOf(on, rule.lock, call, state);
  if (rule === undefined || named === null) return [{ state, value: TOP }];
  const { lock, of } = named;
  const held = find(state.locks, lock.name, of) ?? find(state.locks, lock.name, "all");
  const holds = held !== null && (rule.mode === "any" || held.mode === rule.mode);
  const isTrusted = held === null && on.context.input.isEntry === true;
  on.context.assert({ line: call.line, lock: lock.name, wanted: rule.mode, holds, isTrusted }, state);
  // A way on which the source says that it cannot be gone: the lock is held, but not as it must be.
  if (held !== null && !holds) {
    on.analysis.pruned(on.context.place(call.line), lock.name, rule.mode);
    return [];
  }
  if (isTrusted) {
    // Held in any mode is no more than held for reading, where there is such a mode.
    const isShared = rule.mode === "shared" || (rule.mode === "any" && hasSharedMode(lock.kind));
    state.locks = take(state.locks, lock.name, of, isShared ? "shared" : "exclusive", lock.nests);
    const place = on.context.place(call.line);
    on.analysis.trust(place, lock.name);
    const own = { lock: lock.name, of };
    state.taken.set(heldKey(own), { ...place, held: own, isAsserted: true });
  }
  return [{ state, value: TOP }];
}

// ---------------------------------------------------------------- SEAMCALLs and call-backs

function seamcall(on: Execution, name: string, call: Call, at: number, state: State): Effect[] {
  const { bars, seamcalls } = on.analysis.source.rules;
  const position = seamcalls.calls[name] ?? 0;
  const arg = call.args[position];
  const value = arg === undefined ? TOP : on.evaluator.value(arg, state);
  const mayBeBarred = Object.keys(bars).filter((bar) => truthOf(on.evaluator.factOf(bar, state)).yes);
  on.context.seamcall({ at, line: call.line, leaf: constantOf(value), mayBeBarred: new Set(mayBeBarred) }, state);
  const args = call.args.map((e) => on.evaluator.value(e, state));
  return on.made(constantOf(value), at, forgetting(state, args));
}

/** Runs something where it is known what a call gives, which is not known afterwards. */
function onCpu(call: string, gives: Value, state: State, run: (cpu: State) => Effect[]): Effect[] {
  const cpu = state.copy();
  cpu.facts = factsOf(new Map([...state.facts.values, [factOfOne(call), gives]]));
  return run(cpu).map((effect) => {
    const values = new Map(effect.state.facts.values);
    values.delete(factOfOne(call));
    effect.state.facts = factsOf(values);
    return effect;
  });
}

/** Another CPU, or another task, runs a function; the caller waits for it or goes on. */
function callback(on: Execution, name: string, call: Call, at: number, state: State): Effect[] {
  const rule = on.analysis.source.rules.callbacks[name];
  const args = call.args.map((e) => on.evaluator.value(e, state));
  const fn = rule === undefined ? undefined : args[rule.function];
  if (rule === undefined || fn === undefined) return [{ state, value: TOP }];
  const targets = functionsOf(fn).flatMap((key) => on.analysis.source.byKey(key) ?? []);
  if (targets.length === 0) on.context.trouble("pointer", name, call.line);
  const waits = typeof rule.waits === "boolean" ? rule.waits : !truthOf(args[rule.waits] ?? TOP).no;
  const given = rule.argument === undefined ? [] : [args[rule.argument] ?? TOP];
  const effects = targets
    .filter((info) => on.analysis.reach.matters(info))
    .flatMap((info) => {
      // The caller's locks stay held for as long as it waits.
      const locks = waits ? state.locks : NO_LOCKS;
      const from = { at, line: call.line, cases: call.cases };
      const run = (context: string, cpu: State): Effect[] => on.invoke(info, given, cpu, { ...from, context }, locks);
      const { one } = rule;
      if (one === undefined) return run(rule.context, state);
      const alone = number(BigInt(one.gives));
      return [
        ...onCpu(one.call, alone, state, (cpu) => run(one.context, cpu)),
        ...onCpu(one.call, setOf(NOT_ZERO.atoms.filter((a) => !alone.atoms.includes(a))), state, (cpu) =>
          run(rule.context, cpu),
        ),
      ];
    });
  if (effects.length === 0) return [{ state: forgetting(state, given), value: TOP }];
  return effects.map((effect) => ({ state: effect.state, value: rule.gives ? effect.value : TOP }));
}
