/** Page types: which types of PAMT entries a path finds, and which it sets. */

import {
  type AbstractState,
  Domain,
  type Location,
  type LoopAdvice,
  type LoopStmt,
  type Lvalue,
  type Stmt,
  statementsIn,
  type Value,
} from "../c/index.ts";
import type { TypeFact } from "./events.ts";
import { type Knowledge, PAGE_TYPE } from "./knowledge.ts";

export class PageDomain extends Domain<readonly TypeFact[]> {
  private readonly knowledge: Knowledge;

  constructor(knowledge: Knowledge) {
    super();
    this.knowledge = knowledge;
  }

  initial(): readonly TypeFact[] {
    return [];
  }

  /** What was found on every path here, and what was set on some path here. */
  merge(a: readonly TypeFact[], b: readonly TypeFact[]): readonly TypeFact[] {
    if (a === b) return a;
    const isIn = (fact: TypeFact, list: readonly TypeFact[]) => list.some((other) => isSame(other, fact));
    const fromA = a.filter((fact) => fact.how === "assign" || isIn(fact, b));
    return [...fromA, ...b.filter((fact) => fact.how === "assign" && !isIn(fact, fromA))];
  }

  override decided(at: Location, value: Value, state: AbstractState): void {
    const object = typedObject(at);
    if (object !== null && value.t === "num" && value.name !== null)
      this.add(state, { object, type: value.name, how: "assume", evidence: [] });
  }

  override wrote({ at }: Lvalue, value: Value, state: AbstractState): void {
    const object = typedObject(at);
    const type = object !== null && value.t === "num" ? this.knowledge.pageType(value.v, value.name) : null;
    if (object !== null && type !== null)
      this.add(state, { object, type, how: "assign", evidence: this.engine.here() });
  }

  private add(state: AbstractState, fact: TypeFact): void {
    this.remember(state, [...this.of(state), fact]);
  }

  /** A loop that starts with the thing 0 and sets page types: the thing 0 may differ from the others. */
  override loop(s: LoopStmt, test: string): LoopAdvice | null {
    const isOfLikeThings = this.knowledge.rules.multiplicities.some((rule) => rule.test.test(test));
    return isOfLikeThings && setsPageType(s.body) ? { oneMore: true } : null;
  }
}

/** The PAMT entry whose page type a location is; null when the location is no page type. */
function typedObject({ step, parent }: Location): Location | null {
  return step?.kind === "field" && step.name === PAGE_TYPE ? parent : null;
}

const isSame = (a: TypeFact, b: TypeFact): boolean => a.object === b.object && a.type === b.type && a.how === b.how;

function setsPageType(body: Stmt): boolean {
  for (const s of statementsIn(body)) {
    const e = s.kind === "expression" ? s.expr : null;
    if (e?.kind === "assign" && e.left.kind === "member" && e.left.field === PAGE_TYPE) return true;
  }
  return false;
}
