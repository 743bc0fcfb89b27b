/**
 * The search loop as generated WebAssembly: straight-line code per process instance and label over packed words, successors collected in
 * batches, table slots touched before they are probed. See docs/engine.md for why each of these pays.
 *
 * Everything lies in one linear memory: a control block, flags, events, one batch of successors and their hashes; then the arena, which
 * holds one record per state (its words, and its parent's number), and above it the index.
 */
import {
  type BoolExpr,
  holderConditions,
  type Instance,
  type Ir,
  irJunction,
  irNot,
  isBusy,
  type LoweredMove,
  lowerProperty,
  visitIrEffects,
} from "../language/index.ts";
import { type Analysis, stepNumbers } from "./analyze.ts";
import { emitCanonical } from "./canonical.ts";
import { EffectEmitter, increment, readSlot, type Target, truth, type Wide } from "./emit-packed.ts";
import type { Packing } from "./pack.ts";
import type { ScalarSymmetry } from "./scalar-symmetry.ts";
import {
  type Code,
  type CompiledModule,
  compile,
  F64,
  I32,
  instantiate,
  type LinearMemory,
  ModuleBuilder,
  type Target as Place,
} from "./wasm.ts";

/** A place in the code where a step can fail. */
export interface FaultSite {
  readonly kind: "assertion" | "range";
  readonly name: string;
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
  /** Sets whose indices are renumbered. */
  readonly scalar: readonly ScalarSymmetry[];
  /** By instance, in the layout's order: labels whose steps are taken along with the step that leads there. */
  readonly folded: readonly ReadonlySet<number>[];
}

/** Rare events that the code reports, each at most once: what was first met, and the number of the state. */
export type EventKind =
  | { readonly kind: "property"; readonly property: number }
  /** A state without successors in which not all processes are idle. */
  | { readonly kind: "deadlock" }
  /** The state is the one whose step fails. */
  | { readonly kind: "fault"; readonly site: FaultSite };

/** Byte addresses in the memory. The first four are 32-bit words of the control block. */
export const CONTROL = {
  /** The number of the next new state. */
  count: 0,
  /** Where the index is, and its length less one. */
  table: 4,
  tableMask: 8,
  /** An index entry's bits above the state's number. */
  tagMask: 12,
  faults: 16,
  eventsEnd: 20,
  /** Successors made since the driver last cleared it. */
  made: 24,
  batchEnd: 28,
  sink: 32,
  /** How many states fit below the index. */
  capacity: 36,
  /** The next state to expand, and the first one of the next level. */
  head: 40,
  levelEnd: 44,
  /** Which part of a divided search this is, and the largest end among its boxes. */
  part: 48,
  fullest: 52,
  /** 1: there was no memory to grow into. */
  failed: 56,
} as const;
const FLAGS = 64;

/** Where everything else starts. */
export interface Places {
  /** One byte per step (see `stepNumbers`): 1 when it ran. */
  readonly ran: number;
  readonly busy: number;
  /** One byte per event kind: 1 when it was met. */
  readonly met: number;
  /** Pairs of an event's number and a state's. */
  readonly events: number;
  readonly out: number;
  readonly hashes: number;
  /** Of a divided search: per part, the end of the records meant for it, and its box of records. */
  readonly boxEnds: number;
  readonly boxes: number;
  readonly boxBytes: number;
  /** State 0 is here; it is not used, so that 0 can mean "empty" in the index. */
  readonly arena: number;
}

/** What the code can do. Addresses and ends are byte addresses. */
export interface KernelExports {
  /** Of an undivided search: expand states from `head` until `until`, or until there are `limit` states. Returns the next head. */
  run?(head: number, until: number, limit: number): number;
  /** Insert the records from `out` to `end`. */
  flush(end: number): void;
  /** Of a divided search: expand likewise, until a box is full, and put the successors into the boxes of the parts they belong to. */
  distribute?(head: number, until: number): number;
  /** Of a divided search: the part that the state whose words are at an address belongs to. */
  partOf?(address: number): number;
  /** Refill an emptied index from the arena. */
  rehash(): void;
  /** The number of the state whose words are at an address, or 0. */
  find(address: number): number;
  /** Bring the words at an address into canonical form. */
  canonical(address: number): void;
}

