/** What a CI system uses: SARIF for code scanning, lists of accepted pairs, and how bad a finding must be to fail. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { inProcess, temporaryFolder } from "./run.ts";

const text = { type: "object", required: ["text"], properties: { text: { type: "string", minLength: 1 } } };
const place = {
  type: "object",
  required: ["physicalLocation"],
  properties: {
    message: text,
    physicalLocation: {
      type: "object",
      required: ["artifactLocation", "region"],
      properties: {
        artifactLocation: {
          type: "object",
          required: ["uri", "uriBaseId"],
          properties: { uri: { type: "string", pattern: "^[^/].*\\.[ch]$" }, uriBaseId: { const: "MODULE" } },
        },
        region: { type: "object", required: ["startLine"], properties: { startLine: { type: "integer", minimum: 1 } } },
      },
    },
  },
};

/** What SARIF 2.1.0 (OASIS) asks of a log with results, and what code-scanning systems ask beyond it: a place for every result. */
const SARIF = {
  type: "object",
  required: ["$schema", "version", "runs"],
  additionalProperties: false,
  properties: {
    $schema: { type: "string" },
    version: { const: "2.1.0" },
    runs: {
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        required: ["tool", "results"],
        additionalProperties: false,
        properties: {
          tool: {
            type: "object",
            required: ["driver"],
            properties: {
              driver: {
                type: "object",
                required: ["name"],
                properties: {
                  name: { type: "string", minLength: 1 },
                  rules: {
                    type: "array",
                    uniqueItems: true,
                    items: {
                      type: "object",
                      required: ["id"],
                      properties: { id: { type: "string" }, shortDescription: text },
                    },
                  },
                },
              },
            },
          },
          originalUriBaseIds: {
            type: "object",
            // A base that is not the log's own place ends in a slash.
            additionalProperties: {
              type: "object",
              properties: { uri: { type: "string", pattern: "^[a-z]+://.*/$" } },
            },
          },
          results: {
            type: "array",
            items: {
              type: "object",
              required: ["ruleId", "level", "message", "locations"],
              additionalProperties: false,
              properties: {
                ruleId: { type: "string" },
                level: { enum: ["none", "note", "warning", "error"] },
                message: text,
                locations: { type: "array", minItems: 1, items: place },
                relatedLocations: { type: "array", minItems: 1, uniqueItems: true, items: place },
                partialFingerprints: { type: "object", additionalProperties: { type: "string" } },
              },
            },
          },
        },
      },
    },
  },
};

