/** Small trees that random.test.ts has led to: what each did was not told, or told otherwise. */
import { describe, expect, it } from "vitest";
import type { Acquisition } from "../../src/catalog/index.ts";
import { GIVE_GLOBAL, TAKE_GLOBAL } from "./pieces.ts";
import { guestLeaf, hostLeaf, places, said, smallTree } from "./small-tree.ts";

const KOT = "&global->kot.lock";
const TAKE_KOT = `if (acquire_sharex_lock_sh(${KOT}) != LOCK_RET_SUCCESS) { return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_KOT); }`;
const GIVE_KOT = `release_sharex_lock_sh(${KOT});`;
const brief = (rows: readonly Acquisition[]): string[] =>
  rows.map(({ resource, mode, when }) => `${resource} ${mode}${when === null ? "" : ` when ${when}`}`);
const of = (body: string) => smallTree(hostLeaf(`uint16_t i = 0;\n${body}`));

describe("a condition", () => {
  it("says nothing of calls that find another lock busy and go on", async () => {
    const { rows } = await of(`
    locked = acquire_mutex_lock(&global->global_lock) == LOCK_RET_SUCCESS;
    if ((locked ? flags : gpa) == 1) { ${TAKE_KOT} ${GIVE_KOT} }
    if (locked) { ${GIVE_GLOBAL} }
    return TDX_SUCCESS;`);
    expect(brief(rows)).toEqual(["GLOBAL EXCLUSIVE", "KOT SHARED when flags == 1"]);
  });

  it("has what a function of the leaf's file is given by the leaf's name for it", async () => {
    const { rows } = await smallTree(`
static api_error_type check(uint64_t gpa)
{
    if (is_private(gpa)) { return TDX_PREVIOUS_TLB_EPOCH_BUSY; }
    return TDX_SUCCESS;
}

${hostLeaf(`
    if (check(flags) != TDX_SUCCESS) { ${TAKE_KOT} ${GIVE_KOT} }
    if (!is_private(gpa)) { ${TAKE_GLOBAL} ${GIVE_GLOBAL} }
    return TDX_SUCCESS;`)}`);
    expect(brief(rows)).toEqual(["KOT SHARED when is_private(flags)", "GLOBAL EXCLUSIVE when !is_private(gpa)"]);
  });
});

describe("a lock that is taken twice", () => {
  it("is exclusive only where it is promoted, not the other time", async () => {
    const { rows } = await of(`
    ${TAKE_KOT}
    if (promote_sharex_lock(${KOT}) != LOCK_RET_SUCCESS) { ${GIVE_KOT} return TDX_OPERAND_BUSY; }
    release_sharex_lock_ex(${KOT});
    ${TAKE_KOT}
    ${GIVE_KOT}
    return TDX_SUCCESS;`);
    expect(brief(rows)).toEqual(["KOT EXCLUSIVE", "KOT SHARED"]);
  });

  it("by the rounds of a loop, is held while each takes another one, in whichever round", async () => {
    const { rows } = await of(`
    for (i = 0; i < 3; i++)
    {
        ${TAKE_KOT}
        if (i != 0) { ${TAKE_GLOBAL} ${GIVE_GLOBAL} }
        ${GIVE_KOT}
    }
    return TDX_SUCCESS;`);
    expect(rows.map(({ resource, order, release }) => [resource, order, release?.order, release?.sequence])).toEqual([
      ["KOT", 0, 2, 0],
      ["GLOBAL", 1, 2, 1],
    ]);
  });
});

describe("two locks that the rounds of a loop take in either order", () => {
  const round = (test: string) => `
    for (i = 0; i < 2; i++)
    {
        if (${test}) { ${TAKE_GLOBAL} ${GIVE_GLOBAL} }
        ${TAKE_KOT} // second
        ${GIVE_KOT}
    }
    return TDX_SUCCESS;`;

  it("have the order of the source in the rows, and are said to have both", async () => {
    const { rows, catalog, at } = await of(round("i == flags"));
    expect(rows.map(({ resource, order }) => [resource, order])).toEqual([
      ["GLOBAL", 0],
      ["KOT", 1],
    ]);
    expect(said(catalog.diagnostics)).toEqual([`SL1038 error ${at("// second")}`]);
    expect(catalog.diagnostics[0]?.message).toBe(
      "tdh_mem_test takes the locks on GLOBAL and KOT in either order; its rows have that on GLOBAL first",
    );
  });

  it("have one where whoever takes both takes them in it first", async () => {
    expect(said((await of(round("flags"))).catalog.diagnostics)).toEqual([]);
    const { rows, catalog } = await of(round("i == 1 && flags"));
    expect(rows.map(({ resource, order }) => [resource, order])).toEqual([
      ["GLOBAL", 1],
      ["KOT", 0],
    ]);
    expect(said(catalog.diagnostics)).toEqual([]);
  });
});

