import { Command, CommanderError, Option } from "commander";
import { version } from "../../package.json";
import { SeamlockError } from "../errors.ts";
import { didYouMean } from "../text.ts";
import { errorText } from "./error-text.ts";
import { EXIT, type ExitStatus, type Io, show, tellProgress } from "./io.ts";
import { printable } from "./printable.ts";
import { VERBS } from "./registry.ts";
import type { AnyVerb } from "./verb.ts";

const EXAMPLES = [
  ["report", "the lock status report of the newest module version"],
  ["report --module 1.5.05 --leaf tdh_mem_track", "the rows of one call, for one version"],
  ["contend tdh_mem_track", "what can make this call return BUSY"],
  ["diff 1.5.05 1.5.25", "what changed from one version to another"],
  ["extract path/to/tdx-module -o module.json", "the facts about a source tree of your own"],
] as const;

/** What holds for every verb. */
export const NOTES = `A module is a bundled version (1.5.05), lkml-2024-09-13 (the published hand-made
table) or a path to a catalog file.

Exit status: 0 done or no difference, 1 a finding, 2 usage or input error,
3 something stayed unresolved, 130 interrupted.`;

/**
 * Runs one command line.
 *
 * @param argv the arguments after the program's name
 * @returns the exit status; errors are printed, not thrown
 */
export async function run(argv: readonly string[], io: Io): Promise<ExitStatus> {
  try {
    return await dispatch(argv, {
      ...io,
      out: (text) => io.out(printable(text)),
      page: (text) => show(io, printable(text)),
      err: (text) => io.err(printable(text)),
      progress: (text) => tellProgress(io, text),
    });
  } catch (error) {
    const known = error instanceof SeamlockError ? error : internalError(error, io.env);
    io.err(errorText(known, wantsColor(argv, io)));
    return EXIT.usage;
  }
}

/** The command line with every verb's own options and arguments: what completions and the manual page are made of. */
export async function wholeProgram(io: Pick<Io, "out">): Promise<Command> {
  const program = rootCommand(io);
  for (const [name, entry] of Object.entries(VERBS)) {
    configure(program.command(name).description(entry.summary), (await entry.load()).verb);
  }
  return program;
}

