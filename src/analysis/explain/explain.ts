/** What a completion status means: decoded, with the resource behind its operand, who can hold that, and what to do. */
import {
  bundledRelease,
  type Catalog,
  formatStatus,
  type Leaf,
  type Operand,
  parseStatus,
  resolveLeaf,
} from "../../catalog/index.ts";
import { SeamlockError } from "../../errors.ts";
import type { HostProfile } from "../../host/index.ts";
import type { Found, LeafMention } from "../log/message.ts";
import { type LogGroup, LogReader, type LogReading } from "../log/reader.ts";
import { upperHalf, type Vocabulary, vocabularyOf } from "../log/vocabulary.ts";
import { adviceFor, flatAdvice } from "./advice.ts";
import { exitText, leavesReturning, readLowHalf } from "./detail.ts";
import {
  DROPPED,
  EFFECTS,
  FAILED_IMPORT,
  GUEST_KERNELS,
  HOST_PRIORITY,
  leafNote,
  loaderCall,
  otherStatus,
  type StatusFacts,
  statusFacts,
  whose,
  whyNone,
  ZERO,
} from "./facts.ts";
import {
  type Context,
  callsEndingIn,
  contextOf,
  Elsewhere,
  holdersOf,
  isOtherBusy,
  resourcesOf,
  resourcesOfExit,
  rowsFor,
  vcpuLeaves,
  type Wanted,
} from "./holders.ts";
import { keptVcpusOut, reactionsTo } from "./reactions.ts";
import type { ExplainDocument, Kind, StatusExplanation, Unadvised } from "./schema.ts";
import { type Placed, sequencesIn } from "./sequences.ts";

export interface ExplainOptions {
  /** The leaf that returned the status, in any spelling, where the lines do not say. */
  readonly leaf?: string;
  readonly host?: HostProfile;
  /** Other versions of the module to compare the holders with, where nobody said which one the machine runs; each made when it is needed. */
  readonly others?: readonly (Catalog | (() => Catalog))[];
  /** What the caller took for granted, for the reader to know. */
  readonly assumptions?: readonly string[];
}

/** A reader for the lines of a log, with the names that some versions of the module have. */
export function logReader(catalogs: readonly Catalog[]): LogReader {
  return new LogReader(vocabularyOf(catalogs));
}

/**
 * Explains every status in some lines: bare statuses, whole log lines, or what a mail or a bug report has of them. Where they
 * state another version of the module that is among `options.others`, that one is used.
 *
 * @throws SeamlockError SL3301 when no line has a status; SL2102 when `leaf` is no leaf
 */
export function explainLines(
  catalog: Catalog,
  lines: readonly string[],
  options: ExplainOptions = {},
): ExplainDocument {
  const others = (options.others ?? []).filter((other) => typeof other !== "function");
  const reader = logReader([catalog, ...others]);
  for (const line of lines.flatMap((text) => text.split(/\r?\n/))) reader.push(line);
  const reading = reader.result();
  const stated = others.find((other) => other.module.version === reading.module);
  return explainLog(stated ?? catalog, reading, stated === undefined ? options : { ...options, others: [] });
}

/**
 * Explains what a log says.
 *
 * @throws SeamlockError SL3301 when it has no status; SL2102 when `leaf` is no leaf
 */
export function explainLog(catalog: Catalog, reading: LogReading, options: ExplainOptions = {}): ExplainDocument {
  const given = options.leaf === undefined ? null : resolveLeaf(catalog, options.leaf);
  const context = contextOf(catalog, options.host ?? null);
  const explainer = new Explainer(context, vocabularyOf([catalog]), given);
  const here = reading.groups.map(
    (group): Placed => ({
      explanation: explainer.explain(group),
      upperOnly: group.found.upperOnly,
      printed: group.found.printed,
      ...group.order,
    }),
  );
  const explained = withOthers(here, options, (names) => catalog.leaves.filter((leaf) => names.has(leaf.name)));
  const [first, ...rest] = explained;
  if (first === undefined) throw nothingFound(reading);
  const { lines, beyond, module, kernel } = reading;
  return {
    schema: "seamlock/explain@1",
    module: { ...catalog.module },
    host: context.host,
    ...first.explanation,
    others: rest.map((one) => one.explanation),
    unread: [...reading.unread],
    sequences: sequencesIn(explained),
    input: { lines: lines.read, about: lines.about, successes: lines.good, beyond, module, kernel },
    assumptions: [...(options.assumptions ?? []), ...readElsewhere(catalog)],
  };
}

