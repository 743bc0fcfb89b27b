/**
 * Faults seeded into the models, each in one respect: the checker must find every one, by the property that speaks of it, and find nothing
 * in the model as it is.
 */
import { describe, expect, test } from "vitest";
import { check } from "../../src/check/index.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";
import * as L from "../../src/language/index.ts";
import { lockModelOf } from "../locks/bundled.ts";
import {
  also,
  type Change,
  doing,
  effectsOf,
  forgets,
  goingTo,
  missing,
  mutated,
  torn,
  unguarded,
  type Where,
  when,
  writing,
} from "./mutate.ts";

const lock = (over: Parameters<typeof lockModelOf>[0]): L.Model => lockModelOf({ width: 3, ...over });
const word = (field: string): L.IntRef => ({ op: "var", sort: "int", name: `word.${field}`, index: null });
const flag = (name: string): L.BoolRef => ({ op: "var", sort: "bool", name, index: null });

const SHAREX = lock({ lock: "sharex", promote: true });
const HOSTS = lock({ lock: "sharex_hp", promote: true });
const SHAREX_HP = lock({ lock: "sharex_hp", hosts: 1, guests: 1 });
const SEPT = lock({ lock: "sept_entry", hosts: 1, guests: 1 });
const MUTEX = lock({ lock: "mutex" });
const BIT = lock({ lock: "bit" });

const STAYED = "no vCPU that was inside when the page was blocked is still there when it is removed";

const load = async (name: string, options: Parameters<typeof loadScenario>[1]): Promise<L.Model> =>
  (await loadScenario(name, options)).model;
const removal = (policy: string, ...set: string[]) =>
  load("page-removal", { module: "1.5.05", policy, vcpus: "1", pages: "1", set });
const KICK = await removal("kick-first");
const KICK_ON_BUSY = await removal("kick-on-busy");
/** Nobody waits after tracking, so that tracking itself must do its work. A removal may fail; no removal may go wrong. */
const NO_KICK = await removal("retry-forever", "removal.kick.afterTrack=false");
/** The same with a host that tracks once more when it is told that tracking is not done. */
const RETRACK = mutated(
  mutated(NO_KICK, { label: "remove refused" }, goingTo("track call")),
  { label: "remove refused" },
  doing([]),
);
/**
 * A model with a note of its own on who was inside when the page was blocked. The assertion of the model speaks of translations in terms of
 * the blocking epoch and of the parity of the TD epoch, so that it cannot tell when these two are not kept as the module keeps them.
 */
const INSIDE = noting(NO_KICK);
function noting(model: L.Model): L.Model {
  const inside = flag("insideSinceBlocked");
  const vcpu = L.model("").array("vcpuEpoch", L.intType(0, 2), 1);
  const declared = {
    ...model,
    variables: [
      ...model.variables,
      { name: inside.name, type: L.boolType, size: null, by: null, init: 0 } satisfies L.Variable,
    ],
  };
  const blocked = mutated(
    declared,
    { label: "block body", note: "the page is blocked in this epoch" },
    also(L.set(inside, L.ne(vcpu.at(0), 0))),
  );
  const leaving = ["exit", "fault exit", "enter revert"].reduce(
    (now, label) => mutated(now, { process: "vcpu", label }, also(L.set(inside, false))),
    blocked,
  );
  const refused = mutated(leaving, { label: "enter tree", result: L.BUSY }, also(L.set(inside, false)));
  return mutated(refused, { label: "remove body", note: "the page is removed" }, (step) => ({
    steps: [{ ...step, effects: [L.assertThat(STAYED, L.not(inside)), ...step.effects] }],
  }));
}
const FAULT_IN = await load("page-fault-in", { module: "1.5.25", vcpus: "2", pages: "1" });
/** Two paths that take locks of the host, one after the other in each of two tasks. */
const RUNNING = await load("td-build", {
  module: "1.5.25",
  host: "test/kernel/hand/linux-6.19.yaml",
  vcpus: "1",
  set: ["paths=[KVM_TDX_INIT_MEM_REGION, KVM_TDX_FINALIZE_VM]"],
});
const HOST_LOCKS = RUNNING.variables.map(({ name }) => name).filter((name) => /\.(?:readers|writer)$/.test(name));
const LIFE = await load("td-life", { module: "1.5.25", pages: "1" });

interface Fault {
  readonly what: string;
  readonly model: L.Model;
  readonly where: Where;
  readonly change: Change;
  readonly finds: string;
  readonly steps: number;
}

