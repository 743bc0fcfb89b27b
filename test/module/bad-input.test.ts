import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { changes, copyOfFixture, type Edit, extract, FIXTURE } from "./mutate.ts";

const TRACK = "src/vmm_dispatcher/api_calls/tdh_mem_track.c";
const DISPATCHER = "src/vmm_dispatcher/tdx_vmm_dispatcher.c";
const STATEMENT = "    tdcs_ptr->epoch_tracking.td_epoch++;";

/** Far above what any of these needs on a slow machine, far below what a run without bounds would take. */
const BOUND = 20_000;

async function changesWith(prepare: (folder: string) => void, edits: readonly Edit[] = []): Promise<string[]> {
  const folder = copyOfFixture(edits);
  prepare(folder);
  return changes(await extract(FIXTURE), await extract(folder));
}

const inTrack = (text: string): Edit => ({ file: TRACK, find: STATEMENT, put: text });
const header = (text: string): Edit => ({ file: "include/strange.h", find: null, put: text });
const nothing = () => {};

/** All that is lost when one leaf cannot be read, and no other. */
const trackLost = (...diagnostics: string[]) => [
  ...["PAMT_1G sharex_hp SHARED", "PAMT_2M sharex_hp SHARED", "TDR sharex_hp SHARED", "TDCS sharex_hp SHARED"].map(
    (row) => `- tdh_mem_track: ${row}`,
  ),
  "- tdh_mem_track: TDCS_EPOCH sharex EXCLUSIVE",
  "~ coverage.visited: 13 → 12",
  ...diagnostics,
];

const rowsOnly = (found: readonly string[]) =>
  found.filter(
    (line) => !line.includes(".otherBusy.") && !line.includes(".handler.") && !line.includes("coverage.explained"),
  );

describe("a function that nests without bound costs its own leaf, not the run", () => {
  const deep = 5_000;
  it.each([
    ["parentheses", `    x = ${"(".repeat(deep)}1${")".repeat(deep)};`],
    ["braces", `    ${"{".repeat(deep)}${"}".repeat(deep)}`],
    ["ifs", `    ${"if (a) ".repeat(deep / 10)}b();`],
    ["else ifs", `    ${"if (a) b(); else ".repeat(deep / 10)}b();`],
    ["a sum", `    x = 1${" + 1".repeat(deep)};`],
    ["operators", `    x = ${"!".repeat(deep)}a;`],
  ])("%s", { timeout: BOUND }, async (_name, text) => {
    expect(rowsOnly(await changesWith(nothing, [inTrack(text)]))).toEqual(
      trackLost(
        "+ SL1020 error tdh_mem_track.c:1",
        "+ SL1030 error tdh_mem_track.c:1",
        "+ SL1040 error tdh_mem_track.c:27",
      ),
    );
  });
});

