import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";
import { kernelRulesSchema } from "../../src/kernel/rules.ts";

type Node = {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly additionalProperties?: Node | boolean;
};

/** The fields below a node of the schema, as the page writes them. The guest of a profile is described with profiles. */
function fieldsOf(node: Node, prefix = ""): string[] {
  if (prefix === "profile.guest.") return [];
  if (node.items !== undefined) return fieldsOf(node.items, `${prefix.slice(0, -1)}[].`);
  if (typeof node.additionalProperties === "object") return fieldsOf(node.additionalProperties, `${prefix}NAME.`);
  return Object.entries(node.properties ?? {}).flatMap(([name, inner]) => [
    `${prefix}${name}`,
    ...fieldsOf(inner, `${prefix}${name}.`),
  ]);
}

it("docs/kernel-rules.md describes every field of rules, and no other", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/kernel-rules.md"), "utf8");
  const described = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, field]) => field);
  const schema = z.toJSONSchema(kernelRulesSchema, { io: "input", unrepresentable: "any" }) as Node;
  expect(described.sort()).toEqual(fieldsOf(schema).sort());
});
