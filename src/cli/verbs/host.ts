import { Argument } from "commander";
import { SeamlockError } from "../../errors.ts";
import { type HostFinding, lintHost, serializeHost } from "../../host/index.ts";
import { checked, type ExtractOptions, extracted } from "../host-extract.ts";
import { bundledHosts, hostText, isTree, loadHost, loadProfile } from "../hosts.ts";
import { EXIT, type ExitStatus, type Io } from "../io.ts";
import { jsonText } from "../json.ts";
import { loadModule } from "../modules.ts";
import { moduleOption, outputOption, verboseOption } from "../options.ts";
import { table } from "../table.ts";
import { defineVerb } from "../verb.ts";

interface Options extends ExtractOptions {
  readonly module?: string;
}

const ACTIONS = ["list", "show", "lint", "extract", "check"];

export const verb = defineVerb<Options>({
  examples: [
    ["host", "the host profiles that --host accepts"],
    ["host show linux-6.16", "a profile, as a start for one of your own"],
    ["host lint ./my-patch.yaml --module 1.5.05", "what is wrong or doubtful in a profile, with places"],
    ["host extract path/to/linux -o host.yaml", "the profile of a kernel tree, from its source"],
    [
      "host extract path/to/linux --explain 'INIT_VCPU tdh_vp_init'",
      "how a SEAMCALL is reached, and what is held at it",
    ],
    ["host check linux-6.19 path/to/linux", "what a profile states and a tree does not show, and the reverse"],
  ],
  configure(command) {
    command
      .addArgument(new Argument("[action]", "what to do").choices(ACTIONS).default("list"))
      .argument("[host]", "a bundled profile, the path of one, or the folder of a kernel tree; for extract, the folder")
      .argument("[tree]", "for check: the folder of a kernel tree")
      .addOption(moduleOption())
      .addOption(outputOption("the profile"))
      .option("--rules <file>", "for extract and check: rules for another hypervisor or an out-of-tree KVM")
      .option(
        "--explain <words>",
        "for extract: print how SEAMCALLs are reached; parts of a path's name, and a SEAMCALL",
      )
      .option("--no-cache", "do not read or write the cache")
      .addOption(verboseOption());
  },
  async run([action = "list", host, tree], options, io) {
    if (tree !== undefined && action !== "check") throw tooMuch(action, tree);
    if (action === "list") {
      if (host !== undefined) throw tooMuch(action, host);
      return listed(options, io);
    }
    if (host === undefined) {
      const [what, example] = action === "extract" ? ["a kernel tree", "path/to/linux"] : ["a host", "linux-6.16"];
      throw new SeamlockError("SL0004", `${action} needs ${what}`, { hint: `\`seamlock host ${action} ${example}\`` });
    }
    if (action === "extract") return extracted(host, options, io);
    if (action === "check") return checked(host, tree, options, io);
    return action === "show" ? shown(host, options, io) : linted(host, options, io);
  },
});

const tooMuch = (action: string, word: string): SeamlockError =>
  new SeamlockError("SL0004", `${action} takes no \`${word}\``, { hint: "`seamlock host --help` shows what it takes" });

async function listed(options: Options, io: Io): Promise<ExitStatus> {
  const hosts = await Promise.all(
    bundledHosts().map(async (name) => {
      const { description, paths } = await loadProfile(name);
      return { name, description, paths: paths.length };
    }),
  );
  if (options.json === true) io.out(jsonText({ schema: "seamlock/hosts@1", hosts }));
  else io.out(table([["HOST", "PATHS", "WHAT IT IS"], ...hosts.map((h) => [h.name, String(h.paths), h.description])]));
  return EXIT.done;
}

async function shown(name: string, options: Options, io: Io): Promise<ExitStatus> {
  if (options.json === true) io.out(jsonText(await loadProfile(name)));
  else io.out(isTree(name) ? serializeHost(await loadProfile(name)) : (await hostText(name)).text);
  return EXIT.done;
}

async function linted(name: string, options: Options, io: Io): Promise<ExitStatus> {
  const host = await loadHost(name);
  const catalog = await loadModule(options.module);
  const findings = lintHost(host, catalog);
  const { version } = catalog.module;
  if (options.json === true) {
    io.out(jsonText({ schema: "seamlock/host-lint@1", host: host.profile.name, module: version, findings }));
  } else {
    io.out(findings.map(findingText).join(""));
    const count = `${findings.length} ${findings.length === 1 ? "remark" : "remarks"}`;
    io.out(`${host.profile.name} against module ${version}: ${findings.length === 0 ? "nothing to remark" : count}\n`);
  }
  return findings.some((finding) => finding.severity !== "note") ? EXIT.finding : EXIT.done;
}

function findingText({ code, severity, message, place, hint }: HostFinding): string {
  const at = [place.file, place.line, place.column].filter((part) => part !== undefined).join(":");
  return `${severity}[${code}]: ${message}\n  --> ${at}\nhelp: ${hint}\n`;
}
