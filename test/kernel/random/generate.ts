/** Random programs in the kernel's style, from a seed. */
import { Dice } from "../../dice.ts";
import {
  ARCH,
  type Arg,
  type BinaryOp,
  type Block,
  BOX,
  type BoxField,
  ERRORS,
  type ErrorName,
  type Expr,
  FIELDS,
  type Field,
  type Fn,
  LEAVES,
  LOCKS,
  type Lock,
  type LockRef,
  type Lvalue,
  type Mode,
  type Param,
  type Program,
  type Seam,
  type Stmt,
  type Type,
} from "./program.ts";

class WeighedDice extends Dice {
  /** True once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }
  /** One of several, each as often as its weight says. */
  weighed<T>(...list: readonly (readonly [number, () => T])[]): T {
    let at = this.below(list.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, make] of list) {
      if (at < weight) return make();
      at -= weight;
    }
    throw new Error("no weight");
  }
}

/** A name that a statement may use. */
interface Known {
  readonly n: string;
  readonly t: Type | "int *" | "u64 *" | "box" | "struct box *" | "struct mutex *" | "struct kvm_arch *";
  /** A counter, which only its loop changes, or a parameter that nothing is stored to. */
  readonly isFixed?: boolean;
}

interface Around {
  readonly names: Known[];
  readonly depth: number;
  readonly inLoop: boolean;
  /** Labels that a `goto` may name. */
  readonly labels: readonly string[];
}

const ERROR_NAMES = Object.keys(ERRORS) as ErrorName[];
const ALL_LOCKS = Object.keys(LOCKS) as Lock[];
/** Members that a program keeps something in. */
const KEPT: readonly Field[] = ["failed", "done", "arch.tries", "arch.seen", "count", "flag"];
const INTS = KEPT.filter((f) => FIELDS[f] === "int");
const BOOLS = KEPT.filter((f) => FIELDS[f] === "bool");
const MUTEXES: readonly Lock[] = ["lock", "slots", "tdx"];

const v = (n: string): Expr => ({ k: "var", n });
const num = (value: number): Expr => ({ k: "num", v: value });
const bin = (op: BinaryOp, a: Expr, b: Expr): Expr => ({ k: "bin", op, a, b });
const not = (a: Expr): Expr => ({ k: "un", op: "!", a });
const set = (to: Lvalue, a: Expr): Stmt => ({ k: "set", to, op: "=", a });
const name = (n: string): Lvalue => ({ k: "var", n });

/** A program of one or two entries and some functions below them. */
export function generate(seed: number): Program {
  const dice = new WeighedDice(seed);
  for (;;) {
    const program = new Generator(dice).program();
    if (program.fns.every((fn) => !fn.isEntry || sizeOf(fn, program) <= MOST_SEAMCALLS)) return program;
  }
}

/** SEAMCALLs of an entry and of what it calls, each as often as it is written: more have more runs than can be made. */
const MOST_SEAMCALLS = 12;

function sizeOf(fn: Fn, program: Program): number {
  const text = JSON.stringify(fn.body);
  const own = text.split('"k":"seam"').length - 1;
  const called = [...text.matchAll(/"fn":"(\w+)"/g)].map(([, name]) => program.fns.find((one) => one.name === name));
  return called.reduce((sum, one) => sum + (one === undefined ? 0 : sizeOf(one, program)), own);
}

class Generator {
  private readonly dice: WeighedDice;
  private count = 0;
  private complaints = 0;
  /** Does the function that is made have a label? */
  private isJumping = false;
  /** The functions so far: those that others may call. */
  private fns: Fn[] = [];
  private fn: Pick<Fn, "ret" | "isEntry"> = { ret: "int", isEntry: false };
  /** Leaves that a program has: few, so that some are made at several places. */
  private readonly leaves: readonly number[];

  constructor(dice: WeighedDice) {
    this.dice = dice;
    this.leaves = Array.from({ length: 1 + dice.below(LEAVES) }, (_, i) => i);
  }

  program(): Program {
    const helpers = this.dice.below(5);
    if (this.dice.once(2)) this.fns.push(...this.lockers());
    if (this.dice.once(2)) this.fns.push(...this.keepers());
    for (let i = 0; i < helpers; i++) this.fns.push(this.helper(i));
    this.fns.push(this.entry("entry0"));
    if (this.dice.once(4)) this.fns.push(this.entry("entry1"));
    return { fns: this.fns };
  }

  private fresh(prefix: string): string {
    return `${prefix}${++this.count}`;
  }

  private entry(called: string): Fn {
    const params: Param[] = Array.from({ length: this.dice.below(3) }, () => ({
      n: this.fresh("a"),
      t: this.dice.pick(["int", "bool", "int"] as const),
    }));
    return this.function(called, "int", params, true);
  }

  /** Functions that do no more than take or drop locks, and one that calls them. */
  private lockers(): Fn[] {
    const { dice } = this;
    const param: Param = { n: "m", t: "struct mutex *" };
    const one = (called: string, params: readonly Param[], body: Block): Fn => ({
      name: called,
      ret: "void",
      params,
      body,
      isEntry: false,
    });
    const step = (k: "take" | "drop"): Stmt => ({ k, ref: { k: "lock", lock: dice.pick(MUTEXES) }, mode: "exclusive" });
    const given = one(
      "locks0",
      [param],
      [{ k: dice.pick(["take", "drop"] as const), ref: { k: "param", n: "m" }, mode: "exclusive" }],
    );
    const steps = dice.pick([["take"], ["drop"], ["drop", "take"], ["take", "drop"]] as const).map(step);
    const own = one(
      "locks1",
      [],
      dice.once(3) ? [{ k: "if", c: { k: "kvm", f: "ready" }, a: steps.slice(0, 1), b: steps.slice(1) }] : steps,
    );
    const outer = one("locks2", [], [{ k: "expr", e: { k: "call", fn: "locks1", args: [] } }]);
    return [given, own, outer];
  }

