import { Argument } from "commander";
import { factsOf } from "../command-facts.ts";
import { completionScript, INSTALL, SHELLS, type Shell } from "../completion.ts";
import { EXIT } from "../io.ts";
import { jsonText } from "../json.ts";
import { knownNames } from "../known-names.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb<unknown>({
  examples: SHELLS.map((shell) => [`completion ${shell}`, INSTALL[shell]] as const),
  configure(command) {
    command.addArgument(new Argument("<shell>", "whose completion").choices(SHELLS));
  },
  async run([shell = ""], options, io, whole) {
    const script = completionScript(shell as Shell, factsOf(await whole(), await knownNames()));
    io.out(options.json === true ? jsonText({ schema: "seamlock/completion@1", shell, script }) : script);
    return EXIT.done;
  },
});
