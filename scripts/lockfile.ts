/** What `npm ci` asks of package-lock.json, and a registry that mirrors only some platforms leaves out. */

interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly license?: string;
  readonly engines?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lockfile {
  packages: Record<string, LockedPackage>;
}

interface Missing {
  readonly name: string;
  readonly version: string;
  readonly parent: LockedPackage;
}

const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "ppc64", "riscv64", "s390x", "x64"];

/** Builds for other platforms that some package names and the lockfile does not hold. `npm ci` refuses such a lockfile. */
export function missingPlatforms({ packages }: Lockfile): Missing[] {
  return Object.entries(packages).flatMap(([path, parent]) =>
    Object.entries(parent.optionalDependencies ?? {})
      .filter(([name]) => !isLocked(packages, path, name))
      .map(([name, version]) => ({ name, version, parent })),
  );
}

/** Looks for a package as Node does: in the `node_modules` of its parent, then of each folder above. */
function isLocked(packages: Lockfile["packages"], parent: string, name: string): boolean {
  for (let folder = parent; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    if (packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`] !== undefined) return true;
    if (folder === "") return false;
  }
}

/** The lockfile with an entry for every missing platform: what npm needs to skip it here and to install it there. */
export function completed(lockfile: Lockfile): Lockfile {
  const added = missingPlatforms(lockfile).map((missing) => [`node_modules/${missing.name}`, entry(missing)] as const);
  const all = [...Object.entries(lockfile.packages), ...added];
  all.sort(([a], [b]) => Number(b === "") - Number(a === "") || a.localeCompare(b, "en"));
  return { ...lockfile, packages: Object.fromEntries(all) };
}

function entry({ name, version, parent }: Missing): LockedPackage {
  if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`${name} is not pinned but ${version}`);
  const parts = name.split(/[/-]/);
  const system = SYSTEMS.find((candidate) => parts.includes(candidate));
  const processor = PROCESSORS.find((candidate) => parts.includes(candidate));
  const library = name.includes("musl") ? ["musl"] : system === "linux" && name.includes("-gnu") ? ["glibc"] : null;
  const fields = {
    version,
    cpu: processor === undefined ? undefined : [processor],
    dev: parent.dev,
    libc: library ?? undefined,
    license: parent.license,
    optional: true,
    os: system === undefined ? undefined : [system],
    engines: parent.engines,
  };
  return JSON.parse(JSON.stringify(fields)) as LockedPackage;
}
