/** Finds the C grammar: beside the built program, or in the development dependency that it comes from. */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** Path of `tree-sitter-c.wasm`. */
export function grammarPath(): string {
  const shipped = fileURLToPath(new URL("./tree-sitter-c.wasm", import.meta.url));
  return existsSync(shipped) ? shipped : createRequire(import.meta.url).resolve("tree-sitter-c/tree-sitter-c.wasm");
}
