/** Where the lanes of a run stand: heights in pixels, from the top. */
import type { Flag, HoldSpan, Lanes } from "./lanes.ts";

/** A lane with its name at the left. */
export interface Lane {
  readonly kind: "actor" | "lock" | "flag";
  readonly name: string;
  readonly y: number;
  readonly height: number;
}

/** The lanes of a run from top to bottom, and where things stand in them. */
export interface LaneLayout {
  readonly lanes: readonly Lane[];
  /** Below the last lane. */
  readonly bottom: number;
  /** Top of an actor's lane. */
  readonly actorY: (actor: string) => number;
  /** Top of the strip of a hold, in the lane of its lock. */
  readonly holdY: (hold: HoldSpan) => number;
  /** Top of the first strip of a lock's lane. */
  readonly lockY: (lock: string) => number;
  /** Line of a host-priority bit. */
  readonly flagY: (flag: Flag) => number;
}

export const ACTOR_HEIGHT = 42;
/** Height of one holder's strip. */
export const STRIP = 20;
const FLAG = 14;
const PAD = 8;

/** Actors first, then locks with as many strips as there are holders at once, then host-priority bits that belong to none of the locks. */
export function laneLayout({ actors, locks, holds, flags }: Lanes, top: number): LaneLayout {
  const strips = new Map(holds.map((hold): [HoldSpan, number] => [hold, 0]));
  const counts = new Map(
    locks.map((lock) => [
      lock,
      setStrips(
        strips,
        holds.filter((hold) => hold.lock === lock),
      ),
    ]),
  );
  const flagged = new Set(flags.map(({ lock }) => lock));
  /** Bits of locks that no step takes: a lane of their own, under the bit's name. */
  const alone = [...new Set(flags.filter(({ lock }) => !locks.includes(lock)).map(({ variable }) => variable))];
  const heightOf = (lock: string): number => {
    return Math.max(1, counts.get(lock) ?? 0) * STRIP + PAD + (flagged.has(lock) ? FLAG : 0);
  };
  const heights: Omit<Lane, "y">[] = [
    ...actors.map((name) => ({ kind: "actor" as const, name, height: ACTOR_HEIGHT })),
    ...locks.map((name) => ({ kind: "lock" as const, name, height: heightOf(name) })),
    ...alone.map((name) => ({ kind: "flag" as const, name, height: STRIP + PAD })),
  ];
  let bottom = top;
  const lanes = heights.map((lane): Lane => {
    const y = bottom;
    bottom += lane.height;
    return { ...lane, y };
  });
  const at = new Map(lanes.map((lane) => [`${lane.kind} ${lane.name}`, lane]));
  const lockY = (lock: string): number => (at.get(`lock ${lock}`)?.y ?? top) + PAD / 2;
  return {
    lanes,
    bottom,
    actorY: (actor) => at.get(`actor ${actor}`)?.y ?? top,
    holdY: (hold) => lockY(hold.lock) + (strips.get(hold) ?? 0) * STRIP,
    lockY,
    flagY: ({ variable, lock }) => {
      const lane = at.get(`lock ${lock}`) ?? at.get(`flag ${variable}`);
      return lane === undefined ? bottom : lane.y + lane.height - PAD;
    },
  };
}

/** Gives each hold of one lock the first strip that is free; returns how many strips there are. Holds stand by their beginning. */
function setStrips(strips: Map<HoldSpan, number>, holds: readonly HoldSpan[]): number {
  const busyUntil: number[] = [];
  for (const hold of holds) {
    const free = busyUntil.findIndex((until) => until <= hold.from);
    const strip = free < 0 ? busyUntil.length : free;
    busyUntil[strip] = hold.to;
    strips.set(hold, strip);
  }
  return busyUntil.length;
}