/** What code for edges can do. */
export interface EdgeExports {
  /** The records of all successors of a state into `out`; returns their end. */
  successors(id: number): number;
  /** Does the state whose words are at an address satisfy the first expression, the second? Zero: no. */
  test0(address: number): number;
  test1(address: number): number;
}

/** The code for one model, and what its numbers mean. */
export interface KernelCode {
  readonly module: CompiledModule;
  readonly places: Places;
  /** Into how many parts the search is divided. */
  readonly parts: number;
  /** Words of a record: the state's and one more. */
  readonly record: number;
  readonly steps: number;
  readonly busySites: readonly BusySite[];
  readonly eventKinds: readonly EventKind[];
  /** The moves that records of code for edges carry by number instead of a parent. */
  readonly edges: readonly (readonly LoweredMove[])[];
  /** At most this many successors has one state. */
  readonly branching: number;
}

/** Room in a box of a divided search, in successors. */
const BOX = 1 << 15;
/** How many successors are collected before they are looked up. */
export const BATCH = 128;
const MOVES_PER_FUNCTION = 40;

interface Generator {
  readonly analysis: Analysis;
  readonly packing: Packing;
  readonly reductions: Reductions;
  /** By instance and label. */
  readonly moves: ReadonlyMap<Instance, ReadonlyMap<number, readonly LoweredMove[]>>;
  readonly busySites: BusySite[];
  /** Their numbers, by text. */
  readonly busyNumbers: Map<string, number>;
  readonly eventKinds: EventKind[];
  readonly edges: LoweredMove[][];
  readonly stepIds: ReadonlyMap<number, number>;
  readonly holds: Analysis["holds"];
  /** Records carry the number of their edge and nothing is reported; only for `successors`. */
  readonly withEdges: boolean;
  readonly branching: number;
  readonly places: Places;
  readonly module: ModuleBuilder;
  readonly wide: Wide;
  /** The function that reports an event. */
  readonly report: number;
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

const targetOf = (g: Generator, code: Code, words: number): Target => ({
  code,
  packing: g.packing,
  words,
  wide: g.wide,
});

/** Push the words of a state that is held in locals. */
function pushWords(g: Generator, code: Code, words: number): void {
  for (let w = 0; w < g.packing.words; w++) code.get(words + w);
}

/** Copy the words at the address in a local into locals. */
function loadWords(g: Generator, code: Code, address: number, words: number): void {
  for (let w = 0; w < g.packing.words; w++)
    code
      .get(address)
      .load(4 * w)
      .set(words + w);
}

/** Set a byte flag. */
const raise = (code: Code, address: number): Code => code.const(0).const(1).store8(address);

/** Report an event, if it is the first of its kind. */
function emitReport(g: Generator, code: Code, kind: EventKind, id: number): void {
  const text = JSON.stringify(kind);
  const known = g.eventKinds.findIndex((other) => JSON.stringify(other) === text);
  const event = known >= 0 ? known : g.eventKinds.push(kind) - 1;
  code.const(event).get(id).call(g.report);
}

/** The function behind `emitReport`. */
function defineReport(module: ModuleBuilder, places: Places): number {
  return module.function(null, 2, false, (code) => {
    const [event, id] = [0, 1];
    const end = code.local();
    code
      .get(event)
      .load8(places.met)
      .if(() => code.op("return"));
    code.get(event).const(1).store8(places.met);
    code.const(0).load(CONTROL.eventsEnd).tee(end).get(event).store(places.events);
    code
      .get(end)
      .get(id)
      .store(places.events + 4);
    code.const(0).get(end).const(8).op("add").store(CONTROL.eventsEnd);
  });
}

/** What one function of an instance works with. The parameters: the state's number, its words, the end of the records. */
interface Scope {
  readonly code: Code;
  readonly id: number;
  readonly words: number;
  readonly end: number;
  /** By folding depth: the locals of the words after the step. */
  readonly after: number[];
}

/** The code of one move, and of the folded moves after it: from the words in locals `from` to records. */
function emitMove(
  g: Generator,
  scope: Scope,
  lowered: LoweredMove,
  from: number,
  depth: number,
  path: readonly LoweredMove[],
): void {
  const { code } = scope;
  const { instance, move, guard } = lowered;
  const moves = [...path, lowered];
  const body = (end: Place) => {
    if (!g.withEdges) {
      raise(code, g.places.ran + (g.stepIds.get(move.id) as number));
      if (depth === 0) emitBusy(g, scope, lowered);
    }
    scope.after[depth] ??= code.local(g.packing.words);
    const to = scope.after[depth] as number;
    for (let w = 0; w < g.packing.words; w++) code.get(from + w).set(to + w);
    const target = targetOf(g, code, to);
    const onFault = (kind: "assertion" | "range" | "index", name: string) => {
      if (!g.withEdges) {
        code.const(0).const(0).load(CONTROL.faults).const(1).op("add").store(CONTROL.faults);
        const site: FaultSite = { kind: kind === "assertion" ? kind : "range", name };
        emitReport(g, code, { kind: "fault", site }, scope.id);
      }
      code.br(end);
    };
    new EffectEmitter(target, g.analysis.bounded, onFault).emit(lowered.effects);
    increment(target, instance.pc, move.nextIndex - move.labelIndex);
    emitArrival(g, scope, instance, move.nextIndex, to, depth, moves);
  };
  if (guard.k === "const" && guard.v !== 0) code.block(body);
  else {
    truth(targetOf(g, code, from), guard);
    code.if(body);
  }
}

function emitArrival(
  g: Generator,
  scope: Scope,
  instance: Instance,
  label: number,
  to: number,
  depth: number,
  moves: readonly LoweredMove[],
): void {
  const { code, end } = scope;
  if (g.reductions.folded[g.analysis.layout.instances.indexOf(instance)]?.has(label)) {
    for (const next of movesAt(g, instance, label)) emitMove(g, scope, next, to, depth + 1, moves);
    return;
  }
  const n = g.packing.words;
  for (let w = 0; w < n; w++)
    code
      .get(end)
      .get(to + w)
      .store(4 * w);
  code.get(end);
  if (g.withEdges) code.const(g.edges.push([...moves]) - 1);
  else code.get(scope.id);
  code.store(4 * n);
  code
    .get(end)
    .const(4 * (n + 1))
    .op("add")
    .set(end);
}

/** Note whom a failed try-acquire met: one flag per leaf, resource and holder, set at most once. */
function emitBusy(g: Generator, { code, words }: Scope, lowered: LoweredMove): void {
  if (!isBusy(lowered.move.step)) return;
  const found = holderConditions(g.analysis.layout, g.analysis.constants, g.holds, lowered);
  const note = (site: number, when: Ir) => {
    const flag = g.places.busy + site;
    code
      .const(0)
      .load8(flag)
      .op("eqz")
      .if(() => {
        truth(targetOf(g, code, words), when);
        code.if(() => raise(code, flag));
      });
  };
  for (const { holder, when } of found) note(busySite(g, lowered, holder.leaf ?? holder.process, holder.process), when);
  const anybody = irJunction(
    "or",
    found.map(({ when }) => when),
  );
  note(busySite(g, lowered, null, null), irNot(anybody));
}

function busySite(g: Generator, { move }: LoweredMove, holder: string | null, holderProcess: string | null): number {
  const { leaf = null, resource = "", status = null } = move.step.meta;
  const wanted: BusySite = { leaf, resource, holder, holderProcess, status, process: move.type.name };
  const key = JSON.stringify(wanted);
  const site = g.busyNumbers.get(key) ?? g.busySites.push(wanted) - 1;
  g.busyNumbers.set(key, site);
  return site;
}

/** Labels whose moves one function holds. */
interface Piece {
  readonly labels: readonly number[];
  readonly function: number;
}

/** The functions of one instance: labels dispatched by a jump table, in pieces small enough for the optimising compiler. */
function defineInstance(g: Generator, instance: Instance, index: number): Piece[] {
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
  return groups.map((group) => ({ labels: group, function: definePiece(g, instance, group) }));
}

function definePiece(g: Generator, instance: Instance, labels: readonly number[]): number {
  const n = g.packing.words;
  return g.module.function(null, n + 2, true, (code) => {
    const scope: Scope = { code, id: 0, words: 1, end: n + 1, after: [] };
    const first = labels[0] as number;
    const last = labels.at(-1) as number;
    code.block((out) => {
      // The blocks are nested so that leaving the innermost k of them leads to the code of label k.
      const nest = (open: readonly Place[]): void => {
        if (open.length < labels.length) {
          code.block((place) => nest([...open, place]));
          const label = labels[labels.length - 1 - open.length] as number;
          for (const move of movesAt(g, instance, label)) emitMove(g, scope, move, scope.words, 0, []);
          code.br(out);
          return;
        }
        const inner = [...open].reverse();
        readSlot(targetOf(g, code, scope.words), instance.pc);
        if (first !== 0) code.const(first).op("sub");
        code.brTable(
          Array.from({ length: last - first + 1 }, (_, i) => inner[labels.indexOf(first + i)] ?? out),
          out,
        );
      };
      nest([]);
    });
    code.get(scope.end);
  });
}

/** Call an instance's code for the state in locals. */
function callPieces(
  g: Generator,
  code: Code,
  instance: Instance,
  pieces: readonly Piece[],
  at: { readonly id: number; readonly words: number; readonly end: number },
): void {
  for (const piece of pieces) {
    const call = () => {
      code.get(at.id);
      pushWords(g, code, at.words);
      code.get(at.end).call(piece.function).set(at.end);
    };
    if (pieces.length === 1) call();
    else {
      const [low, high] = [piece.labels[0] as number, piece.labels.at(-1) as number];
      readSlot(targetOf(g, code, at.words), instance.pc);
      code
        .const(low)
        .op("sub")
        .const(high - low + 1)
        .op("lt_u")
        .if(call);
    }
  }
}

/** Leave the state's hash, computed from the words in locals, on the stack. */
function emitHash(g: Generator, code: Code, words: number, h: number): void {
  const shifted = (local: number, by: number) => code.get(local).get(local).const(by).op("shr_u", "xor");
  shifted(words, 15).const(0x2c1b3c6d).op("mul").set(h);
  for (let w = 1; w < g.packing.words; w++)
    shifted(h, 13)
      .get(words + w)
      .op("add")
      .const(0x297a2d39)
      .op("mul")
      .set(h);
  shifted(h, 15).const(0x85ebca6b).op("mul").set(h);
  shifted(h, 13);
}

/** Are all processes at idle labels? */
function idle(g: Generator): Ir {
  const { layout, constants } = g.analysis;
  return irJunction(
    "and",
    layout.instances.map((instance): Ir => {
      const labels = instance.type.labels.flatMap((label, i) => (label.idle ? [i] : []));
      const known = constants.get(instance.pc);
      if (known !== undefined) return { k: "const", v: Number(labels.includes(known)) };
      return labels.length === 0 ? { k: "const", v: 0 } : { k: "at", s: instance.pc, labels };
    }),
  );
}

/** Expand states from `head` until `until` or until a batch is full: returns the next head, and leaves the records' end in the control block. */
function defineExpand(g: Generator, pieces: readonly Piece[][]): number {
  const n = g.packing.words;
  const recordBytes = 4 * (n + 1);
  const { instances, model } = g.analysis.layout;
  return g.module.function(null, 2, true, (code) => {
    const [head, until] = [0, 1];
    const [end, before, faults, at] = [code.local(), code.local(), code.local(), code.local()];
    const words = code.local(n);
    code.const(g.places.out).set(end);
    code.get(head).const(recordBytes).op("mul").const(g.places.arena).op("add").set(at);
    code.block((out) =>
      code.loop((again) => {
        code.get(head).get(until).op("ge_u").brIf(out);
        code
          .get(end)
          .const(g.places.out + BATCH * recordBytes)
          .op("ge_u")
          .brIf(out);
        loadWords(g, code, at, words);
        if (model.deadlock) {
          code.get(end).set(before);
          code.const(0).load(CONTROL.faults).set(faults);
        }
        instances.forEach((instance, i) => {
          callPieces(g, code, instance, pieces[i] as Piece[], { id: head, words, end });
        });
        if (model.deadlock) {
          code.get(end).get(before).op("eq");
          code.const(0).load(CONTROL.faults).get(faults).op("eq", "and");
          code.if(() => {
            truth(targetOf(g, code, words), irNot(idle(g)));
            code.if(() => emitReport(g, code, { kind: "deadlock" }, head));
          });
        }
        code.get(head).const(1).op("add").set(head);
        code.get(at).const(recordBytes).op("add").set(at);
        code.br(again);
      }),
    );
    // The caller finds the end beside the counters.
    code.const(0).get(end).store(CONTROL.batchEnd);
    code.get(head);
  });
}

/** Call `body` with the address of each record from `out` to the end in local `end`, and its position among them times four. */
function eachRecord(g: Generator, code: Code, end: number, body: (at: number, index: number) => void): void {
  const [at, index] = [code.local(), code.local()];
  code.const(g.places.out).set(at).const(0).set(index);
  code.block((out) =>
    code.loop((again) => {
      code.get(at).get(end).op("ge_u").brIf(out);
      body(at, index);
      code
        .get(at)
        .const(4 * (g.packing.words + 1))
        .op("add")
        .set(at);
      code.get(index).const(4).op("add").set(index);
      code.br(again);
    }),
  );
}

/** Push the address of the table slot that a hash (already on the stack) starts at. */
const slotAddress = (code: Code, mask: number, table: number): Code =>
  code.get(mask).op("and").const(2).op("shl").get(table).op("add");

/** From the address of a table slot to the next one's. */
function nextSlot(code: Code, slot: number, mask: number, table: number): void {
  code.get(slot).get(table).op("sub").const(2).op("shr_u").const(1).op("add");
  slotAddress(code, mask, table).set(slot);
}

/** The variables of the index, loaded from the control block into locals. */
function loadIndex(code: Code): { table: number; mask: number; tags: number } {
  const [table, mask, tags] = [code.local(), code.local(), code.local()];
  code.const(0).load(CONTROL.table).set(table);
  code.const(0).load(CONTROL.tableMask).set(mask);
  code.const(0).load(CONTROL.tagMask).set(tags);
  return { table, mask, tags };
}

/** Push the address of the record whose index entry is in a local. */
function recordOf(g: Generator, code: Code, entry: number, tags: number): void {
  code.get(entry).get(tags).const(-1).op("xor", "and");
  code
    .const(4 * (g.packing.words + 1))
    .op("mul")
    .const(g.places.arena)
    .op("add");
}

/** Push whether the words at an address (a local) are those in locals. */
function sameWords(g: Generator, code: Code, address: number, words: number): void {
  for (let w = 0; w < g.packing.words; w++) {
    code
      .get(address)
      .load(4 * w)
      .get(words + w)
      .op("xor");
    if (w > 0) code.op("or");
  }
  code.op("eqz");
}

/** Check the state properties of a new state. */
function emitVisit(g: Generator, code: Code, words: number, id: number): void {
  const { layout, constants } = g.analysis;
  layout.model.properties.forEach((property, i) => {
    if (property.kind === "leads-to") return;
    const ir = lowerProperty(layout, property.expr, constants);
    truth(targetOf(g, code, words), property.kind === "always" ? irNot(ir) : ir);
    code.if(() => emitReport(g, code, { kind: "property", property: i }, id));
  });
}

function defineFlush(g: Generator): number {
  const n = g.packing.words;
  return g.module.function("flush", 1, false, (code) => {
    const end = 0;
    const { table, mask, tags } = loadIndex(code);
    const words = code.local(n);
    const [h, sink, count] = [code.local(), code.local(), code.local()];
    const [slot, entry, record, tag] = [code.local(), code.local(), code.local(), code.local()];
    eachRecord(g, code, end, (at, index) => {
      loadWords(g, code, at, words);
      if (emitCanonical(targetOf(g, code, words), g.reductions))
        for (let w = 0; w < n; w++)
          code
            .get(at)
            .get(words + w)
            .store(4 * w);
      code.get(index);
      emitHash(g, code, words, h);
      code.tee(h).store(g.places.hashes);
      slotAddress(code.get(h), mask, table).load().get(sink).op("xor").set(sink);
    });
    code.const(0).get(sink).store(CONTROL.sink);
    code.const(0).load(CONTROL.count).set(count);
    eachRecord(g, code, end, (at, index) => {
      loadWords(g, code, at, words);
      code.get(index).load(g.places.hashes).tee(h).get(tags).op("and").set(tag);
      slotAddress(code.get(h), mask, table).set(slot);
      code.block((done) =>
        code.loop((again) => {
          code.get(slot).load().tee(entry).op("eqz");
          code.if(() => {
            code
              .get(count)
              .const(4 * (n + 1))
              .op("mul")
              .const(g.places.arena)
              .op("add")
              .set(record);
            for (let w = 0; w < n; w++)
              code
                .get(record)
                .get(words + w)
                .store(4 * w);
            code
              .get(record)
              .get(at)
              .load(4 * n)
              .store(4 * n);
            code.get(slot).get(tag).get(count).op("or").store();
            emitVisit(g, code, words, count);
            code.get(count).const(1).op("add").set(count);
            code.br(done);
          });
          code.get(entry).get(tags).op("and").get(tag).op("eq");
          code.if(() => {
            recordOf(g, code, entry, tags);
            code.set(record);
            sameWords(g, code, record, words);
            code.brIf(done);
          });
          nextSlot(code, slot, mask, table);
          code.br(again);
        }),
      );
    });
    code.const(0).get(count).store(CONTROL.count);
  });
}

function defineRun(g: Generator, expand: number, flush: number): void {
  g.module.function("run", 3, true, (code) => {
    const [head, until, limit] = [0, 1, 2];
    const end = code.local();
    code.block((out) =>
      code.loop((again) => {
        code.get(head).get(until).op("ge_u").brIf(out);
        code.const(0).load(CONTROL.count).get(limit).op("ge_u").brIf(out);
        code.get(head).get(until).call(expand).set(head);
        code.const(0).const(0).load(CONTROL.made);
        code.const(0).load(CONTROL.batchEnd).tee(end).const(g.places.out).op("sub", "add").store(CONTROL.made);
        code.get(end).call(flush);
        code.br(again);
      }),
    );
    code.get(head);
  });
}

/** Push the part that the state in locals belongs to. */
function emitPart(g: Generator, code: Code, words: number, h: number, parts: number): void {
  emitHash(g, code, words, h);
  code.const(16).op("shr_u").const(parts).op("mul").const(16).op("shr_u");
}

function definePartOf(g: Generator, parts: number): void {
  g.module.function("partOf", 1, true, (code) => {
    const [h, words] = [code.local(), code.local(g.packing.words)];
    loadWords(g, code, 0, words);
    emitPart(g, code, words, h, parts);
  });
}

/**
 * For a divided search: like `run`, but each successor is put into the box of the part it belongs to, which its hash decides. The high
 * bits do: the low ones are the place in that part's index, and must stay spread.
 */
function defineDistribute(g: Generator, expand: number, parts: number): void {
  const n = g.packing.words;
  const recordBytes = 4 * (n + 1);
  const full = g.places.boxBytes - recordBytes * (BATCH + g.branching + 1);
  g.module.function("distribute", 2, true, (code) => {
    const [head, until] = [0, 1];
    const [end, h, box, boxEnd, to] = [code.local(), code.local(), code.local(), code.local(), code.local()];
    const words = code.local(n);
    code.block((out) =>
      code.loop((again) => {
        code.get(head).get(until).op("ge_u").brIf(out);
        code.const(0).load(CONTROL.fullest).const(full).op("ge_u").brIf(out);
        code.get(head).get(until).call(expand).set(head);
        code.const(0).const(0).load(CONTROL.made);
        code.const(0).load(CONTROL.batchEnd).tee(end).const(g.places.out).op("sub", "add").store(CONTROL.made);
        eachRecord(g, code, end, (at) => {
          loadWords(g, code, at, words);
          emitCanonical(targetOf(g, code, words), g.reductions);
          emitPart(g, code, words, h, parts);
          code.tee(box);
          code.const(2).op("shl").load(g.places.boxEnds).set(boxEnd);
          code.get(box).const(g.places.boxBytes).op("mul").get(boxEnd).op("add").set(to);
          for (let w = 0; w < n; w++)
            code
              .get(to)
              .get(words + w)
              .store(g.places.boxes + 4 * w);
          // Its parent's number among all states of all parts.
          code.get(to).get(at);
          code
            .load(4 * n)
            .const(parts)
            .op("mul");
          code.const(0).load(CONTROL.part).op("add");
          code.store(g.places.boxes + 4 * n);
          code.get(boxEnd).const(recordBytes).op("add").set(boxEnd);
          code.get(box).const(2).op("shl").get(boxEnd).store(g.places.boxEnds);
          code.get(boxEnd).const(0).load(CONTROL.fullest).op("gt_u");
          code.if(() => code.const(0).get(boxEnd).store(CONTROL.fullest));
        });
        code.br(again);
      }),
    );
    code.get(head);
  });
}

function defineRehash(g: Generator): void {
  g.module.function("rehash", 0, false, (code) => {
    const { table, mask, tags } = loadIndex(code);
    const words = code.local(g.packing.words);
    const [id, at, h, slot, count] = [code.local(), code.local(), code.local(), code.local(), code.local()];
    const recordBytes = 4 * (g.packing.words + 1);
    code.const(0).load(CONTROL.count).set(count);
    code.const(1).set(id);
    code.const(g.places.arena + recordBytes).set(at);
    code.block((out) =>
      code.loop((again) => {
        code.get(id).get(count).op("ge_u").brIf(out);
        loadWords(g, code, at, words);
        emitHash(g, code, words, h);
        code.set(h);
        slotAddress(code.get(h), mask, table).set(slot);
        code.block((free) =>
          code.loop((next) => {
            code.get(slot).load().op("eqz").brIf(free);
            nextSlot(code, slot, mask, table);
            code.br(next);
          }),
        );
        code.get(slot).get(h).get(tags).op("and").get(id).op("or").store();
        code.get(id).const(1).op("add").set(id);
        code.get(at).const(recordBytes).op("add").set(at);
        code.br(again);
      }),
    );
  });
}

function defineFind(g: Generator): void {
  g.module.function("find", 1, true, (code) => {
    const { table, mask, tags } = loadIndex(code);
    const words = code.local(g.packing.words);
    const [h, slot, entry, record] = [code.local(), code.local(), code.local(), code.local()];
    loadWords(g, code, 0, words);
    emitHash(g, code, words, h);
    code.set(h);
    slotAddress(code.get(h), mask, table).set(slot);
    code.loop((again) => {
      code.get(slot).load().tee(entry).op("eqz");
      code.if(() => code.const(0).op("return"));
      recordOf(g, code, entry, tags);
      code.set(record);
      code.get(entry).get(h).op("xor").get(tags).op("and", "eqz");
      sameWords(g, code, record, words);
      code.op("and");
      code.if(() => code.get(entry).get(tags).const(-1).op("xor", "and", "return"));
      nextSlot(code, slot, mask, table);
      code.br(again);
    });
    code.op("unreachable");
  });
}

function defineCanonical(g: Generator): void {
  g.module.function("canonical", 1, false, (code) => {
    const words = code.local(g.packing.words);
    loadWords(g, code, 0, words);
    emitCanonical(targetOf(g, code, words), g.reductions);
    for (let w = 0; w < g.packing.words; w++)
      code
        .get(0)
        .get(words + w)
        .store(4 * w);
  });
}

function defineSuccessors(g: Generator, pieces: readonly Piece[][]): void {
  const n = g.packing.words;
  g.module.function("successors", 1, true, (code) => {
    const [id, end, at] = [0, code.local(), code.local()];
    const words = code.local(n);
    code.const(g.places.out).set(end);
    code
      .get(id)
      .const(4 * (n + 1))
      .op("mul")
      .const(g.places.arena)
      .op("add")
      .set(at);
    loadWords(g, code, at, words);
    g.analysis.layout.instances.forEach((instance, i) => {
      callPieces(g, code, instance, pieces[i] as Piece[], { id, words, end });
    });
    code.get(end);
  });
}

function defineTest(g: Generator, name: string, test: Ir): void {
  g.module.function(name, 1, true, (code) => {
    const words = code.local(g.packing.words);
    loadWords(g, code, 0, words);
    truth(targetOf(g, code, words), test);
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

const aligned = (address: number): number => Math.ceil(address / 64) * 64;

/** Lay out the memory. */
function placesOf(sizes: {
  steps: number;
  busy: number;
  events: number;
  batch: number;
  words: number;
  parts: number;
}): Places {
  const ran = FLAGS;
  const busy = ran + sizes.steps;
  const met = busy + sizes.busy;
  const events = aligned(met + sizes.events);
  const out = aligned(events + 8 * sizes.events);
  const hashes = aligned(out + 4 * (sizes.words + 1) * sizes.batch);
  const boxEnds = aligned(hashes + 4 * sizes.batch);
  const boxes = aligned(boxEnds + 4 * sizes.parts);
  const boxBytes = sizes.parts === 1 ? 0 : 4 * (sizes.words + 1) * (BOX + sizes.batch);
  const arena = aligned(boxes + sizes.parts * boxBytes);
  return { ran, busy, met, events, out, hashes, boxEnds, boxes, boxBytes, arena };
}

/** Two expressions that code for edges can evaluate. */
export type Tests = readonly [BoolExpr, BoolExpr];

/** What a memory for this code must have at least, in pages of 64 KiB. */
export const leastPages = (places: Places): number => Math.ceil(places.arena / 65536);

/**
 * Generate and compile the code for a model. `edgesFor`: for liveness, `successors` reports moves and nothing else is reported.
 * `parts`: into how many parts the search is divided; more than one share their memories.
 */
export function compileKernel(
  analysis: Analysis,
  packing: Packing,
  reductions: Reductions,
  { edgesFor = null, parts = 1 }: { readonly edgesFor?: Tests | null; readonly parts?: number } = {},
): KernelCode {
  const { layout, live } = analysis;
  const module = new ModuleBuilder();
  const wide = {
    remainder: module.import("remainder", [F64, F64], F64),
    wrap: module.import("wrap", [F64], I32),
  };
  const stepIds = stepNumbers(layout);
  const { holds } = analysis;
  const partial = { analysis, packing, reductions, moves: movesByPlace(live), holds, stepIds, module, wide };
  const branching = branchingOf(partial as never);
  const steps = new Set(stepIds.values()).size;
  const places = placesOf({
    steps,
    busy: mostBusy(live, holds),
    events: mostEvents(live, layout.model.properties.length),
    batch: BATCH + branching + 1,
    words: packing.words,
    parts,
  });
  const g: Generator = {
    ...partial,
    busySites: [],
    busyNumbers: new Map(),
    eventKinds: [],
    edges: [],
    withEdges: edgesFor !== null,
    branching,
    places,
    report: defineReport(module, places),
  };
  const pieces = layout.instances.map((instance, i) => defineInstance(g, instance, i));
  if (edgesFor === null) {
    const expand = defineExpand(g, pieces);
    const flush = defineFlush(g);
    if (parts === 1) defineRun(g, expand, flush);
    else {
      defineDistribute(g, expand, parts);
      definePartOf(g, parts);
    }
    defineRehash(g);
    defineFind(g);
    defineCanonical(g);
  } else {
    defineSuccessors(g, pieces);
    for (const [i, expr] of edgesFor.entries())
      defineTest(g, `test${i}`, lowerProperty(layout, expr, analysis.constants));
  }
  return {
    module: compile(module.bytes(leastPages(places), parts > 1)),
    places,
    parts,
    record: packing.words + 1,
    steps,
    busySites: g.busySites,
    eventKinds: g.eventKinds,
    edges: g.edges,
    branching,
  };
}

/** Run the code on a memory. */
export const runOn = <E>(module: CompiledModule, memory: LinearMemory): E =>
  instantiate<E>(module, memory, { remainder: (a: number, b: number) => a % b, wrap: (a: number) => a | 0 });
