/** Random small models with a property of liveness: fair to some or to all, of one instance or of all alike. */
import fc from "fast-check";
import type { LeadsTo } from "../../src/check/liveness.ts";
import * as L from "../../src/language/index.ts";
import { anyAlike } from "./random-alike.ts";
import { modelOf } from "./random-model.ts";

/** What a question is asked of; every other time `modelOf` begins so that there are three instances of one type. */
const anyBase = fc.oneof(
  fc
    .tuple(fc.boolean(), fc.array(fc.nat(1000), { minLength: 20, maxLength: 90 }))
    .map(([three, numbers]) => modelOf(three ? [1, 0, ...numbers] : numbers)),
  anyAlike(),
);

const fairness = fc.array(
  fc.tuple(fc.boolean(), fc.nat(1), fc.option(fc.constantFrom("l0", "l1")), fc.option(fc.nat(1))),
  { maxLength: 3 },
);

const at = (label: string): L.BoolExpr => ({
  op: "at",
  sort: "bool",
  process: "p0",
  instance: L.int(0),
  labels: [label],
});

/** Of all instances alike, so that they may be sorted. */
const some = (size: number, any: boolean, label = "l1"): L.BoolExpr => ({
  op: any ? "exists" : "forall",
  sort: "bool",
  param: "i",
  over: "p0",
  size,
  body: {
    op: "at",
    sort: "bool",
    process: "p0",
    instance: { op: "param", sort: "int", name: "i" },
    labels: [label],
  },
});

/** A model, and its one property. */
export const anyQuestion = fc
  .tuple(anyBase, fairness, fc.boolean(), fc.nat(5))
  .map(([base, fair, driven, goal]) => {
    // Labels may be folded where everybody is made to go on.
    const everybody = (driven ? base.processes : []).map(
      ({ name }): L.Fairness => ({ strength: "weak", process: name, instance: null, labels: null }),
    );
    const chosen = fair.map(([strong, process, label, instance]): L.Fairness => {
      const { name, count } = base.processes[process % base.processes.length] as L.ProcessType;
      return {
        strength: strong ? "strong" : "weak",
        process: name,
        instance: instance === null ? null : instance % count,
        labels: label === null ? null : [label],
      };
    });
    const size = base.processes[0]?.count ?? 0;
    const property: LeadsTo = {
      kind: "leads-to",
      name: "live",
      from: goal < 2 || goal > 4 ? L.bool(true) : goal === 4 ? some(size, true, "l0") : at("l0"),
      to:
        goal > 3
          ? some(size, goal === 4)
          : goal % 2 === 0
            ? at("l1")
            : L.and(at("l1"), { op: "var", sort: "bool", name: "flag", index: null }),
      fairness: [...everybody, ...chosen],
    };
    const model: L.Model = { ...base, properties: [property] };
    return { model, property };
  })
  .filter(({ model }) => L.problems(model).length === 0);
