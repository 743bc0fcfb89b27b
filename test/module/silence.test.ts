import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { changesOf } from "../../scripts/source-changes.ts";
import { LIMITS } from "../../src/c/limits.ts";
import { parseCatalog, serializeCatalog } from "../../src/catalog/index.ts";
import { Extraction, Work } from "../../src/module/extraction.ts";
import { readTree } from "../../src/module/tree.ts";
import { copyOfFixture, extract, FIXTURE } from "./mutate.ts";
import { smallTree } from "./small-tree.ts";

const HELPERS = "src/common/helpers.c";

const leaf = (body: string) => `api_error_type tdh_mem_track(uint64_t tdr_pa)
{
    api_error_type return_val = TDX_SUCCESS;
    tdcs_t* tdcs_ptr = map_implicit_tdcs(tdr_pa);
    ${body}
    return return_val;
}
`;

/** What the extraction says of functions on locks that nothing explains. */
const unexplained = async (helper: string, call: string): Promise<readonly string[]> => {
  const { catalog } = await smallTree(leaf(call), { "src/common/strange.h": helper });
  return catalog.diagnostics
    .filter(({ code }) => code === "SL1048")
    .map(({ severity, message, file, line }) => `${severity} ${file}:${line} ${message}`);
};

describe("a function of the shape of one that is known by name", () => {
  const shaped: readonly (readonly [what: string, declaration: string])[] = [
    [
      "takes or gives back a lock in a mode that it is given",
      "lock_return_t take(sharex_lock_t* lock, lock_type_t mode)",
    ],
    ["ends in a fatal error", "void give_up(fatal_error_id_e why)"],
    ["enters the TD", "void go(bool_t fresh, gprs_state_t* registers)"],
    ["changes a status", "api_error_type with_detail(api_error_type status, uint64_t detail)"],
    ["leaves the TD with a status", "void leave(api_error_code_e status, uint64_t detail)"],
    ["maps a page", "void* map_it(void* pa, mapping_type_t type)"],
    ["maps the TDCS", "tdcs_t* tdcs_of(tdr_t* tdr, mapping_type_t type)"],
    ["walks a tree of SEPT pages", "ia32e_sept_t* find_it(ia32e_eptp_t root, pa_t gpa)"],
    ["walks the SEPT of an L2 VM", "api_error_type find_l2(tdr_t* tdr, tdcs_t* tdcs, uint16_t vm, pa_t gpa)"],
    ["locks the owner of a page", "api_error_type lock_owner(pa_t page, lock_type_t mode, tdr_t** tdr)"],
    ["gives the PAMT entry of a page", "pamt_entry_t* entry_of(pa_t page, page_size_t size)"],
    ["splits or merges PAMT entries", "api_error_code_e split(pa_t page, page_size_t size)"],
    ["reads a list for a leaf", "api_error_code_e read_list(uint64_t field, md_list_header_t* list)"],
    ["checks the level of a page", "bool_t level_ok(page_info_api_input_t page, ept_level_t low, ept_level_t high)"],
    ["checks a GPA", "bool_t gpa_ok(pa_t gpa, bool_t shared)"],
    ["tells whether a GPA is shared", "bool_t is_shared(uint64_t gpa, bool_t width)"],
    ["changes an SEPT entry as a whole", "void let_it_go(ia32e_sept_t* entry)"],
    ["changes an SEPT entry as the TD's state demands", "void let_go_for(ia32e_sept_t* entry, const tdcs_t* tdcs)"],
    ["makes an SEPT entry a leaf", "void make_leaf(ia32e_sept_t* entry, uint64_t bits, pa_t page, uint64_t state)"],
    ["writes the word of an SEPT entry", "void put_word(ia32e_sept_t* entry, uint64_t word)"],
  ];

  it("is an error that names it, once leaves run it; a shape that is none of these is not", async () => {
    const others = ["void put_words(ia32e_sept_t* entry, uint64_t word, uint64_t mask)", "bool_t gpa_even(pa_t gpa)"];
    const declarations = [...shaped.map(([, declaration]) => declaration), ...others];
    const names = declarations.map((text) => /(\w+)\(/.exec(text)?.[1] ?? "");
    const texts = declarations.map((text) => `${text}\n{\n    return 0;\n}\n`);
    const called = names.map((name) => `(void)${name}(0, 0, 0, 0);`).join("\n    ");
    const { catalog } = await smallTree(leaf(called), { "src/common/shaped.c": [...texts, leafless].join("") });
    const found = catalog.diagnostics.filter(({ code }) => code === "SL1055").map(({ message }) => message);
    expect(found.sort()).toEqual(
      shaped
        .map(([what], i) => `${names[i]} has the shape of a function that ${what}, and is none that is known`)
        .sort(),
    );
  });
  const leafless = "api_error_type nobody_calls(api_error_type status)\n{\n    return status;\n}\n";
});

describe("a primitive of another name, in another place, or in two parts", () => {
  const tree = readTree(FIXTURE);
  /** What the primitives of a tree do, in whichever order; of one in two parts, either part is one. */
  const defined = (files: typeof tree.files, written: (text: string) => string): ReadonlySet<string> =>
    new Set(
      new Extraction(files).primitives
        .definitions()
        .flatMap(({ primitives, ...lock }) => [lock, ...primitives.map(({ evidence: _, ...p }) => [lock.kind, p])])
        .map((fact) => written(JSON.stringify(fact))),
    );
  const before = defined(tree.files, (text) => text);

  it.each(["release_mutex_lock", "acquire_sharex_lock_ex", "release_sharex_lock_hp_ex"])("%s", (name) => {
    const changes = [...changesOf(name, tree.files)];
    expect(changes.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["rename", "move", "split"]));
    for (const { files, written } of changes) expect(defined(files, written)).toEqual(before);
  });
});

