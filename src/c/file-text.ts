/**
 * A source file's bytes as text. Its lines end in a newline alone, however they end in the file (a carriage return before it, or alone), and
 * no byte order mark begins it: what reads the text need not know of either. Lines keep their numbers.
 *
 * @param bytes UTF-8; what is none becomes U+FFFD
 */
export function fileText(bytes: Buffer): string {
  const text = bytes.toString("utf8").replace(/^\ufeff/, "");
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}
