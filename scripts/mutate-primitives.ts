/**
 * A campaign on the lock primitives of a real tree: each change of tdx_locks.h must change what is extracted, or be told.
 *
 *     npm run mutate-primitives -- TREE
 *
 * Exit status 1 when a change goes unseen.
 */
import { Program } from "../src/c/index.ts";
import { readAtomics } from "../src/module/atomics/index.ts";
import { RULES } from "../src/module/rules.ts";
import { readTree } from "../src/module/tree.ts";

/** Each place of a pattern is one change. */
const CHANGES: readonly (readonly [what: string, find: RegExp, put: string])[] = [
  ["a sanity check is dropped", /^ *tdx_sanity_check\((?!0).*$/gm, ""],
  ["host priority is not set", /^ *_lock_or_16b\(.*$/gm, ""],
  ["host priority is not cleared", /^ *_lock_and_16b\(.*$/gm, ""],
  ["a count is not taken back", /\(uint16_t\)-SHAREX_HP_SINGLE_READER/g, "0"],
  [
    "another amount is added",
    /_lock_xadd_16b\(&lock_ptr->raw, SHAREX_HP_SINGLE_READER\)/g,
    "_lock_xadd_16b(&lock_ptr->raw, 1)",
  ],
  ["another word is expected", /_lock_cmpxchg_16b\(SHAREX_HP_FREE/g, "_lock_cmpxchg_16b(SHAREX_HP_SINGLE_READER"],
  ["another word is stored", /SHAREX_HP_EXCLUSIVE_LOCK, &/g, "SHAREX_HP_HOST_PRIORITY, &"],
  ["a test is the other way round", /if \(retval\.(exclusive|host_prio)\)/g, "if (!retval.$1)"],
  ["a bit is set instead of cleared", /_lock_btr_64b/g, "_lock_bts_64b"],
  [
    "another bit",
    /_lock_bts_64b\(&sept_ptr->raw, SEPT_ENTRY_TDEL_BIT_POSITION\)/g,
    "_lock_bts_64b(&sept_ptr->raw, 12)",
  ],
];

const [root] = process.argv.slice(2);
if (root === undefined) {
  console.error("usage: npm run mutate-primitives -- TREE");
  process.exit(2);
}
const tree = readTree(root);
const at = tree.files.findIndex(({ path }) => path.endsWith("helpers/tdx_locks.h"));
const source = tree.files[at]?.source ?? "";

/** Programs without their places, and what is told. */
function seen(text: string): string {
  const files = tree.files.map((file, i) => (i === at ? { ...file, source: text } : file));
  const { programs, findings } = readAtomics(new Program(files, RULES.preprocess), RULES, files, {});
  return JSON.stringify([
    programs.map(({ evidence: _, steps, ...p }) => [p, steps.map(({ line: _line, ...step }) => step)]),
    findings.map(({ message }) => message),
  ]);
}

interface Change {
  readonly what: string;
  readonly line: number;
  readonly text: string;
}

/** The source with something else in place of what stands at a position. */
function change(what: string, at: number, length: number, put: string): Change {
  const text = source.slice(0, at) + put + source.slice(at + length);
  return { what, line: source.slice(0, at).split("\n").length, text };
}

const replaced = CHANGES.flatMap(([what, find, put]) =>
  [...source.matchAll(find)].map((match) =>
    change(
      what,
      match.index,
      match[0].length,
      match[0].replace(new RegExp(find.source, find.flags.replace("g", "")), put),
    ),
  ),
);

/** Two atomic instructions of one function that follow each other, in the other order. */
function swapped(): Change[] {
  const calls = [...source.matchAll(/\b_lock_\w+\([^;\n]*\)(?=;| ==)/g)];
  return calls.slice(1).flatMap((second, i): Change[] => {
    const first = calls[i] as RegExpExecArray;
    const between = source.slice(first.index + first[0].length, second.index);
    if (/^\}/m.test(between) || first[0] === second[0]) return [];
    const length = second.index + second[0].length - first.index;
    return [change("two instructions are in the other order", first.index, length, second[0] + between + first[0])];
  });
}

const before = seen(source);
const changes = [...replaced, ...swapped()];
const unseen = changes.filter(({ text }) => seen(text) === before);
for (const { what, line } of unseen) console.log(`unseen: ${what}, line ${line}`);
console.log(`${changes.length} changes, ${unseen.length} unseen`);
if (unseen.length > 0) process.exitCode = 1;
