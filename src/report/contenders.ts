/** Many pairs in few sentences: calls with the same opponents are named together. */
import type { ContendPair } from "../analysis/index.ts";
import { count, groupBy, list, type PairEnd, pairEnd } from "./words.ts";

/** Above this many names, a sentence gives their number. */
const MANY = 8;
/** Above this many sentences, a list of pairs says more than prose. */
const MANY_GROUPS = 8;

/**
 * Sentences that say who can contend with whom in `pairs`, which should be those of one resource.
 *
 * @param verb `can contend` or what else the pairs have in common
 */
export function contenderSentences(pairs: readonly ContendPair[], verb = "can contend"): string[] {
  const graph = opponents(pairs);
  const groups = groupsOf(graph, exclusiveEnds(pairs));
  if (groups.length > MANY_GROUPS) {
    return [`${count(pairs.length, "pair")} of ${count(graph.met.size, "call")} ${verb}.`];
  }
  const told = new Set<string>();
  return groups.flatMap((group) => {
    const sentence = groupSentence(group, graph, told, verb);
    for (const name of group) told.add(name);
    return sentence === null ? [] : [sentence];
  });
}

/** Who meets whom, by the text of an end; and each end by its text. */
interface Graph {
  readonly met: ReadonlyMap<string, ReadonlySet<string>>;
  readonly ends: ReadonlyMap<string, PairEnd>;
}

function opponents(pairs: readonly ContendPair[]): Graph {
  const met = new Map<string, Set<string>>();
  const ends = new Map<string, PairEnd>();
  const add = (x: PairEnd, y: PairEnd): void => {
    ends.set(x.text, x);
    met.set(x.text, (met.get(x.text) ?? new Set<string>()).add(y.text));
  };
  for (const pair of pairs) {
    add(pairEnd(pair, "a"), pairEnd(pair, "b"));
    add(pairEnd(pair, "b"), pairEnd(pair, "a"));
  }
  return { met, ends };
}

/** Every pair has an EXCLUSIVE end, so the sentences of these tell all. */
function exclusiveEnds(pairs: readonly ContendPair[]): ReadonlySet<string> {
  const ends = new Set<string>();
  for (const pair of pairs) {
    if (pair.modeA === "EXCLUSIVE") ends.add(pairEnd(pair, "a").text);
    if (pair.modeB === "EXCLUSIVE") ends.add(pairEnd(pair, "b").text);
  }
  return ends;
}

function groupsOf(graph: Graph, ends: ReadonlySet<string>): string[][] {
  const groups = new Map<string, string[]>();
  for (const name of [...ends].sort()) {
    const key = [...(graph.met.get(name) ?? [])].sort().join("\n");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [name]);
    else group.push(name);
  }
  return [...groups.values()];
}

function groupSentence(group: string[], graph: Graph, told: ReadonlySet<string>, verb: string): string | null {
  const [first = ""] = group;
  const all = graph.met.get(first) ?? new Set<string>();
  const others = [...all].filter((name) => !group.includes(name) && !told.has(name)).sort();
  const inner = all.has(first);
  if (!inner && others.length === 0) return null;
  const among = !inner
    ? []
    : [byLeaf(group, graph).length === 1 ? "with itself on another CPU" : "with each other and with themselves"];
  const outside = others.length === 0 ? [] : [`with ${names(others, graph)}`];
  const each = byLeaf(group, graph).length > 1 && !inner ? `each ${verb}` : verb;
  return `${names(group, graph)} ${each} ${[...among, ...outside].join(", and ")}.`;
}

function names(texts: readonly string[], graph: Graph): string {
  const together = byLeaf(texts, graph);
  return together.length > MANY ? count(together.length, "call") : list(together);
}

/** Variants of one leaf share its name: `tdh_vp_init() [version=0, version>=1]`. */
function byLeaf(texts: readonly string[], { ends }: Graph): readonly string[] {
  const all = texts.flatMap((text) => ends.get(text) ?? []);
  return groupBy(all, ({ name }) => name).map(([name, group]) => {
    const variants = group.flatMap(({ variant }) => variant ?? []);
    return variants.length === 0 ? name : name.replace("()", `() [${variants.join(", ")}]`);
  });
}
