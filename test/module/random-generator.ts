/**
 * Makes random programs in the style of the module: leaves that take locks, by themselves and through helpers, note in flags which they
 * hold, leave by `goto EXIT` or at once, and give back what they hold; now and then they forget one.
 */

import { Dice } from "../dice.ts";
import {
  addr,
  arrow,
  type BinaryOp,
  bin,
  type CallExpr,
  call,
  deref,
  dot,
  type Expr,
  type Func,
  not,
  num,
  type Program,
  ret,
  run,
  type Stmt,
  set,
  v,
  when,
} from "./random-program.ts";

/** What leaves lock: where the lock is, from `global` or `tdcs_ptr`, and which operand a status names it by. */
export interface LockPlace {
  readonly resource: string;
  readonly kind: "mutex" | "sharex" | "sharex_hp" | "sept_entry";
  readonly of: "global" | "tdcs_ptr";
  readonly path: readonly string[];
  readonly operand: string;
}

export const LOCKS: readonly LockPlace[] = [
  { resource: "GLOBAL", kind: "mutex", of: "global", path: ["global_lock"], operand: "RCX" },
  { resource: "KOT", kind: "sharex", of: "global", path: ["kot", "lock"], operand: "KOT" },
  {
    resource: "TDCS_EPOCH",
    kind: "sharex",
    of: "tdcs_ptr",
    path: ["epoch_tracking", "epoch_lock"],
    operand: "TD_EPOCH",
  },
  { resource: "TDCS", kind: "sharex_hp", of: "tdcs_ptr", path: ["management", "op_state_lock"], operand: "TDCS" },
  {
    resource: "SEPT_TREE",
    kind: "sharex",
    of: "tdcs_ptr",
    path: ["execution", "secure_ept_lock"],
    operand: "SEPT_TREE",
  },
  { resource: "RTMR", kind: "sharex", of: "tdcs_ptr", path: ["measurement", "rtmr_lock"], operand: "RTMR" },
  { resource: "MIG", kind: "sharex", of: "tdcs_ptr", path: ["migration", "mig_lock"], operand: "R8" },
  { resource: "SEPT_ENTRY", kind: "sept_entry", of: "tdcs_ptr", path: [], operand: "SEPT_ENTRY" },
];

/** Of each status that programs make, its number; and of each operand. */
export const STATUS: Readonly<Record<string, bigint>> = {
  TDX_SUCCESS: 0n,
  UNINITIALIZE_ERROR: 0xffffffffffffffffn,
  TDX_OPERAND_INVALID: 0xc000010000000000n,
  TDX_OPERAND_BUSY: 0x8000020000000000n,
  TDX_PREVIOUS_TLB_EPOCH_BUSY: 0x8000020a00000000n,
  TDX_PAGE_METADATA_INCORRECT: 0xc000030000000000n,
  TDX_PAGE_SIZE_MISMATCH: 0xc0000b0b00000000n,
};
export const OPERANDS: Readonly<Record<string, number>> = {
  RCX: 1,
  RDX: 2,
  R8: 8,
  TDR: 128,
  TDCS: 129,
  SEPT_TREE: 141,
  SEPT_ENTRY: 142,
  KOT: 150,
  RTMR: 160,
  TD_EPOCH: 169,
};
const ERRORS = [
  "TDX_OPERAND_INVALID",
  "TDX_PAGE_METADATA_INCORRECT",
  "TDX_PAGE_SIZE_MISMATCH",
  "TDX_PREVIOUS_TLB_EPOCH_BUSY",
];

const status = (name: string): Expr => num(STATUS[name] as bigint, name);
const operand = (name: string): Expr => num(OPERANDS[name] as number, `OPERAND_ID_${name}`);
const withOperand = (e: Expr, name: string): Expr => call("api_error_with_operand_id", e, operand(name));
const TRUE = num(1, "true");
const FALSE = num(0, "false");
const SHARED = num(1, "TDX_LOCK_SHARED");
const EXCLUSIVE = num(2, "TDX_LOCK_EXCLUSIVE");
const GOT = num(1, "LOCK_RET_SUCCESS");
const SUCCESS = status("TDX_SUCCESS");

type Side = "host" | "guest";
type Mode = "SHARED" | "EXCLUSIVE";

/** A helper, and how it is called. */
interface Helper {
  readonly fn: Func;
  /** Locks that it takes: none of them may be held when it is called. */
  readonly uses: readonly LockPlace[];
  /** What its caller holds when it succeeds; to be given back by the helper named here. */
  readonly leaves: { readonly lock: LockPlace; readonly mode: Mode; readonly giver: string | null } | null;
  readonly shape: "take" | "check" | "whole" | "give" | "lock" | "options" | "any";
}

