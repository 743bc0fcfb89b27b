/** Where ways of a function meet, what is still read, and what an episode keeps. */
import { describe, expect, test } from "vitest";
import type { Expr } from "../../src/c/index.ts";
import type { Code, Instruction } from "../../src/kernel/code.ts";
import { afterEvent, areKeptOut, arrived, changed, decided, episodeOf, withMember } from "../../src/kernel/episode.ts";
import { Flow } from "../../src/kernel/flow.ts";
import {
  binaryValue,
  constantOf,
  marked,
  number,
  POSITIVE,
  TOP,
  truthOf,
  unaryValue,
} from "../../src/kernel/values.ts";

const line = 1;
const name = (text: string): Expr => ({ kind: "name", name: text, line });
const assign = (to: string, value: Expr): Instruction => ({ op: "assign", to: name(to), value, line });
const branch = (test: string, no: number): Instruction => ({ op: "branch", test: name(test), no, line });
const give = (value: string): Instruction => ({ op: "return", value: name(value), line });

function flowOf(...instructions: Instruction[]): Flow {
  const code: Code = {
    name: "f",
    file: "f.c",
    line,
    instructions,
    parameters: [],
    type: "int",
    types: new Map(),
    lost: [],
  };
  return new Flow(code);
}

describe("the flow of a function", () => {
  // if (a) r = x; else if (b) return y; return r;
  const flow = flowOf(
    branch("a", 3),
    assign("r", name("x")),
    { op: "jump", to: 5, line },
    branch("b", 5),
    give("y"),
    give("r"),
  );

  test("says where ways come together, and that some do only at the end", () => {
    expect(flow.meetingOf(0)).toBe(6);
    expect(flow.meetingOf(3)).toBe(6);
    const both = flowOf(branch("a", 2), assign("r", name("x")), give("r"));
    expect(both.meetingOf(0)).toBe(2);
  });

  test("says what is set between, also by a call that is given its address", () => {
    expect(flow.setAfter(0)).toEqual([name("r")]);
    const arg: Expr = { kind: "unary", op: "&", operand: name("x"), line };
    const given = flowOf(
      branch("a", 2),
      { op: "call", to: "r", callee: name("g"), args: [arg], line, cases: [] },
      give("r"),
    );
    expect(given.setAfter(0)).toEqual([name("r"), name("x")]);
  });

  test("says what is still read", () => {
    expect([flow.isLive("x", 0), flow.isLive("x", 2), flow.isLive("x", 3)]).toEqual([true, false, false]);
    // What was in it before is overwritten on one way only.
    expect([flow.isLive("r", 0), flow.isLive("r", 1)]).toEqual([true, false]);
  });

  test("says whose address a call is given", () => {
    const arg: Expr = { kind: "unary", op: "&", operand: name("x"), line };
    const given = flowOf({ op: "call", to: null, callee: name("g"), args: [arg, name("y")], line, cases: [] });
    expect([given.isPointedTo("x"), given.isPointedTo("y")]).toEqual([true, false]);
  });

  test("of a loop without an end comes to the end of the function", () => {
    expect(flowOf(branch("a", 0), { op: "jump", to: 0, line }, give("r")).meetingOf(0)).toBe(3);
  });
});

describe("an episode", () => {
  test("tells what was done once, a repeated call each time, and a bug without its warning", () => {
    const done = (...events: string[]): readonly string[] => events.reduce(afterEvent, episodeOf({})).events;
    expect(done("warn", "bug-vm", "warn", "leak", "leak")).toEqual(["bug-vm", "leak"]);
    expect(done("kick", "retry", "retry", "warn")).toEqual(["kick", "retry", "retry", "warn"]);
  });

  test("tells a kick and a bar each time that they change something", () => {
    const done = (...events: string[]): readonly string[] => events.reduce(afterEvent, episodeOf({})).events;
    expect(done("kick", "kick", "bar", "bar", "kick", "kick")).toEqual(["kick", "bar", "kick"]);
    expect(done("bar", "kick", "retry", "unbar", "unbar", "bar")).toEqual(["bar", "kick", "retry", "unbar", "bar"]);
    expect(done("bar", "kick", "unbar", "bar", "warn", "kick", "unbar")).toEqual(["unbar", "warn"]);
    const out = (...events: string[]): boolean => areKeptOut(events);
    expect([out("bar"), out("kick", "bar"), out("bar", "kick"), out("bar", "kick", "unbar")]).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });

  test("leaves a decision where its ways meet, with those within", () => {
    const until = [
      { at: 1, meeting: 9, counted: [] },
      { at: 3, meeting: 5, counted: [] },
    ];
    const episode = episodeOf({ until });
    expect(arrived(episode, 4)).toEqual({ episode, left: [] });
    expect(arrived(episode, 5)).toMatchObject({ episode: { until: [until[0]] }, left: [until[1]] });
    expect(arrived(episode, 9)).toMatchObject({ episode: { until: [] }, left: until });
  });

  test("has a key of all that it is", () => {
    const keys = [{}, { events: ["warn"] }, { isFreed: true }, { isOver: true }, { error: -5n }].map(
      (parts) => changed(episodeOf({}), parts).key,
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("follows what is counted by its sign", () => {
    const one = withMember(episodeOf({}), "a.n", marked(number(1n)));
    expect(constantOf(one.members.get("a.n") ?? TOP)).toBe(1n);
    expect(withMember(one, "a.n", marked(number(2n))).members.get("a.n")).toBe(marked(POSITIVE));
  });
});

describe("the mark of a status", () => {
  const status = marked(number(-16n));

  test("goes on to all that is made of it, and to nothing else", () => {
    expect(binaryValue("==", status, number(-16n)).isMarked).toBe(true);
    expect(truthOf(binaryValue("==", status, number(-16n)))).toEqual({ yes: true, no: false });
    expect(unaryValue("!", status)).toBe(marked(number(0n)));
    expect(binaryValue("+", number(1n), number(2n)).isMarked).toBe(false);
  });

  test("is borne by numbers only", () => {
    expect(decided(number(0n)).isMarked).toBe(true);
    expect(decided(POSITIVE).isMarked).toBe(false);
  });
});
