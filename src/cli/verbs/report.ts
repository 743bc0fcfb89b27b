import { Option } from "commander";
import type { Catalog, Leaf, Site } from "../../catalog/index.ts";
import { SeamlockError } from "../../errors.ts";
import type { HostProfile } from "../../host/index.ts";
import { buildReport, type ReportScope, renderReportMarkdown, renderReportText } from "../../report/index.ts";
import { type AllowOptions, allowOptions, judgeOf } from "../allow.ts";
import { exitStatusOf, printDiagnostics, unresolvedIn } from "../diagnostics.ts";
import { checkWritable, writeWhole } from "../files.ts";
import { chosenHost, hostOption, laterKernels, needsHost, withoutPaths } from "../hosts.ts";
import { EXIT, type ExitStatus, type Io, show } from "../io.ts";
import { jsonText } from "../json.ts";
import { loadModule } from "../modules.ts";
import { leavesNamed, resourceNamed } from "../names.ts";
import {
  collect,
  type Format,
  formatOf,
  formatOption,
  moduleOption,
  outputOption,
  verboseOption,
  wholeNumber,
} from "../options.ts";
import { sourceReader } from "../source-lines.ts";
import { type CommonOptions, defineVerb } from "../verb.ts";

interface Options extends AllowOptions {
  readonly module?: string;
  readonly host?: string;
  readonly format: Format | "html";
  readonly output?: string;
  readonly all?: boolean;
  readonly leaf?: readonly string[];
  readonly resource?: readonly string[];
  readonly without?: readonly string[];
  readonly phase?: "build" | "runtime" | "teardown";
  readonly exceptional?: boolean;
  readonly pamt?: boolean;
  readonly evidence?: boolean;
  readonly tree?: string;
  readonly quote?: boolean;
  readonly width?: number;
  readonly verbose?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["report", "the newest module under the newest kernel: what contends, what KVM should do"],
    ["report --module 1.5.05 --host linux-6.16", "for one version and one kernel"],
    ["report --module 1.5.05 --host none --all", "every call of one version, without a host"],
    ["report --resource secure_ept_lock", "one lock: its users, rows, pairs and conclusion"],
    ["report --leaf tdh_mem_* --resource SEPT_TREE --quote", "some calls on one lock, for a reply to a mail"],
    ["report --leaf tdh_mem_track --evidence", "one call, with the source lines that say so"],
    [
      "report --format html -o report.html",
      "the explorer as one file, with every version and host, to attach to a mail",
    ],
  ],
  configure(command) {
    command.addOption(moduleOption()).addOption(hostOption("newest"));
    command
      .option("--all", "every leaf, not only those that the host uses")
      .option("--leaf <leaf>", "only this leaf, in any spelling, or a pattern; may be given again", collect)
      .option("--resource <resource>", "only this resource or lock and its users; may be given again", collect)
      .addOption(
        new Option("--phase <phase>", "only what can happen in this part of a TD's life").choices([
          "build",
          "runtime",
          "teardown",
        ]),
      )
      .option("--exceptional", "only what ordinary operation does not meet")
      .option("--without <path>", "leave out paths of the host, by name or pattern; may be given again", collect)
      .option("--pamt", "show the PAMT entries above pages, too")
      .option("--evidence", "conditions in the source's terms, and the source lines of every row")
      .option("--tree <folder>", "the module's source tree, to show the lines themselves with --evidence")
      .option("--quote", "as lines of a mail that is quoted")
      .option("--width <columns>", "columns of the text, 60 to 200 (default: 80)", wholeNumber(200, 60));
    for (const option of allowOptions()) command.addOption(option);
    command
      .addOption(formatOption().choices(["text", "markdown", "json", "html"]))
      .addOption(outputOption("the report"))
      .addOption(verboseOption());
  },
  async run(_args, options, io) {
    const { output, json, format } = options;
    if (output !== undefined) checkWritable(output);
    if (format === "html" && json !== true) return page(options, io);
    const catalog = await loadModule(options.module);
    const host = withoutPaths(await chosenHost(options.host), options.without ?? []);
    const ofHost = (["phase", "exceptional"] as const).find((name) => options[name] !== undefined);
    if (host === null && ofHost !== undefined) throw needsHost(ofHost);
    const scope = scopeOf(catalog, host, options);
    const judge = await judgeOf(options, host !== null);
    const document = buildReport(catalog, {
      ...(host === null ? {} : { host, later: await laterKernels(host.name) }),
      ...(scope === null ? {} : { scope }),
      ...(options.phase !== undefined && { phase: options.phase }),
      verdicts: json === true || format === "json",
      evidence: options.evidence === true,
      pamt: options.pamt === true,
      exceptional: options.exceptional === true,
    });
    printDiagnostics([catalog, unresolvedIn(host)], io, options.verbose === true, shownLeaves(document.leaves));
    const form = formatOf({ ...options, format: format === "html" ? "json" : format });
    const content = rendered(document, form, options);
    if (output === undefined) show(io, content);
    else writeWhole(output, content);
    const findings = judge({ pairs: document.contention, host: document.host }, io);
    return findings || exitStatusOf(catalog, host);
  },
});

function rendered(document: ReturnType<typeof buildReport>, form: Format, { quote, width, tree }: Options): string {
  if (form === "json") return jsonText(document);
  const line: ((site: Site) => string | null) | null = tree === undefined ? null : sourceReader(tree);
  const layout = {
    ...(quote === undefined ? {} : { quote }),
    ...(width === undefined ? {} : { width }),
    ...(line === null ? {} : { sourceLine: line }),
  };
  return form === "text" ? renderReportText(document, layout) : renderReportMarkdown(document, layout);
}

/** The functions that the report is about: notes on others help nobody who reads it. */
function shownLeaves(leaves: readonly Pick<Leaf, "name">[]): ReadonlySet<string> {
  return new Set(leaves.map(({ name }) => name));
}

/** The explorer as one file; it shows every call, so what narrows a report does not apply. Loaded only here. */
async function page(options: Options & CommonOptions, io: Io): Promise<ExitStatus> {
  const narrowing = (
    [
      "all",
      "leaf",
      "resource",
      "allow",
      "writeAllow",
      "failOn",
      "tree",
      "evidence",
      "pamt",
      "without",
      "phase",
      "exceptional",
      "quote",
      "width",
    ] as const
  ).find((name) => options[name] !== undefined);
  if (narrowing !== undefined) {
    throw new SeamlockError(
      "SL0004",
      `--${narrowing.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} cannot be used with --format html`,
      {
        hint: "the page shows every call with its source lines, and filters them itself",
      },
    );
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

function scopeOf(catalog: Catalog, host: HostProfile | null, { all, leaf, resource }: Options): ReportScope | null {
  if (all === true && leaf !== undefined) {
    throw new SeamlockError("SL0004", "--all and --leaf cannot be used together", { hint: "give one of them" });
  }
  const resources = resource?.map((word) => resourceNamed(catalog, word));
  if (leaf !== undefined) {
    const leaves = [...new Set(leaf.flatMap((word) => leavesNamed(catalog, word)))];
    return { kind: "leaves", leaves, ...(resources === undefined ? {} : { resources }) };
  }
  if (resources !== undefined) {
    return { kind: "resources", resources, all: all === true, ...(host === null ? {} : { host }) };
  }
  return all === true ? { kind: "all" } : null;
}
