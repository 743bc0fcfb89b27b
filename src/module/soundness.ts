/**
 * Checks that the analysis saw all there is: every run makes them, and what they find is in the catalog.
 */

import { type FunctionInfo, ParameterWrites, type Program } from "../c/index.ts";
import type { Coverage, Site } from "../catalog/index.ts";
import type { ExtractionRules } from "./rules.ts";
import { type UnknownOfShape, unknownsOfShape } from "./shapes.ts";

export interface Finding {
  readonly what:
    | "unvisited"
    | "address-taken"
    | "unknown-lock-call"
    | "macro-hides-lock"
    | "macro-masks"
    | "two-definitions"
    | "missing-header"
    | "unexplained-lock-function"
    | "no-td-exit"
    | UnknownOfShape["what"];
  readonly message: string;
  readonly site: Site;
}

/** A call of a primitive that acquires or promotes; `isRun` where a leaf, or the exit from a TD, can come there. */
interface LockSite {
  readonly site: Site;
  readonly primitive: string;
  readonly isRun: boolean;
}

/** What there is to see, and what is wrong with a tree whatever was seen of it; plain data. */
export interface Expected {
  readonly sites: readonly LockSite[];
  readonly findings: readonly Finding[];
}

export interface Soundness {
  readonly coverage: Coverage;
  readonly findings: readonly Finding[];
}

/**
 * What an analysis of all leaves has to see.
 *
 * @param roots functions that a leaf, or the exit from a TD, starts in
 * @param listed primitives that the catalog's lock kinds have
 */
export function expectedOf(
  program: Program,
  rules: ExtractionRules,
  roots: ReadonlySet<string>,
  listed: ReadonlySet<string>,
): Expected {
  const reachable = program.runsOf([...roots].flatMap((name) => program.functions.get(name) ?? []));
  const reaching = program.reaching(new Set(Object.keys(rules.primitives)));
  const isExplained = (name: string) => name in rules.primitives || rules.atomics.some(({ call }) => call.test(name));
  return {
    sites: primitiveCalls(program, rules).map(({ site, primitive, info }) => ({
      site,
      primitive,
      isRun: reachable.has(info),
    })),
    findings: [
      ...addressesTaken(program, rules, reaching),
      ...unknownLockCalls(program, rules, reachable),
      ...unexplainedLockFunctions(program, rules, reachable, reaching, listed),
      ...unknownsOfShape(program, rules, reachable, isExplained),
      ...hidingMacros(program, rules, reaching),
      ...leavingMacros(program, reachable),
      ...maskingMacros(program, reachable),
      ...clashes(program, reachable),
      ...redefined(program, reachable),
      ...missingHeaders(program, rules, reachable),
      ...missingExit(program, rules, reachable),
    ],
  };
}

/** @param visited `file:line` of the primitive calls that the analysis reached */
export function checkSoundness({ sites, findings }: Expected, visited: ReadonlySet<string>): Soundness {
  const unseen = sites.filter(({ site }) => !visited.has(`${site.file}:${site.line}`));
  const explained = unseen
    .filter(({ isRun }) => !isRun)
    .map(({ site }) => ({ site, reason: `no leaf calls ${site.function}` }));
  const unvisited = unseen
    .filter(({ isRun }) => isRun)
    .map(
      ({ site, primitive }): Finding => ({
        what: "unvisited",
        message: `no leaf's analysis reached this call of ${primitive}`,
        site,
      }),
    );
  return {
    coverage: { sites: sites.length, visited: sites.length - unseen.length, explained },
    findings: [...unvisited, ...findings],
  };
}

/**
 * A TD is entered, and the function that leaves it is none that is known: what the entry hands over, nothing gives back. Or it is left,
 * and what enters it is none that is known: the entry looks like a leaf that returns.
 */
function missingExit(program: Program, rules: ExtractionRules, reachable: ReadonlySet<FunctionInfo>): Finding[] {
  const entries = Object.keys(rules.noReturn).filter((name) => rules.noReturn[name] === "td-entry");
  const [exit] = rules.tdExit.flatMap((name) => program.functions.get(name) ?? []);
  if (exit !== undefined) {
    const isThere = (name: string) =>
      program.functions.has(name) || allFunctions(program).some((info) => info.calls.has(name));
    if (entries.some(isThere)) return [];
    const { file, line, name } = exit;
    const message = `${name} leaves the TD, and ${entries.join(", ")}, which enters it, is not in the tree`;
    return [{ what: "no-td-exit", message, site: { file, line, function: name } }];
  }
  const entering = [...reachable].find((info) => entries.some((name) => info.calls.has(name)));
  if (entering === undefined) return [];
  const { file, line, name } = entering;
  const message = `${name} enters the TD, and ${rules.tdExit.join(", ")}, which leaves it, is not in the tree`;
  return [{ what: "no-td-exit", message, site: { file, line, function: name } }];
}

