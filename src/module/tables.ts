/**
 * What the source states as data: statuses, operands, constants, and which leaf is legal in which state.
 */

import type { Program } from "../c/index.ts";
import { formatStatus, type Operand, type Side } from "../catalog/index.ts";
import type { ExtractionRules } from "./rules.ts";

export interface Tables {
  readonly statusCodes: Readonly<Record<string, string>>;
  readonly operandIds: Readonly<Record<string, number>>;
  readonly constants: Readonly<Record<string, number>>;
  readonly septEntryBits: Readonly<Record<string, number>>;
  readonly opStates: readonly string[];
  readonly septStates: readonly string[];
  /** Null when the tree has no such table or the leaf no row in it. */
  readonly opStatesOf: (side: Side, number: number) => readonly string[] | null;
  readonly septStatesOf: (side: Side, number: number) => readonly string[] | null;
  readonly statusName: (value: bigint) => string | null;
  readonly operand: (value: bigint) => Operand | null;
  /** Tables that the tree does not have. */
  readonly missing: readonly string[];
}

type Rows = ReadonlyMap<number, readonly boolean[]>;

/** Reads the tables of a tree. */
export function readTables(program: Program, rules: ExtractionRules): Tables {
  const statuses = collect(program, statusNames(program, rules), (name, v) =>
    v === 0n ? rules.success.includes(name) : v > 0xffffffffn,
  );
  const operands = collect(
    program,
    (name) => /^OPERAND_ID_/.test(name),
    (_, v) => v < 0x100000000n,
  );
  const opStates = stateNames(program, rules.opStateEnum, /^OP_STATE_/);
  const septStates = septStateNames(program, rules);
  const opRows = {
    host: tableRows(program, rules.tables.hostOpStates),
    guest: tableRows(program, rules.tables.guestOpStates),
  };
  const septRows = {
    host: tableRows(program, rules.tables.hostSeptStates),
    guest: tableRows(program, rules.tables.guestSeptStates),
  };
  const byStatus = new Map([...statuses].map(([name, v]) => [v, name]));
  const byOperand = new Map([...operands].map(([name, v]) => [v, name.replace(/^OPERAND_ID_/, "")] as const).reverse());
  const missing = [
    ...(opStates.length === 0 || !opRows.host ? ["OP_STATE legality"] : []),
    ...(septStates.length === 0 || !septRows.host ? ["SEPT entry state legality"] : []),
  ];
  return {
    statusCodes: Object.fromEntries([...statuses].map(([name, v]) => [name, formatStatus(v)])),
    operandIds: Object.fromEntries([...operands].map(([name, v]) => [name.replace(/^OPERAND_ID_/, ""), Number(v)])),
    constants: readConstants(program, rules),
    septEntryBits: septBits(program),
    opStates,
    septStates,
    opStatesOf: (side, number) => named(opRows[side], number, opStates),
    septStatesOf: (side, number) => named(septRows[side], number, septStates),
    statusName: (value) => byStatus.get(value) ?? byStatus.get(value & ~0xffffffffn) ?? null,
    operand: (value) => {
      const id = byOperand.get(value);
      return id === undefined ? null : { id, number: Number(value) };
    },
    missing,
  };
}

/** Statuses are what is defined together with one of them: the enumerators of its enumeration, or the macros of its file. */
function statusNames(program: Program, rules: ExtractionRules): (name: string) => boolean {
  const enumeration = [...program.enums.values()].find((names) => names.includes(rules.aStatus));
  const file = program.macros.get(rules.aStatus)?.file;
  const together = new Set(
    enumeration ?? [...program.macros.values()].filter((macro) => macro.file === file).map((macro) => macro.name),
  );
  return (name) => together.has(name) && rules.statusNames.test(name);
}

/** Macros and enumerators with constant values, in the order of the source. */
function collect(
  program: Program,
  accept: (name: string) => boolean,
  inRange: (name: string, v: bigint) => boolean,
): Map<string, bigint> {
  const result = new Map<string, bigint>();
  for (const name of [...program.macros.keys(), ...program.enumerators.keys()]) {
    if (!accept(name) || result.has(name)) continue;
    const value = program.constant(name);
    if (value !== null && inRange(name, value)) result.set(name, value);
  }
  return result;
}

