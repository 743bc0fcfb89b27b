/**
 * Which objects two calls that meet on a lock have in common, and whether the host keeps the two apart then.
 *
 * Two calls meet on one lock word, so some of their objects are the same: two calls on one TDCS are of one VM, two on
 * one TDVPR name one vCPU. Everything else is taken as different, for each further coincidence could only make more host
 * locks the same lock: two vCPUs' own mutexes do not exclude each other, nor do the inode locks of two files. What
 * keeps two calls apart although they have only the necessary objects in common keeps them apart always.
 */
import type { Exclusion } from "./schema.ts";
import type { CallSite, HeldLock } from "./sites.ts";

/** What is the same for two calls. */
export interface Sameness {
  readonly vm?: boolean;
  /** The vCPU that both calls name. */
  readonly vcpu?: boolean;
  readonly entry?: boolean;
  readonly page?: boolean;
  readonly package?: boolean;
  /** The page that one call names is a control page of another VM's. */
  readonly foreignPage?: boolean;
}

/** The kinds of meeting that differ in what the two calls have in common. */
export type MeetingKind = "td" | "vcpu" | "sept-entry" | "page" | "control-page" | "vcpu-page" | "package" | "system";

/** What two calls can have in common where they meet; they are apart when the host keeps them apart in every case. */
const WAYS_TO_MEET: Readonly<Record<MeetingKind, readonly Sameness[]>> = {
  td: [{ vm: true }],
  vcpu: [{ vm: true, vcpu: true }],
  "sept-entry": [{ vm: true, entry: true }],
  page: [{ page: true }],
  "control-page": [
    { vm: true, page: true },
    { page: true, foreignPage: true },
  ],
  "vcpu-page": [
    { vm: true, vcpu: true, page: true },
    { page: true, foreignPage: true },
  ],
  package: [{ package: true }],
  system: [{}],
};

/** What was found out about two calls. */
export interface Apart {
  readonly excludedBy: readonly Exclusion[];
  /** What the exclusion, or its absence, takes for granted. */
  readonly assumes: readonly string[];
  /** Phases in which both can be, of one VM. */
  readonly phases: readonly string[];
  /** Locks that both hold in conflicting modes without excluding each other: each may be another object's. */
  readonly unlike: readonly string[];
  /** What the locks of {@link unlike} belong to, each once. */
  readonly unlikePer: readonly HeldLock["per"][];
  /** True when they can coincide only because one of them outlasts its gate: it is then no rightful call any more. */
  readonly late: boolean;
  /** Are the two calls of one VM wherever they can meet? */
  readonly ofOneVm: boolean;
}

/** How two calls meet. */
export interface Meeting {
  readonly kind: MeetingKind;
  /** Of a control page, who names it as a page; null otherwise. */
  readonly pageSide: "a" | "b" | null;
  /** Of a control page: does the call whose control page it is name another page beside it? Then what it owns is that one. */
  readonly otherPage: boolean;
  /** Do a guest's own call and the entry by which that guest came in meet, in one vCPU? */
  readonly ownEntry: boolean;
  /** Does it count only where one of the two outlasts its gate? */
  readonly onlyLate: boolean;
}

/** Are two sites kept apart whenever they meet in this way? No reason given means that they can coincide. */
export function keptApart(a: CallSite, b: CallSite, meeting: Meeting): Apart {
  const { kind, pageSide, onlyLate } = meeting;
  const together = a.step === b.step ? oneRun(a, b, meeting) : null;
  if (together?.excludedBy.length === 0) return together;
  const namer = pageSide === null ? null : pageSide === "a" ? a : b;
  const ways = WAYS_TO_MEET[kind].map((same) => (meeting.otherPage ? { ...same, page: false } : same));
  const verdicts = ways.map((same) => apartWhere(a, b, { same, namer, onlyLate }));
  const openings = verdicts.filter((verdict) => verdict.excludedBy.length === 0);
  const [open] = openings;
  const assumes = [...(a.path.assumed ?? []), ...(b.path.assumed ?? [])];
  if (open !== undefined) return { ...open, assumes, ofOneVm: openings.every(({ ofOneVm }) => ofOneVm) };
  const [first, ...others] = verdicts;
  const reasons = [
    ...(first?.excludedBy ?? []),
    ...others.flatMap((v) => v.excludedBy),
    ...(together?.excludedBy ?? []),
  ];
  const same = new Map(reasons.map((e) => [e.what, e]));
  return {
    excludedBy: [...same.values()],
    assumes: [...new Set(verdicts.flatMap((v) => v.assumes))],
    phases: [],
    unlike: [],
    unlikePer: [],
    late: false,
    ofOneVm: verdicts.every(({ ofOneVm }) => ofOneVm),
  };
}

/**
 * Two calls of one step, or guests in it, that one run makes on several CPUs at once: what the run holds, it holds for both; only what
 * belongs to what a call names, each of them holds for itself. Of a run that makes the call once, the guest in it meets what its own entry
 * keeps; else null.
 */
