/** Builders: write a Model as a program that declares variables, processes, steps and properties, and get plain data. */
import { SeamlockError } from "../errors.ts";
import {
  type BoolLike,
  bool,
  type IntLike,
  type Range,
  rangeName,
  rangeSize,
  self,
  set,
  toBool,
  toInt,
} from "./expr.ts";
import { canonicalParams } from "./params.ts";
import type {
  BoolExpr,
  BoolRef,
  Effect,
  Fairness,
  Hold,
  IntExpr,
  IntRef,
  Model,
  ProcessType,
  Property,
  ScalarSet,
  Step,
  StepMeta,
  Variable,
  VariableType,
} from "./types.ts";

/** The type of a boolean variable. */
export const boolType = { kind: "bool" } as const satisfies VariableType;
/** The type of an integer variable from `min` to `max`, both included. */
export const intType = (min: number, max: number) => ({ kind: "int", min, max }) as const;
/** The type of an unsigned field of `width` bits, at most 30. */
export const bitsType = (width: number) => ({ kind: "int", min: 0, max: 2 ** width - 1 }) as const;
/** The type of an index into `range`, a scalar set or process type; with `none`, the value `range.size` stands for "no index". */
export const indexType = (range: { readonly name: string }, none = false) =>
  ({ kind: "index", of: range.name, none }) as const;

type Ref<T extends VariableType> = T extends { kind: "bool" } ? BoolRef : IntRef;
type Init<T extends VariableType> = T extends { kind: "bool" } ? boolean : number | IntExpr;

/** An array variable; `at(i)` is an element, to read or to assign. */
export interface ArrayRef<T extends VariableType = VariableType> {
  readonly name: string;
  readonly size: number;
  at(index: IntLike): Ref<T>;
}
type Fields = Readonly<Record<string, VariableType>>;
/** A struct of fields: one reference per field. */
export type RecordRef<F extends Fields> = { readonly [K in keyof F]: Ref<F[K]> };
type RecordInit<F extends Fields> = { readonly [K in keyof F]?: Init<F[K]> };
export interface RecordArrayRef<F extends Fields> {
  readonly name: string;
  readonly size: number;
  at(index: IntLike): RecordRef<F>;
}

const ref = <T extends VariableType>(name: string, type: T, index: IntExpr | null): Ref<T> =>
  ({ op: "var", sort: type.kind === "bool" ? "bool" : "int", name, index }) as unknown as Ref<T>;

/** A literal initial value as the number that is stored. */
function initial(value: boolean | number | IntExpr): number {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "number") return value;
  if (value.op === "const") return value.value;
  throw new SeamlockError("SL4001", "an initial value must be a constant");
}
const defaultInit = (type: VariableType): number =>
  type.kind === "int" ? Math.max(type.min, Math.min(0, type.max)) : 0;

/** Declares variables of one scope: the model's globals or a process type's locals. */
class Scope {
  readonly variables: Variable[] = [];

  /** Declare a variable. Default initial value: false, 0 (or the bound next to it), or the enum's first value. */
  variable<const T extends VariableType>(name: string, type: T, init?: Init<T>): Ref<T> {
    const start = init === undefined ? defaultInit(type) : initial(init);
    this.variables.push({ name, type, size: null, by: null, init: start });
    return ref(name, type, null);
  }

  /** Declare an array over a plain size, a scalar set or a process type. `init`: one value for all, or one per element. */
  array<const T extends VariableType>(
    name: string,
    type: T,
    range: Range,
    init?: Init<T> | readonly Init<T>[],
  ): ArrayRef<T> {
    const size = rangeSize(range);
    const start = Array.isArray(init)
      ? init.map((value: Init<T>) => initial(value))
      : init === undefined
        ? defaultInit(type)
        : initial(init as Init<T>);
    this.variables.push({ name, type, size, by: rangeName(range), init: start });
    return { name, size, at: (index) => ref(name, type, toInt(index)) };
  }

