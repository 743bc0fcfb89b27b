/** What is wrong or doubtful in a profile that can be read, some of it only against a module. */
import { type Catalog, type Leaf, resolveLeaf } from "../catalog/index.ts";
import { type Place, SeamlockError } from "../errors.ts";
import type { LoadedHost } from "./parse.ts";
import type { HostPath, HostProfile, HostStep, LockUse } from "./schema.ts";
import { heldAt, lockUse } from "./uses.ts";

/** Locks that a call takes only where it names an SEPT entry. */
const SEPT_LOCKS: ReadonlySet<string> = new Set(["SEPT_TREE", "SEPT_ENTRY"]);

/** One remark; errors make conclusions wrong, warnings may. */
export interface HostFinding {
  readonly code: string;
  readonly severity: "error" | "warning" | "note";
  readonly message: string;
  readonly place: Place;
  readonly hint: string;
}

/** Every remark about a profile, in the order of the file. `catalog` null: only what needs no module. */
export function lintHost(host: LoadedHost, catalog: Catalog | null): readonly HostFinding[] {
  const findings = [
    ...lockFindings(host),
    ...phaseFindings(host),
    ...busyFindings(host),
    ...(catalog === null ? [] : [...callFindings(host, catalog), ...guestFindings(host, catalog)]),
  ];
  return findings.sort(
    (a, b) => (a.place.line ?? 0) - (b.place.line ?? 0) || (a.place.column ?? 0) - (b.place.column ?? 0),
  );
}

/**
 * The entries of a catalog that a step issues; none when the module has no such leaf. A variant narrows them where the
 * module tells variants apart.
 */
export function entriesOf(catalog: Catalog, call: string, variant?: string): readonly Leaf[] {
  const found = known(catalog, call);
  if (variant === undefined) return found;
  const exact = found.filter((leaf) => leaf.variant === variant || leaf.variant === null);
  return exact.length > 0 ? exact : found;
}

/** A profile names the same calls again and again, and what a catalog does not have is dear to look for. */
const KNOWN = new WeakMap<Catalog, Map<string, readonly Leaf[]>>();

function known(catalog: Catalog, call: string): readonly Leaf[] {
  const calls = KNOWN.get(catalog) ?? new Map<string, readonly Leaf[]>();
  KNOWN.set(catalog, calls);
  const found = calls.get(call) ?? resolved(catalog, call);
  calls.set(call, found);
  return found;
}

function resolved(catalog: Catalog, call: string): readonly Leaf[] {
  try {
    return resolveLeaf(catalog, call);
  } catch (error) {
    if (error instanceof SeamlockError) return [];
    throw error;
  }
}

interface Use {
  readonly use: LockUse;
  readonly path: HostPath;
}

function usesOf({ profile }: LoadedHost): readonly Use[] {
  return profile.paths.flatMap((path) => [
    ...(path.holds ?? []).map((use) => ({ use: lockUse(use), path })),
    ...path.steps.flatMap((step) => (step.holds ?? []).map((use) => ({ use: lockUse(use), path }))),
  ]);
}

/** A lock that nobody holds, or that everybody holds shared, keeps nobody out. */
function lockFindings(host: LoadedHost): HostFinding[] {
  const uses = usesOf(host);
  return host.profile.locks.flatMap((lock, i): HostFinding[] => {
    const place = host.placeOf(["locks", i, "name"]);
    const held = uses.filter(({ use }) => use.lock === lock.name);
    if (held.length === 0) {
      const hint = "remove it, or name it under `holds`";
      return [{ code: "SL3102", severity: "warning", message: `no path holds \`${lock.name}\``, place, hint }];
    }
    if (lock.kind === "srcu" || held.some(({ use }) => use.mode !== "shared")) return [];
    const message = `\`${lock.name}\` is only ever held shared, so it excludes nobody`;
    const severity = host.profile.extracted === undefined ? "warning" : "note";
    return [{ code: "SL3103", severity, message, place, hint: "is a path missing that holds it exclusive?" }];
  });
}

function phaseFindings({ profile, placeOf }: LoadedHost): HostFinding[] {
  const order = new Map(profile.phases.map((p, i) => [p.name, i]));
  const unused = profile.phases.flatMap((phase, i): HostFinding[] => {
    if (profile.paths.some((path) => path.phases.includes(phase.name))) return [];
    const message = `no path runs in phase \`${phase.name}\``;
    const hint = "remove it, or name it under `phases` of a path";
    return [{ code: "SL3104", severity: "warning", message, place: placeOf(["phases", i, "name"]), hint }];
  });
  const backward = profile.paths.flatMap((path, p): HostFinding[] => {
    const last = Math.max(...path.phases.map((name) => order.get(name) ?? 0));
    return (path.overruns ?? []).flatMap((name, i): HostFinding[] => {
      if ((order.get(name) ?? 0) > last) return [];
      const message = `\`${path.name}\` cannot last into \`${name}\`, which is not later than its own phases`;
      const hint = "phases stand in the order of a VM's life; add it to `phases` if the path begins there";
      return [{ code: "SL3105", severity: "error", message, place: placeOf(["paths", p, "overruns", i]), hint }];
    });
  });
  const outside = profile.paths.flatMap((path, p) =>
    path.steps.flatMap((step, s) =>
      (step.phases ?? []).flatMap((name, i): HostFinding[] => {
        if (path.phases.includes(name)) return [];
        const message = `the step runs in \`${name}\`, in which its path \`${path.name}\` does not run`;
        const place = placeOf(["paths", p, "steps", s, "phases", i]);
        return [{ code: "SL3105", severity: "error", message, place, hint: "add the phase to the path" }];
      }),
    ),
  );
  return [...unused, ...backward, ...outside];
}

