/** A Model's steps as generated code over an array of slots: what can an instance do now, and do it. */
import {
  condition,
  type Emitter,
  emitEffects,
  type Fault,
  type Holder,
  holderConditions,
  holdsByLabel,
  type Instance,
  irJunction,
  irNot,
  isBusy,
  type Layout,
  type LoweredMove,
  lowerMove,
  lowerProperty,
  type Store,
} from "../language/index.ts";

/** A failed try-acquire against one holder, counted while running. */
export interface BusySite {
  readonly process: string;
  readonly leaf: string | null;
  readonly resource: string;
  readonly status: string | null;
  /** Null: nobody was seen to hold it. */
  readonly holder: Holder | null;
}

export interface CompiledModel {
  readonly layout: Layout;
  /** All moves of all instances; a move's code is its position. */
  readonly moves: readonly LoweredMove[];
  /** Write the codes of the moves that instance `i` can make into `out`; returns how many. */
  enabled(i: number, state: Int32Array, out: Int32Array): number;
  /** Make a move. Returns 0, or the number of the fault that ended it. */
  fire(code: number, state: Int32Array): number;
  /** The number of the first violated `always` property plus 1, or 0. */
  violated(state: Int32Array): number;
  readonly faults: readonly Fault[];
  readonly busySites: readonly BusySite[];
  readonly busy: BusyTally;
}

/** What the generated code notes about failed try-acquires; all but `at` by busy site. */
export interface BusyTally {
  /** The number of the run, and of its steps up to and with the one that fires: set by whoever calls `fire`. */
  readonly at: Float64Array;
  readonly counts: Float64Array;
  /** The fewest steps after which it was met, and the first run that did so. */
  readonly steps: Float64Array;
  readonly runs: Float64Array;
}

const store: Store = {
  read: (slot) => `s[${slot}]`,
  readElement: (slot, _size, index) => `s[${slot} + ${index}]`,
  write: (slot, value) => `s[${slot}] = ${value};`,
  writeElement: (slot, _size, index, value) => `s[${slot} + ${index}] = ${value};`,
};

interface Text {
  readonly faults: Fault[];
  readonly busySites: BusySite[];
  readonly siteNumbers: Map<string, number>;
  temporaries: number;
}

function emitter(text: Text): Emitter {
  return {
    store,
    temporary: () => `t${text.temporaries++}`,
    fault: (kind, name) => `return ${text.faults.push({ kind, name })};`,
  };
}

/** Wrap statements that use temporaries into a function. */
function declared(text: Text, header: string, make: () => string): string {
  text.temporaries = 0;
  const body = make();
  const temporaries =
    text.temporaries === 0
      ? ""
      : `let ${Array.from({ length: text.temporaries }, (_, i) => `t${i} = 0`).join(", ")};\n`;
  return `${header} {\n${temporaries}${body}\n}`;
}

/** `moves` are the instance's own, in the order of their labels; `first` is the code of the first. */
function emitEnabled(text: Text, instance: Instance, i: number, moves: readonly LoweredMove[], first: number): string {
  return declared(text, `function e${i}(s, out)`, () => {
    const e = emitter(text);
    const tests = new Map<number, string[]>();
    moves.forEach(({ guard, move }, k) => {
      const here = tests.get(move.labelIndex) ?? [];
      here.push(`if (${condition(e, guard)}) out[n++] = ${first + k};`);
      tests.set(move.labelIndex, here);
    });
    const cases = [...tests].map(([label, here]) => `case ${label}: ${here.join(" ")} break;`);
    return `let n = 0;\nswitch (s[${instance.pc}]) {\n${cases.join("\n")}\n}\nreturn n;`;
  });
}

function emitBusy(
  text: Text,
  layout: Layout,
  holds: Parameters<typeof holderConditions>[2],
  lowered: LoweredMove,
): string {
  const { move } = lowered;
  if (!isBusy(move.step)) return "";
  const { leaf = null, resource = "", status = null } = move.step.meta;
  const site = (holder: Holder | null): number => {
    const wanted: BusySite = { process: move.type.name, leaf, resource, status, holder };
    const name = JSON.stringify(wanted);
    const number = text.siteNumbers.get(name) ?? text.busySites.push(wanted) - 1;
    text.siteNumbers.set(name, number);
    return number;
  };
  const e = emitter(text);
  const found = holderConditions(layout, new Map(), holds, lowered);
  const lines = found.map(({ holder, when }) => `if (${condition(e, when)}) met(${site(holder)});`);
  const nobody = irNot(
    irJunction(
      "or",
      found.map(({ when }) => when),
    ),
  );
  return [...lines, `if (${condition(e, nobody)}) met(${site(null)});`].join(" ");
}

function emitFire(
  text: Text,
  layout: Layout,
  holds: Parameters<typeof holderConditions>[2],
  lowered: LoweredMove,
  code: number,
): string {
  return declared(text, `function f${code}(s)`, () => {
    const busy = emitBusy(text, layout, holds, lowered);
    const effects = emitEffects(emitter(text), lowered.effects);
    return `${busy}\n${effects}\ns[${lowered.instance.pc}] = ${lowered.move.nextIndex};\nreturn 0;`;
  });
}

function emitViolated(text: Text, layout: Layout): string {
  return declared(text, "function violated(s)", () => {
    const e = emitter(text);
    const tests = layout.model.properties.flatMap((property, i) =>
      property.kind === "always"
        ? [`if (${condition(e, irNot(lowerProperty(layout, property.expr, new Map())))}) return ${i + 1};`]
        : [],
    );
    return `${tests.join("\n")}\nreturn 0;`;
  });
}

/** Notes that a busy site was met. */
const MET = `function met(k) {
  B.counts[k]++;
  if (B.at[1] < B.steps[k]) { B.steps[k] = B.at[1]; B.runs[k] = B.at[0]; }
}`;

/** Generate and compile a model's steps. */
export function compile(layout: Layout): CompiledModel {
  const text: Text = { faults: [], busySites: [], siteNumbers: new Map(), temporaries: 0 };
  const holds = layout.model.processes.map(holdsByLabel);
  const own = layout.instances.map((instance) =>
    (layout.movesAt[instance.typeIndex] ?? []).flat().map((move) => lowerMove(layout, instance, move, new Map())),
  );
  const moves = own.flat();
  let first = 0;
  const enabled = layout.instances.map((instance, i) => {
    const mine = own[i] as LoweredMove[];
    const emitted = emitEnabled(text, instance, i, mine, first);
    first += mine.length;
    return emitted;
  });
  const functions = [
    MET,
    ...enabled,
    ...moves.map((lowered, code) => emitFire(text, layout, holds, lowered, code)),
    emitViolated(text, layout),
  ];
  const sites = text.busySites.length;
  const busy: BusyTally = {
    at: new Float64Array(2),
    counts: new Float64Array(sites),
    steps: new Float64Array(sites).fill(Number.POSITIVE_INFINITY),
    runs: new Float64Array(sites),
  };
  const source = `"use strict";
${functions.join("\n")}
const E = [${layout.instances.map((_, i) => `e${i}`).join(", ")}];
const X = [${moves.map((_, code) => `f${code}`).join(", ")}];
return { enabled: (i, s, out) => E[i](s, out), fire: (code, s) => X[code](s), violated };`;
  const compiled = new Function("B", source)(busy) as Pick<CompiledModel, "enabled" | "fire" | "violated">;
  return { layout, moves, ...compiled, faults: text.faults, busySites: text.busySites, busy };
}
