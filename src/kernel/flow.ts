/** How control flows through a function: where ways that part come together again, and which variables are still read. */

import type { Expr } from "../c/index.ts";
import type { Code, Instruction } from "./code.ts";

/** Questions about one function's flow, answered on demand. */
export class Flow {
  private readonly code: Code;
  private readonly successors: readonly (readonly number[])[];
  private joins: Int32Array | null = null;
  private readonly reads: readonly ReadonlySet<string>[];
  private readonly live = new Map<string, Uint8Array>();
  private pointed: ReadonlySet<string> | null = null;
  private stepped: ReadonlySet<string> | null = null;
  private readonly set = new Map<number, readonly Expr[]>();
  private readonly between = new Map<number, readonly number[]>();
  private readonly leading = new Map<number, Uint8Array>();

  constructor(code: Code) {
    this.code = code;
    const end = code.instructions.length;
    this.successors = code.instructions.map((instruction, at) => successorsOf(instruction, at, end));
    this.reads = code.instructions.map(readBy);
  }

  /** The instruction at which all ways from one come together again; the number of instructions when only its end is. */
  meetingOf(at: number): number {
    this.joins ??= postDominators(this.successors);
    return this.joins[at] ?? this.code.instructions.length;
  }

  /** May an instruction come, on some way, before another one, or is it that one? */
  leadsTo(at: number, to: number): boolean {
    let leading = this.leading.get(to);
    if (leading === undefined) {
      leading = leadingTo(this.successors, to);
      this.leading.set(to, leading);
    }
    return leading[at] === 1;
  }

  /** May an instruction come again? */
  isOnLoop(at: number): boolean {
    return (this.successors[at] as readonly number[]).some((next) => this.leadsTo(next, at));
  }

  /** Does an instruction read a variable? */
  readsAt(at: number, name: string): boolean {
    return this.reads[at]?.has(name) === true;
  }

  /** Is an argument of a call made of a variable that gets, somewhere, a value made of the one before? */
  isArgumentStepped(at: number, i: number): boolean {
    const call = this.code.instructions[at];
    const arg = call?.op === "call" ? call.args[i] : undefined;
    if (arg === undefined) return false;
    this.stepped ??= steppedIn(this.code, this.reads);
    const names = new Set<string>();
    namesIn(arg, names);
    return [...names].some((name) => this.stepped?.has(name));
  }

  /** Is some call given the address of a variable? */
  isPointedTo(name: string): boolean {
    this.pointed ??= new Set(
      this.code.instructions.flatMap((i) => (i.op === "call" ? i.args.flatMap((arg) => addressed(arg) ?? []) : [])),
    );
    return this.pointed.has(name);
  }

  /** What may get a value, and is not just counted, on some way from an instruction to the one at which all ways from it come together. */
  setAfter(at: number): readonly Expr[] {
    const known = this.set.get(at);
    if (known !== undefined) return known;
    const found = this.after(at).flatMap((next) => storedBy(this.code.instructions[next] as Instruction));
    this.set.set(at, found);
    return found;
  }

  /** What is counted there. */
  countedAfter(at: number): readonly Expr[] {
    return this.after(at).flatMap((next) => {
      const instruction = this.code.instructions[next] as Instruction;
      return instruction.op === "assign" && instruction.value.kind === "update" ? [instruction.to] : [];
    });
  }

  /** The instructions on ways from one to that at which all ways from it come together. */
  after(at: number): readonly number[] {
    const known = this.between.get(at);
    if (known !== undefined) return known;
    const found: number[] = [];
    const seen = new Set<number>([this.meetingOf(at), this.code.instructions.length]);
    const queue = [...(this.successors[at] as readonly number[])];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      found.push(next);
      queue.push(...(this.successors[next] as readonly number[]));
    }
    this.between.set(at, found);
    return found;
  }

  /** May an instruction, or one after it, read a variable before it gets another value? */
  isLive(name: string, at: number): boolean {
    let live = this.live.get(name);
    if (live === undefined) {
      live = this.liveness(name);
      this.live.set(name, live);
    }
    return live[at] === 1;
  }

  private liveness(name: string): Uint8Array {
    const { instructions } = this.code;
    const live = new Uint8Array(instructions.length + 1);
    const sets = instructions.map((instruction) => setBy(instruction) === name);
    for (let isStable = false; !isStable; ) {
      isStable = true;
      for (let at = instructions.length - 1; at >= 0; at--) {
        if (live[at] === 1) continue;
        const after = (this.successors[at] as readonly number[]).some((next) => live[next] === 1);
        if (this.reads[at]?.has(name) === true || (after && sets[at] !== true)) {
          live[at] = 1;
          isStable = false;
        }
      }
    }
    return live;
  }
}

/** The instructions with which a function may go on after one; `end` stands for its end. */
export function successorsOf(instruction: Instruction, at: number, end: number): number[] {
  switch (instruction.op) {
    case "branch":
      return [at + 1, instruction.no];
    case "choose":
      return [at + 1, instruction.to];
    case "jump":
      return [instruction.to];
    case "switch":
      return [...instruction.arms.map((arm) => arm.target), instruction.otherwise];
    case "return":
      return [end];
    default:
      return [at + 1];
  }
}

/** The instructions from which some way leads to one, that one included. */
function leadingTo(successors: readonly (readonly number[])[], to: number): Uint8Array {
  const leading = new Uint8Array(successors.length + 1);
  leading[to] = 1;
  for (let isStable = false; !isStable; ) {
    isStable = true;
    for (let at = successors.length - 1; at >= 0; at--) {
      if (leading[at] === 1 || !(successors[at] as readonly number[]).some((next) => leading[next] === 1)) continue;
      leading[at] = 1;
      isStable = false;
    }
  }
  return leading;
}

