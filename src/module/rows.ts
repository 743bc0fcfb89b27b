/**
 * From the paths through a leaf to its rows: what is locked, as what resource, when, how often, and until when.
 */

import { stepsOf, UNROLL, wayTo } from "../c/index.ts";
import {
  type Acquisition,
  formatStatus,
  type LockMode,
  type PageSize,
  type Release,
  type Site,
} from "../catalog/index.ts";
import type { AcquireEvent, LockEvent } from "./events.ts";
import type { LeafFinal } from "./leaf-run.ts";
import { reportLeaks, reportReleases } from "./leaks.ts";
import { type Orders, ordersOf, type RowEvents } from "./order.ts";
import { otherBusy } from "./other-busy.ts";
import { ascending, type Failures, failureStatuses, successfulPaths } from "./outcomes.ts";
import { releaseOrdersOf } from "./release-orders.ts";
import { otherReleases, releaseOf, usualRelease } from "./releases.ts";
import {
  chainBeforeWalk,
  classify,
  levelOf,
  nameTwins,
  ObjectNames,
  settleRoles,
  walkLevel,
  walkTarget,
} from "./resources.ts";
import {
  type HeldLock,
  type HeldOn,
  isSameSite,
  type LeafRows,
  operandOf,
  type RowContext,
  type RowTrouble,
  repeats,
} from "./row-context.ts";
import type { ExtractionRules } from "./rules.ts";
import { reportUntold } from "./untold.ts";
import { Whens } from "./whens.ts";
import { tdOf } from "./whose.ts";

/** Reads the rows. */
export function buildRows(context: RowContext): LeafRows {
  const troubles: RowTrouble[] = [];
  const successes = successfulPaths(context);
  if (successes.length === 0) {
    troubles.push({
      what: "no-success",
      message: `no way through ${context.leaf.name} ends in success`,
      site: context.handler,
    });
    return { acquisitions: [], releaseOrders: [], otherBusy: [], troubles };
  }
  const objects = new ObjectNames(context);
  const held = settleRoles(
    successes.map((final) => heldLocks(final, context, objects, troubles)),
    context.knowledge.rules,
  );
  const whens = new Whens(successes, held, context.run);
  const paths = successes.map((final, i): HeldOn => ({ final, held: held[i] as readonly HeldLock[] }));
  const groups = groupsOf(held, context);
  const failures = failureStatuses(
    context,
    groups.map(({ all }) => all.map(({ event }) => event)),
  );
  const orders = ordersOf(groups, paths, context);
  const rows = collectRows(groups, held, orders, failures, whens, context, troubles);
  for (const [one, two] of orders.inEither)
    troubles.push(eitherOrder((groups[one] as RowGroup).first, (groups[two] as RowGroup).first, context));
  reportLeaks(context, troubles);
  reportReleases(context, troubles);
  const others = context.run.finals
    .filter((final) => !successes.includes(final))
    .map((final): HeldOn => ({ final, held: heldLocks(final, context, objects, []) }));
  reportUntold(held, others, context, troubles);
  const releaseOrders = releaseOrdersOf(groups, orders, paths, others, context);
  return { acquisitions: nameTwins(rows), releaseOrders, otherBusy: otherBusy(context, whens), troubles };
}

function heldLocks(final: LeafFinal, context: RowContext, objects: ObjectNames, troubles: RowTrouble[]): HeldLock[] {
  const { events } = final;
  const acquires = events.filter((event): event is AcquireEvent => event.kind === "acquire");
  const classes = [...acquires, ...final.skipped].map((event) => ({
    event,
    ...classify(event, acquires, final, context, troubles),
  }));
  return classes.map((item): HeldLock => {
    const { event, resource, role, isGuess = false } = item;
    const promotion =
      event.mode === "NO_LOCK" ? undefined : events.find((other, i) => promotes(other, event, events, i));
    const mode: LockMode = promotion ? "EXCLUSIVE" : event.mode;
    return {
      event,
      mode,
      resource,
      role,
      isGuess,
      object: objects.of(resource.startsWith("PAMT_") ? walkTarget(event, acquires) : event),
      td: tdOf(item, classes, context),
      release: mode === "NO_LOCK" ? null : releaseOf(event, final, context, troubles),
      promotion: promotion?.evidence ?? null,
      pageSize: resource === "PAGE" ? pageSizeOf(event, acquires, context.knowledge.rules) : null,
    };
  });
}

/** Does an event promote what an acquisition took? A lock may be taken again later, for another use. */
function promotes(other: LockEvent, event: AcquireEvent, events: readonly LockEvent[], at: number): boolean {
  if (other.kind !== "promote" || other.lock !== event.lock) return false;
  return events.slice(0, at).findLast(({ kind, lock }) => kind === "acquire" && lock === event.lock) === event;
}

/** The acquisitions of one row. */
interface RowGroup extends RowEvents {
  /** The one that the row shows. */
  readonly first: HeldLock;
  /** The successful paths that have one, by position. */
  readonly ways: ReadonlySet<number>;
}

