/** Who can hold what a BUSY is about: the catalog's pairs, arranged by the call that was refused and its status. */
import { type ContendPair, keptPairs } from "../analysis/index.ts";
import type { Acquisition, Catalog, Leaf, ReleasePlace } from "../catalog/index.ts";
import { SUCCESS } from "./call.ts";
import { type Identity, identityOf, isWithinTd, type Named } from "./objects.ts";
import { type RunsOf, Wanted } from "./window.ts";
import { ENTER } from "./wrappers.ts";

/** A lock of a leaf that can be what another call's BUSY is about. */
export interface Holder extends Named {
  readonly leaf: string;
  readonly mode: string;
  /** Does every successful call of the leaf take it? */
  readonly always: boolean;
  /** Is it held as long as the guest runs? Only of the leaf that enters the guest. */
  readonly whileGuestRuns: boolean;
  /** Is it given back before the leaf's clean-up, by some function on the way? */
  readonly shortly: boolean;
  /** Is it taken SHARED and then made EXCLUSIVE? */
  readonly promoted: boolean;
  /** The row's place in the order in which the locks are taken. */
  readonly order: number;
  /** What the leaf returns when it finds this lock busy itself. */
  readonly status: string | null;
  /** What the two calls have to agree in to be on one object: the refused one is the first. */
  readonly identity: Identity;
  /**
   * Can a call that returned this have held the lock, as far as is known already? One that was refused itself held only what it takes before.
   */
  readonly couldHold: Map<string, boolean>;
  /** The name under which the two meet. */
  readonly at: string;
}

/** What is known of one leaf and one status. */
export interface Refusal {
  /** Resources that the status may be about. */
  readonly resources: readonly string[];
  readonly byLeaf: ReadonlyMap<string, readonly Holder[]>;
  /** Leaves by which the lock can be held: of these, the calls; and the entries of guests, where a TDCALL can. */
  readonly leaves: readonly string[];
  /** TDCALLs that can hold it. */
  readonly guests: readonly Holder[];
  /** What has to be known of those in flight: the calls of these leaves, and the guests that matter. */
  readonly wanted: Wanted;
}

interface Kind {
  readonly busy: boolean;
  readonly hostPriority: boolean;
  /** Is it one that the module has, or that Linux makes when the module cannot be called? */
  readonly known: boolean;
}

/** Linux' own (TDX_SW_ERROR of arch/x86/include/asm/tdx.h): the instruction failed. */
const OF_LINUX = "0x8000FF";
/** Beside the status itself, where a leaf that runs a guest tells why it came back. */
const DETAILED_SUCCESS = classOf(SUCCESS);

export class Holders {
  /** By leaf and status. */
  readonly #refusals = new Map<string, Map<string, Refusal | null>>();
  #refusalCount = 0;
  /** By status: is it one of a busy lock, or of host priority? */
  readonly #kinds = new Map<string, Kind>();
  readonly #catalog: Catalog;
  readonly #pairs: readonly ContendPair[];
  readonly #busy: ReadonlySet<string>;
  /** Of all statuses that the module has, {@link withoutMarks}. */
  readonly #classes: ReadonlySet<string>;
  readonly #leaves: ReadonlyMap<string, readonly Leaf[]>;
  readonly #guestCalls: ReadonlySet<string> | null;

  /** `guestCalls`: the TDCALLs that guests make, where a host profile says so; null: any. */
  constructor(catalog: Catalog, guestCalls: readonly string[] | null) {
    this.#catalog = catalog;
    this.#guestCalls = guestCalls === null ? null : new Set(guestCalls);
    this.#pairs = keptPairs(catalog);
    this.#busy = new Set(catalog.leaves.flatMap(({ acquisitions }) => acquisitions.flatMap(busyStatuses)).map(classOf));
    this.#classes = new Set(Object.values(catalog.statusCodes).map(withoutMarks));
    this.#leaves = grouped(catalog.leaves, ({ name }) => name);
  }

  /** Does a status tell of a busy lock? */
  isBusy(status: string): boolean {
    return status !== SUCCESS && this.#kindOf(status).busy;
  }

  /** Is this status told of a guest that lost to host priority for too long? */
  isHostPriority(status: string): boolean {
    return status !== SUCCESS && this.#kindOf(status).hostPriority;
  }

