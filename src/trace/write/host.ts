/** What a host would have seen of the runs of a model: calls with their operands and times, and who really held what was busy. */
import type { Acquisition, Catalog } from "../../catalog/index.ts";
import { SeamlockError } from "../../errors.ts";
import { BUSY, type Trace, type TraceStep } from "../../language/index.ts";
import { type Call, NOTHING, type Operands, SUCCESS } from "../call.ts";
import { type ArgumentKind, ENTER, WRAPPERS } from "../wrappers.ts";

/** A run, and when each of its steps was made; a unit is what a step inside a call takes. */
export interface TimedRun {
  readonly trace: Trace;
  readonly times: readonly number[];
}

/** Who held it: a call in flight, or a guest by a TDCALL of its own. */
export interface KnownCulprit {
  readonly kind: "call" | "guest";
  /** The leaf that took the lock. */
  readonly leaf: string;
  readonly mode: string;
  /** The call in flight; of a guest its entry. */
  readonly call: Call;
}

/** A BUSY that the host saw. */
export interface KnownBusy {
  readonly call: Call;
  readonly resource: string;
  /** Empty: nobody was seen to hold it. */
  readonly culprits: readonly KnownCulprit[];
}

export interface HostRun {
  /** In the order of their ends. */
  readonly calls: readonly Call[];
  readonly busy: readonly KnownBusy[];
  /** When the last step was made, in ns. */
  readonly end: number;
}

/** How long a step inside a call takes, in ns, and by how much a wrapper's beginning and end lie before and after the module's. */
const STEP = 200;
const WRAPPED = 40;
/** How long calls last that the end of a run cuts off. */
const AFTER = 2_000;

/** Frames of a run's TD: its TDR, its vCPUs' TDVPRs, its pages. */
const FRAMES = 0x1000;
const TDVPR = 0x10;
const PAGES = 0x100;
const FIRST_FRAME = 0x140000;
const FIRST_GPA = 0x1_0000_0000;
const PAGE_SIZE = 0x1000;

interface Building {
  readonly actor: number;
  readonly leaf: string;
  readonly steps: TraceStep[];
  first: number;
  last: number;
  refused: TraceStep | null;
  returned: boolean;
  leaving: boolean;
}

interface OpenHold {
  readonly actor: number;
  readonly leaf: string;
  readonly mode: string;
  readonly resource: string;
  readonly object: number | null;
  readonly of: Building | null;
}

interface Refused {
  readonly by: Building;
  readonly resource: string;
  readonly held: readonly OpenHold[];
}

/**
 * The calls of a run.
 *
 * @param number of the run: each is another TD
 * @param origin when the run begins, in ns
 * @throws SeamlockError SL7004 when the run has no calls · SL7005 when the module takes a lock in another mode than the model
 */
export function hostRun({ trace, times }: TimedRun, catalog: Catalog, number: number, origin: number): HostRun {
  const follower = new Follower(trace, catalog);
  for (const [i, step] of trace.steps.entries()) follower.step(step, i);
  const made = new Map<Building, Call>();
  const seen = follower.calls.filter(({ steps }) => steps.length > 0);
  if (seen.length === 0) {
    throw new SeamlockError("SL7004", `\`${trace.model}\` has no calls that a host could record`, {
      hint: "a scenario of calls, such as page-removal; lock/* has single instructions",
    });
  }
  const namer = new Namer(seen, catalog, number);
  const at = (step: number): number => origin + Math.round((times[step] ?? 0) * STEP);
  seen.forEach((one, i) => {
    const { leaf, actor, first, last } = one;
    const begin = at(first) - WRAPPED;
    // A call that the run's end cut off goes on a little: the model looks no longer, the machine runs on.
    const cutOff = !one.returned && one.refused === null && !one.leaving;
    const end = (cutOff ? at(trace.steps.length - 1) + AFTER : at(last)) + WRAPPED;
    made.set(one, {
      leaf,
      begin,
      end,
      cpu: actor,
      tid: 1000 + number * 64 + actor,
      status: namer.status(one),
      ...namer.operands(i),
      beginUnsure: false,
      endUnsure: false,
      chain: null,
      settled: false,
    });
  });
  const busy = follower.refusals.map(
    ({ by, resource, held }): KnownBusy => ({
      call: made.get(by) as Call,
      resource,
      culprits: held.flatMap(({ leaf, mode, of }): KnownCulprit[] => {
        const call = of === null ? undefined : made.get(of);
        return call === undefined ? [] : [{ kind: call.leaf === leaf ? "call" : "guest", leaf, mode, call }];
      }),
    }),
  );
  const calls = [...made.values()].sort((a, b) => a.end - b.end || a.begin - b.begin);
  return { calls, busy, end: at(trace.steps.length - 1) };
}

