/**
 * An index of a source tree: its functions, macros, enumerators, and which functions can reach something that matters.
 */

import { SeamlockError } from "../errors.ts";
import type { CallExpr, Expr, FunctionAst, Stmt } from "./ast.ts";
import { Bodies } from "./bodies.ts";
import { Constants, splitTopLevel } from "./constants.ts";
import type { Dialect } from "./dialect.ts";
import { expandMacros, expandText, type Macro, type MacroLookup } from "./expand.ts";
import { bitsOf, bitsOfType, type IntegerKind, kindOf } from "./integers.ts";
import { isLongerThan } from "./lexer.ts";
import { LIMITS } from "./limits.ts";
import { blankComments, closeOf, preprocess } from "./preprocess.ts";
import { type ParseOptions, parseFunction, parseInitializer } from "./syntax.ts";
import { scanTopLevel, type TopObject } from "./toplevel.ts";
import { aliased, isSameMacro, type MacroSite, Macros, Units } from "./units.ts";
import { withParts } from "./walk.ts";

export interface SourceFile {
  /** Relative to the root of the tree, with `/`. */
  readonly path: string;
  readonly source: string;
}

/** A function definition, found without parsing. */
export interface FunctionInfo {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** Where the definition starts: offset and line. */
  readonly headStart: number;
  readonly headLine: number;
  /** Offsets of the body, braces included, in the preprocessed text. */
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** Names that the body uses like function calls. */
  readonly calls: ReadonlySet<string>;
  readonly isStatic: boolean;
  /** Another definition of the name, wherever it stands, takes its place. */
  readonly isWeak: boolean;
}

/** An object at file scope with an initializer in braces. */
export interface ObjectInfo extends TopObject {
  readonly file: string;
}

/** A call at file scope of a macro that the program does not expand. */
export interface FileCall {
  readonly name: string;
  /** Texts of the arguments. */
  readonly args: readonly string[];
  readonly file: string;
  readonly line: number;
}

/** What stands somewhere under a name. */
export interface NamedSite {
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

const KEYWORDS = new Set(["if", "while", "for", "switch", "return", "sizeof", "do", "else", "case", "defined"]);

export class Program {
  readonly texts = new Map<string, string>();
  readonly functions = new Map<string, FunctionInfo[]>();
  /** By name: of several definitions the first. */
  readonly macros = new Map<string, MacroSite>();
  /** Names of macros that have definitions which differ, and those: what such a name stands for is not known from the name alone. */
  readonly redefined = new Map<string, MacroSite[]>();
  /** Objects at file scope with an initializer in braces, in the order of the files. */
  readonly objects: ObjectInfo[] = [];
  /** What `#include "…"` names, in the order of the files. */
  readonly includes: { readonly name: string; readonly file: string; readonly line: number }[] = [];
  readonly unevaluated: { file: string; line: number; text: string }[] = [];
  readonly unbalanced: { file: string; line: number; lost: boolean }[] = [];
  /** Functions that are too large to be parsed. */
  readonly oversized = new Set<FunctionInfo>();
  /** Names that the tree's headers declare as types. */
  private readonly types: Set<string>;
  private readonly rules: Dialect;
  private readonly units: Units;
  private readonly visible: Macros;
  private readonly parsing: Pick<ParseOptions, "isTypeName" | "isFunction" | "governs">;
  /** Texts of functions that a macro at file scope makes. */
  private callers: ReadonlyMap<string, readonly string[]> | null = null;
  private readonly made = new Map<FunctionInfo, string>();
  private functionCount = 0;
  private readonly asts = new Map<FunctionInfo, FunctionAst | null>();
  private readonly constants: Constants;
  private readonly macroCalls = new Map<string, ReadonlySet<string>>();
  private readonly bodies: Bodies;
  private readonly cases = new Set<string>();

  /** Does a header of the tree, or the dialect, declare a type of that name? */
  isType(name: string): boolean {
    return this.types.has(name);
  }

