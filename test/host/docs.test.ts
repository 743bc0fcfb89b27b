import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { lintHost, parseHost } from "../../src/host/index.ts";
import { hostSchema } from "../../src/host/schema.ts";
import { moduleNamed } from "./profile.ts";

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
