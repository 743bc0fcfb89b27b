import { spawn } from "node:child_process";
import { release as ownRelease } from "node:os";
import { SeamlockError } from "../../errors.ts";
import { didYouMean } from "../../text.ts";
import { NEWEST_RELEASE, type Recorder, recorder, TOOLS, type Tool } from "../../trace/index.ts";
import { EXIT, type ExitStatus, type Io } from "../io.ts";
import { jsonText } from "../json.ts";
import { wholeNumber } from "../options.ts";
import { defineVerb } from "../verb.ts";

/** The release is newer than what the commands were read for. */
const NEWER = "SL7007";

interface Options {
  readonly kernel?: string;
  readonly tool: Tool;
  readonly seconds: number;
  readonly to: string;
  readonly run?: boolean;
  readonly json?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["record --kernel 7.3", "a script to read, copy to the host and run there as root"],
    ["record --kernel 6.16 --tool trace-cmd", "the same by function_graph, where bpftrace is not at hand"],
    ["record --seconds 10 --to ten-seconds.txt", "another time, another file"],
  ],
  configure(command) {
    command
      .option(
        "--kernel <release>",
        `what \`uname -r\` prints on the host (default: ${NEWEST_RELEASE}; with --run: this one)`,
      )
      .option("--tool <tool>", TOOLS.join(", "), tool, "bpftrace")
      .option("--seconds <n>", "for how long", wholeNumber(86_400, 1), 60)
      .option("--to <file>", "file that the recording goes to", "recording.txt")
      .option("--run", "run the commands instead of printing them; as root only");
  },
  async run(_args, options, io) {
    const release = options.kernel ?? (options.run ? ownRelease() : NEWEST_RELEASE);
    const made = recorder({ tool: options.tool, release, seconds: options.seconds, output: options.to });
    if (!made.known) {
      io.err(
        `warning[${NEWER}]: Linux ${release} is newer than ${NEWEST_RELEASE}, the newest that was read: if a probe fails, its function has changed\n`,
      );
    }
    if (options.run) return runScript(made, io);
    io.out(options.json ? jsonText({ schema: "seamlock/record@1", ...made }) : made.script);
    return EXIT.done;
  },
});

function tool(text: string): Tool {
  const found = TOOLS.find((name) => name === text);
  if (found !== undefined) return found;
  throw new SeamlockError("SL0004", `there is no recorder \`${text}\``, {
    hint: didYouMean(text, TOOLS, `there are ${TOOLS.join(", ")}`),
  });
}

/** @throws SeamlockError SL7008 when this is not root, or the commands fail */
async function runScript({ script }: Recorder, io: Io): Promise<ExitStatus> {
  if (process.getuid?.() !== 0) {
    throw new SeamlockError("SL7008", "only root can record", {
      hint: "run `seamlock record` without --run, read what it prints, and run that as root",
    });
  }
  const child = spawn("/bin/sh", ["-s"], { stdio: ["pipe", "inherit", "inherit"] });
  child.stdin.end(script);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", resolve);
  });
  if (io.signal.aborted) return EXIT.interrupted;
  if (status === 0) return EXIT.done;
  throw new SeamlockError("SL7008", `the recorder ended with status ${status}`, {
    hint: "its own messages stand above; docs/recordings.md says what it needs",
  });
}
