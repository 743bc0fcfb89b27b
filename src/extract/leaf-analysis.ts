/**
 * The leaves of a module, one by one: each leaf's rows are made from its own run of the interpreter and depend on no other
 * leaf's, so that several threads can share them.
 */

import type { Diagnostic, Leaf, Site } from "../catalog/index.ts";
import { diagnostic } from "./findings.ts";
import { Interpreter } from "./interpreter.ts";
import type { DispatchedLeaf, DispatchTable } from "./leaves.ts";
import type { Primitives } from "./primitives.ts";
import type { Program } from "./program.ts";
import { buildRows, type HandedOver } from "./rows.ts";
import type { ExtractionRules } from "./rules.ts";
import type { Tables } from "./tables.ts";
import { num } from "./values.ts";

/** What one thread found; plain data. */
export interface Share {
  /** By the leaf's index in the dispatch table: its entries, one for each variant. */
  readonly entries: readonly (readonly [index: number, leaves: readonly Leaf[]])[];
  readonly found: readonly Diagnostic[];
  /** `file:line` of the primitive calls that were reached. */
  readonly visited: readonly string[];
}

/**
 * Analyses leaves.
 *
 * @param next index of a leaf that nobody has analysed yet; any number past the end of the table stops
 */
export function analyseLeaves(
  program: Program,
  rules: ExtractionRules,
  table: DispatchTable,
  primitives: Primitives,
  tables: Tables,
  next: () => number,
): Share {
  const relevant = program.reaching(seeds(program, rules));
  const interpreter = new Interpreter(program, rules, relevant, primitives.outcomes);
  const handedOver = readTdExit(program, interpreter, rules);
  const found: Diagnostic[] = [];
  const entries: [number, readonly Leaf[]][] = [];
  const context = { interpreter, rules, tables, handedOver, found };
  for (let i = next(); i < table.leaves.length; i = next())
    entries.push([i, leafEntries(table.leaves[i] as DispatchedLeaf, context)]);
  found.push(...interpreter.troubles.map((t) => diagnostic(t.what, t.message, t.site)));
  return { entries, found, visited: [...interpreter.visited] };
}

/** Functions worth following: primitives, page types, BUSY statuses, whole-word releases, what worsens a status, what never returns. */
function seeds(program: Program, rules: ExtractionRules): Set<string> {
  const result = new Set([
    ...Object.keys(rules.primitives),
    ...Object.keys(rules.noReturn).filter((name) => rules.noReturn[name] !== "fatal"),
  ]);
  const worsens = Object.keys(rules.statusChanges).filter((name) => rules.statusChanges[name]?.flags !== null);
  const worse = new RegExp(`\\b(${worsens.join("|")})\\s*\\(`);
  for (const [name, infos] of program.functions) {
    if (rules.wholeWordReleases.some((pattern) => pattern.test(name))) result.add(name);
    for (const info of infos) {
      const text = program.texts.get(info.file) ?? "";
      const body = text.slice(info.bodyStart, info.bodyEnd);
      if (worse.test(body) && rules.statusParameters.test(text.slice(info.headStart, info.bodyStart))) result.add(name);
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
