/**
 * Small programs in the style of the module, as trees of their own: what random-generator.ts makes, what random-oracle.ts runs, and
 * what is printed as C for the extraction to read. It knows nothing of how the extraction reads C.
 */

export type Expr =
  /** A number; written by its name where it has one. */
  | { readonly k: "num"; readonly value: bigint; readonly name?: string }
  | { readonly k: "var"; readonly name: string }
  | { readonly k: "field"; readonly base: Expr; readonly arrow: boolean; readonly name: string }
  | { readonly k: "index"; readonly base: Expr; readonly at: Expr }
  | { readonly k: "addr" | "deref" | "not"; readonly of: Expr }
  | { readonly k: "bin"; readonly op: BinaryOp; readonly a: Expr; readonly b: Expr }
  | { readonly k: "ite"; readonly c: Expr; readonly a: Expr; readonly b: Expr }
  | { readonly k: "set"; readonly op: "=" | "+=" | "|=" | "&="; readonly to: Expr; readonly from: Expr }
  | { readonly k: "step"; readonly of: Expr }
  | CallExpr;

export interface CallExpr {
  readonly k: "call";
  readonly fn: string;
  readonly args: readonly Expr[];
}

export type BinaryOp = "&&" | "||" | "==" | "!=" | "<" | ">" | "<=" | ">=" | "&" | "|" | "+";

export type Stmt =
  | {
      readonly k: "declare";
      readonly type: string;
      readonly name: string;
      readonly init: Expr | null;
      readonly size?: number;
    }
  | { readonly k: "do"; readonly e: Expr }
  | { readonly k: "if"; readonly c: Expr; readonly yes: readonly Stmt[]; readonly no: readonly Stmt[] | null }
  | { readonly k: "switch"; readonly on: Expr; readonly cases: readonly Case[] }
  | LoopStmt
  | { readonly k: "goto" | "label"; readonly name: string }
  | { readonly k: "return"; readonly e: Expr | null }
  | { readonly k: "break" | "continue" };

export interface Case {
  /** The numbers that enter it; null for `default`. */
  readonly labels: readonly (bigint | null)[];
  readonly body: readonly Stmt[];
}

export interface LoopStmt {
  readonly k: "loop";
  readonly form: "for" | "while" | "do";
  readonly init: Expr | null;
  readonly test: Expr;
  readonly step: Expr | null;
  readonly body: readonly Stmt[];
}

export interface Func {
  readonly name: string;
  readonly returns: string;
  readonly params: readonly { readonly type: string; readonly name: string }[];
  readonly body: readonly Stmt[];
}

export interface Program {
  readonly helpers: readonly Func[];
  readonly leaves: readonly Func[];
}

// ------------------------------------------------------------------ building blocks

export const num = (value: number | bigint, name?: string): Expr =>
  name === undefined ? { k: "num", value: BigInt(value) } : { k: "num", value: BigInt(value), name };
export const v = (name: string): Expr => ({ k: "var", name });
export const arrow = (base: Expr, ...names: readonly string[]): Expr =>
  names.reduce<Expr>((e, name, i) => ({ k: "field", base: e, arrow: i === 0, name }), base);
export const dot = (base: Expr, name: string): Expr => ({ k: "field", base, arrow: false, name });
export const addr = (of: Expr): Expr => (of.k === "deref" ? of.of : { k: "addr", of });
export const deref = (of: Expr): Expr => ({ k: "deref", of });
export const not = (of: Expr): Expr => ({ k: "not", of });
export const bin = (op: BinaryOp, a: Expr, b: Expr): Expr => ({ k: "bin", op, a, b });
export const set = (to: Expr, from: Expr): Expr => ({ k: "set", op: "=", to, from });
export const call = (fn: string, ...args: readonly Expr[]): CallExpr => ({ k: "call", fn, args });
export const run = (e: Expr): Stmt => ({ k: "do", e });
export const when = (c: Expr, yes: readonly Stmt[], no: readonly Stmt[] | null = null): Stmt => ({
  k: "if",
  c,
  yes,
  no,
});
export const ret = (e: Expr | null): Stmt => ({ k: "return", e });