/** The facts about statuses were read of the releases, line by line; a catalog has of them only which call ends with which. */
function readElsewhere({ module, diagnostics }: Catalog): string[] {
  if (module.origin !== "extracted" || bundledRelease(module) !== null) return [];
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  return [
    "What a status means, what a failed call leaves behind and what to do then was read in the source of the bundled releases, not in this one.",
    ...(errors === 0
      ? []
      : [
          `The extraction left ${errors} ${errors === 1 ? "error" : "errors"}: that a call does not end with a status, or does not hold a lock, may be a hole.`,
        ]),
  ];
}

function nothingFound({ unread, lines }: LogReading): SeamlockError {
  const why = unread.map(whyNone).find((reason) => reason !== null);
  const of = lines.read > 1 ? ` (${lines.read} lines, ${lines.about} of them about TDX)` : "";
  const what = lines.read === 0 ? "the input is empty" : `there is no status in the input${of}`;
  return new SeamlockError("SL3301", what, {
    hint: why ?? "give a 64-bit hex number such as 0x8000020000000092, or a log line that has one",
  });
}

/**
 * The statuses with what other versions of the module would say of who holds the lock. Version by version, so that one of them is
 * kept at a time however many statuses there are.
 */
function withOthers(
  statuses: readonly Placed[],
  options: ExplainOptions,
  entries: (names: ReadonlySet<string>) => readonly Leaf[],
): readonly Placed[] {
  const asked = statuses.flatMap((placed) => {
    const { kind, status, name } = placed.explanation;
    if (kind !== "busy" || status === null || name === null) return [];
    const wanted = { status: parseStatus(status), upperOnly: placed.upperOnly };
    return [
      {
        placed,
        wanted,
        returning: entries(new Set(returners(placed.explanation))),
        found: new Elsewhere(),
      },
    ];
  });
  if (asked.length === 0) return statuses;
  for (const other of options.others ?? []) {
    const context = contextOf(typeof other === "function" ? other() : other, options.host ?? null);
    for (const { placed, wanted, returning, found } of asked) {
      const barred = placed.printed ? barredVcpus(context, placed.explanation) : new Set<string>();
      found.add(context, returning, wanted, placed.explanation.holders, barred);
    }
  }
  const byPlaced = new Map(asked.map(({ placed, found }) => [placed, found.groups()]));
  return statuses.map((placed) => {
    const elsewhere = byPlaced.get(placed);
    return elsewhere === undefined ? placed : { ...placed, explanation: { ...placed.explanation, elsewhere } };
  });
}

class Explainer {
  private readonly context: Context;
  private readonly vocabulary: Vocabulary;
  private readonly given: readonly Leaf[] | null;

  constructor(context: Context, vocabulary: Vocabulary, given: readonly Leaf[] | null) {
    this.context = context;
    this.vocabulary = vocabulary;
    this.given = given;
  }

