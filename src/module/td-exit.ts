/** What the exit from a TD gives back of what the entry left locked, and whether it does so on every way out, once. */

import { wayTo } from "../c/index.ts";
import type { Site } from "../catalog/index.ts";
import type { ReleaseEvent } from "./events.ts";
import type { Knowledge } from "./knowledge.ts";
import { type LeafRun, runLeaf } from "./leaf-run.ts";
import { handedOverKey, handOverField, lockKey, lockMember } from "./releases.ts";
import { chainKey, type HandedOver, type RowTrouble } from "./row-context.ts";

/** The releases by the hand-over field that leads to them, and what is wrong with them. `note` is told each run. */
export function readTdExit(
  knowledge: Knowledge,
  note: (run: LeafRun) => LeafRun,
): { readonly handedOver: HandedOver; readonly troubles: readonly RowTrouble[] } {
  const { program, rules } = knowledge;
  const releases = new Map<string, ReleaseEvent[]>();
  const positions = new Map<string, number>();
  const troubles: RowTrouble[] = [];
  for (const name of rules.tdExit) {
    const info = program.functions.get(name)?.[0];
    if (!info) continue;
    const { finals } = note(runLeaf(knowledge, info, { side: "host", args: [], version: null }));
    const ways = finals.map(({ events }) =>
      events.filter(
        (event): event is ReleaseEvent => event.kind === "release" && handOverField(wayTo(event.lock), rules) !== null,
      ),
    );
    const handedOverIn = (event: ReleaseEvent) => handOverField(wayTo(event.lock), rules);
    const fieldOf = (event: ReleaseEvent) => handedOverKey(handedOverIn(event), event.lock);
    for (const event of ways.flat()) {
      const key = fieldOf(event);
      releases.set(key, [...(releases.get(key) ?? []), event]);
      const place = chainKey(event.evidence);
      if (!positions.has(place)) positions.set(place, positions.size);
    }
    troubles.push(
      ...unevenReleases(name, ways, { lockOf: (event) => lockKey(event.lock, rules), handedOverIn, fieldOf }),
    );
  }
  return { handedOver: { releases, positions }, troubles };
}

interface Keys {
  readonly lockOf: (event: ReleaseEvent) => string;
  readonly handedOverIn: (event: ReleaseEvent) => string | null;
  /** What the entry handed over: of a PAMT walk several entries are behind one field, and a way out gives back those of its level. */
  readonly fieldOf: (event: ReleaseEvent) => string;
}

/** Locks that one way out gives back twice, and what it gives nothing back of while another does. */
function unevenReleases(
  name: string,
  ways: readonly (readonly ReleaseEvent[])[],
  { lockOf, handedOverIn, fieldOf }: Keys,
): RowTrouble[] {
  const troubles: RowTrouble[] = [];
  const told = new Set<string>();
  const tell = (what: RowTrouble["what"], message: string, event: ReleaseEvent): void => {
    const place = `${what} ${chainKey(event.evidence)}`;
    if (told.has(place)) return;
    told.add(place);
    // What is wrong is the call in the exit itself, whichever helper gives the lock back for it.
    troubles.push({ what, message, site: event.evidence[0] as Site });
  };
  const all = new Map(ways.flat().map((event) => [fieldOf(event), event]));
  const behind = (event: ReleaseEvent) => `the ${lockMember(event.lock)} behind ${handedOverIn(event)}`;
  for (const way of ways) {
    const given = new Set<string>();
    for (const event of way) {
      const lock = lockOf(event);
      if (given.has(lock)) tell("released-unheld", `${name} gives a lock back that it has given back before`, event);
      given.add(lock);
    }
    const fields = new Set(way.map(fieldOf));
    for (const [field, event] of all)
      if (!fields.has(field))
        tell("not-released", `${name} gives back ${behind(event)} on some ways out of the TD only`, event);
  }
  return troubles;
}
