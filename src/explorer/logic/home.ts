/** What a reader wants to know first of a module under a host: what can end a VM, what contends, and what is new. */
import { diffCatalogs, diffHosts } from "../../analysis/index.ts";
import type { Catalog } from "../../catalog/index.ts";
import type { HostProfile } from "../../host/index.ts";
import {
  buildReport,
  type ConclusionRow,
  diffDigest,
  foldedCalls,
  type Handling,
  hostDiffDigest,
  outcomeOf,
  verdictText,
} from "../../report/index.ts";
import { callsAsked } from "./calls-asked.ts";
import { bothNames } from "./lock-names.ts";

/** A meeting in the words of its reader. */
export interface HomeMeeting {
  readonly lock: string;
  /** The resource, for the link to its page. */
  readonly resource: string;
  /** `INIT_MEM_REGION × punch hole`: the paths. */
  readonly paths: string;
  readonly calls: string;
  /** What either side does on BUSY. */
  readonly onBusy: string;
  readonly when: string;
}

/** What changed against an earlier one, in a sentence. */
export interface Change {
  readonly before: string;
  readonly sentence: string;
}

export interface HomeAnswer {
  /** In ordinary operation, worst first. */
  readonly lost: readonly HomeMeeting[];
  /** Only after a machine check, a CPU that goes offline, and the like. */
  readonly rarelyLost: readonly HomeMeeting[];
  /** What contends while a TD runs, in sentences, and how the host handles it. */
  readonly ordinary: readonly string[];
  readonly meetings: readonly HomeMeeting[];
  /** Ways of handling BUSY, with what was decided of each; empty where no verdict is bundled. */
  readonly handling: readonly {
    readonly title: string;
    readonly text: string;
    readonly own: boolean;
    readonly policy: string;
  }[];
  readonly module: Change | null;
  readonly host: Change | null;
}

/** A module and a host with those before them. */
export interface HomeFacts {
  readonly catalog: Catalog;
  readonly earlier: { readonly name: string; readonly catalog: Catalog } | null;
  readonly host: HostProfile | null;
  readonly earlierHost: { readonly name: string; readonly profile: HostProfile } | null;
}

/** Works out the answer. */
export function homeAnswer({ catalog, earlier, host, earlierHost }: HomeFacts): HomeAnswer {
  const report = buildReport(catalog, host === null ? {} : { host, losses: false });
  const lost = report.conclusionRows.filter(({ severity }) => severity === "vm-dead");
  const isRare = ({ section }: ConclusionRow): boolean => section === "exceptional" || section === "late";
  return {
    lost: lost.filter((row) => !isRare(row)).map(meeting),
    rarelyLost: lost.filter(isRare).map(meeting),
    ordinary: report.tldr,
    meetings: report.conclusionRows.filter(({ section }) => section === "runtime").map(meeting),
    handling: report.handling.map(handled),
    module:
      earlier === null ? null : { before: earlier.name, sentence: moduleSentence(earlier.catalog, catalog, host) },
    host: host === null || earlierHost === null ? null : hostChange(catalog, earlierHost, host),
  };
}

/** Under the host of the page, as everything on it: of the module alone other contentions come and go. */
function moduleSentence(before: Catalog, after: Catalog, host: HostProfile | null): string {
  const document = diffCatalogs(before, after, host ?? undefined);
  return diffDigest(document, callsAsked([before, after], host, null)).sentence;
}

function hostChange(
  catalog: Catalog,
  { name, profile }: NonNullable<HomeFacts["earlierHost"]>,
  host: HostProfile,
): Change {
  const document = diffHosts(catalog, profile, host);
  return { before: name, sentence: hostDiffDigest(document, { catalog, before: profile, after: host }).sentence };
}

const WHEN: Readonly<Record<ConclusionRow["section"], string>> = {
  runtime: "while a TD runs",
  build: "while a TD is built",
  teardown: "while a TD is torn down",
  late: "only if a path outlasts its gate",
  exceptional: "only out of the ordinary",
};

/** A row of the conclusion, in words. */
export function meeting(row: ConclusionRow): HomeMeeting {
  const { resource, left, right, section, another } = row;
  const [mine, theirs] = [outcomeOf(left, section), outcomeOf(right, section)];
  const other = another.includes("inode") ? ", of another guest_memfd file" : "";
  const calls = (end: ConclusionRow["left"]): string => foldedCalls(end.calls);
  return {
    lock: bothNames(resource),
    resource,
    paths: `${left.label} × ${left.label === right.label ? "itself" : right.label}${other}`,
    calls: `${calls(left)} × ${calls(left) === calls(right) ? "itself" : calls(right)}`,
    onBusy: mine === theirs ? mine : `${mine} / ${theirs}`,
    when: WHEN[section],
  };
}

function handled({ title, policy, hosts, verdicts }: Handling): HomeAnswer["handling"][number] {
  return { title, policy, own: hosts, text: verdictText(verdicts) };
}
