/**
 * For a wrong condition: all ways through a leaf, as its rows are read off them.
 *
 *     npm run ways -- TREE LEAF [WORD]
 *
 * Prints each way that succeeds: the tests that were decided on it, in order, and the locks that it takes, walks past and gives
 * back, with the lines where it does; then the rows. With a word, only ways with a lock whose text has it. Where ways joined, what
 * they have in common comes first; `npm run ways` is about what the analysis saw, so a test that is missing here was not seen.
 */
import { type Path, textOf } from "../src/c/index.ts";
import type { Site } from "../src/catalog/index.ts";
import { Extraction } from "../src/module/extraction.ts";
import { LeafAnalysis } from "../src/module/leaf-analysis.ts";
import type { LeafFinal } from "../src/module/leaf-run.ts";
import { successfulPaths } from "../src/module/outcomes.ts";
import type { RowContext } from "../src/module/row-context.ts";
import { readTree } from "../src/module/tree.ts";

const place = ({ file, line, function: name }: Site): string => `${file}:${line} (${name})`;

/** The tests of a path that every way to its end makes, in order, and how many ways joined where. */
function tests(path: Path): string[] {
  const lines: string[] = [];
  for (let at = path; at !== null; ) {
    if ("ways" in at) {
      lines.unshift(`    … ${count(at)} ways joined`);
      at = common(at);
    } else {
      lines.unshift(`    ${textOf(at.test)}`);
      at = at.before;
    }
  }
  return lines;
}

type Join = Extract<Path, { ways: unknown }>;
const depths = new Map<Path, number>([[null, 0]]);
const commons = new Map<Join, Path>();

/** The last step that every way to a join goes through. */
function common(join: Join): Path {
  let found = commons.get(join);
  if (found === undefined) {
    let [a, b] = join.ways;
    while (a !== b) [a, b] = depth(a) >= depth(b) ? [above(a), b] : [a, above(b)];
    found = a;
    commons.set(join, found);
  }
  return found;
}

/** The last step before another that every way to it goes through. */
const above = (path: Path): Path => (path === null ? null : "ways" in path ? common(path) : path.before);

/** How many such steps there are. */
function depth(path: Path): number {
  let result = depths.get(path);
  if (result === undefined) {
    result = depth(above(path)) + 1;
    depths.set(path, result);
  }
  return result;
}

function count(path: Path, known = new Map<Path, number>()): number {
  if (path === null) return 1;
  let ways = known.get(path);
  if (ways === undefined) {
    ways = "ways" in path ? path.ways.reduce((sum, way) => sum + count(way, known), 0) : count(path.before, known);
    known.set(path, ways);
  }
  return ways;
}

function show(final: LeafFinal, i: number, all: number): void {
  console.log(`way ${i + 1} of ${all}: ${final.kind}`);
  for (const line of tests(final.state.path)) console.log(line);
  for (const event of final.events) {
    const what = event.kind === "acquire" ? `acquire ${event.mode} ${event.text}` : event.kind;
    console.log(`  ${what}  ${event.evidence.slice(-1).map(place).join("")}`);
  }
  for (const event of final.skipped)
    console.log(`  walks past ${event.text}  ${event.evidence.slice(-1).map(place).join("")}`);
  console.log("");
}

const [root, name, word] = process.argv.slice(2);
if (root === undefined || name === undefined) {
  console.error("usage: npm run ways -- TREE LEAF [WORD]");
  process.exitCode = 2;
} else {
  const { program, rules, table, primitives, tables } = new Extraction(readTree(root).files);
  const runs = new Map<string | null, RowContext>();
  const watch = (context: RowContext, variant: string | null) => runs.set(variant, context);
  const analysis = new LeafAnalysis(program, rules, table, primitives, tables, watch);
  const index = table.leaves.findIndex((leaf) => leaf.name === name.toLowerCase());
  if (index < 0) {
    console.error(`no leaf ${name}; the tree has ${table.leaves.map((leaf) => leaf.name).join(", ")}`);
    process.exitCode = 2;
  } else {
    for (const leaf of analysis.leaf(index)) {
      const context = runs.get(leaf.variant);
      const paths = (context ? successfulPaths(context) : []).filter(
        ({ events, skipped }) =>
          word === undefined || [...events, ...skipped].some((e) => e.kind === "acquire" && e.text.includes(word)),
      );
      console.log(`${leaf.name}${leaf.variant === null ? "" : ` [${leaf.variant}]`}: ${paths.length} ways\n`);
      for (const [i, final] of paths.entries()) show(final, i, paths.length);
      for (const row of leaf.acquisitions)
        console.log(`row ${row.resource} ${row.role ?? ""} ${row.mode} ${row.object}: ${row.when ?? "always"}`);
    }
  }
}
