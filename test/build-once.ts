import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** Tests of the command line and of the package run the program that users get, so it is built before the first test. */
export default function setup(): void {
  execFileSync("node_modules/.bin/tsx", ["scripts/build.ts", "--if-stale"], {
    cwd: join(import.meta.dirname, ".."),
    stdio: "inherit",
  });
}
