/** Text → HostProfile, with a place and a next step for whatever is wrong. */
import type { z } from "zod";
import { SeamlockError } from "../errors.ts";
import { fieldAt, fieldFault, fieldPath } from "../text.ts";
import { type HostProfile, hostSchema, type LockUse } from "./schema.ts";
import { heldAt, lockUse } from "./uses.ts";
import { hasSharedMode, type LockKind } from "./vocabulary.ts";
import { readYaml, type YamlFile } from "./yaml.ts";

const KIND = "seamlock/host";
const VERSION = "1";

/** A profile with the places of its parts, for those who have something to say about them. */
export interface LoadedHost {
  readonly profile: HostProfile;
  readonly placeOf: YamlFile["placeOf"];
}

/**
 * Reads a HostProfile from YAML.
 *
 * @param text the whole file
 * @param file its name, for messages
 * @throws SeamlockError SL3001 to SL3004 as {@link readYaml} · SL3005 another kind of document · SL3006 another version of the
 *   format · SL3007 a field is missing, unknown or of the wrong type · SL3008 a name is used twice · SL3009 a lock or
 *   phase is not declared · SL3010 a lock cannot be held like that
 */
export function parseHost(text: string, file: string): LoadedHost {
  const yaml = readYaml(text, file, "host profile");
  checkKind(yaml, KIND, VERSION, "host profile");
  const parsed = hostSchema.safeParse(yaml.value);
  if (!parsed.success) throw invalidField(parsed.error, yaml, "docs/host-profiles.md describes every field");
  const loaded = { profile: parsed.data, placeOf: yaml.placeOf };
  const [first, ...others] = [...nameFaults(loaded), ...referenceFaults(loaded), ...useFaults(loaded)].sort(byPlace);
  if (first !== undefined) throw withOthers(first, others);
  return loaded;
}

/**
 * Is this a document of the kind and version?
 *
 * @throws SeamlockError SL3005, SL3006
 */
export function checkKind(yaml: YamlFile, kind: string, version: string, what: string): void {
  const { value } = yaml;
  const schema = typeof value === "object" && value !== null ? (value as { schema?: unknown }).schema : undefined;
  const [found, v] = typeof schema === "string" ? schema.split("@") : [];
  const place = yaml.placeOf(["schema"]);
  if (found !== kind) {
    const has = schema === undefined ? "there is no `schema`" : `its schema is ${JSON.stringify(schema)}`;
    throw new SeamlockError("SL3005", `not a ${what}: ${has}`, {
      place,
      hint: `a ${what} begins with \`schema: ${kind}@${version}\``,
    });
  }
  if (v !== version) {
    const hint = `this seamlock reads version ${version}`;
    throw new SeamlockError("SL3006", `format version ${v ?? "(none)"} is not known`, { place, hint });
  }
}

/** So many faults of one file are told. */
const MOST_FAULTS = 20;

/** All that a schema finds wrong, as one error SL3007 with its place and, as `others`, the rest. */
export function invalidField(error: z.ZodError, yaml: YamlFile, hint: string): SeamlockError {
  // A misspelt field is both unknown and missing; what is unknown says more.
  const issues = error.issues
    .flatMap(insideUnion)
    .flatMap((issue) => (issue.code === "unrecognized_keys" ? unknownFields(issue) : [issue]));
  const misspelt = new Set(
    issues.flatMap((issue) => (issue.code === "unrecognized_keys" ? [pathOf(issue).slice(0, -1).join(".")] : [])),
  );
  const told = issues.filter(
    (issue) =>
      issue.code === "unrecognized_keys" ||
      !isMissing(issue, yaml) ||
      !misspelt.has(pathOf(issue).slice(0, -1).join(".")),
  );
  const [first, ...others] = (told.length > 0 ? told : issues).map((issue) => faultOf(issue, yaml, hint)).sort(byPlace);
  return withOthers(
    first ?? new SeamlockError("SL3007", "the file is wrong", { place: yaml.placeOf([]), hint }),
    others,
  );
}

type Issue = z.core.$ZodIssue;

/** Of a value that is close to one of several forms, what is wrong inside it. */
function insideUnion(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const inside = issue.errors.find((of) => of.length > 0 && of.every(isWithin));
  return inside === undefined ? [issue] : inside.map((one) => ({ ...one, path: [...issue.path, ...one.path] }));
}

/** Is it about a field of the value, not about the value as a whole? */
const isWithin = ({ code, path }: Issue): boolean => path.length > 0 || code === "unrecognized_keys";

/** One issue per unknown field, each with the field as the end of its path. */
function unknownFields(issue: Issue & { readonly keys: readonly string[] }): Issue[] {
  return issue.keys.map((key) => ({ ...issue, keys: [key], path: [...issue.path, key] }) as Issue);
}

const pathOf = ({ path }: Issue): (string | number)[] =>
  path.filter((key): key is string | number => typeof key !== "symbol");

