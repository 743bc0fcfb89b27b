/**
 * The search loop as generated JavaScript: straight-line code per process instance and label over packed words, successors collected in
 * batches, table slots touched before they are probed. See docs/engine.md for why each of these pays.
 */
import {
  condition,
  type Emitter,
  emitEffects,
  type Hold,
  holderConditions,
  holdsByLabel,
  type Instance,
  type Ir,
  irJunction,
  irNot,
  isBusy,
  type LoweredMove,
  lowerProperty,
  type Property,
} from "../language/index.ts";
import type { Analysis } from "./analyze.ts";
import { packedStore } from "./emit-packed.ts";
import type { Packing } from "./pack.ts";

/** The arrays that the generated code works on, and its counters. Shared with the driver, which grows the arrays between calls. */
export interface Memory {
  /** States in breadth-first order, `words` each; number 0 is unused, so that 0 means "empty" in the table. */
  states: Int32Array;
  parents: Int32Array;
  /** Open addressing: a state's number in the low `idBits` bits, a part of its hash above. */
  table: Int32Array;
  idBits: number;
  /** The next state to expand, and the number of the next new one. */
  head: number;
  count: number;
  /** Return when `count` gets here, so that the driver can grow the arrays. */
  limit: number;
  transitions: number;
}

/** Rare events that generated code reports. `id` is the state that was expanded, or the state that was reached. */
export interface Events {
  fault(site: number, id: number): void;
  deadlock(id: number): void;
  violated(property: number, id: number): void;
  witnessed(property: number, id: number): void;
}

/** A place in the code where a step can fail. */
export interface FaultSite {
  readonly kind: "assertion" | "range" | "index";
  readonly name: string;
  readonly moves: readonly LoweredMove[];
}

/** One possible entry of the `busy` list. `holder` null: nobody was seen to hold it. */
export interface BusySite {
  readonly leaf: string | null;
  readonly resource: string;
  readonly holder: string | null;
  readonly holderProcess: string | null;
  readonly status: string | null;
  readonly process: string;
}

/** Which reductions the code performs. */
export interface Reductions {
  /** Process types whose instances are sorted. */
  readonly symmetric: ReadonlySet<number>;
  /** By instance, in the layout's order: labels whose steps are taken along with the step that leads there. */
  readonly folded: readonly ReadonlySet<number>[];
}

export interface Kernel {
  /** Expand states from `head` until `until`, or until the arrays are full. */
  run(memory: Memory, until: number): void;
  /** Insert one state with parent 0. */
  insert(memory: Memory, words: Int32Array): void;
  /** Refill an emptied table from the states. */
  rehash(memory: Memory): void;
  /** The number of a state, or 0. */
  find(memory: Memory, words: Int32Array): number;
  /** Bring a state's words into canonical form, in place. */
  canonical(words: Int32Array): void;
  /** Successors of a state into `out`: words and the move's code for each. Returns how many numbers were written. */
  successors(words: Int32Array, offset: number, out: Int32Array): number;
  /** By step (see `stepNumber`): 1 when it ran. */
  readonly ran: Uint8Array;
  readonly busy: Uint8Array;
  readonly busySites: readonly BusySite[];
  readonly faultSites: readonly FaultSite[];
  /** The moves that `successors` reports by number. */
  readonly edges: readonly (readonly LoweredMove[])[];
  /** At most this many successors has one state. */
  readonly branching: number;
  readonly source: string;
}

const BATCH = 128;
const MOVES_PER_FUNCTION = 40;

interface Generator {
  readonly analysis: Analysis;
  readonly packing: Packing;
  readonly reductions: Reductions;
  /** By instance and label. */
  readonly moves: ReadonlyMap<Instance, ReadonlyMap<number, readonly LoweredMove[]>>;
  readonly words: readonly number[];
  readonly faultSites: FaultSite[];
  readonly busySites: BusySite[];
  /** Their numbers, by text. */
  readonly busyNumbers: Map<string, number>;
  readonly edges: LoweredMove[][];
  readonly stepIds: ReadonlyMap<number, number>;
  readonly holds: readonly (readonly (readonly Hold[])[])[];
  /** Successors carry the number of their edge; only for `successors`. */
  readonly withEdges: boolean;
  temporaries: number;
}

