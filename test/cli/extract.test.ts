import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseCatalog } from "../../src/catalog/index.ts";
import { printDiagnostics } from "../../src/cli/diagnostics.ts";
import type { Io } from "../../src/cli/io.ts";
import { copyOfFixture, FIXTURE } from "../module/mutate.ts";
import { inProcess, seamlock, temporaryFolder } from "./run.ts";

const TRACK = "src/vmm_dispatcher/api_calls/tdh_mem_track.c";
const withoutRelease = () =>
  copyOfFixture([{ file: TRACK, find: "release_sharex_lock_ex(&tdcs_ptr->epoch_tracking.epoch_lock);", put: ";" }]);

describe("seamlock extract", () => {
  it("prints the catalog and nothing else with --json", async () => {
    const { status, out, err } = await inProcess(["extract", FIXTURE, "--no-cache", "--json"]);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(parseCatalog(out, "stdout").module.version).toBe("9.7.03");
  });

  it("names the root of the tree as a place, which has no name within it", () => {
    const printed: string[] = [];
    const io = { err: (text: string) => void printed.push(text) } as unknown as Io;
    const rest = { code: "SL1010", severity: "error", message: "not read", line: null } as const;
    printDiagnostics(
      {
        diagnostics: [
          { ...rest, file: "" },
          { ...rest, file: "a.c" },
        ],
      },
      io,
      false,
    );
    expect(printed).toEqual(["error[SL1010]: not read\n  --> .\n", "error[SL1010]: not read\n  --> a.c\n"]);
  });

  it("writes the same bytes to -o", async () => {
    const file = join(temporaryFolder(), "module.json");
    const { status } = await inProcess(["extract", FIXTURE, "--no-cache", "-o", file]);
    expect(status).toBe(0);
    const { out } = await inProcess(["extract", FIXTURE, "--no-cache", "--json"]);
    expect(readFileSync(file, "utf8")).toBe(out);
  });

  it("records what it is told about the tree", async () => {
    const { out } = await inProcess([
      ...["extract", FIXTURE, "--no-cache", "--json"],
      ...["--module-version", "9.8", "--repository", "a/b", "--revision", "abc"],
    ]);
    expect(JSON.parse(out).module).toMatchObject({ version: "9.8", repository: "a/b", revision: "abc" });
  });

  it("with a hole in the facts writes them, names the place, and exits with 3", async () => {
    const file = join(temporaryFolder(), "module.json");
    const { status, err } = await inProcess(["extract", withoutRelease(), "--no-cache", "-o", file]);
    expect(status).toBe(3);
    expect(err).toMatch(/^error\[SL1031\]: .*tdh_mem_track.*\n {2}--> src\/.*tdh_mem_track\.c:27\n/);
    expect(parseCatalog(readFileSync(file, "utf8"), file).diagnostics[0]?.code).toBe("SL1031");
  });

  it("keeps its cache where XDG_CACHE_HOME says, and gives the same from it", () => {
    const home = temporaryFolder();
    const run = () => seamlock(["extract", FIXTURE, "--json"], { env: { XDG_CACHE_HOME: home } });
    const first = run();
    expect(first.status).toBe(0);
    // The catalog, and that it was read field by field.
    const entries = readdirSync(join(home, "seamlock"));
    expect(entries.filter((name) => name.endsWith("-read.json"))).toHaveLength(1);
    expect(entries).toHaveLength(2);
    expect(run()).toEqual(first);
  });

  it("says the same about a hole when it comes from the cache", () => {
    const tree = withoutRelease();
    const run = (home: string) => seamlock(["extract", tree, "--json"], { env: { XDG_CACHE_HOME: home } });
    const home = temporaryFolder();
    const first = run(home);
    expect(first.status).toBe(3);
    expect(run(home)).toEqual(first);
  });

  it("writes no cache with --no-cache", () => {
    const home = temporaryFolder();
    expect(seamlock(["extract", FIXTURE, "--no-cache"], { env: { XDG_CACHE_HOME: home } }).status).toBe(0);
    expect(readdirSync(home)).toEqual([]);
  });

  it("misses an entry that another program made", async () => {
    const home = temporaryFolder();
    const run = () => seamlock(["extract", FIXTURE, "--json"], { env: { XDG_CACHE_HOME: home } });
    run();
    // The sources, as they run in this process, are another program than the built one.
    const { extractTree } = await import("../../src/module/index.ts");
    const { fromCache } = await extractTree({ tree: FIXTURE, cacheDir: join(home, "seamlock") });
    expect(fromCache).toBe(false);
    expect(readdirSync(join(home, "seamlock"))).toHaveLength(3);
  });

  it("reads what it writes field by field, though the cache had it from a run that wrote nothing", async () => {
    const cacheDir = temporaryFolder();
    const { extractTree } = await import("../../src/module/index.ts");
    const take = (version: string) => extractTree({ tree: FIXTURE, cacheDir, version });
    const [first, second] = [await take(""), await take("")];
    expect([first.fromCache, second.fromCache]).toEqual([false, true]);
    await expect(second.document()).rejects.toMatchObject({ code: "SL1054" });
    await expect((await take("")).document()).rejects.toMatchObject({ code: "SL1054" });
    expect(readdirSync(cacheDir)).toHaveLength(1);
    const good = await take("1.5");
    expect(JSON.parse(await good.document()).module.version).toBe("1.5");
    expect(await (await take("1.5")).document()).toBe(await good.document());
  });
});

