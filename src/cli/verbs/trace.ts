import { Option } from "commander";
import { type Catalog, resolveLeaf } from "../../catalog/index.ts";
import { SeamlockError } from "../../errors.ts";
import { renderRecordingMarkdown, renderRecordingText } from "../../report/index.ts";
import {
  Agree,
  type Culprits,
  Perfetto,
  Recording,
  type RecordingOptions,
  type Stated,
  statedIn,
  type TraceDocument,
} from "../../trace/index.ts";
import { agreementText } from "../agreement.ts";
import { readText } from "../files.ts";
import { hostFor, hostOption } from "../hosts.ts";
import { EXIT, type ExitStatus, type Io } from "../io.ts";
import { rendered } from "../json.ts";
import { bundledReleases, byVersion, loadModule } from "../modules.ts";
import { type Format, formatOf, moduleOption, wholeNumber } from "../options.ts";
import { readPieces } from "../trace-input.ts";
import { defineVerb } from "../verb.ts";

/** A picture has less than the recording. */
const LEFT_OUT = "SL7108";

interface Options {
  readonly module?: string;
  readonly host?: string;
  readonly format: Format | "perfetto";
  readonly json?: boolean;
  readonly window?: readonly [number, number];
  readonly vm?: string;
  readonly leaf?: string;
  readonly skew: number;
  readonly top: number;
  readonly known?: string;
}

export const verb = defineVerb<Options>({
  examples: [
    ["trace recording.txt", "what contended, who held it and for how long; `seamlock record` says how to record"],
    ["trace recording.txt --host linux-6.19", "whether anything was seen that this profile rules out"],
    ["trace recording.txt --window 12.5,12.6 --json", "a tenth of a second of it, as data"],
  ],
  configure(command) {
    command
      .argument("<file>", "a recording, or `-` for standard input")
      .addOption(moduleOption())
      .addOption(hostOption("what the recording states, else newest"))
      .option("--window <from,to>", "only this time, in seconds of the recording's clock", window)
      .option("--vm <td>", "only the TD that the recording names so")
      .option("--leaf <leaf>", "only BUSYs of this call, and its episodes")
      .option("--skew <ns>", "by how much the clocks of two CPUs may differ", wholeNumber(1e9), 0)
      .option("--top <n>", "how many BUSYs and episodes are told one by one", wholeNumber(100_000), 20)
      .option("--known <file>", "culprits that `simulate --record` wrote: how far the blame agrees with them")
      .addOption(
        new Option("-f, --format <format>", "form of the output; perfetto: for ui.perfetto.dev")
          .choices(["text", "markdown", "json", "perfetto"])
          .default("text"),
      );
  },
  async run([file = "-"], options, io) {
    try {
      return await traced(file, options, io);
    } catch (error) {
      throw error instanceof SeamlockError && file !== "-" && IN_THE_FILE.has(error.code) ? error.at({ file }) : error;
    }
  },
});

/** What is wrong with the recording itself. */
const IN_THE_FILE = new Set(["SL7002", "SL7003"]);

async function traced(file: string, options: Options, io: Io): Promise<ExitStatus> {
  const agree = options.known === undefined ? null : new Agree(await culprits(options.known));
  const perfetto = options.format === "perfetto" && options.json !== true ? new Perfetto() : null;
  let recording: Recording | null = null;
  io.handleInterrupt();
  const whole = await readPieces(
    file,
    async (piece) => {
      recording ??= new Recording(await recordingOptions(statedIn(piece), options, agree, perfetto, io));
      recording.push(piece);
    },
    io.signal,
  );
  recording ??= new Recording(await recordingOptions(NOTHING_STATED, options, agree, perfetto, io));
  const document = whole ? recording.finish() : finishedEarly(recording);
  if (document === null) return EXIT.interrupted;
  printDiagnostics(document, io);
  if (agree !== null) {
    const agreement = agree.result();
    io.out(
      options.json === true
        ? `${JSON.stringify({ schema: "seamlock/agreement@1", ...agreement }, null, 2)}\n`
        : agreementText(agreement),
    );
    return agreement.certainWrong > 0 ? EXIT.finding : EXIT.done;
  }
  if (perfetto !== null) {
    if (perfetto.left > 0)
      io.err(`warning[${LEFT_OUT}]: ${perfetto.left} events are left out
help: --window chooses a shorter time
`);
    io.out(`${JSON.stringify(perfetto.document())}
`);
  } else {
    const format = options.format === "perfetto" ? "json" : formatOf({ ...options, format: options.format });
    const { catalog } = recording;
    io.out(
      rendered(document, format, {
        text: (doc) => renderRecordingText(doc, catalog),
        markdown: (doc) => renderRecordingMarkdown(doc, catalog),
      }),
    );
  }
  return whole ? exitOf(document) : EXIT.interrupted;
}

