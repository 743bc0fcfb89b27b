/** Ways through a function → the program that they are: steps, and after each the branches on the word that it found. */
import {
  type AtomicInstruction,
  type FieldName,
  type FieldTest,
  type FieldValues,
  type LockResult,
  type LockWord,
  type ProgramBranch,
  type ProgramStep,
  testHolds,
} from "../../catalog/index.ts";
import { type Bits, knownNumber } from "./bits.ts";
import { RESULTS } from "./facts.ts";
import { type Access, type End, NotUnderstood, type Way } from "./machine.ts";

/** What a returned truth means: which of the two is success. */
export type Polarity = boolean;

type Fields = LockWord["fields"];
type Region = Readonly<Record<string, number>>;

interface Target {
  readonly to: LockResult | number;
  readonly check: number | null;
}

/**
 * The steps of a program.
 *
 * @param ways of one variant: all facts are about what the accesses found
 * @param success what a function that returns a truth returns when it succeeds
 * @throws NotUnderstood where a step or a test is none of a lock word's
 */
export function programOf(ways: readonly Way[], word: LockWord, success: Polarity): ProgramStep[] {
  return new Builder(word, success).build(ways);
}

class Builder {
  readonly #word: LockWord;
  readonly #success: Polarity;
  readonly #steps: ProgramStep[] = [];
  /** Steps that were built already, by what they are: two ways that go on alike share them. */
  readonly #known = new Map<string, number>();

  constructor(word: LockWord, success: Polarity) {
    this.#word = word;
    this.#success = success;
  }

  build(ways: readonly Way[]): ProgramStep[] {
    const first = ways[0];
    if (first === undefined || first.accesses.length === 0) throw refusal(first, "it makes no access");
    this.#step(ways, 0);
    return inOrder(this.#steps);
  }

  /** The step of access `k`, with what follows it; its number. */
  #step(ways: readonly Way[], k: number): number {
    const access = (ways[0] as Way).accesses[k] as Access;
    if (ways.some(({ accesses }) => accesses[k]?.line !== access.line || accesses[k]?.op !== access.op))
      throw refusal(ways[0], "what it does next depends on what an earlier instruction found and a later one did too");
    const instruction = instructionOf(access, this.#word);
    const branches = this.#branches(ways, k);
    const step = { instruction, line: access.line, branches };
    const key = JSON.stringify({ instruction, branches });
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const number = this.#steps.push(step) - 1;
    this.#known.set(key, number);
    return number;
  }

  #branches(ways: readonly Way[], k: number): ProgramBranch[] {
    const { fields } = this.#word;
    const tests = testsFor(ways, k, fields);
    const targets = new Map<string, Goal>();
    const nexts = new Map<string, Target>();
    for (const region of regionsOf(tests, fields)) {
      const here = ways.filter((way) => holdsIn(way, k, region, fields));
      const [first] = here;
      if (first === undefined) continue;
      const key = here.map((way) => ways.indexOf(way)).join(",");
      const target = nexts.get(key) ?? this.#target(here, k);
      nexts.set(key, target);
      const known = targets.get(JSON.stringify(target));
      if (known) known.regions.push(region);
      else targets.set(JSON.stringify(target), { target, regions: [region], at: ways.indexOf(first) });
    }
    return branchesFor([...targets.values()], tests);
  }

