/** What the extraction is told of a hypervisor, as data: the schema of rules files, `seamlock/kernel-rules@1`, and their loading. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Dialect } from "../c/index.ts";
import { SeamlockError } from "../errors.ts";
import { checkKind, guestSchema, invalidField, LOCK_KINDS, LOCK_SCOPES, readYaml } from "../host/index.ts";

const text = z.string().min(1);
const names = z.array(text);

const scopeSchema = z.strictObject({
  folders: names.min(1).describe("folders whose .c and .h files are read"),
  files: names.describe("further files: headers with types, constants and inline functions"),
  except: names.default([]).describe("paths that are left out; `*` stands for any characters"),
});

const dialectSchema = z.strictObject({
  blank: names.describe("tokens that say nothing to the analysis: attributes"),
  blankCalls: names.describe("the same, with parentheses"),
  replace: z.record(text, text).describe("tokens that are another spelling of a keyword"),
  weak: names.describe("tokens that make a definition give way to another one"),
  definedCalls: names.describe("calls that ask whether a symbol of `config` is defined"),
  keep: names.describe("macros that are not expanded, since rules speak of them"),
  types: names.describe("types that no header of the scope declares"),
});

const position = z.int().min(0);

const guardsSchema = z.strictObject({
  class: text.describe("macro that makes a guard with a name: `CLASS(kind, name)(argument)`"),
  guard: text.describe("… without one: `guard(kind)(argument)`"),
  scoped: text.describe("… for one statement: `scoped_guard(kind, argument)`"),
  scopedClass: text.optional().describe("… for one statement, with a name: `scoped_class(kind, name, argument)`"),
  variable: text.describe("what stands for the guard where a kind is defined"),
  define: z.array(
    z.strictObject({
      macro: text.describe("its first argument is the kind's name"),
      acquire: position,
      release: position,
      parameters: position.optional().describe("position of the first parameter's declaration"),
      object: text.optional().describe("what stands for the argument of a use"),
    }),
  ),
});

const loopSchema = z.strictObject({
  macro: text.describe("`*` stands for any characters"),
  assigns: z.array(position).describe("arguments that every round gives another value"),
  all: z.boolean().default(false).describe("goes over all vCPUs: the last of these variables is each one in turn"),
});

const EFFECTS = ["bug-vm", "warn", "kick"] as const;

const kickSchema = z.strictObject({
  argument: position,
  bit: text.describe("a constant expression: it waits for those who were kicked only where the argument has it"),
});

const reportSchema = z.strictObject({
  does: z.enum(EFFECTS),
  impossible: z.boolean().default(false).describe("a way on which its condition always holds is none that can be gone"),
});

const positionOrName = z.union([position, text], { error: "is neither a position nor a name" });

const lockClassSchema = z.strictObject({
  name: text,
  kind: z.enum(LOCK_KINDS),
  per: z.enum(LOCK_SCOPES),
  what: text.optional(),
  members: names.default([]).describe("`structure.member`, or the name of a global object"),
  by: z.enum(["derived", "rule", "stated"]).default("derived"),
  of: z.enum(["self", "target"]).default("self").describe("whose it is where the source does not tell"),
  nests: z.boolean().default(false).describe("it may be taken again by who has it"),
});

const lockCallSchema = z.strictObject({
  takes: positionOrName.optional().describe("position of the lock's address, or the name of the lock"),
  drops: positionOrName.optional(),
  mode: z.enum(["exclusive", "shared"]).default("exclusive"),
  success: z
    .enum(["zero", "nonzero"])
    .optional()
    .describe("what it gives when it took the lock; it always does, unless given"),
  when: z.strictObject({ argument: position, is: text }).optional().describe("only with this value of an argument"),
  interrupts: z.enum(["off", "on", "restored"]).optional().describe("what it does to the interrupts of the CPU"),
});

const assertSchema = z
  .strictObject({
    lock: positionOrName.optional(),
    mode: z.enum(["any", "exclusive", "shared"]).default("any"),
    interrupts: z.literal("off").optional().describe("no lock: interrupts are off"),
  })
  .refine(({ lock, interrupts }) => (lock === undefined) !== (interrupts === undefined), {
    message: "either a lock is asserted, or that interrupts are off",
  });

const callbackSchema = z.strictObject({
  function: position,
  argument: position.optional(),
  waits: z
    .union([z.boolean(), position])
    .default(true)
    .describe("the caller goes on only afterwards, so its locks stay held"),
  context: text.describe("where the function runs, in words"),
  gives: z.boolean().default(false).describe("the call gives what the function gives"),
  interrupts: z.enum(["off", "on"]).default("on").describe("the interrupts of the CPU where it runs"),
  onEach: z.enum(["cpu", "package"]).optional().describe("it runs at once on each of these"),
  one: z
    .strictObject({ call: text, gives: z.int(), context: text })
    .optional()
    .describe("one of these can be told by what a call gives; what it does alone has this context"),
});

const entriesSchema = z.strictObject({
  operations: z
    .record(text, z.strictObject({ except: names.default([]) }))
    .describe("structures of functions that only the outside calls, and members of which it calls none"),
  registrations: z
    .record(text, z.array(positionOrName))
    .describe(
      "calls that give functions to the outside: positions, or names in which `$0` stands for the first argument",
    ),
  functions: names.describe("further functions that the outside calls"),
  holds: z
    .record(text, z.array(z.strictObject({ lock: text, mode: z.enum(["exclusive", "shared"]).default("exclusive") })))
    .describe("what the outside holds when it calls an entry"),
  cuts: names.describe("functions that are entries of their own wherever they are called"),
});

const valueText = z
  .union([z.int(), z.boolean(), text])
  .describe("a constant expression, or `positive`, `negative`, `any`");

const factsSchema = z.strictObject({
  members: z.record(text, valueText).describe("by `structure.member`, or the name of a global object"),
  perVcpu: names.describe("structures of which each vCPU has its own"),
  perVm: names
    .default([])
    .describe(
      "structures of which each VM has its own; what one of them, or of a vCPU's, points to is another VM's or vCPU's",
    ),
  tracked: names.describe("members whose value is followed, though nothing is known of it at first"),
  shared: z
    .record(text, z.strictObject({ members: names, unless: text.describe("name of a class") }))
    .default({})
    .describe("functions at whose beginning others may have changed members, unless a lock is held"),
  local: names.describe("tracked globals of the models that speak of one function's walk and do not outlast it"),
  opaque: names.describe("structures whose members are not followed"),
  results: z.record(text, valueText).describe("what calls give"),
  targets: z.record(text, names).describe("functions that a member points to, by `structure.member`"),
});

const phaseSchema = z.strictObject({
  name: text,
  what: text,
  opStates: names.optional(),
  singleThreaded: z.boolean().optional(),
  facts: z.record(text, valueText),
  entries: names.describe("functions with which what happens in this phase begins; `*` stands for any characters"),
  except: names.default([]),
});

const seamcallsSchema = z.strictObject({
  calls: z.record(text, position).describe("functions that make a SEAMCALL, and the position of its number"),
  leaves: names.describe("macros that name the numbers; `*` stands for any characters"),
  version: z.strictObject({ shift: position, mask: z.int() }).describe("where a number has the leaf's version"),
  wrappers: names.describe("functions that make one SEAMCALL for others, which are the callers that matter"),
});

const busySchema = z.strictObject({
  status: text.describe("the status that is given to whoever makes a SEAMCALL: a constant expression"),
  operand: text.optional().describe("the bits of a status that say what is busy: a constant expression"),
  others: z
    .array(
      z.strictObject({
        calls: names.describe("leaves, as profiles name them; `*` stands for any characters"),
        status: text.describe("a constant expression"),
      }),
    )
    .default([])
    .describe("leaves that say in another status that they are busy; the first that fits counts"),
  facts: z.record(text, valueText).describe("what is so when the BUSY comes, by `structure.member`"),
  again: z
    .record(text, z.strictObject({ gives: valueText, does: z.enum(["refault", "reenter"]) }))
    .describe("functions whose callers have it all done again when they give this value"),
  loses: names.describe(
    "members, as `structure.member`, that are cleared so that what they point to is not given back",
  ),
  frees: names.describe("functions that give something back; where a BUSY keeps them from being called, it is leaked"),
});

const patterns = names.describe("`*` stands for any characters");

const statedSchema = z.strictObject({
  lock: text,
  mode: z.enum(["exclusive", "shared"]).optional(),
  of: z.enum(["self", "all", "target", "other"]).optional(),
  calls: patterns.describe("leaves at which it is held"),
  context: text.optional().describe("only where the call runs in this context"),
  entries: patterns.optional().describe("only from these entries"),
  assumed: text.optional(),
});

const pathSchema = z.strictObject({
  name: text,
  when: z.strictObject({
    entry: patterns.optional(),
    labels: patterns.optional().describe("each must fit a label"),
    calls: patterns.optional().describe("leaves"),
    context: patterns.optional(),
  }),
  per: z.enum(["machine", "vm", "vcpu"]),
  exceptional: text.optional(),
  atMostOne: z.enum(["machine", "vm", "vcpu"]).optional(),
  assumed: names.optional(),
  gate: text.optional(),
  note: text.optional(),
});

const labelsSchema = z.strictObject({
  cases: patterns.describe("constants of cases and comparisons that tell paths apart"),
  except: patterns.default([]),
  functions: z.record(text, text).describe("functions on the way that tell paths apart, and the labels for them"),
});

const pageSize = z.enum(["4K", "2M", "1G"]);

const pagesSchema = z.strictObject({
  functions: names.describe(
    "functions that return the highest level at which a private page is mapped; those that the tree has count",
  ),
  given: z.record(text, z.number().int()).describe("values of their parameters that a private page has"),
  levels: z.partialRecord(pageSize, text).describe("sizes, and what the functions return for them"),
});

const excludedSchema = z.strictObject({
  function: text.describe("a function; calls of it are not followed"),
  from: text.optional().describe("only those in this function"),
  phases: names.optional().describe("only in these phases"),
  pageSizes: z.array(pageSize).optional().describe("only where private pages have no other sizes"),
  reason: text,
});

/** `seamlock/kernel-rules@1`. */
export const kernelRulesSchema = z.strictObject({
  schema: z.literal("seamlock/kernel-rules@1"),
  name: text,
  description: text,
  scope: scopeSchema,
  config: names.describe("symbols that the build defines"),
  dialect: dialectSchema,
  prelude: text.describe("C that stands for headers that are not read"),
  models: text.describe("C that stands for functions of the tree that the analysis cannot follow"),
  guards: guardsSchema,
  loops: z.array(loopSchema).describe("macros that are loops; the first that fits counts"),
  transparent: z
    .record(text, position.nullable())
    .describe("macros that give their first argument, with the type of another"),
  reports: z.record(text, reportSchema).describe("macros that complain when their first argument holds"),
  events: z.record(text, z.enum(EFFECTS)).describe("functions that do something about a BUSY"),
  kicks: z.record(text, kickSchema).default({}).describe("those of them that are no kick unless an argument says so"),
  bars: z
    .record(text, names)
    .default({})
    .describe("members that keep vCPUs out while they are not zero, and the SEAMCALLs that are then not made"),
  busy: busySchema.describe("how the reaction to a BUSY is found"),
  memberCalls: z
    .record(text, z.strictObject({ structure: text, prefix: z.string().default("") }))
    .describe("macros that call a member by its name, which may have a prefix"),
  locks: z.strictObject({
    classes: z.array(lockClassSchema),
    calls: z.record(text, lockCallSchema),
    kinds: z
      .partialRecord(z.enum(LOCK_KINDS), names)
      .default({})
      .describe(
        "primitives by the kind of what they take; `*` stands for any characters: a lock is of the kind that takes it",
      ),
    asserts: z.record(text, assertSchema),
    ruledOut: z
      .array(z.strictObject({ function: text, reason: text }))
      .default([])
      .describe("functions that assert a lock in another mode than some way holds it in, which is therefore none"),
  }),
  callbacks: z.record(text, callbackSchema),
  others: names.describe("functions that give some other vCPU"),
  entries: entriesSchema,
  seamcalls: seamcallsSchema,
  facts: factsSchema,
  phases: z.array(phaseSchema).min(1),
  pages: pagesSchema.optional().describe("what sizes of private pages are read from"),
  excluded: z.array(excludedSchema),
  labels: labelsSchema,
  paths: z
    .array(pathSchema)
    .describe("names of paths; the first that fits counts, and what fits none is named after its entry"),
  stated: z.array(statedSchema).describe("what is held though no code shows it"),
  vcpuCalls: patterns.describe("leaves that name a vCPU"),
  profile: z.strictObject({
    assumed: names,
    pageSizes: z.array(pageSize).optional().describe("sizes of private pages, where `pages` does not read them"),
    guest: guestSchema.optional(),
  }),
});

