/**
 * Reduced ordered binary decision diagrams: conditions over tests, as exact sets of cases.
 *
 * A node is a number; the same condition is the same number. Variables are numbered from 0, and stand in diagrams in that order.
 */

/** A condition, as a node of a diagram. */
export type Node = number;

export const NEVER: Node = 0;
export const ALWAYS: Node = 1;

/** One case: variables that must be true or false; those that it does not name may be either. */
export type Cube = readonly (readonly [variable: number, value: boolean])[];

/** A diagram grew beyond the limit that was set for it. */
export class TooLarge extends Error {}

/** Nodes and variables that there can be: two of them make one key. */
const MOST = 1 << 16;
const keyOf = (a: number, b: number): number => a * MOST + b;

/** Variable of the two constants: after all others. */
const NONE = Number.MAX_SAFE_INTEGER;

/** Cases, and the condition that they are together. */
export interface Cover {
  readonly cubes: readonly Cube[];
  readonly node: Node;
}

/** A hash table from three small numbers to a node, with open addressing; 0 is no node here, so that an empty slot shows. */
class NodeTable {
  private slots = new Int32Array(4 * 64);
  private count = 0;

  get(a: number, b: number, c: number): Node | undefined {
    const node = this.slots[this.slotOf(a, b, c) + 3] as number;
    return node === 0 ? undefined : node - 1;
  }

  /** Adds what is not there yet. */
  add(a: number, b: number, c: number, node: Node): void {
    if (this.count * 8 > this.slots.length) this.grow();
    this.fill(this.slotOf(a, b, c), a, b, c, node + 1);
    this.count++;
  }

  private fill(at: number, a: number, b: number, c: number, stored: number): void {
    const { slots } = this;
    slots[at] = a;
    slots[at + 1] = b;
    slots[at + 2] = c;
    slots[at + 3] = stored;
  }

  /** Where the three are, or the empty slot where they would be. */
  private slotOf(a: number, b: number, c: number): number {
    const { slots } = this;
    const mask = (slots.length >> 2) - 1;
    const hash = Math.imul(Math.imul(Math.imul(a, 0x9e3779b1) ^ b, 0x85ebca6b) ^ c, 0xc2b2ae35);
    for (let i = (hash ^ (hash >>> 15)) & mask; ; i = (i + 1) & mask) {
      const at = i << 2;
      if (slots[at + 3] === 0 || (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c)) return at;
    }
  }

  private grow(): void {
    const { slots } = this;
    this.slots = new Int32Array(slots.length * 4);
    for (let i = 0; i < slots.length; i += 4) {
      if (slots[i + 3] === 0) continue;
      const [a, b, c] = [slots[i] as number, slots[i + 1] as number, slots[i + 2] as number];
      this.fill(this.slotOf(a, b, c), a, b, c, slots[i + 3] as number);
    }
  }
}

export class Diagrams {
  private readonly variables: number[] = [NONE, NONE];
  private readonly low: Node[] = [NEVER, ALWAYS];
  private readonly high: Node[] = [NEVER, ALWAYS];
  private readonly unique = new NodeTable();
  private readonly covers = new Map<number, Cover>();
  private readonly decided = new NodeTable();
  private readonly limit: number;

  /** @param limit of nodes, of at most 65,535; whatever would need more throws {@link TooLarge} */
  constructor(limit: number) {
    this.limit = Math.min(limit, MOST - 1);
  }

  variable(variable: number): Node {
    return this.node(variable, NEVER, ALWAYS);
  }

  not(a: Node): Node {
    return this.choose(a, NEVER, ALWAYS);
  }

  and(a: Node, b: Node): Node {
    return this.choose(a, b, NEVER);
  }

  or(a: Node, b: Node): Node {
    return this.choose(a, ALWAYS, b);
  }

  /** Variables that a condition depends on. */
  support(a: Node): ReadonlySet<number> {
    const found = new Set<number>();
    const seen = new Set<Node>([NEVER, ALWAYS]);
    const visit = (node: Node): void => {
      if (seen.has(node)) return;
      seen.add(node);
      found.add(this.variables[node] as number);
      visit(this.low[node] as Node);
      visit(this.high[node] as Node);
    };
    visit(a);
    return found;
  }

  /** What a condition says of the variables in `kept`: that it can be met, whatever the others must be for it. */
  projected(a: Node, kept: ReadonlySet<number>): Node {
    const known = new Map<Node, Node>([
      [NEVER, NEVER],
      [ALWAYS, ALWAYS],
    ]);
    const visit = (node: Node): Node => {
      let result = known.get(node);
      if (result === undefined) {
        const variable = this.variables[node] as number;
        const low = visit(this.low[node] as Node);
        const high = visit(this.high[node] as Node);
        result = kept.has(variable) ? this.choose(this.variable(variable), high, low) : this.or(low, high);
        known.set(node, result);
      }
      return result;
    };
    return visit(a);
  }

  /**
   * Few and short cases that together hold wherever `least` does, and nowhere where `most` does not: an irredundant sum of
   * products (Minato 1992).
   */
  cover(least: Node, most: Node): Cover {
    if (least === NEVER) return { cubes: [], node: NEVER };
    if (most === ALWAYS) return { cubes: [[]], node: ALWAYS };
    const key = keyOf(least, most);
    const known = this.covers.get(key);
    if (known) return known;
    const variable = Math.min(this.variables[least] as number, this.variables[most] as number);
    const [least0, least1] = this.cofactors(least, variable);
    const [most0, most1] = this.cofactors(most, variable);
    const without = this.cover(this.and(least0, this.not(most1)), most0);
    const within = this.cover(this.and(least1, this.not(most0)), most1);
    const rest = this.or(this.and(least0, this.not(without.node)), this.and(least1, this.not(within.node)));
    const either = this.cover(rest, this.and(most0, most1));
    const result = {
      cubes: [
        ...without.cubes.map((cube): Cube => [[variable, false], ...cube]),
        ...within.cubes.map((cube): Cube => [[variable, true], ...cube]),
        ...either.cubes,
      ],
      node: this.or(this.choose(this.variable(variable), within.node, without.node), either.node),
    };
    if (result.cubes.length > this.limit) throw new TooLarge();
    this.covers.set(key, result);
    return result;
  }

  private cofactors(node: Node, variable: number): readonly [low: Node, high: Node] {
    return this.variables[node] === variable ? [this.low[node] as Node, this.high[node] as Node] : [node, node];
  }

  /** `a ? b : c` */
  private choose(a: Node, b: Node, c: Node): Node {
    if (a === ALWAYS || b === c) return b;
    if (a === NEVER) return c;
    if (b === ALWAYS && c === NEVER) return a;
    const known = this.decided.get(a, b, c);
    if (known !== undefined) return known;
    const variable = Math.min(this.variables[a] as number, this.variables[b] as number, this.variables[c] as number);
    const [a0, a1] = this.cofactors(a, variable);
    const [b0, b1] = this.cofactors(b, variable);
    const [c0, c1] = this.cofactors(c, variable);
    const result = this.node(variable, this.choose(a0, b0, c0), this.choose(a1, b1, c1));
    this.decided.add(a, b, c, result);
    return result;
  }

  private node(variable: number, low: Node, high: Node): Node {
    if (low === high) return low;
    if (variable >= MOST) throw new TooLarge();
    let node = this.unique.get(variable, low, high);
    if (node === undefined) {
      node = this.variables.length;
      if (node > this.limit) throw new TooLarge();
      this.variables.push(variable);
      this.low.push(low);
      this.high.push(high);
      this.unique.add(variable, low, high, node);
    }
    return node;
  }
}
