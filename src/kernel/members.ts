/**
 * Who looks at what is stored: which members of structures, and which global objects, each function reads and stores, by their names
 * (`structure.member`). Made without following any way, so that it may say more than there is; less only of structures whose type is
 * not known, of which nothing is followed either.
 */

import { type Expr, type FunctionInfo, partsOf } from "../c/index.ts";
import type { Code, Instruction } from "./code.ts";
import { successorsOf } from "./flow.ts";
import type { Leading, Reach } from "./reach.ts";
import type { Source } from "./source.ts";

/** What one instruction does with members and global objects. */
interface Uses {
  readonly reads: ReadonlySet<string>;
  readonly stores: ReadonlySet<string>;
  /** Names by which it may call something. */
  readonly calls: readonly string[];
}

const NOTHING: ReadonlySet<string> = new Set();

export class Members {
  private readonly source: Source;
  private readonly reach: Reach;
  private readonly uses = new Map<Code, readonly Uses[]>();
  private readonly readers = new Map<string, Leading>();
  private readonly storers = new Map<string, Leading>();
  private readonly live = new Map<Code, Map<string, Uint8Array>>();
  private readonly above = new Map<FunctionInfo, Map<string, boolean>>();
  private readonly stored = new Map<FunctionInfo, ReadonlySet<string>>();
  private readonly rested = new Map<string, boolean>();
  private ones: ReadonlySet<string> | null = null;
  private readonly callers = new Map<FunctionInfo, Leading>();

  constructor(source: Source, reach: Reach) {
    this.source = source;
    this.reach = reach;
  }

  /** May an instruction of a function, one that may come after it, or what these call, look at a member? */
  isReadFrom(code: Code, member: string, at: number): boolean {
    const known = this.live.get(code) ?? new Map<string, Uint8Array>();
    this.live.set(code, known);
    let live = known.get(member);
    if (live === undefined) {
      live = this.liveness(code, member);
      known.set(member, live);
    }
    return live[at] === 1;
  }

  /** May something that called a function look at a member after that? */
  isReadAbove(info: FunctionInfo, member: string): boolean {
    const known = this.above.get(info) ?? new Map<string, boolean>();
    this.above.set(info, known);
    let is = known.get(member);
    if (is === undefined) {
      is = this.findAbove(info, member);
      known.set(member, is);
    }
    return is;
  }

  /** Is there one object, for whoever does something in an entry, that a member is of? */
  isOne(member: string): boolean {
    this.ones ??= this.structuresOfOne();
    const at = member.indexOf(".");
    return at < 0 || this.ones.has(member.slice(0, member.lastIndexOf(".")));
  }

  /** Structures that a VM, a vCPU or the machine has one of, and those that are part of one of these and of nothing else. */
  private structuresOfOne(): ReadonlySet<string> {
    const { facts, locks, busy } = this.source.rules;
    const named = locks.classes.flatMap(({ per, members }) =>
      per === "vm" || per === "vcpu" || per === "machine" ? members : [],
    );
    const members = [...named, ...facts.tracked, ...Object.keys(facts.members), ...Object.keys(busy.facts)];
    const found = new Set(facts.perVcpu);
    for (const member of members) if (member.includes(".")) found.add(member.slice(0, member.indexOf(".")));
    const parts = this.partsOfStructures();
    for (const tag of found)
      for (const [part, wholes] of parts) if (wholes.length === 1 && wholes[0] === tag) found.add(part);
    return found;
  }

  /** Is a member zero but for the time between a store of something else and one of zero that always follows: in the function, or in its callers? */
  isRestedAtZero(member: string): boolean {
    let is = this.rested.get(member);
    if (is === undefined) {
      is = this.findRested(member);
      this.rested.set(member, is);
    }
    return is;
  }

