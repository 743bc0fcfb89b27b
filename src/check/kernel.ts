/**
 * The search loop as generated WebAssembly. See docs/engine.md for why each part pays: successors (`kernel-successors.ts`), the index
 * (`kernel-index.ts`), the memory in which they work (`kernel-memory.ts`).
 */
import { type BoolExpr, type Instance, isBusy, type LoweredMove, visitIrEffects } from "../language/index.ts";
import { type Analysis, stepNumbers } from "./analyze.ts";
import { emitCanonical, permutationsOf } from "./canonical.ts";
import {
  defineLess,
  defineReport,
  type Generator,
  loadRecord,
  loadWords,
  movesAt,
  recordOf,
  storeWords,
  targetOf,
} from "./kernel-code.ts";
import { defineLink } from "./kernel-edges.ts";
import {
  defineAbsorb,
  defineDistribute,
  defineEnter,
  defineFind,
  defineFlush,
  defineMove,
  definePartOf,
  defineRun,
  defineSeek,
  defineTake,
  defineWork,
  testBoxes,
} from "./kernel-index.ts";
import {
  BATCH,
  chunkOf,
  type KernelCode,
  leastPages,
  ownAddress,
  type Places,
  placesOf,
  type Reductions,
  SHARES,
} from "./kernel-memory.ts";
import { defineExpand, defineInstance } from "./kernel-successors.ts";
import type { Packing } from "./pack.ts";
import { type CompiledModule, compile, F64, I32, instantiate, type LinearMemory, ModuleBuilder } from "./wasm.ts";

function movesByPlace(live: readonly LoweredMove[]): Map<Instance, Map<number, LoweredMove[]>> {
  const places = new Map<Instance, Map<number, LoweredMove[]>>();
  for (const lowered of live) {
    const labels = places.get(lowered.instance) ?? new Map<number, LoweredMove[]>();
    places.set(lowered.instance, labels);
    const known = labels.get(lowered.move.labelIndex);
    if (known === undefined) labels.set(lowered.move.labelIndex, [lowered]);
    else known.push(lowered);
  }
  return places;
}

function defineCanonical(g: Generator): void {
  g.module.function("canonical", 1, false, (code) => {
    const words = code.local(g.packing.words);
    loadWords(g, code, 0, words);
    emitCanonical(targetOf(g, code, words), g.reductions);
    storeWords(g, code, 0, words);
  });
}

function defineUnpack(g: Generator): void {
  g.module.function("unpack", 1, false, (code) => {
    const [at, words] = [code.local(), code.local(g.packing.words)];
    recordOf(g, code.get(0)).set(at);
    loadRecord(g, code, at, words);
    for (let w = 0; w < g.packing.words; w++)
      code
        .own()
        .get(words + w)
        .store(g.places.out + 4 * w);
  });
}

/** The most successors that arriving at a label can produce, folded steps included. */
function fanOut(g: Generator, instance: Instance, index: number, label: number): number {
  if (!g.reductions.folded[index]?.has(label)) return 1;
  return movesAt(g, instance, label).reduce((sum, { move }) => sum + fanOut(g, instance, index, move.nextIndex), 0);
}

function branchingOf(g: Generator): number {
  return g.analysis.layout.instances.reduce((sum, instance, index) => {
    const byLabel = instance.type.labels.map((_, label) =>
      movesAt(g, instance, label).reduce((all, { move }) => all + fanOut(g, instance, index, move.nextIndex), 0),
    );
    return sum + Math.max(0, ...byLabel);
  }, 0);
}

/** How many event kinds and entries of the `busy` list there can be at most. */
function mostEvents(live: readonly LoweredMove[], properties: number): number {
  let sites = 0;
  for (const { effects } of live) visitIrEffects(effects, (effect) => (sites += effect.k === "if" ? 0 : 2));
  return properties + 1 + sites;
}

