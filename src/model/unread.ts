/** What a scenario's model takes from the module's source beside its locks, and was not read in the tree of its catalog. */
import facts from "../../data/behaviours.json" with { type: "json" };
import {
  type Acquisition,
  type Catalog,
  entryWriteName,
  isKnownPrimitive,
  type LockProgram,
  primitiveName,
  servesRow,
} from "../catalog/index.ts";
import { LIFE_LEAVES } from "./lifecycle-parts.ts";
import type { Scenario } from "./scenario.ts";

type Fact = (typeof facts.behaviours)[number];

/** The behaviours that a scenario rests on and that nobody has read, each with its place and what is taken instead; none where all are known. */
export function unreadBehaviours(scenario: Scenario, catalog: Catalog): string[] {
  const restsOn = facts.behaviours.filter((fact) => isRestedOn(fact, scenario));
  const writes = scenario.kind === "running-td" || scenario.kind === "td-life";
  return [
    ...(writes && entryWriteName(catalog) === null ? [unreadWrite(catalog)] : []),
    ...unreadFunctions(restsOn, catalog),
  ];
}

/**
 * How the locks of a scenario's calls are taken and given back, where this module has it otherwise than the bundled ones, in sentences
 * with the place: what a refused host leaves behind, and when a guest gives way, is restated by hand (`call-locks.ts`, `entry-writes.ts`).
 * Scenarios of a lock alone run the module's own primitives, instruction by instruction.
 */
export function unreadPrimitives(scenario: Scenario, { leaves, primitives }: Catalog): string[] {
  if (scenario.kind === "lock") return [];
  const made = callsOf(scenario);
  const rows = leaves
    .filter(({ name }) => made === null || made.includes(name))
    .flatMap(({ acquisitions }) => acquisitions.filter(({ mode }) => mode !== "NO_LOCK"));
  if (rows.length > 0 && primitives.length === 0)
    return ["the catalog has no lock primitives; the model has those of the bundled modules"];
  const unlike = primitives.filter(
    (program) => !isKnownPrimitive(program) && rows.some((row) => servesRow(program, row)),
  );
  return [
    ...unlike.map((p) => `${primitiveName(p)} (${placeOf(p)}) is as in no bundled module, and the model has theirs`),
    ...missing(rows, primitives).map(
      (name) => `no function for ${name} was read; the model has that of the bundled modules`,
    ),
  ];
}

const placeOf = ({ function: name, evidence: { file }, steps, evidence }: LockProgram): string =>
  `${name}, ${file}:${steps[0]?.line ?? evidence.line}`;

/** What takes or gives back the locks of some rows and is not there, by name, each once. */
function missing(rows: readonly Acquisition[], primitives: readonly LockProgram[]): string[] {
  const names = (["acquire", "release"] as const).flatMap((operation) => {
    const own = primitives.filter((program) => program.operation === operation);
    return rows
      .filter((row) => !own.some((program) => servesRow(program, row)))
      .map(({ lock, mode, side }) => primitiveName({ kind: lock, operation, mode, side }));
  });
  return [...new Set(names)];
}

/** A function that only some calls come to is not rested on where nobody makes them. */
function isRestedOn({ models, calls }: Fact, scenario: Scenario): boolean {
  if (!models.includes(scenario.kind)) return false;
  const made = callsOf(scenario);
  return made === null || calls.length === 0 || calls.some((call) => made.includes(call));
}

/** What follows block and track. */
const LAST_CALLS = {
  remove: ["tdh_mem_page_remove"],
  resize: ["tdh_mem_page_demote", "tdh_mem_page_promote"],
} as const;

/** The calls that a scenario's processes make; null: any. */
function callsOf(scenario: Scenario): readonly string[] | null {
  if (scenario.kind === "td-life") return LIFE_LEAVES;
  if (scenario.kind !== "running-td") return null;
  const { guest, removal } = scenario;
  return [
    "tdh_vp_enter",
    "tdh_mem_page_aug",
    ...(guest.includes("accept") ? ["tdg_mem_page_accept"] : []),
    ...(guest.includes("read-attributes") ? ["tdg_mem_page_attr_rd"] : []),
    ...(guest.includes("write-attributes") ? ["tdg_mem_page_attr_wr"] : []),
    ...(removal === undefined ? [] : ["tdh_mem_range_block", "tdh_mem_track", ...LAST_CALLS[removal.call]]),
  ];
}

function unreadWrite({ writers }: Catalog): string {
  const places = writers
    .filter(({ unlocks }) => unlocks)
    .map(({ function: name, evidence: { file, line } }) => `${name}, ${file}:${line}`);
  const where = places.length === 0 ? "no function is known to do it" : places.join("; ");
  return `how a new state gets into a SEPT entry (${where}): taken as one compare-and-exchange that keeps host priority`;
}

/** Functions of unknown variants, and those that the tree does not have; the latter as one where it has none of them. */
function unreadFunctions(restsOn: readonly Fact[], { behaviours }: Catalog): string[] {
  const found = restsOn.map((fact) => ({
    fact,
    read: behaviours.find((one) => one.name === fact.behaviour && one.function === fact.function),
  }));
  if (found.length > 1 && found.every(({ read }) => read === undefined))
    return ["what calls do beside their locks: none of the functions was read; taken as in the newest release"];
  return found.flatMap(({ fact: { behaviour, function: name, restatedBy }, read }) => {
    const taken = `${restatedBy} is taken as in the newest release`;
    if (read === undefined) return [`${behaviour}: no function ${name} was read; ${taken}`];
    if (read.variant !== null) return [];
    const { file, line } = read.evidence;
    return [`${behaviour}: an unknown variant of ${name}, ${file}:${line}; ${taken}`];
  });
}
