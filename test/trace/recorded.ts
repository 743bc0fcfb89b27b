/** Runs of scenarios as recordings, for tests. */
import { enterAndZap } from "../../bench/models/enter-and-zap.ts";
import type { Catalog } from "../../src/catalog/index.ts";
import { loadModule } from "../../src/cli/modules.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";
import type { Model } from "../../src/language/index.ts";
import { randomOf, type ScheduleKind, Simulator } from "../../src/simulate/index.ts";
import {
  Agree,
  type Agreement,
  type Culprits,
  culpritsOf,
  type HostRun,
  hostRun,
  type RecordFormat,
  Recording,
  type RecordingOptions,
  type TraceDocument,
  writeRecording,
} from "../../src/trace/index.ts";

export interface Recorded {
  readonly text: string;
  readonly culprits: Culprits;
}

export interface RecordWanted {
  readonly scenario: string;
  readonly module?: string;
  readonly format?: RecordFormat;
  readonly schedule?: ScheduleKind;
  readonly lose?: number;
  readonly runs?: number;
  readonly steps?: number;
  /** Fields of the scenario that are given otherwise: `removers=1`. */
  readonly set?: readonly string[];
}

const SECOND = 1e9;

/** What contends with what is found out once for each catalog: so one of each is kept. */
const CATALOGS = new Map<string, Promise<Catalog>>();
export function catalogOf(module?: string): Promise<Catalog> {
  const name = module ?? "";
  const known = CATALOGS.get(name) ?? loadModule(module);
  CATALOGS.set(name, known);
  return known;
}

/** The engines' yardstick in place of a scenario: vCPUs that enter all the time. It is of no module. */
export const YARDSTICK = "enter-and-zap";

/** Runs are made once for all forms. */
const MADE = new Map<string, readonly HostRun[]>();

async function runsOf(wanted: RecordWanted): Promise<readonly HostRun[]> {
  const { scenario, module, schedule = "timed", runs: count = 20, steps = 3000, set = [] } = wanted;
  const name = JSON.stringify([scenario, module, schedule, count, steps, set]);
  const known = MADE.get(name);
  if (known !== undefined) return known;
  const catalog = await catalogOf(module);
  const simulator = new Simulator(await modelOf(wanted), { seed: 3, steps, schedule });
  const runs: HostRun[] = [];
  for (let number = 0; number < count; number++) {
    const run = simulator.timedTrace(number);
    if (run === null) throw new Error("too long");
    runs.push(hostRun(run, catalog, number, SECOND + (runs.at(-1)?.end ?? 0)));
  }
  MADE.set(name, runs);
  return runs;
}

async function modelOf({ scenario, module, set = [] }: RecordWanted): Promise<Model> {
  if (scenario === YARDSTICK) return enterAndZap({ vcpus: 2, pages: 1, threshold: 2 });
  return (await loadScenario(scenario, { ...(module !== undefined && { module }), set })).model;
}

export async function record(wanted: RecordWanted): Promise<Recorded> {
  const { module, format = "ndjson", lose = 0 } = wanted;
  const runs = await runsOf(wanted);
  const catalog = await catalogOf(module);
  const random = randomOf(5, 0);
  const written = writeRecording(runs, {
    format,
    losePercent: lose,
    below: (n) => random.below(n),
    began: 0,
    ended: (runs.at(-1)?.end ?? 0) + SECOND,
  });
  return { text: written.text, culprits: culpritsOf(runs, written, format, catalog) };
}

/** Reads a recording and compares the blame with the known culprits. */
export async function agreement(
  { text, culprits }: Recorded,
  module?: string,
  more: Partial<RecordingOptions> = {},
): Promise<{ readonly result: Agreement; readonly document: TraceDocument }> {
  const agree = new Agree(culprits);
  const catalog = await catalogOf(module);
  const recording = new Recording({ catalog, onBlame: (blame) => agree.see(blame), ...more });
  for (let at = 0; at < text.length; at += 5000) recording.push(text.slice(at, at + 5000));
  const document = recording.finish();
  return { result: agree.result(), document };
}
