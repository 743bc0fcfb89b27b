/** Random small models for property tests: several process types and instances, locals, arrays by process, faults and blocking included. */
import fc from "fast-check";
import { check } from "../../src/check/index.ts";
import * as L from "../../src/language/index.ts";

/** Names of what a step may mention. */
interface Vocabulary {
  readonly bools: readonly L.BoolRef[];
  readonly ints: readonly L.IntRef[];
  readonly range: L.ProcessBuilder;
}

/** A recipe is a list of numbers consumed as decisions, so that fast-check can shrink it. */
export class Dice {
  readonly #numbers: readonly number[];
  #at = 0;
  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }
  roll(sides: number): number {
    const value = this.#numbers[this.#at++ % this.#numbers.length] ?? 0;
    return (value + this.#at) % sides;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.roll(items.length)] as T;
  }
}

function intExpr(dice: Dice, words: Vocabulary, depth: number): L.IntExpr {
  const kind = dice.roll(depth > 0 ? 9 : 3);
  if (kind === 0) return L.int(dice.roll(4));
  if (kind <= 2) return dice.pick(words.ints);
  const [a, b] = [intExpr(dice, words, depth - 1), intExpr(dice, words, depth - 1)];
  if (kind === 3) return L.add(a, b);
  if (kind === 4) return L.mod(a, L.add(1, dice.roll(3)));
  if (kind === 5) return L.sub(a, b);
  if (kind === 6) return L.ite(boolExpr(dice, words, depth - 1), a, b);
  if (kind === 7) return L.bxor(L.wrap(a, 2), L.wrap(b, 2));
  return L.count(words.range, (i) => words.range.at(i, "l0"));
}

function boolExpr(dice: Dice, words: Vocabulary, depth: number): L.BoolExpr {
  const kind = dice.roll(depth > 0 ? 8 : 2);
  if (kind === 0) return L.bool(dice.roll(4) !== 0);
  if (kind === 1) return dice.pick(words.bools);
  if (kind === 2) return L.not(boolExpr(dice, words, depth - 1));
  if (kind === 3) return L.and(boolExpr(dice, words, depth - 1), boolExpr(dice, words, depth - 1));
  if (kind === 4) return L.or(boolExpr(dice, words, depth - 1), boolExpr(dice, words, depth - 1));
  const [a, b] = [intExpr(dice, words, depth - 1), intExpr(dice, words, depth - 1)];
  return kind === 5 ? L.eq(a, b) : kind === 6 ? L.lt(a, b) : L.ge(a, b);
}

function effect(dice: Dice, words: Vocabulary, depth = 1): L.Effect {
  const kind = dice.roll(10);
  if (kind <= 2) return L.set(dice.pick(words.bools), boolExpr(dice, words, 1));
  if (kind <= 4) return L.set(dice.pick(words.ints), L.wrap(intExpr(dice, words, 1), 2));
  if (kind === 5) return L.inc(dice.pick(words.ints));
  if (kind === 6) return L.dec(dice.pick(words.ints));
  if (kind === 7 && depth > 0)
    return L.when(
      boolExpr(dice, words, 1),
      [effect(dice, words, 0)],
      dice.roll(2) === 0 ? [] : [effect(dice, words, 0)],
    );
  if (kind === 8) return L.assertThat("claim", L.or(boolExpr(dice, words, 1), dice.roll(3) !== 0));
  return L.set(dice.pick(words.ints), L.mod(L.add(dice.pick(words.ints), 1), 4));
}

const RESOURCES = ["A", "B"];
function meta(dice: Dice, name: string): L.StepMeta {
  const kind = dice.roll(5);
  const lock = { resource: dice.pick(RESOURCES), ...(dice.roll(4) === 0 && { lock: dice.pick(RESOURCES) }) };
  if (kind === 0)
    return { leaf: name, action: "acquire", ...lock, mode: dice.pick(["SHARED", "EXCLUSIVE"]), result: "ok" };
  if (kind === 1) return { leaf: name, action: "release", ...lock };
  if (kind === 2)
    return { leaf: name, action: "acquire", ...lock, mode: dice.pick(["SHARED", "EXCLUSIVE"]), result: L.BUSY };
  return {};
}

