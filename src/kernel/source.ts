/** The hypervisor's source as the analysis asks for it: functions as code, guards, which functions members point to, constants. */

import {
  type CallExpr,
  type Expr,
  type FunctionInfo,
  type InitializerPlace,
  type Program,
  placesIn,
  type Stmt,
  Types,
} from "../c/index.ts";
import type { Code, GuardClass } from "./code.ts";
import { hasEffect } from "./expressions.ts";
import { type Inline, type LoopRule, type Lowering, lower } from "./lower.ts";
import type { KernelRules } from "./rules.ts";
import { functionValue, number, union, type Value } from "./values.ts";

/** Path of the rules' own C among the files. */
export const PRELUDE = "(rules)/prelude.h";
export const MODELS = "(rules)/models.h";

const OUTSIDE = "outside ";

/** The key of a function that the tree does not define. */
export const outsideKey = (name: string): string => OUTSIDE + name;

/** The name of a function that the tree does not define, from its key; null for one that it does. */
export function outsideName(key: string): string | null {
  return key.startsWith(OUTSIDE) ? key.slice(OUTSIDE.length) : null;
}

/** A member of a structure that is made to point to a function. */
export interface Pointer {
  readonly tag: string;
  readonly member: string;
  readonly name: string;
  readonly file: string;
}

export class Source {
  readonly program: Program;
  readonly types: Types;
  readonly rules: KernelRules;
  private readonly codes = new Map<FunctionInfo, Code | null>();
  private readonly lowering: Omit<Lowering, "typeOf" | "inline">;
  private readonly resolved = new Map<string, Map<string, FunctionInfo | null>>();
  private readonly inlines = new Map<FunctionInfo, Inline | null>();
  /** Names that rules speak of: calls of them stay. */
  private readonly spoken: ReadonlySet<string>;
  private readonly tables: ReadonlyMap<string, readonly FunctionInfo[]>;
  private readonly pointerList: Pointer[] = [];
  /** Structures of which some member points to functions. */
  private readonly tabled = new Set<string>();
  private readonly keys = new Map<string, FunctionInfo>();
  private readonly names = new Map<FunctionInfo, string>();
  private readonly pointed = new Map<string, Value | null>();
  private statements = new Map<string, readonly Stmt[]>();

  constructor(program: Program, rules: KernelRules) {
    this.program = program;
    this.rules = rules;
    this.types = new Types([...program.texts.values()]);
    const { guards } = rules;
    this.spoken = new Set(
      [
        ...[
          rules.reports,
          rules.events,
          rules.locks.calls,
          rules.locks.asserts,
          rules.callbacks,
          rules.seamcalls.calls,
        ],
        ...[rules.facts.results],
      ].flatMap(Object.keys),
    );
    this.lowering = {
      guards: this.guardClasses(),
      words: guards,
      loop: loopRules(rules),
      transparent: new Map(Object.entries(rules.transparent)),
      reports: new Set(Object.keys(rules.reports)),
      statement: (text) => this.statement(text),
    };
    this.tables = this.memberTables();
  }

  /** The function that a name means in a file; a model of the rules that fits takes its place. */
  resolve(name: string, file: string): FunctionInfo | null {
    let names = this.resolved.get(file);
    if (names === undefined) {
      names = new Map();
      this.resolved.set(file, names);
    }
    const known = names.get(name);
    if (known !== undefined) return known;
    const info = this.model(name) ?? this.ownOf(name, file);
    names.set(name, info);
    return info;
  }

  /** The function of the tree that a name means in a file. */
  private ownOf(name: string, file: string): FunctionInfo | null {
    const isModelled = this.program.functions.get(name)?.some((info) => info.file === MODELS);
    if (!isModelled) return this.program.resolve(name, file);
    const owns = this.owns(name);
    return owns.find((info) => info.file === file) ?? owns[0] ?? null;
  }

  /** The rules' model of a function; null when there is none, or one of another function: with other parameters than the tree's own. */
  private model(name: string): FunctionInfo | null {
    const model = this.program.functions.get(name)?.find((info) => info.file === MODELS);
    if (model === undefined) return null;
    const owns = this.owns(name);
    const fits = owns.length === 0 || owns.some((own) => this.parametersOf(own) === this.parametersOf(model));
    return fits ? model : null;
  }

  private owns(name: string): readonly FunctionInfo[] {
    return this.program.functions.get(name)?.filter((info) => info.file !== MODELS) ?? [];
  }

