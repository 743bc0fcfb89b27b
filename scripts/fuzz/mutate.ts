/** Changes of texts and documents that nobody would make on purpose, from a generator of numbers, so that each can be made again. */

/** Draws numbers in [0, 1). */
export type Random = () => number;

const below = (random: Random, end: number): number => Math.floor(random() * end);

/** One of them. @throws RangeError when there is none */
export function oneOf<T>(random: Random, list: readonly T[]): T {
  if (list.length === 0) throw new RangeError("nothing to choose from");
  return list[below(random, list.length)] as T;
}

/** Words at which readers of any language stumble. */
const COMMON = [
  "",
  "\0",
  "\u001b[31m",
  "\r",
  "\n",
  "\t",
  "\u2028",
  "\ud800",
  "\ufeff",
  "-1",
  "0",
  "1e999",
  "0x",
  "0xffffffffffffffff",
  "18446744073709551616",
  "NaN",
  "null",
  "__proto__",
  "constructor",
  "../..",
  "%s%n",
  '"',
  "'",
  "\\",
  "/*",
  "(",
  ")",
  "{",
  "}",
  "[",
  "]",
  ":",
  "- ",
  "&a",
  "*a",
  "<<",
];

type Change = (text: string, random: Random, words: readonly string[], other: string) => string;

/** Two places of a text in order, at most `most` characters apart. */
function span(text: string, random: Random, most: number): [number, number] {
  const from = below(random, text.length + 1);
  return [from, Math.min(text.length, from + 1 + below(random, most))];
}

const CHANGES: readonly Change[] = [
  function cut(text, random) {
    const [from, to] = span(text, random, 200);
    return text.slice(0, from) + text.slice(to);
  },
  function truncate(text, random) {
    return text.slice(0, below(random, text.length));
  },
  function repeat(text, random) {
    const [from, to] = span(text, random, 80);
    return text.slice(0, to) + text.slice(from, to).repeat(1 + below(random, 300)) + text.slice(to);
  },
  function insert(text, random, words) {
    const [from, to] = span(text, random, 8);
    return text.slice(0, from) + oneOf(random, words) + text.slice(random() < 0.5 ? from : to);
  },
  function flip(text, random) {
    const at = below(random, text.length);
    return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << below(random, 8))) + text.slice(at + 1);
  },
  function splice(text, random, _, other) {
    const [from, to] = span(other, random, 400);
    const at = below(random, text.length + 1);
    return text.slice(0, at) + other.slice(from, to) + text.slice(at);
  },
  function swapLines(text, random) {
    const lines = text.split("\n");
    const [a, b] = [below(random, lines.length), below(random, lines.length)];
    [lines[a], lines[b]] = [lines[b] ?? "", lines[a] ?? ""];
    return lines.join("\n");
  },
  function otherWord(text, random, words) {
    const found = [...text.matchAll(/[\w.]+/g)];
    if (found.length === 0) return text;
    const match = oneOf(random, found);
    return text.slice(0, match.index) + oneOf(random, words) + text.slice(match.index + match[0].length);
  },
];

/**
 * A text with one to four changes.
 *
 * @param words of the text's language, besides those at which every reader stumbles
 * @param other what parts are taken from
 */
export function mutateText(text: string, random: Random, words: readonly string[], other: string): string {
  const all = [...words, ...COMMON];
  let changed = text;
  for (let left = 1 + below(random, 4); left > 0; left--) changed = oneOf(random, CHANGES)(changed, random, all, other);
  return changed;
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A value that stands where another one should. */
const ODD: readonly Json[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e21,
  4294967296,
  "",
  "x".repeat(300),
  [],
  {},
  [[[[]]]],
  { op: "constructor" },
];

/** One of them, of its own: the next change may be in it. */
const odd = (random: Random): Json => structuredClone(oneOf(random, ODD)) as Json;

/** A document with one to three of its values in another place, doubled, left out or of another type. */
export function mutateValue(value: unknown, random: Random): unknown {
  const copy = structuredClone(value) as Json;
  for (let left = 1 + below(random, 3); left > 0; left--) {
    const spot = randomSpot(copy, random);
    if (spot === null) return odd(random);
    changeAt(spot, random, copy);
  }
  return copy;
}

interface Spot {
  readonly holder: Json[] | { [key: string]: Json };
  readonly key: string;
}

/** A spot anywhere below a value; each step down is as likely as stopping, so deep ones are met. */
function randomSpot(value: Json, random: Random): Spot | null {
  let spot: Spot | null = null;
  for (let at = value; typeof at === "object" && at !== null; ) {
    const keys = Object.keys(at);
    if (keys.length === 0 || (spot !== null && random() < 0.15)) break;
    const key = oneOf(random, keys);
    spot = { holder: at, key };
    at = (at as { [key: string]: Json })[key] as Json;
  }
  return spot;
}

function changeAt({ holder, key }: Spot, random: Random, whole: Json): void {
  const parts = holder as { [key: string]: Json };
  const value = parts[key] as Json;
  const change = below(random, 6);
  if (change === 0) remove(holder, key);
  else if (change === 1) parts[key] = odd(random);
  else if (change === 2) parts[key] = structuredClone((randomSpot(whole, random)?.holder ?? whole) as Json);
  else if (change === 3) double(holder, key, value);
  else if (change === 4) parts[key] = nudged(value, random);
  else if (!Array.isArray(holder)) rename(holder, key, random);
}

function remove(holder: Spot["holder"], key: string): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}

function double(holder: Spot["holder"], key: string, value: Json): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 0, structuredClone(value));
  else holder[`${key}2`] = structuredClone(value);
}

function rename(holder: { [key: string]: Json }, key: string, random: Random): void {
  const value = holder[key] as Json;
  delete holder[key];
  Object.defineProperty(holder, oneOf(random, ["__proto__", "constructor", "", `${key} `, "toString"]), {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** A value of the same type. */
function nudged(value: Json, random: Random): Json {
  if (typeof value === "number") return value + oneOf(random, [-1, 1, 0.5, 1000, -1e9]);
  if (typeof value === "boolean") return !value;
  if (typeof value === "string")
    return oneOf(random, [`${value}x`, value.slice(1), value.toUpperCase(), `${value}\n`, `${value}\u001b[2J`]);
  return odd(random);
}