/** The rows' acquisitions, in source order. */
function groupsOf(held: readonly (readonly HeldLock[])[], context: RowContext): readonly RowGroup[] {
  const groups = new Map<string, { first: HeldLock; all: HeldLock[]; ways: Set<number> }>();
  held.forEach((list, way) => {
    for (const item of list) {
      const key = rowKey(item, context);
      const group = groups.get(key);
      if (group) {
        group.all.push(item);
        group.ways.add(way);
        if (
          item.event.evidence.length >= group.first.event.evidence.length &&
          lastLine(item) > lastLine(group.first) &&
          sameWalk(item, group.first)
        )
          group.first = item;
      } else groups.set(key, { first: item, all: [item], ways: new Set([way]) });
    }
  });
  return ordered(groups, held);
}

function collectRows(
  groups: readonly RowGroup[],
  held: readonly (readonly HeldLock[])[],
  orders: Orders,
  failures: Failures,
  whens: Whens,
  context: RowContext,
  troubles: RowTrouble[],
): Acquisition[] {
  const rows: Acquisition[] = [];
  for (const [row, { first, all, ways }] of groups.entries()) {
    const events = all.map(({ event }) => event);
    const failure =
      failures(events, first.event.evidence) ??
      events.map(({ evidence }) => failures(events, evidence)).find((f) => f !== undefined && f.busy.length > 0);
    const promoted = first.promotion ?? all.find((item) => item.promotion !== null)?.promotion ?? null;
    const promotion = promoted === null ? undefined : failures([], promoted);
    const pageSizes = sizesOf(all);
    const promotedSizes = sizesOf(all.filter((item) => item.promotion !== null));
    const busyWhen = failure && failure.wentOn.length > 0 ? whens.ofEnd(failure.ended, failure.wentOn) : null;
    const exit = failure?.exit ?? promotion?.exit ?? null;
    const [busy = null, ...others] =
      first.mode === "NO_LOCK" ? [] : [...new Set([...(failure?.busy ?? []), ...(promotion?.busy ?? [])])];
    const [priority = null, ...otherPriorities] = [
      ...new Set([...(failure?.hostPriority ?? []), ...(promotion?.hostPriority ?? [])]),
    ];
    if (busy === null && first.mode !== "NO_LOCK" && !failure?.isSkipped) {
      troubles.push({
        what: "no-status",
        message: `${context.leaf.name} returns no constant status that tells that ${first.object}'s lock is busy`,
        site: first.event.evidence.at(-1) as Site,
      });
    }
    rows.push({
      resource: first.resource,
      role: first.role,
      object: first.object,
      ...wordOf(first.event),
      lock: first.event.lockKind,
      mode: first.mode,
      side: first.event.side,
      ...(pageSizes === undefined ? {} : { pageSizes }),
      ...(first.td === undefined ? {} : { td: first.td }),
      order: orders.taken[row] ?? null,
      ...whens.ofRow(all, ways),
      times: timesOf(first.event, mostOnOneWay(all, held), context.knowledge.rules),
      operand: busy === null ? null : operandOf(busy, context),
      busyStatus: busy === null ? null : formatStatus(busy),
      ...(busy === null || busyWhen === null ? {} : { busyWhen }),
      hostPriorityStatus: priority === null ? null : formatStatus(priority),
      ...(exit === null
        ? {}
        : { hostPriorityExit: { status: formatStatus(exit.status), detail: formatStatus(exit.detail) } }),
      otherStatuses: ascending([...others, ...otherPriorities]).map((status) => ({
        status: formatStatus(status),
        operand: operandOf(status, context),
      })),
      release: released(all, first, orders, row, context),
      evidence: first.event.evidence,
      promotion: promoted,
      ...(promotedSizes === undefined ? {} : { promotedSizes }),
    });
  }
  return rows;
}

/** Rows have one order, and ways through the leaf have both. */
function eitherOrder(one: HeldLock, two: HeldLock, { leaf }: RowContext): RowTrouble {
  return {
    what: "either-order",
    message: `${leaf.name} takes the locks on ${one.resource} and ${two.resource} in either order; its rows have that on ${one.resource} first`,
    site: two.event.evidence.at(-1) as Site,
  };
}

/** The member that a bit lock's word is, from the structure that it is in. */
function wordOf({ lock, lockKind }: AcquireEvent): Pick<Acquisition, "word"> {
  if (lockKind !== "bit" && lockKind !== "bit_hp") return {};
  const word = stepsOf(lock).map((step) => (step.kind === "field" ? step.name : "[]"));
  // A word that is all that a pointer leads to is no member of anything.
  return word.length === 0 ? {} : { word };
}

