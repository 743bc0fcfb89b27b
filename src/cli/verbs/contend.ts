import { type ContentionOptions, contention, hostContention } from "../../analysis/index.ts";
import { type Catalog, resolveLeaf } from "../../catalog/index.ts";
import { renderContendMarkdown, renderContendText } from "../../report/index.ts";
import { type AllowOptions, allowOptions, judgeAccepted } from "../allow.ts";
import { exitStatusOf, printDiagnostics } from "../diagnostics.ts";
import { hostOption, loadHost } from "../hosts.ts";
import { rendered } from "../json.ts";
import { loadModule } from "../modules.ts";
import { opStateNamed, resourceNamed } from "../names.ts";
import { collect, type Format, formatOf, formatOption, moduleOption, verboseOption } from "../options.ts";
import { defineVerb } from "../verb.ts";

interface Options extends AllowOptions {
  readonly module?: string;
  readonly host?: string;
  readonly format: Format;
  readonly opState?: string;
  readonly resource?: readonly string[];
  readonly verbose?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["contend tdh_mem_track", "what this call can meet, and where"],
    ["contend TDH.MEM.TRACK TDH.VP.ENTER", "these two calls only"],
    ["contend tdh_vp_enter --op-state RUNNABLE", "in one OP_STATE of the TD"],
    ["contend --host linux-6.16 tdh_mem_track", "what a hypervisor's own locks leave of it, path by path"],
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
      .addOption(hostOption())
      .option("--op-state <state>", "only pairs that can meet in this OP_STATE")
      .option("--resource <resource>", "only pairs on this resource; may be given again", collect)
      .addOption(formatOption())
      .addOption(verboseOption());
    for (const option of allowOptions()) command.addOption(option);
  },
  async run([leaf, other], options, io) {
    const catalog = await loadModule(options.module);
    const selected = selection(catalog, leaf, other, options);
    const host = options.host === undefined ? null : (await loadHost(options.host)).profile;
    const document = host === null ? contention(catalog, selected) : hostContention(catalog, host, selected);
    printDiagnostics(catalog, io, options.verbose === true);
    io.out(rendered(document, formatOf(options), { text: renderContendText, markdown: renderContendMarkdown }));
    return (await judgeAccepted(document, options, io)) || exitStatusOf(catalog);
  },
});

function selection(
  catalog: Catalog,
  leaf: string | undefined,
  other: string | undefined,
  { opState, resource }: Options,
): ContentionOptions {
  return {
    ...(leaf === undefined ? {} : { leaves: resolveLeaf(catalog, leaf) }),
    ...(other === undefined ? {} : { against: resolveLeaf(catalog, other) }),
    ...(opState === undefined ? {} : { opState: opStateNamed(catalog, opState) }),
    ...(resource === undefined ? {} : { resources: resource.map((word) => resourceNamed(catalog, word)) }),
  };
}
