/** Text → HostProfile, with a place and a next step for whatever is wrong. */
import type { z } from "zod";
import { SeamlockError } from "../errors.ts";
import { type HostProfile, heldAt, hostSchema, type LockUse, lockUse } from "./schema.ts";
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
  checkNames(loaded);
  checkReferences(loaded);
  checkUses(loaded);
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

/** The first thing that a schema finds wrong, as an error SL3007 with its place. */
export function invalidField(error: z.ZodError, yaml: YamlFile, hint: string): SeamlockError {
  // A misspelt field is both unknown and missing; the first says more.
  const issue = error.issues.find((i) => i.code === "unrecognized_keys") ?? error.issues[0];
  const path = (issue?.path ?? []).filter((key): key is string | number => typeof key !== "symbol");
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const at = unknown === undefined ? path : [...path, unknown];
  const name = pathText(at);
  const message =
    unknown === undefined
      ? `${name === "" ? "the file" : `\`${name}\``}: ${issueText(issue)}`
      : `unknown field \`${name}\``;
  return new SeamlockError("SL3007", message, { place: yaml.placeOf(at), hint });
}

function issueText(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return "is wrong";
  if (issue.code === "invalid_union") return "is neither a lock's name nor { lock, mode, of, assumed }";
  return issue.message.replace(/^Invalid input: /, "");
}

/** `paths[3].steps[0].call`. */
function pathText(path: readonly (string | number)[]): string {
  return path.map((key, i) => (typeof key === "number" ? `[${key}]` : i === 0 ? key : `.${key}`)).join("");
}

function checkNames({ profile, placeOf }: LoadedHost): void {
  for (const list of ["phases", "locks", "paths"] as const) {
    const seen = new Set<string>();
    for (const [i, { name }] of profile[list].entries()) {
      if (seen.has(name)) {
        const what = { phases: "phase", locks: "lock", paths: "path" }[list];
        throw new SeamlockError("SL3008", `two ${what}s have the name \`${name}\``, {
          place: placeOf([list, i, "name"]),
          hint: "give one of them another name",
        });
      }
      seen.add(name);
    }
  }
}

function checkReferences({ profile, placeOf }: LoadedHost): void {
  const phases = new Set(profile.phases.map((p) => p.name));
  const locks = new Set(profile.locks.map((l) => l.name));
  const check = (known: ReadonlySet<string>, name: string, what: string, path: (string | number)[]): void => {
    if (known.has(name)) return;
    throw new SeamlockError("SL3009", `there is no ${what} \`${name}\``, {
      place: placeOf(path),
      hint: `declared are ${[...known].join(", ") || "none"}`,
    });
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
}

/** Uses that no lock of that kind or scope allows. */
function checkUses({ profile, placeOf }: LoadedHost): void {
  const locks = new Map(profile.locks.map((lock) => [lock.name, lock]));
  profile.paths.forEach((path, p) => {
    path.steps.forEach((step, s) => {
      for (const use of heldAt(path, step)) {
        const lock = locks.get(use.lock);
        const problem = lock === undefined ? null : misuse(use, lock.kind, lock.per, path.per, step.vcpu ?? "self");
        if (problem === null) continue;
        throw new SeamlockError("SL3010", `\`${use.lock}\` ${problem}`, {
          place: placeOf(["paths", p, "steps", s, "call"]),
          hint: "docs/host-profiles.md says what `mode` and `of` mean for each scope",
        });
      }
    });
  });
}

function misuse(use: LockUse, kind: string, per: string, path: string, vcpu: string): string | null {
  if (use.mode === "shared" && kind === "mutex") return "is a mutex and cannot be held shared";
  if (use.of === "all" && per !== "vcpu") return `is one per ${per}; \`of: all\` is for locks that each vCPU has`;
  if (per === "vcpu" && (use.of ?? "self") === "self" && path !== "vcpu" && vcpu === "self") {
    return `is one per vCPU, but the path works for ${path === "vm" ? "a VM" : "the machine"} and has no vCPU of its own`;
  }
  return null;
}
