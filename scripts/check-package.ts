/** Lints the packed tarball: what a user would install, not what stands in the checkout. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack } from "./pack.ts";

const folder = mkdtempSync(join(tmpdir(), "seamlock-pack-"));
try {
  const { tarball } = pack(folder);
  const linters = [
    ["publint", "run", "--strict", tarball],
    ["attw", "--profile", "esm-only", "--no-emoji", tarball],
  ] as const;
  for (const [name, ...args] of linters) {
    const { status } = spawnSync(`node_modules/.bin/${name}`, args, { stdio: "inherit" });
    if (status !== 0) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
