/** What the kernel's events are called, and what they tell of. */
import { Interned } from "../interned.ts";
import { ENTER, WRAPPERS } from "../wrappers.ts";
import { type Cursor, Needle } from "./cursor.ts";
import type { Input } from "./input.ts";

/** What an event means: a call begins or ends, a vCPU's run begins or ends, or the recording commands say that they do. */
export type Meaning =
  | { readonly is: "begin"; readonly leaf: string }
  | { readonly is: "end"; readonly leaf: string }
  | { readonly is: "mark" }
  /** A function of function_graph as `trace-cmd report` prints it: without arguments, and its end without a name. */
  | { readonly is: "graph" }
  | { readonly is: "other" };

const ENTERS: Meaning = { is: "begin", leaf: ENTER.leaf };
const EXITS: Meaning = { is: "end", leaf: ENTER.leaf };
const MARK: Meaning = { is: "mark" };
const GRAPH: Meaning = { is: "graph" };
const OTHER: Meaning = { is: "other" };

const NAMED: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ["kvm_entry", ENTERS],
  ["kvm_exit", EXITS],
  ["seamlock", MARK],
  ["tracing_mark_write", MARK],
  ["funcgraph_entry", GRAPH],
]);

/** What tracers append to a function's name for the probe of its return. */
const RETURNS = ["__return", "__exit", "_ret"];

export function meanings(): Interned<Meaning> {
  return new Interned((event) => {
    const wrapper = WRAPPERS.get(event);
    if (wrapper !== undefined) return { is: "begin", leaf: wrapper.leaf };
    const suffix = RETURNS.find((end) => event.endsWith(end));
    const returning = suffix === undefined ? undefined : WRAPPERS.get(event.slice(0, -suffix.length));
    return returning === undefined ? (NAMED.get(event) ?? OTHER) : { is: "end", leaf: returning.leaf };
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
