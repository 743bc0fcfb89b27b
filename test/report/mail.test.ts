/** The published mail walked sentence by sentence: what the report confirms, corrects or answers. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { buildReport, renderReportText } from "../../src/report/index.ts";
import { host, moduleNamed } from "../host/profile.ts";

const statements = z
  .array(
    z.strictObject({
      lines: z.array(z.int().min(1)).min(1),
      mail: z.string().min(1),
      says: z.enum(["confirm", "correct", "answer"]),
      report: z.array(z.string()).min(1),
      not: z.array(z.string()).optional(),
    }),
  )
  .parse(parse(readFileSync("test/report/mail-statements.yaml", "utf8")));

const doc = buildReport(moduleNamed("1.5.05"), { host: host("linux-6.16"), later: [host("linux-6.19")] });
const text = renderReportText(doc).replaceAll(/\s+/g, " ");

/** Lines of the archived mail that are sentences; its tables are in docs/published-table.md, line by line. */
const PROSE = [
  [9, 11],
  [14, 16],
  [19, 28],
  [33, 35],
  [37, 42],
  [44, 47],
  [49, 52],
  [54, 56],
  [234, 235],
  [237, 247],
  [254, 258],
  [261, 261],
  [264, 269],
  [272, 274],
  [277, 279],
  [282, 288],
  [291, 297],
  [300, 302],
  [305, 306],
  [309, 313],
] as const;

describe("the report of 1.5.05 under Linux 6.16", () => {
  test.each(statements.map((s) => [s.says, s.mail, s] as const))("%ss: %s", (_says, _mail, { report, not = [] }) => {
    for (const pattern of report) expect(text).toMatch(new RegExp(pattern));
    for (const pattern of not) expect(text).not.toMatch(new RegExp(pattern));
  });

  test("walks every sentence, in the mail's order", () => {
    const walked = new Set(statements.flatMap(({ lines }) => lines));
    const sentences = PROSE.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
    expect(sentences.filter((line) => !walked.has(line))).toEqual([]);
    const first = statements.map(({ lines }) => lines[0] ?? 0);
    expect(first).toEqual([...first].sort((a, b) => a - b));
  });
});
