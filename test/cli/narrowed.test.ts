/** What is said of a part of a report or of a difference is said of that part, and of nothing else. */
import { describe, expect, it } from "vitest";
import { contendSchema, diffSchema, hostDiffSchema } from "../../src/analysis/index.ts";
import { reportSchema } from "../../src/report/schema.ts";
import { inProcess } from "./run.ts";

const flowing = (text: string): string => text.replaceAll(/\s+/g, " ");

async function said(...args: readonly string[]): Promise<string> {
  return flowing((await inProcess(args)).out);
}

async function avoided(...args: readonly string[]): Promise<string> {
  const [, list = "none"] = /Avoided: (.*?)\. The module/.exec(await said("report", ...args)) ?? [];
  return list;
}

describe("a report of a part of a TD's life, or of what is exceptional", () => {
  const parts = [
    ["--phase", "build"],
    ["--phase", "teardown"],
    ["--exceptional"],
    ["--phase", "build", "--exceptional"],
  ];

  it.each(parts)(
    "%s %s %s calls avoided what the whole report does, and no lock that it leaves out",
    async (...args) => {
      expect(await avoided(...args)).toBe(await avoided());
    },
  );

  it.each(parts)("%s %s %s says nothing of a TD that runs in ordinary operation", async (...args) => {
    expect(await said("report", ...args)).not.toMatch(/TL;DR|lets none of these happen/);
  });

  it("names in its conclusion what it is of, and has exceptional meetings of that part, too", async () => {
    expect(await said("report", "--phase", "teardown")).toMatch(
      /=== Conclusion \(while a TD is taken down\) === .* exceptional: .*phymem_cache_wb x itself HKID release x itself/,
    );
    const both = reportSchema.parse(
      JSON.parse((await inProcess(["report", "--phase", "build", "--exceptional", "--json"])).out),
    );
    expect(both.conclusionOf).toEqual({ phase: "build", exceptional: true });
    expect(new Set(both.conclusionRows.map(({ section }) => section))).toEqual(new Set(["exceptional"]));
    expect(both.tldr).toEqual([]);
  });

  it("tells of a part what can be there, though it can be elsewhere as well", async () => {
    const rows = async (...args: readonly string[]) =>
      reportSchema.parse(JSON.parse((await inProcess(["report", ...args, "--json"])).out)).conclusionRows;
    const running = await rows("--phase", "runtime", "--host", "6.16");
    expect(running.filter(({ section }) => section === "build" || section === "teardown")).toEqual([]);
    expect(running.filter(({ section }) => section === "runtime")).toEqual(
      (await rows("--host", "6.16")).filter(({ section }) => section === "runtime"),
    );
    // Two VMs are in no phase together: their pages can meet while one of them is taken down.
    expect((await rows("--phase", "teardown")).map(({ resource }) => resource)).toContain("PAGE");
  });

  it("says so where nothing is left", async () => {
    const text = await said("report", "--phase", "teardown", "--leaf", "tdh_mem_track");
    expect(text).toContain("No two of these calls contend then.");
  });

  it.each([
    ["report", "--phase", "build"],
    ["report", "--exceptional"],
    ["report", "--without", "shutdown"],
    ["contend", "--without", "shutdown"],
  ])("%s %s needs a host", async (...args) => {
    const { status, err } = await inProcess([...args, "--host", "none"]);
    expect([status, err]).toEqual([2, expect.stringContaining("is about the paths of a host")]);
  });
});

