/**
 * The small kernel: C in the kernel's style, written for these tests, one case per idiom, and what must come out of it. A comment
 * `@name` stands at each place that expected.json speaks of.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { REACTION } from "../../../src/host/vocabulary.ts";

/** The folder of the small kernel's tree. */
export const SMALL_TREE = join(import.meta.dirname, "tree");

const text = z.string().min(1);
/** A lock as `name`, shared as `name/r`, of another object than the path's own as `name:all`, `name/r:target`. */
const lock = z.string().regex(/^[\w> -]+(\/r)?(:(all|target|other))?$/);
const entry = z.string().regex(/^\w+( (\w+|\*))?$/, "is no function with a label");

const row = z.strictObject({
  site: text,
  call: z.string().regex(/^tdh_\w+$/),
  entry,
  holds: z.array(lock),
  by: z
    .record(text, z.enum(["asserted"]))
    .optional()
    .describe("locks that are not derived"),
  contexts: z.array(z.enum(["ipi", "irq-off", "one-cpu", "stop-machine"])).optional(),
  phases: z.array(text).optional(),
  overruns: z.array(text).optional(),
  ordinary: z.literal(false).optional(),
  onBusy: z.array(z.string().regex(REACTION)).optional(),
  note: text.optional(),
});

/** `seamlock-test/small-kernel@1`. */
const smallSchema = z.strictObject({
  schema: z.literal("seamlock-test/small-kernel@1"),
  rows: z.array(row).describe("each must come out, and no other lock set at its site from its entry"),
  absent: z.array(z.strictObject({ site: text, entry: entry.optional(), holds: z.array(lock).optional(), why: text })),
  diagnostics: z.array(z.strictObject({ site: text, what: text })),
});

export type SmallRow = z.infer<typeof row>;
export type SmallKernel = z.infer<typeof smallSchema>;

/** What must come out. Throws if the file is not of its format. */
export function loadSmallKernel(): SmallKernel {
  return smallSchema.parse(JSON.parse(readFileSync(join(import.meta.dirname, "expected.json"), "utf8")));
}

/** Every named place of the tree: `@name` to the file and line where it stands; those of a macro's body too. */
export function sitesOf(tree: string = SMALL_TREE): Map<string, { file: string; line: number; text: string }> {
  const found = new Map<string, { file: string; line: number; text: string }>();
  for (const name of readdirSync(tree, { recursive: true, encoding: "utf8" }).sort()) {
    if (!/\.[ch]$/.test(name)) continue;
    for (const [index, line] of readFileSync(join(tree, name), "utf8").split("\n").entries()) {
      const site = /\/\* @([a-z-]+) \*\//.exec(line)?.[1];
      if (site === undefined) continue;
      if (found.has(site)) throw new Error(`@${site} stands twice`);
      found.set(site, { file: name, line: index + 1, text: line });
    }
  }
  return found;
}
