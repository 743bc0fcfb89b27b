/** Which resource a lock is, in which role, and what the leaf calls the object that holds it. */

import { idOf, pointerTo, type ShortText, wayTo } from "../c/index.ts";
import type { Acquisition, Site } from "../catalog/index.ts";
import type { AcquireEvent } from "./events.ts";
import type { LeafFinal } from "./leaf-run.ts";
import { chainKey, type HeldLock, type RowContext, type RowTrouble } from "./row-context.ts";
import type { ExtractionRules } from "./rules.ts";

export interface Class {
  readonly resource: string;
  readonly role: string | null;
  readonly isGuess?: boolean;
}

/** Finds the leaf's own name for an object. */
export class ObjectNames {
  private readonly context: RowContext;
  private readonly texts: readonly ShortText[];
  private readonly replaced = new Map<string, string>();

  constructor(context: RowContext) {
    this.context = context;
    this.texts = context.run.names.shortTexts(false);
  }

  /** The variable that points to the object, without the suffix that says it is a pointer; the word itself of a bit lock. */
  of({ lockKind, object, text }: AcquireEvent): string {
    if (lockKind === "bit") return /\b\w+(\[[^\]]*\])?$/.exec(this.inLeafTerms(text))?.[0] ?? text;
    const pointer = pointerTo(object);
    const variable = this.context.run.names.variableOf(pointer ? idOf(pointer) : object.key);
    if (variable !== null) return shortName(variable);
    const written = this.inLeafTerms(text).replace(/(->|\.)[\w.]+$/, "");
    const owner =
      /(\w+?)_(?:pamt_block|pamt_walk_result|walk_result)\b/.exec(written)?.[1] ??
      /\[(\w+?)(?:_pa)?(?:\[|\.|\])/.exec(written)?.[1];
    return shortName(owner ?? written);
  }

  /** Replaces what callees computed by the leaf's variables that hold it. */
  private inLeafTerms(text: string): string {
    let result = this.replaced.get(text);
    if (result === undefined) {
      result = this.texts.reduce((before, [long, short]) => replaced(before, long, short), text);
      this.replaced.set(text, result);
    }
    return result;
  }
}

/** A name in place of an expression, and of the parentheses that only the expression needs. */
export function replaced(text: string, long: string, short: string): string {
  if (!text.includes(long)) return text;
  const enclosed = text.split(`(${long})`);
  const joined = enclosed.reduce((left, right) => left + (/\w$/.test(left) ? `(${short})` : short) + right);
  return joined.split(long).join(short);
}

function shortName(name: string): string {
  return name
    .replace(/\[\d+\]$/, "")
    .replace(/_(ptr|p)$/, "")
    .replace(/_pamt(_entry|_block|_walk_result)?$/, "");
}

/** Rows of one resource on several objects get the object as their role. */
export function nameTwins(rows: readonly Acquisition[]): Acquisition[] {
  return rows.map((row) => {
    const twins = rows.filter(
      (other) => other.resource === row.resource && other.role === row.role && row.role === null,
    );
    const objects = new Set(twins.map((twin) => twin.object));
    return objects.size > 1 ? { ...row, role: row.object } : row;
  });
}

export function classify(
  event: AcquireEvent,
  acquires: readonly AcquireEvent[],
  final: LeafFinal,
  context: RowContext,
  troubles: RowTrouble[],
): Class {
  const { rules } = context.knowledge;
  const path = event.members.join(".");
  for (const rule of rules.resources) {
    if (rule.lock && rule.lock !== event.lockKind) continue;
    if (rule.word !== undefined && rule.word !== rules.primitives[event.primitive]?.word) continue;
    if (rule.path.test(rule.lock === "bit" ? event.text : path)) return { resource: rule.resource, role: null };
  }
  if (event.members.at(-1) === rules.pamtLock) {
    reportUnknownWalk(event, acquires, rules, troubles);
    return classifyPage(event, acquires, final, context);
  }
  const name = event.members.at(-1) ?? event.text;
  const site = event.evidence.at(-1) as Site;
  const report = (what: "lock-object" | "unclassified", message: string): void => {
    if (!troubles.some((t) => t.what === what && t.message === message)) troubles.push({ what, message, site });
  };
  if (event.members.length === 0 && pointerTo(event.lock) !== null)
    report(
      "lock-object",
      `${context.leaf.name} takes the lock that ${name} points to, and which one that is is not known`,
    );
  else report("unclassified", `the lock '${name}' fits no known resource; its field name stands for it`);
  return { resource: name.replace(/_lock$/, "").toUpperCase(), role: null };
}

/** The last acquisition of the walk that an ancestor was locked for. */
export function walkTarget(event: AcquireEvent, acquires: readonly AcquireEvent[]): AcquireEvent {
  return acquires.filter((other) => other.invocation === event.invocation).at(-1) ?? event;
}

/** How far down in its PAMT walk an acquisition is, 0 at the top; null for one that is part of none. */
export function walkLevel(
  event: AcquireEvent,
  acquires: readonly AcquireEvent[],
  rules: ExtractionRules,
): number | null {
  if (!event.evidence.some((site) => rules.pamtWalks.includes(site.function))) return null;
  return acquires.filter((other) => other.invocation === event.invocation).indexOf(event);
}

