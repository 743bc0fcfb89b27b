/**
 * stateright (https://github.com/stateright/stateright, a model checker in Rust) on the reference model, which `models/enter-and-zap.rs`
 * writes for it. It runs when SEAMLOCK_STATERIGHT is the folder of a checkout that `cargo build --release` builds there.
 *
 * It keeps a hash of 64 bits of each state and not the state, so its count is only most probably right; ours and SPIN's are exact.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** The folder of stateright, or null: SEAMLOCK_STATERIGHT is not set, or there is no cargo. */
export function staterightFolder(): string | null {
  const folder = process.env["SEAMLOCK_STATERIGHT"];
  const hasCargo = spawnSync("cargo", ["--version"]).status === 0;
  return folder !== undefined && folder !== "" && hasCargo ? resolve(folder) : null;
}

/** Builds the model for a stateright in `folder`, with files of its own in `directory`. Returns the program: sizes and workers are its arguments. Throws an Error when it cannot be built. */
export function buildStateright(folder: string, directory: string): string {
  const project = join(directory, "stateright");
  mkdirSync(join(project, "src"), { recursive: true });
  copyFileSync(join(import.meta.dirname, "models", "enter-and-zap.rs"), join(project, "src", "main.rs"));
  writeFileSync(
    join(project, "Cargo.toml"),
    `[package]\nname = "enter-and-zap"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nstateright = { path = ${JSON.stringify(folder)} }\n`,
  );
  const target = join(project, "target");
  const words = ["build", "--release", "--manifest-path", join(project, "Cargo.toml"), "--target-dir", target];
  // In stateright's folder, whose .cargo/config.toml may say where its libraries are.
  const { status, stderr } = spawnSync("cargo", words, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`cargo ${words.join(" ")} failed: ${stderr}`);
  return join(target, "release", "enter-and-zap");
}
