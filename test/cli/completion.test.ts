/** Completion and the manual page: the shells' own words for what `--help` says. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { factsOf } from "../../src/cli/command-facts.ts";
import { completionScript, SHELLS } from "../../src/cli/completion.ts";
import { knownNames } from "../../src/cli/known-names.ts";
import { manualPage } from "../../src/cli/manual.ts";
import { NOTES, wholeProgram } from "../../src/cli/program.ts";
import { VERBS } from "../../src/cli/registry.ts";
import { inProcess, temporaryFolder } from "./run.ts";

const facts = factsOf(await wholeProgram({ out() {} }), await knownNames());
const has = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined;

describe("in bash", () => {
  const script = join(temporaryFolderForFile(), "completion.bash");
  writeFileSync(script, completionScript("bash", facts));

  /** What is offered for the last of these words. */
  function offered(...words: readonly string[]): string[] {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    const command = `source ${script}; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _seamlock; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync("bash", ["-c", command], { encoding: "utf8" });
    expect(stderr).toBe("");
    return stdout.split("\n").filter((line) => line !== "");
  }

  it.each([
    [["re"], ["report", "resources", "record"]],
    [
      ["help", "exp"],
      ["explain", "explore", "export"],
    ],
    [["report", "--mod"], ["--module"]],
    [
      ["report", "--module", "1.5.2"],
      ["1.5.20", "1.5.24", "1.5.25"],
    ],
    [["report", "--module", "=", "1.5.24"], ["1.5.24"]],
    [["report", "-m", "1.5.24"], ["1.5.24"]],
    [
      ["report", "--phase", ""],
      ["build", "runtime", "teardown"],
    ],
    [["report", "--resource", "secure"], ["secure_ept_lock"]],
    [["contend", "-m", "1.5.05", "tdh_mem_trac"], ["tdh_mem_track"]],
    [["contend", "--all", "tdh_mem_track", "tdh_vp_ent"], ["tdh_vp_enter"]],
    [["contend", "tdh_mem_track", "tdh_vp_enter", "tdh"], []],
    [
      ["check", "page-removal", "--policy", "kick-"],
      ["kick-first", "kick-on-busy"],
    ],
    [["diff", "1.5.05", "linux-6.16"], ["linux-6.16"]],
    [
      ["host", "li"],
      ["list", "lint"],
    ],
    [["report", "--color", "n"], ["never"]],
    [["--ver"], ["--version"]],
  ])("%j gets %j", (words, expected) => {
    expect(offered("seamlock", ...words).sort()).toEqual([...expected].sort());
  });

  it("offers files where a file is meant", () => {
    expect(offered("seamlock", "extract", "tsconfig.j")).toEqual(["tsconfig.json"]);
    expect(offered("seamlock", "report", "-o", "tsconfig.j")).toEqual(["tsconfig.json"]);
  });
});

function temporaryFolderForFile(): string {
  return spawnSync("mktemp", ["-d"], { encoding: "utf8" }).stdout.trim();
}

describe.each(SHELLS)("in %s", (shell) => {
  const script = completionScript(shell, facts);

  it("has every verb and every option", () => {
    for (const { name, options } of facts.verbs) {
      expect(script).toContain(name);
      for (const { long } of options) expect(script).toContain(shell === "fish" ? `-l ${long.slice(2)} ` : long);
    }
  });

  it.skipIf(!has(shell))("is a script that the shell reads", () => {
    const file = join(temporaryFolder(), "script");
    writeFileSync(file, script);
    expect(spawnSync(shell, ["-n", file], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
  });

  it("is what the verb prints", async () => {
    expect(await inProcess(["completion", shell])).toEqual({ status: 0, out: script, err: "" });
  });
});

describe("the manual page", () => {
  it("has every verb, its options and its examples, and is read without a warning", async () => {
    const examples = Object.fromEntries(
      await Promise.all(Object.entries(VERBS).map(async ([name, entry]) => [name, (await entry.load()).verb.examples])),
    );
    const page = manualPage(facts, examples, NOTES);
    for (const { name, options } of facts.verbs) {
      expect(page).toContain(`.SS "seamlock ${name}`);
      for (const { long } of options) expect(page).toContain(long.replaceAll("-", "\\-"));
      expect(page).toContain(`.B seamlock ${name}`);
    }
    expect(page).toMatch(/^[ -~\n]*$/);
    if (!has("groff")) return;
    const { status, stderr, stdout } = spawnSync("groff", ["-man", "-Tascii", "-ww"], {
      input: page,
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("tdh_mem_track");
  });

  it("prints what roff would take for its own as it stands", () => {
    const option = { short: null, long: "--x", value: null, values: null, summary: ".a \\b\n'c × d" };
    const page = manualPage({ ...facts, options: [option], verbs: [] }, {}, "");
    expect(page).toContain("\\&.a \\eb\n\\&'c \\[u00D7] d");
  });
});
