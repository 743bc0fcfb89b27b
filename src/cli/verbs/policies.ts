import { type Handling, handlings, POLICIES, verdictText } from "../../report/index.ts";
import { hostOption, namedHost } from "../hosts.ts";
import { EXIT } from "../io.ts";
import { jsonText } from "../json.ts";
import { loadModule } from "../modules.ts";
import { moduleOption } from "../options.ts";
import { table } from "../table.ts";
import { defineVerb } from "../verb.ts";

interface Options {
  readonly module?: string;
  readonly host?: string;
}

export const verb = defineVerb<Options>({
  examples: [
    ["policies", "ways of handling BUSY, whether each gets through, and the command that decides it"],
    ["policies --module 1.5.05 --host linux-6.16", "on a version, and which of them a host has"],
    ["policies --json", "the same, for a program"],
  ],
  configure(command) {
    command.addOption(moduleOption()).addOption(hostOption("none"));
  },
  async run(_args, options, io) {
    const catalog = await loadModule(options.module);
    const host = await namedHost(options.host);
    const decided = handlings(catalog, host);
    const policies = POLICIES.map(({ id, title, policy, proposal = null }) => {
      const one = decided.find((handling) => handling.policy === id);
      return {
        id,
        title,
        policy,
        proposal,
        ...(host !== null && { hosts: one?.hosts ?? false }),
        verdicts: one?.verdicts ?? [],
      };
    });
    if (options.json === true) {
      io.out(
        jsonText({ schema: "seamlock/policies@1", module: catalog.module.version, host: host?.name ?? null, policies }),
      );
    } else {
      io.out(
        `Does it always get through on module ${catalog.module.version}? Other sizes: see \`seamlock check --help\`.\n\n`,
      );
      io.out(policies.map(wayText).join("\n"));
      io.out(
        "\nWhat a host's profile does, whatever it is: `seamlock check page-removal --policy as-host --host HOST`\n",
      );
    }
    return EXIT.done;
  },
});

interface Way {
  readonly title: string;
  readonly policy: string | null;
  readonly proposal: string | null;
  readonly hosts?: boolean;
  readonly verdicts: Handling["verdicts"];
}

/** The verdict of a way, and a command line for each size that was decided. */
function wayText({ title, policy, proposal, hosts, verdicts }: Way): string {
  const about = [
    ...(policy === null ? [] : [`--policy ${policy}`]),
    ...(proposal === null ? [] : [proposal]),
    ...(hosts === true ? ["what this host does"] : []),
  ];
  const head = `${title}${about.length === 0 ? "" : ` (${about.join("; ")})`}\n`;
  if (verdicts.length === 0) return `${head}  not decided on this module\n`;
  return head + table(verdicts.map((verdict) => [`  ${verdictText([verdict])}`, verdict.reproduce]));
}
