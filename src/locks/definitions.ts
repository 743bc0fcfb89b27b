/**
 * Every lock primitive, once.
 *
 * Source: `src/common/helpers/tdx_locks.h`. The primitives of sharex, sharex_hp, SEPT entry and mutex locks are the same instructions in
 * every release from 1.5.01 to 1.5.25 (1.0 has sharex and mutex only, the same ones). The bit lock is that of migration streams,
 * `migsc_lock` and `migsc_unlock` of `common/helpers/migration.h`, in every release from 1.5.01 on. `release_bit_lock` of tdx_locks.h
 * (from 1.5.13, 32 bits, sanity check 18) is called nowhere in the public source and is left out.
 */
import { and, bool, eq, not, or } from "../language/index.ts";
import { type Branch, type LockKind, old, oldWas, type Primitive, type Step, type WordLayout } from "./primitive.ts";

const ALWAYS = bool(true);
const then = (to: Branch["to"]): Branch => ({ when: ALWAYS, to });
const halt = (check: number, when: Branch["when"] = ALWAYS): Branch => ({ when, to: "halt", check });

/** The word layouts; a counter may be made narrower, for small state spaces. */
export function layoutOf(kind: LockKind, counterBits?: number): WordLayout {
  switch (kind) {
    case "sharex":
      return {
        bits: 16,
        fields: [
          { name: "exclusive", lsb: 0, width: 1 },
          { name: "counter", lsb: 1, width: counterBits ?? 15 },
        ],
      };
    case "sharex_hp":
      return {
        bits: 16,
        fields: [
          { name: "exclusive", lsb: 0, width: 1 },
          { name: "hp", lsb: 1, width: 1 },
          { name: "counter", lsb: 2, width: counterBits ?? 14 },
        ],
      };
    case "sept_entry":
      // `state` stands for what the entry is about; here one bit of it, SEPT_ENTRY_TDB.
      return {
        bits: 64,
        fields: [
          { name: "exclusive", lsb: 11, width: 1 },
          { name: "hp", lsb: 52, width: 1 },
          { name: "state", lsb: 55, width: 1 },
        ],
      };
    case "mutex":
      return { bits: 8, fields: [{ name: "exclusive", lsb: 0, width: 8 }] };
    case "bit":
      return { bits: 64, fields: [{ name: "exclusive", lsb: 0, width: 1 }] };
  }
}

const FREE = {};
const TAKEN = { exclusive: 1 };

const mutex = (): Primitive[] => [
  {
    kind: "mutex",
    name: "acquire_mutex_lock",
    operation: "acquire",
    mode: "EXCLUSIVE",
    side: null,
    steps: [
      {
        instruction: { op: "cmpxchg", expected: FREE, desired: TAKEN },
        branches: [{ when: eq(old("exclusive"), 0), to: "success" }, then("busy")],
      },
    ],
  },
  {
    kind: "mutex",
    name: "release_mutex_lock",
    operation: "release",
    mode: "EXCLUSIVE",
    side: null,
    steps: [
      {
        instruction: { op: "cmpxchg", expected: TAKEN, desired: FREE },
        branches: [halt(0, not(eq(old("exclusive"), 1))), then("success")],
      },
    ],
  },
];

