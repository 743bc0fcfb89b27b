/**
 * Holds what the extraction says of a leaf against its runs: each thing that a run does must be told, what is said of all runs must hold
 * in all of them, and a thing that is told and that no run does is counted.
 */

import {
  type Acquisition,
  type CallEnd,
  type Catalog,
  type Leaf,
  releaseOrders,
  type Site,
} from "../../src/catalog/index.ts";
import { LOCKS, STATUS } from "./random-generator.ts";
import {
  BUSY,
  type Event,
  FATAL,
  type Failed,
  type Given,
  HOST_PRIORITY,
  type Run,
  type Runs,
  SUCCESS,
  type Taken,
} from "./random-oracle.ts";
import { holds } from "./random-when.ts";

/** Something that a run does and the catalog does not tell, or tells otherwise. */
export interface Difference {
  /** Which claim of the catalog it is against. */
  readonly claim: string;
  readonly text: string;
}

/** How often the catalog tells what no run does, by claim, and how often it tells anything of the kind. */
export type Precision = Map<string, { told: number; idle: number }>;

/** Codes with which the extraction says that it does not know: of a leaf too large, a call, a jump, a lock and a mode. */
const UNKNOWN = /^SL10(2[0-6])$/;

export const isExcused = ({ diagnostics }: Catalog): boolean => diagnostics.some(({ code }) => UNKNOWN.test(code));

export function compare(catalog: Catalog, leaf: Leaf, all: Runs, precision: Precision): Difference[] {
  return new Comparison(catalog, leaf, all, precision).differences();
}

const lines = (sites: readonly Site[] | null | undefined): string => (sites ?? []).map(({ line }) => line).join(">");
const last = (chain: string): number => Number(chain.split(">").at(-1));
const kindOf = (status: bigint): bigint => (status >> 32n) & 0xffffn;
const hex = (status: bigint): string => `0x${status.toString(16).toUpperCase().padStart(16, "0")}`;
const isError = (status: bigint): boolean => status >> 63n === 1n;
const BUSY_KINDS: ReadonlySet<bigint> = new Set(
  [BUSY, HOST_PRIORITY, STATUS["TDX_PREVIOUS_TLB_EPOCH_BUSY"] as bigint].map(kindOf),
);
const LOCK_KINDS: ReadonlySet<bigint> = new Set([BUSY, HOST_PRIORITY].map(kindOf));

/** The catalog's name for a lock. */
function resourceOf(lock: string): string {
  if (lock.startsWith("sept(")) return "SEPT_ENTRY";
  const at = lock.replace(/^page\(\d+\)/, "tdcs");
  const place = LOCKS.find(({ of, path }) => at === `${of === "global" ? "global" : "tdcs"}.${path.join(".")}`);
  return place?.resource ?? lock;
}

/** A lock from its acquisition to its release in one run. */
interface Span {
  readonly taken: Taken;
  readonly from: number;
  readonly release: Given | null;
  readonly to: number;
  /** Exclusive where it was promoted meanwhile. */
  readonly mode: string;
}

function spansOf({ events }: Run): Span[] {
  return events.flatMap((taken, from): Span[] => {
    if (taken.kind !== "acquire") return [];
    const later = (event: Event, i: number) => i > from && event.lock === taken.lock;
    const at = events.findIndex((event, i) => later(event, i) && event.kind === "release");
    const to = at < 0 ? Number.POSITIVE_INFINITY : at;
    const isPromoted = events.some((event, i) => later(event, i) && i < to && event.kind === "promote");
    const release = at < 0 ? null : (events[at] as Given);
    return [{ taken, from, release, to, mode: isPromoted ? "EXCLUSIVE" : taken.mode }];
  });
}

const isRowOf = (row: Acquisition, { taken, mode }: Span): boolean =>
  lines(row.evidence) === taken.chain && row.resource === resourceOf(taken.lock) && row.mode === mode;

/** The locks that a run finds busy at some attempt. */
const busyIn = ({ events }: Run): ReadonlySet<string> =>
  new Set(events.flatMap((event) => (event.kind === "failed" ? [event.lock] : [])));

