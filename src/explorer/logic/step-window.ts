/** Which steps of a long run are drawn. */

/** Steps from `from` on, without `to`. */
export interface StepWindow {
  readonly from: number;
  readonly to: number;
}

/** So many steps are drawn at once; a run up to that length is drawn whole. */
export const WINDOW = 240;
const HALF = WINDOW / 2;

/** The window around a step. It moves by half its length, not with each step, so that the picture stands still while one steps. */
export function windowAround(at: number, steps: number): StepWindow {
  if (steps <= WINDOW) return { from: 0, to: steps };
  const from = Math.min(steps - WINDOW, Math.max(0, Math.floor(at / HALF) * HALF - HALF / 2));
  return { from, to: from + WINDOW };
}

/** A part of a run, cut to a window; null when it lies outside. */
export function within<T extends StepWindow>(part: T, { from, to }: StepWindow): T | null {
  if (part.to <= from || part.from >= to) return null;
  return { ...part, from: Math.max(part.from, from), to: Math.min(part.to, to) };
}
