/** The whole way from a tree's files to its HostProfile. */

import type { Program } from "../c/index.ts";
import type { Diagnostic } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import type { HostProfile } from "../host/index.ts";
import { Analysis } from "./analysis.ts";
import { unheededBars, withoutBar } from "./bars.ts";
import { Busy } from "./busy.ts";
import { diagnose } from "./diagnose.ts";
import { type Entry, findEntries } from "./entries.ts";
import { type Context, contextsBelow, type Taken } from "./graph.ts";
import { interruptsOf } from "./interrupts.ts";
import { LeafNames } from "./leaves.ts";
import { type Held, heldKey, lockSet } from "./locks.ts";
import { type PageSizes, pageSizesOf } from "./page-sizes.ts";
import { factsIn, mayOverrun, transitionsBelow } from "./phases.ts";
import { locksOf, matches, type PlacedRow, pathsOf } from "./profile.ts";
import { Reach } from "./reach.ts";
import { type Labels, type Row, rowsBelow } from "./rows.ts";
import type { KernelRules } from "./rules.ts";
import { Source } from "./source.ts";
import { NO_FACTS } from "./state.ts";
import type { KernelTree } from "./tree.ts";
import { POSITIVE, TOP, type Value } from "./values.ts";

/** An entry in a phase, and what it leads to. */
interface Run {
  readonly entry: Entry;
  readonly phase: string;
  readonly context: Context;
  readonly rows: readonly Row[];
}

/** A way that is left out because of what sizes pages have is left out where they have no others. */
const isAbout = ({ pageSizes }: KernelRules["excluded"][number], sizes: PageSizes): boolean =>
  pageSizes === undefined || (sizes?.every((size) => pageSizes.includes(size)) ?? false);

export interface ProfileIdentity {
  readonly name: string;
  readonly origin: string;
  readonly rulesDigest: string;
}

/**
 * Makes the profile of a tree's hypervisor.
 *
 * @throws SeamlockError SL3402 when nothing makes a SEAMCALL
 */
export function profileOf(
  tree: KernelTree,
  program: Program,
  general: KernelRules,
  identity: ProfileIdentity,
): HostProfile {
  const sizes = pageSizesOf(program, general);
  const rules = { ...general, excluded: general.excluded.filter((rule) => isAbout(rule, sizes)) };
  const source = new Source(program, rules);
  const reach = new Reach(source);
  const entries = findEntries(source, reach);
  const tracked = new Set([...Object.keys(rules.facts.members), ...rules.facts.tracked]);
  const analysis = new Analysis(source, reach, tracked);
  const leaves = new LeafNames(program, rules);
  const busy = new Busy(analysis, leaves);
  const runs = runAll(entries, rules, analysis, busy);
  const contexts = contextsBelow(runs.map((run) => run.context));
  const unheeded = unheededBars(contexts, source, leaves);
  const reactionOf = (row: Row): readonly string[] => (unheeded.length > 0 ? withoutBar(row.onBusy) : row.onBusy);
  const placed = placeRows(runs, rules, analysis, busy, leaves).map((row) => ({ ...row, onBusy: reactionOf(row) }));
  const diagnostics = diagnose({
    tree,
    program,
    rules,
    source,
    reach,
    analysis,
    entries,
    contexts,
    rows: placed,
    unheeded,
    kept: runs.flatMap(({ context }) => keptLocks(context)),
    sizes,
  });
  if (placed.length === 0) throw nothingFound(tree, diagnostics);
  const paths = pathsOf(placed, rules, identity.origin);
  const version = tree.version ?? "unknown";
  return {
    schema: "seamlock/host@1",
    name: identity.name,
    description: `${rules.name === "linux-kvm" ? "Linux" : rules.name} ${version}, extracted from source`,
    sources: [identity.origin],
    assumed: [...rules.profile.assumed, ...assumptionsOf(analysis)],
    ...(sizes && { pageSizes: sizes }),
    phases: rules.phases.map(({ name, what, opStates, singleThreaded }) => ({
      name,
      what,
      ...(opStates && { opStates }),
      ...(singleThreaded && { singleThreaded }),
    })),
    locks: locksOf(paths, rules, analysis.takenBy),
    paths,
    ...(rules.profile.guest && { guest: rules.profile.guest }),
    extracted: {
      tree: identity.origin,
      kernel: version,
      digest: tree.digest,
      rules: rules.name,
      rulesDigest: identity.rulesDigest,
      excluded: analysis.exclusions
        .filter((rule) => rule.places.length > 0)
        .map(({ function: what, reason, places }) => ({ what, reason, places: uniquePlaces(places) })),
      diagnostics: [...diagnostics],
    },
  };
}

function nothingFound({ root }: KernelTree, diagnostics: readonly Diagnostic[]): SeamlockError {
  const cause = diagnostics.find(({ severity }) => severity === "error");
  if (cause === undefined)
    return new SeamlockError("SL3402", `nothing in ${root} makes a SEAMCALL`, {
      place: { file: root },
      hint: "give the root of a Linux source tree with TDX host support: 6.16 or later",
    });
  return new SeamlockError("SL3402", `nothing that could be followed in ${root} makes a SEAMCALL`, {
    place: { file: root },
    hint: `what was in the way: ${cause.file === null ? "" : `${cause.file}:${cause.line}: `}${cause.message} (${cause.code})`,
  });
}