describe("a source tree as --module", () => {
  it("is read as `extract` reads it, by every verb", async () => {
    const file = join(temporaryFolder(), "module.json");
    await inProcess(["extract", FIXTURE, "-o", file]);
    for (const words of [["catalog"], ["report", "--host", "none"], ["contend"], ["leaves"], ["resources"]]) {
      const of = async (module: string) => (await inProcess([...words, "--module", module, "--json"])).out;
      const told = await of(FIXTURE);
      // The file is of the version that the tree's build files state; the tree may be another since.
      const asNamed = (await of(file)).replaceAll("9.7.03", FIXTURE);
      expect(JSON.parse(told), words.join(" ")).toEqual(JSON.parse(asNamed));
      expect(told).toBe(await of(FIXTURE));
    }
    const { status, out } = await inProcess(["diff", FIXTURE, file]);
    expect(out).toContain("No difference.");
    expect(status).toBe(0);
  });

  it("is named as its user does, and so is a file whose source states no version, so that two can be told apart", async () => {
    const file = join(temporaryFolder(), "module.json");
    const tree = copyOfFixture([]);
    rmSync(join(tree, "proj_defs.mk"));
    await inProcess(["extract", tree, "-o", file]);
    expect(JSON.parse(readFileSync(file, "utf8")).module.version).toBe("unknown");
    const versions = async () => {
      const { before, after } = JSON.parse((await inProcess(["diff", FIXTURE, file, "--json"])).out);
      return [before.version, after.version];
    };
    expect(await versions()).toEqual([FIXTURE, file]);
    await inProcess(["extract", tree, "-o", file, "--module-version", "9.9"]);
    expect(await versions()).toEqual([FIXTURE, "9.9"]);
  });

  it("with a hole in the facts ends as its catalog does", async () => {
    const { status, err } = await inProcess(["contend", "--host", "none", "--module", withoutRelease()]);
    expect(status).toBe(3);
    expect(err).toMatch(/^error\[SL1031\]: .*tdh_mem_track/);
  });

  it("is a module's in diff where it has src/ and no arch/, else a kernel's", async () => {
    const kernel = copyOfFixture([]);
    mkdirSync(join(kernel, "arch"));
    const asKernel = await inProcess(["diff", "linux-7.3", kernel]);
    expect(asKernel.err).toContain("error[SL3401]");
    const mixed = await inProcess(["diff", "linux-7.3", FIXTURE]);
    expect(mixed.err).toContain("error[SL3401]");
    const neither = await inProcess(["diff", "1.5.25", temporaryFolder()]);
    expect(neither.err).toContain("error[SL0004]: `1.5.25` is a module, and the other one is a host");
  });

  it("of which nothing is one is told so", async () => {
    const { status, err } = await inProcess(["report", "--module", temporaryFolder()]);
    expect(status).toBe(2);
    expect(err).toMatch(/^error\[SL1003\]: no C source file below /);
  });
});

describe("seamlock extract of what is no module's source tree", () => {
  const cases: readonly (readonly [string, RegExp, () => string])[] = [
    ["nothing", /^error\[SL1001\]: .*does not exist\n/, () => join(temporaryFolder(), "nothing")],
    ["a file", /^error\[SL1002\]: .*not a directory\n/, () => join(FIXTURE, TRACK)],
    ["an empty folder", /^error\[SL1003\]: no C source/, temporaryFolder],
    [
      "C of something else",
      /^error\[SL1004\]: .*dispatcher/,
      () => {
        const folder = temporaryFolder();
        writeFileSync(join(folder, "main.c"), "int main(void)\n{\n    return 0;\n}\n");
        return folder;
      },
    ],
  ];
  it.each(cases)("%s: code, cause, place, next step, status 2, and nothing written", async (_name, message, make) => {
    const tree = make();
    const file = join(temporaryFolder(), "module.json");
    const { status, out, err } = await inProcess(["extract", tree, "--no-cache", "--json", "-o", file]);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(message);
    expect(err).toContain(`--> ${tree}\n`);
    expect(err).toMatch(/\nhelp: .+\n$/);
    expect(existsSync(file)).toBe(false);
  });
});

describe("an output of seamlock extract that cannot be written", () => {
  it.each([
    ["in a folder that does not exist", () => join(temporaryFolder(), "missing", "module.json")],
    ["that is a directory", temporaryFolder],
    ["below a file", () => join(FIXTURE, "README.md", "module.json")],
  ])("%s is found before the work", async (_name, make) => {
    const file = make();
    // The tree does not exist: the output is looked at first.
    const { status, out, err } = await inProcess(["extract", "/nowhere/at/all", "--json", "-o", file]);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(/^error\[SL0007\]: /);
    expect(err).toMatch(/\nhelp: .+\n$/);
  });

  it.skipIf(process.getuid?.() === 0)(
    "in a read-only folder is refused (skipped for root, who may write anywhere)",
    async () => {
      const folder = temporaryFolder();
      chmodSync(folder, 0o500);
      const { status, err } = await inProcess(["extract", FIXTURE, "-o", join(folder, "module.json")]);
      chmodSync(folder, 0o700);
      expect(status).toBe(2);
      expect(err).toMatch(/^error\[SL0007\]: /);
    },
  );

  it("leaves what was there when the tree cannot be extracted", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "tree"));
    const file = join(folder, "module.json");
    writeFileSync(file, "before");
    expect((await inProcess(["extract", join(folder, "tree"), "-o", file])).status).toBe(2);
    expect(readFileSync(file, "utf8")).toBe("before");
    rmSync(join(folder, "tree"), { recursive: true });
    expect(readdirSync(folder)).toEqual(["module.json"]);
  });
});
