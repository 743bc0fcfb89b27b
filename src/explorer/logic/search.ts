/** What the omnibox finds. */
import type { Catalog } from "../../catalog/index.ts";
import { entryId } from "./matrix.ts";
import type { View } from "./route.ts";

/** One thing that can be gone to. */
export interface Finding {
  readonly kind: "status" | "leaf" | "resource" | "version" | "host" | "view" | "scenario";
  readonly title: string;
  readonly detail: string;
  readonly view: View;
  readonly params: Readonly<Record<string, string>>;
}

/** What there is to find. */
export interface Places {
  readonly catalog: Catalog;
  readonly modules: readonly string[];
  readonly hosts: readonly string[];
  readonly scenarios: readonly string[];
  readonly resources: readonly string[];
}

const LIMIT = 12;
const STATUS = /0x[0-9a-f]{8,16}\b/i;

/** The best findings for what was typed or pasted, best first. A log line with a status in it is explained. */
export function search(typed: string, places: Places): readonly Finding[] {
  const line = typed.trim();
  if (line === "") return [];
  const words = line.toLowerCase().replaceAll(/[.\-\s]+/g, "_");
  const scored = allFindings(places)
    .map((finding) => ({ finding, score: score(finding, words) }))
    .filter(({ score: value }) => value > 0)
    .sort((x, y) => y.score - x.score);
  return [...statusFinding(line), ...scored.map(({ finding }) => finding)].slice(0, LIMIT);
}

function statusFinding(line: string): Finding[] {
  if (!STATUS.test(line)) return [];
  const detail = line.length > 90 ? `${line.slice(0, 90)}…` : line;
  return [{ kind: "status", title: "Explain this status", detail, view: "explain", params: { line } }];
}

function score({ title }: Finding, words: string): number {
  const name = title.toLowerCase().replaceAll(/[.\-\s]+/g, "_");
  if (name === words) return 4;
  if (name.startsWith(words)) return 3;
  if (name.includes(words)) return 2;
  return isSubsequence(words, name) ? 1 : 0;
}

/** `memtrk` finds `tdh_mem_track`. */
function isSubsequence(short: string, long: string): boolean {
  if (short.length < 3) return false;
  let at = 0;
  for (const letter of long) if (letter === short[at]) at++;
  return at === short.length;
}

const VIEW_TITLES: Readonly<Partial<Record<View, string>>> = {
  matrix: "Matrix",
  calls: "Calls",
  resources: "Resources",
  versions: "Versions",
  hosts: "Hosts",
  runs: "Runs",
};

function allFindings({ catalog, modules, hosts, scenarios, resources }: Places): Finding[] {
  const leaves = catalog.leaves.map((leaf): Finding => {
    const side = leaf.side === "host" ? "SEAMCALL" : "TDCALL";
    const variant = leaf.variant === null ? "" : ` [${leaf.variant}]`;
    const params = { leaf: entryId(leaf) };
    return { kind: "leaf", title: `${leaf.name}${variant}`, detail: `${side} ${leaf.number}`, view: "calls", params };
  });
  const statuses = Object.entries(catalog.statusCodes).map(
    ([title, code]): Finding => ({ kind: "status", title, detail: code, view: "explain", params: { line: code } }),
  );
  return [
    ...leaves,
    ...resources.map(
      (title): Finding => ({ kind: "resource", title, detail: "lock", view: "resources", params: { resource: title } }),
    ),
    ...modules.map(
      (title): Finding => ({ kind: "version", title, detail: "module", view: "matrix", params: { module: title } }),
    ),
    ...hosts.map((title): Finding => ({ kind: "host", title, detail: "host", view: "hosts", params: { host: title } })),
    ...scenarios.map(
      (title): Finding => ({ kind: "scenario", title, detail: "scenario", view: "runs", params: { scenario: title } }),
    ),
    ...Object.entries(VIEW_TITLES).map(
      ([view, title]): Finding => ({ kind: "view", title, detail: "view", view: view as View, params: {} }),
    ),
    ...statuses,
  ];
}