const TAKES: Helper["shape"][] = ["take", "check", "whole", "lock", "options", "any"];

/** A program of some leaves and helpers. */
export function randomProgram(seed: number, leaves = 3): Program {
  const dice = new Dice(seed);
  const helpers: Helper[] = [];
  const wanted = dice.below(4);
  for (let i = 0; i < wanted; i++) helpers.push(...helper(dice, i, dice.pick(TAKES), helpers));
  const functions = Array.from({ length: leaves }, (_, i) => leaf(dice, i, helpers));
  const used = usedBy(functions, helpers);
  return { helpers: helpers.map(({ fn }) => fn).filter(({ name }) => used.has(name)), leaves: functions };
}

// ------------------------------------------------------------------ one function

/** How a function keeps a lock in mind. */
interface Managed {
  readonly lock: LockPlace;
  readonly mode: Mode;
  /** The variable that says whether it is held. */
  readonly flag: string;
  /** The mode stands in a variable. */
  readonly modeIn: string | null;
}

class Body {
  readonly dice: Dice;
  readonly helpers: readonly Helper[];
  readonly side: Side;
  readonly isVoid: boolean;
  readonly managed: readonly Managed[];
  readonly ints: string[] = ["gpa", "flags"];
  readonly bools: string[] = [];
  /** What may be held at the statement that is being made. */
  private maybe = new Set<LockPlace>();
  /** How to give back what is held for a while only; the innermost last. */
  private scoped: Stmt[] = [];
  private budget: number;
  private names = 0;
  private readonly isLeaky: boolean;
  private loops = 0;

  constructor(dice: Dice, helpers: readonly Helper[], side: Side, budget: number, isVoid = false) {
    this.dice = dice;
    this.helpers = helpers;
    this.side = side;
    this.budget = budget;
    this.isVoid = isVoid;
    this.isLeaky = dice.chance(15);
    const candidates = LOCKS.filter(() => dice.chance(35));
    this.managed = candidates.map((lock): Managed => {
      const name = lock.resource.toLowerCase();
      const mode: Mode = hasModes(lock) && dice.chance(50) ? "SHARED" : "EXCLUSIVE";
      const modeIn = hasModes(lock) && dice.chance(20) ? `${name}_mode` : null;
      return { lock, mode, flag: `${name}_locked`, modeIn };
    });
  }

  /** All of a function that takes locks and gives them back at its end. */
  whole(): Stmt[] {
    const { dice } = this;
    const declared: Stmt[] = [
      { k: "declare", type: "tdx_module_global_t*", name: "global", init: call("get_global_data") },
      {
        k: "declare",
        type: "api_error_type",
        name: "return_val",
        init: dice.chance(50) ? status("UNINITIALIZE_ERROR") : SUCCESS,
      },
      {
        k: "declare",
        type: "ia32e_sept_t*",
        name: "sept_entry",
        init: call("secure_ept_walk", v("tdcs_ptr"), v("gpa")),
      },
      ...this.managed.flatMap(({ flag, modeIn, mode }): Stmt[] => [
        { k: "declare", type: "bool_t", name: flag, init: FALSE },
        ...(modeIn === null
          ? []
          : [{ k: "declare", type: "lock_type_t", name: modeIn, init: modeOf(mode) } as const satisfies Stmt]),
      ]),
    ];
    const body = this.statements(3);
    const cleanup = this.managed
      .map((m) => when(v(m.flag), [run(this.release(m.lock, m.mode, m.modeIn))]))
      .filter(() => !this.isLeaky || dice.chance(70));
    if (dice.chance(40)) cleanup.reverse();
    return [
      ...declared,
      ...body,
      run(set(v("return_val"), SUCCESS)),
      { k: "label", name: "EXIT" },
      ...cleanup,
      ret(v("return_val")),
    ];
  }

  statements(depth: number): Stmt[] {
    const count = 1 + this.dice.below(depth + 1);
    const made: Stmt[] = [];
    // What is declared in a block is seen there only.
    const [ints, bools] = [this.ints.length, this.bools.length];
    for (let i = 0; i < count && this.budget > 0; i++) made.push(...this.statement(depth));
    this.ints.length = ints;
    this.bools.length = bools;
    return made;
  }

  private statement(depth: number): Stmt[] {
    const { dice } = this;
    this.budget--;
    const simple = [
      () => this.takeManaged(),
      () => this.takeManaged(),
      () => this.giveManaged(),
      () => this.fails(),
      () => this.assigns(),
      () => this.callHelper(),
      () => this.callHelper(),
    ];
    const nested = [
      () => this.scopedTake(depth),
      () => this.scopedTake(depth),
      () => this.branch(depth),
      () => this.branch(depth),
      () => this.chooses(depth),
      () => this.repeats(depth),
      () => this.chosenPointer(),
      () => this.promotes(),
    ];
    return dice.pick(depth > 0 ? [...simple, ...nested] : simple)();
  }

