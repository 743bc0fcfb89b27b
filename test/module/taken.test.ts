/** How a primitive's arguments decide what a row says: mode, side, object, and walks that take no lock. */
import { describe, expect, it } from "vitest";
import { hostLeaf, said, smallTree } from "./small-tree.ts";

const take = (lock: string, mode: string): string =>
  `if (acquire_sharex_lock(&${lock}, ${mode}) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }`;
const EPOCH = "tdcs_ptr->epoch_lock";
const MIG = "tdcs_ptr->mig_lock";
const KOT = "global->kot.lock";

async function rowsOf(body: string, before = "") {
  const { rows, catalog } = await smallTree(before + hostLeaf(`${body}\n    return TDX_SUCCESS;`));
  const codes = said(catalog.diagnostics).map((one) => one.split(" ").slice(0, 2).join(" "));
  return {
    rows: rows.map(
      ({ resource, mode, when, side }) => `${resource} ${mode} ${side}${when === null ? "" : ` when ${when}`}`,
    ),
    codes,
  };
}

describe("the mode of a lock", () => {
  it("is a row each where a test decides it", async () => {
    const { rows } = await rowsOf(
      `${take(EPOCH, "flags ? TDX_LOCK_EXCLUSIVE : TDX_LOCK_SHARED")} release_sharex_lock(&${EPOCH}, flags ? TDX_LOCK_EXCLUSIVE : TDX_LOCK_SHARED);`,
    );
    expect(rows).toEqual(["TDCS_EPOCH EXCLUSIVE host when flags", "TDCS_EPOCH SHARED host when !flags"]);
  });

  it("that is not understood is an error, and the row is the stricter one", async () => {
    const { rows, codes } = await rowsOf(take(EPOCH, "(lock_type_t)gpa"));
    expect(rows).toEqual(["TDCS_EPOCH EXCLUSIVE host"]);
    expect(codes).toContain("SL1025 error");
  });

  it("of none is a walk, unless the leaf holds this very lock", async () => {
    const none = take(EPOCH, "TDX_LOCK_NO_LOCK");
    expect((await rowsOf(none)).rows).toEqual(["TDCS_EPOCH NO_LOCK host"]);
    const other = `${take(MIG, "TDX_LOCK_EXCLUSIVE")} ${none} release_sharex_lock_ex(&${MIG});`;
    expect((await rowsOf(other)).rows).toEqual(["MIG EXCLUSIVE host", "TDCS_EPOCH NO_LOCK host"]);
    const held = `${take(EPOCH, "TDX_LOCK_EXCLUSIVE")} ${none} release_sharex_lock_ex(&${EPOCH});`;
    expect((await rowsOf(held)).rows).toEqual(["TDCS_EPOCH EXCLUSIVE host"]);
    const before = `${take(EPOCH, "TDX_LOCK_EXCLUSIVE")} release_sharex_lock_ex(&${EPOCH}); ${none}`;
    expect((await rowsOf(before)).rows).toEqual(["TDCS_EPOCH EXCLUSIVE host", "TDCS_EPOCH NO_LOCK host"]);
  });
});

describe("a function that takes its lock only when it is asked to", () => {
  const walk = `static api_error_type walk(tdcs_t* tdcs_ptr, lock_type_t mode)
{
    if (mode != TDX_LOCK_NO_LOCK)
    {
        if (acquire_sharex_lock_ex(&${EPOCH}) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }
        release_sharex_lock_ex(&${EPOCH});
    }
    else
    {
        if (acquire_sharex_lock_ex(&${MIG}) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }
        release_sharex_lock_ex(&${MIG});
    }
    return TDX_SUCCESS;
}
`;
  const call = (mode: string): string =>
    `return_val = walk(tdcs_ptr, ${mode}); if (return_val != TDX_SUCCESS) { return return_val; }`;

  it("walks without it where it is not, and gives back nothing of it", async () => {
    const { rows, codes } = await rowsOf(call("TDX_LOCK_NO_LOCK"), walk);
    expect(rows).toEqual(["MIG EXCLUSIVE host", "TDCS_EPOCH NO_LOCK host"]);
    expect(codes.filter((code) => code.endsWith("error"))).toEqual([]);
  });

  it("is walked in no other way where it is", async () => {
    expect((await rowsOf(call("TDX_LOCK_EXCLUSIVE"), walk)).rows).toEqual(["TDCS_EPOCH EXCLUSIVE host"]);
  });
});