describe("what is far larger than in a module is an error at its place", () => {
  it.each([
    ["parentheses", `    x = ${"(".repeat(250_000)}1${")".repeat(250_000)};`],
    ["statements", `    ${"x = y; ".repeat(5_000)}`],
    ["cases", `    switch (x) { ${"case 1: b(); break; ".repeat(5_000)} }`],
  ])("a function of many %s is not read", async (_name, text) => {
    expect(rowsOnly(await changesWith(nothing, [inTrack(text)]))).toEqual(
      trackLost(
        "+ SL1020 error tdh_mem_track.c:1",
        "+ SL1026 error tdh_mem_track.c:1",
        "+ SL1030 error tdh_mem_track.c:1",
        "+ SL1040 error tdh_mem_track.c:27",
      ),
    );
  });

  it("but blanks, comments and long words make no function large", async () => {
    const text = `    ${" ".repeat(200_000)}/*${"*".repeat(200_000)}*/ ${"a".repeat(100_000)}(); ${STATEMENT.trim()}`;
    expect(await changesWith(nothing, [inTrack(text)])).toEqual([]);
  });

  it("1,500,000 parentheses are a file that is not read", async () => {
    const found = await changesWith(nothing, [inTrack(`    x = ${"(".repeat(750_000)}1${")".repeat(750_000)};`)]);
    expect(found).toContain("+ SL1010 error tdh_mem_track.c");
    expect(found).toContain("+ SL1050 error tdx_vmm_dispatcher.c:40");
  });

  it("more source than a module has: what follows is left out, the first such file is named", async () => {
    const big = (folder: string) => {
      for (let i = 0; i < 10; i++) writeFileSync(join(folder, `src/z${i}.c`), " ".repeat(1 << 20));
    };
    expect(await changesWith(big)).toEqual(["+ SL1010 error z7.c"]);
  });

  it.each([
    ["macros", (i: number) => `#define A${i} 1`],
    ["enumerators", (i: number) => `enum { A${i} };`],
    ["types", (i: number) => `typedef int a${i};`],
    ["functions", (i: number) => `int a${i}(){}`],
  ])("more %s than a module has are no module", { timeout: BOUND }, async (_name, line) => {
    const folder = copyOfFixture([header(Array.from({ length: 50_000 }, (_, i) => line(i)).join("\n"))]);
    expect(await extract(folder).catch((error: unknown) => error)).toMatchObject({
      code: "SL1005",
      place: { file: "include/strange.h" },
    });
  });

  it("more leaves than a module has are left out", { timeout: BOUND }, async () => {
    const cases = Array.from({ length: 400 }, (_, i) => `case TDH_X${i}_LEAF: x(); break;`).join(" ");
    const numbers = Array.from({ length: 400 }, (_, i) => `#define TDH_X${i}_LEAF ${i + 500}`).join("\n");
    const found = await changesWith(nothing, [
      header(numbers),
      { file: DISPATCHER, find: "    case TDH_MEM_RD_LEAF:\n", put: `    ${cases} case TDH_MEM_RD_LEAF:\n` },
    ]);
    expect(found).toContain("+ SL1050 error tdx_vmm_dispatcher.c:43");
    expect(found.filter((line) => line.startsWith("+ tdh_x"))).toHaveLength(393);
    expect(found.filter((line) => line.startsWith("- tdh_mem_rd"))).toHaveLength(1);
  });

  it("the diagnostics of one code are counted, not listed, beyond a number", async () => {
    const { diagnostics } = await extract(copyOfFixture([header("#endif\n".repeat(100_000))]));
    expect(diagnostics).toHaveLength(501);
    expect(diagnostics.at(-1)).toMatchObject({ code: "SL1012", file: null, message: expect.stringMatching(/^99500 /) });
  });
});

describe("text that takes a careless reader for ever", () => {
  const n = 200_000;
  it.each([
    ["parentheses without a body", "a(".repeat(n)],
    ["words without a body", "a ".repeat(n)],
    ["enums without a body", "enum ".repeat(n)],
    ["types without an end", `typedef ${"a".repeat(290)} `.repeat(n / 300)],
    ["assertions without an end", "_Static_assert(".repeat(n / 10)],
    ["a macro of blanks", `#define A ${" ".repeat(n)}\\\n`],
    ["a directive of blanks", `# ${" ".repeat(n)}\u2028`],
    ["an enumerator of a long value", `enum { A0 = ${"1+".repeat(n)}1,${"A,".repeat(n / 10)} };`],
  ])("%s", { timeout: BOUND }, async (_name, text) => {
    expect(await changesWith(nothing, [header(text)])).toEqual([]);
  });

  it("conditions that grow", { timeout: BOUND }, async () => {
    const text = `#define X X${" X".repeat(9_000)}\n${"#if X\n#endif\n".repeat(20_000)}`;
    const found = await changesWith(nothing, [header(text)]);
    expect(new Set(found.map((line) => line.slice(0, 16)))).toEqual(new Set(["+ SL1011 warning"]));
  });
});

