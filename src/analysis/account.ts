/**
 * Accounts for every difference between a published table and an extraction.
 *
 * The explanations are data; each names the differences that it covers. A difference that none covers, or an explanation
 * that covers nothing, is a fault of the account, not something to be passed over.
 */
import { z } from "zod";
import { invalidField, readYaml } from "../host/index.ts";
import type { ContendPair, DiffDocument, RowChange } from "./schema.ts";

/** Why the two say different things. */
export type ExplanationKind = "naming" | "variant" | "scope" | "published-wrong" | "extraction-wrong" | "detail";

/** `*` in a list means any. */
export interface Explanation {
  readonly id: string;
  readonly kind: ExplanationKind;
  readonly covers: {
    /**
     * `leaf-added`, `leaf-removed`: a whole call; `row-added`, `row-removed`, `row-changed`: a row of a call that both have;
     * `prose`: what the published text says beside its tables, which no comparison of rows can find.
     */
    readonly difference: "leaf-added" | "leaf-removed" | "row-added" | "row-removed" | "row-changed" | "prose";
    readonly leaves: readonly string[];
    /** Not for whole calls. */
    readonly resources?: readonly string[];
    /** Only rows with one of these roles; any by default. */
    readonly roles?: readonly string[];
  };
  /** What is the matter, in full sentences. */
  readonly text: string;
  /** The published side's evidence: lines of the mail. */
  readonly published: readonly { readonly line: number; readonly text: string }[];
  /** The source's evidence, `file:line`, besides that of the rows themselves. */
  readonly source?: readonly string[];
}

const explanationsSchema = z
  .array(
    z.strictObject({
      id: z.string().regex(/^[a-z0-9-]+$/, "is no id: lower-case letters, digits and dashes"),
      kind: z.enum(["naming", "variant", "scope", "published-wrong", "extraction-wrong", "detail"]),
      covers: z.strictObject({
        difference: z.enum(["leaf-added", "leaf-removed", "row-added", "row-removed", "row-changed", "prose"]),
        leaves: z.array(z.string()).min(1),
        resources: z.array(z.string()).min(1).exactOptional(),
        roles: z.array(z.string()).min(1).exactOptional(),
      }),
      text: z.string().min(1),
      published: z.array(z.strictObject({ line: z.int().min(1), text: z.string().min(1) })),
      source: z.array(z.string()).exactOptional(),
    }),
  )
  .superRefine((all, context) => {
    const ids = all.map(({ id }) => id);
    const twice = ids.find((id, i) => ids.indexOf(id) < i);
    if (twice !== undefined) context.addIssue({ code: "custom", message: `two explanations have the id ${twice}` });
  });

/**
 * Reads explanations from YAML.
 *
 * @throws SeamlockError as `parseHost`: a field that is missing, unknown or wrong, or an id that repeats
 */
export function parseExplanations(source: string, file: string): readonly Explanation[] {
  const yaml = readYaml(source, file, "list of explanations");
  const parsed = explanationsSchema.safeParse(yaml.value);
  if (!parsed.success)
    throw invalidField(parsed.error, yaml, "data/published-explanations.yaml says what each field is");
  return parsed.data;
}

/** One difference, with what accounts for it. */
export interface Accounted<T> {
  readonly difference: T;
  readonly by: Explanation;
}

export interface Account {
  readonly leavesAdded: readonly Accounted<string>[];
  readonly leavesRemoved: readonly Accounted<string>[];
  readonly rows: readonly Accounted<RowChange>[];
  /** Differences that no explanation covers, each in one line. */
  readonly unexplained: readonly string[];
  /** Explanations that cover nothing. */
  readonly unused: readonly Explanation[];
}

