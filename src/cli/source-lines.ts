import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Site } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";

/**
 * Reads single lines of a module's source tree.
 *
 * @throws SeamlockError SL0006 when there is no such folder
 */
export function sourceReader(folder: string): (site: Site) => string | null {
  if (!existsSync(folder)) {
    throw new SeamlockError("SL0006", `\`${folder}\` cannot be read: no such file or directory`, {
      place: { file: folder },
      hint: "name the folder of the module's source tree",
    });
  }
  const files = new Map<string, readonly string[] | null>();
  return ({ file, line }) => {
    let lines = files.get(file);
    if (lines === undefined) {
      lines = linesOf(join(folder, file));
      files.set(file, lines);
    }
    return lines?.[line - 1] ?? null;
  };
}

/** Null of what is no file, or none that may be read: a pipe would keep the program waiting. */
function linesOf(path: string): readonly string[] | null {
  try {
    return statSync(path).isFile() ? readFileSync(path, "utf8").split("\n") : null;
  } catch {
    return null;
  }
}
