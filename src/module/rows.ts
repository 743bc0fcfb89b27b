/**
 * From the ways through a leaf to its rows: what is locked, as what resource, when, how often, and until when.
 */

import {
  atomsOf,
  type Condition,
  Conditions,
  equal,
  type Formula,
  isConst,
  joinedText,
  num,
  type Path,
  reworded,
  type Sym,
  textOf,
  valueText,
} from "../c/index.ts";
import type { Acquisition, LockMode, Operand, OtherBusy, Release, Site } from "../catalog/index.ts";
import type { Final, Interpreter } from "./interpreter.ts";
import type { DispatchedLeaf } from "./leaves.ts";
import { type ExtractionRules, FATAL } from "./rules.ts";
import { type AcquireEvent, type BusyFact, type ReleaseEvent, type State, statusKind } from "./state.ts";

/** What the statuses and operands of the tree are called. */
export interface StatusNames {
  readonly status: (value: bigint) => string | null;
  readonly operand: (value: bigint) => Operand | null;
}

/** Releases that the TD exit makes of what the TD entry left locked: by the hand-over field and the lock's member. */
export type HandedOver = ReadonlyMap<string, readonly ReleaseEvent[]>;

export interface RowTrouble {
  readonly what: "no-success" | "not-released" | "released-as" | "leaked-on-error" | "unclassified" | "no-status";
  readonly message: string;
  readonly site: Site;
}

export interface LeafRows {
  readonly acquisitions: readonly Acquisition[];
  readonly otherBusy: readonly OtherBusy[];
  readonly troubles: readonly RowTrouble[];
}

/** One acquisition on one way through the leaf, with its resource. */
interface Held {
  readonly event: AcquireEvent;
  readonly mode: LockMode;
  readonly resource: string;
  readonly role: string | null;
  /** The role is a guess from the leaf's name. */
  readonly isGuess: boolean;
  readonly object: string;
  readonly release: Release | null;
  /** Where it was made EXCLUSIVE, when it was not taken in that mode. */
  readonly promotion: readonly Site[] | null;
}

/** Everything that is needed to read one leaf's rows off its finals. */
export interface RowContext {
  readonly leaf: DispatchedLeaf;
  readonly finals: readonly Final[];
  /** Number of the frame of the leaf's own function. */
  readonly frame: number;
  readonly interpreter: Interpreter;
  readonly rules: ExtractionRules;
  readonly names: StatusNames;
  readonly handedOver: HandedOver;
  readonly handler: Site;
}

/** Reads the rows. */
export function buildRows(context: RowContext): LeafRows {
  const troubles: RowTrouble[] = [];
  withoutIndices.clear();
  const successes = successfulWays(context);
  if (successes.length === 0) {
    troubles.push({
      what: "no-success",
      message: `no way through ${context.leaf.name} ends in success`,
      site: context.handler,
    });
    return { acquisitions: [], otherBusy: [], troubles };
  }
  const objects = new ObjectNames(context);
  const held = settleRoles(
    successes.map((final) => heldLocks(final, context, objects, troubles)),
    context.rules,
  );
  const failures = failureStatuses(context);
  const whens = new Whens(successes, held, context);
  const rows = collectRows(held, failures, whens, context, troubles);
  reportLeaks(context, troubles);
  reportModes(context, troubles);
  return { acquisitions: nameTwins(rows), otherBusy: otherBusy(context, whens), troubles };
}

/**
 * The ways that count as success: entering the TD if the leaf does that, else returning success. A TDCALL that enters a VM of
 * its TD may do so for success, or to inject an exception: that counts where nothing else does, or where it locks what the
 * other ways do not. A status that is neither success nor an error ("already blocked", "an interrupt is pending") counts only
 * where nothing else does.
 */
function successfulWays(context: RowContext): Final[] {
  const unhurt = context.finals.filter((final) => !final.state.failure);
  const entries = unhurt.filter((final) => final.kind === "td-entry");
  if (entries.length > 0 && context.leaf.side === "host") return entries;
  const returns = unhurt.filter((final) => final.kind === "return" && !isError(final, context));
  const plain = returns.filter((final) => !(final.value?.t === "num" && final.value.v !== 0n));
  const locked = new Set(plain.flatMap(locksOf));
  const successes = [...plain, ...entries.filter((entry) => locksOf(entry).some((lock) => !locked.has(lock)))];
  if (successes.length > 0) return successes;
  if (entries.length > 0) return entries;
  return returns.length > 0 ? returns : unhurt.filter((final) => final.kind !== "return");
}

/** What a way locks, or walks unlocked, by where it does so. */
const locksOf = ({ state }: Final): string[] =>
  [...state.events, ...state.skipped]
    .filter((event) => event.kind === "acquire")
    .map((event) => chainKey(event.evidence));

