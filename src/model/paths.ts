import { type Acquisition, type Catalog, type Leaf, resolveLeaf } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import { entriesOf, type HostProfile, type HostStep, heldAt, isKick, type LockUse } from "../host/index.ts";
import {
  type ArrayRef,
  and,
  type BoolRef,
  boolType,
  dec,
  eq,
  exists,
  type IntExpr,
  type IntLike,
  type IntRef,
  inc,
  indexType,
  intType,
  le,
  type Model,
  type ModelBuilder,
  model,
  ne,
  not,
  oneOf,
  type ProcessBuilder,
  type Range,
  set,
} from "../language/index.ts";
import { CallLock } from "./call-locks.ts";
import { HostLocks, type Taken } from "./host-locks.ts";
import { namedAsPages, PathCalls } from "./path-calls.ts";
import {
  entersGuest,
  KICKED,
  ofL2,
  onlyRun,
  type PathCall,
  type Run,
  type Together,
  withHoldsAtSteps,
  withoutCondition,
  withTargetsAtCalls,
} from "./path-runs.ts";
import type { PathsScenario } from "./scenario.ts";
import { contended, leafOf, locking } from "./world.ts";

/** Objects of a class, such as target pages: two are enough to tell "the same" from "another". */
const OBJECTS = 2;

/** What a run of a path works on, each for itself the same as another's or not. */
const KINDS = ["entry", "page", "inode", "package"] as const;
type Kind = (typeof KINDS)[number];
const isKind = (per: string): per is Kind => KINDS.some((kind) => kind === per);
/** Locks of the module that exist once per object of a kind. */
const KIND_OF: Readonly<Record<string, Kind>> = { SEPT_ENTRY: "entry", PAGE: "page", WBT: "package" };

/** Builds the model. */
class PathsModel {
  readonly m: ModelBuilder;
  readonly #catalog: Catalog;
  readonly #host: HostProfile;
  readonly #scenario: PathsScenario;
  readonly #task: ProcessBuilder;
  readonly #vcpu: Range;
  readonly #locks = new Map<string, CallLock>();
  readonly #hostLocks: HostLocks;
  readonly #phase: IntRef;
  /** By phase of the scenario: running paths that may not last into it. */
  readonly #pinned: ArrayRef<ReturnType<typeof intType>>;
  /** By phase of the scenario in which one thread does all that is done to a VM: runs under way that belong to it. */
  readonly #ofOneThread: ArrayRef<ReturnType<typeof intType>>;
  /** The vCPU that a run works for; of a run that works for none, the one that its calls name. */
  readonly #mine: IntRef;
  /** The vCPU that a call names of a run that works for one and may name any. */
  readonly #other: IntRef;
  /** Of the step that is being built: the one of the two that its call names. */
  #vcpuNamed: IntRef;
  readonly #object: Readonly<Record<Kind, IntRef>>;
  /** Host locks that keep vCPUs out of the guest while they are held. */
  readonly #kicks: readonly string[];
  readonly #paths: readonly Run[];
  readonly #bugged: BoolRef;
  readonly #calls: PathCalls;

