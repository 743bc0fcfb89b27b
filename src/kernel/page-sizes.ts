/** What sizes private pages can have, read from the functions that bound the level at which they are mapped. */

import { type Expr, expressionsIn, type FunctionInfo, type Program, type Stmt, substitute } from "../c/index.ts";
import type { HostProfile } from "../host/index.ts";
import type { KernelRules } from "./rules.ts";

/** What is known of the sizes; null: nothing, so that a page may have any. */
export type PageSizes = HostProfile["pageSizes"] | null;
type PageSize = NonNullable<PageSizes>[number];

/** What a function returns could not be told. */
class NotTold extends Error {}

/**
 * The sizes of private pages in a tree: those up to the highest level that the functions of the rules return, as far as the tree has any of them;
 * what the rules state where they name no function.
 */
export function pageSizesOf(program: Program, rules: KernelRules): PageSizes {
  const { pages, profile } = rules;
  if (pages === undefined) return profile.pageSizes ?? null;
  const found = pages.functions.flatMap(
    (name) => program.functions.get(name)?.filter(({ file }) => file.endsWith(".c")) ?? [],
  );
  if (found.length === 0) return null;
  const given = Object.entries(pages.given).map(([name, value]) => [name, number(value)] as const);
  try {
    const returned = found.flatMap((info) => [...resultsOf(program, info, given)]);
    return upTo(program, returned, pages.levels);
  } catch (error) {
    if (error instanceof NotTold) return null;
    throw error;
  }
}

/** The sizes up to the highest of some levels; null when one of them is no level, as that which bounds nothing. */
function upTo(
  program: Program,
  returned: readonly bigint[],
  levels: Readonly<Partial<Record<PageSize, string>>>,
): PageSizes {
  const known = Object.entries(levels).map(
    ([size, level]) => [size as PageSize, program.evaluate(program.expression(level))] as const,
  );
  if (!returned.every((value) => known.some(([, level]) => level === value))) return null;
  return known.flatMap(([size, level]) => (level !== null && returned.some((value) => level <= value) ? [size] : []));
}

const number = (value: number): Expr => ({ kind: "number", value: BigInt(value), line: 0 });

/** May a function give one of its parameters another value? */
const isSet = (body: readonly Stmt[], names: readonly string[]): boolean =>
  body
    .flatMap((s) => [...expressionsIn(s)])
    .some((e) => {
      const to =
        e.kind === "assign" ? e.left : e.kind === "update" || (e.kind === "unary" && e.op === "&") ? e.operand : null;
      return to?.kind === "name" && names.includes(to.name);
    });

/** What a function may return where some of its parameters have given values. */
function resultsOf(
  program: Program,
  info: FunctionInfo,
  given: readonly (readonly [string, Expr])[],
): ReadonlySet<bigint> {
  const ast = program.ast(info);
  if (ast === null || ast.errors.length > 0) throw new NotTold();
  const results = new Set<bigint>();
  const [names, values] = [given.map(([name]) => name), given.map(([, value]) => value)];
  const value = (expr: Expr): bigint | null => program.evaluate(substitute(expr, names, values));
  // Statements are followed to where they return; true: what stands behind them is come to.
  const follow = (statements: readonly Stmt[]): boolean => statements.every(goesOn);
  const goesOn = (s: Stmt): boolean => {
    switch (s.kind) {
      case "block":
        return follow(s.body);
      case "if": {
        const test = value(s.test);
        const yes = test === 0n ? false : goesOn(s.yes);
        const no = test !== null && test !== 0n ? false : s.no === null || goesOn(s.no);
        return yes || no;
      }
      case "return": {
        const result = s.value && value(s.value);
        if (result === null) throw new NotTold();
        results.add(result);
        return false;
      }
      case "declare":
      case "expression":
        return true;
      default:
        throw new NotTold();
    }
  };
  if (isSet(ast.body, names)) throw new NotTold();
  follow(ast.body);
  return results;
}
