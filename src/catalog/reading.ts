/**
 * A release that was read by hand, file by file, because its tree could not be extracted: its rows, and what it has in common with a
 * release that was. Made into a catalog of origin `read`, which says of itself that it is incomplete.
 */
import { z } from "zod";
import type { LockProgram, LockResult } from "./programs.ts";
import { lockProgramSchema } from "./programs-schema.ts";
import { releasePlace } from "./release.ts";
import { lockKindSchema, lockModeSchema, sideSchema } from "./schema.ts";
import type { Acquisition, Catalog, Diagnostic, Leaf, LockDefinition, LockPrimitive, Release, Site } from "./types.ts";

const text = z.string().min(1);

const rowSchema = z.strictObject({
  resource: text,
  role: text.optional(),
  lock: lockKindSchema,
  mode: lockModeSchema,
  when: text.optional(),
  times: text.optional(),
  operand: text.optional(),
  /** In the order in which the lock's ways to be busy give them. */
  statuses: z.array(text),
  /** A {@link Release.at}; absent of a walk without the lock. */
  release: text.optional(),
  /** Where the lock is taken, if not in the leaf's own function. */
  file: text.optional(),
  function: text.optional(),
  readIn: text,
  note: text.optional(),
});

const states = { opStates: z.array(text).optional(), septStates: z.array(text).optional() };

/** A leaf whose rows were found to be those of the release that is named. */
const sameSchema = z.strictObject({
  name: text,
  as: text,
  readIn: text,
  ...states,
  /** Statuses of {@link Leaf.otherBusy} that it no longer gives. */
  without: z.array(text).optional(),
  note: text.optional(),
});

const ownSchema = z.strictObject({
  name: text,
  number: z.int(),
  side: sideSchema,
  file: text,
  readIn: text.optional(),
  ...states,
  rows: z.array(rowSchema),
});

/** What was read of one release. */
export const readingSchema = z.strictObject({
  $comment: text,
  version: text,
  repository: text,
  revision: text,
  /** The release of which the tree was extracted, and with which this one was compared. */
  base: text,
  /** Revisions of the releases whose files were read. */
  releases: z.record(text, text),
  /** Leaves that nobody read. */
  unread: z.array(text).min(1),
  opStates: z.array(text),
  septStates: z.array(text),
  /** Statuses and operands that the base does not have; those that it has are the same. */
  statusCodes: z.record(text, text),
  operandIds: z.record(text, z.int()),
  leaves: z.array(z.union([sameSchema, ownSchema], { error: "is neither a reading nor the name of another" })),
  /** Lock primitives that differ from the base's, or that it does not have. The others were found the same. */
  primitives: z.array(z.strictObject({ readIn: text, program: lockProgramSchema })),
});

export type Reading = z.infer<typeof readingSchema>;
type Row = z.infer<typeof rowSchema>;
type Own = z.infer<typeof ownSchema>;

/** Rows are read from text without line numbers. */
const NO_LINE = 0;

/**
 * The catalog of a reading.
 *
 * @param base the catalog of {@link Reading.base}
 * @param sourceDigest of the reading's file
 */
export function catalogOfReading(reading: Reading, base: Catalog, sourceDigest: string): Catalog {
  const { version, repository, revision, opStates, septStates } = reading;
  const statusCodes = { ...base.statusCodes, ...reading.statusCodes };
  const operandIds = { ...base.operandIds, ...reading.operandIds };
  const facts = { statusCodes, operandIds };
  const leaves = reading.leaves.flatMap((leaf) => ("rows" in leaf ? [ownLeaf(leaf, facts)] : sameLeaf(leaf, base)));
  return {
    schema: "seamlock/catalog@1",
    module: { version, origin: "read", repository, revision, sourceDigest },
    leaves: leaves.sort((a, b) => Number(a.side === "guest") - Number(b.side === "guest") || a.number - b.number),
    locks: [...base.locks.map((lock) => lockRead(lock, reading)), ...locksOfItsOwn(reading, base)],
    primitives: programsRead(reading, base),
    writers: [],
    behaviours: [],
    otherAtomics: [],
    septEntryBits: {},
    opStates,
    septStates,
    statusCodes,
    operandIds,
    constants: {},
    coverage: null,
    diagnostics: [incomplete(reading), ...notes(reading)],
  };
}

