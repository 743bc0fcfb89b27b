/** Results of a sweep on disk: one file a check, named after what was checked, written whole or not at all. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SeamlockError } from "../errors.ts";
import type { checkDocument } from "./check-document.ts";
import { makeFolder, statOf, writeWhole } from "./files.ts";
import { jsonDigest, jsonText } from "./json.ts";
import { buildWords, type MadeBy, sameBuild, thisBuild } from "./made-by.ts";

/** `seamlock/sweep-result@1`: a check, and its place in the matrix. */
export interface SweepResult extends Omit<ReturnType<typeof checkDocument>, "schema"> {
  readonly schema: "seamlock/sweep-result@1";
  readonly matrix: { readonly name: string; readonly digest: string; readonly cases: number; readonly case: number };
  readonly module: string | null;
  readonly host: string | null;
  /** What the matrix set beside scenario, module, host and policy. */
  readonly setting: string;
  /** Why its size is another than the matrix's. */
  readonly sizeNote: string | null;
  /** Absent in results of before there was this field, of which nobody knows what made them. */
  readonly madeBy?: MadeBy;
  /** Of all the rest: a result that was changed after it was written is none. */
  readonly digest: string;
}

const DIGITS = 16;
/** A file that was being written when the process was killed is none of ours any more after so long. */
const STALE_MS = 60_000;

export const digestOf = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, DIGITS);

/** Was it made by this build? What another one found may be what this one would not find. */
export const isOwn = ({ madeBy }: SweepResult): boolean => madeBy !== undefined && sameBuild(madeBy, thisBuild());

/** The file of a check: readable, and different as soon as anything that decides the verdict is, but for the build, which the result states. */
export function resultName(reproduce: string, digest: string): string {
  const slug = reproduce
    .replaceAll(/[^\w.=]+/g, "-")
    .replaceAll(/^-|-$/g, "")
    .slice(0, 100);
  return `${slug}-${digest}.json`;
}

/** @throws SeamlockError SL0006, SL0007 */
export function prepareFolder(folder: string): void {
  makeFolder(folder);
  for (const name of namesIn(folder)) {
    if (!/^\..+-[0-9a-f]{16}\.json\.[0-9a-f]{12}\.tmp$/.test(name)) continue;
    const stat = statOf(join(folder, name));
    if (stat !== undefined && Date.now() - stat.mtimeMs > STALE_MS) rmSync(join(folder, name), { force: true });
  }
}

/** Writes a result, with its digest, and gives it. */
export function writeResult(file: string, facts: Omit<SweepResult, "digest">): SweepResult {
  const { digest: _, ...rest } = facts as SweepResult;
  const result = { ...rest, digest: jsonDigest(rest) };
  writeWhole(file, jsonText(result));
  return result;
}

/**
 * A finished result; null when there is none.
 *
 * @throws SeamlockError SL4306 when the file is something else
 */
export function readResult(file: string): SweepResult | null {
  if (statOf(file) === undefined) return null;
  const fault = (problem: string): SeamlockError =>
    new SeamlockError("SL4306", `\`${file}\` ${problem}`, {
      place: { file },
      hint: "remove it, and run the sweep again for this case",
    });
  let value: SweepResult;
  try {
    value = JSON.parse(readFileSync(file, "utf8"), (_, part: unknown) => asWritten(part)) as SweepResult;
  } catch {
    throw fault("is not the result of a sweep");
  }
  if (value?.schema !== "seamlock/sweep-result@1") throw fault("is not the result of a sweep");
  const { digest, ...rest } = value;
  if (digest !== jsonDigest(rest)) throw fault("was changed after the sweep wrote it");
  return value;
}

/** Numbers that JSON can write in words only stay words: `1e999` is read as infinity, which a digest takes for `null`. */
const asWritten = (part: unknown): unknown =>
  typeof part === "number" && !Object.is(JSON.parse(JSON.stringify(part)), part) ? String(part) : part;

/** A result and the name of its file. */
export interface Filed {
  readonly name: string;
  readonly result: SweepResult;
}

/**
 * All results of some folders, in the order of the matrix.
 *
 * @throws SeamlockError SL0006 no such folder · SL4306 a file is no result · SL4307 results of several matrices, or several verdicts on one case ·
 *   SL4308 results of several builds
 */
export function readFolders(folders: readonly string[]): Filed[] {
  const found = new Map<number, Filed>();
  let first: { readonly file: string; readonly result: SweepResult } | undefined;
  for (const { folder, name } of folders.flatMap(filesOf)) {
    const file = join(folder, name);
    const result = readResult(file);
    if (result === null) continue;
    const other = found.get(result.matrix.case);
    first ??= { file, result };
    if (first.result.matrix.digest !== result.matrix.digest) {
      throw new SeamlockError("SL4307", `\`${file}\` is of another matrix`, {
        hint: `the others are of ${first.result.matrix.name}; merge one matrix at a time`,
      });
    }
    refuseOtherBuild(file, result, first);
    if (other !== undefined && other.name !== name) {
      throw new SeamlockError("SL4307", `there are two results for \`${result.reproduce}\``, {
        place: { file },
        hint: `the other is ${other.name}; remove the one that is out of date`,
      });
    }
    found.set(result.matrix.case, { name, result });
  }
  return [...found.values()].sort((a, b) => a.result.matrix.case - b.result.matrix.case);
}

/** Results of two builds are no whole: what one of them says, the other may not. */
function refuseOtherBuild(
  file: string,
  { madeBy }: SweepResult,
  first: { readonly file: string; readonly result: SweepResult },
): void {
  const fault = (problem: string): SeamlockError =>
    new SeamlockError("SL4308", `\`${file}\` ${problem}`, {
      place: { file },
      hint: "run the sweep of each folder again, all with one seamlock: it makes anew what another build made",
    });
  if (madeBy === undefined) throw fault("does not say which build of seamlock made it");
  const other = first.result.madeBy as MadeBy;
  if (sameBuild(madeBy, other)) return;
  throw fault(`was made by another build (${buildWords(madeBy)}) than \`${first.file}\` (${buildWords(other)})`);
}

function filesOf(folder: string): { folder: string; name: string }[] {
  const names = namesIn(folder).filter((name) => name.endsWith(".json") && !name.startsWith("."));
  return names.sort().map((name) => ({ folder, name }));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw new SeamlockError("SL0006", `\`${folder}\` is no folder that can be read`, {
      place: { file: folder },
      cause,
    });
  }
}
