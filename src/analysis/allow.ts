/** Accepted contentions: a list of pairs, each with a reason, against which a contention document is held. */
import { z } from "zod";
import { checkKind, invalidField, readYaml, SEVERITIES } from "../host/index.ts";
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

/** How bad a finding must be to count: the VM is lost, an error or worse, or any. */
export type FailOn = "vm-lost" | "error" | "any";

/** The findings that are as bad; of a pair only the paths that are. Without a host nothing is known of outcomes, and all count. */
export function failing(found: readonly Unaccepted[], failOn: FailOn): readonly Unaccepted[] {
  if (failOn === "any") return found;
  const most = SEVERITIES.indexOf(failOn === "vm-lost" ? "vm-dead" : "error");
  return found.flatMap(({ pair, paths }) => {
    const bad = paths.filter(({ severity }) => SEVERITIES.indexOf(severity) <= most);
    return bad.length === 0 ? [] : [{ pair, paths: bad }];
  });
}

/** Findings on one resource by the same paths, told once: which calls can meet which. */
export interface FindingGroup {
  readonly a: readonly string[];
  readonly b: readonly string[];
  readonly resource: string;
  readonly paths: readonly PathPair[];
}

/** Equal findings together: first by the second call, then by the first. */
export function findingGroups(found: readonly Unaccepted[]): readonly FindingGroup[] {
  const single = found.map(
    ({ pair, paths }): FindingGroup => ({ a: [pair.a], b: [pair.b], resource: pair.resource, paths }),
  );
  const told = (group: FindingGroup): string =>
    JSON.stringify([group.resource, group.paths.map(({ a, b, severity }) => [a, b, severity]).sort()]);
  const byB = joined(single, (group) => `${told(group)} ${group.b.join()}`);
  return joined(byB, (group) => `${told(group)} ${[...group.a].sort().join()}`);
}

function joined(groups: readonly FindingGroup[], key: (group: FindingGroup) => string): readonly FindingGroup[] {
  const found = new Map<string, FindingGroup>();
  for (const group of groups) {
    const before = found.get(key(group));
    const both = before === undefined ? group : { ...group, a: union(before.a, group.a), b: union(before.b, group.b) };
    found.set(key(group), both);
  }
  return [...found.values()];
}

const union = (x: readonly string[], y: readonly string[]): readonly string[] => [...new Set([...x, ...y])];

/** A list that accepts what an earlier one accepts and these findings, with a reason to be replaced, as YAML. */
export function allowText(list: AllowList, found: readonly Unaccepted[]): string {
  const entries = found.map(({ pair, paths }): AllowEntry => {
    const worst = SEVERITIES.find((severity) => paths.some((path) => path.severity === severity));
    const reason = `TODO: why this is accepted${worst === undefined ? "" : ` (worst outcome: ${worst})`}`;
    return { a: pair.a, b: pair.b, resource: pair.resource, reason };
  });
  const once = [
    ...new Map(
      [...list.allow, ...entries].map((e) => [JSON.stringify([e.a, e.b, e.resource, e.pathA, e.pathB]), e]),
    ).values(),
  ];
  const lines = once.map((entry) => `  - ${JSON.stringify(entry)}\n`);
  return `schema: seamlock/allow@1\nallow:${lines.length === 0 ? " []" : ""}\n${lines.join("")}`;
}
