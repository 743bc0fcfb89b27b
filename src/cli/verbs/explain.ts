import { explainLines } from "../../analysis/index.ts";
import type { Catalog } from "../../catalog/index.ts";
import { SeamlockError } from "../../errors.ts";
import { renderExplainMarkdown, renderExplainText } from "../../report/index.ts";
import { exitStatusOf, printDiagnostics } from "../diagnostics.ts";
import { hostOption, loadHost } from "../hosts.ts";
import { rendered } from "../json.ts";
import { bundledModules, loadModule } from "../modules.ts";
import { type Format, formatOf, formatOption, moduleOption, verboseOption } from "../options.ts";
import { readStdin } from "../stdin.ts";
import { defineVerb } from "../verb.ts";

interface Options {
  readonly module?: string;
  readonly host?: string;
  readonly leaf?: string;
  readonly format: Format;
  readonly verbose?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["explain 0x8000020000000092 --leaf tdh_mem_page_remove", "what a status means, and who held the lock"],
    ['explain "SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0x8000020000000092" --host linux-6.16', "a log line as pasted"],
    ["explain - < dmesg.txt", "every status of a log"],
  ],
  configure(command) {
    command
      .argument("[words...]", "a status or a whole log line; `-` or nothing for lines on standard input")
      .option("--leaf <leaf>", "the leaf that returned it, where the line does not say")
      .addOption(moduleOption())
      .addOption(hostOption())
      .addOption(formatOption())
      .addOption(verboseOption());
  },
  async run(args, options, io) {
    const lines = await linesOf((args as unknown as readonly (readonly string[] | undefined)[])[0] ?? []);
    const catalog = await loadModule(options.module);
    const host = options.host === undefined ? {} : { host: (await loadHost(options.host)).profile };
    const leaf = options.leaf === undefined ? {} : { leaf: options.leaf };
    const others = options.module === undefined ? await otherVersions(catalog) : [];
    const document = explainLines(catalog, lines, { ...host, ...leaf, others });
    printDiagnostics(catalog, io, options.verbose === true);
    io.out(rendered(document, formatOf(options), { text: renderExplainText, markdown: renderExplainMarkdown }));
    return exitStatusOf(catalog);
  },
});

/** The bundled versions besides the default: an operator who gives none may not know that the answer depends on it. */
async function otherVersions({ module }: Catalog): Promise<readonly Catalog[]> {
  const others = await Promise.all(bundledModules().map((name) => loadModule(name)));
  return others.filter((other) => other.module.origin === "extracted" && other.module.version !== module.version);
}

/** Each argument that is a status stands for itself; other words are one line, as if it had been quoted. */
async function linesOf(words: readonly string[]): Promise<readonly string[]> {
  if (words.length > 0 && words.join(" ") !== "-") {
    const statuses = words.every((word) => /^(0x)?[0-9a-f_]{1,21}$/i.test(word));
    return statuses ? words : words.join(" ").split("\n");
  }
  const input = await readStdin();
  if (input === null) {
    throw new SeamlockError("SL0004", "there is nothing to explain", {
      hint: "give a status or a log line, or pipe a log into it",
    });
  }
  return input.split("\n");
}
