import { defaultCacheDir, extractTree, tuneForOneExtraction } from "../../module/index.ts";
import { catalogSummary } from "../catalog-summary.ts";
import { exitStatusOf, printDiagnostics } from "../diagnostics.ts";
import { checkWritable, writeWhole } from "../files.ts";
import { outputOption, verboseOption } from "../options.ts";
import { defineVerb } from "../verb.ts";

interface Options {
  readonly output?: string;
  readonly moduleVersion?: string;
  readonly repository?: string;
  readonly revision?: string;
  readonly cache: boolean;
  readonly verbose?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["extract path/to/tdx-module", "what the module's source does, in a few lines"],
    ["extract path/to/tdx-module -o module.json", "write the facts to a file; `report --module module.json` reads it"],
    ["extract path/to/tdx-module --json", "the facts on standard output (seamlock/catalog@1)"],
  ],
  configure(command) {
    command
      .argument("<tree>", "directory of a TDX module's source")
      .addOption(outputOption("the catalog"))
      .option("--module-version <version>", "the module's version, when the tree does not say it")
      .option("--repository <owner/name>", "public repository of the tree, to be recorded")
      .option("--revision <commit>", "commit of that repository, to be recorded")
      .option("--no-cache", "do not read or write the cache")
      .addOption(verboseOption());
  },
  async run([tree = "."], options, io) {
    // An unusable output is found before the work, not after it.
    if (options.output !== undefined) checkWritable(options.output);
    tuneForOneExtraction();
    const { catalog, document } = await extractTree({
      tree,
      repository: options.repository ?? null,
      revision: options.revision ?? null,
      version: options.moduleVersion ?? null,
      cacheDir: options.cache ? defaultCacheDir() : null,
    });
    printDiagnostics(catalog, io, options.verbose === true);
    const text = options.output !== undefined || options.json ? await document() : "";
    if (options.output !== undefined) writeWhole(options.output, text);
    io.out(options.json ? text : catalogSummary(catalog));
    return exitStatusOf(catalog);
  },
});
