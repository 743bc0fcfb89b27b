/** A small hand-made module, with one of everything that a Catalog can say. */
import type { Acquisition, Catalog, Leaf, LockDefinition, Site } from "../../src/catalog/index.ts";
import { releasePlace } from "../../src/catalog/index.ts";

const BUSY = 0x8000020000000000n;
const BUSY_HOST_PRIORITY = 0x8000020400000000n;
export const OPERANDS: Readonly<Record<string, number>> = {
  RCX: 1,
  TDR: 128,
  TDCX: 129,
  OP_STATE: 168,
  TD_EPOCH: 169,
  SEPT_TREE: 146,
  KOT: 4,
};

const hex = (value: bigint): string => `0x${value.toString(16).toUpperCase().padStart(16, "0")}`;

export function site(file: string, line: number, fn = "leaf"): Site {
  return { file, line, function: fn };
}

let nextLine = 10;

/** A row; fields that a test does not care about have plausible values. */
export function row(resource: string, mode: Acquisition["mode"], more: Partial<Acquisition> = {}): Acquisition {
  const line = nextLine++;
  const lock =
    resource === "SEPT_ENTRY" ? "sept_entry" : /^(KOT|TDCS_EPOCH|SEPT_TREE)$/.test(resource) ? "sharex" : "sharex_hp";
  const id =
    resource === "SEPT_TREE" || resource === "TDR" || resource === "KOT"
      ? resource
      : resource === "TDCS_EPOCH"
        ? "TD_EPOCH"
        : "RCX";
  const number = OPERANDS[id] ?? 1;
  const walks = mode === "NO_LOCK";
  const guest = more.side === "guest";
  return {
    resource,
    role: null,
    object: resource.toLowerCase(),
    lock,
    mode,
    side: "host",
    when: null,
    times: "1",
    operand: walks ? null : { id, number },
    busyStatus: walks ? null : hex(BUSY + BigInt(number)),
    hostPriorityStatus: guest && !walks ? hex(BUSY_HOST_PRIORITY + BigInt(number)) : null,
    otherStatuses: [],
    promotion: null,
    release: walks ? null : { ...releasePlace("leaf-exit"), evidence: [site("src/leaf.c", line + 500)] },
    evidence: [site("src/leaf.c", line), site("src/helpers.c", 7, "take_lock")],
    ...more,
  };
}

const SUSPECTED_TEXT = "tdvps_ptr->management.last_epf_gpa_list_idx";

/** The condition under which an entry looks at faults of before, as an extraction has it. */
export const SUSPECTED: Pick<Acquisition, "when" | "condition"> = {
  when: SUSPECTED_TEXT,
  condition: {
    is: "set",
    left: { kind: "memory", path: ["*", "management", "last_epf_gpa_list_idx"], text: SUSPECTED_TEXT },
  },
};

/** A row kept until the given point. */
export function until(at: string, acquisition: Acquisition): Acquisition {
  return {
    ...acquisition,
    release: { ...releasePlace(at), evidence: [site("src/exit.c", 20, at === "td-exit" ? "td_exit" : "leaf")] },
  };
}

export function leaf(
  name: string,
  number: number,
  acquisitions: readonly Acquisition[],
  more: Partial<Leaf> = {},
): Leaf {
  return {
    name,
    number,
    side: name.startsWith("tdg") ? "guest" : "host",
    handler: site(`src/${name}.c`, 40, name),
    variant: null,
    opStates: null,
    septStates: null,
    acquisitions,
    otherBusy: [],
    ...more,
  };
}

const BUILD = ["INITIALIZED"];
const RUN = ["RUNNABLE"];
const BUILD_OR_RUN = ["INITIALIZED", "RUNNABLE"];

const td = (): readonly Acquisition[] => [row("TDR", "SHARED"), row("TDCS", "SHARED")];

