/** What a host's paths do when a call fails with BUSY: before the kernel prints a line, and after it. */
import type { Catalog } from "../../catalog/index.ts";
import {
  type BusyClause,
  clausesFor,
  clauseText,
  entriesOf,
  type HostProfile,
  isKick,
  reactionOf,
} from "../../host/index.ts";
import type { StatusExplanation } from "./schema.ts";

export type Reaction = StatusExplanation["reactions"][number];

/** Reactions with which a path ends its tries: a kernel prints its line with the first of them. */
const LAST = new Set(["bug-vm", "warn", "leak", "misread", "ignore", "return", "unknown"]);
const DONE: Readonly<Record<string, (tries: number) => string>> = {
  "kick-and-retry": (tries) => `kicked the vCPUs, kept them out of the guest and tried ${again(tries)}`,
  retry: (tries) => (tries === Number.POSITIVE_INFINITY ? "tried again without bound" : `tried ${again(tries)}`),
};

const again = (tries: number): string => (tries === 1 ? "once more" : `up to ${tries} more times`);

/** What each path of the host that makes the call does with the BUSY, paths that do the same together. */
export function reactionsTo(catalog: Catalog, profile: HostProfile, leaf: string, operand: string | null): Reaction[] {
  const groups = new Map<string, { reaction: Omit<Reaction, "paths">; paths: Set<string> }>();
  for (const path of profile.paths) {
    for (const step of path.steps) {
      if (!entriesOf(catalog, step.call, step.variant).some((entry) => entry.name === leaf)) continue;
      for (const clause of clausesFor(step.onBusy ?? [], operand)) {
        const reaction = answerOf(clause);
        const key = JSON.stringify(reaction);
        const group = groups.get(key) ?? { reaction, paths: new Set() };
        group.paths.add(path.name);
        groups.set(key, group);
      }
    }
  }
  return [...groups.values()].map(({ reaction, paths }) => ({ paths: [...paths], ...reaction }));
}

function answerOf(clause: BusyClause): Omit<Reaction, "paths"> {
  const kinds = clause.do.map((reaction) => reactionOf(reaction).kind);
  const last = kinds.findIndex((kind) => LAST.has(kind));
  const end = last === -1 ? clause.do.length : last;
  const before = clause.do.slice(0, end).flatMap((reaction) => {
    const { kind, tries } = reactionOf(reaction);
    const done = DONE[kind];
    return done === undefined || tries === null ? [] : [done(tries)];
  });
  const after = clause.do.slice(end).map((reaction) => clauseText({ do: [reaction] }));
  const silent = last === -1;
  return { before, after: silent ? [clauseText(clause)] : after, silent };
}

/** Had every path that can have printed a line kept the vCPUs out of the guest by then? */
export function keptVcpusOut(profile: HostProfile, catalog: Catalog, leaf: string, operand: string | null): boolean {
  const clauses = profile.paths.flatMap((path) =>
    path.steps
      .filter((step) => entriesOf(catalog, step.call, step.variant).some((entry) => entry.name === leaf))
      .flatMap((step) => clausesFor(step.onBusy ?? [], operand)),
  );
  const printing = clauses.filter((clause) => clause.do.some((reaction) => LAST.has(reactionOf(reaction).kind)));
  return printing.length > 0 && printing.every((clause) => clause.do.some(isKick));
}