  /** Functions that do no more than store to a member, or look at one. */
  private keepers(): Fn[] {
    const { dice } = this;
    const one = (called: string, ret: Fn["ret"], body: Block): Fn => ({
      name: called,
      ret,
      params: [],
      body,
      isEntry: false,
    });
    const stored = dice.pick(KEPT);
    const around = this.bare();
    const asked: Expr = { k: "kvm", f: dice.once(2) ? stored : dice.pick(KEPT) };
    return [
      one("keeps0", "void", [
        dice.once(3) ? this.counted(dice.pick(INTS)) : set({ k: "kvm", f: stored }, num(dice.below(2))),
      ]),
      one("keeps1", dice.pick(["bool", "int"] as const), [
        { k: "return", e: dice.once(2) ? asked : { k: "cond", c: asked, a: this.kept(around, "int"), b: num(1) } },
      ]),
    ];
  }

  private bare(): Around {
    return { names: [], depth: 0, inLoop: false, labels: [] };
  }

  /** A member as an expression names it. */
  private member(f: Field, around: Around): Extract<Expr, { k: "kvm" }> {
    const pointers = this.of(around, "struct kvm_arch *");
    if (!f.startsWith(ARCH) || pointers.length === 0 || this.dice.once(3))
      return this.dice.once(4) ? { k: "kvm", f, once: true } : { k: "kvm", f };
    return { k: "kvm", f, by: this.dice.pick(pointers).n };
  }

  private kept(around: Around, t: "int" | "bool"): Extract<Expr, { k: "kvm" }> {
    return this.member(this.dice.pick(t === "int" ? INTS : BOOLS), around);
  }

  private counted(f: Field): Stmt {
    return this.dice.once(2) ? { k: "count", f } : { k: "set", to: { k: "kvm", f }, op: "+=", a: num(1) };
  }

  /** Something kept in a member because of what a SEAMCALL gave, and what is done about that later. */
  private remembered(around: Around): Stmt[] {
    const { dice } = this;
    if (dice.once(5)) {
      const bit = dice.pick([1, 2, 4]);
      const to: Lvalue = { k: "kvm", f: "bits" };
      const test = this.asked(this.seam(around));
      const after = dice.once(2) ? this.statements(this.inner(around)) : [];
      return [
        ...(dice.once(2) ? [] : [set(to, num(0))]),
        { k: "if", c: dice.once(2) ? test : not(test), a: [{ k: "set", to, op: "|=", a: num(bit) }], b: null },
        ...after,
        { k: "if", c: bin("&", to, num(bit)), a: this.reaction(this.inner(around)), b: null },
      ];
    }
    const f = dice.pick(KEPT);
    const to = (): Extract<Expr, { k: "kvm" }> => this.member(f, around);
    const before = dice.below(2);
    const list: Stmt[] = dice.once(3) ? [] : [set(to(), num(before))];
    const test = this.asked(this.seam(around));
    const changed = FIELDS[f] === "int" && dice.once(3) ? this.counted(f) : set(to(), num(1 - before));
    const calls = dice.once(4) ? this.calls(around) : [];
    list.push({ k: "if", c: dice.once(2) ? test : not(test), a: [...calls, changed], b: null });
    if (dice.once(3)) list.push(...this.statements(this.inner(around)));
    const asked = dice.weighed<Expr>(
      [3, () => to()],
      [2, () => not(to())],
      [FIELDS[f] === "int" ? 1 : 0, () => bin(dice.pick(["==", ">", "<="] as const), to(), num(dice.below(2)))],
    );
    if (!dice.once(3)) list.push({ k: "if", c: asked, a: this.reaction(this.inner(around)), b: null });
    return list;
  }

  /** A call of one of these. */
  private lockerCall(around: Around): Stmt[] {
    const able = this.fns.filter((fn) => fn.name.startsWith("locks"));
    const e = able.length === 0 ? null : this.callOf(this.dice.pick(able), around);
    return e === null ? [] : [{ k: "expr", e }];
  }

  private helper(i: number): Fn {
    const { dice } = this;
    const ret = dice.pick(["int", "int", "int", "u64", "bool", "void", "void *"] as const);
    const params: Param[] = Array.from({ length: dice.below(3) }, () => ({
      n: this.fresh("p"),
      t: dice.pick(["int", "bool", "u64", "int *", "u64 *", "struct box *", "struct mutex *", "int"] as const),
    }));
    const made = this.function(`f${i}`, ret, params, false);
    return dice.once(4) ? { ...made, via: dice.pick(["table", "wrapper"] as const) } : made;
  }

