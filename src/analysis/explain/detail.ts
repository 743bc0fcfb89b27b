/** What the low half of a status says: by how the leaf's source makes that status, never by its name. */
import {
  type Catalog,
  formatStatus,
  type Leaf,
  type Operand,
  type StatusPart,
  type StatusSource,
} from "../../catalog/index.ts";
import { exitReason, msrName, namedBits, namedValue, VCPU_STATES } from "./facts.ts";
import type { StatusExplanation } from "./schema.ts";

type Detail = StatusExplanation["details"][number];

export interface LowHalf {
  readonly details: readonly Detail[];
  readonly operand: Operand | null;
  /** Can one of the leaves end with this status? Null when the catalog does not say. */
  readonly returned: boolean | null;
}

/** The statuses that leaves make under a name; null when the catalog does not tell statuses. */
function sourcesOf(catalog: Catalog, leaves: readonly Leaf[] | null, name: string): readonly StatusSource[] | null {
  const { statuses } = catalog;
  if (statuses === undefined) return null;
  const ids = leaves === null ? null : new Set(leaves.flatMap((leaf) => leaf.statuses ?? []));
  return statuses.filter((s, i) => s.status === name && (ids === null || ids.has(i)));
}

/** Leaves that can end with a status: its name, and what its low half is where that is known. */
export function leavesReturning(catalog: Catalog, name: string, low: number | null): readonly Leaf[] {
  const { statuses } = catalog;
  if (statuses === undefined) return [];
  const ids = new Set(statuses.flatMap((s, i) => (s.status === name && (low === null || fits(s, low)) ? [i] : [])));
  return catalog.leaves.filter((leaf) => leaf.statuses?.some((id) => ids.has(id)));
}

/**
 * Reads the low half.
 *
 * @param leaves the leaf's entries; null when it is not known which leaf returned the status
 * @param low bits 31:0; null when they are not known
 */
export function readLowHalf(
  catalog: Catalog,
  leaves: readonly Leaf[] | null,
  name: string,
  low: number | null,
): LowHalf {
  const own = sourcesOf(catalog, leaves, name);
  if (own === null) return withoutSources(catalog, leaves, name, low);
  if (low === null) return { details: [], operand: null, returned: leaves === null ? null : own.length > 0 };
  const fitting = own.filter((s) => fits(s, low));
  const returned = leaves === null ? null : fitting.length > 0;
  const elsewhere = (): readonly StatusSource[] => (sourcesOf(catalog, null, name) ?? []).filter((s) => fits(s, low));
  const chosen = best(fitting.length > 0 ? fitting : elsewhere());
  if (chosen === null) {
    const unsaid = low === 0 ? [] : [detailOf(catalog, name, { high: 31, low: 0, is: "number", value: null }, low)];
    return { details: unsaid, operand: null, returned };
  }
  const implied = namedBits(name).filter((bits) => !chosen.parts.some((p) => p.low === bits.low));
  const parts = [...chosen.parts, ...implied.map((bits) => ({ ...bits, is: "number", value: null }) as StatusPart)];
  const details = parts.map((part) => detailOf(catalog, name, part, low));
  const operand = chosen.parts.some((p) => p.is === "operand") ? operandOf(catalog, low) : null;
  return { details, operand, returned };
}

/** Where nobody has read which statuses leaves make, what the rows say is known all the same: the operand of a busy lock. */
function withoutSources(catalog: Catalog, leaves: readonly Leaf[] | null, name: string, low: number | null): LowHalf {
  const base = catalog.statusCodes[name];
  const known = low !== null && base !== undefined && operandOf(catalog, low);
  if (!known) return { details: [], operand: null, returned: null };
  const status = formatStatus(BigInt(base) | BigInt(low >>> 0));
  const isRow = (leaves ?? catalog.leaves).some(({ acquisitions }) =>
    acquisitions.some(
      (row) =>
        row.busyStatus === status ||
        row.hostPriorityStatus === status ||
        row.otherStatuses.some((other) => other.status === status),
    ),
  );
  return { details: [], operand: isRow ? known : null, returned: null };
}

const bitsOf = (value: number, { high, low }: Pick<StatusPart, "high" | "low">): number =>
  Number((BigInt(value >>> 0) >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n));

/** No register is added to another one further than this. */
const MAX_INDEX = 16;

function fits({ parts }: StatusSource, low: number): boolean {
  const isCovered = (bit: number): boolean => parts.some((p) => bit >= p.low && bit <= p.high);
  for (let bit = 0; bit < 32; bit++) if (((low >>> bit) & 1) === 1 && !isCovered(bit)) return false;
  return parts.every((part) => {
    const value = bitsOf(low, part);
    if (part.value === null) return true;
    return part.indexed === true ? value >= part.value && value < part.value + MAX_INDEX : value === part.value;
  });
}

/** Of several ways to make the same number the one that says most: a fixed value before a sort of thing before a mere number. */
function best(sources: readonly StatusSource[]): StatusSource | null {
  const rank = ({ parts }: StatusSource): number =>
    parts.some((p) => p.value !== null) ? 0 : parts.length === 0 ? 1 : parts.some((p) => p.is !== "number") ? 2 : 3;
  return [...sources].sort((a, b) => rank(a) - rank(b))[0] ?? null;
}

function operandOf(catalog: Catalog, number: number): Operand | null {
  const found = Object.entries(catalog.operandIds).find(([, value]) => value === number);
  return found === undefined ? null : { id: found[0], number };
}

const LEVELS = ["4K", "2M", "1G", "512G", "256T"];
const hex = (n: number): string => `0x${n.toString(16)}`;

function detailOf(catalog: Catalog, status: string, part: StatusPart, low: number): Detail {
  const value = bitsOf(low, part);
  return { bits: `${part.high}:${part.low}`, is: part.is, value, text: detailText(catalog, status, part, value) };
}

function detailText(catalog: Catalog, status: string, part: StatusPart, value: number): string {
  const name = namedValue(status, part.high, part.low, value);
  if (name !== null) return `${value} (${name})`;
  switch (part.is) {
    case "operand": {
      const operand = operandOf(catalog, value);
      return operand === null ? `operand ${value}` : `operand ${operand.id} (${value})`;
    }
    case "level":
      return `level ${value} (${LEVELS[value] ?? "unknown"})`;
    case "op-state":
      return `OP_STATE ${catalog.opStates[value] ?? "unknown"} (${value})`;
    case "vcpu-state":
      return `vCPU state ${vcpuState(catalog, value) ?? "unknown"} (${value})`;
    case "msr": {
      const msr = msrName(value);
      return `MSR ${hex(value)}${msr === null ? "" : ` (${msr})`}`;
    }
    case "cpuid-leaf":
      return `CPUID leaf ${hex(value)}`;
    case "field":
      return `metadata field ${hex(value)}`;
    case "x2apic-id":
      return `x2APIC id ${value}`;
    case "package":
      return `package ${value}`;
    case "index":
      return `index ${value}`;
    case "count":
      return `count ${value}`;
    case "vm":
      return `VM ${value}`;
    case "exit-reason":
      return exitText(value);
    default:
      return `number ${value <= 9 ? value : `${value} (${hex(value)})`}`;
  }
}

/** A VM-exit reason: bits 15:0 are the basic reason. */
export function exitText(value: number): string {
  const basic = value & 0xffff;
  const name = exitReason(basic);
  return `VM-exit reason ${basic}${name === null ? "" : ` (${name})`}`;
}

function vcpuState(catalog: Catalog, value: number): string | null {
  for (const [constant, state] of VCPU_STATES) if (catalog.constants[constant] === value) return state;
  return null;
}
