/** What takes time to work out from the facts: asked by views, answered beside the page, so that the page stays quick. */
import {
  type ContendPair,
  contendingPairs,
  type DiffDocument,
  diffCatalogs,
  diffHosts,
  type ExplainDocument,
  explainLines,
  type HostDiffDocument,
  underHost,
} from "../../analysis/index.ts";
import type { Catalog } from "../../catalog/index.ts";
import { SeamlockError } from "../../errors.ts";
import type { HostProfile } from "../../host/index.ts";
import { buildReport, type ReportDocument } from "../../report/index.ts";
import type { ExplorerData, NamedModule } from "../data.ts";
import { comparedOf, hostOf, moduleOf, secondHostOf } from "./choice.ts";
import type { Route } from "./route.ts";
import { type Timeline, timelines } from "./versions.ts";

/** A question; modules and hosts go by their names. */
export type Question =
  | { readonly kind: "pairs"; readonly module: string; readonly host: string | null }
  | { readonly kind: "diff"; readonly before: string; readonly after: string }
  | { readonly kind: "timelines" }
  | { readonly kind: "conclusion"; readonly module: string; readonly host: string }
  | { readonly kind: "host-diff"; readonly module: string; readonly before: string; readonly after: string }
  | { readonly kind: "explain"; readonly module: string; readonly host: string | null; readonly line: string };

interface Answers {
  /** Every pair of a module, under a host where one is given. */
  readonly pairs: readonly ContendPair[];
  readonly diff: DiffDocument;
  readonly timelines: readonly Timeline[];
  readonly conclusion: Pick<ReportDocument, "conclusion" | "hostVerdicts">;
  readonly "host-diff": HostDiffDocument;
  /** A text says why the line cannot be explained. */
  readonly explain: ExplainDocument | string;
}

/** What a question is answered with. */
export type Answer<Q extends Question = Question> = Answers[Q["kind"]];

/** The name of a question, the same for the same question; `JSON.parse` gives the question back. */
export function keyOf(question: Question): string {
  return JSON.stringify(question, Object.keys(question).sort());
}

/** Extracted versions: the published table says less of each row, so that everything would look changed. */
export function extracted({ modules }: ExplorerData): readonly NamedModule[] {
  return modules.filter(({ catalog }) => catalog.module.origin === "extracted");
}

/** The questions that a view at an address asks. */
export function questionsOf({ view, params }: Route, data: ExplorerData): readonly Question[] {
  const module = moduleOf(data, params).name;
  const host = hostOf(data, params)?.name ?? null;
  switch (view) {
    case "matrix":
    case "calls":
    case "resources":
      return [{ kind: "pairs", module, host }];
    case "versions":
      return [{ kind: "diff", before: comparedOf(data, params).name, after: module }, { kind: "timelines" }];
    case "hosts":
      return hostQuestions(module, host ?? data.hosts[0]?.name ?? null, secondHostOf(data, params)?.name ?? null);
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
  if (second === null) return [{ kind: "conclusion", module, host }];
  return [
    { kind: "conclusion", module, host },
    { kind: "conclusion", module, host: second },
    { kind: "host-diff", module, before: host, after: second },
  ];
}

/** Works out the answer; what was worked out of a catalog before is used again. */
export function answerTo(question: Question, data: ExplorerData): Answer {
  const catalog = (name: string): Catalog => moduleOf(data, { module: name }).catalog;
  const profile = (name: string | null): HostProfile | null => (name === null ? null : profileOf(data, name));
  switch (question.kind) {
    case "pairs":
      return pairsOf(catalog(question.module), profile(question.host));
    case "diff":
      return diffCatalogs(catalog(question.before), catalog(question.after));
    case "timelines":
      return timelines(extracted(data));
    case "conclusion": {
      const { conclusion, hostVerdicts } = buildReport(catalog(question.module), {
        host: profileOf(data, question.host),
      });
      return { conclusion, hostVerdicts };
    }
    case "host-diff": {
      const [before, after] = [profileOf(data, question.before), profileOf(data, question.after)];
      return diffHosts(catalog(question.module), before, after);
    }
    case "explain":
      return explain(catalog(question.module), profile(question.host), question.line);
  }
}

function profileOf({ hosts }: ExplorerData, wanted: string): HostProfile {
  const found = hosts.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`there is no host ${wanted}`);
  return found.profile;
}

const alone = new WeakMap<Catalog, readonly ContendPair[]>();

/** A module's pairs alone are kept, for they come first under every host. */
function pairsOf(catalog: Catalog, host: HostProfile | null): readonly ContendPair[] {
  const plain = alone.get(catalog) ?? contendingPairs(catalog);
  alone.set(catalog, plain);
  return host === null ? plain : underHost(catalog, host, [...plain]).pairs;
}

function explain(catalog: Catalog, host: HostProfile | null, line: string): ExplainDocument | string {
  try {
    return explainLines(catalog, line.split("\n"), host === null ? {} : { host });
  } catch (error) {
    if (error instanceof SeamlockError) return `${error.message}. ${error.hint ?? ""}`;
    throw error;
  }
}
