/**
 * Random functions: what is read of them, written again with all parentheses, must compute what they compute, as a compiler has it. `SEAMLOCK_RUNS`
 * says how many functions.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Program } from "../../src/c/program.ts";
import { statements } from "./print-c.ts";
import { FUNCTIONS, HEADER, MACROS, NO_MACROS, PRELUDE, randomFunction, WALK } from "./random-functions.ts";

const COUNT = Number(process.env["SEAMLOCK_RUNS"] ?? 120);
const FIRST = Number(process.env["SEAMLOCK_SEED"] ?? 1);
const BATCH = 200;
const hasCompiler = spawnSync("gcc", ["--version"]).status === 0;
if (!hasCompiler) process.stderr.write("notice: gcc is not installed; see scripts/install-test-tools.sh\n");

const HEAD = "(long a, long b, struct S *s)";
const DIALECT = { replaceTokens: {}, blankTokens: [], blankCalls: ["__attribute__"], governs: ["each_*"] };
/** With macros expanded, tokens have no text of their own to be taken from. */
const EXPANDING = { ...DIALECT, expand: { keep: ["each_of"] } };
const isExpanding = (seed: number): boolean => seed % 2 !== 0;

interface Sample {
  readonly seed: number;
  readonly source: string;
  /** What was read; null for what is not understood, whose line is `error`. */
  readonly printed: string | null;
  readonly error: string;
}

function sample(seed: number): Sample {
  const source = randomFunction(seed);
  const text = `${HEADER}${MACROS}${FUNCTIONS}long f${source}\n`;
  const files = [{ path: "f.c", source: text }];
  const program = new Program(files, isExpanding(seed) ? EXPANDING : DIALECT);
  const info = program.functions.get("f")?.[0];
  const ast = info ? program.ast(info) : null;
  const [at] = ast?.errors ?? [];
  if (ast && at === undefined) return { seed, source, printed: `{ ${statements(ast.body)} }`, error: "" };
  return {
    seed,
    source,
    printed: null,
    error:
      at === undefined
        ? ""
        : text
            .split("\n")
            .slice(at - 3, at + 1)
            .join("\n"),
  };
}

/** A program that runs each function in both forms and says which of them differ. */
function harness(samples: readonly Sample[]): string {
  const original = samples.map(({ seed, source }) => `#line 1 "o${seed}"\nstatic long o${seed}${source}`);
  const printed = (of: readonly Sample[]): string[] =>
    of.map(({ seed, printed }) => `#line 1 "p${seed}"\nstatic long p${seed}${HEAD} ${printed}`);
  // What was read with macros expanded has none.
  const functions = [
    ...original,
    ...printed(samples.filter(({ seed }) => !isExpanding(seed))),
    NO_MACROS,
    ...printed(samples.filter(({ seed }) => isExpanding(seed))),
  ];
  const table = samples.map(({ seed }) => `{ ${seed}, o${seed}, p${seed} },`).join("\n");
  return `${PRELUDE}
${functions.join("\n")}
#line 1 "main"
typedef long (*case_t)(long, long, struct S *);
static struct { int seed; case_t forms[2]; } cases[] = { ${table} };
static void stop(int signal) { siglongjmp(out, signal + 100); }
static unsigned long run(case_t f, long a, long b) {
  for (int i = 0; i < 2; i++) ring[i] = (struct S){ a + i, { 1, 2, (int)b, 4 }, { b, 9 }, &ring[1 - i], i ? f1 : f0 };
  gs = ring[0];
  for (int i = 0; i < ${WALK}; i++) walk[i] = i * 7 % 11;
  for (int i = 0; i < 4; i++) g[i] = a * i;
  sum = 1469598103934665603ul; logged = 0; ticks = 0;
  int how = sigsetjmp(out, 1);
  if (how == 0) { long result = f(a, b, &ring[0]); note(result); note(gs.x); for (int i = 0; i < 4; i++) note(g[i]); note(ring[0].x); note(ring[1].x); note(ring[0].y[1]); note(ring[1].t.z); }
  return sum * 1000003 + (unsigned long)how;
}
int main(void) {
  signal(SIGFPE, stop); signal(SIGSEGV, stop);
  long inputs[][2] = { { 0, 0 }, { 1, 2 }, { -3, 5 }, { 40, -1 }, { 12, 97 } };
  for (unsigned long i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    for (unsigned long j = 0; j < sizeof(inputs) / sizeof(inputs[0]); j++)
      if (run(cases[i].forms[0], inputs[j][0], inputs[j][1]) != run(cases[i].forms[1], inputs[j][0], inputs[j][1])) {
        printf("%d\\n", cases[i].seed);
        break;
      }
  return 0;
}
`;
}

