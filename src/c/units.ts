/**
 * What a file sees of others: the .c files that are compiled as one, and the macros that may be expanded.
 */

import type { Macro } from "./expand.ts";

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

/** What a file says of one name. */
interface Said {
  /** By line. */
  readonly sites: MacroSite[];
  /** From here on it does not see what others define, for it takes that away. */
  hidesFrom: number;
}

/** What files say of one name. */
interface Named {
  readonly byFile: Map<string, Said>;
  /** What files still have at their ends, for others that see them. */
  readonly lasting: MacroSite[];
  /** By file that asked: what it is to see of those, once all are there. */
  readonly seen: Map<string, MacroSite | null>;
}

/** The macros that are to be expanded, by the file and the line that use them. */
export class Macros {
  private readonly units: Units;
  private readonly keep: ReadonlySet<string>;
  private readonly first: string | null;
  private readonly isValue: (site: MacroSite) => boolean;
  private readonly names = new Map<string, Named>();
  private readonly chosen = new Map<string, readonly MacroSite[]>();
  /** Names of macros that may define a function. */
  private readonly making = new Set<string>();

  /**
   * @param keep macros that stay calls
   * @param first a file whose macros count before those of all others; null: there is none
   * @param isValue does a macro's name stand for its value wherever it is used? Asked when macros are, not before.
   */
  constructor(units: Units, keep: readonly string[], first: string | null, isValue: (site: MacroSite) => boolean) {
    this.units = units;
    this.keep = new Set(keep);
    this.first = first;
    this.isValue = isValue;
  }

  /** Of names that were asked for and that others define in different ways: those definitions, the one that was taken first. */
  get ambiguous(): readonly (readonly MacroSite[])[] {
    return [...this.chosen.values()];
  }

  /** Notes a definition; those of a file come by line. */
  add(site: MacroSite): void {
    if (this.keep.has(site.name)) return;
    this.said(site.name, site.file).sites.push(site);
    if (site.until === null) (this.names.get(site.name) as Named).lasting.push(site);
    if (isMaker(site)) this.making.add(site.name);
  }

  /** Notes that a file takes away what others may have defined. */
  hide(name: string, file: string, line: number): void {
    const said = this.said(name, file);
    said.hidesFrom = Math.min(said.hidesFrom, line);
  }

  private said(name: string, file: string): Said {
    const named = this.names.get(name) ?? { byFile: new Map(), lasting: [], seen: new Map() };
    this.names.set(name, named);
    const said = named.byFile.get(file) ?? { sites: [], hidesFrom: Number.POSITIVE_INFINITY };
    named.byFile.set(file, said);
    return said;
  }

  /**
   * The macro that a name means on a line of a file; null for one that stays as it is: none, a constant, one to be kept. What the file itself
   * says above that line counts first, then what files that are compiled as one with it define, then the first header: which headers it includes
   * is not followed (`ambiguous`).
   */
  of(name: string, file: string, line: number): MacroSite | null {
    const named = this.names.get(name);
    if (named === undefined) return null;
    const said = named.byFile.get(file);
    const above = said && lastAbove(said.sites, line);
    if (above) return (above.until === null || line < above.until) && !this.isValue(above) ? above : null;
    return said && said.hidesFrom < line ? null : this.ofOthers(named, file);
  }

  private ofOthers(named: Named, file: string): MacroSite | null {
    const known = named.seen.get(file);
    if (known !== undefined) return known;
    const site = this.amongOthers(named, file);
    named.seen.set(file, site);
    return site;
  }

  private amongOthers({ lasting }: Named, file: string): MacroSite | null {
    const isHeader = (site: MacroSite): boolean => site.file.endsWith(".h");
    const others = lasting.filter((site) => site.file !== file && !this.isValue(site));
    const ofUnit = others.filter((site) => this.units.areOne(site.file, file));
    return this.choose(ofUnit.length > 0 ? ofUnit : others.filter(isHeader));
  }

  /** The first, which is noted when others say something else. */
  private choose([taken, ...rest]: readonly MacroSite[]): MacroSite | null {
    if (taken === undefined) return null;
    const different = taken.file === this.first ? [] : rest.filter((site) => !isSameMacro(taken, site));
    if (different.length > 0) this.chosen.set(taken.name, [taken, ...different]);
    return taken;
  }

  /** Names of the macros in a file's sight, somewhere in it, whose body defines a function. */
  makers(file: string): Set<string> {
    const isSeen = (name: string): boolean =>
      (this.names.get(name)?.byFile.get(file)?.sites ?? []).some(isMaker) || this.of(name, file, 0) !== null;
    return new Set([...this.making].filter(isSeen));
  }
}

/** The last of some definitions that stands above a line. */
function lastAbove(sites: readonly MacroSite[], line: number): MacroSite | undefined {
  let [low, high] = [0, sites.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sites[middle] as MacroSite).line < line) low = middle + 1;
    else high = middle;
  }
  return sites[low - 1];
}

/** Do two definitions say the same, but for white space? */
export function isSameMacro(one: Macro, other: Macro): boolean {
  const plain = ({ parameters, body }: Macro): string => `${parameters?.join()}|${body.replace(/\s+/g, " ")}`;
  return plain(one) === plain(other);
}

/** Its body defines a function: a head, then a block. */
function isMaker({ parameters, body }: Macro): boolean {
  return parameters !== null && /\)\s*\{/.test(body) && !/^\(?\{|^do\b/.test(body);
}

/** The name that an object-like macro is another one for; null for any other macro. */
export function aliased({ parameters, body }: Macro): string | null {
  return parameters === null && /^[A-Za-z_]\w*$/.test(body) ? body : null;
}
