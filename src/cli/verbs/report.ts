import { type Catalog, resolveLeaf } from "../../catalog/index.ts";
import { SeamlockError } from "../../errors.ts";
import { buildReport, type ReportScope, renderReportMarkdown, renderReportText } from "../../report/index.ts";
import { loadAllow, reportUnaccepted } from "../allow.ts";
import { exitStatusOf, printDiagnostics } from "../diagnostics.ts";
import { allowOption, hostOption, loadHost } from "../hosts.ts";
import { rendered } from "../json.ts";
import { loadModule } from "../modules.ts";
import { resourceNamed } from "../names.ts";
import { collect, type Format, formatOf, formatOption, moduleOption, verboseOption } from "../options.ts";
import { defineVerb } from "../verb.ts";

interface Options {
  readonly module?: string;
  readonly host?: string;
  readonly allow?: string;
  readonly format: Format;
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
      .addOption(formatOption())
      .addOption(verboseOption());
  },
  async run(_args, options, io) {
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
    io.out(rendered(document, formatOf(options), { text: renderReportText, markdown: renderReportMarkdown }));
    const findings = allowed !== null && reportUnaccepted({ pairs: document.contention }, allowed, io);
    return findings || exitStatusOf(catalog);
  },
});

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
