/**
 * Locks as 1.5.28 (sharex_hp) and 1.5.34 (SEPT entries) changed them, extracted from a fixture in words of our own: what the programs
 * are, and what the locks promise then. And what follows from changes to the functions: each changes the program.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Catalog } from "../../src/catalog/index.ts";
import { check } from "../../src/check/index.ts";
import { lockModel, lockOf } from "../../src/locks/index.ts";
import { firstDifference, nameOf } from "../locks/noting.ts";
import { MENDED, RESTATED } from "../locks/restated.ts";
import { copyOfFixture, edit, extract, newFile } from "./mutate.ts";

const NEW = readFileSync(join(import.meta.dirname, "locks-like-the-module.h"), "utf8");
const LOCKS = "src/common/locks.h";
const OWN = [
  "acquire_sharex_lock_hp_sh",
  "acquire_sharex_lock_hp_ex",
  "release_sharex_lock_hp_sh",
  "release_sharex_lock_hp_ex",
];
const ENTRY = ["sept_lock_acquire_host", "sept_lock_acquire_guest", "sept_lock_release"];

/** The fixture with the functions of the other file in place of its own of the same names. */
async function mended(change: (text: string) => string = (text) => text): Promise<Catalog> {
  const without = [...OWN, ...ENTRY].map((name) => ({ ...edit(LOCKS, ` ${name}(`, ` old_${name}(`), all: true }));
  return extract(copyOfFixture([...without, newFile("src/common/new_locks.h", change(NEW))]));
}

const FOUND = {
  sharex_hp: (catalog: Catalog) => lockOf({ ...catalog, primitives: only(catalog, OWN) }, "sharex_hp"),
  sept_entry: (catalog: Catalog) => lockOf({ ...catalog, primitives: only(catalog, ENTRY) }, "sept_entry"),
};
const only = ({ primitives }: Catalog, names: readonly string[]) =>
  primitives.filter(({ function: name, evidence }) => names.includes(name) && evidence.file.endsWith("new_locks.h"));

const violations = (catalog: Catalog, kind: keyof typeof FOUND, hosts: number, guests: number): string[] =>
  check(
    lockModel(FOUND[kind](catalog), { name: "lock", description: "", hosts, guests, width: 3, promote: false }),
  ).violations.map(({ property, trace }) => `${property}: ${trace.steps.length}`);

describe("locks whose guests look at host priority first", () => {
  it.each(["sharex_hp", "sept_entry"] as const)("%s: the programs are the restated ones", async (kind) => {
    const lock = FOUND[kind](await mended());
    const guest = kind === "sharex_hp" ? "acquire SHARED guest" : "acquire EXCLUSIVE guest";
    const changed = kind === "sharex_hp" ? MENDED.sharexHp : MENDED.septEntry;
    const { "promote EXCLUSIVE": _, ...table } = { ...RESTATED[kind], [guest]: changed };
    expect(lock.programs.map(nameOf).sort()).toEqual(Object.keys(table).sort());
    for (const program of lock.programs)
      expect(firstDifference(program, table[nameOf(program)] as typeof changed)).toBeNull();
    const [before] = lock.programs.filter((program) => nameOf(program) === guest);
    if (before === undefined) throw new Error("no program of the guest");
    expect(firstDifference(before, RESTATED[kind]?.[guest] as typeof changed)).not.toBeNull();
  });

  it("sharex_hp: the counter no longer wraps; a guest may get in after a host was refused", async () => {
    const catalog = await mended();
    for (const [hosts, guests] of [
      [1, 1],
      [1, 2],
      [2, 1],
      [3, 1],
    ] as const) {
      const found = violations(catalog, "sharex_hp", hosts, guests);
      expect(found.filter((text) => !/owed/.test(text))).toEqual([]);
      if (guests > 0) expect(found.join()).toContain("no guest gets the lock while a refused host is owed it");
    }
  });

  it("a SEPT entry: exclusion holds, and the same gap", async () => {
    const found = violations(await mended(), "sept_entry", 1, 1);
    expect(found.map((text) => text.replace(/: \d+$/, ""))).toEqual([
      "no guest gets the lock while a refused host is owed it",
    ]);
  });
});

