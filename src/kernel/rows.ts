/** The SEAMCALLs that an entry leads to: with which locks, by which chain of calls, under which labels, in which phases. */

import type { Aftermath, Busy } from "./busy.ts";
import type { Context, Edge, Seamcall, Site, Taken } from "./graph.ts";
import type { Interrupts } from "./interrupts.ts";
import { type Held, heldKey, type LockSet } from "./locks.ts";
import type { Instance, Value } from "./values.ts";
import { instanceOf } from "./values.ts";

/** One link of a chain: a call, or the SEAMCALL itself, in a function. */
export interface Link extends Site {
  /** Order of the instructions in the function. */
  readonly at: number;
  /** Constants of the cases that it stands in. */
  readonly cases: readonly string[];
  /** Where what is called runs, when it is elsewhere. */
  readonly context: string | null;
  readonly from: Context;
  /** What is held at the call. */
  readonly locks: LockSet;
  readonly taken: ReadonlyMap<string, Taken>;
}

/** A SEAMCALL as one entry makes it. */
export interface Row {
  readonly leaf: bigint | null;
  readonly held: readonly Held[];
  /** On all ways of its kind. */
  readonly areInterruptsOff: boolean;
  /** Where each lock was taken, by its key; none for what the outside holds. */
  readonly taken: ReadonlyMap<string, Taken>;
  readonly labels: readonly string[];
  /** Where the call runs, when not in the entry's own context. */
  readonly context: string | null;
  /** Those of the locks that are taken there, and not by who has it run there. */
  readonly own: readonly Held[];
  readonly chain: readonly Link[];
  /** Whose vCPU the call names, as far as its caller tells. */
  readonly vcpu: Instance;
  /** What is done about a BUSY on the chain, in order. */
  readonly onBusy: readonly string[];
}

/** What makes a label of what a chain goes through. */
export interface Labels {
  readonly isCase: (name: string) => boolean;
  /** The label that going through a function makes; null for none. */
  readonly ofFunction: (name: string) => string | null;
  readonly isWrapper: (name: string) => boolean;
  readonly interrupts: Interrupts;
  /** The context of what all CPUs do, by that of what one of them does alone. */
  readonly ofAll: (context: string) => string | undefined;
}

/** A context as an entry comes to it, under some labels. */
interface Node {
  readonly context: Context;
  readonly labels: readonly string[];
  /** Where it runs, when not in the entry's own context. */
  readonly place: string | null;
  /** Of the CPU, where it is called. */
  readonly interrupts: "off" | "on";
  /** Where it is called; the first one is on a shortest chain. None for the entry. */
  readonly calls: { readonly by: Node; readonly edge: Edge }[];
}

/** What is done about a BUSY, and the calls on the way from the SEAMCALL up to where that is decided. */
interface Reaction {
  readonly does: readonly string[];
  readonly calls: readonly Node["calls"][number][];
}

/** All rows below an entry's context, each by a shortest chain, in the order in which they were found. */
export function rowsBelow(root: Context, labels: Labels, busy: Busy): Row[] {
  const alike = new Map<string, Row[]>();
  const climb = new Climb(busy);
  for (const node of nodesBelow(root, labels, busy)) {
    for (const call of node.context.seamcalls.values()) {
      for (const { does, calls } of climb.from(node, call)) {
        const row = rowOf(node, call, labels, does, calls);
        const key = keyOf(row, row.context);
        alike.set(key, [...(alike.get(key) ?? []), row]);
      }
    }
  }
  const rows = new Map([...alike].map(([key, list]) => [key, oneOf(list, busy)]));
  // What is done on one CPU and on the others, too, is done on each.
  return [...rows.values()].filter((row) => {
    const all = row.context === null ? undefined : labels.ofAll(row.context);
    return all === undefined || !rows.has(keyOf(row, all));
  });
}

/** One row for several that are alike: of a call that is more than the second try after another one's kick, if there is such a call. */
function oneOf(alike: readonly Row[], busy: Busy): Row {
  const isFirst = ({ chain }: Row): boolean => !busy.isAfterKick(chain.at(-1) as Link);
  const row = alike.find(isFirst) ?? (alike[0] as Row);
  return { ...row, areInterruptsOff: alike.every(({ areInterruptsOff }) => areInterruptsOff) };
}

function keyOf({ leaf, labels, held, onBusy }: Row, context: string | null): string {
  return [leaf, labels.join("/"), context ?? "", held.map(heldText).join("|"), onBusy].join(" ");
}

function nodesBelow(root: Context, labels: Labels, busy: Busy): Node[] {
  const first: Node = { context: root, labels: [], place: null, interrupts: "on", calls: [] };
  const queue: Node[] = [first];
  const seen = new Map<string, Node>();
  for (let next = 0; next < queue.length; next++) {
    const node = queue[next] as Node;
    for (const edge of node.context.edges.values()) {
      const mark = labels.ofFunction(edge.to.name);
      const place = edge.context ?? node.place;
      const interrupts = interruptsAt(node, edge, labels) ?? node.interrupts;
      for (const own of caseLabels(edge, labels)) {
        const below: readonly string[] = [...new Set([...node.labels, ...own, ...(mark === null ? [] : [mark])])];
        const key = `${edge.to.id} ${below.join("/")} ${place ?? ""} ${interrupts}`;
        const known = seen.get(key);
        const to: Node = known ?? { context: edge.to, labels: below, place, interrupts, calls: [] };
        to.calls.push({ by: node, edge });
        if (known !== undefined) continue;
        if (!busy.spend(STEPS_OF_NODE, node.context)) return queue;
        seen.set(key, to);
        queue.push(to);
      }
    }
  }
  return queue;
}