  /** `kvm, root`; null when the function cannot be parsed. */
  private parametersOf(info: FunctionInfo): string | null {
    return this.program.ast(info)?.parameters.join(", ") ?? null;
  }

  /** Models that are not used, since the tree's function of that name has other parameters. */
  misfits(): readonly {
    readonly own: FunctionInfo;
    readonly parameters: string | null;
    readonly modelled: string | null;
  }[] {
    return [...this.program.functions].flatMap(([name, infos]) => {
      const model = infos.find((info) => info.file === MODELS);
      const [own] = this.owns(name);
      if (model === undefined || own === undefined || this.model(name) !== null) return [];
      return [{ own, parameters: this.parametersOf(own), modelled: this.parametersOf(model) }];
    });
  }

  /** A name for a function that no other one has. */
  key(info: FunctionInfo): string {
    const known = this.names.get(info);
    if (known !== undefined) return known;
    const key = `${info.name}@${info.file}:${info.line}`;
    this.names.set(info, key);
    this.keys.set(key, info);
    return key;
  }

  /** The key of a function by its name in a file; null when it is none. */
  functionKey(name: string, file: string): string | null {
    const info = this.resolve(name, file);
    if (info !== null) return this.key(info);
    const { seamcalls, callbacks, locks } = this.rules;
    const isKnown = [seamcalls.calls, callbacks, locks.calls].some((calls) => Object.hasOwn(calls, name));
    return isKnown ? outsideKey(name) : null;
  }

  byKey(key: string): FunctionInfo | null {
    return this.keys.get(key) ?? null;
  }

  /** A function as code; null when it cannot be parsed. */
  code(info: FunctionInfo): Code | null {
    const known = this.codes.get(info);
    if (known !== undefined) return known;
    const ast = this.program.ast(info);
    const result = (name: string): string | null => this.resultType(name, info.file);
    const code =
      ast &&
      lower(ast, {
        ...this.lowering,
        inline: (name) => this.inline(name, info.file),
        typeOf: (e, variable) => this.types.typeOf(e, { variable, result }),
      });
    this.codes.set(info, code);
    return code;
  }

  /** What a function gives that is no more than an expression of its parameters; null for any other one. */
  private inline(name: string, file: string): Inline | null {
    const info = this.spoken.has(name) ? null : this.resolve(name, file);
    if (info === null || info.bodyEnd - info.bodyStart > MAX_INLINE) return null;
    const known = this.inlines.get(info);
    if (known !== undefined) return known;
    // A function that calls itself is more than an expression.
    this.inlines.set(info, null);
    const ast = this.program.ast(info);
    const [only, ...more] = ast?.body ?? [];
    const isPlain = (called: string): boolean =>
      Object.hasOwn(this.rules.transparent, called) || this.inline(called, info.file) !== null;
    let inline: Inline | null = null;
    if (ast && only?.kind === "return" && only.value && more.length === 0 && !hasEffect(only.value, isPlain)) {
      const code = this.code(info);
      const last = code?.instructions[0];
      if (last?.op === "return" && last.value !== null) {
        // A result has the type that the function declares.
        const expr: Expr = { kind: "cast", operand: last.value, type: ast.type, line: only.line };
        const truth: Expr = {
          kind: "unary",
          op: "!",
          operand: { kind: "unary", op: "!", operand: last.value, line: 0 },
          line: 0,
        };
        const value = ast.type === "bool" ? truth : last.value;
        inline = { parameters: ast.parameters, expr: TAGGED.test(ast.type) ? expr : value };
      }
    }
    this.inlines.set(info, inline);
    return inline;
  }

  private resultType(name: string, file: string): string | null {
    const info = this.resolve(name, file);
    return info === null ? null : (this.program.ast(info)?.type ?? null);
  }

  /** Names that a function's code calls. */
  callsOf(info: FunctionInfo): string[] {
    const instructions = this.code(info)?.instructions ?? [];
    return instructions.flatMap((i) => (i.op === "call" && i.callee.kind === "name" ? [i.callee.name] : []));
  }

  /** The member that a macro of the rules names: `static_call(kvm_x86_run)`; null for any other call. */
  memberCalled({ callee, args: [field] }: CallExpr): { readonly tag: string; readonly field: string } | null {
    const { memberCalls } = this.rules;
    const rule =
      callee.kind === "name" && Object.hasOwn(memberCalls, callee.name) ? memberCalls[callee.name] : undefined;
    if (rule === undefined || field?.kind !== "name" || !field.name.startsWith(rule.prefix)) return null;
    return { tag: rule.structure, field: field.name.slice(rule.prefix.length) };
  }

