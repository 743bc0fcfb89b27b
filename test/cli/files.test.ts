import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { contention, counterWraps, explainSchema } from "../../src/analysis/index.ts";
import { serializeCatalog } from "../../src/catalog/index.ts";
import { checkWritable, writeWhole } from "../../src/cli/files.ts";
import { byVersion, loadModule, readBundled } from "../../src/cli/modules.ts";
import { inProcess, temporaryFolder } from "./run.ts";

const PUBLISHED = "lkml-2024-09-13";

describe("a known release that is not bundled", () => {
  it.each([
    ["1.5.34", "1.5.25"],
    ["2.0.08", "1.5.16"],
    ["2.0.18", "1.5.25"],
  ])("%s: how to make it, the nearest bundled one, and what differs", async (version, nearest) => {
    const { status, err } = await inProcess(["catalog", "--module", version]);
    expect(status).toBe(2);
    expect(err).toContain(`error[SL0005]: module ${version} is a known release, but not bundled`);
    expect(err).toMatch(
      new RegExp(`seamlock extract TREE -o ${version}\\.json.*Nearest bundled: ${nearest}; known to differ: .+`),
    );
  });

  it.each([
    ["2.0.18", "tdh_mem_page_aug", "1.5.25", 0, /Known to differ: .*host priority first/],
    ["TDX_2.0.12", "tdh_mmio_map", "2.0.18-read", 3, /not bundled: this is for 2\.0\.18-read/],
    ["2.0.08", "tdh_mem_page_aug", "1.5.16", 0, /Known to differ: .*as in 1\.5\.16/],
    [null, "tdh_mmio_map", "2.0.18-read", 3, /Module 1\.5\.25 does not have all of these/],
  ] as const)("explain %s %s: by %s, and says so", async (version, leaf, used, exit, said) => {
    const line = `SEAMCALL ${leaf.toUpperCase()} failed: 0x8000020000000001`;
    const asked = version === null ? [] : ["--module", version];
    const { status, out } = await inProcess(["explain", line, "--host", "none", "--json", ...asked]);
    const doc = explainSchema.parse(JSON.parse(out));
    expect([status, doc.module.version, doc.leaf, doc.operand?.id]).toEqual([exit, used, leaf, "RCX"]);
    expect(doc.assumptions.join(" ")).toMatch(said);
  });
});

describe("a release that was read by hand", () => {
  it.each([
    ["report", "--host", "none", "--leaf", "tdh_mmio_block"],
    ["contend", "tdh_mmio_block", "tdh_vp_enter", "--host", "none", "--all"],
    ["explain", "0xC0000F0300000000", "--leaf", "tdh_mem_track"],
    ["diff", "1.5.25", "2.0.18-read"],
    ["check", "lock/sharex-hp", "--guests", "1", "--hosts", "1"],
  ])("%s says that it is incomplete, and exits with 3", async (...args) => {
    const module = args[0] === "diff" ? [] : ["--module", "2.0.18-read"];
    const { status, out, err } = await inProcess([...args, ...module]);
    expect(status).toBe(3);
    expect(err + out).toMatch(/2\.0\.18-read was read by hand from single files/);
    expect(out).not.toMatch(/:0\b/);
  });

  it("has the tree locked exclusive by TDH.MMIO.BLOCK, one lock per IOMMU, and no counter that wraps", () => {
    const catalog = readBundled("2.0.18-read");
    const pairs = contention(catalog).pairs.filter(({ possible }) => possible);
    const meets = (a: string, b: string): string[] =>
      pairs.filter((p) => (p.a === a && p.b === b) || (p.a === b && p.b === a)).map((p) => p.resource);
    expect(meets("tdh_mmio_block", "tdh_vp_enter")).toContain("SEPT_TREE");
    expect(meets("tdg_spdm_tpa_get", "tdh_devif_create")).toContain("IOMMU_CONFIG");
    expect(meets("tdg_iq_inv_request", "tdh_iq_inv_process")).toContain("TDINV");
    expect(counterWraps(catalog)).toEqual([]);
  });
});

describe("a catalog file that cannot be used", () => {
  const cases: readonly (readonly [string, (good: string) => string, RegExp])[] = [
    ["empty", () => "", /error\[SL2001\].*empty/],
    ["truncated", (good) => good.slice(0, good.length / 2), /error\[SL2003\].*\n.*file\.json:\d+:\d+\n/],
    ["not JSON", () => "hello", /error\[SL2002\].*\n.*file\.json:1:1\n/],
    [
      "another document",
      () => '{"schema":"seamlock/report@1"}',
      /error\[SL2004\].*seamlock\/report@1.*\n.*file\.json:1:\d+\n/,
    ],
    [
      "another version",
      (good) => good.replace("seamlock/catalog@1", "seamlock/catalog@2"),
      /error\[SL2005\].*2.*\n.*file\.json:\d+:\d+\n/,
    ],
    [
      "a wrong field",
      (good) => good.replace(/"side": "host"/, '"side": "hoist"'),
      /error\[SL2006\].*side.*\n.*file\.json:\d+:\d+\n/,
    ],
  ];

  it.each(cases)("%s", async (_name, text, message) => {
    const file = join(temporaryFolder(), "file.json");
    writeFileSync(file, text(serializeCatalog(await loadModule(PUBLISHED))));
    const { status, out, err } = await inProcess(["catalog", "--module", file]);
    expect(status).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(message);
    expect(err).toMatch(/\nhelp: .+\n$/);
  });

  it("a directory that is no source tree", async () => {
    const { status, err } = await inProcess(["catalog", "--module", temporaryFolder()]);
    expect(status).toBe(2);
    expect(err).toMatch(/^error\[SL1003\]: no C source file below .*\n/);
  });

  it("a file that is not there", async () => {
    const { status, err } = await inProcess(["catalog", "--module", "./missing.json"]);
    expect(status).toBe(2);
    expect(err).toBe(
      "error[SL0006]: `./missing.json` cannot be read: no such file or directory\n  --> ./missing.json\n" +
        "help: name a file that you can read\n",
    );
  });

  it.runIf(existsSync("/dev/zero"))("a device without an end", async () => {
    expect((await inProcess(["catalog", "--module", "/dev/zero"])).err).toContain(
      "`/dev/zero` is a device, not a file",
    );
  });
});

