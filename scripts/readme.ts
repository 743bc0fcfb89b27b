import { chosenHost } from "../src/cli/hosts.ts";
import { loadModule } from "../src/cli/modules.ts";
import { buildReport, renderReportText } from "../src/report/index.ts";

const BLOCK = /(<!-- report: [^\n]*-->\n).*?(<!-- \/report -->)/s;

/** The most that a first screen has room for. */
const LINES = 26;

/** The README with the opening of the report that its first command prints. */
export async function withReport(readme: string): Promise<string> {
  const host = await chosenHost(undefined);
  const document = buildReport(await loadModule(), host === null ? {} : { host });
  const lines = renderReportText(document).split("\n");
  const end = lines.findIndex((line, i) => i > 0 && line.startsWith("=== ") && !line.includes("TL;DR"));
  const opening = lines.slice(0, Math.min(end, LINES));
  const excerpt = [...opening.join("\n").trimEnd().split("\n"), "[...]"].map((line) => `    ${line}`.trimEnd());
  return readme.replace(BLOCK, (_block, start, stop) => `${start}\n${excerpt.join("\n")}\n\n${stop}`);
}
