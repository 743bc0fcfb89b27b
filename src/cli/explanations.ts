import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Explanation, parseExplanations } from "../analysis/index.ts";
import { readText } from "./files.ts";

/** The published table and the version that it was made of, for which explanations are bundled. */
const EXPLAINED = { published: "lkml-2024-09-13", extracted: "1.5.05" };

/** Why a published table and an extraction differ; null when no explanations of the two are bundled. */
export async function publishedExplanations(
  published: string,
  extracted: string,
): Promise<readonly Explanation[] | null> {
  if (published !== EXPLAINED.published || extracted !== EXPLAINED.extracted) return null;
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, "data", "published-explanations.yaml");
    if (existsSync(file)) return parseExplanations(await readText(file), file);
    if (folder === dirname(folder)) return null;
  }
}
