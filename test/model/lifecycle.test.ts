import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseCatalog } from "../../src/catalog/index.ts";
import { check } from "../../src/check/index.ts";
import {
  apply,
  BUSY,
  enabledMoves,
  type Layout,
  layoutOf,
  type Model,
  type StepMeta,
} from "../../src/language/index.ts";
import { buildModel, parseScenario } from "../../src/model/index.ts";

const data = join(import.meta.dirname, "../../data");
const memo = <T>(make: (key: string) => T) => {
  const known = new Map<string, T>();
  return (key: string): T => {
    const value = known.get(key) ?? make(key);
    known.set(key, value);
    return value;
  };
};
const catalog = memo((version) => parseCatalog(readFileSync(join(data, `modules/${version}.json`), "utf8"), version));
const VERSIONS = ["1.5.05", "1.5.25"];
const ALL = ["1.5.01", "1.5.05", "1.5.06", "1.5.08", "1.5.09", "1.5.13", "1.5.16", "1.5.20", "1.5.24", "1.5.25"];

function build(version: string, settings: Readonly<Record<string, string>> = {}): Model {
  const file = join(data, "scenarios/td-life.yaml");
  const overrides = Object.entries(settings).map(([path, value]) => ({ path, value, from: "--set" }));
  const scenario = parseScenario(readFileSync(file, "utf8"), file, overrides);
  const host = (): never => {
    throw new Error("no host is asked for");
  };
  return buildModel(scenario, { catalog: () => catalog(version), host });
}

/** Threads that make the calls they are told to, one after the other. */
class Threads {
  readonly #layout: Layout;
  /** The locks that the calls took so far, in order. */
  readonly locks: string[] = [];
  #state: number[];

  constructor(layout: Layout) {
    this.#layout = layout;
    this.#state = this.#layout.slots.map(({ init }) => init);
  }

  /** One step of a thread; `name` picks the call where there is a choice. */
  #step(thread: number, name: string | null): StepMeta | null {
    const moves = enabledMoves(this.#layout, this.#state).filter(({ instance }) => instance.instance === thread);
    const chosen = moves.find(({ move: { step } }) => name === null || step.meta.note === name);
    if (chosen === undefined) return null;
    const { state, fault } = apply(this.#layout, this.#state, chosen.instance, chosen.move);
    if (fault !== null) throw new Error(`${name ?? "a step"}: ${fault.kind} ${fault.name}`);
    this.#state = state;
    const { meta } = chosen.move.step;
    if (meta.action === "acquire" && meta.result !== BUSY)
      this.locks.push(`${meta.leaf} ${meta.resource} ${meta.mode}`);
    return meta;
  }

  /** Make a call up to its return, or up to the guest; the status it returned, or `TD exit`. */
  call(name: string, thread = 0): string {
    if (this.#start(name, thread) === null) throw new Error(`${name} cannot be called here`);
    return this.#finish(thread);
  }

  /** Make the first steps of a call only. */
  begin(name: string, steps: number, thread = 0): void {
    this.#start(name, thread);
    for (let i = 0; i < steps; i++) this.#step(thread, null);
  }

  /** Make the rest of a call that was begun; the status it returned, or `TD exit`. */
  end(thread = 0): string {
    return this.#finish(thread);
  }

  #start(name: string, thread: number) {
    return this.#step(thread, name);
  }

  #finish(thread: number): string {
    let status = "TD exit";
    for (;;) {
      const step = this.#step(thread, null);
      if (step === null) throw new Error("the call does not return");
      status = step.status ?? status;
      if (step.action === "return") return status;
    }
  }
}

