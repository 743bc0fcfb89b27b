/** Thousands of relatives of the pasted cases say what the cases say. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { logReader } from "../../src/analysis/index.ts";
import { moduleNamed } from "../host/profile.ts";
import { CHANGES, randomOf } from "./explain-relatives.ts";

interface Case {
  readonly id: string;
  readonly text: string;
  readonly expected: { readonly statuses: number };
}

const cases = JSON.parse(readFileSync("test/analysis/explain-data/cases.json", "utf8")) as readonly Case[];
const catalog = moduleNamed("1.5.25");

/** What a text says, as far as its relatives must say the same. */
function reading(text: string): unknown {
  const reader = logReader([catalog]);
  for (const line of text.split(/\r?\n/)) reader.push(line);
  return reader.result().groups.map(({ found }) => ({
    status: found.status === null ? null : found.status.toString(16),
    giver: found.giver,
    leaf: found.call?.leaf ?? found.call?.loader ?? null,
    cut: found.cut,
  }));
}

const SEEDS = 36;

/** A change of a change, so that kinds meet: quoted and wrapped, prefixed and in decimal. */
function relatives(text: string): Map<string, string> {
  const found = new Map<string, string>();
  const names = Object.keys(CHANGES);
  for (const [i, name] of names.entries()) {
    for (let seed = 0; seed < SEEDS; seed++) {
      const random = randomOf(seed * 1000 + i);
      const once = CHANGES[name]?.(text, random) ?? null;
      if (once === null) continue;
      found.set(once, name);
      const second = names[random(names.length)] as string;
      // What is wrapped or stamped line by line is not changed by what stands between lines or numbers any more.
      if (["prefixed", "wrapped", "cutLines", "repeated", "between"].includes(name)) continue;
      const twice = CHANGES[second]?.(once, random) ?? null;
      if (twice !== null) found.set(twice, `${name}, ${second}`);
    }
  }
  return found;
}

let tried = 0;

describe.each(cases)("$id", ({ text }) => {
  test("all relatives", () => {
    const expected = reading(text);
    const wrong: string[] = [];
    for (const [relative, change] of relatives(text)) {
      tried++;
      if (JSON.stringify(reading(relative)) !== JSON.stringify(expected)) {
        wrong.push(`${change}: ${relative}\n=> ${JSON.stringify(reading(relative))}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

test("at least 10,000 of them were tried", () => {
  expect(tried).toBeGreaterThanOrEqual(10_000);
});