/** Seeds of functions that a compiler finds fault with, in a form. */
const faultsIn = (form: "o" | "p", messages: string): number[] => [
  ...new Set(
    [...messages.matchAll(new RegExp(`^${form}(\\d+):\\d+:\\d+: (?:internal compiler )?error`, "gm"))].map(([, seed]) =>
      Number(seed),
    ),
  ),
];

describe.skipIf(!hasCompiler)("random functions", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "seamlock-functions-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Compiles; what the compiler says. */
  const compile = (source: string): string => {
    // A fault in what a macro makes is one of the function that uses it.
    const plain = ["-O0", "-w", "-fwrapv", "-fmax-errors=0", "-ftrack-macro-expansion=0"];
    const options = ["-x", "c", "-std=gnu11", ...plain, "-o", join(folder, "run"), "-"];
    return spawnSync("gcc", options, { input: source, encoding: "utf8", maxBuffer: 1 << 28 }).stderr;
  };

  /** Seeds of functions that are not read as what they are. */
  function judge(samples: readonly Sample[]): { faulty: number[]; invalid: number } {
    const invalid = new Set<number>();
    const broken = new Set<number>();
    let left = samples;
    // A compiler that fails, as it does on some, says nothing of what follows.
    for (let messages = compile(harness(left)); messages !== ""; messages = compile(harness(left))) {
      for (const seed of faultsIn("o", messages)) invalid.add(seed);
      for (const seed of faultsIn("p", messages)) if (!invalid.has(seed)) broken.add(seed);
      const before = left.length;
      left = left.filter(({ seed }) => !invalid.has(seed) && !broken.has(seed));
      if (left.length === before) throw new Error(messages);
    }
    const { status, stdout } = spawnSync(join(folder, "run"), { encoding: "utf8", timeout: 60_000 });
    expect(status).toBe(0);
    return { faulty: [...broken, ...stdout.split("\n").filter(Boolean).map(Number)], invalid: invalid.size };
  }

  it("compute what is read of them", { timeout: 3_600_000 }, () => {
    let [judged, invalid] = [0, 0];
    const refused: Sample[] = [];
    const faulty: Sample[] = [];
    for (let from = FIRST; from < FIRST + COUNT; from += BATCH) {
      const samples = Array.from({ length: Math.min(BATCH, FIRST + COUNT - from) }, (_, i) => sample(from + i));
      const read = samples.filter(({ printed }) => printed !== null);
      refused.push(...samples.filter(({ printed }) => printed === null));
      const found = judge(read);
      judged += read.length - found.invalid;
      invalid += found.invalid;
      faulty.push(...read.filter(({ seed }) => found.faulty.includes(seed)));
    }
    if (process.env["SEAMLOCK_RUNS"] !== undefined) {
      console.log({ judged, invalid, refused: refused.length, faulty: faulty.map(({ seed }) => seed) });
      for (const { seed, error } of refused.slice(0, 40)) console.log(seed, error);
    }
    expect(faulty.slice(0, 1)).toEqual([]);
    expect([judged > COUNT / 2, refused.length]).toEqual([true, 0]);
  });
});