describe("a primitive that leaves its work to that of a mode", () => {
  const said = (from: string, to: string): readonly string[] => {
    const files = readTree(FIXTURE).files.map((file) => {
      const source = file.path.endsWith("common/locks.h") ? file.source.replace(from, () => to) : file.source;
      return { ...file, source };
    });
    return new Extraction(files).primitives.misdirected().map(({ message, site }) => `${site.line} ${message}`);
  };
  const acquire = "    if (mode == TDX_LOCK_EXCLUSIVE)\n    {\n        return acquire_sharex_lock_ex(lock);";
  const release =
    "        release_sharex_lock_ex(lock);\n    }\n    else\n    {\n        release_sharex_lock_sh(lock);\n    }";

  it.each([
    ["does so", acquire, acquire, []],
    [
      "asks the other way round",
      acquire,
      acquire.replace("==", "!="),
      ["for SHARED it calls acquire_sharex_lock_ex", "for EXCLUSIVE it calls acquire_sharex_lock_sh"],
    ],
    ["never takes it exclusive", acquire, "    {", ["for EXCLUSIVE it calls acquire_sharex_lock_sh"]],
    ["gives nothing back", release, "    }", ["for SHARED it does nothing", "for EXCLUSIVE it does nothing"]],
    [
      "gives back the other",
      release,
      release.replace("lock_ex", "lock_?").replace("lock_sh", "lock_ex").replace("lock_?", "lock_sh"),
      ["for SHARED it calls release_sharex_lock_ex", "for EXCLUSIVE it calls release_sharex_lock_sh"],
    ],
  ])("%s", (_what, from, to, expected) => {
    const name = from === acquire ? "acquire_sharex_lock" : "release_sharex_lock";
    const line = readTree(FIXTURE)
      .files.find(({ path }) => path.endsWith("common/locks.h"))
      ?.source.split("\n")
      .findIndex((text) => text.includes(` ${name}(`));
    expect(said(from, to)).toEqual(
      expected.map((text) => `${(line ?? 0) + 1} ${name} is not understood as a lock primitive: ${text}`),
    );
  });
});

