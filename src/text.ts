/** Words of people and of shells: what several folders say in the same way. Imports nothing of ours, and runs in a browser. */
import { distance } from "fastest-levenshtein";

/** The candidate that a person most likely meant by `word`, or null when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const typed = word.toLowerCase();
  let best: string | null = null;
  // Of a word of four letters, two others are another word.
  let bestDistance = (word.length < 5 ? 1 : Math.max(2, Math.floor(word.length / 3))) + 1;
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