describe("locks that ways give back in a circle of orders", () => {
  it("have an order that the fewest ways contradict: one on which all agree is kept", async () => {
    const lock = (at: string) => ({
      take: `if (acquire_sharex_lock_ex(&${at}) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }`,
      give: `release_sharex_lock_ex(&${at});`,
    });
    const epoch = lock("tdcs_ptr->epoch_tracking.epoch_lock");
    const [rtmr, mig] = [lock("tdcs_ptr->measurement.rtmr_lock"), lock("tdcs_ptr->migration.mig_lock")];
    const { rows } = await of(`
    ${epoch.take}
    ${TAKE_GLOBAL}
    if (flags) { ${rtmr.take} }
    else { ${TAKE_KOT} ${GIVE_GLOBAL} ${GIVE_KOT} }
    ${mig.take} ${mig.give}
    if (flags) { ${rtmr.give} }
    ${epoch.give}
    if (flags) { ${GIVE_GLOBAL} }
    return TDX_SUCCESS;`);
    const order = [...rows].sort((a, b) => (a.release?.sequence ?? 0) - (b.release?.sequence ?? 0));
    expect(order.map(({ resource }) => resource)).toEqual(["GLOBAL", "KOT", "MIG", "RTMR", "TDCS_EPOCH"]);
  });
});

describe("a lock that is taken only where another one is busy", () => {
  const either = (second: string) => `
    if (acquire_mutex_lock(&global->global_lock) == LOCK_RET_SUCCESS) { ${GIVE_GLOBAL} }
    else if (${second}) { ${GIVE_KOT} } // instead
    return TDX_SUCCESS;`;

  it("has no row, and is said to have none", async () => {
    const { rows, catalog, at } = await of(either(`acquire_sharex_lock_sh(${KOT}) == LOCK_RET_SUCCESS`));
    expect(brief(rows)).toEqual(["GLOBAL EXCLUSIVE"]);
    expect(said(catalog.diagnostics)).toEqual([`SL1037 error ${at("// instead")}`]);
    expect(catalog.diagnostics[0]?.message).toBe(
      "tdh_mem_test takes the lock on KOT in mode SHARED only after it has found another one busy",
    );
  });

  it("is told where another way takes it too, but for its try", async () => {
    const { catalog, at } = await of(
      `if (flags & 1) { ${TAKE_KOT} ${GIVE_KOT} }${either(`acquire_sharex_lock_sh(${KOT}) == LOCK_RET_SUCCESS`)}`,
    );
    expect(said(catalog.diagnostics)).toEqual([`SL1039 warning ${at("// instead")}`]);
  });

  it("is told where another way takes it in another mode only if that keeps out as much", async () => {
    const exclusive = `if (acquire_sharex_lock_ex(${KOT}) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; } release_sharex_lock_ex(${KOT});`;
    const first = `if (flags & 1) { ${exclusive} }`;
    const second = `acquire_sharex_lock_sh(${KOT}) == LOCK_RET_SUCCESS`;
    const told = await of(`${first}${either(second)}`);
    expect(said(told.catalog.diagnostics)).toEqual([`SL1039 warning ${told.at("// instead")}`]);
    const third = `if (acquire_mutex_lock(&global->global_lock) == LOCK_RET_SUCCESS) { ${GIVE_GLOBAL} }
    else if (acquire_sharex_lock_ex(${KOT}) == LOCK_RET_SUCCESS) { release_sharex_lock_ex(${KOT}); } // instead
    return TDX_SUCCESS;`;
    const { catalog, at } = await of(`if (flags & 1) { ${TAKE_KOT} ${GIVE_KOT} }\n${third}`);
    expect(said(catalog.diagnostics)).toEqual([`SL1037 error ${at("// instead")}`]);
  });
});