describe("the side and the object", () => {
  it("are what the arguments say", async () => {
    const asked = (guest: string): string =>
      `return_val = acquire_sharex_lock_hp(&tdcs_ptr->op_state_lock, TDX_LOCK_SHARED, ${guest}); if (return_val != TDX_SUCCESS) { return return_val; } release_sharex_lock_hp_sh(&tdcs_ptr->op_state_lock);`;
    const sides = async (guest: string) => (await rowsOf(asked(guest))).rows.map((one) => one.split(" ")[2]);
    expect([await sides("false"), await sides("true")]).toEqual([["host"], ["guest"]]);
  });

  it("which lock a pointer leads to that something unknown gives is not known: that is an error, and a row", async () => {
    const helper = "static sharex_lock_t* lock_of(tdcs_t* tdcs_ptr) { return &tdcs_ptr->mig_lock; }\n";
    const macro = "#define LOCK_OF(name) (&tdcs_ptr->name##_lock)\n";
    for (const [before, lock] of [
      [helper, "*lock_of(tdcs_ptr)"],
      [macro, "*LOCK_OF(mig)"],
      ["", "*tdcs_ptr->some_lock_p"],
    ] as const) {
      const { rows, codes } = await rowsOf(
        `${take(lock, "TDX_LOCK_SHARED")} release_sharex_lock_sh(&${lock});`,
        before,
      );
      expect([rows.length, codes]).toEqual([1, ["SL1024 error"]]);
    }
    const { codes } = await rowsOf(
      `${take("own_lock", "TDX_LOCK_SHARED")} release_sharex_lock_sh(&own_lock);`,
      "static sharex_lock_t own_lock;\n",
    );
    expect(codes).toEqual(["SL1033 note"]);
    const { codes: ofMember } = await rowsOf(
      `${take("tdcs_ptr->own.strange_lock", "TDX_LOCK_SHARED")} release_sharex_lock_sh(&tdcs_ptr->own.strange_lock);`,
    );
    expect(ofMember).toEqual(["SL1033 note"]);
  });

  it("a number is no lock: that is an error", async () => {
    const { codes } = await rowsOf(
      "if (acquire_mutex_lock((mutex_lock_t*)0) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }",
    );
    expect(codes).toContain("SL1024 error");
  });
});

describe("what follows when a lock is busy", () => {
  it("is that of the lock that was busy: another one is not then busy as well", async () => {
    const first = `if (acquire_sharex_lock_ex(&${EPOCH}) != LOCK_RET_SUCCESS) {
        if (acquire_sharex_lock_ex(&${MIG}) != LOCK_RET_SUCCESS) { return TDX_SUCCESS; }
        release_sharex_lock_ex(&${MIG});
        return TDX_OPERAND_BUSY;
    }
    release_sharex_lock_ex(&${EPOCH});`;
    const { rows } = await smallTree(hostLeaf(`${first}\n    return TDX_SUCCESS;`));
    const epoch = rows.find(({ resource }) => resource === "TDCS_EPOCH");
    expect([epoch?.busyStatus, epoch?.otherStatuses]).toEqual(["0x8000020000000000", []]);
  });
});

describe("what is given back", () => {
  const give = (how: string, lock: string): string => `release_sharex_lock${how}(&${lock});`;
  const exclusive = (lock: string): string => take(lock, "TDX_LOCK_EXCLUSIVE");
  const codesOf = async (body: string): Promise<string[]> =>
    (await rowsOf(body)).codes.filter((code) => /^SL103[1256]/.test(code));

  it("is nothing where a way keeps it: of one that fails at another lock, whatever it returns, and of one with an error", async () => {
    const second = (given: string, value: string): string =>
      `${exclusive(EPOCH)} if (acquire_sharex_lock_ex(&${MIG}) != LOCK_RET_SUCCESS) { ${given} return ${value}; } ${give("_ex", MIG)} ${give("_ex", EPOCH)}`;
    expect(await codesOf(second(give("_ex", EPOCH), "TDX_OPERAND_BUSY"))).toEqual([]);
    expect(await codesOf(second("", "TDX_OPERAND_BUSY"))).toEqual(["SL1032 warning"]);
    expect(await codesOf(second("", "TDX_SUCCESS"))).toEqual(["SL1032 warning"]);
    const wrong = (given: string): string =>
      `${exclusive(EPOCH)} if (flags) { ${given} return TDX_OPERAND_BUSY; } ${give("_ex", EPOCH)}`;
    expect(await codesOf(wrong(give("_ex", EPOCH)))).toEqual([]);
    expect(await codesOf(wrong(""))).toEqual(["SL1032 warning"]);
  });

  it("after a promotion is exclusive", async () => {
    const promoted = (how: string): string =>
      `${take(KOT, "TDX_LOCK_SHARED")} if (promote_sharex_lock(&${KOT}) != LOCK_RET_SUCCESS) { ${give("_sh", KOT)} return TDX_OPERAND_BUSY; } ${give(how, KOT)}`;
    expect(await codesOf(promoted("_ex"))).toEqual([]);
    expect(await codesOf(promoted("_sh"))).toEqual(["SL1035 error"]);
  });

  it("is in the mode in which it is held, once", async () => {
    expect(await codesOf(`${exclusive(KOT)} ${give("_ex", KOT)}`)).toEqual([]);
    expect(await codesOf(`${exclusive(KOT)} ${give("_sh", KOT)}`)).toEqual(["SL1035 error"]);
    expect(await codesOf(`${exclusive(KOT)} ${give("_ex", KOT)} ${give("_ex", KOT)}`)).toEqual(["SL1036 error"]);
    expect(await codesOf(give("_ex", KOT))).toEqual(["SL1036 error"]);
  });
});