async function dispatch(argv: readonly string[], io: Io): Promise<ExitStatus> {
  let status: ExitStatus = EXIT.done;
  refuseJoinedFlags(argv);
  const program = rootCommand(io);
  const wanted = argv.find((arg) => Object.hasOwn(VERBS, arg));
  refuseUnknownTopic(argv);
  for (const [name, entry] of Object.entries(VERBS)) {
    const command = program.command(name).description(entry.summary);
    if (name !== wanted) continue;
    const { verb } = await entry.load();
    configure(command, verb);
    command.action(async () => {
      refuseTwoForms(command);
      status = await verb.run(command.processedArgs, command.opts(), io, () => wholeProgram(io));
    });
  }
  try {
    await program.parseAsync(argv.length === 0 ? ["--help"] : argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageError(error, program, argv);
  }
  return status;
}

/** Commander takes `-Vx` for `-V -x` and prints the version before it looks at the rest. */
function refuseJoinedFlags(argv: readonly string[]): void {
  const end = argv.indexOf("--");
  const joined = argv.slice(0, end < 0 ? argv.length : end).find((arg) => /^-V./.test(arg));
  if (joined === undefined) return;
  throw new SeamlockError("SL0003", `unknown option \`${joined}\``, {
    hint: "the version is printed by `seamlock --version`",
  });
}

/** `--json` is a form too: of two that are asked for, one would be left aside. */
function refuseTwoForms(command: Command): void {
  const { json, format } = command.opts<{ json?: boolean; format?: string }>();
  if (json !== true || command.getOptionValueSource("format") !== "cli" || format === "json") return;
  throw new SeamlockError("SL0004", `--json and --format ${format} cannot be used together`, {
    hint: "give one of them",
  });
}

function rootCommand(io: Pick<Io, "out">): Command {
  const program = new Command("seamlock");
  return program
    .description("What contends with what inside the Intel TDX module.")
    .version(version, "-V, --version", "print the version")
    .addOption(new Option("--color <when>", "colour of messages").choices(["auto", "always", "never"]).default("auto"))
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [verb]", "print the help of a verb")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: () => {}, outputError: () => {} })
    .showSuggestionAfterError(false)
    .exitOverride()
    .addHelpText("before", examplesText(EXAMPLES))
    .addHelpText("after", `\n${NOTES}`);
}

function configure(command: Command, verb: AnyVerb): void {
  command
    .option("--json", "write one JSON document to standard output")
    .addHelpText("before", examplesText(verb.examples));
  verb.configure(command);
  for (const option of command.options) nameInErrors(option);
}

/** What is wrong with an option's value is told with the option's name. */
function nameInErrors(option: Option): void {
  const { parseArg, long } = option;
  if (parseArg === undefined || long === undefined) return;
  option.argParser((text: string, earlier: unknown) => {
    try {
      return parseArg(text, earlier);
    } catch (error) {
      if (!(error instanceof SeamlockError) || error.message.includes(long)) throw error;
      throw new SeamlockError(error.code, `${long}: ${error.message}`, {
        cause: error,
        ...(error.hint !== null && { hint: error.hint }),
      });
    }
  });
}

function examplesText(examples: readonly (readonly [string, string])[]): string {
  const lines = examples.map(([command, purpose]) => `  # ${purpose}\n  seamlock ${command}\n`);
  return `Examples:\n${lines.join("\n")}`;
}

/** What commander found wrong, in our words: a code, and the nearest spelling that would have been right. */
function usageError(error: CommanderError, program: Command, argv: readonly string[]): SeamlockError {
  const verb = argv.find((arg) => Object.hasOwn(VERBS, arg));
  const help = `\`seamlock ${verb === undefined ? "" : `${verb} `}--help\` shows what it takes`;
  const message = error.message.replace(/^error: /, "");
  const word = /'([^']*)'/.exec(message)?.[1] ?? "";
  switch (error.code) {
    case "commander.unknownCommand":
      return unknownVerb(word);
    case "commander.unknownOption":
      return new SeamlockError("SL0003", `unknown option \`${word}\``, {
        hint: didYouMean(word.replace(/=.*$/, ""), optionFlags(program, verb), help),
      });
    default: {
      const choices = /Allowed choices are (.*?)\.?$/.exec(message)?.[1]?.split(", ") ?? [];
      const value = /'([^']*)' is invalid/.exec(message)?.[1] ?? "";
      return new SeamlockError("SL0004", message.replace(/\.$/, ""), { hint: didYouMean(value, choices, help) });
    }
  }
}

/** `help explan`, `explan --help`: commander would print the whole program's help. */
function refuseUnknownTopic([first, topic]: readonly string[]): void {
  const asksHelp = topic === "--help" || topic === "-h";
  if (asksHelp && first !== undefined && !first.startsWith("-") && first !== "help" && !Object.hasOwn(VERBS, first))
    throw unknownVerb(first);
  if (first !== "help" || topic === undefined || topic.startsWith("-")) return;
  if (topic !== "help" && !Object.hasOwn(VERBS, topic)) throw unknownVerb(topic);
}

function unknownVerb(word: string): SeamlockError {
  return new SeamlockError("SL0002", `unknown verb \`${word}\``, {
    hint: didYouMean(word, Object.keys(VERBS), "`seamlock --help` lists the verbs"),
  });
}

function optionFlags(program: Command, verb: string | undefined): string[] {
  const command = program.commands.find((candidate) => candidate.name() === verb) ?? program;
  const flags = [program, command].flatMap((source) => source.options.map((option) => option.long ?? ""));
  return [...flags, "--help"];
}

/** A defect of seamlock itself. The stack trace is for its authors, so it is shown on request only. */
export function internalError(error: unknown, env: Io["env"]): SeamlockError {
  const shown = error instanceof Error ? error.message : String(error);
  const stack = env["DEBUG"] && error instanceof Error ? `\n${error.stack}` : "";
  return new SeamlockError("SL0001", `this is a bug in seamlock: ${shown}${stack}`, {
    cause: error,
    hint: "run it again with DEBUG=1 in the environment and report what it prints",
  });
}

function wantsColor(argv: readonly string[], io: Io): boolean {
  const at = argv.findIndex((arg) => arg === "--color" || arg.startsWith("--color="));
  const when = argv[at] === "--color" ? argv[at + 1] : argv[at]?.slice("--color=".length);
  if (when === "always") return true;
  return when !== "never" && !io.env["NO_COLOR"] && io.env["TERM"] !== "dumb" && io.errIsTerminal;
}