describe("a lock that only a call takes that fails", () => {
  const failing = `if (flags & 1) { ${TAKE_KOT} ${GIVE_KOT} return TDX_OPERAND_INVALID; }`;

  it("has no row, and is said to have none", async () => {
    const { rows, catalog } = await of(`${failing}\n${TAKE_GLOBAL} ${GIVE_GLOBAL} return TDX_SUCCESS;`);
    expect(brief(rows)).toEqual(["GLOBAL EXCLUSIVE"]);
    expect(catalog.diagnostics.map(({ code, message }) => [code, message])).toEqual([
      ["SL1037", "tdh_mem_test takes the lock on KOT in mode SHARED only where it fails"],
    ]);
  });

  it("is said, too, where what it ends with is no error, but not success either", async () => {
    const { catalog } = await of(
      `${failing.replace("TDX_OPERAND_INVALID", "0x0000000500000000ULL")}\n${TAKE_GLOBAL} ${GIVE_GLOBAL} return TDX_SUCCESS;`,
    );
    expect(catalog.diagnostics[0]?.message).toMatch(/only where it ends otherwise than in success$/);
  });

  it("is told where another way takes it, in a mode that keeps out as much, but for its try", async () => {
    const { catalog } = await of(`${failing}\n${TAKE_KOT} ${GIVE_KOT} return TDX_SUCCESS;`);
    expect(catalog.diagnostics.map(({ code, message }) => [code, message])).toEqual([
      ["SL1039", "tdh_mem_test tries the lock on KOT in mode SHARED here only where it fails"],
    ]);
  });

  it("is said once for each place where it is tried there", async () => {
    const { catalog } = await of(`
    if (flags & 1)
    {
        ${TAKE_KOT} // first
        ${GIVE_KOT}
        ${TAKE_KOT} // second
        ${GIVE_KOT}
        return TDX_OPERAND_INVALID;
    }
    return TDX_SUCCESS;`);
    expect(catalog.diagnostics.map(({ code }) => code)).toEqual(["SL1037", "SL1039"]);
  });

  it("is told where it is tried again after it was busy where a call that succeeds tries it", async () => {
    const { catalog } = await of(`
    if (acquire_sharex_lock_sh(${KOT}) != LOCK_RET_SUCCESS)
    {
        ${TAKE_KOT}
        ${GIVE_KOT}
        return TDX_OPERAND_INVALID;
    }
    ${GIVE_KOT}
    return TDX_SUCCESS;`);
    expect(said(catalog.diagnostics)).toEqual([]);
  });

  it("is said where it is promoted there alone", async () => {
    const { catalog } = await of(`
    ${TAKE_KOT}
    if (flags & 1)
    {
        if (promote_sharex_lock(${KOT}) != LOCK_RET_SUCCESS) { ${GIVE_KOT} return TDX_OPERAND_BUSY; }
        release_sharex_lock_ex(${KOT});
        return TDX_OPERAND_INVALID;
    }
    ${GIVE_KOT}
    return TDX_SUCCESS;`);
    expect(catalog.diagnostics.map(({ message }) => message)).toEqual([
      "tdh_mem_test takes the lock on KOT in mode EXCLUSIVE only where it fails",
      "tdh_mem_test tries the lock on KOT in mode EXCLUSIVE here only where it fails",
    ]);
  });

  it("is said of the one that a condition chooses there, though a row has the other at the same place", async () => {
    const chosen = `sharex_lock_t* chosen = gpa ? ${KOT} : &global->epoch_lock;
    if (acquire_sharex_lock_sh(chosen) != LOCK_RET_SUCCESS) { return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_KOT); } // chosen
    if (gpa) { release_sharex_lock_sh(chosen); return TDX_SUCCESS; }
    release_sharex_lock_sh(chosen);
    return TDX_OPERAND_INVALID;`;
    const { rows, catalog } = await of(chosen);
    expect(brief(rows)).toEqual(["KOT SHARED"]);
    expect(catalog.diagnostics.map(({ message }) => message)).toContain(
      "tdh_mem_test takes the lock on TDCS_EPOCH in mode SHARED only where it fails",
    );
  });
});

