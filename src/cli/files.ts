import { randomBytes } from "node:crypto";
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { SeamlockError } from "../errors.ts";
import { makeFolders } from "../folders.ts";
import { SIGNALS } from "./io.ts";

/** Far above any catalog or profile; a guard against a wrong file, not a limit that anybody should meet. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * What stands at a path, links followed; undefined where nothing does.
 *
 * @throws SeamlockError SL0006 when that cannot be told: a name too long, links in a loop, a folder that may not be searched
 */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // Below a file there is nothing; that is no trouble of the path.
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw unreadable(path, `cannot be read: ${reason(error)}`);
  }
}

/** Standard input is over once it was read. */
let isTaken = false;

/**
 * Says that standard input is read now.
 *
 * @throws SeamlockError SL0004 when it was read before
 */
export function takeStandardInput(): void {
  if (isTaken) {
    throw new SeamlockError("SL0004", "standard input is named twice, as `-`, and can be read once only", {
      hint: "put one of the two into a file",
    });
  }
  isTaken = true;
}

/**
 * The text of a file named on the command line; `-` is standard input.
 *
 * @throws SeamlockError SL0006 when it cannot be read, SL0004 when standard input was read before
 */
export async function readText(path: string): Promise<string> {
  const content = await contentOf(path);
  // What two bytes that no UTF-8 has (the mark of UTF-16) and a zero beside each character become.
  if (!/^\uFFFD\uFFFD(?:[^\0]\0|\0[^\0])/.test(content)) return content;
  throw new SeamlockError("SL0006", `\`${path}\` is UTF-16, and UTF-8 is read`, {
    place: { file: path },
    hint: "`iconv -f UTF-16 -t UTF-8 FILE` writes it so",
  });
}

async function contentOf(path: string): Promise<string> {
  if (path === "-") {
    takeStandardInput();
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
 * The bytes of a file of any size; `-` is standard input.
 *
 * @throws SeamlockError SL0006 when it cannot be read, SL0004 when standard input was read before
 */
export function readBytes(path: string): Uint8Array {
  try {
    if (path === "-") {
      takeStandardInput();
      return readFileSync(0);
    }
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
 * Synchronous on purpose: a signal waits for its end, so no temporary file is left behind.
 *
 * @param content the text, or pieces of bytes that are written one after another
 * @throws SeamlockError SL0007
 */
export function writeWhole(path: string, content: string | readonly Uint8Array[]): void {
  try {
    const target = existing(path);
    if (target?.isDirectory) throw unwritable(path, "is a directory, not a file");
    if (target !== null && !target.isFile) writeTo(path, content);
    else undisturbed(() => replace(target?.path ?? path, content, target?.mode ?? null));
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
 * @throws SeamlockError SL0007
 */
export function makeFolder(path: string): void {
  try {
    makeFolders(path);
  } catch (error) {
    throw new SeamlockError("SL0007", `\`${path}\` cannot be made a folder: ${reason(error)}`, {
      place: { file: path },
      hint: "name a folder in a directory that you can write to, on a disk with room",
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

/** While `work` runs, without a pause, a signal waits for its end; then it ends the process, unless a verb handles signals itself. */
function undisturbed(work: () => void): void {
  const guards = Object.entries(SIGNALS)
    .filter(([name]) => process.listenerCount(name) === 0)
    .map(([name, status]) => ({ name, end: () => process.exit(status) }));
  for (const { name, end } of guards) process.on(name, end);
  try {
    work();
  } finally {
    // What came meanwhile is given out before this.
    setImmediate(() => {
      for (const { name, end } of guards) process.off(name, end);
    });
  }
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
    hint: "name a file in a directory that you can write to, on a disk with room",
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

/** Why the system refuses something, in words. */
export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ""] ?? message;
}
