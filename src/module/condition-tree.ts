/** A row's condition as a tree of tests, from the formula that its text is read off. */

import { and, type Formula, type Location, not, or, readFrom, stepsOf, type Test, type Value } from "../c/index.ts";
import type { Condition, Term } from "../catalog/index.ts";

const NEGATED = { "==": "!=", "<": ">=", ">": "<=" } as const;

/**
 * The tree of a formula that is neither always true nor never.
 *
 * @param textOf how the leaf writes a value
 */
export function conditionTree(formula: Formula, textOf: (value: Value) => string): Condition {
  const tree = (f: Formula): Condition => {
    switch (f.k) {
      case "const":
        throw new Error("a condition that is no condition");
      case "atom":
        return testTree(f, true, textOf);
      case "not":
        if (f.f.k === "atom") return testTree(f.f, false, textOf);
        return tree(f.f.k === "and" ? or(...f.f.fs.map(not)) : f.f.k === "or" ? and(...f.f.fs.map(not)) : f);
      default:
        return { is: f.k === "and" ? "all" : "any", of: f.fs.map(tree) };
    }
  };
  return tree(formula);
}

/** Several conditions that hold together; null for none. */
export function allOf(parts: readonly (Condition | null)[]): Condition | null {
  const of = parts.flatMap((part) => (part === null ? [] : part.is === "all" ? part.of : [part]));
  return of.length > 1 ? { is: "all", of } : (of[0] ?? null);
}

function testTree({ op, left, right }: Test, holds: boolean, textOf: (value: Value) => string): Condition {
  const term = (value: Value) => termOf(value, textOf);
  if (op === "set" && right === null) return { is: holds ? "set" : "clear", left: term(left) };
  // Against a zero that the source names, "set" is "not that zero".
  if (op === "set") return { is: holds ? "!=" : "==", left: term(left), right: term(right as Value) };
  return { is: holds ? op : NEGATED[op], left: term(left), right: term(right as Value) };
}

function termOf(value: Value, textOf: (value: Value) => string): Term {
  if (value.t === "num") return { kind: "constant", name: value.name, value: value.v.toString() };
  if (value.t === "zero") return { kind: "constant", name: null, value: "0" };
  const text = textOf(value);
  if (value.t === "ref") return { kind: "address", path: pathOf(value.at), text };
  if (value.t !== "sym") return { kind: "computed", text };
  if (value.origin?.how === "call") {
    const { callee, args } = value.origin;
    const terms = args.map((argument): Term => {
      const term = termOf(argument, textOf);
      return term.kind === "call" ? { kind: "computed", text: term.text } : term;
    });
    return { kind: "call", function: callee, arguments: terms, text };
  }
  if (value.origin === null && value.location === null) return { kind: "input", text };
  const at = readFrom(value) ?? (value.origin?.how === "operation" ? null : value.location);
  return at === null ? { kind: "computed", text } : { kind: "memory", path: pathOf(at), text };
}

/** A location's root, and the members and elements from there. */
function pathOf(at: Location): readonly string[] {
  const { root } = at;
  const start = root.kind === "variable" || root.kind === "global" ? root.name : "*";
  return [start, ...stepsOf(at).map((step) => (step.kind === "field" ? step.name : "[]"))];
}
