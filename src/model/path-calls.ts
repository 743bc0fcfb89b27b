/**
 * The calls of a host's paths, lock by lock: what a call takes and gives back inside the module, what the guest does that it enters, and what the
 * host does when it is BUSY.
 */
import facts from "../../data/resources.json" with { type: "json" };
import { type Acquisition, type CallEnd, type Leaf, releasedBefore } from "../catalog/index.ts";
import { clausesFor, isEndless, isKick, reactionOf } from "../host/index.ts";
import { type BoolRef, type Effect, type IntLike, type ProcessBuilder, type StepMeta, set } from "../language/index.ts";
import type { CallLock } from "./call-locks.ts";
import type { HostLocks } from "./host-locks.ts";
import { type Held, LockSteps } from "./lock-steps.ts";
import { ALIAS, entersGuest, isAlias, KICK, KICKED, ofL2, type PathCall } from "./path-runs.ts";
import { locking } from "./world.ts";

const PAGE_ROLES = new Map<string, readonly string[]>(Object.entries(facts.pageRoles));
/** Resources of which each TD has its own. */
const PER_TD: ReadonlySet<string> = new Set(
  facts.resources.filter(({ scope }) => ["td", "vcpu", "sept-entry"].includes(scope)).map(({ name }) => name),
);
/** The locks whose word is the PAMT entry of a page in use, which a call that names such a page meets. */
const CONTROL_PAGES = ["TDR", "TDVPR"];

/** Control pages that are taken as such and that a call may take as a page: also where all share them as such. */
export function namedAsPages(leaves: readonly Leaf[]): string[] {
  const rows = leaves.flatMap(locking);
  const named = rows.filter(
    ({ resource, role }) => resource === "PAGE" && PAGE_ROLES.get(role ?? "")?.includes("used"),
  );
  return CONTROL_PAGES.filter((control) => {
    const taken = rows.filter(({ resource }) => resource === control);
    return taken.length > 0 && named.length > 0 && [...taken, ...named].some(({ mode }) => mode === "EXCLUSIVE");
  });
}

const WELL: CallEnd = { end: "success" };
const OTHERWISE: CallEnd = { end: "other" };

const isGivenBack = ({ release }: Acquisition): boolean => release !== null;

/** What calls are made of. */
interface Parts {
  /** The process that runs the paths. */
  readonly task: ProcessBuilder;
  /** The module's locks, by resource; what is not among them is not modelled. */
  readonly locks: ReadonlyMap<string, CallLock>;
  readonly hostLocks: HostLocks;
  /** Is the VM marked as bugged? */
  readonly bugged: BoolRef;
  /** The calls of the guest. */
  readonly guest: readonly Leaf[];
  /** Of which object a row is, for the step that is being built. */
  readonly objectOf: (row: Acquisition) => IntLike;
}

/** A call's leaf, and whether it is made for another VM. */
type Whose = Pick<PathCall, "leaf" | "foreign">;

