/**
 * A second reading of the source, deliberately unlike the first: text and regular expressions, no parser, no analysis.
 *
 * It cannot say which mode a lock has or when it is taken. It can say whether a call that stands in the source was seen by the
 * extraction, and whether a place that the extraction names holds what it says.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Catalog, parseCatalog, type Site } from "../../src/catalog/index.ts";

const ROOT = join(import.meta.dirname, "../..");
const TREES = process.env["SEAMLOCK_TREES"];
const why = TREES === undefined ? " (skipped: SEAMLOCK_TREES names no folder of source trees)" : "";

const TAKES =
  /\b(?:acquire|promote)_(?:sharex|mutex)_lock\w*\s*\(|\bsept_lock_acquire_\w+\s*\(|\bmigsc_lock\s*\(|\bacquire_bit_lock\s*\(/;
const GIVES =
  /\brelease_(?:sharex|mutex)_lock\w*\s*\(|\bsept_lock_release\w*\s*\(|\bmigsc_unlock\s*\(|\brelease_bit_lock\s*\(/;
const PRIMITIVE = /^(?:acquire|promote|demote|release)_(?:sharex|mutex|bit)_lock|^sept_lock_|^migsc_(?:un)?lock$/;
/** A walk without the lock ends where the structure is walked. */
const WALK = /\b(?:secure_ept_walk|gpa_translate)\s*\(/;

/** One function definition, as the lines show it: a name at the margin, then a brace at the margin, up to its closing one. */
interface Definition {
  readonly file: string;
  readonly name: string;
  /** Line number and text, without comments. */
  readonly lines: readonly (readonly [number, string])[];
}

function readDefinitions(tree: string): Definition[] {
  const found: Definition[] = [];
  for (const top of ["src", "include"]) {
    for (const entry of readdirSync(join(tree, top), { recursive: true, encoding: "utf8" })) {
      if (!/\.[ch]$/.test(entry)) continue;
      const file = `${top}/${entry}`;
      const text = readFileSync(join(tree, file), "utf8").replaceAll("\r", "");
      const code = text.replace(/\/\*[\s\S]*?\*\//g, (c) => c.replace(/[^\n]/g, " ")).replace(/\/\/.*/g, "");
      found.push(...definitionsIn(file, code.split("\n")));
    }
  }
  return found;
}

function definitionsIn(file: string, lines: readonly string[]): Definition[] {
  const found: Definition[] = [];
  let debug = 0;
  const active = lines.map((line) => {
    if (/^\s*#\s*if/.test(line))
      debug = debug > 0 ? debug + 1 : /DEBUGFEATURE/.test(line) && !/!\s*defined|ifndef/.test(line) ? 1 : 0;
    else if (/^\s*#\s*(endif|else)/.test(line) && debug > 0)
      debug = /else/.test(line) && debug === 1 ? 0 : debug - Number(/endif/.test(line));
    return debug > 0 || /^\s*#/.test(line) ? "" : line;
  });
  for (let i = 0; i < active.length; i++) {
    if (!/^\{/.test(active[i] as string) && !/^\w.*\)\s*\{\s*$/.test(active[i] as string)) continue;
    let head = "";
    let from = i;
    while (from > 0 && !/[;}]\s*$/.test(active[from - 1] as string) && i - from < 40) from--;
    for (let j = from; j <= i; j++) head += `${active[j]}\n`;
    const name = /(\w+)\s*\([^=]*$/.exec(head.replace(/\(\s*\*[^)]*\)/g, ""))
      ? /^[^(]*?(\w+)\s*\(/.exec(head.trimStart())?.[1]
      : undefined;
    let end = i + 1;
    while (end < active.length && !/^\}/.test(active[end] as string)) end++;
    if (name !== undefined && !/\b(?:struct|union|enum)\b[^(]*$/.test(head.split("(")[0] as string))
      found.push({ file, name, lines: active.slice(i, end).map((line, k) => [i + 1 + k, line] as const) });
    i = end;
  }
  return found;
}

const key = (site: Site) => `${site.file}:${site.line}`;

/** The statement that a line begins: the line and, when a call's parentheses are open, what follows. */
function statementAt(definition: Definition, line: number): string {
  const start = definition.lines.findIndex(([n]) => n === line);
  if (start < 0) return "";
  let text = "";
  for (let i = start; i < definition.lines.length && i < start + 15; i++) {
    text += `${definition.lines[i]?.[1]}\n`;
    if (/[;{]\s*$/.test(definition.lines[i]?.[1] ?? "")) break;
  }
  return text;
}

interface Disagreements {
  readonly unseen: string[];
  readonly unfounded: string[];
  calls: number;
  rows: number;
  links: number;
}

function compare(catalog: Catalog, tree: string): Disagreements {
  const definitions = readDefinitions(tree);
  const byName = new Map<string, Definition[]>();
  for (const d of definitions) byName.set(d.name, [...(byName.get(d.name) ?? []), d]);
  const result: Disagreements = { unseen: [], unfounded: [], calls: 0, rows: 0, links: 0 };
  for (const name of new Set(catalog.leaves.map((leaf) => leaf.name))) {
    const variants = catalog.leaves.filter((leaf) => leaf.name === name);
    const handler = variants[0]?.handler as Site;
    const seen = new Set<string>();
    for (const leaf of variants) {
      for (const row of leaf.acquisitions) {
        for (const site of [...row.evidence, ...(row.release?.evidence ?? [])]) seen.add(key(site));
      }
    }
    // From the source to the catalog: calls of primitives in the handler itself and in what it calls directly.
    const own = byName.get(handler.function)?.find((d) => d.file === handler.file);
    if (!own) continue;
    const called = new Set(
      own.lines.flatMap(([, text]) => [...text.matchAll(/\b(\w+)\s*\(/g)].map((m) => m[1] as string)),
    );
    const helpers = [...called]
      .flatMap((c) => (PRIMITIVE.test(c) || c === own.name ? [] : (byName.get(c) ?? [])))
      .filter((d) => d.file === own.file || (byName.get(d.name) as Definition[]).length === 1);
    for (const definition of [own, ...helpers]) {
      for (const [line, text] of definition.lines) {
        const takes = TAKES.test(text);
        if (!takes && !(definition === own && GIVES.test(text))) continue;
        // A promotion raises the mode of a row; it is no row of its own.
        if (/\bpromote_/.test(text)) continue;
        result.calls++;
        if (!seen.has(`${definition.file}:${line}`))
          result.unseen.push(
            `${name}: ${takes ? "takes" : "gives"} ${definition.file}:${line} ${text.trim().slice(0, 90)}`,
          );
      }
    }
  }

  // From the catalog to the source: every link of every chain is a call of the next one.
  for (const leaf of catalog.leaves) {
    for (const row of leaf.acquisitions) {
      result.rows++;
      for (const [what, chain] of [
        ["evidence", row.evidence],
        ["release", row.release?.evidence ?? []],
      ] as const) {
        chain.forEach((site, i) => {
          result.links++;
          const at = byName.get(site.function)?.find((d) => d.file === site.file);
          const next = chain[i + 1]?.function;
          const text = at ? statementAt(at, site.line) : "";
          const isThere =
            next !== undefined
              ? new RegExp(`\\b${next}\\s*\\(`).test(text)
              : what === "evidence"
                ? TAKES.test(text) || (row.mode === "NO_LOCK" && WALK.test(text))
                : GIVES.test(text) ||
                  /release_lock|sept_lock_release|atomic_mem_write_64b|atomically_update_sept|\.raw\s*=|->raw\s*=|\bpt\s*=/.test(
                    text,
                  );
          if (!isThere)
            result.unfounded.push(
              `${leaf.name} ${row.resource} ${what} ${key(site)} (${site.function}) → ${next ?? "a primitive"}: ${text.trim().slice(0, 90)}`,
            );
        });
      }
    }
  }
  return result;
}

/**
 * Calls that the text shows and no row names, by kind, with the reason read in the source of 1.5.05. A row names one place where
 * its lock is given back on success.
 */
const EXPLAINED: readonly (readonly [why: string, calls: RegExp])[] = [
  [
    "given back when the leaf fails: on success the entry's whole word was written, or the lock given back, before",
    /^(tdh_mem_page_aug|tdh_mem_page_promote|tdh_mem_page_remove|tdh_mem_sept_remove|tdh_mem_range_unblock|tdh_export_mem|tdh_import_mem|tdg_mem_page_accept): gives .* sept_lock_release\(/,
  ],
  [
    "given back when the entry fails, before the TD runs",
    /^tdh_vp_enter: gives .*(secure_ept_lock|op_state_lock)\){1,2};$/,
  ],
  [
    "given back when an imported page is rejected",
    /^tdh_import_mem: gives .* release_sharex_lock_hp_ex\(&td_page_pamt_entry_p->entry_lock\);$/,
  ],
  [
    "changes a copy of the entry, which is written later",
    /^(tdh_mem_page_demote|tdh_mem_range_unblock|tdh_import_mem): gives .* sept_lock_release_local\(/,
  ],
  [
    "given back before a TD exit for an EPT violation",
    /^tdg_mem_page_attr_(rd|wr): gives .* sept_lock_release\(page_sept_entry_ptr\);$/,
  ],
  [
    "a second place where the loop gives an entry's lock back; the row names one",
    /^tdh_export_restore: gives .* sept_lock_release\(sept_entry_ptr\);$/,
  ],
  ["the walk ends at the 2 MB entry", /^tdh_phymem_pamt_remove: takes .*pamt_4kb->entry_lock/],
];

describe(`a second reading of the source agrees with the catalog${why}`, () => {
  for (const [version, counts] of [
    ["1.5.05", { rows: 383, places: 2407, calls: 192 }],
    ["1.5.25", { rows: 398, places: 2492, calls: 192 }],
  ] as const) {
    const tree = TREES === undefined ? "" : join(TREES, version);
    it.skipIf(!existsSync(tree))(
      `${version}: every visible call of a primitive is in a row of its leaf, and every place of a row holds its call`,
      () => {
        const catalog = parseCatalog(readFileSync(join(ROOT, `data/modules/${version}.json`), "utf8"), version);
        const found = compare(catalog, tree);
        expect(found.unfounded).toEqual([]);
        expect(found.unseen.filter((line) => !EXPLAINED.some(([, calls]) => calls.test(line)))).toEqual([]);
        // Whoever loses calls on the way must not pass for one who agrees.
        expect({ rows: found.rows, places: found.links, calls: found.calls }).toEqual(counts);
      },
    );
  }
});