function isError(final: Final, context: RowContext): boolean {
  if (!final.value) return false;
  if (context.interpreter.isErrorValue(final.value)) return true;
  const status = final.value;
  if (status.t === "ite") {
    const first = isError({ ...final, value: status.a }, context);
    return first && isError({ ...final, value: status.b }, context);
  }
  // An unknown status that is known not to be success.
  return status.t === "sym" && isConst(final.state.simplify(equal(status, num(0))), false);
}

// ------------------------------------------------------------------ objects

/** Finds the leaf's own name for an object. */
class ObjectNames {
  private readonly interpreter: Interpreter;
  private readonly texts: [string, string][];

  constructor(context: RowContext) {
    this.interpreter = context.interpreter;
    this.texts = context.interpreter.shortTexts(false);
  }

  /** The variable that points to the object, without the suffix that says it is a pointer; the word itself of a bit lock. */
  of(event: AcquireEvent): string {
    if (event.lock === "bit") return /\b\w+(\[[^\]]*\])?$/.exec(this.inLeafTerms(event.text))?.[0] ?? event.text;
    const variable = this.interpreter.variableOf(event.objectKey.replace(/^\*\{([\s\S]*)\}$/, "$1"));
    if (variable !== null) return shortName(variable);
    const written = this.inLeafTerms(event.text).replace(/(->|\.)[\w.]+$/, "");
    const owner =
      /(\w+?)_(?:pamt_block|pamt_walk_result|walk_result)\b/.exec(written)?.[1] ??
      /\[(\w+?)(?:_pa)?(?:\[|\.|\])/.exec(written)?.[1];
    return shortName(owner ?? written);
  }

  /** Replaces what callees computed by the leaf's variables that hold it. */
  inLeafTerms(text: string): string {
    let result = text;
    for (const [long, short] of this.texts) result = replaced(result, long, short);
    return result;
  }
}

/** A name in place of an expression, and of the parentheses that only the expression needs. */
function replaced(text: string, long: string, short: string): string {
  if (!text.includes(long)) return text;
  const enclosed = text.split(`(${long})`);
  const joined = enclosed.reduce((left, right) => left + (/\w$/.test(left) ? `(${short})` : short) + right);
  return joined.split(long).join(short);
}

function shortName(name: string): string {
  return name
    .replace(/\[\d+\]$/, "")
    .replace(/_(ptr|p)$/, "")
    .replace(/_pamt(_entry|_block|_walk_result)?$/, "");
}

/** Rows of one resource on several objects get the object as their role. */
function nameTwins(rows: readonly Acquisition[]): Acquisition[] {
  return rows.map((row) => {
    const twins = rows.filter(
      (other) => other.resource === row.resource && other.role === row.role && row.role === null,
    );
    const objects = new Set(twins.map((twin) => twin.object));
    return objects.size > 1 ? { ...row, role: row.object } : row;
  });
}

// ------------------------------------------------------------------ one way

function heldLocks(final: Final, context: RowContext, objects: ObjectNames, troubles: RowTrouble[]): Held[] {
  const { events } = final.state;
  const acquires = events.filter((event): event is AcquireEvent => event.kind === "acquire");
  const result: Held[] = [];
  for (const event of [...acquires, ...final.state.skipped]) {
    const promotion =
      event.mode === "NO_LOCK"
        ? undefined
        : events.find((other) => other.kind === "promote" && other.lockKey === event.lockKey);
    const mode: LockMode = promotion ? "EXCLUSIVE" : event.mode;
    const { resource, role, isGuess = false } = classify(event, acquires, final.state, context, troubles);
    const named = resource.startsWith("PAMT_") ? walkTarget(event, acquires) : event;
    result.push({
      event,
      mode,
      resource,
      role,
      isGuess,
      object: objects.of(named),
      release: mode === "NO_LOCK" ? null : releaseOf(event, final, context, troubles),
      promotion: promotion?.evidence ?? null,
    });
  }
  return result;
}

interface Class {
  readonly resource: string;
  readonly role: string | null;
  readonly isGuess?: boolean;
}

function classify(
  event: AcquireEvent,
  acquires: readonly AcquireEvent[],
  state: State,
  context: RowContext,
  troubles: RowTrouble[],
): Class {
  const { rules } = context;
  const path = event.members.join(".");
  for (const rule of rules.resources) {
    if (rule.lock && rule.lock !== event.lock) continue;
    if (rule.path.test(rule.lock === "bit" ? event.text : path)) return { resource: rule.resource, role: null };
  }
  if (event.members.at(-1) === rules.pamtLock) return classifyPage(event, acquires, state, context);
  const name = event.members.at(-1) ?? event.text;
  const site = event.evidence.at(-1) as Site;
  if (!troubles.some((t) => t.what === "unclassified" && t.message.includes(`'${name}'`))) {
    troubles.push({
      what: "unclassified",
      message: `the lock '${name}' fits no known resource; its field name stands for it`,
      site,
    });
  }
  return { resource: name.replace(/_lock$/, "").toUpperCase(), role: null };
}

