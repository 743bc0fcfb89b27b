/** What the omnibox finds: calls, locks under both names, host locks, paths, pairs, comparisons, actions; and a pasted log line. */
import type { Catalog } from "../../catalog/index.ts";
import { POLICIES } from "../../model/index.ts";
import { hostAlias, hostTitle, lockNameOf } from "../../report/index.ts";
import type { NamedHost } from "../data.ts";
import { entryId, entryTitle } from "./entry-id.ts";
import { VIEWS, type View } from "./route.ts";
import { TITLES } from "./title.ts";

/** What the page itself can do. */
export const ACTIONS = [
  ["theme", "Light or dark"],
  ["link", "Copy link"],
  ["markdown", "Copy as Markdown"],
  ["mail", "Copy as mail"],
  ["save", "Save as one file"],
  ["keys", "Show the keys"],
] as const;
export type Action = (typeof ACTIONS)[number][0];

/** One thing that can be gone to, or done. */
export interface Finding {
  readonly kind:
    | "status"
    | "leaf"
    | "pair"
    | "compare"
    | "lock"
    | "host lock"
    | "path"
    | "version"
    | "host"
    | "view"
    | "scenario"
    | "check"
    | "action";
  readonly title: string;
  readonly detail: string;
  readonly view: View;
  readonly params: Readonly<Record<string, string>>;
  /** Set where something is done instead of gone to. */
  readonly action?: Action;
  /** Further names under which it is found. */
  readonly also?: readonly string[];
}

/** What there is to find. */
export interface Places {
  readonly catalog: Catalog;
  readonly modules: readonly string[];
  readonly hosts: readonly NamedHost[];
  readonly scenarios: readonly string[];
  readonly resources: readonly string[];
  /** The host of the bar: its paths and locks are found; null: none. */
  readonly host: NamedHost | null;
}

const LIMIT = 12;
const STATUS = /0x[0-9a-f]{8,16}\b/i;

/**
 * The best findings for what was typed or pasted, best first. Names of a module or a host beside other words say of which module and
 * under which host: `range_block 1.5.05 6.19`.
 */
export function search(typed: string, places: Places): readonly Finding[] {
  return searched(typed, places).shown;
}

/** The same, and how many more there are. */
export function searched(typed: string, places: Places): { readonly shown: readonly Finding[]; readonly more: number } {
  const all = everything(typed, places);
  return { shown: all.slice(0, LIMIT), more: Math.max(0, all.length - LIMIT) };
}

function everything(typed: string, places: Places): readonly Finding[] {
  const line = typed.trim();
  if (line === "") return [];
  const words = line.split(/\s+/);
  const named = words.map((word) => ({ word, module: moduleNamed(word, places), host: hostNamed(word, places) }));
  const rest = named.filter(({ module, host }) => module === null && host === null).map(({ word }) => word);
  const where = Object.fromEntries(
    named.flatMap(({ module, host }) => [
      ...(module === null ? [] : [["module", module] as const]),
      ...(host === null ? [] : [["host", host] as const]),
    ]),
  );
  const isQualified = rest.length > 0 && rest.length < words.length;
  const findings = scored(isQualified ? rest.join(" ") : line, places).map((finding) =>
    isQualified ? { ...finding, params: { ...finding.params, ...where } } : finding,
  );
  return [
    ...statusFinding(line),
    ...aliasFinding(line, places),
    ...comparisons(words, places),
    ...pairFindings(rest, places, where),
    ...findings,
  ];
}

const plain = (text: string): string => text.toLowerCase().replaceAll(/[.\-\s/]+/g, "_");

function moduleNamed(word: string, { modules }: Places): string | null {
  const name = word.replace(/^TDX_/i, "");
  return modules.find((module) => module === name) ?? null;
}

/** `6.16`, `v6.16`, `linux-6.16`; `6.17` for what has the same locks, as `--host` takes it. */
function hostNamed(word: string, { hosts }: Places): string | null {
  const version = word.toLowerCase().replace(/^(?:linux-|v(?=\d))/, "");
  const names = [word.toLowerCase(), `linux-${version}`, hostAlias(version)];
  return hosts.find(({ name }) => names.includes(name))?.name ?? null;
}

/** A release that is not here, but has the locks of one that is. */
function aliasFinding(word: string, places: Places): Finding[] {
  const name = hostNamed(word, places);
  if (name === null || name.includes(word.toLowerCase().replace(/^v(?=\d)/, ""))) return [];
  return [{ kind: "host", title: name, detail: `host; ${word} has its locks`, view: "hosts", params: { host: name } }];
}

function statusFinding(line: string): Finding[] {
  if (!STATUS.test(line)) return [];
  const detail = line.length > 90 ? `${line.slice(0, 90)}…` : line;
  return [{ kind: "status", title: "Explain this status", detail, view: "explain", params: { line } }];
}

/** `compare 6.16 6.19`, or two versions alone. */
function comparisons(words: readonly string[], places: Places): Finding[] {
  const [first = "", second = ""] = words[0]?.toLowerCase() === "compare" ? words.slice(1) : words;
  const modules = [first, second].map((word) => moduleNamed(word, places));
  const hosts = [first, second].map((word) => hostNamed(word, places));
  const about = (of: readonly (string | null)[]): readonly [string, string] | null => {
    const [before = null, after = null] = of;
    return before === null || after === null || before === after ? null : [before, after];
  };
  const [versions, kernels] = [about(modules), about(hosts)];
  return [
    ...(versions === null
      ? []
      : [
          {
            kind: "compare" as const,
            title: `compare ${versions[0]} ${versions[1]}`,
            detail: "two versions of the module",
            view: "versions" as const,
            params: { compare: versions[0], module: versions[1] },
          },
        ]),
    ...(kernels === null
      ? []
      : [
          {
            kind: "compare" as const,
            title: `compare ${hostTitle(kernels[0])} and ${hostTitle(kernels[1])}`,
            detail: "two hosts",
            view: "hosts" as const,
            params: { with: kernels[0], host: kernels[1] },
          },
        ]),
  ];
}

