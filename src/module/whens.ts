/** Under which conditions a leaf's rows hold, in the leaf's terms. */

import {
  and,
  atomsOf,
  Conditions,
  type Distinction,
  type Formula,
  type Guard,
  isConst,
  joinedText,
  type Path,
  pointeeText,
  reworded,
  type ShortText,
  type Test,
  textOf,
  type Value,
  valueText,
} from "../c/index.ts";
import type { Condition } from "../catalog/index.ts";
import { allOf, conditionTree } from "./condition-tree.ts";
import type { BusyFact } from "./events.ts";
import type { LeafFinal, LeafRun } from "./leaf-run.ts";
import { replaced } from "./resources.ts";
import type { HeldLock } from "./row-context.ts";

/** A test longer than this is shown as its own function writes it. */
export const MAX_CONDITION = 120;
/** A condition longer than this is shown without the checks that come before. */
const LONG_CONDITION = 2 * MAX_CONDITION;
const CHECKS_PASS = "(earlier checks pass)";
const CALL = /\w\(/;
/** A call that only leads to a structure. */
const ACCESSOR = /\b\w+\(\)->/g;
const TOO_MANY_CASES = "(one of too many cases to list)";
/** Calls that differ in nothing that they test: in which round of a loop they find a lock busy, say. */
const UNTESTED = "(some calls, which no test tells apart from those that go on)";

/** What a test compares. */
const comparedIn = ({ formula }: Guard): readonly Value[] =>
  atomsOf(formula).flatMap(({ left, right }) => (right === null ? [left] : [left, right]));

/** The address that an operation is given, among what it comes from. */
const addressIn = (values: readonly Value[]): Extract<Value, { t: "ref" }> | undefined =>
  values.flatMap(withSources).find((value) => value.t === "ref");

/** A condition for people and for programs; both null for one that always holds. */
export interface When {
  readonly when: string | null;
  readonly condition: Condition | null;
}

const ALWAYS: When = { when: null, condition: null };
const UNLISTED = { when: TOO_MANY_CASES, condition: { is: "unlisted" } } as const;

/** Under which conditions the rows of one leaf hold, in the leaf's terms. */
export class Whens {
  private readonly conditions: Conditions;
  private readonly held: readonly (readonly HeldLock[])[];
  private readonly successes: readonly LeafFinal[];
  private readonly run: LeafRun;
  private readonly texts: readonly ShortText[];
  private readonly worded = new WeakMap<Formula, string>();

  constructor(successes: readonly LeafFinal[], held: readonly (readonly HeldLock[])[], run: LeafRun) {
    this.conditions = new Conditions(
      successes.map(({ state }) => state.path),
      (test) => this.text(test),
    );
    this.successes = successes;
    this.held = held;
    this.run = run;
    this.texts = run.names.shortTexts(true);
  }

  /** When a row's lock is taken. */
  ofRow(items: readonly HeldLock[], ways: ReadonlySet<number>): When {
    // Ways that differ only in what they walk unlocked are one way.
    const isWalk = items.every((item) => item.mode === "NO_LOCK");
    if (ways.size === this.successes.length && !isWalk) return ALWAYS;
    const told = this.conditions.of(items.flatMap((item) => this.takings(item)));
    if (told === null) return UNLISTED;
    if (isConst(told.formula, true)) return ALWAYS;
    const whole = this.both(told.formula);
    return whole.when.length <= LONG_CONDITION ? whole : (this.withoutChecks(told) ?? whole);
  }

  /** When a call whose try for a lock fails ends there, where others go on. */
  ofEnd(ended: readonly LeafFinal[], wentOn: readonly LeafFinal[]): string {
    const conditions = new Conditions(
      [...ended, ...wentOn].map(({ state }) => state.path),
      (test) => this.text(test),
    );
    const condition = conditions.of(ended.map(({ state }) => [state.path]));
    if (condition === null) return TOO_MANY_CASES;
    if (isConst(condition.formula, true)) return UNTESTED;
    const text = this.text(condition.formula);
    return text.length > LONG_CONDITION ? TOO_MANY_CASES : text;
  }

  /**
   * When a status comes into being that tells of something busy.
   *
   * @param facts all that tell of it at this place
   * @param cause the tests that led there
   */
  ofBusy(facts: readonly BusyFact[], cause: readonly Guard[]): When {
    const whole = and(...cause.map(({ formula }) => formula));
    const own = this.both(whole);
    const text = joinedText(
      "&&",
      cause.map((guard) => this.causeText(guard)),
    );
    const before = this.cases(facts, whole);
    if (before === null) return { when: text, condition: own.condition };
    return {
      when: joinedText("&&", [this.text(before), text]),
      condition: allOf([this.both(before).condition, own.condition]),
    };
  }

  /** A test in the leaf's terms, or as its own function writes it where that is long. */
  causeText({ formula, written }: Guard): string {
    const text = this.text(formula);
    return text.length > MAX_CONDITION && written !== null ? written.text : text;
  }

  /**
   * What a test looks at: what an operation is given the address of, such as a counter or a lock; else what is read; else the function
   * whose answer is tested; else all of the test.
   */
  testedIn(guard: Guard): string {
    const values = comparedIn(guard);
    const address = addressIn(values);
    if (address !== undefined) return pointeeText(this.valueText(address));
    const read = values
      .flatMap(withOperands)
      .find((value) => value.t === "sym" && value.origin?.how !== "call" && value.location !== null);
    if (read !== undefined) return this.valueText(read);
    const called = values.find((value) => value.t === "sym" && value.origin?.how === "call");
    return called?.t === "sym" && called.origin?.how === "call" ? called.origin.callee : this.causeText(guard);
  }

  /** Is it what a NULL pointer points to? So it is on a way on which the pointer was set to NULL, which cannot come there. */
  isOfNull(guard: Guard): boolean {
    const root = addressIn(comparedIn(guard))?.at.root;
    return root?.kind === "pointee" && root.pointer.t === "num";
  }

  /** In which of the cases that the leaf's own functions tell apart they come into being; null for all, or where that is long. */
  private cases(facts: readonly BusyFact[], cause: Formula): Formula | null {
    const { ownTests } = this.run;
    const causes = new Set(atomsOf(cause).map(({ key }) => key));
    const told = this.conditions.of(
      facts.map((fact) => [fact.path]),
      (test) => ownTests.has(test.key) && !causes.has(test.key),
    );
    if (told === null) return null;
    const isShort = (formula: Formula | null): formula is Formula =>
      formula !== null && !isConst(formula, true) && this.text(formula).length <= LONG_CONDITION;
    if (isShort(told.formula)) return told.formula;
    const formula = told.shown((test) => !this.isCheck(test));
    return isShort(formula) ? formula : null;
  }

  private both(formula: Formula): { readonly when: string; readonly condition: Condition } {
    // Of a way whose tests exclude each other, which was not seen where they were decided: better told too much than not at all.
    if (formula.k === "const") return UNLISTED;
    return { when: this.text(formula), condition: conditionTree(formula, (value) => this.valueText(value)) };
  }

  private takings(item: HeldLock): (readonly Path[])[] {
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
  private withoutChecks({ formula, shown }: Distinction): When | null {
    if (!atomsOf(formula).some((test) => this.isCheck(test))) return null;
    const rest = shown((test) => !this.isCheck(test));
    if (rest === null || isConst(rest, true)) return null;
    const { when, condition } = this.both(rest);
    return {
      when: joinedText("&&", [when, CHECKS_PASS]),
      condition: allOf([condition, { is: "earlier-checks-pass" }]),
    };
  }

  private inOwnTerms({ left, right }: Pick<Test, "left" | "right">, text: string): string {
    return [left, right].reduce((words, operand) => {
      const better = operand?.t === "sym" ? this.run.names.inOwnTerms(operand) : null;
      return operand?.t !== "sym" || better === null ? words : replaced(words, operand.text, better);
    }, text);
  }

  private isCheck(test: Formula): boolean {
    return CALL.test(this.text(test).replace(ACCESSOR, ""));
  }

  /** A formula in the leaf's terms. */
  text(formula: Formula): string {
    let text = this.worded.get(formula);
    if (text === undefined) {
      text = this.shortened(textOf(reworded(formula, (test, words) => this.inOwnTerms(test, words))));
      this.worded.set(formula, text);
    }
    return text;
  }

  private valueText(value: Value): string {
    return this.shortened(this.inOwnTerms({ left: value, right: null }, valueText(value)));
  }

  private shortened(text: string): string {
    return this.texts.reduce((words, [long, short]) => replaced(words, long, short), text);
  }
}

/** A value, and those that it was computed from. */
function withOperands(value: Value): readonly Value[] {
  const isOperation = value.t === "sym" && value.origin?.how === "operation";
  return isOperation ? value.origin.operands.flatMap(withOperands) : [value];
}

/** A value, and those that it was computed from or that a function made it of. */
function withSources(value: Value): readonly Value[] {
  const operands = withOperands(value);
  return operands.flatMap((one) => (one.t === "sym" && one.origin?.how === "call" ? [one, ...one.origin.args] : [one]));
}