describe("a report of calls that take part in little", () => {
  it("says of a call without locks that it takes none, and has no empty section", async () => {
    const text = await said("report", "--leaf", "tdh_sys_rd");
    expect(text).toContain("tdh_sys_rd() contends with no call while a TD runs.");
    expect(text).toContain("No lock: tdh_sys_rd.");
    expect(text).not.toMatch(/Resources and users|=== Summary|All calls:|lets none/);
  });

  it("explains a star only where there is one", async () => {
    expect(await said("report", "--resource", "epoch_lock")).toContain("users (no tdh_) ---");
    expect(await said("report", "--resource", "SEPT_TREE")).toContain("* under a condition, see notes");
  });

  it("says of a SEAMCALL that the host does not make it, and of a TDCALL that it is not judged", async () => {
    expect(await said("report", "--leaf", "tdh_mem_page_demote")).toContain(
      "- Linux 7.3 never makes tdh_mem_page_demote(); `--host none` tells it",
    );
    const guests = await said("report", "--leaf", "tdg_servtd_rd");
    expect(guests).toContain("names no guest that makes tdg_servtd_rd(), so that whom it meets is not judged");
    expect(guests).toContain("Not judged: (1) TDR and (3) RTMR;");
    expect(guests).not.toContain("contends with no call");
  });

  it("says of the calls on RTMRs that guests meet there, and that Linux's do not", async () => {
    const guests = await said("report", "--leaf", "tdg_mr_rtmr_extend");
    expect(guests).toContain("tdg_mr_rtmr_extend() contends with tdg_mr_report() on the TD's RTMRs, and with itself");
    expect(guests).toContain("A Linux guest makes one such call at a time.");
    expect(guests).not.toContain("Linux guest does not");
    expect(guests).not.toContain("even when host priority is why");
    expect(await said("report", "--leaf", "tdg_mr_rtmr_extend", "--host", "none")).toMatch(
      /RTMR: A guest sees plain .* host priority is why/,
    );
    const accept = await said("report", "--leaf", "tdg_mem_page_accept");
    expect(accept).toMatch(/SEPT_ENTRY: A guest sees plain .* host priority is why/);
    // Guests meet each other there, but the host, too.
    expect(accept).toContain("- Linux 7.3 gets over all of these: ");
    const whole = await said("report");
    expect(whole).toContain("- Linux 7.3 gets over every BUSY of its own calls: any zap kicks");
    expect(whole).not.toContain("(12) RTMR: ");
    expect(await said("report", "--leaf", "tdh_mem_track")).toContain("- Linux 7.3 gets over this: ");
    const lock = await said("report", "--resource", "RTMR", "--all");
    expect(lock).not.toMatch(/(Avoided|Not judged):.* RTMR/);
    expect(await said("report", "--host", "none")).not.toContain("A Linux guest makes");
  });
});

describe("numbers of resources", () => {
  it("are those of the report in the sentences of its document, too", async () => {
    const { conclusion, resources } = reportSchema.parse(JSON.parse((await inProcess(["report", "--json"])).out));
    // A TD's life, in its order.
    expect(conclusion.join(" ")).toContain(
      "(1) TDR in init, build and teardown, (4) TDVPR in build, runtime and teardown",
    );
    const told = conclusion.flatMap((line) => [...line.matchAll(/\((\d+)\) ([A-Z_\d]+)/g)]);
    expect(told.length).toBeGreaterThan(5);
    for (const [, number, name] of told) expect(resources[Number(number) - 1]?.resource).toBe(name);
  });
});

