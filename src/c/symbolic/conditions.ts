/**
 * Under which condition, among the successful ways through a leaf, something happens: few and short cases, in the leaf's terms.
 *
 * A path is the tests that were decided on the way to a place, and how. Say that a leaf succeeds on two ways, `version == 0` and
 * `version == 1 && page != NULL`, and takes a lock on the second. The lock's own path is all of `version == 1 && page != NULL`; but
 * no successful way has `version == 1` and no page, so that `version == 1` is all that a reader needs. What the successful ways can
 * be is called what is cared for; a condition is the shortest one that holds on the cared-for ways where something happens and on
 * none of the others, whatever it says of ways that are not cared for.
 *
 * Tests are variables of decision diagrams (`bdd.ts`), where such questions are exact.
 */

import { ALWAYS, Diagrams, NEVER, type Node, TooLarge } from "./bdd.ts";
import type { Path } from "./path.ts";
import { and, atomsOf, FALSE, type Formula, not, or, TRUE } from "./values.ts";

const MAX_NODES = 50_000;
/** More tests than this are not compared with each other: diagrams are followed as deep as they have variables. */
const MAX_TESTS = 1000;

/** What tells the ways on which something happens from the others. */
export interface Distinction {
  readonly formula: Formula;
  /**
   * What can be said of it with some of its tests alone; null when there are too many cases to tell. To be asked for before
   * the next condition is.
   */
  shown(wanted: (test: Formula) => boolean): Formula | null;
}

export class Conditions {
  private readonly ways: readonly Path[];
  private readonly textOf: (test: Formula) => string;
  private diagrams: Diagrams;
  private readonly limit: number;
  /** By the key of a test: its variable. */
  private readonly numbers = new Map<string, number>();
  /** By variable: the test, one of those that read the same. */
  private readonly tests: Formula[] = [];
  private nodes = new Map<Path, Node>([[null, ALWAYS]]);

  /**
   * @param ways paths of the successful ways
   * @param textOf how a test reads
   * @param limit of nodes of a diagram
   */
  constructor(ways: readonly Path[], textOf: (test: Formula) => string, limit = MAX_NODES) {
    this.ways = ways;
    this.textOf = textOf;
    this.limit = limit;
    this.diagrams = new Diagrams(limit);
  }

  /**
   * When something happens, among the successful ways.
   *
   * @param happens it happens on each of these: where all paths of one agree
   * @param only whether a test may tell ways apart; all may when not given
   * @returns null when there are too many cases to tell
   */
  of(happens: readonly (readonly Path[])[], only: (test: Formula) => boolean = () => true): Distinction | null {
    return this.unlessTooLarge(() => {
      if (this.numbers.size === 0) this.number();
      const node = this.told(happens, only);
      const shown = (wanted: (test: Formula) => boolean) =>
        orNull(() => this.formula(this.diagrams.projected(node, this.numbersOf(wanted))));
      return { formula: this.formula(node), shown };
    });
  }

  /**
   * The shortest condition for something. `named` is what its own paths say, with the tests that may be named alone; `cared` what the
   * successful ways say of the same tests. `cover` then chooses freely between the least that must hold (`least`: it happens, and the
   * way is cared for) and the most that may (or nobody cares).
   */
  private told(happens: readonly (readonly Path[])[], only: (test: Formula) => boolean): Node {
    const whole = this.either(happens.map((paths) => this.both(paths)));
    const named = this.diagrams.projected(whole, this.numbersOf(only));
    const cared = this.cared(this.ways, this.diagrams.support(named));
    // It happens on no successful way: then all there is to say is how it happens.
    if (this.diagrams.and(named, cared) === NEVER) return named;
    const [node, care] = this.withoutRereads(named, cared);
    const least = this.diagrams.and(node, care);
    return this.diagrams.cover(least, this.diagrams.or(node, this.diagrams.not(care))).node;
  }