  /** The value of a name that is a constant; null when it is none. */
  constant(name: string): bigint | null {
    return this.program.constant(name);
  }

  /** Functions that a member of a structure points to, in tables and by assignments. */
  targets(tag: string, member: string): readonly FunctionInfo[] {
    return this.tables.get(`${tag}.${member}`) ?? [];
  }

  /** Members that point to functions, in the order of tables and assignments. */
  pointers(): readonly Pointer[] {
    return this.pointerList;
  }

  /** All words in the bodies of functions, and in initializers and macros, but for a function's own name in its body. */
  namedWords(): Set<string> {
    const found = new Set<string>();
    const add = (text: string, own: string | null): void => {
      for (const word of text.match(/[A-Za-z_]\w*/g) ?? []) if (word !== own) found.add(word);
    };
    for (const info of [...this.program.functions.values()].flat())
      add(this.program.textOf(info).slice(info.bodyStart, info.bodyEnd), info.name);
    for (const object of this.program.objects)
      add((this.program.texts.get(object.file) ?? "").slice(object.start, object.end), null);
    for (const name of this.program.macros.keys())
      for (const { body } of this.program.definitionsOf(name)) add(body, null);
    for (const { args } of this.program.fileCalls(new Set(Object.keys(this.rules.entries.registrations))))
      add(args.join(" "), null);
    return found;
  }

  /** What a member, given as `structure.member`, points to when that is functions; null when it is not. */
  functionsAt(member: string): Value | null {
    const known = this.pointed.get(member);
    if (known !== undefined) return known;
    const infos = this.tables.get(member) ?? [];
    const isNone = this.rules.facts.targets[member]?.length === 0;
    const value = isNone
      ? number(0n)
      : infos.length === 0
        ? null
        : infos.map((info) => functionValue(this.key(info))).reduce(union, number(0n));
    this.pointed.set(member, value);
    return value;
  }

  /** Is there a table, or an assignment, that gives the members of a structure their functions? */
  hasTable(tag: string): boolean {
    return this.tabled.has(tag);
  }

  /** Names of members that point to functions, and those functions. */
  members(): [string, readonly FunctionInfo[]][] {
    return [...this.tables].map(([key, infos]) => [key.slice(key.lastIndexOf(".") + 1), infos]);
  }

  /** The structures whose member of a name points to functions. */
  tagsWith(member: string): string[] {
    return [...this.tables.keys()].flatMap((key) =>
      key.endsWith(`.${member}`) ? [key.slice(0, -member.length - 1)] : [],
    );
  }

  private statement(text: string): readonly Stmt[] {
    const known = this.statements.get(text) ?? this.program.statements(text) ?? [];
    this.statements.set(text, known);
    return known;
  }

  private guardClasses(): Map<string, GuardClass> {
    const { define, variable } = this.rules.guards;
    const found = new Map<string, GuardClass>();
    for (const rule of define) {
      for (const call of this.program.fileCalls(new Set([rule.macro]))) {
        const name = call.args[0];
        const text = call.args[rule.acquire] ?? "";
        const acquire = this.program.expression(text) ?? this.program.expression(`({ ${text}; })`);
        const object = rule.object === undefined ? null : this.program.expression(rule.object);
        if (name === undefined || acquire === null || found.has(name)) continue;
        const parameters = rule.parameters === undefined ? [] : call.args.slice(rule.parameters).map(parameterName);
        found.set(name, { parameters, object, acquire, release: `${call.args[rule.release] ?? ""};`, variable });
      }
    }
    return found;
  }

  private memberTables(): Map<string, FunctionInfo[]> {
    const tables = new Map<string, FunctionInfo[]>();
    const add = (tag: string, member: string, name: string, file: string): void => {
      const info = this.program.resolve(name, file);
      if (info === null) return;
      this.pointerList.push({ tag, member, name, file });
      const key = `${tag}.${member}`;
      this.tabled.add(tag);
      const list = tables.get(key) ?? [];
      if (!list.includes(info)) list.push(info);
      tables.set(key, list);
    };
    for (const object of this.program.objects) {
      const tag = this.types.tagOf(object.type);
      const init = tag === null ? null : this.program.initializer(object);
      if (tag !== null && init !== null) this.fromInitializer(tag, init, object.file, add, object.isArray);
    }
    for (const { tag, member, name, file } of this.assignments()) add(tag, member, name, file);
    for (const [key, names] of Object.entries(this.rules.facts.targets)) {
      const at = key.lastIndexOf(".");
      tables.delete(key);
      for (const name of names) {
        const file = this.program.functions.get(name)?.[0]?.file;
        if (file !== undefined) add(key.slice(0, at), key.slice(at + 1), name, file);
      }
      this.tabled.add(key.slice(0, at));
    }
    return tables;
  }