export type ScopeRules = z.infer<typeof scopeSchema>;
export type KernelRules = z.infer<typeof kernelRulesSchema>;
export type LockClass = z.infer<typeof lockClassSchema>;
export type PathRule = z.infer<typeof pathSchema>;
export type LockCall = z.infer<typeof lockCallSchema>;

/**
 * Reads a rules file.
 *
 * @throws SeamlockError SL3001 to SL3007, as for host profiles
 */
export function parseKernelRules(content: string, file: string): KernelRules {
  const yaml = readYaml(content, file, "rules file");
  checkKind(yaml, "seamlock/kernel-rules", "1", "rules file");
  const parsed = kernelRulesSchema.safeParse(yaml.value);
  if (!parsed.success) throw invalidField(parsed.error, yaml, "docs/kernel-rules.md describes every field");
  return parsed.data;
}

const BUNDLED = join("data", "kernel-rules", "linux-kvm.yaml");

/**
 * The rules for Linux KVM that seamlock brings along.
 *
 * @throws SeamlockError SL0008 when they are not beside the program
 */
export function bundledKernelRules(): KernelRules {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, BUNDLED);
    if (existsSync(file)) return parseKernelRules(readFileSync(file, "utf8"), file);
    if (folder === dirname(folder)) break;
  }
  throw new SeamlockError("SL0008", "the bundled rules for kernels are not beside the program", {
    hint: "install the package again",
  });
}

