import { Option } from "commander";
import { SeamlockError } from "../../errors.ts";
import { renderRecordingMarkdown, renderRecordingText } from "../../report/index.ts";
import { Agree, type Culprits, Perfetto, Recording, type TraceDocument } from "../../trace/index.ts";
import { agreementText } from "../agreement.ts";
import { readText } from "../files.ts";
import { hostOption, loadHost } from "../hosts.ts";
import { EXIT, type ExitStatus, type Io } from "../io.ts";
import { rendered } from "../json.ts";
import { loadModule } from "../modules.ts";
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
    ["trace recording.txt --host linux-6.19", "whether anything was seen that the host profile rules out"],
    ["trace recording.txt --window 12.5,12.6 --json", "a tenth of a second of it, as data"],
  ],
  configure(command) {
    command
      .argument("<file>", "a recording, or `-` for standard input")
      .addOption(moduleOption())
      .addOption(hostOption())
      .option("--window <from,to>", "only this time, in seconds of the recording's clock", window)
      .option("--vm <td>", "only the TD that the recording names so")
      .option("--leaf <leaf>", "only BUSYs of this call")
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
    const catalog = await loadModule(options.module);
    const host = options.host === undefined ? null : (await loadHost(options.host)).profile;
    const agree = options.known === undefined ? null : new Agree(await culprits(options.known));
    const perfetto = options.format === "perfetto" && options.json !== true ? new Perfetto() : null;
    const recording = new Recording({
      catalog,
      ...(host !== null && { host }),
      ...(options.window !== undefined && { window: options.window }),
      ...(options.vm !== undefined && { td: options.vm }),
      ...(options.leaf !== undefined && { leaf: options.leaf }),
      skew: options.skew,
      most: options.top,
      ...(perfetto !== null && { onCall: (call) => perfetto.call(call) }),
      onBlame: (blame) => {
        agree?.see(blame);
        perfetto?.blame(blame);
      },
    });
    io.handleInterrupt();
    const whole = await readPieces(
      file,
      (text) => recording.push(text),
      () => io.signal.aborted,
    );
    const document = recording.finish();
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
      io.out(rendered(document, format, { text: renderRecordingText, markdown: renderRecordingMarkdown }));
    }
    return whole ? exitOf(document) : EXIT.interrupted;
  },
});

function exitOf({ surprises, recording, busy }: TraceDocument): ExitStatus {
  if (surprises.length > 0) return EXIT.finding;
  return recording.unread > 0 || (recording.lost > 0 && busy.count > 0) ? EXIT.inconclusive : EXIT.done;
}

function printDiagnostics({ diagnostics }: TraceDocument, io: Io): void {
  for (const { code, severity, message, line } of diagnostics) {
    io.err(`${severity}[${code}]: ${message}${line === null ? "" : `\n  --> line ${line}`}\n`);
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
