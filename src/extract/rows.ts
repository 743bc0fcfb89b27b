/**
 * From the ways through a leaf to its rows: what is locked, as what resource, when, how often, and until when.
 */

import type { Acquisition, LockMode, Operand, OtherBusy, Release, Site } from "../catalog/index.ts";
import type { Final, Interpreter } from "./interpreter.ts";
import type { DispatchedLeaf } from "./leaves.ts";
import type { ExtractionRules } from "./rules.ts";
import type { AcquireEvent, Guard, ReleaseEvent, State } from "./state.ts";
import { and, equal, type Formula, isConst, not, num, or, textOf, TRUE, valueText } from "./values.ts";

/** What the statuses and operands of the tree are called. */
export interface StatusNames {
  readonly status: (value: bigint) => string | null;
  readonly operand: (value: bigint) => Operand | null;
}

/** A release that the TD exit makes of what the TD entry left locked: the hand-over field → where. */
export type HandedOver = ReadonlyMap<string, readonly Site[]>;

export interface RowTrouble {
  readonly what: "no-success" | "not-released" | "leaked-on-error" | "unclassified" | "no-status";
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
  readonly object: string;
  readonly release: Release | null;
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
  const successes = successfulWays(context);
  if (successes.length === 0) {
    troubles.push({ what: "no-success", message: `no way through ${context.leaf.name} ends in success`, site: context.handler });
    return { acquisitions: [], otherBusy: [], troubles };
  }
  const objects = new ObjectNames(context, successes);
  const held = successes.map((final) => heldLocks(final, context, objects, troubles));
  const failures = failureStatuses(context);
  const rows = collectRows(successes, held, failures, context, troubles);
  reportLeaks(context, troubles);
  return { acquisitions: nameTwins(rows, objects), otherBusy: otherBusy(context, successes), troubles };
}

/** The ways that count as success: entering the TD if the leaf does that, else returning a status that is no error. */
function successfulWays(context: RowContext): Final[] {
  const unhurt = context.finals.filter((final) => !final.state.failure);
  const entries = unhurt.filter((final) => final.kind === "td-entry");
  if (entries.length > 0 && context.leaf.side === "host") return entries;
  const returns = unhurt.filter((final) => final.kind === "return" && !isError(final, context));
  if (returns.length > 0) return returns;
  const exits = unhurt.filter((final) => final.kind === "td-exit" || final.kind === "td-entry");
  return exits.length > 0 ? exits : [];
}

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
  private readonly byId = new Map<string, string>();
  private readonly texts: [string, string][];

  constructor(context: RowContext, successes: readonly Final[]) {
    const prefix = `f${context.frame}:`;
    for (const { state } of successes) {
      for (const [key, value] of state.store) {
        if (!key.startsWith(prefix) || value.t !== "sym") continue;
        const variable = key.slice(prefix.length).replace(/\[\d+\]$/, "");
        const known = this.byId.get(value.id);
        if (/^\w+$/.test(variable) && (known === undefined || better(variable, known))) this.byId.set(value.id, variable);
      }
    }
    this.texts = [...context.interpreter.names].sort((a, b) => b[0].length - a[0].length);
  }

  /** The variable that points to the object, without the suffix that says it is a pointer. */
  of(event: AcquireEvent): string {
    const pointer = event.objectKey.replace(/^\*\{([\s\S]*)\}$/, "$1");
    const variable = this.byId.get(pointer);
    return shortName(variable ?? this.inLeafTerms(event.text).replace(/(->|\.)\w+$/, ""));
  }

  /** Replaces what callees computed by the leaf's variables that hold it. */
  inLeafTerms(text: string): string {
    let result = text;
    for (const [long, short] of this.texts) if (result.includes(long)) result = result.split(long).join(short);
    return result;
  }
}

const better = (candidate: string, known: string): boolean => candidate.length < known.length || (candidate.length === known.length && candidate < known);

function shortName(name: string): string {
  return name.replace(/_pamt_entry_ptr$|_pamt_entry_p$/, "").replace(/_(ptr|p)$/, "");
}

