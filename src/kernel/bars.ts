/** What keeps a vCPU that was kicked out of the guest, and whether those who enter heed it. */

import { isKick, reactionOf } from "../host/index.ts";
import type { Context, Site } from "./graph.ts";
import type { LeafNames } from "./leaves.ts";
import type { Source } from "./source.ts";

/** A SEAMCALL that is made though a member that is to keep vCPUs out may be set. */
export interface Unheeded {
  readonly bar: string;
  readonly call: string;
  readonly place: Site;
}

/** All SEAMCALLs of some contexts that are to be kept out and are not, of the bars that the tree has. */
export function unheededBars(contexts: readonly Context[], source: Source, leaves: LeafNames): Unheeded[] {
  const bars = new Map(Object.entries(source.rules.bars).filter(([bar]) => source.types.typeOfMember(bar) !== null));
  return contexts.flatMap(({ name, file, seamcalls }) =>
    [...seamcalls.values()].flatMap(({ leaf, line, mayBeBarred }) => {
      const call = leaf === null ? undefined : leaves.of(leaf)?.name;
      return [...mayBeBarred].flatMap((bar) =>
        call !== undefined && bars.get(bar)?.includes(call) === true
          ? [{ bar, call, place: { function: name, file, line } }]
          : [],
      );
    }),
  );
}

/** A reaction where a kick keeps nobody out: the call is made again, beside whoever is back. */
export function withoutBar(onBusy: readonly string[]): readonly string[] {
  const plain: string[] = [];
  for (const one of onBusy) {
    const [before, own] = [reactionOf(plain.at(-1) ?? ""), reactionOf(one)];
    const isRetry = isKick(one) || own.kind === "retry";
    if (isRetry && before.kind === "retry") plain.splice(-1, 1, retry((before.tries ?? 0) + (own.tries ?? 0)));
    else plain.push(isKick(one) ? retry(own.tries ?? 0) : one);
  }
  return plain;
}

const retry = (times: number): string => `retry:${Number.isFinite(times) ? times : "unbounded"}`;
