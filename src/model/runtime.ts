/** The scenarios of a running TD: vCPUs that enter, fault and accept, and the host that removes pages. */
import { type Catalog, type Leaf, spelledName } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import type { TdExit } from "../host/index.ts";
import {
  and,
  boolType,
  exists,
  type Fairness,
  intType,
  type Model,
  type ModelBuilder,
  model,
  not,
  or,
  type ProcessBuilder,
  set,
  strongFair,
  weakFair,
  withoutUnreachable,
} from "../language/index.ts";
import { Caller } from "./calls.ts";
import { type Exits, endedBy, type Host, leavingBy } from "./host-state.ts";
import { FAILED, finishedBy, lastCalls, RemoverProcess, type RemoverSpec } from "./remover.ts";
import type { PAGE_STATES } from "./sept.ts";
import { refusedAt, VcpuProcess } from "./vcpu.ts";
import type { HostPriorityWatch, VcpuSpec, ZeroStep } from "./vcpu-spec.ts";
import { leafOf, locking, World } from "./world.ts";

/** Everything that a scenario of a running TD states. */
export interface RuntimeSpec {
  readonly name: string;
  readonly description: string;
  readonly vcpus: number;
  readonly pages: number;
  readonly initial: (typeof PAGE_STATES)[number];
  /** Null: nobody removes pages. */
  readonly removal: RemoverSpec | null;
  readonly zeroStep: ZeroStep;
  readonly guest: Pick<
    VcpuSpec,
    | "accepts"
    | "walksFirst"
    | "readsAttributes"
    | "writesAttributes"
    | "touches"
    | "interrupts"
    | "insists"
    | "hostPriorityTimeout"
  >;
  readonly checkBeforeMark: boolean;
  readonly pendingVe: boolean;
  readonly largePages: boolean;
  readonly localRetry: boolean;
  readonly abandonedFaults: number;
  /** What the host does after TD exits, as far as its profile says; after any other the vCPU enters again. */
  readonly exits: Exits;
  /** Also model locks that everybody only shares. */
  readonly allLocks: boolean;
  /** Also ask whether whoever waits gets through, when every process that can run again and again runs again and again. */
  readonly progress: boolean;
}

/** In 1.0 hosts and guests change a SEPT entry without locking it, and are BUSY when somebody else did: not what is modelled here. */
function mustLockEntries(catalog: Catalog): void {
  const name = "tdh_mem_range_block";
  if (locking(leafOf(catalog, name)).some(({ resource }) => resource === "SEPT_ENTRY")) return;
  const message = `${name} of module ${catalog.module.version} locks no SEPT entry, as every scenario of a running TD has it`;
  throw new SeamlockError("SL4211", message, { hint: "Use a module from 1.5.01 on" });
}

/**
 * Build the model of a running TD for one module.
 *
 * @throws SeamlockError SL4211 when the module's host calls lock no SEPT entry
 */