class Comparison {
  private readonly found: Difference[] = [];
  private readonly catalog: Catalog;
  private readonly leaf: Leaf;
  private readonly rows: readonly Acquisition[];
  private readonly all: Runs;
  private readonly precision: Precision;
  /** Runs that find no lock busy and succeed. */
  private readonly successes: readonly (Run & { readonly spans: readonly Span[] })[];

  constructor(catalog: Catalog, leaf: Leaf, all: Runs, precision: Precision) {
    this.catalog = catalog;
    this.leaf = leaf;
    this.rows = leaf.acquisitions.filter(({ mode }) => mode !== "NO_LOCK");
    this.all = all;
    this.precision = precision;
    this.successes = all.runs
      .filter((run) => run.status === SUCCESS && busyIn(run).size === 0)
      .map((run) => ({ ...run, spans: spansOf(run) }));
  }

  differences(): Difference[] {
    if (this.says("SL1030")) {
      this.count("SL1030", this.successes.length > 0);
      return this.found;
    }
    this.taken();
    for (const row of this.rows) this.row(row);
    this.orders();
    this.releaseOrders();
    this.busy();
    this.statuses();
    this.otherBusy();
    this.leaks();
    this.releases();
    this.reached();
    return this.found;
  }

  private differ(claim: string, text: string): void {
    if (!this.found.some((other) => other.claim === claim && other.text === text)) this.found.push({ claim, text });
  }

  private count(claim: string, isIdle: boolean): void {
    if (!this.all.isComplete) return;
    const entry = this.precision.get(claim) ?? { told: 0, idle: 0 };
    entry.told++;
    if (isIdle) entry.idle++;
    this.precision.set(claim, entry);
  }

  private says(code: string, about = "", line: number | null = null): boolean {
    return this.catalog.diagnostics.some(
      (d) =>
        d.code === code &&
        d.message.includes(this.leaf.name) &&
        d.message.includes(about) &&
        (line === null || d.line === line),
    );
  }

  // ------------------------------------------------------------------ rows

  /** Each lock that a successful run takes has a row, in its mode. */
  private taken(): void {
    for (const { spans } of this.successes)
      for (const span of spans) {
        const { taken, mode } = span;
        const row = this.rows.find((one) => isRowOf(one, span));
        if (row === undefined) this.differ("row", `${resourceOf(taken.lock)} ${mode} at ${taken.chain} has no row`);
        else if (row.lock !== taken.lockKind || row.side !== taken.side)
          this.differ("row", `${row.resource} at ${taken.chain} is ${row.lock} of the ${row.side}`);
      }
    for (const run of this.all.runs) {
      // What becomes of a call that has found one lock busy is followed no further than to the next one.
      if (busyIn(run).size > 1 || (run.status === SUCCESS && busyIn(run).size === 0)) continue;
      for (const { taken, mode } of spansOf(run)) {
        const resource = resourceOf(taken.lock);
        const isTold = this.rows.some(
          (row) => row.resource === resource && (row.mode === mode || row.mode === "EXCLUSIVE"),
        );
        if (!isTold && !this.says("SL1037", resource, null))
          this.differ("row-otherwise", `${resource} ${mode} at ${taken.chain} has no row`);
      }
      this.tried(run);
    }
  }

  /** The first try that finds a lock busy, or refuses a promotion, is a row's, or said to be none's. */
  private tried({ events }: Run): void {
    const failed = events.find((event) => event.kind === "failed");
    if (failed?.kind !== "failed") return;
    const { chain, lock, isPromotion } = failed;
    const isTold = this.rows.some((row) => lines(isPromotion ? row.promotion : row.evidence) === chain);
    const isSaid = ["SL1037", "SL1039"].some((code) => this.says(code, resourceOf(lock), last(chain)));
    if (!isTold && !isSaid) this.differ("tried", `${resourceOf(lock)} at ${chain} is tried, and has no row there`);
  }

