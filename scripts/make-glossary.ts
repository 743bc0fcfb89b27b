/**
 * Makes data/glossary.json of data/glossary.yaml: `npm run glossary`. The program reads JSON, people write YAML.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { conditionPattern } from "./condition-patterns.ts";

const text = z.string().min(1);
const texts = z.array(text).min(1);

/** A sentence, or one that is true of some variants of what it restates. */
const explanationSchema = z.union([
  text,
  z.strictObject({ as: z.record(z.string().regex(/^[a-z0-9-]+$/), texts), text }),
]);

const conditionSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]+$/),
  shapes: texts,
  /** What a published table says where there is no source to read. */
  stated: text.optional(),
  calls: texts.optional(),
  resources: texts.optional(),
  phrase: z.string().regex(/^(if|when|while|unless|for|in) /),
  explain: z.array(explanationSchema).min(1).optional(),
  /** Why a host never comes there; `hosts` are names of profiles, with `*`. */
  unreached: z.strictObject({ hosts: texts, text }).optional(),
});

const busySchema = conditionSchema
  .omit({ stated: true, calls: true, resources: true, explain: true, unreached: true })
  .extend({
    status: text,
    what: text,
    at: text,
    exchange: z.boolean().optional(),
    lead: text.optional(),
    summary: text.optional(),
    explain: text.optional(),
  });

const sentenceSchema = z.strictObject({
  text,
  alone: text.optional(),
  needs: z.enum(["guestLooksFirst", "guestLooksAfter"]).nullable(),
});

const policySchema = z.strictObject({
  id: text,
  title: text,
  proposal: text.optional(),
  matrix: text,
  scenario: text.optional(),
  policy: text.nullable(),
  parameters: z.record(text, z.union([z.string(), z.number(), z.boolean()])).optional(),
  calls: texts.optional(),
  reactions: texts.optional(),
});

const glossarySchema = z.strictObject({
  schema: z.literal("seamlock/glossary@1"),
  conditions: z.array(conditionSchema),
  busy: z.array(busySchema),
  lockKinds: z.record(z.enum(["sharex", "sharex_hp", "sept_entry", "mutex", "bit"]), z.array(sentenceSchema)),
  operands: z.record(text, text),
  bareStatuses: z.record(text, text),
  resourceNames: z.record(text, text),
  resourceNouns: z.record(text, text),
  releases: z.record(text, text),
  guest: z.array(z.strictObject({ calls: texts, text })),
  guestOneAtATime: z.array(z.strictObject({ calls: texts, text })),
  paths: z.array(
    z.strictObject({ match: text, short: text, group: text.optional(), exceptional: z.boolean().optional() }),
  ),
  properties: z.array(z.strictObject({ match: text, text })),
  scenarioProperties: z.record(text, text),
  hostAliases: z.record(text, text),
  policies: z.array(policySchema),
});

/** An entry with the trees of its shapes in the place of their texts. */
function withPatterns<T extends { readonly shapes: readonly string[]; readonly stated?: string | undefined }>(
  entry: T,
) {
  const { shapes, stated, ...rest } = entry;
  const said = stated === undefined ? [] : [{ is: "stated", text: stated } as const];
  return { ...rest, patterns: [...shapes.map(conditionPattern), ...said] };
}

/** The glossary as the program reads it; throws on a field that is missing, unknown or wrong, and on an id that repeats. */
export function glossaryText(yaml: string): string {
  const glossary = glossarySchema.parse(parse(yaml));
  const ids = [...glossary.conditions, ...glossary.busy, ...glossary.policies].map(({ id }) => id);
  const twice = ids.find((id, i) => ids.indexOf(id) < i);
  if (twice !== undefined) throw new Error(`two entries have the id ${twice}`);
  const { conditions, busy } = glossary;
  const read = { ...glossary, conditions: conditions.map(withPatterns), busy: busy.map(withPatterns) };
  return `${JSON.stringify(read, null, 1)}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const data = join(import.meta.dirname, "..", "data");
  writeFileSync(join(data, "glossary.json"), glossaryText(readFileSync(join(data, "glossary.yaml"), "utf8")));
}
