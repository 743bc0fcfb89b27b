/** The conclusion under a host: per resource, avoided or possible, and why. */
import { type ContendPair, compareResources, type HostInfo, verdictOf } from "../analysis/index.ts";
import type { Catalog } from "../catalog/index.ts";
import { SEVERITIES } from "../host/index.ts";
import { numberOf } from "./conclusion.ts";
import { type Meeting, meetings, meetingText } from "./meetings.ts";
import { missingCalls } from "./provenance.ts";
import type { HostVerdict } from "./schema.ts";
import { count, groupBy, hostTitle, list } from "./words.ts";

/**
 * A verdict per resource of the pairs, and of `resources` that have none.
 *
 * @param life the host's phases, in the order of a TD's life
 */
export function hostVerdicts(
  pairs: readonly ContendPair[],
  resources: readonly string[],
  life: readonly string[],
): HostVerdict[] {
  const all = [...new Set([...resources, ...pairs.map((p) => p.resource)])].sort(compareResources);
  return all.map((resource) => {
    const own = pairs.filter((p) => p.resource === resource);
    const possible = own.filter((p) => p.possible);
    const met = meetings(possible);
    const severity = SEVERITIES.find((s) => met.some((m) => m.severity === s)) ?? "none";
    const found = new Set(met.filter((m) => !m.late).flatMap((m) => m.phases));
    const phases = life.filter((phase) => found.has(phase));
    return {
      resource,
      verdict: resourceVerdict(own),
      severity,
      phases,
      onlyThrough: onlyThrough(met),
      why: reasons(own),
      meetings: met.map(meetingText),
    };
  });
}

function resourceVerdict(pairs: readonly ContendPair[]): HostVerdict["verdict"] {
  const verdicts = new Set(pairs.map(verdictOf));
  if (verdicts.size === 0) return "no-conflict";
  return verdicts.has("possible") ? "possible" : verdicts.has("not-judged") ? "not-judged" : "avoided";
}

/** The one path that takes part in every meeting; null when there is none, or when it meets only itself. */
function onlyThrough(met: readonly Meeting[]): string | null {
  const [first, ...others] = met.map((m) => [...m.left.paths, ...m.right.paths]);
  const common = (first ?? []).filter((path) => others.every((paths) => paths.includes(path)));
  const sole = [...new Set(common)].filter((path) =>
    met.every((m) => isAlone(m.left.paths, path) || isAlone(m.right.paths, path)),
  );
  return sole.length === 1 ? (sole[0] ?? null) : null;
}

function isAlone(paths: readonly string[], path: string): boolean {
  return paths.length === 1 && paths[0] === path;
}

/** Why pairs are excluded, with how many each reason concerns. */
function reasons(pairs: readonly ContendPair[]): string[] {
  const excluded = pairs.filter((pair) => verdictOf(pair) === "excluded");
  const words = excluded.flatMap((p) => [...new Set(p.excludedBy.map((e) => reasonText(e)))]);
  return groupBy(words, (word) => word)
    .sort(([, x], [, y]) => y.length - x.length)
    .map(([word, of]) => `${word} (${count(of.length, "pair")})`);
}

/** Why two calls do not meet, in a few words: a lock of the host by its name alone. */
export function reasonText({ kind, reason, what }: ContendPair["excludedBy"][number]): string {
  switch (kind) {
    case "host-lock":
      return what;
    case "kick":
      return `kick: ${what}`;
    case "op-state":
      return "no OP_STATE allows both";
    case "sept-state":
      return "no SEPT entry state allows both";
    case "earlier-lock":
      return `they always meet at ${what} first`;
    case "not-called":
      return "a call that the host never makes";
    case "not-named":
      return "a TDCALL of which the profile names no caller";
    case "page-size":
      return what;
    case "life-cycle":
      return reason === "creation" ? "the object is only being made" : what;
  }
}

/**
 * The conclusion as sentences.
 *
 * @param numbered the resources that the report numbers, in its order; others have no number
 */
export function hostConclusion(
  { module }: Pick<Catalog, "module">,
  host: HostInfo,
  verdicts: readonly HostVerdict[],
  numbered: readonly string[],
): string[] {
  const named = (resource: string): string => `${numberOf(resource, numbered)}${resource}`;
  const of = (verdict: HostVerdict["verdict"]): string[] =>
    verdicts.flatMap((v) => (v.verdict === verdict ? [named(v.resource)] : []));
  const [avoided, free, unjudged] = [of("avoided"), of("no-conflict"), of("not-judged")];
  const possible = verdicts.flatMap((v) => (v.verdict === "possible" ? [`${named(v.resource)}${qualified(v)}`] : []));
  return [
    ...(avoided.length > 0 ? [`${hostTitle(host.name)} avoids contention on ${list(avoided)}.`] : []),
    ...(possible.length > 0 ? [`Contention is still possible on ${list(possible)}.`] : []),
    ...(unjudged.length > 0
      ? [`Not judged: ${list(unjudged)}; guests can make TDCALLs there that the profile does not name.`]
      : []),
    ...(free.length > 0 ? [`No two of these calls conflict on ${list(free)}.`] : []),
    ...missingCalls(module.origin, host.missing),
  ];
}

/** ` in build, only through X`. */
function qualified({ phases, onlyThrough: path }: HostVerdict): string {
  const when = phases.length === 0 ? "" : ` in ${list(phases)}`;
  const via = path === null ? "" : `${when === "" ? "" : ","} only through "${path}"`;
  return `${when}${via}`;
}
