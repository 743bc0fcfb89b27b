/** A host's handling of an EPT violation: it maps the page that faulted, under mmu_lock for reading. */
import type { Leaf } from "../catalog/index.ts";
import { and, dec, eq, gt, type IntRef, inc, not, type StepMeta, set } from "../language/index.ts";
import { Caller } from "./calls.ts";
import type { Host } from "./host-state.ts";
import { augBody, Sept } from "./sept.ts";

const HOST_LOCK = "kvm->mmu_lock";

/** What the simulator measures. */
const FAULT = "fault";

/** What the fault handler of a vCPU works on. */
export interface Faulting {
  readonly aug: Leaf;
  readonly host: Host;
  /** The page that faulted. */
  readonly page: IntRef;
  /** After -EAGAIN it may also try again without entering the TD first. */
  readonly localRetry: boolean;
  /** Faults that may still be left without a call; null: none may. */
  readonly abandoning: IntRef | null;
}

/** Adds the steps from `fault`, where a vCPU is after a TD exit for an EPT violation, to `outside`, where it enters again. */
export function faultHandler(caller: Caller, { aug, host, page, localRetry, abandoning }: Faulting): void {
  const { p, world } = caller;
  const { readers, writer, frozen } = host;
  const mine = frozen.at(page);
  const free = eq(world.entry.at(page).state, Sept.FREE);
  const lock = { action: "acquire", resource: HOST_LOCK, mode: "SHARED", begins: FAULT };
  const ends = (as: string) => ({ ends: { stretch: FAULT, as, reports: ["fault retries"] } });
  const unlock = { action: "release", resource: HOST_LOCK, mode: "SHARED" };
  p.step("fault", { when: not(writer), do: [inc(readers)], next: "fault look", meta: lock });
  if (abandoning !== null)
    p.step("fault", {
      when: gt(abandoning, 0),
      do: [dec(abandoning), set(page, 0)],
      next: "outside",
      meta: { action: "effect", note: "the fault is left without a call: the vCPU enters again" },
    });
  p.step("fault look", {
    when: and(free, not(mine)),
    do: [set(mine, true)],
    next: Caller.entry("aug"),
    meta: { action: "effect", note: "the page is not mapped: freeze its SPTE" },
  });
  p.step("fault look", {
    when: not(and(free, not(mine))),
    do: [dec(readers), set(page, 0)],
    next: "outside",
    meta: { ...unlock, note: "mapped already, or somebody is mapping it", ...ends("nothing to map") },
  });
  caller.call({
    leaf: aug,
    prefix: "aug",
    object: (row) => (row.resource === "TDVPR" ? p.self : page),
    body: augBody(world, aug, page),
    returnTo: { ok: "aug done", busy: "aug busy", refused: "aug refused" },
  });
  const reset = [set(mine, false), dec(readers)];
  const returns: StepMeta = { ...unlock, leaf: aug.name };
  p.step("aug done", {
    do: [...reset, set(page, 0)],
    next: "outside",
    meta: { ...returns, ...ends("handled") },
  });
  p.step("aug refused", {
    do: [...reset, set(page, 0)],
    next: "outside",
    meta: { ...returns, note: "refused: the host calls that a bug", ...ends("refused") },
  });
  p.step("aug busy", {
    do: [...reset, set(page, 0)],
    next: "outside",
    meta: { ...returns, note: "-EAGAIN: enter the TD again", ...ends("-EAGAIN") },
  });
  if (localRetry)
    p.step("aug busy", {
      do: reset,
      next: "fault",
      meta: { ...returns, note: "-EAGAIN: try again at once", counters: { "fault retries": 1 } },
    });
}
