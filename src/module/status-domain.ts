/** Statuses: what the tree's functions make of them, and which of BUSY class come into being without a lock. */

import {
  type AbstractState,
  type Call,
  Domain,
  type Evaluated,
  equal,
  type Frame,
  type FunctionAst,
  idOf,
  isConst,
  type LoopAdvice,
  type LoopStmt,
  type Lvalue,
  num,
  sym,
  type Value,
  valueText,
} from "../c/index.ts";
import type { Site } from "../catalog/index.ts";
import { type BusyFact, statusKind, union } from "./events.ts";
import type { Knowledge } from "./knowledge.ts";
import type { LockDomain } from "./lock-domain.ts";
import type { StatusChange } from "./rules.ts";

/** Low and high half of a status. */
const LOW = 0xffffffffn;
const isErrorBitSet = (status: bigint): boolean => status >> 63n === 1n;

/** A status with the error bit set, by what it is alone. */
export const isErrorValue = (value: Value): boolean =>
  value.t === "error" || (value.t === "num" && isErrorBitSet(value.v));

type Constant = Extract<Value, { t: "num" }>;

/** The constants that a value may be, whichever a condition chooses. */
export function constantsIn(value: Value | null): readonly Constant[] {
  if (value?.t === "ite") return [...constantsIn(value.a), ...constantsIn(value.b)];
  return value?.t === "num" ? [value] : [];
}

export class StatusDomain extends Domain<readonly BusyFact[]> {
  private readonly knowledge: Knowledge;
  private readonly locks: LockDomain;

  constructor(knowledge: Knowledge, locks: LockDomain) {
    super();
    this.knowledge = knowledge;
    this.locks = locks;
  }

  initial(): readonly BusyFact[] {
    return [];
  }

  merge(a: readonly BusyFact[], b: readonly BusyFact[]): readonly BusyFact[] {
    return union(a, b);
  }

  /** Which status a failure, or a BUSY status that no lock gives, has become is what the leaf returns for it. */
  override canJoin(a: AbstractState, b: AbstractState): boolean {
    const isTold = (state: AbstractState) => this.locks.of(state).failure !== null || this.of(state).length > 0;
    return !(isTold(a) || isTold(b)) || a.hasSameErrors(b);
  }

  private isBusy = (value: Value): boolean =>
    value.t === "num" && value.name !== null && this.knowledge.rules.busyStatuses.test(value.name);

  /** What a caller makes of a BUSY status is told. */
  override isApart(error: Value): boolean {
    return this.isBusy(error);
  }

  /** By name: the module's "no address" constants have the error bit too. */
  override isError(value: Value): boolean {
    return value.t === "num" && isErrorBitSet(value.v) && value.name?.startsWith("TDX_") === true;
  }

  /** An unknown status that is known not to be success is an error. */
  override result(fn: FunctionAst, value: Value, state: AbstractState): Value {
    const isFailure =
      value.t === "sym" &&
      this.knowledge.rules.statusTypes.test(fn.type) &&
      isConst(state.simplify(equal(value, num(0))), false);
    return isFailure ? { t: "error" } : value;
  }

  /** Which error a call returns matters only to a caller that tells errors apart, and after a failure. */
  override classOf(value: Value, state: AbstractState, callers: readonly Site[]): string | null {
    if (!isErrorValue(value) || this.locks.of(state).failure !== null) return null;
    // What a caller makes of it is told.
    if (this.isBusy(value)) return null;
    return this.knowledge.tellErrorsApart(callers) ? null : "error";
  }

  /** The operand in a status that is taken apart. */
  override known({ at }: Lvalue, state: AbstractState): Value | null {
    const { statusOperandField, wordField } = this.knowledge.rules;
    if (at.step?.kind !== "field" || at.step.name !== statusOperandField || at.parent === null) return null;
    const status = state.read(this.engine.space.field(at.parent, wordField));
    return status?.t === "num" ? num(status.v & LOW) : null;
  }

