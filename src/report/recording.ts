/** What a recording of a host shows, for people. */
import type { Catalog } from "../catalog/index.ts";
import { thousands } from "../text.ts";
import { INTERRUPTED, type TraceDocument } from "../trace/index.ts";
import { type Block, markdownOf, type Row, textOf } from "./blocks.ts";
import { shortStatus } from "./status.ts";
import { count, list } from "./words.ts";

/** The document as plain ASCII text in 80 columns, ending with a newline; statuses by the names that the module has for them. */
export function renderRecordingText(doc: TraceDocument, catalog: Catalog): string {
  return textOf(recordingBlocks(doc, catalog));
}

/** The document as Markdown, ending with a newline; statuses by the names that the module has for them. */
export function renderRecordingMarkdown(doc: TraceDocument, catalog: Catalog): string {
  return markdownOf(recordingBlocks(doc, catalog));
}

type Busy = TraceDocument["busy"]["shown"][number];
type Call = Busy["call"];
type Culprit = Busy["culprits"][number];

const TOP_PAIRS = 20;
const TOP_WORST = 5;
const TOP_BUSY = 5;

function recordingBlocks(doc: TraceDocument, catalog: Catalog): readonly Block[] {
  const host = doc.host === null ? "" : `, host ${doc.host}`;
  return [
    { kind: "title", text: `What the recording shows (module ${doc.module.version}${host})` },
    { kind: "list", items: summary(doc) },
    ...surprises(doc),
    ...pairs(doc),
    ...episodes(doc),
    ...lanes(doc),
    ...examples(doc, catalog),
    ...paths(doc),
    ...leaves(doc),
    ...recorded(doc),
  ];
}

function summary({ recording, busy, episodes: ep, surprises: found, host, diagnostics }: TraceDocument): string[] {
  const { certain, likely, possible, none } = busy.byCertainty;
  const share = recording.calls === 0 ? "" : ` (${percent(busy.count, recording.calls)})`;
  const named = [
    ...(certain > 0 ? [`${thousands(certain)} for certain`] : []),
    ...(likely > 0 ? [`${thousands(likely)} likely`] : []),
    ...(possible > 0 ? [`${thousands(possible)} as one of several`] : []),
  ];
  return [
    ...(diagnostics.some(({ code }) => code === INTERRUPTED)
      ? [`Only the first ${thousands(recording.lines)} lines were read: the reading was interrupted.`]
      : []),
    `${thousands(busy.count)} of ${thousands(recording.calls)} calls returned BUSY${share}.`,
    ...(busy.count === 0
      ? []
      : [
          `Who held the lock is known of ${thousands(busy.count - none)}: ${named.length === 0 ? "none" : list(named)}.` +
            (none > 0 ? ` Of ${thousands(none)} nobody is known.` : ""),
        ]),
    ...(ep.count === 0
      ? []
      : [
          `${count(ep.count, "time")} a call was refused and had to get through, which took ${duration(ep.lost)} in all: ${outcomesText(ep.outcomes)}.`,
        ]),
    ...(host === null
      ? ["No host profile was given: whether any of this should have been impossible is not looked at (--host)."]
      : [
          found.length === 0
            ? `Nothing was seen that the profile ${host} rules out.`
            : `${count(found.length, "thing")} was seen that the profile ${host} rules out: the profile, the rules or the kernel is wrong.`,
        ]),
  ];
}

/** How the tries of refused calls ended, in words: `4 got through, 1 was given up and 2 were open when the recording ended`. */
export function outcomesText(outcomes: TraceDocument["episodes"]["outcomes"]): string {
  const was = (n: number): string => (n === 1 ? "was" : "were");
  const { done, open, other, "given-up": given } = outcomes;
  return list([
    `${thousands(done)} got through`,
    ...(given > 0 ? [`${thousands(given)} ${was(given)} given up`] : []),
    ...(other > 0 ? [`${thousands(other)} ended in another error`] : []),
    ...(open > 0 ? [`${thousands(open)} ${was(open)} open when the recording ended`] : []),
  ]);
}

function surprises({ surprises: found }: TraceDocument): Block[] {
  if (found.length === 0) return [];
  return [
    { kind: "heading", text: "Surprises" },
    {
      kind: "list",
      items: found.map(({ what, count: times, excludedBy, first }) => {
        const by = excludedBy.length === 0 ? "" : `; the profile has ${list(excludedBy)} keep them apart`;
        return `${what}, ${count(times, "time")}${by}. First: ${first.map(callText).join("; ")}.`;
      }),
    },
  ];
}

function pairs({ busy }: TraceDocument): Block[] {
  if (busy.pairs.length === 0) return [];
  const rows = busy.pairs.slice(0, TOP_PAIRS).map(
    ({ leaf, resource, by, certainty, count: n }): Row => ({
      cells: [thousands(n), leaf, resource, by, certainty === "none" ? "-" : certainty],
    }),
  );
  return [
    { kind: "heading", text: "Who was refused, and who held the lock" },
    {
      kind: "table",
      head: ["times", "refused", "resource", "held by", "how sure"],
      widths: [9, 24, 13, 24, 10],
      groups: [rows],
    },
    ...more(busy.pairs.length - TOP_PAIRS, "row"),
  ];
}

