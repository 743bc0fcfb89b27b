/** Lints the packed tarball: what a user would install, not what stands in the checkout. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack } from "./pack.ts";

const folder = mkdtempSync(join(tmpdir(), "seamlock-pack-"));
try {
  const { tarball } = pack(folder);
  const publint = spawnSync("node_modules/.bin/publint", ["run", "--strict", tarball], { stdio: "inherit" });
  const attw = spawnSync("node_modules/.bin/attw", ["--profile", "esm-only", "--no-emoji", tarball], {
    stdio: "inherit",
  });
  process.exitCode = publint.status === 0 && attw.status === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
