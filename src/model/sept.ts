/** Bodies of the leaves that change SEPT entries, written once; which entry states they accept comes from the catalog. */
import type { Leaf } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import { and, assertThat, type BoolExpr, eq, type IntExpr, type IntLike, ite, not, oneOf } from "../language/index.ts";
import type { Outcome } from "./calls.ts";
import { SEPT_STATES, Sept, type World } from "./world.ts";

/** Is the entry in a state on which the leaf is legal? */
export function legalState(leaf: Leaf, state: IntExpr): BoolExpr {
  const { septStates } = leaf;
  if (septStates === null) {
    throw new SeamlockError("SL4211", `the module's catalog does not say on which SEPT states ${leaf.name} is legal`, {
      hint: "Use a catalog that was extracted from source: `seamlock modules` lists them",
    });
  }
  return oneOf(
    state,
    SEPT_STATES.filter((name) => septStates.includes(name)).map((name) => Sept[name]),
  );
}

/** Would an access to the page end in an EPT violation that reaches the host? A pending page raises #VE in the guest instead. */
export const faults = (state: IntExpr): BoolExpr => oneOf(state, [Sept.FREE, Sept.BLOCKED, Sept.PENDING_BLOCKED]);

/** TDH.MEM.RANGE.BLOCK on a 4 KB page: the entry is written under its lock, the lock given back with the others. */
export function blockBody(world: World, leaf: Leaf, page: IntLike): Outcome[] {
  const { state } = world.entry.at(page);
  const legal = legalState(leaf, state);
  const blocked = ite(eq(state, Sept.PENDING), Sept.PENDING_BLOCKED, Sept.BLOCKED);
  const already = oneOf(state, [Sept.BLOCKED, Sept.PENDING_BLOCKED]);
  return [
    {
      when: legal,
      status: "TDX_SUCCESS",
      do: [...world.writeState(page, blocked), ...world.epochs.stampBlocked(page)],
      note: "the page is blocked in this epoch",
    },
    { when: already, status: "TDX_GPA_RANGE_ALREADY_BLOCKED", note: "it is blocked already" },
    { when: and(not(legal), not(already)), status: "TDX_EPT_ENTRY_STATE_INCORRECT", note: "it is not mapped" },
  ];
}

/** TDH.MEM.TRACK. */
export function trackBody(world: World): Outcome[] {
  const empty = world.epochs.previousEmpty;
  return [
    { when: empty, status: "TDX_SUCCESS", do: world.epochs.next(), note: "the next TD epoch begins" },
    { when: not(empty), status: "TDX_PREVIOUS_TLB_EPOCH_BUSY", note: "a vCPU still runs in the epoch before" },
  ];
}

/** TDH.MEM.PAGE.REMOVE while the TD may run. The entry becomes free and unlocked in one write. */
export function removeBody(world: World, leaf: Leaf, page: IntLike): Outcome[] {
  const { state } = world.entry.at(page);
  const blocked = oneOf(state, [Sept.BLOCKED, Sept.PENDING_BLOCKED]);
  const legal = legalState(leaf, state);
  const tracked = world.epochs.tracked(page);
  const safe = assertThat(
    "no vCPU can have a translation of a page that is removed",
    world.epochs.noStaleTranslation(page),
  );
  const free = [safe, ...world.writeState(page, Sept.FREE), ...world.epochs.forgetBlocked(page)];
  return [
    {
      when: and(blocked, tracked),
      status: "TDX_SUCCESS",
      do: free,
      releases: "SEPT_ENTRY",
      note: "the page is removed",
    },
    {
      when: and(blocked, not(tracked)),
      status: "TDX_TLB_TRACKING_NOT_DONE",
      note: "a vCPU from the blocking epoch still runs",
    },
    { when: and(legal, not(blocked)), status: "TDX_GPA_RANGE_NOT_BLOCKED", note: "it is not blocked" },
    { when: not(legal), status: "TDX_EPT_ENTRY_STATE_INCORRECT", note: "it is not mapped" },
  ];
}

/** TDH.MEM.PAGE.AUG: a free entry becomes pending and is unlocked in one write. */
export function augBody(world: World, leaf: Leaf, page: IntLike): Outcome[] {
  const legal = legalState(leaf, world.entry.at(page).state);
  return [
    {
      when: legal,
      status: "TDX_SUCCESS",
      do: world.writeState(page, Sept.PENDING),
      releases: "SEPT_ENTRY",
      note: "the page is pending",
    },
    { when: not(legal), status: "TDX_EPT_ENTRY_STATE_INCORRECT", note: "it is mapped already" },
  ];
}
