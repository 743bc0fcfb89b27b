/** Ways of handling BUSY with their verdicts (data/verdicts.json, made by `npm run verdicts`), and which of them a host has. */
import data from "../../data/verdicts.json" with { type: "json" };
import { bundledRelease, type Catalog, leafName } from "../catalog/index.ts";
import { type HostProfile, type HostStep, heldAt, isBundledHost, isEndless, reactionOf } from "../host/index.ts";
import { shellWord, thousands } from "../text.ts";
import type { Block, Row } from "./blocks.ts";
import { askedOf, POLICIES, type PolicyWords, violationWords } from "./glossary.ts";
import type { Handling, ReportDocument } from "./schema.ts";
import { count, groupBy, hostTitle, list } from "./words.ts";

interface Verdict {
  readonly matrix: string;
  readonly scenario: string;
  readonly module: string | null;
  readonly host: string | null;
  readonly policy: string | null;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  readonly setting: string;
  readonly outcome: string;
  /** What is violated, each with the length of a shortest run. */
  readonly violations: readonly {
    readonly property: string;
    readonly steps: number;
    /** Of a run that goes round for ever: so many steps come before its loop. */
    readonly loop?: number | undefined;
    readonly shortest: boolean;
  }[];
  readonly states: number;
  /** Was everything explored? Else a violation was found, and others may be unknown. */
  readonly whole: boolean;
  readonly reproduce: string;
}

const VERDICTS = data.verdicts as unknown as readonly Verdict[];

/** Every way with its verdicts on this release, or on one whose model is the same; none of a source that is no bundled release. */
export function handlings(catalog: Catalog, host: HostProfile | null): Handling[] {
  const release = bundledRelease(catalog.module);
  if (release === null) return [];
  return POLICIES.flatMap((words): Handling[] => {
    const own = VERDICTS.filter((verdict) => belongs(words, verdict));
    const exact = own.filter(({ module }) => module === release);
    const verdicts = exact.length > 0 ? exact : sameModel(own, release);
    if (verdicts.length === 0) return [];
    return [
      {
        policy: words.id,
        title: words.title,
        proposal: words.proposal ?? null,
        hosts: host !== null && isOf(host, words),
        verdicts: verdicts.map((v) => ({
          module: v.module ?? "",
          vcpus: Number(v.parameters["vcpus"]),
          pages: Number(v.parameters["pages"]),
          retries: words.id === "retry-n" ? Number(v.parameters["removal.retries"]) : null,
          outcome: v.outcome,
          violations: v.violations.map((violation) => ({ ...violation })),
          states: v.states,
          whole: v.whole,
          reproduce: v.reproduce,
        })),
      },
    ];
  });
}

function belongs({ matrix, scenario, policy, parameters = {} }: PolicyWords, verdict: Verdict): boolean {
  return (
    verdict.matrix === matrix &&
    verdict.policy === policy &&
    (scenario === undefined || verdict.scenario === scenario) &&
    Object.entries(parameters).every(([name, value]) => verdict.parameters[name] === value)
  );
}

/** Verdicts on another version whose model is the same: every verdict of the first matrix has the same states there. */
function sameModel(verdicts: readonly Verdict[], version: string): readonly Verdict[] {
  const own = fingerprint(version);
  if (own === "") return [];
  const modules = [...new Set(verdicts.flatMap(({ module }) => module ?? []))];
  const alike = modules.find((module) => fingerprint(module) === own);
  return verdicts.filter(({ module }) => module === alike);
}

/** What the first matrix found on a version; empty for one that it does not have. */
function fingerprint(version: string): string {
  const own = VERDICTS.filter(({ matrix, module }) => matrix === "page-removal" && module === version);
  return own
    .map(({ policy, outcome, states, violations }) => JSON.stringify([policy, outcome, states, violations]))
    .join("\n");
}

/** Does the profile react in this way wherever it makes these calls while a TD runs? */
function isOf(host: HostProfile, { calls = [], reactions = [] }: PolicyWords): boolean {
  const steps = host.paths.flatMap((path) =>
    path.steps.filter((step) => calls.includes(leafName(step.call))).map((step) => ({ path, step })),
  );
  const kicked = steps.some(({ path, step }) =>
    heldAt(path, step).some(({ lock }) => host.locks.some(({ name, kind }) => name === lock && kind === "kick")),
  );
  if (kicked) return reactions.includes("kicked");
  return steps.some(({ step }) => firstReactions(step).some((reaction) => reactions.includes(reaction)));
}

