/**
 * A leaf of the life cycle as steps. Which locks it takes, in which mode and order, where it gives them back and what a refused try returns
 * is the catalog's; between the tries stand the leaf's checks, each with the status that the source returns there.
 */
import type { Acquisition, CallEnd, Leaf } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import {
  and,
  type BoolExpr,
  type Effect,
  enumOf,
  type IntLike,
  type IntRef,
  not,
  or,
  type ProcessBuilder,
  type StepMeta,
  set,
} from "../language/index.ts";
import type { LifeState } from "./lifecycle-state.ts";
import { givenBack, type Held, LockSteps } from "./lock-steps.ts";
import { givenByEffect, statusCode } from "./world.ts";

/** Every status that a call of the life cycle can return here. `NONE`: no call has returned since. */
export const LIFE_STATUSES = [
  "NONE",
  "TDX_SUCCESS",
  "TDX_OPERAND_BUSY",
  "TDX_PAGE_METADATA_INCORRECT",
  "TDX_HKID_NOT_FREE",
  "TDX_LIFECYCLE_STATE_INCORRECT",
  "TDX_KEY_CONFIGURED",
  "TDX_TD_KEYS_NOT_CONFIGURED",
  "TDX_TDCX_NUM_INCORRECT",
  "TDX_TDCS_NOT_ALLOCATED",
  "TDX_OP_STATE_INCORRECT",
  "TDX_VCPU_STATE_INCORRECT",
  "TDX_VCPU_ASSOCIATED",
  "TDX_VCPU_NOT_ASSOCIATED",
  "TDX_NO_VCPUS",
  "TDX_EPT_WALK_FAILED",
  "TDX_EPT_ENTRY_NOT_PRESENT",
  "TDX_EPT_ENTRY_STATE_INCORRECT",
  "TDX_EPT_PAGE_NOT_FREE",
  "TDX_PAGE_ALREADY_ACCEPTED",
  "TDX_GPA_RANGE_ALREADY_BLOCKED",
  "TDX_GPA_RANGE_NOT_BLOCKED",
  "TDX_PREVIOUS_TLB_EPOCH_BUSY",
  "TDX_TLB_TRACKING_NOT_DONE",
  "TDX_FLUSHVP_NOT_DONE",
  "TDX_NO_HKID_READY_TO_WBCACHE",
  "TDX_WBCACHE_NOT_COMPLETE",
  "TDX_TD_ASSOCIATED_PAGES_EXIST",
] as const;
export const LifeStatus = enumOf("LifeStatus", LIFE_STATUSES);
export type LifeStatusName = (typeof LIFE_STATUSES)[number];

/** A check of a leaf: when it does not pass, the call ends with a status. */
export interface Check {
  /** Holds when the call is refused. */
  readonly when: BoolExpr;
  readonly status: LifeStatusName;
  /** The operand in the status: the acquisition's own (`row`), one by name, or none. */
  readonly operand?: string;
  /** Where a refused guest goes on instead of returning. */
  readonly next?: string;
  readonly note: string;
}

/** What a leaf does once it has a resource (or walks it without the lock) and before it asks for the next one. */
export interface Stage {
  /** The resource, as the catalog names it. */
  readonly after: string;
  readonly checks?: readonly Check[];
  readonly do?: readonly Effect[];
}

/** One call of a leaf. */
export interface LifeCall {
  readonly leaf: Leaf;
  readonly object: (row: Acquisition) => IntLike;
  readonly stages: readonly Stage[];
  /** Does the call take a lock that the catalog lists under a condition? Unless stated: yes, all pages are 4 KB pages. */
  readonly takes?: (row: Acquisition) => boolean;
  readonly body: readonly Effect[];
  readonly note: string;
}

const WELL: CallEnd = { end: "success" };

/** Adds the calls of one process. */
export class LifeCaller {
  readonly p: ProcessBuilder;
  readonly state: LifeState;
  readonly status: IntRef;
  readonly #locks: LockSteps;

  constructor(p: ProcessBuilder, state: LifeState) {
    this.p = p;
    this.state = state;
    this.#locks = new LockSteps(p, state);
    this.status = p.variable("status", LifeStatus.$type);
  }