/** The last acquisition of the walk that an ancestor was locked for. */
function walkTarget(event: AcquireEvent, acquires: readonly AcquireEvent[]): AcquireEvent {
  return acquires.filter((other) => other.invocation === event.invocation).at(-1) ?? event;
}

/** Resources of a PAMT walk's entries above the 4 KB level, from the top down. */
const PAMT_LEVELS: readonly string[] = ["PAMT_1G", "PAMT_2M"];

/** A PAMT entry: an ancestor on a walk, or the entry of a page, which is a resource of its own when the page is a TDR or TDVPR. */
function classifyPage(
  event: AcquireEvent,
  acquires: readonly AcquireEvent[],
  state: State,
  context: RowContext,
): Class {
  const { rules, leaf } = context;
  const inWalk = event.evidence.some((site) => rules.pamtWalks.includes(site.function));
  if (inWalk) {
    const walk = acquires.filter((other) => other.invocation === event.invocation);
    const level = walk.indexOf(event);
    const types = state.types.filter((fact) => fact.objectKey === event.objectKey).map((fact) => fact.type);
    // The entry of a range that the PAMT describes by a page of entries of its own is no page's entry.
    const isNode = level < PAMT_LEVELS.length && types.some((type) => rules.pamtNodeTypes.includes(type));
    if (level < walk.length - 1 || isNode) return { resource: PAMT_LEVELS[level] ?? "PAMT_2M", role: null };
  }
  if (rules.pamtResizes.includes(event.evidence.at(-1)?.function ?? "")) return { resource: "PAGE", role: "to-resize" };
  if (event.evidence.some((site) => ownerLock(site, event, rules))) return { resource: "TDR", role: null };
  const facts = state.types.filter((fact) => fact.objectKey === event.objectKey);
  const found = context.interpreter.pageType(null, facts.filter((fact) => fact.how === "assume").at(-1)?.type ?? null);
  const set = facts.filter((fact) => fact.how === "assign").at(-1)?.type ?? null;
  const special = rules.pageResources[set ?? ""] ?? (set === null ? rules.pageResources[found ?? ""] : undefined);
  if (special) return { resource: special, role: null };
  const role = roleOf(leaf.name, found, set, rules);
  return role === null
    ? { resource: "PAGE", role: `to-${leaf.name.split("_").at(-1)}`, isGuess: true }
    : { resource: "PAGE", role };
}

function ownerLock(site: Site, event: AcquireEvent, rules: ExtractionRules): boolean {
  return rules.ownerLocks.includes(site.function) || event.evidence.some((s) => rules.ownerLocks.includes(s.function));
}

function roleOf(leafName: string, found: string | null, set: string | null, rules: ExtractionRules): string | null {
  const word = leafName.split("_").at(-1) ?? "";
  if (rules.roleWords.includes(word)) return `to-${word}`;
  const isFree = (type: string | null) => type !== null && rules.freePageTypes.includes(type);
  if (set !== null && !isFree(set)) return "to-add";
  if (isFree(set)) return "to-remove";
  return isFree(found) ? "to-add" : null;
}

function releaseOf(event: AcquireEvent, final: Final, context: RowContext, troubles: RowTrouble[]): Release | null {
  const { events } = final.state;
  const at = events.indexOf(event);
  const release = events.find(
    (other, i): other is ReleaseEvent => i > at && other.kind === "release" && sameLock(event, other),
  );
  if (release) return { at: releasePoint(event, release, final, context), evidence: release.evidence };
  if (final.kind === "td-entry") {
    const releases = handOverFields(event, final.state, context)
      .map((field) => context.handedOver.get(`${field} ${event.members.at(-1)}`))
      .find((found) => found !== undefined);
    const given = releases?.find((other) => isHandedOver(event, other, final.state)) ?? releases?.[0];
    if (given) return { at: "td-exit", evidence: given.evidence };
  }
  const removed = removalOf(event, final.state, context.rules);
  if (removed) return { at: "page-removed", evidence: removed };
  const walked = walkOf(event, context.rules);
  const site = event.evidence.at(-1) as Site;
  troubles.push({
    what: "not-released",
    message: `${context.leaf.name} never gives back ${walked ?? event.text}`,
    site,
  });
  return null;
}

