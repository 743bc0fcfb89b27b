/**
 * Builds dist/: `tsx scripts/build.ts [--if-stale]`.
 *
 * The build goes to a folder of its own and takes the place of dist/ at the end, so that a program or a test that runs meanwhile
 * never meets half a build.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { factsOf } from "../src/cli/command-facts.ts";
import { type Examples, manualPage } from "../src/cli/manual.ts";
import { NOTES, wholeProgram } from "../src/cli/program.ts";
import { VERBS } from "../src/cli/registry.ts";
import { parseHost } from "../src/host/index.ts";

const INPUTS = [
  "src",
  "scripts",
  "data",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "tsdown.config.ts",
  "tsdown.browser.config.ts",
];

function newest(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function isStale(): boolean {
  if (!existsSync("dist/cli.js")) return true;
  const built = statSync("dist/cli.js").mtimeMs;
  return INPUTS.some((path) => newest(path) > built);
}

/** Quiet unless it fails: standard output belongs to the program that `npm run seamlock` is about to start. */
function bundle(config: string, folder: string): void {
  const { status, stdout, stderr } = spawnSync(
    "node_modules/.bin/tsdown",
    ["--config", config, "--out-dir", folder, "--log-level", "error"],
    {
      encoding: "utf8",
    },
  );
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ""}${stderr ?? ""}`);
  throw new Error("the build failed");
}

/** The style's parts as one, in the order of their names. */
function styles(folder: string): string {
  const parts = readdirSync(folder).sort();
  return parts.map((name) => readFileSync(join(folder, name), "utf8")).join("");
}

/** Host profiles as the program reads them: checked once, here, so that no run has to. */
function compileHosts(folder: string): void {
  mkdirSync(folder);
  for (const file of readdirSync("data/hosts")) {
    const { profile } = parseHost(readFileSync(join("data/hosts", file), "utf8"), file);
    writeFileSync(join(folder, `${basename(file, ".yaml")}.json`), JSON.stringify(profile));
  }
}

/** `man seamlock`. */
async function writeManual(folder: string): Promise<void> {
  const examples: Record<string, Examples[string]> = {};
  for (const [name, entry] of Object.entries(VERBS)) examples[name] = (await entry.load()).verb.examples;
  const facts = factsOf(await wholeProgram({ out() {} }), {});
  writeFileSync(join(folder, "seamlock.1"), manualPage(facts, examples, NOTES));
}

async function build(): Promise<void> {
  const fresh = `dist.new-${process.pid}`;
  const old = `dist.old-${process.pid}`;
  try {
    bundle("tsdown.config.ts", fresh);
    bundle("tsdown.browser.config.ts", join(fresh, "explorer"));
    writeFileSync(join(fresh, "explorer", "style.css"), styles("src/explorer/client/style"));
    chmodSync(join(fresh, "cli.js"), 0o755);
    compileHosts(join(fresh, "hosts"));
    await writeManual(fresh);
    if (existsSync("dist")) renameSync("dist", old);
    renameSync(fresh, "dist");
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
}

process.chdir(join(import.meta.dirname, ".."));
if (!process.argv.includes("--if-stale") || isStale()) await build();
