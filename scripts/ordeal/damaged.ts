/**
 * Files that seamlock wrote, damaged or edited by hand: checkpoints at many places, traces, results of sweeps, catalogs and profiles that
 * are cut off. Each must be refused with a reason; none may be believed, and none may be called a bug.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runHere } from "../fuzz/worker.ts";
import { type Part, progress, random } from "./program.ts";

/** What came of the damaged files of one kind. */
interface Tally {
  readonly what: string;
  readonly tried: number;
  readonly faults: readonly string[];
}

/** How a command must end on a damaged file: with status 2 and a code. */
function refusal(status: number, err: string): string | null {
  if (/SL0001|this is a bug/.test(err)) return `is called a bug: ${err.slice(0, 200)}`;
  if (status !== 2) return `ends with status ${status}`;
  return /SL\d{4}/.test(err) ? null : `is refused without a code: ${err.slice(0, 100)}`;
}

const SEARCHES: readonly (readonly string[])[] = [
  ["page-removal", "--policy", "kick-on-busy", "--vcpus", "1", "--pages", "1"],
  ["page-removal", "--policy", "retry-n", "--vcpus", "1", "--pages", "1"],
];

type Damage = readonly [what: string, bytes: Uint8Array];

/** Ends that are missing or too many, flipped bits, zeroed pages, and fields of the header in other words. */
function damages(good: Uint8Array, next: () => number): Damage[] {
  const at = (end: number): number => Math.floor(next() * end);
  const changed = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = good.slice();
    change(bytes);
    return bytes;
  };
  const cuts = [0, 1, 4, 8, good.length >> 1, good.length - 1, good.length - 32];
  const flips = Array.from({ length: 80 }, (): Damage => {
    const [byte, bit] = [at(good.length), at(8)];
    return [`bit ${bit} of byte ${byte}`, changed((bytes) => (bytes[byte] = (bytes[byte] as number) ^ (1 << bit)))];
  });
  const zeroed = Array.from({ length: 8 }, (): Damage => {
    const from = at(Math.max(1, good.length - 4096));
    return [`zeroes from ${from}`, changed((bytes) => bytes.fill(0, from, from + 4096))];
  });
  const text = new TextDecoder("latin1").decode(good);
  const worded = ['"head":', '"levelEnd":', '"transitions":', '"depth":', '"count":'].flatMap((field): Damage[] => {
    const digit = text.indexOf(field) + field.length;
    return digit < field.length ? [] : [[`another ${field}`, changed((bytes) => (bytes[digit] = 0x30 + at(10)))]];
  });
  const longer = new Uint8Array(good.length + 4);
  longer.set(good);
  return [
    ...cuts.map((end): Damage => [`cut at ${end}`, good.slice(0, end)]),
    ["longer", longer],
    ...flips,
    ...zeroed,
    ...worded,
  ];
}

async function checkpoints(next: () => number): Promise<Tally> {
  const faults: string[] = [];
  let tried = 0;
  const written: Uint8Array[] = [];
  for (const [i, search] of SEARCHES.entries()) {
    await runHere(["check", ...search, "--states", "1000", "--checkpoint", `good-${i}`]);
    written.push(Uint8Array.from(readFileSync(`good-${i}`)));
  }
  for (const [i, search] of SEARCHES.entries()) {
    const others = written.filter((_, k) => k !== i).map((bytes): Damage => ["of another search", bytes]);
    const good = written[i] as Uint8Array;
    for (const [what, bytes] of [...damages(good, next), ...others]) {
      if (Buffer.from(bytes).equals(good)) continue;
      tried++;
      writeFileSync("bad", bytes);
      const { status, err } = await runHere(["check", ...search, "--resume", "bad"]);
      const wrong = refusal(status, err);
      if (wrong !== null) faults.push(`checkpoint, ${what}: ${wrong}`);
    }
    const { status } = await runHere(["check", ...search, "--resume", `good-${i}`]);
    if (status > 1) faults.push(`checkpoint as it was written: status ${status}`);
  }
  return { what: "checkpoints", tried, faults };
}

type Json = { [key: string]: unknown };
type Edit = readonly [what: string, edit: (document: Json) => void];

const stepsOf = (document: Json): Json[] => document["trace"] as Json[];
const step = (document: Json, i: number): Json => stepsOf(document)[i] as Json;

const everyStep = (fields: Json) => (document: Json) => {
  for (const one of stepsOf(document)) Object.assign(one, fields);
};

const TRACE_EDITS: readonly Edit[] = [
  ["a step under another label", (d) => Object.assign(step(d, 0), { label: "nope" })],
  ["a step less", (d) => stepsOf(d).splice(4, 1)],
  ["the last step gone", (d) => stepsOf(d).pop()],
  ["a step twice", (d) => stepsOf(d).splice(3, 0, step(d, 3))],
  ["two steps in the other order", (d) => stepsOf(d).splice(3, 2, step(d, 4), step(d, 3))],
  ["another alternative", (d) => Object.assign(step(d, 3), { alternative: 99 })],
  ["every alternative another", everyStep({ alternative: 99 })],
  ["invented calls", everyStep({ leaf: "tdh_fake", status: null })],
  ["invented states", everyStep({ state: { x: 1 } })],
  ["an invented note", (d) => Object.assign(step(d, 2), { note: "all is well" })],
  ["another process", (d) => Object.assign(step(d, 0), { instance: 7 })],
  ["an actor that is a number", (d) => Object.assign(step(d, 0), { actor: 5 })],
  ["choices that nobody has", (d) => Object.assign(step(d, 0), { choices: { zz: 1 } })],
  ["no steps", (d) => Object.assign(d, { trace: [] })],
  ["a loop that is not there", (d) => Object.assign(d, { loop: 0 })],
  ["another module", (d) => Object.assign(d, { parameters: { ...(d["parameters"] as Json), module: "1.0.00" } })],
];

