/**
 * Reads a source tree from disk: bounded, following no links, running nothing.
 */

import { createHash } from "node:crypto";
import { type Dirent, lstatSync, opendirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileText, LIMITS, type SourceFile } from "../c/index.ts";
import { SeamlockError } from "../errors.ts";

/** A file that was left out, and why. */
export interface SkippedFile {
  readonly path: string;
  readonly reason: string;
}

export interface SourceTree {
  readonly root: string;
  /** Sorted by path. */
  readonly files: readonly SourceFile[];
  readonly skipped: readonly SkippedFile[];
  /** `sha256:` over paths and contents. */
  readonly digest: string;
  /** Version that the tree's own build files state, e.g. `1.5.05`; null when they state none. */
  readonly statedVersion: string | null;
}

/**
 * Reads the C files below `src/` and `include/`, or below the directory itself when it has neither.
 *
 * @throws SeamlockError SL1001 no such directory, SL1002 not a directory, SL1003 no C file in it
 */
export function readTree(root: string): SourceTree {
  checkDirectory(root);
  const skipped: SkippedFile[] = [];
  const paths = cFiles(root, skipped);
  const files: SourceFile[] = [];
  const hash = createHash("sha256");
  let total = 0;
  for (const path of paths) {
    const bytes = readSource(root, path, skipped);
    if (!bytes) continue;
    total += bytes.length;
    if (total > LIMITS.treeBytes) {
      skipped.push({
        path,
        reason: `with it, the tree has more than ${LIMITS.treeBytes / 1048576} MB of source; it and what follows were left out`,
      });
      break;
    }
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
    files.push({ path, source: fileText(bytes) });
  }
  if (files.length === 0) {
    throw new SeamlockError("SL1003", `no C source file below ${root}`, {
      place: { file: root },
      hint: skipped[0]
        ? `${skipped[0].path}: ${skipped[0].reason}`
        : "give the root of a TDX module source tree, the folder that holds src/ and include/",
    });
  }
  return { root, files, skipped, digest: `sha256:${hash.digest("hex")}`, statedVersion: statedVersion(root) };
}

function checkDirectory(root: string): void {
  let isDirectory: boolean;
  try {
    isDirectory = statSync(root).isDirectory();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const reason = code === "EACCES" ? "may not be read" : code === "ELOOP" ? "is a loop of links" : "does not exist";
    throw new SeamlockError("SL1001", `the source tree ${root} ${reason}`, {
      place: { file: root },
      hint: "give the root of a TDX module source tree",
      cause,
    });
  }
  if (!isDirectory) {
    throw new SeamlockError("SL1002", `${root} is not a directory`, {
      place: { file: root },
      hint: "give the root of a TDX module source tree, not one of its files",
    });
  }
}

function cFiles(root: string, skipped: SkippedFile[]): string[] {
  const tops = ["src", "include"].filter((name) => {
    try {
      return lstatSync(join(root, name)).isDirectory();
    } catch {
      return false;
    }
  });
  const found: string[] = [];
  let entries = 0;
  const walk = (relative: string, depth: number): void => {
    let list: Dirent[];
    try {
      list = entriesOf(join(root, relative), LIMITS.entries - entries + 1);
    } catch {
      skipped.push({ path: relative || ".", reason: "the directory cannot be read" });
      return;
    }
    for (const entry of list.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (++entries > LIMITS.entries || found.length >= LIMITS.files) {
        if (entries === LIMITS.entries + 1 || found.length === LIMITS.files)
          skipped.push({ path: relative, reason: "too many files: the rest of the tree was not read" });
        entries = LIMITS.entries + 1;
        return;
      }
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (entry.isSymbolicLink()) {
        if (/\.[ch]$/.test(entry.name)) skipped.push({ path, reason: "it is a symbolic link; links are not followed" });
      } else if (entry.isDirectory()) {
        if (depth >= LIMITS.depth) skipped.push({ path, reason: "it is nested too deeply" });
        else if (!entry.name.startsWith(".") && entry.name !== "node_modules") walk(path, depth + 1);
      } else if (/\.[ch]$/.test(entry.name)) {
        if (entry.isFile()) found.push(path);
        else skipped.push({ path, reason: "it is no file but a pipe, a socket or a device" });
      }
    }
  };
  if (tops.length > 0) for (const top of tops) walk(top, 1);
  else walk("", 0);
  return found.sort();
}

function readSource(root: string, path: string, skipped: SkippedFile[]): Buffer | null {
  const file = join(root, path);
  try {
    const { size } = lstatSync(file);
    if (size > LIMITS.fileBytes) {
      skipped.push({
        path,
        reason: `it has ${Math.round(size / 1048576)} MB; the limit is ${LIMITS.fileBytes / 1048576} MB a file`,
      });
      return null;
    }
    const bytes = readFileSync(file);
    if (bytes.includes(0)) {
      skipped.push({ path, reason: "it is binary" });
      return null;
    }
    return bytes;
  } catch (cause) {
    skipped.push({
      path,
      reason: (cause as NodeJS.ErrnoException).code === "EACCES" ? "it may not be read" : "it cannot be read",
    });
    return null;
  }
}

/** A folder's entries, no more than `most` of them. */
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

/** The version in `-DTDX_MODULE_…_VER=` of the tree's make files. */
function statedVersion(root: string): string | null {
  let text = "";
  for (const name of ["proj_defs.mk", "src_defs.mk", "Makefile"]) {
    try {
      const file = join(root, name);
      if (lstatSync(file).isFile() && statSync(file).size < LIMITS.fileBytes) text += readFileSync(file, "utf8");
    } catch {
      // A tree without build files states no version.
    }
  }
  const part = (name: string) => [...text.matchAll(new RegExp(`TDX_MODULE_${name}_VER=(\\d+)`, "g"))].at(-1)?.[1];
  const major = part("MAJOR");
  const minor = part("MINOR");
  if (major === undefined || minor === undefined) return null;
  const update = part("UPDATE");
  return update === undefined ? `${major}.${minor}` : `${major}.${minor}.${update.padStart(2, "0")}`;
}