describe("a function that works on a lock and that nothing explains", () => {
  it("is an error, with its name and place", async () => {
    const helper = "static inline void let_go(sharex_hp_lock_t* lock)\n{\n    lock->raw = 0;\n}\n";
    expect(await unexplained(helper, "let_go(&tdcs_ptr->epoch_lock);")).toEqual([
      "error src/common/strange.h:1 let_go works on a lock, is no primitive that is known, and calls none",
    ]);
  });

  it("is none that works on it with an atomic instruction: that is a primitive, and gives a row", async () => {
    const helper =
      "static inline lock_return_t grab(sharex_lock_t* lock)\n{\n    return (_lock_bts_16b(&lock->raw, 0)) ? LOCK_RET_FAIL : LOCK_RET_SUCCESS;\n}\n";
    const { catalog } = await smallTree(leaf("grab(&tdcs_ptr->epoch_lock);"), { "src/common/strange.h": helper });
    expect(catalog.diagnostics.filter(({ code }) => code === "SL1048")).toEqual([]);
    expect(catalog.leaves[0]?.acquisitions).toMatchObject([{ resource: "TDCS_EPOCH", mode: "EXCLUSIVE" }]);
  });

  it("is none that only reads the lock", async () => {
    const helper = "static inline bool_t is_taken(sharex_hp_lock_t* lock)\n{\n    return lock->host_prio == 1;\n}\n";
    expect(await unexplained(helper, "is_taken(&tdcs_ptr->epoch_lock);")).toEqual([]);
  });

  it("is none that calls a primitive", async () => {
    const helper =
      "static inline lock_return_t take(sharex_lock_t* lock)\n{\n    return acquire_sharex_lock_ex(lock);\n}\n";
    expect(
      await unexplained(
        helper,
        "if (take(&tdcs_ptr->epoch_lock) == LOCK_RET_SUCCESS) { release_sharex_lock_ex(&tdcs_ptr->epoch_lock); }",
      ),
    ).toEqual([]);
  });

  it("is none that no leaf runs, unless it is made of atomic instructions, as a primitive is", async () => {
    const helper = (body: string) => `static inline void let_go(sharex_lock_t* lock)\n{\n    ${body}\n}\n`;
    expect(await unexplained(helper("lock->raw = 0;"), "")).toEqual([]);
    expect(await unexplained(helper("_lock_xadd_16b(&lock->raw, lock->raw);"), "")).toEqual([
      "error src/common/strange.h:1 let_go works on a lock, is no primitive that is known, and calls none",
    ]);
  });

  it("is a primitive of another name that nothing calls, where another does the same to the lock", async () => {
    const put = "lower_sharex_lock";
    const tree = copyOfFixture([{ file: "src/common/locks.h", find: "demote_sharex_lock", put, all: true }]);
    const { diagnostics } = await extract(tree);
    expect(diagnostics.filter(({ code }) => code === "SL1048")).toMatchObject([
      { severity: "error", message: expect.stringContaining(put) },
    ]);
  });
});

describe("a function that locks PAMT entries of several levels", () => {
  it("and is not known as a walk is an error: its ancestors would look like pages", async () => {
    const helpers = readFileSync(join(FIXTURE, HELPERS), "utf8");
    const renamed = copyOfFixture([{ file: HELPERS, find: null, put: helpers.replaceAll("pamt_walk", "descend") }]);
    const found = (await extract(renamed)).diagnostics.filter(({ code }) => code === "SL1049");
    expect(found.map(({ severity, message }) => `${severity} ${message}`)).toContainEqual(
      "error descend locks PAMT entries of several levels and is not known as a walk of the PAMT",
    );
    expect((await extract(FIXTURE)).diagnostics.filter(({ code }) => code === "SL1049")).toEqual([]);
  });
});

describe("a function that leaves or enters a TD, under another name", () => {
  it("is an error that names it where it leaves the TD: what the entry hands over would be given back by nobody", async () => {
    const file = "src/td_transitions/td_exit.c";
    const text = readFileSync(join(FIXTURE, file), "utf8");
    const renamed = copyOfFixture([{ file, find: null, put: text.replaceAll("td_vmexit_to_vmm", "leave_td") }]);
    const of = (catalog: Awaited<ReturnType<typeof extract>>) =>
      catalog.diagnostics.filter(({ code }) => code === "SL1056").map(({ message }) => message);
    expect(of(await extract(renamed))).toEqual([
      "tdh_vp_enter enters the TD, and td_vmexit_to_vmm, which leaves it, is not in the tree",
    ]);
    expect(of(await extract(FIXTURE))).toEqual([]);
  });

  it("is an error that names it where it enters the TD: the entry would look like a leaf that returns", async () => {
    const file = "src/td_transitions/tdh_vp_enter.c";
    const text = readFileSync(join(FIXTURE, file), "utf8");
    const renamed = copyOfFixture([{ file, find: null, put: text.replaceAll("tdx_return_to_td", "go") }]);
    const found = (await extract(renamed)).diagnostics.filter(({ code }) => code === "SL1056");
    expect(found.map(({ message }) => message)).toEqual([
      "td_vmexit_to_vmm leaves the TD, and tdx_return_to_td, which enters it, is not in the tree",
    ]);
  });
});