describe("a loop whose rounds are not counted", () => {
  it.each(["i = 0; i < gpa; i++", "i = gpa; i >= 1; i--", "i = gpa; i > 0; i--"])(
    "may have none: what it alone gives back is kept then (%s)",
    async (head) => {
      const { catalog, at } = await of(`
    ${TAKE_GLOBAL} // taken
    locked = true;
    for (${head}) { if (locked) { ${GIVE_GLOBAL} locked = false; } }
    return TDX_SUCCESS;`);
      expect(said(catalog.diagnostics)).toEqual([`SL1031 error ${at("// taken")}`]);
    },
  );

  it("has one where it counts down to 0", async () => {
    const { catalog } = await of(`
    ${TAKE_GLOBAL}
    locked = true;
    for (int64_t down = gpa; down >= 0; down--) { if (locked) { ${GIVE_GLOBAL} locked = false; } }
    return TDX_SUCCESS;`);
    expect(said(catalog.diagnostics)).toEqual([]);
  });

  it("may have none: what follows it is told, though each round ends the call", async () => {
    const { rows } = await of(`
    for (i = 0; i < gpa; i++) { return TDX_OPERAND_INVALID; }
    ${TAKE_GLOBAL} ${GIVE_GLOBAL}
    return TDX_SUCCESS;`);
    expect(brief(rows)).toEqual(["GLOBAL EXCLUSIVE"]);
  });

  it("may have none: what its rounds go on with only where a test fails may be otherwise then", async () => {
    const { rows } = await of(`
    for (i = 0; i < gpa; i++) { if (flags) { return TDX_PREVIOUS_TLB_EPOCH_BUSY; } }
    if (flags == 1) { ${TAKE_GLOBAL} ${GIVE_GLOBAL} }
    return TDX_SUCCESS;`);
    expect(brief(rows)).toEqual(["GLOBAL EXCLUSIVE when flags == 1"]);
  });

  it.each([
    ["rounds", "!is_first(flags) && flags == 2"],
    ["num_l2_vms", "flags == 2"],
  ])(
    "may have none, unless it is for each of several like things: what its rounds check is told up to %s",
    async (count, when) => {
      const { rows } = await of(`
    uint64_t ${count} = gpa;
    for (i = 0; i < ${count}; i++)
    {
        if (is_first(flags)) { return TDX_OPERAND_INVALID; }
        if (flags == 2) { ${TAKE_GLOBAL} ${GIVE_GLOBAL} }
    }
    return TDX_SUCCESS;`);
      expect(rows.map((row) => row.when)).toEqual([when]);
    },
  );

  it("may have none: nothing is stored in its rounds then, and what takes a lock there has a row all the same", async () => {
    const { rows } = await of(`
    bool_t is_done = false;
    for (i = 0; i < gpa; i++)
    {
        is_done = true;
        ${TAKE_GLOBAL} ${GIVE_GLOBAL}
    }
    if (!is_done) { ${TAKE_KOT} ${GIVE_KOT} }
    return TDX_SUCCESS;`);
    expect(brief(rows)).toEqual(["GLOBAL EXCLUSIVE", "KOT SHARED when 0 >= gpa"]);
    expect(rows.map(({ times }) => times)).toEqual(["while i < gpa", "1"]);
  });

  it("may have none: what is given back only because of what a round stores is kept then", async () => {
    const { catalog, at } = await of(`
    ${TAKE_GLOBAL} // taken
    bool_t is_wanted = false;
    for (i = 0; i < gpa; i++)
    {
        is_wanted = true;
        ${TAKE_KOT} ${GIVE_KOT}
    }
    if (is_wanted) { ${GIVE_GLOBAL} }
    return TDX_SUCCESS;`);
    expect(said(catalog.diagnostics)).toContain(`SL1031 error ${at("// taken")}`);
  });

  const heads = ["for (i = 0; i < gpa; i++)", "while (i < gpa)", "do"];
  const stored: readonly (readonly [stored: string, tested: string])[] = [
    ["x = i;", "x == 2"],
    ["x += 2;", "x == 4"],
    ["x = x + gpa;", "x == 7"],
    ["b = !b;", "i > 1 && !b"],
    ["b = flags && x; x = flags;", "b"],
  ];
  it.each(heads.flatMap((head) => stored.map((of) => [head, ...of] as const)))(
    "stores in others than the first what that does not: %s %s",
    async (head, store, tested) => {
      const [step, after] = [head.startsWith("for") ? "" : "i++;", head === "do" ? "while (i < gpa);" : ""];
      const { rows } = await of(`
    uint64_t x = 0;
    bool_t b = false;
    ${head}
    {
        ${TAKE_GLOBAL} ${GIVE_GLOBAL}
        ${store}
        ${step}
    } ${after}
    if (${tested}) { ${TAKE_KOT} ${GIVE_KOT} }
    return TDX_SUCCESS;`);
      expect(brief(rows)).toEqual(["GLOBAL EXCLUSIVE", expect.stringMatching(/^KOT SHARED when /)]);
    },
  );

  it.each(heads)("tests in others what one before has stored: %s", async (head) => {
    const [step, after] = [head.startsWith("for") ? "" : "i++;", head === "do" ? "while (i < gpa);" : ""];
    const { rows } = await of(`
    bool_t b = false;
    ${head}
    {
        if (b) { ${TAKE_KOT} ${GIVE_KOT} }
        b = flags > i;
        ${step}
    } ${after}
    return TDX_SUCCESS;`);
    expect(brief(rows)).toEqual([expect.stringMatching(/^KOT SHARED when /)]);
  });

  it.each(heads)("has others than the first: %s", async (head) => {
    const [before, after] = [head.startsWith("for") ? "" : "i++;", head === "do" ? "while (i < gpa);" : ""];
    const { rows, leaf, catalog } = await of(`
    ${head}
    {
        ${before}
        if (i >= 2) { ${TAKE_GLOBAL} ${GIVE_GLOBAL} }
        if (i == 3) { return TDX_PREVIOUS_TLB_EPOCH_BUSY; }
    } ${after}
    return TDX_SUCCESS;`);
    expect(brief(rows)).toEqual(["GLOBAL EXCLUSIVE when i >= 2"]);
    expect(leaf.otherBusy.map(({ name }) => name)).toEqual(["TDX_PREVIOUS_TLB_EPOCH_BUSY"]);
    expect(said(catalog.diagnostics)).toEqual([]);
  });

  it("in one of them, and with no lock in it, makes a BUSY status", async () => {
    const { leaf } = await of(`
    for (i = 0; i < gpa; i++) { if (i == 1) { return TDX_PREVIOUS_TLB_EPOCH_BUSY; } }
    return TDX_SUCCESS;`);
    expect(leaf.otherBusy.map(({ name }) => name)).toEqual(["TDX_PREVIOUS_TLB_EPOCH_BUSY"]);
  });

  it("gives back in one round what the one before has taken", async () => {
    const { rows, at } = await of(`
    ${TAKE_KOT} // taken
    locked = true;
    for (i = 0; i < gpa; i++)
    {
        if (locked)
        {
            ${GIVE_KOT} // in the next round
        }
        ${TAKE_KOT} // again
        locked = true;
    }
    if (locked)
    {
        ${GIVE_KOT} // at the end
    }
    return TDX_SUCCESS;`);
    const again = rows.find(({ evidence }) => places(evidence)?.join() === at("// again"));
    expect([again?.release?.evidence, ...(again?.release?.elsewhere ?? [])].map((way) => places(way))).toEqual([
      [at("// in the next round")],
      [at("// at the end")],
    ]);
  });

  it("around one whose rounds are counted has none that is counted", async () => {
    const { rows } = await of(`
    uint16_t k;
    for (i = 0; i < gpa; i++) { for (k = 0; k < 2; k++) { ${TAKE_GLOBAL} ${GIVE_GLOBAL} } }
    for (i = 0; i < 3; i++) { for (k = 0; k < 2; k++) { ${TAKE_KOT} ${GIVE_KOT} } }
    return TDX_SUCCESS;`);
    expect(rows.map(({ resource, times }) => [resource, times])).toEqual([
      ["GLOBAL", "while i < gpa"],
      ["KOT", "6"],
    ]);
  });

  it("gives back what another loop takes later, which is no array's", async () => {
    const { catalog, at } = await of(`
    while (i < gpa) { i++; ${GIVE_GLOBAL} } // before
    for (i = 0; i < 2; i++) { ${TAKE_GLOBAL} ${GIVE_GLOBAL} }
    return TDX_SUCCESS;`);
    expect(said(catalog.diagnostics)).toEqual([`SL1036 error ${at("// before")}`]);
  });

  it("gives back in a round that is not the first what was taken before it, and in the next once more", async () => {
    const { catalog, at } = await of(`
    ${TAKE_GLOBAL}
    for (i = 0; i < gpa; i++) { if (i != 0) { ${GIVE_GLOBAL} } } // later
    return TDX_SUCCESS;`);
    expect(said(catalog.diagnostics)).toContain(`SL1036 error ${at("// later")}`);
  });

  it("gives back once more in its second round, also where it tests last", async () => {
    const { catalog, at } = await of(`
    ${TAKE_GLOBAL}
    do { i++; ${GIVE_GLOBAL} } while (i < gpa); // again
    return TDX_SUCCESS;`);
    expect(said(catalog.diagnostics)).toEqual([`SL1036 error ${at("// again")}`]);
  });

  it("may have no round, and so keep what another loop has taken, where that is no array's", async () => {
    const { catalog, at } = await of(`
    for (i = 0; i < 1; i++) { ${TAKE_GLOBAL} } // taken
    for (i = 0; i < gpa; i++) { ${GIVE_GLOBAL} }
    return TDX_SUCCESS;`);
    expect(said(catalog.diagnostics)).toContain(`SL1031 error ${at("// taken")}`);
  });

  it("has one round where it tests last, whatever it tests", async () => {
    const { rows } = await of(`do { ${TAKE_GLOBAL} ${GIVE_GLOBAL} } while (i < 0); return TDX_SUCCESS;`);
    expect(rows.map(({ times }) => times)).toEqual(["1"]);
  });
});

