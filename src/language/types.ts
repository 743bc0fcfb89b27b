/**
 * What a Model is: plain data, nothing opaque, so that one definition is interpreted, compiled, exported and printed.
 *
 * Names are unique per scope: globals among globals, locals among the locals of their process type; a local never hides a global.
 */

/** The sort of an expression. Enum values and indices are integers. */
export type Sort = "bool" | "int";

/** Type of a variable. Every variable is bounded; a value outside its type is an error of the model, reported as such by every engine. */
export type VariableType =
  | { readonly kind: "bool" }
  | { readonly kind: "int"; readonly min: number; readonly max: number }
  | { readonly kind: "enum"; readonly name: string; readonly values: readonly string[] }
  /** An index into a scalar set or an instance number of a process type; `none` adds one more value, equal to the set's size. */
  | { readonly kind: "index"; readonly of: string; readonly none: boolean };

/** A variable or, when `size` is not null, an array of `size` elements. */
export interface Variable {
  readonly name: string;
  readonly type: VariableType;
  readonly size: number | null;
  /** The process type or scalar set that indexes the array; symmetry is only computed over arrays that say so. */
  readonly by: string | null;
  /** One value, or one per element. Booleans are 0 and 1, enum values their position. */
  readonly init: number | readonly number[];
  /**
   * The resource whose host-priority bit this is, as steps name it; an element of an array is the bit of the object of its index. For
   * people only: no engine looks at it.
   */
  readonly hostPriorityOf?: string;
}

/** A set of interchangeable indices, such as pages. */
export interface ScalarSet {
  readonly name: string;
  readonly size: number;
}

export type UnaryIntOp = "bnot";
export type ArithmeticOp = "add" | "sub" | "mul" | "div" | "mod" | "band" | "bor" | "bxor" | "shl" | "shr";
export type ComparisonOp = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

/** A constant. `enum` names the enum type whose value it is. */
export interface ConstNode {
  readonly op: "const";
  readonly value: number;
  readonly enum: string | null;
}
/** A global, or a local of the process that evaluates the expression. */
export interface VarNode {
  readonly op: "var";
  readonly name: string;
  readonly index: IntExpr | null;
}
/** A local variable of some process instance; for properties. */
export interface LocalNode {
  readonly op: "local";
  readonly process: string;
  readonly instance: IntExpr;
  readonly name: string;
  readonly index: IntExpr | null;
}
/** Is that process instance at one of these labels? */
export interface AtNode {
  readonly op: "at";
  readonly process: string;
  readonly instance: IntExpr;
  readonly labels: readonly string[];
}
export interface SelfNode {
  readonly op: "self";
}
export interface ParamNode {
  readonly op: "param";
  readonly name: string;
}
export interface ArithmeticNode {
  readonly op: ArithmeticOp;
  readonly a: IntExpr;
  readonly b: IntExpr;
}
/** Bitwise complement within `bits` bits. */
export interface BitNotNode {
  readonly op: "bnot";
  readonly a: IntExpr;
  readonly bits: number;
}
export interface ComparisonNode {
  readonly op: ComparisonOp;
  readonly a: Expr;
  readonly b: Expr;
}
export interface JunctionNode {
  readonly op: "and" | "or";
  readonly args: readonly BoolExpr[];
}
export interface NotNode {
  readonly op: "not";
  readonly a: BoolExpr;
}
export interface IteNode {
  readonly op: "ite";
  readonly cond: BoolExpr;
  readonly then: Expr;
  readonly else: Expr;
}
/** `forall`, `exists` (bool) and `count` (int: how many) over `param` in 0..count-1. `over` names the index set, or is null. */
export interface QuantifierNode {
  readonly op: "forall" | "exists" | "count";
  readonly param: string;
  readonly over: string | null;
  readonly size: number;
  readonly body: BoolExpr;
}

export type ExprNode =
  | ConstNode
  | VarNode
  | LocalNode
  | AtNode
  | SelfNode
  | ParamNode
  | ArithmeticNode
  | BitNotNode
  | ComparisonNode
  | JunctionNode
  | NotNode
  | IteNode
  | QuantifierNode;

/** An expression: a node and its sort. Build it with the functions of `expr.ts`. */
export type Expr = BoolExpr | IntExpr;
export type BoolExpr = ExprNode & { readonly sort: "bool" };
export type IntExpr = ExprNode & { readonly sort: "int" };
/** An expression that can stand on the left of an assignment. */
export type BoolRef = VarNode & { readonly sort: "bool" };
export type IntRef = VarNode & { readonly sort: "int" };