describe("the work of an extraction", () => {
  const three = { heaviestFirst: [2, 0, 1] } as unknown as Extraction;

  it("hands out what is of the whole tree and each leaf once, to whoever asks", () => {
    const work = new Work();
    const other = new Work(["statuses", "whole"], work.counters);
    const jobs = [work, other, work, other, work, other].map((one) => one.next(three));
    expect(jobs).toEqual(["whole", "statuses", 2, 0, 1, null]);
    const alone = new Work();
    expect([alone, alone, alone].map((one) => one.next(three))).toEqual(["whole", "statuses", 2]);
  });

  it("is over once all threads together took too many steps, and never before", () => {
    const work = new Work();
    const other = new Work(["statuses", "whole"], work.counters);
    work.spend(LIMITS.steps - 1);
    other.spend(1);
    expect([work.isTooMuch, work.next(three)]).toEqual([false, "whole"]);
    other.spend(1);
    expect([work.isTooMuch, work.next(three), other.next(three)]).toEqual([true, null, null]);
  });
});

describe("a macro with a name that means something else", () => {
  const said = async (macro: string, calls: string): Promise<readonly string[]> => {
    const { catalog } = await smallTree(leaf(calls), { "include/strange.h": `${macro}\n` });
    return catalog.diagnostics
      .filter(({ code }) => code === "SL1052")
      .map(({ severity, message, file, line }) => `${severity} ${file}:${line} ${message.split(":")[0]}`);
  };
  const lockAll =
    "if (acquire_sharex_lock_ex(&tdcs_ptr->epoch_lock) == LOCK_RET_SUCCESS) { release_sharex_lock_ex(&tdcs_ptr->epoch_lock); }";

  it.each([
    [
      "a function",
      "#define acquire_sharex_lock_ex acquire_sharex_lock_sh",
      "the macro acquire_sharex_lock_ex has the name of a function",
    ],
    [
      "an enumerator",
      "#define TDX_LOCK_SHARED TDX_LOCK_EXCLUSIVE",
      "the macro TDX_LOCK_SHARED has the name of an enumerator",
    ],
    [
      "an enumerator, with another value",
      "#define OP_STATE_RUNNABLE 3",
      "the macro OP_STATE_RUNNABLE has the name of an enumerator",
    ],
    ["a keyword", "#define if(x) if (0)", "the macro if has the name of a keyword"],
    ["a type", "#define sharex_lock_t sharex_hp_lock_t", "the macro sharex_lock_t has the name of a type"],
    ["a member", "#define epoch_lock other_lock", "the macro epoch_lock has the name of a member"],
    ["the handler of a leaf", "#define tdh_mem_track other", "the macro tdh_mem_track has the name of a function"],
  ])("is an error: %s", async (_what, macro, message) => {
    expect(await said(macro, lockAll)).toEqual([`error include/strange.h:1 ${message}`]);
  });

  it.each([
    ["#define OP_STATE_RUNNABLE OP_STATE_RUNNABLE"],
    ["#define OP_STATE_RUNNABLE 2"],
    ["#define epoch_lock epoch_lock"],
  ])("is none where it means the same: %s", async (macro) => {
    expect(await said(macro, lockAll)).toEqual([]);
  });

  it("is none where no leaf runs the function", async () => {
    expect(await said("#define let_go nothing\nstatic inline void let_go(void)\n{\n}", lockAll)).toEqual([]);
  });

  it("is none in another source file", async () => {
    const names = ["acquire_sharex_lock_ex", "epoch_lock", "tdh_mem_track"];
    const { catalog } = await smallTree(leaf(lockAll), {
      "src/common/strange.c": names.map((name) => `#define ${name} ${name}_2\n`).join(""),
    });
    expect(catalog.diagnostics.filter(({ code }) => code === "SL1052")).toEqual([]);
  });
});

describe("a function that two source files define", () => {
  const said = async (definition: string): Promise<readonly string[]> => {
    const use = "help(tdcs_ptr);";
    const files = {
      "src/aaa.c": `${definition}\n{\n}\n`,
      "src/bbb.c": "void help(tdcs_t* tdcs_ptr)\n{\n}\n",
    };
    const { catalog } = await smallTree(leaf(use).replace("tdh_mem_track", "tdh_mem_test"), files);
    return catalog.diagnostics.filter(({ code }) => code === "SL1053").map(({ message }) => message);
  };

  it("is an error where both are for all files", async () => {
    expect(await said("void help(tdcs_t* tdcs_ptr)")).toEqual([
      "help is defined for all files here and at src/bbb.c:1: which one is meant is not known",
    ]);
  });

  it("is none where one is for its own file only", async () => {
    expect(await said("static void help(tdcs_t* tdcs_ptr)")).toEqual([]);
  });
});