function more(hidden: number, what: string): Block[] {
  return hidden > 0 ? [{ kind: "paragraph", text: `${count(hidden, `more ${what}`)}; --json has all.` }] : [];
}

function episodes({ episodes: ep }: TraceDocument): Block[] {
  if (ep.count === 0) return [];
  const tries = Object.entries(ep.tries).map(
    ([n, times]) => `${thousands(times)} took ${count(Number(n), "try", "tries")}`,
  );
  return [
    { kind: "heading", text: "How long it took to get through" },
    {
      kind: "list",
      items: [
        `${list(tries)}.`,
        `From the first try to the last one: ${histogram(ep.durations)}.`,
        ...(ep.vcpusOut > 0
          ? [`The TD's vCPUs were out of the guest for ${duration(ep.vcpusOut)} meanwhile, added up.`]
          : []),
      ],
    },
    {
      kind: "table",
      head: ["lost", "at (s)", "call", "GPA", "CPU", "tries", "end"],
      widths: [10, 16, 24, 14, 4, 6, 6],
      groups: [
        ep.worst.slice(0, TOP_WORST).map(
          ({ lost, begin, leaf, gpa, cpu, tries: n, outcome }): Row => ({
            cells: [duration(lost), seconds(begin), leaf, gpa ?? "-", String(cpu), String(n), outcome],
          }),
        ),
      ],
    },
  ];
}

/** Columns of a lane, and calls that have one. */
const LANE = 44;
const LANES = 10;
/** The uppermost bit of a status tells of an error. */
const REFUSED = /^0x[89A-F]/;

/** The worst episodes as lanes: a row a call and CPU, time from left to right. */
function lanes({ episodes: ep }: TraceDocument): Block[] {
  const drawn = ep.worst.filter(({ around, lost }) => around.length > 0 && lost > 0);
  return drawn.flatMap(({ leaf, begin, lost, around, tries }): Block[] => {
    const [from, to] = [begin - lost / 20, begin + lost * 1.05];
    const rows = new Map<string, Call[]>();
    for (const call of around) {
      const name = `${call.cpu} ${call.leaf === "tdh_vp_enter" ? "in the guest" : call.leaf}`;
      rows.set(name, [...(rows.get(name) ?? []), call]);
    }
    const shown = [...rows].slice(0, LANES);
    return [
      {
        kind: "heading",
        text: `${leaf}: ${duration(lost)} from ${seconds(begin)} s, ${count(tries, "try", "tries")}`,
      },
      {
        kind: "table",
        head: ["CPU and call", `a column is ${duration((to - from) / LANE)}; # refused, = other`],
        widths: [80 - LANE - 1, LANE + 1],
        groups: [shown.map(([name, calls]): Row => ({ cells: [name, lane(calls, from, to)] }))],
      },
      ...more(rows.size - shown.length, "lane"),
    ];
  });
}

function lane(calls: readonly Call[], from: number, to: number): string {
  const columns = new Array<string>(LANE).fill(".");
  const column = (time: number): number => Math.floor((LANE * (time - from)) / (to - from));
  for (const { begin, end, status } of calls) {
    const first = Math.max(0, column(begin ?? from));
    const last = Math.min(LANE - 1, column(end ?? to));
    const mark = status !== null && REFUSED.test(status) ? "#" : "=";
    for (let i = first; i <= last; i++) if (mark === "#" || columns[i] === ".") columns[i] = mark;
  }
  return columns.join("");
}

function examples({ busy }: TraceDocument, catalog: Catalog): Block[] {
  if (busy.shown.length === 0) return [];
  return [
    { kind: "heading", text: "The first ones" },
    { kind: "list", items: busy.shown.slice(0, TOP_BUSY).map((one) => busyText(one, catalog)) },
  ];
}

function busyText(
  { call, status, resources, certainty, culprits, asLikely, oneOfThese, doubts }: Busy,
  catalog: Catalog,
): string {
  const named = shortStatus(catalog, status);
  const what = `${callText(call)} returned ${named} (${resources.join(" or ") || "no lock that the module knows of"})`;
  const [first] = culprits;
  if (first === undefined) return `${what}: nobody is known who can have held it${whyNot(doubts)}.`;
  const sure = certainty === "certain" ? "held by" : certainty === "likely" ? "most likely held by" : "perhaps held by";
  const likely = list(culprits.slice(0, asLikely).map(culpritText), "or");
  const others = culprits.slice(asLikely);
  const also = others.length === 0 ? "" : `; else by ${list(others.map(culpritText), "or")}`;
  const all = certainty !== "certain" && oneOfThese ? "; it was one of these" : "";
  return `${what}: ${sure} ${likely}${also}${all}${certainty === "certain" ? "" : whyNot(doubts)}.`;
}

