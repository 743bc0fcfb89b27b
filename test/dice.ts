/** Random decisions of the programs and models that tests make, from a seed. */

import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

export class Dice {
  private readonly generator: ReturnType<typeof xoroshiro128plus>;
  constructor(seed: number) {
    this.generator = xoroshiro128plus(seed);
  }
  /** A number from 0 on that is less than this. */
  below(n: number): number {
    return uniformInt(this.generator, 0, n - 1);
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
  /** Comes true so many times of a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}