describe("contend of two calls", () => {
  it.each([
    [["tdh_mng_rd", "tdh_sys_rd"], "tdh_sys_rd() takes no lock."],
    [["tdh_sys_rd"], "tdh_sys_rd() takes no lock."],
    [["tdh_mng_rd", "tdh_vp_enter"], "No conflict with tdh_vp_enter(): they share no lock here, or only share it."],
    [
      ["tdh_vp_enter", "tdh_mr_finalize"],
      "Nothing that conflicts with it can meet it. Ruled out: - no OP_STATE allows",
    ],
    [["tdh_mng_rd", "--resource", "KOT"], "No call conflicts with it here."],
  ])("%s says why they do not meet", async (words, sentence) => {
    expect(await said("contend", ...words)).toContain(sentence);
  });

  it("names the variant that a host never makes, and only that one", async () => {
    const text = await said("contend", "tdh_vp_init", "--host", "linux-6.16");
    expect(text).toContain("the host never makes tdh_vp_init() in version 0: ");
    expect(text).not.toMatch(/never makes tdh_vp_init\(\)(?! in version 0)/);
    expect(await said("contend", "tdh_mem_page_demote")).toContain("the host never makes tdh_mem_page_demote(): ");
  });

  it("says of a TDCALL that the profile names nobody who makes it: no host decides that", async () => {
    const text = await said("contend", "tdg_servtd_rd", "--all");
    expect(text).toContain("the profile names no guest that makes tdg_servtd_rd(): ");
    expect(text).toContain("; tdg_mr_rtmr_extend on RTMR");
    expect(text).not.toContain("the host never makes tdg_");
    // Without the calls that the host never makes.
    const few = await said("contend", "tdg_servtd_rd");
    expect(few).toContain("12 pairs of calls in conflicting modes: 0 possible, 1 ruled out, 11 not judged.");
    expect(few).toMatch(
      /Nothing that is judged can meet it. Ruled out: - tdh_mng_create makes the TDR .* Not judged: - the profile names/,
    );
    expect(await said("contend", "tdh_mem_track")).not.toContain("not judged");
    const { hostVerdicts, conclusion } = reportSchema.parse(
      JSON.parse((await inProcess(["report", "--leaf", "tdg_servtd_rd", "--json"])).out),
    );
    expect(hostVerdicts.filter(({ verdict }) => verdict === "not-judged").map(({ resource }) => resource)).toEqual([
      "TDR",
      "RTMR",
    ]);
    expect(conclusion[0]).toMatch(/^Not judged: \(1\) TDR and \(3\) RTMR;/);
  });

  it("sets what is no lock apart from locks", async () => {
    expect(await said("contend", "tdh_mem_track")).toContain(
      "- kvm->slots_lock, and their paths run in different phases: tdh_mng_key_config",
    );
  });

  it("counts the same in the text as in the document", async () => {
    for (const words of [["tdh_mem_track"], ["tdh_vp_init", "--host", "6.16"]]) {
      const { pairs } = contendSchema.parse(JSON.parse((await inProcess(["contend", ...words, "--json"])).out));
      const counted = (all: typeof pairs): number => new Set(all.map((p) => `${p.a} ${p.b} ${p.resource}`)).size;
      const possible = counted(pairs.filter((p) => p.possible));
      const all = counted(pairs);
      expect(await said("contend", ...words)).toContain(
        `${all} pairs of calls in conflicting modes: ${possible} possible, ${all - possible} ruled out.`,
      );
    }
  });
});

