/** `simulate --record`: the runs of a scenario as a recording, and who really held what was busy beside it. */
import type { Catalog } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import { LONGEST_TRACE, type RunOptions, randomOf, Simulator } from "../simulate/index.ts";
import { thousands } from "../text.ts";
import { culpritsOf, type HostRun, hostRun, type RecordFormat, writeRecording } from "../trace/index.ts";
import { checkWritable, writeWhole } from "./files.ts";
import { EXIT, type ExitStatus, type Io } from "./io.ts";
import { jsonText } from "./json.ts";
import { loadModule } from "./modules.ts";
import type { LoadedScenario } from "./scenarios.ts";

interface RecordOptions {
  readonly module?: string;
  readonly record: RecordFormat;
  readonly lose: number;
  readonly culprits?: string;
  readonly output?: string;
  readonly seed: number;
  readonly run: number;
  readonly runs: number;
}

/** The recording begins a second before the first run and ends a second after the last; each run is another TD. */
const SECOND = 1_000_000_000;
const BETWEEN = SECOND / 5;

/** So many calls are kept until all are written: some two kilobytes each, and Node.js ends a program that needs more than it has. */
const MOST_CALLS = 1_000_000;

/**
 * Writes the recording to standard output or to `output`, and the culprits to `culprits`.
 *
 * @param most so many calls are recorded at most
 * @throws SeamlockError SL7004, SL7005 when the scenario is none that a host could record under this module · SL0004 when it is too much
 */
export async function recordRuns(
  loaded: LoadedScenario,
  runOptions: RunOptions,
  options: RecordOptions,
  io: Io,
  most = MOST_CALLS,
): Promise<ExitStatus> {
  const { output, culprits } = options;
  for (const file of [output, culprits]) if (file !== undefined) checkWritable(file);
  const { module } = loaded.parameters;
  const catalog = await loadModule(options.module ?? (typeof module === "string" ? module : undefined));
  const simulator = new Simulator(loaded.model, runOptions);
  const runs: HostRun[] = [];
  let origin = SECOND;
  let calls = 0;
  io.handleInterrupt();
  for (let number = 0; number < options.runs && !io.signal.aborted; number++) {
    const run = simulator.timedTrace(options.run + number);
    if (run === null) throw tooLong(options.run + number);
    const made = hostRun(run, catalog, number, origin);
    runs.push(made);
    calls += made.calls.length;
    if (calls > most) throw tooMany(options.runs, `: the first ${runs.length} make ${thousands(calls)} calls`);
    origin = made.end + BETWEEN;
    // A signal is heard between runs.
    await new Promise((resolve) => setImmediate(resolve));
  }
  try {
    write(runs, catalog, origin, options, io);
  } catch (error) {
    // What joins texts throws it where one would be longer than texts can be.
    if (error instanceof RangeError) throw tooMany(runs.length, "");
    throw error;
  }
  return io.signal.aborted ? EXIT.interrupted : EXIT.done;
}

function write(runs: readonly HostRun[], catalog: Catalog, origin: number, options: RecordOptions, io: Io): void {
  const { output, culprits } = options;
  const random = randomOf(options.seed, options.run);
  const written = writeRecording(runs, {
    format: options.record,
    losePercent: options.lose,
    below: (n) => random.below(n),
    began: 0,
    ended: origin + SECOND,
  });
  if (culprits !== undefined) writeWhole(culprits, jsonText(culpritsOf(runs, written, options.record, catalog)));
  if (output === undefined) io.out(written.text);
  else writeWhole(output, written.text);
}

function tooMany(runs: number, why: string): SeamlockError {
  return new SeamlockError("SL0004", `${thousands(runs)} runs are too many to record at once${why}`, {
    hint: "give fewer --runs, and the number of the next with --run",
  });
}

function tooLong(run: number): SeamlockError {
  return new SeamlockError("SL0004", `run ${run} has more than ${thousands(LONGEST_TRACE)} steps, too many to record`, {
    hint: `give --steps ${LONGEST_TRACE} or fewer, and more --runs`,
  });
}