/** The labels that the cases round a call make: several cases of one body are one or the other, nested ones all of them. */
function caseLabels({ cases }: Edge, { isCase }: Labels): readonly (readonly string[])[] {
  let all: readonly (readonly string[])[] = [[]];
  for (const names of cases) {
    const known = names.split(" ").filter(isCase);
    if (known.length > 0) all = all.flatMap((before) => known.map((name) => [...before, name]));
  }
  return all;
}

/** What it takes to come to a context in one more way. */
const STEPS_OF_NODE = 10;

/** What interrupts are where a call goes to; null where they stay as they are. */
function interruptsAt({ context, calls }: Node, edge: Edge, { interrupts }: Labels): "off" | "on" | null {
  return edge.context === null ? interrupts.at(context, edge.at, calls.length === 0) : interrupts.in(edge.context);
}

/** Follows a status up from the SEAMCALL that gives it, on every chain. */
class Climb {
  private readonly busy: Busy;
  private readonly known = new Map<Node, Map<Aftermath, readonly Reaction[]>>();

  constructor(busy: Busy) {
    this.busy = busy;
  }

  /** All that is done about a BUSY of a SEAMCALL; at least one thing. */
  from(node: Node, call: Seamcall): readonly Reaction[] {
    const found = this.up(node, this.busy.of(node.context, call));
    return found.length === 0 ? [{ does: ["unknown"], calls: [] }] : found;
  }

  private isAfterKick({ by, edge }: Reaction["calls"][number]): boolean {
    return this.busy.isAfterKick({ file: by.context.file, function: by.context.name, at: edge.at });
  }

  private up(node: Node, after: Aftermath): readonly Reaction[] {
    const of = this.known.get(node) ?? new Map<Aftermath, readonly Reaction[]>();
    this.known.set(node, of);
    const known = of.get(after);
    if (known !== undefined) return known;
    // A function that calls itself says nothing more the second time.
    of.set(after, []);
    const found = new Map<string, Reaction>();
    const add = (does: readonly string[], calls: Reaction["calls"]): void => {
      const key = `${does} ${calls.some((call) => this.isAfterKick(call))}`;
      const before = found.get(key);
      if (before === undefined || before.calls.length > calls.length) found.set(key, { does, calls });
    };
    for (const does of after.done) add(does, []);
    if (after.open.length > 0) {
      if (node.calls.length === 0) for (const does of this.busy.atEntry(after.open)) add(does, []);
      for (const call of node.calls) {
        const above = this.busy.above(call.by.context, call.edge, after);
        for (const { does, calls } of this.up(call.by, above)) add(does, [call, ...calls]);
      }
    }
    const all = [...found.values()];
    of.set(after, all);
    return all;
  }
}

const heldText = (h: Held): string => `${heldKey(h)} ${h.mode}`;

/** The calls from the entry to a context: by those that are given, and above these by a shortest chain. */
function chainTo(node: Node, calls: Reaction["calls"]): Link[] {
  const chain: Link[] = [];
  let at: Node = node;
  for (let i = 0; ; i++) {
    const call = calls[i] ?? at.calls[0];
    if (call === undefined) return chain;
    const { by, edge } = call;
    const { name, file } = by.context;
    const { at: order, line, cases, context, taken, locks } = edge;
    chain.unshift({ function: name, file, line, at: order, cases, context, from: by.context, locks, taken });
    at = by;
  }
}

function rowOf(node: Node, call: Seamcall, labels: Labels, onBusy: readonly string[], calls: Reaction["calls"]): Row {
  const { context } = node;
  const chain = chainTo(node, calls);
  const taken = new Map<string, Taken>();
  for (const link of [...chain, { taken: call.taken }]) for (const [key, place] of link.taken) taken.set(key, place);
  const { at, line } = call;
  const outer = chain.findLast((link) => link.context !== null)?.locks;
  const { held } = call.locks;
  chain.push({
    function: context.name,
    file: context.file,
    line,
    at,
    cases: [],
    context: null,
    from: context,
    locks: call.locks,
    taken: call.taken,
  });
  // What a wrapper does inside is the same for all its callers.
  const wrapper = chain.findIndex((link) => labels.isWrapper(link.function));
  const shown = wrapper > 0 ? chain.slice(0, wrapper) : chain;
  const vcpu = wrapper < 0 ? "self" : instanceAmong((chain[wrapper] as Link).from.args);
  return {
    leaf: call.leaf,
    held,
    areInterruptsOff: (labels.interrupts.at(context, at, node.calls.length === 0) ?? node.interrupts) === "off",
    taken,
    labels: node.labels,
    context: node.place,
    own: outer === undefined ? [] : held.filter((one) => !outer.held.includes(one)),
    chain: shown,
    vcpu,
    onBusy,
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
