import { EXIT } from "../io.ts";
import { jsonText } from "../json.ts";
import { loadModule } from "../modules.ts";
import { moduleOption } from "../options.ts";
import { table } from "../table.ts";
import { defineVerb } from "../verb.ts";

interface Options {
  readonly module?: string;
}

export const verb = defineVerb<Options>({
  examples: [
    ["leaves", "every call of the newest module, with number, variants and how many locks it takes"],
    ["leaves --module 1.5.05 --json", "of one version, for a program"],
  ],
  configure(command) {
    command.addOption(moduleOption());
  },
  async run(_args, options, io) {
    const { module, leaves } = await loadModule(options.module);
    const listed = leaves.map(({ name, number, side, variant, acquisitions }) => {
      return { name, number, side, variant, locks: acquisitions.filter(({ mode }) => mode !== "NO_LOCK").length };
    });
    if (options.json === true)
      io.out(jsonText({ schema: "seamlock/leaves@1", module: module.version, leaves: listed }));
    else {
      const rows = listed.map((leaf) => [
        leaf.name,
        String(leaf.number),
        leaf.side,
        leaf.variant ?? "",
        String(leaf.locks),
      ]);
      io.out(table([["LEAF", "NUMBER", "SIDE", "VARIANT", "LOCKS"], ...rows]));
    }
    return EXIT.done;
  },
});
