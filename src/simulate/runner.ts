/** Makes runs of a compiled model. A run depends on its number and the options alone, so any of them can be made again, anywhere. */
import { faultName, initialState, isDeadlock, type Label, type Layout } from "../language/index.ts";
import type { CompiledModel } from "./compile.ts";
import { DEFAULT_PAUSES, type Reproduce } from "./options.ts";
import { fairSchedule, prioritySchedule, randomOf, type Schedule, timedSchedule } from "./schedule.ts";
import type { Tally } from "./tally.ts";

/** How a run ended. */
export interface RunEnd {
  readonly length: number;
  readonly violated: string | null;
  /** Somebody asked for it to end; it would have gone on. */
  readonly stopped: boolean;
}

/** What may follow a run while it is made. */
export interface Follower {
  readonly tally?: Tally;
  /** Gets the code of every move, and when it is made: by the schedule's clock, else by the number of steps. */
  readonly record?: (code: number, time: number) => void;
  /** Asked now and then, with the steps made so far; true ends the run. */
  readonly stop?: (steps: number) => boolean;
}

/** How many steps pass between two questions whether to stop. */
const PATIENCE = 1 << 14;

/** The name of the violation in a state, or null. */
export function brokenProperty({ layout, violated }: CompiledModel, state: Int32Array): string | null {
  const broken = violated(state);
  return broken > 0 ? (layout.model.properties[broken - 1]?.name ?? "") : null;
}

/** The name of a fault that `fire` reported, or null. */
export function faultOf({ faults }: CompiledModel, fault: number): string | null {
  return fault > 0 ? faultName(faults[fault - 1] as NonNullable<(typeof faults)[number]>) : null;
}

export class Runner {
  readonly #program: CompiledModel;
  readonly #state: Int32Array;
  readonly #start: readonly number[];
  /** The moves that the instance asked last can make. */
  readonly #able: Int32Array;

  constructor(program: CompiledModel) {
    this.#program = program;
    this.#start = initialState(program.layout);
    this.#state = new Int32Array(this.#start.length);
    this.#able = new Int32Array(Math.max(1, program.moves.length));
  }

  run({ run, ...options }: Reproduce, { tally, record, stop }: Follower): RunEnd {
    const program = this.#program;
    const state = this.#state;
    const able = this.#able;
    state.set(this.#start);
    const random = randomOf(options.seed, run);
    const schedule = scheduleOf(options.schedule, program.layout, random, options, state);
    let choices = 0;
    let asked = -1;
    const canRun = (i: number): boolean => {
      asked = i;
      choices = program.enabled(i, state, able);
      return choices > 0;
    };
    const ends = (length: number, violated: string | null, stopped = false): RunEnd => {
      tally?.end();
      return { length, violated, stopped };
    };
    tally?.begin(run);
    const initially = brokenProperty(program, state);
    if (initially !== null) return ends(0, initially);
    for (let length = 0; length < options.steps; length++) {
      if (length % PATIENCE === PATIENCE - 1 && stop?.(length)) return ends(length, null, true);
      const i = schedule.next(canRun);
      if (i < 0) return ends(length, this.#stuck(tally));
      if (asked !== i) canRun(i);
      const code = able[choices === 1 ? 0 : random.below(choices)] as number;
      record?.(code, schedule.now ?? length);
      tally?.step(code, i, state, length + 1);
      const fault = program.fire(code, state);
      const broken = fault > 0 ? faultOf(program, fault) : brokenProperty(program, state);
      if (broken !== null) return ends(length + 1, broken);
    }
    return ends(options.steps, null);
  }

  #stuck(tally: Tally | undefined): string | null {
    const { layout } = this.#program;
    if (layout.model.deadlock && isDeadlock(layout, [...this.#state])) return "deadlock";
    if (tally !== undefined) tally.ended++;
    return null;
  }
}

function scheduleOf(
  kind: Reproduce["schedule"],
  layout: Layout,
  random: ReturnType<typeof randomOf>,
  options: Omit<Reproduce, "run">,
  state: Int32Array,
): Schedule {
  const processes = layout.instances.length;
  if (kind === "timed") {
    const pauses = layout.model.processes.map(({ labels }) => labels.map(pauseAt));
    return timedSchedule(random, processes, (i) => {
      const { typeIndex, pc } = layout.instances[i] as Layout["instances"][number];
      return pauses[typeIndex]?.[state[pc] as number] ?? DEFAULT_PAUSES.otherwise;
    });
  }
  return kind === "fair" ? fairSchedule(random, processes) : prioritySchedule(random, processes, options);
}

function pauseAt({ idle, steps }: Label): number {
  const { byAction, outside, otherwise, idle: rest } = DEFAULT_PAUSES;
  const all = steps.map(({ meta }) => byAction[meta.action ?? ""] ?? (meta.leaf === undefined ? outside : otherwise));
  return Math.max(idle ? rest : otherwise, ...all);
}