/** A page that is mapped by two vCPUs at once: the second is told that the entry is in the wrong state, and KVM calls that a bug. */
const MAPPING: L.Model = {
  ...FAULT_IN,
  properties: [
    ...FAULT_IN.properties,
    {
      kind: "always",
      name: "a mapping is refused only as busy",
      expr: L.and(...[0, 1].map((v) => L.not(L.at("vcpu", v, "aug refused")))),
    },
  ],
};

const RELEASED_SHARED = { action: "release", result: "ok", mode: "SHARED" } as const;
const RELEASED_EXCLUSIVE = { action: "release", result: "ok", mode: "EXCLUSIVE" } as const;
const add = (by: number) => (value: L.Expr) => L.band(L.add(value as L.IntExpr, by + 8), 7);

const LOCK_FAULTS: Fault[] = [
  {
    what: "sharex: a writer releases in the wrong mode, taking one from the counter",
    model: SHAREX,
    where: { leaf: "release_sharex_lock_ex", ...RELEASED_EXCLUSIVE },
    change: doing(effectsOf(SHAREX, { leaf: "release_sharex_lock_sh", ...RELEASED_SHARED })),
    finds: "the word is free when nobody uses the lock",
    steps: 2,
  },
  {
    what: "sharex: a reader releases as a writer does",
    model: SHAREX,
    where: { leaf: "release_sharex_lock_sh", ...RELEASED_SHARED },
    change: doing(effectsOf(SHAREX, { leaf: "release_sharex_lock_ex", ...RELEASED_EXCLUSIVE })),
    finds: "sanity check 3 does not fail",
    steps: 4,
  },
  {
    what: "sharex: the exclusive acquire writes nothing",
    model: SHAREX,
    where: { leaf: "acquire_sharex_lock_ex", result: "ok" },
    change: forgets("word.exclusive"),
    finds: "exclusion",
    steps: 2,
  },
  {
    what: "sharex: the exclusive acquire is a read and a write",
    model: SHAREX,
    where: { leaf: "acquire_sharex_lock_ex", result: "ok" },
    change: torn,
    finds: "exclusion",
    steps: 4,
  },
  {
    what: "sharex: a refused reader takes its one back, though the writer may have reset the counter",
    model: SHAREX,
    where: { leaf: "acquire_sharex_lock_sh", result: L.BUSY },
    change: (step, label) => ({
      steps: [{ ...step, next: "back" }],
      labels:
        label.name === "idle"
          ? [
              {
                name: "back",
                idle: false,
                holds: null,
                steps: [{ ...step, guard: L.bool(true), effects: [L.set(word("counter"), add(-1)(word("counter")))] }],
              },
            ]
          : [],
    }),
    finds: "the word is free when nobody uses the lock",
    steps: 4,
  },
  {
    what: "sharex: promotion is a read and a write",
    model: SHAREX,
    where: { leaf: "promote_sharex_lock", result: "ok" },
    change: torn,
    finds: "no reader beside a writer",
    steps: 4,
  },
  {
    what: "sharex: promotion does not ask whether there is another reader",
    model: SHAREX,
    where: { leaf: "promote_sharex_lock", result: "ok" },
    change: (step) => ({
      steps: [
        {
          ...step,
          guard: L.ne(word("counter"), 0),
          effects: step.effects.flatMap((e) => (e.kind === "if" ? e.then : [e])),
        },
      ],
    }),
    finds: "no reader beside a writer",
    steps: 3,
  },
  {
    what: "sharex: demotion leaves the counter at 0",
    model: SHAREX,
    where: { leaf: "demote_sharex_lock", result: "ok" },
    change: writing("word.counter", () => L.int(0)),
    finds: "sanity check 3 does not fail",
    steps: 3,
  },
  {
    what: "sharex: the shared acquire counts two",
    model: SHAREX,
    where: { leaf: "acquire_sharex_lock_sh", result: "ok" },
    change: writing("word.counter", add(1)),
    finds: "the word is free when nobody uses the lock",
    steps: 2,
  },
  {
    what: "sharex: the writer releases twice",
    model: SHAREX,
    where: { leaf: "release_sharex_lock_ex", ...RELEASED_EXCLUSIVE },
    change: goingTo("holds EXCLUSIVE"),
    finds: "sanity check 4 does not fail",
    steps: 3,
  },
  {
    what: "sharex: the writer leaves without a release",
    model: SHAREX,
    where: { leaf: "release_sharex_lock_ex", ...RELEASED_EXCLUSIVE },
    change: forgets("word.exclusive", "word.counter"),
    finds: "the word is free when nobody uses the lock",
    steps: 2,
  },
  {
    what: "sharex_hp: a guest that backs off forgets to take its one back",
    model: SHAREX_HP,
    where: { process: "guest", leaf: "acquire_sharex_lock_hp_sh", label: "acquire SHARED 1" },
    change: forgets("word.counter"),
    finds: "the word is free when nobody uses the lock",
    steps: 6,
  },
  {
    what: "sharex_hp: a guest does not look at host priority",
    model: SHAREX_HP,
    where: { process: "guest", leaf: "acquire_sharex_lock_hp_sh", label: "idle", next: "acquire SHARED 1" },
    change: (step) => ({
      steps: [
        {
          ...step,
          next: "holds SHARED",
          guard: L.and(step.guard, L.eq(word("exclusive"), 0)),
          effects: [
            L.assertThat("no guest gets the lock while a refused host is owed it", L.not(flag("hostIsOwed"))),
            ...step.effects,
          ],
        },
      ],
    }),
    finds: "no guest gets the lock while a refused host is owed it",
    steps: 5,
  },
  {
    what: "sharex_hp: a refused host does not set host priority",
    model: SHAREX_HP,
    where: { process: "host", label: "acquire EXCLUSIVE 2" },
    change: forgets("word.hp"),
    finds: "no guest gets the lock while a refused host is owed it",
    steps: 5,
  },
  {
    what: "sharex_hp: the writer's release clears host priority",
    model: SHAREX_HP,
    where: { label: "release EXCLUSIVE 1" },
    change: also(L.set(word("hp"), 0)),
    finds: "no guest gets the lock while a refused host is owed it",
    steps: 6,
  },
  {
    what: "sharex_hp: the host that clears host priority clears the counter with it",
    model: HOSTS,
    where: { label: "acquire SHARED 3" },
    change: also(L.set(word("counter"), 0)),
    finds: "sanity check 13 does not fail",
    steps: 6,
  },
  {
    what: "sharex_hp: a host that gets the lock leaves host priority set",
    model: SHAREX_HP,
    where: { label: "acquire SHARED 3" },
    change: forgets("word.hp"),
    finds: "host priority stands only for a host that is owed it",
    steps: 5,
  },
  {
    what: "sharex_hp: promotion with host priority is a read and a write",
    model: HOSTS,
    where: { leaf: "promote_sharex_lock_hp", label: "promote EXCLUSIVE 1", result: "ok" },
    change: torn,
    finds: "no reader beside a writer",
    steps: 8,
  },
  {
    what: "SEPT entry: a refused host does not set host priority",
    model: SEPT,
    where: { label: "acquire EXCLUSIVE 1", process: "host" },
    change: forgets("word.hp"),
    finds: "no guest gets the lock while a refused host is owed it",
    steps: 4,
  },
  {
    what: "SEPT entry: a guest that backs off keeps the lock bit",
    model: SEPT,
    where: { label: "acquire EXCLUSIVE 2", process: "guest" },
    change: forgets("word.exclusive"),
    finds: "the word is free when nobody uses the lock",
    steps: 5,
  },
  {
    what: "SEPT entry: a guest looks at host priority before it takes the bit, not after",
    model: SEPT,
    where: { process: "guest", label: "acquire EXCLUSIVE 1", result: "ok" },
    change: unguarded,
    finds: "no guest gets the lock while a refused host is owed it",
    steps: 4,
  },
  {
    what: "SEPT entry: a host that gets the lock leaves host priority set",
    model: SEPT,
    where: { label: "acquire EXCLUSIVE 2", process: "host" },
    change: forgets("word.hp"),
    finds: "host priority stands only for a host that is owed it",
    steps: 7,
  },
  {
    what: "mutex: the acquire is a read and a write",
    model: MUTEX,
    where: { leaf: "acquire_mutex_lock", result: "ok" },
    change: torn,
    finds: "exclusion",
    steps: 4,
  },
  {
    what: "mutex: released twice",
    model: MUTEX,
    where: { leaf: "release_mutex_lock", result: "ok" },
    change: goingTo("holds EXCLUSIVE"),
    finds: "sanity check 0 does not fail",
    steps: 3,
  },
  {
    what: "bit: the acquire does not look at the old bit",
    model: BIT,
    where: { leaf: "migsc_lock", result: "ok" },
    change: unguarded,
    finds: "exclusion",
    steps: 2,
  },
];

