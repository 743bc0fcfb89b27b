/** What the extraction could not resolve, as diagnostics with places. */

import type { Program } from "../c/index.ts";
import type { Diagnostic } from "../catalog/index.ts";
import type { Analysis, Unfollowed } from "./analysis.ts";
import type { Unheeded } from "./bars.ts";
import type { Entry } from "./entries.ts";
import type { Context, Taken } from "./graph.ts";
import type { PageSizes } from "./page-sizes.ts";
import type { PlacedRow } from "./profile.ts";
import type { Reach } from "./reach.ts";
import type { KernelRules } from "./rules.ts";
import type { Trouble } from "./run.ts";
import { MODELS, PRELUDE, type Source } from "./source.ts";
import { comparePlaces } from "./state.ts";
import type { KernelTree } from "./tree.ts";
import { unmetCalls } from "./unmet.ts";

interface Findings {
  readonly tree: KernelTree;
  readonly program: Program;
  readonly rules: KernelRules;
  readonly source: Source;
  readonly reach: Reach;
  readonly analysis: Analysis;
  readonly entries: readonly Entry[];
  /** All that some entry leads to in some phase. */
  readonly contexts: readonly Context[];
  readonly rows: readonly PlacedRow[];
  readonly unheeded: readonly Unheeded[];
  /** Locks with which some way leaves the kernel. */
  readonly kept: readonly Taken[];
  /** Of private pages. */
  readonly sizes: PageSizes;
}

/** All diagnostics, sorted by file and line. */
export function diagnose(findings: Findings): Diagnostic[] {
  const reached = findings.contexts;
  const found = [
    ...treeFindings(findings),
    ...unparsedEntries(findings),
    ...onePerLock(findings.analysis.troubles(reached)).flatMap(troubleFinding),
    ...assertionFindings(reached),
    ...prunedFindings(findings),
    ...unreached(findings, reached),
    ...unmetFindings(findings),
    ...leafFindings(reached),
    ...busyFindings(findings.rows),
    ...unfollowedFindings(findings),
    ...barFindings(findings),
    ...keptFindings(findings),
    ...droppedFindings(findings),
    ...operandFindings(findings),
    ...ruleFindings(findings),
  ];
  const unique = new Map(found.map((d) => [`${d.code} ${d.file} ${d.line} ${d.message}`, d]));
  return [...unique.values()].sort(compare);
}

function compare(a: Diagnostic, b: Diagnostic): number {
  const [x, y] = [a.file ?? "", b.file ?? ""];
  if (x !== y) return x < y ? -1 : 1;
  return (
    (a.line ?? 0) - (b.line ?? 0) ||
    (a.code < b.code ? -1 : a.code > b.code ? 1 : 0) ||
    (a.message < b.message ? -1 : 1)
  );
}

const at = (place: { readonly file: string; readonly line: number }) => ({ file: place.file, line: place.line });

const placesOf = (sites: readonly { readonly file: string; readonly line: number }[]): string =>
  sites.map(({ file, line }) => `${file}:${line}`).join(", ");

function treeFindings({ tree, program }: Findings): Diagnostic[] {
  return [
    ...tree.skipped.map(
      ({ path, reason }): Diagnostic => ({
        code: "SL3410",
        severity: "error",
        message: `not read: ${reason}`,
        file: path,
        line: 1,
      }),
    ),
    ...program.unevaluated.map(
      ({ file, line, text }): Diagnostic => ({
        code: "SL3411",
        severity: "error",
        message: `condition not evaluated, taken as false: ${text}`,
        file,
        line,
      }),
    ),
    ...program.clashes().flatMap(({ name, infos }): Diagnostic[] =>
      infos.map((info) => ({
        code: "SL3412",
        severity: "warning",
        message: `${name} is defined for all by more than one file`,
        ...at(info),
      })),
    ),
    ...program.ambiguous.flatMap(([taken, ...others]): Diagnostic[] =>
      taken === undefined
        ? []
        : [
            {
              code: "SL3412",
              severity: "warning",
              message: `the macro ${taken.name} is taken as it is defined here, and defined otherwise at ${placesOf(others)}`,
              ...at(taken),
            },
          ],
    ),
    ...program.clashingEnumerators.flatMap(([first, ...others]): Diagnostic[] =>
      first === undefined
        ? []
        : [
            {
              code: "SL3412",
              severity: "warning",
              message: `the enumerator ${first.name} has another value at ${placesOf(others)}; none is taken`,
              ...at(first),
            },
          ],
    ),
  ];
}