  /** Declare a struct: one variable `name.field` per field. */
  record<const F extends Fields>(name: string, fields: F, init: RecordInit<F> = {}): RecordRef<F> {
    const entries = Object.entries(fields).map(([field, type]) => [
      field,
      this.variable(`${name}.${field}`, type, init[field] as never),
    ]);
    return Object.fromEntries(entries) as RecordRef<F>;
  }

  /** Declare an array of structs: one array `name.field` per field. */
  recordArray<const F extends Fields>(
    name: string,
    fields: F,
    range: Range,
    init: RecordInit<F> = {},
  ): RecordArrayRef<F> {
    const arrays = Object.entries(fields).map(
      ([field, type]) => [field, this.array(`${name}.${field}`, type, range, init[field] as never)] as const,
    );
    const element = (index: IntLike) => Object.fromEntries(arrays.map(([field, array]) => [field, array.at(index)]));
    return { name, size: rangeSize(range), at: (index) => element(index) as RecordRef<F> };
  }

  /** Say that a variable, or every element of an array, is the host-priority bit of a resource. */
  hostPriority(resource: string, { name }: { readonly name: string }): void {
    const at = this.variables.findIndex((variable) => variable.name === name);
    const variable = this.variables[at];
    if (variable === undefined) throw new Error(`there is no variable ${name} here`);
    this.variables[at] = { ...variable, hostPriorityOf: resource };
  }
}

/** Assign every field of one struct from another of the same fields: a whole-word copy. */
export function copyRecord<F extends Fields>(to: RecordRef<F>, from: RecordRef<F>): Effect[] {
  return Object.keys(to).map((field) => set(to[field] as IntRef, from[field] as IntRef));
}

/** What a step consists of. */
export interface StepSpec {
  /** Default: always able to run. */
  readonly when?: BoolLike;
  readonly do?: readonly Effect[];
  readonly next: string;
  readonly meta?: StepMeta;
}

/** Declares one process type. It is an index range itself: arrays can be declared over it. */
export class ProcessBuilder extends Scope {
  readonly name: string;
  readonly size: number;
  readonly #labels = new Map<string, { name: string; idle: boolean; steps: Step[]; holds: readonly Hold[] | null }>();
  #start: string | null = null;

  constructor(name: string, count: number) {
    super();
    this.name = name;
    this.size = count;
  }

  #label(name: string) {
    let label = this.#labels.get(name);
    if (label === undefined) {
      label = { name, idle: false, steps: [], holds: null };
      this.#labels.set(name, label);
    }
    return label;
  }

  /** The label at which every instance starts; default: the first one mentioned. */
  start(label: string): this {
    this.#start = label;
    return this;
  }

  /** Add an alternative to a label; the first call for a label creates it. */
  step(label: string, spec: StepSpec): this {
    this.#add(label, [], spec);
    return this;
  }

  /** Add an alternative for every combination of the chosen values. */
  choose<const K extends string>(
    label: string,
    choices: Readonly<Record<K, Range>>,
    spec: (chosen: Readonly<Record<K, IntExpr>>) => StepSpec,
  ): this {
    const names = Object.keys(choices) as K[];
    const chosen = Object.fromEntries(
      names.map((name) => [name, { op: "param", sort: "int", name }]),
    ) as unknown as Record<K, IntExpr>;
    const choose = names.map((name) => ({
      param: name,
      over: rangeName(choices[name]),
      size: rangeSize(choices[name]),
    }));
    this.#add(label, choose, spec(chosen));
    return this;
  }

  #add(label: string, choose: Step["choose"], spec: StepSpec): void {
    this.#label(label).steps.push({
      choose,
      guard: toBool(spec.when ?? true),
      effects: spec.do ?? [],
      next: spec.next,
      meta: spec.meta ?? {},
    });
  }

  /** Declare that staying at these labels for ever is no deadlock; a label without steps must be declared so. */
  idle(...labels: string[]): this {
    for (const label of labels) this.#label(label).idle = true;
    return this;
  }

  /** State what a process at `label` holds, where the steps' metadata do not determine it. */
  holds(
    label: string,
    ...holds: { resource: string; object?: IntLike; mode: string; leaf?: string; when?: BoolLike }[]
  ): this {
    this.#label(label).holds = holds.map((hold) => ({
      resource: hold.resource,
      object: hold.object === undefined ? null : toInt(hold.object),
      mode: hold.mode,
      leaf: hold.leaf ?? null,
      when: hold.when === undefined ? null : toBool(hold.when),
    }));
    return this;
  }

  /** Is an instance at one of these labels? For properties, and for guards that look at another process. */
  at(instance: IntLike, ...labels: string[]): BoolExpr {
    return { op: "at", sort: "bool", process: this.name, instance: toInt(instance), labels };
  }

  /** An instance's local variable, for properties. */
  local<R extends IntRef | BoolRef>(instance: IntLike, variable: R): R["sort"] extends "bool" ? BoolExpr : IntExpr {
    return {
      op: "local",
      sort: variable.sort,
      process: this.name,
      instance: toInt(instance),
      name: variable.name,
      index: variable.index,
    } as never;
  }

  /** The index of the instance that runs. */
  get self(): IntExpr {
    return self;
  }

  /** The plain data. */
  build(): ProcessType {
    const labels = [...this.#labels.values()];
    return {
      name: this.name,
      count: this.size,
      locals: this.variables,
      start: this.#start ?? labels[0]?.name ?? "",
      labels,
    };
  }
}

