/**
 * What extraction takes of directories that are made to be too much for it: `npm run bench:hostile -- [WORDS OF A NAME…]`.
 *
 * Each is the small module of the tests with something strange in it, as large as the limits of `src/c/limits.ts` let
 * through, or far larger. Memory is the peak that the kernel saw for the process, both threads of it; seconds are processor
 * time of both, so that a busy machine does not change the verdict.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LIMITS } from "../src/c/limits.ts";

/** What the small module itself takes of a file, and of the tree. */
const ROOM = 64 * 1024;
const FILE = LIMITS.fileBytes - ROOM;
const TREE = LIMITS.treeBytes - 2 * ROOM;
/** Tokens that a handler has room for. */
const TOKENS = LIMITS.functionTokens - 1000;

const TARGET_MEGABYTES = 400;
const TARGET_SECONDS = 20;

const cli = join(import.meta.dirname, "../dist/cli.js");
const fixture = join(import.meta.dirname, "../test/module/fixture");
/** Reports the peak of the process itself, in kilobytes, and its processor time in seconds, as its last line on standard error. */
const REPORT_PEAK = `data:text/javascript,process.on("exit",()=>{const u=process.resourceUsage();process.stderr.write("\\nPEAK "+u.maxRSS+" "+(u.userCPUTime+u.systemCPUTime)/1e6)})`;

type Make = (folder: string) => void;

const TRACK = "src/vmm_dispatcher/api_calls/tdh_mem_track.c";
const STATEMENT = "    tdcs_ptr->epoch_tracking.td_epoch++;";

interface Room {
  readonly bytes: number;
  readonly tokens: number;
}

const tokensOf = (text: string): number => (text.match(/\w+|[^\w\s]/g) ?? []).length;
const often = ({ bytes, tokens }: Room, unit: string): number =>
  Math.floor(Math.min(bytes / unit.length, tokens / (tokensOf(unit) || 1 / bytes)));

/** As often as there is room for, with a number in the place of `@`. */
function repeated(unit: string, room: Room | number): string {
  const { bytes, tokens } = typeof room === "number" ? { bytes: room, tokens: Number.POSITIVE_INFINITY } : room;
  const most = often({ bytes, tokens }, unit.replaceAll("@", "0"));
  if (!unit.includes("@")) return unit.repeat(most);
  const parts: string[] = [];
  for (let size = 0, i = 0; size < bytes && i < most; i++) {
    const part = unit.replaceAll("@", String(i));
    parts.push(part);
    size += part.length;
  }
  return parts.join("");
}

/** Code in a leaf's handler. */
const inHandler =
  (code: string): Make =>
  (folder) => {
    const file = join(folder, TRACK);
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace(STATEMENT, () => `${STATEMENT}\n${code}`),
    );
  };

/** A file of its own. */
const file =
  (name: string, text: string | Buffer): Make =>
  (folder) =>
    writeFileSync(join(folder, name), text);

/** As many files of a text as the tree may hold. */
const files =
  (extension: string, make: (i: number) => string, bytes = TREE): Make =>
  (folder) => {
    for (let size = 0, i = 0; ; i++) {
      const text = make(i);
      if (size + Buffer.byteLength(text) > bytes) return;
      writeFileSync(join(folder, `src/many${i}.${extension}`), text);
      size += Buffer.byteLength(text);
    }
  };

const both = (open: string, close: string, room: Room, middle = "1"): string => {
  const n = often(room, `${open} ${close}`);
  return open.repeat(n) + middle + close.repeat(n);
};