  explain(group: LogGroup): StatusExplanation {
    const { found } = group;
    const unadvised = found.giver === "module" ? this.ofModule(group) : this.ofOthers(group);
    const known = this.factsOf(found);
    const { name, leaf, operand } = unadvised;
    const note = name === null || leaf === null ? null : leafNote(name, leaf, operand?.id ?? null);
    const advice = this.isEndOfImport(found, name, this.entriesOf(found.call))
      ? { developer: FAILED_IMPORT.developer, operator: FAILED_IMPORT.operator, guest: [] }
      : adviceFor(unadvised, note ?? known ?? (this.isZero(found) ? ZERO : null), this.context, found.printed);
    const isGuest = this.sideOf(unadvised.leaf) === "guest" || found.giver === "tdvmcall";
    return { ...unadvised, adviceFor: advice, advice: flatAdvice(advice, isGuest) };
  }

  /** Does a line give 0, success, of a call that it says to have failed? Of TDH.VP.ENTER 0 is an exit of the guest. */
  private isZero(found: Found): boolean {
    return found.status === 0n && found.cut === null && found.giver === "module" && this.nameOf(found) === null;
  }

  private factsOf(found: Found): StatusFacts | null {
    if (found.status === null) return null;
    const other = otherStatus(found.giver, found.status);
    if (other !== null) return other;
    const name = this.nameOf(found);
    return name === null ? null : statusFacts(name);
  }

  /** The name of a module's status: its whole upper half must be that status's, but for flags that may be added. */
  private nameOf({ status, giver, printed, call }: Found): string | null {
    if (status === null || giver !== "module") return null;
    if (status >> 32n !== 0n) return this.vocabulary.byUpperHalf.get(upperHalf(status))?.name ?? null;
    const entered = this.entriesOf(call)?.some(
      (leaf) => vcpuLeaves(this.context.catalog).has(leaf.name) && leaf.side === "host",
    );
    return (status === 0n && !printed) || entered === true ? "TDX_SUCCESS" : null;
  }

  /** The entries of the leaf that a line names, or that the caller gave; null when there is none. */
  private entriesOf(call: LeafMention | null): readonly Leaf[] | null {
    if (this.given !== null) return this.given;
    if (call?.leaf == null) return null;
    try {
      return resolveLeaf(this.context.catalog, call.leaf);
    } catch (error) {
      if (error instanceof SeamlockError) return null;
      throw error;
    }
  }

  private sideOf(leaf: string | null): Leaf["side"] | null {
    return this.context.catalog.leaves.find((l) => l.name === leaf)?.side ?? null;
  }

  private ofOthers({ found, line, outputs, count, first, last }: LogGroup): Unadvised {
    const { status, giver, call } = found;
    const facts = this.factsOf(found);
    const whoseStatus =
      giver === "p-seamldr" || giver === "tdvmcall" ? whose(giver) : "A status of Linux itself, not of the module.";
    const entries = giver === "linux" ? this.entriesOf(call) : null;
    const loader = call?.loader ?? null;
    return {
      ...nothingElse(),
      line: found.alone ? null : line,
      status: status === null ? null : formatStatus(status),
      name: facts?.name ?? null,
      leaf: entries?.[0]?.name ?? null,
      version: call?.version ?? null,
      kind: facts?.kind ?? "unknown",
      meaning: facts?.meaning ?? `${whoseStatus} Its value has no name here.`,
      bits: status === null ? null : bitsOf(status),
      outputs: { ...outputs },
      giver,
      callee:
        loader !== null ? loaderCall(loader) : giver === "linux" && entries === null ? (call?.word ?? null) : null,
      count,
      first,
      last,
    };
  }

