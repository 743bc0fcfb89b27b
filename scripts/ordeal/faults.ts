/**
 * Faults seeded into facts, each in one respect (faults.yaml): a lock that a call or a host takes no more, takes in a weaker mode, gives
 * back later, earlier or never, a kick that is forgotten, a BUSY that is handled otherwise. Each must be found by a check, or change what
 * contends exactly where it should, or be refused; of one that rightly makes no difference the file says why.
 *
 * What should change in `contend` is worked out here from the rows before the fault, not asked of the analysis.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { type ContendPair, contention, hostContention, type PathPair } from "../../src/analysis/index.ts";
import { type Catalog, parseCatalog } from "../../src/catalog/index.ts";
import { check } from "../../src/check/index.ts";
import { SeamlockError } from "../../src/errors.ts";
import { type HostProfile, parseHost } from "../../src/host/index.ts";
import { buildModel, doubted, doubtsOf, parseScenario } from "../../src/model/index.ts";
import { type Part, progress } from "./program.ts";

const ROOT = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
/** More states than any of the checks has. */
const STATES = 100_000;

const text = z.string().min(1);
/** What each check says after the fault: `holds`, `inconclusive`, `violated: PROPERTY`, or the code with which it is refused. */
const outcomes = z.record(text, text).optional();
const seen = {
  contend: z.enum(["differs", "same"]),
  check: outcomes.describe("checks that say something else after the fault"),
  why: text.optional().describe("why it rightly makes no difference"),
};

const catalogFault = z.strictObject({
  leaf: text,
  variant: text.optional(),
  row: text.describe("the resource of one row of the leaf, with its role after a dot"),
  change: z.enum(["dropped", "mode", "release"]),
  to: text.nullable().optional().describe("the mode; the place of the release, null for none"),
  ...seen,
});

const profileFault = z.strictObject({
  host: text,
  path: text.optional(),
  call: text.optional().describe("only at this step of the path"),
  change: z.enum(["dropped", "shared", "outside", "reaction", "field"]),
  lock: text.optional(),
  to: z.unknown().optional().describe("reactions in their order; a field's new value"),
  field: text.optional(),
  ...seen,
});

const schema = z.strictObject({
  module: text,
  checks: z.record(
    text,
    z.strictObject({ scenario: text, set: z.record(text, z.union([text, z.int(), z.boolean()])) }),
  ),
  catalog: z.array(catalogFault),
  profiles: z.array(profileFault),
});
type Faults = z.infer<typeof schema>;
type CatalogFault = z.infer<typeof catalogFault>;
type ProfileFault = z.infer<typeof profileFault>;
type Seen = Pick<CatalogFault, "contend" | "check" | "why">;

/** What came of one fault. */
interface Found {
  readonly contend: "differs" | "same";
  readonly check: Readonly<Record<string, string>>;
  /** What changed where it should not have. */
  readonly elsewhere: readonly string[];
}

type Json = { [key: string]: unknown };
type Row = Json & { resource: string; role: string | null; mode: string; release: Json | null; order?: number | null };
type RawLeaf = Json & { acquisitions: Row[]; releaseOrders?: { refused?: number; locks: number[] }[] };

const codeOf = (error: unknown): string => {
  if (error instanceof SeamlockError) return error.code;
  throw error;
};

/** The fault's own catalog, through the reader that every user's catalog goes through. */
function faulty(source: string, fault: CatalogFault): Catalog {
  const raw = JSON.parse(source) as { leaves: RawLeaf[] };
  const leaf = raw.leaves.find(
    ({ name, variant }) => name === fault.leaf && (fault.variant === undefined || variant === fault.variant),
  );
  const at = leaf?.acquisitions.findIndex((row) => isOfRow(fault, row.resource, row.role)) ?? -1;
  const row = leaf?.acquisitions[at];
  if (leaf === undefined || row === undefined) throw new Error(`no row for ${nameOf(fault)}`);
  if (fault.change === "dropped") drop(leaf, at);
  else if (fault.change === "mode") row.mode = fault.to as string;
  else row.release = releaseTo(row.release, fault.to ?? null);
  return parseCatalog(JSON.stringify(raw), "faulty.json");
}

/** What is not taken is neither refused nor given back. */
function drop(leaf: RawLeaf, at: number): void {
  const [row] = leaf.acquisitions.splice(at, 1);
  if (leaf.releaseOrders === undefined) return;
  leaf.releaseOrders = leaf.releaseOrders
    .filter(({ refused }) => refused === undefined || refused !== row?.order)
    .map((one) => ({ ...one, locks: one.locks.filter((order) => order !== row?.order) }));
}

function releaseTo(release: Json | null, to: string | null): Json | null {
  if (to === null) return null;
  const { function: _, ...kept } = release ?? { evidence: [] };
  return { ...kept, kind: to, at: to };
}