/** Every step is compared with the model's, so that the run is what it was. */
const HARMLESS_EDITS: readonly Edit[] = [
  ["another schema", (d) => Object.assign(d, { schema: "foo" })],
  ["no digest", (d) => delete d["traceDigest"]],
];

async function traces(): Promise<Tally> {
  const check = ["check", "page-removal", "--policy", "fail-fast", "--vcpus", "1", "--module", "1.5.25"];
  const good = (await runHere([...check, "--json"])).out;
  const faults: string[] = [];
  for (const [what, edit] of TRACE_EDITS) {
    const document = JSON.parse(good) as Json;
    edit(document);
    writeFileSync("trace.json", JSON.stringify(document));
    const { status, err } = await runHere([...check, "--replay", "trace.json"]);
    const wrong = refusal(status, err);
    if (wrong !== null) faults.push(`trace, ${what}: ${wrong}`);
  }
  writeFileSync("trace.json", good);
  const played = await runHere([...check, "--replay", "trace.json"]);
  if (played.status !== 1) faults.push(`the trace as it was written: status ${played.status}`);
  for (const [what, edit] of HARMLESS_EDITS) {
    const document = JSON.parse(good) as Json;
    edit(document);
    writeFileSync("trace.json", JSON.stringify(document));
    if ((await runHere([...check, "--replay", "trace.json"])).out !== played.out)
      faults.push(`trace, ${what}: another run`);
  }
  return { what: "traces", tried: TRACE_EDITS.length, faults };
}

const RESULT_EDITS: readonly Edit[] = [
  ["another outcome", (d) => Object.assign(d["outcome"] as Json, { kind: "violated", property: "x" })],
  ["more states", (d) => Object.assign(d, { states: 1e9 })],
  ["fewer transitions", (d) => Object.assign(d, { transitions: 0 })],
  ["nobody is BUSY", (d) => Object.assign(d, { busy: [{ leaf: "x" }] })],
  ["a doubt less, or more", (d) => Object.assign(d, { doubts: ["made up"] })],
  ["other parameters", (d) => Object.assign(d["parameters"] as Json, { hosts: 9 })],
  ["another case", (d) => Object.assign(d["matrix"] as Json, { case: 3, cases: 4_000_000_000 })],
  ["another schema", (d) => Object.assign(d, { schema: "foo" })],
];

async function results(): Promise<Tally> {
  await runHere(["sweep", "locks", "-d", "results", "--states", "200"]);
  const faults: string[] = [];
  const [name = ""] = readdirSync("results").sort();
  const file = join("results", name);
  const good = readFileSync(file, "utf8");
  for (const [what, edit] of RESULT_EDITS) {
    const document = JSON.parse(good) as Json;
    edit(document);
    writeFileSync(file, JSON.stringify(document));
    const { status, err } = await runHere(["sweep", "merge", "results"]);
    const wrong = refusal(status, err);
    if (wrong !== null) faults.push(`result of a sweep, ${what}: ${wrong}`);
  }
  return { what: "results of sweeps", tried: RESULT_EDITS.length, faults };
}

/** A catalog is one JSON document, so that one that is cut off anywhere is none. */
async function catalogs(next: () => number): Promise<Tally> {
  const text = readFileSync(join(import.meta.dirname, "../../data/modules/1.5.25.json"), "utf8").trimEnd();
  const faults: string[] = [];
  const tried = 30;
  for (let i = 0; i < tried; i++) {
    const end = Math.floor(next() * (text.length - 1));
    writeFileSync("module.json", text.slice(0, end));
    const { status, err } = await runHere(["report", "--module", "module.json", "--host", "none"]);
    const wrong = refusal(status, err);
    if (wrong !== null) faults.push(`catalog cut at ${end}: ${wrong}`);
  }
  return { what: "catalogs that are cut off", tried, faults };
}

/** Damages files of each kind. */
export async function damaged(seed: number): Promise<Part> {
  const next = random(seed);
  const folder = mkdtempSync(join(tmpdir(), "seamlock-damaged-"));
  const home = process.cwd();
  try {
    process.chdir(folder);
    mkdirSync("results");
    const tallies: Tally[] = [];
    for (const kind of [() => checkpoints(next), traces, results, () => catalogs(next)]) {
      const tally = await kind();
      progress(`damaged files: ${tally.tried} ${tally.what}`);
      tallies.push(tally);
    }
    return {
      name: "damaged files",
      figures: tallies.map(({ what, tried, faults }) => `${tried} ${what}, ${tried - faults.length} refused`),
      faults: tallies.flatMap(({ faults }) => faults),
    };
  } finally {
    process.chdir(home);
    rmSync(folder, { recursive: true, force: true });
  }
}
