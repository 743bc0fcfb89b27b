/** The source tree of a random program: the fixture's headers and locks, a dispatcher of each side, and the program's functions. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Catalog } from "../../src/catalog/index.ts";
import { analyseTree } from "../../src/module/analyse.ts";
import { FIXTURE } from "./mutate.ts";
import type { Func, Printed, Program } from "./random-program.ts";

/** Where a random program's functions stand. */
export const FILE = "src/random.c";

const KEPT = [
  "include/types.h",
  "include/api_defs.h",
  "include/auto_gen/op_state_lookup.c",
  "include/auto_gen/sept_state_lookup.c",
  "src/common/locks.h",
].map((path) => ({ path, source: readFileSync(join(FIXTURE, path), "utf8") }));

const COMMON = {
  path: "src/common/random.h",
  source: `typedef union
{
    struct
    {
        uint64_t operand : 32;
        uint64_t high    : 29;
        uint64_t fatal   : 1;
        uint64_t rest    : 2;
    };
    uint64_t raw;
} api_error_code_t;

typedef struct
{
    sharex_lock_t* lock_p;
    lock_type_t    mode;
    bool_t         is_wanted;
    bool_t         is_locked;
} options_t;

api_error_type api_error_with_operand_id(api_error_type error, uint64_t operand)
{
    api_error_code_t code;
    code.raw = error;
    code.operand = operand;
    return code.raw;
}

api_error_type api_error_fatal(api_error_type error)
{
    api_error_code_t code;
    code.raw = error;
    code.fatal = 1;
    return code.raw;
}
`,
};

const label = ({ name }: Func): string => `${name.toUpperCase()}_LEAF`;
const isGuest = ({ name }: Func): boolean => name.startsWith("tdg_");

function dispatcher(head: string, leaves: readonly Func[]): string {
  const cases = leaves.map((leaf) => {
    const args = leaf.params.map((_, i) => `registers.r${i}`).join(", ");
    return `    case ${label(leaf)}: registers.rax = ${leaf.name}(${args}); break;\n`;
  });
  return `${head}\n{\n    switch (registers.leaf)\n    {\n${cases.join("")}    default: break;\n    }\n}\n`;
}

/** What the extraction says of a program. */
export async function catalogOf({ leaves }: Program, { text }: Printed): Promise<Catalog> {
  const files = [
    ...KEPT,
    COMMON,
    {
      path: "include/leaves.h",
      source: leaves.map((leaf, i) => `#define ${label(leaf)} ${100 + i}\n`).join(""),
    },
    {
      path: "src/vmm_dispatcher/tdx_vmm_dispatcher.c",
      source: dispatcher(
        "void tdx_vmm_dispatcher(void)",
        leaves.filter((leaf) => !isGuest(leaf)),
      ),
    },
    {
      path: "src/td_dispatcher/tdx_td_dispatcher.c",
      source: dispatcher("void td_call(tdx_module_local_t* local)", leaves.filter(isGuest)),
    },
    { path: FILE, source: text },
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
  const tree = { root: "random", files, skipped: [], digest: `sha256:${"0".repeat(64)}`, statedVersion: null };
  return analyseTree(tree, { version: "random", repository: null, revision: null });
}
