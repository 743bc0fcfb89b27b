import { Option } from "commander";
import { SeamlockError } from "../errors.ts";
import type { CommonOptions } from "./verb.ts";

/** Options that several verbs share, so that they read the same everywhere. */
export function moduleOption(): Option {
  return new Option(
    "-m, --module <module>",
    "bundled version, lkml-2024-09-13, or path of a catalog or a source tree (default: newest)",
  );
}

export function verboseOption(): Option {
  return new Option("--verbose", "print notes as well as errors and warnings");
}

export function outputOption(what: string): Option {
  return new Option("-o, --output <file>", `write ${what} to a file, whole or not at all`);
}

export type Format = "text" | "markdown" | "json";

export function formatOption(): Option {
  return new Option("-f, --format <format>", "form of the output")
    .choices(["text", "markdown", "json"])
    .default("text");
}

/** `--json` is `--format json`, under the name that every verb has. */
export function formatOf(options: CommonOptions & { readonly format: Format }): Format {
  return options.json ? "json" : options.format;
}

/** For an option that may be given more than once. */
export function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}

/**
 * Reads the value of an option that is a whole number, in decimal digits and nothing else.
 *
 * @throws SeamlockError SL0004
 */
export function wholeNumber(most = Number.MAX_SAFE_INTEGER, least = 0): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new SeamlockError("SL0004", `\`${text}\` is no whole number from ${least} to ${most}`, {
      hint: "give decimal digits only",
    });
  };
}
