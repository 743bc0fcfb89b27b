/**
 * The paths of a host profile, some at a time: which of their calls can meet inside the module, given the host's own locks.
 *
 * Calls take the locks of their catalog rows; what they do to the TD is left out, since here only who can be inside at the same time
 * matters. A row whose condition speaks of L2 VMs is left out (the TD has none); any other condition may or may not hold.
 */
import type { Acquisition, Catalog, Leaf } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import { clausesFor, type HostPath, type HostProfile, type HostStep, heldAt, type LockUse } from "../host/index.ts";
import {
  type ArrayRef,
  and,
  type BoolRef,
  BUSY,
  boolType,
  dec,
  type Effect,
  eq,
  exists,
  type IntExpr,
  type IntLike,
  type IntRef,
  inc,
  indexType,
  intType,
  type Model,
  type ModelBuilder,
  model,
  not,
  type ProcessBuilder,
  type Range,
  type StepMeta,
  set,
} from "../language/index.ts";
import { CallLock } from "./call-locks.ts";
import type { PathsScenario } from "./scenario.ts";
import { contended, leafOf, locking } from "./world.ts";

/** Objects of a class that only their owner names, such as target pages: two are enough to tell "the same" from "another". */
const OBJECTS = 2;

interface HostLockWord {
  readonly readers: ArrayRef<ReturnType<typeof intType>>;
  readonly writer: ArrayRef<typeof boolType>;
  readonly per: string;
}

/** A host lock that a task holds, with its object. */
interface Taken {
  readonly lock: string;
  readonly shared: boolean;
  readonly object: IntLike | null;
}

/** Does the condition speak of nothing but the success of what came before? */
const plain = (when: string | null): boolean =>
  when === null ||
  /^[\s()&|]*((return_val|check_td_in_correct_build_state\([^=]*\)) == TDX_SUCCESS[\s()&|]*)+$/.test(when);
const ofL2 = ({ when, times }: Acquisition): boolean => times !== "1" || /l2|vm_id/i.test(when ?? "");

/** Builds the model. */
class PathsModel {
  readonly m: ModelBuilder;
  readonly #catalog: Catalog;
  readonly #host: HostProfile;
  readonly #scenario: PathsScenario;
  readonly #task: ProcessBuilder;
  readonly #vcpu: Range;
  readonly #locks = new Map<string, CallLock>();
  readonly #hostLocks = new Map<string, HostLockWord>();
  readonly #phase: IntRef;
  /** By phase of the scenario: running paths that may not last into it. */
  readonly #pinned: ArrayRef<ReturnType<typeof intType>>;
  readonly #mine: IntRef;
  readonly #page: IntRef;
  readonly #paths: readonly HostPath[];
  readonly #bugged: BoolRef;

  constructor(catalog: Catalog, host: HostProfile, scenario: PathsScenario) {
    this.#catalog = catalog;
    this.#host = host;
    this.#scenario = scenario;
    this.m = model(scenario.name, scenario.description);
    this.#paths = this.#chosen();
    this.#task = this.m.process("task", scenario.concurrent);
    this.#vcpu = this.m.scalarSet("vcpu", scenario.vcpus);
    const page = this.m.scalarSet("object", OBJECTS);
    this.#bugged = this.m.variable("bugged", boolType);
    this.#phase = this.m.variable("phase", intType(0, scenario.phases.length));
    this.#pinned = this.m.array("pinned", intType(0, scenario.concurrent), scenario.phases.length + 1);
    this.#mine = this.#task.variable("vcpu", indexType({ name: "vcpu" }));
    this.#page = this.#task.variable("object", indexType(page));
    this.#declareHostLocks(page);
    this.#declareModuleLocks(page);
  }

