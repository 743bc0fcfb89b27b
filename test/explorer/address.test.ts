/** Addresses with a fault, and outcomes beside a form that says something else. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contendingPairs } from "../../src/analysis/index.ts";
import { type Catalog, parseCatalog } from "../../src/catalog/index.ts";
import { hostsBefore, modulesBefore } from "../../src/explorer/before.ts";
import { pack, unpack } from "../../src/explorer/data.ts";
import type { ExplorerData } from "../../src/explorer/index.ts";
import { intern, restore } from "../../src/explorer/interned.ts";
import { faultsOf, JUDGED } from "../../src/explorer/logic/address.ts";
import { parseRoute, VIEWS } from "../../src/explorer/logic/route.ts";
import {
  isStale,
  jobOf,
  policiesOf,
  type RunKind,
  requestCommand,
  requestOf,
  requestWords,
  sizesOf,
  withoutHost,
} from "../../src/explorer/logic/run-request.ts";
import { TITLES, titleOf } from "../../src/explorer/logic/title.ts";
import { parseHost } from "../../src/host/index.ts";

const SCENARIOS = ["page-removal", "td-build", "lock/sharex-hp", "dynamic-pamt", "page-fault-in"];

const data: ExplorerData = {
  schema: "seamlock/explorer@1",
  modules: ["1.5.20", "1.5.24", "1.5.25"].map((name) => ({
    name,
    catalog: parseCatalog(readFileSync(`data/modules/${name}.json`, "utf8"), name),
  })),
  hosts: ["linux-6.16", "linux-6.19"].map((name) => ({
    name,
    profile: parseHost(readFileSync(`data/hosts/${name}.yaml`, "utf8"), name).profile,
  })),
  scenarios: SCENARIOS.map((name) => ({ name, text: readFileSync(`data/scenarios/${name}.yaml`, "utf8") })),
  initial: { module: "1.5.25", host: "linux-6.19" },
  newestHost: "linux-6.19",
  before: {
    modules: { "1.5.20": null, "1.5.24": "1.5.20", "1.5.25": "1.5.20" },
    hosts: { "linux-6.16": null, "linux-6.19": "linux-6.16" },
  },
};

const faults = (hash: string) => faultsOf(parseRoute(hash), data);

describe("an address", () => {
  it.each([
    "",
    "#/",
    "#/home?module=1.5.20&host=none",
    "#/matrix?a=tdh_mem_track&b=tdh_vp_enter&scope=host&op=RUNNABLE&side=guest&order=worst&fold=0&resource=TDCS_EPOCH",
    "#/calls?leaf=tdh_vp_init~version%3D0",
    "#/calls?leaf=tdh_vp_init",
    "#/resources?resource=KOT",
    "#/versions?compare=1.5.20&leaf=tdh_vp_enter&all=1",
    "#/hosts?with=linux-6.16",
    "#/hosts?with=none",
    "#/runs?scenario=page-removal&policy=as-host&vcpus=2&pages=1&retries=3&run=1&step=3&play=x&state=all",
    "#/runs?scenario=lock/sharex-hp&hosts=1&guests=2",
    "#/runs?run=simulate&seed=0&runs=5&steps=10&schedule=priority",
    "#/runs?meet=tdh_mem_track+tdh_vp_enter&on=TDCS_EPOCH&rows=TDCS_EPOCH++TDCS_EPOCH+",
    "#/explain?line=anything%20at%20all",
  ])("has no fault: %s", (hash) => {
    expect(faults(hash)).toEqual([]);
  });

  it("asks which way of a call is meant, since two calls may meet in one and not in the other", () => {
    const choices = ["tdh_vp_init~version=0", "tdh_vp_init~version>=1"];
    expect(faults("#/matrix?a=tdh_mem_track&b=tdh_vp_init")).toMatchObject([{ name: "b", choices }]);
    expect(faults("#/runs?meet=tdh_mem_track+tdh_vp_init")).toMatchObject([{ name: "meet", choices }]);
    expect(faults("#/matrix?a=tdh_mem_track&b=tdh_vp_init~version%3D0")).toEqual([]);
  });

  const WRONG: readonly (readonly [hash: string, name: string, value: string])[] = [
    ["#/metrix", "", "metrix"],
    ["#/home?module=1.5.99", "module", "1.5.99"],
    ["#/home?host=linux-9.9", "host", "linux-9.9"],
    ["#/versions?compare=1.4", "compare", "1.4"],
    ["#/hosts?with=windows", "with", "windows"],
    ["#/hosts?path=KVM_RUM", "path", "KVM_RUM"],
    ["#/hosts?lock=kvm->lokc", "lock", "kvm->lokc"],
    ["#/matrix?scope=some", "scope", "some"],
    ["#/matrix?scope=host&host=none", "scope", "host"],
    ["#/matrix?resource=TDCSEPOCH", "resource", "TDCSEPOCH"],
    ["#/matrix?op=RUNING", "op", "RUNING"],
    ["#/matrix?side=both", "side", "both"],
    ["#/matrix?order=size", "order", "size"],
    ["#/matrix?fold=maybe", "fold", "maybe"],
    ["#/matrix?a=tdh_mem_trak&b=tdh_vp_enter", "a", "tdh_mem_trak"],
    ["#/matrix?a=tdh_mem_track&b=tdh_vp_entr", "b", "tdh_vp_entr"],
    ["#/matrix?a=tdh_mem_track", "a", "tdh_mem_track"],
    ["#/matrix?b=tdh_mem_track", "b", "tdh_mem_track"],
    ["#/matrix?a=tdh_mem_track&b=tdh_vp_init", "b", "tdh_vp_init"],
    ["#/calls?leaf=tdh_nothing", "leaf", "tdh_nothing"],
    ["#/resources?resource=NOPE", "resource", "NOPE"],
    ["#/versions?compare=1.5.20&leaf=tdh_nothing", "leaf", "tdh_nothing"],
    ["#/versions?all=yes", "all", "yes"],
    ["#/runs?scenario=page-remval", "scenario", "page-remval"],
    ["#/runs?policy=kick-last", "policy", "kick-last"],
    ["#/runs?policy=as-host&host=none", "policy", "as-host"],
    ["#/runs?scenario=lock/sharex-hp&policy=kick-first", "policy", "kick-first"],
    ["#/runs?vcpus=two", "vcpus", "two"],
    ["#/runs?pages=-1", "pages", "-1"],
    ["#/runs?retries=1.5", "retries", "1.5"],
    ["#/runs?scenario=lock/sharex-hp&vcpus=1", "vcpus", "1"],
    ["#/runs?hosts=1", "hosts", "1"],
    ["#/runs?guests=x&scenario=lock/sharex-hp", "guests", "x"],
    ["#/runs?threshold=4", "threshold", "4"],
    ["#/runs?callers=4", "callers", "4"],
    ["#/runs?adders=x&scenario=dynamic-pamt", "adders", "x"],
    ["#/runs?removers=x&scenario=dynamic-pamt", "removers", "x"],
    ["#/runs?users=x&scenario=dynamic-pamt", "users", "x"],
    ["#/runs?run=2", "run", "2"],
    ["#/runs?seed=x", "seed", "x"],
    ["#/runs?runs=0", "runs", "0"],
    ["#/runs?steps=100001", "steps", "100001"],
    ["#/runs?schedule=timed", "schedule", "timed"],
    ["#/runs?meet=tdh_mem_track", "meet", "tdh_mem_track"],
    ["#/runs?meet=tdh_mem_track+nobody", "meet", "tdh_mem_track nobody"],
    ["#/runs?meet=tdh_mem_track+tdh_vp_enter", "meet", "tdh_mem_track tdh_vp_enter"],
    ["#/runs?on=NOPE", "on", "NOPE"],
    ["#/runs?step=0", "step", "0"],
    ["#/runs?state=some", "state", "some"],
    ["#/home?modul=1.5.05", "modul", "1.5.05"],
    ["#/explain?__proto__=x", "__proto__", "x"],
  ];

  it.each(WRONG)("is told its fault: %s", (hash, name, value) => {
    const found = faults(hash);
    expect(found.map((fault) => [fault.name, fault.value])).toEqual([[name, value]]);
    expect(found[0]?.message).toContain("“");
  });

  it("is judged in every parameter of every view", () => {
    // Home and Matrix understand the same.
    const tested = new Set(WRONG.map(([, name]) => name));
    expect(JUDGED.filter((parameter) => !tested.has(parameter.split(" ")[1] ?? ""))).toEqual([]);
    // Whatever a view makes of its own parameters, it takes no module, host or version that is not here.
    for (const view of VIEWS) {
      for (const name of ["module", "host", "compare"]) {
        expect(faults(`#/${view}?${name}=nowhere`).map((fault) => fault.name)).toEqual([name]);
      }
    }
    // Which rows meet is known to the pairs: others are refused with a reason, never replaced.
    const catalog = data.modules.at(-1)?.catalog;
    if (catalog === undefined) throw new Error("no module");
    const pairs = contendingPairs(catalog);
    const meeting = (rows: string) => ({ meet: "tdh_mem_track tdh_vp_enter", on: "TDCS_EPOCH", rows });
    const job = (rows: string) => jobOf(requestOf("meet", meeting(rows), data), data, () => pairs);
    expect(job("")).toMatchObject({ kind: "pair" });
    expect(job("TDCS_EPOCH x TDCS_EPOCH x")).toHaveProperty("message");
    // A pair is one in either order.
    const turned = requestOf("meet", { ...meeting(""), meet: "tdh_vp_enter tdh_mem_track" }, data);
    expect(jobOf(turned, data, () => pairs)).toEqual(job(""));
    const elsewhere = requestOf("meet", { ...meeting(""), on: "TDR" }, data);
    expect(jobOf(elsewhere, data, () => pairs)).toEqual({
      message: "tdh_mem_track and tdh_vp_enter never conflict on TDR in this module",
    });
  });

  it("offers the nearest first, and does not judge what depends on a module that is not here", () => {
    expect(faults("#/matrix?resource=TDCSEPOCH")[0]?.choices[0]).toBe("TDCS_EPOCH");
    expect(faults("#/home?module=1.5.2")[0]?.choices).toHaveLength(3);
    expect(faults("#/calls?module=9.9&leaf=whatever").map(({ name }) => name)).toEqual(["module"]);
    expect(faults("#/home?modul=1")[0]?.message).toContain("module");
    // Nothing is near: what the page opens at, not the oldest; and no parameter of one letter is meant by another.
    expect(faults("#/home?module=nothing-like-it")[0]?.choices).toEqual(["1.5.25", "1.5.20", "1.5.24"]);
    expect(faults("#/home?host=nothing-like-it")[0]?.choices[0]).toBe("linux-6.19");
    expect(faults("#/matrix?x=1")[0]?.message).not.toContain("Did you mean");
  });

  it("has a title that tells its tab from the others", () => {
    const titles = VIEWS.map((view) => titleOf(parseRoute(`#/${view}`), data));
    expect(new Set(titles).size).toBe(VIEWS.length);
    expect(Object.keys(TITLES)).toEqual([...VIEWS]);
    const of = (hash: string) => titleOf(parseRoute(hash), data);
    expect(of("#/matrix?a=tdh_mem_track&b=tdh_vp_enter")).toBe("tdh_mem_track × tdh_vp_enter: 1.5.25, Linux 6.19");
    expect(of("#/versions")).toBe("1.5.20 → 1.5.25");
    expect(of("#/hosts")).toBe("Linux 6.16 → Linux 6.19, 1.5.25");
    expect(of("#/runs?policy=kick-first&run=1")).toBe(
      "page-removal on module 1.5.25 with 2 vCPUs and 2 pages, policy kick-first",
    );
  });
});

describe("an outcome beside its form", () => {
  const SCENARIO = { scenario: "page-removal", policy: "kick-first", vcpus: "2", pages: "2" };
  const FORM = { ...SCENARIO, run: "1", seed: "5" };
  /** What a reader can change, and whether a check, a simulation and a meeting are about something else then. */
  const CHANGES: readonly (readonly [
    what: string,
    patch: Record<string, string>,
    check: boolean,
    simulate: boolean,
  ])[] = [
    ["nothing", {}, false, false],
    ["how it is looked at", { step: "4", play: "x", state: "all", run: "" }, false, false],
    ["the scenario", { scenario: "td-build" }, true, true],
    ["the policy", { policy: "kick-on-busy" }, true, true],
    ["no policy", { policy: "" }, true, true],
    ["vCPUs", { vcpus: "1" }, true, true],
    ["pages", { pages: "1" }, true, true],
    ["retries", { retries: "7" }, true, true],
    ["a size that it does not have", { hosts: "4" }, false, false],
    ["the module", { module: "1.5.24" }, true, true],
    ["the module by its name", { module: "1.5.25" }, false, false],
    ["a host that plays no part", { host: "linux-6.16" }, false, false],
    ["the host's own policy", { policy: "as-host" }, true, true],
    ["the seed", { seed: "6" }, false, true],
    ["the number of runs", { runs: "7" }, false, true],
    ["the steps of a run", { steps: "7" }, false, true],
    ["the schedule", { schedule: "priority" }, false, true],
  ];

  it.each(CHANGES)("is of something else after a change of %s: %j", (_what, patch, check, simulate) => {
    const changed = { ...FORM, ...patch };
    expect(isStale(requestOf("check", FORM, data), changed, data)).toBe(check);
    expect(isStale(requestOf("simulate", FORM, data), changed, data)).toBe(simulate);
  });

  it("is of something else when the host that plays a part is another one", () => {
    const paths = { scenario: "td-build" };
    const own = { ...SCENARIO, policy: "as-host" };
    for (const form of [paths, own]) {
      for (const kind of ["check", "simulate"] as const) {
        const request = requestOf(kind, form, data);
        expect(request.host).toBe("linux-6.19");
        expect(isStale(request, { ...form, host: "linux-6.16" }, data)).toBe(true);
        expect(isStale(request, { ...form, host: "linux-6.19" }, data)).toBe(false);
      }
    }
  });

  it("is of something else when two other calls meet", () => {
    const form = { meet: "tdh_mem_track tdh_vp_enter", on: "TDCS_EPOCH", rows: "" };
    const request = requestOf("meet", form, data);
    expect(isStale(request, { ...form, step: "2", host: "none" }, data)).toBe(false);
    for (const patch of [{ on: "TDR" }, { meet: "a b" }, { rows: "x" }, { module: "1.5.24" }]) {
      expect([patch, isStale(request, { ...form, ...patch }, data)]).toEqual([patch, true]);
    }
  });

  it("says of what it is, and what repeats it", () => {
    const words = (kind: RunKind, params: Record<string, string>) => requestWords(requestOf(kind, params, data), data);
    expect(words("check", FORM)).toBe("page-removal on module 1.5.25 with 2 vCPUs and 2 pages, policy kick-first");
    expect(words("simulate", FORM)).toMatch(/^100 runs from seed 5 of page-removal/);
    expect(words("check", { scenario: "td-build" })).toContain("host linux-6.19");
    expect(words("check", { vcpus: "99" })).toBe("page-removal, vCPUs 99, module 1.5.25");
    expect(words("meet", { meet: "a b", on: "TDR" })).toBe("a meets b on TDR, module 1.5.25");
    // Of a source tree a catalog is written first: no other verb takes a tree.
    const own = { name: "/a tree", catalog: data.modules[0]?.catalog as Catalog };
    const withTree = { ...data, modules: [...data.modules, own], moduleTrees: ["/a tree"] };
    const facts = unpack(pack(withTree)).data;
    expect(facts.moduleTrees).toEqual(["/a tree"]);
    expect(requestCommand(requestOf("check", { module: "/a tree", vcpus: "1" }, facts), facts)).toBe(
      "seamlock extract '/a tree' -o module.json; seamlock check page-removal --module module.json --vcpus 1",
    );
    expect(unpack(pack(data)).data.moduleTrees).toBeUndefined();
    const command = (kind: RunKind, params: Record<string, string>) => requestCommand(requestOf(kind, params, data));
    expect(command("check", FORM)).toBe(
      "seamlock check page-removal --module 1.5.25 --policy kick-first --vcpus 2 --pages 2",
    );
    expect(command("check", { ...FORM, retries: "5" })).not.toContain("--retries");
    expect(command("check", { ...FORM, policy: "retry-n", retries: "5" })).toContain(
      "--policy retry-n --vcpus 2 --pages 2 --retries 5",
    );
    expect(command("check", { scenario: "dynamic-pamt", adders: "3" })).toBe(
      "seamlock check dynamic-pamt --set adders=3 --module 1.5.25",
    );
    expect(command("check", { ...SCENARIO, policy: "as-host", host: "linux-6.16" })).toContain(
      "--host linux-6.16 --policy as-host",
    );
  });

  it("has a form of the fields that its scenario has", () => {
    const file = (name: string) => data.scenarios.find((s) => s.name === name) ?? { name, text: "" };
    const sizes = (name: string) => sizesOf(file(name)).map((size) => size.name);
    expect(sizes("page-removal")).toEqual(["vcpus", "pages", "retries"]);
    expect(sizes("lock/sharex-hp")).toEqual(["hosts", "guests"]);
    expect(sizes("dynamic-pamt")).toEqual(["adders", "removers", "users"]);
    expect(sizesOf(file("page-removal"))[0]).toMatchObject({ label: "vCPUs", usual: "2" });
    const host = data.hosts[0] ?? null;
    expect(policiesOf(file("page-removal"), host)).toContain("as-host");
    expect(policiesOf(file("page-removal"), null)).not.toContain("as-host");
    expect(policiesOf(file("page-fault-in"), host)).toEqual([]);
    expect(sizes("nothing")).toEqual([]);
  });

  it("says why the host of the bar plays no part, where it plays none", () => {
    const why = (params: Record<string, string>) => withoutHost(params, data);
    expect(why({ scenario: "td-build" })).toBeNull();
    expect(why({ ...SCENARIO, policy: "as-host" })).toBeNull();
    expect(why(SCENARIO)).toContain("the policy says");
    expect(why({ scenario: "lock/sharex-hp" })).toContain("no path of a host");
    expect(why({ meet: "a b" })).toContain("two calls");
  });

  it("is run with the facts that it names", () => {
    const job = jobOf(requestOf("check", { ...SCENARIO, policy: "as-host", host: "linux-6.16" }, data), data, () => []);
    expect(job).toMatchObject({ kind: "check", host: { name: "linux-6.16" } });
    expect("overrides" in job && job.overrides.map(({ path, value }) => [path, value])).toEqual([
      ["removal.policy", "as-host"],
      ["vcpus", "2"],
      ["pages", "2"],
      ["host", '"linux-6.16"'],
    ]);
    const paths = jobOf(requestOf("check", { scenario: "td-build", host: "none" }, data), data, () => []);
    expect(paths).toMatchObject({ kind: "check", host: { name: data.newestHost } });
    expect(jobOf(requestOf("meet", { meet: "a b", on: "TDR" }, data), data, () => [])).toHaveProperty("message");
    expect(jobOf(requestOf("check", SCENARIO, data), data, () => [])).toMatchObject({ host: null });
  });
});