export function runtimeModel(catalog: Catalog, spec: RuntimeSpec): Model {
  mustLockEntries(catalog);
  const m = model(spec.name, spec.description);
  m.scalarSet("page", spec.pages);
  const vcpu = m.process("vcpu", spec.vcpus);
  const leaves = {
    enter: leafOf(catalog, "tdh_vp_enter"),
    aug: leafOf(catalog, "tdh_mem_page_aug"),
    accept: leafOf(catalog, "tdg_mem_page_accept"),
    readAttributes: leafOf(catalog, "tdg_mem_page_attr_rd"),
    writeAttributes: leafOf(catalog, "tdg_mem_page_attr_wr"),
    block: leafOf(catalog, "tdh_mem_range_block"),
    track: leafOf(catalog, "tdh_mem_track"),
    last: lastCalls(catalog, spec.removal),
  };
  const used = [
    leaves.enter,
    leaves.aug,
    ...(spec.guest.accepts ? [leaves.accept] : []),
    ...(spec.guest.readsAttributes ? [leaves.readAttributes] : []),
    ...(spec.guest.writesAttributes ? [leaves.writeAttributes] : []),
    ...(spec.removal === null ? [] : [leaves.block, leaves.track, ...leaves.last.map(({ leaf }) => leaf)]),
  ];
  const callers = spec.vcpus + (spec.removal === null ? 0 : 1);
  const world = new World(m, {
    catalog,
    leaves: used,
    vcpu,
    pages: spec.pages,
    callers,
    initial: spec.initial,
    allLocks: spec.allLocks,
    resized: spec.removal?.call === "resize",
  });
  const host: Host = {
    barred: m.variable("barred", boolType),
    inGuestMode: m.array("inGuestMode", boolType, vcpu),
    kicking: m.variable("kicking", boolType),
    readers: m.variable("mmu.readers", intType(0, spec.vcpus)),
    writer: m.variable("mmu.writer", boolType),
    frozen: m.array("frozen", boolType, spec.pages),
  };
  const clock = spec.guest.hostPriorityTimeout ? m.process("clock") : null;
  const vcpuProcess = new VcpuProcess(
    vcpu,
    world,
    host,
    {
      ...spec.guest,
      // An IPI that the host does not wait for comes at any time.
      interrupts: spec.guest.interrupts || spec.removal?.kick.waits === false,
      zeroStep: spec.zeroStep,
      checkBeforeMark: spec.checkBeforeMark,
      pendingVe: spec.pendingVe,
      largePages: spec.largePages,
      localRetry: spec.localRetry,
      abandonedFaults: spec.abandonedFaults,
      exits: spec.exits,
    },
    leaves,
    clock === null ? null : hostPriorityWatch(m, clock, vcpu),
  );
  vcpuProcess.build();
  m.sometimes(
    "a guest runs",
    exists(vcpu, (v) => vcpu.at(v, "guest")),
  );
  for (const exit of vcpuProcess.endingExits())
    m.always(`${ENDS[exit]} does not end the VM`, not(exists(vcpu, (v) => vcpu.at(v, endedBy(exit)))));
  const fairness: Fairness[] = Array.from({ length: spec.vcpus }, (_, instance) => strongFair(vcpu, { instance }));
  if (clock !== null) fairness.push(weakFair(clock));
  if (spec.removal !== null) {
    const remover = m.process("remover");
    const removal = new RemoverProcess(remover, world, host, vcpu, spec.removal, leaves);
    removal.build();
    const what = spec.removal.call === "resize" ? "a change of size" : "a removal";
    m.always(`${what} never fails`, not(remover.at(0, FAILED)));
    m.always("TDH.MEM.TRACK never meets TDX_PREVIOUS_TLB_EPOCH_BUSY", not(remover.at(0, "track refused")));
    for (const { prefix, done } of leaves.last) m.sometimes(done, remover.at(0, finishedBy(prefix)));
    fairness.push(strongFair(remover));
    if (spec.progress) {
      const ends = leaves.last.map(({ prefix }) => finishedBy(prefix));
      m.leadsTo(`${what} that has begun ends`, remover.at(0, removal.first), remover.at(0, ...ends, FAILED), fairness);
      callProgress(m, remover, removal, fairness);
    }
  }
  if (spec.progress) {
    if (vcpuProcess.faults)
      m.leadsTo(
        "a vCPU that faulted runs its guest again",
        vcpu.at(0, "fault"),
        vcpu.at(0, "guest", ...vcpuProcess.endingExits().map(endedBy)),
        fairness,
      );
    if (spec.guest.insists)
      for (const { leaf, prefix } of vcpuProcess.guestCalls().filter(({ late }) => late !== true))
        m.leadsTo(
          `${spelledName(leaf.name)} is not refused for ever`,
          vcpu.at(0, refusedAt(prefix)),
          vcpu.at(0, `${prefix} body`, "exit", ...vcpuProcess.endingExits().map(leavingBy)),
          fairness,
        );
  }
  if (spec.guest.touches)
    m.sometimes(
      "zero-step is suspected",
      exists(vcpu, (v) =>
        world.models("SEPT_TREE") ? or(vcpu.at(v, "enter walk"), vcpu.at(v, "enter tree")) : vcpu.at(v, "enter walk"),
      ),
    );
  // A call whose locks nobody else takes is never BUSY: nothing leads to what would follow.
  return withoutUnreachable(world.entry.stopping(() => m.build()));
}

/** The TD exits that hosts treat differently, in words. */
const ENDS: Readonly<Record<TdExit, string>> = {
  "host-priority-timeout": "TDX_HOST_PRIORITY_BUSY_TIMEOUT",
  "pending-page": "an access to a pending page",
};

/** HP_LOCK_TIMEOUT may pass at any time after a TDCALL has met host priority; when host priority lasts, it passes at last. */
function hostPriorityWatch(m: ModelBuilder, clock: ProcessBuilder, vcpu: ProcessBuilder): HostPriorityWatch {
  const busy = m.array("hpLockBusy", boolType, vcpu);
  const late = m.array("hpLockLate", boolType, vcpu);
  clock.choose("ticking", { v: vcpu }, ({ v }) => ({
    when: and(busy.at(v), not(late.at(v))),
    do: [set(late.at(v), true)],
    next: "ticking",
    meta: { action: "effect", note: "HP_LOCK_TIMEOUT has passed since host priority was met" },
  }));
  clock.idle("ticking");
  return { busy, late };
}

/** Each call of a removal gets through, or the removal gives up. */
function callProgress(
  m: ModelBuilder,
  remover: ProcessBuilder,
  { leaves, afterTrack }: RemoverProcess,
  fairness: readonly Fairness[],
): void {
  const stages: readonly (readonly [Leaf, string, string])[] = [
    [leaves.block, "block", Caller.entry("track")],
    [leaves.track, "track", afterTrack],
    ...leaves.last.map(({ leaf, prefix }) => [leaf, prefix, finishedBy(prefix)] as const),
  ];
  for (const [leaf, prefix, next] of stages)
    m.leadsTo(
      `${spelledName(leaf.name)} is not refused for ever`,
      remover.at(0, Caller.entry(prefix)),
      remover.at(0, next, FAILED),
      fairness,
    );
}
