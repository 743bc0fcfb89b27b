/** Where a line of the module's source can be read. */
import type { ModuleInfo, Site } from "./types.ts";

/**
 * The public page of a source line at the catalog's revision; null when the catalog names none. What does not look like a
 * repository, a commit and a path is not made into a link.
 */
export function sourceUrl(
  { repository, revision }: Pick<ModuleInfo, "repository" | "revision">,
  { file, line }: Pick<Site, "file" | "line">,
): string | null {
  if (repository === null || revision === null) return null;
  if (!/^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(repository) || !/^[0-9a-f]{7,64}$/.test(revision)) return null;
  const parts = file.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) return null;
  return `https://github.com/${repository}/blob/${revision}/${parts.map(encodeURIComponent).join("/")}${line > 0 ? `#L${line}` : ""}`;
}
