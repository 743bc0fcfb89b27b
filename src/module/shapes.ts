/**
 * Functions that the analysis knows by name have shapes: one of the same shape under another name is not what nobody knows, but what
 * somebody has renamed or added. What it does must be said before rows can be trusted.
 */

import type { FunctionInfo, Program } from "../c/index.ts";
import type { Site } from "../catalog/index.ts";
import type { ExtractionRules } from "./rules.ts";
import { SHAPES, type Shape } from "./shape-rules.ts";

/** What such a function is; its name says nothing. */
export interface UnknownOfShape {
  readonly what: "unknown-of-shape";
  readonly message: string;
  readonly site: Site;
}

/**
 * @param reachable functions that leaves run
 * @param isExplained functions that are primitives or accessors
 */
export function unknownsOfShape(
  program: Program,
  rules: ExtractionRules,
  reachable: ReadonlySet<FunctionInfo>,
  isExplained: (name: string) => boolean,
): UnknownOfShape[] {
  return [...reachable].flatMap((info): UnknownOfShape[] => {
    if (isExplained(info.name)) return [];
    const ast = program.ast(info);
    if (ast === null) return [];
    const parameters = ast.parameterTypes.map((type) => type.replaceAll(" ", ""));
    const isKnown = (shape: Shape) =>
      isNamed(shape, info.name, rules) ||
      (shape.wraps === true && [...info.calls].some((name) => isNamed(shape, name, rules)));
    return SHAPES.filter((shape) => hasShape(shape, ast.type, parameters) && !isKnown(shape)).map(({ what }) => ({
      what: "unknown-of-shape",
      message: `${info.name} has the shape of a function that ${what}, and is none that is known`,
      site: { file: info.file, line: ast.line, function: info.name },
    }));
  });
}

const isNamed = ({ known, others }: Shape, name: string, rules: ExtractionRules): boolean =>
  [...known(rules), ...others].some((one) => (typeof one === "string" ? one === name : one.test(name)));

function hasShape(shape: Shape, returns: string, parameters: readonly string[]): boolean {
  const has = (type: RegExp) => parameters.some((parameter) => type.test(parameter));
  return (
    shape.returns.test(returns) &&
    shape.parameters.every((type, i) => type.test(parameters[i] ?? "")) &&
    (shape.exactly === undefined || shape.parameters.length === parameters.length) &&
    (shape.having === undefined || has(shape.having)) &&
    (shape.lacking === undefined || !has(shape.lacking))
  );
}