const list = (g: Generator, make: (word: number) => string, separator = ", "): string =>
  g.words.map(make).join(separator);

/** A move's step number: choices of one step share it. */
export function stepNumbers(analysis: Analysis): Map<number, number> {
  const numbers = new Map<string, number>();
  const byMove = new Map<number, number>();
  for (const move of analysis.layout.moves) {
    const name = `${move.typeIndex}.${move.labelIndex}.${move.stepIndex}`;
    if (!numbers.has(name)) numbers.set(name, numbers.size);
    byMove.set(move.id, numbers.get(name) as number);
  }
  return byMove;
}

function emitter(g: Generator, prefix: string, block: string, moves: readonly LoweredMove[]): Emitter {
  return {
    store: packedStore(g.packing, prefix),
    temporary: () => {
      g.temporaries++;
      return `t${g.temporaries}`;
    },
    fault(kind, name) {
      if (g.withEdges) return `break ${block};`;
      const site = g.faultSites.push({ kind, name, moves }) - 1;
      return `fa++; F(${site}, id); break ${block};`;
    },
    proven: (slot) => g.analysis.bounded.has(slot),
  };
}

const movesAt = (g: Generator, instance: Instance, label: number): readonly LoweredMove[] =>
  g.moves.get(instance)?.get(label) ?? [];

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

/** The code of one move, and of the folded moves after it: from words `from` to pushed successors. */
function emitMove(
  g: Generator,
  lowered: LoweredMove,
  from: string,
  depth: number,
  path: readonly LoweredMove[],
): string {
  const { instance, move } = lowered;
  const moves = [...path, lowered];
  const block = `m${g.temporaries++}`;
  const to = `s${depth}_`;
  const guard = condition(emitter(g, from, block, moves), lowered.guard);
  const e = emitter(g, to, block, moves);
  const pc =
    move.nextIndex === move.labelIndex
      ? ""
      : (e.store.increment?.(instance.pc, move.nextIndex - move.labelIndex) ?? "");
  const mark = g.withEdges ? "" : `R[${g.stepIds.get(move.id)}] = 1;${depth === 0 ? emitBusy(g, lowered) : ""}`;
  const body = [
    mark,
    `let ${list(g, (w) => `${to}${w} = ${from}${w}`)};`,
    emitEffects(e, lowered.effects),
    pc,
    emitArrival(g, instance, move.nextIndex, to, depth, moves),
  ].join("\n");
  return `${guard === "true" ? "" : `if (${guard})`} ${block}: {\n${body}\n}`;
}

function emitArrival(
  g: Generator,
  instance: Instance,
  label: number,
  to: string,
  depth: number,
  moves: readonly LoweredMove[],
): string {
  const folded = g.reductions.folded[g.analysis.layout.instances.indexOf(instance)]?.has(label);
  if (folded) {
    return movesAt(g, instance, label)
      .map((next) => emitMove(g, next, to, depth + 1, moves))
      .join("\n");
  }
  const n = g.words.length;
  const words = list(g, (w) => `O[n + ${w}] = ${to}${w};`, " ");
  const tail = g.withEdges ? g.edges.push([...moves]) - 1 : "id";
  return `${words} O[n + ${n}] = ${tail}; n += ${n + 1};`;
}

/** Note whom a failed try-acquire met: one flag per leaf, resource and holder, set at most once. */
function emitBusy(g: Generator, lowered: LoweredMove): string {
  if (!isBusy(lowered.move.step)) return "";
  const e = emitter(g, "w", "", [lowered]);
  const found = holderConditions(g.analysis.layout, g.analysis.constants, g.holds, lowered);
  const lines = found.map(({ holder, when }) => {
    const site = busySite(g, lowered, holder.leaf ?? holder.process, holder.process);
    return `if (B[${site}] === 0 && ${condition(e, when)}) B[${site}] = 1;`;
  });
  const nobody = busySite(g, lowered, null, null);
  const anybody = condition(
    e,
    irJunction(
      "or",
      found.map(({ when }) => when),
    ),
  );
  return `${lines.join("\n")}\nif (B[${nobody}] === 0 && !${anybody}) B[${nobody}] = 1;\n`;
}

