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

/** Are `x`'s lock `mine` and `y`'s lock `theirs`, which can be one word, one word here? */
export function relate(x: Call, mine: Named, y: Call, theirs: Named): Relation {
  if (mine.resource !== theirs.resource) return pageOfControl(x, mine, y, theirs);
  switch (resourceFacts(mine.resource).scope) {
    case "system":
      return SAME;
    case "td":
      // A row with a role may be about another TD than the call's own, such as the target of a service TD.
      return mine.role === null && theirs.role === null ? keys(x.td, y.td) : MAYBE;
    case "vcpu":
      return keys(x.td, y.td) === DIFFERENT ? DIFFERENT : keys(x.vp, y.vp);
    case "sept-entry":
      return least(keys(x.td, y.td), entries(x, y));
    case "page":
      return mine.resource === "PAGE" ? pages(x.page, y.page) : MAYBE;
    default:
      return MAYBE;
  }
}

/** A page that one of them names can be the other's TDR or TDVPR. */
function pageOfControl(x: Call, mine: Named, y: Call, theirs: Named): Relation {
  const [namer, owner, of] = mine.resource === "PAGE" ? [x, y, theirs] : [y, x, mine];
  const key = of.resource === "TDR" ? owner.td : of.resource === "TDVPR" ? owner.vp : null;
  const frame = key === null ? null : frameOf(key);
  return frame === null || of.role !== null ? MAYBE : pages(namer.page, frame);
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