  /**
   * What the ways say of the tests in `kept`. Other tests are left out while the diagram is made, not afterwards, for it would grow too
   * large with them: so it may allow more than the ways do, and never less.
   */
  private cared(ways: readonly Path[], kept: ReadonlySet<number>): Node {
    const nodes = new Map<Path, Node>([[null, ALWAYS]]);
    for (const path of upTo(ways, nodes)) {
      const parts = partsOf(path).map((part) => nodes.get(part) as Node);
      const isLeftOut = "test" in path && !atomsOf(path.test).some(({ key }) => kept.has(this.numbers.get(key) ?? -1));
      if ("test" in path && !isLeftOut) parts.push(this.nodeOf(path.test));
      nodes.set(path, "ways" in path ? this.either(parts) : this.all(parts));
    }
    return this.diagrams.projected(this.either(ways.map((path) => nodes.get(path) as Node)), kept);
  }

  /**
   * Without tests that a reader takes for ones that were there before: `entry.state == FREE`, read again under the lock, reads the same
   * and is another test. Of two such the later one is left out, where the remaining tests still tell the ways on which it happens from
   * those on which it does not.
   */
  private withoutRereads(node: Node, cared: Node): readonly [node: Node, cared: Node] {
    const { diagrams } = this;
    let happens = diagrams.and(node, cared);
    let not = diagrams.and(cared, diagrams.not(node));
    const kept = new Set(diagrams.support(diagrams.or(happens, diagrams.not(not))));
    for (const variable of diagrams.support(node)) kept.add(variable);
    const read = new Set<string>();
    for (const variable of [...kept].sort((a, b) => a - b)) {
      const text = this.textOf(this.tests[variable] as Formula);
      const isAgain = read.has(text);
      read.add(text);
      if (!isAgain) continue;
      const others = new Set([...kept].filter((other) => other !== variable));
      const [fewer, fewerNot] = [diagrams.projected(happens, others), diagrams.projected(not, others)];
      if (diagrams.and(fewer, fewerNot) !== NEVER) continue;
      [happens, not] = [fewer, fewerNot];
      kept.delete(variable);
    }
    return [happens, diagrams.or(happens, not)];
  }

  private numbersOf(wanted: (test: Formula) => boolean): ReadonlySet<number> {
    return new Set(this.tests.flatMap((test, number) => (wanted(test) ? [number] : [])));
  }