function busySite(g: Generator, { move }: LoweredMove, holder: string | null, holderProcess: string | null): number {
  const { leaf = null, resource = "", status = null } = move.step.meta;
  const wanted: BusySite = { leaf, resource, holder, holderProcess, status, process: move.type.name };
  const key = JSON.stringify(wanted);
  const site = g.busyNumbers.get(key) ?? g.busySites.push(wanted) - 1;
  g.busyNumbers.set(key, site);
  return site;
}

/** The functions of one instance: labels dispatched by a switch, in pieces small enough for the optimising compiler. */
function emitInstance(g: Generator, instance: Instance, index: number): { source: string; calls: string[] } {
  // No stored state has a process at a folded label.
  const labels = [...(g.moves.get(instance)?.keys() ?? [])]
    .filter((label) => !g.reductions.folded[index]?.has(label))
    .sort((a, b) => a - b);
  const groups: number[][] = [];
  let size = MOVES_PER_FUNCTION;
  for (const label of labels) {
    const moves = movesAt(g, instance, label).length;
    if (size + moves > MOVES_PER_FUNCTION) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)?.push(label);
    size += moves;
  }
  const pc = packedStore(g.packing, "w").read(instance.pc);
  const calls: string[] = [];
  const source = groups.map((group, piece) => {
    const name = `p${index}_${piece}`;
    const low = group[0] as number;
    const high = group.at(-1) as number;
    const call = `n = ${name}(id, ${list(g, (w) => `w${w}`)}, n);`;
    calls.push(groups.length === 1 ? call : `if (${pc} >= ${low} && ${pc} <= ${high}) ${call}`);
    const first = g.temporaries;
    const cases = group.map(
      (label) =>
        `case ${label}: {\n${movesAt(g, instance, label)
          .map((move) => emitMove(g, move, "w", 0, []))
          .join("\n")}\nbreak; }`,
    );
    return `function ${name}(id, ${list(g, (w) => `w${w}`)}, n) {\n${declareTemporaries(g, first)}switch (${pc}) {\n${cases.join("\n")}\n}\nreturn n;\n}`;
  });
  return { source: source.join("\n"), calls };
}

/** Temporaries are numbers that share a counter with block names; declare those used since `first`. */
function declareTemporaries(g: Generator, first: number): string {
  if (g.temporaries === first) return "";
  return `let ${Array.from({ length: g.temporaries - first }, (_, i) => `t${first + i + 1} = 0`).join(", ")};\n`;
}

/** Sort the instances of the symmetric types by their bit blocks, with compare-and-swap steps in straight line. */
function emitCanonical(g: Generator): string {
  const lines: string[] = [];
  for (const typeIndex of g.reductions.symmetric) {
    const chunks = g.packing.chunks[typeIndex] ?? [];
    const count = chunks[0]?.places.length ?? 0;
    const name = (c: number, i: number) => `b${typeIndex}_${c}_${i}`;
    chunks.forEach((chunk, c) => {
      chunk.places.forEach(({ word, shift }, i) => {
        lines.push(`let ${name(c, i)} = (w${word} >>> ${shift}) & ${2 ** chunk.width - 1};`);
      });
    });
    for (let end = count - 1; end > 0; end--) {
      for (let i = 0; i < end; i++)
        lines.push(compareAndSwap(chunks.map((_, c) => [name(c, i), name(c, i + 1)] as const)));
    }
    chunks.forEach((chunk, c) => {
      chunk.places.forEach(({ word, shift }, i) => {
        const mask = ((2 ** chunk.width - 1) << shift) | 0;
        lines.push(`w${word} = (w${word} & ${~mask}) | (${name(c, i)} << ${shift});`);
      });
    });
  }
  return lines.join("\n");
}

function compareAndSwap(pairs: readonly (readonly [string, string])[]): string {
  const greater = pairs.reduceRight<string>(
    (rest, [a, b]) => (rest === "" ? `${a} > ${b}` : `${a} > ${b} || (${a} === ${b} && (${rest}))`),
    "",
  );
  const swap = pairs.map(([a, b]) => `t = ${a}; ${a} = ${b}; ${b} = t;`).join(" ");
  return `if (${greater}) { ${swap} }`;
}

