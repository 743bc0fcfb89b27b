import { basename } from "node:path";
import { Option } from "commander";
import { check } from "../../check/index.ts";
import { SeamlockError } from "../../errors.ts";
import { toMermaid, toPerfetto, toPromela, toTla } from "../../export/index.ts";
import { printModel, type Trace, validate } from "../../language/index.ts";
import { simulate } from "../../simulate/index.ts";
import { checkWritable, writeWhole } from "../files.ts";
import { EXIT } from "../io.ts";
import { jsonText } from "../json.ts";
import { outputOption } from "../options.ts";
import { type LoadedScenario, loadScenario, type ScenarioOptions, scenarioArguments } from "../scenarios.ts";
import { defineVerb } from "../verb.ts";

const FORMS = ["promela", "tla", "mermaid", "perfetto", "text"] as const;
type Form = (typeof FORMS)[number];

interface Options extends ScenarioOptions {
  readonly to: Form;
  readonly output?: string;
  readonly seed: string;
  readonly steps: string;
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
      .option("--seed <n>", "of the run that is shown when nothing is violated", "1")
      .option("--steps <n>", "steps of that run", "60");
  },
  async run([name = ""], options, io) {
    if (options.output !== undefined) checkWritable(options.output);
    const loaded = await loadScenario(name, options);
    const { text, config, module } = exported(loaded, options);
    if (options.output !== undefined) {
      writeWhole(options.output, text);
      if (module !== null && basename(options.output) !== `${module}.tla`)
        io.err(`note: TLC reads this module from a file called ${module}.tla only\n`);
      if (config !== null) writeWhole(options.output.replace(/(\.tla)?$/, ".cfg"), config);
    } else io.out(options.json ? jsonText({ scenario: loaded.scenario.name, to: options.to, text, config }) : text);
    return EXIT.done;
  },
});

interface Exported {
  readonly text: string;
  /** TLC's configuration and the module's name; null for other forms. */
  readonly config: string | null;
  readonly module: string | null;
}

function exported(loaded: LoadedScenario, options: Options): Exported {
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
      return plain(toMermaid(shown(loaded, options)));
    case "perfetto":
      return plain(jsonText(toPerfetto(shown(loaded, options))));
  }
}

/** The shortest violation, or else one seeded run. */
function shown(loaded: LoadedScenario, options: Options): Trace {
  const steps = Number(options.steps);
  const seed = Number(options.seed);
  if (!Number.isSafeInteger(steps) || !Number.isSafeInteger(seed))
    throw new SeamlockError("SL0004", "--seed and --steps take whole numbers", {
      hint: "`seamlock export --help` shows what it takes",
    });
  const { trace } = check(loaded.model, { first: true, time: 60 });
  return trace ?? (simulate(loaded.model, { seed, steps, trace: true }).trace as Trace);
}
