/**
 * What a file sees of others: the .c files that are compiled as one, and the macros that may be expanded.
 */

import type { Macro } from "./preprocess.ts";

/** Which .c files include each other and so are one unit. */
export class Units {
  private readonly paths: ReadonlySet<string>;
  private readonly above = new Map<string, string>();

  constructor(paths: readonly string[]) {
    this.paths = new Set(paths);
  }

  /** Notes that `file` has `#include "name"`; only .c files of the tree matter. */
  include(file: string, name: string): void {
    if (!name.endsWith(".c")) return;
    const folder = file.includes("/") ? file.slice(0, file.lastIndexOf("/") + 1) : "";
    const path = folder + name;
    if (this.paths.has(path)) this.above.set(this.top(path), this.top(file));
  }

  /** Are two files the same unit? */
  areOne(a: string, b: string): boolean {
    return a === b || this.top(a) === this.top(b);
  }

  private top(file: string): string {
    let at = file;
    for (let next = this.above.get(at); next !== undefined && next !== at; next = this.above.get(at)) at = next;
    return at;
  }
}

/** A macro and the file that defines it. */
export interface MacroSite extends Macro {
  readonly file: string;
}

/** The macros of one name. */
interface Named {
  /** Those of .c files, which only their unit sees. */
  readonly own: MacroSite[];
  /** The first one of a header. */
  shared: MacroSite | null;
}

/** The macros that are to be expanded, by the file that uses them. */
export class Macros {
  private readonly units: Units;
  private readonly keep: ReadonlySet<string>;
  private readonly sites = new Map<string, Named>();
  /** Names of macros that may define a function. */
  private readonly making = new Set<string>();

  /** @param keep macros that stay calls */
  constructor(units: Units, keep: readonly string[]) {
    this.units = units;
    this.keep = new Set(keep);
  }

  add(site: MacroSite): void {
    if (this.keep.has(site.name) || isConstant(site)) return;
    const named = this.sites.get(site.name) ?? { own: [], shared: null };
    this.sites.set(site.name, named);
    if (site.file.endsWith(".h")) named.shared ??= site;
    else named.own.push(site);
    if (isMaker(site)) this.making.add(site.name);
  }

  /** The macro that a name means in a file; null for one that stays as it is: none, a constant, one to be kept. */
  of(name: string, file: string): MacroSite | null {
    const named = this.sites.get(name);
    if (named === undefined) return null;
    if (named.own.length === 0) return named.shared;
    return named.own.find((site) => this.units.areOne(site.file, file)) ?? named.shared;
  }

  /** Names of the macros in a file's sight whose body defines a function. */
  makers(file: string): Set<string> {
    return new Set([...this.making].filter((name) => this.of(name, file) !== null));
  }
}

/** Its body defines a function: a head, then a block. */
function isMaker({ parameters, body }: Macro): boolean {
  return parameters !== null && /\)\s*\{/.test(body) && !/^\(?\{|^do\b/.test(body);
}

/** An object-like macro that is no more than a value: names and operators without a call, a member or a statement. */
function isConstant({ parameters, body }: Macro): boolean {
  return parameters === null && !/[{};]|->|\.\s*[A-Za-z_]|\b[a-z]\w*\s*\(|^\s*[a-z_]\w*\s*$/.test(body);
}
