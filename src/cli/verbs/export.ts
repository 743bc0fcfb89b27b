import { basename } from "node:path";
import { Option } from "commander";
import { checkAsync } from "../../check/index.ts";
import { toMermaid, toPerfetto, toPromela, toTla } from "../../export/index.ts";
import { printModel, type Trace, validate } from "../../language/index.ts";
import { busyStatus } from "../../report/index.ts";
import { LONGEST_TRACE, simulate } from "../../simulate/index.ts";
import { checkWritable, writeWhole } from "../files.ts";
import { EXIT, type Io } from "../io.ts";
import { jsonText } from "../json.ts";
import { outputOption, wholeNumber } from "../options.ts";
import {
  type LoadedScenario,
  loadScenario,
  type ScenarioOptions,
  scenarioArguments,
  toldDoubts,
} from "../scenarios.ts";
import { defineVerb } from "../verb.ts";

const FORMS = ["promela", "tla", "mermaid", "perfetto", "text"] as const;
type Form = (typeof FORMS)[number];

interface Options extends ScenarioOptions {
  readonly to: Form;
  readonly output?: string;
  readonly seed: number;
  readonly steps: number;
  readonly json?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["export page-removal --to promela -o page-removal.pml", "the model for SPIN"],
    ["export lock/sharex-hp --to tla -o SharexHp.tla", "the model for TLC; its configuration goes beside it"],
    [
      "export page-removal --policy fail-fast --vcpus 1 --to mermaid",
      "the shortest violation as a sequence diagram, or a run if there is none",
    ],
  ],
  configure(command) {
    scenarioArguments(command)
      .addOption(
        new Option("--to <form>", "promela and tla: the model; mermaid and perfetto: a trace; text: the model to read")
          .choices(FORMS)
          .makeOptionMandatory(),
      )
      .addOption(outputOption("it"))
      .option("--seed <n>", "of the run that is shown when nothing is violated", wholeNumber(2 ** 32 - 1), 1)
      .option("--steps <n>", "steps of that run", wholeNumber(LONGEST_TRACE), 60);
  },
  async run([name = ""], options, io) {
    const { output } = options;
    if (output !== undefined) for (const file of filesOf(output, options.to)) checkWritable(file);
    const loaded = await loadScenario(name, options);
    const { text, config, module } = await exported(loaded, options, io);
    if (output !== undefined) {
      const [file, configFile] = filesOf(output, options.to);
      writeWhole(file, text);
      if (module !== null && basename(file) !== `${module}.tla`)
        io.err(`note: TLC reads this module from a file called ${module}.tla only\n`);
      if (config !== null && configFile !== undefined) writeWhole(configFile, config);
    }
    if (options.json) io.out(jsonText(documentOf(loaded, options, text, config)));
    else if (output === undefined) io.out(text);
    const status = toldDoubts(loaded, io);
    return io.signal.aborted ? EXIT.interrupted : status;
  },
});

/** Where the text goes and, for TLC, the configuration. */
const filesOf = (output: string, form: Form): readonly [string, ...string[]] =>
  form === "tla" ? [output, output.replace(/(\.tla)?$/, ".cfg")] : [output];

/** `seamlock/export@1`. */
function documentOf(
  { scenario, parameters, doubts }: LoadedScenario,
  { to }: Options,
  text: string,
  config: string | null,
) {
  return { schema: "seamlock/export@1" as const, scenario: scenario.name, parameters, doubts, to, text, config };
}

interface Exported {
  readonly text: string;
  /** TLC's configuration and the module's name; null for other forms. */
  readonly config: string | null;
  readonly module: string | null;
}

async function exported(loaded: LoadedScenario, options: Options, io: Io): Promise<Exported> {
  const plain = (text: string): Exported => ({ text, config: null, module: null });
  const model = validate(loaded.model);
  switch (options.to) {
    case "promela":
      return plain(toPromela(model).text);
    case "tla": {
      const wanted = options.output === undefined ? undefined : basename(options.output, ".tla");
      const { module, name, config } = toTla(model, wanted);
      return { text: module, config, module: name };
    }
    case "text":
      return plain(printModel(model));
    case "mermaid":
      return plain(toMermaid(await shown(loaded, options, io), (status) => busyStatus(loaded.catalog, status)));
    case "perfetto":
      return plain(jsonText(toPerfetto(await shown(loaded, options, io))));
  }
}

/** Seconds to look for a violation before a run is shown instead. */
const PATIENCE = 60;

/** The shortest violation, or else one seeded run. */
async function shown({ model }: LoadedScenario, { seed, steps }: Options, io: Io): Promise<Trace> {
  io.handleInterrupt();
  const { trace } = await checkAsync(model, { first: true, time: PATIENCE, signal: io.signal });
  return trace ?? (simulate(model, { seed, steps, trace: true }).trace as Trace);
}