  private function(called: string, ret: Fn["ret"], params: readonly Param[], isEntry: boolean): Fn {
    const { dice } = this;
    this.fn = { ret, isEntry };
    const names: Known[] = params.map(({ n, t }) => ({ n, t }));
    // The first is the outermost: what jumps to the second comes by the first, too.
    const labels = dice.once(3) ? [this.fresh("out"), ...(dice.once(2) ? [this.fresh("undo")] : [])] : [];
    this.isJumping = labels.length > 0;
    const around: Around = { names, depth: 0, inLoop: false, labels };
    const body: Stmt[] = [];
    // What most functions begin with.
    if (dice.once(2)) body.push(this.declare("u64", around, null));
    if (dice.once(2)) body.push(this.declare("int", around, num(0)));
    if (dice.once(4)) {
      const n = this.fresh("arch");
      names.push({ n, t: "struct kvm_arch *" });
      body.push({ k: "arch", n });
    }
    if (labels.length === 0 && dice.once(6)) body.push(this.guard());
    const most = isEntry ? 5 : 4;
    for (let i = 1 + dice.below(most); i > 0; i--) body.push(...this.statements(around));
    const ladder = labels.length > 1 ? dice.pick(MUTEXES) : null;
    if (ladder !== null) {
      const step = (k: "take" | "drop"): Stmt => ({ k, ref: { k: "lock", lock: ladder }, mode: "exclusive" });
      body.unshift(step("take"));
      body.push(step("drop"), this.result(around));
      body.push({ k: "label", l: labels[1] as string }, step("drop"));
    }
    if (labels.length > 0)
      body.push({ k: "label", l: labels[0] as string }, ...this.statements({ ...around, labels: [] }));
    body.push(this.result(around));
    return { name: called, ret, params, body, isEntry };
  }

  private declare(t: Type, around: Around, init: Expr | null): Stmt {
    const n = this.fresh(t === "u64" ? "err" : t === "int" ? "ret" : "on");
    around.names.push({ n, t });
    return { k: "decl", t, n, init };
  }

  /** What the function gives at its end. */
  private result(around: Around): Stmt {
    const { ret } = this.fn;
    if (ret === "void") return { k: "return", e: null };
    const own = around.names.filter(({ t }) => t === ret);
    if (own.length > 0 && !this.dice.once(3)) return { k: "return", e: v(this.dice.pick(own).n) };
    return { k: "return", e: this.given(around) };
  }

  /** Something that the function may give. */
  private given(around: Around): Expr {
    const { dice } = this;
    switch (this.fn.ret) {
      case "int":
        return dice.weighed<Expr>(
          [4, () => this.error()],
          [3, () => num(0)],
          [1, () => num(1)],
          [
            2,
            () => ({
              k: "cond",
              c: this.condition(around, 1),
              a: this.error(),
              b: dice.once(4) ? this.error() : num(0),
            }),
          ],
          [1, () => this.int(around, 1)],
        );
      case "void *":
        return dice.weighed<Expr>(
          [3, () => ({ k: "errptr", name: dice.pick(ERROR_NAMES) })],
          [2, () => ({ k: "pointer" })],
          [1, () => ({ k: "null" })],
        );
      case "bool":
        return dice.weighed<Expr>([1, () => num(0)], [1, () => num(1)], [2, () => this.condition(around, 1)]);
      default:
        return dice.weighed<Expr>(
          [2, () => this.status(around)],
          [
            1,
            () => ({
              k: "const",
              name: dice.pick(["TDX_SUCCESS", "TDX_OPERAND_INVALID", "TDX_OPERAND_BUSY"] as const),
            }),
          ],
          [1, () => num(dice.below(3))],
        );
    }
  }

  private error(): Expr {
    return { k: "err", name: this.dice.pick(ERROR_NAMES) };
  }

  // ---------------------------------------------------------------- expressions

  private of(around: Around, ...types: readonly Known["t"][]): Known[] {
    return around.names.filter(({ t }) => types.includes(t));
  }

  private seam(around: Around): Seam {
    const { dice } = this;
    const ints = this.of(around, "int");
    const arg = ints.length > 0 && dice.once(5) ? v(dice.pick(ints).n) : num(dice.below(2));
    return { k: "seam", leaf: dice.pick(this.leaves), arg };
  }

  /** A SEAMCALL by a macro that makes it again. */
  private macro(around: Around): Expr {
    const first = this.seam(around);
    return { k: "macro", how: this.dice.pick(["twice", "until"] as const), first, again: structuredClone(first) };
  }

  /** A status: a SEAMCALL, a function that gives one, or one that is there. */
  private status(around: Around): Expr {
    const { dice } = this;
    const own = this.of(around, "u64");
    const boxes = this.of(around, "box", "struct box *");
    const pointers = this.of(around, "u64 *");
    return dice.weighed<Expr>(
      [6, () => this.seam(around)],
      [1, () => this.macro(around)],
      [own.length > 0 ? 6 : 0, () => v(dice.pick(own).n)],
      [2, () => this.call(around, "u64") ?? this.seam(around)],
      [pointers.length > 0 ? 2 : 0, () => ({ k: "star", n: dice.pick(pointers).n })],
      [boxes.length > 0 ? 2 : 0, () => this.dot(dice.pick(boxes), "err")],
      [1, () => ({ k: "kvm", f: "mark" })],
    );
  }

  private dot({ n, t }: Known, f: BoxField): Lvalue {
    return { k: "dot", n, f, arrow: t === "struct box *" };
  }

  /** What is asked of a status. */
  private asked(e: Expr): Expr {
    const { dice } = this;
    const busy = (): Expr => ({ k: "busy", a: e, inline: dice.once(3) });
    const is = (op: "==" | "!="): Expr =>
      bin(op, e, { k: "const", name: dice.pick(["TDX_SUCCESS", "TDX_OPERAND_INVALID"] as const) });
    return dice.weighed<Expr>(
      [4, busy],
      [1, () => ({ k: "cast", t: dice.pick(["bool", "int"] as const), a: e })],
      [1, () => not(busy())],
      [4, () => e],
      [1, () => not(e)],
      [1, () => is("==")],
      [1, () => is("!=")],
    );
  }

