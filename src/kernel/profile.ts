/** Rows become the paths of a HostProfile: named and grouped by rules, so that two kernels' paths line up. */

import { type HostLock, type HostPath, type HostStep, isKick, type LockUse, reactionOf } from "../host/index.ts";
import type { Held } from "./locks.ts";
import { heldKey } from "./locks.ts";
import { compareChains, type Row } from "./rows.ts";
import type { KernelRules, LockClass, PathRule } from "./rules.ts";

/** A row with what is known of it beyond its own entry. */
export interface PlacedRow extends Row {
  /** The entry's function. */
  readonly entry: string;
  /** The leaf's name and version. */
  readonly call: string;
  readonly variant: string | null;
  readonly phase: string;
  /** Is it made only after a kick, because an earlier one gave BUSY? */
  readonly isAfterKick: boolean;
  /** Later phases into which it may last. */
  readonly overruns: readonly string[];
}

/** The paths of all rows, in the order of the rules, and those that no rule names after them. */
export function pathsOf(rows: readonly PlacedRow[], rules: KernelRules, source: string): HostPath[] {
  const groups = new Map<string, { rule: PathRule; rows: PlacedRow[] }>();
  const order = new Map<string, number>();
  for (const row of rows) {
    const index = rules.paths.findIndex((rule) => fits(rule, row));
    const rule = rules.paths[index] ?? unnamed(row);
    const group = groups.get(rule.name) ?? { rule, rows: [] };
    group.rows.push(row);
    groups.set(rule.name, group);
    if (!order.has(rule.name)) order.set(rule.name, index < 0 ? rules.paths.length : index);
  }
  return [...groups]
    .sort(([a], [b]) => (order.get(a) ?? 0) - (order.get(b) ?? 0) || (a < b ? -1 : 1))
    .map(([, group]) => pathOf(group.rule, group.rows, rules, source));
}

function fits({ when }: PathRule, row: PlacedRow): boolean {
  return (
    (when.entry === undefined || when.entry.some((p) => matches(p, row.entry))) &&
    (when.labels === undefined || when.labels.every((p) => row.labels.some((label) => matches(p, label)))) &&
    (when.calls === undefined || when.calls.some((p) => matches(p, row.call))) &&
    (when.context === undefined || when.context.some((p) => row.context !== null && matches(p, row.context)))
  );
}

const regexps = new Map<string, RegExp>();

