/** Expressions as the source writes them. */

import type { Expr } from "../ast.ts";
import { baseText, binaryText, unaryText } from "../text.ts";

const known = new WeakMap<Expr, string>();

export function sourceText(e: Expr): string {
  let text = known.get(e);
  if (text === undefined) {
    text = written(e);
    known.set(e, text);
  }
  return text;
}

function written(e: Expr): string {
  switch (e.kind) {
    case "number":
      return e.value.toString();
    case "name":
      return e.name;
    case "binary":
      return binaryText(e.op, sourceText(e.left), sourceText(e.right));
    case "unary":
      return unaryText(e.op, sourceText(e.operand));
    case "member":
      return `${baseText(sourceText(e.object))}${e.arrow ? "->" : "."}${e.field}`;
    case "index":
      return `${baseText(sourceText(e.object))}[${sourceText(e.index)}]`;
    case "cast":
      return sourceText(e.operand);
    case "call":
      return `${sourceText(e.callee)}(${e.args.map((a) => sourceText(a)).join(", ")})`;
    case "update":
      return e.isPostfix ? `${sourceText(e.operand)}${e.op}` : `${e.op}${sourceText(e.operand)}`;
    case "assign":
      return `${sourceText(e.left)} ${e.op} ${sourceText(e.right)}`;
    case "conditional":
      return `(${sourceText(e.test)} ? ${sourceText(e.yes)} : ${sourceText(e.no)})`;
    case "comma":
      return `(${e.parts.map(sourceText).join(", ")})`;
    case "initializer":
      return `{ ${e.entries.map(({ value }) => sourceText(value)).join(", ")} }`;
    case "string":
      return "a string";
    case "opaque":
      return e.text;
  }
}

/** The test that holds where an ordering or equality does not. */
export const OPPOSITE: Readonly<Record<string, string>> = {
  "==": "!=",
  "!=": "==",
  "<": ">=",
  ">": "<=",
  "<=": ">",
  ">=": "<",
};