describe("a macro that is defined in different ways", () => {
  const said = async (...definitions: readonly string[]): Promise<readonly string[]> => {
    const files = Object.fromEntries(definitions.map((text, i) => [`src/common/strange${i}.h`, `${text}\n`]));
    const { catalog } = await smallTree(leaf("VIA;").replace("tdh_mem_track", "tdh_mem_test"), files);
    return catalog.diagnostics.filter(({ code }) => code === "SL1053").map(({ message }) => message);
  };

  it("is an error where leaves use it, by another one perhaps", async () => {
    expect(await said("#define VIA HELP(1)\n#define HELP(x) (x)", "#define HELP(x) ((x) + 1)")).toEqual([
      "the macro HELP is defined here, and otherwise at src/common/strange1.h:1: which one is meant is not known",
    ]);
  });

  it("is none where it says the same, or nothing that runs uses it", async () => {
    expect(await said("#define VIA 1\n#define HELP(x) (x)", "#define HELP(x) ((x) + 1)")).toEqual([]);
    expect(await said("#define VIA HELP(1)\n#define HELP(x) ((x) + 1)", "#define HELP(x) ((x)  +  1)")).toEqual([]);
  });
});

describe("a leaf that a catalog cannot hold", () => {
  const changed = async (file: string, find: string, put: string): Promise<readonly string[]> => {
    const catalog = await extract(copyOfFixture([{ file, find, put }]));
    const { diagnostics } = parseCatalog(serializeCatalog(catalog), "made");
    return diagnostics.filter(({ code }) => code === "SL1050").map(({ severity, message }) => `${severity} ${message}`);
  };

  it("is one whose number is too large", async () => {
    expect(
      await changed("include/api_defs.h", "TDH_MEM_TRACK_LEAF       = 38", "TDH_MEM_TRACK_LEAF       = 70000"),
    ).toEqual([
      "error the case TDH_MEM_TRACK_LEAF was not understood: its number 70000 is none of a leaf, from 0 to 65535",
    ]);
  });

  it("is one whose case stands twice", async () => {
    const twice =
      "        case TDG_MEM_PAGE_ACCEPT_LEAF: local->td_regs.rax = tdg_mem_page_accept(local->td_regs.rcx); break; ";
    const file = "src/td_dispatcher/tdx_td_dispatcher.c";
    expect(await changed(file, "        default:", `${twice}default:`)).toEqual([
      expect.stringMatching(
        /^error the case TDG_MEM_PAGE_ACCEPT_LEAF was not understood: it stands twice, before at src\/td_dispatcher\/tdx_td_dispatcher\.c:\d+$/,
      ),
    ]);
  });
});

describe("a macro in place of a function", () => {
  const MACROS = "include/strange.h";
  const busy = "api_error_type deny(uint64_t address)\n{\n    return TDX_PAGE_METADATA_INCORRECT;\n}\n";
  const namesOf = async (source: string, macros: string): Promise<readonly (string | undefined)[]> => {
    const { leaf: found, catalog } = await smallTree(source, { [MACROS]: macros });
    return (found.statuses ?? []).map((id) => catalog.statuses?.[id]?.status);
  };

  it("has the statuses of what it calls", async () => {
    const deny = "#define deny_it(address) deny((address) + 1)\n";
    expect(await namesOf(busy + leaf("return deny_it(tdr_pa);"), deny)).toEqual(["TDX_PAGE_METADATA_INCORRECT"]);
  });

  it("has none where macros use each other without end", async () => {
    const endless =
      "#define deny_it(address) deny_me(deny_me(address))\n#define deny_me(address) deny_it(deny_it(address))\n";
    expect(await namesOf(busy + leaf("return_val = deny_it(tdr_pa); return deny(tdr_pa);"), endless)).toEqual([
      "TDX_PAGE_METADATA_INCORRECT",
    ]);
  });

  it("can be what a dispatcher calls: the handler is the function that it calls", async () => {
    const source = leaf(
      "if (acquire_sharex_lock_ex(&tdcs_ptr->epoch_lock) == LOCK_RET_SUCCESS) { release_sharex_lock_ex(&tdcs_ptr->epoch_lock); }",
    ).replace("tdh_mem_track", "track");
    const catalog = await extract(
      copyOfFixture([
        { file: "src/vmm_dispatcher/api_calls/tdh_mem_track.c", find: null, put: source },
        {
          file: MACROS,
          find: null,
          put: "#define tdh_mem_track(a) tdh_mem_track_it(a)\n#define tdh_mem_track_it(a) track(a)\n",
        },
      ]),
    );
    const found = catalog.leaves.find(({ name }) => name === "tdh_mem_track");
    expect([found?.handler?.function, found?.acquisitions.length]).toEqual(["track", 1]);
  });

  it("is an error where it is a lock primitive", async () => {
    const { catalog } = await smallTree(leaf("tdcs_ptr->epoch_lock = 0;"), {
      "src/common/migration.h": "#define migsc_lock(link) (_lock_bts_64b(&(link)->raw, 0) == 0)\n",
    });
    expect(catalog.diagnostics.filter(({ code }) => code === "SL1043").map(({ message }) => message)).toEqual([
      "the lock primitive migsc_lock is a macro here: only functions are read as primitives",
    ]);
  });
});