  private findRested(member: string): boolean {
    // An object at file scope may begin as something else.
    if (!member.includes(".")) return false;
    const storing = [...this.reach.naming(wordOf(member))].flatMap((info) => {
      const code = this.source.code(info);
      return code !== null && this.usesOf(code).some(({ stores }) => stores.has(member)) ? [code] : [];
    });
    const lowering = new Set(storing.filter((code) => this.isLowering(code, member)).map(({ name }) => name));
    const raising = new Set<string>();
    const queue = [...storing];
    for (let code = queue.pop(); code !== undefined; code = queue.pop()) {
      const { name } = code;
      if (raising.has(name) || this.isPutBack(code, member, { raising, lowering })) continue;
      raising.add(name);
      const callers = [...this.reach.naming(name)].flatMap((info) =>
        info.name === name ? [] : [{ info, code: this.source.code(info) }],
      );
      if (callers.length === 0 || raising.size > MOST_RAISING) return false;
      for (const caller of callers) {
        if (caller.code === null || !this.source.callsOf(caller.info).includes(name)) return false;
        queue.push(caller.code);
      }
    }
    // What only stores zero gets something else from where nobody has looked.
    return storing.some((code) => this.storesTo(code, member, NO_CALLS).includes(false));
  }

  /** Does a function store zero to a member, and nothing else, on each of its ways? */
  private isLowering(code: Code, member: string): boolean {
    const stored = this.storesTo(code, member, NO_CALLS);
    return !stored.includes(false) && !comesToEnd(code, [0], stored);
  }

  /** Does a function, on each way from where a member gets something else than zero, store zero to it before its end? */
  private isPutBack(code: Code, member: string, by: Storing): boolean {
    const stored = this.storesTo(code, member, by);
    const raised = stored.flatMap((isZero, at) => (isZero === false ? successorsIn(code, at) : []));
    return !comesToEnd(code, raised, stored);
  }

  /** Of each instruction: does it store zero to a member, or something else? Null where it does neither. */
  private storesTo(code: Code, member: string, { raising, lowering }: Storing): (boolean | null)[] {
    const uses = this.usesOf(code);
    return code.instructions.map((instruction, at) => {
      if (instruction.op === "call" && instruction.callee.kind === "name") {
        const { name } = instruction.callee;
        if (lowering.has(name)) return true;
        if (raising.has(name)) return false;
      }
      if (uses[at]?.stores.has(member) !== true) return null;
      return instruction.op === "assign" && this.isZero(instruction.value);
    });
  }

  private isZero(e: Expr): boolean {
    if (e.kind === "cast") return this.isZero(e.operand);
    if (e.kind === "name") return ["false", "NULL"].includes(e.name) || this.source.constant(e.name) === 0n;
    return e.kind === "number" && e.value === 0n;
  }

  /** By structure that is part of others: these, each as often as it is, of an array twice. */
  private partsOfStructures(): ReadonlyMap<string, readonly string[]> {
    const { types } = this.source;
    const found = new Map<string, string[]>();
    const seen = new Set<string>();
    const queue = [...types.tags()];
    for (let tag = queue.pop(); tag !== undefined; tag = queue.pop()) {
      if (seen.has(tag)) continue;
      seen.add(tag);
      for (const [member, type] of types.membersOf(tag)) {
        const part = type.includes("*") ? null : types.tagOf(type);
        if (part === null) continue;
        found.set(part, [...(found.get(part) ?? []), tag, ...(types.isArray(tag, member) ? [tag] : [])]);
        queue.push(part);
      }
    }
    return found;
  }

  /** May a function, or what it calls, look at a member, or store to it? */
  isUsedBy(info: FunctionInfo, member: string): boolean {
    return this.readersOf(member).functions.has(info) || this.storersOf(member).functions.has(info);
  }

  /** What functions that an instruction may call store to, and what these call. */
  storedByCall(code: Code, at: number): ReadonlySet<string> {
    return new Set(this.calledBy(code, at).flatMap((info) => [...this.storedBy(info)]));
  }

  /** The function that an instruction calls by its name. What pointers lead to is left out: by those of a vCPU's operations, everything. */
  private calledBy(code: Code, at: number): readonly FunctionInfo[] {
    const instruction = code.instructions[at];
    if (instruction?.op !== "call" || instruction.callee.kind !== "name") return [];
    const { name } = instruction.callee;
    const info = code.types.has(name) ? null : this.source.resolve(name, code.file);
    return info === null ? [] : [info];
  }