const CALL_FAULTS: Fault[] = [
  {
    what: "TDH.MEM.TRACK does not advance the epoch",
    model: KICK,
    where: { label: "track body", note: "the next TD epoch begins" },
    change: forgets("tdEpoch", "blockedAge"),
    finds: "a removal never fails",
    steps: 22,
  },
  {
    what: "TDH.MEM.TRACK does not wait for the vCPUs of the previous epoch",
    model: noting(RETRACK),
    where: { label: "track body", note: "the next TD epoch begins" },
    change: unguarded,
    finds: STAYED,
    steps: 29,
  },
  {
    what: "TDH.MEM.PAGE.REMOVE does not ask whether tracking is done",
    model: NO_KICK,
    where: { label: "remove body", note: "the page is removed" },
    change: unguarded,
    finds: "no vCPU can have a translation of a page that is removed",
    steps: 18,
  },
  {
    what: "entry does not count the vCPU into the epoch",
    model: NO_KICK,
    where: { label: "enter count" },
    change: forgets("refcount"),
    finds: "range of refcount",
    steps: 8,
  },
  {
    what: "entry counts the vCPU into the other epoch",
    model: NO_KICK,
    where: { label: "enter count" },
    change: (step) => ({
      steps: [
        {
          ...step,
          effects: step.effects.map((effect) =>
            effect.kind === "set" && effect.name === "refcount"
              ? { ...effect, index: L.sub(1, effect.index as L.IntExpr) }
              : effect,
          ),
        },
      ],
    }),
    finds: "range of refcount",
    steps: 8,
  },
  {
    what: "TD exit does not count the vCPU out",
    model: KICK,
    where: { label: "exit", process: "vcpu" },
    change: forgets("refcount"),
    finds: "a removal never fails",
    steps: 31,
  },
  {
    what: "entry that is refused the tree does not count the vCPU out",
    model: KICK_ON_BUSY,
    where: { label: "enter tree", result: L.BUSY },
    change: forgets("refcount", "vcpuEpoch"),
    finds: "range of refcount",
    steps: 50,
  },
  {
    what: "entry keeps the epoch lock",
    model: KICK,
    where: { label: "enter uncount" },
    change: forgets("TDCS_EPOCH.shared"),
    finds: "a removal never fails",
    steps: 20,
  },
  {
    what: "a call that is refused the entry keeps the tree lock",
    model: KICK_ON_BUSY,
    where: { label: "block busy, leave SEPT_TREE" },
    change: forgets("SEPT_TREE.exclusive"),
    finds: "a removal never fails",
    steps: 21,
  },
  {
    what: "TDH.MEM.RANGE.BLOCK takes the tree in the wrong mode, and releases in the right one",
    model: KICK,
    where: { leaf: "tdh_mem_range_block", label: "block call", result: "ok" },
    change: doing([L.inc({ op: "var", sort: "int", name: "SEPT_TREE.shared", index: null })]),
    finds: "a removal never fails",
    steps: 45,
  },
  {
    what: "TDH.MEM.PAGE.REMOVE gives the tree back twice",
    model: KICK,
    where: { label: "remove ok, leave SEPT_TREE" },
    change: (step) => ({ steps: [{ ...step, effects: [...step.effects, ...step.effects] }] }),
    finds: "range of SEPT_TREE.shared",
    steps: 20,
  },
  {
    what: "TDH.MEM.RANGE.BLOCK leaves the entry as it was",
    model: KICK,
    where: { label: "block body", note: "the page is blocked in this epoch" },
    change: forgets("entry.state"),
    finds: "a removal never fails",
    steps: 22,
  },
  {
    what: "TDH.MEM.RANGE.BLOCK does not note the epoch",
    model: INSIDE,
    where: { label: "block body", note: "the page is blocked in this epoch" },
    change: forgets("blockedAge"),
    finds: STAYED,
    steps: 18,
  },
  {
    what: "accept leaves the entry locked",
    model: KICK,
    where: { label: "accept body", action: "release", next: "guest" },
    change: forgets("entry.locked"),
    finds: "a removal never fails",
    steps: 20,
  },
  {
    what: "a vCPU does not look whether entry is barred",
    model: KICK,
    where: { label: "marked", note: "entry is not barred" },
    change: unguarded,
    finds: "a removal never fails",
    steps: 14,
  },
  {
    what: "the kick does not wait",
    model: KICK,
    where: { process: "remover", label: "kick send wait" },
    change: unguarded,
    finds: "a removal never fails",
    steps: 14,
  },
  {
    what: "the bar is lifted when the kick is done",
    model: KICK,
    where: { process: "remover", label: "kick send wait" },
    change: also(L.set(flag("barred"), false)),
    finds: "a removal never fails",
    steps: 14,
  },
  {
    what: "after a BUSY entry is not barred",
    model: KICK_ON_BUSY,
    where: { process: "remover", note: "entry is barred" },
    change: forgets("barred"),
    finds: "a removal never fails",
    steps: 25,
  },
  {
    what: "a fault handler that finds the page mapped keeps mmu_lock",
    model: FAULT_IN,
    where: { label: "fault look", action: "release" },
    change: forgets("mmu.readers"),
    finds: "range of mmu.readers",
    steps: 26,
  },
  {
    what: "a mapping does not freeze its SPTE",
    model: MAPPING,
    where: { label: "fault look", next: "aug call" },
    change: forgets("frozen"),
    finds: "a mapping is refused only as busy",
    steps: 27,
  },
  {
    what: "a path of the host ends without giving its locks back",
    model: RUNNING,
    where: { process: "task", next: "idle", action: "effect" },
    change: forgets(...HOST_LOCKS),
    finds: "deadlock",
    steps: 35,
  },
  {
    what: "TDH.PHYMEM.PAGE.RECLAIM does not count the child off",
    model: LIFE,
    where: { leaf: "tdh_phymem_page_reclaim", writes: "TDR.CHLDCNT" },
    change: forgets("TDR.CHLDCNT"),
    finds: "a life in order never fails",
    steps: 789,
  },
  {
    what: "TDH.MNG.KEY.FREEID leaves the TD alive",
    model: LIFE,
    where: { leaf: "tdh_mng_key_freeid", writes: "KOT.STATE" },
    change: forgets("TDR.LIFECYCLE_STATE"),
    finds: "a free HKID is used by no TD",
    steps: 606,
  },
];

