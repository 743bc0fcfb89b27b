/** Patterns of conditions as data/glossary.yaml writes them: C expressions, in which `_` stands for anything. */
import type { Expr } from "../src/c/ast.ts";
import { parseExpression } from "../src/c/syntax.ts";
import type { ConditionPattern, TermPattern } from "../src/report/condition-pattern.ts";

/** Words in the place of a test that are none of the source. */
const WORDS: Readonly<Record<string, ConditionPattern>> = {
  _: { is: "anything" },
  EARLIER_CHECKS_PASS: { is: "earlier-checks-pass" },
};

/**
 * - `_` in the place of a test, or of one side of one: anything.
 * - `_.pt`, `_.lp_info.lp_id`: a variable's or structure's member, however that is reached; `_.list[_].x` with an element between.
 * - `name`: a constant or a variable of that name. `f()`: what the function gives back, whatever it is given; `f(_.x)`: given that first.
 * - `EARLIER_CHECKS_PASS`: the rest of a long condition.
 *
 * @throws Error that names the pattern, for what is none
 */
export function conditionPattern(text: string): ConditionPattern {
  const parsed = parseExpression(text, () => false);
  if (parsed === null) throw new Error(`not a pattern: ${text}`);
  return test(parsed, text);
}

function test(e: Expr, text: string): ConditionPattern {
  if (e.kind === "name" && Object.hasOwn(WORDS, e.name)) return WORDS[e.name] as ConditionPattern;
  if (e.kind === "unary" && e.op === "!") return { is: "clear", left: term(e.operand, text) };
  if (e.kind !== "binary") return { is: "set", left: term(e, text) };
  switch (e.op) {
    case "&&":
    case "||": {
      const is = e.op === "&&" ? "all" : "any";
      const parts = [test(e.left, text), test(e.right, text)];
      return { is, of: parts.flatMap((part) => (part.is === is ? part.of : [part])) };
    }
    case "==":
    case "!=":
    case "<":
    case "<=":
    case ">":
    case ">=":
      return { is: e.op, left: term(e.left, text), right: term(e.right, text) };
    default:
      throw new Error(`${e.op} is no test: ${text}`);
  }
}

function term(e: Expr, text: string): TermPattern {
  switch (e.kind) {
    case "name":
      return e.name === "_" ? { kind: "anything" } : { kind: "name", name: e.name };
    case "number":
      return { kind: "number", value: e.value.toString() };
    case "member":
    case "index":
      return { kind: "members", members: members(e, text) };
    case "call":
      if (e.callee.kind !== "name") break;
      return { kind: "call", function: e.callee.name, arguments: e.args.map((argument) => term(argument, text)) };
    default:
      break;
  }
  throw new Error(`neither a name, a member nor a call: ${text}`);
}

function members(e: Expr, text: string): readonly string[] {
  if (e.kind === "member") return [...members(e.object, text), e.field];
  if (e.kind === "index") return [...members(e.object, text), "[]"];
  if (e.kind === "name" && e.name === "_") return [];
  throw new Error(`not a path of members that begins with _: ${text}`);
}
