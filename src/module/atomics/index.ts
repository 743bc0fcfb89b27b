/**
 * What a tree does atomically: lock primitives and writers of SEPT entries as programs, and everything else that works on memory
 * with a locked instruction, explained or diagnosed.
 */
import type { Program, SourceFile } from "../../c/index.ts";
import type { LockProgram, OtherAtomic, SeptWriter, Site } from "../../catalog/index.ts";
import type { ExtractionRules } from "../rules.ts";
import { FACTS, intrinsicOf } from "./facts.ts";
import { Layouts } from "./layout.ts";
import type { Tree } from "./machine.ts";
import { type Candidate, candidateOf, isRefusal, type Recognised, type Refusal, recognise } from "./recognise.ts";
import { type AtomicFunction, type AtomicSite, atomicFunctions, lockedAssembly } from "./sites.ts";
import { type EntryBits, placeOf, septWriters } from "./writers.ts";

export { behavioursOf } from "./behaviours.ts";
export { rulesWith } from "./recognise.ts";
export { withUnlocks } from "./writers.ts";

/** What is wrong with an atomic instruction, or with what was made of it. */
export interface AtomicFinding {
  readonly what: "atomic-unknown" | "accessor-unknown" | "primitive-unlike" | "lock-incomplete";
  readonly message: string;
  readonly site: Site;
}

export interface Atomics {
  readonly programs: readonly LockProgram[];
  /** Without what the leaves say of them. */
  readonly writers: readonly SeptWriter[];
  readonly others: readonly OtherAtomic[];
  readonly findings: readonly AtomicFinding[];
}

/** The lock primitives of a tree; plain data. */
export type LockPrograms = Pick<Recognised, "programs" | "guestArguments">;

/** The lock primitives of a tree, for the analysis of its leaves. */
export function lockPrograms(program: Program, rules: ExtractionRules): LockPrograms {
  return read(program, rules);
}

interface Reading {
  readonly tree: Tree;
  readonly functions: readonly AtomicFunction[];
  readonly programs: readonly LockProgram[];
  readonly guestArguments: ReadonlyMap<string, number>;
  readonly refused: readonly Refusal[];
  readonly unlike: readonly Refusal[];
}

const readings = new WeakMap<Program, Reading>();

function read(program: Program, rules: ExtractionRules): Reading {
  const known = readings.get(program);
  if (known) return known;
  const tree: Tree = { program, rules, layouts: new Layouts(program) };
  const functions = atomicFunctions(program);
  const all = functions.filter(mayLock).map((fn) => candidateOf(tree, fn));
  const recognised = recognise(
    tree,
    all.filter((one): one is Candidate => !isRefusal(one)),
  );
  const refused = [...all.filter(isRefusal), ...recognised.refused];
  const reading = { tree, functions, ...recognised, refused };
  readings.set(program, reading);
  return reading;
}

/** Whole words of SEPT entries are written by writers, not locked. */
function mayLock({ sites }: AtomicFunction): boolean {
  const rootTypes = new Set(sites.map(({ root }) => root?.type ?? null));
  const isEntry = [...rootTypes].every((type) => type !== null && FACTS.septEntryTypes.includes(type));
  const writes = sites.every(({ intrinsic }) => ["cmpxchg", "write", "read"].includes(intrinsic?.op ?? ""));
  return !(isEntry && writes) && sites.some(({ intrinsic }) => intrinsic?.op !== "write");
}

/**
 * Everything that a tree does atomically.
 *
 * @param septEntryBits positions of the bits of a SEPT entry, by name
 */
export function readAtomics(
  program: Program,
  rules: ExtractionRules,
  files: readonly SourceFile[],
  septEntryBits: Readonly<Record<string, number>>,
): Atomics {
  const { tree, functions, programs, refused, unlike } = read(program, rules);
  const { writers, explained } = septWriters(tree, functions, entryBits(septEntryBits));
  const primitives = new Set(programs.map(({ evidence }) => placeOf(evidence)));
  const others: OtherAtomic[] = [];
  const findings: AtomicFinding[] = [];
  for (const fn of functions) {
    if (primitives.has(placeOf(fn.ast))) continue;
    for (const site of fn.sites) {
      if (site.intrinsic?.op === "write" || explained.has(placeOf(site.site))) continue;
      const reason = explanation(site);
      if (reason !== null) others.push(otherOf(site, reason));
      else
        findings.push(
          unknown(
            site,
            refused.find((refusal) => refusal.function === fn),
          ),
        );
    }
  }
  findings.push(
    ...unlike.map(
      ({ function: { ast }, message, line }): AtomicFinding => ({
        what: "primitive-unlike",
        message: `${ast.name} is not understood as a lock primitive: ${message}`,
        site: { file: ast.file, line, function: ast.name },
      }),
    ),
    ...strangeAccessors(program, files),
    ...incomplete(programs),
  );
  return { programs, writers, others, findings };
}

/** Null in a tree whose entries have no lock of their own. */
function entryBits(named: Readonly<Record<string, number>>): EntryBits | null {
  const [lock, hostPriority] = [named[FACTS.septEntryBits.lock], named[FACTS.septEntryBits.hostPriority]];
  return lock === undefined || hostPriority === undefined ? null : { lock, hostPriority };
}

function explanation({ object, intrinsic, site }: AtomicSite): string | null {
  const known = FACTS.others.find(
    (other) =>
      other.object.test(object) &&
      (other.instruction === undefined || other.instruction === intrinsic?.op) &&
      (other.function === undefined || other.function.test(site.function)),
  );
  return known?.reason ?? null;
}

const otherOf = ({ intrinsic, object, site }: AtomicSite, reason: string): OtherAtomic => ({
  instruction: intrinsic?.op ?? "",
  object,
  reason,
  site,
});

function unknown({ name, object, site }: AtomicSite, refusal: Refusal | undefined): AtomicFinding {
  const why = refusal ? `: ${refusal.message}` : "";
  return {
    what: "atomic-unknown",
    message: `${site.function} works atomically on ${object} (${name}), which is no lock, no SEPT entry and nothing else that is known${why}`,
    site,
  };
}

/** Assembly that locks memory outside the accessors, and accessors whose assembly is another instruction than is known of them. */
function strangeAccessors(program: Program, files: readonly SourceFile[]): AtomicFinding[] {
  return lockedAssembly(program, files).flatMap(({ function: name, text, site }): AtomicFinding[] => {
    const intrinsic = intrinsicOf(name);
    if (intrinsic === null)
      return [
        { what: "accessor-unknown", message: `${name} has an instruction that locks memory, and is not known`, site },
      ];
    if (new RegExp(`\\b${intrinsic.mnemonic}\\w*\\b`).test(text)) return [];
    return [
      {
        what: "accessor-unknown",
        message: `${name} is known as ${intrinsic.mnemonic}, which it does not execute`,
        site,
      },
    ];
  });
}

/** A lock that can be taken and not given back, or given back and not taken, was not read wholly. */
function incomplete(programs: readonly LockProgram[]): AtomicFinding[] {
  return programs.flatMap((program): AtomicFinding[] => {
    if (program.operation !== "acquire") return [];
    const isGivenBack = programs.some(
      ({ operation, kind, mode, word }) =>
        operation === "release" && kind === program.kind && mode === program.mode && word.type === program.word.type,
    );
    if (isGivenBack) return [];
    const { function: name, evidence, mode } = program;
    return [
      {
        what: "lock-incomplete",
        message: `${name} takes a lock (${mode}) that no function gives back`,
        site: evidence,
      },
    ];
  });
}
