/** What takes time to work out from the facts: asked by views, answered beside the page, so that the page stays quick. */
import {
  type ContendPair,
  type DiffDocument,
  diffCatalogs,
  diffHosts,
  type ExplainDocument,
  explainLog,
  keptPairs,
  type LogReading,
  logReader,
  underHost,
} from "../../analysis/index.ts";
import type { Catalog } from "../../catalog/index.ts";
import { SeamlockError } from "../../errors.ts";
import type { HostProfile } from "../../host/index.ts";
import type { Model, TraceStep } from "../../language/index.ts";
import {
  buildReport,
  type DiffDigest,
  diffDigest,
  type HostDiffDigest,
  hostDiffDigest,
  hostTitle,
  type ReportDocument,
  renderDiffMarkdown,
  renderDiffText,
  renderExplainMarkdown,
  renderExplainText,
  renderHostDiffMarkdown,
  renderHostDiffText,
} from "../../report/index.ts";
import type { ExplorerData, FirstAnswer, NamedModule } from "../data.ts";
import { nextSteps, type StepName } from "./branch.ts";
import { callsAsked } from "./calls-asked.ts";
import { comparedOf, hostOf, moduleOf, secondHostOf } from "./choice.ts";
import { type HomeAnswer, type HomeMeeting, homeAnswer, meeting } from "./home.ts";
import { type ContentionMap, contentionMap } from "./map.ts";
import { parseRoute, type Route } from "./route.ts";
import { jobOf, type RunRequest, requestKey } from "./run-request.ts";
import { scenarioModel } from "./scenario-model.ts";
import { type Timeline, timelines } from "./versions.ts";

/** Two versions, under a host where there is one, about one call where one is named. */
interface DiffQuestion {
  readonly kind: "diff";
  readonly before: string;
  readonly after: string;
  readonly host: string | null;
  readonly leaf: string | null;
}

interface HostDiffQuestion {
  readonly kind: "host-diff";
  readonly module: string;
  readonly before: string;
  readonly after: string;
}

interface ExplainQuestion {
  readonly kind: "explain";
  readonly module: string;
  readonly host: string | null;
  readonly line: string;
}

interface HomeQuestion {
  readonly kind: "home";
  readonly module: string;
  readonly host: string | null;
}

/** A question; modules and hosts go by their names. */
export type Question =
  | { readonly kind: "pairs"; readonly module: string; readonly host: string | null }
  | { readonly kind: "map"; readonly module: string; readonly host: string | null }
  | HomeQuestion
  | DiffQuestion
  | { readonly kind: "timelines" }
  | { readonly kind: "conclusion"; readonly module: string; readonly host: string }
  | HostDiffQuestion
  | ExplainQuestion
  /** What could follow a beginning of a scenario's run. */
  | { readonly kind: "next"; readonly request: RunRequest; readonly beginning: readonly StepName[] }
  /** An answer as the command line prints it. */
  | { readonly kind: "render"; readonly form: Form; readonly of: Renderable };

/** What the command line can print, too. */
export type Renderable = DiffQuestion | HostDiffQuestion | ExplainQuestion;
export type Form = "markdown" | "text";

/** What changed between two versions: causes first. */
export interface VersionsAnswer {
  readonly digest: DiffDigest;
  readonly changed: DiffDocument["changed"];
  readonly appeared: number;
  readonly disappeared: number;
}

/** What changed between two hosts: causes first. */
export interface HostsAnswer extends Omit<HostDiffDigest, "closed" | "opened"> {
  readonly closed: readonly HomeMeeting[];
  readonly opened: readonly HomeMeeting[];
}

interface Answers {
  /** Every pair of a module, under a host where one is given. */
  readonly pairs: readonly ContendPair[];
  readonly map: ContentionMap;
  readonly home: HomeAnswer;
  readonly diff: VersionsAnswer;
  readonly timelines: readonly Timeline[];
  readonly conclusion: Pick<ReportDocument, "conclusion" | "hostVerdicts">;
  readonly "host-diff": HostsAnswer;
  /** A text says why the line cannot be explained. */
  readonly explain: ExplainDocument | string;
  /** Null: the beginning is no run of the scenario. */
  readonly next: readonly TraceStep[] | null;
  readonly render: string;
}

/** What a question is answered with. */
export type Answer<Q extends Question = Question> = Answers[Q["kind"]];

