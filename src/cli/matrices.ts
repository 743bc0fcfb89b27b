import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SeamlockError } from "../errors.ts";
import { didYouMean } from "../text.ts";
import { readText, statOf } from "./files.ts";

function matrixFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const data = join(folder, "data", "matrices");
    if (existsSync(data)) return data;
    if (folder === dirname(folder))
      throw new SeamlockError("SL0008", "the bundled matrices are missing", { hint: "install the package again" });
  }
}

/** Names of the bundled matrices, in alphabetical order. */
export function bundledMatrices(): string[] {
  const files = readdirSync(matrixFolder()).filter((file) => file.endsWith(".yaml"));
  return files.map((file) => file.slice(0, -".yaml".length)).sort();
}

/**
 * The text of a matrix, bundled or a file, and the name of its file.
 *
 * @throws SeamlockError SL4300 when there is none
 */
export async function matrixText(name: string): Promise<{ readonly text: string; readonly file: string }> {
  const bundled = bundledMatrices();
  if (bundled.includes(name)) {
    const file = join(matrixFolder(), `${name}.yaml`);
    return { text: await readText(file), file };
  }
  const isPath = name === "-" || /\.ya?ml$/.test(name) || statOf(name) !== undefined;
  if (isPath) return { text: await readText(name), file: name };
  throw new SeamlockError("SL4300", `no matrix \`${name}\` is bundled, and no file has that name`, {
    hint: didYouMean(name, bundled, `bundled are ${bundled.join(", ")}`),
  });
}
