/** `host extract` and `host check`: profiles of kernel trees. */
import { SeamlockError } from "../errors.ts";
import { compareHosts, type HostDifference, type HostProfile, serializeHost } from "../host/index.ts";
import { diagnosticsIn, printDiagnostics } from "./diagnostics.ts";
import { checkWritable, readText, writeWhole } from "./files.ts";
import { loadHost } from "./hosts.ts";
import { EXIT, type ExitStatus, type Io } from "./io.ts";
import { jsonText } from "./json.ts";

export interface ExtractOptions {
  readonly output?: string;
  readonly rules?: string;
  readonly explain?: string;
  readonly cache: boolean;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

/** `host extract TREE`: exit 3 when something stayed unresolved. */
export async function extracted(tree: string, options: ExtractOptions, io: Io): Promise<ExitStatus> {
  // An unusable output is found before the work, not after it.
  if (options.output !== undefined) checkWritable(options.output);
  const profile = await profileOf(tree, options);
  printDiagnostics(diagnosticsIn(profile), io, options.verbose === true);
  if (options.output !== undefined) writeWhole(options.output, serializeHost(profile));
  if (options.explain !== undefined) io.out(await explained(profile, options.explain, tree));
  else if (options.json === true) io.out(jsonText(profile));
  else if (options.output !== undefined) io.out(summary(profile));
  else io.out(serializeHost(profile));
  return statusOf(profile);
}

/** `host check PROFILE TREE`: exit 1 on a difference, else 3 when something stayed unresolved. */
export async function checked(
  name: string,
  tree: string | undefined,
  options: ExtractOptions,
  io: Io,
): Promise<ExitStatus> {
  if (tree === undefined) {
    throw new SeamlockError("SL0004", "check needs a profile and a kernel tree", {
      hint: `\`seamlock host check ${name} path/to/linux\``,
    });
  }
  const { profile } = await loadHost(name);
  const shown = await profileOf(tree, options);
  const found = diagnosticsIn(shown);
  printDiagnostics(found, io, options.verbose === true);
  const differences = compareHosts(profile, shown);
  if (options.json === true) {
    const { diagnostics } = found;
    const document = {
      schema: "seamlock/host-check@1",
      host: profile.name,
      tree: shown.name,
      differences,
      diagnostics,
    };
    io.out(jsonText(document));
  } else {
    io.out(differences.map(differenceText).join(""));
    io.out(differences.length === 0 ? `${profile.name} states what ${shown.name} shows, and no more\n` : "");
  }
  return differences.length > 0 ? EXIT.finding : statusOf(shown);
}

async function profileOf(tree: string, { rules, cache }: ExtractOptions): Promise<HostProfile> {
  const { defaultCacheDir, extractHost, parseKernelRules } = await import("../kernel/index.ts");
  const own = rules === undefined ? {} : { rules: parseKernelRules(await readText(rules), rules) };
  return extractHost(tree, { ...own, cacheDir: cache ? defaultCacheDir() : null }).profile;
}

function statusOf({ extracted: made }: HostProfile): ExitStatus {
  return made?.diagnostics.some((d) => d.severity !== "note") === true ? EXIT.inconclusive : EXIT.done;
}

async function explained(profile: HostProfile, words: string, tree: string): Promise<string> {
  const { explainSteps } = await import("../kernel/index.ts");
  const texts = explainSteps(profile, words, tree);
  if (texts.length > 0) return texts.join("\n");
  throw new SeamlockError("SL3403", `no path of ${profile.name} has a SEAMCALL that \`${words}\` names`, {
    hint: `give part of a path's name and a SEAMCALL; paths are ${profile.paths.map((path) => path.name).join(", ")}`,
  });
}

function summary({ name, paths }: HostProfile): string {
  const steps = paths.reduce((count, path) => count + path.steps.length, 0);
  return `${name}: ${paths.length} paths with ${steps} calls\n`;
}

function differenceText({ side, path, text, file, line }: HostDifference): string {
  const place = file === null ? "" : ` (${file}:${line})`;
  return `${side === "stated" ? "only stated" : "only shown"}: ${path}: ${text}${place}\n`;
}
