/** What people paste, with the right answers: each worked out from the module's and the kernel's source. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { explainLines, explainSchema } from "../../src/analysis/index.ts";
import { SeamlockError } from "../../src/errors.ts";
import { renderExplainMarkdown, renderExplainText } from "../../src/report/index.ts";
import { host, moduleNamed } from "../host/profile.ts";

interface Case {
  readonly id: string;
  readonly text: string;
  readonly expected: {
    readonly name?: string;
    readonly operand?: string;
    readonly leaf?: string;
    readonly kind?: string;
    readonly statuses: number;
    readonly mustMention?: readonly string[];
    readonly mustNotMention?: readonly string[];
  };
}

const cases = JSON.parse(readFileSync("test/analysis/explain-data/cases.json", "utf8")) as readonly Case[];
const catalog = moduleNamed("1.5.25");
const others = [moduleNamed("1.5.05")];
const profile = host("linux-6.19");

describe.each(cases)("$id", ({ text, expected }) => {
  test.each([{ others }, { host: profile, others }])("%#", (options) => {
    if (expected.statuses === 0) {
      expect(() => explainLines(catalog, [text], options)).toThrow(SeamlockError);
      return;
    }
    const doc = explainLines(catalog, [text], options);
    expect(explainSchema.parse(doc)).toEqual(doc);
    const { name, operand, leaf, kind } = doc;
    const found = { name, operand: operand?.id, leaf, kind, statuses: 1 + doc.others.length };
    const { mustMention = [], mustNotMention = [], ...facts } = expected;
    expect(found).toMatchObject(facts);
    for (const said of [flat(renderExplainText(doc)), flat(renderExplainMarkdown(doc).replaceAll(/[\\`]/g, ""))]) {
      for (const words of mustMention) expect(said).toContain(words);
      for (const words of mustNotMention) expect(said).not.toContain(words);
    }
  });
});

const flat = (text: string): string => text.replaceAll(/\s+/g, " ");