  // ---------------------------------------------------------------- locks

  lockOf({ kind, of, path }: LockPlace): Expr {
    return kind === "sept_entry" ? v("sept_entry") : addr(arrow(v(of), ...path));
  }

  /** An attempt to take a lock: the call, and what it gives when it succeeds. */
  private attempt(lock: LockPlace, mode: Mode, modeIn: string | null = null): { take: CallExpr; success: Expr } {
    const at = this.lockOf(lock);
    const guest = this.side === "guest" ? TRUE : FALSE;
    const suffix = mode === "SHARED" ? "sh" : "ex";
    const general = modeIn !== null || this.dice.chance(30);
    const given = modeIn === null ? modeOf(mode) : v(modeIn);
    switch (lock.kind) {
      case "mutex":
        return { take: call("acquire_mutex_lock", at), success: GOT };
      case "sept_entry":
        return { take: call(`sept_lock_acquire_${this.side}`, at), success: SUCCESS };
      case "sharex":
        return {
          take: general ? call("acquire_sharex_lock", at, given) : call(`acquire_sharex_lock_${suffix}`, at),
          success: GOT,
        };
      case "sharex_hp":
        return {
          take: general
            ? call("acquire_sharex_lock_hp", at, given, guest)
            : call(`acquire_sharex_lock_hp_${suffix}`, at, guest),
          success: SUCCESS,
        };
    }
  }

  release(lock: LockPlace, mode: Mode, modeIn: string | null = null): CallExpr {
    const at = this.lockOf(lock);
    const wrong: Mode = this.isLeaky && this.dice.chance(10) ? (mode === "SHARED" ? "EXCLUSIVE" : "SHARED") : mode;
    const suffix = wrong === "SHARED" ? "sh" : "ex";
    switch (lock.kind) {
      case "mutex":
        return call("release_mutex_lock", at);
      case "sept_entry":
        return call("sept_lock_release", at);
      default:
        return modeIn !== null
          ? call(`release_${lock.kind}_lock`.replace("_hp_lock", "_lock_hp"), at, v(modeIn))
          : call(`release_${lock.kind}_lock_${suffix}`.replace("_hp_lock_", "_lock_hp_"), at);
    }
  }

  /** Takes a lock; where it is busy, the function ends, or goes on without. `got` is what follows when it was taken. */
  private take(
    { take, success }: { take: CallExpr; success: Expr },
    lock: LockPlace,
    got: readonly Stmt[],
    mayGoOn = true,
  ): Stmt[] {
    const { dice } = this;
    const isStatus = success === SUCCESS;
    const busy = isStatus && dice.chance(80) ? v("return_val") : status("TDX_OPERAND_BUSY");
    if (isStatus && busy.k === "var") {
      const failed = this.ends(withOperand(busy, lock.operand), dice.chance(85));
      const test = dice.chance(30)
        ? [when(bin("!=", set(v("return_val"), take), SUCCESS), failed)]
        : [run(set(v("return_val"), take)), when(bin("!=", v("return_val"), SUCCESS), failed)];
      return [...test, ...got];
    }
    const how = mayGoOn ? dice.below(12) : dice.below(10);
    if (how >= 10) return [when(bin("==", take, success), got, dice.chance(30) ? this.statements(0) : null)];
    const named = lock.operand === "RCX" && dice.chance(50) ? busy : withOperand(busy, lock.operand);
    const failed = this.ends(how === 0 ? call("api_error_fatal", named) : named, true);
    return [when(bin("!=", take, success), failed), ...got];
  }

  /** The statements with which a function ends in a status. */
  private ends(e: Expr, givesBack: boolean): Stmt[] {
    const { dice } = this;
    const back = givesBack && !(this.isLeaky && dice.chance(30)) ? [...this.scoped].reverse() : [];
    if (e.k === "call" && e.fn === "api_error_with_operand_id" && dice.chance(12)) {
      // Another status in some cases.
      const [given] = e.args as readonly [Expr];
      const other = dice.chance(50) ? call("api_error_fatal", e) : withOperand(given, dice.pick(["RCX", "RDX", "R8"]));
      const c = this.condition(1);
      const chosen: Stmt[] = dice.chance(50)
        ? [run(set(v("return_val"), { k: "ite", c, a: e, b: other }))]
        : [when(c, [run(set(v("return_val"), e))], [run(set(v("return_val"), other))])];
      return [...chosen, ...back, { k: "goto", name: "EXIT" }];
    }
    if (this.dice.chance(75) || this.maybe.size > 0)
      return [run(set(v("return_val"), e)), ...back, { k: "goto", name: "EXIT" }];
    return [...back, ret(e)];
  }

