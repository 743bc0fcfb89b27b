import { EXIT } from "../io.ts";
import { jsonText } from "../json.ts";
import { bundledModules, loadModule } from "../modules.ts";
import { table } from "../table.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb<unknown>({
  examples: [
    ["modules", "the versions that --module accepts"],
    ["modules --json", "the same, with repository and revision, for a program"],
  ],
  configure() {},
  async run(_args, options, io) {
    const modules = (await Promise.all(bundledModules().map(loadModule))).map(({ module, leaves }) => {
      const { version, origin, repository, revision } = module;
      return { version, origin, repository, revision, leaves: new Set(leaves.map((leaf) => leaf.name)).size };
    });
    if (options.json) io.out(jsonText({ schema: "seamlock/modules@1", modules }));
    else {
      const rows = modules.map((m) => [
        m.version,
        m.origin,
        String(m.leaves),
        m.repository ?? "-",
        m.revision?.slice(0, 12) ?? "-",
      ]);
      io.out(table([["VERSION", "ORIGIN", "LEAVES", "REPOSITORY", "REVISION"], ...rows]));
    }
    return EXIT.done;
  },
});