function sharex(layout: WordLayout): Primitive[] {
  const full = fullCounter(layout);
  const taken = eq(old("exclusive"), 1);
  const make = (
    name: string,
    operation: Primitive["operation"],
    mode: Primitive["mode"],
    ...steps: Step[]
  ): Primitive => ({ kind: "sharex", name, operation, mode, side: null, steps });
  return [
    make("acquire_sharex_lock_sh", "acquire", "SHARED", {
      instruction: { op: "xadd", field: "counter", by: 1 },
      branches: [halt(1, and(not(taken), eq(old("counter"), full))), { when: taken, to: "busy" }, then("success")],
    }),
    make("acquire_sharex_lock_ex", "acquire", "EXCLUSIVE", {
      instruction: { op: "cmpxchg", expected: FREE, desired: TAKEN },
      branches: [{ when: oldWas(layout, FREE), to: "success" }, then("busy")],
    }),
    make("release_sharex_lock_sh", "release", "SHARED", {
      instruction: { op: "xadd", field: "counter", by: -1 },
      branches: [halt(3, or(taken, eq(old("counter"), 0))), then("success")],
    }),
    make("release_sharex_lock_ex", "release", "EXCLUSIVE", {
      instruction: { op: "xchg", value: FREE },
      branches: [halt(4, not(taken)), then("success")],
    }),
    make("promote_sharex_lock", "promote", "EXCLUSIVE", {
      instruction: { op: "cmpxchg", expected: { counter: 1 }, desired: TAKEN },
      branches: [
        halt(6, or(taken, oldWas(layout, FREE))),
        { when: eq(old("counter"), 1), to: "success" },
        then("busy"),
      ],
    }),
    make("demote_sharex_lock", "demote", "SHARED", {
      instruction: { op: "xchg", value: { counter: 1 } },
      branches: [halt(7, not(taken)), then("success")],
    }),
  ];
}

function fullCounter(layout: WordLayout): number {
  const counter = layout.fields.find(({ name }) => name === "counter");
  return 2 ** (counter?.width ?? 0) - 1;
}

function septEntry(): Primitive[] {
  const taken = eq(old("exclusive"), 1);
  const acquire = (side: "host" | "guest", ...steps: Step[]): Primitive => ({
    kind: "sept_entry",
    name: `sept_lock_acquire_${side}`,
    operation: "acquire",
    mode: "EXCLUSIVE",
    side,
    steps,
  });
  const lock = { op: "bts", field: "exclusive" } as const;
  return [
    acquire(
      "host",
      { instruction: lock, branches: [{ when: taken, to: 1 }, then(2)] },
      { instruction: { op: "bts", field: "hp" }, branches: [then("busy")] },
      { instruction: { op: "btr", field: "hp" }, branches: [then("success")] },
    ),
    acquire(
      "guest",
      { instruction: lock, branches: [{ when: taken, to: "busy" }, then(1)] },
      { instruction: { op: "read" }, branches: [{ when: eq(old("hp"), 1), to: 2 }, then("success")] },
      { instruction: { op: "btr", field: "exclusive" }, branches: [then("busy-host-priority")] },
    ),
    {
      kind: "sept_entry",
      name: "sept_lock_release",
      operation: "release",
      mode: "EXCLUSIVE",
      side: null,
      steps: [
        { instruction: { op: "read" }, branches: [halt(8, not(taken)), then(1)] },
        { instruction: { op: "btr", field: "exclusive" }, branches: [then("success")] },
      ],
    },
  ];
}