describe("macros and enumerators that use themselves", () => {
  it("are left as they stand, and change nothing", { timeout: BOUND }, async () => {
    const text = [
      "#define A B",
      "#define B A",
      "#define F(x) F(x)",
      "#define G(x) H(x)",
      "#define H(x) G(x)",
      "#define S S + 1",
      "typedef enum { AA = BB, BB = AA, CC = CC + 1 } loop_e;",
      "",
    ].join("\n");
    const use = "    if (A) x(); if (F(1)) y(); z = G(2); if (H(3) == S) q(); w = S; if (AA == CC) v();";
    expect(await changesWith(nothing, [header(text), inTrack(`${use} ${STATEMENT.trim()}`)])).toEqual([]);
  });

  it("that double with every level are an error at their use", { timeout: BOUND }, async () => {
    const levels = Array.from({ length: 39 }, (_, i) => `#define M${i + 1}(x) (M${i}(x) + M${i}(x))`);
    const using = (first: string) => [
      header([first, ...levels, ""].join("\n")),
      inTrack("    if (M39(tdr_pa)) stop();"),
    ];
    expect(await changesWith(nothing, using("#define M0(x) ((x) + (x))"))).toEqual([
      "+ SL1021 error tdh_mem_track.c:39",
    ]);
    // What it means depends on how arguments are written: it is expanded as text.
    expect(rowsOnly(await changesWith(nothing, using("#define M0(x) (x + x)")))).toEqual(
      trackLost(
        "+ SL1020 error tdh_mem_track.c:1",
        "+ SL1030 error tdh_mem_track.c:1",
        "+ SL1040 error tdh_mem_track.c:27",
      ),
    );
  });

  it("in a condition of the preprocessor are a warning at its line", { timeout: BOUND }, async () => {
    const text = `#define X X${" X".repeat(3000)}\n#if X\n#endif\n#if ${"(".repeat(100_000)}1${")".repeat(100_000)}\n#endif\n`;
    expect(await changesWith(nothing, [header(text)])).toEqual([
      "+ SL1011 warning strange.h:2",
      "+ SL1011 warning strange.h:4",
    ]);
  });

  it("and headers that include themselves are read once", async () => {
    const text = '#include "strange.h"\n#include "other.h"\n';
    expect(
      await changesWith(nothing, [
        header(text),
        { file: "include/other.h", find: null, put: '#include "strange.h"\n' },
      ]),
    ).toEqual([]);
  });
});

describe("text that ends in the middle", () => {
  it("of a comment loses the leaf, and says so", async () => {
    const found = await changesWith(nothing, [inTrack("    /* never ends")]);
    expect(found).toContain("+ SL1050 error tdx_vmm_dispatcher.c:40");
    expect(found.filter((line) => /^[-+~] td/.test(line) && !line.includes("tdh_mem_track"))).toEqual([]);
  });

  it("of an inactive branch loses the leaf, and says so", async () => {
    const found = await changesWith(nothing, [{ file: TRACK, find: `    }\n${STATEMENT}`, put: "    }\n#if 0" }]);
    expect(found).toContain("+ SL1050 error tdx_vmm_dispatcher.c:40");
  });

  it("of a branch is an error where the rest is left out, else a warning", async () => {
    expect(await changesWith(nothing, [header("#if 1\nint x;\n")])).toEqual(["+ SL1012 warning strange.h:1"]);
    expect(await changesWith(nothing, [header("#if 0\nint x;\n")])).toEqual(["+ SL1012 error strange.h:1"]);
    expect(await changesWith(nothing, [header("#if 1\n#else\n#if 0\n#endif\n#endif\n#endif\n")])).toEqual([
      "+ SL1012 warning strange.h:6",
    ]);
  });

  it("of a string is an error at its line", async () => {
    const found = await changesWith(nothing, [inTrack('    x = "abc;')]);
    expect(found).toContain("+ SL1020 error tdh_mem_track.c:39");
    expect(found.filter((line) => !/^~ tdh_mem_track|SL1020|SL1034 note/.test(line))).toEqual([]);
  });
});

describe("the form of the text", () => {
  it("CRLF line ends change nothing", async () => {
    const crlf = (folder: string) => {
      for (const file of [TRACK, "src/common/helpers.c", "src/common/locks.h", "include/api_defs.h", "include/types.h"])
        writeFileSync(join(folder, file), readFileSync(join(folder, file), "utf8").replaceAll("\n", "\r\n"));
    };
    expect(await changesWith(crlf)).toEqual([]);
  });

  it("bytes that are no UTF-8 change nothing", async () => {
    const broken = (folder: string) => {
      const bytes = readFileSync(join(folder, TRACK));
      bytes.fill(0xff, bytes.indexOf("no TDR"), bytes.indexOf("no TDR") + 3);
      writeFileSync(join(folder, TRACK), bytes);
    };
    expect(await changesWith(broken)).toEqual([]);
  });

  it("a byte order mark changes nothing", async () => {
    const marked = (folder: string) =>
      writeFileSync(join(folder, TRACK), `\ufeff${readFileSync(join(folder, TRACK), "utf8")}`);
    expect(await changesWith(marked)).toEqual([]);
  });

  it("carriage returns alone as line ends change nothing", async () => {
    const cr = (folder: string) => {
      for (const file of [TRACK, "src/common/helpers.c", "src/common/locks.h", "include/api_defs.h", "include/types.h"])
        writeFileSync(join(folder, file), readFileSync(join(folder, file), "utf8").replaceAll("\n", "\r"));
    };
    expect(await changesWith(cr)).toEqual([]);
  });

  it("a line of half a megabyte changes nothing", { timeout: BOUND }, async () => {
    const text = `    ${`x = y;${" ".repeat(250)}`.repeat(2_000)}${STATEMENT.trim()}`;
    expect(await changesWith(nothing, [inTrack(text)])).toEqual([]);
  });
});

