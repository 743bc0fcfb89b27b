/** The instruction-level models `lock/*`: hosts and guests that take and release one lock, an atomic instruction at a time. */
import type {
  AtomicInstruction,
  BitSource,
  EntryWrite,
  FieldName,
  FieldTest,
  FieldValues,
  LockKind,
  LockProgram,
  LockResult,
  LockWord,
  ProgramBranch,
  Side,
} from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import {
  add,
  and,
  assertThat,
  type BoolExpr,
  type BoolRef,
  BUSY,
  band,
  bitsType,
  bool,
  boolType,
  bor,
  bxor,
  count,
  type Effect,
  eq,
  forall,
  type IntExpr,
  type IntRef,
  implies,
  le,
  type Model,
  type ModelBuilder,
  model,
  mul,
  not,
  or,
  type ProcessBuilder,
  type StepMeta,
  set,
  shr,
  when,
} from "../language/index.ts";
import { type Lock, narrowed, programFor } from "./lock.ts";

/** What a lock scenario states. */
export interface LockSpec {
  readonly name: string;
  readonly description: string;
  readonly hosts: number;
  readonly guests: number;
  /** Bits of the counter; the source's own, unless stated. */
  readonly width?: number | undefined;
  readonly promote: boolean;
  /** Ways in which a holder of a SEPT entry lock writes the entry before it gives the lock back, or with which it does; none: it does not. */
  readonly writes?: readonly EntryWrite[] | undefined;
}

type Mode = LockProgram["mode"];
const held = (mode: Mode): string => `holds ${mode}`;
/** What the models call the one lock that they are about. */
const RESOURCE = "LOCK";
const HAS_PRIORITY: ReadonlySet<LockKind> = new Set(["sharex_hp", "sept_entry", "bit_hp"]);
const WRITTEN = "written";

/** Builds the model of one lock. */
class LockModel {
  readonly m: ModelBuilder;
  readonly #spec: LockSpec;
  readonly #lock: Lock;
  readonly #layout: LockWord;
  readonly #word: Readonly<Record<string, IntRef>>;
  readonly #halted: BoolRef;
  /** A host was refused, has set host priority, and no host has had the lock since. */
  readonly #owed: BoolRef | null;
  readonly #processes: ProcessBuilder[] = [];
  readonly #modes: readonly Mode[];
  /** Labels at which a caller holds the lock exclusively and writes the entry. */
  readonly #writing = new Set<string>();

  constructor(lock: Lock, spec: LockSpec) {
    this.#spec = spec;
    this.m = model(spec.name, spec.description);
    this.#lock = spec.width === undefined ? lock : narrowed(lock, spec.width);
    this.#layout = this.#lock.word;
    this.#modes = (["SHARED", "EXCLUSIVE"] as const).filter((mode) =>
      lock.programs.some(({ operation, mode: asked }) => operation === "acquire" && asked === mode),
    );
    this.#word = this.m.record(
      "word",
      Object.fromEntries(this.#layout.fields.map(({ name, width }) => [name, bitsType(width)])),
    );
    if (this.#word["hp"] !== undefined) this.m.hostPriority(RESOURCE, this.#word["hp"]);
    this.#halted = this.m.variable("moduleHalted", boolType);
    this.#owed = HAS_PRIORITY.has(lock.kind) && spec.hosts > 0 ? this.m.variable("hostIsOwed", boolType) : null;
  }