const TROUBLES: Readonly<Record<Trouble["kind"], readonly [string, Diagnostic["severity"], (what: string) => string]>> =
  {
    unparsed: ["SL3413", "error", (what) => `${what} could not be parsed; what it does is missing`],
    lost: ["SL3413", "error", (what) => `a statement of ${what} was not understood; what it does is missing`],
    pointer: [
      "SL3414",
      "warning",
      (what) => `the call through ${what} is not followed: nothing is known to be stored there`,
    ],
    states: ["SL3415", "error", (what) => `${what} has more situations than are told apart; some were left out`],
    steps: ["SL3415", "error", (what) => `the analysis ended in ${what}: too many steps`],
    depth: ["SL3415", "error", (what) => `${what} is called too deep to be followed`],
    recursion: ["SL3415", "error", (what) => `${what} calls itself, and its outcome does not settle`],
    unclassed: ["SL3416", "note", (what) => `${what} is a lock that no rule knows; it is claimed nowhere`],
  };

/** Entries that nothing is said of, since they could not be parsed: no other function's analysis meets them, and tells it. */
const unparsedEntries = ({ entries, source }: Findings): Diagnostic[] =>
  entries
    .filter(({ info }) => source.code(info) === null)
    .flatMap(({ info }) =>
      troubleFinding({ kind: "unparsed", what: info.name, place: { ...info, function: info.name } }),
    );

/** Of the places where a lock is taken that no rule knows, the first one. */
function onePerLock(troubles: readonly Trouble[]): Trouble[] {
  const first = new Map<string, Trouble>();
  for (const trouble of troubles) {
    if (trouble.kind !== "unclassed") continue;
    const known = first.get(trouble.what);
    if (known === undefined || comparePlaces(trouble.place, known.place) < 0) first.set(trouble.what, trouble);
  }
  return [...troubles.filter(({ kind }) => kind !== "unclassed"), ...first.values()];
}

function troubleFinding({ kind, what, place }: Trouble): Diagnostic[] {
  const [code, severity, message] = TROUBLES[kind];
  return [{ code, severity, message: message(what), ...at(place) }];
}

/** Assertions that a lock is held where the analysis does not find it. */
function assertionFindings(reached: readonly Context[]): Diagnostic[] {
  return reached.flatMap((context) =>
    [...context.assertions.values()]
      .filter(({ holds, locks, lock }) => !holds && !locks.held.some((held) => held.lock === lock))
      .map(
        ({ line, lock, isTrusted }): Diagnostic => ({
          code: "SL3417",
          severity: "warning",
          message: `${context.name} asserts that ${lock} is held, and ${
            isTrusted
              ? "is called from outside: it is taken at its word"
              : "a way leads there on which nothing takes it"
          }`,
          file: context.file,
          line,
        }),
      ),
  );
}

/** Ways that an assertion rules out, and no rule says that there are none: a lock that is taken in another mode than it must be. */
function prunedFindings({ analysis, rules }: Findings): Diagnostic[] {
  const known = new Set(rules.locks.ruledOut.map((rule) => rule.function));
  return [...analysis.prunings.values()]
    .filter(({ place }) => !known.has(place.function))
    .map(
      ({ place, lock, wanted }): Diagnostic => ({
        code: "SL3417",
        severity: "warning",
        message: `${place.function} asserts that ${lock} is held ${wanted === "shared" ? "for reading" : "for writing"}, and a way leads there on which it is held otherwise: what follows on that way is left out`,
        ...at(place),
      }),
    );
}

/** SEAMCALLs that no entry leads to. */
function unreached({ program, source, reach, rules }: Findings, reached: readonly Context[]): Diagnostic[] {
  const used = source.namedWords();
  const names = new Set(reached.map((context) => `${context.file} ${context.name}`));
  const direct = [...program.functions.values()]
    .flat()
    .filter((info) => info.file !== MODELS && info.file !== PRELUDE && reach.reachesSeamcall(info))
    // What nobody names and no other file sees never runs.
    .filter((info) => used.has(info.name) || !info.isStatic);
  const wrapped = new RegExp(
    `^(?:${[...rules.seamcalls.wrappers.map((p) => p.replaceAll("*", "\\w*")), ...Object.keys(rules.seamcalls.calls)].join("|")})$`,
  );
  return direct
    .filter(
      (info) => !names.has(`${info.file} ${info.name}`) && source.callsOf(info).some((name) => wrapped.test(name)),
    )
    .map((info) => ({
      code: "SL3418",
      severity: "warning",
      message: `${info.name} makes a SEAMCALL, and no entry leads to it`,
      ...at(info),
    }));
}