function oneRun(site: CallSite, other: CallSite, { kind, ownEntry, onlyLate }: Meeting): Apart | null {
  const { path, step, overruns } = site;
  const [phases, late] = onlyLate ? [overruns, overruns.length > 0] : [site.phases, false];
  const found = { phases, late, unlike: [], unlikePer: [], ofOneVm: true };
  if (ownEntry && site.guest !== other.guest) return { ...found, excludedBy: [], assumes: path.assumed ?? [] };
  if (step.onEach === undefined) return null;
  const apart: Exclusion = { kind: "host-lock", what: "one CPU of each package" };
  const named = { ...site, held: site.held.filter((lock) => lock.of === "target") };
  const own = WAYS_TO_MEET[kind].map((same) => locks(named, named, same));
  const held = own.every((list) => list.length > 0) ? own.flat() : [];
  const excludedBy = [
    ...(step.onEach === "package" && kind === "package" ? [apart] : []),
    ...new Map(held.map(({ exclusion }) => [exclusion.what, exclusion])).values(),
  ];
  const assumes = [...new Set([...(path.assumed ?? []), ...held.flatMap((one) => one.assumes)])];
  return { ...found, excludedBy, assumes };
}

/** What the two have in common in one of the ways to meet, and who names a page in it. */
interface Where {
  readonly same: Sameness;
  readonly namer: CallSite | null;
  readonly onlyLate: boolean;
}

function apartWhere(a: CallSite, b: CallSite, { same, namer, onlyLate }: Where): Apart {
  const cycle = same.vm === true ? lifeCycle(a, b, onlyLate) : { excludedBy: [], phases: [], late: false };
  const found: { exclusion: Exclusion; assumes: readonly string[] }[] = [
    ...cycle.excludedBy.map((exclusion) => ({ exclusion, assumes: [] })),
    ...atMostOne(a, b, same).map((exclusion) => ({ exclusion, assumes: [] })),
    ...kicks(a, b, same),
    ...locks(a, b, same),
    ...(same.foreignPage === true && namer !== null ? owned(namer) : []),
  ];
  return {
    excludedBy: found.map((f) => f.exclusion),
    assumes: [...new Set(found.flatMap((f) => f.assumes))],
    phases: cycle.phases,
    ...(found.length === 0 ? conflicting(a, b) : { unlike: [], unlikePer: [] }),
    late: cycle.late,
    ofOneVm: same.vm === true,
  };
}

/** Phases of one VM follow each other; a path that outlasts its gate reaches into later ones. */
function lifeCycle(a: CallSite, b: CallSite, onlyLate: boolean): Cycle {
  const common = a.phases.filter((phase) => b.phases.includes(phase));
  const together = common.filter((phase) => !isOneThreads(a, b, phase));
  if (together.length > 0 && !onlyLate) return { excludedBy: [], phases: together, late: false };
  const late = latePhases(a, b);
  if (late.length > 0) return { excludedBy: [], phases: late, late: true };
  const what = `${common.join(" and ")} is single-threaded`;
  const exclusion: Exclusion =
    common.length > 0
      ? { kind: "life-cycle", reason: "single-thread", what }
      : { kind: "life-cycle", reason: "phases", what: `${phasesText(a)}, ${phasesText(b)}` };
  return { excludedBy: [exclusion], phases: [], late: false };
}

interface Cycle {
  readonly excludedBy: readonly Exclusion[];
  readonly phases: readonly string[];
  readonly late: boolean;
}

/** Does one thread make both calls in this phase? */
function isOneThreads(a: CallSite, b: CallSite, phase: string): boolean {
  return a.singleThreaded.includes(phase) && a.path.per !== "machine" && b.path.per !== "machine";
}

/**
 * Phases in which both can be though one is late, or both are. Both are late only where their runs were under way at once before, in a
 * phase in which one of them began.
 */
function latePhases(a: CallSite, b: CallSite): string[] {
  const reach = (x: CallSite, y: CallSite): string[] => x.overruns.filter((phase) => y.phases.includes(phase));
  const both = a.overruns.filter((phase) => b.overruns.includes(phase));
  const began = (x: CallSite, y: CallSite): boolean =>
    x.path.phases.some(
      (phase) => y.overruns.includes(phase) || (y.path.phases.includes(phase) && !isOneThreads(x, y, phase)),
    );
  const bothLate = both.length > 0 && (began(a, b) || began(b, a)) ? both : [];
  return [...new Set([...reach(a, b), ...reach(b, a), ...bothLate])];
}

/** Locks of one name that both hold, not both shared. */
function conflicting(a: CallSite, b: CallSite): Pick<Apart, "unlike" | "unlikePer"> {
  const locks = sharedNames(a, b).filter(({ mine }) => mine.kind !== "srcu");
  if (locks.length === 0) return NOTHING_UNLIKE;
  return {
    unlike: [...new Set(locks.map(({ mine }) => `${mine.lock} (one per ${mine.per})`))],
    unlikePer: [...new Set(locks.map(({ mine }) => mine.per))],
  };
}

const NOTHING_UNLIKE = { unlike: [], unlikePer: [] } as const;

