/** What differs between two hosts on one module: contentions, by leaf and path, that one rules out and the other does not. */
import { z } from "zod";
import { type Catalog, moduleInfoSchema } from "../catalog/index.ts";
import type { HostProfile } from "../host/index.ts";
import { contendingPairs } from "./contention.ts";
import { underHost, verdictOf } from "./exclusion.ts";
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
  };
}

/** True when {@link diffHosts} found anything: the command's exit status 1. */
export function hostsDiffer({ contention, paths }: HostDiffDocument): boolean {
  const lists = [contention.appeared, contention.disappeared, paths.opened, paths.closed, paths.changed];
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
