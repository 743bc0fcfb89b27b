/**
 * What other bundled versions of the module do, from data/history.json (`npm run history`). Nothing is said of a source that is no bundled
 * release (`null`), whatever version it states.
 */
import history from "../../data/history.json" with { type: "json" };

/** A value from a version on, until the next one. */
type Since = Readonly<Record<string, string | null>>;

interface ModeHistory {
  readonly leaf: string;
  readonly resource: string;
  readonly from: Since;
}

interface PairHistory {
  readonly a: string;
  readonly b: string;
  readonly resource: string;
  readonly from: Since;
}

const VERSIONS: readonly string[] = history.versions;
const MODES = history.modes as unknown as readonly ModeHistory[];
const LOCKS = history.locks as unknown as readonly { readonly resource: string; readonly from: Since }[];
const PAIRS = history.pairs as unknown as readonly PairHistory[];

/** The value before this version's, with the last version that had it; and the one after, with the first. */
export interface Elsewhere {
  readonly before: { readonly until: string; readonly value: string } | null;
  readonly after: { readonly since: string; readonly value: string } | null;
}

const indexOf = (release: string | null): number => (release === null ? -1 : VERSIONS.indexOf(release));

function valueAt(from: Since, version: number): string | null {
  for (let i = version; i >= 0; i--) {
    const name = VERSIONS[i] ?? "";
    if (Object.hasOwn(from, name)) return from[name] ?? null;
  }
  return null;
}

function elsewhere(from: Since | undefined, release: string | null): Elsewhere {
  const at = indexOf(release);
  if (from === undefined || at < 0) return { before: null, after: null };
  const own = valueAt(from, at);
  const values = VERSIONS.map((_, i) => valueAt(from, i));
  const differs = (value: string | null, i: number): boolean => value !== null && value !== own && sameLine(i, at);
  const earlier = values.findLastIndex((value, i) => i < at && differs(value, i));
  const later = values.findIndex((value, i) => i > at && differs(value, i));
  const [old, next] = [values[earlier] ?? null, values[later] ?? null];
  return {
    before: old === null ? null : { until: VERSIONS[earlier] ?? "", value: old },
    after: next === null ? null : { since: VERSIONS[later] ?? "", value: next },
  };
}

/** Versions of one line, 1.5 say: what an older line did helps nobody who runs this one. */
function sameLine(i: number, j: number): boolean {
  const line = (at: number): string => (VERSIONS[at] ?? "").split(".").slice(0, 2).join(".");
  return line(i) === line(j);
}

/** In which modes a call takes a resource in other versions, where that differs. */
export function modesElsewhere(leaf: string, resource: string, release: string | null): Elsewhere {
  return elsewhere(MODES.find((m) => m.leaf === leaf && m.resource === resource)?.from, release);
}

/** Which kind of lock guards a resource in other versions, where that differs. */
export function lockElsewhere(resource: string, release: string | null): Elsewhere {
  return elsewhere(LOCKS.find((l) => l.resource === resource)?.from, release);
}

/** Calls that take the PAMT entry of a whole range EXCLUSIVE from a later version of the same line on, and not in this one; null: none. */
export function ancestorsLater(
  release: string | null,
): { readonly since: string; readonly calls: readonly string[] } | null {
  const { after } = elsewhere(history.ancestors, release);
  const own = new Set(valueAt(history.ancestors, indexOf(release))?.split(" "));
  const calls = after === null ? [] : after.value.split(" ").filter((name) => !own.has(name));
  return after === null || calls.length === 0 ? null : { since: after.since, calls };
}

/** Two calls that can contend on a resource. */
export interface NamedPair {
  readonly a: string;
  readonly b: string;
  readonly resource: string;
}

/** Those of the pairs that are no more possible in a later version, by the first such version; null when there is none. */
export function goneLater(
  pairs: readonly NamedPair[],
  release: string | null,
): { since: string; gone: NamedPair[] } | null {
  const at = indexOf(release);
  if (at < 0) return null;
  for (let i = at + 1; i < VERSIONS.length && sameLine(i, at); i++) {
    const gone = pairs.filter((pair) => possibleAt(pair, i) === "no");
    if (gone.length > 0) return { since: VERSIONS[i] ?? "", gone };
  }
  return null;
}

/** Pairs of these calls on a resource that an earlier version left possible and this one does not; null when there is none. */
export function goneSince(
  resource: string,
  calls: readonly string[],
  release: string | null,
): { until: string; gone: NamedPair[] } | null {
  const at = indexOf(release);
  const own = PAIRS.filter((p) => p.resource === resource && calls.includes(p.a) && calls.includes(p.b));
  for (let i = at - 1; i >= 0 && sameLine(i, at); i--) {
    const gone = own.filter((pair) => valueAt(pair.from, i) === "yes" && valueAt(pair.from, at) === "no");
    if (gone.length > 0) return { until: VERSIONS[i] ?? "", gone: gone.map(({ a, b }) => ({ a, b, resource })) };
  }
  return null;
}

function possibleAt({ a, b, resource }: NamedPair, version: number): string | null {
  const found = PAIRS.find((p) => p.a === a && p.b === b && p.resource === resource);
  return found === undefined ? null : valueAt(found.from, version);
}
