import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Option } from "commander";
import { SeamlockError } from "../errors.ts";
import { type LoadedHost, parseHost } from "../host/index.ts";
import { readText } from "./files.ts";
import { didYouMean } from "./suggest.ts";

/** The option that names a host profile. */
export function hostOption(): Option {
  return new Option(
    "--host <host>",
    "hypervisor: a bundled profile (`seamlock host`), the path of one, or the folder of a kernel tree",
  );
}

/** The option that names a list of accepted pairs. */
export function allowOption(): Option {
  return new Option(
    "--allow <file>",
    "accepted pairs, each with a reason; any other possible pair is a finding (exit 1)",
  );
}

function hostFolder(): string | null {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const data = join(folder, "data", "hosts");
    if (existsSync(data)) return data;
    if (folder === dirname(folder)) return null;
  }
}

/** Names of the bundled host profiles. */
export function bundledHosts(): string[] {
  const folder = hostFolder();
  if (folder === null) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
  return files.map((file) => file.slice(0, -".yaml".length)).sort();
}

/** Does a word name a host rather than a module: a profile, or a kernel tree? */
export function isHost(word: string): boolean {
  return bundledHosts().includes(word) || /\.ya?ml$/.test(word) || isFolder(word);
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/**
 * The profile that `--host` names: a bundled one, a file, or a kernel tree, which is extracted, or was before.
 *
 * @throws SeamlockError SL3012 when there is no such host, SL0006 when its file cannot be read, SL30xx when it is no profile,
 *   SL34xx when it is a folder and no kernel tree
 */
export async function loadHost(name: string): Promise<LoadedHost> {
  if (!bundledHosts().includes(name) && isFolder(name)) {
    const { defaultCacheDir, extractHost } = await import("../kernel/index.ts");
    const { profile } = extractHost(name, { cacheDir: defaultCacheDir() });
    return { profile, placeOf: () => ({ file: name }) };
  }
  const { text, file } = await hostText(name);
  return parseHost(text, file);
}

/** The text of a profile and the name of its file. */
export async function hostText(name: string): Promise<{ readonly text: string; readonly file: string }> {
  const bundled = bundledHosts();
  const folder = hostFolder();
  const file = folder !== null && bundled.includes(name) ? join(folder, `${name}.yaml`) : name;
  const isPath = /[/\\]|\.ya?ml$/.test(name) || statSync(name, { throwIfNoEntry: false }) !== undefined;
  if (file === name && !isPath) {
    throw new SeamlockError("SL3012", `no host \`${name}\` is bundled, and no file has that name`, {
      hint: didYouMean(name, bundled, `bundled are ${bundled.join(", ")}`),
    });
  }
  return { text: await readText(file), file };
}
