import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { missingPlatforms } from "../../scripts/lockfile.ts";
import { pack } from "../../scripts/pack.ts";

const root = join(import.meta.dirname, "../..");

describe("the packed package", () => {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-install-"));
  const installed = join(folder, "node_modules", "seamlock");
  let files: readonly string[] = [];

  beforeAll(() => {
    const packed = pack(folder);
    files = packed.files;
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
    const flags = [
      "--no-package-lock",
      "--prefer-offline",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--loglevel=error",
    ];
    execFileSync("npm", ["install", ...flags, packed.tarball], { cwd: folder, stdio: "pipe" });
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const bin = (...args: string[]) =>
    spawnSync(join(folder, "node_modules", ".bin", "seamlock"), args, { cwd: folder, encoding: "utf8" });

  it("holds the program, the facts and the notices, and nothing of the checkout", () => {
    for (const file of ["dist/cli.js", "dist/index.js", "dist/index.d.ts", "dist/THIRD-PARTY.txt"]) {
      expect(files).toContain(file);
    }
    for (const file of [
      "LICENSE",
      "README.md",
      "CHANGELOG.md",
      "docs/diagnostics.md",
      "data/modules/lkml-2024-09-13.json",
    ]) {
      expect(files).toContain(file);
    }
    const allowed =
      /^(dist\/|data\/|schemas\/|docs\/(diagnostics|kernel-rules|host-profiles|conclusions)\.md$|docs\/host-template\.yaml$|LICENSE$|README\.md$|CHANGELOG\.md$|package\.json$)/;
    expect(files.filter((file) => !allowed.test(file))).toEqual([]);
    expect(files.filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))).toEqual([]);
  });

  it("carries the licence of everything that is copied into it, and no path of the machine that built it", () => {
    const notice = readFileSync(join(installed, "dist", "THIRD-PARTY.txt"), "utf8");
    const bundled = ["commander", "fastest-levenshtein", "picocolors", "zod"];
    for (const name of bundled) expect(notice).toMatch(new RegExp(`^${name} \\d.*, licence (MIT|ISC)$`, "m"));
    for (const file of readdirSync(join(installed, "dist")).filter((name) => name.endsWith(".js"))) {
      expect(readFileSync(join(installed, "dist", file), "utf8")).not.toContain(root);
    }
  });

  it("installs only what its dependencies name", () => {
    const { dependencies = {} } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const packages = readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."));
    expect(packages.sort()).toEqual(["seamlock", ...Object.keys(dependencies)].sort());
  });

  it("runs", () => {
    expect(bin("--version")).toMatchObject({ status: 0, stderr: "" });
    const { status, stdout } = bin("modules", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout).modules.length).toBeGreaterThan(0);
    expect(bin("report", "--module", "lkml-2024-09-13").stdout).toContain("tdh_mem_track");
  });

  it("reads C", () => {
    mkdirSync(join(folder, "tree"));
    writeFileSync(join(folder, "tree", "a.c"), "int f(void) { return 0; }\n");
    // That there is no dispatcher is known only once the file is parsed.
    const { status, stderr } = bin("extract", "--no-cache", "tree");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error\[SL1004\]/);
  });

  it("is a library", () => {
    const program = 'import * as s from "seamlock"; process.stdout.write(Object.keys(s).join(" "));';
    const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(status).toBe(0);
    expect(stdout.split(" ")).toEqual(expect.arrayContaining(["SeamlockError", "parseCatalog"]));
  });
});

describe("the lockfile", () => {
  const text = readFileSync(join(root, "package-lock.json"), "utf8");

  it("names no registry, so that it works with any", () => {
    expect(text).not.toMatch(/"resolved"|https?:\/\/[^"]*registry/);
  });

  it("names the builds for every platform, without which `npm ci` refuses it (`npm run lockfile` adds them)", () => {
    expect(missingPlatforms(JSON.parse(text)).map(({ name }) => name)).toEqual([]);
  });
});
