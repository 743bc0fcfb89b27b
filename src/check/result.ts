/** What a check says. */
import type { Trace } from "../language/index.ts";

/** The verdict. "holds" is only said after the whole state space was explored. */
export interface Outcome {
  readonly kind: "holds" | "violated" | "inconclusive";
  /** The violated property whose trace is the shortest; null unless violated. */
  readonly property: string | null;
  /** Why the search stopped early; null when it did not. */
  readonly reason: string | null;
}

/** One violated property. */
export interface Violation {
  readonly kind: "always" | "assertion" | "range" | "deadlock" | "leads-to";
  readonly property: string;
  readonly trace: Trace;
  /** False: a reduced search found it, and no limit-free plain search confirmed that nothing shorter exists. */
  readonly shortest: boolean;
}

/** A failed try-acquire that some reachable step makes, and who held what it wanted. */
export interface BusyEntry {
  readonly process: string;
  readonly leaf: string | null;
  readonly resource: string;
  readonly status: string | null;
  /** Leaves (or process names) of the holders. Empty: refused although nobody was seen to hold it. */
  readonly holders: readonly string[];
  /** Can it be refused when nobody is seen to hold it? */
  readonly unheld: boolean;
}

/** A step of the model that never ran. */
export interface SilentStep {
  readonly process: string;
  readonly label: string;
  readonly alternative: number;
  readonly leaf: string | null;
  readonly note: string;
}

export interface CheckResult {
  readonly outcome: Outcome;
  /** All violated properties, shortest trace first. */
  readonly violations: readonly Violation[];
  /** Witnesses of `sometimes` properties. */
  readonly witnesses: readonly { readonly property: string; readonly trace: Trace }[];
  /** `sometimes` properties without a witness, and `leads-to` properties whose premise was never met. */
  readonly vacuous: readonly string[];
  /** `leads-to` properties that were not decided: the check stopped before, though all states may have been looked at. */
  readonly undecided: readonly string[];
  readonly states: number;
  readonly transitions: number;
  /** Number of steps to the farthest state; with folding, of steps that were stored. */
  readonly depth: number;
  readonly seconds: number;
  /** "fold" and "symmetry", with what they apply to. Empty: the plain state space. */
  readonly reductions: readonly string[];
  readonly busy: readonly BusyEntry[];
  readonly neverRan: readonly SilentStep[];
  /** The trace of `outcome.property`, or null. */
  readonly trace: Trace | null;
  /** Bytes of the state arrays in use, parent links and index included, per state. */
  readonly bytesPerState: number;
  /** States found but not expanded when the search stopped. */
  readonly frontier: number;
}

/** Where a search is, for a progress line. */
export interface Progress {
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  /** States waiting to be expanded. */
  readonly frontier: number;
  readonly seconds: number;
  readonly statesPerSecond: number;
}