export class PathCalls {
  readonly #parts: Parts;
  readonly #own: LockSteps;
  readonly #foreign: LockSteps;
  readonly #labels = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#own = this.#lockSteps(false);
    this.#foreign = this.#lockSteps(true);
  }

  #lockSteps(foreign: boolean): LockSteps {
    return new LockSteps(this.#parts.task, {
      attempt: ({ resource, mode, side }, object) => this.#moduleLock(resource).attempt(mode, side, object),
      release: ({ resource, mode }, object) => this.#moduleLock(resource).release(mode, object),
      indexed: ({ resource }) => this.#moduleLock(resource).indexed,
      leavesOut: (row) => !this.#models(row, foreign),
    });
  }

  /** Is a row's lock one of the model? Of a call for another VM those are that are no TD's own. */
  #models({ resource }: Acquisition, foreign: boolean): boolean {
    return this.#parts.locks.has(resource) && !(foreign && PER_TD.has(resource));
  }

  #stepsOf({ foreign }: Whose): LockSteps {
    return foreign ? this.#foreign : this.#own;
  }

  #moduleLock(resource: string): CallLock {
    const lock = this.#parts.locks.get(resource);
    if (lock === undefined) throw new Error(`${resource} is not modelled here`);
    return lock;
  }

  /** The steps of one call, from `prefix` to `done`, or to where its host gives up. */
  make(call: PathCall): void {
    const { prefix, leaf } = call;
    const rows = this.#rows(call);
    const walk = (label: string, at: number, held: readonly Acquisition[]): void => {
      const row = rows[at];
      const failed = `${label} failed`;
      if (this.#fails(call, label, held, row === undefined, failed))
        this.#givesUp(call, failed, call.giveUp(), "the host gives up");
      if (row === undefined) return this.#body(call, label, held);
      const due = held.filter((other) => releasedBefore(other, row));
      if (due.length > 0) {
        const kept = held.filter((other) => !due.includes(other));
        const next = this.#name(prefix, at, kept);
        const fresh = this.#seen(next);
        this.#leave(call, label, due, WELL, next);
        return fresh ? walk(next, at, kept) : undefined;
      }
      for (const named of this.#named(row, held, call.controlPages)) {
        const taken = [...held, named];
        const next = this.#name(prefix, at + 1, taken);
        const fresh = this.#seen(next);
        this.#attempt(call, label, named, next, this.#onBusy(call, named, held));
        if (fresh) walk(next, at + 1, taken);
      }
      const again = held.some(
        (other) => other.resource === row.resource && (other.role === row.role || isAlias(other)),
      );
      if (again) walk(label, at + 1, held);
      else if (row.when !== null) {
        const skipped = this.#name(prefix, at + 1, held);
        const freshSkip = this.#seen(skipped);
        this.#parts.task.step(label, {
          next: skipped,
          meta: { leaf: leaf.name, action: "effect", note: `no ${row.resource}: the condition does not hold` },
        });
        if (freshSkip) walk(skipped, at + 1, held);
      }
    };
    walk(prefix, 0, []);
  }

  /**
   * A check that does not pass, where others can see it: one that gives the last lock back first holds nothing then that it did not hold on
   * its way there, and one at the end may do as a call that succeeds. That the next lock may be refused is no reason to leave it out, for
   * that takes somebody who holds it.
   *
   * @param isLast has the call all its locks?
   * @param to the label at which it goes on
   * @returns false where it is left out, or there already
   */
  #fails(call: Whose, label: string, held: readonly Acquisition[], isLast: boolean, to: string): boolean {
    const orders = (of: readonly Acquisition[], end: CallEnd): string[] =>
      this.#stepsOf(call)
        .orders(call.leaf, of, end)
        .map((order) => order.map((i) => of[i]?.order).join());
    const lastFirst = held
      .map(({ order }) => order)
      .reverse()
      .join();
    const known = [lastFirst, ...(isLast ? orders(held.filter(isGivenBack), WELL) : [])];
    const fails = `${label} fails`;
    if (orders(held, OTHERWISE).every((order) => known.includes(order)) || !this.#seen(fails)) return false;
    const meta: StepMeta = { leaf: call.leaf.name, action: "effect", note: "a check does not pass" };
    this.#parts.task.step(label, { next: fails, meta });
    this.#leave(call, fails, held, OTHERWISE, to);
    return true;
  }

  /** The rows that take a lock of the model. */
  #rows({ leaf, foreign }: Whose): readonly Acquisition[] {
    return locking(leaf).filter((row) => this.#models(row, foreign) && !ofL2(row));
  }

  /** The locks that a row can be: the target page of some calls may be one in use as a TDR or TDVPR. None when it is held already. */
  #named(row: Acquisition, held: readonly Acquisition[], controlPages: boolean): Acquisition[] {
    if (held.some((other) => other.resource === row.resource && (other.role === row.role || isAlias(other)))) return [];
    const used = controlPages && row.resource === "PAGE" && (PAGE_ROLES.get(row.role ?? "") ?? []).includes("used");
    const control = used ? CONTROL_PAGES.filter((resource) => this.#parts.locks.has(resource)) : [];
    return [row, ...control.map((resource): Acquisition => ({ ...row, resource, object: ALIAS }))];
  }

  /** The call has its locks: it ends, or the guest runs until TD exit. */
  #body(call: PathCall, label: string, held: readonly Acquisition[]): void {
    const { prefix, leaf, done } = call;
    const given = held.filter(isGivenBack);
    if (!entersGuest(leaf) || call.foreign) return this.#leave(call, label, given, WELL, done);
    const kept = given.filter(({ release }) => release?.kind === "td-exit");
    const inside = `${prefix} guest [${kept.map(({ resource }) => resource).join(" ")}]`;
    this.#leave(
      call,
      label,
      given.filter((row) => !kept.includes(row)),
      WELL,
      inside,
    );
    if (!this.#seen(inside)) return;
    for (const guest of this.#parts.guest) this.#guest(guest, inside);
    const exit = `${inside} exit`;
    this.#parts.task.step(inside, { next: exit, meta: { leaf: leaf.name, action: "td-exit", note: "TD exit" } });
    this.#leave(call, exit, kept, WELL, done);
  }

  /** A TDCALL, after which the guest runs on; a condition of a row may or may not hold. */
  #guest(leaf: Leaf, inside: string): void {
    const call = { leaf, foreign: false };
    const rows = this.#rows(call);
    const nameOf = (at: number, held: readonly number[]): string =>
      at === 0 || (at === rows.length && held.length === 0)
        ? inside
        : `${inside} ${leaf.name} ${at} [${held.join(" ")}]`;
    const rowsOf = (held: readonly number[]): Acquisition[] => held.flatMap((i) => rows[i] ?? []);
    const walk = (at: number, held: readonly number[]): void => {
      const [row, label] = [rows[at], nameOf(at, held)];
      this.#fails(call, label, rowsOf(held), row === undefined, inside);
      if (row === undefined) {
        if (held.length > 0) this.#leave(call, label, rowsOf(held), WELL, inside);
        return;
      }
      const due = held.filter((i) => rowsOf([i]).some((other) => releasedBefore(other, row)));
      if (due.length > 0) {
        const kept = held.filter((i) => !due.includes(i));
        return this.#leave(call, label, rowsOf(due), WELL, goOn(at, kept));
      }
      const refused = held.length === 0 ? inside : `${label} refused`;
      this.#attempt(call, label, row, goOn(at + 1, [...held, at]), refused);
      if (held.length > 0) this.#leave(call, refused, rowsOf(held), { end: "busy", refused: row }, inside);
      if (row.when === null || nameOf(at + 1, held) === inside) return;
      const note = `no ${row.resource}: the condition does not hold`;
      this.#parts.task.step(label, { next: goOn(at + 1, held), meta: { leaf: leaf.name, action: "effect", note } });
    };
    const goOn = (at: number, held: readonly number[]): string => {
      const label = nameOf(at, held);
      if (label !== inside && this.#seen(label)) walk(at, held);
      return label;
    };
    walk(0, []);
  }

  #name(prefix: string, at: number, held: readonly Acquisition[]): string {
    return `${prefix} ${at} [${held.map(({ resource, role }) => `${resource}${role === null ? "" : `:${role}`}`).join(" ")}]`;
  }
  #seen(label: string): boolean {
    if (this.#labels.has(label)) return false;
    this.#labels.add(label);
    return true;
  }

  #attempt(call: Whose, label: string, row: Acquisition, granted: string, busy: string): void {
    this.#stepsOf(call).attempt(label, call.leaf, this.#lock(row), { granted, busy });
  }

  #lock(row: Acquisition): Held {
    return { row, object: this.#parts.objectOf(row) };
  }

  /** Where a refused call goes: it gives back what it holds, then the host retries, kicks, gives up, or marks the VM as bugged. */
  #onBusy(call: PathCall, row: Acquisition, held: readonly Acquisition[]): string {
    const { prefix, leaf, step, giveUp, kicked } = call;
    const all = clausesFor(step.onBusy ?? [], row.operand?.id ?? null).flatMap((clause) => clause.do);
    const kick = all.findIndex(isKick);
    // After the kick only what follows it is left.
    const reactions = kicked ? all.slice(kick + 1) : all;
    const held_ = held.map(({ resource }) => resource).join(" ");
    const decide = `${prefix} busy ${row.resource} ${row.order ?? ""}${isAlias(row) ? " page" : ""} [${held_}]`;
    if (!this.#seen(decide)) return decide;
    const react = `${decide} react`;
    this.#leave(call, decide, held, { end: "busy", refused: row }, react);
    const go = (next: string, note: string) =>
      this.#parts.task.step(react, { next, meta: { leaf: leaf.name, action: "return", note } });
    if (!kicked && kick >= 0) {
      go(this.#kickAndRetry(call), "the host kicks the vCPUs, keeps them out and tries again");
      return decide;
    }
    if (reactions.some((reaction) => reactionOf(reaction).kind === "retry")) go(prefix, "the host tries again");
    if (reactions.some(isEndless)) return decide;
    if (reactions.includes("bug-vm"))
      this.#givesUp(call, react, giveUp(), "the VM is marked as bugged", [set(this.#parts.bugged, true)]);
    else this.#givesUp(call, react, giveUp(), `the host does: ${reactions.join(", ") || "nothing known"}`);
    return decide;
  }

  /** The host goes on without the call; vCPUs that it keeps out run again. */
  #givesUp(
    { leaf, kicked }: PathCall,
    label: string,
    next: string,
    note: string,
    effects: readonly Effect[] = [],
  ): void {
    const lifted = kicked ? [this.#parts.hostLocks.give(KICK)] : [];
    const meta: StepMeta = { leaf: leaf.name, action: "return", note };
    this.#parts.task.step(label, { do: [...effects, ...lifted], next, meta });
  }

  /** The label at which the host waits until no vCPU is in the guest, and makes the call once more while it keeps them out. */
  #kickAndRetry(call: PathCall): string {
    const kicks = `${call.prefix} kick`;
    if (!this.#seen(kicks)) return kicks;
    const prefix = `${call.prefix} kicked`;
    this.#parts.task.step(kicks, {
      when: this.#parts.hostLocks.free(KICK),
      do: [this.#parts.hostLocks.take(KICK)],
      next: prefix,
      meta: { action: "acquire", resource: KICKED, mode: "EXCLUSIVE", note: "every vCPU is out and kept out" },
    });
    const lift = `${prefix}: done`;
    this.make({ ...call, prefix, done: lift, kicked: true });
    this.#parts.task.step(lift, {
      do: [this.#parts.hostLocks.give(KICK)],
      next: call.done,
      meta: { action: "release", resource: KICKED, mode: "EXCLUSIVE" },
    });
    return kicks;
  }

  /** Give back the module's locks at `from`, as calls do that end so. */
  #leave(call: Whose, from: string, rows: readonly Acquisition[], end: CallEnd, to: string): void {
    if (rows.length === 0)
      this.#parts.task.step(from, {
        next: to,
        meta: { leaf: call.leaf.name, action: "effect", note: "nothing to give back" },
      });
    const name = (held: readonly Held[], way: string): string =>
      held.length === rows.length ? from : `${from} leaves ${held.length}${way}`;
    this.#stepsOf(call).leave(
      call.leaf,
      rows.map((row) => this.#lock(row)),
      end,
      to,
      name,
    );
  }
}
