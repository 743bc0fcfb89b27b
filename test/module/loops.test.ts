/** Loops that take page locks into arrays, and loops that give them back: counted in the same way or otherwise. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type SmallTree, smallTree } from "./small-tree.ts";

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
