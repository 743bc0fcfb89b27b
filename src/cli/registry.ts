import type { AnyVerb } from "./verb.ts";

interface Entry {
  readonly summary: string;
  /** Loads the verb's file, only when the verb is used. */
  load(): Promise<{ readonly verb: AnyVerb }>;
}

/** The subcommands, in the order of the help text. A new verb is one file in `verbs/` and one entry here. */
export const VERBS: Readonly<Record<string, Entry>> = {
  report: {
    summary: "which call takes which lock, and what contends with what",
    load: () => import("./verbs/report.ts"),
  },
  contend: {
    summary: "pairs of calls that can meet on a lock",
    load: () => import("./verbs/contend.ts"),
  },
  diff: {
    summary: "what changed between two modules, or two hosts",
    load: () => import("./verbs/diff.ts"),
  },
  explain: {
    summary: "what a status in a log means, and who held the lock",
    load: () => import("./verbs/explain.ts"),
  },
  host: {
    summary: "the host profiles, and whether one of yours is sound",
    load: () => import("./verbs/host.ts"),
  },
  explore: {
    summary: "all of it to look at: a page on this machine",
    load: () => import("./verbs/explore.ts"),
  },
  modules: {
    summary: "the module versions that come with seamlock",
    load: () => import("./verbs/modules.ts"),
  },
  leaves: {
    summary: "the calls of a module",
    load: () => import("./verbs/leaves.ts"),
  },
  resources: {
    summary: "what the calls of a module lock, by every name",
    load: () => import("./verbs/resources.ts"),
  },
  scenarios: {
    summary: "the scenarios for check, simulate and export",
    load: () => import("./verbs/scenarios.ts"),
  },
  policies: {
    summary: "ways of handling BUSY",
    load: () => import("./verbs/policies.ts"),
  },
  catalog: {
    summary: "the facts about one module, as data",
    load: () => import("./verbs/catalog.ts"),
  },
  extract: {
    summary: "the facts about a module, from its source tree",
    load: () => import("./verbs/extract.ts"),
  },
  check: {
    summary: "does a way of handling BUSY always get through? A proof, or the shortest way it breaks",
    load: () => import("./verbs/check.ts"),
  },
  sweep: {
    summary: "many checks: modules × hosts × scenarios × policies × sizes, one table",
    load: () => import("./verbs/sweep.ts"),
  },
  simulate: {
    summary: "seeded runs of a scenario: who was BUSY against whom, how often",
    load: () => import("./verbs/simulate.ts"),
  },
  record: {
    summary: "the commands that record a real host, for its kernel's release",
    load: () => import("./verbs/record.ts"),
  },
  trace: {
    summary: "what a recording of a real host shows: who was BUSY, who held the lock, how long it took",
    load: () => import("./verbs/trace.ts"),
  },
  export: {
    summary: "a scenario for SPIN or TLC, or a trace as a diagram",
    load: () => import("./verbs/export.ts"),
  },
  completion: {
    summary: "completion of command lines for a shell",
    load: () => import("./verbs/completion.ts"),
  },
};
