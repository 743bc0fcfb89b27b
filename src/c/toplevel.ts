/**
 * What stands at a file's top level: definitions of functions, objects with an initializer in braces, and names of types that are defined in
 * braces. Found by brace depth, a cheap pass, so that only what matters is parsed.
 */

const KEYWORDS = new Set(["if", "while", "for", "switch", "return", "sizeof", "do", "else", "case", "defined"]);

/** A function definition. */
export interface TopLevel {
  readonly name: string;
  readonly line: number;
  readonly headStart: number;
  readonly headLine: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
}

/** An object that is defined with an initializer in braces. */
export interface TopObject {
  readonly name: string;
  /** What stands before the name: type and qualifiers. */
  readonly type: string;
  readonly isArray: boolean;
  readonly line: number;
  /** Offsets of the initializer, braces included. */
  readonly start: number;
  readonly end: number;
}

/** Finds definitions in preprocessed text. */
export function scanTopLevel(text: string): { functions: TopLevel[]; objects: TopObject[]; types: string[] } {
  const functions: TopLevel[] = [];
  const types: string[] = [];
  let isTypedef = false;
  const objects: TopObject[] = [];
  let object: Pick<TopObject, "name" | "type" | "isArray"> | null = null;
  let depth = 0;
  let headStart = 0;
  let headLine = 1;
  let open = -1;
  let openLine = 1;
  let name: string | null = null;
  let line = 1;
  const startHead = (at: number) => {
    headStart = at;
    headLine = line;
  };
  let nameLine = 1;
  const pattern = /["'{};\n]/g;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const at = match.index;
    switch (match[0]) {
      case "\n":
        line++;
        break;
      case '"':
      case "'":
        pattern.lastIndex = endOfLiteral(text, at);
        break;
      case "{":
        if (depth === 0) {
          const head = text.slice(headStart, at);
          isTypedef = /^\s*typedef\b/.test(head);
          name = definedName(head);
          object = name === null ? definedObject(head) : null;
          openLine = line;
          if (name !== null) nameLine = line - countNewlines(head, head.indexOf(name));
          open = at;
        }
        depth++;
        break;
      case "}":
        depth = Math.max(0, depth - 1);
        if (depth === 0) {
          if (name !== null && !KEYWORDS.has(name))
            functions.push({ name, line: nameLine, headStart, headLine, bodyStart: open, bodyEnd: at + 1 });
          if (object !== null) objects.push({ ...object, line: openLine, start: open, end: at + 1 });
          name = null;
          object = null;
          startHead(at + 1);
        }
        break;
      default:
        if (depth > 0) break;
        if (isTypedef) types.push(...declaredTypes(text.slice(headStart, at)));
        isTypedef = false;
        startHead(at + 1);
    }
  }
  return { functions, objects, types };
}

/** The names in what stands between a closing brace and a semicolon: `name, *other, third[2]`. */
function declaredTypes(text: string): string[] {
  return text.split(",").flatMap((part) => /(\w+)\s*(?:\[[^\]]*\]\s*)*$/.exec(part.slice(-300))?.[1] ?? []);
}

/** The object that `type name = ` or `type name[] = ` begins to define; null when that is no such head. */
function definedObject(head: string): Pick<TopObject, "name" | "type" | "isArray"> | null {
  const match = /(\w+)\s*(\[[^\]]*\]\s*)*=\s*$/.exec(head);
  if (match === null) return null;
  return { name: match[1] as string, type: head.slice(0, match.index).trim(), isArray: match[2] !== undefined };
}

/** The function that `type name(parameters)` defines: the last parentheses are the parameters. Null when that is no such head. */
function definedName(head: string): string | null {
  const end = head.trimEnd();
  if (!end.endsWith(")")) return null;
  let depth = 0;
  for (let i = end.length - 1; i >= 0; i--) {
    const c = end.charCodeAt(i);
    if (c === 41) depth++;
    else if (c === 40 && --depth === 0) {
      const name = /(\w+)\s*$/.exec(end.slice(Math.max(0, i - 200), i))?.[1];
      return name === undefined || end.slice(0, i).includes("=") ? null : name;
    }
  }
  return null;
}

function endOfLiteral(text: string, start: number): number {
  const quote = text[start];
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === quote || text[i] === "\n") return i + 1;
  }
  return text.length;
}

function countNewlines(text: string, from: number): number {
  let count = 0;
  for (let i = text.indexOf("\n", from); i >= 0; i = text.indexOf("\n", i + 1)) count++;
  return count;
}
