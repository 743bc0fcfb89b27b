/** The verbs that list names: what they say is what other verbs accept. */
import { describe, expect, it } from "vitest";
import { inProcess } from "./run.ts";

async function listed<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse((await inProcess([...args, "--json"])).out) as T;
}

interface Resources {
  readonly resources: readonly { resource: string; lock: string | null; shared: number; exclusive: number }[];
}

describe("resources", () => {
  it("are as the published mail counts them, with the names that the source has", async () => {
    const { resources } = await listed<Resources>("resources", "--module", "lkml-2024-09-13");
    const epoch = resources.find(({ resource }) => resource === "TDCS_EPOCH");
    expect(epoch).toMatchObject({ lock: "epoch_lock", shared: 1, exclusive: 1 });
  });

  it("are taken by --resource under every name", async () => {
    const { resources } = await listed<Resources>("resources", "--module", "1.5.05");
    for (const { resource, lock } of resources.slice(0, 8)) {
      const by = (word: string) => inProcess(["contend", "--host", "none", "-m", "1.5.05", "--resource", word]);
      const { status, out } = await by(resource);
      expect(status).toBe(0);
      if (lock !== null) expect((await by(lock)).out).toBe(out);
    }
  });
});

describe("leaves", () => {
  it("are all entries of a module, with how many locks each can take", async () => {
    const { leaves } = await listed<{ leaves: { name: string; number: number; side: string; locks: number }[] }>(
      "leaves",
      "--module",
      "lkml-2024-09-13",
    );
    expect(leaves).toContainEqual({ name: "tdh_mem_track", number: 38, side: "host", variant: null, locks: 3 });
    expect(leaves.filter(({ side }) => side === "guest").map(({ name }) => name)).toContain("tdg_mem_page_accept");
    expect((await inProcess(["leaves", "-m", "lkml-2024-09-13"])).out).toMatch(/^tdh_mem_track +38 +host +3$/m);
  });
});

describe("scenarios", () => {
  it("are told by what they ask", async () => {
    const { out } = await inProcess(["scenarios"]);
    expect(out).toMatch(/^page-removal +running-td +The host removes pages/m);
    expect(out).toMatch(/^lock\/sharex-hp +lock /m);
  });
});

describe("policies", () => {
  interface Policies {
    readonly policies: readonly {
      id: string;
      hosts?: boolean;
      verdicts: readonly { reproduce: string; outcome: string }[];
    }[];
  }

  it("come with commands that parse and say the verdict that is printed", async () => {
    const { policies } = await listed<Policies>("policies", "--module", "1.5.05");
    const fast = policies.find(({ id }) => id === "fail-fast")?.verdicts[0];
    expect(fast?.outcome).toBe("violated");
    const { status, out } = await inProcess([...(fast?.reproduce ?? "").split(" ").slice(1), "--first"]);
    expect(status).toBe(1);
    expect(out).toContain("(11 steps, the shortest)");
    const text = (await inProcess(["policies", "--module", "1.5.05"])).out;
    expect(text).toMatch(/give up at the first BUSY \(--policy fail-fast\)\n {2}no, in 11 steps +seamlock check /);
  });

  it("are marked where a host has them, and undecided where nothing was checked", async () => {
    const { policies } = await listed<Policies>("policies", "--module", "1.0.03", "--host", "linux-6.16");
    expect(policies.filter(({ hosts }) => hosts).map(({ id }) => id)).toEqual([]);
    const decided = await listed<Policies>("policies", "--module", "1.5.05", "--host", "linux-6.16");
    expect(decided.policies.filter(({ hosts }) => hosts).map(({ id }) => id)).toEqual([
      "kick-on-busy-returned",
      "fault-in",
    ]);
    expect((await inProcess(["policies", "-m", "1.0.03"])).out).toContain("not decided on this module");
  });
});