  private takeManaged(): Stmt[] {
    const free = this.managed.filter(({ lock }) => !this.maybe.has(lock));
    if (free.length === 0) return this.assigns();
    const m = this.dice.pick(free);
    const noted = run(set(v(m.flag), TRUE));
    const modeSet: Stmt[] = [];
    const attempt = this.attempt(m.lock, m.mode, m.modeIn);
    if (this.dice.chance(8) && attempt.success === GOT) {
      this.maybe.add(m.lock);
      return [run(set(v(m.flag), bin("==", attempt.take, GOT)))];
    }
    if (this.dice.chance(8)) {
      // So often and no more.
      const i = this.fresh("i", "int");
      const isGot = bin("==", attempt.take, attempt.success);
      this.maybe.add(m.lock);
      return [
        { k: "declare", type: "uint16_t", name: i, init: num(0) },
        {
          k: "loop",
          form: "for",
          init: set(v(i), num(0)),
          test: bin("<", v(i), num(2)),
          step: { k: "step", of: v(i) },
          body: [when(isGot, [noted, { k: "break" }])],
        },
        ...(this.dice.chance(80)
          ? [when(not(v(m.flag)), this.ends(withOperand(status("TDX_OPERAND_BUSY"), m.lock.operand), true))]
          : []),
      ];
    }
    const made = this.take(attempt, m.lock, [noted]);
    this.maybe.add(m.lock);
    return [...modeSet, ...made];
  }

  /** Gives a lock back before the end, where it is held. */
  private giveManaged(): Stmt[] {
    const taken = this.managed.filter(({ lock }) => this.maybe.has(lock));
    if (taken.length === 0) return this.takeManaged();
    const m = this.dice.pick(taken);
    const given: Stmt[] = [run(this.release(m.lock, m.mode, m.modeIn)), run(set(v(m.flag), FALSE))];
    this.maybe.delete(m.lock);
    // What the flag does not tell of is given back once more at the end.
    return [when(v(m.flag), this.isLeaky && this.dice.chance(20) ? given.slice(0, 1) : given)];
  }

  /** A lock that is held for some statements. */
  private scopedTake(depth: number): Stmt[] {
    const free = LOCKS.filter((lock) => !this.maybe.has(lock) && !this.managed.some((m) => m.lock === lock));
    if (free.length === 0) return this.branch(depth);
    const lock = this.dice.pick(free);
    const mode: Mode = hasModes(lock) && this.dice.chance(50) ? "SHARED" : "EXCLUSIVE";
    const taken = this.take(this.attempt(lock, mode), lock, [], false);
    this.maybe.add(lock);
    const give = run(this.release(lock, mode));
    this.scoped.push(give);
    const inside = this.statements(depth - 1);
    this.scoped.pop();
    this.maybe.delete(lock);
    const isForgotten = this.isLeaky && this.dice.chance(30);
    if (isForgotten) this.maybe.add(lock);
    return [...taken, ...inside, ...(isForgotten ? [] : [give])];
  }

  /** Takes a lock shared and makes it exclusive for a while. */
  private promotes(): Stmt[] {
    const { dice } = this;
    const lock = dice.pick(LOCKS.filter(({ kind }) => kind === "sharex" || kind === "sharex_hp"));
    if (this.maybe.has(lock) || this.managed.some((m) => m.lock === lock)) return this.assigns();
    const taken = this.take(this.attempt(lock, "SHARED"), lock, [], false);
    const isHp = lock.kind === "sharex_hp";
    const give = run(this.release(lock, "SHARED"));
    this.scoped.push(give);
    this.maybe.add(lock);
    const promoted = this.take(
      { take: call(`promote_sharex_lock${isHp ? "_hp" : ""}`, this.lockOf(lock)), success: isHp ? SUCCESS : GOT },
      lock,
      [],
      false,
    );
    this.scoped.pop();
    this.maybe.delete(lock);
    const demotes = !isHp && dice.chance(50);
    const end = demotes
      ? [run(call("demote_sharex_lock", this.lockOf(lock))), give]
      : [run(this.release(lock, "EXCLUSIVE"))];
    if (!demotes && !isHp && dice.chance(30)) {
      // On some ways only.
      const c = this.condition(1);
      return [...taken, when(c, [...promoted, run(call("demote_sharex_lock", this.lockOf(lock)))]), give];
    }
    return [...taken, ...promoted, ...end];
  }

