import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { changes, copyOfFixture, type Edit, extract, FIXTURE } from "./mutate.ts";

const TRACK = "src/vmm_dispatcher/api_calls/tdh_mem_track.c";
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
  const deep = 50_000;
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
    const text = ["#define M0(x) (x + x)", ...levels, ""].join("\n");
    expect(await changesWith(nothing, [header(text), inTrack("    if (M39(tdr_pa)) stop();")])).toEqual([
      "+ SL1021 error tdh_mem_track.c:39",
    ]);
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

  it("a line of half a megabyte changes nothing", { timeout: BOUND }, async () => {
    expect(await changesWith(nothing, [inTrack(`    ${"x = y; ".repeat(20_000)}${STATEMENT.trim()}`)])).toEqual([]);
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

  it("what is no file is not opened: a directory and a FIFO named like C files", async () => {
    const found = await changesWith((folder) => {
      mkdirSync(join(folder, "src/folder.c"));
      expect(spawnSync("mkfifo", [join(folder, "src/pipe.c")]).status).toBe(0);
    });
    expect(found).toEqual([]);
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
