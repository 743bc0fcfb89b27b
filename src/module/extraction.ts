/**
 * All that the analysis of a tree's leaves starts from, and their analysis: the same on every thread. Each leaf's rows are made
 * from its own runs and depend on no other leaf's, and what is read of the whole tree on none, so that threads can share the work.
 */

import { type FunctionInfo, LIMITS, Program, type SourceFile } from "../c/index.ts";
import type { Behaviour, Diagnostic, Leaf } from "../catalog/index.ts";
import {
  type Atomics as AtomicWork,
  behavioursOf,
  type LockPrograms,
  lockPrograms,
  readAtomics,
  rulesWith,
} from "./atomics/index.ts";
import { LeafAnalysis } from "./leaf-analysis.ts";
import { type DispatchTable, readDispatchers } from "./leaves.ts";
import { Primitives } from "./primitives.ts";
import { type ExtractionRules, RULES } from "./rules.ts";
import { type Expected, expectedOf } from "./soundness.ts";
import { STATUS_RULES } from "./status-rules.ts";
import { type LeafStatuses, readStatuses } from "./status-sources.ts";
import { readTables, type Tables } from "./tables.ts";

/** What one thread found; plain data. */
export interface Share {
  /** Of all leaves: by one thread, beside the leaves of the other. */
  readonly statuses: LeafStatuses | null;
  /** What the whole tree does beside what its leaves lock: by one thread, too. */
  readonly whole: WholeTree | null;
  /** By the leaf's index in the dispatch table: its entries, one for each variant. */
  readonly entries: readonly (readonly [index: number, leaves: readonly Leaf[]])[];
  readonly found: readonly Diagnostic[];
  /** `file:line` of the primitive calls that were reached. */
  readonly visited: readonly string[];
}

/** What is read of a tree without looking at its leaves. */
export interface WholeTree {
  readonly atomics: AtomicWork;
  readonly behaviours: readonly Behaviour[];
  /** What the analysis of the leaves has to see. */
  readonly expected: Expected;
}

/** Parts of the work that are not of one leaf. */
const WIDE = ["whole", "statuses"] as const;

/** A part of the work: a leaf, by its index in the dispatch table, the statuses of all leaves, or what is read of the whole tree. */
export type Job = number | (typeof WIDE)[number];

/** All jobs of a tree, in the order in which they are best done. */
export const jobsOf = ({ heaviestFirst }: Extraction): readonly Job[] => [...WIDE, ...heaviestFirst];

/** Jobs and steps that are left; threads share it. */
export class Work {
  /** How many leaves somebody has, the steps that were taken so far, and which of {@link WIDE} somebody has. */
  readonly counters: Int32Array<SharedArrayBuffer>;
  private readonly wide: readonly (typeof WIDE)[number][];

  /** @param wide those of {@link WIDE}, the one that this thread had best begin with first */
  constructor(wide: Work["wide"] = WIDE, counters = new Int32Array(new SharedArrayBuffer(4 * (2 + WIDE.length)))) {
    this.wide = wide;
    this.counters = counters;
  }