const inHandlers = (room: Room): Readonly<Record<string, Make>> => ({
  parentheses: inHandler(`x = ${both("(", ")", room)};`),
  "parentheses, none closed": inHandler(`x = ${repeated("(", room)}`),
  "parentheses, empty": inHandler(`x = ${repeated("()", room)};`),
  "parentheses, statements": inHandler(repeated("((1));\n", room)),
  braces: inHandler(both("{", "}", room, "")),
  "braces, none closed": inHandler(repeated("{", room)),
  "braces, empty": inHandler(repeated("{}", room)),
  brackets: inHandler(`x = a${repeated("[1]", room)};`),
  "brackets, nested": inHandler(`x = ${both("a[", "]", room)};`),
  ternaries: inHandler(`x = ${repeated("a?b:", room)}c;`),
  "ternaries, nested": inHandler(`x = ${both("a?", ":b", room)};`),
  "unary operators": inHandler(`x = ${repeated("!", room)}a;`),
  "binary operators": inHandler(`x = a${repeated("+a", room)};`),
  "else ifs": inHandler(`${repeated("if (a) b(); else ", room)} b();`),
  ifs: inHandler(repeated("if (a@) b();\n", room)),
  "ifs that return": inHandler(repeated("if (a@) { return_val = b@; goto EXIT; }\n", room)),
  "ifs that lock": inHandler(repeated("if (acquire_sharex_lock_ex(&a@->lock) != LOCK_RET_SUCCESS) goto EXIT;\n", room)),
  locks: inHandler(repeated("acquire_sharex_lock_ex(&a@->lock);\n", room)),
  assignments: inHandler(repeated("x@=y;\n", room)),
  "assignments, grown": inHandler(repeated("x=x+x;", room)),
  "assignments, chained": inHandler(`${repeated("x=", room)}1;`),
  cases: inHandler(`switch (x) { ${repeated("case @:", room)} break; }`),
  "cases with a break": inHandler(`switch (x) { ${repeated("case @:b();break;", room)} }`),
  "dispatched cases": (folder) => {
    const at = join(folder, "src/vmm_dispatcher/tdx_vmm_dispatcher.c");
    const cases = repeated(
      "    case TDH_X@_LEAF:\n local->vmm_regs.rax = tdh_mem_track(local->vmm_regs.rcx);\n break;\n",
      room,
    );
    writeFileSync(
      at,
      readFileSync(at, "utf8").replace(/ {4}default:(?![\s\S]*default:)/, () => `${cases}    default:`),
    );
  },
  "dispatched cases with numbers": (folder) => {
    const at = join(folder, "src/vmm_dispatcher/tdx_vmm_dispatcher.c");
    const cases = repeated(
      "    case TDH_X@_LEAF:\n local->vmm_regs.rax = tdh_mem_track(local->vmm_regs.rcx);\n break;\n",
      room,
    );
    writeFileSync(
      at,
      readFileSync(at, "utf8").replace(/ {4}default:(?![\s\S]*default:)/, () => `${cases}    default:`),
    );
    const names = [...cases.matchAll(/case (\w+):/g)].map((m, i) => `#define ${m[1]} ${i + 1000}\n`);
    writeFileSync(join(folder, "include/numbers.h"), names.join(""));
  },
  arguments: inHandler(`b(${repeated("a,", room)}a);`),
  calls: inHandler(repeated("b@();\n", room)),
  "calls of pointers": inHandler(repeated("(*p)(1);\n", room)),
  "calls, chained": inHandler(`b${repeated("()", room)};`),
  "members, chained": inHandler(`x = b${repeated(".a", room)};`),
  casts: inHandler(`x = ${repeated("(int)", room)}1;`),
  labels: inHandler(`${repeated("l@:", room)};`),
  gotos: inHandler(repeated("goto l@;", room)),
  "gotos back": inHandler(repeated("l@: if (x) goto l@;", room)),
  loops: inHandler(repeated("while(x)x--;", room)),
  "loops, nested": inHandler(`${repeated("while(x)", room)};`),
  returns: inHandler(repeated("return x;", room)),
  declarations: inHandler(repeated("int x@;", room)),
  initializer: inHandler(`int x[] = { ${repeated("1,", room)} };`),
  "syntax errors": inHandler(repeated("?;\n", room)),
  "quotes, none closed": inHandler(repeated("'\n", room)),
  "a string": inHandler(`x = "${"a".repeat(room.bytes)}";`),
  "a string, none closed": inHandler(`x = "${"a".repeat(room.bytes)}`),
  strings: inHandler(`x = ${repeated('"a" ', room)};`),
  "a word": inHandler(`x = ${"a".repeat(room.bytes)};`),
  "a number": inHandler(`x = 1${"0".repeat(room.bytes)};`),
  words: inHandler(repeated("a@ ", room)),
  spaces: inHandler(" ".repeat(room.bytes)),
  lines: inHandler("\n".repeat(room.bytes)),
  "lines, CR only": inHandler(repeated("x = y;\r", room)),
  backslashes: inHandler(repeated("\\\n", room)),
  comments: inHandler(repeated("/**/", room)),
  "comments, none closed": inHandler(repeated("/*", room)),
});
const inFiles = (bytes: number): Readonly<Record<string, Make>> => ({
  functions: file("src/x.c", repeated("int f@(){}\n", bytes)),
  "functions, called in a chain": file(
    "src/x.c",
    Array.from({ length: bytes / 24 }, (_, i) => `int f${i}(){f${i + 1}();}\n`).join(""),
  ),
  "functions of one name": file("src/x.c", repeated("int f(){f();}\n", bytes)),
  "functions that lock": file("src/x.c", repeated("int f@(){acquire_sharex_lock_ex(x);}\n", bytes)),
  "functions that dispatch": file(
    "src/x.c",
    repeated("void tdx_vmm_dispatcher(){switch(x){case TDH_VP_INIT_LEAF:tdh_vp_init();}}\n", bytes),
  ),
  "addresses of what locks": file("src/x.c", repeated("void *p@ = acquire_sharex_lock_ex;\n", bytes)),
  macros: file("include/x.h", repeated("#define A@ 1\n", bytes)),
  "macros, one after the other": file(
    "include/x.h",
    Array.from({ length: bytes / 24 }, (_, i) => `#define A${i} A${i + 1}\n`).join(""),
  ),
  "macros that lock": file("include/x.h", repeated("#define A@ acquire_sharex_lock_ex\n", bytes)),
  operands: file("include/x.h", `enum { ${repeated("OPERAND_ID_A@,\n", bytes)} };`),
  statuses: file("include/x.h", repeated("#define TDX_A@ 0x8000000000000000\n", bytes)),
  "status macros that double": file(
    "include/x.h",
    `${repeated("#define TDX_B@ (TDX_E+TDX_D)\n", bytes / 2)}${["A", "B", "C", "D", "E"].map((n) => `#define TDX_${n} TDX_${n}+TDX_${n}\n`).join("")}`,
  ),
  "macros that double": (folder) => {
    const levels = Array.from({ length: 39 }, (_, i) => `#define M${i + 1}(x) (M${i}(x) + M${i}(x))\n`).join("");
    file("include/x.h", `#define M0(x) (x + x)\n${levels}`)(folder);
    inHandler(repeated("if (M39(tdr_pa)) stop();\n", { bytes, tokens: TOKENS }))(folder);
  },
  "constants that double": file(
    "include/x.h",
    `#define OPERAND_ID_X0 1\n${Array.from({ length: bytes / 80 }, (_, i) => `#define OPERAND_ID_X${i + 1} (OPERAND_ID_X${i} + OPERAND_ID_X${i})\n`).join("")}`,
  ),
  "a long macro": file("include/x.h", `#define A ${repeated("1 + ", bytes)}1\n`),
  "a macro of many lines": file("include/x.h", `#define A ${repeated("1 + \\\n", bytes)}1\n`),
  "macro parameters": file("include/x.h", `#define A(${repeated("a@,", bytes)}a) 1\n`),
  enumerators: file("include/x.h", `enum { ${repeated("A@,", bytes)} };`),
  enums: file("include/x.h", repeated("enum { A@ };\n", bytes)),
  "enums, none closed": file("include/x.h", repeated("enum { ", bytes)),
  typedefs: file("include/x.h", repeated("typedef int t@;\n", bytes)),
  "typedefs, none closed": file("include/x.h", repeated("typedef ", bytes)),
  conditions: file("include/x.h", repeated("#if X@\n#endif\n", bytes)),
  "conditions, unknown": file("include/x.h", repeated("#if f(1)\n#endif\n", bytes)),
  "conditions, nested": file("include/x.h", repeated("#if 1\n", bytes)),
  "conditions, none begun": file("include/x.h", repeated("#endif\n", bytes)),
  "conditions that grow": file("include/x.h", `#define X X${" X".repeat(9000)}\n${repeated("#if X\n#endif\n", bytes)}`),
  "a long condition": file("include/x.h", `#if ${repeated("1 + ", bytes)}1\n#endif\n`),
  "a condition of parentheses": file("include/x.h", `#if ${both("(", ")", { bytes, tokens: bytes })}\n#endif\n`),
  "definitions taken back": file("include/x.h", repeated("#define A\n#undef A\n", bytes)),
  tables: file("src/x.c", `const bool_t a[9] = { ${repeated("[@]={1},", bytes)} };`),
  "SEPT flags": file("src/x.c", `const x_t sept_state_flags_lookup[9] = { ${repeated("[@]={.index=@},", bytes)} };`),
  "words before a body": file("src/x.c", `${repeated("a ", bytes)} {}`),
  "parentheses before a body": file("src/x.c", `${repeated("a(", bytes)} {}`),
  "parentheses before no body": file("src/x.c", `${repeated("a(b) ", bytes)}{}`),
  "heads, many": file("src/x.c", repeated("a(b)c{}", bytes)),
  "blank calls": file("src/x.c", repeated("_Static_assert(", bytes)),
  "static asserts, none closed": file("src/x.c", repeated("tdx_static_assert(", bytes)),
  parameters: file("src/x.c", `int f(${repeated("int a@,", bytes)}int b){}`),
  "a blank line": file("src/x.c", `int f(){}${" ".repeat(bytes)}\n`),
  hashes: file("src/x.c", "#".repeat(bytes)),
  "spaces before hashes": file("src/x.c", repeated(`${" ".repeat(1000)}x\n`, bytes)),
});