/** What is done first, per clause: `retry`, but `retry:unbounded`. */
function firstReactions({ onBusy = [] }: HostStep): string[] {
  return onBusy.flatMap((clause) => {
    const [first = ""] = clause.do;
    return isEndless(first) ? [first] : [reactionOf(first).kind];
  });
}

/** What the host's own paths end in, two at a time, while a TD runs; of a bundled host on a bundled release, for nobody asked it of others. */
function ownVerdicts(catalog: Catalog, host: HostProfile): readonly Verdict[] {
  const release = bundledRelease(catalog.module);
  if (release === null || !isBundledHost(host)) return [];
  return VERDICTS.filter((v) => v.matrix === "hosts" && v.host === host.name && v.module === release);
}

const WIDTH = 80;
const STATES_WIDTH = 9;

/** What the section tells of a report. */
type Handled = Pick<ReportDocument, "handling" | "hostHandling" | "module" | "host">;

/** The section: one line a way, then what this host has, and how to see each run. */
export function handlingBlocks({ handling: all, hostHandling, module, host: info }: Handled): Block[] {
  const { version } = module;
  const host = info?.name ?? null;
  if (all.length === 0) {
    const isOther = module.origin === "extracted" && bundledRelease(module) === null;
    return [
      { kind: "paragraph", text: `No verdict is bundled for ${isOther ? "this source of " : ""}module ${version}.` },
    ];
  }
  const others = [...new Set(all.flatMap(({ verdicts }) => verdicts.map(({ module }) => module)))].filter(
    (module) => module !== version,
  );
  const where = others.length === 0 ? "" : `, (+) as on ${list(others)}`;
  const { vcpus, pages } = sizeOf(all);
  const size = `${count(pages, "page")} ${pages === 1 ? "is" : "are"} removed while ${count(vcpus, "vCPU")} run, fault and accept`;
  const rows = all.map((one): Row => rowOf(one, version, all));
  // What comes of it has the room that the ways leave.
  const first = Math.max(...rows.map(({ cells: [way = ""] }) => way.length)) + 1;
  const widths = [first, WIDTH - first - STATES_WIDTH, STATES_WIDTH];
  return [
    {
      kind: "paragraph",
      tight: true,
      text: `${size} (block, track, remove); steps of the shortest failure. (m) the mail${host === null ? "" : `, (*) ${hostTitle(host)}`}${where}.`,
    },
    { kind: "table", head: ["on BUSY", "always gets through?", "states"], widths, groups: [rows], tight: true },
    { kind: "list", items: [...hostHandling, ...remarks(all, version)] },
  ];
}

function rowOf({ title, proposal, hosts, verdicts }: Handling, version: string, all: readonly Handling[]): Row {
  const marks = [
    proposal === null ? "" : "(m)",
    hosts ? "(*)" : "",
    verdicts.some((v) => v.module !== version) ? "(+)" : "",
  ];
  const tried = verdicts.flatMap(({ retries }) => (retries === null ? [] : [String(retries)]));
  const full = tried.length === 0 ? title : `${title}, N = ${tried.join(", ")}`;
  const name = [full, ...marks.filter((mark) => mark !== "")].join(" ");
  const { pages } = sizeOf(all);
  const others = [...new Set(verdicts.map((v) => v.pages))].filter((own) => own !== pages);
  const where = others.length === 0 ? "" : ` (${list(others.map((own) => count(own, "page")))})`;
  return { cells: [name, `${verdictText(verdicts)}${where}`, statesText(verdicts)] };
}

/** The size at which the first way was decided; a row says where its own is another. */
function sizeOf(all: readonly Handling[]): { vcpus: number; pages: number } {
  const [first] = all.flatMap(({ verdicts }) => verdicts);
  return { vcpus: first?.vcpus ?? 0, pages: first?.pages ?? 0 };
}

type Decided = Handling["verdicts"][number];

/** Whether a way always gets through, in a few words: `yes`, `no, in 11 steps`. */
export function verdictText(verdicts: readonly Decided[]): string {
  const outcomes = [...new Set(verdicts.map(({ outcome }) => outcome))];
  const vcpus = [...new Set(verdicts.map((v) => v.vcpus))];
  if (vcpus.length > 1) return byVcpus(verdicts);
  if (outcomes.some((outcome) => outcome !== "holds" && outcome !== "violated")) return list(outcomes, "or");
  const fails = failures(verdicts);
  return [fails.length === 0 ? "yes" : `no, in ${range(fails)} steps`, ...besides(verdicts)].join("; but ");
}

/** After how many steps it is so: a run that goes round for ever has then come to its loop. */
const lengthOf = ({ loop, steps }: Verdict["violations"][number]): number => loop ?? steps;

