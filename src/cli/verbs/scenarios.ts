import { parseScenario } from "../../model/index.ts";
import { EXIT } from "../io.ts";
import { jsonText } from "../json.ts";
import { bundledScenarios, scenarioText } from "../scenarios.ts";
import { table } from "../table.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb<unknown>({
  examples: [
    ["scenarios", "what `check`, `simulate` and `export` accept by name"],
    ["scenarios --json", "the same, for a program"],
  ],
  configure() {},
  async run(_args, options, io) {
    const scenarios = await Promise.all(
      bundledScenarios().map(async (name) => {
        const { text, file } = await scenarioText(name);
        const { kind, description } = parseScenario(text, file, []);
        return { name, kind, description };
      }),
    );
    if (options.json === true) io.out(jsonText({ schema: "seamlock/scenarios@1", scenarios }));
    else {
      const rows = scenarios.map(({ name, kind, description }) => [name, kind, description]);
      io.out(table([["SCENARIO", "KIND", "WHAT IT ASKS"], ...rows]));
    }
    return EXIT.done;
  },
});