/** How far down an acquisition's walk comes: where it ends because an entry is busy, that one is still of the walk. */
function lastLevel({ invocation }: AcquireEvent, acquires: readonly AcquireEvent[], { failure }: LeafFinal): number {
  const walk = acquires.filter((other) => other.invocation === invocation);
  const isRefused = failure?.event.kind === "acquire" && failure.event.invocation === invocation;
  return isRefused ? walk.length : walk.length - 1;
}

/** Resources of a PAMT walk's entries above the 4 KB level, from the top down. */
const PAMT_LEVELS: readonly string[] = ["PAMT_1G", "PAMT_2M"];

/** Is a resource an entry of a PAMT walk above the one that it is for? */
export const isAncestors = (resource: string): boolean => PAMT_LEVELS.includes(resource);

/** How far down in a PAMT walk a resource is: 1 at the top. */
export const levelOf = (resource: string): number => PAMT_LEVELS.indexOf(resource) + 1 || PAMT_LEVELS.length + 1;

/** A PAMT entry: an ancestor on a walk, or the entry of a page, which is a resource of its own when the page is a TDR or TDVPR. */
function classifyPage(
  event: AcquireEvent,
  acquires: readonly AcquireEvent[],
  final: LeafFinal,
  { knowledge, leaf }: RowContext,
): Class {
  const { rules } = knowledge;
  const facts = final.types.filter((fact) => fact.object === event.object);
  const level = walkLevel(event, acquires, rules);
  if (level !== null) {
    // The entry of a range that the PAMT describes by a page of entries of its own is no page's entry.
    const isNode = level < PAMT_LEVELS.length && facts.some(({ type }) => rules.pamtNodeTypes.includes(type));
    if (level < lastLevel(event, acquires, final) || isNode)
      return { resource: PAMT_LEVELS[level] ?? "PAMT_2M", role: null };
  }
  if (rules.pamtResizes.includes(event.evidence.at(-1)?.function ?? "")) return { resource: "PAGE", role: "to-resize" };
  if (event.evidence.some((site) => rules.ownerLocks.includes(site.function))) return { resource: "TDR", role: null };
  const found = knowledge.pageType(null, facts.filter((fact) => fact.how === "assume").at(-1)?.type ?? null);
  const set = facts.filter((fact) => fact.how === "assign").at(-1)?.type ?? null;
  const special = rules.pageResources[set ?? ""] ?? (set === null ? rules.pageResources[found ?? ""] : undefined);
  if (special) return { resource: special, role: null };
  const role = roleOf(leaf.name, found, set, rules);
  return role === null
    ? { resource: "PAGE", role: `to-${leaf.name.split("_").at(-1)}`, isGuess: true }
    : { resource: "PAGE", role };
}

/** A function that locks entries of several levels of the PAMT itself walks it: one that is not known to makes ancestors pages. */
function reportUnknownWalk(
  event: AcquireEvent,
  acquires: readonly AcquireEvent[],
  rules: ExtractionRules,
  troubles: RowTrouble[],
): void {
  const site = event.evidence.at(-1) as Site;
  const isKnown = event.evidence.some(({ function: name }) => rules.pamtWalks.includes(name));
  const others = acquires.filter(
    (other) => other.invocation === event.invocation && other.members.at(-1) === rules.pamtLock,
  );
  const levels = new Set(
    others
      .flatMap(({ lock }) => wayTo(lock).map((step) => (step.kind === "field" ? step.name : "")))
      .filter((name) => rules.pamtBlocks.includes(name)),
  );
  if (
    isKnown ||
    levels.size < 2 ||
    troubles.some((t) => t.what === "unknown-walk" && t.site.function === site.function)
  )
    return;
  troubles.push({
    what: "unknown-walk",
    message: `${site.function} locks PAMT entries of several levels and is not known as a walk of the PAMT`,
    site,
  });
}

function roleOf(leafName: string, found: string | null, set: string | null, rules: ExtractionRules): string | null {
  const word = leafName.split("_").at(-1) ?? "";
  if (rules.roleWords.includes(word)) return `to-${word}`;
  const isFree = (type: string | null) => type !== null && rules.freePageTypes.includes(type);
  if (set !== null && !isFree(set)) return "to-add";
  if (isFree(set)) return "to-remove";
  return isFree(found) ? "to-add" : null;
}

/** The call chain down to the PAMT walk, which may stop at any level. */
export function chainBeforeWalk({ evidence }: Pick<AcquireEvent, "evidence">, rules: ExtractionRules): string {
  const walkAt = evidence.findIndex((s) => rules.pamtWalks.includes(s.function));
  return chainKey(walkAt >= 0 ? evidence.slice(0, walkAt) : evidence);
}

/** A page whose type one path through the leaf changes has that role on the other paths too. */
export function settleRoles(held: readonly (readonly HeldLock[])[], rules: ExtractionRules): HeldLock[][] {
  const known = new Map<string, string | null>();
  for (const item of held.flat())
    if (!item.isGuess && item.resource === "PAGE") known.set(chainBeforeWalk(item.event, rules), item.role);
  return held.map((list) =>
    list.map((item) =>
      item.isGuess ? { ...item, role: known.get(chainBeforeWalk(item.event, rules)) ?? item.role } : item,
    ),
  );
}
