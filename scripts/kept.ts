/** Answers that take long, kept in a folder by everything that decides them. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const digestOf = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

/**
 * The answer that is kept, or one that is asked for now.
 *
 * @param question all that the answer depends on: what is asked, and who answers
 */
export async function keptAnswer<Answer>(
  folder: string,
  name: string,
  question: unknown,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  const file = join(folder, `${name}-${digestOf(JSON.stringify(question)).slice(0, 32)}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Answer;
  const answer = await ask();
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, JSON.stringify(answer));
  return answer;
}

/** A digest of all files of a search path, whose entries are files and folders: the same program is the same wherever it lies. */
export function pathDigest(path: string): string {
  const entries = path.split(delimiter).filter((entry) => entry !== "");
  return digestOf(entries.map((entry) => contentDigest(entry)).join());
}

function contentDigest(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return "none";
  if (!stat.isDirectory()) return digestOf(readFileSync(path));
  const names = readdirSync(path).sort();
  return digestOf(names.map((name) => `${name} ${contentDigest(join(path, name))}`).join("\n"));
}