const name = (fault: Fault) => [fault.what, fault] as const;
describe.each([
  ["locks", LOCK_FAULTS],
  ["calls", CALL_FAULTS],
])("%s", (_, faults) => {
  test.each(faults.map(name))("%s", (_, { model, where, change, finds, steps }) => {
    expect(found(model)).not.toContain(finds);
    const { violations } = check(mutated(model, where, change));
    const violation = violations.find(({ property }) => property === finds);
    expect(violation?.trace.steps.length).toBe(steps);
  });
});

/** What is violated in a model without a fault; each is checked once. */
function found(model: L.Model): readonly string[] {
  const known = sound.get(model) ?? check(model).violations.map(({ property }) => property);
  sound.set(model, known);
  return known;
}
const sound = new Map<L.Model, readonly string[]>();

describe("what the checker cannot see", () => {
  test.each([SHAREX, HOSTS, SEPT, MUTEX, BIT])(
    "a sanity check that is left out: it speaks of callers, and these make no mistake",
    (model) => {
      const without = mutated(model, { result: "halt" }, missing);
      expect(check(without).violations).toEqual([]);
      expect(check(without, { noReduction: true }).states).toBe(check(model, { noReduction: true }).states);
    },
  );

  test("… until a caller makes one: then a promise is broken instead", () => {
    const twice = mutated(
      SHAREX,
      { leaf: "release_sharex_lock_ex", ...RELEASED_EXCLUSIVE },
      goingTo("holds EXCLUSIVE"),
    );
    const without = mutated(twice, { result: "halt" }, missing);
    expect(check(without).violations.map(({ property }) => property)).toContain("no reader beside a writer");
  });

  test("at call level, an exclusive lock of the SEPT tree that is taken and given back shared: the entry's own lock orders what the calls do", () => {
    const shared: L.IntRef = { op: "var", sort: "int", name: "SEPT_TREE.shared", index: null };
    const exclusive = flag("SEPT_TREE.exclusive");
    const leaf = "tdh_mem_range_block";
    const taken = mutated(KICK_ON_BUSY, { leaf, label: "block call", result: "ok" }, (step) => ({
      steps: [{ ...step, guard: L.not(exclusive), effects: [L.inc(shared)] }],
    }));
    const free = mutated(taken, { leaf, label: "block call", result: L.BUSY }, when(exclusive));
    const given = ["ok", "busy", "refused"].reduce(
      (now, returned) => mutated(now, { leaf, label: `block ${returned}, leave SEPT_TREE` }, doing([L.dec(shared)])),
      free,
    );
    expect(check(given).violations).toEqual([]);
  });
});