/** A lock word inside a page that the leaf removes goes with the page: where the page's type is set to free. */
function removalOf(event: AcquireEvent, state: State, rules: ExtractionRules): readonly Site[] | null {
  const page = /^\*\{@\{(.+?)\.raw_void\}\}[.[]/.exec(event.lockKey)?.[1];
  if (page === undefined) return null;
  const fact = state.types.find(
    (t) => t.how === "assign" && rules.freePageTypes.includes(t.type) && t.objectKey.includes(`(${page},`),
  );
  return fact?.evidence ?? null;
}

/** A PAMT block belongs to one page: which of its entries is meant follows from the page, however its address is written. */
function withoutIndex(key: string): string {
  if (!key.includes(".pamt_")) return key;
  let result = withoutIndices.get(key);
  if (result === undefined) {
    result = removeIndices(key);
    withoutIndices.set(key, result);
  }
  return result;
}

const withoutIndices = new Map<string, string>();

function removeIndices(key: string): string {
  let result = "";
  for (let i = 0; i < key.length; i++) {
    const member = /^\.pamt_\w+_p\[/.exec(key.slice(i, i + 24));
    if (!member) {
      result += key[i];
      continue;
    }
    let depth = 0;
    let end = i + member[0].length - 1;
    do {
      if (key[end] === "[") depth++;
      else if (key[end] === "]") depth--;
      end++;
    } while (depth > 0 && end < key.length);
    result += member[0];
    i = end - 1;
  }
  return result;
}

/** Does a structure that was copied into the hand-over hold the pointer in one of its members? */
function holds(state: State, structure: string | null, pointer: string): boolean {
  if (structure === null) return false;
  for (const [key, value] of state.store.entries())
    if (key.startsWith(`${structure}.`) && value.t === "sym" && value.id === pointer) return true;
  return false;
}

/** Is it the same lock? An element that stands for each of an array's is any of them. */
function sameLock(event: AcquireEvent, release: ReleaseEvent): boolean {
  if (event.lockKey === release.lockKey || withoutIndex(event.lockKey) === withoutIndex(release.lockKey)) return true;
  const each = /\[each<\d+\]/.exec(event.lockKey);
  if (!each) return false;
  const before = event.lockKey.slice(0, each.index);
  const after = event.lockKey.slice(each.index + each[0].length);
  return release.lockKey.startsWith(`${before}[`) && release.lockKey.endsWith(`]${after}`);
}

function walkOf(event: AcquireEvent, rules: ExtractionRules): string | null {
  return event.evidence.some((s) => rules.pamtWalks.includes(s.function)) ? `the PAMT entry ${event.text}` : null;
}

/** Where a release stands: in the leaf's clean-up, before it enters the TD, or in a function that gives it back earlier. */
function releasePoint(event: AcquireEvent, release: ReleaseEvent, final: Final, context: RowContext): string {
  let depth = 0;
  while (
    depth < event.evidence.length - 1 &&
    depth < release.evidence.length - 1 &&
    sameSite(event.evidence[depth], release.evidence[depth])
  )
    depth++;
  const inside = release.evidence[depth];
  // A handler may be no more than a call of a function in its own file that does the work.
  const isLeafItself =
    depth === 1 &&
    inside?.file === context.handler.file &&
    inside.file === event.evidence[0]?.file &&
    !context.leaf.name.includes(inside.function);
  if (depth > 0 && inside && !(isLeafItself && delegates(context))) return inside.function;
  if (isSameIteration(event, release)) return "iteration-end";
  if (release.by !== null) return release.by;
  if (final.kind === "td-entry" && context.leaf.side === "host") return "before-td-entry";
  return "leaf-exit";
}

/** `do … while (0)` repeats nothing. */
const repeats = (test: string): boolean => test !== "0" && test !== "false";

/** Is a lock given back by the loop that took it? */
function isSameIteration(event: AcquireEvent, release: ReleaseEvent): boolean {
  const loop = event.loops.findLast(({ text }) => repeats(text));
  return loop !== undefined && release.loops.some(({ text, line }) => text === loop.text && line === loop.line);
}

/** Does the handler take all its locks through one call of a function in its own file? */
function delegates(context: RowContext): boolean {
  const calls = new Set<string>();
  for (const { state } of context.finals) {
    for (const event of state.events) {
      const next = event.evidence[1];
      calls.add(
        next && next.file === context.handler.file
          ? `${event.evidence[0]?.line}:${next.function}`
          : `${event.evidence[0]?.line}`,
      );
    }
  }
  return calls.size === 1 && [...calls][0]?.includes(":") === true;
}

const sameSite = (a: Site | undefined, b: Site | undefined): boolean =>
  a !== undefined && b !== undefined && a.file === b.file && a.line === b.line && a.function === b.function;

/** Fields of the hand-over structure in which the leaf left what leads to this lock. */
function handOverFields(event: AcquireEvent, state: State, context: RowContext): string[] {
  const pattern = new RegExp(`\\.${context.rules.handOver}\\.(\\w+)(?:\\.|$)`);
  const pointer = event.objectKey.replace(/^\*\{([\s\S]*)\}$/, "$1");
  const fields: string[] = [];
  for (const [key, value] of state.store.entries()) {
    const field = pattern.exec(key)?.[1];
    if (field === undefined || value.t !== "sym") continue;
    if (value.id === pointer || event.objectKey.includes(value.id) || holds(state, value.location, pointer))
      fields.push(field);
  }
  return fields;
}

/** Of several locks behind one hand-over field: does the exit reach this one by the same member, or the same array element? */
function isHandedOver(event: AcquireEvent, release: ReleaseEvent, state: State): boolean {
  const member = (key: string): string | undefined => [...key.matchAll(/\.(pamt_\w+_p)\b/g)].at(-1)?.[1];
  if (member(release.lockKey) !== undefined) return member(release.lockKey) === member(event.lockKey);
  const element = /(\.\w+\[\d+\])\}/.exec(release.lockKey)?.[1];
  const pointer = event.objectKey.replace(/^\*\{([\s\S]*)\}$/, "$1");
  if (element === undefined) return false;
  return [...state.store.entries()].some(
    ([key, value]) => key.endsWith(element) && value.t === "sym" && value.id === pointer,
  );
}

/** A page whose type one way through the leaf changes has that role on the other ways too. */
function settleRoles(held: readonly (readonly Held[])[], rules: ExtractionRules): Held[][] {
  const known = new Map<string, string | null>();
  for (const item of held.flat())
    if (!item.isGuess && item.resource === "PAGE") known.set(chainBeforeWalk(item.event, rules), item.role);
  return held.map((list) =>
    list.map((item) =>
      item.isGuess ? { ...item, role: known.get(chainBeforeWalk(item.event, rules)) ?? item.role } : item,
    ),
  );
}

// ------------------------------------------------------------------ rows

/** Ascending, each once. */
interface FailureStatus {
  readonly busy: readonly bigint[];
  readonly hostPriority: readonly bigint[];
}

/** What the leaf returns when an acquisition fails, by the acquisition's lock and place. */
function failureStatuses(context: RowContext): Map<string, FailureStatus> {
  const result = new Map<string, FailureStatus>();
  for (const final of context.finals) {
    const { failure } = final.state;
    if (!failure) continue;
    const key = chainKey(failure.event.evidence);
    const entry = result.get(key) ?? { busy: [], hostPriority: [] };
    const status = final.value?.t === "num" && !isAnother(final.value, failure.outcome) ? [final.value.v] : [];
    const isPriority = /HOST_PRIORITY/.test(failure.outcome);
    result.set(key, {
      busy: isPriority ? entry.busy : ascending([...entry.busy, ...status]),
      hostPriority: isPriority ? ascending([...entry.hostPriority, ...status]) : entry.hostPriority,
    });
  }
  return result;
}

/** A leaf that goes on after a failure may end with a status that is about something else. */
const isAnother = ({ name }: { readonly name: string | null }, outcome: string): boolean =>
  name !== null && outcome.startsWith("TDX_") && name !== outcome;

const ascending = (values: readonly bigint[]): bigint[] => [...new Set(values)].sort((a, b) => (a < b ? -1 : 1));

const chainKey = (evidence: readonly Site[]): string => evidence.map((s) => `${s.file}:${s.line}`).join(">");

function collectRows(
  held: readonly (readonly Held[])[],
  failures: ReadonlyMap<string, FailureStatus>,
  whens: Whens,
  context: RowContext,
  troubles: RowTrouble[],
): Acquisition[] {
  const groups = new Map<string, { first: Held; order: string; all: Held[]; ways: Set<number> }>();
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
      } else groups.set(key, { first: item, order: "", all: [item], ways: new Set([way]) });
    }
  });
  const rows: Acquisition[] = [];
  for (const { first, all, ways } of ordered(groups, held)) {
    const failure =
      failures.get(chainKey(first.event.evidence)) ??
      all.map((h) => failures.get(chainKey(h.event.evidence))).find((f) => f !== undefined && f.busy.length > 0);
    const promotion = first.promotion === null ? undefined : failures.get(chainKey(first.promotion));
    const [busy = null, ...others] =
      first.mode === "NO_LOCK" ? [] : [...new Set([...(failure?.busy ?? []), ...(promotion?.busy ?? [])])];
    const [priority = null, ...otherPriorities] = [
      ...new Set([...(failure?.hostPriority ?? []), ...(promotion?.hostPriority ?? [])]),
    ];
    if (busy === null && first.mode !== "NO_LOCK") {
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
      lock: first.event.lock,
      mode: first.mode,
      side: first.event.side,
      when: whens.ofRow(all, ways),
      times: timesOf(first.event, context.rules),
      operand: busy === null ? null : operandOf(busy, context),
      busyStatus: busy === null ? null : hex(busy),
      hostPriorityStatus: priority === null ? null : hex(priority),
      otherStatuses: ascending([...others, ...otherPriorities]).map((status) => ({
        status: hex(status),
        operand: operandOf(status, context),
      })),
      release: usualRelease(first, all),
      evidence: first.event.evidence,
      promotion: first.promotion,
    });
  }
  return rows;
}

