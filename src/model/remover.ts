/** The host's removal of a page: block, track, remove, under one of the ways of handling BUSY. */
import type { Catalog, Leaf } from "../catalog/index.ts";
import {
  and,
  type BoolExpr,
  type Effect,
  eq,
  exists,
  type IntExpr,
  type IntLike,
  type IntRef,
  inc,
  indexType,
  intType,
  lt,
  not,
  oneOf,
  or,
  type ProcessBuilder,
  type StepMeta,
  set,
} from "../language/index.ts";
import { type Call, Caller } from "./calls.ts";
import type { Host } from "./host-state.ts";
import {
  blockBody,
  demoteBody,
  promoteBody,
  removeBody,
  Sept,
  type SeptBody,
  type SeptView,
  trackBody,
} from "./sept.ts";
import { givingWay, leafOf, type World } from "./world.ts";

/** The ways of handling BUSY during removal. */
export const POLICIES = ["fail-fast", "retry-n", "retry-forever", "kick-first", "kick-on-busy"] as const;
export type Policy = (typeof POLICIES)[number];

/** How the kick protocol can be varied, to see what it depends on. */
export interface Kick {
  /** Does the kick wait until every vCPU that it was sent to has taken it? */
  readonly waits: boolean;
  /** Is entry barred before vCPUs are kicked? */
  readonly barsFirst: boolean;
  /** When entry is allowed again: `returned`, when the call that was made once more has returned, as Linux has it from 6.16. */
  readonly barUntil: "removed" | "returned" | "kicked";
  /** Are vCPUs kicked after TDH.MEM.TRACK? */
  readonly afterTrack: boolean;
  /** `kick-on-busy`: how many BUSYs of a call in a row it takes to kick. */
  readonly onBusy: number;
}

export interface RemoverSpec {
  /** What follows block and track: pages are removed, or pages of 2 MB are split and merged. */
  readonly call: "remove" | "resize";
  readonly policy: Policy;
  readonly retries: number;
  readonly kick: Kick;
}

/** The call that follows block and track, for pages that were in some states before. */
export interface LastCall {
  readonly leaf: Leaf;
  /** Labels start with it. */
  readonly prefix: string;
  /** The states of pages that it is for, before they are blocked. */
  readonly from: readonly IntExpr[];
  readonly body: (view: SeptView, leaf: Leaf, page: IntLike) => SeptBody;
  /** What the host means to do, and what has come to pass when the call succeeds. */
  readonly intent: string;
  readonly done: string;
}

/** The three calls of a removal. */
export interface RemoverLeaves {
  readonly block: Leaf;
  readonly track: Leaf;
  readonly last: readonly LastCall[];
}

/** What follows block and track in a scenario. */
export function lastCalls(catalog: Catalog, spec: Pick<RemoverSpec, "call"> | null): readonly LastCall[] {
  if (spec?.call !== "resize")
    return [
      {
        leaf: leafOf(catalog, "tdh_mem_page_remove"),
        prefix: "remove",
        from: [Sept.PENDING, Sept.MAPPED],
        body: removeBody,
        intent: "a page is to be removed",
        done: "a page is removed",
      },
    ];
  return [
    {
      leaf: ofTheEntry(leafOf(catalog, "tdh_mem_page_demote")),
      prefix: "demote",
      from: [Sept.MAPPED],
      body: demoteBody,
      intent: "a page is to be split",
      done: "a page is split",
    },
    {
      leaf: ofTheEntry(leafOf(catalog, "tdh_mem_page_promote")),
      prefix: "promote",
      from: [Sept.NL_MAPPED],
      body: promoteBody,
      intent: "512 pages are to be merged",
      done: "512 pages are merged",
    },
  ];
}

/** The leaf without the locks that nobody else in these scenarios takes: those of physical pages, and of the entries of the small pages. */
const ofTheEntry = (leaf: Leaf): Leaf => ({
  ...leaf,
  acquisitions: leaf.acquisitions.filter(({ resource, times }) => resource !== "PAGE" && times === "1"),
});

/** The label at which a removal has failed for good. */
export const FAILED = "failed";
/** The label at which a last call has succeeded. */
export const finishedBy = (prefix: string): string => (prefix === "remove" ? FINISHED : `${prefix} ${FINISHED}`);
const FINISHED = "finish";

/** The label after TDH.MEM.TRACK where vCPUs are kicked. */
const KICK_AFTER_TRACK = "kick after track";

/** What the simulator measures: one page's removal, from taking mmu_lock to giving it back. */
const REMOVAL = "removal";
const ends = (as: string): Pick<StepMeta, "ends"> => ({ ends: { stretch: REMOVAL, as, reports: ["retries"] } });

