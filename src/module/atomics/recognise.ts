/** Which functions are lock primitives, and of what kind: told by what their programs do to a word, not by their names. */
import {
  apply,
  type FieldName,
  type LockKind,
  type LockProgram,
  type LockWord,
  type ProgramStep,
  type Side,
  wordOf,
} from "../../catalog/index.ts";
import type { ExtractionRules, PrimitiveRule } from "../rules.ts";
import { type Bits, knownNumber } from "./bits.ts";
import { FACTS } from "./facts.ts";
import type { Layouts } from "./layout.ts";
import { NotUnderstood, type Tree, type Way } from "./machine.ts";
import { programOf } from "./program.ts";
import type { AtomicFunction } from "./sites.ts";
import { type Variant, variantsOf, waysThrough } from "./ways.ts";

/** A function that may be a primitive: it works on one word that a parameter points to. */
export interface Candidate {
  readonly function: AtomicFunction;
  readonly parameter: string;
  readonly type: string;
  readonly variants: readonly Variant[];
}

/** Why a function is none. */
export interface Refusal {
  readonly function: AtomicFunction;
  readonly message: string;
  readonly line: number;
}

/** Reads the ways through a function; a refusal where it is more than the machine understands. */
export function candidateOf(tree: Tree, fn: AtomicFunction): Candidate | Refusal {
  const [root] = fn.sites.map((site) => site.root);
  if (!root?.isParameter || root.type === null)
    return { function: fn, message: "the memory is not what a parameter points to", line: lineOf(fn) };
  try {
    return {
      function: fn,
      parameter: root.name,
      type: root.type,
      variants: variantsOf(waysThrough(tree, fn.ast, root.name)),
    };
  } catch (error) {
    if (!(error instanceof NotUnderstood)) throw error;
    return { function: fn, message: error.message, line: error.line };
  }
}

function groupBy<T, K>(list: readonly T[], key: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const one of list) {
    const group = groups.get(key(one));
    if (group) group.push(one);
    else groups.set(key(one), [one]);
  }
  return groups;
}

const lineOf = (fn: AtomicFunction): number => fn.sites[0]?.site.line ?? fn.ast.line;
export const isRefusal = (one: Candidate | Refusal): one is Refusal => "message" in one;

/** What recognition gives: programs, refusals, and functions that do something else than they are known for. */
export interface Recognised {
  readonly programs: readonly LockProgram[];
  /** Of functions that no rule names and that serve host and guest: the position of the argument that says that a guest asks. */
  readonly guestArguments: ReadonlyMap<string, number>;
  readonly refused: readonly Refusal[];
  readonly unlike: readonly Refusal[];
}

/** The programs of candidates, family by family: all functions on one type of word together say what its bits are for. */
export function recognise(tree: Tree, candidates: readonly Candidate[]): Recognised {
  const families = groupBy(candidates, ({ type }) => type);
  const results = [...families].map(([type, family]) => new Family(tree, type, family).recognised());
  return {
    programs: results.flatMap(({ programs }) => programs).sort(inOrder),
    guestArguments: new Map(results.flatMap(({ guestArguments }) => [...guestArguments])),
    refused: results.flatMap(({ refused }) => refused),
    unlike: results.flatMap(({ unlike }) => unlike),
  };
}

const KINDS: readonly LockKind[] = ["sharex", "sharex_hp", "sept_entry", "mutex", "bit", "bit_hp"];
const OPERATIONS = ["acquire", "release", "promote", "demote"];

function inOrder(a: LockProgram, b: LockProgram): number {
  const key = (p: LockProgram): string =>
    `${KINDS.indexOf(p.kind)}${OPERATIONS.indexOf(p.operation)}${p.mode === "SHARED" ? 0 : 1}${p.side === "guest" ? 1 : 0}${p.function}`;
  return key(a) < key(b) ? -1 : 1;
}

type Operation = LockProgram["operation"];
type Mode = LockProgram["mode"];

/** A program with what it turned out to be. */
interface Reading {
  readonly candidate: Candidate;
  readonly variant: Variant;
  readonly steps: readonly ProgramStep[];
  /** On a free word, on one with a reader, on one with a writer: what it is first of all comes first. */
  readonly does: readonly Does[];
}

interface Does {
  readonly operation: Operation;
  readonly mode: Mode;
}