describe("a flag that an earlier round of a loop set", () => {
  const loop = (first: string) => `
    while (i < flags)
    {
        i++;
        ${first}
        if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS) { return_val = TDX_OPERAND_BUSY; goto EXIT; }
        locked = true;
        ${GIVE_GLOBAL}
    }
    return_val = TDX_SUCCESS;
    return return_val;
EXIT:
    if (locked) { release_mutex_lock(&global->global_lock); /* again */ }
    return return_val;`;

  it("is set where a later one finds the lock busy", async () => {
    const { catalog, at } = await of(loop(""));
    expect(said(catalog.diagnostics)).toEqual([`SL1036 error ${at("again")}`]);
  });

  it.each(["locked = false;", "gpa = i; locked = 0;"])("is not, where each round begins with %s", async (first) => {
    const { catalog } = await of(loop(first));
    expect(said(catalog.diagnostics)).toEqual([]);
  });

  it.each(["if (gpa == i) { goto EXIT; } locked = false;", "if (locked) { gpa++; } locked = false;"])(
    "may be, where each begins with %s",
    async (first) => {
      const { catalog, at } = await of(loop(first));
      const isLeft = first.includes("goto");
      expect(said(catalog.diagnostics)).toEqual(isLeft ? [`SL1036 error ${at("again")}`] : []);
    },
  );
});