function fillProcess(dice: Dice, p: L.ProcessBuilder, words: Vocabulary): void {
  const labels = 2 + dice.roll(3);
  for (let l = 0; l < labels; l++) {
    const next = (own: boolean) => `l${own ? (l + 1) % labels : dice.roll(labels)}`;
    const steps = 1 + dice.roll(2);
    for (let s = 0; s < steps; s++) {
      const effects = Array.from({ length: dice.roll(3) }, () => effect(dice, words));
      const guard = dice.roll(2) === 0 ? L.bool(true) : boolExpr(dice, words, 2);
      p.step(`l${l}`, { when: guard, do: effects, next: next(s === 0), meta: meta(dice, `${p.name}-leaf`) });
    }
    if (dice.roll(4) === 0) {
      p.choose(`l${l}`, { c: 2 }, ({ c }) => ({ do: [L.set(dice.pick(words.ints), c)], next: next(false) }));
    }
    if (dice.roll(3) === 0) p.idle(`l${l}`);
  }
}

/** Build the model that a list of numbers describes. */
export function modelOf(numbers: readonly number[]): L.Model {
  const dice = new Dice(numbers);
  const m = L.model("random");
  const types = 1 + dice.roll(2);
  const processes = Array.from({ length: types }, (_, i) => m.process(`p${i}`, 1 + dice.roll(types === 1 ? 3 : 2)));
  const range = processes[0] as L.ProcessBuilder;
  const flag = m.variable("flag", L.boolType, dice.roll(2) === 0);
  const x = m.variable("x", L.intType(0, 3), dice.roll(4));
  const y = m.variable("y", L.intType(-1, 3));
  const counter = m.variable("counter", L.intType(0, 4));
  const fixed = m.variable("fixed", L.intType(0, 3), 2);
  const wide = m.array("wide", L.intType(0, 3), 2);
  const mine = m.array("mine", L.boolType, range);
  const asymmetric = dice.roll(3) === 0;
  processes.forEach((p, i) => {
    const local = p.variable("k", L.intType(0, 3));
    const mark = p.variable("mark", L.boolType);
    const own = i === 0 ? [mine.at(p.self)] : [];
    const ints = [
      local,
      x,
      y,
      wide.at(local),
      ...(asymmetric ? [wide.at(1)] : []),
      ...(dice.roll(2) === 0 ? [counter, fixed] : []),
    ];
    // Processes that mostly touch what is theirs make folding worth testing.
    const shy = dice.roll(2) === 0;
    const words: Vocabulary = shy
      ? { bools: [mark, mark, ...own, flag], ints: [local, local, local, x], range }
      : { bools: [flag, mark, ...own], ints, range };
    fillProcess(dice, p, words);
    if (asymmetric && i === 0 && p.size > 1) p.step("l0", { when: L.eq(p.self, 0), next: "l1" });
  });
  const inner: Vocabulary = { bools: [flag], ints: [x, y], range };
  if (dice.roll(2) === 0) m.always("invariant", L.or(boolExpr(dice, inner, 2), dice.roll(2) === 0));
  if (dice.roll(2) === 0)
    m.sometimes(
      "witness",
      L.and(
        boolExpr(dice, inner, 2),
        L.exists(range, (i) => range.at(i, "l1")),
      ),
    );
  if (dice.roll(4) === 0)
    m.sometimes(
      "all marked",
      L.forall(range, (i) => mine.at(i)),
    );
  if (dice.roll(4) === 0) m.allowDeadlock();
  // Of one instance, so that only the others may be sorted.
  if (dice.roll(3) === 0) m.always("the first does not come there", L.not(range.at(0, "l2")));
  return m.build();
}

/** Arbitrary small models. */
export const anyModel = (): fc.Arbitrary<L.Model> =>
  fc.array(fc.nat(1000), { minLength: 20, maxLength: 90 }).map(modelOf);

/** Has the model's plain space at most some thousand states? */
export function isSmall(model: L.Model): boolean {
  const { outcome, states } = check(model, { noReduction: true, states: 3000 });
  return outcome.reason === null && states <= 3000;
}