/** Matches the differences of calls and rows with explanations. */
export function accountFor(diff: DiffDocument, explanations: readonly Explanation[]): Account {
  const used = new Set<Explanation>();
  const unexplained: string[] = [];
  const account = <T>(items: readonly T[], find: (item: T) => Explanation | undefined, line: (item: T) => string) =>
    items.flatMap((difference): Accounted<T>[] => {
      const by = find(difference);
      if (by === undefined) {
        unexplained.push(line(difference));
        return [];
      }
      used.add(by);
      return [{ difference, by }];
    });
  const whole = (kind: "leaf-added" | "leaf-removed") => (leaf: string) =>
    explanations.find((e) => e.covers.difference === kind && names(e.covers.leaves, leaf));
  return {
    leavesAdded: account(diff.leaves.added, whole("leaf-added"), (leaf) => `call only in the extraction: ${leaf}`),
    leavesRemoved: account(diff.leaves.removed, whole("leaf-removed"), (leaf) => `call only in the mail: ${leaf}`),
    rows: account(diff.changed, (change) => explanations.find((e) => coversRow(e, change)), rowLine),
    unexplained,
    unused: explanations.filter((e) => e.covers.difference !== "prose" && !used.has(e)),
  };
}

function names(list: readonly string[], name: string): boolean {
  return list.includes("*") || list.includes(name);
}

function coversRow({ covers }: Explanation, change: RowChange): boolean {
  const difference = change.before === null ? "row-added" : change.after === null ? "row-removed" : "row-changed";
  const role = covers.roles === undefined || (change.role !== null && covers.roles.includes(change.role));
  return (
    covers.difference === difference &&
    names(covers.leaves, change.leaf) &&
    names(covers.resources ?? [], change.resource) &&
    role
  );
}

function rowLine(change: RowChange): string {
  const side = (row: RowChange["before"]): string =>
    row === null ? "no row" : `${row.mode} ${row.lock}${row.when === null ? "" : ` when ${row.when}`}`;
  const leaf = `${change.leaf}${change.variant === null ? "" : ` [${change.variant}]`}`;
  const what = `${change.resource}${change.role === null ? "" : ` ${change.role}`}`;
  return `${leaf} ${what}: published ${side(change.before)}, extracted ${side(change.after)}`;
}

/** Why a contention is on one side only; it always follows from something else that differs. */
export interface ContentionCause {
  readonly pair: ContendPair;
  readonly cause: "call" | "row" | "op-state" | "sept-state" | "earlier-lock" | null;
}

/**
 * What each contention of the difference follows from: a `call` that one side does not have, a `row` that differs, or
 * that the extraction rules the pair out by states or lock order that a table without them cannot know. Null when
 * nothing accounts for it.
 *
 * @param after the pairs of the extraction, excluded ones too
 */
export function contentionCauses(diff: DiffDocument, after: readonly ContendPair[]): readonly ContentionCause[] {
  const excluded = new Map(after.filter((p) => !p.possible).map((p) => [pairKey(p), p.excludedBy[0]?.kind]));
  const cause = (pair: ContendPair): ContentionCause["cause"] => {
    if (hasCall(diff, pair)) return "call";
    const reason = excluded.get(pairKey(pair));
    if (reason === "op-state" || reason === "sept-state" || reason === "earlier-lock") return reason;
    return hasRow(diff, pair) ? "row" : null;
  };
  return [...diff.contention.appeared, ...diff.contention.disappeared].map((pair) => ({ pair, cause: cause(pair) }));
}

function hasCall({ leaves }: DiffDocument, pair: ContendPair): boolean {
  const own = new Set([...leaves.added, ...leaves.removed]);
  return own.has(pair.a) || own.has(pair.b);
}

/** A row of one of the two that differs, on this resource, or on another that then shields it or no longer does. */
function hasRow({ changed }: DiffDocument, pair: ContendPair): boolean {
  return changed.some((c) => c.leaf === pair.a || c.leaf === pair.b);
}

/** Variants are left out: the table tells only some of them apart. */
function pairKey(p: ContendPair): string {
  return [p.a, p.resourceA, p.roleA ?? "", p.b, p.resourceB, p.roleB ?? ""].join("|");
}
