/** What a check proved, and what a simulation did not, in sentences that can be quoted. */
import data from "../../data/assumptions.json" with { type: "json" };
import type { CheckResult } from "../check/index.ts";
import type { Model } from "../language/index.ts";
import { wrap } from "./blocks.ts";
import { count, list, runLength } from "./words.ts";

/** What was decided: a scenario with its model. */
export interface Decidable {
  readonly scenario: { readonly name: string };
  readonly model: Pick<Model, "properties" | "deadlock">;
  /** The scenario's fields as flat text, with the module that it was decided on. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  /** Holes in the facts that the model is made of. */
  readonly doubts: readonly string[];
}

const quotedList = (names: readonly string[]): string => list(names.map((name) => `"${name}"`));

/** Parameters that are sizes, with what they count. */
const SIZES = {
  tds: "TD",
  vcpus: "vCPU",
  pages: "page",
  hosts: "host caller",
  guests: "guest caller",
  callers: "caller of any call",
  adders: "adder",
  removers: "remover",
  users: "user",
} as const;

/** `module 1.5.25 with 2 vCPUs and 1 page, policy kick-on-busy`. */
export function subject({ scenario, parameters }: Pick<Decidable, "scenario" | "parameters">): string {
  const sizes = Object.entries(SIZES).flatMap(([name, what]) => {
    const n = parameters[name];
    return typeof n === "number" && n > 0 ? [count(n, what)] : [];
  });
  const retries = parameters["removal.policy"] === "retry-n" ? ` with ${parameters["removal.retries"]}` : "";
  const policy = parameters["removal.policy"];
  const module = parameters["module"];
  return [
    `${scenario.name}${module === undefined ? "" : ` on module ${module}`}${sizes.length === 0 ? "" : ` with ${list(sizes)}`}`,
    ...(policy === undefined ? [] : [`policy ${policy}${retries}`]),
    ...(parameters["host"] === undefined ? [] : [`host ${parameters["host"]}`]),
  ].join(", ");
}

/** What the model takes for granted, from the scenario's fields (data/assumptions.json). */
export function assumptions({ parameters }: Decidable): string[] {
  return data.assumptions.flatMap(({ parameter, value, text }) => {
    const own = parameters[parameter];
    if (own === undefined || own === "" || (value !== undefined && value !== String(own))) return [];
    return [text.replace("{value}", String(own))];
  });
}

type Decided = Pick<
  CheckResult,
  "outcome" | "violations" | "states" | "reductions" | "vacuous" | "undecided" | "frontier" | "witnesses"
>;

/**
 * What was decided, each sentence for itself: the properties by name, of what, over how many states, with which reductions, and what was
 * assumed. Of properties that a search that stopped early did not break, nothing is said.
 *
 * @param holds is the verdict that everything holds? False also where facts have holes.
 */
export function proofSentences(loaded: Decidable, result: Decided, holds: boolean): string[] {
  const whole = result.frontier === 0 && result.outcome.kind !== "inconclusive";
  const broken = new Set(result.violations.map(({ property }) => property));
  const of = broken.size === 0 ? subject(loaded) : "it";
  const rest =
    loaded.doubts.length > 0
      ? "a fact that it rests on is missing"
      : result.frontier === 0 && result.undecided.length > 0
        ? "every state was looked at, but not every run that goes on for ever"
        : "not every state was looked at";
  return [
    ...brokenSentences(loaded, result),
    ...(whole && (holds || (broken.size > 0 && loaded.doubts.length === 0))
      ? provedSentences(loaded, result, of)
      : [`Nothing ${broken.size === 0 ? "" : "else "}is proved of ${of}: ${rest}.`]),
    ...metSentences(loaded, result, whole),
    `Assumed: ${assumptions(loaded).join("; ")}.`,
  ];
}

function brokenSentences(loaded: Decidable, { violations }: Decided): string[] {
  const each = violations.map(({ property, trace, shortest }) => {
    const least = trace.loop === null ? ", and in no fewer" : ", and comes to none in fewer";
    return `"${property}" in ${runLength(trace.steps.length, trace.loop)}${shortest ? least : ""}`;
  });
  if (each.length === 0) return [];
  const counts = violations.some(({ kind }) => kind === "range");
  return [`Broken: ${subject(loaded)} can break ${each.join("; ")}.`, ...(counts ? [RANGE] : [])];
}

/** Which variable it is, the violation names; who counts it, the run shows. */
const RANGE =
  'A "range" is broken where a count leaves what can be: what is counted in and not out again (a lock held SHARED by more than there are to hold it), or out and not in.';