/** Rows of one resource on several objects get the object as their role. */
function nameTwins(rows: readonly Acquisition[], _objects: ObjectNames): Acquisition[] {
  return rows.map((row) => {
    const twins = rows.filter((other) => other.resource === row.resource && other.role === row.role && row.role === null);
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
    const promoted = event.mode !== "NO_LOCK" && events.some((other) => other.kind === "promote" && other.lockKey === event.lockKey);
    const mode: LockMode = promoted ? "EXCLUSIVE" : event.mode;
    const { resource, role } = classify(event, acquires, final.state, context, troubles);
    result.push({ event, mode, resource, role, object: objects.of(event), release: mode === "NO_LOCK" ? null : releaseOf(event, final, context, troubles) });
  }
  return result;
}

function classify(event: AcquireEvent, acquires: readonly AcquireEvent[], state: State, context: RowContext, troubles: RowTrouble[]): { resource: string; role: string | null } {
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
    troubles.push({ what: "unclassified", message: `the lock '${name}' fits no known resource; its field name stands for it`, site });
  }
  return { resource: name.replace(/_lock$/, "").toUpperCase(), role: null };
}

/** A PAMT entry: an ancestor on a walk, or the entry of a page, which is a resource of its own when the page is a TDR or TDVPR. */
function classifyPage(event: AcquireEvent, acquires: readonly AcquireEvent[], state: State, context: RowContext): { resource: string; role: string | null } {
  const { rules, leaf } = context;
  const inWalk = event.evidence.some((site) => rules.pamtWalks.includes(site.function));
  if (inWalk) {
    const walk = acquires.filter((other) => other.invocation === event.invocation);
    const level = walk.indexOf(event);
    if (level < walk.length - 1) return { resource: level === 0 ? "PAMT_1G" : "PAMT_2M", role: null };
  }
  if (event.evidence.some((site) => rules.pamtResizes.includes(site.function))) return { resource: "PAGE", role: "to-resize" };
  if (event.evidence.some((site) => ownerLock(site, event, rules))) return { resource: "TDR", role: null };
  const facts = state.types.filter((fact) => fact.objectKey === event.objectKey);
  const found = facts.filter((fact) => fact.how === "assume").at(-1)?.type ?? null;
  const set = facts.filter((fact) => fact.how === "assign").at(-1)?.type ?? null;
  const special = rules.pageResources[set ?? ""] ?? (set === null ? rules.pageResources[found ?? ""] : undefined);
  if (special) return { resource: special, role: null };
  return { resource: "PAGE", role: roleOf(leaf.name, found, set, rules) };
}

function ownerLock(site: Site, event: AcquireEvent, rules: ExtractionRules): boolean {
  return rules.ownerLocks.includes(site.function) || event.evidence.some((s) => rules.ownerLocks.includes(s.function));
}

function roleOf(leafName: string, found: string | null, set: string | null, rules: ExtractionRules): string {
  const word = leafName.split("_").at(-1) ?? "";
  if (rules.roleWords.includes(word)) return `to-${word}`;
  const isFree = (type: string | null) => type !== null && rules.freePageTypes.includes(type);
  if (set !== null && !isFree(set)) return "to-add";
  if (isFree(set)) return "to-remove";
  if (isFree(found)) return "to-add";
  return `to-${word}`;
}

function releaseOf(event: AcquireEvent, final: Final, context: RowContext, troubles: RowTrouble[]): Release | null {
  const { events } = final.state;
  const at = events.indexOf(event);
  const release = events.find((other, i): other is ReleaseEvent => i > at && other.kind === "release" && sameLock(event, other));
  if (release) return { at: releasePoint(event, release, final, context), evidence: release.evidence };
  if (final.kind === "td-entry") {
    const evidence = handOverFields(event, final.state, context).map((field) => context.handedOver.get(field)).find((sites) => sites !== undefined);
    if (evidence) return { at: "td-exit", evidence };
  }
  const removed = removalOf(event, final.state, context.rules);
  if (removed) return { at: "page-removed", evidence: removed };
  const walked = walkOf(event, context.rules);
  const site = event.evidence.at(-1) as Site;
  troubles.push({ what: "not-released", message: `${context.leaf.name} never gives back ${walked ?? event.text}`, site });
  return null;
}