  private row(row: Acquisition): void {
    const name = `${row.resource} ${row.mode} at ${lines(row.evidence)}`;
    const taking = this.successes.filter(({ spans }) => spans.some((span) => isRowOf(row, span)));
    if (this.successes.length > 0) this.count("row", taking.length === 0);
    if (row.when === null && row.times === "1" && taking.length < this.successes.length)
      this.differ("when", `${name} is not taken in each successful run`);
    this.condition(row, name, taking);
    for (const run of taking) {
      const spans = run.spans.filter((span) => isRowOf(row, span));
      const most = row.times === "1" ? 1 : /^\d+$/.test(row.times) ? Number(row.times) : Number.POSITIVE_INFINITY;
      if (spans.length > most) this.differ("times", `${name} is taken ${spans.length} times, not ${row.times}`);
      for (const span of spans) this.release(row, name, span);
    }
    const { release } = row;
    if (release === null || taking.length === 0) return;
    for (const chain of [release.evidence, ...(release.elsewhere ?? [])].map(lines)) {
      const isUsed = this.all.runs.some((run) =>
        spansOf(run).some((span) => span.taken.lock && isRowOf(row, span) && span.release?.chain === chain),
      );
      this.count("release", !isUsed);
    }
  }

  /** What tells the runs that take it from the others. */
  private condition({ when, times }: Acquisition, name: string, taking: readonly Run[]): void {
    if (when === null) return;
    // A loop whose rounds nobody has counted may have none.
    const mayBeNone = !/^\d+$/.test(times);
    for (const run of this.successes) {
      const is = holds(when, run);
      const isTaking = taking.includes(run);
      this.count("when (not decided in a run)", is === null);
      if (is !== null && is !== isTaking && !(is && mayBeNone))
        this.differ("condition", `${name} is ${isTaking ? "" : "not "}taken, whatever is said: ${when}`);
    }
  }

  /** Where it is given back is told, or that it is not. */
  private release(row: Acquisition, name: string, { taken, release }: Span): void {
    if (release === null) {
      if (!this.says("SL1031", row.resource, last(taken.chain)))
        this.differ("kept", `${name} is kept by a run that succeeds`);
      return;
    }
    const places = row.release === null ? [] : [row.release.evidence, ...(row.release.elsewhere ?? [])];
    if (!places.some((place) => lines(place) === release.chain))
      this.differ("release", `${name} is given back at ${release.chain}`);
  }

  // ------------------------------------------------------------------ order

  private orders(): void {
    const pairs = this.rows.flatMap((a) => this.rows.filter((b) => b !== a).map((b) => [a, b] as const));
    for (const [a, b] of pairs) {
      const name = `${a.resource} at ${lines(a.evidence)} and ${b.resource} at ${lines(b.evidence)}`;
      const both = this.successes.flatMap(({ spans }) => {
        const [first, second] = [spans.filter((s) => isRowOf(a, s)), spans.filter((s) => isRowOf(b, s))];
        return first.length > 0 && second.length > 0 ? [{ first, second }] : [];
      });
      // Which round of a loop takes what is not told where nobody has counted the rounds.
      const isCounted = [a, b].some(hasCount);
      if ((a.order ?? 0) < (b.order ?? 0) && isCounted) {
        const isBefore = both.map(({ first, second }) => (first[0] as Span).from < (second[0] as Span).from);
        if (isBefore.includes(false) && !this.isEither(a, b))
          this.differ(isBefore.includes(true) ? "order-both" : "order", `${name} are taken in the other order`);
      }
      const isOnce = ([span, ...more]: readonly Span[]) => more.length === 0 && span?.release != null;
      const once = both.filter(({ first, second }) => isOnce(first) && isOnce(second));
      const [earlier, later] = [a.release?.sequence, b.release?.sequence];
      const isOneWay = a.release?.elsewhere === undefined && b.release?.elsewhere === undefined;
      const isTold = earlier !== undefined && later !== undefined && earlier < later && isCounted;
      if (isTold && isOneWay && !this.isToldOtherwise(a, b)) {
        // Of two that ways give back in both orders it says nothing, and some such way no run may take.
        const isBefore = once.map(({ first, second }) => (first[0] as Span).to < (second[0] as Span).to);
        if (isBefore.includes(false) && !isBefore.includes(true))
          this.differ("sequence", `${name} are given back in the other order`);
      }
      const ended = a.release?.order;
      if (ended !== undefined && b.order != null && b.order >= ended)
        for (const { first, second } of both)
          if (second.some(({ from }) => first.some((span) => span.from < from && from < span.to)))
            this.differ("release-order", `${name}: the second is taken while the first is held`);
    }
  }