  private fromInitializer(
    tag: string,
    init: Expr,
    file: string,
    add: (tag: string, member: string, name: string, file: string) => void,
    isArray = false,
  ): void {
    if (init.kind !== "initializer") return;
    for (const { from, by, value } of placesIn(init.entries)) {
      const target = plain(value);
      const isElement = isArray || (from !== null && "index" in from);
      const member = isElement ? null : this.memberAt(tag, from, by);
      if (target.kind === "name" && member !== null) add(tag, member, target.name, file);
      if (isElement) this.fromInitializer(tag, target, file, add);
      else if (member !== null) {
        const inner = this.types.tagOf(this.types.memberType(tag, member));
        if (inner !== null) this.fromInitializer(inner, target, file, add, this.types.isArray(tag, member));
      }
    }
  }

  /** The member that an entry of a structure's initializer is for; null for one that is not known. */
  private memberAt(tag: string, from: InitializerPlace["from"], by: number): string | null {
    if (from !== null && "index" in from) return null;
    if (from !== null && by === 0) return from.field;
    const members = [...this.types.membersOf(tag).keys()];
    const first = from === null ? 0 : members.indexOf(from.field);
    return first < 0 ? null : (members[first + by] ?? null);
  }

  /** Assignments of functions to members: `ops.run = run;`, `x->run = run;` */
  private assignments(): Pointer[] {
    const found: Pointer[] = [];
    const pattern = /(?:\.|->)\s*(\w+)\s*=\s*(?:\([^()=;]*\)\s*)?&?(\w+)\s*[;,}]/g;
    for (const infos of this.program.functions.values()) {
      for (const info of infos) {
        const text = this.program.textOf(info);
        const body = text.slice(info.bodyStart, info.bodyEnd);
        if (!body.includes("=")) continue;
        const names = [...body.matchAll(pattern)].filter(([, , name]) => this.program.functions.has(name as string));
        if (names.length === 0) continue;
        const code = this.code(info);
        const variable = (name: string): string | null => code?.types.get(name) ?? null;
        const add = (tag: string, member: string, name: string): void => {
          if (this.program.functions.has(name)) found.push({ tag, member, name, file: info.file });
        };
        for (const instruction of code?.instructions ?? []) {
          if (instruction.op !== "assign") continue;
          const { to } = instruction;
          const value = plain(instruction.value);
          if (value.kind === "initializer") {
            const tag = this.types.tagOf(value.type ?? this.types.typeOf(to, { variable, result: () => null }));
            if (tag !== null) this.fromInitializer(tag, value, info.file, add);
          } else if (value.kind === "name" && to.kind === "member" && this.program.functions.has(value.name)) {
            const tag = this.types.tagOfExpr(to.object, { variable, result: () => null });
            if (tag !== null) add(tag, to.field, value.name);
          }
        }
      }
    }
    return found;
  }
}

/** Characters of a function that may be no more than an expression. */
const MAX_INLINE = 600;
const TAGGED = /\b(?:struct|union)\b/;

/** An expression without casts and the `&` that C lets stand before a function. */
function plain(e: Expr): Expr {
  if (e.kind === "cast") return plain(e.operand);
  return e.kind === "unary" && e.op === "&" ? plain(e.operand) : e;
}

/** `struct kvm *kvm` → `kvm`. */
function parameterName(declaration: string): string {
  return /(\w+)\s*(?:\[[^\]]*\]\s*)?$/.exec(declaration)?.[1] ?? "";
}

function loopRules({ loops }: KernelRules): (macro: string) => LoopRule {
  const known = new Map<string, LoopRule>();
  const rules = loops.map((rule) => ({ rule, pattern: new RegExp(`^${rule.macro.replaceAll("*", "\\w*")}$`) }));
  return (macro) => {
    const rule = known.get(macro) ??
      rules.find(({ pattern }) => pattern.test(macro))?.rule ?? { assigns: [0], all: false };
    known.set(macro, rule);
    return rule;
  };
}