  /** A pointer to one of two locks. */
  private chosenPointer(): Stmt[] {
    const [a, b] = [this.freeSharex(), this.freeSharex()];
    if (a === null || b === null || a === b) return this.assigns();
    const name = this.fresh("lock_p", "other");
    const mode: Mode = this.dice.chance(50) ? "SHARED" : "EXCLUSIVE";
    const suffix = mode === "SHARED" ? "sh" : "ex";
    const take = call(`acquire_sharex_lock_${suffix}`, v(name));
    const failed = this.ends(withOperand(status("TDX_OPERAND_BUSY"), "RDX"), true);
    const give = run(call(`release_sharex_lock_${suffix}`, v(name)));
    return [
      {
        k: "declare",
        type: "sharex_lock_t*",
        name,
        init: { k: "ite", c: this.condition(1), a: this.lockOf(a), b: this.lockOf(b) },
      },
      when(bin("!=", take, GOT), failed),
      give,
    ];
  }

  private freeSharex(): LockPlace | null {
    const free = LOCKS.filter(
      (lock) => lock.kind === "sharex" && !this.maybe.has(lock) && !this.managed.some((m) => m.lock === lock),
    );
    return free.length === 0 ? null : this.dice.pick(free);
  }

  // ---------------------------------------------------------------- control

  private branch(depth: number): Stmt[] {
    const c = this.condition(2);
    const before = new Set(this.maybe);
    const yes = this.statements(depth - 1);
    const after = this.maybe;
    this.maybe = new Set(before);
    const no = this.dice.chance(45) ? this.statements(depth - 1) : null;
    for (const lock of after) this.maybe.add(lock);
    return [when(c, yes, no)];
  }

  private chooses(depth: number): Stmt[] {
    const before = new Set(this.maybe);
    const after = new Set<LockPlace>(this.maybe);
    const cases = [0n, 1n, 2n].filter(() => this.dice.chance(75)).map((label) => [label] as (bigint | null)[]);
    if (this.dice.chance(60)) cases.push([null]);
    if (cases.length > 1 && this.dice.chance(25)) {
      const [first = []] = cases.splice(0, 1);
      cases[0] = [...first, ...(cases[0] ?? [])];
    }
    const made = cases.map((labels) => {
      const falls = this.dice.chance(20);
      if (!falls) this.maybe = new Set(before);
      for (const lock of after) if (falls) this.maybe.add(lock);
      const body = this.statements(depth - 1);
      for (const lock of this.maybe) after.add(lock);
      return { labels, body, falls };
    });
    this.maybe = after;
    // What a case falls into must not take what it has taken: each case but the last ends in `break` unless that is sure.
    return [
      {
        k: "switch",
        on: this.int(1),
        cases: made.map(({ labels, body }, i) => ({
          labels,
          body: made[i + 1]?.falls === true ? body : [...body, { k: "break" }],
        })),
      },
    ];
  }

  private repeats(depth: number): Stmt[] {
    if (this.loops > 0) return this.branch(depth);
    const { dice } = this;
    const i = this.fresh("i", "int");
    const bound = dice.chance(60) ? num(1 + dice.below(3)) : this.int(0);
    const before = new Set(this.maybe);
    this.loops++;
    const body = this.statements(depth - 1);
    this.loops--;
    // Of what one round keeps, the next one would take it again.
    const keeps = [...this.maybe].some((lock) => !before.has(lock));
    if (keeps || dice.chance(15)) {
      const early: Stmt = { k: "break" };
      body.push(keeps ? early : when(this.condition(1), [dice.chance(50) ? early : { k: "continue" }]));
    }
    for (const lock of before) this.maybe.add(lock);
    const declared: Stmt = { k: "declare", type: "uint16_t", name: i, init: num(0) };
    const test = bin("<", v(i), bound);
    if (dice.chance(70))
      return [declared, { k: "loop", form: "for", init: set(v(i), num(0)), test, step: { k: "step", of: v(i) }, body }];
    const counted: Stmt[] = [run({ k: "step", of: v(i) }), ...body];
    return [
      declared,
      { k: "loop", form: dice.chance(50) ? "do" : "while", init: null, test, step: null, body: counted },
    ];
  }

  private fails(): Stmt[] {
    const name = this.dice.pick(ERRORS);
    const e = this.dice.chance(50) ? status(name) : withOperand(status(name), this.dice.pick(["RCX", "RDX", "R8"]));
    return [when(this.condition(2), this.ends(e, true))];
  }

  // ---------------------------------------------------------------- data