  /** Do calls that succeed give the second back first, where the leaf's orders say so? Then these are compared. */
  private isToldOtherwise(a: Acquisition, b: Acquisition): boolean {
    return (this.leaf.releaseOrders ?? []).some(({ end, locks }) => {
      const [first, second] = [a, b].map(({ order }) => locks.indexOf(order ?? -1)) as [number, number];
      return end === "success" && second >= 0 && second < first;
    });
  }

  /** Are two said to be taken in either order? */
  private isEither(a: Acquisition, b: Acquisition): boolean {
    const [one, two] = [a.resource, b.resource];
    return this.says("SL1038", `on ${one} and ${two} in`) || this.says("SL1038", `on ${two} and ${one} in`);
  }

  /** The order in which a run gives back what it holds at its end is one of those that are told. */
  private releaseOrders(): void {
    for (const run of this.all.runs) {
      const end = this.endOf(run);
      const all = spansOf(run).flatMap((span) => {
        const { taken, to } = span;
        const isAt = (one: Acquisition) =>
          lines(one.evidence) === taken.chain && one.resource === resourceOf(taken.lock);
        // Of a call that fails, and was to promote it, it is not told which row's it is.
        const isSame = (one: Acquisition) => isRowOf(one, span) || (end?.end !== "success" && one.promotion !== null);
        const row = this.rows.find((one) => isAt(one) && isSame(one)) ?? this.rows.find(isAt);
        return row === undefined ? [] : [{ row, to }];
      });
      // What the rows say is given back before the last lock that is tried is none of those that are left.
      const refused = end !== null && "refused" in end ? [end.refused.order ?? -1] : [];
      const tried = refused[0] ?? Math.max(-1, ...all.map(({ row }) => row.order ?? -1));
      const never = Number.POSITIVE_INFINITY;
      const held = all.filter(({ row, to }) => to !== never && (row.release?.order ?? never) > tried);
      // Of a row that a loop takes again it is told once, and of what is taken through several rows it is not told which.
      if (end === null || new Set(held.map(({ row }) => row)).size < held.length) continue;
      const tries = [
        ...held.map(({ row }) => row),
        ...("refused" in end ? this.rows.filter((row) => row === end.refused) : []),
      ];
      // Nor of different rounds, where nobody has counted them.
      if (tries.filter((row) => !hasCount(row)).length > 1) continue;
      const order = [...held].sort((a, b) => a.to - b.to).map((lock) => held.indexOf(lock));
      const rows = held.map(({ row }) => row);
      const told = releaseOrders(this.leaf, rows, end);
      if (told.some((one) => one.join() === order.join())) continue;
      const inWords = (of: readonly number[]): string => of.map((i) => rows[i]?.resource).join(", ");
      const ending = "refused" in end ? `busy at ${end.refused.order}` : end.end;
      this.differ(
        "release-orders",
        `${ending}: given back are ${inWords(order)}, not ${told.map(inWords).join(" or ")}`,
      );
    }
  }

  /** How a run ends: as it would without the busy lock, where it goes on without it or gets it at another try; null of one that finds two. */
  private endOf(run: Run): CallEnd | null {
    const failed = run.events.find((event) => event.kind === "failed");
    const otherwise: CallEnd = { end: isError(run.status) ? "other" : "success" };
    if (failed?.kind !== "failed") return { end: run.status === SUCCESS ? "success" : "other" };
    const isGot = run.events.some((event, i) => i > run.events.indexOf(failed) && isSuccessOf(event, failed));
    if (busyIn(run).size > 1) return null;
    if (isGot || !isError(run.status)) return otherwise;
    const isTry = ({ evidence, promotion, mode }: Acquisition) =>
      lines(failed.isPromotion ? promotion : evidence) === failed.chain && (mode === failed.mode || promotion !== null);
    const refused = this.rows.find((row) => isTry(row));
    return refused === undefined ? { end: "other" } : { end: "busy", refused };
  }