const LEAVES: readonly Leaf[] = [
  leaf(
    "tdh_vp_enter",
    0,
    [
      until("td-exit", row("TDVPR", "SHARED")),
      until("td-exit", row("TDR", "SHARED")),
      until("before-td-entry", row("TDCS", "SHARED")),
      until("before-td-entry", row("TDCS_EPOCH", "SHARED")),
      until("before-td-entry", row("SEPT_TREE", "EXCLUSIVE", SUSPECTED)),
    ],
    {
      opStates: RUN,
      otherBusy: [
        {
          status: hex(0x8000020100000000n),
          name: "TDX_PREVIOUS_TLB_EPOCH_BUSY",
          object: "epoch_tracking.refcount",
          operand: null,
          when: null,
          evidence: [site("src/tdh_mem_track.c", 99)],
        },
      ],
    },
  ),
  leaf(
    "tdh_mem_page_add",
    2,
    [
      row("TDR", "EXCLUSIVE"),
      row("TDCS", "NO_LOCK"),
      row("SEPT_TREE", "NO_LOCK"),
      row("PAMT_2M", "SHARED"),
      row("PAGE", "EXCLUSIVE", { role: "to-add" }),
    ],
    { opStates: BUILD, septStates: ["SEPT_FREE"] },
  ),
  leaf(
    "tdh_mem_page_aug",
    6,
    [...td(), row("SEPT_TREE", "SHARED"), row("SEPT_ENTRY", "EXCLUSIVE"), row("PAGE", "EXCLUSIVE", { role: "to-aug" })],
    {
      opStates: RUN,
      septStates: ["SEPT_FREE"],
    },
  ),
  leaf("tdh_mem_range_block", 7, [...td(), row("SEPT_TREE", "EXCLUSIVE"), row("SEPT_ENTRY", "EXCLUSIVE")], {
    opStates: BUILD_OR_RUN,
    septStates: ["SEPT_PRESENT", "SEPT_PENDING"],
  }),
  leaf("tdh_mng_rd", 11, td(), { opStates: BUILD_OR_RUN }),
  leaf("tdh_mng_init", 21, [row("TDR", "EXCLUSIVE"), row("TDCS", "NO_LOCK")], { opStates: ["UNINITIALIZED"] }),
  leaf("tdh_vp_init", 22, [row("TDVPR", "EXCLUSIVE"), ...td()], { opStates: BUILD_OR_RUN, variant: "version=0" }),
  leaf("tdh_vp_init", 22, [row("TDVPR", "EXCLUSIVE"), row("TDR", "EXCLUSIVE"), row("TDCS", "SHARED")], {
    opStates: BUILD_OR_RUN,
    variant: "version>=1",
  }),
  leaf("tdh_phymem_page_reclaim", 28, [
    row("PAGE", "EXCLUSIVE", { role: "to-reclaim" }),
    row("TDR", "SHARED", { when: "pt != PT_TDR" }),
  ]),
  leaf(
    "tdh_mem_page_remove",
    29,
    [
      ...td(),
      row("SEPT_TREE", "SHARED"),
      row("SEPT_ENTRY", "EXCLUSIVE"),
      row("PAGE", "EXCLUSIVE", { role: "to-remove" }),
    ],
    {
      opStates: BUILD_OR_RUN,
      septStates: ["SEPT_BLOCKED"],
    },
  ),
  leaf("tdh_mem_track", 38, [...td(), row("TDCS_EPOCH", "EXCLUSIVE")], { opStates: BUILD_OR_RUN }),
  leaf("tdh_phymem_cache_wb", 40, [row("WBT", "EXCLUSIVE", { lock: "mutex" }), row("KOT", "SHARED")]),
  leaf("tdh_servtd_bind", 48, [
    row("TDR", "SHARED", { role: "target" }),
    row("TDR", "SHARED", { role: "service" }),
    row("SERVTD_BINDINGS", "EXCLUSIVE", { times: "per binding slot" }),
  ]),
  leaf("tdg_mem_page_accept", 6, [row("SEPT_ENTRY", "EXCLUSIVE", { side: "guest" })], {
    opStates: RUN,
    septStates: ["SEPT_PENDING"],
  }),
  leaf("tdg_servtd_rd", 18, [
    row("TDR", "SHARED", { side: "guest", role: "target" }),
    row("PAMT_1G", "SHARED", { side: "guest" }),
  ]),
];

const LOCKS: readonly LockDefinition[] = [
  {
    kind: "sharex_hp",
    type: "sharex_hp_lock_t",
    width: 16,
    fields: [
      { name: "exclusive", lsb: 0, width: 1 },
      { name: "host_prio", lsb: 1, width: 1 },
      { name: "counter", lsb: 2, width: 14 },
    ],
    primitives: [
      {
        function: "acquire_sharex_lock_hp_sh",
        operation: "acquire",
        mode: "SHARED",
        side: "host",
        outcomes: ["TDX_SUCCESS", "TDX_OPERAND_BUSY"],
        atomics: ["lock xadd", "lock or"],
        setsHostPriority: true,
        evidence: site("src/locks.h", 5, "acquire_sharex_lock_hp_sh"),
      },
      {
        function: "acquire_sharex_lock_hp_ex",
        operation: "acquire",
        mode: "EXCLUSIVE",
        side: "guest",
        outcomes: ["TDX_SUCCESS", "TDX_OPERAND_BUSY_HOST_PRIORITY", "TDX_OPERAND_BUSY"],
        atomics: ["lock cmpxchg"],
        setsHostPriority: false,
        evidence: site("src/locks.h", 25, "acquire_sharex_lock_hp_ex"),
      },
    ],
  },
  {
    kind: "mutex",
    type: "mutex_lock_t",
    width: 8,
    fields: [],
    primitives: [
      {
        function: "acquire_mutex_lock",
        operation: "acquire",
        mode: null,
        side: null,
        outcomes: ["LOCK_RET_SUCCESS", "LOCK_RET_FAIL"],
        atomics: ["lock cmpxchg"],
        setsHostPriority: false,
        evidence: site("src/locks.h", 45, "acquire_mutex_lock"),
      },
    ],
  },
];

