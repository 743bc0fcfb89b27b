import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { Acquisition, Catalog, Leaf, Site } from "../../src/catalog/index.ts";
import { extractTree } from "../../src/module/index.ts";

/** The small module of these tests. */
export const FIXTURE = join(import.meta.dirname, "fixture");

/** Replaces a text that a file has exactly once (or `all` of them) by another with as many lines, so that no place moves. */
export interface Edit {
  /** Path inside the fixture; a file of another name is made. */
  readonly file: string;
  /** Null: `put` is the whole of a new file. */
  readonly find: string | null;
  readonly put: string;
  readonly all?: boolean;
}

export const edit = (file: string, find: string, put: string): Edit => ({ file, find, put });
export const newFile = (file: string, put: string): Edit => ({ file, find: null, put });

/** A copy of the fixture that goes away with the test. */
export function copyOfFixture(edits: readonly Edit[] = []): string {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-extract-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(FIXTURE, folder, { recursive: true });
  for (const one of edits) apply(folder, one);
  return folder;
}

function apply(folder: string, { file, find, put, all = false }: Edit): void {
  const path = join(folder, file);
  if (find === null) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, put);
    return;
  }
  const text = readFileSync(path, "utf8");
  const count = text.split(find).length - 1;
  if (count === 0 || (count > 1 && !all)) throw new Error(`${file} has ${count} times: ${find}`);
  if (find.split("\n").length < put.split("\n").length) throw new Error(`an edit of ${file} moves lines: ${find}`);
  const missing = find.split("\n").length - put.split("\n").length;
  writeFileSync(path, text.split(find).join(put + "\n".repeat(missing)));
}

export async function extract(tree: string): Promise<Catalog> {
  return (await extractTree({ tree })).catalog;
}

let unchanged: Promise<Catalog> | null = null;

/** What an edit of the fixture changes in its catalog. */
export async function changesBy(...edits: readonly Edit[]): Promise<string[]> {
  unchanged ??= extract(FIXTURE);
  return changes(await unchanged, await extract(copyOfFixture(edits)));
}

const place = (site: Site): string => `${basename(site.file)}:${site.line}`;
const chain = (sites: readonly Site[] | undefined): string => (sites ?? []).map(place).join(" > ");
const nameOf = (leaf: Leaf): string => (leaf.variant === null ? leaf.name : `${leaf.name}[${leaf.variant}]`);
const rowName = (row: Acquisition): string => (row.role === null ? row.resource : `${row.resource}(${row.role})`);
const brief = (row: Acquisition): string =>
  `${rowName(row)} ${row.lock} ${row.mode}${row.when === null ? "" : ` when ${row.when}`}`;

const FIELDS: readonly (readonly [string, (row: Acquisition) => unknown])[] = [
  ["object", (r) => r.object],
  ["lock", (r) => r.lock],
  ["mode", (r) => r.mode],
  ["side", (r) => r.side],
  ["when", (r) => r.when],
  ["times", (r) => r.times],
  ["operand", (r) => r.operand?.id],
  ["operand number", (r) => r.operand?.number],
  ["busy", (r) => r.busyStatus],
  ["host priority", (r) => r.hostPriorityStatus],
  ["release", (r) => r.release?.at],
  ["released", (r) => chain(r.release?.evidence)],
  ["evidence", (r) => chain(r.evidence)],
  ["promotion", (r) => chain(r.promotion ?? [])],
  ["page sizes", (r) => r.pageSizes?.join(", ")],
  ["promoted sizes", (r) => r.promotedSizes?.join(", ")],
  ["busy when", (r) => r.busyWhen],
  ["exit by host priority", (r) => r.hostPriorityExit?.detail],
  ["other statuses", (r) => r.otherStatuses.map((s) => `${s.status} ${s.operand?.id ?? ""}`.trim()).join(", ")],
];

/** Every difference between two catalogs, one a line, the digest of the source apart. */
export function changes(before: Catalog, after: Catalog): string[] {
  const result: string[] = [];
  const said = (v: unknown) => (v === null || v === undefined || v === "" ? "none" : String(v));
  const leavesOf = (catalog: Catalog) => new Map(catalog.leaves.map((leaf) => [nameOf(leaf), leaf]));
  const [old, now] = [leavesOf(before), leavesOf(after)];
  for (const [name, leaf] of old) {
    const other = now.get(name);
    if (!other) result.push(`- ${name}`);
    else result.push(...leafChanges(name, leaf, other, said));
  }
  for (const [name, leaf] of now) {
    if (old.has(name)) continue;
    result.push(`+ ${name} ${leaf.number}`, ...leaf.acquisitions.map((row) => `+ ${name}: ${brief(row)}`));
  }
  const kept = before.leaves.map(nameOf).filter((name) => now.has(name));
  const order = after.leaves.map(nameOf).filter((name) => old.has(name));
  if (kept.join() !== order.join()) result.push(`~ order of leaves: ${order.join()}`);
  for (const key of Object.keys({ ...before, ...after }) as (keyof Catalog)[]) {
    // Statuses and digests are read from the syntax alone, and have tests of their own; programs are told one by one.
    const told: readonly (keyof Catalog)[] = [
      "leaves",
      "diagnostics",
      "statuses",
      "behaviours",
      "primitives",
      "writers",
    ];
    if (told.includes(key)) continue;
    const [a, b] = [before, after].map((catalog) =>
      key === "module" ? { ...catalog.module, sourceDigest: null } : catalog[key],
    );
    if (JSON.stringify(a) !== JSON.stringify(b)) result.push(...valueChanges(key, a, b));
  }
  result.push(...programChanges(before, after));
  const diagnostics = (catalog: Catalog) =>
    catalog.diagnostics.map(
      (d) =>
        `${d.code} ${d.severity}${d.file === null ? "" : ` ${basename(d.file)}`}${d.line === null ? "" : `:${d.line}`}`,
    );
  const [was, is] = [diagnostics(before), diagnostics(after)];
  result.push(...was.filter((d) => !is.includes(d)).map((d) => `- ${d}`));
  result.push(...is.filter((d) => !was.includes(d)).map((d) => `+ ${d}`));
  return result;
}