/** The effects of a step run in order; each sees what the earlier ones wrote; no other process runs in between. */
export type Effect =
  | { readonly kind: "set"; readonly name: string; readonly index: IntExpr | null; readonly value: Expr }
  | { readonly kind: "assert"; readonly name: string; readonly condition: BoolExpr }
  | {
      readonly kind: "if";
      readonly condition: BoolExpr;
      readonly then: readonly Effect[];
      readonly else: readonly Effect[];
    };

/** A result that marks a failed try-acquire; such steps fill the `busy` list. */
export const BUSY = "busy";

/**
 * What a step means to a person. No engine's exploration depends on it, except that `action` "acquire", `action` "release" and
 * `result` `BUSY` say who holds which resource, from which the `busy` list is made.
 */
export interface StepMeta {
  /** Who acts; null: the process instance's own name. */
  readonly actor?: string;
  readonly leaf?: string;
  /** "acquire", "release", "effect", "return", … */
  readonly action?: string;
  readonly resource?: string;
  /** The lock, where resources of several names are one and the same; default: the resource. Who holds it under one name is in the way of all. */
  readonly lock?: string;
  /** Which object of the resource's class, for instance a page number; evaluated before the step. */
  readonly object?: IntExpr;
  /** "SHARED", "EXCLUSIVE" or "NO_LOCK". */
  readonly mode?: string;
  /** "ok", `BUSY`, or a status name. */
  readonly result?: string;
  readonly status?: string;
  readonly note?: string;
  /** The simulator's cost of the step; default: by `action`. */
  readonly cost?: number;
  /** Counters that the simulator adds up, for instance `{ retries: 1 }`. */
  readonly counters?: Readonly<Record<string, number>>;
  /** A stretch that the simulator measures begins with this step, unless this instance is in it already: "removal". */
  readonly begins?: string;
  /** That stretch ends with this step, and how; no matter when the instance is not in it. `reports`: counters told per stretch. */
  readonly ends?: { readonly stretch: string; readonly as: string; readonly reports?: readonly string[] };
}

/** One alternative of a label. */
export interface Step {
  /** Nondeterministic choices: the step exists once for every combination of values. */
  readonly choose: readonly { readonly param: string; readonly over: string | null; readonly size: number }[];
  readonly guard: BoolExpr;
  readonly effects: readonly Effect[];
  readonly next: string;
  readonly meta: StepMeta;
}

/** That a process at a label holds a resource. Usually computed from the steps' metadata; stated only where that is not enough. */
export interface Hold {
  readonly resource: string;
  readonly object: IntExpr | null;
  readonly mode: string;
  readonly leaf: string | null;
  /** Null: always when at this label. */
  readonly when: BoolExpr | null;
}

export interface Label {
  readonly name: string;
  /** To stay here for ever is no deadlock. A label without steps must be idle. */
  readonly idle: boolean;
  readonly steps: readonly Step[];
  /** Null: computed from the metadata of the steps that lead here. */
  readonly holds: readonly Hold[] | null;
}

/** `count` instances that differ in their index only. */
export interface ProcessType {
  readonly name: string;
  readonly count: number;
  readonly locals: readonly Variable[];
  readonly start: string;
  readonly labels: readonly Label[];
}

/**
 * Weak: a process (or step set) that stays able to run runs. Strong: one that is able to run again and again runs again and again.
 */
export interface Fairness {
  readonly strength: "weak" | "strong";
  readonly process: string;
  /** Null: each instance on its own. */
  readonly instance: number | null;
  /** Only the steps of these labels; null: every step of the process. */
  readonly labels: readonly string[] | null;
}

export type Property =
  | { readonly kind: "always"; readonly name: string; readonly expr: BoolExpr }
  | { readonly kind: "sometimes"; readonly name: string; readonly expr: BoolExpr }
  /** Every fair run that meets `from` meets `to` then or later. `eventually` is `leads-to` from true. */
  | {
      readonly kind: "leads-to";
      readonly name: string;
      readonly from: BoolExpr;
      readonly to: BoolExpr;
      readonly fairness: readonly Fairness[];
    };

export interface Model {
  readonly name: string;
  readonly description: string;
  readonly scalarSets: readonly ScalarSet[];
  readonly variables: readonly Variable[];
  readonly processes: readonly ProcessType[];
  readonly properties: readonly Property[];
  /** Is a state in which nothing can run, and some process stands at a label that is not idle, a violation? */
  readonly deadlock: boolean;
}
