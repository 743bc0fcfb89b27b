/** Recordings are read as bytes: V8 takes several times as long for a character of a text as for an element of an array. */

export const NO_BYTES = new Uint8Array(0);

/** So many characters are made at once. */
const PIECE = 1 << 12;

/** A text's characters up to 0xff, a byte each; others become `?`. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    bytes[i] = code > 0xff ? 63 : code;
  }
  return bytes;
}

/** The text between two places, a character for each byte. */
export function textOf(bytes: Uint8Array, from: number, end: number): string {
  let text = "";
  for (let at = from; at < end; at += PIECE) {
    text += String.fromCharCode.apply(null, bytes.subarray(at, Math.min(end, at + PIECE)) as unknown as number[]);
  }
  return text;
}

/** Does a word stand at a place, and end by another one? */
export function stands(word: Uint8Array, bytes: Uint8Array, at: number, end: number): boolean {
  const { length } = word;
  if (at + length > end) return false;
  for (let i = 0; i < length; i++) if (word[i] !== bytes[at + i]) return false;
  return true;
}