function provedSentences(loaded: Decidable, result: Decided, of: string): string[] {
  const { states, reductions, violations, undecided } = result;
  const held = standings(loaded, result).filter(({ outcome }) => outcome === "holds");
  const [always, ends] = (["always", "leads-to"] as const).map((kind) =>
    held.filter((one) => one.kind === kind).map(({ name }) => name),
  );
  const said = [
    ...(always?.length ? [`${quotedList(always)} in every reachable state`] : []),
    ...(ends?.length ? [`${quotedList(ends)} on every fair run (whoever can go on again and again does)`] : []),
    ...(loaded.model.deadlock && !violations.some(({ kind }) => kind === "deadlock") ? ["no deadlock"] : []),
  ];
  const how = reductions.length === 0 ? "one by one" : `up to these reductions: ${reductions.join("; ")}`;
  const looked = `All ${count(states, "state")} were looked at, ${how}.`;
  const nothing = undecided.length > 0 ? "Nothing else is proved" : "Nothing was asked";
  return [
    said.length === 0 ? `${nothing} of ${of}.` : `Proved of ${of}: ${said.join("; ")}.`,
    ...(undecided.length === 0 ? [] : [`Not decided: ${quotedList(undecided)}.`]),
    looked,
  ];
}

const FEW = 6;

/** Names where they are few; what is met of many matters less than what is not. */
const fewOf = (names: readonly string[]): string =>
  names.length <= FEW
    ? quotedList(names)
    : `each of ${names.length} that are asked for ("${names[0]}" and ${names.length - 1} more; \`--json\` has them in \`properties\`)`;

/** What some run meets: without it, a proof may be one of nothing. */
function metSentences(loaded: Decidable, result: Decided, whole: boolean): string[] {
  const all = standings(loaded, result);
  const of = (wanted: Standing["outcome"], kind: Standing["kind"]): string[] =>
    all.filter((one) => one.kind === kind && one.outcome === wanted).map(({ name }) => name);
  const [met, unmet, idle] = [of("holds", "sometimes"), of("vacuous", "sometimes"), of("vacuous", "leads-to")];
  return [
    ...(met.length === 0 ? [] : [`Some run meets ${fewOf(met)}.`]),
    ...(unmet.length === 0 ? [] : [`No run${whole ? "" : " so far"} meets ${quotedList(unmet)}.`]),
    ...(idle.length === 0 ? [] : [`${quotedList(idle)}: there is nothing to prove, for it never begins.`]),
  ];
}

/** A property and what became of it. */
export interface Standing {
  readonly name: string;
  readonly kind: "always" | "sometimes" | "leads-to";
  /** vacuous: never met, or never begun; unknown: the search ended before it could say. */
  readonly outcome: "holds" | "violated" | "vacuous" | "unknown";
}

/** Every property of a model with what a check found of it. */
export function standings({ model, doubts }: Decidable, result: Decided): Standing[] {
  const { violations, vacuous, undecided, witnesses, frontier, outcome } = result;
  const whole = frontier === 0 && outcome.kind !== "inconclusive" && doubts.length === 0;
  const broken = new Set(violations.map(({ property }) => property));
  return model.properties.map(({ name, kind }): Standing => {
    if (broken.has(name)) return { name, kind, outcome: "violated" };
    if (kind === "sometimes" && witnesses.some(({ property }) => property === name))
      return { name, kind, outcome: "holds" };
    if (undecided.includes(name)) return { name, kind, outcome: "unknown" };
    if (vacuous.includes(name)) return { name, kind, outcome: whole ? "vacuous" : "unknown" };
    return { name, kind, outcome: whole ? "holds" : "unknown" };
  });
}

/** Sentences as a paragraph in 80 columns, ending with a newline. */
export const paragraph = (sentences: readonly string[]): string =>
  `${wrap(sentences.join(" "), 0, 0, 80).join("\n")}\n`;

/** What a simulation is not. */
export function simulationSentences(loaded: Decidable, schedule: string, runs: number, seed: number): string[] {
  const clock =
    schedule === "timed"
      ? "Its clock is the schedule's own and was measured on no machine"
      : "Its scheduler has no time";
  return [
    `${count(runs, "run")} of ${subject(loaded)}, from seed ${seed}, ${schedule} schedule.`,
    `${clock}: how often something happens here says nothing of how often it happens on a machine (\`seamlock record\` and \`trace\` do), and what did not happen is not proved impossible (\`seamlock check\` does).`,
    `Assumed: ${assumptions(loaded).join("; ")}.`,
  ];
}