  constructor(catalog: Catalog, host: HostProfile, scenario: PathsScenario) {
    this.#catalog = catalog;
    this.#host = host;
    this.#scenario = scenario;
    this.m = model(scenario.name, scenario.description);
    this.#paths = this.#chosen();
    this.#task = this.m.process("task", scenario.concurrent);
    this.#hostLocks = new HostLocks(this.m, this.#task, host.extracted !== undefined);
    this.#vcpu = this.m.scalarSet("vcpu", scenario.vcpus);
    this.#bugged = this.m.variable("bugged", boolType);
    this.#phase = this.m.variable("phase", intType(0, scenario.phases.length));
    this.#pinned = this.m.array("pinned", intType(0, scenario.concurrent), scenario.phases.length + 1);
    this.#ofOneThread = this.m.array("ofOneThread", intType(0, scenario.concurrent), scenario.phases.length + 1);
    this.#mine = this.#task.variable("vcpu", indexType({ name: "vcpu" }));
    this.#other = this.#task.variable("vcpuNamed", indexType({ name: "vcpu" }));
    this.#vcpuNamed = this.#mine;
    const index = (kind: Kind) => this.#task.variable(kind, indexType({ name: kind }));
    for (const kind of KINDS) this.m.scalarSet(kind, OBJECTS);
    this.#object = { entry: index("entry"), page: index("page"), inode: index("inode"), package: index("package") };
    const kicking = this.#steps().some(({ onBusy }) => onBusy?.some((clause) => clause.do.some(isKick)) === true);
    const named = host.locks.filter(({ kind }) => kind === "kick").map(({ name }) => name);
    this.#kicks = kicking ? [...named, KICKED] : named;
    this.#calls = new PathCalls({
      task: this.#task,
      locks: this.#locks,
      hostLocks: this.#hostLocks,
      bugged: this.#bugged,
      guest: this.#guestLeaves(),
      objectOf: (row) => this.#objectOf(row),
    });
    this.#declareHostLocks();
    this.#declareModuleLocks();
  }

  #steps(): HostStep[] {
    return this.#paths.flatMap(({ steps }) => steps);
  }

  #chosen(): Run[] {
    const { phases, paths, without = [], exceptional = true } = this.#scenario;
    const vcpuLocks = new Set(this.#host.locks.flatMap(({ name, per }) => (per === "vcpu" ? [name] : [])));
    for (const phase of phases) this.#known("phase", phase, this.#host.phases);
    for (const path of [...(paths ?? []), ...without]) this.#known("path", path, this.#host.paths);
    const chosen = this.#host.paths
      .map((path) => ({ ...path, steps: path.steps.filter((step) => this.#reaches(step)) }))
      .map((path) => (this.#host.extracted === undefined ? path : withHoldsAtSteps(path)))
      .map((path) => withTargetsAtCalls(path, (lock) => vcpuLocks.has(lock)))
      .filter(
        (path) =>
          path.steps.length > 0 &&
          (exceptional || path.exceptional === undefined) &&
          path.phases.some((phase) => phases.includes(phase)) &&
          (paths === undefined || paths.includes(path.name)) &&
          !without.includes(path.name),
      )
      .map((path): Run => ({ ...path, of: path.name, foreign: false }));
    if (!this.#scenario.otherVm) return chosen;
    const others = chosen.map(({ overruns: _, ...path }): Run => {
      const steps = path.steps.map(({ phases: _phases, ...step }) => step);
      return { ...path, name: `${path.name}, another VM`, phases: [...phases], steps, of: path.name, foreign: true };
    });
    return [...chosen, ...others];
  }

  /**
   * Does the module have what a step calls? A kernel also calls what only other modules have, and P-SEAMLDR: such a call takes no lock
   * here. In a profile that was written by hand it is a misspelling.
   */
  #reaches({ call }: HostStep): boolean {
    return this.#host.extracted === undefined || entriesOf(this.#catalog, call).length > 0;
  }

  #known(what: string, name: string, all: readonly { readonly name: string }[]): void {
    if (all.some((one) => one.name === name)) return;
    throw new SeamlockError("SL4214", `host ${this.#host.name} has no ${what} \`${name}\``, {
      hint: `it has ${all.map((one) => one.name).join(", ")}`,
    });
  }

  #declareHostLocks(): void {
    const declare = (name: string, per: string) =>
      this.#hostLocks.declare(name, per, per === "vcpu" ? this.#vcpu : isKind(per) ? OBJECTS : 1);
    for (const { name, per, kind } of this.#host.locks) if (kind !== "srcu") declare(name, per);
    if (this.#kicks.includes(KICKED)) declare(KICKED, "vm");
    for (const path of this.#paths)
      if (path.atMostOne !== undefined && !path.foreign) declare(onlyRun(path), path.atMostOne);
  }

  #declareModuleLocks(): void {
    const entering = this.#steps().some((step) => this.#enters(step));
    const leaves = [...this.#steps().flatMap((step) => this.#leaves(step)), ...(entering ? this.#guestLeaves() : [])];
    for (const resource of new Set([...contended(leaves, false), ...namedAsPages(leaves)])) {
      const rows = leaves.flatMap(locking).filter((row) => row.resource === resource);
      const kind = rows[0]?.lock ?? "sharex";
      const over = resource === "TDVPR" ? this.#vcpu : KIND_OF[resource] === undefined ? null : OBJECTS;
      this.#locks.set(
        resource,
        new CallLock(this.m, { resource, kind, over, holders: this.#scenario.concurrent, hostPriority: false }),
      );
    }
  }

  /** The entries of a step's leaf, one for every variant that it may be and that differs in the locks. */
  #leaves(step: HostStep): readonly Leaf[] {
    const all = entriesOf(this.#catalog, step.call, step.variant).filter(({ side }) => side === "host");
    // An unknown leaf or variant is an error with a hint.
    if (all.length === 0) return [leafOf(this.#catalog, step.call, step.variant ?? null)];
    const locks = (leaf: Leaf) =>
      JSON.stringify(
        locking(leaf)
          .filter((row) => !ofL2(row))
          .map(withoutCondition),
      );
    return all.filter((leaf, i) => all.findIndex((other) => locks(other) === locks(leaf)) === i);
  }

  #enters(step: HostStep): boolean {
    return this.#leaves(step).some(entersGuest);
  }

  /** What a guest may call at any moment while it runs, as far as the module has it. */
  #guestLeaves(): Leaf[] {
    return (this.#host.guest?.calls ?? []).flatMap((call) =>
      this.#catalog.leaves.some(({ name }) => name === call) ? resolveLeaf(this.#catalog, call) : [],
    );
  }

  build(): Model {
    this.#task.idle("idle");
    this.#task.start("idle");
    for (const path of this.#paths) this.#path(path);
    this.#life();
    this.m.always("no BUSY ends the VM", not(this.#bugged));
    for (const path of this.#paths)
      this.m.sometimes(
        `${path.name} comes to its end`,
        exists(this.#task, (i) => this.#task.at(i, `${path.name}: end`)),
      );
    return this.m.build();
  }

  /** The phases follow each other; one begins when no path runs that may not last into it. */
  #life(): void {
    const life = this.m.process("life");
    this.#scenario.phases.forEach((name, i) => {
      if (i === 0) return;
      // Of the runs that one thread makes in it, one can have begun before.
      const threads = this.#isOneThreads(name) ? [le(this.#ofOneThread.at(i), 1)] : [];
      life.step("living", {
        when: and(eq(this.#phase, i - 1), eq(this.#pinned.at(i), 0), ...threads),
        do: [set(this.#phase, i)],
        next: "living",
        meta: { action: "effect", note: `phase ${name} begins` },
      });
    });
    life.idle("living");
  }

  #path(path: Run): void {
    const own = this.#ownLocks(path);
    const first = `${path.name}: 1`;
    const lasting = new Set([...path.phases, ...(path.overruns ?? [])]);
    const pins = [
      ...this.#scenario.phases.flatMap((phase, i) => (lasting.has(phase) ? [] : [this.#pinned.at(i)])),
      ...this.#scenario.phases.flatMap((phase, i) => (this.#isBound(path, phase) ? [this.#ofOneThread.at(i)] : [])),
    ];
    const begin = `${path.name}: begin`;
    const uses = this.#usedBy(path);
    this.#scenario.phases.forEach((phase, i) => {
      if (!path.phases.includes(phase)) return;
      const choices = {
        v: path.per === "vcpu" || this.#namesVcpu(path) ? this.#vcpu : 1,
        entry: uses.has("entry") ? OBJECTS : 1,
        page: uses.has("page") ? OBJECTS : 1,
        inode: uses.has("inode") ? OBJECTS : 1,
        package: uses.has("package") ? OBJECTS : 1,
      };
      this.#task.choose("idle", choices, (chosen) => ({
        when: and(eq(this.#phase, i), ...(this.#isBound(path, phase) ? [eq(this.#ofOneThread.at(i), 0)] : [])),
        do: [
          set(this.#mine, chosen.v),
          ...KINDS.map((kind) => set(this.#object[kind], chosen[kind])),
          ...pins.map((pin) => inc(pin)),
        ],
        next: begin,
        meta: { action: "effect", note: `${path.name} begins` },
      }));
    });
    const held = this.#take(begin, own, [], first);
    let label = first;
    path.steps.forEach((step, i) => {
      const next = i + 1 < path.steps.length ? `${path.name}: ${i + 2}` : `${path.name}: end`;
      this.#step(path, step, label, `${path.name} ${i + 1} ${step.call}`, held, next);
      label = next;
    });
    const freed = [
      ...held.map((lock) => this.#hostLocks.give(lock)),
      ...pins.map((pin) => dec(pin)),
      set(this.#mine, 0),
      ...KINDS.map((kind) => set(this.#object[kind], 0)),
    ];
    this.#task.step(`${path.name}: end`, {
      do: freed,
      next: "idle",
      meta: { action: "effect", note: `${path.name} ends` },
    });
  }

  #isOneThreads(phase: string): boolean {
    return this.#host.phases.some(({ name, singleThreaded }) => name === phase && singleThreaded === true);
  }

  /** Does one thread make the runs of the path in this phase, one after the other? */
  #isBound(path: Run, phase: string): boolean {
    return !path.foreign && path.per !== "machine" && path.phases.includes(phase) && this.#isOneThreads(phase);
  }

  /** Does it matter which vCPU a call of the path names? */
  #namesVcpu(path: Run): boolean {
    if (path.foreign) return false;
    const locks = path.steps.flatMap((step) => this.#held(path, step));
    return (
      locks.some(({ lock, of }) => of !== "all" && this.#hostLocks.perOf(lock) === "vcpu") ||
      path.steps.some((step) => this.#takesVcpu(step))
    );
  }

  #takesVcpu(step: HostStep): boolean {
    const rows = this.#leaves(step).flatMap(locking);
    return rows.some(({ resource }) => resource === "TDVPR" && this.#locks.has(resource));
  }

  /** The kinds of object that it matters which one a run of the path works on. */
  #usedBy(path: Run): ReadonlySet<Kind> {
    const locks = path.steps.flatMap((step) => this.#held(path, step));
    const leaves = path.steps.flatMap((step) => this.#leaves(step));
    const called = leaves.some(entersGuest) ? [...leaves, ...this.#guestLeaves()] : leaves;
    const rows = called.flatMap(locking).filter(({ resource }) => this.#locks.has(resource));
    const pers = locks.map(({ lock }) => this.#hostLocks.perOf(lock) ?? "");
    return new Set([...pers.filter(isKind), ...rows.flatMap(({ resource }) => KIND_OF[resource] ?? [])]);
  }

  /** May a run of the path need the same object of a host lock as a run for our VM? Some other object's keeps nobody out for sure. */
  #shares({ foreign }: Run, { lock, of }: LockUse): boolean {
    const per = this.#hostLocks.perOf(lock) ?? "";
    if (of === "other" && per !== "machine") return false;
    return !foreign || ["machine", "package", "page"].includes(per);
  }

  /** All host locks at a step; a step that enters the guest waits until nobody keeps vCPUs out, and keeps others from doing so. */
  #held(path: Run, step: HostStep): readonly LockUse[] {
    const uses = heldAt(path, step).filter((use) => this.#shares(path, use));
    if (path.foreign) return uses;
    if (!this.#enters(step)) return uses;
    return [...uses, ...this.#kicks.map((lock) => ({ lock, mode: "shared" as const }))];
  }

  #ownLocks(path: Run): LockUse[] {
    const uses = heldAt(path, { call: "", holds: [] } as unknown as HostStep).filter((use) => this.#shares(path, use));
    // What the machine does once at a time, it does not for two VMs at once.
    if (path.atMostOne === "machine" || (path.atMostOne !== undefined && !path.foreign))
      uses.unshift({ lock: onlyRun(path) });
    return uses;
  }

  #take(from: string, uses: readonly LockUse[], before: readonly Taken[], to: string): Taken[] {
    return this.#hostLocks.takeAll(
      from,
      uses.flatMap((use) => this.#objects(use)),
      before,
      to,
    );
  }

  #objects(use: LockUse, named: IntLike = this.#vcpuNamed): Taken[] {
    const per = this.#hostLocks.perOf(use.lock);
    if (per === undefined) return [];
    const shared = use.mode === "shared";
    if (per === "vcpu" && use.of === "all") {
      return Array.from({ length: this.#scenario.vcpus }, (_, v) => ({ lock: use.lock, shared, object: v }));
    }
    const vcpu = use.of === "target" ? named : this.#mine;
    const object = per === "vcpu" ? vcpu : isKind(per) ? this.#object[per] : null;
    return [{ lock: use.lock, shared, object }];
  }

  /** One SEAMCALL: its host locks, its module locks, and what the host does when it is BUSY. */
  #step(path: Run, step: HostStep, from: string, prefix: string, held: readonly Taken[], next: string): void {
    const names = path.per === "vcpu" && step.vcpu === "any" && this.#namesVcpu(path);
    this.#vcpuNamed = names ? this.#other : this.#mine;
    const { start, pins } = this.#inItsPhases(path, step, from, next);
    const begin = names ? this.#chooseVcpu(start, step) : start;
    const extra = this.#held({ ...path, holds: [] } as Run, step);
    const own = this.#take(begin, extra, held, prefix).slice(held.length);
    const back = [
      ...[...own].reverse().map((lock) => this.#hostLocks.give(lock)),
      ...pins.map((pin) => dec(pin)),
      ...(names ? [set(this.#other, 0)] : []),
    ];
    const done = `${prefix}: done`;
    const refused = `${prefix}: refused`;
    const together = step.onEach === undefined ? null : this.#together(path, step, prefix);
    const alone = together === null ? {} : { when: eq(together.others, 0) };
    const over = together === null ? back : [set(together.open, false), ...back];
    let givesUp = false;
    const giveUp = (): string => {
      if (!givesUp)
        this.#task.step(refused, {
          ...alone,
          do: over,
          next: `${path.name}: end`,
          meta: { action: "return", leaf: step.call, note: "the path gives up" },
        });
      givesUp = true;
      return refused;
    };
    const owns = heldAt(path, step).some(
      ({ lock, mode, of }) => this.#hostLocks.perOf(lock) === "page" && mode !== "shared" && of !== "other",
    );
    const controlPages = !(path.foreign && owns);
    this.#variants(together?.start ?? prefix, {
      done,
      giveUp,
      step,
      kicked: false,
      foreign: path.foreign,
      controlPages,
    });
    this.#task.step(done, { ...alone, do: over, next, meta: { action: "return", leaf: step.call } });
    const call = { step, kicked: false, foreign: path.foreign, controlPages };
    if (together !== null) this.#elsewhere(together, this.#ofEach(path, step), call);
    if (step.when !== undefined)
      this.#task.step(prefix, { do: back, next, meta: { action: "effect", note: `not this time: ${step.when}` } });
    this.#vcpuNamed = this.#mine;
  }

  /** The label at which it is settled which vCPU a call names that may name any. */
  #chooseVcpu(from: string, { call }: HostStep): string {
    const chosen = `${from} of any vCPU`;
    this.#task.choose(from, { v: this.#vcpu }, ({ v }) => ({
      do: [set(this.#other, v)],
      next: chosen,
      meta: { action: "effect", note: `which vCPU ${call} names` },
    }));
    return chosen;
  }

  /** The call of a step, in each variant of the leaf. */
  #variants(prefix: string, call: Omit<PathCall, "prefix" | "leaf">): void {
    const leaves = this.#leaves(call.step);
    for (const leaf of leaves) {
      const start = leaves.length === 1 ? prefix : `${prefix} ${leaf.variant}`;
      if (start !== prefix)
        this.#task.step(prefix, { next: start, meta: { action: "call", leaf: leaf.name, note: leaf.variant ?? "" } });
      this.#calls.make({ ...call, prefix: start, leaf });
    }
  }

  /** A call that one run makes on several CPUs at once: while it is open, other tasks make it too, and the run waits for them. */
  #together(path: Run, { call }: HostStep, prefix: string): Together {
    const together: Together = {
      start: `${prefix} on each`,
      open: this.m.variable(`${prefix}.open`, boolType),
      others: this.m.variable(`${prefix}.others`, intType(0, this.#scenario.concurrent)),
      package: this.m.variable(`${prefix}.package`, indexType({ name: "package" })),
    };
    this.#task.step(prefix, {
      do: [set(together.open, true), set(together.package, this.#object.package)],
      next: together.start,
      meta: { action: "effect", note: `${path.name}: ${call} on several CPUs at once` },
    });
    return together;
  }

  /** What of the locks at a step belongs to what its call names: each of several calls at once holds it for itself. */
  #ofEach(path: Run, step: HostStep): readonly LockUse[] {
    return this.#held(path, step).filter(({ of }) => of === "target");
  }

  /** The same call on another CPU, which holds nothing of its own but `each`. */
  #elsewhere(
    together: Together,
    each: readonly LockUse[],
    call: Omit<PathCall, "prefix" | "leaf" | "done" | "giveUp">,
  ): void {
    const { onEach, call: leaf } = call.step;
    const prefix = `${together.start} elsewhere`;
    const end = `${prefix}: end`;
    // There are two packages: the run's own, and one for which one CPU may be chosen.
    const elsewhere = (chosen: IntExpr) => [ne(chosen, together.package), eq(together.others, 0)];
    const namesVcpu = each.some(({ lock }) => this.#hostLocks.perOf(lock) === "vcpu");
    this.#task.choose("idle", { package: OBJECTS, v: namesVcpu ? this.#vcpu : 1 }, (chosen) => {
      // Whether it is free is asked before the task has that package for its own.
      const ofChosen = (taken: Taken): Taken =>
        this.#hostLocks.perOf(taken.lock) === "package" ? { ...taken, object: chosen.package } : taken;
      const own = each.flatMap((use) => this.#objects(use, chosen.v)).map(ofChosen);
      return {
        when: and(
          together.open,
          ...own.map((lock) => this.#hostLocks.free(lock)),
          ...(onEach === "cpu" ? [] : elsewhere(chosen.package)),
        ),
        do: [
          inc(together.others),
          set(this.#object.package, chosen.package),
          set(this.#vcpuNamed, chosen.v),
          ...own.map((lock) => this.#hostLocks.take(lock)),
        ],
        next: prefix,
        meta: { action: "call", leaf, note: "on another CPU" },
      };
    });
    this.#variants(prefix, { ...call, done: end, giveUp: () => end });
    this.#task.step(end, {
      do: [
        ...each.flatMap((use) => this.#objects(use)).map((lock) => this.#hostLocks.give(lock)),
        dec(together.others),
        set(this.#object.package, 0),
        set(this.#vcpuNamed, 0),
      ],
      next: "idle",
      meta: { action: "return", leaf },
    });
  }

  /**
   * The label at which a step begins; in a phase in which it does not run it is passed over. While it runs it holds off the phases of the
   * path into which it may not last.
   */
  #inItsPhases(path: Run, step: HostStep, from: string, next: string) {
    if (step.phases === undefined) return { start: from, pins: [] };
    const lasting = new Set([...step.phases, ...(path.overruns ?? [])]);
    const pins = this.#scenario.phases.flatMap((phase, i) =>
      path.phases.includes(phase) && !lasting.has(phase) ? [this.#pinned.at(i)] : [],
    );
    const its = this.#scenario.phases.flatMap((name, i) => (step.phases?.includes(name) === true ? [i] : []));
    const now = oneOf(this.#phase, its);
    const start = `${from} now`;
    this.#task.step(from, {
      when: now,
      do: pins.map((pin) => inc(pin)),
      next: start,
      meta: { action: "effect", note: `${step.call} in this phase` },
    });
    this.#task.step(from, {
      when: not(now),
      next,
      meta: { action: "effect", note: `${path.name}: no ${step.call} in this phase` },
    });
    return { start, pins };
  }

  #objectOf(row: Acquisition): IntLike {
    if (this.#locks.get(row.resource)?.indexed !== true) return 0;
    const kind = KIND_OF[row.resource];
    return kind === undefined ? this.#vcpuNamed : this.#object[kind];
  }
}

/**
 * Build the model of a host's paths.
 *
 * @throws SeamlockError SL4214 when the profile has no such phase or path
 */
export const pathsModel = (catalog: Catalog, host: HostProfile, scenario: PathsScenario): Model =>
  new PathsModel(catalog, host, scenario).build();
