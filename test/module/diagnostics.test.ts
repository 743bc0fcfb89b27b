import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GIVE_GLOBAL, TAKE_GLOBAL } from "./pieces.ts";
import { hostLeaf, said, smallTree } from "./small-tree.ts";

const ROOT = join(import.meta.dirname, "../..");

const take = (how: string) =>
  `if (${how}(&global->kot.lock) != LOCK_RET_SUCCESS) { return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_KOT); }`;

/** What is wrong, a leaf's body with `// here` on the line at fault, the code and severity, and part of the message. */
const FAULTS: readonly (readonly [name: string, body: string, code: string, message: string])[] = [
  [
    "a lock that is no address",
    "if (acquire_mutex_lock(NULL) != LOCK_RET_SUCCESS) // here\n { return TDX_OPERAND_INVALID; } return TDX_SUCCESS;",
    "SL1024 error",
    "the lock given to acquire_mutex_lock is not known",
  ],
  [
    "a status that is not known when the lock is busy",
    `if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS) // here\n { return status_of(gpa); } ${GIVE_GLOBAL} return TDX_SUCCESS;`,
    "SL1034 note",
    "tdh_mem_test returns no constant status that tells that global's lock is busy",
  ],
  [
    "an acquisition in a branch that is never taken",
    `if (false)\n { (void)acquire_mutex_lock(&global->global_lock); } // here\n return TDX_SUCCESS;`,
    "SL1040 error",
    "no leaf's analysis reached this call of acquire_mutex_lock",
  ],
  [
    "a promoted lock given back as shared",
    `${take("acquire_sharex_lock_sh")} ${take("promote_sharex_lock")}\n release_sharex_lock_sh(&global->kot.lock); // here\n return TDX_SUCCESS;`,
    "SL1035 error",
    "holds a lock as EXCLUSIVE and gives it back as SHARED",
  ],
  [
    "a demoted lock given back as exclusive",
    `${take("acquire_sharex_lock_ex")} demote_sharex_lock(&global->kot.lock);\n release_sharex_lock_ex(&global->kot.lock); // here\n return TDX_SUCCESS;`,
    "SL1035 error",
    "holds a lock as SHARED and gives it back as EXCLUSIVE",
  ],
  [
    "a lock that an error of something else keeps",
    `${take("acquire_sharex_lock_ex")} // here\n if (flags & 1) { return TDX_OPERAND_INVALID; } release_sharex_lock_ex(&global->kot.lock); return TDX_SUCCESS;`,
    "SL1032 warning",
    "may keep the lock on KOT when it returns TDX_OPERAND_INVALID",
  ],
  [
    "a lock that the failure of a later one keeps, whatever the leaf then returns",
    `${take("acquire_sharex_lock_ex")} // here\n ${TAKE_GLOBAL.replace("TDX_OPERAND_BUSY", "TDX_SUCCESS")} ${GIVE_GLOBAL} release_sharex_lock_ex(&global->kot.lock); return TDX_SUCCESS;`,
    "SL1032 warning",
    "may keep the lock on KOT when LOCK_RET_FAIL is returned for another lock",
  ],
  [
    "more situations than are followed",
    `${Array.from({ length: 9 }, (_, i) => `if (flags & ${1 << i}) { (void)acquire_mutex_lock(&global->lock[${i}]); }`).join("\n")} \n return TDX_SUCCESS; // here`,
    "SL1021 error",
    "more than 1024 situations at one statement",
  ],
];

describe("a fault is said with its code, at its line", () => {
  it.each(FAULTS)("%s", async (_, body, code, message) => {
    const { catalog, at } = await smallTree(hostLeaf(body));
    const place = at("// here");
    const found = catalog.diagnostics.filter((diagnostic) => said([diagnostic])[0] === `${code} ${place}`);
    expect(found.map((diagnostic) => diagnostic.message)).toEqual([expect.stringContaining(message)]);
  });

  it("a leaf that never succeeds, at its handler, and it has no rows", async () => {
    const { catalog, rows, at } = await smallTree(
      hostLeaf(`${TAKE_GLOBAL} ${GIVE_GLOBAL} return TDX_OPERAND_INVALID;`),
    );
    expect(said(catalog.diagnostics)).toEqual([`SL1030 error ${at("tdh_mem_test(")}`]);
    expect(rows).toEqual([]);
  });

  it("nothing, where a promoted lock is given back as exclusive and a demoted one as shared", async () => {
    const { catalog } = await smallTree(
      hostLeaf(
        `${take("acquire_sharex_lock_ex")} demote_sharex_lock(&global->kot.lock); release_sharex_lock_sh(&global->kot.lock); return TDX_SUCCESS;`,
      ),
    );
    expect(said(catalog.diagnostics)).toEqual([]);
  });
});

describe("a function that calls itself", () => {
  const walk = (call: string) => `
static api_error_type walk(tdx_module_global_t* global, uint64_t level)
{
    ${take("acquire_sharex_lock_sh")}
    release_sharex_lock_sh(&global->kot.lock);
    if (level == 0) { return TDX_SUCCESS; }
    return ${call}; // here
}
${hostLeaf("return walk(global, 4);")}`;

  it("is followed as deep as a page walk goes", async () => {
    const { catalog, rows } = await smallTree(walk("walk(global, level - 1)"));
    expect(said(catalog.diagnostics)).toEqual([]);
    // One a level: each has a chain of calls of its own.
    expect(rows.map(({ evidence }) => evidence.length - (rows[0]?.evidence.length ?? 0))).toEqual([0, 1, 2, 3, 4]);
  });

  it("is told where it calls itself without an end", async () => {
    const { catalog, at } = await smallTree(walk("walk(global, level + 1)"));
    expect(said(catalog.diagnostics)).toContain(`SL1021 error ${at("// here")}`);
    expect(catalog.diagnostics.map((d) => d.message)).toContain("walk calls itself more than 8 times over");
  });
});

describe("the list of diagnostics", () => {
  it("has no code of the extraction that no test here provokes", () => {
    const list = readFileSync(join(ROOT, "docs/diagnostics.md"), "utf8");
    const codes = [...list.matchAll(/^\| (SL1\d\d\d) /gm)].map(([, code]) => code);
    // Those of whole catalogs are provoked where catalogs and the command line are tested.
    const folders = [import.meta.dirname, join(ROOT, "test/catalog"), join(ROOT, "test/cli")];
    const tests = folders
      .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
      .filter((file) => file.endsWith(".test.ts"))
      .map((file) => readFileSync(file, "utf8"))
      .join("\n");
    expect(codes.length).toBeGreaterThan(20);
    expect(codes.filter((code) => !tests.includes(`${code}`))).toEqual([]);
  });
});
