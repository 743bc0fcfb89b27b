/** Which calls of a random house meet in the model of its paths, beside what the oracle meets. */
import { compareWithMet, hostContention } from "../../../src/analysis/index.ts";
import { check } from "../../../src/check/index.ts";
import { buildModel, parseScenario } from "../../../src/model/index.ts";
import type { Call, HostLock, House, Path, Row, Use } from "../../analysis/random/house.ts";
import { ALL, meets } from "../../analysis/random/oracle.ts";
import { catalogOf, profileOf } from "../../analysis/random/tell.ts";

const SCENARIO = `
schema: seamlock/scenario@1
name: random
description: a random host
kind: host-paths
host: random
phases: [first]
`;

/** The pairs of leaves on a lock that only one of the two meets. */
export function differences(house: House): string[] {
  const [catalog, profile] = [catalogOf(house), profileOf(house)];
  const phases = JSON.stringify(house.phases.map(({ name }) => name));
  const scenario = parseScenario(SCENARIO, "random.yaml", [{ path: "phases", value: phases, from: "--set" }]);
  const { pairs } = hostContention(catalog, profile);
  const { busy } = check(buildModel(scenario, { catalog: () => catalog, host: () => profile }));
  const seen = meets(house, { ...ALL, oneVm: true }).map(({ comer, holder }) => {
    const [mine, theirs] = [comer, holder].map(({ site, row }) => (site.leaf.rows[row] as Row).resource);
    const resource = (mine === "PAGE" ? theirs : mine) as string;
    return { leaf: comer.site.leaf.name, resource, holders: [holder.site.leaf.name] };
  });
  const met = (of: Parameters<typeof compareWithMet>[1]): string[] =>
    compareWithMet(pairs, of).flatMap(({ a, b, resource, met }) => (met ? [`${resource} ${a} ${b}`] : []));
  const [model, oracle] = [met(busy), met(seen)];
  return [
    ...model.filter((one) => !oracle.includes(one)).map((one) => `only the model: ${one}`),
    ...oracle.filter((one) => !model.includes(one)).map((one) => `only the oracle: ${one}`),
  ];
}

/** Locks of which the scenario has objects. */
const HAS = new Set(["TDVPR", "TDR", "KOT", "TDCS", "TDCS_EPOCH", "SEPT_TREE", "SEPT_ENTRY", "RTMR", "WBT", "PAGE"]);

/**
 * The house as far as the scenario says it: of a call its locks alone, all kept to its end, and no other TD's; a path of one call, which
 * holds no lock twice and none of what the call does not name.
 */
export function plain(house: House): House | null {
  // Who holds a lock twice, for an entry and for the guest's call, is told of the one only.
  const kept = house.calls.flatMap(({ rows }) => rows.filter(({ release }) => release === "td-exit"));
  const isKept = ({ resource }: Row): boolean => kept.some((row) => row.resource === resource);
  const calls = house.calls
    .map(plainCall)
    .map((call) => (call.side === "host" ? call : { ...call, rows: call.rows.filter((row) => !isKept(row)) }));
  if (calls.some(({ rows }) => rows.length === 0)) return null;
  const paths = house.paths.map((path) => plainPath(path, calls, house.locks));
  return { ...house, pageSizes: ["4K"], calls, paths };
}

const plainName = (name: string): string => name.replace(/tdh_(mng|vp)_create/, "tdh_made");

function plainCall(call: Call): Call {
  const isKept = ({ resource, role, td }: Row): boolean =>
    HAS.has(resource) && td !== "other" && (resource === "PAGE" || role === null);
  const rows = call.rows.filter(isKept).map((row): Row => {
    // A page in use that a call names beside its own TD's would be that TD's.
    const role = row.resource !== "PAGE" ? null : hasControlPage(call) ? "to-add" : row.role;
    return { ...row, role };
  });
  // Only by a lock that is taken later a catalog says that one is given back sooner.
  const isTold = ({ until }: Row): boolean =>
    until !== undefined && rows.slice(until).some((row) => row.mode !== "NO_LOCK");
  const told = rows.map((row): Row => {
    const { until: _, ...rest } = row;
    return isTold(row) ? row : rest;
  });
  return { ...call, name: plainName(call.name), opStates: null, septStates: null, rows: told };
}

const hasControlPage = ({ rows }: Call): boolean =>
  rows.some(({ resource }) => resource === "TDR" || resource === "TDVPR");

function plainPath(path: Path, calls: readonly Call[], locks: readonly HostLock[]): Path {
  const [first] = path.steps;
  if (first === undefined) return path;
  const call = plainName(first.call);
  const rows = calls.filter(({ name }) => name === call).flatMap((one) => one.rows);
  const names = (resource: string): boolean => rows.some((row) => row.resource === resource);
  const namesUsed = rows.some(({ role }) => role === "to-reclaim" || role === "to-rdmd");
  const isOwn = path.per === "vcpu";
  const fits = ({ lock, mode, of = "self" }: Use): boolean => {
    const facts = locks.find(({ name }) => name === lock);
    if (facts?.kind === "kick") return mode !== "shared";
    switch (facts?.per) {
      case "page":
        return names("PAGE") && !namesUsed;
      case "entry":
        return names("SEPT_ENTRY");
      case "package":
        return names("WBT");
      case "vcpu":
        return of !== "self" || isOwn;
      default:
        return true;
    }
  };
  const holds = path.holds.filter(fits);
  const { onEach, phases, ...step } = first;
  const isEach = onEach !== undefined && (!isOwn || step.vcpu === "any");
  const own = step.holds.filter((use) => fits(use) && !holds.some(({ lock }) => lock === use.lock));
  return {
    ...path,
    holds,
    steps: [
      {
        ...step,
        ...(isEach && { onEach }),
        ...(phases !== undefined && path.overruns === undefined && { phases }),
        call,
        holds: own,
      },
    ],
  };
}