  private assigns(): Stmt[] {
    const { dice } = this;
    const how = dice.below(6);
    if (how === 0 || (how === 1 && this.ints.length < 3)) {
      const init = this.int(2);
      return [{ k: "declare", type: "uint64_t", name: this.fresh("x", "int"), init }];
    }
    if (how === 1) {
      const [, , ...own] = this.ints;
      const x = dice.pick(own);
      if (/^i\d/.test(x)) return [];
      return [run(dice.chance(30) ? { k: "set", op: "+=", to: v(x), from: num(1) } : set(v(x), this.int(2)))];
    }
    if (how === 2) {
      const init = this.condition(1);
      return [{ k: "declare", type: "bool_t", name: this.fresh("b", "bool"), init }];
    }
    if (how === 3 && this.bools.length > 0) return [run(set(v(dice.pick(this.bools)), this.condition(1)))];
    if (how === 4) return [run(set(this.field(), this.int(1)))];
    const name = dice.pick(ERRORS);
    return [when(this.condition(1), [run(set(v("return_val"), dice.chance(50) ? SUCCESS : status(name)))])];
  }

  private fresh(stem: string, kind: "int" | "bool" | "other"): string {
    const name = `${stem}${this.names++}`;
    if (kind === "int") this.ints.push(name);
    if (kind === "bool") this.bools.push(name);
    return name;
  }

  private field(): Expr {
    return this.dice.chance(75)
      ? arrow(v("tdcs_ptr"), "executions", this.dice.pick(["count", "level", "is_ready"]))
      : arrow(v("global"), this.dice.pick(["num_keys", "is_shut"]));
  }

  int(depth: number): Expr {
    const { dice } = this;
    const how = dice.below(depth > 0 ? 8 : 5);
    if (how === 0) return num(dice.below(4));
    if (how <= 3) return v(dice.pick(this.ints));
    if (how === 4) return this.field();
    if (how === 5) return bin("&", this.int(depth - 1), num(1 + dice.below(3)));
    if (how === 6) return bin("+", this.int(depth - 1), num(1));
    return { k: "ite", c: this.condition(0), a: this.int(depth - 1), b: this.int(depth - 1) };
  }

  condition(depth: number): Expr {
    const { dice } = this;
    const how = dice.below(depth > 0 ? 10 : 7);
    if (how === 0 && this.bools.length > 0) return v(dice.pick(this.bools));
    if (how === 1) return this.field();
    if (how === 2) return call(dice.pick(["is_private", "is_large"]), v(dice.pick(["gpa", "flags"])));
    if (how === 3) return bin("!=", bin("&", v(dice.pick(this.ints)), num(1 << dice.below(2))), num(0));
    if (how <= 6)
      return bin(
        dice.pick<BinaryOp>(["==", "==", "!=", "<", ">", ">=", "<="]),
        this.int(depth > 0 ? 1 : 0),
        num(dice.below(4)),
      );
    if (how === 7) return not(this.condition(depth - 1));
    return bin(how === 8 ? "&&" : "||", this.condition(depth - 1), this.condition(depth - 1));
  }

  // ---------------------------------------------------------------- helpers

  private callHelper(): Stmt[] {
    const { dice } = this;
    const fit = this.helpers.filter(
      ({ uses, shape }) =>
        shape !== "give" && uses.every((lock) => !this.maybe.has(lock) && !this.managed.some((m) => m.lock === lock)),
    );
    if (fit.length === 0) return this.fails();
    const { fn, shape, leaves } = dice.pick(fit);
    const failed = () =>
      dice.chance(80)
        ? this.ends(dice.chance(60) ? v("return_val") : withOperand(v("return_val"), "RDX"), true)
        : this.ends(status("TDX_OPERAND_INVALID"), true);
    const checked = (e: Expr, got: readonly Stmt[]): Stmt[] => [
      run(set(v("return_val"), e)),
      when(bin("!=", v("return_val"), SUCCESS), failed()),
      ...got,
    ];
    if (shape === "lock") {
      const lock = this.freeSharex();
      if (lock === null) return this.fails();
      const mode: Mode = dice.chance(50) ? "SHARED" : "EXCLUSIVE";
      const made = checked(call(fn.name, this.lockOf(lock), modeOf(mode), operand(lock.operand)), []);
      const give = run(this.release(lock, mode));
      this.scoped.push(give);
      this.maybe.add(lock);
      const inside = this.statements(0);
      this.scoped.pop();
      this.maybe.delete(lock);
      return [...made, ...inside, give];
    }
    if (shape === "options") {
      const lock = this.freeSharex();
      if (lock === null) return this.fails();
      const options = this.fresh("options", "other");
      const mode: Mode = dice.chance(50) ? "SHARED" : "EXCLUSIVE";
      const give = run(call(fn.name.replace("take", "give"), addr(v(options))));
      const declared: Stmt[] = [
        { k: "declare", type: "options_t", name: options, init: null },
        run(set(dot(v(options), "lock_p"), this.lockOf(lock))),
        run(
          set(
            dot(v(options), "mode"),
            dice.chance(70) ? modeOf(mode) : { k: "ite", c: this.condition(0), a: SHARED, b: EXCLUSIVE },
          ),
        ),
        run(set(dot(v(options), "is_wanted"), dice.chance(50) ? TRUE : this.condition(1))),
        run(set(dot(v(options), "is_locked"), FALSE)),
      ];
      const made = checked(call(fn.name, addr(v(options))), []);
      this.scoped.push(give);
      this.maybe.add(lock);
      const inside = this.statements(0);
      this.scoped.pop();
      this.maybe.delete(lock);
      return [...declared, ...made, ...inside, give];
    }
    if (shape === "check") {
      const out = this.fresh("x", "int");
      const declared: Stmt = { k: "declare", type: "uint64_t", name: out, init: num(0) };
      return [declared, ...checked(call(fn.name, v("tdcs_ptr"), this.int(0), addr(v(out))), [])];
    }
    if (shape === "take" && leaves !== null) {
      const flag = this.fresh("locked", "other");
      const declared: Stmt = { k: "declare", type: "bool_t", name: flag, init: FALSE };
      const args = [v("tdcs_ptr"), v("gpa"), addr(v(flag))];
      const give =
        leaves.giver === null
          ? when(v(flag), [run(this.release(leaves.lock, leaves.mode))])
          : run(call(leaves.giver, v("tdcs_ptr"), v("gpa"), v(flag)));
      // What a helper took may be held though it failed.
      this.scoped.push(give);
      this.maybe.add(leaves.lock);
      const made = checked(call(fn.name, ...args), []);
      const inside = this.statements(0);
      this.scoped.pop();
      this.maybe.delete(leaves.lock);
      return [declared, ...made, ...inside, give];
    }
    return checked(call(fn.name, v("tdcs_ptr"), this.int(0), v("flags")), []);
  }
}

