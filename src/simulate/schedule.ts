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
}

export type ScheduleKind = "fair" | "priority";

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
