/** The SEAMCALLs that an entry leads to: with which locks, by which chain of calls, under which labels, in which phases. */

import type { Context, Place, Seamcall } from "./graph.ts";
import type { Held } from "./locks.ts";
import { heldKey } from "./locks.ts";
import type { Instance, Value } from "./values.ts";
import { instanceOf } from "./values.ts";

/** One link of a chain: a call, or the SEAMCALL itself, in a function. */
export interface Link extends Place {
  /** Order of the instructions in the function. */
  readonly at: number;
  /** Constants of the cases that it stands in. */
  readonly cases: readonly string[];
  /** Where what is called runs, when it is elsewhere. */
  readonly context: string | null;
  readonly from: Context;
  readonly taken: ReadonlyMap<string, Place>;
}

/** A SEAMCALL as one entry makes it. */
export interface Row {
  readonly leaf: bigint | null;
  readonly held: readonly Held[];
  /** Where each lock was taken, by its key; none for what the outside holds. */
  readonly taken: ReadonlyMap<string, Place>;
  readonly labels: readonly string[];
  /** Where the call runs, when not in the entry's own context. */
  readonly context: string | null;
  readonly chain: readonly Link[];
  /** Whose vCPU the call names, as far as its caller tells. */
  readonly vcpu: Instance;
}

/** What makes a label of what a chain goes through. */
export interface Labels {
  readonly isCase: (name: string) => boolean;
  /** The label that going through a function makes; null for none. */
  readonly ofFunction: (name: string) => string | null;
  readonly isWrapper: (name: string) => boolean;
}

interface Step {
  readonly context: Context;
  readonly labels: readonly string[];
  readonly place: string | null;
  readonly link: Link | null;
  readonly before: Step | null;
}

/** All rows below an entry's context, each by a shortest chain, in the order in which they were found. */
export function rowsBelow(root: Context, labels: Labels): Row[] {
  const rows = new Map<string, Row>();
  const seen = new Set<string>();
  const queue: Step[] = [{ context: root, labels: [], place: null, link: null, before: null }];
  for (let next = 0; next < queue.length; next++) {
    const step = queue[next] as Step;
    for (const call of step.context.seamcalls.values()) {
      const row = rowOf(step, call, labels);
      const key = [row.leaf, row.labels.join("/"), row.context ?? "", row.held.map(heldText).join("|")].join(" ");
      if (!rows.has(key)) rows.set(key, row);
    }
    for (const edge of step.context.edges.values()) {
      const own = edge.cases.flatMap((names) => names.split(" ")).filter(labels.isCase);
      const mark = labels.ofFunction(edge.to.name);
      const all = [...step.labels, ...own, ...(mark === null ? [] : [mark])];
      const below: readonly string[] = [...new Set(all)];
      const place = edge.context ?? step.place;
      const key = `${edge.to.id} ${below.join("/")} ${place ?? ""}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const { at, line, cases, context, taken } = edge;
      const from = step.context;
      const link = { function: from.name, file: from.file, line, at, cases, context, from, taken };
      queue.push({ context: edge.to, labels: below, place, link, before: step });
    }
  }
  return [...rows.values()];
}

const heldText = (h: Held): string => `${heldKey(h)} ${h.mode}`;

function rowOf(step: Step, call: Seamcall, labels: Labels): Row {
  const { context } = step;
  const chain: Link[] = [];
  for (let at: Step | null = step; at !== null; at = at.before) if (at.link !== null) chain.unshift(at.link);
  const taken = new Map<string, Place>();
  for (const link of [...chain, { taken: call.taken }]) for (const [key, place] of link.taken) taken.set(key, place);
  const { at, line } = call;
  chain.push({
    function: context.name,
    file: context.file,
    line,
    at,
    cases: [],
    context: null,
    from: context,
    taken: call.taken,
  });
  // What a wrapper does inside is the same for all its callers.
  const wrapper = chain.findIndex((link) => labels.isWrapper(link.function));
  const shown = wrapper > 0 ? chain.slice(0, wrapper) : chain;
  const vcpu = wrapper < 0 ? "self" : instanceAmong((chain[wrapper] as Link).from.args);
  return {
    leaf: call.leaf,
    held: call.locks.held,
    taken,
    labels: step.labels,
    context: step.place,
    chain: shown,
    vcpu,
  };
}

/** Whose the things are that a call names: some other's as soon as one is. */
function instanceAmong(args: readonly Value[]): Instance {
  const found = args.map(instanceOf);
  return found.find((of) => of === "other") ?? found.find((of) => of !== "self") ?? "self";
}

/** The order of two chains in the source: by what comes first where they part. */
export function compareChains(a: readonly Link[], b: readonly Link[]): number {
  for (const [i, link] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    if (link.at !== other.at) return link.at - other.at;
  }
  return a.length - b.length;
}