describe("what is compared unless an address says", () => {
  it("is the last one before that differs", () => {
    expect(modulesBefore(data.modules)).toMatchObject({ "1.5.20": null, "1.5.24": "1.5.20" });
    const same = data.modules.map(({ catalog }, i) => ({
      name: `v${i}`,
      catalog: i === 2 ? catalog : (data.modules[0]?.catalog ?? catalog),
    }));
    expect(modulesBefore(same)).toEqual({ v0: null, v1: null, v2: "v1" });
    expect(hostsBefore(data.hosts)).toEqual({ "linux-6.16": null, "linux-6.19": "linux-6.16" });
    const [first] = data.hosts;
    if (first === undefined) throw new Error("no host");
    expect(hostsBefore([first, { name: "renamed", profile: { ...first.profile, description: "x" } }])).toEqual({
      "linux-6.16": null,
      renamed: null,
    });
  });
});

describe("facts that travel", () => {
  it("arrive as they were, whatever they are", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const interned = JSON.parse(JSON.stringify(intern(value)));
        expect(restore(interned, interned.root)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 100 },
    );
    const odd = JSON.parse('{"__proto__": {"a": [null, -1, "-1", 1.5]}, "": [[], {}]}');
    const interned = intern(odd);
    expect(JSON.stringify(restore(interned, interned.root))).toBe(JSON.stringify(odd));
  });

  it("are small, for equal parts stand once, and no two parts are one object", () => {
    const text = pack(data, [{ key: "k", answer: { a: 1 } }]);
    expect(text.length).toBeLessThan(JSON.stringify(data).length / 2);
    const { data: received, answers } = unpack(text);
    expect(received.modules[0]?.catalog).toEqual(data.modules[0]?.catalog);
    expect(received.modules[0]?.catalog).toBe(received.modules[0]?.catalog);
    expect(answers).toEqual([{ key: "k", answer: { a: 1 } }]);
    const rows = received.modules[2]?.catalog.leaves.flatMap(({ acquisitions }) => acquisitions) ?? [];
    expect(new Set(rows).size).toBe(rows.length);
  });
});
