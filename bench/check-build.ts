/** The programs that the benches of the checker run in processes of their own. */
import { join, resolve } from "node:path";
import { build } from "tsdown";

/** Builds `check-once` and the threads that help it into `directory`. Returns the path of `check-once`. */
export async function buildChecker(directory: string): Promise<string> {
  await build({
    entry: {
      "check-once": resolve(import.meta.dirname, "check-once.ts"),
      "check-worker": resolve(import.meta.dirname, "check-worker.ts"),
    },
    outDir: directory,
    format: "esm",
    platform: "node",
    target: "node20",
    minify: true,
    config: false,
    dts: false,
    clean: false,
    logLevel: "error",
    outExtensions: () => ({ js: ".mjs" }),
  });
  return join(directory, "check-once.mjs");
}
