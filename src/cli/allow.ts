import { Option } from "commander";
import type { AllowList, ContendDocument, FailOn, FindingGroup } from "../analysis/index.ts";
import { SeamlockError } from "../errors.ts";
import { checkWritable, readText, writeWhole } from "./files.ts";
import { EXIT, type ExitStatus, type Io } from "./io.ts";

const UNACCEPTED = "SL3201";
const UNUSED = "SL3202";

/** Options of verbs that can be a regression check. */
export interface AllowOptions {
  readonly allow?: string;
  readonly writeAllow?: string;
  readonly failOn?: FailOn;
}

/** The options of {@link AllowOptions}. */
export function allowOptions(): readonly Option[] {
  return [
    new Option("--allow <file>", "accepted pairs, each with a reason; any other possible pair is a finding (exit 1)"),
    new Option("--write-allow <file>", "write the pairs that are possible now as such a list, to start from"),
    new Option("--fail-on <outcome>", "exit 1 only for findings that are as bad").choices(["vm-lost", "error", "any"]),
  ];
}

type Judged = Pick<ContendDocument, "pairs" | "host">;

/**
 * Look at `--allow`, `--write-allow` and `--fail-on` before anything is printed. Returns what they make of the possible pairs: findings on
 * stderr, and 1 when there is one.
 *
 * @throws SeamlockError SL0004 for `--fail-on` without a host · SL0006, SL0007 for files · SL30xx when the list is none
 */
export async function judgeOf(
  options: AllowOptions,
  isHosted: boolean,
): Promise<(document: Judged, io: Io) => ExitStatus> {
  const { allow, writeAllow, failOn } = options;
  if (allow === undefined && writeAllow === undefined && failOn === undefined) return () => EXIT.done;
  if (failOn !== undefined && failOn !== "any" && !isHosted) {
    throw new SeamlockError("SL0004", `--fail-on ${failOn} needs a host, which decides what a BUSY ends in`, {
      hint: "name one with --host, or give --fail-on any",
    });
  }
  if (writeAllow !== undefined) checkWritable(writeAllow);
  const { allowText, failing, findingGroups, parseAllow, unaccepted } = await import("./foreign-files.ts");
  const list: AllowList =
    allow === undefined ? { schema: "seamlock/allow@1", allow: [] } : parseAllow(await readText(allow), allow);
  return (document, io) => {
    const { found, unused } = unaccepted(document, list);
    if (writeAllow !== undefined) {
      writeWhole(writeAllow, allowText(list, found));
      return EXIT.done;
    }
    const bad = failing(found, failOn ?? "any");
    for (const group of findingGroups(bad)) io.err(findingText(group));
    for (const entry of unused) {
      io.err(`warning[${UNUSED}]: nothing is accepted by the entry ${entry.a}, ${entry.b} on ${entry.resource}\n`);
    }
    if (bad.length > 0) io.err(`${bad.length} possible ${bad.length === 1 ? "pair is" : "pairs are"} not accepted\n`);
    return bad.length > 0 ? EXIT.finding : EXIT.done;
  };
}

function findingText({ a, b, resource, paths }: FindingGroup): string {
  const lines = paths.map((path) => `  ${path.a} against ${path.b}: ${path.severity}\n`);
  return `finding[${UNACCEPTED}]: ${a.join(", ")} can contend with ${b.join(", ")} on ${resource}\n${lines.join("")}`;
}
