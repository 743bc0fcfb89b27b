/** The documents of the verbs that build a model, as schemas. The program does not load them; `npm run schemas` makes JSON Schema of them. */
import { z } from "zod";
import { handlingSchema } from "../report/index.ts";
import { SHELLS } from "./completion.ts";

const text = z.string().min(1);
const count = z.int().min(0);
const histogram = z.record(z.string(), count).describe("value: how many had it");
const value = z.union([z.string(), z.number(), z.boolean()]);
const parameters = z.record(text, value).describe("the scenario's own fields, flat, and the module's version");
const variables = z.record(text, value);
const hostPriority = z
  .array(z.strictObject({ variable: text, resource: text, object: count.nullable() }))
  .describe("variables that are a lock's host-priority bit");

/** One step of a run. */
const stepSchema = z.strictObject({
  process: text,
  instance: count,
  label: text,
  next: text,
  alternative: count,
  choices: z.record(text, count),
  actor: text,
  leaf: text.nullable(),
  action: text.nullable(),
  resource: text.nullable(),
  lock: text.optional().describe("the lock, where resources of several names are one; else it has the resource's name"),
  object: count.nullable().describe("which object of the resource's class"),
  mode: text.nullable(),
  result: text.nullable(),
  status: text.nullable(),
  note: text.nullable(),
  state: variables.describe("the variables that the step changed"),
  fault: z.strictObject({ kind: text, name: text }).nullable(),
});
const traceSchema = z.array(stepSchema);

const outcomeSchema = z.strictObject({
  kind: z.enum(["holds", "violated", "inconclusive"]),
  property: text.nullable(),
  reason: text.nullable(),
});

const busyEntrySchema = z.strictObject({
  leaf: text.nullable(),
  resource: text,
  holders: z.array(text),
  status: text.nullable(),
  process: text,
  unheld: z.boolean().describe("can it be refused when nobody is seen to hold it?"),
});

const violationSchema = z.strictObject({
  kind: z.enum(["always", "assertion", "range", "deadlock", "leads-to"]),
  property: text,
  steps: count,
  loop: count.optional().describe("set where the run goes round for ever: so many steps come before its loop"),
  shortest: z.boolean().describe("no run breaks the property in fewer steps; with a loop, before the loop"),
});

const verdict = {
  scenario: text,
  policy: text.nullable(),
  parameters,
  outcome: outcomeSchema,
  doubts: z.array(text).describe("holes in the facts; with one, nothing is said to hold"),
  states: count,
  transitions: count,
  depth: count,
  seconds: z.number().min(0),
  reductions: z.array(text),
  busy: z.array(busyEntrySchema),
  neverRan: z.array(
    z.strictObject({ process: text, label: text, alternative: count, leaf: text.nullable(), note: z.string() }),
  ),
  vacuous: z.array(text),
  violations: z.array(violationSchema),
  initial: variables.nullable(),
  hostPriority: hostPriority.optional(),
  trace: traceSchema.nullable(),
  loop: count.nullable().describe("the steps from this one on repeat for ever"),
  traceDigest: text.nullable().describe("of the trace and of what it is a run of; null without a trace"),
  reproduce: text,
};

/** `check --json` */
export const checkSchema = z.looseObject({
  schema: z.literal("seamlock/check@1"),
  ...verdict,
  properties: z
    .array(
      z.strictObject({
        name: text,
        kind: z.enum(["always", "sometimes", "leads-to"]),
        outcome: z
          .enum(["holds", "violated", "vacuous", "unknown"])
          .describe("vacuous: never met or never begun; unknown: the search ended before it could say"),
      }),
    )
    .optional()
    .describe("without --verify-reduction, as the next one"),
  assumptions: z.array(text).optional().describe("what the model takes for granted, for people"),
  plainStates: count.optional().describe("with --verify-reduction, as the next two"),
  expectedStates: count.nullable().optional(),
  differences: z.array(text).optional(),
  unexplored: text
    .nullable()
    .optional()
    .describe("why nothing can be said of the reductions; null when they were compared"),
});

/** `check --replay FILE --json` */
export const replaySchema = z.strictObject({
  schema: z.literal("seamlock/replay@1"),
  trace: traceSchema,
  of: count.describe("steps of the trace that is replayed"),
  completed: count,
  stuck: text.nullable().describe("why the next step cannot be made"),
  violated: z.array(text),
});

const madeBy = z.strictObject({
  version: text.describe("of seamlock"),
  engine: text.describe("a digest of the code that decides what a check finds"),
});

/** A file that `sweep` writes. */
export const sweepResultSchema = z.looseObject({
  schema: z.literal("seamlock/sweep-result@1"),
  ...verdict,
  matrix: z.strictObject({ name: text, digest: text, cases: count, case: count }),
  module: text.nullable(),
  host: text.nullable(),
  setting: z.string(),
  sizeNote: text.nullable().describe("why its size is another than the matrix's"),
  madeBy: madeBy.optional().describe("the build that made it; absent in what was written before there was this field"),
  digest: text.describe("of all the rest"),
});

const {
  neverRan: _neverRan,
  initial: _initial,
  hostPriority: _hostPriority,
  trace: _trace,
  loop: _loop,
  traceDigest: _digest,
  ...summary
} = verdict;