const isOfRow = ({ row }: CatalogFault, resource: string, role: string | null): boolean =>
  row === (role === null ? resource : `${resource}.${role}`);

const nameOf = (fault: CatalogFault): string =>
  `${fault.leaf} ${fault.row} ${fault.change}${fault.to === undefined ? "" : ` ${fault.to}`}`;

/** Pairs by what they are, whatever is said of them; several alike are numbered. A fault may change the mode of its own side. */
function byKey(pairs: readonly ContendPair[], fault: CatalogFault | null): Map<string, ContendPair> {
  const seen = new Map<string, number>();
  return new Map(
    pairs.map((p) => {
      const side = (leaf: string, variant: string | null, resource: string, role: string | null, mode: string) =>
        [leaf, variant, resource, role, fault !== null && isRow(fault, leaf, variant, resource, role) ? "" : mode].join(
          " ",
        );
      const key = `${side(p.a, p.variantA, p.resourceA, p.roleA, p.modeA)} ${p.whenA} and ${side(p.b, p.variantB, p.resourceB, p.roleB, p.modeB)} ${p.whenB}`;
      const count = (seen.get(key) ?? 0) + 1;
      seen.set(key, count);
      return [`${key} (${count})`, p];
    }),
  );
}

const isRow = (
  fault: CatalogFault,
  leaf: string,
  variant: string | null,
  resource: string,
  role: string | null,
): boolean => leaf === fault.leaf && (fault.variant ?? variant) === variant && isOfRow(fault, resource, role);

/** Is a side of the pair the row of the fault? */
const names = (fault: CatalogFault, p: ContendPair): boolean =>
  isRow(fault, p.a, p.variantA, p.resourceA, p.roleA) || isRow(fault, p.b, p.variantB, p.resourceB, p.roleB);

const conflicts = (one: string, other: string): boolean =>
  one !== "NO_LOCK" && other !== "NO_LOCK" && (one === "EXCLUSIVE" || other === "EXCLUSIVE");

/** Without its page a call looks up no entries of the PAMT for it, so that they meet no page of that size. */
function isOfItsPage({ leaf, row }: CatalogFault, p: ContendPair): boolean {
  const isEntry = (name: string, resource: string): boolean => name === leaf && resource.startsWith("PAMT_");
  const meetsPage = p.resourceA === "PAGE" || p.resourceB === "PAGE";
  return row.startsWith("PAGE.") && meetsPage && (isEntry(p.a, p.resourceA) || isEntry(p.b, p.resourceB));
}

/** The pairs before the fault that are there no more because of it: those of the row whose modes no longer conflict. */
function goes(fault: CatalogFault, p: ContendPair): boolean {
  if (fault.change === "release") return false;
  if (fault.change === "dropped") return names(fault, p) || isOfItsPage(fault, p);
  if (!names(fault, p)) return false;
  const side = (leaf: string, resource: string, role: string | null, mode: string): string =>
    leaf === fault.leaf && isOfRow(fault, resource, role) ? (fault.to as string) : mode;
  return !conflicts(side(p.a, p.resourceA, p.roleA, p.modeA), side(p.b, p.resourceB, p.roleB, p.modeB));
}

/** Whose pairs may be judged otherwise: the leaf's own, and, of what it holds while a guest runs, the guest's. */
function isNear(fault: CatalogFault, p: ContendPair, isKept: boolean): boolean {
  return p.a === fault.leaf || p.b === fault.leaf || (isKept && (p.sideA === "guest" || p.sideB === "guest"));
}

function comparedPairs(fault: CatalogFault, before: Catalog, after: Catalog): Pick<Found, "contend" | "elsewhere"> {
  const [old, now] = [contention(before).pairs, contention(after).pairs];
  const [oldKeys, nowKeys] = [byKey(old, fault), byKey(now, fault)];
  const elsewhere: string[] = [];
  let differs = false;
  for (const [key, p] of oldKeys) {
    const isGone = !nowKeys.has(key);
    if (isGone) differs = true;
    if (isGone !== goes(fault, p)) elsewhere.push(`${key}: ${isGone ? "is gone" : "is still there"}`);
  }
  const isKept = fault.leaf === "tdh_vp_enter";
  for (const [key, p] of nowKeys) {
    const was = oldKeys.get(key);
    if (was === undefined) {
      differs = true;
      if (!names(fault, p) || fault.change !== "mode" || fault.to !== "EXCLUSIVE") elsewhere.push(`${key}: is new`);
      continue;
    }
    const isSame = was.possible === p.possible && isDeepStrictEqual(was.excludedBy, p.excludedBy);
    if (isSame) continue;
    differs = true;
    if (!isNear(fault, p, isKept)) elsewhere.push(`${key}: is judged otherwise`);
  }
  // What a mode brings in: every row on the same lock that another call takes SHARED.
  if (fault.change === "mode" && fault.to === "EXCLUSIVE") {
    const met = new Set(now.filter((p) => names(fault, p)).flatMap((p) => [p.a, p.b]));
    for (const leaf of before.leaves) {
      const shares = leaf.acquisitions.some(
        ({ resource, mode }) => resource === fault.row.split(".")[0] && mode !== "NO_LOCK",
      );
      if (shares && !met.has(leaf.name)) elsewhere.push(`${leaf.name} shares ${fault.row} and does not meet it`);
    }
  }
  return { contend: differs ? "differs" : "same", elsewhere };
}

