import { describe, expect, it } from "vitest";
import { VERBS } from "../../src/cli/registry.ts";
import { inProcess, temporaryFolder } from "./run.ts";

describe("what is typed wrong", () => {
  it.each([
    [["reprot"], "SL0002", "did you mean `report`?"],
    [["modlues", "--json"], "SL0002", "did you mean `modules`?"],
    [["help", "explan"], "SL0002", "did you mean `explain`?"],
    [["help", "xyzzy"], "SL0002", "`seamlock --help` lists the verbs"],
    [["host", "lnit"], "SL0004", "did you mean `lint`?"],
    [["report", "--format", "jsn"], "SL0004", "did you mean `json`?"],
    [["host", "zzzzz"], "SL0004", "`seamlock host --help` shows what it takes"],
    [["completion", "tcsh"], "SL0004", "`seamlock completion --help` shows what it takes"],
    [["report", "--phase", "boot"], "SL0004", "`seamlock report --help` shows what it takes"],
    [["xyzzy"], "SL0002", "`seamlock --help` lists the verbs"],
    [["catalog", "--modul", "1.5.05"], "SL0003", "did you mean `--module`?"],
    [["catalog", "--modul=1.5.05"], "SL0003", "did you mean `--module`?"],
    [["report", "--resource", "WB"], "SL0009", "did you mean `WBT`?"],
    [["report", "--resource", "MIGS"], "SL0009", "did you mean `MIG"],
    [["diff", "1.5.05", "linux-6.16"], "SL0004", "name two modules, or two hosts"],
    [["export", "page-removal", "--to", "text", "--seed", "x"], "SL0004", "give decimal digits only"],
    [["--versoin"], "SL0003", "did you mean `--version`?"],
    [["catalog", "--module"], "SL0004", "`seamlock catalog --help` shows what it takes"],
    [["modules", "extra"], "SL0004", "`seamlock modules --help` shows what it takes"],
    [["extract"], "SL0004", "`seamlock extract --help` shows what it takes"],
    [["modules", "--color=sometimes"], "SL0004", "`seamlock modules --help` shows what it takes"],
    [["catalog", "--module", "lkml-2024-09-31"], "SL0005", "did you mean `lkml-2024-09-13`?"],
    [["catalog", "--module", "nonsense"], "SL0005", "bundled are "],
  ])("%j is %s", async (args, code, hint) => {
    const { status, out, err } = await inProcess(args);
    expect(status).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(new RegExp(`^error\\[${code}\\]: .*[^.]\n`));
    expect(err).toContain(`help: ${hint}`);
  });

  it("names the words that it does not know", async () => {
    expect((await inProcess(["reprot"])).err).toContain("unknown verb `reprot`");
    expect((await inProcess(["modules", "--jsno"])).err).toContain("unknown option `--jsno`");
    expect((await inProcess(["catalog", "-m", "9.9"])).err).toContain("no module `9.9` is bundled");
  });
});

describe("help", () => {
  it.each([[], ["--help"], ["-h"], ["help"]])("of the program opens with examples: %j", async (...args) => {
    const { status, out, err } = await inProcess(args);
    expect(status).toBe(0);
    expect(err).toBe("");
    expect(out).toMatch(/^Examples:\n {2}# .+\n {2}seamlock report/);
    for (const name of Object.keys(VERBS)) expect(out).toMatch(new RegExp(`^ {2}${name} .*\\w`, "m"));
  });

  it.each([
    ["report", "newest"],
    ["contend", "newest"],
    ["explore", "newest"],
    ["explain", "what the input states, else newest"],
    ["trace", "what the recording states, else newest"],
    ["policies", "none"],
  ])("of %s says that there can be no host, and which one it is where none is named", async (name, otherwise) => {
    const { out } = await inProcess([name, "--help"]);
    expect(out.replaceAll(/\s+/g, " ")).toContain(`the folder of a kernel tree, or none (default: ${otherwise})`);
  });

  it.each(Object.keys(VERBS))("of %s opens with examples of its own and names the common options", async (name) => {
    const { status, out } = await inProcess([name, "--help"]);
    expect(status).toBe(0);
    expect(out).toMatch(new RegExp(`^Examples:\n {2}# .+\n {2}seamlock ${name}`));
    expect(out).toContain("--json");
    expect(out).toContain("--color");
    expect((await inProcess(["help", name])).out).toBe(out);
  });

  it("shows only examples that parse", async () => {
    const folder = temporaryFolder();
    for (const [name, entry] of Object.entries(VERBS)) {
      const { verb } = await entry.load();
      for (const [example] of verb.examples) {
        expect(example.split(" ")[0]).toBe(name);
        // What runs until it is interrupted ends at once.
        const { err } = await inProcess(shortened(example, folder), { interrupted: true });
        expect(err).not.toMatch(/SL000[1-4]/);
      }
    }
  });
});

/** The words of an example, with less to do: unknown modules and files are fine here; verbs, options and arguments must be right. */
function shortened(example: string, folder: string): string[] {
  const words =
    example
      .replace(/^extract \S+/, "extract /nonexistent")
      .replace(/-o \S+/, "")
      .replace(/-d (\S+)/, `-d ${folder}/$1`)
      .match(/'[^']*'|"[^"]*"|\S+/g)
      ?.map((word) => word.replace(/^(['"])(.*)\1$/, "$2")) ?? [];
  const isLong =
    words[0] === "report" && !["--leaf", "--resource", "--all", "html"].some((word) => words.includes(word));
  return isLong ? [...words, "--leaf", "tdh_mem_track"] : words;
}
