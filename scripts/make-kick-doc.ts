/**
 * Makes docs/kick-protocol.md from data/matrices/kick-protocol.yaml: `npm run kick-doc`. The kick protocol with each part left out once, and
 * the shortest run that breaks it, as `seamlock check` prints it.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "../src/check/index.ts";
import { matrixText } from "../src/cli/matrices.ts";
import { bundledModules } from "../src/cli/modules.ts";
import { loadScenario } from "../src/cli/scenarios.ts";
import { type Case, casesOf, parseMatrix } from "../src/model/index.ts";
import { renderTraceText } from "../src/report/index.ts";

/** What each setting leaves out of the protocol, and why that matters. */
const PARTS: readonly { readonly set: string; readonly title: string; readonly why: string }[] = [
  {
    set: "entryOrder=check-then-mark",
    title: "The vCPU looks at the bar, and is marked as in guest mode only then",
    why: "Between the two the host bars entry and finds no vCPU marked, so that the kick has nobody to wait for; the vCPU goes on.",
  },
  {
    set: "removal.kick.waits=false",
    title: "The kick does not wait until vCPUs have left",
    why: "The interrupt is on its way; the guest still runs, and holds what the removal wants.",
  },
  {
    set: "removal.kick.barUntil=kicked",
    title: "The bar is lifted when the kick is done, before the page is removed",
    why: "Whoever was kicked out comes back in the middle of the removal.",
  },
  {
    set: "removal.kick.barsFirst=false",
    title: "vCPUs are kicked first, and entry is barred after that",
    why: "A vCPU that enters between the two is neither kicked nor barred.",
  },
  {
    set: "removal.kick.barUntil=returned",
    title: "The bar is lifted when the call that was made once more has returned, not when the page is removed",
    why: "Linux has it so from 6.16. It is enough for `kick-on-busy`, where every call that is busy keeps vCPUs out anew; `kick-first` keeps them out once, and they are back for the second call.",
  },
  {
    set: "removal.kick.onBusy=2",
    title: "Only the second BUSY of a call in a row bars entry and kicks",
    why: "The first BUSY is answered by trying again. The kick still comes before the removal gives up.",
  },
  {
    set: "removal.kick.afterTrack=false",
    title: "No kick after TDH.MEM.TRACK",
    why: "A vCPU of the older epoch may still run. TDH.MEM.PAGE.REMOVE says so with TDX_TLB_TRACKING_NOT_DONE, which is no BUSY, so that `kick-on-busy` gives up. `kick-first` has let nobody in since before the first call; there is nobody left to kick.",
  },
];

interface Result {
  readonly set: string;
  readonly policy: string;
  readonly module: string;
  readonly command: string;
  readonly steps: number | null;
  readonly property: string;
  readonly trace: string;
  /** Who did what, without values that differ between modules. */
  readonly shape: string;
}

async function checked({ options, set }: Case): Promise<Result> {
  const { scenario = "", policy = "", module = "", ...rest } = options;
  const { model, catalog, reproduce } = await loadScenario(scenario, { ...rest, policy, module, set });
  // A shortest run is among what the level of the first violation shows.
  const { outcome, trace } = check(model, { first: true });
  if (outcome.kind === "inconclusive") throw new Error(`${reproduce}: ${String(outcome.reason)}`);
  return {
    set: set.join(" "),
    policy,
    module,
    command: `seamlock check ${reproduce}`,
    steps: trace?.steps.length ?? null,
    property: outcome.property ?? "",
    trace: trace === null ? "" : renderTraceText(trace, catalog),
    shape: JSON.stringify(trace?.steps.map(({ actor, label, next }) => [actor, label, next])),
  };
}

function shown(result: Result, all: readonly Result[]): string {
  const others = all.filter((other) => other !== result && other.policy === result.policy);
  if (result.steps === null) {
    const where = [result, ...others.filter(({ steps }) => steps === null)].map(({ module }) => module);
    return `### \`${result.policy}\` holds all the same (${where.join(", ")})\n\n\`${result.command}\`\n`;
  }
  const notes = others.map((other) => {
    if (other.steps === null) return `On ${other.module} it holds.`;
    const how = other.shape === result.shape ? "step by step the same" : `another way, in ${other.steps} steps`;
    return `On ${other.module} it breaks ${how}.`;
  });
  return `### \`${result.policy}\` breaks in ${result.steps} steps: ${result.property}

\`${result.command}\`

\`\`\`text
${result.trace.trimEnd()}
\`\`\`

${notes.join(" ")}
`;
}

const { text, file } = await matrixText("kick-protocol");
const results: Result[] = [];
for (const one of casesOf(parseMatrix(text, file), bundledModules())) results.push(await checked(one));

const unknown = results.filter(({ set }) => !PARTS.some((part) => part.set === set));
if (unknown.length > 0) throw new Error(`say what this leaves out: ${unknown[0]?.set}`);

const sections = PARTS.map(({ set, title, why }) => {
  const of = results.filter((result) => result.set === set);
  const first = of.filter(({ module }) => module === of[0]?.module);
  return `## ${title}\n\n${why}\n\n${first.map((result) => shown(result, of)).join("\n")}`;
});

writeFileSync(
  join(import.meta.dirname, "..", "docs", "kick-protocol.md"),
  `# What the kick protocol depends on

Made by \`npm run kick-doc\` from data/matrices/kick-protocol.yaml; do not edit.

The host bars entry, kicks vCPUs out of the TD and waits until they have left, removes the page (block, track, remove; after tracking it kicks once more), and lets
vCPUs in again. A vCPU is marked as in guest mode, with interrupts off, before it looks at the bar. With all of this both policies hold (docs/verdicts.md); here each part is
left out or done otherwise, one at a time. The runs are shortest ones; one column an actor, changed variables in brackets.

${sections.join("\n")}`,
);
