/** Control characters but tab and the end of a line, and the marks that turn the direction of text. */
const UNPRINTABLE = /(?![\t\n])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/**
 * A text that cannot command a terminal: what comes from a source tree, a profile or a log is shown, as `\x1b` or `\u202e`, and not obeyed.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (c) => {
    const code = c.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}
