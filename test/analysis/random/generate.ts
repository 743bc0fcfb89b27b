/** Random houses: of every field that a profile can have and of every kind of row, few enough of each for all that can happen to be tried. */
import type { Call, Clause, HostLock, House, Mode, Path, Per, Phase, Row, Step, Use } from "./house.ts";

/** The same throws for the same seed (mulberry32). */
class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed * 0x9e3779b9;
  }
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  below(n: number): number {
    return Math.floor(this.#next() * n);
  }
  chance(p: number): boolean {
    return this.#next() < p;
  }
  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }
  /** Some of these, in their order. */
  some<T>(of: readonly T[], p: number): T[] {
    return of.filter(() => this.chance(p));
  }
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }
}

const OP_STATES = ["UNINITIALIZED", "INITIALIZED", "RUNNABLE"];
const SEPT_STATES = ["SEPT_FREE", "SEPT_PENDING", "SEPT_BLOCKED", "SEPT_PRESENT"];
/** In the order in which calls take them. */
const BEFORE_PAGE = [
  "TDVPR",
  "TDR",
  "KOT",
  "TDCS",
  "TDCS_EPOCH",
  "SEPT_TREE",
  "SEPT_ENTRY",
  "RTMR",
  "MIGSC",
  "WBT",
  "a thing of its own",
];
const PAGE_ROLES = ["to-add", "to-aug", "to-reclaim", "to-rdmd", "to-remove", "to-wbinvd"];
const OPERANDS = ["RCX", "TDR", "SEPT_TREE", "TD_EPOCH"];

/** What a random module is to be like. */
export interface Wanted {
  /** Only what a scenario of a host's paths has objects for. */
  readonly plain?: boolean;
}

export function generate(seed: number, wanted: Wanted = {}): House {
  const d = new Dice(seed);
  const calls = callsOf(d, wanted);
  const phases = phasesOf(d);
  const locks = locksOf(d);
  const paths = Array.from({ length: d.between(1, 3) }, (_, i) => pathOf(d, `P${i + 1}`, { calls, phases, locks }));
  const guest = calls.filter(({ side }) => side === "guest").map(({ name }) => name);
  return {
    calls,
    phases,
    locks,
    paths,
    guest: [...new Set(guest)],
    guestOnBusy: clauses(d),
    ...(d.chance(0.3) && { pageSizes: d.pick([["4K"], ["4K", "2M"], ["4K", "2M", "1G"], ["4K", "1G"]] as const) }),
  };
}

// ---------------------------------------------------------------- the module

function callsOf(d: Dice, wanted: Wanted): Call[] {
  const calls: Call[] = [];
  const names = ["tdh_x", "tdh_y", "tdh_z"].slice(0, d.between(1, 3));
  if (d.chance(0.2)) names.push(d.pick(["tdh_mng_create", "tdh_vp_create"]));
  if (d.chance(0.25)) names.push(d.pick(["tdh_mem_page_remove", "tdh_mem_page_aug", "tdh_phymem_page_reclaim"]));
  for (const name of names) {
    const variants = d.chance(0.15) ? ["version=0", "version>=1"] : [null];
    for (const variant of variants) calls.push(hostCall(d, name, variant, wanted));
  }
  if (d.chance(0.6)) {
    calls.push(enteringCall(d));
    if (d.chance(0.7)) calls.push(guestCall(d, "tdg_u", wanted));
    if (d.chance(0.3)) calls.push(guestCall(d, "tdg_v", wanted));
  }
  return calls;
}

const modeOf = (d: Dice): Mode => d.pick(["SHARED", "EXCLUSIVE", "EXCLUSIVE", "SHARED", "EXCLUSIVE", "NO_LOCK"]);
const operandOf = (d: Dice): string | null => (d.chance(0.15) ? null : d.pick(OPERANDS));
const opStatesOf = (d: Dice): string[] | null => {
  const states = d.some(OP_STATES, 0.5);
  return states.length === 0 ? null : states;
};

function row(d: Dice, resource: string, more: Partial<Row> = {}): Row {
  return {
    resource,
    role: null,
    mode: modeOf(d),
    maybe: d.chance(0.2),
    operand: operandOf(d),
    release: "leaf-exit",
    ...more,
  };
}