  private int(around: Around, depth: number): Expr {
    const { dice } = this;
    const own = this.of(around, "int");
    const pointers = this.of(around, "int *");
    const boxes = this.of(around, "box", "struct box *");
    return dice.weighed<Expr>(
      [2, () => num(dice.below(4) - 1)],
      [1, () => this.error()],
      [own.length > 0 ? 6 : 0, () => v(dice.pick(own).n)],
      [2, () => ({ k: "ext", id: dice.below(3) })],
      [1, () => bin("&", { k: "kvm", f: "bits" }, num(dice.pick([1, 2, 4])))],
      [depth > 0 ? 1 : 0, () => ({ k: "cast", t: dice.pick(["u8", "bool"] as const), a: this.int(around, 0) })],
      [2, () => (dice.once(3) ? { k: "kvm", f: "ready" } : this.kept(around, "int"))],
      [pointers.length > 0 ? 2 : 0, () => ({ k: "star", n: dice.pick(pointers).n })],
      [boxes.length > 0 ? 2 : 0, () => this.dot(dice.pick(boxes), "ret")],
      [depth > 0 ? 3 : 0, () => this.call(around, "int") ?? num(0)],
      [
        depth > 0 ? 2 : 0,
        () => ({ k: "cond", c: this.condition(around, depth - 1), a: this.int(around, 0), b: this.int(around, 0) }),
      ],
      [
        depth > 0 ? 1 : 0,
        () => bin(dice.pick(["+", "-", "&", "|"] as const), this.int(around, 0), num(1 + dice.below(2))),
      ],
      [depth > 0 ? 1 : 0, () => ({ k: "un", op: "-", a: this.int(around, 0) })],
    );
  }

  private condition(around: Around, depth: number): Expr {
    const { dice } = this;
    const bools = this.of(around, "bool");
    const boxes = this.of(around, "box", "struct box *");
    const changeable = this.of(around, "int").filter(({ isFixed }) => isFixed !== true);
    return dice.weighed<Expr>(
      [6, () => this.asked(this.status(around))],
      [4, () => this.int(around, depth)],
      [
        3,
        () =>
          bin(
            dice.pick(["==", "!=", "<", "<=", ">", ">="] as const),
            this.int(around, 0),
            dice.once(3) ? this.int(around, 0) : num(dice.below(4) - 1),
          ),
      ],
      [1, () => bin(dice.pick(["==", "!="] as const), this.int(around, 0), this.error())],
      [bools.length > 0 ? 4 : 0, () => v(dice.pick(bools).n)],
      [3, () => (dice.once(4) ? { k: "kvm", f: "vm_dead" } : this.kept(around, "bool"))],
      [boxes.length > 0 ? 1 : 0, () => this.dot(dice.pick(boxes), "on")],
      [2, () => this.call(around, "bool") ?? num(1)],
      [depth > 0 ? 2 : 0, () => not(this.condition(around, depth - 1))],
      [
        depth > 0 ? 3 : 0,
        () =>
          bin(dice.pick(["&&", "||"] as const), this.condition(around, depth - 1), this.condition(around, depth - 1)),
      ],
      [
        depth > 0 && changeable.length > 0 ? 1 : 0,
        () => ({ k: "upd", n: dice.pick(changeable).n, op: dice.pick(["++", "--"] as const), post: dice.once(2) }),
      ],
      [depth > 0 ? 2 : 0, () => ({ k: "warn", id: ++this.complaints, a: this.condition(around, 0) })],
      [depth > 0 ? 1 : 0, () => ({ k: "bug", id: ++this.complaints, a: this.asked(this.status(around)) })],
      [depth > 0 ? 1 : 0, () => this.assigned(around)],
    );
  }

  /** `(err = tdh_…())` */
  private assigned(around: Around): Expr {
    const own = this.of(around, "u64");
    if (own.length === 0) return this.asked(this.seam(around));
    const e: Expr = { k: "asg", n: this.dice.pick(own).n, a: this.seam(around) };
    return this.dice.once(2) ? e : this.asked(e);
  }

  /** A call of a function so far that gives a type; null where there is none, or nothing to give it. */
  private call(around: Around, t: Fn["ret"]): Extract<Expr, { k: "call" }> | null {
    const able = this.fns.filter((fn) => fn.ret === t && !fn.isEntry);
    return able.length === 0 ? null : this.callOf(this.dice.pick(able), around);
  }

  private callOf(fn: Fn, around: Around): Extract<Expr, { k: "call" }> | null {
    const args: Arg[] = [];
    for (const { t } of fn.params) {
      const arg = this.argument(t, around);
      if (arg === null) return null;
      args.push(arg);
    }
    return { k: "call", fn: fn.name, args, ...(fn.via !== undefined && { via: fn.via }) };
  }

