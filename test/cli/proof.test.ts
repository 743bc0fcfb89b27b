/** What a check says that it proved: by name, of what, how, and under which assumptions. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { check } from "../../src/check/index.ts";
import { loadScenario, type ScenarioOptions } from "../../src/cli/scenarios.ts";
import { assumptions, proofSentences, simulationSentences, standings } from "../../src/report/proof.ts";
import { inProcess, temporaryFolder } from "./run.ts";

async function checked(name: string, options: ScenarioOptions, bounds = {}) {
  const loaded = await loadScenario(name, options);
  const result = check(loaded.model, bounds);
  const sentences = proofSentences(loaded, result, result.outcome.kind === "holds" && loaded.doubts.length === 0);
  return { loaded, result, text: sentences.join(" ") };
}

const SMALL = { module: "1.5.25", vcpus: "1", pages: "1" };

describe("a check says", () => {
  it("which properties hold, of what, over how many states, and what was assumed", async () => {
    const { text, result, loaded } = await checked("page-removal", { ...SMALL, policy: "kick-on-busy" });
    expect(text).toContain(
      'Proved of page-removal on module 1.5.25 with 1 vCPU and 1 page, policy kick-on-busy: "a removal never fails" and "TDH.MEM.TRACK never meets TDX_PREVIOUS_TLB_EPOCH_BUSY" in every reachable state; no deadlock.',
    );
    expect(text).toContain(`All ${result.states.toLocaleString("en")} states were looked at, one by one.`);
    expect(text).toContain('Some run meets "a guest runs", "a page is removed" and "zero-step is suspected".');
    expect(text).toContain("Assumed: a TD that runs, without L2 VMs");
    expect(text).not.toContain("Broken");
    expect(new Set(standings(loaded, result).map(({ outcome }) => outcome))).toEqual(new Set(["holds"]));
  });

  it("what is broken in how many steps, and what holds beside it", async () => {
    const { text, result, loaded } = await checked("page-removal", SMALL);
    expect(text).toContain(
      'can break "a removal never fails" in 11 steps, and in no fewer. Proved of it: "TDH.MEM.TRACK',
    );
    expect(text).not.toMatch(/Proved [^.]*a removal never fails/);
    const standing = Object.fromEntries(standings(loaded, result).map(({ name, outcome }) => [name, outcome]));
    expect(standing["a removal never fails"]).toBe("violated");
    expect(standing["TDH.MEM.TRACK never meets TDX_PREVIOUS_TLB_EPOCH_BUSY"]).toBe("holds");
  });

  it("what a count means that leaves its range: a lock that is never given back", async () => {
    const catalog = JSON.parse(readFileSync("data/modules/1.5.25.json", "utf8"));
    for (const { name, acquisitions } of catalog.leaves)
      for (const row of acquisitions) if (name === "tdh_vp_enter" && row.resource === "TDCS_EPOCH") row.release = null;
    const module = join(temporaryFolder(), "module.json");
    writeFileSync(module, JSON.stringify(catalog));
    const { text } = await checked("page-removal", { ...SMALL, module, policy: "kick-on-busy" });
    expect(text).toMatch(/can break "range of TDCS_EPOCH.shared" in \d+ steps.*\. A "range" is broken where a count/);
    expect((await checked("page-removal", SMALL)).text).not.toContain('A "range"');
  });

  it("nothing of the rest when it stopped early", async () => {
    const first = await checked("page-removal", SMALL, { first: true });
    expect(first.text).toContain("Nothing else is proved of it: not every state was looked at.");
    const bounded = await checked("page-removal", SMALL, { states: 50 });
    expect(bounded.text).toMatch(/^Nothing is proved of page-removal on module .*: not every state was looked at\./);
    expect(bounded.text).not.toContain("No run meets");
    const outcomes = standings(bounded.loaded, bounded.result).map(({ name, outcome }) => [name, outcome]);
    expect(outcomes).toContainEqual(["a removal never fails", "unknown"]);
    expect(outcomes).toContainEqual(["a page is removed", "unknown"]);
  });

  it("nothing of runs that were not looked at, though every state was", async () => {
    const asked = { ...SMALL, policy: "fail-fast", set: ["progress=true"] };
    const decided = await checked("page-removal", asked);
    const search = decided.result.states;
    // Room for the search for states, and not for what liveness needs.
    const memory = Math.ceil(decided.result.bytesPerState * search) + 1;
    const { text, loaded, result } = await checked("page-removal", asked, { memory, shorten: 0 });
    expect([result.frontier, result.outcome.kind]).toEqual([0, "violated"]);
    const waits = loaded.model.properties.filter(({ kind }) => kind === "leads-to").map(({ name }) => name);
    expect(result.undecided).toEqual(waits);
    expect(text).toContain(`Not decided: "${waits[0]}"`);
    expect(text).not.toContain("on every fair run");
    const outcomes = standings(loaded, result).filter(({ kind }) => kind === "leads-to");
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(waits.map(() => "unknown"));
    const holding = {
      ...asked,
      policy: "kick-first",
      set: ["progress=true", "properties=[a removal that has begun ends]"],
    };
    const { result: whole } = await checked("page-removal", holding);
    const alone = await checked("page-removal", holding, { memory: Math.ceil(whole.bytesPerState * whole.states) + 1 });
    expect([alone.result.frontier, alone.result.outcome.kind]).toEqual([0, "inconclusive"]);
    expect(alone.text).toMatch(/^Nothing is proved of .*: every state was looked at, but not every run that goes on/);
  });

  it("nothing where a fact is missing, though all was looked at", async () => {
    const { loaded, result } = await checked("page-removal", { ...SMALL, policy: "kick-on-busy" });
    const doubtful = { ...loaded, doubts: ["one row is not known"] };
    expect(proofSentences(doubtful, result, false).join(" ")).toContain(": a fact that it rests on is missing.");
    expect(standings(doubtful, result)).toContainEqual(expect.objectContaining({ kind: "always", outcome: "unknown" }));
  });

  it("under which fairness runs end, and of which there is nothing to prove", async () => {
    const { text, loaded, result } = await checked("page-removal", {
      ...SMALL,
      policy: "kick-first",
      set: ["progress=true", "guest=[accept, insist]"],
    });
    expect(text).toContain('"a removal that has begun ends"');
    expect(text).toContain("on every fair run (whoever can go on again and again does)");
    expect(text).toContain('"TDG.MEM.PAGE.ACCEPT is not refused for ever": there is nothing to prove');
    expect(standings(loaded, result)).toContainEqual({
      name: "TDG.MEM.PAGE.ACCEPT is not refused for ever",
      kind: "leads-to",
      outcome: "vacuous",
    });
  });

  it("which run was never met, and which reductions were used", async () => {
    const { loaded, result } = await checked("page-removal", SMALL);
    const unmet = { ...result, vacuous: ["a page is removed"], witnesses: [] };
    expect(proofSentences(loaded, unmet, false).join(" ")).toContain('No run meets "a page is removed".');
    const { text: reduced } = await checked("dynamic-pamt", {});
    expect(reduced).toContain("up to these reductions: fold (adder");
  });

  it("what the scenario's own fields assume", async () => {
    const of = async (...set: readonly string[]) =>
      assumptions(await loadScenario("page-removal", { ...SMALL, set })).join("; ");
    expect(await of("removal.kick.waits=false")).toContain("the kick does not wait");
    expect(await of()).not.toContain("the kick does not wait");
    expect(await of("zeroStep=counted")).toContain("counted up to the threshold");
    expect(await of("pendingVe=false")).toContain("is a TD exit");
  });

  it("it in the printed text and in the document", async () => {
    const args = [
      "check",
      "page-removal",
      "--module",
      "1.5.25",
      "--vcpus",
      "1",
      "--pages",
      "1",
      "--policy",
      "kick-first",
    ];
    const { out } = await inProcess(args);
    expect(out.split("\n").slice(0, 12).join(" ")).toContain('"a removal never fails" and');
    const document = JSON.parse((await inProcess([...args, "--json"])).out);
    expect(document.properties).toContainEqual({ name: "a removal never fails", kind: "always", outcome: "holds" });
    expect(document.assumptions.length).toBeGreaterThan(3);
  });
});

describe("a simulation says", () => {
  it("that its frequencies come from a scheduler without time, and that it proves nothing", async () => {
    const { out } = await inProcess([
      "simulate",
      "page-removal",
      "--module",
      "1.5.25",
      "--runs",
      "2",
      "--steps",
      "200",
    ]);
    const text = out.replaceAll(/\s+/g, " ");
    expect(text).toContain("2 runs of page-removal on module 1.5.25 with 2 vCPUs and 2 pages");
    expect(text).toContain("Its scheduler has no time: how often something happens here says nothing of how often");
    expect(text).toContain("what did not happen is not proved impossible");
    const timed = simulationSentences(await loadScenario("page-removal", SMALL), "timed", 1, 1).join(" ");
    expect(timed).toContain("was measured on no machine");
  });
});