/** Calls that can lead to a SEAMCALL and that no way comes to. */
const unmetFindings = ({ analysis }: Findings): Diagnostic[] =>
  unmetCalls(analysis).map(({ code, line, names }) => ({
    code: "SL3422",
    severity: "note",
    message: `no way comes to where ${code.name} calls ${listed(names)}, from which a SEAMCALL can be made`,
    file: code.file,
    line,
  }));

/** `a`, `a and b`, `a, b and c` */
const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

function leafFindings(reached: readonly Context[]): Diagnostic[] {
  return reached.flatMap((context) =>
    [...context.seamcalls.values()]
      .filter(({ leaf }) => leaf === null)
      .map(
        ({ line }): Diagnostic => ({
          code: "SL3419",
          severity: "error",
          message: `${context.name} makes a SEAMCALL of which it is not known which one it is`,
          file: context.file,
          line,
        }),
      ),
  );
}

/** SEAMCALLs of whose BUSY nothing is known. */
function busyFindings(rows: readonly PlacedRow[]): Diagnostic[] {
  return rows
    .filter(({ onBusy }) => onBusy.includes("unknown"))
    .flatMap(({ chain, call }): Diagnostic[] => {
      const place = chain.at(-1);
      return place === undefined
        ? []
        : [
            {
              code: "SL3421",
              severity: "warning",
              message: `what becomes of a BUSY of ${call} is not known`,
              ...at(place),
            },
          ];
    });
}

/** Kicks of which it is not known, or not so, that whoever was kicked is kept out. */
const barFindings = ({ analysis, unheeded }: Findings): Diagnostic[] => [
  ...[...analysis.unbarred.values()].map(
    (place): Diagnostic => ({
      code: "SL3424",
      severity: "warning",
      message: `${place.function} makes a call again after it kicked or barred vCPUs, and by what the rules know they are not all out meanwhile: told as a try like the first`,
      ...at(place),
    }),
  ),
  ...[...analysis.endlessKicks.values()].map(
    (place): Diagnostic => ({
      code: "SL3424",
      severity: "warning",
      message: `${place.function} makes a call again until it is not busy, with vCPUs kicked and barred: told as tries without bound, and not that vCPUs are kept out`,
      ...at(place),
    }),
  ),
  ...unheeded.map(
    ({ bar, call, place }): Diagnostic => ({
      code: "SL3424",
      severity: "warning",
      message: `${call} is made though ${bar} may be set, which is to keep vCPUs out: what is tried again after a kick is told as a try like the first`,
      ...at(place),
    }),
  ),
];

/** Locks that are not given back: a fault of the tree's, or two tests of which it was not seen that they come out alike. */
const keptFindings = ({ kept }: Findings): Diagnostic[] =>
  kept.map((taken) => ({
    code: "SL3426",
    severity: "warning",
    message: `${taken.held.lock}, taken here, is still held where a way leaves the kernel: it is not given back there, or what decides about that was not followed, and calls after it are told to hold it`,
    ...at(taken),
  }));

/** Locks that are given back where no way has them: whatever takes them was not understood. */
const droppedFindings = ({ analysis }: Findings): Diagnostic[] =>
  [...analysis.dropped.values()]
    .filter(({ isHeld }) => !isHeld)
    .map(({ place, lock }) => ({
      code: "SL3427",
      severity: "warning",
      message: `${place.function} gives ${lock} back, and on no way there is it held: what takes it was not understood, and calls before are told not to hold it`,
      ...at(place),
    }));

/** Tests of what a BUSY is about: what is done about one of that operand alone is not followed. */
const operandFindings = ({ analysis }: Findings): Diagnostic[] =>
  [...analysis.operandTests.values()].map((place) => ({
    code: "SL3425",
    severity: "warning",
    message: `${place.function} asks whether a BUSY has a certain operand: what is done about that one is not followed, and is not known`,
    ...at(place),
  }));

/** Members that are what they are because of a BUSY, of structures of which there are several. */
const unfollowedFindings = ({ analysis }: Findings): Diagnostic[] =>
  [...analysis.unfollowed.values()].map(({ place, members }) => ({
    code: "SL3423",
    severity: "note",
    message: `a BUSY in ${place.function} decides what is in ${membersListed(members)}; who looks there later is not followed, for there may be several such objects`,
    ...at(place),
  }));