interface Result {
  readonly ruleId: string;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations: readonly Place[];
  readonly relatedLocations: readonly Place[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
}
interface Place {
  readonly physicalLocation: {
    readonly artifactLocation: { readonly uri: string };
    readonly region: { readonly startLine: number };
  };
}

async function sarif(
  ...args: readonly string[]
): Promise<{ readonly log: object; readonly results: readonly Result[] }> {
  const { out, err } = await inProcess(["contend", ...args, "--format", "sarif"]);
  expect(err).not.toContain("error[");
  const log = JSON.parse(out) as { runs: [{ results: Result[] }] };
  return { log, results: log.runs[0].results };
}

describe("SARIF", () => {
  it.each([
    ["1.5.05", "linux-6.16"],
    ["1.5.25", "linux-6.19"],
    ["1.0.03", "none"],
  ])(
    "of %s under %s is as the standard has it, every result with both places and a fingerprint of its own",
    async (module, host) => {
      const { log, results } = await sarif("--module", module, "--host", host);
      const validate = new Ajv2020({ strict: false }).compile(SARIF);
      validate(log);
      expect(validate.errors ?? []).toEqual([]);
      const rules = (log as { runs: [{ tool: { driver: { rules: { id: string }[] } } }] }).runs[0].tool.driver.rules;
      expect(new Set(results.map(({ ruleId }) => ruleId))).toEqual(new Set(rules.map(({ id }) => id)));
      const prints = results.map(({ partialFingerprints }) => JSON.stringify(partialFingerprints));
      expect(prints.filter((print, i) => prints.indexOf(print) < i)).toEqual([]);
    },
  );

  it("names the lines at which the two take the lock, and what the host comes to", async () => {
    const { results } = await sarif("tdh_mem_track", "tdh_vp_enter", "-m", "1.5.05", "--host", "linux-6.16");
    const epoch = results.find(({ ruleId }) => ruleId === "contention/epoch_lock");
    const [mine, other] = [epoch?.locations[0], epoch?.relatedLocations[0]].map((one) => one?.physicalLocation);
    expect(mine?.artifactLocation.uri).toMatch(/tdh_mem_track\.c$/);
    expect(other?.artifactLocation.uri).toMatch(/tdh_vp_enter\.c$/);
    const { out } = await inProcess(["catalog", "-m", "1.5.05", "--json"]);
    const rows = (
      JSON.parse(out) as {
        leaves: { name: string; acquisitions: { resource: string; evidence: { line: number }[] }[] }[];
      }
    ).leaves
      .find(({ name }) => name === "tdh_mem_track")
      ?.acquisitions.find(({ resource }) => resource === "TDCS_EPOCH");
    expect(mine?.region.startLine).toBe(rows?.evidence[0]?.line);
    expect(epoch).toMatchObject({ level: "note" });
    expect(epoch?.message.text).toContain("TD_EPOCH");
  });

  it("is an error where the VM can be lost, and has only what is possible under the host", async () => {
    const under = await sarif("-m", "1.5.05", "--host", "linux-6.16", "--resource", "TDR");
    expect(new Set(under.results.map(({ level }) => level))).toContain("error");
    const alone = await sarif("-m", "1.5.05", "--host", "none", "--resource", "TDR");
    expect(new Set(alone.results.map(({ level }) => level))).toEqual(new Set(["note"]));
    expect(under.results.length).toBeLessThan(alone.results.length);
    // Paths are those of this pair, not of the row of the report that tells it among others.
    const removed = under.results.find(({ message }) =>
      message.text.includes("page_add() (EXCLUSIVE) can contend with tdh_mem_page_remove()"),
    );
    expect(removed?.message.text).toMatch(/ Paths: INIT_MEM_REGION x punch hole; memory failure x INIT_MEM_REGION\.$/);
  });
});

describe("a list of accepted pairs", () => {
  const at = ["contend", "-m", "1.5.05", "--host", "linux-6.16"];

  it("that --write-allow made accepts all that was found, entry by entry, and without one entry no more", async () => {
    const file = join(temporaryFolder(), "accepted.yaml");
    expect((await inProcess([...at, "--write-allow", file])).status).toBe(0);
    const written = readFileSync(file, "utf8");
    expect(written).toMatch(/^schema: seamlock\/allow@1\nallow:\n {2}- /);
    expect(written).toContain("TODO: why this is accepted (worst outcome: vm-dead)");
    expect(await inProcess([...at, "--allow", file])).toMatchObject({ status: 0, err: "" });
    const lines = written.split("\n");
    const epoch = lines.findIndex((line) => line.includes("TDCS_EPOCH"));
    writeFileSync(file, lines.filter((_, i) => i !== epoch).join("\n"));
    const { status, err } = await inProcess([...at, "--allow", file]);
    expect(status).toBe(1);
    expect(err).toContain("finding[SL3201]: tdh_mem_track can contend with tdh_vp_enter on TDCS_EPOCH\n");
    expect(err).toMatch(/\n1 possible pair is not accepted\n$/);
  });

  it("keeps the reasons that people wrote when it is written again", async () => {
    const file = join(temporaryFolder(), "accepted.yaml");
    const own =
      '  - {"a":"tdh_mem_track","b":"tdh_vp_enter","resource":"TDCS_EPOCH","reason":"kicked, and tried again"}\n';
    writeFileSync(file, `schema: seamlock/allow@1\nallow:\n${own}`);
    expect((await inProcess([...at, "--allow", file, "--write-allow", file])).status).toBe(0);
    const written = readFileSync(file, "utf8");
    expect(written).toContain("kicked, and tried again");
    expect(written.match(/TDCS_EPOCH/g)).toHaveLength(1);
    expect((await inProcess([...at, "--allow", file])).status).toBe(0);
  });

  it("warns of an entry that accepts nothing", async () => {
    const file = join(temporaryFolder(), "accepted.yaml");
    await inProcess([...at, "--write-allow", file]);
    writeFileSync(
      file,
      `${readFileSync(file, "utf8")}  - {"a":"tdh_mem_track","b":"tdh_mng_rd","resource":"KOT","reason":"x"}\n`,
    );
    const { status, err } = await inProcess([...at, "--allow", file]);
    expect(status).toBe(0);
    expect(err).toContain("warning[SL3202]: nothing is accepted by the entry tdh_mem_track, tdh_mng_rd on KOT");
  });
});

describe("--fail-on", () => {
  const counted = async (...args: readonly string[]): Promise<number> => {
    const { status, err } = await inProcess(["contend", "-m", "1.5.05", ...args]);
    const found = Number(/(\d+) possible pairs? (?:is|are) not accepted\n$/.exec(err)?.[1] ?? 0);
    expect(status).toBe(found === 0 ? 0 : 1);
    return found;
  };

  it("counts what is as bad, the worse the fewer", async () => {
    const at = ["--host", "linux-6.16", "--fail-on"];
    const [any, error, lost] = [
      await counted(...at, "any"),
      await counted(...at, "error"),
      await counted(...at, "vm-lost"),
    ];
    expect(lost).toBeGreaterThan(0);
    expect(error).toBeGreaterThan(lost);
    expect(any).toBeGreaterThan(error);
    // A try that comes again costs nothing.
    expect(await counted("tdh_mem_track", "tdh_vp_enter", ...at, "error")).toBe(0);
    expect(await counted("tdh_mem_track", "tdh_vp_enter", ...at, "any")).toBeGreaterThan(0);
  });

  it("tells equal findings together, with the paths and how bad they are", async () => {
    const { err } = await inProcess(["contend", "-m", "1.5.05", "--host", "linux-6.16", "--fail-on", "vm-lost"]);
    const findings = err.match(/^finding\[SL3201\]/gm)?.length ?? 0;
    const pairs = Number(/(\d+) possible pairs/.exec(err)?.[1]);
    expect(findings).toBeLessThan(0.6 * pairs);
    expect(err).toMatch(/^ {2}\S.* against \S.*: vm-dead$/m);
    expect(err).not.toMatch(/: (retry|none|warning)$/m);
  });

  it("needs a host where outcomes matter", async () => {
    const { status, err } = await inProcess(["contend", "--host", "none", "--fail-on", "vm-lost"]);
    expect(status).toBe(2);
    expect(err).toContain("error[SL0004]: --fail-on vm-lost needs a host");
    expect(await counted("--host", "none", "--fail-on", "any", "tdh_mem_track")).toBeGreaterThan(0);
  });

  it("leaves out what --without leaves out", async () => {
    const at = ["--host", "linux-6.16", "--fail-on", "vm-lost"];
    expect(await counted(...at, "--without", "machine-check*")).toBeLessThan(await counted(...at));
    // As reports call it: a short name, or one that stands for several paths.
    const zap = await counted(...at, "--without", "any zap");
    expect(zap).toBeLessThan(await counted(...at, "--without", "punch hole"));
    expect(await counted(...at, "--without", "punch hole")).toBeLessThanOrEqual(await counted(...at));
  });
});

describe("diff of two hosts", () => {
  const at = ["diff", "linux-6.16", "linux-6.19", "--module", "1.5.05"];

  it("is narrowed to calls and locks", async () => {
    const { out } = await inProcess([...at, "--leaf", "tdh_vp_init"]);
    const whole = (await inProcess(at)).out;
    expect(out).toContain("=== Closed");
    expect(out.length).toBeLessThan(whole.length);
    const { out: epoch } = await inProcess([...at, "--resource", "epoch_lock"]);
    expect(epoch).toContain("No difference.");
  });

  it("refuses what it does not know", async () => {
    expect((await inProcess([...at, "--leaf", "tdh_vp_int"])).err).toContain("error[SL2102]");
    expect((await inProcess([...at, "--all"])).err).toContain("error[SL0004]: --all is for two modules");
  });
});