/** A lock word inside a page that the leaf removes goes with the page: where the page's type is set to free. */
function removalOf(event: AcquireEvent, state: State, rules: ExtractionRules): readonly Site[] | null {
  const page = /^\*\{@\{(.+?)\.raw_void\}\}\./.exec(event.lockKey)?.[1];
  if (page === undefined) return null;
  const fact = state.types.find((t) => t.how === "assign" && rules.freePageTypes.includes(t.type) && t.objectKey.includes(`(${page},`));
  return fact?.evidence ?? null;
}

/** A PAMT block belongs to one page: which of its entries is meant follows from the page, however its address is written. */
function withoutIndex(key: string): string {
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
  for (const [key, value] of state.store) if (key.startsWith(`${structure}.`) && value.t === "sym" && value.id === pointer) return true;
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
  while (depth < event.evidence.length - 1 && depth < release.evidence.length - 1 && sameSite(event.evidence[depth], release.evidence[depth])) depth++;
  const inside = release.evidence[depth]?.function;
  if (depth > 0 && inside) return inside;
  if (release.by !== null) return release.by;
  if (final.kind === "td-entry" && context.leaf.side === "host") return "before-td-entry";
  return "leaf-exit";
}

const sameSite = (a: Site | undefined, b: Site | undefined): boolean => a !== undefined && b !== undefined && a.file === b.file && a.line === b.line && a.function === b.function;

/** Fields of the hand-over structure in which the leaf left what leads to this lock. */
function handOverFields(event: AcquireEvent, state: State, context: RowContext): string[] {
  const pattern = new RegExp(`\\.${context.rules.handOver}\\.(\\w+)(?:\\.|$)`);
  const pointer = event.objectKey.replace(/^\*\{([\s\S]*)\}$/, "$1");
  const fields: string[] = [];
  for (const [key, value] of state.store) {
    const field = pattern.exec(key)?.[1];
    if (field === undefined || value.t !== "sym") continue;
    if (value.id === pointer || event.objectKey.includes(value.id) || holds(state, value.location, pointer)) fields.push(field);
  }
  return fields;
}

// ------------------------------------------------------------------ rows

interface FailureStatus {
  readonly busy: bigint | null;
  readonly hostPriority: bigint | null;
}

/** What the leaf returns when an acquisition fails, by the acquisition's lock and place. */
function failureStatuses(context: RowContext): Map<string, FailureStatus> {
  const result = new Map<string, { busy: bigint | null; hostPriority: bigint | null }>();
  for (const final of context.finals) {
    const { failure } = final.state;
    if (!failure) continue;
    const key = chainKey(failure.event.evidence);
    const entry = result.get(key) ?? { busy: null, hostPriority: null };
    const status = final.value?.t === "num" ? final.value.v : null;
    if (/HOST_PRIORITY/.test(failure.outcome)) entry.hostPriority ??= status;
    else if (entry.busy === null || (status !== null && status < entry.busy)) entry.busy = status ?? entry.busy;
    result.set(key, entry);
  }
  return result;
}

const chainKey = (evidence: readonly Site[]): string => evidence.map((s) => `${s.file}:${s.line}`).join(">");