describe("files that are not read are errors, and cost only what they hold", () => {
  it("a file of 50 MB", async () => {
    const found = await changesWith((folder) => writeFileSync(join(folder, "src/huge.c"), Buffer.alloc(50 << 20, "x")));
    expect(found).toEqual(["+ SL1010 error huge.c"]);
  });

  it("a binary file", async () => {
    const found = await changesWith((folder) =>
      writeFileSync(join(folder, "src/x.c"), Buffer.from([0x7f, 0x45, 0, 1])),
    );
    expect(found).toEqual(["+ SL1010 error x.c"]);
  });

  it("links, to a file, to nothing or to themselves, are not followed", async () => {
    const found = await changesWith((folder) => {
      symlinkSync("/etc/hostname", join(folder, "src/host.c"));
      symlinkSync("nothing.c", join(folder, "src/dangling.c"));
      symlinkSync("loop.c", join(folder, "src/loop.c"));
      symlinkSync("..", join(folder, "src/up"));
    });
    expect(found).toEqual(["+ SL1010 error dangling.c", "+ SL1010 error host.c", "+ SL1010 error loop.c"]);
  });

  it("what is no file is not opened: a directory named like a C file is one, a FIFO is told", async () => {
    const found = await changesWith((folder) => {
      mkdirSync(join(folder, "src/folder.c"));
      expect(spawnSync("mkfifo", [join(folder, "src/pipe.c")]).status).toBe(0);
    });
    expect(found).toEqual(["+ SL1010 error pipe.c"]);
  });
});

describe("a directory that is no module's source tree", () => {
  const failure = (tree: string) =>
    extract(tree).then(
      () => null,
      (error: unknown) => error,
    );

  it("does not exist", async () => {
    expect(await failure("/nowhere/at/all")).toMatchObject({ code: "SL1001", place: { file: "/nowhere/at/all" } });
  });

  it("is a loop of links", async () => {
    const folder = copyOfFixture();
    symlinkSync("loop", join(folder, "loop"));
    expect(await failure(join(folder, "loop"))).toMatchObject({
      code: "SL1001",
      message: expect.stringContaining("loop"),
    });
  });

  it("is a file", async () => {
    expect(await failure(join(FIXTURE, TRACK))).toMatchObject({ code: "SL1002" });
  });

  it("is empty, or has no C file", async () => {
    const folder = copyOfFixture();
    rmSync(join(folder, "src"), { recursive: true });
    rmSync(join(folder, "include"), { recursive: true });
    expect(await failure(folder)).toMatchObject({ code: "SL1003" });
  });

  it("has only C files that cannot be read: the hint names the first", async () => {
    const folder = copyOfFixture();
    rmSync(join(folder, "src"), { recursive: true });
    rmSync(join(folder, "include"), { recursive: true });
    writeFileSync(join(folder, "binary.c"), Buffer.from([0]));
    expect(await failure(folder)).toMatchObject({ code: "SL1003", hint: expect.stringContaining("binary.c") });
  });

  it("has C files of something else", async () => {
    const folder = copyOfFixture();
    rmSync(join(folder, "src/vmm_dispatcher/tdx_vmm_dispatcher.c"));
    rmSync(join(folder, "src/td_dispatcher/tdx_td_dispatcher.c"));
    expect(await failure(folder)).toMatchObject({ code: "SL1004", hint: expect.stringMatching(/root/) });
  });
});