const PAIRS = 4;

/** `range_block vp_enter`: the two calls against each other. */
function pairFindings(
  words: readonly string[],
  { catalog }: Places,
  where: Readonly<Record<string, string>>,
): Finding[] {
  if (words.length !== 2) return [];
  const ids = catalog.leaves.map(entryId);
  const [first = [], second = []] = words.map((word) => {
    const wanted = plain(word);
    return wanted.length < 3 ? [] : ids.filter((id) => plain(id).includes(wanted)).sort((x, y) => x.length - y.length);
  });
  const found = first.flatMap((a) => second.map((b) => [a, b] as const));
  return found.slice(0, PAIRS).map(
    ([a, b]): Finding => ({
      kind: "pair",
      title: `${entryTitle(a)} × ${entryTitle(b)}`,
      detail: "can they meet, and what then",
      view: "matrix",
      params: { scope: "all", a, b, ...where },
    }),
  );
}

function scored(typed: string, places: Places): Finding[] {
  const words = plain(typed);
  return allFindings(places)
    .map((finding) => ({ finding, score: score(finding, words) }))
    .filter(({ score: value }) => value > 0)
    .sort((x, y) => y.score - x.score)
    .map(({ finding }) => finding);
}

function score({ title, also = [] }: Finding, words: string): number {
  return Math.max(...[title, ...also].map((name) => scoreOf(plain(name), words)));
}

function scoreOf(name: string, words: string): number {
  if (name === words) return 4;
  if (name.startsWith(words)) return 3;
  if (name.includes(words)) return 2;
  return isSubsequence(words, name) ? 1 : 0;
}

/** `memtrk` finds `tdh_mem_track`. */
function isSubsequence(short: string, long: string): boolean {
  if (short.length < 4 || long.length > 40) return false;
  let at = 0;
  for (const letter of long) if (letter === short[at]) at++;
  return at === short.length;
}

function allFindings(places: Places): Finding[] {
  const { catalog, modules, hosts, scenarios, resources } = places;
  const leaves = catalog.leaves.map((leaf): Finding => {
    const side = leaf.side === "host" ? "SEAMCALL" : "TDCALL";
    const variant = leaf.variant === null ? "" : ` [${leaf.variant}]`;
    const params = { leaf: entryId(leaf) };
    return { kind: "leaf", title: `${leaf.name}${variant}`, detail: `${side} ${leaf.number}`, view: "calls", params };
  });
  return [
    ...leaves,
    ...resources.map(lockFinding),
    ...modules.map(
      (title): Finding => ({ kind: "version", title, detail: "module", view: "home", params: { module: title } }),
    ),
    ...hosts.map(
      ({ name }): Finding => ({ kind: "host", title: name, detail: "host", view: "hosts", params: { host: name } }),
    ),
    ...ofHost(places.host),
    ...scenarios.map(
      (title): Finding => ({ kind: "scenario", title, detail: "scenario", view: "runs", params: { scenario: title } }),
    ),
    ...(scenarios.includes("page-removal") ? POLICIES.map(checkFinding) : []),
    ...VIEWS.map((view): Finding => ({ kind: "view", title: TITLES[view], detail: "view", view, params: {} })),
    ...ACTIONS.map(
      ([action, title]): Finding => ({ kind: "action", title, detail: "this page", view: "home", params: {}, action }),
    ),
    ...Object.entries(catalog.statusCodes).map(
      ([title, code]): Finding => ({ kind: "status", title, detail: code, view: "explain", params: { line: code } }),
    ),
  ];
}

function lockFinding(resource: string): Finding {
  const other = lockNameOf(resource);
  const detail = other === null ? "users of the lock" : `${other}: users of the lock`;
  const also = other === null ? [] : [other];
  return { kind: "lock", title: resource, detail, view: "resources", params: { resource }, also };
}

const checkFinding = (policy: string): Finding => ({
  kind: "check",
  title: `check page-removal ${policy}`,
  detail: "does this way of handling BUSY always get through?",
  view: "runs",
  params: { scenario: "page-removal", policy, run: "1" },
  also: [policy],
});

/** Paths of a host, by their names, functions and ioctls, and the locks that they hold. */
function ofHost(host: NamedHost | null): Finding[] {
  if (host === null) return [];
  const { name, profile } = host;
  const of = `of ${hostTitle(name)}`;
  return [
    ...profile.paths.map((path): Finding => {
      const also = [...(path.function === undefined ? [] : [path.function]), ...(path.entries ?? [])];
      return {
        kind: "path",
        title: path.name,
        detail: of,
        view: "hosts",
        params: { host: name, path: path.name },
        also,
      };
    }),
    ...profile.locks.map(
      (lock): Finding => ({
        kind: "host lock",
        title: lock.name,
        detail: `paths ${of} that hold it`,
        view: "hosts",
        params: { host: name, lock: lock.name },
      }),
    ),
  ];
}