  private argument(t: Param["t"], around: Around): Arg | null {
    const { dice } = this;
    switch (t) {
      case "int":
        return { k: "value", e: this.int(around, 0) };
      case "bool":
        return { k: "value", e: this.condition(around, 0) };
      case "u64": {
        const own = this.of(around, "u64");
        return { k: "value", e: own.length > 0 ? v(dice.pick(own).n) : num(dice.below(2)) };
      }
      case "struct mutex *": {
        const own = this.of(around, t);
        if (own.length > 0 && dice.once(2)) return { k: "pointer", n: dice.pick(own).n };
        return { k: "lockaddr", lock: dice.pick(MUTEXES) };
      }
      default: {
        if (t === "int *" && dice.once(5)) return { k: "fieldaddr", f: dice.pick(INTS) };
        const bare = t === "int *" ? "int" : t === "u64 *" ? "u64" : "box";
        const own = this.of(around, t, bare).filter(({ isFixed }) => isFixed !== true);
        if (own.length === 0) return null;
        const { n, t: which } = dice.pick(own);
        return { k: which === t ? "pointer" : "addr", n };
      }
    }
  }

  // ---------------------------------------------------------------- statements

  private inner(around: Around, inLoop = around.inLoop): Around {
    return { ...around, names: [...around.names], depth: around.depth + 1, inLoop };
  }

  private block(around: Around, inLoop = around.inLoop): Block {
    const own = this.inner(around, inLoop);
    const list: Stmt[] = [];
    for (let i = 1 + this.dice.below(2); i > 0; i--) list.push(...this.statements(own));
    return list;
  }

  /** What is done about a failure. */
  private reaction(around: Around): Stmt[] {
    const { dice } = this;
    const { labels, inLoop } = around;
    const ints = this.of(around, "int").filter(({ isFixed }) => isFixed !== true);
    const bools = this.of(around, "bool");
    const done = dice.weighed<Stmt[]>(
      [3, () => []],
      [2, () => [this.warns()]],
      [2, () => [this.bugs()]],
      [1, () => [{ k: "kick" }]],
      [bools.length > 0 ? 2 : 0, () => [set(name(dice.pick(bools).n), num(dice.below(2)))]],
      [1, () => [set(this.kept(around, "bool"), num(dice.below(2)))]],
      [1, () => [this.flagBit()]],
      [1, () => [dice.once(2) ? set(this.kept(around, "int"), num(dice.below(3))) : this.counted(dice.pick(INTS))]],
      [1, () => this.calls(around)],
    );
    const end = dice.weighed<Stmt[]>(
      [5, () => [{ k: "return", e: this.fn.ret === "void" ? null : this.given(around) }]],
      [ints.length > 0 ? 4 : 0, () => [set(name(dice.pick(ints).n), this.error())]],
      [
        ints.length > 0 && labels.length > 0 ? 4 : 0,
        () => [set(name(dice.pick(ints).n), this.error()), { k: "goto", l: dice.pick(labels) }],
      ],
      [labels.length > 0 ? 1 : 0, () => [{ k: "goto", l: dice.pick(labels) }]],
      [inLoop ? 3 : 0, () => [{ k: dice.pick(["break", "continue"] as const) }]],
      [1, () => []],
    );
    const all = [...done, ...end];
    return all.length === 0 ? [this.warns()] : all;
  }

  /** One bit of several is set or taken away. */
  private flagBit(): Stmt {
    const bit = this.dice.pick([1, 2, 4]);
    const to: Lvalue = { k: "kvm", f: "bits" };
    return this.dice.once(2) ? { k: "set", to, op: "|=", a: num(bit) } : { k: "set", to, op: "&=", a: num(-1 - bit) };
  }

  private warns(a: Expr = num(1)): Stmt {
    return { k: "expr", e: { k: "warn", id: ++this.complaints, a } };
  }
  private bugs(a: Expr = num(1)): Stmt {
    return { k: "expr", e: { k: "bug", id: ++this.complaints, a } };
  }

  private calls(around: Around): Stmt[] {
    const able = this.fns.filter((fn) => !fn.isEntry);
    const e = able.length === 0 ? null : this.callOf(this.dice.pick(able), around);
    return e === null ? [] : [{ k: "expr", e }];
  }

  private statements(around: Around): Stmt[] {
    const { dice } = this;
    const deep = around.depth >= 3;
    return dice.weighed<Stmt[]>(
      [8, () => this.seamcall(around)],
      [5, () => this.helperCall(around)],
      [2, () => this.left(around)],
      [3, () => this.remembered(around)],
      [2, () => this.dropped(around)],
      [deep ? 0 : 3, () => this.retry(around)],
      [deep ? 0 : 4, () => [this.if(around)]],
      [deep ? 0 : 2, () => this.loop(around)],
      [deep ? 0 : 1, () => [this.switch(around)]],
      [5, () => this.locking(around)],
      [3, () => [this.store(around)]],
      [2, () => this.box(around)],
      [1, () => [this.declare(dice.pick(["int", "bool"] as const), around, num(dice.below(2)))]],
      [1, () => [dice.once(2) ? this.warns(this.condition(around, 1)) : this.bugs(this.asked(this.status(around)))]],
      [1, () => this.calls(around)],
      [
        around.inLoop ? 2 : 0,
        () => [
          { k: "if", c: this.condition(around, 1), a: [{ k: dice.pick(["break", "continue"] as const) }], b: null },
        ],
      ],
    );
  }

