/** Lock primitives and writers of SEPT entries as programs: what is recognised in a tree, by what it does. */
import { describe, expect, it } from "vitest";
import type { Catalog, LockProgram } from "../../src/catalog/index.ts";
import { check } from "../../src/check/index.ts";
import { apply, entryWritesOf, lockModel, lockOf } from "../../src/locks/index.ts";
import { copyOfFixture, type Edit, edit, extract, newFile } from "./mutate.ts";
import { hostLeaf, said, smallTree } from "./small-tree.ts";

const LOCKS = "src/common/locks.h";
const extracted = (...edits: Edit[]): Promise<Catalog> => extract(copyOfFixture(edits));
const one = (catalog: Catalog, name: string, side: "host" | "guest" | null = null): LockProgram => {
  const found = catalog.primitives.filter((p) => p.function === name && (side === null || p.side === side));
  if (found.length !== 1) throw new Error(`${found.length} programs of ${name}`);
  return found[0] as LockProgram;
};
const shape = ({ kind, operation, mode, side }: LockProgram): string =>
  `${kind} ${operation} ${mode} ${side ?? "both"}`;
const instructions = ({ steps }: LockProgram): string[] => steps.map(({ instruction }) => instruction.op);
const violations = (catalog: Catalog, kind: "sharex_hp" | "sept_entry", hosts: number, guests: number): string[] =>
  check(
    lockModel(lockOf(catalog, kind), { name: "lock", description: "", hosts, guests, width: 3, promote: false }),
  ).violations.map(({ property }) => property);

