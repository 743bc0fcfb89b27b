/** The list of changes to a kernel: its format, and how one is applied to a source file. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const text = z.string().min(1);
const texts = z.array(text).min(1);

const editSchema = z.strictObject({
  file: text,
  in: text.describe("the function or macro"),
  drop: text.optional(),
  put: text.optional(),
  for: text.optional(),
  add: text.optional(),
  move: text.optional(),
  before: text.optional(),
  after: text.optional(),
  times: z.int().min(1).default(1),
});

const expectSchema = z.strictObject({
  at: texts.describe("paths of the hand-read file"),
  calls: texts.optional(),
  holding: texts.optional(),
  entry: text.optional(),
  lose: texts.optional(),
  gain: texts.optional(),
  phases: texts.optional(),
  overruns: texts.optional(),
  busy: texts.optional(),
  orBusy: texts.optional(),
  busyWith: text.optional(),
  withoutBusy: text.optional(),
  also: z.literal(true).optional(),
  mayGo: z.literal(true).optional(),
  onEach: z.enum(["cpu", "package"]).optional(),
  like: text.optional(),
  mayCome: texts.optional(),
});

/** `seamlock-test/host-mutations@1`. */
const listSchema = z.strictObject({
  schema: z.literal("seamlock-test/host-mutations@1"),
  kernel: z.enum(["7.3"]),
  mutations: z.array(
    z.strictObject({
      name: text,
      kind: z.enum(["control", "delete", "mode", "move", "gate", "reaction", "new"]),
      noticed: z.literal(true).optional(),
      edits: z.array(editSchema).min(1),
      expect: z.array(expectSchema),
    }),
  ),
});

export type Edit = z.infer<typeof editSchema>;
export type Expectation = z.infer<typeof expectSchema>;
export type Mutation = z.infer<typeof listSchema>["mutations"][number];

/** All mutations. Throws if the list is not of the format. */
export function loadMutations(): z.infer<typeof listSchema> {
  return listSchema.parse(parse(readFileSync(join(import.meta.dirname, "..", "host-mutations.yaml"), "utf8")));
}

/** The source after an edit. Throws if what it names is not there exactly as often as it says. */
export function applyEdit(source: string, edit: Edit): string {
  const [from, to] = definition(source, edit.in);
  const body = source.slice(from, to);
  return source.slice(0, from) + changed(body, edit) + source.slice(to);
}

function changed(body: string, edit: Edit): string {
  const { drop, put, add, move, before, after, times } = edit;
  if (drop !== undefined) return swap(body, drop, "", times);
  if (put !== undefined) return swap(body, String(edit.for), put, times);
  const what = add ?? move;
  const where = before ?? after;
  if (what === undefined || where === undefined) throw new Error("an edit has drop, put, add or move");
  const rest = move === undefined ? body : swap(body, move, "", times);
  return swap(rest, where, before === undefined ? `${where} ${what}` : `${what} ${where}`, 1);
}

function swap(body: string, what: string, by: string, times: number): string {
  const pattern = new RegExp(tokens(what), "g");
  const found = body.match(pattern)?.length ?? 0;
  if (found !== times) throw new Error(`\`${what}\` stands there ${found} times, not ${times}`);
  return body.replace(pattern, () => by);
}

/** A pattern of tokens with any white space between them, and line ends of macros. */
function tokens(what: string): string {
  const parts = what.match(/\w+|[^\w\s]/g) ?? [];
  const space = String.raw`(?:\s|\\\n)*`;
  return parts
    .map((part, at) => {
      const escaped = part.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
      const word = /^\w/.test(part);
      return `${word && at === 0 ? String.raw`\b` : ""}${escaped}${word && at === parts.length - 1 ? String.raw`\b` : ""}`;
    })
    .join(space);
}

/** Where a function's or macro's definition begins and ends: in the kernel's style its last brace stands at a line's beginning. */
function definition(source: string, name: string): [number, number] {
  const macro = new RegExp(String.raw`^#define ${name}\((?:.*\\\n)*.*`, "m").exec(source);
  if (macro !== null) return [macro.index, macro.index + macro[0].length];
  for (const match of source.matchAll(new RegExp(String.raw`^(?:[a-z_][\w \t*]*\n?[\w \t*]*?\b)?${name}\(`, "gm"))) {
    const end = /^[{}]|;$/m.exec(source.slice(match.index));
    if (end?.[0] !== "{") continue;
    const close = source.indexOf("\n}", match.index);
    if (close >= 0) return [match.index, close + 2];
  }
  throw new Error(`there is no ${name}`);
}
