/** What a recording adds up to. */
import type { Catalog } from "../catalog/index.ts";
import type { HostProfile } from "../host/index.ts";
import type { Blame, Certainty, Culprit } from "./blame.ts";
import { type Call, isSuccess, SUCCESS } from "./call.ts";
import { Counts, Distinct, Histogram, MOST_DISTINCT } from "./distinct.ts";
import type { BusyFacts, CallFacts, EpisodeFacts, TraceDocument } from "./document.ts";
import type { Episode } from "./episodes.ts";
import type { Holders } from "./holders.ts";

interface TallyOptions {
  readonly catalog: Catalog;
  readonly host?: HostProfile;
  readonly most?: number;
}

/** The code that says that what is told is a part of what the recording would tell. */
export const INTERRUPTED = "SL7113";

/** What the reader knows at the end, beside what was added up. */
interface Ending {
  readonly format: string;
  readonly kernel: string | null;
  readonly clock: string | null;
  readonly resolution: number;
  readonly lines: number;
  /** Was it read to its end? */
  readonly whole: boolean;
  /** Does it say when it began, and not when it ended? */
  readonly endless: boolean;
  readonly tooLong: number;
  readonly lost: number;
  readonly unmatched: number;
  readonly open: number;
  readonly late: number;
  readonly hurried: number;
  readonly crowded: number;
  /** What was no longer kept since there was more of it at once than any host has. */
  readonly forgotten: { readonly tasks: number; readonly runs: number; readonly episodes: number };
  readonly from: number | null;
  readonly to: number | null;
  readonly surprises: TraceDocument["surprises"];
  readonly neverSeen: readonly string[];
}

interface OfLeaf {
  calls: number;
  busy: number;
  errors: number;
  time: number;
  longest: number;
  readonly durations: Histogram;
}

type Diagnostic = TraceDocument["diagnostics"][number];

/** Leaves that are told one by one. */
const MOST_LEAVES = 1 << 12;
const IS_IT_A_HOST = "no host has as many at once: read the recording; what is named holds";
const SHOWN_UNREAD = 5;
const SHOWN_TDS = 8;
const USUAL_MOST = 100;
/** Of so many of the worst episodes it is told what else went on. */
const DRAWN = 3;

export class Tally {
  readonly #options: TallyOptions;
  readonly #holders: Holders;
  readonly #leaves = new Map<string, OfLeaf>();
  readonly #unknownLeaves = new Set<string>();
  readonly #pairs = new Counts<string>();
  readonly #paths = new Counts<string>();
  readonly #shown: BusyFacts[] = [];
  readonly #byCertainty: Record<Certainty, number> = { certain: 0, likely: 0, possible: 0, none: 0 };
  readonly #cpus = new Distinct<number>();
  readonly #tds = new Distinct<string>();
  readonly #vcpus = new Distinct<string>();
  readonly #unread: Diagnostic[] = [];
  readonly #outcomes = { done: 0, other: 0, "given-up": 0, open: 0 };
  readonly #tries = new Counts<number>();
  readonly #lostTimes = new Histogram();
  readonly #worst: EpisodeFacts[] = [];
  readonly #allTds = new Set<string>();
  /** Calls of leaves that are too many to be told one by one. */
  #ofOtherLeaves = 0;
  #seen = 0;
  #unreadCount = 0;
  /** Calls whose status is none of the module's, and the first of them. */
  #foreign = 0;
  #firstForeign: string | null = null;
  #calls = 0;
  #busy = 0;
  #episodes = 0;
  #lostTime = 0;
  #timeOut = 0;
  passed = 0;
  overwritten = 0;

  constructor(options: TallyOptions, holders: Holders) {
    this.#options = options;
    this.#holders = holders;
  }

