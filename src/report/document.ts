/** What a report is about, and its document `seamlock/report@1`. */
import scopes from "../../data/scopes.json" with { type: "json" };
import {
  contendingPairs,
  HOST_ASSUMPTION,
  isAncestor,
  MODULE_ASSUMPTIONS,
  resourceUsers,
  underHost,
  unlockedWalks,
} from "../analysis/index.ts";
import { type Catalog, dispatcherNames, isKnownPrimitive, type Leaf, primitiveName } from "../catalog/index.ts";
import { entriesOf, type HostProfile, isBundledHost } from "../host/index.ts";
import { callTable } from "./call-table.ts";
import { conclusionRows } from "./conclusion.ts";
import { handlings, hostHandling } from "./handling.ts";
import { hostConclusion, hostVerdicts } from "./host-conclusion.ts";
import { provenance } from "./provenance.ts";
import type { ReportDocument } from "./schema.ts";
import type { Part } from "./sections.ts";
import { conclusion } from "./sentences.ts";
import { ancestorNote, guestSummary, type SummaryFacts, summaries } from "./summary.ts";
import {
  absentSentences,
  contentionSentences,
  exchangeSentences,
  exchangeSummary,
  hostSentences,
  runtimePairs,
} from "./tldr.ts";
import { hostTitle } from "./words.ts";

/** Which leaves a report speaks of. */
export type ReportScope =
  | { readonly kind: "kvm" }
  | { readonly kind: "all" }
  /** Only these leaves; `resources` narrows their rows. */
  | { readonly kind: "leaves"; readonly leaves: readonly Leaf[]; readonly resources?: readonly string[] }
  /** Only the rows of these resources, of the calls of the host, or of KVM, or of all. */
  | {
      readonly kind: "resources";
      readonly resources: readonly string[];
      readonly host?: HostProfile;
      readonly all?: boolean;
    }
  /** The calls of the host's paths and of its guests. */
  | { readonly kind: "host"; readonly host: HostProfile };

export interface ReportOptions {
  /** The calls of the host, or those that KVM uses, by default. */
  readonly scope?: ReportScope;
  /** Show every row's chain of source lines in text and Markdown. */
  readonly evidence?: boolean;
  /** Show PAMT entries above pages in tables. */
  readonly pamt?: boolean;
  /** Whose paths decide what is possible; by default the report speaks of the module alone. */
  readonly host?: HostProfile;
  /** Later states of the same hypervisor, oldest first: what they close is told. */
  readonly later?: readonly HostProfile[];
  /** Only what can happen in this part of a TD's life. */
  readonly phase?: Part;
  /** Leave `hostVerdicts` and the sentences on them empty: text and Markdown have tables instead. */
  readonly verdicts?: boolean;
  /** Only what ordinary operation does not meet. */
  readonly exceptional?: boolean;
  /** Tell in the first lines where a VM can be lost, by the numbers of the conclusion; true by default. */
  readonly losses?: boolean;
}

