import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Option } from "commander";
import { SeamlockError } from "../errors.ts";
import type { HostProfile, LoadedHost } from "../host/index.ts";
import { hostAlias, pathWords } from "../report/index.ts";
import { didYouMean } from "../text.ts";
import { readText, statOf } from "./files.ts";
import { byVersion } from "./modules.ts";

/**
 * The option that names a host profile.
 *
 * @param otherwise which host it is where none is named
 */
export function hostOption(otherwise: string): Option {
  return new Option(
    "--host <host>",
    `hypervisor: a bundled profile (\`seamlock host\`; 6.17, latest), the path of one, the folder of a kernel tree, or none (default: ${otherwise})`,
  );
}

/**
 * The host of a report: the one that is named, the newest bundled kernel when none is, null for `none`.
 *
 * @throws SeamlockError as {@link loadHost}
 */
export const chosenHost = (name: string | undefined): Promise<HostProfile | null> =>
  namedHost(name ?? newestHost() ?? undefined);

/**
 * The host of what is told of the module alone unless a host is named: null for `none` and where none is named.
 *
 * @throws SeamlockError as {@link loadHost}
 */
export const namedHost = async (name: string | undefined): Promise<HostProfile | null> =>
  name === undefined || name === "none" ? null : loadProfile(name);

/**
 * The profile that a name means, without the places in its file. The build leaves those of the package as JSON beside the program: to
 * read YAML and check every field takes longer than the report.
 *
 * @throws SeamlockError as {@link loadHost}
 */
export async function loadProfile(word: string): Promise<HostProfile> {
  const name = hostName(word);
  if (!bundledHosts().includes(name)) return (await loadHost(word)).profile;
  const known = BUNDLED.get(name) ?? readProfile(name);
  BUNDLED.set(name, known);
  return known;
}

/** Bundled profiles that were read: nobody changes one, and a report speaks of several hosts more than once. */
const BUNDLED = new Map<string, Promise<HostProfile>>();

async function readProfile(name: string): Promise<HostProfile> {
  const compiled = join(dirname(fileURLToPath(import.meta.url)), "hosts", `${name}.json`);
  if (!existsSync(compiled)) return (await loadHost(name)).profile;
  return JSON.parse(await readText(compiled)) as HostProfile;
}

/** The bundled kernels after this one, oldest first; none of a host that is no bundled kernel. */
export async function laterKernels(name: string): Promise<readonly HostProfile[]> {
  const kernels = bundledKernels();
  const at = kernels.indexOf(name);
  if (at < 0) return [];
  return Promise.all(kernels.slice(at + 1).map(loadProfile));
}

/** An option that says nothing without a host was given without one. */
export const needsHost = (option: string): SeamlockError =>
  new SeamlockError("SL0004", `--${option} is about the paths of a host`, {
    hint: "leave out `--host none`; `seamlock host` lists the bundled ones",
  });

/**
 * A host without some of its paths, by name or pattern (`machine-check*`), or as reports call them: `punch hole`, `any zap`.
 *
 * @throws SeamlockError SL0009 when a word fits no path, SL0004 where there is no host
 */
