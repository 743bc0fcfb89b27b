/** Loops that take page locks into arrays, and loops that give them back: counted in the same way or otherwise. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hostLeaf, type SmallTree, smallTree } from "./small-tree.ts";

const HEADER = readFileSync(join(import.meta.dirname, "connect-like-the-module.h"), "utf8");
const give = (index: string): string =>
  `pamt_unwalk(page_pa[${index}], block[${index}], entry[${index}], TDX_LOCK_EXCLUSIVE);`;
const flagged = (index: string): string => `{ if (is_locked[${index}]) { ${give(index)} } }`;

/** How many pages are locked, and how they are given back. */
type Case = readonly [name: string, pages: string, giveBack: string];

const GIVES_BACK: readonly Case[] = [
  ["all_flagged", "MAX_NUM_PD_PAGES", `for (i = 0; i < MAX_NUM_PD_PAGES; i++) ${flagged("i")}`],
  ["all_flagged_of_some", "pages", `for (i = 0; i < MAX_NUM_PD_PAGES; i++) ${flagged("i")}`],
  ["another_counter", "pages", `for (uint64_t k = 0; k < pages; k++) ${flagged("k")}`],
  ["up_to_the_count", "MAX_NUM_PD_PAGES", `for (i = 0; i < taken; i++) { ${give("i")} }`],
  ["up_to_the_count_of_some", "pages", `for (i = 0; i != taken; i++) { ${give("i")} }`],
  ["down_from_the_count", "MAX_NUM_PD_PAGES", `while (taken > 0) { taken--; ${give("taken")} }`],
  ["down_from_the_count_of_some", "pages", `while (taken-- > 0) { ${give("taken")} }`],
  ["down_by_the_counter", "pages", `while (i > 0) { i--; ${give("i")} }`],
  ["one_further", "pages", `for (i = taken; i > 0; i--) { ${give("i - 1")} }`],
  ["from_the_last", "pages", `for (j = (int64_t)taken - 1; j >= 0; j--) { ${give("j")} }`],
  ["flagged_from_the_last", "MAX_NUM_PD_PAGES", `for (j = MAX_NUM_PD_PAGES - 1; j >= 0; j--) ${flagged("j")}`],
  ["flagged_from_the_last_of_some", "pages", `for (j = MAX_NUM_PD_PAGES - 1; j >= 0; j--) ${flagged("j")}`],
  [
    "while_flagged",
    "MAX_NUM_PD_PAGES",
    `i = 0; while (i < MAX_NUM_PD_PAGES && is_locked[i]) { ${give("i")} i = i + 1; }`,
  ],
];
const LEAKS: readonly Case[] = [
  ["always_the_same_one", "pages", `for (i = 0; i < pages; i++) { ${give("1")} }`],
  [
    "of_another_array",
    "pages",
    "for (i = 0; i < pages; i++) { pamt_unwalk(page_pa[i], other[i], entry[i], TDX_LOCK_EXCLUSIVE); }",
  ],
  ["where_something_else_is_so", "pages", `for (i = 0; i < taken; i++) { if (index == 3) { ${give("i")} } }`],
];

const leaf = ([name, pages, giveBack]: Case): string => `
api_error_type tdh_${name}(uint64_t index, uint64_t pages)
{
    pa_t           page_pa[MAX_NUM_PD_PAGES];
    pamt_block_t   block[MAX_NUM_PD_PAGES];
    pamt_block_t   other[MAX_NUM_PD_PAGES];
    pamt_entry_t*  entry[MAX_NUM_PD_PAGES];
    bool_t         is_locked[MAX_NUM_PD_PAGES] = {0};
    uint64_t       i = 0;
    int64_t        j = 0;
    uint64_t       taken = 0;
    api_error_type return_val = UNINITIALIZE_ERROR;
    for (i = 0; i < ${pages}; i++)
    {
        return_val = lock_page(page_pa[i], OPERAND_ID_RDX, TDX_LOCK_EXCLUSIVE, PT_NDA, &block[i], &entry[i], &is_locked[i]);
        if (return_val != TDX_SUCCESS)
        {
            goto EXIT;
        }
        taken++;
    }
    return_val = TDX_SUCCESS;
EXIT:
    ${giveBack}
    return return_val;
}
`;

describe("locks of pages in arrays", () => {
  let made: Promise<SmallTree> | null = null;
  const extracted = (): Promise<SmallTree> => {
    const source = [
      '#include "locks.h"',
      '#include "connect-like-the-module.h"',
      ...GIVES_BACK.map(leaf),
      ...LEAKS.map(leaf),
    ];
    made ??= smallTree(source.join("\n"), { "src/connect-like-the-module.h": HEADER });
    return made;
  };
  const said = ({ catalog }: SmallTree, name: string) =>
    catalog.diagnostics.filter(({ message }) => message.startsWith(`tdh_${name} `)).map(({ code }) => code);

  it.each(GIVES_BACK)("%s of %s: given back at the end of the call", async (name) => {
    const tree = await extracted();
    const rows = tree.catalog.leaves.find((one) => one.name === `tdh_${name}`)?.acquisitions ?? [];
    expect(rows.map(({ resource, release }) => `${resource} ${release?.at}`)).toEqual(
      ["PAMT_1G", "PAMT_2M", "PAGE"].map((resource) => `${resource} leaf-exit`),
    );
    expect(said(tree, name)).toEqual([]);
  });

  it.each(LEAKS)("%s of %s: an error", async (name) => {
    expect(new Set(said(await extracted(), name))).toContain("SL1031");
  });
});

