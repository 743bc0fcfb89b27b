/** Where the outside comes in: functions in tables that only it calls, functions that are registered with it, and those the rules name. */

import type { Expr, FunctionInfo } from "../c/index.ts";
import type { Reach } from "./reach.ts";
import type { Source } from "./source.ts";

/** One way in. */
export interface Entry {
  readonly info: FunctionInfo;
  /** What calls it: a member of a structure, a registration, or nothing in the tree that was read. */
  readonly kind: string;
}

/** All entries from which a SEAMCALL can be reached, in the order of files and lines. */
export function findEntries(source: Source, reach: Reach): Entry[] {
  const found = new Map<FunctionInfo, Entry>();
  const add = (name: string, file: string, kind: string): void => {
    const info = source.program.resolve(name, file);
    if (info !== null && reach.reachesSeamcall(info) && !found.has(info)) found.set(info, { info, kind });
  };
  const { entries } = source.rules;
  for (const { tag, member, name, file } of source.pointers()) {
    const rule = entries.operations[tag];
    if (rule !== undefined && !rule.except.includes(member)) add(name, file, `${tag}.${member}`);
  }
  for (const { call, args, file } of registrations(source)) {
    for (const which of entries.registrations[call] ?? []) {
      const name = typeof which === "number" ? args[which] : which.replace(/\$(\d)/g, (_, i) => args[Number(i)] ?? "");
      if (name !== undefined) add(name, file, call);
    }
  }
  for (const name of [...entries.functions, ...entries.cuts]) {
    for (const info of source.program.functions.get(name) ?? []) add(name, info.file, "rule");
  }
  const { excluded } = source.rules;
  const isLeftOut = (info: FunctionInfo): boolean =>
    excluded.some((rule) => rule.function === info.name && rule.from === undefined && rule.phases === undefined);
  for (const info of uncalled(source, reach)) if (!isLeftOut(info)) add(info.name, info.file, "outside");
  return [...found.values()].sort((a, b) =>
    a.info.file === b.info.file ? a.info.line - b.info.line : a.info.file < b.info.file ? -1 : 1,
  );
}

interface Registration {
  readonly call: string;
  readonly args: readonly string[];
  readonly file: string;
}

/** Calls that give a function to the outside, at file scope and in functions. */
function registrations(source: Source): Registration[] {
  const names = new Set(Object.keys(source.rules.entries.registrations));
  const found: Registration[] = source.program
    .fileCalls(names)
    .map(({ name, args, file }) => ({ call: name, args: args.map((arg) => arg.replace(/^&/, "")), file }));
  const word = new RegExp(`\\b(?:${[...names].join("|")})\\b`);
  for (const info of [...source.program.functions.values()].flat()) {
    const text = source.program.textOf(info);
    if (!word.test(text.slice(info.bodyStart, info.bodyEnd))) continue;
    for (const instruction of source.code(info)?.instructions ?? []) {
      if (instruction.op !== "call" || instruction.callee.kind !== "name" || !names.has(instruction.callee.name))
        continue;
      found.push({ call: instruction.callee.name, args: instruction.args.map(nameOf), file: info.file });
    }
  }
  return found;
}

function nameOf(e: Expr): string {
  if (e.kind === "name") return e.name;
  if (e.kind === "cast" || (e.kind === "unary" && e.op === "&")) return nameOf(e.operand);
  return "";
}

/** Functions that other files see and that nothing in the tree names: whoever calls them was not read. */
function uncalled(source: Source, reach: Reach): FunctionInfo[] {
  const all = [...source.program.functions.values()].flat();
  const named = source.namedWords();
  return all.filter(
    (info) => !info.isStatic && info.file.endsWith(".c") && reach.reachesSeamcall(info) && !named.has(info.name),
  );
}
