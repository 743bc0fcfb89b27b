/** Types of a function's parameters and variables. */
import type { FunctionAst } from "../../c/index.ts";

export interface Parameter {
  readonly name: string;
  /** Without stars. */
  readonly type: string;
  readonly pointer: boolean;
}

/** A type without its stars and, of a tagged one, its first word. */
export const plainType = (type: string): string => /(\w+)\W*$/.exec(type)?.[1] ?? type;

/** The parameters of a function, in order. */
export const parametersOf = ({ parameters, parameterTypes }: FunctionAst): readonly Parameter[] =>
  parameters.map((name, i) => {
    const type = parameterTypes[i] ?? "";
    return { name, type: plainType(type), pointer: type.includes("*") };
  });
