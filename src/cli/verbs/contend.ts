import { type ContentionOptions, contention, hostContention } from "../../analysis/index.ts";
import type { Catalog } from "../../catalog/index.ts";
import type { HostProfile } from "../../host/index.ts";
import { hostLeaves, kvmLeaves, renderContendMarkdown, renderContendText, sarifOf } from "../../report/index.ts";
import { type AllowOptions, allowOptions, judgeOf } from "../allow.ts";
import { exitStatusOf, printDiagnostics, unresolvedIn } from "../diagnostics.ts";
import { chosenHost, hostOption, withoutPaths } from "../hosts.ts";
import { show } from "../io.ts";
import { jsonText } from "../json.ts";
import { loadModule } from "../modules.ts";
import { leavesNamed, opStateNamed, resourceNamed } from "../names.ts";
import { collect, type Format, formatOf, formatOption, moduleOption, verboseOption } from "../options.ts";
import { defineVerb } from "../verb.ts";

interface Options extends AllowOptions {
  readonly module?: string;
  readonly host?: string;
  readonly format: Format | "sarif";
  readonly opState?: string;
  readonly resource?: readonly string[];
  readonly without?: readonly string[];
  readonly all?: boolean;
  readonly verbose?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["contend tdh_mem_track", "what this call can meet, and where"],
    ["contend TDH.MEM.TRACK TDH.VP.ENTER", "these two calls only"],
    ["contend tdh_vp_enter --op-state RUNNABLE", "in one OP_STATE of the TD"],
    ["contend --host none --all tdh_mem_track", "by the module's rules alone, against every call"],
    ["contend --host 6.16 --fail-on vm-lost --without machine-check*", "exit 1 if a BUSY can end the VM"],
    ["contend --host 6.16 --format sarif", "for systems that scan code"],
    [
      "contend --host ./my-patch.yaml --allow ./accepted.yaml",
      "a regression check: exit 1 for a pair that is not accepted",
    ],
    ["contend --module 1.5.05 --json", "every pair of a version, for a program (seamlock/contend@1)"],
  ],
  configure(command) {
    command
      .argument("[leaf]", "a leaf in any spelling: tdh_mem_track, TDH.MEM.TRACK, 38, 0x26 (default: all)")
      .argument("[other]", "the leaf that it meets (default: all)")
      .addOption(moduleOption())
      .addOption(hostOption("newest"))
      .option("--op-state <state>", "only pairs that can meet in this OP_STATE")
      .option("--resource <resource>", "only pairs on this resource; may be given again", collect)
      .option("--all", "against every call, not only those that the host makes")
      .option("--without <path>", "leave out paths of the host, by name or pattern; may be given again", collect)
      .addOption(formatOption().choices(["text", "markdown", "json", "sarif"]))
      .addOption(verboseOption());
    for (const option of allowOptions()) command.addOption(option);
  },
  async run([leaf, other], options, io) {
    const catalog = await loadModule(options.module);
    const host = withoutPaths(await chosenHost(options.host), options.without ?? []);
    const judge = await judgeOf(options, host !== null);
    const selected = selection(catalog, host, leaf, other, options);
    const document = host === null ? contention(catalog, selected) : hostContention(catalog, host, selected);
    const asked = leaf === undefined ? [] : [...new Set(leavesNamed(catalog, leaf).map(({ name }) => name))];
    const calls = new Set(document.pairs.flatMap(({ a, b }) => [a, b]));
    printDiagnostics([catalog, unresolvedIn(host)], io, options.verbose === true, calls);
    const against = other === undefined ? [] : [...new Set(leavesNamed(catalog, other).map(({ name }) => name))];
    const layout = { catalog, asked, against, ...(host === null ? {} : { host }) };
    if (options.format === "sarif" && options.json !== true) io.out(jsonText(sarifOf(document, catalog, host)));
    else if (formatOf({ ...options, format: options.format === "sarif" ? "json" : options.format }) === "json") {
      io.out(jsonText(document));
    } else {
      const render = options.format === "markdown" ? renderContendMarkdown : renderContendText;
      show(io, render(document, layout));
    }
    return judge(document, io) || exitStatusOf(catalog, host);
  },
});

/** What is asked for, among the calls of the host, or of KVM, unless all are wanted. */
function selection(
  catalog: Catalog,
  host: HostProfile | null,
  leaf: string | undefined,
  other: string | undefined,
  { opState, resource, all }: Options,
): ContentionOptions {
  const inScope = host === null ? kvmLeaves(catalog) : hostLeaves(catalog, host);
  const leaves = leaf === undefined ? null : leavesNamed(catalog, leaf);
  const against = other === undefined ? null : leavesNamed(catalog, other);
  const scope = all === true ? null : inScope;
  return {
    ...(leaves === null && scope === null ? {} : { leaves: leaves ?? scope ?? [] }),
    ...(against === null && scope === null ? {} : { against: against ?? [...(scope ?? []), ...(leaves ?? [])] }),
    ...(opState === undefined ? {} : { opState: opStateNamed(catalog, opState) }),
    ...(resource === undefined ? {} : { resources: resource.map((word) => resourceNamed(catalog, word)) }),
  };
}
