/** From the files of a module's source tree to its Catalog. */

import { LIMITS } from "../c/index.ts";
import type { Catalog, Diagnostic, Leaf, Side } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import { withUnlocks } from "./atomics/index.ts";
import { Extraction, type Share, type WholeTree, Work } from "./extraction.ts";
import { diagnostic, sortDiagnostics } from "./findings.ts";
import { RULES } from "./rules.ts";
import { absentHeaders, checkSoundness } from "./soundness.ts";
import { type LeafStatuses, withStatuses } from "./status-sources.ts";
import { analyseAll, startHelper } from "./threads.ts";
import type { SourceTree } from "./tree.ts";

/** What a tree is said to be. */
export interface Identity {
  readonly version: string;
  readonly repository: string | null;
  readonly revision: string | null;
}

/**
 * Analyses a tree that was read.
 *
 * @throws SeamlockError SL1004 when it is no module's, SL1005 when it is far larger than one, SL1058 when it lacks the statuses
 */
export async function analyseTree(tree: SourceTree, identity: Identity): Promise<Catalog> {
  const work = new Work();
  const helper = startHelper(tree.files, work);
  try {
    const extraction = new Extraction(tree.files);
    if (extraction.table.leaves.length === 0) throw noModule(tree);
    if (extraction.program.constant(RULES.aStatus) === null)
      throw noStatuses(tree, absentHeaders(extraction.program, RULES));
    const shares = await analyseAll(extraction, work, helper);
    if (shares === null) throw tooMuch(tree);
    return catalogOf(tree, identity, extraction, shares);
  } finally {
    helper?.stop();
  }
}

const noModule = (tree: SourceTree): SeamlockError =>
  new SeamlockError("SL1004", `${tree.root} has C source, but no dispatcher of SEAMCALL or TDCALL leaves`, {
    place: { file: tree.root },
    hint: tree.skipped[0]
      ? `${tree.skipped[0].path} was not read: ${tree.skipped[0].reason}`
      : "give the root of a TDX module source tree; `seamlock modules` lists the versions that are bundled",
  });

/** Nothing tells success from failure: every way through a leaf would count as both. */
const noStatuses = (tree: SourceTree, absent: ReturnType<typeof absentHeaders>): SeamlockError =>
  new SeamlockError("SL1058", `${tree.root} does not define ${RULES.aStatus}, or not as one number`, {
    place: { file: tree.root },
    hint:
      absent.length === 0
        ? "give the root of the whole tree, with all of its headers"
        : `the tree is not whole: its files include ${listed(absent.map(({ name }) => name))}, which it does not have`,
  });

const LISTED = 3;

/** `a, b, c and 4 more` */
const listed = (names: readonly string[]): string =>
  names.length <= LISTED + 1
    ? names.join(", ")
    : `${names.slice(0, LISTED).join(", ")} and ${names.length - LISTED} more`;

const tooMuch = (tree: SourceTree): SeamlockError =>
  new SeamlockError("SL1005", `the analysis of ${tree.root} takes more than ${LIMITS.steps} steps`, {
    place: { file: tree.root },
    hint: "a module takes about a third of that: is all that the tree holds the source of one module?",
  });

/**
 * The catalog of what was found in a tree.
 *
 * @param shares what each thread, or each part of the work, found; together they have every leaf
 */
export function catalogOf(
  tree: SourceTree,
  identity: Identity,
  { program, table, primitives, tables }: Extraction,
  shares: readonly Share[],
): Catalog {
  const { statuses } = shares.find((share) => share.statuses !== null) as Share & { statuses: LeafStatuses };
  const { whole } = shares.find((share) => share.whole !== null) as Share & { whole: WholeTree };
  const { atomics, behaviours, expected } = whole;
  const leaves = withStatuses(inOrder(shares.flatMap((share) => share.entries)), statuses);
  const visited = new Set(shares.flatMap((share) => share.visited));
  const soundness = checkSoundness(expected, visited);
  const found = [
    ...distinct(shares.flatMap((share) => share.found)),
    ...tree.skipped.map((s) => diagnostic("skipped-file", `not read: ${s.reason}`, { file: s.path })),
    ...program.unevaluated.map((u) =>
      diagnostic(
        "conditional",
        `the condition '${u.text.slice(0, 80)}' could not be evaluated; its branch was taken as inactive`,
        u,
      ),
    ),
    ...program.unbalanced.map((u) =>
      diagnostic(
        u.lost ? "cut-off" : "unterminated",
        `a conditional of the preprocessor has no other end${u.lost ? "; the rest of the file was left out" : ""}`,
        u,
      ),
    ),
    ...[...program.oversized].map((info) =>
      diagnostic("oversized", `${info.name} was not read: it has more than ${LIMITS.functionTokens} tokens`, info),
    ),
    ...[...soundness.findings, ...atomics.findings, ...primitives.misdirected()].map((f) =>
      diagnostic(f.what, f.message, f.site),
    ),
    ...table.unresolved.map((u) => diagnostic("leaf", `the case ${u.label} was not understood: ${u.reason}`, u.site)),
    ...tables.missing.map((what) =>
      diagnostic("missing-table", `the tree has no table of ${what}; leaves carry no such states`),
    ),
    ...(["host", "guest"] as const)
      .filter((side) => !table.dispatchers[side])
      .map((side) =>
        diagnostic("leaf", `no dispatcher of ${side === "host" ? "SEAMCALL" : "TDCALL"} leaves was found`),
      ),
  ];
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
    primitives: atomics.programs,
    writers: withUnlocks(atomics.writers, leaves),
    behaviours,
    otherAtomics: atomics.others,
    septEntryBits: tables.septEntryBits,
    opStates: tables.opStates,
    septStates: tables.septStates,
    statusCodes: tables.statusCodes,
    operandIds: tables.operandIds,
    statuses: statuses.statuses,
    constants: tables.constants,
    coverage: soundness.coverage,
    diagnostics: sortDiagnostics(found),
  };
}

function inOrder(entries: readonly (readonly [index: number, leaves: readonly Leaf[]])[]): Leaf[] {
  return [...entries].sort((a, b) => a[0] - b[0]).flatMap(([, leaves]) => leaves);
}

/** Threads that follow the same helper function say the same of it. */
function distinct(found: readonly Diagnostic[]): Diagnostic[] {
  return [...new Map(found.map((d) => [JSON.stringify(d), d])).values()];
}

function sortLeaves(leaves: readonly Leaf[]): Leaf[] {
  const rank: Record<Side, number> = { host: 0, guest: 1 };
  return leaves
    .map((leaf, i) => ({ leaf, i }))
    .sort((a, b) => rank[a.leaf.side] - rank[b.leaf.side] || a.leaf.number - b.leaf.number || a.i - b.i)
    .map(({ leaf }) => leaf);
}