const TAKES = "acquire_mutex_lock(&global->global_lock)";
const GIVES = "release_mutex_lock(&global->global_lock);";

/** A lock that a loop tries until it has it, or for so long. */
describe("a lock that a loop tries", () => {
  const told = async (body: string) => {
    const { rows, catalog } = await smallTree(
      `#define TRIES 16\n${hostLeaf(`uint64_t n = 0;\nlock_return_t got = LOCK_RET_FAIL;\n${body}`)}`,
    );
    const codes = catalog.diagnostics.map(({ code }) => code);
    return { codes, rows: rows.map(({ times, busyStatus, release }) => [times, busyStatus, release?.at]) };
  };
  const BUSY = "0x8000020000000000";
  const SPIN = `while ${TAKES} != LOCK_RET_SUCCESS`;

  it.each([
    ["by its test", `while (${TAKES} != LOCK_RET_SUCCESS) { }`, SPIN],
    ["and then tests", `do { got = ${TAKES}; } while (got != LOCK_RET_SUCCESS);`, "while got != LOCK_RET_SUCCESS"],
    ["and leaves it then", `while (true) { if (${TAKES} == LOCK_RET_SUCCESS) { break; } }`, "while true"],
  ])("for ever, %s: no call ends with BUSY", async (_, loop, times) => {
    expect(await told(`${loop}\n${GIVES}\nreturn TDX_SUCCESS;`)).toEqual({
      rows: [[times, null, "leaf-exit"]],
      codes: ["SL1034"],
    });
  });

  it.each([
    ["counted by its body", `while (${TAKES} != LOCK_RET_SUCCESS) { if (n++ > 1000) { return TDX_OPERAND_BUSY; } }`],
    [
      "counted up by a loop that is left",
      `for (n = 0; n < TRIES; n++) { if (${TAKES} == LOCK_RET_SUCCESS) { break; } }
    if (n == TRIES) { return TDX_OPERAND_BUSY; }`,
    ],
    [
      "counted up, and asked for in another way",
      `for (n = 0; n < TRIES; n++) { if (${TAKES} == LOCK_RET_SUCCESS) { break; } }
    if (n >= TRIES) { return TDX_OPERAND_BUSY; }`,
    ],
    [
      "counted up, with what was got",
      `for (n = 0; n < TRIES; n++) { if (${TAKES} == LOCK_RET_SUCCESS) { break; } }
    if (n < TRIES) { ${GIVES} return TDX_SUCCESS; }
    return TDX_OPERAND_BUSY;`,
    ],
    [
      "counted down by its test",
      `n = TRIES;
    while (n-- > 0) { got = ${TAKES}; if (got == LOCK_RET_SUCCESS) { break; } }
    if (got != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }`,
    ],
    [
      "counted down after each",
      `n = TRIES;
    do { got = ${TAKES}; } while (got != LOCK_RET_SUCCESS && --n);
    if (got != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }`,
    ],
  ])("for so long, %s: a call that has not got it ends with BUSY, and gives nothing back", async (_, loop) => {
    const { rows, codes } = await told(`${loop}\n${GIVES}\nreturn TDX_SUCCESS;`);
    expect(codes).toEqual([]);
    expect(rows.map(([, busy]) => busy)).toEqual([BUSY]);
  });

  it.each([
    ["the count may be set otherwise", "n++", "if (gpa) { n = gpa; }"],
    ["what is called may set it", "n++", "count(&n);"],
    ["it is counted by threes", "n += 3", ""],
  ])("is not known to have been tried often enough where %s", async (_, step, after) => {
    const { codes } = await told(`
    for (n = 0; n < TRIES; ${step}) { if (${TAKES} == LOCK_RET_SUCCESS) { break; } ${after} }
    if (n == TRIES) { return TDX_OPERAND_BUSY; }
    ${GIVES}
    return TDX_SUCCESS;`);
    expect(codes).toContain("SL1036");
  });

  it("is not given back where the loop's test would have had to hold when it ended", async () => {
    const { codes } = await told(`
    while (n == 0) { if (${TAKES} != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; } ${GIVES} n = gpa; }
    if (n == 0) { ${GIVES} }
    return TDX_SUCCESS;`);
    expect(codes).toEqual([]);
  });

  it("is taken by each round whose test takes it", async () => {
    const { rows } = await told(
      `for (n = 0; n < gpa && ${TAKES} == LOCK_RET_SUCCESS; n++) { ${GIVES} }\nreturn TDX_SUCCESS;`,
    );
    expect(rows).toEqual([[`while n < gpa && ${TAKES} == LOCK_RET_SUCCESS`, null, "iteration-end"]]);
  });
});
