/** Makes a program smaller as long as it shows the same: statement by statement and expression by expression. */

import { type Case, type Expr, type Func, num, type Program, type Stmt } from "./random-program.ts";

/** The smallest program found that still shows it. */
export async function shrunk(program: Program, shows: (smaller: Program) => Promise<boolean>): Promise<Program> {
  let best = program;
  // What was tried in vain is tried again only at the end.
  for (let tried = 0, since = 0; ; ) {
    let at = 0;
    let isSmaller = false;
    for (const candidate of smallerPrograms(best)) {
      if (at++ < tried || !(await shows(candidate))) continue;
      best = candidate;
      isSmaller = true;
      break;
    }
    if (isSmaller) since++;
    else if (since === 0) return best;
    else since = 0;
    tried = isSmaller ? at - 1 : 0;
  }
}

function* smallerPrograms({ helpers, leaves }: Program): Generator<Program> {
  if (leaves.length > 1) for (const leaf of leaves) yield { helpers, leaves: [leaf] };
  for (const i of helpers.keys()) yield { helpers: helpers.toSpliced(i, 1), leaves };
  for (const [i, leaf] of leaves.entries())
    for (const body of smallerBodies(leaf.body)) yield { helpers, leaves: leaves.with(i, { ...leaf, body }) };
  for (const [i, helper] of helpers.entries())
    for (const body of smallerBodies(helper.body))
      yield { helpers: helpers.with(i, { ...helper, body } as Func), leaves };
}

function* smallerBodies(body: readonly Stmt[]): Generator<readonly Stmt[]> {
  for (let size = body.length >> 1; size > 1; size >>= 1)
    for (let at = 0; at + size <= body.length; at += size) yield body.toSpliced(at, size);
  for (const [i, s] of body.entries()) {
    yield body.toSpliced(i, 1);
    for (const inner of insideOf(s)) yield body.toSpliced(i, 1, ...inner);
    for (const smaller of smallerStatements(s)) yield body.with(i, smaller);
  }
}

/** What stands inside a statement, in its place. */
function insideOf(s: Stmt): readonly (readonly Stmt[])[] {
  if (s.k === "if") return s.no === null ? [s.yes] : [s.yes, s.no];
  if (s.k === "loop") return [s.body];
  if (s.k === "switch") return s.cases.map(({ body }) => body.filter(({ k }) => k !== "break"));
  return [];
}

function* smallerStatements(s: Stmt): Generator<Stmt> {
  switch (s.k) {
    case "if":
      if (s.no !== null) yield { ...s, no: null };
      for (const yes of smallerBodies(s.yes)) yield { ...s, yes };
      if (s.no !== null) for (const no of smallerBodies(s.no)) yield { ...s, no };
      for (const c of smallerExpressions(s.c)) yield { ...s, c };
      return;
    case "switch":
      for (const i of s.cases.keys()) yield { ...s, cases: s.cases.toSpliced(i, 1) };
      for (const [i, c] of s.cases.entries())
        for (const body of smallerBodies(c.body)) yield { ...s, cases: s.cases.with(i, { ...c, body } as Case) };
      for (const on of smallerExpressions(s.on)) yield { ...s, on };
      return;
    case "loop":
      for (const body of smallerBodies(s.body)) yield { ...s, body };
      for (const test of smallerExpressions(s.test)) yield { ...s, test };
      return;
    case "do":
      for (const e of smallerExpressions(s.e)) yield { ...s, e };
      return;
    case "declare":
      if (s.init !== null) for (const init of smallerExpressions(s.init)) yield { ...s, init };
      return;
    case "return":
      if (s.e !== null) for (const e of smallerExpressions(s.e)) yield { ...s, e };
  }
}

function* smallerExpressions(e: Expr): Generator<Expr> {
  switch (e.k) {
    case "ite":
      yield e.a;
      yield e.b;
      for (const c of smallerExpressions(e.c)) yield { ...e, c };
      return;
    case "not":
      yield e.of;
      for (const of of smallerExpressions(e.of)) yield { ...e, of };
      return;
    case "bin":
      if (e.op === "&&" || e.op === "||" || e.op === "&" || e.op === "+") {
        yield e.a;
        yield e.b;
      }
      for (const a of smallerExpressions(e.a)) yield { ...e, a };
      for (const b of smallerExpressions(e.b)) yield { ...e, b };
      return;
    case "set":
      for (const from of smallerExpressions(e.from)) yield { ...e, from };
      return;
    case "call":
      if (e.fn.startsWith("api_error") && e.args[0]) yield e.args[0];
      if (e.fn.startsWith("is_")) yield num(1);
      for (const [i, arg] of e.args.entries())
        for (const smaller of smallerExpressions(arg)) yield { ...e, args: e.args.with(i, smaller) };
      return;
    case "num":
      if (e.name === undefined && e.value > 1n) yield num(1);
  }
}
