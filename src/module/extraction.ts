/**
 * All that the analysis of a tree's leaves starts from, and their analysis: the same on every thread. Each leaf's rows are made
 * from its own runs and depend on no other leaf's, so that threads can share the leaves.
 */

import { LIMITS, Program, type SourceFile } from "../c/index.ts";
import type { Diagnostic, Leaf } from "../catalog/index.ts";
import { lockPrograms, rulesWith } from "./atomics/index.ts";
import { LeafAnalysis } from "./leaf-analysis.ts";
import { type DispatchTable, readDispatchers } from "./leaves.ts";
import { Primitives } from "./primitives.ts";
import { type ExtractionRules, RULES } from "./rules.ts";
import { readTables, type Tables } from "./tables.ts";

/** What one thread found; plain data. */
export interface Share {
  /** By the leaf's index in the dispatch table: its entries, one for each variant. */
  readonly entries: readonly (readonly [index: number, leaves: readonly Leaf[]])[];
  readonly found: readonly Diagnostic[];
  /** `file:line` of the primitive calls that were reached. */
  readonly visited: readonly string[];
}

/** Leaves and steps that are left; threads share it. */
export class Work {
  /** The index of the next leaf that nobody has, and the steps that were taken so far. */
  readonly counters: Int32Array<SharedArrayBuffer>;

  constructor(counters = new Int32Array(new SharedArrayBuffer(8))) {
    this.counters = counters;
  }

  /** The index of a leaf that nobody has; null when there is none, or too many steps were taken. */
  next(count: number): number | null {
    if (this.isTooMuch) return null;
    const index = Atomics.add(this.counters, 0, 1);
    return index < count ? index : null;
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
   * Analyses leaves.
   *
   * @param next gives the index of a leaf to analyse, or null when there is nothing more to do
   * @param spend is told the steps that a leaf took
   */
  analyse(next: () => number | null, spend: (steps: number) => void): Share {
    const analysis = new LeafAnalysis(this.program, this.rules, this.table, this.primitives, this.tables);
    const entries: [number, readonly Leaf[]][] = [];
    for (let index = next(); index !== null; index = next()) {
      entries.push([index, analysis.leaf(index)]);
      spend(analysis.takeSteps());
    }
    return { entries, found: analysis.found, visited: [...analysis.visited] };
  }
}