  /** @throws SeamlockError SL1005 when the files declare more names than a module can have */
  constructor(files: readonly SourceFile[], rules: Dialect) {
    this.rules = rules;
    this.types = new Set(rules.types);
    const governs = namePattern(rules.governs ?? []);
    const isFunction = (name: string): boolean => this.functions.has(name);
    this.parsing = { isTypeName: (name) => this.types.has(name), isFunction, ...(governs && { governs }) };
    const macros = collectObjectMacros(files);
    const defined = rules.sharedHeaders ? headerDefinitions(files) : null;
    this.bodies = new Bodies({
      definitionsOf: (name) => this.definitionsOf(name),
      isType: this.parsing.isTypeName,
      isEnumerator: (name) => this.enumerators.has(name),
      isCase: (name) => this.cases.has(name),
    });
    this.constants = new Constants({
      macros: this.macros,
      redefined: this.redefined,
      macroExpr: (name) => this.macroExpr(name),
      macroCall: (call) => this.macroCall(call),
      expression: (text) => this.bodies.expression(text),
    });
    this.units = new Units(files.map((file) => file.path));
    const isValue = (site: MacroSite): boolean => this.bodies.isValue(site);
    this.visible = new Macros(this.units, rules.expand?.keep ?? [], rules.expand?.first ?? null, isValue);
    const sources = new Map<string, string>();
    for (const file of files) {
      const isDefined = (name: string): boolean => defined?.get(name)?.some((path) => path !== file.path) === true;
      const result = preprocess(file.source, { macros, isDefined }, rules);
      this.texts.set(file.path, result.text);
      if (rules.weakTokens?.length) sources.set(file.path, file.source);
      for (const macro of result.macros) {
        const site = { ...macro, file: file.path };
        this.visible.add(site);
        this.addMacro(site);
      }
      for (const { name, line } of result.hidden) this.visible.hide(name, file.path, line);
      for (const { name, line } of result.includes) {
        this.units.include(file.path, name);
        this.includes.push({ name, file: file.path, line });
      }
      for (const u of result.unevaluated) this.unevaluated.push({ file: file.path, ...u });
      for (const u of result.unbalanced) this.unbalanced.push({ file: file.path, ...u });
    }
    for (const [path, text] of this.texts) {
      this.indexTopLevel(path, text, sources.get(path) ?? null);
      this.constants.index(path, text);
      this.indexTypes(text);
      if (rules.expand) this.indexCases(text);
      this.refuseTooMany(path);
    }
    if (rules.expand) this.indexMade();
  }

  private indexTopLevel(file: string, text: string, source: string | null): void {
    const { functions, objects, types } = scanTopLevel(text);
    for (const type of types) this.types.add(type);
    for (const found of functions) {
      const head = text.slice(found.headStart, found.bodyStart);
      const isWeak = source !== null && this.isWeak(source.slice(found.headStart, found.bodyStart));
      this.addFunction({
        ...found,
        file,
        calls: callsIn(text, found.bodyStart, found.bodyEnd),
        isStatic: /\bstatic\b/.test(head),
        isWeak,
      });
    }
    for (const object of objects) this.objects.push({ ...object, file });
  }

  private isWeak(head: string): boolean {
    const text = blankComments(head);
    return this.rules.weakTokens?.some((token) => new RegExp(`\\b${token}\\b`).test(text)) === true;
  }

  private addMacro(site: MacroSite): void {
    const first = this.macros.get(site.name);
    if (first === undefined) this.macros.set(site.name, site);
    else if (first.file !== this.rules.expand?.first && !isSameMacro(first, site)) {
      const sites = this.redefined.get(site.name);
      if (sites) sites.push(site);
      else this.redefined.set(site.name, [first, site]);
    }
  }

  /** All definitions of a macro that differ, the first one first; none where there is no macro of that name. */
  definitionsOf(name: string): readonly MacroSite[] {
    const first = this.macros.get(name);
    return this.redefined.get(name) ?? (first ? [first] : []);
  }

