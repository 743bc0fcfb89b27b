/**
 * Makes docs/conclusions.md: what each bundled state of KVM leaves possible, on the module that the mail of 2024-09-13 speaks of and on the
 * newest, and what opened and closed from each kernel to the next.
 *
 *     npm run conclusions
 *
 * What is concluded is computed; what was found by following it in the source is written by hand, in docs/conclusions-notes.md, whose
 * headings are hosts.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { diffHosts } from "../src/analysis/index.ts";
import type { Catalog } from "../src/catalog/index.ts";
import { bundledHosts, bundledKernels, loadProfile } from "../src/cli/hosts.ts";
import { bundledReleases, loadModule } from "../src/cli/modules.ts";
import type { HostProfile } from "../src/host/index.ts";
import { buildReport, type ReportDocument, renderHostDiffMarkdown } from "../src/report/index.ts";

const root = join(import.meta.dirname, "..");
export const OUT = "docs/conclusions.md";
/** What the mail's table was made of. */
const MAIL = "1.5.05";

/** Bodies of the notes by the host that their heading names, with the words after the name. */
function notesOf(text: string): ReadonlyMap<string, { readonly title: string; readonly body: string }> {
  const parts = text.split(/^## /m).slice(1);
  return new Map(
    parts.map((part) => {
      const end = part.indexOf("\n");
      const title = part.slice(0, end);
      return [title.split(":")[0] ?? "", { title, body: part.slice(end).trim() }];
    }),
  );
}

const cell = (content: string): string => content.replaceAll("|", "\\|");
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
const indented = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join("\n");

/** Every resource on a line, every host a column: whether anything is left, and in which part of a VM's life. */
function glance(reports: readonly (readonly [string, ReportDocument])[]): string {
  const resources = [...new Set(reports.flatMap(([, doc]) => doc.hostVerdicts.map(({ resource }) => resource)))];
  const verdict = ({ hostVerdicts, conclusionRows }: ReportDocument, resource: string): string => {
    const found = hostVerdicts.find((one) => one.resource === resource);
    if (found === undefined || found.verdict === "no-conflict") return "-";
    if (found.verdict === "avoided") return "avoided";
    const sections = new Set(conclusionRows.filter((one) => one.resource === resource).map(({ section }) => section));
    const ordinary = [...sections].filter((section) => section !== "exceptional" && section !== "late");
    return ordinary.length > 0 ? ordinary.join(", ") : sections.has("late") ? "late only" : "exceptional only";
  };
  const head = ["", ...reports.map(([name]) => name)];
  return [
    row(head),
    row(head.map(() => "---")),
    ...resources.map((resource) => row([resource, ...reports.map(([, doc]) => verdict(doc, resource))])),
  ].join("\n");
}

function changes(catalog: Catalog, before: HostProfile, after: HostProfile): string {
  const options = { catalog, before, after };
  const text = renderHostDiffMarkdown(diffHosts(catalog, before, after), options);
  // Its title becomes a heading of this page, its own headings one level less.
  return text.replaceAll(/^(#+) /gm, "##$1 ").trim();
}

/** The page; throws when a note names no bundled host. */
export async function conclusionsDoc(notesText: string): Promise<string> {
  const newest = bundledReleases().at(-1);
  if (newest === undefined) throw new Error("no module is bundled");
  const [ofMail, ofNewest] = await Promise.all([loadModule(MAIL), loadModule(newest)]);
  const kernels = bundledKernels();
  const names = [...bundledHosts().filter((name) => !kernels.includes(name)), ...kernels];
  const profiles = await Promise.all(names.map(loadProfile));
  const notes = notesOf(notesText);
  const others = [...notes.keys()].filter((name) => !names.includes(name));
  const rest = notes.get("On other versions of the module");
  if (rest === undefined || others.length !== 1) throw new Error(`notes on what is not bundled: ${others.join(", ")}`);
  const reported = (catalog: Catalog): (readonly [string, ReportDocument])[] =>
    profiles.map((host) => [host.name, buildReport(catalog, { host })] as const);
  const [mail, latest] = [reported(ofMail), reported(ofNewest)];
  const sections = profiles.flatMap((profile, i) => {
    const note = notes.get(profile.name);
    const before = kernels.includes(profile.name) ? profiles[i - 1] : undefined;
    const follows = before !== undefined && kernels.includes(before.name);
    return [
      `## ${note?.title ?? profile.name}`,
      indented(mail[i]?.[1].conclusion ?? []),
      note?.body ?? "",
      follows ? changes(ofNewest, before, profile) : "",
    ];
  });
  return `${[
    "# Conclusions: what each state of KVM leaves possible",
    "Made by `npm run conclusions` from the bundled profiles and catalogs; what was found by following a conclusion in the source is written by hand, in docs/conclusions-notes.md.",
    `The mail of 2024-09-13 ends: "Current KVM code should have avoided contentions of resources (1)-(4),(8), while (5),(6),(7) are still possible to
meet contention." Here is the same conclusion, computed for each bundled state of KVM with

    seamlock report --module VERSION --host HOST

whose last section lists every remaining way with its paths, locks and reactions. A resource is possible if any two places of the hypervisor, or
one and the guest, can be there at once; "build" is between KVM_TDX_INIT_VM and KVM_TDX_FINALIZE_VM, "exceptional" what ordinary operation does
not meet, such as a machine check, "-" that no two of its calls conflict there. The profiles of 2024 are written by hand, those of kernels are
extracted from their source.`,
    `On module ${MAIL}:`,
    glance(mail),
    `On module ${newest}:`,
    glance(latest),
    `Below, each is concluded on module ${MAIL}; what opened and closed from a kernel to the next is told on ${newest}.`,
    ...sections,
    `## ${rest.title}`,
    rest.body,
  ]
    .filter((part) => part !== "")
    .join("\n\n")}\n`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(join(root, OUT), await conclusionsDoc(readFileSync(join(root, "docs/conclusions-notes.md"), "utf8")));
}