function released(
  all: readonly HeldLock[],
  first: HeldLock,
  { givenBack, sequence }: Orders,
  row: number,
  context: RowContext,
): Release | null {
  const release = usualRelease(first, all);
  if (release === null) return null;
  const [order = null, position = null] = [givenBack[row], sequence[row]];
  const elsewhere = otherReleases(all, release, context);
  const { evidence, ...place } = release;
  return {
    ...place,
    ...(order === null ? {} : { order }),
    ...(position === null ? {} : { sequence: position }),
    evidence,
    ...(elsewhere.length === 0 ? {} : { elsewhere }),
  };
}

const SIZES: readonly PageSize[] = ["4K", "2M", "1G"];

/** The sizes of the pages in these acquisitions; undefined where none is known. */
function sizesOf(held: readonly HeldLock[]): readonly PageSize[] | undefined {
  const found = SIZES.filter((size) => held.some(({ pageSize }) => pageSize === size));
  return found.length === 0 ? undefined : found;
}

/** The size of the page whose PAMT entry a lock is in: how far down a walk comes, else which block of entries it is reached by. */
function pageSizeOf(event: AcquireEvent, acquires: readonly AcquireEvent[], rules: ExtractionRules): PageSize | null {
  const { pamtBlocks, pamtBlockSizes } = rules;
  const level = walkLevel(event, acquires, rules);
  const block = wayTo(event.lock).findLast((step) => step.kind === "field" && pamtBlocks.includes(step.name));
  const name = level === null ? (block?.kind === "field" ? block.name : null) : pamtBlocks[level];
  return name == null ? null : (pamtBlockSizes[name] ?? null);
}

function lastLine(h: HeldLock): number {
  return h.event.evidence.at(-1)?.line ?? 0;
}

const sameWalk = (a: HeldLock, b: HeldLock): boolean =>
  a.event.evidence.at(-1)?.function === b.event.evidence.at(-1)?.function;

/** Acquisitions of one row: same place in the leaf, same resource, role and mode. A walk that stops at another level is the same row. */
function rowKey(item: HeldLock, context: RowContext): string {
  const { event } = item;
  if (item.mode === "NO_LOCK") return `${item.resource}|${item.object}|NO_LOCK`;
  // A page goes by several names on its way through the helpers.
  const object = event.members.at(-1) === context.knowledge.rules.pamtLock ? "" : item.object;
  return `${chainBeforeWalk(event, context.knowledge.rules)}|${item.resource}|${item.role}|${object}|${item.mode}|${event.side}`;
}

/** Rows in source order: the order in which a way through the leaf takes them. */
function ordered<T extends { first: HeldLock; all: HeldLock[] }>(
  groups: ReadonlyMap<string, T>,
  held: readonly (readonly HeldLock[])[],
): T[] {
  const position = (group: T): number => {
    const positions = held.map((list) => list.findIndex((item) => item.mode !== "NO_LOCK" && group.all.includes(item)));
    return Math.min(Number.POSITIVE_INFINITY, ...positions.filter((at) => at >= 0));
  };
  const groupsList = [...groups.values()];
  const lineInLeaf = (group: T): number => group.first.event.evidence[0]?.line ?? 0;
  return groupsList
    .map((group, index) => ({ group, index, line: lineInLeaf(group), at: position(group) }))
    .sort(
      (a, b) =>
        a.line - b.line ||
        (sameCall(a.group, b.group) ? level(a.group) - level(b.group) : 0) ||
        a.at - b.at ||
        a.index - b.index,
    )
    .map(({ group }) => group);
}

/** Within one PAMT walk, from the top down. */
const level = ({ first }: { first: HeldLock }): number => levelOf(first.resource);
const sameCall = ({ first: a }: { first: HeldLock }, { first: b }: { first: HeldLock }): boolean => {
  const [x, y] = [a.event.evidence, b.event.evidence];
  if (x.length < 2 || y.length < 2 || !isSameSite(x[0], y[0])) return false;
  return isSameSite(x[1], y[1]) || (x.length === 2 && y.length === 2);
};

/** How often one way takes a row's lock, as far as it was followed. */
const mostOnOneWay = (all: readonly HeldLock[], held: readonly (readonly HeldLock[])[]): number =>
  Math.max(...held.map((list) => list.filter((item) => all.includes(item)).length));

/** @param most how often one way takes it, as far as it was followed: all rounds of a loop that has few */
function timesOf(event: AcquireEvent, most: number, rules: ExtractionRules): string {
  const loops = event.loops.map((loop) => loop.text).filter(repeats);
  if (loops.length === 0) return "1";
  const counts = loops.map((test) => /^\w+ < (\d+)$/.exec(test)?.[1]);
  // A loop that tests last has one round whatever it tests.
  if (counts.every((count) => count !== undefined)) {
    const product = counts.reduce((so, count) => so * Math.max(Number(count), 1), 1);
    // Each round may take another lock, which is another row.
    return `${product <= UNROLL ? Math.min(product, most) : product}`;
  }
  for (const rule of rules.multiplicities) if (loops.some((test) => rule.test.test(test))) return rule.times;
  return `while ${loops.findLast((_, i) => counts[i] === undefined)}`;
}
