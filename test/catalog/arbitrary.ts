/** Random catalogs for properties: valid by the schema, otherwise as odd as they come. */
import fc from "fast-check";
import type {
  Acquisition,
  Catalog,
  Condition,
  Leaf,
  LockProgram,
  SeptWriter,
  Site,
  Term,
} from "../../src/catalog/index.ts";
import { RESOURCES, releasePlace } from "../../src/catalog/index.ts";

const text = fc.string({ minLength: 1, maxLength: 60, unit: "binary" });
const name = fc.constantFrom(
  "tdh_a",
  "tdh_b",
  "tdh_mem_c",
  "tdg_d",
  "tdg_mem_e",
  "tdh_a_leaf_with_a_name_that_is_far_too_long_for_any_column",
);
const site: fc.Arbitrary<Site> = fc.record({
  file: text,
  line: fc.nat({ max: 9999 }).map((n) => n + 1),
  function: text,
});
const sites = fc.array(site, { maxLength: 3 });
const status = fc
  .bigInt({ min: 0n, max: (1n << 64n) - 1n })
  .map((n) => `0x${n.toString(16).toUpperCase().padStart(16, "0")}`);
const operand = fc.option(fc.record({ id: text, number: fc.nat() }));
const states = fc.option(fc.uniqueArray(fc.constantFrom("UNINITIALIZED", "INITIALIZED", "RUNNABLE"), { maxLength: 3 }));

const term: fc.Arbitrary<Term> = fc.oneof(
  fc.record({ kind: fc.constant("constant"), name: fc.option(text), value: fc.bigInt().map(String) }),
  fc.record({ kind: fc.constant("memory"), path: fc.array(text, { minLength: 1, maxLength: 3 }), text }),
  fc.record({
    kind: fc.constant("call"),
    function: text,
    arguments: fc.array(fc.record({ kind: fc.constant("computed"), text }), { maxLength: 2 }),
    text,
  }),
);

const test: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({ is: fc.constantFrom("set", "clear"), left: term }),
  fc.record({ is: fc.constantFrom("==", "!=", "<", "<=", ">", ">="), left: term, right: term }),
  fc.record({ is: fc.constantFrom("earlier-checks-pass", "unlisted") }),
  fc.record({ is: fc.constant("stated"), text }),
);
const condition: fc.Arbitrary<Condition> = fc.oneof(
  test,
  fc.record({ is: fc.constantFrom("all", "any"), of: fc.array(test, { minLength: 1, maxLength: 3 }) }),
);

const acquisition: fc.Arbitrary<Acquisition> = fc.record({
  resource: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...RESOURCES) }, { weight: 1, arbitrary: text }),
  role: fc.option(fc.constantFrom("to-add", "to-reclaim", "target"), { nil: null }),
  object: text,
  lock: fc.constantFrom("sharex", "sharex_hp", "sept_entry", "mutex", "bit"),
  mode: fc.constantFrom("SHARED", "EXCLUSIVE", "NO_LOCK"),
  side: fc.constantFrom("host", "guest"),
  when: fc.option(text, { freq: 3 }),
  condition: fc.option(condition, { nil: undefined }),
  times: fc.oneof(fc.constant("1"), text),
  operand,
  busyStatus: fc.option(status),
  hostPriorityStatus: fc.option(status),
  otherStatuses: fc.array(fc.record({ status, operand }), { maxLength: 2 }),
  release: fc.option(
    fc
      .tuple(fc.oneof(fc.constantFrom("leaf-exit", "before-td-entry", "td-exit"), text), sites)
      .map(([at, evidence]) => ({ ...releasePlace(at), evidence })),
  ),
  evidence: sites,
  promotion: fc.option(sites),
});

const leaf: fc.Arbitrary<Leaf> = fc
  .record({
    name,
    number: fc.nat({ max: 200 }),
    handler: site,
    variant: fc.option(fc.constantFrom("read", "write")),
    opStates: states,
    septStates: states,
    acquisitions: fc.array(acquisition, { maxLength: 6 }),
    otherBusy: fc.array(
      fc.record({ status, name: text, object: text, operand, when: fc.option(text), evidence: sites }),
      { maxLength: 1 },
    ),
  })
  .map((l) => ({ ...l, side: l.name.startsWith("tdg") ? "guest" : "host" }));

/** Names and values of a record, without the keys that JavaScript treats in its own way. */
const record = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc.dictionary(fc.stringMatching(/^[A-Z][A-Z_]{0,12}$/), value, { maxKeys: 4, noNullPrototype: true });

