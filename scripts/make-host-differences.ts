/**
 * Makes docs/host-differences.md: every difference between the profiles of 6.16 and 6.19 that were written by hand and those that
 * are extracted from the trees, each with its explanation and its place in the source.
 *
 *   npm run host-differences
 *
 * Fails when a difference is unexplained or an explanation covers nothing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { type HostProfile, parseHost } from "../src/host/index.ts";
import { type HostRow, rowsOf } from "../test/kernel/oracle/compare.ts";

const root = join(import.meta.dirname, "..");
export const EXPLANATIONS = "data/host-differences.yaml";
export const OUT = "docs/host-differences.md";
export const KERNELS = ["6.16", "6.19"] as const;

const KINDS = ["locks", "phases", "overruns", "reaction", "only by hand", "only extracted"] as const;

export interface Difference {
  readonly kernel: string;
  /** The path by its name in the hand-written profile; of the extraction where there is none. */
  readonly path: string;
  readonly call: string;
  readonly what: (typeof KINDS)[number];
  readonly hand: string;
  readonly extracted: string;
}

const text = z.string().min(1);
const texts = z.array(text).min(1);
const fileSchema = z.strictObject({
  schema: z.literal("seamlock/host-differences@1"),
  paths: z.record(text, texts).describe("hand-written path: words of the entries that belong to it"),
  explanations: z.array(
    z.strictObject({
      id: z.string().regex(/^[a-z0-9-]+$/),
      kind: z.enum(["hand-wrong", "hand-left-out", "extraction-cannot", "extraction-wrong", "wording"]),
      covers: z.strictObject({
        kernels: texts.optional(),
        paths: texts.optional(),
        calls: texts.optional(),
        what: z.array(z.enum(KINDS)).min(1).optional(),
      }),
      text,
      source: texts,
    }),
  ),
});
export type Differences = z.infer<typeof fileSchema>;
type Explanation = Differences["explanations"][number];

const SECTIONS: readonly [Explanation["kind"], string, string][] = [
  ["hand-wrong", "The hand-written profile is wrong", "The source says otherwise."],
  [
    "hand-left-out",
    "The hand-written profile leaves out",
    "It is in the source, and the profile did not set out to list it.",
  ],
  ["extraction-cannot", "The extraction cannot see", "True, but no lock and no check in the source says so."],
  ["extraction-wrong", "The extraction is wrong", "Faults of seamlock that are known and not yet mended."],
  ["wording", "Wording", "The two mean the same."],
];

/** Every difference, in the order of the hand-written paths. */
export function differencesOf(
  kernel: string,
  hand: HostProfile,
  extracted: HostProfile,
  paths: Differences["paths"],
): Difference[] {
  const left = new Map<string, HostRow[]>();
  const right = new Map<string, HostRow[]>();
  const put = (map: Map<string, HostRow[]>, path: string, row: HostRow): void => {
    const key = `${path}|${row.call}`;
    map.set(key, [...(map.get(key) ?? []), row]);
  };
  for (const row of rowsOf(hand)) put(left, row.path, row);
  const has = (path: string, call: string): boolean => left.has(`${path}|${call}`);
  for (const row of rowsOf(extracted)) {
    const mine = Object.entries(paths).filter(([, words]) => words.some((word) => row.way.has(word)));
    const path = mine.find(([name]) => has(name, row.call)) ?? mine[0];
    put(right, path?.[0] ?? row.path, row);
  }
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((key) => {
    const [path = "", call = ""] = key.split("|");
    return between(left.get(key) ?? [], right.get(key) ?? []).map((one) => ({ kernel, path, call, ...one }));
  });
}

function between(hand: HostRow[], extracted: HostRow[]): Pick<Difference, "what" | "hand" | "extracted">[] {
  const say = (rows: HostRow[], of: (row: HostRow) => string): string =>
    [...new Set(rows.map(of))].sort().join(" or ") || "-";
  const held = (row: HostRow): string => (row.holds.length === 0 ? "nothing" : row.holds.join(", "));
  if (hand.length === 0) return [{ what: "only extracted", hand: "-", extracted: say(extracted, held) }];
  if (extracted.length === 0) return [{ what: "only by hand", hand: say(hand, held), extracted: "-" }];
  const fields: [Difference["what"], (row: HostRow) => string][] = [
    ["locks", held],
    ["phases", (row) => row.phases.join(", ")],
    ["overruns", (row) => row.overruns.join(", ") || "none"],
    ["reaction", (row) => row.busy.join("; ") || "none"],
  ];
  return fields.flatMap(([what, of]) => {
    const [one, other] = [say(hand, of), say(extracted, of)];
    return one === other ? [] : [{ what, hand: one, extracted: other }];
  });
}

