import { POLICIES } from "../../report/index.ts";
import { EXIT } from "../io.ts";
import { jsonText } from "../json.ts";
import { table } from "../table.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb<unknown>({
  examples: [
    ["policies", "ways of handling BUSY, and what --policy calls them"],
    ["policies --json", "the same, for a program"],
  ],
  configure() {},
  async run(_args, options, io) {
    const policies = POLICIES.map(({ id, title, policy, parameters = {} }) => ({ id, title, policy, parameters }));
    if (options.json === true) io.out(jsonText({ schema: "seamlock/policies@1", policies }));
    else {
      const rows = policies.map(({ title, policy, parameters }) => [
        policy ?? "-",
        Object.entries(parameters)
          .map(([name, value]) => `${name}=${value}`)
          .join(" "),
        title,
      ]);
      io.out(table([["POLICY", "WITH", "WHAT IT DOES"], ...rows]));
    }
    return EXIT.done;
  },
});