  get #most(): number {
    return this.#options.most ?? USUAL_MOST;
  }

  unread(reason: string, line: string, number: number): void {
    this.#unreadCount += 1;
    if (this.#unread.length >= SHOWN_UNREAD) return;
    const shown = line.length > 80 ? `${line.slice(0, 79)}…` : line;
    this.#unread.push({
      code: "SL7101",
      severity: "warning",
      message: `a line could not be read, ${reason}: ${printable(shown)}`,
      line: number,
      hint: null,
    });
  }

  /** A call, whether or not it is among those that are asked for. */
  seen({ td }: Call): void {
    this.#seen += 1;
    if (td !== null && this.#allTds.size < SHOWN_TDS) this.#allTds.add(td);
  }

  call(call: Call, busy: boolean): void {
    this.#calls += 1;
    let of = this.#leaves.get(call.leaf);
    if (of === undefined) {
      if (this.#unknownLeaves.size < SHOWN_UNREAD && !this.#holders.knows(call.leaf))
        this.#unknownLeaves.add(call.leaf);
      if (this.#leaves.size >= MOST_LEAVES) {
        this.#ofOtherLeaves += 1;
        return;
      }
      of = { calls: 0, busy: 0, errors: 0, time: 0, longest: 0, durations: new Histogram() };
      this.#leaves.set(call.leaf, of);
    }
    of.calls += 1;
    if (busy) of.busy += 1;
    else if (call.status !== null && !isSuccess(call.status)) of.errors += 1;
    if (!busy && call.status !== null && this.#holders.isForeign(call.leaf, call.status)) {
      this.#foreign += 1;
      this.#firstForeign ??= `${call.leaf} returns ${call.status}`;
    }
    if (!call.beginUnsure && !call.endUnsure) {
      const lasted = call.end - call.begin;
      of.time += lasted;
      if (lasted > of.longest) of.longest = lasted;
      of.durations.add(lasted);
    }
    this.#cpus.add(call.cpu, call.cpu);
    if (call.td !== null) this.#tds.add(call.td, call.tid);
    if (call.vp !== null) this.#vcpus.add(call.vp, call.tid);
  }

  blame(blame: Blame): void {
    this.#busy += 1;
    this.#byCertainty[blame.certainty] += 1;
    const resource = blame.resources.join(" or ") || "unknown";
    this.#pairs.add(JSON.stringify([blame.busy.leaf, resource, byOf(blame.culprits[0]), blame.certainty]));
    if (blame.busy.chain !== null) this.#paths.add(JSON.stringify([blame.busy.leaf, blame.busy.chain]));
    if (this.#shown.length < this.#most) this.#shown.push(busyFacts(blame));
  }

  /** `around`: what else the host did for the TD meanwhile; asked for only of those that last longest. */
  episode(episode: Episode, vcpusOut: number | null, around: () => readonly Call[]): void {
    this.#episodes += 1;
    const { begin, end, gpa, ...rest } = episode;
    const lost = end - begin;
    this.#outcomes[episode.outcome] += 1;
    this.#lostTime += lost;
    this.#timeOut += vcpusOut ?? 0;
    this.#tries.add(episode.tries);
    this.#lostTimes.add(lost);
    const least = this.#worst.at(-1)?.lost ?? 0;
    if (this.#worst.length >= this.#most && lost <= least) return;
    const facts: EpisodeFacts = { ...rest, gpa: hex(gpa), begin, lost, vcpusOut, around: [] };
    const at = lost <= least ? -1 : this.#worst.findIndex((one) => one.lost < lost);
    this.#worst.splice(at < 0 ? this.#worst.length : at, 0, facts);
    if (this.#worst.length > this.#most) this.#worst.pop();
    const place = at < 0 ? this.#worst.length - 1 : at;
    if (place >= DRAWN) return;
    facts.around = around().map(callFacts);
    const passed = this.#worst[DRAWN];
    if (passed !== undefined) passed.around = [];
  }

  document(ending: Ending): TraceDocument {
    const { catalog, host } = this.#options;
    return {
      schema: "seamlock/trace@1",
      module: { ...catalog.module },
      host: host?.name ?? null,
      recording: {
        format: ending.format,
        kernel: ending.kernel,
        clock: ending.clock,
        resolution: ending.resolution,
        lines: ending.lines,
        calls: this.#calls,
        unread: this.#unreadCount,
        passed: this.passed,
        lost: ending.lost,
        unmatched: ending.unmatched,
        open: ending.open,
        late: ending.late,
        from: ending.from,
        to: ending.to,
        cpus: this.#cpus.size,
        tds: this.#tds.size,
        vcpus: this.#vcpus.size,
      },
      leaves: [...this.#leaves]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([leaf, { durations, ...of }]) => ({ leaf, ...of, durations: durations.plain() })),
      busy: {
        count: this.#busy,
        byCertainty: { ...this.#byCertainty },
        pairs: mostFrequent(this.#pairs.all).map(([name, n]) => {
          const [leaf, resource, by, certainty] = JSON.parse(name) as [string, string, string, Certainty];
          return { leaf, resource, by, certainty, count: n };
        }),
        paths: mostFrequent(this.#paths.all).map(([name, n]) => {
          const [leaf, chain] = JSON.parse(name) as [string, string[]];
          return { leaf, chain, count: n };
        }),
        shown: this.#shown,
      },
      episodes: {
        count: this.#episodes,
        outcomes: { ...this.#outcomes },
        lost: this.#lostTime,
        vcpusOut: this.#timeOut,
        tries: plain(this.#tries.all),
        durations: this.#lostTimes.plain(),
        worst: this.#worst,
      },
      surprises: ending.surprises,
      neverSeen: [...ending.neverSeen],
      diagnostics: this.#diagnostics(ending),
    };
  }

  #diagnostics(ending: Ending): Diagnostic[] {
    const { lost, tooLong, late, hurried, crowded, unmatched, from, to } = ending;
    const more = this.#unreadCount - this.#unread.length;
    const say = (
      code: string,
      severity: Diagnostic["severity"],
      message: string,
      hint: string | null = null,
    ): Diagnostic => ({ code, severity, message, line: null, hint });
    const some = (n: number, ...said: Parameters<typeof say>): Diagnostic[] => (n > 0 ? [say(...said)] : []);
    const disordered = late + hurried;
    return [
      ...(ending.whole
        ? []
        : [
            say(
              INTERRUPTED,
              "warning",
              `the reading was interrupted: only the first ${ending.lines} lines are told of`,
            ),
          ]),
      ...(ending.whole && ending.endless
        ? [
            say(
              "SL7114",
              "note",
              "the recording has no end: its file was cut off, or its recorder was killed; what came after its last line is not known",
            ),
          ]
        : []),
      ...this.#unread,
      ...some(more, "SL7101", "warning", `${more} more lines could not be read`),
      ...some(tooLong, "SL7102", "warning", `${tooLong} lines are too long and were cut off`),
      ...some(
        lost,
        "SL7103",
        "warning",
        `${lost} events are missing from the recording; what they would have told is not known`,
        "record for a shorter time, or with larger buffers",
      ),
      ...some(this.overwritten, "SL7107", "note", `the ring was full: the oldest ${this.overwritten} events are gone`),
      ...some(unmatched, "SL7104", "note", `${unmatched} calls have no beginning or no end in the recording`),
      ...some(
        disordered,
        "SL7105",
        "warning",
        `${disordered} calls were printed out of their order and are not told beside others`,
        "sort the recording by time, or record with one clock for all CPUs",
      ),
      ...some(
        crowded,
        "SL7109",
        "warning",
        `${crowded} times more calls were in flight at once than are looked at: nobody is named for certain then`,
        "record while fewer guests run; all else holds",
      ),
      ...(this.#calls === 0 ? [say("SL7110", "warning", ...this.#nothing(from, to))] : []),
      ...[...this.#unknownLeaves].map((leaf) =>
        say(
          "SL7106",
          "warning",
          `module ${this.#options.catalog.module.version} has no leaf ${printable(leaf)}`,
          "name the module of the recorded host with --module",
        ),
      ),
      ...some(
        this.#foreign,
        "SL7112",
        "warning",
        `${this.#foreign} statuses are none of module ${this.#options.catalog.module.version}: ${printable(this.#firstForeign ?? "")}`,
        "name the module of the recorded host with --module; a line that is damaged tells such, too",
      ),
      ...this.#beyondBounds(ending).map((message) => say("SL7111", "warning", message, IS_IT_A_HOST)),
    ];
  }

  /** Of what there is more than is told apart; the rest is counted together. */
  #beyondBounds({ forgotten }: Ending): string[] {
    const counted: readonly (readonly [number, string])[] = [
      [this.#ofOtherLeaves, `calls are of more than ${MOST_LEAVES} leaves: the others are in no row of their own`],
      [
        this.#pairs.others,
        `BUSYs are of more than ${MOST_DISTINCT} pairs of calls: the others are in no row of their own`,
      ],
      [
        this.#paths.others,
        `BUSYs are of more than ${MOST_DISTINCT} call chains: the others are in no row of their own`,
      ],
      [
        this.#tries.others,
        `episodes took more than ${MOST_DISTINCT} different numbers of tries: the others are in no row`,
      ],
      [forgotten.tasks, "tasks with an open call were forgotten, as more tasks than are kept were heard of since"],
      [forgotten.runs, "runs of guests are of more TDs or vCPUs than the time out of the guest is added up for"],
      [forgotten.episodes, "episodes are told as still open, as more were going on at once than are followed"],
    ];
    const full = [
      [this.#cpus, "CPUs"],
      [this.#tds, "TDs"],
      [this.#vcpus, "vCPUs"],
    ] as const;
    return [
      ...counted.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`),
      ...full
        .filter(([of]) => of.isFull)
        .map(([, what]) => `${what} are counted up to ${MOST_DISTINCT}; there are more`),
    ];
  }

  /** What to say, and what to do, when there is no call to tell of. */
  #nothing(from: number | null, to: number | null): readonly [message: string, hint: string] {
    if (this.#seen > 0) {
      const tds = [...this.#allTds].map(printable);
      return [
        `none of the recording's ${this.#seen} calls is of the TD and the time that were asked for`,
        [
          ...(tds.length === 0 ? [] : [`its TDs are ${tds.join(", ")}`]),
          `it runs from ${((from ?? 0) / 1e9).toFixed(6)} to ${((to ?? 0) / 1e9).toFixed(6)} s`,
        ].join("; "),
      ];
    }
    return [
      "no call into the TDX module is in the recording",
      "record while TDs run, and see whether the probes were attached: `bpftrace -l 'fentry:tdh_*'`",
    ];
  }
}

function byOf(culprit: Culprit | undefined): string {
  if (culprit === undefined) return "nobody seen";
  return culprit.kind === "guest" ? "guest" : culprit.call.leaf;
}

/** A BUSY as the document tells it. */
export function busyFacts({ busy, resources, certainty, asLikely, oneOfThese, doubts, culprits }: Blame): BusyFacts {
  return {
    call: callFacts(busy),
    status: busy.status ?? SUCCESS,
    resources: [...resources],
    certainty,
    asLikely,
    oneOfThese,
    doubts: [...doubts],
    culprits: culprits.slice(0, 16).map((culprit) =>
      culprit.kind === "guest"
        ? {
            kind: "guest",
            leaf: culprit.leaves.length === 1 ? (culprit.leaves[0] ?? null) : null,
            mode: null,
            sameObject: false,
            calls: culprit.runs.slice(0, 16).map(callFacts),
          }
        : {
            kind: "call",
            leaf: culprit.call.leaf,
            mode: culprit.holder.mode,
            sameObject: culprit.sameObject,
            calls: [callFacts(culprit.call)],
          },
    ),
    chain: [...(busy.chain ?? [])],
  };
}

/** A call as the document tells it. */
export function callFacts({
  leaf,
  begin,
  end,
  cpu,
  tid,
  td,
  vp,
  gpa,
  level,
  status,
  beginUnsure,
  endUnsure,
}: Call): CallFacts {
  return {
    leaf,
    begin: beginUnsure || !Number.isFinite(begin) ? null : begin,
    end: endUnsure || !Number.isFinite(end) ? null : end,
    cpu,
    tid,
    td,
    vp,
    gpa: hex(gpa),
    level,
    status,
  };
}

function hex(value: number | null): string | null {
  return value === null ? null : `0x${value.toString(16)}`;
}

function mostFrequent(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

function plain(counts: ReadonlyMap<number, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a], [b]) => a - b));
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e…]/g, "?");
}
