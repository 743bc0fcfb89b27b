/** The files of a kernel tree that the rules name, and no others. */

import { createHash } from "node:crypto";
import { accessSync, constants, type Dirent, lstatSync, opendirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileText, LIMITS, type SourceFile } from "../c/index.ts";
import { SeamlockError } from "../errors.ts";
import type { ScopeRules } from "./rules.ts";

/** What was read of a tree. */
export interface KernelTree {
  readonly root: string;
  /** What the tree's make file says: `7.3.4`; null when it says nothing. */
  readonly version: string | null;
  readonly files: readonly SourceFile[];
  /** Over the paths and contents of all files that were read. */
  readonly digest: string;
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  /** Files and folders of the rules that the tree does not have. */
  readonly missing: readonly string[];
}

/**
 * Reads the part of a kernel tree that the rules name.
 *
 * @throws SeamlockError SL3401 when there is no such folder, or it has nothing that the rules name
 */
export function readKernelTree(root: string, scope: ScopeRules): KernelTree {
  if (!isFolder(root) || !mayRead(root)) {
    throw new SeamlockError("SL3401", `${root} is no folder that can be read`, {
      place: { file: root },
      hint: "give the root of a Linux source tree: the folder that has arch/, include/ and virt/",
    });
  }
  const skipped: { path: string; reason: string }[] = [];
  const missing: string[] = [];
  const excluded = patternOf(scope.except);
  const paths = new Set<string>();
  for (const folder of scope.folders) {
    if (!isFolder(join(root, folder))) missing.push(folder);
    else for (const path of walk(root, folder, skipped)) if (!excluded.test(path)) paths.add(path);
  }
  for (const path of scope.files) {
    if (isFile(join(root, path))) paths.add(path);
    else missing.push(path);
  }
  const files: SourceFile[] = [];
  const hash = createHash("sha256");
  let total = 0;
  for (const path of [...paths].sort()) {
    const bytes = readSource(root, path, skipped);
    if (bytes === null) continue;
    total += bytes.length;
    if (total > LIMITS.treeBytes) {
      skipped.push({ path, reason: `the files before it have ${LIMITS.treeBytes / 1048576} MB together` });
      continue;
    }
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
    files.push({ path, source: fileText(bytes) });
  }
  if (!files.some(({ path }) => path.endsWith(".c"))) {
    throw new SeamlockError("SL3401", `${root} has none of the folders of a hypervisor that the rules name`, {
      place: { file: root },
      hint: `the rules name ${scope.folders.join(", ")}: give the root of a Linux source tree`,
    });
  }
  return { root, version: statedVersion(root), files, digest: `sha256:${hash.digest("hex")}`, skipped, missing };
}

const isFolder = (path: string): boolean => tells(() => statSync(path).isDirectory());
const isFile = (path: string): boolean => tells(() => lstatSync(path).isFile());
/** Otherwise all that is below would look as if it were not there. */
const mayRead = (folder: string): boolean =>
  tells(() => {
    accessSync(folder, constants.R_OK | constants.X_OK);
    return true;
  });

/** What cannot be looked at, behind a loop of links or a folder that may not be entered, is not there. */
function tells(question: () => boolean): boolean {
  try {
    return question();
  } catch {
    return false;
  }
}

/** A test of paths: `*` stands for any characters. */
function patternOf(patterns: readonly string[]): RegExp {
  const escaped = patterns.map((p) => p.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*"));
  return new RegExp(`^(?:${escaped.join("|")})$`);
}

function walk(root: string, top: string, skipped: { path: string; reason: string }[]): string[] {
  const found: string[] = [];
  let entries = 0;
  const visit = (folder: string, depth: number): void => {
    let list: Dirent[];
    try {
      list = entriesOf(join(root, folder), LIMITS.entries);
    } catch {
      skipped.push({ path: folder, reason: "the directory cannot be read" });
      return;
    }
    for (const entry of list.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (++entries > LIMITS.entries || found.length >= LIMITS.files) {
        if (entries === LIMITS.entries + 1) skipped.push({ path: folder, reason: "too many files" });
        return;
      }
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory() && depth < LIMITS.depth) visit(path, depth + 1);
      else if (entry.isFile() && /\.[ch]$/.test(entry.name)) found.push(path);
    }
  };
  visit(top, 0);
  return found;
}

function entriesOf(folder: string, most: number): Dirent[] {
  const handle = opendirSync(folder, { bufferSize: 1024 });
  try {
    const list: Dirent[] = [];
    for (let entry = handle.readSync(); entry && list.length < most; entry = handle.readSync()) list.push(entry);
    return list;
  } finally {
    handle.closeSync();
  }
}

function readSource(root: string, path: string, skipped: { path: string; reason: string }[]): Buffer | null {
  const file = join(root, path);
  try {
    const { size } = lstatSync(file);
    if (size > LIMITS.fileBytes) {
      skipped.push({ path, reason: `it has more than ${LIMITS.fileBytes / 1048576} MB` });
      return null;
    }
    const bytes = readFileSync(file);
    if (!bytes.includes(0)) return bytes;
    skipped.push({ path, reason: "it is binary" });
  } catch {
    skipped.push({ path, reason: "it cannot be read" });
  }
  return null;
}

/** `VERSION`, `PATCHLEVEL` and `SUBLEVEL` of the top make file. */
function statedVersion(root: string): string | null {
  let text = "";
  try {
    const file = join(root, "Makefile");
    if (lstatSync(file).size < LIMITS.fileBytes) text = readFileSync(file, "utf8");
  } catch {
    return null;
  }
  const part = (name: string): string | undefined => new RegExp(`^${name}\\s*=\\s*(\\d+)\\s*$`, "m").exec(text)?.[1];
  const [version, patch, sub] = [part("VERSION"), part("PATCHLEVEL"), part("SUBLEVEL")];
  if (version === undefined || patch === undefined) return null;
  return sub === undefined || sub === "0" ? `${version}.${patch}` : `${version}.${patch}.${sub}`;
}