/** A function of that many tests, each of which calls on, with other arguments and after another lock was taken. */
const deep = (name: string, next: string, tests: number): string => {
  const test = (i: number) =>
    `if (p->x${i} == a + ${i}) { p->y${i} = ${next}(a * b + ${i}, p->x${i}, p); if (acquire_sharex_lock_ex(&p->l${i})) return ${i}; p->x${i} = a; }\n`;
  return `int ${name}(uint64_t a, uint64_t b, struct x *p) {\n${Array.from({ length: tests }, (_, i) => test(i)).join("")}return a + b; }\n`;
};
const calling =
  (functions: string): Make =>
  (folder) => {
    file("src/x.c", functions)(folder);
    inHandler("return_val = f(tdr_pa.raw, tdr_pa.raw + 1, tdcs_ptr);")(folder);
  };
/** A walk that takes a lock after the other, and calls itself under one condition after the other. */
const lockingRecursion: Make = (folder) => {
  const helpers = join(folder, "src/common/helpers.c");
  const last = "    release_sharex_lock_hp_sh(&entry_1gb->entry_lock);\n";
  const each = (line: (i: number) => string): string => Array.from({ length: 8 }, (_, i) => line(i)).join("");
  const giveUp = "    if (status != TDX_SUCCESS) { return; }\n";
  const more = [
    "    api_error_type status;\n",
    each((i) => `    status = acquire_sharex_lock_hp(&get_tdcs(pa)->management.l${i}_lock, mode, false);\n${giveUp}`),
    `    status = pamt_walk(pa, block, mode, false, &entry);\n${giveUp}`,
    each((i) => `    if (entry->pt != mode + ${i}) { pamt_unwalk(pa, block, entry, mode); }\n`),
  ].join("");
  writeFileSync(
    helpers,
    readFileSync(helpers, "utf8").replace(`${last}}`, () => `${last}${more}}`),
  );
};
const recursion: Readonly<Record<string, Make>> = {
  "a walk that locks and calls itself": lockingRecursion,
  "a function that calls itself": calling(deep("f", "f", 20)),
  "functions that call each other": calling(deep("f", "g", 12) + deep("g", "h", 12) + deep("h", "f", 12)),
};