function sharexHp(layout: WordLayout): Primitive[] {
  const full = eq(old("counter"), fullCounter(layout));
  const taken = eq(old("exclusive"), 1);
  const priority = eq(old("hp"), 1);
  const free = oldWas(layout, FREE);
  const onlyPriority = oldWas(layout, { hp: 1 });
  const reader = { counter: 1 };
  const lastReader = { counter: 1, hp: 1 };
  const clearPriority = { op: "and", keep: ["exclusive", "counter"] } as const;
  const setPriority: Step = { instruction: { op: "or", field: "hp" }, branches: [then("busy")] };
  const enter = { op: "xadd", field: "counter", by: 1 } as const;
  const make = (
    name: string,
    operation: Primitive["operation"],
    mode: Primitive["mode"],
    side: Primitive["side"],
    ...steps: Step[]
  ): Primitive => ({ kind: "sharex_hp", name, operation, mode, side, steps });
  return [
    make(
      "acquire_sharex_lock_hp_sh",
      "acquire",
      "SHARED",
      "guest",
      {
        instruction: enter,
        branches: [{ when: priority, to: 1 }, { when: taken, to: "busy" }, halt(10, full), then("success")],
      },
      { instruction: { op: "xadd", field: "counter", by: -1 }, branches: [then("busy-host-priority")] },
    ),
    make(
      "acquire_sharex_lock_hp_sh",
      "acquire",
      "SHARED",
      "host",
      {
        instruction: enter,
        branches: [
          { when: taken, to: 1 },
          { when: and(priority, full), to: 3 },
          { when: priority, to: 2 },
          halt(11, full),
          then("success"),
        ],
      },
      setPriority,
      { instruction: clearPriority, branches: [then("success")] },
      { instruction: clearPriority, branches: [halt(11)] },
    ),
    make("acquire_sharex_lock_hp_ex", "acquire", "EXCLUSIVE", "guest", {
      instruction: { op: "cmpxchg", expected: FREE, desired: TAKEN },
      branches: [{ when: free, to: "success" }, { when: onlyPriority, to: "busy-host-priority" }, then("busy")],
    }),
    make(
      "acquire_sharex_lock_hp_ex",
      "acquire",
      "EXCLUSIVE",
      "host",
      {
        instruction: { op: "cmpxchg", expected: FREE, desired: TAKEN },
        branches: [{ when: free, to: "success" }, { when: onlyPriority, to: 1 }, then(2)],
      },
      {
        instruction: { op: "cmpxchg", expected: { hp: 1 }, desired: TAKEN },
        branches: [{ when: onlyPriority, to: "success" }, then("busy")],
      },
      setPriority,
    ),
    make("release_sharex_lock_hp_sh", "release", "SHARED", null, {
      instruction: { op: "xadd", field: "counter", by: -1 },
      branches: [halt(13, or(taken, eq(old("counter"), 0))), then("success")],
    }),
    make(
      "release_sharex_lock_hp_ex",
      "release",
      "EXCLUSIVE",
      null,
      { instruction: { op: "read" }, branches: [halt(14, not(taken)), then(1)] },
      { instruction: { op: "and", keep: ["hp"] }, branches: [then("success")] },
    ),
    make(
      "promote_sharex_lock_hp",
      "promote",
      "EXCLUSIVE",
      null,
      {
        instruction: { op: "cmpxchg", expected: reader, desired: TAKEN },
        branches: [
          halt(16, or(taken, free)),
          { when: oldWas(layout, reader), to: "success" },
          { when: oldWas(layout, lastReader), to: 1 },
          then(2),
        ],
      },
      {
        instruction: { op: "cmpxchg", expected: lastReader, desired: TAKEN },
        branches: [halt(17, or(taken, free)), { when: oldWas(layout, lastReader), to: "success" }, then("busy")],
      },
      setPriority,
    ),
  ];
}

/** The bit lock of migration streams: bit 0 (MIGSC_LINK_LOCK_BIT) of the link to the MIGSC page; the other bits are the link. */
function bit(): Primitive[] {
  const taken = eq(old("exclusive"), 1);
  const make = (name: string, operation: Primitive["operation"], ...steps: Step[]): Primitive => ({
    kind: "bit",
    name,
    operation,
    mode: "EXCLUSIVE",
    side: null,
    steps,
  });
  return [
    make("migsc_lock", "acquire", {
      instruction: { op: "bts", field: "exclusive" },
      branches: [{ when: taken, to: "busy" }, then("success")],
    }),
    make("migsc_unlock", "release", {
      instruction: { op: "btr", field: "exclusive" },
      branches: [halt(9, not(taken)), then("success")],
    }),
  ];
}

/** All primitives of a lock kind, over a layout of its words. */
export function primitivesOf(kind: LockKind, layout: WordLayout = layoutOf(kind)): readonly Primitive[] {
  switch (kind) {
    case "sharex":
      return sharex(layout);
    case "sharex_hp":
      return sharexHp(layout);
    case "sept_entry":
      return septEntry();
    case "mutex":
      return mutex();
    case "bit":
      return bit();
  }
}

/** The primitive for an operation, as one side performs it. */
export function primitive(
  kind: LockKind,
  operation: Primitive["operation"],
  mode: Primitive["mode"],
  side: "host" | "guest",
  layout?: WordLayout,
): Primitive {
  const found = primitivesOf(kind, layout).find(
    (p) => p.operation === operation && p.mode === mode && (p.side === null || p.side === side),
  );
  if (found === undefined) throw new Error(`${kind} has no ${operation} ${mode} for the ${side}`);
  return found;
}
