/** The leaves of a module, one by one: each leaf's rows are made from its own runs and depend on no other leaf's. */

import { num, type Program } from "../c/index.ts";
import { type Diagnostic, type Leaf, versionVariant } from "../catalog/index.ts";
import { exitBusy } from "./exit-busy.ts";
import { diagnostic } from "./findings.ts";
import { Knowledge, makersOfBusy } from "./knowledge.ts";
import { type LeafRun, runLeaf } from "./leaf-run.ts";
import type { DispatchedLeaf, DispatchTable } from "./leaves.ts";
import type { Primitives } from "./primitives.ts";
import type { HandedOver, RowContext } from "./row-context.ts";
import { buildRows } from "./rows.ts";
import type { ExtractionRules } from "./rules.ts";
import { STATUS_RULES } from "./status-rules.ts";
import type { Tables } from "./tables.ts";
import { readTdExit } from "./td-exit.ts";

/** Analyses leaves, and keeps what that says of the tree. */
export class LeafAnalysis {
  readonly found: Diagnostic[] = [];
  /** `file:line` of the primitive calls that were reached. */
  readonly visited = new Set<string>();
  private readonly table: DispatchTable;
  private readonly context: LeafContext;
  private steps = 0;

  constructor(
    program: Program,
    rules: ExtractionRules,
    table: DispatchTable,
    primitives: Primitives,
    tables: Tables,
    watch: Watch = () => {},
  ) {
    this.table = table;
    const followed = program.reaching(seeds(program, rules));
    const knowledge = new Knowledge(program, rules, followed, primitives.outcomes);
    const consults = tableReaders(program, rules, table);
    const { handedOver, troubles } = readTdExit(knowledge, (run) => this.note(run));
    this.found.push(...troubles.map((t) => diagnostic(t.what, t.message, t.site)));
    const busy = exitBusy(program, rules, STATUS_RULES, tables);
    this.context = {
      knowledge,
      note: (run) => this.note(run),
      tables,
      handedOver,
      found: this.found,
      consults,
      exitBusy: busy,
      watch,
    };
    this.steps = 0;
  }

  /** The entries of the leaf at an index of the dispatch table, one for each variant. */
  leaf(index: number): readonly Leaf[] {
    return leafEntries(this.table.leaves[index] as DispatchedLeaf, this.context);
  }

  /** The steps since this was last asked. */
  takeSteps(): number {
    const { steps } = this;
    this.steps = 0;
    return steps;
  }

  private note(run: LeafRun): LeafRun {
    this.found.push(...run.troubles.map((t) => diagnostic(t.what, t.message, t.site)));
    for (const site of run.visited) this.visited.add(site);
    this.steps += run.steps;
    return run;
  }
}

/** Functions worth following: primitives, page types, BUSY statuses, whole-word releases, what worsens a status, what never returns. */
function seeds(program: Program, rules: ExtractionRules): Set<string> {
  const result = new Set([
    ...Object.keys(rules.primitives),
    ...rules.followed,
    ...makersOfBusy(program, rules),
    ...Object.keys(rules.walks),
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
      if (/(?:->|\.)pt\s*=[^=]/.test(body)) result.add(name);
    }
  }
  return result;
}

/** Does a leaf, or its dispatcher before it, look into a legality table? A row of a table that nobody reads forbids nothing. */
type Consults = (leaf: DispatchedLeaf, tables: readonly TableName[]) => boolean;
type TableName = keyof ExtractionRules["tables"];

function tableReaders(program: Program, rules: ExtractionRules, table: DispatchTable): Consults {
  const handlers = new Set(table.leaves.flatMap((leaf) => leaf.handler?.name ?? []));
  const reaching = new Map<TableName, ReadonlySet<string>>();
  const readersOf = (name: TableName): ReadonlySet<string> => {
    const known = reaching.get(name);
    if (known) return known;
    const reads = new RegExp(`\\b${rules.tables[name]}\\b`);
    const readers = [...program.functions].filter(([, infos]) =>
      infos.some((info) => reads.test(program.texts.get(info.file)?.slice(info.bodyStart, info.bodyEnd) ?? "")),
    );
    const result = program.reaching(new Set(readers.map(([reader]) => reader)));
    reaching.set(name, result);
    return result;
  };
  return (leaf, tables) =>
    tables.some((name) => {
      const readers = readersOf(name);
      if (leaf.handler === null || readers.has(leaf.handler.name)) return true;
      const dispatcher = table.dispatchers[leaf.side];
      const calls = dispatcher
        ? (program.functions.get(dispatcher.function) ?? []).flatMap((info) => [...info.calls])
        : [];
      return calls.some((callee) => readers.has(callee) && !handlers.has(callee));
    });
}

type Watch = (context: RowContext, variant: string | null) => void;

interface LeafContext {
  readonly watch: Watch;
  readonly consults: Consults;
  /** What ends an entry because of a guest's call. */
  readonly exitBusy: Leaf["otherBusy"];
  readonly knowledge: Knowledge;
  /** Keeps what a run could not do, and what it reached. */
  readonly note: (run: LeafRun) => LeafRun;
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
  const versions = [0, 1].map((from) =>
    runEntry(leaf, from, versionVariant({ from, to: from === 0 ? 0 : null }), quiet),
  );
  const [zero, one] = versions as [Leaf, Leaf];
  context.found.push(...before);
  if (signature(zero) !== signature(one)) return versions;
  return [runEntry(leaf, null, null, { ...context, found: [] })];
}

/** What makes two variants different: the rows, not their evidence. */
const signature = (leaf: Leaf): string =>
  JSON.stringify(leaf.acquisitions.map((a) => [a.resource, a.role, a.lock, a.mode, a.side, a.when, a.times]));

function runEntry(leaf: DispatchedLeaf, version: number | null, variant: string | null, context: LeafContext): Leaf {
  const { knowledge, note, tables, handedOver } = context;
  const handler = leaf.handler as NonNullable<DispatchedLeaf["handler"]>;
  const args = leaf.args.map((value, i) => (version !== null && i === leaf.versionArgument ? num(version) : value));
  const rowContext: RowContext = {
    leaf,
    run: note(runLeaf(knowledge, handler, { side: leaf.side, args, version })),
    knowledge,
    names: { status: tables.statusName, operand: tables.operand },
    handedOver,
    handler: { file: handler.file, line: handler.line, function: handler.name },
  };
  context.watch(rowContext, variant);
  const rows = buildRows(rowContext);
  const releaseOrders = rows.releaseOrders.length === 0 ? {} : { releaseOrders: rows.releaseOrders };
  context.found.push(...rows.troubles.map((t) => diagnostic(t.what, t.message, t.site)));
  const isEntering = leaf.side === "host" && rowContext.run.finals.some(({ kind }) => kind === "td-entry");
  const otherBusy = [...rows.otherBusy, ...(isEntering ? context.exitBusy : [])];
  return { ...entry(leaf, variant, rows.acquisitions, otherBusy, context), ...releaseOrders };
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
    opStates: context.consults(leaf, ["hostOpStates", "guestOpStates"])
      ? context.tables.opStatesOf(leaf.side, leaf.number)
      : null,
    septStates: context.consults(leaf, ["hostSeptStates", "guestSeptStates"])
      ? context.tables.septStatesOf(leaf.side, leaf.number)
      : null,
    acquisitions,
    otherBusy,
  };
}