function runAll(entries: readonly Entry[], rules: KernelRules, analysis: Analysis, busy: Busy): Run[] {
  const labels = labelsOf(rules, analysis.source);
  return rules.phases.flatMap((phase) => {
    const facts = factsIn(phase, rules, analysis);
    const begins = (name: string): boolean =>
      phase.entries.some((p) => matches(p, name)) && !phase.except.some((p) => matches(p, name));
    return entries
      .filter(({ info }) => begins(info.name))
      .flatMap((entry): Run[] => {
        const { info } = entry;
        const code = analysis.source.code(info);
        const args = (code?.parameters ?? []).map(
          (name): Value => (code?.types.get(name)?.includes("*") ? POSITIVE : TOP),
        );
        const held = (rules.entries.holds[info.name] ?? []).map((h): Held => ({ ...h, of: "self", count: 1 }));
        const context = analysis.entry(
          { info, locks: lockSet(held), facts: NO_FACTS, args, vars: new Map(), isEntry: true },
          phase.name,
          facts,
        );
        return context === null ? [] : [{ entry, phase: phase.name, context, rows: rowsBelow(context, labels, busy) }];
      });
  });
}

function labelsOf({ labels, seamcalls, callbacks, locks }: KernelRules, source: Source): Labels {
  const alone = new Map(
    Object.values(callbacks).flatMap((c) => (c.one === undefined ? [] : [[c.one.context, c.context] as const])),
  );
  const known = new Map<string, boolean>();
  return {
    isCase: (name: string): boolean => {
      const answer =
        known.get(name) ?? (labels.cases.some((p) => matches(p, name)) && !labels.except.some((p) => matches(p, name)));
      known.set(name, answer);
      return answer;
    },
    ofFunction: (name: string): string | null => labels.functions[name] ?? null,
    interrupts: interruptsOf(source, { callbacks, locks }),
    ofAll: (context: string): string | undefined => alone.get(context),
    isWrapper: (name: string): boolean => seamcalls.wrappers.some((p) => matches(p, name)),
  };
}

function placeRows(
  runs: readonly Run[],
  rules: KernelRules,
  analysis: Analysis,
  busy: Busy,
  names: LeafNames,
): PlacedRow[] {
  const transitions = transitionsBelow(runs.map((run) => run.context));
  const classes = rules.locks.classes.filter(({ per }) => per === "vm" || per === "machine");
  const ofOneVm = new Set(classes.map(({ name }) => name));
  const facts = new Map(rules.phases.map((phase) => [phase.name, factsIn(phase, rules, analysis)]));
  const order = rules.phases.map((phase) => phase.name);
  const seen = new Set(runs.flatMap((run) => run.rows.map((row) => `${run.phase} ${rowKey(run.entry, row)}`)));
  const overruns = (entry: Entry, row: Row, phase: string): string[] =>
    rules.phases
      .slice(order.indexOf(phase) + 1)
      .filter((later) => later.singleThreaded !== true && !seen.has(`${later.name} ${rowKey(entry, row)}`))
      .map((later) => later.name)
      .filter((later) => {
        const [now, then] = [facts.get(phase), facts.get(later)];
        const differing = [...(then ?? [])].filter(([name, value]) => isOfVm(name, rules) && now?.get(name) !== value);
        return mayOverrun(row, new Map(differing), transitions, ofOneVm);
      });
  return runs.flatMap(({ entry, phase, rows }) =>
    rows.flatMap((row): PlacedRow[] => {
      const leaf = row.leaf === null ? null : names.of(row.leaf);
      if (leaf === null) return [];
      const { name: call, variant } = leaf;
      const late = overruns(entry, row, phase);
      const last = row.chain.at(-1);
      const isAfterKick = last !== undefined && busy.isAfterKick(last);
      return [{ ...row, entry: entry.info.name, call, variant, phase, isAfterKick, overruns: late }];
    }),
  );
}

/** Locks that were taken on a way to where an entry ends, and not given back there; what the outside holds nobody took. */
const keptLocks = (context: Context): Taken[] =>
  [...context.outcomes.values()].flatMap(({ locks, taken }) =>
    locks.held.flatMap((held) => taken.get(heldKey(held)) ?? []).filter(({ isAsserted }) => isAsserted !== true),
  );

/** Is a member one that there is one of per VM, in the kernel's own memory? */
function isOfVm(member: string, { facts }: KernelRules): boolean {
  const at = member.indexOf(".");
  return at > 0 && !facts.perVcpu.includes(member.slice(0, at));
}

/** What tells a row apart from the others of its entry, whatever the phase. */
function rowKey({ info }: Entry, { leaf, labels, context, held }: Row): string {
  return `${info.name} ${leaf} ${labels.join("/")} ${context ?? ""} ${held.map(({ mode, ...lock }) => heldKey(lock) + mode)}`;
}

function assumptionsOf(analysis: Analysis): string[] {
  const presumed = [...analysis.presumptions.values()].map(
    ({ place, name }) => `${place.file}:${place.line}: what ${name} calls a bug never is the case.`,
  );
  const reasons = new Map(analysis.source.rules.locks.ruledOut.map((rule) => [rule.function, rule.reason]));
  const pruned = [...analysis.prunings.values()].map(({ place, lock, wanted }) => {
    const reason = reasons.get(place.function);
    return reason === undefined
      ? `${place.file}:${place.line} asserts ${lock} held ${wanted === "exclusive" ? "for writing" : "for reading"}: no way leads there with it held otherwise.`
      : `${place.function} runs with ${lock} held as it asserts: ${reason}.`;
  });
  const trusted = [...analysis.trusted.values()].map(
    ({ place, lock }) => `${place.file}:${place.line}: whoever calls ${place.function} holds ${lock}, as it asserts.`,
  );
  return [...new Set([...pruned, ...presumed, ...trusted])].sort();
}

function uniquePlaces<T extends { readonly file: string; readonly line: number }>(places: readonly T[]): T[] {
  return [...new Map(places.map((place) => [`${place.file}:${place.line}`, place])).values()];
}