  /** What a function stores to, and what it calls. */
  private storedBy(info: FunctionInfo): ReadonlySet<string> {
    const known = this.stored.get(info);
    if (known !== undefined) return known;
    const found = new Set<string>();
    const seen = new Set<FunctionInfo>();
    const queue = [info];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const code = seen.has(next) || this.isEvent(next) ? null : this.source.code(next);
      seen.add(next);
      code?.instructions.forEach((_, at) => {
        for (const member of this.usesOf(code)[at]?.stores ?? NOTHING) if (!member.startsWith("?")) found.add(member);
        queue.push(...this.calledBy(code, at));
      });
    }
    this.stored.set(info, found);
    return found;
  }

  /** The parts of what a call's argument points to that a function which it may call, or what that one calls, stores to: `` for itself, `.member`. */
  storedThrough(code: Code, at: number, argument: number): ReadonlySet<string> {
    const found = new Set<string>();
    const seen = new Set<string>();
    const queue = this.calledBy(code, at).map((info) => ({ info, i: argument }));
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const { info, i } = next;
      const key = `${this.source.key(info)} ${i}`;
      const inner = seen.has(key) ? null : this.source.code(info);
      const parameter = inner?.parameters[i];
      seen.add(key);
      if (inner === null || parameter === undefined) continue;
      for (const [place, instruction] of inner.instructions.entries()) {
        // A counter says how often, not what happened.
        const isStore = instruction.op === "assign" && instruction.value.kind !== "update";
        const part = isStore ? partOf(instruction.to, parameter) : null;
        if (part !== null) found.add(part);
        if (instruction.op !== "call") continue;
        for (const [j, arg] of instruction.args.entries())
          if (arg.kind === "name" && arg.name === parameter)
            queue.push(...this.calledBy(inner, place).map((called) => ({ info: called, i: j })));
      }
    }
    return found;
  }

  /** What an event stores the event tells. */
  private isEvent({ name }: FunctionInfo): boolean {
    return Object.hasOwn(this.source.rules.events, name);
  }

  private findAbove(info: FunctionInfo, member: string): boolean {
    const { functions } = this.readersOf(member);
    if (functions.size === 0) return false;
    let leading = this.callers.get(info);
    if (leading === undefined) {
      leading = this.reach.leading(new Set([info]));
      this.callers.set(info, leading);
    }
    const { names } = leading;
    for (const caller of leading.functions) {
      if (!functions.has(caller)) continue;
      const code = this.source.code(caller);
      if (code === null) continue;
      const leads = ({ calls }: Uses): boolean => calls.some((name) => names.has(name));
      if (this.usesOf(code).some((uses, at) => leads(uses) && this.isReadFrom(code, member, at + 1))) return true;
    }
    return false;
  }

  private liveness(code: Code, member: string): Uint8Array {
    const { instructions } = code;
    const end = instructions.length;
    const live = new Uint8Array(end + 1);
    const { names } = this.readersOf(member);
    const looks = this.usesOf(code).map(
      ({ reads, calls }) => reads.has(member) || calls.some((name) => names.has(name)),
    );
    if (!looks.includes(true)) return live;
    for (let isStable = false; !isStable; ) {
      isStable = true;
      for (let at = end - 1; at >= 0; at--) {
        if (live[at] === 1) continue;
        const next = successorsIn(code, at);
        if (looks[at] !== true && !next.some((to) => live[to] === 1)) continue;
        live[at] = 1;
        isStable = false;
      }
    }
    return live;
  }

  private readersOf(member: string): Leading {
    return this.usersOf(member, this.readers, ({ reads }) => reads);
  }

  private storersOf(member: string): Leading {
    return this.usersOf(member, this.storers, ({ stores }) => stores);
  }

  /** Functions that use a member in one way, and those that lead to them. */
  private usersOf(member: string, known: Map<string, Leading>, how: (uses: Uses) => ReadonlySet<string>): Leading {
    let found = known.get(member);
    if (found === undefined) {
      const own = [...this.reach.naming(wordOf(member))].filter((info) => {
        const code = this.source.code(info);
        return code !== null && this.usesOf(code).some((uses) => how(uses).has(member));
      });
      found = this.reach.leading(new Set(own));
      known.set(member, found);
    }
    return found;
  }

  private usesOf(code: Code): readonly Uses[] {
    const known = this.uses.get(code);
    if (known !== undefined) return known;
    const made = code.instructions.map((instruction) => this.usesAt(code, instruction));
    this.uses.set(code, made);
    return made;
  }

  private usesAt(code: Code, instruction: Instruction): Uses {
    const reads = new Set<string>();
    const stores = new Set<string>();
    const calls: string[] = [];
    const nameOf = (e: Expr): string | null => this.nameOf(code, e);
    const visit = (e: Expr): void => {
      if (e.kind === "name" && !code.types.has(e.name)) calls.push(e.name);
      if (e.kind === "member") calls.push(e.field);
      const own = e.kind === "name" || e.kind === "member" ? nameOf(e) : null;
      if (own !== null) reads.add(own);
      // Whoever has the address may look there, and store.
      const pointed = e.kind === "unary" && e.op === "&" ? nameOf(e.operand) : null;
      if (pointed !== null) stores.add(pointed);
      for (const part of partsOf(e)) visit(part);
    };
    switch (instruction.op) {
      case "assign": {
        const { to } = instruction;
        const stored = nameOf(to);
        visit(instruction.value);
        // What is counted, or changed by what it is, is not looked at.
        if (stored !== null) {
          reads.delete(stored);
          stores.add(stored);
        }
        for (const part of partsOf(to)) visit(part);
        break;
      }
      case "call":
        visit(instruction.callee);
        instruction.args.forEach(visit);
        return { reads, stores, calls };
      case "branch":
      case "check":
        visit(instruction.test);
        break;
      case "switch":
        visit(instruction.value);
        break;
      case "return":
        if (instruction.value !== null) visit(instruction.value);
        break;
      case "report":
        instruction.args.forEach(visit);
        break;
      default:
    }
    return { reads, stores, calls: [] };
  }

  /** The name of the member, or of the global object, that an expression is; null for anything else. */
  private nameOf(code: Code, e: Expr): string | null {
    if (e.kind === "cast") return this.nameOf(code, e.operand);
    if (e.kind === "name") return code.types.has(e.name) ? null : e.name;
    if (e.kind !== "member" || isOwn(code, e)) return null;
    return `${this.tagOf(code, e.object) ?? "?"}.${e.field}`;
  }

  private tagOf(code: Code, e: Expr): string | null {
    const variable = (name: string): string | null => code.types.get(name) ?? null;
    return this.source.types.tagOfExpr(e, { variable, result: () => null });
  }
}