const NOTHING_STATED: Stated = { kernel: null, module: null };

/** What a recording is read with: what was asked for, else what it states itself, else the newest; notes of the choice go to stderr. */
async function recordingOptions(
  stated: Stated,
  options: Options,
  agree: Agree | null,
  perfetto: Perfetto | null,
  io: Io,
): Promise<RecordingOptions> {
  const { catalog, notes: ofModule } = await moduleOf(options.module, stated.module);
  const { profile, notes: ofHost } = await hostFor(options.host, stated.kernel);
  if (agree === null) for (const note of [...ofModule, ...ofHost]) io.err(`note: ${note}\n`);
  return {
    catalog,
    ...(profile !== null && { host: profile }),
    ...(options.window !== undefined && { window: options.window }),
    ...(options.vm !== undefined && { td: options.vm }),
    ...(options.leaf !== undefined && { leaf: leafNamed(catalog, options.leaf) }),
    skew: options.skew,
    most: options.top,
    ...(perfetto !== null && { onCall: (call) => perfetto.call(call) }),
    onBlame: (blame) => {
      agree?.see(blame);
      perfetto?.blame(blame);
    },
  };
}

/** The module that was asked for, else the one that the recording states or the nearest before it, else the newest. */
async function moduleOf(
  asked: string | undefined,
  stated: string | null,
): Promise<{ readonly catalog: Catalog; readonly notes: readonly string[] }> {
  if (asked !== undefined) return { catalog: await loadModule(asked), notes: [] };
  if (stated === null) {
    const catalog = await loadModule(undefined);
    return { catalog, notes: [`The recording names no module: this is for ${catalog.module.version} (--module).`] };
  }
  const bundled = bundledReleases();
  const nearest = bundled.filter((name) => byVersion(name, stated) <= 0).at(-1) ?? bundled[0];
  const catalog = await loadModule(nearest);
  const notes =
    nearest === stated ? [] : [`The recording states module ${stated}, which is not bundled: this is for ${nearest}.`];
  return { catalog, notes };
}

/** A leaf in any of its spellings. */
const leafNamed = (catalog: Catalog, word: string): string => resolveLeaf(catalog, word)[0]?.name ?? word;

/** Of what was read until it was interrupted; null when that was nothing. */
function finishedEarly(recording: Recording): TraceDocument | null {
  try {
    return recording.finish(false);
  } catch (error) {
    if (error instanceof SeamlockError) return null;
    throw error;
  }
}

/** Codes of warnings after which something is not known: out of order, too much at once, no call at all. */
const UNKNOWN: ReadonlySet<string> = new Set(["SL7105", "SL7109", "SL7110"]);

function exitOf({ surprises, recording, busy, diagnostics }: TraceDocument): ExitStatus {
  if (surprises.length > 0) return EXIT.finding;
  if (diagnostics.some(({ code }) => UNKNOWN.has(code))) return EXIT.inconclusive;
  return recording.unread > 0 || (recording.lost > 0 && busy.count > 0) ? EXIT.inconclusive : EXIT.done;
}

function printDiagnostics({ diagnostics }: TraceDocument, io: Io): void {
  for (const { code, severity, message, line, hint } of diagnostics) {
    io.err(
      `${severity}[${code}]: ${message}${line === null ? "" : `\n  --> line ${line}`}${hint === null ? "" : `\nhelp: ${hint}`}\n`,
    );
  }
}

function window(text: string): readonly [number, number] {
  const [, from, to] = /^(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  const [a, b] = [Number(from) * 1e9, Number(to) * 1e9];
  if (from !== undefined && to !== undefined && a <= b) return [a, b];
  throw new SeamlockError("SL0004", `\`${text}\` is no window of time`, {
    hint: "give two times in seconds, as the recording has them: --window 12.5,12.6",
  });
}

async function culprits(file: string): Promise<Culprits> {
  const wrong = (): SeamlockError =>
    new SeamlockError("SL7006", `\`${file}\` has no known culprits`, {
      place: { file },
      hint: "give the file that `simulate --record … --culprits FILE` wrote",
    });
  let value: Partial<Culprits>;
  try {
    value = JSON.parse(await readText(file)) as Partial<Culprits>;
  } catch (error) {
    if (error instanceof SeamlockError) throw error;
    throw wrong();
  }
  if (value?.schema !== "seamlock/culprits@1" || !Array.isArray(value.busy)) throw wrong();
  return value as Culprits;
}