/** Builds the process that removes pages. */
export class RemoverProcess {
  readonly p: ProcessBuilder;
  readonly #world: World;
  readonly #host: Host;
  readonly #vcpu: ProcessBuilder;
  readonly #spec: RemoverSpec;
  readonly leaves: RemoverLeaves;
  readonly #page: IntRef;
  readonly #tries: IntRef;
  /** Which of several last calls the host means to make; null where there is one. */
  readonly #meant: IntRef | null;
  readonly #caller: Caller;

  constructor(
    p: ProcessBuilder,
    world: World,
    host: Host,
    vcpu: ProcessBuilder,
    spec: RemoverSpec,
    leaves: RemoverLeaves,
  ) {
    this.p = p;
    this.#world = world;
    this.#host = host;
    this.#vcpu = vcpu;
    this.#spec = spec;
    this.leaves = leaves;
    this.#page = p.variable("page", indexType({ name: "page" }));
    this.#tries = p.variable("tries", intType(0, Math.max(spec.kick.onBusy, spec.retries)));
    this.#meant = leaves.last.length > 1 ? p.variable("meant", intType(0, leaves.last.length - 1)) : null;
    this.#caller = new Caller(p, world, false);
  }

  build(): void {
    const { block, track, last } = this.leaves;
    this.#begin();
    this.#call(block, "block", blockBody(this.#world, block, this.#page), Caller.entry("track"));
    if (this.#spec.kick.afterTrack) this.#kick(KICK_AFTER_TRACK, this.#third);
    this.#call(track, "track", trackBody(this.#world), this.afterTrack);
    if (this.#meant !== null) this.#choose(this.#meant);
    for (const { leaf, prefix, body, done } of last) {
      this.#call(leaf, prefix, body(this.#world, leaf, this.#page), finishedBy(prefix));
      this.#finish(prefix, done);
    }
    this.p.idle(FAILED);
  }

  #begin(): void {
    const { readers, writer } = this.#host;
    this.leaves.last.forEach(({ from, intent }, i) => {
      this.p.choose("idle", { x: this.#world.pages }, ({ x }) => ({
        when: and(not(writer), eq(readers, 0), oneOf(this.#world.entry.at(x).state, from)),
        do: [set(writer, true), set(this.#page, x), ...(this.#meant === null ? [] : [set(this.#meant, i)])],
        next: this.first,
        meta: { action: "acquire", resource: "kvm->mmu_lock", mode: "EXCLUSIVE", note: intent, begins: REMOVAL },
      }));
    });
    this.p.idle("idle");
    if (this.#spec.policy === "kick-first") this.#keepOut("kick", Caller.entry("block"));
  }

  /** The label of the call that follows block and track, or of the choice among several. */
  get #third(): string {
    const [only, ...more] = this.leaves.last;
    return only === undefined || more.length > 0 ? "last" : Caller.entry(only.prefix);
  }

  #choose(meant: IntRef): void {
    this.leaves.last.forEach(({ prefix, leaf }, i) => {
      const meta = { leaf: leaf.name, action: "call" };
      this.p.step("last", { when: eq(meant, i), next: Caller.entry(prefix), meta });
    });
  }

  /** The label at which a removal begins, the page chosen. */
  get first(): string {
    return this.#spec.policy === "kick-first" ? "kick" : Caller.entry("block");
  }

  /** Bar entry and kick, in the right order or the other. */
  #keepOut(label: string, next: string): void {
    const { barsFirst, barUntil } = this.#spec.kick;
    const bar = set(this.#host.barred, true);
    const lifted = barUntil === "kicked" ? [set(this.#host.barred, false)] : [];
    const barring = { action: "effect", note: "entry is barred" };
    if (barsFirst) {
      this.p.step(label, { do: [bar], next: `${label} send`, meta: barring });
      this.#kick(`${label} send`, next, lifted);
    } else {
      this.#kick(label, `${label} bar`);
      this.p.step(`${label} bar`, { do: [bar, ...lifted], next, meta: barring });
    }
  }

  /**
   * Send an IPI to every vCPU in guest mode and wait until each has taken it: `kvm_make_all_cpus_request` with KVM_REQUEST_WAIT. One that is
   * not waited for keeps nobody from anything.
   */
  #kick(label: string, next: string, then: readonly Effect[] = []): void {
    const note = "vCPUs in guest mode are kicked";
    if (!this.#spec.kick.waits) {
      // The IPIs are on their way when the host goes on: how much a vCPU does before it takes its own, and who enters meanwhile, is open.
      this.p.step(label, { do: then, next, meta: { action: "kick", note: `${note}, nobody waits` } });
      return;
    }
    const { inGuestMode, kicking } = this.#host;
    const send = set(
      kicking,
      exists(this.#vcpu, (v) => inGuestMode.at(v)),
    );
    this.p.step(label, { do: [send], next: `${label} wait`, meta: { action: "kick", note } });
    this.p.step(`${label} wait`, {
      when: not(kicking),
      do: then,
      next,
      meta: { action: "effect", note: "every vCPU that was in guest mode has left it" },
    });
  }

  #call(leaf: Leaf, prefix: string, body: SeptBody, next: string): void {
    const lifts = this.#spec.kick.barUntil === "returned";
    const busy = `${prefix} busy`;
    const refused = `${prefix} refused`;
    this.#caller.call({
      leaf,
      prefix,
      object: () => this.#page,
      body,
      also: [set(this.#tries, 0)],
      givesWay: this.#givesWay(leaf),
      returnTo: { ok: lifts ? `${prefix} done` : next, busy, refused },
    });
    const meta: StepMeta = { leaf: leaf.name, action: "return" };
    if (lifts)
      this.p.step(`${prefix} done`, {
        do: [set(this.#host.barred, false)],
        next,
        meta: { ...meta, note: "entry is no longer barred" },
      });
    this.#fail(refused, meta);
    this.#onBusy(prefix, busy, { ...meta, action: "retry", counters: { retries: 1 } }, meta);
  }

  /** A host that was refused the tree while the call had it, and that still waits. */
  #givesWay(leaf: Leaf): NonNullable<Call["givesWay"]> | null {
    const status = givingWay(leaf);
    const when = this.#world.models("SEPT_TREE") ? this.#world.lock("SEPT_TREE").waitedFor() : null;
    return status === null || when === null
      ? null
      : { when, status, note: "another host was refused the SEPT tree meanwhile: gives way" };
  }

  #fail(label: string, meta: StepMeta, when?: BoolExpr): void {
    const note = this.#spec.call === "resize" ? "the change of size fails" : "the removal fails";
    const fails = { do: this.#letGo(), next: FAILED, meta: { ...meta, note, ...ends("failed") } };
    this.p.step(label, when === undefined ? fails : { when, ...fails });
  }

  /** What the policy does when a call is busy. */
  #onBusy(prefix: string, label: string, retry: StepMeta, fails: StepMeta): void {
    const { policy, retries, kick } = this.#spec;
    const again = Caller.entry(prefix);
    const meta = { ...retry, note: "try again" };
    if (policy === "retry-forever") {
      this.p.step(label, { next: again, meta });
    } else if (policy === "retry-n" && retries > 0) {
      const left = lt(this.#tries, retries);
      this.p.step(label, { when: left, do: [inc(this.#tries)], next: again, meta });
      this.#fail(label, fails, not(left));
    } else if (policy === "kick-on-busy") {
      const open = not(this.#host.barred);
      const plain = and(open, lt(this.#tries, kick.onBusy - 1));
      const kicks = and(open, eq(this.#tries, kick.onBusy - 1));
      if (kick.onBusy > 1) this.p.step(label, { when: plain, do: [inc(this.#tries)], next: again, meta });
      this.#kickOnBusy(prefix, label, kicks, retry);
      this.#fail(label, fails, not(or(plain, kicks)));
    } else {
      this.#fail(label, fails);
    }
  }

  /** A BUSY bars entry and kicks; the call is then made once more. While entry is barred, a BUSY is a failure. */
  #kickOnBusy(prefix: string, label: string, when: BoolExpr, retry: StepMeta): void {
    const kick = `${prefix} kick`;
    this.p.step(label, {
      when,
      do: [inc(this.#tries)],
      next: kick,
      meta: { ...retry, note: "busy: keep vCPUs out, then try once more", counters: { retries: 1, kicks: 1 } },
    });
    this.#keepOut(kick, Caller.entry(prefix));
  }

  /** Where it goes on after TDH.MEM.TRACK. KVM kicks after every track, so that vCPUs of the older epoch leave; this kick does not bar entry. */
  get afterTrack(): string {
    return this.#spec.kick.afterTrack ? KICK_AFTER_TRACK : this.#third;
  }

  /** Leave the removal: entry is allowed again, mmu_lock is given back. */
  #letGo() {
    const { barred, writer } = this.#host;
    const meant = this.#meant === null ? [] : [set(this.#meant, 0)];
    return [set(barred, false), set(writer, false), set(this.#page, 0), set(this.#tries, 0), ...meant];
  }

  #finish(prefix: string, note: string): void {
    this.p.step(finishedBy(prefix), {
      do: this.#letGo(),
      next: "idle",
      meta: {
        action: "release",
        resource: "kvm->mmu_lock",
        mode: "EXCLUSIVE",
        note: prefix === "remove" ? "the page is removed" : note,
        ...ends("done"),
      },
    });
  }
}