/** The operand in a status's low half; zero means RAX only in a status that carries operands. */
function operandOf(status: bigint, context: RowContext): Operand | null {
  const low = status & 0xffffffffn;
  if (low === 0n && !context.rules.operandStatuses.test(context.names.status(status) ?? "")) return null;
  return context.names.operand(low);
}

function lastLine(h: Held): number {
  return h.event.evidence.at(-1)?.line ?? 0;
}

const sameWalk = (a: Held, b: Held): boolean => a.event.evidence.at(-1)?.function === b.event.evidence.at(-1)?.function;

/** The call chain down to the PAMT walk, which may stop at any level. */
function chainBeforeWalk(event: AcquireEvent, rules: ExtractionRules): string {
  const walkAt = event.evidence.findIndex((s) => rules.pamtWalks.includes(s.function));
  return chainKey(walkAt >= 0 ? event.evidence.slice(0, walkAt) : event.evidence);
}

/** Acquisitions of one row: same place in the leaf, same resource, role and mode. A walk that stops at another level is the same row. */
function rowKey(item: Held, context: RowContext): string {
  const { event } = item;
  if (item.mode === "NO_LOCK") return `${item.resource}|${item.object}|NO_LOCK`;
  // A page goes by several names on its way through the helpers.
  const object = event.members.at(-1) === context.rules.pamtLock ? "" : item.object;
  return `${chainBeforeWalk(event, context.rules)}|${item.resource}|${item.role}|${object}|${item.mode}|${event.side}`;
}

