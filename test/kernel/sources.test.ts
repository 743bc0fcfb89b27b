/** Where the kernels come from: data/kernel-sources.json. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";

const KERNELS = process.env["SEAMLOCK_KERNELS"];
const why = KERNELS === undefined ? " (skipped: SEAMLOCK_KERNELS names no folder of kernel trees)" : "";

const release = { version: z.string().regex(/^\d+\.\d+$/), release: z.string().regex(/^\d+\.\d+\.\d+$/) };
const schema = z.array(
  z.union([
    z.strictObject({
      ...release,
      repository: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
      revision: z.string().regex(/^[0-9a-f]{40}$/),
    }),
    z.strictObject({
      ...release,
      package: z.string().min(1),
      packageVersion: z.string().min(1),
      suite: z.string().min(1),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ]),
);
const sources = schema.parse(
  JSON.parse(readFileSync(join(import.meta.dirname, "../../data/kernel-sources.json"), "utf8")),
);

test("each version once, in order, each release one of it", () => {
  const versions = sources.map(({ version }) => version);
  expect(versions).toEqual([...new Set(versions)].sort((a, b) => a.localeCompare(b, "en", { numeric: true })));
  for (const { version, release: of } of sources) expect(of.startsWith(`${version}.`)).toBe(true);
});

test.skipIf(KERNELS === undefined)(`the trees are of these releases${why}`, () => {
  for (const { version, release: of } of sources) {
    const makefile = join(String(KERNELS), version, "Makefile");
    expect(existsSync(makefile), `SEAMLOCK_KERNELS has ${makefile}`).toBe(true);
    const [, major, minor, patch] =
      /^VERSION = (\d+)\nPATCHLEVEL = (\d+)\nSUBLEVEL = (\d+)/m.exec(readFileSync(makefile, "utf8")) ?? [];
    expect(`${major}.${minor}.${patch}`).toBe(of);
  }
});
