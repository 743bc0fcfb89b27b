/** Changes to C source that keep what it does: names, places and shapes of functions. Each keeps the lines of all that is not moved. */
import type { Program, SourceFile } from "../src/c/index.ts";
import type { ExtractionRules } from "../src/module/rules.ts";

export interface Change {
  readonly kind: "rename" | "move" | "split" | "inline";
  readonly files: readonly SourceFile[];
  /** What the function was called, and what it or its parts are called now. */
  readonly names: readonly string[];
  /** What a text of the changed tree is in the tree before. */
  readonly written: (text: string) => string;
}

/** Functions of a tree that rules name, whatever for. */
export function namedBy(rules: ExtractionRules, program: Program): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value === "string") names.add(value);
    else if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === "object" && value !== null && !(value instanceof RegExp)) {
      for (const [key, inner] of Object.entries(value)) {
        names.add(key);
        visit(inner);
      }
    }
  };
  visit(rules);
  return new Set([...names].filter((name) => program.functions.has(name)));
}

interface Definition {
  readonly file: SourceFile;
  /** Of the whole definition, and of its body with the braces. */
  readonly start: number;
  readonly open: number;
  readonly end: number;
}

/** The changes of one function. */
export function* changesOf(name: string, files: readonly SourceFile[]): Generator<Change> {
  // Says nothing, so that no pattern of names finds it.
  const other = "another_function";
  const word = new RegExp(`\\b${name}\\b`, "g");
  const names = [name, other];
  const back = (text: string) => text.replaceAll(other, name);
  yield {
    kind: "rename",
    names,
    files: files.map((file) => ({ ...file, source: file.source.replace(word, other) })),
    written: back,
  };
  const found = definitionOf(name, files);
  if (found === null) return;
  const { file, start, open, end } = found;
  const whole = file.source.slice(start, end);
  const without = file.source.slice(0, start) + linesOf(whole) + file.source.slice(end);
  // What another file calls is static no more: the function, and those of its file that it calls.
  const called = [...new Set(whole.match(/\b\w+(?=\s*\()/g))].filter((callee) => {
    const [only, ...others] = definitionsOf(callee, files);
    return only?.file === file && others.length === 0;
  });
  const replaced = (source: string) => files.map((f) => (f === file ? { ...f, source } : f));
  const moved: SourceFile = {
    path: "src/moved_here.c",
    source: `${directivesOf(file.source.slice(0, start))}${withoutStatic(whole, [name])}\n`,
  };
  const left = replaced(withoutStatic(without, called));
  yield { kind: "move", names, files: [...left, moved].sort(byPath), written: (text) => text };
  const head = file.source.slice(start, open);
  const parameters = parametersOf(head, name);
  if (parameters !== null) {
    const inner = head.replace(word, other) + file.source.slice(open, end);
    const isVoid = /\bvoid\s+\w+\s*\($/.test(head.slice(0, head.indexOf(name) + name.length + 1).trimEnd());
    const outer = `${onOneLine(head)}{ ${isVoid ? "" : "return "}${other}(${parameters.join(", ")}); }`;
    const source = `${file.source.slice(0, start)}${inner} ${outer}${file.source.slice(end)}`;
    yield { kind: "split", names, files: replaced(source), written: back };
  }
  const value = onlyReturn(file.source.slice(open + 1, end - 1));
  if (parameters !== null && value !== null) {
    const body = parameters.reduce((text, p) => text.replace(new RegExp(`(?<![\\w.>])${p}\\b`, "g"), `(${p})`), value);
    const macro = `#define ${name}(${parameters.join(", ")}) (${body.replace(/\s+/g, " ")})`;
    // Where other files see the function: in the header that declares it, else where it is.
    const prototype = new RegExp(`^[A-Za-z_][\\w \\t*]*\\b${name}\\s*\\([^;{}]*\\)\\s*;`, "gm");
    const header = files.find((f) => f !== file && f.path.endsWith(".h") && f.source.search(prototype) !== -1);
    const there = header === undefined ? macro : "";
    const source = file.source.slice(0, start) + there + linesOf(whole) + file.source.slice(end);
    const inHeader = (text: string): string => text.replace(prototype, (found) => macro + linesOf(found));
    const inlined = replaced(withoutStatic(source, called)).map((f) =>
      f === header ? { ...f, source: inHeader(f.source) } : f,
    );
    yield { kind: "inline", names, files: inlined, written: (text) => text };
  }
}

/** As many lines, with nothing on them: what follows keeps its place. */
const linesOf = (text: string): string => text.replace(/[^\n]/g, "");

/** As many lines, with what the file includes and the macros it has on them: what is moved uses them. */
const directivesOf = (text: string): string =>
  text.replace(
    /(^[ \t]*#[ \t]*(?:include|define)\b(?:[^\\\n]|\\[^\n]|\\\n)*)|[^\n]/gm,
    (_, directive) => directive ?? "",
  );

/** The functions of these names without the words that keep them to their file; the module's macro for them is one of these. */
const withoutStatic = (source: string, names: readonly string[]): string =>
  names.reduce(
    (text, name) =>
      text.replace(
        new RegExp(`^(?:(?:static|inline|_STATIC_INLINE_)\\s+)+(?=[\\w \\t*]*\\b${name}\\s*\\([^;{}]*\\)\\s*\\{)`, "m"),
        (words) => linesOf(words),
      ),
    source,
  );

const onOneLine = (head: string): string => head.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "").replace(/\s+/g, " ");

const byPath = (a: SourceFile, b: SourceFile): number => (a.path < b.path ? -1 : 1);

/** Where the source, with its comments and conditionals, has the function's definition; null where that is not plain. */
function definitionOf(name: string, files: readonly SourceFile[]): Definition | null {
  const found = definitionsOf(name, files);
  const [only] = found;
  return only && found.length === 1 && !/^\s*#/m.test(only.file.source.slice(only.open, only.end)) ? only : null;
}

function definitionsOf(name: string, files: readonly SourceFile[]): readonly Definition[] {
  const found: Definition[] = [];
  for (const file of files) {
    const head = new RegExp(`^[A-Za-z_][\\w \\t*]*\\b${name}\\s*\\([^;{}]*\\)\\s*\\{`, "gm");
    for (const match of file.source.matchAll(head)) {
      const open = match.index + match[0].length - 1;
      const end = closing(file.source, open);
      if (end !== null) found.push({ file, start: match.index, open, end });
    }
  }
  return found;
}

function closing(source: string, open: number): number | null {
  let depth = 0;
  for (let i = open; i < source.length; i++) {
    if (source[i] === "{") depth++;
    else if (source[i] === "}" && --depth === 0) return i + 1;
  }
  return null;
}

/** Names of the parameters of a head; null for one that is more than names and types. */
function parametersOf(head: string, name: string): readonly string[] | null {
  const list = head.slice(head.indexOf("(", head.indexOf(name)) + 1, head.lastIndexOf(")")).trim();
  if (list === "" || list === "void") return [];
  const names = list.split(",").map((part) => /(\w+)\s*(?:\[[^\]]*\])?\s*$/.exec(part)?.[1]);
  return names.every((n) => n !== undefined) && !list.includes("(") ? (names as string[]) : null;
}

/** The value of a body that is one return; else null. */
const onlyReturn = (body: string): string | null =>
  /^\s*return\b([^;]*);\s*$/.exec(body.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ""))?.[1]?.trim() ?? null;
