/** The host's removal of a page: block, track, remove, under one of the ways of handling BUSY. */
import type { Leaf } from "../catalog/index.ts";
import {
  and,
  eq,
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
import { Caller, type Outcome, Status } from "./calls.ts";
import { blockBody, removeBody, trackBody } from "./sept.ts";
import { type Host, VcpuProcess } from "./vcpu.ts";
import { Sept, type World } from "./world.ts";

/** The ways of handling BUSY during removal. */
export const POLICIES = ["fail-fast", "retry-n", "retry-forever", "kick-first", "kick-on-busy"] as const;
export type Policy = (typeof POLICIES)[number];

/** How the kick protocol can be varied, to see what it depends on. */
export interface Kick {
  /** Does the kick wait until no vCPU is in guest mode? */
  readonly waits: boolean;
  /** When entry is allowed again. */
  readonly barUntil: "removed" | "kicked";
  /** Are vCPUs kicked after TDH.MEM.TRACK? */
  readonly afterTrack: boolean;
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
    this.#tries = p.variable("tries", intType(0, Math.max(1, spec.retries)));
    this.#caller = new Caller(p, world);
  }

  build(): void {
    const { block, track, remove } = this.#leaves;
    this.#begin();
    this.#call(block, "block", blockBody(this.#world, block, this.#page), Caller.entry("track"));
    this.#call(track, "track", trackBody(this.#world), this.#afterTrack());
    this.#call(remove, "remove", removeBody(this.#world, remove, this.#page), "finish");
    this.#finish();
    this.p.idle(FAILED);
  }

  #begin(): void {
    const { readers, writer, barred } = this.#host;
    const first = this.#spec.policy === "kick-first" ? "bar" : Caller.entry("block");
    this.p.choose("idle", { x: this.#world.pages }, ({ x }) => ({
      when: and(not(writer), eq(readers, 0), oneOf(this.#world.entry.at(x).state, [Sept.PENDING, Sept.MAPPED])),
      do: [set(writer, true), set(this.#page, x)],
      next: first,
      meta: { action: "acquire", resource: "kvm->mmu_lock", mode: "EXCLUSIVE", note: "a page is to be removed" },
    }));
    this.p.idle("idle");
    if (this.#spec.policy === "kick-first") {
      this.p.step("bar", {
        do: [set(barred, true)],
        next: "kick",
        meta: { action: "effect", note: "entry is barred" },
      });
      this.#kick("kick", Caller.entry("block"));
    }
  }

  /** Wait until no vCPU is in guest mode; lift the bar at once if the variant says so. */
  #kick(label: string, next: string): void {
    const { kick } = this.#spec;
    const when = kick.waits ? VcpuProcess.allOut(this.#host, this.#vcpu) : true;
    const lifted = kick.barUntil === "kicked" ? [set(this.#host.barred, false)] : [];
    const note = kick.waits ? "every vCPU has left guest mode" : "vCPUs are told to leave, nobody waits";
    this.p.step(label, { when, do: lifted, next, meta: { action: "effect", note } });
  }

  #call(leaf: Leaf, prefix: string, body: readonly Outcome[], next: string): void {
    const done = `${prefix} done`;
    this.#caller.call({ leaf, prefix, object: () => this.#page, body, returnTo: done });
    const ok = eq(this.#caller.status, Status.TDX_SUCCESS);
    const reset = [set(this.#caller.status, Status.NONE), set(this.#tries, 0)];
    const meta: StepMeta = { leaf: leaf.name, action: "return" };
    this.p.step(done, { when: ok, do: reset, next, meta: { ...meta, result: "ok" } });
    this.#refused(prefix, leaf);
  }

  /** What the policy does when a call did not succeed. */
  #refused(prefix: string, leaf: Leaf): void {
    const { policy, retries } = this.#spec;
    const { status } = this.#caller;
    const busy = eq(status, Status.TDX_OPERAND_BUSY);
    const failed = not(eq(status, Status.TDX_SUCCESS));
    const done = `${prefix} done`;
    const again = Caller.entry(prefix);
    const fail = (when: Parameters<typeof and>[0]) =>
      this.p.step(done, {
        when,
        do: [set(status, Status.NONE), ...this.#letGo()],
        next: FAILED,
        meta: { leaf: leaf.name, action: "return", note: "the removal fails" },
      });
    const retry: StepMeta = { leaf: leaf.name, action: "retry", counters: { retries: 1 } };
    if (policy === "retry-forever") {
      this.p.step(done, {
        when: busy,
        do: [set(status, Status.NONE)],
        next: again,
        meta: { ...retry, note: "try again" },
      });
      fail(and(failed, not(busy)));
    } else if (policy === "retry-n") {
      const left = lt(this.#tries, retries);
      if (retries > 0)
        this.p.step(done, {
          when: and(busy, left),
          do: [set(status, Status.NONE), inc(this.#tries)],
          next: again,
          meta: { ...retry, note: "try again" },
        });
      fail(and(failed, retries > 0 ? not(and(busy, left)) : true));
    } else if (policy === "kick-on-busy") {
      this.#kickOnBusy(prefix, retry);
      fail(and(failed, or(not(busy), eq(this.#tries, 1))));
    } else {
      fail(failed);
    }
  }

  /** The first BUSY of a call bars entry and kicks; the call is then made once more. */
  #kickOnBusy(prefix: string, retry: StepMeta): void {
    const { status } = this.#caller;
    const kick = `${prefix} kick`;
    this.p.step(`${prefix} done`, {
      when: and(eq(status, Status.TDX_OPERAND_BUSY), eq(this.#tries, 0)),
      do: [set(status, Status.NONE), set(this.#tries, 1), set(this.#host.barred, true)],
      next: kick,
      meta: { ...retry, note: "busy: bar entry and kick", counters: { retries: 1, kicks: 1 } },
    });
    this.#kick(kick, Caller.entry(prefix));
  }

  /** KVM kicks after every track, so that vCPUs of the older epoch leave; this kick does not bar entry. */
  #afterTrack(): string {
    const { kick } = this.#spec;
    if (!kick.afterTrack) return Caller.entry("remove");
    const when = kick.waits ? VcpuProcess.allOut(this.#host, this.#vcpu) : true;
    this.p.step("kick after track", {
      when,
      next: Caller.entry("remove"),
      meta: { action: "effect", note: "kicked after tracking: every vCPU has been out" },
    });
    return "kick after track";
  }

  /** Leave the removal: entry is allowed again, mmu_lock is given back. */
  #letGo() {
    const { barred, writer } = this.#host;
    return [set(barred, false), set(writer, false), set(this.#page, 0), set(this.#tries, 0)];
  }

  #finish(): void {
    this.p.step("finish", {
      do: this.#letGo(),
      next: "idle",
      meta: { action: "release", resource: "kvm->mmu_lock", mode: "EXCLUSIVE", note: "the page is removed" },
    });
  }
}
