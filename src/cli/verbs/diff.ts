import { diffCatalogs, diffHosts, hasDifferences, hostsDiffer } from "../../analysis/index.ts";
import { SeamlockError } from "../../errors.ts";
import { renderDiffMarkdown, renderDiffText, renderHostDiffMarkdown, renderHostDiffText } from "../../report/index.ts";
import { exitStatusOf, printDiagnostics } from "../diagnostics.ts";
import { isHost, loadHost } from "../hosts.ts";
import { EXIT, type ExitStatus, type Io } from "../io.ts";
import { rendered } from "../json.ts";
import { bundledModules, loadModule } from "../modules.ts";
import { type Format, formatOf, formatOption, verboseOption } from "../options.ts";
import { type CommonOptions, defineVerb } from "../verb.ts";

interface Options {
  readonly module?: string;
  readonly format: Format;
  readonly verbose?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["diff 1.5.05 1.5.25", "rows and contentions that changed between two versions"],
    ["diff lkml-2024-09-13 1.5.05", "the published hand-made table against the source"],
    ["diff linux-6.16 linux-6.19", "what a series of patches to a hypervisor opened and closed"],
    ["diff 1.5.25 ./module.json --json", "against a catalog of your own, for a program (seamlock/diff@1)"],
  ],
  configure(command) {
    command
      .argument("<before>", "module, named as for --module; or host, named as for --host")
      .argument("<after>", "another of the same kind")
      .option("-m, --module <module>", "for two hosts: the module under them (default: newest)")
      .addOption(formatOption())
      .addOption(verboseOption());
  },
  async run([before = "", after = ""], options, io) {
    if (isHost(before) || isHost(after)) return diffOfHosts(before, after, options, io);
    const [a, b] = [await loadModule(before), await loadModule(after)];
    for (const catalog of before === after ? [a] : [a, b]) printDiagnostics(catalog, io, options.verbose === true);
    const document = diffCatalogs(a, b);
    io.out(rendered(document, formatOf(options), { text: renderDiffText, markdown: renderDiffMarkdown }));
    if (hasDifferences(document)) return EXIT.finding;
    return exitStatusOf(a) || exitStatusOf(b);
  },
});

async function diffOfHosts(
  before: string,
  after: string,
  options: Options & CommonOptions,
  io: Io,
): Promise<ExitStatus> {
  for (const name of [before, after]) {
    if (!bundledModules().includes(name)) continue;
    throw new SeamlockError("SL0004", `\`${name}\` is a module, and the other one is a host`, {
      hint: "name two modules, or two hosts and maybe --module",
    });
  }
  const [a, b] = [await loadHost(before), await loadHost(after)];
  const catalog = await loadModule(options.module);
  printDiagnostics(catalog, io, options.verbose === true);
  const document = diffHosts(catalog, a.profile, b.profile);
  io.out(rendered(document, formatOf(options), { text: renderHostDiffText, markdown: renderHostDiffMarkdown }));
  return hostsDiffer(document) ? EXIT.finding : exitStatusOf(catalog);
}