/** One line for each program that differs, its places apart. */
function programChanges(before: Catalog, after: Catalog): string[] {
  const programsOf = (catalog: Catalog): Map<string, string> =>
    new Map([
      ...catalog.primitives.map(({ evidence: _, steps, ...p }): [string, string] => [
        `primitive ${p.function}${p.side === null ? "" : ` (${p.side})`}`,
        JSON.stringify([p, steps.map(({ line: _line, ...step }) => step)]),
      ]),
      ...catalog.writers.map(({ evidence: _, steps, ...w }): [string, string] => [
        `writer ${w.function}`,
        JSON.stringify([w, steps.map(({ site: _site, ...step }) => step)]),
      ]),
    ]);
  const [old, now] = [programsOf(before), programsOf(after)];
  return [
    ...[...old.keys()].filter((name) => !now.has(name)).map((name) => `- ${name}`),
    ...[...old].filter(([name, text]) => now.has(name) && now.get(name) !== text).map(([name]) => `~ ${name}`),
    ...[...now.keys()].filter((name) => !old.has(name)).map((name) => `+ ${name}`),
  ];
}

function leafChanges(name: string, before: Leaf, after: Leaf, said: (v: unknown) => string): string[] {
  const result: string[] = [];
  // The tree of a condition is told by its text.
  const otherBusy = (leaf: Leaf) => leaf.otherBusy.map(({ condition: _, ...busy }) => busy);
  const rest = (leaf: Leaf) => ({
    ...leaf,
    otherBusy: otherBusy(leaf),
    acquisitions: null,
    releaseOrders: null,
    statuses: null,
  });
  if (JSON.stringify(rest(before)) !== JSON.stringify(rest(after)))
    result.push(...valueChanges(name, rest(before), rest(after)));
  const left = [...after.acquisitions];
  const matched: [Acquisition, Acquisition][] = [];
  for (const row of before.acquisitions) {
    const same = left.filter((r) => r.resource === row.resource && r.role === row.role);
    const other = same.find((r) => r.object === row.object && r.when === row.when) ?? same[0];
    if (!other) {
      result.push(`- ${name}: ${brief(row)}`);
      continue;
    }
    left.splice(left.indexOf(other), 1);
    matched.push([row, other]);
    for (const [field, read] of FIELDS)
      if (said(read(row)) !== said(read(other)))
        result.push(`~ ${name} ${rowName(row)} ${field}: ${said(read(row))} → ${said(read(other))}`);
  }
  result.push(...left.map((row) => `+ ${name}: ${brief(row)}`));
  const [was, is] = [releaseOrders(before), releaseOrders(after)];
  result.push(...was.filter((one) => !is.includes(one)).map((one) => `- ${name} gives back ${one}`));
  result.push(...is.filter((one) => !was.includes(one)).map((one) => `+ ${name} gives back ${one}`));
  const order = matched.map(([, row]) => after.acquisitions.indexOf(row));
  if (order.some((at, i) => i > 0 && at < (order[i - 1] as number)))
    result.push(`~ ${name} order: ${after.acquisitions.map(rowName).join(", ")}`);
  return result;
}

/** Each order of giving back, by rows: their numbers move with every row before them. */
function releaseOrders({ acquisitions, releaseOrders: orders = [] }: Leaf): string[] {
  const rowOf = (at: number): string =>
    acquisitions
      .filter(({ order }) => order === at)
      .map(rowName)
      .join();
  return orders.map(({ end, refused, locks }) => {
    const ending = refused === undefined ? end : `${end} at ${rowOf(refused)}`;
    return `${locks.map(rowOf).join(", ")} (${ending})`;
  });
}

function valueChanges(path: string, a: unknown, b: unknown): string[] {
  if (JSON.stringify(a) === JSON.stringify(b)) return [];
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object")
    return [`~ ${path}: ${JSON.stringify(a)} → ${JSON.stringify(b)}`];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].flatMap((key) =>
    valueChanges(`${path}.${key}`, (a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}
