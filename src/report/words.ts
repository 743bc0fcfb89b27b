/** Words and short phrases that every report uses. */
import type { ContendPair } from "../analysis/index.ts";
import type { Leaf, LockKind } from "../catalog/index.ts";
import { thousands } from "../text.ts";

const KIND_NAMES: Readonly<Record<LockKind, string>> = {
  sharex: "sharex_lock",
  sharex_hp: "sharex_hp_lock",
  sept_entry: "sept entry lock",
  mutex: "mutex_lock",
  bit: "bit lock",
  bit_hp: "bit lock with host priority",
};

/** A lock kind as lock tables name it. */
export function kindName(kind: LockKind): string {
  return KIND_NAMES[kind];
}

/** `a`, `a and b`, `a, b and c`. */
export function list(items: readonly string[], last = "and"): string {
  if (items.length <= 1) return items.join("");
  return `${items.slice(0, -1).join(", ")} ${last} ${items.at(-1)}`;
}

/** With a capital, as a sentence begins. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `1 row`, `2 rows`. */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${thousands(n)} ${n === 1 ? noun : plural}`;
}

/**
 * How long a run is: `11 steps`, or `20 steps and a loop of 6`. When no other breaks the property sooner that is said, too: of a run that goes round
 * for ever, it is the way to the loop that is shortest.
 */
export function runLength(steps: number, loop: number | null, shortest = false): string {
  const before = `${thousands(loop ?? steps)} ${(loop ?? steps) === 1 ? "step" : "steps"}`;
  if (loop === null) return `${before}${shortest ? ", the shortest" : ""}`;
  return `${before} and a loop of ${thousands(steps - loop)}${shortest ? ", the shortest way to one" : ""}`;
}

/** `tdh_mem_track()`, with its variant if it has one. */
export function call(name: string, variant: string | null = null): string {
  return variant === null ? `${name}()` : `${name}() [${variant}]`;
}

/** `tdh_vp_rd/wr()`: names of calls as sentences list them; calls that differ in rd and wr only are named together. */
export function callNames(names: readonly string[]): readonly string[] {
  return [...new Set(names)].flatMap((name, _i, all) => {
    if (all.some((other) => isWriteOf(name, other))) return [];
    const both = all.some((other) => isWriteOf(other, name));
    return [both ? `${name}/wr()` : `${name}()`];
  });
}

/** `vp_create/addcx/flush, mng_rd`: many calls in little room, without `tdh_`; what they begin with alike is said once. */
export function foldedCalls(names: readonly string[]): string {
  return folded([...new Set(names)].map((name) => name.replace(/^tdh_/, "")));
}

/** `tdh_vp_create/addcx/flush*`: as {@link foldedCalls}, with their full beginnings. */
export function folded(names: readonly string[]): string {
  const groups = groupBy(
    names.map((name) => name.split("_")),
    (words) => words.slice(0, /^td[hg]$/.test(words[0] ?? "") ? 2 : 1).join("_"),
  );
  return groups
    .map(([, group]) => {
      const shared = sharedWords(group);
      const [first = [], ...others] = group;
      const tails = others.map((words) => words.slice(shared).join("_"));
      return [first.join("_"), ...tails].map((name, i, all) => (isWriteOf(name, all[i - 1]) ? "wr" : name)).join("/");
    })
    .join(", ");
}

/** Are two names, or a name and the end of one, spelled alike but for `rd` and `wr`? So short that both are written as one. */
function isWriteOf(name: string, before: string | undefined): boolean {
  return before?.endsWith("rd") === true && /(^|_)wr$/.test(name) && before.endsWith(name.replace(/wr$/, "rd"));
}

/** `tdg_mem_page_*`: some of the guest's calls by what they begin with alike; one call by its name. */
export function guestCalls(names: readonly string[]): string {
  const [first, ...others] = [...new Set(names)].map((name) => name.split("_"));
  if (first === undefined || others.length === 0) return first?.join("_") ?? "";
  const shared = sharedWords([first, ...others]);
  return shared < 2 ? folded(names) : `${first.slice(0, shared).join("_")}_*`;
}

/** How many words all of them begin with alike, but for their last. */
function sharedWords(group: readonly (readonly string[])[]): number {
  const [first = []] = group;
  const most = Math.min(...group.map((words) => words.length)) - 1;
  let shared = 0;
  while (shared < most && group.every((words) => words[shared] === first[shared])) shared += 1;
  return shared;
}

/** `Linux 6.16` for `linux-6.16`; other hosts by their own names. */
export function hostTitle(name: string): string {
  return name.replace(/^linux-(?=\d)/, "Linux ");
}

/** `tdh_vp_init [version=0]`: the leaf as a table shows it. */
export function entryName(leaf: Leaf): string {
  return leaf.variant === null ? leaf.name : `${leaf.name} [${leaf.variant}]`;
}

/** The resource of a row with its role: `page to add`, `TDR (target)`. */
export function resourceText(resource: string, role: string | null): string {
  if (resource === "PAGE") return role === null ? "page" : `page ${role.replaceAll("-", " ")}`;
  return role === null ? resource : `${resource} (${role})`;
}

/** One end of a pair: `name` without its variant, and `text` with it, as a sentence names them; an asterisk marks a conditional acquisition. */
export interface PairEnd {
  readonly name: string;
  readonly variant: string | null;
  readonly text: string;
}

export function pairEnd(pair: ContendPair, end: "a" | "b"): PairEnd {
  const [name, variant, when] = end === "a" ? [pair.a, pair.variantA, pair.whenA] : [pair.b, pair.variantB, pair.whenB];
  const mark = when === null ? "" : "*";
  return { name: `${call(name)}${mark}`, variant, text: `${call(name, variant)}${mark}` };
}

/** The items by key, groups in the order in which their keys first occur. */
export function groupBy<T>(items: readonly T[], key: (item: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const k = key(item);
    const group = groups.get(k);
    if (group === undefined) groups.set(k, [item]);
    else group.push(item);
  }
  return [...groups];
}

/** So many calls are named in a sentence; more are counted. */
const FEW = 4;

/** Calls by name where they are few, else their number. */
export const fewCalls = (names: readonly string[]): string =>
  names.length > FEW ? count(names.length, "call") : list(callNames(names));

/** The calls and resources that somebody asked for, each with what stands before it; empty where nobody did. */
export function askedWords(
  { leaves = [], resources = [] }: { readonly leaves?: readonly string[]; readonly resources?: readonly string[] } = {},
  of: string,
  on: string,
): string {
  return `${leaves.length === 0 ? "" : `${of}${fewCalls(leaves)}`}${resources.length === 0 ? "" : `${on}${list(resources)}`}`;
}