type Names = Pick<Catalog, "statusCodes" | "operandIds">;

function ownLeaf({ name, number, side, file, opStates, septStates, rows }: Own, names: Names): Leaf {
  const handler = { file, line: NO_LINE, function: name };
  return {
    name,
    number,
    side,
    handler,
    variant: null,
    opStates: opStates ?? null,
    septStates: septStates ?? null,
    acquisitions: rows.map((row, i) => acquisition(row, i, { side, handler }, names)),
    otherBusy: [],
  };
}

function acquisition(row: Row, at: number, leaf: Pick<Leaf, "side" | "handler">, names: Names): Acquisition {
  const { resource, lock, mode } = row;
  const { side, handler } = leaf;
  const operand = row.operand === undefined ? null : { id: row.operand, number: operandNumber(names, row.operand) };
  const status = (name: string): string => statusWith(names, name, operand?.number ?? 0);
  const [busy, priority] = ["TDX_OPERAND_BUSY", "TDX_OPERAND_BUSY_HOST_PRIORITY"];
  const others = row.statuses.filter((name) => name !== busy && name !== priority);
  const inner = { file: row.file ?? handler.file, line: NO_LINE, function: row.function ?? handler.function };
  const isInside = inner.file !== handler.file || inner.function !== handler.function;
  return {
    resource,
    role: row.role ?? null,
    object: "",
    lock,
    mode,
    side,
    order: mode === "NO_LOCK" ? null : at,
    when: row.when ?? null,
    ...(row.when === undefined ? {} : { condition: { is: "stated", text: row.when } as const }),
    times: row.times ?? "1",
    operand,
    busyStatus: row.statuses.includes(busy) ? status(busy) : null,
    hostPriorityStatus: row.statuses.includes(priority) ? status(priority) : null,
    otherStatuses: others.map((name) => ({ status: status(name), operand })),
    release: row.release === undefined ? null : { ...releasePlace(row.release), evidence: [] },
    evidence: isInside ? [handler, inner] : [handler],
    promotion: null,
  };
}

function operandNumber({ operandIds }: Names, id: string): number {
  const number = operandIds[id];
  if (number === undefined) throw new Error(`no operand ${id}`);
  return number;
}

function statusWith({ statusCodes }: Names, name: string, operand: number): string {
  const code = statusCodes[name];
  if (code === undefined) throw new Error(`no status ${name}`);
  return `0x${(BigInt(code) | BigInt(operand)).toString(16).toUpperCase().padStart(16, "0")}`;
}

/** The entries of a leaf as the base has them, with what the reading found different; places are files and functions only. */
function sameLeaf({ name, opStates, septStates, without }: z.infer<typeof sameSchema>, base: Catalog): Leaf[] {
  const entries = base.leaves.filter((leaf) => leaf.name === name);
  if (entries.length === 0) throw new Error(`${base.module.version} has no ${name}`);
  return entries.map(({ statuses: _, ...leaf }) => ({
    ...withoutLines(leaf),
    opStates: opStates ?? null,
    septStates: septStates ?? null,
    acquisitions: leaf.acquisitions.map((row) => ({
      ...row,
      evidence: leafOnly(row.evidence),
      promotion: row.promotion === null ? null : leafOnly(row.promotion),
      release: row.release === null ? null : { ...row.release, evidence: [], elsewhere: undefined },
    })),
    otherBusy: leaf.otherBusy
      .filter((busy) => without?.includes(busy.name) !== true)
      .map((busy) => ({ ...busy, evidence: leafOnly(busy.evidence) })),
  }));
}

/** The rows were found the same, not the functions between the leaf and the primitive. */
const leafOnly = (sites: readonly Site[]): Site[] => withoutLines(sites.slice(0, 1));

/** The same value with the line of every place, and of every step of a program, not known. */
function withoutLines<T>(value: T): T {
  return JSON.parse(JSON.stringify(value, (key, inner) => (key === "line" ? NO_LINE : inner))) as T;
}

const keyOf = ({ function: name, side }: Pick<LockProgram, "function" | "side">): string => `${name} ${side}`;

