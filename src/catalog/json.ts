/**
 * Finding places in JSON text: where it breaks, and where the value of a path stands.
 *
 * `JSON.parse` tells neither in a way that is the same in every engine, and a message without a place is of little use in a file of ten
 * thousand lines. jsonc-parser does; it runs only after something was found wrong.
 */
import { findNodeAtLocation, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";

/** A path into a JSON document, outermost first. */
export type JsonPath = readonly (string | number)[];

export interface JsonFault {
  readonly offset: number;
  /** What was found instead of JSON. */
  readonly message: string;
  /** True when the text ends where more was expected. */
  readonly truncated: boolean;
}

/** What is expected where the parser stops with such an error. */
const EXPECTED: Readonly<Record<string, string>> = {
  InvalidSymbol: "a value",
  InvalidNumberFormat: "a number",
  PropertyNameExpected: "a field name in double quotes",
  ValueExpected: "a value",
  ColonExpected: "':'",
  CommaExpected: "',' or the end of the list",
  CloseBraceExpected: "',' or '}'",
  CloseBracketExpected: "',' or ']'",
};

/** What is wrong with the token that the parser stops at, whatever was expected there. */
const WRONG: Readonly<Record<string, string>> = {
  EndOfFileExpected: "more text after the end of the document",
  InvalidCommentToken: "a comment, which JSON does not have",
  UnexpectedEndOfComment: "a comment, which JSON does not have",
  UnexpectedEndOfNumber: "a number that is not whole",
  InvalidUnicode: "a string with a bad character or escape",
  InvalidEscapeCharacter: "a string with a bad character or escape",
  InvalidCharacter: "a string with a bad character or escape",
};

/** The document's tree and what is wrong with the text; null when it is nested too deep for the parser. */
function read(text: string): { root: ReturnType<typeof parseTree>; errors: ParseError[] } | null {
  const errors: ParseError[] = [];
  try {
    const root = parseTree(text, errors, {
      disallowComments: true,
      allowTrailingComma: false,
      allowEmptyContent: false,
    });
    return { root, errors };
  } catch (error) {
    // The parser calls itself for every level.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Where and why `text` is not JSON; null when it is. */
export function findJsonFault(text: string): JsonFault | null {
  const result = read(text);
  if (result === null) return { offset: 0, message: "it is nested too deep", truncated: false };
  const [first] = result.errors;
  if (first === undefined) return null;
  const { offset, length } = first;
  const error = printParseErrorCode(first.error);
  const isInString = error === "UnexpectedEndOfString";
  // A string that is not closed ends with its line or with the text.
  const isAtEnd = offset + (isInString ? length : 0) >= text.trimEnd().length;
  if (isInString && isAtEnd) return { offset: text.length, message: "the text ends inside a string", truncated: true };
  if (isInString) return { offset, message: "a string that does not end on its line", truncated: false };
  const wrong = WRONG[error];
  if (wrong !== undefined) return { offset, message: wrong, truncated: false };
  const expected = `where ${EXPECTED[error] ?? "something else"} is expected`;
  return isAtEnd
    ? { offset: text.length, message: `the text ends ${expected}`, truncated: true }
    : { offset, message: `${JSON.stringify(text[offset])} ${expected}`, truncated: false };
}

/** The offset at which the value of `path` starts, or of its nearest existing ancestor. `text` must be JSON. */
export function locateJson(text: string, path: JsonPath): number {
  const root = read(text)?.root;
  if (root === undefined) return 0;
  for (let depth = path.length; depth > 0; depth--) {
    const node = findNodeAtLocation(root, path.slice(0, depth));
    if (node !== undefined) return node.offset;
  }
  return root.offset;
}

/** Line and column, both 1-based, of an offset. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - before.lastIndexOf("\n") };
}