const hasModes = ({ kind }: LockPlace): boolean => kind === "sharex" || kind === "sharex_hp";
const modeOf = (mode: Mode): Expr => (mode === "SHARED" ? SHARED : EXCLUSIVE);

// ------------------------------------------------------------------ leaves and helpers

function leaf(dice: Dice, i: number, helpers: readonly Helper[]): Func {
  const side: Side = dice.chance(30) ? "guest" : "host";
  const body = new Body(dice, helpers, side, 3 + dice.below(9));
  // The TD that runs, or, of a host's call, one that it names.
  const own = dot(arrow(call("get_local_data"), "vp_ctx"), "tdcs");
  const named = call("map_pa", v("flags"), num(3, "TDX_RANGE_RW"));
  return {
    name: `td${side === "host" ? "h" : "g"}_rand_${i}`,
    returns: "api_error_type",
    params: [
      { type: "uint64_t", name: "gpa" },
      { type: "uint64_t", name: "flags" },
    ],
    body: [
      {
        k: "declare",
        type: "tdcs_t*",
        name: "tdcs_ptr",
        init: side === "host" && dice.chance(60) ? named : own,
      },
      ...body.whole(),
    ],
  };
}

const TDCS = { type: "tdcs_t*", name: "tdcs_ptr" };
const GPA = { type: "uint64_t", name: "gpa" };
const FLAGS = { type: "uint64_t", name: "flags" };