/** Goes through a run: which steps make one call, and who holds what. */
class Follower {
  readonly calls: Building[] = [];
  readonly refusals: Refused[] = [];
  readonly #trace: Trace;
  readonly #catalog: Catalog;
  readonly #actors = new Map<string, number>();
  readonly #open = new Map<number, Building>();
  /** By step: the leaf of the same actor's next step that has one. */
  readonly #nextLeaf: readonly (string | null)[];
  readonly #guestLeaves: ReadonlySet<string>;
  readonly #hostLeaves: ReadonlySet<string>;
  readonly #leaves: ReadonlySet<string>;
  readonly #resources: ReadonlySet<string>;
  #holds: OpenHold[] = [];

  constructor(trace: Trace, catalog: Catalog) {
    this.#trace = trace;
    this.#catalog = catalog;
    this.#guestLeaves = new Set(catalog.leaves.filter(({ side }) => side === "guest").map(({ name }) => name));
    this.#hostLeaves = new Set(catalog.leaves.filter(({ side }) => side === "host").map(({ name }) => name));
    this.#leaves = new Set(catalog.leaves.map(({ name }) => name));
    this.#resources = new Set(catalog.leaves.flatMap(({ acquisitions }) => acquisitions.map((row) => row.resource)));
    const next = new Map<string, string>();
    const nextLeaf: (string | null)[] = [];
    for (let i = trace.steps.length - 1; i >= 0; i--) {
      const { actor, leaf } = trace.steps[i] as TraceStep;
      nextLeaf[i] = next.get(actor) ?? null;
      if (leaf !== null) next.set(actor, leaf);
    }
    this.#nextLeaf = nextLeaf;
  }

  step(step: TraceStep, i: number): void {
    const actor = this.#actors.get(step.actor) ?? this.#actors.size;
    this.#actors.set(step.actor, actor);
    const call = this.#callOf(step, i, actor);
    if (step.resource === null || step.leaf === null || !this.#isModules(step.leaf, step.resource)) return;
    if (step.action === "release") this.#released(step, actor);
    if (step.action !== "acquire") return;
    if (step.result === BUSY) this.#refused(step, call, actor);
    else this.#taken(step, call, actor);
  }

  /** The call that a step belongs to; null for what a host does between calls. */
  #callOf(step: TraceStep, i: number, actor: number): Building | null {
    const open = this.#open.get(actor) ?? null;
    const { leaf, action } = step;
    if (open !== null && open.leaf === ENTER.leaf && this.#inGuest(step, i, open)) return extended(open, step, i);
    if (leaf === null || !this.#hostLeaves.has(leaf)) {
      this.#close(actor);
      return null;
    }
    if (action === "release" && step.resource !== null && !this.#isModules(leaf, step.resource)) {
      this.#close(actor);
      return null;
    }
    const again =
      open === null ||
      open.leaf !== leaf ||
      action === "call" ||
      open.returned ||
      (action === "acquire" && (open.refused !== null || this.#beginsAgain(open, step)));
    if (action === "retry") {
      this.#close(actor);
      return null;
    }
    if (!again) {
      if (action === "return") open.returned = true;
      return extended(open, step, i);
    }
    this.#close(actor);
    if (action === "return") return null;
    const call: Building = {
      actor,
      leaf,
      steps: [step],
      first: i,
      last: i,
      refused: null,
      returned: false,
      leaving: false,
    };
    this.calls.push(call);
    this.#open.set(actor, call);
    return call;
  }

  /** A call that has given everything back and takes its first lock is the next one. */
  #beginsAgain({ steps, actor }: Building, { resource, object }: TraceStep): boolean {
    const first = steps.find(({ action }) => action === "acquire");
    const same = first?.resource === resource && first.object === object;
    return same && steps.length > 1 && !this.#holds.some((hold) => hold.actor === actor);
  }

  /** While the guest runs its own steps belong to the call that entered it. */
  #inGuest({ leaf }: TraceStep, i: number, open: Building): boolean {
    if (leaf !== null) return this.#isGuests(leaf);
    const next = this.#nextLeaf[i] ?? open.steps.at(-1)?.leaf ?? null;
    return next !== null && this.#isGuests(next);
  }

  #close(actor: number): void {
    const open = this.#open.get(actor);
    if (open === undefined) return;
    open.leaving = true;
    this.#open.delete(actor);
  }