/** The name of a question, the same for the same question; `JSON.parse` gives the question back. */
export function keyOf(question: Question): string {
  return JSON.stringify(sorted(question));
}

/** The value with the names of every object in alphabetical order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1));
  return Object.fromEntries(entries.map(([name, inner]) => [name, sorted(inner)]));
}

/** Extracted versions: the published table says less of each row, so that everything would look changed. */
export function extracted({ modules }: ExplorerData): readonly NamedModule[] {
  return modules.filter(({ catalog }) => catalog.module.origin === "extracted");
}

/** The questions that a view at an address asks; the address has no fault. */
export function questionsOf({ view, params }: Route, data: ExplorerData): readonly Question[] {
  const module = moduleOf(data, params).name;
  const host = hostOf(data, params)?.name ?? null;
  switch (view) {
    case "home":
    case "matrix":
      return [
        { kind: "map", module, host },
        ...(view === "home" ? [{ kind: "home", module, host } as const] : []),
        ...((params["a"] ?? "") === "" ? [] : [{ kind: "pairs", module, host } as const]),
      ];
    case "calls":
    case "resources":
      return [{ kind: "pairs", module, host }];
    case "versions": {
      const leaf = (params["leaf"] ?? "") || null;
      return [
        { kind: "diff", before: comparedOf(data, params).name, after: module, host, leaf },
        { kind: "timelines" },
      ];
    }
    case "hosts":
      return hostQuestions(module, host, secondHostOf(data, params)?.name ?? null);
    case "runs":
      return (params["meet"] ?? "") === "" ? [] : [{ kind: "pairs", module, host: null }];
    case "explain": {
      const line = params["line"] ?? "";
      return line === "" ? [] : [{ kind: "explain", module, host, line }];
    }
  }
}

function hostQuestions(module: string, host: string | null, second: string | null): readonly Question[] {
  if (host === null) return [];
  const own = { kind: "conclusion", module, host } as const;
  return second === null ? [own] : [own, { kind: "host-diff", module, before: second, after: host }];
}

/** Of what a view shows, what the command line prints, too; null where it has nothing of the kind. */
export function renderableOf(route: Route, data: ExplorerData): Renderable | null {
  const kinds = ["diff", "host-diff", "explain"];
  return questionsOf(route, data).find((question): question is Renderable => kinds.includes(question.kind)) ?? null;
}

/** What the first view shows, so that a page need not wait for it. What cannot be answered the page asks for, and says why not. */
export function firstAnswers(data: ExplorerData): FirstAnswer[] {
  return questionsOf(parseRoute(""), data).flatMap((question): FirstAnswer[] => {
    try {
      return [{ key: keyOf(question), answer: answerTo(question, data) }];
    } catch {
      return [];
    }
  });
}

/** Works out the answer; what was worked out of a catalog before is used again. */
export function answerTo(question: Question, data: ExplorerData): Answer {
  const catalog = (name: string): Catalog => moduleOf(data, { module: name }).catalog;
  const profile = (name: string | null): HostProfile | null => (name === null ? null : profileOf(data, name));
  switch (question.kind) {
    case "pairs":
      return pairsOf(catalog(question.module), profile(question.host));
    case "map": {
      const [facts, host] = [catalog(question.module), profile(question.host)];
      return contentionMap(facts, host, pairsOf(facts, host));
    }
    case "home":
      return homeAnswer(homeFacts(question, data));
    case "diff":
      return versionsAnswer(catalog(question.before), catalog(question.after), profile(question.host), question.leaf);
    case "timelines":
      return timelines(extracted(data));
    case "conclusion": {
      const { conclusion, hostVerdicts } = buildReport(catalog(question.module), {
        host: profileOf(data, question.host),
      });
      return { conclusion, hostVerdicts };
    }
    case "host-diff": {
      const { document, options } = hostsCompared(question, data);
      const { closed, opened, ...rest } = hostDiffDigest(document, options);
      return { ...rest, closed: closed.map(meeting), opened: opened.map(meeting) };
    }
    case "explain":
      return explain(catalog(question.module), profile(question.host), question.line);
    case "next": {
      const model = modelOf(question.request, data);
      return model === null ? null : nextSteps(model, question.beginning);
    }
    case "render":
      return rendered(question.of, question.form, data);
  }
}

