/**
 * The calls of a host's paths, lock by lock: what a call takes and gives back inside the module, what the guest does that it enters, and what the
 * host does when it is BUSY.
 */
import facts from "../../data/resources.json" with { type: "json" };
import { type Acquisition, type CallEnd, type Leaf, releasedBefore, releaseOrders } from "../catalog/index.ts";
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

export class PathCalls {
  readonly #parts: Parts;
  readonly #lockSteps: LockSteps;
  readonly #labels = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#lockSteps = new LockSteps(parts.task, {
      attempt: ({ resource, mode, side }, object) => this.#moduleLock(resource).attempt(mode, side, object),
      release: ({ resource, mode }, object) => this.#moduleLock(resource).release(mode, object),
      indexed: ({ resource }) => this.#moduleLock(resource).indexed,
    });
  }

  #moduleLock(resource: string): CallLock {
    const lock = this.#parts.locks.get(resource);
    if (lock === undefined) throw new Error(`${resource} is not modelled here`);
    return lock;
  }

  /** The steps of one call, from `prefix` to `done`, or to where its host gives up. */
  make(call: PathCall): void {
    const { prefix, leaf } = call;
    const rows = this.#rows(leaf, call.foreign);
    const walk = (label: string, at: number, held: readonly Acquisition[]): void => {
      const row = rows[at];
      this.#fails(call, label, held, row);
      if (row === undefined) return this.#body(call, label, held);
      const due = held.filter((other) => releasedBefore(other, row));
      if (due.length > 0) {
        const kept = held.filter((other) => !due.includes(other));
        const next = this.#name(prefix, at, kept);
        const fresh = this.#seen(next);
        this.#leave(leaf, label, due, WELL, next);
        return fresh ? walk(next, at, kept) : undefined;
      }
      for (const named of this.#named(row, held, call.controlPages)) {
        const taken = [...held, named];
        const next = this.#name(prefix, at + 1, taken);
        const fresh = this.#seen(next);
        this.#attempt(leaf, label, named, next, this.#onBusy(call, named, held));
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
   * A check that does not pass, where the call then gives its locks back in an order that nothing else here has: neither its end when all
   * goes well, nor that when the next lock is refused. Then the host gives up.
   */
  #fails(call: PathCall, label: string, held: readonly Acquisition[], next: Acquisition | undefined): void {
    const { leaf, giveUp } = call;
    if (leaf.releaseOrders === undefined) return;
    const orders = (of: readonly Acquisition[], end: CallEnd): string[] =>
      releaseOrders(leaf, of, end).map((order) => order.map((i) => of[i]?.order).join());
    const known =
      next === undefined ? orders(held.filter(isGivenBack), WELL) : orders(held, { end: "busy", refused: next });
    const fails = `${label} fails`;
    if (orders(held, OTHERWISE).every((order) => known.includes(order)) || !this.#seen(fails)) return;
    const note = "a check does not pass";
    const meta: StepMeta = { leaf: leaf.name, action: "effect", note };
    this.#parts.task.step(label, { next: fails, meta });
    this.#leave(leaf, fails, held, OTHERWISE, `${fails} react`);
    this.#givesUp(call, `${fails} react`, giveUp(), "the host gives up");
  }

  /** The rows that take a lock of the model; of a call for another VM those that are no TD's own. */
  #rows(leaf: Leaf, foreign = false): readonly Acquisition[] {
    return locking(leaf).filter(
      (row) => this.#parts.locks.has(row.resource) && !ofL2(row) && !(foreign && PER_TD.has(row.resource)),
    );
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
    if (!entersGuest(leaf) || call.foreign) return this.#leave(leaf, label, given, WELL, done);
    const kept = given.filter(({ release }) => release?.kind === "td-exit");
    const inside = `${prefix} guest [${kept.map(({ resource }) => resource).join(" ")}]`;
    this.#leave(
      leaf,
      label,
      given.filter((row) => !kept.includes(row)),
      WELL,
      inside,
    );
    if (!this.#seen(inside)) return;
    for (const guest of this.#parts.guest) this.#guest(guest, inside);
    const exit = `${inside} exit`;
    this.#parts.task.step(inside, { next: exit, meta: { leaf: leaf.name, action: "td-exit", note: "TD exit" } });
    this.#leave(leaf, exit, kept, WELL, done);
  }

  /** A TDCALL, after which the guest runs on; a condition of a row may or may not hold. */
  #guest(leaf: Leaf, inside: string): void {
    const rows = this.#rows(leaf);
    const nameOf = (at: number, held: readonly number[]): string =>
      at === 0 || (at === rows.length && held.length === 0)
        ? inside
        : `${inside} ${leaf.name} ${at} [${held.join(" ")}]`;
    const rowsOf = (held: readonly number[]): Acquisition[] => held.flatMap((i) => rows[i] ?? []);
    const walk = (at: number, held: readonly number[]): void => {
      const [row, label] = [rows[at], nameOf(at, held)];
      if (row === undefined) {
        if (held.length > 0) this.#leave(leaf, label, rowsOf(held), WELL, inside);
        return;
      }
      const refused = held.length === 0 ? inside : `${label} refused`;
      this.#attempt(leaf, label, row, nameOf(at + 1, [...held, at]), refused);
      if (held.length > 0) this.#leave(leaf, refused, rowsOf(held), { end: "busy", refused: row }, inside);
      walk(at + 1, [...held, at]);
      const skipped = nameOf(at + 1, held);
      if (row.when === null || skipped === inside) return;
      const note = `no ${row.resource}: the condition does not hold`;
      this.#parts.task.step(label, { next: skipped, meta: { leaf: leaf.name, action: "effect", note } });
      walk(at + 1, held);
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

  #attempt(leaf: Leaf, label: string, row: Acquisition, granted: string, busy: string): void {
    this.#lockSteps.attempt(label, leaf, this.#lock(row), { granted, busy });
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
    this.#leave(leaf, decide, held, { end: "busy", refused: row }, react);
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
  #leave(leaf: Leaf, from: string, rows: readonly Acquisition[], end: CallEnd, to: string): void {
    if (rows.length === 0)
      this.#parts.task.step(from, {
        next: to,
        meta: { leaf: leaf.name, action: "effect", note: "nothing to give back" },
      });
    const name = (held: readonly Held[], way: string): string =>
      held.length === rows.length ? from : `${from} leaves ${held.length}${way}`;
    this.#lockSteps.leave(
      leaf,
      rows.map((row) => this.#lock(row)),
      end,
      to,
      name,
    );
  }
}
