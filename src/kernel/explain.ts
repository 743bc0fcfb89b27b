/** How a SEAMCALL is reached and what is held at it, with the lines of the source: as a maintainer would argue it in a mail. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type HostPath, type HostPlace, type HostProfile, type HostStep, heldAt, type LockUse } from "../host/index.ts";

/**
 * The steps of a profile that some words name: parts of a path's name or entry, and a SEAMCALL at the end.
 *
 * @param tree the tree that the profile was extracted from
 * @returns one text for each step, in the order of the profile; none when no step fits
 */
export function explainSteps(profile: HostProfile, words: string, tree: string): string[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const lines = sourceLines(tree);
  return profile.paths.flatMap((path) => {
    const about = [path.name, ...(path.entries ?? [])].join(" ").toLowerCase();
    return path.steps
      .filter((step) => wanted.every((word) => step.call.includes(normal(word)) || about.includes(word)))
      .map((step) => stepText(path, step, lines));
  });
}

/** A leaf in any spelling: `TDH.MEM.TRACK` as `tdh_mem_track`. */
const normal = (word: string): string => word.replaceAll(".", "_");

type Lines = (place: { readonly file: string; readonly line: number }) => string;

function sourceLines(tree: string): Lines {
  const files = new Map<string, readonly string[]>();
  return ({ file, line }) => {
    let text = files.get(file);
    if (text === undefined) {
      try {
        text = readFileSync(join(tree, file), "utf8").split("\n");
      } catch {
        text = [];
      }
      files.set(file, text);
    }
    return (text[line - 1] ?? "").trim();
  };
}

function stepText(path: HostPath, step: HostStep, lines: Lines): string {
  const variant = step.variant === undefined ? "" : ` (${step.variant})`;
  const phases = (step.phases ?? path.phases).join(" and ");
  const held = heldAt(path, step);
  return [
    `${path.name}: ${step.call}${variant}, ${phases}`,
    ...(step.context === undefined ? [] : [`  runs as ${step.context}`]),
    ...(path.exceptional === undefined ? [] : [`  only when ${path.exceptional}`]),
    "  holds",
    ...(held.length === 0 ? ["    nothing"] : held.flatMap((use) => useText(use, lines))),
    "  reached by",
    ...(step.evidence ?? []).flatMap((place) => placeText(place, lines)),
    "",
  ].join("\n");
}

const OWNERS: Readonly<Record<string, string>> = {
  all: " of every vCPU",
  target: " of what the call names",
  other: " of another",
};

function useText({ lock, mode, of, by, assumed, evidence }: LockUse, lines: Lines): string[] {
  const how = by === "derived" || by === undefined ? "" : `, ${by}`;
  const why = assumed === undefined ? "" : `: ${assumed}`;
  return [
    `    ${lock}${OWNERS[of ?? ""] ?? ""}${mode === "shared" ? ", shared" : ""}${how}${why}`,
    ...(evidence ?? []).flatMap((place) => placeText(place, lines).map((line) => `  ${line}`)),
  ];
}

function placeText(place: HostPlace & { readonly case?: string | undefined }, lines: Lines): string[] {
  const label = place.case === undefined ? "" : `  [${place.case}]`;
  return [`    ${place.function}  ${place.file}:${place.line}${label}`, `        ${lines(place)}`];
}
