/**
 * Nothing is dropped silently: `npm run campaign:renames -- TREE [--kind rename|move|split|inline] [--part I/N] [WORDS OF A NAME…]`.
 *
 * Every function that src/module/rules.ts names, every lock primitive and every function on the way from a leaf to one is renamed,
 * moved to another file, split in two and, where that can be done in text, inlined: one change at a time, on a copy of a real tree
 * in memory. Each must give the same catalog, or an error that names the function. Exit status 1 when one gives another catalog and
 * no error, or errors that speak of other functions only.
 *
 * A leaf's values and conditions are told in the words of the functions in its own file. What a moved function says may therefore be
 * told in other words, or down to another test; which locks are taken, in which order, and what is given back where may not change.
 *
 * A leaf that runs neither the function nor what became of it is taken as it was before; all else is made again.
 */
import { parseArgs } from "node:util";
import type { Catalog } from "../src/catalog/index.ts";
import { SeamlockError } from "../src/errors.ts";
import { catalogOf } from "../src/module/analyse.ts";
import { Extraction, type Job, type Share, Work } from "../src/module/extraction.ts";
import { STATUS_RULES } from "../src/module/status-rules.ts";
import { analyseAll } from "../src/module/threads.ts";
import { readTree, type SourceTree } from "../src/module/tree.ts";
import { type Change, changesOf, namedBy } from "./source-changes.ts";

/** What the catalog of a tree says, without where it stands in the source. */
interface Result {
  readonly facts: ReadonlySet<string>;
  /** The facts without {@link WORDS}, as often as each is there; sorted. */
  readonly plain: readonly string[];
  readonly errors: readonly string[];
}

/** One share for each leaf, by its index in the dispatch table. */
type LeafShares = ReadonlyMap<number, Share>;

const IDENTITY = { version: "campaign", repository: null, revision: null };

/** Fields that say where something stands, or what the text of a function is. */
const PLACES = new Set(["evidence", "promotion", "elsewhere", "line", "file", "handler", "sites", "site"]);

/** Fields that tell values, conditions and where a lock is given back in terms of a leaf's own functions; the order of releases is no such field. */
const WORDS = new Set(["when", "condition", "object", "role", "at", "kind", "function"]);

const PLAIN = new Set([...PLACES, ...WORDS]);

/** Parts of a catalog that say what locks do. A function of `behaviours` that has another text, or none, is told by whatever needs it. */
const PARTS = ["primitives", "writers", "otherAtomics", "septEntryBits", "opStates"] as const;

function resultOf(catalog: Catalog, written: (text: string) => string): Result {
  const plain: string[] = [];
  const without = (value: unknown, fields: ReadonlySet<string>) =>
    written(JSON.stringify(value, (key, inner) => (fields.has(key) ? undefined : inner)));
  const fact = (value: unknown): string => {
    plain.push(without(value, PLAIN));
    return without(value, PLACES);
  };
  const rows = catalog.leaves.flatMap(({ acquisitions, otherBusy, statuses = [], ...leaf }) => [
    fact(leaf),
    // One of the ways to a status is told: whichever comes first.
    ...statuses.map((at) => fact([leaf.name, { ...catalog.statuses?.[at], at: undefined }])),
    ...[...acquisitions, ...otherBusy].map((row) => fact([leaf.name, leaf.variant, row])),
  ]);
  const parts = PARTS.flatMap((part) => {
    const value: unknown = catalog[part];
    return Array.isArray(value) ? value.map((item) => fact([part, item])) : [fact([part, value])];
  });
  // In whichever order: primitives that were recognised stand behind those that have a rule.
  const primitives = catalog.locks.flatMap(({ primitives, ...lock }) => [
    fact(lock),
    ...primitives.map((primitive) => fact([lock.kind, primitive])),
  ]);
  const errors = catalog.diagnostics
    .filter((d) => d.severity === "error")
    .map((d) => `${d.code} ${d.message} ${d.file}:${d.line}`);
  return { facts: new Set([...rows, ...parts, ...primitives]), plain: plain.sort(), errors };
}

async function changed(tree: SourceTree, change: Change, before: Before): Promise<Result> {
  try {
    const extraction = new Extraction(tree.files);
    const shares = await sharesOf(extraction, before, change);
    return resultOf(catalogOf(tree, IDENTITY, extraction, shares), change.written);
  } catch (error) {
    if (!(error instanceof SeamlockError)) throw error;
    return { facts: new Set(), plain: [], errors: [`${error.code} ${error.message} ${error.hint ?? ""}`] };
  }
}

/** The tree as it is. */
interface Before extends Result {
  readonly extraction: Extraction;
  readonly shares: LeafShares;
}

function beforeOf(tree: SourceTree): Before {
  const extraction = new Extraction(tree.files);
  const shares = new Map(extraction.table.leaves.map((_, index) => [index, shareOf(extraction, [index])]));
  const result = resultOf(
    catalogOf(tree, IDENTITY, extraction, [...shares.values(), shareOf(extraction, ["statuses", "whole"])]),
    (text) => text,
  );
  if (result.errors.length > 0) throw new Error(`the tree as it is has errors: ${result.errors[0]}`);
  return { ...result, extraction, shares };
}

function shareOf(extraction: Extraction, jobs: readonly Job[]): Share {
  const left = [...jobs];
  return extraction.analyse(
    () => left.shift() ?? null,
    () => {},
  );
}

