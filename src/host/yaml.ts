/** YAML text → value, with the place of every node, and a refusal of what is no honest file. */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from "yaml";
import { type Place, SeamlockError } from "../errors.ts";

/** The largest profile of a real hypervisor is a hundredth of this. */
const MAX_CHARS = 1 << 20;
/** Levels of nesting; a profile needs seven. */
const MAX_DEPTH = 40;
/** Aliases in a file, counted with what each brings along; anchors are a convenience, not a language. */
const MAX_ALIASES = 1000;

type KeyPath = readonly (string | number)[];

/** A file that was read: its value, and where each part of it stands. */
export interface YamlFile {
  readonly value: unknown;
  /** The place of the node at a path; of the nearest one above it where there is none. */
  placeOf(path: KeyPath): Place;
}

/**
 * Reads YAML 1.2 of one document.
 *
 * @param what the kind of file, for messages: `host profile`
 * @throws SeamlockError SL3001 empty · SL3002 too large or too deep · SL3003 not YAML · SL3004 aliases that are cyclic or too many
 */
export function readYaml(text: string, file: string, what: string): YamlFile {
  if (text.trim() === "") {
    throw new SeamlockError("SL3001", "the file is empty", { place: { file }, hint: `give a ${what}` });
  }
  checkSize(text, file, what);
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const [fault] = doc.errors;
  if (fault !== undefined) {
    const hint = "mend the line; indent with spaces only";
    throw new SeamlockError("SL3003", `not YAML: ${sentence(fault.message)}`, { place: place(fault.pos[0]), hint });
  }
  checkKeys(doc, place);
  checkAliases(doc, place);
  const at = steps();
  return { value: plainValue(doc, file), placeOf: (path) => placeIn(at, doc, path, place) };
}

function checkSize(text: string, file: string, what: string): void {
  const hint = `is it a ${what}? One has some hundred lines`;
  if (text.length > MAX_CHARS) {
    throw new SeamlockError("SL3002", `the file has more than ${MAX_CHARS} characters`, { place: { file }, hint });
  }
  const deep = firstTooDeep(text);
  if (deep !== null) {
    throw new SeamlockError("SL3002", `nested deeper than ${MAX_DEPTH} levels`, {
      place: { file, line: deep },
      hint,
    });
  }
}

/** The first line that is indented or bracketed too deep; found without a parser, whose stack is what must be guarded. */
function firstTooDeep(text: string): number | null {
  let depth = 0;
  for (const [i, line] of text.split("\n").entries()) {
    const dashes = /^(?: *(?:- ?|\? ?))*/.exec(line)?.[0].replaceAll(/[^-?]/g, "").length ?? 0;
    if (dashes > MAX_DEPTH || line.length - line.trimStart().length > MAX_DEPTH * 8) return i + 1;
    for (const c of line) {
      if (c === "[" || c === "{") depth++;
      else if ((c === "]" || c === "}") && depth > 0) depth--;
      if (depth > MAX_DEPTH) return i + 1;
    }
  }
  return null;
}

/** A key stands once in a mapping. Looked for here, since the library compares each key with all before it: a minute for a megabyte of keys. */
function checkKeys(doc: Document, place: (offset: number) => Place): void {
  visit(doc, {
    Map(_key, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (!seen.has(key.value)) seen.add(key.value);
        else {
          throw new SeamlockError(
            "SL3003",
            `not YAML: Map keys must be unique; \`${String(key.value)}\` stands twice`,
            {
              place: place(key.range?.[0] ?? 0),
              hint: "remove one of the two",
            },
          );
        }
      }
    },
  });
}

function checkAliases(doc: Document, place: (offset: number) => Place): void {
  let count = 0;
  const refuse = (node: Node, message: string): never => {
    throw new SeamlockError("SL3004", message, {
      place: place(node.range?.[0] ?? 0),
      hint: "write the part out where it is used",
    });
  };
  visit(doc, {
    Alias(_key, alias, ancestors) {
      const source = alias.resolve(doc);
      if (source === undefined) refuse(alias, `there is no anchor \`&${alias.source}\``);
      if (ancestors.some((node) => node === source)) {
        refuse(alias, `\`*${alias.source}\` stands inside what it means: a cycle`);
      }
      count += 1;
      if (count > MAX_ALIASES) refuse(alias, `more than ${MAX_ALIASES} aliases`);
    },
  });
  if (count === 0) return;
  const size = sizes();
  visit(doc, {
    Node(_key, node) {
      if (size(doc, node) > MAX_CHARS / 16) refuse(node, "aliases of aliases make this part far larger than the file");
      return undefined;
    },
  });
}

/** Nodes that a node stands for, aliases followed; each is counted once and kept, so a bomb costs no more than its text. */
function sizes(): (doc: Document, node: unknown) => number {
  const known = new Map<unknown, number>();
  const size = (doc: Document, node: unknown): number => {
    if (node === null || typeof node !== "object") return 0;
    const seen = known.get(node);
    if (seen !== undefined) return seen;
    // While it is being counted a node counts as nothing, so even a cycle would end.
    known.set(node, 0);
    let total = 1;
    if (isAlias(node)) total += size(doc, node.resolve(doc));
    else if (isCollection(node)) for (const item of node.items) total += size(doc, item);
    else if ("key" in node && "value" in node) total += size(doc, node.key) + size(doc, node.value);
    known.set(node, total);
    return total;
  };
  return size;
}

function plainValue(doc: Document, file: string): unknown {
  try {
    return doc.toJS({ maxAliasCount: -1 }) as unknown;
  } catch (cause) {
    const place = { file };
    throw new SeamlockError("SL3003", "not YAML that can be read", { place, cause, hint: "simplify the file" });
  }
}

/** The place of the last node on the way to a path that has one. */
function placeIn(at: Steps, doc: Document, path: KeyPath, place: (offset: number) => Place): Place {
  let node: unknown = doc.contents;
  let start = 0;
  for (const key of [null, ...path]) {
    if (key !== null) node = at(doc, node, key);
    if (!isNode(node)) break;
    start = node.range?.[0] ?? start;
  }
  return place(start);
}

type Steps = (doc: Document, node: unknown, key: string | number) => unknown;

/** Goes from a mapping or list to what stands under a key. A mapping's keys are looked up, for the library searches them one after the other. */
function steps(): Steps {
  const known = new WeakMap<object, ReadonlyMap<string, unknown>>();
  return (doc, from, key) => {
    const node = isAlias(from) ? from.resolve(doc) : from;
    if (isSeq(node)) return node.items[Number(key)];
    if (!isMap(node)) return undefined;
    const values =
      known.get(node) ??
      new Map(node.items.map((pair) => [String(isScalar(pair.key) ? pair.key.value : pair.key), pair.value]));
    known.set(node, values);
    return values.get(String(key));
  };
}

/** The first line of a parser's message, without full stop. */
function sentence(message: string): string {
  const [first = message] = message.split("\n");
  return first.replace(/[.:]$/, "");
}
