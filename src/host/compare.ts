/** What a hand-written profile states and an extraction does not show, and the reverse. */
import { z } from "zod";
import { type HostPath, type HostProfile, type HostStep, hostDiagnosticSchema, type LockUse } from "./schema.ts";
import { heldAt } from "./uses.ts";

const differenceSchema = z.strictObject({
  kind: z.enum(["call", "locks", "phases", "overruns"]),
  side: z.enum(["stated", "shown"]).describe("who says it: the profile, or the tree"),
  call: z.string(),
  path: z.string(),
  text: z.string(),
  file: z.string().nullable().describe("where the tree shows it"),
  line: z.int().nullable(),
});

/** `seamlock/host-check@1`. */
export const hostCheckSchema = z.strictObject({
  schema: z.literal("seamlock/host-check@1"),
  host: z.string(),
  tree: z.string(),
  differences: z.array(differenceSchema),
  diagnostics: z.array(hostDiagnosticSchema).describe("what the extraction of the tree had to say"),
});

export type HostDifference = z.infer<typeof differenceSchema>;

interface Row {
  readonly path: HostPath;
  readonly step: HostStep;
  readonly locks: string;
}

/**
 * Holds a profile against one that was extracted from a tree.
 *
 * Calls are compared by the locks that are held: those that no code shows are left out of both. Paths of one name are compared further.
 */
export function compareHosts(stated: HostProfile, shown: HostProfile): HostDifference[] {
  const [left, right] = [rowsOf(stated), rowsOf(shown)];
  const calls = [...new Set([...left, ...right].map((row) => row.step.call))].sort();
  return [
    ...calls.flatMap((call) => callDifferences(call, left, right)),
    ...stated.paths.flatMap((path) => {
      const other = shown.paths.find((p) => p.name === path.name);
      return other === undefined ? [] : pathDifferences(path, other);
    }),
  ];
}

function rowsOf(profile: HostProfile): Row[] {
  return profile.paths.flatMap((path) =>
    path.steps.map((step) => ({ path, step, locks: locksText(heldAt(path, step)) })),
  );
}

/** Locks that code takes, as one text. */
function locksText(uses: readonly LockUse[]): string {
  const shown = uses.filter(({ by, assumed }) => by !== "stated" && (by !== undefined || assumed === undefined));
  return (
    shown
      .map(({ lock, mode, of }) => {
        const whose = of === "all" || of === "other" ? ` of ${of}` : "";
        return `${lock}${mode === "shared" ? " shared" : ""}${whose}`;
      })
      .sort()
      .join(", ") || "no lock"
  );
}

function callDifferences(call: string, left: readonly Row[], right: readonly Row[]): HostDifference[] {
  const only = (mine: readonly Row[], theirs: readonly Row[], side: HostDifference["side"]): HostDifference[] => {
    const own = mine.filter((row) => row.step.call === call);
    const others = theirs.filter((row) => row.step.call === call);
    if (own.length > 0 && others.length === 0) return [difference("call", side, own[0] as Row, `${call} is called`)];
    const known = new Set(others.map((row) => row.locks));
    const open = own.filter((row) => !known.has(row.locks));
    const texts = [...new Map(open.map((row) => [row.locks, row])).values()];
    return texts.map((row) => difference("locks", side, row, `${call} is called with ${row.locks}`));
  };
  return [...only(left, right, "stated"), ...only(right, left, "shown")];
}

function difference(
  kind: HostDifference["kind"],
  side: HostDifference["side"],
  { path, step }: Row,
  text: string,
): HostDifference {
  const place = step.evidence?.at(-1);
  return { kind, side, call: step.call, path: path.name, text, file: place?.file ?? null, line: place?.line ?? null };
}

function pathDifferences(stated: HostPath, shown: HostPath): HostDifference[] {
  const found: HostDifference[] = [];
  const overruns = (path: HostPath): string => (path.overruns ?? []).join(", ") || "no later phase";
  const [step] = stated.steps;
  if (step !== undefined && overruns(stated) !== overruns(shown)) {
    const row = { path: stated, step, locks: "" };
    found.push(
      difference("overruns", "stated", row, `it lasts into ${overruns(stated)}; the tree shows ${overruns(shown)}`),
    );
  }
  // A call may be made at several places of a path, in other phases at each.
  const phasesOf = (path: HostPath, call: string): string[] => [
    ...new Set(path.steps.filter((one) => one.call === call).flatMap((one) => one.phases ?? path.phases)),
  ];
  for (const own of new Map(stated.steps.map((one) => [one.call, one])).values()) {
    const [mine, theirs] = [phasesOf(stated, own.call), phasesOf(shown, own.call)];
    const differs = mine.some((phase) => !theirs.includes(phase)) || theirs.some((phase) => !mine.includes(phase));
    if (theirs.length === 0 || !differs) continue;
    const row = { path: stated, step: own, locks: "" };
    const text = `${own.call} runs in ${mine.join(", ")}; the tree shows ${theirs.join(", ")}`;
    found.push(difference("phases", "stated", row, text));
  }
  return found;
}