  /** Is it one that no call of this leaf returns, by the module's own list of statuses? */
  isForeign(leaf: string, status: string): boolean {
    if (status === SUCCESS || this.#classes.size === 0) return false;
    return !this.#kindOf(status).known || (leaf !== ENTER.leaf && classOf(status) === DETAILED_SUCCESS);
  }

  #kindOf(status: string): Kind {
    const met = this.#kinds.get(status);
    if (met !== undefined) return met;
    if (this.#kinds.size >= MOST) this.#kinds.clear();
    const named = this.#catalog.statusCodes["TDX_HOST_PRIORITY_BUSY_TIMEOUT"];
    const hostPriority = named !== undefined && classOf(named) === classOf(status);
    const known = this.#classes.has(withoutMarks(status)) || status.startsWith(OF_LINUX);
    const kind = { busy: this.#busy.has(classOf(status)), hostPriority, known };
    this.#kinds.set(status, kind);
    return kind;
  }

  knows(leaf: string): boolean {
    return this.#leaves.has(leaf);
  }

  /** Null when the leaf of this module does not return the status for a lock. */
  refusal(leaf: string, status: string): Refusal | null {
    const ofLeaf = this.#refusals.get(leaf);
    const known = ofLeaf?.get(status);
    if (known !== undefined) return known;
    if (this.#refusalCount >= MOST) {
      this.#refusals.clear();
      this.#refusalCount = 0;
    }
    const made = this.#refusal(leaf, status);
    this.#refusalCount += 1;
    const group = this.#refusals.get(leaf);
    if (group === undefined) this.#refusals.set(leaf, new Map([[status, made]]));
    else group.set(status, made);
    return made;
  }

  /** Can a call that returned this have held that lock? */
  couldHold(holder: Holder, status: string | null): boolean {
    if (status === null || !this.isBusy(status)) return true;
    const known = holder.couldHold.get(status);
    if (known !== undefined) return known;
    const places = (this.#leaves.get(holder.leaf) ?? []).flatMap(({ acquisitions }) =>
      acquisitions.flatMap((row, i) => (busyStatuses(row).includes(status) ? [i] : [])),
    );
    const last = Math.max(...places);
    // One that is refused when it makes its lock EXCLUSIVE holds it SHARED.
    const could = places.length === 0 || (holder.promoted ? holder.order <= last : holder.order < last);
    if (holder.couldHold.size >= MOST) holder.couldHold.clear();
    holder.couldHold.set(status, could);
    return could;
  }

  #refusal(leaf: string, status: string): Refusal | null {
    const rows = (this.#leaves.get(leaf) ?? []).flatMap(({ acquisitions }) =>
      acquisitions.filter((row) => busyStatuses(row).includes(status)),
    );
    if (rows.length === 0) return null;
    const wants = ({ resource, role }: Named): boolean =>
      rows.some((row) => row.resource === resource && row.role === role);
    const found = this.#pairs.flatMap((pair) => [
      ...(pair.a === leaf && pair.busyA && wants(mineOf(pair, "A")) ? [this.#holder(pair, "B")] : []),
      ...(pair.b === leaf && pair.busyB && wants(mineOf(pair, "B")) ? [this.#holder(pair, "A")] : []),
    ]);
    const distinct = [...new Map(found.map((one) => [JSON.stringify(one), one])).values()];
    const isGuest = (name: string): boolean => this.#leaves.get(name)?.[0]?.side === "guest";
    const hosts = distinct.filter((one) => !isGuest(one.leaf));
    const guests = distinct.filter((one) => isGuest(one.leaf) && (this.#guestCalls?.has(one.leaf) ?? true));
    const byLeaf = grouped(hosts, (one) => one.leaf);
    return {
      resources: [...new Set(rows.map(({ resource }) => resource))],
      byLeaf,
      leaves: [...byLeaf.keys(), ...(guests.length > 0 ? [ENTER.leaf] : [])],
      guests,
      wanted: new Wanted(
        byLeaf,
        runsOf(byLeaf.get(ENTER.leaf)?.map(({ identity }) => identity) ?? [], guests.length > 0),
      ),
    };
  }

  #holder(pair: ContendPair, side: "A" | "B"): Holder {
    const mine = mineOf(pair, side);
    const [leaf, variant, mode, when] =
      side === "A" ? [pair.a, pair.variantA, pair.modeA, pair.whenA] : [pair.b, pair.variantB, pair.modeB, pair.whenB];
    const entry = this.#leaves.get(leaf)?.find((one) => one.variant === variant);
    const order = entry?.acquisitions.findIndex(
      (row) => row.resource === mine.resource && row.role === mine.role && row.mode === mode && row.when === when,
    );
    const row = entry?.acquisitions[order ?? -1];
    return {
      leaf,
      ...mine,
      mode,
      always: when === null,
      whileGuestRuns: row?.release?.kind === "td-exit",
      shortly: row?.release != null && !UNTIL_THE_END.has(row.release.kind),
      promoted: row?.promotion != null,
      order: Math.max(0, order ?? 0),
      status: row?.busyStatus ?? null,
      identity: identityOf(mineOf(pair, side === "A" ? "B" : "A"), mine),
      couldHold: new Map(),
      at: pair.resource,
    };
  }
}

/** Statuses, and pairs of leaf and status, of which a hostile recording may have any number. */
const MOST = 4096;

/** Where locks are given back that are held to the end of what the leaf does itself. */
const UNTIL_THE_END: ReadonlySet<ReleasePlace["kind"]> = new Set([
  "leaf-exit",
  "before-td-entry",
  "td-exit",
  "page-removed",
]);

/** Of which guests the runs matter to one who meets them so; `own`: those of its TD matter anyhow. */
export function runsOf(entries: readonly Identity[], own: boolean): RunsOf {
  if (!entries.every(isWithinTd)) return "all";
  return own || entries.length > 0 ? "own" : "none";
}

function mineOf(pair: ContendPair, side: "A" | "B"): Named {
  return side === "A" ? { resource: pair.resourceA, role: pair.roleA } : { resource: pair.resourceB, role: pair.roleB };
}

function busyStatuses({ busyStatus, hostPriorityStatus, otherStatuses }: Acquisition): string[] {
  return [busyStatus, hostPriorityStatus, ...otherStatuses.map(({ status }) => status)].filter((s) => s !== null);
}

/** Items by a key of theirs, in their order. */
export function grouped<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** The upper half of a status: what it is about stands in the lower one. */
function classOf(status: string): string {
  return status.slice(0, 10);
}

/**
 * The upper half without bits 61 and 60, which the module sets on top of a status: fatal, and that the host can do something about it
 * (`api_error_code_t`, tdx_api_defs.h:885-890 of 1.5.25).
 */
function withoutMarks(status: string): string {
  return `0x${(Number.parseInt(status.charAt(2), 16) & 0b1100).toString(16)}${status.slice(3, 10)}`;
}