const large: Readonly<Record<string, Make>> = {
  "enums without a body": file("src/x.c", repeated("enum ", FILE)),
  "a macro of spaces": file("include/x.h", `#define A ${" ".repeat(FILE)}\\\n`),
  "typedefs of long words": file("src/x.c", repeated(`typedef ${"a".repeat(292)} `, FILE)),
  "an enumerator of long value": file(
    "src/x.c",
    `enum { OPERAND_ID_A = ${repeated("1+", FILE / 2)}1, ${repeated("OPERAND_ID_A@,", FILE / 2)} };`,
  ),
  "ten files of 4 MB": (folder) => {
    for (let i = 0; i < 10; i++)
      file(`src/x${i}.c`, repeated(`int f${i}_@(int a) { return g(a); }\n`, 4 << 20))(folder);
  },
  "many full files": files("c", (i) => repeated(`int f${i}_@(int a) { return g(a); }\n`, FILE)),
  "many full headers": files("h", (i) => repeated(`#define A${i}_@ 1\n`, FILE)),
  "many full headers of typedefs": files("h", (i) => repeated(`typedef struct { int a; } t${i}_@;\n`, FILE)),
  "many full headers of enumerators": files("h", (i) => `enum { ${repeated(`A${i}_@,\n`, FILE)} };`),
  "many full files of parentheses": files(
    "c",
    (i) => `int f${i}(){x = ${both("(", ")", { bytes: FILE, tokens: FILE })};}`,
  ),
  "many full files of statements": files("c", () => repeated("int x = y;\n", FILE)),
  "many full files of words": files("c", (i) => repeated(`a${i}_@ `, FILE)),
  "many full files of 2-byte letters": files("c", () => repeated("int x = \u00e9y;\u4e00\n", FILE / 2)),
  "many full files of one called function each": (folder) => {
    inHandler(repeated("f@(acquire_sharex_lock_ex(x));\n", { bytes: FILE, tokens: 200 }))(folder);
    files(
      "c",
      (i) => `int f${i}(){acquire_sharex_lock_ex(x);${repeated("x = (y);\n", { bytes: FILE, tokens: TOKENS })}}`,
    )(folder);
  },
  "many called functions, all in one file each": (folder) => {
    inHandler(repeated("f@(acquire_sharex_lock_ex(x));\n", { bytes: FILE, tokens: TOKENS }))(folder);
    files("c", (i) =>
      Array.from(
        { length: 20 },
        (_, k) =>
          `int f${i * 20 + k}(){acquire_sharex_lock_ex(x);${repeated("if(a@) x = (y);\n", { bytes: FILE / 21, tokens: TOKENS })}}`,
      ).join("\n"),
    )(folder);
  },
  "a file of 50 MB": file("src/x.c", Buffer.alloc(50 << 20, "x")),
  "a binary file of 4 MB": file("src/x.c", Buffer.alloc(4 << 20)),
  "NUL bytes": file("src/x.c", "int x;\0int y;\n"),
  "bytes that are no UTF-8": file("src/x.c", Buffer.alloc(FILE, 0xff)),
  "100,000 files of a byte": (folder) => {
    for (let i = 0; i < 100_000; i++) writeFileSync(join(folder, `src/x${i}.c`), "\n");
  },
  "100,000 files of other kinds": (folder) => {
    for (let i = 0; i < 100_000; i++) writeFileSync(join(folder, `src/x${i}.txt`), "\n");
  },
  "100,000 links": (folder) => {
    spawnSync("bash", [
      "-c",
      `cd ${folder}/src; for i in $(seq 49000); do echo l$i.c; done | xargs -n 1000 bash -c 'for x; do echo "symlink(\\"a\\",\\"$x\\");"; done' _ | perl`,
    ]);
  },
  "folders in folders": (folder) => mkdirSync(join(folder, "src", "d/".repeat(1500)), { recursive: true }),
  "many folders": (folder) => {
    for (let i = 0; i < 40_000; i++) mkdirSync(join(folder, `src/d${i}`));
  },
  "a make file of 4 MB": (folder) =>
    writeFileSync(join(folder, "proj_defs.mk"), repeated("-DTDX_MODULE_MAJOR_VER=@\n", 4e6)),
};

