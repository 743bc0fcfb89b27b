/** What a report is about, and its document `seamlock/report@1`. */
import { z } from "zod";
import scopes from "../../data/scopes.json" with { type: "json" };
import {
  contendingPairs,
  hostInfoSchema,
  pairSchema,
  resourceUsers,
  underHost,
  unlockedSchema,
  unlockedWalks,
} from "../analysis/index.ts";
import {
  type Catalog,
  catalogSchema,
  dispatcherNames,
  type Leaf,
  leafSchema,
  moduleInfoSchema,
} from "../catalog/index.ts";
import { entriesOf, type HostProfile } from "../host/index.ts";
import { hostConclusion, hostVerdictSchema, hostVerdicts } from "./host-conclusion.ts";
import { conclusion, notes, summary, tldr } from "./sentences.ts";

const text = z.string().min(1);

/** `seamlock/report@1`. */
export const reportSchema = z.strictObject({
  schema: z.literal("seamlock/report@1"),
  module: moduleInfoSchema,
  scope: z.strictObject({ kind: z.enum(["kvm", "all", "leaves", "resources", "host"]), title: text }),
  evidence: z.boolean(),
  tldr: z.array(text),
  locks: catalogSchema.shape.locks,
  septEntryBits: catalogSchema.shape.septEntryBits,
  resources: z.array(
    z.strictObject({ resource: text, shared: z.array(text), exclusive: z.array(text), noLock: z.array(text) }),
  ),
  leaves: z.array(leafSchema),
  contention: z.array(pairSchema),
  unlocked: z.array(unlockedSchema),
  notes: z.array(z.strictObject({ leaf: text, sentences: z.array(text) })),
  summary: z.array(z.strictObject({ resource: text, sentences: z.array(text) })),
  conclusion: z.array(text),
  host: hostInfoSchema.nullable().describe("null: the module alone"),
  hostVerdicts: z.array(hostVerdictSchema).describe("empty without a host"),
  constants: catalogSchema.shape.constants,
  diagnostics: catalogSchema.shape.diagnostics,
});

export type ReportDocument = z.infer<typeof reportSchema>;

/** Which leaves a report speaks of. */
export type ReportScope =
  | { readonly kind: "kvm" }
  | { readonly kind: "all" }
  | { readonly kind: "leaves"; readonly leaves: readonly Leaf[] }
  | { readonly kind: "resources"; readonly resources: readonly string[] }
  /** The calls of the host's paths and of its guests. */
  | { readonly kind: "host"; readonly host: HostProfile };

export interface ReportOptions {
  /** The calls that KVM uses by default. */
  readonly scope?: ReportScope;
  /** Show every row's chain of source lines in text and Markdown. */
  readonly evidence?: boolean;
  /** Whose paths decide what is possible; by default the report speaks of the module alone. */
  readonly host?: HostProfile;
}

/** The report of one module: everything that the renderers print, derived from the catalog. */
export function buildReport(catalog: Catalog, options: ReportOptions = {}): ReportDocument {
  const { host } = options;
  const scope: ReportScope = options.scope ?? (host === undefined ? { kind: "kvm" } : { kind: "host", host });
  const leaves = leavesOf(catalog, scope);
  const wanted = scope.kind === "resources" ? scope.resources : null;
  const inScope = (resource: string): boolean => wanted === null || wanted.includes(resource);
  const against = scope.kind === "leaves" ? catalog.leaves : leaves;
  const contention = contendingPairs(catalog, { leaves, against, ...(wanted === null ? {} : { resources: wanted }) });
  const resources = resourceUsers(catalog, leaves).filter((r) => inScope(r.resource));
  const unlocked = unlockedWalks(leaves, wanted ?? undefined);
  const facts = { catalog, leaves, resources, contention, unlocked };
  const hosted = host === undefined ? null : underHost(catalog, host, contention);
  const verdicts =
    hosted === null
      ? []
      : hostVerdicts(
          hosted.pairs,
          resources.map((r) => r.resource),
        );
  return {
    schema: "seamlock/report@1",
    module: { ...catalog.module },
    scope: { kind: scope.kind, title: scopeTitle(scope) },
    evidence: options.evidence ?? false,
    tldr: tldr(hosted === null ? facts : { ...facts, contention: hosted.pairs }),
    locks: mutable(catalog.locks),
    septEntryBits: { ...catalog.septEntryBits },
    resources: mutable(resources),
    leaves: mutable(leaves),
    contention: hosted?.pairs ?? contention,
    unlocked,
    notes: notes(facts),
    summary: summary(facts),
    conclusion: hosted === null ? conclusion(facts) : hostConclusion(hosted.info, verdicts),
    host: hosted?.info ?? null,
    hostVerdicts: verdicts,
    constants: { ...catalog.constants },
    diagnostics: mutable(catalog.diagnostics),
  };
}

type Mutable<T> = T extends readonly (infer U)[]
  ? Mutable<U>[]
  : T extends object
    ? { -readonly [K in keyof T]: Mutable<T[K]> }
    : T;

/** Documents are plain data and own their arrays; the copy also keeps callers from sharing the catalog's. */
function mutable<T>(value: T): Mutable<T> {
  return structuredClone(value) as Mutable<T>;
}

function leavesOf(catalog: Catalog, scope: ReportScope): readonly Leaf[] {
  if (scope.kind === "leaves") return scope.leaves;
  if (scope.kind === "all") return catalog.leaves;
  if (scope.kind === "resources") {
    return catalog.leaves.filter((leaf) => leaf.acquisitions.some((a) => scope.resources.includes(a.resource)));
  }
  if (scope.kind === "host") return hostLeaves(catalog, scope.host);
  // In the order of the scope, which is that of a TD's life; calls of one place stay in the catalog's order.
  const place = new Map(scopes.kvm.leaves.map((name, i) => [name, i]));
  const { version } = catalog.module;
  const placed = catalog.leaves.flatMap((leaf) => {
    const at = dispatcherNames(version, leaf.name).flatMap((ref) => place.get(ref.leaf) ?? []);
    return at.length === 0 ? [] : [{ leaf, at: Math.min(...at) }];
  });
  return placed.sort((x, y) => x.at - y.at).map(({ leaf }) => leaf);
}

/** The entries that a host's paths and guests call, in the catalog's order. */
function hostLeaves(catalog: Catalog, host: HostProfile): readonly Leaf[] {
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
  return [...new Set(scope.leaves.map((leaf) => leaf.name))].join(", ");
}