function programsRead({ primitives }: Reading, base: Catalog): LockProgram[] {
  const own = new Map(primitives.map(({ program }) => [keyOf(program), program as LockProgram]));
  const known = withoutLines(base.primitives).map((program) => {
    const read = own.get(keyOf(program));
    own.delete(keyOf(program));
    return read ?? program;
  });
  return [...known, ...own.values()];
}

/** What the report says of a lock kind: of functions that were read to differ, their atomic instructions as they are now. */
function lockRead(lock: LockDefinition, { primitives }: Reading): LockDefinition {
  const own = new Map(primitives.map(({ program }) => [keyOf(program), program]));
  return {
    ...lock,
    primitives: withoutLines(lock.primitives).map((primitive) => {
      const program = own.get(keyOf(primitive));
      return program === undefined ? primitive : { ...primitive, atomics: atomicsOf(program) };
    }),
  };
}

const atomicsOf = ({ steps }: LockProgram): string[] =>
  steps.flatMap(({ instruction: { op } }) => (op === "read" ? [] : [`lock ${op}`]));

/** Lock kinds that the base does not have. */
function locksOfItsOwn({ primitives }: Reading, base: Catalog): LockDefinition[] {
  const known = new Set(base.locks.map(({ kind }) => kind));
  const own = primitives.map(({ program }) => program as LockProgram).filter(({ kind }) => !known.has(kind));
  return [...new Set(own.map(({ kind }) => kind))].map((kind): LockDefinition => {
    const programs = own.filter((program) => program.kind === kind);
    const { type = null, bits = 64, fields = [] } = programs[0]?.word ?? {};
    return { kind, type, width: bits, fields: [...fields], primitives: programs.map(primitiveOf) };
  });
}

const OUTCOMES: Readonly<Record<LockResult, string | null>> = {
  success: "TDX_SUCCESS",
  busy: "TDX_OPERAND_BUSY",
  "busy-host-priority": "TDX_OPERAND_BUSY_HOST_PRIORITY",
  halt: null,
};

function primitiveOf(program: LockProgram): LockPrimitive {
  const { function: name, operation, mode, side, steps, evidence } = program;
  const ends = steps.flatMap(({ branches }) =>
    branches.flatMap(({ to }) => (typeof to === "string" && OUTCOMES[to] !== null ? [OUTCOMES[to]] : [])),
  );
  return {
    function: name,
    operation,
    mode,
    side,
    outcomes: operation === "release" ? [] : [...new Set(ends)],
    atomics: atomicsOf(program),
    setsHostPriority: steps.some(({ instruction: i }) => (i.op === "bts" || i.op === "or") && i.set.hp === 1),
    evidence,
  };
}

function incomplete({ version, unread, releases }: Reading): Diagnostic {
  const from = Object.keys(releases).join(", ");
  return {
    code: "SL1060",
    severity: "error",
    message: `${version} was read by hand from single files of ${from}, not extracted from a tree; not read: ${unread.join("; ")}`,
    file: null,
    line: null,
  };
}

/** What the reader noted of a leaf or of one of its rows that no field says, and where a file of an older release was the newest at hand. */
function notes({ leaves, version }: Reading): Diagnostic[] {
  const newest = version.replace(/-read$/, "");
  const note = (message: string, site: Pick<Site, "file"> | null): Diagnostic => ({
    code: "SL1061",
    severity: "note",
    message,
    file: site?.file ?? null,
    line: null,
  });
  return leaves.flatMap((leaf): Diagnostic[] => {
    const site = "file" in leaf ? { file: leaf.file } : null;
    const rows = "rows" in leaf ? leaf.rows : [];
    const read = [...new Set([leaf.readIn, ...rows.map(({ readIn }) => readIn)])].filter(
      (release): release is string => release !== undefined && release !== newest,
    );
    const older = read.length === 0 ? [] : [note(`${leaf.name}: read in ${read.sort().join(", ")}`, site)];
    const own = "note" in leaf && leaf.note !== undefined ? [note(`${leaf.name}: ${leaf.note}`, site)] : [];
    const told = rows.flatMap((row) =>
      row.note === undefined ? [] : [note(`${leaf.name}, ${row.resource}: ${row.note}`, site)],
    );
    return [...older, ...own, ...told];
  });
}