  /** Names that macros of this name use like function calls. */
  private madeBy(name: string): ReadonlySet<string> {
    const known = this.macroCalls.get(name);
    if (known !== undefined) return known;
    const calls = new Set<string>();
    for (const macro of this.definitionsOf(name)) {
      for (const callee of callsIn(macro.body, 0, macro.body.length)) calls.add(callee);
      const alias = aliased(macro);
      if (alias !== null) calls.add(alias);
    }
    this.macroCalls.set(name, calls);
    return calls;
  }

  private addFunction(info: FunctionInfo): void {
    const text = this.textOf(info);
    if (isLongerThan(LIMITS.functionTokens, text, info.headStart, info.bodyEnd)) this.oversized.add(info);
    const list = this.functions.get(info.name);
    if (list) list.push(info);
    else this.functions.set(info.name, [info]);
    this.functionCount++;
  }

  private refuseTooMany(file: string): void {
    refuseTooMany(this.functionCount + this.macros.size + this.enumerators.size + this.types.size, file);
  }

  /** What macros' calls at file scope make, once all other functions are known: which macros are expanded depends on these. */
  private indexMade(): void {
    for (const [file, text] of this.texts) {
      this.indexMadeIn(file, text);
      this.refuseTooMany(file);
    }
  }

  /** Functions that a macro's call at file scope makes; they stand on its line. */
  private indexMadeIn(file: string, text: string): void {
    const makers = this.visible.makers(file);
    if (makers.size === 0) return;
    for (const { args, line, name } of fileCalls(text, makers)) {
      const call = `${name}(${args.join(",")})`;
      const made = expandText(call, line, this.lookup(file), { left: LIMITS.expansion });
      if (made === null) continue;
      for (const found of scanTopLevel(made).functions) {
        const info: FunctionInfo = {
          ...found,
          line,
          headLine: line,
          file,
          calls: callsIn(made, found.bodyStart, found.bodyEnd),
          isStatic: /\bstatic\b/.test(made.slice(found.headStart, found.bodyStart)),
          isWeak: false,
        };
        this.made.set(info, made);
        this.addFunction(info);
      }
    }
  }

  /** The macros that a file sees and that are to be expanded. */
  private lookup(file: string): MacroLookup {
    if (this.rules.expand) return (name, line) => this.visible.of(name, file, line);
    return (name, line, use) => {
      const macro = this.bodies.opened(name, use);
      // What is no expression stays what nobody understands.
      return macro && !this.bodies.isNone(macro) ? this.visible.of(name, file, line) : null;
    };
  }

  /** The text in which a function's offsets count. */
  textOf(info: FunctionInfo): string {
    return this.made.get(info) ?? this.texts.get(info.file) ?? "";
  }

  /** Calls at file scope of macros with these names, in the order of the files. */
  fileCalls(names: ReadonlySet<string>): FileCall[] {
    return [...this.texts].flatMap(([file, text]) => fileCalls(text, names).map((call) => ({ ...call, file })));
  }

  private indexCases(text: string): void {
    for (const [, name] of text.matchAll(/\bcase\s+([A-Za-z_]\w*)\s*:/g)) this.cases.add(name as string);
  }

  private indexTypes(text: string): void {
    for (const match of text.matchAll(/\btypedef\b[^;{]{0,300}?\b(\w+)\s{0,80}(?:\[[^;\]]{0,80}\]\s{0,80})?;/g))
      this.types.add(match[1] as string);
  }

  /**
   * The function that a call in `fromFile` means: one of the same file first, else one that other files see: no `static` one of
   * another .c file, and a weak one only where there is no other.
   */
  resolve(name: string, fromFile: string): FunctionInfo | null {
    const list = this.functions.get(name);
    if (!list) return null;
    const seen = list.filter((info) => this.isSeen(info, fromFile));
    const strong = seen.filter((info) => !info.isWeak);
    return strong.find((info) => info.file === fromFile) ?? strong[0] ?? seen[0] ?? null;
  }

  private isSeen(info: FunctionInfo, fromFile: string): boolean {
    return !info.isStatic || !info.file.endsWith(".c") || this.units.areOne(info.file, fromFile);
  }

