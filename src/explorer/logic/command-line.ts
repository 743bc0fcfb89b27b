import { shellWord } from "../../text.ts";

/** A command for a POSIX shell: words, then options; an empty option is left out. */
export function commandLine(
  words: readonly string[],
  options: Readonly<Record<string, string | number | undefined>>,
): string {
  const given = Object.entries(options).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [`--${name}`, String(value)],
  );
  return [...words, ...given].map(shellWord).join(" ");
}
