/** Functions that write the whole word of a SEPT entry, as their sequences of accesses. */
import type { FunctionAst, FunctionInfo } from "../../c/index.ts";
import type { BitSource, Leaf, SeptWriter, Site, WriterStep } from "../../catalog/index.ts";
import type { Bit } from "./bits.ts";
import { FACTS, intrinsicOf } from "./facts.ts";
import { type Access, NotUnderstood, type Tree, type Way } from "./machine.ts";
import { parametersOf } from "./signature.ts";
import type { AtomicFunction } from "./sites.ts";
import { type Variant, variantsOf, waysThrough } from "./ways.ts";

/** Positions of the two bits of a SEPT entry that locking uses. */
export interface EntryBits {
  readonly lock: number;
  readonly hostPriority: number;
}

/** What was found of the writers, and the places of the accesses that they explain: `file:line`. */
export interface Writers {
  readonly writers: readonly SeptWriter[];
  readonly explained: ReadonlySet<string>;
}

const isEntry = (type: string | null | undefined): boolean =>
  type !== null && type !== undefined && FACTS.septEntryTypes.includes(type);
export const placeOf = ({ file, line }: { file: string; line: number }): string => `${file}:${line}`;

/** @param bits null in a tree whose entries have no such bits */
export function septWriters(tree: Tree, functions: readonly AtomicFunction[], bits: EntryBits | null): Writers {
  if (bits === null) return { writers: [], explained: new Set() };
  const explained = new Set<string>();
  const writers: SeptWriter[] = [];
  for (const info of reachingWrites(tree)) {
    const ast = tree.program.ast(info);
    const entry = ast && parametersOf(ast).find(({ type, pointer }) => pointer && isEntry(type));
    if (!ast || !entry) continue;
    for (const { when, steps } of understood(tree, ast, entry.name, bits)) {
      for (const { site } of steps) explained.add(placeOf(site));
      writers.push({
        function: info.name,
        when,
        steps,
        unlocks: false,
        evidence: { file: info.file, line: info.line, function: info.name },
      });
    }
  }
  writers.push(...plainStores(functions, explained));
  return { writers: writers.sort(byPlace), explained };
}

/** Functions that can reach an accessor that writes a whole word, the accessors left out. */
function reachingWrites({ program }: Tree): FunctionInfo[] {
  const all = [...program.functions.values()].flat();
  const called = new Set(all.flatMap(({ calls }) => [...calls]));
  const accessors = [...called].filter((name) => ["cmpxchg", "write", "xchg"].includes(intrinsicOf(name)?.op ?? ""));
  const reaching = program.reaching(new Set(accessors));
  return all.filter(({ name }) => reaching.has(name) && intrinsicOf(name) === null);
}

interface Sequence {
  readonly when: string | null;
  readonly steps: readonly WriterStep[];
}

/** How a function writes the entry, for each case of its arguments; nothing where it does more than write. */
function understood(tree: Tree, ast: FunctionAst, entry: string, bits: EntryBits): Sequence[] {
  let variants: readonly Variant[];
  try {
    variants = variantsOf(waysThrough(tree, ast, entry));
  } catch (error) {
    if (error instanceof NotUnderstood) return [];
    throw error;
  }
  const sequences = variants.flatMap(({ given, ways }): Sequence[] => {
    const successes = ways.filter(({ end }) => end.kind !== "halt" && end.kind !== "again");
    const distinct = new Map(successes.map((way) => [JSON.stringify(way.accesses.map(placeOf)), way]));
    const [way, ...others] = [...distinct.values()];
    if (way === undefined || others.length > 0 || !isWriter(way)) return [];
    const again = new Set(ways.flatMap(({ end }) => (end.kind === "again" ? [end.step] : [])));
    const when = given.map(({ atom, holds }) => `${(atom.value !== 0n) === holds ? "" : "!"}${atom.source}`);
    return [
      {
        when: when.length === 0 ? null : when.join(" && "),
        steps: way.accesses.map((access, i) => stepOf(access, i, again, bits)),
      },
    ];
  });
  const different = new Set(sequences.map(({ steps }) => JSON.stringify(steps)));
  return different.size === 1 ? sequences.slice(0, 1).map(({ steps }) => ({ when: null, steps })) : sequences;
}