function hostCall(d: Dice, name: string, variant: string | null, { plain = false }: Wanted): Call {
  const made = name === "tdh_mng_create" ? "TDR" : name === "tdh_vp_create" ? "TDVPR" : null;
  const isRead = d.chance(0.6);
  const told = (resource: string, role: string | null): Partial<Row> => {
    if (
      !isRead ||
      !["TDR", "TDVPR", "TDCS", "TDCS_EPOCH", "SEPT_TREE", "SEPT_ENTRY", "RTMR", "MIGSC"].includes(resource)
    )
      return {};
    return { td: !plain && d.chance(role === null ? 0.1 : 0.5) ? "other" : "named" };
  };
  const rows: Row[] = [];
  for (const resource of BEFORE_PAGE) {
    if (plain && !PLAIN.includes(resource)) continue;
    if (resource === made)
      rows.push(row(d, resource, { mode: "EXCLUSIVE", maybe: false, ...(isRead && { td: "named" }) }));
    else if (d.chance(0.22)) {
      // Of what there is one only, or one that a call names, no call takes two.
      const role = !plain && !["KOT", "WBT"].includes(resource) && d.chance(0.12) ? "first" : null;
      rows.push(row(d, resource, { role, ...told(resource, role) }));
      if (!plain && role !== null && d.chance(0.5))
        rows.push(row(d, resource, { role: "second", ...told(resource, "second") }));
    }
  }
  if (d.chance(0.3) || name.includes("page")) {
    const role =
      name === "tdh_mem_page_remove"
        ? "to-remove"
        : name === "tdh_mem_page_aug"
          ? "to-aug"
          : name.endsWith("reclaim")
            ? "to-reclaim"
            : d.pick(PAGE_ROLES);
    if (!plain && d.chance(0.3)) rows.push(row(d, "PAMT_1G", { mode: "SHARED" }));
    if (!plain && d.chance(0.3)) rows.push(row(d, "PAMT_2M", { mode: d.chance(0.8) ? "SHARED" : "EXCLUSIVE" }));
    rows.push(row(d, "PAGE", { role, mode: d.chance(0.8) ? "EXCLUSIVE" : "SHARED" }));
  }
  if (rows.length === 0) rows.push(row(d, "TDR", told("TDR", null)));
  const mixed = d.chance(0.4) ? shuffled(d, rows) : rows;
  return {
    name,
    variant,
    side: "host",
    opStates: d.chance(0.5) ? null : opStatesOf(d),
    septStates: d.chance(0.6) ? null : d.some(SEPT_STATES, 0.5).concat(["SEPT_PENDING"]).slice(0, 2),
    rows: released(d, mixed),
  };
}

const PLAIN = ["TDVPR", "TDR", "KOT", "TDCS", "TDCS_EPOCH", "SEPT_TREE", "SEPT_ENTRY", "RTMR", "WBT"];

function shuffled<T>(d: Dice, of: readonly T[]): T[] {
  const left = [...of];
  const made: T[] = [];
  while (left.length > 0) made.push(...left.splice(d.below(left.length), 1));
  return made;
}

/** Some are given back before later ones are taken. */
function released(d: Dice, rows: readonly Row[]): Row[] {
  const turns = d.chance(0.4)
    ? shuffled(
        d,
        rows.map((_, i) => i),
      )
    : null;
  const failing = d.chance(0.3) ? shuffled(d, [...rows.keys()]) : null;
  return rows
    .map((one, i) => (failing === null ? one : { ...one, failing: failing[i] as number }))
    .map((one, i) => (turns !== null && one.release === "leaf-exit" ? { ...one, sequence: turns[i] as number } : one))
    .map((one, i) =>
      one.release === "leaf-exit" && one.sequence === undefined && i + 1 < rows.length && d.chance(0.15)
        ? { ...one, release: "function", until: d.between(i + 1, rows.length - 1) }
        : one,
    );
}

function enteringCall(d: Dice): Call {
  const kept = ["TDVPR", "TDR"].filter(() => d.chance(0.7));
  if (kept.length === 0) kept.push("TDVPR");
  const before = ["TDCS", "TDCS_EPOCH", "SEPT_TREE"].filter(() => d.chance(0.5));
  const mode = (): Mode => (d.chance(0.75) ? "SHARED" : "EXCLUSIVE");
  const isRead = d.chance(0.6) ? { td: "named" as const } : {};
  const rows = [
    ...kept.map((resource) => row(d, resource, { mode: mode(), maybe: d.chance(0.1), release: "td-exit", ...isRead })),
    ...before.map((resource) => row(d, resource, { mode: mode(), release: "before-td-entry", ...isRead })),
  ];
  const name = d.chance(0.5) ? "tdh_vp_enter" : "tdh_resume";
  return {
    name,
    variant: null,
    side: "host",
    opStates: opStatesOf(d),
    septStates: null,
    rows: d.chance(0.3) ? shuffled(d, rows) : rows,
  };
}

function guestCall(d: Dice, name: string, { plain = false }: Wanted): Call {
  const isRead = d.chance(0.6);
  const isOther = !plain && isRead && d.chance(0.3);
  const resources = ["TDR", "TDCS", "SEPT_ENTRY", "RTMR", "KOT"].filter(() => d.chance(0.3));
  if (resources.length === 0) resources.push("SEPT_ENTRY");
  const rows = resources.map((resource) =>
    row(d, resource, isRead && resource !== "KOT" ? { td: isOther && resource !== "RTMR" ? "other" : "own" } : {}),
  );
  return {
    name,
    variant: null,
    side: "guest",
    opStates: d.chance(0.7) ? null : opStatesOf(d),
    septStates: d.chance(0.7) ? null : ["SEPT_PENDING"],
    rows: released(d, rows),
  };
}

