/**
 * The small kernel: C in the kernel's style, written for these tests, one case per idiom, and what must come out of it. A comment
 * `@name` stands at each place that expected.json speaks of.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { REACTION } from "../../../src/host/vocabulary.ts";

/** The folder of the small kernel's tree. */
export const SMALL_TREE = join(import.meta.dirname, "tree");

type Json = null | string | number | boolean | Json[] | { [key: string]: Json };

/** The rules file for the small kernel: the bundled one, with what small/rules.yaml puts over it. */
export function smallRules(): string {
  const read = (path: string): Json => parse(readFileSync(path, "utf8")) as Json;
  const bundled = read(join(import.meta.dirname, "../../../data/kernel-rules/linux-kvm.yaml"));
  const own = read(join(import.meta.dirname, "rules.yaml"));
  const rules = over(bundled, own) as { [key: string]: Json };
  // Linux's names of paths say nothing here: what fits none is named after its entry.
  return stringify({ ...rules, paths: (own as { [key: string]: Json })["paths"] ?? [] });
}

/** Maps are merged, lists and blocks of C are added to; of a list of named things, what has a name that is there is merged with it. */
function over(under: Json | undefined, above: Json): Json {
  if (Array.isArray(under) && Array.isArray(above)) {
    const named = (one: Json): string | null =>
      typeof one === "object" && one !== null && !Array.isArray(one) ? String(one["name"]) : null;
    const merged = under.map((one) => {
      const mine = above.find((other) => named(other) !== null && named(other) === named(one));
      return mine === undefined ? one : over(one, mine);
    });
    return [...merged, ...above.filter((one) => !under.some((u) => named(u) !== null && named(u) === named(one)))];
  }
  const isMap = (value: Json | undefined): value is { [key: string]: Json } =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (isMap(under) && isMap(above)) {
    return { ...under, ...Object.fromEntries(Object.entries(above).map(([key, v]) => [key, over(under[key], v)])) };
  }
  return typeof under === "string" && under.includes("\n") ? under + String(above) : above;
}

const text = z.string().min(1);
/** A lock as `name`, shared as `name/r`, of another object than the path's own as `name:all`, `name/r:target`. */
const lock = z.string().regex(/^[\w> -]+(\/r)?(:(all|target|other))?$/);
const entry = z.string().regex(/^\w+( (\w+|\*))?$/, "is no function with a label");

const row = z.strictObject({
  site: text,
  call: z.string().regex(/^tdh_\w+$/),
  entry,
  holds: z.array(lock),
  asserted: z.array(lock).optional().describe("of what is held, what the entry asserts and nothing takes"),
  contexts: z.array(z.enum(["ipi", "one-cpu", "stop-machine", "irq-off"])).optional(),
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
  diagnostics: z.array(z.strictObject({ site: text, code: z.string().regex(/^SL34\d\d$/), what: text })),
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
