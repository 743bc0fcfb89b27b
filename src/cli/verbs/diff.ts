import { diffCatalogs, hasDifferences } from "../../analysis/index.ts";
import { renderDiffMarkdown, renderDiffText } from "../../report/index.ts";
import { exitStatusOf, printDiagnostics } from "../diagnostics.ts";
import { EXIT } from "../io.ts";
import { rendered } from "../json.ts";
import { loadModule } from "../modules.ts";
import { type Format, formatOf, formatOption, verboseOption } from "../options.ts";
import { defineVerb } from "../verb.ts";

interface Options {
  readonly format: Format;
  readonly verbose?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["diff 1.5.05 1.5.25", "rows and contentions that changed between two versions"],
    ["diff lkml-2024-09-13 1.5.05", "the published hand-made table against the source"],
    ["diff 1.5.25 ./module.json --json", "against a catalog of your own, for a program (seamlock/diff@1)"],
  ],
  configure(command) {
    command
      .argument("<before>", "module, named as for --module")
      .argument("<after>", "module, named as for --module")
      .addOption(formatOption())
      .addOption(verboseOption());
  },
  async run([before, after], options, io) {
    const [a, b] = [await loadModule(before), await loadModule(after)];
    for (const catalog of [a, b]) printDiagnostics(catalog, io, options.verbose === true);
    const document = diffCatalogs(a, b);
    io.out(rendered(document, formatOf(options), { text: renderDiffText, markdown: renderDiffMarkdown }));
    if (hasDifferences(document)) return EXIT.finding;
    return exitStatusOf(a) || exitStatusOf(b);
  },
});
