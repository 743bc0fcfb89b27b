/** The instruction-level models `lock/*`: hosts and guests that take and release one lock, an atomic instruction at a time. */
import {
  add,
  and,
  assertThat,
  type BoolExpr,
  type BoolRef,
  BUSY,
  band,
  bitsType,
  boolType,
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
  not,
  or,
  type ProcessBuilder,
  type StepMeta,
  set,
  substitute,
  when,
} from "../language/index.ts";
import { layoutOf, primitive } from "./definitions.ts";
import type { FieldName, FieldValues, Instruction, LockKind, Primitive, Side, WordLayout } from "./primitive.ts";

/** What a lock scenario states. */
export interface LockSpec {
  readonly name: string;
  readonly description: string;
  readonly lock: LockKind;
  readonly hosts: number;
  readonly guests: number;
  /** Bits of the counter; the source's own, unless stated. */
  readonly width?: number | undefined;
  readonly promote: boolean;
  readonly writeBack: "none" | "whole-word" | "keep-host-priority";
}

type Mode = "SHARED" | "EXCLUSIVE";
const held = (mode: Mode): string => `holds ${mode}`;
const COUNTED: Readonly<Record<LockKind, readonly Mode[]>> = {
  sharex: ["SHARED", "EXCLUSIVE"],
  sharex_hp: ["SHARED", "EXCLUSIVE"],
  sept_entry: ["EXCLUSIVE"],
  mutex: ["EXCLUSIVE"],
  bit: ["EXCLUSIVE"],
};
const HAS_PRIORITY: ReadonlySet<LockKind> = new Set(["sharex_hp", "sept_entry"]);

/** Builds the model of one lock. */
class LockModel {
  readonly m: ModelBuilder;
  readonly #spec: LockSpec;
  readonly #layout: WordLayout;
  readonly #word: Readonly<Record<string, IntRef>>;
  readonly #halted: BoolRef;
  /** A host was refused, has set host priority, and no host has had the lock since. */
  readonly #owed: BoolRef | null;
  readonly #processes: ProcessBuilder[] = [];
  readonly #modes: readonly Mode[];