/** A change of one of the functions, and what `lock/sharex-hp` or `lock/sept-entry` then breaks; null: the program changes, no promise does. */
const MUTATIONS: readonly (readonly [
  what: string,
  find: string,
  put: string,
  kind: keyof typeof FOUND,
  breaks: RegExp | null,
])[] = [
  ["the reader's count is not given back", "(uint16_t)-ONE_READER", "0", "sharex_hp", /the word is free/],
  [
    "the release by a writer keeps the writer's bit",
    "_lock_and_16b(&word->raw, PRIORITY);",
    "_lock_and_16b(&word->raw, PRIORITY | WRITER);",
    "sharex_hp",
    /the word is free/,
  ],
  ["a refused host sets nothing", "if (!is_guest) { _lock_or_16b(&word->raw, PRIORITY); }", "", "sharex_hp", null],
  [
    "a host that shares keeps host priority",
    "if (seen.host_prio) { _lock_and_16b(&word->raw, (uint16_t)~PRIORITY); }",
    "",
    "sharex_hp",
    /owed/,
  ],
  [
    "a reader looks at the wrong bit",
    "if (seen.exclusive)",
    "if (seen.host_prio)",
    "sharex_hp",
    /no reader beside a writer/,
  ],
  [
    "a writer writes over readers",
    "_lock_cmpxchg_16b(0, WRITER, &word->raw)",
    "_lock_cmpxchg_16b(ONE_READER, WRITER, &word->raw)",
    "sharex_hp",
    /beside|exclusion|free|check/,
  ],
  [
    "no check of the reader's release",
    "tdx_sanity_check(seen.exclusive == 0 && seen.counter != 0, 3, 13);",
    "",
    "sharex_hp",
    null,
  ],
  ["no check of the writer's release", "tdx_sanity_check(word->exclusive, 3, 14);", "", "sharex_hp", null],
  ["another number of a check", "3, 11)", "3, 12)", "sharex_hp", null],
  [
    "the host forgets to set host priority",
    "(void)_lock_bts_64b(&entry->raw, SEPT_ENTRY_TDHP_BIT_POSITION);",
    "",
    "sept_entry",
    /owed/,
  ],
  [
    "the host keeps host priority when it gets the entry",
    "(void)_lock_btr_64b(&entry->raw, SEPT_ENTRY_TDHP_BIT_POSITION);",
    "",
    "sept_entry",
    /owed/,
  ],
  [
    "the entry is released on another bit",
    "(void)_lock_btr_64b(&entry->raw, SEPT_ENTRY_TDEL_BIT_POSITION);",
    "(void)_lock_btr_64b(&entry->raw, SEPT_ENTRY_TDHP_BIT_POSITION);",
    "sept_entry",
    /the word is free/,
  ],
  ["the guest does not look", "if (entry->tdhp) { return TDX_OPERAND_BUSY_HOST_PRIORITY; }", "", "sept_entry", /owed/],
];

describe("a change of a function", () => {
  it.each(MUTATIONS)("%s: changes its program, and the verdict where it should", async (_, find, put, kind, breaks) => {
    const swap = (text: string): string => {
      expect(text.split(find)).toHaveLength(2);
      return text.replace(find, put);
    };
    const [before, after] = [await mended(), await mended(swap)];
    const programs = (catalog: Catalog) =>
      JSON.stringify(FOUND[kind](catalog).programs.map((program) => program.steps.map(({ line: _line, ...s }) => s)));
    expect(programs(after)).not.toBe(programs(before));
    const isNew = violations(after, kind, 2, 1).filter((text) => !violations(before, kind, 2, 1).includes(text));
    if (breaks === null) expect(isNew).toEqual([]);
    else expect(isNew.join("\n")).toMatch(breaks);
  });
});