function readConstants(program: Program, rules: ExtractionRules): Record<string, number> {
  const result: Record<string, number> = {};
  for (const name of rules.constants) {
    const value = program.constant(name);
    if (value !== null && value <= BigInt(Number.MAX_SAFE_INTEGER)) result[name] = Number(value);
  }
  return result;
}

function septBits(program: Program): Record<string, number> {
  const result: [string, number][] = [];
  for (const name of program.macros.keys()) {
    const short = /^SEPT_ENTRY_(\w+)_BIT_POSITION$/.exec(name)?.[1];
    const value = short === undefined ? null : program.constant(name);
    if (short !== undefined && value !== null) result.push([short, Number(value)]);
  }
  return Object.fromEntries(result.sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1)));
}

function stateNames(program: Program, enumName: string, prefix: RegExp): string[] {
  return (program.enums.get(enumName) ?? [])
    .filter((name) => prefix.test(name))
    .map((name) => name.replace(prefix, ""));
}

/** SEPT state names in the order of the table's columns: each encoding's flags give its column as `.index`. */
function septStateNames(program: Program, rules: ExtractionRules): string[] {
  const encodings = new Map<bigint, string>();
  for (const name of [...program.macros.keys(), ...program.enumerators.keys()]) {
    const short = /^SEPT_STATE_(\w+)_ENCODING$/.exec(name)?.[1];
    if (short === undefined || /^L2_|MMIO/.test(short)) continue;
    const value = program.constant(name);
    if (value !== null && !encodings.has(value)) encodings.set(value, short);
  }
  const body = initializerOf(program, rules.tables.septFlags);
  if (body === null) return [];
  const states: string[] = [];
  for (const match of body.matchAll(/\[\s*(\w+)\s*\]\s*=\s*\{([^{}]*)\}/g)) {
    const encoding = program.evaluate(constantOf(program, match[1] as string));
    const index = /\.index\s*=\s*(\d+)/.exec(match[2] ?? "")?.[1];
    const name = encoding === null ? undefined : encodings.get(encoding);
    if (index !== undefined && name !== undefined) states[Number(index)] ??= name;
  }
  return states;
}

function constantOf(program: Program, text: string) {
  return /^\d/.test(text)
    ? ({ kind: "number", value: BigInt(text), line: 0 } as const)
    : program.constant(text) === null
      ? null
      : ({ kind: "name", name: text, line: 0 } as const);
}

/** `[38] = {0, 1, …}` rows of a `bool_t name[][]` table; null when the tree has no such table. */
function tableRows(program: Program, name: string): Rows | null {
  const body = initializerOf(program, name);
  if (body === null) return null;
  const rows = new Map<number, boolean[]>();
  for (const match of body.matchAll(/\[\s*(\w+)\s*\]\s*=\s*\{([^{}]*)\}/g)) {
    const key = program.evaluate(constantOf(program, match[1] as string));
    if (key !== null)
      rows.set(
        Number(key),
        (match[2] ?? "")
          .split(",")
          .map((cell) => cell.trim())
          .filter(Boolean)
          .map((cell) => cell !== "0" && cell !== "false"),
      );
  }
  return rows;
}

/** A table of the tree, comments blanked. */
export interface Initializer {
  readonly file: string;
  readonly line: number;
  /** What stands between its braces. */
  readonly body: string;
}

/** `name[…]… = { … };`, found anywhere in the tree. */
export function tableOf(program: Program, name: string): Initializer | null {
  const pattern = new RegExp(`\\b${name}\\s*(?:\\[[^\\]]{0,400}\\]\\s*)+=\\s*\\{`);
  for (const [file, text] of program.texts) {
    const match = pattern.exec(text);
    if (!match) continue;
    let depth = 1;
    const start = match.index + match[0].length;
    const line = text.slice(0, match.index).split("\n").length;
    for (let i = start; i < text.length; i++) {
      if (text[i] === "{") depth++;
      else if (text[i] === "}" && --depth === 0) return { file, line, body: text.slice(start, i) };
    }
  }
  return null;
}

const initializerOf = (program: Program, name: string): string | null => tableOf(program, name)?.body ?? null;

function named(rows: Rows | null, number: number, names: readonly string[]): string[] | null {
  const row = rows?.get(number);
  return row && names.length > 0 ? names.filter((_, i) => row[i]) : null;
}