function homeFacts({ module, host }: HomeQuestion, data: ExplorerData): Parameters<typeof homeAnswer>[0] {
  const named = hostOf(data, { host: host ?? "none" });
  const earlier = data.modules.find(({ name }) => name === data.before.modules[module]) ?? null;
  const earlierHost = data.hosts.find(({ name }) => name === data.before.hosts[host ?? ""]) ?? null;
  return { catalog: moduleOf(data, { module }).catalog, earlier, host: named?.profile ?? null, earlierHost };
}

function versionsAnswer(
  before: Catalog,
  after: Catalog,
  host: HostProfile | null,
  leaf: string | null,
): VersionsAnswer {
  const document = diffCatalogs(before, after, host ?? undefined);
  const { changed, contention } = document;
  const about = callsAsked([before, after], host, leaf);
  return {
    digest: diffDigest(document, about),
    changed: changed.filter((change) => about.leaves?.includes(change.leaf) ?? true),
    appeared: contention.appeared.length,
    disappeared: contention.disappeared.length,
  };
}

function hostsCompared({ module, before, after }: HostDiffQuestion, data: ExplorerData) {
  const { catalog } = moduleOf(data, { module });
  const options = { catalog, before: profileOf(data, before), after: profileOf(data, after) };
  return { document: diffHosts(catalog, options.before, options.after), options };
}

let lastModel: { readonly key: string; readonly model: Model } | null = null;

/** The model of a request, kept while its run is played; null where two calls meet, or a fact is missing. */
function modelOf(request: RunRequest, data: ExplorerData): Model | null {
  const key = requestKey(request);
  if (lastModel?.key === key) return lastModel.model;
  const job = jobOf(request, data, () => []);
  if ("message" in job || job.kind === "pair") return null;
  lastModel = { key, model: scenarioModel(job).model };
  return lastModel.model;
}

function profileOf({ hosts }: ExplorerData, wanted: string): HostProfile {
  const found = hosts.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`there is no host ${wanted}`);
  return found.profile;
}

function pairsOf(catalog: Catalog, host: HostProfile | null): readonly ContendPair[] {
  const plain = keptPairs(catalog);
  return host === null ? plain : underHost(catalog, host, plain).pairs;
}

function explain(catalog: Catalog, host: HostProfile | null, line: string): ExplainDocument | string {
  try {
    const reader = logReader([catalog]);
    for (const one of line.split(/\r?\n/)) reader.push(one);
    const reading = reader.result();
    const assumptions = statedOtherwise(reading, catalog, host);
    return explainLog(catalog, reading, { ...(host === null ? {} : { host }), assumptions });
  } catch (error) {
    if (error instanceof SeamlockError) return [error.message, error.hint].filter((part) => part !== null).join("; ");
    throw error;
  }
}

/** What the lines state of the machine, where that is not what was chosen: another module answers otherwise. */
function statedOtherwise({ module, kernel }: LogReading, catalog: Catalog, host: HostProfile | null): string[] {
  const { version } = catalog.module;
  return [
    ...(module === null || module === version
      ? []
      : [`The lines state module ${module}; this is told for ${version}, which is chosen above.`]),
    ...(kernel === null || host === null || host.name === `linux-${kernel}`
      ? []
      : [
          `The lines state Linux ${kernel}; what the kernel does is told for ${hostTitle(host.name)}, which is chosen above.`,
        ]),
  ];
}

/** What the command line prints for the same question. */
function rendered(of: Renderable, form: Form, data: ExplorerData): string {
  const isText = form === "text";
  const host = (name: string | null): HostProfile | null => (name === null ? null : profileOf(data, name));
  switch (of.kind) {
    case "diff": {
      const [before, after] = [of.before, of.after].map((module) => moduleOf(data, { module }).catalog);
      if (before === undefined || after === undefined) throw new Error("a module is missing");
      const document = diffCatalogs(before, after, host(of.host) ?? undefined);
      const about = callsAsked([before, after], host(of.host), of.leaf);
      return (isText ? renderDiffText : renderDiffMarkdown)(document, about);
    }
    case "host-diff": {
      const { document, options } = hostsCompared(of, data);
      return (isText ? renderHostDiffText : renderHostDiffMarkdown)(document, options);
    }
    case "explain": {
      const answer = explain(moduleOf(data, { module: of.module }).catalog, host(of.host), of.line);
      if (typeof answer === "string") return `${answer}\n`;
      return (isText ? renderExplainText : renderExplainMarkdown)(answer);
    }
  }
}
