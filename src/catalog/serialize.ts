/** Catalog → text: one form for one value, small enough to commit and laid out so that a diff shows what changed. */
import type { Condition } from "./conditions.ts";
import type { AtomicInstruction, LockProgram } from "./programs.ts";
import type { Catalog } from "./types.ts";

const WIDTH = 120;
const STEP = "  ";

/**
 * The text of a catalog: JSON in the field order of types.ts, records in the order given, ending with a newline.
 * A value that fits on a line stands on one; of a longer object, neighbouring scalar fields share lines. The same
 * catalog always gives the same bytes, and `parseCatalog` reads it back as the same value.
 */
export function serializeCatalog(catalog: Catalog): string {
  return `${layout(inOrder(catalog), "")}\n`;
}

/** Any JSON value in the layout of {@link serializeCatalog}, with its own key order, ending with a newline. */
export function serializeJson(value: unknown): string {
  return `${layout(value, "")}\n`;
}

/** Field order by type, so that a catalog built in another order still gives the same bytes. */
function inOrder(c: Catalog): unknown {
  return {
    schema: c.schema,
    module: pick(c.module, ["version", "origin", "repository", "revision", "sourceDigest"]),
    leaves: c.leaves.map(leafInOrder),
    locks: c.locks.map((lock) => ({
      ...pick(lock, ["kind", "type", "width"]),
      fields: lock.fields.map((f) => pick(f, ["name", "lsb", "width"])),
      primitives: lock.primitives.map((p) => ({
        ...pick(p, ["function", "operation", "mode", "side", "outcomes", "atomics", "setsHostPriority"]),
        evidence: site(p.evidence),
      })),
    })),
    primitives: c.primitives.map(programInOrder),
    writers: c.writers.map((w) => ({
      ...pick(w, ["function", "when"]),
      steps: w.steps.map((s) => ({
        ...pick(s, ["instruction", "retries", "hostPriority", "lock"]),
        site: site(s.site),
      })),
      unlocks: w.unlocks,
      evidence: site(w.evidence),
    })),
    behaviours: c.behaviours.map((b) => ({
      ...pick(b, ["name", "function", "digest", "variant"]),
      evidence: site(b.evidence),
    })),
    otherAtomics: c.otherAtomics.map((o) => ({ ...pick(o, ["instruction", "object", "reason"]), site: site(o.site) })),
    septEntryBits: c.septEntryBits,
    opStates: c.opStates,
    septStates: c.septStates,
    statusCodes: c.statusCodes,
    operandIds: c.operandIds,
    ...(c.statuses === undefined ? {} : { statuses: c.statuses.map(statusSource) }),
    constants: c.constants,
    coverage:
      c.coverage === null
        ? null
        : {
            ...pick(c.coverage, ["sites", "visited"]),
            explained: c.coverage.explained.map((e) => ({ site: site(e.site), reason: e.reason })),
          },
    diagnostics: c.diagnostics.map((d) => pick(d, ["code", "severity", "message", "file", "line"])),
  };
}

function programInOrder(p: LockProgram): unknown {
  return {
    ...pick(p, ["function", "kind", "operation", "mode", "side"]),
    word: {
      ...pick(p.word, ["type", "bits"]),
      fields: p.word.fields.map((f) => pick(f, ["name", "lsb", "width"])),
    },
    steps: p.steps.map((s) => ({
      instruction: instructionInOrder(s.instruction),
      line: s.line,
      branches: s.branches.map((b) => ({
        when: b.when?.map((tests) => tests.map((t) => pick(t, ["field", "mask", "is", "not"]))) ?? null,
        ...pick(b, ["to", "check"]),
      })),
    })),
    evidence: site(p.evidence),
  };
}

const PARTS = ["op", "field", "by", "expected", "desired", "value", "set", "clear", "flip", "keep"];
const FIELDS = ["exclusive", "hp", "counter"];

function instructionInOrder(instruction: AtomicInstruction): unknown {
  return sorted(instruction, PARTS, (part) => (isCompound(part) ? sorted(part, FIELDS, (value) => value) : part));
}

/** Those of some keys that an object has, in their order. */
function sorted(from: object, keys: readonly string[], value: (of: unknown) => unknown): unknown {
  const entries = new Map<string, unknown>(Object.entries(from));
  return Object.fromEntries(keys.filter((key) => entries.has(key)).map((key) => [key, value(entries.get(key))]));
}