const SMALL = { life: "none", callers: "1", "tdcs.min": "2", "tdcs.max": "3", "tdvps.min": "2", "tdvps.max": "3" };
const OK = "0x0000000000000000";
const CREATE = ["create", "key-config 0"];
const TDCS = [...CREATE, "addcx", "addcx"];
const INIT = [...TDCS, "init"];
const VCPU = [...INIT, "vp-create 0", "vp-addcx 0", "vp-init 0"];
const MEMORY = [...VCPU, "sept-add", "page-add 0", "extend 0"];
const RUNNABLE = [...MEMORY, "finalize"];
const FLUSHED = [...RUNNABLE, "flush 0", "vpflushdone"];
const TEARDOWN = [...FLUSHED, "cache-wb 0", "freeid"];
/** TDCS pages, TDVPR and its page, SEPT page, the data page: PAMT indices with the small sizes and two TDRs. */
const RECLAIMED = [...TEARDOWN, "reclaim 2", "reclaim 3", "reclaim 5", "reclaim 6", "reclaim 8", "reclaim 9"];

/** Illegal orders: calls that succeed, the one that does not, and the module's status for it with the operand's number. */
const ILLEGAL: readonly (readonly [before: readonly string[], call: string, name: string, operand: string | null])[] = [
  [[], "key-config 0", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
  [[], "addcx", "TDX_PAGE_METADATA_INCORRECT", "RDX"],
  [[], "init", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
  [[], "finalize", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
  [[], "track", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
  [[], "page-add 0", "TDX_PAGE_METADATA_INCORRECT", "RDX"],
  [[], "enter 0", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
  [[], "cache-wb 0", "TDX_NO_HKID_READY_TO_WBCACHE", null],
  [[], "reclaim tdr", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
  [[], "reclaim 4", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
  [["create"], "create", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
  [["create"], "create of TD 1", "TDX_HKID_NOT_FREE", null],
  [["create"], "addcx", "TDX_TD_KEYS_NOT_CONFIGURED", null],
  [["create"], "init", "TDX_TD_KEYS_NOT_CONFIGURED", null],
  [["create"], "freeid", "TDX_LIFECYCLE_STATE_INCORRECT", null],
  [["create"], "reclaim tdr", "TDX_LIFECYCLE_STATE_INCORRECT", null],
  [CREATE, "key-config 0", "TDX_LIFECYCLE_STATE_INCORRECT", null],
  [CREATE, "init", "TDX_TDCS_NOT_ALLOCATED", null],
  [CREATE, "vp-create 0", "TDX_TDCS_NOT_ALLOCATED", null],
  [[...CREATE, "addcx"], "finalize", "TDX_TDCS_NOT_ALLOCATED", null],
  [[...CREATE, "addcx"], "addcx in use", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
  [TDCS, "vp-create 0", "TDX_OP_STATE_INCORRECT", null],
  [TDCS, "sept-add", "TDX_OP_STATE_INCORRECT", null],
  [TDCS, "finalize", "TDX_OP_STATE_INCORRECT", null],
  [[...TDCS, "addcx"], "addcx", "TDX_TDCX_NUM_INCORRECT", null],
  [INIT, "init", "TDX_OP_STATE_INCORRECT", null],
  [INIT, "addcx", "TDX_OP_STATE_INCORRECT", null],
  [INIT, "finalize", "TDX_NO_VCPUS", null],
  [INIT, "vp-addcx 0", "TDX_PAGE_METADATA_INCORRECT", "RDX"],
  [INIT, "vp-init 0", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
  [INIT, "page-add 0", "TDX_EPT_WALK_FAILED", "RCX"],
  [INIT, "aug 0", "TDX_EPT_WALK_FAILED", "RCX"],
  [INIT, "extend 0", "TDX_EPT_ENTRY_NOT_PRESENT", "RCX"],
  [[...INIT, "vp-create 0"], "vp-create 0", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
  [[...INIT, "vp-create 0"], "vp-init 0", "TDX_TDCX_NUM_INCORRECT", null],
  [[...INIT, "vp-create 0"], "flush 0", "TDX_TDCX_NUM_INCORRECT", null],
  [[...INIT, "vp-create 0", "vp-addcx 0"], "flush 0", "TDX_VCPU_NOT_ASSOCIATED", null],
  [[...INIT, "vp-create 0", "vp-addcx 0", "vp-addcx 0"], "vp-addcx 0", "TDX_TDCX_NUM_INCORRECT", null],
  [VCPU, "vp-init 0", "TDX_VCPU_STATE_INCORRECT", null],
  [VCPU, "vp-addcx 0", "TDX_VCPU_STATE_INCORRECT", null],
  [VCPU, "enter 0", "TDX_OP_STATE_INCORRECT", null],
  [VCPU, "vpflushdone", "TDX_FLUSHVP_NOT_DONE", null],
  [MEMORY, "sept-add", "TDX_EPT_ENTRY_STATE_INCORRECT", "RCX"],
  [MEMORY, "page-add 0", "TDX_EPT_ENTRY_STATE_INCORRECT", "RCX"],
  [MEMORY, "page-add 1 in use", "TDX_PAGE_METADATA_INCORRECT", "R8"],
  [MEMORY, "extend 1", "TDX_EPT_ENTRY_NOT_PRESENT", "RCX"],
  [MEMORY, "block 1", "TDX_EPT_ENTRY_STATE_INCORRECT", "RCX"],
  [MEMORY, "remove 1", "TDX_EPT_ENTRY_STATE_INCORRECT", "RCX"],
  [RUNNABLE, "finalize", "TDX_OP_STATE_INCORRECT", null],
  [RUNNABLE, "page-add 1", "TDX_OP_STATE_INCORRECT", null],
  [RUNNABLE, "extend 0", "TDX_OP_STATE_INCORRECT", null],
  [RUNNABLE, "vp-create 0", "TDX_OP_STATE_INCORRECT", null],
  [RUNNABLE, "aug 0", "TDX_EPT_ENTRY_STATE_INCORRECT", "RCX"],
  [RUNNABLE, "remove 0", "TDX_GPA_RANGE_NOT_BLOCKED", "RCX"],
  [[...RUNNABLE, "block 0"], "block 0", "TDX_GPA_RANGE_ALREADY_BLOCKED", "RCX"],
  [[...RUNNABLE, "block 0"], "remove 0", "TDX_TLB_TRACKING_NOT_DONE", "RCX"],
  [RUNNABLE, "unblock 0", "TDX_EPT_ENTRY_STATE_INCORRECT", "RCX"],
  [[...RUNNABLE, "block 0"], "unblock 0", "TDX_TLB_TRACKING_NOT_DONE", "RCX"],
  [[...RUNNABLE, "block range"], "block range", "TDX_GPA_RANGE_ALREADY_BLOCKED", "RCX"],
  [[...RUNNABLE, "block range"], "unblock range", "TDX_TLB_TRACKING_NOT_DONE", "RCX"],
  [[...RUNNABLE, "block range"], "block 0", "TDX_EPT_WALK_FAILED", "RCX"],
  [[...RUNNABLE, "block range"], "sept-add", "TDX_EPT_ENTRY_STATE_INCORRECT", "RCX"],
  [[...RUNNABLE, "block range"], "sept-add, version 1, no page", "TDX_EPT_ENTRY_STATE_INCORRECT", "RCX"],
  [RUNNABLE, "unblock range", "TDX_EPT_ENTRY_STATE_INCORRECT", "RCX"],
  [RUNNABLE, "sept-remove", "TDX_GPA_RANGE_NOT_BLOCKED", "RCX"],
  [[...RUNNABLE, "block range"], "sept-remove", "TDX_TLB_TRACKING_NOT_DONE", "RCX"],
  [[...RUNNABLE, "block range", "track"], "sept-remove", "TDX_EPT_PAGE_NOT_FREE", "RCX"],
  [MEMORY, "sept-remove", "TDX_EPT_PAGE_NOT_FREE", "RCX"],
  [VCPU, "sept-remove", "TDX_EPT_ENTRY_STATE_INCORRECT", "RCX"],
  [VCPU, "sept-add, version 1, no page", "TDX_EPT_ENTRY_STATE_INCORRECT", "RCX"],
  [MEMORY, "sept-add, version 1", "TDX_EPT_ENTRY_STATE_INCORRECT", "RCX"],
  [TDCS, "mng-rd", "TDX_OP_STATE_INCORRECT", null],
  [[...CREATE, "addcx"], "mng-wr", "TDX_TDCS_NOT_ALLOCATED", null],
  [FLUSHED, "mng-rd", "TDX_TD_KEYS_NOT_CONFIGURED", null],
  [[...INIT, "vp-create 0"], "vp-rd 0", "TDX_TDCX_NUM_INCORRECT", null],
  [[...INIT, "vp-create 0", "vp-addcx 0"], "vp-wr 0", "TDX_VCPU_STATE_INCORRECT", null],
  [INIT, "vp-rd 0", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
  [FLUSHED, "vp-wr 0", "TDX_TD_KEYS_NOT_CONFIGURED", null],
  [VCPU, "vp-init 0, version 1", "TDX_VCPU_STATE_INCORRECT", null],
  [MEMORY, "wbinvd of page 0", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
  [RUNNABLE, "vpflushdone", "TDX_FLUSHVP_NOT_DONE", null],
  [[...RUNNABLE, "flush 0"], "flush 0", "TDX_VCPU_NOT_ASSOCIATED", null],
  [RUNNABLE, "freeid", "TDX_LIFECYCLE_STATE_INCORRECT", null],
  [RUNNABLE, "reclaim 9", "TDX_LIFECYCLE_STATE_INCORRECT", null],
  [FLUSHED, "vpflushdone", "TDX_LIFECYCLE_STATE_INCORRECT", null],
  [FLUSHED, "enter 0", "TDX_TD_KEYS_NOT_CONFIGURED", null],
  [FLUSHED, "flush 0", "TDX_TD_KEYS_NOT_CONFIGURED", null],
  [FLUSHED, "remove 0", "TDX_TD_KEYS_NOT_CONFIGURED", null],
  [FLUSHED, "freeid", "TDX_WBCACHE_NOT_COMPLETE", null],
  [FLUSHED, "create of TD 1", "TDX_HKID_NOT_FREE", null],
  [FLUSHED, "reclaim 9", "TDX_LIFECYCLE_STATE_INCORRECT", null],
  [TEARDOWN, "cache-wb 0", "TDX_NO_HKID_READY_TO_WBCACHE", null],
  [TEARDOWN, "reclaim tdr", "TDX_TD_ASSOCIATED_PAGES_EXIST", null],
  [[...TEARDOWN, "reclaim 9"], "reclaim 9", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
  [[...RECLAIMED, "reclaim tdr"], "key-config 0", "TDX_PAGE_METADATA_INCORRECT", "RCX"],
];

function code(version: string, name: string, operand: string | null): string {
  const { statusCodes, operandIds } = catalog(version);
  const number = operand === null ? 0 : (operandIds[operand] as number);
  return `0x${(BigInt(statusCodes[name] as string) + BigInt(number)).toString(16).toUpperCase().padStart(16, "0")}`;
}

const layouts = memo((key) => {
  const [version, more] = JSON.parse(key) as [string, Record<string, string>];
  return layoutOf(build(version, { ...SMALL, tds: "2", ...more }));
});

/** Threads that have made these calls, all of which succeed. */
function having(version: string, calls: readonly string[], more: Readonly<Record<string, string>> = {}): Threads {
  const threads = new Threads(layouts(JSON.stringify([version, more])));
  for (const call of calls) expect([call, threads.call(call)]).toEqual([call, OK]);
  return threads;
}

describe.each(VERSIONS)("the life of a TD in module %s", (version) => {
  it("goes from creation to reclaim, call by call, with the module's own numbers of pages", () => {
    const result = check(build(version, { vcpus: "2", packages: "2" }));
    expect(result.outcome.kind).toBe("holds");
    expect(result.vacuous).toEqual([]);
    expect(result.busy).toEqual([]);
    const life = result.witnesses.find(({ property }) => property === "the TDR is reclaimed at the end")?.trace.steps;
    const called = life?.filter(({ action }) => action === "call").map(({ leaf }) => leaf);
    expect([...new Set(called)]).toEqual([
      "tdh_mng_create",
      "tdh_mng_key_config",
      "tdh_mng_addcx",
      "tdh_mng_init",
      "tdh_mng_rd",
      "tdh_mng_wr",
      "tdh_vp_create",
      "tdh_vp_addcx",
      "tdh_vp_init",
      "tdh_vp_wr",
      "tdh_vp_rd",
      "tdh_mem_sept_add",
      "tdh_mem_page_add",
      "tdh_mr_extend",
      "tdh_mr_finalize",
      "tdh_vp_enter",
      "tdh_mem_page_aug",
      "tdh_mem_range_block",
      "tdh_mem_track",
      "tdh_mem_range_unblock",
      "tdh_mem_page_remove",
      "tdh_phymem_page_wbinvd",
      "tdh_vp_flush",
      "tdh_mng_vpflushdone",
      "tdh_phymem_cache_wb",
      "tdh_mng_key_freeid",
      "tdh_phymem_page_reclaim",
    ]);
    expect(life?.some(({ note }) => note === "the page is accepted")).toBe(true);
    expect(called?.filter((leaf) => leaf === "tdh_mng_addcx").length).toBe(6);
  });

  it("can be lived again in the same pages", () => {
    const threads = having(version, [...RECLAIMED, "reclaim tdr", ...RECLAIMED]);
    expect(threads.call("reclaim tdr")).toBe(OK);
  });

  it.each(ILLEGAL)("after %j, %s returns %s %s", (before, call, name, operand) => {
    expect(having(version, before).call(call)).toBe(code(version, name, operand));
  });

  it("configures the key of every package", () => {
    const threads = having(version, ["create", "key-config 0"], { packages: "2" });
    expect(threads.call("key-config 0")).toBe(code(version, "TDX_KEY_CONFIGURED", null));
    expect(threads.call("addcx")).toBe(code(version, "TDX_TD_KEYS_NOT_CONFIGURED", null));
    expect(threads.call("key-config 1")).toBe(OK);
    expect(threads.call("addcx")).toBe(OK);
  });

  it("writes back the caches of every package before the HKID is free", () => {
    const threads = having(version, ["create", "vpflushdone", "cache-wb 1"], { packages: "2" });
    expect(threads.call("freeid")).toBe(code(version, "TDX_WBCACHE_NOT_COMPLETE", null));
    expect(threads.call("cache-wb 0")).toBe(OK);
    expect(threads.call("freeid")).toBe(OK);
    expect(threads.call("create of TD 1")).toBe(OK);
  });

  it("lets a guest accept what was faulted in, once, and makes the host wait for it", () => {
    const threads = having(version, [...RUNNABLE, "flush 0"], { callers: "2" });
    expect(threads.call("enter 0", 1)).toBe(OK);
    expect(threads.call("aug 1")).toBe(OK);
    expect(threads.call("accept 1", 1)).toBe(OK);
    expect(threads.call("accept 1", 1)).toBe(code(version, "TDX_PAGE_ALREADY_ACCEPTED", null));
    expect(threads.call("block 1")).toBe(OK);
    expect(threads.call("track")).toBe(OK);
    expect(threads.call("track")).toBe(code(version, "TDX_PREVIOUS_TLB_EPOCH_BUSY", null));
    expect(threads.call("remove 1")).toBe(code(version, "TDX_TLB_TRACKING_NOT_DONE", "RCX"));
    expect(threads.call("flush 0")).toBe(code(version, "TDX_OPERAND_BUSY", "RCX"));
    expect(threads.call("accept 1", 1)).toBe("TD exit");
    expect(threads.call("remove 1")).toBe(OK);
    expect(threads.call("enter 0")).toBe(code(version, "TDX_VCPU_ASSOCIATED", null));
    expect(threads.call("flush 0")).toBe(code(version, "TDX_VCPU_NOT_ASSOCIATED", null));
    expect(threads.call("flush 0", 1)).toBe(OK);
    expect(threads.call("vpflushdone")).toBe(OK);
  });

  it("lets a SEPT page be taken away once it is empty, blocked and tracked, and another be added", () => {
    const threads = having(version, [
      ...RUNNABLE,
      "block 0",
      "track",
      "remove 0",
      "block range",
      "track",
      "sept-remove",
    ]);
    expect(threads.call("aug 0")).toBe(code(version, "TDX_EPT_WALK_FAILED", "RCX"));
    expect(threads.call("sept-add, version 1")).toBe(OK);
    expect(threads.call("sept-add, version 1, no page")).toBe(OK);
    expect(threads.call("aug 0")).toBe(OK);
  });

  it("needs no blocking and tracking while the TD is built", () => {
    const threads = having(version, [...VCPU, "sept-add", "sept-remove", "sept-add", "aug 1", "block 1", "unblock 1"]);
    expect(threads.call("remove 1")).toBe(OK);
    expect(threads.call("wbinvd of page 1")).toBe(OK);
  });

  it("unblocks a page that was tracked, which stays what it was", () => {
    const threads = having(version, [...RUNNABLE, "aug 1", "block 1", "track", "unblock 1", "flush 0"], {
      callers: "2",
    });
    expect(threads.call("enter 0", 1)).toBe(OK);
    expect(threads.call("accept 1", 1)).toBe(OK);
  });

  it("lets a guest read and write attributes of a page that is there, and leave the TD for one that is not", () => {
    const threads = having(version, [...RUNNABLE, "flush 0"], { callers: "2" });
    for (const what of ["read", "write"]) {
      expect(threads.call("enter 0", 1)).toBe(OK);
      expect(threads.call(`${what} attributes of 0`, 1)).toBe(OK);
      expect(threads.call(`${what} attributes of 1`, 1)).toBe("TD exit");
    }
  });

  it("takes the entry above where a guest reads attributes and there is no SEPT page, or a blocked one", () => {
    const threads = having(version, [...RUNNABLE, "flush 0"], { callers: "2" });
    expect(threads.call("enter 0", 1)).toBe(OK);
    expect(threads.call("block range")).toBe(OK);
    // The walk, and the entry that it ends at.
    threads.begin("read attributes of 0", 2, 1);
    expect(threads.call("unblock range")).toBe(code(version, "TDX_OPERAND_BUSY", "RCX"));
    expect(threads.end(1)).toBe("TD exit");
    // One that writes them leaves the TD without taking it.
    expect(threads.call("enter 0", 1)).toBe(OK);
    threads.begin("write attributes of 0", 2, 1);
    expect(threads.call("unblock range")).toBe(code(version, "TDX_TLB_TRACKING_NOT_DONE", "RCX"));
  });

  it("tells who holds the PAMT entry of a page, under whatever name", () => {
    const tiny = { "tdcs.min": "1", "tdcs.max": "1", "tdvps.min": "1", "tdvps.max": "1", pages: "1" };
    const { busy } = check(build(version, { ...SMALL, ...tiny, callers: "2" }), { states: 200_000 });
    const met = busy.filter(({ leaf, resource }) => leaf === "tdh_phymem_page_reclaim" && resource === "PAGE");
    expect(met[0]?.holders).toContain("tdh_mng_addcx");
    expect(busy.filter(({ unheld }) => unheld)).toEqual([]);
  });

  it("associates a vCPU whose fields are read, and with version 1 keeps the TD to itself while it initializes one", () => {
    const threads = having(version, [...INIT, "vp-create 0", "vp-addcx 0"], { callers: "2" });
    threads.begin("mng-rd", 4, 1);
    expect(threads.call("vp-init 0, version 1")).toBe(code(version, "TDX_OPERAND_BUSY", "TDR"));
    expect(threads.call("vp-init 0")).toBe(OK);
    expect(threads.call("flush 0")).toBe(OK);
    expect(threads.call("vp-rd 0")).toBe(OK);
    expect(threads.call("vp-init 0, version 1")).toBe(code(version, "TDX_OPERAND_BUSY", "TDR"));
    expect(threads.call("flush 0")).toBe(OK);
  });

  it("refuses a call while another one holds the TDR, with the operand of its own", () => {
    const threads = having(version, CREATE, { callers: "2" });
    threads.begin("addcx", 3, 1);
    expect(threads.call("init")).toBe(code(version, "TDX_OPERAND_BUSY", "RCX"));
    expect(threads.call("addcx")).toBe(code(version, "TDX_OPERAND_BUSY", "RDX"));
    expect(threads.call("create of TD 1")).toBe(code(version, "TDX_HKID_NOT_FREE", null));
  });

  it("keeps its promises in every order of calls", () => {
    const tiny = { "tdcs.min": "1", "tdcs.max": "1", "tdvps.min": "1", "tdvps.max": "1", pages: "1" };
    const result = check(build(version, { ...SMALL, ...tiny }));
    expect(result.outcome.kind).toBe("holds");
    expect(result.vacuous).toEqual([]);
  });
});

describe("every leaf of the report's table", () => {
  const scopes = JSON.parse(readFileSync(join(data, "scopes.json"), "utf8")) as Record<string, { leaves: string[] }>;

  it.each(ALL)("has a program in module %s", (version) => {
    const { processes } = build(version, SMALL);
    const called = processes.flatMap(({ labels }) =>
      labels.flatMap(({ steps }) => steps.map(({ meta }) => meta.leaf ?? "")),
    );
    expect((scopes["kvm"]?.leaves ?? []).filter((leaf) => !called.includes(leaf))).toEqual([]);
  });
});

describe("another catalog", () => {
  const locks = (version: string) => {
    const threads = having(version, RUNNABLE);
    const before = threads.locks.length;
    expect(threads.call("aug 1")).toBe(OK);
    return threads.locks.slice(before);
  };
  const swapped = (version: string) => {
    const facts = catalog(version);
    const leaves = facts.leaves.map((leaf) => ({
      ...leaf,
      acquisitions:
        leaf.name === "tdh_mem_page_aug"
          ? leaf.acquisitions.map((row) =>
              row.resource === "SEPT_TREE" ? { ...row, mode: "EXCLUSIVE" as const } : row,
            )
          : leaf.acquisitions,
    }));
    return { ...facts, leaves };
  };

  it("changes the locks that the trace shows", () => {
    expect(locks("1.5.05")).toContain("tdh_mem_page_aug SEPT_TREE SHARED");
    expect(locks("1.5.25")).toContain("tdh_mem_page_aug SEPT_TREE SHARED");
    const file = join(data, "scenarios/td-life.yaml");
    const scenario = parseScenario(readFileSync(file, "utf8"), file);
    const host = (): never => {
      throw new Error("no host is asked for");
    };
    const model = buildModel(scenario, { catalog: () => swapped("1.5.05"), host });
    const { witnesses } = check(model);
    const steps = witnesses.find(({ property }) => property === "the TDR is reclaimed at the end")?.trace.steps;
    const tree = steps?.filter(
      ({ leaf, resource, action }) => leaf === "tdh_mem_page_aug" && resource === "SEPT_TREE" && action === "acquire",
    );
    expect(tree?.map(({ mode }) => mode)).toEqual(["EXCLUSIVE"]);
  });

  it("of a published table says what it lacks", () => {
    expect(() => build("lkml-2024-09-13")).toThrow(expect.objectContaining({ code: expect.stringMatching(/^SL421/) }));
  });

  it.each(["1.5.01", "1.5.16", "1.5.20"])("of %s makes a life, too", (version) => {
    expect(check(build(version)).outcome.kind).toBe("holds");
  });
});
