/**
 * What is fed with strange input: each target is a kind of file or words that people give, with good examples of it, and the
 * command lines that read it. Everything goes through the command line, as it does for a user.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { stringify } from "yaml";
import { POLICIES } from "../../src/model/index.ts";
import { SMALL_TREE, smallRules } from "../../test/kernel/small/small.ts";
import { mutateText, mutateValue, oneOf, type Random } from "./mutate.ts";

const ROOT = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

/** Runs a command line, and gives what it printed. */
export type Run = (args: readonly string[]) => Promise<string>;

/** One strange input: a file's bytes, or words of a command line, and the command lines that are to bear it. */
export interface Input {
  /** Files by path from the target's folder. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly commands: readonly (readonly string[])[];
}

export interface Target {
  /** Makes what all inputs share, in an empty folder that is then the working directory; gives the maker of inputs. */
  prepare(folder: string, run: Run): Promise<(random: Random) => Input>;
}

/** A text file that some command lines read as FILE. */
function textFile(
  name: string,
  words: readonly string[],
  commands: readonly (readonly string[])[],
  seeds: (run: Run) => Promise<readonly string[]> | readonly string[],
): Target {
  return {
    async prepare(_, run) {
      const examples = await seeds(run);
      return (random) => ({
        files: { [name]: mutateText(oneOf(random, examples), random, words, oneOf(random, examples)) },
        commands: [oneOf(random, commands)],
      });
    },
  };
}

/** A JSON or YAML file: changed as a text or as a value. */
function documentFile(
  name: string,
  commands: readonly (readonly string[])[],
  seeds: (run: Run) => Promise<readonly unknown[]> | readonly unknown[],
): Target {
  const write = (value: unknown) => (name.endsWith(".json") ? JSON.stringify(value, null, 1) : stringify(value));
  return {
    async prepare(_, run) {
      const examples = await seeds(run);
      return (random) => {
        const example = oneOf(random, examples);
        const text =
          random() < 0.25
            ? mutateText(write(example), random, [], write(oneOf(random, examples)))
            : write(mutateValue(example, random));
        return { files: { [name]: text }, commands: [oneOf(random, commands)] };
      };
    },
  };
}

/** All files of a folder. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) =>
    statSync(join(folder, path)).isFile(),
  );
}

/** A C file without most of its functions, so that reading it takes little: which are left, and call what is gone, is strange by itself. */
function thinned(text: string, random: Random): string {
  const parts = text.split(/(?<=^\}\n)/m);
  return parts.length < 8 ? text : parts.filter((_, i) => i === 0 || random() < 0.25).join("");
}

/** A source tree of which one file is changed, C or not. */
function sourceTree(
  source: string,
  words: readonly string[],
  commands: readonly (readonly string[])[],
  thin: (text: string, random: Random) => string = (text) => text,
): Target {
  return {
    async prepare(folder) {
      const texts = new Map(filesBelow(source).map((path) => [path, readFileSync(join(source, path), "utf8")]));
      const put = (path: string, text: string): void => {
        const at = join(folder, "tree", path);
        mkdirSync(dirname(at), { recursive: true });
        writeFileSync(at, text);
      };
      for (const [path, text] of texts) put(path, text);
      let last: string | null = null;
      return (random) => {
        if (last !== null) put(last, texts.get(last) as string);
        last = oneOf(random, [...texts.keys()]);
        const changed = last;
        const files = [...texts].flatMap(([path, whole]) => {
          const text = thin(whole, random);
          if (path !== changed && text === whole) return [];
          const strange = path === changed ? mutateText(text, random, words, oneOf(random, [...texts.values()])) : text;
          return [[relative(folder, join(folder, "tree", path)), strange] as const];
        });
        return { files: Object.fromEntries(files), commands };
      };
    },
  };
}

const C_WORDS = [
  "static ",
  "#define ",
  "#if 0\n",
  "#endif\n",
  "if (",
  "else ",
  "goto EXIT;",
  "return ",
  "while (1) ",
  "switch (",
  "case 0:",
  "do {",
  "sizeof(",
  "->",
  "?:",
  "...",
  "##",
  "\\\n",
  "struct {",
  "typeof(",
  "({",
  "acquire_sharex_lock_ex(",
  "release_sharex_lock_ex(",
];

const PROFILE = "host.yaml";
const SMALL_CHECK = ["--states", "300", "--module", "1.5.25"];

