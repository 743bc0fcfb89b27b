/**
 * Patterns of conditions: data/glossary.yaml has them as expressions, data/glossary.json as trees, which are compared with the trees of
 * a catalog's conditions. Of `all` and `any` the order does not count.
 */
import type { Condition, Term } from "../catalog/index.ts";

/** What one side of a test must be. */
export type TermPattern =
  | { readonly kind: "anything" }
  /** A constant of that name, or a variable. */
  | { readonly kind: "name"; readonly name: string }
  /** Memory whose path ends in these members; of an address, with `isAddress`. */
  | { readonly kind: "members"; readonly members: readonly string[] }
  | { readonly kind: "number"; readonly value: string }
  /** A call of the function, whatever its arguments; those that are given must fit. */
  | { readonly kind: "call"; readonly function: string; readonly arguments: readonly TermPattern[] };

/** What a condition must be. */
export type ConditionPattern =
  | { readonly is: "anything" }
  | { readonly is: "all" | "any"; readonly of: readonly ConditionPattern[] }
  | { readonly is: "set" | "clear"; readonly left: TermPattern }
  | {
      readonly is: "==" | "!=" | "<" | "<=" | ">" | ">=";
      readonly left: TermPattern;
      readonly right: TermPattern;
    }
  | { readonly is: "earlier-checks-pass" | "unlisted" }
  | { readonly is: "stated"; readonly text: string };

/** Does a condition fit a pattern? */
export function fits(pattern: ConditionPattern, condition: Condition): boolean {
  switch (pattern.is) {
    case "anything":
      return true;
    case "all":
    case "any":
      return condition.is === pattern.is && "of" in condition && fitInSomeOrder(pattern.of, condition.of);
    case "set":
    case "clear":
      return condition.is === pattern.is && "left" in condition && fitsTerm(pattern.left, condition.left);
    case "stated":
      return condition.is === "stated" && condition.text === pattern.text;
    case "earlier-checks-pass":
    case "unlisted":
      return condition.is === pattern.is;
    default:
      return (
        condition.is === pattern.is &&
        "right" in condition &&
        fitsTerm(pattern.left, condition.left) &&
        fitsTerm(pattern.right, condition.right)
      );
  }
}

/** Is there a pattern for each condition, and a condition for each pattern? */
function fitInSomeOrder(patterns: readonly ConditionPattern[], conditions: readonly Condition[]): boolean {
  const [first, ...others] = patterns;
  if (first === undefined || patterns.length !== conditions.length) return patterns.length === conditions.length;
  return conditions.some(
    (condition, i) =>
      fits(first, condition) &&
      fitInSomeOrder(
        others,
        conditions.filter((_, j) => j !== i),
      ),
  );
}

function fitsTerm(pattern: TermPattern, term: Term): boolean {
  switch (pattern.kind) {
    case "anything":
      return true;
    case "name":
      return (
        (term.kind === "constant" && term.name === pattern.name) ||
        (term.kind === "memory" && term.path.length === 1 && term.path[0] === pattern.name)
      );
    case "number":
      return term.kind === "constant" && term.value === pattern.value;
    case "members":
      return (
        (term.kind === "memory" || term.kind === "address") &&
        term.path.length > pattern.members.length &&
        pattern.members.every((name, i) => name === term.path[term.path.length - pattern.members.length + i])
      );
    case "call":
      return (
        term.kind === "call" &&
        term.function === pattern.function &&
        pattern.arguments.every((argument, i) => {
          const given = term.arguments[i];
          return given !== undefined && fitsTerm(argument, given);
        })
      );
  }
}
