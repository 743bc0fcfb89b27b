import { serializeCatalog } from "../../catalog/index.ts";
import { catalogSummary } from "../catalog-summary.ts";
import { exitStatusOf, printDiagnostics } from "../diagnostics.ts";
import { loadModule } from "../modules.ts";
import { moduleOption, verboseOption } from "../options.ts";
import { defineVerb } from "../verb.ts";

interface Options {
  readonly module?: string;
  readonly verbose?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["catalog --module 1.5.05", "what is known about one version, in a few lines"],
    ["catalog --module 1.5.05 --json", "every fact, for a program (seamlock/catalog@1)"],
    ["catalog --module ./module.json", "check a catalog file of your own"],
  ],
  configure(command) {
    command.addOption(moduleOption()).addOption(verboseOption());
  },
  async run(_args, options, io) {
    const catalog = await loadModule(options.module);
    printDiagnostics(catalog, io, options.verbose === true);
    io.out(options.json ? serializeCatalog(catalog) : catalogSummary(catalog));
    return exitStatusOf(catalog);
  },
});
