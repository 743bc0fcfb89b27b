/** Accepted contentions: a list of pairs, each with a reason, against which a contention document is held. */
import { z } from "zod";
import { checkKind, invalidField, readYaml } from "../host/index.ts";
import type { ContendDocument, ContendPair, PathPair } from "./schema.ts";

const text = z.string().min(1);

export const allowEntrySchema = z.strictObject({
  a: text.describe("leaf"),
  b: text.describe("the other leaf; the order does not matter"),
  resource: text,
  pathA: text.optional().describe("host path in which `a` is called; any, unless stated"),
  pathB: text.optional(),
  reason: text,
});

/** `seamlock/allow@1`. */
export const allowSchema = z.strictObject({
  schema: z.literal("seamlock/allow@1"),
  allow: z.array(allowEntrySchema),
});

export type AllowEntry = z.infer<typeof allowEntrySchema>;
export type AllowList = z.infer<typeof allowSchema>;

/**
 * Reads a list of accepted pairs from YAML.
 *
 * @throws SeamlockError as `parseHost`: SL3001 to SL3007
 */
export function parseAllow(source: string, file: string): AllowList {
  const yaml = readYaml(source, file, "list of accepted pairs");
  checkKind(yaml, "seamlock/allow", "1", "list of accepted pairs");
  const parsed = allowSchema.safeParse(yaml.value);
  if (!parsed.success)
    throw invalidField(parsed.error, yaml, "an entry has a, b, resource, reason; and pathA, pathB where they matter");
  return parsed.data;
}

/** A possible pair that no entry accepts. With a host, only the paths that none accepts. */
export interface Unaccepted {
  readonly pair: ContendPair;
  readonly paths: readonly PathPair[];
}

/** Possible pairs that the list does not accept, and entries that accept nothing. */
export function unaccepted(
  document: Pick<ContendDocument, "pairs">,
  list: AllowList,
): { readonly found: readonly Unaccepted[]; readonly unused: readonly AllowEntry[] } {
  const used = new Set<AllowEntry>();
  const found = document.pairs
    .filter((pair) => pair.possible)
    .flatMap((pair): Unaccepted[] => {
      const entries = list.allow.filter((entry) => speaksOf(entry, pair));
      const paths = pair.paths.filter((path) => path.possible);
      const whole = entries.filter((entry) => paths.length === 0 || (entry.pathA ?? entry.pathB) === undefined);
      for (const entry of whole) used.add(entry);
      const rest = paths.filter((path) => {
        const by = entries.filter((entry) => coversPath(entry, pair, path));
        for (const entry of by) used.add(entry);
        return by.length === 0;
      });
      const accepted = whole.length > 0 || (paths.length > 0 && rest.length === 0);
      return accepted ? [] : [{ pair, paths: rest }];
    });
  return { found, unused: list.allow.filter((entry) => !used.has(entry)) };
}

function speaksOf(entry: AllowEntry, pair: ContendPair): boolean {
  const straight = entry.a === pair.a && entry.b === pair.b;
  return entry.resource === pair.resource && (straight || (entry.a === pair.b && entry.b === pair.a));
}

function coversPath(entry: AllowEntry, pair: ContendPair, path: PathPair): boolean {
  const fits = (a: string | undefined, b: string | undefined): boolean =>
    (a === undefined || a === path.a) && (b === undefined || b === path.b);
  const straight = entry.a === pair.a && entry.b === pair.b && fits(entry.pathA, entry.pathB);
  return straight || (entry.a === pair.b && entry.b === pair.a && fits(entry.pathB, entry.pathA));
}
