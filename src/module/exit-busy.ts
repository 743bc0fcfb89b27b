/** BUSY-class statuses with which TDH.VP.ENTER ends because of what the guest asked for: the TDCALL dispatcher leaves the TD. */

import {
  calleeOf,
  type Expr,
  expressionsOf,
  joinedText,
  type Program,
  type Stmt,
  sourceText,
  statementsOf,
  unaryText,
  within,
} from "../c/index.ts";
import { type Condition, formatStatus, type OtherBusy, type Term } from "../catalog/index.ts";
import { allOf } from "./condition-tree.ts";
import type { ExtractionRules } from "./rules.ts";
import type { StatusRules } from "./status-rules.ts";
import type { Tables } from "./tables.ts";

/** A test around a statement, and on which side of it the statement stands. */
interface Around {
  readonly test: Expr;
  readonly side: boolean;
}

/** Calls that leave the TD for the host with a constant status of BUSY class; `when` is what stands around the call. */
export function exitBusy(program: Program, rules: ExtractionRules, statuses: StatusRules, tables: Tables): OtherBusy[] {
  const exits = statuses.exits.filter(({ to }) => to === "host");
  const isExit = (name: string | null) => name !== null && exits.some((exit) => exit.function.test(name));
  const found: OtherBusy[] = [];
  for (const infos of program.functions.values()) {
    for (const info of infos) {
      if (![...info.calls].some(isExit)) continue;
      for (const { call, around } of callsIn(program.ast(info)?.body ?? [], isExit)) {
        const [status] = call.args;
        const value =
          status?.kind === "name" && rules.busyStatuses.test(status.name) ? program.constant(status.name) : null;
        const name = value === null ? null : tables.statusName(value);
        if (value === null || name === null) continue;
        const evidence = [{ file: info.file, line: call.line, function: info.name }];
        const when = joinedText("&&", around.map(textOf));
        found.push({
          status: formatStatus(value),
          name,
          object: objectOf(around.at(-1)),
          operand: null,
          when: when || null,
          condition: allOf(around.map((one) => treeOf(one, program))),
          evidence,
        });
      }
    }
  }
  return found;
}

type CallExpr = Extract<Expr, { kind: "call" }>;

function* callsIn(
  body: readonly Stmt[],
  isWanted: (name: string | null) => boolean,
  around: readonly Around[] = [],
): Generator<{ readonly call: CallExpr; readonly around: readonly Around[] }> {
  for (const s of body) {
    for (const e of expressionsOf(s).flatMap((whole) => [...within(whole)]))
      if (e.kind === "call" && isWanted(calleeOf(e))) yield { call: e, around };
    if (s.kind === "if") {
      yield* callsIn([s.yes], isWanted, [...around, { test: s.test, side: true }]);
      if (s.no !== null) yield* callsIn([s.no], isWanted, [...around, { test: s.test, side: false }]);
    } else yield* callsIn(statementsOf(s), isWanted, around);
  }
}

function textOf({ test, side }: Around): string {
  if (side) return sourceText(test);
  return test.kind === "unary" && test.op === "!" ? sourceText(test.operand) : unaryText("!", sourceText(test));
}

const COMPARISONS = { "==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">" } as const;
const isComparison = (op: string): op is keyof typeof COMPARISONS => Object.hasOwn(COMPARISONS, op);

function treeOf({ test, side }: Around, program: Program): Condition {
  if (test.kind === "unary" && test.op === "!") return treeOf({ test: test.operand, side: !side }, program);
  if (test.kind !== "binary" || !isComparison(test.op))
    return { is: side ? "set" : "clear", left: termOf(test, program) };
  const { op, left, right } = test;
  return { is: side ? op : COMPARISONS[op], left: termOf(left, program), right: termOf(right, program) };
}

function termOf(e: Expr, program: Program): Term {
  const text = sourceText(e);
  const value = program.evaluate(e);
  if (value !== null) return { kind: "constant", name: e.kind === "name" ? e.name : null, value: value.toString() };
  const path = pathOf(e);
  return path === null ? { kind: "computed", text } : { kind: "memory", path, text };
}

/** A variable, or what a pointer points to, and the members from there. */
function pathOf(e: Expr): readonly string[] | null {
  if (e.kind === "name") return [e.name];
  if (e.kind !== "member") return null;
  if (e.arrow) return ["*", e.field];
  const object = pathOf(e.object);
  return object === null ? null : [...object, e.field];
}

/** The first field that the last test looks at. */
function objectOf(last: Around | undefined): string {
  const field = last && [...within(last.test)].find((e) => e.kind === "member");
  return field === undefined ? "" : sourceText(field);
}
