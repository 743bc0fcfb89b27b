import { randomBytes } from "node:crypto";
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { SeamlockError } from "../errors.ts";

/** Far above any catalog or profile; a guard against a wrong file, not a limit that anybody should meet. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * The text of a file named on the command line; `-` is standard input.
 *
 * @throws SeamlockError SL0006
 */
export async function readText(path: string): Promise<string> {
  if (path === "-") {
    const { text } = await import("node:stream/consumers");
    return text(process.stdin);
  }
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw unreadable(path, "is a directory, not a file");
    if (!stat.isFile() && !stat.isFIFO()) throw unreadable(path, "is a device, not a file");
    if (stat.isFIFO()) return await readPipe(path);
    if (stat.size > MAX_BYTES) throw unreadable(path, `is larger than ${MAX_BYTES / 1024 / 1024} MB`);
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof SeamlockError) throw error;
    throw unreadable(path, `cannot be read: ${reason(error)}`);
  }
}

/**
 * The bytes of a file of any size.
 *
 * @throws SeamlockError SL0006
 */
export function readBytes(path: string): Uint8Array {
  try {
    const stat = statSync(path);
    if (!stat.isFile())
      throw unreadable(path, stat.isDirectory() ? "is a directory, not a file" : "is no regular file");
    const bytes = new Uint8Array(stat.size);
    const file = openSync(path, "r");
    try {
      for (let at = 0; at < bytes.length; ) {
        const read = readSync(file, bytes, at, Math.min(CHUNK, bytes.length - at), at);
        if (read === 0) throw unreadable(path, "became shorter while it was read");
        at += read;
      }
    } finally {
      closeSync(file);
    }
    return bytes;
  } catch (error) {
    if (error instanceof SeamlockError) throw error;
    throw unreadable(path, `cannot be read: ${reason(error)}`);
  }
}

/** Bytes that are read at once: Node reads no more than 2 GB in one call. */
const CHUNK = 256 * 1024 * 1024;

/** A pipe whose writer may never come. Waiting for it in a system call would keep Ctrl-C waiting too. */
async function readPipe(path: string): Promise<string> {
  // Rare, so that nobody else waits for these to load.
  const [{ Socket }, { text }] = await Promise.all([import("node:net"), import("node:stream/consumers")]);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return text(new Socket({ fd, readable: true, writable: false }));
}

/** What is wrong with a file that cannot be read. */
export function unreadable(path: string, problem: string): SeamlockError {
  return new SeamlockError("SL0006", `\`${path}\` ${problem}`, {
    place: { file: path },
    hint: "name a file that you can read",
  });
}

/**
 * Writes a file whole or not at all: readers see the old content or the new, and a full disk leaves the old.
 *
 * Synchronous on purpose: a signal is handled before it or after it, so no temporary file is left behind.
 *
 * @param content the text, or pieces of bytes that are written one after another
 * @throws SeamlockError SL0007
 */
export function writeWhole(path: string, content: string | readonly Uint8Array[]): void {
  try {
    const target = existing(path);
    if (target?.isDirectory) throw unwritable(path, "is a directory, not a file");
    if (target !== null && !target.isFile) writeTo(path, content);
    else replace(target?.path ?? path, content, target?.mode ?? null);
  } catch (error) {
    if (error instanceof SeamlockError) throw error;
    throw unwritable(path, `cannot be written: ${reason(error)}`);
  }
}

/**
 * Fails like {@link writeWhole} would where that can be told without writing.
 *
 * @throws SeamlockError SL0007
 */
export function checkWritable(path: string): void {
  try {
    const target = existing(path);
    if (target?.isDirectory) throw unwritable(path, "is a directory, not a file");
    if (target === null || target.isFile) accessSync(dirname(target?.path ?? path), constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof SeamlockError) throw error;
    throw unwritable(path, `cannot be written: ${reason(error)}`);
  }
}

/**
 * Makes a folder and those above it that are missing.
 *
 * One at a time: making them all at once never ends where a file system takes no folders, such as /proc.
 *
 * @throws SeamlockError SL0007
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); statSync(at, { throwIfNoEntry: false }) === undefined; at = dirname(at))
    missing.push(at);
  try {
    for (const folder of missing.reverse()) mkdirSync(folder);
    if (!statSync(path).isDirectory()) throw new Error("something else has this name");
  } catch (error) {
    throw new SeamlockError("SL0007", `\`${path}\` cannot be made a folder: ${reason(error)}`, {
      place: { file: path },
      hint: "name a folder in a directory that you can write to",
      cause: error,
    });
  }
}

/** What stands at `path` now, symbolic links followed; null when nothing does. */
function existing(path: string): { path: string; isFile: boolean; isDirectory: boolean; mode: number } | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  return { path: realpathSync(path), isFile: stat.isFile(), isDirectory: stat.isDirectory(), mode: stat.mode & 0o777 };
}

function replace(path: string, content: string | readonly Uint8Array[], mode: number | null): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = openSync(temporary, "wx");
    try {
      writeTo(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (mode !== null) chmodSync(temporary, mode);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** To a file that is open, or to a device. */
function writeTo(file: string | number, content: string | readonly Uint8Array[]): void {
  if (typeof content === "string") writeFileSync(file, content);
  else for (const piece of content) writeFileSync(file, piece);
}

function unwritable(path: string, problem: string): SeamlockError {
  return new SeamlockError("SL0007", `\`${path}\` ${problem}`, {
    place: { file: path },
    hint: "name a file in a directory that you can write to",
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of the path is not a directory",
  ELOOP: "symbolic links form a loop",
  ENAMETOOLONG: "the name is too long",
};

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ""] ?? message;
}
