import { type ExplainDocument, explainLog, type LogReading, logReader, returners } from "../../analysis/index.ts";
import type { Catalog } from "../../catalog/index.ts";
import { SeamlockError } from "../../errors.ts";
import type { HostProfile } from "../../host/index.ts";
import { hostLeaves, renderExplainMarkdown, renderExplainText } from "../../report/index.ts";
import { exitStatusOf, printDiagnostics, unresolvedIn } from "../diagnostics.ts";
import { askedModule, moduleFor, namesFrom } from "../explain-module.ts";
import { statOf, takeStandardInput } from "../files.ts";
import { hostFor, hostOption } from "../hosts.ts";
import { EXIT } from "../io.ts";
import { rendered } from "../json.ts";
import { fileInput, type LogInput, readLines, stdinInput } from "../log-input.ts";
import { bundledReleases, readBundled } from "../modules.ts";
import { type Format, formatOf, formatOption, moduleOption, verboseOption } from "../options.ts";
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
    ["explain - < dmesg.txt", "every status of a log; also `explain dmesg.txt`, `journalctl -k | seamlock explain`"],
  ],
  configure(command) {
    command
      .argument("[words...]", "a status, a log line or a file; `-` or nothing for a log on standard input")
      .option("--leaf <leaf>", "the leaf that returned it, where the line does not say")
      .addOption(moduleOption())
      .addOption(hostOption("what the input states, else newest"))
      .addOption(formatOption())
      .addOption(verboseOption());
  },
  async run(args, options, io) {
    const words = (args as unknown as readonly (readonly string[] | undefined)[])[0] ?? [];
    const asked = await askedModule(options.module);
    const reader = logReader(namesFrom(asked));
    const input = inputOf(words);
    let isWhole = true;
    if ("stream" in input) isWhole = await readLines(input, io, (line) => reader.push(line));
    else for (const line of input) reader.push(line);
    const reading = reader.result();
    if (!isWhole && reading.groups.length === 0) return EXIT.interrupted;
    const { catalog, notes, isStated } = moduleFor(asked, reading, options.leaf);
    const host = await hostFor(options.host, reading.kernel);
    const document = placed(input, words, () =>
      explainLog(catalog, reading, {
        ...(host.profile === null ? {} : { host: host.profile }),
        ...(options.leaf === undefined ? {} : { leaf: options.leaf }),
        // Whoever interrupts wants what there is, soon.
        others: isStated || !isWhole ? [] : otherVersions(catalog),
        assumptions: [...notes, ...host.notes, ...(isWhole ? [] : [interruptedAfter(reading)])],
      }),
    );
    printDiagnostics(
      [catalog, unresolvedIn(host.profile)],
      io,
      options.verbose === true,
      explainedCalls(document, catalog, host.profile),
    );
    io.out(rendered(document, formatOf(options), { text: renderExplainText, markdown: renderExplainMarkdown }));
    return isWhole ? exitStatusOf(catalog, host.profile) : EXIT.interrupted;
  },
});

/** Where nothing was found: the file, or that a word which looks like one names none. */
function placed<T>(input: readonly string[] | LogInput, words: readonly string[], explained: () => T): T {
  try {
    return explained();
  } catch (error) {
    if (!(error instanceof SeamlockError) || error.code !== "SL3301") throw error;
    if ("stream" in input) throw input.file === null ? error : error.at({ file: input.file });
    const [word = ""] = words;
    if (words.length > 1 || !/^\S*(?:\/|\.(?:txt|log|out)$)\S*$/.test(word)) throw error;
    throw new SeamlockError(error.code, `${error.message}, and no file \`${word}\``, {
      cause: error,
      ...(error.hint !== null && { hint: error.hint }),
    });
  }
}

const interruptedAfter = ({ lines }: LogReading): string =>
  `Interrupted: only the first ${lines.read} lines were read, and other versions of the module were not compared.`;

/** The calls that an explanation is about: who returned the statuses, and where that is not said, who can of those that the host makes. */
function explainedCalls(document: ExplainDocument, catalog: Catalog, host: HostProfile | null): ReadonlySet<string> {
  const made = host === null ? null : new Set(hostLeaves(catalog, host).map(({ name }) => name));
  const calls = [document, ...document.others].flatMap((one) =>
    returners(one).filter((name) => one.leaves.length === 0 || made === null || made.has(name)),
  );
  return new Set(calls);
}

/** Each argument that is a status stands for itself; a file is read; other words are one line, as if it had been quoted. */
function inputOf(words: readonly string[]): readonly string[] | LogInput {
  const [first] = words;
  if (first !== undefined && (words.length > 1 || first !== "-")) {
    const kind = words.length === 1 ? kindOf(first) : null;
    if (kind === "file") return fileInput(first);
    const statuses = words.every((word) => /^(0x)?[0-9a-f_]{1,21}$/i.test(word));
    if (kind === "folder" && !statuses) throw folder(first);
    return statuses ? words : words.join(" ").split("\n");
  }
  takeStandardInput();
  const input = stdinInput();
  if (input === null) {
    throw new SeamlockError("SL0004", "there is nothing to explain", {
      hint: "give a status or a log line, or pipe a log into it",
    });
  }
  return input;
}

/**
 * What a word names, if it names something that could be meant. A line of a log is a name that no file can have, or that none has.
 *
 * @throws SeamlockError SL0006 for what is there and cannot be looked at
 */
function kindOf(word: string): "file" | "folder" | null {
  const canBeName = word.length <= 4096 && word.split("/").every((part) => Buffer.byteLength(part) <= 255);
  if (!canBeName || /[\n\0]/.test(word)) return null;
  const stat = statOf(word);
  if (stat?.isDirectory()) return "folder";
  return stat !== undefined && (stat.isFile() || stat.isFIFO()) ? "file" : null;
}

function folder(path: string): SeamlockError {
  return new SeamlockError("SL0006", `\`${path}\` is a directory, not a log`, {
    place: { file: path },
    hint: "name the log in it; or pipe text into `seamlock explain -`, if that word is the line to explain",
  });
}

/** The bundled versions besides one, each read when it is asked for: an operator who gives none may not know that the answer depends on it. */
function otherVersions({ module }: Catalog): readonly (() => Catalog)[] {
  return bundledReleases()
    .filter((name) => name !== module.version)
    .map((name) => () => readBundled(name));
}