function helper(dice: Dice, i: number, shape: Helper["shape"], known: readonly Helper[]): Helper[] {
  const returns = "api_error_type";
  switch (shape) {
    case "lock": {
      const params = [
        { type: "sharex_lock_t*", name: "lock" },
        { type: "lock_type_t", name: "mode" },
        { type: "uint64_t", name: "operand" },
      ];
      const busy = call("api_error_with_operand_id", status("TDX_OPERAND_BUSY"), v("operand"));
      const body = [when(bin("!=", call("acquire_sharex_lock", v("lock"), v("mode")), GOT), [ret(busy)]), ret(SUCCESS)];
      return [{ fn: { name: `lock_${i}`, returns, params, body }, uses: [], leaves: null, shape }];
    }
    case "options": {
      const params = [{ type: "options_t*", name: "options" }];
      const o = (name: string) => arrow(v("options"), name);
      const busy = withOperand(status("TDX_OPERAND_BUSY"), "R8");
      const take: Stmt[] = [
        when(o("is_wanted"), [
          when(bin("!=", call("acquire_sharex_lock", o("lock_p"), o("mode")), GOT), [ret(busy)]),
          run(set(o("is_locked"), TRUE)),
        ]),
        ret(SUCCESS),
      ];
      const give: Stmt[] = [
        when(o("is_locked"), [
          run(call("release_sharex_lock", o("lock_p"), o("mode"))),
          run(set(o("is_locked"), FALSE)),
        ]),
      ];
      return [
        { fn: { name: `take_${i}`, returns, params, body: take }, uses: [], leaves: null, shape },
        { fn: { name: `give_${i}`, returns: "void", params, body: give }, uses: [], leaves: null, shape: "give" },
      ];
    }
    case "check": {
      const inner = new Body(dice, [], "host", 0);
      const out = deref(v("out"));
      const body: Stmt[] = [
        { k: "declare", type: "tdx_module_global_t*", name: "global", init: call("get_global_data") },
        when(inner.condition(1), [ret(withOperand(status(dice.pick(ERRORS)), "RCX"))]),
        run(set(out, inner.int(1))),
        ...(dice.chance(50) ? [when(inner.condition(1), [run(set(out, num(3)))])] : []),
        ret(SUCCESS),
      ];
      const params = [TDCS, GPA, { type: "uint64_t*", name: "out" }];
      return [{ fn: { name: `check_${i}`, returns, params, body: usingFlags(body) }, uses: [], leaves: null, shape }];
    }
    case "take": {
      const lock = dice.pick(LOCKS.filter(({ of, kind }) => of === "tdcs_ptr" && kind !== "sept_entry"));
      const mode: Mode = dice.chance(50) ? "SHARED" : "EXCLUSIVE";
      const inner = new Body(dice, [], "host", 0);
      const suffix = mode === "SHARED" ? "sh" : "ex";
      const isHp = lock.kind === "sharex_hp";
      const name = `acquire_sharex_lock${isHp ? "_hp" : ""}_${suffix}`;
      const take = isHp ? call(name, inner.lockOf(lock), FALSE) : call(name, inner.lockOf(lock));
      const giver = dice.chance(50) ? `give_${i}` : null;
      const back = run(call(`release_sharex_lock${isHp ? "_hp" : ""}_${suffix}`, inner.lockOf(lock)));
      const noted = run(set(deref(v("locked_p")), TRUE));
      const late = when(inner.condition(1), [
        ...(dice.chance(60) ? [back, run(set(deref(v("locked_p")), FALSE))] : []),
        ret(status(dice.pick(ERRORS))),
      ]);
      const body: Stmt[] = [
        { k: "declare", type: "tdx_module_global_t*", name: "global", init: call("get_global_data") },
        { k: "declare", type: returns, name: "return_val", init: SUCCESS },
        ...(dice.chance(30) ? [when(inner.condition(1), [ret(SUCCESS)])] : []),
        ...(isHp
          ? [
              run(set(v("return_val"), take)),
              when(bin("!=", v("return_val"), SUCCESS), [ret(withOperand(v("return_val"), lock.operand))]),
            ]
          : [when(bin("!=", take, GOT), [ret(withOperand(status("TDX_OPERAND_BUSY"), lock.operand))])]),
        noted,
        ...(dice.chance(50) ? [late] : []),
        ret(v("return_val")),
      ];
      const params = [TDCS, GPA, { type: "bool_t*", name: "locked_p" }];
      const give: Func = {
        name: `give_${i}`,
        returns: "void",
        params: [TDCS, GPA, { type: "bool_t", name: "locked" }],
        body: [when(v("locked"), [back])],
      };
      return [
        {
          fn: { name: `take_${i}`, returns, params, body: usingFlags(body) },
          uses: [lock],
          leaves: { lock, mode, giver },
          shape,
        },
        { fn: give, uses: [], leaves: null, shape: "give" },
      ];
    }
    default: {
      const body = new Body(dice, shape === "whole" ? [] : known, "host", 2 + dice.below(4));
      const params = [TDCS, GPA, FLAGS];
      return [
        {
          fn: { name: `work_${i}`, returns, params, body: body.whole() },
          uses: LOCKS,
          leaves: null,
          shape: "whole",
        },
      ];
    }
  }
}

/** Helpers that are given no `flags` look at what they are given instead. */
function usingFlags(body: readonly Stmt[]): Stmt[] {
  const text = JSON.stringify(body, (_, value) => (typeof value === "bigint" ? { big: `${value}` } : value));
  return JSON.parse(text.replaceAll('"name":"flags"', '"name":"gpa"'), (_, value) =>
    value !== null && typeof value === "object" && "big" in value ? BigInt(value.big) : value,
  );
}

/** Names of the helpers that leaves come to call. */
function usedBy(leaves: readonly Func[], helpers: readonly Helper[]): ReadonlySet<string> {
  const used = new Set<string>();
  const visit = (fn: Func): void => {
    for (const { fn: callee } of helpers) {
      if (
        used.has(callee.name) ||
        !JSON.stringify(fn.body, (_, x) => (typeof x === "bigint" ? `${x}` : x)).includes(`"${callee.name}"`)
      )
        continue;
      used.add(callee.name);
      visit(callee);
    }
  };
  leaves.forEach(visit);
  return used;
}
