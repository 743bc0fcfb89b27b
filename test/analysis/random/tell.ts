/** A house as `src` reads it: a catalog and a profile. */
import { type Acquisition, type Catalog, type ReleaseOrder, releasePlace } from "../../../src/catalog/index.ts";
import { type HostProfile, parseHost } from "../../../src/host/index.ts";
import { leaf, OPERANDS, row, smallCatalog } from "../../catalog/fixture.ts";
import type { Call, House, Row } from "./house.ts";

export const catalogOf = ({ calls }: House): Catalog =>
  smallCatalog({
    leaves: calls.map((call, i) => {
      const { name, variant, side, opStates, septStates, rows } = call;
      const acquisitions = rows.map((one, at) => acquisition(call, one, at));
      const releaseOrders = releaseOrdersOf(rows);
      return leaf(name, i + 1, acquisitions, {
        variant,
        side,
        opStates: of(opStates),
        septStates: of(septStates),
        ...(releaseOrders.length > 0 && { releaseOrders }),
      });
    }),
  });

/** What a call gives back that fails after each row, and that is refused at each, where that has an order of its own. */
function releaseOrdersOf(rows: readonly Row[]): ReleaseOrder[] {
  const given = rows.flatMap((row, at) => (row.failing === undefined || row.mode === "NO_LOCK" ? [] : [{ row, at }]));
  const inTurn = given.sort((a, b) => (a.row.failing ?? 0) - (b.row.failing ?? 0));
  // Before the next row is taken, what is due then is given back; a call that fails otherwise may still hold it.
  const held = (next: number, isDue: (until: number) => boolean): number[] =>
    inTurn.flatMap(({ row, at }) => (at < next && !isDue(row.until ?? rows.length) ? [at] : []));
  const orders = [...rows.keys()].flatMap((at): ReleaseOrder[] => [
    ...(rows[at]?.mode === "NO_LOCK"
      ? []
      : [{ end: "busy", refused: at, locks: held(at, (until) => until <= at) } as const]),
    { end: "other", locks: held(at + 1, (until) => until <= at) },
  ]);
  return orders.filter(({ locks }) => locks.length > 1);
}

const of = (states: readonly string[] | null): string[] | null => (states === null ? null : [...states]);

function acquisition(
  { side, rows }: Call,
  { resource, role, td, mode, maybe, operand, release, until, sequence }: Row,
  at: number,
): Acquisition {
  const number = operand === null ? 0 : (OPERANDS[operand] ?? 1);
  const isTaken = mode !== "NO_LOCK";
  return row(resource, mode, {
    role,
    side,
    ...(td !== undefined && { td }),
    when: maybe ? "it is asked for" : null,
    operand: isTaken && operand !== null ? { id: operand, number } : null,
    busyStatus: isTaken ? `0x${(0x8000020000000000n + BigInt(number)).toString(16).toUpperCase()}` : null,
    order: isTaken ? at : null,
    ...(isTaken && {
      release: {
        ...releasePlace(release === "function" ? "give_back" : release),
        order: until ?? rows.length,
        ...(sequence !== undefined && { sequence }),
        evidence: [],
      },
    }),
  });
}

/** The profile, read as a file is, so that it is one that the schema allows. */
export function profileOf({ phases, locks, paths, guest, guestOnBusy, pageSizes }: House): HostProfile {
  const profile = {
    schema: "seamlock/host@1",
    name: "random",
    description: "a random host",
    sources: ["chance"],
    ...(pageSizes !== undefined && { pageSizes }),
    phases: phases.map((phase) => ({ ...phase, what: "a phase" })),
    locks,
    paths: paths.map((path) => ({ ...path, sources: ["chance"] })),
    ...(guest.length > 0 && { guest: { calls: guest, onBusy: guestOnBusy } }),
  };
  return parseHost(JSON.stringify(profile), "random.yaml").profile;
}
