/** What makes a verdict on a scenario less than certain: holes in the facts that its model is made of. */
import { type Catalog, type Diagnostic, spelledName } from "../catalog/index.ts";
import type { HostProfile, TdExit } from "../host/index.ts";
import { type Lineage, lineageOf } from "./lineage.ts";
import type { Scenario } from "./scenario.ts";
import { unreadBehaviours, unreadPrimitives } from "./unread.ts";

/** The call that enters a TD. */
const ENTERS = "tdh_vp_enter";

/**
 * The holes, in words, most basic first; none for the bundled catalogs of releases. With one, "holds" must not be said.
 *
 * @param host the profile that a scenario of a running TD names; null when it names none: then a vCPU enters again after every TD exit
 */
export function doubtsOf(scenario: Scenario, catalog: Catalog, host: HostProfile | null): readonly string[] {
  const errors = catalog.diagnostics.filter(({ severity }) => severity === "error").map(errorText);
  const lineage = lineageOf(catalog);
  return [
    ...errors,
    ...published(catalog),
    ...neverGivenBack(catalog),
    ...keptInTheTd(catalog),
    ...unreadBehaviours(scenario, catalog).map(
      (text) => `rests on a behaviour that was not read in this tree: ${text}`,
    ),
    ...unreadPrimitives(scenario, catalog),
    ...oneStepWrites(scenario, lineage),
    ...untoldExits(scenario, host),
    ...(host?.extracted?.diagnostics ?? []).filter(({ severity }) => severity !== "note").map(unresolvedText),
  ];
}

/** An outcome in the light of doubts: that nothing was violated says nothing where the facts have a hole. */
export function doubted<O extends { readonly kind: string }>(
  outcome: O,
  doubts: readonly string[],
): O | { readonly kind: "inconclusive"; readonly property: null; readonly reason: string } {
  const [first] = doubts;
  if (outcome.kind !== "holds" || first === undefined) return outcome;
  const more = doubts.length === 1 ? "" : `, and ${doubts.length - 1} more`;
  return { kind: "inconclusive", property: null, reason: `nothing is violated, but ${first}${more}` };
}

/** `td-life` writes a SEPT entry in one step, which this module does in two: that matters as soon as two threads call. */
function oneStepWrites(scenario: Scenario, { septWrite }: Lineage): string[] {
  if (scenario.kind !== "td-life" || septWrite !== "exchange-then-store") return [];
  if (scenario.callers + (scenario.life === "in-order" ? 1 : 0) < 2) return [];
  return ["this module writes a SEPT entry in two steps, between which others can come in; td-life takes them for one"];
}

/** TD exits that the scenario can meet and of which the host's profile does not say what follows. */
function untoldExits(scenario: Scenario, host: HostProfile | null): string[] {
  if (scenario.kind !== "running-td" || host === null) return [];
  const met: TdExit[] = [
    ...(scenario.guest.includes("host-priority-timeout") ? (["host-priority-timeout"] as const) : []),
    ...(scenario.guest.includes("touch") && !scenario.pendingVe ? (["pending-page"] as const) : []),
  ];
  return met
    .filter((exit) => host.exits?.some((told) => told.exit === exit) !== true)
    .map(
      (exit) => `the profile ${host.name} does not say what follows from the TD exit ${exit}: taken as entering again`,
    );
}

const errorText = (error: Diagnostic): string => `the module's catalog is incomplete: ${diagnosticText(error)}`;
const unresolvedText = (one: Diagnostic): string => `the host's profile is incomplete: ${diagnosticText(one)}`;

function diagnosticText({ code, message, file, line }: Diagnostic): string {
  const place = file === null ? "" : ` (${file}${line === null ? "" : `:${line}`})`;
  return `${code} ${message}${place}`;
}

/** Rows of which an extracted or written catalog does not say where the lock is given back: the models keep it for ever. */
function neverGivenBack({ module, leaves }: Catalog): string[] {
  if (module.origin === "published") return [];
  const rows = leaves.flatMap(({ name, acquisitions }) =>
    acquisitions
      .filter(({ mode, release }) => mode !== "NO_LOCK" && release === null)
      .map(({ resource }) => `${resource} by ${spelledName(name)}`),
  );
  const [first, ...more] = [...new Set(rows)];
  if (first === undefined) return [];
  const others = more.length === 0 ? "" : `, and ${more.length} more`;
  return [`the module's catalog does not say where locks are given back (${first}${others}): taken as never`];
}

/** Rows that are said to be kept until a TD exit, of calls that enter no TD: the models give them back at the end of the call. */
function keptInTheTd({ leaves }: Catalog): string[] {
  const rows = leaves
    .filter(({ name }) => name !== ENTERS)
    .flatMap(({ name, acquisitions }) =>
      acquisitions.filter(({ release }) => release?.kind === "td-exit").map(({ resource }) => ({ name, resource })),
    );
  return [...new Set(rows.map(({ name, resource }) => `${spelledName(name)} keeps ${resource}`))].map(
    (text) => `the module's catalog says that ${text} until a TD exit, and the call enters no TD`,
  );
}

/** A table that somebody published says nothing of releases. */
function published({ module }: Catalog): string[] {
  if (module.origin !== "published") return [];
  return [`${module.version} does not say where locks are given back: taken as at the end of each call`];
}
