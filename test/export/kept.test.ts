import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { keptAnswer, pathDigest } from "../../scripts/kept.ts";

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-kept-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("an answer is kept for its question and whoever gives it", async () => {
  const folder = join(temporaryFolder(), "kept");
  let asked = 0;
  const ask = (question: string, peer: string) => keptAnswer(folder, "peer", [question, peer], async () => ++asked);
  expect(await ask("a", "one")).toBe(1);
  expect(await ask("a", "one")).toBe(1);
  expect(await ask("b", "one")).toBe(2);
  expect(await ask("a", "two")).toBe(3);
  expect(await ask("a", "one")).toBe(1);
});

test("a program on a path is known by all its files, and not by where it lies", () => {
  const made = (content: string): string => {
    const root = temporaryFolder();
    mkdirSync(join(root, "classes", "deep"), { recursive: true });
    writeFileSync(join(root, "classes", "deep", "Main.class"), content);
    writeFileSync(join(root, "lib.jar"), "a library");
    return [join(root, "classes"), join(root, "lib.jar")].join(delimiter);
  };
  expect(pathDigest(made("one"))).toBe(pathDigest(made("one")));
  expect(pathDigest(made("one"))).not.toBe(pathDigest(made("two")));
  expect(pathDigest(made("one"))).not.toBe(pathDigest(`${made("one")}${delimiter}${temporaryFolder()}`));
});
