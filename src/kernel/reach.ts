/**
 * Which functions can matter: those from which a SEAMCALL can be reached, and those that may come back with other locks than they were
 * called with. An over-approximation by names, made without parsing.
 */

import type { Expr, FunctionInfo } from "../c/index.ts";
import type { Instruction } from "./code.ts";
import { calleeName } from "./expressions.ts";
import { successorsOf } from "./flow.ts";
import type { Source } from "./source.ts";

/** Words of a body that is followed for its result alone. */
const SMALL = 90;
/** … when the result may depend on a member that is followed. */
const TELLING = 250;

export class Reach {
  private readonly source: Source;
  private readonly sizes = new Map<FunctionInfo, number>();
  private readonly words = new Map<FunctionInfo, ReadonlySet<string>>();
  /** Functions from whose name, or whose member's name, something that matters is reached. */
  private readonly seamcalling: ReadonlySet<FunctionInfo>;
  private readonly locking: ReadonlySet<FunctionInfo>;
  /** Names of members that are followed. */
  private readonly facts: ReadonlySet<string>;
  /** Names of what does something about a BUSY. */
  private readonly reactions: ReadonlySet<string>;
  private users: ReadonlyMap<string, readonly (FunctionInfo | string)[]> | null = null;
  private pointers: ReadonlyMap<string, readonly string[]> | null = null;

  constructor(source: Source) {
    this.source = source;
    const { rules } = source;
    this.facts = new Set([...Object.keys(rules.facts.members), ...rules.facts.tracked].map(lastWord));
    this.reactions = new Set([
      ...[rules.reports, rules.events].flatMap(Object.keys),
      ...rules.busy.frees,
      ...Object.keys(rules.bars).map(lastWord),
    ]);
    const members = new Set(rules.locks.classes.flatMap((c) => c.members.map(lastWord)));
    const all = [...source.program.functions.values()].flat();
    for (const info of all) this.words.set(info, this.wordsOf(info));
    this.seamcalling = this.closure(new Set(Object.keys(rules.seamcalls.calls)), new Set());
    const calls = Object.entries(rules.locks.calls);
    const callsThat = (what: "takes" | "drops"): Calls => ({
      named: new Set(calls.flatMap(([name, rule]) => (typeof rule[what] === "string" ? [name] : []))),
      pointed: new Set(calls.flatMap(([name, rule]) => (typeof rule[what] === "number" ? [name] : []))),
    });
    const [takes, drops] = [callsThat("takes"), callsThat("drops")];
    const asserts = Object.entries(rules.locks.asserts);
    const asserting: Calls = {
      named: new Set(asserts.flatMap(([name, { lock }]) => (typeof lock === "string" ? [name] : []))),
      pointed: new Set(asserts.flatMap(([name, { lock }]) => (typeof lock === "number" ? [name] : []))),
    };
    const does = (words: ReadonlySet<string>, { named, pointed }: Calls): boolean =>
      has(words, named) || (has(words, pointed) && has(words, members));
    // A lock that a function is given a pointer to goes by any name.
    const given = new RegExp(`\\b(?:${[...takes.pointed, ...drops.pointed].join("|")})\\s*\\(\\s*\\w+\\s*[,)]`);
    const own = new Set<FunctionInfo>();
    const lasting = new Set<FunctionInfo>();
    const stores = new RegExp(`(?:->|\\.)(?:${rules.facts.tracked.map(lastWord).join("|")})\\s*=[^=]`);
    for (const info of all) {
      const words = this.expanded(this.words.get(info) as ReadonlySet<string>);
      const [isTaking, isDropping] = [does(words, takes), does(words, drops)];
      const isOfGiven = given.test(this.body(info));
      if (isTaking || isDropping || isOfGiven || words.has(rules.guards.guard) || does(words, asserting)) own.add(info);
      const isUneven = isTaking !== isDropping || isOfGiven || (isTaking && !isEven(source, info));
      if (isUneven || stores.test(this.body(info))) lasting.add(info);
    }
    this.locking = new Set([...own, ...this.closure(new Set(), lasting)]);
  }

