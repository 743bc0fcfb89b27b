/** How far blame agrees with known culprits, as text. */

import { count } from "../report/index.ts";
import type { Agreement } from "../trace/index.ts";
import { table } from "./table.ts";

export function agreementText(result: Agreement): string {
  const { known, found, right, amongFirst, among, certain, certainWrong, noneOfThese, byCertainty } = result;
  const share = (n: number): string => (known === 0 ? "" : ` (${((100 * n) / known).toFixed(2)} %)`);
  const rows = Object.entries(byCertainty).map(([name, { count, right: ok }]) => [
    `  ${name}`,
    String(count),
    String(ok),
  ]);
  return [
    `${count(known, "BUSY")} in the recording whose culprit is known; found: ${found}.`,
    `The first one named held the lock: ${right}${share(right)}.`,
    `One of those named as the most likely did, several where what is recorded does not tell between them: ${amongFirst}${share(amongFirst)}.`,
    `One of those named did: ${among}${share(among)}.`,
    `Stated as certain: ${certain}; wrong: ${certainWrong}. Stated as one of several: none of them in ${noneOfThese}.`,
    "",
    table([["  how sure", "times", "right"], ...rows]),
  ].join("\n");
}