/** Dictionaries of command lines: what may stand in one, and what may stand in place of each word. */
const VERB_LINES: readonly (readonly string[])[] = [
  ["report", "--module", "1.5.05", "--host", "linux-6.19", "--resource", "secure_ept_lock", "--width", "72"],
  ["contend", "tdh_mem_track", "tdh_vp_enter", "--op-state", "RUNNABLE", "--host", "none"],
  ["explain", "0x8000020000000092", "--leaf", "tdh_mem_page_remove"],
  ["diff", "1.5.16", "1.5.20", "--leaf", "tdh_mem_track"],
  [
    "check",
    "page-removal",
    "--policy",
    "kick-first",
    "--vcpus",
    "1",
    "--set",
    "removal.kick.waits=false",
    "--states",
    "300",
  ],
  ["check", "lock/sharex-hp", "--hosts", "1", "--guests", "1", "--states", "300"],
  ["simulate", "page-removal", "--policy", "retry-n", "--retries", "2", "--runs", "2", "--steps", "200", "--seed", "1"],
  ["export", "lock/mutex", "--format", "promela"],
  ["catalog", "1.5.25", "--leaf", "tdh_mem_track"],
  ["host", "show", "linux-6.19"],
  ["modules"],
  ["record", "--tool", "bpftrace", "--host", "linux-6.19"],
  ["leaves", "--module", "1.5.25"],
  ["completion", "bash"],
];

const words: Target = {
  async prepare() {
    const all = VERB_LINES.flat();
    return (random) => {
      const line = [...oneOf(random, VERB_LINES)];
      const at = Math.floor(random() * line.length);
      const kind = random();
      if (kind < 0.3) line[at] = mutateText(line[at] as string, random, all, oneOf(random, all));
      else if (kind < 0.5) line.splice(at, 1);
      else if (kind < 0.7) line.splice(at, 0, oneOf(random, all));
      else if (kind < 0.85) line[at] = oneOf(random, all);
      else
        line.push(
          oneOf(random, ["--json", "--verbose", "--format", "-f", "-o", "-m", "--", "-", "--host", "markdown", "-Vx"]),
        );
      // No line may start a server, or wait for standard input.
      return { files: {}, commands: line.includes("explore") || line.includes("-") ? [] : [line] };
    };
  },
};

const logs = (): string[] =>
  (JSON.parse(read("test/analysis/explain-data/cases.json")) as { text: string }[]).map(({ text }) => text);

const recordings = async (run: Run): Promise<string[]> =>
  Promise.all(
    ["bpftrace", "function-graph", "perf", "ndjson"].map((form) =>
      run(["simulate", "page-removal", "--policy", "fail-fast", "--runs", "2", "--record", form]),
    ),
  );

const checkpoint: Target = {
  async prepare(folder, run) {
    const search = ["check", "page-removal", "--policy", "kick-first", "--vcpus", "1", "--module", "1.5.25"];
    await run([...search, "--states", "2000", "--checkpoint", "good"]);
    const good = readFileSync(join(folder, "good"));
    return (random) => {
      const bytes = Uint8Array.from(good);
      for (let left = 1 + Math.floor(random() * 4); left > 0; left--)
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const cut = random() < 0.2 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
      return { files: { bad: cut }, commands: [[...search, "--states", "4000", "--resume", "bad"]] };
    };
  },
};

/** Statuses as people give them: numbers in any base, signs and words around them. */
const statuses: Target = {
  async prepare() {
    const values = [
      "0x8000020000000092",
      "0xc000060000000000",
      "9223374235878031506",
      "-9223369837831520128",
      "TDX_SUCCESS",
    ];
    const words = ["0x", "0X", "0b", "0o", "_", "ULL", "e5", "+", " ", "\u0661", "TDX_OPERAND_BUSY", "rax=", "=", ","];
    return (random) => {
      const given = mutateText(oneOf(random, values), random, words, oneOf(random, values));
      const command = ["explain", given, ...(random() < 0.5 ? ["--leaf", "tdh_mem_page_remove"] : [])];
      // A dash is standard input, for which nobody is there.
      return { files: {}, commands: given === "-" ? [] : [command] };
    };
  },
};

