/** No option is taken and then left aside: what has no part in a run is refused, and what is wrong is told before anything is printed. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { inProcess, temporaryFolder } from "./run.ts";

const refused = async (args: readonly string[]) => {
  const { status, out, err } = await inProcess(args);
  expect({ args, status, out }).toEqual({ args, status: 2, out: "" });
  return err;
};

test.each<[string, string, RegExp]>([
  ["simulate page-removal --cost foo=1", "SL0004", /--cost: no step .* `foo`\nhelp: .*tdh_mem_track/],
  ["simulate page-removal --cost aquire=3", "SL0004", /did you mean `acquire`/],
  ["simulate page-removal --lose 5", "SL0004", /--lose is for --record/],
  ["simulate page-removal --record perf --json", "SL0004", /--json is for what is told of runs, and --record writes/],
  ["simulate page-removal --record perf --show 1", "SL0004", /--show is for what is told/],
  ["simulate page-removal --record perf -f mermaid", "SL0004", /--format is for what is told/],
  ["simulate page-removal --culprits x", "SL0004", /--culprits is for --record/],
  ["simulate page-removal -o x", "SL0004", /--output is for --record/],
  ["check page-removal --retries 3", "SL4208", /the policy fail-fast makes no use of it\nhelp: .*retry-n/],
  ["check page-removal --policy kick-first --retries 3", "SL4208", /the policy kick-first makes no use of it/],
  ["check page-removal --vcpus 1.5", "SL4208", /: 1\.5 is no whole number/],
  ["check page-removal --vcpus x", "SL4208", /: "x" is no (whole )?number/],
  ["check page-removal --policy x", "SL4208", /: "x" is none of fail-fast, retry-n/],
  ["check td-build --host none", "SL4208", /about the paths of a host/],
  ["host list x", "SL0004", /list takes no `x`/],
  ["host show linux-6.16 x", "SL0004", /show takes no `x`/],
  ["host extract", "SL0004", /needs a kernel tree\nhelp: `seamlock host extract path/],
  ["nosuch --help", "SL0002", /unknown verb `nosuch`/],
  ["explan -h", "SL0002", /did you mean `explain`/],
  ["report --format html --fail-on any", "SL0004", /--fail-on cannot be used with --format html/],
  ["report --format html --write-allow x", "SL0004", /--write-allow cannot be used with --format html/],
  ["report --fail-on vm-lost --host none", "SL0004", /needs a host/],
  ["contend --allow /no/such", "SL0006", /no such file or directory/],
  ["contend --write-allow /no/such/place", "SL0007", /no such file or directory/],
  ["simulate page-removal --seed abc", "SL0004", /: --seed: `abc` is no whole number/],
  ["simulate page-removal --runs 0", "SL0004", /: --runs: `0` is no whole number from 1/],
  ["simulate page-removal --schedule random", "SL0004", /: --schedule: there is no schedule/],
  ["check page-removal --time -1", "SL0004", /: --time: `-1` is not a positive number/],
  ["sweep page-removal --shard 3/2", "SL4305", /: --shard: `3\/2` is no shard/],
  ["report --json --format html", "SL0004", /--json and --format html cannot be used together/],
  ["simulate page-removal --json --format mermaid", "SL0004", /--json and --format mermaid cannot be used together/],
  ["explain 0x0 --json --format text", "SL0004", /--json and --format text cannot be used together/],
  ["diff linux-6.16 linux-7.3 --host 7.1", "SL0004", /--host is for two modules/],
  ["diff linux-6.16 linux-7.3 --all", "SL0004", /--all is for two modules/],
  ["diff 1.5.05 1.5.25 --module 1.5.20", "SL0004", /--module is for two hosts/],
  ["explain 0x80000200000000920", "SL3301", /more than 16 hex digits/],
  ["trace nosuch", "SL0006", /`nosuch` cannot be read: no such file or directory/],
  ["explain /no/such.txt", "SL3301", /and no file `\/no\/such.txt`/],
])("%s", async (words, code, says) => {
  const err = await refused(words.split(" "));
  expect(err).toContain(`error[${code}]`);
  expect(err).toMatch(says);
});

describe("what is found beside a report", () => {
  test("a list that is none is told before the report is written", async () => {
    const folder = temporaryFolder();
    const [list, output] = [join(folder, "list.yaml"), join(folder, "report.txt")];
    writeFileSync(list, "no: list\n");
    for (const allow of [list, join(folder, "none.yaml")]) {
      await refused(["report", "--allow", allow]);
      await refused(["report", "--allow", allow, "-o", output]);
      expect(existsSync(output)).toBe(false);
    }
  });

  test("a file without what is sought is named", async () => {
    const empty = join(temporaryFolder(), "empty");
    writeFileSync(empty, "");
    expect(await refused(["explain", empty])).toMatch(/^error\[SL3301\]: .*\n {2}--> .*empty\nhelp: /);
    expect(await refused(["trace", empty])).toMatch(/error\[SL7003\]: .*\n {2}--> .*empty\nhelp: /);
    writeFileSync(empty, "no recording\n");
    expect(await refused(["trace", empty])).toMatch(/error\[SL7002\]: .*\n {2}--> .*empty\nhelp: /);
  });
});

test("a leaf costs what it costs in any spelling, and no host is no host", async () => {
  const args = ["simulate", "page-removal", "--runs", "2", "--json"];
  const spelled = await inProcess([...args, "--cost", "TDH.MEM.TRACK=50"]);
  const named = await inProcess([...args, "--cost", "tdh_mem_track=50"]);
  const essence = ({ out }: { out: string }) => out.replaceAll(/"(seconds|reproduce|[a-z]*PerSecond)": .*/g, "");
  expect(essence(spelled)).toEqual(essence(named));
  const plain = await inProcess(args);
  expect(essence(spelled)).not.toEqual(essence(plain));
  expect(essence(await inProcess([...args, "--host", "none"]))).toEqual(essence(plain));
});

test("the help of simulate names no number of this machine's processors", async () => {
  const { out } = await inProcess(["simulate", "--help"]);
  expect(out).not.toMatch(/all processors\)\s+\(default/);
});
