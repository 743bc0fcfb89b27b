import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The notice that the licences of bundled code ask for.
 *
 * @param moduleIds paths of the modules in the build
 */
export function thirdPartyNotice(moduleIds: Iterable<string>): string {
  const parts = packagesOf(moduleIds).map((name) => {
    const folder = join("node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<
      string,
      string
    >;
    return `${name} ${version}, licence ${license}\n\n${licenceText(folder)}`;
  });
  return `seamlock contains code of these packages.\n\n${parts.join(`\n${"-".repeat(78)}\n\n`)}`;
}

function packagesOf(moduleIds: Iterable<string>): string[] {
  const names = new Set<string>();
  for (const id of moduleIds) {
    const name = /.*[/\\]node_modules[/\\]((?:@[^/\\]+[/\\])?[^/\\]+)/.exec(id)?.[1];
    if (name !== undefined) names.add(name.replaceAll("\\", "/"));
  }
  return [...names].sort();
}

function licenceText(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  if (file === undefined) throw new Error(`${folder} has no licence file`);
  return `${readFileSync(join(folder, file), "utf8").trim()}\n`;
}