  /** A SEAMCALL, and what is done when it fails. */
  private seamcall(around: Around): Stmt[] {
    const { dice } = this;
    const own = this.of(around, "u64");
    const list: Stmt[] = [];
    const take = (): Expr => (dice.once(4) ? (this.call(around, "u64") ?? this.seam(around)) : this.seam(around));
    const ints = this.of(around, "int").filter(({ isFixed }) => isFixed !== true);
    const direct = dice.below(10);
    if (direct === 0) return [{ k: "expr", e: this.seam(around) }];
    if (direct === 1 && ints.length > 0)
      return [
        set(name(dice.pick(ints).n), { k: "cond", c: this.asked(this.seam(around)), a: this.error(), b: num(0) }),
      ];
    if (direct === 2)
      return [{ k: "if", c: this.asked(this.seam(around)), a: this.reaction(this.inner(around)), b: null }];
    let err: Lvalue;
    const boxes = this.of(around, "box", "struct box *");
    const pointers = this.of(around, "u64 *");
    if (boxes.length > 0 && dice.once(3)) err = this.dot(dice.pick(boxes), "err");
    else if (pointers.length > 0 && dice.once(3)) err = { k: "star", n: dice.pick(pointers).n };
    else if (dice.once(12)) err = { k: "kvm", f: "mark" };
    else {
      if (own.length === 0) list.push(this.declare("u64", around, null));
      err = name(dice.pick(this.of(around, "u64")).n);
    }
    list.push(set(err, take()));
    if (dice.once(6)) return list;
    const b = dice.once(4) ? this.reaction(this.inner(around)) : null;
    list.push({ k: "if", c: this.asked(err), a: this.reaction(this.inner(around)), b });
    if (dice.once(3)) list.push({ k: "if", c: this.asked(err), a: this.reaction(this.inner(around)), b: null });
    return list;
  }

  /** What only success, or only a failure, sets, and what is done where it is not set. */
  private left(around: Around): Stmt[] {
    const { dice } = this;
    const t = dice.pick(["bool", "int"] as const);
    const before = dice.below(2);
    const list: Stmt[] = [this.declare(t, around, num(before))];
    const { n } = around.names.at(-1) as Known;
    const changed: Block = [set(name(n), num(1 - before))];
    const test = this.asked(this.seam(around));
    list.push({ k: "if", c: dice.once(3) ? test : not(test), a: changed, b: null });
    if (dice.once(3)) list.push(...this.statements(this.inner(around)));
    list.push({ k: "if", c: dice.once(2) ? v(n) : not(v(n)), a: this.reaction(this.inner(around)), b: null });
    return list;
  }

  /** A lock that is taken, and dropped by a function, or instead of another one, in front of a SEAMCALL. */
  private dropped(around: Around): Stmt[] {
    const { dice } = this;
    const [a, b] = [dice.pick(MUTEXES), dice.pick(MUTEXES)];
    const taken = (lock: Lock): Stmt => ({ k: "take", ref: { k: "lock", lock }, mode: "exclusive" });
    if (a !== b && dice.once(2)) {
      const ref: LockRef = { k: "either", c: this.int(around, 0), a, b };
      return [taken(a), taken(b), { k: "drop", ref, mode: "exclusive" }, ...this.seamcall(around)];
    }
    const callee = this.fns.find((fn) => fn.name === dice.pick(["locks0", "locks1", "locks2"]));
    if (callee === undefined) return [taken(a), ...this.seamcall(around)];
    const args: Arg[] = callee.params.length > 0 ? [{ k: "lockaddr", lock: a }] : [];
    return [taken(a), { k: "expr", e: { k: "call", fn: callee.name, args } }, ...this.seamcall(around)];
  }

  /** A function that makes one, and what is done when that says that it failed. */
  private helperCall(around: Around): Stmt[] {
    const { dice } = this;
    const t = dice.pick(["int", "int", "bool"] as const);
    const pointer = dice.once(4) ? this.call(around, "void *") : null;
    if (pointer !== null) return this.pointed(pointer, around);
    const e = this.call(around, t);
    if (e === null) return this.seamcall(around);
    if (dice.once(3)) return [{ k: "if", c: dice.once(3) ? not(e) : e, a: this.reaction(this.inner(around)), b: null }];
    const list: Stmt[] = [];
    let own = this.of(around, t).filter(({ isFixed }) => isFixed !== true);
    if (own.length === 0 || dice.once(4)) {
      list.push(this.declare(t, around, e));
      own = [around.names.at(-1) as Known];
    } else {
      own = [dice.pick(own)];
      list.push(set(name((own[0] as Known).n), e));
    }
    const { n } = own[0] as Known;
    const test = dice.weighed<Expr>(
      [4, () => v(n)],
      [1, () => not(v(n))],
      [t === "int" ? 2 : 0, () => bin("==", v(n), this.error())],
      [t === "int" ? 1 : 0, () => bin("<", v(n), num(0))],
    );
    if (!dice.once(5))
      list.push({
        k: "if",
        c: test,
        a: dice.once(3)
          ? [
              {
                k: "return",
                e: this.fn.ret === "int" && t === "int" ? v(n) : this.fn.ret === "void" ? null : this.given(around),
              },
            ]
          : this.reaction(this.inner(around)),
        b: null,
      });
    return list;
  }

  /** What a function gives that gives a pointer or an error, and what is done about the error. */
  private pointed(e: Expr, around: Around): Stmt[] {
    const { dice } = this;
    const n = this.fresh("at");
    around.names.push({ n, t: "void *" });
    const own: Expr = v(n);
    const test = dice.weighed<Expr>(
      [4, () => ({ k: "iserr", a: own })],
      [1, () => not({ k: "iserr", a: own })],
      [1, () => not(own)],
      [1, () => bin("==", { k: "ptrerr", a: own }, this.error())],
    );
    const given: Expr | null = this.fn.ret === "int" ? { k: "ptrerr", a: own } : this.fn.ret === "void *" ? own : null;
    const a: Block = given !== null && dice.once(2) ? [{ k: "return", e: given }] : this.reaction(this.inner(around));
    return [
      { k: "decl", t: "void *", n, init: e },
      { k: "if", c: test, a, b: null },
    ];
  }