  /** A job that nobody has; null when there is none, or too many steps were taken. */
  next({ heaviestFirst }: Extraction): Job | null {
    if (this.isTooMuch) return null;
    const mine = this.wide.find((job) => Atomics.exchange(this.counters, 2 + WIDE.indexOf(job), 1) === 0);
    return mine ?? heaviestFirst[Atomics.add(this.counters, 0, 1)] ?? null;
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
  readonly table: DispatchTable;
  private readonly files: readonly SourceFile[];
  private readonly given: () => LockPrograms | null;
  private known: Foundations | null = null;
  private order: readonly number[] | null = null;

  /**
   * @param given the lock primitives of the same files, where another thread has found them already; else null
   * @throws SeamlockError SL1005 when the files declare more names than a module can have
   */
  constructor(files: readonly SourceFile[], given: Extraction["given"] = () => null) {
    this.files = files;
    this.given = given;
    this.program = new Program(files, RULES.preprocess);
    this.table = readDispatchers(this.program, RULES);
  }

  /** The lock primitives of the tree, for another thread. */
  get locks(): LockPrograms {
    const { programs, guestArguments } = lockPrograms(this.program, RULES);
    return { programs, guestArguments };
  }

  /** With the lock primitives that the tree has beside those that rules name. */
  get rules(): ExtractionRules {
    return this.foundations.rules;
  }

  get primitives(): Primitives {
    return this.foundations.primitives;
  }

  get tables(): Tables {
    return this.foundations.tables;
  }

  /** Made when something first needs it: the statuses do not. */
  private get foundations(): Foundations {
    if (this.known === null) {
      const { program } = this;
      const rules = rulesWith(RULES, this.given() ?? this.locks);
      this.known = { rules, primitives: new Primitives(program, rules), tables: readTables(program, rules) };
    }
    return this.known;
  }

  /**
   * The leaves, by their indices in the dispatch table, those with the most code below them first: then no thread waits long for
   * another's last one.
   */
  get heaviestFirst(): readonly number[] {
    this.order ??= heaviestFirst(this.program, this.table);
    return this.order;
  }

  /**
   * Does a part of the work.
   *
   * @param next gives a job, or null when there is nothing more to do
   * @param spend is told the steps that a leaf took
   */
  analyse(next: () => Job | null, spend: (steps: number) => void): Share {
    let leaves: LeafAnalysis | null = null;
    const entries: [number, readonly Leaf[]][] = [];
    let statuses: LeafStatuses | null = null;
    let whole: WholeTree | null = null;
    for (let job = next(); job !== null; job = next()) {
      if (job === "statuses") statuses = this.readStatuses();
      else if (job === "whole") whole = this.readWhole();
      else {
        leaves ??= new LeafAnalysis(this.program, this.rules, this.table, this.primitives, this.tables);
        entries.push([job, leaves.leaf(job)]);
        spend(leaves.takeSteps());
      }
    }
    return { statuses, whole, entries, found: leaves?.found ?? [], visited: [...(leaves?.visited ?? [])] };
  }

  private readStatuses(): LeafStatuses {
    const { noReturn } = RULES;
    const entries = Object.keys(noReturn).filter((name) => noReturn[name] === "td-entry");
    return readStatuses(this.program, STATUS_RULES, this.table, new Set(entries));
  }

  private readWhole(): WholeTree {
    const { program, rules, files, tables, table, primitives } = this;
    const handlers = table.leaves.flatMap(({ handler }) => handler?.name ?? []);
    const dispatchers = Object.values(table.dispatchers).flatMap((site) => site?.function ?? []);
    const listed = primitives.definitions().flatMap((lock) => lock.primitives.map((one) => one.function));
    return {
      atomics: readAtomics(program, rules, files, tables.septEntryBits),
      behaviours: behavioursOf(program, rules),
      expected: expectedOf(program, rules, new Set([...handlers, ...rules.tdExit, ...dispatchers]), new Set(listed)),
    };
  }
}

interface Foundations {
  readonly rules: ExtractionRules;
  readonly primitives: Primitives;
  readonly tables: Tables;
}

/** Leaves by how much code an analysis of them goes through: that of each call on the way to a lock primitive, as often as it stands there. */
function heaviestFirst(program: Program, { leaves }: DispatchTable): readonly number[] {
  const followed = program.reaching(new Set(Object.keys(RULES.primitives)));
  const weights = new Map<FunctionInfo, number>();
  const weightOf = (info: FunctionInfo): number => {
    const known = weights.get(info);
    if (known !== undefined) return known;
    // What calls itself is counted once.
    weights.set(info, 0);
    let weight = info.bodyEnd - info.bodyStart;
    for (const name of info.calls) {
      const callee = followed.has(name) ? program.resolve(name, info.file) : null;
      if (callee) weight += weightOf(callee);
    }
    weights.set(info, weight);
    return weight;
  };
  const ranked = leaves.map(({ handler, versioned }, index) => ({
    index,
    weight: handler === null ? 0 : weightOf(handler) * (versioned ? 2 : 1),
  }));
  return ranked.sort((a, b) => b.weight - a.weight || a.index - b.index).map(({ index }) => index);
}