function collectRows(successes: readonly Final[], held: readonly (readonly Held[])[], failures: ReadonlyMap<string, FailureStatus>, context: RowContext, troubles: RowTrouble[]): Acquisition[] {
  const groups = new Map<string, { first: Held; order: string; all: Held[]; ways: Set<number> }>();
  held.forEach((list, way) => {
    for (const item of list) {
      const key = rowKey(item, context);
      const group = groups.get(key);
      if (group) {
        group.all.push(item);
        group.ways.add(way);
        if (item.event.evidence.length >= group.first.event.evidence.length && lastLine(item) > lastLine(group.first) && sameWalk(item, group.first)) group.first = item;
      } else groups.set(key, { first: item, order: "", all: [item], ways: new Set([way]) });
    }
  });
  const when = new Conditions(successes, context);
  const rows: Acquisition[] = [];
  for (const { first, all, ways } of ordered(groups, held)) {
    const failure = failures.get(chainKey(first.event.evidence)) ?? all.map((h) => failures.get(chainKey(h.event.evidence))).find((f) => f?.busy != null);
    const busy = first.mode === "NO_LOCK" ? null : (failure?.busy ?? null);
    if (busy === null && first.mode !== "NO_LOCK") {
      troubles.push({ what: "no-status", message: `what ${context.leaf.name} returns when ${first.object}'s lock is busy is not a constant`, site: first.event.evidence.at(-1) as Site });
    }
    rows.push({
      resource: first.resource,
      role: first.role,
      object: first.object,
      lock: first.event.lock,
      mode: first.mode,
      side: first.event.side,
      when: when.of(all.map((h) => h.event), ways),
      times: timesOf(first.event, context.rules),
      operand: busy === null ? null : context.names.operand(busy & 0xffffffffn),
      busyStatus: busy === null ? null : hex(busy),
      hostPriorityStatus: failure?.hostPriority != null ? hex(failure.hostPriority) : null,
      release: first.release,
      evidence: first.event.evidence,
    });
  }
  return rows;
}

function lastLine(h: Held): number {
  return h.event.evidence.at(-1)?.line ?? 0;
}

const sameWalk = (a: Held, b: Held): boolean => a.event.evidence.at(-1)?.function === b.event.evidence.at(-1)?.function;

/** Acquisitions of one row: same place in the leaf, same resource, role and mode. A walk that stops at another level is the same row. */
function rowKey(item: Held, context: RowContext): string {
  const { event } = item;
  const walkAt = event.evidence.findIndex((s) => context.rules.pamtWalks.includes(s.function));
  const chain = walkAt >= 0 ? event.evidence.slice(0, walkAt) : event.evidence;
  return `${chainKey(chain)}|${item.resource}|${item.role}|${item.mode}|${event.side}`;
}

/** Rows in source order: the order in which a way through the leaf takes them. */
function ordered<T extends { first: Held; all: Held[] }>(groups: ReadonlyMap<string, T>, held: readonly (readonly Held[])[]): T[] {
  const position = (group: T): number => {
    let best = Number.POSITIVE_INFINITY;
    for (const list of held) list.forEach((item, i) => group.all.includes(item) && item.mode !== "NO_LOCK" && (best = Math.min(best, i)));
    return best;
  };
  const groupsList = [...groups.values()];
  const lineInLeaf = (group: T): number => group.first.event.evidence[0]?.line ?? 0;
  return groupsList
    .map((group, index) => ({ group, index, line: lineInLeaf(group), at: position(group) }))
    .sort((a, b) => a.line - b.line || a.at - b.at || a.index - b.index)
    .map(({ group }) => group);
}

function timesOf(event: AcquireEvent, rules: ExtractionRules): string {
  const loops = event.loops;
  if (loops.length === 0) return "1";
  for (const rule of rules.multiplicities) if (loops.some((test) => rule.test.test(test))) return rule.times;
  return `while ${loops.at(-1)}`;
}

const hex = (value: bigint): string => `0x${value.toString(16).toUpperCase().padStart(16, "0")}`;

/** Under which condition, among successful ways, a row's lock is taken. */
class Conditions {
  private readonly successes: readonly Final[];
  private readonly context: RowContext;
  private readonly bothSides: Set<string>;

  constructor(successes: readonly Final[], context: RowContext) {
    this.successes = successes;
    this.context = context;
    // Tests of which both sides can end in success: only these say anything about when.
    const sides = new Map<string, Set<boolean>>();
    this.bothSides = new Set();
    for (const { state } of successes) {
      for (const fork of state.merged) this.bothSides.add(fork);
      for (const guard of allGuards(state)) {
        const seen = sides.get(guard.fork) ?? new Set();
        seen.add(guard.side);
        sides.set(guard.fork, seen);
        if (seen.size > 1) this.bothSides.add(guard.fork);
      }
    }
  }

