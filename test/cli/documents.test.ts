/** Every verb's `--json`, validated by a JSON Schema validator that knows nothing of seamlock against the schemas that are shipped. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { bundledHosts } from "../../src/cli/hosts.ts";
import { bundledModules } from "../../src/cli/modules.ts";
import { VERBS } from "../../src/cli/registry.ts";
import { bundledScenarios } from "../../src/cli/scenarios.ts";
import { FIXTURE } from "../module/mutate.ts";
import { inProcess, temporaryFolder } from "./run.ts";

const ajv = new Ajv2020({ strict: false, validateFormats: false });
const validators = new Map<string, ValidateFunction>();

function validator(name: string): ValidateFunction {
  const known = validators.get(name);
  if (known !== undefined) return known;
  const made = ajv.compile(JSON.parse(readFileSync(join("schemas", `${name}.json`), "utf8")));
  validators.set(name, made);
  return made;
}

/** Exactly one document, of the schema that it names. */
function expectValid(text: string, name: string): void {
  const document = JSON.parse(text) as { schema: string };
  expect(document.schema).toBe(`seamlock/${name}@1`);
  const validate = validator(name);
  validate(document);
  expect(validate.errors ?? []).toEqual([]);
}

/** Verbs whose documents were asked for. */
const asked = new Set<string>();

const json = async (...args: readonly [verb: string, ...others: string[]]) => {
  asked.add(args[0]);
  return (await inProcess([...args, "--json"])).out;
};

describe("documents of", () => {
  it.each(bundledModules())("module %s", async (module) => {
    const at = ["--module", module];
    expectValid(await json("catalog", ...at), "catalog");
    expectValid(await json("report", ...at, "--all", "--evidence"), "report");
    expectValid(await json("contend", ...at), "contend");
    expectValid(await json("diff", module, "1.5.25"), "diff");
    expectValid(await json("explain", "0x8000020000000092", "0xC000030000000000", ...at), "explain");
  });

  it.each(bundledHosts())("host %s", async (host) => {
    expectValid(await json("report", "--host", host), "report");
    expectValid(await json("contend", "--host", host), "contend");
    expectValid(await json("diff", host, "linux-6.19"), "host-diff");
    expectValid(await json("host", "show", host), "host");
    expectValid(await json("host", "lint", host), "host-lint");
    expectValid(await json("explain", "SEAMCALL TDH_MEM_TRACK failed: 0x80000200000000A9", "--host", host), "explain");
  });

  it.each(bundledScenarios())("scenario %s", async (scenario) => {
    expectValid(await json("check", scenario, "--states", "2000"), "check");
    expectValid(await json("simulate", scenario, "--runs", "2", "--steps", "300"), "simulate");
    for (const form of ["promela", "tla", "text"]) expectValid(await json("export", scenario, "--to", form), "export");
  });

  it("the other verbs", async () => {
    expectValid(await json("modules"), "modules");
    expectValid(await json("host"), "hosts");
    for (const list of ["leaves", "resources", "scenarios", "policies"]) expectValid(await json(list), list);
    expectValid(await json("policies", "--module", "1.0.03", "--host", "linux-6.16"), "policies");
    expectValid(await json("completion", "fish"), "completion");
    expectValid(await json("extract", FIXTURE, "--no-cache"), "catalog");
    const folder = temporaryFolder();
    expectValid(await json("sweep", "locks", "-d", folder, "--shard", "1/4"), "sweep");
    for (const file of readdirSync(folder)) expectValid(readFileSync(join(folder, file), "utf8"), "sweep-result");
    const { out } = await inProcess(["check", "lock/mutex", "--verify-reduction", "--json"]);
    expectValid(out, "check");
  });

  it("recordings", async () => {
    expectValid(await json("record", "--kernel", "7.3"), "record");
    const folder = temporaryFolder();
    const [recording, culprits] = [join(folder, "recording.txt"), join(folder, "culprits.json")];
    const small = ["simulate", "page-removal", "--runs", "1", "--steps", "300", "--record", "ndjson"];
    await inProcess([...small, "-o", recording, "--culprits", culprits]);
    expectValid(readFileSync(culprits, "utf8"), "culprits");
    expectValid(await json("trace", recording), "trace");
  });

  it("the explorer, which is ended once it has said where it is", async () => {
    asked.add("explore");
    expectValid((await inProcess(["explore", "--port", "0", "--json"], { endsOnOutput: true })).out, "explore");
  });

  it("a trace that is replayed", async () => {
    const small = ["check", "page-removal", "--vcpus", "1", "--pages", "1"] as const;
    const file = join(temporaryFolder(), "check.json");
    writeFileSync(file, await json(...small));
    expectValid(await json(...small, "--replay", file), "replay");
  });

  it("a simulation of one run, and an export of its trace", async () => {
    const small = ["page-removal", "--vcpus", "1", "--pages", "1"];
    expectValid(await json("simulate", ...small, "--runs", "1", "--trace", "--schedule", "priority"), "simulate");
    for (const form of ["mermaid", "perfetto"]) expectValid(await json("export", ...small, "--to", form), "export");
  });
});

it("no verb is without a document here", () => {
  expect(Object.keys(VERBS).filter((verb) => !asked.has(verb))).toEqual([]);
});

it("a schema refuses what is not as it says", async () => {
  const document = JSON.parse(await json("modules")) as { modules: { leaves: unknown }[] };
  (document.modules[0] as { leaves: unknown }).leaves = "many";
  expect(validator("modules")(document)).toBe(false);
});
