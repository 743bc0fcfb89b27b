/** What the resources are to each other: facts of `data/resources.json`, with the questions that the analysis asks. */
import facts from "../../data/resources.json" with { type: "json" };
import { RESOURCES } from "../catalog/index.ts";

/** How far one object of a resource reaches: there is one per TD, per vCPU, per page, … */
export type Scope = string;

export interface ResourceFacts {
  readonly name: string;
  /** As a lock table names it. */
  readonly title: string;
  /** What it is, in a few words. */
  readonly long: string;
  readonly scope: Scope;
  /** The PAMT level whose entry holds the lock word, or null when the lock word is elsewhere. */
  readonly backing: string | null;
  /** Of the PAMT entry of a range: how large that is. */
  readonly range?: string;
}

const BY_NAME = new Map<string, ResourceFacts>(facts.resources.map((r) => [r.name, r]));
const SCOPES = new Map<string, { readonly within: readonly string[] }>(Object.entries(facts.scopes));
const PAGE_ROLES = new Map<string, readonly string[]>(Object.entries(facts.pageRoles));
const ORDER = new Map<string, number>(RESOURCES.map((name, i) => [name, i]));

/** The facts of a resource; one that is not in the vocabulary is named after its field and implies nothing. */
export function resourceFacts(name: string): ResourceFacts {
  return BY_NAME.get(name) ?? { name, title: name, long: name, scope: "unknown", backing: null };
}

/** Is the resource one whose objects belong to a single TD? */
export function isPerTd(resource: string): boolean {
  return scopeImplies(resourceFacts(resource).scope, "td");
}

/** Do two calls that meet on an object of scope `outer` necessarily name the same object of scope `inner`? */
export function scopeImplies(outer: Scope, inner: Scope): boolean {
  if (inner === "system") return true;
  if (outer === "unknown" || outer === "page") return false;
  return outer === inner || (SCOPES.get(outer)?.within.includes(inner) ?? false);
}

/** Can a page that is named in this role rightly be one in use as something else, a TDR say, or a free one? */
export function acceptsPage(role: string | null, state: "free" | "used"): boolean {
  return role !== null && (PAGE_ROLES.get(role)?.includes(state) ?? false);
}

/** Does the leaf make the object, so that what it locks as this resource is a free page until it ends? */
export function creates(leaf: string, resource: string): boolean {
  return facts.creations.some((c) => c.leaf === leaf && c.resource === resource);
}

/** May the page that a leaf names in this role be a large one, whose PAMT entry is the one of that level? */
export function canBeLarge(leaf: string, role: string | null, level: string): boolean {
  return facts.largePages.some((p) => p.leaf === leaf && p.role === role && p.levels.includes(level));
}

/** Is the resource the PAMT entry of a range above some page, taken on the way to that page? */
export function isAncestor(resource: string): boolean {
  return resourceFacts(resource).backing === resource;
}

/** Order of reports: the fixed vocabulary first, then others by name. */
export function compareResources(a: string, b: string): number {
  const last = RESOURCES.length;
  return (ORDER.get(a) ?? last) - (ORDER.get(b) ?? last) || compareText(a, b);
}

/** Order by code unit, the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
