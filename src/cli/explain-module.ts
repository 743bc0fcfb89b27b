/** Which module's facts explain a log: the one that was asked for, or that the log states, or what comes nearest to it. */
import type { LogReading } from "../analysis/index.ts";
import { type Catalog, decodeStatus, formatStatus, resolveLeaf } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import {
  bundledReleases,
  byVersion,
  type KnownRelease,
  knownRelease,
  loadModule,
  readBundled,
  tablesReadByHand,
} from "./modules.ts";

/** A catalog, and what its reader must know of the choice. */
export interface ChosenModule {
  readonly catalog: Catalog;
  readonly notes: readonly string[];
  /** Did the caller or the log say which version the machine runs? */
  readonly isStated: boolean;
}

/** What a log is read with before it is known what it states. */
export interface Asked {
  /** The catalog that was asked for; of a release without one, the nearest. */
  readonly catalog: Catalog;
  readonly release: KnownRelease | null;
  readonly isAsked: boolean;
}

/**
 * The catalog that `--module` names. A known release without a bundled catalog is answered by the nearest one.
 *
 * @throws SeamlockError as {@link loadModule}
 */
export async function askedModule(word: string | undefined): Promise<Asked> {
  const isAsked = word !== undefined;
  const release = word === undefined ? null : knownRelease(word);
  return { catalog: await loadModule(release?.nearest ?? word), release, isAsked };
}

/** Catalogs whose names a log may use: those that were read by hand too, for they have calls that no other has. */
export function namesFrom({ catalog, isAsked }: Asked): readonly Catalog[] {
  const newest = bundledReleases().at(-1);
  const others = [...(isAsked && newest !== undefined ? [newest] : []), ...tablesReadByHand()];
  return [catalog, ...others.filter((name) => name !== catalog.module.version).map(readBundled)];
}

/**
 * The module for what a log says.
 *
 * @param leaf the call that returned the statuses, where the caller says so
 */
export function moduleFor({ catalog, release, isAsked }: Asked, reading: LogReading, leaf?: string): ChosenModule {
  if (isAsked) return release === null ? only(catalog) : nearest(release, reading, leaf, "M");
  const { module } = reading;
  if (module === null) return withoutVersion(catalog, reading, leaf);
  if (module === catalog.module.version) return only(catalog);
  const bundled = bundledReleases();
  if (bundled.includes(module)) return only(readBundled(module));
  const known = knownRelease(module);
  if (known !== null) return nearest(known, reading, leaf, "The input states m");
  const before = bundled.filter((name) => byVersion(name, module) <= 0);
  const chosen = before.at(-1) ?? bundled[0] ?? catalog.module.version;
  const notes = [`The input states module ${module}, which is not bundled: this is for ${chosen}.`];
  return { catalog: readBundled(chosen), notes, isStated: true };
}

const only = (catalog: Catalog): ChosenModule => ({ catalog, notes: [], isStated: true });

/** The nearest release; for a log of calls or statuses that only a table that was read by hand has, that table. */
function nearest(release: KnownRelease, reading: LogReading, leaf: string | undefined, lead: string): ChosenModule {
  const { version, differs, read } = release;
  const known = readBundled(release.nearest);
  const table = read === undefined ? null : readBundled(read);
  const catalog = table !== null && knows(table, reading, leaf) > knows(known, reading, leaf) ? table : known;
  const said = `${lead}odule ${version}, which is not bundled: this is for ${catalog.module.version}.`;
  const notes = catalog === known ? [said, `Known to differ: ${differs.join("; ")}.`] : [said];
  return { catalog, notes, isStated: true };
}

/** Nobody said which version: the newest, unless only a table that was read by hand has the calls. */
function withoutVersion(catalog: Catalog, reading: LogReading, leaf: string | undefined): ChosenModule {
  const { version } = catalog.module;
  for (const name of tablesReadByHand()) {
    const table = readBundled(name);
    if (knows(table, reading, leaf) <= knows(catalog, reading, leaf)) continue;
    const notes = [`Module ${version} does not have all of these calls and statuses: this is for ${name}.`];
    return { catalog: table, notes, isStated: true };
  }
  return { catalog, notes: [], isStated: false };
}

/** How many of a log's statuses a catalog has, of the calls that they go with. */
function knows(catalog: Catalog, { groups }: LogReading, leaf: string | undefined): number {
  if (leaf !== undefined && !has(catalog, leaf)) return 0;
  return groups.filter(({ found: { call, status } }) => {
    const isItsCall = leaf !== undefined || call?.leaf == null || has(catalog, call.leaf);
    return isItsCall && (status === null || decodeStatus(catalog, formatStatus(status)).name !== null);
  }).length;
}

function has(catalog: Catalog, leaf: string): boolean {
  try {
    return resolveLeaf(catalog, leaf).length > 0;
  } catch (error) {
    if (error instanceof SeamlockError) return false;
    throw error;
  }
}
