/** The words that log lines are read with: names of statuses, leaves and operands of some catalogs, and facts from `data/log-words.json`. */
import words from "../../../data/log-words.json" with { type: "json" };
import { allAliases, type Catalog } from "../../catalog/index.ts";

/** A status that a name or the upper half of a number means. */
export interface NamedStatus {
  readonly name: string;
  readonly value: bigint;
}

/** A line whose words stand for a status, or for one that the kernel drops. */
export interface Wording {
  readonly pattern: RegExp;
  readonly needs: RegExp | null;
  readonly status: bigint | null;
  readonly leaf: string | null;
}

/** Words that name a leaf without spelling it. */
export interface LeafWord {
  readonly pattern: RegExp;
  readonly needs: RegExp | null;
  readonly leaf: string;
  readonly assumed: boolean;
}

export interface Vocabulary {
  /** By bits 63:32, the flags "fatal" and "host can recover" cleared. */
  readonly byUpperHalf: ReadonlyMap<bigint, NamedStatus>;
  /** By name in lower case without `tdx_` and without underscores. */
  readonly byName: ReadonlyMap<string, NamedStatus>;
  /** Names that are told only where they are written with `TDX_`: they are everyday words otherwise. */
  readonly leaves: ReadonlySet<string>;
  readonly hostLeaves: ReadonlyMap<number, string>;
  readonly guestLeaves: ReadonlyMap<number, string>;
  /** By name in lower case. */
  readonly operands: ReadonlyMap<string, number>;
}

/** Bits 61 and 60 may be set on top of a status: the TD cannot go on, the host can do something about it. */
const ADDED_FLAGS = 0x3000_0000n;

/** Bits 63:32 of a status, without flags that may be added to it. */
export const upperHalf = (status: bigint): bigint => (status >> 32n) & ~ADDED_FLAGS;

/** The vocabulary of some versions of the module, the one that matters most first. */
export function vocabularyOf(catalogs: readonly Catalog[]): Vocabulary {
  const byUpperHalf = new Map<bigint, NamedStatus>();
  const byName = new Map<string, NamedStatus>();
  const operands = new Map<string, number>();
  const leaves = new Set<string>(allAliases());
  const hostLeaves = new Map<number, string>();
  const guestLeaves = new Map<number, string>();
  for (const catalog of catalogs) {
    for (const [name, text] of Object.entries(catalog.statusCodes)) {
      const status = { name, value: BigInt(text) };
      if (status.value >> 48n === 0xffffn) continue;
      if (status.value !== 0n && !byUpperHalf.has(upperHalf(status.value)))
        byUpperHalf.set(upperHalf(status.value), status);
      if (!byName.has(nameKey(name))) byName.set(nameKey(name), status);
    }
    for (const [name, number] of Object.entries(catalog.operandIds)) {
      if (!operands.has(name.toLowerCase())) operands.set(name.toLowerCase(), number);
    }
    for (const leaf of catalog.leaves) {
      leaves.add(leaf.name);
      const numbers = leaf.side === "host" ? hostLeaves : guestLeaves;
      if (!numbers.has(leaf.number)) numbers.set(leaf.number, leaf.name);
    }
  }
  for (const { alias, operand } of words.operandAliases) {
    const number = operands.get(operand.toLowerCase());
    if (number !== undefined && !operands.has(alias.toLowerCase())) operands.set(alias.toLowerCase(), number);
  }
  for (const { alias, status, operand } of words.statusAliases) {
    const [named, number] = [byName.get(nameKey(status)), operands.get(operand.toLowerCase())];
    if (named !== undefined && number !== undefined)
      byName.set(nameKey(alias), { name: named.name, value: named.value | BigInt(number) });
  }
  return { byUpperHalf, byName, leaves, hostLeaves, guestLeaves, operands };
}

/** `TDX_OPERAND_BUSY`, `operand_busy` and `OperandBusy` → `operandbusy`. */
export function nameKey(name: string): string {
  return name.toLowerCase().replace(/^tdx_/, "").replaceAll("_", "");
}

const set = (list: readonly string[]): ReadonlySet<string> => new Set(list);

export const OUTPUTS = set(words.outputs);
export const STATUS_LABELS = set(words.statusLabels);
export const FILLERS = set(words.fillers);
export const OTHER_LABELS = set(words.otherLabels);
export const LEAF_LABELS = set(words.leafLabels);

/** Does a text speak of TDX? */
export const ABOUT_TDX = new RegExp(words.about, "i");

export const WORDINGS: readonly Wording[] = words.wordings.map((w) => ({
  pattern: new RegExp(w.pattern, "i"),
  needs: "needs" in w && w.needs !== undefined ? new RegExp(w.needs, "i") : null,
  status: w.status === null ? null : BigInt(w.status),
  leaf: w.leaf,
}));

export const LEAF_WORDS: readonly LeafWord[] = words.leafWords.map((w) => ({
  pattern: new RegExp(w.pattern, "i"),
  needs: "needs" in w && w.needs !== undefined ? new RegExp(w.needs, "i") : null,
  leaf: w.leaf,
  assumed: "assumed" in w && w.assumed === true,
}));

/** Functions of kernels in whose warnings RAX is the status of a call: name → leaf; null where it may be one of several. */
export const FUNCTIONS: ReadonlyMap<string, string | null> = new Map(words.functions.map((f) => [f.name, f.leaf]));

export const MODULE_VERSIONS = words.versions.map((v) => new RegExp(v.pattern, "i"));
export const KERNEL_RELEASES = words.kernels.map((k) => new RegExp(k.pattern, "i"));