// ------------------------------------------------------------------ as C

/** A program's C, and on which of its lines each call stands. */
export interface Printed {
  readonly text: string;
  readonly lineOf: ReadonlyMap<CallExpr, number>;
}

/** Prints the functions one after the other, each statement on a line of its own. */
export function printed({ helpers, leaves }: Program): Printed {
  const lines: string[] = [];
  const lineOf = new Map<CallExpr, number>();
  const put = (depth: number, text: string) => lines.push(`${"    ".repeat(depth)}${text}`);

  const text = (e: Expr): string => {
    switch (e.k) {
      case "num":
        return e.name ?? `${e.value}`;
      case "var":
        return e.name;
      case "field":
        return `${inner(e.base)}${e.arrow ? "->" : "."}${e.name}`;
      case "index":
        return `${inner(e.base)}[${text(e.at)}]`;
      case "addr":
        return `&${inner(e.of)}`;
      case "deref":
        return `*${inner(e.of)}`;
      case "not":
        return `!${inner(e.of)}`;
      case "bin":
        return `${inner(e.a)} ${e.op} ${inner(e.b)}`;
      case "ite":
        return `${inner(e.c)} ? ${inner(e.a)} : ${inner(e.b)}`;
      case "set":
        return `${text(e.to)} ${e.op} ${text(e.from)}`;
      case "step":
        return `${inner(e.of)}++`;
      case "call":
        // The line that is being written.
        lineOf.set(e, lines.length + 1);
        return `${e.fn}(${e.args.map(text).join(", ")})`;
    }
  };
  const inner = (e: Expr): string => (/^(num|var|field|index|call)$/.test(e.k) ? text(e) : `(${text(e)})`);

  const block = (depth: number, body: readonly Stmt[]) => {
    put(depth, "{");
    for (const s of body) statement(depth + 1, s);
    put(depth, "}");
  };
  const statement = (depth: number, s: Stmt): void => {
    switch (s.k) {
      case "declare":
        put(
          depth,
          `${s.type} ${s.name}${s.size === undefined ? "" : `[${s.size}]`}${s.init === null ? "" : ` = ${text(s.init)}`};`,
        );
        return;
      case "do":
        put(depth, `${text(s.e)};`);
        return;
      case "if":
        put(depth, `if (${text(s.c)})`);
        block(depth, s.yes);
        if (s.no === null) return;
        put(depth, "else");
        block(depth, s.no);
        return;
      case "switch":
        put(depth, `switch (${text(s.on)})`);
        put(depth, "{");
        for (const c of s.cases) {
          for (const label of c.labels) put(depth, label === null ? "default:" : `case ${label}:`);
          for (const inside of c.body) statement(depth + 1, inside);
        }
        put(depth, "}");
        return;
      case "loop":
        return loop(depth, s);
      case "goto":
        put(depth, `goto ${s.name};`);
        return;
      case "label":
        put(0, `${s.name}:`);
        return;
      case "return":
        put(depth, s.e === null ? "return;" : `return ${text(s.e)};`);
        return;
      default:
        put(depth, `${s.k};`);
    }
  };
  const loop = (depth: number, { form, init, test, step, body }: LoopStmt) => {
    if (form === "for")
      put(depth, `for (${init === null ? "" : text(init)}; ${text(test)}; ${step === null ? "" : text(step)})`);
    else put(depth, form === "while" ? `while (${text(test)})` : "do");
    block(depth, body);
    if (form === "do") put(depth, `while (${text(test)});`);
  };

  for (const { name, returns, params, body } of [...helpers, ...leaves]) {
    put(0, `${returns} ${name}(${params.map((p) => `${p.type} ${p.name}`).join(", ")})`);
    block(0, body);
    put(0, "");
  }
  return { text: `${lines.join("\n")}\n`, lineOf };
}
