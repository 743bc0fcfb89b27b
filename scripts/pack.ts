import { execFileSync } from "node:child_process";
import { join } from "node:path";

interface Packed {
  /** The tarball's path. */
  readonly tarball: string;
  /** Paths inside the package. */
  readonly files: readonly string[];
}

/** Packs the package, as `npm publish` would, into `folder`. */
export function pack(folder: string): Packed {
  const root = join(import.meta.dirname, "..");
  execFileSync("node_modules/.bin/tsx", ["scripts/build.ts", "--if-stale"], { cwd: root, stdio: "pipe" });
  const output = execFileSync("npm", ["pack", "--json", "--loglevel=error", "--pack-destination", folder], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [packed] = JSON.parse(output) as { filename: string; files: { path: string }[] }[];
  if (packed === undefined) throw new Error("npm pack named no tarball");
  return { tarball: join(folder, packed.filename), files: packed.files.map((file) => file.path) };
}