function emitHash(g: Generator): string {
  const mix = g.words.map((w) =>
    w === 0
      ? "let h = Math.imul(w0 ^ (w0 >>> 15), 0x2c1b3c6d);"
      : `h = Math.imul((h ^ (h >>> 13)) + w${w} | 0, 0x297a2d39);`,
  );
  return `${mix.join(" ")} h ^= h >>> 15; h = Math.imul(h, 0x85ebca6b); h ^= h >>> 13;`;
}

function emitVisit(g: Generator, properties: readonly Property[]): string {
  const e = emitter(g, "w", "", []);
  const lines = properties.map((property, i) => {
    if (property.kind === "leads-to") return "";
    const ir = lowerProperty(g.analysis.layout, property.expr, g.analysis.constants);
    if (property.kind === "always")
      return `if (D[${i}] === 0 && ${condition(e, irNot(ir))}) { D[${i}] = 1; V(${i}, id); }`;
    return `if (D[${i}] === 0 && ${condition(e, ir)}) { D[${i}] = 1; Y(${i}, id); }`;
  });
  return lines.filter((line) => line !== "").join("\n");
}

function emitIdle(g: Generator): string {
  const { layout, constants } = g.analysis;
  const e = emitter(g, "w", "", []);
  const idle = layout.instances.map((instance): Ir => {
    const labels = instance.type.labels.flatMap((label, i) => (label.idle ? [i] : []));
    const known = constants.get(instance.pc);
    if (known !== undefined) return { k: "const", v: Number(labels.includes(known)) };
    return labels.length === 0 ? { k: "const", v: 0 } : { k: "at", s: instance.pc, labels };
  });
  return condition(e, irJunction("and", idle));
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

/** The whole module's text. Its parameters are bound by `buildKernel`. */
function emitModule(g: Generator, properties: readonly Property[], checkDeadlock: boolean): string {
  const n = g.words.length;
  const stride = n + 1;
  const instances = g.analysis.layout.instances.map((instance, i) => emitInstance(g, instance, i));
  const calls = instances.flatMap((instance) => instance.calls).join("\n");
  const load = (array: string, at: string) => `let ${list(g, (w) => `w${w} = ${array}[${at} + ${w}]`)};`;
  const same = list(g, (w) => `S[b + ${w}] === w${w}`, " && ");
  const canonical = emitCanonical(g);
  const first = g.temporaries;
  const visit = emitVisit(g, properties);
  const idle = emitIdle(g);
  const temporaries = declareTemporaries(g, first);
  const deadlock = checkDeadlock ? `if (n === before && fa === fb && !${idle}) X(id, ${list(g, (w) => `w${w}`)});` : "";
  return `"use strict";
let fa = 0;
${instances.map((instance) => instance.source).join("\n")}
function expand(id, ${list(g, (w) => `w${w}`)}, n) {
${temporaries}
const before = n, fb = fa;
${calls}
${deadlock}
return n;
}
function visit(id, ${list(g, (w) => `w${w}`)}) {
${temporaries}
${visit}
}
const H = new Int32Array(${BATCH} + branching + 1);
let sink = 0;
function flush(m, n) {
  const S = m.states, P = m.parents, T = m.table, sh = m.idBits, top = -1 << sh, low = ~top, mask = T.length - 1;
  let count = m.count, touched = 0${canonical === "" ? "" : ", t = 0"};
  for (let i = 0, j = 0; j < n; i++, j += ${stride}) {
    ${load("O", "j")}
    ${canonical}
    ${canonical === "" ? "" : list(g, (w) => `O[j + ${w}] = w${w};`, " ")}
    ${emitHash(g)}
    H[i] = h;
    touched ^= T[h & mask];
  }
  sink ^= touched;
  for (let i = 0, j = 0; j < n; i++, j += ${stride}) {
    ${load("O", "j")}
    const h = H[i], tag = h & top;
    let at = h & mask;
    for (;;) {
      const v = T[at];
      if (v === 0) {
        const b = count * ${n};
        ${list(g, (w) => `S[b + ${w}] = w${w};`, " ")}
        P[count] = O[j + ${n}];
        T[at] = tag | count;
        ${visit === "" ? "" : `visit(count, ${list(g, (w) => `w${w}`)});`}
        count++;
        break;
      }
      if ((v & top) === tag) {
        const b = (v & low) * ${n};
        if (${same}) break;
      }
      at = (at + 1) & mask;
    }
  }
  m.count = count;
}
function run(m, until) {
  const limit = m.limit;
  let head = m.head, made = 0;
  while (head < until && m.count < limit) {
    const S = m.states;
    let n = 0;
    while (head < until && n < ${BATCH * stride}) {
      const b = head * ${n};
      n = expand(head, ${list(g, (w) => `S[b + ${w}]`)}, n);
      head++;
    }
    made += n / ${stride};
    flush(m, n);
  }
  m.transitions += made;
  m.head = head;
}
function insert(m, words) {
  ${list(g, (w) => `O[${w}] = words[${w}];`, " ")}
  O[${n}] = 0;
  flush(m, ${stride});
}
function rehash(m) {
  const S = m.states, T = m.table, sh = m.idBits, top = -1 << sh, mask = T.length - 1, count = m.count;
  for (let id = 1; id < count; id++) {
    ${load("S", `id * ${n}`)}
    ${emitHash(g)}
    let at = h & mask;
    while (T[at] !== 0) at = (at + 1) & mask;
    T[at] = (h & top) | id;
  }
}
function find(m, words) {
  const S = m.states, T = m.table, sh = m.idBits, top = -1 << sh, low = ~top, mask = T.length - 1;
  ${load("words", "0")}
  ${emitHash(g)}
  const tag = h & top;
  for (let at = h & mask; ; at = (at + 1) & mask) {
    const v = T[at];
    if (v === 0) return 0;
    const b = (v & low) * ${n};
    if ((v & top) === tag && ${same}) return v & low;
  }
}
function canonicalise(words) {
  ${load("words", "0")}
  let t = 0;
  ${canonical}
  ${list(g, (w) => `words[${w}] = w${w};`, " ")}
}
function successors(words, offset, out) {
  ${load("words", "offset")}
  O = out;
  return expand(0, ${list(g, (w) => `w${w}`)}, 0);
}
return { run, insert, rehash, find, canonical: canonicalise, successors };`;
}

function generator(analysis: Analysis, packing: Packing, reductions: Reductions, withEdges: boolean): Generator {
  return {
    analysis,
    packing,
    reductions,
    moves: movesByPlace(analysis.live),
    words: Array.from({ length: packing.words }, (_, i) => i),
    faultSites: [],
    busySites: [],
    busyNumbers: new Map(),
    edges: [],
    stepIds: stepNumbers(analysis),
    holds: analysis.layout.model.processes.map(holdsByLabel),
    withEdges,
    temporaries: 0,
  };
}

/** Generate and compile the search loop for a model. `withEdges`: for liveness, `successors` reports moves and nothing else is reported. */
export function buildKernel(
  analysis: Analysis,
  packing: Packing,
  reductions: Reductions,
  events: Events,
  withEdges = false,
): Kernel {
  const g = generator(analysis, packing, reductions, withEdges);
  const { model } = analysis.layout;
  const source = emitModule(g, withEdges ? [] : model.properties, model.deadlock && !withEdges);
  const branching = branchingOf(g);
  const ran = new Uint8Array(new Set(g.stepIds.values()).size);
  const busy = new Uint8Array(g.busySites.length);
  const out = new Int32Array((BATCH + branching + 1) * (packing.words + 1));
  const names = ["branching", "O", "R", "B", "D", "F", "X", "V", "Y"];
  const decided = new Uint8Array(model.properties.length);
  const parameters = [
    branching,
    out,
    ran,
    busy,
    decided,
    events.fault,
    events.deadlock,
    events.violated,
    events.witnessed,
  ];
  const compiled = new Function(...names, source)(...parameters) as Pick<
    Kernel,
    "run" | "insert" | "rehash" | "find" | "canonical" | "successors"
  >;
  return {
    ...compiled,
    ran,
    busy,
    busySites: g.busySites,
    faultSites: g.faultSites,
    edges: g.edges,
    branching,
    source,
  };
}