  /** Diagrams are never freed: what is too large beside the others may have room alone. */
  private unlessTooLarge<T>(look: () => T): T | null {
    const result = orNull(look);
    if (result !== null) return result;
    this.diagrams = new Diagrams(this.limit);
    this.nodes = new Map([[null, ALWAYS]]);
    return orNull(look);
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
    const groups = new Map(
      [...byText.values()].flatMap((atoms) => [...atoms.keys()].map((key) => [key, atoms] as const)),
    );
    if (groups.size > MAX_TESTS) throw new TooLarge();
    const apart = togetherOnSomeWay(paths, groups);
    for (const path of paths) {
      for (const atom of "ways" in path ? [] : atomsOf(path.test)) {
        const first = apart.has(atom.key) ? atom.key : (groups.get(atom.key)?.keys().next().value ?? atom.key);
        const number = this.numbers.get(first) ?? this.tests.push(atom) - 1;
        this.numbers.set(first, number).set(atom.key, number);
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

  /** A condition, as the conjunction of conditions on tests that have nothing to do with each other. */
  private formula(node: Node): Formula {
    const parts = this.independent(node).map((group) => this.diagrams.projected(node, new Set(group)));
    return and(...this.withoutImplied(parts.map((part) => this.cases(part))));
  }

  private all(nodes: readonly Node[]): Node {
    return nodes.reduce<Node>((a, b) => this.diagrams.and(a, b), ALWAYS);
  }

  /** Groups of the variables of a condition that asks one thing of each group; one group where it is no such condition. */
  private independent(node: Node): readonly (readonly number[])[] {
    const variables = [...this.diagrams.support(node)].sort((a, b) => a - b);
    let groups: number[][] = [];
    for (const variable of variables) {
      const linked = groups.filter((group) => group.some((other) => this.areLinked(node, variable, other)));
      groups = [...groups.filter((group) => !linked.includes(group)), [...linked.flat(), variable]];
    }
    const product = this.all(groups.map((group) => this.diagrams.projected(node, new Set(group))));
    return product === node ? groups : [variables];
  }

  /** Does what a condition asks of one variable depend on the other? In a product of two it does not, whichever way they are. */
  private areLinked(node: Node, a: number, b: number): boolean {
    const { diagrams } = this;
    const others = new Set([...diagrams.support(node)].filter((variable) => variable !== a && variable !== b));
    const given = (x: boolean, y: boolean) => {
      const test = (variable: number, value: boolean) =>
        value ? diagrams.variable(variable) : diagrams.not(diagrams.variable(variable));
      return diagrams.projected(this.all([node, test(a, x), test(b, y)]), others);
    };
    return (
      diagrams.and(given(false, false), given(true, true)) !== diagrams.and(given(false, true), given(true, false))
    );
  }

  private cases(node: Node): Formula {
    const { cubes } = this.diagrams.cover(node, node);
    const cases = cubes.map((cube) =>
      this.withoutImplied(
        cube.map(([variable, value]) => {
          const test = this.tests[variable] as Formula;
          return value ? test : not(test);
        }),
      ),
    );
    return factored(this.withoutCovered(cases));
  }

  /** No case that reads as another one with more tests. */
  private withoutCovered(cases: readonly (readonly Formula[])[]): readonly (readonly Formula[])[] {
    const texts = cases.map((tests) => new Set(tests.map(this.textOf)));
    const covers = (a: ReadonlySet<string>, b: ReadonlySet<string>) => [...a].every((text) => b.has(text));
    return cases.filter((_, i) => {
      const own = texts[i] as ReadonlySet<string>;
      return !texts.some((other, j) => j !== i && covers(other, own) && (other.size < own.size || j < i));
    });
  }

  /** Of conditions that hold together: none that reads as another one, and no `x != a` beside `x == b`. */
  private withoutImplied(tests: readonly Formula[]): readonly Formula[] {
    const decided = new Set(tests.flatMap((test) => (test.k === "atom" && test.binding ? [test.binding.id] : [])));
    const read = new Set<string>();
    return tests.filter((test) => {
      const denied =
        test.k === "not" && test.f.k === "atom" ? test.f.binding : test.k === "atom" ? test.otherwise : null;
      const text = this.textOf(test);
      const isImplied = (denied !== null && decided.has(denied.id)) || read.has(text);
      read.add(text);
      return !isImplied;
    });
  }
}

/** Null when that is too large. */
function orNull<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (error instanceof TooLarge) return null;
    throw error;
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

/**
 * Keys of tests that read the same and of which some way makes several.
 *
 * @param paths each after its own parts
 * @param groups by key: the tests that read the same
 */
function togetherOnSomeWay(
  paths: readonly Exclude<Path, null>[],
  groups: ReadonlyMap<string, ReadonlyMap<string, Formula>>,
): ReadonlySet<string> {
  const isShared = (key: string) => (groups.get(key)?.size ?? 0) > 1;
  const made = new Map<Path, ReadonlySet<string>>();
  const together = new Set<string>();
  for (const path of paths) {
    const [first, second] = partsOf(path).map((part) => made.get(part) ?? new Set<string>());
    let keys = first as ReadonlySet<string>;
    if (second && [...second].some((key) => !keys.has(key))) keys = new Set([...keys, ...second]);
    const own = "ways" in path ? [] : atomsOf(path.test).filter(({ key }) => isShared(key) && !keys.has(key));
    if (own.length > 0) keys = new Set([...keys, ...own.map(({ key }) => key)]);
    for (const { key } of own) {
      const group = groups.get(key) as ReadonlyMap<string, Formula>;
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