/** Pairs of holds of one name, not both shared. Loops, for every pair of a profile's sites comes by here. */
function sharedNames(a: CallSite, b: CallSite): { readonly mine: HeldLock; readonly theirs: HeldLock }[] {
  const found: { mine: HeldLock; theirs: HeldLock }[] = [];
  for (const mine of a.held) {
    for (const theirs of b.held) {
      if (mine.lock !== theirs.lock || (mine.mode === "shared" && theirs.mode === "shared")) continue;
      found.push({ mine, theirs });
    }
  }
  return found;
}

function phasesText(site: CallSite): string {
  return `${site.path.name} only in ${[...site.phases, ...site.overruns].join(" or ")}`;
}

function atMostOne(a: CallSite, b: CallSite, same: Sameness): Exclusion[] {
  const limit = a.path.atMostOne;
  if (a.path !== b.path || limit === undefined) return [];
  const isShared =
    limit === "machine" || (limit === "vm" && same.vm === true) || (limit === "vcpu" && ownVcpu(a, b, same));
  return isShared
    ? [{ kind: "life-cycle", reason: "at-most-one", what: `at most one ${a.path.name} per ${limit}` }]
    : [];
}

interface Found {
  readonly exclusion: Exclusion;
  readonly assumes: readonly string[];
}

/** Whoever kicked the vCPUs and bars them keeps every vCPU of the VM out of the guest. */
function kicks(a: CallSite, b: CallSite, same: Sameness): Found[] {
  if (same.vm !== true || (!a.entering && !b.entering)) return [];
  const by = (kicker: CallSite, other: CallSite): Found[] =>
    other.entering
      ? kicker.held
          .filter((lock) => lock.kind === "kick" && !isOthers(lock))
          .map((lock) => ({ exclusion: { kind: "kick", what: lock.lock }, assumes: assumption(lock) }))
      : [];
  return [...by(a, b), ...by(b, a)];
}

function locks(a: CallSite, b: CallSite, same: Sameness): Found[] {
  const met = sharedNames(a, b).filter(
    ({ mine, theirs }) => mine.kind !== "srcu" && sameObject(a, mine, b, theirs, same),
  );
  if (met.length === 0) return [];
  const found = met.map(({ mine, theirs }): [string, Found] => {
    const assumes = [...assumption(mine), ...assumption(theirs)];
    return [mine.lock, { exclusion: { kind: "host-lock", what: mine.lock }, assumes }];
  });
  return [...new Map(found).values()];
}

/** A page that the caller owns is none of another VM's control pages. */
function owned(namer: CallSite): Found[] {
  if (namer.guest) return [];
  return namer.held
    .filter((lock) => lock.per === "page" && lock.kind !== "srcu" && lock.mode !== "shared" && !isOthers(lock))
    .map((lock) => ({ exclusion: { kind: "host-lock", what: lock.lock }, assumes: assumption(lock) }));
}

/** Locks of what a call names besides a VM and its vCPU. */
const OF_WHAT_IS_NAMED: ReadonlySet<HeldLock["per"]> = new Set(["package", "entry", "page", "inode"]);

/** Do the two hold one and the same lock object in every case? */
function sameObject(a: CallSite, mine: HeldLock, b: CallSite, theirs: HeldLock, same: Sameness): boolean {
  if (mine.per !== "machine" && (isOthers(mine) || isOthers(theirs))) return false;
  // What a guest's call names is its own to choose: what the host holds there belongs to what the host's call names.
  if ((a.guest || b.guest) && OF_WHAT_IS_NAMED.has(mine.per)) return false;
  switch (mine.per) {
    case "machine":
      return true;
    case "vm":
      return same.vm === true;
    case "vcpu":
      return sameVcpu(a, mine, b, theirs, same);
    case "package":
      return same.package === true;
    case "entry":
      return same.entry === true;
    case "page":
      return same.page === true;
    case "inode":
      return false;
  }
}

/** Is it the lock of some other object than those of the call, such as of the VM that a VM is copied from? Of which, nobody says. */
function isOthers(lock: HeldLock): boolean {
  return lock.of === "other";
}

/** `of: all` includes everybody's; else both must be the lock of the vCPU that both calls name. */
function sameVcpu(a: CallSite, mine: HeldLock, b: CallSite, theirs: HeldLock, same: Sameness): boolean {
  if (same.vm !== true) return false;
  if (mine.of === "all" || theirs.of === "all") return true;
  return same.vcpu === true && isNamed(a, mine) && isNamed(b, theirs);
}

/** Of a lock of one known vCPU: the path's own, or the one that the call names. */
function isNamed(site: CallSite, lock: HeldLock): boolean {
  return lock.of === "target" || (site.step.vcpu ?? "self") === "self";
}

/** Are the two runs of the one vCPU that both calls name? */
function ownVcpu(a: CallSite, b: CallSite, same: Sameness): boolean {
  const isOwn = ({ path, step }: CallSite): boolean => path.per === "vcpu" && (step.vcpu ?? "self") === "self";
  return same.vcpu === true && isOwn(a) && isOwn(b);
}

function assumption(lock: HeldLock): readonly string[] {
  return lock.assumed === undefined ? [] : [lock.assumed];
}