class Family {
  readonly #tree: Tree;
  readonly #type: string;
  readonly #candidates: readonly Candidate[];

  constructor(tree: Tree, type: string, candidates: readonly Candidate[]) {
    this.#tree = tree;
    this.#type = type;
    this.#candidates = candidates;
  }

  recognised(): Recognised {
    const words = wordsFor(this.#tree.layouts, this.#type, this.#candidates);
    if (words.length === 0) return this.#nothing("its word is not that of a lock");
    const readings = words.map((word) => ({ word, ...this.#read(word) }));
    const best = readings.reduce((a, b) => (known(b.readings) > known(a.readings) ? b : a));
    const kind = kindOf(best.word);
    const programs: LockProgram[] = [];
    const unnamed: (readonly [Candidate, readonly Reading[]])[] = [];
    const refused: Refusal[] = [...best.refused];
    const unlike: Refusal[] = [];
    for (const [candidate, own] of groupBy(best.readings, (reading) => reading.candidate)) {
      const rule = this.#tree.rules.primitives[candidate.function.ast.name];
      const named = rule && typeof rule.mode === "string" ? { operation: rule.operation, mode: rule.mode } : null;
      const distinct = merged(own);
      if (rule === undefined && distinct.length > 1) unnamed.push([candidate, distinct]);
      for (const reading of distinct) {
        const does = named ?? reading.does[0];
        if (does === undefined) {
          const message = "it neither takes nor gives back a lock";
          refused.push({ function: candidate.function, message, line: lineOf(candidate.function) });
          continue;
        }
        if (!reading.does.some(({ operation, mode }) => operation === does.operation && mode === does.mode)) {
          const { line } = candidate.function.ast;
          unlike.push({ function: candidate.function, message: unlikeText(does, reading.does), line });
        }
        programs.push(programFor(kind, best.word, reading, does, sideGiven(reading, rule)));
      }
    }
    const all = sided(programs);
    const guestArguments = new Map<string, number>();
    for (const [{ function: fn }, own] of unnamed) {
      const made = all.filter((program) => program.function === fn.ast.name);
      const argument = guestArgument(own, made);
      if (argument !== null) guestArguments.set(fn.ast.name, argument);
      else {
        const message = "what it does depends on its arguments, in a way that only a rule could say";
        unlike.push({ function: fn, message, line: fn.ast.line });
      }
    }
    return { programs: all, guestArguments, refused, unlike };
  }

  #nothing(message: string): Recognised {
    const refused = this.#candidates.map(({ function: fn }): Refusal => ({ function: fn, message, line: lineOf(fn) }));
    return { programs: [], guestArguments: new Map(), refused, unlike: [] };
  }

  #read(word: LockWord): { readings: Reading[]; refused: Refusal[] } {
    const readings: Reading[] = [];
    const refused: Refusal[] = [];
    for (const candidate of this.#candidates) {
      try {
        readings.push(...candidate.variants.map((variant) => readingOf(candidate, variant, word)));
      } catch (error) {
        if (!(error instanceof NotUnderstood)) throw error;
        refused.push({ function: candidate.function, message: error.message, line: error.line });
      }
    }
    return { readings, refused };
  }
}

const known = (readings: readonly Reading[]): number => readings.filter(({ does }) => does.length > 0).length;

function unlikeText(known: Does, does: readonly Does[]): string {
  const text = ({ operation, mode }: Does): string => `${operation} (${mode})`;
  const found = does.length === 0 ? "nothing of the kind" : does.map(text).join(", ");
  return `it is known as ${text(known)}; on free and held words it does ${found}`;
}

/** A function that returns a truth says by what it does which of the two is success. */
function readingOf(candidate: Candidate, variant: Variant, word: LockWord): Reading {
  const read = (success: boolean): Reading => {
    const steps = programOf(variant.ways, word, success);
    return { candidate, variant, steps, does: effectsOf(word, steps) };
  };
  const plain = read(true);
  const isTruth = variant.ways.some(({ end }) => end.kind === "truth");
  if (plain.does.length > 0 || !isTruth) return plain;
  const opposite = read(false);
  return opposite.does.length === 0 ? plain : opposite;
}

/** What a program does to a free word, a word with one reader, and a word with a writer. */
function effectsOf(word: LockWord, steps: readonly ProgramStep[]): Does[] {
  const program: LockProgram = {
    function: "",
    kind: "bit",
    operation: "acquire",
    mode: "EXCLUSIVE",
    side: null,
    word,
    steps,
    evidence: { file: "", line: 1, function: "" },
  };
  const hasCounter = word.fields.some(({ name }) => name === "counter");
  const free = 0n;
  const taken = wordOf(word, { exclusive: 1 });
  const read = hasCounter ? wordOf(word, { counter: 1 }) : null;
  const leads = (from: bigint | null, to: bigint | null): boolean => {
    if (from === null || to === null) return false;
    const { result, word: after } = apply(program, from);
    return result === "success" && after === to;
  };
  const effects: readonly (readonly [bigint | null, bigint | null, Operation, Mode])[] = [
    [free, taken, "acquire", "EXCLUSIVE"],
    [free, read, "acquire", "SHARED"],
    [taken, free, "release", "EXCLUSIVE"],
    [read, free, "release", "SHARED"],
    [read, taken, "promote", "EXCLUSIVE"],
    [taken, read, "demote", "SHARED"],
  ];
  return effects.flatMap(([from, to, operation, mode]) => (leads(from, to) ? [{ operation, mode }] : []));
}

/** Variants that do the same are one. */
function merged(readings: readonly Reading[]): readonly Reading[] {
  const distinct = new Map(readings.map((reading) => [JSON.stringify(reading.steps), reading]));
  return distinct.size === 1 ? [...distinct.values()] : readings;
}

/**
 * The position of the argument that says that a guest asks, where that is all that the variants of a function differ by; else null.
 *
 * @param made the program of each of them
 */
function guestArgument(readings: readonly Reading[], made: readonly LockProgram[]): number | null {
  const [first] = readings;
  const [program] = made;
  if (first === undefined || program === undefined || made.length !== readings.length) return null;
  const { parameters } = first.candidate.function.ast;
  const positions = readings.map(({ steps, variant: { given } }) => {
    const [test, ...more] = given;
    const own = made.find((one) => one.steps === steps);
    if (test === undefined || more.length > 0 || own === undefined || own.side === null) return -1;
    if (own.operation !== program.operation || own.mode !== program.mode) return -1;
    const isZero = (test.atom.value === 0n) === test.holds;
    const { source } = test.atom;
    return isZero === (own.side === "host") && typeof source === "string" ? parameters.indexOf(source) : -1;
  });
  const [position = -1] = positions;
  return position >= 0 && positions.every((other) => other === position) ? position : null;
}

/** The side that an argument or a rule gives; null where none does. */
function sideGiven({ candidate, variant }: Reading, rule: PrimitiveRule | undefined): Side | null {
  const side = rule?.side ?? null;
  if (side === null || typeof side === "string") return side;
  const [given, ...more] = variant.given;
  const name = candidate.function.ast.parameters[side.argument];
  if (given === undefined || more.length > 0 || given.atom.source !== name) return null;
  return (given.atom.value === 0n) === given.holds ? "host" : "guest";
}

function programFor(
  kind: LockKind,
  word: LockWord,
  { candidate, steps }: Reading,
  does: { operation: Operation; mode: Mode },
  side: Side | null,
): LockProgram {
  const { file, line, name } = candidate.function.ast;
  return { function: name, kind, ...does, side, word, steps, evidence: { file, line, function: name } };
}

/** Where one operation has several programs, they are the host's and the guest's: the guest is told that a host goes first. */
function sided(programs: readonly LockProgram[]): LockProgram[] {
  return programs.map((program) => {
    if (program.side !== null) return program;
    const others = programs.filter(
      (other) => other !== program && other.operation === program.operation && other.mode === program.mode,
    );
    return others.length === 0 ? program : { ...program, side: sideOf(program) };
  });
}

function sideOf({ steps }: LockProgram): Side | null {
  if (steps.some(({ branches }) => branches.some(({ to }) => to === "busy-host-priority"))) return "guest";
  const sets = steps.some(
    ({ instruction: i }) =>
      (i.op === "or" || i.op === "bts") && i.set.hp !== undefined && i.set.exclusive === undefined,
  );
  return sets ? "host" : null;
}

function kindOf({ type, bits, fields }: LockWord): LockKind {
  const has = (name: FieldName): boolean => fields.some((field) => field.name === name);
  if (has("counter")) return has("hp") ? "sharex_hp" : "sharex";
  if (has("hp")) return type !== null && FACTS.septEntryTypes.includes(type) ? "sept_entry" : "bit_hp";
  return fields[0]?.width === bits ? "mutex" : "bit";
}

// ---------------------------------------------------------------- words

type BitRange = Omit<LockWord["fields"][number], "name">;

/** The words that a family's may be: what its bits are for is tried out where it is not plain. */
function wordsFor(layouts: Layouts, type: string, candidates: readonly Candidate[]): LockWord[] {
  const layout = layouts.of(type);
  if (layout === null || ![8, 16, 32, 64].includes(layout.bits)) return [];
  const ways = candidates.flatMap(({ variants }) => variants.flatMap((variant) => variant.ways));
  const places = tiling(layout) ?? wholeWord(layout.bits, ways) ?? touchedBits(ways);
  const counters = places.filter(({ width }) => width > 1 && width !== layout.bits);
  const flags = places.filter(({ width }) => width === 1 || width === layout.bits);
  if (counters.length > 1 || flags.length === 0 || flags.length > 2 || places.some(({ width }) => width > 16))
    return [];
  const roles: FieldName[][] =
    flags.length === 2
      ? [
          ["exclusive", "hp"],
          ["hp", "exclusive"],
        ]
      : [["exclusive"]];
  return roles.map((names) => ({
    type: layout.members.length > 0 || !/^u?int\d+_t$/.test(type) ? type : null,
    bits: layout.bits as LockWord["bits"],
    fields: [
      ...flags.map((place, i) => ({ name: names[i] as FieldName, ...place })),
      ...counters.map((place) => ({ name: "counter" as const, ...place })),
    ].sort((a, b) => a.lsb - b.lsb),
  }));
}

/** Members that make up the whole word, each bit once; null where they overlap or leave bits out. */
function tiling({
  bits,
  members,
}: {
  bits: number;
  members: readonly { path: string; lsb: number; width: number }[];
}): BitRange[] | null {
  const parts = members.filter(({ width }) => width < bits).sort((a, b) => a.lsb - b.lsb);
  let at = 0;
  for (const { lsb, width } of parts) {
    if (lsb !== at) return null;
    at += width;
  }
  return parts.length > 0 && parts.length <= 3 && at === bits ? parts.map(({ lsb, width }) => ({ lsb, width })) : null;
}

/** One field of the whole word, where an instruction works on all of it. */
function wholeWord(bits: number, ways: readonly Way[]): BitRange[] | null {
  const isWhole = ways.some(({ accesses }) => accesses.some(({ op }) => op === "cmpxchg" || op === "xchg"));
  return isWhole && bits <= 16 ? [{ lsb: 0, width: bits }] : null;
}

/** The single bits that are set, cleared or tested. */
function touchedBits(ways: readonly Way[]): BitRange[] {
  let mask = 0n;
  for (const { accesses, facts } of ways) {
    for (const { op, operands } of accesses)
      if (op === "bts" || op === "btr" || op === "or" || op === "xor") mask |= knownNumber(operands[0] as Bits) ?? 0n;
    for (const { atom } of facts) if (atom.kind === "match") mask |= atom.mask;
  }
  const places: BitRange[] = [];
  for (let lsb = 0; lsb < 64; lsb++) if ((mask >> BigInt(lsb)) & 1n) places.push({ lsb, width: 1 });
  return places;
}

/** Rules for the primitives that no rule names, for the analysis of the leaves. */
export function rulesWith(
  rules: ExtractionRules,
  { programs, guestArguments }: Pick<Recognised, "programs" | "guestArguments">,
): ExtractionRules {
  const found: Record<string, PrimitiveRule> = {};
  for (const { function: name, kind, operation, mode, side, word } of programs) {
    const argument = guestArguments.get(name);
    const asks = argument === undefined ? side : { argument };
    if (!(name in rules.primitives)) found[name] = { operation, lock: kind, mode, side: asks, word: word.type };
  }
  return Object.keys(found).length === 0 ? rules : { ...rules, primitives: { ...rules.primitives, ...found } };
}
