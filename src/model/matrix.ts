/** Matrices of checks, `seamlock/matrix@1`: modules × hosts × scenarios × policies × sizes, as the list of cases they stand for. */
import { z } from "zod";
import { SeamlockError } from "../errors.ts";
import { checkKind, invalidField, readYaml } from "../host/index.ts";

const value = z.union([z.string().min(1), z.number(), z.boolean()], {
  error: "is no word, number, true or false",
});
const axis = z.union([value, z.array(value).min(1)], {
  error: "is no word, number, true or false, nor a list of some",
});

/** The axes that have an option of their own, in the order in which cases vary: the last one fastest. */
export const AXES = [
  "scenario",
  "host",
  "policy",
  "retries",
  "vcpus",
  "pages",
  "threshold",
  "hosts",
  "guests",
  "module",
] as const;
export type Axis = (typeof AXES)[number];

const blockSchema = z.strictObject({
  scenario: axis,
  module: axis.optional().describe("versions or paths; `1.5.*` stands for every bundled one of that form"),
  host: axis.optional(),
  policy: axis.optional(),
  retries: axis.optional(),
  vcpus: axis.optional(),
  pages: axis.optional(),
  threshold: axis.optional(),
  hosts: axis.optional(),
  guests: axis.optional(),
  set: z.record(z.string().min(1), axis).optional().describe("any other field of the scenario"),
  onceViolated: z
    .int()
    .min(1)
    .optional()
    .describe(
      "a check that found a violation stops with the level in which it has more states: its verdict stands, what else breaks may not be found",
    ),
  because: z.string().min(1).optional().describe("why it has another size than the matrix"),
});

const matrixSchema = z.strictObject({
  schema: z.literal("seamlock/matrix@1"),
  name: z.string().min(1),
  description: z.string().min(1),
  size: z
    .strictObject({ vcpus: z.int().min(1), pages: z.int().min(1) })
    .partial()
    .optional()
    .describe("of every block that states no other"),
  blocks: z.array(blockSchema).min(1),
});

export type Matrix = z.infer<typeof matrixSchema>;
type Block = Matrix["blocks"][number];

/** One check of a matrix: what the command line would say. */
export interface Case {
  readonly options: Readonly<Partial<Record<Axis, string>>>;
  /** Other fields of the scenario: `removal.kick.waits=false`. */
  readonly set: readonly string[];
  readonly onceViolated?: number;
  /** Why its size is another than the matrix's. */
  readonly because?: string;
}

/** Upper bound of cases; a matrix with more is a mistake, or work for several matrices. */
const MAX_CASES = 100_000;

/**
 * Reads a matrix.
 *
 * @throws SeamlockError SL4301 not a readable YAML file · SL4302 another kind or version of document · SL4303 a field is missing, unknown or wrong
 */
export function parseMatrix(source: string, file: string): Matrix {
  try {
    const yaml = readYaml(source, file, "matrix");
    checkKind(yaml, "seamlock/matrix", "1", "matrix");
    const parsed = matrixSchema.safeParse(yaml.value);
    if (!parsed.success) throw invalidField(parsed.error, yaml, "docs/scenarios.md describes matrices");
    return parsed.data;
  } catch (error) {
    if (!(error instanceof SeamlockError)) throw error;
    throw error.recoded((code) => ({ SL3005: "SL4302", SL3006: "SL4302", SL3007: "SL4303" })[code] ?? "SL4301");
  }
}

/**
 * The cases of a matrix, each once, in the order of its blocks.
 *
 * @param modules the bundled versions, for patterns
 * @throws SeamlockError SL4304 a pattern of modules matches none, or there are too many cases
 */
export function casesOf(matrix: Matrix, modules: readonly string[]): Case[] {
  const seen = new Map<string, Case>();
  for (const block of matrix.blocks) {
    for (const one of expanded({ ...matrix.size, ...block }, modules)) {
      seen.set(JSON.stringify(one), one);
      if (seen.size > MAX_CASES) {
        throw new SeamlockError("SL4304", `the matrix has more than ${MAX_CASES} cases`, { hint: "split it" });
      }
    }
  }
  return [...seen.values()];
}

function* expanded(block: Block, modules: readonly string[]): Generator<Case> {
  const axes = AXES.flatMap((name) => {
    const wanted = listOf(block[name]);
    if (wanted.length === 0) return [];
    return [{ name, values: name === "module" ? wanted.flatMap((pattern) => matching(pattern, modules)) : wanted }];
  });
  const fields = Object.entries(block.set ?? {}).map(([name, wanted]) => ({ name, values: listOf(wanted) }));
  for (const set of product(fields)) {
    for (const options of product(axes)) {
      yield {
        options: Object.fromEntries(options),
        set: set.map(([name, chosen]) => `${name}=${chosen}`),
        ...(block.onceViolated !== undefined && { onceViolated: block.onceViolated }),
        ...(block.because !== undefined && { because: block.because }),
      };
    }
  }
}

function* product<Name extends string>(
  axes: readonly { readonly name: Name; readonly values: readonly string[] }[],
): Generator<(readonly [Name, string])[]> {
  const [first, ...rest] = axes;
  if (first === undefined) return yield [];
  for (const chosen of first.values) for (const tail of product(rest)) yield [[first.name, chosen], ...tail];
}

const listOf = (wanted: z.infer<typeof axis> | undefined): string[] =>
  wanted === undefined ? [] : [wanted].flat().map(String);

function matching(pattern: string, modules: readonly string[]): string[] {
  if (!pattern.includes("*")) return [pattern];
  const form = new RegExp(`^${pattern.split("*").map(escaped).join(".*")}$`);
  const found = modules.filter((name) => form.test(name));
  if (found.length > 0) return found;
  throw new SeamlockError("SL4304", `no bundled module is called \`${pattern}\``, {
    hint: `bundled are ${modules.join(", ")}`,
  });
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** A part of the cases: the i-th of n, dealt out in turn so that every part has some of each kind. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** @throws SeamlockError SL4305 not of the form `2/5` */
export function parseShard(text: string): Shard {
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text)?.map(Number) ?? [];
  if (index !== undefined && count !== undefined && index >= 1 && index <= count) return { index, count };
  throw new SeamlockError("SL4305", `\`${text}\` is no shard`, { hint: "2/5 is the second of five" });
}

/** The numbers of a shard's cases. */
export function shardOf(cases: number, shard: Shard | null): number[] {
  const all = Array.from({ length: cases }, (_, i) => i);
  return shard === null ? all : all.filter((i) => i % shard.count === shard.index - 1);
}
