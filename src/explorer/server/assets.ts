import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SeamlockError } from "../../errors.ts";

/** What the build makes of `src/explorer/client`. */
export interface Assets {
  /** The program of the page and of its workers, a classic script. */
  readonly program: string;
  readonly style: string;
}

/**
 * The client as the build left it: beside the program in the package, in `dist/` of a checkout.
 *
 * @throws SeamlockError SL6003 when it is not there
 */
export function loadAssets(): Assets {
  const folder = assetFolder();
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  return { program: read("program.js"), style: read("style.css") };
}

function assetFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const found = [join(folder, "explorer"), join(folder, "dist", "explorer")].find((f) =>
      existsSync(join(f, "program.js")),
    );
    if (found !== undefined) return found;
    if (folder === dirname(folder)) {
      throw new SeamlockError("SL6003", "the explorer's page is not beside the program", {
        hint: "install the package again; in a checkout, `npm run build` makes it",
      });
    }
  }
}