  /** Can a SEAMCALL be reached from it, or may it change which locks are held? */
  matters(info: FunctionInfo): boolean {
    return this.seamcalling.has(info) || this.locking.has(info);
  }

  /** Can a SEAMCALL be reached from it? */
  reachesSeamcall(info: FunctionInfo): boolean {
    return this.seamcalling.has(info);
  }

  /** Is it small enough to be followed for its result alone? */
  isSmall(info: FunctionInfo): boolean {
    const size = this.sizes.get(info) ?? 0;
    return size <= SMALL || (size <= TELLING && has(this.words.get(info) as ReadonlySet<string>, this.facts));
  }

  /** May it do something about a BUSY that it is told of, or say what became of it? */
  reacts(info: FunctionInfo): boolean {
    return this.isSmall(info) || has(this.words.get(info) as ReadonlySet<string>, this.reactions);
  }

  private wordsOf(info: FunctionInfo): ReadonlySet<string> {
    const words = this.body(info).match(/[A-Za-z_]\w*/g) ?? [];
    this.sizes.set(info, words.length);
    return new Set(words);
  }

  /** Words with those of the macros among them. */
  private expanded(words: ReadonlySet<string>): ReadonlySet<string> {
    const { program } = this.source;
    const found = new Set(words);
    for (const word of found)
      for (const { body } of program.macros.has(word) ? program.definitionsOf(word) : [])
        for (const inner of body.match(/[A-Za-z_]\w*/g) ?? []) found.add(inner);
    return found;
  }

  private body(info: FunctionInfo): string {
    return this.source.program.textOf(info).slice(info.bodyStart, info.bodyEnd);
  }

  /** Functions from which one of some names or functions can be reached, those included: by naming it, a function or macro that does, or a member that points to one. */
  private closure(seeds: ReadonlySet<string>, own: ReadonlySet<FunctionInfo>): ReadonlySet<FunctionInfo> {
    return this.leadingTo(seeds, own).functions;
  }

  /** Functions from which some others can be reached, those included, and the names by which they, or macros and members that lead to them, go. */
  leading(own: ReadonlySet<FunctionInfo>): Leading {
    return this.leadingTo(new Set(), own);
  }

  private leadingTo(seeds: ReadonlySet<string>, own: ReadonlySet<FunctionInfo>): Leading {
    this.users ??= this.usersOfWords();
    this.pointers ??= this.pointersTo();
    const functions = new Set<FunctionInfo>(own);
    const names = new Set<string>();
    const queue = [...seeds, ...[...own].map((info) => info.name)];
    for (let word = queue.pop(); word !== undefined; word = queue.pop()) {
      if (names.has(word)) continue;
      names.add(word);
      queue.push(...(this.pointers.get(word) ?? []));
      for (const user of this.users.get(word) ?? []) {
        if (typeof user === "string") queue.push(user);
        else if (!functions.has(user)) {
          functions.add(user);
          queue.push(user.name);
        }
      }
    }
    return { functions, names };
  }

