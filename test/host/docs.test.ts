import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { lintHost, parseHost } from "../../src/host/index.ts";
import { hostSchema } from "../../src/host/schema.ts";
import { buildReport } from "../../src/report/index.ts";
import { HOSTS, host, moduleNamed } from "./profile.ts";

const words = (text: string): string => text.replaceAll(/\s+/g, " ");
const guide = readFileSync("docs/host-profiles.md", "utf8");

test("the template is sound", () => {
  const file = "docs/host-template.yaml";
  expect(lintHost(parseHost(readFileSync(file, "utf8"), file), moduleNamed("1.5.25"))).toEqual([]);
});

test("the guide names every field and every word of the format", () => {
  const names = new Set<string>();
  const collect = (schema: unknown): void => {
    if (typeof schema !== "object" || schema === null) return;
    const { properties } = schema as { properties?: object };
    for (const name of Object.keys(properties ?? {})) names.add(name);
    for (const value of Object.values(schema)) collect(value);
  };
  collect(hostSchema.toJSONSchema());
  for (const name of names) expect(guide, name).toContain(name);
});

describe("docs/conclusions.md", () => {
  // `npm run conclusions` makes it; to make all of it again takes longer than it tells.
  const doc = words(readFileSync("docs/conclusions.md", "utf8"));
  test.each(HOSTS)("has what is concluded about %s", (name) => {
    const { conclusion } = buildReport(moduleNamed("1.5.05"), { host: host(name) });
    for (const sentence of conclusion) expect(doc).toContain(words(sentence));
  });
  test("has the notes that are written by hand", () => {
    const notes = readFileSync("docs/conclusions-notes.md", "utf8").split(/^## .*$/m);
    expect(notes.length).toBeGreaterThan(3);
    for (const note of notes) expect(doc).toContain(words(note).trim());
  });
});
