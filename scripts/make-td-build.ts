/**
 * Makes docs/td-build.md: what `contend --host` leaves possible, held against every BUSY that some run of the host's paths meets.
 *
 *   npx tsx scripts/make-td-build.ts [HOST…]
 *
 * Explores about ten million states for each host and module; takes minutes. A pair on which the two disagree makes it fail.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Comparison, compareWithMet, hostContention } from "../src/analysis/index.ts";
import { parseCatalog } from "../src/catalog/index.ts";
import { check } from "../src/check/index.ts";
import { parseHost } from "../src/host/index.ts";
import { buildModel, parseScenario } from "../src/model/index.ts";

const root = join(import.meta.dirname, "..");
const read = (file: string): string => readFileSync(join(root, "data", file), "utf8");
const FILES = ["data/hosts", "test/kernel/hand"].flatMap((folder) =>
  readdirSync(join(root, folder)).map((file) => join(folder, file)),
);
/** By what a profile is called here: of 6.16 and 6.19 there is one that was written by hand, too. */
const PROFILES = new Map(
  FILES.map((file) => parseHost(readFileSync(join(root, file), "utf8"), file).profile).map((profile) => [
    profile.extracted === undefined ? `${profile.name}, written by hand` : profile.name,
    profile,
  ]),
);
const HOSTS = [...PROFILES.keys()].sort();
const MODULES = ["1.0.03", "1.5.05", "1.5.25"];
/** A TD's life. The phase in which a machine is suspended comes to nothing beside it: one path runs alone. */
const LIFE = ["init", "build", "runtime", "teardown"];

interface Result {
  readonly rows: readonly Comparison[];
  readonly states: number;
  readonly excluded: number;
}

function compared(host: string, version: string): Result {
  const catalog = parseCatalog(read(`modules/${version}.json`), version);
  const profile = PROFILES.get(host);
  if (profile === undefined) throw new Error(`no ${host}: ${HOSTS.join(", ")}`);
  const scenario = parseScenario(read("scenarios/td-build.yaml"), "td-build.yaml", [
    {
      path: "phases",
      value: JSON.stringify(LIFE.filter((name) => profile.phases.some((p) => p.name === name))),
      from: "--set",
    },
    // With another VM beside it the runs of an extracted profile, which has a path for every entry, are too many for one machine.
    { path: "otherVm", value: String(profile.extracted === undefined), from: "--set" },
  ]);
  const { outcome, busy, states } = check(buildModel(scenario, { catalog: () => catalog, host: () => profile }));
  if (outcome.kind === "inconclusive") throw new Error(`${host}, ${version}: ${outcome.reason}`);
  const { pairs } = hostContention(catalog, profile);
  const excluded = pairs.filter((pair) => !pair.possible && pair.paths.length > 0).length;
  return { rows: compareWithMet(pairs, busy), states, excluded };
}

const verdict = ({ possible, met }: Comparison): string => {
  if (possible === met) return "met";
  return possible ? "**never met**" : "**met, though excluded**";
};

const results = new Map(
  (process.argv.length > 2 ? process.argv.slice(2) : HOSTS).map((host) => [
    host,
    MODULES.map((version) => compared(host, version)),
  ]),
);
const all = [...results.values()].flat();
const disagreements = all.flatMap(({ rows }) => rows.filter(({ possible, met }) => possible !== met)).length;

function section(host: string, byModule: readonly Result[]): string {
  const cells = new Map<string, string[]>();
  byModule.forEach(({ rows }, i) => {
    for (const row of rows) {
      const key = `\`${row.resource}\` | \`${row.a}\` | \`${row.b}\``;
      const line = cells.get(key) ?? MODULES.map(() => "excluded");
      line[i] = verdict(row);
      cells.set(key, line);
    }
  });
  const counts = byModule.map(
    ({ rows, states, excluded }, i) =>
      `${MODULES[i]}: ${rows.length} pairs of leaves on a lock possible, ${rows.filter(({ met }) => met).length} met, ${excluded} conflicting rows of calls that it makes excluded, ${states.toLocaleString("en")} states`,
  );
  return `## ${host}

${counts.join(". ")}.

| lock | call | and call | ${MODULES.join(" | ")} |
| --- | --- | --- | ${MODULES.map(() => "---").join(" | ")} |
${[...cells].map(([key, line]) => `| ${key} | ${line.join(" | ")} |`).join("\n")}
`;
}

const text = `# A host's paths: the analysis and every run

Made by \`npm run td-build\`; do not edit. Two sources say which calls of a host can meet inside the module:

- \`seamlock contend --host H --module M\` reasons about each pair of rows of the catalog under the host's locks, phases and kicks;
- the scenario kind \`host-paths\` runs the host's paths, two at a time, over every interleaving:
  \`seamlock check td-build --host H --module M --set 'phases=[init, build, runtime, teardown]'\`; of the hosts that were written by hand with
  another VM beside it (\`--set otherVm=true\`), for which the paths of an extracted one are too many. Its \`busy\` list says who was refused a lock that who held.

"met": the analysis leaves the pair possible and some run meets it. "excluded": the analysis rules it out and no run meets it. Pairs that both rule out on every module are left out. ${
  disagreements === 0
    ? "The two agree on every pair below and on every pair that is left out."
    : `**They disagree on ${disagreements} pairs.**`
}

Both rest on the same facts: the rows of the catalog, the profile, and which calls may name a page in use (data/resources.json). What they make of them they find each in its own way.
Profiles of Linux 6.16 and 6.19 that were written by hand are those of test/kernel/hand; they have one path for each command.
What the runs leave out: what a call does to the TD (only its locks), L2 VMs, pages larger than 4 KB, more than two calls at a time.

${[...results].map(([host, byModule]) => section(host, byModule)).join("\n")}`;
writeFileSync(join(root, "docs", "td-build.md"), text);
if (disagreements > 0) process.exitCode = 1;