async function sharesOf(extraction: Extraction, before: Before, { names }: Change): Promise<readonly Share[]> {
  const { leaves } = extraction.table;
  const isSameTable = leaves.length === before.shares.size;
  const running = [runs(before.extraction, names), runs(extraction, names)];
  const isChanged = (index: number): boolean => running.some((leavesOf) => leavesOf.has(leaves[index]?.name ?? ""));
  const indices = leaves.map((_, index) => index);
  const again = indices.filter((index) => !isSameTable || isChanged(index));
  const kept = indices.filter((index) => !again.includes(index)).flatMap((index) => before.shares.get(index) ?? []);
  const work = new Work();
  if (again.length === leaves.length) {
    const shares = await analyseAll(extraction, work, null);
    if (shares === null) throw new SeamlockError("SL1005", "too many steps");
    return shares;
  }
  return [...kept, shareOf(extraction, ["statuses", "whole", ...again])];
}

/** Names of the leaves that run one of these functions; what leaves the TD runs for those that enter it. */
function runs({ program, rules, table }: Extraction, names: readonly string[]): ReadonlySet<string> {
  const reaching = program.reaching(new Set(names));
  const exits = rules.tdExit.some((name) => reaching.has(name));
  const entering = exits ? program.reaching(new Set(Object.keys(rules.noReturn))) : new Set<string>();
  return new Set(
    table.leaves
      .filter(({ handler }) => handler === null || reaching.has(handler.name) || entering.has(handler.name))
      .map(({ name }) => name),
  );
}

/** Functions that rules name, and those on the way from a leaf, or from the exit of a TD, to a lock primitive. */
function namesOf({ program, rules, table }: Extraction): readonly string[] {
  const toLocks = program.reaching(new Set(Object.keys(rules.primitives)));
  const below = new Set([...table.leaves.flatMap(({ handler }) => handler?.name ?? []), ...rules.tdExit]);
  // A set that grows is visited to its end.
  for (const name of below)
    for (const info of program.functions.get(name) ?? [])
      for (const callee of info.calls) if (program.functions.has(callee)) below.add(callee);
  const patterns = [...rules.wholeWordReleases, ...STATUS_RULES.exits.map((exit) => exit.function)];
  const byPattern = [...below].filter((name) => patterns.some((pattern) => pattern.test(name)));
  const onTheWay = [...below].filter((name) => toLocks.has(name));
  return [...new Set([...namedBy(rules, program), ...byPattern, ...onTheWay])].sort();
}

interface Verdict {
  readonly text: string;
  readonly is: "same" | "words" | "told" | "told of others" | "silent";
}

function verdictOf(before: Result, after: Result, { kind, names }: Change): Verdict {
  const lost = [...before.facts].filter((fact) => !after.facts.has(fact));
  const won = [...after.facts].filter((fact) => !before.facts.has(fact));
  const codes = [...new Set(after.errors.map((error) => error.slice(0, 6)))].join(" ");
  if (lost.length + won.length === 0) return { text: codes === "" ? "same" : `same, ${codes}`, is: "same" };
  const text = `-${lost.length} +${won.length}`;
  const facts = `\n    ${[...lost.slice(0, 1), ...won.slice(0, 1)].map((fact) => fact.slice(0, 400)).join("\n    ")}`;
  const isReworded = kind === "move" && after.plain.join("\n") === before.plain.join("\n");
  if (after.errors.length === 0 && isReworded) return { text: `${text} in other words`, is: "words" };
  if (after.errors.length === 0) return { text: `${text} SILENT${facts}`, is: "silent" };
  const word = new RegExp(`\\b(?:${names.join("|")})\\b`);
  const isNamed = after.errors.some((error) => word.test(error));
  if (isNamed) return { text: `${text}, ${after.errors.length} errors: ${codes}`, is: "told" };
  return { text: `${text} NOT NAMED: ${after.errors[0]?.slice(0, 300)}`, is: "told of others" };
}

async function campaign(root: string, words: readonly string[], kind: string | undefined, [part, parts]: Part) {
  const tree = readTree(root);
  const before = beforeOf(tree);
  const names = namesOf(before.extraction)
    .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
    .filter((_, i) => i % parts === part - 1);
  const counts: Record<Verdict["is"], number> = { same: 0, words: 0, told: 0, "told of others": 0, silent: 0 };
  for (const name of names) {
    for (const change of changesOf(name, tree.files)) {
      if (kind !== undefined && change.kind !== kind) continue;
      const { text, is } = verdictOf(before, await changed({ ...tree, files: change.files }, change, before), change);
      counts[is]++;
      console.log(`${change.kind.padEnd(7)} ${name.padEnd(44)} ${text}`);
    }
  }
  const changes = Object.values(counts).reduce((sum, n) => sum + n, 0);
  console.log(
    `${names.length} functions, ${changes} changes: ${counts.same} give the same catalog, ${counts.words} the same in other words, ${counts.told} an error that names the function, ` +
      `${counts["told of others"]} errors that do not name it, ${counts.silent} another catalog without an error`,
  );
  return counts["told of others"] + counts.silent;
}

type Part = readonly [part: number, parts: number];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { kind: { type: "string" }, part: { type: "string", default: "1/1" } },
});
const [root, ...words] = positionals;
const [part = 1, parts = 1] = values.part.split("/").map(Number);
if (root === undefined) {
  console.error(
    "usage: npm run campaign:renames -- TREE [--kind rename|move|split|inline] [--part I/N] [WORDS OF A NAME…]",
  );
  process.exitCode = 2;
} else if ((await campaign(root, words, values.kind, [part, parts])) > 0) process.exitCode = 1;