const covers = ({ covers: c }: Explanation, d: Difference): boolean =>
  (c.kernels?.includes(d.kernel) ?? true) &&
  (c.paths?.includes(d.path) ?? true) &&
  (c.calls?.includes(d.call) ?? true) &&
  (c.what?.includes(d.what) ?? true);

/** Reads the explanations; throws on an unknown field or a repeated id. */
export function readDifferences(content: string): Differences {
  const read = fileSchema.parse(parse(content));
  const ids = read.explanations.map(({ id }) => id);
  const twice = ids.find((id, at) => ids.indexOf(id) < at);
  if (twice !== undefined) throw new Error(`two explanations have the id ${twice}`);
  return read;
}

/** The document; throws with every unexplained difference, and every explanation that covers nothing. */
export function differencesDoc(differences: readonly Difference[], { explanations }: Differences): string {
  const of = new Map<Explanation, Difference[]>();
  const faults: string[] = [];
  for (const difference of differences) {
    const here = explanations.find((one) => covers(one, difference));
    if (here === undefined) faults.push(`unexplained: ${JSON.stringify(difference)}`);
    else of.set(here, [...(of.get(here) ?? []), difference]);
  }
  for (const one of explanations) if (!of.has(one)) faults.push(`explains nothing: ${one.id}`);
  if (faults.length > 0) throw new Error(`${faults.length} faults\n${faults.join("\n")}`);

  const count = (kind: Explanation["kind"]): number =>
    [...of].reduce((sum, [one, list]) => sum + (one.kind === kind ? list.length : 0), 0);
  const sections = SECTIONS.flatMap(([kind, title, lead]) => {
    const mine = [...of].filter(([one]) => one.kind === kind);
    return mine.length === 0 ? [] : [`## ${title}`, lead, ...mine.flatMap(([one, list]) => section(one, list))];
  });
  return `${[
    "# The profiles written by hand against the extraction",
    "<!-- Generated by scripts/make-host-differences.ts from data/host-differences.yaml; do not edit. -->",
    `Until kernels were extracted, seamlock had profiles of Linux 6.16 and 6.19 that were written by hand from their source (now in \`test/kernel/hand/\`). This page accounts for every difference between them and what is extracted from the trees of 6.16.1 and 6.19.9: ${differences.length} differences by call and path. In ${count("hand-wrong")} the hand-written profile is wrong, in ${count("extraction-wrong")} the extraction; ${count("hand-left-out")} are in the extraction alone.`,
    "What is held is shown without what no source can show and both only state, such as that a page has one user at a time. `/r` is shared, `:all` of every vCPU of the VM, `:target` of the object that the call names.",
    ...sections,
  ].join("\n\n")}\n`;
}

function section({ id, text: why, source }: Explanation, list: readonly Difference[]): string[] {
  const cell = (content: string): string => content.replaceAll("|", "\\|");
  const rows = list.map(
    (d) => `| ${d.kernel} | ${cell(d.path)} | \`${d.call}\` | ${d.what} | ${cell(d.hand)} | ${cell(d.extracted)} |`,
  );
  return [
    `### ${id}`,
    why.trim(),
    source.map((line) => `- source: \`${line}\``).join("\n"),
    ["| Kernel | Path | Call | What | By hand | Extracted |", "| --- | --- | --- | --- | --- | --- |", ...rows].join(
      "\n",
    ),
  ];
}

const profile = (file: string): HostProfile => parseHost(readFileSync(join(root, file), "utf8"), file).profile;

/** All differences of the bundled profiles. */
export function bundledDifferences(paths: Differences["paths"]): Difference[] {
  return KERNELS.flatMap((kernel) =>
    differencesOf(
      kernel,
      profile(`test/kernel/hand/linux-${kernel}.yaml`),
      profile(`data/hosts/linux-${kernel}.yaml`),
      paths,
    ),
  );
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const explained = readDifferences(readFileSync(join(root, EXPLANATIONS), "utf8"));
  writeFileSync(join(root, OUT), differencesDoc(bundledDifferences(explained.paths), explained));
}