/** The report of one module: everything that the renderers print, derived from the catalog. */
export function buildReport(catalog: Catalog, options: ReportOptions = {}): ReportDocument {
  const { host } = options;
  const scope: ReportScope = options.scope ?? (host === undefined ? { kind: "kvm" } : { kind: "host", host });
  const leaves = leavesOf(catalog, scope);
  const wanted = scope.kind === "resources" || scope.kind === "leaves" ? (scope.resources ?? null) : null;
  const inScope = (resource: string): boolean => wanted === null || wanted.includes(resource);
  const against = scope.kind === "leaves" ? unionOf(leaves, opponentsOf(catalog, host)) : leaves;
  const contention = contendingPairs(catalog, { leaves, against, ...(wanted === null ? {} : { resources: wanted }) });
  const resources = resourceUsers(catalog, against).filter(
    (r) => inScope(r.resource) && (scope.kind !== "leaves" || usedBy(leaves, r.resource)),
  );
  const shown = resources.filter(({ resource }) => wanted !== null || options.pamt === true || !isAncestor(resource));
  const unlocked = unlockedWalks(leaves, wanted ?? undefined);
  const hosted = host === undefined ? null : underHost(catalog, host, contention);
  const names = resources.map((r) => r.resource);
  const pairs = hosted?.pairs ?? contention;
  const life = host?.phases.map(({ name }) => name) ?? [];
  const verdicts = hosted === null || options.verdicts === false ? [] : hostVerdicts(hosted.pairs, names, life);
  const { phase = null, exceptional = false } = options;
  const rows =
    host === undefined || hosted === null
      ? []
      : conclusionRows(hosted.pairs, host, catalog, { phase: options.phase, rare: exceptional });
  const facts = { catalog, leaves, resources: shown, contention: pairs, unlocked, host: hosted?.info ?? null, rows };
  const whole = scope.kind === "kvm" || scope.kind === "host" || scope.kind === "all";
  const table = callTable(catalog, leaves, {
    pamt: options.pamt === true,
    walks: options.evidence === true || scope.kind === "leaves" || scope.kind === "resources",
    resources: wanted,
    // What is said of hosts by name was read of the bundled ones.
    host: host !== undefined && isBundledHost(host) ? host.name : null,
  });
  const conclusionOf = (): string[] => {
    if (hosted === null) return conclusion(facts);
    return options.verdicts === false
      ? []
      : hostConclusion(
          catalog,
          hosted.info,
          verdicts,
          shown.map(({ resource }) => resource),
        );
  };
  return {
    schema: "seamlock/report@1",
    module: { ...catalog.module },
    scope: { kind: scope.kind, title: scopeTitle(scope) },
    evidence: options.evidence ?? false,
    pamt: options.pamt ?? false,
    // The first lines are of a TD that runs, in ordinary operation: of a part without that they would be wrong.
    tldr:
      exceptional || (phase !== null && phase !== "runtime")
        ? []
        : tldr(
            facts,
            shown.map(({ resource }) => resource),
            options,
          ),
    handling: whole ? handlings(catalog, host ?? null) : [],
    hostHandling: whole && host !== undefined ? hostHandling(catalog, host) : [],
    locks: mutable(catalog.locks),
    unreadPrimitives: catalog.primitives
      .filter((program) => !isKnownPrimitive(program))
      .map((program) => ({ kind: program.kind, name: primitiveName(program), site: { ...program.evidence } })),
    septEntryBits: { ...catalog.septEntryBits },
    resources: mutable(shown),
    leaves: mutable(leaves),
    contention: pairs,
    unlocked,
    pamtNote:
      options.pamt === true || wanted !== null || leaves.every(({ acquisitions }) => acquisitions.length === 0)
        ? null
        : ancestorNote(catalog, host?.pageSizes),
    notes: table.notes.map(({ letter, text: note, calls }) => ({ letter, leaf: calls.join(", "), sentences: [note] })),
    summary: summaries(facts),
    exchanges: exchangeSummary(leaves),
    guestSummary: guestSummary(facts),
    conclusion: conclusionOf(),
    conclusionRows: rows,
    conclusionOf: { phase, exceptional },
    outOfScope: whole ? outOfScope(catalog, leaves) : { host: [], guest: [] },
    assumptions: [...MODULE_ASSUMPTIONS, ...(host === undefined ? [] : [HOST_ASSUMPTION, ...(host.assumed ?? [])])],
    provenance: provenance(catalog),
    host: hosted?.info ?? null,
    hostVerdicts: verdicts,
    constants: { ...catalog.constants },
    behaviours: mutable(catalog.behaviours),
    diagnostics: mutable(catalog.diagnostics),
  };
}

function tldr(
  facts: SummaryFacts,
  resources: readonly string[],
  { host, later = [], losses = true, scope }: ReportOptions,
): string[] {
  const { catalog, leaves, contention: pairs, rows } = facts;
  const calls = new Set(leaves.map(({ name }) => name));
  const met = runtimePairs(catalog, pairs, host === undefined ? null : rows);
  const made = new Set((host === undefined ? leaves : hostLeaves(catalog, host)).map(({ name }) => name));
  // Of all calls a report says how many the host makes; of some that were asked for which it does not.
  const absent = scope?.kind === "leaves" ? [...calls].filter((name) => !made.has(name)) : [];
  const lines = [
    ...(host === undefined ? [] : absentSentences(absent, hostTitle(host.name))),
    ...(absent.length === calls.size ? [] : contentionSentences({ catalog, calls, hosted: host !== undefined }, met)),
    ...exchangeSentences(leaves),
  ];
  if (host === undefined) return lines;
  const next = later.map((profile) => {
    const called = hostLeaves(catalog, profile);
    const pairsOfIt = contendingPairs(catalog, { leaves: called, against: called });
    return { profile, rows: conclusionRows(underHost(catalog, profile, pairsOfIt).pairs, profile, catalog) };
  });
  return [...lines, ...hostSentences(rows, host, leaves, losses ? { resources, later: next } : null)];
}

