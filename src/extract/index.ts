/**
 * From a module's source tree to its Catalog.
 */

import type { Catalog, Diagnostic, Leaf, Side, Site } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import { cacheKey, readCache, writeCache } from "./cache.ts";
import { diagnostic, sortDiagnostics } from "./findings.ts";
import { grammarPath } from "./grammar.ts";
import { Interpreter } from "./interpreter.ts";
import { type DispatchedLeaf, type DispatchTable, readDispatchers } from "./leaves.ts";
import { Primitives } from "./primitives.ts";
import { Program } from "./program.ts";
import { buildRows, type HandedOver } from "./rows.ts";
import { type ExtractionRules, RULES } from "./rules.ts";
import { checkSoundness } from "./soundness.ts";
import { loadParser } from "./syntax.ts";
import { readTables, type Tables } from "./tables.ts";
import { readTree, type SourceTree } from "./tree.ts";
import { num } from "./values.ts";

export { defaultCacheDir } from "./cache.ts";

export interface ExtractOptions {
  /** Directory of the source tree. */
  readonly tree: string;
  /** Public repository that the tree comes from, for the evidence links; default null. */
  readonly repository?: string | null;
  /** Commit of that repository; default null. */
  readonly revision?: string | null;
  /** Version to record; default: what the tree's build files state. */
  readonly version?: string | null;
  /** Folder for results of unchanged trees; null (the default) keeps none. */
  readonly cacheDir?: string | null;
}

export interface ExtractResult {
  readonly catalog: Catalog;
  readonly fromCache: boolean;
}

/**
 * Extracts a Catalog.
 *
 * What could not be resolved stands in the catalog's diagnostics; one of severity "error" means that rows may be missing or
 * wrong where it points.
 *
 * @throws SeamlockError SL1001–SL1004 when the directory is not a module's source tree
 */
export async function extractTree(options: ExtractOptions): Promise<ExtractResult> {
  const tree = readTree(options.tree);
  const version = options.version ?? tree.statedVersion ?? "unknown";
  const key = cacheKey([
    tree.digest,
    JSON.stringify(tree.skipped),
    version,
    options.repository ?? null,
    options.revision ?? null,
  ]);
  const cached = options.cacheDir ? readCache(options.cacheDir, key) : null;
  if (cached) return { catalog: cached, fromCache: true };
  const catalog = await analyse(tree, {
    version,
    repository: options.repository ?? null,
    revision: options.revision ?? null,
  });
  if (options.cacheDir) writeCache(options.cacheDir, key, catalog);
  return { catalog, fromCache: false };
}

interface Identity {
  readonly version: string;
  readonly repository: string | null;
  readonly revision: string | null;
}

async function analyse(tree: SourceTree, identity: Identity): Promise<Catalog> {
  const parser = await loadParser(grammarPath());
  try {
    return analyseProgram(new Program(parser, tree.files, RULES.preprocess), tree, identity, RULES);
  } finally {
    parser.parser.delete();
  }
}

function analyseProgram(program: Program, tree: SourceTree, identity: Identity, rules: ExtractionRules): Catalog {
  const reachingLocks = program.reaching(new Set(Object.keys(rules.primitives)));
  const relevant = program.reaching(seeds(program, rules));
  const table = readDispatchers(program, rules);
  if (table.leaves.length === 0) {
    throw new SeamlockError("SL1004", `${tree.root} has C source, but no dispatcher of SEAMCALL or TDCALL leaves`, {
      place: { file: tree.root },
      hint: "give the root of a TDX module source tree; `seamlock modules` lists the versions that are bundled",
    });
  }
  const primitives = new Primitives(program, rules);
  const interpreter = new Interpreter(program, rules, relevant, primitives.outcomes);
  const tables = readTables(program, rules);
  const handedOver = readTdExit(program, interpreter, rules);
  const found: Diagnostic[] = [];
  const leaves = table.leaves.flatMap((leaf) =>
    leafEntries(leaf, { program, interpreter, rules, tables, handedOver, found }),
  );
  const roots = new Set([
    ...table.leaves.flatMap((leaf) => (leaf.handler ? [leaf.handler.name] : [])),
    ...rules.tdExit,
    ...dispatcherNames(table),
  ]);
  const soundness = checkSoundness(program, rules, interpreter.visited, roots, reachingLocks);
  found.push(
    ...tree.skipped.map((s) => diagnostic("skipped-file", `not read: ${s.reason}`, { file: s.path })),
    ...program.unevaluated.map((u) =>
      diagnostic(
        "conditional",
        `the condition '${u.text}' could not be evaluated; its branch was taken as inactive`,
        u,
      ),
    ),
    ...interpreter.troubles.map((t) => diagnostic(t.what, t.message, t.site)),
    ...soundness.findings.map((f) => diagnostic(f.what, f.message, f.site)),
    ...table.unresolved.map((u) => diagnostic("leaf", `the case ${u.label} was not understood: ${u.reason}`, u.site)),
    ...tables.missing.map((what) =>
      diagnostic("missing-table", `the tree has no table of ${what}; leaves carry no such states`),
    ),
    ...(["host", "guest"] as const)
      .filter((side) => !table.dispatchers[side])
      .map((side) =>
        diagnostic("leaf", `no dispatcher of ${side === "host" ? "SEAMCALL" : "TDCALL"} leaves was found`),
      ),
  );
  return {
    schema: "seamlock/catalog@1",
    module: {
      version: identity.version,
      origin: "extracted",
      repository: identity.repository,
      revision: identity.revision,
      sourceDigest: tree.digest,
    },
    leaves: sortLeaves(leaves),
    locks: primitives.definitions(),
    septEntryBits: tables.septEntryBits,
    opStates: tables.opStates,
    septStates: tables.septStates,
    statusCodes: tables.statusCodes,
    operandIds: tables.operandIds,
    constants: tables.constants,
    coverage: soundness.coverage,
    diagnostics: sortDiagnostics(found),
  };
}

