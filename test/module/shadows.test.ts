/** A name that a block declares again is one variable to the engine, not two: told where what it is outside is used later. */
import { expect, it } from "vitest";
import { hostLeaf, LOCKS_EPOCH, said, smallTree } from "./small-tree.ts";

const leaf = (body: string): string =>
  hostLeaf(`${body}\n${LOCKS_EPOCH}\nreturn_val = TDX_SUCCESS;\nEXIT:\nreturn return_val;`);

/** The names that are told, each at the line that says AGAIN. */
async function told(body: string): Promise<string[]> {
  const { catalog, at } = await smallTree(leaf(body));
  const errors = catalog.diagnostics.filter(({ code, message }) => code === "SL1020" && message.includes("again"));
  for (const line of said(errors)) expect(line).toContain(at("AGAIN"));
  return errors.map(({ message }) => message.split(" ")[0] ?? "");
}

it.each([
  ["used after the block", "uint64_t x = gpa; { uint64_t x = 1; note(x); } /* AGAIN */\nif (x == 5) note(1);", ["x"]],
  ["a parameter", "if (flags) { uint64_t gpa = 1; note(gpa); } /* AGAIN */\nnote(gpa);", ["gpa"]],
  ["of a loop's head", "uint64_t i = gpa; for (uint64_t i = 0; i < 3; i++) { note(i); } /* AGAIN */\nnote(i);", ["i"]],
  [
    "used in the next round of a loop",
    "uint64_t x = gpa; for (int i = 0; i < 3; i++) { note(x);\nuint64_t x = 1; /* AGAIN */ note(x); }",
    ["x"],
  ],
  [
    "in a case of a switch",
    "uint64_t x = gpa; switch (flags) { case 1: { uint64_t x = 1; note(x); break; } default: break; } /* AGAIN */\nnote(x);",
    ["x"],
  ],
  ["not used any more", "uint64_t x = gpa; note(x); { uint64_t x = 1; note(x); }", []],
  [
    "used before the loop only",
    "uint64_t x = gpa; note(x); for (int i = 0; i < 3; i++) { uint64_t x = 1; note(x); }",
    [],
  ],
  ["of blocks beside each other", "{ uint64_t x = gpa; note(x); } { uint64_t x = 1; note(x); }", []],
  [
    "of loops one after the other",
    "for (int i = 0; i < 3; i++) { note(i); } for (int i = 0; i < 3; i++) { note(i); }",
    [],
  ],
  [
    "of a variable of a loop's body",
    "for (int i = 0; i < 3; i++) { uint64_t x = gpa; note(x); { uint64_t x = 1; note(x); } }",
    [],
  ],
])("%s", async (_, body, names) => {
  expect(await told(body)).toEqual(names);
});
