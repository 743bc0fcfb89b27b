/** What the kernel's events are called, and what they tell of. */
import { Interned } from "../interned.ts";
import { ENTER, WRAPPERS } from "../wrappers.ts";
import { type Cursor, Needle } from "./cursor.ts";
import type { Input } from "./input.ts";

/** What an event means: a call begins or ends, a vCPU's run begins or ends, or the recording commands say that they do. */
export type Meaning =
  | { readonly is: "begin"; readonly leaf: string; readonly shape: Shape }
  | { readonly is: "end"; readonly leaf: string; readonly shape: Shape }
  | { readonly is: "mark" }
  /** A function of function_graph as `trace-cmd report` prints it: without arguments, and its end without a name. */
  | { readonly is: "graph" }
  | { readonly is: "other" };

/**
 * What the lines of one function tell, a bit for each operand and for the result: in one recording all tell the same, so that one that tells
 * less is damaged. What most of them tell counts: one line that ran into the next one tells more.
 */
export class Shape {
  /** How many lines told this, but for the usual. */
  readonly #counts = new Map<number, number>();
  #usual = -1;
  #usualCount = 0;

  /** Takes note of a line. False: most others tell more than it does. `more` is told when those before it told less: they were damaged. */
  fits(told: number, more: () => void): boolean {
    if (told === this.#usual) {
      this.#usualCount += 1;
      return true;
    }
    const count = (this.#counts.get(told) ?? 0) + 1;
    this.#counts.set(told, count);
    const usual = this.#usual;
    if (count <= this.#usualCount) return (told & usual) !== told;
    this.#counts.set(usual, this.#usualCount);
    this.#usual = told;
    this.#usualCount = count;
    if (usual >= 0 && (usual & told) === usual) more();
    return true;
  }
}

function named(event: string): Meaning {
  switch (event) {
    case "kvm_entry":
      return { is: "begin", leaf: ENTER.leaf, shape: new Shape() };
    case "kvm_exit":
      return { is: "end", leaf: ENTER.leaf, shape: new Shape() };
    case "seamlock":
    case "tracing_mark_write":
      return { is: "mark" };
    case "funcgraph_entry":
      return { is: "graph" };
    default:
      return { is: "other" };
  }
}

/** What tracers append to a function's name for the probe of its return. */
const RETURNS = ["__return", "__exit", "_ret"];

export function meanings(): Interned<Meaning> {
  return new Interned((event) => {
    const wrapper = WRAPPERS.get(event);
    if (wrapper !== undefined) return { is: "begin", leaf: wrapper.leaf, shape: new Shape() };
    const suffix = RETURNS.find((end) => event.endsWith(end));
    const returning = suffix === undefined ? undefined : WRAPPERS.get(event.slice(0, -suffix.length));
    if (returning === undefined) return named(event);
    return { is: "end", leaf: returning.leaf, shape: new Shape() };
  });
}

/** A mark of the recording commands: when it began, or ended. */
export function markOf(body: string, time: number, input: Input): boolean {
  if (body.includes("begin")) input.heard({ began: time });
  else if (body.includes("end")) input.heard({ ended: time });
  else return false;
  return true;
}

/** Is there a word in a line by which it should be one of our events? */
export class Ours {
  readonly #words = [new Needle("tdh_"), new Needle("kvm_e"), new Needle("seamlock:")];

  in(line: Cursor): boolean {
    return this.#words.some((word) => word.in(line));
  }
}
