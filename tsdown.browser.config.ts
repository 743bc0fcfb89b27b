import { defineConfig } from "tsdown";
import { thirdPartyNotice } from "./scripts/third-party.ts";

/** What runs in a browser: one classic script without imports for the page and its workers, so that a file can carry it whole. */
export default (["program.ts"] as const).map((file) => {
  const name = file.replace(/\..*$/, "");
  return defineConfig({
    entry: { [name]: `src/explorer/client/${file}` },
    format: "iife",
    outputOptions: { entryFileNames: `${name}.js` },
    platform: "browser",
    target: "es2022",
    tsconfig: "src/explorer/client/tsconfig.json",
    dts: false,
    clean: false,
    minify: true,
    deps: { alwaysBundle: [/./] },
    plugins: [
      {
        name: "third-party-notice",
        generateBundle(_options, bundle) {
          const chunks = Object.values(bundle).filter((output) => output.type === "chunk");
          const source = thirdPartyNotice(chunks.flatMap((chunk) => chunk.moduleIds));
          this.emitFile({ type: "asset", fileName: `${name}.THIRD-PARTY.txt`, source });
        },
      },
    ],
  });
});
