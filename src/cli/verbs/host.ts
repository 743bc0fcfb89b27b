import { SeamlockError } from "../../errors.ts";
import { type HostFinding, lintHost } from "../../host/index.ts";
import { bundledHosts, hostText, loadHost } from "../hosts.ts";
import { EXIT, type ExitStatus, type Io } from "../io.ts";
import { jsonText } from "../json.ts";
import { loadModule } from "../modules.ts";
import { moduleOption } from "../options.ts";
import { didYouMean } from "../suggest.ts";
import { table } from "../table.ts";
import { defineVerb } from "../verb.ts";

interface Options {
  readonly module?: string;
  readonly json?: boolean;
}

const ACTIONS = ["list", "show", "lint"];

export const verb = defineVerb<Options>({
  examples: [
    ["host", "the host profiles that --host accepts"],
    ["host show linux-6.16", "a profile, as a start for one of your own"],
    ["host lint ./my-patch.yaml --module 1.5.05", "what is wrong or doubtful in a profile, with places"],
  ],
  configure(command) {
    command
      .argument("[action]", "list, show or lint", "list")
      .argument("[host]", "for show and lint: a bundled profile or the path of one")
      .addOption(moduleOption());
  },
  async run([action = "list", host], options, io) {
    if (!ACTIONS.includes(action)) {
      throw new SeamlockError("SL0004", `\`${action}\` is nothing that can be done with a host`, {
        hint: didYouMean(action, ACTIONS, `there are ${ACTIONS.join(", ")}`),
      });
    }
    if (action === "list") return listed(options, io);
    if (host === undefined) {
      throw new SeamlockError("SL0004", `${action} needs a host`, { hint: `\`seamlock host ${action} linux-6.16\`` });
    }
    return action === "show" ? shown(host, options, io) : linted(host, options, io);
  },
});

async function listed(options: Options, io: Io): Promise<ExitStatus> {
  const hosts = await Promise.all(
    bundledHosts().map(async (name) => {
      const { profile } = await loadHost(name);
      return { name, description: profile.description, paths: profile.paths.length };
    }),
  );
  if (options.json === true) io.out(jsonText({ schema: "seamlock/hosts@1", hosts }));
  else io.out(table([["HOST", "PATHS", "WHAT IT IS"], ...hosts.map((h) => [h.name, String(h.paths), h.description])]));
  return EXIT.done;
}

async function shown(name: string, options: Options, io: Io): Promise<ExitStatus> {
  const { profile } = await loadHost(name);
  io.out(options.json === true ? jsonText(profile) : (await hostText(name)).text);
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
