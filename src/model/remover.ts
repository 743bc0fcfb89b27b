/** The host's removal of a page: block, track, remove, under one of the ways of handling BUSY. */
import type { Leaf } from "../catalog/index.ts";
import {
  and,
  type BoolExpr,
  type Effect,
  eq,
  exists,
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
import { Caller } from "./calls.ts";
import type { Host } from "./host-state.ts";
import { blockBody, removeBody, Sept, type SeptBody, trackBody } from "./sept.ts";
import type { World } from "./world.ts";

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
  readonly policy: Policy;
  readonly retries: number;
  readonly kick: Kick;
}

/** The three calls of a removal. */
export interface RemoverLeaves {
  readonly block: Leaf;
  readonly track: Leaf;
  readonly remove: Leaf;
}

/** The label at which a removal has failed for good. */
export const FAILED = "failed";
/** The label at which a page has been removed. */
export const FINISHED = "finish";

/** The label after TDH.MEM.TRACK where vCPUs are kicked. */
export const KICK_AFTER_TRACK = "kick after track";

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
  readonly #leaves: RemoverLeaves;
  readonly #page: IntRef;
  readonly #tries: IntRef;
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
    this.#leaves = leaves;
    this.#page = p.variable("page", indexType({ name: "page" }));
    this.#tries = p.variable("tries", intType(0, Math.max(spec.kick.onBusy, spec.retries)));
    this.#caller = new Caller(p, world, false);
  }

  build(): void {
    const { block, track, remove } = this.#leaves;
    this.#begin();
    this.#call(block, "block", blockBody(this.#world, block, this.#page), Caller.entry("track"));
    this.#call(track, "track", trackBody(this.#world), this.#afterTrack());
    this.#call(remove, "remove", removeBody(this.#world, remove, this.#page), FINISHED);
    this.#finish();
    this.p.idle(FAILED);
  }

  #begin(): void {
    const { readers, writer } = this.#host;
    this.p.choose("idle", { x: this.#world.pages }, ({ x }) => ({
      when: and(not(writer), eq(readers, 0), oneOf(this.#world.entry.at(x).state, [Sept.PENDING, Sept.MAPPED])),
      do: [set(writer, true), set(this.#page, x)],
      next: this.first,
      meta: {
        action: "acquire",
        resource: "kvm->mmu_lock",
        mode: "EXCLUSIVE",
        note: "a page is to be removed",
        begins: REMOVAL,
      },
    }));
    this.p.idle("idle");
    if (this.#spec.policy === "kick-first") this.#keepOut("kick", Caller.entry("block"));
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

  /** Send an IPI to every vCPU in guest mode and wait until each has taken it: `kvm_make_all_cpus_request` with KVM_REQUEST_WAIT. */
  #kick(label: string, next: string, then: readonly Effect[] = []): void {
    const { inGuestMode, kicking } = this.#host;
    const send = set(
      kicking,
      exists(this.#vcpu, (v) => inGuestMode.at(v)),
    );
    const note = "vCPUs in guest mode are kicked";
    if (!this.#spec.kick.waits) {
      this.p.step(label, { do: [send, ...then], next, meta: { action: "kick", note: `${note}, nobody waits` } });
      return;
    }
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

  #fail(label: string, meta: StepMeta, when?: BoolExpr): void {
    const fails = { do: this.#letGo(), next: FAILED, meta: { ...meta, note: "the removal fails", ...ends("failed") } };
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

  /** KVM kicks after every track, so that vCPUs of the older epoch leave; this kick does not bar entry. */
  #afterTrack(): string {
    if (!this.#spec.kick.afterTrack) return Caller.entry("remove");
    this.#kick(KICK_AFTER_TRACK, Caller.entry("remove"));
    return KICK_AFTER_TRACK;
  }

  /** Leave the removal: entry is allowed again, mmu_lock is given back. */
  #letGo() {
    const { barred, writer } = this.#host;
    return [set(barred, false), set(writer, false), set(this.#page, 0), set(this.#tries, 0)];
  }

  #finish(): void {
    this.p.step(FINISHED, {
      do: this.#letGo(),
      next: "idle",
      meta: {
        action: "release",
        resource: "kvm->mmu_lock",
        mode: "EXCLUSIVE",
        note: "the page is removed",
        ...ends("done"),
      },
    });
  }
}