  #target(ways: readonly Way[], k: number): Target {
    const [first] = ways as [Way, ...Way[]];
    const goesOn = first.accesses.length > k + 1;
    if (ways.some(({ accesses }) => accesses.length > k + 1 !== goesOn))
      throw refusal(first, "whether it ends here depends on more than the word that was found");
    if (goesOn) return { to: this.#step(ways, k + 1), check: null };
    const ends = new Set(ways.map(({ end }) => JSON.stringify(this.#result(end, first))));
    if (ends.size !== 1) throw refusal(first, "how it ends depends on more than the word that was found");
    return this.#result(first.end, first);
  }

  #result(end: End, way: Way): Target {
    switch (end.kind) {
      case "halt":
        return { to: "halt", check: end.check };
      case "again":
        throw refusal(way, "it tries again until it succeeds");
      case "nothing":
        return { to: "success", check: null };
      case "truth":
        return { to: end.value === this.#success ? "success" : "busy", check: null };
      case "named": {
        const result = RESULTS.get(end.name);
        if (result === undefined) throw refusal(way, `it returns ${end.name}`);
        return { to: result, check: null };
      }
    }
  }
}

function refusal(way: Way | undefined, message: string): NotUnderstood {
  const at = way?.accesses.at(-1);
  return new NotUnderstood(message, at?.file ?? "", at?.line ?? 1);
}

/** Steps in the order in which they are come to, the first one first. */
function inOrder(steps: readonly ProgramStep[]): ProgramStep[] {
  const first = steps.length - 1;
  const order = [first];
  for (const at of order)
    for (const { to } of steps[at]?.branches ?? []) if (typeof to === "number" && !order.includes(to)) order.push(to);
  return order.map((at) => {
    const step = steps[at] as ProgramStep;
    const branches = step.branches.map((b) => ({ ...b, to: typeof b.to === "number" ? order.indexOf(b.to) : b.to }));
    return { ...step, branches };
  });
}

// ---------------------------------------------------------------- instructions

const ones = (width: number): bigint => (1n << BigInt(width)) - 1n;
const named = (fields: Fields): bigint =>
  fields.reduce((bits, { lsb, width }) => bits | (ones(width) << BigInt(lsb)), 0n);

/** A number's fields; those that are 0 are left out. */
function valuesOf(access: Access, number: bigint, fields: Fields): FieldValues {
  if ((number & ~named(fields)) !== 0n)
    throw new NotUnderstood("it changes bits that are no part of the lock", access.file, access.line);
  return Object.fromEntries(
    fields
      .map(({ name, lsb, width }): [FieldName, number] => [name, Number((number >> BigInt(lsb)) & ones(width))])
      .filter(([, value]) => value !== 0),
  );
}

function instructionOf(access: Access, { bits, fields }: LockWord): AtomicInstruction {
  const refuse = (message: string): never => {
    throw new NotUnderstood(message, access.file, access.line);
  };
  if (access.op !== "read" && access.bits !== bits)
    refuse(`it works on ${access.bits} bits of a word that has ${bits}`);
  const operand = (at: number): bigint =>
    knownNumber(access.operands[at] as Bits) ?? refuse("what it writes is not a constant");
  const values = (at: number): FieldValues => valuesOf(access, operand(at), fields);
  const isWhole = named(fields) === ones(bits);
  switch (access.op) {
    case "read":
      return { op: "read" };
    case "xadd":
      return addition(BigInt.asIntN(bits, operand(0)), fields, bits) ?? refuse("what it adds is no field's");
    case "cmpxchg":
      if (!isWhole) refuse("it compares bits that are no part of the lock");
      return { op: "cmpxchg", expected: values(0), desired: values(1) };
    case "xchg":
    case "write":
      if (!isWhole) refuse("it writes bits that are no part of the lock");
      return { op: access.op, value: values(0) };
    case "or":
    case "bts":
      return { op: access.op, set: values(0) };
    case "xor":
      return { op: "xor", flip: values(0) };
    case "btr":
      return { op: "btr", clear: values(0) };
    case "and": {
      const others = ones(bits) ^ named(fields);
      if ((operand(0) & others) !== others) refuse("it clears bits that are no part of the lock");
      return { op: "and", keep: valuesOf(access, operand(0) & named(fields), fields) };
    }
  }
}

/** What is added, as a number of the highest field that it is a multiple of. */
function addition(by: bigint, fields: Fields, bits: number): AtomicInstruction | null {
  const field = [...fields].reverse().find(({ lsb }) => by % (1n << BigInt(lsb)) === 0n);
  const top = fields.at(-1);
  if (!field || !top || top.lsb + top.width !== bits) return null;
  return { op: "xadd", field: field.name, by: Number(by / (1n << BigInt(field.lsb))) };
}

// ---------------------------------------------------------------- branches

/** The facts of a way that are about what access `k` found. */
function factsOf(way: Way, k: number): Way["facts"] {
  for (const { atom } of way.facts) {
    if (atom.kind !== "match")
      throw refusal(way, "a test depends on whether an instruction stored its value, not on the word alone");
  }
  return way.facts.filter(({ atom }) => atom.kind === "match" && atom.source === k);
}

/** Each test that the ways make of what access `k` found, field by field, and its opposite. */
function testsFor(ways: readonly Way[], k: number, fields: Fields): FieldTest[] {
  const tests = new Map<string, FieldTest>();
  for (const way of ways) {
    for (const { atom } of factsOf(way, k)) {
      if (atom.kind !== "match") continue;
      if ((atom.mask & ~named(fields)) !== 0n) throw refusal(way, "it tests bits that are no part of the lock");
      for (const { name, lsb, width } of fields) {
        const mask = (atom.mask >> BigInt(lsb)) & ones(width);
        if (mask === 0n) continue;
        const is = Number((atom.value >> BigInt(lsb)) & ones(width));
        const test = { field: name, mask: mask === ones(width) ? null : Number(mask), is };
        const opposite = width === 1 ? { ...test, is: 1 - is, not: false } : { ...test, not: true };
        for (const one of [{ ...test, not: false }, opposite]) tests.set(JSON.stringify(one), one);
      }
    }
  }
  return [...tests.values()].sort(
    (a, b) =>
      fields.findIndex(({ name }) => name === a.field) - fields.findIndex(({ name }) => name === b.field) ||
      Number(a.not) - Number(b.not) ||
      b.is - a.is ||
      (a.mask ?? 0) - (b.mask ?? 0),
  );
}

/** Words that the tests tell apart: one of each sort, as its fields. */
function regionsOf(tests: readonly FieldTest[], fields: Fields): Region[] {
  let regions: Region[] = [{}];
  for (const { name, width } of fields) {
    const own = tests.filter(({ field }) => field === name);
    const sorts = new Map<string, number>();
    for (const value of valuesToTry(own, width)) {
      const sort = own.map((test) => Number(testHolds(test, { [name]: value }))).join("");
      if (!sorts.has(sort)) sorts.set(sort, value);
    }
    regions = regions.flatMap((region) => [...sorts.values()].map((value) => ({ ...region, [name]: value })));
  }
  return regions;
}

/** Values of a field among which each sort has one: those that are tested for, and another; all, where single bits are tested. */
function valuesToTry(tests: readonly FieldTest[], width: number): readonly number[] {
  if (tests.some(({ mask }) => mask !== null)) return Array.from({ length: 2 ** width }, (_, value) => value);
  const tested = [...new Set(tests.map(({ is }) => is))].sort((a, b) => a - b);
  const other = Array.from({ length: tested.length + 1 }, (_, value) => value).find((v) => !tested.includes(v));
  return other === undefined || other >= 2 ** width ? tested : [...tested, other];
}

function holdsIn(way: Way, k: number, region: Region, fields: Fields): boolean {
  const word = fields.reduce((bits, { name, lsb }) => bits | (BigInt(region[name] ?? 0) << BigInt(lsb)), 0n);
  return factsOf(way, k).every(
    ({ atom, holds }) => atom.kind !== "match" || ((word & atom.mask) === atom.value) === holds,
  );
}

/** Where some regions lead, and the first way that goes there. */
interface Goal {
  readonly target: Target;
  readonly regions: Region[];
  readonly at: number;
}

/**
 * Branches that lead each region to its target, in the order of the source but for the one that takes the most words to tell: that
 * is last and has no condition.
 */
function branchesFor(goals: readonly Goal[], tests: readonly FieldTest[]): ProgramBranch[] {
  const all = goals.flatMap(({ regions }) => regions);
  const wordy = (goal: Goal): number => covering(goal.regions, all, tests).flat().length;
  const last = goals
    .map((goal) => ({ goal, words: wordy(goal) }))
    .reduce((a, b) => (b.words > a.words || (b.words === a.words && b.goal.target.to === "success") ? b : a)).goal;
  const open = new Set(all);
  const branches = goals
    .filter((goal) => goal !== last)
    .sort((a, b) => a.at - b.at)
    .map(({ target, regions }): ProgramBranch => {
      const when = covering(regions, [...open], tests);
      for (const region of regions) open.delete(region);
      return { when, ...target };
    });
  return [...branches, { when: null, ...last.target }];
}

/** Lists of tests that hold in some region of `wanted` and in none of the other ones that are open; together, in all of `wanted`. */
function covering(wanted: readonly Region[], open: readonly Region[], tests: readonly FieldTest[]): FieldTest[][] {
  const others = open.filter((region) => !wanted.includes(region));
  const left = new Set(wanted);
  const holds = (list: readonly FieldTest[], region: Region): boolean => list.every((test) => testHolds(test, region));
  if (others.length === 0) return [[]];
  const lists = combinations(tests, 4).filter((list) => !others.some((region) => holds(list, region)));
  const result: FieldTest[][] = [];
  while (left.size > 0) {
    const counts = lists.map((list) => [...left].filter((region) => holds(list, region)).length);
    const most = Math.max(0, ...counts);
    const best = lists[counts.indexOf(most)];
    if (most === 0 || best === undefined) throw new Error("regions differ in no test");
    result.push(best);
    for (const region of left) if (holds(best, region)) left.delete(region);
  }
  return result;
}

/** Lists of up to `most` tests, short ones first. */
function combinations(tests: readonly FieldTest[], most: number): FieldTest[][] {
  let lists: { list: FieldTest[]; next: number }[] = [{ list: [], next: 0 }];
  const result: FieldTest[][] = [];
  for (let size = 1; size <= most; size++) {
    lists = lists.flatMap(({ list, next }) =>
      tests.slice(next).map((test, i) => ({ list: [...list, test], next: next + i + 1 })),
    );
    result.push(...lists.map(({ list }) => list));
  }
  return result;
}