/** What a leaf is held against: all that the host calls, or every leaf of the module. */
function opponentsOf(catalog: Catalog, host: HostProfile | undefined): readonly Leaf[] {
  return host === undefined ? catalog.leaves : hostLeaves(catalog, host);
}

function unionOf(leaves: readonly Leaf[], others: readonly Leaf[]): readonly Leaf[] {
  return [...new Set([...leaves, ...others])];
}

function usedBy(leaves: readonly Leaf[], resource: string): boolean {
  return leaves.some((leaf) => leaf.acquisitions.some((a) => a.resource === resource));
}

/** Calls of the catalog that take locks and that the report leaves out. */
function outOfScope(catalog: Catalog, leaves: readonly Leaf[]): ReportDocument["outOfScope"] {
  const shown = new Set(leaves.map(({ name }) => name));
  const rest = catalog.leaves.filter(
    (leaf) => !shown.has(leaf.name) && leaf.acquisitions.some((a) => a.mode !== "NO_LOCK"),
  );
  const side = (of: Leaf["side"]): string[] => [
    ...new Set(rest.filter((leaf) => leaf.side === of).map(({ name }) => name)),
  ];
  return { host: side("host"), guest: side("guest") };
}

type Mutable<T> = T extends readonly (infer U)[]
  ? Mutable<U>[]
  : T extends object
    ? { -readonly [K in keyof T]: Mutable<T[K]> }
    : T;

/** A document shares what it has from the catalog: neither is ever changed, and a copy would take as long as the report. */
function mutable<T>(value: T): Mutable<T> {
  return value as Mutable<T>;
}

function leavesOf(catalog: Catalog, scope: ReportScope): readonly Leaf[] {
  if (scope.kind === "leaves") return scope.leaves;
  if (scope.kind === "all") return catalog.leaves;
  if (scope.kind === "resources") {
    const called =
      scope.all === true
        ? catalog.leaves
        : scope.host === undefined
          ? kvmLeaves(catalog)
          : hostLeaves(catalog, scope.host);
    const takes = (leaf: Leaf): boolean => leaf.acquisitions.some((a) => scope.resources.includes(a.resource));
    return inLifeOrder(catalog, called.filter(takes));
  }
  if (scope.kind === "host") return inLifeOrder(catalog, hostLeaves(catalog, scope.host));
  return inLifeOrder(catalog, kvmLeaves(catalog));
}

/** The calls that KVM uses, in the catalog's order. */
export function kvmLeaves(catalog: Catalog): readonly Leaf[] {
  const { version } = catalog.module;
  return catalog.leaves.filter((leaf) => dispatcherNames(version, leaf.name).some(({ leaf: name }) => PLACE.has(name)));
}

const PLACE = new Map(scopes.kvm.leaves.map((name, i) => [name, i]));

/** In the order of a TD's life, as the scope lists it; others follow, in the catalog's order. */
function inLifeOrder(catalog: Catalog, leaves: readonly Leaf[]): readonly Leaf[] {
  const { version } = catalog.module;
  const place = (leaf: Leaf): number =>
    Math.min(...dispatcherNames(version, leaf.name).map(({ leaf: name }) => PLACE.get(name) ?? PLACE.size));
  return leaves
    .map((leaf) => ({ leaf, at: place(leaf) }))
    .sort((x, y) => x.at - y.at)
    .map(({ leaf }) => leaf);
}

/** The entries that a host's paths and guests call, in the catalog's order. */
export function hostLeaves(catalog: Catalog, host: HostProfile): readonly Leaf[] {
  const steps = host.paths.flatMap((path) => path.steps.flatMap((step) => entriesOf(catalog, step.call, step.variant)));
  const guest = (host.guest?.calls ?? []).flatMap((name) => entriesOf(catalog, name));
  const called = new Set([...steps, ...guest]);
  return catalog.leaves.filter((leaf) => called.has(leaf));
}

function scopeTitle(scope: ReportScope): string {
  if (scope.kind === "host") return `calls of ${scope.host.name}, and of its guests`;
  if (scope.kind === "kvm") return scopes.kvm.title;
  if (scope.kind === "all") return "all calls";
  if (scope.kind === "resources") return `calls that use ${scope.resources.join(", ")}`;
  const names = [...new Set(scope.leaves.map((leaf) => leaf.name))].join(", ");
  return scope.resources === undefined ? names : `${names}, on ${scope.resources.join(", ")}`;
}
