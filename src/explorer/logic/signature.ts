/** What of a leaf's locks makes it another one. */
import { type Leaf, releaseText } from "../../catalog/index.ts";

/** A text that is the same for the same entries, as far as locks go; where they stand in the source does not count. */
export function signature(entries: readonly Leaf[]): string {
  return JSON.stringify(
    entries.map(({ name, variant, acquisitions, opStates, septStates }) => [
      name,
      variant,
      opStates,
      septStates,
      acquisitions.map((a) => [a.resource, a.role, a.lock, a.mode, a.side, a.when, a.times, releaseText(a.release)]),
    ]),
  );
}