const WHY_NOT: Readonly<Record<Busy["doubts"][number], string | null>> = {
  lost: "events were lost around then",
  edge: "the recording begins or ends around then",
  crowded: "more calls were in flight than are looked at",
  unwatched: "the recording does not watch every call that takes the lock",
  unsure: "the recording lacks the beginning or the end of a call",
  object: "the operands do not tell whether it was the same object",
  several: null,
  status: "the module returns this status for no lock",
  "host-priority": "the guest gave way to host priority that a refused call had left behind",
};

function whyNot(doubts: Busy["doubts"]): string {
  const reasons = doubts.map((doubt) => WHY_NOT[doubt]).filter((reason) => reason !== null);
  return reasons.length === 0 ? "" : ` (${list(reasons)})`;
}

function culpritText({ kind, leaf, mode, calls }: Culprit): string {
  const [first] = calls;
  if (kind === "call" && first !== undefined) return `${callText(first)}, ${mode}`;
  const cpus = [...new Set(calls.map(({ cpu }) => cpu))].map(String);
  return `${leaf === null ? "a TDCALL" : leaf} of the guest on CPU ${list(cpus, "or")}`;
}

function callText({ leaf, begin, end, cpu, gpa }: Call): string {
  const lasted = begin === null || end === null ? "" : ` for ${duration(end - begin)}`;
  const on = gpa === null ? "" : ` of GPA ${gpa}`;
  return `${leaf}${on} on CPU ${cpu} at ${begin === null ? "an unknown time" : `${seconds(begin)} s`}${lasted}`;
}

function paths({ busy }: TraceDocument): Block[] {
  if (busy.paths.length === 0) return [];
  return [
    { kind: "heading", text: "From where the refused calls were made" },
    {
      kind: "list",
      items: busy.paths
        .slice(0, TOP_PAIRS)
        .map(({ leaf, chain, count: n }) => `${thousands(n)}: ${leaf} <- ${chain.join(" <- ")}`),
    },
    ...more(busy.paths.length - TOP_PAIRS, "path"),
  ];
}

function leaves({ leaves: all, neverSeen }: TraceDocument): Block[] {
  if (all.length === 0) return [];
  const rows = all.map(
    ({ leaf, calls, busy, errors, time, longest }): Row => ({
      cells: [
        leaf,
        thousands(calls),
        thousands(busy),
        thousands(errors),
        calls === 0 ? "-" : duration(time / calls),
        duration(longest),
      ],
    }),
  );
  return [
    { kind: "heading", text: "Calls" },
    {
      kind: "table",
      head: ["call", "calls", "busy", "errors", "mean", "longest"],
      widths: [27, 13, 10, 10, 10, 10],
      groups: [rows],
    },
    ...(neverSeen.length === 0
      ? []
      : [
          { kind: "paragraph", text: `Paths of the host of which no call was seen: ${neverSeen.join("; ")}.` } as const,
        ]),
  ];
}

function recorded({ recording: r }: TraceDocument): Block[] {
  const span = r.from === null || r.to === null ? "" : `, ${duration(r.to - r.from)} from ${seconds(r.from)} s`;
  return [
    { kind: "heading", text: "The recording" },
    {
      kind: "list",
      items: [
        `${r.format}${r.kernel === null ? "" : `, kernel ${r.kernel}`}${r.clock === null ? "" : `, clock ${r.clock}`}: ${thousands(r.lines)} lines${span}; ` +
          `${count(r.cpus, "CPU")}, ${count(r.tds, "TD")}, ${count(r.vcpus, "vCPU")}.`,
        `${thousands(r.unread)} lines could not be read, ${thousands(r.passed)} are about something else; ${thousands(r.lost)} events were lost, ` +
          `${thousands(r.unmatched)} calls lack a beginning or an end, ${thousands(r.open)} were open at the end.`,
      ],
    },
  ];
}

function histogram(durations: Readonly<Record<string, number>>): string {
  const parts = Object.entries(durations).map(([bound, n]) => `${thousands(n)} up to ${duration(Number(bound))}`);
  return list(parts);
}

function percent(part: number, whole: number): string {
  const share = (100 * part) / whole;
  return `${share < 0.01 && share > 0 ? "less than 0.01" : share.toFixed(2)} %`;
}

function seconds(ns: number): string {
  return (ns / 1e9).toFixed(6);
}

/** Three digits and the unit that fits. */
function duration(ns: number): string {
  if (ns < 1000) return `${Math.round(ns)} ns`;
  const [unit, size] = ns < 1e6 ? ["us", 1e3] : ns < 1e9 ? ["ms", 1e6] : ["s", 1e9];
  return `${Number((ns / (size as number)).toPrecision(3))} ${unit}`;
}