  of(events: readonly AcquireEvent[], ways: ReadonlySet<number>): string | null {
    const distinct = [...new Set(events)];
    const relevant = distinct.map((event) => event.guards.filter((guard) => this.bothSides.has(guard.fork)));
    // Assumptions that every successful way shares say nothing.
    const common = (guard: Guard) => this.successes.every(({ state }) => state.guards.some((g) => g.fork === guard.fork && g.side === guard.side));
    const formulas = relevant.map((guards) => and(...guards.filter((guard) => !common(guard)).map((guard) => guard.formula)));
    const always = ways.size === this.successes.length;
    if (always && formulas.some((f) => isConst(f, true))) return null;
    const formula = simplifyOr(formulas);
    if (isConst(formula, true)) return null;
    if (always && this.coversAll(distinct)) return null;
    return this.text(formula);
  }

  /** Does every successful way take one of these? */
  private coversAll(events: readonly AcquireEvent[]): boolean {
    return this.successes.every(({ state }) => events.some((event) => state.events.includes(event) || state.skipped.includes(event)));
  }

  /** A formula in the leaf's terms. */
  text(formula: Formula): string {
    let text = textOf(formula);
    const names = [...this.context.interpreter.names].sort((a, b) => b[0].length - a[0].length);
    for (const [long, short] of names) if (text.includes(long)) text = text.split(long).join(short);
    return text;
  }
}

function allGuards(state: State): Guard[] {
  return [...state.guards, ...state.events.flatMap((event) => event.guards), ...state.skipped.flatMap((event) => event.guards)];
}

/** `(a && b) || (!a && b)` is `b`, and so on, as far as one step of resolution goes. */
function simplifyOr(formulas: readonly Formula[]): Formula {
  let terms = formulas.map((f) => (f.k === "and" ? [...f.fs] : [f]));
  for (let changed = true; changed; ) {
    changed = false;
    outer: for (let i = 0; i < terms.length; i++) {
      for (let j = 0; j < terms.length; j++) {
        if (i === j) continue;
        const a = terms[i] as Formula[];
        const b = terms[j] as Formula[];
        if (a.every((x) => b.some((y) => y.key === x.key))) {
          terms = terms.filter((_, k) => k !== j);
          changed = true;
          break outer;
        }
        const opposite = a.find((x) => b.some((y) => y.key === not(x).key));
        if (opposite) {
          const rest = a.filter((x) => x !== opposite);
          const other = b.filter((y) => y.key !== not(opposite).key);
          if (rest.length === other.length && rest.every((x) => other.some((y) => y.key === x.key))) {
            terms = [...terms.filter((_, k) => k !== i && k !== j), rest];
            changed = true;
            break outer;
          }
        }
      }
    }
  }
  return or(...terms.map((term) => (term.length === 0 ? TRUE : and(...term))));
}

// ------------------------------------------------------------------ the rest

function otherBusy(context: RowContext, successes: readonly Final[]): OtherBusy[] {
  const when = new Conditions(successes, context);
  const seen = new Map<string, OtherBusy>();
  for (const final of context.finals) {
    if (final.state.failure) continue;
    for (const fact of final.state.busy) {
      const key = `${chainKey(fact.evidence)}|${fact.status}`;
      if (seen.has(key)) continue;
      const name = context.names.status(fact.status);
      if (name === null) continue;
      const cause = fact.guards.at(-1);
      seen.set(key, {
        status: hex(fact.status),
        name,
        object: cause ? when.text(cause.formula) : "",
        operand: (fact.status & 0xffffffffn) === 0n ? null : context.names.operand(fact.status & 0xffffffffn),
        when: cause ? when.text(cause.formula) : null,
        evidence: fact.evidence,
      });
    }
  }
  return [...seen.values()].sort((a, b) => (a.evidence[0]?.line ?? 0) - (b.evidence[0]?.line ?? 0) || chainKey(a.evidence).localeCompare(chainKey(b.evidence)));
}

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
      const how = final.state.failure ? `when ${final.state.failure.outcome} is returned for another lock` : `when it returns ${final.value ? valueText(final.value) : "an error"}`;
      troubles.push({ what: "leaked-on-error", message: `${context.leaf.name} may keep ${event.text} locked ${how}`, site: event.evidence.at(-1) as Site });
    }
  }
}
