/** What the parts of the generator share: the model, its packing, and how words and events are handled in code. */
import type { Instance, LoweredMove } from "../language/index.ts";
import type { Analysis } from "./analyze.ts";
import type { Target, Wide } from "./emit-packed.ts";
import type { BusySite, EventKind, Places, Reductions } from "./kernel-memory.ts";
import type { Packing, RecordShape } from "./pack.ts";
import type { Code, ModuleBuilder } from "./wasm.ts";

export interface Generator {
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
  /** Successors carry the number of their edge and nothing is reported; only for `successors`. */
  readonly withEdges: boolean;
  readonly branching: number;
  /** How many successors are collected before they are looked up. */
  readonly batch: number;
  /** How many states one of several threads takes at most at once, and how small a share of what is left that is. */
  readonly chunk: number;
  readonly shares: number;
  /** Is the code for threads that work in one memory at the same time? */
  readonly together: boolean;
  readonly places: Places;
  readonly module: ModuleBuilder;
  readonly wide: Wide;
  /** The function that compares two states, and the one that reports an event. */
  readonly less: number;
  readonly report: number;
}

export const movesAt = (g: Generator, instance: Instance, label: number): readonly LoweredMove[] =>
  g.moves.get(instance)?.get(label) ?? [];

export const targetOf = (g: Generator, code: Code, words: number): Target => ({
  code,
  packing: g.packing,
  words,
  wide: g.wide,
});

/** Bytes of a successor in a batch: its words, and with edges the edge's number. */
export const successorBytes = (g: Pick<Generator, "packing" | "withEdges">): number =>
  4 * (g.packing.words + Number(g.withEdges));

/** Push the words of a state that is held in locals. */
export function pushWords(g: Generator, code: Code, words: number): void {
  for (let w = 0; w < g.packing.words; w++) code.get(words + w);
}

/** Copy the words at the address in a local into locals. */
export function loadWords(g: Generator, code: Code, address: number, words: number): void {
  for (let w = 0; w < g.packing.words; w++)
    code
      .get(address)
      .load(4 * w)
      .set(words + w);
}

/** Write the words in locals to the address in a local. */
export function storeWords(g: Generator, code: Code, address: number, words: number): void {
  for (let w = 0; w < g.packing.words; w++)
    code
      .get(address)
      .get(words + w)
      .store(4 * w);
}

/** Push the address of the record of the state whose number is on the stack. */
export const recordOf = (g: Pick<Generator, "packing" | "places">, code: Code): Code =>
  code.const(g.packing.record.bytes).op("mul").const(g.places.arena).op("add");

/** Push a word of the record at the address in a local. */
function pushPart(code: Code, address: number, { offset, bytes }: RecordShape["parts"][number]): void {
  if (bytes === 0) code.const(0);
  else if (bytes === 1) code.get(address).load8(offset);
  else if (bytes === 2) code.get(address).load16(offset);
  // A fourth byte is there to be read: behind every record lies another one, or the index.
  else if (bytes === 3) code.get(address).load(offset).const(0xffffff).op("and");
  else code.get(address).load(offset);
}

/** Copy the words of the record at the address in a local into locals. */
export function loadRecord(g: Generator, code: Code, address: number, words: number): void {
  for (const [w, part] of g.packing.record.parts.entries()) {
    pushPart(code, address, part);
    code.set(words + w);
  }
}

/** Write the words in locals to the record at the address in a local. */
export function storeRecord(g: Generator, code: Code, address: number, words: number): void {
  for (const [w, { offset, bytes }] of g.packing.record.parts.entries()) {
    const push = () => code.get(address).get(words + w);
    if (bytes === 1) push().store8(offset);
    else if (bytes === 4) push().store(offset);
    else if (bytes > 1) push().store16(offset);
    if (bytes === 3)
      push()
        .const(16)
        .op("shr_u")
        .store8(offset + 2);
  }
}

/** Push whether the record at the address in a local holds the words in locals. */
export function sameRecord(g: Generator, code: Code, address: number, words: number): void {
  for (const [w, part] of g.packing.record.parts.entries()) {
    pushPart(code, address, part);
    code.get(words + w).op("xor");
    if (w > 0) code.op("or");
  }
  code.op("eqz");
}

/** Push whether the words at the address in a local are those in other locals. */
export function sameWords(g: Generator, code: Code, address: number, words: number): void {
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

/** Push where the thread's batch of successors begins. */
export const outAddress = (g: Generator, code: Code): Code => code.own().const(g.places.out).op("add");

/** Set a byte flag of the thread's own. */
export const raise = (code: Code, place: number): Code => code.own().const(1).store8(place);

/** Code that says of two stored states, by number, whether the first has the lesser words: an order that no search decides. */
export function defineLess({ module, packing, places }: Pick<Generator, "module" | "packing" | "places">): number {
  return module.function(null, 2, true, (code) => {
    const [a, b, one, other] = [0, 1, code.local(), code.local()];
    for (const id of [a, b]) recordOf({ packing, places }, code.get(id)).set(id);
    for (const part of packing.record.parts) {
      pushPart(code, a, part);
      code.set(one);
      pushPart(code, b, part);
      code.tee(other).get(one).op("ne");
      code.if(() => code.get(one).get(other).op("lt_u", "return"));
    }
    code.const(0);
  });
}

/** Report an event. */
export function emitReport(g: Generator, code: Code, kind: EventKind, id: number): void {
  const text = JSON.stringify(kind);
  const known = g.eventKinds.findIndex((other) => JSON.stringify(other) === text);
  const event = known >= 0 ? known : g.eventKinds.push(kind) - 1;
  code.const(event).get(id).call(g.report);
}

/** The function behind `emitReport`: of the states at which it is met, in the first level that meets it, the one with the least words is kept. */
export function defineReport(module: ModuleBuilder, places: Places, less: number): number {
  return module.function(null, 2, false, (code) => {
    const [event, id] = [0, 1];
    const at = code.local();
    code
      .own()
      .get(event)
      .op("add")
      .load8(places.met)
      .if(() => code.op("return"));
    code.get(event).const(2).op("shl").own().op("add").set(at);
    keepLeast(code, less, { at, offset: places.events }, id);
  });
}

/** Store the number of a state, from a local, where there is none yet or that of a state with greater words. */
export function keepLeast(
  code: Code,
  less: number,
  { at, offset }: { readonly at: number; readonly offset: number },
  id: number,
): void {
  code.block((keep) => {
    code.block((first) => {
      code.get(at).load(offset).op("eqz").brIf(first);
      code.get(id).get(at).load(offset).call(less).op("eqz").brIf(keep);
    });
    code.get(at).get(id).store(offset);
  });
}