const isWriter = ({ accesses }: Way): boolean =>
  accesses.every(({ op }) => op === "read" || op === "cmpxchg" || op === "write") &&
  accesses.some(({ op }) => op !== "read");

function stepOf(access: Access, at: number, again: ReadonlySet<number>, bits: EntryBits): WriterStep {
  const { file, line, function: name } = access;
  const written = access.op === "read" ? null : access.operands[access.op === "cmpxchg" ? 1 : 0];
  const source = (bit: number): BitSource | null =>
    written ? sourceOf(written[bit] as Bit, access.op === "cmpxchg" ? (access.operands[0]?.[bit] as Bit) : null) : null;
  return {
    instruction: access.op as WriterStep["instruction"],
    retries: again.has(at),
    hostPriority: source(bits.hostPriority),
    lock: source(bits.lock),
    site: { file, line, function: name },
  };
}

/** A compare-exchange that writes the bit that it expects leaves it as it is. */
function sourceOf(bit: Bit, expected: Bit | null): BitSource {
  if (typeof bit !== "object") return bit === 1 ? "set" : "clear";
  if (typeof bit.source === "string") return "given";
  const isExpected = expected !== null && typeof expected === "object" && expected.source === bit.source;
  return isExpected && expected.bit === bit.bit && expected.flipped === bit.flipped ? "kept" : "earlier";
}

/** Stores of a whole entry in functions that do more: each is one step, of a word that was made before. */
function plainStores(functions: readonly AtomicFunction[], explained: Set<string>): SeptWriter[] {
  return functions.flatMap(({ ast, sites }): SeptWriter[] => {
    const stores = sites.filter(
      ({ intrinsic, root, site }) => intrinsic?.op === "write" && isEntry(root?.type) && !explained.has(placeOf(site)),
    );
    if (stores.length === 0) return [];
    for (const { site } of stores) explained.add(placeOf(site));
    const steps = stores.map(
      ({ site }): WriterStep => ({ instruction: "write", retries: false, hostPriority: "given", lock: "given", site }),
    );
    // Each store is a write of its own: which of them runs is for the function to decide.
    return steps.map((step) => ({
      function: ast.name,
      when: null,
      steps: [step],
      unlocks: false,
      evidence: step.site,
    }));
  });
}

const byPlace = (a: SeptWriter, b: SeptWriter): number => {
  const key = ({ evidence, steps }: SeptWriter): [string, number] => [
    evidence.file,
    steps[0]?.site.line ?? evidence.line,
  ];
  const [[fileA, lineA], [fileB, lineB]] = [key(a), key(b)];
  return fileA < fileB ? -1 : fileA > fileB ? 1 : a.evidence.line - b.evidence.line || lineA - lineB;
};

/** Writers with what the leaves say of them: a leaf's row is given back at a writer's store, or by calling it. */
export function withUnlocks(writers: readonly SeptWriter[], leaves: readonly Leaf[]): SeptWriter[] {
  const releases = leaves.flatMap(({ acquisitions }) =>
    acquisitions.flatMap(({ lock, release }) => (lock === "sept_entry" && release !== null ? [release] : [])),
  );
  const functions = new Set(releases.map(({ at }) => at));
  const sites = new Set(releases.flatMap(({ evidence }) => evidence.map((site: Site) => placeOf(site))));
  return writers.map((writer) => ({
    ...writer,
    unlocks: functions.has(writer.function) || writer.steps.some(({ site }) => sites.has(placeOf(site))),
  }));
}
