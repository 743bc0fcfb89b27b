import { readFileSync } from "node:fs";
import { parseCatalog } from "../../src/catalog/index.ts";
import { bundledHosts } from "../../src/cli/hosts.ts";
import { type HostProfile, parseHost } from "../../src/host/index.ts";

/** The bundled profiles. */
export const HOSTS = bundledHosts();

/** The text of a bundled profile. */
export function hostSource(name: string): string {
  return readFileSync(`data/hosts/${name}.yaml`, "utf8");
}

/** A bundled profile. */
export function host(name: string): HostProfile {
  return parseHost(hostSource(name), `${name}.yaml`).profile;
}

/** The text of a profile of Linux 6.16 or 6.19 as it was written by hand, before kernels were extracted. */
export function handSource(name: "linux-6.16" | "linux-6.19"): string {
  return readFileSync(`test/kernel/hand/${name}.yaml`, "utf8");
}

/** Such a profile: known row by row, and small. */
export function handHost(name: "linux-6.16" | "linux-6.19"): HostProfile {
  return parseHost(handSource(name), `${name}.yaml`).profile;
}

/** A bundled module. */
export function moduleNamed(version: string): ReturnType<typeof parseCatalog> {
  const file = `data/modules/${version}.json`;
  return parseCatalog(readFileSync(file, "utf8"), file);
}

/** A hypervisor that is not KVM, written from docs/host-profiles.md alone. */
export const OTHER = `
schema: seamlock/host@1
name: hyper-x
description: A small hypervisor with one lock per VM.
sources: [the guide]
phases:
  - { name: setup, what: the VM is built, opStates: [UNINITIALIZED, INITIALIZED] }
  - { name: live, what: the VM runs, opStates: [RUNNABLE] }
locks:
  - { name: vm lock, kind: mutex, per: vm }
  - { name: page table lock, kind: rwlock, per: vm }
  - { name: vcpu thread, kind: context, per: vcpu }
  - { name: stop all, kind: kick, per: vm }
paths:
  - name: run
    per: vcpu
    phases: [live]
    sources: [run.c]
    holds: [vcpu thread]
    steps:
      - call: TDH.VP.ENTER
        onBusy: [{ do: [reenter] }]
  - name: unmap
    per: vm
    phases: [live]
    sources: [mm.c]
    holds: [page table lock]
    steps:
      - call: TDH.MEM.RANGE.BLOCK
        onBusy: [{ do: ["retry:3", "return:-EBUSY"] }]
      - call: TDH.MEM.TRACK
        holds: [stop all]
        onBusy: [{ do: [bug-vm] }]
guest:
  calls: [TDG.MEM.PAGE.ACCEPT]
`;
