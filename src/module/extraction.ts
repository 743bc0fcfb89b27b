/**
 * All that the analysis of a tree's leaves starts from, and their analysis: the same on every thread. Each leaf's rows are made
 * from its own runs and depend on no other leaf's, and the statuses on none, so that threads can share the work.
 */

import { LIMITS, Program, type SourceFile } from "../c/index.ts";
import type { Diagnostic, Leaf } from "../catalog/index.ts";
import { lockPrograms, rulesWith } from "./atomics/index.ts";
import { LeafAnalysis } from "./leaf-analysis.ts";
import { type DispatchTable, readDispatchers } from "./leaves.ts";
import { Primitives } from "./primitives.ts";
import { type ExtractionRules, RULES } from "./rules.ts";
import { STATUS_RULES } from "./status-rules.ts";
import { type LeafStatuses, readStatuses } from "./status-sources.ts";
import { readTables, type Tables } from "./tables.ts";

/** What one thread found; plain data. */
export interface Share {
  /** Of all leaves: by one thread, beside the leaves of the other. */
  readonly statuses: LeafStatuses | null;
  /** By the leaf's index in the dispatch table: its entries, one for each variant. */
  readonly entries: readonly (readonly [index: number, leaves: readonly Leaf[]])[];
  readonly found: readonly Diagnostic[];
  /** `file:line` of the primitive calls that were reached. */
  readonly visited: readonly string[];
}

/** A part of the work: a leaf, by its index in the dispatch table, or the statuses of all of them. */
export type Job = number | "statuses";

/** Jobs and steps that are left; threads share it. */
export class Work {
  /** How many jobs somebody has, and the steps that were taken so far. */
  readonly counters: Int32Array<SharedArrayBuffer>;

  constructor(counters = new Int32Array(new SharedArrayBuffer(8))) {
    this.counters = counters;
  }

  /**
   * A job that nobody has; null when there is none, or too many steps were taken. The longest one comes first.
   *
   * @param leaves how many there are
   */
  next(leaves: number): Job | null {
    if (this.isTooMuch) return null;
    const taken = Atomics.add(this.counters, 0, 1);
    if (taken === 0) return "statuses";
    return taken <= leaves ? taken - 1 : null;
  }

  spend(steps: number): void {
    Atomics.add(this.counters, 1, steps);
  }

  /** Whether that comes about does not depend on who takes which leaf: steps only grow. */
  get isTooMuch(): boolean {
    return Atomics.load(this.counters, 1) > LIMITS.steps;
  }
}

export class Extraction {
  readonly program: Program;
  /** With the lock primitives that the tree has beside those that rules name. */
  readonly rules: ExtractionRules;
  readonly table: DispatchTable;
  readonly primitives: Primitives;
  readonly tables: Tables;

  /** @throws SeamlockError SL1005 when the files declare more names than a module can have */
  constructor(files: readonly SourceFile[]) {
    this.program = new Program(files, RULES.preprocess);
    this.rules = rulesWith(RULES, lockPrograms(this.program, RULES));
    this.table = readDispatchers(this.program, this.rules);
    this.primitives = new Primitives(this.program, this.rules);
    this.tables = readTables(this.program, this.rules);
  }

  /**
   * Does a part of the work.
   *
   * @param next gives a job, or null when there is nothing more to do
   * @param spend is told the steps that a leaf took
   */
  analyse(next: () => Job | null, spend: (steps: number) => void): Share {
    const analysis = new LeafAnalysis(this.program, this.rules, this.table, this.primitives, this.tables);
    const entries: [number, readonly Leaf[]][] = [];
    let statuses: LeafStatuses | null = null;
    for (let job = next(); job !== null; job = next()) {
      if (job === "statuses") {
        statuses = this.readStatuses();
        continue;
      }
      entries.push([job, analysis.leaf(job)]);
      spend(analysis.takeSteps());
    }
    return { statuses, entries, found: analysis.found, visited: [...analysis.visited] };
  }

  private readStatuses(): LeafStatuses {
    const { noReturn } = this.rules;
    const entries = Object.keys(noReturn).filter((name) => noReturn[name] === "td-entry");
    return readStatuses(this.program, STATUS_RULES, this.table, new Set(entries));
  }
}