  build(): Model {
    if (this.#spec.hosts > 0) this.#process("host", this.#spec.hosts);
    if (this.#spec.guests > 0) this.#process("guest", this.#spec.guests);
    this.#promises();
    return this.m.build();
  }

  #program(operation: LockProgram["operation"], mode: Mode, side: Side): LockProgram {
    const found = programFor(this.#lock, operation, mode, side);
    if (found === null) {
      const how = mode === "SHARED" ? "shared" : "exclusive";
      throw new SeamlockError(
        "SL4211",
        `the module's ${this.#lock.kind} lock has no ${how} ${operation} for the ${side}`,
        {
          hint: "the diagnostics of its catalog say what was not understood",
        },
      );
    }
    return found;
  }

  #process(side: Side, instances: number): void {
    const p = this.m.process(side, instances);
    this.#processes.push(p);
    const writes = this.#spec.writes ?? [];
    for (const mode of this.#modes) {
      const acquire = this.#program("acquire", mode, side);
      this.#primitive(p, side, acquire, "idle", { success: held(mode), refused: "idle" });
      if (mode === "EXCLUSIVE" && writes.length > 0) this.#writes(p, writes);
      const from = mode === "EXCLUSIVE" && writes.length > 0 ? WRITTEN : held(mode);
      this.#primitive(p, side, this.#program("release", mode, side), from, { success: "idle", refused: "idle" });
    }
    if (this.#spec.promote && this.#modes.includes("SHARED") && side === "host") this.#promotion(p, side);
    p.idle("idle");
  }

  #promotion(p: ProcessBuilder, side: Side): void {
    const promote = programFor(this.#lock, "promote", "EXCLUSIVE", side);
    if (promote !== null)
      this.#primitive(p, side, promote, held("SHARED"), { success: held("EXCLUSIVE"), refused: held("SHARED") });
    const demote = programFor(this.#lock, "demote", "SHARED", side);
    if (demote !== null)
      this.#primitive(p, side, demote, held("EXCLUSIVE"), { success: held("SHARED"), refused: held("EXCLUSIVE") });
  }

  // ---------------------------------------------------------------- writes of a SEPT entry

  /** The holder copies the entry, changes its state in the copy, and writes it; the lock is given back after the write, or with it. */
  #writes(p: ProcessBuilder, writes: readonly EntryWrite[]): void {
    const copy = p.variable("copiedHp", bitsType(1));
    const seen = writes.some((write) => write.some(({ instruction }) => instruction === "read"))
      ? p.variable("seenHp", bitsType(1))
      : null;
    const hp = this.#word["hp"] as IntRef;
    p.step(held("EXCLUSIVE"), { do: [set(copy, hp)], next: "copied", meta: entryMeta("read the entry") });
    this.#writing.add("copied").add(WRITTEN);
    writes.forEach((write, i) => {
      for (const unlocks of [false, true]) this.#write(p, write, { i, unlocks, copy, seen });
    });
  }

  #write(
    p: ProcessBuilder,
    write: EntryWrite,
    { i, unlocks, copy, seen }: { i: number; unlocks: boolean; copy: IntRef; seen: IntRef | null },
  ): void {
    const [hp, exclusive] = [this.#word["hp"] as IntRef, this.#word["exclusive"] as IntRef];
    const label = (at: number): string => (at === 0 ? "copied" : `write ${i}${unlocks ? " and unlock" : ""} ${at}`);
    const firstStore = write.findIndex(({ instruction }) => instruction !== "read");
    const value = (source: BitSource | null, kept: IntRef, given: IntExpr | number): IntExpr | number => {
      if (source === "clear" || source === "set") return source === "set" ? 1 : 0;
      if (source === "kept") return kept;
      return source === "earlier" ? (seen ?? copy) : given;
    };
    write.forEach((step, at) => {
      const last = at === write.length - 1;
      const next = last ? (unlocks ? "idle" : WRITTEN) : label(at + 1);
      const gone = unlocks && at >= firstStore;
      if (!unlocks || at <= firstStore) this.#writing.add(label(at));
      const forget = last ? [set(copy, 0), ...(seen === null ? [] : [set(seen, 0)])] : [];
      const store = [
        set(hp, value(step.hostPriority, hp, copy)),
        set(exclusive, value(step.lock, exclusive, unlocks ? 0 : 1)),
        ...forget,
      ];
      const meta =
        gone && at === firstStore
          ? { ...entryMeta("write the entry, unlocked"), ...RELEASES }
          : entryMeta(TEXTS[step.instruction]);
      if (step.instruction === "read") {
        p.step(label(at), { do: seen === null ? [] : [set(seen, hp)], next, meta });
        return;
      }
      if (step.instruction === "write" || seen === null) {
        p.step(label(at), { do: store, next, meta });
        return;
      }
      p.step(label(at), { when: eq(hp, seen), do: store, next, meta });
      p.step(label(at), {
        when: not(eq(hp, seen)),
        do: [set(seen, hp)],
        next: label(at),
        meta: entryMeta("host priority has changed: once more"),
      });
    });
  }

  // ---------------------------------------------------------------- primitives

  /** One step per branch of every instruction. The branch is decided on the word as the instruction finds it, in the same step. */
  #primitive(
    p: ProcessBuilder,
    side: Side,
    program: LockProgram,
    from: string,
    to: { success: string; refused: string },
  ): void {
    const label = (at: number): string => (at === 0 ? from : `${program.operation} ${program.mode} ${at}`);
    program.steps.forEach((step, at) => {
      let earlier: BoolExpr[] = [];
      for (const branch of step.branches) {
        const condition = this.#condition(branch);
        const guard = and(not(this.#halted), ...earlier.map(not), condition);
        earlier = [...earlier, condition];
        const result = branch.to;
        const next =
          typeof result === "number"
            ? label(result)
            : result === "success"
              ? to.success
              : result === "halt"
                ? "halted"
                : to.refused;
        p.step(label(at), {
          when: guard,
          do: [
            ...this.#checks(side, program, result),
            ...this.#effects(step.instruction),
            ...this.#consequences(side, program, result, branch.check),
          ],
          next,
          meta: this.#meta(program, step.instruction, result),
        });
        if (result === "halt") p.idle("halted");
      }
    });
  }

  #condition({ when: lists }: ProgramBranch): BoolExpr {
    if (lists === null) return bool(true);
    return or(...lists.map((tests) => and(...tests.map((test) => this.#test(test)))));
  }

  #test({ field, mask, is, not: negated }: FieldTest): BoolExpr {
    const value = this.#field(field);
    const holds = eq(mask === null ? value : band(value, mask), is);
    return negated ? not(holds) : holds;
  }

  #meta(program: LockProgram, { op }: AtomicInstruction, result: LockResult | number): StepMeta {
    const note = op === "read" || op === "write" ? `plain ${op}` : `lock ${op}`;
    const base = { leaf: program.function, resource: RESOURCE, mode: program.mode, note };
    if (typeof result === "number") return { ...base, action: "instruction" };
    const acquires = program.operation === "acquire" || program.operation === "promote";
    if (result === "success")
      return { ...base, action: program.operation === "release" ? "release" : "acquire", result: "ok" };
    return {
      ...base,
      action: acquires ? "acquire" : "release",
      result: result === "halt" ? "halt" : BUSY,
      ...(result === "busy-host-priority" && { status: "TDX_OPERAND_BUSY_HOST_PRIORITY" }),
    };
  }

  /** What must be true when an attempt ends. Looked at before the instruction changes the word. */
  #checks(side: Side, { operation }: LockProgram, result: LockResult | number): Effect[] {
    if (operation !== "acquire" || this.#owed === null) return [];
    if (result === "success" && side === "guest")
      return [assertThat("no guest gets the lock while a refused host is owed it", not(this.#owed))];
    return [];
  }

  #consequences(side: Side, { operation }: LockProgram, result: LockResult | number, check: number | null): Effect[] {
    if (result === "halt") return [assertThat(checkText(check), false), set(this.#halted, true)];
    if (this.#owed === null || side !== "host" || operation === "release") return [];
    if (result === "success") return [set(this.#owed, false)];
    return result === "busy" ? [set(this.#owed, true)] : [];
  }

  // ---------------------------------------------------------------- instructions

  #effects(instruction: AtomicInstruction): Effect[] {
    switch (instruction.op) {
      case "xadd":
        return this.#addition(instruction.field, instruction.by);
      case "cmpxchg":
        return [when(this.#is(instruction.expected), this.#assign(instruction.desired))];
      case "xchg":
      case "write":
        return this.#assign(instruction.value);
      case "or":
      case "bts":
        return this.#bitwise(instruction.set, (field, bits) => bor(field, bits));
      case "xor":
        return this.#bitwise(instruction.flip, (field, bits) => bxor(field, bits));
      case "btr":
        return this.#bitwise(instruction.clear, (field, bits, all) => band(field, all - bits));
      case "and":
        return this.#names().flatMap((name) => {
          const [keep, all] = [instruction.keep[name] ?? 0, this.#all(name)];
          return keep === all ? [] : [set(this.#field(name), keep === 0 ? 0 : band(this.#field(name), keep))];
        });
      case "read":
        return [];
    }
  }

  /** The fields from one on, as one number that wraps as the word does: what does not fit in a field goes into those above it. */
  #addition(name: FieldName, by: number): Effect[] {
    const from = this.#layout.fields.findIndex((field) => field.name === name);
    const fields = this.#layout.fields.slice(from);
    const lowest = fields[0]?.lsb ?? 0;
    const width = fields.reduce((sum, field) => sum + field.width, 0);
    const number = fields
      .map(({ name: field, lsb }): IntExpr => {
        const value: IntExpr = this.#field(field);
        return lsb === lowest ? value : mul(value, 2 ** (lsb - lowest));
      })
      .reduce((a, b) => add(a, b));
    const sum = band(add(number, by + 2 ** width), 2 ** width - 1);
    // The topmost first: each is made of what the lower ones were.
    return [...fields]
      .reverse()
      .map(({ name: field, lsb, width: own }) =>
        set(this.#field(field), fields.length === 1 ? sum : band(shr(sum, lsb - lowest), 2 ** own - 1)),
      );
  }

  #bitwise(values: FieldValues, change: (field: IntRef, bits: number, all: number) => IntExpr): Effect[] {
    return this.#names().flatMap((name) => {
      const bits = values[name] ?? 0;
      return bits === 0 ? [] : [set(this.#field(name), change(this.#field(name), bits, this.#all(name)))];
    });
  }

  #assign(values: FieldValues): Effect[] {
    return this.#names().map((name) => set(this.#field(name), values[name] ?? 0));
  }

  #names(): FieldName[] {
    return this.#layout.fields.map(({ name }) => name);
  }
  #field(name: FieldName): IntRef {
    return this.#word[name] as IntRef;
  }
  #all(name: FieldName): number {
    return 2 ** (this.#layout.fields.find((field) => field.name === name)?.width ?? 0) - 1;
  }
  #is(values: FieldValues): BoolExpr {
    return and(...this.#names().map((name) => eq(this.#field(name), values[name] ?? 0)));
  }

  // ---------------------------------------------------------------- promises

  /** How many callers hold the lock in a mode. */
  #holders(mode: Mode): IntExpr {
    const labels = mode === "EXCLUSIVE" ? [held(mode), ...this.#writing] : [held(mode)];
    return this.#processes.map((p): IntExpr => count(p, (i) => p.at(i, ...labels))).reduce((a, b) => add(a, b));
  }

  #promises(): void {
    const exclusive = this.#holders("EXCLUSIVE");
    this.m.always("exclusion", le(exclusive, 1));
    if (this.#modes.includes("SHARED"))
      this.m.always("no reader beside a writer", implies(eq(exclusive, 1), eq(this.#holders("SHARED"), 0)));
    const idle = and(...this.#processes.map((p) => forall(p, (i) => p.at(i, "idle"))));
    const free = this.#names()
      .filter((name) => name !== "hp")
      .map((name) => eq(this.#field(name), 0));
    this.m.always("the word is free when nobody uses the lock", implies(and(idle, not(this.#halted)), and(...free)));
    if (this.#modes.includes("SHARED")) {
      const callers = this.#processes.reduce((total, p) => total + p.size, 0);
      const counted = or(eq(this.#field("exclusive"), 1), le(this.#field("counter"), callers));
      this.m.always("the counter counts no more than the callers", counted);
    }
    if (this.#owed !== null)
      this.m.always("host priority stands only for a host that is owed it", or(eq(this.#field("hp"), 0), this.#owed));
    for (const mode of this.#modes) this.m.sometimes(`somebody holds it ${mode}`, not(eq(this.#holders(mode), 0)));
  }
}

const RELEASES: StepMeta = { action: "release", result: "ok" };
const entryMeta = (note: string): StepMeta => ({ action: "effect", resource: RESOURCE, note });
const TEXTS = {
  read: "read the entry again",
  cmpxchg: "write the entry, host priority kept",
  write: "write the whole entry",
} as const;
const checkText = (check: number | null): string =>
  check === null ? "a sanity check without a number does not fail" : `sanity check ${check} does not fail`;

/** Build a lock's instruction-level model. */
export const lockModel = (lock: Lock, spec: LockSpec): Model => new LockModel(lock, spec).build();