  private ofModule(group: LogGroup): Unadvised {
    const { found, line, outputs, count, first, last } = group;
    const { call, cut, upperOnly } = found;
    const { catalog } = this.context;
    const entries = this.entriesOf(call);
    const name = this.nameOf(found);
    const status = found.status;
    const low = status === null || upperOnly ? null : Number(status & 0xffff_ffffn);
    const half = name === null ? null : readLowHalf(catalog, entries, name, low);
    const wanted = name === null || status === null ? null : { status, upperOnly };
    const isGuessed = call?.assumed === true && this.given === null && entries !== null && name !== null;
    const returning = isGuessed
      ? this.returning(name, wanted, low).filter(({ side }) => side === entries[0]?.side)
      : (entries ?? this.returning(name, wanted, low));
    const isBusy = wanted !== null && this.kindOf(found, name) !== "caller";
    const isMade = entries === null || isGuessed || this.context.makes(entries);
    const holders = isBusy ? holdersOf(this.context, returning, wanted) : [];
    const operand = half?.operand ?? null;
    const leaf = entries?.[0]?.name ?? null;
    const kind = this.kindOf(found, name);
    const note = name === null || leaf === null ? null : leafNote(name, leaf, operand?.id ?? null);
    const barred = found.printed ? barredVcpus(this.context, { leaf, operand, kind }) : new Set<string>();
    const exiting = wanted === null ? [] : callsEndingIn(catalog, wanted);
    return {
      ...nothingElse(),
      line: found.alone ? null : line,
      status: status === null ? null : formatStatus(status),
      name,
      operand: operand === null ? null : { ...operand },
      leaf,
      version: call?.version ?? null,
      kind,
      meaning: this.meaningOf(found, name, note?.meaning ?? null),
      bits: status === null ? null : bitsOf(status),
      outputs: isDump(line) ? {} : { ...outputs },
      leaves: entries === null || isGuessed ? [...new Set(returning.map((l) => l.name))] : [],
      resources: wanted === null ? [] : [...resourcesOf(returning, wanted), ...resourcesOfExit(exiting)],
      holders: holders.map((h) => (barred.has(h.leaf) ? { ...h, possible: false, barred: true } : h)),
      callee: entries === null ? (call?.word ?? null) : null,
      details: [...(half?.details ?? [])],
      returned: half?.returned ?? null,
      cut,
      changed: this.changedBy(found, name, entries, operand, wanted),
      causes: this.causesOf(kind, isGuessed ? returning : entries, wanted),
      reactions: kind === "busy" ? this.reactionsOf(found, entries, operand) : [],
      notes: [
        ...this.notesOf(found, name, entries, isGuessed ? null : (half?.returned ?? null)),
        ...(isBusy && !isMade ? [this.notMade(leaf)] : []),
      ],
      count,
      first,
      last,
    };
  }

  private notMade(leaf: string | null): string {
    const { catalog, host } = this.context;
    const isGuests = catalog.leaves.some((one) => one.name === leaf && one.side === "guest");
    const what = isGuests
      ? `The profile of ${host?.name ?? "the host"} names no guest that makes ${leaf}()`
      : `${host?.name ?? "The host"} makes no call of ${leaf}(), as its profile has it`;
    return `${what}: who can hold the lock is told by the module's rules alone.`;
  }

  /** Leaves that can return a status that no line names a leaf for. */
  private returning(name: string | null, wanted: Wanted | null, low: number | null): readonly Leaf[] {
    if (name === null || wanted === null) return [];
    const told = leavesReturning(this.context.catalog, name, low);
    if (told.length > 0) return told;
    return this.context.catalog.leaves.filter((leaf) => rowsFor(leaf, wanted).length > 0 || isOtherBusy(leaf, wanted));
  }

  private kindOf(found: Found, name: string | null): Kind {
    if (name !== null) return statusFacts(name)?.kind ?? kindByFlags(this.context.catalog, name);
    // The kernel dropped the status because it treats all alike.
    return found.status === null && found.cut === null ? "caller" : "unknown";
  }

