/**
 * Under which condition, among the successful ways through a leaf, something happens: few and short cases, in the leaf's terms.
 *
 * Each way, and each place on it, has its path of decided tests; all that no successful way can be does not matter. So a
 * condition says what tells the successful ways on which it happens from those on which it does not, and no more.
 */

import { ALWAYS, type Cube, Diagrams, NEVER, type Node, TooLarge } from "./bdd.ts";
import type { Path } from "./path.ts";
import { and, FALSE, type Formula, not, or, TRUE } from "./values.ts";

const MAX_NODES = 50_000;
/** More tests than this are not compared with each other: diagrams are followed as deep as they have variables. */
const MAX_TESTS = 1000;

export class Conditions {
  private readonly ways: readonly Path[];
  private readonly textOf: (test: Formula) => string;
  private readonly diagrams = new Diagrams(MAX_NODES);
  /** By the key of a test: its variable. */
  private readonly numbers = new Map<string, number>();
  /** By variable: the test, one of those that read the same. */
  private readonly tests: Formula[] = [];
  private readonly nodes = new Map<Path, Node>([[null, ALWAYS]]);

  /**
   * @param ways paths of the successful ways
   * @param textOf how a test reads
   */
  constructor(ways: readonly Path[], textOf: (test: Formula) => string) {
    this.ways = ways;
    this.textOf = textOf;
  }

  /**
   * When something happens, among the ways whose indices are in `among` and those on which it does.
   *
   * @param happens it happens on each of these: where all paths of one agree
   * @returns null when there are too many cases to tell
   */
  of(happens: readonly (readonly Path[])[], among: ReadonlySet<number>): Formula | null {
    return this.told(() => {
      if (this.numbers.size === 0) this.number();
      const node = this.either(happens.map((paths) => this.both(paths)));
      const ways = this.either(this.ways.filter((_, way) => among.has(way)).map((path) => this.node(path)));
      const cared = this.diagrams.projected(ways, this.diagrams.support(node));
      const isNeverCared = this.diagrams.and(node, cared) === NEVER;
      const care = isNeverCared ? ALWAYS : cared;
      return this.formula(
        this.diagrams.cases(this.diagrams.and(node, care), this.diagrams.or(node, this.diagrams.not(care))),
      );
    });
  }

  private told(look: () => Formula): Formula | null {
    try {
      return look();
    } catch (error) {
      if (error instanceof TooLarge) return null;
      throw error;
    }
  }

  private either(nodes: readonly Node[]): Node {
    return nodes.reduce((a, b) => this.diagrams.or(a, b), NEVER);
  }

  private both(paths: readonly Path[]): Node {
    return paths.reduce<Node>((node, path) => this.diagrams.and(node, this.node(path)), ALWAYS);
  }

  /** The diagram of a path. */
  private node(path: Path): Node {
    for (const at of upTo([path], this.nodes)) {
      const nodes = partsOf(at).map((part) => this.nodes.get(part) as Node);
      const node = "ways" in at ? this.either(nodes) : this.diagrams.and(nodes[0] as Node, this.nodeOf(at.test));
      this.nodes.set(at, node);
    }
    return this.nodes.get(path) as Node;
  }

  /**
   * Gives each test of the ways its variable, in the order of the source. Tests that read the same are one, where no way makes
   * two of them: in each run, whichever is made is what the reader takes it for.
   */
  private number(): void {
    const byText = new Map<string, Map<string, Formula>>();
    const paths = upTo(this.ways, new Map([[null, null]]));
    for (const path of paths) {
      for (const atom of "ways" in path ? [] : atomsOf(path.test)) {
        const text = this.textOf(atom);
        byText.set(text, (byText.get(text) ?? new Map<string, Formula>()).set(atom.key, atom));
      }
    }
    const apart = togetherOnSomeWay(
      paths,
      [...byText.values()].filter((atoms) => atoms.size > 1),
    );
    for (const atoms of byText.values()) {
      for (const [key, atom] of atoms) {
        if (atoms.keys().next().value === key || apart.has(key)) this.tests.push(atom);
        this.numbers.set(key, this.tests.length - 1);
      }
    }
  }