/** Rows in source order: the order in which a way through the leaf takes them. */
function ordered<T extends { first: Held; all: Held[] }>(
  groups: ReadonlyMap<string, T>,
  held: readonly (readonly Held[])[],
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
const level = (group: { first: Held }): number =>
  PAMT_LEVELS.indexOf(group.first.resource) + 1 || PAMT_LEVELS.length + 1;
const sameCall = ({ first: a }: { first: Held }, { first: b }: { first: Held }): boolean => {
  const [x, y] = [a.event.evidence, b.event.evidence];
  if (x.length < 2 || y.length < 2 || !sameSite(x[0], y[0])) return false;
  return sameSite(x[1], y[1]) || (x.length === 2 && y.length === 2);
};

function timesOf(event: AcquireEvent, rules: ExtractionRules): string {
  const loops = event.loops.map((loop) => loop.text).filter(repeats);
  if (loops.length === 0) return "1";
  const count = /^\w+ < (\d+)$/.exec(loops.at(-1) ?? "")?.[1];
  if (count !== undefined) return count;
  for (const rule of rules.multiplicities) if (loops.some((test) => rule.test.test(test))) return rule.times;
  return `while ${loops.at(-1)}`;
}

/** Where a way that does all of its work gives locks back; a way that gives up early may do so elsewhere. */
const USUAL_RELEASES = ["leaf-exit", "iteration-end", "before-td-entry", "td-exit"];

/**
 * The release of a row: of the very acquisition that the row shows, not of one at another level of a walk. Where ways differ,
 * the first in the source: what fails is cleaned up at the end.
 */
function usualRelease(first: Held, all: readonly Held[]): Release | null {
  const shown = chainKey(first.event.evidence);
  const same = all.filter((held) => held.release !== null && chainKey(held.event.evidence) === shown);
  const usual = same.filter((held) => USUAL_RELEASES.includes(held.release?.at ?? ""));
  const line = (held: Held): number => held.release?.evidence[0]?.line ?? 0;
  const [earliest] = (usual.length > 0 ? usual : same).sort((a, b) => line(a) - line(b));
  return earliest?.release ?? first.release;
}

const hex = (value: bigint): string => `0x${value.toString(16).toUpperCase().padStart(16, "0")}`;

/** Under which conditions the rows of one leaf hold, in the leaf's terms. */
class Whens {
  private readonly conditions: Conditions;
  private readonly held: readonly (readonly Held[])[];
  private readonly successes: readonly Final[];
  private readonly interpreter: Interpreter;
  private readonly texts: [long: string, short: string][];

  constructor(successes: readonly Final[], held: readonly (readonly Held[])[], context: RowContext) {
    this.conditions = new Conditions(
      successes.map(({ state }) => state.path),
      (test) => this.text(test),
    );
    this.successes = successes;
    this.held = held;
    this.interpreter = context.interpreter;
    this.texts = context.interpreter.shortTexts(true);
  }

  /** When a row's lock is taken; null when every successful way does. */
  ofRow(items: readonly Held[], ways: ReadonlySet<number>): string | null {
    // Ways that differ only in what they walk unlocked are one way.
    const isWalk = items.every((item) => item.mode === "NO_LOCK");
    if (ways.size === this.successes.length && !isWalk) return null;
    const condition = this.conditions.of(items.flatMap((item) => this.takings(item)));
    if (condition === null) return TOO_MANY_CASES;
    if (isConst(condition.formula, true)) return null;
    const text = this.text(condition.formula);
    return text.length <= LONG_CONDITION ? text : (this.withoutChecks(condition) ?? text);
  }

  /** In which of the cases that the leaf's own functions tell apart a status comes into being; null for all, or where that is long. */
  ofBusy(facts: readonly BusyFact[], cause: Formula): string | null {
    const { ownTests } = this.interpreter;
    const causes = new Set(atomsOf(cause).map(({ key }) => key));
    const condition = this.conditions.of(
      facts.map((fact) => [fact.path]),
      (test) => ownTests.has(test.key) && !causes.has(test.key),
    );
    if (condition === null) return null;
    const isShort = (formula: Formula | null): formula is Formula =>
      formula !== null && !isConst(formula, true) && this.text(formula).length <= LONG_CONDITION;
    if (isShort(condition.formula)) return this.text(condition.formula);
    const formula = condition.shown((test) => !this.isCheck(test));
    return isShort(formula) ? this.text(formula) : null;
  }

  private takings(item: Held): (readonly Path[])[] {
    // The same acquisition may be another row on another way (a page's entry there, an ancestor here): then the way decides.
    const isAmbiguous = this.held.some((list) =>
      list.some((o) => o.event === item.event && (o.resource !== item.resource || o.mode !== item.mode)),
    );
    if (!isAmbiguous) return [[item.event.path]];
    return this.held.flatMap((list, way) =>
      list.includes(item) ? [[item.event.path, (this.successes[way] as Final).state.path]] : [],
    );
  }

  /** A long condition, without what functions check: the tests of inputs and fields say which case it is. */
  private withoutChecks({ formula, shown }: Condition): string | null {
    if (!atomsOf(formula).some((test) => this.isCheck(test))) return null;
    const rest = shown((test) => !this.isCheck(test));
    return rest === null || isConst(rest, true) ? null : joinedText("&&", [this.text(rest), CHECKS_PASS]);
  }

  private operandsInLeafTerms(operands: readonly Sym[], text: string): string {
    return operands.reduce((words, operand) => {
      const better = this.interpreter.inLeafTerms(operand);
      return better === null ? words : replaced(words, operand.text, better);
    }, text);
  }

  private isCheck(test: Formula): boolean {
    return CALL.test(this.text(test).replace(ACCESSOR, ""));
  }

  /** A formula in the leaf's terms. */
  text(formula: Formula): string {
    let text = textOf(reworded(formula, ({ operands }, words) => this.operandsInLeafTerms(operands, words)));
    for (const [long, short] of this.texts) text = replaced(text, long, short);
    return text;
  }
}

// ------------------------------------------------------------------ the rest

/** A test longer than this is shown as its own function writes it. */
const MAX_CONDITION = 120;
/** A condition longer than this is shown without the checks that come before. */
const LONG_CONDITION = 2 * MAX_CONDITION;
const CHECKS_PASS = "(earlier checks pass)";
const CALL = /\w\(/;
/** A call that only leads to a structure. */
const ACCESSOR = /\b\w+\(\)->/g;
const TOO_MANY_CASES = "(one of too many cases to list)";

function otherBusy(context: RowContext, whens: Whens): OtherBusy[] {
  const facts = context.finals.filter((final) => !final.state.failure).flatMap((final) => final.state.busy);
  const seen: { readonly name: string; readonly fact: BusyFact; readonly busy: OtherBusy }[] = [];
  const order = (fact: BusyFact) => fact.evidence.at(-1)?.line ?? 0;
  for (const fact of [...facts].sort((a, b) => b.evidence.length - a.evidence.length || order(a) - order(b))) {
    const name = context.names.status(fact.status);
    if (name === null || fact.isHandedOn || seen.some((other) => other.name === name && isOnItsWayUp(fact, other.fact)))
      continue;
    const cause = fact.guards.at(-1);
    const inLeafTerms = cause ? whens.text(cause.formula) : "";
    const text = inLeafTerms.length > MAX_CONDITION && cause?.written ? cause.written : inLeafTerms;
    const same = facts.filter((other) => chainKey(other.evidence) === chainKey(fact.evidence));
    const before = cause ? whens.ofBusy(same, cause.formula) : null;
    const isListed = fact.evidence.some((site) => context.rules.listReaders.includes(site.function));
    const final = isListed ? ((fact.status | FATAL) >> 32n) << 32n : finalStatus(fact, facts);
    const busy: OtherBusy = {
      status: hex(final),
      name,
      object: busyObject(text),
      operand: (final & 0xffffffffn) === 0n ? null : operandOf(final, context),
      when: before === null ? text || null : joinedText("&&", [before, text]),
      evidence: fact.evidence,
    };
    seen.push({ name, fact, busy });
  }
  return seen
    .map(({ busy }) => busy)
    .sort(
      (a, b) =>
        (a.evidence[0]?.line ?? 0) - (b.evidence[0]?.line ?? 0) || compare(chainKey(a.evidence), chainKey(b.evidence)),
    );
}

/** Is a status one that came into being in a callee, or at the same place? */
function isOnItsWayUp(fact: BusyFact, origin: BusyFact): boolean {
  return (
    functionPath(origin).startsWith(`${functionPath(fact)}>`) || chainKey(fact.evidence) === chainKey(origin.evidence)
  );
}

const functionPath = (fact: BusyFact): string => fact.evidence.map((site) => site.function).join(">");

/** A caller may have added an operand to the status, or made it fatal: what it is at the end of its way up. */
function finalStatus(fact: BusyFact, facts: readonly BusyFact[]): bigint {
  const path = functionPath(fact);
  const isHigher = (other: BusyFact): boolean =>
    statusKind(other.status) === statusKind(fact.status) &&
    `${path}>`.startsWith(`${functionPath(other)}>`) &&
    fact.guards.every((guard) => other.guards.includes(guard));
  const last = (f: BusyFact) => f.evidence.at(-1)?.line ?? 0;
  const [highest] = facts.filter(isHigher).sort((a, b) => a.evidence.length - b.evidence.length || last(b) - last(a));
  return highest?.status ?? fact.status;
}

/** What a busy test looks at: the target of an atomic operation, or the field that it compares. */
function busyObject(text: string): string {
  const target = /&([\w.>-]+(?:\[[^\]]*\])?)\)/.exec(text)?.[1];
  if (target) return target;
  const field = /!?\(?([\w.>-]+)(?:\[| (?:!=|==|<|>) |$|\()/.exec(text)?.[1];
  return field ?? text;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A lock that a failing way keeps is a finding about the module, or a limit of this analysis: either way it is said. */
function reportLeaks(context: RowContext, troubles: RowTrouble[]): void {
  const reported = new Set<string>();
  for (const final of context.finals) {
    if (final.kind !== "return" || (!final.state.failure && !isError(final, context))) continue;
    const { events } = final.state;
    for (const event of events) {
      if (event.kind !== "acquire" || reported.has(event.lockKey)) continue;
      const at = events.indexOf(event);
      if (events.some((other, i) => i > at && other.kind === "release" && sameLock(event, other))) continue;
      reported.add(event.lockKey);
      const how = final.state.failure
        ? `when ${final.state.failure.outcome} is returned for another lock`
        : `when it returns ${final.value ? valueText(final.value) : "an error"}`;
      troubles.push({
        what: "leaked-on-error",
        message: `${context.leaf.name} may keep ${event.text} locked ${how}`,
        site: event.evidence.at(-1) as Site,
      });
    }
  }
}

/** A lock that is given back in another mode than it is held in leaves the lock's counters wrong. */
function reportModes(context: RowContext, troubles: RowTrouble[]): void {
  const reported = new Set<string>();
  for (const { state } of context.finals) {
    const held = new Map<string, LockMode>();
    for (const event of state.events) {
      const key = withoutIndex(event.lockKey);
      if (event.kind === "acquire") held.set(key, event.mode);
      else if (event.kind === "promote") held.set(key, "EXCLUSIVE");
      else if (event.kind === "demote") held.set(key, "SHARED");
      else if (event.kind === "release") {
        const mode = held.get(key);
        held.delete(key);
        const site = event.evidence.at(-1) as Site;
        const place = `${site.file}:${site.line}`;
        if (mode === undefined || event.mode === null || event.mode === mode || reported.has(place)) continue;
        reported.add(place);
        troubles.push({
          what: "released-as",
          message: `${context.leaf.name} holds a lock as ${mode} and gives it back as ${event.mode}`,
          site,
        });
      }
    }
  }
}