describe("a difference of some calls or locks", () => {
  it("is none where these did not change, whatever else did", async () => {
    // TDH.VP.INIT does more checks, which nothing that meets under this host goes otherwise for.
    const hosted = ["diff", "1.5.08", "1.5.09", "--host", "linux-7.3"];
    for (const words of [hosted, [...hosted, "--all"], [...hosted, "--leaf", "tdh_vp_init"]]) {
      expect(await inProcess(words)).toMatchObject({ status: 0, out: expect.stringContaining("No difference.") });
      const json = await inProcess([...words, "--json"]);
      expect([json.status, JSON.parse(json.out).behaviour]).toEqual([0, []]);
    }
    expect((await inProcess(["diff", "1.5.08", "1.5.09"])).status).toBe(1);
    // Of a behaviour that some contention goes otherwise for, none of the calls that are asked for.
    expect(
      await inProcess(["diff", "1.5.20", "1.5.24", "--leaf", "tdh_mem_track", "--host", "linux-7.3"]),
    ).toMatchObject({
      status: 0,
      out: expect.stringContaining("No difference."),
    });
    const { status, out } = await inProcess(["diff", "1.5.05", "1.5.25", "--leaf", "tdh_sys_rd"]);
    expect({ status, out }).toEqual({
      status: 0,
      out: "Locks of the TDX module, 1.5.05 -> 1.5.25: tdh_sys_rd()\n\nNo difference.\n",
    });
  });

  it("names them in the title and in the sentence, and does not tell the worst of all others", async () => {
    const { status, out } = await inProcess(["diff", "1.5.16", "1.5.20", "--leaf", "tdh_vp_enter", "--host", "6.19"]);
    expect(status).toBe(1);
    expect(out).toMatch(/^Locks of .* under Linux 6\.19: tdh_vp_enter\(\)\n/);
    expect(flowing(out)).toContain("From 1.5.16 to 1.5.20, of tdh_vp_enter(): secure_ept_lock becomes");
    expect(out).not.toContain("The worst that a contention comes to");
    expect(await said("diff", "1.5.16", "1.5.20", "--resource", "SEPT_TREE")).toContain(
      "From 1.5.16 to 1.5.20, on SEPT_TREE:",
    );
  });

  it("has only behaviour that concerns them", async () => {
    const text = await said("diff", "1.5.05", "1.5.25", "--leaf", "tdh_mem_track");
    expect(text).not.toMatch(/MIGSC|PROMOTE|DEMOTE/);
    const { out } = await inProcess(["diff", "1.5.05", "1.5.25", "--resource", "MIGSC", "--json"]);
    expect(diffSchema.parse(JSON.parse(out)).behaviour.map(({ name }) => name)).toEqual(["release_bit_lock"]);
  });

  it("is narrowed in the document as in the text, with the same exit status", async () => {
    for (const words of [
      ["--leaf", "tdh_vp_enter"],
      ["--resource", "MIGSC", "--host", "7.3"],
      ["--resource", "KOT"],
    ]) {
      const text = await inProcess(["diff", "1.5.05", "1.5.25", ...words]);
      const json = await inProcess(["diff", "1.5.05", "1.5.25", ...words, "--json"]);
      expect(json.status).toBe(text.status);
      expect(text.status).toBe(text.out.includes("No difference.") ? 0 : 1);
    }
    const { out } = await inProcess(["diff", "1.5.05", "1.5.25", "--leaf", "tdh_vp_enter", "--json"]);
    const { changed, causes, contention, leaves } = diffSchema.parse(JSON.parse(out));
    expect(new Set(changed.map(({ leaf }) => leaf))).toEqual(new Set(["tdh_vp_enter"]));
    const pairs = [...contention.appeared, ...contention.disappeared];
    const named = (all: readonly { a: string; b: string; resource: string }[]): Set<string> =>
      new Set(all.map((pair) => `${pair.a} ${pair.b} ${pair.resource}`));
    expect(pairs.length).toBeGreaterThan(0);
    expect(named(causes.flatMap((cause) => [...cause.appeared, ...cause.disappeared]))).toEqual(named(pairs));
    expect(pairs.every(({ a, b }) => a === "tdh_vp_enter" || b === "tdh_vp_enter")).toBe(true);
    expect(leaves).toEqual({ added: [], removed: [] });
  });

  it("tells what other calls, those that come, and another order of locks do to them", async () => {
    expect(await said("diff", "1.5.05", "1.5.25", "--leaf", "tdh_vp_enter")).toContain(
      "+ vp_enter x phymem_pamt_add/remove on PAMT_2M",
    );
    expect(await said("diff", "1.5.05", "1.5.25", "--resource", "PAMT_2M")).toContain("+ 117 contentions on PAMT_2M");
    expect(await said("diff", "1.5.05", "1.5.25", "--resource", "MIG")).toContain("on MIG: 2 contentions disappear.");
  });
});

describe("a difference between two hosts", () => {
  it("names the calls and locks that it is of, and is none where these meet as before", async () => {
    const { status, out } = await inProcess(["diff", "linux-7.2", "linux-7.3", "--leaf", "tdh_vp_enter"]);
    expect({ status, out }).toEqual({
      status: 0,
      out: "Linux 7.2 -> Linux 7.3, on module 1.5.25: tdh_vp_enter()\n\nNo difference.\n",
    });
    expect(await said("diff", "linux-7.2", "linux-7.3", "--leaf", "tdh_vp_flush", "--resource", "TDVPR")).toContain(
      "From Linux 7.2 to Linux 7.3, of tdh_vp_flush(), on TDVPR: the same pairs of calls can contend;",
    );
  });

  it("is narrowed in the document, too", async () => {
    const { out } = await inProcess(["diff", "linux-6.16", "linux-6.19", "--resource", "TDVPR", "--json"]);
    const { contention, paths } = hostDiffSchema.parse(JSON.parse(out));
    const told = [...contention.appeared, ...contention.disappeared];
    const onPaths = [...paths.opened, ...paths.closed, ...paths.changed].map(({ pair }) => pair);
    expect(onPaths.length).toBeGreaterThan(0);
    expect(new Set([...told, ...onPaths].map(({ resource }) => resource))).toEqual(new Set(["TDVPR"]));
  });
});