/** `sweep --json` */
export const sweepSchema = z.strictObject({
  schema: z.literal("seamlock/sweep@1"),
  matrix: text,
  cases: count,
  madeBy: madeBy.describe("the build that made all results"),
  results: z.strictObject({
    takenUp: count.describe("were there"),
    made: count.describe("were not"),
    madeAgain: count.describe("were there, made by another build"),
  }),
  rows: z.array(
    z.strictObject({
      file: text,
      module: text.nullable(),
      host: text.nullable(),
      setting: z.string(),
      steps: count.nullable().describe("of the trace"),
      ...summary,
    }),
  ),
  missing: z.array(text),
});

/** `simulate --json` */
export const simulateSchema = z.strictObject({
  schema: z.literal("seamlock/simulate@1"),
  scenario: text,
  policy: text.nullable(),
  parameters,
  seed: count,
  run: count.describe("number of the first run"),
  stepsPerRun: count.describe("at most"),
  schedule: z.enum(["fair", "priority", "timed"]),
  changes: count.describe("priority schedule: how often priorities change in a run"),
  patience: count.describe("priority schedule: steps in a row after which a process drops"),
  interrupted: z.boolean(),
  doubts: z.array(text).describe("holes in the facts that the model is made of"),
  costs: z.strictObject({
    byLeaf: z.record(text, z.number()),
    byAction: z.record(text, z.number()),
    otherwise: z.number(),
  }),
  runs: count,
  steps: count,
  seconds: z.number().min(0),
  ended: count.describe("runs that ended with every process idle"),
  busy: z
    .array(
      z.strictObject({
        process: text,
        leaf: text.nullable(),
        resource: text,
        status: text.nullable(),
        holder: text.nullable().describe("null: nobody was seen to hold it"),
        holderProcess: text.nullable(),
        count,
        soonest: z.strictObject({ run: count, steps: count }),
        reproduce: text,
        trace: traceSchema.nullable().describe("a short run that ends in it, if it is shown"),
      }),
    )
    .describe("most frequent first"),
  counters: z.array(z.strictObject({ counter: text, leaf: text.nullable(), histogram })),
  stretches: z.array(
    z.strictObject({
      process: text,
      stretch: text,
      as: text.nullable().describe("null: the run ended first"),
      count,
      cost: z.number(),
      longest: z.number(),
      durations: histogram.describe(
        "upper bound, a power of two: how many cost no more, and more than the bound before",
      ),
      counters: z.record(text, histogram),
    }),
  ),
  cost: z.number(),
  costByInstance: z.record(text, z.number()),
  dwell: z.array(z.strictObject({ instance: text, label: text, cost: z.number(), visits: count })),
  violations: z.array(
    z.strictObject({
      property: text,
      runs: count,
      run: count.describe("the first of them"),
      steps: count,
      reproduce: text,
      trace: traceSchema.nullable(),
    }),
  ),
  initial: variables.nullable(),
  hostPriority: hostPriority.optional(),
  trace: traceSchema.nullable().describe("the first run as it went, if it is shown"),
  reproduce: text,
});

/** `export --json` */
export const exportSchema = z.strictObject({
  schema: z.literal("seamlock/export@1"),
  scenario: text,
  parameters,
  doubts: z.array(text).describe("holes in the facts that the model is made of"),
  to: z.enum(["promela", "tla", "mermaid", "perfetto", "text"]),
  text,
  config: text.nullable().describe("TLC's configuration"),
});

/** `explore --json` */
export const exploreSchema = z.strictObject({ schema: z.literal("seamlock/explore@1"), url: z.url() });

/** `leaves --json` */
export const leavesSchema = z.strictObject({
  schema: z.literal("seamlock/leaves@1"),
  module: text,
  leaves: z.array(
    z.strictObject({
      name: text,
      number: count,
      side: z.enum(["host", "guest"]),
      variant: text.nullable(),
      locks: count.describe("how many locks it can take, those above pages included"),
    }),
  ),
});

/** `resources --json` */
export const resourcesSchema = z.strictObject({
  schema: z.literal("seamlock/resources@1"),
  module: text,
  resources: z.array(
    z.strictObject({
      resource: text,
      lock: text.nullable().describe("what the source calls its lock; --resource takes this, too"),
      what: text,
      shared: count.describe("how many calls take it SHARED"),
      exclusive: count,
    }),
  ),
});

/** `scenarios --json` */
export const scenariosSchema = z.strictObject({
  schema: z.literal("seamlock/scenarios@1"),
  scenarios: z.array(z.strictObject({ name: text, kind: text, description: text })),
});

/** `policies --json` */
export const policiesSchema = z.strictObject({
  schema: z.literal("seamlock/policies@1"),
  module: text,
  host: text.nullable(),
  policies: z.array(
    z.strictObject({
      id: text,
      title: text,
      policy: text.nullable().describe("for --policy; null: a scenario without one"),
      proposal: text.nullable().describe("set where the published mail proposes it"),
      hosts: z.boolean().optional().describe("is it what the host does?"),
      verdicts: handlingSchema.shape.verdicts,
    }),
  ),
});

/** `completion --json` */
export const completionSchema = z.strictObject({
  schema: z.literal("seamlock/completion@1"),
  shell: z.enum(SHELLS),
  script: text,
});
