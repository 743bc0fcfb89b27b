/**
 * The parser of functions against another one, tree-sitter's C grammar: both must find the same calls, tests, loops, jumps and
 * assignments on the same lines.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Language, type Node, Parser } from "web-tree-sitter";
import { Program } from "../../src/c/program.ts";
import { parseFunction } from "../../src/c/syntax.ts";
import { RULES } from "../../src/module/rules.ts";
import { readTree } from "../../src/module/tree.ts";
import { FIXTURE } from "../module/mutate.ts";

const TREES = process.env["SEAMLOCK_TREES"];
const parser: { c?: Parser } = {};

beforeAll(async () => {
  await Parser.init();
  parser.c = new Parser();
  parser.c.setLanguage(
    await Language.load(readFileSync(createRequire(import.meta.url).resolve("tree-sitter-c/tree-sitter-c.wasm"))),
  );
});

/** Kinds of our nodes by the kinds of theirs. */
const KINDS: Readonly<Record<string, string>> = {
  if_statement: "if",
  while_statement: "loop",
  do_statement: "loop",
  for_statement: "loop",
  switch_statement: "switch",
  goto_statement: "goto",
  labeled_statement: "label",
  return_statement: "return",
  assignment_expression: "assign",
  field_expression: "member",
  subscript_expression: "index",
  update_expression: "update",
  conditional_expression: "conditional",
};

function theirs(text: string, firstLine: number): string[] {
  const found: string[] = [];
  const tree = parser.c?.parse(text);
  const visit = (node: Node): void => {
    // What stands there is never evaluated; what assembly does with its operands the two say in different ways.
    if (["offsetof_expression", "sizeof_expression", "gnu_asm_expression"].includes(node.type)) return;
    const line = firstLine + node.startPosition.row;
    const callee = node.type === "call_expression" ? node.childForFieldName("function") : null;
    if (callee?.type === "identifier") found.push(`${line} call ${callee.text}`);
    const kind = KINDS[node.type];
    if (kind !== undefined) found.push(`${line} ${kind}`);
    for (const child of node.children) if (child) visit(child);
  };
  if (tree) visit(tree.rootNode);
  tree?.delete();
  return found.sort();
}

/** What an output of assembly is assigned. */
const isAssembly = (value: unknown): boolean => {
  const { kind, text } = value as { kind?: string; text?: string };
  return kind === "opaque" && /^asm\b/.test(text ?? "");
};

function ours(root: unknown): string[] {
  const found: string[] = [];
  const kinds = new Set(Object.values(KINDS));
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (typeof value !== "object" || value === null) return;
    const node = value as { kind?: string; line?: number; callee?: { kind: string; name: string }; right?: unknown };
    if (node.kind === "assign" && isAssembly(node.right)) return;
    if (node.kind === "call" && node.callee?.kind === "name") found.push(`${node.line} call ${node.callee.name}`);
    if (node.kind !== undefined && kinds.has(node.kind)) found.push(`${node.line} ${node.kind}`);
    for (const inner of Object.values(value)) if (!Array.isArray(value)) visit(inner);
  };
  visit(root);
  return found.sort();
}

function compare(folder: string): { functions: number; differ: string[] } {
  const program = new Program(readTree(folder).files, RULES.preprocess);
  const names = {
    isTypeName: (name: string) => program.isType(name),
    isFunction: (name: string) => program.functions.has(name),
  };
  const differ: string[] = [];
  let functions = 0;
  for (const info of [...program.functions.values()].flat()) {
    functions++;
    const text = (program.texts.get(info.file) ?? "").slice(info.headStart, info.bodyEnd);
    // The other parser expands no macros.
    const ast = parseFunction(program.textOf(info), info, names);
    const [a, b] = [ours(ast?.body), theirs(text, info.headLine)];
    if (a.join("\n") !== b.join("\n") || (ast?.errors.length ?? 1) > 0) differ.push(`${info.file}: ${info.name}`);
  }
  return { functions, differ };
}

describe("two parsers", () => {
  it("read the fixture alike", () => {
    const { functions, differ } = compare(FIXTURE);
    expect(functions).toBeGreaterThan(30);
    expect(differ).toEqual([]);
  });

  const newest = TREES === undefined ? undefined : readdirSync(TREES).sort().at(-1);
  const tree = TREES === undefined || newest === undefined ? "" : join(TREES, newest);
  it.skipIf(!existsSync(tree))("read a release alike", { timeout: 60_000 }, () => {
    const { functions, differ } = compare(tree);
    expect(functions).toBeGreaterThan(900);
    expect(differ).toEqual([]);
  });
});
