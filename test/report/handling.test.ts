import { describe, expect, it } from "vitest";
import data from "../../data/verdicts.json" with { type: "json" };
import { handlingBlocks } from "../../src/report/handling.ts";
import { type Handling, verdictText } from "../../src/report/index.ts";

type Decided = Handling["verdicts"][number];

const violated = (...violations: Decided["violations"]): Decided => ({
  module: "1.5.25",
  vcpus: 2,
  pages: 2,
  retries: null,
  outcome: "violated",
  violations,
  states: 1000,
  whole: true,
  reproduce: "seamlock check page-removal",
});

describe("how long it takes until somebody does not get through", () => {
  it("is the length of a run that ends", () => {
    expect(verdictText([violated({ property: "a removal never fails", steps: 11, shortest: true })])).toBe(
      "no, in 11 steps",
    );
  });

  it("is the way to the loop of a run that goes round for ever, once round not counted", () => {
    const round = { property: "a removal that has begun ends", steps: 26, loop: 6, shortest: true };
    expect(verdictText([violated(round)])).toBe("no, in 6 steps");
  });
});

describe("what is said of a host itself", () => {
  const own = data.verdicts.filter((v) => v.matrix === "hosts" && v.host === "linux-7.3" && v.module === "1.5.25");
  const blocks = handlingBlocks(
    [{ policy: "p", title: "p", proposal: null, hosts: false, verdicts: [violated()] }],
    "1.5.25",
    "linux-7.3",
  );
  const items = blocks.flatMap((block) => (block.kind === "list" ? block.items : []));
  const said = items.map(String).find((item) => item.startsWith("Linux 7.3 itself")) ?? "";
  const commands = [...said.matchAll(/`([^`]+)`/g)].map(([, command]) => command);

  it("comes with what found it: the command with all its settings, such as the phases, or the scenario", () => {
    const found = own.map(({ reproduce }) => reproduce);
    expect(commands).toContain("seamlock check td-build --module 1.5.25 --host linux-7.3 --set 'phases=[runtime]'");
    for (const command of commands) expect(found).toContain(command);
    const named = new Set(own.map(({ scenario }) => scenario).filter((scenario) => said.includes(scenario)));
    expect(named).toEqual(new Set(own.map(({ scenario }) => scenario)));
  });
});