  // ------------------------------------------------------------------ statuses

  /** What a call ends with because of one busy lock is told beside the lock. */
  private busy(): void {
    const seen = new Map<Acquisition, Set<string>>();
    const wentOn = new Set<Acquisition>();
    const unhurt = new Set(this.all.runs.filter((run) => busyIn(run).size === 0).map(({ status }) => status));
    for (const run of this.all.runs) {
      if (busyIn(run).size !== 1) continue;
      const failed = run.events.find((event) => event.kind === "failed");
      if (failed?.kind !== "failed") continue;
      // Where another try got it, the call ends for something else.
      const isGot = run.events.some((event, i) => i > run.events.indexOf(failed) && isSuccessOf(event, failed));
      if (isGot) continue;
      // Tries of one lock at several places: any of them may be what ends the call.
      const tries = run.events.filter((event) => event.kind === "failed");
      const rowsOf = ({ isPromotion, chain }: Failed) =>
        this.rows.filter((row) => lines(isPromotion ? row.promotion : row.evidence) === chain);
      // What a try comes to that no call makes which succeeds is among the leaf's statuses alone.
      if (tries.some((one) => rowsOf(one).length === 0)) continue;
      const rows = this.rows.filter((row) => tries.some((one) => rowsOf(one).includes(row)));
      if (run.status === SUCCESS) for (const row of rows) wentOn.add(row);
      // What calls end with that find no lock busy is of something else.
      const isOfLock =
        !unhurt.has(run.status) &&
        LOCK_KINDS.has(kindOf(run.status)) &&
        isError(run.status) &&
        run.status !== STATUS["UNINITIALIZE_ERROR"];
      if (!isOfLock) continue;
      const status = hex(run.status);
      for (const row of rows) seen.set(row, (seen.get(row) ?? new Set()).add(status));
      if (!rows.some((row) => statusesOf(row).includes(status)))
        this.differ(
          "busy",
          `${rows[0]?.resource} at ${lines(rows[0]?.evidence)}, when busy at ${failed.chain}: ${status}`,
        );
    }
    for (const row of this.rows) {
      for (const status of statusesOf(row)) this.count("busy", seen.get(row)?.has(status) !== true);
      if (row.busyStatus !== null && row.busyWhen === undefined && wentOn.has(row) && seen.has(row))
        this.differ("busy-when", `${row.resource} at ${lines(row.evidence)}: a call goes on without it`);
      if (row.busyWhen !== undefined) this.count("busy-when", !wentOn.has(row));
    }
  }

  /** Each status that a call ends with is among the leaf's. */
  private statuses(): void {
    const told = (this.leaf.statuses ?? []).map((id) => this.catalog.statuses?.[id]);
    const isTold = (status: bigint) =>
      told.some((source) => {
        if (source === undefined || (source.fatal && (status & FATAL) === 0n)) return false;
        const high = STATUS[source.status] as bigint;
        if ((high | (source.fatal ? FATAL : 0n)) >> 32n !== status >> 32n) return false;
        let low = status & 0xffffffffn;
        for (const part of source.parts) {
          const width = BigInt(part.high - part.low + 1);
          const bits = (low >> BigInt(part.low)) & ((1n << width) - 1n);
          if (part.value !== null && part.indexed !== true && bits !== BigInt(part.value)) return false;
          low &= ~(((1n << width) - 1n) << BigInt(part.low));
        }
        return low === 0n;
      });
    // The dispatcher of TDCALLs turns one into the other.
    const turned = (status: bigint) =>
      this.leaf.side === "guest" && kindOf(status) === kindOf(HOST_PRIORITY) ? status - HOST_PRIORITY + BUSY : status;
    const ends = new Set(this.all.runs.map(({ status }) => turned(status)));
    ends.delete(STATUS["UNINITIALIZE_ERROR"] as bigint);
    for (const status of ends) if (!isTold(status)) this.differ("statuses", `${hex(status)} is not among the statuses`);
    for (const source of told)
      this.count(
        "statuses",
        ![...ends].some((status) => kindOf(status) === kindOf(STATUS[source?.status ?? ""] as bigint)),
      );
  }