describe("a primitive", () => {
  it("under another name, in another file, gives its rows all the same", async () => {
    const { rows, catalog } = await smallTree(
      hostLeaf(`
    if (seize(&tdcs_ptr->execution.gate) != LOCK_RET_SUCCESS)
    {
        return_val = api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_TDR);
        goto EXIT;
    }
    return_val = TDX_SUCCESS;
EXIT:
    if (return_val == TDX_SUCCESS) yield_it(&tdcs_ptr->execution.gate);
    return return_val;`),
      {
        "src/common/gate.h": `
static inline lock_return_t seize(mutex_lock_t* gate)
{
    mutex_lock_t before = _lock_cmpxchg_8bit(0, 1, gate);
    if (before != 0) return LOCK_RET_FAIL;
    return LOCK_RET_SUCCESS;
}
static inline void yield_it(mutex_lock_t* gate)
{
    tdx_sanity_check(_lock_cmpxchg_8bit(1, 0, gate) == 1, 3, 21);
}
`,
      },
    );
    expect(shape(one(catalog, "seize"))).toBe("mutex acquire EXCLUSIVE both");
    expect(shape(one(catalog, "yield_it"))).toBe("mutex release EXCLUSIVE both");
    expect(apply(one(catalog, "yield_it"), 0n)).toMatchObject({ result: "halt", check: 21 });
    expect(rows.map(({ lock, mode }) => `${lock} ${mode}`)).toEqual(["mutex EXCLUSIVE"]);
    expect(catalog.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  });

  it("that keeps something from call to call is none that is understood", async () => {
    const body = (type: string) =>
      edit(
        LOCKS,
        "    return (_lock_cmpxchg_8bit(0, 1, lock)",
        `    ${type} int first = 1; if (!first) return LOCK_RET_FAIL; return (_lock_cmpxchg_8bit(0, 1, lock)`,
      );
    const codes = async (type: string) =>
      (await extracted(body(type))).diagnostics.map(({ code, message }) => `${code} ${message}`);
    expect(await codes("static")).toEqual([
      expect.stringMatching(/^SL1044 .*: first keeps what a call before left in it$/),
    ]);
    expect(await codes("static const")).toEqual([]);
  });

  const ENTRY = `
typedef union
{
    struct
    {
        uint64_t present : 1;
        uint64_t busy    : 1;
        uint64_t waiting : 1;
        uint64_t page    : 61;
    };
    uint64_t raw;
} device_entry_t;
#define DEVICE_BUSY_BIT    1
#define DEVICE_WAITING_BIT 2
static inline api_error_type device_lock_for_vmm(device_entry_t* const device)
{
    if (_lock_bts_64b(&device->raw, DEVICE_BUSY_BIT) == 0)
    {
        (void)_lock_btr_64b(&device->raw, DEVICE_WAITING_BIT);
        return TDX_SUCCESS;
    }
    (void)_lock_bts_64b(&device->raw, DEVICE_WAITING_BIT);
    return TDX_OPERAND_BUSY;
}
static inline api_error_type device_lock_for_td(device_entry_t* const device)
{
    bool_t is_taken = _lock_bts_64b(&device->raw, DEVICE_BUSY_BIT) != 0;
    if (is_taken)
    {
        return TDX_OPERAND_BUSY;
    }
    if (device->waiting)
    {
        (void)_lock_btr_64b(&device->raw, DEVICE_BUSY_BIT);
        return TDX_OPERAND_BUSY_HOST_PRIORITY;
    }
    return TDX_SUCCESS;
}
static inline void device_unlock(device_entry_t* const device)
{
    tdx_sanity_check((device->raw & (1ULL << DEVICE_BUSY_BIT)) != 0, 3, 8);
    (void)_lock_btr_64b(&device->raw, DEVICE_BUSY_BIT);
}
`;

  it("of a new kind, bits of an entry with host priority, is told from what it does, side by side", async () => {
    const { rows, catalog } = await smallTree(
      hostLeaf(`
    return_val = device_lock_for_vmm(&global->devices[flags]);
    if (return_val != TDX_SUCCESS)
    {
        return_val = api_error_with_operand_id(return_val, OPERAND_ID_TDR);
        goto EXIT;
    }
    locked = true;
EXIT:
    if (locked) device_unlock(&global->devices[flags]);
    return return_val;`),
      { "src/common/device.h": ENTRY },
    );
    const found = catalog.primitives.filter(({ kind }) => kind === "bit_hp");
    expect(found.map((p) => `${p.function}: ${shape(p)}`)).toEqual([
      "device_lock_for_vmm: bit_hp acquire EXCLUSIVE host",
      "device_lock_for_td: bit_hp acquire EXCLUSIVE guest",
      "device_unlock: bit_hp release EXCLUSIVE both",
    ]);
    expect(found[0]?.word).toEqual({
      type: "device_entry_t",
      bits: 64,
      fields: [
        { name: "exclusive", lsb: 1, width: 1 },
        { name: "hp", lsb: 2, width: 1 },
      ],
    });
    expect(rows.map(({ lock, mode, side }) => `${lock} ${mode} ${side}`)).toEqual(["bit_hp EXCLUSIVE host"]);
    expect(rows[0]?.word).toEqual(["devices", "[]"]);
    expect(catalog.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  });

  it("is one program in any spelling", async () => {
    const plain = await extracted();
    const spelled = await extracted(
      edit(
        LOCKS,
        `    before.raw = _lock_xadd_16b(&lock->raw, 2);
    return (before.exclusive == 0) ? LOCK_RET_SUCCESS : LOCK_RET_FAIL;`,
        `    lock_return_t answer = LOCK_RET_FAIL; before.raw = _lock_xadd_16b(&lock->raw, 1 << 1);
    if ((before.raw & 1) != 0) goto OUT; answer = LOCK_RET_SUCCESS; OUT: return answer;`,
      ),
    );
    const name = "acquire_sharex_lock_sh";
    expect(one(spelled, name).steps).toEqual(one(plain, name).steps);
  });

  it("that does something else than it is known for is an error, and its program is kept", async () => {
    const catalog = await extracted(
      edit(LOCKS, "_lock_xadd_16b(&lock->raw, (uint16_t)-2);", "_lock_xadd_16b(&lock->raw, 2);"),
    );
    expect(said(catalog.diagnostics)).toEqual(["SL1046 error locks.h:74"]);
    expect(one(catalog, "release_sharex_lock_sh").steps[0]?.instruction).toEqual({
      op: "xadd",
      field: "counter",
      by: 1,
    });
  });

  it("that no function gives back is an error", async () => {
    const catalog = await extracted(
      newFile(
        "src/common/gate.h",
        "typedef uint8_t gate_t;\nstatic inline bool_t seize(gate_t* gate)\n{\n    return _lock_cmpxchg_8bit(0, 1, gate) == 0;\n}\n",
      ),
    );
    expect(said(catalog.diagnostics)).toEqual(["SL1047 error gate.h:2"]);
    expect(shape(one(catalog, "seize"))).toBe("mutex acquire EXCLUSIVE both");
  });

  it("that returns a truth says by what it does which of the two is success", async () => {
    const text = (name: string, test: string) =>
      `typedef uint8_t ${name}_t;\nstatic inline bool_t ${name}(${name}_t* gate)\n{\n    return _lock_cmpxchg_8bit(0, 1, gate) ${test} 0;\n}\n`;
    const catalog = await extracted(newFile("src/common/gate.h", text("got_it", "==") + text("was_taken", "!=")));
    for (const name of ["got_it", "was_taken"]) {
      expect(apply(one(catalog, name), 0n)).toMatchObject({ result: "success", word: 1n });
      expect(apply(one(catalog, name), 1n)).toMatchObject({ result: "busy", word: 1n });
    }
  });
});

describe("a guest that looks at host priority before it takes anything", () => {
  const MENDED = edit(
    LOCKS,
    `    before.raw = _lock_xadd_16b(&lock->raw, 4);
    if (is_guest)
    {
        if (before.host_prio)
        {
            _lock_xadd_16b(&lock->raw, (uint16_t)-4);
            return TDX_OPERAND_BUSY_HOST_PRIORITY;
        }
        return before.exclusive ? TDX_OPERAND_BUSY : TDX_SUCCESS;
    }
`,
    `    if (is_guest && (lock->raw & SHAREX_HP_HOST_PRIORITY) != 0) return TDX_OPERAND_BUSY_HOST_PRIORITY;
    before.raw = _lock_xadd_16b(&lock->raw, 4);
    if (is_guest) return before.exclusive ? TDX_OPERAND_BUSY : TDX_SUCCESS;
`,
  );

  it("reads, then adds, and never subtracts", async () => {
    const program = one(await extracted(MENDED), "acquire_sharex_lock_hp_sh", "guest");
    expect(instructions(program)).toEqual(["read", "xadd"]);
    expect(instructions(one(await extracted(), "acquire_sharex_lock_hp_sh", "guest"))).toEqual(["xadd", "xadd"]);
  });
});

describe("memory that is worked on atomically and is nothing known", () => {
  it("in a leaf is an error at its line", async () => {
    const { catalog, at } = await smallTree(
      hostLeaf(`
    if (_lock_bts_64b(&global->scan_context[flags].raw, 0)) return TDX_OPERAND_BUSY;
    (void)_lock_btr_64b(&global->scan_context[flags].raw, 0);
    return TDX_SUCCESS;`),
    );
    const errors = catalog.diagnostics.filter(({ code }) => code === "SL1044");
    expect(said(errors)).toEqual([
      `SL1044 error ${at("_lock_bts_64b(&global")}`,
      `SL1044 error ${at("_lock_btr_64b(&global")}`,
    ]);
    expect(errors[0]?.message).toContain("global->scan_context[flags].raw");
  });

  it("that is a count is explained", async () => {
    const { catalog } = await smallTree(
      hostLeaf(`
    (void)_lock_xadd_64b(&(global->tdr.chldcnt), 1);
    return TDX_SUCCESS;`),
    );
    expect(catalog.otherAtomics.map(({ instruction, object }) => `${instruction} ${object}`)).toEqual([
      "xadd global->tdr.chldcnt",
    ]);
    expect(catalog.diagnostics.filter(({ code }) => code === "SL1044")).toEqual([]);
  });

  it("by a builtin of the compiler is an error", async () => {
    const { catalog } = await smallTree(
      hostLeaf(`
    (void)__sync_fetch_and_add(&global->number, 1);
    return TDX_SUCCESS;`),
    );
    expect(said(catalog.diagnostics.filter(({ code }) => code === "SL1044"))).toHaveLength(1);
  });

  it("by assembly of an unknown accessor, or of another instruction than is known, is an error", async () => {
    const asm = (text: string) => `{\n    _ASM_VOLATILE_ ("${text}" : "=m" (*mem) : "a"(by) : "memory");\n}\n`;
    const catalog = await extracted(
      newFile(
        "src/common/accessors.h",
        `static inline void _lock_or_16b(uint16_t* mem, uint16_t by)\n${asm("lock; orw %1, %0")}` +
          `static inline void _lock_and_16b(uint16_t* mem, uint16_t by)\n${asm("lock; orw %1, %0")}` +
          `static inline void twist(uint16_t* mem, uint16_t by)\n${asm("lock; rolw %1, %0")}`,
      ),
    );
    expect(said(catalog.diagnostics)).toEqual(["SL1045 error accessors.h:7", "SL1045 error accessors.h:11"]);
  });
});

describe("writers of SEPT entries", () => {
  const WRITER = (rest: string) => `
static inline void keep_waiting(ia32e_sept_t* entry, uint64_t expected, uint64_t* wanted, uint64_t mask)
{
    uint64_t found;
    do
    {
        *wanted = (*wanted & ~mask) | (expected & mask);
        found = _lock_cmpxchg_64b(expected, *wanted, (uint64_t*)entry);
        if (found == expected) return;
        expected = found;
    } while ((found & ~mask) == (expected & ~mask));
}
static inline void renew(ia32e_sept_t* entry, uint64_t word)
{
    uint64_t before = entry->raw;
    keep_waiting(entry, before, &word, 1ULL << SEPT_ENTRY_TDHP_BIT_POSITION);
${rest}}
static inline void overwrite(ia32e_sept_t* entry, uint64_t word)
{
    atomic_mem_write_64b(&entry->raw, word);
}
`;
  const steps = (catalog: Catalog, name: string) =>
    catalog.writers
      .find((writer) => writer.function === name)
      ?.steps.map(({ instruction, retries, hostPriority, lock }) =>
        [instruction, ...(retries ? ["again"] : []), hostPriority, lock].join(" "),
      );

  it("are their accesses, and where the two bits of locking come from", async () => {
    const catalog = await extracted(newFile("src/common/entries.h", WRITER("")));
    expect(steps(catalog, "renew")).toEqual(["read  ", "cmpxchg again kept given"]);
    expect(steps(catalog, "overwrite")).toEqual(["write given given"]);
    expect(catalog.diagnostics).toEqual([]);
  });

  it("that store once more after the exchange store what they found before", async () => {
    const rest = "    atomic_mem_write_64b(&entry->raw, word);\n";
    const catalog = await extracted(newFile("src/common/entries.h", WRITER(rest)));
    expect(steps(catalog, "renew")).toEqual(["read  ", "cmpxchg again kept given", "write earlier given"]);
    // No leaf gives a lock back by it.
    expect(entryWritesOf(catalog)).toEqual([]);
  });
});

it("the fixture's locks are not the module's: a host's shared acquire keeps host priority, so that it stays for ever", async () => {
  expect(violations(await extracted(), "sharex_hp", 1, 1)).toContain(
    "host priority stands only for a host that is owed it",
  );
});
