/** What differs between two hosts on one module: what their paths do, and contentions, by leaf and path, that one rules out and the other does not. */
import { z } from "zod";
import { type Catalog, moduleInfoSchema } from "../catalog/index.ts";
import { type HostProfile, hostDiagnosticSchema } from "../host/index.ts";
import { contendingPairs } from "./contention.ts";
import { underHost, verdictOf } from "./exclusion.ts";
import { hostFactSchema, hostFacts } from "./host-facts.ts";
import { type ContendPair, hostInfoSchema, type PathPair, pairSchema } from "./schema.ts";

const changedPathSchema = z.strictObject({
  pair: pairSchema.omit({ paths: true }),
  path: pairSchema.shape.paths.element,
});

/** `seamlock/host-diff@1`. */
export const hostDiffSchema = z.strictObject({
  schema: z.literal("seamlock/host-diff@1"),
  module: moduleInfoSchema,
  before: hostInfoSchema,
  after: hostInfoSchema,
  facts: z.array(hostFactSchema).describe("what the paths hold and do otherwise, whether or not a contention follows"),
  contention: z.strictObject({
    appeared: z
      .array(pairSchema)
      .describe("pairs that no path of the one before, and some of the one after, can issue at once"),
    disappeared: z.array(pairSchema),
    notJudged: z
      .array(pairSchema)
      .describe(
        "pairs that one profile leaves possible and the other does not judge, for it does not name the TDCALL; not among the others, nor are their paths",
      ),
  }),
  paths: z.strictObject({
    opened: z.array(changedPathSchema).describe("pairs of paths that can meet after and could not before"),
    closed: z.array(changedPathSchema),
    changed: z
      .array(
        z.strictObject({
          pair: pairSchema.omit({ paths: true }),
          before: changedPathSchema.shape.path,
          after: changedPathSchema.shape.path,
        }),
      )
      .describe("still possible, with another outcome"),
  }),
  diagnostics: z
    .strictObject({ before: z.array(hostDiagnosticSchema), after: z.array(hostDiagnosticSchema) })
    .describe("what the extraction of either had to say: each may hide a call, a lock or a reaction"),
});

export type HostDiffDocument = z.infer<typeof hostDiffSchema>;

/** The differences from one host to another on a module; swapped arguments give the mirror image. */
export function diffHosts(catalog: Catalog, before: HostProfile, after: HostProfile): HostDiffDocument {
  const pairs = contendingPairs(catalog);
  const [x, y] = [underHost(catalog, before, pairs), underHost(catalog, after, pairs)];
  const all = x.pairs.map((p, i) => [p, y.pairs[i] ?? p] as const);
  const both = all.filter(([p, q]) => isJudged(p) && isJudged(q));
  const changes = both.map(([p, q]) => pathChanges(p, q));
  return {
    schema: "seamlock/host-diff@1",
    module: { ...catalog.module },
    before: x.info,
    after: y.info,
    facts: hostFacts(before, after),
    contention: {
      appeared: both.filter(([p, q]) => !p.possible && q.possible).map(([, q]) => q),
      disappeared: both.filter(([p, q]) => p.possible && !q.possible).map(([p]) => p),
      notJudged: all.flatMap(([p, q]) =>
        isJudged(p) ? (isJudged(q) || !p.possible ? [] : [p]) : q.possible ? [q] : [],
      ),
    },
    paths: {
      opened: changes.flatMap((c) => c.opened),
      closed: changes.flatMap((c) => c.closed),
      changed: changes.flatMap((c) => c.changed),
    },
    diagnostics: { before: before.extracted?.diagnostics ?? [], after: after.extracted?.diagnostics ?? [] },
  };
}

/** True when {@link diffHosts} found anything: the command's exit status 1. */
export function hostsDiffer({ facts, contention, paths }: HostDiffDocument): boolean {
  const lists = [facts, contention.appeared, contention.disappeared, paths.opened, paths.closed, paths.changed];
  return lists.some((list) => list.length > 0);
}

const isJudged = (pair: ContendPair): boolean => verdictOf(pair) !== "not-judged";

function pathChanges(p: ContendPair, q: ContendPair): HostDiffDocument["paths"] {
  const [left, right] = [possiblePaths(p), possiblePaths(q)];
  const { paths: _p, ...before } = p;
  const { paths: _q, ...after } = q;
  return {
    opened: [...right].filter(([key]) => !left.has(key)).map(([, path]) => ({ pair: after, path })),
    closed: [...left].filter(([key]) => !right.has(key)).map(([, path]) => ({ pair: before, path })),
    changed: [...left].flatMap(([key, path]) => {
      const now = right.get(key);
      return now === undefined || outcome(path) === outcome(now) ? [] : [{ pair: after, before: path, after: now }];
    }),
  };
}

/** By the two paths. A path may issue a leaf at several steps; the worst of them stands for it. */
function possiblePaths(pair: ContendPair): Map<string, PathPair> {
  const found = new Map<string, PathPair>();
  for (const path of pair.paths) {
    const key = `${path.a}\n${path.b}`;
    if (path.possible && !found.has(key)) found.set(key, path);
  }
  return found;
}

function outcome(path: PathPair): string {
  return JSON.stringify([path.endA.reaction, path.endB.reaction, path.severity]);
}