  /** Names that more than one .c file defines for all: which of them a call means is not known. */
  clashes(): { readonly name: string; readonly infos: readonly FunctionInfo[] }[] {
    return [...this.functions].flatMap(([name, list]) => {
      const infos = list.filter((info) => !info.isStatic && !info.isWeak && info.file.endsWith(".c"));
      return new Set(infos.map((info) => info.file)).size > 1 ? [{ name, infos }] : [];
    });
  }

  /** The function, parsed at its first use; null when it cannot be parsed or is too large. */
  ast(info: FunctionInfo): FunctionAst | null {
    const known = this.asts.get(info);
    if (known !== undefined) return known;
    const ast = this.oversized.has(info) ? null : parseFunction(this.textOf(info), info, this.parseOptions(info.file));
    this.asts.set(info, ast);
    return ast;
  }

  private parseOptions(file: string): ParseOptions {
    return { ...this.parsing, expand: (tokens) => expandMacros(tokens, this.lookup(file), { left: LIMITS.expansion }) };
  }

  /** An object's initializer; null when it cannot be parsed. */
  initializer(object: ObjectInfo): Expr | null {
    const text = this.texts.get(object.file) ?? "";
    return parseInitializer(text, object.start, object.end, object.line, this.parseOptions(object.file));
  }

  /** Statements as a function's body has them; null when they are none. */
  statements(text: string): readonly Stmt[] | null {
    const source = `void f(void) { ${text} }`;
    const place = { name: "f", file: "", headStart: 0, headLine: 0, bodyEnd: source.length };
    const ast = parseFunction(source, place, this.parseOptions(""));
    return ast && ast.errors.length === 0 ? ast.body : null;
  }

  /** A piece of C as an expression, the headers' macros expanded; null when it is none. */
  expression(text: string): Expr | null {
    const [only, ...more] = this.statements(`${text};`) ?? [];
    return only?.kind === "expression" && more.length === 0 ? only.expr : null;
  }

  /** An object-like macro's body as an expression, or a function-like macro's; null for one that has definitions which differ. */
  macroExpr(name: string): Expr | null {
    const macro = this.macros.get(name);
    return macro && !this.redefined.has(name) ? this.bodies.expr(macro) : null;
  }

  /** By name: of several enumerators the first. */
  get enumerators(): ReadonlyMap<string, NamedSite> {
    return this.constants.enumerators;
  }

  /** `typedef enum … name_t` → its enumerators, in order. */
  get enums(): ReadonlyMap<string, readonly string[]> {
    return this.constants.enums;
  }

  /** The value of an enumerator or of a macro that is a constant expression, as 64 bits; null when there is none. */
  constant(name: string): bigint | null {
    const value = this.constants.integer(name);
    return value && bitsOf(value);
  }

  /** The type that a constant has in a computation; null when there is none of that name. */
  kindOfConstant(name: string): IntegerKind | null {
    return this.constants.integer(name);
  }

  /** The type that a value of a type has in a computation; null for a type that is not known, or no integer. */
  kindOfType(type: string): IntegerKind | null {
    return kindOf(type, this.constants.meant);
  }

  /** Bits of an integer type, negative ones for one with a sign; 1 for truth values, null for a type that is no integer or not known. */
  bitsOfType(type: string): number | null {
    return bitsOfType(type, this.constants.meant);
  }

  /** Enumerators that were asked for, of which several of one name have different values: what the name stands for is not known. */
  get clashingEnumerators(): readonly (readonly NamedSite[])[] {
    return this.constants.clashing();
  }

  /** A constant expression's value as C computes it, as 64 bits; null when it is not constant, or not known. */
  evaluate(expr: Expr | null): bigint | null {
    const value = this.constants.compute(expr);
    return value && bitsOf(value);
  }

  /** What the call of a macro that stands for an expression is, with its arguments in place; null for anything else. */
  macroCall({ callee, args, line }: CallExpr): Expr | null {
    const macro = callee.kind === "name" ? this.macros.get(callee.name) : undefined;
    // Another number of arguments: a macro among them has made more of them, which a compiler does not.
    const body = macro?.parameters?.length === args.length ? this.macroExpr(macro.name) : null;
    return body && macro?.parameters ? substitute(placed(body, line), macro.parameters, args) : null;
  }