  /** Adds a call that starts at `label` and returns to `done`; what it holds until TD exit is given back by {@link leave}. */
  call(label: string, call: LifeCall, done: string, entered: string = done): void {
    const rows = this.#rows(call);
    let held: Held[] = [];
    let here = label;
    for (const [i, row] of rows.entries()) {
      const lock = { row, object: call.object(row) };
      const name = `${label}: ${i + 1} ${row.resource}`;
      if (row.mode !== "NO_LOCK") {
        this.#locks.attempt(here, call.leaf, lock, {
          granted: name,
          busy: this.#leave(call.leaf, held, { end: "busy", refused: row }, done),
          onBusy: [set(this.status, LifeStatus.TDX_OPERAND_BUSY)],
        });
        held = [...held, lock];
        here = name;
      }
      for (const [j, stage] of call.stages.filter((one) => one.after === anchorOf(rows, i)).entries()) {
        const next = `${name} checked${j === 0 ? "" : ` ${j + 1}`}`;
        this.#stage(call, here, stage, row, held, next, done);
        here = next;
      }
    }
    this.#body(call, here, held, done, entered);
  }

  /** Rows that the call takes. A stage whose resource the catalog does not list would never run: that is an error. */
  #rows({ leaf, stages, takes }: LifeCall): readonly Acquisition[] {
    const rows = leaf.acquisitions.filter((row) => takes?.(row) ?? true);
    for (const { after } of stages) {
      if (rows.some(({ resource }) => resource === after)) continue;
      throw new SeamlockError("SL4211", `the module's catalog does not list ${after} for ${leaf.name}`, {
        hint: "Use a catalog that was extracted from source: `seamlock modules` lists them",
      });
    }
    return rows;
  }

  #stage(
    call: LifeCall,
    label: string,
    stage: Stage,
    row: Acquisition,
    held: readonly Held[],
    next: string,
    done: string,
  ): void {
    const checks = stage.checks ?? [];
    const { leaf } = call;
    checks.forEach((check, i) => {
      const earlier = checks.slice(0, i).map(({ when }) => not(when));
      this.p.step(label, {
        when: and(...earlier, check.when),
        do: [set(this.status, LifeStatus[check.status])],
        next: this.#leave(leaf, held, { end: "other" }, check.next ?? done),
        meta: { leaf: leaf.name, action: "effect", note: check.note, ...this.#code(check.status, check.operand, row) },
      });
    });
    this.p.step(label, {
      when: not(or(...checks.map(({ when }) => when))),
      do: stage.do ?? [],
      next,
      meta: { leaf: leaf.name, action: "effect", note: `checked: ${stage.after}` },
    });
  }

  /** The status as the module returns it: the catalog's code, with the operand's number in the low half. */
  #code(status: LifeStatusName, operand: string | undefined, row: Acquisition): { status?: string } {
    if (status === "NONE") return {};
    const { catalog } = this.state;
    const name = operand === "row" ? row.operand?.id : operand;
    const code = statusCode(catalog, status, name);
    if (code === undefined) {
      const what = catalog.statusCodes[status] === undefined ? status : `operand ${name}`;
      throw new SeamlockError("SL4211", `the catalog of module ${catalog.module.version} does not list ${what}`);
    }
    return { status: code };
  }

  /** The effect; locks that the effect's own function gives back go with it, those of TD entry next, then the rest in the catalog's order. */
  #body(call: LifeCall, label: string, held: readonly Held[], done: string, entered: string): void {
    const { leaf } = call;
    const within = held.filter(({ row }) => givenByEffect(row));
    const later = givenBack(held.filter((lock) => !within.includes(lock)));
    const beforeEntry = later.filter(({ row }) => row.release?.kind === "before-td-entry");
    const atExit = later.filter(({ row }) => row.release?.kind === "td-exit");
    const enters = atExit.length > 0;
    const [given] = within;
    const effects = [...call.body, ...within.flatMap(({ row, object }) => this.state.release(row, object))];
    const success = statusCode(this.state.catalog, "TDX_SUCCESS");
    const code = success === undefined ? {} : { status: success };
    const meta: StepMeta =
      given === undefined
        ? { leaf: leaf.name, action: "effect", note: call.note, ...code }
        : { ...this.#locks.meta(leaf, "release", given), note: call.note, ...code };
    const next = enters
      ? this.#leave(leaf, beforeEntry, WELL, entered, "enters")
      : this.#leave(leaf, later, WELL, done);
    this.p.step(label, { do: [...effects, set(this.status, LifeStatus.TDX_SUCCESS)], next, meta });
  }

  /** TD exit: effects, then what the call held since entry is given back in the catalog's order. */
  exit(label: string, call: LifeCall, effects: readonly Effect[], done: string): void {
    const held = this.#rows(call)
      .filter(({ release }) => release?.kind === "td-exit")
      .map((row): Held => ({ row, object: call.object(row) }));
    const next = this.#leave(call.leaf, held, WELL, done, "exit");
    this.p.step(label, { do: effects, next, meta: { leaf: call.leaf.name, action: "effect", note: "TD exit" } });
  }

  #leave(leaf: Leaf, held: readonly Held[], end: CallEnd, done: string, why = "leaves"): string {
    const name = (some: readonly Held[], way: string): string => {
      const what = some.map(({ row, object }) => `${row.resource} ${row.mode}${JSON.stringify(object)}`).join(" ");
      return `${leaf.name} ${why} ${this.#number(`${what} ${done}${way}`)}`;
    };
    return this.#locks.leave(leaf, held, end, done, name);
  }

  /** A short name for a long one. */
  #number(key: string): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.#numbers.size + 1);
    return this.#numbers.size;
  }
  readonly #numbers = new Map<string, number>();
}

/** Where a resource stands twice (a tree walked with and without the lock), its stages run at the last row. */
function anchorOf(rows: readonly Acquisition[], i: number): string | null {
  const resource = rows[i]?.resource ?? "";
  return rows.slice(i + 1).some((row) => row.resource === resource) ? null : resource;
}
