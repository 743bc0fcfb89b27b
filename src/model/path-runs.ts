/** What a run of a host's path is made of: the path, its calls, and what is asked of the rows of a call. */
import type { Acquisition, Leaf } from "../catalog/index.ts";
import type { HostPath, HostStep } from "../host/index.ts";
import type { BoolRef, IntRef } from "../language/index.ts";
import type { Taken } from "./host-locks.ts";

/** The host lock of whoever kicks after a BUSY, where the profile gives it no name of its own. */
export const KICKED = "vCPUs kicked after BUSY";

/** Is the lock taken once for each L2 VM? The TD has none. */
export const ofL2 = ({ times }: Acquisition): boolean => times === "per L2 VM";

/** A call that one run makes on several CPUs at once. */
export interface Together {
  /** The label at which the run's own call begins. */
  readonly start: string;
  readonly open: BoolRef;
  /** How many CPUs besides the run's own are in the call. */
  readonly others: IntRef;
  /** The package of the run's own CPU. */
  readonly package: IntRef;
}

/** A call of a path, as steps. */
export interface PathCall {
  readonly prefix: string;
  readonly leaf: Leaf;
  readonly done: string;
  readonly giveUp: () => string;
  readonly step: HostStep;
  /** Is it the call that is made once more after a kick? */
  readonly kicked: boolean;
  /** Is it made for another VM? */
  readonly foreign: boolean;
  /** Can the page that it names be one of our VM's control pages? Not when the call is another VM's and that VM owns the page. */
  readonly controlPages: boolean;
}

/** A path, or the same path run for another VM at the same time: it shares with ours what there is once per machine, and pages. */
export interface Run extends HostPath {
  /** The path's name in the profile. */
  readonly of: string;
  readonly foreign: boolean;
}

/** The lock of whoever runs a path of which there is at most one run at once. */
export const onlyRun = ({ of }: Run): string => `one ${of}`;

/**
 * An extraction says what is held at a call, not in which order it was taken: each call takes all of it at once. Taken one after the other
 * in any order, locks would be waited for in a circle that the kernel does not have.
 */
export function withHoldsAtSteps({ holds = [], ...path }: HostPath): HostPath {
  return { ...path, steps: path.steps.map((step) => ({ ...step, holds: [...holds, ...(step.holds ?? [])] })) };
}

/** Where calls may name other vCPUs than the path's own, locks of the vCPU that is named are each call's, also those of the whole path. */
export function withTargetsAtCalls(path: HostPath, isVcpus: (lock: string) => boolean): HostPath {
  const { holds = [], steps } = path;
  if (path.per !== "vcpu" || !steps.some(({ vcpu }) => vcpu === "any")) return path;
  const isTarget = (use: (typeof holds)[number]): boolean =>
    typeof use !== "string" && use.of === "target" && isVcpus(use.lock);
  return {
    ...path,
    holds: holds.filter((use) => !isTarget(use)),
    steps: steps.map((step) => ({ ...step, holds: [...holds.filter(isTarget), ...(step.holds ?? [])] })),
  };
}

export const withoutCondition = ({ resource, role, mode, when }: Acquisition) => [resource, role, mode, when === null];

export const KICK: Taken = { lock: KICKED, shared: false, object: null };

/** Marks a row of a target page that is one in use as a TDR or TDVPR. */
export const ALIAS = "the page that is named";
export const isAlias = ({ object }: Acquisition): boolean => object === ALIAS;

/** A leaf that keeps a lock until TD exit runs the guest. */
export const entersGuest = (leaf: Leaf): boolean =>
  leaf.acquisitions.some(({ release }) => release?.kind === "td-exit");
