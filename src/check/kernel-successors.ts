/** Code that makes the successors of a state: straight-line code per process instance and label, collected in batches. */
import {
  holderConditions,
  type Instance,
  type Ir,
  irJunction,
  irNot,
  isBusy,
  type LoweredMove,
} from "../language/index.ts";
import { EffectEmitter, increment, readSlot, truth } from "./emit-packed.ts";
import {
  emitReport,
  type Generator,
  loadRecord,
  movesAt,
  outAddress,
  pushWords,
  raise,
  recordOf,
  storeWords,
  successorBytes,
  targetOf,
} from "./kernel-code.ts";
import { type BusySite, type FaultSite, OWN } from "./kernel-memory.ts";
import type { Target as Block, Code } from "./wasm.ts";

const MOVES_PER_FUNCTION = 40;

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
  const body = (end: Block) => {
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
        code.own().own().load(OWN.faults).const(1).op("add").store(OWN.faults);
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
  storeWords(g, code, end, to);
  if (g.withEdges)
    code
      .get(end)
      .const(g.edges.push([...moves]) - 1)
      .store(4 * n);
  code.get(end).const(successorBytes(g)).op("add").set(end);
}

/** Note whom a failed try-acquire met: one flag per leaf, resource and holder, set at most once. */
function emitBusy(g: Generator, { code, words }: Scope, lowered: LoweredMove): void {
  if (!isBusy(lowered.move.step)) return;
  const found = holderConditions(g.analysis.layout, g.analysis.constants, g.holds, lowered);
  const note = (site: number, when: Ir) => {
    const flag = g.places.busy + site;
    code
      .own()
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
export interface Piece {
  readonly labels: readonly number[];
  readonly function: number;
}

/** The functions of one instance: labels dispatched by a jump table, in pieces small enough for the optimising compiler. */
export function defineInstance(g: Generator, instance: Instance, index: number): Piece[] {
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
      const nest = (open: readonly Block[]): void => {
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

/** Call the code of all instances for the state in locals. */
export function callAll(
  g: Generator,
  code: Code,
  pieces: readonly Piece[][],
  at: { readonly id: number; readonly words: number; readonly end: number },
): void {
  g.analysis.layout.instances.forEach((instance, i) => {
    callPieces(g, code, instance, pieces[i] as Piece[], at);
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
export function defineExpand(g: Generator, pieces: readonly Piece[][]): number {
  const n = g.packing.words;
  const { model } = g.analysis.layout;
  return g.module.function(null, 2, true, (code) => {
    const [head, until] = [0, 1];
    const [end, before, faults, at] = [code.local(), code.local(), code.local(), code.local()];
    const words = code.local(n);
    outAddress(g, code).set(end);
    recordOf(g, code.get(head)).set(at);
    code.block((out) =>
      code.loop((again) => {
        code.get(head).get(until).op("ge_u").brIf(out);
        code
          .get(end)
          .own()
          .const(g.places.out + g.batch * successorBytes(g))
          .op("add")
          .op("ge_u")
          .brIf(out);
        loadRecord(g, code, at, words);
        if (model.deadlock) {
          code.get(end).set(before);
          code.own().load(OWN.faults).set(faults);
        }
        callAll(g, code, pieces, { id: head, words, end });
        if (model.deadlock) {
          code.get(end).get(before).op("eq");
          code.own().load(OWN.faults).get(faults).op("eq", "and");
          code.if(() => {
            truth(targetOf(g, code, words), irNot(idle(g)));
            code.if(() => emitReport(g, code, { kind: "deadlock" }, head));
          });
        }
        code.get(head).const(1).op("add").set(head);
        code.get(at).const(g.packing.record.bytes).op("add").set(at);
        code.br(again);
      }),
    );
    // The caller finds the end beside the counters.
    code.own().get(end).store(OWN.batchEnd);
    code.get(head);
  });
}