  override call({ name, args, state }: Call): Evaluated<Value>[] | null {
    const { statusChanges } = this.knowledge.rules;
    const change = Object.hasOwn(statusChanges, name) ? statusChanges[name] : undefined;
    return change ? [[state, this.changed(args, change, name, state)]] : null;
  }

  private changed(args: readonly Value[], change: StatusChange, name: string, state: AbstractState): Value {
    const [given, operand] = args;
    const status =
      change.low === "argument"
        ? this.withOperand(given, operand, this.addsOperand(name), state)
        : change.low === "details" && given?.t === "num"
          ? num((given.v >> 32n) << 32n, given.name)
          : given;
    const unknown = () => this.engine.space.fresh("a status");
    return status && change.flags !== null ? withFlags(status, change.flags, state) : (status ?? unknown());
  }

  /** Does the tree's function add the operand to the status, instead of putting it there? */
  private addsOperand(name: string): boolean {
    return !/\boperand\s*=[^=]/.test(this.knowledge.bodyOf(name));
  }

  private withOperand(
    status: Value | undefined,
    operand: Value | undefined,
    adds: boolean,
    state: AbstractState,
  ): Value {
    const each = (s: Value | undefined, o: Value | undefined) => this.withOperand(s, o, adds, state);
    if (status?.t === "num") {
      if (operand?.t === "ite")
        return { t: "ite", c: operand.c, a: each(status, operand.a), b: each(status, operand.b) };
      // An unknown operand leaves the status what it is.
      if (operand?.t !== "num") return status;
      return num(adds ? status.v + operand.v : ((status.v >> 32n) << 32n) | (operand.v & LOW), status.name);
    }
    if (status?.t === "ite") return { t: "ite", c: status.c, a: each(status.a, operand), b: each(status.b, operand) };
    if (!status || !operand) return this.engine.space.fresh("a status");
    if (isFailing(status, state)) return { t: "error" };
    return sym(`status(${idOf(status)},${idOf(operand)})`, `${valueText(status)} with operand ${valueText(operand)}`);
  }

  /** A loop that makes a BUSY status does so in any of its rounds. */
  override loop(s: LoopStmt): LoopAdvice | null {
    return this.knowledge.canBeBusy(s.body) ? { isAnyRound: true } : null;
  }

  /** Remembers a BUSY status that no lock primitive gave. */
  override produced(value: Value, line: number, state: AbstractState, frame: Frame): void {
    const { failure, isGhost } = this.locks.of(state);
    if (failure || isGhost) return;
    const before = this.of(state);
    for (const one of constantsIn(state.resolve(value)))
      if (one.name !== null && this.knowledge.rules.busyStatuses.test(one.name))
        this.note(one.v, line, before, state, frame);
  }

  /** @param before what was there before the value */
  private note(status: bigint, line: number, before: readonly BusyFact[], state: AbstractState, frame: Frame): void {
    const { guards, path } = state;
    const evidence = [...frame.chain, this.engine.site(frame, line)];
    const calls = linesOf(frame.chain);
    // This call has it already, or one that it made.
    const isHandedOn = before.some(
      (fact) =>
        statusKind(fact.status) === statusKind(status) &&
        `${linesOf(fact.evidence.slice(0, -1))}>`.startsWith(calls === "" ? "" : `${calls}>`),
    );
    this.remember(state, [...this.of(state), { status, evidence, guards, path, isHandedOn }]);
  }
}

const linesOf = (chain: readonly Site[]): string => chain.map(({ file, line }) => `${file}:${line}`).join(">");

const isFailing = (status: Value, state: AbstractState): boolean =>
  status.t === "error" || isConst(state.simplify(equal(status, num(0))), false);

/** A status with the flag bits set; what is not known to be an error only becomes some error. */
function withFlags(status: Value, flags: bigint, state: AbstractState): Value {
  if (status.t === "num") return num(status.v | flags, status.name);
  if (status.t === "ite")
    return { ...status, a: withFlags(status.a, flags, state), b: withFlags(status.b, flags, state) };
  if (isFailing(status, state)) return { t: "error" };
  return sym(`flags(${idOf(status)},${flags})`, `${valueText(status)} with flags`);
}
