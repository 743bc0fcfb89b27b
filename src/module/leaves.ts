/**
 * Which leaf numbers the module dispatches, and to which handler: read from the dispatchers' switches.
 */

import {
  type Expr,
  type FunctionInfo,
  LIMITS,
  num,
  type Program,
  type Stmt,
  statementsIn,
  type Value,
} from "../c/index.ts";
import type { Side, Site } from "../catalog/index.ts";
import type { ExtractionRules } from "./rules.ts";

/** One case of a dispatcher. */
export interface DispatchedLeaf {
  /** Lower case, from the case label: `TDH_MEM_TRACK_LEAF` → `tdh_mem_track`. */
  readonly name: string;
  readonly number: number;
  readonly side: Side;
  /** Null when the case handles the leaf itself, without calling a function of the tree. */
  readonly handler: FunctionInfo | null;
  /** Constants that the dispatcher passes; null where the argument is the caller's. */
  readonly args: readonly (Value | null)[];
  /** Position of the argument that is the leaf's version; null when the handler does not get it. */
  readonly versionArgument: number | null;
  /** True when the dispatcher lets versions above 0 through. */
  readonly versioned: boolean;
  readonly site: Site;
}

export interface DispatchTable {
  readonly leaves: readonly DispatchedLeaf[];
  /** Case labels without a number or a handler. */
  readonly unresolved: readonly { readonly label: string; readonly site: Site; readonly reason: string }[];
  /** Dispatcher functions found, by side. */
  readonly dispatchers: Readonly<Record<Side, Site | null>>;
}

/** The largest number that fits the field of RAX in which a leaf's number stands, 16 bits (tdx_api_defs.h, tdx_leaf_and_version_t). */
const MAX_NUMBER = 0xffffn;

/** Reads the dispatchers of a tree. */
export function readDispatchers(program: Program, rules: ExtractionRules): DispatchTable {
  const leaves: DispatchedLeaf[] = [];
  const unresolved: { label: string; site: Site; reason: string }[] = [];
  const dispatchers: Record<Side, Site | null> = { host: null, guest: null };
  for (const rule of rules.dispatchers) {
    for (const [name, infos] of program.functions) {
      if (!rule.function.test(name)) continue;
      for (const info of infos) {
        const ast = program.ast(info);
        if (!ast) continue;
        const versioned = new Set<string>();
        for (const found of switches(ast.body)) {
          const labels = found.cases.flatMap((c) =>
            c.value?.kind === "name" && rule.caseLabel.test(c.value.name) ? [c.value.name] : [],
          );
          if (labels.length === 0) continue;
          const calls = found.cases.some((c) => c.value !== null && firstCall(c.body, program) !== null);
          if (!calls) {
            for (const label of labels) versioned.add(label);
            continue;
          }
          dispatchers[rule.side] = { file: info.file, line: ast.line, function: name };
          readCases(found, rule, info, versioned);
        }
      }
    }
  }
  return { leaves, unresolved, dispatchers };

  function readCases(
    found: Extract<Stmt, { kind: "switch" }>,
    rule: ExtractionRules["dispatchers"][number],
    info: FunctionInfo,
    versioned: ReadonlySet<string>,
  ): void {
    let shared: { label: string; line: number }[] = [];
    for (const c of found.cases) {
      if (c.value?.kind !== "name" || !rule.caseLabel.test(c.value.name)) {
        shared = [];
        continue;
      }
      shared.push({ label: c.value.name, line: c.line });
      if (c.body.length === 0) continue;
      for (const { label, line } of shared) {
        const site = { file: info.file, line, function: info.name };
        const number = program.constant(label);
        if (number === null) {
          unresolved.push({ label, site, reason: "its number is not a constant" });
          continue;
        }
        if (number < 0n || number > MAX_NUMBER) {
          unresolved.push({ label, site, reason: `its number ${number} is none of a leaf, from 0 to ${MAX_NUMBER}` });
          continue;
        }
        const leafName = label.toLowerCase().replace(/_leaf$/, "");
        const twin = leaves.find(({ name, side }) => name === leafName && side === rule.side);
        if (twin) {
          unresolved.push({ label, site, reason: `it stands twice, before at ${twin.site.file}:${twin.site.line}` });
          continue;
        }
        if (leaves.length >= LIMITS.leaves) {
          unresolved.push({ label, site, reason: `it comes after ${LIMITS.leaves} other leaves` });
          continue;
        }
        const call = firstCall(c.body, program);
        const missing = call ? null : missingHandler(c.body, program, rules);
        if (missing !== null)
          unresolved.push({ label, site, reason: `its handler ${missing} is not defined in the tree` });
        const args = call?.args ?? [];
        const version = args.findIndex((a) => a.kind === "member" && a.field === "version");
        leaves.push({
          name: leafName,
          number: Number(number),
          side: rule.side,
          handler: call ? program.resolve(call.callee, info.file) : null,
          args: args.map((a) => constantArgument(a, program)),
          versionArgument: version >= 0 ? version : null,
          versioned: versioned.has(label),
          site,
        });
      }
      shared = [];
    }
  }
}

function constantArgument(e: Expr, program: Program): Value | null {
  if (e.kind === "name" && (e.name === "true" || e.name === "false")) return num(e.name === "true" ? 1 : 0, e.name);
  const value = program.evaluate(e);
  return value === null ? null : num(value);
}

const switches = (statements: readonly Stmt[]): Extract<Stmt, { kind: "switch" }>[] =>
  statements.flatMap((s) => [...statementsIn(s)].filter((inner) => inner.kind === "switch"));

/** A function that a case calls for the leaf's status, without the tree defining it. */
function missingHandler(statements: readonly Stmt[], program: Program, rules: ExtractionRules): string | null {
  for (const s of statements) {
    if (s.kind === "block") {
      const inner = missingHandler(s.body, program, rules);
      if (inner !== null) return inner;
    }
    if (s.kind !== "expression" || s.expr.kind !== "assign" || s.expr.right.kind !== "call") continue;
    const { callee } = s.expr.right;
    if (callee.kind !== "name" || program.macros.has(callee.name)) continue;
    if (!Object.hasOwn(rules.statusChanges, callee.name)) return callee.name;
  }
  return null;
}

interface Call {
  readonly callee: string;
  readonly args: readonly Expr[];
}

/** The call that a case makes to its handler: the last one whose result is a status, else the last of the tree's functions. */
function firstCall(statements: readonly Stmt[], program: Program): Call | null {
  let assigned: Call | null = null;
  let plain: Call | null = null;
  const visit = (e: Expr): void => {
    if (e.kind === "assign") assigned ??= callIn(e.right, program);
    else plain ??= callIn(e, program);
  };
  const walk = (s: Stmt): void => {
    if (s.kind === "expression") visit(s.expr);
    else if (s.kind === "block") s.body.forEach(walk);
    else if (s.kind === "if") {
      walk(s.yes);
      if (s.no) walk(s.no);
    }
  };
  statements.forEach(walk);
  return assigned ?? plain;
}

/** The call of a function of the tree that an expression is, whichever macros stand for it. */
function callIn(e: Expr, program: Program, macros = 0): Call | null {
  if (e.kind !== "call" || e.callee.kind !== "name") return null;
  if (program.functions.has(e.callee.name)) return { callee: e.callee.name, args: e.args };
  const value = macros < LIMITS.macroDepth ? program.macroCall(e) : null;
  return value && callIn(value, program, macros + 1);
}
