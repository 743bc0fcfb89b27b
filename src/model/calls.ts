/** A leaf as steps: try each lock in the catalog's order, run the body, give back what is held, return a status. */
import type { Acquisition, CallEnd, Leaf } from "../catalog/index.ts";
import {
  and,
  type BoolExpr,
  type Effect,
  type IntLike,
  not,
  or,
  type ProcessBuilder,
  type StepMeta,
} from "../language/index.ts";
import type { EntryWriter } from "./entry-writes.ts";
import { givenBack, type Held, LockSteps } from "./lock-steps.ts";
import type { SeptBody } from "./sept.ts";
import { givenByEffect, statusCode, type World } from "./world.ts";

/** What a call can return, as a caller tells them apart. */
export type Returned = "ok" | "busy" | "refused";

/** One call of a leaf. */
export interface Call {
  readonly leaf: Leaf;
  /** Labels start with it. */
  readonly prefix: string;
  /** Which object of a resource's class the call works on. */
  readonly object: (row: Acquisition) => IntLike;
  readonly body: SeptBody;
  /** What the caller notes with the effect when the call succeeds. */
  readonly also?: readonly Effect[];
  /** The call gives up before its effect while this holds, with a status of BUSY class. */
  readonly givesWay?: { readonly when: BoolExpr; readonly status: string; readonly note: string } | null;
  /** Where the process goes on when the call has returned; `refused`: a check of the body did not pass. */
  readonly returnTo: Readonly<Record<Returned, string>>;
}

/** What the second instruction of a write does that is two. */
export const STORED_AGAIN = "the same value is stored once more: what changed in the entry meanwhile is lost";

/** The name of a call's i-th lock, numbered where the call takes several of a class. */
function nth(locks: readonly Held[], i: number): string {
  const { resource } = (locks[i] as Held).row;
  const before = locks.slice(0, i).filter(({ row }) => row.resource === resource).length;
  return before === 0 ? resource : `${resource} ${before + 1}`;
}

/** Adds calls to one process. */
export class Caller {
  readonly p: ProcessBuilder;
  readonly world: World;
  readonly writer: EntryWriter;
  readonly locks: LockSteps;
  /** `guest`: does the process also run the guest's calls? */
  constructor(p: ProcessBuilder, world: World, guest: boolean) {
    this.p = p;
    this.world = world;
    this.locks = new LockSteps(p, world);
    this.writer = world.entry.writer(p, guest);
  }

  /** The label at which a call starts. */
  static entry(prefix: string): string {
    return `${prefix} call`;
  }

  /** Adds the call's steps; it starts at `Caller.entry(prefix)`. */
  call(call: Call): void {
    const rows = call.leaf.acquisitions.filter(
      ({ mode, resource }) => mode !== "NO_LOCK" && this.world.models(resource),
    );
    const locks = rows.map((row): Held => ({ row, object: call.object(row) }));
    let label = Caller.entry(call.prefix);
    locks.forEach((lock, i) => {
      const next = i + 1 < locks.length ? `${call.prefix} ${nth(locks, i + 1)}` : `${call.prefix} body`;
      const busy = this.#leave(call, locks.slice(0, i), "busy", { end: "busy", refused: lock.row });
      this.locks.attempt(label, call.leaf, lock, { granted: next, busy });
      label = next;
    });
    this.#body(call, label, locks);
  }

  /** The checks in their order, then the effect, as one step: no other call can change what the locks protect in between. */
  #body(call: Call, label: string, locks: readonly Held[]): void {
    const { checks, note } = call.body;
    const passed = (before: number): BoolExpr => not(or(...checks.slice(0, before).map(({ when }) => when)));
    const { givesWay = null } = call;
    if (givesWay !== null)
      this.p.step(label, {
        when: and(passed(checks.length), givesWay.when),
        next: this.#leave(call, locks, "busy", { end: "other" }),
        meta: { leaf: call.leaf.name, action: "effect", note: givesWay.note, status: givesWay.status },
      });
    const all = passed(checks.length);
    const goesOn = givesWay === null ? all : and(all, not(givesWay.when));
    checks.forEach((check, i) => {
      this.p.step(label, {
        when: and(passed(i), check.when),
        next: this.#leave(call, locks, "refused", { end: "other" }),
        meta: this.#effect(call, check.status, check.note, check.operand),
      });
    });
    const given = locks.find(({ row }) => givenByEffect(row));
    const kept = locks.filter((lock) => lock !== given);
    const writes = call.body.write === null ? [[]] : this.writer.steps(call.body.write, given === undefined);
    const effect = this.#effect(call, "TDX_SUCCESS", note);
    let here = label;
    writes.forEach((write, i) => {
      const last = i === writes.length - 1;
      const next = last ? this.#leave(call, givenBack(kept), "ok", { end: "success" }) : `${call.prefix} store`;
      const meta = given === undefined ? effect : { ...this.locks.meta(call.leaf, "release", given), note };
      const rest = [...call.body.do, ...(call.also ?? [])];
      if (i === 0) this.p.step(here, { when: goesOn, do: [...write, ...rest], next, meta });
      else this.p.step(here, { do: write, next, meta: { leaf: call.leaf.name, action: "effect", note: STORED_AGAIN } });
      here = next;
    });
  }

  #effect({ leaf }: Call, status: string, note: string, operand?: string): StepMeta {
    const code = statusCode(this.world.spec.catalog, status, operand);
    return { leaf: leaf.name, action: "effect", note, ...(code !== undefined && { status: code }) };
  }

  #leave({ leaf, prefix, returnTo }: Call, held: readonly Held[], as: Returned, end: CallEnd): string {
    const name = (some: readonly Held[], way: string) => `${prefix} ${as}, leave ${resourcesOf(some)}${way}`;
    return this.locks.leave(leaf, held, end, returnTo[as], name);
  }
}

const resourcesOf = (held: readonly Held[]): string => held.map(({ row }) => row.resource).join("+");