  /** Functions that name a word, themselves or by a macro. */
  naming(word: string): ReadonlySet<FunctionInfo> {
    this.users ??= this.usersOfWords();
    const functions = new Set<FunctionInfo>();
    const seen = new Set<string>();
    const queue = [word];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      for (const user of this.users.get(next) ?? []) {
        if (typeof user === "string") queue.push(user);
        else functions.add(user);
      }
    }
    return functions;
  }

  /** By word: the functions and macros whose text has it. */
  private usersOfWords(): ReadonlyMap<string, readonly (FunctionInfo | string)[]> {
    const { program } = this.source;
    const all = [...this.words.keys()];
    const users = new Map<string, (FunctionInfo | string)[]>();
    const add = (word: string, user: FunctionInfo | string): void => {
      const list = users.get(word);
      if (list) list.push(user);
      else users.set(word, [user]);
    };
    for (const info of all) for (const word of this.words.get(info) as ReadonlySet<string>) add(word, info);
    for (const name of program.macros.keys())
      for (const [i, { body, file }] of program.definitionsOf(name).entries()) {
        // What another .c file defines under a name that is taken is no macro of this one.
        const isShared = i === 0 || file.endsWith(".h");
        const users = isShared ? [name] : all.filter((info) => info.file === file && this.words.get(info)?.has(name));
        for (const word of body.match(/[A-Za-z_]\w*/g) ?? []) for (const user of users) add(word, user);
      }
    return users;
  }

  /** By function: the members that point to it, as macros may name them that call one. */
  private pointersTo(): ReadonlyMap<string, readonly string[]> {
    const prefixes = new Set(["", ...Object.values(this.source.rules.memberCalls).map(({ prefix }) => prefix)]);
    const pointers = new Map<string, string[]>();
    for (const [member, infos] of this.source.members()) {
      const names = [...prefixes].map((prefix) => prefix + member);
      for (const info of infos) pointers.set(info.name, [...(pointers.get(info.name) ?? []), ...names]);
    }
    return pointers;
  }
}

/** What leads to some functions. */
export interface Leading {
  readonly functions: ReadonlySet<FunctionInfo>;
  readonly names: ReadonlySet<string>;
}

/** Names of calls by how they tell their lock. */
interface Calls {
  readonly named: ReadonlySet<string>;
  readonly pointed: ReadonlySet<string>;
}

/** Does a function, on each of its ways, drop what it takes and take what it drops? By how locks are written; one that cannot be parsed does not. */
function isEven(source: Source, info: FunctionInfo): boolean {
  const instructions = source.code(info)?.instructions;
  if (instructions === undefined) return false;
  const { calls } = source.rules.locks;
  // What was taken less what was dropped, by lock, in front of each instruction.
  const before = new Map<number, ReadonlyMap<string, number>>([[0, new Map()]]);
  const queue = [0];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    const instruction = instructions[at] as Instruction;
    const after = new Map(before.get(at));
    const rule = instruction.op === "call" ? calls[calleeName(instruction.callee) ?? ""] : undefined;
    if (rule !== undefined && instruction.op === "call")
      for (const [which, step] of [
        [rule.drops, -1],
        [rule.takes, 1],
      ] as const) {
        if (which === undefined) continue;
        const lock = typeof which === "string" ? which : writtenAs(instruction.args[which]);
        const count = (after.get(lock) ?? 0) + step;
        if (count === 0) after.delete(lock);
        else after.set(lock, count);
      }
    if (instruction.op === "return" && after.size > 0) return false;
    for (const next of successorsOf(instruction, at, instructions.length)) {
      const known = before.get(next);
      if (known !== undefined && !isEqual(known, after)) return false;
      if (known !== undefined || next >= instructions.length) continue;
      before.set(next, after);
      queue.push(next);
    }
  }
  return true;
}

const isEqual = (a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean =>
  a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);

/** The names and members of which a lock's address is written, in order. */
function writtenAs(e: Expr | undefined): string {
  if (e === undefined) return "";
  if (e.kind === "name") return e.name;
  if (e.kind === "member") return `${writtenAs(e.object)}.${e.field}`;
  return e.kind === "unary" || e.kind === "cast"
    ? writtenAs(e.operand)
    : JSON.stringify(e, (_, v) => (typeof v === "bigint" ? `${v}` : v));
}

const lastWord = (member: string): string => member.slice(member.lastIndexOf(".") + 1);

function has(words: ReadonlySet<string>, wanted: ReadonlySet<string>): boolean {
  for (const word of wanted) if (words.has(word)) return true;
  return false;
}
