/** A leaf as steps: try each lock in the catalog's order, run the body, release what is held in reverse order, return a status. */
import type { Acquisition, Leaf } from "../catalog/index.ts";
import {
  and,
  type BoolExpr,
  BUSY,
  type Effect,
  type IntExpr,
  type IntLike,
  not,
  or,
  type ProcessBuilder,
  type StepMeta,
} from "../language/index.ts";
import type { EntryWriter } from "./entry-writes.ts";
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
  /** Where the process goes on when the call has returned; `refused`: a check of the body did not pass. */
  readonly returnTo: Readonly<Record<Returned, string>>;
}

/** A modelled acquisition of a call. */
interface Held {
  readonly row: Acquisition;
  readonly object: IntLike;
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
  /** `guest`: does the process also run the guest's calls? */
  constructor(p: ProcessBuilder, world: World, guest: boolean) {
    this.p = p;
    this.world = world;
    this.writer = world.entry.writer(p, guest);
  }

  /** The label at which a call starts. */
  static entry(prefix: string): string {
    return `${prefix} call`;
  }

  /** Metadata of a step on a lock. */
  meta(leaf: Leaf, action: string, { row, object }: Held, more: Partial<StepMeta> = {}): StepMeta {
    const index = this.world.indexed(row.resource)
      ? {
          object:
            typeof object === "number" ? ({ op: "const", sort: "int", value: object, enum: null } as IntExpr) : object,
        }
      : {};
    return { leaf: leaf.name, action, resource: row.resource, mode: row.mode, ...index, ...more };
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
      this.#attempt(call, label, lock, locks.slice(0, i), next);
      label = next;
    });
    this.#body(call, label, locks);
  }

  #attempt(call: Call, label: string, lock: Held, held: readonly Held[], next: string): void {
    const { granted, take, refused } = this.world.attempt(lock.row, lock.object);
    this.p.step(label, {
      when: granted,
      do: take,
      next,
      meta: this.meta(call.leaf, "acquire", lock, { result: "ok" }),
    });
    const status = lock.row.busyStatus ?? undefined;
    const busy = this.meta(call.leaf, "acquire", lock, { result: BUSY, ...(status !== undefined && { status }) });
    this.p.step(label, {
      when: not(granted),
      do: refused,
      next: this.#leave(call, held, "busy"),
      meta: busy,
    });
  }

  /** The checks in their order, then the effect, as one step: no other call can change what the locks protect in between. */
  #body(call: Call, label: string, locks: readonly Held[]): void {
    const { checks, note } = call.body;
    const passed = (before: number): BoolExpr => not(or(...checks.slice(0, before).map(({ when }) => when)));
    checks.forEach((check, i) => {
      this.p.step(label, {
        when: and(passed(i), check.when),
        next: this.#leave(call, locks, "refused"),
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
      const next = last ? this.#leave(call, kept, "ok") : `${call.prefix} store`;
      const meta = given === undefined ? effect : { ...this.meta(call.leaf, "release", given), note };
      const rest = [...call.body.do, ...(call.also ?? [])];
      if (i === 0) this.p.step(here, { when: passed(checks.length), do: [...write, ...rest], next, meta });
      else this.p.step(here, { do: write, next, meta: { leaf: call.leaf.name, action: "effect", note: STORED_AGAIN } });
      here = next;
    });
  }

  #effect({ leaf }: Call, status: string, note: string, operand?: string): StepMeta {
    const code = statusCode(this.world.spec.catalog, status, operand);
    return { leaf: leaf.name, action: "effect", note, ...(code !== undefined && { status: code }) };
  }

  /** The label at which exactly these locks are still held, on the way out; adds its steps the first time. */
  #leave(call: Call, held: readonly Held[], with_: Returned): string {
    const last = held.at(-1);
    if (last === undefined) return call.returnTo[with_];
    const label = `${call.prefix} ${with_}, leave ${held.map(({ row }) => row.resource).join("+")}`;
    if (this.#known.has(label)) return label;
    this.#known.add(label);
    const next = this.#leave(call, held.slice(0, -1), with_);
    this.p.step(label, {
      do: this.world.release(last.row, last.object),
      next,
      meta: this.meta(call.leaf, "release", last),
    });
    return label;
  }
  readonly #known = new Set<string>();
}