  #isGuests(leaf: string): boolean {
    return this.#guestLeaves.has(leaf);
  }

  /** Host locks have steps, too. */
  #isModules(leaf: string, resource: string): boolean {
    return this.#resources.has(resource) && this.#leaves.has(leaf);
  }

  #taken(step: TraceStep, call: Building | null, actor: number): void {
    const { leaf, mode, resource, object } = step;
    // What is held SHARED and made EXCLUSIVE is given back once.
    if (mode === "EXCLUSIVE") this.#released(step, actor);
    this.#holds.push({
      actor,
      leaf: leaf as string,
      mode: mode ?? "EXCLUSIVE",
      resource: resource as string,
      object,
      of: call,
    });
  }

  #released({ resource, object }: TraceStep, actor: number): void {
    const mine = (hold: OpenHold): boolean => hold.actor === actor && hold.resource === resource;
    if (object === null) {
      this.#holds = this.#holds.filter((hold) => !mine(hold));
      return;
    }
    const at = this.#holds.findLastIndex((hold) => mine(hold) && (hold.object === null || hold.object === object));
    if (at >= 0) this.#holds.splice(at, 1);
  }

  #refused(step: TraceStep, call: Building | null, actor: number): void {
    this.#checkMode(step);
    if (call === null || this.#isGuests(step.leaf as string)) return;
    call.refused = step;
    const held = this.#holds.filter(
      (hold) =>
        hold.actor !== actor &&
        hold.resource === step.resource &&
        (hold.object === null || step.object === null || hold.object === step.object) &&
        !(hold.mode === "SHARED" && step.mode === "SHARED"),
    );
    for (const hold of held) this.#checkMode(hold);
    this.refusals.push({ by: call, resource: step.resource as string, held });
  }

  /** What the reader goes by is the catalog: a model of another module would be read wrongly. */
  #checkMode({ leaf, resource, mode }: Pick<TraceStep, "leaf" | "resource" | "mode">): void {
    const all = rowsOf(this.#catalog, leaf as string);
    const rows = all.filter((row) => row.resource === resource);
    if (rows.length === 0 || mode === null || rows.some((row) => row.mode === mode)) return;
    // What is made EXCLUSIVE on the way is taken SHARED.
    if (mode === "SHARED" && rows.some(({ promotion }) => promotion !== null)) return;
    if (isPageInUse(all, resource, mode)) return;
    throw new SeamlockError(
      "SL7005",
      `\`${this.#trace.model}\` takes ${resource} ${mode} in ${leaf}, module ${this.#catalog.module.version} does not`,
      { hint: "name a module that does with --module; `seamlock diff` shows which changed it" },
    );
  }
}

function extended(call: Building, step: TraceStep, i: number): Building {
  call.steps.push(step);
  call.last = i;
  return call;
}

const rowsOf = (catalog: Catalog, leaf: string): readonly Acquisition[] =>
  catalog.leaves.filter(({ name }) => name === leaf).flatMap(({ acquisitions }) => acquisitions);

/** Operands and statuses of calls. */
class Namer {
  readonly #calls: readonly Building[];
  readonly #catalog: Catalog;
  readonly #frames: number;
  /** By call: the SEPT entry, and the page, that it is about. */
  readonly #entries: readonly number[];
  readonly #pages: readonly number[];

