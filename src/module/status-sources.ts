/**
 * Which statuses each leaf can end with, and what each has in its low half: read from the syntax of the functions that it
 * reaches, statement by statement, with what is known of statuses and constants alone.
 *
 * Coarser than the interpreter of locks, and on the safe side: a way that no run can take may add a status, none takes one away.
 */
import type { FunctionInfo, Program } from "../c/index.ts";
import type { Leaf, StatusPart, StatusSource } from "../catalog/index.ts";
import type { DispatchTable } from "./leaves.ts";
import type { StatusRules } from "./status-rules.ts";
import { type Env, type Known, StatusTable, UNKNOWN } from "./status-values.ts";
import { type Reading, type Summary, Walk } from "./status-walk.ts";

/** A constructor that puts an operand into the low half, whatever was there. */
const PUTS_OPERAND = /\boperand\s*=[^=]/;

const NO_SUMMARY: Summary = { returned: UNKNOWN, left: new Map() };

/** Deeper calls of one another than any leaf makes. */
const MAX_DEPTH = 40;
/** Statements of one leaf, callees included. */
const MAX_STEPS = 400_000;
/** Places kept of a status that many functions make. */
const MAX_SITES = 3;

/** The statuses of a module's leaves. */
export interface LeafStatuses {
  readonly statuses: readonly StatusSource[];
  /** Positions in {@link statuses}, by the leaf's name. */
  readonly byLeaf: ReadonlyMap<string, readonly number[]>;
}

/** Reads the statuses of all leaves of a dispatch table. */
export function readStatuses(
  program: Program,
  rules: StatusRules,
  table: DispatchTable,
  entries: ReadonlySet<string>,
): LeafStatuses {
  const statuses = new StatusTable();
  const reader = new StatusReader(program, rules, statuses);
  const byLeaf = new Map<string, Set<number>>();
  const entering = program.reaching(entries);
  for (const leaf of table.leaves) {
    const dispatcher = table.dispatchers[leaf.side];
    const info = dispatcher === null ? null : program.resolve(dispatcher.function, dispatcher.file);
    const ends = info === null ? new Set<number>() : reader.leafEnds(info, BigInt(leaf.number));
    if (leaf.handler !== null && entering.has(leaf.handler.name)) {
      for (const id of reader.exits(leaf.side)) ends.add(id);
    }
    const turned = rules.turned.filter((t) => t.side === leaf.side);
    const all = byLeaf.get(leaf.name) ?? new Set<number>();
    for (const id of ends) all.add(statuses.turned(id, turned));
    byLeaf.set(leaf.name, all);
  }
  return statuses.finished(byLeaf, MAX_SITES);
}

/** Leaves with the positions of their statuses. */
export function withStatuses(leaves: readonly Leaf[], { byLeaf }: LeafStatuses): Leaf[] {
  return leaves.map((leaf) => {
    const statuses = byLeaf.get(leaf.name);
    return statuses === undefined ? leaf : { ...leaf, statuses };
  });
}

class StatusReader implements Reading {
  readonly program: Program;
  readonly rules: StatusRules;
  readonly table: StatusTable;
  readonly stack: FunctionInfo[] = [];
  leafNumber: bigint | null = null;
  private steps = 0;
  private readonly summaries = new Map<string, Summary>();
  private readonly types = new Map<FunctionInfo, ReadonlyMap<string, string>>();
  private readonly exitStatuses = new Map<string, Set<number>>();
  /** Functions that reach a place where a status is made: no other one is read. */
  private readonly making: ReadonlySet<string>;

  constructor(program: Program, rules: StatusRules, table: StatusTable) {
    this.program = program;
    this.rules = rules;
    this.table = table;
    this.making = program.reaching(makers(program, rules));
  }

  /** What the dispatcher leaves in the status register for one leaf. */
  leafEnds(dispatcher: FunctionInfo, leaf: bigint): Set<number> {
    this.leafNumber = leaf;
    this.steps = 0;
    const ast = this.program.ast(dispatcher);
    if (ast === null) return new Set();
    const walk = new Walk(this, dispatcher, ast, new Map());
    this.stack.push(dispatcher);
    walk.run();
    this.stack.pop();
    this.leafNumber = null;
    return walk.registered;
  }