  private meaningOf(found: Found, name: string | null, note: string | null): string {
    const { status, cut, printed } = found;
    if (name === "TDX_SUCCESS" && status !== null && status !== 0n) {
      const exit = exitText(Number(status & 0xffff_ffffn));
      return `The vCPU left the guest; the low 32 bits are its exit reason: ${exit}.`;
    }
    if (status === null && cut === null) return DROPPED;
    const cutText = cut === null ? "" : `The number is cut: it has ${cut} digits, and a status has 16. `;
    if (name !== null)
      return `${cutText}${note ?? statusFacts(name)?.meaning ?? "The bundled facts say nothing of this status."}`;
    if (cut !== null) return `${cutText}What is left does not say which status it is.`;
    if (this.isZero(found)) return ZERO.meaning;
    if (status !== null && status < 1n << 32n) {
      const said = printed
        ? "The line says that the call failed, but the number has no error bit: it is cut, or not the status."
        : "The number has no error bit.";
      return `${said} As a result of TDH.VP.ENTER it would be ${exitText(Number(status))}.`;
    }
    return `Module ${this.context.catalog.module.version} has no status with this class and code and these flags.`;
  }

  /** A kernel tells BUSY from the rest by the class and code that the call's locks give; others of the kind it does not know. */
  private reactionsOf(
    { status }: Found,
    entries: readonly Leaf[] | null,
    operand: Operand | null,
  ): StatusExplanation["reactions"] {
    const { catalog, profile } = this.context;
    const leaf = entries?.[0]?.name;
    if (status === null || entries === null || leaf === undefined || profile === null) return [];
    const isOfLock = entries.some(({ acquisitions }) =>
      acquisitions.some(({ busyStatus }) => busyStatus !== null && upperHalf(BigInt(busyStatus)) === upperHalf(status)),
    );
    if (!isOfLock) return [];
    return reactionsTo(catalog, profile, leaf, operand?.id ?? null);
  }

  private changedBy(
    found: Found,
    name: string | null,
    entries: readonly Leaf[] | null,
    operand: Operand | null,
    wanted: Wanted | null,
  ): string[] {
    if (name === null || entries === null || wanted === null) return [];
    const { catalog } = this.context;
    const rows = entries.flatMap((leaf) => rowsFor(leaf, wanted));
    const setsPriority = rows.some((row) => {
      const lock = catalog.locks.find((l) => l.kind === row.lock);
      return (lock?.primitives ?? []).some(
        (p) =>
          p.operation !== "release" &&
          p.setsHostPriority &&
          p.side !== "guest" &&
          row.side === "host" &&
          (p.mode === null || p.mode === row.mode),
      );
    });
    const leaf = entries[0]?.name ?? "";
    const effects = EFFECTS.filter(
      (e) =>
        e.leaves.includes(leaf) &&
        e.statuses.includes(name) &&
        (e.operands.length === 0 || (operand !== null && e.operands.includes(operand.id))),
    );
    return [
      ...(setsPriority ? [HOST_PRIORITY.set] : []),
      ...new Set(effects.map((e) => e.says)),
      ...(this.isEndOfImport(found, name, entries) ? [FAILED_IMPORT.says] : []),
    ];
  }

  /** Is it a status that the call made fatal because the import has failed? */
  private isEndOfImport({ status }: Found, name: string | null, entries: readonly Leaf[] | null): boolean {
    const { catalog } = this.context;
    if (name === null || entries === null || status === null) return false;
    const isFatal = ((status >> 61n) & 1n) === 1n && !((BigInt(catalog.statusCodes[name] ?? 0) >> 61n) & 1n);
    return isFatal && catalog.opStates.includes(FAILED_IMPORT.opState) && this.makesFatal(entries, name);
  }

  /** Does the leaf itself make the status fatal, as calls of an import do when it fails? */
  private makesFatal(entries: readonly Leaf[], name: string): boolean {
    const { statuses = [] } = this.context.catalog;
    return entries.some((leaf) =>
      leaf.statuses?.some((id) => statuses[id]?.status === name && statuses[id]?.fatal === true),
    );
  }

  private causesOf(kind: Kind, entries: readonly Leaf[] | null, wanted: Wanted | null): string[] {
    if (kind !== "busy" || wanted === null || entries === null) return [];
    const loses = entries.some((leaf) => rowsFor(leaf, wanted).some((row) => row.hostPriorityStatus !== null));
    return loses ? [HOST_PRIORITY.cause] : [];
  }