/** The fault's own profile, through the reader of every user's profile. */
function faultyHost(source: string, fault: ProfileFault): HostProfile {
  const raw = parse(source) as Json & { paths: (Json & { name: string; steps: Json[]; holds?: unknown[] })[] };
  if (fault.change === "field") setField(raw, fault.field as string, fault.to);
  else {
    const path = raw.paths.find(({ name }) => name === fault.path);
    const steps = path?.steps.filter(({ call }) => call === fault.call) ?? [];
    if (path === undefined || (fault.call !== undefined && steps.length === 0))
      throw new Error(`no ${fault.path} ${fault.call ?? ""} in ${fault.host}`);
    if (fault.change === "reaction") for (const step of steps) step["onBusy"] = [{ do: fault.to }];
    else changeLock(path, steps, fault);
  }
  return parseHost(stringify(raw), "faulty.yaml").profile;
}

function setField(raw: Json, field: string, value: unknown): void {
  const keys = field.split(".");
  const last = keys.pop() as string;
  const holder = keys.reduce((at, key) => at[key] as Json, raw);
  if (!(last in holder)) throw new Error(`the profile has no ${field}`);
  holder[last] = value;
}

const lockOf = (use: unknown): string => (typeof use === "string" ? use : (use as { lock: string }).lock);

function changeLock(
  path: Json & { steps: Json[]; holds?: unknown[] },
  steps: readonly Json[],
  { lock, change, call }: ProfileFault,
): void {
  const isIt = (use: unknown): boolean => lockOf(use) === lock;
  const holders: Json[] = call === undefined || change === "outside" ? [path] : [...steps];
  let found = 0;
  for (const holder of holders) {
    const holds = (holder["holds"] ?? []) as unknown[];
    const uses = holds.filter(isIt);
    found += uses.length;
    if (change === "shared")
      holder["holds"] = holds.map((use) =>
        isIt(use) ? { ...(typeof use === "string" ? { lock: use } : (use as Json)), mode: "shared" } : use,
      );
    else holder["holds"] = holds.filter((use) => !isIt(use));
    // The other steps of the path still hold it.
    if (change === "outside")
      for (const step of path.steps.filter((one) => !steps.includes(one)))
        step["holds"] = [...((step["holds"] ?? []) as unknown[]), ...uses];
  }
  if (found === 0) throw new Error(`${path["name"]} does not hold ${lock}`);
}

const nameOfProfile = ({ host, path, call, change, lock, field, to }: ProfileFault): string =>
  [host, path, call, lock ?? field, change, to === undefined ? "" : JSON.stringify(to)].filter(Boolean).join(" · ");

function comparedHosts(
  fault: ProfileFault,
  catalog: Catalog,
  before: HostProfile,
  after: HostProfile,
): Pick<Found, "contend" | "elsewhere"> {
  const old = byKey(hostContention(catalog, before).pairs, null);
  const elsewhere: string[] = [];
  let differs = false;
  for (const [key, p] of byKey(hostContention(catalog, after).pairs, null)) {
    const was = old.get(key);
    if (was === undefined || isDeepStrictEqual(was, p)) continue;
    differs = true;
    const isOf = ({ a, b }: PathPair): boolean => fault.path !== undefined && [a, b].some((name) => isOn(name, fault));
    const others = (paths: readonly PathPair[]): string[] =>
      paths
        .filter((path) => !isOf(path))
        .map((path) => JSON.stringify(path))
        .sort();
    if (!isDeepStrictEqual(others(was.paths), others(p.paths))) elsewhere.push(`${key}: other paths differ`);
    if (was.possible !== p.possible && !(p.possible ? p : was).paths.some((path) => isOf(path) && path.possible))
      elsewhere.push(`${key}: ${p.possible ? "is possible" : "is excluded"} for another reason`);
  }
  return { contend: differs ? "differs" : "same", elsewhere };
}

/** Is a place on the path of the fault, or the guest that the path lets run? */
const isOn = (name: string, { path }: ProfileFault): boolean =>
  name === path || name.startsWith(`${path} `) || name === `guest, in ${path}`;

