/**
 * Nothing is dropped silently: `npm run rename-campaign -- TREE [--kind rename|move|split|inline] [WORDS OF A NAME…]`.
 *
 * Every function that src/module/rules.ts names is renamed, moved to another file, split in two and, where that can be done in
 * text, inlined, one change at a time, on a copy of a real tree in memory. Each must give the same rows, or an error that says
 * that something was not understood. Exit status 1 when one gives other rows and no error.
 */
import { parseArgs } from "node:util";
import { SeamlockError } from "../src/errors.ts";
import { analyseTree } from "../src/module/analyse.ts";
import { RULES } from "../src/module/rules.ts";
import { readTree, type SourceTree } from "../src/module/tree.ts";
import { type Change, changesOf, namesIn } from "./source-changes.ts";

interface Result {
  /** The rows, without where they stand. */
  readonly rows: ReadonlySet<string>;
  readonly errors: readonly string[];
}

/** Field names whose values say where something stands. */
const PLACES = new Set(["evidence", "promotion", "line", "file"]);

async function resultOf(tree: SourceTree, written: (text: string) => string): Promise<Result> {
  const options = { version: "campaign", repository: null, revision: null };
  const made = await analyseTree(tree, options).catch((error: unknown) => {
    if (error instanceof SeamlockError) return error;
    throw error;
  });
  if (made instanceof SeamlockError) return { rows: new Set(), errors: [`${made.code} ${made.message}`] };
  const { leaves, diagnostics } = made;
  const rows = leaves.flatMap((leaf) =>
    [...leaf.acquisitions, ...leaf.otherBusy].map((row) =>
      written(JSON.stringify([leaf.name, leaf.variant, row], (key, value) => (PLACES.has(key) ? undefined : value))),
    ),
  );
  const errors = diagnostics.filter((d) => d.severity === "error").map((d) => `${d.code} ${d.message}`);
  return { rows: new Set(rows), errors };
}

function verdictOf(before: Result, after: Result): { readonly text: string; readonly isSilent: boolean } {
  const lost = [...before.rows].filter((row) => !after.rows.has(row));
  const won = [...after.rows].filter((row) => !before.rows.has(row));
  const codes = [...new Set(after.errors.map((error) => error.slice(0, 6)))].join(" ");
  if (lost.length + won.length === 0)
    return { text: codes === "" ? "same rows" : `same rows, ${codes}`, isSilent: false };
  const text = `-${lost.length} +${won.length} rows`;
  return after.errors.length > 0
    ? { text: `${text}, ${after.errors.length} errors: ${codes}`, isSilent: false }
    : { text: `${text} SILENT\n    ${[...lost, ...won].slice(0, 2).join("\n    ").slice(0, 600)}`, isSilent: true };
}

async function campaign(root: string, words: readonly string[], kind: string | undefined): Promise<number> {
  const tree = readTree(root);
  const before = await resultOf(tree, (text) => text);
  if (before.errors.length > 0) throw new Error(`the tree as it is has errors: ${before.errors[0]}`);
  let silent = 0;
  let count = 0;
  for (const name of namesIn(RULES, tree.files)) {
    if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
    for (const change of changesOf(name, tree.files)) {
      if (kind !== undefined && change.kind !== kind) continue;
      const { text, isSilent } = verdictOf(before, await resultOf({ ...tree, files: change.files }, change.written));
      count++;
      if (isSilent) silent++;
      console.log(`${label(change, name)} ${text}`);
    }
  }
  console.log(`${count} changes, ${silent} of them with other rows and no error`);
  return silent;
}

const label = (change: Change, name: string): string => `${change.kind.padEnd(7)} ${name.padEnd(44)}`;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { kind: { type: "string" } } });
const [root, ...words] = positionals;
if (root === undefined) {
  console.error("usage: npm run rename-campaign -- TREE [--kind rename|move|split|inline] [WORDS OF A NAME…]");
  process.exitCode = 2;
} else if ((await campaign(root, words, values.kind)) > 0) process.exitCode = 1;
