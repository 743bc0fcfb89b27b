import { describe, expect, it } from "vitest";
import type { Acquisition } from "../../src/catalog/index.ts";
import { extract, FIXTURE } from "./mutate.ts";
import { guestLeaf, hostLeaf, smallTree } from "./small-tree.ts";

const TAKE = (lock: string) => `if (acquire_sharex_lock_ex(&${lock}) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }`;
const orders = (rows: readonly Acquisition[]) =>
  rows.map(({ resource, order, release }) => [resource, order, release?.order, release?.kind]);

describe("the order of a call's locks", () => {
  it("is that of the paths, and says what is given back before what is taken", async () => {
    const { rows } = await smallTree(
      hostLeaf(`${TAKE("tdcs_ptr->epoch_lock")}
        release_sharex_lock_ex(&tdcs_ptr->epoch_lock);
        ${TAKE("tdcs_ptr->mig_lock")}
        ${TAKE("global->kot.lock")}
        release_sharex_lock_ex(&global->kot.lock);
        release_sharex_lock_ex(&tdcs_ptr->mig_lock);`),
    );
    expect(orders(rows)).toEqual([
      ["TDCS_EPOCH", 0, 1, "leaf-exit"],
      ["MIG", 1, 3, "leaf-exit"],
      ["KOT", 2, 3, "leaf-exit"],
    ]);
  });
});

describe("a condition as a tree", () => {
  const flags = { kind: "input", text: "flags" } as const;
  const seven = { kind: "constant", name: null, value: "7" } as const;
  const tests: Readonly<Record<string, object | null>> = {
    flags: { is: "set", left: flags },
    "!flags": { is: "clear", left: flags },
    "flags == 7": { is: "==", left: flags, right: seven },
    "flags != 7": { is: "!=", left: flags, right: seven },
    "flags < 7": { is: "<", left: flags, right: seven },
    "flags >= 7": { is: ">=", left: flags, right: seven },
    "flags > 7": { is: ">", left: flags, right: seven },
    "flags <= 7": { is: "<=", left: flags, right: seven },
    "flags == TDX_LOCK_SHARED": {
      is: "==",
      left: flags,
      right: { kind: "constant", name: "TDX_LOCK_SHARED", value: "1" },
    },
    "global->gpa_list.last_entry": { is: "set", left: { kind: "memory", path: ["*", "gpa_list", "last_entry"] } },
    "more_work(gpa)": {
      is: "set",
      left: { kind: "call", function: "more_work", arguments: [{ kind: "input", text: "gpa" }] },
    },
    "flags == 1 && (gpa || !global->max_level)": {
      is: "all",
      of: [
        { is: "==", left: flags },
        { is: "any", of: [{ is: "set" }, { is: "clear", left: { path: ["*", "max_level"] } }] },
      ],
    },
    "!(flags && gpa)": { is: "any", of: [{ is: "clear" }, { is: "clear" }] },
    "flags || !flags": null,
  };

  it("says what is compared, how, and by which members or calls it is reached", async () => {
    const leaves = Object.keys(tests).map((test, i) =>
      hostLeaf(
        `if (${test}) { ${TAKE("global->kot.lock")} release_sharex_lock_ex(&global->kot.lock); } return TDX_SUCCESS;`,
      ).replace("tdh_mem_test", `tdh_mem_test_${i}`),
    );
    const { catalog } = await smallTree(leaves.join(""));
    const made = catalog.leaves.filter(({ name }) => name.startsWith("tdh_mem_test_"));
    expect(made.map(({ acquisitions }) => acquisitions[0]?.condition)).toMatchObject(Object.values(tests));
  });
});

describe("whose TD an object is", () => {
  it("is the guest's own where a TDCALL takes it from what its TD entry left", async () => {
    const { rows } = await smallTree(
      guestLeaf(`${TAKE("tdcs_ptr->epoch_lock")} release_sharex_lock_ex(&tdcs_ptr->epoch_lock);`),
    );
    expect(rows.map(({ td }) => td)).toEqual(["own"]);
  });

  it("is the one that a host's call names; what is no TD's has none", async () => {
    const { leaves } = await extract(FIXTURE);
    const told = leaves.flatMap(({ side, acquisitions }) =>
      acquisitions.map(({ resource, td }) => `${side} ${resource} ${td}`),
    );
    expect(told).toEqual(expect.arrayContaining(["host TDR named", "host PAGE null", "host TDCS named"]));
    expect(told.filter((text) => /^host (TDR|TDCS|SEPT_ENTRY) (?!named)/.test(text))).toEqual([]);
  });
});