  #chosen(): HostPath[] {
    const { phases, paths } = this.#scenario;
    for (const phase of phases) this.#known("phase", phase, this.#host.phases);
    for (const path of paths ?? []) this.#known("path", path, this.#host.paths);
    return this.#host.paths.filter(
      (path) =>
        path.steps.length > 0 &&
        path.phases.some((phase) => phases.includes(phase)) &&
        (paths === undefined || paths.includes(path.name)),
    );
  }

  #known(what: string, name: string, all: readonly { readonly name: string }[]): void {
    if (all.some((one) => one.name === name)) return;
    throw new SeamlockError("SL4214", `host ${this.#host.name} has no ${what} \`${name}\``, {
      hint: `it has ${all.map((one) => one.name).join(", ")}`,
    });
  }

  #declareHostLocks(page: Range): void {
    const callers = this.#scenario.concurrent;
    const declare = (name: string, per: string) => {
      const over = per === "vcpu" ? this.#vcpu : ["entry", "page", "inode"].includes(per) ? page : 1;
      this.#hostLocks.set(name, {
        per,
        readers: this.m.array(`${name}.readers`, intType(0, callers), over),
        writer: this.m.array(`${name}.writer`, boolType, over),
      });
    };
    for (const { name, per, kind } of this.#host.locks) if (kind !== "srcu") declare(name, per);
    declare("single thread", "vm");
    for (const path of this.#paths) if (path.atMostOne !== undefined) declare(`one ${path.name}`, path.atMostOne);
  }

  #declareModuleLocks(page: Range): void {
    const leaves = this.#paths.flatMap(({ steps }) => steps.map((step) => this.#leaf(step)));
    for (const resource of contended(leaves, false)) {
      const rows = leaves.flatMap(locking).filter((row) => row.resource === resource);
      const kind = rows[0]?.lock ?? "sharex";
      const over = resource === "TDVPR" ? this.#vcpu : ["PAGE", "SEPT_ENTRY"].includes(resource) ? page : null;
      this.#locks.set(
        resource,
        new CallLock(this.m, { resource, kind, over, holders: this.#scenario.concurrent, hostPriority: false }),
      );
    }
  }

  #leaf(step: HostStep): Leaf {
    return leafOf(this.#catalog, step.call, step.variant ?? null);
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
      life.step("living", {
        when: and(eq(this.#phase, i - 1), eq(this.#pinned.at(i), 0)),
        do: [set(this.#phase, i)],
        next: "living",
        meta: { action: "effect", note: `phase ${name} begins` },
      });
    });
    life.idle("living");
  }

  #path(path: HostPath): void {
    const own = this.#ownLocks(path);
    const first = `${path.name}: 1`;
    const lasting = new Set([...path.phases, ...(path.overruns ?? [])]);
    const pins = this.#scenario.phases.flatMap((phase, i) => (lasting.has(phase) ? [] : [this.#pinned.at(i)]));
    const begin = `${path.name}: begin`;
    this.#scenario.phases.forEach((phase, i) => {
      if (!path.phases.includes(phase)) return;
      this.#task.choose("idle", { v: path.per === "vcpu" ? this.#vcpu : 1, o: OBJECTS }, ({ v, o }) => ({
        when: eq(this.#phase, i),
        do: [set(this.#mine, v), set(this.#page, o), ...pins.map((pin) => inc(pin))],
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
      ...held.flatMap((lock) => this.#give(lock)),
      ...pins.map((pin) => dec(pin)),
      set(this.#mine, 0),
      set(this.#page, 0),
    ];
    this.#task.step(`${path.name}: end`, {
      do: freed,
      next: "idle",
      meta: { action: "effect", note: `${path.name} ends` },
    });
  }

  #ownLocks(path: HostPath): LockUse[] {
    const uses = heldAt(path, { call: "", holds: [] } as unknown as HostStep).slice();
    const single = this.#host.phases.some(
      ({ name, singleThreaded }) => singleThreaded === true && path.phases.includes(name),
    );
    if (path.atMostOne !== undefined) uses.unshift({ lock: `one ${path.name}` });
    if (single && path.per !== "machine") uses.unshift({ lock: "single thread" });
    return uses;
  }

  /** Take host locks one after the other, waiting for each; those held already are skipped. Returns what is held then. */
  #take(from: string, uses: readonly LockUse[], before: readonly Taken[], to: string): Taken[] {
    const wanted = uses.flatMap((use) => this.#objects(use));
    const fresh = wanted.filter((one) => !before.some((held) => same(held, one)));
    let label = from;
    fresh.forEach((one, i) => {
      const next = i + 1 < fresh.length ? `${from} · ${one.lock} ${i + 1}` : to;
      const { readers, writer } = this.#word(one);
      const when = one.shared ? not(writer) : and(not(writer), eq(readers, 0));
      const meta: StepMeta = {
        action: "acquire",
        resource: one.lock,
        mode: one.shared ? "SHARED" : "EXCLUSIVE",
        ...objectMeta(one.object),
      };
      this.#task.step(label, { when, do: [one.shared ? inc(readers) : set(writer, true)], next, meta });
      label = next;
    });
    if (fresh.length === 0)
      this.#task.step(from, { next: to, meta: { action: "effect", note: "no further host lock" } });
    return [...before, ...fresh];
  }

  #word({ lock, object }: Taken) {
    const word = this.#hostLocks.get(lock);
    if (word === undefined) throw new Error(`host lock ${lock} is not declared`);
    const at = object ?? 0;
    return { readers: word.readers.at(at), writer: word.writer.at(at) };
  }

  #objects(use: LockUse): Taken[] {
    const word = this.#hostLocks.get(use.lock);
    if (word === undefined) return [];
    const shared = use.mode === "shared";
    if (word.per === "vcpu" && use.of === "all") {
      return Array.from({ length: this.#scenario.vcpus }, (_, v) => ({ lock: use.lock, shared, object: v }));
    }
    const object = word.per === "vcpu" ? this.#mine : ["entry", "page", "inode"].includes(word.per) ? this.#page : null;
    return [{ lock: use.lock, shared, object }];
  }

  #give(taken: Taken): Effect[] {
    const { readers, writer } = this.#word(taken);
    return [taken.shared ? dec(readers) : set(writer, false)];
  }

  /** One SEAMCALL: its host locks, its module locks, and what the host does when it is BUSY. */
  #step(path: HostPath, step: HostStep, from: string, prefix: string, held: readonly Taken[], next: string): void {
    const extra = heldAt({ ...path, holds: [] } as HostPath, step);
    const all = this.#take(from, extra, held, prefix);
    const own = all.slice(held.length);
    const back = [...own].reverse().flatMap((lock) => this.#give(lock));
    const done = `${prefix}: done`;
    const refused = `${prefix}: refused`;
    const giveUp = (): string => {
      if (this.#seen(refused))
        this.#task.step(refused, {
          do: back,
          next: `${path.name}: end`,
          meta: { action: "return", leaf: step.call, note: "the path gives up" },
        });
      return refused;
    };
    this.#call(prefix, this.#leaf(step), done, giveUp, step);
    this.#task.step(done, { do: back, next, meta: { action: "return", leaf: step.call } });
    if (step.when !== undefined)
      this.#task.step(prefix, { do: back, next, meta: { action: "effect", note: `not this time: ${step.when}` } });
  }

  #call(prefix: string, leaf: Leaf, done: string, giveUp: () => string, step: HostStep): void {
    const rows = locking(leaf).filter((row) => this.#locks.has(row.resource) && !ofL2(row));
    const walk = (label: string, at: number, held: readonly Acquisition[]): void => {
      const row = rows[at];
      if (row === undefined) return this.#leave(prefix, leaf, label, held, done);
      const again = held.some((other) => other.resource === row.resource && other.role === row.role);
      if (again) return walk(label, at + 1, held);
      const taken = [...held, row];
      const next = this.#name(prefix, at + 1, taken);
      const fresh = this.#seen(next);
      this.#attempt(leaf, label, row, next, this.#onBusy(prefix, leaf, row, held, giveUp, step));
      if (!plain(row.when)) {
        const skipped = this.#name(prefix, at + 1, held);
        const freshSkip = this.#seen(skipped);
        this.#task.step(label, {
          next: skipped,
          meta: { leaf: leaf.name, action: "effect", note: `no ${row.resource}: the condition does not hold` },
        });
        if (freshSkip) walk(skipped, at + 1, held);
      }
      if (fresh) walk(next, at + 1, taken);
    };
    walk(prefix, 0, []);
  }

  #name(prefix: string, at: number, held: readonly Acquisition[]): string {
    return `${prefix} ${at} [${held.map(({ resource, role }) => `${resource}${role === null ? "" : `:${role}`}`).join(" ")}]`;
  }
  readonly #labels = new Set<string>();
  #seen(label: string): boolean {
    if (this.#labels.has(label)) return false;
    this.#labels.add(label);
    return true;
  }

  #object(row: Acquisition): IntLike {
    if (this.#locks.get(row.resource)?.indexed !== true) return 0;
    return row.resource === "TDVPR" ? this.#mine : this.#page;
  }

  #meta(leaf: Leaf, row: Acquisition, action: string, more: Partial<StepMeta> = {}): StepMeta {
    const indexed = this.#locks.get(row.resource)?.indexed === true;
    return {
      leaf: leaf.name,
      action,
      resource: row.resource,
      mode: row.mode,
      ...(indexed ? objectMeta(this.#object(row)) : {}),
      ...more,
    };
  }

  #attempt(leaf: Leaf, label: string, row: Acquisition, next: string, busyTo: string): void {
    const { granted, take, refused } = (this.#locks.get(row.resource) as CallLock).attempt(
      row.mode,
      row.side,
      this.#object(row),
    );
    const status = row.busyStatus === null ? {} : { status: row.busyStatus };
    this.#task.step(label, { when: granted, do: take, next, meta: this.#meta(leaf, row, "acquire", { result: "ok" }) });
    this.#task.step(label, {
      when: not(granted),
      do: refused,
      next: busyTo,
      meta: this.#meta(leaf, row, "acquire", { result: BUSY, ...status }),
    });
  }

  /** Where a refused call goes: it gives back what it holds, then the host retries, gives up, or marks the VM as bugged. */
  #onBusy(
    prefix: string,
    leaf: Leaf,
    row: Acquisition,
    held: readonly Acquisition[],
    giveUp: () => string,
    step: HostStep,
  ): string {
    const reactions = clausesFor(step.onBusy ?? [], row.operand?.id ?? null).flatMap((clause) => clause.do);
    const decide = `${prefix} busy ${row.resource} [${held.map(({ resource }) => resource).join(" ")}]`;
    if (!this.#seen(decide)) return decide;
    const react = `${decide} react`;
    this.#leave(prefix, leaf, decide, held, react);
    const go = (next: string, note: string, effects: readonly Effect[] = []) =>
      this.#task.step(react, { do: effects, next, meta: { leaf: leaf.name, action: "return", note } });
    const tries = reactions.some((reaction) => /^(retry|kick-and-retry)/.test(reaction));
    if (tries) go(prefix, "the host tries again");
    if (reactions.includes("retry:unbounded")) return decide;
    if (reactions.includes("bug-vm")) go(giveUp(), "the VM is marked as bugged", [set(this.#bugged, true)]);
    else go(giveUp(), `the host does: ${reactions.join(", ") || "nothing known"}`);
    return decide;
  }

  /** Give back the module's locks, last first. */
  #leave(prefix: string, leaf: Leaf, from: string, held: readonly Acquisition[], to: string): void {
    const rest = [...held];
    let label = from;
    for (let row = rest.pop(); row !== undefined; row = rest.pop()) {
      const next = rest.length === 0 ? to : `${from} leaves ${rest.length}`;
      const effects = (this.#locks.get(row.resource) as CallLock).release(row.mode, this.#object(row));
      this.#task.step(label, { do: effects, next, meta: this.#meta(leaf, row, "release") });
      label = next;
    }
    if (held.length === 0)
      this.#task.step(from, {
        next: to,
        meta: { leaf: leaf.name, action: "effect", note: `${prefix}: nothing to give back` },
      });
  }
}

const same = (a: Taken, b: Taken): boolean =>
  a.lock === b.lock && JSON.stringify(a.object) === JSON.stringify(b.object);
const objectMeta = (object: IntLike | null): { object?: IntExpr } =>
  object === null
    ? {}
    : { object: typeof object === "number" ? { op: "const", sort: "int", value: object, enum: null } : object };

/**
 * Build the model of a host's paths.
 *
 * @throws SeamlockError SL4214 when the profile has no such phase or path
 */
export const pathsModel = (catalog: Catalog, host: HostProfile, scenario: PathsScenario): Model =>
  new PathsModel(catalog, host, scenario).build();