/** Every check on some facts; the code where it is refused. */
function checked(
  { checks }: Faults,
  wanted: readonly string[],
  catalog: Catalog,
  host: HostProfile | null,
): Record<string, string> {
  const said: Record<string, string> = {};
  for (const name of wanted) {
    const of = checks[name];
    if (of === undefined) throw new Error(`no check ${name}`);
    const overrides = Object.entries(of.set).map(([path, value]) => ({
      path,
      value: String(value),
      from: "faults.yaml",
    }));
    const scenario = parseScenario(read(`data/scenarios/${of.scenario}.yaml`), of.scenario, overrides);
    try {
      const model = buildModel(scenario, { catalog: () => catalog, host: () => host as HostProfile });
      const { outcome } = check(model, { states: STATES });
      if (outcome.kind === "inconclusive") throw new Error(`${name}: ${outcome.reason}`);
      const told = doubted(outcome, doubtsOf(scenario, catalog, host));
      said[name] = told.kind === "violated" ? `violated: ${told.property}` : told.kind;
    } catch (error) {
      said[name] = codeOf(error);
    }
  }
  return said;
}

const different = (before: Record<string, string>, after: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(after).filter(([name, said]) => said !== before[name]));

/** What is wrong with what came of a fault; null when it is as expected. */
function verdict(expected: Seen, found: Found): string | null {
  if (found.elsewhere.length > 0) return `changes elsewhere: ${found.elsewhere.slice(0, 3).join("; ")}`;
  if (found.contend !== expected.contend) return `contend: ${found.contend}, not ${expected.contend}`;
  if (!isDeepStrictEqual({ ...expected.check }, { ...found.check }))
    return `checks say ${JSON.stringify(found.check)}, not ${JSON.stringify(expected.check ?? {})}`;
  const isSeen = found.contend === "differs" || Object.keys(found.check).length > 0;
  if (isSeen === (expected.why !== undefined)) return isSeen ? "is seen after all" : "missed";
  return null;
}

/** One fault: what it is called, what is expected of it, and what comes of it. */
interface Seeded {
  readonly name: string;
  readonly expected: Seen;
  try(): Found;
}

/** All faults of the file. */
export function seededFaults(): readonly Seeded[] {
  const faults = schema.parse(parse(read("scripts/ordeal/faults.yaml")));
  const source = read(`data/modules/${faults.module}.json`);
  const catalog = parseCatalog(source, faults.module);
  const checks = Object.keys(faults.checks);
  const ofModule = checks.filter((name) => !name.endsWith("host"));
  const ofHost = checks.filter((name) => name.endsWith("host"));
  const once = new Map<string, Record<string, string>>();
  const before = (key: string, make: () => Record<string, string>): Record<string, string> => {
    const known = once.get(key) ?? make();
    once.set(key, known);
    return known;
  };
  return [
    ...faults.catalog.map(
      (fault): Seeded => ({
        name: nameOf(fault),
        expected: fault,
        try() {
          const after = faulty(source, fault);
          const said = before("module", () => checked(faults, ofModule, catalog, null));
          const check = different(said, checked(faults, ofModule, after, null));
          return { ...comparedPairs(fault, catalog, after), check };
        },
      }),
    ),
    ...faults.profiles.map(
      (fault): Seeded => ({
        name: nameOfProfile(fault),
        expected: fault,
        try() {
          const profile = read(`data/hosts/${fault.host}.yaml`);
          const good = parseHost(profile, fault.host).profile;
          try {
            const after = faultyHost(profile, fault);
            const said = before(fault.host, () => checked(faults, ofHost, catalog, good));
            const check = different(said, checked(faults, ofHost, catalog, after));
            return { ...comparedHosts(fault, catalog, good, after), check };
          } catch (error) {
            return { contend: "same", elsewhere: [], check: { reader: codeOf(error) } };
          }
        },
      }),
    ),
  ];
}

/** Seeds every fault. */
export async function seeded(): Promise<Part> {
  const all = seededFaults();
  const faults: string[] = [];
  const counts = { contend: 0, check: 0, nothing: 0 };
  for (const [i, { name, expected, try: seed }] of all.entries()) {
    progress(`seeded faults: ${i} of ${all.length}`);
    const found = seed();
    const wrong = verdict(expected, found);
    if (wrong !== null) faults.push(`${name}: ${wrong}`);
    if (found.contend === "differs") counts.contend++;
    if (Object.keys(found.check).length > 0) counts.check++;
    if (expected.why !== undefined) counts.nothing++;
  }
  return {
    name: "seeded faults",
    figures: [
      `${all.length} in catalogs and profiles`,
      `${counts.contend} change what contends, each where it should and nowhere else`,
      `${counts.check} are found by a check or a reader`,
      `${counts.nothing} rightly make no difference`,
      `${faults.length} missed or wrong`,
    ],
    faults,
  };
}