  constructor(spec: LockSpec) {
    this.#spec = spec;
    this.m = model(spec.name, spec.description);
    this.#layout = layoutOf(spec.lock, spec.width);
    this.#modes = COUNTED[spec.lock];
    const fields = this.#layout.fields.filter(({ name }) => name !== "state");
    this.#word = this.m.record(
      "word",
      Object.fromEntries(fields.map(({ name, width }) => [name, bitsType(Math.min(width, 16))])),
    );
    this.#halted = this.m.variable("moduleHalted", boolType);
    this.#owed = HAS_PRIORITY.has(spec.lock) && spec.hosts > 0 ? this.m.variable("hostIsOwed", boolType) : null;
  }

  build(): Model {
    if (this.#spec.hosts > 0) this.#process("host", this.#spec.hosts);
    if (this.#spec.guests > 0) this.#process("guest", this.#spec.guests);
    this.#promises();
    return this.m.build();
  }

  #process(side: Side, instances: number): void {
    const p = this.m.process(side, instances);
    this.#processes.push(p);
    const copy = this.#spec.writeBack === "whole-word" ? p.variable("copiedHp", bitsType(1)) : null;
    for (const mode of this.#modes) {
      this.#primitive(p, side, primitive(this.#spec.lock, "acquire", mode, side, this.#layout), "idle", {
        success: held(mode),
        refused: "idle",
      });
      const release =
        mode === "EXCLUSIVE" && copy !== null
          ? this.#writeBack(p, copy)
          : mode === "EXCLUSIVE" && this.#spec.writeBack === "keep-host-priority"
            ? this.#keepBack(p)
            : held(mode);
      this.#primitive(p, side, primitive(this.#spec.lock, "release", mode, side, this.#layout), release, {
        success: "idle",
        refused: "idle",
      });
    }
    if (this.#spec.promote && this.#modes.includes("SHARED") && side === "host") this.#promotion(p, side);
    p.idle("idle");
  }

  #promotion(p: ProcessBuilder, side: Side): void {
    const promote = primitive(this.#spec.lock, "promote", "EXCLUSIVE", side, this.#layout);
    this.#primitive(p, side, promote, held("SHARED"), { success: held("EXCLUSIVE"), refused: held("SHARED") });
    if (this.#spec.lock !== "sharex") return;
    this.#primitive(p, side, primitive("sharex", "demote", "SHARED", side, this.#layout), held("EXCLUSIVE"), {
      success: held("SHARED"),
      refused: held("EXCLUSIVE"),
    });
  }

  /** The holder reads the whole word, changes its state, and writes the word back: up to 1.5.16, with the host-priority bit that it read. */
  #writeBack(p: ProcessBuilder, copy: IntRef): string {
    const hp = this.#word["hp"] as IntRef;
    const meta = (note: string): StepMeta => ({ action: "effect", resource: "LOCK", note });
    p.step(held("EXCLUSIVE"), { do: [set(copy, hp)], next: "copied", meta: meta("read the entry") });
    p.step("copied", { do: [set(hp, copy), set(copy, 0)], next: "written", meta: meta("write the whole entry back") });
    return "written";
  }

  /** From 1.5.20 on the write keeps the bit as it is in memory, so that nothing of the lock changes. */
  #keepBack(p: ProcessBuilder): string {
    p.step(held("EXCLUSIVE"), {
      next: "written",
      meta: { action: "effect", resource: "LOCK", note: "write the entry back, host priority kept" },
    });
    return "written";
  }

  /** One step per branch of every instruction. The branch is decided on the word as the instruction finds it, in the same step. */
  #primitive(
    p: ProcessBuilder,
    side: Side,
    primitive: Primitive,
    from: string,
    to: { success: string; refused: string },
  ): void {
    const label = (at: number): string => (at === 0 ? from : `${primitive.operation} ${primitive.mode} ${at}`);
    primitive.steps.forEach((step, at) => {
      let earlier: BoolExpr[] = [];
      for (const branch of step.branches) {
        const guard = and(not(this.#halted), ...earlier.map(not), this.#now(branch.when));
        earlier = [...earlier, this.#now(branch.when)];
        const result = branch.to;
        const ends = typeof result !== "number";
        const next = !ends
          ? label(result)
          : result === "success"
            ? to.success
            : result === "halt"
              ? "halted"
              : to.refused;
        p.step(label(at), {
          when: guard,
          do: [
            ...this.#checks(side, primitive, result),
            ...this.#effects(step.instruction),
            ...this.#consequences(side, primitive, result, branch.check),
          ],
          next,
          meta: this.#meta(primitive, step.instruction, result),
        });
        if (result === "halt") p.idle("halted");
      }
    });
  }

  /** A condition on the word as found → on the word now. */
  #now(condition: BoolExpr): BoolExpr {
    return substitute(condition, this.#word);
  }

  #meta(
    primitive: Primitive,
    { op }: Instruction,
    result: Primitive["steps"][number]["branches"][number]["to"],
  ): StepMeta {
    const base = { leaf: primitive.name, resource: "LOCK", mode: primitive.mode, note: `lock ${op}` };
    if (typeof result === "number") return { ...base, action: "instruction" };
    const acquires = primitive.operation === "acquire" || primitive.operation === "promote";
    if (result === "success")
      return { ...base, action: primitive.operation === "release" ? "release" : "acquire", result: "ok" };
    return {
      ...base,
      action: acquires ? "acquire" : "release",
      result: result === "halt" ? "halt" : BUSY,
      ...(result === "busy-host-priority" && { status: "TDX_OPERAND_BUSY_HOST_PRIORITY" }),
    };
  }

  /** What must be true when an attempt ends. Looked at before the instruction changes the word. */
  #checks(side: Side, { operation }: Primitive, result: unknown): Effect[] {
    if (operation !== "acquire" || this.#owed === null) return [];
    if (result === "success" && side === "guest")
      return [assertThat("no guest gets the lock while a refused host is owed it", not(this.#owed))];
    return [];
  }

  #consequences(side: Side, { operation }: Primitive, result: unknown, check: number | undefined): Effect[] {
    if (result === "halt")
      return [assertThat(`sanity check ${String(check)} does not fail`, false), set(this.#halted, true)];
    if (this.#owed === null || side !== "host" || operation === "release") return [];
    if (result === "success") return [set(this.#owed, false)];
    return result === "busy" ? [set(this.#owed, true)] : [];
  }

  /** The instruction on the fields of the word. The counter is the topmost field: it wraps as the word does. */
  #effects(instruction: Instruction): Effect[] {
    switch (instruction.op) {
      case "xadd": {
        const field = this.#field(instruction.field);
        return [
          set(
            field,
            band(
              add(field, instruction.by + 2 ** this.#width(instruction.field)),
              2 ** this.#width(instruction.field) - 1,
            ),
          ),
        ];
      }
      case "cmpxchg":
        return [when(this.#is(instruction.expected), this.#write(instruction.desired))];
      case "xchg":
        return this.#write(instruction.value);
      case "or":
      case "bts":
        return [set(this.#field(instruction.field), 1)];
      case "btr":
        return [set(this.#field(instruction.field), 0)];
      case "and":
        return this.#names().flatMap((name) => (instruction.keep.includes(name) ? [] : [set(this.#field(name), 0)]));
      case "read":
        return [];
    }
  }

  #write(values: FieldValues): Effect[] {
    return this.#names().map((name) => set(this.#field(name), values[name] ?? 0));
  }

  #names(): FieldName[] {
    return Object.keys(this.#word) as FieldName[];
  }
  #field(name: FieldName): IntRef {
    return this.#word[name] as IntRef;
  }
  #width(name: FieldName): number {
    return this.#layout.fields.find((field) => field.name === name)?.width ?? 0;
  }
  #is(values: FieldValues): BoolExpr {
    return and(...this.#names().map((name) => eq(this.#field(name), values[name] ?? 0)));
  }

  /** How many callers hold the lock in a mode. */
  #holders(mode: Mode): IntExpr {
    const writing = { none: [], "whole-word": ["copied", "written"], "keep-host-priority": ["written"] }[
      this.#spec.writeBack
    ];
    const labels = mode === "EXCLUSIVE" ? [held(mode), ...writing] : [held(mode)];
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

/** Build a lock's instruction-level model. */
export const lockModel = (spec: LockSpec): Model => new LockModel(spec).build();
