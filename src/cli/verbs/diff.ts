import {
  accountFor,
  contendingPairs,
  diffCatalogs,
  diffHosts,
  hasDifferences,
  hostsDiffer,
} from "../../analysis/index.ts";
import type { Catalog, Leaf } from "../../catalog/index.ts";
import { SeamlockError } from "../../errors.ts";
import type { HostProfile } from "../../host/index.ts";
import {
  type DiffOptions,
  hostLeaves,
  kvmLeaves,
  narrowedDiff,
  narrowedHostDiff,
  renderAccountMarkdown,
  renderAccountText,
  renderDiffMarkdown,
  renderDiffText,
  renderHostDiffMarkdown,
  renderHostDiffText,
} from "../../report/index.ts";
import { diagnosticsIn, exitStatusOf, printDiagnostics, unresolvedIn } from "../diagnostics.ts";
import { publishedExplanations } from "../explanations.ts";
import { isHost, isTree, loadProfile, namedHost } from "../hosts.ts";
import { EXIT, type ExitStatus, type Io, show } from "../io.ts";
import { jsonText } from "../json.ts";
import { isModule, loadModule } from "../modules.ts";
import { leavesNamed, resourceNamed } from "../names.ts";
import { collect, type Format, formatOf, formatOption, verboseOption } from "../options.ts";
import { type CommonOptions, defineVerb } from "../verb.ts";

interface Options {
  readonly module?: string;
  readonly host?: string;
  readonly leaf?: readonly string[];
  readonly resource?: readonly string[];
  readonly all?: boolean;
  readonly format: Format;
  readonly verbose?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["diff 1.5.16 1.5.20", "facts that changed between two versions, and the contentions that follow"],
    ["diff lkml-2024-09-13 1.5.05", "the published hand-made table against the source: each difference explained"],
    ["diff linux-6.16 linux-6.19", "what a series of patches to a hypervisor changed, closed and opened"],
    ["diff 1.5.05 1.5.25 --leaf tdh_vp_enter --host 6.19", "of one call, as far as a host lets it happen"],
    ["diff 1.5.25 ./module.json --json", "against a catalog of your own, for a program (seamlock/diff@1)"],
  ],
  configure(command) {
    command
      .argument("<before>", "module, named as for --module; or host, named as for --host")
      .argument("<after>", "another of the same kind")
      .option("-m, --module <module>", "for two hosts: the module under them (default: newest)")
      .option(
        "--host <host>",
        "for two modules: only its calls, and contentions that it leaves possible, with what they end in",
      )
      .option("--leaf <leaf>", "only this call, or a pattern; may be given again", collect)
      .option("--resource <resource>", "only this resource or lock; may be given again", collect)
      .option("--all", "also releases, statuses, PAMT entries above pages, and every condition")
      .addOption(formatOption())
      .addOption(verboseOption());
  },
  async run([before = "", after = ""], options, io) {
    // A module and a host may have one name in short: `1.5` is none of either, `6.17` only a host.
    if (!isModule(before) && (isHost(before) || isHost(after))) return diffOfHosts(before, after, options, io);
    if (isHost(after) && !isModule(after)) return diffOfHosts(before, after, options, io);
    if (options.module !== undefined) {
      throw new SeamlockError("SL0004", "--module is for two hosts", { hint: "the two modules are named already" });
    }
    const [a, b] = [await loadModule(before), await loadModule(after)];
    const host = (await namedHost(options.host)) ?? undefined;
    printDiagnostics(before === after ? a : [a, b], io, options.verbose === true, aboutCalls([a, b], host, options));
    const different = await showModules(a, b, host, options, io);
    // A difference between facts with holes may be one of the holes.
    const inDoubt = exitStatusOf(a) || exitStatusOf(b);
    if (inDoubt !== EXIT.done) return inDoubt;
    return different ? EXIT.finding : EXIT.done;
  },
});

