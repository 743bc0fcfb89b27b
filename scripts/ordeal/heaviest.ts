/** Work that takes much, and directories and files made to take more: how much memory and processor time each takes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished, type Part, progress } from "./program.ts";

/** What a run may take, in megabytes: a check that says nothing of memory takes half of what there is, so these are bounded by states. */
const MOST_MEGABYTES = 1500;

function works(tree: string | undefined, kernel: string | undefined, folder: string): readonly (readonly string[])[] {
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const log = file("log", "[ 1.0] SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0x8000020000000092\n".repeat(100_000));
  const long = file("long", `SEAMCALL${" leaf 1".repeat(64_000)} 0x8000020000000092\n`);
  const keys = Array.from({ length: 60_000 }, (_, i) => `k${i}: 1\n`).join("");
  const profile = file("keys.yaml", `schema: seamlock/host@1\n${keys}`);
  return [
    ["report", "--format", "html"],
    ["contend", "--host", "linux-7.3", "--json"],
    ["explain", log],
    ["explain", long],
    ["host", "lint", profile],
    ["check", "page-removal", "--policy", "kick-on-busy", "--vcpus", "3", "--pages", "2", "--states", "1000000"],
    ["simulate", "page-removal", "--runs", "2000"],
    ["export", "td-build", "--to", "tla"],
    ...(tree === undefined ? [] : [["extract", tree, "--no-cache"]]),
    ...(kernel === undefined ? [] : [["host", "extract", kernel, "--no-cache"]]),
  ];
}

export async function heaviest(tree: string | undefined, kernel: string | undefined): Promise<Part> {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-heaviest-"));
  const figures: string[] = [];
  const faults: string[] = [];
  try {
    for (const args of works(tree, kernel, folder)) {
      const name = args.map((word) => word.replace(`${folder}/`, "")).join(" ");
      progress(`memory and time: ${name}`);
      const { status, signal, used } = await finished(args);
      if (used === null) faults.push(`${name}: ended by ${signal ?? status} without figures`);
      else {
        figures.push(`${name}: ${used.megabytes} MB, ${used.seconds.toFixed(1)} s`);
        if (used.megabytes > MOST_MEGABYTES) faults.push(`${name}: ${used.megabytes} MB`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { name: "memory and time", figures, faults };
}
