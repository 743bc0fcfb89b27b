/** Pages of docs/ that a command makes, and that can be made again in a moment: each is what its command would make now. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { conclusionsDoc, OUT } from "../../scripts/make-conclusions.ts";
import { shownDoc } from "../../scripts/make-shown-doc.ts";
import { wrapDoc } from "../../scripts/make-wrap-doc.ts";

const PAGES: readonly (readonly [file: string, command: string, make: () => Promise<string>])[] = [
  [OUT, "conclusions", () => conclusionsDoc(readFileSync("docs/conclusions-notes.md", "utf8"))],
  ["docs/shown.md", "shown-doc", shownDoc],
  ["docs/counter-wrap.md", "wrap-doc", wrapDoc],
];

describe("a page that a command makes", () => {
  it.each(PAGES)("%s is what `npm run %s` makes", async (file, _, make) => {
    expect(await make()).toBe(readFileSync(file, "utf8"));
  });
});