  /**
   * All functions and macros from which one of `seeds` can be reached by direct calls, the seeds included.
   */
  reaching(seeds: ReadonlySet<string>): Set<string> {
    this.callers ??= this.callersByCallee();
    const reached = new Set(seeds);
    const queue = [...seeds];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      for (const caller of this.callers.get(next) ?? []) {
        if (!reached.has(caller)) {
          reached.add(caller);
          queue.push(caller);
        }
      }
    }
    return reached;
  }

  /** Of what files include by name in quotes, what no file of the tree is: each place. */
  absent(): readonly { readonly name: string; readonly file: string; readonly line: number }[] {
    const endings = new Set([...this.texts.keys()].flatMap(endingsOf));
    // Which folders are searched a build says: any file that ends so will do.
    const named = this.includes.map((include) => ({ ...include, name: include.name.replace(/^(?:\.{1,2}\/)+/, "") }));
    return named.filter(({ name }) => !endings.has(name));
  }

  /** Macros that were expanded and that files which are seen define in different ways: the one that was taken, and the others. */
  get ambiguous(): readonly (readonly MacroSite[])[] {
    return this.visible.ambiguous;
  }

  /** Of the macros that have definitions which differ, those that some functions use, by others perhaps. */
  redefinedIn(functions: Iterable<FunctionInfo>): readonly (readonly NamedSite[])[] {
    if (this.redefined.size === 0) return [];
    const words = this.wordsOf(functions);
    return [...this.redefined].flatMap(([name, sites]) => (words.has(name) ? [sites] : []));
  }

  /** The same of enumerators that have different values. */
  clashingIn(functions: Iterable<FunctionInfo>): readonly (readonly NamedSite[])[] {
    return this.constants.hasRepeated ? this.constants.clashing(this.wordsOf(functions)) : [];
  }

  /** The words of functions and of the macros that they use. */
  private wordsOf(functions: Iterable<FunctionInfo>): ReadonlySet<string> {
    const words = new Set<string>();
    const add = (text: string): void => {
      for (const [word] of text.matchAll(/[A-Za-z_]\w*/g)) words.add(word);
    };
    for (const info of functions) add(this.textOf(info).slice(info.headStart, info.bodyEnd));
    // A set that grows is visited to its end.
    for (const word of words) for (const { body } of this.definitionsOf(word)) add(body);
    return words;
  }

  /** Functions that run when one of these does, they themselves included. Of several of a name, a call means the one in its own file. */
  runsOf(roots: Iterable<FunctionInfo>): ReadonlySet<FunctionInfo> {
    const reached = new Set(roots);
    // A set that grows is visited to its end.
    for (const info of reached) {
      for (const name of this.calledBy(info)) {
        const callee = this.resolve(name, info.file);
        if (callee) reached.add(callee);
      }
    }
    return reached;
  }

  /** Names that a function's body uses like function calls, and those that macros among them do. */
  private calledBy(info: FunctionInfo): ReadonlySet<string> {
    const names = new Set(info.calls);
    for (const name of names) {
      if (!this.functions.has(name)) for (const callee of this.madeBy(name)) names.add(callee);
    }
    return names;
  }

  private callersByCallee(): ReadonlyMap<string, readonly string[]> {
    const callers = new Map<string, string[]>();
    const add = (caller: string, callee: string): void => {
      const list = callers.get(callee);
      if (list) list.push(caller);
      else callers.set(callee, [caller]);
    };
    for (const [name, infos] of this.functions)
      for (const info of infos) for (const callee of info.calls) add(name, callee);
    // A macro may call for the function that uses it.
    for (const name of this.macros.keys()) for (const callee of this.madeBy(name)) add(name, callee);
    return callers;
  }
}