export const TARGETS: Readonly<Record<string, Target>> = {
  module: sourceTree(join(ROOT, "test/module/fixture"), C_WORDS, [
    ["extract", "tree", "-o", "out.json", "--no-cache"],
    ["leaves", "--module", "out.json"],
  ]),
  kernel: {
    async prepare(folder, run) {
      writeFileSync(join(folder, "rules.yaml"), smallRules());
      const extract = ["host", "extract", "tree", "--rules", "rules.yaml", "-o", "host.yaml", "--no-cache"];
      return sourceTree(SMALL_TREE, C_WORDS, [extract, ["host", "lint", "host.yaml"]], thinned).prepare(folder, run);
    },
  },
  rules: documentFile(
    "rules.yaml",
    [["host", "extract", SMALL_TREE, "--rules", "rules.yaml", "--no-cache"]],
    async () => {
      const { parse } = await import("yaml");
      return [parse(smallRules()) as unknown];
    },
  ),
  host: documentFile(
    PROFILE,
    [
      ["host", "lint", PROFILE, "--module", "1.5.25"],
      ["report", "--host", PROFILE, "--module", "1.5.25"],
      ["diff", "linux-6.19", PROFILE],
      ["check", "td-build", "--host", PROFILE, ...SMALL_CHECK],
      ["explain", "SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0x8000020000000092", "--host", PROFILE],
    ],
    async () => {
      const { parse } = await import("yaml");
      return ["linux-6.19", "proposal-report-2024-09"].map((name) => parse(read(`data/hosts/${name}.yaml`)) as unknown);
    },
  ),
  catalog: documentFile(
    "module.json",
    [
      ["report", "--module", "module.json", "--host", "linux-6.19"],
      ["contend", "--module", "module.json", "tdh_mem_track", "--json"],
      ["diff", "1.5.25", "module.json"],
      ["check", "page-removal", "--policy", "kick-first", "--vcpus", "1", "--states", "300", "--module", "module.json"],
      ["check", "lock/sharex-hp", "--hosts", "1", "--guests", "1", "--states", "300", "--module", "module.json"],
      ["explain", "0x8000020000000092", "--leaf", "tdh_mem_page_remove", "--module", "module.json"],
    ],
    () => [JSON.parse(read("data/modules/1.5.25.json")), JSON.parse(read("data/modules/1.0.03.json"))],
  ),
  scenario: documentFile(
    "scenario.yaml",
    [
      ["check", "scenario.yaml", ...SMALL_CHECK],
      ["simulate", "scenario.yaml", "--runs", "1", "--steps", "100", "--module", "1.5.25"],
      ["export", "scenario.yaml", "--format", "promela", "--module", "1.5.25"],
    ],
    async () => {
      const { parse } = await import("yaml");
      return ["page-removal", "td-life", "zero-step"].map(
        (name) => parse(read(`data/scenarios/${name}.yaml`)) as unknown,
      );
    },
  ),
  overrides: {
    async prepare() {
      const fields = [
        "removal.kick.waits",
        "policy",
        "vcpus",
        "pages",
        "properties",
        "host",
        "retries",
        "name",
        "__proto__",
      ];
      const values = ["false", "true", "[]", "{}", "1e999", "&a [*a]", "? ", "!!js x", "-0", "null", ...POLICIES];
      return (random) => {
        const given = mutateText(`${oneOf(random, fields)}=${oneOf(random, values)}`, random, values, "a.b.c=1");
        return { files: {}, commands: [["check", "page-removal", "--vcpus", "1", ...SMALL_CHECK, "--set", given]] };
      };
    },
  },
  matrix: documentFile("matrix.yaml", [["sweep", "matrix.yaml", "--states", "200", "-d", "made"]], async () => {
    const { parse } = await import("yaml");
    return ["locks", "progress"].map((name) => parse(read(`data/matrices/${name}.yaml`)) as unknown);
  }),
  trace: documentFile(
    "verdict.json",
    [
      [
        "check",
        "page-removal",
        "--policy",
        "fail-fast",
        "--vcpus",
        "1",
        "--module",
        "1.5.25",
        "--replay",
        "verdict.json",
      ],
    ],
    async (run) => [
      JSON.parse(
        await run(["check", "page-removal", "--policy", "fail-fast", "--vcpus", "1", "--module", "1.5.25", "--json"]),
      ),
    ],
  ),
  checkpoint,
  result: documentFile("results/one.json", [["sweep", "merge", "results"]], async (run) => {
    await run(["sweep", "locks", "-d", "made", "--states", "200"]);
    return filesBelow("made").map((path) => JSON.parse(readFileSync(join("made", path), "utf8")) as unknown);
  }),
  status: statuses,
  allow: documentFile(
    "allow.yaml",
    [["contend", "--host", "linux-6.16", "--module", "1.5.25", "--allow", "allow.yaml"]],
    async (run) => {
      const { parse } = await import("yaml");
      await run(["contend", "--host", "linux-6.16", "--module", "1.5.25", "--write-allow", "made.yaml"]);
      return [parse(readFileSync("made.yaml", "utf8")) as unknown];
    },
  ),
  log: textFile(
    "log.txt",
    [
      "SEAMCALL",
      "failed",
      "0x8000020000000092",
      "tdh_mem_page_remove",
      "TDX_OPERAND_BUSY",
      "[ 12.5]",
      "tdx: ",
      "kvm_intel",
    ],
    [
      ["explain", "log.txt", "--host", "linux-6.19"],
      ["explain", "log.txt", "--json"],
    ],
    logs,
  ),
  recording: textFile(
    "recording.txt",
    ["tdh_mem_track", "0x8000020000000092", "kvm_entry", "kvm_exit", "cpu=0", "CPU 1 LOST 5 EVENTS", " | ", "}"],
    [
      ["trace", "recording.txt", "--module", "1.5.25"],
      ["trace", "recording.txt", "--host", "linux-6.19", "--format", "perfetto"],
    ],
    recordings,
  ),
  words,
};
