/** The manual page, `man seamlock`, of the same facts as `--help`. */
import type { ArgumentFacts, OptionFacts, ProgramFacts, VerbFacts } from "./command-facts.ts";

/** Command lines of a verb without the program's name, with what each is for. */
export type Examples = Readonly<Record<string, readonly (readonly [command: string, purpose: string])[]>>;

/** The page in the man macros of roff, ending with a newline. */
export function manualPage(program: ProgramFacts, examples: Examples, notes: string): string {
  const { name, version, summary, options, verbs } = program;
  return [
    `.TH ${name.toUpperCase()} 1 "" "${name} ${escaped(version)}" "User Commands"`,
    section("NAME", `${name} \\- ${escaped(sentence(summary))}`),
    section("SYNOPSIS", `.B ${name}\n.I verb\n.RI [ options ]\n.RI [ arguments ]`),
    section("DESCRIPTION", paragraphs(notes)),
    section("OPTIONS OF EVERY VERB", options.map(optionText).join("\n")),
    section("VERBS", verbs.map((verb) => verbText(program, verb, examples[verb.name] ?? [])).join("\n")),
    "",
  ].join("\n");
}

const section = (title: string, body: string): string => `.SH ${title}\n${body}`;

/** `What contends …` without its full stop, as a list of pages wants it. */
const sentence = (text: string): string => text.replace(/\.$/, "");

const paragraphs = (text: string): string =>
  text
    .trim()
    .split("\n\n")
    .map((paragraph) => `.PP\n${escaped(paragraph)}`)
    .join("\n");

function verbText({ name }: ProgramFacts, verb: VerbFacts, examples: Examples[string]): string {
  const words = verb.arguments.map((one) => ` ${argumentName(one)}`).join("");
  return [
    `.SS "${name} ${verb.name}${escaped(words)}"`,
    escaped(`${verb.summary[0]?.toUpperCase() ?? ""}${verb.summary.slice(1)}.`),
    ...verb.arguments.map((one) => `.TP\n.I ${escaped(argumentName(one))}\n${escaped(one.summary)}`),
    ...verb.options.filter(({ long }) => long !== "--help").map(optionText),
    ".PP",
    "Examples:",
    ...examples.map(([command, purpose]) => `.TP\n.B ${escaped(`${name} ${command}`)}\n${escaped(purpose)}`),
  ].join("\n");
}

function argumentName({ name, required, variadic }: ArgumentFacts): string {
  const shown = `${name}${variadic ? "..." : ""}`;
  return required ? `<${shown}>` : `[${shown}]`;
}

function optionText({ short, long, value, summary, values }: OptionFacts): string {
  const flags = [short, long].filter((flag) => flag !== null).join(", ");
  const choices =
    Array.isArray(values) && values.length < 9 && !summary.includes(values[0] ?? "") ? ` (${values.join(", ")})` : "";
  return `.TP\n.B ${escaped(`${flags}${value === null ? "" : ` <${value}>`}`)}\n${escaped(`${summary}${choices}`)}`;
}

/** Text that roff prints as it stands. */
function escaped(text: string): string {
  return text
    .replaceAll("…", "...")
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll(/^([.'])/gm, "\\&$1")
    .replaceAll(/[^ -~\n]/gu, (character) => `\\[u${hex(character)}]`);
}

const hex = (character: string): string => (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
