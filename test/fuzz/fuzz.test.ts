/** A few strange inputs for every reader; `npm run fuzz` goes on from here for as long as it is let. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mutateText, mutateValue } from "../../scripts/fuzz/mutate.ts";
import { TARGETS } from "../../scripts/fuzz/targets.ts";
import { bear, faultOf, runHere } from "../../scripts/fuzz/worker.ts";
import { random } from "../../scripts/ordeal/program.ts";

const HOME = process.cwd();
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "seamlock-fuzz-test-"));
  process.chdir(folder);
});
afterEach(() => {
  process.chdir(HOME);
  rmSync(folder, { recursive: true, force: true });
});

/** Inputs that cost little get more of them. */
const COUNTS: Readonly<Record<string, number>> = { words: 8, overrides: 8, kernel: 1, rules: 1, recording: 1 };

describe("no reader is ended, or left without a reason, by strange input", () => {
  it.each(Object.keys(TARGETS))("%s", { timeout: 120_000 }, async (name) => {
    const faults: string[] = [];
    const make = await TARGETS[name]?.prepare(folder, async (args) => (await runHere(args)).out);
    for (let number = 0; number < (COUNTS[name] ?? 2); number++)
      await bear(make?.(random(77 + number)) ?? { files: {}, commands: [] }, (command, fault) =>
        faults.push(`${command.join(" ")}: ${fault}`),
      );
    expect(faults).toEqual([]);
  });
});

describe("what counts as a fault", () => {
  it.each([
    [0, "", "", null],
    [2, "", "error[SL2001]: no such thing", null],
    [4, "", "", "exit status 4"],
    [2, "", "", "refused without a reason: "],
    [2, "", "error[SL0001]: this is a bug", "error[SL0001]: this is a bug"],
    [0, "a\u001b[2Jb", "", "control characters in the output"],
    [0, "", "a\u0007", "control characters in messages"],
  ])("status %i, %j and %j", (status, out, err, fault) => {
    expect(faultOf(status, out, err)).toBe(fault);
  });
});

describe("changes", () => {
  it("are made again by the same seed", () => {
    const twice = [1, 2].map(() => {
      const draw = random(5);
      return Array.from({ length: 50 }, () => mutateText("a: 1\nb: [two, 3]\n", draw, ["x"], "other"));
    });
    expect(twice[0]).toEqual(twice[1]);
    expect(new Set(twice[0]).size).toBeGreaterThan(40);
  });

  it("leave the value that they are made of as it was, and are many", () => {
    const value = { a: [1, { b: "two" }], c: true };
    const draw = random(5);
    const made = Array.from({ length: 50 }, () => JSON.stringify(mutateValue(value, draw)));
    expect(value).toEqual({ a: [1, { b: "two" }], c: true });
    expect(new Set(made).size).toBeGreaterThan(25);
  });
});
