/** A tree that is not whole: what is missing is named, before anything is said that rests on it. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { copyOfFixture, edit, extract, FIXTURE, newFile } from "./mutate.ts";

describe("a header that is included and not there", () => {
  const said = async (...edits: Parameters<typeof copyOfFixture>[0] & {}): Promise<readonly string[]> =>
    (await extract(copyOfFixture(edits))).diagnostics
      .filter(({ code }) => code === "SL1057")
      .map(({ severity, message, file, line }) => `${severity} ${file}:${line} ${message}`);

  it("is told once, with the first place of what leaves run", async () => {
    const included = '#include "../auto_gen/gone.h"\n';
    expect(await said(newFile("src/common/a.h", `\n${included}`), newFile("src/common/b.h", included))).toEqual([
      "warning src/common/a.h:2 auto_gen/gone.h is included and not in the tree: what it defines is not known",
    ]);
    expect((await extract(FIXTURE)).diagnostics.filter(({ code }) => code === "SL1057")).toEqual([]);
  });

  it("is nothing where no leaf runs what the file has, in a branch that is left out, and of a library that locks nothing", async () => {
    const gone = '#include "gone.h"\n';
    expect(await said(newFile("src/tool.c", `${gone}int main(void)\n{\n    return 0;\n}\n`))).toEqual([]);
    expect(await said(newFile("src/common/a.h", `#ifdef NOT_HERE\n${gone}#endif\n// ${gone}`))).toEqual([]);
    expect(
      await said(newFile("src/common/a.h", '#include "ippcp.h"\n#include <gone.h>\n#include "types.h"\n')),
    ).toEqual([]);
  });

  it("is told of a source file with something that leaves run", async () => {
    const tree = copyOfFixture();
    rmSync(join(tree, "src/common/locks.h"));
    const found = (await extract(tree)).diagnostics.filter(({ code }) => code === "SL1057");
    expect(found.map(({ file, line, message }) => `${file}:${line} ${message.split(" ")[0]}`)).toEqual([
      "src/common/helpers.c:1 locks.h",
    ]);
  });
});

describe("a tree without the statuses of its leaves", () => {
  const without = (...files: readonly string[]) => {
    const includes = files.map((file) => newFile(`src/common/${file}.h`, `#include "auto_gen/${file}_defs.h"\n`));
    return copyOfFixture([...includes, edit("include/api_defs.h", "TDX_OPERAND_BUSY   ", "TDX_OPERAND_BUZY   ")]);
  };
  const fault = async (tree: string) => {
    try {
      await extract(tree);
      return null;
    } catch (error) {
      const { code, message, hint } = error as { code: string; message: string; hint: string };
      return [code, message.replace(tree, "TREE"), hint];
    }
  };

  it("is refused, and what it lacks is named", async () => {
    expect(await fault(without("a", "b", "c", "d", "e"))).toEqual([
      "SL1058",
      "TREE does not define TDX_OPERAND_BUSY, or not as one number",
      "the tree is not whole: its files include auto_gen/a_defs.h, auto_gen/b_defs.h, auto_gen/c_defs.h and 2 more, which it does not have",
    ]);
    expect((await fault(without("a", "b", "c", "d")))?.[2]).toContain(" auto_gen/c_defs.h, auto_gen/d_defs.h, which");
    expect((await fault(without()))?.[2]).toBe("give the root of the whole tree, with all of its headers");
  });
});