/** The macros of guards for one statement. */
const scopesOf = ({ scoped, scopedClass }: KernelRules["guards"]): string[] => [
  scoped,
  ...(scopedClass === undefined ? [] : [scopedClass]),
];

/** What the C reader is told; `prelude`: the file with the macros of the rules, which count before those of a tree. */
export function dialectOf(rules: KernelRules, prelude: string): Dialect {
  const { config, dialect } = rules;
  const { loops, guards } = rules;
  // What rules speak of by name stays a call.
  const keep = [
    ...dialect.keep,
    ...[guards.class, guards.guard, ...scopesOf(guards), ...guards.define.map((d) => d.macro)],
    ...loops.map((loop) => loop.macro).filter((name) => !name.includes("*")),
    ...[rules.transparent, rules.reports, rules.events, rules.memberCalls].flatMap(Object.keys),
    ...[rules.locks.calls, rules.locks.asserts, rules.callbacks, rules.seamcalls.calls].flatMap(Object.keys),
  ];
  return {
    replaceTokens: dialect.replace,
    blankTokens: dialect.blank,
    blankCalls: dialect.blankCalls,
    defined: Object.fromEntries(config.map((name) => [name, "1"])),
    definedCalls: dialect.definedCalls,
    sharedHeaders: true,
    expand: { keep, first: prelude },
    governs: [...loops.map((loop) => loop.macro), ...scopesOf(guards)],
    weakTokens: dialect.weak,
    types: dialect.types,
  };
}