  private nodeOf(f: Formula): Node {
    switch (f.k) {
      case "const":
        return f.value ? ALWAYS : NEVER;
      case "not":
        return this.diagrams.not(this.nodeOf(f.f));
      case "and":
        return f.fs.reduce<Node>((node, part) => this.diagrams.and(node, this.nodeOf(part)), ALWAYS);
      case "or":
        return this.either(f.fs.map((part) => this.nodeOf(part)));
      case "atom": {
        let number = this.numbers.get(f.key);
        if (number === undefined) {
          number = this.tests.push(f) - 1;
          this.numbers.set(f.key, number);
        }
        if (number >= MAX_TESTS) throw new TooLarge();
        return this.diagrams.variable(number);
      }
    }
  }

  private formula(cubes: readonly Cube[]): Formula {
    return factored(
      cubes.map((cube) =>
        cube.map(([variable, value]) => {
          const test = this.tests[variable] as Formula;
          return value ? test : not(test);
        }),
      ),
    );
  }
}

const partsOf = (path: Exclude<Path, null>): readonly Path[] => ("ways" in path ? path.ways : [path.before]);

/** All that some paths are made of, each after its own parts, but for what is known already. Paths are longer than a stack is deep. */
function upTo(paths: readonly Path[], known: ReadonlyMap<Path, unknown>): readonly Exclude<Path, null>[] {
  const found = new Set<Exclude<Path, null>>();
  const isDone = (path: Path) => path === null || known.has(path) || found.has(path);
  const waiting = [...paths].reverse();
  for (let at = waiting.at(-1); at !== undefined; at = waiting.at(-1)) {
    const missing = at === null || isDone(at) ? [] : partsOf(at).filter((part) => !isDone(part));
    if (missing.length > 0) {
      waiting.push(...missing.reverse());
      continue;
    }
    waiting.pop();
    if (at !== null && !isDone(at)) found.add(at);
  }
  return [...found];
}

function atomsOf(f: Formula): readonly Formula[] {
  switch (f.k) {
    case "const":
      return [];
    case "atom":
      return [f];
    case "not":
      return atomsOf(f.f);
    default:
      return f.fs.flatMap(atomsOf);
  }
}

/**
 * Keys of tests that read the same and of which some way makes several.
 *
 * @param paths each after its own parts
 * @param groups tests that read the same, by key
 */
function togetherOnSomeWay(
  paths: readonly Exclude<Path, null>[],
  groups: readonly ReadonlyMap<string, Formula>[],
): ReadonlySet<string> {
  const groupOf = new Map(groups.flatMap((group) => [...group.keys()].map((key) => [key, group] as const)));
  const made = new Map<Path, ReadonlySet<string>>();
  const together = new Set<string>();
  for (const path of groups.length === 0 ? [] : paths) {
    const [first, second] = partsOf(path).map((part) => made.get(part) ?? new Set<string>());
    let keys = first as ReadonlySet<string>;
    if (second && [...second].some((key) => !keys.has(key))) keys = new Set([...keys, ...second]);
    const own = "ways" in path ? [] : atomsOf(path.test).filter(({ key }) => groupOf.has(key) && !keys.has(key));
    if (own.length > 0) keys = new Set([...keys, ...own.map(({ key }) => key)]);
    for (const { key } of own) {
      const group = groupOf.get(key) as ReadonlyMap<string, Formula>;
      const others = [...group.keys()].filter((other) => other !== key && keys.has(other));
      for (const other of others.length > 0 ? group.keys() : []) together.add(other);
    }
    made.set(path, keys);
  }
  return together;
}

/** Cases as one formula, in which what several cases share stands once. */
function factored(cases: readonly (readonly Formula[])[]): Formula {
  if (cases.length === 0) return FALSE;
  if (cases.some((tests) => tests.length === 0)) return TRUE;
  if (cases.length === 1) return and(...(cases[0] as readonly Formula[]));
  const counts = new Map<string, { readonly test: Formula; count: number }>();
  for (const test of cases.flat()) {
    const entry = counts.get(test.key) ?? { test, count: 0 };
    entry.count++;
    counts.set(test.key, entry);
  }
  const [most] = [...counts.values()].sort((a, b) => b.count - a.count);
  if (most === undefined || most.count < 2) return or(...cases.map((tests) => and(...tests)));
  const { key } = most.test;
  const having = cases.filter((tests) => tests.some((test) => test.key === key));
  const rest = cases.filter((tests) => !having.includes(tests));
  const inner = factored(having.map((tests) => tests.filter((test) => test.key !== key)));
  const first = and(most.test, inner);
  return rest.length === 0 ? first : or(first, factored(rest));
}