/** Declares a model. */
export class ModelBuilder extends Scope {
  readonly #name: string;
  readonly #description: string;
  readonly #sets: ScalarSet[] = [];
  readonly #processes: ProcessBuilder[] = [];
  readonly #properties: Property[] = [];
  #deadlock = true;

  constructor(name: string, description = "") {
    super();
    this.#name = name;
    this.#description = description;
  }

  /** A set of interchangeable indices 0..size-1, such as pages. */
  scalarSet(name: string, size: number): ScalarSet {
    const set = { name, size };
    this.#sets.push(set);
    return set;
  }

  /** A process type with `count` instances. */
  process(name: string, count = 1): ProcessBuilder {
    const process = new ProcessBuilder(name, count);
    this.#processes.push(process);
    return process;
  }

  /** `expr` holds in every reachable state. */
  always(name: string, expr: BoolLike): this {
    this.#properties.push({ kind: "always", name, expr: toBool(expr) });
    return this;
  }

  /** Some reachable state satisfies `expr`; if none does, the run is reported as vacuous there. */
  sometimes(name: string, expr: BoolLike): this {
    this.#properties.push({ kind: "sometimes", name, expr: toBool(expr) });
    return this;
  }

  /** Every fair run meets `expr`. */
  eventually(name: string, expr: BoolLike, fairness: readonly Fairness[] = []): this {
    return this.leadsTo(name, bool(true), expr, fairness);
  }

  /** In every fair run, a state that satisfies `from` is or is followed by one that satisfies `to`. */
  leadsTo(name: string, from: BoolLike, to: BoolLike, fairness: readonly Fairness[] = []): this {
    this.#properties.push({ kind: "leads-to", name, from: toBool(from), to: toBool(to), fairness });
    return this;
  }

  /** Do not report deadlocks. */
  allowDeadlock(): this {
    this.#deadlock = false;
    return this;
  }

  /** The plain data, not yet validated. */
  build(): Model {
    return canonicalParams({
      name: this.#name,
      description: this.#description,
      scalarSets: this.#sets,
      variables: this.variables,
      processes: this.#processes.map((process) => process.build()),
      properties: this.#properties,
      deadlock: this.#deadlock,
    });
  }
}

/** Start a model: `const m = model("peterson")`. */
export const model = (name: string, description?: string): ModelBuilder => new ModelBuilder(name, description);

interface FairnessOptions {
  readonly instance?: number;
  readonly labels?: readonly string[];
}
const fairness =
  (strength: "weak" | "strong") =>
  (process: { readonly name: string }, options: FairnessOptions = {}): Fairness => ({
    strength,
    process: process.name,
    instance: options.instance ?? null,
    labels: options.labels ?? null,
  });
/** Who stays able to run, runs. */
export const weakFair = fairness("weak");
/** Who is able to run again and again, runs again and again. */
export const strongFair = fairness("strong");