/** Members by name, or some of them and how many more: what a function stores to itself comes first. */
function membersListed({ itself, calls }: Unfollowed["members"]): string {
  const others = [...calls].filter((member) => !itself.has(member)).sort();
  const shown =
    others.length + itself.size <= MOST_SHOWN ? others : others.slice(0, Math.max(0, MOST_SHOWN - itself.size));
  const more = others.length - shown.length;
  return listed([...[...itself].sort(), ...shown, ...(more > 0 ? [`${more} more`] : [])]);
}

/** More members than these are counted, unless the function stores to them itself. */
const MOST_SHOWN = 6;

const pagesFinding = (functions: readonly string[]): Diagnostic => ({
  code: "SL3420",
  severity: "warning",
  message: `what sizes private pages have is not known, and any is taken for possible: the tree has no function that says it (${functions.join(", ")}), or one that was not understood`,
  file: null,
  line: null,
});

/** Rules that match nothing in the tree. */
function ruleFindings({ tree, program, source, rules, analysis, sizes }: Findings): Diagnostic[] {
  const finding = (what: string, name: string): Diagnostic => ({
    code: "SL3420",
    severity: "note",
    message: `the rules speak of ${what} ${name}, which the tree does not have`,
    file: null,
    line: null,
  });
  // What gives something back may be defined outside of what is read.
  const named = source.namedWords();
  const isKnown = (name: string): boolean => program.functions.has(name) || program.macros.has(name);
  const isNamed = (name: string): boolean => isKnown(name) || named.has(name);
  const models = [...program.functions].flatMap(([name, infos]) =>
    infos.some((info) => info.file === MODELS) && !infos.some((info) => info.file !== MODELS) ? [name] : [],
  );
  return [
    ...tree.missing.map((path) => finding("the file", path)),
    ...models.map((name) => finding("the function", name)),
    ...(rules.pages !== undefined && sizes === null ? [pagesFinding(rules.pages.functions)] : []),
    ...source.misfits().map(
      ({ own, parameters, modelled }): Diagnostic => ({
        code: "SL3420",
        severity: "warning",
        message: `the rules' model of ${own.name} is of (${modelled}), and the tree's has (${parameters}): the tree's own is followed`,
        ...at(own),
      }),
    ),
    ...analysis.exclusions
      .map((rule) => rule.function)
      .filter((name) => !isKnown(name))
      .map((name) => finding("the function", name)),
    ...rules.entries.functions.filter((name) => !isKnown(name)).map((name) => finding("the entry", name)),
    ...Object.keys(rules.events)
      .filter((name) => !isNamed(name))
      .map((name) => finding("the function", name)),
    ...Object.entries(rules.kicks).flatMap(([name, { bit }]) =>
      isNamed(name) && analysis.constant(bit) === null
        ? [{ ...finding("the constant", bit), severity: "warning" as const }]
        : [],
    ),
    ...rules.busy.frees.filter((name) => !isNamed(name)).map((name) => finding("the function", name)),
    ...Object.keys(rules.busy.again)
      .filter((name) => !isKnown(name))
      .map((name) => finding("the function", name)),
    ...memberFindings(rules, source).map(({ member, isAlone }) => ({
      ...finding("the member", member),
      ...(isAlone && { severity: "warning" as const }),
    })),
  ];
}

/**
 * Members that the rules name and the tree does not have; `isAlone`: the structure is there, so that the member goes by another name,
 * and what the rules say of it is said of nothing. A lock may have had several in turn.
 */
function memberFindings(
  rules: KernelRules,
  { types, program }: Source,
): { readonly member: string; readonly isAlone: boolean }[] {
  // An object of a file may be defined by a macro.
  const isWord = (name: string): boolean =>
    [...program.texts.values()].some((text) => new RegExp(`\\b${name}\\b`).test(text));
  const isMissing = (member: string): boolean =>
    member.includes(".") ? types.typeOfMember(member) === null : !isWord(member);
  const locks = rules.locks.classes.flatMap(({ members }) => (members.every(isMissing) ? members : []));
  const { facts, busy, bars, phases } = rules;
  const others = [
    ...[facts.members, busy.facts, bars, ...phases.map((phase) => phase.facts)].flatMap(Object.keys),
    ...facts.tracked,
    ...busy.loses,
  ].filter((name) => name.includes(".") && isMissing(name));
  return [...new Set([...locks, ...others])].map((member) => ({
    member,
    isAlone: member.includes(".") && types.membersOf(member.slice(0, member.indexOf("."))).size > 0,
  }));
}