describe("a lock that one round finds busy and another does not need", () => {
  it("ends some calls, and others go on, which no test tells apart", async () => {
    const { rows } = await of(`
    return_val = TDX_SUCCESS;
    for (i = 0; i < 2; i++)
    {
        if (acquire_mutex_lock(&global->global_lock) == LOCK_RET_SUCCESS) { locked = true; ${GIVE_GLOBAL} }
        if (!locked) { return_val = TDX_OPERAND_BUSY; }
    }
    return return_val;`);
    expect(rows).toMatchObject([
      {
        busyStatus: "0x8000020000000000",
        busyWhen: "(some calls, which no test tells apart from those that go on)",
      },
    ]);
  });
});

describe("a lock of the TD that runs", () => {
  it("is given back twice, though what the entry has taken is given back by calls", async () => {
    const [take, give] = [
      "if (acquire_sharex_lock_sh(&tdcs_ptr->measurement.rtmr_lock) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }",
      "release_sharex_lock_sh(&tdcs_ptr->measurement.rtmr_lock);",
    ];
    const { catalog, at } = await of(`${take}\n${give}\n${give} // again\nreturn TDX_SUCCESS;`);
    expect(said(catalog.diagnostics)).toEqual([`SL1036 error ${at("// again")}`]);
  });

  it("is given back without being held, unless it is one that the exit gives back, too, so that the entry has taken it", async () => {
    const codes = async (call: string): Promise<string[]> => {
      const leaf = guestLeaf(`tdcs_ptr = get_local_data()->vp_ctx.tdcs; ${call} return TDX_SUCCESS;`);
      return said((await smallTree(leaf)).catalog.diagnostics).map((line) => line.slice(0, 6));
    };
    expect(await codes("release_sharex_lock_sh(&tdcs_ptr->measurement.rtmr_lock);")).toEqual(["SL1036"]);
    expect(await codes("release_sharex_lock_hp_sh(&tdcs_ptr->management.op_state_lock);")).toEqual([]);
  });
});