describe("modules", () => {
  it("are ordered by version number, published tables last", () => {
    const names = ["lkml-2024-09-13", "1.5.10", "1.5.9", "1.5.05", "1.0.01", "1.5.24"];
    expect(names.sort(byVersion)).toEqual(["1.0.01", "1.5.05", "1.5.9", "1.5.10", "1.5.24", "lkml-2024-09-13"]);
  });

  it("lists what is bundled", async () => {
    const { status, out, err } = await inProcess(["modules", "--json"]);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    const document = JSON.parse(out);
    expect(document.schema).toBe("seamlock/modules@1");
    expect(document.modules.at(-1)).toMatchObject({ version: PUBLISHED, origin: "published" });
    expect((await inProcess(["modules"])).out).toMatch(/^VERSION +ORIGIN +LEAVES +REPOSITORY +REVISION\n/);
  });

  it("are the same facts by name and by path", async () => {
    const file = join(temporaryFolder(), "copy.json");
    const { out } = await inProcess(["catalog", "--module", PUBLISHED, "--json"]);
    writeFileSync(file, out);
    expect((await inProcess(["catalog", "--module", file, "--json"])).out).toBe(out);
    expect((await inProcess(["catalog", "--module", file])).out).toMatch(/^module +lkml-2024-09-13 \(published\)\n/);
  });
});

describe("an output file", () => {
  it("is written whole, keeps its mode and leaves nothing beside it", () => {
    const folder = temporaryFolder();
    const file = join(folder, "out.json");
    writeWhole(file, "one\n");
    chmodSync(file, 0o600);
    writeWhole(file, "two\n");
    expect(readFileSync(file, "utf8")).toBe("two\n");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["out.json"]);
  });

  it("may be named through a symbolic link, which stays one", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "real"), "old");
    symlinkSync("real", join(folder, "link"));
    writeWhole(join(folder, "link"), "new");
    expect(lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, "real"), "utf8")).toBe("new");
  });

  it.each([checkWritable, (path: string) => writeWhole(path, "x")])(
    "may not be a directory, nor in one that is missing",
    (attempt) => {
      const folder = temporaryFolder();
      mkdirSync(join(folder, "taken"));
      expect(() => attempt(join(folder, "taken"))).toThrow("is a directory, not a file");
      expect(() => attempt(join(folder, "missing", "out"))).toThrow("cannot be written: no such file or directory");
      expect(readdirSync(folder)).toEqual(["taken"]);
    },
  );

  it("is checked before the work", async () => {
    const folder = temporaryFolder();
    const { status, err } = await inProcess(["extract", folder, "-o", folder]);
    expect(status).toBe(2);
    expect(err).toMatch(/^error\[SL0007\]/);
  });
});

describe("a file in UTF-16, as some shells write what they redirect", () => {
  const [little, big] = [
    (text: string) => Buffer.from(`\uFEFF${text}`, "utf16le"),
    (text: string) => little(text).swap16(),
  ];

  it.each([
    ["a catalog", "report --module", "{}", little],
    ["a catalog, the high byte first", "report --module", "{}", big],
    ["a host profile", "report --host", "schema: seamlock/host@1", little],
    ["a scenario", "check", "schema: seamlock/scenario@1", little],
  ])("%s is told as that, with what makes it UTF-8", async (_, words, text, written) => {
    const file = join(temporaryFolder(), "redirected");
    writeFileSync(file, written(text));
    expect(await inProcess([...words.split(" "), file])).toEqual({
      status: 2,
      out: "",
      err:
        `error[SL0006]: \`${file}\` is UTF-16, and UTF-8 is read\n  --> ${file}\n` +
        "help: `iconv -f UTF-16 -t UTF-8 FILE` writes it so\n",
    });
  });

  it("is not what begins with two characters that cannot be read and has no zeros", async () => {
    const file = join(temporaryFolder(), "other");
    writeFileSync(file, Buffer.from([0xff, 0xfe, 0x7b, 0x7d]));
    expect((await inProcess(["report", "--module", file])).err).toContain("SL2002");
  });
});