const word = {
  type: "sharex_hp_lock_t",
  bits: 16 as const,
  fields: [
    { name: "exclusive" as const, lsb: 0, width: 1 },
    { name: "hp" as const, lsb: 1, width: 1 },
    { name: "counter" as const, lsb: 2, width: 14 },
  ],
};

const primitives: Catalog["primitives"] = [
  {
    function: "acquire_sharex_lock_hp_ex",
    kind: "sharex_hp",
    operation: "acquire",
    mode: "EXCLUSIVE",
    side: "guest",
    word,
    steps: [
      {
        instruction: { op: "cmpxchg", expected: {}, desired: { exclusive: 1 } },
        line: 27,
        branches: [
          {
            when: [
              [{ field: "counter", mask: null, is: 0, not: true }],
              [{ field: "hp", mask: null, is: 1, not: false }],
            ],
            to: "busy",
            check: null,
          },
          { when: null, to: "success", check: null },
        ],
      },
    ],
    evidence: site("src/locks.h", 25, "acquire_sharex_lock_hp_ex"),
  },
];

const writers: Catalog["writers"] = [
  {
    function: "write_entry",
    when: null,
    steps: [
      {
        instruction: "write",
        retries: false,
        hostPriority: "given",
        lock: "given",
        site: site("src/sept.h", 12, "write_entry"),
      },
    ],
    unlocks: true,
    evidence: site("src/sept.h", 10, "write_entry"),
  },
];

const behaviour = (name: string, variant: string, line: number): Catalog["behaviours"][number] => {
  const evidence = site("src/stepping.c", line, name.replaceAll("-", "_"));
  return { name, variant, function: evidence.function, digest: `sha256:${"0".repeat(64)}`, evidence };
};

/** A fresh copy of the module on each call. */
export function smallCatalog(more: Partial<Catalog> = {}): Catalog {
  return structuredClone({
    schema: "seamlock/catalog@1" as const,
    module: {
      version: "0.1.02",
      origin: "extracted" as const,
      repository: "example/module",
      revision: "0123456789abcdef0123456789abcdef01234567",
      sourceDigest: `sha256:${"ab".repeat(32)}`,
    },
    leaves: LEAVES,
    locks: LOCKS,
    primitives,
    writers,
    otherAtomics: [
      {
        instruction: "xadd",
        object: "tdr->chldcnt",
        reason: "a count",
        site: site("src/leaf.c", 30, "tdh_mem_page_add"),
      },
    ],
    septEntryBits: { TDEL: 11, TDHP: 52 },
    opStates: ["UNINITIALIZED", "INITIALIZED", "RUNNABLE"],
    septStates: ["SEPT_FREE", "SEPT_PENDING", "SEPT_BLOCKED", "SEPT_PRESENT"],
    statusCodes: {
      TDX_SUCCESS: hex(0n),
      TDX_OPERAND_BUSY: hex(BUSY),
      TDX_PREVIOUS_TLB_EPOCH_BUSY: hex(0x8000020100000000n),
      TDX_OPERAND_BUSY_HOST_PRIORITY: hex(BUSY_HOST_PRIORITY),
    },
    operandIds: OPERANDS,
    constants: { STEPPING_EPF_THRESHOLD: 6, EPF_GPA_LIST_SIZE: 32 },
    behaviours: [
      behaviour("fault-log", "counts-to-threshold", 1),
      behaviour("exit-filter", "resets-on-progress", 2),
      behaviour("stepping-filter", "tree-shared", 3),
      behaviour("host-priority-timeout", "busy-then-exit", 4),
    ],
    coverage: {
      sites: 3,
      visited: 2,
      explained: [{ site: site("src/unused.c", 3, "never_called"), reason: "no leaf calls never_called" }],
    },
    diagnostics: [
      { code: "SL3001", severity: "warning" as const, message: "a lock of an unknown class", file: "src/x.c", line: 9 },
    ],
    ...more,
  });
}
