/** The leaves of a TD's life, by what they are about. */
import type { Leaf } from "../catalog/index.ts";
import { MemoryLeaves } from "./lifecycle-memory-leaves.ts";
import { type LifeLeaf, LifeParts } from "./lifecycle-parts.ts";
import type { LifeState } from "./lifecycle-state.ts";
import { TdLeaves } from "./lifecycle-td-leaves.ts";
import { VcpuLeaves } from "./lifecycle-vcpu-leaves.ts";

/** Makes the calls of one module on one state. */
export class LifeLeaves {
  readonly td: TdLeaves;
  readonly vcpu: VcpuLeaves;
  readonly memory: MemoryLeaves;
  readonly #parts: LifeParts;

  /** @param leaves the module's, by name */
  constructor(state: LifeState, leaves: ReadonlyMap<string, Leaf>) {
    this.#parts = new LifeParts(state, leaves);
    this.td = new TdLeaves(this.#parts);
    this.vcpu = new VcpuLeaves(this.#parts);
    this.memory = new MemoryLeaves(this.#parts);
  }

  /** Does the module have version 1 of the leaf? */
  hasVersion1(name: LifeLeaf): boolean {
    return this.#parts.hasVersion1(name);
  }
}