const cases: Readonly<Record<string, Make>> = {
  nothing: () => {},
  "1,500,000 parentheses": inHandler(`${"(".repeat(750_000)}1${")".repeat(750_000)};`),
  "500,000 parentheses": inHandler(`${"(".repeat(250_000)}1${")".repeat(250_000)};`),
  ...inHandlers({ bytes: FILE, tokens: TOKENS }),
  ...inFiles(FILE),
  ...recursion,
  ...large,
};

const home = mkdtempSync(join(tmpdir(), "seamlock-hostile-"));
const words = process.argv.slice(2);
let missed = 0;
try {
  for (const [name, make] of Object.entries(cases)) {
    if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
    const folder = join(home, "tree");
    cpSync(fixture, folder, { recursive: true });
    make(folder);
    const { status, signal, stderr } = spawnSync(
      process.execPath,
      ["--import", REPORT_PEAK, cli, "extract", folder, "-o", join(home, "out.json"), "--no-cache"],
      {
        stdio: ["ignore", "ignore", "pipe"],
        encoding: "utf8",
        timeout: 300_000,
        killSignal: "SIGKILL",
        maxBuffer: 1 << 28,
      },
    );
    const [, kilobytes, seconds] = (/PEAK (\d+) ([\d.]+)$/.exec(stderr) ?? []).map(Number) as [number, number, number];
    const megabytes = kilobytes / 1024;
    const codes = [...new Set(stderr.match(/SL\d{4}/g) ?? [])].join(" ");
    const isGood =
      (status === 0 || status === 2 || status === 3) &&
      megabytes <= TARGET_MEGABYTES &&
      seconds <= TARGET_SECONDS &&
      !codes.includes("SL0001");
    if (!isGood) missed++;
    console.log(
      `${name.padEnd(44)} status ${signal ?? status} ${megabytes.toFixed(0).padStart(4)} MB ${(seconds ?? Number.NaN).toFixed(1).padStart(5)} s  ${isGood ? "ok    " : "MISSED"} ${codes}`,
    );
    rmSync(folder, { recursive: true, force: true });
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
process.exitCode = missed === 0 ? 0 : 1;