const dispatcherNames = (table: DispatchTable): string[] =>
  Object.values(table.dispatchers).flatMap((site: Site | null) => (site ? [site.function] : []));

/** Functions worth following: primitives, page types, BUSY statuses, whole-word releases, and what never returns. */
function seeds(program: Program, rules: ExtractionRules): Set<string> {
  const result = new Set([
    ...Object.keys(rules.primitives),
    ...Object.keys(rules.noReturn).filter((name) => rules.noReturn[name] !== "fatal"),
  ]);
  for (const [name, infos] of program.functions) {
    if (rules.wholeWordReleases.some((pattern) => pattern.test(name))) result.add(name);
    for (const info of infos) {
      const body = program.texts.get(info.file)?.slice(info.bodyStart, info.bodyEnd) ?? "";
      if (
        /(?:->|\.)pt\s*=[^=]/.test(body) ||
        [...body.matchAll(/\bTDX_\w+/g)].some((m) => rules.busyStatuses.test(m[0]))
      )
        result.add(name);
    }
  }
  return result;
}

/** What the exit from a TD gives back, by the hand-over field that leads to it. */
function readTdExit(program: Program, interpreter: Interpreter, rules: ExtractionRules): HandedOver {
  const result = new Map<string, readonly Site[]>();
  const field = new RegExp(`${rules.handOver}(?:\\.|->)(\\w+)|\\b${rules.handOver}\\b.*?\\.(\\w+)`);
  for (const name of rules.tdExit) {
    const info = program.functions.get(name)?.[0];
    if (!info) continue;
    for (const { state } of interpreter.run(info, [], "host").finals) {
      for (const event of state.events) {
        if (event.kind !== "release") continue;
        const match = field.exec(event.lockKey);
        const handed = match?.[1] ?? match?.[2];
        const key = `${handed} ${/\.(\w+)(?:\[[^\]]*\])?$/.exec(event.lockKey)?.[1]}`;
        if (handed !== undefined && !result.has(key)) result.set(key, event.evidence);
      }
    }
  }
  return result;
}

interface LeafContext {
  readonly program: Program;
  readonly interpreter: Interpreter;
  readonly rules: ExtractionRules;
  readonly tables: Tables;
  readonly handedOver: HandedOver;
  readonly found: Diagnostic[];
}

/** The entries of one leaf: one, or one per version where the version decides the locks. */
function leafEntries(leaf: DispatchedLeaf, context: LeafContext): Leaf[] {
  const { handler } = leaf;
  if (!handler) return [entry(leaf, null, [], [], context)];
  if (!leaf.versioned) return [runEntry(leaf, null, null, context)];
  const before: Diagnostic[] = [];
  const quiet = { ...context, found: before };
  const versions = [0, 1].map((version) => runEntry(leaf, version, version === 0 ? "version=0" : "version>=1", quiet));
  const [zero, one] = versions as [Leaf, Leaf];
  context.found.push(...before);
  if (signature(zero) !== signature(one)) return versions;
  return [runEntry(leaf, null, null, { ...context, found: [] })];
}

/** What makes two variants different: the rows, not their evidence. */
const signature = (leaf: Leaf): string =>
  JSON.stringify(leaf.acquisitions.map((a) => [a.resource, a.role, a.lock, a.mode, a.side, a.when, a.times]));

function runEntry(leaf: DispatchedLeaf, version: number | null, variant: string | null, context: LeafContext): Leaf {
  const { interpreter, rules, tables, handedOver } = context;
  const handler = leaf.handler as NonNullable<DispatchedLeaf["handler"]>;
  const args = leaf.args.map((value, i) => (version !== null && i === leaf.versionArgument ? num(version) : value));
  const { finals, frame } = interpreter.run(handler, args, leaf.side, version);
  const rows = buildRows({
    leaf,
    finals,
    frame,
    interpreter,
    rules,
    names: { status: tables.statusName, operand: tables.operand },
    handedOver,
    handler: { file: handler.file, line: handler.line, function: handler.name },
  });
  context.found.push(...rows.troubles.map((t) => diagnostic(t.what, t.message, t.site)));
  return entry(leaf, variant, rows.acquisitions, rows.otherBusy, context);
}

function entry(
  leaf: DispatchedLeaf,
  variant: string | null,
  acquisitions: Leaf["acquisitions"],
  otherBusy: Leaf["otherBusy"],
  context: LeafContext,
): Leaf {
  const { handler } = leaf;
  return {
    name: leaf.name,
    number: leaf.number,
    side: leaf.side,
    handler: handler ? { file: handler.file, line: handler.line, function: handler.name } : leaf.site,
    variant,
    opStates: context.tables.opStatesOf(leaf.side, leaf.number),
    septStates: context.tables.septStatesOf(leaf.side, leaf.number),
    acquisitions,
    otherBusy,
  };
}

function sortLeaves(leaves: readonly Leaf[]): Leaf[] {
  const rank: Record<Side, number> = { host: 0, guest: 1 };
  return leaves
    .map((leaf, i) => ({ leaf, i }))
    .sort((a, b) => rank[a.leaf.side] - rank[b.leaf.side] || a.leaf.number - b.leaf.number || a.i - b.i)
    .map(({ leaf }) => leaf);
}