/** The nearest instruction through which every way from each one goes; the number of instructions is the end. */
function postDominators(successors: readonly (readonly number[])[]): Int32Array {
  const end = successors.length;
  const order = numbered(successors, end);
  const nearest = new Int32Array(end + 1).fill(-1);
  nearest[end] = end;
  const meet = (a: number, b: number): number => {
    let [x, y] = [a, b];
    while (x !== y) {
      while ((order[x] as number) > (order[y] as number)) x = nearest[x] as number;
      while ((order[y] as number) > (order[x] as number)) y = nearest[y] as number;
    }
    return x;
  };
  const sorted = [...successors.keys()].sort((a, b) => (order[a] as number) - (order[b] as number));
  for (let isStable = false; !isStable; ) {
    isStable = true;
    for (const at of sorted) {
      let found = -1;
      for (const next of successors[at] as readonly number[]) {
        if ((nearest[next] as number) < 0) continue;
        found = found < 0 ? next : meet(found, next);
      }
      if (found >= 0 && nearest[at] !== found) {
        nearest[at] = found;
        isStable = false;
      }
    }
  }
  // What never comes to an end comes together nowhere.
  return nearest.map((at) => (at < 0 ? end : at));
}

/** How far each instruction is behind the end, in an order in which the end comes first. */
function numbered(successors: readonly (readonly number[])[], end: number): Int32Array {
  const before: number[][] = Array.from({ length: end + 1 }, () => []);
  successors.forEach((list, at) => {
    for (const next of list) (before[next] as number[]).push(at);
  });
  const order = new Int32Array(end + 1).fill(Number.MAX_SAFE_INTEGER & 0x7fffffff);
  const seen = new Uint8Array(end + 1);
  const post: number[] = [];
  const stack: { at: number; next: number }[] = [{ at: end, next: 0 }];
  seen[end] = 1;
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const list = before[top.at] as number[];
    const to = list[top.next++];
    if (to === undefined) {
      post.push(top.at);
      stack.pop();
    } else if (seen[to] !== 1) {
      seen[to] = 1;
      stack.push({ at: to, next: 0 });
    }
  }
  post.reverse().forEach((at, i) => {
    order[at] = i;
  });
  return order;
}

/** The variable that an instruction gives a value of its own, whatever was in it before. */
function setBy(instruction: Instruction): string | null {
  switch (instruction.op) {
    case "assign":
      return instruction.to.kind === "name" ? instruction.to.name : null;
    case "forget":
      return instruction.name;
    case "call":
      return instruction.to;
    case "round":
      return instruction.variable;
    default:
      return null;
  }
}

/** Variables that some instruction gives a value made of the one before. */
function steppedIn({ instructions }: Code, reads: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return new Set(
    instructions.flatMap((instruction, at) => {
      const name = instruction.op === "assign" ? setBy(instruction) : null;
      return name !== null && reads[at]?.has(name) === true ? [name] : [];
    }),
  );
}

/** What an instruction stores to, or gives a call the address of. A counter says how often, not what happened. */
function storedBy(instruction: Instruction): Expr[] {
  if (instruction.op === "assign") return instruction.value.kind === "update" ? [] : [instruction.to];
  const name = setBy(instruction);
  const own: Expr[] = name === null ? [] : [{ kind: "name", name, line: instruction.line }];
  if (instruction.op !== "call") return own;
  return [...own, ...instruction.args.flatMap((arg) => addressOf(arg) ?? [])];
}

/** The variable whose address an argument is; null when it is none. */
function addressed(e: Expr): string | null {
  const operand = addressOf(e);
  return operand?.kind === "name" ? operand.name : null;
}

/** What an argument is the address of; null when it is none. */
function addressOf(e: Expr): Expr | null {
  if (e.kind === "cast") return addressOf(e.operand);
  return e.kind === "unary" && e.op === "&" ? e.operand : null;
}

function readBy(instruction: Instruction): Set<string> {
  const found = new Set<string>();
  const visit = (e: Expr | null): void => {
    if (e !== null) namesIn(e, found);
  };
  switch (instruction.op) {
    case "assign":
      visit(instruction.value);
      if (instruction.to.kind !== "name") visit(instruction.to);
      break;
    case "call":
      visit(instruction.callee);
      instruction.args.forEach(visit);
      break;
    case "branch":
    case "check":
      visit(instruction.test);
      break;
    case "switch":
    case "return":
      visit(instruction.value);
      break;
    default:
  }
  return found;
}

function namesIn(e: Expr, found: Set<string>): void {
  switch (e.kind) {
    case "name":
      found.add(e.name);
      return;
    case "unary":
    case "update":
    case "cast":
      return namesIn(e.operand, found);
    case "binary":
    case "assign":
      namesIn(e.left, found);
      return namesIn(e.right, found);
    case "member":
      return namesIn(e.object, found);
    case "index":
      namesIn(e.object, found);
      return namesIn(e.index, found);
    case "call":
      namesIn(e.callee, found);
      for (const arg of e.args) namesIn(arg, found);
      return;
    case "conditional":
      for (const part of [e.test, e.yes, e.no]) namesIn(part, found);
      return;
    case "comma":
    case "opaque":
      for (const part of e.parts) namesIn(part, found);
      return;
    case "initializer":
      for (const entry of e.entries) namesIn(entry.value, found);
      return;
    default:
  }
}