  /** A SEAMCALL that is made again. */
  private retry(around: Around): Stmt[] {
    const { dice } = this;
    const list: Stmt[] = [];
    if (this.of(around, "u64").length === 0) list.push(this.declare("u64", around, null));
    const { n: err } = dice.pick(this.of(around, "u64"));
    const callee = dice.once(3) ? (this.call(around, "u64") ?? this.seam(around)) : this.seam(around);
    const again = (): Stmt => set(name(err), structuredClone(callee));
    const busy = (): Expr => ({ k: "busy", a: v(err), inline: dice.once(3) });
    const own = this.inner(around, true);
    const kick: Stmt[] = dice.once(3) ? [{ k: "kick" }] : [];
    const between = (): Stmt[] => (dice.once(3) ? this.statements(own) : kick);
    dice.weighed<void>(
      [
        2,
        () =>
          void list.push({
            k: "do",
            body: [again(), ...(dice.once(3) ? between() : [])],
            c: dice.once(2) ? busy() : bin("&&", busy(), this.condition(around, 0)),
          }),
      ],
      [
        3,
        () => {
          const n = this.fresh("i");
          own.names.push({ n, t: "int", isFixed: true });
          const stop: Stmt = {
            k: "if",
            c: dice.once(4) ? this.asked(v(err)) : not(busy()),
            a: [{ k: "break" }],
            b: null,
          };
          list.push({
            k: "for",
            n,
            from: 0,
            to: num(1 + dice.below(3)),
            down: false,
            body: [again(), stop, ...between()],
          });
        },
      ],
      [
        3,
        () => {
          const once = this.inner(around);
          const first = dice.once(3) ? this.statements(once) : kick;
          list.push(again(), { k: "if", c: busy(), a: [...first, again()], b: null });
        },
      ],
      [
        1,
        () => {
          const end: Stmt = { k: "if", c: not(busy()), a: [{ k: "break" }], b: null };
          const given: Stmt[] = [{ k: "if", c: this.condition(own, 0), a: this.reaction(own), b: null }];
          list.push({ k: "while", c: num(1), body: [again(), end, ...given, ...between()] });
        },
      ],
      [
        1,
        () => {
          list.push(this.declare("bool", around, num(0)));
          const { n } = around.names.at(-1) as Known;
          const end: Stmt = { k: "if", c: bin("||", not(busy()), v(n)), a: [{ k: "break" }], b: null };
          list.push({ k: "while", c: num(1), body: [again(), end, ...kick, set(name(n), num(1))] });
        },
      ],
      [
        1,
        () => {
          list.push(this.declare("int", around, num(dice.below(3))));
          const { n } = around.names.at(-1) as Known;
          const count: Expr = { k: "upd", n, op: "--", post: dice.once(2) };
          list.push({ k: "do", body: [again()], c: bin("&&", busy(), bin(">", count, num(0))) });
        },
      ],
      [
        1,
        () =>
          void list.push({
            k: "while",
            c: this.asked({ k: "asg", n: err, a: callee }),
            body: this.block(around, true),
          }),
      ],
    );
    if (!dice.once(4)) list.push({ k: "if", c: this.asked(v(err)), a: this.reaction(this.inner(around)), b: null });
    return list;
  }

  private if(around: Around): Stmt {
    return {
      k: "if",
      c: this.condition(around, 2),
      a: this.block(around),
      b: this.dice.once(3) ? this.block(around) : null,
    };
  }

  private loop(around: Around): Stmt[] {
    const { dice } = this;
    if (dice.once(6)) return [{ k: "percpu", n: this.fresh("cpu"), body: this.block(around, true) }];
    if (dice.once(4))
      return [{ k: dice.pick(["while", "do"] as const), c: this.condition(around, 1), body: this.block(around, true) }];
    const n = this.fresh("i");
    const own = this.inner(around, true);
    own.names.push({ n, t: "int", isFixed: true });
    const down = dice.once(3);
    const body = [...this.statements(own), ...(dice.once(2) ? this.statements(own) : [])];
    const to = dice.once(5) ? this.int(around, 0) : num(down ? 0 : 1 + dice.below(3));
    return [{ k: "for", n, from: down ? 1 + dice.below(3) : 0, to, down, body }];
  }

  private switch(around: Around): Stmt {
    const { dice } = this;
    const values = dice.once(2) ? [0, 1] : [-1, 1];
    const cases = values.map((value) => ({ is: [value], body: this.block(around, false), falls: dice.once(5) }));
    if (dice.once(2)) return { k: "switch", v: this.int(around, 1), cases };
    return {
      k: "switch",
      v: this.int(around, 1),
      cases: [...cases, { is: [null], body: this.block(around, false), falls: false }],
    };
  }

  private guard(): Stmt {
    const lock = this.dice.pick(ALL_LOCKS);
    return { k: "guard", lock, mode: this.modeOf(lock) };
  }

  private modeOf(lock: Lock): Mode {
    const { kind } = LOCKS[lock];
    if (kind === "mutex") return "exclusive";
    return kind === "srcu" || this.dice.once(2) ? "shared" : "exclusive";
  }

