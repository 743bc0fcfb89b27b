import { Option } from "commander";
import type { CommonOptions } from "./verb.ts";

/** Options that several verbs share, so that they read the same everywhere. */
export function moduleOption(): Option {
  return new Option(
    "-m, --module <module>",
    "bundled version, lkml-2024-09-13, or path of a catalog (default: newest)",
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
