import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Packages whose code is copied into dist/. test/package checks the list against what the build contains. */
export const BUNDLED = ["commander", "fastest-levenshtein", "picocolors", "tree-sitter-c", "yaml", "zod"] as const;

/** The notice that their licences ask for. */
export function thirdPartyNotice(): string {
  const parts = BUNDLED.map((name) => {
    const folder = join("node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<
      string,
      string
    >;
    const what = name === "tree-sitter-c" ? " (as tree-sitter-c.wasm)" : "";
    return `${name} ${version}${what}, licence ${license}\n\n${licenceText(folder)}`;
  });
  return `seamlock contains code of these packages.\n\n${parts.join(`\n${"-".repeat(78)}\n\n`)}`;
}

function licenceText(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  if (file === undefined) throw new Error(`${folder} has no licence file`);
  return `${readFileSync(join(folder, file), "utf8").trim()}\n`;
}
