/** Do two recorded calls name the same object of a resource? */
import { resourceFacts } from "../analysis/index.ts";
import type { Call } from "./call.ts";

/** How sure it is that two calls are on one lock word. */
export const DIFFERENT = 0;
export const MAYBE = 1;
export const SAME = 2;
export type Relation = typeof DIFFERENT | typeof MAYBE | typeof SAME;

/** A lock of a leaf, as far as it says which object is meant. */
export interface Named {
  readonly resource: string;
  readonly role: string | null;
}

/**
 * What two locks that can be one word have to agree in to be one word:
 * - `nothing`: there is one of them;
 * - `td`, `vcpu`, `entry`, `page`: these operands of the two calls;
 * - `control-page`: the page that one of the calls names, and the other's TDR or TDVPR;
 * - `unknown`: the recording does not tell.
 */
export type Identity =
  | { readonly by: "nothing" | "td" | "vcpu" | "entry" | "page" | "unknown" }
  | { readonly by: "control-page"; readonly namer: "first" | "second"; readonly owner: "td" | "vp" };

/** What a first call's lock and a second one's have to agree in. */
export function identityOf(first: Named, second: Named): Identity {
  if (first.resource !== second.resource) return controlPage(first, second);
  switch (resourceFacts(first.resource).scope) {
    case "system":
      return { by: "nothing" };
    case "td":
      // A row with a role may be about another TD than the call's own, such as the target of a service TD.
      return { by: first.role === null && second.role === null ? "td" : "unknown" };
    case "vcpu":
      return { by: "vcpu" };
    case "sept-entry":
      return { by: "entry" };
    case "page":
      return { by: first.resource === "PAGE" ? "page" : "unknown" };
    default:
      return { by: "unknown" };
  }
}

/** A page that one of them names can be the other's TDR or TDVPR. */
function controlPage(first: Named, second: Named): Identity {
  const namer = first.resource === "PAGE" ? "first" : "second";
  const { resource, role } = namer === "first" ? second : first;
  if (role !== null || (resource !== "TDR" && resource !== "TDVPR")) return { by: "unknown" };
  return { by: "control-page", namer, owner: resource === "TDR" ? "td" : "vp" };
}

/** Does it say that calls for two TDs are on two objects? */
export const isWithinTd = ({ by }: Identity): boolean => by === "td" || by === "vcpu" || by === "entry";

/** Do two calls name the same object? */
export function relate(identity: Identity, first: Call, second: Call): Relation {
  switch (identity.by) {
    case "nothing":
      return SAME;
    case "td":
      return keys(first.td, second.td);
    case "vcpu":
      return keys(first.td, second.td) === DIFFERENT ? DIFFERENT : keys(first.vp, second.vp);
    case "entry":
      return least(keys(first.td, second.td), entries(first, second));
    case "page":
      return pages(first.page, second.page);
    case "control-page": {
      const [named, owner] = identity.namer === "first" ? [first, second] : [second, first];
      const key = owner[identity.owner];
      const frame = key === null ? null : frameOf(key);
      return frame === null ? MAYBE : pages(named.page, frame);
    }
    case "unknown":
      return MAYBE;
  }
}

/** The key of a TD or a vCPU by its frame number in hexadecimal; null when it is none. */
export function frameKey(word: string): string | null {
  return /^[0-9a-f]{1,13}$/i.test(word) ? `0x${Number.parseInt(word, 16).toString(16)}` : null;
}

/** A key of at most 13 digits is a frame number, a longer one a kernel's pointer. */
function frameOf(key: string): number | null {
  return key.length <= 15 ? Number(key) : null;
}

function keys(a: string | null, b: string | null): Relation {
  if (a === null || b === null) return MAYBE;
  return a === b ? SAME : DIFFERENT;
}

function pages(a: number | null, b: number | null): Relation {
  if (a === null || b === null || a < 0 !== b < 0) return MAYBE;
  return a === b ? SAME : DIFFERENT;
}

/** A call that names a GPA and no level means a 4 KB page. */
function entries(x: Call, y: Call): Relation {
  if (x.gpa === null || y.gpa === null) return MAYBE;
  const level = x.level ?? 0;
  if (level !== (y.level ?? 0)) return DIFFERENT;
  const size = 2 ** (12 + 9 * level);
  return Math.floor(x.gpa / size) === Math.floor(y.gpa / size) ? SAME : DIFFERENT;
}

function least(a: Relation, b: Relation): Relation {
  return a < b ? a : b;
}
