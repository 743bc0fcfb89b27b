import { defineConfig } from "tsdown";

/**
 * One build with two entries, so that the command line and the library share their chunks. What is imported with `import()` becomes a
 * chunk of its own: a verb's code is read from disk only when that verb runs.
 */
export default defineConfig({
  entry: { cli: "src/cli/main.ts", index: "src/index.ts" },
  format: "esm",
  platform: "node",
  target: "node20.19",
  fixedExtension: false,
  hash: false,
  dts: true,
  clean: true,
  // Comments cost parse time at start-up; names stay, so that a stack trace in a bug report can be read.
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  deps: { neverBundle: ["web-tree-sitter"] },
});
