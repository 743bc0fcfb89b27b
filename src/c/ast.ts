/**
 * The C that the analysis understands: a small syntax tree.
 */

/** Types of integer constants, but for `int`, on a machine whose `long` has 64 bits. */
export type IntegerType = "unsigned" | "long" | "unsigned long";

export type Expr =
  /** `type` as its digits and suffix say it; missing for `int`. */
  | { readonly kind: "number"; readonly value: bigint; readonly type?: IntegerType; readonly line: number }
  | { readonly kind: "string"; readonly line: number }
  | { readonly kind: "name"; readonly name: string; readonly line: number }
  | { readonly kind: "call"; readonly callee: Expr; readonly args: readonly Expr[]; readonly line: number }
  | { readonly kind: "unary"; readonly op: string; readonly operand: Expr; readonly line: number }
  /** `++` and `--`. */
  | {
      readonly kind: "update";
      readonly op: "++" | "--";
      readonly operand: Expr;
      /** Is its value the one before? */
      readonly isPostfix: boolean;
      readonly line: number;
    }
  | { readonly kind: "binary"; readonly op: string; readonly left: Expr; readonly right: Expr; readonly line: number }
  | { readonly kind: "assign"; readonly op: string; readonly left: Expr; readonly right: Expr; readonly line: number }
  | {
      readonly kind: "member";
      readonly object: Expr;
      readonly field: string;
      readonly arrow: boolean;
      readonly line: number;
    }
  | { readonly kind: "index"; readonly object: Expr; readonly index: Expr; readonly line: number }
  /** `type` as written, without qualifiers; missing for one that was told only by where it stands. */
  | { readonly kind: "cast"; readonly operand: Expr; readonly type?: string; readonly line: number }
  | { readonly kind: "conditional"; readonly test: Expr; readonly yes: Expr; readonly no: Expr; readonly line: number }
  | { readonly kind: "comma"; readonly parts: readonly Expr[]; readonly line: number }
  | {
      readonly kind: "initializer";
      readonly entries: readonly InitializerEntry[];
      /** Of a compound literal. */
      readonly type?: string;
      readonly line: number;
    }
  /** Something whose value only a compiler knows (sizeof, a type as an argument, …), or a statement expression. */
  | {
      readonly kind: "opaque";
      readonly text: string;
      /** Of a statement expression: what it evaluates, one after the other, and all its statements. */
      readonly parts: readonly Expr[];
      readonly body?: readonly Stmt[];
      /** Of a `sizeof` of a type: the type as a cast's, without what it is an array of, and how many of it. */
      readonly measured?: { readonly type: string; readonly counts: readonly Expr[] };
      readonly line: number;
    };

export interface InitializerEntry {
  /** `.raw`, `[3]` or `[3 ... 5]`; null for a positional entry. */
  readonly designator: { readonly field: string } | { readonly index: Expr; readonly to?: Expr } | null;
  readonly value: Expr;
}

export type Stmt =
  | { readonly kind: "block"; readonly body: readonly Stmt[]; readonly line: number }
  | { readonly kind: "expression"; readonly expr: Expr; readonly line: number }
  | {
      readonly kind: "declare";
      readonly name: string;
      /** As written, without qualifiers, a star at the end for every level of pointer. */
      readonly type: string;
      readonly array: boolean;
      readonly init: Expr | null;
      /** It is `static` and may change: what the function made of it in a call before is still there, and `init` only at first. */
      readonly lasts?: true;
      readonly line: number;
    }
  | { readonly kind: "if"; readonly test: Expr; readonly yes: Stmt; readonly no: Stmt | null; readonly line: number }
  | {
      readonly kind: "loop";
      readonly init: readonly Stmt[];
      readonly test: Expr | null;
      readonly step: Expr | null;
      readonly body: Stmt;
      readonly testFirst: boolean;
      readonly line: number;
    }
  /** A macro's call and the statement that it governs: a loop or a scope, as the macro has it. */
  | { readonly kind: "governed"; readonly head: Expr; readonly body: Stmt; readonly line: number }
  | { readonly kind: "switch"; readonly value: Expr; readonly cases: readonly SwitchCase[]; readonly line: number }
  | { readonly kind: "label"; readonly name: string; readonly line: number }
  | { readonly kind: "goto"; readonly label: string; readonly line: number }
  | { readonly kind: "return"; readonly value: Expr | null; readonly line: number }
  | { readonly kind: "break"; readonly line: number }
  | { readonly kind: "continue"; readonly line: number };

export type CallExpr = Extract<Expr, { kind: "call" }>;

export interface SwitchCase {
  /** Null for `default`. */
  readonly value: Expr | null;
  /** The last value of a range, `case 1 ... 4:`. */
  readonly to?: Expr;
  readonly body: readonly Stmt[];
  readonly line: number;
}

export interface FunctionAst {
  readonly name: string;
  /** The type that it returns, as written, without qualifiers and stars. */
  readonly type: string;
  /** Does it return a pointer? */
  readonly isPointer: boolean;
  readonly file: string;
  readonly line: number;
  /** Names of the parameters; empty for one without a name. */
  readonly parameters: readonly string[];
  /** Types of the parameters, as those of declarations. */
  readonly parameterTypes: readonly string[];
  readonly body: readonly Stmt[];
  /** Lines inside the function that could not be understood; the statements there are left out. */
  readonly errors: readonly number[];
}
