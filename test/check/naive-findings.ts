/**
 * Which states a search must name: found breadth-first over the interpreter's states, and by comparing packed words, in no order but theirs.
 */
import { packState } from "../../src/check/pack.ts";
import type { Finding, Prepared } from "../../src/check/search.ts";
import {
  apply,
  enabledMoves,
  type Fault,
  faultName,
  holds,
  initialState,
  isDeadlock,
} from "../../src/language/index.ts";

/** What is met where: the state's words, and its distance from the start. */
interface Met {
  readonly kind: Finding["kind"];
  readonly property: string;
  readonly words: string;
}

export interface NaiveFindings {
  /** By kind and property: the words of the state, as `keyOf` writes them. */
  readonly findings: ReadonlyMap<string, string>;
  /** By a state's words: those of the state before, of all that lead there from the level before; none for the first state. */
  readonly parents: ReadonlyMap<string, string>;
}

/** Words so that the lesser state comes first when texts are compared. */
export const keyOf = (words: Int32Array): string =>
  [...words].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join(" ");

export const nameOf = ({ kind, property }: Pick<Finding, "kind" | "property">): string => `${kind} ${property}`;

const kindOf = (fault: Fault): Finding["kind"] => (fault.kind === "assertion" ? "assertion" : "range");

/** Explore the plain space of a small model. */
export function findingsOf({ model, layout, packing }: Pick<Prepared, "model" | "layout" | "packing">): NaiveFindings {
  const key = (state: readonly number[]) => keyOf(packState(packing, state));
  const findings = new Map<string, string>();
  const parents = new Map<string, string>();
  const seen = new Set<string>();
  const visited = (state: readonly number[]): Met[] =>
    model.properties.flatMap((property) => {
      if (property.kind === "leads-to" || holds(layout, state, property.expr) !== (property.kind === "sometimes"))
        return [];
      return [{ kind: property.kind, property: property.name, words: key(state) }];
    });
  const close = (met: readonly Met[]) => {
    for (const { words, ...name } of met.toSorted((a, b) => (a.words < b.words ? -1 : 1)))
      if (!findings.has(nameOf(name))) findings.set(nameOf(name), words);
  };
  let level = [initialState(layout)];
  seen.add(key(level[0] as readonly number[]));
  close(visited(level[0] as readonly number[]));
  while (level.length > 0) {
    const met: Met[] = [];
    const next = new Map<string, number[]>();
    for (const state of level) {
      const words = key(state);
      if (model.deadlock && isDeadlock(layout, state)) met.push({ kind: "deadlock", property: "deadlock", words });
      for (const { instance, move } of enabledMoves(layout, state)) {
        const { fault, state: after } = apply(layout, state, instance, move);
        if (fault !== null) {
          met.push({ kind: kindOf(fault), property: faultName(fault), words });
          continue;
        }
        const reached = key(after);
        if (seen.has(reached)) continue;
        next.set(reached, [...after]);
        const before = parents.get(reached);
        if (before === undefined || words < before) parents.set(reached, words);
      }
    }
    for (const [words, state] of next) {
      seen.add(words);
      met.push(...visited(state));
    }
    close(met);
    level = [...next.values()];
  }
  return { findings, parents };
}
