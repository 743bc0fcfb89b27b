import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { cacheKey } from "../../src/cache.ts";
import { serializeCatalog } from "../../src/catalog/index.ts";
import { extractTree } from "../../src/module/index.ts";
import { copyOfFixture, FIXTURE } from "./mutate.ts";

function cacheFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-cache-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const run = async (cacheDir: string, tree = FIXTURE, more = {}) => {
  const { catalog, fromCache } = await extractTree({ tree, cacheDir, ...more });
  return { text: serializeCatalog(catalog), fromCache };
};

describe("the cache", () => {
  it("gives the same bytes as the extraction", async () => {
    const cache = cacheFolder();
    const first = await run(cache);
    const second = await run(cache);
    expect([first.fromCache, second.fromCache]).toEqual([false, true]);
    expect(second.text).toBe(first.text);
  });

  it("knows a tree by its content, not by its path", async () => {
    const cache = cacheFolder();
    await run(cache);
    expect((await run(cache, copyOfFixture())).fromCache).toBe(true);
  });

  it.each([
    ["empty", () => ""],
    ["cut off", (text: string) => text.slice(0, text.length / 2)],
    ["not JSON", () => "\0\0\0"],
    ["another document", () => '{"schema":"seamlock/report@1"}'],
  ])("replaces an entry that is %s", async (_name, damage) => {
    const cache = cacheFolder();
    const { text } = await run(cache);
    const [name] = readdirSync(cache) as [string];
    writeFileSync(join(cache, name), damage(readFileSync(join(cache, name), "utf8")));
    expect(await run(cache)).toEqual({ text, fromCache: false });
    expect(await run(cache)).toEqual({ text, fromCache: true });
  });

  it("may be deleted at any time", async () => {
    const cache = cacheFolder();
    await run(cache);
    rmSync(cache, { recursive: true });
    expect((await run(cache)).fromCache).toBe(false);
    expect((await run(cache)).fromCache).toBe(true);
  });

  it("takes two runs at once, and leaves one whole entry", async () => {
    const cache = cacheFolder();
    const both = await Promise.all([run(cache), run(cache)]);
    expect(both[0]?.text).toBe(both[1]?.text);
    expect(readdirSync(cache)).toHaveLength(1);
    expect((await run(cache)).fromCache).toBe(true);
  });

  it("misses when a byte of the tree changed", async () => {
    const cache = cacheFolder();
    await run(cache);
    const edit = { file: "src/common/helpers.c", find: "TDCS and locks", put: "TDCS and Locks" };
    expect((await run(cache, copyOfFixture([edit]))).fromCache).toBe(false);
  });

  it("misses when a file was renamed", async () => {
    const cache = cacheFolder();
    await run(cache);
    const text = readFileSync(join(FIXTURE, "src/common/locks.h"), "utf8");
    const tree = copyOfFixture([{ file: "src/common/primitives.h", find: null, put: text }]);
    rmSync(join(tree, "src/common/locks.h"));
    expect((await run(cache, tree)).fromCache).toBe(false);
  });

  it.each([
    ["version", "9.9.99"],
    ["repository", "a/b"],
    ["revision", "abc"],
  ])("misses when the %s to record differs", async (field, value) => {
    const cache = cacheFolder();
    await run(cache);
    expect((await run(cache, FIXTURE, { [field]: value })).fromCache).toBe(false);
  });

  it("misses when any code or table of the program differs, in whatever folder it stands", () => {
    const root = cacheFolder();
    const ask = join(root, "ask.ts");
    const files = ["src/module/rows.ts", "src/c/lexer.ts", "src/text.ts", "data/behaviours.json"];
    for (const folder of ["src/module", "src/c", "data"]) mkdirSync(join(root, folder), { recursive: true });
    for (const file of [...files, "src/cache.ts", "src/folders.ts"]) cpSync(file, join(root, file));
    writeFileSync(join(root, "package.json"), '{"type":"module"}');
    writeFileSync(ask, 'import { cacheKey } from "./src/cache.ts"; console.log(cacheKey(["a"]));');
    const key = () => spawnSync("node_modules/.bin/tsx", [ask], { encoding: "utf8" }).stdout;
    const before = key();
    expect(before).toMatch(/^[0-9a-f]{64}\n$/);
    expect(key()).toBe(before);
    const keys = files.map((file) => {
      writeFileSync(join(root, file), `${readFileSync(join(root, file), "utf8")} `);
      return key();
    });
    expect(new Set([before, ...keys]).size).toBe(files.length + 1);
  });

  it("that cannot be written is no error", async () => {
    const file = join(cacheFolder(), "file");
    writeFileSync(file, "mine");
    expect((await run(join(file, "cache"))).fromCache).toBe(false);
    expect(readFileSync(file, "utf8")).toBe("mine");
  });

  it("tells apart what only differs in where one part ends", () => {
    expect(cacheKey(["a", "b"])).not.toBe(cacheKey(["ab", null]));
    expect(cacheKey(["a", null])).not.toBe(cacheKey(["a", "null"]));
  });
});
