/**
 * What the low half of a status is, as data: the constructors that put something there, and what the module's own types, members
 * and constants say it is.
 */
import type { Side, StatusDetail } from "../catalog/index.ts";

/** One argument of a constructor, and the bits of the low half that it fills. */
export interface ConstructorPart {
  readonly argument: number;
  readonly high: number;
  readonly low: number;
}

export interface StatusRules {
  /** Functions that give their first argument, a status, something in its low half. */
  readonly constructors: Readonly<
    Record<string, { readonly parts: readonly ConstructorPart[]; readonly fatal: boolean }>
  >;
  /** Constants that are statuses. */
  readonly status: RegExp;
  /** The status of a call that ended well. */
  readonly success: string;
  /** Member that is a status as a whole, and those that are its low half or a flag of it. */
  readonly whole: string;
  readonly lowMembers: Readonly<Record<string, { readonly high: number; readonly low: number }>>;
  readonly fatalMember: string;
  /** Constants → what they are; the first that matches wins. */
  readonly constants: readonly { readonly name: RegExp; readonly is: StatusDetail }[];
  /** Members of the module's structures → what they are. */
  readonly members: Readonly<Record<string, StatusDetail>>;
  /** Types of variables → what they are. */
  readonly types: Readonly<Record<string, StatusDetail>>;
  /** Variables that the source uses for nothing else. */
  readonly parameters: Readonly<Record<string, StatusDetail>>;
  /** Registers in which the dispatcher of a side leaves the status. */
  readonly register: string;
  /** Member of the leaf and version that is the leaf's number. */
  readonly leafMember: string;
  /** Functions that leave the TD (or the L2 VM) with the status that is their first argument, and the exit reason, if any, as its low half. */
  readonly exits: readonly { readonly function: RegExp; readonly to: Side; readonly hasReason: boolean }[];
  /** What the dispatcher of a side turns into something else before it hands it on. */
  readonly turned: readonly { readonly side: Side; readonly from: string; readonly into: string }[];
}

const WHOLE = [{ argument: 1, high: 31, low: 0 }];

export const STATUS_RULES: StatusRules = {
  constructors: {
    api_error_with_operand_id: { parts: WHOLE, fatal: false },
    api_error_with_operand_id_fatal: { parts: WHOLE, fatal: true },
    api_error_fatal: { parts: [], fatal: true },
    api_error_with_l2_details: {
      parts: [
        { argument: 1, high: 31, low: 16 },
        { argument: 2, high: 15, low: 0 },
      ],
      fatal: false,
    },
    api_error_with_multiple_info: {
      parts: [
        { argument: 4, high: 31, low: 24 },
        { argument: 3, high: 23, low: 16 },
        { argument: 2, high: 15, low: 8 },
        { argument: 1, high: 7, low: 0 },
      ],
      fatal: false,
    },
  },
  status: /^TDX?_[A-Z0-9_]+$/,
  success: "TDX_SUCCESS",
  whole: "raw",
  lowMembers: {
    operand: { high: 31, low: 0 },
    details_l2: { high: 31, low: 0 },
    details_l2_high: { high: 31, low: 16 },
    details_l2_low: { high: 15, low: 0 },
  },
  fatalMember: "fatal",
  constants: [
    { name: /^OPERAND_ID_/, is: "operand" },
    { name: /_FIELD_CODE$/, is: "field" },
    { name: /_MSR_ADDR$|^IA32_|^MTRR_|^SMRR/, is: "msr" },
    { name: /^CPUID_/, is: "cpuid-leaf" },
    { name: /^(?:PT|LVL)_/, is: "level" },
    { name: /^MAX_HKIDS$/, is: "count" },
  ],
  members: {
    op_state: "op-state",
    vcpu_state: "vcpu-state",
    level: "level",
    x2apic_ids: "x2apic-id",
    x2apic_id: "x2apic-id",
    pkg: "package",
    td_build_count: "count",
    mig_interrupted_count: "count",
  },
  types: { ept_level_t: "level", vm_vmexit_exit_reason_t: "exit-reason", op_state_e: "op-state" },
  parameters: {
    x2apic_id: "x2apic-id",
    msr_addr: "msr",
    vm_id: "vm",
    target_slot: "index",
    entry_num: "index",
    smrr_idx: "index",
    problem_ops_count: "count",
  },
  register: "rax",
  leafMember: "leaf",
  exits: [
    { function: /^async_tdexit_to_vmm$/, to: "host", hasReason: true },
    { function: /^async_tdexit_(?:empty_reason|cross_td)$/, to: "host", hasReason: false },
    { function: /^td_l2_to_l1_exit/, to: "guest", hasReason: true },
  ],
  turned: [{ side: "guest", from: "TDX_OPERAND_BUSY_HOST_PRIORITY", into: "TDX_OPERAND_BUSY" }],
};
