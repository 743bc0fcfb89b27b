/**
 * Expressions as a person writes them in C: with the parentheses that the operators need, and no others.
 */

/** How tightly a binary operator binds: a larger number binds tighter. */
const PRECEDENCE: Readonly<Record<string, number>> = {
  "*": 10,
  "/": 10,
  "%": 10,
  "+": 9,
  "-": 9,
  "<<": 8,
  ">>": 8,
  "<": 7,
  ">": 7,
  "<=": 7,
  ">=": 7,
  "==": 6,
  "!=": 6,
  "&": 5,
  "^": 4,
  "|": 3,
  "&&": 2,
  "||": 1,
  "?": 0,
};
const UNARY = 11;

/** A binary operator after an operand; `->` is none. */
const OPERATOR = /\s*(<<|>>|<=|>=|==|!=|&&|\|\||->|[-*/%+<>&^|?])/y;

/** What a character is at the start of an operand or at its end, by its code; other characters are neither. */
const KIND: readonly ("opening" | "closing" | "sign" | "word" | undefined)[] = Array.from(
  { length: 128 },
  (_, code) => {
    const c = String.fromCharCode(code);
    if ("([{".includes(c)) return "opening";
    if (")]}".includes(c)) return "closing";
    if ("-!~*&".includes(c)) return "sign";
    return /\w/.test(c) ? "word" : undefined;
  },
);

/** Of expressions seen lately: most are part of several others. */
const known = new Map<string, number>();
const MOST_KNOWN = 10_000;

/** How tightly the loosest operator of an expression binds; infinity where it has none. */
function tightness(text: string): number {
  let result = known.get(text);
  if (result === undefined) {
    result = readTightness(text);
    if (known.size === MOST_KNOWN) known.clear();
    known.set(text, result);
  }
  return result;
}

function readTightness(text: string): number {
  let loosest = Number.POSITIVE_INFINITY;
  let depth = 0;
  let afterOperand = false;
  for (let i = 0; i < text.length; i++) {
    const c = KIND[text.charCodeAt(i)];
    if (c === "opening") depth++;
    else if (c === "closing") depth--;
    if (depth > 0) continue;
    if (!afterOperand && c === "sign") loosest = Math.min(loosest, UNARY);
    if (c === "word" || c === "closing") afterOperand = true;
    if (!afterOperand) continue;
    // Most of a text is the inside of words.
    if (KIND[text.charCodeAt(i + 1)] === "word") continue;
    OPERATOR.lastIndex = i + 1;
    const operator = OPERATOR.exec(text);
    if (operator === null) continue;
    i = OPERATOR.lastIndex - 1;
    if (operator[1] === "->") continue;
    loosest = Math.min(loosest, PRECEDENCE[operator[1] as string] ?? 0);
    afterOperand = false;
  }
  return loosest;
}

const enclosed = (text: string): string => `(${text})`;

/** `left op right`; a right operand of the same tightness keeps its parentheses. */
export function binaryText(op: string, left: string, right: string): string {
  const own = PRECEDENCE[op] ?? 0;
  return `${tightness(left) < own ? enclosed(left) : left} ${op} ${tightness(right) <= own ? enclosed(right) : right}`;
}

/** `op operand`, without a space. */
export function unaryText(op: string, operand: string): string {
  return `${op}${tightness(operand) < UNARY ? enclosed(operand) : operand}`;
}

/** An expression that a member access or an index follows. */
export function baseText(text: string): string {
  return tightness(text) <= UNARY ? enclosed(text) : text;
}

/** All of some conditions, or any of them: where both stand together, the inner ones have parentheses. */
export function joinedText(op: "&&" | "||", parts: readonly string[]): string {
  if (parts.length === 1) return parts[0] as string;
  const isMixed = (text: string) => {
    const at = tightness(text);
    return at < (PRECEDENCE[op] as number) || (op === "||" && at === PRECEDENCE["&&"]);
  };
  return parts.map((text) => (isMixed(text) ? enclosed(text) : text)).join(` ${op} `);
}

/** A member of a structure, or of what `*pointer` is. */
export function memberText(structure: string, member: string): string {
  const pointer = /^\*([\w.[\]]|->)+$/.test(structure) ? structure.slice(1) : null;
  return pointer === null ? `${structure}.${member}` : `${pointer}->${member}`;
}

/** What a pointer points to: of `&x` it is `x`. */
export function pointeeText(pointer: string): string {
  return pointer.startsWith("&") ? pointer.slice(1) : unaryText("*", pointer);
}