  constructor(calls: readonly Building[], catalog: Catalog, number: number) {
    this.#calls = calls;
    this.#entries = objectsOf(calls, "SEPT_ENTRY");
    this.#pages = objectsOf(calls, "PAGE");
    this.#catalog = catalog;
    this.#frames = FIRST_FRAME + number * FRAMES;
  }

  status({ refused, leaf, steps }: Building): string | null {
    if (refused === null)
      return steps.findLast((step) => step.status !== null && step.leaf === leaf)?.status ?? SUCCESS;
    if (refused.status !== null) return refused.status;
    return rowsOf(this.#catalog, leaf).find(({ resource }) => resource === refused.resource)?.busyStatus ?? null;
  }

  operands(i: number): Operands {
    const call = this.#calls[i] as Building;
    const wrappers = [...WRAPPERS.values()].filter(({ leaf }) => leaf === call.leaf);
    const named = new Set<ArgumentKind>(wrappers.flatMap((one) => one.arguments.map(({ is }) => is)));
    // A call that no wrapper makes is one about a page.
    const has = (...kinds: readonly ArgumentKind[]): boolean =>
      wrappers.length === 0 ? kinds.includes("page") : kinds.some((kind) => named.has(kind));
    return {
      ...NOTHING,
      td: has("td") || call.leaf === ENTER.leaf ? key(this.#frames) : null,
      vp: has("vp") ? key(this.#frames + TDVPR + this.#vcpu(call)) : null,
      gpa: has("gpa") ? FIRST_GPA + PAGE_SIZE * (this.#entries[i] as number) : null,
      level: has("gpa") ? 0 : null,
      page: has("page", "pfn") ? this.#page(i) : null,
    };
  }

  /** The vCPU that a call names: by its lock, else the one that the process is. */
  #vcpu(call: Building): number {
    return objectOf(call, "TDVPR") ?? call.steps[0]?.instance ?? 0;
  }

  #page(i: number): number {
    const call = this.#calls[i] as Building;
    const rows = rowsOf(this.#catalog, call.leaf);
    const inUse = call.steps.find(
      ({ action, resource, mode }) => action === "acquire" && isPageInUse(rows, resource, mode),
    );
    if (inUse?.resource === "TDR") return this.#frames;
    if (inUse?.resource === "TDVPR") return this.#frames + TDVPR + (inUse.object ?? 0);
    return this.#frames + PAGES + (this.#pages[i] as number);
  }
}

/**
 * The objects of a class that calls are about, in their order. A call that was refused early does not show its own: the same actor's next such
 * call is about the same one, else the last one before it.
 */
function objectsOf(calls: readonly Building[], wanted: string): number[] {
  const shown = calls.map((call) => objectOf(call, wanted));
  const filled = new Array<number | null>(calls.length).fill(null);
  for (const order of [[...calls.keys()].reverse(), [...calls.keys()]]) {
    const near = new Map<string, number>();
    for (const i of order) {
      const { actor, leaf } = calls[i] as Building;
      const its = shown[i] ?? null;
      if (its !== null) near.set(`${actor} ${leaf}`, its);
      filled[i] ??= its ?? near.get(`${actor} ${leaf}`) ?? null;
    }
  }
  return filled.map((object) => object ?? 0);
}

/** The object of a call's lock of a class; null when it does not show. */
function objectOf({ steps, leaf }: Building, wanted: string): number | null {
  return steps.find((step) => step.resource === wanted && step.object !== null && step.leaf === leaf)?.object ?? null;
}

/** Is it the page that the call names, in use as a TDR or TDVPR? The model then has it as the lock of what it is used for. */
function isPageInUse(rows: readonly Acquisition[], resource: string | null, mode: string | null): boolean {
  if (resource !== "TDR" && resource !== "TDVPR") return false;
  const asItself = rows.some((row) => row.resource === resource && row.mode === mode);
  return !asItself && rows.some((row) => row.resource === "PAGE" && row.mode === mode);
}

const key = (frame: number): string => `0x${frame.toString(16)}`;
