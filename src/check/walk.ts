/** Walks inside a component: to the nearest edge that satisfies a goal, by breadth. */
import type { Net } from "./fair-components.ts";
import { NoRoom } from "./graph.ts";
import { PIECE } from "./live-region.ts";
import type { Space } from "./space.ts";
import type { Pausing } from "./watch.ts";

/** A node, and who is in each place there. */
export interface Place {
  readonly node: number;
  readonly who: number;
}

/** An edge gone along, and where it leads. */
export interface Passed extends Place {
  readonly edge: number;
}

/** Who is in each place behind an edge. */
export const whoAfter = (space: Space, net: Net, who: number, edge: number): number =>
  net.numbering.settled(net.numbering.after(who, net.permutation(edge)), space.words(net.target(edge)));

/** Words for each place of a trail: the node, who is where, the edge that led there, and the number of the place before. */
const WORDS = 4;
const FIRST = 1 << 8;
/** So many places a trail can number. */
const MOST = 2 ** 30;

/** Places that were come to, in order, and by what way. A component may have more of them than a Map can hold. */
class Trail {
  length = 0;
  #data = new Int32Array(WORDS * FIRST);
  /** Open addressing, at most half full: the number of a place and one, or 0. */
  #table = new Int32Array(2 * FIRST);
  readonly #room: number;

  /** `room`: how many bytes there are. */
  constructor(room: number) {
    this.#room = room;
  }

  passed(i: number): Passed {
    return { node: this.#word(i, 0), who: this.#word(i, 1), edge: this.#word(i, 2) };
  }

  /** The number of the place before; -1: there is none. */
  before(i: number): number {
    return this.#word(i, 3);
  }

  #word(i: number, k: number): number {
    return this.#data[WORDS * i + k] as number;
  }

  /** Note a place, unless it was come to before. */
  add({ node, who, edge }: Passed, before: number): void {
    const at = this.#slotOf(node, who);
    if (this.#table[at] !== 0) return;
    this.#data.set([node, who, edge, before], WORDS * this.length);
    this.#table[at] = ++this.length;
    if (WORDS * this.length === this.#data.length) this.#grow();
  }

  /** Where a place is in the table, or belongs. */
  #slotOf(node: number, who: number): number {
    const mask = this.#table.length - 1;
    const hash = Math.imul(Math.imul(node, 0x9e3779b1) ^ who, 0x85ebca6b);
    for (let at = (hash ^ (hash >>> 15)) & mask; ; at = (at + 1) & mask) {
      const i = (this.#table[at] as number) - 1;
      if (i < 0 || (this.#word(i, 0) === node && this.#word(i, 1) === who)) return at;
    }
  }

  #grow(): void {
    const data = this.#data;
    const slots = 2 * this.#table.length;
    if (2 * data.byteLength + 4 * slots > this.#room || this.length >= MOST) throw new NoRoom();
    this.#data = new Int32Array(2 * data.length);
    this.#data.set(data);
    this.#table = new Int32Array(slots);
    for (let i = 0; i < this.length; i++) this.#table[this.#slotOf(this.#word(i, 0), this.#word(i, 1))] = i + 1;
  }
}

/**
 * From a place of a component to the nearest edge that satisfies a goal, and along it: what is passed, in order. There must be one. Throws
 * `NoRoom`.
 */
export function* walkTo(
  space: Space,
  net: Net,
  inside: (node: number) => boolean,
  start: Passed,
  goal: (from: Passed, to: Passed) => boolean,
): Pausing<Passed[]> {
  const trail = new Trail(net.room);
  trail.add(start, -1);
  for (let i = 0; i < trail.length; i++) {
    if (i % PIECE === 0) yield;
    const from = trail.passed(i);
    for (let edge = net.start(from.node); edge < net.end(from.node); edge++) {
      const node = net.target(edge);
      if (!inside(node)) continue;
      const to = { edge, node, who: whoAfter(space, net, from.who, edge) };
      if (!goal(from, to)) {
        trail.add(to, i);
        continue;
      }
      const way = [to];
      for (let at = i; at > 0; at = trail.before(at)) way.push(trail.passed(at));
      return way.reverse();
    }
  }
  throw new Error("a component is not strongly connected");
}
