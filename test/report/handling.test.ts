import { describe, expect, it } from "vitest";
import data from "../../data/verdicts.json" with { type: "json" };
import { kindSentences } from "../../src/report/glossary.ts";
import { handlings, hostHandling } from "../../src/report/handling.ts";
import { buildReport, type Handling, renderReportText, verdictText } from "../../src/report/index.ts";
import { provenance } from "../../src/report/provenance.ts";
import { ancestorNote } from "../../src/report/summary.ts";
import { host as hostNamed, moduleNamed } from "../host/profile.ts";

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
  const [module, host] = [moduleNamed("1.5.25"), hostNamed("linux-7.3")];
  const said = hostHandling(module, host).join();
  const commands = [...said.matchAll(/`([^`]+)`/g)].map(([, command]) => command);

  it("comes with what found it: the command with all its settings, such as the phases, or the scenario", () => {
    const found = own.map(({ reproduce }) => reproduce);
    expect(commands).toContain("seamlock check td-build --module 1.5.25 --host linux-7.3 --set 'phases=[runtime]'");
    for (const command of commands) expect(found).toContain(command);
    const named = new Set(own.map(({ scenario }) => scenario).filter((scenario) => said.includes(scenario)));
    expect(named).toEqual(new Set(own.map(({ scenario }) => scenario)));
  });

  it("is said of that kernel and that release alone: not of another source that states the same version", () => {
    const other = `sha256:${"0".repeat(64)}`;
    const changedKernel = { ...host, extracted: host.extracted && { ...host.extracted, digest: other } };
    const changedModule = { ...module, module: { ...module.module, sourceDigest: other } };
    expect(hostHandling(module, changedKernel)).toEqual([]);
    expect(hostHandling(changedModule, host)).toEqual([]);
    const { extracted: _, ...byHand } = host;
    expect(hostHandling(module, byHand)).toEqual([]);
    expect(said).not.toBe("");
  });

  it("is not said of another kernel in the notes on conditions either", () => {
    const changed = { ...host, extracted: host.extracted && { ...host.extracted, digest: `sha256:${"0".repeat(64)}` } };
    const notes = (of: typeof host): string =>
      buildReport(module, { host: of })
        .notes.flatMap((n) => n.sentences)
        .join(" ");
    expect(notes(host)).toContain("None in KVM's TDs.");
    expect(notes(changed)).not.toContain("None in KVM's TDs.");
  });
});

describe("what is said of a lock kind beside its fields", () => {
  it.each(["sharex_hp", "sept_entry"])("is what its guests do, first or after: %s", (kind) => {
    const [first, after] = (["guestLooksFirst", "guestLooksAfter"] as const).map((l) =>
      kindSentences(kind, l, { isRelease: true, isAlone: false }),
    );
    expect([first?.length, after?.length]).toEqual([1, 1]);
    expect(first).not.toEqual(after);
    expect(kindSentences(kind, null, { isRelease: true, isAlone: false })).toEqual([]);
  });
});

describe("a source that is no bundled release", () => {
  const module = moduleNamed("1.5.05");
  const other = { ...module, module: { ...module.module, sourceDigest: `sha256:${"0".repeat(64)}` } };

  it("has no verdict and no history, whatever version it states", () => {
    const [told, of] = [module, other].map((one) => renderReportText(buildReport(one)).replaceAll(/\s+/g, " "));
    expect(told).toMatch(/From module 1\.5\.\d+ on|From 1\.5\.\d+ on|Up to (module )?1\.5/);
    expect(of).not.toMatch(/From module 1\.5\.\d+ on|From 1\.5\.\d+ on|Up to (module )?1\.5/);
    expect(handlings(module, null)).not.toEqual([]);
    expect(handlings(other, null)).toEqual([]);
    expect(of).toContain("No verdict is bundled for this source of module 1.5.05.");
  });

  it("is told nothing of a lock kind or a function but what was read of it", () => {
    const all = (one: typeof module): string => renderReportText(buildReport(one)).replaceAll(/\s+/g, " ");
    const [join, waits] = ["Held only while the TD epoch is read", "The form that waits"];
    expect([all(module).includes(join), all(module).includes(waits)]).toEqual([true, true]);
    const behaviours = other.behaviours.map((b) => (b.name === "epoch-join" ? { ...b, variant: null } : b));
    const unread = all({ ...other, behaviours });
    expect([unread.includes(join), unread.includes(waits)]).toEqual([false, false]);
    expect(unread).toContain("Given back in adjust_tlb_tracking_state(), before the call ends.");
  });

  it("is told nothing of what a later release takes beside it", () => {
    expect(ancestorNote(module, undefined)).toMatch(/, from 1\.5\.20 on also tdh_phymem_pamt_/);
    expect(ancestorNote(other, undefined)).not.toContain("from 1.5");
  });

  it("equals no public tag", () => {
    const known = moduleNamed("1.5.01");
    const changed = { ...known, module: { ...known.module, sourceDigest: other.module.sourceDigest } };
    expect(provenance(known).join()).toContain("The tree equals tag TDX_1.5.01");
    expect(provenance(changed).join()).not.toMatch(/equals tag|mirror/);
  });
});