it("a call of what another file keeps to itself is an error that names it", async () => {
  const { catalog, at } = await smallTree(leaf("return take_epoch(tdcs_ptr);"), {
    "src/common/strange.c":
      "static api_error_type take_epoch(tdcs_t* tdcs_ptr)\n{\n    return acquire_sharex_lock_ex(&tdcs_ptr->epoch_lock);\n}\n",
  });
  expect(
    catalog.diagnostics
      .filter(({ code }) => code === "SL1042")
      .map(({ message, file, line }) => `${file?.split("/").at(-1)}:${line} ${message}`),
  ).toEqual([`${at("return take_epoch")} tdh_mem_track calls take_epoch, which is static in another file`]);
});

describe("what is read as a call, or not at all, is an error where it does what no call does", () => {
  const errorsOf = async (body: string, before = "") =>
    (await smallTree(before + leaf(body))).catalog.diagnostics
      .filter(({ code }) => ["SL1020", "SL1023", "SL1043"].includes(code))
      .map(({ code, message }) => `${code} ${message}`);

  it.each([
    ["if (x) return TDX_SUCCESS", "leaves the place where it is used"],
    ["do { if (x) { return_val = TDX_SUCCESS; goto EXIT; } } while (0)", "leaves the place where it is used"],
    ["if (x) break", "leaves the place where it is used"],
    ["do { x = 1; } while (0)", "stores something"],
    ["{ x <<= 1; }", "stores something"],
    ["{ x++; }", "stores something"],
  ])("a macro: %s", async (text, does) => {
    const body = "do { STEP(tdr_pa); } while (0);\n    goto EXIT;\nEXIT:";
    expect(await errorsOf(body, `#define STEP(x) ${text}\n`)).toEqual([
      `SL1043 the macro STEP ${does} and is not followed where it is used`,
    ]);
  });

  it("but no macro that does nothing of the kind, that nothing uses, or that is an expression", async () => {
    expect(
      await errorsOf("STEP(tdr_pa);", "#define STEP(x) do { if (x == 1 || x <= 2 || x != 3) break; } while (0)\n"),
    ).toEqual([]);
    expect(await errorsOf("", "#define STEP(x) return x\n")).toEqual([]);
    expect(await errorsOf("STEP(tdr_pa);", "#define STEP(x) x = 1\n")).toEqual([]);
  });

  const TAKE = "acquire_sharex_lock_ex(&tdcs_ptr->epoch_lock)";

  it("a goto into a block", async () => {
    const body =
      "if (tdr_pa == 1) { goto IN; }\n    if (tdr_pa == 2)\n    {\nIN:\n        return_val = TDX_SUCCESS;\n    }";
    expect(await errorsOf(body)).toEqual(["SL1023 goto IN goes into a block"]);
  });

  it.each([
    ["in place", "", `return_val = ({ lock_return_t r = ${TAKE}; r; });`],
    [
      "of a macro",
      `#define TRY(l) ({ lock_return_t r = acquire_sharex_lock_ex(l); r; })\n`,
      "return_val = TRY(&tdcs_ptr->epoch_lock);",
    ],
    ["in a loop", "", `while (tdr_pa--) { return_val = ({ if (tdr_pa) { ${TAKE}; } 1; }); }`],
  ])("a lock that is taken by statements in an expression, %s", async (_, before, body) => {
    expect(await errorsOf(body, before)).toContain("SL1020 statements in an expression are not followed");
  });

  it("but no statements there that take none", async () => {
    expect(await errorsOf("return_val = ({ uint64_t r = tdr_pa; r; });")).toEqual([]);
    expect(await errorsOf(`return_val = ({ ${TAKE}; 0; });`)).toEqual([]);
  });
});