/** The line of an offset into a file's text; quick when a file's offsets are asked for in order. */
function lineNumbers(program: Program): (file: string, offset: number) => number {
  const reached = new Map<string, { line: number; offset: number }>();
  return (file, offset) => {
    const text = program.texts.get(file) ?? "";
    let at = reached.get(file);
    if (!at || at.offset > offset) {
      at = { line: 1, offset: 0 };
      reached.set(file, at);
    }
    for (let i = text.indexOf("\n", at.offset); i >= 0 && i < offset; i = text.indexOf("\n", i + 1)) at.line++;
    at.offset = offset;
    return at.line;
  };
}

/** Call sites of acquire and promote primitives, outside the primitives themselves. */
function primitiveCalls(
  program: Program,
  rules: ExtractionRules,
): { site: Site; primitive: string; info: FunctionInfo }[] {
  const names = Object.keys(rules.primitives).filter((name) =>
    /acquire|promote/.test(rules.primitives[name]?.operation ?? ""),
  );
  const pattern = new RegExp(`\\b(${names.join("|")})\\s*\\(`, "g");
  const result: { site: Site; primitive: string; info: FunctionInfo }[] = [];
  const lineIn = lineNumbers(program);
  for (const info of allFunctions(program)) {
    if (info.name in rules.primitives) continue;
    const text = program.texts.get(info.file) ?? "";
    for (const match of text.slice(info.bodyStart, info.bodyEnd).matchAll(pattern)) {
      result.push({
        site: { file: info.file, line: lineIn(info.file, info.bodyStart + match.index), function: info.name },
        primitive: match[1] as string,
        info,
      });
    }
  }
  return result;
}

function allFunctions(program: Program): FunctionInfo[] {
  return [...program.functions.values()]
    .flat()
    .sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.bodyStart - b.bodyStart));
}

/** A function that can lock and whose address is taken may be called where no analysis sees it. */
function addressesTaken(program: Program, rules: ExtractionRules, reaching: ReadonlySet<string>): Finding[] {
  const names = [...reaching].filter((name) => program.functions.has(name) || name in rules.primitives);
  if (names.length === 0) return [];
  const pattern = new RegExp(`\\b(${names.join("|")})\\b(?!\\s*\\()`, "g");
  const findings: Finding[] = [];
  const lineIn = lineNumbers(program);
  for (const [file, text] of program.texts) {
    for (const match of text.matchAll(pattern)) {
      findings.push({
        what: "address-taken",
        message: `the address of ${match[1]} is taken; calls through it are not followed`,
        site: { file, line: lineIn(file, match.index), function: match[1] as string },
      });
    }
  }
  return findings;
}

/** A call, in code that leaves run, of what another file keeps to itself, or of what is nowhere and whose name speaks of locks. */
function unknownLockCalls(program: Program, rules: ExtractionRules, reachable: ReadonlySet<FunctionInfo>): Finding[] {
  const findings: Finding[] = [];
  const lineIn = lineNumbers(program);
  const speaksOfLocks = (name: string): boolean => rules.lockNames.test(name) && !(name in rules.primitives);
  for (const info of allFunctions(program)) {
    if (!reachable.has(info) || info.name in rules.primitives) continue;
    for (const callee of info.calls) {
      if (program.macros.has(callee) || program.resolve(callee, info.file) !== null) continue;
      const isElsewhere = program.functions.has(callee);
      if (!isElsewhere && !speaksOfLocks(callee)) continue;
      const text = program.texts.get(info.file) ?? "";
      const at = text.slice(info.bodyStart, info.bodyEnd).search(new RegExp(`\\b${callee}\\s*\\(`));
      findings.push({
        what: "unknown-lock-call",
        message: isElsewhere
          ? `${info.name} calls ${callee}, which is static in another file`
          : `${callee} is not defined in the tree; its name speaks of locks`,
        site: { file: info.file, line: lineIn(info.file, info.bodyStart + at), function: info.name },
      });
    }
  }
  return findings;
}

/**
 * A function that works on a lock: it takes a pointer to a lock's type, is no primitive, leads to none, and does more than read. One
 * that nothing calls counts if it is as primitives are, made of atomic instructions: some tree may have no use for one of them.
 */
