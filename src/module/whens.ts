/** Under which conditions a leaf's rows hold, in the leaf's terms. */

import {
  atomsOf,
  type Condition,
  Conditions,
  type Formula,
  isConst,
  joinedText,
  type Path,
  reworded,
  type ShortText,
  type Sym,
  textOf,
} from "../c/index.ts";
import type { BusyFact } from "./events.ts";
import type { LeafFinal, LeafRun } from "./leaf-run.ts";
import { replaced } from "./resources.ts";
import type { Held } from "./row-context.ts";

/** A test longer than this is shown as its own function writes it. */
export const MAX_CONDITION = 120;
/** A condition longer than this is shown without the checks that come before. */
const LONG_CONDITION = 2 * MAX_CONDITION;
const CHECKS_PASS = "(earlier checks pass)";
const CALL = /\w\(/;
/** A call that only leads to a structure. */
const ACCESSOR = /\b\w+\(\)->/g;
const TOO_MANY_CASES = "(one of too many cases to list)";

/** Under which conditions the rows of one leaf hold, in the leaf's terms. */
export class Whens {
  private readonly conditions: Conditions;
  private readonly held: readonly (readonly Held[])[];
  private readonly successes: readonly LeafFinal[];
  private readonly run: LeafRun;
  private readonly texts: readonly ShortText[];

  constructor(successes: readonly LeafFinal[], held: readonly (readonly Held[])[], run: LeafRun) {
    this.conditions = new Conditions(
      successes.map(({ state }) => state.path),
      (test) => this.text(test),
    );
    this.successes = successes;
    this.held = held;
    this.run = run;
    this.texts = run.names.shortTexts(true);
  }

  /** When a row's lock is taken; null when every successful way does. */
  ofRow(items: readonly Held[], ways: ReadonlySet<number>): string | null {
    // Ways that differ only in what they walk unlocked are one way.
    const isWalk = items.every((item) => item.mode === "NO_LOCK");
    if (ways.size === this.successes.length && !isWalk) return null;
    const condition = this.conditions.of(items.flatMap((item) => this.takings(item)));
    if (condition === null) return TOO_MANY_CASES;
    if (isConst(condition.formula, true)) return null;
    const text = this.text(condition.formula);
    return text.length <= LONG_CONDITION ? text : (this.withoutChecks(condition) ?? text);
  }

  /** In which of the cases that the leaf's own functions tell apart a status comes into being; null for all, or where that is long. */
  ofBusy(facts: readonly BusyFact[], cause: Formula): string | null {
    const { ownTests } = this.run;
    const causes = new Set(atomsOf(cause).map(({ key }) => key));
    const condition = this.conditions.of(
      facts.map((fact) => [fact.path]),
      (test) => ownTests.has(test.key) && !causes.has(test.key),
    );
    if (condition === null) return null;
    const isShort = (formula: Formula | null): formula is Formula =>
      formula !== null && !isConst(formula, true) && this.text(formula).length <= LONG_CONDITION;
    if (isShort(condition.formula)) return this.text(condition.formula);
    const formula = condition.shown((test) => !this.isCheck(test));
    return isShort(formula) ? this.text(formula) : null;
  }

  private takings(item: Held): (readonly Path[])[] {
    // The same acquisition may be another row on another way (a page's entry there, an ancestor here): then the way decides.
    const isAmbiguous = this.held.some((list) =>
      list.some((o) => o.event === item.event && (o.resource !== item.resource || o.mode !== item.mode)),
    );
    if (!isAmbiguous) return [[item.event.path]];
    return this.held.flatMap((list, way) =>
      list.includes(item) ? [[item.event.path, (this.successes[way] as LeafFinal).state.path]] : [],
    );
  }

  /** A long condition, without what functions check: the tests of inputs and fields say which case it is. */
  private withoutChecks({ formula, shown }: Condition): string | null {
    if (!atomsOf(formula).some((test) => this.isCheck(test))) return null;
    const rest = shown((test) => !this.isCheck(test));
    return rest === null || isConst(rest, true) ? null : joinedText("&&", [this.text(rest), CHECKS_PASS]);
  }

  private operandsInLeafTerms(operands: readonly Sym[], text: string): string {
    return operands.reduce((words, operand) => {
      const better = this.run.names.inOwnTerms(operand);
      return better === null ? words : replaced(words, operand.text, better);
    }, text);
  }

  private isCheck(test: Formula): boolean {
    return CALL.test(this.text(test).replace(ACCESSOR, ""));
  }

  /** A formula in the leaf's terms. */
  text(formula: Formula): string {
    let text = textOf(reworded(formula, ({ operands }, words) => this.operandsInLeafTerms(operands, words)));
    for (const [long, short] of this.texts) text = replaced(text, long, short);
    return text;
  }
}
