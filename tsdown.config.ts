import { defineConfig } from "tsdown";
import { thirdPartyNotice } from "./scripts/third-party.ts";
import { engineDigest } from "./src/cli/engine.ts";

/**
 * One build with several entries, so that the command line and the library share their chunks. What is imported with `import()`
 * becomes a chunk of its own: a verb's code is read from disk only when that verb runs.
 */
export default defineConfig({
  // The extractor reads files, so it stands apart from the rest of the library, which also runs in a browser.
  entry: {
    cli: "src/cli/main.ts",
    index: "src/index.ts",
    extract: "src/module/index.ts",
    "extract-worker": "src/module/worker.ts",
    "check-worker": "src/cli/check-worker.ts",
    "simulate-worker": "src/cli/simulate-worker.ts",
  },
  format: "esm",
  platform: "node",
  target: "node20.19",
  fixedExtension: false,
  hash: false,
  dts: true,
  define: { SEAMLOCK_ENGINE: JSON.stringify(engineDigest("src")) },
  clean: true,
  // Comments cost parse time at start-up; names stay, so that a stack trace in a bug report can be read.
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  // The CommonJS form of some libraries loads its parts by names that no bundle has.
  inputOptions: { resolve: { mainFields: ["module", "main"] } },
  plugins: [
    {
      name: "third-party-notice",
      generateBundle(_options, bundle) {
        const chunks = Object.values(bundle).filter((output) => output.type === "chunk");
        const source = thirdPartyNotice(chunks.flatMap((chunk) => chunk.moduleIds));
        this.emitFile({ type: "asset", fileName: "THIRD-PARTY.txt", source });
      },
    },
  ],
});
