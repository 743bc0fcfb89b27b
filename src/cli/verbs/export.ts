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
    const { text, config } = exported(loaded, options);
    if (options.output !== undefined) {
      writeWhole(options.output, text);
      if (config !== null) writeWhole(options.output.replace(/(\.tla)?$/, ".cfg"), config);
    } else io.out(options.json ? jsonText({ scenario: loaded.scenario.name, to: options.to, text, config }) : text);
    return EXIT.done;
  },
});

function exported(loaded: LoadedScenario, options: Options): { text: string; config: string | null } {
  const model = validate(loaded.model);
  switch (options.to) {
    case "promela":
      return { text: toPromela(model).text, config: null };
    case "tla": {
      const { module, config } = toTla(model);
      return { text: module, config };
    }
    case "text":
      return { text: printModel(model), config: null };
    case "mermaid":
      return { text: toMermaid(shown(loaded, options)), config: null };
    case "perfetto":
      return { text: jsonText(toPerfetto(shown(loaded, options))), config: null };
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