function unexplainedLockFunctions(
  program: Program,
  rules: ExtractionRules,
  reachable: ReadonlySet<FunctionInfo>,
  reaching: ReadonlySet<string>,
  listed: ReadonlySet<string>,
): Finding[] {
  const types = new Set(Object.values(rules.layouts).flatMap(({ type }) => (type === null ? [] : [`${type}*`])));
  const writes = new ParameterWrites(program, []);
  const isAccessor = (name: string) => rules.atomics.some(({ call }) => call.test(name));
  /** A primitive that no rule names, that nothing calls, and that has no part in any lock kind. */
  const isIdle = (info: FunctionInfo): boolean =>
    rules.primitives[info.name]?.word !== undefined && !reachable.has(info) && !listed.has(info.name);
  return allFunctions(program).flatMap((info): Finding[] => {
    if (isAccessor(info.name)) return [];
    if ((info.name in rules.primitives || reaching.has(info.name)) && !isIdle(info)) return [];
    if (!reachable.has(info) && ![...info.calls].some(isAccessor)) return [];
    const ast = program.ast(info);
    const locks =
      ast?.parameterTypes.flatMap((type, index) => (types.has(type.replaceAll(" ", "")) ? [index] : [])) ?? [];
    const isReader = ![...info.calls].some(isAccessor) && !locks.some((index) => writes.mayWrite(info, index));
    if (!ast || locks.length === 0 || isReader) return [];
    return [
      {
        what: "unexplained-lock-function",
        message: `${info.name} works on a lock, is no primitive that is known, and calls none`,
        site: { file: info.file, line: ast.line, function: info.name },
      },
    ];
  });
}

/** A macro whose uses are not followed: one that is no expression, or another name of a function or macro that locks. */
function hidingMacros(program: Program, rules: ExtractionRules, reaching: ReadonlySet<string>): Finding[] {
  const isKnown = (name: string) => program.functions.has(name) || program.macros.has(name);
  const names = [...reaching].filter((name) => isKnown(name) || name in rules.primitives);
  const pattern = new RegExp(`\\b(?:${names.join("|")})\\b`);
  return [...program.macros.values()].flatMap(({ name, parameters, body, file, line }): Finding[] => {
    const site = { file, line, function: name };
    if (name in rules.primitives) {
      const message = `the lock primitive ${name} is a macro here: only functions are read as primitives`;
      return program.functions.has(name) ? [] : [{ what: "macro-hides-lock", message, site }];
    }
    if (!pattern.test(body) || (parameters !== null && program.macroExpr(name) !== null)) return [];
    const message = `the macro ${name} calls what takes a lock and is not followed where it is used`;
    return [{ what: "macro-hides-lock", message, site }];
  });
}

/** Words that leave the function in which a macro's use stands, or its loop unless the macro has one; and what stores something. */
const LEAVES = /\b(?:return|goto)\b/;
const LEAVES_LOOP = /\b(?:break|continue)\b/;
const LOOPS = /\b(?:do|for|while|switch)\b/;
const STORES = /(?:^|[^=!<>])(?:<<|>>)?=(?!=)|\+\+|--/;

/** A macro that leaves run as if it were a function, though it does to its place what no function does. */
function leavingMacros(program: Program, reachable: ReadonlySet<FunctionInfo>): Finding[] {
  const used = new Set([...reachable].flatMap(({ calls }) => [...calls]));
  return [...program.macros.values()].flatMap(({ name, parameters, body, file, line }): Finding[] => {
    if (parameters === null || !used.has(name) || program.macroExpr(name) !== null) return [];
    const isLeaving = LEAVES.test(body) || (LEAVES_LOOP.test(body) && !LOOPS.test(body));
    const does = isLeaving ? "leaves the place where it is used" : STORES.test(body) ? "stores something" : null;
    if (does === null) return [];
    const message = `the macro ${name} ${does} and is not followed where it is used`;
    return [{ what: "macro-hides-lock", message, site: { file, line, function: name } }];
  });
}

/** A function that leaves run and that two source files define for all: no program can be linked of both, and which one is meant is unknown. */
function clashes(program: Program, reachable: ReadonlySet<FunctionInfo>): Finding[] {
  return program
    .clashes()
    .filter(({ infos }) => infos.some((info) => reachable.has(info)))
    .map(({ name, infos: [first, ...others] }) => ({
      what: "two-definitions",
      message: `${name} is defined for all files here and at ${others.map((o) => `${o.file}:${o.line}`).join(", ")}: which one is meant is not known`,
      site: { file: first?.file ?? "", line: first?.line ?? 0, function: name },
    }));
}