/** Functions that leave a member at something else than zero, and those that put it back. */
interface Storing {
  readonly raising: ReadonlySet<string>;
  readonly lowering: ReadonlySet<string>;
}

const NO_CALLS: Storing = { raising: NOTHING, lowering: NOTHING };

/** More functions that leave a member at something else than zero are not followed up. */
const MOST_RAISING = 12;

const successorsIn = ({ instructions }: Code, at: number): number[] =>
  successorsOf(instructions[at] as Instruction, at, instructions.length);

/** Does a way from some instructions come to the end of a function without a store of zero? */
function comesToEnd(code: Code, from: readonly number[], stored: readonly (boolean | null)[]): boolean {
  const seen = new Set<number>();
  const queue = [...from];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    if (at === code.instructions.length) return true;
    if (seen.has(at) || stored[at] === true) continue;
    seen.add(at);
    queue.push(...successorsIn(code, at));
  }
  return false;
}

/** The part of what a pointer points to that an expression is: `*p`, `p->a.b`; null when it is none. */
function partOf(e: Expr, pointer: string): string | null {
  if (e.kind === "unary") return e.op === "*" && e.operand.kind === "name" && e.operand.name === pointer ? "" : null;
  if (e.kind !== "member") return null;
  if (e.arrow) return e.object.kind === "name" && e.object.name === pointer ? `.${e.field}` : null;
  const whole = partOf(e.object, pointer);
  return whole === null ? null : `${whole}.${e.field}`;
}

/** Is an expression a variable of the function, or a part of one? */
function isOwn(code: Code, e: Expr): boolean {
  if (e.kind === "member") return !e.arrow && isOwn(code, e.object);
  return e.kind === "name" && code.types.get(e.name)?.endsWith("*") === false;
}

const wordOf = (member: string): string => member.slice(member.lastIndexOf(".") + 1);