  /** A busy status that no lock gives. */
  private otherBusy(): void {
    const unhurt = this.all.runs.filter((run) => busyIn(run).size === 0);
    const ends = new Set(
      unhurt.map(({ status }) => status).filter((status) => isError(status) && BUSY_KINDS.has(kindOf(status))),
    );
    const isTold = (status: bigint) =>
      this.leaf.otherBusy.some((busy) =>
        busy.operand === null && (status & 0xffffffffn) !== 0n
          ? kindOf(BigInt(busy.status)) === kindOf(status)
          : BigInt(busy.status) === status,
      );
    for (const status of ends) if (!isTold(status)) this.differ("other-busy", `${hex(status)} is not told`);
    for (const busy of this.leaf.otherBusy) this.count("other-busy", !ends.has(BigInt(busy.status)));
  }

  // ------------------------------------------------------------------ faults of the leaf

  /** A lock that a run keeps is told. */
  private leaks(): void {
    const seen = new Set<string>();
    for (const run of this.all.runs) {
      const hurt = busyIn(run).size;
      for (const { lock, chain } of run.kept) {
        const resource = resourceOf(lock);
        seen.add(resource);
        if (hurt === 0 && run.status === SUCCESS) continue;
        if (this.says("SL1032", `lock on ${resource} `) || this.says("SL1032", `lock on ${resource}(`)) continue;
        if (this.says("SL1031", `lock on ${resource}`)) continue;
        this.differ(
          hurt > 1 ? "leak-of-two" : "leak",
          `${resource} taken at ${chain} is kept when it ends with ${hex(run.status)}`,
        );
      }
    }
    for (const { code, message } of this.catalog.diagnostics) {
      if ((code !== "SL1031" && code !== "SL1032") || !message.includes(this.leaf.name)) continue;
      const resource = /lock on (\w+)/.exec(message)?.[1] ?? "";
      this.count(code, !seen.has(resource));
    }
  }

  /** A lock that is given back and not held, or held otherwise, is told. */
  private releases(): void {
    let [unheld, otherwise] = [false, false];
    for (const run of this.all.runs) {
      const few = busyIn(run).size <= 1;
      for (const event of run.events) {
        if (event.kind !== "release" || event.mode === event.held) continue;
        if (event.held === null) unheld = true;
        else otherwise = true;
        const code = event.held === null ? "SL1036" : "SL1035";
        const says = this.says(code);
        if (!says)
          this.differ(few ? code : `${code}-of-two`, `${resourceOf(event.lock)} at ${event.chain}, held ${event.held}`);
      }
    }
    for (const { code, message } of this.catalog.diagnostics) {
      if (!message.includes(this.leaf.name)) continue;
      if (code === "SL1036") this.count(code, !unheld);
      if (code === "SL1035") this.count(code, !otherwise);
    }
  }

  /** No call that a run makes is said to be out of reach. */
  private reached(): void {
    const few = this.all.runs.filter((run) => busyIn(run).size <= 1);
    const places = new Set(few.flatMap(({ events }) => events.map(({ chain }) => last(chain))));
    for (const { code, file, line } of this.catalog.diagnostics)
      if (code === "SL1040" && file?.endsWith("random.c") && line !== null && places.has(line))
        this.differ("reached", `the call on line ${line} is said to be out of reach`);
  }
}

/** Has somebody counted how often a row is taken? */
const hasCount = ({ times }: Acquisition): boolean => /^\d+$/.test(times);

const isSuccessOf = (event: Event, failed: Event): boolean =>
  event.lock === failed.lock && (event.kind === "acquire" || event.kind === "promote");

const statusesOf = (row: Acquisition): string[] =>
  [row.busyStatus, row.hostPriorityStatus, ...row.otherStatuses.map(({ status }) => status)].filter((s) => s !== null);
