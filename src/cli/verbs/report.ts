import { type Catalog, resolveLeaf } from "../../catalog/index.ts";
import { SeamlockError } from "../../errors.ts";
import { buildReport, type ReportScope, renderReportMarkdown, renderReportText } from "../../report/index.ts";
import { loadAllow, reportUnaccepted } from "../allow.ts";
import { exitStatusOf, printDiagnostics } from "../diagnostics.ts";
import { checkWritable, writeWhole } from "../files.ts";
import { allowOption, hostOption, loadHost } from "../hosts.ts";
import { EXIT, type ExitStatus, type Io } from "../io.ts";
import { rendered } from "../json.ts";
import { loadModule } from "../modules.ts";
import { resourceNamed } from "../names.ts";
import { collect, type Format, formatOf, formatOption, moduleOption, outputOption, verboseOption } from "../options.ts";
import { type CommonOptions, defineVerb } from "../verb.ts";

interface Options {
  readonly module?: string;
  readonly host?: string;
  readonly allow?: string;
  readonly format: Format | "html";
  readonly output?: string;
  readonly all?: boolean;
  readonly leaf?: readonly string[];
  readonly resource?: readonly string[];
  readonly evidence?: boolean;
  readonly verbose?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["report", "the calls that KVM uses and the guest's page calls, newest version"],
    ["report --module 1.5.05 --all", "every call of one version"],
    ["report --host linux-6.16", "with a conclusion: what KVM's own locks avoid, and what remains"],
    ["report --leaf tdh_mem_track --evidence", "one call, with the source lines that say so"],
    ["report --resource SEPT_TREE --format markdown", "one lock and its users, for a wiki page"],
    [
      "report --format html -o report.html",
      "the explorer as one file, with every version and host, to attach to a mail",
    ],
  ],
  configure(command) {
    command
      .addOption(moduleOption())
      .addOption(hostOption())
      .addOption(allowOption())
      .option("--all", "every leaf, not only those that KVM uses")
      .option("--leaf <leaf>", "only this leaf, in any spelling; may be given again", collect)
      .option("--resource <resource>", "only this resource and its users; may be given again", collect)
      .option("--evidence", "the source lines of every row")
      .addOption(formatOption().choices(["text", "markdown", "json", "html"]))
      .addOption(outputOption("the report"))
      .addOption(verboseOption());
  },
  async run(_args, options, io) {
    const { output, json, format } = options;
    if (output !== undefined) checkWritable(output);
    if (format === "html" && json !== true) return page(options, io);
    const catalog = await loadModule(options.module);
    const host = options.host === undefined ? null : (await loadHost(options.host)).profile;
    const scope = scopeOf(catalog, options);
    const document = buildReport(catalog, {
      ...(host === null ? {} : { host }),
      ...(scope === null ? {} : { scope }),
      evidence: options.evidence === true,
    });
    const allowed = options.allow === undefined ? null : await loadAllow(options.allow);
    printDiagnostics(catalog, io, options.verbose === true);
    const form = formatOf({ ...options, format: format === "html" ? "json" : format });
    const content = rendered(document, form, { text: renderReportText, markdown: renderReportMarkdown });
    if (output === undefined) io.out(content);
    else writeWhole(output, content);
    const findings = allowed !== null && reportUnaccepted({ pairs: document.contention }, allowed, io);
    return findings || exitStatusOf(catalog);
  },
});

/** The explorer as one file; it shows every call, so what narrows a report does not apply. Loaded only here. */
async function page(options: Options & CommonOptions, io: Io): Promise<ExitStatus> {
  const narrowing = (["all", "leaf", "resource", "allow", "evidence"] as const).find(
    (name) => options[name] !== undefined,
  );
  if (narrowing !== undefined) {
    throw new SeamlockError("SL0004", `--${narrowing} cannot be used with --format html`, {
      hint: "the page shows every call with its source lines, and filters them itself",
    });
  }
  const [{ explorerData }, { oneFile }] = await Promise.all([
    import("../explorer-data.ts"),
    import("../../explorer/index.ts"),
  ]);
  const data = await explorerData(options.module, options.host);
  const html = oneFile(data);
  if (options.output === undefined) io.out(html);
  else writeWhole(options.output, html);
  return EXIT.done;
}

function scopeOf(catalog: Catalog, { all, leaf, resource }: Options): ReportScope | null {
  const given = [all && "--all", leaf && "--leaf", resource && "--resource"].filter(Boolean);
  if (given.length > 1) {
    throw new SeamlockError("SL0004", `${given.join(" and ")} cannot be used together`, { hint: "give one of them" });
  }
  if (leaf !== undefined) return { kind: "leaves", leaves: leaf.flatMap((word) => resolveLeaf(catalog, word)) };
  if (resource !== undefined) {
    return { kind: "resources", resources: resource.map((word) => resourceNamed(catalog, word)) };
  }
  return all === true ? { kind: "all" } : null;
}