  private notesOf(
    found: Found,
    name: string | null,
    entries: readonly Leaf[] | null,
    returned: boolean | null,
  ): string[] {
    const { catalog } = this.context;
    const { call } = found;
    const leaf = entries?.[0] ?? null;
    const version = catalog.module.version;
    const notes: string[] = [];
    if (found.upperOnly)
      notes.push("Only the upper 32 bits are known: what the low half says, an operand most often, is not.");
    if (call !== null && entries === null && call.loader === null && found.status !== null)
      notes.push(`Module ${version} has no leaf ${call.word}: a kernel or a module of another version.`);
    if (returned === false && leaf !== null && name !== null) {
      const low = found.upperOnly || found.status === null ? null : Number(found.status & 0xffff_ffffn);
      const others = [
        ...new Set(
          leavesReturning(catalog, name, low)
            .filter((l) => l.side === leaf.side)
            .map((l) => l.name),
        ),
      ];
      const who =
        others.length === 0
          ? "no leaf of it does"
          : others.length > 6
            ? `${others.length} others can`
            : `these can: ${others.map((l) => `${l}()`).join(", ")}`;
      notes.push(`By its source, ${leaf.name}() of module ${version} does not end with this status; ${who}.`);
    }
    if (leaf !== null && (name === "TDX_OPERAND_BUSY" || found.status === null))
      notes.push(...GUEST_KERNELS.filter((g) => g.leaf === leaf.name).map((g) => g.says));
    return notes;
  }
}

/** The leaves that can have returned a status: the one that the input names, else all that can. */
export const returners = ({ leaf, leaves }: Pick<StatusExplanation, "leaf" | "leaves">): readonly string[] =>
  leaf === null || leaves.length > 0 ? leaves : [leaf];

/** The leaves that only a vCPU makes, where the kernel had kept all vCPUs out when it printed a line. */
function barredVcpus(
  { catalog, profile }: Context,
  { leaf, operand, kind }: Pick<StatusExplanation, "leaf" | "operand" | "kind">,
): ReadonlySet<string> {
  if (leaf === null || profile === null || kind !== "busy") return new Set();
  return keptVcpusOut(profile, catalog, leaf, operand?.id ?? null) ? vcpuLeaves(catalog) : new Set();
}

/** What Linux prints of a warning: the registers of the CPU by then, which are no outputs of the call, though RAX often still is its status. */
const isDump = (line: string): boolean => /\bRAX: [0-9a-f]{16} RBX: /.test(line);

/** The sort of a status that no facts are bundled for: by the flags that its name stands for. */
function kindByFlags({ statusCodes }: Catalog, name: string): Kind {
  const { error, nonRecoverable, fatal } = bitsOf(BigInt(statusCodes[name] ?? 0));
  if (!error) return "unknown";
  return fatal ? "fatal" : nonRecoverable ? "caller" : "retry";
}

function nothingElse(): Omit<
  Unadvised,
  "line" | "status" | "name" | "leaf" | "version" | "kind" | "meaning" | "bits" | "outputs" | "count" | "first" | "last"
> {
  return {
    operand: null,
    leaves: [],
    resources: [],
    holders: [],
    elsewhere: [],
    giver: "module",
    callee: null,
    details: [],
    returned: null,
    cut: null,
    changed: [],
    causes: [],
    reactions: [],
    notes: [],
  };
}

function bitsOf(status: bigint): NonNullable<StatusExplanation["bits"]> {
  const bit = (n: bigint): boolean => ((status >> n) & 1n) === 1n;
  return {
    error: bit(63n),
    nonRecoverable: bit(62n),
    fatal: bit(61n),
    hostRecoverabilityHint: bit(60n),
    class: Number((status >> 40n) & 0xffn),
    code: Number((status >> 32n) & 0xffn),
    detail: Number(status & 0xffff_ffffn),
  };
}
