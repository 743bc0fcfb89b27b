/** A copy of what the rules name of a kernel tree, to be changed. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { bundledKernelRules } from "../../src/kernel/index.ts";
import { applyEdit, type Mutation } from "./mutations.ts";

/** Does something with a copy of a tree, which is gone afterwards. */
export function withCopy<T>(tree: string, action: (copy: string) => T): T {
  const copy = mkdtempSync(join(tmpdir(), "seamlock-kernel-"));
  try {
    const { scope } = bundledKernelRules();
    for (const path of [...scope.folders, ...scope.files, "Makefile"])
      if (existsSync(join(tree, path))) {
        mkdirSync(dirname(join(copy, path)), { recursive: true });
        cpSync(join(tree, path), join(copy, path), { recursive: true });
      }
    return action(copy);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Does something while a copy is changed. */
export function mutated<T>(copy: string, { name, edits }: Pick<Mutation, "name" | "edits">, action: () => T): T {
  const kept = new Map<string, string>();
  try {
    for (const edit of edits) {
      const path = join(copy, edit.file);
      const source = readFileSync(path, "utf8");
      if (!kept.has(path)) kept.set(path, source);
      try {
        writeFileSync(path, applyEdit(source, edit));
      } catch (error) {
        throw new Error(`${name}: ${edit.file}: ${edit.in}: ${(error as Error).message}`);
      }
    }
    return action();
  } finally {
    for (const [path, source] of kept) writeFileSync(path, source);
  }
}
