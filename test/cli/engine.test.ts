import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { engineDigest, engineFiles, ownEngine } from "../../src/cli/engine.ts";
import { seamlock, temporaryFolder } from "./run.ts";

const SRC = join(import.meta.dirname, "../../src");
const FILES = engineFiles(SRC);

/** What a file of the engine may import beside the engine, and why that needs no digest. */
const BESIDE: Readonly<Record<string, string>> = {
  "model/index.ts": "builds models, which are in a result's name",
  "catalog/index.ts": "facts: a model is made of them",
  "host/index.ts": "facts: a model is made of them",
  "report/index.ts": "how results are shown",
  "model/lineage.ts": "doubts, which are in a result's name",
  "model/unread.ts": "doubts, which are in a result's name",
  "model/scenario.ts": "doubts, which are in a result's name",
  "cli/json.ts": "the digest of a file, with which it is refused when it changed",
  "cli/made-by.ts": "states this digest",
  "cli/engine.ts": "states this digest",
  "cli/scenarios.ts": "builds models, which are in a result's name",
  "cli/check-helpers.ts": "bounds, which are in a result's name",
  "cli/files.ts": "reads and writes files",
  "cli/io.ts": "prints",
  "cli/matrices.ts": "cases, whose models are in a result's name",
  "cli/modules.ts": "cases, whose models are in a result's name",
  "cli/options.ts": "the command line",
  "cli/verb.ts": "the command line",
  "../package.json": "the version, which stands beside this digest",
};

/** The files that a file imports by path, as they are named below `src`. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(SRC, file), "utf8");
  return [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g)].map(([, path]) =>
    join(dirname(file), path as string).replaceAll("\\", "/"),
  );
}

function copied(): string {
  const src = join(temporaryFolder(), "src");
  cpSync(SRC, src, { recursive: true });
  return src;
}

describe("the engine's digest", () => {
  it("is of all the code that an engine's file imports, but for what is told elsewhere", () => {
    const others = new Set(FILES.flatMap(importsOf).filter((path) => !FILES.includes(path)));
    expect([...others].filter((path) => BESIDE[path] === undefined)).toEqual([]);
    expect(Object.keys(BESIDE).filter((path) => !others.has(path))).toEqual(["cli/engine.ts"]);
    for (const file of ["check/search.ts", "check/team.ts", "language/lower.ts", "cli/check-document.ts"])
      expect(FILES).toContain(file);
  });

  it("differs with each of the files, and with no other", () => {
    const src = copied();
    const before = engineDigest(src);
    for (const file of FILES) {
      const text = readFileSync(join(src, file), "utf8");
      writeFileSync(join(src, file), `${text} `);
      expect(engineDigest(src), file).not.toBe(before);
      // A checkout may have made other line ends.
      writeFileSync(join(src, file), text.replaceAll("\n", "\r\n"));
      expect(engineDigest(src), file).toBe(before);
    }
    writeFileSync(join(src, "report/words.ts"), "");
    expect(engineDigest(src)).toBe(before);
    writeFileSync(join(src, "check/another.ts"), "");
    expect(engineDigest(src)).not.toBe(before);
  });

  it("is the same of what was built and of the sources that it was built from", () => {
    const folder = temporaryFolder();
    const matrix = join(folder, "one.yaml");
    writeFileSync(
      matrix,
      "schema: seamlock/matrix@1\nname: one\ndescription: one\nblocks: [{ scenario: lock/mutex, hosts: 1, guests: 0 }]\n",
    );
    const { status, out } = seamlock(["sweep", matrix, "-d", join(folder, "results"), "--json"]);
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ madeBy: { engine: ownEngine() } });
  });
});