  private locking(around: Around): Stmt[] {
    const { dice } = this;
    const lock = dice.pick(ALL_LOCKS);
    const mode = this.modeOf(lock);
    const pointers = this.of(around, "struct mutex *");
    const plain: LockRef = { k: "lock", lock };
    const param = (): LockRef => ({ k: "param", n: dice.pick(pointers).n });
    const either = (): LockRef => ({
      k: "either",
      c: this.condition(around, 0),
      a: dice.pick(MUTEXES),
      b: dice.pick(MUTEXES),
    });
    const inner = (): Stmt[] => this.statements(this.inner(around));
    return dice.weighed<Stmt[]>(
      [4, () => [{ k: "take", ref: plain, mode }, ...this.statements(around), { k: "drop", ref: plain, mode }]],
      [3, () => this.lockerCall(around)],
      [
        2,
        () => [
          { k: "take", ref: { k: "lock", lock: dice.pick(MUTEXES) }, mode: "exclusive" },
          ...this.lockerCall(around),
          ...this.seamcall(around),
        ],
      ],
      [
        1,
        () => [
          { k: "take", ref: { k: "lock", lock: "gate" }, mode: "exclusive" },
          ...this.statements(around),
          { k: "downgrade" },
          ...this.seamcall(around),
        ],
      ],
      [2, () => [{ k: "take", ref: plain, mode }]],
      [2, () => [{ k: "drop", ref: plain, mode }]],
      [2, () => [{ k: "scoped", lock, mode, body: inner() }]],
      // A jump may not come past a guard.
      [around.depth > 0 && !this.isJumping ? 1 : 0, () => [{ k: "guard", lock, mode }]],
      [
        pointers.length > 0 ? 4 : 0,
        () => [{ k: dice.pick(["take", "drop"] as const), ref: param(), mode: "exclusive" }],
      ],
      [1, () => [{ k: dice.pick(["take", "drop"] as const), ref: either(), mode: "exclusive" }]],
      [
        LOCKS[lock].kind === "srcu" ? 0 : 2,
        () => [
          { k: "if", c: { k: "try", lock }, a: [...inner(), { k: "drop", ref: plain, mode: "exclusive" }], b: null },
        ],
      ],
      [
        LOCKS[lock].kind === "mutex" ? 1 : 0,
        () => [{ k: "if", c: { k: "killable", lock }, a: this.reaction(this.inner(around)), b: null }],
      ],
      [1, () => this.flagged(around, plain, mode)],
      [1, () => [{ k: "assert", lock, mode: dice.once(2) ? "any" : mode }]],
    );
  }

  /** A lock that is taken under a condition, and dropped under the same. */
  private flagged(around: Around, ref: LockRef, mode: Mode): Stmt[] {
    const declared = this.declare("bool", around, num(0));
    const { n } = around.names.at(-1) as Known;
    const taken: Stmt = {
      k: "if",
      c: this.condition(around, 0),
      a: [{ k: "take", ref, mode }, set(name(n), num(1))],
      b: null,
    };
    return [declared, taken, ...this.statements(around), { k: "if", c: v(n), a: [{ k: "drop", ref, mode }], b: null }];
  }

  private store(around: Around): Stmt {
    const { dice } = this;
    const ints = this.of(around, "int", "int *").filter(({ isFixed }) => isFixed !== true);
    const bools = this.of(around, "bool");
    const words = this.of(around, "u64", "u64 *");
    const to = ({ n, t }: Known): Lvalue => (t.endsWith("*") ? { k: "star", n } : { k: "var", n });
    return dice.weighed<Stmt>(
      [
        ints.length > 0 ? 4 : 0,
        () => {
          const op = dice.pick(["=", "=", "=", "+=", "-="] as const);
          return {
            k: "set",
            to: to(dice.pick(ints)),
            op,
            a: op === "=" ? this.int(around, 1) : num(1 + dice.below(2)),
          };
        },
      ],
      [
        bools.length > 0 ? 3 : 0,
        () => ({
          k: "set",
          to: to(dice.pick(bools)),
          op: dice.pick(["=", "=", "|=", "&="] as const),
          a: dice.once(2) ? num(dice.below(2)) : { k: "un", op: "!", a: this.condition(around, 1) },
        }),
      ],
      [words.length > 0 ? 2 : 0, () => set(to(dice.pick(words)), this.status(around))],
      [1, () => set(this.kept(around, "int"), this.int(around, 1))],
      [1, () => set({ k: "kvm", f: "mark" }, this.status(around))],
      [1, () => set(dice.once(3) ? { k: "kvm", f: "vm_dead" } : this.kept(around, "bool"), this.condition(around, 1))],
      [1, () => set({ k: "kvm", f: "ready" }, num(dice.below(2)))],
    );
  }

  private box(around: Around): Stmt[] {
    const { dice } = this;
    const own = this.of(around, "box");
    const any = this.of(around, "box", "struct box *");
    const fields = Object.keys(BOX) as BoxField[];
    if (own.length > 1 && dice.once(3)) return [{ k: "copy", to: dice.pick(own).n, from: dice.pick(own).n }];
    if (any.length === 0 || dice.once(3)) {
      const n = this.fresh("box");
      const made: Stmt = {
        k: "box",
        n,
        init: fields.filter(() => dice.once(3)).map((f) => [f, this.ofField(f, around)] as const),
      };
      around.names.push({ n, t: "box" });
      return [made];
    }
    const f = dice.pick(fields);
    return [set(this.dot(dice.pick(any), f), this.ofField(f, around))];
  }

  private ofField(f: BoxField, around: Around): Expr {
    if (f === "err") return this.status(around);
    return f === "ret" ? this.int(around, 1) : { k: "un", op: "!", a: this.condition(around, 1) };
  }
}