/** A function-like macro's body with its parameters replaced. */
export function substitute(expr: Expr, parameters: readonly string[], args: readonly Expr[]): Expr {
  if (expr.kind !== "name") return withParts(expr, (part) => substitute(part, parameters, args));
  const at = parameters.indexOf(expr.name);
  return at >= 0 ? (args[at] ?? expr) : expr;
}

/** A macro's body stands where the macro is used. */
export function placed(expr: Expr, line: number): Expr {
  return { ...withParts(expr, (part) => placed(part, line)), line };
}

/** `a/b/c.h`, `b/c.h`, `c.h` */
function endingsOf(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_, i) => parts.slice(i).join("/"));
}

/** Object-like macros of all files, for conditionals that name another header's constants. */
function collectObjectMacros(files: readonly SourceFile[]): Map<string, Macro> {
  const result = new Map<string, Macro>();
  for (const file of files) {
    for (const match of file.source.matchAll(/^[ \t]*#[ \t]*define[ \t]+([A-Z_]\w*)[ \t]+(?![ \t])([^\n\\]*)$/gm)) {
      const name = match[1] as string;
      const body = (match[2] ?? "").replace(/\/[/*].*$/, "").trim();
      if (body !== "" && !result.has(name)) result.set(name, { name, parameters: null, body, line: 0, until: null });
    }
    refuseTooMany(result.size, file.path);
  }
  return result;
}

/** Headers by the names that they define, but for those that they define only where nothing else has. */
function headerDefinitions(files: readonly SourceFile[]): Map<string, string[]> {
  const result = new Map<string, string[]>();
  const directive = /^[ \t]*#[ \t]*(define|ifndef)[ \t]+(\w+)/gm;
  for (const { path, source } of files) {
    if (!path.endsWith(".h")) continue;
    const defaults = new Set<string>();
    for (const [, kind, name] of source.matchAll(directive)) {
      if (kind === "ifndef") defaults.add(name as string);
      else if (!defaults.has(name as string)) {
        const list = result.get(name as string);
        if (list) list.push(path);
        else result.set(name as string, [path]);
      }
    }
  }
  return result;
}

/** Calls of these names that begin a line at file scope. */
function fileCalls(text: string, names: ReadonlySet<string>): Omit<FileCall, "file">[] {
  const found: Omit<FileCall, "file">[] = [];
  let line = 1;
  let counted = 0;
  for (const match of text.matchAll(/^(?:static[ \t]+)?([A-Za-z_]\w*)[ \t]*\(/gm)) {
    if (!names.has(match[1] as string)) continue;
    const open = match.index + match[0].length - 1;
    const close = closeOf(text, open);
    if (close < 0) continue;
    for (; counted < match.index; counted++) if (text.charCodeAt(counted) === 10) line++;
    const args = splitTopLevel(text.slice(open + 1, close - 1)).map((arg) => arg.replace(/\s+/g, " ").trim());
    found.push({ name: match[1] as string, args, line });
  }
  return found;
}

/** A test of names by patterns in which `*` stands for any characters; null for no patterns. */
function namePattern(patterns: readonly string[]): ((name: string) => boolean) | null {
  if (patterns.length === 0) return null;
  const known = new Map<string, boolean>();
  const pattern = new RegExp(`^(?:${patterns.map((p) => p.replaceAll("*", "\\w*")).join("|")})$`);
  return (name) => {
    const answer = known.get(name) ?? pattern.test(name);
    known.set(name, answer);
    return answer;
  };
}

function refuseTooMany(names: number, file: string): void {
  if (names <= LIMITS.names) return;
  throw new SeamlockError("SL1005", `up to this file, the tree declares more than ${LIMITS.names} names`, {
    place: { file },
    hint: "a module declares about 5,000: give the root of one module's source tree",
  });
}

function callsIn(text: string, start: number, end: number): Set<string> {
  const calls = new Set<string>();
  for (const match of text.slice(start, end).matchAll(/\b([A-Za-z_]\w*)\s*\(/g)) {
    const name = match[1] as string;
    if (!KEYWORDS.has(name)) calls.add(name);
  }
  return calls;
}
