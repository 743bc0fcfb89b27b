/**
 * Calls that can lead to a SEAMCALL and that no way comes to: what is known of a TD's VM rules them out, or something was not understood
 * that should lead there. Nothing else would tell the second from the first.
 */

import type { Expr } from "../c/index.ts";
import type { Analysis } from "./analysis.ts";
import type { Code } from "./code.ts";

/** Of a function that was gone through: names of what it calls where no way comes to, in the order of its code. */
export interface Unmet {
  readonly code: Code;
  /** Of the first of these calls. */
  readonly line: number;
  readonly names: readonly string[];
}

/** All of them, once an analysis is done. */
export function unmetCalls(analysis: Analysis): Unmet[] {
  return [...analysis.met].flatMap(([code, met]) => {
    const calls = code.instructions.flatMap((instruction, at) => {
      if (instruction.op !== "call" || met.has(at)) return [];
      const name = leading(analysis, code, instruction.callee);
      return name === null ? [] : [{ name, line: instruction.line }];
    });
    const [first] = calls;
    return first === undefined ? [] : [{ code, line: first.line, names: [...new Set(calls.map(({ name }) => name))] }];
  });
}

/** The name of what is called, if a SEAMCALL can be reached from it; else null. */
function leading(analysis: Analysis, code: Code, callee: Expr): string | null {
  const { source, reach } = analysis;
  const { rules } = source;
  if (callee.kind === "name") {
    if (Object.hasOwn(rules.seamcalls.calls, callee.name)) return callee.name;
    const info = source.resolve(callee.name, code.file);
    return info !== null && reach.reachesSeamcall(info) ? callee.name : null;
  }
  if (callee.kind === "unary" || callee.kind === "cast") return leading(analysis, code, callee.operand);
  const member =
    callee.kind === "member"
      ? { tag: null, field: callee.field }
      : callee.kind === "call"
        ? source.memberCalled(callee)
        : null;
  if (member === null) return null;
  const tags = member.tag === null ? source.tagsWith(member.field) : [member.tag];
  const leads = tags.some((tag) => source.targets(tag, member.field).some((info) => reach.reachesSeamcall(info)));
  return leads ? member.field : null;
}