  /** Statuses with which the TD, or an L2 VM, is left: what all calls of such functions in the tree pass. */
  exits(to: Leaf["side"]): ReadonlySet<number> {
    const known = this.exitStatuses.get(to);
    if (known !== undefined) return known;
    const found = new Set<number>();
    this.exitStatuses.set(to, found);
    const rule = this.rules.exits.filter((exit) => exit.to === to);
    for (const infos of this.program.functions.values()) {
      for (const info of infos) {
        if (![...info.calls].some((name) => rule.some((exit) => exit.function.test(name)))) continue;
        const ast = this.program.ast(info);
        if (ast === null) continue;
        const walk = new Walk(this, info, ast, new Map());
        walk.run((name, first) => {
          if (!rule.some((exit) => exit.function.test(name)) || first.kind !== "statuses") return;
          const { hasReason } = rule.find((exit) => exit.function.test(name)) ?? { hasReason: true };
          const part: StatusPart = { high: 31, low: 0, is: "exit-reason", value: null };
          for (const id of first.ids) found.add(this.table.with(id, { parts: hasReason ? [part] : [] }));
        });
      }
    }
    return found;
  }

  adds(name: string, fromFile: string): boolean {
    const info = this.program.resolve(name, fromFile);
    const body = info === null ? null : this.program.texts.get(info.file)?.slice(info.bodyStart, info.bodyEnd);
    return body != null && !PUTS_OPERAND.test(body);
  }

  summary(info: FunctionInfo, args: readonly Known[], pointed: readonly Known[]): Summary {
    if (!this.making.has(info.name)) return NO_SUMMARY;
    const key = `${info.file} ${info.name} ${args.map(keyOf).join(" ")} ${pointed.map(keyOf).join(" ")}`;
    const known = this.summaries.get(key);
    if (known !== undefined) return known;
    if (this.stack.includes(info) || this.stack.length > MAX_DEPTH) return NO_SUMMARY;
    const ast = this.program.ast(info);
    if (ast === null) return NO_SUMMARY;
    const env: Env = new Map();
    ast.parameters.forEach((name, i) => {
      const [value, behind] = [args[i] ?? UNKNOWN, pointed[i] ?? UNKNOWN];
      if (value.kind !== "unknown") env.set(name, value);
      if (behind.kind !== "unknown") env.set(`*${name}`, behind);
    });
    this.stack.push(info);
    const walk = new Walk(this, info, ast, env);
    walk.run();
    this.stack.pop();
    const left = new Map<number, Known>();
    ast.parameters.forEach((name, i) => {
      const value = walk.atEnd(`*${name}`);
      if (value !== undefined && value.kind === "statuses") left.set(i, value);
    });
    // What a function computes may come from an instruction that it is written around: only statuses are taken at their word.
    const summary = { returned: walk.returned.kind === "constant" ? UNKNOWN : walk.returned, left };
    this.summaries.set(key, summary);
    return summary;
  }

  step(): boolean {
    return ++this.steps <= MAX_STEPS;
  }

  isStatus(name: string): boolean {
    return isStatus(this.program, this.rules, name);
  }

  /** What the declarations of a function say its variables are. */
  typesOf(info: FunctionInfo): ReadonlyMap<string, string> {
    const known = this.types.get(info);
    if (known !== undefined) return known;
    const text = (this.program.texts.get(info.file) ?? "").slice(info.headStart, info.bodyEnd);
    const types = new Map<string, string>();
    for (const match of text.matchAll(/\b([A-Za-z_]\w{0,80})\s{1,40}\*{0,2}([A-Za-z_]\w{0,80})\s{0,8}(?=[=;,)[])/g)) {
      const [, type = "", name = ""] = match;
      if (!types.has(name)) types.set(name, type);
    }
    this.types.set(info, types);
    return types;
  }
}

/** Functions that name a status or call a constructor of one. */
function makers(program: Program, rules: StatusRules): Set<string> {
  const named = /\bTDX?_[A-Z0-9_]+\b/g;
  const found = new Set<string>();
  for (const [name, infos] of program.functions) {
    const makes = infos.some((info) => {
      if (Object.keys(rules.constructors).some((c) => info.calls.has(c))) return true;
      const body = (program.texts.get(info.file) ?? "").slice(info.bodyStart, info.bodyEnd);
      return [...body.matchAll(named)].some(([word]) => isStatus(program, rules, word));
    });
    if (makes) found.add(name);
  }
  return found;
}

function isStatus(program: Program, rules: StatusRules, name: string): boolean {
  if (!rules.status.test(name) || !(program.macros.has(name) || program.enumerators.has(name))) return false;
  const value = program.constant(name);
  return value !== null && (value === 0n || value >> 32n !== 0n);
}

const keys = new WeakMap<ReadonlySet<number>, string>();

function keyOf(value: Known): string {
  if (value.kind === "statuses") {
    const key = keys.get(value.ids) ?? `{${[...value.ids].sort((a, b) => a - b).join(",")}}`;
    keys.set(value.ids, key);
    return value.open ? `${key}+` : key;
  }
  if (value.kind === "constant") return `${value.value}:${value.is}:${value.open ? "+" : ""}`;
  if (value.kind === "low") return `low ${keyOf({ kind: "statuses", ids: value.of, open: false })}`;
  return value.kind === "is" ? value.is : "?";
}