const mostBusy = (live: readonly LoweredMove[], holds: Generator["holds"]): number =>
  live.filter(({ move }) => isBusy(move.step)).length * (1 + holds.flat(2).length);

/** What the code is for. */
export interface KernelOptions {
  /** For liveness: code for edges, which also says which of these are true of a state; and nothing is reported. */
  readonly edgesFor?: readonly BoolExpr[] | null;
  /** How many memories the states are divided among. */
  readonly parts?: number;
  /** How many threads may use a memory. */
  readonly threads?: number;
}

/** For threads that work in one memory at the same time. */
function defineTogether(
  g: Generator,
  { expand, take, flush }: { readonly expand: number; readonly take: number; readonly flush: number },
  parts: number,
): void {
  defineMove(g);
  if (parts === 1)
    return defineWork(
      g,
      expand,
      (code, end) => code.get(end).call(flush),
      () => {},
    );
  const distribute = defineDistribute(g, take, parts);
  defineWork(
    g,
    expand,
    (code, end) => code.get(end).call(distribute),
    (code, full) => testBoxes(g, code, parts, full),
  );
  defineAbsorb(g, take);
  definePartOf(g, parts);
}

/** Generate and compile the code for a model. */
export function compileKernel(
  analysis: Analysis,
  packing: Packing,
  reductions: Reductions,
  { edgesFor = null, parts = 1, threads = 1 }: KernelOptions = {},
): KernelCode {
  const { layout, live } = analysis;
  const together = threads > 1 || parts > 1;
  const module = new ModuleBuilder();
  const wide = {
    remainder: module.import("remainder", [F64, F64], F64),
    wrap: module.import("wrap", [F64], I32),
  };
  const stepIds = stepNumbers(layout);
  const { holds } = analysis;
  const partial = { analysis, packing, reductions, moves: movesByPlace(live), holds, stepIds, module, wide };
  const branching = branchingOf(partial as never);
  const batch = BATCH * parts;
  const steps = new Set(stepIds.values()).size;
  const places = placesOf({
    steps,
    busy: mostBusy(live, holds),
    events: mostEvents(live, layout.model.properties.length),
    batch: batch + branching + 1,
    words: packing.words,
    parts,
    threads,
  });
  const less = defineLess({ module, packing, places });
  const g: Generator = {
    ...partial,
    busySites: [],
    busyNumbers: new Map(),
    eventKinds: [],
    edges: [],
    withEdges: edgesFor !== null,
    branching,
    batch,
    chunk: chunkOf(branching),
    shares: SHARES * threads,
    together,
    places,
    less,
    report: defineReport(module, places, less),
  };
  const pieces = layout.instances.map((instance, i) => defineInstance(g, instance, i));
  if (edgesFor === null) {
    const expand = defineExpand(g, pieces);
    const take = defineTake(g);
    const flush = defineFlush(g, take);
    if (together) defineTogether(g, { expand, take, flush }, parts);
    else defineRun(g, expand, flush);
    defineEnter(g);
    defineSeek(g, pieces);
    defineUnpack(g);
    defineFind(g);
    defineCanonical(g);
  } else defineLink(g, pieces, edgesFor);
  return {
    module: compile(module.bytes(leastPages(places), threads > 1)),
    places,
    parts,
    threads,
    together,
    words: packing.words,
    recordBytes: packing.record.bytes,
    steps,
    busySites: g.busySites,
    eventKinds: g.eventKinds,
    edges: g.edges,
    permutations: permutationsOf(packing, reductions),
    branching,
    batch,
    chunk: g.chunk,
  };
}

/** Run the code on a memory, for one of the threads that may work in it. */
export const runOn = <E>(
  { module, places }: { readonly module: CompiledModule; readonly places: Places },
  memory: LinearMemory,
  thread = 0,
): E =>
  instantiate<E>(
    module,
    { memory, own: ownAddress(places, thread) },
    { remainder: (a: number, b: number) => a % b, wrap: (a: number) => a | 0 },
  );
