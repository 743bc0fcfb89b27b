import { type AllowList, type ContendDocument, parseAllow, type Unaccepted, unaccepted } from "../analysis/index.ts";
import { readText } from "./files.ts";
import { EXIT, type ExitStatus, type Io } from "./io.ts";

const UNACCEPTED = "SL3201";
const UNUSED = "SL3202";

/**
 * The list of accepted pairs that `--allow` names.
 *
 * @throws SeamlockError SL0006 when it cannot be read, SL30xx when it is no such list
 */
export async function loadAllow(file: string): Promise<AllowList> {
  return parseAllow(await readText(file), file);
}

/** Says on stderr which possible pairs are not accepted, and which entries are of no use; 1 when there is such a pair, else 0. */
export function reportUnaccepted(document: Pick<ContendDocument, "pairs">, list: AllowList, io: Io): ExitStatus {
  const { found, unused } = unaccepted(document, list);
  for (const item of found) io.err(findingText(item));
  for (const entry of unused) {
    io.err(`warning[${UNUSED}]: nothing is accepted by the entry ${entry.a}, ${entry.b} on ${entry.resource}\n`);
  }
  if (found.length > 0)
    io.err(`${found.length} possible ${found.length === 1 ? "pair is" : "pairs are"} not accepted\n`);
  return found.length > 0 ? EXIT.finding : EXIT.done;
}

function findingText({ pair, paths }: Unaccepted): string {
  const lines = paths.map((path) => `  ${path.a} against ${path.b}: ${path.severity}\n`);
  return `finding[${UNACCEPTED}]: ${pair.a} can contend with ${pair.b} on ${pair.resource}\n${lines.join("")}`;
}