/** Lengths of the runs in which somebody does not get through, in ascending order. */
function failures(verdicts: readonly Pick<Verdict, "violations">[]): number[] {
  const steps = verdicts.flatMap(({ violations }) =>
    violations.filter(({ property }) => violationWords(property) === null).map(lengthOf),
  );
  return [...new Set(steps)].sort((x, y) => x - y);
}

/** What else comes of it: `the module may shut down, in 24 steps`. */
function besides(verdicts: readonly Pick<Verdict, "violations">[]): string[] {
  const told = verdicts.flatMap(({ violations }) =>
    violations.flatMap((violation) => {
      const words = violationWords(violation.property);
      return words === null ? [] : [{ words, steps: lengthOf(violation) }];
    }),
  );
  return groupBy(told, ({ words }) => words).map(
    ([words, of]) => `${words}, in ${range([...new Set(of.map(({ steps }) => steps))].sort((x, y) => x - y))} steps`,
  );
}

function range(steps: readonly number[]): string {
  return steps.length > 1 ? `${steps[0]} to ${steps.at(-1)}` : `${steps[0] ?? ""}`;
}

/** By numbers of vCPUs: `no, in 16 (1 vCPU), 7 (3)` or `1 vCPU: yes; 3: no, in 15`, of steps, for which the table has no room. */
function byVcpus(verdicts: readonly Decided[]): string {
  const each = groupBy(verdicts, oneVerdict).map(([text, of], i) => {
    const numbers = list([...new Set(of.map(({ vcpus }) => String(vcpus)))].sort(), "or");
    return { text, of, who: i > 0 ? numbers : `${numbers} ${numbers === "1" ? "vCPU" : "vCPUs"}` };
  });
  if (verdicts.every(({ outcome }) => outcome === "violated"))
    return `no, in ${each.map(({ of, who }) => `${range(failures(of))} (${who})`).join(", ")}`;
  return each.map(({ text, who }) => `${who}: ${text}`).join("; ");
}

/** A run that goes on for ever breaks no promise of a call, but nobody gets through. */
function oneVerdict(verdict: Decided): string {
  const { outcome } = verdict;
  if (outcome === "violated") return `no, in ${range(failures([verdict]))}`;
  return outcome === "holds" ? "yes" : outcome;
}

function statesText(verdicts: Handling["verdicts"]): string {
  const most = verdicts.reduce((a, b) => (b.states > a.states ? b : a));
  const states = most.states < 1e6 ? thousands(most.states) : `${(most.states / 1e6).toFixed(1)} M`;
  return `${states}${most.whole ? "" : "+"}`;
}

function remarks(all: readonly Handling[], version: string): string[] {
  const isCut = all.some(({ verdicts }) => verdicts.some(({ whole }) => !whole));
  const cut = isCut ? " `+`: cut short by a failure." : "";
  return [
    `Commands: \`seamlock policies --module ${shellWord(version)}\`.${cut} ` +
      "Where vCPUs are counted somebody may wait for ever; recordings tell how often.",
  ];
}

/**
 * What was asked of the host itself, all of it while a TD runs: each property with its verdicts, the settings where they differ, and what
 * ran, with all of its settings where there is room, since in which phases it ran is part of what it says.
 */
export function hostHandling(catalog: Catalog, host: HostProfile): string[] {
  const verdicts = ownVerdicts(catalog, host);
  if (verdicts.length === 0) return [];
  const asked = (v: Verdict): string =>
    v.violations[0]?.property ?? String(v.parameters["properties"] ?? askedOf(v.scenario) ?? "nothing fails");
  const each = groupBy(verdicts, asked).map(([property, of]) => {
    const said = of.map((v) => {
      const without = v.parameters["exceptional"] === false ? "what is exceptional" : v.parameters["without"];
      const where = of.length > 1 && without !== undefined ? ` without ${without}` : "";
      return `${v.outcome === "violated" ? `broken in ${range(failures([v]))} steps` : v.outcome}${where}`;
    });
    return `"${property}" ${[...new Set(said)].join(", ")} (${whatRan(of[0] as Verdict)})`;
  });
  return [`${hostTitle(host.name)} itself, while a TD runs: ${each.join("; ")}.`];
}

const whatRan = ({ reproduce, scenario }: Verdict): string =>
  reproduce.length <= LONG_COMMAND ? `\`${reproduce}\`` : `in ${scenario}`;

/** A longer one is left to docs/verdicts.md, which has all of them. */
const LONG_COMMAND = 100;