/** Prints what differs, of the calls and resources that are asked for, or of a host's calls. Does anything? */
async function showModules(
  a: Catalog,
  b: Catalog,
  host: HostProfile | undefined,
  options: Options & CommonOptions,
  io: Io,
): Promise<boolean> {
  const asked = askedOf(a, b, options);
  const made = host === undefined || options.all === true ? null : callsOf([a, b], host);
  const leaves = asked?.leaves ?? made;
  const about = { ...asked, ...(leaves === null ? {} : { leaves }), ...(asked === null ? {} : { asked }) };
  const whole = diffCatalogs(a, b, host);
  const diff = narrowedDiff(whole, about);
  const form = formatOf(options);
  const published = a.module.origin === "published" && b.module.origin === "extracted" && asked === null;
  const explanations =
    published && form !== "json" ? await publishedExplanations(a.module.version, b.module.version) : null;
  if (form === "json") {
    io.out(jsonText(diff));
  } else if (explanations !== null) {
    const account = accountFor(whole, explanations);
    const explained = { diff: whole, account, explanations, pairs: contendingPairs(b) };
    show(io, form === "text" ? renderAccountText(explained) : renderAccountMarkdown(explained));
    return hasDifferences(whole);
  } else {
    const shown = { ...about, all: options.all === true };
    show(io, form === "text" ? renderDiffText(diff, shown) : renderDiffMarkdown(diff, shown));
  }
  return hasDifferences(diff);
}

/** The calls and resources that are asked for; null where none are. */
function askedOf(a: Catalog, b: Catalog, { leaf, resource }: Options): NonNullable<DiffOptions["asked"]> | null {
  if (leaf === undefined && resource === undefined) return null;
  const either = { ...b, leaves: [a, b].flatMap(({ leaves }) => leaves) };
  return {
    ...(leaf === undefined ? {} : { leaves: namesOf(either, leaf) }),
    ...(resource === undefined ? {} : { resources: resource.map((word) => resourceNamed(either, word)) }),
  };
}

const callsOf = (catalogs: readonly Catalog[], host: HostProfile): readonly string[] => [
  ...new Set(catalogs.flatMap((one) => hostLeaves(one, host)).map(({ name }) => name)),
];

/** The calls that a difference is about: those asked for, or those that the host makes. */
function aboutCalls(
  catalogs: readonly Catalog[],
  host: HostProfile | undefined,
  { leaf }: Options,
): ReadonlySet<string> {
  const [first] = catalogs;
  if (leaf !== undefined && first !== undefined) {
    return new Set(namesOf({ ...first, leaves: catalogs.flatMap(({ leaves }) => leaves) }, leaf));
  }
  // A table that was published has the calls that KVM uses, and no others.
  const isPublished = catalogs.some(({ module }) => module.origin === "published");
  const all = (one: Catalog): readonly Leaf[] => (isPublished ? kvmLeaves(one) : one.leaves);
  const made = catalogs.flatMap((one) => (host === undefined ? all(one) : hostLeaves(one, host)));
  return new Set(made.map(({ name }) => name));
}

function namesOf(catalog: Catalog, words: readonly string[]): readonly string[] {
  return [...new Set(words.flatMap((word) => leavesNamed(catalog, word).map(({ name }) => name)))];
}

async function diffOfHosts(
  before: string,
  after: string,
  options: Options & CommonOptions,
  io: Io,
): Promise<ExitStatus> {
  for (const name of [before, after]) {
    if (!isModule(name)) continue;
    throw new SeamlockError("SL0004", `\`${name}\` is a module, and the other one is a host`, {
      hint: "name two modules, or two hosts and maybe --module",
    });
  }
  if (options.host !== undefined) {
    throw new SeamlockError("SL0004", "--host is for two modules", { hint: "the two hosts are named already" });
  }
  if (options.all === true) {
    throw new SeamlockError("SL0004", "--all is for two modules", { hint: "of two hosts every difference is told" });
  }
  const [a, b] = [await loadProfile(before), await loadProfile(after)];
  const catalog = await loadModule(options.module);
  const called = new Set([a, b].flatMap((host) => hostLeaves(catalog, host)).map(({ name }) => name));
  // Of a tree of one's own also the notes, as `host extract` has them; those of a bundled profile were read by others.
  const of = (name: string, host: HostProfile) => (isTree(name) ? diagnosticsIn(host) : unresolvedIn(host));
  const trees = before === after ? [of(before, a)] : [of(before, a), of(after, b)];
  printDiagnostics([catalog, ...trees], io, options.verbose === true, called);
  const asked = askedOf(catalog, catalog, options);
  const document = narrowedHostDiff(diffHosts(catalog, a, b), asked ?? {});
  const form = formatOf(options);
  const facts = { catalog, before: a, after: b, ...asked };
  if (form === "json") io.out(jsonText(document));
  else show(io, form === "text" ? renderHostDiffText(document, facts) : renderHostDiffMarkdown(document, facts));
  return hostsDiffer(document) ? EXIT.finding : exitStatusOf(catalog, a, b);
}