// ---------------------------------------------------------------- the host

function phasesOf(d: Dice): Phase[] {
  return ["first", "second", "third"]
    .slice(0, d.between(1, 3))
    .map((name) => ({ name, ...(d.chance(0.2) && { singleThreaded: true }) }));
}

const PERS: readonly Per[] = ["machine", "package", "vm", "vm", "vcpu", "vcpu", "inode", "entry", "page"];

function locksOf(d: Dice): HostLock[] {
  const locks = Array.from({ length: d.between(1, 4) }, (_, i): HostLock => {
    const kind = d.pick(["mutex", "rwlock", "rwlock", "flag", "context", "ownership", "srcu"] as const);
    return { name: `L${i + 1}`, kind, per: d.pick(PERS) };
  });
  return d.chance(0.3) ? [...locks, { name: "kicked", kind: "kick", per: "vm" }] : locks;
}

interface Parts {
  readonly calls: readonly Call[];
  readonly phases: readonly Phase[];
  readonly locks: readonly HostLock[];
}

function pathOf(d: Dice, name: string, { calls, phases, locks }: Parts): Path {
  const per = d.pick(["machine", "vm", "vm", "vcpu", "vcpu"] as const);
  const from = d.below(phases.length);
  const to = d.between(from, phases.length - 1);
  const over = d.between(to, phases.length - 1);
  const names = phases.map((phase) => phase.name);
  const own = names.slice(from, to + 1);
  const host = calls.filter(({ side }) => side === "host");
  const steps = Array.from({ length: d.between(1, 2) }, (): Step => {
    const call = d.pick(host);
    const vcpu = d.chance(0.3) ? "any" : undefined;
    const isEntering = call.rows.some(({ release }) => release === "td-exit");
    return {
      call: call.name,
      ...(call.variant !== null && d.chance(0.5) && { variant: call.variant }),
      ...(own.length > 1 && d.chance(0.3) && { phases: [d.pick(own)] }),
      ...(!isEntering && d.chance(0.12) && { onEach: d.pick(["cpu", "package"] as const) }),
      ...(vcpu !== undefined && { vcpu }),
      holds: usesOf(d, locks, { per, vcpu: vcpu ?? "self", isEntering }, 0.3),
      onBusy: clauses(d),
    };
  });
  const limits = { machine: ["machine"], vm: ["machine", "vm"], vcpu: ["machine", "vm", "vcpu"] } as const;
  return {
    name,
    per,
    phases: own,
    ...(over > to && d.chance(0.5) && { overruns: names.slice(to + 1, over + 1) }),
    ...(d.chance(0.15) && { atMostOne: d.pick<"machine" | "vm" | "vcpu">(limits[per]) }),
    holds: usesOf(
      d,
      locks,
      {
        per,
        vcpu: steps.every((step) => step.vcpu === "any") ? "any" : "self",
        isEntering: steps.some(({ call }) =>
          host.some((one) => one.name === call && one.rows.some(({ release }) => release === "td-exit")),
        ),
      },
      0.4,
    ),
    steps,
  };
}

/** Uses that a profile may state. */
function usesOf(
  d: Dice,
  locks: readonly HostLock[],
  at: { per: string; vcpu: string; isEntering: boolean },
  p: number,
): Use[] {
  return d.some(locks, p).flatMap(({ name, kind, per }): Use[] => {
    // Who enters does not hold what keeps everybody from entering.
    if (kind === "kick" && at.isEntering) return [];
    const ofs: Use["of"][] = ["target", "target"];
    if (per === "vcpu") ofs.push("all");
    if (per !== "vcpu" || at.per === "vcpu" || at.vcpu === "any") ofs.push("self", undefined, undefined);
    const of = d.chance(0.06) ? "other" : d.pick(ofs);
    const shared = kind !== "mutex" && d.chance(0.35);
    return [{ lock: name, ...(shared && { mode: "shared" as const }), ...(of !== undefined && { of }) }];
  });
}

function clauses(d: Dice): Clause[] {
  const reactions = [
    "retry:1",
    "retry:16",
    "retry:unbounded",
    "kick-and-retry:1",
    "refault",
    "reenter",
    "warn",
    "bug-vm",
    "leak",
    "misread",
    "ignore",
    "unknown",
    "return:-EAGAIN",
    "return:-EIO",
  ];
  const list = (): string[] => Array.from({ length: d.between(1, 3) }, () => d.pick(reactions));
  const special = Array.from({ length: d.below(2) }, (): Clause => ({ on: [d.pick(OPERANDS)], do: list() }));
  return d.chance(0.9) ? [...special, { do: list() }] : special;
}
