/** What the order of a log's statuses tells: one call's failure that comes from another's. Rules are data. */
import { SEQUENCES } from "./facts.ts";
import type { StatusExplanation } from "./schema.ts";

/** A status with its place in the log. */
export interface Placed {
  readonly explanation: StatusExplanation;
  /** The input has only its upper half. */
  readonly upperOnly: boolean;
  /** A kernel printed it, after all that it does about a busy call. */
  readonly printed: boolean;
  readonly first: number;
  readonly last: number;
}

interface Pattern {
  readonly leaves: readonly string[];
  readonly statuses: readonly string[];
}

const ANY = "*";

/** Sentences, in the order of the rules. */
export function sequencesIn(statuses: readonly Placed[]): string[] {
  return SEQUENCES.flatMap(({ first, then, says }) => {
    for (const cause of statuses.filter((s) => matches(s, first))) {
      const effects = statuses.filter((s) => s !== cause && matches(s, then) && cause.first < s.last);
      if (effects.length === 0) continue;
      const names = [...new Set(effects.map((s) => short(s.explanation)))].join(", ");
      return [says.replace("{first}", short(cause.explanation)).replace("{then}", names)];
    }
    return [];
  });
}

function matches({ explanation: { leaf, name, kind } }: Placed, { leaves, statuses }: Pattern): boolean {
  if (name === null || kind === "success") return false;
  return (
    (leaves.includes(ANY) || (leaf !== null && leaves.includes(leaf))) &&
    (statuses.includes(ANY) || statuses.includes(name))
  );
}

function short({ leaf, name }: StatusExplanation): string {
  return leaf === null ? `${name}` : `${leaf}() (${name})`;
}