describe("a way that no run takes", () => {
  it.each(["(flags ? i : gpa) >= 1", "(flags ? 1 - i : gpa) < 1", "0 < (flags ? i : gpa)"])(
    "takes two locks in the other order, where a test compares what a condition chooses: %s",
    async (test) => {
      const { rows } = await of(`
    for (i = 0; i < 2; i++)
    {
        sharex_lock_t* lock = (${test}) ? ${KOT} : &tdcs_ptr->measurement.rtmr_lock;
        if (acquire_sharex_lock_sh(lock) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }
        release_sharex_lock_sh(lock);
    }
    return TDX_SUCCESS;`);
      const order = [...rows].sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
      expect(order.map(({ resource }) => resource)).toEqual(["RTMR", "KOT"]);
    },
  );

  it("is told too much, and ends nothing, where its tests are seen to exclude each other only later", async () => {
    const { rows } = await of(`
    switch (flags + 1)
    {
    case 1:
    default:
        if (flags != 2) { goto EXIT; }
    }
    sharex_lock_t* lock = (flags != 2) ? ${KOT} : &tdcs_ptr->measurement.rtmr_lock;
    if (acquire_sharex_lock_sh(lock) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }
    release_sharex_lock_sh(lock);
EXIT:
    return TDX_SUCCESS;`);
    expect(brief(rows)).toContain("RTMR SHARED when flags == 2");
    expect(brief(rows)).toContain("KOT SHARED when (one of too many cases to list)");
  });
});