const fieldName = fc.constantFrom("exclusive", "hp", "counter");
const fieldValues = fc.oneof(
  fc.constant({}),
  fc.nat().map((hp) => ({ hp })),
);
const program: fc.Arbitrary<LockProgram> = fc.record({
  function: text,
  kind: fc.constantFrom("sharex", "sharex_hp", "sept_entry", "mutex", "bit", "bit_hp"),
  operation: fc.constantFrom("acquire", "release", "promote", "demote"),
  mode: fc.constantFrom("SHARED", "EXCLUSIVE"),
  side: fc.constantFrom("host", "guest", null),
  word: fc.record({
    type: fc.option(text),
    bits: fc.constantFrom(8, 16, 32, 64),
    fields: fc.array(fc.record({ name: fieldName, lsb: fc.nat({ max: 63 }), width: fc.integer({ min: 1, max: 16 }) }), {
      maxLength: 3,
    }),
  }),
  steps: fc.array(
    fc.record({
      instruction: fc.oneof(
        fc.record({ op: fc.constant("xadd" as const), field: fieldName, by: fc.integer() }),
        fc.record({ op: fc.constant("cmpxchg" as const), expected: fieldValues, desired: fieldValues }),
        fc.record({ op: fc.constantFrom("xchg", "write"), value: fieldValues }),
        fc.record({ op: fc.constantFrom("or", "bts"), set: fieldValues }),
        fc.record({ op: fc.constant("btr" as const), clear: fieldValues }),
        fc.record({ op: fc.constant("xor" as const), flip: fieldValues }),
        fc.record({ op: fc.constant("and" as const), keep: fieldValues }),
        fc.constant({ op: "read" as const }),
      ),
      line: fc.integer({ min: 1, max: 9999 }),
      branches: fc.array(
        fc.record({
          when: fc.option(
            fc.array(
              fc.array(
                fc.record({
                  field: fieldName,
                  mask: fc.option(fc.integer({ min: 1, max: 99 })),
                  is: fc.nat({ max: 99 }),
                  not: fc.boolean(),
                }),
                { maxLength: 2 },
              ),
              { maxLength: 2 },
            ),
          ),
          to: fc.oneof(fc.constantFrom("success" as const, "busy" as const, "halt" as const), fc.nat({ max: 9 })),
          check: fc.option(fc.nat({ max: 20 })),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  evidence: site,
});

const source = fc.constantFrom("kept" as const, "earlier" as const, "given" as const, "clear" as const, null);
const writer: fc.Arbitrary<SeptWriter> = fc.record({
  function: text,
  when: fc.option(text),
  steps: fc.array(
    fc.record({
      instruction: fc.constantFrom("read", "cmpxchg", "write"),
      retries: fc.boolean(),
      hostPriority: source,
      lock: source,
      site,
    }),
    { maxLength: 3 },
  ),
  unlocks: fc.boolean(),
  evidence: site,
});

export const anyCatalog: fc.Arbitrary<Catalog> = fc.record({
  schema: fc.constant("seamlock/catalog@1" as const),
  module: fc.record({
    version: text,
    origin: fc.constantFrom("extracted", "published"),
    repository: fc.option(text),
    revision: fc.option(text),
    sourceDigest: fc.constant(`sha256:${"0".repeat(64)}`),
  }),
  leaves: fc.uniqueArray(leaf, { maxLength: 6, selector: (l) => `${l.name} ${l.variant ?? ""}` }),
  locks: fc.array(
    fc.record({
      kind: fc.constantFrom("sharex", "sharex_hp", "sept_entry", "mutex", "bit"),
      type: fc.option(text),
      width: fc.constantFrom(8, 16, 64),
      fields: fc.array(fc.record({ name: text, lsb: fc.nat({ max: 63 }), width: fc.integer({ min: 1, max: 64 }) }), {
        maxLength: 3,
      }),
      primitives: fc.array(
        fc.record({
          function: text,
          operation: fc.constantFrom("acquire", "release", "promote", "demote"),
          mode: fc.constantFrom("SHARED", "EXCLUSIVE", null),
          side: fc.constantFrom("host", "guest", null),
          outcomes: fc.array(text, { maxLength: 3 }),
          atomics: fc.array(text, { maxLength: 2 }),
          setsHostPriority: fc.boolean(),
          evidence: site,
        }),
        { maxLength: 3 },
      ),
    }),
    { maxLength: 2 },
  ),
  primitives: fc.array(program, { maxLength: 2 }),
  writers: fc.array(writer, { maxLength: 2 }),
  behaviours: fc.array(
    fc.record({
      name: text,
      function: text,
      digest: fc.constant(`sha256:${"1".repeat(64)}`),
      variant: fc.option(text),
      evidence: site,
    }),
    { maxLength: 2 },
  ),
  otherAtomics: fc.array(fc.record({ instruction: text, object: text, reason: text, site }), { maxLength: 2 }),
  septEntryBits: record(fc.nat({ max: 63 })),
  opStates: fc.array(text, { maxLength: 3 }),
  septStates: fc.array(text, { maxLength: 3 }),
  statusCodes: record(status),
  operandIds: record(fc.nat()),
  constants: record(fc.integer()),
  coverage: fc.option(
    fc.record({
      sites: fc.nat(),
      visited: fc.nat(),
      explained: fc.array(fc.record({ site, reason: text }), { maxLength: 2 }),
    }),
  ),
  diagnostics: fc.array(
    fc.record({
      code: fc.constantFrom("SL3001", "SL3002"),
      severity: fc.constantFrom("error", "warning", "note"),
      message: text,
      file: fc.option(text),
      line: fc.option(fc.integer({ min: 1, max: 999 })),
    }),
    { maxLength: 2 },
  ),
});
