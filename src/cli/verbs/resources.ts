import { resourceFacts, resourceUsers } from "../../analysis/index.ts";
import { lockNameOf } from "../../report/index.ts";
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
    ["resources", "what the calls of the newest module lock, with the names that --resource accepts"],
    ["resources --module 1.5.05 --json", "of one version, for a program"],
  ],
  configure(command) {
    command.addOption(moduleOption());
  },
  async run(_args, options, io) {
    const catalog = await loadModule(options.module);
    const resources = resourceUsers(catalog).map(({ resource, shared, exclusive }) => {
      const { long } = resourceFacts(resource);
      return { resource, lock: lockNameOf(resource), what: long, shared: shared.length, exclusive: exclusive.length };
    });
    if (options.json === true) {
      io.out(jsonText({ schema: "seamlock/resources@1", module: catalog.module.version, resources }));
    } else {
      const rows = resources.map((r) => [r.resource, r.lock ?? "", String(r.shared), String(r.exclusive), r.what]);
      io.out(table([["RESOURCE", "ALSO", "SHARED", "EXCLUSIVE", "WHAT IT IS"], ...rows]));
    }
    return EXIT.done;
  },
});
