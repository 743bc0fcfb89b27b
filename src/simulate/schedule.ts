/** Who runs next. Every schedule is a function of its random numbers, so a seed fixes a run for good. */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A source of random numbers. */
export interface Random {
  /** An integer from 0 to n-1. */
  below(n: number): number;
}

/** Run `run` of seed `seed`. Runs of one seed are independent of each other, so any of them can be repeated alone. */
export function randomOf(seed: number, run: number): Random {
  // Two rounds of a 32-bit mixer keep neighbouring seeds and runs apart.
  let mixed = Math.imul((seed | 0) ^ 0x9e3779b9, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15) ^ (run + 1), 0xc2b2ae35);
  const generator = xoroshiro128plus((mixed ^ (mixed >>> 13)) | 0);
  return {
    below: (n) => (n <= 1 ? 0 : (n & (n - 1)) === 0 ? generator.next() & (n - 1) : uniformInt(generator, 0, n - 1)),
  };
}

/** Chooses among processes. `canRun(i)` is asked as often as needed; a schedule returns -1 when nobody can. */
export interface Schedule {
  next(canRun: (i: number) => boolean): number;
  /** When the step that was chosen last is made, where the schedule keeps time. */
  readonly now?: number;
}

export type ScheduleKind = "fair" | "priority" | "timed";

/** Every process that can run is equally likely. */
export function fairSchedule(random: Random, processes: number): Schedule {
  return {
    next(canRun) {
      // Rejection keeps the choice uniform; after some tries, look at all of them, since maybe nobody can run.
      for (let tries = 0; tries < 2 * processes; tries++) {
        const i = random.below(processes);
        if (canRun(i)) return i;
      }
      const able: number[] = [];
      for (let i = 0; i < processes; i++) if (canRun(i)) able.push(i);
      return able.length === 0 ? -1 : (able[random.below(able.length)] as number);
    },
  };
}

/**
 * Adversarial: the process of highest priority runs as long as it can; at a few random steps the running one drops to the lowest
 * priority. Finds bugs that need few ordering constraints with a known probability (Burckhardt and others, 2010). A process that has run
 * `patience` steps in a row drops too, else one that retries for ever would never let go.
 */
export function prioritySchedule(
  random: Random,
  processes: number,
  options: { steps: number; changes: number; patience: number },
): Schedule {
  const order = Array.from({ length: processes }, (_, i) => i);
  for (let i = processes - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  const changes = new Set(Array.from({ length: options.changes }, () => random.below(Math.max(1, options.steps))));
  let step = 0;
  let streak = 0;
  let last = -1;
  const drop = (i: number) => {
    order.splice(order.indexOf(i), 1);
    order.push(i);
  };
  return {
    next(canRun) {
      if (last >= 0 && (changes.has(step) || streak >= options.patience)) {
        drop(last);
        streak = 0;
      }
      step++;
      for (const i of order) {
        if (!canRun(i)) continue;
        streak = i === last ? streak + 1 : 1;
        last = i;
        return i;
      }
      return -1;
    },
  };
}

/**
 * As on a machine with a processor for each process: every process stays at its label for a random time around `pause(i)`, then makes its
 * next step, or waits until it can. Steps that take long on one processor do not hold up the others.
 *
 * @param pause how long process `i` stays where it is now, in any unit; asked when it has come there
 */
export function timedSchedule(random: Random, processes: number, pause: (i: number) => number): Schedule {
  const due = new Float64Array(processes).fill(-1);
  const refused = new Uint8Array(processes);
  let now = 0;
  let last = -1;
  /** Between half and one and a half of it. */
  const around = (time: number): number => time / 2 + (time * random.below(1 << 16)) / (1 << 16);
  return {
    next(canRun) {
      for (let i = 0; i < processes; i++) {
        if (i === last || (due[i] as number) < 0) due[i] = now + around(pause(i));
      }
      refused.fill(0);
      for (let tries = 0; tries < processes; tries++) {
        let first = -1;
        for (let i = 0; i < processes; i++) {
          if (refused[i] === 0 && (first < 0 || (due[i] as number) < (due[first] as number))) first = i;
        }
        if (canRun(first)) {
          now = Math.max(now, due[first] as number);
          last = first;
          return first;
        }
        refused[first] = 1;
      }
      return -1;
    },
    get now() {
      return now;
    },
  };
}