/** Does a name fit a pattern in which `*` stands for any characters? */
export function matches(pattern: string, name: string): boolean {
  if (!pattern.includes("*")) return pattern === name;
  let regexp = regexps.get(pattern);
  if (regexp === undefined) {
    regexp = new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`);
    regexps.set(pattern, regexp);
  }
  return regexp.test(name);
}

/** A path that no rule names goes by its entry and labels. */
function unnamed(row: PlacedRow): PathRule {
  const name = row.labels.length === 0 ? row.entry : `${row.entry}: ${row.labels.join(" ")}`;
  return { name, when: {}, per: "machine" };
}

function pathOf(rule: PathRule, rows: readonly PlacedRow[], rules: KernelRules, source: string): HostPath {
  const phases = rules.phases.map((p) => p.name).filter((name) => rows.some((row) => row.phase === name));
  const groups = groupsOf(rule, rows, rules);
  // A step that is made in a later phase anyway, under the same locks, need not last into it.
  const overruns = groups.flatMap((group) => {
    const own = new Set(group.map((row) => row.phase));
    return group.flatMap((row) => row.overruns).filter((name) => !own.has(name));
  });
  const steps = groups.map((group) => stepOf(rule, group, phases, rules));
  const common = commonHolds(steps);
  const [first] = rows;
  return {
    name: rule.name,
    function: first === undefined ? rule.name : functionsOf(first),
    per: rule.per,
    phases,
    ...(rule.gate !== undefined && { gate: rule.gate }),
    ...(overruns.length > 0 && { overruns: [...new Set(overruns)] }),
    ...(rule.atMostOne !== undefined && { atMostOne: rule.atMostOne }),
    ...(rule.exceptional !== undefined && { exceptional: rule.exceptional }),
    entries: entriesOf(rows),
    sources: [source],
    ...(rule.assumed !== undefined && { assumed: rule.assumed }),
    ...(rule.note !== undefined && { note: rule.note }),
    ...(common.length > 0 && { holds: common }),
    steps: steps.map((step) => withoutHolds(step, common)),
  };
}

/** The first functions of the chain, as a reader would name the way in. */
function functionsOf({ entry, chain }: PlacedRow): string {
  const names = [entry, ...chain.slice(1).map((link) => link.function)];
  return names.length <= 4 ? names.join(" -> ") : [...names.slice(0, 2), "…", ...names.slice(-2)].join(" -> ");
}

function entriesOf(rows: readonly PlacedRow[]): string[] {
  return [...new Set(rows.map((row) => [row.entry, ...row.labels].join(" ")))].sort();
}

/** Rows that are one step, each; in the order of the source. */
function groupsOf(rule: PathRule, rows: readonly PlacedRow[], rules: KernelRules): PlacedRow[][] {
  const groups = new Map<string, PlacedRow[]>();
  const sorted = [...rows].sort((a, b) => compareChains(a.chain, b.chain));
  for (const row of sorted) {
    const key = JSON.stringify([
      row.call,
      row.variant,
      row.context,
      isAny(rule, row, rules),
      holdsOf(rule, row, rules).map(useKey),
      row.onBusy,
    ]);
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  const all = [...groups.values()];
  return all.filter((group) => !all.some((first) => isSecondTry(group, first, rule, rules)));
}

/**
 * Is a group of rows the second try after the kick of another one? Nobody is in the guest then, and the first try's reaction ends with
 * what becomes of it, so that it is no call of its own.
 */
function isSecondTry(
  group: readonly PlacedRow[],
  first: readonly PlacedRow[],
  rule: PathRule,
  rules: KernelRules,
): boolean {
  const [row, before] = [group[0] as PlacedRow, first[0] as PlacedRow];
  const kick = before.onBusy.findIndex(isKick);
  const locks = (one: PlacedRow): string => holdsOf(rule, one, rules).map(useKey).join();
  return (
    kick >= 0 &&
    row.call === before.call &&
    row.context === before.context &&
    locks(row) === locks(before) &&
    String(row.onBusy) === String([...moreTries(before.onBusy[kick] ?? ""), ...before.onBusy.slice(kick + 1)]) &&
    group.every(({ isAfterKick }) => isAfterKick)
  );
}

/** What is left of a kick and some tries after the first of these. */
function moreTries(reaction: string): string[] {
  const left = (reactionOf(reaction).tries ?? 0) - 1;
  return left > 0 ? [`retry:${left}`] : [];
}

function stepOf(rule: PathRule, group: readonly PlacedRow[], phases: readonly string[], rules: KernelRules): HostStep {
  const row = group.reduce((best, other) => (other.chain.length < best.chain.length ? other : best));
  const own = phases.filter((phase) => group.some((r) => r.phase === phase));
  const holds = holdsOf(rule, row, rules);
  const onEach = group.every((one) => isOneByOne(one, rules))
    ? undefined
    : Object.values(rules.callbacks).find((c) => c.context === row.context)?.onEach;
  return {
    call: row.call,
    ...(row.variant !== null && { variant: row.variant }),
    ...(row.context !== null && { context: row.context }),
    ...(group.every((r) => r.areInterruptsOff) && { interrupts: "off" as const }),
    ...(own.length < phases.length && { phases: own }),
    ...(onEach !== undefined && { onEach }),
    ...(isAny(rule, row, rules) && { vcpu: "any" as const }),
    ...(holds.length > 0 && { holds }),
    onBusy: [{ do: [...row.onBusy] }],
    evidence: row.chain.map(({ function: name, file, line, cases }) => ({
      function: name,
      file,
      line,
      ...(cases.length > 0 && { case: cases.at(-1) as string }),
    })),
  };
}

/** Does each CPU that makes the call at once with others take a lock of the whole machine for it? */
function isOneByOne({ own }: PlacedRow, { locks }: KernelRules): boolean {
  return own.some(
    ({ lock, mode }) =>
      mode === "exclusive" &&
      locks.classes.some(({ name, per, nests }) => name === lock && per === "machine" && !nests),
  );
}

/** Does the call name a vCPU that need not be the path's own? */
function isAny(rule: PathRule, row: PlacedRow, rules: KernelRules): boolean {
  return rules.vcpuCalls.some((p) => matches(p, row.call)) && (rule.per !== "vcpu" || row.vcpu !== "self");
}

// ---------------------------------------------------------------- locks

function holdsOf(rule: PathRule, row: PlacedRow, rules: KernelRules): LockUse[] {
  const order = new Map(rules.locks.classes.map((c, i) => [c.name, i]));
  const classes = new Map(rules.locks.classes.map((c) => [c.name, c]));
  const derived = row.held.flatMap((held): LockUse[] => {
    const lock = classes.get(held.lock);
    return lock === undefined ? [] : [useOf(rule, held, lock, row)];
  });
  const stated = rules.stated
    .filter(
      (s) =>
        s.calls.some((p) => matches(p, row.call)) &&
        (s.context === undefined || s.context === row.context) &&
        (s.entries?.some((p) => matches(p, row.entry)) ?? true),
    )
    .map((s): LockUse => {
      const by = classes.get(s.lock)?.by ?? "stated";
      return {
        lock: s.lock,
        ...(s.mode === "shared" && { mode: "shared" as const }),
        ...(s.of !== undefined && { of: s.of }),
        ...(s.assumed !== undefined && { assumed: s.assumed }),
        by,
      };
    });
  return [...derived, ...stated].sort((a, b) => (order.get(a.lock) ?? 0) - (order.get(b.lock) ?? 0));
}

function useOf(rule: PathRule, held: Held, lock: LockClass, row: PlacedRow): LockUse {
  const place = row.taken.get(heldKey(held));
  return {
    lock: held.lock,
    ...(held.mode === "shared" && { mode: "shared" as const }),
    ...ownerOf(rule, held, lock),
    // What nothing below the entry takes, the outside holds: a rule says so.
    by: place === undefined && lock.by === "derived" ? "rule" : place?.isAsserted === true ? "asserted" : lock.by,
    ...(place !== undefined && { evidence: [{ function: place.function, file: place.file, line: place.line }] }),
  };
}

function ownerOf(rule: PathRule, held: Held, lock: LockClass): Pick<LockUse, "of"> {
  if (lock.of === "target") return { of: "target" };
  if (lock.per !== "vcpu") return held.of === "other" ? { of: "other" } : {};
  if (held.of === "all") return { of: "all" };
  if (held.of === "each") return { of: "target" };
  return held.of === "other" || rule.per !== "vcpu" ? { of: "other" } : {};
}

const useKey = ({ lock, mode, of }: LockUse): string => `${lock} ${mode ?? ""} ${of ?? ""}`;

/** Uses that every step has, taken at one place. */
function commonHolds(steps: readonly HostStep[]): LockUse[] {
  const [first, ...rest] = steps;
  if (first === undefined || rest.length === 0) return [];
  return ((first.holds ?? []) as LockUse[]).filter((use) => {
    const text = JSON.stringify(use);
    return rest.every((step) => (step.holds ?? []).some((other) => JSON.stringify(other) === text));
  });
}

function withoutHolds(step: HostStep, common: readonly LockUse[]): HostStep {
  if (common.length === 0) return step;
  const texts = new Set(common.map((use) => JSON.stringify(use)));
  const { holds, ...rest } = step;
  const own = (holds ?? []).filter((use) => !texts.has(JSON.stringify(use)));
  // Keys keep their order.
  const { onBusy, evidence, ...head } = rest;
  return { ...head, ...(own.length > 0 && { holds: own }), ...(onBusy && { onBusy }), ...(evidence && { evidence }) };
}

/** The locks that some path holds, in the order of the rules. */
export function locksOf(
  paths: readonly HostPath[],
  rules: KernelRules,
  takenBy: ReadonlyMap<string, ReadonlySet<string>>,
): HostLock[] {
  const used = new Set(
    paths.flatMap((path) =>
      [...(path.holds ?? []), ...path.steps.flatMap((step) => step.holds ?? [])].map((use) =>
        typeof use === "string" ? use : use.lock,
      ),
    ),
  );
  return rules.locks.classes
    .filter((c) => used.has(c.name))
    .map(({ name, kind, per, what }) => ({
      name,
      kind: kindTaken(takenBy.get(name) ?? new Set(), rules) ?? kind,
      per,
      ...(what !== undefined && { what }),
    }));
}

/** The kind of lock that some primitives take; null where they do not tell, or take several. */
function kindTaken(primitives: ReadonlySet<string>, { locks }: KernelRules): HostLock["kind"] | null {
  const kinds = (Object.entries(locks.kinds) as [HostLock["kind"], readonly string[]][]).filter(([, patterns]) =>
    [...primitives].some((name) => patterns.some((pattern) => matches(pattern, name))),
  );
  return kinds.length === 1 ? (kinds[0]?.[0] ?? null) : null;
}