const isMissing = (issue: Issue, yaml: YamlFile): boolean => fieldAt(yaml.value, pathOf(issue)) === undefined;

function faultOf(issue: Issue, yaml: YamlFile, hint: string): SeamlockError {
  const at = pathOf(issue);
  const name = fieldPath(at);
  const message =
    issue.code === "unrecognized_keys"
      ? `unknown field \`${at.at(-1)}\``
      : `${name === "" ? "the file" : `\`${name}\``}: ${fieldFault(issue, fieldAt(yaml.value, at))}`;
  return new SeamlockError("SL3007", message, { place: yaml.placeOf(at), hint });
}

const byPlace = (x: SeamlockError, y: SeamlockError): number =>
  (x.place?.line ?? 0) - (y.place?.line ?? 0) || (x.place?.column ?? 0) - (y.place?.column ?? 0);

/** The first fault with the others; of very many, how many are not told. */
function withOthers(first: SeamlockError, others: readonly SeamlockError[]): SeamlockError {
  const rest = others.slice(0, MOST_FAULTS - 1);
  const left = others.length - rest.length;
  const more = left === 0 ? "" : ` (the first of ${others.length + 1} faults; ${left} are not shown)`;
  const place = first.place === null ? {} : { place: first.place };
  const hint = first.hint === null ? {} : { hint: first.hint };
  return new SeamlockError(first.code, `${first.message}${more}`, { ...place, ...hint, others: rest });
}

function nameFaults({ profile, placeOf }: LoadedHost): SeamlockError[] {
  const faults: SeamlockError[] = [];
  for (const list of ["phases", "locks", "paths"] as const) {
    const seen = new Set<string>();
    for (const [i, { name }] of profile[list].entries()) {
      if (seen.has(name)) {
        const what = { phases: "phase", locks: "lock", paths: "path" }[list];
        const place = placeOf([list, i, "name"]);
        const hint = "give one of them another name";
        faults.push(new SeamlockError("SL3008", `two ${what}s have the name \`${name}\``, { place, hint }));
      }
      seen.add(name);
    }
  }
  return faults;
}

function referenceFaults({ profile, placeOf }: LoadedHost): SeamlockError[] {
  const faults: SeamlockError[] = [];
  const phases = new Set(profile.phases.map((p) => p.name));
  const locks = new Set(profile.locks.map((l) => l.name));
  const check = (known: ReadonlySet<string>, name: string, what: string, path: (string | number)[]): void => {
    if (known.has(name)) return;
    const hint = `declared are ${[...known].join(", ") || "none"}`;
    faults.push(new SeamlockError("SL3009", `there is no ${what} \`${name}\``, { place: placeOf(path), hint }));
  };
  const all = (names: readonly string[] | undefined, path: (string | number)[]): void =>
    (names ?? []).forEach((name, i) => {
      check(phases, name, "phase", [...path, i]);
    });
  profile.paths.forEach((path, p) => {
    all(path.phases, ["paths", p, "phases"]);
    all(path.overruns, ["paths", p, "overruns"]);
    (path.holds ?? []).forEach((use, i) => {
      check(locks, lockUse(use).lock, "lock", ["paths", p, "holds", i]);
    });
    path.steps.forEach((step, s) => {
      all(step.phases, ["paths", p, "steps", s, "phases"]);
      (step.holds ?? []).forEach((use, i) => {
        check(locks, lockUse(use).lock, "lock", ["paths", p, "steps", s, "holds", i]);
      });
    });
  });
  return faults;
}

/** Uses that no lock of that kind or scope allows. */
function useFaults({ profile, placeOf }: LoadedHost): SeamlockError[] {
  const faults: SeamlockError[] = [];
  const locks = new Map(profile.locks.map((lock) => [lock.name, lock]));
  profile.paths.forEach((path, p) => {
    path.steps.forEach((step, s) => {
      for (const use of heldAt(path, step)) {
        const lock = locks.get(use.lock);
        const problem = lock === undefined ? null : misuse(use, lock.kind, lock.per, path.per, step.vcpu ?? "self");
        if (problem === null) continue;
        const place = placeOf(["paths", p, "steps", s, "call"]);
        const hint = "docs/host-profiles.md says what `mode` and `of` mean for each scope";
        faults.push(new SeamlockError("SL3010", `\`${use.lock}\` ${problem}`, { place, hint }));
      }
    });
  });
  return faults;
}

function misuse(use: LockUse, kind: LockKind, per: string, path: string, vcpu: string): string | null {
  if (use.mode === "shared" && !hasSharedMode(kind)) return `is a ${kind} and cannot be held shared`;
  if (use.of === "all" && per !== "vcpu") return `is one per ${per}; \`of: all\` is for locks that each vCPU has`;
  if (per === "vcpu" && (use.of ?? "self") === "self" && path !== "vcpu" && vcpu === "self") {
    return `is one per vCPU, but the path works for ${path === "vm" ? "a VM" : "the machine"} and has no vCPU of its own`;
  }
  return null;
}
