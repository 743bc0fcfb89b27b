/** What src/kernel tells of a kernel of one file, under rules that all random programs share. */
import { parse, stringify } from "yaml";
import { Program as Source } from "../../../src/c/index.ts";
import type { HostProfile } from "../../../src/host/index.ts";
import { profileOf } from "../../../src/kernel/extract.ts";
import { type KernelRules, parseKernelRules } from "../../../src/kernel/index.ts";
import { dialectOf } from "../../../src/kernel/rules.ts";
import { PRELUDE } from "../../../src/kernel/source.ts";
import { smallRules } from "../small/small.ts";
import { FILE, PHASES } from "./program.ts";

/** The bundled rules with phases of our own, and without what speaks of Linux alone. */
const rules = ((): KernelRules => {
  const small = parse(smallRules()) as KernelRules;
  const phases = Object.entries(PHASES).map(([name, ready]) => ({
    name,
    what: name,
    facts: { "kvm.ready": ready },
    entries: ["*"],
  }));
  const own = {
    ...small,
    models: "/* none */",
    phases,
    facts: { ...small.facts, members: {}, tracked: ["kvm.ready"], local: [], shared: {}, results: {}, targets: {} },
    busy: { ...small.busy, facts: { "kvm.vm_bugged": false, "kvm.vm_dead": false }, others: [], again: {} },
    bars: { "kvm.is_barred": [] },
    excluded: [],
    stated: [],
    pages: undefined,
    profile: { ...small.profile, pageSizes: ["4K"] },
  };
  return parseKernelRules(stringify(own), "random rules");
})();

/** A SEAMCALL as a profile tells it. */
export interface Told {
  readonly leaf: number;
  readonly phases: readonly string[];
  readonly held: readonly string[];
  readonly does: readonly string[];
}

/** What src/kernel tells of each entry, and whether it says that it left something out. */
export interface Telling {
  readonly byEntry: ReadonlyMap<string, readonly Told[]>;
  readonly isWhole: boolean;
  readonly codes: readonly string[];
}

/** What is told of a program that is given as C. */
export function tell(text: string): Telling {
  const files = [{ path: FILE, source: text }];
  const tree = { root: "random", version: "1", files, digest: "", skipped: [], missing: [] };
  const source = new Source([{ path: PRELUDE, source: rules.prelude }, ...files], dialectOf(rules, PRELUDE));
  let profile: HostProfile;
  try {
    profile = profileOf(tree, source, rules, { name: "random", origin: "random", rulesDigest: "" });
  } catch (error) {
    if ((error as { code?: string }).code !== "SL3402") throw error;
    return { byEntry: new Map(), isWhole: true, codes: [] };
  }
  const byEntry = new Map<string, Told[]>();
  for (const path of profile.paths) {
    const list = byEntry.get(path.name) ?? [];
    byEntry.set(path.name, list);
    for (const step of path.steps) {
      const held = [...(path.holds ?? []), ...(step.holds ?? [])]
        .map((use) => (typeof use === "string" ? use : use.lock + (use.mode === "shared" ? "/r" : "")))
        .sort();
      for (const { do: does } of step.onBusy ?? [])
        list.push({ leaf: Number(step.call.slice("tdh_a".length)), phases: step.phases ?? path.phases, held, does });
    }
  }
  const diagnostics = profile.extracted?.diagnostics ?? [];
  const codes = diagnostics
    .filter(({ severity }) => severity === "error")
    .map(({ code, message }) => `${code} ${message}`);
  return { byEntry, isWhole: codes.length === 0, codes };
}