describe("a BUSY status that no lock gives", () => {
  const CHECK = {
    "src/common/check.c":
      "api_error_type check(uint64_t gpa)\n{\n    if (is_first(gpa)) { return api_error_with_operand_id(TDX_PREVIOUS_TLB_EPOCH_BUSY, OPERAND_ID_RCX); } // inside\n    return TDX_SUCCESS;\n}\n",
  };

  it("is a call's own, where a function that it calls makes one of the same name", async () => {
    const { leaf, at } = await smallTree(
      hostLeaf(`
    if (is_second(gpa)) { return TDX_PREVIOUS_TLB_EPOCH_BUSY; } // own
    return_val = check(gpa); // calls
    if (return_val != TDX_SUCCESS) { return api_error_with_operand_id(return_val, OPERAND_ID_RDX); }
    return TDX_SUCCESS;`),
      CHECK,
    );
    expect(leaf.otherBusy.map(({ status, evidence }) => [status, ...(places(evidence) ?? [])])).toEqual([
      ["0x8000020A00000000", at("// own")],
      [expect.stringMatching(/^0x8000020A0000000\d$/), at("// calls"), at("// inside")],
    ]);
  });

  it("has the operand that the call adds, though another way leaves the call with it as it was, at the same place", async () => {
    const { leaf } = await smallTree(
      hostLeaf(`
    return_val = TDX_SUCCESS;
    if (gpa == 2)
    {
        return_val = check(gpa);
        return_val = api_error_with_operand_id(return_val, OPERAND_ID_RDX);
        ${TAKE_KOT} ${GIVE_KOT}
    }
    else if (gpa == 3)
    {
        return_val = check(gpa);
        goto EXIT;
    }
EXIT:
    return return_val;`),
      CHECK,
    );
    // The fixture's function adds the operand to what is there.
    expect(leaf.otherBusy.map(({ status }) => status)).toEqual(["0x8000020A00000003", "0x8000020A00000001"]);
  });

  it("has the operand that the call adds, and has it not, where the call adds it under a condition", async () => {
    const { leaf } = await smallTree(
      hostLeaf(`
    return_val = check(gpa);
    if (flags & 1) { return_val = api_error_with_operand_id(return_val, OPERAND_ID_RDX); }
    if (flags & 2) { return_val = api_error_fatal(return_val); }
    return return_val;`),
      CHECK,
    );
    expect(leaf.otherBusy.map(({ status }) => status).sort()).toEqual([
      "0x8000020A00000001",
      "0x8000020A00000003",
      "0xA000020A00000001",
      "0xA000020A00000003",
    ]);
  });

  it("has the operand that the call adds, and is fatal and is not, where the call chooses", async () => {
    const { leaf } = await smallTree(
      hostLeaf(`
    return_val = check(gpa);
    if (return_val != TDX_SUCCESS)
    {
        return_val = (flags & 1) ? api_error_with_operand_id(return_val, OPERAND_ID_RDX) : api_error_fatal(return_val);
    }
    return return_val;`),
      CHECK,
    );
    expect(leaf.otherBusy.map(({ status }) => status)).toEqual(["0x8000020A00000003", "0xA000020A00000001"]);
  });

  it("has the operand that the call adds, though the function that makes it returns another error, too", async () => {
    const other = "    if (is_second(gpa)) { return TDX_OPERAND_INVALID; }\n";
    const { leaf } = await smallTree(
      hostLeaf("return_val = api_error_with_operand_id(check(gpa), OPERAND_ID_RDX); return return_val;"),
      { "src/common/check.c": CHECK["src/common/check.c"].replace("{\n", `{\n${other}`) },
    );
    expect(leaf.otherBusy.map(({ status }) => status)).toEqual(["0x8000020A00000003"]);
  });

  it("is told with and without what makes it fatal, where a condition chooses and it is handed on", async () => {
    const { leaf } = await of(`
    return_val = TDX_SUCCESS;
    if (flags)
    {
        return_val = (gpa == 1) ? TDX_PREVIOUS_TLB_EPOCH_BUSY : api_error_fatal(TDX_PREVIOUS_TLB_EPOCH_BUSY);
    }
    return return_val;`);
    expect(leaf.otherBusy.map(({ status }) => status)).toEqual(["0x8000020A00000000", "0xA000020A00000000"]);
  });

  it.each([
    ["flags != 2", "return return_val;"],
    ["flags == 3", "if (is_second(gpa)) { return TDX_SUCCESS; } return return_val;"],
  ])("is each that a condition chooses, once, unless %s", async (test, after) => {
    const { leaf } = await of(`
    if (${test}) { return TDX_SUCCESS; }
    return_val = (gpa == 1) ? TDX_PREVIOUS_TLB_EPOCH_BUSY : api_error_fatal(TDX_PREVIOUS_TLB_EPOCH_BUSY);
    ${after}`);
    expect(leaf.otherBusy.map(({ status }) => status)).toEqual(["0x8000020A00000000", "0xA000020A00000000"]);
  });

  it("is told where it is made fatal at once, and where a condition chooses", async () => {
    const { leaf } = await of(`
    if (flags & 1) { return api_error_fatal(TDX_PREVIOUS_TLB_EPOCH_BUSY); }
    if (flags & 2) { return_val = (gpa == 1) ? api_error_with_operand_id(TDX_PREVIOUS_TLB_EPOCH_BUSY, OPERAND_ID_RCX) : TDX_PREVIOUS_TLB_EPOCH_BUSY; return return_val; }
    return TDX_SUCCESS;`);
    expect(leaf.otherBusy.map(({ status }) => status)).toEqual([
      "0xA000020A00000000",
      "0x8000020A00000001",
      "0x8000020A00000000",
    ]);
  });
});

describe("a BUSY status that a helper makes in a later round of a loop", () => {
  it("is told", async () => {
    const { leaf } = await smallTree(`
static api_error_type check(uint64_t gpa)
{
    return is_private(gpa) ? TDX_PREVIOUS_TLB_EPOCH_BUSY : TDX_SUCCESS;
}

${hostLeaf(`
    uint16_t i = 0;
    return_val = TDX_SUCCESS;
    for (i = 0; i < flags; i++)
    {
        if (i != 0) { return_val = check(gpa); }
    }
    return return_val;`)}`);
    expect(leaf.otherBusy.map(({ name }) => name)).toEqual(["TDX_PREVIOUS_TLB_EPOCH_BUSY"]);
  });
});

describe("a status for a busy lock", () => {
  it("that a condition chooses is each of those that it chooses from", async () => {
    const { rows, catalog } = await of(`
    if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS)
    {
        return_val = (gpa == 1) ? api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RCX) : TDX_OPERAND_BUSY;
        return return_val;
    }
    ${GIVE_GLOBAL}
    return TDX_SUCCESS;`);
    expect(rows).toMatchObject([
      { busyStatus: "0x8000020000000000", otherStatuses: [{ status: "0x8000020000000001", operand: { id: "RCX" } }] },
    ]);
    expect(said(catalog.diagnostics)).toEqual([]);
  });
});