function leafInOrder(leaf: Catalog["leaves"][number]): unknown {
  return {
    ...pick(leaf, ["name", "number", "side"]),
    handler: site(leaf.handler),
    ...pick(leaf, ["variant", "opStates", "septStates"]),
    acquisitions: leaf.acquisitions.map((a) => ({
      ...pick(a, ["resource", "role", "object", "word", "lock", "mode", "side", "pageSizes", "td", "order", "when"]),
      ...conditionInOrder(a.condition),
      times: a.times,
      operand: operand(a.operand),
      ...pick(a, ["busyStatus", "busyWhen", "hostPriorityStatus"]),
      ...(a.hostPriorityExit === undefined ? {} : { hostPriorityExit: pick(a.hostPriorityExit, ["status", "detail"]) }),
      otherStatuses: a.otherStatuses.map((s) => ({ status: s.status, operand: operand(s.operand) })),
      release:
        a.release === null
          ? null
          : {
              ...pick(a.release, ["at", "kind"]),
              ...(a.release.kind === "function" ? { function: a.release.function } : {}),
              ...pick(a.release, ["order", "sequence"]),
              evidence: a.release.evidence.map(site),
              ...(a.release.elsewhere === undefined
                ? {}
                : { elsewhere: a.release.elsewhere.map((sites) => sites.map(site)) }),
            },
      evidence: a.evidence.map(site),
      promotion: a.promotion === null ? null : a.promotion.map(site),
      ...pick(a, ["promotedSizes"]),
    })),
    ...(leaf.releaseOrders === undefined
      ? {}
      : { releaseOrders: leaf.releaseOrders.map((o) => pick(o, ["end", "refused", "locks"])) }),
    otherBusy: leaf.otherBusy.map((b) => ({
      ...pick(b, ["status", "name", "object"]),
      operand: operand(b.operand),
      ...pick(b, ["indexed", "when"]),
      ...conditionInOrder(b.condition),
      evidence: b.evidence.map(site),
    })),
    ...(leaf.statuses === undefined ? {} : { statuses: leaf.statuses }),
  };
}

const conditionInOrder = (condition: Condition | null | undefined): { readonly condition?: unknown } =>
  condition === undefined ? {} : { condition: condition && withOrder(condition) };

const PARTS_OF_CONDITIONS = [
  "is",
  "of",
  "kind",
  "name",
  "value",
  "path",
  "function",
  "arguments",
  "text",
  "left",
  "right",
];

const withOrder = (value: object): unknown =>
  Array.isArray(value)
    ? value.map((part) => (isCompound(part) ? withOrder(part) : part))
    : sorted(value, PARTS_OF_CONDITIONS, (part) => (isCompound(part) ? withOrder(part) : part));

function statusSource(source: NonNullable<Catalog["statuses"]>[number]): unknown {
  return {
    ...pick(source, ["status", "fatal"]),
    parts: source.parts.map((part) => ({
      ...pick(part, ["high", "low", "is", "value"]),
      ...(part.indexed === undefined ? {} : { indexed: part.indexed }),
    })),
    at: source.at.map(site),
  };
}

type Site = Catalog["leaves"][number]["handler"];
type Operand = Catalog["leaves"][number]["acquisitions"][number]["operand"];

const site = (s: Site): unknown => pick(s, ["file", "line", "function"]);
const operand = (o: Operand): unknown => (o === null ? null : pick(o, ["id", "number"]));

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]]))) as Pick<T, K>;
}

function layout(value: unknown, indent: string, lead = 0): string {
  if (!isCompound(value)) return JSON.stringify(value);
  const flat = oneLine(value, WIDTH - 1 - indent.length - lead);
  if (flat !== null) return flat;
  const inner = indent + STEP;
  if (Array.isArray(value)) {
    return `[\n${inner}${value.map((v) => layout(v, inner)).join(`,\n${inner}`)}\n${indent}]`;
  }
  return `{\n${inner}${members(value, inner).join(`,\n${inner}`)}\n${indent}}`;
}

/** The members of an object, those that are scalars packed several to a line. */
function members(value: object, indent: string): string[] {
  const lines: string[] = [];
  let packing = false;
  for (const [key, v] of Object.entries(value)) {
    const name = `${JSON.stringify(key)}: `;
    const member = name + layout(v, indent, name.length);
    const last = lines.at(-1);
    const fits = last !== undefined && indent.length + last.length + member.length + 3 <= WIDTH;
    if (!isCompound(v) && packing && fits) lines[lines.length - 1] = `${last}, ${member}`;
    else lines.push(member);
    packing = !isCompound(v);
  }
  return lines;
}

function isCompound(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** The value on one line, or null when it is longer than `room`: known early, so that no value is written out at every depth. */
function oneLine(value: unknown, room: number): string | null {
  if (!isCompound(value)) return JSON.stringify(value);
  const isArray = Array.isArray(value);
  let text = "";
  for (const [key, v] of Object.entries(value)) {
    const name = isArray ? "" : `${JSON.stringify(key)}: `;
    const part = oneLine(v, room - text.length - name.length);
    if (part === null) return null;
    text += `${text === "" ? "" : ", "}${name}${part}`;
    if (text.length > room) return null;
  }
  const line = text === "" ? (isArray ? "[]" : "{}") : isArray ? `[${text}]` : `{ ${text} }`;
  return line.length <= room ? line : null;
}