/** Names of the module's own headers that files include and the tree does not have, with the first place of each. */
export function absentHeaders(
  program: Program,
  rules: ExtractionRules,
  counts: (file: string) => boolean = () => true,
) {
  const found = new Map<string, ReturnType<Program["absent"]>[number]>();
  for (const include of program.absent())
    if (!found.has(include.name) && !rules.foreignHeaders.includes(include.name) && counts(include.file))
      found.set(include.name, include);
  return [...found.values()];
}

/** A header that the tree lacks, and that files with something that leaves run include. */
function missingHeaders(
  program: Program,
  rules: ExtractionRules,
  reachable: ReadonlySet<FunctionInfo>,
): readonly Finding[] {
  const files = new Set([...reachable].map(({ file }) => file));
  return absentHeaders(program, rules, (file) => file.endsWith(".h") || files.has(file)).map(
    ({ name, file, line }) => ({
      what: "missing-header",
      message: `${name} is included and not in the tree: what it defines is not known`,
      site: { file, line, function: "" },
    }),
  );
}

/** A macro or enumerator that leaves use and that has definitions which differ: one is not told from another by where it is used. */
function redefined(program: Program, reachable: ReadonlySet<FunctionInfo>): Finding[] {
  const macros = program.redefinedIn(reachable).map((sites) => ({ what: "macro", sites }));
  const enumerators = program.clashingIn(reachable).map((sites) => ({ what: "enumerator", sites }));
  return [...macros, ...enumerators].flatMap(({ what, sites: [first, ...others] }): Finding[] =>
    first === undefined
      ? []
      : [
          {
            what: "two-definitions",
            message: `the ${what} ${first.name} is defined here, and otherwise at ${others.map((o) => `${o.file}:${o.line}`).join(", ")}: which one is meant is not known`,
            site: { file: first.file, line: first.line, function: first.name },
          },
        ],
  );
}

/** Words of the language that decide what runs, and in which type. */
const C_KEYWORDS: ReadonlySet<string> = new Set(
  (
    "auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return " +
    "short signed sizeof static struct switch typedef union unsigned void volatile while _Bool"
  ).split(" "),
);

/** Members that have the name of a macro without parameters, with the files that use them. */
function membersNamedLike({ macros, texts }: Program): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [file, text] of texts) {
    const names = new Set([...text.matchAll(/(?:\.|->)\s*([A-Za-z_]\w*)/g)].map(([, name = ""]) => name));
    for (const name of names)
      if (macros.get(name)?.parameters === null && macros.get(name)?.body.trim() !== name)
        found.set(name, [...(found.get(name) ?? []), file]);
  }
  return found;
}

/**
 * A macro with the name of a function that leaves run, of an enumerator, of a type, of a member or of a keyword. The compiler reads the macro, the
 * analysis reads the name, since a macro's use as an expression is looked up only where nothing else has its name.
 */
function maskingMacros(program: Program, reachable: ReadonlySet<FunctionInfo>): Finding[] {
  const isSeenIn = (file: string, other: string): boolean => !file.endsWith(".c") || other === file;
  const isCalledOrDefined = (name: string, file: string): boolean =>
    [...reachable].some((info) => (info.calls.has(name) || info.name === name) && isSeenIn(file, info.file));
  const members = membersNamedLike(program);
  const masked = (name: string, file: string): string | null => {
    if (C_KEYWORDS.has(name)) return "a keyword";
    if (program.enumerators.has(name)) return "an enumerator";
    if (program.isType(name)) return "a type";
    if (program.functions.has(name) && isCalledOrDefined(name, file)) return "a function";
    return members.get(name)?.some((other) => isSeenIn(file, other)) === true ? "a member" : null;
  };
  return [...program.macros.values()].flatMap(({ name, parameters, file, line }): Finding[] => {
    const what = masked(name, file);
    // `#define NAME NAME` tells conditionals that an enumerator exists, and `#define NAME 5` may only repeat it.
    const isSame = () => parameters === null && program.evaluate(program.macroExpr(name)) === program.constant(name);
    if (what === null || (what === "an enumerator" && isSame())) return [];
    const message = `the macro ${name} has the name of ${what}: a compiler puts the macro in its place, this analysis does not`;
    return [{ what: "macro-masks", message, site: { file, line, function: name } }];
  });
}
