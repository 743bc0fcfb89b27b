/** Functions and tables whose effect the models restate by hand: a digest of each as the tree has it, and the variant that it is. */
import { createHash } from "node:crypto";
import { z } from "zod";
import data from "../../../data/behaviours.json" with { type: "json" };
import type { FunctionAst, Program } from "../../c/index.ts";
import type { Behaviour } from "../../catalog/index.ts";
import type { ExtractionRules } from "../rules.ts";
import { tableOf } from "../tables.ts";

const behavioursSchema = z.strictObject({
  $comment: z.string(),
  behaviours: z.array(
    z.strictObject({
      /** The behaviour that the function is, or is part of. */
      behaviour: z.string(),
      function: z.string(),
      /** Set where it is not a function but a table that functions look up. */
      isTable: z.literal(true).optional(),
      /** Only what comes after this label, where the rest is about other things. */
      after: z.string().optional(),
      /** What of the models restates it. */
      restatedBy: z.string(),
      /** The kinds of scenario whose models rest on it. */
      models: z.array(z.enum(["running-td", "td-life", "dynamic-pamt"])).min(1),
      /** Resources whose contention it is about. */
      resources: z.array(z.string()),
      /** Calls that come to it: their contentions on those resources go by it. */
      calls: z.array(z.string()),
      variants: z.array(
        z.strictObject({
          name: z.string(),
          what: z.string(),
          digests: z.array(z.string().regex(/^sha256:[0-9a-f]{64}$/)),
        }),
      ),
    }),
  ),
});

export const BEHAVIOURS = behavioursSchema.parse(data).behaviours;

/** The behaviours of a tree, in the order of the data; what the tree does not have is left out. */
export function behavioursOf(program: Program, rules: ExtractionRules): Behaviour[] {
  return BEHAVIOURS.flatMap(({ behaviour, function: name, isTable, after, variants }): Behaviour[] => {
    const found = isTable ? readTable(program, name) : readFunction(program, rules, name, after);
    if (found === null) return [];
    const { file, line, digest } = found;
    const variant = variants.find(({ digests }) => digests.includes(digest))?.name ?? null;
    return [{ name: behaviour, function: name, digest, variant, evidence: { file, line, function: name } }];
  });
}

interface Read {
  readonly file: string;
  readonly line: number;
  readonly digest: string;
}

function readFunction(program: Program, rules: ExtractionRules, name: string, after?: string): Read | null {
  const info = program.functions.get(name)?.[0];
  const ast = info ? program.ast(info) : null;
  return info && ast ? { file: info.file, line: info.line, digest: digestOf(ast, rules, after) } : null;
}

/** A table is what stands in it: only white space does not count. */
function readTable(program: Program, name: string): Read | null {
  const table = tableOf(program, name);
  if (table === null) return null;
  const { file, line, body } = table;
  return {
    file,
    line,
    digest: sha256(
      body
        .replaceAll(/\s+/g, " ")
        .replaceAll(/ ?([^\w ]) ?/g, "$1")
        .trim(),
    ),
  };
}

/**
 * A digest of what a function does: two that differ in names of variables, traces, comments and places only have the same.
 *
 * @param after only the statements after this label
 */
export function digestOf(ast: FunctionAst, rules: ExtractionRules, after?: string): string {
  const names = new Map<string, string>();
  const from = after === undefined ? 0 : ast.body.findIndex((s) => s.kind === "label" && s.name === after);
  if (after === undefined) for (const name of ast.parameters) names.set(name, `v${names.size}`);
  const text = JSON.stringify(normalised(ast.body.slice(Math.max(0, from)), rules, names));
  return sha256(text);
}

const sha256 = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

interface Node {
  readonly kind?: string;
  readonly [key: string]: unknown;
}

/** A syntax tree without places and traces, its variables numbered in the order in which they are declared. */
function normalised(node: unknown, rules: ExtractionRules, names: Map<string, string>): unknown {
  if (typeof node === "bigint") return String(node);
  if (Array.isArray(node))
    return node.filter((one) => !isTrace(one, rules)).map((one) => normalised(one, rules, names));
  if (typeof node !== "object" || node === null) return node;
  // What a `sizeof` measures its text says.
  const { line: _line, measured: _measured, ...rest } = withoutUnusedValues(node as Node);
  // Digests say what a number is worth, not how it is written.
  if (rest.kind === "number") return { kind: "number", value: String(rest["value"]) };
  const declared = rest["name"];
  if (rest.kind === "declare" && typeof declared === "string" && !names.has(declared))
    names.set(declared, `v${names.size}`);
  if ((rest.kind === "name" || rest.kind === "declare") && typeof declared === "string")
    return { ...mapped(rest, rules, names), name: names.get(declared) ?? declared };
  const callee = calledName(rest);
  // What a failed check reports is not what it does.
  if (callee !== null && rules.assertions.includes(callee))
    return [callee, normalised((rest["args"] as unknown[])[0], rules, names)];
  if (callee !== null && callee in rules.noReturn) return [callee];
  return mapped(rest, rules, names);
}

/** Whether `++` stands before or after does not matter where nobody uses its value: as a statement, or as the step of a loop. */
function withoutUnusedValues(node: Node): Node {
  const at = node.kind === "expression" ? "expr" : node.kind === "loop" ? "step" : null;
  const update = at === null ? undefined : (node[at] as Node | null | undefined);
  if (at === null || update?.kind !== "update") return node;
  const { isPostfix: _isPostfix, ...rest } = update;
  return { ...node, [at]: rest };
}

const mapped = (node: Node, rules: ExtractionRules, names: Map<string, string>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(node).map(([key, value]) => [key, normalised(value, rules, names)]));

function calledName(node: Node): string | null {
  const callee = node["callee"] as Node | undefined;
  return node.kind === "call" && callee?.kind === "name" ? (callee["name"] as string) : null;
}

/** A statement that only tells something, or does nothing. */
function isTrace(node: unknown, rules: ExtractionRules): boolean {
  const { kind, expr } = (node ?? {}) as { kind?: string; expr?: Node };
  const callee = kind === "expression" && expr ? calledName(expr) : null;
  return callee !== null && rules.ignoredCalls.includes(callee);
}