export function withoutPaths(host: HostProfile | null, words: readonly string[]): HostProfile | null {
  if (words.length === 0) return host;
  if (host === null) throw needsHost("without");
  const called = ({ name }: HostProfile["paths"][number]): string[] => {
    const { short, group } = pathWords(name);
    return [name, short, ...(group === null ? [] : [group])];
  };
  const fits = words.map((word) => {
    const source = word
      .toLowerCase()
      .replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*");
    const pattern = new RegExp(`^${source}$`);
    const found = host.paths.filter((path) => called(path).some((name) => pattern.test(name.toLowerCase())));
    if (found.length > 0) return new Set(found);
    const names = [...new Set(host.paths.flatMap(called))];
    throw new SeamlockError("SL0009", `\`${word}\` is no path of ${host.name}`, {
      hint: didYouMean(word, names, `it has ${host.paths.map(({ name }) => `\`${name}\``).join(", ")}`),
    });
  });
  return { ...host, paths: host.paths.filter((path) => !fits.some((set) => set.has(path))) };
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

/** Does a word name a host rather than a module: a profile, or a kernel tree? A folder with `src/` and without `arch/` is a module's. */
export function isHost(word: string): boolean {
  if (bundledHosts().includes(hostName(word)) || /\.ya?ml$/.test(word)) return true;
  return isFolder(word) && (isFolder(join(word, "arch")) || !isFolder(join(word, "src")));
}

/** What a bundled host is called, as people write it: `6.16`, `v6.16`, `latest`, `6.17` for what has the same locks; other words stay. */
export function hostName(word: string): string {
  const bundled = bundledHosts();
  if (bundled.includes(word)) return word;
  if (word === "latest") return newestHost() ?? word;
  const version = word.replace(/^(linux-|v)/i, "");
  const alias = hostAlias(version);
  return bundled.includes(`linux-${version}`) ? `linux-${version}` : (alias ?? word);
}

/** Bundled kernels, oldest first. */
export function bundledKernels(): string[] {
  const kernels = bundledHosts().filter((name) => /^linux-\d/.test(name));
  return kernels.sort((a, b) => byVersion(a.slice("linux-".length), b.slice("linux-".length)));
}

/** The newest bundled kernel; null when none is bundled. */
export function newestHost(): string | null {
  return bundledKernels().at(-1) ?? null;
}

/**
 * The host that was asked for, else the bundled kernel that comes nearest before a release that an input states, else the newest; null for `none`.
 *
 * @returns with it what its reader must know of the choice
 * @throws SeamlockError as {@link loadHost}
 */
export async function hostFor(
  asked: string | undefined,
  kernel: string | null,
): Promise<{ readonly profile: HostProfile | null; readonly notes: readonly string[] }> {
  if (asked === "none") return { profile: null, notes: [] };
  if (asked !== undefined) return { profile: await loadProfile(asked), notes: [] };
  const releases = bundledHosts()
    .flatMap((name) => /^linux-(\d+(?:\.\d+)+)$/.exec(name)?.[1] ?? [])
    .sort(byVersion);
  const newest = releases.at(-1);
  if (newest === undefined) return { profile: null, notes: [] };
  const before =
    kernel === null ? newest : (releases.filter((r) => byVersion(r, kernel) <= 0).at(-1) ?? releases[0] ?? newest);
  const profile = await loadProfile(`linux-${before}`);
  const notes =
    kernel === null
      ? [`What the kernel does is told for Linux ${before}; --host names another, or none.`]
      : kernel === before
        ? []
        : [`The input states Linux ${kernel}, which is not bundled: what the kernel does is told for Linux ${before}.`];
  return { profile, notes };
}

const isFolder = (path: string): boolean => statOf(path)?.isDirectory() === true;

/** Does a host's name mean the folder of a kernel tree? A bundled profile of that name goes first. */
export const isTree = (name: string): boolean => !bundledHosts().includes(hostName(name)) && isFolder(name);

/**
 * The profile that `--host` names: a bundled one, a file, or a kernel tree, which is extracted, or was before.
 *
 * @throws SeamlockError SL3012 when there is no such host, SL0006 when its file cannot be read, SL30xx when it is no profile,
 *   SL34xx when it is a folder and no kernel tree
 */
export async function loadHost(name: string): Promise<LoadedHost> {
  if (isTree(name)) {
    const { defaultCacheDir, extractHost } = await import("../kernel/index.ts");
    const { profile } = extractHost(name, { cacheDir: defaultCacheDir() });
    return { profile, placeOf: () => ({ file: name }) };
  }
  const [{ text, file }, { parseHost }] = await Promise.all([hostText(name), import("./foreign-files.ts")]);
  return parseHost(text, file);
}

/** The text of a profile and the name of its file. */
export async function hostText(word: string): Promise<{ readonly text: string; readonly file: string }> {
  const bundled = bundledHosts();
  const folder = hostFolder();
  const name = hostName(word);
  const file = folder !== null && bundled.includes(name) ? join(folder, `${name}.yaml`) : name;
  const isPath = name === "-" || /[/\\]|\.ya?ml$/.test(name) || statOf(name) !== undefined;
  if (file === name && !isPath) {
    throw new SeamlockError("SL3012", `no host \`${name}\` is bundled, and no file has that name`, {
      hint: didYouMean(name, bundled, `bundled are ${bundled.join(", ")}`),
    });
  }
  return { text: await readText(file), file };
}