function busyFindings({ profile, placeOf }: LoadedHost): HostFinding[] {
  return profile.paths.flatMap((path, p) =>
    path.steps.flatMap((step, s): HostFinding[] => {
      const clauses = step.onBusy ?? [];
      const general = clauses.findIndex((clause) => clause.on === undefined);
      if (general >= 0 && general < clauses.length - 1) {
        const place = placeOf(["paths", p, "steps", s, "onBusy", general]);
        const message = "a clause without `on` takes every BUSY, so those after it never hold";
        return [{ code: "SL3107", severity: "error", message, place, hint: "put it last" }];
      }
      if (general >= 0) return [];
      const message = `it is not stated what \`${path.name}\` does with ${clauses.length === 0 ? "a" : "every"} BUSY of ${step.call}`;
      const hint = "add `onBusy` with a clause without `on`; `unknown` is an honest answer";
      return [{ code: "SL3106", severity: "warning", message, place: placeOf(["paths", p, "steps", s, "call"]), hint }];
    }),
  );
}

function callFindings(host: LoadedHost, catalog: Catalog): HostFinding[] {
  return host.profile.paths.flatMap((path, p) =>
    path.steps.flatMap((step, s) => stepFindings(host, catalog, { path, step, at: ["paths", p, "steps", s] })),
  );
}

interface StepAt {
  readonly path: HostPath;
  readonly step: HostStep;
  readonly at: readonly (string | number)[];
}

function stepFindings({ profile, placeOf }: LoadedHost, catalog: Catalog, { path, step, at }: StepAt): HostFinding[] {
  const { version } = catalog.module;
  const place = placeOf([...at, "call"]);
  const entries = known(catalog, step.call);
  const [first] = entries;
  if (first === undefined) return [unknownCall(profile, catalog, step.call, place)];
  if (first.side === "guest") {
    const message = `${step.call} is a TDCALL, which a hypervisor cannot issue`;
    return [{ code: "SL3108", severity: "error", message, place, hint: "list it under `guest: calls:`" }];
  }
  const found: HostFinding[] = [];
  const variants = entries.map((leaf) => leaf.variant);
  if (step.variant !== undefined && !variants.includes(null) && !variants.includes(step.variant)) {
    const message = `${step.call} has no variant \`${step.variant}\` in module ${version}`;
    const hint = `it has ${variants.join(", ")}`;
    found.push({ code: "SL3109", severity: "error", message, place: placeOf([...at, "variant"]), hint });
  }
  for (const name of step.phases ?? path.phases) {
    const states = profile.phases.find((phase) => phase.name === name)?.opStates;
    const legal = new Set(entriesOf(catalog, step.call, step.variant).flatMap((leaf) => leaf.opStates ?? states ?? []));
    if (states === undefined || legal.size === 0 || states.some((state) => legal.has(state))) continue;
    const message = `${step.call} is not legal in phase \`${name}\` (OP_STATE ${states.join(", ")})`;
    const hint = `module ${version} allows it in ${[...legal].join(", ")}; narrow the step with \`phases\``;
    found.push({ code: "SL3110", severity: "error", message, place, hint });
  }
  for (const use of heldAt(path, step)) {
    const per = profile.locks.find((lock) => lock.name === use.lock)?.per;
    if (per !== "entry" || entries.some((leaf) => leaf.acquisitions.some((a) => SEPT_LOCKS.has(a.resource)))) continue;
    const message = `\`${use.lock}\` is one per SEPT entry, but ${step.call} names none`;
    found.push({ code: "SL3111", severity: "warning", message, place, hint: "is it held at this step?" });
  }
  return found;
}

function guestFindings({ profile, placeOf }: LoadedHost, catalog: Catalog): HostFinding[] {
  return (profile.guest?.calls ?? []).flatMap((call, i): HostFinding[] => {
    const place = placeOf(["guest", "calls", i]);
    const [first] = known(catalog, call);
    // An older module simply does not offer it to its guests; a misspelling shows in every module.
    if (first === undefined) return [{ ...unknownLeaf(catalog, call, place), severity: "note" }];
    if (first.side === "guest") return [];
    const message = `${call} is a SEAMCALL, which a guest cannot issue`;
    return [{ code: "SL3108", severity: "error", message, place, hint: "list it as a step of a path" }];
  });
}

/** What a tree calls it may call only where the module has it, or in another module; a misspelling would not build. */
function unknownCall({ extracted }: HostProfile, catalog: Catalog, call: string, place: Place): HostFinding {
  const finding = unknownLeaf(catalog, call, place);
  return extracted === undefined ? finding : { ...finding, severity: "note" };
}

/** A published table may simply leave a leaf out; an extraction has them all. */
function unknownLeaf(catalog: Catalog, call: string, place: Place): HostFinding {
  const { version, origin } = catalog.module;
  let hint = "`seamlock catalog --json` lists the leaves";
  try {
    resolveLeaf(catalog, call);
  } catch (error) {
    if (error instanceof SeamlockError && error.hint !== null) hint = error.hint;
  }
  const severity = origin === "extracted" ? "error" : "note";
  return { code: "SL3101", severity, message: `module ${version} has no leaf \`${call}\``, place, hint };
}
