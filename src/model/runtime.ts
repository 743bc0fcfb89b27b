/** The scenarios of a running TD: vCPUs that enter, fault and accept, and the host that removes pages. */
import type { Catalog } from "../catalog/index.ts";
import { boolType, exists, intType, type Model, model, not, or } from "../language/index.ts";
import { FAILED, type Kick, type Policy, RemoverProcess } from "./remover.ts";
import { type Host, VcpuProcess, type VcpuSpec, type ZeroStep } from "./vcpu.ts";
import { leafOf, type SEPT_STATES, World } from "./world.ts";

/** Everything that a scenario of a running TD states. */
export interface RuntimeSpec {
  readonly name: string;
  readonly description: string;
  readonly vcpus: number;
  readonly pages: number;
  readonly initial: (typeof SEPT_STATES)[number];
  /** Null: nobody removes pages. */
  readonly removal: { readonly policy: Policy; readonly retries: number; readonly kick: Kick } | null;
  readonly zeroStep: ZeroStep;
  readonly guest: Pick<VcpuSpec, "accepts" | "readsAttributes" | "touches" | "interrupts" | "hostPriorityTimeout">;
  readonly checkBeforeMark: boolean;
  readonly localRetry: boolean;
  /** Also model locks that everybody only shares. */
  readonly allLocks: boolean;
}

/** Build the model of a running TD for one module. */
export function runtimeModel(catalog: Catalog, spec: RuntimeSpec): Model {
  const m = model(spec.name, spec.description);
  m.scalarSet("page", spec.pages);
  const vcpu = m.process("vcpu", spec.vcpus);
  const leaves = {
    enter: leafOf(catalog, "tdh_vp_enter"),
    aug: leafOf(catalog, "tdh_mem_page_aug"),
    accept: leafOf(catalog, "tdg_mem_page_accept"),
    attributes: leafOf(catalog, "tdg_mem_page_attr_rd"),
    block: leafOf(catalog, "tdh_mem_range_block"),
    track: leafOf(catalog, "tdh_mem_track"),
    remove: leafOf(catalog, "tdh_mem_page_remove"),
  };
  const used = [
    leaves.enter,
    leaves.aug,
    ...(spec.guest.accepts ? [leaves.accept] : []),
    ...(spec.guest.readsAttributes ? [leaves.attributes] : []),
    ...(spec.removal === null ? [] : [leaves.block, leaves.track, leaves.remove]),
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
  });
  const host: Host = {
    barred: m.variable("barred", boolType),
    inGuestMode: m.array("inGuestMode", boolType, vcpu),
    readers: m.variable("mmu.readers", intType(0, spec.vcpus)),
    writer: m.variable("mmu.writer", boolType),
    frozen: m.array("frozen", boolType, spec.pages),
  };
  new VcpuProcess(
    vcpu,
    world,
    host,
    { ...spec.guest, zeroStep: spec.zeroStep, checkBeforeMark: spec.checkBeforeMark, localRetry: spec.localRetry },
    leaves,
  ).build();
  m.sometimes(
    "a guest runs",
    exists(vcpu, (v) => vcpu.at(v, "guest")),
  );
  if (spec.removal !== null) {
    const remover = m.process("remover");
    new RemoverProcess(remover, world, host, vcpu, spec.removal, leaves).build();
    m.always("a removal never fails", not(remover.at(0, FAILED)));
    m.sometimes("a page is removed", remover.at(0, "finish"));
  }
  if (spec.guest.touches)
    m.sometimes(
      "zero-step is suspected",
      exists(vcpu, (v) => or(vcpu.at(v, "enter walk"), vcpu.at(v, "enter tree"))),
    );
  return m.build();
}
