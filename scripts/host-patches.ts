/**
 * Shows what a patch to a kernel opens: applies changes of scripts/host-mutations.yaml to a copy of a tree, one at a time, and prints how
 * the host differs then, with the lines.
 *
 *   npm run host-patches -- KERNELS [NAME...]
 *
 * KERNELS is the folder of kernel trees (scripts/get-kernels.sh). Without names, two changes that take a lock away from a call: one of
 * them is what the comment in the source warns of.
 */
import { join } from "node:path";
import { diffHosts } from "../src/analysis/index.ts";
import { loadModule } from "../src/cli/modules.ts";
import { extractHost } from "../src/kernel/index.ts";
import { renderHostDiffText } from "../src/report/index.ts";
import { mutated, withCopy } from "./host-mutations/copy.ts";
import { loadMutations } from "./host-mutations/mutations.ts";

const SHOWN = ["TDH.VP.INIT without the write lock", "the initial image is mapped without mmu_lock"];

const [kernels, ...names] = process.argv.slice(2);
if (kernels === undefined) throw new Error("usage: npm run host-patches -- KERNELS [NAME...]");
const { kernel, mutations } = loadMutations();
const catalog = await loadModule(undefined);

withCopy(join(kernels, kernel), (copy) => {
  const before = extractHost(copy, { name: `linux-${kernel}` }).profile;
  for (const name of names.length > 0 ? names : SHOWN) {
    const mutation = mutations.find((one) => one.name === name);
    if (mutation === undefined) throw new Error(`no change of scripts/host-mutations.yaml is called ${name}`);
    const { profile: after, diagnostics } = mutated(copy, mutation, () => extractHost(copy, { name: "patched" }));
    const loud = diagnostics.filter(({ severity }) => severity !== "note");
    process.stdout.write(
      [
        `##### ${name}`,
        renderHostDiffText(diffHosts(catalog, before, after), { catalog, before, after }),
        ...loud.map(({ code, message, file, line }) => `${code} ${file}:${line} ${message}`),
        "",
      ].join("\n"),
    );
  }
});
