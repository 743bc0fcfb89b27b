import { Option } from "commander";

/** Options that several verbs share, so that they read the same everywhere. */
export function moduleOption(): Option {
  return new Option(
    "-m, --module <module>",
    "bundled version, lkml-2024-09-13, or path of a catalog file (default: newest)",
  );
}

export function verboseOption(): Option {
  return new Option("--verbose", "print notes as well as errors and warnings");
}

export function outputOption(what: string): Option {
  return new Option("-o, --output <file>", `write ${what} to a file, whole or not at all`);
}
