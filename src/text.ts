/** Words of people and of shells: what several folders say in the same way. Imports nothing of ours, and runs in a browser. */
import { distance } from "fastest-levenshtein";
import type { z } from "zod";

/** The candidate that a person most likely meant by `word`, or null when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const typed = word.toLowerCase();
  let best: string | null = null;
  // Of a word of four letters, two others are another word; of a word of one letter, one.
  let bestDistance = Math.min(word.length, (word.length < 5 ? 1 : Math.max(2, Math.floor(word.length / 3))) + 1);
  for (const candidate of candidates) {
    const name = candidate.toLowerCase();
    const d = isSwapped(typed, name) ? 1 : distance(typed, name);
    if (d < bestDistance) [best, bestDistance] = [candidate, d];
  }
  return best ?? beginning(typed, candidates);
}

/** Do two neighbouring letters stand in the other order? To the distance that is two faults, to a hand it is one. */
function isSwapped(a: string, b: string): boolean {
  const at = [...a].findIndex((letter, i) => letter !== b[i]);
  return (
    a.length === b.length &&
    at >= 0 &&
    a[at] === b[at + 1] &&
    a[at + 1] === b[at] &&
    a.slice(at + 2) === b.slice(at + 2)
  );
}

/** The only candidate that begins so. */
function beginning(typed: string, candidates: Iterable<string>): string | null {
  const found = typed.length < 3 ? [] : [...candidates].filter((name) => name.toLowerCase().startsWith(typed));
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** `did you mean …?`, or what to do when nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>, otherwise: string): string {
  const found = nearest(word, candidates);
  return found === null ? otherwise : `did you mean \`${found}\`?`;
}

/** A word as a POSIX shell takes it: in quotes where it needs them. */
export const shellWord = (word: string): string =>
  /^[\w./=:+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** Where a field stands in a document: `paths[3].steps[0].call`; empty for all of it. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === "number" ? `[${key}]` : i === 0 ? String(key) : `.${String(key)}`))
    .join("");
}

/** What stands there; undefined: nothing. */
export function fieldAt(document: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    document,
  );
}

/** A longer value is not shown. */
const LONG_VALUE = 60;

/** What stands in a document, in a sentence. */
function subject(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a mapping";
  const shown = JSON.stringify(value);
  return shown.length > LONG_VALUE ? "this" : shown;
}

const KINDS: Readonly<Record<string, string>> = {
  int: "no whole number",
  number: "no number",
  string: "no text",
  boolean: "neither true nor false",
  array: "no list",
  object: "no mapping",
  record: "no mapping",
};

/** What a schema asks of a value and does not find; null for what it says in words of its own. */
function unmet(issue: z.core.$ZodIssue): string | null {
  switch (issue.code) {
    case "invalid_type":
      return `is ${KINDS[issue.expected] ?? `no ${issue.expected}`}`;
    case "invalid_value":
      return noneOf(issue.values.map(String));
    case "too_small":
      return `is too ${hasLength(issue.origin) ? "short" : "small"}: at least ${issue.minimum}`;
    case "too_big":
      return `is too ${hasLength(issue.origin) ? "long" : "large"}: at most ${issue.maximum}`;
    case "invalid_union":
      return "options" in issue && Array.isArray(issue.options) ? noneOf(issue.options.map(String)) : null;
    default:
      return null;
  }
}

const hasLength = (origin: string): boolean => origin === "array" || origin === "string";

const noneOf = (values: readonly string[]): string =>
  values.length === 1 ? `is not ${values[0]}` : `is none of ${values.join(", ")}`;

/**
 * What a schema finds wrong with a field, as a clause: `"two" is no whole number`, `is missing`.
 *
 * @param issue of zod; one whose schema has a message of its own says that: after what stands there (`is no status`), or by itself if it is a refinement's
 * @param value what stands there; undefined: nothing
 */
export function fieldFault(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined && issue.code !== "custom") {
    const wanted = issue.code === "invalid_value" ? issue.values : "options" in issue ? issue.options : null;
    return Array.isArray(wanted) && wanted.length > 0 ? `is missing; there are ${wanted.join(", ")}` : "is missing";
  }
  if (issue.code === "custom") return issue.message;
  if (issue.code === "unrecognized_keys") return `has the unknown field ${issue.keys.join(", ")}`;
  return `${subject(value)} ${unmet(issue) ?? issue.message}`;
}

/** `12,924`: a number for people, to three decimal places; without the tables of languages that `toLocaleString` loads first. */
export function thousands(n: number): string {
  const [whole = "", ...decimals] = String(Math.round(n * 1000) / 1000).split(".");
  return [whole.replaceAll(/\B(?=(\d{3})+$)/g, ","), ...decimals].join(".");
}
